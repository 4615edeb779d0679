//! A voice agent that may be interrupted: audio in chunks both ways, the words of both sides beside it. A user who speaks
//! while it speaks cuts its answer off, or only what is still to be played.

use super::{Chain, Family, Lanes, text_at, with};
use crate::random::Random;
use crate::stream::{Builder, Stream, closed_by};
use goldwire_core::transcript::Side;
use serde_json::{Value, json};
use std::ops::Range;

pub(super) const FAMILY: Family = Family {
    name: "voice",
    play,
    call: |data| text_at(data, "/type"),
    names_at: &["/type"],
    lanes: &[
        Lanes {
            at: &[("response.created", "/response/id"), ("response.done", "/response/id")],
            opener: "response.created",
            closer: "response.done",
        },
        Lanes {
            at: &[
                ("input_audio_buffer.speech_started", "/item_id"),
                ("input_audio_buffer.speech_stopped", "/item_id"),
                ("input_audio_buffer.committed", "/item_id"),
                ("conversation.item.input_audio_transcription.delta", "/item_id"),
                ("conversation.item.input_audio_transcription.completed", "/item_id"),
            ],
            opener: "input_audio_buffer.speech_started",
            closer: "conversation.item.input_audio_transcription.completed",
        },
        Lanes {
            at: &[
                ("response.output_item.added", "/item/id"),
                ("conversation.item.added", "/item/id"),
                ("response.content_part.added", "/item_id"),
                ("response.output_audio.delta", "/item_id"),
                ("response.output_audio_transcript.delta", "/item_id"),
                ("response.output_audio.done", "/item_id"),
                ("response.output_audio_transcript.done", "/item_id"),
                ("response.content_part.done", "/item_id"),
                ("conversation.item.done", "/item/id"),
                ("response.output_item.done", "/item/id"),
                (">conversation.item.truncate", "/item_id"),
                ("conversation.item.truncated", "/item_id"),
            ],
            opener: "response.output_item.added",
            closer: "response.output_item.done",
        },
    ],
    terminal: "response.done",
    floats: &[],
    counted: &["response.output_audio_transcript.delta", "conversation.item.input_audio_transcription.delta"],
    uncounted: &["response.output_audio.delta"],
    counters: &[],
    totals: &[
        ("response.output_audio_transcript.done", "/transcript"),
        ("response.content_part.done", "/part/transcript"),
        ("conversation.item.input_audio_transcription.completed", "/transcript"),
        ("response.done", "/response/output/0/content/0/transcript"),
        ("response.done", "/response/usage/total_tokens"),
    ],
    awaited: "response.output_audio.delta",
    tokens: &[],
    chains: &[Chain {
        events: &["conversation.item.added"],
        own: "/item/id",
        previous: "/previous_item_id",
        of: None,
    }],
    records: &[],
};

/// A call, as far as it is gone: milliseconds of the user's audio, and the last item.
struct Call {
    heard: usize,
    last: Option<String>,
}

/// What the user has begun to say.
struct Utterance {
    item: String,
    started: usize,
    chunk: usize,
}

/// What comes in pieces: milliseconds before the first of them and before each other.
struct Pieces {
    kind: &'static str,
    usual: (f64, f64),
    data: Vec<Value>,
}

impl Pieces {
    /// Some of them one after another, until somebody speaks: the last of them, and where they end.
    fn say(
        &self,
        b: &mut Builder,
        some: Range<usize>,
        mut at: usize,
        until: Option<usize>,
    ) -> (usize, usize) {
        for number in some.clone() {
            let first = number == 0;
            let (class, usual) = if first { ("first", self.usual.0) } else { ("next", self.usual.1) };
            let data = event(&mut b.random, self.kind, self.data[number].clone());
            let id = b.server(&[at], &format!("{class} {}", self.kind), usual, data);
            match until.map_or(Some(id), |until| b.only_before(id, until)) {
                Some(id) => at = id,
                None => return (at, number),
            }
        }
        (at, some.end)
    }
}

/// With the id that every event of the server has.
fn event(random: &mut Random, kind: &str, data: Value) -> Value {
    with(json!({"type": kind, "event_id": random.id("event", 21)}), data)
}

fn tell(b: &mut Builder, after: &[usize], usual: f64, kind: &str, data: Value) -> usize {
    let data = event(&mut b.random, kind, data);
    b.server(after, kind, usual, data)
}

fn words(random: &mut Random, low: usize, high: usize) -> Vec<String> {
    (0..random.between(low, high)).map(|_| format!("{} ", random.prose(1))).collect()
}

fn message(item: &str, role: &str, status: &str, content: &Value) -> Value {
    json!({"id": item, "object": "realtime.item", "type": "message", "status": status, "role": role,
           "content": content})
}

/// A tenth of a second of the microphone.
fn chunk(b: &mut Builder, call: &mut Call, after: &[usize], pause: f64) -> usize {
    call.heard += 100;
    let audio = b.random.base64(64);
    b.client_in(after, pause, json!({"type": "input_audio_buffer.append", "audio": audio}))
}

/// The user begins to speak, and is heard.
fn begin(b: &mut Builder, call: &mut Call, after: &[usize], pause: f64) -> Utterance {
    let (item, start) = (b.random.id("item", 21), call.heard + b.random.below(100));
    let mut at = chunk(b, call, after, pause);
    if b.random.chance(0.5) {
        at = chunk(b, call, &[at], 100.0);
    }
    let heard = json!({"audio_start_ms": start, "item_id": item});
    let started = tell(b, &[at], 30.0, "input_audio_buffer.speech_started", heard);
    Utterance { item, started, chunk: at }
}

/// The user speaks on, and then half a second of silence ends the turn. What was said is written down beside all else.
fn end(b: &mut Builder, call: &mut Call, said: Utterance) -> usize {
    let (w, item) = (b.world, said.item);
    let mut at = said.chunk;
    for _ in 0..b.random.between(3, w.number("chunks", 4, 9)) + 5 {
        at = chunk(b, call, &[at], 100.0);
    }
    let stopped = json!({"audio_end_ms": call.heard - 500 + b.random.below(100), "item_id": item});
    at = tell(b, &[at, said.started], 25.0, "input_audio_buffer.speech_stopped", stopped);
    let place = json!({"previous_item_id": call.last, "item_id": item});
    at = tell(b, &[at], 1.5, "input_audio_buffer.committed", place);
    let content = json!([{"type": "input_audio", "transcript": null}]);
    let own = json!({"previous_item_id": call.last, "item": message(&item, "user", "completed", &content)});
    at = tell(b, &[at], 1.0, "conversation.item.added", own.clone());
    at = tell(b, &[at], 1.0, "conversation.item.done", own);
    let words = words(&mut b.random, 2, w.number("heard", 4, 8));
    let piece = |word: &String| json!({"item_id": item, "content_index": 0, "delta": word});
    let kind = "conversation.item.input_audio_transcription.delta";
    let written = Pieces { kind, usual: (220.0, 9.0), data: words.iter().map(piece).collect() };
    let (last, _) = written.say(b, 0..words.len(), at, None);
    let (input, output) = (b.random.between(10, 60), b.random.between(3, 30));
    let usage = json!({"type": "tokens", "total_tokens": input + output, "input_tokens": input,
                       "output_tokens": output});
    let whole = json!({"item_id": item, "content_index": 0, "transcript": words.concat(), "usage": usage});
    tell(b, &[last], 6.0, "conversation.item.input_audio_transcription.completed", whole);
    call.last = Some(item);
    at
}

/// The agent answers, perhaps until the user speaks: what must be over before the next answer, and what the user says.
fn answer(b: &mut Builder, call: &mut Call, after: &[usize], barge: bool) -> (Vec<usize>, Option<Utterance>) {
    let (w, id, item) = (b.world, b.random.id("resp", 21), b.random.id("item", 21));
    let response = |status: &str, more: Value| {
        let data = json!({"object": "realtime.response", "id": id, "status": status, "status_details": null,
                          "output": [], "output_modalities": ["audio"], "usage": null});
        json!({"response": with(data, more)})
    };
    let part = |more: Value| {
        with(json!({"response_id": id, "item_id": item, "output_index": 0, "content_index": 0}), more)
    };
    let of_response = |item: Value| json!({"response_id": id, "output_index": 0, "item": item});
    let previous = call.last.replace(item.clone());
    let of_call = |item: Value| json!({"previous_item_id": previous, "item": item});
    let created = tell(b, after, 30.0, "response.created", response("in_progress", json!({})));
    let empty = message(&item, "assistant", "in_progress", &json!([]));
    let mut at = tell(b, &[created], 140.0, "response.output_item.added", of_response(empty.clone()));
    at = tell(b, &[at], 1.5, "conversation.item.added", of_call(empty));
    let own = part(json!({"part": {"type": "audio", "transcript": ""}}));
    at = tell(b, &[at], 2.0, "response.content_part.added", own);

    // Words and sounds come beside each other. Who barges in has heard a few sounds.
    let words = words(&mut b.random, 4, w.number("words", 8, 20));
    let data = words.iter().map(|word| part(json!({"delta": word}))).collect();
    let texts = Pieces { kind: "response.output_audio_transcript.delta", usual: (110.0, 30.0), data };
    let count = b.random.between(8, w.number("sounds", 12, 26));
    let data = (0..count).map(|_| part(json!({"delta": b.random.base64(96)}))).collect();
    let sounds = Pieces { kind: "response.output_audio.delta", usual: (170.0, 38.0), data };
    let early = b.random.between(2, 7);
    let (word, _) = texts.say(b, 0..1, at, None);
    let (sound, _) = sounds.say(b, 0..early, at, None);
    let user = barge.then(|| begin(b, call, &[word, sound], 60.0));
    let until = user.as_ref().map(|user| user.started);
    let (word, said) = texts.say(b, 1..words.len(), word, until);
    let (sound, played) = sounds.say(b, early..count, sound, until);

    let is_cut = said < words.len() || played < count;
    let (status, of_item, details) = if is_cut {
        ("cancelled", "incomplete", json!({"type": "cancelled", "reason": "turn_detected"}))
    } else {
        ("completed", "completed", Value::Null)
    };
    let text = words[..said].concat();
    let full = message(&item, "assistant", of_item, &json!([{"type": "output_audio", "transcript": text}]));
    let mut last = vec![word, sound];
    last.extend(until.filter(|_| is_cut));
    at = tell(b, &last, 6.0, "response.output_audio.done", part(json!({})));
    let own = part(json!({"transcript": text}));
    at = tell(b, &[at], 1.5, "response.output_audio_transcript.done", own);
    let own = part(json!({"part": {"type": "audio", "transcript": text}}));
    at = tell(b, &[at], 1.0, "response.content_part.done", own);
    at = tell(b, &[at], 1.0, "conversation.item.done", of_call(full.clone()));
    at = tell(b, &[at], 1.0, "response.output_item.done", of_response(full.clone()));
    let (input, output) = (b.random.between(80, 900), b.random.between(30, 300));
    let usage = json!({"total_tokens": input + output, "input_tokens": input, "output_tokens": output});
    let own = response(status, json!({"status_details": details, "output": [full], "usage": usage}));
    let done = tell(b, &[at], 4.0, "response.done", own);
    let Some(user) = user else { return (vec![done], None) };
    // What was sent but not played is taken back.
    let place =
        json!({"item_id": item, "content_index": 0, "audio_end_ms": 80 * early + b.random.below(200)});
    let truncate = with(json!({"type": "conversation.item.truncate"}), place.clone());
    let truncate = b.client(&[user.started], truncate);
    (vec![done, tell(b, &[truncate, at], 8.0, "conversation.item.truncated", place)], Some(user))
}

fn play(mut b: Builder) -> Stream {
    let w = b.world;
    let session = b.random.id("sess", 21);
    let expires = b.epoch_ms() / 1000;
    let detection = json!({"type": "server_vad", "threshold": 0.5, "silence_duration_ms": 500,
                           "interrupt_response": true});
    let session = |voice: &str| {
        let audio = json!({"input": {"turn_detection": detection}, "output": {"voice": voice}});
        json!({"session": {"type": "realtime", "object": "realtime.session", "id": session,
                           "model": "gpt-realtime", "expires_at": expires, "audio": audio}})
    };
    let created = tell(&mut b, &[], 8.0, "session.created", session("alloy"));
    let wanted = json!({"type": "realtime", "audio": {"output": {"voice": "marin"}}});
    let update = b.client(&[created], json!({"type": "session.update", "session": wanted}));
    let mut ready = vec![tell(&mut b, &[update], 12.0, "session.updated", session("marin"))];
    let mut call = Call { heard: 0, last: None };
    let mut begun = None;
    let turns = b.random.between(2, w.number("turns", 2, 3));
    for turn in 1..=turns {
        let said = begun.take().unwrap_or_else(|| begin(&mut b, &mut call, &ready, 350.0));
        ready.push(end(&mut b, &mut call, said));
        let barge = turn < turns && b.random.chance(w.share("barge", 0.4, 0.8));
        (ready, begun) = answer(&mut b, &mut call, &ready, barge);
    }
    b.finish(closed_by(Side::Client))
}
