//! Finds data of one user at another one.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use goldwire_core::check::{Likeness, likeness};
use goldwire_core::dialect::{Decoder, Event, pointer};
use goldwire_core::finding::{Finding, Kind, Place, Severity};
use goldwire_core::golden::{Format, Golden, Type};
use goldwire_core::template::Template;
use goldwire_core::transcript::{Frame, Payload, Side, Transcript};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One user's session while others were running.
#[derive(Debug)]
pub(super) struct Wire<'w> {
    /// E.g. `u1`.
    pub(super) user: &'w str,
    /// The values that belong to this user only, with their kind: a canary, an id, an address.
    pub(super) marks: Vec<Mark>,
    /// The transcript.
    pub(super) transcript: &'w Transcript,
}

/// Something that belongs to one user alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    /// The kind, e.g. `canary`, `user.email`, `connected/thread_id`.
    pub(super) what: String,
    /// In the form in which the user has it.
    pub(super) value: String,
}

/// Shorter values are found by chance.
const MIN_MARK: usize = 6;

/// The findings about values on the wrong connection, with the connection's index: one for each pair of users and
/// each kind of mark.
pub(super) fn leaks(golden: &Golden, wires: &[Wire<'_>]) -> Vec<(usize, Finding)> {
    let mut found = Vec::new();
    for (to, wire) in wires.iter().enumerate() {
        let frames: Vec<(usize, &Frame, String)> = wire
            .transcript
            .frames
            .iter()
            .enumerate()
            .filter(|(_, frame)| frame.side == Side::Server)
            .filter_map(|(index, frame)| Some((index, frame, text_of(&frame.payload)?)))
            .collect();
        for (from, owner) in wires.iter().enumerate() {
            if from == to {
                continue;
            }
            let mut told = BTreeSet::new();
            for mark in owner.marks.iter().filter(|mark| mark.value.len() >= MIN_MARK) {
                // Values that both have belong to neither: a shared room, a document.
                if wire.marks.iter().any(|own| own.value == mark.value) || told.contains(&mark.what) {
                    continue;
                }
                let forms = forms(&mark.value);
                let hits: Vec<usize> = frames
                    .iter()
                    .filter(|(_, _, text)| forms.iter().any(|form| text.contains(form.as_str())))
                    .map(|(index, _, _)| *index)
                    .collect();
                let Some(first) = hits.first() else { continue };
                told.insert(mark.what.clone());
                found.push((to, finding(golden, owner, wire, mark, *first, hits.len())));
            }
        }
    }
    found
}

fn finding(
    golden: &Golden,
    owner: &Wire<'_>,
    wire: &Wire<'_>,
    mark: &Mark,
    frame: usize,
    times: usize,
) -> Finding {
    let event = event_at(golden, wire.transcript, frame, &mark.value);
    let label = event.as_ref().map_or_else(|| "@frame".into(), |event| event.label.clone());
    let path = event.as_ref().and_then(|event| path_to(&event.data, &mark.value));
    let message = format!("{} of {} came to {}, in {label}", mark.what, owner.user, wire.user);
    let again =
        if times > 1 { format!("{times} frames contain it") } else { "one frame contains it".to_owned() };
    let source = owner
        .transcript
        .frames
        .iter()
        .position(|frame| text_of(&frame.payload).is_some_and(|text| text.contains(&mark.value)));
    let source = source
        .map_or_else(String::new, |at| format!("; on {}'s own connection first in frame {at}", owner.user));
    let place = Place {
        key: golden.key_of(&label),
        event: label,
        lane: None,
        path,
        golden_line: None,
        frames: vec![frame],
    };
    Finding::new(Kind::Leak, Severity::Deviation, place, message)
        .values(format!("nothing of {}", owner.user), mark.value.clone())
        .evidence(format!("{again}{source}"))
        .hint("send an event to its owner, not to every connected client")
}

/// The content of a payload as text; invalid UTF-8 is replaced.
pub(super) fn text_of(payload: &Payload) -> Option<String> {
    match payload {
        Payload::Text(text) => Some(text.clone()),
        Payload::Binary(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Payload::Close { reason, .. } => Some(reason.clone()),
        Payload::Ping(_) | Payload::Pong(_) | Payload::Open(_) | Payload::Gone(_) => None,
    }
}

/// The ways in which a server may write a value: as it is, in hexadecimal digits, and in base64 at each of the three
/// places where it may begin within a longer text.
fn forms(value: &str) -> Vec<String> {
    let mut forms = vec![value.to_owned(), value.bytes().map(|byte| format!("{byte:02x}")).collect()];
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        for before in 0..3usize {
            let text = engine.encode([vec![0; before], value.as_bytes().to_vec()].concat());
            // The characters at the edges contain bits of the neighbours.
            let start = [0, 2, 3][before];
            let whole = (before + value.len()) * 8 / 6;
            if let Some(form) = text.get(start..whole).filter(|form| form.len() >= MIN_MARK) {
                forms.push(form.to_owned());
            }
        }
    }
    forms.sort();
    forms.dedup();
    forms
}

/// The event of a frame that holds a value, else its first.
fn event_at(golden: &Golden, transcript: &Transcript, frame: usize, value: &str) -> Option<Event> {
    let mut decoder = Decoder::new(&golden.dialect);
    let all = transcript.frames.iter().take(frame + 1).enumerate();
    let mut last = None;
    for (index, one) in all {
        let events = decoder.feed(one);
        if index == frame {
            let mut events: Vec<Event> = events.collect();
            let holder = events.iter().position(|event| path_to(&event.data, value).is_some());
            last = (!events.is_empty()).then(|| events.swap_remove(holder.unwrap_or_default()));
        }
    }
    last
}

/// The JSON pointer of the first string that holds a value.
fn path_to(data: &Value, wanted: &str) -> Option<String> {
    let mut path = None;
    walk(data, "", &mut |at, value| {
        if path.is_none() && value.as_str().is_some_and(|text| text.contains(wanted)) {
            path = Some(at.to_owned());
        }
    });
    path
}

pub(super) fn walk(value: &Value, at: &str, visit: &mut impl FnMut(&str, &Value)) {
    visit(at, value);
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{at}/{index}"), visit);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                walk(item, &format!("{at}{}", pointer([key.as_str()])), visit);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The values that a session bound by the golden's names.
pub(super) fn bound_values(golden: &Golden, transcript: &Transcript) -> BTreeMap<String, Value> {
    let mut values = BTreeMap::new();
    each_event(golden, transcript, &mut |event| {
        for (name, pointer) in golden.event(&event.label).into_iter().flat_map(|known| &known.binds) {
            if let Some(value) = event.data.pointer(pointer) {
                values.insert(name.clone(), value.clone());
            }
        }
    });
    values
}

/// Whether the server gave what belongs to the session after the client had spoken of one of these values. What is unlike
/// that, a result that says no, is no answer.
pub(super) fn is_answered(golden: &Golden, transcript: &Transcript, values: &[&Value]) -> bool {
    // Also as part of a longer text.
    let texts: Vec<String> =
        values.iter().map(|value| value.to_string().trim_matches('"').to_owned()).collect();
    let (mut asked, mut answered) = (false, false);
    each_event(golden, transcript, &mut |event| {
        if event.label.is_client() {
            let said = event.data.to_string();
            asked |= texts.iter().any(|text| said.contains(text));
        } else if let Some(known) = golden.event(&event.label).filter(|_| asked) {
            answered |= !matches!(likeness(known, &event.data), Likeness::Unlike { .. });
        }
    });
    answered
}

/// The ids that the server made for this session: strings whose golden says that they are ids, at places whose ids never
/// came again in a later recording. `stale` holds the other places.
pub(super) fn own_ids(golden: &Golden, stale: &BTreeSet<String>, transcript: &Transcript) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    each_event(golden, transcript, &mut |event| {
        let Some(known) = golden.event(&event.label).filter(|_| !event.label.is_client()) else { return };
        for (path, rule) in &known.shape {
            let is_id =
                |kind: &Type| matches!(kind, Type::Format(Format::Uuid | Format::Hex(_) | Format::Id(_, _)));
            let what = format!("{}{}", event.label, path.pattern);
            if !rule.types.iter().any(is_id) || stale.contains(&what) {
                continue;
            }
            let Some(Value::String(value)) = event.data.pointer(&path.pattern) else { continue };
            if !marks.iter().any(|mark| mark.value == *value) {
                marks.push(Mark { what, value: value.clone() });
            }
        }
    });
    marks
}

pub(super) fn each_event(golden: &Golden, transcript: &Transcript, take: &mut impl FnMut(&Event)) {
    let mut decoder = Decoder::new(&golden.dialect);
    for frame in &transcript.frames {
        for event in decoder.feed(frame) {
            take(&event);
        }
    }
}

/// The golden with a canary at the end of every free text that the client says, and whether there is one: a text of several
/// words, so that what has a meaning for the server keeps it.
pub(super) fn with_canary(golden: &Golden, canary: &str) -> (Golden, bool) {
    let mut golden = golden.clone();
    let mut planted = false;
    for template in golden.events.values_mut().flat_map(|event| &mut event.sends) {
        match template {
            Template::Json(value) => plant(value, canary, &mut planted),
            Template::Text(text) if text.contains(' ') => {
                text.push_str(&format!(" ({canary})"));
                planted = true;
            }
            Template::Text(_) | Template::Binary(_) => {}
        }
    }
    (golden, planted)
}

fn plant(value: &mut Value, canary: &str, planted: &mut bool) {
    match value {
        Value::String(text) if text.contains(' ') && !text.contains("{{") => {
            text.push_str(&format!(" ({canary})"));
            *planted = true;
        }
        Value::Array(items) => items.iter_mut().for_each(|item| plant(item, canary, planted)),
        Value::Object(map) => map.values_mut().for_each(|item| plant(item, canary, planted)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use goldwire_core::transcript::{End, Ending, Header, Offset};

    fn wire(frames: &[(Side, &str)]) -> Transcript {
        let frames = frames.iter().zip(0..).map(|((side, text), at)| {
            Frame::new(Offset::from_nanos(at), *side, Payload::Text((*text).to_owned()))
        });
        let ending = Ending { at: Offset::from_nanos(99), how: End::Interrupted, host: None };
        Transcript { header: Header::default(), frames: frames.collect(), ending }
    }

    fn golden() -> Golden {
        let text = "goldwire = 1\norder = \"connected ; >ask ; answer\"\n[event.ask]\nsend = { type = \"ask\", text = \"how far\" }\n\
                    [event.connected]\nbind.thread = \"/thread\"\n[event.connected.shape]\n\"/thread\" = \"id(thr_ 8)\"\n\
                    [event.answer]\n[event.answer.shape]\n\"/doc\" = \"id(doc_ 8)\"\n";
        goldwire_core::golden::read("g.toml", text).expect("a golden")
    }

    fn mark(what: &str, value: &str) -> Mark {
        Mark { what: what.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn a_mark_is_found_on_the_wrong_wire_in_every_form_and_only_there() {
        let canary = "kwz8canary42x";
        let hidden = |text: &str| format!(r#"{{"type":"answer","text":"{text}"}}"#);
        let in_base64 = |before: &str| STANDARD_NO_PAD.encode(format!("{before}{canary}~~~"));
        let hex: String = canary.bytes().map(|byte| format!("{byte:02x}")).collect();
        let mine = wire(&[(Side::Client, &hidden(canary)), (Side::Server, &hidden(canary))]);
        for text in [canary.to_owned(), hex, in_base64(""), in_base64("a"), in_base64("ab"), in_base64("abc")]
        {
            let theirs = wire(&[(Side::Server, r#"{"type":"connected"}"#), (Side::Server, &hidden(&text))]);
            let wires = [
                Wire { user: "u1", marks: vec![mark("the canary", canary)], transcript: &mine },
                Wire { user: "u2", marks: vec![], transcript: &theirs },
            ];
            let found = leaks(&golden(), &wires);
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!((found[0].0, found[0].1.place.frames.clone()), (1, vec![1]));
            assert_eq!(found[0].1.message, "the canary of u1 came to u2, in answer");
        }
        let clean = wire(&[(Side::Server, &hidden("nothing of yours")), (Side::Client, &hidden(canary))]);
        let wires = [
            Wire { user: "u1", marks: vec![mark("the canary", canary)], transcript: &mine },
            Wire { user: "u2", marks: vec![], transcript: &clean },
        ];
        assert_eq!(leaks(&golden(), &wires), []);
    }

    #[test]
    fn what_both_have_belongs_to_neither() {
        let shared = wire(&[(Side::Server, r#"{"type":"connected","room":"room_main1"}"#)]);
        let marks = vec![mark("connected/room", "room_main1")];
        let wires = [
            Wire { user: "u1", marks: marks.clone(), transcript: &shared },
            Wire { user: "u2", marks, transcript: &shared },
        ];
        assert_eq!(leaks(&golden(), &wires), []);
    }

    #[test]
    fn ids_and_bound_values_are_those_that_the_server_made_for_this_session() {
        let session = wire(&[
            (Side::Server, r#"{"type":"connected","thread":"thr_abcd1234"}"#),
            (Side::Server, r#"{"type":"answer","doc":"doc_abcd1234"}"#),
        ]);
        let stale = BTreeSet::from(["answer/doc".to_owned()]);
        assert_eq!(own_ids(&golden(), &stale, &session), [mark("connected/thread", "thr_abcd1234")]);
        assert_eq!(bound_values(&golden(), &session)["thread"], "thr_abcd1234");
        let thread = Value::from("thr_abcd1234");
        let answered = |wire: &Transcript| is_answered(&golden(), wire, &[&thread]);
        assert!(!answered(&session));
        let ask = (Side::Client, r#"{"type":"ask","of":"room thr_abcd1234"}"#);
        assert!(!answered(&wire(&[ask, (Side::Server, r#"{"type":"error"}"#)])));
        assert!(answered(&wire(&[ask, (Side::Server, r#"{"type":"answer","doc":"doc_abcd1234"}"#)])));
        // A negative result is none.
        assert!(!answered(&wire(&[ask, (Side::Server, r#"{"type":"answer","doc":null}"#)])));
        // A login is also answered before anything of another user is requested.
        let login = (Side::Client, r#"{"type":"auth"}"#);
        let connected = (Side::Server, r#"{"type":"connected","thread":"thr_efgh5678"}"#);
        assert!(!answered(&wire(&[login, connected, ask])));
    }

    #[test]
    fn a_canary_goes_into_free_text_and_into_nothing_else() {
        let (planted, is_there) = with_canary(&golden(), "kwz8");
        assert!(is_there);
        let Some(Template::Json(sent)) =
            planted.events[&goldwire_core::dialect::Label::from(">ask")].sends.first()
        else {
            panic!("it sends JSON")
        };
        assert_eq!(sent.to_string(), r#"{"type":"ask","text":"how far (kwz8)"}"#);
    }
}
