//! Tests of the room above.

use super::session::State;
use super::*;
use crate::golden;
use crate::template::Unbound;
use crate::transcript::{Frame, Gap, Offset, Payload, Side};
use serde_json::Value;
use std::collections::BTreeMap;

const CHAT: &str = r#"
        goldwire = 1
        order = "connected ; >ask ; ( token+ & beat* ) ; done ; >thanks"
        wait = "2 s"
        linger = "100 ms"
        [event.connected]
        bind.thread = "/thread"
        [event.ask]
        send = { type = "ask", thread = "{{thread}}", by = "{{user.email}}", nonce = "{{nonce}}" }
        [event.thanks]
        send = { type = "thanks" }
    "#;

/// A session under a clock that is a number; says what it does in words.
struct Stage<'g> {
    session: Session<'g>,
    now: u64,
    said: Vec<String>,
}

impl Stage<'_> {
    fn frame(&mut self, side: Side, payload: Payload) {
        let frame = Frame::new(Offset::from_nanos(self.now), side, payload);
        self.session.frame(&frame);
    }

    /// Does all there is to do until only time or the server can bring it further.
    fn settle(&mut self) -> u64 {
        loop {
            let mut fresh = |name: &str| (name == "nonce").then(|| Value::from("n1"));
            let turn = self.session.turn(Offset::from_nanos(self.now), &mut fresh);
            match turn.action {
                Action::Wait if turn.wake.as_nanos() > self.now => return turn.wake.as_nanos(),
                Action::Wait => {}
                Action::Send(payload) => {
                    if let Payload::Text(text) = &payload {
                        self.said.push(format!("{} {text}", self.now / 1_000_000));
                    }
                    self.frame(Side::Client, payload);
                }
                Action::Close { code } => self.said.push(format!("{} close {code}", self.now / 1_000_000)),
                Action::Reconnect => self.said.push("reconnect".to_owned()),
                Action::Cancel { request } => self.said.push(format!("cancel {request:?}")),
                Action::Done(ending) => {
                    self.said.push(format!("{} {}", self.now / 1_000_000, ending.label()));
                    return u64::MAX;
                }
            }
        }
    }

    fn server(&mut self, text: &str) {
        self.now += 10_000_000;
        self.frame(Side::Server, Payload::Text(text.to_owned()));
        self.settle();
    }
}

fn play(script: impl FnOnce(&mut Stage<'_>)) -> Vec<String> {
    play_by(CHAT, script)
}

fn play_by(golden: &str, script: impl FnOnce(&mut Stage<'_>)) -> Vec<String> {
    let golden = golden::read("chat.toml", golden).expect("a valid golden");
    let values = BTreeMap::from([("user.email".to_owned(), Value::from("u1@example.test"))]);
    let mut stage = Stage { session: Session::new(&golden, values), now: 0, said: Vec::new() };
    stage.settle();
    script(&mut stage);
    stage.said
}

const FEED: &str = "goldwire = 1\norder = \">watch ; price{2,}\"\nwait = \"2 s\"\n[event.watch]\n\
                        send = { type = \"watch\" }\n";

/// The server tells a price every 100 ms, for as long as somebody listens, but a minute at most.
fn prices(golden: &str) -> Vec<String> {
    play_by(golden, |stage| {
        for _ in 0..600 {
            stage.now += 90_000_000;
            stage.server(r#"{"type":"price"}"#);
            if stage.said.len() > 1 {
                break;
            }
        }
    })
}

#[test]
fn a_feed_that_never_ends_is_left_when_enough_of_it_has_come() {
    let watch = r#"0 {"type":"watch"}"#;
    // Six times `wait` after the second price.
    assert_eq!(prices(FEED), [watch, "12200 close 1000"]);
    assert_eq!(prices(&FEED.replace("wait =", "listen = \"3 s\"\nwait =")), [watch, "3000 close 1000"]);
    // Not before all has come that must.
    assert_eq!(prices(&FEED.replace("wait =", "listen = \"50 ms\"\nwait =")), [watch, "200 close 1000"]);
    // A server that must end it has as long as any session.
    let ends = FEED.replace("wait = \"2 s\"", "ends = \"server 1000\"\nwait = \"500 ms\"");
    assert_eq!(prices(&ends), [watch, "30000 gave up"]);
}

#[test]
fn who_listens_for_a_time_stays_though_nothing_comes() {
    let golden = FEED.replace("wait =", "listen = \"3 s\"\nwait =");
    let said = play_by(&golden, |stage| {
        stage.server(r#"{"type":"price"}"#);
        stage.server(r#"{"type":"price"}"#);
        stage.now = stage.settle();
        stage.settle();
    });
    assert_eq!(said, [r#"0 {"type":"watch"}"#, "3000 close 1000"]);
}

#[test]
fn a_message_of_the_client_is_a_cause_of_the_next() {
    let text = r#"
            goldwire = 1
            order = "hi ; ( >ask & >say+ & said+ )"
            script = [">ask", ">say", ">say"]
            wait = "2 s"
            linger = "100 ms"
            [event.ask]
            send = { type = "ask" }
            [event.say]
            send = { type = "say" }
            after = [">ask", "said"]
        "#;
    let said = play_by(text, |stage| {
        stage.server(r#"{"type":"hi"}"#);
        stage.settle();
        // The first is said at once, the second when the first was heard.
        assert_eq!(stage.said.len(), 2, "{:?}", stage.said);
        stage.server(r#"{"type":"said"}"#);
        stage.settle();
    });
    let names = said.iter().filter_map(|line| line.split('"').nth(3)).collect::<Vec<_>>();
    assert_eq!(names, ["ask", "say", "say"]);
}

#[test]
fn the_client_speaks_when_its_cause_was_seen() {
    let said = play(|stage| {
        stage.server(r#"{"type":"connected","thread":"t1"}"#);
        stage.server(r#"{"type":"token"}"#);
        stage.server(r#"{"type":"done"}"#);
        stage.now = stage.settle();
        stage.settle();
        stage.frame(Side::Server, Payload::Close { code: 1000, reason: String::new() });
        stage.settle();
    });
    assert_eq!(
        said,
        [
            r#"10 {"type":"ask","thread":"t1","by":"u1@example.test","nonce":"n1"}"#,
            r#"30 {"type":"thanks"}"#,
            "130 close 1000",
            "130 client 1000"
        ]
    );
}

#[test]
fn a_place_that_nobody_fills_is_known_before_anything_is_sent() {
    let golden = golden::read("chat.toml", CHAT).expect("a valid golden");
    let mut fresh = |name: &str| (name == "nonce").then(|| Value::from("n1"));
    let missing = unbound(&golden, &BTreeMap::new(), &mut fresh);
    assert_eq!(missing, Some(Unbound("user.email".to_owned())));
    let values = BTreeMap::from([("var.user.email".to_owned(), Value::from("a@example.test"))]);
    assert_eq!(unbound(&golden, &values, &mut fresh), None);
}

#[test]
fn heartbeats_do_not_keep_a_silent_server_alive() {
    let said = play(|stage| {
        stage.server(r#"{"type":"connected","thread":"t1"}"#);
        stage.server(r#"{"type":"token"}"#);
        // `beat` is no branch at the top here, so it counts as progress until it stops.
        stage.server(r#"{"type":"beat"}"#);
        stage.now = stage.settle();
        stage.settle();
    });
    assert_eq!(said[1..], ["2030 gave up"]);
}

#[test]
fn a_server_that_hangs_up_instead_of_closing_was_left_by_the_client() {
    let golden = CHAT.replace("wait =", "ends = \"client 1006\"\nwait =");
    let said = play_by(&golden, |stage| {
        stage.server(r#"{"type":"connected","thread":"t1"}"#);
        stage.server(r#"{"type":"token"}"#);
        stage.server(r#"{"type":"done"}"#);
        stage.now = stage.settle();
        stage.settle();
        stage.frame(Side::Server, Payload::Gone("connection reset".to_owned()));
        stage.settle();
    });
    assert_eq!(said[2..], ["130 close 1000", "130 client 1006"]);
}

#[test]
fn a_text_by_its_name_counts_as_its_frame_does() {
    let golden = golden::read("chat.toml", CHAT).expect("a valid golden");
    let values = BTreeMap::from([("user.email".to_owned(), Value::from("u1@example.test"))]);
    let mut both = [(); 2].map(|()| Session::new(&golden, values.clone()));
    let mut fresh = |name: &str| (name == "nonce").then(|| Value::from("n1"));
    let texts = [
        r#"{"type":"connected","thread":"t1"}"#,
        r#"{"type":"token"}"#,
        r#"{"type":"token"}"#,
        r#"{"type":"beat"}"#,
        r#"{"type":"stranger","n":[1,{"a":"\ud800"}]}"#,
        r#"{"type":"stranger","n":1e999}"#,
        "no JSON",
        r#"{"type":"done"}"#,
    ];
    for (n, text) in (1u64..).zip(texts) {
        let at = Offset::from_nanos(n * 10_000_000);
        let frame = Frame::new(at, Side::Server, Payload::Text(text.to_owned()));
        let [by_frame, by_name] = &mut both;
        assert_eq!(by_frame.frame(&frame), by_name.text(at, 0, text), "{text}");
        for session in &mut both {
            while let Turn { action: Action::Send(payload), .. } = session.turn(at, &mut fresh) {
                session.frame(&Frame::new(at, Side::Client, payload));
            }
        }
        let [by_frame, by_name] = both.each_ref().map(|session| {
            let Session { sent, seen, values, progress, last_frame, state, .. } = session;
            let latest = session.watch.latest;
            format!("{sent} {seen:?} {values:?} {progress:?} {last_frame:?} {state:?} {latest:?}")
        });
        assert_eq!(by_frame, by_name, "{text}");
    }
    assert_eq!(both[1].progress(), (2, 2));
}

#[test]
fn a_server_that_closes_early_ends_the_session() {
    let said = play(|stage| {
        stage.frame(Side::Server, Payload::Close { code: 1008, reason: "no".to_owned() });
        stage.settle();
    });
    assert_eq!(said, ["0 server 1008"]);
}

#[test]
fn a_close_without_a_code_is_ours_whatever_usual_code_answers_it() {
    let quiet = CHAT.replace("wait =", "ends = \"client 1005\"\nwait =");
    let ended = |answer: u16| {
        let said = play_by(&quiet, |stage| {
            for event in ["connected", "token", "done"] {
                stage.server(&format!(r#"{{"type":"{event}","thread":"t"}}"#));
            }
            stage.now = stage.settle();
            stage.settle();
            stage.frame(Side::Server, Payload::Close { code: answer, reason: String::new() });
            stage.settle();
        });
        said[said.len() - 2..].join(", ")
    };
    assert_eq!(ended(1000), "130 close 1005, 130 client 1005");
    assert_eq!(ended(1005), "130 close 1005, 130 client 1005");
    assert_eq!(ended(1011), "130 close 1005, 130 client 1011");
}

#[test]
fn a_heartbeat_is_answered_whatever_else_is_waited_for() {
    let text = r#"
            goldwire = 1
            order = "hello ; >ask ; done"
            wait = "2 s"
            [[reflex]]
            on = "ping"
            send = { type = "pong", seq = "{{/seq}}" }
            [[reflex]]
            on = "tick"
            [[reflex]]
            every = "1 s"
            send = { type = "alive" }
            [event.ask]
            send = { type = "ask" }
        "#;
    let said = play_by(text, |stage| {
        stage.server(r#"{"type":"ping","seq":1}"#);
        stage.server(r#"{"type":"hello"}"#);
        stage.server(r#"{"type":"tick"}"#);
        stage.server(r#"{"type":"ping","seq":2}"#);
        stage.now = stage.settle();
        stage.server(r#"{"type":"done"}"#);
    });
    let pong = |at: u64, seq: u64| format!(r#"{at} {{"type":"pong","seq":{seq}}}"#);
    let ask = r#"20 {"type":"ask"}"#.to_owned();
    assert_eq!(said, [pong(10, 1), ask, pong(40, 2), r#"1050 {"type":"alive"}"#.to_owned()]);
}

#[test]
fn what_a_protocol_obliges_to_is_answered_and_is_not_of_the_script() {
    let text = r#"
            goldwire = 1
            order = "INFO ; >CONNECT ; >PING ; PONG ; MSG"
            wait = "2 s"
            [dialect]
            kind = "nats"
            [event.CONNECT]
            send = { jwt = "j" }
            [event.">PING"]
            send = { }
        "#;
    for is_named in [false, true] {
        let text = if is_named { text.replace("PONG ;", "PONG ; PING ; >PONG ;") } else { text.to_owned() };
        let text = text + if is_named { "[event.\">PONG\"]\nsend = { }\n" } else { "" };
        let golden = golden::read("g.toml", &text).expect("a golden");
        let mut session = Session::new(&golden, BTreeMap::new());
        let mut sent = String::new();
        let mut play = |bytes: &str| {
            let now = Offset::ZERO;
            session.frame(&Frame::new(now, Side::Server, Payload::Binary(bytes.into())));
            while let Turn { action: Action::Send(payload), .. } = session.turn(now, &mut |_| None) {
                session.frame(&Frame::new(now, Side::Client, payload.clone()));
                let Payload::Binary(bytes) = payload else { panic!("frames are binary") };
                sent.push_str(&String::from_utf8(bytes).expect("text"));
            }
        };
        play("INFO {}\r\n");
        play("PONG\r\nPING\r\n");
        play("MSG a 1 1\r\nx\r\n");
        assert_eq!(sent, "CONNECT {\"jwt\":\"j\"}\r\nPING\r\nPONG\r\n");
        assert!(matches!(session.state, State::Listening(_)), "{:?}", session.state);
    }
}

#[test]
fn a_client_that_has_been_silent_for_long_says_that_it_is_there() {
    let text = r#"
            goldwire = 1
            order = ">CONNECT ; CONNACK ; PUBLISH"
            wait = "60 s"
            [dialect]
            kind = "mqtt"
            [event.CONNECT]
            send = { client_id = "a", keep_alive = 10 }
        "#;
    let golden = golden::read("g.toml", text).expect("a golden");
    let mut session = Session::new(&golden, BTreeMap::new());
    let at = |seconds: u64| Offset::ZERO + Gap::from_millis(seconds * 1000);
    let Action::Send(connect) = session.turn(at(0), &mut |_| None).action else { panic!("it connects") };
    session.frame(&Frame::new(at(0), Side::Client, connect));
    session.frame(&Frame::new(at(1), Side::Server, Payload::Binary(vec![0x20, 2, 0, 0])));
    let turn = session.turn(at(1), &mut |_| None);
    assert_eq!(turn, Turn { action: Action::Wait, wake: at(5) });
    let ping = Payload::Binary(vec![0xc0, 0]);
    assert_eq!(session.turn(at(5), &mut |_| None).action, Action::Send(ping.clone()));
    session.frame(&Frame::new(at(5), Side::Client, ping));
    assert_eq!(session.turn(at(5), &mut |_| None), Turn { action: Action::Wait, wake: at(10) });
}
