//! JSON that the usual parser rejects although it is valid in practice: deep nesting, unpaired surrogates, or several
//! texts in one frame, one per line or each followed by U+001E (RFC 7464, and SignalR).

use super::RECORD_SEPARATOR;
use crate::transcript::exchange::mend_surrogates;
use serde_json::{Map, Value};

/// The maximum depth of nesting, because recursion has a limited stack.
const MAX_DEPTH: usize = 512;

/// The JSON texts of a frame, lenient or not; none if it is not JSON.
pub(crate) fn json_texts(text: &str) -> Vec<Value> {
    serde_json::from_str(text).map_or_else(|_| read(text, true).unwrap_or_default(), |value| vec![value])
}

/// The JSON of a text that is not plain JSON; none if it is not JSON at all.
pub(super) fn read(text: &str, takes_several: bool) -> Option<Vec<Value>> {
    if !text.trim_start().starts_with(['{', '[', RECORD_SEPARATOR]) {
        return None;
    }
    let text = &*mend_surrogates(text);
    if let Some(value) = one(text) {
        return Some(vec![value]);
    }
    let mut values = Vec::new();
    for piece in text.split(RECORD_SEPARATOR) {
        let mut rest = piece.trim();
        while !rest.is_empty() {
            // A number or a word is not one of several messages.
            let (value, end) =
                value(rest, 0, 0).filter(|(value, _)| value.is_object() || value.is_array())?;
            values.push(value);
            let next = rest[end..].trim_start();
            let is_apart = next.is_empty() || next.len() < rest.len() - end;
            if !is_apart {
                return None;
            }
            rest = next;
        }
    }
    (!values.is_empty() && (takes_several || values.len() == 1)).then_some(values)
}

fn one(text: &str) -> Option<Value> {
    let (value, end) = value(text, 0, 0)?;
    text[end..].trim().is_empty().then_some(value)
}

fn blank(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count()
}

/// The value that begins here, after blanks, and where it ends.
fn value(text: &str, at: usize, depth: usize) -> Option<(Value, usize)> {
    let bytes = text.as_bytes();
    let at = blank(bytes, at);
    let open = *bytes.get(at)?;
    if !matches!(open, b'{' | b'[') {
        let end = match open {
            b'"' => string_end(bytes, at)?,
            _ => {
                at + bytes[at..]
                    .iter()
                    .position(|byte| b",]} \t\r\n".contains(byte))
                    .unwrap_or(bytes.len() - at)
            }
        };
        return Some((serde_json::from_str(&text[at..end]).ok()?, end));
    }
    if depth == MAX_DEPTH {
        return None;
    }
    let close = if open == b'{' { b'}' } else { b']' };
    let (mut map, mut list) = (Map::new(), Vec::new());
    let mut at = blank(bytes, at + 1);
    if bytes.get(at) == Some(&close) {
        return Some((if open == b'{' { Value::Object(map) } else { Value::Array(list) }, at + 1));
    }
    loop {
        at = blank(bytes, at);
        if open == b'{' {
            let end = (bytes.get(at) == Some(&b'"')).then(|| string_end(bytes, at))??;
            let key: String = serde_json::from_str(&text[at..end]).ok()?;
            at = blank(bytes, end);
            (bytes.get(at) == Some(&b':')).then_some(())?;
            let (inner, end) = value(text, at + 1, depth + 1)?;
            map.insert(key, inner);
            at = end;
        } else {
            let (inner, end) = value(text, at, depth + 1)?;
            list.push(inner);
            at = end;
        }
        at = blank(bytes, at);
        match *bytes.get(at)? {
            b',' => at += 1,
            byte if byte == close => break,
            _ => return None,
        }
    }
    Some((if open == b'{' { Value::Object(map) } else { Value::Array(list) }, at + 1))
}

/// The end of a string that begins here.
fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut escaped = false;
    let len = bytes[at + 1..].iter().position(|byte| {
        let is_end = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        is_end
    })?;
    Some(at + len + 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn what_is_json_is_read_as_json() {
        let deep = |levels: usize| format!("{{\"d\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        for levels in [126, 130, 400, 511] {
            assert_eq!(read(&deep(levels), true).expect("it is JSON").len(), 1, "{levels}");
        }
        assert_eq!(read(&deep(100_000), true), None);
        assert_eq!(read(r#"{"a":"\ud83d"}"#, true), Some(vec![json!({"a": "\u{fffd}"})]));
        let two = vec![json!({"a": 1}), json!([2])];
        for text in ["{\"a\":1}\n[2]", "{\"a\":1}\u{1e}[2]\u{1e}", " {\"a\":1} \r\n [2]\n"] {
            assert_eq!(read(text, true).as_ref(), Some(&two), "{text}");
            assert_eq!(read(text, false), None);
        }
        for text in ["{\"a\":1}\u{1e}", "\u{1e}{\"a\":1}\n"] {
            assert_eq!(read(text, false), Some(vec![json!({"a": 1})]), "{text}");
        }
        for text in ["{\"a\":1}{", "{\"a\":1}\n1", "{\"a\":1}[2]", "hello {\"a\":1}", "{\"a\":1,}", "", "{"] {
            assert_eq!(read(text, true), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_reads_what_the_usual_reader_reads(text in "[{\\[\"a:, 1\\]}\\\\]{0,16}") {
            let usual = serde_json::from_str::<Value>(&text).ok().filter(|value| value.is_object() || value.is_array());
            if let Some(usual) = usual {
                prop_assert_eq!(read(&text, true), Some(vec![usual]));
            }
        }
    }
}
