//! Users and logins: recipes, identities, and trusted certificates.
//!
//! A [`Recipe`] is the table `[auth.NAME]` of `goldwire.toml`. [`login()`] executes it against a live server and
//! returns an [`Identity`]: a user's variables, the token, and its place in the upgrade request. Nothing replaces the
//! server: a login uses real HTTP, and a minted token is signed with the real key. The
//! [`Redactor`](goldwire_core::transcript::Redactor) learns every secret as soon as it is known, before an error can
//! contain it. This module does not open WebSockets; `connection` does.

mod base;
mod error;
mod identity;
mod jwt;
mod login;
mod recipe;
mod trust;

pub use base::Base;
pub use error::{AuthError, Step, Unreached};
pub use identity::{Identity, Placement, RequestParts};
pub use jwt::{Algorithm, MintError, claims_of, mint};
pub use login::{clean_up, login, logout, refresh, signing_key};
pub(crate) use recipe::read_placement;
pub use recipe::{Body, Kind, Mint, Recipe, Refresh, Request, TokenAt, TokenSource, ValueSource};
pub use trust::{ClientCertificate, Trust, TrustError, http_client, is_loopback};

/// Text fit for a URL's query or a form: everything but RFC 3986's unreserved characters becomes `%XX`.
fn percent_encode(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => {
                // Writing into a String cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
        out
    })
}

/// `count` random characters that need no escaping anywhere.
///
/// # Errors
/// If the system has no randomness.
pub fn random_word(count: usize) -> Result<String, getrandom::Error> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = vec![0; count];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.into_iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_word_is_new_each_time_and_needs_no_escaping() {
        let word = random_word(8).expect("the system has randomness");
        assert_eq!((word.len(), percent_encode(&word)), (8, word.clone()));
        assert_ne!(word, random_word(8).expect("the system has randomness"));
    }
}
