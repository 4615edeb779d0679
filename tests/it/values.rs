//! What is learned of values and of numbers of events, and what a check then finds: sessions made up from a seed, judged
//! by goldens that were learned from ten others.

use goldwire::check::{Baseline, Timed, check, judge_timing, told};
use goldwire::finding::{Kind, Severity};
use goldwire::golden::{self, Golden, Seen, TimeMode};
use goldwire::learn::learn;
use goldwire::transcript::{End, Ending, Frame, Header, Offset, Payload, Side, Transcript};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// Numbers that look drawn at random, the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn pick<T: Copy>(random: &mut Random, among: &[T]) -> T {
    among[usize::try_from(random.below(among.len() as u64)).expect("small")]
}

/// A session: what the client says (`true`) and the server.
type Said = Vec<(bool, Value)>;

fn transcript(seed: u64, said: &Said) -> Transcript {
    let mut random = Random(seed ^ 77);
    let mut now = 0;
    let frames = said.iter().map(|(is_client, value)| {
        now += 5_000_000 + random.below(3_000_000);
        let side = if *is_client { Side::Client } else { Side::Server };
        Frame::new(Offset::from_nanos(now), side, Payload::Text(value.to_string()))
    });
    let frames = frames.collect();
    let how = End::Closed { by: Side::Client, code: 1000, reason: String::new() };
    Transcript {
        header: Header {
            id: format!("r{seed:04}"),
            started: format!("2026-11-{:02}T10:00:00Z", 1 + seed % 4),
            user: format!("u{}", seed % 3),
            ..Header::default()
        },
        frames,
        ending: Ending { at: Offset::from_nanos(now + 1_000_000), how, host: None },
    }
}

/// What is learned, as it is read after it was written down.
fn proposed(recordings: &[Transcript]) -> Golden {
    let proposal = learn(recordings, None).expect("recordings");
    let text = golden::write(&proposal.golden);
    let mut read = golden::read("g.toml", &text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    assert_eq!(golden::write(&read), text);
    let seen = proposal.seen.write();
    let seen = Seen::read(&seen).unwrap_or_else(|error| panic!("{error}\n{seen}"));
    read.attach(&seen.evidence);
    assert_eq!(read.evidence(), seen.evidence);
    read
}

/// Learns from sessions of so many seeds; what is learned must accept them, and be the same after it was written down.
fn learned(count: u64, session: impl Fn(&mut Random) -> Said) -> Golden {
    let recordings: Vec<Transcript> =
        (0..count).map(|seed| transcript(seed, &session(&mut Random(seed)))).collect();
    let read = proposed(&recordings);
    let text = golden::write(&read);
    for recording in &recordings {
        assert_eq!(check(&read, recording).findings, [], "{text}");
    }
    for seed in 1000..1010 {
        let other = transcript(seed, &session(&mut Random(seed)));
        assert_eq!(check(&read, &other).findings, [], "a clean session\n{text}");
    }
    read
}

/// What a session shows: the kind of the first finding and how sure it is.
fn found(golden: &Golden, said: &Said) -> Option<(Kind, Severity)> {
    let checked = check(golden, &transcript(5000, said));
    checked.findings.first().map(|finding| (finding.kind, finding.severity))
}

fn rule<'g>(golden: &'g Golden, event: &str, path: &str) -> &'g str {
    let rule =
        golden.event(&event.into()).and_then(|event| event.shape.iter().find(|(own, _)| own.pattern == path));
    rule.map_or("", |(_, rule)| rule.to_string().leak())
}

/// A book of orders: two series side by side, whose numbers have gaps and follow one another.
fn feed(random: &mut Random) -> Said {
    let mut said = vec![(true, json!({ "type": "watch" }))];
    let mut last = [random.below(1000) * 1000, random.below(1000) * 1000];
    for (seq, _) in (1..).zip(0..12 + random.below(4)) {
        let which = usize::from(random.below(2) == 1);
        let before = last[which];
        last[which] += 1 + random.below(9);
        let symbol = ["BTC-USDT", "ETH-USDT"][which];
        let side = pick(random, &[1, 4, 9]);
        let book = json!({ "before": before, "now": last[which], "depth": 25, "side": side });
        let name = if random.below(5) == 0 { "trade" } else { "book" };
        said.push((false, json!({ "type": name, "n": seq, "symbol": symbol, "data": [book] })));
        if name == "trade" {
            // A trade has no book of its own: the next one follows the book before.
            last[which] = before;
            said.last_mut().expect("one").1["data"] = json!([{ "price": random.below(90_000) }]);
        }
    }
    said
}

/// Puts another value into the book of an event.
fn change(said: &mut Said, at: usize, key: &str, value: Value) {
    said[at].1["data"][0][key] = value;
}

#[test]
fn numbers_follow_from_those_before_them() {
    use Severity::Deviation;
    let golden = learned(12, feed);
    assert_eq!(rule(&golden, "book", "/data/*/before"), "integer, follows /data/*/now per /symbol");
    assert_eq!(rule(&golden, "book", "/n"), "integer, follows any /n plus 1");
    let broken = |change: &dyn Fn(&mut Said)| {
        let mut said = feed(&mut Random(42));
        change(&mut said);
        found(&golden, &said)
    };
    assert_eq!(broken(&|_| ()), None);
    let books =
        |said: &Said| -> Vec<usize> { (0..said.len()).filter(|at| said[*at].1["type"] == "book").collect() };
    let lost = broken(&|said| drop(said.remove(books(said)[3])));
    assert_eq!(lost, Some((Kind::Relation, Deviation)), "a message is lost");
    let fifth = |said: &Said| books(said)[4];
    let skipped = broken(&|said| change(said, fifth(said), "before", json!(3)));
    assert_eq!(skipped, Some((Kind::Relation, Deviation)), "a chain is broken");
    let other = broken(&|said| change(said, fifth(said), "depth", json!(24)));
    assert_eq!(other, Some((Kind::ValueChanged, Deviation)), "a constant is another number");
    let code = broken(&|said| change(said, fifth(said), "side", json!(5)));
    assert_eq!(code, Some((Kind::ValueChanged, Severity::Suspect)), "one of a few numbers is a new one");
}

#[test]
fn a_stranger_counts_where_all_events_are_counted() {
    let golden = learned(12, feed);
    let clean = feed(&mut Random(42));
    // A stranger in the sixth place. What comes after it counts on, or does not.
    let with = |is_client: bool, counts_on: u64| {
        let mut said = clean.clone();
        let n = said[5].1["n"].as_u64().expect("a number");
        for (_, after) in &mut said[5..] {
            after["n"] = json!(after["n"].as_u64().expect("a number") + counts_on);
        }
        said.insert(5, (is_client, json!({ "type": "notice", "n": n })));
        let checked = check(&golden, &transcript(5000, &said));
        checked.findings.iter().map(|finding| (finding.kind, finding.severity)).collect::<Vec<_>>()
    };
    let unknown = |severity| (Kind::UnknownEvent, severity);
    assert_eq!(with(false, 1), [unknown(Severity::Suspect)], "it took a number of its own");
    assert!(with(false, 0).contains(&(Kind::Relation, Severity::Deviation)), "its number came twice");
    assert!(with(true, 1).contains(&(Kind::Relation, Severity::Deviation)), "the client counts nothing");
}

#[test]
fn a_message_that_is_counted_for_the_first_time_counts() {
    // A pause in the fifth place, which has no number.
    let paused = |random: &mut Random| {
        let mut said = feed(random);
        said.insert(4, (false, json!({ "type": "pause" })));
        said
    };
    let golden = learned(12, paused);
    assert_eq!(rule(&golden, "book", "/n"), "integer, follows any /n plus 1");
    let mut said = paused(&mut Random(42));
    said[4].1["n"] = said[5].1["n"].clone();
    assert_eq!(found(&golden, &said), Some((Kind::Relation, Severity::Deviation)), "its number came twice");
    for (_, after) in &mut said[5..] {
        after["n"] = json!(after["n"].as_u64().expect("a number") + 1);
    }
    assert_eq!(found(&golden, &said), Some((Kind::FieldNew, Severity::Suspect)));
}

#[test]
fn what_is_measured_is_no_constant_and_no_set() {
    let golden = learned(10, |random| {
        let rows: Vec<(bool, Value)> = (0..6)
            .map(|_| (false, json!({ "type": "row", "took": random.below(900), "left": random.below(40) })))
            .collect();
        [vec![(true, json!({ "type": "go" }))], rows].concat()
    });
    assert_eq!((rule(&golden, "row", "/took"), rule(&golden, "row", "/left")), ("integer", "integer"));
}

#[test]
fn three_rows_are_three_rows() {
    let rows = |random: &mut Random, count: u64| -> Said {
        let row = |_| (false, json!({ "type": "row", "text": format!("{} words", random.below(1_000_000)) }));
        let rows: Said = (0..count).map(row).collect();
        [vec![(true, json!({ "type": "ask" }))], rows, vec![(false, json!({ "type": "done" }))]].concat()
    };
    let golden = learned(10, |random| rows(random, 3));
    assert_eq!(golden.order.to_string(), ">ask ; row{3} ; done");
    assert_eq!(found(&golden, &rows(&mut Random(99), 2)).map(|(kind, _)| kind), Some(Kind::Missing));
    assert_eq!(found(&golden, &rows(&mut Random(99), 4)).map(|(kind, _)| kind), Some(Kind::Repeated));
    let golden = learned(10, |random| {
        let count = 3 + random.below(4);
        rows(random, count)
    });
    assert_eq!(golden.order.to_string(), ">ask ; row+ ; done");
}

#[test]
fn a_constant_fails_sooner_than_what_says_how_it_went() {
    let session = |random: &mut Random| -> Said {
        let mut said = vec![(true, json!({ "type": "watch" }))];
        for symbol in ["BTC-USDT", "ETH-USDT"] {
            let snapshot = json!({ "type": "snapshot", "symbol": symbol, "before": -1, "exit_code": 0, "book": "top", "fresh": true, "at": random.below(1 << 40) });
            said.push((false, snapshot));
        }
        // Three times in a lane is once.
        for _ in 0..1 + random.below(2) {
            let job = format!("job_{:08x}", 0x1000_0000 + random.below(99_999_999));
            for step in 1..4 {
                said.push((false, json!({ "type": "step", "job": job, "of": 3, "n": step })));
            }
            said.push((false, json!({ "type": "done", "job": job })));
        }
        said
    };
    let golden = learned(10, session);
    let shown = |at: usize, key: &str, value: Value| {
        let mut said = session(&mut Random(77));
        said[at].1[key] = value;
        found(&golden, &said)
    };
    for (at, key, value, severity) in [
        (1, "before", json!(0), Severity::Deviation),
        (2, "book", json!("all"), Severity::Deviation),
        (1, "exit_code", json!(1), Severity::Suspect),
        (2, "fresh", json!(false), Severity::Suspect),
        (4, "of", json!(4), Severity::Suspect),
    ] {
        assert_eq!(
            shown(at, key, value),
            Some((Kind::ValueChanged, severity)),
            "{key} in\n{}",
            golden::write(&golden)
        );
    }
}

#[test]
fn of_very_many_fields_each_is_what_stood_elsewhere() {
    const FIELDS: usize = 300;
    let session = |random: &mut Random| -> Said {
        let fields: serde_json::Map<String, Value> =
            (0..FIELDS).map(|n| (format!("f{n}"), letters(random, 9).into())).collect();
        let part = |name: &str| json!({ "type": name, "of": fields });
        vec![(true, json!({ "type": "ask" })), (false, part("offer")), (false, part("taken"))]
    };
    let golden = learned(10, session);
    for field in 0..FIELDS {
        let path = format!("/of/f{field}");
        assert_eq!(rule(&golden, "taken", &path), format!("text, same as offer{path}"));
    }
}

#[test]
fn what_never_came_twice_is_told_when_it_does() {
    let session = |random: &mut Random| -> Said {
        let mut now = 1_777_601_102_062 + random.below(1_000_000);
        let mut said = vec![(true, json!({ "type": "ask" }))];
        for _ in 0..4 + random.below(5) {
            now += 1 + random.below(3);
            let delta = pick(random, &["a", "be", "the", "of"]);
            said.push((false, json!({ "type": "delta", "delta": delta, "at": now })));
            // This one comes again and again as it is.
            if random.below(2) == 0 {
                said.push((false, json!({ "type": "tick" })));
            }
        }
        said
    };
    let golden = learned(10, session);
    assert!(rule(&golden, "delta", "").starts_with("object, unique"), "{}", golden::write(&golden));
    assert_eq!(rule(&golden, "tick", ""), "");
    let mut said = session(&mut Random(31));
    let again = said[3].clone();
    said.insert(4, again);
    assert_eq!(found(&golden, &said), Some((Kind::Duplicate, Severity::Deviation)));
}

#[test]
fn a_field_comes_with_the_one_that_calls_for_it() {
    let session = |random: &mut Random| -> Said {
        let mut said = vec![(true, json!({ "type": "ask" }))];
        for _ in 0..5 {
            let id = format!("call_{:08}a", random.below(99_999_999));
            let item = match random.below(3) {
                0 => json!({ "sort": "call output", "call": id, "note": null }),
                1 => json!({ "sort": "text", "*": 1 }),
                _ => json!({ "sort": "pause", "really?": true }),
            };
            said.push((false, json!({ "type": "item", "item": item })));
        }
        said
    };
    let golden = learned(10, session);
    let call = rule(&golden, "item", "/item/call");
    assert!(call.contains(", when sort = \"call output\""), "{}", golden::write(&golden));
    let item = |item: Value| -> Said {
        vec![(true, json!({ "type": "ask" })), (false, json!({ "type": "item", "item": item }))]
    };
    let shown = |value: Value| {
        let mut said = session(&mut Random(7));
        said.extend(item(value).pop());
        said.remove(1);
        found(&golden, &said)
    };
    assert_eq!(shown(json!({ "sort": "text", "*": 1 })), None);
    let missing = shown(json!({ "sort": "call output", "note": null }));
    assert_eq!(missing, Some((Kind::FieldMissing, Severity::Deviation)));
    let too_much = shown(json!({ "sort": "pause", "really?": true, "*": 1 }));
    assert_eq!(too_much, Some((Kind::FieldNew, Severity::Suspect)));
}

#[test]
fn where_nothing_stands_nothing_must_be_the_same() {
    let golden = learned(10, |random| {
        let id = format!("run_{:010}x", random.below(1 << 30));
        let mut said =
            vec![(true, json!({ "type": "go" })), (false, json!({ "type": "started", "run": id }))];
        for step in 0..6 {
            let run = match (step + random.below(2)) % 3 {
                0 => Value::Null,
                1 => json!(id),
                _ => json!({ "of": step }),
            };
            let other = if random.below(2) == 0 {
                Value::Null
            } else {
                json!(format!("{:016x}7", random.below(1 << 31)))
            };
            said.push((false, json!({ "type": "cell", "run": run, "own": other })));
        }
        said.push((false, if random.below(2) == 0 { json!([{ "x": 1 }]) } else { json!({ "auth": "ok" }) }));
        said
    });
    assert!(
        rule(&golden, "cell", "/run").contains("same as started/run"),
        "{}",
        rule(&golden, "cell", "/run")
    );
    let broken = vec![
        (true, json!({ "type": "go" })),
        (false, json!({ "type": "started", "run": "run_0123456789x" })),
        (false, json!({ "type": "cell", "run": "run_9876543210x", "own": null })),
    ];
    let checked = check(&golden, &transcript(5000, &broken));
    let unbound =
        checked.findings.iter().find(|finding| finding.kind == Kind::Unbound).expect("another run's id");
    assert_eq!(told(&golden, unbound), 10);
}

#[test]
fn small_numbers_that_happen_to_differ_are_not_unique() {
    let session = |random: &mut Random| -> Said {
        let mut said = vec![(true, json!({ "type": "go" }))];
        let first = 1 + random.below(9);
        let second = (first + 1 + random.below(7)) % 10;
        said.push((false, json!({ "type": "order", "id": first, "key": 1_000_000 + random.below(1 << 30) })));
        said.push((
            false,
            json!({ "type": "order", "id": second, "key": 1_000_000 + random.below(1 << 30) }),
        ));
        said
    };
    let golden = learned(6, session);
    assert!(!rule(&golden, "order", "/id").contains("unique"), "{}", rule(&golden, "order", "/id"));
}

/// Two calls side by side, each with its progress, whose last is its total.
fn calls(random: &mut Random) -> Said {
    let mut said: Said = Vec::new();
    let totals: Vec<(String, u64)> =
        (0..2).map(|n| (format!("pt-{:08x}{n}", random.below(1 << 32)), 2 + random.below(4))).collect();
    for (token, total) in &totals {
        said.push((true, json!({ "type": "call", "token": token, "size": total })));
    }
    let mut done = [0, 0];
    while totals.iter().zip(done).any(|((_, total), done)| done < *total) {
        let which = usize::from(random.below(2) == 1);
        let (token, total) = &totals[which];
        if done[which] < *total {
            done[which] += 1;
            said.push((
                false,
                json!({ "type": "progress", "token": token, "progress": done[which], "total": total }),
            ));
        }
    }
    said.push((false, json!({ "type": "bye" })));
    said
}

#[test]
fn a_progress_that_always_came_to_its_total_is_missed_at_the_end() {
    let golden = learned(10, calls);
    assert!(rule(&golden, "progress", "/progress").contains("reaches /total"), "{}", golden::write(&golden));
    let mut said = calls(&mut Random(77));
    let last = said.iter().rposition(|(_, event)| event["type"] == "progress").expect("progress");
    let lost = said.remove(last).1;
    let checked = check(&golden, &transcript(5000, &said));
    let told = checked.findings.first().expect("a finding");
    assert_eq!((told.kind, told.severity), (Kind::Relation, Severity::Deviation));
    assert!(told.message.contains("ends short of /total"), "{}", told.message);
    let lane = told.place.lane.as_ref().map(|lane| Value::from(lane.1.as_str()));
    assert_eq!(lane.as_ref(), Some(&lost["token"]));
}

#[test]
fn a_progress_that_sometimes_stops_short_reaches_nothing() {
    let golden = learned(10, |random| {
        let mut said = calls(random);
        if random.below(4) == 0 {
            let last = said.iter().rposition(|(_, event)| event["type"] == "progress").expect("progress");
            said.remove(last);
        }
        said
    });
    assert!(!rule(&golden, "progress", "/progress").contains("reaches"), "{}", golden::write(&golden));
}

/// An answer in parts, of any number; `part` says what the part of a place says, of so many.
fn parts(random: &mut Random, part: &dyn Fn(usize, usize, &mut Random) -> Value) -> Said {
    let mut said: Said = vec![(true, json!({ "type": "ask" }))];
    let n = 2 + usize::try_from(random.below(5)).expect("small");
    for place in 1..=n {
        let mut event = part(place, n, random);
        event["type"] = json!("part");
        event["text"] = json!(format!("w{:x}", random.below(1 << 20)));
        said.push((false, event));
    }
    said.push((false, json!({ "type": "bye" })));
    said
}

/// Without the last `part`, a finding says that the path ends short of the goal.
#[track_caller]
fn misses_the_last(path: &str, goal: &str, part: &dyn Fn(usize, usize, &mut Random) -> Value) {
    let golden = learned(12, |random| parts(random, part));
    let written = rule(&golden, "part", path);
    assert!(written.contains(&format!("reaches {goal}")), "{}", golden::write(&golden));
    for seed in 70..80 {
        let mut said = parts(&mut Random(seed), part);
        assert!(check(&golden, &transcript(5000, &said)).findings.is_empty());
        said.remove(said.len() - 2);
        let checked = check(&golden, &transcript(5000, &said));
        let told = checked.findings.iter().find(|finding| finding.kind == Kind::Relation);
        let told = told.unwrap_or_else(|| panic!("nothing of {path}: {:?}", checked.findings));
        assert!(told.message.contains(&format!("ends short of {goal}")), "{}", told.message);
    }
}

#[test]
fn the_last_part_is_missed_by_what_it_reaches() {
    misses_the_last("/at", "/of", &|place, n, _| json!({ "at": place as f64 / 8.0, "of": n as f64 / 8.0 }));
    misses_the_last("/done", "/size", &|place, n, _| json!({ "done": place * 10, "size": n * 10 }));
    misses_the_last("/percent", "100", &|place, n, _| json!({ "percent": 100 * place / n }));
    misses_the_last("/share", "1", &|place, n, _| json!({ "share": place as f64 / n as f64 }));
    misses_the_last("/left", "0", &|place, n, _| json!({ "left": n - place }));
    misses_the_last("/done", "true", &|place, n, _| json!({ "done": place == n }));
    misses_the_last("/last", "true", &|place, n, _| {
        if place == n { json!({ "last": true }) } else { json!({}) }
    });
    misses_the_last(
        "/state",
        "\"complete\"",
        &|place, n, _| json!({ "state": if place == n { "complete" } else { "partial" } }),
    );
    misses_the_last("/choices/*/finish", "a value", &|place, n, random| {
        let why = pick(random, &["stop", "length", "tool_calls"]);
        json!({ "choices": [{ "finish": if place == n { json!(why) } else { json!(null) } }] })
    });
}

#[test]
fn a_word_that_was_always_the_last_is_no_proof_yet_and_a_number_is() {
    let severity = |part: &dyn Fn(usize, usize, &mut Random) -> Value| {
        let golden = learned(25, |random| parts(random, part));
        let mut said = parts(&mut Random(71), part);
        said.remove(said.len() - 2);
        let checked = check(&golden, &transcript(5000, &said));
        let told = checked.findings.iter().find(|finding| finding.kind == Kind::Relation);
        told.unwrap_or_else(|| panic!("nothing told: {:?}", checked.findings)).severity
    };
    let word = |place, n, _: &mut Random| json!({ "state": if place == n { "complete" } else { "partial" } });
    assert_eq!(severity(&word), Severity::Suspect);
    assert_eq!(severity(&|place, n, _| json!({ "percent": 100 * place / n })), Severity::Deviation);
}

#[test]
fn what_the_client_never_said_before_the_end_fails_no_run() {
    let session = |random: &mut Random| -> Said {
        let mut said = parts(random, &|_, _, _| json!({}));
        said.push((true, json!({ "type": "thanks" })));
        said
    };
    let golden = learned(25, session);
    let mut said = session(&mut Random(71));
    said.pop();
    let findings = check(&golden, &transcript(5000, &said)).findings;
    assert!(
        findings
            .iter()
            .any(|finding| finding.kind == Kind::Missing && finding.place.event == ">thanks".into()),
        "{findings:?}"
    );
    assert!(findings.iter().all(|finding| finding.severity == Severity::Suspect), "{findings:?}");
}

#[test]
fn what_some_lanes_do_not_reach_or_all_events_have_at_random_is_no_goal() {
    let no_goal = |part: &dyn Fn(usize, usize, &mut Random) -> Value| {
        let golden = learned(12, |random| parts(random, part));
        assert!(!golden::write(&golden).contains("reaches"), "{}", golden::write(&golden));
    };
    no_goal(
        &|place, n, random| json!({ "percent": if random.below(3) == 0 { 99 } else { 100 * place / n } }),
    );
    no_goal(&|_, _, random| json!({ "ok": random.below(10) > 0 }));
    no_goal(&|place, _, _| json!({ "index": place }));
    no_goal(&|_, _, random| json!({ "level": random.below(3), "of": 2 }));
    // It is full at its end, and falls back on its way.
    no_goal(&|place, n, random| json!({ "fill": if place == n { 50 } else { random.below(50) } }));
}

/// A question and its answer, and prices at any time beside them, by their gaps in milliseconds.
fn priced(seed: u64, gap: &dyn Fn(&mut Random) -> u64, stall: Option<usize>) -> Transcript {
    let mut random = Random(seed);
    let mut events: Vec<(u64, Side, Value)> = Vec::new();
    let mut now = random.below(40);
    for nth in 0..20 {
        now += if stall == Some(nth) { 5_000 } else { gap(&mut random) };
        events.push((now, Side::Server, json!({ "type": "price", "bid": random.below(1 << 20) })));
    }
    for _ in 0..2 {
        let asked = random.below(now);
        events.push((asked, Side::Client, json!({ "type": "ask" })));
        events.push((asked + 20 + random.below(9), Side::Server, json!({ "type": "answer" })));
    }
    events.sort_by_key(|(at, ..)| *at);
    let frame = |(at, side, value): (u64, Side, Value)| {
        Frame::new(Offset::from_nanos(at * 1_000_000), side, Payload::Text(value.to_string()))
    };
    let mut whole = transcript(seed, &Said::new());
    whole.frames = events.into_iter().map(frame).collect();
    whole.ending.at = Offset::from_nanos((now + 200) * 1_000_000);
    whole
}

#[test]
fn what_comes_at_any_time_but_steadily_can_stall() {
    let found = |gap: &dyn Fn(&mut Random) -> u64| {
        let recordings: Vec<Transcript> = (0..10).map(|seed| priced(seed, gap, None)).collect();
        let golden = learn(&recordings, None).expect("recordings").golden;
        let baseline = Baseline::bounds(&golden);
        let judged = |transcript: &Transcript| {
            let checked = check(&golden, transcript);
            let told = judge_timing(&baseline, &[Timed { gaps: &checked.gaps, host: None }]);
            told.into_iter().map(|(_, finding)| finding.kind).collect::<Vec<_>>()
        };
        for seed in 100..150 {
            assert_eq!(judged(&priced(seed, gap, None)), [], "a clean session\n{}", golden::write(&golden));
        }
        judged(&priced(200, gap, Some(11)))
    };
    assert_eq!(found(&|random| 150 + random.below(100)), [Kind::Stall]);
    // What others do comes when it comes.
    assert_eq!(
        found(&|random| if random.below(3) == 0 { 900 + random.below(1500) } else { random.below(60) }),
        []
    );
}

/// Eight calls one after another, of tools that take their own time; `told` says whose field the tool is. The fifth call
/// takes so many milliseconds if that is given, and is one of the tool.
fn tools(seed: u64, told: [bool; 2], stall: Option<(&str, u64)>) -> Transcript {
    let mut random = Random(seed);
    let mut frames = Vec::new();
    let mut now = 5;
    let mut add = |now: u64, side: Side, value: Value| {
        frames.push(Frame::new(Offset::from_nanos(now * 1_000_000), side, Payload::Text(value.to_string())));
    };
    add(now, Side::Client, json!({ "type": "ask" }));
    for nth in 0..8 {
        let mut tool = pick(&mut random, &["calculator", "search", "clock"]);
        let id = format!("call_{:010x}", random.below(1 << 40));
        let mut took = if tool == "search" { 900 + random.below(2_600) } else { 60 + random.below(60) };
        if let Some((own, millis)) = stall.filter(|_| nth == 4) {
            (tool, took) = (own, millis);
        }
        let mut started = json!({ "type": "started", "id": id });
        let mut done = json!({ "type": "done", "id": id });
        for (event, is_told) in [&mut started, &mut done].into_iter().zip(told) {
            if is_told {
                event["tool"] = json!(tool);
            }
        }
        now += 10 + random.below(5);
        add(now, Side::Server, started);
        now += took;
        add(now, Side::Server, done);
    }
    let mut whole = transcript(seed, &Said::new());
    whole.ending.at = Offset::from_nanos((now + 20) * 1_000_000);
    whole.frames = frames;
    whole
}

#[test]
fn a_fast_kind_stalls_though_a_slow_one_may_take_as_long() {
    let found = |told: [bool; 2], stall: (&str, u64)| {
        let recordings: Vec<Transcript> = (0..12).map(|seed| tools(seed, told, None)).collect();
        let golden = proposed(&recordings);
        let elsewhere = BTreeSet::from([String::new()]);
        let baseline = Baseline::of(&golden, TimeMode::Auto, &elsewhere, None).expect("a baseline");
        let judged = |transcript: &Transcript| {
            let checked = check(&golden, transcript);
            // Whether a run had more searches than others is another question.
            let told = judge_timing(&baseline, &[Timed { gaps: &checked.gaps, host: None }]).into_iter();
            let stalls = told.filter(|(_, finding)| finding.kind == Kind::Stall);
            stalls.map(|(_, finding)| finding.message).collect::<Vec<_>>()
        };
        for seed in 100..130 {
            assert_eq!(
                judged(&tools(seed, told, None)),
                [""; 0],
                "a clean session\n{}",
                golden::write(&golden)
            );
        }
        judged(&tools(200, told, Some(stall)))
    };
    for told in [[false, true], [true, false], [true, true]] {
        let stalled = found(told, ("calculator", 4_000));
        let [message] = &stalled[..] else { panic!("{told:?}: {stalled:?}") };
        assert!(message.contains("where /tool is \"calculator\""), "{message}");
        assert_eq!(found(told, ("search", 4_000)), [""; 0], "a search may take that long");
        assert_eq!(found(told, ("search", 12_000)).len(), 1);
    }
    assert_eq!(found([false, false], ("calculator", 4_000)), [""; 0], "nothing tells which tool it is");
}

/// Two items in parts, side by side, and the answer that says both of them over again, as the Responses API of OpenAI does.
fn items(random: &mut Random) -> Said {
    let mut said = vec![(true, json!({ "type": "response.create" }))];
    let ids: Vec<String> = (0..2).map(|_| format!("msg_{}", letters(random, 24))).collect();
    let mut texts = [String::new(), String::new()];
    for (n, id) in ids.iter().enumerate() {
        said.push((false, json!({ "type": "item.added", "item_id": id, "output_index": n })));
    }
    for _ in 0..8 + random.below(8) {
        let which = pick(random, &[0, 1]);
        let delta = format!("{} ", letters(random, 4));
        texts[which] += &delta;
        said.push((false, json!({ "type": "text.delta", "item_id": ids[which], "delta": delta })));
    }
    let output: Vec<Value> = (0..2)
        .map(|n| json!({ "id": ids[n], "role": "assistant", "content": [{ "type": "text", "text": texts[n] }] }))
        .collect();
    said.push((false, json!({ "type": "response.completed", "response": { "output": output } })));
    said
}

fn letters(random: &mut Random, count: usize) -> String {
    const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    (0..count).map(|_| char::from(pick(random, ALPHABET))).collect()
}

#[test]
fn what_a_list_says_over_again_misses_a_part_that_was_lost_doubled_or_out_of_order() {
    let golden = learned(10, items);
    let told = rule(&golden, "response.completed", "/response/output/*/content/*/text");
    let fact = "joins text.delta/delta by /item_id as /response/output/*/id";
    assert!(told.contains(fact), "{}", golden::write(&golden));
    for seed in 70..80 {
        let said = items(&mut Random(seed));
        let findings = check(&golden, &transcript(5000, &said)).findings;
        assert!(findings.is_empty(), "{findings:?}");
        let parts: Vec<usize> = (0..said.len()).filter(|at| said[*at].1["type"] == "text.delta").collect();
        let pair = parts.windows(2).find(|at| said[at[0]].1["item_id"] == said[at[1]].1["item_id"]);
        let mut lost = said.clone();
        lost.remove(parts[3]);
        let mut doubled = said.clone();
        doubled.insert(parts[3], said[parts[3]].clone());
        let mut swapped = said.clone();
        pair.into_iter().for_each(|at| swapped.swap(at[0], at[1]));
        for broken in [lost, doubled, swapped].iter().filter(|broken| **broken != said) {
            let findings = check(&golden, &transcript(5000, broken)).findings;
            // By itself, or as what follows from a message that came twice.
            let mut told = findings.iter().flat_map(|own| own.consequences.iter().chain([&own.message]));
            let words = "put together for the same /response/output/*/id";
            assert!(told.any(|told| told.contains(words)), "nothing told: {findings:?}");
        }
    }
}

#[test]
fn what_only_sometimes_says_all_of_it_over_again_gathers_nothing() {
    let golden = learned(10, |random| {
        let mut said = items(random);
        if random.below(4) == 0 {
            let place = "/response/output/0/content/0/text";
            *said.last_mut().and_then(|(_, last)| last.pointer_mut(place)).expect("a text") = json!("cut …");
        }
        said
    });
    assert!(!golden::write(&golden).contains("by /item_id"), "{}", golden::write(&golden));
}

/// A room as Janus tells of it: each answer has the transaction of its request, and what others do has none.
fn room(random: &mut Random) -> Said {
    let mut said = Vec::new();
    let kinds = ["joined", "attached", "joined", "attached"];
    for kind in kinds {
        let transaction = letters(random, 12);
        said.push((true, json!({ "janus": "message", "transaction": transaction })));
        said.push((false, json!({ "janus": "ack", "transaction": transaction })));
        let mut data = json!({ "videoroom": kind, "room": 1809 });
        data[if kind == "joined" { "publishers" } else { "streams" }] = json!([]);
        // Any number of 32 bits, of which most could be a time.
        let private = 1_000_000_000 + random.below(3_000_000_000);
        data["private_id"] = json!(private);
        said.push((false, json!({ "janus": "event", "transaction": transaction, "plugindata": data })));
    }
    said
}

#[test]
fn a_message_of_another_kind_under_a_known_name_is_no_field_lost() {
    let golden = learned(10, room);
    let private = rule(&golden, "event", "/plugindata/private_id");
    assert!(private.starts_with("integer"), "{private}");
    let mut said = room(&mut Random(77));
    // Somebody else publishes: nobody asked for it, and the list comes where another kind of message has it.
    let news = json!({ "janus": "event", "plugindata":
        { "videoroom": "attached", "room": 1809, "streams": [], "publishers": [], "private_id": 1_234_567_890 } });
    said.push((false, news));
    let findings = check(&golden, &transcript(5000, &said)).findings;
    let missing = findings.iter().find(|finding| finding.message.contains("transaction is missing"));
    assert!(missing.is_none_or(|finding| finding.severity == Severity::Suspect), "{findings:?}");
    assert!(findings.iter().all(|finding| finding.severity == Severity::Suspect), "{findings:?}");
    // The same field lost of a message that is like all others is one.
    let mut said = room(&mut Random(78));
    said[5].1.as_object_mut().expect("an object").remove("transaction");
    let findings = check(&golden, &transcript(5000, &said)).findings;
    let told =
        findings.iter().find(|finding| finding.kind == Kind::FieldMissing).expect("a field is missing");
    assert_eq!(told.severity, Severity::Deviation, "{findings:?}");
}

#[test]
fn a_first_error_instead_of_a_result_is_looked_at_again() {
    let call = |random: &mut Random| {
        let mut said = Vec::new();
        for n in 0..4 {
            let id = letters(random, 8);
            said.push((true, json!({ "msg": "method", "method": "add", "id": id })));
            said.push((false, json!({ "msg": "result", "id": id, "result": { "n": n } })));
        }
        said
    };
    let golden = learned(10, call);
    let mut said = call(&mut Random(77));
    let reply = said[5].1.as_object_mut().expect("an object");
    reply.remove("result");
    let lost = { check(&golden, &transcript(5000, &said)).findings };
    assert!(lost.iter().any(|finding| finding.severity == Severity::Deviation), "{lost:?}");
    said[5].1["error"] = json!({ "error": 403, "reason": "Access denied" });
    let refused = check(&golden, &transcript(5000, &said)).findings;
    assert!(!refused.is_empty(), "a first error is told");
    assert!(refused.iter().all(|finding| finding.severity == Severity::Suspect), "{refused:?}");
}

/// A match in which moves are told to all, and each scores a little later: the next move may come between.
fn duel(random: &mut Random, at_once: bool) -> Said {
    const NAMES: [&str; 6] = ["ada", "berta", "cleo", "dora", "emmy", "flora"];
    let first = random.below(6);
    let players =
        [first, (first + 1 + random.below(5)) % 6].map(|n| NAMES[usize::try_from(n).expect("small")]);
    let topic = format!("match:{}", letters(random, 12));
    let tell =
        |event: &str, player: &str| (false, json!({ "event": event, "topic": topic, "player": player }));
    let mut said = vec![(true, json!({ "event": "join", "topic": topic }))];
    for n in 0..6 {
        let player = pick(random, &players);
        said.push(tell("move", player));
        if at_once && n == 3 {
            said.push(tell("move", if player == players[0] { players[1] } else { players[0] }));
        }
        if n % 3 == 0 || random.below(7) < 3 {
            said.push(tell("score", player));
        }
    }
    said.push((false, json!({ "event": "end", "topic": topic })));
    said
}

#[test]
fn the_latest_of_several_is_no_proof_of_whose_it_is() {
    let golden = learned(10, |random| duel(random, false));
    let told = rule(&golden, "score", "/player");
    assert!(told.contains("same as move/player"), "{}", golden::write(&golden));
    let findings = check(&golden, &transcript(5000, &duel(&mut Random(77), true))).findings;
    let unbound = findings.iter().filter(|finding| finding.kind == Kind::Unbound);
    assert!(
        unbound.clone().count() > 0 && unbound.clone().all(|own| own.severity == Severity::Suspect),
        "{findings:?}"
    );
    // Nor is it one after 25 recordings, each with several scores: only a hundred tell.
    let more = learned(25, |random| duel(random, false));
    let findings = check(&more, &transcript(5000, &duel(&mut Random(77), true))).findings;
    let unbound = findings.iter().find(|finding| finding.kind == Kind::Unbound).expect("it is told");
    assert_eq!(unbound.severity, Severity::Suspect, "{findings:?}");
    let often = learned(120, |random| duel(random, false));
    let findings = check(&often, &transcript(5000, &duel(&mut Random(77), true))).findings;
    let unbound = findings.iter().find(|finding| finding.kind == Kind::Unbound).expect("it is told");
    assert_eq!(unbound.severity, Severity::Deviation, "{findings:?}");
}

/// A number between 0 and 1.
fn unit(random: &mut Random) -> f64 {
    random.below(1 << 20) as f64 / f64::from(1 << 20)
}

/// About so many milliseconds, mostly between half and twice of that.
fn about(random: &mut Random, usual: f64) -> f64 {
    let sum: f64 = (0..12).map(|_| unit(random)).sum();
    usual * (0.5 * (sum - 6.0)).exp()
}

/// What is told to somebody who joins: who is here and what is new, each by a task of its own; and for who is here, at
/// once, what they look at.
fn joined(random: &mut Random) -> Vec<(f64, Value)> {
    let (here, news) = (about(random, 10.0), about(random, 25.0));
    let looks = here + about(random, 3.0);
    let mut said = vec![(0.1, "hello"), (here, "here"), (looks, "looks"), (news, "news"), (2000.0, "end")];
    said.sort_by(|a, b| a.0.total_cmp(&b.0));
    said.into_iter().map(|(at, name)| (at, json!({ "type": name }))).collect()
}

fn timed(seed: u64, said: &[(f64, Value)]) -> Transcript {
    let all: Said = said.iter().map(|(_, value)| (false, value.clone())).collect();
    let mut transcript = transcript(seed, &all);
    for (frame, (at, _)) in transcript.frames.iter_mut().zip(said) {
        let at = Duration::from_secs_f64(at / 1e3).as_nanos();
        frame.at = Offset::from_nanos(u64::try_from(at).expect("a session is short"));
    }
    transcript.ending.at = Offset::from_nanos(2_001_000_000);
    transcript
}

#[test]
fn two_that_race_have_no_order_though_none_of_ten_recordings_has_them_the_other_way_round() {
    let names = |said: &[(f64, Value)]| -> Vec<String> {
        said.iter().map(|(_, value)| value["type"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let usual = ["hello", "here", "looks", "news", "end"];
    let (mut reversed, mut alarms, mut found) = (0, 0, 0);
    const GOLDENS: u64 = 40;
    for seed in 0..GOLDENS {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut sessions = std::iter::repeat_with(|| joined(&mut random));
        let train: Vec<_> = sessions.by_ref().filter(|said| names(said) == usual).take(10).collect();
        let recordings: Vec<Transcript> = (1..).zip(&train).map(|(seed, said)| timed(seed, said)).collect();
        let golden = proposed(&recordings);
        for said in sessions.take(20).filter(|said| names(said) != usual) {
            reversed += 1;
            alarms += u32::from(!check(&golden, &timed(99, &said)).findings.is_empty());
        }
        // What follows from another is never before it.
        let mut swapped = train[0].clone();
        let here = swapped[1].1.clone();
        swapped[1].1 = std::mem::replace(&mut swapped[2].1, here);
        found += u64::from(!check(&golden, &timed(99, &swapped)).findings.is_empty());
    }
    let told = format!("{alarms} alarms of {reversed} reversed by chance; {found} of {GOLDENS} swaps found");
    assert!(reversed > 40 && alarms * 2 < reversed && found * 10 > 9 * GOLDENS, "{told}");
}

/// Two requests that are both sent before the first answer.
#[test]
fn answers_to_requests_that_wait_together_come_in_any_order() {
    let call = |first: usize| {
        let mut said: Said = ["tools/list", "logging/setLevel"]
            .iter()
            .enumerate()
            .map(|(id, method)| (true, json!({ "jsonrpc": "2.0", "id": id, "method": method })))
            .collect();
        for id in [first, 1 - first] {
            let result = if id == 0 { json!({ "tools": [] }) } else { json!({}) };
            said.push((false, json!({ "jsonrpc": "2.0", "id": id, "result": result })));
        }
        said
    };
    let recordings: Vec<Transcript> = (1..=10).map(|seed| transcript(seed, &call(0))).collect();
    let golden = proposed(&recordings);
    let findings = check(&golden, &transcript(99, &call(1))).findings;
    assert!(findings.is_empty(), "{findings:?}\n{}", golden::write(&golden));
}

/// What a document of counts says, as a database that syncs tells it: mostly one more each time.
#[test]
fn what_counted_on_a_few_times_may_once_be_one_less() {
    let counts = |counted: &[u64]| -> Said {
        let change =
            |count: &u64| (false, json!({ "msg": "changed", "id": "list", "fields": { "count": count } }));
        let hello = [(true, json!({ "msg": "sub", "name": "list" })), (false, json!({ "msg": "ready" }))];
        hello.into_iter().chain(counted.iter().map(change)).collect()
    };
    let severity = |steps: u64| {
        let of = |seed: u64| transcript(seed, &counts(&(seed..=seed + steps).collect::<Vec<_>>()));
        let recordings: Vec<Transcript> = (1..=10).map(of).collect();
        let golden = proposed(&recordings);
        let fewer: Vec<u64> = (0..steps).map(|step| 17 + step).chain([15]).collect();
        let findings = check(&golden, &transcript(99, &counts(&fewer))).findings;
        findings.iter().find(|own| own.kind == Kind::Relation).map(|own| own.severity)
    };
    assert_eq!((severity(1), severity(4)), (Some(Severity::Suspect), Some(Severity::Deviation)));
}

/// A server that greets as soon as it is connected to, and a client that does not wait for that.
#[test]
fn a_greeting_and_what_the_client_says_first_come_as_they_come() {
    let usual = vec![
        (true, json!({ "msg": "connect", "version": "1" })),
        (false, json!({ "server_id": "0" })),
        (false, json!({ "msg": "connected" })),
    ];
    let recordings: Vec<Transcript> = (1..=10).map(|seed| transcript(seed, &usual)).collect();
    let golden = proposed(&recordings);
    let mut early = usual.clone();
    early.swap(0, 1);
    let findings = check(&golden, &transcript(99, &early)).findings;
    assert!(findings.iter().all(|own| own.severity == Severity::Suspect), "{findings:?}");
}
