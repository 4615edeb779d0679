//! Does each of several users get what is theirs and nothing else?

use super::leak::{Mark, Wire, bound_values, leaks, own_ids, with_canary};
use super::{Ground, Subject, Twist, judged, not_asked, stuck, subject_claim, summary};
use crate::auth::{Identity, random_word};
use crate::finding::{Cell, ProbeName, Run, Unjudged};
use crate::golden::Golden;
use crate::wire::Driven;
use serde_json::Value;
use std::collections::BTreeSet;

const ISOLATION: ProbeName = ProbeName::Isolation;

pub(super) async fn ask(ground: &Ground<'_>, subject: &Subject) -> Vec<Cell> {
    let identities = match ground.logins(ground.settings.users).await {
        Ok(identities) => identities,
        Err(unjudged) => return vec![stuck(ISOLATION, subject, "login", unjudged)],
    };
    let mut plain = Vec::new();
    let mut marked = Vec::new();
    for round in 1..=ground.settings.rounds {
        if ground.is_interrupted() {
            break;
        }
        plain.extend(together(ground, subject, &identities, round, false).await);
        marked.extend(together(ground, subject, &identities, round, true).await);
    }
    let count = identities.len();
    let own = |runs: &[Run]| match runs.iter().flat_map(|run| &run.findings).next() {
        Some(first) => first.message.clone(),
        None => format!("{count} users, {} sessions, nothing of anybody else", runs.len()),
    };
    let (ids, conform) = apart(plain);
    let mut cells = vec![
        super::cell(ISOLATION, subject, "ids", own(&ids), ids),
        super::cell(ISOLATION, subject, "each-conforms", summary(&conform), conform),
    ];
    let planted = with_canary(&subject.golden, "x").1;
    // What a changed question does to the order of the answer is no business of this probe.
    let (canaries, _) = apart(marked);
    cells.push(if planted {
        super::cell(ISOLATION, subject, "canary", own(&canaries), canaries)
    } else {
        not_asked(ISOLATION, subject, "canary", "the client says no free text that could carry one")
    });
    cells
}

/// The leaks of each run, and everything else.
fn apart(runs: Vec<Run>) -> (Vec<Run>, Vec<Run>) {
    let is_leak = |finding: &crate::finding::Finding| finding.kind == crate::finding::Kind::Leak;
    runs.into_iter()
        .map(|run| {
            let (leaks, rest) = run.findings.iter().cloned().partition(is_leak);
            (Run { findings: leaks, ..run.clone() }, Run { findings: rest, ..run })
        })
        .unzip()
}

/// All users play the session at the same time.
async fn together(
    ground: &Ground<'_>,
    subject: &Subject,
    identities: &[Identity],
    round: u32,
    with_canaries: bool,
) -> Vec<Run> {
    let players = identities.iter().map(|identity| async move {
        let canary = match random_word(16) {
            Ok(word) => format!("ref-{word}"),
            Err(error) => return Err(Unjudged { cause: error.to_string(), hint: None }),
        };
        let golden =
            if with_canaries { with_canary(&subject.golden, &canary).0 } else { subject.golden.clone() };
        let driven = ground.drive(subject, &golden, identity, &Twist::default()).await?;
        Ok((canary, golden, driven))
    });
    let played: Vec<Result<(String, Golden, Driven), Unjudged>> =
        futures_util::future::join_all(players).await;
    let mut runs: Vec<Run> = played
        .iter()
        .zip(identities)
        .map(|(played, identity)| match played {
            Ok((_, golden, driven)) => judged(subject, golden, driven, round),
            Err(unjudged) => super::could_not(&subject.session, &identity.user, unjudged.clone(), round),
        })
        .collect();
    let (places, mut wires): (Vec<usize>, Vec<Wire<'_>>) = played
        .iter()
        .zip(identities)
        .enumerate()
        .filter_map(|(index, (played, identity))| {
            let (canary, golden, driven) = played.as_ref().ok()?;
            let subject = identities.iter().find(|other| other.user != identity.user);
            let subject = subject.map_or_else(|| "sub".to_owned(), |other| subject_claim(identity, other));
            let marks = marks(golden, identity, &subject, canary, driven);
            Some((index, Wire { user: &identity.user, marks, transcript: &driven.transcript }))
        })
        .unzip();
    if let Some(seen) = &subject.seen {
        // An id belongs to the wire that it came to, unless it is known whose it is.
        let known: BTreeSet<String> =
            wires.iter().flat_map(|wire| &wire.marks).map(|mark| mark.value.clone()).collect();
        for wire in &mut wires {
            let ids = own_ids(&subject.golden, &seen.stale, wire.transcript);
            wire.marks.extend(ids.into_iter().filter(|mark| !known.contains(&mark.value)));
        }
    }
    for (wire, finding) in leaks(&subject.golden, &wires) {
        runs[places[wire]].findings.push(finding);
    }
    runs
}

/// What is known to belong to one user alone.
fn marks(golden: &Golden, identity: &Identity, subject: &str, canary: &str, driven: &Driven) -> Vec<Mark> {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let mut marks = vec![Mark { what: "the canary".to_owned(), value: canary.to_owned() }];
    let sub = identity.claims.as_ref().and_then(|claims| claims.get(subject));
    let claim = format!("the token's `{subject}`");
    let values = [("user.id", identity.vars.get("user.id")), ("user.email", identity.vars.get("user.email"))];
    for (what, value) in values.into_iter().chain([(claim.as_str(), sub)]) {
        marks.extend(value.and_then(text).map(|value| Mark { what: what.to_owned(), value }));
    }
    for (name, value) in bound_values(golden, &driven.transcript) {
        marks.extend(text(&value).map(|value| Mark { what: name, value }));
    }
    marks
}
