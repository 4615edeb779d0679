//! Ids that are known by what they do and not by their look: tokens, numbers that name what an id names.

use super::classes::MIN_APART;
use super::ids::{SMALL, id_text, is_id, is_reference, leaf, told_apart, walk};
use crate::dialect::{Event, Label};
use crate::learn::session::Session;
use crate::transcript::Side;
use std::collections::{BTreeMap, BTreeSet};

/// A place with an id.
pub(super) type Node = (Label, String);

/// The evidence that a value is a key, apart from its form.
#[derive(Default)]
pub(super) struct Known {
    /// Fields whose number is always that of the id beside it.
    pub(super) duplicates: BTreeSet<String>,
    /// Places of what one side gave and the other said again, and of numbers that are always ids of something.
    pub(super) tokens: BTreeSet<Node>,
}

/// Every id in a payload with its pointer; items of lists are not keys of their event, places of a tuple are.
pub(super) fn ids(event: &Event, known: &Known) -> Vec<(String, String)> {
    let mut out = Vec::new();
    walk(&event.data, &mut |path, value| {
        let is_token =
            || !known.tokens.is_empty() && known.tokens.contains(&(event.label.clone(), path.to_owned()));
        if is_id(path, value) || (value.is_u64() && known.duplicates.contains(leaf(path))) || is_token() {
            out.extend(told_apart(value).map(|text| (path.to_owned(), text)));
        }
    });
    out
}

/// Fields whose number is always that of the id beside it: another name for the id (`progressToken` in MCP).
pub(super) fn duplicates(sessions: &[Session]) -> BTreeSet<String> {
    let mut agree: BTreeMap<Node, BTreeSet<String>> = BTreeMap::new();
    let mut differ: BTreeSet<Node> = BTreeSet::new();
    for event in sessions.iter().flat_map(|session| &session.events) {
        let (mut numbers, mut own) = (Vec::new(), BTreeSet::new());
        walk(&event.data, &mut |path, value| {
            if let Some(text) = id_text(value).filter(|_| value.is_u64()) {
                if is_id(path, value) {
                    own.insert(text);
                } else {
                    numbers.push((path.to_owned(), text));
                }
            }
        });
        for (path, text) in numbers.into_iter().filter(|_| !own.is_empty()) {
            let node = (event.label.clone(), path);
            if own.contains(&text) {
                agree.entry(node).or_default().insert(text);
            } else {
                differ.insert(node);
            }
        }
    }
    let always = agree.into_iter().filter(|(node, values)| values.len() >= 3 && !differ.contains(node));
    always.map(|((_, path), _)| leaf(&path).to_owned()).collect()
}

/// The number of values at a place, and of those that came before.
#[derive(Default)]
struct Echo {
    n: u32,
    again: u32,
    /// Whether it showed one value twice in a session.
    repeats: bool,
    values: BTreeSet<String>,
}

/// Places of tokens: what one side gives in a field that refers to something, each time another one, and the other side
/// says again in a field of that name. It need not look like an id.
pub(super) fn tokens(sessions: &[Session]) -> BTreeSet<Node> {
    let mut echoes: BTreeMap<Node, Echo> = BTreeMap::new();
    for session in sessions {
        let mut said: BTreeMap<(Side, String, String), BTreeSet<Node>> = BTreeMap::new();
        for event in &session.events {
            walk(&event.data, &mut |path, value| {
                let text =
                    id_text(value).filter(|text| text.len() <= 64 && !text.contains(char::is_whitespace));
                let Some(text) = text.filter(|_| is_reference(path)) else { return };
                let (side, other) = match event.label.side() {
                    Side::Client => (Side::Client, Side::Server),
                    Side::Server => (Side::Server, Side::Client),
                };
                let node = (event.label.clone(), path.to_owned());
                let echo = echoes.entry(node.clone()).or_default();
                echo.n += 1;
                let is_again = said.contains_key(&(other, leaf(path).to_owned(), text.clone()));
                echo.again += u32::from(is_again);
                let before = said.entry((side, leaf(path).to_owned(), text.clone())).or_default();
                echo.repeats |= !before.insert(node);
                if echo.values.len() < 3 {
                    echo.values.insert(text);
                }
            });
        }
    }
    let mut tokens = BTreeSet::new();
    let fields: BTreeSet<(Side, &str)> =
        echoes.keys().map(|(label, path)| (label.side(), leaf(path))).collect();
    for (side, field) in fields {
        let of = |asks: bool| {
            echoes.iter().filter(move |((label, path), echo)| {
                leaf(path) == field
                    && (label.side() == side) == asks
                    && if asks {
                        !echo.repeats && echo.again == 0
                    } else {
                        echo.n >= 3 && echo.again * 10 >= echo.n * 9
                    }
            })
        };
        if of(true).next().is_some() && of(false).any(|(_, echo)| echo.values.len() > 1) {
            tokens.extend(of(true).chain(of(false)).map(|(node, _)| node.clone()));
        }
    }
    tokens
}

/// Places of large numbers that are an id which the session had before, whatever the name of the field is (`sender`
/// in Janus). Two things do not have the same large number by chance.
pub(super) fn referring(sessions: &[Session]) -> BTreeSet<Node> {
    let mut echoes: BTreeMap<Node, Echo> = BTreeMap::new();
    for session in sessions {
        let mut said: BTreeSet<u64> = BTreeSet::new();
        for event in &session.events {
            walk(&event.data, &mut |path, value| {
                let Some(number) = value.as_u64().filter(|number| *number >= SMALL) else { return };
                if is_id(path, value) {
                    said.insert(number);
                } else {
                    let echo = echoes.entry((event.label.clone(), path.to_owned())).or_default();
                    echo.n += 1;
                    echo.again += u32::from(said.contains(&number));
                }
            });
        }
    }
    let refers = |(_, echo): &(Node, Echo)| echo.n >= MIN_APART && echo.again * 10 >= echo.n * 9;
    echoes.into_iter().filter(refers).map(|(node, _)| node).collect()
}
