//! JSON-RPC: requests that wait together and are answered out of order, with progress for some of them.

use super::{Family, Lanes};
use crate::stream::{Builder, Stream, closed_by};
use goldwire_core::transcript::Side;
use serde_json::{Value, json};

pub(super) const FAMILY: Family = Family {
    name: "rpc",
    play,
    call: |data| {
        let method = data.get("method").and_then(Value::as_str);
        method.unwrap_or(if data.get("error").is_some() { "error" } else { "result" }).to_owned()
    },
    names_at: &["/method"],
    lanes: &[Lanes {
        at: &[
            (">initialize", "/id"),
            (">tools/list", "/id"),
            (">tools/call", "/id"),
            (">resources/read", "/id"),
            ("notifications/progress", "/params/progressToken"),
            ("result", "/id"),
        ],
        opener: ">tools/call",
        closer: "result",
    }],
    terminal: "result",
    floats: &["notifications/message"],
    counted: &[],
    uncounted: &["notifications/message"],
    counters: &[("notifications/progress", "/params/progress")],
    totals: &[],
    awaited: "notifications/progress",
    tokens: &[],
    chains: &[],
    records: &[],
};

fn request(id: usize, method: &str, params: Value) -> Value {
    let mut data = json!({"jsonrpc": "2.0", "id": id, "method": method});
    if let Some(map) = data.as_object_mut() {
        map.insert("params".to_owned(), params);
    }
    data
}

fn play(mut b: Builder) -> Stream {
    let w = b.world;
    let mut id = 1;
    let first = b.client(&[], request(id, "initialize", json!({"protocolVersion": "2025-06-18"})));
    let mut ready = vec![b.server(
        &[first],
        "initialize",
        20.0,
        json!({"jsonrpc": "2.0", "id": id, "result": {"protocolVersion": "2025-06-18", "serverInfo": {"name": "tools"}}}),
    )];
    id += 1;
    let listed = b.client(&ready, request(id, "tools/list", json!({})));
    let tools = json!({"tools": ["search", "fetch", "sum"]});
    ready = vec![b.server(&[listed], "list", 15.0, json!({"jsonrpc": "2.0", "id": id, "result": tools}))];
    for _ in 0..b.random.between(1, w.number("rounds", 1, 2)) {
        let mut last = ready.clone();
        let mut answered = Vec::new();
        for _ in 0..b.random.between(2, w.number("calls", 3, 5)) {
            id += 1;
            let name = b.random.word(&["search", "fetch", "sum"]);
            let query = b.random.prose(3);
            let params = json!({"name": name, "arguments": {"q": query}, "_meta": {"progressToken": id}});
            let asked = b.client(&last, request(id, "tools/call", params));
            // The client does not wait for an answer before it asks the next question.
            last = vec![asked];
            let mut at = asked;
            let total = b.random.between(1, w.number("progress", 2, 4));
            for progress in 1..=total {
                at = b.server(
                    &[at],
                    "progress",
                    40.0,
                    json!({"jsonrpc": "2.0", "method": "notifications/progress",
                           "params": {"progressToken": id, "progress": progress, "total": total}}),
                );
            }
            let text = b.random.prose(6);
            answered.push(b.server(
                &[at],
                name,
                90.0,
                json!({"jsonrpc": "2.0", "id": id,
                       "result": {"content": [{"type": "text", "text": text}], "isError": false}}),
            ));
        }
        ready = answered;
    }
    let period = w.share("logs", 0.1, 0.3);
    b.every(period, |random, _| {
        let text = random.prose(4);
        json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": text}})
    });
    b.finish(closed_by(Side::Client))
}
