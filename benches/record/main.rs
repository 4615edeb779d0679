//! What recording costs, and how exact its stamps are: `cargo bench --bench record [-- TABLE…]`.
//!
//! TABLE is `rate`, `memory`, `stamps`, `sessions`, `start` or `proxy`; all of them by default. Source, floors and recorder are processes of
//! their own, over loopback, and every figure stands beside one of the same run: machines differ, ratios less. `peer NAME
//! COMMAND` measures another program like `rate`: `{url}` in its command is where to read, `{out}` a file to write. `proxy NAME
//! COMMAND` measures another proxy beside ours: `{port}` is where it is to listen, `{to}` the server's port.
//! Nothing is asserted. Linux only; stamps are held against `tcpdump`, where it can be run.

use capture::{Capture, numbers};
use goldwire::transcript::{self, Payload};
use process::{Cost, Own, own, run};
use proxy::Proxy;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;

mod capture;
mod fan;
mod process;
mod proxy;
mod readers;
mod source;

type Failure = Box<dyn std::error::Error>;

const SCRIPT: &str = "goldwire = 1\norder = \"event*\"\nwait = \"60 s\"\nends = \"server 1000\"\n";

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["--source"] => source::stream(),
        ["--fan", sessions, seconds] => fan::fan(sessions.parse()?, seconds.parse()?),
        ["--raw", url] => readers::raw(url),
        ["--messages", url] => readers::messages(url, None),
        ["--crowd", url, sessions] => readers::crowd(url, sessions.parse()?),
        ["--hello", url] => readers::hello(url),
        ["--plain", url, out] => readers::messages(url, Some(out)),
        ["--spin"] => loop {
            std::hint::spin_loop();
        },
        ["--relay", port, to] => proxy::relay(port, to),
        ["--trips", url, trips] => proxy::trips(url, trips.parse()?),
        ["peer", name, command] => peer(name, command),
        ["proxy", name, command] => {
            proxy::table(&[Proxy::relay()?, Proxy::goldwire(), Proxy::peer(name, command)], 20_000)
        }
        _ => {
            for table in if words.is_empty() {
                &["rate", "memory", "stamps", "sessions", "start", "proxy"]
            } else {
                &words[..]
            } {
                match *table {
                    "rate" => rate()?,
                    "memory" => memory()?,
                    "stamps" => stamps()?,
                    "sessions" => sessions()?,
                    "start" => start()?,
                    "proxy" => proxy::table(&[Proxy::relay()?, Proxy::goldwire()], 300_000)?,
                    other => return Err(format!("no table `{other}`").into()),
                }
            }
            Ok(())
        }
    }
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// A folder to record in, and the source to record from.
struct Bench {
    folder: tempfile::TempDir,
    source: Own,
    port: String,
}

impl Bench {
    fn new() -> Result<Bench, Failure> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("script.toml"), SCRIPT)?;
        let mut source = Own::start(&strings(&["--source"]))?;
        let port = source.line()?;
        Ok(Bench { folder, source, port })
    }

    fn url(&self, count: u64, size: u64, rate: u64) -> String {
        format!("ws://127.0.0.1:{}/{count}/{size}/{rate}", self.port)
    }

    /// Runs a reader; what it cost, and the seconds that the source waited for it.
    fn read(&mut self, command: &mut Command) -> Result<(Cost, f64), Failure> {
        let cost = run(command.current_dir(self.folder.path()))?;
        let line = self.source.line()?;
        Ok((cost, line.parse().map_err(|_| line)?))
    }

    fn goldwire(&self, url: &str) -> Command {
        goldwire(&["record", "bench", url, "--script", "script.toml"])
    }

    /// The only recording, taken out of the way.
    fn recording(&self) -> Result<PathBuf, Failure> {
        let folder = self.folder.path().join("recordings/bench");
        let entry = fs::read_dir(&folder)?.next().ok_or("nothing was recorded")??;
        let path = self.folder.path().join("recording.jsonl");
        fs::rename(entry.path(), &path)?;
        Ok(path)
    }
}

fn goldwire(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_goldwire"));
    command.args(arguments);
    command
}

/// The middle one of some values.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn lines(path: &Path) -> Result<u64, Failure> {
    let mut count = 0;
    for line in BufReader::new(File::open(path)?).split(b'\n') {
        count += u64::from(!numbers(&line?).is_empty());
    }
    Ok(count)
}

/// One row of a table of rates; ratios against `bare`, the middle of the same runs of a bare reader.
fn row(name: &str, count: u64, runs: &[(Cost, f64)], bare: (f64, f64)) {
    let rate = median(runs.iter().map(|(_, took)| count as f64 / took).collect());
    let cpu = median(runs.iter().map(|(cost, _)| cost.cpu * 1e6 / count as f64).collect());
    let peak = median(runs.iter().map(|(cost, _)| cost.peak).collect());
    println!(
        "{name:<24} {rate:>10.0} /s {:>6.3} x {cpu:>7.2} s/M {:>6.2} x {peak:>7.1} MB",
        rate / bare.0,
        cpu / bare.1
    );
}

fn bare(count: u64, runs: &[(Cost, f64)]) -> (f64, f64) {
    let rate = median(runs.iter().map(|(_, took)| count as f64 / took).collect());
    (rate, median(runs.iter().map(|(cost, _)| cost.cpu * 1e6 / count as f64).collect()))
}

const ROUNDS: usize = 3;

/// As fast as it goes, and at 10,000 a second: events a second, processor time a million, peak memory.
fn rate() -> Result<(), Failure> {
    let mut bench = Bench::new()?;
    for (count, size, rate) in [(1_000_000, 300, 0), (200_000, 4096, 0), (30_000, 300, 10_000)] {
        let url = bench.url(count, size, rate);
        let said = if rate == 0 { "as fast as it goes".to_owned() } else { format!("{rate} a second") };
        println!("\n{count} events of {size} bytes, {said}; ratios to tokio-tungstenite reading only");
        let names = ["raw bytes", "tokio-tungstenite", "the same, writing lines", "goldwire record"];
        let mut runs: BTreeMap<usize, Vec<(Cost, f64)>> = BTreeMap::new();
        for _ in 0..ROUNDS {
            for (index, command) in [
                &mut own(&strings(&["--raw", &url]))?,
                &mut own(&strings(&["--messages", &url]))?,
                &mut own(&strings(&["--plain", &url, "plain.jsonl"]))?,
                &mut bench.goldwire(&url),
            ]
            .into_iter()
            .enumerate()
            {
                runs.entry(index).or_default().push(bench.read(command)?);
                // Its memory is the next one's: a virtual machine may wait long for what it did not have yet.
                let _ = fs::remove_file(bench.folder.path().join("plain.jsonl"));
            }
            let recording = bench.recording()?;
            let recorded = lines(&recording)?;
            if recorded != count {
                println!("goldwire recorded {recorded} of {count} events");
            }
            fs::remove_file(recording)?;
        }
        let floor = bare(count, &runs[&1]);
        for (index, name) in names.iter().enumerate() {
            row(name, count, &runs[&index], floor);
        }
    }
    Ok(())
}

/// Memory over the length of a session.
fn memory() -> Result<(), Failure> {
    let mut bench = Bench::new()?;
    println!(
        "\npeak memory over the length of a session, events of 300 bytes, and without the program's own file"
    );
    for (count, rate) in [(10_000, 0), (100_000, 0), (1_000_000, 0), (10_000, 20_000), (100_000, 20_000)] {
        let url = bench.url(count, 300, rate);
        let command = &mut bench.goldwire(&url);
        let (cost, _) = bench.read(command)?;
        bench.recording()?;
        let said = if rate == 0 { "as fast as it goes".to_owned() } else { format!("{rate} a second") };
        println!("{count:>8} events, {said:<20} {:>7.1} MB {:>7.1} MB", cost.peak, cost.own);
    }
    Ok(())
}

/// Another program, beside a bare reader in the same run.
fn peer(name: &str, command: &str) -> Result<(), Failure> {
    let mut bench = Bench::new()?;
    for (count, rate) in [(100_000, 0), (30_000, 10_000)] {
        let url = bench.url(count, 300, rate);
        let out = bench.folder.path().join("out").display().to_string();
        let command = command.replace("{url}", &url).replace("{out}", &out);
        let (mut floors, mut runs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            floors.push(bench.read(&mut own(&strings(&["--messages", &url]))?)?);
            runs.push(bench.read(Command::new("sh").args(["-c", &command]))?);
        }
        let kept = lines(Path::new(&out)).unwrap_or(0);
        row(name, count, &runs, bare(count, &floors));
        if kept != count {
            println!("{name} kept {kept} of {count} events");
        }
    }
    Ok(())
}

/// What a recorder said of an event: when it came, and how much earlier it may have come; nanoseconds.
type Said = (u64, u64);

fn said_by_goldwire(path: &Path) -> Result<BTreeMap<u64, Said>, Failure> {
    let transcript = transcript::read(BufReader::new(File::open(path)?))?;
    let started = chrono::DateTime::parse_from_rfc3339(&transcript.header.started)?;
    let zero = u64::try_from(started.timestamp_nanos_opt().ok_or("a time of this age")?)?;
    let mut said = BTreeMap::new();
    for frame in &transcript.frames {
        if let Payload::Text(text) = &frame.payload {
            let stamp = (zero + frame.at.as_nanos(), frame.earlier.as_nanos());
            said.extend(numbers(text.as_bytes()).into_iter().map(|number| (number, stamp)));
        }
    }
    Ok(said)
}

fn said_by_plain(path: &Path) -> Result<BTreeMap<u64, Said>, Failure> {
    let mut said = BTreeMap::new();
    for line in BufReader::new(File::open(path)?).lines() {
        let value: serde_json::Value = serde_json::from_str(&line?)?;
        let stamp = value["ts"].as_u64().ok_or("a stamp")?;
        let text = value["text"].as_str().ok_or("a text")?;
        said.extend(numbers(text.as_bytes()).into_iter().map(|number| (number, (stamp, 0))));
    }
    Ok(said)
}

/// How late stamps are, against what the kernel saw.
fn stamps() -> Result<(), Failure> {
    println!("\nrecorded time less arrival in the kernel, microseconds");
    println!(
        "{:<28} {:<24} {:>8} {:>8} {:>9} {:>7} {:>7} {:>7} {:>7}",
        "", "", "p50", "p99", "worst", "early", "exact", "broken", "again"
    );
    for (label, count, rate, hogs) in [
        ("20 a second", 80, 20, 0),
        ("1,000 a second", 3000, 1000, 0),
        ("20,000 a second", 60_000, 20_000, 0),
        ("1,000 a second, 2 busy cores", 3000, 1000, 2),
    ] {
        for name in ["goldwire record", "tokio-tungstenite, lines"] {
            let mut bench = Bench::new()?;
            let capture = Capture::start(bench.folder.path(), &bench.port);
            let hogs: Vec<Own> =
                (0..hogs).map(|_| Own::start(&strings(&["--spin"]))).collect::<Result<_, _>>()?;
            let url = bench.url(count, 300, rate);
            let said = if name == "goldwire record" {
                let command = &mut bench.goldwire(&url);
                bench.read(command)?;
                said_by_goldwire(&bench.recording()?)?
            } else {
                bench.read(&mut own(&strings(&["--plain", &url, "plain.jsonl"]))?)?;
                said_by_plain(&bench.folder.path().join("plain.jsonl"))?
            };
            drop(hogs);
            let Some(capture) = capture else {
                println!("no tcpdump, or no right to use it: nothing to hold the stamps against");
                return Ok(());
            };
            compare(label, name, count, &said, &capture.finish()?);
        }
    }
    println!(
        "early: stamped over 1 us before it came; exact: says so; broken: came before the bound it gives; again: TCP sent it twice"
    );
    Ok(())
}

fn compare(
    label: &str,
    name: &str,
    count: u64,
    said: &BTreeMap<u64, Said>,
    came: &BTreeMap<u64, (u64, u64)>,
) {
    let both = said.iter().filter_map(|(number, said)| Some((*said, *came.get(number)?)));
    let mut late: Vec<i64> = Vec::new();
    let (mut early, mut exact, mut broken, mut again) = (0, 0, 0, 0);
    for ((at, earlier), (first, last)) in both {
        let off = at.cast_signed() - first.cast_signed();
        late.push(off);
        early += u64::from(off < -1000);
        exact += u64::from(earlier == 0);
        broken += u64::from(off > earlier.cast_signed() + 50_000);
        again += u64::from(first != last);
    }
    late.sort_unstable();
    let at = |part: usize| late.get((late.len() * part / 1000).min(late.len().saturating_sub(1)));
    let micros = |part| at(part).copied().unwrap_or(0) as f64 / 1e3;
    println!(
        "{label:<28} {name:<24} {:>8.2} {:>8.2} {:>9.1} {early:>7} {exact:>7} {broken:>7} {again:>7}   {} of {count}",
        micros(500),
        micros(990),
        micros(1000),
        late.len(),
    );
}

/// From the start of the process to the first frame that it sends, beside a reader's whole life of one frame.
fn start() -> Result<(), Failure> {
    println!("\nmilliseconds from the start of the process to its first frame at the server");
    let mut bench = Bench::new()?;
    let script = "goldwire = 1\norder = \">hello\"\n[event.hello]\nsend = { type = \"hello\" }\n";
    fs::write(bench.folder.path().join("hello.toml"), script)?;
    let url = format!("ws://127.0.0.1:{}/first", bench.port);
    let mut took: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for _ in 0..21 {
        for name in ["tokio-tungstenite", "goldwire record"] {
            let mut command = match name {
                "goldwire record" => goldwire(&["record", "bench", &url, "--script", "hello.toml"]),
                _ => own(&strings(&["--hello", &url]))?,
            };
            let started = source::wall();
            run(command.current_dir(bench.folder.path()))?;
            let line = bench.source.line()?;
            let came: u64 = line.parse().map_err(|_| line)?;
            took.entry(name).or_default().push(came.saturating_sub(started) as f64 / 1e6);
        }
    }
    for (name, took) in took {
        println!("{name:<24} {:>6.1} ms", median(took));
    }
    Ok(())
}

/// Many sessions at once, ten events a second each.
fn sessions() -> Result<(), Failure> {
    println!(
        "\nsessions at once, 10 events of 300 bytes a second each, for 10 s; how far behind a ping's answer was"
    );
    // All stay until the end: where thousands of files have just been removed, some file systems take their time to make
    // new ones.
    let mut folders = Vec::new();
    for sessions in [1000, 2000, 4000, 8000] {
        for name in ["tokio-tungstenite", "goldwire record"] {
            let folder = tempfile::tempdir()?;
            crowd(name, sessions, folder.path())?;
            folders.push(folder);
        }
    }
    Ok(())
}

fn crowd(name: &str, sessions: u32, folder: &Path) -> Result<(), Failure> {
    fs::write(folder.join("script.toml"), SCRIPT)?;
    let users = sessions.to_string();
    let mut fan = Own::start(&strings(&["--fan", &users, "10"]))?;
    let url = format!("ws://127.0.0.1:{}/", fan.line()?);
    let mut command = match name {
        "goldwire record" => {
            goldwire(&["record", "bench", &url, "--script", "script.toml", "--users", &users])
        }
        _ => own(&strings(&["--crowd", &url, &users]))?,
    };
    let cost = run(command.current_dir(folder))?;
    let said = fan.line()?;
    let numbers: Vec<f64> = said.split(' ').map(str::parse).collect::<Result<_, _>>()?;
    let [sent, pongs, usual, most, worst, .., late, _] = numbers[..] else { return Err(said.into()) };
    println!(
        "{sessions:>6} {name:<20} p50 {usual:>8.2} ms, p99 {most:>8.2} ms, worst {worst:>8.2} ms of {pongs} (the source itself: \
         p99 {late:.2} ms); {:>5.1} s/M; {:>6.1} MB, {:>5.1} KB a session, {:.1} of them its own",
        cost.cpu * 1e6 / sent,
        cost.peak,
        cost.peak * 1000.0 / f64::from(sessions),
        cost.own * 1000.0 / f64::from(sessions)
    );
    if name == "goldwire record" {
        let (mut files, mut events) = (0, 0);
        for entry in fs::read_dir(folder.join("recordings/bench"))? {
            files += 1;
            events += lines(&entry?.path())?;
        }
        println!("       recorded {events} of {sent} events in {files} files");
    }
    Ok(())
}
