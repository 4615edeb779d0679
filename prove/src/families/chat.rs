//! A conversation of several turns: a message, its acknowledgement, an answer in chunks, sometimes suggestions.

use super::{Family, Lanes, text_at};
use crate::stream::{Builder, Stream, closed_by};
use goldwire_core::transcript::Side;
use serde_json::json;

pub(super) const FAMILY: Family = Family {
    name: "chat",
    play,
    call: |data| text_at(data, "/event"),
    names_at: &["/event"],
    lanes: &[Lanes {
        at: &[("answer_started", "/message_id"), ("chunk", "/message_id"), ("answer", "/message_id")],
        opener: "answer_started",
        closer: "answer",
    }],
    terminal: "ended",
    floats: &["presence"],
    counted: &["chunk"],
    uncounted: &["presence"],
    counters: &[("answer", "/turn")],
    totals: &[("answer", "/text"), ("ended", "/turns")],
    awaited: "chunk",
    tokens: &[],
    chains: &[],
    records: &[],
};

fn play(mut b: Builder) -> Stream {
    let w = b.world;
    let (chat, user) = (b.random.uuid(), b.random.id("user", 9));
    let joined = b.client(&[], json!({"event": "join", "chat_id": chat}));
    let mut ready = b.server(
        &[joined],
        "join",
        15.0,
        json!({"event": "joined", "chat_id": chat, "user_id": user, "features": {"markdown": true, "tools": false}}),
    );
    if b.random.chance(w.share("history", 0.3, 0.7)) {
        let count = b.random.between(0, 30);
        ready =
            b.server(&[ready], "history", 20.0, json!({"event": "history", "chat_id": chat, "count": count}));
    }
    let turns = b.random.between(2, w.number("turns", 3, 5));
    for turn in 1..=turns {
        let (client_id, text) = (b.random.uuid(), b.random.prose(7));
        let asked = b.client(&[ready], json!({"event": "say", "client_id": client_id, "text": text}));
        let time = b.iso();
        let heard = b.server(
            &[asked],
            "ack",
            7.0,
            json!({"event": "ack", "client_id": client_id, "received_at": time}),
        );
        let mut at = heard;
        if b.random.chance(w.share("typing", 0.4, 0.8)) {
            at = b.server(&[at], "typing", 30.0, json!({"event": "typing", "chat_id": chat}));
        }
        let message = b.random.id("msg", 11);
        at = b.server(
            &[at],
            "answer_started",
            50.0,
            json!({"event": "answer_started", "message_id": message, "chat_id": chat, "reply_to": client_id}),
        );
        let mut whole = String::new();
        for n in 0..b.random.between(3, w.number("chunks", 6, 18)) {
            let delta = format!("{} ", b.random.prose(2));
            whole.push_str(&delta);
            let (class, usual) = if n == 0 { ("first_chunk", 380.0) } else { ("chunk", 28.0) };
            at = b.server(
                &[at],
                class,
                usual,
                json!({"event": "chunk", "message_id": message, "delta": delta}),
            );
        }
        let reason = if b.random.chance(0.3) { "limit" } else { "end" };
        at = b.server(
            &[at],
            "answer",
            12.0,
            json!({"event": "answer", "message_id": message, "turn": turn, "text": whole, "reason": reason,
                   "citations": []}),
        );
        if b.random.chance(w.share("suggest", 0.3, 0.7)) {
            let (one, other) = (b.random.prose(3), b.random.prose(3));
            at = b.server(
                &[at],
                "suggest",
                40.0,
                json!({"event": "suggestions", "chat_id": chat, "items": [{"text": one}, {"text": other}]}),
            );
        }
        ready = at;
    }
    let left = b.client(&[ready], json!({"event": "leave", "chat_id": chat}));
    b.server(&[left], "end", 5.0, json!({"event": "ended", "chat_id": chat, "turns": turns}));
    let period = w.share("period", 0.3, 0.9);
    b.every(period, |random, _| json!({"event": "presence", "online": random.between(1, 12)}));
    b.finish(closed_by(Side::Server))
}
