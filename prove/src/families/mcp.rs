//! The Model Context Protocol with requests both ways: calls of tools wait side by side, and while one works the server
//! may ask the client for a completion, for an answer of its user or for its folders, under ids of its own.

use super::{Family, Lanes, Token, with};
use crate::stream::{Builder, Stream, closed_by};
use goldwire_core::transcript::Side;
use serde_json::{Value, json};

pub(super) const FAMILY: Family = Family {
    name: "mcp",
    play,
    call: |data| {
        let result = |key: &str| data.get("result").and_then(|result| result.get(key));
        let answered = match data.get("method").and_then(Value::as_str) {
            Some(method) => return method.to_owned(),
            None if data.get("error").is_some() => return "error".to_owned(),
            // An answer does not say what was asked, but each method has one of its own kind.
            None if result("protocolVersion").is_some() => "initialize",
            None if result("tools").is_some() => "tools/list",
            None if result("model").is_some() => "sampling/createMessage",
            None if result("action").is_some() => "elicitation/create",
            None if result("roots").is_some() => "roots/list",
            None if result("content").is_some() => "tools/call",
            None => return "result".to_owned(),
        };
        format!("result[{answered}]")
    },
    names_at: &["/method"],
    lanes: &[
        Lanes {
            at: &[
                (">initialize", "/id"),
                ("result[initialize]", "/id"),
                (">logging/setLevel", "/id"),
                ("result", "/id"),
                (">tools/list", "/id"),
                ("result[tools/list]", "/id"),
                (">tools/call", "/id"),
                ("result[tools/call]", "/id"),
                ("error", "/id"),
            ],
            opener: ">tools/call",
            closer: "result[tools/call]",
        },
        Lanes {
            at: &[("sampling/createMessage", "/id"), (">result[sampling/createMessage]", "/id")],
            opener: "sampling/createMessage",
            closer: ">result[sampling/createMessage]",
        },
        Lanes {
            at: &[("elicitation/create", "/id"), (">result[elicitation/create]", "/id")],
            opener: "elicitation/create",
            closer: ">result[elicitation/create]",
        },
        Lanes {
            at: &[("roots/list", "/id"), (">result[roots/list]", "/id")],
            opener: "roots/list",
            closer: ">result[roots/list]",
        },
    ],
    terminal: "result[tools/call]",
    floats: &["notifications/message"],
    // It counts from one to its total.
    counted: &["notifications/progress"],
    uncounted: &["notifications/message"],
    counters: &[("notifications/progress", "/params/progress")],
    totals: &[],
    awaited: "notifications/progress",
    tokens: &[Token {
        event: "notifications/progress",
        pointer: "/params/progressToken",
        request: ">tools/call",
        brought: "/params/_meta/progressToken",
    }],
    chains: &[],
    records: &["/result/content"],
};

fn message(more: Value) -> Value {
    with(json!({"jsonrpc": "2.0"}), more)
}

/// What the server asks the client while it works, and the answer, after some time of a model or a person. The ids are
/// written in when all is said.
fn ask(b: &mut Builder, at: usize, request: Value, takes: f64, result: &Value) -> (usize, usize) {
    let asked = b.server(&[at], "ask", 30.0, message(with(json!({"id": 0}), request)));
    (asked, b.client_in(&[asked], takes, message(json!({"id": 0, "result": result}))))
}

/// A tool works: its answer. What the server asked meanwhile is noted.
fn work(b: &mut Builder, mut at: usize, call: &Value, asks: &mut Vec<(usize, usize)>) -> usize {
    let (w, id) = (b.world, &call["id"]);
    let tool = call["params"]["name"].as_str().unwrap_or_default();
    let total = match tool {
        "index_folder" => b.random.between(3, w.number("progress", 4, 7)),
        "summarize" => 3,
        _ => 0,
    };
    for progress in 1..=total {
        let token = &call["params"]["_meta"]["progressToken"];
        let params = json!({"progressToken": token, "progress": progress, "total": total,
                            "message": b.random.prose(3)});
        let data = message(json!({"method": "notifications/progress", "params": params}));
        at = b.server(&[at], "progress", 45.0, data);
        if tool == "summarize" && progress == 1 {
            let text = json!({"type": "text", "text": b.random.prose(12)});
            let params = json!({"messages": [{"role": "user", "content": text}], "maxTokens": 200,
                                "systemPrompt": "Summarize.", "includeContext": "none"});
            let text = json!({"type": "text", "text": b.random.prose(8)});
            let answer =
                json!({"role": "assistant", "content": text, "model": "orion-2", "stopReason": "endTurn"});
            let request = json!({"method": "sampling/createMessage", "params": params});
            asks.push(ask(b, at, request, 420.0, &answer));
            at = asks.last().map_or(at, |own| own.1);
        }
    }
    let is_error = tool == "book_table" && b.random.chance(0.25);
    if tool == "book_table" {
        let schema =
            json!({"type": "object", "properties": {"guests": {"type": "integer"}}, "required": ["guests"]});
        let params = json!({"message": b.random.prose(5), "requestedSchema": schema});
        let accept = json!({"action": "accept", "content": {"guests": b.random.between(1, 9)}});
        let answer = if is_error { json!({"action": "decline"}) } else { accept };
        let request = json!({"method": "elicitation/create", "params": params});
        asks.push(ask(b, at, request, 600.0, &answer));
        at = asks.last().map_or(at, |own| own.1);
    }
    if b.random.chance(w.rare("error")) {
        let error = json!({"code": -32603, "message": "Internal error"});
        return b.server(&[at], "error", 20.0, message(json!({"id": id, "error": error})));
    }
    let content = json!([{"type": "text", "text": b.random.prose(6)}]);
    let result = json!({"content": content, "isError": is_error});
    b.server(&[at], tool, 80.0, message(json!({"id": id, "result": result})))
}

fn play(mut b: Builder) -> Stream {
    let w = b.world;
    let mut asks = Vec::new();
    let client = json!({"protocolVersion": "2025-06-18", "clientInfo": {"name": "desk", "version": "1.4.0"},
                        "capabilities": {"roots": {"listChanged": true}, "sampling": {}, "elicitation": {}}});
    let mut at = b.client(&[], message(json!({"id": 0, "method": "initialize", "params": client})));
    let server = json!({"protocolVersion": "2025-06-18", "serverInfo": {"name": "tools", "version": "0.9.2"},
                        "capabilities": {"logging": {}, "tools": {"listChanged": true}},
                        "instructions": "Ask before you book."});
    at = b.server(&[at], "initialize", 30.0, message(json!({"id": 0, "result": server})));
    at = b.client(&[at], message(json!({"method": "notifications/initialized"})));
    let roots = json!({"roots": [{"uri": format!("file:///home/{}", b.random.hex(6)), "name": "work"}]});
    asks.push(ask(&mut b, at, json!({"method": "roots/list"}), 5.0, &roots));
    let level = json!({"id": 1, "method": "logging/setLevel", "params": {"level": "info"}});
    at = b.client(&[at], message(level));
    let set = b.server(&[at], "level", 5.0, message(json!({"id": 1, "result": {}})));
    at = b.client(&[at], message(json!({"id": 2, "method": "tools/list"})));
    let known = ["index_folder", "summarize", "book_table", "read_file"];
    let tools = known.map(|name| json!({"name": name, "inputSchema": {"type": "object"}}));
    let listed = b.server(&[at], "list", 12.0, message(json!({"id": 2, "result": {"tools": tools}})));
    let (mut ready, mut id) = (vec![set, listed], 2);
    for _ in 0..b.random.between(1, w.number("rounds", 1, 2)) {
        let mut last = std::mem::take(&mut ready);
        for _ in 0..b.random.between(2, w.number("calls", 3, 5)) {
            id += 1;
            let params = json!({"name": b.random.word(&known), "arguments": {"what": b.random.prose(2)},
                                "_meta": {"progressToken": b.random.uuid()}});
            let call = message(json!({"id": id, "method": "tools/call", "params": params}));
            // The client does not wait for an answer before it calls the next tool.
            let asked = b.client(&last, call.clone());
            last = vec![asked];
            ready.push(work(&mut b, asked, &call, &mut asks));
        }
    }
    // The server counts its own requests as it sends them, from nought like the client.
    asks.sort_by(|one, other| b.time(one.0).total_cmp(&b.time(other.0)));
    for (number, (asked, answer)) in asks.iter().enumerate() {
        b.fill(*asked, "/id", json!(number));
        b.fill(*answer, "/id", json!(number));
    }
    b.every(w.share("logs", 0.1, 0.3), |random, _| {
        let level = random.word(&["info", "info", "notice", "warning"]);
        let data = json!({"text": random.prose(4), "files": random.below(90)});
        let params = json!({"level": level, "logger": "index", "data": data});
        message(json!({"method": "notifications/message", "params": params}))
    });
    b.finish(closed_by(Side::Client))
}
