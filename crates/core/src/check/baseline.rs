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
use crate::dialect::Label;
use crate::finding::{Basis, TimeReport};
use crate::golden::{
    ALPHA_DEVIATION, ALPHA_DOUBT, Envelope, Golden, Limits, OTHER_HOST, Occasions, SAME_HOST, SessionProfile,
    SpreadPrior, StallMargin, TimeMode, gap_of, log_of, median_share,
};
use crate::stats::{lower_median, quantile};
use crate::transcript::{Gap, Host};
use std::collections::{BTreeMap, BTreeSet};

/// Fewer other kinds of gaps do not tell how much slower a check went.
const MIN_OTHERS: usize = 4;
/// A golden from fewer classes of hosts fails nothing elsewhere.
const MIN_HOSTS: usize = 3;
/// A profile from fewer runs says nothing yet.
const MIN_PROFILE: u32 = 10;
/// A machine is not believed to be slower than this many times by its work alone.
const MOST_WORK: f64 = 20.0;
/// A kind of gap may be this many times as slow as the others say, and a gap that is no more than that is no stall.
const MOST_OWN: f64 = 6.0;
/// So many runs show what is usual in a check.
const MANY_RUNS: usize = 3;
/// What came this many times as late as usual was held back.
const HELD_BACK: f64 = 2.0;
/// Where nearly all other kinds went faster than in the golden, a kind is expected to be faster by this share of their logarithm.
const BELIEVED_HASTE: f64 = 0.6;
/// On a class of hosts that is known, a moment is not believed to be faster than this many times.
const MOST_HASTE: f64 = 1.5;
/// The quantile of the other kinds that a suspect has to pass where the machine's own work is known, and on a known class.
const UPPER_QUARTILE: f64 = 0.75;
/// The quantile that a deviation has to pass, and everything where the machine's work is not known.
const UPPER_DECILE: f64 = 0.90;
/// The chances of a failing kind of gap, a suspect one and one to look at again, on a known class, over all kinds of a
/// check. Every round has to show it as well, which makes false alarms much rarer than that: `prove --machines` counts
/// them.
const ON_HOST: Chances = Chances { fails: 0.001, told: 0.03, doubt: 0.2 };
/// The chance of a suspect kind of gap elsewhere, over all kinds of a check. It fails nothing.
const TOLD_ELSEWHERE: f64 = 0.01;
/// Elsewhere, so many seconds more than the others explain are worth a word.
const LEAST_ELSEWHERE: f64 = 0.025;
/// On a known class, so many rounds that all show the same are not explained by the worst hold-up of each.
const MANY_ROUNDS: usize = 3;
/// Where other programs take so many per cent of the processors more than when a class was measured, it is not itself.
const MOST_OTHERS: f64 = 20.0;
/// And something waits for a processor so many per cent of the time: where there are enough of them, others do no harm.
const LEAST_STARVED: f64 = 30.0;
/// A round of a check may be doubtful this much sooner than all of them together.
const DOUBT: f64 = 0.7;

/// No milliseconds are known for the hosts of a check, and it is to be judged by nothing else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no bounds for this class of hosts: {class}")]
pub struct NoBounds {
    /// The class, or what is known of it.
    pub class: String,
}

/// How much longer than in the golden a kind of gap took in a check.
#[derive(Debug, Clone, PartialEq)]
pub struct Shift {
    /// The event.
    pub event: Label,
    /// The logarithm of how many times as long: the median over the runs.
    pub log: f64,
    /// The same without what this machine's own hold-ups may have added.
    relieved: f64,
    /// The variance of `log` that sampling makes.
    variance: f64,
}

/// What the gaps of a session are judged against.
#[derive(Debug, Clone)]
pub struct Baseline<'g> {
    pub(super) golden: &'g Golden,
    basis: Basis,
    is_profile: bool,
    /// What is known of each kind of gap, by the golden or by a host's profile.
    kinds: BTreeMap<(Label, Label), Envelope>,
    occasions: Occasions,
    work: Option<Gap>,
    /// What other programs took of the processors when this was measured, in per cent.
    others_used: u8,
    /// What they took in a check that is not judged by the times of a class because of it.
    busy: Option<u8>,
    /// What other sessions of the same check took.
    others: Vec<Shift>,
    /// How many kinds of gaps the whole check judges.
    classes: u32,
    /// The class of hosts, where it is known.
    class: Option<String>,
    /// How many rounds are judged together.
    rounds: usize,
}

/// How a check went beside its baseline.
#[derive(Debug, Clone)]
pub(super) struct Reference {
    own: Vec<Shift>,
    others: Vec<Shift>,
    /// The logarithm of how many times as long the machine's own work took, where both sides know it; never negative.
    work: Option<f64>,
    /// Of how many runs it is.
    runs: usize,
}

/// The pace of a check.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) log: f64,
    pub(super) relieved: f64,
    pub(super) variance: f64,
    pub(super) kinds: usize,
}

impl Reference {
    fn logs_beside(&self, event: &Label) -> Vec<f64> {
        let all = self.own.iter().chain(&self.others);
        all.filter(|shift| shift.event != *event).map(|shift| shift.log).collect()
    }

    /// How much slower everything but this event went, as a logarithm; below zero where nearly everything went faster, and
    /// none where nothing tells.
    fn slowed(&self, event: &Label, share: f64) -> Option<f64> {
        let Some(shown) = self.shown(event, share) else { return self.work };
        let slowed = shown.max(self.work.unwrap_or(0.0));
        Some(if slowed > 0.0 { slowed } else { self.hastened_for_most(event) })
    }

    /// How much faster nearly everything but this event went, as a logarithm that is not above zero. This kind may be the
    /// one that waits, so only a part of it is believed.
    fn hastened_for_most(&self, event: &Label) -> f64 {
        let others = self.logs_beside(event);
        let slowest = if others.len() < MIN_OTHERS { None } else { quantile(others, UPPER_DECILE) };
        (BELIEVED_HASTE * slowest.unwrap_or(0.0)).clamp(-2f64.ln(), 0.0)
    }

    /// The same by the other kinds of gaps alone; none where they are too few.
    fn shown(&self, event: &Label, share: f64) -> Option<f64> {
        let others = self.logs_beside(event);
        (others.len() >= MIN_OTHERS).then(|| quantile(others, share)).flatten().map(|log| log.max(0.0))
    }

    /// How much slower this event itself went, for most of the runs; never negative.
    fn own_log(&self, event: &Label) -> f64 {
        self.own.iter().filter(|shift| shift.event == *event).map(|shift| shift.log).fold(0.0, f64::max)
    }

    /// Whether something else came late. A fast machine makes nothing late: what came together then had been held back.
    fn is_held_back(&self, event: &Label) -> bool {
        self.logs_beside(event).iter().any(|log| *log > HELD_BACK.ln())
    }

    /// How much faster everything but this event went: a logarithm that is not above zero.
    fn hastened(&self, event: &Label, share: f64) -> Option<f64> {
        let others = self.logs_beside(event);
        (others.len() >= MIN_OTHERS).then(|| quantile(others, 1.0 - share)).flatten().map(|log| log.min(0.0))
    }

    /// The weighted mean over the kinds of this session; one that strays far counts as if it strayed less.
    pub(super) fn pace(&self) -> Option<Pace> {
        let weight = |shift: &Shift| 1.0 / (shift.variance + SAME_HOST.spread * SAME_HOST.spread);
        let weights: f64 = self.own.iter().map(weight).sum();
        let mean = |log: fn(&Shift) -> f64| {
            self.own.iter().map(|shift| weight(shift) * log(shift).clamp(-2.0, 2.0)).sum::<f64>() / weights
        };
        (weights > 0.0).then(|| Pace {
            log: mean(|shift| shift.log),
            relieved: mean(|shift| shift.relieved),
            variance: 1.0 / weights,
            kinds: self.own.len(),
        })
    }
}

/// How often chance alone may show something, over all kinds of gaps of a check.
struct Chances {
    fails: f64,
    told: f64,
    doubt: f64,
}

/// What it takes for a kind of gap to be told, or to fail.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tier {
    /// How much slower the others went, as a logarithm; of what is early how much faster, below zero.
    pub(super) slowed: f64,
    /// The chance of a false alarm over all kinds of gaps.
    alpha: f64,
    /// At least so many times what the others explain.
    factor: f64,
    /// And at least so much longer.
    floor: Gap,
    /// What an occasion adds to a kind, as a standard deviation of the logarithm.
    between: f64,
}

impl Tier {
    /// Above this the median of a kind of gap is too late; `is_few` where single hold-ups may make it out.
    pub(super) fn upper(&self, envelope: &Envelope, limits: Limits, is_few: bool) -> Gap {
        let slowed = envelope.slowed(self.slowed);
        let by_spread = if is_few { slowed.upper_of_few(limits) } else { slowed.upper(limits) };
        by_spread.max(gap_of(slowed.log() + self.factor.ln())).max(slowed.usual + self.floor)
    }

    /// Below this it is too early.
    pub(super) fn lower(&self, envelope: &Envelope, limits: Limits) -> Gap {
        let hastened = envelope.slowed(self.slowed);
        hastened.lower(limits).min(gap_of(hastened.log() - self.factor.ln() - 2f64.ln()))
    }
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

    /// What a tier asks of the median of so many runs.
    pub(super) fn limits(&self, tier: &Tier, runs: u32) -> Limits {
        Limits {
            runs,
            classes: self.classes,
            between: tier.between,
            occasions: self.occasions.count,
            alpha: tier.alpha,
        }
    }

    /// What it takes for an event to be told as late (or else as early), and what it takes to fail; none where nothing can
    /// be told of it.
    pub(super) fn tiers(
        &self,
        reference: &Reference,
        label: &Label,
        ask: Ask,
        late: bool,
    ) -> Option<(Tier, Option<Tier>)> {
        let is_doubt = matches!(ask, Ask::Doubt);
        let of = |share| if late { reference.slowed(label, share) } else { reference.hastened(label, share) };
        let tier = |slowed, alpha, factor: f64, floor, prior: SpreadPrior| Tier {
            slowed,
            alpha,
            factor: factor.max(1.0),
            floor,
            between: self.occasions.kind_spread(prior),
        };
        let soon = if is_doubt { DOUBT } else { 1.0 };
        // Below the bound of a verdict there is nothing early to suspect: events come together in every network.
        let early = if is_doubt { ALPHA_DOUBT } else { ALPHA_DEVIATION };
        let bounds = || {
            let tier = |alpha| Tier {
                slowed: 0.0,
                alpha,
                factor: 1.0,
                floor: Gap::ZERO,
                between: self.occasions.spread(),
            };
            (tier(if late { ask.late() } else { early }), Some(tier(ALPHA_DEVIATION)))
        };
        match self.basis {
            Basis::Off => None,
            Basis::Bounds => Some(bounds()),
            Basis::Host => {
                let Some(mut slowed) = of(UPPER_QUARTILE) else { return Some(bounds()) };
                // The machine's work tells of a class that is known no more than its slowest kinds of gaps show.
                if late && let Some(most) = reference.shown(label, UPPER_DECILE) {
                    slowed = slowed.min(most);
                }
                // Events that are held back and come together make most kinds fast: on a known class that is no fast machine.
                if !late {
                    slowed = if reference.is_held_back(label) { 0.0 } else { slowed.max(-MOST_HASTE.ln()) };
                }
                let tier = |alpha, factor| tier(slowed, alpha, factor, Gap::ZERO, SAME_HOST);
                let told = if is_doubt { ON_HOST.doubt } else { ON_HOST.told };
                Some((tier(told, 1.3 * soon), Some(tier(ON_HOST.fails, 1.3))))
            }
            Basis::Shape => {
                let is_work_known = reference.work.is_some();
                let told = of(if is_work_known { UPPER_QUARTILE } else { UPPER_DECILE })?;
                let alpha = if is_doubt { ALPHA_DOUBT } else { TOLD_ELSEWHERE };
                let floor = Gap::from_secs_f64(LEAST_ELSEWHERE * soon);
                let told = tier(told, alpha, 3.0 * soon, floor, OTHER_HOST);
                // A machine that is faster than all that were recorded is no fault, and one whose speed nobody measured may
                // be slow in the one kind that computes.
                let fails = (late && is_work_known && self.can_fail())
                    .then(|| of(UPPER_DECILE))
                    .flatten()
                    .map(|slowed| tier(slowed, ALPHA_DEVIATION, 5.0, Gap::from_millis(250), OTHER_HOST));
                Some((told, fails))
            }
        }
    }

    /// Beyond this a single gap is a stall.
    pub(super) fn stall(&self, reference: &Reference, label: &Label, envelope: &Envelope) -> Gap {
        if self.basis == Basis::Bounds {
            let fails = self.tiers(reference, label, Ask::Verdict, true).and_then(|(_, fails)| fails);
            let upper = fails.map(|tier| envelope.upper(self.limits(&tier, 1)));
            return envelope.stall(StallMargin::BOUNDS).max(upper.unwrap_or_default());
        }
        let slowed = reference.slowed(label, UPPER_DECILE).unwrap_or(0.0).max(0.0);
        // Several runs show the pace of this kind itself: what is slow for most users is no single gap. Where this kind is
        // quicker than the others, a single gap of it may still be as slow as theirs, so the middle counts.
        let by = if reference.runs < MANY_RUNS {
            slowed
        } else {
            let own = reference.own_log(label).min(slowed + MOST_OWN.ln());
            own.max(f64::midpoint(own, slowed))
        };
        let mut margin = StallMargin::BESIDE_PACE.slowed(by.exp());
        // The slowest gap of all was most likely that of the slowest occasion, whose pace is not this check's.
        margin.of_slowest /= self.occasions.slowest_of_all();
        envelope.stall(margin)
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
mod tests {
    use super::super::gaps::Gaps;
    use super::super::rounds;
    use super::super::timing::judge;
    use super::*;
    use crate::finding::{Kind, Severity};
    use proptest::prelude::*;

    /// Eight kinds of gaps of 10 to 80 ms, recorded on these hosts.
    fn golden(hosts: &[&str]) -> Golden {
        let names: Vec<String> = (1..=8).map(|n| format!("e{n}")).collect();
        let hosts: Vec<String> = hosts.iter().map(|host| format!("{host:?}")).collect();
        let mut text = format!(
            "goldwire = 1\norder = \">ask ; {}\"\n[learned]\nrecordings = 20\noccasions = 1\nhosts = [{}]\nwork = \"1 ms\"\n[event.ask]\nsend = {{ type = \"ask\" }}\n",
            names.join(" ; "),
            hosts.join(", ")
        );
        for (n, name) in names.iter().enumerate() {
            let (after, usual) = (if n == 0 { ">ask".to_owned() } else { format!("e{n}") }, 10 * (n + 1));
            text.push_str(&format!(
                "[event.{name}]\ntiming = {{ after = {after:?}, usual = \"{usual} ms\", slowest = \"{} ms\", spread = 0.3, df = 28, samples = 20, runs = 20 }}\n",
                2 * usual
            ));
        }
        crate::golden::read("g.toml", &text).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
    }

    /// The gaps of a run in which every kind takes so many times as long.
    fn run(factors: [f64; 8]) -> Gaps {
        let mut gaps = Gaps::new();
        for (n, factor) in factors.into_iter().enumerate() {
            let after = if n == 0 { ">ask".to_owned() } else { format!("e{n}") };
            let gap = Gap::from_secs_f64(0.010 * (n + 1) as f64 * factor);
            let key = (Label::from(format!("e{}", n + 1).as_str()), Label::from(after.as_str()));
            gaps.insert(key, [(gap, n)].into_iter().collect());
        }
        gaps
    }

    fn found(
        golden: &Golden,
        class: &str,
        mode: TimeMode,
        work: Option<u64>,
        factors: [f64; 8],
    ) -> Vec<(String, Kind, Severity)> {
        let classes = BTreeSet::from([class.to_owned()]);
        let baseline = Baseline::of(golden, mode, &classes, None).expect("a baseline");
        let gaps = run(factors);
        let host = work.map(|millis| Host {
            probes: 10,
            lag_p50: Gap::from_millis(1),
            lag_max: Gap::from_millis(2),
            starved: None,
            work: Some(Gap::from_millis(millis)),
            work_cpu: None,
            others: None,
        });
        let runs = vec![Timed { gaps: &gaps, host }; 15];
        let told = judge(&baseline, &runs).into_iter();
        told.map(|(_, f)| (f.place.event.to_string(), f.kind, f.severity)).collect()
    }

    fn one(slow: f64, others: f64) -> [f64; 8] {
        let mut factors = [others; 8];
        factors[3] = slow;
        factors
    }

    #[test]
    fn elsewhere_everything_may_be_slow_and_nothing_alone() {
        use Severity::{Deviation, Suspect};
        let known = golden(&["a"]);
        let shape = |factors| found(&known, "b", TimeMode::Auto, None, factors);
        for pace in [0.2, 1.0, 3.0, 10.0] {
            assert_eq!(shape([pace; 8]), [], "x{pace} is a machine");
        }
        let late = |severity| vec![("e4".to_owned(), Kind::TooLate, severity)];
        assert_eq!(shape(one(12.0, 1.0)), late(Suspect), "with one class of hosts nothing but a stall fails");
        assert_eq!(shape(one(12.0, 6.0)), [], "twice as slow as the others");
        assert_eq!(shape(one(60.0, 5.0)), late(Suspect));
        let three = golden(&["a", "c", "d"]);
        assert_eq!(found(&three, "b", TimeMode::Auto, Some(1), one(30.0, 1.0)), late(Deviation));
        assert_eq!(
            found(&three, "b", TimeMode::Auto, None, one(30.0, 1.0)),
            late(Suspect),
            "the one kind that computes, on a machine whose speed nobody measured"
        );
        assert_eq!(found(&three, "b", TimeMode::Auto, None, [10.0; 8]), []);
        assert_eq!(shape(one(1.4, 0.2)), [], "a fast machine, and one kind that waits");
        assert_eq!(shape(one(2.4, 1.0)), [], "2.4 times as late as the others");
        assert_eq!(shape(one(2.4, 0.3)), late(Suspect), "eight times as late as the others");
        // Kinds that wait do not follow the pace of those that compute.
        assert_eq!(
            shape([1.0, 1.0, 1.0, 6.0, 6.0, 1.0, 1.0, 1.0]),
            [],
            "two that compute among six that wait"
        );
    }

    #[test]
    fn a_slow_machine_is_known_by_its_own_work() {
        let known = golden(&["a"]);
        let shape = |work, factors| found(&known, "b", TimeMode::Auto, work, factors);
        assert_eq!(shape(Some(1), one(12.0, 1.0)).len(), 1);
        assert_eq!(shape(Some(10), one(12.0, 1.0)), [], "the one kind that computes, on a slow machine");
    }

    #[test]
    fn at_home_the_pace_is_taken_off_and_a_kind_is_judged_closely() {
        use Severity::Deviation;
        let known = golden(&["a"]);
        let home = |factors| found(&known, "a", TimeMode::Auto, None, factors);
        assert_eq!(home([1.6; 8]), [], "one occasion does not know how occasions differ");
        assert_eq!(home(one(5.0, 1.0)), [("e4".to_owned(), Kind::TooLate, Deviation)]);
        assert_eq!(found(&known, "a", TimeMode::Shape, None, one(3.0, 1.0)), []);
        assert_eq!(found(&known, "a", TimeMode::Off, None, one(30.0, 1.0)), []);
        assert_eq!(
            found(&known, "a", TimeMode::Bounds, None, [9.0; 8]).len(),
            8,
            "milliseconds as they stand"
        );
        let nowhere = Baseline::of(&known, TimeMode::Bounds, &BTreeSet::from(["b".to_owned()]), None);
        assert_eq!(nowhere.map(|_| ()), Err(NoBounds { class: "b".to_owned() }));
    }

    #[test]
    fn a_machine_that_is_busy_with_something_else_is_judged_by_shape() {
        use Severity::Deviation;
        let told = |recorded: u8, others: Option<u8>, starved: u8, slow: f64| {
            let mut known = golden(&["a", "c", "d"]);
            known.learned.others = Some(recorded);
            let host = Host {
                probes: 10,
                lag_p50: Gap::from_millis(1),
                lag_max: Gap::from_millis(2),
                starved: Some(starved),
                work: None,
                work_cpu: None,
                others,
            };
            let baseline = Baseline::of(&known, TimeMode::Auto, &BTreeSet::from(["a".to_owned()]), None);
            let baseline = baseline.expect("a baseline");
            let gaps = run(one(slow, 1.5));
            let round = vec![Timed { gaps: &gaps, host: Some(host) }; 5];
            let (found, _) = rounds::judge(&baseline, &vec![round.clone(); 3]);
            let busy = baseline.report("s", &round).busy;
            (found.into_iter().map(|(_, finding)| finding.severity).collect::<Vec<_>>(), busy)
        };
        assert_eq!(told(0, Some(60), 90, 5.0), (vec![], Some(60)), "what computes most is slowed most");
        assert_eq!(told(0, Some(10), 90, 5.0), (vec![Deviation], None), "the server and we are busy");
        assert_eq!(told(0, Some(60), 10, 5.0), (vec![Deviation], None), "there are processors enough");
        assert_eq!(told(50, Some(60), 90, 5.0), (vec![Deviation], None), "it was as busy when recorded");
        assert_eq!(told(0, None, 90, 5.0), (vec![Deviation], None), "nobody knows");
        // 80 s are no other program's doing.
        assert_eq!(told(0, Some(60), 90, 2000.0).0, [Deviation]);
    }

    #[test]
    fn elsewhere_one_long_gap_is_a_stall_and_what_is_long_for_all_is_only_late() {
        use Severity::{Deviation, Suspect};
        let known = golden(&["a"]);
        let baseline = Baseline::of(&known, TimeMode::Auto, &BTreeSet::from(["b".to_owned()]), None);
        let baseline = baseline.expect("a baseline");
        let (usual, mut long) = (run([1.0; 8]), [1.0; 8]);
        // 2.5 s; two seconds more than three times the usual are 2.24 s.
        long[7] = 2.5 / 0.080;
        let long = run(long);
        let told = |count: usize| {
            let gaps = |n| if n < count { &long } else { &usual };
            let runs: Vec<Timed<'_>> = (0..5).map(|n| Timed { gaps: gaps(n), host: None }).collect();
            let all = judge(&baseline, &runs).into_iter();
            all.map(|(_, finding)| (finding.kind, finding.severity)).collect::<Vec<_>>()
        };
        assert_eq!(told(1), [(Kind::Stall, Deviation)]);
        assert_eq!(told(5), [(Kind::TooLate, Suspect)]);
    }

    #[test]
    fn the_slowest_gap_of_several_machines_is_that_of_the_slowest() {
        let mut known = golden(&["a", "c", "d"]);
        known.learned.occasions = Occasions { count: 3, pace: None, kinds: Some(0.1), classes: 8 };
        let slowest = Gap::from_millis(3_000);
        known.events.values_mut().flat_map(|event| &mut event.timing).for_each(|own| own.slowest = slowest);
        let mut long = [1.0; 8];
        // 6 s: the slowest of all was 3 s, on a machine that was slow as a whole or on one like the others.
        long[7] = 6.0 / 0.080;
        let (usual, long) = (run([1.0; 8]), run(long));
        let mut stalls = |pace: f64| {
            known.learned.occasions.pace = Some(pace);
            let baseline = Baseline::of(&known, TimeMode::Auto, &BTreeSet::from(["b".to_owned()]), None);
            let baseline = baseline.expect("a baseline");
            let runs: Vec<Timed<'_>> =
                [&usual, &usual, &long].map(|gaps| Timed { gaps, host: None }).to_vec();
            judge(&baseline, &runs).iter().any(|(_, finding)| finding.kind == Kind::Stall)
        };
        assert!(!stalls(0.0));
        assert!(stalls(0.6));
    }

    #[test]
    fn at_home_the_worst_hold_ups_of_three_rounds_do_not_meet_the_same_gap() {
        use Severity::{Deviation, Suspect};
        let known = golden(&["a"]);
        let baseline = Baseline::of(&known, TimeMode::Auto, &BTreeSet::from(["a".to_owned()]), None);
        let baseline = baseline.expect("a baseline");
        let late = run(one(5.0, 1.0));
        let told = |lag_p50: u64, rounds: usize| {
            let (lag_p50, lag_max) = (Gap::from_millis(lag_p50), Gap::from_millis(400));
            let host = Host {
                probes: 10,
                lag_p50,
                lag_max,
                starved: None,
                work: None,
                work_cpu: None,
                others: None,
            };
            let round = vec![Timed { gaps: &late, host: Some(host) }; 5];
            let (told, _) = rounds::judge(&baseline, &vec![round; rounds]);
            told.into_iter().map(|(_, finding)| (finding.severity, finding.is_excused)).collect::<Vec<_>>()
        };
        assert_eq!(told(1, 2), [(Suspect, true)], "two rounds may both have been held up there");
        assert_eq!(told(1, 3), [(Deviation, false)]);
        assert_eq!(told(300, 3), [(Suspect, true)], "a machine that is always late makes every gap late");
    }

    #[test]
    fn at_home_what_comes_together_at_the_end_is_a_burst_and_no_fast_machine() {
        let mut known = golden(&["a"]);
        known.events.values_mut().flat_map(|event| &mut event.timing).for_each(|timing| timing.samples = 80);
        let classes = BTreeSet::from(["a".to_owned()]);
        let baseline = Baseline::of(&known, TimeMode::Auto, &classes, None).expect("a baseline");
        let burst: Gaps = run([0.0; 8])
            .into_keys()
            .map(|kind| (kind, (0..4).map(|frame| (Gap::ZERO, frame)).collect()))
            .collect();
        let told = judge(&baseline, &vec![Timed { gaps: &burst, host: None }; 5]);
        let first = told.first().map(|(_, finding)| (finding.kind, finding.severity));
        assert_eq!(first, Some((Kind::TooEarly, Severity::Deviation)));
        // The first of them waited for the end, which no fast machine explains.
        let mut held = burst.clone();
        let first = held.keys().next().cloned().expect("a kind");
        held.insert(first.clone(), (0..4).map(|frame| (Gap::from_millis(900), frame)).collect());
        let told = judge(&baseline, &vec![Timed { gaps: &held, host: None }; 5]);
        assert_eq!(told.first().map(|(_, finding)| finding.kind), Some(Kind::TooEarly));
        assert!(told.iter().all(|(_, finding)| finding.place.event != first.0), "{told:?}");
        let quick = run([0.6; 8]);
        assert_eq!(judge(&baseline, &vec![Timed { gaps: &quick, host: None }; 5]), [], "a quick moment");
    }

    #[test]
    fn a_stall_fails_anywhere() {
        let known = golden(&["a"]);
        for class in ["a", "b", ""] {
            for mode in [TimeMode::Auto, TimeMode::Off] {
                let told = found(&known, class, mode, None, one(150.0, 1.0));
                assert!(
                    told.contains(&("e4".to_owned(), Kind::Stall, Severity::Deviation)),
                    "{class} {told:?}"
                );
            }
        }
        assert_eq!(found(&known, "b", TimeMode::Auto, None, [90.0; 8]), [], "seven seconds where all is x90");
    }

    #[test]
    fn a_golden_of_few_kinds_says_what_it_cannot_judge() {
        let mut few = golden(&["a"]);
        few.events.retain(|label, _| ["ask", ">ask", "e1", "e2"].contains(&label.as_str()));
        let classes = BTreeSet::from(["b".to_owned()]);
        let baseline = Baseline::of(&few, TimeMode::Auto, &classes, None).expect("a baseline");
        let gaps = run([30.0; 8]);
        let report = baseline.report("s", &[Timed { gaps: &gaps, host: None }]);
        assert_eq!((report.basis, report.not_judged), (Basis::Shape, vec!["e1".to_owned(), "e2".to_owned()]));
        // The other sessions of the same check tell.
        let shift = |n: u32| Shift {
            event: Label::from(format!("other{n}").as_str()),
            log: 0.0,
            relieved: 0.0,
            variance: 0.01,
        };
        let others: Vec<Shift> = (0..4).map(shift).collect();
        let beside = baseline.beside(&others, 6);
        assert_eq!(beside.report("s", &[Timed { gaps: &gaps, host: None }]).not_judged, [""; 0]);
    }

    #[test]
    fn a_suspect_elsewhere_never_becomes_a_deviation_by_looking_again() {
        let known = golden(&["a"]);
        let classes = BTreeSet::from(["b".to_owned()]);
        let baseline = Baseline::of(&known, TimeMode::Auto, &classes, None).expect("a baseline");
        let gaps = run(one(40.0, 1.0));
        let rounds = vec![vec![Timed { gaps: &gaps, host: None }; 5]; 3];
        assert!(!rounds::leave_doubt(&baseline, &rounds, 3), "more rounds would confirm the machine");
        let (told, _) = rounds::judge(&baseline, &rounds);
        assert_eq!(told.iter().map(|(_, f)| f.severity).collect::<Vec<_>>(), [Severity::Suspect]);
    }

    #[test]
    fn what_a_person_allows_holds_anywhere() {
        let mut known = golden(&["a"]);
        for event in known.events.values_mut() {
            event.timing.iter_mut().for_each(|timing| timing.at_most = Some(Gap::from_millis(300)));
        }
        for mode in TimeMode::ALL {
            let told = found(&known, "a", mode, None, [1.0; 8]);
            assert_eq!(told, [], "{mode:?}");
            let told = found(&known, "a", mode, None, one(8.0, 1.0));
            let expected = ("e4".to_owned(), Kind::OverBudget, Severity::Deviation);
            assert!(told.contains(&expected), "{mode:?}: {told:?}");
        }
        let text = crate::golden::write(&known);
        assert!(text.contains("at_most = \"300 ms\""), "{text}");
        assert_eq!(crate::golden::write(&crate::golden::read("g.toml", &text).expect("a golden")), text);
    }

    proptest! {
        /// However slow a machine is as a whole, elsewhere nothing fails by it.
        #[test]
        fn a_machine_fails_nothing(pace in 0.05f64..15.0, strays in proptest::array::uniform8(0.8f64..1.25)) {
            let factors = strays.map(|stray| pace * stray);
            for hosts in [vec!["a"], vec!["a", "b", "c"]] {
                let told = found(&golden(&hosts), "d", TimeMode::Auto, None, factors);
                prop_assert!(told.iter().all(|(_, kind, _)| *kind == Kind::Stall), "{:?}", told);
            }
        }

        /// A fault that grows is never found less surely.
        #[test]
        fn a_larger_delay_is_told_at_least_as_surely(factor in 1.0f64..60.0, more in 1.0f64..4.0) {
            let severity = |factor| {
                let told = found(&golden(&["a", "b", "c"]), "d", TimeMode::Auto, None, one(factor, 1.0));
                told.iter().map(|(_, _, severity)| *severity).max()
            };
            prop_assert!(severity(factor * more) >= severity(factor));
        }
    }
}
