//! A string that never shows: tokens, passwords, cookies.
//!
//! Knows nothing of where a secret comes from or goes to. What is written to disk or to a terminal is cleaned by
//! `transcript::Redactor`, which is told every [`Secret`] that becomes known. By which names and looks a credential is
//! recognised that nobody announced, this room knows too.

mod looks;
mod names;

pub use looks::{entropy, is_plain_words, looks_like_credential};
pub use names::{
    Suspicion, field_suspicion, is_credential_header, is_credential_parameter, is_of_texts, is_secret_name,
};

use std::fmt;

/// A value that must not appear in any file, log, report or error.
///
/// `Debug` and `Display` print stars; the value leaves only through [`Secret::expose`], so that every place where it
/// does can be found by searching for that word.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value that must not show.
    pub fn new(value: impl Into<String>) -> Secret {
        Secret(value.into())
    }

    /// The value itself, for the one place that has to send it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is anything to hide.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_in_no_way_of_printing() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?} {:#?}", Some(&secret)).matches("hunter2").count(), 0);
        assert_eq!(secret.expose(), "hunter2");
    }
}
