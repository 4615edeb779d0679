//! `convert_units`: length, mass, temperature, time, speed and data.

use super::calculate::{Expr, Sign};
use super::{Outcome, precision};

/// What a unit measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dimension {
    Length,
    Mass,
    Temperature,
    Time,
    Speed,
    Data,
}

use Dimension::{Data, Length, Mass, Speed, Temperature, Time};

/// One unit: a value in it, times `factor`, plus `offset`, is the value in the base unit of its dimension.
#[derive(Debug, PartialEq)]
pub(crate) struct Unit {
    pub(crate) symbol: &'static str,
    pub(crate) dimension: Dimension,
    factor: f64,
    offset: f64,
    names: &'static [&'static str],
}

const fn unit(
    symbol: &'static str,
    dimension: Dimension,
    factor: f64,
    names: &'static [&'static str],
) -> Unit {
    Unit { symbol, dimension, factor, offset: 0.0, names }
}

/// All units. Names are in lower case and without plural, except where the plural is another word.
///
/// The inch has no short form, since `in` is the word that stands before the target of a conversion.
const UNITS: &[Unit] = &[
    unit("mm", Length, 0.001, &["millimetre", "millimeter"]),
    unit("cm", Length, 0.01, &["centimetre", "centimeter"]),
    unit("m", Length, 1.0, &["metre", "meter"]),
    unit("km", Length, 1000.0, &["kilometre", "kilometer"]),
    unit("inch", Length, 0.0254, &["inches"]),
    unit("ft", Length, 0.3048, &["foot", "feet"]),
    unit("yd", Length, 0.9144, &["yard"]),
    unit("mi", Length, 1609.344, &["mile"]),
    unit("nmi", Length, 1852.0, &["nautical-mile"]),
    unit("au", Length, 149_597_870_700.0, &["astronomical-unit"]),
    unit("ly", Length, 9_460_730_472_580_800.0, &["light-year"]),
    unit("mg", Mass, 0.000_001, &["milligram"]),
    unit("g", Mass, 0.001, &["gram", "gramme"]),
    unit("kg", Mass, 1.0, &["kilogram"]),
    unit("t", Mass, 1000.0, &["tonne"]),
    unit("oz", Mass, 0.028_349_523_125, &["ounce"]),
    unit("lb", Mass, 0.453_592_37, &["pound", "lbs"]),
    unit("K", Temperature, 1.0, &["kelvin"]),
    Unit { symbol: "°C", dimension: Temperature, factor: 1.0, offset: 273.15, names: &["celsius", "°c"] },
    Unit {
        symbol: "°F",
        dimension: Temperature,
        factor: 5.0 / 9.0,
        offset: 459.67 * 5.0 / 9.0,
        names: &["fahrenheit", "°f"],
    },
    unit("ms", Time, 0.001, &["millisecond"]),
    unit("s", Time, 1.0, &["second", "sec"]),
    unit("min", Time, 60.0, &["minute"]),
    unit("h", Time, 3600.0, &["hour"]),
    unit("d", Time, 86_400.0, &["day"]),
    unit("wk", Time, 604_800.0, &["week"]),
    unit("yr", Time, 31_557_600.0, &["year"]),
    unit("m/s", Speed, 1.0, &[]),
    unit("km/s", Speed, 1000.0, &[]),
    unit("km/h", Speed, 1000.0 / 3600.0, &["kph"]),
    unit("mph", Speed, 0.447_04, &[]),
    unit("kn", Speed, 1852.0 / 3600.0, &["knot"]),
    unit("bit", Data, 0.125, &[]),
    unit("B", Data, 1.0, &["byte"]),
    unit("kB", Data, 1000.0, &["kilobyte", "kb"]),
    unit("MB", Data, 1_000_000.0, &["megabyte", "mb"]),
    unit("GB", Data, 1_000_000_000.0, &["gigabyte", "gb"]),
    unit("KiB", Data, 1024.0, &["kibibyte", "kib"]),
    unit("MiB", Data, 1_048_576.0, &["mebibyte", "mib"]),
    unit("GiB", Data, 1_073_741_824.0, &["gibibyte", "gib"]),
];

/// Units of more than one word, and the one word they are read as.
pub(crate) const SPELLINGS: &[(&str, &str)] = &[
    ("light years", "light-year"),
    ("light year", "light-year"),
    ("nautical miles", "nautical-mile"),
    ("nautical mile", "nautical-mile"),
    ("astronomical units", "astronomical-unit"),
    ("kilometres per hour", "km/h"),
    ("kilometers per hour", "km/h"),
    ("km per hour", "km/h"),
    ("miles per hour", "mph"),
    ("kilometres per second", "km/s"),
    ("kilometers per second", "km/s"),
    ("km per second", "km/s"),
    ("metres per second", "m/s"),
    ("meters per second", "m/s"),
    ("degrees celsius", "celsius"),
    ("degrees fahrenheit", "fahrenheit"),
];

/// The unit of this name or symbol.
pub(crate) fn find(name: &str) -> Option<&'static Unit> {
    let lower = name.to_lowercase();
    let single = lower.strip_suffix('s').unwrap_or(&lower);
    UNITS.iter().find(|unit| unit.symbol == name).or_else(|| {
        UNITS.iter().find(|unit| unit.names.iter().any(|known| *known == lower || *known == single))
    })
}

/// Runs the tool.
pub(crate) fn convert(value: f64, from: &str, to: &str) -> Outcome {
    let (Some(from), Some(to)) = (find(from), find(to)) else {
        return Outcome::Failed { error: "unknown unit".to_owned() };
    };
    if from.dimension != to.dimension {
        let error = format!("{} is not a unit for what {} measures", to.symbol, from.symbol);
        return Outcome::Failed { error };
    }
    match precision::evaluate(&expression(value, from, to)) {
        Ok(value) => Outcome::Converted { value, unit: to.symbol },
        Err(error) => Outcome::Failed { error },
    }
}

/// The conversion as arithmetic, so that its error is measured like that of any other: temperatures subtract numbers
/// of nearly the same size, and lose digits by it.
fn expression(value: f64, from: &Unit, to: &Unit) -> Expr {
    let number = Expr::Number;
    let base = Expr::binary(
        Sign::Plus,
        Expr::binary(Sign::Times, number(value), number(from.factor)),
        number(from.offset),
    );
    let shifted = Expr::binary(Sign::Minus, base, number(to.offset));
    Expr::binary(Sign::Over, shifted, number(to.factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(value: f64, from: &str, to: &str) -> f64 {
        match convert(value, from, to) {
            Outcome::Converted { value, .. } => value,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn known_conversions_come_out() {
        assert_eq!(converted(100.0, "km", "mi"), 62.137_119_223_7);
        assert_eq!(converted(100.0, "celsius", "fahrenheit"), 212.0);
        assert_eq!(converted(8.0, "days", "hours"), 192.0);
        assert_eq!(converted(1.0, "GiB", "MiB"), 1024.0);
        assert_eq!(converted(36.0, "km/h", "m/s"), 10.0);
    }

    #[test]
    fn lengths_are_not_masses_and_case_tells_bits_from_bytes() {
        assert!(!convert(1.0, "km", "kg").is_ok());
        assert!(!convert(1.0, "km", "parsnips").is_ok());
        assert_eq!(converted(1.0, "byte", "bit"), 8.0);
    }
}
