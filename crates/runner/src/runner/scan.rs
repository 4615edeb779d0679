//! Whether something that would be kept still looks like a secret.

use super::config::Config;
use super::error::Error;
use crate::store::{Store, contents};
use goldwire_core::transcript::{Leftover, Redactor};
use std::path::{Path, PathBuf};

/// What was found in one file.
pub struct Scanned {
    /// The file.
    pub path: PathBuf,
    /// What looks like a secret in it.
    pub leftovers: Vec<Leftover>,
}

/// Refuses a session's proposal while it, or a recording it was learned from, still holds something like a secret.
///
/// # Errors
/// When it does, or a file cannot be read.
pub fn refuse_secrets(config: &Config, store: &Store, session: &str) -> Result<(), Error> {
    let mut files: Vec<PathBuf> = store.proposal_files(session);
    files.extend(store.recordings(session)?);
    let scanned = scan(&files, &config.redactor())?;
    let lines = scan_lines(&scanned, 5);
    if lines.is_empty() {
        return Ok(());
    }
    let message = format!(
        "`{session}` is not accepted: what would be kept looks like secrets\n  {}",
        lines.join("\n  ")
    );
    Err(Error::unusable(message).hint(format!(
        "record anew with [redact] in goldwire.toml naming them; `goldwire scan` shows all of them; if they are none, \
         goldwire accept {session} --reason '…' --allow-secrets 'why they are none'"
    )))
}

/// What looks like a secret in a file that is about to be kept, a line each.
///
/// # Errors
/// When it cannot be read.
pub fn secrets_of(config: &Config, file: &Path) -> Result<Vec<String>, Error> {
    Ok(scan_lines(&scan(&[file.to_owned()], &config.redactor())?, 3))
}

/// What looks like a secret in these files.
///
/// # Errors
/// When one of them cannot be read.
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

/// A line for each of the first `most` secrets: where it is and what it looks like.
pub fn scan_lines(scanned: &[Scanned], most: usize) -> Vec<String> {
    let all =
        scanned.iter().flat_map(|file| file.leftovers.iter().map(move |leftover| (&file.path, leftover)));
    let line = |(path, found): (&PathBuf, &Leftover)| {
        format!("{}:{}:{}: {}: {}", path.display(), found.line, found.column, found.kind, found.excerpt)
    };
    all.map(line).take(most).collect()
}
