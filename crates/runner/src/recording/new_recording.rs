//! How a recording begins: its id, its header and its file name.

use super::append::Flush;
use super::recorder::Recorder;
use crate::auth::random_word;
use crate::connection::wall;
use goldwire_core::transcript::{Handshake, Header, HostClass, Redactor, Stamps};
use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What is known of a connection when it opens. Secrets in it are replaced before they are written.
#[derive(Debug)]
pub struct NewRecording<'r> {
    /// The folder in which the file is created.
    pub folder: &'r Path,
    /// The session's name.
    pub session: &'r str,
    /// Who talks.
    pub user: &'r str,
    /// Where the server is.
    pub url: &'r str,
    /// When the connection opened: offset zero.
    pub opened: Instant,
    /// Who stamps what arrives.
    pub stamps: Stamps,
    /// How the connection was opened.
    pub handshake: &'r Handshake,
    /// What the user's token claims.
    pub claims: Option<Value>,
    /// The class of this machine.
    pub host: HostClass,
    /// What must not be written.
    pub redactor: &'r Redactor,
    /// How soon frames are written.
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
    /// Makes the id, the header and the file name.
    ///
    /// # Errors
    /// When the system has no random numbers.
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
    /// When that cannot be done; no file is left then.
    pub fn create(self) -> io::Result<(Recorder, Header)> {
        let recorder = Recorder::create_with(&self.path, &self.header, self.redactor, self.flush)?;
        Ok((recorder, self.header))
    }
}
