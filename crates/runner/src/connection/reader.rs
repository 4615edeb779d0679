//! The received frames of a connection.
//!
//! ```text
//! socket ─► one read, one stamp ─► frames, where they lie ─► Batch: texts in one piece ─► Arriving
//! ```
//!
//! The task that waits for frames also reads them, because passing them between tasks would cost more than reading. A
//! read takes the time first, answers pings and closes, and returns the frames. It uses the memory of its thread, so
//! an idle connection holds none.

use super::buffer_pool;
use super::duplex::Duplex;
use super::frames::{Broken, Frames, Message, NO_STATUS};
use super::stamps::Newest;
use goldwire_core::transcript::{Gap, Payload, Stamps};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// The maximum of bytes per read. One read has one timestamp, but a reader with so much data is late anyway.
const READ: usize = 64 * 1024;
/// The number of batches that may wait for the driver.
pub(crate) const WAITING: usize = 4;
/// The number of batches that are read during a send: 16 MiB at most.
const AHEAD: usize = 256;
/// The time for which the reader waits for the end of the connection after the last frame, while its answer is sent.
const LINGER: Duration = Duration::from_secs(2);

/// The number of reads in a row without a frame before other tasks get their turn.
const AT_ONCE: usize = 16;

thread_local! {
    static ROOM: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// The received frames of a connection, in order. Frames of one read are available at once.
#[derive(Debug)]
pub struct Arriving {
    source: Source,
    /// The batches that were read during a send.
    ahead: VecDeque<Batch>,
    texts: String,
    items: std::vec::IntoIter<Item>,
}

/// The source of the frames.
#[derive(Debug)]
enum Source {
    /// A WebSocket, which the waiting task reads.
    Socket(Box<Reader>),
    /// Tasks that read for themselves.
    Tasks(mpsc::Receiver<Box<Batch>>),
}

/// A received frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Incoming {
    /// The arrival time of its last byte, or the time of reading if the kernel does not provide it.
    pub at: Instant,
    /// The maximum by which it may have arrived earlier; zero if the time is exact or not the kernel's.
    pub earlier: Gap,
    /// The number of the request, counted from 0; 0 on a WebSocket.
    pub request: u32,
    /// The content.
    pub what: Arrived,
}

/// The content.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrived {
    /// A message or a control frame. After [`Payload::Close`] nothing more comes: on a WebSocket at all, over HTTP of this
    /// request.
    Frame(Payload),
    /// A request, the moment before it was handed to the kernel: over HTTP it may have to connect first.
    Sent(Payload),
    /// The connection ended without a close frame, and why. Nothing more comes.
    Gone(String),
    /// A message longer than we take; we left. Nothing more comes.
    TooLong(String),
}

/// The frames of one read. Most of them are texts, which are stored one after the other in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    texts: String,
    items: Vec<Item>,
}

impl Batch {
    /// A batch of parsed frames.
    pub(crate) fn of(all: Vec<Incoming>) -> Box<Batch> {
        let items = all.into_iter().map(|Incoming { at, earlier, request, what }| Item {
            at,
            earlier,
            request,
            what: What::Other(Box::new(what)),
        });
        Box::new(Batch { texts: String::new(), items: items.collect() })
    }
}

/// One thing of a batch.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) at: Instant,
    pub(crate) earlier: Gap,
    pub(crate) request: u32,
    pub(crate) what: What,
}

/// The content of a frame.
#[derive(Debug)]
pub(crate) enum What {
    /// A text message: so many bytes of the batch's texts.
    Text {
        start: usize,
        end: usize,
    },
    Other(Box<Arrived>),
}

impl Arriving {
    /// The source of a WebSocket; `rest` are the bytes that came with the answer to the upgrade, and `newest` is
    /// their arrival.
    pub(super) fn of_socket(
        duplex: Arc<Duplex>,
        newest: Newest,
        rest: Vec<u8>,
        max_message: usize,
    ) -> Arriving {
        Arriving::new(Source::Socket(Box::new(Reader {
            duplex,
            rest: (!rest.is_empty()).then_some((rest, newest)),
            frames: Frames::new(max_message),
            stamps: newest.stamps(),
            last: Instant::now(),
            answers: Vec::new(),
            is_answering: false,
            late_pong: None,
            end: None,
        })))
    }

    /// The source of tasks, which the bounded channel slows down when they are ahead.
    pub(crate) fn of_tasks(batches: mpsc::Receiver<Box<Batch>>) -> Arriving {
        Arriving::new(Source::Tasks(batches))
    }

    fn new(source: Source) -> Arriving {
        Arriving { source, ahead: VecDeque::new(), texts: String::new(), items: Vec::new().into_iter() }
    }

    /// The next frame; none at the end. Cancelling the wait loses nothing.
    pub async fn recv(&mut self) -> Option<Incoming> {
        self.wait().await;
        self.ready()
    }

    /// Waits until something is there, or nothing more comes; whether something is.
    pub(crate) async fn wait(&mut self) -> bool {
        std::future::poll_fn(|cx| self.poll_wait(cx)).await
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        while self.items.as_slice().is_empty() {
            let next = match self.ahead.pop_front() {
                Some(batch) => Some(batch),
                None => ready!(self.source.poll(cx)),
            };
            let Some(batch) = next else { return Poll::Ready(false) };
            (self.texts, self.items) = (batch.texts, batch.items.into_iter());
        }
        Poll::Ready(true)
    }

    /// Waits for another future, usually for a send, and reads meanwhile: a peer may not read until its own data is
    /// read.
    pub async fn during<T>(&mut self, other: impl Future<Output = T>) -> T {
        let mut other = pin!(other);
        std::future::poll_fn(|cx| {
            let done = other.as_mut().poll(cx);
            if done.is_pending() && matches!(self.source, Source::Socket(_)) {
                while self.ahead.len() < AHEAD
                    && let Poll::Ready(Some(batch)) = self.source.poll(cx)
                {
                    self.ahead.push_back(batch);
                }
            }
            done
        })
        .await
    }

    /// The frames that are available without waiting.
    pub fn ready(&mut self) -> Option<Incoming> {
        let Item { at, earlier, request, what } = self.items.next()?;
        let what = match what {
            What::Text { start, end } => Arrived::Frame(Payload::Text(self.texts[start..end].to_owned())),
            What::Other(what) => *what,
        };
        Some(Incoming { at, earlier, request, what })
    }

    /// All available frames, for a caller that needs no single message: the texts, and their positions.
    pub(crate) fn take(&mut self) -> (String, std::vec::IntoIter<Item>) {
        (std::mem::take(&mut self.texts), std::mem::take(&mut self.items))
    }
}

impl Source {
    /// The next frame; none at the end.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Batch>> {
        match self {
            Source::Socket(reader) => reader.poll(cx),
            Source::Tasks(batches) => batches.poll_recv(cx).map(|batch| batch.map(|batch| *batch)),
        }
    }
}

/// The end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// This side still has to send its answer, before the peer ends the connection.
    Closing,
    Gone,
}

#[derive(Debug)]
struct Reader {
    duplex: Arc<Duplex>,
    /// The bytes that were read before.
    rest: Option<(Vec<u8>, Newest)>,
    frames: Frames,
    stamps: Stamps,
    /// The latest stamp.
    last: Instant,
    /// The answers to received frames.
    answers: Vec<tungstenite::Message>,
    /// Whether some of that is still on its way.
    is_answering: bool,
    /// The answer to the latest ping meanwhile.
    late_pong: Option<tungstenite::Message>,
    end: Option<End>,
}

impl Reader {
    /// The frames of the next read, when something arrives; none after the end.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Batch>> {
        for _ in 0..AT_ONCE {
            if self.end.is_some() {
                return Poll::Ready(None);
            }
            let batch = match self.rest.take() {
                Some((rest, newest)) => self.take(cx, &rest, newest, true),
                None => ready!(self.poll_read(cx)),
            };
            if self.end == Some(End::Closing) {
                // The driver need not wait for this.
                let leaving = Leaving { duplex: self.duplex.clone(), is_answering: self.is_answering };
                tokio::spawn(tokio::time::timeout(LINGER, leaving));
            }
            // A part of a message is not yet a message.
            if !batch.items.is_empty() {
                return Poll::Ready(Some(batch));
            }
        }
        // Endless fragments must not keep timers and signals from being handled.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Batch> {
        if self.is_answering {
            self.is_answering = self.duplex.poll_answered(cx).is_pending();
            if !self.is_answering
                && let Some(pong) = self.late_pong.take()
            {
                self.is_answering = !self.duplex.answer(cx, pong);
            }
        }
        ROOM.with_borrow_mut(|room| {
            let batch = match ready!(self.duplex.poll_read(cx, room)) {
                Ok((0, _)) => self.gone("connection closed without a close frame".to_owned()),
                Ok((count, newest)) => self.take(cx, &room[..count], newest, count < room.len()),
                Err(error) => self.gone(why_gone(&error)),
            };
            Poll::Ready(batch)
        })
    }

    /// Takes what was read apart. `is_all` says whether nothing was left behind for want of room.
    fn take(&mut self, cx: &mut Context<'_>, bytes: &[u8], newest: Newest, is_all: bool) -> Batch {
        let mut batch = Batch::default();
        let Reader { frames, stamps, last, answers, .. } = self;
        let mut is_closed = false;
        let read = frames.feed(bytes, &mut |message, is_last| {
            let (at, mut earlier) = newest.of(is_last && is_all, *stamps);
            if at < *last && *stamps == Stamps::Kernel {
                earlier = earlier + last.duration_since(at).into();
            }
            *last = at.max(*last);
            let what = match message {
                Message::Text(text) => {
                    let start = batch.texts.len();
                    if start == 0 && !is_last {
                        batch.texts = buffer_pool::acquire(bytes.len());
                        // So many more of its size.
                        batch.items.reserve(bytes.len() / (text.len() + 2) + 1);
                    }
                    batch.texts.push_str(text);
                    What::Text { start, end: batch.texts.len() }
                }
                other => What::Other(Box::new(Arrived::Frame(match other {
                    Message::Text(text) => Payload::Text(text.to_owned()),
                    Message::Binary(bytes) => Payload::Binary(bytes.to_owned()),
                    Message::Ping(bytes) => {
                        answers.push(tungstenite::Message::Pong(bytes.to_owned().into()));
                        Payload::Ping(bytes.to_owned())
                    }
                    Message::Pong(bytes) => Payload::Pong(bytes.to_owned()),
                    Message::Close { code, reason } => {
                        is_closed = true;
                        answers.push(tungstenite::Message::Close(answer(code, reason)));
                        Payload::Close { code, reason: reason.to_owned() }
                    }
                }))),
            };
            batch.items.push(Item { at: *last, earlier, request: 0, what });
        });
        if is_closed {
            self.end = Some(End::Closing);
        }
        if let Err(broken) = read {
            let code = CloseCode::from(broken.code());
            let leave = CloseFrame { code, reason: tungstenite::Utf8Bytes::from_static("") };
            self.answers.push(tungstenite::Message::Close(Some(leave)));
            self.end = Some(End::Closing);
            batch.items.push(self.farewell(match broken {
                Broken::TooLong { size, max } => {
                    Arrived::TooLong(format!("a message of {size} bytes, longer than max_message = {max}"))
                }
                Broken::Utf8 => Arrived::Gone("invalid UTF-8 in a text message".to_owned()),
                Broken::Protocol(error) => {
                    Arrived::Gone(format!("protocol violation by the server: {error}"))
                }
            }));
        }
        for message in self.answers.drain(..) {
            // RFC 6455, 5.5.3: an endpoint may "send a Pong frame for only the most recently processed Ping frame".
            // So a peer that floods pings and reads nothing does not fill the memory with answers.
            if self.is_answering && matches!(message, tungstenite::Message::Pong(_)) {
                self.late_pong = Some(message);
            } else {
                self.is_answering |= !self.duplex.answer(cx, message);
            }
        }
        batch
    }

    fn gone(&mut self, detail: String) -> Batch {
        self.end = Some(End::Gone);
        Batch { texts: String::new(), items: vec![self.farewell(Arrived::Gone(detail))] }
    }

    fn farewell(&mut self, what: Arrived) -> Item {
        self.last = Instant::now().max(self.last);
        Item { at: self.last, earlier: Gap::ZERO, request: 0, what: What::Other(Box::new(what)) }
    }
}

/// The end of a connection on which only our own last frames may be left: it ends when the peer is gone.
struct Leaving {
    duplex: Arc<Duplex>,
    is_answering: bool,
}

impl Future for Leaving {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_answering {
            self.is_answering = self.duplex.poll_answered(cx).is_pending();
        }
        ROOM.with_borrow_mut(|room| {
            for _ in 0..AT_ONCE {
                match ready!(self.duplex.poll_read(cx, room)) {
                    Ok((0, _)) | Err(_) => return Poll::Ready(()),
                    Ok(_) => {}
                }
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }
}

/// The answer to a close: its own code, if that is valid in a frame.
fn answer(code: u16, reason: &str) -> Option<CloseFrame> {
    let code = CloseCode::from(code);
    match u16::from(code) {
        NO_STATUS => None,
        _ if code.is_allowed() => Some(CloseFrame { code, reason: reason.into() }),
        _ => Some(CloseFrame { code: CloseCode::Protocol, reason: tungstenite::Utf8Bytes::from_static("") }),
    }
}

pub(crate) fn why_gone(error: &io::Error) -> String {
    match error.kind() {
        // Most servers omit TLS's close notification when they end abruptly.
        io::ErrorKind::UnexpectedEof => "connection closed without a close frame".to_owned(),
        io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
        _ => error.to_string(),
    }
}
