//! Tests of the room above.

use super::*;
use crate::dialect::{self, Label};
use crate::golden::Golden;
use crate::transcript::{Offset, Payload, Side, Transcript};
use serde_json::{Value, json};

/// The dialect of recordings in which the client and the server say these, line by line, and what events are called.
fn named(recordings: &[Vec<(char, Value)>]) -> Vec<String> {
    let recordings: Vec<Transcript> = recordings
        .iter()
        .enumerate()
        .map(|(index, said)| {
            let frames = said.iter().zip(1..).map(|((mark, data), at)| {
                let side = if *mark == '>' { Side::Client } else { Side::Server };
                let payload = Payload::Text(data.to_string());
                crate::transcript::Frame::new(Offset::from_nanos(at * 1_000_000), side, payload)
            });
            let header = crate::transcript::Header { id: format!("r{index}"), ..Default::default() };
            let how = crate::transcript::End::Closed { by: Side::Client, code: 1000, reason: String::new() };
            let at = Offset::from_nanos(1_000_000_000);
            let ending = crate::transcript::Ending { at, how, host: None };
            Transcript { header, frames: frames.collect(), ending }
        })
        .collect();
    let golden = crate::learn::learn(&recordings[..], None).expect("there are events").golden;
    let events = dialect::events(&golden.dialect, &recordings[0].frames);
    events.iter().map(|event| event.label.as_str().to_owned()).collect()
}

#[test]
fn a_key_that_is_there_says_what_a_message_is() {
    let session = |n: u64| {
        vec![
            ('>', json!({"setup": {"model": "m"}})),
            ('<', json!({"setupComplete": {}})),
            ('>', json!({"clientContent": {"turns": [{"parts": [{"text": format!("hi {n}")}]}]}})),
            ('<', json!({"serverContent": {"modelTurn": {"parts": []}}})),
            ('<', json!({"serverContent": {"turnComplete": true}, "usageMetadata": {"total": n}})),
            ('<', json!({"toolCall": {"functionCalls": [{"id": "f0"}]}, "usageMetadata": {"total": n}})),
        ]
    };
    let found = named(&(0..6).map(session).collect::<Vec<_>>());
    let own = [">setup", "setupComplete", ">clientContent", "serverContent", "serverContent", "toolCall"];
    assert_eq!(found, own);
    // A word that some of them have says more of those, and nothing of the others.
    let session = |n: u64| {
        vec![
            ('>', json!({"addTarget": {"query": n}})),
            ('<', json!({"targetChange": {"type": "ADD"}})),
            ('<', json!({"documentChange": {"document": {"name": format!("d{n}")}}})),
            ('<', json!({"targetChange": {"type": "CURRENT"}})),
            ('<', json!({"filter": {"count": n}})),
        ]
    };
    let found = named(&(0..6).map(session).collect::<Vec<_>>());
    assert_eq!(
        found,
        [">addTarget", "targetChange[ADD]", "documentChange", "targetChange[CURRENT]", "filter"]
    );
    // Nor does a key say more than a word that they all have.
    let session = |n: u64| {
        let open = json!({"header": {"type": "open"}, "content": {}});
        vec![
            ('>', json!({"header": {"type": "go"}, "content": {}})),
            ('<', open),
            ('<', json!({"header": {"type": "end"}, "usage": {"n": n}})),
        ]
    };
    assert_eq!(named(&(0..6).map(session).collect::<Vec<_>>()), [">go", "open", "end"]);
    // A reply has its id beside its result, which is no name.
    let session = |n: u64| {
        let id = json!(n);
        vec![
            ('>', json!({"id": id, "ask": {}})),
            ('<', json!({"id": id, "result": {}})),
            ('<', json!({"id": id, "error": {}})),
        ]
    };
    assert_eq!(named(&(0..6).map(session).collect::<Vec<_>>()), [">json", "json", "json"]);
}

#[test]
fn an_id_is_no_name_though_it_is_a_word() {
    let session = |_| {
        vec![
            ('>', json!({"id": "v", "method": "getVersion"})),
            ('<', json!({"id": "v", "result": {"version": "1"}})),
            ('>', json!({"id": "a", "method": "add"})),
            ('<', json!({"id": "a", "result": "x1"})),
            ('<', json!({"method": "onStart", "params": [{"gid": "x1"}]})),
        ]
    };
    let named = named(&(0..5).map(session).collect::<Vec<_>>());
    assert_eq!(named, [">getVersion", "re:getVersion", ">add", "re:add", "onStart"]);
}

#[test]
fn calls_in_tuples_are_answered_by_their_id_on_either_side() {
    let session = |n: u64| {
        let own = format!("{n:08x}-cf9d-40ca-b68c-0595fa524d97");
        vec![
            ('>', json!([2, "m1", "Boot", {"v": 1}])),
            ('<', json!([3, "m1", {"ok": true}])),
            ('<', json!([2, own, "GetConf", {"k": 1}])),
            ('>', json!([3, own, {"v": 1}])),
            ('>', json!([2, "m2", "Auth", {"t": 1}])),
            ('<', json!([3, "m2", {"ok": true}])),
        ]
    };
    let named = named(&(1..6).map(session).collect::<Vec<_>>());
    assert_eq!(named, [">Boot", "re:Boot", "GetConf", ">re:GetConf", ">Auth", "re:Auth"]);
}

/// WAMP, section 6.
#[test]
fn a_list_that_no_word_names_is_called_by_the_code_it_begins_with() {
    let session = |n: u64| {
        let (own, subscription, topic) = (900_000 + n, 700_000 + n, "com.shop.orders");
        vec![
            ('>', json!([1, "realm1", {"roles": {}}])),
            ('<', json!([2, own, {"roles": {}}])),
            ('>', json!([32, 1, {}, topic])),
            ('<', json!([33, 1, subscription])),
            ('>', json!([48, 2, {}, "com.shop.add", [n, 2]])),
            ('<', json!([50, 2, {}, [n + 2]])),
            ('<', json!([36, subscription, 5_000 + n, {}, [], {"order": n}])),
            ('>', json!([6, {}, "wamp.close.normal"])),
            ('<', json!([6, {}, "wamp.close.normal"])),
        ]
    };
    let named = named(&(0..5).map(session).collect::<Vec<_>>());
    assert_eq!(named, [">n1", "n2", ">n32", "n33", ">n48", "n50", "n36", ">n6", "n6"]);
    // Measurements are no codes: they tell nothing about what follows.
    let session = |n: u64| (0..6).map(|k| ('<', json!([(n * 7 + k * 5) % 20, k, n]))).collect::<Vec<_>>();
    let named = super::tests::named(&(0..5).map(session).collect::<Vec<_>>());
    assert_eq!(named, ["json"; 6]);
}

/// Agent Client Protocol: `session/update` notifications.
#[test]
fn a_name_that_most_messages_have_is_told_apart_by_a_second_field() {
    let session = |n: u64| {
        let update = |data: Value| {
            (
                '<',
                json!({"method": "session/update", "params": {"sessionId": format!("sess_{n}abc123"), "update": data}}),
            )
        };
        vec![
            ('>', json!({"id": 1, "method": "session/prompt", "params": {"text": n}})),
            update(json!({"sessionUpdate": "agent_message_chunk", "content": {"text": format!("hi {n}")}})),
            update(json!({"sessionUpdate": "tool_call", "toolCallId": "c", "title": "read"})),
            update(json!({"sessionUpdate": "tool_call_update", "toolCallId": "c", "status": "completed"})),
            update(json!({"sessionUpdate": "agent_message_chunk", "content": {"text": "done"}})),
            ('<', json!({"id": 1, "result": {"stopReason": "end_turn"}})),
        ]
    };
    let named = named(&(0..5).map(session).collect::<Vec<_>>());
    let update = |kind: &str| format!("session/update[{kind}]");
    let (chunk, call) = (update("agent_message_chunk"), update("tool_call"));
    let changed = update("tool_call_update");
    assert_eq!(named, [">session/prompt", &chunk, &call, &changed, &chunk, "re:session/prompt"]);
}

/// As exchanges have it: acknowledgements, and then what was asked for.
#[test]
fn what_acknowledges_is_told_from_what_it_is_about() {
    let session = |n: u64, with_action: bool| {
        let arg = |channel: &str| json!({"channel": channel, "instId": "BTC-USDT"});
        let ack = |event: &str, channel: &str| {
            ('<', json!({"event": event, "arg": arg(channel), "connId": format!("c{n}")}))
        };
        let push = |channel: &str, action: &str, seq: usize| {
            let data = json!([{"seqId": seq, "ts": n}]);
            let plain = json!({"arg": arg(channel), "data": data});
            (
                '<',
                if with_action {
                    json!({"arg": arg(channel), "action": action, "data": data})
                } else {
                    plain
                },
            )
        };
        let mut said = vec![
            ('>', json!({"op": "subscribe", "args": [arg("books"), arg("trades")]})),
            ack("subscribe", "books"),
            ack("subscribe", "trades"),
        ];
        said.extend(
            (0..8).map(|seq| push(["books", "trades"][seq % 2], ["snapshot", "update"][seq.min(1)], seq)),
        );
        said.push(('>', json!({"op": "unsubscribe", "args": [arg("books")]})));
        said.push(ack("unsubscribe", "books"));
        said
    };
    let of = |with_action| named(&(0..5).map(|n| session(n, with_action)).collect::<Vec<_>>());
    for (with_action, pushed) in [(false, ["books", "trades"]), (true, ["snapshot", "update"])] {
        let own = of(with_action);
        assert!(own[1].starts_with("subscribe") && own[12].starts_with("unsubscribe"), "{own:?}");
        assert_eq!(own[3..5], pushed);
    }
}

#[test]
fn numbers_are_names_and_a_word_below_says_more() {
    let session = |n: u64| {
        vec![
            ('<', json!({"op": 10, "t": null, "d": {"every": 100 + n}})),
            ('>', json!({"op": 2, "d": {"who": "me"}})),
            ('<', json!({"op": 0, "t": "READY", "d": {"v": 1}})),
            ('<', json!({"op": 0, "t": "MESSAGE", "d": {"text": format!("hello {n}")}})),
            ('>', json!({"op": 1, "d": 2})),
            ('<', json!({"op": 11, "t": null, "d": null})),
        ]
    };
    let named = named(&(0..5).map(session).collect::<Vec<_>>());
    assert_eq!(named, ["n10", ">n2", "n0[READY]", "n0[MESSAGE]", ">n1", "n11"]);
}

#[test]
fn what_people_wrote_and_what_a_model_is_called_are_no_names() {
    let session = |_| {
        vec![
            ('>', json!({"prompt": "hi"})),
            ('<', json!({"object": "chunk", "model": "gpt-x", "delta": {"content": "w"}})),
            ('<', json!({"object": "chunk", "model": "gpt-x", "delta": {"content": "w"}})),
        ]
    };
    let named = named(&(0..5).map(session).collect::<Vec<_>>());
    assert_eq!(named, [">prompt", "chunk", "chunk"]);
}

#[test]
fn a_message_of_one_key_is_called_by_it_where_it_says_nothing_else() {
    let session = |n: usize| {
        vec![
            ('>', json!({"auth": format!("tok{n}")})),
            ('<', json!({"auth": "ok"})),
            ('>', json!({"subscribe": "debug"})),
            ('<', json!({"topic": "debug", "data": n})),
            ('<', json!({"topic": "status", "data": n})),
            ('<', json!([{"topic": "debug", "data": n}])),
        ]
    };
    let named_of =
        |session: &dyn Fn(usize) -> Vec<(char, Value)>| named(&(0..5).map(session).collect::<Vec<_>>());
    assert_eq!(named_of(&session), [">auth", "auth", ">subscribe", "debug", "status", "debug"]);
    // Keys that come in one recording only are ids.
    let ids = |n: usize| {
        let user = format!("user{n}");
        let mut messages = session(n);
        messages.push(('<', json!({ user: 1 })));
        messages.retain(|(_, message)| message.get("auth").is_none());
        messages
    };
    assert_eq!(named_of(&ids), [">subscribe", "debug", "status", "debug", "json"]);
}

#[test]
fn where_nothing_tells_messages_apart_that_is_said() {
    let golden = |names: usize, label: &dyn Fn(usize) -> String| {
        let mut golden = Golden::default();
        for number in 0..names {
            let event = crate::golden::Event { seen: 1, runs: 1, ..Default::default() };
            golden.events.insert(Label::from(label(number).as_str()), event);
        }
        golden
    };
    assert_eq!(doubts(&golden(20, &|n| format!("event_{n}"))), [""; 0]);
    let many = doubts(&golden(1000, &|n| format!("event_{n}")));
    assert!(many[0].starts_with("no good name found: there are 1000 names, and 1000 of them"), "{many:?}");
    let mut nameless = golden(1, &|_| "json".to_owned());
    nameless.events.values_mut().for_each(|event| event.seen = 40);
    let said = doubts(&nameless);
    assert!(said[0].starts_with("no good name found: 40 of 40 messages"), "{said:?}");
}
