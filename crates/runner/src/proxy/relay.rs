//! Relays bytes between the two sides, unchanged and before they are parsed.
//!
//! One task handles both directions, so that the watcher sees one order: a request before its response. Each
//! direction has one buffer and reads only when it is empty. So a slow reader on one side, or a watcher without room,
//! slows down the other side; nothing is dropped, and memory is bounded.

use crate::connection::{Newest, Socket};
use goldwire_core::transcript::{Gap, Side, Stamps};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// The initial and the maximum size of a direction's buffer.
const BUFFER: (usize, usize) = (8 * 1024, 64 * 1024);
/// The time for one direction after the other one has ended.
const LINGER: Duration = Duration::from_secs(10);

/// One side of a relay: bytes in and out, and when the newest of them came in.
pub(super) trait End: AsyncRead + AsyncWrite + Unpin {
    fn newest(&self) -> Newest;
}

impl End for Socket {
    fn newest(&self) -> Newest {
        Socket::newest(self)
    }
}

/// The arrival time of bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    newest: Newest,
    /// Whether nothing was left behind for want of room.
    is_all: bool,
}

impl Arrival {
    /// The arrival time of a message that these bytes completed, and the maximum by which it may have arrived
    /// earlier. `is_last` says whether it ends with the very last of them.
    pub(super) fn of(self, is_last: bool, stamps: Stamps) -> (Instant, Gap) {
        self.newest.of(is_last && self.is_all, stamps)
    }
}

/// A watcher of relayed bytes.
pub(super) trait Watcher: Send {
    /// The received bytes of a side with their arrival; they have already been offered to the other side's kernel.
    fn look(&mut self, side: Side, came: Arrival, bytes: &[u8]);

    /// Ready while it can look at more. What is held already goes on; nothing more is read until then.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// A side has ended its half of the connection. The other half may go on.
    fn ended(&mut self, _side: Side, _ended: &Ended) {}
}

/// The end of one direction: the time, and the reason if it was not orderly.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    pub(super) at: Instant,
    pub(super) error: Option<String>,
}

/// The end of a relay: the side that ended first, and the reason.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub(super) first: Side,
    pub(super) ended: Ended,
}

/// One direction.
struct Lane {
    side: Side,
    buffer: Vec<u8>,
    from: usize,
    to: usize,
    /// The arrival of the bytes in the buffer; none if they were watched.
    unseen: Option<Arrival>,
    must_flush: bool,
    is_over: bool,
    ended: Option<Ended>,
}

/// Passes bytes on until both directions have ended. `begun` is what was read of each side already, client first.
pub(super) async fn relay<C, S>(
    client: &mut C,
    server: &mut S,
    begun: [Vec<u8>; 2],
    watcher: &mut impl Watcher,
) -> Outcome
where
    C: End,
    S: End,
{
    let [first, second] = begun;
    let mut up = Lane::new(Side::Client, first, client.newest());
    let mut down = Lane::new(Side::Server, second, server.newest());
    let mut linger: Option<Pin<Box<Sleep>>> = None;
    std::future::poll_fn(|cx| {
        loop {
            // A step each, in turn: a side that never stops does not keep the other from its turn.
            let is_up = up.step(cx, client, server, watcher).is_ready();
            let is_down = down.step(cx, server, client, watcher).is_ready();
            if up.is_over && down.is_over {
                return Poll::Ready(());
            }
            if !is_up && !is_down {
                break;
            }
        }
        if up.is_over || down.is_over {
            let linger = linger.get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
            return linger.as_mut().poll(cx);
        }
        Poll::Pending
    })
    .await;
    outcome(up, down)
}

fn outcome(up: Lane, down: Lane) -> Outcome {
    match (up.ended, down.ended) {
        (Some(up), Some(down)) if down.at < up.at => Outcome { first: Side::Server, ended: down },
        (Some(up), _) => Outcome { first: Side::Client, ended: up },
        (None, Some(down)) => Outcome { first: Side::Server, ended: down },
        // The loop above ends only when a direction has.
        (None, None) => Outcome { first: Side::Client, ended: Ended { at: Instant::now(), error: None } },
    }
}

impl Lane {
    fn new(side: Side, begun: Vec<u8>, newest: Newest) -> Lane {
        let to = begun.len();
        let mut buffer = begun;
        buffer.resize(to.max(BUFFER.0), 0);
        let unseen = (to > 0).then_some(Arrival { newest, is_all: true });
        Lane { side, buffer, from: 0, to, unseen, must_flush: false, is_over: false, ended: None }
    }

    /// One write or one read; pending when neither can be.
    fn step<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        to: &mut W,
        watcher: &mut impl Watcher,
    ) -> Poll<()>
    where
        R: End,
        W: AsyncWrite + Unpin,
    {
        if self.is_over {
            return Poll::Pending;
        }
        let step = self.forward(cx, to);
        // Whether or not all of it could go: in the order of arrival, before anything else is read.
        if let Some(came) = self.unseen.take() {
            watcher.look(self.side, came, &self.buffer[..self.to]);
        }
        match ready!(step) {
            Ok(()) if self.ended.is_some() => {
                // Data after the peer's end is not forwarded.
                let shut = ready!(Pin::new(to).poll_shutdown(cx));
                self.is_over = true;
                drop(shut);
                Poll::Ready(())
            }
            Ok(()) => {
                ready!(watcher.poll_room(cx));
                ready!(self.take(cx, from));
                if let Some(ended) = &self.ended {
                    watcher.ended(self.side, ended);
                }
                Poll::Ready(())
            }
            Err(error) => {
                // The receiver is gone; the end of that direction has the reason.
                self.end(Some(error));
                self.is_over = true;
                Poll::Ready(())
            }
        }
    }

    fn forward<W: AsyncWrite + Unpin>(&mut self, cx: &mut Context<'_>, to: &mut W) -> Poll<io::Result<()>> {
        while self.from < self.to {
            match ready!(Pin::new(&mut *to).poll_write(cx, &self.buffer[self.from..self.to])) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(count) => {
                    self.from += count;
                    self.must_flush = true;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        if self.must_flush {
            if let Err(error) = ready!(Pin::new(to).poll_flush(cx)) {
                return Poll::Ready(Err(error));
            }
            self.must_flush = false;
        }
        Poll::Ready(Ok(()))
    }

    fn take<R: End>(&mut self, cx: &mut Context<'_>, from: &mut R) -> Poll<()> {
        if self.to == self.buffer.len() && self.buffer.len() < BUFFER.1 {
            self.buffer.resize((self.buffer.len() * 2).min(BUFFER.1), 0);
        }
        let mut buf = ReadBuf::new(&mut self.buffer);
        let read = ready!(Pin::new(&mut *from).poll_read(cx, &mut buf));
        let (count, is_all) = (buf.filled().len(), buf.remaining() > 0);
        (self.from, self.to) = (0, count);
        match read {
            Ok(()) if count > 0 => self.unseen = Some(Arrival { newest: from.newest(), is_all }),
            Ok(()) => self.end(None),
            Err(error) => self.end(Some(error)),
        }
        Poll::Ready(())
    }

    fn end(&mut self, error: Option<io::Error>) {
        (self.from, self.to) = (0, 0);
        let error = error.filter(|error| error.kind() != io::ErrorKind::UnexpectedEof);
        self.ended
            .get_or_insert_with(|| Ended { at: Instant::now(), error: error.map(|error| error.to_string()) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    impl End for DuplexStream {
        fn newest(&self) -> Newest {
            Newest::new(Instant::now())
        }
    }

    /// The number of received bytes of each side.
    #[derive(Default)]
    struct Seen(Vec<(Side, usize)>);

    impl Watcher for Seen {
        fn look(&mut self, side: Side, _: Arrival, bytes: &[u8]) {
            self.0.push((side, bytes.len()));
        }

        fn poll_room(&mut self, _: &mut Context<'_>) -> Poll<()> {
            Poll::Ready(())
        }
    }

    #[tokio::test]
    async fn a_reader_that_does_not_read_holds_its_sender_back_and_not_the_other_direction() {
        let (mut client, mut left) = duplex(1024);
        let (mut right, mut server) = duplex(1024);
        let mut seen = Seen::default();
        let both = async {
            // The client reads nothing: the server can send what buffers hold, and no more.
            let mut sent = 0;
            let block = vec![7; 4096];
            while let Ok(Ok(count)) =
                tokio::time::timeout(Duration::from_millis(100), server.write(&block)).await
            {
                sent += count;
            }
            assert!(sent <= 4 * BUFFER.1, "{sent} bytes are held");
            client.write_all(b"still here").await.expect("it is taken");
            let mut buffer = [0; 10];
            server.read_exact(&mut buffer).await.expect("it arrives");
            assert_eq!(&buffer, b"still here");
            server.shutdown().await.expect("it ends");
            let mut all = Vec::new();
            client.read_to_end(&mut all).await.expect("all arrives");
            assert_eq!((all.len(), all.iter().all(|byte| *byte == 7)), (sent, true));
            drop(client);
            sent
        };
        let (outcome, sent) =
            tokio::join!(relay(&mut left, &mut right, [Vec::new(), Vec::new()], &mut seen), both);
        assert_eq!((outcome.first, outcome.ended.error), (Side::Server, None));
        let from_server: usize =
            seen.0.iter().filter(|(side, _)| *side == Side::Server).map(|(_, len)| len).sum();
        assert_eq!(from_server, sent);
    }
}
