//! What the server says, as it goes over the wire.
//!
//!     {"type":"token","run_id":"run_…","seq":3,"text":"Moon ","at":"2026-01-31T12:00:00.123456Z"}
//!
//! `type` is first and `at`, when the event was made, is last.

use serde::Serialize;

use crate::ids;
use crate::store::Message;
use crate::tools::{Arguments, Outcome};

/// One server message, apart from its time.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Event {
    Connected {
        connection_id: String,
        user_id: String,
        thread_id: String,
    },
    AgentStarted {
        run_id: String,
        thread_id: String,
        message_id: String,
    },
    AgentThinking {
        run_id: String,
        step: usize,
        thought: String,
    },
    ToolExecuting {
        run_id: String,
        call_id: String,
        tool_name: &'static str,
        arguments: Arguments,
    },
    /// The name `renamed-event` gives to `tool_executing`.
    ToolStarted {
        run_id: String,
        call_id: String,
        tool_name: &'static str,
        arguments: Arguments,
    },
    ToolCompleted {
        run_id: String,
        call_id: String,
        tool_name: &'static str,
        ok: bool,
        result: Outcome,
        elapsed_us: u64,
    },
    Token {
        run_id: String,
        seq: usize,
        text: String,
    },
    AgentCompleted {
        #[serde(flatten)]
        run: RunField,
        thread_id: String,
        message_id: String,
        answer: String,
        tokens: Count,
        tools: usize,
    },
    AgentCancelled {
        run_id: String,
    },
    ThreadResumed {
        thread_id: String,
        messages: Vec<Message>,
    },
    Pong {
        nonce: serde_json::Value,
    },
    AuthRefreshed {
        expires_in: u64,
    },
    AuthExpired,
    Goodbye,
    Error {
        code: &'static str,
        message: String,
    },
}

/// Where a run's id stands: at the top, or one level down as `moved-field` has it.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum RunField {
    Top { run_id: String },
    Moved { payload: RunPayload },
}

/// The level that `moved-field` adds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RunPayload {
    pub(crate) run_id: String,
}

/// A count: a number, or the string that `type-drift` makes of it.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Count {
    Number(usize),
    Text(String),
}

#[derive(Serialize)]
struct Stamped<'a> {
    #[serde(flatten)]
    event: &'a Event,
    at: String,
}

impl Event {
    /// The event as text, stamped with the present time.
    pub(crate) fn encode(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&Stamped { event: self, at: ids::now() })
    }

    /// An `error` event.
    pub(crate) fn error(code: &'static str, message: impl Into<String>) -> Event {
        Event::Error { code, message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_is_first_and_at_is_last() {
        let text = Event::Token { run_id: "run_1".to_owned(), seq: 1, text: "The ".to_owned() }.encode();
        let text = text.unwrap();
        assert!(
            text.starts_with(r#"{"type":"token","run_id":"run_1","seq":1,"text":"The ","at":"20"#),
            "{text}"
        );
    }

    #[test]
    fn a_moved_run_id_is_one_level_down() {
        let event = |run| Event::AgentCompleted {
            run,
            thread_id: String::new(),
            message_id: String::new(),
            answer: String::new(),
            tokens: Count::Number(0),
            tools: 0,
        };
        let top = event(RunField::Top { run_id: "run_1".to_owned() }).encode().unwrap();
        assert!(top.starts_with(r#"{"type":"agent_completed","run_id":"run_1","thread_id""#), "{top}");
        let moved = event(RunField::Moved { payload: RunPayload { run_id: "run_1".to_owned() } });
        assert!(moved.encode().unwrap().contains(r#""payload":{"run_id":"run_1"}"#));
    }
}
