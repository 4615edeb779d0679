//! Families of streams, each in as many worlds as are asked for.
//!
//! A [`World`] is the same service built by somebody else: other latencies, other numbers of steps, other shares of
//! what is optional. A family plays one session of it and says what is true of all of them.
//!
//! Six of them the learner's authors wrote. A generator and a learner by the same hands agree with each other, so four
//! more are by somebody who had read the public protocols and nothing of the learner: `voice`, `agui`, `feed`, `mcp`.
//! Four others are later than all of these, by somebody who had read the public protocols, these families and the
//! mutations, but not the learner: `responses`, `signalling`, `lobby`, `sync`.

mod agent;
mod agui;
mod chat;
mod feed;
mod kernel;
mod lobby;
mod mcp;
mod pubsub;
mod realtime;
mod responses;
mod rpc;
mod signalling;
mod sync;
mod voice;

use crate::random::{Random, fork};
use crate::stream::{Builder, Said, Stream};
use goldwire_core::transcript::Side;
use serde_json::Value;

/// The parameters of a service, all from its seed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct World {
    pub(crate) seed: u64,
    /// Whether things happen that are rare: one run in twenty to a hundred.
    pub(crate) wild: bool,
}

impl World {
    fn random(self, kind: &str, name: &str) -> Random {
        Random::new(fork(self.seed, &[kind, name]))
    }

    /// By what the usual latency of a class is to be multiplied, and the spread of its logarithm.
    pub(crate) fn latency(self, class: &str) -> (f64, f64) {
        let mut random = self.random("latency", class);
        ((0.5 * random.normal()).exp(), 0.12 + 0.33 * random.unit())
    }

    /// A number that is the same in all sessions of this world, bounds included.
    pub(crate) fn number(self, name: &str, low: usize, high: usize) -> usize {
        self.random("number", name).between(low, high)
    }

    /// A share that is the same in all sessions of this world.
    pub(crate) fn share(self, name: &str, low: f64, high: f64) -> f64 {
        low + (high - low) * self.random("share", name).unit()
    }

    /// How often something rare happens: never in a tame world.
    pub(crate) fn rare(self, name: &str) -> f64 {
        if self.wild { self.share(name, 0.01, 0.05) } else { 0.0 }
    }
}

/// Lanes of a family: which events stand in them, where they carry the key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lanes {
    /// Event and JSON pointer.
    pub(crate) at: &'static [(&'static str, &'static str)],
    pub(crate) opener: &'static str,
    pub(crate) closer: &'static str,
}

/// An event that stands in the lane of a request, and says so by a token that the request brought instead of by the key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    /// The event, and where it carries the token.
    pub(crate) event: &'static str,
    pub(crate) pointer: &'static str,
    /// The request, and where it brought the token.
    pub(crate) request: &'static str,
    pub(crate) brought: &'static str,
}

/// Events each of which names the one before it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chain {
    pub(crate) events: &'static [&'static str],
    /// Where an event says who it is, and where it says who came before.
    pub(crate) own: &'static str,
    pub(crate) previous: &'static str,
    /// Where it says of which chain it is; nowhere if a session has only one.
    pub(crate) of: Option<&'static str>,
}

/// A family and what is true of it whatever the world.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Family {
    pub(crate) name: &'static str,
    play: fn(Builder) -> Stream,
    /// What an event is called; baselines are told this, goldwire must find it.
    call: fn(&Value) -> String,
    /// Where its name stands, as JSON pointers.
    pub(crate) names_at: &'static [&'static str],
    pub(crate) lanes: &'static [Lanes],
    /// The last event of a session.
    pub(crate) terminal: &'static str,
    /// Events that come by the clock or beside everything else.
    pub(crate) floats: &'static [&'static str],
    /// Repeated events of which a lost, doubled or swapped one shows: by a number, a sum or a total.
    pub(crate) counted: &'static [&'static str],
    /// Repeated events of which nothing shows that one is lost.
    pub(crate) uncounted: &'static [&'static str],
    /// Numbers that count on: event and JSON pointer.
    pub(crate) counters: &'static [(&'static str, &'static str)],
    /// Totals and whole texts that follow from other events or fields: event and JSON pointer.
    pub(crate) totals: &'static [(&'static str, &'static str)],
    /// The repeated event whose first one people wait for.
    pub(crate) awaited: &'static str,
    pub(crate) tokens: &'static [Token],
    pub(crate) chains: &'static [Chain],
    /// Lists that always hold one record, as JSON pointers: its fields are told from each other like an object's.
    pub(crate) records: &'static [&'static str],
}

impl Family {
    /// One session: the same every time for the same world, purpose, number.
    pub(crate) fn session(&self, world: World, purpose: &str, number: usize, day: u32) -> Stream {
        (self.play)(Builder::new(world, purpose, number, day))
    }

    /// What an event is called; a client's begins with `>`.
    pub(crate) fn label(&self, side: Side, data: &Value) -> String {
        let name = (self.call)(data);
        if side == Side::Client { format!(">{name}") } else { name }
    }

    /// The innermost lane of an event of a session, as number of the kind of lanes and value of the key.
    pub(crate) fn lane(&self, session: &[Said], label: &str, data: &Value) -> Option<(usize, String)> {
        if let Some(token) = self.tokens.iter().find(|token| token.event == label) {
            let value = data.pointer(token.pointer)?;
            let request = session.iter().find(|said| {
                said.data.pointer(token.brought) == Some(value)
                    && self.label(said.side, &said.data) == token.request
            });
            let stranger = || Some((self.lanes.len(), value.to_string()));
            return request.map_or_else(stranger, |said| self.lane_by_key(token.request, &said.data));
        }
        self.lane_by_key(label, data)
    }

    fn lane_by_key(&self, label: &str, data: &Value) -> Option<(usize, String)> {
        self.lanes.iter().enumerate().rev().find_map(|(number, lanes)| {
            let (_, pointer) = lanes.at.iter().find(|(own, _)| *own == label)?;
            let value = data.pointer(pointer)?;
            Some((number, value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        })
    }

    pub(crate) fn is_in_lanes(&self, label: &str) -> bool {
        self.tokens.iter().any(|token| token.event == label)
            || self.lanes.iter().any(|lanes| lanes.at.iter().any(|(own, _)| *own == label))
    }

    /// Whether each of an event's kind says which it is, by a number that counts on or by naming the one before it.
    pub(crate) fn is_numbered(&self, label: &str) -> bool {
        self.counters.iter().any(|(event, _)| *event == label) || self.is_chained(label)
    }

    pub(crate) fn is_chained(&self, label: &str) -> bool {
        self.chains.iter().any(|chain| chain.events.contains(&label))
    }
}

fn text_at(data: &Value, pointer: &str) -> String {
    data.pointer(pointer).and_then(Value::as_str).unwrap_or("json").to_owned()
}

/// An object with more fields.
fn with(mut data: Value, more: Value) -> Value {
    if let (Some(map), Value::Object(more)) = (data.as_object_mut(), more) {
        map.extend(more);
    }
    data
}

/// Those that the learner's authors wrote.
pub(crate) const ALL: [&Family; 6] =
    [&agent::FAMILY, &realtime::FAMILY, &kernel::FAMILY, &rpc::FAMILY, &pubsub::FAMILY, &chat::FAMILY];

/// Those that somebody else wrote.
pub(crate) const NEW: [&Family; 4] = [&voice::FAMILY, &agui::FAMILY, &feed::FAMILY, &mcp::FAMILY];

/// Those that somebody wrote later who knew the learner no better.
pub(crate) const HELD: [&Family; 4] =
    [&responses::FAMILY, &signalling::FAMILY, &lobby::FAMILY, &sync::FAMILY];

fn every() -> impl Iterator<Item = &'static Family> {
    ALL.into_iter().chain(NEW).chain(HELD)
}

/// Families by their names: the six of the learner's authors if there are none, `new` for the first four of others, `held`
/// for the later four, `all` for all of these.
///
/// # Errors
/// When no family is called so.
pub(crate) fn named(names: &[String]) -> Result<Vec<&'static Family>, String> {
    if names.is_empty() {
        return Ok(ALL.to_vec());
    }
    let mut chosen: Vec<&'static Family> = Vec::new();
    for name in names {
        let found: Vec<&'static Family> = match name.as_str() {
            "all" => every().collect(),
            "new" => NEW.to_vec(),
            "held" => HELD.to_vec(),
            name => every().filter(|family| family.name == name).collect(),
        };
        if found.is_empty() {
            return Err(format!("no family is called `{name}`"));
        }
        for family in found {
            if chosen.iter().all(|own| own.name != family.name) {
                chosen.push(family);
            }
        }
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Sessions of several worlds, every other one wild.
    pub(super) fn sessions(family: &'static Family) -> impl Iterator<Item = Stream> {
        (0..40_u32).map(|number| {
            let world = World { seed: u64::from(7 + number / 10), wild: number % 2 == 1 };
            family.session(world, "test", number as usize, 1)
        })
    }

    #[test]
    fn every_event_of_a_chain_names_the_one_before_it() {
        for family in NEW.into_iter().chain(HELD) {
            for (chain, stream) in family.chains.iter().flat_map(|c| sessions(family).map(move |s| (c, s))) {
                let mut last: BTreeMap<Option<String>, Value> = BTreeMap::new();
                let said = stream.said.iter().map(|said| &said.data);
                for data in
                    said.filter(|data| chain.events.contains(&family.label(Side::Server, data).as_str()))
                {
                    let of = chain.of.map(|of| text_at(data, of));
                    let own = data.pointer(chain.own).cloned().unwrap_or_default();
                    let before = last.insert(of, own);
                    assert!(before.is_none_or(|own| data.pointer(chain.previous) == Some(&own)), "{data}");
                }
            }
        }
    }

    #[test]
    fn what_a_family_says_of_itself_comes_in_its_sessions() {
        for family in NEW.into_iter().chain(HELD) {
            let labels: Vec<String> = sessions(family)
                .flat_map(|stream| stream.said)
                .map(|said| family.label(said.side, &said.data))
                .collect();
            let lanes = family.lanes.iter().flat_map(|lanes| lanes.at.iter().map(|(event, _)| *event));
            let lists = [family.floats, family.counted, family.uncounted].concat();
            let places = [family.counters, family.totals].concat().into_iter().map(|(event, _)| event);
            let all = lanes.chain(lists).chain(places).chain([family.terminal, family.awaited]);
            // What comes only in one session of many.
            let is_rare = |event: &&str| ["error", "response.queued"].contains(event);
            for event in all.filter(|event| !is_rare(event)) {
                assert!(labels.iter().any(|label| label == event), "{}: {event} never comes", family.name);
            }
        }
    }
}
