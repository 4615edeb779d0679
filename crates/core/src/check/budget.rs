//! The user's own limits: `at_most` of an event, time to first token, and time between tokens. They apply unchanged
//! on every machine.

use super::gaps::{Gaps, Sample, Timed, says_of_host};
use crate::dialect::{Event, Label};
use crate::finding::{BudgetReport, Finding, Kind, Place, Severity};
use crate::golden::Golden;
use crate::transcript::{Gap, Offset};

/// The cause under which times to the first token are kept, and the one of times between tokens.
const TTFT: &str = "@ttft";
const INTER_TOKEN: &str = "@inter_token";
/// The share of times between tokens that may be longer.
const TAIL: f64 = 0.05;

/// Follows what is streamed.
#[derive(Debug)]
pub(super) struct Stream {
    token: Label,
    asked: Option<Offset>,
    /// The time of the latest token, while no other server event has come.
    last: Option<Offset>,
    first: Sample,
    between: Sample,
}

impl Stream {
    pub(super) fn new(golden: &Golden) -> Option<Stream> {
        let token = golden.budget.as_ref()?.event.clone();
        Some(Stream { token, asked: None, last: None, first: Sample::default(), between: Sample::default() })
    }

    pub(super) fn feed(&mut self, event: &Event) {
        if event.label.is_client() {
            (self.asked, self.last) = (Some(event.at), None);
            return;
        }
        if event.label != self.token {
            self.last = None;
            return;
        }
        if let Some(asked) = self.asked.take() {
            self.first.add(event.at.since(asked), event.frame);
        } else if let Some(last) = self.last {
            self.between.add(event.at.since(last), event.frame);
        }
        self.last = Some(event.at);
    }

    pub(super) fn add_to(self, gaps: &mut Gaps) {
        for (cause, sample) in [(TTFT, self.first), (INTER_TOKEN, self.between)] {
            if sample.gaps().next().is_some() {
                gaps.insert((self.token.clone(), Label::from(cause)), sample);
            }
        }
    }
}

/// One limit that a person set.
struct Allowed {
    /// The name: an event, or `ttft`.
    name: String,
    /// The event and the cause of the gaps.
    gaps: (Label, Label),
    limit: Gap,
    /// The key in the golden.
    key: String,
    /// The share of a run's gaps that may be longer.
    tail: f64,
}

fn allowed(golden: &Golden) -> Vec<Allowed> {
    let mut all = Vec::new();
    for (label, event) in &golden.events {
        for timing in &event.timing {
            let Some(limit) = timing.at_most else { continue };
            let gaps = (label.clone(), timing.after.clone());
            let key = format!("event.{label}.timing");
            all.push(Allowed {
                name: format!("{label} after {}", timing.after),
                gaps,
                limit,
                key,
                tail: 0.0,
            });
        }
    }
    if let Some(budget) = &golden.budget {
        for (name, cause, limit, tail) in
            [("ttft", TTFT, budget.ttft, 0.0), ("inter_token", INTER_TOKEN, budget.inter_token, TAIL)]
        {
            let Some(limit) = limit else { continue };
            let gaps = (budget.event.clone(), Label::from(cause));
            all.push(Allowed { name: name.to_owned(), gaps, limit, key: format!("budget.{name}"), tail });
        }
    }
    all
}

impl Allowed {
    /// The longest gap that counts of the run in which it is longest: whether this machine's own delay does not explain
    /// that it is too long, the gap, the run and the frame.
    fn worst(&self, runs: &[Timed<'_>]) -> Option<(bool, Gap, usize, usize)> {
        let shown = runs.iter().enumerate().filter_map(|(index, run)| {
            let (gap, frame) = run.gaps.get(&self.gaps)?.longest_but(self.tail)?;
            Some((gap - run.own_delay(1) > self.limit, gap, index, frame))
        });
        shown.max()
    }
}

/// Finds gaps beyond the user's own limits, each with the index of the run that shows it best.
pub(super) fn judge(golden: &Golden, runs: &[Timed<'_>]) -> Vec<(usize, Finding)> {
    let mut findings = Vec::new();
    for allowed in allowed(golden) {
        let limit = allowed.limit;
        let Some((is_sure, gap, run, frame)) = allowed.worst(runs).filter(|(_, gap, ..)| *gap > limit) else {
            continue;
        };
        let severity = if is_sure { Severity::Deviation } else { Severity::Suspect };
        let place = Place {
            event: allowed.gaps.0.clone(),
            lane: None,
            path: None,
            golden_line: golden.place([allowed.key.as_str()]),
            key: allowed.key.clone(),
            frames: vec![frame],
        };
        let message = match allowed.tail > 0.0 {
            true => format!("{}: 5 % of the gaps took {gap} or more; the limit is {limit}", allowed.name),
            false => format!("{} took {gap}; the limit is {limit}", allowed.name),
        };
        let mut finding = Finding::new(Kind::OverBudget, severity, place, message)
            .values(format!("at most {limit}"), gap.to_string())
            .evidence(format!(
                "your own limit, which applies on every machine{}",
                says_of_host(runs.iter().map(|run| run.host), !is_sure)
            ));
        finding.is_excused = !is_sure;
        findings.push((run, finding));
    }
    findings
}

/// The results of the user's own limits in a check.
pub(super) fn report(golden: &Golden, runs: &[Timed<'_>]) -> Vec<BudgetReport> {
    let of = |allowed: Allowed| {
        let took = allowed.worst(runs).map(|(_, gap, ..)| gap);
        BudgetReport { name: allowed.name, limit: allowed.limit, took }
    };
    allowed(golden).into_iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Baseline, Checker, judge_timing};
    use crate::transcript::{End, Ending, Frame, Payload, Side};
    use serde_json::json;

    const GOLDEN: &str = r#"
goldwire = 1
order = "( >ask ; started ; token+ )+"
[budget]
event = "token"
ttft = "300 ms"
inter_token = "40 ms"
[event.ask]
send = { type = "ask" }
"#;

    /// Turns of so many milliseconds to the first token and between the others.
    fn gaps(golden: &Golden, turns: &[(u64, &[u64])]) -> Gaps {
        let mut checker = Checker::new(golden);
        let mut now = 0;
        for (first, others) in turns {
            let mut say = |step: u64, side, name: &str| {
                now += step * 1_000_000;
                let payload = Payload::Text(json!({ "type": name }).to_string());
                checker.frame(&Frame::new(Offset::from_nanos(now), side, payload));
            };
            say(5_000, Side::Client, "ask");
            say(first / 2, Side::Server, "started");
            say(first - first / 2, Side::Server, "token");
            others.iter().for_each(|gap| say(*gap, Side::Server, "token"));
        }
        let how = End::Closed { by: Side::Client, code: 1000, reason: String::new() };
        checker.finish(&Ending { at: Offset::from_nanos(now), how, host: None }).gaps
    }

    fn said(turns: &[(u64, &[u64])]) -> Vec<String> {
        let golden = crate::golden::read("g.toml", GOLDEN).unwrap_or_else(|problems| panic!("{problems}"));
        let gaps = gaps(&golden, turns);
        let runs = [Timed { gaps: &gaps, host: None }];
        let found = judge_timing(&Baseline::bounds(&golden), &runs);
        found.into_iter().map(|(_, finding)| finding.message).collect()
    }

    #[test]
    fn the_first_token_and_those_after_it_have_budgets() {
        let steady: &[u64] = &[20; 30];
        assert_eq!(
            said(&[(250, steady), (290, steady)]),
            [""; 0],
            "what the client thinks counts for nothing"
        );
        assert_eq!(said(&[(250, steady), (420, steady)]), ["ttft took 420 ms; the limit is 300 ms"]);
        let one: Vec<u64> = [&[400], &steady[1..]].concat();
        assert_eq!(said(&[(250, &one)]), [""; 0], "one of thirty");
        let many: Vec<u64> = [&[90; 5], &steady[5..]].concat();
        assert_eq!(
            said(&[(250, &many)]),
            ["inter_token: 5 % of the gaps took 90 ms or more; the limit is 40 ms"]
        );
    }

    #[test]
    fn a_budget_says_what_is_streamed_or_it_is_found() {
        let without = GOLDEN.replace("event = \"token\"\n", "");
        let problems = crate::golden::read("g.toml", &without).expect_err("nothing says it").to_string();
        assert!(problems.contains("a budget needs the streamed event"), "{problems}");
        let known = format!(
            "{without}[event.token]\nseen = 90\nruns = 3\ntiming = {{ after = \"token\", usual = \"9 ms\", samples = 80, runs = 3 }}\n"
        );
        let golden = crate::golden::read("g.toml", &known).unwrap_or_else(|problems| panic!("{problems}"));
        let written = crate::golden::write(&golden);
        assert!(
            written.contains("[budget]\nevent = \"token\"\nttft = \"300 ms\"\ninter_token = \"40 ms\""),
            "{written}"
        );
        assert_eq!(
            crate::golden::write(&crate::golden::read("g.toml", &written).expect("a golden")),
            written
        );
    }
}
