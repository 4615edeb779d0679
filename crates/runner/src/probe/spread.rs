//! The time until one of many simultaneous connections is ready.

use super::finding::finding;
use goldwire_core::dialect::Label;
use goldwire_core::finding::{Finding, Kind};
use goldwire_core::golden::{ALPHA_DEVIATION, Envelope, Limits, MIN_RUNS, SAME_HOST, SLACK, default_df};
use goldwire_core::stats::mean;
use goldwire_core::transcript::{Gap, Side, Transcript};
use std::collections::BTreeMap;

/// The start of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The class of its host; empty if it is unknown.
    pub host: String,
    /// From the start of the TCP connection to the end of the upgrade.
    pub connect: Gap,
    /// The time from there to the server's first frame.
    pub first: Option<Gap>,
}

impl Opening {
    /// The start of a transcript.
    pub fn of(transcript: &Transcript) -> Opening {
        let first = transcript.frames.iter().find(|frame| frame.side == Side::Server);
        let spoke_before = transcript.frames.first().is_some_and(|frame| frame.side == Side::Client);
        let host = transcript.header.host.as_ref().map(|host| host.class.clone());
        Opening {
            host: host.unwrap_or_default(),
            connect: transcript.header.handshake.took,
            // An answer is not a greeting.
            first: first.filter(|_| !spoke_before).map(|frame| frame.at.since(Default::default())),
        }
    }
}

/// The prior spread between single connections, as a standard deviation of the logarithm.
const PRIOR_SPREAD: f64 = 0.5;

/// A time that was recorded, and the class of hosts that it was recorded on.
pub(super) type Recorded<'h> = (&'h str, Gap);

/// The latest that a connection may be ready, from those that were recorded: none while there are too few. Hosts differ, and
/// with them what is usual; the slowest of their classes is the measure, and the spread is that within a class.
pub(super) fn bound(known: &[Recorded<'_>], classes: u32) -> Option<Gap> {
    let runs = u32::try_from(known.len()).ok()?;
    if runs < MIN_RUNS {
        return None;
    }
    let mut logs: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (host, gap) in known {
        logs.entry(host).or_default().push(gap.as_secs_f64().max(1e-6).ln());
    }
    let of = |logs: &Vec<f64>| {
        let own = mean(logs.iter().copied());
        (own, logs.iter().map(|log| (log - own).powi(2)).sum::<f64>())
    };
    let hosts: Vec<(f64, f64)> = logs.values().map(of).collect();
    let usual = hosts.iter().map(|(own, _)| *own).max_by(f64::total_cmp)?;
    let sum: f64 = hosts.iter().map(|(_, sum)| sum).sum();
    // Each class of hosts has its own mean.
    let (df, own) = (default_df(runs), f64::from(runs) - hosts.len() as f64);
    let prior = f64::from(df) - own;
    let spread = ((sum + prior * PRIOR_SPREAD * PRIOR_SPREAD) / f64::from(df)).sqrt();
    let (fastest, slowest) =
        (known.iter().map(|(_, gap)| *gap).min()?, known.iter().map(|(_, gap)| *gap).max()?);
    let envelope = Envelope {
        after: Label::from("@open"),
        usual: Gap::from_secs_f64(usual.exp()),
        spread,
        within: None,
        fastest,
        slowest,
        earliest: None,
        latest: None,
        samples: runs,
        runs,
        df,
        at_most: None,
        split: None,
    };
    // The sessions of a probe share one moment of one machine.
    let limits = Limits { runs: 1, classes, between: SAME_HOST.spread, occasions: 1, alpha: ALPHA_DEVIATION };
    Some(envelope.upper(limits).max(slowest) + SLACK)
}

/// The finding from the slowest connection of each round, if most rounds show it: one delay of this machine is no
/// finding.
pub(super) fn judge(
    what: &str,
    label: &Label,
    known: &[Recorded<'_>],
    rounds: &[Vec<Gap>],
) -> Option<Finding> {
    let classes = u32::try_from(rounds.first()?.len()).unwrap_or(u32::MAX).max(1);
    let bound = bound(known, classes)?;
    let mut slowest: Vec<Gap> = rounds.iter().filter_map(|round| round.iter().max().copied()).collect();
    slowest.sort_unstable();
    let typical = *slowest.get((slowest.len().max(1) - 1) / 2)?;
    if typical <= bound {
        return None;
    }
    let round = rounds.iter().find(|round| round.iter().max().is_some_and(|max| *max >= typical))?;
    let mut shown = round.clone();
    shown.sort_unstable();
    let shown: Vec<String> = shown.iter().map(Gap::to_string).collect();
    let usual = known.iter().map(|(_, gap)| *gap).max().unwrap_or_default();
    let message =
        format!("{what} took up to {typical} with {classes} at once, never more than {usual} when recorded");
    Some(
        finding(Kind::TooLate, "probe.race.spread".to_owned(), label.clone(), Vec::new(), message)
            .values(format!("at most {bound}"), typical.to_string())
            .evidence(format!(
                "{} recordings; {} rounds, one of them: {}",
                known.len(),
                rounds.len(),
                shown.join(", ")
            ))
            .hint("connections wait for each other: look for a lock, or for blocking work, where a connection opens"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(all: &[u64]) -> Vec<Gap> {
        all.iter().map(|ms| Gap::from_millis(*ms)).collect()
    }

    #[test]
    fn connections_that_wait_for_each_other_are_told_from_a_hold_up() {
        let known: Vec<Recorded<'_>> =
            millis(&[2, 3, 2, 4, 3, 2, 5, 3]).into_iter().map(|gap| ("a", gap)).collect();
        let label = Label::from("connected");
        let blocked = vec![millis(&[500, 1000, 1500, 2000, 2500]); 3];
        let found = judge("connected", &label, &known, &blocked).expect("it waits");
        assert_eq!(found.kind, Kind::TooLate);
        assert!(found.evidence.contains("500 ms, 1 s, 1.5 s, 2 s, 2.5 s"), "{}", found.evidence);
        let once = vec![millis(&[3, 4, 900, 5, 3]), millis(&[3, 4, 5, 5, 3]), millis(&[3, 4, 5, 5, 6])];
        assert_eq!(judge("connected", &label, &known, &once), None);
        assert_eq!(judge("connected", &label, &known[..4], &blocked), None);
        // One user in 1 ms and five users in 20 ms is not a spread.
        let of = |host, all: &[u64]| millis(all).into_iter().map(move |gap| (host, gap)).collect::<Vec<_>>();
        let mixed = [of("1u", &[1, 1, 1, 1, 1, 1]), of("5u", &[18, 22, 20, 25, 19, 21])].concat();
        assert!(judge("connected", &label, &mixed, &blocked).is_some());
        let as_recorded = vec![millis(&[20, 24, 40, 22, 30]); 3];
        assert_eq!(judge("connected", &label, &mixed, &as_recorded), None);
    }
}
