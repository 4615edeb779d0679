//! A proposal is tried before it is proposed.
//!
//! Every recording that a golden was learned from is held against it as `check` would hold it, time and liveness aside.
//! What a recording contradicts is loosened or left out, and said. So a golden never rejects what it was learned from,
//! whatever else learning may have got wrong.

use super::play::{Played, play};
use super::{
    LearnError, Recordings, Sample, answers, hash_of, is_complete, learn, loosen, on_all_processors,
    read_each,
};
use crate::check;
use crate::dialect::Label;
use crate::finding::{Finding, Kind, Severity};
use crate::golden::{self, Fact, Golden, Path, Rule};
use crate::transcript::{Header, Transcript};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// So often the recordings that contradict the golden are held against what became of it. Each time something is given
/// up that does not come back.
const PASSES: usize = 200;
/// So many things that were left out are named.
const NAMED: usize = 8;

/// What was given up, and for which recording.
#[derive(Debug, Default)]
pub(super) struct Loosened {
    notes: Vec<String>,
    done: BTreeSet<String>,
}

impl Loosened {
    /// Sentences for a person.
    pub(super) fn notes(self) -> Vec<String> {
        let more = self.notes.len().saturating_sub(NAMED);
        let mut notes: Vec<String> = self.notes.into_iter().take(NAMED).collect();
        if more > 0 {
            notes.push(format!("left out: {more} more of what recordings contradict"));
        }
        notes
    }

    /// Notes that a recording contradicts what is not given up; nothing changes then.
    fn hold(&mut self, key: &str, recording: &str, finding: &Finding) -> bool {
        let said =
            format!("recording {recording} contradicts `{key}`, which a person holds: {}", finding.message);
        if self.done.insert(said.clone()) {
            self.notes.push(said);
        }
        false
    }

    fn note(&mut self, what: &str, recording: &str) -> bool {
        let is_new = self.done.insert(what.to_owned());
        if is_new {
            self.notes.push(format!("left out: {what}, because recording {recording} contradicts it"));
        }
        is_new
    }
}

/// What a recording is called to a person.
fn name_of(recording: &Transcript, index: usize) -> String {
    if recording.header.id.is_empty() { format!("{}", index + 1) } else { recording.header.id.clone() }
}

/// Loosens a golden until it accepts every recording in `own`, by index.
pub(super) fn mend<R: Recordings + ?Sized>(
    recordings: &R,
    own: &[usize],
    golden: &mut Golden,
) -> Result<Loosened, LearnError<R::Error>> {
    let mut loosened = Loosened::default();
    let mut suspects = own.to_vec();
    for pass in 0..=PASSES {
        let found = contradictions(recordings, &suspects, golden)?;
        if found.is_empty() {
            if suspects.len() == own.len() {
                break;
            }
            suspects = own.to_vec();
            continue;
        }
        let mut changed = false;
        // What many recordings contradict is given up once, and then they are asked again.
        let mut touched: BTreeSet<(&Label, Option<&str>)> = BTreeSet::new();
        for (recording, finding) in found.iter().flat_map(|(_, name, all)| all.iter().map(move |f| (name, f)))
        {
            let place = (&finding.place.event, finding.place.path.as_deref());
            if !touched.insert(place) {
                continue;
            }
            changed |= loosen_for(golden, finding, recording, pass == PASSES, &mut loosened);
        }
        suspects = found.into_iter().map(|(index, ..)| index).collect();
        if !changed {
            break;
        }
    }
    Ok(loosened)
}

/// A recording that a golden rejects: its index, what it is called, and what is wrong with it.
type Contradicted = (usize, String, Vec<Finding>);

/// The recordings that a golden rejects.
fn contradictions<R: Recordings + ?Sized>(
    recordings: &R,
    of: &[usize],
    golden: &Golden,
) -> Result<Vec<Contradicted>, LearnError<R::Error>> {
    // As a check will read it.
    let read = golden::read("", &golden::write(golden)).ok().map(|mut read| {
        read.attach(&golden.evidence());
        read.dialect.describe_as(&golden.dialect);
        read
    });
    let golden = read.as_ref().unwrap_or(golden);
    let judge = |index: usize, recording: &Transcript| {
        let findings = check::check(golden, recording).findings;
        (!findings.is_empty()).then(|| (index, name_of(recording, index), findings))
    };
    Ok(read_each(recordings, of, judge)?.into_iter().flatten().collect())
}

/// Gives up what a finding is about. False when it was given up before, or is held by a person.
fn loosen_for(
    golden: &mut Golden,
    finding: &Finding,
    recording: &str,
    is_last: bool,
    loosened: &mut Loosened,
) -> bool {
    let label = &finding.place.event;
    let event_key = format!("event.{}", golden.key_of(label));
    let holds = |key: &str| {
        golden
            .keep
            .iter()
            .any(|kept| key == kept || key.starts_with(&format!("{kept}.")))
            .then(|| key.to_owned())
    };
    if let Some(request) = answers::contradicted(golden, finding) {
        let key = format!("event.{}.answered", golden.key_of(&request));
        return match holds(&key) {
            Some(key) => loosened.hold(&key, recording, finding),
            None => {
                golden.events.entry(request.clone()).or_default().answered = None;
                loosened.note(&format!("what answers {request}"), recording)
            }
        };
    }
    let path = finding.place.path.clone();
    let held = match finding.kind.family() {
        "order" => holds("order").or_else(|| {
            let is_critical = golden.event(label).is_some_and(|event| event.critical);
            (is_critical && finding.kind == Kind::Missing).then(|| format!("{event_key}.critical"))
        }),
        "ending" => holds("ends"),
        _ => holds(&format!("{event_key}.shape.{}", path.clone().unwrap_or_default())),
    };
    if let Some(key) = held {
        return loosened.hold(&key, recording, finding);
    }
    match finding.kind.family() {
        "order" => in_order(golden, finding, recording, is_last, loosened),
        "ending" => match &finding.actual {
            // That a client gave up waiting is no way for a session to end.
            Some(end) if !golden.ends.contains(end) && !end.starts_with("gave up") => {
                golden.ends.push(end.clone());
                golden.ends.sort();
                loosened.note(&format!("that a session never ends with {end}"), recording)
            }
            _ => false,
        },
        _ => {
            in_payload(golden, label, finding.kind, path.as_deref().unwrap_or_default(), recording, loosened)
        }
    }
}

fn in_order(
    golden: &mut Golden,
    finding: &Finding,
    recording: &str,
    is_last: bool,
    loosened: &mut Loosened,
) -> bool {
    let label = &finding.place.event;
    let before = golden.order.to_string();
    let rules = golden.rules.len();
    golden.rules.retain(|rule| rule.first != *label && rule.then != *label);
    if golden.rules.len() < rules {
        return loosened.note(&format!("what {label} comes before or after"), recording);
    }
    if is_last {
        let labels: BTreeSet<Label> =
            golden.events.keys().chain(golden.order.labels()).chain([label]).cloned().collect();
        golden.order = loosen::flat(labels.iter());
        return golden.order.to_string() != before && loosened.note("the order of all events", recording);
    }
    // That the same came twice may be told by what is never twice the same.
    if finding.kind == Kind::Duplicate {
        let rules = golden.events.get_mut(label).into_iter().flat_map(|event| &mut event.shape);
        let before = |fact: &Fact| !matches!(fact, Fact::Unique | Fact::Counter { .. });
        let facts = |rule: &Rule| rule.facts.len();
        let mut given_up = false;
        for (path, rule) in rules {
            let had = facts(rule);
            rule.facts.retain(before);
            if facts(rule) < had {
                given_up = true;
                loosened.note(&format!("that {label}{} is never the same twice", path.pattern), recording);
            }
        }
        if given_up {
            return true;
        }
    }
    let step = match finding.kind {
        Kind::Missing => loosen::optional(&golden.order, label).map(|order| (order, "must come")),
        Kind::Repeated | Kind::Duplicate => {
            loosen::unlimited(&golden.order, label).map(|order| (order, "comes only so often"))
        }
        _ => None,
    };
    let step = step.or_else(|| loosen::floating(&golden.order, label).map(|order| (order, "has a place")));
    let Some((order, what)) = step else {
        // The order asks nothing of it any more: it is what it says that is found.
        let shape = golden.events.get_mut(label).map(|event| std::mem::take(&mut event.shape));
        return shape.is_some_and(|shape| !shape.is_empty())
            && loosened.note(&format!("the shape of {label}"), recording);
    };
    golden.order = order.simplified();
    if let Some(event) = golden.events.get_mut(label) {
        let keys = golden.order.keys_of(label).unwrap_or_default();
        event.lanes.retain(|(key, _)| keys.contains(&key.as_str()));
    }
    loosened.note(&format!("that {label} {what}"), recording);
    golden.order.to_string() != before
}

fn in_payload(
    golden: &mut Golden,
    label: &Label,
    kind: Kind,
    path: &str,
    recording: &str,
    loosened: &mut Loosened,
) -> bool {
    let Some(event) = golden.events.get_mut(label) else { return false };
    let place = event.shape.iter().position(|(own, _)| own.pattern == path);
    let Some(place) = place else {
        // Nothing was known of it: anything may stand there.
        event.shape.push((Path { pattern: path.to_owned(), optional: true }, Rule::default()));
        event.shape.sort_by(|a, b| a.0.cmp(&b.0));
        loosened.note(&format!("what {label}{path} is"), recording);
        return true;
    };
    let (own, rule) = &mut event.shape[place];
    if kind.family() == "binding" && !rule.facts.is_empty() {
        let facts: Vec<String> = rule.facts.drain(..).map(|fact| fact.to_string()).collect();
        loosened.note(&format!("{label}{path}: {}", facts.join(", ")), recording);
        return true;
    }
    if kind == Kind::FieldMissing && !own.optional {
        own.optional = true;
        loosened.note(&format!("that {label}{path} is always there"), recording);
        return true;
    }
    if !rule.types.is_empty() || !rule.facts.is_empty() {
        *rule = Rule::default();
        loosened.note(&format!("what {label}{path} is"), recording);
        return true;
    }
    // Whatever it was, nothing more is said of this payload.
    event.shape.clear();
    loosened.note(&format!("the shape of {label}"), recording)
}

/// So many recordings the client's half is played against.
const PLAYED: usize = 8;

/// Plays the client's half against recordings. What it waits for in vain it does not wait for any more; what can
/// still not be played is said.
pub(super) fn make_playable(golden: &mut Golden, sample: &Sample<'_>) -> Vec<String> {
    if golden.script.is_empty() {
        return Vec::new();
    }
    let recordings: Vec<(usize, &Transcript)> =
        sample.recordings.iter().map(|(index, recording)| (*index, &**recording)).collect();
    let mut notes = Vec::new();
    let mut stuck: Option<(String, Vec<String>, usize, usize)> = None;
    let (mut through, mut played) = (0_usize, 0_usize);
    for (index, recording) in recordings {
        if played == PLAYED {
            break;
        }
        let mut outcome = play(golden, recording);
        while let Played::Stuck { sent, .. } = &outcome {
            let label = golden.script.get(*sent).cloned();
            let waiting = label.and_then(|label| golden.events.get_mut(&label).map(|event| (label, event)));
            let Some((label, event)) = waiting.filter(|(_, event)| !event.after.is_empty()) else { break };
            let after = std::mem::take(&mut event.after);
            let again = play(golden, recording);
            let is_further = match &again {
                Played::Stuck { sent: now, .. } => now > sent,
                Played::Through | Played::OtherScript => true,
            };
            if !is_further {
                if let Some(event) = golden.events.get_mut(&label) {
                    event.after = after;
                }
                break;
            }
            let causes: Vec<&str> = after.iter().map(Label::as_str).collect();
            notes.push(format!(
                "left out: that {label} waits for {}, because in recording {} it is sent before",
                causes.join(" or "),
                name_of(recording, index)
            ));
            outcome = again;
        }
        match outcome {
            Played::OtherScript => {}
            Played::Through => (played, through) = (played + 1, through + 1),
            Played::Stuck { waiting_for, sent, of } => {
                played += 1;
                stuck.get_or_insert((name_of(recording, index), waiting_for, sent, of));
            }
        }
    }
    if let Some((name, waiting_for, sent, of)) = stuck {
        let what =
            if waiting_for.is_empty() { "what does not come".to_owned() } else { waiting_for.join(" or ") };
        notes.push(format!(
            "cannot be played: the client's half came to its end against {through} of {played} recordings; against \
             {name} it sends {sent} of {of} messages and then waits for {what}"
        ));
    }
    notes
}

/// So many recordings are held against goldens that were learned from others.
const FOLDED: usize = 40;
/// Into so many parts they are divided: each is held against a golden learned from all other parts.
const FOLDS: usize = 5;
/// So many frames are learned from in each part at most.
const FRAMES: usize = 25_000;

/// Some of the recordings.
struct Part<'r, R: ?Sized> {
    all: &'r R,
    indices: Vec<usize>,
}

impl<R: Recordings + ?Sized> Recordings for Part<'_, R> {
    type Error = R::Error;

    fn count(&self) -> usize {
        self.indices.len()
    }

    fn header(&self, index: usize) -> Result<Cow<'_, Header>, R::Error> {
        self.all.header(self.indices[index])
    }

    fn read(&self, index: usize) -> Result<Cow<'_, Transcript>, R::Error> {
        self.all.read(self.indices[index])
    }
}

/// Holds recordings against goldens that were learned from other ones: what share of clean runs a golden learned from as
/// many would disturb. A sentence for a person; none where there are too few to tell. Learns a few times more.
///
/// # Errors
/// When a recording cannot be read.
pub fn trial<R: Recordings + ?Sized>(
    recordings: &R,
    previous: Option<&Golden>,
) -> Result<Option<String>, LearnError<R::Error>> {
    let mut order = Vec::new();
    for index in 0..recordings.count() {
        let header = recordings.header(index).map_err(LearnError::Unreadable)?;
        order.push((hash_of(&header), index));
    }
    order.sort_unstable();
    let (mut chosen, mut frames) = (Vec::new(), 0);
    for (_, index) in order {
        let recording = recordings.read(index).map_err(LearnError::Unreadable)?;
        if is_complete(&recording) {
            frames += recording.frames.len();
            if chosen.len() == FOLDED || frames > FRAMES {
                break;
            }
            chosen.push(index);
        }
    }
    if chosen.len() < 3 {
        return Ok(None);
    }
    let folds = FOLDS.min(chosen.len());
    // How many runs of a part a golden of the others disturbs, and how many it fails; none where those teach nothing.
    let try_part = |fold: usize| -> Result<Option<(u32, u32)>, LearnError<R::Error>> {
        let part = |is_own: bool| -> Vec<usize> {
            let places = chosen.iter().enumerate().filter(|(place, _)| (place % folds == fold) == is_own);
            places.map(|(_, index)| *index).collect()
        };
        let others = Part { all: recordings, indices: part(false) };
        let golden = match learn(&others, previous) {
            Ok(proposal) => proposal.golden,
            Err(LearnError::NoRecordings | LearnError::NoEvents | LearnError::TooManyNames(_)) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let judge = |_, recording: &Transcript| {
            let findings = check::check(&golden, recording).findings;
            let fails = findings.iter().any(|finding| finding.severity == Severity::Deviation);
            (!findings.is_empty(), fails)
        };
        let judged = read_each(recordings, &part(true), judge)?;
        let count =
            |is_so: &dyn Fn(&(bool, bool)) -> bool| judged.iter().map(|run| u32::from(is_so(run))).sum();
        Ok(Some((count(&|run| run.0), count(&|run| run.1))))
    };
    let (mut disturbed, mut failed) = (0, 0);
    for tried in on_all_processors(folds, try_part) {
        let Some((any, fails)) = tried? else { return Ok(None) };
        disturbed += any;
        failed += fails;
    }
    Ok(Some(format!(
        "tried on recordings that it was not learned from: {disturbed} of {} would show something, {failed} of them would \
         fail at once",
        chosen.len()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::{End, Ending, Frame, Offset, Payload, Side};
    use serde_json::{Value, json};

    /// `> name` and `< name`, each with what is said besides.
    fn recording(id: &str, said: &[(&str, Value)]) -> Transcript {
        let frames = said.iter().zip(1..).map(|((line, data), at)| {
            let side = if line.starts_with('>') { Side::Client } else { Side::Server };
            let mut data = data.clone();
            data["type"] = Value::from(line.trim_start_matches('>'));
            Frame::new(Offset::from_nanos(at * 20_000_000), side, Payload::Text(data.to_string()))
        });
        let header = Header {
            id: id.to_owned(),
            started: format!("2026-11-22T12:00:00.{id:0>9}Z"),
            user: "u1".to_owned(),
            ..Header::default()
        };
        let how = End::Closed { by: Side::Client, code: 1000, reason: String::new() };
        let ending = Ending { at: Offset::from_nanos(10_000_000_000), how, host: None };
        Transcript { header, frames: frames.collect(), ending }
    }

    fn read(text: &str) -> Golden {
        let head = "goldwire = 1\n[learned]\nrecordings = 2\n";
        let (order, rest) = text.split_once('\n').expect("an order and the rest");
        let text = head.replace("[learned]", &format!("{order}\n[learned]")) + rest;
        golden::read("golden/x.toml", &text).unwrap_or_else(|problems| panic!("{text}\n{problems}"))
    }

    fn mended(golden: &mut Golden, recordings: &[Transcript]) -> Vec<String> {
        let own: Vec<usize> = (0..recordings.len()).collect();
        let notes = mend(recordings, &own, golden).expect("they are in memory").notes();
        for recording in recordings {
            let findings = check::check(golden, recording).findings;
            assert_eq!(findings, [], "{}", golden::write(golden));
        }
        notes
    }

    #[test]
    fn what_a_recording_contradicts_is_left_out_and_said() {
        let none = || json!({});
        let recordings = [
            recording("1", &[(">ask", none()), ("a", json!({"n": 1})), ("b", json!({"of": null}))]),
            recording("2", &[(">ask", none()), ("b", json!({"of": "x"})), ("a", json!({"n": "one"}))]),
            recording("3", &[(">ask", none()), ("b", json!({"of": "x"})), ("c", none()), ("b", none())]),
        ];
        let mut golden = read(
            "order = \">ask ; a ; b\"\n[event.ask]\nsend = { type = \"ask\" }\n[event.a.shape]\n\"/n\" = \"integer\"\n\"/type\" = \"string\"\n[event.b.shape]\n\"/of\" = \"string, unique\"\n\"/type\" = \"string\"\n",
        );
        let notes = mended(&mut golden, &recordings);
        assert!(notes.iter().all(|note| note.starts_with("left out: ")), "{notes:?}");
        for said in ["what a/n is, because recording 2", "what b/of is, because recording 1"] {
            assert!(notes.iter().any(|note| note.contains(said)), "{notes:?} do not say {said}");
        }
        // What nobody contradicts is still asked for.
        assert!(!check::check(&golden, &recordings[0]).findings.iter().any(|_| true));
        let silent = recording("4", &[("b", json!({"of": "x"}))]);
        assert!(!check::check(&golden, &silent).findings.is_empty(), "{}", golden.order);
    }

    #[test]
    fn what_a_person_holds_is_not_given_up() {
        let recordings = [recording("1", &[("b", json!({})), ("a", json!({}))])];
        let mut golden = read("order = \"a ; b\"\n");
        golden.keep = vec!["order".to_owned()];
        let before = golden.order.clone();
        let notes = mend(&recordings, &[0], &mut golden).expect("in memory").notes();
        assert_eq!(golden.order, before);
        assert!(notes[0].starts_with("recording 1 contradicts `order`, which a person holds"), "{notes:?}");
    }

    #[test]
    fn a_client_that_begins_and_then_waits_can_be_played() {
        let turn = |last: bool| {
            let mut said = vec![(">hi", json!({})), ("pong", json!({})), ("more", json!({}))];
            if last {
                said.extend([("more", json!({}))]);
            }
            said
        };
        let recordings: Vec<Transcript> = (0..6)
            .map(|n| recording(&n.to_string(), &[turn(n % 2 == 0), turn(n % 3 == 0), turn(false)].concat()))
            .collect();
        let proposal = learn(&recordings[..], None).expect("there are events");
        let text = golden::write(&proposal.golden);
        assert!(
            !proposal.notes.iter().any(|note| note.contains("cannot be played")),
            "{:?}\n{text}",
            proposal.notes
        );
        for recording in &recordings {
            assert_eq!(play(&proposal.golden, recording), Played::Through, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_played_is_said() {
        let recordings = [recording("7", &[("hello", json!({})), (">ask", json!({})), ("done", json!({}))])];
        let mut golden = read("order = \"hello ; done ; >ask\"\n[event.ask]\nsend = { type = \"ask\" }\n");
        let played = play(&golden, &recordings[0]);
        assert!(matches!(&played, Played::Stuck { sent: 0, of: 1, .. }), "{played:?}");
        let sample = Sample::draw(&recordings[..]).expect("one");
        let notes = make_playable(&mut golden, &sample);
        assert!(
            notes[0].starts_with(
                "cannot be played: the client's half came to its end against 0 of 1 recordings; against 7 it"
            ),
            "{notes:?}"
        );
    }

    #[test]
    fn recordings_that_were_held_back_say_how_many_clean_runs_would_be_disturbed() {
        let steady: Vec<Transcript> = (0..10)
            .map(|n| recording(&n.to_string(), &[(">ask", json!({})), ("done", json!({"ok": true}))]))
            .collect();
        let said = trial(&steady[..], None).expect("in memory").expect("enough");
        assert_eq!(
            said,
            "tried on recordings that it was not learned from: 0 of 10 would show something, 0 of them would fail at once"
        );
        let names = ["one", "two", "three", "four", "five"];
        let varied: Vec<Transcript> = names
            .iter()
            .map(|name| recording(&name.len().to_string(), &[(">ask", json!({})), (name, json!({}))]))
            .collect();
        let said = trial(&varied[..], None).expect("in memory").expect("enough");
        assert!(said.contains("5 of 5 would show something"), "{said}");
        assert_eq!(trial(&steady[..2], None).expect("in memory"), None);
    }

    #[test]
    fn a_session_that_gave_up_is_learned_from_only_when_there_is_no_other() {
        let whole = |id: &str| recording(id, &[(">ask", json!({})), ("done", json!({}))]);
        let mut given_up = recording("9", &[(">ask", json!({}))]);
        given_up.ending.how = End::GaveUp {
            waiting_for: vec!["done".to_owned()],
            waited: crate::transcript::Gap::from_millis(10_000),
        };
        let proposal = learn(&[whole("1"), whole("2"), given_up.clone()][..], None).expect("events");
        assert_eq!(proposal.golden.order.to_string(), ">ask ; done");
        assert_eq!(proposal.golden.ends, ["client 1000"]);
        assert!(proposal.notes.iter().any(|note| note.starts_with("in 1 recording the client gave up")));
        let proposal = learn(&[given_up][..], None).expect("an event");
        assert!(!proposal.golden.ends.contains(&"gave up".to_owned()));
    }
}
