//! The codecs by name, and how each reads and writes.

use super::packed::Packing;
use super::schema::Schema;
use super::special::Unwritable;
use super::{cbor, msgpack, packed, protobuf, varint, xml, yjs};
use serde_json::Value;

/// A frame does not hold more values in a row.
const MAX_VALUES: usize = 1 << 16;
/// What was compressed is no larger than this, in bytes.
const MAX_UNPACKED: u64 = 64 << 20;
/// A length takes no more bytes.
const MAX_LENGTH_BYTES: usize = 5;

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
    pub(super) fn read_up_to(self, frame: &[u8], limit: u64) -> Option<Vec<Value>> {
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
