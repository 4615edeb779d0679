//! Judges recordings that were made elsewhere.
//!
//! ```text
//! corpus/chat/train/*.jsonl      what the golden is learned from
//! corpus/chat/clean/*.jsonl      must not be reported
//! corpus/chat/mutated/a.jsonl    must be, unless a.expect says otherwise
//! corpus/chat/mutated/a.expect   kinds that name the fault, or `silent`, `undetectable`, `timing`
//! ```
//!
//! A folder may hold the three itself or any number of folders that do.

use crate::measure::{Case, Measured, Tally, Verdict, judge};
use crate::table;
use goldwire_core::golden::Golden;
use goldwire_core::learn::learn;
use goldwire_core::transcript::{self, Transcript};
use serde_json::{Value, json};
use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// What was counted.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    pub(crate) clean: Tally,
    /// Detectable mutations of order and payload.
    pub(crate) mutated: Tally,
    pub(crate) timing: Tally,
    pub(crate) quiet: Tally,
    /// Of those with an `.expect`, how many had a finding of an expected kind.
    named: (usize, usize),
    recordings: usize,
    pub(crate) misses: Vec<Case>,
    pub(crate) alarms: Vec<Case>,
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    Ok(paths)
}

/// The recordings of a folder with their paths; a folder that is not there has none.
fn recordings(folder: &Path) -> Result<Vec<(PathBuf, Transcript)>, String> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut read = Vec::new();
    for path in sorted(folder)? {
        if path.is_dir() || path.extension().is_none_or(|extension| extension == "expect") {
            continue;
        }
        let file = fs::File::open(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let one =
            transcript::read(BufReader::new(file)).map_err(|error| format!("{}: {error}", path.display()))?;
        read.push((path, one));
    }
    Ok(read)
}

/// Judges a folder.
///
/// # Errors
/// When a file cannot be read, or nothing can be learned.
pub(crate) fn run(folder: &Path) -> Result<Judged, String> {
    let mut judged = Judged::default();
    let mut sets = Vec::new();
    if folder.join("train").is_dir() {
        sets.push(folder.to_path_buf());
    } else {
        sets.extend(sorted(folder)?.into_iter().filter(|path| path.join("train").is_dir()));
    }
    if sets.is_empty() {
        return Err(format!("{}: there is no `train` folder in it or below it", folder.display()));
    }
    for set in sets {
        let train: Vec<Transcript> =
            recordings(&set.join("train"))?.into_iter().map(|(_, one)| one).collect();
        let proposal = learn(&train, None).map_err(|error| format!("{}: {error}", set.display()))?;
        judged.recordings += train.len();
        judged.set(&set, &proposal.golden)?;
    }
    Ok(judged)
}

impl Judged {
    fn set(&mut self, set: &Path, golden: &Golden) -> Result<(), String> {
        for (path, one) in recordings(&set.join("clean"))? {
            let verdict = judge(golden, &one);
            self.clean.add(&verdict, None, None);
            if !verdict.findings.is_empty() || !verdict.timing.is_empty() {
                self.alarms.push(case(&path, &verdict));
            }
        }
        for (path, one) in recordings(&set.join("mutated"))? {
            let verdict = judge(golden, &one);
            let expected = fs::read_to_string(path.with_extension("expect")).unwrap_or_default();
            let expected: Vec<&str> =
                expected.split([',', ' ', '\n', '\t', '\r']).filter(|word| !word.is_empty()).collect();
            let is_timing = |word: &&str| ["timing", "too-late", "too-early", "stall"].contains(word);
            if expected.iter().any(|word| ["silent", "undetectable"].contains(word)) {
                self.quiet.add(&verdict, None, None);
                continue;
            }
            if !expected.is_empty() && expected.iter().all(is_timing) {
                self.timing.add(&verdict, None, None);
                continue;
            }
            self.mutated.add(&verdict, None, None);
            if verdict.findings.is_empty() {
                self.misses.push(case(&path, &verdict));
            }
            if !expected.is_empty() {
                self.named.1 += 1;
                let hits = verdict.findings.iter().any(|finding| {
                    expected.contains(&finding.kind.name()) || expected.contains(&finding.kind.family())
                });
                self.named.0 += usize::from(hits);
            }
        }
        Ok(())
    }

    /// The same line that a measurement of generated streams ends with.
    pub(crate) fn json(&self) -> Value {
        let measured = Measured { clean: self.clean.clone(), ..Measured::default() };
        let mut line = table::summary(self.recordings, &measured);
        let rate = |part: usize, whole: usize| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        let mut lengths = self.mutated.lengths.clone();
        lengths.sort_unstable();
        let runs = self.mutated.runs;
        line["mutations"] = json!(runs);
        line["detection_rate"] = json!(rate(self.mutated.found, runs));
        line["red_rate"] = json!(rate(self.mutated.red, runs));
        line["named_rate"] = json!(rate(self.named.0, self.named.1));
        line["median_findings"] = json!(lengths.get(lengths.len() / 2).copied().unwrap_or(0));
        line["p90_findings"] = json!(lengths.get(lengths.len() * 9 / 10).copied().unwrap_or(0));
        line["timing_mutations"] = json!(self.timing.runs);
        line["timing_detection_rate"] = json!(rate(self.timing.timing, self.timing.runs));
        line["quiet_any_rate"] = json!(rate(self.quiet.found, self.quiet.runs));
        for key in [
            "baselines",
            "mutation_kinds",
            "new_finding_rate",
            "self_rejections",
            "whole_checks_5_users",
            "whole_check_false_rate_5_users",
            "whole_check_any_rate_5_users",
        ] {
            if let Some(map) = line.as_object_mut() {
                map.shift_remove(key);
            }
        }
        line
    }
}

fn case(path: &Path, verdict: &Verdict) -> Case {
    let found = verdict.findings.iter().chain(&verdict.timing);
    let words: Vec<String> =
        found.map(|finding| format!("{}: {}", finding.kind.name(), finding.message)).collect();
    Case { name: path.display().to_string(), what: words.join(" | ") }
}
