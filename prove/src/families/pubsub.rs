//! Publish and subscribe: channels whose updates interleave, each with its own sequence, and heartbeats beside them.

use super::{Family, Lanes, text_at};
use crate::stream::{Builder, Stream, closed_by};
use goldwire_core::transcript::Side;
use serde_json::json;

pub(super) const FAMILY: Family = Family {
    name: "pubsub",
    play,
    call: |data| text_at(data, "/op"),
    names_at: &["/op"],
    lanes: &[Lanes {
        at: &[
            (">subscribe", "/channel"),
            ("subscribed", "/channel"),
            ("snapshot", "/channel"),
            ("update", "/channel"),
            (">unsubscribe", "/channel"),
            ("unsubscribed", "/channel"),
        ],
        opener: "subscribed",
        closer: "unsubscribed",
    }],
    terminal: "goodbye",
    floats: &["heartbeat"],
    counted: &["update"],
    uncounted: &["heartbeat"],
    counters: &[("update", "/seq")],
    totals: &[("unsubscribed", "/delivered")],
    awaited: "update",
    tokens: &[],
    chains: &[],
    records: &[],
};

fn play(mut b: Builder) -> Stream {
    let w = b.world;
    let (session, region) = (b.random.uuid(), b.random.word(&["eu-1", "us-2"]));
    let welcome = b.server(
        &[],
        "welcome",
        4.0,
        json!({"op": "welcome", "session": session, "region": region, "version": 3}),
    );
    let mut over = Vec::new();
    let mut last = welcome;
    for _ in 0..b.random.between(2, w.number("channels", 2, 4)) {
        let (channel, request) = (b.random.id("room", 7), b.random.uuid());
        let asked = b
            .client(&[last], json!({"op": "subscribe", "channel": channel, "request": request, "depth": 10}));
        last = asked;
        let mut at = b.server(
            &[asked],
            "subscribe",
            9.0,
            json!({"op": "subscribed", "channel": channel, "request": request, "session": session}),
        );
        let entries = b.random.between(1, 50);
        at = b.server(
            &[at],
            "snapshot",
            12.0,
            json!({"op": "snapshot", "channel": channel, "entries": entries, "seq": 0}),
        );
        let count = b.random.between(4, w.number("updates", 8, 20));
        for seq in 1..=count {
            let side = b.random.word(&["bid", "ask"]);
            let (price, size) = (b.random.between(100, 99_999), b.random.between(1, 500));
            let time = b.iso();
            at = b.server(
                &[at],
                "update",
                45.0,
                json!({"op": "update", "channel": channel, "seq": seq, "side": side, "price": price, "size": size,
                       "time": time}),
            );
        }
        let leaves = b.client(&[at], json!({"op": "unsubscribe", "channel": channel}));
        over.push(b.server(
            &[leaves],
            "unsubscribe",
            6.0,
            json!({"op": "unsubscribed", "channel": channel, "delivered": count}),
        ));
    }
    let bye = b.client(&over, json!({"op": "bye"}));
    b.server(&[bye], "bye", 3.0, json!({"op": "goodbye", "session": session}));
    let period = w.share("period", 0.08, 0.2);
    let clock = b.epoch_ms();
    b.every(period, |_, n| json!({"op": "heartbeat", "ts": clock + 100 * n as u64, "load": "normal"}));
    b.finish(closed_by(Side::Server))
}
