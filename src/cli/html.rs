//! Writes the HTML pages.

use super::error::CliError;
use super::reports::write;
use goldwire_core::compare::{Comparison, Played};
use goldwire_core::finding::{Outcome, ProbeResult, Run};
use goldwire_core::golden::Golden;
use goldwire_core::report::{self, Compared, Shown};
use goldwire_core::transcript::Transcript;
use goldwire_runner::runner::{MAX_SHOWN, Selected};
use goldwire_runner::store::{Store, read_recording};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The page of `--report-html DIR`, if given.
pub(super) struct HtmlReport {
    page: Option<PathBuf>,
}

impl HtmlReport {
    /// Writes a page that says that nothing was judged yet, so that an older page cannot be taken for this result.
    pub(super) fn begin(folder: Option<&Path>, what: &str) -> Result<HtmlReport, CliError> {
        let html = HtmlReport { page: folder.map(|folder| folder.join("index.html")) };
        html.write(|out| report::unfinished_html(out, what))?;
        Ok(html)
    }

    fn write(&self, make: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Result<(), CliError> {
        write(self.page.as_deref(), true, make)
    }

    pub(super) fn check<'s>(
        &self,
        outcome: &Outcome,
        shown: impl Fn(&Run) -> Option<Shown<'s>>,
    ) -> Result<(), CliError> {
        self.write(|out| report::html(out, outcome, shown))
    }

    pub(super) fn comparison(
        &self,
        compared: &Compared,
        comparison: &Comparison,
        played: &[Played],
        selected: &[Selected],
    ) -> Result<(), CliError> {
        if self.page.is_none() {
            return Ok(());
        }
        let examples = report::examples(played, &comparison.differences);
        let known = Recorded::read(examples.into_iter().map(|one| &one.run));
        self.write(|out| {
            report::comparison_html(out, compared, comparison, played, |run| {
                let selected = selected.iter().find(|one| one.session == run.session)?;
                known.shown(run, &selected.golden, &selected.path)
            })
        })
    }

    /// Writes the results of a check's probes: a page of its own beside the check's.
    pub(super) fn probes_beside(
        &self,
        cells: &[ProbeResult],
        interrupted: bool,
        store: &Store,
    ) -> Result<(), CliError> {
        let page = self.page.as_deref().map(|page| page.with_file_name("probes.html"));
        HtmlReport { page }.probes(cells, interrupted, store)
    }

    pub(super) fn probes(
        &self,
        cells: &[ProbeResult],
        interrupted: bool,
        store: &Store,
    ) -> Result<(), CliError> {
        if self.page.is_none() {
            return Ok(());
        }
        let failed = |run: &&Run| !run.findings.is_empty();
        let known = Recorded::read(cells.iter().flat_map(|cell| &cell.runs).filter(failed));
        let mut goldens = BTreeMap::new();
        for session in cells.iter().map(|cell| cell.session.as_str()) {
            if !goldens.contains_key(session) {
                let path = store.golden_path(session).display().to_string();
                goldens.insert(session, (store.golden(session)?, path));
            }
        }
        self.write(|out| {
            report::probe_html(out, cells, interrupted, |run| {
                let (golden, path) = goldens.get(run.session.as_str())?;
                known.shown(run, golden, path)
            })
        })
    }
}

/// Recordings by path.
pub(super) struct Recorded(BTreeMap<String, Transcript>);

impl Recorded {
    /// Reads the recordings that exist and are not too large. The report is complete without the others.
    pub(super) fn read<'r>(runs: impl Iterator<Item = &'r Run>) -> Recorded {
        let read = |run: &Run| {
            let path = Path::new(&run.recording);
            let is_small = std::fs::metadata(path).is_ok_and(|meta| meta.len() <= MAX_SHOWN);
            Some((run.recording.clone(), is_small.then(|| read_recording(path).ok())??))
        };
        Recorded(runs.filter_map(read).collect())
    }

    pub(super) fn shown<'s>(
        &'s self,
        run: &Run,
        golden: &'s Golden,
        golden_path: &'s str,
    ) -> Option<Shown<'s>> {
        Some(Shown { golden, golden_path, transcript: self.0.get(&run.recording)? })
    }
}

/// Writes the page of `goldwire show --html`.
pub(super) fn session(
    path: &Path,
    golden: Option<&Golden>,
    transcript: &Transcript,
    recording: &Path,
) -> Result<(), CliError> {
    let recording = recording.display().to_string();
    write(Some(path), true, |out| report::session_html(out, golden, transcript, &recording))
}
