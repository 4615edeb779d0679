//! What the gaps of a check are judged against: the milliseconds of a known class of hosts, or, elsewhere, what the other
//! kinds of gaps of the same check took.
//!
//! The time of a server is mostly that of its machine: the same build on another machine, with another number of users,
//! or ten minutes later, takes one to ten times as long, and nearly every kind of gap takes the same number of times as
//! long. What all kinds share is the *pace*. It is taken off before a single kind is judged, and never fails a check. A
//! kind that waits for something else than a processor does not follow the pace; that is why an upper quantile of the
//! other kinds is taken off, and not their mean.

use super::budget;
use super::gaps::{Ask, Timed, is_judged};
use super::reference::{Reference, Shift};
use crate::dialect::Label;
use crate::finding::{Basis, TimeReport};
use crate::golden::{
    ALPHA_DEVIATION, Envelope, Golden, Limits, Occasions, SessionProfile, TimeMode, log_of, median_share,
};
use crate::stats::{lower_median, quantile};
use crate::transcript::{Gap, Host};
use std::collections::{BTreeMap, BTreeSet};

/// A golden from fewer classes of hosts fails nothing elsewhere.
const MIN_HOSTS: usize = 3;
/// A profile from fewer runs says nothing yet.
const MIN_PROFILE: u32 = 10;
/// A machine is not believed to be slower than this many times by its work alone.
const MOST_WORK: f64 = 20.0;
/// On a known class, so many rounds that all show the same are not explained by the worst hold-up of each.
const MANY_ROUNDS: usize = 3;
/// Where other programs take so many per cent of the processors more than when a class was measured, it is not itself.
const MOST_OTHERS: f64 = 20.0;
/// And something waits for a processor so many per cent of the time: where there are enough of them, others do no harm.
const LEAST_STARVED: f64 = 30.0;

/// No milliseconds are known for the hosts of a check, and it is to be judged by nothing else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no bounds for this class of hosts: {class}")]
pub struct NoBounds {
    /// The class, or what is known of it.
    pub class: String,
}

/// What the gaps of a session are judged against.
#[derive(Debug, Clone)]
pub struct Baseline<'g> {
    pub(super) golden: &'g Golden,
    pub(super) basis: Basis,
    is_profile: bool,
    /// What is known of each kind of gap, by the golden or by a host's profile.
    kinds: BTreeMap<(Label, Label), Envelope>,
    pub(super) occasions: Occasions,
    work: Option<Gap>,
    /// What other programs took of the processors when this was measured, in per cent.
    others_used: u8,
    /// What they took in a check that is not judged by the times of a class because of it.
    busy: Option<u8>,
    /// What other sessions of the same check took.
    others: Vec<Shift>,
    /// How many kinds of gaps the whole check judges.
    pub(super) classes: u32,
    /// The class of hosts, where it is known.
    class: Option<String>,
    /// How many rounds are judged together.
    rounds: usize,
}

impl<'g> Baseline<'g> {
    /// The golden's own milliseconds, as they stand.
    pub fn bounds(golden: &'g Golden) -> Baseline<'g> {
        Baseline::with(golden, Basis::Bounds, None)
    }

    /// What a check on these classes of hosts (an empty one is not known) is judged against.
    ///
    /// # Errors
    /// When only milliseconds are wanted and none are known for them.
    pub fn of(
        golden: &'g Golden,
        mode: TimeMode,
        classes: &BTreeSet<String>,
        profile: Option<&SessionProfile>,
    ) -> Result<Baseline<'g>, NoBounds> {
        let only = classes.iter().next().filter(|class| classes.len() == 1 && !class.is_empty());
        let profile =
            profile.filter(|own| only.is_some_and(|only| own.class == *only) && own.runs() >= MIN_PROFILE);
        let is_recorded =
            !classes.is_empty() && classes.iter().all(|class| golden.learned.hosts.contains(class));
        let is_known = is_recorded || profile.is_some();
        let basis = match mode {
            TimeMode::Off => Basis::Off,
            TimeMode::Shape => Basis::Shape,
            TimeMode::Bounds if is_known => Basis::Bounds,
            TimeMode::Bounds => {
                return Err(NoBounds { class: only.cloned().unwrap_or_else(|| "not known".to_owned()) });
            }
            TimeMode::Auto if is_known => Basis::Host,
            TimeMode::Auto => Basis::Shape,
        };
        let mut baseline = Baseline::with(golden, basis, profile);
        baseline.class = only.cloned();
        Ok(baseline)
    }

    fn with(golden: &'g Golden, basis: Basis, profile: Option<&SessionProfile>) -> Baseline<'g> {
        let occasions = profile.map_or(golden.learned.occasions, SessionProfile::occasions);
        let work = profile.map_or(golden.learned.work, SessionProfile::work);
        let others_used = profile.map_or(golden.learned.others, SessionProfile::others).unwrap_or(0);
        let own = golden.learned.occasions;
        let learned = Limits {
            runs: 1,
            classes: own.classes,
            between: own.spread(),
            occasions: own.count,
            alpha: ALPHA_DEVIATION,
        };
        let mut kinds = BTreeMap::new();
        for (label, event) in &golden.events {
            for envelope in &event.timing {
                let mut envelope = edited(envelope, learned);
                if let Some(profile) = profile {
                    envelope = profile.envelope(label, &envelope);
                }
                kinds.insert((label.clone(), envelope.after.clone()), envelope);
            }
        }
        let mut baseline = Baseline {
            golden,
            basis,
            is_profile: profile.is_some(),
            kinds,
            occasions,
            work,
            others_used,
            busy: None,
            others: Vec::new(),
            classes: 0,
            class: None,
            rounds: 1,
        };
        baseline.classes = baseline.own_classes();
        baseline
    }

    /// The same in a check that judges so many kinds of gaps in all, beside what its other sessions took.
    pub fn beside(mut self, others: &[Shift], classes: u32) -> Baseline<'g> {
        if self.basis != Basis::Bounds {
            self.others = others.to_vec();
            self.classes = self.classes.max(classes);
        }
        self
    }

    /// The same for runs beside which other programs kept the processors busy: the times of a class are those of its machines
    /// as they were when they were measured, and what computes is slower beside others, each kind of gap by a factor of its own.
    pub(super) fn amid(&self, runs: &[Timed<'_>]) -> Baseline<'g> {
        let of = |pick: fn(&Host) -> Option<u8>| {
            lower_median(
                runs.iter()
                    .filter_map(|run| pick(run.host.as_ref()?))
                    .map(|percent| (f64::from(percent), ())),
            )
        };
        let is_more = |(others, ()): &(f64, ())| *others >= f64::from(self.others_used) + MOST_OTHERS;
        let others = of(|host| host.others).filter(is_more);
        let is_starved = of(|host| host.starved).is_some_and(|(starved, ())| starved >= LEAST_STARVED);
        let mut baseline = self.clone();
        if let Some((others, ())) = others.filter(|_| is_starved && self.basis == Basis::Host) {
            baseline.basis = Basis::Shape;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "per cent")]
            let percent = others as u8;
            baseline.busy = Some(percent);
        }
        baseline
    }

    /// The same for what so many rounds show, each and all together.
    pub(super) fn over(&self, rounds: usize) -> Baseline<'g> {
        Baseline { rounds, ..self.clone() }
    }

    /// Whether so many rounds are judged that the machine's single hold-ups explain nothing that all of them show. Hold-ups
    /// that always meet the same kind of gap met it when the golden was recorded, too.
    pub(super) fn is_of_rounds(&self) -> bool {
        self.basis == Basis::Host && self.rounds >= MANY_ROUNDS
    }

    /// How many kinds of gaps it judges by itself.
    pub fn own_classes(&self) -> u32 {
        u32::try_from(self.kinds().filter(|(_, envelope)| is_judged(envelope)).count()).unwrap_or(u32::MAX)
    }

    /// The golden that it is of.
    pub fn golden(&self) -> &'g Golden {
        self.golden
    }

    /// On what it judges.
    pub fn basis(&self) -> Basis {
        self.basis
    }

    /// Whether anything but a stall can fail by its time.
    pub fn can_fail(&self) -> bool {
        match self.basis {
            Basis::Host | Basis::Bounds => true,
            Basis::Shape => self.busy.is_none() && self.golden.learned.hosts.len() >= MIN_HOSTS,
            Basis::Off => false,
        }
    }

    pub(super) fn is_profile(&self) -> bool {
        self.is_profile
    }

    pub(super) fn occasions(&self) -> Occasions {
        self.occasions
    }

    pub(super) fn kinds(&self) -> impl Iterator<Item = (&Label, &Envelope)> {
        self.kinds.iter().map(|((label, _), envelope)| (label, envelope))
    }

    /// How much longer than here each kind of gap took in some runs.
    pub fn shifts(&self, runs: &[Timed<'_>]) -> Vec<Shift> {
        let tested = self.kinds.iter().filter(|(_, envelope)| envelope.is_tested());
        tested
            .filter_map(|(key, envelope)| {
                let middles: Vec<(f64, f64)> = runs
                    .iter()
                    .filter_map(|run| {
                        let (log, _, relieved) = run.middle(run.gaps.get(key)?)?;
                        Some((log, relieved))
                    })
                    .collect();
                let of = |pick: fn(&(f64, f64)) -> f64| {
                    lower_median(middles.iter().map(|pair| (pick(pair), ()))).map(|(log, ())| log)
                };
                let count = u32::try_from(middles.len()).unwrap_or(u32::MAX);
                let runs = f64::from(envelope.runs.max(1));
                Some(Shift {
                    event: key.0.clone(),
                    log: of(|pair| pair.0)? - envelope.log(),
                    relieved: of(|pair| pair.1)? - envelope.log(),
                    variance: envelope.spread * envelope.spread * (median_share(count) + 1.0 / runs),
                })
            })
            .collect()
    }

    /// The median of each kind of gap in a run, as a logarithm of seconds.
    pub fn medians(&self, run: &Timed<'_>) -> Vec<((Label, Label), f64)> {
        let of = |(key, sample)| {
            let (log, ..) = run.middle(sample)?;
            Some((key, log))
        };
        let gaps = run.gaps.iter().filter(|(key, _)| self.kinds.contains_key(*key));
        gaps.map(|(key, sample)| (key.clone(), sample)).filter_map(of).collect()
    }

    pub(super) fn reference(&self, runs: &[Timed<'_>]) -> Reference {
        let work = self.slower_work(runs).map(|log| log.clamp(0.0, MOST_WORK.ln()));
        Reference { own: self.shifts(runs), others: self.others.clone(), work, runs: runs.len() }
    }

    /// How many times as long the machine's own work took, as a logarithm.
    fn slower_work(&self, runs: &[Timed<'_>]) -> Option<f64> {
        let worked = runs.iter().filter_map(|run| run.host?.work).map(|work| (log_of(work), ()));
        Some(lower_median(worked)?.0 - log_of(self.work?))
    }

    /// What there is to say of the time of a session.
    pub fn report(&self, session: &str, runs: &[Timed<'_>]) -> TimeReport {
        self.amid(runs).report_of(session, runs)
    }

    fn report_of(&self, session: &str, runs: &[Timed<'_>]) -> TimeReport {
        let reference = self.reference(runs);
        let logs = |share| quantile(reference.own.iter().map(|shift| shift.log).collect(), share);
        let pace = reference.pace().map(|pace| pace.log.exp());
        let range = logs(0.1).zip(logs(0.9)).map(|(low, high)| (low.exp(), high.exp()));
        let count = u32::try_from(runs.len()).unwrap_or(u32::MAX);
        let (mut sees, mut not_judged, mut can_fail) = (Vec::new(), Vec::new(), false);
        for (label, envelope) in self.kinds().filter(|(_, envelope)| envelope.is_tested()) {
            let Some((told, fails)) = self.tiers(&reference, label, Ask::Verdict, true) else {
                not_judged.push(label.to_string());
                continue;
            };
            can_fail |= fails.is_some();
            let tier = fails.unwrap_or(told);
            let gaps = envelope.gaps_per_run() * f64::from(count);
            let is_few = gaps < f64::from(crate::golden::FEW);
            let bound = tier.upper(envelope, self.limits(&tier, count), is_few);
            sees.push(bound.as_secs_f64() / envelope.usual.as_secs_f64().max(1e-9));
        }
        not_judged.dedup();
        TimeReport {
            session: session.to_owned(),
            basis: self.basis,
            is_profile: self.is_profile,
            class: self.class.clone(),
            recorded_on: self.golden.learned.hosts.clone(),
            occasions: self.occasions.count,
            runs: self.kinds().map(|(_, envelope)| envelope.runs).max().unwrap_or(0),
            pace,
            range,
            work: self.slower_work(runs).map(f64::exp),
            sees: quantile(sees, 0.5),
            fails: can_fail,
            not_judged,
            busy: self.busy,
            creep: None,
            budgets: budget::report(self.golden, runs),
        }
    }
}

/// The envelope with its usual gap moved as far as a person moved `latest`, so that bounds of several runs follow. Where a
/// golden does not say its occasions it is not known what `learn` had written.
fn edited(envelope: &Envelope, learned: Limits) -> Envelope {
    let latest = envelope.latest.filter(|_| envelope.is_tested() && learned.occasions > 0);
    let Some(latest) = latest else { return envelope.clone() };
    let moved = log_of(latest) - log_of(envelope.upper(learned));
    // What was only rounded was not moved.
    if moved.abs() > 0.02 { envelope.slowed(moved) } else { envelope.clone() }
}

#[cfg(test)]
mod tests;
