//! Records a session while it runs, without delaying it.
//!
//! One thread writes for all sessions, so that a thousand sessions need no thousand threads, and a slow disk delays
//! none of them. The queue of each session is bounded. If a disk is too slow or fails, that recording ends, with one
//! message, and the session continues. If the disk accepts the last line later, it has the reason. The file has its
//! final name from the first line on and only grows, so that a crash leaves a readable prefix.

use super::append::{Append, Flush};
use crate::connection::buffer_pool;
use goldwire_core::transcript::{End, Ending, Frame, Gap, Header, Offset, Payload, Redactor, Side, Writer};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, oneshot};

/// The maximum of one session's bytes that may wait for the disk.
const MAX_WAITING: usize = 256 * 1024 * 1024;
/// The number of waiting bytes from which callers wait ([`Recorder::backpressure`]).
const MANY_WAITING: usize = 2 * 1024 * 1024;
/// The time for which a session waits for a disk that does nothing, before it continues until [`MAX_WAITING`].
const PATIENCE: Duration = Duration::from_millis(500);
/// The time for which frames are collected before they are written together: waking the thread costs more than
/// writing a frame.
const GATHER: Duration = Duration::from_millis(20);
/// The number of one session's bytes that are written at once.
const ENOUGH: usize = 64 * 1024;
/// The memory of a frame besides its payload.
const FRAME: usize = 64;
/// The time for which a dropped recorder waits for its last lines to be written.
const DROP_TIMEOUT: Duration = Duration::from_millis(500);

/// A recording that is incomplete because it could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("recording {}: {cause}; it ends after {frames} frames", path.display())]
pub struct WriteError {
    /// The file with the frames so far.
    pub path: PathBuf,
    /// The error of the system.
    pub cause: String,
    /// The number of frames in the file.
    pub frames: u64,
}

/// Writes one session's recording.
#[derive(Debug)]
pub struct Recorder {
    id: u64,
    path: PathBuf,
    state: Arc<State>,
    thread: Thread,
    /// Whether its frames may wait for others.
    gathers: bool,
    is_finished: bool,
}

/// The thread that writes for all.
#[derive(Debug, Clone)]
struct Thread {
    jobs: mpsc::Sender<Job>,
    thread: std::thread::Thread,
}

impl Thread {
    /// Whether it is there to do it.
    fn send(&self, job: Job) -> bool {
        self.jobs.send(job).is_ok()
    }

    /// Ends its waiting for more.
    fn wake(&self) {
        self.thread.unpark();
    }
}

/// The shared state of the session and the writer thread.
#[derive(Debug, Default)]
struct State {
    waiting: AtomicUsize,
    /// Frames that were not written after the loss.
    missing: AtomicU64,
    /// Told whenever something was written, for those who wait for room.
    written: Notify,
    /// Whether the disk was given up on waiting for, until it writes again.
    is_stalled: AtomicBool,
    /// Whether there is a cause in `loss`: asked with every frame, by two threads.
    is_lost: AtomicBool,
    loss: Mutex<FirstError>,
}

/// The queued data.
#[derive(Debug)]
enum Queued {
    Frame(Frame),
    /// Secrets were replaced in it already.
    Clean(Frame),
    Texts(Texts),
}

/// Text messages of a server that came together: one behind the other, in one piece of memory.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    pub(crate) conn: u32,
    pub(crate) text: String,
    pub(crate) lines: Vec<Line>,
}

/// One of them. It begins where the one before it ends.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) at: Offset,
    pub(crate) earlier: Gap,
    pub(crate) end: usize,
    /// Whether it was read and is JSON.
    pub(crate) is_json: bool,
}

impl Queued {
    /// The number of frames.
    fn count(&self) -> usize {
        match self {
            Queued::Frame(_) | Queued::Clean(_) => 1,
            Queued::Texts(texts) => texts.lines.len(),
        }
    }

    /// The approximate memory.
    fn size(&self) -> usize {
        match self {
            Queued::Frame(frame) | Queued::Clean(frame) => {
                FRAME
                    + match &frame.payload {
                        Payload::Open(_) | Payload::Gone(_) => 1024,
                        payload => payload.len(),
                    }
            }
            Queued::Texts(texts) => FRAME * texts.lines.len() + texts.text.len(),
        }
    }
}

#[derive(Debug, Default)]
struct FirstError {
    cause: Option<String>,
    is_told: bool,
}

impl State {
    fn lock(&self) -> std::sync::MutexGuard<'_, FirstError> {
        self.loss.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lose(&self, cause: String) {
        self.lock().cause.get_or_insert(cause);
        self.is_lost.store(true, Ordering::Release);
    }

    fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Acquire)
    }
}

enum Job {
    Open(u64, Box<OpenRecording>),
    Write(u64, Queued),
    Finish(u64, Option<Ending>, oneshot::Sender<Result<(), WriteError>>),
}

/// A recording that is being written.
struct OpenRecording {
    path: PathBuf,
    writer: Writer<Append>,
    state: Arc<State>,
    frames: u64,
    /// The maximum time for which a line may stay in memory.
    flush_within: Duration,
    /// Whether something was written since the last flush.
    is_dirty: bool,
}

impl Recorder {
    /// Creates the file with its first line, and its folder. An existing file is not changed.
    ///
    /// # Errors
    /// If it cannot be created or its first line cannot be written; no file is left then.
    pub fn create(path: &Path, header: &Header, redactor: Redactor) -> io::Result<Recorder> {
        Recorder::create_with(path, header, redactor, Flush::default())
    }

    /// Like `create`, with a flush time.
    ///
    /// # Errors
    /// If it cannot be created or its first line cannot be written; no file is left then.
    pub fn create_with(
        path: &Path,
        header: &Header,
        redactor: Redactor,
        flush: Flush,
    ) -> io::Result<Recorder> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        // It gets its name with its first line in it: also a crash between the two leaves no file that cannot be read.
        let mut new = tempfile::Builder::new();
        new.prefix(".").suffix(".new");
        #[cfg(unix)]
        new.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let (file, name) = new.tempfile_in(folder)?.into_parts();
        let recorder = Recorder::over(file, path, header, redactor, flush)?;
        name.persist_noclobber(path).map_err(|error| error.error)?;
        Ok(recorder)
    }

    fn over(
        file: File,
        path: &Path,
        header: &Header,
        redactor: Redactor,
        flush: Flush,
    ) -> io::Result<Recorder> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let thread = thread()?;
        let mut writer = Writer::new(Append::to(file), header, redactor)?;
        writer.flush()?;
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let state = Arc::new(State::default());
        let path = path.to_owned();
        let open = OpenRecording {
            path: path.clone(),
            writer,
            state: state.clone(),
            frames: 0,
            flush_within: flush.interval(),
            is_dirty: false,
        };
        let gathers = open.gathers_for() > Duration::ZERO;
        if !thread.send(Job::Open(id, Box::new(open))) {
            return Err(io::Error::other("the writer thread has ended"));
        }
        Ok(Recorder { id, path, state, thread, gathers, is_finished: false })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Queues a frame for writing. Never fails and never waits; errors are in [`Recorder::loss`].
    pub fn record(&self, frame: Frame) {
        self.enqueue(Queued::Frame(frame));
    }

    /// Queues a frame without secrets.
    pub fn record_clean(&self, frame: Frame) {
        self.enqueue(Queued::Clean(frame));
    }

    /// Records many texts at once.
    pub(crate) fn record_texts(&self, texts: Texts) {
        if !texts.lines.is_empty() {
            self.enqueue(Queued::Texts(texts));
        }
    }

    fn enqueue(&self, queued: Queued) {
        let (size, count) = (queued.size(), queued.count() as u64);
        if self.state.is_lost() {
            self.state.missing.fetch_add(count, Ordering::Relaxed);
            return;
        }
        let before = self.state.waiting.fetch_add(size, Ordering::Relaxed);
        let waiting = before.saturating_add(size);
        if waiting > MAX_WAITING {
            self.state.missing.fetch_add(count, Ordering::Relaxed);
            self.state.lose(format!("the disk is too slow: {} MiB wait to be written", MAX_WAITING >> 20));
            return;
        }
        if !self.thread.send(Job::Write(self.id, queued)) {
            self.state.lose("the writer thread has ended".to_owned());
        }
        if !self.gathers || (before < ENOUGH && waiting >= ENOUGH) {
            self.thread.wake();
        }
    }

    /// Waits while too much data of this session is queued, so that memory stays small and a fast server is slowed
    /// down. It does not wait long for a disk that does nothing: the session is more important than its recording.
    pub async fn backpressure(&self) {
        while self.is_full() {
            let written = self.state.written.notified();
            if self.is_full() && tokio::time::timeout(PATIENCE, written).await.is_err() {
                self.state.is_stalled.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Whether [`Recorder::backpressure`] would wait.
    pub fn is_full(&self) -> bool {
        let state = &self.state;
        state.waiting.load(Ordering::Relaxed) > MANY_WAITING && !state.is_stalled.load(Ordering::Relaxed)
    }

    /// The reason why nothing more is written. It is returned once, so that it is reported once; [`Recorder::finish`]
    /// returns it again.
    pub fn loss(&self) -> Option<String> {
        let mut lost = self.state.lock();
        if lost.is_told {
            return None;
        }
        lost.is_told = lost.cause.is_some();
        lost.cause.clone()
    }

    /// Writes the last line and closes the file.
    ///
    /// # Errors
    /// If not everything could be written. The file then is a prefix, and its last line says so if it could be
    /// written.
    pub async fn finish(mut self, ending: Ending) -> Result<PathBuf, WriteError> {
        self.is_finished = true;
        let (done, finished) = oneshot::channel();
        let gone = || WriteError {
            path: self.path.clone(),
            cause: "the writer thread has ended".to_owned(),
            frames: 0,
        };
        if !self.thread.send(Job::Finish(self.id, Some(ending), done)) {
            return Err(gone());
        }
        self.thread.wake();
        finished.await.map_err(|_| gone())?.map(|()| self.path.clone())
    }
}

impl Drop for Recorder {
    /// A recorder that was not finished, after a panic or an error: its frames are written, without a last line.
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        let (done, mut finished) = oneshot::channel();
        if self.thread.send(Job::Finish(self.id, None, done)) {
            self.thread.wake();
            let until = Instant::now() + DROP_TIMEOUT;
            // Not `blocking_recv`, which panics within a runtime; this is the way of failures, where a moment is cheap.
            while matches!(finished.try_recv(), Err(oneshot::error::TryRecvError::Empty))
                && Instant::now() < until
            {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

/// The thread that writes for all, started when first needed.
fn thread() -> io::Result<Thread> {
    static THREAD: OnceLock<Thread> = OnceLock::new();
    if let Some(thread) = THREAD.get() {
        return Ok(thread.clone());
    }
    let (to_thread, jobs) = mpsc::channel();
    let spawned =
        std::thread::Builder::new().name("goldwire-recorder".to_owned()).spawn(move || write(&jobs))?;
    // Two at once: the second thread ends as soon as its channel is dropped here.
    Ok(THREAD.get_or_init(|| Thread { jobs: to_thread, thread: spawned.thread().clone() }).clone())
}

fn write(jobs: &mpsc::Receiver<Job>) {
    let mut desk = WriterThread::default();
    loop {
        // What is there already has gathered while something else was done.
        let ready = jobs.try_recv();
        let may_gather = ready.is_err();
        let job = match (ready, desk.until_due()) {
            (Ok(job), _) => Ok(job),
            (Err(_), Some(due)) => jobs.recv_timeout(due),
            (Err(_), None) => jobs.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
        };
        match job {
            Ok(job) => {
                if may_gather && desk.may_gather(&job) {
                    std::thread::park_timeout(desk.until_due().map_or(GATHER, |due| due.min(GATHER)));
                }
                desk.take(job);
                // What was queued meanwhile has gathered as well. The bound is on time, not on silence: no longer than that.
                while !desk.is_due()
                    && let Ok(job) = jobs.try_recv()
                {
                    desk.take(job);
                }
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        }
        if desk.is_due() {
            desk.flush();
        }
    }
}

/// The state of the writer thread for a recording.
#[derive(Default)]
struct WriterThread {
    open: HashMap<u64, Box<OpenRecording>>,
    unflushed: Vec<u64>,
    /// The time by which it must be flushed.
    flush_at: Option<Instant>,
}

impl WriterThread {
    /// Whether more may come before this is done.
    fn may_gather(&self, job: &Job) -> bool {
        let Job::Write(id, _) = job else { return false };
        self.open.get(id).is_some_and(|recording| {
            recording.gathers_for() > Duration::ZERO
                && recording.state.waiting.load(Ordering::Relaxed) < ENOUGH
        })
    }

    fn take(&mut self, job: Job) {
        match job {
            Job::Open(id, recording) => {
                self.open.insert(id, recording);
            }
            Job::Write(id, queued) => {
                let Some(recording) = self.open.get_mut(&id) else { return };
                recording.take(queued);
                if !std::mem::replace(&mut recording.is_dirty, true) {
                    self.unflushed.push(id);
                }
                let at = Instant::now() + recording.flush_within - recording.gathers_for();
                self.flush_at = Some(self.flush_at.map_or(at, |earlier| earlier.min(at)));
            }
            Job::Finish(id, ending, done) => {
                let Some(recording) = self.open.remove(&id) else { return };
                // The receiver is gone if the session's task has ended; the file is finished in any case.
                let _ = done.send(recording.finish(ending.as_ref()));
            }
        }
    }

    /// The time until the next flush.
    fn until_due(&self) -> Option<Duration> {
        self.flush_at.map(|at| at.saturating_duration_since(Instant::now()))
    }

    fn is_due(&self) -> bool {
        self.until_due().is_some_and(|due| due.is_zero())
    }

    fn flush(&mut self) {
        for id in self.unflushed.drain(..) {
            if let Some(recording) = self.open.get_mut(&id) {
                recording.flush();
            }
        }
        self.flush_at = None;
    }
}

impl OpenRecording {
    /// The share of the flush time for which a line may wait for others.
    fn gathers_for(&self) -> Duration {
        if self.flush_within > GATHER { GATHER } else { Duration::ZERO }
    }

    /// Writes queued data and wakes callers that wait for room.
    fn take(&mut self, queued: Queued) {
        let size = queued.size();
        self.write(queued);
        let state = &self.state;
        if state.waiting.fetch_sub(size, Ordering::Relaxed) > MANY_WAITING {
            state.is_stalled.store(false, Ordering::Relaxed);
            state.written.notify_waiters();
        }
    }

    fn write(&mut self, queued: Queued) {
        match queued {
            Queued::Frame(frame) => self.line(|writer| writer.frame(&frame)),
            Queued::Clean(frame) => self.line(|writer| writer.clean_frame(&frame)),
            Queued::Texts(Texts { conn, text, lines }) => {
                let mut start = 0;
                for line in lines {
                    let own = &text[std::mem::replace(&mut start, line.end)..line.end];
                    let stamp = (line.at, line.earlier);
                    self.line(|writer| writer.text(stamp, conn, Side::Server, own, line.is_json));
                }
                buffer_pool::release(text);
            }
        }
    }

    /// Writes one line, if none was lost before it.
    fn line(&mut self, write: impl FnOnce(&mut Writer<Append>) -> io::Result<()>) {
        if self.state.is_lost() {
            self.state.missing.fetch_add(1, Ordering::Relaxed);
            return;
        }
        match write(&mut self.writer) {
            Ok(()) => self.frames += 1,
            Err(error) => self.state.lose(error.to_string()),
        }
        if let Some(error) = self.writer.get_ref().error() {
            self.state.lose(error.to_string());
        }
    }

    fn flush(&mut self) {
        self.is_dirty = false;
        if !self.state.is_lost()
            && let Err(error) = self.writer.flush()
        {
            self.state.lose(error.to_string());
        }
    }

    fn finish(mut self: Box<OpenRecording>, ending: Option<&Ending>) -> Result<(), WriteError> {
        let cause = self.state.lock().cause.clone();
        let (path, frames) = (self.path, self.frames);
        let written = match (cause, ending) {
            (None, Some(ending)) => self.writer.end(ending).map(drop).map_err(|error| error.to_string()),
            (None, None) => self.writer.flush().map_err(|error| error.to_string()),
            (Some(cause), Some(ending)) => {
                let missing = self.state.missing.load(Ordering::Relaxed);
                let how = ending.label();
                let detail =
                    format!("{cause}; {missing} more frames passed, and the session ended with {how}");
                // The disk may have room again. If not, the file is still a prefix.
                let _ = self.writer.end(&Ending { how: End::Torn { detail }, ..ending.clone() });
                Err(cause)
            }
            (Some(cause), None) => {
                let _ = self.writer.flush();
                Err(cause)
            }
        };
        written.map_err(|cause| WriteError { path, cause, frames })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use goldwire_core::secret::Secret;
    use goldwire_core::transcript::{End, Offset, Side};
    use std::fs::OpenOptions;

    fn frame(text: &str) -> Frame {
        Frame::new(Offset::from_nanos(1), Side::Server, Payload::Text(text.to_owned()))
    }

    fn closed() -> Ending {
        Ending {
            at: Offset::from_nanos(9),
            how: End::Closed { by: Side::Client, code: 1000, reason: String::new() },
            host: None,
        }
    }

    fn read(path: &Path) -> goldwire_core::transcript::Transcript {
        let file = File::open(path).expect("a recording");
        goldwire_core::transcript::read(io::BufReader::new(file)).expect("it reads")
    }

    #[tokio::test]
    async fn what_was_recorded_reads_back_without_secrets() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("agent-run/one.jsonl");
        let redactor = Redactor::default();
        let recorder =
            Recorder::create(&path, &Header::default(), redactor.clone()).expect("it can be created");
        recorder.record(frame("{\"a\":1}"));
        redactor.add("token", &Secret::new("learned-late"));
        recorder.record(frame("my token is learned-late"));
        assert_eq!(recorder.finish(closed()).await, Ok(path.clone()));
        let transcript = read(&path);
        assert_eq!(transcript.frames, [frame("{\"a\":1}"), frame("my token is {{secret:token#1}}")]);
        assert_eq!(transcript.ending, closed());
        let error = Recorder::create(&path, &Header::default(), redactor).expect_err("it is there already");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    }

    #[tokio::test]
    async fn a_running_session_and_an_abandoned_one_leave_a_readable_prefix() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("one.jsonl");
        let recorder =
            Recorder::create(&path, &Header::default(), Redactor::default()).expect("it can be created");
        assert!(read(&path).frames.is_empty());
        recorder.record(frame("1"));
        // It is there without anybody asking for it; a test that waits in vain is ended by its runner.
        while read(&path).frames.is_empty() {
            tokio::task::yield_now().await;
        }
        recorder.record(frame("2"));
        drop(recorder);
        let transcript = read(&path);
        assert_eq!(transcript.frames.len(), 2);
        assert!(matches!(transcript.ending.how, End::Torn { .. }));
    }

    #[tokio::test]
    async fn many_sessions_share_the_thread_and_keep_their_frames_apart() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let recorders: Vec<Recorder> = (0..50)
            .map(|i| {
                let path = folder.path().join(format!("{i}.jsonl"));
                Recorder::create(&path, &Header::default(), Redactor::default()).expect("it can be created")
            })
            .collect();
        for n in 0..100 {
            recorders
                .iter()
                .enumerate()
                .for_each(|(i, recorder)| recorder.record(frame(&format!("{i}-{n}"))));
        }
        for (i, recorder) in recorders.into_iter().enumerate() {
            let path = recorder.finish(closed()).await.expect("it was written");
            let expected: Vec<Frame> = (0..100).map(|n| frame(&format!("{i}-{n}"))).collect();
            assert_eq!(read(&path).frames, expected);
        }
    }

    #[test]
    fn what_cannot_be_created_is_an_error_and_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("a-file");
        std::fs::write(&file, "").expect("it can be written");
        assert!(Recorder::create(&file.join("x.jsonl"), &Header::default(), Redactor::default()).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    /// A read-only folder stops everyone but root, as whom tests may run.
    #[cfg(unix)]
    #[test]
    fn a_read_only_folder_is_an_error() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o555)).expect("it is ours");
        let path = folder.path().join("x.jsonl");
        match Recorder::create(&path, &Header::default(), Redactor::default()) {
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::PermissionDenied),
            Ok(_) => assert!(rustix::process::geteuid().is_root()),
        }
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_full_disk_is_said_once_and_the_session_goes_on() {
        let full = || OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
        let path = Path::new("/dev/full");
        assert!(
            Recorder::over(full(), path, &Header::default(), Redactor::default(), Flush::default()).is_err(),
            "no first line"
        );
        // The first line goes to a file with room, what follows to a full device.
        let folder = tempfile::tempdir().expect("a temporary folder");
        let recorder = Recorder::create(&folder.path().join("x"), &Header::default(), Redactor::default())
            .expect("it can be created");
        let (state, writer) = (Arc::new(State::default()), Append::to(full()));
        let mut writer =
            Writer::new(writer, &Header::default(), Redactor::default()).expect("it is buffered");
        assert!(writer.flush().is_err());
        let open = OpenRecording {
            path: path.to_owned(),
            writer,
            state: state.clone(),
            frames: 0,
            flush_within: Flush::default().interval(),
            is_dirty: false,
        };
        assert!(recorder.thread.send(Job::Open(u64::MAX, Box::new(open))), "the thread runs");
        let thread = recorder.thread.clone();
        let full = Recorder {
            id: u64::MAX,
            path: path.to_owned(),
            state,
            thread,
            gathers: true,
            is_finished: false,
        };
        assert_eq!(full.loss(), None);
        full.record(frame("1"));
        // Noticed by the next automatic flush.
        while !full.state.is_lost() {
            tokio::task::yield_now().await;
        }
        full.record(frame("2"));
        let cause = full.loss().expect("it was noticed");
        assert!(cause.contains("No space left"), "{cause}");
        assert_eq!(full.loss(), None);
        let loss = full.finish(closed()).await.expect_err("it is incomplete");
        assert!(loss.to_string().starts_with("recording /dev/full: No space left"), "{loss}");
        recorder.record(frame("elsewhere"));
        assert!(recorder.finish(closed()).await.is_ok());
    }

    /// An unread pipe acts as a full disk; reading it makes room.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_disk_that_has_room_again_gets_the_last_line_with_the_loss_in_it() {
        let (sender, mut reader) = tokio::net::unix::pipe::pipe().expect("a pipe");
        let file = File::from(sender.into_nonblocking_fd().expect("it is ours"));
        let path = Path::new("a-pipe");
        let recorder = Recorder::over(file, path, &Header::default(), Redactor::default(), Flush::EveryFrame)
            .expect("the first line fits");
        let long = frame(&"x".repeat(1000));
        while !recorder.state.is_lost() {
            recorder.record(long.clone());
            tokio::task::yield_now().await;
        }
        recorder.record(long.clone());
        let cause = recorder.loss().expect("it was noticed");
        let mut file = Vec::new();
        while reader.try_read_buf(&mut file).is_ok_and(|count| count > 0) {}
        let loss = recorder.finish(closed()).await.expect_err("it is incomplete");
        tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut file).await.expect("a pipe reads");
        assert_eq!(loss.cause, cause);
        let transcript = goldwire_core::transcript::read(&file[..])
            .expect("what is there is whole lines, and the hash fits");
        assert_eq!(transcript.frames.len() as u64, loss.frames);
        let End::Torn { detail } = transcript.ending.how else { panic!("{:?}", transcript.ending) };
        assert!(detail.starts_with(&cause) && detail.ends_with("ended with client 1000"), "{detail}");
    }
}
