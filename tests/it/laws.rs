//! Laws of learning and checking, on sessions that are drawn at random.

use crate::stream::transcript;
use goldwire::check::check;
use goldwire::finding::{Kind, Severity};
use goldwire::golden::{self, Golden};
use goldwire::learn::learn;
use goldwire::transcript::{Payload, Transcript};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRng, TestRunner};
use std::fmt::Write as _;

/// One agent run: thoughts, concurrent calls whose results race, tokens.
fn session(random: &mut impl FnMut(u64) -> u64, index: usize) -> Transcript {
    let mut id = |prefix: &str| {
        let digits: String =
            (0..8).map(|_| char::from(b'0' + u8::try_from(random(10)).expect("a digit"))).collect();
        format!("{prefix}_{digits}x9")
    };
    let (thread, run) = (id("thr"), id("run"));
    let calls: Vec<String> = (0..3).map(|_| id("call")).collect();
    let count = 1 + usize::try_from(random(3)).expect("small");
    let mut lines = String::new();
    let mut now = 1.0;
    let mut say = |lines: &mut String, step: f64, mark: &str, json: String| {
        now += step;
        let _ = writeln!(lines, "{now:.3} {mark} {json}");
    };
    say(&mut lines, 1.0, "<", format!(r#"{{"type":"connected","thread_id":"{thread}"}}"#));
    say(&mut lines, 1.0, ">", format!(r#"{{"type":"ask","thread":"{thread}"}}"#));
    say(&mut lines, 20.0, "<", format!(r#"{{"type":"started","run_id":"{run}"}}"#));
    let mut open: Vec<&String> = Vec::new();
    let mut waiting: Vec<&String> = calls[..count].iter().collect();
    while !open.is_empty() || !waiting.is_empty() {
        if !waiting.is_empty() && (open.is_empty() || random(2) == 0) {
            let call = waiting.remove(0);
            let tool =
                ["search", "calculate", "convert"][calls.iter().position(|c| c == call).expect("known")];
            say(
                &mut lines,
                3.0,
                "<",
                format!(r#"{{"type":"executing","run_id":"{run}","call_id":"{call}","tool":"{tool}"}}"#),
            );
            open.push(call);
        } else {
            let call = open.remove(usize::try_from(random(open.len() as u64)).expect("small"));
            let tool =
                ["search", "calculate", "convert"][calls.iter().position(|c| c == call).expect("known")];
            say(
                &mut lines,
                12.0,
                "<",
                format!(
                    r#"{{"type":"completed","run_id":"{run}","call_id":"{call}","tool":"{tool}","ok":true}}"#
                ),
            );
        }
    }
    let tokens = 3 + random(9);
    let mut answer = String::new();
    for seq in 1..=tokens {
        let word = format!("w{} ", random(90));
        say(&mut lines, 5.0, "<", format!(r#"{{"type":"token","seq":{seq},"text":"{word}"}}"#));
        answer.push_str(&word);
    }
    say(
        &mut lines,
        2.0,
        "<",
        format!(r#"{{"type":"done","run_id":"{run}","answer":"{answer}","tokens":{tokens}}}"#),
    );
    let _ = writeln!(lines, "{} end client 1000", now + 1.0);
    let mut transcript = transcript(&lines);
    transcript.header.id = format!("r{index:03}");
    transcript.header.user = format!("u{}", index % 5);
    transcript
}

fn sessions(rng: &mut TestRng, count: usize) -> Vec<Transcript> {
    let mut random = |n: u64| rng.next_u64() % n.max(1);
    (0..count).map(|index| session(&mut random, index)).collect()
}

fn golden_of(recordings: &[Transcript]) -> Golden {
    learn(recordings, None).expect("there is something to learn").golden
}

fn text_of(transcript: &Transcript, at: usize) -> &str {
    match &transcript.frames[at].payload {
        Payload::Text(text) => text,
        other => panic!("a text was expected, not {other:?}"),
    }
}

/// Runs a law on so many random draws, seeded so that every run of the tests draws the same.
fn law(draws: u32, mut holds: impl FnMut(&mut TestRng)) {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        TestRng::from_seed(proptest::test_runner::RngAlgorithm::ChaCha, &[7; 32]),
    );
    for _ in 0..draws {
        holds(runner.rng());
    }
}

#[test]
fn a_golden_accepts_what_it_was_learned_from() {
    law(12, |rng| {
        for count in [1, 2, 3, 5, 10] {
            let recordings = sessions(rng, count);
            let golden = golden_of(&recordings);
            for recording in &recordings {
                let checked = check(&golden, recording);
                assert_eq!(checked.findings, [], "learned from {count}: {}", golden.order);
            }
        }
    });
}

#[test]
fn learning_does_not_depend_on_the_order_of_recordings() {
    law(6, |rng| {
        let mut recordings = sessions(rng, 8);
        let text = golden::write(&golden_of(&recordings));
        recordings.reverse();
        assert_eq!(golden::write(&golden_of(&recordings)), text);
        recordings.swap(1, 5);
        assert_eq!(golden::write(&golden_of(&recordings)), text);
    });
}

#[test]
fn what_is_written_reads_back_and_a_rewrite_keeps_comments() {
    law(6, |rng| {
        let golden = golden_of(&sessions(rng, 6));
        let text = golden::write(&golden);
        let mut back =
            golden::read("golden.toml", &text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        assert_eq!(golden::write(&back), text);
        assert_eq!(golden::rewrite(&text, &back), text);
        let commented = text.replace("[event.done]", "# the last word\n[event.done]");
        back.about = "Changed.".to_owned();
        let rewritten = golden::rewrite(&commented, &back);
        assert!(
            rewritten.contains("# the last word\n[event.done]") && rewritten.contains("about = \"Changed.\"")
        );
        let expected = commented.replacen("about = \"\"", "about = \"Changed.\"", 1);
        assert_eq!(rewritten, expected);
    });
}

#[test]
fn a_lost_frame_is_found_and_leads() {
    law(8, |rng| {
        let recordings = sessions(rng, 20);
        let golden = golden_of(&recordings);
        for recording in &recordings[..4] {
            for at in 0..recording.frames.len() {
                // What the client did not send is no fault of the server.
                if text_of(recording, at).contains("\"ask\"") {
                    continue;
                }
                let mut broken = recording.clone();
                broken.frames.remove(at);
                let checked = check(&golden, &broken);
                let lost = text_of(recording, at);
                assert!(!checked.findings.is_empty(), "losing {lost} shows nothing in {}", golden.order);
                assert_eq!(
                    checked.findings[0].severity,
                    Severity::Deviation,
                    "losing {lost}: {:?}",
                    checked.findings
                );
                assert!(checked.findings.len() <= 2, "losing {lost}: {:?}", checked.findings);
            }
        }
    });
}

#[test]
fn a_frame_delivered_twice_is_found_as_a_duplicate() {
    law(8, |rng| {
        let recordings = sessions(rng, 12);
        let golden = golden_of(&recordings);
        let recording = &recordings[0];
        for at in (0..recording.frames.len()).filter(|at| !text_of(recording, *at).contains("\"ask\"")) {
            let mut broken = recording.clone();
            let twin = broken.frames[at].clone();
            broken.frames.insert(at + 1, twin);
            let checked = check(&golden, &broken);
            let twice = text_of(recording, at);
            assert!(!checked.findings.is_empty(), "{twice} twice shows nothing");
            assert_eq!(checked.findings[0].kind, Kind::Duplicate, "{twice} twice: {:?}", checked.findings);
        }
    });
}

proptest! {
    #[test]
    fn no_golden_text_makes_the_reader_panic(text in "[a-z=\"\\[\\]{}.;>&#\n ]{0,200}") {
        let _ = golden::read("g.toml", &format!("goldwire = 1\n{text}"));
        let _ = golden::read("g.toml", &format!("goldwire = 1\norder = \"a ; >b\"\n[event.b]\n{text}"));
    }
}

#[test]
fn what_only_two_of_many_recordings_show_is_learned_too() {
    law(1, |rng| {
        let mut recordings = sessions(rng, 150);
        for index in [60, 141] {
            // Late in the session and nowhere else; whether a sample would hold it is chance.
            let recording = &mut recordings[index];
            let at = recording.frames.len() - 1;
            let mut frame = recording.frames[at].clone();
            frame.payload = Payload::Text(r#"{"type":"quota","left":3}"#.to_owned());
            recording.frames.insert(at, frame);
        }
        let golden = golden_of(&recordings);
        assert_eq!(golden.learned.recordings, 150);
        assert!(golden.order.to_string().contains("quota"), "{}", golden.order);
        for recording in &recordings {
            let findings = check(&golden, recording).findings;
            assert!(findings.is_empty(), "{}: {}", recording.header.id, findings[0].message);
        }
        recordings.reverse();
        assert_eq!(golden::write(&golden_of(&recordings)), golden::write(&golden));
    });
}
