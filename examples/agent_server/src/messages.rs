//! What clients may say.

use serde::Deserialize;

/// One client message; `type` chooses the variant.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ClientMessage {
    /// The token as the first message; later it is a mistake.
    Auth { token: String },
    /// A fresh token for a session that would outlive its first one.
    AuthRefresh { token: String },
    /// A question. Without `thread` it goes to the thread that `connected` named.
    Ask { thread: Option<String>, text: String },
    /// All that was said in a thread.
    Resume { thread: String },
    /// Stop a run.
    Cancel { run_id: String },
    /// Are you there? The nonce, any JSON value, comes back.
    Ping { nonce: serde_json::Value },
    /// The client asks the server to end the session.
    Bye,
}

/// Reads a message; the error is fit to be sent back.
pub(crate) fn parse(text: &str) -> Result<ClientMessage, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_may_be_left_out_and_a_text_may_not() {
        assert!(matches!(parse(r#"{"type":"ask","text":"x"}"#), Ok(ClientMessage::Ask { thread: None, .. })));
        assert_eq!(parse(r#"{"type":"ask","thread":"thr_1"}"#).unwrap_err(), "missing field `text`");
        assert!(parse(r#"{"type":"sing"}"#).unwrap_err().starts_with("unknown variant `sing`"));
        assert!(parse("{").is_err());
    }
}
