//! One simulated session: events with their times and true causes, and how they become a transcript.
//!
//! A family says what follows from what and how long that usually takes; the order on the wire falls out of the times.
//! Latencies are log-normal, multiplied by a factor of the day, with a rare spike added: what a scheduler or a
//! collector does.

use crate::families::World;
use crate::random::{Random, fork};
use goldwire_core::transcript::{
    End, Ending, Frame, Gap, Header, HostClass, Offset, Payload, Side, Transcript,
};
use serde_json::Value;

/// All sessions are of one class of hosts.
const HOST: &str = "prove-1u";

/// One event.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    /// Seconds since the handshake.
    pub(crate) at: f64,
    pub(crate) side: Side,
    pub(crate) data: Value,
    /// Its number in the order in which the family said it.
    pub(crate) id: usize,
    /// The ids of the events that it waited for; empty for what comes by the clock.
    pub(crate) after: Vec<usize>,
}

/// A whole session.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    /// In the order of the wire.
    pub(crate) said: Vec<Said>,
    pub(crate) ends_at: f64,
    pub(crate) end: End,
    day: u32,
    name: String,
}

/// Spikes: so often, and so many seconds on average.
const SPIKE: (f64, f64) = (0.003, 0.06);
/// The spread of the logarithm of the factor of a day.
const DAY_SPREAD: f64 = 0.10;
/// The socket lies between two events at least so many seconds.
const LEAST: f64 = 0.000_03;

/// Builds a session.
pub(crate) struct Builder {
    pub(crate) world: World,
    pub(crate) random: Random,
    said: Vec<Said>,
    day: u32,
    factor: f64,
    name: String,
}

impl Builder {
    /// The session `number` of a `purpose` (`train`, `clean`, ...) in a world, on a day.
    pub(crate) fn new(world: World, purpose: &str, number: usize, day: u32) -> Builder {
        let seed = fork(world.seed, &[purpose, &number.to_string()]);
        let mut of_day = Random::new(fork(world.seed, &["day", &day.to_string()]));
        let factor = (DAY_SPREAD * of_day.normal()).exp();
        let name = format!("{purpose}{number:03}");
        Builder { world, random: Random::new(seed), said: Vec::new(), day, factor, name }
    }

    fn say(&mut self, side: Side, at: f64, after: &[usize], data: Value) -> usize {
        let id = self.said.len();
        self.said.push(Said { at, side, data, id, after: after.to_vec() });
        id
    }

    /// When the last of some events was said; 0 for none.
    fn latest(&self, of: &[usize]) -> f64 {
        of.iter().filter_map(|id| self.said.get(*id)).fold(0.0, |latest, said| latest.max(said.at))
    }

    /// The server says something after other events; usually so many milliseconds after the last of them.
    pub(crate) fn server(&mut self, after: &[usize], class: &str, usual: f64, data: Value) -> usize {
        let (factor, spread) = self.world.latency(class);
        let mut gap = usual / 1e3 * factor * self.factor * (spread * self.random.normal()).exp();
        if self.random.chance(SPIKE.0) {
            gap -= SPIKE.1 * (1.0 - self.random.unit()).ln();
        }
        let at = self.latest(after) + gap.max(LEAST);
        self.say(Side::Server, at, after, data)
    }

    /// The client says something: at once, but for the event loop.
    pub(crate) fn client(&mut self, after: &[usize], data: Value) -> usize {
        let gap = 0.000_4 * (0.3 * self.random.normal()).exp();
        let at = self.latest(after) + gap.max(LEAST);
        self.say(Side::Client, at, after, data)
    }

    /// The client says something by its own clock: so many milliseconds after other events.
    pub(crate) fn client_in(&mut self, after: &[usize], usual: f64, data: Value) -> usize {
        let gap = usual / 1e3 * (0.1 * self.random.normal()).exp();
        let at = self.latest(after) + gap.max(LEAST);
        self.say(Side::Client, at, after, data)
    }

    /// What was said last stays if it came before something else, and was never said if it would have come after it.
    pub(crate) fn only_before(&mut self, id: usize, limit: usize) -> Option<usize> {
        if self.time(id) < self.time(limit) {
            return Some(id);
        }
        self.said.truncate(id);
        None
    }

    /// Lets an event that was said wait for others, too, which came before it.
    pub(crate) fn waits_for(&mut self, id: usize, others: &[usize]) {
        if let Some(said) = self.said.get_mut(id) {
            said.after.extend(others);
        }
    }

    /// When an event was said.
    pub(crate) fn time(&self, id: usize) -> f64 {
        self.latest(&[id])
    }

    /// Writes a value into what was said, where that has a place for it.
    pub(crate) fn fill(&mut self, id: usize, pointer: &str, value: Value) {
        if let Some(place) = self.said.get_mut(id).and_then(|said| said.data.pointer_mut(pointer)) {
            *place = value;
        }
    }

    /// Until all that was said so far is over, the server says something every so many seconds, whatever else goes on.
    pub(crate) fn every(&mut self, period: f64, mut data: impl FnMut(&mut Random, usize) -> Value) {
        let first = self.said.first().map_or(0.0, |said| said.at);
        let last = self.said.iter().fold(0.0_f64, |last, said| last.max(said.at));
        let mut at = period * self.random.unit();
        let mut number = 0;
        while at < last {
            if at > first {
                number += 1;
                let value = data(&mut self.random, number);
                self.say(Side::Server, at, &[], value);
            }
            at += period * (1.0 + 0.02 * self.random.normal());
        }
    }

    /// A point of time as ISO 8601 has it.
    pub(crate) fn iso(&mut self) -> String {
        let (minute, second, milli) = (self.random.below(60), self.random.below(60), self.random.below(1000));
        format!("2026-11-{:02}T12:{minute:02}:{second:02}.{milli:03}Z", self.day)
    }

    /// A point of time in milliseconds since 1970.
    pub(crate) fn epoch_ms(&mut self) -> u64 {
        1_793_000_000_000 + u64::from(self.day) * 86_400_000 + self.random.next() % 3_600_000
    }

    /// The end of the session, a moment after its last event.
    pub(crate) fn finish(mut self, end: End) -> Stream {
        self.said.sort_by(|a, b| a.at.total_cmp(&b.at));
        let ends_at = self.said.last().map_or(0.0, |said| said.at) + 0.002;
        Stream { said: self.said, ends_at, end, day: self.day, name: self.name }
    }
}

/// The client closes with 1000.
pub(crate) fn closed_by(by: Side) -> End {
    End::Closed { by, code: 1000, reason: String::new() }
}

impl Stream {
    /// As the recorder would have written it.
    pub(crate) fn transcript(&self) -> Transcript {
        let offset = |at: f64| Offset::from_nanos(Gap::from_secs_f64(at).as_nanos());
        let mut now = 0.0_f64;
        let frames = self.said.iter().map(|said| {
            now = now.max(said.at);
            Frame::new(offset(now), said.side, Payload::Text(said.data.to_string()))
        });
        let frames: Vec<Frame> = frames.collect();
        let number: usize =
            self.name.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0);
        let header = Header {
            session: "prove".to_owned(),
            id: self.name.clone(),
            started: format!(
                "2026-11-{:02}T{:02}:{:02}:00.000000000Z",
                self.day,
                number / 60 % 24,
                number % 60
            ),
            user: format!("u{}", number % 5),
            host: Some(HostClass { class: HOST.to_owned(), ..HostClass::default() }),
            ..Header::default()
        };
        let ending = Ending { at: offset(now.max(self.ends_at)), how: self.end.clone(), host: None };
        Transcript { header, frames, ending }
    }

    /// Lets what follows from an event come when its causes and a changed latency have it: `change` is told the event
    /// and the seconds between its causes and itself, and says how many it should have been.
    pub(crate) fn retime(&mut self, mut change: impl FnMut(&Said, f64) -> f64) {
        let count = self.said.iter().map(|said| said.id + 1).max().unwrap_or(0);
        let mut before = vec![0.0_f64; count];
        let mut after = vec![0.0_f64; count];
        for said in &self.said {
            before[said.id] = said.at;
        }
        let latest = |times: &[f64], ids: &[usize]| {
            ids.iter().filter_map(|id| times.get(*id)).fold(0.0_f64, |latest, at| latest.max(*at))
        };
        for said in &mut self.said {
            let caused = !said.after.is_empty();
            let gap = (said.at - latest(&before, &said.after)).max(LEAST);
            let gap = if caused { change(said, gap).max(LEAST) } else { gap };
            said.at = if caused { latest(&after, &said.after) + gap } else { said.at };
            after[said.id] = said.at;
        }
        self.said.sort_by(|a, b| a.at.total_cmp(&b.at));
        self.ends_at = self.said.last().map_or(0.0, |said| said.at) + 0.002;
    }
}
