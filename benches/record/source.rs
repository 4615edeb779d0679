//! Where the events come from: a WebSocket server in a process of its own, which notes how long its reader took.

use crate::Failure;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant, SystemTime};
use tokio_tungstenite::tungstenite::WebSocket;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

/// The first event's number; all have as many digits.
pub(crate) const FIRST: u64 = 1_000_000_000;
/// So much is written at once when there is no rate to keep.
const BULK: usize = 128 * 1024;
/// A close frame of a server, code 1000.
pub(crate) const CLOSE: &[u8] = b"\x88\x02\x03\xe8";

pub(crate) fn wall() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// An event of exactly `size` bytes, or the shortest there is, as a frame of a server (RFC 6455, 5.2), and where its
/// number and its time stand in it.
pub(crate) struct Event {
    frame: Vec<u8>,
    number: usize,
    time: usize,
}

impl Event {
    pub(crate) fn new(size: usize) -> Event {
        let head = format!("{{\"type\":\"event\",\"seq\":{FIRST},\"ts\":{},\"text\":\"", wall());
        let tail = "said \\\"so\\\"\\n\u{e9}\"}";
        let text = format!("{head}{}{tail}", "x".repeat(size.saturating_sub(head.len() + tail.len())));
        let mut frame = vec![0x81];
        match u16::try_from(text.len()) {
            Ok(short @ 0..=125) => frame.push(u8::try_from(short).unwrap_or(0)),
            Ok(length) => {
                frame.push(126);
                frame.extend(length.to_be_bytes());
            }
            Err(_) => {
                frame.push(127);
                frame.extend(u64::try_from(text.len()).unwrap_or(0).to_be_bytes());
            }
        }
        let start = frame.len();
        frame.extend(text.bytes());
        let after = |mark: &str| start + head.find(mark).map_or(0, |at| at + mark.len());
        Event { frame, number: after("\"seq\":"), time: after("\"ts\":") }
    }

    pub(crate) fn fill(&mut self, number: u64, time: u64) -> &[u8] {
        put(&mut self.frame[self.number..][..10], FIRST + number);
        put(&mut self.frame[self.time..][..19], time);
        &self.frame
    }
}

fn put(digits: &mut [u8], mut value: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
    }
}

/// Serves one connection after the other: the path says `/COUNT/SIZE/RATE`, `/echo` or `/first`. Prints its port, then,
/// for each connection, the seconds from the first byte written to the moment its reader was gone.
pub(crate) fn stream() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    for connection in listener.incoming() {
        match serve(connection?) {
            Ok(said) => println!("{said}"),
            Err(error) => println!("failed: {error}"),
        }
    }
    Ok(())
}

/// The answer to a request for a WebSocket.
pub(crate) fn welcome(head: &str) -> Result<Vec<u8>, Failure> {
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim())
    });
    let accept = derive_accept_key(key.ok_or("no key")?.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    Ok(answer.into_bytes())
}

fn serve(mut stream: TcpStream) -> Result<String, Failure> {
    stream.set_nodelay(true)?;
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head)?;
    stream.write_all(&welcome(&head)?)?;
    let path = head.split(' ').nth(1).ok_or("no path")?;
    if path == "/echo" {
        return echo(stream);
    }
    if path == "/first" {
        return first(stream);
    }
    let numbers: Vec<u64> = path.split('/').filter_map(|part| part.parse().ok()).collect();
    let [count, size, rate] = numbers[..] else { return Err(format!("`{path}` is not /N/SIZE/RATE").into()) };
    let mut event = Event::new(usize::try_from(size)?);
    // Whoever reads is ready then.
    std::thread::sleep(Duration::from_millis(50));
    let start = Instant::now();
    let period = Duration::from_secs(1).checked_div(u32::try_from(rate)?);
    let Some(period) = period else {
        let mut bulk = Vec::with_capacity(BULK + event.frame.len());
        let now = wall();
        for number in 0..count {
            bulk.extend_from_slice(event.fill(number, now));
            if bulk.len() >= BULK || number + 1 == count {
                stream.write_all(&bulk)?;
                bulk.clear();
            }
        }
        return finish(stream, start);
    };
    for number in 0..count {
        let due = start + period * u32::try_from(number)?;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        stream.write_all(event.fill(number, wall()))?;
    }
    finish(stream, start)
}

/// Says what it is told until it is told to stop.
fn echo(stream: TcpStream) -> Result<String, Failure> {
    let start = Instant::now();
    let mut socket = WebSocket::from_raw_socket(stream, Role::Server, None);
    // However it ends: whoever asked has had its answers by then.
    while let Ok(message) = socket.read() {
        if message.is_text() && socket.send(message).is_err() {
            break;
        }
    }
    Ok(start.elapsed().as_secs_f64().to_string())
}

/// When the first byte of the first frame came, in nanoseconds since 1970.
fn first(stream: TcpStream) -> Result<String, Failure> {
    stream.peek(&mut [0])?;
    let came = wall();
    echo(stream)?;
    Ok(came.to_string())
}

/// Closes, and waits until the reader is gone.
fn finish(mut stream: TcpStream, start: Instant) -> Result<String, Failure> {
    stream.write_all(CLOSE)?;
    stream.shutdown(Shutdown::Write)?;
    while stream.read(&mut [0; 1024])? > 0 {}
    Ok(start.elapsed().as_secs_f64().to_string())
}
