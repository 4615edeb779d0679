//! Which codec binary messages are written in, by the look of them.

use super::codecs::{Codec, Format, Framing};
use serde_json::Value;

/// So many frames are looked at.
const MAX_FRAMES: usize = 200;
/// Longer ones are not.
const MAX_BYTES: usize = 1 << 16;
/// A shorter text comes by chance.
const MIN_TEXT: usize = 3;
/// What was compressed is not looked at when it is larger, in bytes.
const MAX_UNPACKED: u64 = 1 << 20;
/// Of Protocol Buffers: so many frames are enough, so many bytes each of them has on average, numbers of fields are no larger,
/// a text is as long at least, and messages in messages are looked for so deep.
const MIN_FRAMES: usize = 8;
const MIN_BYTES: usize = 8;
const MAX_FIELD: u32 = 1_000;
const MIN_PHRASE: usize = 4;
const MAX_INNER: usize = 3;

/// Binary messages of some sessions.
#[derive(Debug, Default)]
pub struct Samples<'b> {
    frames: Vec<&'b [u8]>,
}

impl<'b> Samples<'b> {
    /// Adds a message, if there is room for it.
    pub fn add(&mut self, frame: &'b [u8]) {
        if self.frames.len() < MAX_FRAMES && (1..=MAX_BYTES).contains(&frame.len()) {
            self.frames.push(frame);
        }
    }
}

/// The codec that reads these messages and finds words in them; none where none does. Chance reads a few: three quarters of
/// the messages must be read, and many of those must have a word, a key or a text, somewhere. How many is a question of how
/// often chance makes a frame of that form.
pub fn detect(samples: &Samples<'_>) -> Option<Codec> {
    let total = samples.frames.len();
    let mut best: Option<(usize, Codec)> = None;
    for codec in
        Codec::all().filter(|codec| matches!(codec.format, Format::MessagePack | Format::Cbor | Format::Json))
    {
        let (mut read, mut spoken) = (0, 0);
        for frame in &samples.frames {
            let Some(values) = codec.read_up_to(frame, MAX_UNPACKED) else { continue };
            let has_form = |value: &Value| match value {
                Value::Array(items) => codec.framing != Framing::Row || items.len() > 1,
                value => value.is_object(),
            };
            if values.iter().all(has_form) {
                read += 1;
                spoken += usize::from(values.iter().any(has_word));
            }
        }
        let eighths = match codec.framing {
            Framing::Length => 2,
            Framing::One => 4,
            Framing::Row => 6,
        };
        let is_it = read * 4 >= total * 3 && spoken * 8 >= read * eighths && spoken > 0;
        if is_it && best.is_none_or(|(most, _)| read > most) {
            best = Some((read, codec));
        }
    }
    best.map(|(_, codec)| codec).or_else(|| protobuf(samples))
}

/// Protocol Buffers say nothing of what they are, and a few bytes are a message by chance. So each of many frames must be one,
/// most of them with a word in it, and none of them tiny.
pub(super) fn protobuf(samples: &Samples<'_>) -> Option<Codec> {
    let all = &samples.frames;
    let bytes: usize = all.iter().map(|frame| frame.len()).sum();
    if all.len() < MIN_FRAMES || bytes < all.len() * MIN_BYTES {
        return None;
    }
    let speaks = |value: &Value| has_phrase(value, 0);
    let is_it = |codec: &Codec| {
        let mut spoken = 0;
        let are_read = all.iter().all(|frame| match codec.read_up_to(frame, MAX_UNPACKED) {
            Some(values) => {
                spoken += usize::from(values.iter().any(speaks));
                values.iter().all(has_low_fields)
            }
            None => false,
        });
        are_read && spoken * 4 >= all.len() * 3
    };
    Codec::all().filter(|codec| codec.format == Format::Protobuf).find(is_it)
}

/// Whether a message's fields have numbers that people give.
fn has_low_fields(message: &Value) -> bool {
    let Some(map) = message.as_object() else { return false };
    !map.is_empty() && map.keys().all(|key| key.parse::<u32>().is_ok_and(|field| field <= MAX_FIELD))
}

/// Whether a message, or one within it, has a text of a few letters.
fn has_phrase(value: &Value, depth: usize) -> bool {
    match value {
        Value::String(text) => {
            text.chars().filter(|c| c.is_alphanumeric()).count() >= MIN_PHRASE
                || depth < MAX_INNER
                    && super::protobuf::inner(value).is_some_and(|own| has_phrase(&own, depth + 1))
        }
        Value::Array(items) => items.iter().any(|item| has_phrase(item, depth)),
        Value::Object(map) if map.contains_key("$hex") => {
            depth < MAX_INNER && super::protobuf::inner(value).is_some_and(|own| has_phrase(&own, depth + 1))
        }
        Value::Object(map) => map.values().any(|own| has_phrase(own, depth)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether a value says a word: a text of a few plain characters, or a field under a name.
fn has_word(value: &Value) -> bool {
    let is_word = |text: &str| {
        text.chars().count() >= MIN_TEXT && text.chars().all(|c| !c.is_control() && c != '\u{fffd}')
    };
    match value {
        Value::String(text) => is_word(text),
        Value::Array(items) => items.iter().any(has_word),
        Value::Object(map) => {
            map.iter().any(|(key, value)| !key.starts_with(['#', '$']) && !key.is_empty() || has_word(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn detected(frames: &[Vec<u8>]) -> Option<&'static str> {
        let mut samples = Samples::default();
        frames.iter().for_each(|frame| samples.add(frame));
        detect(&samples).map(Codec::name)
    }

    #[test]
    fn a_codec_is_known_by_its_words() {
        for codec in Codec::all()
            .filter(|codec| matches!(codec.format, Format::MessagePack | Format::Cbor | Format::Json))
        {
            let messages = [
                json!([1, "join", { "room": "a" }]),
                json!([2, "joined", { "room": "a", "who": ["ada", "ben"] }]),
                json!([10, "chat", { "text": "hello there", "at": 1_764_500_000_123_u64 }]),
            ];
            let frames: Vec<Vec<u8>> =
                messages.iter().map(|message| codec.write(message).expect("it can be said")).collect();
            assert_eq!(detected(&frames), Some(codec.name()));
        }
        // The beginning of Yjs' protocol: variable-length integers and bytes.
        let yjs =
            [&b"\0\0\x01\0"[..], b"\0\x01\x02\0\0", b"\0\x02\x0a\x01\x01\xc9\x8d\xd2\x0f\0\x04\x01\x01a"];
        assert_eq!(detected(&yjs.map(<[u8]>::to_vec)), None);
        assert_eq!(detected(&[]), None);
    }

    #[test]
    fn protocol_buffers_are_known_only_by_many_messages_with_words() {
        let codec = Codec::of("protobuf").expect("a codec");
        let frames = |count: u64, text: &str| -> Vec<Vec<u8>> {
            let frame = |n| codec.write(&json!({ "1": n, "2": { "1": text, "2": { "$fixed64": n } } }));
            (0..count).map(|n| frame(n).expect("a message")).collect()
        };
        assert_eq!(detected(&frames(8, "hello there")), Some("protobuf"));
        assert_eq!(detected(&frames(7, "hello there")), None);
        assert_eq!(detected(&frames(20, "!")), None);
        let tiny: Vec<Vec<u8>> = (1..30).map(|n| vec![8, n]).collect();
        assert_eq!(detected(&tiny), None);
        let mut broken = frames(20, "hello there");
        broken[7].push(0xff);
        assert_eq!(detected(&broken), None);
    }

    proptest! {
        #[test]
        fn chance_is_no_codec(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 8..40), 6..20)) {
            prop_assert_eq!(detected(&frames), None);
        }
    }
}
