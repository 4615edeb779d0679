//! An agent with tools that run side by side: started, thoughts, calls and their results, tokens, done.

use super::{Family, Lanes, text_at};
use crate::stream::{Builder, Stream, closed_by};
use goldwire_core::transcript::Side;
use serde_json::json;

pub(super) const FAMILY: Family = Family {
    name: "agent",
    play,
    call: |data| text_at(data, "/type"),
    names_at: &["/type"],
    lanes: &[Lanes {
        at: &[("tool_executing", "/call_id"), ("tool_progress", "/call_id"), ("tool_completed", "/call_id")],
        opener: "tool_executing",
        closer: "tool_completed",
    }],
    terminal: "agent_completed",
    floats: &["heartbeat"],
    counted: &["token"],
    uncounted: &["agent_thinking", "heartbeat"],
    counters: &[("token", "/seq"), ("tool_progress", "/step")],
    totals: &[("agent_completed", "/answer"), ("agent_completed", "/tokens")],
    awaited: "token",
    tokens: &[],
    chains: &[],
    records: &[],
};

fn play(mut b: Builder) -> Stream {
    let w = b.world;
    let (thread, run) = (b.random.id("thread", 10), b.random.id("run", 12));
    let (connection, message, time) = (b.random.uuid(), b.random.uuid(), b.iso());
    let connected = b.server(
        &[],
        "connect",
        3.0,
        json!({"type": "connection_established", "connection_id": connection, "protocol": "2.1", "server_time": time}),
    );
    let text = b.random.prose(6);
    let asked = b.client(
        &[connected],
        json!({"type": "user_message", "id": message, "thread_id": thread, "text": text}),
    );
    let mut begun = b.server(
        &[asked],
        "start",
        60.0,
        json!({"type": "agent_started", "run_id": run, "thread_id": thread, "in_reply_to": message, "model": "orion-2"}),
    );
    if b.random.chance(w.share("memory", 0.3, 0.7)) {
        let items = b.random.between(1, 9);
        begun = b.server(
            &[begun],
            "memory",
            25.0,
            json!({"type": "memory_loaded", "run_id": run, "items": items}),
        );
    }
    let mut joined = vec![begun];
    for _ in 0..b.random.between(1, w.number("calls", 2, 4)) {
        let call = b.random.id("call", 8);
        let tool = b.random.word(&["search", "calculate", "convert", "lookup"]);
        let query = b.random.prose(3);
        let mut at = b.server(
            &[begun],
            "plan",
            80.0,
            json!({"type": "tool_executing", "run_id": run, "call_id": call, "tool_name": tool, "args": {"query": query}}),
        );
        for step in 1..=b.random.between(0, w.number("progress", 1, 3)) {
            at = b.server(
                &[at],
                "progress",
                35.0,
                json!({"type": "tool_progress", "run_id": run, "call_id": call, "step": step}),
            );
        }
        let (rows, summary) = (b.random.between(1, 40), b.random.prose(5));
        joined.push(b.server(
            &[at],
            tool,
            120.0,
            json!({"type": "tool_completed", "run_id": run, "call_id": call, "tool_name": tool, "ok": true,
                   "result": {"rows": rows, "summary": summary}}),
        ));
    }
    for _ in 0..b.random.between(0, w.number("thoughts", 2, 4)) {
        let text = b.random.prose(5);
        joined.push(b.server(
            &[begun],
            "think",
            110.0,
            json!({"type": "agent_thinking", "run_id": run, "text": text}),
        ));
    }
    if b.random.chance(w.rare("cache")) {
        joined.push(b.server(&[begun], "cache", 30.0, json!({"type": "cache_evicted", "run_id": run})));
    }
    let count = b.random.between(8, w.number("tokens", 20, 50));
    let mut answer = String::new();
    let mut at = joined;
    for seq in 1..=count {
        let delta = format!("{} ", b.random.prose(1));
        answer.push_str(&delta);
        let (class, usual) = if seq == 1 { ("first_token", 450.0) } else { ("token", 22.0) };
        at = vec![b.server(
            &at,
            class,
            usual,
            json!({"type": "token", "run_id": run, "seq": seq, "delta": delta}),
        )];
    }
    let reason = if b.random.chance(w.share("length", 0.25, 0.5)) { "length" } else { "stop" };
    let (input, time) = (b.random.between(80, 900), b.iso());
    b.server(
        &at,
        "done",
        15.0,
        json!({"type": "agent_completed", "run_id": run, "answer": answer, "tokens": count, "finish_reason": reason,
               "usage": {"input_tokens": input, "output_tokens": count}, "completed_at": time}),
    );
    let day = b.epoch_ms();
    let period = w.share("period", 0.2, 0.6);
    b.every(period, |_, n| json!({"type": "heartbeat", "ts": day + 250 * n as u64}));
    b.finish(closed_by(Side::Client))
}
