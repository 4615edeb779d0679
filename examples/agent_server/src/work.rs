//! Work that computes or reads the database, kept off the async threads.

use std::panic::resume_unwind;

/// Runs `job` on a thread that may block, and waits for it.
///
/// A panic in the job is a panic here. When the runtime is going down and takes no more jobs, this never returns,
/// and the waiting task is dropped with the runtime.
pub(crate) async fn run<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(job).await {
        Ok(value) => value,
        Err(failure) => match failure.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => std::future::pending().await,
        },
    }
}
