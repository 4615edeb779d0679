//! The report files for other tools.
//!
//! A report fails until the command ends. It is written at the start with the result "nothing was judged yet", and is
//! replaced atomically when the command ends, is interrupted or stops with an error. So a killed process leaves a report that
//! fails.

use super::error::CliError;
use clap::Args;
use goldwire_core::report::Layout;
use goldwire_core::report::{self, Inert, Sheet, Times};
use goldwire_core::transcript::{Visible, visible_lines};
use goldwire_runner::store::replace;
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// GitHub's limit for the summary of one step, in bytes.
const MAX_SUMMARY: usize = 1024 * 1024;
/// The room for the last line of a summary that is cut.
const ROOM: usize = 4096;

/// The requested reports.
#[derive(Debug, Args, Clone, Default)]
pub(super) struct ReportArgs {
    /// Write all results as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) report_json: Option<PathBuf>,
    /// Write JUnit XML, for Jenkins, GitLab and others
    #[arg(long, value_name = "FILE")]
    report_junit: Option<PathBuf>,
    /// Write Markdown, for a comment or a step summary
    #[arg(long, value_name = "FILE")]
    report_markdown: Option<PathBuf>,
    /// Write CTRF, the Common Test Report Format, as JSON
    #[arg(long, value_name = "FILE")]
    report_ctrf: Option<PathBuf>,
    /// Write an HTML page: DIR/index.html, a single file
    #[arg(long, value_name = "DIR")]
    pub(super) report_html: Option<PathBuf>,
}

/// The reports of one command.
#[derive(Debug)]
pub(super) struct Reports {
    args: ReportArgs,
    command: &'static str,
    /// The keys of the version and of the list in this command's JSON.
    keys: (&'static str, &'static str),
    start: u64,
    github: Option<GitHub>,
    is_over: bool,
}

/// The job of the current GitHub workflow.
#[derive(Debug)]
struct GitHub {
    summary: Option<PathBuf>,
    workspace: Option<PathBuf>,
}

/// Whether GitHub's runner reads the output.
pub(super) fn is_github() -> bool {
    std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Reports {
    /// Writes reports that say that nothing was judged yet.
    ///
    /// # Errors
    /// If a file cannot be written: it is better to fail before the work.
    pub(super) fn begin(
        args: &ReportArgs,
        command: &'static str,
        keys: (&'static str, &'static str),
    ) -> Result<Reports, CliError> {
        let path = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let github = is_github()
            .then(|| GitHub { summary: path("GITHUB_STEP_SUMMARY"), workspace: path("GITHUB_WORKSPACE") });
        let reports = Reports { args: args.clone(), command, keys, start: now(), github, is_over: false };
        let why = "nothing was judged yet: the command has started and has not ended";
        reports.unfinished(why, None, false)?;
        Ok(reports)
    }

    fn unfinished(&self, cause: &str, hint: Option<&str>, is_last: bool) -> Result<Sheet, CliError> {
        let sheet = Sheet::unfinished(self.command, cause, hint);
        self.write(&sheet, is_last, |out| report::unfinished_json(out, self.keys, cause, hint))?;
        Ok(sheet)
    }

    /// Writes the results. `json` writes the command's own document.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub(super) fn end(
        &mut self,
        sheet: &Sheet,
        json: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
    ) -> Result<(), CliError> {
        // Do not try to write a failure afterwards: that would fail, too.
        self.is_over = true;
        self.write(sheet, true, json)?;
        self.tell_github(sheet)
    }

    /// Writes the error into the reports, unless they are complete.
    pub(super) fn fail(&mut self, error: &CliError) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let told = self
            .unfinished(&error.message, error.hint.as_deref(), true)
            .and_then(|sheet| self.tell_github(&sheet));
        if let Err(error) = told {
            say(&error);
        }
    }

    fn write(
        &self,
        sheet: &Sheet,
        is_last: bool,
        json: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
    ) -> Result<(), CliError> {
        let times = Times { start: self.start, stop: now() };
        let ReportArgs { report_json, report_junit, report_markdown, report_ctrf, report_html: _ } =
            &self.args;
        write(report_json.as_deref(), is_last, json)?;
        write(report_junit.as_deref(), is_last, |out| report::junit(out, sheet, times.took()))?;
        write(report_markdown.as_deref(), is_last, |out| report::markdown(out, sheet, usize::MAX))?;
        write(report_ctrf.as_deref(), is_last, |out| report::ctrf(out, sheet, times))
    }

    /// Prints annotations to stderr, which the runner reads like stdout, and appends the summary.
    fn tell_github(&self, sheet: &Sheet) -> Result<(), CliError> {
        let Some(github) = &self.github else { return Ok(()) };
        let mut out = Vec::new();
        report::annotations(&mut out, sheet, |path| github.place(path))?;
        io::stderr().write_all(&out)?;
        let Some(path) = &github.summary else { return Ok(()) };
        let failed =
            |error: io::Error| CliError::usage(format!("failed to write {}: {error}", path.display()));
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
        let taken = file.metadata().map_or(0, |meta| usize::try_from(meta.len()).unwrap_or(usize::MAX));
        let room = MAX_SUMMARY.saturating_sub(taken).saturating_sub(ROOM);
        let mut page = Vec::new();
        report::markdown(&mut page, sheet, room)?;
        file.write_all(&page).and_then(|()| file.write_all(b"\n")).map_err(failed)
    }
}

impl GitHub {
    /// A path relative to the root of the repository, if it is inside.
    fn place(&self, path: &str) -> String {
        let full = std::path::absolute(path).ok();
        let inner = full
            .as_deref()
            .zip(self.workspace.as_deref())
            .and_then(|(path, root)| path.strip_prefix(root).ok());
        inner.map_or_else(|| path.to_owned(), |inner| inner.display().to_string())
    }
}

/// Writes a report atomically and creates its folders. A path that is not a file, such as /dev/stdout, cannot be replaced: it
/// is written only at the end.
pub(super) fn write(
    path: Option<&Path>,
    is_last: bool,
    make: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
) -> Result<(), CliError> {
    let Some(path) = path else { return Ok(()) };
    let is_stream = std::fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir());
    if is_stream && !is_last {
        return Ok(());
    }
    let failed = |error: &dyn std::fmt::Display| {
        CliError::usage(format!("failed to write {}: {error}", path.display()))
    };
    let mut bytes = Vec::new();
    make(&mut bytes).map_err(|error| failed(&error))?;
    if is_stream {
        return std::fs::write(path, &bytes).map_err(|error| failed(&error));
    }
    replace(path, &String::from_utf8_lossy(&bytes)).map_err(|error| failed(&error))
}

/// The width of the terminal at stdout; none for a file or a pipe.
pub(super) fn columns() -> Option<usize> {
    let (_, columns) = console::Term::stdout().size_checked().filter(|_| io::stdout().is_terminal())?;
    Some(usize::from(columns))
}

/// The layout of text on stdout.
pub(super) fn layout(verbose: bool) -> Layout {
    Layout { columns: columns(), verbose }
}

/// Wraps stdout so that text from a server cannot become a command of GitHub's runner.
pub(super) fn harmless<W: Write>(out: W) -> Visible<Inert<W>> {
    Visible::new(Inert::new(out, is_github()))
}

/// A writer that ignores errors such as a closed pipe or a full disk, so that they do not stop the command. It stores the first
/// error.
#[derive(Debug)]
pub(super) struct Patient<W> {
    out: W,
    failed: Option<io::Error>,
}

impl<W: Write> Patient<W> {
    pub(super) const fn new(out: W) -> Patient<W> {
        Patient { out, failed: None }
    }

    /// The stored error; a closed pipe is not an error.
    pub(super) fn failure(&self) -> Option<&io::Error> {
        self.failed.as_ref().filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
    }

    fn unless_failed(&mut self, write: impl FnOnce(&mut W) -> io::Result<()>) {
        if self.failed.is_none() {
            self.failed = write(&mut self.out).err();
        }
    }
}

impl<W: Write> Write for Patient<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unless_failed(|out| out.write_all(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unless_failed(W::flush);
        Ok(())
    }
}

/// Prints to stderr like `eprintln!`, but escapes text from a server and ignores a closed stderr.
macro_rules! talk {
    ($($said:tt)*) => { $crate::cli::reports::say(&format_args!($($said)*)) };
}
pub(super) use talk;

/// Prints a line to stderr and escapes control characters.
pub(super) fn say(what: &impl std::fmt::Display) {
    let text = what.to_string();
    let text = visible_lines(&text);
    let text = if is_github() { report::inert(&text) } else { text.into_owned() };
    // A closed stderr cannot be reported anywhere.
    let _ = writeln!(io::stderr(), "{text}");
}
