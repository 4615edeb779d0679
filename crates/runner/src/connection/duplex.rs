//! One WebSocket that two tasks use: one sends, the other reads and answers.
//!
//! The WebSocket library sends: masks, control frames between messages, nothing after a close.
//! [`Frames`](super::frames::Frames) reads, without the library, because a read may contain hundreds of messages. The
//! library knows of received frames only by the answers: a pong, a close.

use super::socket::Socket;
use super::stamps::Newest;
use futures_util::SinkExt;
use futures_util::task::AtomicWaker;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};
use tokio::io::{AsyncRead, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

/// The socket of a connection and what is on its way into it.
#[derive(Debug)]
pub(super) struct Duplex {
    stream: Mutex<WebSocketStream<Socket>>,
    both: Arc<Both>,
    /// Wakes `both`.
    waker: Waker,
}

/// The tasks that wait to write. A socket remembers only the last one that asked, but both must continue.
#[derive(Debug, Default)]
struct Both {
    sender: AtomicWaker,
    reader: AtomicWaker,
}

impl Wake for Both {
    fn wake(self: Arc<Self>) {
        self.sender.wake();
        self.reader.wake();
    }
}

impl Duplex {
    /// After the handshake.
    pub(super) async fn new(socket: Socket) -> Duplex {
        // The library reads nothing, so it needs no buffer for that.
        let config = WebSocketConfig::default().read_buffer_size(0);
        let stream = WebSocketStream::from_raw_socket(socket, Role::Client, Some(config)).await;
        let both = Arc::new(Both::default());
        Duplex { stream: Mutex::new(stream), waker: Waker::from(both.clone()), both }
    }

    fn lock(&self) -> MutexGuard<'_, WebSocketStream<Socket>> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what is in `message`, and all that waits before it; the sender's.
    pub(super) fn poll_send(
        &self,
        cx: &mut Context<'_>,
        message: &mut Option<Message>,
    ) -> Poll<Result<(), Error>> {
        self.both.sender.register(cx.waker());
        let cx = &mut Context::from_waker(&self.waker);
        let mut stream = self.lock();
        if message.is_some() {
            ready!(stream.poll_ready_unpin(cx))?;
            if let Some(message) = message.take() {
                stream.start_send_unpin(message)?;
            }
        }
        stream.poll_flush_unpin(cx)
    }

    /// Sends answers for the reader. Returns whether all of them were sent; otherwise the reader must continue with
    /// [`Duplex::poll_answered`]. An answer that cannot be sent, because the connection is closed or lost, is
    /// dropped; the reader will see the reason.
    pub(super) fn answer(&self, cx: &mut Context<'_>, message: Message) -> bool {
        let sent = self.lock().start_send_unpin(message);
        sent.is_err() || self.poll_answered(cx).is_ready()
    }

    /// Ready when what was answered is out.
    pub(super) fn poll_answered(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.both.reader.register(cx.waker());
        let cx = &mut Context::from_waker(&self.waker);
        self.lock().poll_flush_unpin(cx).map(|_| ())
    }

    /// Reads into `room`: how much, and when it came; the reader's.
    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<(usize, Newest)>> {
        let mut stream = self.lock();
        let socket = stream.get_mut();
        let mut buf = ReadBuf::new(room);
        ready!(Pin::new(&mut *socket).poll_read(cx, &mut buf))?;
        Poll::Ready(Ok((buf.filled().len(), socket.newest())))
    }
}
