//! JSON Lines of any program, by a mapping of their fields: `time=/ts,dir=/direction,data=/payload,sent=out`.

use super::{CaptureError, Imported, Unit, rfc3339};
use crate::transcript::{End, Ending, Frame, Header, Offset, Payload, Redactor, Side, Stamps, Transcript};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::value::RawValue;

/// Where in a line the facts of a message are; JSON Pointers (RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mapping {
    time: String,
    dir: String,
    data: String,
    base64: String,
    unit: Option<String>,
    sent: Option<String>,
}

impl Mapping {
    /// Reads `time=/ts,dir=/direction,data=/payload,base64=/bytes,unit=ms,sent=out`. `time`, `dir` and one of `data` and
    /// `base64` are needed; `unit` (`s`, `ms`, `us`, `ns`, `rfc3339`) is told by the size of the first time otherwise;
    /// `sent` is what `dir` says for what the client sent, `send`, `sent`, `out`, `client` or `>` otherwise.
    ///
    /// # Errors
    /// When a part is unknown or missing.
    pub fn parse(text: &str) -> Result<Mapping, String> {
        let mut mapping = Mapping::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let Some((key, value)) = part.split_once('=') else {
                return Err(format!("`{part}` is not KEY=VALUE"));
            };
            let value = value.to_owned();
            match key {
                "time" => mapping.time = value,
                "dir" => mapping.dir = value,
                "data" => mapping.data = value,
                "base64" => mapping.base64 = value,
                "unit" if Unit::from_name(&value).is_some() => mapping.unit = Some(value),
                "unit" => return Err(format!("`{value}` is none of s, ms, us, ns, rfc3339")),
                "sent" => mapping.sent = Some(value),
                _ => return Err(format!("`{key}` is none of time, dir, data, base64, unit, sent")),
            }
        }
        for (key, pointer) in [("time", &mapping.time), ("dir", &mapping.dir)] {
            if pointer.is_empty() {
                return Err(format!("`{key}` is missing"));
            }
        }
        if mapping.data.is_empty() && mapping.base64.is_empty() {
            return Err("`data` is missing".to_owned());
        }
        for pointer in [&mapping.time, &mapping.dir, &mapping.data, &mapping.base64] {
            if !pointer.is_empty() && !pointer.starts_with('/') {
                return Err(format!("`{pointer}` is not a JSON Pointer: write `/{pointer}`"));
            }
        }
        Ok(mapping)
    }

    fn is_sent(&self, dir: &Value) -> bool {
        let text = dir.as_str().map_or_else(|| dir.to_string(), str::to_owned);
        match &self.sent {
            Some(sent) => text == *sent,
            None => ["send", "sent", "out", "client", ">"].contains(&text.as_str()),
        }
    }
}

/// Reads one session. Times may also be relative; the first message's is then offset 0 and the start 1970.
///
/// # Errors
/// When a line is not JSON, or lacks what the mapping points to; with its number.
pub fn read_lines(text: &str, mapping: &Mapping, redactor: &Redactor) -> Result<Imported, CaptureError> {
    let mut frames: Vec<Frame> = Vec::new();
    let mut unit = mapping.unit.as_deref().and_then(Unit::from_name);
    let mut base = None;
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = format!("line {}", index + 1);
        let value: Value = serde_json::from_str(line)
            .map_err(|error| CaptureError::new(&*place, format!("not JSON: {error}")))?;
        let at = |name: &str, pointer: &str| {
            value.pointer(pointer).ok_or_else(|| {
                CaptureError::new(&*place, format!("nothing is at {pointer}"))
                    .hint(format!("`{name}` in --map says where it is"))
            })
        };
        let time = RawValue::from_string(at("time", &mapping.time)?.to_string())
            .map_err(|error| CaptureError::new(&*place, error.to_string()))?;
        let unit = *unit.get_or_insert_with(|| usual_unit(&time));
        let nanos = unit.nanos(&time).ok_or_else(|| {
            CaptureError::new(&*place, format!("{time} at {} is not a time in {}", mapping.time, unit.name()))
                .hint("say the unit: --map …,unit=ms")
        })?;
        let side = if mapping.is_sent(at("dir", &mapping.dir)?) { Side::Client } else { Side::Server };
        let bytes = if mapping.base64.is_empty() { None } else { value.pointer(&mapping.base64) };
        let payload = match bytes.and_then(Value::as_str) {
            Some(text) => Payload::Binary(
                STANDARD
                    .decode(text)
                    .map_err(|error| CaptureError::new(&*place, format!("not base64: {error}")))?,
            ),
            None => Payload::Text(match at("data", &mapping.data)? {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            }),
        };
        let start = *base.get_or_insert(nanos);
        let offset = Offset::from_nanos(u64::try_from((nanos - start).max(0)).unwrap_or(u64::MAX));
        let offset = offset.max(frames.last().map_or(Offset::ZERO, |last| last.at));
        if frames.iter().all(|frame| frame.side == Side::Server)
            && let (Side::Client, Payload::Text(first)) = (side, &payload)
        {
            redactor.note_message(first);
        }
        frames.push(Frame::new(offset, side, payload));
    }
    let (Some(base), Some(unit), Some(last)) = (base, unit, frames.last()) else {
        return Err(CaptureError::new("line 1", "there is no message in the file"));
    };
    if frames.iter().all(|frame| frame.side == frames[0].side) && frames.len() > 1 {
        let hint = "say what `dir` is for what the client sent: --map …,sent=out";
        let cause = format!("all {} messages go the same way", frames.len());
        return Err(CaptureError::new("line 1", cause).hint(hint));
    }
    for frame in &frames {
        redactor.clean_frame(frame);
    }
    let how = End::Closed { by: Side::Client, code: 1000, reason: String::new() };
    let ending = Ending { at: last.at, how, host: None };
    let header = Header {
        started: rfc3339(base),
        user: "u1".to_owned(),
        recorder: format!("JSON Lines, imported by goldwire {}", env!("CARGO_PKG_VERSION")),
        stamps: Stamps::Import,
        ..Header::default()
    };
    Ok(Imported { transcript: Transcript { header, frames, ending }, unit, says_ending: false })
}

/// Counted since 1970, a time in this century has 10 digits in seconds and three more for each finer unit.
fn usual_unit(time: &RawValue) -> Unit {
    if time.get().starts_with('"') {
        return Unit::Text;
    }
    match time.get().split('.').next().map_or(0, str::len) {
        0..=11 => Unit::Seconds,
        12..=14 => Unit::Milliseconds,
        15..=17 => Unit::Microseconds,
        _ => Unit::Nanoseconds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_the_mapping() {
        let mapping = Mapping::parse("time=/ts,dir=/d,data=/m/x,sent=out").expect("a mapping");
        let text = "{\"ts\":1795487846817,\"d\":\"out\",\"m\":{\"x\":{\"type\":\"a\"}}}\n\n{\"ts\":1795487846917.5,\"d\":\"in\",\"m\":{\"x\":\"hi\"}}\n";
        let read = read_lines(text, &mapping, &Redactor::default()).expect("it can be read");
        assert_eq!(
            (read.unit, read.transcript.header.started.as_str()),
            (Unit::Milliseconds, "2026-11-24T02:37:26.817000000Z")
        );
        let shown: Vec<_> =
            read.transcript.frames.iter().map(|f| (f.at.as_nanos(), f.side, f.payload.clone())).collect();
        assert_eq!(
            shown,
            [
                (0, Side::Client, Payload::Text("{\"type\":\"a\"}".to_owned())),
                (100_500_000, Side::Server, Payload::Text("hi".to_owned())),
            ]
        );
        let error =
            |text: &str| read_lines(text, &mapping, &Redactor::default()).expect_err("bad").to_string();
        assert_eq!(error("{\"ts\":1,\"d\":\"in\",\"m\":{}}"), "line 1: nothing is at /m/x");
        assert!(error("\n{").starts_with("line 2: not JSON"));
        assert_eq!(error(""), "line 1: there is no message in the file");
        assert!(
            Mapping::parse("time=ts,dir=/d,data=/m").is_err() && Mapping::parse("time=/t,dir=/d").is_err()
        );
    }
}
