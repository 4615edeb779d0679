//! Where requests have their id, and which messages answer them.

use super::candidate::fields;
use crate::dialect::{Dialect, HttpNames, Said as SaidName};
use crate::learn::lanes::is_reference;
use crate::learn::session::Session;
use crate::transcript::Side;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Finds where requests have their id, when messages without a name answer them (JSON-RPC 2.0, section 5).
pub(in crate::learn) fn reply(sessions: &[Session], dialect: &mut Dialect) -> bool {
    let own = dialect.clone();
    let (Dialect::Json(names) | Dialect::Sse(HttpNames { json: names, .. })) = dialect else { return false };
    if names.reply.is_some() {
        return false;
    }
    // Path → how many messages without a name have something there, and how many of them answer what was asked under it.
    let mut found: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for session in sessions {
        let mut asked: BTreeSet<(Side, String, String)> = BTreeSet::new();
        for event in &session.events {
            let side = event.label.side();
            let name_at = if side == Side::Client { &names.client } else { &names.server };
            let data = own.content(event);
            let is_named = name_at.of(data).is_some();
            for (path, id) in fields(data) {
                // In a list of places any of them may be the id; a field says by its name that it is one.
                if name_at.is_at(&path) || (data.is_object() && !is_reference(&path)) {
                    continue;
                }
                let (Value::String(_) | Value::Number(_)) = id else { continue };
                if is_named {
                    asked.insert((side, path, id.to_string()));
                } else {
                    let other = if side == Side::Client { Side::Server } else { Side::Client };
                    let is_answer = asked.contains(&(other, path.clone(), id.to_string()));
                    let counts = found.entry(path).or_default();
                    *counts = (counts.0 + 1, counts.1 + u32::from(is_answer));
                }
            }
        }
    }
    let answers =
        found.into_iter().filter(|(_, (nameless, answers))| *answers >= 3 && answers * 10 >= nameless * 9);
    let best =
        answers.max_by(|a, b| (a.1.1, a.0 == "/id").cmp(&(b.1.1, b.0 == "/id")).then_with(|| b.0.cmp(&a.0)));
    let is_found = best.is_some();
    names.reply = best.map(|(path, _)| path);
    is_found
}

/// What is known of a server's name, and a place at which its messages may have the id of what they answer.
#[derive(Default)]
struct Answers {
    /// How many messages there are.
    seen: usize,
    /// What they answer, by session and id: each request once.
    answered: BTreeSet<(usize, String)>,
    requests: BTreeSet<String>,
}

/// Finds names of the server that only say that a message is an answer, and where it has the id of its request: Phoenix'
/// `phx_reply`, the `result` of a home automation server. They answer requests of several names, nearly all of them, each
/// once. Where nameless messages are the answers, a named message is not an answer.
pub(in crate::learn) fn answers(sessions: &[Session], dialect: &mut Dialect) -> bool {
    let own = dialect.clone();
    let Dialect::Json(names) = dialect else { return false };
    if names.reply.is_some() {
        return false;
    }
    let mut found: BTreeMap<(String, String), Answers> = BTreeMap::new();
    // Place → how many requests have an id there, and how many of these ids are new in their session.
    let mut ids: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (session, events) in sessions.iter().map(|session| &session.events).enumerate() {
        let mut asked: BTreeMap<(String, String), String> = BTreeMap::new();
        for event in events {
            let data = own.content(event);
            let is_client = event.label.is_client();
            let name_at = if is_client { &names.client } else { &names.server };
            let Some(SaidName::Text(name)) = name_at.of(data) else { continue };
            for (path, id) in fields(data) {
                let is_place = data.is_array() || is_reference(&path);
                let (Value::String(_) | Value::Number(_)) = id else { continue };
                if name_at.is_at(&path) || !is_place {
                    continue;
                }
                let key = (path.clone(), id.to_string());
                if is_client {
                    let is_new = asked.insert(key, name.to_owned()).is_none();
                    let counts = ids.entry(path).or_default();
                    *counts = (counts.0 + 1, counts.1 + usize::from(is_new));
                } else {
                    let answers = found.entry((name.to_owned(), path)).or_default();
                    answers.seen += 1;
                    if let Some(request) = asked.get(&key) {
                        answers.answered.insert((session, key.1));
                        answers.requests.insert(request.clone());
                    }
                }
            }
        }
    }
    let is_answer = |name: &str, answers: &Answers| {
        let answered = answers.answered.len();
        answers.requests.len() >= 2 && answered * 10 >= answers.seen * 9 && !answers.requests.contains(name)
    };
    let mut best: Option<(usize, &String, BTreeSet<String>)> = None;
    for (path, (asked, _)) in ids.iter().filter(|(_, (asked, new))| asked == new) {
        let at_path = found.iter().filter(|((name, own), answers)| own == path && is_answer(name, answers));
        let mut at_path: Vec<(&String, &Answers)> = at_path.map(|((name, _), own)| (name, own)).collect();
        at_path.sort_by_key(|(name, answers)| (std::cmp::Reverse(answers.answered.len()), *name));
        // What another name answers already is answered: one more of the same id is a request of the server's own.
        let (mut answered, mut answers) = (BTreeSet::new(), BTreeSet::new());
        for (name, own) in at_path {
            if own.answered.is_disjoint(&answered) {
                answered.extend(own.answered.iter().cloned());
                answers.insert(name.clone());
            }
        }
        let is_most = answered.len() * 10 >= *asked * 8;
        if is_most && !answers.is_empty() && best.as_ref().is_none_or(|(most, ..)| answered.len() > *most) {
            best = Some((answered.len(), path, answers));
        }
    }
    let Some((_, path, answers)) = best else { return false };
    names.reply = Some(path.clone());
    names.answers = answers;
    true
}
