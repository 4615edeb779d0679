//! Peers that misbehave, over real sockets.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// Does with every connection what `then` says: a real peer that misbehaves.
fn raw(then: fn(TcpStream)) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || then(stream));
        }
    });
    port
}

/// A peer that misbehaves: its name, the function that gives it a port, and what it does with a connection.
pub(crate) type Peer = (&'static str, fn(fn(TcpStream)) -> u16, fn(TcpStream));

/// Whatever a server may do instead of serving: before the upgrade is answered (`raw`) and after it (`rude`).
pub(crate) const PEERS: [Peer; 11] = [
    ("never answers the upgrade", raw, |mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
    }),
    ("closes instead of answering", raw, drop),
    ("answers rubbish", raw, |mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(&[0xff; 256]);
        let _ = stream.read_to_end(&mut Vec::new());
    }),
    // A status line and a header without an end, until nobody reads it.
    ("answers for ever", raw, |mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nX-Filler: ");
        while stream.write_all(&[b'a'; 4096]).is_ok() {}
    }),
    ("answers by the byte", raw, |stream| {
        trickle(
            stream,
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        );
    }),
    ("hangs", rude, |mut stream| {
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.read_to_end(&mut Vec::new());
    }),
    ("leaves", rude, drop),
    ("closes", rude, |mut stream| {
        // A close frame with code 1000.
        let _ = stream.write_all(&[0x88, 2, 0x03, 0xe8]);
        let _ = stream.read_to_end(&mut Vec::new());
    }),
    ("sends rubbish", rude, |mut stream| {
        let _ = stream.write_all(&[0xff; 64]);
        let _ = stream.read_to_end(&mut Vec::new());
    }),
    // Text frames "{}", until nobody reads them.
    ("floods", rude, |mut stream| while stream.write_all(&[0x81, 2, b'{', b'}'].repeat(512)).is_ok() {}),
    // A frame of a hundred letters.
    ("speaks by the byte", rude, |stream| trickle(stream, &[&[0x81, 100][..], &[b'a'; 100]].concat())),
];

/// A byte a second; the other side's end ends it.
fn trickle(mut stream: TcpStream, bytes: &[u8]) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    let mut closed = false;
    for byte in bytes {
        if closed || stream.write_all(&[*byte]).is_err() {
            return;
        }
        closed = matches!(stream.read(&mut [0; 4096]), Ok(0));
    }
}

/// Upgrades every connection by hand, then does what `then` says: a real peer that misbehaves.
pub(crate) fn rude(then: fn(TcpStream)) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let serve = move |mut stream: TcpStream| {
        let mut lines = BufReader::new(stream.try_clone().expect("a clone")).lines();
        let mut key = String::new();
        for line in lines.by_ref().map_while(Result::ok) {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("sec-websocket-key:") {
                key = line[line.len() - value.trim_start().len()..].to_owned();
            }
            if line.is_empty() {
                break;
            }
        }
        let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.trim().as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        if stream.write_all(answer.as_bytes()).is_ok() {
            then(stream);
        }
    };
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream));
        }
    });
    port
}
