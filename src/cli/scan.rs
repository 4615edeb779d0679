//! `goldwire scan`: searches files for remaining secrets.

use super::args::{Format, ScanArgs};
use super::error::CliError;
use super::exit::Exit;
use super::options::hidden_secrets;
use goldwire_core::transcript::visible_json;
use goldwire_core::words::plural;
use goldwire_runner::runner::{Config, Scanned, scan, scan_lines};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

pub(super) fn run(config: &Config, args: &ScanArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    let redactor = config.redactor();
    hidden_secrets(&args.secrets, &redactor)?;
    let files = if args.paths.is_empty() {
        let folders = ["recordings", "golden"].map(|folder| config.root.join(folder));
        walk(config, folders.into_iter().filter(|folder| folder.exists()))?
    } else {
        walk(config, args.paths.iter().cloned())?
    };
    if files.is_empty() {
        return Err(CliError::new(Exit::Nothing, "there is no file to scan")
            .hint("use goldwire scan PATH…; the default is recordings/ and golden/"));
    }
    let scanned = scan(&files, &redactor)?;
    let count: usize = scanned.iter().map(|file| file.leftovers.len()).sum();
    match args.format {
        Format::Json => json(&scanned, files.len(), out)?,
        Format::Text => {
            scan_lines(&scanned, usize::MAX).iter().try_for_each(|line| writeln!(out, "{line}"))?;
            let looked = plural(files.len(), "file");
            match count {
                0 => writeln!(out, "no secret found in {looked}")?,
                _ => writeln!(out, "{} in {looked}", plural(count, "possible secret"))?,
            }
        }
    }
    Ok(if count == 0 { Exit::Conforms } else { Exit::Deviates })
}

fn json(scanned: &[Scanned], files: usize, out: &mut impl Write) -> Result<(), CliError> {
    let found: Vec<serde_json::Value> = scanned
        .iter()
        .flat_map(|file| file.leftovers.iter().map(move |leftover| (&file.path, leftover)))
        .map(|(path, found)| {
            serde_json::json!({
                "file": path.display().to_string(), "line": found.line, "column": found.column,
                "kind": found.kind.to_string(), "excerpt": found.excerpt,
            })
        })
        .collect();
    let said = serde_json::json!({ "goldwire_scan": 1, "files": files, "found": found }).to_string();
    writeln!(out, "{}", visible_json(&said))?;
    Ok(())
}

/// All files below these paths, except `[scan] ignore` and `.git`.
fn walk(config: &Config, paths: impl Iterator<Item = PathBuf>) -> Result<Vec<PathBuf>, CliError> {
    let ignored: Vec<PathBuf> = config.scan_ignore.iter().map(|path| config.root.join(path)).collect();
    let mut files = Vec::new();
    for path in paths {
        below(&path, &ignored, &mut files)?;
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn below(path: &Path, ignored: &[PathBuf], files: &mut Vec<PathBuf>) -> Result<(), CliError> {
    let failed =
        |error: std::io::Error| CliError::usage(format!("failed to read {}: {error}", path.display()));
    let plain = path.strip_prefix(".").unwrap_or(path);
    if ignored.iter().any(|ignored| plain == ignored) || path.file_name().is_some_and(|name| name == ".git") {
        return Ok(());
    }
    // Follow links to files, as `learn` does. Do not follow links to folders: they may be circular, and their files are scanned
    // at their own place.
    let kind = fs::symlink_metadata(path).map_err(failed)?.file_type();
    let leads_to_file = kind.is_symlink() && fs::metadata(path).is_ok_and(|meta| meta.is_file());
    if kind.is_file() || leads_to_file {
        files.push(path.to_owned());
    } else if kind.is_dir() {
        for entry in fs::read_dir(path).map_err(failed)? {
            below(&entry.map_err(failed)?.path(), ignored, files)?;
        }
    }
    Ok(())
}
