//! The evidence of a golden: in how many recordings each statement held, and how much gaps varied.
//!
//! A reader of a golden wants to know what must happen. The evidence is in the file beside it, [`Seen`](super::Seen),
//! so that it is not part of a review and does not change the golden with every recording. Values in the golden
//! itself, written by hand, take precedence.

use super::{Envelope, Event, Golden, Occasions, Path, Rule, Split};
use crate::dialect::Label;
use crate::transcript::Gap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// The evidence of a golden.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evidence {
    /// The evidence of all recordings together.
    pub learned: LearnedEvidence,
    /// The evidence of each event.
    pub events: BTreeMap<Label, EventEvidence>,
}

/// The machines of the recordings and the spread of their times.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearnedEvidence {
    #[serde(default, skip_serializing_if = "is_zero")]
    days: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pace_spread: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind_spread: Option<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    work: Option<Span>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    others: Option<u8>,
}

/// The evidence of one event.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventEvidence {
    seen: u32,
    runs: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trials: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    least: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fewest: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    timing: Vec<TimingEvidence>,
    /// The number of observations of each rule, by path as in the golden.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    paths: BTreeMap<String, u32>,
}

/// The spread of the gaps of one entry of `timing`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TimingEvidence {
    after: String,
    /// Said here where the golden has no entry for it, as nothing in it can fail but a stall, or only a person's limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    usual: Option<Span>,
    fastest: Span,
    slowest: Span,
    spread: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    within: Option<f64>,
    samples: u32,
    runs: u32,
    df: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<KindsEvidence>,
}

/// The slowest gaps of each kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KindsEvidence {
    path: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    of_cause: bool,
    slowest: BTreeMap<String, Span>,
}

/// A span of time as goldens write it, e.g. `41 ms`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Span(Gap);

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        let text = String::deserialize(deserializer)?;
        let gap = Gap::parse(&text);
        gap.map(Span)
            .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a time such as 250 ms")))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// With three digits, as files have it.
fn rounded(spread: f64) -> f64 {
    (spread * 1e3).round() / 1e3
}

impl Envelope {
    /// An envelope with only a cause.
    fn unknown(after: Label) -> Envelope {
        Envelope {
            after,
            usual: Gap::ZERO,
            spread: 0.0,
            within: None,
            fastest: Gap::ZERO,
            slowest: Gap::ZERO,
            earliest: None,
            latest: None,
            samples: 0,
            runs: 0,
            df: super::default_df(0),
            at_most: None,
            split: None,
        }
    }

    /// Whether all that it says is what a person allows.
    pub(super) fn is_a_limit_alone(&self) -> bool {
        self.samples == 0 && self.usual == Gap::ZERO && self.at_most.is_some()
    }

    /// Whether a file says what is usual, and not a person's limit alone.
    pub(super) fn says_what_is_usual(&self) -> bool {
        self.usual > Gap::ZERO || self.at_most.is_none()
    }

    /// Whether a reviewer has something to decide about it: a bound, or a time that is long enough to be judged.
    pub(super) fn says_something(&self, label: &Label) -> bool {
        let has_bound = self.earliest.is_some() || self.latest.is_some() || self.at_most.is_some();
        // A budget is for an event that follows itself.
        has_bound || self.usual >= super::MIN_USUAL || self.after == *label
    }
}

impl Golden {
    /// Extracts the evidence of this golden.
    pub fn evidence(&self) -> Evidence {
        let learned = &self.learned;
        let events = self.events.iter().filter(|(_, event)| event.seen > 0);
        Evidence {
            learned: LearnedEvidence {
                days: learned.days,
                pace_spread: learned.occasions.pace.map(rounded),
                kind_spread: learned.occasions.kinds.map(rounded),
                hosts: learned.hosts.clone(),
                work: learned.work.map(Span),
                others: learned.others,
            },
            events: events.map(|(label, event)| (label.clone(), of_event(label, event))).collect(),
        }
    }

    /// Adds evidence that the golden itself does not have.
    pub fn attach(&mut self, evidence: &Evidence) {
        let (learned, known) = (&mut self.learned, &evidence.learned);
        if learned.days == 0 {
            learned.days = known.days;
        }
        let Occasions { pace, kinds, .. } = &mut learned.occasions;
        *pace = pace.or(known.pace_spread);
        *kinds = kinds.or(known.kind_spread);
        if learned.hosts.is_empty() {
            learned.hosts.clone_from(&known.hosts);
        }
        learned.work = learned.work.or(known.work.map(|span| span.0));
        learned.others = learned.others.or(known.others);
        for (label, event) in &mut self.events {
            if let Some(known) = evidence.events.get(label) {
                attach_to(event, known);
            }
        }
        self.note_classes();
        let streamed = self.streamed();
        if let (Some(budget), Some(streamed)) = (&mut self.budget, streamed)
            && !budget.is_named
        {
            budget.event = streamed;
        }
    }

    /// Whether the golden was learned but has no evidence, because its `.seen` file is missing.
    pub fn lacks_evidence(&self) -> bool {
        self.learned.recordings > 0 && self.events.values().all(|event| event.seen == 0)
    }

    /// Counts the kinds of gaps that are judged.
    pub(super) fn note_classes(&mut self) {
        let timing = self.events.values().flat_map(|event| &event.timing);
        let tested = timing.filter(|timing| timing.is_tested()).count();
        self.learned.occasions.classes = u32::try_from(tested).unwrap_or(u32::MAX);
    }

    /// The event that most often follows itself: the streamed event, if none is named.
    pub(super) fn streamed(&self) -> Option<Label> {
        streamed(&self.events)
    }
}

/// The event that most often follows itself.
pub(super) fn streamed(events: &BTreeMap<Label, Event>) -> Option<Label> {
    let repeats =
        |(label, event): &(&Label, &Event)| event.timing.iter().any(|timing| timing.after == **label);
    events.iter().filter(repeats).max_by_key(|(_, event)| event.seen).map(|(label, _)| label.clone())
}

fn of_event(label: &Label, event: &Event) -> EventEvidence {
    let timing = event.timing.iter().filter(|timing| timing.samples > 0);
    let paths =
        event.shape.iter().filter_map(|(path, rule): &(Path, Rule)| Some((path.to_string(), rule.samples?)));
    EventEvidence {
        seen: event.seen,
        runs: event.runs,
        trials: event.trials,
        least: event.least,
        fewest: event.fewest,
        timing: timing.map(|timing| of_timing(label, timing)).collect(),
        paths: paths.collect(),
    }
}

fn of_timing(label: &Label, timing: &Envelope) -> TimingEvidence {
    let kinds = |split: &Split| KindsEvidence {
        path: split.path.clone(),
        of_cause: split.of_cause,
        slowest: split.slowest.iter().map(|(value, gap)| (value.clone(), Span(*gap))).collect(),
    };
    TimingEvidence {
        after: timing.after.as_str().to_owned(),
        usual: (!timing.says_something(label) || !timing.says_what_is_usual()).then_some(Span(timing.usual)),
        fastest: Span(timing.fastest),
        slowest: Span(timing.slowest),
        spread: rounded(timing.spread),
        within: timing.within.map(rounded),
        samples: timing.samples,
        runs: timing.runs,
        df: timing.df,
        by: timing.split.as_ref().map(kinds),
    }
}

fn attach_to(event: &mut Event, known: &EventEvidence) {
    if event.seen == 0 && event.runs == 0 {
        event.seen = known.seen;
        event.runs = known.runs;
    }
    event.trials = event.trials.or(known.trials);
    event.least = event.least.or(known.least);
    event.fewest = event.fewest.or(known.fewest);
    let mut written = std::mem::take(&mut event.timing);
    for known in &known.timing {
        let after = Label::from(known.after.as_str());
        let own = written.iter().position(|timing| timing.after == after).map(|place| written.remove(place));
        event.timing.extend(match (own, known.usual) {
            // An entry that the user removed stays removed.
            (None, hidden) => hidden.map(|usual| known.envelope(usual.0, &Envelope::unknown(after))),
            (Some(own), _) if own.samples > 0 || own.is_a_limit_alone() && known.usual.is_none() => Some(own),
            (Some(own), Some(hidden)) if own.is_a_limit_alone() => Some(known.envelope(hidden.0, &own)),
            (Some(own), _) => Some(known.envelope(own.usual, &own)),
        });
    }
    event.timing.append(&mut written);
    for (path, rule) in &mut event.shape {
        rule.samples = rule.samples.or_else(|| known.paths.get(&path.to_string()).copied());
    }
}

impl TimingEvidence {
    /// With the bounds that the golden has.
    fn envelope(&self, usual: Gap, own: &Envelope) -> Envelope {
        let split = |by: &KindsEvidence| Split {
            path: by.path.clone(),
            of_cause: by.of_cause,
            slowest: by.slowest.iter().map(|(value, span)| (value.clone(), span.0)).collect(),
        };
        Envelope {
            after: own.after.clone(),
            usual,
            spread: self.spread,
            within: self.within,
            fastest: self.fastest.0,
            slowest: self.slowest.0,
            earliest: own.earliest,
            latest: own.latest,
            samples: self.samples,
            runs: self.runs,
            df: self.df,
            at_most: own.at_most,
            split: own.split.clone().or_else(|| self.by.as_ref().map(split)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Seen, read, rewrite, write};
    use super::*;

    /// A complete golden, written by hand.
    const WHOLE: &str = r#"
        goldwire = 1
        order = "connected ; >ask ; each call ( start ; done )* ; token+ ; end"
        [learned]
        recordings = 20
        days = 2
        pace_spread = 0.3
        hosts = ["linux"]
        work = "843 us"
        [budget]
        event = "token"
        ttft = "1 s"
        [event.connected]
        seen = 20
        runs = 20
        "/id" = "text (12)"
        "/type" = '= "connected"'
        [event.ask]
        send = { type = "ask" }
        [event.start]
        seen = 40
        runs = 20
        trials = 20
        least = 2
        timing = { after = ">ask", usual = "80 us", fastest = "10 us", slowest = "4 ms", spread = 0.2, samples = 40, runs = 20 }
        [event.done]
        seen = 40
        runs = 20
        timing = [
          { after = "start", usual = "9 ms", latest = "90 ms", fastest = "2 ms", slowest = "40 ms", spread = 0.5, within = 0.25, df = 30, samples = 40, runs = 20, by = "start/tool", slowest_by = { search = "40 ms" } },
          { after = "done", usual = "0 us", at_most = "1 s", fastest = "0 us", slowest = "1 ms", samples = 20, runs = 20 },
        ]
        [event.token]
        seen = 300
        runs = 20
        timing = { after = "token", usual = "1 ms", fastest = "0 us", slowest = "9 ms", spread = 0.2, samples = 280, runs = 20 }
    "#;

    fn golden(text: &str) -> Golden {
        let mut golden = read("g.toml", text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        golden.places.clear();
        golden
    }

    #[test]
    fn what_a_reviewer_reads_and_what_the_judge_needs_make_the_whole() {
        let whole = golden(WHOLE);
        let (text, evidence) = (write(&whole), whole.evidence());
        for hidden in ["seen", "spread", "hosts", "80 us", "(12)", "lane", "\"/type\""] {
            assert!(!text.contains(hidden), "{hidden} in\n{text}");
        }
        let mut read = golden(&text);
        assert!(read.lacks_evidence() && !whole.lacks_evidence());
        let seen = Seen { evidence, ..Seen::default() };
        read.attach(&Seen::read(&seen.write()).expect("what was written").evidence);
        assert_eq!(read, whole);
        // The most frequent streamed event is known only then.
        let mut unnamed = golden(&text.replace("event = \"token\"", ""));
        unnamed.attach(&seen.evidence);
        assert_eq!(unnamed.budget.expect("a budget").event, Label::from("token"));
    }

    #[test]
    fn what_a_person_wrote_goes_before_what_is_known() {
        let whole = golden(WHOLE);
        let text = write(&whole);
        let attached = |from: &str, to: &str| {
            assert!(text.contains(from), "{from} in\n{text}");
            let mut edited = golden(&text.replace(from, to));
            edited.attach(&whole.evidence());
            edited
        };
        let done = |golden: &Golden| golden.events[&Label::from("done")].timing.clone();
        let known = done(&whole);
        let gone = attached("  { after = \"start\", usual = \"9 ms\", latest = \"90 ms\" },\n", "");
        assert_eq!(done(&gone), known[1..], "an entry that was taken out stays out");
        let slower = attached("usual = \"9 ms\"", "usual = \"12 ms\"");
        assert_eq!(done(&slower)[0], Envelope { usual: Gap::from_millis(12), ..known[0].clone() });
        let limit = attached("usual = \"9 ms\", latest = \"90 ms\"", "at_most = \"1 s\"");
        assert!(done(&limit)[0].is_a_limit_alone(), "{:?}", done(&limit));
        let own = attached("[event.token]\n", "[event.token]\nseen = 3\nruns = 1\n");
        assert_eq!(own.events[&Label::from("token")].seen, 3);
        // Nothing is known about an event with another name.
        let other = attached("[event.start]\n", "[event.begun]\n".replace("begun", "end").as_str());
        assert_eq!(other.events[&Label::from("end")].seen, 0);
    }

    #[test]
    fn paths_in_a_table_of_their_own_keep_their_comments() {
        let old = "goldwire = 1\norder = \"a ; b\"\n\n[event.a.shape]\n# never empty\n\"/n\" = \"integer\" # or more\n\n\
                   # the last one\n[event.b]\ncritical = true\n";
        let text = rewrite(old, &golden(old));
        let wanted = "[event.a]\n# never empty\n\"/n\" = \"integer\" # or more\n";
        assert!(text.contains(wanted) && text.contains("# the last one\n[event.b]\n"), "{text}");
        let places = |text: &str| Golden { places: BTreeMap::new(), ..golden(text) };
        assert_eq!(places(&text), places(old));
    }
}
