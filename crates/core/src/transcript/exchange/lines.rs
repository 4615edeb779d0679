//! JSON Lines of any program, by a mapping of their fields: `time=/ts,dir=/direction,data=/payload,sent=out`.

use super::unit::{is_zoneless, number_within, rfc3339};
use super::{CaptureError, Imported, Unit};
use crate::transcript::{End, Ending, Frame, Header, Offset, Payload, Redactor, Side, Stamps, Transcript};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Where in a line the facts of a message are; JSON Pointers (RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mapping {
    time: String,
    dir: String,
    data: String,
    base64: String,
    unit: Option<String>,
    sent: Option<String>,
    op: String,
    code: String,
    reason: String,
    conn: String,
}

impl Mapping {
    /// Reads `time=/ts,dir=/direction,data=/payload,base64=/bytes,unit=ms,sent=out`. `time`, `dir` and one of `data` and
    /// `base64` are needed; `unit` (`s`, `ms`, `us`, `ns`, `rfc3339`) is told by the size of the first time otherwise;
    /// `op` says of a line whether it is a `close`, a `ping` or a `pong`, or the opcode of one; `code` and `reason` belong to a
    /// close; `conn` tells the sockets of a file apart, of which each becomes a session;
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
                "op" => mapping.op = value,
                "code" => mapping.code = value,
                "reason" => mapping.reason = value,
                "conn" => mapping.conn = value,
                _ => {
                    return Err(format!(
                        "`{key}` is none of time, dir, data, base64, unit, sent, op, code, reason, conn"
                    ));
                }
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
        let others = [&mapping.op, &mapping.code, &mapping.reason, &mapping.conn];
        for pointer in [&mapping.time, &mapping.dir, &mapping.data, &mapping.base64].into_iter().chain(others)
        {
            if !pointer.is_empty() && !pointer.starts_with('/') {
                return Err(format!("`{pointer}` is not a JSON Pointer: write `/{pointer}`"));
            }
        }
        Ok(mapping)
    }

    fn is_sent(&self, dir: &str) -> bool {
        match &self.sent {
            Some(sent) => dir == sent,
            None => SENT.contains(&dir),
        }
    }

    /// Whether `dir` says which way a message goes, in words that are known.
    fn knows(&self, dir: &str) -> bool {
        self.sent.is_some() || SENT.contains(&dir) || RECEIVED.contains(&dir.to_ascii_lowercase().as_str())
    }
}

const SENT: [&str; 5] = ["send", "sent", "out", "client", ">"];
const RECEIVED: [&str; 9] =
    ["receive", "received", "recv", "in", "server", "<", "incoming", "inbound", "down"];

/// One line, read.
struct Row {
    nanos: i128,
    dir: String,
    side: Side,
    payload: Payload,
}

/// Reads the sessions of a file: one, or one for each value at `conn`, in the order in which they begin. Times may also be
/// relative; the first message's is then offset 0 and the start 1970.
///
/// # Errors
/// When a line is not JSON, or lacks what the mapping points to; with its number.
pub fn read_lines(text: &str, mapping: &Mapping, redactor: &Redactor) -> Result<Vec<Imported>, CaptureError> {
    let text = text.trim_start_matches('\u{feff}');
    let mut unit = mapping.unit.as_deref().and_then(Unit::from_name);
    let mut conns: Vec<(String, Vec<Row>)> = Vec::new();
    let (mut zoneless, mut mended) = (0, 0);
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = format!("line {}", index + 1);
        let line = line.trim();
        // Only whether it is JSON: what is taken from it is taken as it is written.
        serde_json::from_str::<&RawValue>(line)
            .map_err(|error| CaptureError::new(&*place, format!("not JSON: {error}")))?;
        let at = |name: &str, pointer: &str| {
            raw_at(line, pointer).ok_or_else(|| {
                CaptureError::new(&*place, format!("nothing is at {pointer}"))
                    .hint(format!("`{name}` in --map says where it is"))
            })
        };
        let time = RawValue::from_string(at("time", &mapping.time)?.to_owned())
            .map_err(|error| CaptureError::new(&*place, error.to_string()))?;
        let unit = *unit.get_or_insert_with(|| usual_unit(&time));
        let nanos = unit.nanos(&time).ok_or_else(|| {
            let cause = format!("{time} at {} is not a time in {}", mapping.time, unit.name());
            CaptureError::new(&*place, cause)
                .hint("a number, also in quotes, with its unit in --map …,unit=ms, or a date and time such as 2026-03-01T10:00:00.5Z")
        })?;
        zoneless += usize::from(is_zoneless(&time));
        let mut text_at = |raw: &str| {
            let mend = super::mend_surrogates(raw);
            mended += usize::from(matches!(mend, Cow::Owned(_)));
            serde_json::from_str::<String>(&mend).unwrap_or_else(|_| raw.to_owned())
        };
        let dir = text_at(at("dir", &mapping.dir)?);
        let side = if mapping.is_sent(&dir) { Side::Client } else { Side::Server };
        let optional = |pointer: &str| (!pointer.is_empty()).then(|| raw_at(line, pointer)).flatten();
        let op = optional(&mapping.op).map(&mut text_at).unwrap_or_default().to_ascii_lowercase();
        let code = optional(&mapping.code).map(&mut text_at).and_then(|code| code.parse().ok());
        let bytes = optional(&mapping.base64).filter(|raw| raw.starts_with('"')).map(&mut text_at);
        let bytes = match bytes {
            Some(text) => Some(
                STANDARD
                    .decode(&text)
                    .map_err(|error| CaptureError::new(&*place, format!("not base64: {error}")))?,
            ),
            None => None,
        };
        let data = match optional(&mapping.data) {
            Some(raw) if raw.starts_with('"') => Some(text_at(raw)),
            Some(raw) => Some(super::mend_surrogates(raw).into_owned()),
            None => None,
        };
        let shown = data.clone().filter(|data| data != "null").unwrap_or_default();
        let payload = match op.as_str() {
            "8" | "close" => {
                let reason = optional(&mapping.reason).map(&mut text_at).unwrap_or_default();
                Payload::Close { code: code.unwrap_or(1005), reason }
            }
            "9" | "ping" => Payload::Ping(bytes.unwrap_or_else(|| shown.into_bytes())),
            "10" | "pong" => Payload::Pong(bytes.unwrap_or_else(|| shown.into_bytes())),
            _ => match (bytes, data) {
                (Some(bytes), _) => Payload::Binary(bytes),
                (None, Some(text)) => Payload::Text(text),
                (None, None) => {
                    return Err(at("data", &mapping.data)
                        .err()
                        .unwrap_or_else(|| CaptureError::new(&*place, "there is no message in it")));
                }
            },
        };
        let conn = optional(&mapping.conn).unwrap_or_default().to_owned();
        let row = Row { nanos, dir, side, payload };
        match conns.iter_mut().find(|(own, _)| *own == conn) {
            Some((_, rows)) => rows.push(row),
            None => conns.push((conn, vec![row])),
        }
    }
    let Some(unit) = unit.filter(|_| !conns.is_empty()) else {
        return Err(CaptureError::new("line 1", "there is no message in the file"));
    };
    told_apart(&conns, mapping)?;
    let mut notes = Vec::new();
    if zoneless > 0 {
        notes.push("its times have no zone: taken as UTC".to_owned());
    }
    if mended > 0 {
        notes.push(format!(
            "half of a surrogate pair, which is no character, became U+FFFD in {mended} values"
        ));
    }
    let mut sessions: Vec<Imported> =
        conns.into_iter().map(|(conn, rows)| session(&conn, rows, unit, redactor)).collect();
    if let Some(first) = sessions.first_mut() {
        notes.append(&mut first.notes);
        first.notes = notes;
    }
    Ok(sessions)
}

/// Whether it is known which way each message goes.
fn told_apart(conns: &[(String, Vec<Row>)], mapping: &Mapping) -> Result<(), CaptureError> {
    let rows = || conns.iter().flat_map(|(_, rows)| rows);
    let count = rows().count();
    let Some(first) = rows().next().filter(|first| rows().all(|row| row.side == first.side)) else {
        return Ok(());
    };
    let words: BTreeSet<&str> = rows().map(|row| row.dir.as_str()).collect();
    let is_one_way = words.len() == 1 && mapping.knows(&first.dir);
    if count < 2 || is_one_way {
        return Ok(());
    }
    let words: Vec<String> = words.into_iter().take(5).map(|word| format!("`{word}`")).collect();
    let cause = format!("all {count} messages go the same way, and `dir` says {}", words.join(", "));
    let hint = "say what `dir` is for what the client sent: --map …,sent=out";
    Err(CaptureError::new("line 1", cause).hint(hint))
}

fn session(conn: &str, mut rows: Vec<Row>, unit: Unit, redactor: &Redactor) -> Imported {
    let mut notes = Vec::new();
    let back = rows.windows(2).filter(|pair| pair[1].nanos < pair[0].nanos).count();
    if back > 0 {
        let of = if conn.is_empty() { String::new() } else { format!(" of connection {conn}") };
        notes.push(format!("{back} times{of} go back: its messages were put in the order of their times"));
        rows.sort_by_key(|row| row.nanos);
    }
    let base = rows.first().map_or(0, |row| row.nanos);
    let mut frames: Vec<Frame> = Vec::with_capacity(rows.len());
    let mut how = None;
    let mut has_spoken = false;
    for row in rows {
        let at = Offset::from_nanos(u64::try_from(row.nanos - base).unwrap_or(u64::MAX));
        if let (false, Side::Client, Payload::Text(first)) = (has_spoken, row.side, &row.payload) {
            redactor.note_message(first);
        }
        if let (Payload::Close { code, reason }, true) = (&row.payload, how.is_none()) {
            how = Some(End::Closed { by: row.side, code: *code, reason: reason.clone() });
        }
        has_spoken |= row.side == Side::Client;
        frames.push(Frame::new(at, row.side, row.payload));
    }
    for frame in &frames {
        redactor.clean_frame(frame);
    }
    let says_ending = how.is_some();
    let how = how.unwrap_or(End::Closed { by: Side::Client, code: 1000, reason: String::new() });
    let ending = Ending { at: frames.last().map_or(Offset::ZERO, |last| last.at), how, host: None };
    let header = Header {
        started: rfc3339(base),
        user: "u1".to_owned(),
        recorder: format!("JSON Lines, imported by goldwire {}", env!("CARGO_PKG_VERSION")),
        stamps: Stamps::Import,
        ..Header::default()
    };
    Imported { transcript: Transcript { header, frames, ending }, unit, says_ending, notes }
}

/// The JSON at a pointer (RFC 6901), as it is written: numbers keep their digits, and keys their order.
fn raw_at<'t>(text: &'t str, pointer: &str) -> Option<&'t str> {
    let mut part = text.trim();
    for key in pointer.split('/').skip(1) {
        let key = key.replace("~1", "/").replace("~0", "~");
        let value: &RawValue = if part.starts_with('{') {
            serde_json::from_str::<BTreeMap<Cow<'_, str>, &RawValue>>(part)
                .ok()?
                .get(key.as_str())
                .copied()?
        } else {
            serde_json::from_str::<Vec<&RawValue>>(part).ok()?.get(key.parse::<usize>().ok()?).copied()?
        };
        part = value.get();
    }
    Some(part)
}

/// Counted since 1970, a time in this century has 10 digits in seconds and three more for each finer unit.
fn usual_unit(time: &RawValue) -> Unit {
    let written = number_within(time.get());
    if written.starts_with('"') {
        return Unit::Text;
    }
    match written.split('.').next().map_or(0, str::len) {
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
        let read = read_lines(text, &mapping, &Redactor::default()).expect("it can be read").remove(0);
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

    fn read(map: &str, text: &str) -> Vec<Imported> {
        let mapping = Mapping::parse(map).expect("a mapping");
        read_lines(text, &mapping, &Redactor::default()).expect("it can be read")
    }

    #[test]
    fn what_is_written_is_kept_as_it_is_written() {
        let text =
            "\u{feff}{\"t\":0,\"d\":\"in\",\"m\":{\"id\":1234567890123456789012,\"px\":1.10,\"a\":1E5}}\n";
        let payload = read("time=/t,dir=/d,data=/m", text)[0].transcript.frames[0].payload.clone();
        assert_eq!(
            payload,
            Payload::Text("{\"id\":1234567890123456789012,\"px\":1.10,\"a\":1E5}".to_owned())
        );
        let half = r#"{"t":0,"d":"in","m":"a\ud83d."}"#;
        let read = read("time=/t,dir=/d,data=/m", half);
        assert_eq!(read[0].transcript.frames[0].payload, Payload::Text("a\u{fffd}.".to_owned()));
        assert_eq!(read[0].notes.len(), 1);
    }

    #[test]
    fn times_in_strings_are_times_and_those_that_go_back_are_put_in_order() {
        for (first, second) in [
            ("\"2026-03-01T10:00:00.100\"", "\"2026-03-01T10:00:00.300\""),
            ("\"2026-03-01 10:00:00,100\"", "\"2026-03-01 10:00:00,300\""),
            ("\"2026-03-01 10:00:00.1+0000\"", "\"2026-03-01T10:00:00.3+00:00\""),
            ("\"1772359200.1\"", "\"1772359200.3\""),
            ("1772359200.1", "\"1772359200.3\""),
        ] {
            let line = |time: &str, dir: &str| format!("{{\"t\":{time},\"d\":\"{dir}\",\"m\":\"x\"}}\n");
            let read = read("time=/t,dir=/d,data=/m", &(line(second, "in") + &line(first, "out")));
            let transcript = &read[0].transcript;
            assert_eq!(transcript.header.started, "2026-03-01T10:00:00.100000000Z", "{first}");
            let shown: Vec<_> =
                transcript.frames.iter().map(|frame| (frame.side, frame.at.as_nanos())).collect();
            assert_eq!(shown, [(Side::Client, 0), (Side::Server, 200_000_000)], "{first}");
            assert!(read[0].notes.iter().any(|note| note.contains("go back")), "{:?}", read[0].notes);
        }
    }

    #[test]
    fn a_feed_may_go_one_way_but_not_by_a_word_that_no_line_has() {
        let line = |dir: &str| format!("{{\"t\":1,\"d\":\"{dir}\",\"m\":\"x\"}}\n");
        let feed = line("in") + &line("in");
        assert_eq!(read("time=/t,dir=/d,data=/m,sent=out", &feed)[0].transcript.frames.len(), 2);
        assert_eq!(read("time=/t,dir=/d,data=/m", &feed).len(), 1);
        for (map, text) in [
            ("time=/t,dir=/d,data=/m,sent=OUT", line("in") + &line("out")),
            ("time=/t,dir=/d,data=/m", line("x") + &line("x")),
        ] {
            let error = read_lines(&text, &Mapping::parse(map).expect("a mapping"), &Redactor::default());
            assert!(error.expect_err("nobody knows").cause.contains("go the same way"));
        }
    }

    #[test]
    fn closes_are_closes_and_each_socket_is_a_session() {
        let text = "{\"t\":1,\"c\":7,\"d\":\"in\",\"op\":1,\"m\":\"x\"}\n{\"t\":2,\"c\":8,\"d\":\"out\",\"op\":\"text\",\"m\":\"y\"}\n{\"t\":3,\"c\":7,\"d\":\"in\",\"op\":8,\"code\":4001,\"why\":\"enough\"}\n{\"t\":4,\"c\":8,\"d\":\"in\",\"op\":\"ping\"}\n";
        let read = read("time=/t,dir=/d,data=/m,op=/op,code=/code,reason=/why,conn=/c", text);
        assert_eq!(read.len(), 2);
        assert!(read[0].says_ending && !read[1].says_ending);
        let how = End::Closed { by: Side::Server, code: 4001, reason: "enough".to_owned() };
        assert_eq!(read[0].transcript.ending.how, how);
        assert_eq!(read[1].transcript.frames[1].payload, Payload::Ping(Vec::new()));
    }
}
