//! What events are called: finding the dialect and, of plain JSON, the pointer of the name, for each side.
//!
//! Candidates are string fields near the top whose values recur and look like identifiers. The best one tells most
//! about the shape of the message (mutual information), with a bonus for the names that such fields usually have.

use super::Session;
use super::id_places::id_places;
use super::lanes::is_reference;
use super::paths::MAX_PLACES;
use crate::codec::Format as CodecFormat;
use crate::dialect::{
    self, Dialect, Embedded, HttpNames, JsonNames, Label, NAMELESS, NameAt, RECORD_SEPARATOR, Reflex,
    Said as SaidName, When, find_embedded, find_nested, json_texts, pointer, preset_by_look, refinement,
};
use crate::golden::{Format, Golden};
use crate::transcript::{Frame, Payload, Side, Transcript};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Names that discriminating fields usually have.
pub(super) const USUAL: [&str; 9] =
    ["type", "event", "kind", "method", "msg_type", "op", "action", "cmd", "t"];
/// Names of fields that hold what people or models say, choose or are called, and never what a message is.
pub(super) const CONTENT: [&str; 22] = [
    "prompt", "text", "content", "body", "query", "question", "answer", "model", "room", "user", "username",
    "author", "title", "lang", "language", "locale", "url", "uri", "path", "email", "symbol", "version",
];
/// The largest number that may be a name: an operation's code, not a measurement.
const MAX_CODE: u64 = 999;
/// At most so many different names.
const MAX_NAMES: usize = 200;
/// At most so many words make one event several that has no name of its own.
pub(super) const MAX_KINDS: usize = 64;
/// More keys than this are data.
const MAX_KEYS: usize = 24;
/// A word that this share of messages has is the name of all.
const WHOLE: f64 = 0.8;
/// So many choices of keys are tried.
const MAX_TRIES: u32 = 10_000;
/// What stands before a number among the names of a candidate; no word begins so.
const CODE_MARK: char = '#';
/// The first place of a list.
const FIRST: &str = "/0";
/// Fewer codes are those of an envelope: a call, its answer.
const MIN_CODES: usize = 3;
/// So many bits the codes of lists tell at least about the shapes of what follows.
pub(super) const MIN_BITS: f64 = 1.0;
/// So many bits more a field that only some messages have tells about their shapes.
const MIN_GAIN: f64 = 0.1;

#[derive(Default)]
pub(super) struct Candidate {
    /// Name → shape → how often.
    pub(super) joint: BTreeMap<String, BTreeMap<u64, u32>>,
    /// Name → in how many recordings.
    recordings: BTreeMap<String, u32>,
    /// How often something else stood there that could have been a name.
    others: u32,
}

impl Candidate {
    /// Adds a message of this name and shape.
    pub(super) fn add(&mut self, name: &str, shape: u64) {
        *self.joint.entry(name.to_owned()).or_default().entry(shape).or_default() += 1;
    }

    /// Adds the names that one recording has.
    pub(super) fn add_recording<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        names.into_iter().for_each(|name| *self.recordings.entry(name.to_owned()).or_default() += 1);
    }

    /// Whether so many tenths of the names come in several recordings; of one recording all do.
    pub(super) fn recurs(&self, recordings: usize, tenths: usize) -> bool {
        let recurring = self.recordings.values().filter(|runs| **runs >= 2 || recordings == 1).count();
        recurring * 10 >= self.recordings.len() * tenths
    }
}

pub(super) fn dialect(recordings: &[&Transcript]) -> Dialect {
    let found = match Dialect::detect(recordings.iter().copied()) {
        found @ Dialect::Protocol(_) => return found,
        Dialect::Sse(_) => return Dialect::Sse(exchanges(recordings).into()),
        Dialect::Json(names) => names,
    };
    let mut found = found;
    let mut said = Said::of(recordings, &found);
    if found.codec.server.or(found.codec.client).is_some_and(|codec| codec.format == CodecFormat::Protobuf) {
        found.nested = Embedded {
            client: find_nested(said.values(Side::Client)),
            server: find_nested(said.values(Side::Server)),
        };
    }
    said.expand(&found);
    let mut embedded = found.embedded.clone();
    let more = Embedded {
        client: find_embedded(said.messages(Side::Client)),
        server: find_embedded(said.messages(Side::Server)),
    };
    said.expand(&JsonNames { embedded: more.clone(), ..JsonNames::default() });
    embedded.client.extend(more.client);
    embedded.server.extend(more.server);
    let record_separator = found.codec.client.is_none() && ends_with_separator(recordings);
    let form = JsonNames { record_separator, embedded, ..found };
    let is_yjs = form.codec.server.is_some_and(|codec| codec.format == CodecFormat::Yjs);
    if is_yjs || form.client != NameAt::pointer("/type") {
        // The subprotocol says where names are, and what codes are called: those that came are written down.
        let seen: BTreeSet<u64> =
            SIDES.into_iter().flat_map(|side| said.all(side)).filter_map(|own| form.code_of(own)).collect();
        let codes = form.codes.iter().filter(|(code, _)| seen.contains(code));
        let codes = codes.map(|(code, name)| (*code, name.clone())).collect();
        return Dialect::Json(JsonNames { codes, ..form });
    }
    let (client, server) = name_places(&said);
    Dialect::Json(JsonNames { client, server, ..form })
}

/// The JSON of both sides, a list a recording.
struct Said {
    /// As it stands in the frames.
    values: [Vec<Vec<Value>>; 2],
    /// With a server's list of objects as so many messages.
    messages: [Vec<Vec<Value>>; 2],
}

const SIDES: [Side; 2] = [Side::Client, Side::Server];

impl Said {
    fn of(recordings: &[&Transcript], form: &JsonNames) -> Said {
        let read = |frame: &Frame| match (form.decode(frame.side, &frame.payload), &frame.payload) {
            (Some(messages), _) => messages.unwrap_or_default(),
            (None, Payload::Text(text)) => json_texts(text),
            _ => Vec::new(),
        };
        let of_side = |side: Side| {
            let own = |recording: &&Transcript| {
                recording.frames.iter().filter(|frame| frame.side == side).flat_map(read).collect()
            };
            recordings.iter().map(own).collect::<Vec<Vec<Value>>>()
        };
        let values = SIDES.map(of_side);
        let mut said = Said { messages: values.clone(), values };
        for messages in &mut said.messages[1] {
            *messages = std::mem::take(messages).into_iter().flat_map(in_parts).collect();
        }
        said
    }

    fn expand(&mut self, form: &JsonNames) {
        for (at, side) in SIDES.into_iter().enumerate() {
            let all = self.values[at].iter_mut().chain(&mut self.messages[at]).flatten();
            all.for_each(|message| form.expand(side, message));
        }
    }

    fn recordings(&self) -> usize {
        self.values[0].len()
    }

    fn values(&self, side: Side) -> &[Vec<Value>] {
        &self.values[usize::from(side == Side::Server)]
    }

    fn messages(&self, side: Side) -> &[Vec<Value>] {
        &self.messages[usize::from(side == Side::Server)]
    }

    fn all(&self, side: Side) -> impl Iterator<Item = &Value> {
        self.messages(side).iter().flatten()
    }
}

/// The messages of a server's value: a list of objects is several, if they have names.
fn in_parts(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_object) => items,
        value => vec![value],
    }
}

/// Where the client's messages have their names, and the server's.
fn name_places(said: &Said) -> (NameAt, NameAt) {
    let known = preset_by_look(said.all(Side::Server));
    let server = best(said.messages(Side::Server), false);
    let client = best(said.messages(Side::Client), false);
    let (server, client) = match server {
        // A list that no word names begins with a code, on either side.
        None if codes(said, Side::Server).is_some_and(|codes| tells(&codes)) => {
            let has_codes = codes(said, Side::Client).is_some();
            (Some(FIRST.to_owned()), if has_codes { Some(FIRST.to_owned()) } else { client })
        }
        server => (server, client),
    };
    // The places of a tuple mean the same on both sides; of one that says one thing again and again its name stands where
    // the other side has it.
    let is_tuple = |path: &str| path.len() > 1 && path.bytes().skip(1).all(|byte| byte.is_ascii_digit());
    let server = match (server, &client) {
        (Some(server), Some(client)) if is_tuple(&server) && is_tuple(client) && server != *client => {
            let words = |value: &Value| value.pointer(client).and_then(refinement).is_some();
            let with = said.all(Side::Server).filter(|value| words(value)).count();
            Some(if with * 10 >= said.all(Side::Server).count() * 9 { client.clone() } else { server })
        }
        (server, _) => server,
    };
    // What only some messages say of themselves names those; their keys may name them all. One key alone names nothing,
    // unless the other side has several.
    let sides = SIDES.map(|side| present(said, side));
    if sides.iter().flatten().any(|keys| keys.len() >= 2) {
        let is_whole =
            |side, path: &Option<String>| path.as_ref().is_some_and(|path| says(said, side, path) >= WHOLE);
        let [of_client, of_server] = sides;
        let either = of_server
            .clone()
            .or_else(|| of_client.clone())
            .filter(|_| !is_whole(Side::Server, &server) && !is_whole(Side::Client, &client));
        if let Some(either) = either {
            let [client, server] =
                [of_client, of_server].map(|keys| NameAt::Key(keys.unwrap_or_else(|| either.clone())));
            return (client, server);
        }
    }
    // A side that says too little to tell is taken to name its messages as the other does.
    let server = server.or_else(|| client.clone()).unwrap_or_else(|| "/type".to_owned());
    let client = client.unwrap_or_else(|| server.clone());
    let before = kind_before(said, &server);
    let server = NameAt::Value(before.into_iter().chain([server]).collect());
    let server = known.unwrap_or_else(|| with_keys(said, Side::Server, server));
    let client = with_keys(said, Side::Client, NameAt::pointer(&client));
    (client, server)
}

/// A name for messages that say nothing at its places, where they have one key: `{"auth": "ok"}` is called `auth`.
fn with_keys(said: &Said, side: Side, name: NameAt) -> NameAt {
    let mut is_named = false;
    let mut keys: BTreeMap<String, usize> = BTreeMap::new();
    for values in said.values(side) {
        let mut here = BTreeSet::new();
        // A list of such objects is a table, not several messages.
        for message in values.iter().filter(|value| value.is_object()) {
            if name.of(message).is_some() {
                is_named = true;
            } else if let Some(only) = message.as_object().filter(|map| map.len() == 1) {
                here.extend(only.keys().cloned());
            }
        }
        here.into_iter().for_each(|key| *keys.entry(key).or_default() += 1);
    }
    // Keys that come in one recording only are ids, and what is no word names nothing.
    let is_known = |runs: usize| runs >= 2 || said.recordings() == 1;
    let is_word =
        |key: &str| refinement(&Value::from(key)).is_some() && ![NAMELESS, "text", "binary"].contains(&key);
    let known = keys.iter().filter(|(key, runs)| is_known(**runs) && is_word(key)).count();
    if keys.is_empty() || keys.len() > MAX_KEYS || known * 10 < keys.len() * 6 {
        return name;
    }
    let keys: Vec<String> = keys.into_keys().filter(|key| is_word(key)).collect();
    match name {
        NameAt::Value(pointers) if is_named => NameAt::ValueOrKey(pointers, keys),
        NameAt::Value(_) => NameAt::Key(keys),
        name => name,
    }
}

/// What is known of a field that only some messages have.
#[derive(Default)]
struct Kind {
    candidate: Candidate,
    /// In how many messages it stands, and in how many of them a name beside it.
    with: u32,
    both: u32,
}

/// Where some messages of the server say of what kind they are before all say what they are about: an exchange acknowledges
/// `{"event": "subscribe", "arg": {"channel": "books"}}` and then tells of `books` without an event. Likewise where messages
/// have a name in one usual field or in another, and never in both.
fn kind_before(said: &Said, path: &str) -> Option<String> {
    let is_usual = USUAL.contains(&path.rsplit('/').next().unwrap_or_default());
    let fields = USUAL.iter().map(|name| pointer([*name])).filter(|field| field != path);
    let mut kinds: BTreeMap<String, Kind> = fields.map(|field| (field, Kind::default())).collect();
    let (mut plain, mut total, mut named) = (Candidate::default(), 0_u32, 0_u32);
    for messages in said.messages(Side::Server) {
        let mut here: BTreeSet<(String, String)> = BTreeSet::new();
        for message in messages {
            let (shape, word) = (shape(message), message.pointer(path).and_then(refinement));
            total += 1;
            named += u32::from(word.is_some());
            let word = word.unwrap_or_default();
            plain.add(word, shape);
            for (field, kind) in &mut kinds {
                let own = message.pointer(field).and_then(refinement);
                kind.with += u32::from(own.is_some());
                kind.both += u32::from(own.is_some() && !word.is_empty());
                here.extend(own.map(|own| (field.clone(), own.to_owned())));
                kind.candidate.add(own.unwrap_or(word), shape);
            }
        }
        for (field, name) in here {
            if let Some(kind) = kinds.get_mut(&field) {
                kind.candidate.add_recording([name.as_str()]);
            }
        }
    }
    let plain = information(&plain);
    let told = kinds.into_iter().filter_map(|(field, Kind { candidate, with, both })| {
        let names = candidate.recordings.len();
        let is_name = candidate.recurs(said.recordings(), 6) && names <= MAX_KINDS && with * 10 < total * 9;
        let gain = information(&candidate) - plain;
        // A name in a usual field is not taken away by another one beside it; what has none may have it there.
        let fits = if is_usual { both == 0 && (named + with) * 10 >= total * 9 } else { gain >= MIN_GAIN };
        (with > 0 && is_name && fits).then_some((gain, field))
    });
    told.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, field)| field)
}

/// The numbers with which all messages of a side begin, all of them lists; none where one begins otherwise.
fn codes(said: &Said, side: Side) -> Option<Candidate> {
    let mut codes = Candidate::default();
    for message in said.all(side) {
        let code = message.as_array()?.first()?.as_u64().filter(|code| *code <= MAX_CODE)?;
        codes.add(&code.to_string(), shape(message));
    }
    Some(codes)
}

/// Whether codes say what the rest of their lists is.
fn tells(codes: &Candidate) -> bool {
    codes.joint.len() >= MIN_CODES && information(codes) >= MIN_BITS
}

/// Whether the client sends texts and ends each of them with the record separator.
fn ends_with_separator(recordings: &[&Transcript]) -> bool {
    let frames = recordings.iter().flat_map(|recording| &recording.frames);
    let mut texts =
        frames.filter(|frame| frame.side == Side::Client).filter_map(|frame| match &frame.payload {
            Payload::Text(text) => Some(text.trim_end().ends_with(RECORD_SEPARATOR)),
            _ => None,
        });
    texts.next().is_some_and(|first| first && texts.all(|own| own))
}

/// The share of the messages of a side that have a word at a pointer.
fn says(said: &Said, side: Side, path: &str) -> f64 {
    let with = said.all(side).filter(|message| message.pointer(path).and_then(refinement).is_some()).count();
    with as f64 / said.all(side).count().max(1) as f64
}

/// The keys of which each message of a side has exactly one, where what a message is its key says: `setupComplete`,
/// `serverContent`. Its other fields are objects, too: where one is a text or a number, the message says what it is there.
fn present(said: &Said, side: Side) -> Option<Vec<String>> {
    let mut sets: BTreeMap<BTreeSet<String>, u32> = BTreeMap::new();
    let mut recurring: BTreeMap<String, u32> = BTreeMap::new();
    for messages in said.messages(side) {
        let mut here = BTreeSet::new();
        for message in messages {
            let map = message.as_object().filter(|map| !map.is_empty())?;
            if !map.values().all(|value| value.is_object() || value.is_array()) {
                return None;
            }
            let keys: BTreeSet<String> = map.keys().cloned().collect();
            here.extend(keys.iter().cloned());
            *sets.entry(keys).or_default() += 1;
        }
        here.into_iter().for_each(|key| *recurring.entry(key).or_default() += 1);
    }
    if sets.is_empty() || recurring.len() > MAX_KEYS {
        return None;
    }
    let mut best = Vec::new();
    let mut tries = MAX_TRIES;
    cover(&sets.keys().collect::<Vec<_>>(), &mut Vec::new(), &mut tries, &mut best);
    let is_word = |key: &String| refinement(&Value::from(key.as_str())).is_some();
    let is_known =
        |key: &&String| said.recordings() == 1 || recurring.get(*key).is_some_and(|runs| *runs >= 2);
    let known = best.iter().filter(is_known).count();
    (!best.is_empty() && best.iter().all(is_word) && known * 10 >= best.len() * 6).then_some(best)
}

/// Of all ways to choose keys of which each set has exactly one, the one with most keys.
fn cover(sets: &[&BTreeSet<String>], chosen: &mut Vec<String>, tries: &mut u32, best: &mut Vec<String>) {
    let Some(left) = tries.checked_sub(1) else { return };
    *tries = left;
    let Some(open) = sets.iter().find(|set| !chosen.iter().any(|key| set.contains(key))) else {
        if chosen.len() > best.len() {
            best.clone_from(chosen);
            best.sort_unstable();
        }
        return;
    };
    for key in open.iter() {
        let meets =
            |set: &&&BTreeSet<String>| set.contains(key) && chosen.iter().any(|own| set.contains(own));
        if sets.iter().any(|set| meets(&set)) {
            continue;
        }
        chosen.push(key.clone());
        cover(sets, chosen, tries, best);
        chosen.pop();
    }
}

/// Over HTTP most messages have their names elsewhere: the others say where theirs stand. A request is called by its
/// method and path, unless a field of its body has a name that such fields usually have.
fn exchanges(recordings: &[&Transcript]) -> JsonNames {
    // Nothing stands there.
    let nowhere = Dialect::Sse(JsonNames::both("/\u{0}").into());
    let said = |side: Side| -> Vec<Vec<Value>> {
        let of_recording = |recording: &&Transcript| {
            let events = dialect::events(&nowhere, &recording.frames);
            let own = events.iter().filter(|event| event.label.side() == side);
            let is_nameless = |name: &str| name == NAMELESS || name.starts_with("re:");
            let nameless = own.filter(|event| side == Side::Client || is_nameless(event.label.name()));
            nameless.map(|event| nowhere.content(event)).filter(|value| value.is_object()).cloned().collect()
        };
        recordings.iter().map(of_recording).collect()
    };
    let messages = said(Side::Server);
    let known = preset_by_look(messages.iter().flatten());
    let usual = || "/type".to_owned();
    let server = if known.is_some() { usual() } else { best(&messages, false).unwrap_or_else(usual) };
    let client = best(&said(Side::Client), true).unwrap_or_else(|| server.clone());
    let server = known.unwrap_or_else(|| NameAt::pointer(&server));
    JsonNames { client: NameAt::pointer(&client), server, ..JsonNames::default() }
}

/// Where names do not tell events apart, or tell more than there are: a golden of such names checks next to nothing.
pub(super) fn doubts(golden: &Golden) -> Vec<String> {
    let mut doubts = Vec::new();
    let own = || golden.events.iter().filter(|(label, _)| !label.is_client());
    let is_nameless = |label: &Label| [NAMELESS, "text", "binary"].contains(&label.name());
    let all: u32 = own().map(|(_, event)| event.seen).sum();
    let nameless: u32 = own().filter(|(label, _)| is_nameless(label)).map(|(_, event)| event.seen).sum();
    let hint = "name them with `name = \"/POINTER\"` in `[dialect]` of a script, then `goldwire learn SESSION --script FILE`";
    if all > 3 && nameless * 10 >= all * 9 {
        let is_json = own().any(|(label, _)| label.name() == NAMELESS);
        let hint = if is_json { hint } else { "they are not JSON; `kind` in `[dialect]` says what they are" };
        doubts.push(format!(
            "no good name found: {nameless} of {all} messages of the server have none that tells them apart; {hint}"
        ));
    }
    let once = own().filter(|(_, event)| event.seen == 1).count();
    if golden.events.len() > MAX_NAMES && once * 2 > golden.events.len() {
        doubts.push(format!(
            "no good name found: there are {} names, and {once} of them came once in one recording; {hint}",
            golden.events.len()
        ));
    }
    doubts
}

fn best(said: &[Vec<Value>], only_usual: bool) -> Option<String> {
    let mut candidates: BTreeMap<String, Candidate> = BTreeMap::new();
    let mut shapes: BTreeMap<u64, u32> = BTreeMap::new();
    let mut total = 0u32;
    for messages in said {
        let mut here: BTreeSet<(String, String)> = BTreeSet::new();
        for value in messages {
            if fields(value).is_empty() {
                continue;
            }
            let shape = shape(value);
            total += 1;
            *shapes.entry(shape).or_default() += 1;
            for (path, name) in names(value) {
                let candidate = candidates.entry(path.clone()).or_default();
                let Some(name) = name else {
                    candidate.others += 1;
                    continue;
                };
                candidate.add(&name, shape);
                here.insert((path, name));
            }
        }
        for (path, name) in here {
            candidates.entry(path).or_default().add_recording([name.as_str()]);
        }
    }
    let entropy = entropy(shapes.values().copied());
    let score = |path: &str, candidate: &Candidate| -> Option<f64> {
        let covered: u32 = candidate.joint.values().flat_map(BTreeMap::values).sum();
        let names = candidate.joint.len();
        let share = f64::from(covered) / f64::from(total.max(1));
        let leaf = path.rsplit('/').next().unwrap_or_default();
        let is_usual = USUAL.contains(&leaf);
        // What is the same in every message names nothing, unless it is the only name that the side has to say.
        let is_constant = names == 1 && !is_usual && leaf != "object";
        // Where ids or texts stand beside words, the words are no names either.
        let is_mixed = candidate.others * 10 > covered;
        if (only_usual && !is_usual) || is_constant || is_mixed {
            return None;
        }
        if share < 0.3 || names > MAX_NAMES || !candidate.recurs(said.len(), 4) {
            return None;
        }
        let depth = i32::try_from(path.matches('/').count()).unwrap_or(9) - 1;
        let bonus = if USUAL.contains(&leaf) { 0.6 } else { 0.0 };
        let parent = if path.starts_with("/parent") { 0.4 } else { 0.0 };
        // `room:7` says which one it is, not what.
        let is_instance = |name: &&String| {
            name.split_once(':').is_some_and(|(_, rest)| rest.contains(|c: char| c.is_ascii_digit()))
        };
        let instances = candidate.joint.keys().filter(is_instance).count();
        let which = if instances * 3 >= names { 0.8 } else { 0.0 };
        let told = information(candidate) - 0.5 * entropy * (1.0 - share);
        Some(told + bonus - 0.3 * f64::from(depth) - parent - which)
    };
    let share = |candidate: &Candidate| {
        let covered: u32 = candidate.joint.values().flat_map(BTreeMap::values).sum();
        f64::from(covered) / f64::from(total.max(1))
    };
    // A code that every message has is its name; a word that only some have says more of those.
    let is_code = |candidate: &Candidate| candidate.joint.keys().all(|name| name.starts_with(CODE_MARK));
    let codes = || candidates.iter().filter(|(_, candidate)| is_code(candidate) && share(candidate) >= 0.95);
    let is_whole = |path: &str| share(&candidates[path]) >= 0.95 && !is_code(&candidates[path]);
    let best_word = candidates
        .iter()
        .filter(|(_, candidate)| !is_code(candidate))
        .filter_map(|(path, candidate)| Some((score(path, candidate)?, path)))
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)));
    let best_code = codes()
        .filter_map(|(path, candidate)| Some((score(path, candidate)?, path)))
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)));
    if let Some((_, path)) = best_code.filter(|_| best_word.is_none_or(|(_, path)| !is_whole(path))) {
        return Some(path.clone());
    }
    candidates
        .iter()
        .filter(|(_, candidate)| !is_code(candidate))
        .filter_map(|(path, candidate)| Some((score(path, candidate)?, path)))
        // Of equals the first path wins.
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))
        .map(|(_, path)| path.clone())
}

/// Finds where requests have their id, when messages without a name answer them (JSON-RPC 2.0, section 5).
pub(super) fn reply(sessions: &[Session], dialect: &mut Dialect) -> bool {
    let own = dialect.clone();
    let (Dialect::Json(names) | Dialect::Sse(HttpNames { json: names, .. })) = dialect else { return false };
    if names.reply.is_some() {
        return false;
    }
    // Path → how many messages without a name have something there, and how many of them answer what was asked under it.
    let mut found: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for session in sessions {
        let mut asked: BTreeSet<(Side, String, String)> = BTreeSet::new();
        for event in &session.events {
            let side = event.label.side();
            let name_at = if side == Side::Client { &names.client } else { &names.server };
            let data = own.content(event);
            let is_named = name_at.of(data).is_some();
            for (path, id) in id_places(data) {
                if name_at.is_at(&path) {
                    continue;
                }
                if is_named {
                    asked.insert((side, path, id.to_string()));
                } else {
                    let other = if side == Side::Client { Side::Server } else { Side::Client };
                    let is_answer = asked.contains(&(other, path.clone(), id.to_string()));
                    let counts = found.entry(path).or_default();
                    *counts = (counts.0 + 1, counts.1 + u32::from(is_answer));
                }
            }
        }
    }
    let answers =
        found.into_iter().filter(|(_, (nameless, answers))| *answers >= 3 && answers * 10 >= nameless * 9);
    let best =
        answers.max_by(|a, b| (a.1.1, a.0 == "/id").cmp(&(b.1.1, b.0 == "/id")).then_with(|| b.0.cmp(&a.0)));
    let is_found = best.is_some();
    names.reply = best.map(|(path, _)| path);
    is_found
}

/// What is known of a server's name, and a place at which its messages may have the id of what they answer.
#[derive(Default)]
struct Answers {
    /// How many messages there are.
    seen: usize,
    /// What they answer, by session and id: each request once.
    answered: BTreeSet<(usize, String)>,
    requests: BTreeSet<String>,
}

/// Finds names of the server that only say that a message is an answer, and where it has the id of its request: Phoenix'
/// `phx_reply`, the `result` of a home automation server. They answer requests of several names, nearly all of them, each
/// once. Where nameless messages are the answers, a named message is not an answer.
pub(super) fn answers(sessions: &[Session], dialect: &mut Dialect) -> bool {
    let own = dialect.clone();
    let Dialect::Json(names) = dialect else { return false };
    if names.reply.is_some() {
        return false;
    }
    let mut found: BTreeMap<(String, String), Answers> = BTreeMap::new();
    // Place → how many requests have an id there, and how many of these ids are new in their session.
    let mut ids: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (session, events) in sessions.iter().map(|session| &session.events).enumerate() {
        let mut asked: BTreeMap<(String, String), String> = BTreeMap::new();
        for event in events {
            let data = own.content(event);
            let is_client = event.label.is_client();
            let name_at = if is_client { &names.client } else { &names.server };
            let Some(SaidName::Text(name)) = name_at.of(data) else { continue };
            for (path, id) in id_places(data) {
                if name_at.is_at(&path) {
                    continue;
                }
                let key = (path.clone(), id.to_string());
                if is_client {
                    let is_new = asked.insert(key, name.to_owned()).is_none();
                    let counts = ids.entry(path).or_default();
                    *counts = (counts.0 + 1, counts.1 + usize::from(is_new));
                } else {
                    let answers = found.entry((name.to_owned(), path)).or_default();
                    answers.seen += 1;
                    if let Some(request) = asked.get(&key) {
                        answers.answered.insert((session, key.1));
                        answers.requests.insert(request.clone());
                    }
                }
            }
        }
    }
    let is_answer = |name: &str, answers: &Answers| {
        let answered = answers.answered.len();
        answers.requests.len() >= 2 && answered * 10 >= answers.seen * 9 && !answers.requests.contains(name)
    };
    let mut best: Option<(usize, &String, BTreeSet<String>)> = None;
    for (path, (asked, _)) in ids.iter().filter(|(_, (asked, new))| asked == new) {
        let at_path = found.iter().filter(|((name, own), answers)| own == path && is_answer(name, answers));
        let mut at_path: Vec<(&String, &Answers)> = at_path.map(|((name, _), own)| (name, own)).collect();
        at_path.sort_by_key(|(name, answers)| (std::cmp::Reverse(answers.answered.len()), *name));
        // What another name answers already is answered: one more of the same id is a request of the server's own.
        let (mut answered, mut answers) = (BTreeSet::new(), BTreeSet::new());
        for (name, own) in at_path {
            if own.answered.is_disjoint(&answered) {
                answered.extend(own.answered.iter().cloned());
                answers.insert(name.clone());
            }
        }
        let is_most = answered.len() * 10 >= *asked * 8;
        if is_most && !answers.is_empty() && best.as_ref().is_none_or(|(most, ..)| answered.len() > *most) {
            best = Some((answered.len(), path, answers));
        }
    }
    let Some((_, path, answers)) = best else { return false };
    names.reply = Some(path.clone());
    names.answers = answers;
    true
}

/// How servers call what asks whether somebody is there, and clients what answers it.
const BEATS: [&str; 8] =
    ["ping", "pong", "heartbeat", "heart_beat", "heart-beat", "keepalive", "keep_alive", "keep-alive"];
/// So many pairs tell that one answers the other.
const MIN_PAIRS: usize = 4;

/// Finds what the client answers to each of a server's heartbeats: the two take turns, and the answer is made of nothing but
/// the heartbeat.
pub(super) fn reflexes(sessions: &[Session], dialect: &mut Dialect) -> bool {
    let Dialect::Json(names) = dialect else { return false };
    let is_beat = |label: &Label| {
        let name = label.name().to_ascii_lowercase();
        BEATS.iter().any(|beat| name.contains(beat))
    };
    let of_side = |side: Side| -> BTreeSet<&Label> {
        let all = sessions.iter().flat_map(|session| &session.events).map(|event| &event.label);
        all.filter(|label| label.side() == side && is_beat(label)).collect()
    };
    let (beats, answers) = (of_side(Side::Server), of_side(Side::Client));
    for beat in beats {
        for answer in &answers {
            let Some(pairs) = in_turn(sessions, beat, answer).filter(|pairs| pairs.len() >= MIN_PAIRS) else {
                continue;
            };
            let when = When::Comes(beat.clone());
            let reflex = dialect::reflex_template(&pairs).map(|send| Reflex { when, send: Some(send) });
            if let Some(reflex) = reflex.filter(|reflex| reflex.answer(names).as_ref() == Some(*answer)) {
                names.reflexes.push(reflex);
                break;
            }
        }
    }
    !names.reflexes.is_empty()
}

/// What each of a server's messages says, with what the client's next message of another name says, where the two take
/// turns in all sessions.
fn in_turn<'s>(sessions: &'s [Session], beat: &Label, answer: &Label) -> Option<Vec<(&'s Value, &'s Value)>> {
    let mut pairs = Vec::new();
    for session in sessions {
        let mut open: Option<&Value> = None;
        for event in &session.events {
            if event.label == *beat {
                if open.replace(&event.data).is_some() {
                    return None;
                }
            } else if event.label == *answer {
                pairs.push((open.take()?, &event.data));
            }
        }
    }
    Some(pairs)
}

/// Fields down to the second level where a name could stand, with what it would be; none where a text or an id stands.
fn names(value: &Value) -> Vec<(String, Option<String>)> {
    let is_name = |text: &str| {
        text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "_./:-".contains(c))
            && Format::of(text).is_none()
    };
    let name_of = |path: &str, item: &Value| -> Option<Option<String>> {
        let leaf = path.rsplit('/').next().unwrap_or_default();
        let lower = leaf.to_ascii_lowercase();
        if CONTENT.contains(&lower.as_str())
            || (is_reference(path) && !leaf.starts_with(|c: char| c.is_ascii_digit()))
        {
            return None;
        }
        match item {
            Value::String(text) => Some(is_name(text).then(|| text.clone())),
            Value::Number(code) if USUAL.contains(&leaf) || lower == "opcode" => {
                Some(code.as_u64().filter(|code| *code <= MAX_CODE).map(|code| format!("{CODE_MARK}{code}")))
            }
            _ => None,
        }
    };
    let mut found = Vec::new();
    for (path, item) in fields(value) {
        if let Value::Object(inner) = item {
            for (below, item) in inner {
                let path = format!("{path}{}", pointer([below.as_str()]));
                found.extend(name_of(&path, item).map(|name| (path, name)));
            }
        } else {
            found.extend(name_of(&path, item).map(|name| (path, name)));
        }
    }
    found
}

/// The fields of an object; the items of a short list, whose places have each a meaning of their own.
fn fields(value: &Value) -> Vec<(String, &Value)> {
    match value {
        Value::Object(map) => map.iter().map(|(key, item)| (pointer([key.as_str()]), item)).collect(),
        Value::Array(items) if items.len() <= MAX_PLACES => {
            items.iter().enumerate().map(|(place, item)| (format!("/{place}"), item)).collect()
        }
        _ => Vec::new(),
    }
}

/// A fingerprint of the set of paths down to the second level.
fn shape(value: &Value) -> u64 {
    let mut paths = BTreeSet::new();
    for (path, item) in fields(value) {
        for below in item.as_object().into_iter().flat_map(|map| map.keys()) {
            paths.insert(format!("{path}{}", pointer([below.as_str()])));
        }
        paths.insert(path);
    }
    print_of(&paths)
}

/// A fingerprint of some paths.
pub(super) fn print_of(paths: &BTreeSet<String>) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    paths.hash(&mut hasher);
    hasher.finish()
}

fn entropy(counts: impl Iterator<Item = u32> + Clone) -> f64 {
    let total: f64 = counts.clone().map(f64::from).sum();
    counts.map(f64::from).filter(|n| *n > 0.0).map(|n| -(n / total) * (n / total).log2()).sum()
}

/// Mutual information between name and shape, in bits.
pub(super) fn information(candidate: &Candidate) -> f64 {
    let mut shapes: BTreeMap<u64, u32> = BTreeMap::new();
    for (shape, n) in candidate.joint.values().flatten() {
        *shapes.entry(*shape).or_default() += n;
    }
    let names = candidate.joint.values().map(|shapes| shapes.values().sum::<u32>());
    let both = candidate.joint.values().flat_map(|shapes| shapes.values().copied());
    entropy(names.collect::<Vec<_>>().into_iter()) + entropy(shapes.values().copied())
        - entropy(both.collect::<Vec<_>>().into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Offset;
    use serde_json::json;

    /// The dialect of recordings in which the client and the server say these, line by line, and what events are called.
    fn named(recordings: &[Vec<(char, Value)>]) -> Vec<String> {
        let recordings: Vec<Transcript> = recordings
            .iter()
            .enumerate()
            .map(|(index, said)| {
                let frames = said.iter().zip(1..).map(|((mark, data), at)| {
                    let side = if *mark == '>' { Side::Client } else { Side::Server };
                    let payload = Payload::Text(data.to_string());
                    crate::transcript::Frame::new(Offset::from_nanos(at * 1_000_000), side, payload)
                });
                let header = crate::transcript::Header { id: format!("r{index}"), ..Default::default() };
                let how =
                    crate::transcript::End::Closed { by: Side::Client, code: 1000, reason: String::new() };
                let at = Offset::from_nanos(1_000_000_000);
                let ending = crate::transcript::Ending { at, how, host: None };
                Transcript { header, frames: frames.collect(), ending }
            })
            .collect();
        let golden = super::super::learn(&recordings[..], None).expect("there are events").golden;
        let events = dialect::events(&golden.dialect, &recordings[0].frames);
        events.iter().map(|event| event.label.as_str().to_owned()).collect()
    }

    #[test]
    fn a_key_that_is_there_says_what_a_message_is() {
        let session = |n: u64| {
            vec![
                ('>', json!({"setup": {"model": "m"}})),
                ('<', json!({"setupComplete": {}})),
                ('>', json!({"clientContent": {"turns": [{"parts": [{"text": format!("hi {n}")}]}]}})),
                ('<', json!({"serverContent": {"modelTurn": {"parts": []}}})),
                ('<', json!({"serverContent": {"turnComplete": true}, "usageMetadata": {"total": n}})),
                ('<', json!({"toolCall": {"functionCalls": [{"id": "f0"}]}, "usageMetadata": {"total": n}})),
            ]
        };
        let found = named(&(0..6).map(session).collect::<Vec<_>>());
        let own = [">setup", "setupComplete", ">clientContent", "serverContent", "serverContent", "toolCall"];
        assert_eq!(found, own);
        // A word that some of them have says more of those, and nothing of the others.
        let session = |n: u64| {
            vec![
                ('>', json!({"addTarget": {"query": n}})),
                ('<', json!({"targetChange": {"type": "ADD"}})),
                ('<', json!({"documentChange": {"document": {"name": format!("d{n}")}}})),
                ('<', json!({"targetChange": {"type": "CURRENT"}})),
                ('<', json!({"filter": {"count": n}})),
            ]
        };
        let found = named(&(0..6).map(session).collect::<Vec<_>>());
        assert_eq!(
            found,
            [">addTarget", "targetChange[ADD]", "documentChange", "targetChange[CURRENT]", "filter"]
        );
        // Nor does a key say more than a word that they all have.
        let session = |n: u64| {
            let open = json!({"header": {"type": "open"}, "content": {}});
            vec![
                ('>', json!({"header": {"type": "go"}, "content": {}})),
                ('<', open),
                ('<', json!({"header": {"type": "end"}, "usage": {"n": n}})),
            ]
        };
        assert_eq!(named(&(0..6).map(session).collect::<Vec<_>>()), [">go", "open", "end"]);
        // A reply has its id beside its result, which is no name.
        let session = |n: u64| {
            let id = json!(n);
            vec![
                ('>', json!({"id": id, "ask": {}})),
                ('<', json!({"id": id, "result": {}})),
                ('<', json!({"id": id, "error": {}})),
            ]
        };
        assert_eq!(named(&(0..6).map(session).collect::<Vec<_>>()), [">json", "json", "json"]);
    }

    #[test]
    fn an_id_is_no_name_though_it_is_a_word() {
        let session = |_| {
            vec![
                ('>', json!({"id": "v", "method": "getVersion"})),
                ('<', json!({"id": "v", "result": {"version": "1"}})),
                ('>', json!({"id": "a", "method": "add"})),
                ('<', json!({"id": "a", "result": "x1"})),
                ('<', json!({"method": "onStart", "params": [{"gid": "x1"}]})),
            ]
        };
        let named = named(&(0..5).map(session).collect::<Vec<_>>());
        assert_eq!(named, [">getVersion", "re:getVersion", ">add", "re:add", "onStart"]);
    }

    #[test]
    fn calls_in_tuples_are_answered_by_their_id_on_either_side() {
        let session = |n: u64| {
            let own = format!("{n:08x}-cf9d-40ca-b68c-0595fa524d97");
            vec![
                ('>', json!([2, "m1", "Boot", {"v": 1}])),
                ('<', json!([3, "m1", {"ok": true}])),
                ('<', json!([2, own, "GetConf", {"k": 1}])),
                ('>', json!([3, own, {"v": 1}])),
                ('>', json!([2, "m2", "Auth", {"t": 1}])),
                ('<', json!([3, "m2", {"ok": true}])),
            ]
        };
        let named = named(&(1..6).map(session).collect::<Vec<_>>());
        assert_eq!(named, [">Boot", "re:Boot", "GetConf", ">re:GetConf", ">Auth", "re:Auth"]);
    }

    /// WAMP, section 6.
    #[test]
    fn a_list_that_no_word_names_is_called_by_the_code_it_begins_with() {
        let session = |n: u64| {
            let (own, subscription, topic) = (900_000 + n, 700_000 + n, "com.shop.orders");
            vec![
                ('>', json!([1, "realm1", {"roles": {}}])),
                ('<', json!([2, own, {"roles": {}}])),
                ('>', json!([32, 1, {}, topic])),
                ('<', json!([33, 1, subscription])),
                ('>', json!([48, 2, {}, "com.shop.add", [n, 2]])),
                ('<', json!([50, 2, {}, [n + 2]])),
                ('<', json!([36, subscription, 5_000 + n, {}, [], {"order": n}])),
                ('>', json!([6, {}, "wamp.close.normal"])),
                ('<', json!([6, {}, "wamp.close.normal"])),
            ]
        };
        let named = named(&(0..5).map(session).collect::<Vec<_>>());
        assert_eq!(named, [">n1", "n2", ">n32", "n33", ">n48", "n50", "n36", ">n6", "n6"]);
        // Measurements are no codes: they tell nothing about what follows.
        let session = |n: u64| (0..6).map(|k| ('<', json!([(n * 7 + k * 5) % 20, k, n]))).collect::<Vec<_>>();
        let named = super::tests::named(&(0..5).map(session).collect::<Vec<_>>());
        assert_eq!(named, ["json"; 6]);
    }

    /// Agent Client Protocol: `session/update` notifications.
    #[test]
    fn a_name_that_most_messages_have_is_told_apart_by_a_second_field() {
        let session = |n: u64| {
            let update = |data: Value| {
                (
                    '<',
                    json!({"method": "session/update", "params": {"sessionId": format!("sess_{n}abc123"), "update": data}}),
                )
            };
            vec![
                ('>', json!({"id": 1, "method": "session/prompt", "params": {"text": n}})),
                update(
                    json!({"sessionUpdate": "agent_message_chunk", "content": {"text": format!("hi {n}")}}),
                ),
                update(json!({"sessionUpdate": "tool_call", "toolCallId": "c", "title": "read"})),
                update(
                    json!({"sessionUpdate": "tool_call_update", "toolCallId": "c", "status": "completed"}),
                ),
                update(json!({"sessionUpdate": "agent_message_chunk", "content": {"text": "done"}})),
                ('<', json!({"id": 1, "result": {"stopReason": "end_turn"}})),
            ]
        };
        let named = named(&(0..5).map(session).collect::<Vec<_>>());
        let update = |kind: &str| format!("session/update[{kind}]");
        let (chunk, call) = (update("agent_message_chunk"), update("tool_call"));
        let changed = update("tool_call_update");
        assert_eq!(named, [">session/prompt", &chunk, &call, &changed, &chunk, "re:session/prompt"]);
    }

    /// As exchanges have it: acknowledgements, and then what was asked for.
    #[test]
    fn what_acknowledges_is_told_from_what_it_is_about() {
        let session = |n: u64, with_action: bool| {
            let arg = |channel: &str| json!({"channel": channel, "instId": "BTC-USDT"});
            let ack = |event: &str, channel: &str| {
                ('<', json!({"event": event, "arg": arg(channel), "connId": format!("c{n}")}))
            };
            let push = |channel: &str, action: &str, seq: usize| {
                let data = json!([{"seqId": seq, "ts": n}]);
                let plain = json!({"arg": arg(channel), "data": data});
                (
                    '<',
                    if with_action {
                        json!({"arg": arg(channel), "action": action, "data": data})
                    } else {
                        plain
                    },
                )
            };
            let mut said = vec![
                ('>', json!({"op": "subscribe", "args": [arg("books"), arg("trades")]})),
                ack("subscribe", "books"),
                ack("subscribe", "trades"),
            ];
            said.extend(
                (0..8).map(|seq| push(["books", "trades"][seq % 2], ["snapshot", "update"][seq.min(1)], seq)),
            );
            said.push(('>', json!({"op": "unsubscribe", "args": [arg("books")]})));
            said.push(ack("unsubscribe", "books"));
            said
        };
        let of = |with_action| named(&(0..5).map(|n| session(n, with_action)).collect::<Vec<_>>());
        for (with_action, pushed) in [(false, ["books", "trades"]), (true, ["snapshot", "update"])] {
            let own = of(with_action);
            assert!(own[1].starts_with("subscribe") && own[12].starts_with("unsubscribe"), "{own:?}");
            assert_eq!(own[3..5], pushed);
        }
    }

    #[test]
    fn numbers_are_names_and_a_word_below_says_more() {
        let session = |n: u64| {
            vec![
                ('<', json!({"op": 10, "t": null, "d": {"every": 100 + n}})),
                ('>', json!({"op": 2, "d": {"who": "me"}})),
                ('<', json!({"op": 0, "t": "READY", "d": {"v": 1}})),
                ('<', json!({"op": 0, "t": "MESSAGE", "d": {"text": format!("hello {n}")}})),
                ('>', json!({"op": 1, "d": 2})),
                ('<', json!({"op": 11, "t": null, "d": null})),
            ]
        };
        let named = named(&(0..5).map(session).collect::<Vec<_>>());
        assert_eq!(named, ["n10", ">n2", "n0[READY]", "n0[MESSAGE]", ">n1", "n11"]);
    }

    #[test]
    fn what_people_wrote_and_what_a_model_is_called_are_no_names() {
        let session = |_| {
            vec![
                ('>', json!({"prompt": "hi"})),
                ('<', json!({"object": "chunk", "model": "gpt-x", "delta": {"content": "w"}})),
                ('<', json!({"object": "chunk", "model": "gpt-x", "delta": {"content": "w"}})),
            ]
        };
        let named = named(&(0..5).map(session).collect::<Vec<_>>());
        assert_eq!(named, [">prompt", "chunk", "chunk"]);
    }

    #[test]
    fn a_message_of_one_key_is_called_by_it_where_it_says_nothing_else() {
        let session = |n: usize| {
            vec![
                ('>', json!({"auth": format!("tok{n}")})),
                ('<', json!({"auth": "ok"})),
                ('>', json!({"subscribe": "debug"})),
                ('<', json!({"topic": "debug", "data": n})),
                ('<', json!({"topic": "status", "data": n})),
                ('<', json!([{"topic": "debug", "data": n}])),
            ]
        };
        let named_of =
            |session: &dyn Fn(usize) -> Vec<(char, Value)>| named(&(0..5).map(session).collect::<Vec<_>>());
        assert_eq!(named_of(&session), [">auth", "auth", ">subscribe", "debug", "status", "debug"]);
        // Keys that come in one recording only are ids.
        let ids = |n: usize| {
            let user = format!("user{n}");
            let mut messages = session(n);
            messages.push(('<', json!({ user: 1 })));
            messages.retain(|(_, message)| message.get("auth").is_none());
            messages
        };
        assert_eq!(named_of(&ids), [">subscribe", "debug", "status", "debug", "json"]);
    }

    #[test]
    fn where_nothing_tells_messages_apart_that_is_said() {
        let golden = |names: usize, label: &dyn Fn(usize) -> String| {
            let mut golden = Golden::default();
            for number in 0..names {
                let event = crate::golden::Event { seen: 1, runs: 1, ..Default::default() };
                golden.events.insert(Label::from(label(number).as_str()), event);
            }
            golden
        };
        assert_eq!(doubts(&golden(20, &|n| format!("event_{n}"))), [""; 0]);
        let many = doubts(&golden(1000, &|n| format!("event_{n}")));
        assert!(
            many[0].starts_with("no good name found: there are 1000 names, and 1000 of them"),
            "{many:?}"
        );
        let mut nameless = golden(1, &|_| "json".to_owned());
        nameless.events.values_mut().for_each(|event| event.seen = 40);
        let said = doubts(&nameless);
        assert!(said[0].starts_with("no good name found: 40 of 40 messages"), "{said:?}");
    }
}
