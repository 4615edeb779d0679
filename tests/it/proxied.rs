//! `goldwire proxy` as a process of its own, and raw ends of a wire to put it between.

use crate::support::{Project, Running, Said, signal};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{ChildStderr, ChildStdout, Stdio};
use std::thread::JoinHandle;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// A proxy that runs.
pub(crate) struct Proxied {
    /// Where its clients connect to, without a path.
    pub(crate) url: String,
    process: Running,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
    said: String,
}

impl Proxied {
    /// Records as `session`, in front of `to`.
    pub(crate) fn start(project: &Project, session: &str, to: &str, more: &[&str]) -> Proxied {
        let arguments = [&["proxy", session, "--listen", "127.0.0.1:0", "--to", to], more].concat();
        let mut command = project.command(&arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let process = Running(child);
        let mut said = String::new();
        stderr.read_line(&mut said).expect("a line");
        let url = said.strip_prefix("listening on ").and_then(|rest| rest.split(' ').next());
        let url = url.unwrap_or_else(|| panic!("it said {said:?}")).to_owned();
        Proxied { url, process, stdout, stderr, said: String::new() }
    }

    pub(crate) fn address(&self) -> &str {
        self.url.split_once("://").expect("a URL").1
    }

    /// Waits for the next recording to be finished; the lines of its file.
    pub(crate) fn recording(&mut self, project: &Project) -> Vec<Value> {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("a line");
        self.said.push_str(&line);
        let path = line.split(' ').next().expect("a path");
        lines(&project.read(path))
    }

    /// Waits for something to be said on stderr.
    pub(crate) fn complaint(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).expect("a line");
        line
    }

    /// Ctrl-C, and what it said until its end.
    pub(crate) fn stop(mut self) -> Said {
        signal(self.process.0.id(), rustix::process::Signal::INT);
        let mut stdout = std::mem::take(&mut self.said);
        self.stdout.read_to_string(&mut stdout).expect("UTF-8");
        let mut stderr = String::new();
        self.stderr.read_to_string(&mut stderr).expect("UTF-8");
        let status = self.process.0.wait().expect("it ends");
        Said { code: status.code().expect("it ends by itself"), stdout, stderr }
    }
}

/// The lines of a recording.
pub(crate) fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// A frame as it goes over the wire: RFC 6455, 5.2, with the first byte as given.
pub(crate) fn frame(first: u8, mask: Option<[u8; 4]>, data: &[u8]) -> Vec<u8> {
    let bit = if mask.is_some() { 0x80 } else { 0 };
    let mut out = vec![first];
    match data.len() {
        len @ 0..126 => out.push(bit | u8::try_from(len).expect("it is below 126")),
        len @ 126..65536 => {
            out.push(bit | 126);
            out.extend(u16::try_from(len).expect("it is below 65536").to_be_bytes());
        }
        len => {
            out.push(bit | 127);
            out.extend((len as u64).to_be_bytes());
        }
    }
    out.extend(mask.iter().flatten());
    let key = mask.unwrap_or_default();
    out.extend(data.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    out
}

/// Reads until the empty line that ends a head; nothing beyond it.
pub(crate) fn read_head(stream: &mut impl std::io::Read) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a head");
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("UTF-8")
}

/// Asks for a WebSocket over a connection of its own; `headers` end with a line's end each.
pub(crate) fn open(address: &str, target: &str, headers: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    );
    stream.write_all(request.as_bytes()).expect("it is taken");
    let head = read_head(&mut stream);
    (stream, head)
}

/// A server of one connection: answers the upgrade with `headers` besides what it must have, then does `then` with the
/// connection and the request's head.
pub(crate) fn serve<T: Send + 'static>(
    headers: &'static str,
    then: impl FnOnce(TcpStream, String) -> T + Send + 'static,
) -> (String, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("ws://{}", listener.local_addr().expect("an address"));
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let head = read_head(&mut stream);
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
        let accept = derive_accept_key(key.as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n{headers}\r\n"
        );
        stream.write_all(answer.as_bytes()).expect("it is taken");
        then(stream, head)
    });
    (url, thread)
}
