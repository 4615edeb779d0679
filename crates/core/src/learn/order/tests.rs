//! Tests of the room above.

use super::choose::accepts;
use super::*;
use crate::dialect::{Event, Label};
use crate::learn::lanes::Lanes;
use crate::learn::session::Session;
use crate::transcript::Offset;
use serde_json::json;

/// A session from words: `exec:c1` carries the call id `c1`.
fn session(words: &str) -> Session {
    let events = words.split_whitespace().enumerate().map(|(i, word)| {
        let (name, call) = word.split_once(':').map_or((word, None), |(name, call)| (name, Some(call)));
        let data = match call {
            Some(call) => json!({ "type": name, "call_id": format!("call_{call}0000001") }),
            None => json!({ "type": name }),
        };
        let at = Offset::from_nanos(u64::try_from(i).expect("small") * 20_000_000);
        Event { label: Label::from(name), at, frame: i, conn: 0, data }
    });
    Session { events: events.collect(), ending: "client 1000".to_owned() }
}

fn learned(sessions: &[&str]) -> String {
    let sessions: Vec<Session> = sessions.iter().map(|words| session(words)).collect();
    let lanes = Lanes::find(&sessions, None);
    let (order, _) = learn(&sessions, &lanes, None);
    for session in &sessions {
        assert!(accepts(&order, &lanes, session), "{order} does not accept what it was learned from");
    }
    order.to_string()
}

#[test]
fn what_a_person_has_in_turn_stays_so_unless_a_session_contradicts() {
    // A feed that ticks by the clock, and a beat that one session shows: that no tick came before the client had asked for
    // it may be chance, as its questions take no time.
    let tick = |n: usize, beat: bool| {
        let ticks = "tick ".repeat(n);
        format!(">login ok >watch {ticks}{}tick", if beat { "beat " } else { "" })
    };
    let words: Vec<String> = (0..8).map(|n| tick(3 + n % 3, n == 5)).collect();
    let feed = |words: &String| {
        let mut session = session(words);
        for (at, event) in session.events.iter_mut().enumerate().skip(3) {
            event.at = Offset::from_nanos(u64::try_from(at).expect("small") * 200_000_000);
        }
        for (at, event) in session.events.iter_mut().enumerate().take(3) {
            event.at = Offset::from_nanos(u64::try_from(at).expect("small") * 1_000_000);
        }
        session
    };
    let sessions: Vec<Session> = words.iter().map(feed).collect();
    let lanes = Lanes::find(&sessions, None);
    let order = |known: Option<&str>| {
        let known = known.map(|known| crate::golden::parse_order(known).expect("an order"));
        learn(&sessions, &lanes, known.as_ref()).0.to_string()
    };
    assert_eq!(order(None), "( >login ; ok ; >watch ) & beat* & tick+");
    assert_eq!(order(Some(">login ; ok ; >watch ; tick+")), "( >login ; ok ; >watch ; tick+ ) & beat*");
    // A person who is wrong is not believed.
    assert_eq!(order(Some("tick+ ; >login ; ok ; >watch")), "( >login ; ok ; >watch ) & beat* & tick+");
}

#[test]
fn the_answer_to_a_beat_comes_when_the_beat_does() {
    // A gateway names its rooms and relays what others write and type, while the client beats at times of its own: the first
    // beat may well come before the last room, and then so does its answer.
    let sessions = [
        "hi ready room room beat message message typing typing beat",
        "hi ready room room message typing beat message message beat beat",
        "hi ready room room beat message message message beat beat beat",
        "hi ready room typing message beat message message beat",
        "hi ready room message typing message typing beat",
        "hi ready room room room message message message typing message message beat message beat",
        "hi ready room message message message message message message message message message beat",
        "hi ready room message beat message message beat message message beat",
        "hi ready room room room message beat message beat beat beat typing beat",
        "hi ready room room typing message typing message typing beat",
        "hi ready room message message message typing message typing message typing beat",
        "hi ready room room room message beat typing message message message typing message message beat",
        "hi ready room room message typing message beat typing message typing beat",
        "hi ready room room room beat beat typing typing message message beat",
        "hi ready room room message message message message message beat",
        "hi ready room message message message message message beat typing beat",
        "hi ready room room room typing message typing beat message message message beat beat",
        "hi ready room room room typing beat beat typing message beat",
        "hi ready room room room typing beat message message typing message message beat",
        "hi ready room message typing message message message beat",
    ];
    let usual = |name: &str| match name {
        "hi" | ">identify" => 5,
        "ready" => 76,
        "room" => 30,
        "ack" => 17,
        ">beat" => 35,
        "typing" => 180,
        _ => 240,
    };
    let timed = |(n, words): (usize, &&str)| {
        let words = words.replace("beat", ">beat ack").replace("hi ", "hi >identify ");
        let mut session = session(&words);
        let mut at = 0;
        for (i, event) in session.events.iter_mut().enumerate() {
            let percent = u64::try_from(80 + (n * 7 + i * 13) % 50).expect("small");
            at += usual(&event.label.to_string()) * percent / 100 * 1_000_000;
            event.at = Offset::from_nanos(at);
        }
        session
    };
    let sessions: Vec<Session> = sessions.iter().enumerate().map(timed).collect();
    let lanes = Lanes::find(&sessions, None);
    let order = learn(&sessions, &lanes, None).0.to_string();
    assert_eq!(order, "hi ; ( ( >identify ; ready ; room+ ) & ( ( message* & typing* )? ; >beat ; ack )+ )");
}

#[test]
fn requests_come_before_answers_though_most_of_them_never_meet() {
    let lanes = ["make made", "list made", "say said", "say made"];
    let of =
        |lane: &str, call: char| lane.split(' ').map(|word| format!("{word}:{call} ")).collect::<String>();
    let words: Vec<String> =
        (0..16).map(|n| format!("{}{}", of(lanes[n % 4], 'a'), of(lanes[n / 4], 'b'))).collect();
    let order = learned(&words.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(order, "each call_id ( ( list | make | say ) ; ( made | said ) )+");
}

#[test]
fn an_agent_run_reads_like_a_score() {
    let order = learned(&[
        "hi >ask start think exec:a exec:b done:b done:a think tok tok end",
        "hi >ask start think exec:a done:a exec:b think done:b think tok tok tok end",
        "hi >ask start think think exec:a exec:b done:a done:b think tok end",
        "hi >ask start think exec:a exec:b done:a done:b think tok tok end",
    ]);
    assert_eq!(order, "hi ; >ask ; start ; ( think* & each call_id ( exec ; done )+ ) ; tok+ ; end");
}

#[test]
fn rounds_of_a_conversation_become_a_loop() {
    let round = ">ask start tok tok end";
    assert_eq!(
        learned(&[&format!("hi {round} {round}"), &format!("hi {round} {round} {round}")]),
        "hi ; ( >ask ; start ; tok+ ; end )+"
    );
}

#[test]
fn a_second_connection_is_a_second_round() {
    let session = "hi >ask start end >@reconnect hi >resume resumed >ask start end";
    assert_eq!(
        learned(&[session, session, session]),
        "( hi ; ( >resume ; resumed )? ; >ask ; start ; end ; >@reconnect? )+"
    );
}

#[test]
fn what_is_not_always_there_is_optional() {
    assert_eq!(learned(&["a b c", "a c", "a b c"]), "a ; b? ; c");
}

#[test]
fn a_heartbeat_floats() {
    assert_eq!(learned(&["a b beat c", "a beat b c", "beat a b c beat", "a b c"]), "( a ; b ; c ) & beat*");
}

/// As a development server greets, then tells of updates and once of a reload.
#[test]
fn nothing_comes_before_a_greeting() {
    let sessions = ["hi up up up load up", "hi up up load up up", "hi up up up up load up"];
    let often: Vec<&str> = sessions.iter().cycle().take(9).copied().collect();
    assert_eq!(learned(&often), "hi ; ( load & up+ )");
}

#[test]
fn what_floats_and_came_once_in_a_few_recordings_may_come_again() {
    let sessions: Vec<String> = (0..10)
        .map(|i| match i % 5 {
            0 => "a cursor b c d",
            1 => "a b c d cursor",
            2 => "cursor a b c d",
            _ => "a b c d",
        })
        .map(str::to_owned)
        .collect();
    let sessions: Vec<&str> = sessions.iter().map(String::as_str).collect();
    assert_eq!(learned(&sessions), "( a ; b ; c ; d ) & cursor*");
    // Where often enough it came once and no more, that is something to hold a server to.
    let sessions: Vec<&str> =
        (0..30).map(|i| ["a ping b c d", "a b c ping d", "a b ping c d"][i % 3]).collect();
    assert_eq!(learned(&sessions), "a ; ( ( b ; c ) & ping ) ; d");
}

#[test]
fn an_end_that_takes_turns_with_its_beginning_does_not_float() {
    let step = |tools: &str| format!("step {tools} fin");
    let run = |steps: &[String]| format!(">ask start {} end", steps.join(" "));
    let plain = |beat: bool| {
        let one = run(&[step("exec:a done:a"), step("exec:b beat exec:c done:b done:c")]);
        let other = run(&[step("exec:d done:d")]);
        if beat { format!("hi {one} beat {other}") } else { format!("hi {other} {one}") }
    };
    let sessions: Vec<String> = (0..10).map(|i| plain(i % 2 == 0)).collect();
    let sessions: Vec<&str> = sessions.iter().map(String::as_str).collect();
    assert_eq!(
        learned(&sessions),
        "hi ; ( ( >ask ; start ; ( step ; each call_id ( exec ; done )+ ; fin )+ ; end )+ & beat* )"
    );
}

#[test]
fn the_one_answer_among_updates_stays_required() {
    // An update is always first; one in three events would be an answer. That is no loop with an answer now and then.
    let sessions: Vec<&str> = (0..24)
        .map(|i| if i % 2 == 0 { "hi >ask tick tick re:ask" } else { "hi >ask tick re:ask tick" })
        .collect();
    let recorded: Vec<Session> = sessions.iter().map(|words| session(words)).collect();
    let lanes = Lanes::find(&recorded, None);
    let (order, _) = learn(&recorded, &lanes, None);
    assert!(recorded.iter().all(|session| accepts(&order, &lanes, session)), "{order}");
    for wrong in ["hi >ask tick tick", "hi >ask tick re:ask tick re:ask", "hi re:ask >ask tick tick"] {
        assert!(!accepts(&order, &lanes, &session(wrong)), "{order} accepts {wrong}");
    }
}

#[test]
fn a_question_that_comes_beside_other_events_is_still_answered_before_what_follows() {
    let sessions: Vec<&str> = (0..40)
        .map(|i| match i % 3 {
            0 => ">run busy input ask >answer out done",
            1 => ">run busy ask input >answer out done",
            _ => ">run ask >answer busy input out done",
        })
        .collect();
    assert_eq!(learned(&sessions), ">run ; ( ( busy ; input ) & ( ask ; >answer ) ) ; out ; done");
}

/// A learner that looks at all triples takes minutes for this, and more memory than there is.
#[test]
fn a_thousand_names_are_ordered_by_pairs() {
    let names: Vec<String> = (0..1000).map(|number| format!("event_{number}")).collect();
    let order = learned(&[&names.join(" ")]);
    assert_eq!(order, names.join(" ; "));
    let turned: Vec<String> =
        (0..4).map(|by| [&names[by * 250..], &names[..by * 250]].concat().join(" ")).collect();
    let turned: Vec<&str> = turned.iter().map(String::as_str).collect();
    let order = learned(&turned);
    assert_eq!(order.matches("event_").count(), 1000);
}

#[test]
fn alternatives_need_evidence() {
    let few = learned(&["a ok z", "a bad z"]);
    assert_eq!(few, "a ; ( bad? & ok? ) ; z");
    let many: Vec<&str> = (0..20).map(|i| if i % 2 == 0 { "a ok z" } else { "a bad z" }).collect();
    assert_eq!(learned(&many), "a ; ( bad | ok ) ; z");
}
