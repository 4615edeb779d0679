//! The page of a comparison: the differences, and the gaps of both releases side by side.

use super::super::comparison::{Report, report, standing_words, word};
use super::super::{Compared, Shown};
use super::document::Head;
use super::group::{Cause, Group, RunEntry, causes, entries, groups, write_frames};
use super::page::Page;
use crate::compare::{Change, Comparison, Difference, Played, Release, Subject};
use crate::finding::Run;
use crate::words::plural;
use serde::Serialize;
use std::io::{self, Write};

#[derive(Serialize)]
struct Document<'c> {
    #[serde(flatten)]
    head: Head,
    runs: Vec<RunEntry<'c>>,
    findings: Vec<Group<'c>>,
    unjudged: Vec<Cause<'c>>,
    comparison: Report<'c>,
    /// Beside each of the comparison's classes of gaps.
    distributions: Vec<Distribution>,
}

/// The gaps of a class, sorted, in nanoseconds: all of them, or as many quantiles as a picture can show.
#[derive(Serialize)]
struct Distribution {
    baseline: Vec<u64>,
    candidate: Vec<u64>,
    counts: (usize, usize),
}

/// The number of quantiles that draw as smoothly as all values.
const QUANTILES: usize = 400;

fn distribution(change: &Change, played: &[Played]) -> Distribution {
    let gaps = |release: Release| {
        let Subject::Gap { event, after } = &change.subject else { return Vec::new() };
        let key = (event.clone(), after.clone());
        let own = played.iter().filter(|one| one.release == release && one.run.session == change.session);
        let samples = own.filter_map(|one| one.gaps.get(&key));
        let mut gaps: Vec<u64> = samples.flat_map(|sample| sample.gaps()).map(|gap| gap.as_nanos()).collect();
        gaps.sort_unstable();
        gaps
    };
    let (baseline, candidate) = (gaps(Release::Baseline), gaps(Release::Candidate));
    let counts = (baseline.len(), candidate.len());
    Distribution { baseline: quantiles(baseline), candidate: quantiles(candidate), counts }
}

fn quantiles(sorted: Vec<u64>) -> Vec<u64> {
    if sorted.len() <= QUANTILES {
        return sorted;
    }
    (0..QUANTILES).map(|number| sorted[(2 * number + 1) * sorted.len() / (2 * QUANTILES)]).collect()
}

/// The runs that the page of a comparison shows: the example of every difference, and the last run of every session
/// for each release.
pub fn examples<'p>(played: &'p [Played], differences: &[Difference]) -> Vec<&'p Played> {
    let is_example = |one: &&Played| {
        differences.iter().any(|difference| difference.recording == one.run.recording)
            || !played.iter().any(|other| {
                let later = (other.pair, &other.run.user) > (one.pair, &one.run.user);
                later && other.release == one.release && other.run.session == one.run.session
            })
            || one.run.unjudged.is_some()
    };
    played.iter().filter(is_example).collect()
}

/// The example with the finding that makes the difference and no other.
fn of_difference<'c>(difference: &'c Difference, examples: &[&'c Played]) -> Option<(usize, Run)> {
    let shows = |one: &&Played| one.run.recording == difference.recording;
    let number = examples.iter().position(shows)?;
    Some((number, Run { findings: vec![difference.finding.clone()], ..examples[number].run.clone() }))
}

/// Writes a comparison as a page. `shown` returns the golden and the transcript of a run.
///
/// # Errors
/// The errors of `out`.
pub fn comparison_html<'s>(
    out: &mut impl Write,
    compared: &Compared,
    comparison: &Comparison,
    played: &[Played],
    shown: impl Fn(&Run) -> Option<Shown<'s>>,
) -> io::Result<()> {
    let examples = examples(played, &comparison.differences);
    let differing: Vec<(&Difference, usize, Run)> = comparison
        .differences
        .iter()
        .filter_map(|one| of_difference(one, &examples).map(|(number, run)| (one, number, run)))
        .collect();
    let findings = differing.iter().flat_map(|(difference, number, run)| {
        let mut own = groups(&[(*number, run)], &shown);
        for (_, group) in &mut own {
            group.standing = Some(standing_words(difference));
        }
        own.into_iter().map(|(_, group)| group)
    });
    let label = |one: &Played| format!("{}, pair {}, {}", one.release.name(), one.pair + 1, one.run.user);
    let document = Document {
        head: Head {
            summary: format!(
                "{} of runs by {}: {} beside {}",
                plural(comparison.pairs, "pair"),
                plural(compared.users as usize, "user"),
                compared.baseline,
                compared.candidate
            ),
            interrupted: comparison.interrupted,
            ..Head::new("comparison", compared.sessions.join(", "), word(comparison.verdict()))
        },
        runs: entries(examples.iter().map(|one| (label(one), &one.run)), &shown),
        findings: findings.collect(),
        unjudged: causes(examples.iter().map(|one| &one.run)),
        comparison: report(compared, comparison),
        distributions: comparison.timing.changes.iter().map(|change| distribution(change, played)).collect(),
    };
    let mut page = Page::begin(out)?;
    page.data("report", &document)?;
    write_frames(&mut page, &document.runs, examples.iter().map(|one| &one.run), &shown)?;
    page.end()
}
