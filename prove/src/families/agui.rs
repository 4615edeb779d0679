//! Runs of an agent as AG-UI tells them: steps in a step, messages in pieces, calls of tools with their arguments in
//! pieces, a state that is patched. At the end of a run come the whole state and all messages.

use super::{Family, Lanes, text_at};
use crate::stream::{Builder, Stream, closed_by};
use goldwire_core::transcript::Side;
use serde_json::{Value, json};

pub(super) const FAMILY: Family = Family {
    name: "agui",
    play,
    // What the client sends is an input for a run and says no type.
    call: |data| text_at(data, "/type"),
    names_at: &["/type"],
    lanes: &[
        Lanes {
            at: &[(">json", "/runId"), ("RUN_STARTED", "/runId"), ("RUN_FINISHED", "/runId")],
            opener: "RUN_STARTED",
            closer: "RUN_FINISHED",
        },
        Lanes {
            at: &[("STEP_STARTED", "/stepName"), ("STEP_FINISHED", "/stepName")],
            opener: "STEP_STARTED",
            closer: "STEP_FINISHED",
        },
        Lanes {
            at: &[
                ("TEXT_MESSAGE_START", "/messageId"),
                ("TEXT_MESSAGE_CONTENT", "/messageId"),
                ("TEXT_MESSAGE_END", "/messageId"),
            ],
            opener: "TEXT_MESSAGE_START",
            closer: "TEXT_MESSAGE_END",
        },
        Lanes {
            at: &[
                ("TOOL_CALL_START", "/toolCallId"),
                ("TOOL_CALL_ARGS", "/toolCallId"),
                ("TOOL_CALL_END", "/toolCallId"),
                ("TOOL_CALL_RESULT", "/toolCallId"),
            ],
            opener: "TOOL_CALL_START",
            closer: "TOOL_CALL_RESULT",
        },
    ],
    terminal: "RUN_FINISHED",
    floats: &[],
    // All messages at the end of a run have the whole texts and arguments.
    counted: &["TEXT_MESSAGE_CONTENT", "TOOL_CALL_ARGS"],
    uncounted: &[],
    counters: &[],
    totals: &[],
    awaited: "TEXT_MESSAGE_CONTENT",
    tokens: &[],
    chains: &[],
    records: &[],
};

fn step(b: &mut Builder, after: &[usize], name: &str, is_over: bool) -> usize {
    let kind = if is_over { "STEP_FINISHED" } else { "STEP_STARTED" };
    b.server(after, kind, 3.0, json!({"type": kind, "stepName": name}))
}

/// A message in pieces: its end and its whole text.
fn text(b: &mut Builder, after: usize, message: &str, most: usize) -> (usize, String) {
    let start = json!({"type": "TEXT_MESSAGE_START", "messageId": message, "role": "assistant"});
    let mut at = b.server(&[after], "start", 15.0, start);
    let mut whole = String::new();
    for n in 0..b.random.between(5, most) {
        let delta = format!("{}{}", if n == 0 { "" } else { " " }, b.random.prose(1));
        whole.push_str(&delta);
        let (class, usual) = if n == 0 { ("first_word", 340.0) } else { ("word", 24.0) };
        let content = json!({"type": "TEXT_MESSAGE_CONTENT", "messageId": message, "delta": delta});
        at = b.server(&[at], class, usual, content);
    }
    let end = b.server(&[at], "end", 5.0, json!({"type": "TEXT_MESSAGE_END", "messageId": message}));
    (end, whole)
}

/// Tools that the agent calls one after another and that then work side by side: when all are over.
fn act(b: &mut Builder, begun: usize, plan: &mut [Value], messages: &mut Vec<Value>) -> Vec<usize> {
    let w = b.world;
    let parent = b.random.uuid();
    let (mut at, mut content) = (begun, String::new());
    if b.random.chance(w.share("preface", 0.3, 0.7)) {
        (at, content) = text(b, begun, &parent, 8);
    }
    let mut calls: Vec<(String, &str)> = Vec::new();
    let mut written: Vec<Value> = Vec::new();
    for _ in 0..plan.len() {
        let call = b.random.id("call", 24);
        let tool = b.random.word(&["search_web", "read_page", "get_weather"]);
        let arguments = json!({"query": b.random.prose(5), "limit": b.random.between(1, 20)}).to_string();
        let start = json!({"type": "TOOL_CALL_START", "toolCallId": call, "toolCallName": tool,
                           "parentMessageId": parent});
        at = b.server(&[at], "call", 160.0, start);
        let letters: Vec<char> = arguments.chars().collect();
        for piece in letters.chunks(b.random.between(6, 11)) {
            let delta: String = piece.iter().collect();
            let piece = json!({"type": "TOOL_CALL_ARGS", "toolCallId": call, "delta": delta});
            at = b.server(&[at], "args", 14.0, piece);
        }
        at = b.server(&[at], "call_end", 4.0, json!({"type": "TOOL_CALL_END", "toolCallId": call}));
        let function = json!({"name": tool, "arguments": arguments});
        written.push(json!({"id": call, "type": "function", "function": function}));
        calls.push((call, tool));
    }
    messages.push(json!({"id": parent, "role": "assistant", "content": content, "toolCalls": written}));
    let mut over = Vec::new();
    for (number, (call, tool)) in calls.iter().enumerate() {
        let (message, content) = (b.random.uuid(), b.random.prose(8));
        let result = json!({"type": "TOOL_CALL_RESULT", "messageId": message, "toolCallId": call,
                            "content": content, "role": "tool"});
        let result = b.server(&[at], tool, 210.0, result);
        let patch =
            json!([{"op": "replace", "path": format!("/plan/{number}/status"), "value": "completed"}]);
        over.push(b.server(&[result], "patch", 2.0, json!({"type": "STATE_DELTA", "delta": patch})));
        messages.push(json!({"id": message, "role": "tool", "toolCallId": call, "content": content}));
    }
    plan.iter_mut().for_each(|task| task["status"] = json!("completed"));
    over
}

fn play(mut b: Builder) -> Stream {
    let w = b.world;
    let thread = b.random.uuid();
    let mut state = json!({});
    let mut messages: Vec<Value> = Vec::new();
    let mut ready = Vec::new();
    for turn in 0..b.random.between(2, w.number("runs", 2, 3)) {
        let (run, question, words) = (b.random.uuid(), b.random.uuid(), b.random.prose(7));
        messages.push(json!({"id": question, "role": "user", "content": words}));
        let input = json!({"threadId": thread, "runId": run, "state": state, "messages": messages, "tools": [],
                           "context": [], "forwardedProps": {}});
        let asked = b.client_in(&ready, if turn == 0 { 1.0 } else { 400.0 }, input);
        let started = json!({"type": "RUN_STARTED", "threadId": thread, "runId": run});
        let mut at = b.server(&[asked], "run", 25.0, started);
        state = json!({"phase": "planning", "turn": turn, "plan": []});
        at = b.server(&[at], "snapshot", 6.0, json!({"type": "STATE_SNAPSHOT", "snapshot": state}));
        at = step(&mut b, &[at], "agent", false);
        at = step(&mut b, &[at], "plan", false);
        let has_tools = b.random.chance(w.share("tools", 0.5, 0.9));
        let tasks = if has_tools { b.random.between(1, w.number("calls", 2, 3)) } else { 0 };
        let mut plan: Vec<Value> = Vec::new();
        for _ in 0..tasks {
            plan.push(json!({"task": b.random.prose(3), "status": "pending"}));
        }
        let patch = json!([{"op": "replace", "path": "/phase", "value": "working"},
                           {"op": "add", "path": "/plan", "value": plan}]);
        at = b.server(&[at], "planned", 280.0, json!({"type": "STATE_DELTA", "delta": patch}));
        at = step(&mut b, &[at], "plan", true);
        if has_tools {
            at = step(&mut b, &[at], "act", false);
            let over = act(&mut b, at, &mut plan, &mut messages);
            at = step(&mut b, &over, "act", true);
        }
        at = step(&mut b, &[at], "write", false);
        let message = b.random.uuid();
        let (end, content) = text(&mut b, at, &message, w.number("words", 12, 30));
        messages.push(json!({"id": message, "role": "assistant", "content": content}));
        at = step(&mut b, &[end], "write", true);
        at = step(&mut b, &[at], "agent", true);
        state = json!({"phase": "done", "turn": turn, "plan": plan});
        at = b.server(&[at], "snapshot", 6.0, json!({"type": "STATE_SNAPSHOT", "snapshot": state}));
        at = b.server(&[at], "messages", 4.0, json!({"type": "MESSAGES_SNAPSHOT", "messages": messages}));
        if b.random.chance(w.share("suggest", 0.2, 0.5)) {
            let value = json!([b.random.prose(4), b.random.prose(4)]);
            let custom = json!({"type": "CUSTOM", "name": "suggestions", "value": value});
            at = b.server(&[at], "suggest", 45.0, custom);
        }
        let finished = json!({"type": "RUN_FINISHED", "threadId": thread, "runId": run});
        ready = vec![b.server(&[at], "finish", 5.0, finished)];
    }
    b.finish(closed_by(Side::Client))
}
