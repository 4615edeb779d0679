//! A proposal is mended before it is proposed.
//!
//! Every recording that a golden was learned from is held against it as `check` would hold it, time and liveness aside.
//! What a recording contradicts is loosened or left out, and said. So a golden never rejects what it was learned from,
//! whatever else learning may have got wrong.

use super::parallel::read_each;
use super::recordings::{LearnError, Recordings};
use super::{answers, loosen};
use crate::check;
use crate::dialect::Label;
use crate::finding::{Finding, Kind};
use crate::golden::{self, Fact, Golden, Path, Rule};
use crate::transcript::Transcript;
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
            format!("recording {recording} contradicts `{key}`, which a person keeps: {}", finding.message);
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
pub(super) fn name_of(recording: &Transcript, index: usize) -> String {
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
            // A client that gave up waiting is not an ending of a session.
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
    // A repeated message may be found by a value that is never repeated.
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
    // In any case, nothing more is reported about this payload.
    event.shape.clear();
    loosened.note(&format!("the shape of {label}"), recording)
}
