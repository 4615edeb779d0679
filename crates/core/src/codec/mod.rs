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
mod codecs;
mod detect;
mod hex;
mod msgpack;
mod packed;
mod protobuf;
mod schema;
mod special;
#[cfg(test)]
mod tests;
pub(crate) mod varint;
mod xml;
mod yjs;

pub use codecs::{Codec, Format, Framing};
pub use detect::{Samples, detect};
pub use hex::{hex, unhex};
pub use packed::Packing;
pub(crate) use protobuf::inner as protobuf_inner;
pub use schema::{Schema, SchemaError};
pub use special::Unwritable;
