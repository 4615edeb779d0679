//! Fresh ids and time stamps.

use chrono::{SecondsFormat, Utc};

/// Thirty-two signs, so that five random bits choose one; without `l` and `o`, which read as digits.
const SIGNS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A new random id, `prefix_` and twenty signs (100 random bits) among which is at least one digit.
///
/// The digit keeps an id from ever being taken for a word.
pub(crate) fn fresh(prefix: &str) -> String {
    loop {
        let tail: String =
            random_bytes::<20>().iter().map(|byte| char::from(SIGNS[usize::from(byte % 32)])).collect();
        if tail.bytes().any(|sign| sign.is_ascii_digit()) {
            return format!("{prefix}_{tail}");
        }
    }
}

/// Random bytes from the operating system.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .expect("an operating system without random numbers cannot run a login server");
    bytes
}

/// Now, in UTC, RFC 3339 with microseconds: `2026-01-31T12:00:00.123456Z`.
pub(crate) fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Whole seconds since 1970, as tokens count them.
pub(crate) fn unix_now() -> u64 {
    Utc::now().timestamp().unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_its_prefix_and_a_digit_and_is_new() {
        let (one, two) = (fresh("run"), fresh("run"));
        assert!(one.starts_with("run_") && one.len() == 24);
        assert!(one.bytes().any(|sign| sign.is_ascii_digit()));
        assert_ne!(one, two);
    }
}
