//! Times as captures write them.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use serde_json::value::RawValue;

/// In which unit a capture counts time since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// DevTools and mitmproxy.
    Seconds,
    /// Playwright.
    Milliseconds,
    /// 10⁻⁶ s.
    Microseconds,
    /// 10⁻⁹ s.
    Nanoseconds,
    /// Not a number but a date and time (RFC 3339).
    Text,
}

impl Unit {
    const NUMBERS: [Unit; 4] = [Unit::Seconds, Unit::Milliseconds, Unit::Microseconds, Unit::Nanoseconds];

    /// As people write it: `s`, `ms`, `us`, `ns`, `rfc3339`.
    pub fn from_name(name: &str) -> Option<Unit> {
        Some(match name {
            "s" => Unit::Seconds,
            "ms" => Unit::Milliseconds,
            "us" | "µs" => Unit::Microseconds,
            "ns" => Unit::Nanoseconds,
            "rfc3339" => Unit::Text,
            _ => return None,
        })
    }

    /// In full, e.g. `milliseconds`.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Seconds => "seconds",
            Unit::Milliseconds => "milliseconds",
            Unit::Microseconds => "microseconds",
            Unit::Nanoseconds => "nanoseconds",
            Unit::Text => "dates",
        }
    }

    /// How many decimal digits lie between it and the nanosecond.
    fn digits(self) -> usize {
        match self {
            Unit::Seconds => 9,
            Unit::Milliseconds => 6,
            Unit::Microseconds => 3,
            Unit::Nanoseconds | Unit::Text => 0,
        }
    }

    /// A time in nanoseconds since 1970, read digit by digit: a float of seconds since 1970 is exact to 240 ns only.
    pub(super) fn nanos(self, written: &RawValue) -> Option<i128> {
        let text = number_within(written.get());
        if text.starts_with('"') {
            return date(text.trim_matches('"')).map(|(nanos, _)| nanos);
        }
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (sign, mantissa) = mantissa.strip_prefix('-').map_or((1, mantissa), |rest| (-1, rest));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let shift = i32::try_from(self.digits()).ok()?.checked_add(exponent)?;
        let keep = usize::try_from(shift).ok()?;
        if keep > 24 || whole.len() > 24 {
            return None;
        }
        let digits: String = fraction.chars().chain(std::iter::repeat('0')).take(keep).collect();
        format!("{whole}{digits}").parse::<i128>().ok().map(|nanos| sign * nanos)
    }

    /// The unit in which a number is a time nearest to another time, if that is within a day of it.
    pub(super) fn nearest(written: &RawValue, to: i128) -> Option<Unit> {
        if number_within(written.get()).starts_with('"') {
            return Unit::Text.nanos(written).map(|_| Unit::Text);
        }
        let away = |unit: &Unit| unit.nanos(written).map(|nanos| (nanos - to).abs());
        let nearest = Unit::NUMBERS
            .into_iter()
            .filter_map(|unit| Some((away(&unit)?, unit)))
            .min_by_key(|(away, _)| *away);
        nearest.filter(|(away, _)| *away < 86_400_000_000_000).map(|(_, unit)| unit)
    }
}

/// A number that stands in quotation marks, without them; anything else as it is.
pub(super) fn number_within(written: &str) -> &str {
    let inner = written.trim_matches('"').trim();
    let is_number = !inner.is_empty()
        && inner.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'));
    // A date has two dashes or more.
    if is_number && inner.parse::<f64>().is_ok() { inner } else { written }
}

/// A date and time in nanoseconds since 1970, and whether it says its zone: RFC 3339, and what Python, Dart and others
/// write, with a blank, a comma, or no zone.
fn date(text: &str) -> Option<(i128, bool)> {
    let text = text.trim().replace(',', ".").replacen(' ', "T", 1);
    let zoned = DateTime::parse_from_rfc3339(&text)
        .or_else(|_| DateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f%z"));
    if let Ok(time) = zoned {
        return time.timestamp_nanos_opt().map(|nanos| (i128::from(nanos), true));
    }
    let time = NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
    time.and_utc().timestamp_nanos_opt().map(|nanos| (i128::from(nanos), false))
}

/// Whether a time is a date that does not say its zone.
pub(super) fn is_zoneless(written: &RawValue) -> bool {
    let text = number_within(written.get());
    text.starts_with('"') && date(text.trim_matches('"')).is_some_and(|(_, zoned)| !zoned)
}

/// A time as recordings write it.
pub(super) fn rfc3339(nanos: i128) -> String {
    let time = i64::try_from(nanos).map_or(DateTime::<Utc>::UNIX_EPOCH, DateTime::from_timestamp_nanos);
    time.to_rfc3339_opts(SecondsFormat::Nanos, true)
}
