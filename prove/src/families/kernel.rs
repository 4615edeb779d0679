//! A kernel that runs cells one after another: busy, what the cell prints, a reply that races with it, idle; every
//! message says whose child it is.

use super::{Family, Lanes};
use crate::random::Random;
use crate::stream::{Builder, Stream, closed_by};
use goldwire_core::transcript::Side;
use serde_json::{Value, json};

pub(super) const FAMILY: Family = Family {
    name: "kernel",
    play,
    call: |data| {
        let name = data.pointer("/header/msg_type").and_then(Value::as_str).unwrap_or("json");
        match data.pointer("/content/execution_state").and_then(Value::as_str) {
            Some(state) if name == "status" => format!("status[{state}]"),
            _ => name.to_owned(),
        }
    },
    names_at: &["/header/msg_type", "/content/execution_state"],
    lanes: &[Lanes {
        at: &[
            (">execute_request", "/header/msg_id"),
            ("status[busy]", "/parent_header/msg_id"),
            ("execute_input", "/parent_header/msg_id"),
            ("stream", "/parent_header/msg_id"),
            ("display_data", "/parent_header/msg_id"),
            ("execute_reply", "/parent_header/msg_id"),
            ("status[idle]", "/parent_header/msg_id"),
        ],
        opener: "status[busy]",
        closer: "status[idle]",
    }],
    terminal: "status[idle]",
    floats: &[],
    counted: &[],
    uncounted: &["stream"],
    counters: &[("execute_input", "/content/execution_count"), ("execute_reply", "/content/execution_count")],
    totals: &[],
    awaited: "stream",
    tokens: &[],
    chains: &[],
    records: &[],
};

fn message(
    random: &mut Random,
    session: &str,
    kind: &str,
    parent: Option<&str>,
    content: &Value,
) -> (String, Value) {
    let id = random.uuid();
    let mut data = json!({
        "header": {"msg_id": id, "msg_type": kind, "session": session, "version": "5.3"},
        "content": content,
    });
    if let (Some(map), Some(parent)) = (data.as_object_mut(), parent) {
        map.insert("parent_header".to_owned(), json!({"msg_id": parent, "session": session}));
    }
    (id, data)
}

fn play(mut b: Builder) -> Stream {
    let w = b.world;
    let session = b.random.hex(32);
    let mut ready: Vec<usize> = Vec::new();
    for cell in 1..=b.random.between(2, w.number("cells", 3, 5)) {
        let code = format!("x = {}", b.random.below(10_000));
        let (cell_id, request) = message(
            &mut b.random,
            &session,
            "execute_request",
            None,
            &json!({"code": code, "silent": false}),
        );
        let asked = b.client(&ready, request);
        let parent = Some(cell_id.as_str());
        let (_, data) =
            message(&mut b.random, &session, "status", parent, &json!({"execution_state": "busy"}));
        let busy = b.server(&[asked], "busy", 3.0, data);
        let (_, data) = message(
            &mut b.random,
            &session,
            "execute_input",
            parent,
            &json!({"code": code, "execution_count": cell}),
        );
        let mut at = b.server(&[busy], "input", 1.5, data);
        for n in 0..b.random.between(1, w.number("prints", 3, 8)) {
            let text = b.random.prose(4);
            let name = if b.random.chance(0.3) { "stderr" } else { "stdout" };
            let (_, data) =
                message(&mut b.random, &session, "stream", parent, &json!({"name": name, "text": text}));
            let (class, usual) = if n == 0 { ("first_print", 180.0) } else { ("print", 30.0) };
            at = b.server(&[at], class, usual, data);
        }
        if b.random.chance(w.share("display", 0.3, 0.6)) {
            let png = b.random.prose(9);
            let (_, data) = message(
                &mut b.random,
                &session,
                "display_data",
                parent,
                &json!({"data": {"text/plain": png}, "metadata": {}}),
            );
            at = b.server(&[at], "display", 20.0, data);
        }
        // Reply and idle leave by different channels.
        let (_, data) = message(
            &mut b.random,
            &session,
            "execute_reply",
            parent,
            &json!({"status": "ok", "execution_count": cell}),
        );
        let reply = b.server(&[at], "reply", 4.0, data);
        let (_, data) =
            message(&mut b.random, &session, "status", parent, &json!({"execution_state": "idle"}));
        let idle = b.server(&[at], "idle", 5.0, data);
        ready = vec![reply, idle];
    }
    b.finish(closed_by(Side::Client))
}
