//! Messages that come in one piece: each is a frame of its own, however far the script has got in between.

use crate::support::Project;
use goldwire::transcript::{Payload, Side, read};
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use tokio_tungstenite::tungstenite;

/// A frame of a server (RFC 6455, 5.2).
fn frame(opcode: u8, text: &str) -> Vec<u8> {
    [&[0x80 | opcode, u8::try_from(text.len()).expect("a short text")], text.as_bytes()].concat()
}

#[test]
fn what_comes_in_one_write_is_recorded_as_what_it_is() {
    const TEXT: u8 = 1;
    const PING: u8 = 9;
    let said = [
        (TEXT, r#"{"type":"connected"}"#),
        (TEXT, r#"{"type":"token","n":1}"#),
        (TEXT, "no JSON"),
        (PING, "still there?"),
        (TEXT, r#"{"type":"token","n":2}"#),
        (TEXT, r#"{"type":"done"}"#),
    ];
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("it is bound").port();
    let server = std::thread::spawn(move || {
        let (tcp, _) = listener.accept().expect("a client");
        let mut socket = tungstenite::accept(tcp).expect("it asks for a WebSocket");
        let all: Vec<u8> = said.iter().flat_map(|(opcode, text)| frame(*opcode, text)).collect();
        socket.get_mut().write_all(&all).expect("the client reads");
        // Its question, and its farewell, which is answered.
        while socket.read().is_ok() {}
    });
    let project = Project::new();
    // The client speaks in the middle of what came at once.
    project.write(
        "script.toml",
        "goldwire = 1\norder = \"connected ; >ask ; ( token & text )* ; done\"\nwait = \"5 s\"\nlinger = \"10 ms\"\n\
         [event.ask]\nsend = { type = \"ask\" }\n",
    );
    let url = format!("ws://127.0.0.1:{port}/");
    let out = project.run(&["record", "burst", &url, "--script", "script.toml"]);
    server.join().expect("the server is served well");
    let files = project.files("recordings/burst");
    let [file] = &files[..] else { panic!("one recording: {files:?}\n{out:?}") };
    let recording = read(&fs::read(file).expect("it can be read")[..]).expect("a whole recording");
    let server = recording.frames.iter().filter(|frame| frame.side == Side::Server);
    let recorded: Vec<(u8, String)> = server
        .filter_map(|frame| match &frame.payload {
            Payload::Text(text) => Some((TEXT, text.clone())),
            Payload::Ping(bytes) => Some((PING, String::from_utf8_lossy(bytes).into_owned())),
            _ => None,
        })
        .collect();
    let said: Vec<(u8, String)> = said.iter().map(|(opcode, text)| (*opcode, (*text).to_owned())).collect();
    assert_eq!(recorded, said, "{out:?}");
}
