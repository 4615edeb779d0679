//! Tests of the room above.

use super::unit::rfc3339;
use super::*;
use serde_json::value::RawValue;

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
