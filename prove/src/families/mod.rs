//! Families of streams, each in as many worlds as are asked for.
//!
//! A [`World`] is the same service built by somebody else: other latencies, other numbers of steps, other shares of
//! what is optional. A family plays one session of it and says what is true of all of them.

mod agent;
mod chat;
mod kernel;
mod pubsub;
mod realtime;
mod rpc;

use crate::random::{Random, fork};
use crate::stream::{Builder, Stream};
use goldwire::transcript::Side;
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
    /// Totals and whole texts that follow from other events: event and JSON pointer.
    pub(crate) totals: &'static [(&'static str, &'static str)],
    /// The repeated event whose first one people wait for.
    pub(crate) awaited: &'static str,
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

    /// The innermost lane of an event, as number of the kind of lanes and value of the key.
    pub(crate) fn lane(&self, label: &str, data: &Value) -> Option<(usize, String)> {
        self.lanes.iter().enumerate().rev().find_map(|(number, lanes)| {
            let (_, pointer) = lanes.at.iter().find(|(own, _)| *own == label)?;
            let value = data.pointer(pointer)?;
            Some((number, value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        })
    }
}

fn text_at(data: &Value, pointer: &str) -> String {
    data.pointer(pointer).and_then(Value::as_str).unwrap_or("json").to_owned()
}

/// All of them.
pub(crate) const ALL: [&Family; 6] =
    [&agent::FAMILY, &realtime::FAMILY, &kernel::FAMILY, &rpc::FAMILY, &pubsub::FAMILY, &chat::FAMILY];
