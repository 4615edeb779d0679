//! Tokens: issued, read and refused here. Knows keys and claims; knows no HTTP, no sockets, no database.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::args::Signing;
use crate::ids;
use crate::regress::{Choice, Regression};
use crate::store::User;

/// Issuer and audience of every token: this server gives them out, and only to itself.
const SELF: &str = "agent-server";

/// What a token may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Purpose {
    Access,
    Refresh,
}

/// What a token says. A token without one of these claims does not parse.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) sub: String,
    pub(crate) email: String,
    pub(crate) permissions: Vec<String>,
    #[serde(rename = "type")]
    pub(crate) purpose: Purpose,
    pub(crate) iat: u64,
    pub(crate) nbf: u64,
    pub(crate) exp: u64,
    pub(crate) jti: String,
}

/// Why a token was not accepted; the text goes to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Missing,
    Invalid,
    Expired,
    WrongType,
    UnknownUser,
    Revoked,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Missing => "no token",
            Refusal::Invalid => "invalid token",
            Refusal::Expired => "token expired",
            Refusal::WrongType => "wrong token type",
            Refusal::UnknownUser => "unknown user",
            Refusal::Revoked => "token revoked",
        })
    }
}

/// Where a token is shown; some regressions weaken only the socket's door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Http,
    Socket,
}

/// The keys, and the one algorithm that is accepted.
pub(crate) struct Tokens {
    algorithm: Algorithm,
    signing: EncodingKey,
    verifying: DecodingKey,
    /// The public key as a shared secret; the fault of `alg-confusion`.
    confused: Option<DecodingKey>,
    access_ttl: u64,
    refresh_ttl: u64,
    regress: Choice,
}

/// The two tokens of a login.
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) access_claims: Claims,
    pub(crate) refresh: String,
    pub(crate) refresh_claims: Claims,
}

impl Tokens {
    /// For HS256 `key` is the secret; otherwise a private key in PEM, from which the public one is derived.
    pub(crate) fn new(
        signing: Signing,
        key: &[u8],
        access_ttl: u32,
        refresh_ttl: u32,
        regress: Choice,
    ) -> Result<Tokens, Box<dyn std::error::Error>> {
        // Whoever installed one before has installed the same.
        let _ = goldwire_jwt::RING.install_default();
        let (algorithm, signing) = match signing {
            Signing::Hs256 => (Algorithm::HS256, EncodingKey::from_secret(key)),
            Signing::Rs256 => (Algorithm::RS256, goldwire_jwt::private_key(Algorithm::RS256, key)?),
            Signing::Es256 => (Algorithm::ES256, goldwire_jwt::private_key(Algorithm::ES256, key)?),
        };
        let verifying = match algorithm {
            Algorithm::HS256 => DecodingKey::from_secret(key),
            _ => DecodingKey::from_jwk(&Jwk::from_encoding_key(&signing, algorithm)?)?,
        };
        let (access_ttl, refresh_ttl) = (u64::from(access_ttl), u64::from(refresh_ttl));
        Ok(Tokens { algorithm, signing, verifying, confused: None, access_ttl, refresh_ttl, regress })
    }

    /// `alg-confusion`: one function verifies with one key, and the token says how. A token that says HS256 is then
    /// verified with the public key as its secret, which everybody has (RFC 8725, 2.1).
    pub(crate) fn confused_by(mut self, public_pem: &[u8]) -> Tokens {
        self.confused = Some(DecodingKey::from_secret(public_pem));
        self
    }

    /// Seconds an access token lives.
    pub(crate) fn access_ttl(&self) -> u64 {
        self.access_ttl
    }

    /// New tokens for a user.
    pub(crate) fn issue(&self, user: &User) -> Result<Pair, jsonwebtoken::errors::Error> {
        let access_claims = claims(user, Purpose::Access, self.access_ttl);
        let refresh_claims = claims(user, Purpose::Refresh, self.refresh_ttl);
        Ok(Pair {
            access: self.sign(&access_claims)?,
            refresh: self.sign(&refresh_claims)?,
            access_claims,
            refresh_claims,
        })
    }

    fn sign(&self, claims: &Claims) -> Result<String, jsonwebtoken::errors::Error> {
        jsonwebtoken::encode(&Header::new(self.algorithm), claims, &self.signing)
    }

    /// Reads a token and checks all that can be checked without the database.
    pub(crate) fn check(&self, token: &str, purpose: Purpose, door: Door) -> Result<Claims, Refusal> {
        // `accepts-expired`: the socket path forgets the expiry.
        let timeless = door == Door::Socket && self.regress.is(Regression::AcceptsExpired);
        // `alg-none`: a token that says it is unsigned is believed.
        if self.regress.is(Regression::AlgNone)
            && let Some(claims) = read_unsigned(token)
        {
            return in_time(claims, purpose, timeless);
        }
        let says_hs256 = || jsonwebtoken::decode_header(token).is_ok_and(|own| own.alg == Algorithm::HS256);
        let (algorithm, verifying) = match &self.confused {
            Some(key) if says_hs256() => (Algorithm::HS256, key),
            _ => (self.algorithm, &self.verifying),
        };
        let mut validation = Validation::new(algorithm);
        validation.leeway = 0;
        validation.validate_nbf = true;
        validation.validate_exp = false; // `in_time` is stricter by the second in which a token expires
        validation.set_issuer(&[SELF]);
        validation.set_audience(&[SELF]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let read = jsonwebtoken::decode::<Claims>(token, verifying, &validation);
        in_time(read.map_err(|_| Refusal::Invalid)?.claims, purpose, timeless)
    }
}

/// Checks purpose and expiry.
///
/// RFC 7519, 4.1.4: "The "exp" (expiration time) claim identifies the expiration time on or after which the JWT MUST
/// NOT be accepted for processing." So a token is dead in the very second it names.
fn in_time(claims: Claims, purpose: Purpose, timeless: bool) -> Result<Claims, Refusal> {
    if claims.exp <= ids::unix_now() && !timeless {
        return Err(Refusal::Expired);
    }
    if claims.purpose != purpose {
        return Err(Refusal::WrongType);
    }
    Ok(claims)
}

fn claims(user: &User, purpose: Purpose, ttl: u64) -> Claims {
    let now = ids::unix_now();
    Claims {
        iss: SELF.to_owned(),
        aud: SELF.to_owned(),
        sub: user.id.clone(),
        email: user.email.clone(),
        permissions: vec!["chat".to_owned(), "tools".to_owned()],
        purpose,
        iat: now,
        nbf: now,
        exp: now + ttl,
        jti: ids::fresh("jti"),
    }
}

/// The claims of a token whose header says `none`, in any mixture of capitals; the fault of `alg-none`.
fn read_unsigned(token: &str) -> Option<Claims> {
    let mut parts = token.split('.');
    let header: serde_json::Value = decode_part(parts.next()?)?;
    let algorithm = header.get("alg")?.as_str()?;
    algorithm.eq_ignore_ascii_case("none").then_some(())?;
    decode_part(parts.next()?)
}

fn decode_part<T: for<'de> Deserialize<'de>>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(regression: &str) -> Tokens {
        Tokens::new(Signing::Hs256, b"a secret for tests", 900, 3600, regression.parse().unwrap()).unwrap()
    }

    fn user() -> User {
        User { id: "usr_1".to_owned(), email: "a@example.org".to_owned(), name: "A".to_owned() }
    }

    fn unsigned(claims: &Claims) -> String {
        let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"nOnE","typ":"JWT"}"#);
        format!("{header}.{}.", URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims).unwrap()))
    }

    #[test]
    fn a_fresh_access_token_opens_and_a_refresh_token_does_not() {
        let tokens = tokens("");
        let pair = tokens.issue(&user()).unwrap();
        assert_eq!(tokens.check(&pair.access, Purpose::Access, Door::Socket).unwrap().sub, "usr_1");
        let refused = tokens.check(&pair.refresh, Purpose::Access, Door::Socket);
        assert_eq!(refused.unwrap_err(), Refusal::WrongType);
    }

    #[test]
    fn a_token_is_expired_in_the_second_it_names() {
        let mut old = claims(&user(), Purpose::Access, 0);
        old.nbf -= 10;
        let clean = tokens("");
        let token = clean.sign(&old).unwrap();
        assert_eq!(clean.check(&token, Purpose::Access, Door::Socket).unwrap_err(), Refusal::Expired);
        let faulty = tokens("accepts-expired");
        assert!(faulty.check(&token, Purpose::Access, Door::Socket).is_ok());
        assert!(faulty.check(&token, Purpose::Access, Door::Http).is_err());
    }

    #[test]
    fn foreign_keys_issuers_audiences_and_algorithms_are_refused() {
        let clean = tokens("");
        let good = claims(&user(), Purpose::Access, 900);
        let refused = |token: &str| clean.check(token, Purpose::Access, Door::Socket).unwrap_err();
        let stranger = EncodingKey::from_secret(b"another");
        let forged = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &good, &stranger).unwrap();
        assert_eq!(refused(&forged), Refusal::Invalid);
        let other = jsonwebtoken::encode(&Header::new(Algorithm::HS512), &good, &clean.signing).unwrap();
        assert_eq!(refused(&other), Refusal::Invalid);
        let issuer = Claims { iss: "someone".to_owned(), ..good.clone() };
        assert_eq!(refused(&clean.sign(&issuer).unwrap()), Refusal::Invalid);
        let audience = Claims { aud: "someone".to_owned(), ..good.clone() };
        assert_eq!(refused(&clean.sign(&audience).unwrap()), Refusal::Invalid);
        let early = Claims { nbf: good.nbf + 60, ..good.clone() };
        assert_eq!(refused(&clean.sign(&early).unwrap()), Refusal::Invalid);
        assert_eq!(refused(&unsigned(&good)), Refusal::Invalid);
        assert_eq!(refused("rubbish"), Refusal::Invalid);
    }

    #[test]
    fn unsigned_tokens_are_accepted_only_with_the_regression() {
        let faulty = tokens("alg-none");
        let token = unsigned(&claims(&user(), Purpose::Access, 900));
        assert!(faulty.check(&token, Purpose::Access, Door::Socket).is_ok());
    }
}
