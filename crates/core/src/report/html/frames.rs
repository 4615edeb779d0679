//! The frames of one run as columns, which a browser parses fast even for a hundred thousand frames.

use crate::check::lane_value;
use crate::codec::hex;
use crate::dialect::{Decoder, Dialect, Event, Label};
use crate::finding::{Finding, Kind};
use crate::golden::{Causes, Golden, Lane, Monitor, Path, Rule};
use crate::transcript::{Frame, Payload, Stamps, Transcript};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// The maximum of shown bytes of a payload, so that a page opens fast.
const MAX_PAYLOAD: usize = 64 * 1024;
/// The approximate size of a frame in a page without its payload.
const PER_FRAME: usize = 64;

/// A run's frames, with what the golden knows of them. The columns have an item for every frame.
#[derive(Serialize)]
pub(super) struct Frames<'t> {
    started: &'t str,
    url: &'t str,
    peer: &'t str,
    status: u16,
    stamps: &'static str,
    connected_ns: u64,
    tcp_ns: u64,
    ending: String,
    ended_ns: u64,
    names: Vec<String>,
    lanes: Vec<Lane>,
    edges: Vec<Edge<'t>>,
    shapes: BTreeMap<&'t str, Vec<(String, String)>>,
    /// `>` and `<`.
    sides: String,
    /// `t`ext, `b`inary, p`i`ng, p`o`ng, `c`lose, `n`ew connection, `g`one.
    kinds: String,
    at: Vec<u64>,
    size: Vec<usize>,
    text: Vec<Cow<'t, str>>,
    /// The index of the name; none for frames that are not events.
    name: Vec<Option<usize>>,
    /// The index of the innermost lane.
    lane: Vec<Option<usize>>,
    /// The name of its cause, and the time since.
    after: Vec<Option<usize>>,
    gap: Vec<Option<u64>>,
    ghosts: Vec<Ghost>,
}

/// The limits for the time from a cause to an event, in nanoseconds.
#[derive(Serialize)]
struct Edge<'g> {
    event: &'g str,
    after: &'g str,
    usual: u64,
    fastest: u64,
    slowest: u64,
    earliest: Option<u64>,
    latest: Option<u64>,
    samples: u32,
    runs: u32,
}

/// An event that did not come.
#[derive(Serialize)]
struct Ghost {
    name: usize,
    lane: Option<usize>,
    /// The time when it was known to be missing.
    at: u64,
    /// The event that it should have followed, and its time.
    after: Option<(usize, u64)>,
    /// The index of the run's finding.
    finding: usize,
}

/// The approximate size of a run's frames in a page, in bytes.
pub(super) fn weight(transcript: &Transcript) -> usize {
    transcript.frames.iter().map(|frame| PER_FRAME + frame.payload.len().min(MAX_PAYLOAD)).sum()
}

impl<'t> Frames<'t> {
    /// Follows the session once, as a check does.
    pub(super) fn new(
        golden: Option<&'t Golden>,
        transcript: &'t Transcript,
        findings: &[Finding],
    ) -> Frames<'t> {
        let (header, count) = (&transcript.header, transcript.frames.len());
        let mut frames = Frames {
            started: &header.started,
            url: &header.url,
            peer: &header.handshake.peer,
            status: header.handshake.status,
            stamps: match header.stamps {
                Stamps::Kernel => "kernel",
                Stamps::User => "user",
                Stamps::Import => "import",
            },
            connected_ns: header.handshake.took.as_nanos(),
            tcp_ns: header.handshake.tcp.as_nanos(),
            ending: transcript.ending.label(),
            ended_ns: transcript.ending.at.as_nanos(),
            names: Vec::new(),
            lanes: Vec::new(),
            edges: golden.map(edges).unwrap_or_default(),
            shapes: golden.map(shapes).unwrap_or_default(),
            sides: String::with_capacity(count),
            kinds: String::with_capacity(count),
            at: Vec::with_capacity(count),
            size: Vec::with_capacity(count),
            text: Vec::with_capacity(count),
            name: vec![None; count],
            lane: vec![None; count],
            after: vec![None; count],
            gap: vec![None; count],
            ghosts: Vec::new(),
        };
        let mut follower = Follower::new(golden);
        let dialect = golden.map_or_else(|| Dialect::detect([transcript]), |golden| golden.dialect.clone());
        let mut decoder = Decoder::new(&dialect);
        for frame in &transcript.frames {
            frames.push(frame);
            for event in decoder.feed(frame) {
                follower.event(&mut frames, &event);
            }
        }
        let missing = |(_, finding): &(usize, &Finding)| finding.kind == Kind::Missing;
        for (index, finding) in findings.iter().enumerate().filter(missing) {
            let ghost = follower.ghost(&mut frames, index, finding);
            frames.ghosts.push(ghost);
        }
        frames.names = ordered(follower.names);
        frames.lanes = ordered(follower.lanes);
        frames
    }

    fn push(&mut self, frame: &'t Frame) {
        let (kind, text) = said(&frame.payload);
        self.sides.push_str(frame.side.mark());
        self.kinds.push(kind);
        self.at.push(frame.at.as_nanos());
        self.size.push(frame.payload.len());
        self.text.push(text);
    }
}

/// The content of a frame for a reader.
fn said(payload: &Payload) -> (char, Cow<'_, str>) {
    match payload {
        Payload::Text(text) => ('t', Cow::Borrowed(beginning(text))),
        Payload::Binary(bytes) => ('b', hex(&bytes[..bytes.len().min(MAX_PAYLOAD)]).into()),
        Payload::Ping(bytes) => ('i', hex(bytes).into()),
        Payload::Pong(bytes) => ('o', hex(bytes).into()),
        Payload::Close { code, reason } => ('c', format!("{code} {reason}").trim_end().to_owned().into()),
        Payload::Open(handshake) => {
            ('n', format!("connected to {}, HTTP {}", handshake.peer, handshake.status).into())
        }
        Payload::Gone(detail) => ('g', Cow::Borrowed(detail)),
    }
}

fn beginning(text: &str) -> &str {
    let end = (0..=text.len().min(MAX_PAYLOAD)).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

fn edges(golden: &Golden) -> Vec<Edge<'_>> {
    golden
        .events
        .iter()
        .flat_map(|(label, event)| event.timing.iter().map(move |timing| (label, timing)))
        .map(|(label, timing)| Edge {
            event: label.as_str(),
            after: timing.after.as_str(),
            usual: timing.usual.as_nanos(),
            fastest: timing.fastest.as_nanos(),
            slowest: timing.slowest.as_nanos(),
            earliest: timing.earliest.map(|gap| gap.as_nanos()),
            latest: timing.latest.map(|gap| gap.as_nanos()),
            samples: timing.samples,
            runs: timing.runs,
        })
        .collect()
}

/// The paths and rules of each server event, as in the golden.
fn shapes(golden: &Golden) -> BTreeMap<&str, Vec<(String, String)>> {
    let written = |(path, rule): &(Path, Rule)| (path.to_string(), rule.to_string());
    let known = golden.events.iter().filter(|(_, event)| !event.shape.is_empty());
    known.map(|(label, event)| (label.as_str(), event.shape.iter().map(written).collect())).collect()
}

/// Finds names, lanes and causes as the session goes on.
struct Follower<'g> {
    golden: Option<&'g Golden>,
    rules: Option<(Monitor, Causes)>,
    names: HashMap<String, usize>,
    lanes: HashMap<Lane, usize>,
    /// The names of the latest frame's events.
    said: String,
}

impl<'g> Follower<'g> {
    fn new(golden: Option<&'g Golden>) -> Follower<'g> {
        let rules = golden.map(|golden| (Monitor::new(&golden.order), Causes::new(&golden.order)));
        Follower { golden, rules, names: HashMap::new(), lanes: HashMap::new(), said: String::new() }
    }

    fn name(&mut self, label: &Label) -> usize {
        number(&mut self.names, label.as_str().to_owned())
    }

    fn event(&mut self, frames: &mut Frames<'_>, event: &Event) {
        // A frame of several events has the names of all of them, and the lane and the cause of the first.
        let is_first = frames.name[event.frame].is_none();
        if is_first {
            self.said.clear();
        } else {
            self.said.push_str(", ");
        }
        self.said.push_str(event.label.as_str());
        frames.name[event.frame] = Some(number(&mut self.names, self.said.clone()));
        let (Some(golden), Some((monitor, causes))) = (self.golden, &mut self.rules) else { return };
        let keys = |key: &str| lane_value(golden, event, key);
        monitor.feed(&event.label, &keys);
        let lanes = monitor.lanes_of(&event.label, &keys);
        let cause = causes.feed(&event.label, &lanes, event.at);
        if !is_first {
            return;
        }
        frames.lane[event.frame] = lanes.into_iter().next_back().map(|lane| number(&mut self.lanes, lane));
        if let Some((cause, gap)) = cause {
            frames.after[event.frame] = Some(self.name(&cause));
            frames.gap[event.frame] = Some(gap.as_nanos());
        }
    }

    /// The place of a missing event.
    fn ghost(&mut self, frames: &mut Frames<'_>, index: usize, finding: &Finding) -> Ghost {
        let label = &finding.place.event;
        let name = self.name(label);
        let lane = finding.place.lane.as_ref().and_then(|lane| self.lanes.get(lane)).copied();
        let shown = finding.first_frame().min(frames.at.len().saturating_sub(1));
        let timing =
            self.golden.and_then(|golden| golden.event(label)).map_or(&[][..], |event| &event.timing);
        let causes: Vec<usize> =
            timing.iter().filter_map(|timing| self.names.get(timing.after.as_str()).copied()).collect();
        let is_cause = |frame: &usize| {
            let own = frames.lane[*frame];
            frames.name[*frame].is_some_and(|name| causes.contains(&name)) && (own.is_none() || own == lane)
        };
        let after =
            (0..shown).rev().find(is_cause).and_then(|frame| Some((frames.name[frame]?, frames.at[frame])));
        let at = frames.at.get(shown).copied().unwrap_or_default();
        Ghost { name, lane, at, after, finding: index }
    }
}

/// The number of a thing, in the order in which things are asked for.
fn number<K: std::hash::Hash + Eq>(known: &mut HashMap<K, usize>, key: K) -> usize {
    let next = known.len();
    *known.entry(key).or_insert(next)
}

fn ordered<K>(known: HashMap<K, usize>) -> Vec<K> {
    let mut all: Vec<(K, usize)> = known.into_iter().collect();
    all.sort_by_key(|(_, number)| *number);
    all.into_iter().map(|(key, _)| key).collect()
}
