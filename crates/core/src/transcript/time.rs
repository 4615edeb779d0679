//! Times of a session: whole nanoseconds, as types, so that a number cannot be used in the wrong unit.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A point in a session: whole nanoseconds since the first handshake finished, on a monotonic base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Offset(u64);

/// The time between two points, in whole nanoseconds; never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Gap(u64);

impl Offset {
    /// The moment the handshake finished.
    pub const ZERO: Offset = Offset(0);

    /// An offset in nanoseconds since the handshake.
    pub const fn from_nanos(nanos: u64) -> Offset {
        Offset(nanos)
    }

    /// The nanoseconds since the handshake.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time since `earlier`; zero if this is not later.
    pub const fn since(self, earlier: Offset) -> Gap {
        Gap(self.0.saturating_sub(earlier.0))
    }
}

impl Gap {
    /// The zero gap.
    pub const ZERO: Gap = Gap(0);

    /// A gap in nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Gap {
        Gap(nanos)
    }

    /// A gap in milliseconds.
    pub const fn from_millis(millis: u64) -> Gap {
        Gap(millis.saturating_mul(1_000_000))
    }

    /// A gap in fractional seconds. Negative, infinite and undefined values become zero.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what u64 holds")]
    pub fn from_secs_f64(seconds: f64) -> Gap {
        let nanos = (seconds * 1e9).round();
        if nanos.is_finite() && nanos > 0.0 { Gap(nanos.min(1.8e19) as u64) } else { Gap(0) }
    }

    /// The nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The seconds, with a fraction.
    #[expect(clippy::cast_precision_loss, reason = "53 bits of nanoseconds are 104 days")]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Parses `250 us`, `41 ms`, `2.5 s` or `1 min`; the space is optional.
    pub fn parse(text: &str) -> Option<Gap> {
        let text = text.trim();
        let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (number, unit) = text.split_at(split);
        let number: f64 = number.parse().ok()?;
        let scale = match unit.trim() {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "min" | "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        Some(Gap::from_secs_f64(number * scale))
    }
}

impl From<Duration> for Gap {
    fn from(duration: Duration) -> Gap {
        Gap(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl From<Gap> for Duration {
    fn from(gap: Gap) -> Duration {
        Duration::from_nanos(gap.0)
    }
}

impl Add<Gap> for Offset {
    type Output = Offset;
    fn add(self, gap: Gap) -> Offset {
        Offset(self.0.saturating_add(gap.0))
    }
}

impl Add for Gap {
    type Output = Gap;
    fn add(self, other: Gap) -> Gap {
        Gap(self.0.saturating_add(other.0))
    }
}

impl Sub for Gap {
    type Output = Gap;
    fn sub(self, other: Gap) -> Gap {
        Gap(self.0.saturating_sub(other.0))
    }
}

/// Three significant digits and a unit: `41 ms`, `1.83 ms`, `2.5 s`, `640 us`. [`Gap::parse`] reads it back to within
/// that rounding.
impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.as_secs_f64();
        let (value, unit) = match seconds {
            s if s >= 0.9995 => (s, "s"),
            s if s >= 0.000_999_5 => (s * 1e3, "ms"),
            s => (s * 1e6, "us"),
        };
        let digits = if value >= 99.95 {
            0
        } else if value >= 9.995 {
            1
        } else {
            2
        };
        let text = format!("{value:.digits$}");
        let text = if digits > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        f.pad(&format!("{text} {unit}"))
    }
}

/// Milliseconds from the start, as rows of a timeline show it: `+12.345 ms`.
impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.3} ms", Gap(self.0).as_secs_f64() * 1e3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spans_print_as_people_write_them() {
        let show = |nanos| Gap::from_nanos(nanos).to_string();
        assert_eq!(show(41_000_000), "41 ms");
        assert_eq!(show(1_834_211), "1.83 ms");
        assert_eq!(show(2_500_000_000), "2.5 s");
        assert_eq!(show(640_000), "640 us");
        assert_eq!(show(999_600_000), "1 s");
        assert_eq!(show(0), "0 us");
        assert_eq!(Gap::parse("1 min"), Some(Gap::from_millis(60_000)));
        assert_eq!(Gap::parse("10"), None);
        assert_eq!(Gap::parse("ten ms"), None);
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back_within_its_rounding(nanos in 1_000_000u64..10_000_000_000_000) {
            let gap = Gap::from_nanos(nanos);
            let back = Gap::parse(&gap.to_string()).expect("we printed it");
            let off = back.as_nanos().abs_diff(nanos);
            prop_assert!(u128::from(off) * 180 <= u128::from(nanos), "{gap}: {nanos} became {}", back.as_nanos());
        }
    }
}
