//! Tokens that a server must refuse.

use super::claims::now;
use crate::auth::{Identity, random_word, signing_key};
use crate::probe::context::{ProbeContext, subject_claim};
use crate::probe::forge::{Forged, Material, all};
use goldwire_core::finding::Unjudged;
use goldwire_core::secret::Secret;

pub(super) fn forged(
    context: &ProbeContext<'_>,
    good: &Identity,
    other: &Identity,
    token: &str,
) -> Result<Vec<(String, Forged)>, Unjudged> {
    let settings = &context.settings.auth;
    let broken = |cause: String| Unjudged { cause, hint: None };
    let key = match &settings.sign {
        Some(sign) => match signing_key(sign, &context.sessions.base, &context.sessions.redactor) {
            Ok(key) => Some(key),
            // What needs the key is then named as not asked.
            Err(error) => {
                context.sessions.warnings.warn(error.to_string());
                None
            }
        },
        None => None,
    };
    let public_key = match &settings.public_key {
        Some(path) => Some(
            std::fs::read_to_string(path)
                .map_err(|e| broken(format!("failed to read {}: {e}", path.display())))?,
        ),
        None => None,
    };
    let random = random_word(24).map_err(|error| broken(error.to_string()))?;
    let subject = subject_claim(good, other);
    let refresh = good.vars.iter().find(|(name, _)| name.ends_with("refresh_token"));
    let material = Material {
        good: token,
        refresh: refresh.and_then(|(_, value)| value.as_str()),
        subject: &subject,
        other_subject: other.claims.as_ref().and_then(|claims| claims.get(&subject)),
        key: settings.sign.as_ref().zip(key.as_ref()).map(|(s, key)| (s.algorithm, key, s.kid.as_deref())),
        public_key: public_key.as_deref(),
        now: now(),
        random: &random,
    };
    let forged = all(&material);
    for (_, token) in &forged {
        if let Ok(Some(token)) = token {
            context.sessions.redactor.add("forged", &Secret::new(token.as_str()));
        }
    }
    Ok(forged)
}
