//! Tests of the room above.

use super::special::bytes_to_json;
use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9f64).prop_map(|number| Value::from(number + 0.5)),
        "[#a-c=$]{0,4}".prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(|bytes| bytes_to_json(&bytes)),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[#a-c7]{0,3}", inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Those in which any JSON can be said.
fn takes_any() -> impl Iterator<Item = Codec> {
    Codec::all().filter(|codec| matches!(codec.format, Format::MessagePack | Format::Cbor | Format::Json))
}

fn written(codec: Codec, message: &Value) -> Vec<u8> {
    codec.write(message).expect("it can be said")
}

#[test]
fn codecs_have_names_of_their_own() {
    for codec in Codec::all() {
        assert_eq!(Codec::of(codec.name()), Some(codec));
    }
}

#[test]
fn plain_json_stays_as_it_is() {
    let message = json!({ "type": "a", "list": [1, -2, 0.5, "x", null, true], "": { "a~/b": u64::MAX } });
    for codec in takes_any().filter(|codec| codec.framing != Framing::Row) {
        assert_eq!(codec.read(&written(codec, &message)), Some(vec![message.clone()]), "{}", codec.name());
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(message in any_json()) {
        for codec in takes_any() {
            let frame = written(codec, &message);
            let read = codec.read(&frame);
            let is_nothing = codec.framing == Framing::Row && message == json!([])
                || codec.format == Format::Json && !message.is_object() && !message.is_array();
            prop_assert_eq!(read.is_none(), is_nothing, "{}", codec.name());
            // A person may write a key in other words than it is read in, so one message is written once more.
            for read in read.into_iter().flatten() {
                let frame = written(codec, &read);
                prop_assert_eq!(codec.read(&frame), Some(vec![read]), "{}", codec.name());
            }
        }
    }

    #[test]
    fn whatever_comes_is_read_or_not(frame in prop::collection::vec(any::<u8>(), 0..64)) {
        for codec in Codec::all() {
            for message in codec.read(&frame).unwrap_or_default() {
                let again = codec.read(&written(codec, &message));
                prop_assert!(again.is_some(), "{} {message}", codec.name());
            }
        }
    }
}

#[test]
fn a_value_that_json_cannot_express_is_an_object() {
    let msgpack = Codec::of("msgpack").expect("a codec");
    let cbor = Codec::of("cbor").expect("a codec");
    for (codec, bytes, expected) in [
        (msgpack, &b"\x81\xa1a\x93\x01\xc0\xc3"[..], json!({ "a": [1, null, true] })),
        (msgpack, b"\x82\x07\xa1x\xa2#7\x02", json!({ "#7": "x", "##7": 2 })),
        (msgpack, b"\xc4\x02\x00\xff", json!({ "$hex": "00ff" })),
        (msgpack, b"\xd4\x05\x01", json!({ "$ext": 5, "hex": "01" })),
        (msgpack, b"\xca\x3d\xcc\xcc\xcd", json!(0.1)),
        (msgpack, b"\xcb\x7f\xf0\0\0\0\0\0\0", json!({ "$float": "inf" })),
        (cbor, b"\xa1\x61a\x83\x01\xf6\xf5", json!({ "a": [1, null, true] })),
        (cbor, b"\xa1\x20\x42\x00\xff", json!({ "#-1": { "$hex": "00ff" } })),
        (cbor, b"\xc1\x1a\x51\x4b\x67\xb0", json!({ "$tag": 1, "value": 1_363_896_240 })),
        (cbor, b"\xf9\x3c\x00", json!(1.0)),
    ] {
        assert_eq!(codec.read(bytes), Some(vec![expected.clone()]), "{expected}");
        assert_eq!(codec.read(&written(codec, &expected)), Some(vec![expected]));
    }
    // A key that is a list.
    let read = msgpack.read(b"\x81\x91\x01\xa1x").expect("it is one");
    assert_eq!(read, [json!({ "#=9101": "x" })]);
    assert_eq!(written(msgpack, &read[0]), b"\x81\x91\x01\xa1x");
}

#[test]
fn a_frame_is_read_whole_or_not_at_all() {
    let [one, row, length] =
        ["msgpack", "msgpack-row", "msgpack-length"].map(|name| Codec::of(name).expect("a codec"));
    let two = b"\x0d\xa4chat\x81\xa1a\x01";
    assert_eq!(one.read(two), None);
    assert_eq!(row.read(two), Some(vec![json!([13, "chat", { "a": 1 }])]));
    assert_eq!(written(row, &json!([13, "chat", { "a": 1 }])), two);
    assert_eq!(length.read(b"\x02\x91\x06\x02\x91\x07"), Some(vec![json!([6]), json!([7])]));
    assert_eq!(length.read(b"\x03\x91\x06"), None);
    assert_eq!(length.read(b"\x02\x06\x06"), None);
    let long = Value::from("x".repeat(300));
    assert_eq!(length.read(&written(length, &long)), Some(vec![long]));
    let cbor = Codec::of("cbor").expect("a codec");
    for (codec, bytes) in [
        (one, &b""[..]),
        (one, b"\x81"),
        (one, b"\xdd\xff\xff\xff\xff"),
        (cbor, b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff"),
        (cbor, b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff"),
    ] {
        assert_eq!(codec.read(bytes), None, "{} {bytes:?}", codec.name());
    }
    // Deep nesting ends the reading, not the program.
    for byte in [0x91, 0x81] {
        let deep = vec![byte; 1 << 20];
        assert!(Codec::all().all(|codec| codec.read(&deep).is_none()));
    }
}
