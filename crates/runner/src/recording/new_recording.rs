//! The start of a recording: its id, its header and its file name.

use super::append::Flush;
use super::recorder::Recorder;
use crate::auth::random_word;
use crate::connection::wall;
use goldwire_core::transcript::{Handshake, Header, HostClass, Redactor, Stamps};
use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The data of a connection when it opens. Secrets in it are replaced before it is written.
#[derive(Debug)]
pub struct NewRecording<'r> {
    /// The folder in which the file is created.
    pub folder: &'r Path,
    /// The session's name.
    pub session: &'r str,
    /// The user.
    pub user: &'r str,
    /// The address of the server.
    pub url: &'r str,
    /// The time when the connection opened: offset zero.
    pub opened: Instant,
    /// The source of arrival times.
    pub stamps: Stamps,
    /// The handshake.
    pub handshake: &'r Handshake,
    /// The claims of the user's token.
    pub claims: Option<Value>,
    /// The class of this machine.
    pub host: HostClass,
    /// The redactor.
    pub redactor: &'r Redactor,
    /// The flush time.
    pub flush: Flush,
}

/// A recording whose file is not created yet.
#[derive(Debug)]
pub struct PreparedRecording {
    path: PathBuf,
    header: Header,
    redactor: Redactor,
    flush: Flush,
}

impl NewRecording<'_> {
    /// Creates the id, the header and the file name.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn prepare(self) -> Result<PreparedRecording, getrandom::Error> {
        let id = random_word(6)?;
        let started = chrono::DateTime::<chrono::Utc>::from(wall(self.opened));
        let redactor = self.redactor;
        let path = self.folder.join(format!("{}-{id}.jsonl", started.format("%Y%m%dT%H%M%S%.3fZ")));
        let header = Header {
            session: self.session.to_owned(),
            id,
            started: started.to_rfc3339_opts(chrono::SecondsFormat::Nanos, true),
            url: redactor.clean(&redactor.clean_url(self.url)).into_owned(),
            user: self.user.to_owned(),
            recorder: concat!("goldwire ", env!("CARGO_PKG_VERSION")).to_owned(),
            stamps: self.stamps,
            handshake: redactor.clean_handshake(self.handshake),
            claims: self.claims.map(|mut claims| {
                redactor.clean_json(&mut claims);
                claims
            }),
            host: Some(self.host),
        };
        Ok(PreparedRecording { path, header, redactor: redactor.clone(), flush: self.flush })
    }
}

impl PreparedRecording {
    /// The file that will be created.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The first line of the file.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Creates the file with its first line.
    ///
    /// # Errors
    /// If that fails; no file is left then.
    pub fn create(self) -> io::Result<(Recorder, Header)> {
        let recorder = Recorder::create_with(&self.path, &self.header, self.redactor, self.flush)?;
        Ok((recorder, self.header))
    }
}
