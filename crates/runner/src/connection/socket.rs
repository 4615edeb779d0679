//! A stream to a peer, with or without TLS, with the arrival time of its bytes.

use super::stamps::{Newest, Stamped};
use goldwire_core::transcript::Stamps;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

/// A stream with or without TLS.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: Stream,
}

#[derive(Debug)]
enum Stream {
    Plain(Stamped),
    Tls(Box<TlsStream<Stamped>>),
}

impl Socket {
    /// Without TLS.
    pub(crate) fn plain(stream: Stamped) -> Socket {
        Socket { stream: Stream::Plain(stream) }
    }

    /// With TLS, of either side.
    pub(crate) fn tls(stream: impl Into<TlsStream<Stamped>>) -> Socket {
        Socket { stream: Stream::Tls(Box::new(stream.into())) }
    }

    /// The source of its timestamps.
    pub(crate) fn stamps(&self) -> Stamps {
        self.stamped().stamps()
    }

    /// The TCP connection below.
    pub(crate) fn tcp(&self) -> &TcpStream {
        self.stamped().tcp()
    }

    /// The arrival of its newest bytes. TLS may hold back more of them if there was no room.
    pub(crate) fn newest(&self) -> Newest {
        self.stamped().newest()
    }

    fn stamped(&self) -> &Stamped {
        match &self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream.get_ref().0,
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
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
