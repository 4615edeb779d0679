//! What it takes for a kind of gap to be told, or to fail.

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
/// So many runs show what is usual in a check.
const MANY_RUNS: usize = 3;
/// On a class of hosts that is known, a moment is not believed to be faster than this many times.
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

impl Baseline<'_> {
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
}
