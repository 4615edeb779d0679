//! Tests of the file above.

use super::judge::reads_times;
use super::*;
use crate::check::Checker;
use crate::dialect::{Event, Label};
use crate::finding::Answer;
use crate::golden::{Golden, LiveItem, Prints, Regular, Seen};
use crate::stats::fingerprint;
use crate::transcript::{End, Ending, Gap, Header, HostClass, Offset, Side};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const GOLDEN: &str = r#"
        goldwire = 1
        order = "hello ; >ask ; start ; token* ; done"
        require_live = ["ids", "texts"]
        [learned]
        hosts = ["linux-x86_64-2c-none-1u-000000"]
        [event.ask]
        send = { type = "ask", nonce = "{{nonce}}", text = "How far is the moon in miles?" }
        [event.hello.shape]
        "/user" = "id(usr_ 12)"
        [event.start]
        timing = { after = ">ask", usual = "60 ms", fastest = "50 ms", samples = 20, runs = 20 }
        [event.start.shape]
        "/run" = "id(run_ 12)"
        "/call" = "id(call_ 12)"
        "/nonce" = "text, echo of >ask/nonce"
        [event.token]
        timing = { after = "token", usual = "28 ms", fastest = "20 ms", samples = 240, runs = 20 }
        [event.token.shape]
        "/text" = "text"
        [event.done.shape]
        "/at" = "timestamp"
    "#;

/// What a session may do otherwise than the usual one.
/// Where recordings were made.
const HOST: &str = "linux-x86_64-2c-none-1u-000000";

#[test]
fn on_other_hosts_what_reads_times_is_not_known_and_fails_nothing() {
    let golden = golden();
    let mut plan = plan(3);
    plan.gaps = vec![50; 12];
    plan.work = 1;
    let answers = |played: &Played| -> Vec<(LiveItem, Answer)> {
        let seen = seen(&golden);
        let checks = judge(&golden, Some(&seen), played.witness(), &[]);
        checks.into_iter().filter(|check| reads_times(check.item)).map(|c| (c.item, c.answer)).collect()
    };
    let mut played = play(&golden, &plan);
    assert!(answers(&played).iter().any(|(_, answer)| *answer == Answer::Fail), "at home it is seen");
    for host in [
        None,
        Some(HostClass { class: "linux-aarch64-4c-none-1u-000000".to_owned(), ..HostClass::default() }),
    ] {
        played.header.host = host;
        assert!(answers(&played).iter().all(|(_, answer)| *answer == Answer::Unknown));
    }
}

#[derive(Clone)]
struct Plan {
    run: u64,
    user: &'static str,
    work: u64,
    /// Milliseconds before each token.
    gaps: Vec<u64>,
    text: String,
    nonce: &'static str,
}

fn plan(run: u64) -> Plan {
    let gaps = (0..12).map(|n| 20 + (n * n * 7 + run * 13 + n * run) % 31).collect();
    let text = format!("word{run} and so on ");
    Plan { run, user: "u1", work: 55, gaps, text, nonce: "nonce1" }
}

struct Played {
    header: Header,
    live: Live,
    ended: Offset,
}

fn play(golden: &Golden, plan: &Plan) -> Played {
    let mut checker = Checker::new(golden);
    let mut now = 0;
    let mut say = |step: u64, label: &str, data: Value| {
        now += step * 1_000_000;
        let at = Offset::from_nanos(now);
        checker.event(&Event { label: Label::from(label), at, frame: 0, conn: 0, data });
    };
    let run = plan.run;
    say(1, "hello", json!({ "user": format!("usr_00000000{:04}", run % 3) }));
    say(1, ">ask", json!({ "nonce": "nonce1", "text": "How far is the moon in miles?" }));
    say(
        plan.work,
        "start",
        json!({ "run": format!("run_12345678{run:04}"), "call": format!("call_12345678{run:04}"), "nonce": plan.nonce }),
    );
    for gap in &plan.gaps {
        say(*gap, "token", json!({ "text": plan.text }));
    }
    say(1, "done", json!({ "at": format!("2026-11-22T12:00:00.{run:06}Z") }));
    let ended = Offset::from_nanos(now);
    let how = End::Closed { by: Side::Client, code: 1000, reason: String::new() };
    let live = checker.finish(&Ending { at: ended, how, host: None }).live;
    let header = Header {
        id: format!("r{run}"),
        started: format!("2026-11-22T12:{run:02}:00Z"),
        user: plan.user.to_owned(),
        host: Some(HostClass { class: HOST.to_owned(), ..HostClass::default() }),
        ..Header::default()
    };
    Played { header, live, ended }
}

impl Played {
    fn witness(&self) -> Witness<'_> {
        Witness { header: &self.header, ended: self.ended, live: &self.live }
    }
}

fn golden() -> Golden {
    crate::golden::read("g.toml", GOLDEN).unwrap_or_else(|problems| panic!("{problems}"))
}

/// What ten recordings showed.
fn seen(golden: &Golden) -> Seen {
    let mut seen = Seen {
        recordings: 10,
        users: 2,
        same_user: true,
        stale: BTreeSet::from(["hello/user".to_owned()]),
        texts_sent: 10,
        ..Seen::default()
    };
    for run in 1..=10 {
        let traces = play(golden, &plan(run)).live.traces;
        let text = traces.texts()[&fingerprint("token/text")].fingerprint();
        let of = |id: &str| fingerprint(&format!("{id}_12345678{run:04}"));
        let prints = Prints {
            ids: BTreeSet::from([of("run"), of("call")]),
            times: traces.times.keys().copied().collect(),
            texts: BTreeMap::from([("token/text".to_owned(), text)]),
            timeline: Some(traces.timeline),
        };
        seen.only.insert(format!("r{run}"), prints);
    }
    let class = (Label::from("token"), Label::from("token"));
    seen.regular.insert(class, Regular { runs: 10, mean: (0.3f64).ln(), sd: 0.1 });
    seen
}

fn answer(plan: &Plan, seen: Option<&Seen>, item: LiveItem) -> (Answer, String) {
    let golden = golden();
    let played = play(&golden, plan);
    let checks = judge(&golden, seen, played.witness(), &[]);
    let check = checks.into_iter().find(|check| check.item == item).expect("every item is answered");
    (check.answer, check.detail)
}

#[track_caller]
fn answers(plan: &Plan, seen: &Seen, item: LiveItem, wanted: Answer) {
    let (answer, detail) = answer(plan, Some(seen), item);
    assert_eq!(answer, wanted, "{}: {detail}", item.name());
}

use Answer::{Fail, Pass, Unknown};

#[test]
fn a_new_session_passes_and_a_recording_is_not_held_against_itself() {
    let seen = seen(&golden());
    for run in [11, 12, 3] {
        for item in LiveItem::ALL {
            let wanted = if item == LiveItem::RoundGaps { Unknown } else { Pass };
            answers(&plan(run), &seen, item, wanted);
        }
    }
}

#[test]
fn without_a_record_what_needs_one_is_unknown_and_says_how_to_get_it() {
    for item in LiveItem::ALL {
        let wanted = if [LiveItem::WorkTime, LiveItem::Nonce].contains(&item) { Pass } else { Unknown };
        assert_eq!(answer(&plan(11), None, item).0, wanted, "{}", item.name());
    }
    let golden = golden();
    let checks = judge(&golden, None, play(&golden, &plan(11)).witness(), &[]);
    assert!(checks[0].hint.as_ref().is_some_and(|hint| hint.contains("goldwire learn")), "{checks:?}");
}

#[test]
fn a_recording_that_is_played_again_shows_in_ids_texts_and_timeline() {
    let golden = golden();
    let mut played = play(&golden, &plan(3));
    played.header.id = "played".to_owned();
    let seen = seen(&golden);
    let checks = judge(&golden, Some(&seen), played.witness(), &[]);
    let failed: Vec<LiveItem> =
        checks.iter().filter(|check| check.answer == Fail).map(|check| check.item).collect();
    assert_eq!(failed, [LiveItem::Ids, LiveItem::Texts, LiveItem::Timeline]);
    assert!(checks[0].detail.contains("3 of 3 ids and times") && checks[0].detail.contains("recording r3"));
    // Only what is required becomes a finding.
    let findings = findings(&golden, &checks);
    let named: Vec<&str> = findings.iter().map(|finding| finding.place.event.as_str()).collect();
    assert_eq!(named, ["@ids", "@texts"]);
    assert!(findings.iter().all(|f| f.kind.family() == "liveness" && f.place.golden_line == Some((4, 9))));
}

#[test]
fn ids_of_an_earlier_run_of_another_user_are_those_of_a_player() {
    let golden = golden();
    let seen = Seen { only: BTreeMap::new(), ..seen(&golden) };
    let first = play(&golden, &plan(1));
    let mut second = play(&golden, &plan(1));
    second.header.started = "2026-11-22T12:30:00Z".to_owned();
    let ids = |second: &Played| {
        let all = [first.witness(), second.witness()];
        judge(&golden, Some(&seen), second.witness(), &all)[0].answer
    };
    assert_eq!(ids(&second), Pass, "the same user may have come back");
    second.header.user = "u2".to_owned();
    assert_eq!(ids(&second), Fail);
    second.header.started.clone_from(&first.header.started);
    assert_eq!(ids(&second), Pass, "users who are there at once may see the same");
}

#[test]
fn what_cannot_be_known_from_the_recordings_is_unknown() {
    let seen = seen(&golden());
    let same = Plan { run: 3, user: "u9", ..plan(3) };
    answers(&same, &Seen { same_user: false, ..seen.clone() }, LiveItem::Ids, Unknown);
    let near = Seen { nearest: Some(Gap::from_millis(5)), ..seen.clone() };
    answers(&same, &near, LiveItem::Timeline, Unknown);
    let mut few = seen.clone();
    few.only.retain(|id, _| ["r1", "r2"].contains(&id.as_str()));
    answers(&same, &few, LiveItem::Texts, Unknown);
    answers(&same, &Seen { regular: BTreeMap::new(), ..seen.clone() }, LiveItem::TooRegular, Unknown);
    answers(&same, &Seen { texts_sent: 0, ..seen.clone() }, LiveItem::Echo, Unknown);
    let short = Plan { gaps: vec![30; 3], ..plan(11) };
    answers(&short, &seen, LiveItem::Timeline, Unknown);
    answers(&short, &seen, LiveItem::TooRegular, Unknown);
}

#[test]
fn sleeps_of_fifty_milliseconds_are_round_unless_recordings_had_them() {
    let mut seen = seen(&golden());
    let asleep = Plan { gaps: (0..12).map(|n| 50 + n % 3).collect(), ..plan(11) };
    answers(&asleep, &seen, LiveItem::RoundGaps, Fail);
    let slow = Plan { gaps: (0..12).map(|n| 53 + n * 3).collect(), ..plan(11) };
    answers(&slow, &seen, LiveItem::RoundGaps, Pass);
    (seen.long_gaps, seen.round_gaps) = (100, 90);
    answers(&asleep, &seen, LiveItem::RoundGaps, Pass);
}

#[test]
fn gaps_that_hardly_vary_are_too_regular() {
    let seen = seen(&golden());
    let steady = Plan { gaps: (0..12).map(|n| 30 + n % 2).collect(), ..plan(11) };
    answers(&steady, &seen, LiveItem::TooRegular, Fail);
    // A third of the usual spread is still within what the few recordings allow.
    let calm = Plan { gaps: (0..12).map(|n| 27 + n % 7).collect(), ..plan(11) };
    answers(&calm, &seen, LiveItem::TooRegular, Pass);
    // What comes in one burst is alike without being played.
    answers(&Plan { gaps: vec![0; 12], ..plan(11) }, &seen, LiveItem::TooRegular, Unknown);
    // What a machine that was held up stamps all together is no regularity of the server's.
    let golden = golden();
    let mut together = play(&golden, &Plan { gaps: vec![6; 12], ..plan(11) });
    for (lag, wanted) in [(100, Fail), (400, Unknown)] {
        together.live.held_up = Gap::from_millis(lag);
        let checks = judge(&golden, Some(&seen), together.witness(), &[]);
        let check = checks.iter().find(|check| check.item == LiveItem::TooRegular).expect("it is asked");
        assert_eq!(check.answer, wanted, "{}", check.detail);
    }
}

#[test]
fn the_clients_own_words_are_no_answer() {
    let mut seen = seen(&golden());
    let parrot = Plan { text: "How far is the moon in miles?".to_owned(), ..plan(11) };
    answers(&parrot, &seen, LiveItem::Echo, Fail);
    seen.echoes.insert("token/text".to_owned());
    answers(&parrot, &seen, LiveItem::Echo, Pass);
}

#[test]
fn an_answer_without_work_and_one_to_another_are_seen() {
    let seen = seen(&golden());
    answers(&Plan { work: 9, ..plan(11) }, &seen, LiveItem::WorkTime, Fail);
    answers(&Plan { work: 11, ..plan(11) }, &seen, LiveItem::WorkTime, Pass);
    answers(&Plan { nonce: "nonce0", ..plan(11) }, &seen, LiveItem::Nonce, Fail);
}
