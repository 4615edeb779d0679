//! Probes through the real binary: peers that misbehave never make them hang, crash or pass; what cannot be asked is named.

use crate::support::{Project, Said};
use crate::trouble::rude;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const GOLDEN: &str = "goldwire = 1\norder = \"connected ; >ask ; answer\"\nwait = \"300 ms\"\nlinger = \"50 ms\"\n\
                      [event.connected]\ncritical = true\n[event.answer]\ncritical = true\n\
                      [event.ask]\nsend = { type = \"ask\", text = \"How far is the moon in miles?\" }\n";

fn probed(then: fn(TcpStream), arguments: &[&str]) -> Said {
    let project = Project::new();
    let port = rude(then);
    project.write(
        "goldwire.toml",
        &format!(
            "goldwire = 1\n[target.local]\nurl = \"ws://127.0.0.1:{port}/ws\"\nconnect_timeout = \"500 ms\"\nauth = \"user\"\n\
             [auth.user]\nkind = \"mint\"\nsecret_env = \"KEY\"\nclaims = {{ sub = \"{{{{user.index}}}}\" }}\n\
             [probe]\nusers = 2\nrounds = 1\ncycles = 1\n[probe.auth]\ndeadline = \"400 ms\"\n"
        ),
    );
    project.write("golden/chat.toml", GOLDEN);
    project.run_with(&[&["probe"], arguments].concat(), &[("KEY", "a key that signs tokens")])
}

#[test]
fn a_peer_that_hangs_floods_sends_rubbish_or_leaves_is_judged_within_the_deadline() {
    type Peer = (&'static str, fn(TcpStream));
    let peers: [Peer; 5] = [
        ("hangs", |mut stream| {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.read_to_end(&mut Vec::new());
        }),
        ("leaves", drop),
        ("rubbish", |mut stream| {
            let _ = stream.write_all(&[0xff; 64]);
            let _ = stream.read_to_end(&mut Vec::new());
        }),
        // Text frames "{}", until nobody reads them.
        ("floods", |mut stream| while stream.write_all(&[0x81, 2, b'{', b'}'].repeat(512)).is_ok() {}),
        ("trickles", |mut stream| {
            // A frame of a hundred letters, one at a time; the reader's end ends it.
            let mut bytes = [0x81, 100].into_iter().chain([b'a'; 100]);
            let _ = stream.set_read_timeout(Some(Duration::from_millis(100)));
            let mut closed = false;
            while let (false, Some(byte)) = (closed, bytes.next()) {
                closed = stream.write_all(&[byte]).is_err() || matches!(stream.read(&mut [0; 64]), Ok(0));
            }
        }),
    ];
    for (name, peer) in peers {
        let start = Instant::now();
        let said = probed(peer, &[]);
        let text = format!("{name}: exit {}\n{}{}", said.code, said.stdout, said.stderr);
        // A good token opens nothing here, so what bad ones show could not be judged.
        assert_eq!(said.code, 3, "{text}");
        assert!(start.elapsed() < Duration::from_secs(40), "{:?}, {text}", start.elapsed());
        assert!(!said.stdout.contains("CONFORMS"), "{text}");
        assert!(said.stdout.contains("DEVIATES"), "{text}");
    }
}

#[test]
fn names_are_checked_and_a_probe_that_cannot_ask_does_not_pass() {
    let said = probed(drop, &["isolatoin"]).exits(2);
    assert!(said.stderr.contains("isolation"), "{}", said.stderr);
    let project = Project::new();
    project.write("goldwire.toml", "goldwire = 1\n[target.local]\nurl = \"ws://127.0.0.1:9/ws\"\n");
    project.write("golden/chat.toml", GOLDEN);
    let said = project.run(&["probe", "auth"]).exits(4);
    assert!(said.stdout.contains("the target has no login"), "{}", said.stdout);
    assert!(said.stderr.contains("nothing was asked"), "{}", said.stderr);
}

#[test]
fn a_mistake_in_the_configuration_of_probes_is_told_with_its_place() {
    let project = Project::new();
    for (line, wanted) in [
        ("[probe]\nuser = 3", "users"),
        ("[probe.auth]\nplaces = [\"haeder\"]", "header"),
        ("[probe.auth]\nbypass = [\"X-Debug\"]", "Name: value"),
        ("[probe.auth]\nrefuse = \"401\"", "refuse = [401, 1008]"),
    ] {
        project.write("goldwire.toml", &format!("goldwire = 1\n{line}\n"));
        let said = project.run(&["probe"]).exits(2);
        assert!(said.stderr.contains(wanted) && said.stderr.contains("goldwire.toml:3"), "{}", said.stderr);
    }
}
