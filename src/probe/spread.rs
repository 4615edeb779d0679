//! How soon a connection that is opened together with others is ready.

use super::finding;
use crate::dialect::Label;
use crate::finding::{Finding, Kind};
use crate::golden::{ALPHA_DEVIATION, Envelope, Limits, MIN_RUNS, SAME_HOST, SLACK, default_df};
use crate::transcript::{Gap, Side, Transcript};

/// How a session began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// From the start of the TCP connection to the end of the upgrade.
    pub connect: Gap,
    /// From there to the server's first frame.
    pub first: Option<Gap>,
}

impl Opening {
    /// That of a transcript.
    pub fn of(transcript: &Transcript) -> Opening {
        let first = transcript.frames.iter().find(|frame| frame.side == Side::Server);
        let spoke_before = transcript.frames.first().is_some_and(|frame| frame.side == Side::Client);
        Opening {
            connect: transcript.header.handshake.took,
            // An answer is no greeting.
            first: first.filter(|_| !spoke_before).map(|frame| frame.at.since(Default::default())),
        }
    }
}

/// How differently single connections may take from each other, as a standard deviation of the logarithm, before anything
/// is known of them.
const PRIOR_SPREAD: f64 = 0.5;

/// The latest that a connection may be ready, from those that were recorded: none while there are too few.
pub(super) fn bound(known: &[Gap], classes: u32) -> Option<Gap> {
    let runs = u32::try_from(known.len()).ok()?;
    if runs < MIN_RUNS {
        return None;
    }
    let logs: Vec<f64> = known.iter().map(|gap| gap.as_secs_f64().max(1e-6).ln()).collect();
    let n = f64::from(runs);
    let mean = logs.iter().sum::<f64>() / n;
    let sum: f64 = logs.iter().map(|log| (log - mean).powi(2)).sum();
    let df = default_df(runs);
    let prior = f64::from(df) - (n - 1.0);
    let spread = ((sum + prior * PRIOR_SPREAD * PRIOR_SPREAD) / f64::from(df)).sqrt();
    let slowest = known.iter().max().copied().unwrap_or_default();
    let envelope = Envelope {
        after: Label::from("@open"),
        usual: Gap::from_secs_f64(mean.exp()),
        spread,
        within: None,
        fastest: known.iter().min().copied().unwrap_or_default(),
        slowest,
        earliest: None,
        latest: None,
        samples: runs,
        runs,
        df,
        at_most: None,
    };
    // The sessions of a probe share one moment of one machine.
    let limits = Limits { runs: 1, classes, between: SAME_HOST.spread, occasions: 1, alpha: ALPHA_DEVIATION };
    Some(envelope.upper(limits).max(slowest) + SLACK)
}

/// What the slowest of each round show, where most rounds show it: one hold-up of this machine is no finding.
pub(super) fn judge(what: &str, label: &Label, known: &[Gap], rounds: &[Vec<Gap>]) -> Option<Finding> {
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
    let usual = known.iter().copied().max().unwrap_or_default();
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
            .hint("connections wait for each other: look for a lock, or for blocking work, on the way in"),
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
        let known = millis(&[2, 3, 2, 4, 3, 2, 5, 3]);
        let label = Label::from("connected");
        let blocked = vec![millis(&[500, 1000, 1500, 2000, 2500]); 3];
        let found = judge("connected", &label, &known, &blocked).expect("it waits");
        assert_eq!(found.kind, Kind::TooLate);
        assert!(found.evidence.contains("500 ms, 1 s, 1.5 s, 2 s, 2.5 s"), "{}", found.evidence);
        let once = vec![millis(&[3, 4, 900, 5, 3]), millis(&[3, 4, 5, 5, 3]), millis(&[3, 4, 5, 5, 6])];
        assert_eq!(judge("connected", &label, &known, &once), None);
        assert_eq!(judge("connected", &label, &known[..4], &blocked), None);
    }
}
