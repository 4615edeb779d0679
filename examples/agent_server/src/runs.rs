//! The runs under way: one per thread, each can be cancelled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// What is known of a run from outside.
struct Running {
    run_id: String,
    connection_id: String,
    cancel: watch::Sender<bool>,
}

/// The runs under way, by thread.
#[derive(Default)]
pub(crate) struct Runs {
    running: Mutex<HashMap<String, Running>>,
}

/// A thread taken by one run. Dropping it frees the thread, whatever became of the run.
pub(crate) struct Claim {
    runs: Arc<Runs>,
    thread_id: String,
    cancelled: watch::Receiver<bool>,
}

impl Runs {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the thread for a run; `None` when another run has it.
    pub(crate) fn claim(
        self: &Arc<Runs>,
        thread_id: &str,
        run_id: &str,
        connection_id: &str,
    ) -> Option<Claim> {
        let mut running = self.lock();
        if running.contains_key(thread_id) {
            return None;
        }
        let (cancel, cancelled) = watch::channel(false);
        let run = Running { run_id: run_id.to_owned(), connection_id: connection_id.to_owned(), cancel };
        running.insert(thread_id.to_owned(), run);
        Some(Claim { runs: Arc::clone(self), thread_id: thread_id.to_owned(), cancelled })
    }

    /// Cancels a run of this connection; false when it has no such run.
    pub(crate) fn cancel(&self, run_id: &str, connection_id: &str) -> bool {
        let running = self.lock();
        let found = running.values().find(|run| run.run_id == run_id && run.connection_id == connection_id);
        found.map(|run| run.cancel.send_replace(true)).is_some()
    }

    /// Cancels every run of a connection that is gone.
    pub(crate) fn cancel_all_of(&self, connection_id: &str) {
        for run in self.lock().values().filter(|run| run.connection_id == connection_id) {
            run.cancel.send_replace(true);
        }
    }
}

impl Claim {
    /// Resolves when the run is cancelled.
    pub(crate) fn cancelled(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut cancelled = self.cancelled.clone();
        async move {
            // The sender goes when the claim does, and then nobody is left to cancel.
            if cancelled.wait_for(|cancelled| *cancelled).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.runs.lock().remove(&self.thread_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_has_one_run_at_a_time() {
        let runs = Arc::new(Runs::default());
        let first = runs.claim("thr_1", "run_1", "conn_1");
        assert!(first.is_some() && runs.claim("thr_1", "run_2", "conn_1").is_none());
        assert!(!runs.cancel("run_1", "conn_2"));
        assert!(runs.cancel("run_1", "conn_1"));
        drop(first);
        assert!(runs.claim("thr_1", "run_2", "conn_1").is_some());
    }
}
