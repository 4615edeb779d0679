//! The runtime of sessions.

use super::error::{Error, ErrorKind};
use tokio::runtime::{Builder, Runtime};

/// The number of threads that may wait for disks, name lookups and a person: thousands of sessions that start at once
/// need no thread each.
const BLOCKING_THREADS: usize = 8;

/// A runtime for many concurrent sessions.
///
/// # Errors
/// If the system cannot start its threads.
pub fn runtime() -> Result<Runtime, Error> {
    start(&mut Builder::new_multi_thread())
}

/// A runtime for recording. Handing a message from one thread to another costs more than everything else that is done with
/// it, and a reader that is woken seldom is woken sooner. Files are written by another thread in any case.
///
/// # Errors
/// If the system cannot start it.
pub fn recording_runtime() -> Result<Runtime, Error> {
    start(&mut Builder::new_current_thread())
}

fn start(builder: &mut Builder) -> Result<Runtime, Error> {
    raise_file_limit();
    let runtime = builder.enable_all().max_blocking_threads(BLOCKING_THREADS).build();
    runtime.map_err(|error| Error::new(ErrorKind::Internal, format!("failed to start the runtime: {error}")))
}

/// A session takes two open files, a socket and its recording, and systems begin with 1024 for a process. Takes as many as
/// the process may have without asking anybody.
fn raise_file_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        // If that fails, the session that finds no file left says so.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}
