//! Types of values, and formats of those that are new in every run.

use serde_json::Value;
use std::fmt;

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
