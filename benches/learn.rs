//! What learning costs: `cargo bench --bench learn`.
//!
//! Agent sessions of a thousand events each, and some in which each event has a name of its own, are written as recordings, and `goldwire learn` learns from a number of
//! them as a user would have it do: its time, by the clock and by processors, and its peak memory. Parsing the same
//! lines into `serde_json::Value` on one processor is the measure of what one may want to spend. Linux only.

use goldwire::transcript::{End, Ending, Gap, Header, Offset, Side, Transcript};
use serde_json::json;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::{Failure, Session, parse, write};

mod support;

/// Events of a session.
const EVENTS: usize = 1000;

fn main() -> Result<(), Failure> {
    println!(
        "{:>10} {:>9} {:>6} {:>8} {:>8} {:>8} {:>7} {:>10}",
        "recordings", "events", "names", "clock", "cpu", "parse", "ratio", "peak RSS"
    );
    for (count, names) in [(10, 7), (100, 7), (1000, 7), (5, EVENTS)] {
        let folder = tempfile::tempdir()?;
        let recordings = folder.path().join("recordings/bench");
        fs::create_dir_all(&recordings)?;
        for number in 0..count {
            write(
                &recordings.join(format!("{number:04}.jsonl")),
                &if names == EVENTS { named(number) } else { session(number) },
            )?;
        }
        let start = Instant::now();
        for entry in fs::read_dir(&recordings)? {
            parse(&entry?.path())?;
        }
        let parse = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let child = Command::new(env!("CARGO_BIN_EXE_goldwire"))
            .args(["learn", "bench"])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .spawn()?;
        let (cpu, peak) = watch(child)?;
        let clock = start.elapsed().as_secs_f64();
        let events = count * EVENTS;
        println!(
            "{count:>10} {events:>9} {names:>6} {clock:>6.2} s {cpu:>6.2} s {parse:>6.2} s {:>5.2} x {peak:>7.1} MB",
            cpu / parse
        );
    }
    Ok(())
}

/// Processor seconds and peak megabytes of a child, as it said last before it ended.
fn watch(mut child: Child) -> Result<(f64, f64), Failure> {
    let (mut cpu, mut peak) = (0.0, 0.0);
    loop {
        if let Some(used) = used(child.id()) {
            (cpu, peak) = used;
        }
        if let Some(status) = child.try_wait()? {
            return if status.success() { Ok((cpu, peak)) } else { Err(format!("learn: {status}").into()) };
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[expect(clippy::cast_precision_loss, reason = "53 bits are enough for ticks and kilobytes")]
fn used(pid: u32) -> Option<(f64, f64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Fields 14 and 15 after the name in brackets: ticks of a hundredth of a second.
    let ticks: u64 = stat
        .rsplit(')')
        .next()?
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|t| t.parse::<u64>().ok())
        .sum();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some((ticks as f64 / 100.0, kilobytes as f64 * 1024.0 / 1e6))
}

/// A question, and answers of which each has a name of its own.
fn named(number: usize) -> Transcript {
    let mut s = Session::new(number as u64);
    s.say(1_000, Side::Client, json!({"type": "ask"}));
    for answer in 1..EVENTS {
        s.say(4_000, Side::Server, json!({"type": format!("answer_{answer}"), "seq": answer}));
    }
    whole(number, s)
}

/// One question, twenty to thirty tools two at a time, and an answer as long as it takes to a thousand events.
fn session(number: usize) -> Transcript {
    let mut s = Session::new(number as u64);
    let run = s.id("run");
    let text = format!("how far is it to {:08x}", s.random());
    s.say(2_000, Side::Server, json!({"type": "connected", "version": "1.4.2"}));
    s.say(1_000, Side::Client, json!({"type": "ask", "text": text}));
    s.say(20_000, Side::Server, json!({"type": "agent_started", "run_id": run, "question": text}));
    for _ in 0..10 + s.below(5) {
        s.say(8_000, Side::Server, json!({"type": "agent_thinking", "run_id": run, "note": "looking it up"}));
        let calls = [s.id("call"), s.id("call")];
        for call in &calls {
            let name = if s.below(2) == 0 { "search" } else { "fetch" };
            s.say(
                1_000,
                Side::Server,
                json!({"type": "tool_executing", "run_id": run, "call_id": call, "tool": name}),
            );
        }
        for call in &calls {
            let rows = s.below(50);
            s.say(
                9_000,
                Side::Server,
                json!({"type": "tool_completed", "run_id": run, "call_id": call, "rows": rows}),
            );
        }
    }
    let mut answer = String::new();
    let mut seq = 0;
    while s.frames.len() < EVENTS - 1 {
        seq += 1;
        let delta = format!("w{} ", s.below(1000));
        answer.push_str(&delta);
        s.say(4_000, Side::Server, json!({"type": "token", "run_id": run, "seq": seq, "delta": delta}));
    }
    s.say(
        6_000,
        Side::Server,
        json!({"type": "agent_completed", "run_id": run, "answer": answer, "tokens": seq}),
    );
    whole(number, s)
}

fn whole(number: usize, s: Session) -> Transcript {
    let header = Header {
        session: "bench".to_owned(),
        id: format!("{number:04}"),
        started: format!(
            "2026-11-{:02}T10:{:02}:{:02}.000000000Z",
            1 + number % 9,
            number / 60 % 60,
            number % 60
        ),
        user: format!("u{}", number % 5),
        ..Header::default()
    };
    let at = Offset::from_nanos(s.now) + Gap::from_millis(1);
    let how = End::Closed { by: Side::Client, code: 1000, reason: String::new() };
    Transcript { header, frames: s.frames, ending: Ending { at, how, host: None } }
}
