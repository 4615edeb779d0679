//! What becomes of a run that its client does not want any more: cancelled, or left while others go on.

use super::cells::{cell, could_not, not_asked, summary};
use super::context::{DriveOverrides, ProbeContext};
use super::finding::finding;
use super::leak::each_event;
use super::probed_session::ProbedSession;
use super::settings::Cancel;
use crate::auth::Identity;
use crate::driver::{Disconnect, DisconnectKind};
use goldwire_core::dialect::{Decoder, Label};
use goldwire_core::finding::{Finding, Kind, ProbeName, ProbeResult, Run};
use goldwire_core::golden::{Event, Golden, Order, Times};
use goldwire_core::template::Template;
use goldwire_core::transcript::{End, Frame, Gap, Offset, Payload, Side, Transcript};
use serde_json::Value;

const RACE: ProbeName = ProbeName::Race;
/// So often it is tried to cancel a run that is perhaps over before it can be.
const TRIES: u32 = 3;
/// The time in which a server must report that it has stopped.
const STOPPED: Gap = Gap::from_millis(5_000);

/// All ask at the same moment and take it back as soon as the server has begun.
pub(super) async fn mid_run(
    context: &ProbeContext<'_>,
    subject: &ProbedSession,
    identities: &[&Identity],
) -> ProbeResult {
    const CASE: &str = "cancel-mid-run";
    let Some(cancel) = &context.settings.cancel else {
        return not_asked(RACE, subject, CASE, "`[probe.cancel]` is missing: it says how to cancel a run");
    };
    let Some((golden, label)) = cancelling(&subject.golden, cancel) else {
        let why = format!("this session has no `{}` after a message of the client", cancel.after);
        return not_asked(RACE, subject, CASE, why);
    };
    let mut runs = Vec::new();
    for round in 1..=context.settings.rounds {
        if context.is_interrupted() {
            break;
        }
        let players = identities.iter().map(|identity| async {
            let mut run = cancelled(context, subject, &golden, identity, (cancel, &label), round).await;
            for _ in 1..TRIES {
                // A run that ended before it could be cancelled proves nothing.
                if !run.findings.iter().any(|found| found.kind == Kind::Missing) || context.is_interrupted() {
                    break;
                }
                run = cancelled(context, subject, &golden, identity, (cancel, &label), round).await;
            }
            // A client that has cancelled may ask again.
            let (again, _) =
                context.session(subject, &subject.golden, identity, &DriveOverrides::default(), round).await;
            [run, again]
        });
        runs.extend(futures_util::future::join_all(players).await.into_iter().flatten());
    }
    cell(RACE, subject, CASE, summary(&runs), runs)
}

/// A session in which the client cancels, and what it shows.
async fn cancelled(
    context: &ProbeContext<'_>,
    subject: &ProbedSession,
    golden: &Golden,
    identity: &Identity,
    (cancel, label): (&Cancel, &Label),
    round: u32,
) -> Run {
    let (mut run, driven) =
        context.session(subject, golden, identity, &DriveOverrides::default(), round).await;
    if let Some(driven) = &driven {
        run.unjudged = None;
        run.findings = judge(golden, cancel, label, &driven.transcript);
    }
    run
}

/// The golden of a client that asks once and cancels once, and what its cancelling is called: the server may say whatever it
/// says in this session, in any order.
fn cancelling(golden: &Golden, cancel: &Cancel) -> Option<(Golden, Label)> {
    let first = golden.script.first()?.clone();
    let labels: Vec<Label> =
        golden.order.labels().into_iter().filter(|label| !label.is_client()).cloned().collect();
    let asks_before = |label: &Label| golden.order.labels().iter().position(|own| *own == label);
    if asks_before(&cancel.after)? < asks_before(&first)? {
        return None;
    }
    let label = label_of(golden, &cancel.send)?;
    let mut own = golden.clone();
    let anything = labels.iter().filter(|label| **label != cancel.until);
    let mut parts: Vec<Order> =
        anything.map(|label| Order::Repeat(Box::new(Order::Event(label.clone())), Times::ANY)).collect();
    parts.push(Order::Event(cancel.until.clone()));
    parts.push(Order::Seq(vec![Order::Event(first.clone()), Order::Event(label.clone())]));
    own.order = Order::All(parts);
    own.rules.clear();
    own.events.values_mut().for_each(|event| (event.total, event.answered) = (None, None));
    own.wait = own.wait.min(STOPPED);
    own.script = vec![first.clone(), label.clone()];
    let greeting = before(&golden.order, &first);
    let asking = own.events.get_mut(&first)?;
    asking.think = None;
    if asking.after.is_empty() {
        asking.after = greeting;
    }
    own.events.entry(cancel.after.clone()).or_default().binds.extend(cancel.binds.iter().cloned());
    let event =
        Event { sends: vec![cancel.send.clone()], after: vec![cancel.after.clone()], ..Event::default() };
    own.events.insert(label.clone(), event);
    own.events.entry(cancel.until.clone()).or_default();
    Some((own, label))
}

/// The server's events of the part that the order has right before an event, e.g. the greeting before the first question.
fn before(order: &Order, label: &Label) -> Vec<Label> {
    let Order::Seq(parts) = order else { return Vec::new() };
    let Some(at) = parts.iter().position(|part| part.labels().contains(&label)) else { return Vec::new() };
    let Some(part) = at.checked_sub(1).map(|before| &parts[before]) else { return Vec::new() };
    part.labels().into_iter().filter(|label| !label.is_client()).cloned().collect()
}

/// What the dialect calls a message.
fn label_of(golden: &Golden, template: &Template) -> Option<Label> {
    let payload = match template {
        Template::Json(value) => Payload::Text(value.to_string()),
        Template::Text(text) => Payload::Text(text.clone()),
        Template::Binary(bytes) => Payload::Binary(bytes.clone()),
    };
    let frame = Frame::new(Offset::ZERO, Side::Client, payload);
    Decoder::new(&golden.dialect).feed(&frame).next().map(|event| event.label)
}

/// A cancelled run ends with the server's answer, and says nothing afterwards.
fn judge(golden: &Golden, cancel: &Cancel, label: &Label, transcript: &Transcript) -> Vec<Finding> {
    let key = || "probe.race.cancel-mid-run".to_owned();
    let mut ids: Vec<String> = Vec::new();
    let mut sent: Option<usize> = None;
    let mut answered: Option<usize> = None;
    let mut late: Vec<(Label, usize)> = Vec::new();
    each_event(golden, transcript, &mut |event| {
        if event.label == *label {
            sent.get_or_insert(event.frame);
        } else if sent.is_none() && event.label == cancel.after && ids.is_empty() {
            let value = |(_, pointer): &(String, String)| event.data.pointer(pointer).and_then(Value::as_str);
            ids.extend(cancel.binds.iter().filter_map(value).map(str::to_owned));
        } else if sent.is_some() && event.label == cancel.until {
            answered.get_or_insert(event.frame);
        } else if answered.is_some() && !event.label.is_client() && holds(&event.data, &ids) {
            late.push((event.label.clone(), event.frame));
        }
    });
    let last = transcript.frames.len().checked_sub(1);
    let (until, after) = (&cancel.until, &cancel.after);
    if sent.is_none() {
        let message = format!("there was nothing to cancel: `{after}` did not come");
        return vec![finding(Kind::Missing, key(), after.clone(), last.into_iter().collect(), message)];
    }
    if answered.is_none() {
        let message = format!("the run was not cancelled: `{until}` did not come after it was asked for");
        let frames = sent.into_iter().chain(last).collect();
        return vec![
            finding(Kind::Missing, key(), until.clone(), frames, message).values(
                format!("`{until}`"),
                format!("the session ended with {}", transcript.ending.label()),
            ),
        ];
    }
    let mut found = Vec::new();
    if let Some((event, frame)) = late.first() {
        let message = format!("`{event}` of the cancelled run came after `{until}`");
        found.push(
            finding(Kind::OutOfOrder, key(), event.clone(), vec![*frame], message)
                .values("no further event of this run", format!("{} more events of it", late.len()))
                .hint("the server reports that it stopped, and continues to work: does the cancel reach the run?"),
        );
    }
    if !matches!(&transcript.ending.how, End::Closed { by: Side::Client, .. }) {
        let message =
            format!("a session in which a run was cancelled ended with {}", transcript.ending.label());
        found.push(finding(Kind::Ending, key(), Label::from("@end"), last.into_iter().collect(), message));
    }
    found
}

fn holds(data: &Value, ids: &[String]) -> bool {
    let mut is_there = false;
    super::leak::walk(data, "", &mut |_, value| {
        is_there |= value.as_str().is_some_and(|text| ids.iter().any(|id| id == text));
    });
    is_there
}

/// Half of the users close in the middle of their run while the others go on, and come again at once.
pub(super) async fn close_mid_run(
    context: &ProbeContext<'_>,
    subject: &ProbedSession,
    identities: &[&Identity],
    messages: usize,
) -> ProbeResult {
    const CASE: &str = "close-mid-run";
    if messages < 2 {
        let why = "the server sends too little in this session for a disconnect in the middle";
        return not_asked(RACE, subject, CASE, why);
    }
    let mut runs: Vec<Run> = Vec::new();
    let count = identities.len();
    for round in 1..=context.settings.rounds {
        if context.is_interrupted() {
            break;
        }
        let players = identities.iter().enumerate().map(|(index, identity)| async move {
            if (index + round as usize) % 2 == 1 {
                let after = 1 + (index + 1) * (messages - 1) / (count + 1);
                let overrides = DriveOverrides {
                    disconnect: Some(Disconnect { after, how: DisconnectKind::Close }),
                    ..DriveOverrides::default()
                };
                if let Err(unjudged) = context.drive(subject, &subject.golden, identity, &overrides).await {
                    return could_not(&subject.session, &identity.user, unjudged, round);
                }
            }
            context.session(subject, &subject.golden, identity, &DriveOverrides::default(), round).await.0
        });
        runs.extend(futures_util::future::join_all(players).await);
    }
    cell(RACE, subject, CASE, summary(&runs), runs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use goldwire_core::transcript::{Ending, Header};
    use serde_json::json;

    fn golden() -> Golden {
        let text = "goldwire = 1\norder = \"connected ; >ask ; started ; token+ ; done\"\n[event.ask]\nsend = { type = \"ask\" }\n\
                    [event.connected]\n[event.started]\n[event.token]\n[event.done]\n";
        goldwire_core::golden::read("g.toml", text).expect("a golden")
    }

    fn cancel() -> Cancel {
        Cancel {
            send: Template::Json(json!({ "type": "cancel", "run": "{{run}}" })),
            binds: vec![("run".to_owned(), "/run".to_owned())],
            after: Label::from("started"),
            until: Label::from("cancelled"),
        }
    }

    fn judged(texts: &[&str]) -> Vec<Kind> {
        let (golden, label) = cancelling(&golden(), &cancel()).expect("it can be cancelled");
        let frames = texts.iter().map(|text| {
            let side = if text.contains(r#""ask""#) || text.contains(r#""cancel""#) {
                Side::Client
            } else {
                Side::Server
            };
            Frame::new(Offset::ZERO, side, Payload::Text((*text).to_owned()))
        });
        let how = End::Closed { by: Side::Client, code: 1000, reason: String::new() };
        let ending = Ending { at: Offset::ZERO, how, host: None };
        let transcript = Transcript { header: Header::default(), frames: frames.collect(), ending };
        judge(&golden, &cancel(), &label, &transcript).into_iter().map(|found| found.kind).collect()
    }

    #[test]
    fn a_client_that_cancels_asks_first_and_is_told_anything() {
        let (golden, label) = cancelling(&golden(), &cancel()).expect("it can be cancelled");
        assert_eq!(label, Label::from(">cancel"));
        let order = "connected* & started* & token* & done* & cancelled & ( >ask ; >cancel )";
        assert_eq!(golden.order.to_string(), order);
        assert_eq!(golden.events[&Label::from(">ask")].after, [Label::from("connected")]);
        let never = Cancel { after: Label::from("connected"), ..cancel() };
        assert_eq!(cancelling(&self::golden(), &never), None);
    }

    #[test]
    fn what_a_cancelled_run_says_after_the_answer_is_found_and_what_crosses_with_it_is_not() {
        const ASKED: [&str; 4] = [
            r#"{"type":"connected"}"#,
            r#"{"type":"ask"}"#,
            r#"{"type":"started","run":"run_1"}"#,
            r#"{"type":"cancel","run":"run_1"}"#,
        ];
        let token = r#"{"type":"token","run":"run_1"}"#;
        let answer = r#"{"type":"cancelled","run":"run_1"}"#;
        assert_eq!(judged(&[&ASKED[..], &[token, answer]].concat()), []);
        assert_eq!(judged(&[&ASKED[..], &[answer, token, token]].concat()), [Kind::OutOfOrder]);
        assert_eq!(judged(&[&ASKED[..], &[answer, r#"{"type":"token","run":"run_2"}"#]].concat()), []);
        assert_eq!(judged(&[&ASKED[..], &[token, token]].concat()), [Kind::Missing]);
        assert_eq!(judged(&ASKED[..2]), [Kind::Missing]);
    }
}
