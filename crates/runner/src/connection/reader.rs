//! What arrives on a connection, and how it is read.
//!
//! ```text
//! socket ─► one read, one stamp ─► frames, where they lie ─► Batch: texts in one piece ─► Arriving
//! ```
//!
//! Whoever waits for what arrives reads it: to hand it from one task to another would cost more than to read it. A read
//! stamps before all else, answers pings and closes, and hands over what it gave. It reads into memory that its thread
//! has once: a connection on which nothing is under way holds none.

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

/// How much is read at once, at most. One read has one stamp, but whoever has so much to read is behind anyway.
const READ: usize = 64 * 1024;
/// How many batches may wait for whoever drives the session.
pub(crate) const WAITING: usize = 4;
/// How many of them are read while something is sent: 16 MiB at most.
const AHEAD: usize = 256;
/// How long after the last frame the reader waits for the end of the connection, while its answer is sent.
const LINGER: Duration = Duration::from_secs(2);

/// How many reads in a row may give nothing, before others have their turn.
const AT_ONCE: usize = 16;

thread_local! {
    static ROOM: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// What arrives on a connection, in order. What was read at once is there at once.
#[derive(Debug)]
pub struct Arriving {
    source: Source,
    /// What was read while something was sent.
    ahead: VecDeque<Batch>,
    texts: String,
    items: std::vec::IntoIter<Item>,
}

/// Where it comes from.
#[derive(Debug)]
enum Source {
    /// A WebSocket, which is read by whoever waits.
    Socket(Box<Reader>),
    /// Tasks that read for themselves.
    Tasks(mpsc::Receiver<Box<Batch>>),
}

/// Something arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct Incoming {
    /// When its last byte arrived, or, where the kernel does not say that, when it was read.
    pub at: Instant,
    /// How much earlier it may have arrived, at most; zero where the stamp is its own, or not the kernel's.
    pub earlier: Gap,
    /// Of which request, counted from 0; 0 on a WebSocket.
    pub request: u32,
    /// What it is.
    pub what: Arrived,
}

/// What arrived.
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

/// What one read gave. Most of it are texts, which stand one behind the other in one piece of memory.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    texts: String,
    items: Vec<Item>,
}

impl Batch {
    /// Of what was made of it already.
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

/// What it is.
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
    /// Of a WebSocket; `rest` is what came together with the answer to the upgrade, and `newest` what is known of it.
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

    /// Of tasks, which are to be held up when they are ahead: the channel is bounded.
    pub(crate) fn of_tasks(batches: mpsc::Receiver<Box<Batch>>) -> Arriving {
        Arriving::new(Source::Tasks(batches))
    }

    fn new(source: Source) -> Arriving {
        Arriving { source, ahead: VecDeque::new(), texts: String::new(), items: Vec::new().into_iter() }
    }

    /// The next thing that arrives; none at the end. Nothing is lost if nobody waits for it to the end.
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

    /// Waits for something else, usually that something is sent, and reads meanwhile: a peer may take nothing in until what
    /// it sends itself is taken.
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

    /// What is there already, without waiting.
    pub fn ready(&mut self) -> Option<Incoming> {
        let Item { at, earlier, request, what } = self.items.next()?;
        let what = match what {
            What::Text { start, end } => Arrived::Frame(Payload::Text(self.texts[start..end].to_owned())),
            What::Other(what) => *what,
        };
        Some(Incoming { at, earlier, request, what })
    }

    /// All that is there already, for whoever needs no message by itself: the texts, and what stands where in them.
    pub(crate) fn take(&mut self) -> (String, std::vec::IntoIter<Item>) {
        (std::mem::take(&mut self.texts), std::mem::take(&mut self.items))
    }
}

impl Source {
    /// What comes next; none at the end.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Batch>> {
        match self {
            Source::Socket(reader) => reader.poll(cx),
            Source::Tasks(batches) => batches.poll_recv(cx).map(|batch| batch.map(|batch| *batch)),
        }
    }
}

/// How a connection came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// There is more to be said: our answer, before the peer ends the connection.
    Closing,
    Gone,
}

#[derive(Debug)]
struct Reader {
    duplex: Arc<Duplex>,
    /// What was read before we were there.
    rest: Option<(Vec<u8>, Newest)>,
    frames: Frames,
    stamps: Stamps,
    /// The latest stamp.
    last: Instant,
    /// What is to be said to what came.
    answers: Vec<tungstenite::Message>,
    /// Whether some of that is still on its way.
    is_answering: bool,
    /// What is to be said to the latest ping that came meanwhile.
    late_pong: Option<tungstenite::Message>,
    end: Option<End>,
}

impl Reader {
    /// What the next read gives, once something comes; none after the end.
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
                // Whoever drives the session need not wait for this.
                let leaving = Leaving { duplex: self.duplex.clone(), is_answering: self.is_answering };
                tokio::spawn(tokio::time::timeout(LINGER, leaving));
            }
            // A part of a message is none yet.
            if !batch.items.is_empty() {
                return Poll::Ready(Some(batch));
            }
        }
        // Whoever sends fragments without end does not keep clocks and signals from being heeded.
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
                Broken::Protocol(error) => Arrived::Gone(format!("the server broke the protocol: {error}")),
            }));
        }
        for message in self.answers.drain(..) {
            // RFC 6455, 5.5.3: an endpoint may "send a Pong frame for only the most recently processed Ping frame". Whoever
            // floods and takes nothing in does not fill our memory with answers.
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

/// The end of a connection on which all is said but perhaps our own last words: over when the peer is gone, whatever
/// comes before that.
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

/// How a close is answered: with its own code, where that may stand in a frame at all.
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
        // TLS without its own goodbye is what most servers do when they end abruptly.
        io::ErrorKind::UnexpectedEof => "connection closed without a close frame".to_owned(),
        io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
        _ => error.to_string(),
    }
}
