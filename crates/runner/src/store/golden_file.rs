//! Reads goldens, with what the files beside them say.

use super::disk::{optional, text_of};
use super::error::{StoreError, io_error};
use goldwire_core::golden::{self, Golden, Seen};
use std::fs;
use std::path::Path;

/// Reads a golden file, and how well it is known what it says from the file beside it, where there is one.
///
/// # Errors
/// When one of them cannot be read or makes no sense.
pub fn read_golden(path: &Path) -> Result<Golden, StoreError> {
    let text = text_of(path).map_err(io_error("read", path))?;
    let mut golden = golden::read(&path.display().to_string(), &text)?;
    attach(&mut golden, path)?;
    Ok(golden)
}

/// Adds what the file beside a golden says of it; beside a proposal stands what it would be accepted with.
pub(super) fn attach(golden: &mut Golden, path: &Path) -> Result<(), StoreError> {
    describe(golden, path)?;
    let is_proposal = path.extension().is_some_and(|ending| ending == "new");
    let accepted = if is_proposal { path.with_extension("") } else { path.to_owned() };
    let proposed = is_proposal.then(|| accepted.with_extension("seen.new"));
    for path in proposed.into_iter().chain([accepted.with_extension("seen")]) {
        if let Some(seen) = read_seen(&path)? {
            golden.attach(&seen.evidence);
            break;
        }
    }
    Ok(())
}

/// Reads the set of descriptors that a golden names: from its own folder, or from that of the project, which is above it.
pub(super) fn describe(golden: &mut Golden, path: &Path) -> Result<(), StoreError> {
    let Some(file) = golden.dialect.descriptor() else { return Ok(()) };
    let folder = path.parent().unwrap_or(Path::new(""));
    let beside = folder.join(file);
    let above = folder.join("..").join(file);
    let path = if !beside.exists() && above.exists() { above } else { beside };
    let set = fs::read(&path).map_err(io_error("read", &path))?;
    golden.dialect.describe(&set).map_err(|source| StoreError::Descriptor { path, source })
}

pub(super) fn read_seen(path: &Path) -> Result<Option<Seen>, StoreError> {
    let Some(text) = optional(path)? else { return Ok(None) };
    Seen::read(&text).map(Some).map_err(|source| StoreError::Seen { path: path.to_owned(), source })
}
