//! Arrival times of bytes from the kernel.
//!
//! Linux notes the arrival of every segment and returns it with the bytes (`SO_TIMESTAMPNS`, socket(7)), also for TCP
//! and without privileges. So a message's timestamp does not depend on when a busy machine reads it. The kernel
//! returns the newest timestamp among the bytes of one read. If a read emptied the socket and ended with the message,
//! the timestamp is exact. Any other message of that read came at most at that time, and not before the newest byte
//! of the previous read that emptied the socket. [`Newest`] returns both bounds.
//!
//! The kernel's timestamps are wall-clock times. Every read takes both clocks, the monotonic one last: a timestamp is
//! wrong by the time between them, some ten nanoseconds, and never too early. A larger error is reported with the
//! timestamp. An impossible timestamp, because the wall clock was set meanwhile, is not used.

use super::tls_records::TlsRecordTracker;
use goldwire_core::transcript::{Gap, Stamps};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};

/// The maximum difference between the timestamps of two reads.
const JITTER: Duration = Duration::from_micros(2);

/// The arrival of the newest bytes that were read from a socket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Newest {
    /// The arrival time, or the time of reading if the kernel does not provide it.
    at: Instant,
    /// No byte of the newest read came before this.
    since: Instant,
    /// The maximum by which `at` may be too late, if it is significant.
    doubt: Duration,
    /// The stamp of the newest read that emptied the socket, at the earliest.
    emptied: Instant,
    /// The time of reading.
    read: Instant,
    /// Whether the kernel stamped them.
    is_kernel: bool,
    /// Whether `at` is the newest byte's own, nothing waits behind it, and it ends a TLS record where there is TLS.
    is_exact: bool,
}

impl Newest {
    /// Nothing was read yet; all bytes will arrive after `since`.
    pub(crate) fn new(since: Instant) -> Newest {
        let doubt = Duration::ZERO;
        Newest { at: since, since, doubt, emptied: since, read: since, is_kernel: false, is_exact: false }
    }

    /// The source of the timestamps.
    pub(crate) fn stamps(self) -> Stamps {
        if self.is_kernel { Stamps::Kernel } else { Stamps::User }
    }

    /// The arrival time of a message that these bytes completed, and the maximum by which it may have arrived
    /// earlier. `is_last` says whether it ends with the very last of them. With `Stamps::User`, it is the time of
    /// reading, and nothing else is known.
    pub(crate) fn of(self, is_last: bool, stamps: Stamps) -> (Instant, Gap) {
        match stamps {
            Stamps::User | Stamps::Import => (self.read, Gap::ZERO),
            Stamps::Kernel if is_last && self.is_exact => (self.at, self.doubt.into()),
            Stamps::Kernel => (self.at, self.at.duration_since(self.since).into()),
        }
    }

    /// Bytes were read. `stamp` is what the kernel says of them, and by how much that may be too late; `is_last` whether
    /// nothing waits behind them.
    fn note(&mut self, stamp: Option<(Instant, Duration)>, is_last: bool, is_record: bool) {
        let now = Instant::now();
        let stamp = stamp.filter(|(at, _)| *at <= now && *at + JITTER >= self.emptied);
        self.since = self.emptied;
        self.read = now;
        self.is_kernel = stamp.is_some();
        self.is_exact = stamp.is_some() && is_last && is_record;
        // Without a timestamp the arrival is unknown, and `emptied` stays true.
        let (at, doubt) = stamp.unwrap_or((now, Duration::ZERO));
        // In order of timestamps: bytes that could be delivered only after older ones came with them.
        self.at = at.max(self.emptied);
        self.doubt = if doubt < Clocks::BETWEEN { Duration::ZERO } else { doubt };
        if is_last && stamp.is_some() {
            self.emptied = self.at.checked_sub(self.doubt).unwrap_or(self.at).max(self.emptied);
        }
    }
}

/// A TCP stream that notes when what it reads arrived.
#[derive(Debug)]
pub(crate) struct Stamped {
    tcp: TcpStream,
    newest: Newest,
    /// Follows TLS records, where the bytes are such.
    records: Option<TlsRecordTracker>,
    #[cfg(target_os = "linux")]
    /// The buffer for the kernel's timestamp; none if it provides none.
    control: Option<Vec<u8>>,
}

/// Makes the kernel start timestamps for later connections: bytes before that have none.
pub(crate) fn begin() {
    #[cfg(target_os = "linux")]
    kernel::warm_up();
}

impl Stamped {
    /// Connects; from then on the kernel stamps, if it can.
    pub(crate) async fn connect(peer: SocketAddr, is_tls: bool) -> io::Result<Stamped> {
        begin();
        let socket = if peer.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // Before the first segment. A system without the option returns no timestamps, which is detected.
        #[cfg(target_os = "linux")]
        let _ = nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::ReceiveTimestampns, &true);
        let since = Instant::now();
        Ok(Stamped::new(socket.connect(peer).await?, since, is_tls))
    }

    /// A reader for an existing stream, such as an accepted one. Its first bytes may have arrived long before, but
    /// not before `since`, such as the time when the socket began to listen.
    pub(crate) fn new(tcp: TcpStream, since: Instant, is_tls: bool) -> Stamped {
        #[cfg(target_os = "linux")]
        let control = {
            begin();
            use nix::sys::socket::{setsockopt, sockopt::ReceiveTimestampns};
            setsockopt(&tcp, ReceiveTimestampns, &true)
                .is_ok()
                .then(|| nix::cmsg_space!(nix::sys::time::TimeSpec))
        };
        Stamped {
            tcp,
            newest: Newest::new(since),
            records: is_tls.then(TlsRecordTracker::default),
            #[cfg(target_os = "linux")]
            control,
        }
    }

    /// The source of its timestamps, as far as it is known before any bytes.
    pub(crate) fn stamps(&self) -> Stamps {
        #[cfg(target_os = "linux")]
        if self.control.is_some() && kernel::has_stamped() {
            return Stamps::Kernel;
        }
        Stamps::User
    }

    /// The arrival of its newest bytes.
    pub(crate) fn newest(&self) -> Newest {
        self.newest
    }

    /// The TCP stream itself, to ask or set something of it. What is read from it directly goes unnoticed.
    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    fn note(&mut self, bytes: &[u8], stamp: Option<(Instant, Duration)>, is_last: bool) {
        let is_record = self.records.as_mut().is_none_or(|walk| {
            walk.feed(bytes);
            walk.is_between()
        });
        self.newest.note(stamp, is_last, is_record);
    }

    fn poll_unstamped(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let start = buf.filled().len();
        ready!(Pin::new(&mut self.tcp).poll_read(cx, buf))?;
        self.note(&buf.filled()[start..], None, buf.remaining() > 0);
        Poll::Ready(Ok(()))
    }

    #[cfg(target_os = "linux")]
    fn poll_stamped(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        use tokio::io::Interest;
        loop {
            ready!(self.tcp.poll_read_ready(cx))?;
            let Some(control) = &mut self.control else { return self.poll_unstamped(cx, buf) };
            let (tcp, room) = (&self.tcp, buf.initialize_unfilled());
            let asked = room.len();
            let mut came = None;
            let tried = tcp.try_io(Interest::READABLE, || {
                let (count, stamp) = kernel::receive(tcp, room, control)?;
                came = Some((count, stamp));
                // Fewer bytes than requested: the socket is empty. The runtime is told, which saves another read;
                // later bytes make the socket ready again. (Tokio's own `poll_read` does the same.)
                if 0 < count && count < asked { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
            });
            match (came, tried) {
                (Some((count, stamp)), _) => {
                    let start = buf.filled().len();
                    buf.advance(count);
                    if count > 0 {
                        let stamp = stamp.and_then(kernel::instant);
                        self.note(&buf.filled()[start..], stamp, count < asked);
                    }
                    return Poll::Ready(Ok(()));
                }
                (None, Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
                (None, tried) => return Poll::Ready(tried),
            }
        }
    }
}

impl AsyncRead for Stamped {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        #[cfg(target_os = "linux")]
        return this.poll_stamped(cx, buf);
        #[cfg(not(target_os = "linux"))]
        this.poll_unstamped(cx, buf)
    }
}

impl AsyncWrite for Stamped {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().tcp).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().tcp).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(cx)
    }
}

/// The wall-clock time `at` a time of the monotonic clock.
pub(crate) fn wall(at: Instant) -> SystemTime {
    let clocks = Clocks::look();
    match at.checked_duration_since(clocks.at) {
        Some(until) => clocks.wall + until,
        None => clocks.wall - clocks.at.duration_since(at),
    }
}

/// Both clocks, read as close together as possible.
struct Clocks {
    wall: SystemTime,
    at: Instant,
    /// The maximum by which `at` may be later than `wall`.
    between: Duration,
}

impl Clocks {
    /// Looking at both takes less than this, unless something else ran between.
    const BETWEEN: Duration = Duration::from_nanos(500);
    /// So often it is tried to look at both without that.
    const TRIES: usize = 4;

    fn look() -> Clocks {
        let once = || {
            let before = Instant::now();
            let wall = SystemTime::now();
            let at = Instant::now();
            Clocks { wall, at, between: at.duration_since(before) }
        };
        let mut best = once();
        for _ in 1..Clocks::TRIES {
            if best.between < Clocks::BETWEEN {
                break;
            }
            let again = once();
            if again.between < best.between {
                best = again;
            }
        }
        best
    }
}

/// The parts that only Linux has.
#[cfg(target_os = "linux")]
mod kernel {
    use super::Clocks;
    use nix::sys::socket::sockopt::ReceiveTimestampns;
    use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt};
    use nix::sys::time::TimeSpec;
    use std::io::{self, IoSliceMut, Write};
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::os::fd::AsRawFd;
    use std::sync::OnceLock;
    use std::time::{Duration, Instant, SystemTime};

    /// So long it is waited for the kernel's first stamp, and so often it is looked: it takes a millisecond or two, longer
    /// where the machine is busy.
    const PATIENCE: Duration = Duration::from_millis(250);
    const PAUSE: Duration = Duration::from_millis(1);

    /// Has the kernel stamp from now on. It begins only once some socket asks for it, and a little later than that; until
    /// then it would tell no stamps during the first handshake. So one connection, to ourselves, asks first and stays.
    pub(crate) fn warm_up() {
        // Without such a connection, the first session shows what it gets.
        ASKED.get_or_init(|| warm().ok());
    }

    static ASKED: OnceLock<Option<Asked>> = OnceLock::new();

    /// The connection that asked first, and whether a stamp came.
    struct Asked {
        _ends: (TcpStream, TcpStream),
        has_stamped: bool,
    }

    /// Whether the kernel stamped what it was asked to.
    pub(crate) fn has_stamped() -> bool {
        matches!(ASKED.get(), Some(Some(Asked { has_stamped: true, .. })))
    }

    fn warm() -> io::Result<Asked> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let mut sender = TcpStream::connect(listener.local_addr()?)?;
        let (receiver, _) = listener.accept()?;
        receiver.set_read_timeout(Some(PATIENCE))?;
        setsockopt(&receiver, ReceiveTimestampns, &true)?;
        let mut control = nix::cmsg_space!(TimeSpec);
        let began = Instant::now();
        let has_stamped = loop {
            sender.write_all(&[0])?;
            let is_stamped = receive(&receiver, &mut [0], &mut control)?.1.is_some();
            if is_stamped || began.elapsed() > PATIENCE {
                break is_stamped;
            }
            // The kernel does not report when it has begun.
            std::thread::sleep(PAUSE);
        };
        Ok(Asked { _ends: (sender, receiver), has_stamped })
    }

    /// Bytes that wait, and the newest stamp among them: the time since 1970 on the wall clock.
    pub(crate) fn receive(
        tcp: &impl AsRawFd,
        room: &mut [u8],
        control: &mut [u8],
    ) -> io::Result<(usize, Option<Duration>)> {
        let mut parts = [IoSliceMut::new(room)];
        let message = recvmsg::<()>(tcp.as_raw_fd(), &mut parts, Some(control), MsgFlags::empty())?;
        let stamp = message.cmsgs()?.find_map(|part| match part {
            ControlMessageOwned::ScmTimestampns(stamp) => Some(Duration::from(stamp)),
            _ => None,
        });
        Ok((message.bytes, stamp))
    }

    /// The stamp on the monotonic clock, and by how much it may be too late; none if it lies ahead of the wall clock.
    pub(crate) fn instant(stamp: Duration) -> Option<(Instant, Duration)> {
        let clocks = Clocks::look();
        let age = clocks.wall.duration_since(SystemTime::UNIX_EPOCH).ok()?.checked_sub(stamp)?;
        Some((clocks.at.checked_sub(age)?, clocks.between))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::super::socket::Socket;
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::{Arc, mpsc};
    use tokio::io::AsyncReadExt;

    /// Far longer than anything in these tests takes.
    const HELD: Duration = Duration::from_millis(60);

    /// A server in a thread of its own: upgrades TLS if it is to, then writes each text it is given in one write, and
    /// answers with the times before and after it.
    fn serve(
        listener: TcpListener,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> (mpsc::Sender<Vec<u8>>, mpsc::Receiver<(Instant, Instant)>) {
        let (texts, to_write) = mpsc::channel::<Vec<u8>>();
        let (wrote, written) = mpsc::channel();
        std::thread::spawn(move || {
            let (mut tcp, _) = listener.accept().expect("a client");
            tcp.set_nodelay(true).expect("it is TCP");
            let mut session =
                tls.map(|config| rustls::ServerConnection::new(config).expect("it is configured"));
            if let Some(session) = &mut session {
                while session.is_handshaking() {
                    session.complete_io(&mut tcp).expect("the client greets");
                }
            }
            // Reports when the handshake's own last bytes are sent.
            wrote.send((Instant::now(), Instant::now())).expect("the test listens");
            for text in to_write {
                let before = Instant::now();
                match &mut session {
                    Some(session) => {
                        session.writer().write_all(&text).expect("there is room");
                        session.complete_io(&mut tcp).expect("the client reads");
                    }
                    None => tcp.write_all(&text).expect("the client reads"),
                }
                wrote.send((before, Instant::now())).expect("the test listens");
            }
            // Until the client has left, so that nothing is reset.
            let _ = tcp.read(&mut [0; 1]);
        });
        (texts, written)
    }

    fn frame(text: &str) -> Vec<u8> {
        [&[0x81, u8::try_from(text.len()).expect("a short text")], text.as_bytes()].concat()
    }

    /// Reads `count` bytes, all of which are there.
    async fn take(socket: &mut Socket, count: usize) {
        let mut buffer = [0; 1024];
        let mut read = 0;
        while read < count {
            read += socket.read(&mut buffer).await.expect("the server writes");
        }
        assert_eq!(read, count);
    }

    /// The reader is held back each time; what it then reads came long before.
    async fn is_stamped_on_arrival(
        mut socket: Socket,
        texts: mpsc::Sender<Vec<u8>>,
        written: mpsc::Receiver<(Instant, Instant)>,
    ) {
        let write = |text: Vec<u8>| {
            texts.send(text).expect("the server runs");
            written.recv().expect("it writes")
        };
        // A single message: its timestamp is exact.
        let (before, after) = write(frame("one"));
        std::thread::sleep(HELD);
        take(&mut socket, 5).await;
        assert_eq!(socket.newest().stamps(), Stamps::Kernel);
        let (first, earlier) = socket.newest().of(true, Stamps::Kernel);
        assert!(first >= before, "{:?} before it was written", before - first);
        // A delay between the reads of two clocks is the maximum error of the timestamp.
        let is_exact =
            |at: Instant, earlier: Gap, after: Instant| at - Duration::from(earlier) < after + HELD / 2;
        assert!(is_exact(first, earlier, after), "{first:?} {earlier} {after:?}");
        let from = first - Duration::from(earlier);
        let (read, _) = socket.newest().of(true, Stamps::User);
        assert!(read >= before + HELD && read <= Instant::now());

        // Two in one read, the third incomplete: all have the newest timestamp, with `earlier`.
        let (second, _) = write(frame("two"));
        std::thread::sleep(HELD);
        let (before, after) = write([frame("three"), b"\x81\x04fo".to_vec()].concat());
        take(&mut socket, 5 + 7 + 4).await;
        let (at, earlier) = socket.newest().of(false, Stamps::Kernel);
        assert!(at >= before && at <= Instant::now(), "{at:?} {after:?}");
        let earliest = at - Duration::from(earlier);
        assert!(earlier > Gap::ZERO && earliest >= from && earliest <= second, "{earlier}");
        // The rest of it: exact again.
        let (before, after) = write(b"ur".to_vec());
        take(&mut socket, 2).await;
        let (at, earlier) = socket.newest().of(true, Stamps::Kernel);
        assert!(at >= before && is_exact(at, earlier, after), "{at:?} {earlier} {after:?}");
    }

    #[tokio::test]
    async fn what_is_read_late_has_the_stamp_of_its_arrival() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let peer = listener.local_addr().expect("it is bound");
        let (texts, written) = serve(listener, None);
        let stream = Stamped::connect(peer, false).await.expect("it listens");
        written.recv().expect("it accepts");
        is_stamped_on_arrival(Socket::plain(stream), texts, written).await;
    }

    #[test]
    fn a_stamp_that_is_doubtful_or_missing_makes_no_later_bound_wrong() {
        let micros = Duration::from_micros;
        let start =
            Instant::now().checked_sub(Duration::from_secs(1)).expect("the system has run for longer");
        let mut newest = Newest::new(start);
        newest.note(Some((start + micros(100), micros(40))), true, true);
        assert_eq!(newest.of(true, Stamps::Kernel), (start + micros(100), Gap::from(micros(40))));
        // It came while the previous timestamp was assumed to be later than it was.
        newest.note(Some((start + micros(70), Duration::ZERO)), true, true);
        assert_eq!(newest.of(true, Stamps::Kernel), (start + micros(70), Gap::ZERO));
        // Read without a timestamp: it came at some earlier time.
        newest.note(None, true, true);
        let (at, earlier) = newest.of(true, Stamps::Kernel);
        assert_eq!((newest.stamps(), at - Duration::from(earlier)), (Stamps::User, start + micros(70)));
        // The next one came before that read ended.
        newest.note(Some((start + micros(90), Duration::ZERO)), true, true);
        assert_eq!(newest.of(true, Stamps::Kernel), (start + micros(90), Gap::ZERO));
        // An impossible timestamp is not used.
        newest.note(Some((start + micros(10), Duration::ZERO)), true, true);
        assert_eq!(newest.stamps(), Stamps::User);
    }

    #[tokio::test]
    async fn what_came_before_it_was_accepted_has_the_stamp_of_its_arrival() {
        begin();
        let since = Instant::now();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let mut client = std::net::TcpStream::connect(listener.local_addr().expect("it is bound"))
            .expect("the system takes it, whoever accepts it");
        client.write_all(b"GET").expect("there is room");
        let sent = Instant::now();
        let (tcp, _) = listener.accept().expect("it waits");
        tcp.set_nonblocking(true).expect("it is TCP");
        let mut stream = Stamped::new(TcpStream::from_std(tcp).expect("a runtime"), since, false);
        assert_eq!(stream.read(&mut [0; 8]).await.expect("it was written"), 3);
        assert_eq!(stream.newest().stamps(), Stamps::Kernel);
        let (at, earlier) = stream.newest().of(true, Stamps::Kernel);
        let earliest = at - Duration::from(earlier);
        assert!(since <= at && earliest < sent + HELD / 2, "{:?} {earlier}", at - since);
    }

    #[tokio::test]
    async fn under_tls_too() {
        let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = rustls::pki_types::PrivateKeyDer::Pkcs8(issued.signing_key.serialize_der().into());
        let mut config =
            rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
                .with_safe_default_protocol_versions()
                .and_then(|builder| {
                    builder.with_no_client_auth().with_single_cert(vec![issued.cert.der().clone()], key)
                })
                .expect("key and certificate fit");
        // Only the test's own bytes follow the handshake.
        config.send_tls13_tickets = 0;
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let peer = listener.local_addr().expect("it is bound");
        let (texts, written) = serve(listener, Some(Arc::new(config)));
        let stream = Stamped::connect(peer, true).await.expect("it listens");
        let trust = crate::auth::Trust { insecure: true, ..Default::default() };
        let connector = tokio_rustls::TlsConnector::from(trust.client_config().expect("it is usable"));
        let name = rustls::pki_types::ServerName::try_from("localhost").expect("a name");
        let stream = connector.connect(name, stream).await.expect("it is believed");
        written.recv().expect("it shakes hands");
        is_stamped_on_arrival(Socket::tls(stream), texts, written).await;
    }
}
