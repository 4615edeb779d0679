//! Tests of the file above.

use super::writer::is_json;
use super::*;
use crate::transcript::{
    End, Ending, Frame, Gap, Handshake, Header, Host, HostClass, Offset, Payload, Redactor, Side, Transcript,
};
use proptest::prelude::*;

fn payload() -> impl Strategy<Value = Payload> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        any::<String>().prop_map(Payload::Text),
        Just(Payload::Text(String::new())),
        Just(Payload::Text("{\"a\": 1.0e2,\n \"b\":9007199254740993}".to_owned())),
        Just(Payload::Text("{\"a\":  1.0e2, \"a\":\"\\ud800\"}".to_owned())),
        Just(Payload::Text(" {} ".to_owned())),
        bytes().prop_map(Payload::Binary),
        bytes().prop_map(Payload::Ping),
        bytes().prop_map(Payload::Pong),
        (1000u16..5000, any::<String>()).prop_map(|(code, reason)| Payload::Close { code, reason }),
        any::<String>().prop_map(Payload::Gone),
        any::<u16>().prop_map(|status| Payload::Open(Box::new(Handshake { status, ..Handshake::default() }))),
    ]
}

fn transcript() -> impl Strategy<Value = Transcript> {
    let frame = (0u64..1_000_000, 0u64..3, 0u32..3, any::<bool>(), payload());
    let work = any::<Option<u64>>();
    let host = proptest::option::of((any::<u32>(), any::<u64>(), any::<u64>(), any::<Option<u8>>(), work));
    (proptest::collection::vec(frame, 0..12), 0usize..5, any::<String>(), host).prop_map(
        |(frames, end, text, host)| {
            let mut now = 0;
            let frames: Vec<Frame> = frames
                .into_iter()
                .map(|(step, earlier, conn, client, payload)| {
                    now += step;
                    let side = if client { Side::Client } else { Side::Server };
                    let at = Offset::from_nanos(now);
                    Frame { at, earlier: Gap::from_nanos(earlier), conn, side, payload }
                })
                .collect();
            let how = match end {
                0 => End::Closed { by: Side::Server, code: 1008, reason: text },
                1 => End::Dropped { detail: text },
                2 => End::GaveUp { waiting_for: vec![text], waited: Gap::from_millis(3) },
                3 => End::CutOff { limit: text },
                _ => End::Interrupted,
            };
            let class = host.as_ref().map(|(probes, ..)| HostClass {
                class: format!("linux-x86_64-{probes}c"),
                cpu: String::new(),
                cpus: *probes,
            });
            let header =
                Header { session: "s".to_owned(), id: "x".to_owned(), host: class, ..Header::default() };
            let host = host.map(|(probes, usual, worst, starved, work)| Host {
                probes,
                lag_p50: Gap::from_nanos(usual),
                lag_max: Gap::from_nanos(worst),
                starved,
                work: work.map(Gap::from_nanos),
                work_cpu: None,
                others: starved,
            });
            Transcript { header, frames, ending: Ending { at: Offset::from_nanos(now), how, host } }
        },
    )
}

fn write(transcript: &Transcript) -> Vec<u8> {
    let mut writer =
        Writer::new(Vec::new(), &transcript.header, Redactor::default()).expect("memory does not fail");
    for frame in &transcript.frames {
        writer.frame(frame).expect("memory does not fail");
    }
    writer.end(&transcript.ending).expect("memory does not fail")
}

proptest! {
    #[test]
    fn reading_undoes_writing(transcript in transcript()) {
        prop_assert_eq!(read(&write(&transcript)[..]).expect("we wrote it"), transcript);
    }

    #[test]
    fn that_a_text_is_known_to_be_json_changes_nothing_in_the_file(transcript in transcript()) {
        let redactor = Redactor::default();
        redactor.add("number", &crate::secret::Secret::new("9007199254740993"));
        let writer = || Writer::new(Vec::new(), &transcript.header, redactor.clone()).expect("memory does not fail");
        let (mut plain, mut known) = (writer(), writer());
        for frame in &transcript.frames {
            plain.frame(frame).expect("memory does not fail");
            match &frame.payload {
                Payload::Text(text) => {
                    known.text((frame.at, frame.earlier), frame.conn, frame.side, text, is_json(text))
                }
                _ => known.frame(frame),
            }
            .expect("memory does not fail");
        }
        prop_assert_eq!(plain.get_ref(), known.get_ref());
    }

    #[test]
    fn entries_say_what_frames_say(transcript in transcript(), cut in any::<prop::sample::Index>()) {
        let bytes = write(&transcript);
        let first = bytes.iter().position(|b| *b == b'\n').expect("a first line") + 1;
        let part = &bytes[..first + cut.index(bytes.len() - first + 1)];
        let whole = read(part).expect("a prefix is readable");
        let mut entries = Entries::open(part).expect("a first line");
        for frame in &whole.frames {
            match entries.next_entry().expect("as many").expect("as readable") {
                Entry::Frame(entry) => prop_assert_eq!(&entry, frame),
                Entry::Json { at, conn, side, value } => {
                    prop_assert_eq!((at, conn, side), (frame.at, frame.conn, frame.side));
                    let Payload::Text(text) = &frame.payload else { panic!("{frame:?} is no text") };
                    prop_assert_eq!(&value, &serde_json::from_str::<serde_json::Value>(text).expect("JSON"));
                }
            }
        }
        prop_assert!(entries.next_entry().is_none());
        prop_assert_eq!(entries.ending(), whole.ending);
    }

    #[test]
    fn any_prefix_reads_as_far_as_it_goes(transcript in transcript(), cut in any::<prop::sample::Index>()) {
        let bytes = write(&transcript);
        let first = bytes.iter().position(|b| *b == b'\n').expect("a first line") + 1;
        let cut = first + cut.index(bytes.len() - first);
        let part = read(&bytes[..cut]).expect("a prefix is readable");
        prop_assert_eq!(&part.frames[..], &transcript.frames[..part.frames.len()]);
        let torn = matches!(part.ending.how, End::Torn { .. });
        prop_assert!(torn);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes[..]);
        let mut with_head = write(&Transcript {
            header: Header::default(), frames: vec![],
            ending: Ending { at: Offset::ZERO, how: End::Interrupted, host: None },
        });
        with_head.extend(bytes);
        let _ = read(&with_head[..]);
    }
}

fn header_line() -> String {
    let bytes = write(&Transcript {
        header: Header::default(),
        frames: vec![],
        ending: Ending { at: Offset::ZERO, how: End::Interrupted, host: None },
    });
    String::from_utf8(bytes).expect("JSON").lines().next().expect("a line").to_owned()
}

#[test]
fn a_bad_line_is_named() {
    let error = |rest: &str| {
        read(format!("{}\n{rest}", header_line()).as_bytes()).expect_err("it is bad").to_string()
    };
    assert_eq!(
        error("{\"t\":1,\"dir\":\">\",\"json\":{}}\n{\"t\":1,\"dir\":\"-\",\"json\":{}}\n"),
        "line 3, column 0: `dir` is \">\" or \"<\", not \"-\""
    );
    assert!(error("{\"t\":1,\"dri\":\">\"}\n").starts_with("line 2, column 12: unknown field `dri`"));
    assert!(error("{\"t\":1,\"end\":{\"by\":\"client\"},\"frames\":7,\"sha256\":\"\"}\n").contains("says 7"));
}

#[test]
fn other_versions_and_other_files_are_told_apart() {
    let error = |text: &str| read(text.as_bytes()).expect_err("not ours").to_string();
    assert!(error("{\"goldwire\":2,\"x\":1}\n").contains("recording version 2"));
    assert!(error("").contains("empty"));
    assert!(error("hello\n").contains("not a goldwire recording"));
}

#[test]
fn the_largest_messages_come_back_whole() {
    let size = 16 * 1024 * 1024;
    let text: String = "a\u{1f600}\n\"".chars().cycle().take(size / 2).collect();
    let bytes: Vec<u8> = (0..=255u8).cycle().take(size).collect();
    let frame = |payload| Frame::new(Offset::ZERO, Side::Server, payload);
    let transcript = Transcript {
        header: Header::default(),
        frames: vec![
            frame(Payload::Text(text)),
            frame(Payload::Binary(bytes)),
            frame(Payload::Binary(vec![])),
        ],
        ending: Ending { at: Offset::ZERO, how: End::Interrupted, host: None },
    };
    // Not assert_eq: nobody wants to read the difference.
    assert!(read(&write(&transcript)[..]).expect("we wrote it") == transcript);
}

#[test]
fn a_torn_line_is_named() {
    let how = |text: &str| read(text.as_bytes()).expect("a prefix").ending.how;
    let torn = |detail: &str| End::Torn { detail: detail.to_owned() };
    let head = header_line();
    assert_eq!(how(&format!("{head}\n{{\"t\":1,")), torn("line 2 is torn after 7 bytes"));
    assert_eq!(how(&format!("{head}\n")), torn("it ends after line 1 without a last line"));
}

#[test]
fn json_stands_in_the_file_as_it_came() {
    let text = r#"{"b":1.0,"a":  9007199254740993,"b":"é"}"#;
    let transcript = Transcript {
        header: Header::default(),
        frames: vec![Frame::new(Offset::ZERO, Side::Server, Payload::Text(text.to_owned()))],
        ending: Ending { at: Offset::ZERO, how: End::Interrupted, host: None },
    };
    let file = String::from_utf8(write(&transcript)).expect("UTF-8");
    assert!(file.contains(&format!("\"json\":{text}}}")));
}

#[test]
fn what_a_crash_leaves_is_proven_by_the_hashes_on_the_way() {
    let mut writer =
        Writer::new(Vec::new(), &Header::default(), Redactor::default()).expect("memory does not fail");
    for n in 0..600 {
        let payload = Payload::Text(format!("{{\"n\":{n}}}"));
        let frame = Frame::new(Offset::from_nanos(n), Side::Server, payload);
        writer.frame(&frame).expect("memory does not fail");
    }
    let text = String::from_utf8(writer.out).expect("it is text");
    assert_eq!(text.matches("\"sha256\"").count(), 2, "before frames 256 and 512");
    let torn = read(text.as_bytes()).expect("a prefix");
    assert_eq!(torn.frames.len(), 600);
    let End::Torn { detail } = &torn.ending.how else { panic!("{:?}", torn.ending) };
    assert!(detail.ends_with("up to line 513 it is as it was recorded"), "{detail}");
    let error = read(text.replacen("\"n\":300}", "\"n\":301}", 1).as_bytes()).expect_err("it was edited");
    assert!(matches!(error, ReadError::Altered { line: 514, .. }), "{error}");
}
