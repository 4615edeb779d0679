//! The kinds of mutations, and which of them are not counted, because no client can tell what they change.
//!
//! All that is known of a peer are its recordings, those that were held back included. Three rules follow from them:
//!
//! - *Another recording is so.* Any three events in a row, there where something is lost, doubled or swapped, are called as
//!   in some recording. So it is with what comes more or less often from one recording to the next, and as often as no other
//!   event, unless it answers a request or counts up; of what is doubled, some recording must have the same twice in a row.
//! - *Nothing changes.* What is swapped, exchanged or written anew is the same. Of two messages of one name, only a number that
//!   rises from each to the next in all recordings tells which is first: without one they are not swapped.
//! - *Only the content could tell.* Ids of two requests of one name that wait for their answers at the same time are exchanged,
//!   or what two answers to requests of one name say.
//!
//! A field is one that all messages of its name have, in all recordings, at least three times.

use super::session::{Message, Session};
use crate::oracle::type_of;
use crate::random::Random;
use goldwire_core::dialect::{Dialect, NameAt, pointer};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Fewer messages of a name tell nothing of its fields.
const MIN_MESSAGES: usize = 3;
/// Places of tuples are exchanged with the next one up to here.
const ROW: usize = 16;

/// A session that was broken in one way.
pub(super) struct Mutation {
    pub(super) session: Session,
    pub(super) what: String,
}

/// One kind of mutation: all of it that can be done to a session.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) all: fn(&Known, &Session, u64) -> Vec<Mutation>,
}

/// All of them, in the order of the table.
pub(super) const KINDS: &[Kind] = &[
    Kind { name: "lost", all: lost },
    Kind { name: "doubled", all: doubled },
    Kind { name: "swapped", all: swapped },
    Kind { name: "renamed", all: renamed },
    Kind { name: "field moved", all: moved },
    Kind { name: "type changed", all: retyped },
    Kind { name: "id crossed", all: crossed },
    Kind { name: "answer of another", all: exchanged },
];

/// One path of one event.
#[derive(Debug, Default)]
struct Field {
    n: usize,
    types: BTreeSet<&'static str>,
    values: BTreeSet<String>,
    /// Whether the client had always said the same before.
    is_asked: bool,
    /// Whether it is a number that rises from each message of the name to the next.
    rises: bool,
}

/// What all recordings of a peer have.
#[derive(Debug)]
pub(super) struct Known {
    recordings: usize,
    names: Option<NameAt>,
    /// Where answers have the id of their request.
    reply: Option<String>,
    /// Event → how often in each recording.
    counts: BTreeMap<String, Vec<usize>>,
    /// Events of which the same came twice in a row.
    twice: BTreeSet<String>,
    /// Names of any three events in a row.
    rows: BTreeSet<[String; 3]>,
    /// Event → path → what stands there.
    fields: BTreeMap<String, BTreeMap<String, Field>>,
}

/// Every scalar of a message with its pointer, the items of lists included.
fn leaves(value: &Value) -> Vec<(String, &Value)> {
    fn walk<'v>(value: &'v Value, path: &str, out: &mut Vec<(String, &'v Value)>) {
        match value {
            Value::Object(map) => {
                for (key, inner) in map {
                    walk(inner, &format!("{path}{}", pointer([key.as_str()])), out);
                }
            }
            Value::Array(items) => {
                for (place, inner) in items.iter().enumerate() {
                    walk(inner, &format!("{path}/{place}"), out);
                }
            }
            scalar => out.push((path.to_owned(), scalar)),
        }
    }
    let mut out = Vec::new();
    walk(value, "", &mut out);
    out
}

/// The names of all events, with a mark at the begin and at the end.
fn labels(session: &Session) -> Vec<String> {
    let own = session.items.iter().flat_map(|item| item.labels.iter().cloned());
    ["^".to_owned()].into_iter().chain(own).chain(["$".to_owned()]).collect()
}

fn in_rows(labels: &[String]) -> impl Iterator<Item = [String; 3]> {
    labels.windows(3).map(|row| [row[0].clone(), row[1].clone(), row[2].clone()])
}

impl Known {
    pub(super) fn of(dialect: &Dialect, sessions: &[Session]) -> Known {
        let names = match dialect {
            Dialect::Json(names) => Some(names.server.clone()),
            Dialect::Sse(names) => Some(names.json.server.clone()),
            Dialect::Protocol(_) => None,
        };
        let mut known = Known {
            recordings: sessions.len(),
            names,
            reply: dialect.reply().map(str::to_owned),
            counts: BTreeMap::new(),
            twice: BTreeSet::new(),
            rows: BTreeSet::new(),
            fields: BTreeMap::new(),
        };
        for (number, session) in sessions.iter().enumerate() {
            let all = labels(session);
            for label in &all {
                let counts = known.counts.entry(label.clone()).or_default();
                counts.resize(sessions.len(), 0);
                counts[number] += 1;
            }
            known.rows.extend(in_rows(&all));
            known.note(session);
        }
        known
    }

    fn note(&mut self, session: &Session) {
        let mut asked: BTreeSet<String> = BTreeSet::new();
        let mut last: BTreeMap<(String, String), f64> = BTreeMap::new();
        let mut before: Option<&Message> = None;
        for item in &session.items {
            for said in &item.asked {
                asked.extend(leaves(said).into_iter().map(|(_, value)| value.to_string()));
            }
            let Some(message) = &item.message else { continue };
            let label = message.label.as_str();
            if before.is_some_and(|old| old.label == message.label && old.data == message.data) {
                self.twice.insert(label.to_owned());
            }
            before = Some(message);
            let fields = self.fields.entry(label.to_owned()).or_default();
            for (path, value) in leaves(&message.data) {
                let field = fields.entry(path.clone()).or_insert_with(|| Field {
                    is_asked: true,
                    rises: true,
                    ..Field::default()
                });
                field.n += 1;
                field.types.insert(type_of(value));
                field.is_asked &= asked.contains(&value.to_string());
                field.values.insert(value.to_string());
                let number = value.as_f64();
                let old = last.insert((label.to_owned(), path), number.unwrap_or(f64::NAN));
                field.rises &= number.is_some_and(|now| old.is_none_or(|old| now > old));
            }
        }
    }

    /// The fields that all messages of a name have, but for its name.
    fn fields(&self, label: &str) -> impl Iterator<Item = (&str, &Field)> {
        let own = self.counts.get(label).map_or(0, |counts| counts.iter().sum::<usize>());
        let is_name = |path: &str| {
            self.names.as_ref().is_some_and(|names| {
                names.is_at(path) || names.keys().iter().any(|key| key == path || path == format!("/{key}"))
            })
        };
        let fields = self.fields.get(label).into_iter().flatten();
        fields
            .filter(move |(path, field)| own >= MIN_MESSAGES && field.n == own && !is_name(path))
            .map(|(path, field)| (path.as_str(), field))
    }

    /// Whether something tells which of two messages of a name comes first.
    fn counts_up(&self, label: &str) -> bool {
        self.fields(label).any(|(_, field)| field.rises)
    }

    /// Whether an event comes more or less often from recording to recording, and as often as no other.
    fn is_free(&self, label: &str) -> bool {
        let Some(own) = self.counts.get(label) else { return false };
        let is_constant = own.iter().all(|n| Some(n) == own.first());
        let mut others = self.counts.iter().filter(|(name, _)| *name != label);
        !is_constant && !others.any(|(_, counts)| counts == own)
    }

    /// Whether any three events in a row are as in some recording.
    fn is_usual(&self, session: &Session) -> bool {
        in_rows(&labels(session)).all(|row| self.rows.contains(&row))
    }
}

fn is_answer(message: &Message) -> bool {
    message.label.name().starts_with("re:")
}

fn said(message: &Message) -> String {
    let text = message.data.to_string();
    format!("{} {}", message.label, text.chars().take(120).collect::<String>())
}

fn lost(known: &Known, session: &Session, _: u64) -> Vec<Mutation> {
    let messages = session.messages().filter_map(|(at, message)| {
        let mut broken = session.clone();
        broken.lose(at);
        let is_free = !is_answer(message) && known.is_free(message.label.as_str());
        let is_told = !is_free || known.counts_up(message.label.as_str()) || !known.is_usual(&broken);
        is_told.then(|| Mutation { session: broken, what: said(message) })
    });
    messages.collect()
}

fn doubled(known: &Known, session: &Session, _: u64) -> Vec<Mutation> {
    let messages = session.messages().filter_map(|(at, message)| {
        let mut broken = session.clone();
        broken.double(at);
        let label = message.label.as_str();
        let is_free = known.twice.contains(label) && known.is_free(label) && known.is_usual(&broken);
        (!is_free).then(|| Mutation { session: broken, what: said(message) })
    });
    messages.collect()
}

fn swapped(known: &Known, session: &Session, _: u64) -> Vec<Mutation> {
    let all: Vec<(usize, &Message)> = session.messages().collect();
    let pairs = all.windows(2).filter_map(|pair| {
        let ((a, first), (b, second)) = (pair[0], pair[1]);
        if a + 1 != b || !session.are_of_one_connection(a, b) || session.are_equal(a, b) {
            return None;
        }
        let mut broken = session.clone();
        broken.swap(a, b);
        let is_told = match first.label == second.label {
            true => known.counts_up(first.label.as_str()),
            false => !known.is_usual(&broken),
        };
        let what = format!("{} and {}", said(first), said(second));
        is_told.then_some(Mutation { session: broken, what })
    });
    pairs.collect()
}

fn renamed(_: &Known, session: &Session, _: u64) -> Vec<Mutation> {
    let messages = session.messages().filter_map(|(at, message)| {
        let mut broken = session.clone();
        broken.rename(at)?;
        Some(Mutation { session: broken, what: said(message) })
    });
    messages.collect()
}

/// Each field of each name, in one of the messages that have it.
fn fields(
    known: &Known,
    session: &Session,
    seed: u64,
    holds: impl Fn(&Field) -> bool,
    change: impl Fn(&mut Value, &str) -> Option<()>,
) -> Vec<Mutation> {
    let mut random = Random::new(seed);
    let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, message) in session.messages() {
        by_name.entry(message.label.as_str()).or_default().push(at);
    }
    let mut all = Vec::new();
    for (label, places) in by_name {
        for (path, field) in known.fields(label) {
            let Some(at) = random.pick(&places).copied() else { continue };
            let mut broken = session.clone();
            if holds(field) && broken.change(at, |data| change(data, path)).is_some() {
                all.push(Mutation { session: broken, what: format!("{label}{path}") });
            }
        }
    }
    all
}

/// Puts what stands at a pointer somewhere else: under another key, or at the next place of a row.
pub(super) fn move_field(data: &mut Value, path: &str) -> Option<()> {
    let (above, key) = path.rsplit_once('/')?;
    match data.pointer_mut(above)? {
        Value::Object(map) => {
            let key = key.replace("~1", "/").replace("~0", "~");
            // Protocol Buffers have numbers.
            let new = match key.parse::<u32>() {
                Ok(number) => (number + 100).to_string(),
                Err(_) => format!("{key}_new"),
            };
            let moved: Map<String, Value> = std::mem::take(map)
                .into_iter()
                .map(|(own, value)| if own == key { (new.clone(), value) } else { (own, value) })
                .collect();
            *map = moved;
            Some(())
        }
        Value::Array(items) => {
            let at: usize = key.parse().ok()?;
            let is_row = above.is_empty() && items.len() <= ROW && at + 1 < items.len();
            is_row.then(|| items.swap(at, at + 1))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn moved(known: &Known, session: &Session, seed: u64) -> Vec<Mutation> {
    fields(known, session, seed, |_| true, move_field)
}

fn retyped(known: &Known, session: &Session, seed: u64) -> Vec<Mutation> {
    let change = |data: &mut Value, path: &str| {
        let place = data.pointer_mut(path)?;
        *place = match &*place {
            Value::Number(number) => Value::from(number.to_string()),
            Value::Bool(flag) => Value::from(u8::from(*flag)),
            Value::String(text) => json!([text]),
            _ => json!({}),
        };
        Some(())
    };
    fields(known, session, seed, |field| field.types.len() == 1, change)
}

/// An answer, the id of its request, and when that was asked.
struct Answer<'s> {
    at: usize,
    message: &'s Message,
    id: Value,
    asked: usize,
}

fn answers<'s>(session: &'s Session, reply: &str) -> Vec<Answer<'s>> {
    let all = session.messages().filter(|(_, message)| is_answer(message)).filter_map(|(at, message)| {
        let id = message.data.pointer(reply)?.clone();
        let is_it = |said: &Value| said.pointer(reply) == Some(&id);
        let asked = session.items[..at].iter().rposition(|item| item.asked.iter().any(is_it))?;
        Some(Answer { at, message, id, asked })
    });
    all.collect()
}

/// Each answer with another one of another id.
fn pairs<'a, 's>(all: &'a [Answer<'s>], seed: u64) -> Vec<(&'a Answer<'s>, &'a Answer<'s>)> {
    let mut random = Random::new(seed);
    let each = all.iter().filter_map(|own| {
        let others: Vec<&Answer<'_>> = all.iter().filter(|other| other.id != own.id).collect();
        Some((own, *random.pick(&others)?))
    });
    each.collect()
}

/// Two messages have each the other's id.
fn crossed(known: &Known, session: &Session, seed: u64) -> Vec<Mutation> {
    let set = |broken: &mut Session, at: usize, path: &str, value: &Value| {
        broken.change(at, |data| {
            data.pointer_mut(path)?.clone_from(value);
            Some(())
        })
    };
    let Some(reply) = &known.reply else { return echoes(known, session, seed, set) };
    let all = answers(session, reply);
    let each = pairs(&all, seed).into_iter().filter_map(|(own, other)| {
        let wait_together = own.asked.max(other.asked) < own.at.min(other.at);
        if own.message.label == other.message.label && wait_together {
            return None;
        }
        let mut broken = session.clone();
        set(&mut broken, own.at, reply, &other.id)?;
        set(&mut broken, other.at, reply, &own.id)?;
        Some(Mutation { session: broken, what: format!("{} and {}", said(own.message), said(other.message)) })
    });
    each.collect()
}

/// Where answers have no place for the id of their request: what the client always said before, another in each recording.
fn echoes(
    known: &Known,
    session: &Session,
    seed: u64,
    set: impl Fn(&mut Session, usize, &str, &Value) -> Option<()>,
) -> Vec<Mutation> {
    let mut random = Random::new(seed);
    let all: Vec<(usize, &Message)> = session.messages().collect();
    let mut out = Vec::new();
    for (at, message) in &all {
        for (path, field) in known.fields(message.label.as_str()) {
            if !field.is_asked || field.values.len() < known.recordings {
                continue;
            }
            let Some(own) = message.data.pointer(path) else { continue };
            let others: Vec<(usize, &Value)> = all
                .iter()
                .filter(|(_, other)| other.label == message.label)
                .filter_map(|(at, other)| Some((*at, other.data.pointer(path)?)))
                .filter(|(_, value)| *value != own)
                .collect();
            let Some((there, value)) = random.pick(&others) else { continue };
            let mut broken = session.clone();
            let is_done =
                set(&mut broken, *at, path, value).and_then(|()| set(&mut broken, *there, path, own));
            if is_done.is_some() {
                out.push(Mutation { session: broken, what: format!("{path} of {}", said(message)) });
            }
        }
    }
    out
}

/// Two answers to requests of different names have each what the other says, but for the id.
fn exchanged(known: &Known, session: &Session, seed: u64) -> Vec<Mutation> {
    let Some(reply) = &known.reply else { return Vec::new() };
    let all = answers(session, reply);
    let each = pairs(&all, seed).into_iter().filter_map(|(own, other)| {
        if own.message.label == other.message.label {
            return None;
        }
        let with_id = |answer: &Value, id: &Value| {
            let mut answer = answer.clone();
            answer.pointer_mut(reply)?.clone_from(id);
            Some(answer)
        };
        let mut broken = session.clone();
        let (mine, theirs) = (with_id(&other.message.data, &own.id)?, with_id(&own.message.data, &other.id)?);
        broken.say(own.at, mine)?;
        broken.say(other.at, theirs)?;
        Some(Mutation { session: broken, what: format!("{} and {}", said(own.message), said(other.message)) })
    });
    each.collect()
}
