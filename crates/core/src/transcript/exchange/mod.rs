//! Captures of other programs: HAR (DevTools, Playwright, mitmproxy) and JSON Lines, read as transcripts, and back.
//!
//! None of them says all that a recording does. What is not said is not made up, but for two things, which the reader of
//! a capture is told: how the session ended, and where in time the handshake did.

mod events;
mod har;
mod lines;
mod write;

pub use har::{Capture, read_har};
pub use lines::{Mapping, read_lines};
pub use write::write_har;

use super::{End, Side};
use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// One session of a capture.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// What happened; `header.session`, `header.id` and `header.user` are for the caller to fill.
    pub transcript: super::Transcript,
    /// In which unit its times are written.
    pub unit: Unit,
    /// Whether the capture itself says how the session ended.
    pub says_ending: bool,
    /// What of it is not quite as the capture has it, and why.
    pub notes: Vec<String>,
}

/// Why a capture cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {cause}")]
pub struct CaptureError {
    /// E.g. `line 3, column 14` or `log.entries[2]._webSocketMessages[0].time`.
    pub place: String,
    /// What is wrong.
    pub cause: String,
    /// A way out.
    pub hint: Option<String>,
}

impl CaptureError {
    fn new(place: impl Into<String>, cause: impl Into<String>) -> CaptureError {
        CaptureError { place: place.into(), cause: cause.into(), hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> CaptureError {
        CaptureError { hint: Some(hint.into()), ..self }
    }
}

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
    fn nanos(self, written: &RawValue) -> Option<i128> {
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
    fn nearest(written: &RawValue, to: i128) -> Option<Unit> {
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
fn number_within(written: &str) -> &str {
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
fn is_zoneless(written: &RawValue) -> bool {
    let text = number_within(written.get());
    text.starts_with('"') && date(text.trim_matches('"')).is_some_and(|(_, zoned)| !zoned)
}

/// A JSON text in which every escape that is half of a surrogate pair (RFC 8259, section 8.2) is U+FFFD instead.
pub(crate) fn mend_surrogates(text: &str) -> Cow<'_, str> {
    if memchr::memmem::find(text.as_bytes(), b"\\u").is_none() {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let unit = |at: usize| {
        let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0u32, |sum, digit| Some(sum * 16 + char::from(*digit).to_digit(16)?))
    };
    let (mut out, mut from, mut at) = (String::new(), 0, 0);
    while let Some(len) = memchr::memchr(b'\\', &bytes[at..]) {
        at += len;
        match unit(at) {
            Some(0xD800..=0xDBFF) if unit(at + 6).is_some_and(|low| (0xDC00..0xE000).contains(&low)) => {
                at += 12
            }
            Some(0xD800..=0xDFFF) => {
                out.push_str(&text[from..at]);
                out.push_str("\\ufffd");
                at += 6;
                from = at;
            }
            _ => at = (at + 2).min(bytes.len()),
        }
    }
    if out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[from..]);
    Cow::Owned(out)
}

/// A time as recordings write it.
fn rfc3339(nanos: i128) -> String {
    let time = i64::try_from(nanos).map_or(DateTime::<Utc>::UNIX_EPOCH, DateTime::from_timestamp_nanos);
    time.to_rfc3339_opts(SecondsFormat::Nanos, true)
}

/// How a session ended, as goldens write it: `client 1000`, `server 1008`, `dropped`.
pub fn parse_ending(text: &str) -> Option<End> {
    let mut words = text.split_whitespace();
    let by = match words.next()? {
        "client" => Side::Client,
        "server" => Side::Server,
        "dropped" => return Some(End::Dropped { detail: "the capture ends here".to_owned() }),
        _ => return None,
    };
    let code = words.next()?.parse().ok()?;
    words.next().is_none().then(|| End::Closed { by, code, reason: String::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).expect("JSON")
    }

    #[test]
    fn times_are_read_to_the_nanosecond_and_their_unit_is_told() {
        let about = 1_795_487_846_813_000_000;
        for (text, unit, nanos) in [
            ("1795487846.817444123", Unit::Seconds, 1_795_487_846_817_444_123),
            ("1795487851056.7761", Unit::Milliseconds, 1_795_487_851_056_776_100),
            ("1.7954878468e9", Unit::Seconds, 1_795_487_846_800_000_000),
            ("1795487846817444", Unit::Microseconds, 1_795_487_846_817_444_000),
            ("\"2026-11-24T02:37:26.813Z\"", Unit::Text, 1_795_487_846_813_000_000),
        ] {
            let written = raw(text);
            assert_eq!(Unit::nearest(&written, about), Some(unit), "{text}");
            assert_eq!(unit.nanos(&written), Some(nanos), "{text}");
        }
        assert_eq!(Unit::nearest(&raw("17"), about), None);
        assert_eq!(Unit::Seconds.nanos(&raw("1e999999")), None);
        assert_eq!(rfc3339(1_795_487_846_813_000_001), "2026-11-24T02:37:26.813000001Z");
    }
}
