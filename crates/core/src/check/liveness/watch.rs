//! What one run shows of liveness, event by event.

use crate::check::binding::Path;
use crate::dialect::{Event, Label};
use crate::golden::{Fact, Golden, Rule, Source, Traces, Type};
use crate::stats::{FastMap, fingerprint};
use crate::template::Template;
use crate::transcript::{Ending, Gap, Header, Offset};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What one run showed of liveness.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Live {
    pub(super) traces: Traces,
    /// By the client's event and the server's first one after it: the slowest answer and its frame.
    pub(super) work: BTreeMap<(Label, Label), (Gap, usize)>,
    /// Values the client made up for this run: how many came back, and the frames in which another did.
    pub(super) answered: u32,
    pub(super) misanswered: Vec<usize>,
    /// The longest that this machine itself was held up.
    pub(super) held_up: Gap,
}

/// A run, known by its header, and what it showed.
#[derive(Debug, Clone, Copy)]
pub struct Witness<'w> {
    /// Which run.
    pub header: &'w Header,
    /// When it ended.
    pub ended: Offset,
    /// What it showed.
    pub live: &'w Live,
}

/// Collects what one run shows.
#[derive(Debug)]
pub(in crate::check) struct Watch {
    live: Live,
    /// The server's events that are timed from one of the client's.
    worked: FastMap<Label, Vec<Label>>,
    sent: FastMap<Label, Offset>,
    /// Where the server repeats what the client made up: event, path, and whence.
    nonces: Vec<(Label, Path, Source)>,
    made_up: BTreeMap<Source, Value>,
}

impl Watch {
    pub(in crate::check) fn new(golden: &Golden) -> Watch {
        let mut worked: FastMap<Label, Vec<Label>> = FastMap::default();
        for (label, event) in &golden.events {
            let causes = event.timing.iter().map(|timing| &timing.after).filter(|after| after.is_client());
            for after in causes {
                worked.entry(label.clone()).or_default().push(after.clone());
            }
        }
        Watch {
            live: Live { traces: Traces::with_texts_at(paths(golden, is_open)), ..Live::default() },
            worked,
            sent: FastMap::default(),
            nonces: nonces(golden)
                .into_iter()
                .map(|(label, path, source)| (label, Path::new(&path), source))
                .collect(),
            made_up: BTreeMap::new(),
        }
    }

    pub(in crate::check) fn feed(&mut self, event: &Event) {
        self.live.traces.feed(event);
        if event.label.is_client() {
            self.sent.insert(event.label.clone(), event.at);
            for (_, _, source) in self.nonces.iter().filter(|(_, _, source)| source.label == event.label) {
                if let Some(value) = event.data.pointer(&source.path) {
                    self.made_up.insert(source.clone(), value.clone());
                }
            }
            return;
        }
        for after in self.worked.get(&event.label).into_iter().flatten() {
            // Only the first event after it waits for it.
            let Some(then) = self.sent.remove(after) else { continue };
            let gap = event.at.since(then);
            let slowest =
                self.live.work.entry((after.clone(), event.label.clone())).or_insert((gap, event.frame));
            if gap > slowest.0 {
                *slowest = (gap, event.frame);
            }
        }
        for (_, path, source) in self.nonces.iter().filter(|(label, _, _)| *label == event.label) {
            let Some(wanted) = self.made_up.get(source) else { continue };
            path.visit(&event.data, &mut |value| {
                if value == wanted {
                    self.live.answered += 1;
                } else if self.live.misanswered.len() < 16 {
                    self.live.misanswered.push(event.frame);
                }
            });
        }
    }

    pub(in crate::check) fn into_live(self, ending: &Ending) -> Live {
        let held_up = ending.host.map_or(Gap::ZERO, |host| host.lag_max);
        Live { held_up, ..self.live }
    }
}

/// Paths that repeat, by their facts, what a script fills in anew for each run.
pub(super) fn nonces(golden: &Golden) -> Vec<(Label, String, Source)> {
    let mut found = Vec::new();
    for (label, event) in &golden.events {
        for (path, rule) in &event.shape {
            for fact in &rule.facts {
                let Fact::EchoOf(source) = fact else { continue };
                let sends = golden.event(&source.label).map_or(&[][..], |event| &event.sends);
                let is_new = sends.iter().any(|send| match send {
                    Template::Json(message) => message
                        .pointer(&source.path)
                        .map(|part| Template::Json(part.clone()).names())
                        .is_some_and(|names| names.iter().any(|name| name == "nonce" || name == "uuid")),
                    Template::Text(_) | Template::Binary(_) => false,
                });
                if is_new {
                    found.push((label.clone(), path.pattern.clone(), source.clone()));
                }
            }
        }
    }
    found
}

/// The fingerprints of the paths that the golden has a rule for, where it is one of these.
pub(super) fn paths(golden: &Golden, is_wanted: impl Fn(&Rule) -> bool) -> BTreeSet<u64> {
    let rules = golden.events.iter().flat_map(|(label, event)| event.shape.iter().map(move |it| (label, it)));
    rules
        .filter(|(_, (_, rule))| is_wanted(rule))
        .map(|(label, (path, _))| fingerprint(&format!("{}{}", label.as_str(), path.pattern)))
        .collect()
}

/// Whether a text may be something else than one of a few.
pub(super) fn is_open(rule: &Rule) -> bool {
    rule.types.iter().any(|kind| matches!(kind, Type::Text | Type::String))
}
