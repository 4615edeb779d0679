//! Whatever is read from others is broken in every way and read again: recordings, captures, goldens, orders, what was
//! seen, profiles, reports, and the messages of every dialect. Nothing may panic, and what is read and written can be read.
//!
//! Each target takes what the repository has of its kind, and breaks it for `GOLDWIRE_FUZZ_SECONDS` (20 by default), always
//! in the same ways for a `GOLDWIRE_FUZZ_SEED` (1 by default), so that a change is not blamed for what chance found:
//! `GOLDWIRE_FUZZ_SEED=2 GOLDWIRE_FUZZ_SECONDS=3600 cargo test --release --test fuzz`. What once failed is kept in `tests/fuzz/TARGET/` and read
//! first. Frames, handshakes and compressed messages have properties of their own beside their code, which
//! `PROPTEST_CASES` makes longer.

use goldwire::check::check;
use goldwire::codec::{Codec, Format, Schema};
use goldwire::dialect::{
    Codecs, Dialect, Embedded, HttpNames, JsonNames, Protocol, ProtocolOptions, events, sse,
};
use goldwire::golden::{self, Golden, HostProfile, Seen, parse_order};
use goldwire::learn::learn;
use goldwire::report;
use goldwire::transcript::exchange::{Mapping, read_har, read_lines};
use goldwire::transcript::{self, End, Ending, Frame, Header, Offset, Payload, Redactor, Side, Transcript};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What has broken readers before: brackets without an end, numbers beyond all bounds, half characters, other people's
/// signs.
const WORDS: [&[u8]; 40] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b"\\u",
    b"\\ud800",
    b"\0",
    b"\r\n",
    b"\n\n",
    b"\xff",
    b"\xc3",
    b"\xe2\x80\xa8",
    b"\x1b]52;",
    b"null",
    b"-1",
    b"1e400",
    b"18446744073709551616",
    b"-9223372036854775808",
    b"0.1",
    b"{{",
    b"}}",
    b"{{secret:token#1}}",
    b"=",
    b";",
    b"&",
    b"|",
    b"(",
    b")",
    b"*",
    b"+",
    b"?",
    b"each ",
    b"{0}",
    b"{3}",
    b"{99999999999}",
    b"data: ",
    b"'''",
    b"\xef\xbb\xbf",
];

/// One way to break something.
#[derive(Debug, Clone)]
enum Break {
    Byte(Index, u8),
    Insert(Index, usize),
    Delete(Index, usize),
    /// A part comes several times.
    Repeat(Index, usize, usize),
    /// A part comes elsewhere.
    Move(Index, usize, Index),
    /// The rest is missing.
    Cut(Index),
}

impl Break {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let at = |index: &Index, bytes: &[u8]| index.index(bytes.len() + 1).min(bytes.len());
        let part = |index: &Index, length: usize, bytes: &[u8]| {
            let start = at(index, bytes);
            start..(start + length).min(bytes.len())
        };
        match self {
            Break::Byte(index, byte) => {
                let place = at(index, bytes);
                if let Some(own) = bytes.get_mut(place) {
                    *own = *byte;
                }
            }
            Break::Insert(index, word) => {
                let place = at(index, bytes);
                bytes.splice(place..place, WORDS[word % WORDS.len()].iter().copied());
            }
            Break::Delete(index, length) => drop(bytes.drain(part(index, *length, bytes))),
            Break::Repeat(index, length, times) => {
                let part = part(index, *length, bytes);
                let (end, again) = (part.end, bytes[part].repeat(*times));
                bytes.splice(end..end, again);
            }
            Break::Move(from, length, to) => {
                let taken: Vec<u8> = bytes.drain(part(from, *length, bytes)).collect();
                let place = at(to, bytes);
                bytes.splice(place..place, taken);
            }
            Break::Cut(index) => bytes.truncate(at(index, bytes)),
        }
    }
}

fn broken(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let length = || prop_oneof![4 => 1usize..12, 1 => 1usize..400];
    let one = prop_oneof![
        3 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Break::Byte(at, byte)),
        5 => (any::<Index>(), 0..WORDS.len()).prop_map(|(at, word)| Break::Insert(at, word)),
        3 => (any::<Index>(), length()).prop_map(|(at, length)| Break::Delete(at, length)),
        1 => (any::<Index>(), length(), 1usize..200).prop_map(|(at, length, n)| Break::Repeat(at, length, n)),
        2 => (any::<Index>(), length(), any::<Index>()).prop_map(|(at, length, to)| Break::Move(at, length, to)),
        1 => any::<Index>().prop_map(Break::Cut),
    ];
    (proptest::sample::select(seeds), proptest::collection::vec(one, 0..8)).prop_map(|(mut bytes, breaks)| {
        breaks.iter().for_each(|one| one.apply(&mut bytes));
        bytes
    })
}

/// Breaks seeds for a while; `hold` panics where something does not hold.
fn fuzz(target: &str, seeds: Vec<Vec<u8>>, hold: impl Fn(&[u8])) {
    assert!(!seeds.is_empty(), "nothing to break");
    for path in files(&format!("tests/fuzz/{target}"), "") {
        eprintln!("{}", path.display());
        hold(&fs::read(&path).expect("a file"));
    }
    let seconds =
        std::env::var("GOLDWIRE_FUZZ_SECONDS").ok().map_or(20, |text| text.parse().expect("seconds"));
    let until = Instant::now() + Duration::from_secs(seconds);
    let first: u64 =
        std::env::var("GOLDWIRE_FUZZ_SEED").ok().map_or(1, |text| text.parse().expect("a number"));
    let strategy = broken(seeds);
    let mut cases: u64 = 0;
    while Instant::now() < until {
        let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&first.to_le_bytes());
        seed[8..16].copy_from_slice(&cases.to_le_bytes());
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        let result = TestRunner::new_with_rng(config, random).run(&strategy, |bytes| {
            hold(&bytes);
            Ok(())
        });
        if let Err(error) = result {
            panic!("{target}, after {cases} cases (keep the bytes in tests/fuzz/{target}/): {error}");
        }
        cases += 64;
    }
    println!("{target}: {cases} cases in {seconds} s");
}

/// The files of a folder whose names end so, those in its folders included.
fn files(folder: &str, end: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(files(&path.display().to_string(), end));
        } else if path.display().to_string().ends_with(end) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn contents(folder: &str, end: &str) -> Vec<Vec<u8>> {
    files(folder, end).iter().map(|path| fs::read(path).expect("a file")).collect()
}

/// Some recordings of every session, short enough to be read a thousand times a second.
fn recordings() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for session in fs::read_dir("recordings").expect("recordings").flatten() {
        for path in files(&session.path().display().to_string(), ".jsonl").into_iter().take(2) {
            let text = fs::read_to_string(path).expect("a recording");
            let lines: Vec<&str> = text.lines().collect();
            // The last line counts and hashes those before it: without it what is broken is still read, as torn.
            let kept = &lines[..lines.len().min(25) - 1];
            seeds.push((kept.join("\n") + "\n").into_bytes());
        }
    }
    seeds
}

fn goldens() -> Vec<Golden> {
    let texts = contents("tests/goldens", ".toml").into_iter().chain(contents("golden", ".toml"));
    texts
        .map(|text| {
            golden::read("g.toml", &String::from_utf8_lossy(&text)).expect("a golden that is committed")
        })
        .collect()
}

#[test]
fn recordings_are_read_judged_and_learned_from() {
    let goldens = goldens();
    fuzz("recording", recordings(), |bytes| {
        let Ok(mut one) = transcript::read(bytes) else { return };
        one.ending = ending();
        for golden in &goldens {
            check(golden, &one);
        }
        let several: Vec<Transcript> = (0..3)
            .map(|n| {
                let mut own = one.clone();
                own.header.id = format!("r{n}");
                own
            })
            .collect();
        let Ok(learned) = learn(&several, None) else { return };
        written_and_read(&learned.golden);
    });
}

/// Reads a golden that was learned; none where its client said what no client can say again, which the command tells: a
/// path without a slash, or words in double braces, which would be a place.
fn written_and_read(golden: &Golden) -> Option<Golden> {
    let text = golden::write(golden);
    let read = match golden::read("g.toml", &text) {
        Err(problems)
            if ["cannot be said in", "nothing binds {{"]
                .iter()
                .any(|it| problems.to_string().contains(it)) =>
        {
            return None;
        }
        read => read.unwrap_or_else(|problems| panic!("{problems}\n{text}")),
    };
    assert_eq!(golden::write(&read), text);
    Some(read)
}

#[test]
fn captures_are_imported() {
    let mapping = Mapping::parse("time=/t,dir=/dir,data=/json,op=/op,code=/code,conn=/conn,sent=>,unit=ns");
    let mapping = mapping.expect("a mapping");
    let seeds = recordings().into_iter().chain(contents("tests/fixtures/har", ".har")).collect();
    fuzz("capture", seeds, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let redactor = Redactor::default();
        if let Err(error) = read_lines(&text, &mapping, &redactor) {
            assert!(!error.to_string().is_empty());
        }
        if let Err(error) = read_har(&text, &redactor) {
            assert!(!error.to_string().is_empty());
        }
    });
}

#[test]
fn goldens_are_read_and_written() {
    let mut seeds = contents("tests/goldens", ".toml");
    seeds.extend(contents("golden", ".toml"));
    fuzz("golden", seeds, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        match golden::read("g.toml", &text) {
            Err(problems) => assert!(!problems.to_string().is_empty()),
            Ok(golden) => {
                let text = golden::write(&golden);
                let again =
                    golden::read("g.toml", &text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
                assert_eq!(golden::write(&again), text);
            }
        }
    });
}

#[test]
fn orders_are_read_and_written() {
    let seeds = goldens().iter().map(|golden| golden.order.to_string().into_bytes()).collect();
    fuzz("order", seeds, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        match parse_order(&text) {
            Err(errors) => assert!(!errors.is_empty()),
            Ok(order) => assert_eq!(parse_order(&order.to_string()), Ok(order)),
        }
    });
}

#[test]
fn what_was_seen_profiles_and_reports_are_read() {
    let profile = "goldwire_host = 1\nclass = \"a-5u\"\ncpu = [\"x\"]\n\n[session.s]\ngolden = \"9f31c2\"\noccasions = [ { at = \
                   \"2026-11-28T21:50Z\", runs = 15, work = \"14.5 ms\" } ]\n\"a after >b\" = { n = [15], mean = [-3.1], m2 = [1.6] }\n";
    let report = r#"{"goldwire_report":1,"verdict":"conforms","runs":[]}"#;
    let mut seeds = contents("golden", ".seen");
    seeds.extend([profile.as_bytes().to_vec(), report.as_bytes().to_vec()]);
    fuzz("data", seeds, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        if let Ok(seen) = Seen::read(&text) {
            let text = seen.write();
            assert_eq!(Seen::read(&text).map(|seen| seen.write()).ok(), Some(text));
        }
        if let Err(problems) = HostProfile::read("p.toml", &text) {
            assert!(!problems.to_string().is_empty());
        }
        if let Err(error) = report::read(&text) {
            assert!(!error.to_string().is_empty());
        }
    });
}

/// A configuration is read by the command alone, so that each case is a process.
#[test]
fn configurations_are_read() {
    let mut seeds: Vec<Vec<u8>> = vec![fs::read("goldwire.toml").expect("our own")];
    seeds.extend(contents("tests/servers", "goldwire.toml"));
    seeds.extend(contents("tests/dialects", "goldwire.toml"));
    let folder = tempfile::tempdir().expect("a folder");
    fuzz("config", seeds, |bytes| {
        fs::write(folder.path().join("goldwire.toml"), bytes).expect("a file");
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_goldwire"))
            .args(["check", "--offline", "nowhere"])
            .current_dir(folder.path())
            .output()
            .expect("goldwire runs");
        let said = String::from_utf8_lossy(&output.stderr);
        // There is nothing to check: a mistake in the file is told before that, and nothing else can be.
        assert!(matches!(output.status.code(), Some(2..=4)) && said.contains("error"), "{output:?}");
    });
}

/// What each protocol says, a message a part.
const SAID: [&[&[u8]]; 14] = [
    &[
        b"INFO {\"server_id\":\"x\",\"max_payload\":1048576}\r\n",
        b"CONNECT {\"verbose\":false,\"pass\":\"secret\"}\r\nPING\r\n",
        b"PONG\r\nMSG a.b 1 reply.to 5\r\nhello\r\n",
        b"HMSG a.b 1 12 17\r\nNATS/1.0\r\n\r\nhello\r\n",
    ],
    &[
        b"0{\"sid\":\"x\",\"pingInterval\":25000}",
        b"40/admin,{\"token\":\"t\"}",
        b"42/admin,12[\"news\",{\"a\":1}]",
        b"51-[\"bin\",{\"_placeholder\":true,\"num\":0}]",
        b"\x01\x02",
        b"43/admin,12[{\"ok\":true}]",
        b"2",
    ],
    &[
        b"{\"type\":\"connection_init\"}",
        b"{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{\"query\":\"subscription prices { a }\"}}",
        b"{\"type\":\"next\",\"id\":\"1\",\"payload\":{\"data\":{\"prices\":{\"bid\":1}}}}",
        b"{\"type\":\"complete\",\"id\":\"1\"}",
    ],
    &[
        b"\x10\x10\x00\x04MQTT\x04\xc2\x00\x3c\x00\x01a\x00\x01b\x00\x01c",
        b"\x20\x02\x00\x00",
        b"\x82\x08\x00\x01\x00\x03a/b\x00",
        b"\x32\x0b\x00\x03a/b\x00\x02hello",
        b"\xc0\x00\xd0\x00",
    ],
    &[
        b"CONNECT\naccept-version:1.2\npasscode:x\n\n\0",
        b"CONNECTED\nversion:1.2\nheart-beat:0,0\n\n\0",
        b"MESSAGE\ndestination:/queue/a\nmessage-id:1\ncontent-length:5\n\nhello\0\n",
    ],
    &[b"NICK ana\r\nPASS x\r\n", b":server 001 ana :Welcome\r\n", b":ben PRIVMSG #a :hello\r\n"],
    &[b"\x00\x01\x02", b"plain words", b"\xff\xfe"],
    &[
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{}}",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":[1,2,{\"b\":null}]}}{\"op\":10}",
        b"[2,\"id\",\"BootNotification\",{\"model\":\"x\"}]",
    ],
    &[
        b"{\"event\":\"connected\",\"data\":\"{\\\"id\\\":\\\"1.2\\\",\\\"in\\\":\\\"[1]\\\"}\"}",
        b"{\"event\":\"ping\",\"data\":\"{}\"}",
        b"{\"event\":\"pong\",\"data\":\"{}\"}",
        b"[\"1\",\"2\",\"room:a\",\"phx_reply\",{\"status\":\"ok\"}]",
    ],
    &[
        b"{\"protocol\":\"messagepack\",\"version\":1}\x1e",
        b"{}\x1e",
        b"\x0d\x95\x01\x80\xc0\xa4Said\x91\x81\xa1a\x01",
        b"\x02\x91\x06",
        b"\x0d\xa4chat\x82\xa1a\x01\xc4\x01\xff\xd4\x05\x01",
        b"\xa2\x61a\x83\x01\xf6\xf5\x20\x42\x00\xff",
    ],
    &[
        b"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='a' version=\"1.0\"/>",
        b"<stream:features><mechanisms xmlns='urn:x'><mechanism>PLAIN</mechanism></mechanisms></stream:features>",
        b"<iq type='get' id='7'><query xmlns='http://a.b/c#d'/></iq>",
        b"<iq type='error' id='7'><error type='cancel'><a/>&lt;&#10;<![CDATA[x]]><b/><a/></error></iq>",
    ],
    &[
        b"\x00\x00\x06\x01\x85\xd7\xa8\x7a\x05",
        b"\x00\x00\x01\x00",
        b"\x00\x01\x02\x00\x00",
        b"\x01\x0b\x01\x07\x01\x07{\"a\":1}",
        b"\x04room\x02\x00\x01t",
        b"\x04room\x04\x01\x02\x00\x00",
    ],
    &[
        b"\x08\x07\x12\x0bhello there\x1a\x02\x08\x01",
        b"\x08\x08\x12\x0bhello again\x1a\x02\x08\x02",
        b"\x09\x01\x00\x00\x00\x00\x00\x00\x00\x15\x01\x00\x00\x00\x22\x02\xff\x00\x20\x01\x20\x02",
    ],
    &[
        b"POST /chat\nauthorization: Bearer x\n\n{\"stream\":true}",
        b"200\ncontent-type: text/event-stream\n\n",
        b"event: delta\ndata: {\"a\":1}\nid: 7\n\ndata: [DONE]\n\n: beat\n\n",
    ],
];

/// What breaks the codecs: a message of each, behind a letter that says which.
fn coded() -> Vec<Vec<u8>> {
    let plain = json!({ "type": "a", "list": [1, -2, 0.5, "x", null], "in": { "$hex": "00ff" }, "#7": "b" });
    let fields = json!({ "1": 7, "2": "hello", "3": { "1": { "$fixed64": 1 } }, "4": [1, 2], "5": { "$hex": "00ff" } });
    let element = json!({ "#name": "m", "@a": "<&>", "b": [{ "#text": "x" }, {}], "c": { "#text": "y" }, "#order": ["b", "c", "b"] });
    let said = [
        json!({ "type": "sync1", "vector": [{ "client": 300, "clock": 5 }] }),
        json!({ "type": "update", "document": "room", "update": { "$hex": "0000" } }),
        json!({ "type": "awareness", "clients": [{ "client": 7, "clock": 1, "state": { "name": "Ada" } }] }),
    ];
    let mut seeds = Vec::new();
    for (codec, letter) in Codec::all().zip(b'a'..) {
        for message in [&plain, &fields, &element].into_iter().chain(&said) {
            seeds.extend(codec.write(message).ok().map(|frame| [vec![letter], frame].concat()));
        }
    }
    seeds
}

#[test]
fn what_a_codec_reads_it_writes_and_reads_again() {
    fuzz("codec", coded(), |bytes| {
        let Some((letter, frame)) = bytes.split_first() else { return };
        let first = Codec::all().zip(b'a'..).find(|(_, own)| own == letter).map(|(codec, _)| codec);
        // Whatever was broken, every codec sees it; that of the seed also what it makes of it.
        for codec in Codec::all() {
            let Some(messages) = codec.read(frame) else { continue };
            for message in &messages {
                let again = codec
                    .write(message)
                    .unwrap_or_else(|error| panic!("{} {message}: {error}", codec.name()));
                let read = codec.read(&again);
                assert!(read.is_some(), "{} {message}", codec.name());
                if first == Some(codec) && !matches!(codec.format, Format::MessagePack | Format::Cbor) {
                    assert_eq!(read, Some(vec![message.clone()]), "{}", codec.name());
                }
            }
        }
        if let Ok(schema) = Schema::of(frame, "a") {
            let _ = Codec::of("protobuf").map(|codec| codec.read_described(frame, &schema));
        }
    });
}

/// Between messages of a seed: a byte that no seed has.
const NEXT: u8 = 0xfc;

#[test]
fn messages_of_every_dialect_are_named_and_learned_from() {
    let dialects: Vec<Dialect> = Protocol::ALL
        .into_iter()
        .map(|protocol| Dialect::Protocol(ProtocolOptions::new(protocol)))
        .chain([Dialect::default(), Dialect::Sse(HttpNames::default())])
        .chain(Codec::all().map(|codec| {
            let places = ["/data".to_owned(), "/data/in".to_owned()].to_vec();
            let embedded = Embedded { client: places.clone(), server: places };
            let answers = ["phx_reply".to_owned()].into();
            let reply = Some("/1".to_owned());
            Dialect::Json(JsonNames {
                codec: Codecs::both(codec),
                nested: embedded.clone(),
                embedded,
                answers,
                reply,
                ..JsonNames::both("/3")
            })
        }))
        .collect();
    let seeds = SAID.iter().map(|said| said.join(&NEXT)).collect();
    fuzz("dialect", seeds, |bytes| {
        let frames: Vec<Frame> = bytes
            .split(|byte| *byte == NEXT)
            .zip(1_u64..)
            .map(|(part, n)| {
                let payload = match std::str::from_utf8(part) {
                    Ok(text) if n % 5 > 0 => Payload::Text(text.to_owned()),
                    _ => Payload::Binary(part.to_vec()),
                };
                let side = if n % 2 == 0 { Side::Server } else { Side::Client };
                Frame::new(Offset::from_nanos(n * 1_000_000), side, payload)
            })
            .collect();
        for dialect in &dialects {
            for event in events(dialect, &frames) {
                // It can be said again, or it is known why not.
                let _ = dialect.encode(&event.label, &event.data);
            }
        }
        let several: Vec<Transcript> = (0..3).map(|n| session(n, &frames)).collect();
        let learned = learn(&several, None).ok().and_then(|learned| written_and_read(&learned.golden));
        if let Some(golden) = learned {
            for one in &several {
                assert_eq!(check(&golden, one).findings, [], "{}", golden::write(&golden));
            }
        }
        let mut blocks = sse::Blocks::default();
        for part in bytes.chunks(7) {
            blocks.push(part);
            while let Some(block) = blocks.next_block() {
                sse::message(&String::from_utf8_lossy(&block), false);
            }
        }
    });
}

fn session(n: usize, frames: &[Frame]) -> Transcript {
    let header = Header {
        id: format!("r{n}"),
        started: "2026-11-29T10:00:00Z".to_owned(),
        user: "u".to_owned(),
        ..Header::default()
    };
    Transcript { header, frames: frames.to_vec(), ending: ending() }
}

fn ending() -> Ending {
    let how = End::Closed { by: Side::Client, code: 1000, reason: String::new() };
    Ending { at: Offset::from_nanos(9_000_000_000_000_000), how, host: None }
}

#[test]
fn the_seeds_are_whole() {
    for seed in recordings() {
        transcript::read(&seed[..]).unwrap_or_else(|error| panic!("{error}"));
    }
    assert!(goldens().len() >= 10);
    assert!(Path::new("tests/fixtures/har").is_dir());
}
