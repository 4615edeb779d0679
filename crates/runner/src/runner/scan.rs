//! Scans data for possible secrets before it is kept.

use super::config::Config;
use super::error::Error;
use crate::store::{Store, contents};
use goldwire_core::transcript::{Leftover, Redactor};
use std::path::{Path, PathBuf};

/// The results of scanning one file.
pub struct Scanned {
    /// The file.
    pub path: PathBuf,
    /// Its possible secrets.
    pub leftovers: Vec<Leftover>,
}

/// Refuses a session's proposal if it, or one of its recordings, contains a possible secret.
///
/// # Errors
/// If there is one, or a file cannot be read.
pub fn refuse_secrets(config: &Config, store: &Store, session: &str) -> Result<(), Error> {
    let mut files: Vec<PathBuf> = store.proposal_files(session);
    files.extend(store.recordings(session)?);
    let scanned = scan(&files, &config.redactor())?;
    let lines = scan_lines(&scanned, 5);
    if lines.is_empty() {
        return Ok(());
    }
    let message = format!(
        "`{session}` was not accepted, because it contains possible secrets\n  {}",
        lines.join("\n  ")
    );
    Err(Error::unusable(message).hint(format!(
        "`goldwire scan` lists all of them; add them to [redact] in goldwire.toml and record again; if they are not secrets, use goldwire accept {session} --reason '…' --allow-secrets 'why they are none'"
    )))
}

/// The possible secrets in a file that is about to be kept, one line each.
///
/// # Errors
/// If it cannot be read.
pub fn secrets_of(config: &Config, file: &Path) -> Result<Vec<String>, Error> {
    Ok(scan_lines(&scan(&[file.to_owned()], &config.redactor())?, 3))
}

/// The possible secrets in these files.
///
/// # Errors
/// If one of them cannot be read.
pub fn scan(files: &[PathBuf], redactor: &Redactor) -> Result<Vec<Scanned>, Error> {
    let mut scanned = Vec::new();
    for path in files {
        let bytes = contents(path)
            .map_err(|error| Error::unusable(format!("failed to read {}: {error}", path.display())))?;
        let leftovers = redactor.leftovers(&String::from_utf8_lossy(&bytes));
        if !leftovers.is_empty() {
            scanned.push(Scanned { path: path.clone(), leftovers });
        }
    }
    Ok(scanned)
}

/// One line for each of the first `most` possible secrets: its place and its kind.
pub fn scan_lines(scanned: &[Scanned], most: usize) -> Vec<String> {
    let all =
        scanned.iter().flat_map(|file| file.leftovers.iter().map(move |leftover| (&file.path, leftover)));
    let line = |(path, found): (&PathBuf, &Leftover)| {
        format!("{}:{}:{}: {}: {}", path.display(), found.line, found.column, found.kind, found.excerpt)
    };
    all.map(line).take(most).collect()
}
