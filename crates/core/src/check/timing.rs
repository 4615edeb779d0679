//! Judges the time between an event and its cause over all runs together, against the [`Baseline`].

use super::baseline::Baseline;
use super::budget;
use super::gaps::{Ask, Sample, Timed, can_stall, is_judged, says_of_host};
use super::reference::Reference;
use super::tier::Tier;
use crate::dialect::Label;
use crate::finding::{Basis, Finding, Kind, Place, Severity};
use crate::golden::{ALPHA_DEVIATION, Envelope, FEW, Limits, gap_of, log_of};
use crate::stats::{lower_median, quick_hash};
use crate::transcript::Gap;

/// Judges the gaps of `runs` together. The findings carry the index of the run that shows them best.
///
/// A delay that this machine's lag explains is an excused suspect: it is not evidence for or against the server.
pub fn judge(baseline: &Baseline<'_>, runs: &[Timed<'_>]) -> Vec<(usize, Finding)> {
    let mut findings = arrange(find(&baseline.amid(runs), runs, Ask::Verdict));
    findings.extend(budget::judge(baseline.golden, runs));
    findings
}

/// Findings about one kind of gap, or about whole sessions, each with the index of the run that shows it best; what
/// leads of those that are equally sure comes first.
pub(super) type Group = Vec<(usize, Finding)>;

/// The findings in `runs` taken together.
pub(super) fn find(baseline: &Baseline<'_>, runs: &[Timed<'_>], ask: Ask) -> Vec<Group> {
    let reference = baseline.reference(runs);
    let mut findings = Vec::new();
    for (label, envelope) in baseline.kinds().filter(|(_, envelope)| can_stall(envelope)) {
        let key = (label.clone(), envelope.after.clone());
        let shown: Vec<(usize, Timed<'_>, &Sample)> =
            runs.iter().enumerate().filter_map(|(i, run)| Some((i, *run, run.gaps.get(&key)?))).collect();
        if !shown.is_empty() {
            findings.push(Class { baseline, reference: &reference, label, envelope, ask, shown }.judge());
        }
    }
    findings.push(whole_run(baseline, &reference, runs, ask).into_iter().collect());
    findings
}

/// The event name of findings about the whole session.
const WHOLE: &str = "@run";

/// Reported only beyond this many times the usual: less is nothing that anybody would look into.
const MIN_SLOWER: f64 = 1.15;

/// Whether a whole check, over all kinds of gaps, went slower than occasions of this class of hosts do.
fn whole_run(
    baseline: &Baseline<'_>,
    reference: &Reference,
    runs: &[Timed<'_>],
    ask: Ask,
) -> Option<(usize, Finding)> {
    if baseline.basis() != Basis::Host {
        return None;
    }
    let occasions = baseline.occasions();
    let pace = reference.pace()?;
    let limit = |alpha| Some(occasions.slowest_pace(pace.variance, alpha)?.max(MIN_SLOWER));
    let (suspicious, bound) = (limit(ask.late())?, limit(ALPHA_DEVIATION / 2.0)?);
    let slower = pace.log.exp();
    if slower <= suspicious {
        return None;
    }
    // A machine whose own work took as much longer says nothing about the server.
    let relieved = pace.relieved.min(pace.log - reference.work.unwrap_or(0.0)).exp();
    let is_excused = relieved <= suspicious;
    let (severity, most) = match relieved > bound {
        true => (Severity::Deviation, bound),
        false => (Severity::Suspect, suspicious),
    };
    let place = Place {
        event: Label::from(WHOLE),
        lane: None,
        path: None,
        golden_line: baseline.golden.place(["learned"]),
        key: "learned.pace_spread".to_owned(),
        frames: Vec::new(),
    };
    let message = format!("the whole session went {slower:.1} times as slow as usual");
    let count = runs.len();
    let mut finding = Finding::new(Kind::TooLate, severity, place, message)
        .values(format!("at most {most:.2} times"), format!("{slower:.2} times"))
        .evidence(format!(
            "over {} kinds of gaps; {} occasions on this class of hosts, spread {:.2}; judged over {count} run{}{}",
            pace.kinds,
            occasions.count,
            occasions.pace_spread(),
            if count == 1 { "" } else { "s" },
            says_of_host(runs.iter().map(|run| run.host), is_excused)
        ))
        .hint("`goldwire compare` with the release before says whether it is the build");
    finding.is_excused = is_excused;
    Some((count.saturating_sub(1), finding))
}

/// A stall occurs anywhere, so the first certain one represents all of them.
fn one_stall(findings: &mut Vec<(usize, Finding)>) {
    let is_sure = |finding: &Finding| finding.kind == Kind::Stall && finding.severity == Severity::Deviation;
    let Some(first) = findings.iter().position(|(_, finding)| is_sure(finding)) else { return };
    let others: Vec<(usize, Finding)> =
        findings.extract_if(first + 1.., |(_, finding)| is_sure(finding)).collect();
    if let Some((_, stall)) = findings.get_mut(first) {
        stall.consequences.extend(others.into_iter().map(|(_, finding)| finding.message));
    }
}

/// A burst comes first: events that were delayed and came together make the events before them late, so other
/// findings follow from it. Of several bursts, the gaps with the most recordings show it best.
///
/// A slower session as a whole explains its late events, except for a stall.
pub(super) fn arrange(groups: Vec<Group>) -> Vec<(usize, Finding)> {
    let mut findings: Vec<(usize, Finding)> = groups.into_iter().filter_map(leading).collect();
    one_stall(&mut findings);
    let whole = findings.iter().position(|(_, finding)| finding.place.event.as_str() == WHOLE);
    let whole = whole.map(|index| findings.remove(index));
    let burst = findings
        .iter()
        .enumerate()
        .filter(|(_, (_, finding))| finding.kind == Kind::TooEarly && finding.severity == Severity::Deviation)
        .max_by_key(|(index, (_, finding))| (finding.place.frames.len(), std::cmp::Reverse(*index)))
        .map(|(index, _)| index);
    let Some(index) = burst else {
        let Some((run, mut whole)) = whole else { return findings };
        // One late kind of gap is not a slow session.
        let late = findings.iter().filter(|(_, finding)| finding.kind == Kind::TooLate).count();
        if late == 1 || findings.iter().any(|(_, finding)| finding.kind == Kind::Stall) {
            return findings;
        }
        let (late, mut others): (Vec<_>, Vec<_>) =
            findings.into_iter().partition(|(_, finding)| finding.kind == Kind::TooLate);
        for (_, finding) in late {
            if finding.severity == Severity::Deviation {
                whole.severity = Severity::Deviation;
            }
            whole.is_excused &= finding.is_excused;
            whole.consequences.push(finding.message);
        }
        others.insert(0, (run, whole));
        return others;
    };
    let (run, mut burst) = findings.remove(index);
    burst.consequences.extend(findings.into_iter().map(|(_, finding)| finding.message));
    // The frames after the first only show its weight.
    burst.place.frames.truncate(1);
    vec![(run, burst)]
}

/// The finding that represents a group: one without an excuse comes first. A stall does not hide that all others are
/// late.
fn leading(mut group: Group) -> Option<(usize, Finding)> {
    let sure = group.iter().position(|(_, finding)| !finding.is_excused).unwrap_or(0);
    if group.is_empty() {
        return None;
    }
    let (run, mut first) = group.remove(sure);
    let also = group.into_iter().filter(|(_, other)| other.severity == Severity::Deviation);
    first.consequences.extend(also.map(|(_, other)| other.message));
    Some((run, first))
}

struct Class<'c> {
    baseline: &'c Baseline<'c>,
    reference: &'c Reference,
    label: &'c Label,
    envelope: &'c Envelope,
    ask: Ask,
    /// The runs that have such gaps.
    shown: Vec<(usize, Timed<'c>, &'c Sample)>,
}

impl Class<'_> {
    fn runs(&self) -> u32 {
        u32::try_from(self.shown.len()).unwrap_or(u32::MAX)
    }

    fn limits(&self, tier: &Tier) -> Limits {
        self.baseline.limits(tier, self.runs())
    }

    fn judge(&self) -> Group {
        let (stall, other) = if is_judged(self.envelope) && self.baseline.basis() != Basis::Off {
            (self.stall(), self.late().or_else(|| self.one_late()).or_else(|| self.early()))
        } else {
            (self.stall(), None)
        };
        stall.into_iter().chain(other).collect()
    }

    /// The tier at which an event is reported, and the one at which it fails; none if it cannot be judged.
    fn tiers(&self, late: bool) -> Option<(Tier, Option<Tier>)> {
        self.baseline.tiers(self.reference, self.label, self.ask, late)
    }

    fn stall(&self) -> Option<(usize, Finding)> {
        // All gaps, and those of each value of the distinguishing field.
        let stall = |envelope: &Envelope| self.baseline.stall(self.reference, self.label, envelope);
        let mut bounds: Vec<(Option<&str>, Gap)> = vec![(None, stall(self.envelope))];
        for (value, slowest) in self.envelope.split.iter().flat_map(|split| &split.slowest) {
            bounds.push((Some(value), stall(&self.envelope.of_kind(*slowest))));
        }
        let longest = bounds.iter().flat_map(|(value, bound)| {
            self.shown.iter().filter_map(move |(run, timed, sample)| {
                let (gap, frame) = match value {
                    Some(value) => *sample.by_kind.get(&quick_hash(*value))?,
                    None => sample.longest,
                };
                // A delay that this machine's lag does not explain comes first.
                let is_sure = gap - timed.own_delay(1) > *bound;
                (gap > *bound).then_some((is_sure, gap, *run, frame, *value, *bound))
            })
        });
        let (is_sure, gap, run, frame, value, bound) = longest.max()?;
        let of_kind = value.zip(self.envelope.split.as_ref()).and_then(|(value, split)| {
            Some(format!(", and at most {} where {} is {value:?}", split.slowest.get(value)?, split.path))
        });
        let message = format!(
            "{} came {gap} after {}, usually {}{}: a stall",
            self.label,
            self.envelope.after,
            self.envelope.usual,
            of_kind.unwrap_or_default()
        );
        let severity = if is_sure { Severity::Deviation } else { Severity::Suspect };
        Some((run, self.finding(Kind::Stall, severity, message, frame, (gap, bound), !is_sure)))
    }

    /// The number of gaps in all runs.
    fn gaps(&self) -> usize {
        self.shown.iter().map(|(_, _, sample)| sample.count).sum()
    }

    fn late(&self) -> Option<(usize, Finding)> {
        let (gaps, runs) = (self.gaps(), self.shown.len());
        let middles: Vec<(f64, usize, usize, f64)> = self
            .shown
            .iter()
            .filter_map(|(run, timed, sample)| {
                let (log, frame, relieved) = timed.middle(sample)?;
                // The worst delay of every round does not hit the same gap.
                let usual = || log_of(gap_of(log) - timed.usual_delay());
                let relieved = if self.baseline.is_of_rounds() { usual() } else { relieved };
                Some((log, *run, frame, relieved))
            })
            .collect();
        let typical = gap_of(lower_median(middles.iter().map(|(log, ..)| (*log, ())))?.0);
        let relieved = gap_of(lower_median(middles.iter().map(|(.., relieved)| (*relieved, ())))?.0);
        let is_few = gaps < FEW as usize;
        let (told, fails) = self.tiers(true)?;
        let upper = |tier: &Tier| tier.upper(self.envelope, self.limits(tier), is_few);
        // In a single run, the bound in the golden counts.
        let readable = self
            .envelope
            .latest
            .filter(|_| self.baseline.basis() == Basis::Bounds && (runs < 3 || !self.envelope.is_tested()));
        let failing = match (readable, &fails) {
            (Some(latest), Some(tier)) if is_few => self.envelope.latest_of_few(latest, self.limits(tier)),
            (Some(latest), _) => latest,
            (None, tier) => tier.as_ref().map_or(Gap::from_nanos(u64::MAX), upper),
        };
        let suspicious = upper(&told).min(failing);
        if typical <= suspicious {
            return None;
        }
        let (_, run, frame, _) = middles.into_iter().max_by(|a, b| a.0.total_cmp(&b.0))?;
        // One gap in one run proves nothing: it is confirmed before it fails anything.
        let is_sure = relieved > failing && (runs >= 3 || gaps >= 3);
        let severity = if is_sure { Severity::Deviation } else { Severity::Suspect };
        let message = self.says_late(typical, &told);
        let is_excused = relieved <= suspicious;
        let bound = if typical > failing { failing } else { suspicious };
        Some((run, self.finding(Kind::TooLate, severity, message, frame, (typical, bound), is_excused)))
    }

    /// The sentence about a late event, compared with the usual time, and on other classes with the other kinds.
    fn says_late(&self, typical: Gap, tier: &Tier) -> String {
        let (label, after, usual) = (self.label, &self.envelope.after, self.envelope.usual);
        let times = ratio(typical, usual);
        if self.baseline.basis() != Basis::Shape {
            return format!(
                "{label} came {typical} after {after}, usually {usual}: {times:.1} times as late"
            );
        }
        format!(
            "{label} came {typical} after {after}: {times:.1} times as late as in the golden, where the other \
             kinds of gaps explain {:.1} times",
            tier.slowed.exp()
        )
    }

    /// One of the few gaps of a run, such as the first answer of several, hides behind the others in their median.
    fn one_late(&self) -> Option<(usize, Finding)> {
        if self.baseline.basis() == Basis::Shape {
            return None;
        }
        let most = self.shown.iter().map(|(_, _, sample)| sample.count).max()?;
        let bound = |tier: &Tier| {
            let gaps = u32::try_from(most).unwrap_or(u32::MAX);
            let slowed = self.envelope.slowed(tier.slowed);
            slowed.upper_of_one(gaps, self.limits(tier)).filter(|_| most > 1)
        };
        let (told, fails) = self.tiers(true)?;
        let (suspicious, failing) = (bound(&told)?, bound(fails.as_ref()?)?);
        let of = |relieve: bool| {
            let slowest = self.shown.iter().map(|(run, timed, sample)| {
                let (gap, frame) = sample.longest;
                let own = if self.baseline.is_of_rounds() { timed.usual_delay() } else { timed.own_delay(1) };
                let delay = if relieve { own } else { Gap::ZERO };
                (log_of(gap - delay), (*run, frame, sample.count))
            });
            lower_median(slowest).map(|(log, own)| (gap_of(log), own))
        };
        let (typical, (run, frame, count)) = of(false)?;
        let (relieved, _) = of(true)?;
        if typical <= suspicious {
            return None;
        }
        let is_sure = relieved > failing && self.shown.len() >= 3;
        let severity = if is_sure { Severity::Deviation } else { Severity::Suspect };
        let message = format!(
            "one of {count} {} came {typical} after {}, usually {}: {:.1} times as late",
            self.label,
            self.envelope.after,
            self.envelope.usual,
            ratio(typical, self.envelope.usual)
        );
        let is_excused = relieved <= suspicious;
        let bound = if typical > failing { failing } else { suspicious };
        Some((run, self.finding(Kind::TooLate, severity, message, frame, (typical, bound), is_excused)))
    }

    /// A delay of this machine can also make gaps shorter, so another round decides.
    fn early(&self) -> Option<(usize, Finding)> {
        let (gaps, runs) = (self.gaps(), self.shown.len());
        let middles: Vec<(f64, usize, usize)> = self
            .shown
            .iter()
            .filter_map(|(run, timed, sample)| {
                let (log, frame, _) = timed.middle(sample)?;
                Some((log, *run, frame))
            })
            .collect();
        let typical = gap_of(lower_median(middles.iter().map(|(log, ..)| (*log, ())))?.0);
        let (_, run, frame) = middles.into_iter().min_by(|a, b| a.0.total_cmp(&b.0))?;
        let (told, fails) = self.tiers(false)?;
        let is_readable = self.baseline.basis() == Basis::Bounds && runs < 3;
        let failing = self.envelope.earliest.filter(|_| is_readable);
        let failing = failing.unwrap_or_else(|| told.lower(self.envelope, self.limits(&told)));
        // A single gap that is no shorter than a recorded one is nothing new: two messages in one packet. The same
        // applies to a few: gaps that repeat in most sessions need not repeat in this one.
        let repeats = self.envelope.repeats() && gaps >= 3 * runs;
        if typical >= failing || !(repeats || typical < self.envelope.fastest) {
            return None;
        }
        let severity = if repeats && fails.is_some() { Severity::Deviation } else { Severity::Suspect };
        let message = format!(
            "{} came {typical} after {}, usually {}: gaps collapsed below {failing}",
            self.label, self.envelope.after, self.envelope.usual
        );
        let mut finding = self.finding(Kind::TooEarly, severity, message, frame, (typical, failing), false);
        let own = self.shown.iter().filter(|(own, ..)| *own == run).flat_map(|(.., sample)| &sample.kept);
        finding.place.frames.extend(own.map(|(_, frame)| *frame));
        Some((run, finding))
    }

    fn finding(
        &self,
        kind: Kind,
        severity: Severity,
        message: String,
        frame: usize,
        (actual, bound): (Gap, Gap),
        is_excused: bool,
    ) -> Finding {
        let key = format!("event.{}.timing", self.label);
        let place = Place {
            event: self.label.clone(),
            lane: None,
            path: None,
            golden_line: self.baseline.golden.place([key.as_str()]),
            key,
            frames: vec![frame],
        };
        let runs = self.shown.len();
        let relation = if kind == Kind::TooEarly { "earliest" } else { "latest" };
        let mut finding = Finding::new(kind, severity, place, message)
            .values(format!("{relation} {bound} after {}", self.envelope.after), actual.to_string())
            .evidence(format!(
                "{} gaps in {} recordings{}, spread {:.2}; judged over {runs} run{}{}",
                self.envelope.samples,
                self.envelope.runs,
                match self.baseline.basis() {
                    Basis::Shape => " on other hosts",
                    Basis::Host if self.baseline.is_profile() => " on this class of hosts",
                    Basis::Host | Basis::Bounds | Basis::Off => "",
                },
                self.envelope.spread,
                if runs == 1 { "" } else { "s" },
                says_of_host(self.shown.iter().map(|(_, timed, _)| timed.host), is_excused)
            ));
        finding.is_excused = is_excused;
        finding
    }
}

fn ratio(a: Gap, b: Gap) -> f64 {
    a.as_secs_f64() / b.as_secs_f64().max(1e-9)
}

#[cfg(test)]
mod tests {
    use super::super::gaps::Gaps;
    use super::*;
    use crate::golden::Golden;
    use crate::transcript::Host;
    use proptest::prelude::*;

    fn golden() -> Golden {
        let text = r#"
goldwire = 1
order = "connected ; >ask ; started ; token+ ; ( >question ; answer )*"

[learned]
recordings = 20
users = 5
days = 1
reason = "test"

[event.ask]
send = { type = "ask" }

[event.started]
seen = 20
runs = 20
timing = { after = ">ask", usual = "20 ms", latest = "90 ms", fastest = "15 ms", slowest = "40 ms", spread = 0.25, samples = 20, runs = 20 }

[event.token]
seen = 300
runs = 20
timing = { after = "token", usual = "10 ms", earliest = "1 ms", latest = "40 ms", fastest = "2 ms", slowest = "30 ms", spread = 0.20, samples = 280, runs = 20 }

[event.question]
send = { type = "question" }

[event.answer]
seen = 60
runs = 20
timing = { after = ">question", usual = "100 ms", latest = "300 ms", fastest = "50 ms", slowest = "200 ms", spread = 0.20, within = 0.20, samples = 60, runs = 20 }
"#;
        crate::golden::read("golden.toml", text).expect("a golden")
    }

    fn gaps(event: &str, after: &str, millis: &[u64]) -> Gaps {
        let sample = millis.iter().enumerate().map(|(frame, gap)| (Gap::from_millis(*gap), frame)).collect();
        Gaps::from([((Label::from(event), Label::from(after)), sample)])
    }

    /// Usual and worst lag in milliseconds.
    fn host((usual, worst): (u64, u64)) -> Host {
        Host {
            probes: 100,
            lag_p50: Gap::from_millis(usual),
            lag_max: Gap::from_millis(worst),
            starved: None,
            work: None,
            others: None,
            work_cpu: None,
        }
    }

    /// Gaps in milliseconds, and how late the machine was that measured them.
    type Shown<'r> = (&'r [u64], Option<(u64, u64)>);

    /// Kind, severity and whether it is excused, of what is found in some runs.
    fn found(event: &str, after: &str, runs: &[Shown<'_>]) -> Vec<(Kind, Severity, bool)> {
        let all: Vec<Gaps> = runs.iter().map(|(millis, _)| gaps(event, after, millis)).collect();
        let timed: Vec<Timed<'_>> =
            all.iter().zip(runs).map(|(gaps, (_, lag))| Timed { gaps, host: lag.map(host) }).collect();
        let found = judge(&Baseline::bounds(&golden()), &timed);
        found.into_iter().map(|(_, finding)| (finding.kind, finding.severity, finding.is_excused)).collect()
    }

    #[test]
    fn a_gap_is_excused_by_as_much_as_this_machine_was_late() {
        use Severity::{Deviation, Suspect};
        let started = |runs: &[Shown<'_>]| found("started", ">ask", runs);
        // A single event is a suspect from about 25 ms and a delay of 250 ms, or from 60 to 90 ms.
        assert_eq!(started(&[(&[400], None)]), [(Kind::TooLate, Suspect, false)]);
        assert_eq!(started(&[(&[400], Some((1, 30)))]), [(Kind::TooLate, Suspect, false)]);
        assert_eq!(started(&[(&[400], Some((1, 150)))]), [(Kind::TooLate, Suspect, true)]);
        assert_eq!(started(&[(&[260], Some((1, 5000)))]), [], "what was in time in spite of it is in time");
        // The middle one of three users counts; one with a busy machine excuses nothing.
        let (busy, idle): (Shown<'_>, Shown<'_>) = ((&[600], Some((1, 480))), (&[600], Some((1, 2))));
        assert_eq!(started(&[idle, idle, idle]), [(Kind::TooLate, Deviation, false)]);
        assert_eq!(started(&[idle, busy, idle]), [(Kind::TooLate, Deviation, false)]);
        assert_eq!(started(&[busy, busy, idle]), [(Kind::TooLate, Suspect, true)]);
    }

    #[test]
    fn one_hold_up_does_not_excuse_many_gaps() {
        use Severity::{Deviation, Suspect};
        let token = |millis: u64, lag| found("token", "token", &[(&[millis; 20], lag)]);
        assert_eq!(token(60, None), [(Kind::TooLate, Deviation, false)]);
        // Eleven of twenty gaps would have to be late: 98 ms make 9 ms each, which is not enough.
        assert_eq!(token(60, Some((1, 100))), [(Kind::TooLate, Deviation, false)]);
        assert_eq!(token(60, Some((1, 600))), [(Kind::TooLate, Suspect, true)]);
        // A machine that is always late makes every gap late.
        assert_eq!(token(60, Some((45, 50))), [(Kind::TooLate, Suspect, true)]);
    }

    #[test]
    fn one_late_gap_of_a_few_does_not_hide_behind_the_others() {
        use Severity::{Deviation, Suspect};
        let answer = |runs: &[Shown<'_>]| found("answer", ">question", runs);
        assert_eq!(answer(&[(&[100, 110, 90], None)]), []);
        // The slowest recorded gap took 200 ms; the bound of one of three is a little above 400 ms.
        assert_eq!(answer(&[(&[100, 390, 90], None)]), []);
        assert_eq!(answer(&[(&[100, 900, 90], None)]), [(Kind::TooLate, Suspect, false)]);
        assert_eq!(answer(&[(&[100, 900, 90], Some((1, 700)))]), [(Kind::TooLate, Suspect, true)]);
        let late: Shown<'_> = (&[100, 900, 90], None);
        assert_eq!(answer(&[late, late, late]), [(Kind::TooLate, Deviation, false)]);
        assert_eq!(answer(&[late, late, (&[100, 90], None), (&[100, 90], None)]), []);
        // Delays that the median shows are reported as such.
        assert_eq!(answer(&[(&[900, 900, 900, 900], None)]), [(Kind::TooLate, Deviation, false)]);
    }

    #[test]
    fn a_stall_is_this_machines_or_the_servers() {
        use Severity::{Deviation, Suspect};
        let token = |millis: &[u64], lag| found("token", "token", &[(millis, lag)]);
        assert_eq!(token(&[10, 10, 5000, 10], Some((1, 480))), [(Kind::Stall, Deviation, false)]);
        assert_eq!(token(&[10, 10, 5000, 10], Some((1, 4000))), [(Kind::Stall, Suspect, true)]);
        // An excused stall hides no delay without an excuse.
        assert_eq!(token(&[900, 900, 900, 5000], Some((1, 4000))), [(Kind::Stall, Suspect, true)]);
        let mut slow = vec![900; 30];
        slow.push(5000);
        assert_eq!(token(&slow, Some((1, 4000))), [(Kind::TooLate, Deviation, false)]);
    }

    proptest! {
        /// A busy machine weakens findings, but a late event is reported in any case.
        #[test]
        fn a_lag_makes_nothing_worse_and_hides_nothing(
            millis in proptest::collection::vec(1u64..6000, 1..8),
            runs in 1usize..5,
            lag in (0u64..200, 0u64..6000),
        ) {
            let without = vec![(&millis[..], None); runs];
            let with = vec![(&millis[..], Some(lag)); runs];
            for (event, after) in [("started", ">ask"), ("token", "token")] {
                let (before, after) = (found(event, after, &without), found(event, after, &with));
                prop_assert_eq!(before.len(), after.len());
                for ((_, was, _), (_, is, excused)) in before.into_iter().zip(after) {
                    prop_assert!(is <= was);
                    prop_assert!(!excused || is == Severity::Suspect);
                }
            }
        }
    }
}
