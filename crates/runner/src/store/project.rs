//! The folders of a project.

use super::disk::{optional, remove_folder, rename, replace, share, text_of};
use super::error::{StoreError, io_error};
use super::golden_file::read_golden;
use super::recordings::{list, recordings_in};
use goldwire_core::golden::{Golden, HostProfile};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The folders of a project.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// The project in `root`.
    pub fn new(root: impl Into<PathBuf>) -> Store {
        Store { root: root.into() }
    }

    /// Checks that a session's name is a file name.
    ///
    /// # Errors
    /// When it is not.
    pub fn check_name(session: &str) -> Result<(), StoreError> {
        let ok = !session.is_empty()
            && session.len() <= 100
            && !session.starts_with('.')
            && session.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
        if ok { Ok(()) } else { Err(StoreError::Name(session.to_owned())) }
    }

    /// Where a session's recordings are.
    pub fn recordings_folder(&self, session: &str) -> PathBuf {
        self.root.join("recordings").join(session)
    }

    /// Where a session is recorded: never through a link, which may lead out of the project.
    ///
    /// # Errors
    /// When the name is none, or the folder is a link.
    pub fn folder_to_record(&self, session: &str) -> Result<PathBuf, StoreError> {
        Store::check_name(session)?;
        let folder = self.recordings_folder(session);
        if folder.is_symlink() {
            let source = io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is a link, and may lead out of the project; nothing is written through it",
            );
            return Err(StoreError::Io { what: "record into", path: folder, source });
        }
        Ok(folder)
    }

    /// Where the script is kept by which a session's recordings were made.
    pub fn script_path(&self, session: &str) -> PathBuf {
        self.root.join("recordings").join(format!("{session}.toml"))
    }

    /// Keeps the script by which a session's recordings are made, so that learning from them needs no word of it.
    ///
    /// # Errors
    /// When one file cannot be read or the other not be written.
    pub fn keep_script(&self, session: &str, script: &Path) -> Result<(), StoreError> {
        Store::check_name(session)?;
        let text = text_of(script).map_err(io_error("read", script))?;
        let path = self.script_path(session);
        if optional(&path)?.as_deref() == Some(text.as_str()) { Ok(()) } else { replace(&path, &text) }
    }

    /// The script by which a session's recordings were made, if one is kept.
    ///
    /// # Errors
    /// When it is there but cannot be read or makes no sense.
    pub fn script(&self, session: &str) -> Result<Option<Golden>, StoreError> {
        let path = self.script_path(session);
        if path.exists() { read_golden(&path).map(Some) } else { Ok(None) }
    }

    /// Where a session's golden is.
    pub fn golden_path(&self, session: &str) -> PathBuf {
        self.root.join("golden").join(format!("{session}.toml"))
    }

    /// Where a session's proposal is.
    pub fn proposal_path(&self, session: &str) -> PathBuf {
        self.root.join("golden").join(format!("{session}.toml.new"))
    }

    /// What is proposed for a session, as far as it is there.
    pub fn proposal_files(&self, session: &str) -> Vec<PathBuf> {
        let files = [self.proposal_path(session), self.seen_proposal_path(session)];
        let runs = list(&self.staged_folder(session)).unwrap_or_default();
        files.into_iter().filter(|path| path.exists()).chain(runs).collect()
    }

    /// Where what is measured of a class of hosts is kept: beside the goldens, and on this machine only.
    pub fn host_profile_paths(&self, class: &str) -> [PathBuf; 2] {
        let file = format!("{class}.toml");
        [
            self.root.join("golden").join("hosts").join(&file),
            self.root.join("target").join("goldwire").join("hosts").join(&file),
        ]
    }

    /// What is known of a class of hosts; what is committed goes before what only this machine has.
    ///
    /// # Errors
    /// When it cannot be read or makes no sense.
    pub fn host_profile(&self, class: &str) -> Result<Option<HostProfile>, StoreError> {
        for path in self.host_profile_paths(class) {
            match text_of(&path) {
                Ok(text) => return Ok(Some(HostProfile::read(&path.display().to_string(), &text)?)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(StoreError::Io { what: "read", path, source }),
            }
        }
        Ok(None)
    }

    /// Keeps what is known of a class of hosts where it was found; what is new on this machine only, unless it is to be
    /// committed. The path that was written.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_host_profile(&self, profile: &HostProfile, commit: bool) -> Result<PathBuf, StoreError> {
        let [committed, local] = self.host_profile_paths(&profile.class);
        let path = if commit || committed.exists() { committed } else { local };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(io_error("create", folder))?;
        }
        replace(&path, &profile.write())?;
        Ok(path)
    }

    /// The files of all classes of hosts that are known.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn host_profile_files(&self) -> Result<Vec<PathBuf>, StoreError> {
        let mut files = Vec::new();
        for path in self.host_profile_paths("any") {
            let Some(folder) = path.parent().filter(|folder| folder.is_dir()) else { continue };
            let mut own: Vec<PathBuf> = fs::read_dir(folder)
                .map_err(io_error("read", folder))?
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
                .collect();
            own.sort();
            files.extend(own);
        }
        Ok(files)
    }

    pub(super) fn staged_folder(&self, session: &str) -> PathBuf {
        self.root.join("golden").join(format!("{session}.runs.new"))
    }

    /// Keeps runs that a proposal was learned from beside it: what a golden was learned from must not get lost.
    ///
    /// # Errors
    /// When one of them cannot be copied.
    pub fn stage(&self, session: &str, runs: &[PathBuf]) -> Result<(), StoreError> {
        let folder = self.staged_folder(session);
        for run in runs {
            fs::create_dir_all(&folder).map_err(io_error("create", &folder))?;
            let path = folder.join(run.file_name().unwrap_or(run.as_os_str()));
            fs::copy(run, &path).map_err(io_error("write", &path))?;
        }
        Ok(())
    }

    /// Makes recordings of the runs beside a proposal that was accepted.
    pub(super) fn keep_staged(&self, session: &str) -> Result<(), StoreError> {
        let (staged, folder) = (self.staged_folder(session), self.recordings_folder(session));
        for run in list(&staged)? {
            fs::create_dir_all(&folder).map_err(io_error("create", &folder))?;
            rename(&run, &folder.join(run.file_name().unwrap_or(run.as_os_str())))?;
        }
        remove_folder(&staged)
    }

    /// Where it is kept what a session's recordings showed.
    pub fn seen_path(&self, session: &str) -> PathBuf {
        self.root.join("golden").join(format!("{session}.seen"))
    }

    pub(super) fn seen_proposal_path(&self, session: &str) -> PathBuf {
        self.root.join("golden").join(format!("{session}.seen.new"))
    }

    /// The files of a session's recordings, by name, which is by time.
    ///
    /// # Errors
    /// When the folder cannot be read; a folder that is not there is an empty one.
    pub fn recordings(&self, session: &str) -> Result<Vec<PathBuf>, StoreError> {
        recordings_in(&self.recordings_folder(session))
    }

    /// Adds whole recordings to a session, each a file's name and its text: all of them or none.
    ///
    /// # Errors
    /// When one of them cannot be written.
    pub fn add_recordings(
        &self,
        session: &str,
        files: &[(String, Vec<u8>)],
    ) -> Result<Vec<PathBuf>, StoreError> {
        let folder = self.folder_to_record(session)?;
        fs::create_dir_all(&folder).map_err(io_error("create", &folder))?;
        let mut written = Vec::new();
        for (name, text) in files {
            let path = folder.join(name);
            let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(io_error("write in", &folder))?;
            file.write_all(text).map_err(io_error("write", &path))?;
            share(file.path(), 0o644).map_err(io_error("write", &path))?;
            // Only its name is kept: a capture may hold more sessions than a process may have files open.
            written.push((file.into_temp_path(), path));
        }
        let mut paths: Vec<PathBuf> = Vec::new();
        for (file, path) in written {
            if let Err(error) = file.persist_noclobber(&path) {
                // What the first error says matters more than whether this succeeds.
                paths.iter().for_each(|path| drop(fs::remove_file(path)));
                return Err(io_error("write", &path)(error.error));
            }
            paths.push(path);
        }
        Ok(paths)
    }

    /// All sessions with a golden, by name.
    ///
    /// # Errors
    /// When the folder cannot be read; a folder that is not there is an empty one.
    pub fn goldens(&self) -> Result<Vec<String>, StoreError> {
        self.names(".toml")
    }

    /// All sessions with a proposal, by name.
    ///
    /// # Errors
    /// When the folder cannot be read; a folder that is not there is an empty one.
    pub fn pending(&self) -> Result<Vec<String>, StoreError> {
        let mut names = self.names(".toml.new")?;
        names.extend(self.names(".seen.new")?);
        names.sort();
        names.dedup();
        Ok(names)
    }

    fn names(&self, ending: &str) -> Result<Vec<String>, StoreError> {
        let folder = self.root.join("golden");
        let files = list(&folder)?;
        let name = |path: &PathBuf| path.file_name()?.to_str()?.strip_suffix(ending).map(str::to_owned);
        Ok(files.iter().filter_map(name).collect())
    }
}
