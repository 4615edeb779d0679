//! Credentials in messages in another encoding of JSON, such as MessagePack, or in compressed messages.
//!
//! ```text
//! bytes ─► codec ─► JSON text ─► redaction, as of any JSON ─► codec ─► bytes
//! ```
//!
//! A label changes the length of a text, which is stored before it. So the message is encoded again and stays
//! readable.

use super::Redactor;
use super::notice::in_bytes;
use crate::codec::{Codec, Framing, Packing};
use serde_json::Value;
use std::borrow::Cow;

/// The maximum of decompressed bytes that are searched: a frame of a few kilobytes may contain gigabytes.
const MAX_UNPACKED: u64 = 4 << 20;

/// The ways in which a frame can be read, each as the codec and its messages.
fn readings(bytes: &[u8]) -> impl Iterator<Item = (Codec, Vec<Value>)> {
    let has_form = |codec: Codec, value: &Value| match value {
        Value::Array(items) => codec.framing != Framing::Row || items.len() > 1,
        value => value.is_object(),
    };
    Codec::all().filter(|codec| codec.packing.is_none()).filter_map(move |codec| {
        let messages = codec.read(bytes)?;
        messages.iter().all(|message| has_form(codec, message)).then_some((codec, messages))
    })
}

/// The contents of a frame with the signature of a compression.
fn unpacked(bytes: &[u8]) -> Option<(Packing, Vec<u8>)> {
    let packing = Packing::ALL.into_iter().find(|packing| packing.begins(bytes))?;
    Some((packing, packing.unpack(bytes, MAX_UNPACKED)?))
}

/// Whether a frame is a list that begins with 5, as WAMP's AUTHENTICATE: its signature has no name.
fn is_login(bytes: &[u8]) -> bool {
    matches!(bytes, [0x93 | 0x83, 5, ..])
}

/// The texts inside a frame that is no text itself.
pub(super) fn texts(bytes: &[u8]) -> Vec<String> {
    let said = |bytes: &[u8]| -> Vec<String> {
        readings(bytes).flat_map(|(_, messages)| messages).map(|message| message.to_string()).collect()
    };
    match unpacked(bytes).map(|(_, inner)| String::from_utf8(inner)) {
        Some(Ok(text)) => vec![text],
        Some(Err(error)) => said(error.as_bytes()),
        None => said(bytes),
    }
}

impl Redactor {
    /// A compressed frame without secrets; none where it has none, or is not compressed. Its content is not unpacked again: a
    /// compressed file can contain itself.
    pub(super) fn clean_packed(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let (packing, inner) = unpacked(bytes)?;
        let clean = match std::str::from_utf8(&inner) {
            Ok(text) => match self.clean(text) {
                Cow::Borrowed(_) => return None,
                Cow::Owned(text) => text.into_bytes(),
            },
            Err(_) => match self.clean_binary(&inner) {
                Cow::Borrowed(_) => return None,
                Cow::Owned(clean) => clean,
            },
        };
        Some(packing.pack(&clean))
    }

    /// A frame that is no text without secrets: read by a codec where one reads it, else as the bytes that it is.
    pub(super) fn clean_binary<'b>(&self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        let mut hits = Vec::new();
        self.read().search(bytes, &mut hits);
        let is_open = in_bytes(bytes) || is_login(bytes) || self.shared.rules.has_own();
        if (is_open || !hits.is_empty())
            && let Some(clean) = self.clean_messages(bytes)
        {
            return Cow::Owned(clean);
        }
        if hits.is_empty() { Cow::Borrowed(bytes) } else { Cow::Owned(self.read().render(bytes, hits)) }
    }

    /// A frame written by a codec without secrets; none where it has none, or is written by no codec.
    fn clean_messages(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        readings(bytes).find_map(|(codec, messages)| {
            let mut is_changed = false;
            let mut clean = Vec::with_capacity(bytes.len());
            for message in messages {
                let message = match self.clean(&message.to_string()) {
                    Cow::Borrowed(_) => message,
                    Cow::Owned(text) => {
                        is_changed = true;
                        serde_json::from_str(&text).ok()?
                    }
                };
                clean.extend(codec.write(&message).ok()?);
            }
            is_changed.then_some(clean)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Format;
    use crate::secret::Secret;
    use serde_json::json;

    fn codec(name: &str) -> Codec {
        Codec::of(name).expect("a codec")
    }

    fn written(codec: Codec, message: &Value) -> Vec<u8> {
        codec.write(message).expect("it can be written")
    }

    #[test]
    fn a_message_with_labels_can_be_read_and_nothing_else_in_it_changes() {
        let message =
            json!([16, 7, {}, "login", [{ "user": "ada", "password": "kX9 zzQ-wert", "n": [1, 0.5] }]]);
        let hidden = json!([16, 7, {}, "login", [{ "user": "ada", "password": "{{secret:password#1}}", "n": [1, 0.5] }]]);
        // Protocol Buffers, XML and Yjs have no such messages; deflate has no signature.
        let says_it = |codec: &Codec| {
            !codec.is_text()
                && codec.packing != Some(Packing::Deflate)
                && matches!(codec.format, Format::MessagePack | Format::Cbor | Format::Json)
        };
        for codec in Codec::all().filter(says_it) {
            let redactor = Redactor::default();
            let clean = redactor.clean_bytes(&written(codec, &message)).into_owned();
            assert_eq!(codec.read(&clean), Some(vec![hidden.clone()]), "{}", codec.name());
            // Cleaning twice gives the same result.
            assert_eq!(redactor.clean_bytes(&clean), clean);
            assert!(Redactor::default().leftovers(&base64_of(&clean)).is_empty());
            assert!(!Redactor::default().leftovers(&base64_of(&written(codec, &message))).is_empty());
        }
    }

    fn base64_of(bytes: &[u8]) -> String {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(bytes)
    }

    #[test]
    fn a_secret_that_is_known_gets_a_label_with_a_length_of_its_own() {
        let redactor = Redactor::default();
        redactor.add("token", &Secret::new("abcdefgh12345678"));
        let long = "x".repeat(5000);
        let message = json!({ "hello": "abcdefgh12345678", "rest": long });
        let clean = redactor.clean_bytes(&written(codec("msgpack"), &message)).into_owned();
        let expected = json!({ "hello": "{{secret:token#1}}", "rest": long });
        assert_eq!(codec("msgpack").read(&clean), Some(vec![expected]));
    }

    #[test]
    fn several_messages_of_a_frame_stay_several() {
        let length = codec("msgpack-length");
        let frame = [json!([6]), json!({ "api_key": "sk_live_51HxYzAbCdEfGhIj" }), json!([7])]
            .iter()
            .flat_map(|message| written(length, message))
            .collect::<Vec<u8>>();
        let read = length.read(&Redactor::default().clean_bytes(&frame)).expect("it is read");
        assert_eq!((read.len(), &read[0], &read[2]), (3, &json!([6]), &json!([7])));
        assert!(read[1]["api_key"].as_str().is_some_and(|key| key.starts_with("{{secret:")), "{read:?}");
    }

    #[test]
    fn whatever_was_compressed_is_looked_through_once() {
        let form = "grant_type=password&username=ada&password=kX9zzQ-wert&scope=all";
        let hidden = "grant_type=password&username=ada&password={{secret:password#1}}&scope=all";
        for packing in [Packing::Gzip, Packing::Zlib] {
            let clean = Redactor::default().clean_bytes(&packing.pack(form.as_bytes())).into_owned();
            assert_eq!(packing.unpack(&clean, 1 << 10), Some(hidden.as_bytes().to_vec()), "{packing:?}");
            // A message that is compressed twice is not read, and causes no harm.
            let twice = packing.pack(&packing.pack(form.as_bytes()));
            Redactor::default().clean_bytes(&twice);
        }
        // A few kilobytes with more contents than are searched.
        let bomb = Packing::Gzip.pack(&vec![b'a'; 5 << 20]);
        assert!(matches!(Redactor::default().clean_bytes(&bomb), Cow::Borrowed(_)));
    }

    #[test]
    fn what_has_no_secret_stays_as_it_came() {
        // Numbers in more bytes than necessary.
        let wide = b"\x82\xa1a\xcd\x00\x01\xa8progress\xd9\x03abc";
        assert!(matches!(Redactor::default().clean_bytes(wide), Cow::Borrowed(_)));
        let message = json!({ "progressToken": 3, "text": "a token of love" });
        let frame = written(codec("cbor"), &message);
        assert!(matches!(Redactor::default().clean_bytes(&frame), Cow::Borrowed(_)));
    }
}
