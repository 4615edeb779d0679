//! `goldwire diff`: the changes between recordings of two releases, or between two goldens.
//!
//! For recordings, the older ones become a golden and the newer ones are judged by it, so that natural variation (ids, times,
//! races) is no difference. Goldens are compared as text, with a description of the behaviour that they allow or forbid.

use super::args::{DiffArgs, Format};
use super::error::CliError;
use super::exit::Exit;
use super::reports::layout;
use goldwire_core::check::Baseline;
use goldwire_core::diff::{changes, unified};
use goldwire_core::finding::{Outcome, Verdict};
use goldwire_core::golden::TimeMode;
use goldwire_core::learn::learn;
use goldwire_core::report::{self, Shown};
use goldwire_core::transcript::Transcript;
use goldwire_core::words::plural;
use goldwire_runner::runner::{JudgedRun, Selected, classes, judge, judge_time};
use goldwire_runner::store::{read_golden, read_recording, recordings_in, without_head};
use std::io::Write;
use std::path::{Path, PathBuf};

pub(super) fn run(args: &DiffArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    for path in [&args.old, &args.new] {
        if !path.exists() {
            return Err(CliError::usage(format!(
                "failed to read {}: no such file or folder",
                path.display()
            )));
        }
    }
    let is_golden = |path: &Path| path.extension().is_some_and(|ending| ending == "toml" || ending == "new");
    match (is_golden(&args.old), is_golden(&args.new)) {
        (true, true) => goldens(args, out),
        (false, false) => recordings(args, out),
        _ => Err(CliError::usage("a golden and a recording cannot be compared")
            .hint("goldwire check --offline RECORDING judges a recording by its golden")),
    }
}

fn goldens(args: &DiffArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    // Both are parsed first, because a difference from an invalid golden has no meaning.
    let changes = changes(&read_golden(&args.old)?, &read_golden(&args.new)?);
    let text = |path: &Path| {
        std::fs::read_to_string(path)
            .map_err(|error| CliError::usage(format!("failed to read {}: {error}", path.display())))
    };
    let (old, new) = (text(&args.old)?, text(&args.new)?);
    let (old, new) = (without_head(&old), without_head(&new));
    match args.format {
        Format::Json => report::changes_json(out, &changes)?,
        Format::Text if old == new => {}
        Format::Text => {
            let names = [&args.old, &args.new].map(|path| path.display().to_string());
            report::diff_text(out, &unified(old, new, &names[0], &names[1]))?;
            writeln!(out, "{}", report::changes_headline(&changes))?;
            report::changes_text(out, &changes)?;
        }
    }
    Ok(if old == new { Exit::Conforms } else { Exit::Deviates })
}

fn recordings(args: &DiffArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    let read = |path: &Path| -> Result<Vec<(PathBuf, Transcript)>, CliError> {
        let paths = recordings_in(path)?;
        if paths.is_empty() {
            return Err(CliError::new(Exit::Nothing, format!("no recording in {}", path.display())));
        }
        paths.into_iter().map(|path| Ok((path.clone(), read_recording(&path)?))).collect()
    };
    let (old, new) = (read(&args.old)?, read(&args.new)?);
    let older: Vec<Transcript> = old.iter().map(|(_, transcript)| transcript.clone()).collect();
    let golden = learn(&older, None)?.golden;
    let session = new.first().map(|(_, transcript)| transcript.header.session.clone()).unwrap_or_default();
    let selected =
        Selected { session, path: format!("what {} shows", args.old.display()), golden, seen: None };
    let mut judged: Vec<JudgedRun> = Vec::new();
    for (path, transcript) in new {
        judged.push(judge(&selected, transcript, path.display().to_string()));
    }
    let baseline =
        Baseline::of(&selected.golden, TimeMode::Auto, &classes(judged.iter().map(JudgedRun::header)), None);
    // `auto` always has a baseline.
    judge_time(&baseline.unwrap_or_else(|_| Baseline::bounds(&selected.golden)), &mut judged);
    for one in &mut judged {
        one.run.session.clone_from(&selected.session);
    }
    if matches!(args.format, Format::Text) {
        writeln!(out, "old  {}  {}", args.old.display(), plural(old.len(), "recording"))?;
        writeln!(out, "new  {}  {}", args.new.display(), plural(judged.len(), "recording"))?;
    }
    let outcome = Outcome::of(judged.iter().map(|one| one.run.clone()).collect());
    match args.format {
        Format::Json => report::json(out, &outcome)?,
        Format::Text => report::text(out, &outcome, layout(false), |run| {
            let transcript =
                judged.iter().find(|one| one.run.recording == run.recording)?.transcript.as_ref()?;
            Some(Shown { golden: &selected.golden, golden_path: &selected.path, transcript })
        })?,
    }
    // Like diff(1), exit with 1 on any difference, also on drift.
    Ok(Exit::of(outcome.verdict(), outcome.verdict() == Verdict::Drift))
}
