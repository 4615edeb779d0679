//! A realtime API whose events belong to items, which belong to responses: two levels of lanes.

use super::{Family, Lanes, text_at};
use crate::random::Random;
use crate::stream::{Builder, Stream, closed_by};
use goldwire_core::transcript::Side;
use serde_json::{Value, json};

pub(super) const FAMILY: Family = Family {
    name: "realtime",
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
                ("response.output_item.added", "/item/id"),
                ("response.content_part.added", "/item_id"),
                ("response.text.delta", "/item_id"),
                ("response.text.done", "/item_id"),
                ("response.content_part.done", "/item_id"),
                ("response.output_item.done", "/item/id"),
            ],
            opener: "response.output_item.added",
            closer: "response.output_item.done",
        },
    ],
    terminal: "response.done",
    floats: &["rate_limits.updated"],
    counted: &["response.text.delta"],
    uncounted: &["rate_limits.updated"],
    counters: &[],
    totals: &[("response.text.done", "/text")],
    awaited: "response.text.delta",
    tokens: &[],
    chains: &[],
    records: &[],
};

/// With the id that every event of the server has.
fn event(random: &mut Random, kind: &str, mut data: Value) -> Value {
    let id = random.id("event", 14);
    if let Some(map) = data.as_object_mut() {
        map.insert("type".to_owned(), Value::from(kind));
        map.insert("event_id".to_owned(), Value::from(id));
    }
    data
}

fn play(mut b: Builder) -> Stream {
    let w = b.world;
    let session = b.random.id("sess", 12);
    let data = event(
        &mut b.random,
        "session.created",
        json!({"session": {"id": session, "model": "rt-4", "voice": "ash"}}),
    );
    let created = b.server(&[], "connect", 8.0, data);
    let update =
        b.client(&[created], json!({"type": "session.update", "session": {"voice": "ash", "speed": 1}}));
    let data = event(
        &mut b.random,
        "session.updated",
        json!({"session": {"id": session, "model": "rt-4", "voice": "ash"}}),
    );
    let mut ready = b.server(&[update], "update", 12.0, data);
    for _ in 0..b.random.between(1, w.number("responses", 2, 3)) {
        let (question, text) = (b.random.id("item", 12), b.random.prose(6));
        let asked = b.client(
            &[ready],
            json!({"type": "conversation.item.create", "item": {"id": question, "type": "message", "text": text}}),
        );
        let heard = json!({"item": {"id": question, "type": "message", "status": "completed"}});
        let data = event(&mut b.random, "conversation.item.created", heard);
        let heard = b.server(&[asked], "item", 9.0, data);
        let wanted =
            b.client(&[heard], json!({"type": "response.create", "response": {"modalities": ["text"]}}));
        let response = b.random.id("resp", 12);
        let data = event(
            &mut b.random,
            "response.created",
            json!({"response": {"id": response, "status": "in_progress", "session_id": session}}),
        );
        let begun = b.server(&[wanted], "response", 40.0, data);
        if b.random.chance(w.share("limits", 0.7, 0.95)) {
            let left = b.random.between(1000, 90_000);
            let data = event(&mut b.random, "rate_limits.updated", json!({"limits": {"remaining": left}}));
            b.server(&[begun], "limits", 60.0, data);
        }
        let mut done = vec![begun];
        for index in 0..b.random.between(1, w.number("items", 2, 3)) {
            done.push(item(&mut b, begun, &response, index));
        }
        let total = b.random.between(20, 400);
        let data = event(
            &mut b.random,
            "response.done",
            json!({"response": {"id": response, "status": "completed", "session_id": session,
                                "usage": {"total_tokens": total}}}),
        );
        ready = b.server(&done, "done", 18.0, data);
    }
    b.finish(closed_by(Side::Client))
}

/// One output item from its beginning to its end.
fn item(b: &mut Builder, begun: usize, response: &str, index: usize) -> usize {
    let w = b.world;
    let id = b.random.id("item", 12);
    let data = event(
        &mut b.random,
        "response.output_item.added",
        json!({"response_id": response, "output_index": index, "item": {"id": id, "type": "message"}}),
    );
    let added = b.server(&[begun], "added", 30.0, data);
    let own = |more: Value| {
        let mut data = json!({"response_id": response, "item_id": id, "output_index": index});
        if let (Some(map), Value::Object(more)) = (data.as_object_mut(), more) {
            map.extend(more);
        }
        data
    };
    let data = event(&mut b.random, "response.content_part.added", own(json!({"part": {"kind": "text"}})));
    let mut at = b.server(&[added], "part", 4.0, data);
    let mut text = String::new();
    for n in 0..b.random.between(3, w.number("deltas", 8, 20)) {
        let delta = format!("{} ", b.random.prose(1));
        text.push_str(&delta);
        let data = event(&mut b.random, "response.text.delta", own(json!({"delta": delta})));
        let (class, usual) = if n == 0 { ("first_delta", 260.0) } else { ("delta", 25.0) };
        at = b.server(&[at], class, usual, data);
    }
    let data = event(&mut b.random, "response.text.done", own(json!({"text": text})));
    at = b.server(&[at], "text_done", 6.0, data);
    let data = event(&mut b.random, "response.content_part.done", own(json!({"part": {"kind": "text"}})));
    at = b.server(&[at], "part_done", 3.0, data);
    let data = event(
        &mut b.random,
        "response.output_item.done",
        json!({"response_id": response, "output_index": index,
               "item": {"id": id, "type": "message", "status": "completed"}}),
    );
    b.server(&[at], "item_done", 3.0, data)
}
