//! A string that is never printed: tokens, passwords, cookies.
//!
//! This module does not know where a secret comes from or goes to. `transcript::Redactor`, which gets every known
//! [`Secret`], cleans output to disk and terminal. This module also has the names and forms by which unknown
//! credentials are recognised.

mod looks;
mod names;

pub use looks::{entropy, is_plain_words, looks_like_credential};
pub use names::{
    Suspicion, field_suspicion, is_credential_header, is_credential_parameter, is_of_texts, is_secret_name,
};

use std::fmt;

/// A value that must not appear in any file, log, report or error.
///
/// `Debug` and `Display` print stars. The value is available only through [`Secret::expose`], so a search for that
/// word finds every use.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret value.
    pub fn new(value: impl Into<String>) -> Secret {
        Secret(value.into())
    }

    /// The value itself, for the code that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the value is empty.
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
