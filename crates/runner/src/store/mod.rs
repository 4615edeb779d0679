//! `recordings/` and `golden/` on disk, and the life of a proposal.
//!
//! ```text
//! recordings/<session>/<UTC time>-<short id>.jsonl       .jsonl.zst when it is compressed
//! recordings/<session>.toml      the script by which its recordings were made, where there was one
//! golden/<session>.toml          accepted
//! golden/<session>.toml.new      proposed by `learn`; `accept` moves it
//! golden/<session>.seen          what its recordings showed that no other session should show again
//! golden/<session>.seen.new      likewise
//! golden/<session>.runs.new/     runs of a check that a proposal was learned from; `accept` makes them recordings
//! ```
//!
//! Nothing here overwrites an accepted golden except [`Store::accept`], and every file is replaced in one step.

mod file;
mod proposal;

pub use proposal::without_head;

pub use file::{Lines, compress, contents};

use goldwire_core::codec::SchemaError;
use goldwire_core::diff::{Change, changes};
use goldwire_core::document::Problems;
use goldwire_core::golden::{self, Golden, HostProfile, Seen, SeenError};
use goldwire_core::learn;
use goldwire_core::transcript::{self, Entries, Header, ReadError, Transcript};
use std::borrow::Cow;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// What went wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The system refused.
    #[error("failed to {what} {}: {source}", path.display())]
    Io {
        /// E.g. `read`.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A recording that makes no sense.
    #[error("{}: {source}", path.display())]
    Recording {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: ReadError,
    },
    /// A file of what recordings showed that makes no sense.
    #[error("{}: {source}", path.display())]
    Seen {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: SeenError,
    },
    /// A golden that makes no sense.
    #[error("{0}")]
    Golden(#[from] Problems),
    /// The set of descriptors that a golden names describes nothing of it.
    #[error("{}: {source}", path.display())]
    Descriptor {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: SchemaError,
    },
    /// A golden was learned, and the file that says how well it is known is gone.
    #[error(
        "{} {}: it says how well it is known what {} says",
        seen.display(),
        if *is_there { "has no evidence" } else { "is not there" },
        golden.display()
    )]
    NoEvidence {
        /// The golden.
        golden: PathBuf,
        /// The file that says it.
        seen: PathBuf,
        /// Whether that file is there, and has nothing of it: an older goldwire wrote it.
        is_there: bool,
    },
    /// There is no proposal.
    #[error("no proposal for `{0}`; `goldwire learn {0}` makes one")]
    NoProposal(String),
    /// There is no golden.
    #[error("no golden for `{0}`; `goldwire learn {0}` proposes one from its recordings")]
    NoGolden(String),
    /// A name that would lead out of the folder.
    #[error("`{0}` is not a session's name: letters, digits, `-`, `_` and `.`, not starting with a dot")]
    Name(String),
}

/// The folders of a project.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

fn io_error<'p>(what: &'static str, path: &'p Path) -> impl FnOnce(io::Error) -> StoreError + 'p {
    move |source| StoreError::Io { what, path: path.to_owned(), source }
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

    fn staged_folder(&self, session: &str) -> PathBuf {
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
    fn keep_staged(&self, session: &str) -> Result<(), StoreError> {
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

    fn seen_proposal_path(&self, session: &str) -> PathBuf {
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

    /// Reads a session's golden, and how well it is known what it says.
    ///
    /// # Errors
    /// When one of them is not there, cannot be read or makes no sense.
    pub fn golden(&self, session: &str) -> Result<Golden, StoreError> {
        let path = self.golden_path(session);
        if !path.exists() {
            return Err(StoreError::NoGolden(session.to_owned()));
        }
        let golden = read_golden(&path)?;
        // With less evidence less would fail, and nobody would be told.
        if golden.lacks_evidence() {
            let seen = self.seen_path(session);
            let is_there = seen.exists();
            return Err(StoreError::NoEvidence { golden: path, seen, is_there });
        }
        Ok(golden)
    }

    /// Reads what was accepted of a session to learn on from, or to compare a proposal with: what was known of it may be gone.
    ///
    /// # Errors
    /// When the golden is not there, cannot be read or makes no sense.
    pub fn accepted(&self, session: &str) -> Result<Golden, StoreError> {
        match self.golden(session) {
            Err(StoreError::NoEvidence { golden, .. } | StoreError::Seen { path: golden, .. }) => {
                let path = golden.with_extension("toml");
                let text = text_of(&path).map_err(io_error("read", &path))?;
                let mut golden = golden::read(&path.display().to_string(), &text)?;
                describe(&mut golden, &path)?;
                Ok(golden)
            }
            golden => golden,
        }
    }

    /// The text of a session's golden, if it has one.
    ///
    /// # Errors
    /// When it is there but cannot be read.
    pub fn golden_text(&self, session: &str) -> Result<Option<String>, StoreError> {
        optional(&self.golden_path(session))
    }

    /// The text of a session's proposal, if it has one, as it would be accepted.
    ///
    /// # Errors
    /// When it is there but cannot be read.
    pub fn proposal_text(&self, session: &str) -> Result<Option<String>, StoreError> {
        Ok(optional(&self.proposal_path(session))?.map(|text| without_head(&text).to_owned()))
    }

    /// What a session's proposal changes in what passes; `None` where there is no golden or no proposal to compare.
    ///
    /// # Errors
    /// When one of them is there but cannot be read or makes no sense.
    pub fn changes(&self, session: &str) -> Result<Option<Vec<Change>>, StoreError> {
        let old = match self.accepted(session) {
            Err(StoreError::NoGolden(_)) => return Ok(None),
            golden => golden?,
        };
        let path = self.proposal_path(session);
        // With its head: what a mistake says of lines is about the file.
        let Some(text) = optional(&path)? else { return Ok(None) };
        let mut new = golden::read(&path.display().to_string(), &text)?;
        attach(&mut new, &path)?;
        Ok(Some(changes(&old, &new)))
    }

    /// What the recordings behind a session's golden showed, where that is known.
    ///
    /// # Errors
    /// When it is there but cannot be read or makes no sense.
    pub fn seen(&self, session: &str) -> Result<Option<Seen>, StoreError> {
        read_seen(&self.seen_path(session))
    }

    /// Writes what the recordings showed beside what is accepted. False when that says the same already.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn propose_seen(&self, session: &str, seen: &Seen) -> Result<bool, StoreError> {
        Store::check_name(session)?;
        let (path, text) = (self.seen_proposal_path(session), seen.write());
        if optional(&self.seen_path(session))?.as_deref() == Some(text.as_str()) {
            remove(&path)?;
            return Ok(false);
        }
        replace(&path, &text)?;
        Ok(true)
    }

    /// Writes a proposal beside the golden; comments and hand edits of the golden are kept. False when the proposal
    /// says what the golden says already: then there is none.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn propose(&self, session: &str, golden: &Golden) -> Result<bool, StoreError> {
        Store::check_name(session)?;
        // They belong to an earlier proposal.
        remove_folder(&self.staged_folder(session))?;
        let path = self.proposal_path(session);
        let old = self.golden_text(session)?;
        let text = match &old {
            Some(old) => {
                let mut golden = golden.clone();
                if let Ok(accepted) = self.accepted(session) {
                    golden.learned.reason = accepted.learned.reason;
                }
                golden::rewrite(old, &golden)
            }
            None => golden::write(golden),
        };
        if old.as_deref() == Some(text.as_str()) {
            remove(&path)?;
            return Ok(false);
        }
        // What nobody can read is no proposal: better no file than one that `accept` stumbles over.
        golden::read(&path.display().to_string(), &text).map_err(StoreError::Golden)?;
        replace(&path, &text)?;
        if let Some(changes) = self.changes(session).ok().flatten().filter(|changes| !changes.is_empty()) {
            replace(&path, &proposal::with_head(&changes, &text))?;
        }
        Ok(true)
    }

    /// Makes a proposal the golden, with the reason in it.
    ///
    /// # Errors
    /// When there is no proposal, it makes no sense or a file cannot be written; the golden is then as it was.
    pub fn accept(&self, session: &str, reason: &str) -> Result<PathBuf, StoreError> {
        Store::check_name(session)?;
        let proposal = self.proposal_path(session);
        let seen = self.seen_proposal_path(session);
        let Some(text) = optional(&proposal)? else {
            // The golden says all of it already; only what goes with it is new.
            let golden = self.golden_path(session);
            if !seen.exists() || !golden.exists() {
                return Err(StoreError::NoProposal(session.to_owned()));
            }
            rename(&seen, &self.seen_path(session))?;
            self.keep_staged(session)?;
            return Ok(golden);
        };
        let mut golden = golden::read(&proposal.display().to_string(), &text)?;
        golden.learned.reason = reason.to_owned();
        let path = self.golden_path(session);
        replace(&path, &golden::rewrite(without_head(&text), &golden))?;
        if seen.exists() {
            rename(&seen, &self.seen_path(session))?;
        }
        self.keep_staged(session)?;
        remove(&proposal)?;
        Ok(path)
    }

    /// Throws a proposal away.
    ///
    /// # Errors
    /// When there is none or it cannot be removed.
    pub fn reject(&self, session: &str) -> Result<(), StoreError> {
        Store::check_name(session)?;
        let seen = self.seen_proposal_path(session);
        if self.proposal_text(session)?.is_none() && !seen.exists() {
            return Err(StoreError::NoProposal(session.to_owned()));
        }
        remove(&seen)?;
        remove_folder(&self.staged_folder(session))?;
        remove(&self.proposal_path(session))
    }
}

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
fn attach(golden: &mut Golden, path: &Path) -> Result<(), StoreError> {
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
fn describe(golden: &mut Golden, path: &Path) -> Result<(), StoreError> {
    let Some(file) = golden.dialect.descriptor() else { return Ok(()) };
    let folder = path.parent().unwrap_or(Path::new(""));
    let beside = folder.join(file);
    let above = folder.join("..").join(file);
    let path = if !beside.exists() && above.exists() { above } else { beside };
    let set = fs::read(&path).map_err(io_error("read", &path))?;
    golden.dialect.describe(&set).map_err(|source| StoreError::Descriptor { path, source })
}

fn read_seen(path: &Path) -> Result<Option<Seen>, StoreError> {
    let Some(text) = optional(path)? else { return Ok(None) };
    Seen::read(&text).map(Some).map_err(|source| StoreError::Seen { path: path.to_owned(), source })
}

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

fn list(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
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

/// The text of a file; of nothing else: whoever opens a pipe that nobody writes to waits for ever.
fn text_of(path: &Path) -> io::Result<String> {
    String::from_utf8(file::contents(path)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

fn optional(path: &Path) -> Result<Option<String>, StoreError> {
    match text_of(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error("read", path)(error)),
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(io_error("replace", to))
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("remove", path)(error)),
        _ => Ok(()),
    }
}

fn remove_folder(path: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Writes a file in one step: a reader sees the old text or the new one.
///
/// # Errors
/// When it cannot be written; what was there is then as it was.
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
fn share(path: &Path, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    let _ = (path, mode);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use goldwire_core::codec::Codec;
    use goldwire_core::dialect::{Label, events};
    use goldwire_core::transcript::{Frame, Offset, Payload, Side};
    use serde_json::json;

    #[test]
    fn a_golden_reads_its_descriptors_from_its_folder_or_the_one_above() {
        let folder = tempfile::tempdir().expect("a folder");
        let golden = folder.path().join("golden/chat.toml");
        let message = json!({ "1": "Say", "2": { "1": "text", "3": 1, "4": 1, "5": 9 } });
        let file = json!({ "1": { "1": "chat.proto", "2": "chat", "4": message, "12": "proto3" } });
        let protobuf = Codec::of("protobuf").expect("a codec");
        let set = protobuf.write(&file).expect("a set of descriptors");
        fs::create_dir(folder.path().join("golden")).expect("a folder");
        let text = |message: &str| {
            format!(
                "goldwire = 1\norder = \">text ; text\"\n[dialect]\ncodec = \"protobuf\"\n\
                 descriptor = \"chat.binpb\"\nmessage = \"{message}\"\nname = {{ present = [\"text\"] }}\n\
                 [event.\">text\"]\nsend = {{ text = \"hi\" }}\n"
            )
        };
        fs::write(&golden, text("chat.Say")).expect("a file");
        let error = |path: &Path| read_golden(path).map_err(|error| error.to_string()).expect_err("it lacks");
        assert!(error(&golden).contains("failed to read"), "{}", error(&golden));
        fs::write(folder.path().join("chat.binpb"), &set).expect("a file");
        let read = read_golden(&golden).expect("a golden");
        let label = Label::new(Side::Client, "text");
        let said = read.dialect.encode(&label, &json!({ "text": "hi" })).expect("it can be said");
        assert_eq!(said, [Payload::Binary(b"\x0a\x02hi".to_vec())]);
        let frame = Frame::new(Offset::ZERO, Side::Server, said[0].clone());
        let heard = events(&read.dialect, &[frame]);
        assert_eq!((heard[0].label.as_str(), &heard[0].data), ("text", &json!({ "text": "hi" })));
        fs::write(&golden, text("Say")).expect("a file");
        assert!(error(&golden).ends_with("it describes no message `Say`; there is `chat.Say`"));
        // Without its file nothing is known, and nothing is guessed.
        let unread = golden::read("g.toml", &text("chat.Say")).expect("a golden");
        let error =
            unread.dialect.encode(&label, &json!({ "text": "hi" })).map_err(|error| error.to_string());
        assert_eq!(error, Err("`chat.binpb` was not read".to_owned()));
    }
}
