//! Passwords: argon2id, hashed off the async threads.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

use crate::work;

/// Hashes a password with a fresh salt; the result is a PHC string that carries its parameters.
///
/// The crate's defaults are the OWASP recommendation for argon2id: 19 MiB, two passes, one lane.
pub(crate) async fn hash(password: String) -> Result<String, argon2::password_hash::Error> {
    work::run(move || Ok(Argon2::default().hash_password(password.as_bytes())?.to_string())).await
}

/// Is this the password behind the stored hash?
///
/// With no stored hash a password is hashed all the same, so that an unknown address takes as long as a wrong
/// password and the answer time does not say who has an account.
pub(crate) async fn verify(password: String, stored: Option<String>) -> bool {
    work::run(move || match stored {
        Some(stored) => Argon2::default().verify_password(password.as_bytes(), stored.as_str()).is_ok(),
        None => {
            let _ = Argon2::default().hash_password(password.as_bytes());
            false
        }
    })
    .await
}
