//! The results as tables for a person, and as one line of JSON for a script.

use crate::baselines;
use crate::measure::{Case, Measured, Tally};
use crate::mutate::{CATALOGUE, Group, Truth};
use serde_json::{Value, json};
use std::io::{self, Write};

/// A share in per cent; a dash of nothing.
pub(crate) fn percent(part: usize, whole: usize) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.1}", 100.0 * part as f64 / whole as f64) }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { (1e6 * part as f64 / whole as f64).round() / 1e6 }
}

/// The tallies of all mutations of order or payload that can be seen.
fn detectable(measured: &Measured) -> impl Iterator<Item = &Tally> {
    CATALOGUE
        .iter()
        .zip(&measured.mutated)
        .filter(|(mutation, _)| mutation.truth == Truth::Detectable && mutation.group != Group::Timing)
        .map(|(_, tally)| tally)
}

/// The summary with the names that scripts rely on.
pub(crate) fn summary(recordings: usize, measured: &Measured) -> Value {
    let clean = &measured.clean;
    let sum = |of: fn(&Tally) -> usize| detectable(measured).map(of).sum::<usize>();
    let runs = sum(|tally| tally.runs);
    let mut lengths: Vec<usize> =
        detectable(measured).flat_map(|tally| tally.lengths.iter().copied()).collect();
    lengths.sort_unstable();
    let at = |share: usize| lengths.get(lengths.len() * share / 100).copied().unwrap_or(0);
    let rates: serde_json::Map<String, Value> = baselines::ALL
        .iter()
        .enumerate()
        .map(|(index, baseline)| {
            let detected: usize = detectable(measured).map(|tally| tally.rejected[index]).sum();
            let false_alarms = share(clean.rejected[index], clean.runs);
            let rates = json!({"detection_rate": share(detected, runs), "false_alarm_rate": false_alarms});
            (baseline.name.to_owned(), rates)
        })
        .collect();
    json!({
        "recordings": recordings,
        "clean_checks": clean.runs,
        "false_alarm_rate": share(clean.red, clean.runs),
        "timing_false_alarm_rate": share(clean.timing_red, clean.runs),
        "any_finding_rate": share(clean.any, clean.runs),
        "whole_checks_5_users": measured.wholes.checks,
        "whole_check_false_rate_5_users": share(measured.wholes.red, measured.wholes.checks),
        "whole_check_any_rate_5_users": share(measured.wholes.any, measured.wholes.checks),
        "self_rejections": measured.unsound.len(),
        "mutations": runs,
        "mutation_kinds": CATALOGUE.len(),
        "detection_rate": share(sum(|tally| tally.found), runs),
        "new_finding_rate": share(sum(|tally| tally.new), runs),
        "red_rate": share(sum(|tally| tally.red), runs),
        "named_rate": share(sum(|tally| tally.named), runs),
        "median_findings": at(50),
        "p90_findings": at(90),
        "baselines": rates,
    })
}

/// Clean sessions, per cent.
pub(crate) fn clean(out: &mut impl Write, recordings: usize, measured: &Measured) -> io::Result<()> {
    writeln!(out, "clean sessions, learned from {recordings} recordings: false alarms in per cent")?;
    write!(out, "{:<12}{:>7}{:>8}{:>8}{:>12}{:>8}", "family", "runs", "red", "any", "timing red", "timing")?;
    for baseline in &baselines::ALL {
        write!(out, "{:>17}", baseline.name)?;
    }
    writeln!(out)?;
    let all = [("all", measured.clean.clone())];
    for (name, tally) in measured.families.iter().chain(&all) {
        let of = |part| percent(part, tally.runs);
        let (red, any) = (of(tally.red), of(tally.any));
        write!(out, "{name:<12}{:>7}{red:>8}{any:>8}", tally.runs)?;
        write!(out, "{:>12}{:>8}", of(tally.timing_red), of(tally.timing))?;
        for rejected in tally.rejected {
            write!(out, "{:>17}", of(rejected))?;
        }
        writeln!(out)?;
    }
    writeln!(out)
}

/// Mutations: detected with so many recordings, any finding and red ones, in per cent; baselines at the last of them.
pub(crate) fn mutations(out: &mut impl Write, all: &[(usize, Measured)]) -> io::Result<()> {
    let Some((last_count, last)) = all.last() else { return Ok(()) };
    writeln!(
        out,
        "mutations: per cent with any finding / with a red one; baselines at {last_count} recordings"
    )?;
    write!(out, "{:<22}{:<14}{:>6}", "mutation", "truth", "runs")?;
    for (count, _) in all {
        write!(out, "{:>14}", format!("N={count}"))?;
    }
    write!(out, "{:>8}{:>8}", "new", "named")?;
    for baseline in &baselines::ALL {
        write!(out, "{:>17}", baseline.name)?;
    }
    writeln!(out)?;
    for (index, mutation) in CATALOGUE.iter().enumerate() {
        let tally = &last.mutated[index];
        write!(out, "{:<22}{:<14}{:>6}", mutation.name, mutation.truth.name(), tally.runs)?;
        for (_, measured) in all {
            let tally = &measured.mutated[index];
            let (any, red) = match mutation.group {
                Group::Timing => (tally.timing, tally.timing_red),
                Group::Order | Group::Payload => (tally.found, tally.red),
            };
            let both = format!("{} / {}", percent(any, tally.runs), percent(red, tally.runs));
            write!(out, "{both:>14}")?;
        }
        let of = |part| percent(part, tally.runs);
        write!(out, "{:>8}{:>8}", of(tally.new), of(tally.named))?;
        for rejected in tally.rejected {
            write!(out, "{:>17}", of(rejected))?;
        }
        writeln!(out)?;
    }
    writeln!(out)
}

/// Cases, one a line.
pub(crate) fn cases(out: &mut impl Write, title: &str, cases: &[Case]) -> io::Result<()> {
    writeln!(out, "{title}: {}", cases.len())?;
    for case in cases {
        writeln!(out, "  {}  {}", case.name, case.what)?;
    }
    writeln!(out)
}

/// What a script reads: the last number of recordings on top, all of them below it where there are several.
pub(crate) fn json(all: &[(usize, Measured)]) -> Value {
    let mut lines: Vec<Value> = all.iter().map(|(count, measured)| summary(*count, measured)).collect();
    let Some(mut top) = lines.last().cloned() else { return json!({}) };
    if lines.len() > 1 {
        top["by_recordings"] = Value::Array(std::mem::take(&mut lines));
    }
    top
}
