//! Ctrl-C and SIGTERM.

use super::reports::talk;
use tokio::sync::watch;

/// Becomes true at Ctrl-C or SIGTERM; a second one ends the process at once.
pub(super) fn interrupts() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    let (heeded, is_heeded) = std::sync::mpsc::channel();
    // Use a separate thread, because the others may be blocked on output.
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async move {
            let mut stop = StopSignals::install();
            let _ = heeded.send(());
            stop.next().await;
            // If the receiver is gone, there is nothing to stop.
            let _ = sender.send(true);
            std::thread::spawn(|| talk!("stopping; the recordings are kept (press again to exit at once)"));
            stop.next().await;
            // Print nothing, because output may block for ever.
            std::process::exit(i32::from(super::exit::Exit::Interrupted.code()));
        });
    });
    // Install the handler now, not when the thread first runs: otherwise an early signal would skip the cleanup.
    let _ = is_heeded.recv();
    receiver
}

/// Ctrl-C and SIGTERM. A signal without a handler ends the process as usual.
#[cfg(unix)]
struct StopSignals([Option<tokio::signal::unix::Signal>; 2]);

#[cfg(unix)]
impl StopSignals {
    fn install() -> StopSignals {
        use tokio::signal::unix::{SignalKind, signal};
        StopSignals([SignalKind::interrupt(), SignalKind::terminate()].map(|kind| signal(kind).ok()))
    }

    async fn next(&mut self) {
        async fn of(signal: &mut Option<tokio::signal::unix::Signal>) {
            match signal {
                Some(signal) => drop(signal.recv().await),
                None => std::future::pending().await,
            }
        }
        let [interrupt, terminate] = &mut self.0;
        tokio::select! {
            () = of(interrupt) => {}
            () = of(terminate) => {}
        }
    }
}

/// Ctrl-C.
#[cfg(not(unix))]
struct StopSignals;

#[cfg(not(unix))]
impl StopSignals {
    fn install() -> StopSignals {
        StopSignals
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
