//! Sessions of servers and clients that nobody here wrote, recorded with `tests/peers.sh`: they are named by what they say,
//! clean ones conform, and of broken ones it is known which are found.
//!
//! Each folder of `tests/peers/recordings` has the recordings to learn from, in `held` others of the same server, and in
//! `broken` some that were broken by hand: a message lost, doubled or swapped, a field renamed, an id crossed.

use goldwire::check::check;
use goldwire::golden::{self, Golden};
use goldwire::learn::learn;
use goldwire::transcript::{self, Transcript};
use std::fs;
use std::path::{Path, PathBuf};

fn recordings(folder: &Path) -> Vec<(String, Transcript)> {
    let entries = fs::read_dir(folder).expect("a folder of recordings").map(|entry| entry.expect("an entry"));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let bytes = fs::read(&path).expect("a recording");
        (
            name,
            transcript::read(bytes.as_slice()).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        )
    };
    paths.into_iter().map(read).collect()
}

/// What is learned of a peer, and the broken recordings in which nothing is found.
fn judged(peer: &str) -> (Golden, Vec<String>) {
    let folder = Path::new("tests/peers/recordings").join(peer);
    let sessions: Vec<Transcript> = recordings(&folder).into_iter().map(|(_, session)| session).collect();
    let learned = learn(&sessions, None).expect("there are events").golden;
    let text = golden::write(&learned);
    let mut golden =
        golden::read("golden.toml", &text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    golden.attach(&learned.evidence());
    for (name, clean) in recordings(&folder.join("held")) {
        let findings = check(&golden, &clean).findings;
        assert!(findings.is_empty(), "{peer} {name}: {findings:#?}");
    }
    let broken = recordings(&folder.join("broken")).into_iter();
    let missed = broken.filter(|(_, session)| check(&golden, session).findings.is_empty());
    let missed = missed.map(|(name, _)| name).collect();
    (golden, missed)
}

fn assert_found(peer: &str, dialect: &str, order: &[&str], missed: &[&str]) {
    let (golden, really_missed) = judged(peer);
    let text = golden::write(&golden);
    let own = text.split("\n[dialect]\n").nth(1).and_then(|rest| rest.split("\n[learned]").next());
    assert_eq!(own.unwrap_or_default().trim(), dialect.trim(), "{peer}");
    let has = |part: &&&str| golden.order.to_string().contains(**part);
    let lacks: Vec<_> = order.iter().filter(|part| !has(part)).collect();
    assert!(lacks.is_empty(), "{peer} lacks {lacks:?}: {}", golden.order);
    assert_eq!(really_missed, missed, "{peer}");
}

/// What answers a request.
fn answered(golden: &Golden, request: &str) -> String {
    let event = golden.event(&request.into()).expect("it was recorded");
    event.answered.as_ref().map(ToString::to_string).unwrap_or_default()
}

#[test]
fn ocpp_calls_are_tied_to_their_results_in_both_directions() {
    assert_found(
        "ocpp",
        "kind = \"json\"\nname = \"/2\"\nreply = \"/1\"",
        &["GetConfiguration ; >re:GetConfiguration", ">MeterValues ; re:MeterValues"],
        &[],
    );
    let (golden, _) = judged("ocpp");
    // The charge point sends the next call when the one before is answered.
    let after: Vec<&str> =
        golden.events[&">MeterValues".into()].after.iter().map(|label| label.as_str()).collect();
    assert_eq!(after, ["re:MeterValues", "re:StartTransaction"]);
    // Another call of the server's came between, and the charge point's answer to it.
    let timing = &golden.events[&"re:StartTransaction".into()].timing;
    let causes: Vec<&str> = timing.iter().map(|timing| timing.after.as_str()).collect();
    assert_eq!(causes, [">StartTransaction"]);
}

#[test]
fn pusher_says_json_in_strings_and_its_heartbeats_leave_the_order() {
    assert_found(
        "pusher",
        "kind = \"json\"\nname = \"/event\"\nclient_embedded = \"/data/channel_data\"\n\
         server_embedded = \"/data\"\n\n[dialect.refine]\n\
         \"pusher_internal:subscription_succeeded\" = \"/channel\"\n\n[[reflex]]\non = \"pusher:ping\"\n\
         send = { event = \"pusher:pong\", data = {} }",
        &["pusher:connection_established ; ", "( >client-say ; said )+"],
        &[],
    );
}

#[test]
fn colyseus_says_rows_of_messagepack() {
    assert_found(
        "colyseus",
        "kind = \"json\"\ncodec = \"msgpack-row\"\nname = \"/1\"",
        &[">draw ; drawn ; >play ; played"],
        &["crossed", "swapped"],
    );
}

#[test]
fn phoenix_answers_are_called_after_their_requests() {
    assert_found(
        "phoenix",
        "kind = \"json\"\nname = \"/3\"\nreply = \"/1\"\nanswers = \"phx_reply\"",
        &[">heartbeat", "re:heartbeat", ">shout", "re:shout"],
        &["swapped"],
    );
    let (golden, _) = judged("phoenix");
    // Whatever the order lets through: each request has its answer.
    assert_eq!(answered(&golden, ">shout"), "re:shout");
}

#[test]
fn wamp_calls_have_one_answer_each_and_may_have_progress_before() {
    let (golden, missed) = judged("wamp");
    assert_eq!(answered(&golden, ">PUBLISH"), "re:PUBLISH");
    assert_eq!(answered(&golden, ">CALL"), "re:CALL+ | re:CALL:error");
    // That one call fails and another one does not is the choice of who is called.
    assert_eq!(missed, ["crossedinv", "error"]);
}

#[test]
fn signalr_is_known_by_its_handshake_as_json_and_as_messagepack() {
    let reflexes = |ping: &str| format!("[[reflex]]\non = \"ping\"\n\n[[reflex]]\nevery = \"15 s\"\n{ping}");
    let json = "kind = \"json\"\nname = [\"/target\", \"/type\"]\nreply = \"/invocationId\"\n\
                answers = \"completion\"\nrecord_separator = true\n\n[dialect.codes]\n2 = \"item\"\n\
                3 = \"completion\"\n6 = \"ping\"\n7 = \"close\"\n\n";
    assert_found("signalr", &(json.to_owned() + &reflexes("send = { type = 6 }")), &[">Say ; Said"], &[]);
    let packed = "kind = \"json\"\ncodec = \"msgpack-length\"\nname = \"/0\"\nreply = \"/2\"\n\
                  answers = \"completion\"\n\n[dialect.codes]\n1 = \"invocation\"\n2 = \"item\"\n\
                  3 = \"completion\"\n4 = \"stream\"\n6 = \"ping\"\n7 = \"close\"\n\n";
    assert_found(
        "signalr-msgpack",
        &(packed.to_owned() + &reflexes("send_json = \"[6]\"")),
        &[">stream ; item+ ; re:stream"],
        &["swapped"],
    );
}

#[test]
fn xmpp_has_stanzas_whose_answers_are_tied_to_their_requests() {
    let refine: Vec<String> = [
        ("\">iq\"", "/@type"),
        ("\">iq[get]\"", "/*/@xmlns"),
        ("\">iq[set]\"", "/*/@xmlns"),
        ("\">message\"", "/@type"),
        ("\">presence\"", "/@type"),
        ("iq", "/@type"),
        ("\"iq[get]\"", "/*/@xmlns"),
        ("\"iq[set]\"", "/*/@xmlns"),
        ("message", "/@type"),
        ("presence", "/@type"),
    ]
    .map(|(label, pointer)| format!("{label} = \"{pointer}\""))
    .into();
    let dialect = "kind = \"json\"\ncodec = \"xml\"\nname = \"/#name\"\nreply = \"/@id\"\n\
                   answers = [\"iq[error]\", \"iq[result]\"]\n\n[dialect.refine]\n";
    let order = [
        "( >open ; open ; stream:features ; ( >auth ; success )? )+",
        ">iq[set:urn:ietf:params:xml:ns:xmpp-bind] ; re:iq[set:urn:ietf:params:xml:ns:xmpp-bind]",
        "each id ( >message[chat] ; message[chat] )+",
        "( >iq[get:urn:example:unknown] ; \"re:iq[get:urn:example:unknown]:error\" )? ; >close ; close",
    ];
    assert_found("xmpp", &(dialect.to_owned() + &refine.join("\n")), &order, &[]);
    let (golden, _) = judged("xmpp");
    // The login is hidden as a whole, and made of name and password again.
    let auth = golden::write(&golden);
    assert!(auth.contains(r##""#base64" = "\u0000{{username}}\u0000{{password}}""##), "{auth}");
    // Who one is, the server says when it is asked, and to oneself one writes.
    let binds = &golden.events[&"re:iq[set:urn:ietf:params:xml:ns:xmpp-bind]".into()].binds;
    assert_eq!(*binds, [("jid".to_owned(), "/bind/jid/#text".to_owned())]);
    let after: Vec<&str> =
        golden.events[&">message[chat]".into()].after.iter().map(|label| label.as_str()).collect();
    assert_eq!(after, ["message[chat]", "re:iq[get:http://jabber.org/protocol/disco#info]"]);
}

#[test]
fn yjs_has_a_lane_for_each_update() {
    // That somebody moves her cursor after she wrote, and not before, no message says.
    assert_found(
        "yjs",
        "kind = \"json\"\ncodec = \"yjs\"\nname = \"/type\"",
        &["each update ( >update? ; update )+", "sync1", "sync2", "awareness+"],
        &["swapped"],
    );
}

#[test]
fn chunks_of_a_chat_completion_are_called_after_what_they_hold() {
    let (golden, missed) = judged("openai");
    let order = golden.order.to_string();
    assert!(
        order.contains("( ( role ; content+ ) | tool_calls+ ) ; finish_reason ; usage )+ ; \"[DONE]\""),
        "{order}"
    );
    assert_eq!(missed, ["lost", "swapped"]);
    // The second request gives back the id of the tool's call, which stands in lists of the first one's chunks.
    let binds = &golden.events[&"tool_calls".into()].binds;
    assert_eq!(*binds, [("id".to_owned(), "/choices/0/delta/tool_calls/0/id".to_owned())]);
}
