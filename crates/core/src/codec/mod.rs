//! Messages that are JSON in another dress: MessagePack and CBOR, one value a frame, several in a row, or each behind its
//! length; XML, Protocol Buffers, the messages of Yjs; and what was compressed before it was sent.
//!
//! ```text
//! bytes ─► read ─► JSON values ─► names, shapes, bindings, `send` ─► write ─► bytes
//! ```
//!
//! A value that JSON cannot express is written as an object, so that writing it gives back what was read:
//!
//! | in the message | as JSON |
//! |---|---|
//! | bytes | `{"$hex": "00ff"}` |
//! | a key that is an integer | `"#7"` |
//! | a key that is anything else | `"#="` and its own bytes as hexadecimal digits |
//! | a text key that begins with `#` | one more `#` before it |
//! | an extension of MessagePack | `{"$ext": 5, "hex": "00ff"}` |
//! | a tag of CBOR | `{"$tag": 0, "value": …}` |
//! | a float that is no number | `{"$float": "NaN"}`, `"inf"`, `"-inf"` |
//!
//! Two things are lost: how many bytes a number took, and that a text of MessagePack was no UTF-8. What XML, Protocol Buffers and
//! Yjs are as JSON, their files say.

mod cbor;
mod detect;
mod msgpack;
mod packed;
mod protobuf;
mod schema;
pub(crate) mod varint;
pub(crate) mod xml;
mod yjs;

pub use detect::{Samples, detect};
pub(crate) use protobuf::inner as protobuf_inner;
pub use schema::{Schema, SchemaError};

use serde_json::{Map, Number, Value, json};

/// Deeper nesting is not read.
const MAX_DEPTH: usize = 256;
/// A frame does not hold more values in a row.
const MAX_VALUES: usize = 1 << 16;
/// A length takes no more bytes.
const MAX_LENGTH_BYTES: usize = 5;
/// What was compressed is no larger than this, in bytes.
const MAX_UNPACKED: u64 = 64 << 20;

/// Why a value cannot be written: a fragment that fits after the name of an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unwritable(pub String);

/// How a message's values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// MessagePack (the specification of 2017, with extensions).
    MessagePack,
    /// CBOR (RFC 8949).
    Cbor,
    /// JSON (RFC 8259), which stands within what was compressed.
    Json,
    /// One element of XML 1.0, in a text message.
    Xml,
    /// Protocol Buffers without their description.
    Protobuf,
    /// The messages of Yjs' sync and awareness protocols.
    Yjs,
}

/// How an application has compressed each of its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Packing {
    /// gzip (RFC 1952).
    Gzip,
    /// zlib (RFC 1950).
    Zlib,
    /// Deflate without a head (RFC 1951).
    Deflate,
}

impl Packing {
    /// All of them.
    pub const ALL: [Packing; 3] = [Packing::Gzip, Packing::Zlib, Packing::Deflate];

    /// The bytes that a frame holds, if they are no more than `limit`; none where it is not compressed so from its first byte
    /// to its last.
    pub fn unpack(self, frame: &[u8], limit: u64) -> Option<Vec<u8>> {
        packed::unpack(self, frame, limit)
    }

    /// The frame that holds these bytes.
    pub fn pack(self, bytes: &[u8]) -> Vec<u8> {
        packed::pack(self, bytes)
    }

    /// Whether a frame says by its first bytes that it is written so. Raw deflate never does.
    pub fn begins(self, frame: &[u8]) -> bool {
        match (self, frame) {
            (Packing::Gzip, frame) => frame.starts_with(&[0x1f, 0x8b]),
            // RFC 1950, section 2.2: deflate with the usual window, and a check of the two bytes.
            (Packing::Zlib, [0x78, flags, ..]) => (0x7800 | u16::from(*flags)) % 31 == 0,
            (Packing::Zlib | Packing::Deflate, _) => false,
        }
    }
}

/// How values lie in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Framing {
    /// A frame is one value.
    One,
    /// The values of a frame, one behind the other, are one message: a list of them. Colyseus and Hypha do so.
    Row,
    /// Each message is a value behind its length, which is a base-128 varint. SignalR does so.
    Length,
}

/// How the messages of a session are read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Codec {
    /// Of each value.
    pub format: Format,
    /// Of a frame.
    pub framing: Framing,
    /// How a frame was compressed, if it was.
    pub packing: Option<Packing>,
}

const fn codec(format: Format, framing: Framing, packing: Option<Packing>) -> Codec {
    Codec { format, framing, packing }
}

/// The codecs and their names in a golden's `[dialect]`, the plainest first.
const NAMES: [(&str, Codec); 22] = {
    use Format::{Cbor, Json, MessagePack, Protobuf, Xml, Yjs};
    use Framing::{Length, One, Row};
    use Packing::{Deflate, Gzip, Zlib};
    [
        ("msgpack", codec(MessagePack, One, None)),
        ("cbor", codec(Cbor, One, None)),
        ("msgpack-length", codec(MessagePack, Length, None)),
        ("cbor-length", codec(Cbor, Length, None)),
        ("msgpack-row", codec(MessagePack, Row, None)),
        ("cbor-row", codec(Cbor, Row, None)),
        ("xml", codec(Xml, One, None)),
        ("yjs", codec(Yjs, One, None)),
        ("protobuf", codec(Protobuf, One, None)),
        ("protobuf-length", codec(Protobuf, Length, None)),
        ("gzip+json", codec(Json, One, Some(Gzip))),
        ("gzip+msgpack", codec(MessagePack, One, Some(Gzip))),
        ("gzip+cbor", codec(Cbor, One, Some(Gzip))),
        ("gzip+protobuf", codec(Protobuf, One, Some(Gzip))),
        ("zlib+json", codec(Json, One, Some(Zlib))),
        ("zlib+msgpack", codec(MessagePack, One, Some(Zlib))),
        ("zlib+cbor", codec(Cbor, One, Some(Zlib))),
        ("zlib+protobuf", codec(Protobuf, One, Some(Zlib))),
        ("deflate+json", codec(Json, One, Some(Deflate))),
        ("deflate+msgpack", codec(MessagePack, One, Some(Deflate))),
        ("deflate+cbor", codec(Cbor, One, Some(Deflate))),
        ("deflate+protobuf", codec(Protobuf, One, Some(Deflate))),
    ]
};

impl Codec {
    /// One element of XML in each text message.
    pub const XML: Codec = codec(Format::Xml, Framing::One, None);
    /// The messages of Yjs.
    pub const YJS: Codec = codec(Format::Yjs, Framing::One, None);

    /// All of them, the plainest first.
    pub fn all() -> impl Iterator<Item = Codec> + Clone {
        NAMES.into_iter().map(|(_, codec)| codec)
    }

    /// The name in a golden's `[dialect]`.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, codec)| *codec == self).map_or("", |(name, _)| name)
    }

    /// The codec of this name.
    pub fn of(name: &str) -> Option<Codec> {
        NAMES.iter().find(|(own, _)| *own == name).map(|(_, codec)| *codec)
    }

    /// Whether its messages are texts, where those of the others are binary.
    pub const fn is_text(self) -> bool {
        matches!(self.format, Format::Xml)
    }

    /// The messages of a frame, in order; none where it is not written so from its first byte to its last, or holds more than
    /// 64 MiB.
    pub fn read(self, frame: &[u8]) -> Option<Vec<Value>> {
        self.read_up_to(frame, MAX_UNPACKED)
    }

    /// Likewise, by the description of its messages, which are Protocol Buffers.
    pub fn read_described(self, frame: &[u8], schema: &Schema) -> Option<Vec<Value>> {
        self.read_with(frame, MAX_UNPACKED, |rest| schema.read(std::mem::take(rest)))
    }

    /// Likewise, with another limit to what was compressed, in bytes.
    fn read_up_to(self, frame: &[u8], limit: u64) -> Option<Vec<Value>> {
        self.read_with(frame, limit, |rest| self.value(rest))
    }

    fn read_with(
        self,
        frame: &[u8],
        limit: u64,
        value: impl Fn(&mut &[u8]) -> Option<Value>,
    ) -> Option<Vec<Value>> {
        match self.packing {
            Some(packing) => self.read_plain(&packed::unpack(packing, frame, limit)?, value),
            None => self.read_plain(frame, value),
        }
    }

    fn read_plain(self, frame: &[u8], value: impl Fn(&mut &[u8]) -> Option<Value>) -> Option<Vec<Value>> {
        let mut rest = frame;
        let mut values = Vec::new();
        // A message of Protocol Buffers without fields has no bytes.
        if rest.is_empty() && self.format == Format::Protobuf && self.framing == Framing::One {
            values.push(value(&mut rest)?);
        }
        while !rest.is_empty() {
            if values.len() == MAX_VALUES {
                return None;
            }
            if self.framing == Framing::Length {
                let (length, read) = varint::read(rest, MAX_LENGTH_BYTES)?;
                let (mut own, after) = rest[read..].split_at_checked(usize::try_from(length).ok()?)?;
                values.push(value(&mut own)?);
                if !own.is_empty() {
                    return None;
                }
                rest = after;
            } else {
                values.push(value(&mut rest)?);
            }
        }
        match self.framing {
            _ if values.is_empty() => None,
            Framing::One => (values.len() == 1).then_some(values),
            Framing::Row => Some(vec![Value::Array(values)]),
            Framing::Length => Some(values),
        }
    }

    /// The frame of a message. A message of a row that is no list is a row of one value.
    ///
    /// # Errors
    /// When the format cannot say it.
    pub fn write(self, message: &Value) -> Result<Vec<u8>, Unwritable> {
        self.write_by(message, None)
    }

    /// Likewise, by the description of its messages, which are Protocol Buffers.
    ///
    /// # Errors
    /// When the description has nothing like it.
    pub fn write_described(self, message: &Value, schema: &Schema) -> Result<Vec<u8>, Unwritable> {
        self.write_by(message, Some(schema))
    }

    fn write_by(self, message: &Value, schema: Option<&Schema>) -> Result<Vec<u8>, Unwritable> {
        let mut out = Vec::new();
        let mut own = |value: &Value| {
            match self.format {
                Format::MessagePack => msgpack::write(value, &mut out),
                Format::Cbor => cbor::write(value, &mut out),
                Format::Json => out.extend(value.to_string().into_bytes()),
                Format::Xml => out.extend(xml::write(value)?.into_bytes()),
                Format::Protobuf => out.extend(match schema {
                    Some(schema) => schema.write(value)?,
                    None => protobuf::write(value)?,
                }),
                Format::Yjs => out.extend(yjs::write(value)?),
            }
            Ok(())
        };
        match (self.framing, message) {
            (Framing::Row, Value::Array(items)) => items.iter().try_for_each(own)?,
            _ => own(message)?,
        }
        if self.framing == Framing::Length {
            out = behind_length(&out);
        }
        Ok(match self.packing {
            Some(packing) => packed::pack(packing, &out),
            None => out,
        })
    }

    fn value(self, rest: &mut &[u8]) -> Option<Value> {
        match self.format {
            Format::MessagePack => msgpack::read(rest),
            Format::Cbor => cbor::read(rest),
            Format::Json => {
                let value: Value = serde_json::from_slice(rest).ok()?;
                *rest = &[];
                (value.is_object() || value.is_array()).then_some(value)
            }
            // These take all that there is.
            Format::Xml => xml::read(std::str::from_utf8(std::mem::take(rest)).ok()?),
            Format::Protobuf => protobuf::read(std::mem::take(rest)),
            Format::Yjs => yjs::read(std::mem::take(rest)),
        }
    }
}

/// Bytes behind their length.
fn behind_length(bytes: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(bytes.len() + MAX_LENGTH_BYTES);
    varint::write(bytes.len() as u64, &mut framed);
    framed.extend_from_slice(bytes);
    framed
}

/// What stands for bytes.
fn bytes_to_json(bytes: &[u8]) -> Value {
    json!({ "$hex": hex(bytes) })
}

/// A float as JSON.
fn float_to_json(value: f64) -> Value {
    Number::from_f64(value).map_or_else(|| json!({ "$float": value.to_string() }), Value::Number)
}

/// A key that is a text as JSON has it.
fn text_key(key: &str) -> String {
    if key.starts_with('#') { format!("#{key}") } else { key.to_owned() }
}

/// A value that JSON cannot express, and that an object stands for.
enum Special {
    Bytes(Vec<u8>),
    Float(f64),
    Extension(i8, Vec<u8>),
    Tag(u64, Value),
}

fn special(map: &Map<String, Value>) -> Option<Special> {
    let bytes = |key: &str| unhex(map.get(key)?.as_str()?);
    match map.len() {
        1 if map.contains_key("$hex") => bytes("$hex").map(Special::Bytes),
        1 => map.get("$float")?.as_str()?.parse().ok().map(Special::Float),
        2 if map.contains_key("$ext") => {
            let kind = map.get("$ext")?.as_i64().and_then(|kind| i8::try_from(kind).ok())?;
            bytes("hex").map(|bytes| Special::Extension(kind, bytes))
        }
        2 => Some(Special::Tag(map.get("$tag")?.as_u64()?, map.get("value")?.clone())),
        _ => None,
    }
}

/// What a key of an object stands for.
enum Key<'k> {
    Text(&'k str),
    Integer(i128),
    /// A value in its own format.
    Raw(Vec<u8>),
}

fn key(text: &str) -> Key<'_> {
    let Some(rest) = text.strip_prefix('#') else { return Key::Text(text) };
    if let Some(raw) = rest.strip_prefix('=').and_then(unhex) {
        return Key::Raw(raw);
    }
    match rest.parse() {
        Ok(number) => Key::Integer(number),
        // `##a` is `#a`; anything else is taken as it stands.
        Err(_) => Key::Text(if rest.starts_with('#') { rest } else { text }),
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes that hexadecimal digits stand for.
pub fn unhex(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
            assert_eq!(
                codec.read(&written(codec, &message)),
                Some(vec![message.clone()]),
                "{}",
                codec.name()
            );
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
}
