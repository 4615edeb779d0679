//! What checking costs: `cargo bench --bench check`.
//!
//! Recordings of one long agent session each, with as many lanes as tool calls, are written to a temporary folder and
//! judged as `goldwire check --offline` judges them, frame by frame. Each size is judged by a process of its own, so
//! that its peak memory is its own; the same process then parses the same lines into `serde_json::Value`, which is the
//! measure of what one may want to spend on them. Times are those of the processor, the best of three. Linux only.

use goldwire::check::Checker;
use goldwire::golden::{self, Golden};
use goldwire::learn::learn;
use goldwire::transcript::{End, Ending, Entries, Gap, Header, Offset, Side, Transcript};
use serde_json::json;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;
use std::process::Command;
use support::{Failure, Session, parse, write};

mod support;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, golden, recording] = &arguments[..] {
        if mode == "--judge" {
            return judge(Path::new(golden), Path::new(recording));
        }
    }
    compare()
}

/// Writes the recordings, has each judged by a process of its own, and prints the table.
fn compare() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let golden_path = folder.path().join("golden.toml");
    let known: Vec<Transcript> = (0..20).map(|seed| session(seed, 100 + 10 * seed)).collect();
    fs::write(&golden_path, golden::write(&learn(&known, None)?.golden))?;
    println!(
        "{:>10} {:>9} {:>9} {:>7} {:>8} {:>10}",
        "events", "check", "parse", "ratio", "growth", "peak RSS"
    );
    let mut before: Option<f64> = None;
    for events in [10_000, 100_000, 1_000_000] {
        let recording = folder.path().join(format!("{events}.jsonl"));
        write(&recording, &session(7, events))?;
        let output = Command::new(std::env::current_exe()?)
            .arg("--judge")
            .args([&golden_path, &recording])
            .output()?;
        let said = String::from_utf8(output.stdout)?;
        let numbers: Vec<f64> = said.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let [check, parse, peak] = numbers[..] else {
            return Err(format!("{said}{}", String::from_utf8_lossy(&output.stderr)).into());
        };
        let growth = before.map_or(String::new(), |before| format!("{:.1} x", check / before));
        before = Some(check);
        println!(
            "{events:>10} {check:>7.3} s {parse:>7.3} s {:>5.2} x {growth:>8} {peak:>7.1} MB",
            check / parse
        );
        fs::remove_file(&recording)?;
    }
    Ok(())
}

/// Judges one recording; prints the seconds that took, the seconds that parsing its lines takes, and the peak memory
/// of judging in megabytes.
fn judge(golden: &Path, recording: &Path) -> Result<(), Failure> {
    let golden = golden::read("golden.toml", &fs::read_to_string(golden)?)?;
    let check = best(|| check(&golden, recording))?;
    let peak = peak()?;
    let parse = best(|| parse(recording))?;
    println!("{check} {parse} {peak}");
    Ok(())
}

fn best(mut run: impl FnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        let start = processor_seconds()?;
        run()?;
        best = best.min(processor_seconds()? - start);
    }
    Ok(best)
}

fn check(golden: &Golden, recording: &Path) -> Result<(), Failure> {
    let mut entries = Entries::open(BufReader::with_capacity(1 << 16, File::open(recording)?))?;
    let mut checker = Checker::new(golden);
    while let Some(entry) = entries.next_entry() {
        let judged = checker.entry(entry?);
        judged.into_iter().for_each(|json| entries.reuse(json));
    }
    let checked = checker.finish(&entries.ending());
    match checked.findings.first() {
        None => Ok(()),
        Some(finding) => Err(format!("the recording should conform: {}", finding.message).into()),
    }
}

/// How long this thread has run so far.
#[expect(clippy::cast_precision_loss, reason = "53 bits of nanoseconds are 104 days")]
fn processor_seconds() -> Result<f64, Failure> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos: u64 = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanos as f64 / 1e9)
}

/// The most memory this process has had, in megabytes.
fn peak() -> Result<f64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes * 1024.0 / 1e6)
}

/// Questions to an agent, one after the other: some tools at once for each, whose results race, then its answer.
fn session(seed: u64, events: u64) -> Transcript {
    use Side::{Client, Server};
    let mut it = Session::new(seed);
    let thread = it.id("thr");
    it.say(500, Server, json!({ "type": "connected", "thread_id": thread }));
    while (it.frames.len() as u64) < events {
        it.say(50_000, Client, json!({ "type": "ask", "thread": thread, "text": "How far is the moon?" }));
        let run = it.id("run");
        it.say(
            20_000,
            Server,
            json!({ "type": "agent_started", "run_id": run, "thread_id": thread, "model": "small-1" }),
        );
        let mut waiting: Vec<String> = (0..2 + it.below(3)).map(|_| it.id("call")).collect();
        let mut open: Vec<String> = Vec::new();
        while !waiting.is_empty() || !open.is_empty() {
            let opens = !waiting.is_empty() && (open.is_empty() || it.below(2) == 0);
            if opens {
                let call = waiting.remove(0);
                let (query, limit) =
                    (format!("distance of the moon, source {}", it.below(1000)), 1 + it.below(9));
                it.say(
                    3_000,
                    Server,
                    json!({ "type": "tool_executing", "run_id": run, "call_id": call, "tool": "search",
                            "arguments": { "query": query, "limit": limit } }),
                );
                open.push(call);
            } else {
                let index = usize::try_from(it.below(open.len() as u64)).unwrap_or_default();
                let call = open.remove(index);
                let score = f64::from(u32::try_from(it.below(1000)).unwrap_or_default()) / 1000.0;
                it.say(
                    12_000,
                    Server,
                    json!({ "type": "tool_completed", "run_id": run, "call_id": call, "ok": true,
                            "sources": [{ "title": "Moon", "score": score }, { "title": "Orbit", "score": 0.25 }] }),
                );
            }
        }
        let tokens = 5 + it.below(20);
        let mut answer = String::new();
        for seq in 1..=tokens {
            let word = format!("word{} ", it.below(900));
            answer.push_str(&word);
            it.say(5_000, Server, json!({ "type": "token", "run_id": run, "seq": seq, "text": word }));
        }
        it.say(
            3_000,
            Server,
            json!({ "type": "agent_completed", "run_id": run, "answer": answer, "tokens": tokens }),
        );
    }
    let header = Header {
        session: "bench".to_owned(),
        id: format!("s{seed:03}"),
        started: format!("2026-11-22T12:00:{:02}.000000000Z", seed % 60),
        user: format!("u{}", seed % 5),
        ..Header::default()
    };
    let at = Offset::from_nanos(it.now) + Gap::from_millis(2);
    let how = End::Closed { by: Side::Client, code: 1000, reason: String::new() };
    Transcript { header, frames: it.frames, ending: Ending { at, how, host: None } }
}
