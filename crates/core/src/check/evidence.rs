//! How much a golden's statement rests on, and what a contradiction of it is therefore worth.
//!
//! A deviation contradicts what held in at least eight trials from at least five recordings; the first event, the last
//! event and the close code need three recordings, and what a whole recording may lack or do otherwise needs more. Everything
//! else is a suspect: run again, or record more.
//!
//! A trial is what could have failed: of an event's presence, its place and its number every session, every lane and
//! every round of a loop is one, however often the event came in it.

use crate::dialect::Label;
use crate::finding::{Finding, Kind, Severity};
use crate::golden::{
    Answers, Chain, Event, Fact, Goal, Golden, MIN_ANSWERS, MIN_RUNS, MIN_RUNS_ALWAYS, MIN_RUNS_TRIALS,
    MIN_SEEN, MIN_SEEN_ORDER, MIN_TRIALS_MISSING, Order, Rule, Times,
};
use crate::transcript::Gap;
use crate::words::{often, recordings};

/// Recordings behind a deviation at the edge of a session, or of a JSON type.
const MIN_RUNS_EDGE: u32 = 3;
/// Observations behind "a always before b" when b sometimes followed a after a small part of the usual time only, as it
/// does in a race; and behind the presence of an event that comes while others go on.
const MIN_SEEN_ASYNC: u32 = 300;
/// Two events whose distance is never below this part of the usual one follow each other; those of a race get close.
const CLOSE: f64 = 0.33;
/// Observations behind it when b never followed a within 10 ms.
const MIN_SEEN_ORDER_APART: u32 = 20;
/// More than the jitter of a scheduler.
const APART: Gap = Gap::from_millis(10);
/// Observations, in at least [`MIN_RUNS_TRIALS`] recordings, behind an outcome that was always the same, behind "it grows", and
/// behind "never the same twice" of what has nothing new in it by its nature.
const MIN_SEEN_CHANCE: u32 = 100;
/// Observations behind a value that never varied, in at least [`MIN_RUNS_TRIALS`] recordings.
const MIN_SEEN_CONSTANT: u32 = 20;
/// Observations behind "counts on by one": what is a number of things may do so for some time.
const MIN_STEPS: u32 = 20;
/// Why what the client says, or does not say, fails nothing.
const CLIENTS: &str = "the client did this, not the server";

/// How many recordings could have shown what a finding tells: those that have its event.
pub fn told(golden: &Golden, finding: &Finding) -> u32 {
    let runs = golden.event(&finding.place.event).map(|event| event.runs).filter(|runs| *runs > 0);
    runs.unwrap_or(golden.learned.recordings)
}

/// A severity and the words for what it rests on.
pub(super) type Weight = (Severity, String);

/// The evidence in a golden.
pub(super) struct Evidence<'g> {
    golden: &'g Golden,
}

/// What also holds by chance now and then.
fn by_chance(seen: u32, runs: u32) -> Weight {
    let needed = "100 times in 8 recordings are needed to fail a run";
    weigh(seen >= MIN_SEEN_CHANCE && runs >= MIN_RUNS_TRIALS, seen, runs, needed)
}

fn weigh(enough: bool, seen: u32, runs: u32, needed: &str) -> Weight {
    let held = format!("held {} in {}", often(seen), recordings(runs));
    if enough { (Severity::Deviation, held) } else { (Severity::Suspect, format!("{held}; {needed}")) }
}

impl<'g> Evidence<'g> {
    pub(super) fn of(golden: &'g Golden) -> Evidence<'g> {
        Evidence { golden }
    }

    fn counts(&self, label: &Label) -> (u32, u32) {
        self.golden.event(label).map_or((0, 0), |event| (event.seen, event.runs))
    }

    /// In how many instances of its scope an event came, and in how many recordings.
    fn trials(&self, label: &Label) -> (u32, u32) {
        self.golden.event(label).map_or((0, 0), |event| (event.trials(), event.runs))
    }

    /// How often an event may come alone, independent of the loops around it.
    fn times(&self, label: &Label) -> Option<Times> {
        fn find(order: &Order, label: &Label) -> Option<Times> {
            match order {
                Order::Event(own) => (own == label).then_some(Times::ONCE),
                Order::Repeat(body, times) => match &**body {
                    Order::Event(own) if own == label => Some(*times),
                    body => find(body, label),
                },
                Order::Seq(parts) | Order::All(parts) | Order::One(parts) => {
                    parts.iter().find_map(|part| find(part, label))
                }
                Order::Each { body, .. } => find(body, label),
            }
        }
        find(&self.golden.order, label)
    }

    /// How often an event must come, where that is always the same number.
    pub(super) fn exact(&self, label: &Label) -> Option<u32> {
        let times = self.times(label)?;
        (times.max == Some(times.min) && times.min > 1).then_some(times.min)
    }

    fn is_critical(&self, label: &Label) -> bool {
        self.golden.event(label).is_some_and(|event| event.critical)
    }

    /// Whether an event is the first or the last that must come.
    fn is_edge(&self, label: &Label) -> bool {
        fn ends<'o>(order: &'o Order, out: &mut Vec<&'o Label>) {
            match order {
                Order::Event(label) => out.push(label),
                Order::Seq(parts) => {
                    let firsts = parts.iter().find(|part| !part.is_optional());
                    let lasts = parts.iter().rev().find(|part| !part.is_optional());
                    firsts.into_iter().chain(lasts).for_each(|part| ends(part, out));
                }
                Order::Repeat(body, Times { min: 1.., .. }) => ends(body, out),
                // Of parts that are optional or run side by side none is an edge, but the sole mandatory one is.
                Order::All(parts) => {
                    let mut required = parts.iter().filter(|part| !part.is_optional());
                    if let (Some(only), None) = (required.next(), required.next()) {
                        ends(only, out);
                    }
                }
                Order::One(_) | Order::Repeat(..) | Order::Each { .. } => {}
            }
        }
        let mut edges = Vec::new();
        ends(&self.golden.order, &mut edges);
        edges.contains(&label)
    }

    /// Whether an event may come while others go on, outside of any lane: a heartbeat, a progress note.
    fn is_async(&self, label: &Label) -> bool {
        fn below_all(order: &Order, label: &Label, inside: bool) -> Option<bool> {
            match order {
                Order::Event(own) => (own == label).then_some(inside),
                Order::Seq(parts) | Order::One(parts) => {
                    parts.iter().find_map(|part| below_all(part, label, inside))
                }
                Order::All(parts) => parts.iter().find_map(|part| below_all(part, label, true)),
                Order::Repeat(body, _) => below_all(body, label, inside),
                Order::Each { body, .. } => body.labels().contains(&label).then_some(false),
            }
        }
        fn is_alone(order: &Order, label: &Label) -> bool {
            match order {
                Order::All(parts) => parts.iter().any(|part| match part {
                    Order::Event(own) => own == label,
                    // A branch that goes round by itself, without the client, is as free as a single event; so is
                    // one event that goes round with what the client sends.
                    Order::Repeat(body, _) => {
                        let labels = body.labels();
                        labels.contains(&label)
                            && (!labels.iter().any(|label| label.is_client())
                                || labels.iter().all(|own| own.is_client() || *own == label))
                    }
                    part => is_alone(part, label),
                }),
                Order::Seq(parts) | Order::One(parts) => parts.iter().any(|part| is_alone(part, label)),
                Order::Repeat(body, _) | Order::Each { body, .. } => is_alone(body, label),
                Order::Event(_) => false,
            }
        }
        below_all(&self.golden.order, label, false).unwrap_or(false) && is_alone(&self.golden.order, label)
    }

    fn repeats(&self, label: &Label) -> bool {
        fn find(order: &Order, label: &Label) -> Option<bool> {
            match order {
                Order::Event(own) => (own == label).then_some(false),
                Order::Repeat(body, times) => match &**body {
                    Order::Event(own) if own == label => Some(times.max.is_none()),
                    body => find(body, label).map(|repeats| repeats || times.max.is_none()),
                },
                Order::Seq(parts) | Order::All(parts) | Order::One(parts) => {
                    parts.iter().find_map(|part| find(part, label))
                }
                Order::Each { body, .. } => find(body, label),
            }
        }
        find(&self.golden.order, label).unwrap_or(false)
    }

    /// Whether a loop has a new round wherever this event comes, as all else in its rounds may be absent. Then it can only be
    /// missing at one end of the loop: no round within could have lacked it.
    fn makes_rounds(&self, label: &Label) -> bool {
        fn find(order: &Order, label: &Label) -> bool {
            match order {
                Order::Event(_) => false,
                Order::Repeat(body, times) => match &**body {
                    Order::Seq(parts) if times.max.is_none() => {
                        let (own, others): (Vec<_>, Vec<_>) =
                            parts.iter().partition(|part| part.labels() == [label]);
                        let is_edge =
                            parts.first().into_iter().chain(parts.last()).any(|part| own.contains(&part));
                        is_edge && others.iter().all(|part| part.is_optional())
                            || parts.iter().any(|part| find(part, label))
                    }
                    body => find(body, label),
                },
                Order::Seq(parts) | Order::All(parts) | Order::One(parts) => {
                    parts.iter().any(|part| find(part, label))
                }
                Order::Each { body, .. } => find(body, label),
            }
        }
        find(&self.golden.order, label)
    }

    /// An event that is missing in its place.
    pub(super) fn missing(&self, label: &Label) -> Weight {
        self.absent(label, false)
    }

    /// Likewise; `in_session` says whether the whole session lacks it, and not a lane that has begun.
    pub(super) fn absent(&self, label: &Label, in_session: bool) -> Weight {
        let (seen, runs) = self.trials(label);
        let seen = if self.makes_rounds(label) { seen.min(runs) } else { seen };
        if self.is_critical(label) {
            return (Severity::Deviation, format!("critical; seen {} in {}", often(seen), recordings(runs)));
        }
        if in_session && label.is_client() {
            return weigh(false, seen, runs, CLIENTS);
        }
        if self.is_edge(label) {
            return weigh(runs >= MIN_RUNS_EDGE, seen, runs, "3 recordings are needed to fail a run");
        }
        // Rounds and lanes of one recording are much alike: what one user does not ask for, all of them lack.
        let needed = "20 recordings, or 100 times in 8, are needed to fail a run";
        if self.is_async(label) && (self.repeats(label) || seen < MIN_SEEN_ASYNC) {
            return weigh(false, seen, runs, "it comes while others go on, so its absence may be chance");
        }
        let event = self.golden.event(label);
        if in_session && event.is_some_and(|event| event.fewest.is_some()) {
            let needed = "it came only once or twice in some sessions, so its absence may be chance";
            return weigh(false, seen, runs, needed);
        }
        let least = event.and_then(|event| event.least).unwrap_or(1);
        // What may come once may as well stay away now and then.
        let varies = self.times(label).is_some_and(|times| times.max.is_none());
        if varies && least < 3 && seen < MIN_SEEN_CHANCE {
            return weigh(false, seen, runs, "it came once or twice in some, so that none may be chance");
        }
        let often = seen >= MIN_TRIALS_MISSING && runs >= MIN_RUNS_TRIALS;
        weigh(often || runs >= MIN_RUNS_ALWAYS, seen, runs, needed)
    }

    pub(super) fn order(&self, label: &Label, other: Option<&Label>) -> Weight {
        let (seen, runs) = self.trials(label);
        let other_seen = other.map_or(seen, |other| self.trials(other).0);
        let order = self.golden.order.labels();
        let at = |label: &Label| order.iter().position(|own| *own == label);
        // What it comes after anyhow it came after in the next round: only rounds with another one behind them could tell.
        let is_next_round = other.is_some_and(|other| at(other) <= at(label));
        let timing = other
            .and_then(|other| self.golden.event(other))
            .and_then(|event| event.timing.iter().find(|timing| timing.after == *label));
        let joins = timing.map_or(u32::MAX, |gap| gap.samples).min(other_seen.saturating_sub(runs));
        let pair = seen.min(if is_next_round { joins } else { other_seen });
        let is_async = self.is_async(label) || other.is_some_and(|other| self.is_async(other));
        if is_async {
            return weigh(false, pair, runs, "one of the two comes at any time");
        }
        // A client may send before the greeting arrives, or after it: both are starts.
        let is_of_both = other.is_some_and(|other| other.side() != label.side());
        if !is_of_both && (self.is_edge(label) || other.is_some_and(|other| self.is_edge(other))) {
            // All of ten sessions may end with an event that does not end the next one.
            return weigh(runs >= MIN_RUNS_ALWAYS, pair, runs, "20 recordings are needed to fail a run");
        }
        let (needed, words) = match timing {
            Some(gap) if gap.fastest >= APART => (MIN_SEEN_ORDER_APART, "20 times are needed to fail a run"),
            Some(gap) if gap.fastest.as_secs_f64() < CLOSE * gap.usual.as_secs_f64() => {
                (MIN_SEEN_ASYNC, "300 times are needed to fail a run: they came close together, as in a race")
            }
            _ => (
                MIN_SEEN_ORDER,
                "30 times in 20 recordings, 100 times, or 20 with a gap of 10 ms, are needed to fail a run",
            ),
        };
        // Lanes of one recording race alike.
        let often = needed != MIN_SEEN_ORDER || pair >= MIN_TRIALS_MISSING || runs >= MIN_RUNS_ALWAYS;
        weigh(pair >= needed && runs >= MIN_RUNS && often, pair, runs, words)
    }

    /// A number of times that was the same in every session.
    pub(super) fn total(&self, label: &Label) -> Weight {
        let (_, runs) = self.counts(label);
        weigh(runs >= MIN_RUNS_ALWAYS, runs, runs, "20 recordings are needed to fail a run")
    }

    /// `is_twin` says whether the same came twice, word for word: then it is no other event of the same name.
    pub(super) fn repeated(&self, label: &Label, is_twin: bool) -> Weight {
        let (seen, runs) = self.trials(label);
        if label.is_client() {
            return weigh(false, seen, runs, CLIENTS);
        }
        // What has nothing new in it says the same whenever it comes.
        let is_twin = is_twin && self.golden.event(label).is_some_and(Event::brings_something_new);
        if self.is_async(label) {
            let needed = "it comes while others go on: 300 times are needed to fail a run";
            return weigh(seen >= MIN_SEEN_ASYNC, seen, runs, needed);
        }
        if !is_twin {
            let needed = "20 recordings, or 100 times in 8, are needed to fail a run";
            let often = seen >= MIN_TRIALS_MISSING && runs >= MIN_RUNS_TRIALS;
            return weigh(often || runs >= MIN_RUNS_ALWAYS, seen, runs, needed);
        }
        let needed = "8 times in 5 recordings are needed to fail a run";
        weigh(seen >= MIN_SEEN && runs >= MIN_RUNS, seen, runs, needed)
    }

    /// What the client did not say although it always did.
    pub(super) fn unsaid(&self, label: &Label) -> Weight {
        let (seen, runs) = self.trials(label);
        weigh(false, seen, runs, CLIENTS)
    }

    /// The fact that an answer without a request contradicts: all answers had their request.
    pub(super) fn answer(&self) -> Weight {
        let replies = self.golden.events.iter().filter(|(label, _)| label.as_str().starts_with("re:"));
        let (seen, runs) =
            replies.fold((0, 0), |(seen, runs), (_, event)| (seen + event.seen, runs.max(event.runs)));
        let needed = "30 answers in 5 recordings are needed to fail a run";
        weigh(seen >= MIN_ANSWERS && runs >= MIN_RUNS, seen, runs, needed)
    }

    /// What a request without its answer contradicts, or an answer that is none.
    pub(super) fn answered(&self, request: &Label, answers: &Answers, kind: Kind) -> Weight {
        let (asked, runs) = self.counts(request);
        let came: u32 = answers.kinds.iter().map(|answer| self.counts(&answer.label).0).sum();
        let held = asked.min(came);
        if self.is_critical(request) {
            return (Severity::Deviation, format!("critical; held {} in {}", often(held), recordings(runs)));
        }
        if answers.kinds.iter().any(|answer| answer.label.is_client()) {
            return weigh(false, held, runs, CLIENTS);
        }
        if kind == Kind::Missing || kind == Kind::Renamed {
            let needed = "20 recordings, or 100 times in 8, are needed to fail a run";
            let often = held >= MIN_TRIALS_MISSING && runs >= MIN_RUNS_TRIALS;
            return weigh(often || runs >= MIN_RUNS_ALWAYS, held, runs, needed);
        }
        let needed = "30 answers in 5 recordings are needed to fail a run";
        weigh(held >= MIN_ANSWERS && runs >= MIN_RUNS, held, runs, needed)
    }

    pub(super) fn novel(&self, runs: u32) -> Weight {
        // With nothing seen in n recordings, 95 % of the time the true rate is at most this.
        let bound = 100.0 * (1.0 - 0.05f64.powf(1.0 / f64::from(runs.max(1))));
        let words = format!(
            "never seen in {runs} recordings; a clean server could do it in up to {bound:.0} % of runs"
        );
        (Severity::Suspect, words)
    }

    pub(super) fn recordings(&self) -> u32 {
        self.golden.learned.recordings
    }

    pub(super) fn json_type(&self, label: &Label, samples: Option<u32>) -> Weight {
        let (seen, runs) = self.counts(label);
        let needed = "3 recordings are needed to fail a run";
        weigh(runs >= MIN_RUNS_EDGE, samples.unwrap_or(seen), runs, needed)
    }

    pub(super) fn field(&self, label: &Label, samples: Option<u32>) -> Weight {
        let (seen, runs) = self.counts(label);
        let seen = samples.unwrap_or(seen);
        let needed = "8 times in 5 recordings are needed to fail a run";
        weigh(seen >= MIN_SEEN && runs >= MIN_RUNS, seen, runs, needed)
    }

    /// In how many lanes an event may have come: as often as what begins them. None where it stands in no lane.
    fn lanes_of(&self, label: &Label) -> Option<u32> {
        fn find<'o>(order: &'o Order, label: &Label) -> Option<&'o Label> {
            match order {
                Order::Event(_) => None,
                Order::Repeat(body, _) => find(body, label),
                Order::Seq(parts) | Order::All(parts) | Order::One(parts) => {
                    parts.iter().find_map(|part| find(part, label))
                }
                Order::Each { body, .. } => {
                    let own = || body.labels().into_iter().next().filter(|_| body.labels().contains(&label));
                    find(body, label).or_else(own)
                }
            }
        }
        find(&self.golden.order, label).map(|first| self.trials(first).0)
    }

    /// What a value contradicts that is bound to others.
    pub(super) fn fact(&self, label: &Label, rule: Option<&Rule>, fact: &Fact) -> Weight {
        let Some((rule, event)) = rule.zip(self.golden.event(label)) else { return self.field(label, None) };
        let (seen, runs) = (rule.samples.unwrap_or(event.seen), event.runs);
        let is_text = || rule.types.iter().all(|own| own.json_type() == "object");
        match fact {
            Fact::Unique if is_text() && !event.brings_something_new() => by_chance(seen, runs),
            Fact::Grows { .. } => by_chance(seen, runs),
            // What a request is answered with may be new each time, until something is asked for that was there before.
            Fact::Unique => {
                let needed = "8 times in 8 recordings are needed to fail a run";
                weigh(seen >= MIN_SEEN && runs >= MIN_RUNS_TRIALS, seen, runs, needed)
            }
            // All events of a lane, or of a session, have their value from one and the same place.
            Fact::SameAs(source) => {
                let seen = seen.min(event.trials());
                // Of several such places the latest is meant, and another one may come between.
                let key = |label| self.golden.order.keys_of(label).and_then(|mut keys| keys.pop());
                let is_elsewhere = key(label) != key(&source.label);
                let is_one_of_several = |of: &Event| {
                    of.seen > of.trials()
                        || is_elsewhere && of.seen > event.trials()
                        || self.makes_rounds(&source.label)
                };
                if self.golden.event(&source.label).is_some_and(is_one_of_several) {
                    return by_chance(seen, runs);
                }
                let needed = "8 times in 8 recordings are needed to fail a run";
                weigh(seen >= MIN_SEEN && runs >= MIN_RUNS_TRIALS, seen, runs, needed)
            }
            // The first one of a lane, or of a session, follows from nothing. What counts on by one may be a number of
            // things, which now and then is one less.
            Fact::Counter { .. } | Fact::Follows(_) => {
                let steps = seen.saturating_sub(self.lanes_of(label).unwrap_or(runs));
                if matches!(fact, Fact::Follows(Chain { plus: 0, .. })) {
                    let needed = "8 times in 5 recordings are needed to fail a run";
                    return weigh(steps >= MIN_SEEN && runs >= MIN_RUNS, steps, runs, needed);
                }
                let needed = "20 times in 5 recordings are needed to fail a run";
                weigh(steps >= MIN_STEPS && runs >= MIN_RUNS, steps, runs, needed)
            }
            // Where each session had one conversation, its id never changed; a second conversation has its own.
            Fact::Constant => {
                let needed = "20 times in 8 recordings are needed to fail a run";
                weigh(seen >= MIN_SEEN_CONSTANT && runs >= MIN_RUNS_TRIALS, seen, runs, needed)
            }
            // Only the last event of a lane can fall short.
            // A word that was always the last may be one of several.
            Fact::Reaches(Goal::Value(word)) if word.starts_with('"') => by_chance(event.trials(), runs),
            Fact::Reaches(_) => self.field(label, Some(event.trials())),
            _ => self.field(label, rule.samples),
        }
    }

    /// One value that never varied. What a lane says again and again is one observation.
    pub(super) fn constant(&self, label: &Label, samples: Option<u32>) -> Weight {
        let (seen, runs) = self.counts(label);
        let seen = samples.unwrap_or(seen);
        let is_in_lane = self.golden.order.keys_of(label).is_some_and(|keys| !keys.is_empty());
        let seen = if is_in_lane { seen.min(self.trials(label).0) } else { seen };
        let needed = "20 times in 8 recordings are needed to fail a run";
        weigh(seen >= MIN_SEEN_CONSTANT && runs >= MIN_RUNS_TRIALS, seen, runs, needed)
    }

    /// A value that says how something went, or null where a value may come: what has been the same so far can be another one
    /// now and then.
    pub(super) fn outcome(&self, label: &Label, samples: Option<u32>) -> Weight {
        let (seen, runs) = self.counts(label);
        let seen = samples.unwrap_or(seen);
        let often = seen >= MIN_SEEN_CHANCE && runs >= MIN_RUNS_TRIALS;
        let needed = "20 recordings, or 100 times in 8, are needed to fail a run";
        weigh(often || runs >= MIN_RUNS_ALWAYS, seen, runs, needed)
    }

    pub(super) fn ending(&self) -> Weight {
        let runs = self.recordings();
        weigh(runs >= MIN_RUNS_EDGE, runs, runs, "3 recordings are needed to fail a run")
    }
}
