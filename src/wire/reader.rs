//! What arrives on a connection, and the one task that reads it.
//!
//! ```text
//! socket ─► one read, one stamp ─► frames, where they lie ─► Batch: texts in one piece ─► Arriving
//! ```
//!
//! The task stamps before all else, answers pings and closes, and hands over what one read gave. It reads into memory
//! that its thread has once: a connection on which nothing is under way holds none.

use super::duplex::Duplex;
use super::frames::{Broken, Frames, Message, NO_STATUS};
use super::spare;
use super::stamps::Newest;
use crate::transcript::{Gap, Payload, Stamps};
use std::cell::RefCell;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// How much is read at once, at most. One read has one stamp, but whoever has so much to read is behind anyway.
const READ: usize = 64 * 1024;
/// How many batches may wait for whoever drives the session.
pub(super) const WAITING: usize = 4;
/// How long after the last frame the reader waits for the end of the connection, while its answer is sent.
const LINGER: Duration = Duration::from_secs(2);

thread_local! {
    static ROOM: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// What arrives on a connection, in order. The reader hands over at once what it had at once.
#[derive(Debug)]
pub struct Arriving {
    batches: mpsc::Receiver<Box<Batch>>,
    texts: String,
    items: std::vec::IntoIter<Item>,
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
pub(super) struct Batch {
    texts: String,
    items: Vec<Item>,
}

impl Batch {
    /// Of what was made of it already.
    pub(super) fn of(all: Vec<Incoming>) -> Box<Batch> {
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
pub(super) struct Item {
    pub(super) at: Instant,
    pub(super) earlier: Gap,
    pub(super) request: u32,
    pub(super) what: What,
}

/// What it is.
#[derive(Debug)]
pub(super) enum What {
    /// A text message: so many bytes of the batch's texts.
    Text {
        start: usize,
        end: usize,
    },
    Other(Box<Arrived>),
}

impl Arriving {
    pub(super) fn new(batches: mpsc::Receiver<Box<Batch>>) -> Arriving {
        Arriving { batches, texts: String::new(), items: Vec::new().into_iter() }
    }

    /// The next thing that arrives; none at the end. Nothing is lost if nobody waits for it to the end.
    pub async fn recv(&mut self) -> Option<Incoming> {
        self.wait().await;
        self.ready()
    }

    /// Waits until something is there, or nothing more comes; whether something is.
    pub(super) async fn wait(&mut self) -> bool {
        while self.items.as_slice().is_empty() {
            let Some(batch) = self.batches.recv().await else { return false };
            (self.texts, self.items) = (batch.texts, batch.items.into_iter());
        }
        true
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
    pub(super) fn take(&mut self) -> (String, std::vec::IntoIter<Item>) {
        (std::mem::take(&mut self.texts), std::mem::take(&mut self.items))
    }
}

/// Starts the task that reads; `rest` is what came together with the answer to the upgrade. It ends with the connection,
/// or when nobody listens any more.
pub(super) fn start(
    duplex: std::sync::Arc<Duplex>,
    newest: Newest,
    rest: Vec<u8>,
    max_message: usize,
) -> Arriving {
    let (out, batches) = mpsc::channel(WAITING);
    let reader = Reader {
        frames: Frames::new(max_message),
        stamps: newest.stamps(),
        last: Instant::now(),
        answers: Vec::new(),
        is_answering: false,
        end: None,
    };
    tokio::spawn(read(duplex, reader, (rest, newest), out));
    Arriving::new(batches)
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
    frames: Frames,
    stamps: Stamps,
    /// The latest stamp.
    last: Instant,
    /// What is to be said to what came.
    answers: Vec<tungstenite::Message>,
    /// Whether some of that is still on its way.
    is_answering: bool,
    end: Option<End>,
}

async fn read(
    duplex: std::sync::Arc<Duplex>,
    mut reader: Reader,
    (rest, newest): (Vec<u8>, Newest),
    // Boxed: a channel has room for dozens from the start, and there are thousands of channels.
    out: mpsc::Sender<Box<Batch>>,
) {
    let mut first = Some(rest).filter(|rest| !rest.is_empty());
    {
        let mut closed = pin!(out.closed());
        loop {
            let next = std::future::poll_fn(|cx| match first.take() {
                Some(rest) => Poll::Ready(reader.take(&duplex, cx, &rest, newest, true)),
                None => reader.poll(&duplex, cx),
            });
            let batch = tokio::select! {
                batch = next => batch,
                () = &mut closed => return,
            };
            if !batch.items.is_empty() && out.send(Box::new(batch)).await.is_err() {
                return;
            }
            match reader.end {
                None => {}
                Some(End::Gone) => return,
                Some(End::Closing) => break,
            }
        }
    }
    // Whoever drives the session need not wait for this.
    drop(out);
    let _ = tokio::time::timeout(LINGER, std::future::poll_fn(|cx| reader.poll_gone(&duplex, cx))).await;
}

impl Reader {
    /// What the next read gives, once something comes.
    fn poll(&mut self, duplex: &Duplex, cx: &mut Context<'_>) -> Poll<Batch> {
        if self.is_answering {
            self.is_answering = duplex.poll_answered(cx).is_pending();
        }
        ROOM.with_borrow_mut(|room| {
            let batch = match ready!(duplex.poll_read(cx, room)) {
                Ok((0, _)) => self.gone("connection closed without a close frame".to_owned()),
                Ok((count, newest)) => self.take(duplex, cx, &room[..count], newest, count < room.len()),
                Err(error) => self.gone(why_gone(&error)),
            };
            Poll::Ready(batch)
        })
    }

    /// Takes what was read apart. `is_all` says whether nothing was left behind for want of room.
    fn take(
        &mut self,
        duplex: &Duplex,
        cx: &mut Context<'_>,
        bytes: &[u8],
        newest: Newest,
        is_all: bool,
    ) -> Batch {
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
                        batch.texts = spare::room(bytes.len());
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
            self.is_answering |= !duplex.answer(cx, message);
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

    /// Ready at the end of the connection, whatever comes before it.
    fn poll_gone(&mut self, duplex: &Duplex, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_answering {
            self.is_answering = duplex.poll_answered(cx).is_pending();
        }
        ROOM.with_borrow_mut(|room| {
            loop {
                match ready!(duplex.poll_read(cx, room)) {
                    Ok((0, _)) | Err(_) => return Poll::Ready(()),
                    Ok(_) => {}
                }
            }
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

pub(super) fn why_gone(error: &io::Error) -> String {
    match error.kind() {
        // TLS without its own goodbye is what most servers do when they end abruptly.
        io::ErrorKind::UnexpectedEof => "connection closed without a close frame".to_owned(),
        io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
        _ => error.to_string(),
    }
}
