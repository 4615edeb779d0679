//! Files as a whole: read, replaced in one step, removed.

use super::error::{StoreError, io_error};
use super::file;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

/// The text of a regular file only, because opening a pipe without a writer blocks for ever.
pub(super) fn text_of(path: &Path) -> io::Result<String> {
    String::from_utf8(file::contents(path)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

pub(super) fn optional(path: &Path) -> Result<Option<String>, StoreError> {
    match text_of(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error("read", path)(error)),
    }
}

pub(super) fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(io_error("replace", to))
}

pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("remove", path)(error)),
        _ => Ok(()),
    }
}

pub(super) fn remove_folder(path: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Writes a file atomically: a reader sees the old text or the new one.
///
/// # Errors
/// If it cannot be written. The old file is then unchanged.
pub fn replace(path: &Path, text: &str) -> Result<(), StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(io_error("create", folder))?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(io_error("write in", folder))?;
    file.write_all(text.as_bytes()).map_err(io_error("write", path))?;
    #[cfg(unix)]
    let mode = fs::metadata(path).map_or(0o644, |meta| {
        use std::os::unix::fs::PermissionsExt as _;
        meta.permissions().mode()
    });
    #[cfg(not(unix))]
    let mode = 0;
    share(file.path(), mode).map_err(io_error("write", path))?;
    file.persist(path).map_err(|error| io_error("replace", path)(error.error))?;
    Ok(())
}

/// A temporary file is private; a golden and a recording are for everybody who may read the project.
pub(super) fn share(path: &Path, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    let _ = (path, mode);
    Ok(())
}
