//! The limits at which a kind of gap is reported, or fails.

use super::baseline::Baseline;
use super::gaps::Ask;
use super::reference::{Reference, UPPER_DECILE, UPPER_QUARTILE};
use crate::dialect::Label;
use crate::finding::Basis;
use crate::golden::{
    ALPHA_DEVIATION, ALPHA_DOUBT, Envelope, Limits, OTHER_HOST, SAME_HOST, SpreadPrior, StallMargin, gap_of,
};
use crate::transcript::Gap;

/// A kind of gap may be this many times as slow as the others say, and a gap that is no more than that is no stall.
const MOST_OWN: f64 = 6.0;
/// The number of runs that show the usual time in a check.
const MANY_RUNS: usize = 3;
/// The largest factor by which a moment on a known class of hosts may be faster.
const MOST_HASTE: f64 = 1.5;
/// The chances of a failing kind of gap, a suspect one and one to look at again, on a known class, over all kinds of a
/// check. Every round has to show it as well, which makes false alarms much rarer than that: `prove --machines` counts
/// them.
const ON_HOST: Chances = Chances { fails: 0.001, told: 0.03, doubt: 0.2 };
/// The chance of a suspect kind of gap elsewhere, over all kinds of a check. It fails nothing.
const TOLD_ELSEWHERE: f64 = 0.01;
/// Elsewhere, so many seconds more than the others explain are worth a word.
const LEAST_ELSEWHERE: f64 = 0.025;
/// A round of a check may be doubtful this much sooner than all of them together.
const DOUBT: f64 = 0.7;

/// The probabilities of findings by chance, over all kinds of gaps of a check.
struct Chances {
    fails: f64,
    told: f64,
    doubt: f64,
}

/// The limits at which a kind of gap is reported, or fails.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tier {
    /// The logarithm of the factor by which the others were slower; for early events below zero.
    pub(super) slowed: f64,
    /// The chance of a false alarm over all kinds of gaps.
    alpha: f64,
    /// At least so many times what the others explain.
    factor: f64,
    /// And at least so much longer.
    floor: Gap,
    /// The spread that an occasion adds to a kind, as a standard deviation of the logarithm.
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

impl Baseline<'_> {
    /// The limits of a tier for the median of several runs.
    pub(super) fn limits(&self, tier: &Tier, runs: u32) -> Limits {
        Limits {
            runs,
            classes: self.classes,
            between: tier.between,
            occasions: self.occasions.count,
            alpha: tier.alpha,
        }
    }

    /// The tier at which an event is reported as late (or as early), and the one at which it fails; none if it cannot
    /// be judged.
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
        // Below the bound of a verdict, nothing is suspected as early, because events come together in every network.
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
                // On a known class, the machine's work shows no more slow-down than its slowest kinds of gaps.
                if late && let Some(most) = reference.shown(label, UPPER_DECILE) {
                    slowed = slowed.min(most);
                }
                // Events that are delayed and come together make most kinds fast. On a known class, that is not a
                // fast machine.
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
                // A machine that is faster than all recorded ones is no fault, and a machine of unknown speed may be
                // slow in the one kind that computes.
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
        // From several runs on, the pace of this kind itself is known: what is slow for most users is not a single
        // gap. If this kind is faster than the others, a single gap may still be as slow as theirs, so the middle
        // counts.
        let by = if reference.runs < MANY_RUNS {
            slowed
        } else {
            let own = reference.own_log(label).min(slowed + MOST_OWN.ln());
            own.max(f64::midpoint(own, slowed))
        };
        let mut margin = StallMargin::BESIDE_PACE.slowed(by.exp());
        // The slowest gap was most likely that of the slowest occasion, whose pace is not that of this check.
        margin.of_slowest /= self.occasions.slowest_of_all();
        envelope.stall(margin)
    }
}
