//! Many sessions at once, from one thread that does little else than write: what is measured is the reader.

use crate::Failure;
use crate::source::{CLOSE, Event, wall, welcome};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;

/// What is sent to each: ten events of 300 bytes a second.
const PERIOD: Duration = Duration::from_millis(100);
/// So many events are sent before it is looked who answered, at most.
const TURN: usize = 64;

/// How long after it was due something happened, in nanoseconds.
#[derive(Default)]
struct Delays(Vec<u64>);

impl Delays {
    /// The median, the 99th percentile and the worst, in milliseconds.
    fn said(mut self) -> String {
        self.0.sort_unstable();
        let at = |part: usize| self.0.get((self.0.len() * part / 1000).min(self.0.len().saturating_sub(1)));
        let millis = |part| at(part).copied().unwrap_or(0) as f64 / 1e6;
        format!("{:.2} {:.2} {:.2}", millis(500), millis(990), millis(1000))
    }
}

/// Waits for so many sessions, then sends to all of them for so many seconds. Every tenth event is followed by a ping
/// that holds the time: its pong says how far the reader is behind. Prints its port, then the events sent, the pongs that
/// came, their delays, and those of the events' own sending, each as [`Delays::said`] says them.
pub(crate) fn fan(sessions: usize, seconds: u64) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.bind("127.0.0.1:0".parse()?)?;
        let listener = socket.listen(4096)?;
        println!("{}", listener.local_addr()?.port());
        let all = accept(&listener, sessions).await?;
        let readers: Vec<_> = all.iter().map(|stream| tokio::spawn(pongs(stream.clone()))).collect();
        let mut late = Delays::default();
        let sent = send(&all, seconds, &mut late).await?;
        for stream in &all {
            write(stream, CLOSE).await?;
        }
        // Each connection ends when its client has answered.
        drop(all);
        let mut delays = Delays::default();
        for reader in readers {
            delays.0.extend(reader.await??);
        }
        println!("{sent} {} {} {}", delays.0.len(), delays.said(), late.said());
        Ok(())
    })
}

/// All of them, each after its handshake.
async fn accept(listener: &TcpListener, sessions: usize) -> Result<Vec<Arc<TcpStream>>, Failure> {
    let mut greeted = Vec::with_capacity(sessions);
    for _ in 0..sessions {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        greeted.push(tokio::spawn(greet(stream)));
    }
    let mut all = Vec::with_capacity(sessions);
    for stream in greeted {
        all.push(Arc::new(stream.await??));
    }
    Ok(all)
}

async fn greet(stream: TcpStream) -> Result<TcpStream, String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if read(&stream, &mut head).await.map_err(|error| error.to_string())? == 0 {
            return Err("it left before it had asked".to_owned());
        }
    }
    let head = String::from_utf8(head).map_err(|error| error.to_string())?;
    let answer = welcome(&head).map_err(|error| error.to_string())?;
    write(&stream, &answer).await.map_err(|error| error.to_string())?;
    Ok(stream)
}

/// How many events were sent; evenly over time, and how late.
async fn send(all: &[Arc<TcpStream>], seconds: u64, late: &mut Delays) -> Result<u64, Failure> {
    let mut event = Event::new(300);
    let each = PERIOD / u32::try_from(all.len())?;
    let start = Instant::now() + PERIOD;
    let mut sent = 0;
    for number in 0..seconds * 10 {
        let round = start + PERIOD * u32::try_from(number)?;
        for (index, stream) in (0..).zip(all) {
            let due = round + each * index;
            let now = Instant::now();
            if now < due {
                tokio::time::sleep_until(due).await;
            } else if sent % TURN == 0 {
                tokio::task::yield_now().await;
            }
            let at = wall();
            let mut frame = event.fill(number, at).to_vec();
            if number % 10 == 9 {
                frame.extend([0x89, 8]);
                frame.extend(at.to_be_bytes());
            }
            write(stream, &frame).await?;
            late.0.push(u64::try_from(due.elapsed().as_nanos())?);
            sent += 1;
        }
    }
    Ok(u64::try_from(sent)?)
}

async fn write(stream: &TcpStream, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match stream.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => stream.writable().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads what is there, or waits for it; how many bytes.
async fn read(stream: &TcpStream, into: &mut Vec<u8>) -> std::io::Result<usize> {
    let mut room = [0; 1024];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut room) {
            Ok(count) => {
                into.extend_from_slice(&room[..count]);
                return Ok(count);
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// How long after its ping each pong came, until the client closes.
async fn pongs(stream: Arc<TcpStream>) -> Result<Vec<u64>, String> {
    /// A client's pong of 8 bytes: head, mask, payload (RFC 6455, 5.2).
    const PONG: usize = 2 + 4 + 8;
    let (mut bytes, mut delays) = (Vec::new(), Vec::new());
    while read(&stream, &mut bytes).await.map_err(|error| error.to_string())? > 0 {
        while let Some((frame, rest)) = bytes.split_first_chunk::<PONG>()
            && frame[..2] == [0x8a, 0x88]
        {
            let mut time = [0; 8];
            for (index, byte) in time.iter_mut().enumerate() {
                *byte = frame[6 + index] ^ frame[2 + index % 4];
            }
            delays.push(wall().saturating_sub(u64::from_be_bytes(time)));
            bytes = rest.to_vec();
        }
        if bytes.first() == Some(&0x88) {
            break;
        }
    }
    Ok(delays)
}
