//! The shape of an event's payload: for every JSON path what stands there, and how it is bound to other values.
//!
//! A path is a JSON pointer in which `*` stands for every item of a list; a `?` behind it means that it may be missing.
//! A rule is a short text:
//!
//! ```text
//! "/ok"               = "boolean"
//! "/sources/*/score"  = "number"
//! "/note?"            = "string | null"
//! "/status"           = "\"busy\" | \"idle\""
//! "/run_id"           = "id(run_, 20), same as agent_started/run_id"
//! "/tokens"           = "integer, counts token"
//! "/answer"           = "string, joins token/text"
//! "/seq"              = "integer, counter from 1"
//! "/prevSeqId"        = "integer, follows /seqId per /instId"
//! "/call_id?"         = "id(call_ 16), when type = \"function_call_output\""
//! ```
//!
//! In a path `~0` and `~1` stand for `~` and `/`, as in every JSON pointer; a key that is `*` is written `~2`, and a `?` at
//! the end of a key `~3`.

use crate::dialect::{Label, push_key};
use crate::transcript::Side;
use serde_json::Value;
use std::fmt;

/// A path through a payload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// A JSON pointer with `*` for every item of a list, e.g. `/sources/*/score`; empty for the whole payload.
    pub pattern: String,
    /// Whether it may be missing although what it stands in is there.
    pub optional: bool,
}

/// What must hold at a path.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rule {
    /// What may stand there; empty when anything may.
    pub types: Vec<Type>,
    /// How it is bound to other values.
    pub facts: Vec<Fact>,
    /// In which company the path, which may be missing, is there: always then, and never else.
    pub when: Option<When>,
    /// In how many observations this held, where it differs from the event's own count.
    pub samples: Option<u32>,
}

impl Rule {
    /// Whether it says that this value stands there, and nothing else.
    pub(super) fn is_only(&self, value: &Value) -> bool {
        let is_it = matches!(&self.types[..], [Type::Literal(own)] if own == value);
        is_it && self.facts.is_empty() && self.when.is_none() && self.samples.is_none()
    }
}

/// The field beside a path that says whether the path is there.
#[derive(Debug, Clone, PartialEq)]
pub struct When {
    /// Its key, in the same object.
    pub key: String,
    /// With one of these values the path is there, with another one it is not.
    pub values: Vec<Value>,
}

/// One of the things that may stand at a path.
#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// A number without a fraction.
    Integer,
    /// Any number.
    Number,
    /// Any string.
    String,
    /// A string that is never empty.
    Text,
    /// An object; its fields have paths of their own.
    Object,
    /// An object whose keys are data; they are not checked.
    Map,
    /// A list; its items have paths of their own.
    Array,
    /// A string of one format.
    Format(Format),
    /// Exactly this value.
    Literal(Value),
}

/// Formats of values that are new in every run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// RFC 9562.
    Uuid,
    /// RFC 3339 date and time.
    Timestamp,
    /// Seconds since 1970, 2001 to 2096.
    EpochSeconds,
    /// Milliseconds since 1970, likewise.
    EpochMillis,
    /// So many hexadecimal digits.
    Hex(usize),
    /// A prefix that ends in `_` or `-`, and so many letters and digits.
    Id(String, usize),
}

impl Format {
    /// The format of a string, if it has one of those that can be told from ordinary text.
    pub fn of(text: &str) -> Option<Format> {
        let alnum = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric());
        let hex = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase());
        if text.len() == 36
            && text.bytes().enumerate().all(|(i, b)| match i {
                8 | 13 | 18 | 23 => b == b'-',
                _ => b.is_ascii_hexdigit(),
            })
        {
            return Some(Format::Uuid);
        }
        if text.len() >= 19
            && text.as_bytes().first().is_some_and(u8::is_ascii_digit)
            && (chrono::DateTime::parse_from_rfc3339(text).is_ok()
                || chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").is_ok())
        {
            return Some(Format::Timestamp);
        }
        if let Some(cut) = text.rfind(['_', '-']) {
            let (prefix, rest) = text.split_at(cut + 1);
            let random = rest.len() >= 6
                && alnum(rest)
                && rest.chars().any(|c| c.is_ascii_digit() || c.is_ascii_uppercase());
            let plain = prefix.len() <= 24
                && prefix.starts_with(|c: char| c.is_ascii_alphabetic())
                && prefix.chars().all(|c| c.is_ascii_alphabetic() || c == '_' || c == '-');
            if random && plain {
                return Some(Format::Id(prefix.to_owned(), rest.len()));
            }
        }
        let mixed = text.chars().any(|c| c.is_ascii_digit());
        if text.len() >= 8 && hex(text) && mixed {
            return Some(Format::Hex(text.len()));
        }
        None
    }

    /// The format of a number, if it looks like a time.
    pub fn of_number(number: f64) -> Option<Format> {
        match number {
            n if (1.0e9..4.0e9).contains(&n) => Some(Format::EpochSeconds),
            n if (1.0e12..4.0e12).contains(&n) => Some(Format::EpochMillis),
            _ => None,
        }
    }

    /// Whether a value has this format.
    pub fn fits(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => match self {
                Format::Hex(len) => {
                    text.len() == *len
                        && text.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase())
                }
                Format::Id(prefix, len) => text.strip_prefix(prefix.as_str()).is_some_and(|rest| {
                    rest.len() == *len && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
                }),
                Format::Uuid | Format::Timestamp => Format::of(text).as_ref() == Some(self),
                Format::EpochSeconds | Format::EpochMillis => false,
            },
            Value::Number(number) => {
                number.as_f64().is_some_and(|n| Format::of_number(n).as_ref() == Some(self))
            }
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
        }
    }
}

impl Type {
    /// Whether a value is of this type.
    pub fn fits(&self, value: &Value) -> bool {
        match self {
            Type::Null => value.is_null(),
            Type::Boolean => value.is_boolean(),
            Type::Integer => value.is_i64() || value.is_u64(),
            Type::Number => value.is_number(),
            Type::String => value.is_string(),
            Type::Text => value.as_str().is_some_and(|text| !text.is_empty()),
            Type::Object | Type::Map => value.is_object(),
            Type::Array => value.is_array(),
            Type::Format(format) => format.fits(value),
            Type::Literal(literal) => literal == value,
        }
    }

    /// The JSON type that this is a part of.
    pub fn json_type(&self) -> &'static str {
        match self {
            Type::Null => "null",
            Type::Boolean => "boolean",
            Type::Integer => "integer",
            Type::Number => "number",
            Type::String | Type::Text => "string",
            Type::Object | Type::Map => "object",
            Type::Array => "array",
            Type::Format(Format::EpochSeconds | Format::EpochMillis) => "number",
            Type::Format(_) => "string",
            Type::Literal(value) => type_of(value),
        }
    }
}

/// What a JSON value is: null, boolean, integer, number, string, object or array.
pub fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Object(_) => "object",
        Value::Array(_) => "array",
    }
}

/// A path in an event: `tool_executing/call_id`, `>ask/text`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// Which event.
    pub label: Label,
    /// Which of its values; a JSON pointer.
    pub path: String,
}

/// How a value is bound to others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Fact {
    /// Equal to a value of the latest such event: of the same lane, where both stand in one.
    SameAs(Source),
    /// Equal to what the client said last at this path.
    EchoOf(Source),
    /// All the strings at that path since the last event with this fact, put together.
    Joins(Source),
    /// All the strings of those events that have the same key as stands beside it, put together.
    Gathers(Whole),
    /// The number of such events since the last event with this fact.
    Counts(Label),
    /// One more than in the event before, of the same lane where it stands in one.
    Counter {
        /// What it begins with in every lane, or session, where it begins always with the same.
        from: Option<i64>,
    },
    /// The same throughout the session.
    Constant,
    /// Never the same twice in a session.
    Unique,
    /// What the event before said at another path, or one more.
    Follows(Chain),
    /// More than in the event before, of the same lane where it stands in one.
    Grows {
        /// Of the same value at this path, where several series run side by side.
        per: Option<String>,
    },
    /// At its goal in the last event of its lane, or of the session where it stands in none.
    Reaches(Goal),
}

/// What came in parts and is said over again, perhaps with others in a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Whole {
    /// Where the parts stand.
    pub of: Source,
    /// Where the events with the parts have the key.
    pub by: String,
    /// Where the same key stands beside the whole, or around it: in the same item of each list.
    pub own: String,
}

/// What a value is at last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Goal {
    /// Equal to the number at this path.
    Total(String),
    /// This number, text, or truth; as JSON.
    Value(String),
    /// Neither absent nor null.
    Any,
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Goal::Total(text) | Goal::Value(text) => f.write_str(text),
            Goal::Any => f.write_str("a value"),
        }
    }
}

/// How a value follows from one of the event before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chain {
    /// Where the event before has the value.
    pub path: String,
    /// So much more than that.
    pub plus: i64,
    /// Whether the event before is any event that has such a path, rather than one of the same name and lane.
    pub any: bool,
    /// The event before is the one with the same value at this path, where several series run side by side.
    pub per: Option<String>,
}

/// A key as it stands in a path, with its slash: what a path gives a meaning of its own is escaped.
pub fn path_step(key: &str) -> String {
    let mut step = String::new();
    push_step(&mut step, key);
    step
}

/// Leads a path on to what stands under a key, as [`path_step`] writes it.
pub(crate) fn push_step(path: &mut String, key: &str) {
    match key.strip_suffix('?') {
        _ if key == "*" => path.push_str("/~2"),
        Some(rest) => {
            push_key(path, rest);
            path.push_str("~3");
        }
        None => push_key(path, key),
    }
}

/// The keys of a path; none for every item of a list.
pub fn path_keys(pattern: &str) -> impl Iterator<Item = Option<String>> {
    pattern.split('/').skip(1).map(|step| (step != "*").then(|| path_key(step)))
}

/// The key that a step of a path stands for.
fn path_key(step: &str) -> String {
    if !step.contains('~') {
        return step.to_owned();
    }
    step.replace("~3", "?").replace("~2", "*").replace("~1", "/").replace("~0", "~")
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.pattern, if self.optional { "?" } else { "" })
    }
}

impl Path {
    /// Reads `/note?`; a path is empty or begins with `/`.
    pub fn parse(text: &str) -> Option<Path> {
        let (pattern, optional) = text.strip_suffix('?').map_or((text, false), |rest| (rest, true));
        let ok = pattern.is_empty() || pattern.starts_with('/');
        ok.then(|| Path { pattern: pattern.to_owned(), optional })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Format::Uuid => f.write_str("uuid"),
            Format::Timestamp => f.write_str("timestamp"),
            Format::EpochSeconds => f.write_str("epoch seconds"),
            Format::EpochMillis => f.write_str("epoch milliseconds"),
            Format::Hex(len) => write!(f, "hex({len})"),
            Format::Id(prefix, len) => write!(f, "id({prefix} {len})"),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Text => f.write_str("text"),
            Type::Map => f.write_str("map"),
            Type::Format(format) => write!(f, "{format}"),
            Type::Literal(value) => write!(f, "= {value}"),
            plain => f.write_str(plain.json_type()),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", quoted(&self.label), self.path)
    }
}

/// A label as it stands before a path: a slash of its own would be taken for the path's.
fn quoted(label: &Label) -> String {
    if label.name().contains('/') && label.is_plain() {
        let mark = if label.is_client() { ">" } else { "" };
        return format!("{mark}\"{}\"", label.name());
    }
    label.to_string()
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fact::SameAs(source) => write!(f, "same as {source}"),
            Fact::EchoOf(source) => write!(f, "echo of {source}"),
            Fact::Joins(source) => write!(f, "joins {source}"),
            Fact::Gathers(Whole { of, by, own }) => write!(f, "joins {of} by {by} as {own}"),
            Fact::Counts(label) => write!(f, "counts {}", quoted(label)),
            Fact::Counter { from: None } => f.write_str("counter"),
            Fact::Counter { from: Some(first) } => write!(f, "counter from {first}"),
            Fact::Constant => f.write_str("constant"),
            Fact::Unique => f.write_str("unique"),
            Fact::Follows(Chain { path, plus, any, per }) => {
                write!(f, "follows {}{path}", if *any { "any " } else { "" })?;
                if *plus != 0 {
                    write!(f, " plus {plus}")?;
                }
                per.iter().try_for_each(|per| write!(f, " per {per}"))
            }
            Fact::Grows { per } => {
                f.write_str("grows")?;
                per.iter().try_for_each(|per| write!(f, " per {per}"))
            }
            Fact::Reaches(goal) => write!(f, "reaches {goal}"),
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let values: Vec<String> = self.values.iter().map(Value::to_string).collect();
        match self.key.chars().all(is_plain) && !self.key.is_empty() {
            true => write!(f, "when {} = {}", self.key, values.join(" or ")),
            false => write!(f, "when {} = {}", Value::from(self.key.as_str()), values.join(" or ")),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let types: Vec<String> = self.types.iter().map(Type::to_string).collect();
        let facts = self.facts.iter().map(Fact::to_string).chain(self.when.iter().map(When::to_string));
        let parts: Vec<String> =
            Some(types.join(" | ")).filter(|t| !t.is_empty()).into_iter().chain(facts).collect();
        f.write_str(if parts.is_empty() { "anything".to_owned() } else { parts.join(", ") }.as_str())?;
        match self.samples {
            Some(samples) => write!(f, " ({samples})"),
            None => Ok(()),
        }
    }
}

impl Rule {
    /// Leaves out facts that a golden cannot say: a name of a field with a comma or a blank in it ends a fact.
    pub fn keep_what_can_be_said(&mut self) {
        self.facts.retain(|own| {
            let text = own.to_string();
            // Nor may a quote take in what comes after it.
            split(&format!("{text},"), ',') == [text.as_str(), ""]
                && fact(&text).is_ok_and(|read| read.as_ref() == Some(own))
        });
    }
}

/// Reads a rule; see the module for what it may say.
///
/// # Errors
/// What is wrong, as a fragment.
pub fn parse_rule(text: &str) -> Result<Rule, String> {
    let mut rule = Rule::default();
    let mut rest = text.trim();
    if let Some((head, count)) = rest.strip_suffix(')').and_then(|rest| rest.rsplit_once(" (")) {
        if let Ok(samples) = count.parse() {
            rule.samples = Some(samples);
            rest = head.trim_end();
        }
    }
    for (i, part) in split(rest, ',').into_iter().enumerate() {
        let part = part.trim();
        if let Some(company) = part.strip_prefix("when ") {
            rule.when = Some(when(company)?);
            continue;
        }
        match fact(part)? {
            Some(fact) => rule.facts.push(fact),
            None if i == 0 && part == "anything" => {}
            None if i == 0 => {
                for choice in split(part, '|') {
                    rule.types.push(parse_type(choice.trim())?);
                }
            }
            None => return Err(format!("`{part}` is not a fact: {FACTS}")),
        }
    }
    Ok(rule)
}

const FACTS: &str = "same as EVENT/path, echo of >EVENT/path, joins EVENT/path, joins EVENT/path by /KEY as /OWN, \
     counts EVENT, follows /path, grows, counter, constant, unique or when KEY = VALUE";
const TYPES: &str = "null, boolean, integer, number, string, text, object, map, array, uuid, timestamp, \
     epoch seconds, epoch milliseconds, hex(LENGTH), id(PREFIX LENGTH) or = VALUE";

/// Splits at `sign` where it stands outside of a JSON string.
fn split(text: &str, sign: char) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if c == sign && !quoted => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn fact(text: &str) -> Result<Option<Fact>, String> {
    let source = |text: &str| -> Result<Source, String> {
        let text = text.trim();
        let (label, path) = split_source(text).ok_or(format!("`{text}` is not EVENT/path"))?;
        Ok(Source { label, path: path.to_owned() })
    };
    Ok(Some(match text {
        "counter" => Fact::Counter { from: None },
        "constant" => Fact::Constant,
        "unique" => Fact::Unique,
        _ => {
            if let Some(first) = text.strip_prefix("counter from ") {
                let first =
                    first.trim().parse().map_err(|_| format!("`{}` is not a whole number", first.trim()))?;
                Fact::Counter { from: Some(first) }
            } else if let Some(rest) = text.strip_prefix("same as ") {
                Fact::SameAs(source(rest)?)
            } else if let Some(rest) = text.strip_prefix("echo of ") {
                Fact::EchoOf(source(rest)?)
            } else if let Some(rest) = text.strip_prefix("joins ") {
                match rest.rsplit_once(" by /").and_then(|(of, keys)| Some((of, keys.split_once(" as /")?))) {
                    Some((of, (by, own))) => {
                        let at = |path: &str| format!("/{}", path.trim());
                        Fact::Gathers(Whole { of: source(of)?, by: at(by), own: at(own) })
                    }
                    None => Fact::Joins(source(rest)?),
                }
            } else if let Some(rest) = text.strip_prefix("follows ") {
                Fact::Follows(chain(rest.trim())?)
            } else if let Some(rest) = text.strip_prefix("reaches ") {
                Fact::Reaches(goal(rest.trim())?)
            } else if text == "grows" || text.starts_with("grows per ") {
                Fact::Grows { per: text.strip_prefix("grows per ").map(path).transpose()? }
            } else if let Some(rest) = text.strip_prefix("counts ") {
                let (label, path) = split_source(rest.trim()).ok_or(format!("`{rest}` is not an event"))?;
                if !path.is_empty() {
                    return Err(format!("`counts` takes an event without a path, not `{rest}`"));
                }
                Fact::Counts(label)
            } else {
                return Ok(None);
            }
        }
    }))
}

fn path(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.starts_with('/') {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is not a path: it begins with /"))
    }
}

/// Reads `/total`, `100`, `"stop"`, `true`, `a value`.
fn goal(text: &str) -> Result<Goal, String> {
    match serde_json::from_str(text) {
        Ok(Value::Array(_) | Value::Object(_) | Value::Null) => {}
        Ok(value) => return Ok(Goal::Value(value.to_string())),
        Err(_) if text == "a value" => return Ok(Goal::Any),
        Err(_) if text.starts_with('/') => return Ok(Goal::Total(text.to_owned())),
        Err(_) => {}
    }
    Err(format!(
        "`reaches` takes a path, a number, a text in quotation marks, true, false, or `a value`, not `{text}`"
    ))
}

/// Reads `any /seq plus 1 per /channel`.
fn chain(text: &str) -> Result<Chain, String> {
    let (any, rest) = text.strip_prefix("any ").map_or((false, text), |rest| (true, rest));
    let (rest, per) = match rest.split_once(" per ") {
        Some((rest, per)) => (rest, Some(path(per)?)),
        None => (rest, None),
    };
    let (from, plus) = match rest.split_once(" plus ") {
        Some((from, plus)) => {
            (from, plus.trim().parse().map_err(|_| format!("`{plus}` is not a whole number"))?)
        }
        None => (rest, 0),
    };
    Ok(Chain { path: path(from)?, plus, any, per })
}

/// Reads `type = "a" or "b"`.
fn when(text: &str) -> Result<When, String> {
    let odd = || format!("`when {text}` is not a condition: write when KEY = VALUE or VALUE");
    let (key, mut rest) = if text.starts_with('"') {
        let mut keys = serde_json::Deserializer::from_str(text).into_iter::<String>();
        let key = keys.next().and_then(Result::ok).ok_or_else(odd)?;
        let rest = text[keys.byte_offset()..].trim_start().strip_prefix('=').ok_or_else(odd)?;
        (key, rest)
    } else {
        let (key, rest) = text.split_once('=').ok_or_else(odd)?;
        (key.trim().to_owned(), rest)
    };
    let mut values = Vec::new();
    loop {
        let mut all = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        values.push(all.next().and_then(Result::ok).ok_or_else(odd)?);
        rest = rest[all.byte_offset()..].trim_start();
        match rest.strip_prefix("or ") {
            Some(more) => rest = more,
            None if rest.is_empty() => return Ok(When { key, values }),
            None => return Err(odd()),
        }
    }
}

/// Splits `tool_executing/call_id` or `"odd/name"/x` into event and path.
pub(super) fn split_source(text: &str) -> Option<(Label, &str)> {
    let (side, rest) = text.strip_prefix('>').map_or((Side::Server, text), |rest| (Side::Client, rest));
    if rest.starts_with('"') {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<String>();
        let name = values.next()?.ok()?;
        let path = &rest[values.byte_offset()..];
        return Some((Label::new(side, &name), path));
    }
    // A name may hold a slash of its own (`tools/call`), but then it is printed with quotation marks here.
    let cut = rest.find('/').unwrap_or(rest.len());
    let (name, path) = rest.split_at(cut);
    (!name.is_empty()).then(|| (Label::new(side, name), path))
}

fn parse_type(text: &str) -> Result<Type, String> {
    let inside = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(literal) = text.strip_prefix('=') {
        let value = serde_json::from_str(literal.trim())
            .map_err(|_| format!("`{}` is not a JSON value", literal.trim()))?;
        return Ok(Type::Literal(value));
    }
    if let Some(len) = inside("hex") {
        let len = len.trim().parse().map_err(|_| format!("`{text}`: hex takes a length"))?;
        return Ok(Type::Format(Format::Hex(len)));
    }
    if let Some(parts) = inside("id") {
        let (prefix, len) =
            parts.rsplit_once(' ').ok_or(format!("`{text}`: id takes a prefix and a length"))?;
        let len = len.trim().parse().map_err(|_| format!("`{text}`: id takes a prefix and a length"))?;
        return Ok(Type::Format(Format::Id(prefix.trim().to_owned(), len)));
    }
    Ok(match text {
        "null" => Type::Null,
        "boolean" => Type::Boolean,
        "integer" => Type::Integer,
        "number" => Type::Number,
        "string" => Type::String,
        "text" => Type::Text,
        "object" => Type::Object,
        "map" => Type::Map,
        "array" => Type::Array,
        "uuid" => Type::Format(Format::Uuid),
        "timestamp" => Type::Format(Format::Timestamp),
        "epoch seconds" => Type::Format(Format::EpochSeconds),
        "epoch milliseconds" => Type::Format(Format::EpochMillis),
        _ => return Err(format!("`{text}` is not a type: {TYPES}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn formats_are_told_from_words() {
        let of = |text: &str| Format::of(text).map(|format| format.to_string());
        assert_eq!(of("3f2504e0-4f89-41d3-9a0c-0305e82c3301").as_deref(), Some("uuid"));
        assert_eq!(of("2026-11-22T12:00:00.123456Z").as_deref(), Some("timestamp"));
        assert_eq!(of("run_8k2m4x9q0z").as_deref(), Some("id(run_ 10)"));
        assert_eq!(of("deadbeef00").as_deref(), Some("hex(10)"));
        assert_eq!(of("search_corpus"), None);
        assert_eq!(of("connection_established"), None);
        assert_eq!(of("The moon is far."), None);
        assert_eq!(of("bedded"), None);
    }

    #[test]
    fn a_rule_says_what_is_wrong_with_it() {
        assert_eq!(
            parse_rule("integer, twice").expect_err("no fact").split(':').next(),
            Some("`twice` is not a fact")
        );
        assert!(parse_rule("int").expect_err("no type").contains("`int` is not a type"));
        assert!(parse_rule("= nope").expect_err("no JSON").contains("not a JSON value"));
    }

    fn label() -> impl Strategy<Value = Label> {
        prop_oneof![Just("token"), Just(">ask"), Just("tools/call"), Just(">odd \" name")]
            .prop_map(Label::from)
    }

    fn rule() -> impl Strategy<Value = Rule> {
        let types = prop_oneof![
            Just(Type::Null),
            Just(Type::Integer),
            Just(Type::Text),
            Just(Type::Map),
            Just(Type::Format(Format::Uuid)),
            Just(Type::Format(Format::EpochMillis)),
            Just(Type::Format(Format::Id("run_".to_owned(), 20))),
            Just(Type::Literal(json!("a | b, \"c\" (3)"))),
            Just(Type::Literal(json!(true))),
        ];
        let source = || {
            (label(), prop_oneof![Just("/a"), Just("/a/*/b")])
                .prop_map(|(label, path)| Source { label, path: path.to_owned() })
        };
        let fact = prop_oneof![
            source().prop_map(Fact::SameAs),
            source().prop_map(Fact::EchoOf),
            source().prop_map(Fact::Joins),
            source().prop_map(|of| Fact::Gathers(Whole {
                of,
                by: "/messageId".to_owned(),
                own: "/messages/*/id".to_owned()
            })),
            label().prop_map(Fact::Counts),
            proptest::option::of(-3..9i64).prop_map(|from| Fact::Counter { from }),
            Just(Fact::Constant),
            Just(Fact::Unique),
            prop_oneof![
                Just(Goal::Total("/params/total".to_owned())),
                "[a-b ,|\"()]{0,3}".prop_map(|text| Goal::Value(Value::from(text).to_string())),
                Just(Goal::Value("0.25".to_owned())),
                Just(Goal::Any),
            ]
            .prop_map(Fact::Reaches),
            Just(Fact::Grows { per: None }),
            Just(Fact::Grows { per: Some("/arg/instId".to_owned()) }),
            (0i64..2, any::<bool>(), proptest::option::of(Just("/arg/instId".to_owned()))).prop_map(
                |(plus, any, per)| Fact::Follows(Chain { path: "/data/*/seq".to_owned(), plus, any, per })
            ),
        ];
        let when = ("[a-b =,\"]{1,3}", proptest::collection::vec("[a-b or,\"=]{0,5}", 1..3))
            .prop_map(|(key, values)| When { key, values: values.into_iter().map(Value::from).collect() });
        (
            proptest::collection::vec(types, 0..3),
            proptest::collection::vec(fact, 0..3),
            proptest::option::of(when),
            proptest::option::of(0u32..99),
        )
            .prop_map(|(types, facts, when, samples)| Rule { types, facts, when, samples })
    }

    #[test]
    fn any_key_has_its_place_in_a_path() {
        for key in ["*", "x?", "?", "a~2", "~3", "a/b", "a?b", "**", "~"] {
            let pattern = path_step("perm") + &path_step(key);
            let path = Path::parse(&pattern).expect("a path");
            assert!(!path.optional, "{pattern}");
            assert_eq!(
                path_keys(&pattern).collect::<Vec<_>>(),
                [Some("perm".to_owned()), Some(key.to_owned())]
            );
        }
        assert_eq!(path_keys("/hits/*/score").nth(1), Some(None));
    }

    #[test]
    fn a_fact_that_a_golden_cannot_say_is_left_out() {
        let at = |path: &str| Source { label: Label::from("message"), path: path.to_owned() };
        let facts = ["/text", "/a,b", "/a b", "/a\"b", "/a|b"].map(|path| Fact::Joins(at(path)));
        let mut rule = Rule { facts: facts.to_vec(), ..Rule::default() };
        rule.keep_what_can_be_said();
        let said = rule.to_string();
        assert!(rule.facts.contains(&facts[0]) && !rule.facts.contains(&facts[1]), "{said}");
        assert_eq!(
            parse_rule(&format!("string, {}", said.trim_start_matches("anything, "))).map(|read| read.facts),
            Ok(rule.facts)
        );
    }

    proptest! {
        #[test]
        fn parsing_a_rule_undoes_printing_it(rule in rule()) {
            prop_assert_eq!(parse_rule(&rule.to_string()), Ok(rule));
        }
    }
}
