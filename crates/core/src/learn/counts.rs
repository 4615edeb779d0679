//! How often events come in each instance of their scope: a session, a lane, a round of a loop.
//!
//! Every instance is a trial: it could have shown another number. What came equally often in all of enough trials is held
//! to it, `row{3}` instead of `row+`.

use super::session::Session;
use crate::dialect::Label;
use crate::golden::{self, MIN_RUNS, MIN_RUNS_ALWAYS, MIN_SEEN, Order, Times};
use std::collections::BTreeMap;

/// How many times are told apart at the lower end.
const FEW: usize = 4;

/// What comes so often in every session is not absent by chance.
const FEWEST: u32 = 3;

/// What is known of one event.
#[derive(Debug, Clone, Default)]
struct Count {
    /// Instances in which it came once or more, twice or more, and so on.
    at_least: [u32; FEW],
    /// In how many recordings, and the latest of these within one set of them.
    runs: u32,
    latest: Option<u32>,
    /// The greatest number in an instance, and how many instances have it.
    most: u32,
    full: u32,
}

/// How often events came.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    of: BTreeMap<Label, Count>,
}

impl Counts {
    /// Adds an event that came the `nth` time in its instance, in a recording of this number.
    pub(super) fn add(&mut self, label: &Label, nth: u32, recording: u32) {
        if nth == 0 {
            return;
        }
        if !self.of.contains_key(label) {
            self.of.insert(label.clone(), Count::default());
        }
        let Some(count) = self.of.get_mut(label) else { return };
        if let Some(instances) = count.at_least.get_mut(nth as usize - 1) {
            *instances += 1;
        }
        if nth > count.most {
            (count.most, count.full) = (nth, 1);
        } else {
            count.full += u32::from(nth == count.most);
        }
        if count.latest != Some(recording) {
            count.latest = Some(recording);
            count.runs += 1;
        }
    }

    /// Adds what other recordings show.
    pub(super) fn merge(&mut self, other: Counts) {
        for (label, count) in other.of {
            let own = self.of.entry(label).or_default();
            own.at_least.iter_mut().zip(count.at_least).for_each(|(own, more)| *own += more);
            own.runs += count.runs;
            own.latest = None;
            own.full = match own.most.cmp(&count.most) {
                std::cmp::Ordering::Less => count.full,
                std::cmp::Ordering::Equal => own.full + count.full,
                std::cmp::Ordering::Greater => own.full,
            };
            own.most = own.most.max(count.most);
        }
    }

    /// Writes the trials into events.
    pub(super) fn write(&self, events: &mut BTreeMap<Label, golden::Event>) {
        for (label, count) in &self.of {
            if let Some(event) = events.get_mut(label) {
                event.trials = Some(count.at_least[0]).filter(|trials| *trials != event.seen);
                event.least = Some(count.least()).filter(|least| *least > 1);
            }
        }
    }

    /// The order in which what always came equally often must do so; `recordings` is the number of all. What comes
    /// `by_the_clock` came as often as somebody listened.
    pub(super) fn hold(
        &self,
        order: &Order,
        recordings: u32,
        by_the_clock: &dyn Fn(&Label) -> bool,
    ) -> Order {
        self.held(order, (recordings, by_the_clock), true)
    }

    fn held(&self, order: &Order, of: (u32, &dyn Fn(&Label) -> bool), is_once: bool) -> Order {
        let (recordings, by_the_clock) = of;
        let all = |parts: &[Order]| parts.iter().map(|part| self.held(part, of, is_once)).collect();
        match order {
            Order::Event(_) => order.clone(),
            Order::Seq(parts) => Order::Seq(all(parts)),
            Order::All(parts) => Order::All(all(parts)),
            // Of alternatives one does not come; that is told of the whole, not of an event.
            Order::One(parts) => Order::One(parts.iter().map(|part| self.held(part, of, false)).collect()),
            Order::Repeat(body, times) => match &**body {
                Order::Event(label) => {
                    let always = times.min > 0 || is_once && self.runs(label) == recordings;
                    let exact = self.exact(label, times.min > 0, recordings).filter(|_| always);
                    let is_open = times.max.is_none() && !label.is_client() && !by_the_clock(label);
                    let times = exact.filter(|_| is_open).map_or(*times, |n| Times { min: n, max: Some(n) });
                    Order::Repeat(body.clone(), times)
                }
                body => Order::Repeat(Box::new(self.held(body, of, false)), *times),
            },
            Order::Each { key, body } => {
                Order::Each { key: key.clone(), body: Box::new(self.held(body, of, false)) }
            }
        }
    }

    fn runs(&self, label: &Label) -> u32 {
        self.of.get(label).map_or(0, |count| count.runs)
    }

    /// How often it came in every instance, if enough instances show it.
    fn exact(&self, label: &Label, is_required: bool, recordings: u32) -> Option<u32> {
        let count = self.of.get(label)?;
        let trials = count.at_least[0];
        // Once each time is also what comes now and then shows for long.
        let once = count.most > 1 || recordings >= MIN_RUNS_ALWAYS;
        let enough = trials >= MIN_SEEN && count.runs >= MIN_RUNS && (is_required || recordings >= MIN_SEEN);
        (count.full == trials && enough && once).then_some(count.most)
    }
}

impl Count {
    /// The least number in an instance, as far as it is told apart.
    fn least(&self) -> u32 {
        let of_all = self.at_least.iter().take_while(|instances| **instances == self.at_least[0]);
        u32::try_from(of_all.count()).unwrap_or(u32::MAX)
    }
}

/// How often events came in whole sessions. Where lanes, or kinds of rounds, have each a number of their own, only their sum may
/// be the same in every session.
#[derive(Debug, Clone, Default)]
pub(super) struct Totals {
    sessions: u32,
    /// The least and the greatest number of times, and in how many sessions.
    of: BTreeMap<Label, (u32, u32, u32)>,
}

impl Totals {
    /// Adds a session that was seen to its end.
    pub(super) fn add(&mut self, session: &Session) {
        let mut here: BTreeMap<&Label, u32> = BTreeMap::new();
        for event in session.events.iter().filter(|event| !event.label.is_client()) {
            *here.entry(&event.label).or_default() += 1;
        }
        let one = here.into_iter().map(|(label, times)| (label.clone(), (times, times, 1)));
        self.merge(Totals { sessions: 1, of: one.collect() });
    }

    /// Adds what other sessions show.
    pub(super) fn merge(&mut self, other: Totals) {
        self.sessions += other.sessions;
        for (label, (least, most, sessions)) in other.of {
            let own = self.of.entry(label).or_insert((least, most, 0));
            *own = (own.0.min(least), own.1.max(most), own.2 + sessions);
        }
    }

    /// Writes into events how often they came in every session, unless the order says it. What `floats` comes by the clock, more
    /// often in a longer session.
    pub(super) fn write(
        &self,
        order: &Order,
        events: &mut BTreeMap<Label, golden::Event>,
        floats: impl Fn(&Label) -> bool,
    ) {
        for (label, (least, most, sessions)) in &self.of {
            // Once each time is also what comes now and then shows for long.
            let enough = if *most > 1 { MIN_SEEN } else { MIN_RUNS_ALWAYS };
            let Some(event) = events.get_mut(label) else { continue };
            let is_in_all = *sessions == self.sessions;
            event.fewest = Some(*least).filter(|least| is_in_all && *least < FEWEST && least != most);
            let is_told = least == most && is_in_all && *sessions >= enough;
            if is_told && !is_said(order, label) && !floats(label) {
                event.total = Some(*most);
            }
        }
    }
}

/// Whether an order says how often an event comes in a session.
fn is_said(order: &Order, label: &Label) -> bool {
    match order {
        Order::Event(own) => own == label,
        Order::Seq(parts) | Order::All(parts) => parts.iter().any(|part| is_said(part, label)),
        Order::Repeat(body, times) => times.max == Some(times.min) && is_said(body, label),
        Order::One(_) | Order::Each { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recordings in which an event came so often in each instance.
    fn counts(recordings: &[Vec<u32>]) -> Counts {
        let mut counts = Counts::default();
        for (recording, instances) in (0..).zip(recordings) {
            for nth in instances.iter().flat_map(|times| 1..=*times) {
                counts.add(&Label::from("row"), nth, recording);
            }
        }
        counts
    }

    fn held(order: &str, recordings: &[Vec<u32>]) -> String {
        let order = golden::parse_order(order).expect("an order");
        let number = u32::try_from(recordings.len()).expect("few");
        let (left, right) = recordings.split_at(recordings.len() / 2);
        let mut parts = counts(right);
        parts.merge(counts(left));
        let hold = |counts: &Counts| counts.hold(&order, number, &|_| false).to_string();
        let whole = hold(&counts(recordings));
        assert_eq!(hold(&parts), whole, "parts show what all show");
        whole
    }

    #[test]
    fn what_always_came_equally_often_is_held_to_it() {
        assert_eq!(held("hi ; row+", &vec![vec![3]; 10]), "hi ; row{3}");
        assert_eq!(held("hi ; row+", &vec![vec![3]; 4]), "hi ; row+");
        assert_eq!(held("hi & row*", &vec![vec![3]; 10]), "hi & row{3}");
        let mut recordings = vec![vec![3]; 10];
        recordings[7] = vec![4];
        assert_eq!(held("hi ; row+", &recordings), "hi ; row+");
        recordings[7] = vec![2];
        assert_eq!(held("hi ; row+", &recordings), "hi ; row+");
    }

    #[test]
    fn a_feed_is_as_long_as_somebody_listens() {
        let order = golden::parse_order("hi ; row+").expect("an order");
        let counts = counts(&vec![vec![3]; 20]);
        let is_feed = |label: &Label| *label == Label::from("row");
        assert_eq!(counts.hold(&order, 20, &is_feed).to_string(), "hi ; row+");
    }

    #[test]
    fn every_round_and_every_lane_is_a_trial() {
        assert_eq!(held("( >ask ; row+ )+", &vec![vec![2, 2]; 5]), "( >ask ; row{2} )+");
        assert_eq!(
            held("( >ask ; row+ )+", &[vec![2, 2], vec![2], vec![2, 3], vec![2, 2], vec![2, 2], vec![2]]),
            "( >ask ; row+ )+"
        );
        // In some rounds it may not have come at all.
        assert_eq!(held("( >ask ; row* )+", &vec![vec![2, 2]; 10]), "( >ask ; row* )+");
        assert_eq!(held("hi & row*", &vec![vec![1]; 10]), "hi & row*");
        assert_eq!(held("hi & row*", &vec![vec![1]; 20]), "hi & row");
        assert_eq!(
            held(">row+ ; done", &vec![vec![3]; 20]),
            ">row+ ; done",
            "what the client sends is the script's"
        );
    }
}
