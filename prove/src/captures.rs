//! Judges real recordings: of servers that nobody here wrote, broken by hand.
//!
//! A folder below the given one holds the recordings of one server, at whatever depth. A golden is learned from every
//! other recording and judges the rest, and vice versa: so all are judged by a golden that has not seen them.
//! Then each of those is broken in every way of [`FAULTS`]. Nothing is known of a server but its recordings, so a fault
//! is one that none of them shows: a lost event counts as one that a clean server could not have lost only where the
//! event came equally often in all of them.

use crate::args::Args;
use crate::measure::{Case, Verdict, is_red, judge, said_of};
use crate::oracle::type_of;
use crate::random::{Random, fork};
use crate::table::percent;
use goldwire_core::dialect::{self, Dialect};
use goldwire_core::learn::learn;
use goldwire_core::transcript::{self, End, Frame, Gap, Offset, Payload, Side, Transcript};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

/// Fewer recordings of a server tell nothing.
const MIN_RECORDINGS: usize = 6;
/// So many values of a path are kept.
const MAX_VALUES: usize = 64;
/// How long a stalled stream says nothing.
const STALL: Gap = Gap::from_millis(5_000);

/// One path of one event, in all recordings of a server.
#[derive(Debug, Default)]
struct Field {
    n: usize,
    types: BTreeSet<&'static str>,
    values: BTreeSet<String>,
    is_empty: bool,
    /// How often the same value had come before in its recording.
    known: usize,
}

impl Field {
    fn is_text(&self) -> bool {
        self.types.len() == 1 && self.types.contains("string") && !self.is_empty
    }
}

/// What all recordings of a server have, whoever learns from them.
#[derive(Debug, Default)]
struct Known {
    recordings: usize,
    /// Event → how often in each recording that has it.
    counts: BTreeMap<String, Vec<usize>>,
    /// Event → path → what stands there.
    fields: BTreeMap<String, BTreeMap<String, Field>>,
}

/// A message of the server that is one JSON text and one event.
struct Message {
    frame: usize,
    label: String,
    data: Value,
}

/// The messages of a recording that are one event each, of both sides.
fn messages(dialect: &Dialect, recording: &Transcript) -> Vec<(Side, Message)> {
    let events = dialect::events(dialect, &recording.frames);
    let mut of_frame: BTreeMap<usize, usize> = BTreeMap::new();
    events.iter().for_each(|event| *of_frame.entry(event.frame).or_default() += 1);
    let single = events.iter().filter(|event| of_frame.get(&event.frame) == Some(&1));
    single
        .filter_map(|event| {
            let Payload::Text(text) = &recording.frames.get(event.frame)?.payload else { return None };
            let data = serde_json::from_str(text).ok()?;
            let label = event.label.as_str().to_owned();
            Some((event.label.side(), Message { frame: event.frame, label, data }))
        })
        .collect()
}

/// Every scalar of a message with its pointer, the items of lists included.
fn leaves(value: &Value) -> Vec<(String, &Value)> {
    fn walk<'v>(value: &'v Value, path: &str, out: &mut Vec<(String, &'v Value)>) {
        match value {
            Value::Object(map) => {
                for (key, inner) in map {
                    walk(inner, &format!("{path}{}", dialect::pointer([key.as_str()])), out);
                }
            }
            Value::Array(items) => {
                for (place, inner) in items.iter().enumerate() {
                    walk(inner, &format!("{path}/{place}"), out);
                }
            }
            scalar => out.push((path.to_owned(), scalar)),
        }
    }
    let mut out = Vec::new();
    walk(value, "", &mut out);
    out
}

impl Known {
    fn of(dialect: &Dialect, recordings: &[Transcript]) -> Known {
        let mut known = Known { recordings: recordings.len(), ..Known::default() };
        for recording in recordings {
            let mut here: BTreeMap<String, usize> = BTreeMap::new();
            for event in dialect::events(dialect, &recording.frames) {
                *here.entry(event.label.as_str().to_owned()).or_default() += 1;
            }
            here.into_iter().for_each(|(label, n)| known.counts.entry(label).or_default().push(n));
            let mut before = BTreeSet::new();
            for (_, message) in messages(dialect, recording) {
                let fields = known.fields.entry(message.label).or_default();
                for (path, value) in leaves(&message.data) {
                    let text = value.to_string();
                    let field = fields.entry(path).or_default();
                    field.n += 1;
                    field.types.insert(type_of(value));
                    field.is_empty |= value.as_str().is_some_and(str::is_empty);
                    field.known += usize::from(before.contains(&text));
                    if field.values.len() < MAX_VALUES {
                        field.values.insert(text.clone());
                    }
                    before.insert(text);
                }
            }
        }
        known
    }

    /// Whether an event comes equally often in all recordings.
    fn is_constant(&self, label: &str) -> bool {
        self.counts.get(label).is_some_and(|counts| {
            counts.len() == self.recordings && counts.iter().all(|n| Some(n) == counts.first())
        })
    }

    /// The field at a path of an event, where every event of that name has it and there are three of them.
    fn always(&self, label: &str, path: &str) -> Option<&Field> {
        let fields = self.fields.get(label)?;
        let most = fields.values().map(|field| field.n).max()?;
        fields.get(path).filter(|field| field.n == most && most >= 3)
    }
}

/// A recording that is about to be broken, with what is known of its server.
struct Scene<'s> {
    known: &'s Known,
    recording: Transcript,
    messages: Vec<Message>,
    /// The messages of another recording of the same server.
    others: Vec<Message>,
    random: Random,
}

/// One way to break a recording; none where it does not apply.
struct Fault {
    name: &'static str,
    /// Whether it is one of time.
    is_timing: bool,
    apply: fn(&mut Scene<'_>) -> Option<()>,
}

const fn fault(name: &'static str, apply: fn(&mut Scene<'_>) -> Option<()>) -> Fault {
    Fault { name, is_timing: false, apply }
}

/// All of them.
static FAULTS: &[Fault] = &[
    fault("lost", lost),
    fault("lost, of a constant number", lost_constant),
    fault("twice, at once", twice),
    fault("swapped with the next of another name", swapped),
    fault("renamed", renamed),
    fault("a field removed", removed),
    fault("a field renamed", field_renamed),
    fault("a type changed", retyped),
    fault("null for a value", nulled),
    fault("a text emptied", emptied),
    fault("a constant changed", constant_changed),
    fault("an id of another session", foreign),
    fault("connection lost half way", cut),
    fault("another close code", close_code),
    Fault { name: "5 s of silence", is_timing: true, apply: stall },
];

impl Scene<'_> {
    fn server_frames(&self) -> Vec<usize> {
        let frames = self.recording.frames.iter().enumerate();
        frames
            .filter(|(_, frame)| frame.side == Side::Server && frame.payload.is_message())
            .map(|(at, _)| at)
            .collect()
    }

    /// A message of the server, and one of its paths, of which a question holds.
    fn place(&mut self, holds: impl Fn(&Message, &str, &Value, &Field) -> bool) -> Option<(usize, String)> {
        let mut places = Vec::new();
        for (index, message) in self.messages.iter().enumerate() {
            for (path, value) in leaves(&message.data) {
                let field = self.known.always(&message.label, &path);
                if field.is_some_and(|field| holds(message, &path, value, field)) {
                    places.push((index, path));
                }
            }
        }
        self.random.pick(&places).cloned()
    }

    /// Writes a message back to its frame.
    fn write(&mut self, index: usize, change: impl FnOnce(&mut Value) -> Option<()>) -> Option<()> {
        let message = self.messages.get_mut(index)?;
        change(&mut message.data)?;
        self.recording.frames.get_mut(message.frame)?.payload = Payload::Text(message.data.to_string());
        Some(())
    }

    fn set(&mut self, index: usize, path: &str, value: Value) -> Option<()> {
        self.write(index, |data| {
            *data.pointer_mut(path)? = value;
            Some(())
        })
    }
}

/// The object that holds what a path leads to, and its key there.
fn parent<'v>(data: &'v mut Value, path: &str) -> Option<(&'v mut serde_json::Map<String, Value>, String)> {
    let (above, key) = path.rsplit_once('/')?;
    Some((data.pointer_mut(above)?.as_object_mut()?, key.replace("~1", "/").replace("~0", "~")))
}

/// Whether a message is called what stands at one of its paths.
fn is_name(message: &Message, value: &Value) -> bool {
    value.as_str().is_some_and(|text| message.label.split(['[', ']']).any(|part| part == text))
}

fn lost(s: &mut Scene<'_>) -> Option<()> {
    let at = *s.random.pick(&s.server_frames())?;
    s.recording.frames.remove(at);
    Some(())
}

fn lost_constant(s: &mut Scene<'_>) -> Option<()> {
    let known = s.known;
    let constant: Vec<usize> =
        s.messages.iter().filter(|m| known.is_constant(&m.label)).map(|message| message.frame).collect();
    let at = *s.random.pick(&constant)?;
    s.recording.frames.remove(at);
    Some(())
}

fn twice(s: &mut Scene<'_>) -> Option<()> {
    let at = *s.random.pick(&s.server_frames())?;
    let again = s.recording.frames.get(at)?.clone();
    s.recording.frames.insert(at + 1, again);
    Some(())
}

fn swapped(s: &mut Scene<'_>) -> Option<()> {
    let pairs: Vec<(usize, usize)> = s
        .messages
        .windows(2)
        .filter(|pair| pair[0].label != pair[1].label && pair[0].frame + 1 == pair[1].frame)
        .map(|pair| (pair[0].frame, pair[1].frame))
        .collect();
    let (a, b) = *s.random.pick(&pairs)?;
    let frames = &mut s.recording.frames;
    let first = frames.get(a)?.payload.clone();
    let second = std::mem::replace(&mut frames.get_mut(b)?.payload, first);
    frames.get_mut(a)?.payload = second;
    Some(())
}

fn renamed(s: &mut Scene<'_>) -> Option<()> {
    let (index, path) = s.place(|message, _, value, _| is_name(message, value))?;
    s.write(index, |data| {
        let place = data.pointer_mut(&path)?;
        *place = Value::from(format!("{}_new", place.as_str()?));
        Some(())
    })
}

fn removed(s: &mut Scene<'_>) -> Option<()> {
    let (index, path) = s.place(|message, _, value, _| !is_name(message, value))?;
    s.write(index, |data| {
        let (map, key) = parent(data, &path)?;
        map.remove(&key).map(|_| ())
    })
}

fn field_renamed(s: &mut Scene<'_>) -> Option<()> {
    let (index, path) = s.place(|message, _, value, _| !is_name(message, value))?;
    s.write(index, |data| {
        let (map, key) = parent(data, &path)?;
        let value = map.remove(&key)?;
        map.insert(format!("{key}_new"), value);
        Some(())
    })
}

fn retyped(s: &mut Scene<'_>) -> Option<()> {
    let (index, path) =
        s.place(|message, _, value, field| field.types.len() == 1 && !is_name(message, value))?;
    s.write(index, |data| {
        let place = data.pointer_mut(&path)?;
        *place = match &*place {
            Value::Number(number) => Value::from(number.to_string()),
            Value::Bool(flag) => Value::from(u8::from(*flag)),
            Value::String(text) => json!([text]),
            _ => json!({}),
        };
        Some(())
    })
}

fn nulled(s: &mut Scene<'_>) -> Option<()> {
    let (index, path) =
        s.place(|message, _, value, field| !field.types.contains("null") && !is_name(message, value))?;
    s.set(index, &path, Value::Null)
}

fn emptied(s: &mut Scene<'_>) -> Option<()> {
    let (index, path) = s.place(|message, _, value, field| field.is_text() && !is_name(message, value))?;
    s.set(index, &path, Value::from(""))
}

fn constant_changed(s: &mut Scene<'_>) -> Option<()> {
    let (index, path) = s.place(|message, _, value, field| {
        field.is_text() && field.values.len() == 1 && field.n >= 10 && !is_name(message, value)
    })?;
    s.write(index, |data| {
        let place = data.pointer_mut(&path)?;
        *place = Value::from(format!("{}x", place.as_str()?));
        Some(())
    })
}

/// A value that had always come before in its session, and is another in every one, is exchanged for that of another session.
fn foreign(s: &mut Scene<'_>) -> Option<()> {
    let recordings = s.known.recordings;
    let (index, path) = s.place(|message, _, value, field| {
        field.known == field.n && field.values.len() >= recordings.min(MAX_VALUES) && !is_name(message, value)
    })?;
    let message = s.messages.get(index)?;
    let own = message.data.pointer(&path)?.clone();
    let same = s.others.iter().filter(|other| other.label == message.label);
    let all: Vec<Value> =
        same.filter_map(|other| other.data.pointer(&path)).filter(|value| **value != own).cloned().collect();
    let value = s.random.pick(&all)?.clone();
    s.set(index, &path, value)
}

fn cut(s: &mut Scene<'_>) -> Option<()> {
    let frames = s.server_frames();
    let at = *frames.get(frames.len() / 2)?;
    s.recording.frames.truncate(at);
    let last: Offset = s.recording.frames.last()?.at;
    s.recording.ending.at = last;
    s.recording.ending.how = End::Dropped { detail: "connection reset".to_owned() };
    Some(())
}

fn close_code(s: &mut Scene<'_>) -> Option<()> {
    let how = &mut s.recording.ending.how;
    *how = match how {
        End::Closed { .. } | End::Dropped { .. } => {
            End::Closed { by: Side::Server, code: 1011, reason: String::new() }
        }
        _ => return None,
    };
    Some(())
}

fn stall(s: &mut Scene<'_>) -> Option<()> {
    let frames = s.server_frames();
    let at = *s.random.pick(&frames)?;
    let later = |offset: Offset| Offset::from_nanos(offset.as_nanos() + STALL.as_nanos());
    s.recording.frames.iter_mut().skip(at).for_each(|frame: &mut Frame| frame.at = later(frame.at));
    s.recording.ending.at = later(s.recording.ending.at);
    Some(())
}

/// How often something was done, and how often it was found.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    runs: usize,
    found: usize,
    red: usize,
}

impl Count {
    fn add(&mut self, verdict: &Verdict, is_timing: bool) {
        let own = if is_timing { &verdict.timing } else { &verdict.findings };
        self.runs += 1;
        self.found += usize::from(!own.is_empty());
        self.red += usize::from(is_red(own));
    }

    fn take(&mut self, other: Count) {
        self.runs += other.runs;
        self.found += other.found;
        self.red += other.red;
    }

    fn share(part: usize, whole: usize) -> f64 {
        if whole == 0 { 0.0 } else { (1e4 * part as f64 / whole as f64).round() / 1e4 }
    }
}

/// What one server showed.
struct Server {
    name: String,
    recordings: usize,
    own: Count,
    clean: Count,
    faults: Vec<Count>,
}

/// All servers.
#[derive(Default)]
pub(crate) struct Judged {
    servers: Vec<Server>,
    misses: Vec<Case>,
    alarms: Vec<Case>,
}

fn below(folder: &Path, out: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            below(&path, out)?;
        } else if path.extension().is_some_and(|extension| extension == "jsonl") {
            out.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Transcript, String> {
    let at = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let file = fs::File::open(path).map_err(|error| at(&error))?;
    transcript::read(BufReader::new(file)).map_err(|error| at(&error))
}

/// Judges a folder of servers.
///
/// # Errors
/// When a recording cannot be read, or nothing can be learned from those of a server.
pub(crate) fn run(folder: &Path, args: &Args) -> Result<Judged, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut servers: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect();
    servers.sort();
    let mut judged = Judged::default();
    for path in servers {
        let mut files = Vec::new();
        below(&path, &mut files)?;
        if files.len() < MIN_RECORDINGS {
            continue;
        }
        let recordings = files.iter().map(|file| read(file)).collect::<Result<Vec<Transcript>, String>>()?;
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        judged.server(&name, &recordings, args)?;
    }
    if judged.servers.is_empty() {
        return Err(format!(
            "{}: no folder in it has {MIN_RECORDINGS} recordings (*.jsonl)",
            folder.display()
        ));
    }
    Ok(judged)
}

impl Judged {
    fn server(&mut self, name: &str, all: &[Transcript], args: &Args) -> Result<(), String> {
        let mut server = Server {
            name: name.to_owned(),
            recordings: all.len(),
            own: Count::default(),
            clean: Count::default(),
            faults: vec![Count::default(); FAULTS.len()],
        };
        for half in [0, 1] {
            let of = |side: usize| all.iter().enumerate().filter(move |(index, _)| index % 2 == side);
            let train: Vec<Transcript> = of(half).map(|(_, recording)| recording.clone()).collect();
            let golden = learn(&train, None).map_err(|error| format!("{name}: {error}"))?.golden;
            for recording in &train {
                server.own.add(&judge(&golden, recording), false);
            }
            let known = Known::of(&golden.dialect, all);
            for (index, recording) in of(1 - half) {
                let verdict = judge(&golden, recording);
                server.clean.add(&verdict, false);
                if !verdict.findings.is_empty() {
                    let what = said_of(&verdict.findings);
                    self.alarms.push(Case { name: format!("{name}/{index}"), what });
                }
                let own = |recording: &Transcript| -> Vec<Message> {
                    let both = messages(&golden.dialect, recording).into_iter();
                    both.filter(|(side, _)| *side == Side::Server).map(|(_, message)| message).collect()
                };
                let other = all.get((index + 2) % all.len()).unwrap_or(recording);
                for (fault, count) in FAULTS.iter().zip(&mut server.faults) {
                    for repeat in 0..args.repeats {
                        let words = [name, fault.name, &index.to_string(), &repeat.to_string()];
                        let mut scene = Scene {
                            known: &known,
                            recording: recording.clone(),
                            messages: own(recording),
                            others: own(other),
                            random: Random::new(fork(args.seed, &words)),
                        };
                        if (fault.apply)(&mut scene).is_none() {
                            continue;
                        }
                        let verdict = judge(&golden, &scene.recording);
                        count.add(&verdict, fault.is_timing);
                        let own = if fault.is_timing { &verdict.timing } else { &verdict.findings };
                        if own.is_empty() {
                            let what = changed(recording, &scene.recording);
                            self.misses.push(Case { name: format!("{name}/{index}/{}", fault.name), what });
                        }
                    }
                }
            }
        }
        self.servers.push(server);
        Ok(())
    }

    /// The tables, then one line of JSON.
    ///
    /// # Errors
    /// Those of the output.
    pub(crate) fn write(&self, out: &mut impl Write, args: &Args) -> io::Result<()> {
        if args.format == crate::args::Format::Text {
            writeln!(
                out,
                "servers: goldens of one half of the recordings judge the other half, both ways; found and red of faults but those of time"
            )?;
            writeln!(
                out,
                "{:<24}{:>11}{:>13}{:>9}{:>6}{:>9}{:>8}{:>6}",
                "server", "recordings", "own rejected", "clean any", "red", "faults", "found", "red"
            )?;
            for server in &self.servers {
                let all = Judged::faults_of(std::slice::from_ref(server));
                writeln!(
                    out,
                    "{:<24}{:>11}{:>13}{:>9}{:>6}{:>9}{:>8}{:>6}",
                    server.name,
                    server.recordings,
                    server.own.found,
                    server.clean.found,
                    server.clean.red,
                    all.runs,
                    percent(all.found, all.runs),
                    percent(all.red, all.runs)
                )?;
            }
            writeln!(out, "\n{:<40}{:>7}{:>8}{:>8}", "fault", "done", "found", "red")?;
            for (fault, count) in FAULTS.iter().zip(self.by_fault()) {
                let (found, red) = (percent(count.found, count.runs), percent(count.red, count.runs));
                writeln!(out, "{:<40}{:>7}{found:>8}{red:>8}", fault.name, count.runs)?;
            }
            writeln!(out)?;
        }
        if args.misses {
            crate::table::cases(out, "clean recordings with a finding", &self.alarms)?;
            crate::table::cases(out, "faults without one", &self.misses)?;
        }
        writeln!(out, "{}", self.json())
    }

    fn by_fault(&self) -> Vec<Count> {
        let mut sums = vec![Count::default(); FAULTS.len()];
        for server in &self.servers {
            sums.iter_mut().zip(&server.faults).for_each(|(sum, count)| sum.take(*count));
        }
        sums
    }

    fn faults_of(servers: &[Server]) -> Count {
        let mut sum = Count::default();
        for server in servers {
            let own = FAULTS.iter().zip(&server.faults).filter(|(fault, _)| !fault.is_timing);
            own.for_each(|(_, count)| sum.take(*count));
        }
        sum
    }

    fn json(&self) -> Value {
        let (mut own, mut clean) = (Count::default(), Count::default());
        for server in &self.servers {
            own.take(server.own);
            clean.take(server.clean);
        }
        let all = Judged::faults_of(&self.servers);
        let by_fault: serde_json::Map<String, Value> = FAULTS
            .iter()
            .zip(self.by_fault())
            .map(|(fault, count)| {
                let found = Count::share(count.found, count.runs);
                let red = Count::share(count.red, count.runs);
                (fault.name.to_owned(), json!({"runs": count.runs, "found": found, "red": red}))
            })
            .collect();
        json!({
            "servers": self.servers.len(),
            "recordings": own.runs,
            "self_rejections": own.found,
            "clean_checks": clean.runs,
            "any_finding_rate": Count::share(clean.found, clean.runs),
            "false_alarm_rate": Count::share(clean.red, clean.runs),
            "mutations": all.runs,
            "detection_rate": Count::share(all.found, all.runs),
            "red_rate": Count::share(all.red, all.runs),
            "by_fault": by_fault,
        })
    }
}

/// The first frame in which two recordings differ, before and after.
fn changed(before: &Transcript, after: &Transcript) -> String {
    let text = |frame: Option<&Frame>| match frame.map(|frame| &frame.payload) {
        Some(Payload::Text(text)) => text.chars().take(160).collect(),
        Some(_) => "(binary)".to_owned(),
        None => "(end)".to_owned(),
    };
    let count = before.frames.len().max(after.frames.len());
    let at = (0..count).find(|at| before.frames.get(*at) != after.frames.get(*at));
    match at {
        Some(at) => format!("frame {at}: {} -> {}", text(before.frames.get(at)), text(after.frames.get(at))),
        None => format!("{} -> {}", before.ending.label(), after.ending.label()),
    }
}
