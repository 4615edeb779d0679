//! Reads recordings, and finds them in folders.

use super::error::{StoreError, io_error};
use super::file;
use super::file::Lines;
use goldwire_core::learn;
use goldwire_core::transcript::{self, Entries, Header, ReadError, Transcript};
use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Reads a recording.
///
/// # Errors
/// When it cannot be read or makes no sense.
pub fn read_recording(path: &Path) -> Result<Transcript, StoreError> {
    let lines = Lines::open(path).map_err(io_error("read", path))?;
    transcript::read(lines).map_err(recording_error(path))
}

/// Opens a recording to be read frame by frame, so that memory does not grow with it.
///
/// # Errors
/// When it cannot be opened or its first line makes no sense.
pub fn open_recording(path: &Path) -> Result<Entries<Lines>, StoreError> {
    let lines = Lines::open(path).map_err(io_error("read", path))?;
    Entries::open(lines).map_err(recording_error(path))
}

/// Recordings in files, read when they are wanted.
#[derive(Debug, Clone)]
pub struct Files(pub Vec<PathBuf>);

impl learn::Recordings for Files {
    type Error = StoreError;

    fn count(&self) -> usize {
        self.0.len()
    }

    fn header(&self, index: usize) -> Result<Cow<'_, Header>, StoreError> {
        Ok(Cow::Owned(open_recording(&self.0[index])?.header().clone()))
    }

    fn read(&self, index: usize) -> Result<Cow<'_, Transcript>, StoreError> {
        read_recording(&self.0[index]).map(Cow::Owned)
    }
}

/// Names the file in which a recording makes no sense.
pub fn recording_error(path: &Path) -> impl FnOnce(ReadError) -> StoreError + '_ {
    move |source| StoreError::Recording { path: path.to_owned(), source }
}

/// The recordings in a folder, by name; a path to a file is itself.
///
/// # Errors
/// When the folder cannot be read; one that is not there is empty.
pub fn recordings_in(path: &Path) -> Result<Vec<PathBuf>, StoreError> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let files = list(path)?;
    let is_one = |path: &&PathBuf| file::is_recording(path) && !file::is_twin(path, &files);
    Ok(files.iter().filter(is_one).cloned().collect())
}

/// The recordings at all of these paths, files and folders, in this order.
///
/// # Errors
/// When one of them is not there or cannot be read.
pub fn recordings_at(paths: &[PathBuf]) -> Result<Vec<PathBuf>, StoreError> {
    let mut found = Vec::new();
    for path in paths {
        fs::metadata(path).map_err(io_error("read", path))?;
        found.extend(recordings_in(path)?);
    }
    Ok(found)
}

pub(super) fn list(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io_error("read", folder)(error)),
    };
    let mut files = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(io_error("read", folder))?;
    files.sort();
    Ok(files)
}
