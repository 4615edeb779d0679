//! A stream to a peer, with or without TLS, that knows when what it reads arrived.

use super::stamps::{Arrivals, Stamped};
use super::walk::Walk;
use crate::transcript::Stamps;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

/// A stream with or without TLS.
#[derive(Debug)]
pub(super) struct Socket {
    stream: Stream,
    arrivals: Arrivals,
    /// Follows the frames, once the handshake is over.
    frames: Option<Walk>,
}

#[derive(Debug)]
enum Stream {
    Plain(Stamped),
    Tls(Box<TlsStream<Stamped>>),
}

impl Socket {
    /// Without TLS.
    pub(super) fn plain(stream: Stamped) -> Socket {
        Socket { arrivals: stream.arrivals(), stream: Stream::Plain(stream), frames: None }
    }

    /// With TLS, of either side.
    pub(super) fn tls(stream: impl Into<TlsStream<Stamped>>) -> Socket {
        let stream = Box::new(stream.into());
        Socket { arrivals: stream.get_ref().0.arrivals(), stream: Stream::Tls(stream), frames: None }
    }

    /// When what it reads arrived.
    pub(super) fn arrivals(&self) -> &Arrivals {
        &self.arrivals
    }

    /// Who will stamp what it reads.
    pub(super) fn stamps(&self) -> Stamps {
        match &self.stream {
            Stream::Plain(stream) => stream.stamps(),
            Stream::Tls(stream) => stream.get_ref().0.stamps(),
        }
    }

    /// The TCP connection below.
    pub(super) fn tcp(&self) -> &TcpStream {
        match &self.stream {
            Stream::Plain(stream) => stream.tcp(),
            Stream::Tls(stream) => stream.get_ref().0.tcp(),
        }
    }

    /// From here on what is read are WebSocket frames, the first of which begin with `rest`, which was read already.
    /// Their stamps are asked for by number.
    pub(super) fn frames_begin(&mut self, rest: &[u8]) -> Arrivals {
        let mut walk = Walk::frames();
        walk.feed(rest);
        self.arrivals.walked(&walk, true);
        self.frames = Some(walk);
        self.arrivals.clone()
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let start = buf.filled().len();
        ready!(match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        })?;
        if let Some(walk) = &mut this.frames {
            walk.feed(&buf.filled()[start..]);
            // TLS may hold more of the same bytes back, where there was no room for it.
            this.arrivals.walked(walk, buf.remaining() > 0);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
