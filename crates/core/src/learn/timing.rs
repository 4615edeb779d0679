//! How long after its cause every event came, from run to run.

use crate::dialect::Label;
use crate::golden::{
    self, ALPHA_DEVIATION, Envelope, KindMeans, Learned, Limits, MIN_RUNS, MIN_USUAL, OCCASION, Occasions,
    SINGLE, gap_of, log_of,
};
use crate::stats::{Prior, Sums, mean, median};
use crate::transcript::{Gap, Header, Host};
use std::collections::BTreeMap;

/// What is common for the spread of a gap that comes once in a run, and of one that repeats, where too few gaps are known
/// to tell: latencies of language models and databases have a standard deviation of the logarithm of about these.
const PRIOR_SINGLE: f64 = 0.45;
const PRIOR_REPEATED: f64 = 0.20;
/// What comes at any time is timed from itself if its gaps are this steady: their logarithm's standard deviation within
/// runs. Of what comes by chance, as the deeds of other users do, it is 1.28.
const STEADY: f64 = 0.6;
/// And only with at least so many degrees of freedom.
const MIN_STEADY: u32 = 20;
/// The spread within runs needs so many degrees of freedom: one less in each run than it has gaps.
const MIN_WITHIN: u32 = 8;

/// The gaps of a kind on the recordings of one bucket of time.
#[derive(Debug, Clone, Copy, Default)]
struct Class {
    /// Of each run the median of the logarithms.
    medians: Sums,
    /// Of each run the sum of the squares of the differences between the logarithms and their mean.
    scatters: Sums,
    samples: u32,
    fastest: Gap,
    slowest: Gap,
}

impl Class {
    fn merge(&mut self, other: Class) {
        self.fastest = if self.samples == 0 { other.fastest } else { self.fastest.min(other.fastest) };
        self.slowest = self.slowest.max(other.slowest);
        self.samples += other.samples;
        self.medians.merge(other.medians);
        self.scatters.merge(other.scatters);
    }
}

/// The gaps of a kind over all occasions.
struct Kind {
    all: Class,
    /// By occasion.
    medians: BTreeMap<usize, Sums>,
}

impl Kind {
    fn runs(&self) -> u32 {
        self.all.medians.n()
    }

    /// Whether the gap repeats within a run.
    fn repeats(&self) -> bool {
        f64::from(self.all.samples) / f64::from(self.runs().max(1)) >= 3.0
    }

    fn means(&self) -> KindMeans {
        KindMeans {
            means: self.medians.iter().map(|(occasion, sums)| (*occasion, sums.mean())).collect(),
            runs: self.runs(),
            variance: self.variance().0,
        }
    }

    fn usual(&self) -> Gap {
        gap_of(mean(self.medians.values().map(|sums| sums.mean())))
    }

    fn is_tested(&self) -> bool {
        self.runs() >= MIN_RUNS && self.usual() >= MIN_USUAL
    }

    /// The variance from run to run within an occasion, over all occasions, and its degrees of freedom.
    fn variance(&self) -> (f64, u32) {
        let df = self.medians.values().map(|sums| sums.n().saturating_sub(1)).sum::<u32>();
        let scatter: f64 = self.medians.values().map(|sums| sums.scatter()).sum();
        (scatter / f64::from(df.max(1)), df)
    }

    fn envelope(&self, after: Label, prior: Prior) -> Envelope {
        let (variance, df) = prior.draw(self.variance());
        Envelope {
            after,
            usual: self.usual(),
            spread: variance.sqrt(),
            within: self.within(),
            fastest: self.all.fastest,
            slowest: self.all.slowest,
            earliest: None,
            latest: None,
            samples: self.all.samples,
            runs: self.runs(),
            df,
            at_most: None,
            split: None,
        }
    }

    /// The spread of single gaps within a run, where a run has a few and enough is known of them.
    fn within(&self) -> Option<f64> {
        let is_few = f64::from(self.all.samples) <= SINGLE * f64::from(self.runs());
        let (spread, df) = self.scatter();
        (is_few && self.is_tested() && df >= MIN_WITHIN).then_some(spread)
    }

    /// The spread of single gaps within a run, and its degrees of freedom.
    fn scatter(&self) -> (f64, u32) {
        let runs = self.runs();
        let df = self.all.samples.saturating_sub(runs);
        ((self.all.scatters.mean() * f64::from(runs) / f64::from(df.max(1))).sqrt(), df)
    }

    fn is_steady(&self) -> bool {
        let (spread, df) = self.scatter();
        df >= MIN_STEADY && spread <= STEADY
    }
}

/// The gaps of one session, by event and cause.
pub(super) type Gaps = BTreeMap<(Label, Label), Vec<Gap>>;

/// The sum of the squares of the differences between the logarithms of some gaps and their mean.
fn scatter(gaps: &[Gap]) -> f64 {
    let n = f64::from(u32::try_from(gaps.len().max(1)).unwrap_or(u32::MAX));
    let mean = gaps.iter().map(|gap| log_of(*gap)).sum::<f64>() / n;
    gaps.iter().map(|gap| (log_of(*gap) - mean).powi(2)).sum()
}

/// A time of [`BUCKET`] on machines of one class; the class is empty where a recording does not say it.
type Bucket = (String, i64);

/// Recordings are put together by the time at which they started, in seconds, before it is known which of them make an
/// occasion: a sum of parts must not depend on how it was parted.
const BUCKET: i64 = 5 * 60;

/// The gaps of recordings, by event and cause.
#[derive(Debug, Clone, Default)]
pub(super) struct Times {
    classes: BTreeMap<(Label, Label), BTreeMap<Bucket, Class>>,
    /// How long a fixed piece of work took, by bucket: logarithms.
    work: BTreeMap<Bucket, Sums>,
    /// What other programs took of the processors, by bucket: per cent.
    others: BTreeMap<Bucket, Sums>,
}

/// What the machine was on which a recording was made.
pub(super) fn bucket(header: &Header) -> Bucket {
    let class = header.host.as_ref().map(|host| host.class.clone()).unwrap_or_default();
    let started = chrono::DateTime::parse_from_rfc3339(&header.started).map_or(0, |time| time.timestamp());
    (class, started.div_euclid(BUCKET))
}

impl Times {
    /// Adds the gaps of a session.
    pub(super) fn add(&mut self, bucket: &Bucket, host: Option<Host>, gaps: &Gaps) {
        let work = self.work.entry(bucket.clone()).or_default();
        if let Some(time) = host.and_then(|host| host.work) {
            work.merge(Sums::one(log_of(time)));
        }
        if let Some(percent) = host.and_then(|host| host.others) {
            self.others.entry(bucket.clone()).or_default().merge(Sums::one(f64::from(percent)));
        }
        for (class, gaps) in gaps {
            let (Some(first), Some(last), Some(log)) =
                (gaps.iter().min(), gaps.iter().max(), median(gaps.iter().map(|gap| log_of(*gap))))
            else {
                continue;
            };
            let samples = u32::try_from(gaps.len()).unwrap_or(u32::MAX);
            let own = Class {
                medians: Sums::one(log),
                scatters: Sums::one(scatter(gaps)),
                samples,
                fastest: *first,
                slowest: *last,
            };
            self.classes.entry(class.clone()).or_default().entry(bucket.clone()).or_default().merge(own);
        }
    }

    /// Adds the gaps of other recordings.
    pub(super) fn merge(&mut self, other: Times) {
        for (bucket, work) in other.work {
            self.work.entry(bucket).or_default().merge(work);
        }
        for (bucket, others) in other.others {
            self.others.entry(bucket).or_default().merge(others);
        }
        for (class, buckets) in other.classes {
            let own = self.classes.entry(class).or_default();
            for (bucket, gaps) in buckets {
                own.entry(bucket).or_default().merge(gaps);
            }
        }
    }

    /// Which occasion each bucket belongs to: buckets of one class, each near the one before it.
    fn occasions(&self) -> BTreeMap<&Bucket, usize> {
        let near = i64::try_from(OCCASION.as_secs()).unwrap_or(i64::MAX) / BUCKET;
        let mut occasions = BTreeMap::new();
        let (mut number, mut last): (usize, Option<&Bucket>) = (0, None);
        for bucket in self.work.keys() {
            let goes_on = last.is_some_and(|(class, time)| *class == bucket.0 && bucket.1 - time <= near);
            number += usize::from(last.is_some() && !goes_on);
            occasions.insert(bucket, number);
            last = Some(bucket);
        }
        occasions
    }

    /// The classes of host on which recordings were made, as far as they say it.
    fn hosts(&self) -> Vec<String> {
        let mut hosts: Vec<String> =
            self.work.keys().map(|(class, _)| class.clone()).filter(|class| !class.is_empty()).collect();
        hosts.dedup();
        hosts
    }

    fn work(&self) -> Option<Gap> {
        let known = self.work.values().filter(|sums| sums.n() > 0).map(|sums| sums.mean());
        median(known).map(gap_of)
    }

    fn others(&self) -> Option<u8> {
        let percent = median(self.others.values().map(|sums| sums.mean()))?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "per cent")]
        let percent = percent.round().clamp(0.0, 100.0) as u8;
        Some(percent)
    }

    /// Writes the envelopes into events, and what is known of the machines into `learned`.
    pub(super) fn write(
        self,
        learned: &mut Learned,
        events: &mut BTreeMap<Label, golden::Event>,
        floats: impl Fn(&Label) -> bool,
    ) {
        let occasions = self.occasions();
        let kinds: BTreeMap<&(Label, Label), Kind> = self
            .classes
            .iter()
            .map(|(kind, buckets)| {
                let (mut all, mut medians) = (Class::default(), BTreeMap::<usize, Sums>::new());
                for (bucket, class) in buckets {
                    all.merge(*class);
                    let occasion = occasions.get(bucket).copied().unwrap_or_default();
                    medians.entry(occasion).or_default().merge(class.medians);
                }
                (kind, Kind { all, medians })
            })
            // A gap that fewer than half of the runs have is a different gap each time.
            .filter(|(_, kind)| kind.runs() * 2 >= learned.recordings)
            // What is timed from its request is not timed from itself.
            .filter(|((label, after), kind)| !floats(label) || after != label || kind.is_steady())
            .collect();
        let prior = |repeats: bool, usual: f64| {
            let alike = kinds.values().filter(|kind| kind.repeats() == repeats && kind.usual() >= MIN_USUAL);
            let variances = alike.map(Kind::variance).map(|(variance, df)| (variance, f64::from(df)));
            Prior::of(&variances.collect::<Vec<_>>(), usual)
        };
        let (single, repeated) = (prior(false, PRIOR_SINGLE), prior(true, PRIOR_REPEATED));
        let mut envelopes: Vec<(&Label, Envelope)> = kinds
            .iter()
            .map(|((label, after), kind)| {
                let prior = if kind.repeats() { repeated } else { single };
                (label, kind.envelope(after.clone(), prior))
            })
            .collect();
        let count = occasions.values().max().map_or(1, |last| last + 1);
        learned.hosts = self.hosts();
        learned.work = self.work();
        learned.others = self.others();
        let tested: Vec<KindMeans> =
            kinds.values().filter(|kind| kind.is_tested()).map(Kind::means).collect();
        learned.occasions = Occasions::of(&tested, u32::try_from(count).unwrap_or(u32::MAX));
        let limits = Limits {
            runs: 1,
            classes: learned.occasions.classes,
            between: learned.occasions.spread(),
            occasions: learned.occasions.count,
            alpha: ALPHA_DEVIATION,
        };
        for (_, envelope) in envelopes.iter_mut().filter(|(_, envelope)| envelope.is_tested()) {
            envelope.latest = Some(envelope.upper(limits));
            let floor = envelope.lower(limits);
            envelope.earliest = Some(floor).filter(|floor| envelope.repeats() && *floor > Gap::ZERO);
        }
        for (label, envelope) in envelopes {
            if let Some(event) = events.get_mut(label) {
                event.timing.push(envelope);
            }
        }
    }
}
