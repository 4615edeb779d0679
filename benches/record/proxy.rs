//! What a proxy adds: to the time of a round trip, and to a stream as fast as it is read. Beside it a relay that only copies
//! bytes, and whatever other proxy is named.

use crate::process::{Cost, Own, own, run, used};
use crate::{Failure, ROUNDS, lines, median, strings};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::{Message, client};

const TRIPS: u64 = 3000;
/// How long a proxy may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// A proxy to be measured; its command has `{port}`, where it listens, `{to}`, the server's port, and `{out}`, a file.
pub(crate) struct Proxy {
    pub(crate) name: String,
    pub(crate) command: Vec<String>,
}

impl Proxy {
    pub(crate) fn relay() -> Result<Proxy, Failure> {
        let program = std::env::current_exe()?.display().to_string();
        Ok(Proxy {
            name: "bytes only".to_owned(),
            command: strings(&[&program, "--relay", "{port}", "{to}"]),
        })
    }

    pub(crate) fn goldwire() -> Proxy {
        let words = [env!("CARGO_BIN_EXE_goldwire"), "proxy", "live", "--listen", "127.0.0.1:{port}"];
        let to = ["--to", "ws://127.0.0.1:{to}"];
        Proxy { name: "goldwire proxy".to_owned(), command: strings(&[&words[..], &to[..]].concat()) }
    }

    pub(crate) fn peer(name: &str, command: &str) -> Proxy {
        Proxy { name: name.to_owned(), command: strings(&["sh", "-c", &format!("exec {command}")]) }
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Copies bytes both ways, a thread a direction, 64 KB at once.
pub(crate) fn relay(port: &str, to: &str) -> Result<(), Failure> {
    for client in TcpListener::bind(format!("127.0.0.1:{port}"))?.incoming() {
        let client = client?;
        let server = TcpStream::connect(format!("127.0.0.1:{to}"))?;
        for (from, to) in [(&client, &server), (&server, &client)] {
            from.set_nodelay(true)?;
            let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
            std::thread::spawn(move || {
                let mut buffer = vec![0; 64 * 1024];
                while let Ok(count @ 1..) = from.read(&mut buffer) {
                    if to.write_all(&buffer[..count]).is_err() {
                        break;
                    }
                }
                let _ = to.shutdown(std::net::Shutdown::Write);
            });
        }
    }
    Ok(())
}

/// Asks `trips` times and waits for each answer; prints the median and the 99th percentile in microseconds.
pub(crate) fn trips(url: &str, trips: u64) -> Result<(), Failure> {
    let host = url.trim_start_matches("ws://").split('/').next().ok_or("a URL has a host")?;
    let stream = TcpStream::connect(host)?;
    stream.set_nodelay(true)?;
    let (mut socket, _) = client(url, stream)?;
    let mut took = Vec::new();
    for number in 0..trips + trips / 10 {
        let text = format!("{{\"type\":\"ask\",\"seq\":{number},\"text\":\"{}\"}}", "x".repeat(260));
        let start = Instant::now();
        socket.send(Message::Text(text.into()))?;
        while !socket.read()?.is_text() {}
        // The first ones warm up.
        if number >= trips / 10 {
            took.push(start.elapsed());
        }
    }
    socket.close(None)?;
    while socket.read().is_ok() {}
    took.sort_unstable();
    let at = |part: usize| took[(took.len() * part / 100).min(took.len() - 1)].as_secs_f64() * 1e6;
    println!("{:.2} {:.2}", at(50), at(99));
    Ok(())
}

/// What one round gave.
struct Round {
    usual: f64,
    most: f64,
    /// Messages a second.
    rate: f64,
    /// Of the proxy, in microseconds for a streamed message.
    cpu: f64,
}

pub(crate) fn table(proxies: &[Proxy], count: u64) -> Result<(), Failure> {
    println!(
        "\n{TRIPS} round trips of 300 bytes, microseconds; {count} events of 300 bytes as fast as they are read"
    );
    let mut rounds: Vec<Vec<Round>> = (0..=proxies.len()).map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        rounds[0].push(round(None, count)?);
        for (index, proxy) in proxies.iter().enumerate() {
            rounds[index + 1].push(round(Some(proxy), count)?);
        }
    }
    let of = |index: usize, what: fn(&Round) -> f64| median(rounds[index].iter().map(what).collect());
    let (usual, most) = (of(0, |round| round.usual), of(0, |round| round.most));
    println!(
        "{:<20} p50 {usual:>7.1}         p99 {most:>7.1}         {:>9.0} /s",
        "direct",
        of(0, |round| round.rate)
    );
    let floor = of(1, |round| round.rate);
    for (index, proxy) in proxies.iter().enumerate() {
        let own = |what: fn(&Round) -> f64| of(index + 1, what);
        println!(
            "{:<20} p50 {:>7.1} {:>+7.1} p99 {:>7.1} {:>+7.1} {:>9.0} /s {:>6.3} x {:>7.2} us CPU a message",
            proxy.name,
            own(|round| round.usual),
            own(|round| round.usual) - usual,
            own(|round| round.most),
            own(|round| round.most) - most,
            own(|round| round.rate),
            own(|round| round.rate) / floor,
            own(|round| round.cpu),
        );
    }
    Ok(())
}

fn round(proxy: Option<&Proxy>, count: u64) -> Result<Round, Failure> {
    let folder = tempfile::tempdir()?;
    let mut source = Own::start(&strings(&["--source"]))?;
    let to = source.line()?;
    let (running, port) = match proxy {
        Some(proxy) => {
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
            let out = folder.path().join("out").display().to_string();
            let fill =
                |word: &String| word.replace("{port}", &port).replace("{to}", &to).replace("{out}", &out);
            let words: Vec<String> = proxy.command.iter().map(fill).collect();
            let mut command = Command::new(&words[0]);
            command.args(&words[1..]).current_dir(folder.path()).stdin(Stdio::null());
            let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
            (Some(Running(child)), port)
        }
        None => (None, to.clone()),
    };
    let begun = Instant::now();
    let url = format!("ws://127.0.0.1:{port}");
    // It may not listen yet; what is asked then is answered by nobody.
    let told = loop {
        let child = own(&strings(&["--trips", &format!("{url}/echo"), &TRIPS.to_string()]))?;
        let told = output(child)?;
        if !told.is_empty() {
            break told;
        }
        if begun.elapsed() > PATIENCE {
            return Err("the proxy does not answer".into());
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    let numbers: Vec<f64> = told.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let [usual, most] = numbers[..] else { return Err(told.into()) };
    let before = running.as_ref().map_or(Ok(0.0), |running| used(running.0.id()))?;
    let start = Instant::now();
    let _: Cost = run(&mut own(&strings(&["--messages", &format!("{url}/{count}/300/0")]))?)?;
    // Less what the source waits for its reader before it begins.
    let took = start.elapsed().as_secs_f64() - 0.05;
    let after = running.as_ref().map_or(Ok(0.0), |running| used(running.0.id()))?;
    if proxy.is_some_and(|proxy| proxy.name.starts_with("goldwire")) {
        // It is given the time to write what it has.
        std::thread::sleep(Duration::from_millis(500));
        let mut kept = 0;
        for entry in fs::read_dir(folder.path().join("recordings/live"))? {
            kept += lines(&entry?.path())?;
        }
        // Only the stream's events are counted, by their numbers.
        if kept != count {
            println!("goldwire recorded {kept} of {count} events");
        }
    }
    Ok(Round { usual, most, rate: count as f64 / took, cpu: (after - before) * 1e6 / count as f64 })
}

fn output(mut command: Command) -> Result<String, Failure> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output()?;
    Ok(String::from_utf8(output.stdout)?)
}
