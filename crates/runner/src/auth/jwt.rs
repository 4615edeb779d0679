//! JSON Web Tokens (RFC 7519): reads claims, and signs tokens as the server's own issuer would.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use goldwire_core::secret::Secret;
use serde_json::Value;
use std::fmt;

/// The algorithm of a minted token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSA PKCS#1 v1.5 with SHA-256.
    Rs256,
    /// ECDSA on P-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// All algorithms, with their names of RFC 7518 and RFC 8037.
    pub const NAMES: [(&'static str, Algorithm); 6] = [
        ("HS256", Algorithm::Hs256),
        ("HS384", Algorithm::Hs384),
        ("HS512", Algorithm::Hs512),
        ("RS256", Algorithm::Rs256),
        ("ES256", Algorithm::Es256),
        ("EdDSA", Algorithm::EdDsa),
    ];

    /// The algorithm with this name.
    pub fn named(name: &str) -> Option<Algorithm> {
        Algorithm::NAMES.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm)
    }

    /// Whether it uses a shared secret and not a private key.
    pub const fn is_symmetric(self) -> bool {
        match self {
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => true,
            Algorithm::Rs256 | Algorithm::Es256 | Algorithm::EdDsa => false,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name =
            Algorithm::NAMES.iter().find(|(_, algorithm)| algorithm == self).map_or("?", |(name, _)| name);
        f.write_str(name)
    }
}

/// The reason why a token cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("signing a token with {algorithm}: {cause}")]
pub struct MintError {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The error with the key; never the key.
    pub cause: String,
}

/// The header and the claims of a token, without verification.
pub fn claims_of(token: &str) -> Option<(Value, Value)> {
    let mut parts = token.split('.');
    let mut object = || {
        let bytes = URL_SAFE_NO_PAD.decode(parts.next()?.trim_end_matches('=')).ok()?;
        serde_json::from_slice::<Value>(&bytes).ok().filter(Value::is_object)
    };
    let (header, claims) = (object()?, object()?);
    parts.next()?;
    parts.next().is_none().then_some((header, claims))
}

/// Signs `claims` unchanged. `key` is the shared secret itself, or a private key in PEM.
///
/// # Errors
/// If the key does not fit the algorithm.
pub fn mint(
    algorithm: Algorithm,
    key: &Secret,
    kid: Option<&str>,
    claims: &Value,
) -> Result<Secret, MintError> {
    use jsonwebtoken::{Algorithm as Alg, EncodingKey};
    let wrong = |cause: String| MintError { algorithm, cause };
    let bytes = key.expose().as_bytes();
    let alg = match algorithm {
        Algorithm::Hs256 => Alg::HS256,
        Algorithm::Hs384 => Alg::HS384,
        Algorithm::Hs512 => Alg::HS512,
        Algorithm::Rs256 => Alg::RS256,
        Algorithm::Es256 => Alg::ES256,
        Algorithm::EdDsa => Alg::EdDSA,
    };
    let key = if algorithm.is_symmetric() {
        EncodingKey::from_secret(bytes)
    } else {
        goldwire_jwt::private_key(alg, bytes).map_err(|error| wrong(error.to_string()))?
    };
    let mut header = jsonwebtoken::Header::new(alg);
    header.kid = kid.map(str::to_owned);
    goldwire_jwt::sign(&header, claims, &key).map(Secret::new).map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_signed_is_what_is_claimed() {
        let claims = json!({ "sub": "u1", "exp": 4_000_000_000_u64 });
        let token = mint(Algorithm::Hs256, &Secret::new("0123456789abcdef"), Some("k1"), &claims)
            .expect("any secret fits");
        let (header, read) = claims_of(token.expose()).expect("a token");
        assert_eq!((header["alg"].as_str(), header["kid"].as_str()), (Some("HS256"), Some("k1")));
        assert_eq!(read, claims);
    }

    #[test]
    fn a_minted_token_verifies_with_its_secret() {
        let key = "an-agreed-secret";
        let token =
            mint(Algorithm::Hs256, &Secret::new(key), None, &json!({ "a": 1 })).expect("any secret fits");
        let _ = goldwire_jwt::RING.install_default();
        let decoded = jsonwebtoken::decode::<Value>(
            token.expose(),
            &jsonwebtoken::DecodingKey::from_secret(key.as_bytes()),
            &{
                let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
                rules.required_spec_claims.clear();
                rules
            },
        );
        assert_eq!(decoded.expect("it verifies").claims, json!({ "a": 1 }));
    }

    #[test]
    fn a_private_key_in_pem_signs() {
        for (algorithm, kind) in
            [(Algorithm::Es256, &rcgen::PKCS_ECDSA_P256_SHA256), (Algorithm::EdDsa, &rcgen::PKCS_ED25519)]
        {
            let pair = rcgen::KeyPair::generate_for(kind).expect("a key");
            let token = mint(algorithm, &Secret::new(pair.serialize_pem()), None, &json!({ "a": 1 }));
            let (header, claims) = claims_of(token.expect("the key fits").expose()).expect("a token");
            assert_eq!(header["alg"], algorithm.to_string());
            assert_eq!(claims, json!({ "a": 1 }));
        }
    }

    #[test]
    fn a_key_that_does_not_fit_is_an_error_that_does_not_show_it() {
        let error =
            mint(Algorithm::Rs256, &Secret::new("not-a-pem-key"), None, &json!({})).expect_err("not PEM");
        assert!(error.to_string().starts_with("signing a token with RS256: "), "{error}");
        assert!(!error.to_string().contains("not-a-pem-key"), "{error}");
    }

    #[test]
    fn other_strings_claim_nothing() {
        for text in
            ["", "a.b.c", "opaque-token", "eyJhIjoxfQ.eyJhIjoxfQ", "eyJhIjoxfQ.eyJhIjoxfQ.x.y", "MQ.MQ.x"]
        {
            assert_eq!(claims_of(text), None, "{text}");
        }
    }
}
