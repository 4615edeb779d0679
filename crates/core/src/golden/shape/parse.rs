//! Rules as a golden writes them.

use super::fact::{Chain, Fact, Goal, Source, Whole};
use super::rule::{Rule, When};
use super::types::{Format, Type};
use crate::dialect::Label;
use crate::transcript::Side;
use serde_json::Value;

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
pub(super) fn split(text: &str, sign: char) -> Vec<&str> {
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

pub(super) fn fact(text: &str) -> Result<Option<Fact>, String> {
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
pub(in crate::golden) fn split_source(text: &str) -> Option<(Label, &str)> {
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
