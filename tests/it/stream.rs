//! Sessions written by hand, for tests of what is pure.
//!
//! ```text
//! 0   > {"type":"ask"}
//! 12  < {"type":"answer"}
//! 20  end client 1000
//! ```
//!
//! The number is in milliseconds; `end gave-up NAME` is a wait in vain, and `host 81 1 480` before it says
//! that of 81 probes the usual one was 1 ms late, the worst 480 ms.

use goldwire::transcript::{End, Ending, Frame, Gap, Header, Host, Offset, Payload, Side, Transcript};

pub(crate) fn transcript(text: &str) -> Transcript {
    let mut frames = Vec::new();
    let mut ending = None;
    let mut host = None;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (time, rest) = line.split_once(' ').expect("a time");
        let millis: f64 = time.parse().expect("a number of milliseconds");
        let at = Offset::from_nanos(Gap::from_secs_f64(millis / 1e3).as_nanos());
        let (mark, rest) = rest.trim().split_once(' ').expect("a direction");
        let side = match mark {
            ">" => Side::Client,
            "<" => Side::Server,
            "end" => {
                ending = Some(Ending { at, how: end(rest), host });
                continue;
            }
            "host" => {
                host = Some(busy(rest));
                continue;
            }
            other => panic!("`{other}` is no direction"),
        };
        frames.push(Frame::new(at, side, Payload::Text(rest.trim().to_owned())));
    }
    let header = Header {
        session: "case".to_owned(),
        id: "case".to_owned(),
        started: "2026-11-22T12:00:00.000000000Z".to_owned(),
        user: "u1".to_owned(),
        ..Header::default()
    };
    Transcript { header, frames, ending: ending.expect("a line `end …`") }
}

fn busy(text: &str) -> Host {
    let numbers: Vec<u32> = text.split_whitespace().map(|word| word.parse().expect("a number")).collect();
    let [probes, usual, worst] = numbers[..] else { panic!("`{text}` is not `PROBES USUAL WORST`") };
    let millis = |number: u32| Gap::from_millis(number.into());
    Host {
        probes,
        lag_p50: millis(usual),
        lag_max: millis(worst),
        starved: None,
        work: None,
        work_cpu: None,
        others: None,
    }
}

fn end(text: &str) -> End {
    let (by, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    match by {
        "gave-up" => End::GaveUp {
            waiting_for: (!rest.is_empty()).then(|| rest.to_owned()).into_iter().collect(),
            waited: Gap::from_millis(10_000),
        },
        "dropped" => End::Dropped { detail: rest.to_owned() },
        _ => {
            let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
            let by = if by == "client" { Side::Client } else { Side::Server };
            End::Closed { by, code: code.parse().expect("a close code"), reason: reason.to_owned() }
        }
    }
}
