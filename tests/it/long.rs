//! Long sessions: reading them frame by frame shows the same as having them whole, and keeps no more than it must.

use crate::stream::transcript;
use goldwire::check::{Checked, Checker, check};
use goldwire::finding::{Finding, Kind};
use goldwire::golden::{self, Golden};
use goldwire::transcript::{
    Entries, Entry, Frame, Offset, Payload, Redactor, Side, Transcript, Writer, read,
};
use std::fs;
use std::path::Path;

fn golden_at(path: &Path) -> Golden {
    let text = fs::read_to_string(path).expect("a golden");
    golden::read("golden.toml", &text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn streamed(golden: &Golden, recording: &[u8]) -> Checked {
    let mut entries = Entries::open(recording).expect("a first line");
    let mut checker = Checker::new(golden);
    while let Some(entry) = entries.next_entry() {
        checker.entry(entry.expect("a good line"));
    }
    checker.finish(&entries.ending())
}

fn recorded(transcript: &Transcript) -> Vec<u8> {
    let mut writer =
        Writer::new(Vec::new(), &transcript.header, Redactor::default()).expect("memory does not fail");
    transcript.frames.iter().for_each(|frame| writer.frame(frame).expect("memory does not fail"));
    writer.end(&transcript.ending).expect("memory does not fail")
}

/// Whole and cut off in the middle of a line.
fn agree(golden: &Golden, recording: &[u8]) {
    for recording in [recording, &recording[..recording.len() - recording.len() / 5]] {
        let whole = check(golden, &read(recording).expect("a recording"));
        assert_eq!(streamed(golden, recording), whole);
    }
}

#[test]
fn a_recording_read_line_by_line_shows_what_the_whole_transcript_shows() {
    for case in fs::read_dir("tests/cases").expect("the cases").flatten() {
        let (_, golden, run) = crate::cases::case(&case.path());
        agree(&golden, &recorded(&run));
    }
    for session in ["agent-run", "parallel-tools", "reconnect"] {
        let golden = golden_at(&Path::new("golden").join(format!("{session}.toml")));
        for file in fs::read_dir(Path::new("recordings").join(session)).expect("recordings").flatten() {
            agree(&golden, &fs::read(file.path()).expect("a recording"));
        }
    }
}

const GOLDEN: &str = r#"
goldwire = 1
order = "hello ; ( each k ( open ; part* ; done )* & beat* ) ; bye"
ends = "client 1000"

[event.open.shape]
"/type" = '= "open"'
"/k" = "text"
"/owner" = "text"

[event.done.shape]
"/type" = '= "done"'
"/k" = "text"
"/owner" = "text, same as open/owner"
"/parts" = "integer, counts part"
"/text" = "string, joins part/text"
"#;

fn done(number: usize) -> String {
    format!(r#"{{"type":"done","k":"k{number}","owner":"o{number}","parts":1,"text":"t{number}"}}"#)
}

/// So many lanes, eight of them open at a time.
fn many_lanes(lanes: usize) -> impl Iterator<Item = Frame> {
    let text = |number: usize, step: usize| match step {
        0 => format!(r#"{{"type":"open","k":"k{number}","owner":"o{number}"}}"#),
        1 => format!(r#"{{"type":"part","k":"k{number}","text":"t{number}"}}"#),
        _ => done(number),
    };
    let frame = |(at, text): (u64, String)| {
        Frame::new(Offset::from_nanos(at * 1_000_000), Side::Server, Payload::Text(text))
    };
    let steps = (0..lanes / 8).flat_map(|group| (0..3).map(move |step| (group, step)));
    let said = steps.flat_map(move |(group, step)| (0..8).map(move |i| text(group * 8 + i, step)));
    let first = std::iter::once(r#"{"type":"hello"}"#.to_owned());
    (0..).zip(first.chain(said)).map(frame)
}

#[test]
fn what_is_held_of_a_session_depends_on_its_open_lanes_not_on_its_length() {
    let golden = golden::read("golden.toml", GOLDEN).unwrap_or_else(|problems| panic!("{problems}"));
    let mut checker = Checker::new(&golden);
    let mut most = [0, 0];
    for (number, frame) in many_lanes(40_000).enumerate() {
        checker.entry(Entry::Frame(frame));
        if number % 1000 == 0 {
            let half = usize::from(number > 24_000);
            most[half] = most[half].max(checker.held());
        }
    }
    assert!(checker.is_clean());
    let [some, many] = most;
    assert!(many < 80_000, "{many} things are held of 40000 lanes");
    assert!(many < some + some / 10, "{some} things are held of 8000 lanes, {many} of 40000");
}

#[test]
fn a_latecomer_is_known_for_a_while_and_a_stranger_after_it() {
    let golden = golden::read("golden.toml", GOLDEN).unwrap_or_else(|problems| panic!("{problems}"));
    let mut checker = Checker::new(&golden);
    many_lanes(9_000).for_each(|frame| checker.frame(&frame));
    let (twice, again, unknown) = (done(8_999), done(7_000), done(10));
    let rest = transcript(&format!(
        "1 < {twice}\n2 < {again}\n3 < {unknown}\n4 < {{\"type\":\"bye\"}}\n5 end client 1000"
    ));
    rest.frames.iter().for_each(|frame| checker.frame(frame));
    let checked = checker.finish(&rest.ending);
    let of = |lane: &str| {
        let own = |finding: &&Finding| finding.place.lane.as_ref().is_some_and(|(_, value)| value == lane);
        let kinds: Vec<Kind> = checked.findings.iter().filter(own).map(|finding| finding.kind).collect();
        kinds
    };
    assert_eq!(of("k8999").first(), Some(&Kind::Duplicate), "{:?}", checked.findings);
    assert_eq!(of("k7000").first(), Some(&Kind::Repeated), "{:?}", checked.findings);
    assert_eq!(of("k10").first(), Some(&Kind::Missing), "{:?}", checked.findings);
}

#[test]
fn faults_of_one_kind_without_end_are_told_together() {
    let golden = golden::read("golden.toml", GOLDEN).unwrap_or_else(|problems| panic!("{problems}"));
    let mut said = vec![(1, r#"{"type":"hello"}"#.to_owned())];
    said.extend((2..5002).map(|number| (number, format!(r#"{{"type":"name{number}"}}"#))));
    let fields: Vec<String> = (0..300).map(|number| format!(r#""new{number}":{number}"#)).collect();
    said.push((5002, format!(r#"{{"type":"open","k":"k","owner":"o",{}}}"#, fields.join(","))));
    said.push((5003, r#"{"type":"done","k":"k","owner":"o","parts":0,"text":""}"#.to_owned()));
    said.push((5004, r#"{"type":"bye"}"#.to_owned()));
    let lines: Vec<String> = said.into_iter().map(|(at, text)| format!("{at} < {text}")).collect();
    let run = transcript(&format!("{}\n5005 end client 1000", lines.join("\n")));
    let findings = check(&golden, &run).findings;
    let of = |kind: Kind| {
        let own = findings.iter().filter(|finding| finding.kind == kind);
        own.map(|finding| finding.message.as_str()).collect::<Vec<_>>()
    };
    let unknown = of(Kind::UnknownEvent);
    assert_eq!(unknown.len(), 21, "{unknown:#?}");
    let others = "4980 more names of events that no recording has, 4980 events in all: name22, name23, name24 and so on";
    assert!(unknown.contains(&others), "{unknown:#?}");
    let new = of(Kind::FieldNew);
    assert_eq!(new.len(), 21, "{new:#?}");
    assert!(
        new.iter().any(|message| message.starts_with("280 more of this kind in open; the first: ")),
        "{new:#?}"
    );
    assert_eq!(findings.len(), 42, "{findings:#?}");
}
