//! Tests of the room above.

use super::*;
use crate::dialect::{Event, Label};
use crate::learn::order;
use crate::learn::session::Session;
use crate::transcript::Offset;
use serde_json::{Value, json};

/// A session of these events, in this order, 20 ms apart.
fn session(events: Vec<(String, Value)>) -> Session {
    let event = |(i, (name, data)): (usize, (String, Value))| {
        let at = Offset::from_nanos(u64::try_from(i).expect("small") * 20_000_000);
        Event { label: Label::from(name.as_str()), at, frame: i, conn: 0, data }
    };
    Session { events: events.into_iter().enumerate().map(event).collect(), ending: "client 1000".to_owned() }
}

fn learned(sessions: &[Session], reply: Option<&str>) -> String {
    let lanes = Lanes::find(sessions, reply);
    let (order, _) = order::learn(sessions, &lanes, None);
    order.to_string()
}

#[test]
fn an_answer_that_says_ids_of_two_things_joins_them_to_none() {
    // Of a media server: it answers whatever makes something with the new id, of the session first and then of two streams,
    // which their own events call the sender. What keeps the session alive is asked of no stream.
    let sessions: Vec<Session> = (0..8_u64)
        .map(|n| {
            let (own, streams) = (7_000_000_100 + n, [7_000_000_300 + n, 7_000_000_500 + n]);
            let mut asked = 0;
            let mut events = Vec::new();
            let mut ask = |name: &str, answer: &str, stream: Option<u64>, made: Option<u64>| {
                asked += 1;
                let transaction = format!("t{n}x{asked}k4711");
                let mut request = json!({"transaction": transaction, "session_id": own});
                if let Some(stream) = stream {
                    request["handle_id"] = json!(stream);
                }
                let mut answered = json!({"transaction": transaction});
                if let Some(made) = made {
                    answered["data"] = json!({"id": made});
                }
                events.push((format!(">{name}"), request));
                events.push((answer.to_owned(), answered));
            };
            ask("create", "success", None, Some(own));
            for stream in streams {
                ask("attach", "success", None, Some(stream));
                ask("list", "success", Some(stream), None);
                ask("list", "success", Some(stream), None);
                ask("message", "ack", Some(stream), None);
                ask("message", "ack", Some(stream), None);
            }
            ask("keepalive", "ack", None, None);
            let at = usize::try_from(n % 3).expect("small");
            for (place, stream) in [(10 + at, streams[0]), (20 + at, streams[1])] {
                events.insert(place, ("up".to_owned(), json!({"session_id": own, "sender": stream})));
            }
            for stream in streams {
                events.push(("down".to_owned(), json!({"session_id": own, "sender": stream})));
            }
            session(events)
        })
        .collect();
    let order = learned(&sessions, None);
    assert_eq!(
        order,
        "each handle_id ( up ; down )+ & each transaction ( ( >attach | >create | >list ) ; success )+ & \
             each transaction_2 ( ( >keepalive | >message ) ; ack )+"
    );
}

#[test]
fn progress_lies_in_the_lane_of_the_token_that_its_request_gave() {
    let sessions: Vec<Session> = (0..6)
        .map(|n| {
            let call = |id: u64| {
                (
                    ">call".to_owned(),
                    json!({"id": id, "params": {"_meta": {"progressToken": format!("t{n}{id}")}}}),
                )
            };
            let progress =
                |id: u64| ("progress".to_owned(), json!({"params": {"progressToken": format!("t{n}{id}")}}));
            let answer = |id: u64| ("re:call".to_owned(), json!({"id": id, "result": {}}));
            session(vec![
                call(1),
                call(2),
                progress(2),
                progress(1),
                progress(1),
                answer(1),
                progress(2),
                answer(2),
            ])
        })
        .collect();
    assert_eq!(
        learned(&sessions, Some("/id")),
        "each id ( each progressToken ( >call ; progress+ ) ; re:call )+"
    );
}

#[test]
fn each_side_numbers_its_own_requests() {
    let sessions: Vec<Session> = (0..6)
        .map(|n| {
            let of = |name: &str, id: u64| (name.to_owned(), json!({ "id": id, "n": n }));
            // The server asks while the client's requests are open, under the same numbers.
            session(vec![
                of(">call", 1),
                of(">call", 2),
                of("sample", 1),
                of(">re:sample", 1),
                of("re:call", 2),
                of("sample", 2),
                of("re:call", 1),
                of(">re:sample", 2),
            ])
        })
        .collect();
    assert_eq!(
        learned(&sessions, Some("/id")),
        "each id ( >call ; re:call )+ & each id_2 ( sample ; >re:sample )+"
    );
}

#[test]
fn a_small_number_that_comes_again_by_chance_is_no_key() {
    let states = ["new", "paid", "shipped"];
    let order =
        |n: usize, i: usize| (states[(n * 7 + i * 5) % 3].to_owned(), json!({"id": (n * 3 + i * i) % 6}));
    let sessions: Vec<Session> = (0..8).map(|n| session((0..9).map(|i| order(n, i)).collect())).collect();
    assert!(Lanes::find(&sessions, None).pointers.is_empty());
    // One that everything begins with alike is, though only one side says it.
    let job = |name: &str, id: usize| (name.to_owned(), json!({ "jobId": id }));
    let sessions: Vec<Session> = (1..8)
        .map(|_| session(vec![job("begun", 1), job("begun", 2), job("done", 2), job("done", 1)]))
        .collect();
    assert_eq!(learned(&sessions, None), "each jobId ( begun ; done )+");
}

#[test]
fn blocks_that_are_numbered_anew_in_every_message_are_lanes() {
    let block = |name: &str, index: u64| (name.to_owned(), json!({ "index": index }));
    let plain = |name: &str| (name.to_owned(), json!({}));
    let message = |blocks: u64| {
        let mut events = vec![plain(">ask"), plain("begin")];
        for index in 0..blocks {
            events.push(block("open", index));
            events.extend((0..=blocks).map(|_| block("delta", index)));
            events.push(block("close", index));
        }
        events.push(plain("end"));
        events
    };
    let sessions: Vec<Session> =
        (0..6).map(|n| session([message(2 + n % 2), message(1 + n % 3), message(3)].concat())).collect();
    let order = learned(&sessions, None);
    assert_eq!(order, "( >ask ; begin ; each index ( open ; delta+ ; close )+ ; end )+");
}

#[test]
fn runs_that_never_overlap_are_rounds_and_not_lanes() {
    let run = |n: u64, run: u64, steps: u64| {
        let id = format!("run_{:06}", n * 100 + run + 1);
        let named = |name: &str| (name.to_owned(), json!({ "runId": id }));
        let mut events = vec![named(">go"), named("started")];
        for _ in 0..steps {
            events.extend(["step", "note", "note", "fin"].map(|name| (name.to_owned(), json!({}))));
        }
        events.push(named("finished"));
        events
    };
    let sessions: Vec<Session> =
        (0..6).map(|n| session([run(n, 1, 1 + n % 2), run(n, 2, 2), run(n, 3, 1)].concat())).collect();
    assert_eq!(learned(&sessions, None), "( >go ; started ; ( step ; note+ ; fin )+ ; finished )+");
}

#[test]
fn a_reference_of_a_tuple_is_a_key_however_short() {
    let push =
        |name: &str, reference: u64| (name.to_owned(), json!([null, reference.to_string(), "room", {}]));
    let sessions: Vec<Session> = (0..6)
        .map(|_| session(vec![push(">join", 1), push(">say", 2), push("reply", 2), push("reply", 1)]))
        .collect();
    assert_eq!(learned(&sessions, None), "each key ( ( >join | >say ) ; reply )+");
}
