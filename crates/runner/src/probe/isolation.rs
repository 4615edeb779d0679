//! The isolation probe: checks that each of several users gets only their own data.

use super::cells::{cell, could_not, judged, not_asked, stuck, summary};
use super::context::{DriveOverrides, ProbeContext, subject_claim};
use super::identity::strangers;
use super::leak::{Mark, Wire, bound_values, leaks, own_ids, with_canary};
use super::probed_session::ProbedSession;
use crate::auth::{Identity, random_word};
use crate::driver::Driven;
use goldwire_core::finding::{ProbeName, ProbeResult, Run, Unjudged};
use goldwire_core::golden::Golden;
use goldwire_core::transcript::Transcript;
use serde_json::Value;
use std::collections::BTreeSet;

const ISOLATION: ProbeName = ProbeName::Isolation;

pub(super) async fn ask(context: &ProbeContext<'_>, subject: &ProbedSession) -> Vec<ProbeResult> {
    let identities = match context.logins(context.settings.users).await {
        Ok(identities) => identities,
        Err(unjudged) => return vec![stuck(ISOLATION, subject, "login", unjudged)],
    };
    let mut plain = Vec::new();
    let mut marked = Vec::new();
    let mut strangers = Vec::new();
    let mut named = 0;
    for round in 1..=context.settings.rounds {
        if context.is_interrupted() {
            break;
        }
        let (runs, identified) = together(context, subject, &identities, round, false).await;
        named = named.max(identified.places);
        strangers.extend(identified.runs);
        plain.extend(runs);
        marked.extend(together(context, subject, &identities, round, true).await.0);
    }
    let count = identities.len();
    let own = |runs: &[Run]| match runs.iter().flat_map(|run| &run.findings).next() {
        Some(first) => first.message.clone(),
        None => format!("{count} users, {} sessions, nothing of other users", runs.len()),
    };
    let (ids, conform) = apart(plain);
    let mut cells = vec![
        cell(ISOLATION, subject, "ids", own(&ids), ids),
        own_identity(subject, named, strangers),
        cell(ISOLATION, subject, "each-conforms", summary(&conform), conform),
    ];
    let planted = with_canary(&subject.golden, "x").1;
    // The effect of a changed question on the order of the answer does not matter here.
    let (canaries, _) = apart(marked);
    cells.push(if planted {
        cell(ISOLATION, subject, "canary", own(&canaries), canaries)
    } else {
        not_asked(ISOLATION, subject, "canary", "the client sends no free text that could carry a marker")
    });
    cells
}

/// The leaks of each run, and everything else.
fn apart(runs: Vec<Run>) -> (Vec<Run>, Vec<Run>) {
    let is_leak =
        |finding: &goldwire_core::finding::Finding| finding.kind == goldwire_core::finding::Kind::Leak;
    runs.into_iter()
        .map(|run| {
            let (leaks, rest) = run.findings.iter().cloned().partition(is_leak);
            (Run { findings: leaks, ..run.clone() }, Run { findings: rest, ..run })
        })
        .unzip()
}

/// All users play the session at the same time.
async fn together(
    context: &ProbeContext<'_>,
    subject: &ProbedSession,
    identities: &[Identity],
    round: u32,
    with_canaries: bool,
) -> (Vec<Run>, Identified) {
    let players = identities.iter().map(|identity| async move {
        let canary = match random_word(16) {
            Ok(word) => format!("ref-{word}"),
            Err(error) => return Err(Unjudged { cause: error.to_string(), hint: None }),
        };
        let golden =
            if with_canaries { with_canary(&subject.golden, &canary).0 } else { subject.golden.clone() };
        let driven = context.drive(subject, &golden, identity, &DriveOverrides::default()).await?;
        Ok((canary, golden, driven))
    });
    let played: Vec<Result<(String, Golden, Driven), Unjudged>> =
        futures_util::future::join_all(players).await;
    let mut runs: Vec<Run> = played
        .iter()
        .zip(identities)
        .map(|(played, identity)| match played {
            Ok((_, golden, driven)) => judged(subject, golden, driven, round),
            Err(unjudged) => could_not(&subject.session, &identity.user, unjudged.clone(), round),
        })
        .collect();
    let own: Vec<(usize, Own<'_>)> = played
        .iter()
        .zip(identities)
        .enumerate()
        .filter_map(|(index, (played, identity))| {
            let (canary, golden, driven) = played.as_ref().ok()?;
            Some((index, Own { identity, golden, canary: Some(canary), transcript: &driven.transcript }))
        })
        .collect();
    let places: Vec<usize> = own.iter().map(|(index, _)| *index).collect();
    let own: Vec<Own<'_>> = own.into_iter().map(|(_, own)| own).collect();
    let wires = wires(subject, identities, &own);
    let known: Vec<Vec<String>> = own.iter().map(|own| own.names(identities)).collect();
    let (named, strangers) = strangers(&subject.golden, &wires, &known);
    let mut identified: Vec<Run> =
        places.iter().map(|place| Run { findings: Vec::new(), ..runs[*place].clone() }).collect();
    for (wire, finding) in strangers {
        identified[wire].findings.push(finding);
    }
    for (wire, finding) in leaks(&subject.golden, &wires) {
        runs[places[wire]].findings.push(finding);
    }
    (runs, Identified { places: named, runs: identified })
}

/// What came of asking whether each socket is its own user's.
struct Identified {
    /// At how many places the server names the user.
    places: usize,
    runs: Vec<Run>,
}

fn own_identity(subject: &ProbedSession, places: usize, runs: Vec<Run>) -> ProbeResult {
    const CASE: &str = "own-identity";
    if places == 0 {
        let why = "the server does not name the user: no user's id, address or subject comes back";
        return not_asked(ISOLATION, subject, CASE, why);
    }
    let said = match runs.iter().flat_map(|run| &run.findings).next() {
        Some(first) => first.message.clone(),
        None => format!("{} sockets got their identity, each the right one", runs.len()),
    };
    cell(ISOLATION, subject, CASE, said, runs)
}

/// One user's session while others were running.
pub(super) struct Own<'o> {
    pub(super) identity: &'o Identity,
    pub(super) golden: &'o Golden,
    pub(super) canary: Option<&'o str>,
    pub(super) transcript: &'o Transcript,
}

impl Own<'_> {
    /// What the user is called: id, address, the token's subject.
    fn names(&self, identities: &[Identity]) -> Vec<String> {
        names(self.identity, identities).into_iter().map(|mark| mark.value).collect()
    }
}

/// What passed on each wire, with what belongs to its user alone.
pub(super) fn wires<'w>(
    subject: &ProbedSession,
    identities: &[Identity],
    own: &'w [Own<'w>],
) -> Vec<Wire<'w>> {
    let mut wires: Vec<Wire<'_>> = own
        .iter()
        .map(|own| Wire {
            user: &own.identity.user,
            marks: marks(own, identities),
            transcript: own.transcript,
        })
        .collect();
    if let Some(seen) = &subject.seen {
        // An id belongs to the connection that received it, unless its owner is known.
        let known: BTreeSet<String> =
            wires.iter().flat_map(|wire| &wire.marks).map(|mark| mark.value.clone()).collect();
        for wire in &mut wires {
            let ids = own_ids(&subject.golden, &seen.stale, wire.transcript);
            wire.marks.extend(ids.into_iter().filter(|mark| !known.contains(&mark.value)));
        }
    }
    wires
}

/// The values that belong to one user only.
fn marks(own: &Own<'_>, identities: &[Identity]) -> Vec<Mark> {
    let mut marks: Vec<Mark> = own
        .canary
        .map(|value| Mark { what: "the canary".to_owned(), value: value.to_owned() })
        .into_iter()
        .collect();
    marks.extend(names(own.identity, identities));
    for (name, value) in bound_values(own.golden, own.transcript) {
        marks.extend(text(&value).map(|value| Mark { what: name, value }));
    }
    marks
}

/// The identity values of a user.
fn names(identity: &Identity, identities: &[Identity]) -> Vec<Mark> {
    let other = identities.iter().find(|other| other.user != identity.user);
    let subject = other.map_or_else(|| "sub".to_owned(), |other| subject_claim(identity, other));
    let sub = identity.claims.as_ref().and_then(|claims| claims.get(&subject));
    let claim = format!("the token's `{subject}`");
    let values = [("user.id", identity.vars.get("user.id")), ("user.email", identity.vars.get("user.email"))];
    let values = values.into_iter().chain([(claim.as_str(), sub)]);
    values.filter_map(|(what, value)| Some(Mark { what: what.to_owned(), value: text(value?)? })).collect()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}
