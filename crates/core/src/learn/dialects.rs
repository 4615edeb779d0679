//! What is learned of sessions in other dialects than plain JSON, and judged by it again: tests.

use super::learn;
use crate::check::check;
use crate::dialect::{Dialect, events};
use crate::golden::{self, Golden};
use crate::transcript::{End, Ending, Frame, Header, Offset, Payload, Side, Transcript};

/// `> text` and `< text`, bytes as `>x 00ff`; `$` and letters stand for an id of this session's, one for each letter.
fn session(seed: u64, lines: &[&str]) -> Transcript {
    let mut frames = Vec::new();
    for (line, place) in lines.iter().zip(1..) {
        let (mark, text) = line.split_once(' ').expect("a mark");
        let side = if mark.starts_with('>') { Side::Client } else { Side::Server };
        let mut text = text.to_owned();
        for letter in ["a", "b", "c"] {
            let id =
                format!("{:08x}{:04x}", crate::stats::fingerprint(&format!("{letter}{seed}")) >> 32, seed);
            text = text.replace(&format!("${letter}"), &id);
        }
        let payload = match mark.ends_with('x') {
            true => Payload::Binary(crate::codec::unhex(&text).expect("digits")),
            false => Payload::Text(text.replace("\\r\\n", "\r\n").replace("\\0", "\0").replace("\\n", "\n")),
        };
        frames.push(Frame::new(Offset::from_nanos(place * 10_000_000 + seed * 1_000), side, payload));
    }
    let header = Header {
        id: format!("r{seed}"),
        started: format!("2026-11-22T12:00:{seed:02}.000000000Z"),
        user: "u1".to_owned(),
        ..Header::default()
    };
    let how = End::Closed { by: Side::Client, code: 1000, reason: String::new() };
    Transcript { header, frames, ending: Ending { at: Offset::from_nanos(10_000_000_000), how, host: None } }
}

/// Learns from ten sessions of which each is one of these, in turn, and reads what was written of it.
fn learned(variants: &[&[&str]]) -> Golden {
    let sessions: Vec<Transcript> =
        (0..10).zip(variants.iter().cycle()).map(|(seed, lines)| session(seed, lines)).collect();
    let golden = learn(&sessions, None).expect("there are events").golden;
    let text = golden::write(&golden);
    let mut read =
        golden::read("golden/x.toml", &text).unwrap_or_else(|problems| panic!("{text}\n{problems}"));
    read.attach(&golden.evidence());
    for session in &sessions {
        let findings = check(&read, session).findings;
        assert!(findings.is_empty(), "{text}\n{findings:#?}");
        // What the client has sent is what its golden would send, as events see it.
        let clients =
            events(&golden.dialect, &session.frames).into_iter().filter(|event| event.label.is_client());
        for event in clients {
            let again: Vec<Frame> = golden
                .dialect
                .encode(&event.label, &event.data)
                .expect("it was said")
                .into_iter()
                .map(|payload| Frame::new(event.at, Side::Client, payload))
                .collect();
            let said = events(&bare(&golden.dialect), &again);
            assert_eq!(said.first().map(|said| &said.data), Some(&event.data), "{:?}", event.label);
        }
    }
    read
}

/// Without what tells events of a name apart.
fn bare(dialect: &Dialect) -> Dialect {
    match dialect {
        Dialect::Json(_) | Dialect::Sse(_) => dialect.clone(),
        Dialect::Protocol(spoken) => Dialect::Protocol(crate::dialect::ProtocolOptions::new(spoken.protocol)),
    }
}

#[test]
fn nats_by_subject_with_its_inbox_bound() {
    let lines = [
        r#"< INFO {"nonce":"$a","max_payload":1048576}\r\n"#,
        r#"> CONNECT {"verbose":false}\r\nPING\r\n"#,
        r"< PONG\r\nPING\r\n",
        r"> PONG\r\n",
        r"> SUB chat.room 1\r\nSUB chat.news 2\r\n",
        r#"> PUB chat.room 8\r\n{"n":10}\r\n"#,
        r#"< MSG chat.room 1 8\r\n{"n":10}\r\nMSG chat.news 2 3\r\nhey\r\n"#,
    ];
    let golden = learned(&[&lines]);
    assert_eq!(golden.dialect.kind(), "nats");
    assert_eq!(
        golden.order.to_string(),
        "INFO ; >CONNECT ; >PING ; PONG ; >SUB[chat.room] ; >SUB[chat.news] ; >PUB ; MSG[chat.room] ; MSG[chat.news]"
    );
}

#[test]
fn socket_io_with_a_lane_for_each_answer() {
    let head = [r#"< 0{"sid":"$a","pingInterval":25000}"#, "> 40", r#"< 40{"sid":"$b"}"#, "< 2", "> 3"];
    let ask = [r#"> 420["ask",{"q":"one"}]"#, r#"> 421["ask",{"q":"one"}]"#];
    let answers = [r#"< 431["ok"]"#, r#"< 430["ok"]"#];
    let one = [&head[..], &ask, &answers].concat();
    let other = [&head[..], &ask, &[answers[1], answers[0]]].concat();
    let golden = learned(&[&one, &other]);
    assert_eq!(golden.dialect.kind(), "socket.io");
    assert_eq!(golden.order.to_string(), "eio.open ; >connect ; connect ; each ack_id ( >ask ; re:ask )+");
}

#[test]
fn graphql_with_a_lane_for_each_operation() {
    let one = [
        r#"> {"type":"connection_init"}"#,
        r#"< {"type":"connection_ack"}"#,
        r#"> {"id":"1","type":"subscribe","payload":{"query":"subscription Chat { m }"}}"#,
        r#"> {"id":"2","type":"subscribe","payload":{"query":"subscription Chat { m }"}}"#,
        r#"< {"id":"1","type":"next","payload":{"data":{"m":1}}}"#,
        r#"< {"id":"2","type":"next","payload":{"data":{"m":1}}}"#,
        r#"< {"type":"ping"}"#,
        r#"> {"type":"pong"}"#,
        r#"< {"id":"2","type":"complete"}"#,
        r#"< {"id":"1","type":"complete"}"#,
    ];
    let mut other = one;
    other.swap(4, 5);
    other.swap(8, 9);
    let golden = learned(&[&one, &other]);
    assert_eq!(golden.dialect.kind(), "graphql-ws");
    assert_eq!(
        golden.order.to_string(),
        ">connection_init ; connection_ack ; each id ( >subscribe[Chat] ; next[Chat] ; complete[Chat] )+"
    );
}

#[test]
fn mqtt_with_chores_left_out_and_topics_told_apart() {
    let lines = [
        ">x 100d00044d5154540402000a000161",
        "<x 20020000",
        ">x 820800010003612f2301",
        "<x 9003000101",
        "<x 32080003612f62000731",
        ">x 40020007",
        "<x 30060003612f6332d000",
        ">x c000",
        ">x e000",
    ];
    let golden = learned(&[&lines]);
    assert_eq!(golden.dialect.kind(), "mqtt");
    assert_eq!(
        golden.order.to_string(),
        ">CONNECT ; CONNACK ; >SUBSCRIBE ; SUBACK ; PUBLISH[a/b] ; PUBLISH[a/c] ; >DISCONNECT"
    );
}

#[test]
fn stomp_and_lines() {
    let golden = learned(&[&[
        r"> CONNECT\naccept-version:1.2\n\n\0",
        r"< CONNECTED\nversion:1.2\n\n\0\n",
        r"> SEND\ndestination:/queue/a\nreceipt:$a\n\nhello\0",
        r"< RECEIPT\nreceipt-id:$a\n\n\0",
    ]]);
    assert_eq!(golden.dialect.kind(), "stomp");
    assert_eq!(golden.order.to_string(), ">CONNECT ; CONNECTED ; >SEND ; RECEIPT");
    let golden = learned(&[&["> NICK ada", "< :srv 001 ada :hello", "> JOIN #a", "< :ada JOIN #a"]]);
    assert_eq!(golden.dialect.kind(), "lines");
    assert_eq!(golden.order.to_string(), r#">NICK ; "001" ; >JOIN ; JOIN"#);
}

/// Phoenix: `[join_ref, ref, topic, event, payload]`.
#[test]
fn json_in_lists_by_a_pointer_into_the_list() {
    let lines = [
        r#"> ["1","1","room:a","phx_join",{}]"#,
        r#"< ["1","1","room:a","phx_reply",{"status":"ok"}]"#,
        r#"> ["1","2","room:a","shout",{"text":"hi"}]"#,
        r#"< ["1",null,"room:a","news",{"text":"hi"}]"#,
    ];
    let golden = learned(&[&lines]);
    let text = golden::write(&golden);
    assert!(text.contains("[dialect]\nkind = \"json\"\nname = \"/3\"\n"), "{text}");
    assert_eq!(golden.order.to_string(), ">phx_join ; phx_reply ; >shout ; news");
}

/// A server that puts what is due at once into one list, as home automation and JSON-RPC servers do.
#[test]
fn lists_of_named_objects_are_several_messages() {
    let apart = [
        r#"> {"id":1,"type":"watch"}"#,
        r#"< {"id":1,"type":"result","ok":true}"#,
        r#"< {"id":1,"type":"event","n":1}"#,
        r#"< {"id":1,"type":"event","n":2}"#,
        r#"< [{"row":"a"},{"row":"b"}]"#,
    ];
    let together = [
        apart[0],
        r#"< [{"id":1,"type":"result","ok":true},{"id":1,"type":"event","n":1},{"id":1,"type":"event","n":2}]"#,
        apart[4],
    ];
    let golden = learned(&[&apart, &together]);
    // Rows without a name are one message.
    assert_eq!(golden.order.to_string(), ">watch ; result ; event{2} ; json");
    let lost = session(99, &[together[0], r#"< [{"id":1,"type":"result","ok":true}]"#, apart[4]]);
    let findings = check(&golden, &lost).findings;
    assert!(findings.iter().any(|finding| finding.message.contains("event")), "{findings:#?}");
    let batch = [
        r#"> {"jsonrpc":"2.0","id":"$a","method":"add"}"#,
        r#"> {"jsonrpc":"2.0","id":"$b","method":"sub"}"#,
        r#"< [{"jsonrpc":"2.0","id":"$b","result":1},{"jsonrpc":"2.0","id":"$a","result":2}]"#,
    ];
    let single = [
        batch[0],
        r#"< {"jsonrpc":"2.0","id":"$a","result":2}"#,
        batch[1],
        r#"< {"jsonrpc":"2.0","id":"$b","result":1}"#,
    ];
    let golden = learned(&[&batch, &single]);
    let labels: Vec<&str> = golden.order.labels().into_iter().map(|label| label.as_str()).collect();
    assert!(
        labels.contains(&"re:add") && labels.contains(&"re:sub") && !labels.contains(&"json"),
        "{labels:?}"
    );
}

#[test]
fn the_goldens_of_the_documentation_are_goldens() {
    let text = include_str!("../../../../docs/DIALECTS.md");
    for kind in Dialect::kinds() {
        assert!(text.contains(&format!("| `{kind}` | ")), "{kind} is not in the table");
    }
    let blocks = text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut kinds = Vec::new();
    for block in blocks.filter(|block| block.starts_with("order")) {
        let read = golden::read("docs/DIALECTS.md", &format!("goldwire = 1\n{block}"));
        let golden = read.unwrap_or_else(|problems| panic!("{block}\n{problems}"));
        kinds.push(golden.dialect.kind());
    }
    assert_eq!(
        kinds,
        [
            "json",
            "json",
            "json",
            "json",
            "json",
            "json",
            "json",
            "json",
            "json",
            "json",
            "json",
            "nats",
            "socket.io",
            "graphql-ws",
            "mqtt",
            "stomp",
            "lines",
            "bytes"
        ]
    );
}

/// The id stands in an object of the message, or in JSON within a string; the answers have one name, or none.
#[test]
fn answers_are_tied_to_requests_by_ids_in_objects_and_in_strings() {
    let one = [
        r#"> {"type":"sum","meta":{"ref":"q1"},"n":1}"#,
        r#"> {"type":"get","meta":{"ref":"q2"},"key":"a"}"#,
        r#"< {"type":"news","text":"hey"}"#,
        r#"< {"type":"result","meta":{"ref":"q2"},"value":"x"}"#,
        r#"< {"type":"result","meta":{"ref":"q1"},"value":"y"}"#,
    ];
    let other = [one[0], one[1], one[4], one[2], one[3]];
    let golden = learned(&[&one, &other]);
    assert_eq!(golden.dialect.reply(), Some("/meta/ref"));
    let answered = |golden: &Golden, label: &str| {
        golden.events[&label.into()].answered.as_ref().map(|answers| answers.to_string())
    };
    assert_eq!(answered(&golden, ">sum").as_deref(), Some("re:sum"));
    assert_eq!(answered(&golden, ">get").as_deref(), Some("re:get"));
    // It is found with and without the order: the finding names the request without an answer.
    let lost = session(11, &[one[0], one[1], one[2], one[3]]);
    let findings = check(&golden, &lost).findings;
    let words: Vec<String> = findings
        .iter()
        .map(|finding| [vec![finding.message.clone()], finding.consequences.clone()].concat().join("; "))
        .collect();
    assert!(words.iter().any(|words| words.contains(">sum \"q1\" has no answer")), "{words:?}");

    let packed = [
        r#"> {"event":"sum","data":"{\"ref\":\"$a\",\"n\":1}"}"#,
        r#"> {"event":"get","data":"{\"ref\":\"$b\",\"key\":\"a\"}"}"#,
        r#"< {"event":"result","data":"{\"ref\":\"$b\",\"value\":\"x\"}"}"#,
        r#"< {"event":"result","data":"{\"ref\":\"$a\",\"value\":\"y\"}"}"#,
    ];
    let golden = learned(&[&packed, &[packed[0], packed[1], packed[3], packed[2]]]);
    assert_eq!(golden.dialect.reply(), Some("/data/ref"));
    assert_eq!(answered(&golden, ">sum").as_deref(), Some("re:sum"));
}

/// Both sides ask, as in OCPP: what comes between says nothing of how long an answer took.
#[test]
fn an_answer_is_timed_from_the_request_whose_id_it_has() {
    let sessions: Vec<Transcript> = (0..10u64)
        .map(|seed| {
            let at = |millis: u64| Offset::from_nanos((millis * 1_000 + seed * 7) * 1_000);
            let said = [
                (1, Side::Client, r#"{"id":1,"method":"start"}"#),
                (2, Side::Server, r#"{"id":"s1","method":"ask"}"#),
                (30, Side::Client, r#"{"id":"s1","result":"yes"}"#),
                (41, Side::Server, r#"{"id":1,"result":true}"#),
                (50, Side::Client, r#"{"id":2,"method":"stop"}"#),
                (60, Side::Server, r#"{"id":2,"result":true}"#),
            ];
            let mut recording = session(seed, &[]);
            recording.frames = said
                .into_iter()
                .map(|(millis, side, text)| Frame::new(at(millis), side, Payload::Text(text.to_owned())))
                .collect();
            recording
        })
        .collect();
    let golden = learn(&sessions, None).expect("there are events").golden;
    let timing = &golden.events[&"re:start".into()].timing;
    let causes: Vec<&str> = timing.iter().map(|timing| timing.after.as_str()).collect();
    assert_eq!(causes, [">start"], "{}", golden.order);
    assert!((39..=41).contains(&(timing[0].usual.as_nanos() / 1_000_000)), "{}", timing[0].usual);
    // And a check measures it so.
    let gaps = check(&golden, &sessions[0]).gaps;
    let measured: Vec<u64> =
        gaps[&("re:start".into(), ">start".into())].gaps().map(|gap| gap.as_nanos() / 1_000_000).collect();
    assert_eq!(measured, [40]);
}

#[test]
fn a_login_by_sasl_plain_is_sent_as_name_and_password() {
    let lines = [
        r#"> <open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='a' version='1.0'/>"#,
        r#"< <open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='a' id='$a' version='1.0'/>"#,
        r#"> <auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="PLAIN">{{secret:password#1}}</auth>"#,
        r#"< <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"#,
    ];
    let sessions: Vec<Transcript> = (0..10).map(|seed| session(seed, &lines)).collect();
    let golden = learn(&sessions, None).expect("there are events").golden;
    let values = [("user.username", "ada"), ("user.password", "secret")];
    let values = values.map(|(name, value)| (name.to_owned(), serde_json::Value::from(value))).into();
    let mut driven = crate::drive::Session::new(&golden, values);
    let mut sent = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let at = Offset::from_nanos(place as u64 * 10_000_000);
        let turn = driven.turn(at, &mut |_| None);
        match turn.action {
            crate::drive::Action::Send(payload) => {
                driven.frame(&Frame::new(at, Side::Client, payload.clone()));
                sent.push(payload);
            }
            _ => drop(driven.frame(&Frame::new(
                at,
                Side::Server,
                Payload::Text(line[2..].replace("$a", "id7")),
            ))),
        }
    }
    let auth = r#"<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="PLAIN">AGFkYQBzZWNyZXQ=</auth>"#;
    assert_eq!(sent.last(), Some(&Payload::Text(auth.to_owned())), "{}", golden::write(&golden));
}
