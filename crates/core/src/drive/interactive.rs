//! Typed lines: each line is a message, or a command if it begins with `/`.
//!
//! ```text
//! {"type":"ask","thread":"{{thread_id}}"}    sent as it is, its places filled
//! /ping [TEXT]      a ping frame
//! /binary BASE64    a binary message
//! /close [CODE]     starts the close handshake, with 1000 when no code is given
//! //…               a message that begins with a slash
//! ```
//!
//! An empty line does nothing.

use super::turn::Action;
use crate::template::{Unbound, fill_text};
use crate::transcript::{Gap, Offset, Payload};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use std::collections::VecDeque;

/// The time for which a session stays open after the last line without other bounds.
pub(super) const QUIET: Gap = Gap::from_millis(2000);

/// The reason why a line was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// A placeholder without a value.
    #[error("{0}")]
    Unbound(#[from] Unbound),
    /// It begins with a slash and is no command.
    #[error(
        "`/{0}` is not a command; there are /ping, /binary BASE64 and /close CODE, and // begins a message with /"
    )]
    Unknown(String),
    /// The operand of the command is invalid.
    #[error("`{0}` is not {1}")]
    Operand(String, &'static str),
    /// It comes too late.
    #[error("the session is over")]
    Over,
}

/// The typed lines that are not sent yet.
#[derive(Debug, Default)]
pub(super) struct Interactive {
    pub(super) queue: VecDeque<Action>,
    /// The time of the last line.
    pub(super) silent_since: Option<Offset>,
    /// Whether the person has gone.
    pub(super) has_left: bool,
}

/// The action of a line; none for an empty line.
pub(super) fn action(
    line: &str,
    lookup: &mut dyn FnMut(&str) -> Option<Value>,
) -> Result<Option<Action>, LineError> {
    let text = match line.strip_prefix('/') {
        None => line,
        Some(rest) if rest.starts_with('/') => rest,
        Some(rest) => return command(rest, lookup).map(Some),
    };
    if text.is_empty() {
        return Ok(None);
    }
    Ok(Some(Action::Send(Payload::Text(fill_text(text, lookup)?))))
}

fn command(rest: &str, lookup: &mut dyn FnMut(&str) -> Option<Value>) -> Result<Action, LineError> {
    let (name, operand) = rest.split_once(' ').unwrap_or((rest, ""));
    let operand = operand.trim();
    let wrong = |what| LineError::Operand(operand.to_owned(), what);
    match name {
        "ping" => {
            let text = fill_text(operand, lookup)?;
            // RFC 6455, 5.5.
            if text.len() > 125 {
                Err(wrong("at most 125 bytes"))
            } else {
                Ok(Action::Send(Payload::Ping(text.into())))
            }
        }
        "binary" => {
            let bytes = BASE64.decode(operand).map_err(|_| wrong("base64"))?;
            Ok(Action::Send(Payload::Binary(bytes)))
        }
        "close" if operand.is_empty() => Ok(Action::Close { code: 1000 }),
        "close" => {
            // RFC 6455, 7.4: those below 3000 that stand in no frame are left out; 1005 sends none.
            let code = operand
                .parse()
                .ok()
                .filter(|code| matches!(code, 1000..=1003 | 1005 | 1007..=1014 | 3000..=4999));
            code.map(|code| Action::Close { code }).ok_or_else(|| wrong("a status code that may be sent"))
        }
        other => Err(LineError::Unknown(other.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_message_unless_it_begins_with_one_slash() {
        let mut lookup = |name: &str| (name == "var.who").then(|| Value::from("Ada"));
        let mut read = |line: &str| action(line, &mut lookup);
        let text = |text: &str| Ok(Some(Action::Send(Payload::Text(text.to_owned()))));
        assert_eq!(read(r#"{"hi":"{{var.who}}"}"#), text(r#"{"hi":"Ada"}"#));
        assert_eq!(read("//close"), text("/close"));
        assert_eq!(read(" "), text(" "));
        assert_eq!(read(""), Ok(None));
        assert_eq!(read("/ping a b"), Ok(Some(Action::Send(Payload::Ping(b"a b".to_vec())))));
        assert_eq!(read("/binary AAEC"), Ok(Some(Action::Send(Payload::Binary(vec![0, 1, 2])))));
        assert_eq!(read("/close"), Ok(Some(Action::Close { code: 1000 })));
        assert_eq!(read("/close 4001"), Ok(Some(Action::Close { code: 4001 })));
        for (line, part) in [
            ("{{var.who}} {{var.whom}}", "no value for {{var.whom}}"),
            ("/quit", "`/quit` is not a command"),
            ("/binary ~", "`~` is not base64"),
            ("/close 1006", "`1006` is not a status code"),
        ] {
            let error = read(line).expect_err(line).to_string();
            assert!(error.starts_with(part), "{error}");
        }
    }
}
