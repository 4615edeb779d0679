//! JSON Web Tokens (RFC 7519), signed and verified with ring.
//!
//! `jsonwebtoken` leaves the cryptography to a provider. Its own providers add a second set of cryptographic crates,
//! but ring is already used for TLS. [`RING`] is the provider, and [`private_key`] parses a PEM file.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::jwk::{EllipticCurve, ThumbprintHash};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey, Header};
use ring::rand::SystemRandom;
use ring::signature::{
    self as by_ring, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaEncoding,
    RsaKeyPair, RsaParameters, VerificationAlgorithm,
};
use ring::{digest, hmac};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;

/// Signs and verifies with ring: HS256 to HS512, RS256 to RS512, PS256 to PS512, ES256, ES384 and EdDSA (RFC 7518, RFC 8037).
///
/// A process that calls `jsonwebtoken::encode` or `decode` must install a provider first: `RING.install_default()`.
pub static RING: CryptoProvider = CryptoProvider {
    signer_factory,
    verifier_factory,
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: rsa_public_of,
        rsa_pub_components_from_public_key: |_| {
            Err(ErrorKind::InvalidRsaKey("ring does not take a public key apart".to_owned()).into())
        },
        ec_pub_components_from_private_key: ec_public_of,
        ed_pub_components_from_private_key: ed_public_of,
        compute_digest,
    },
};

/// The reason why a private key cannot be used. It never contains the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is no private key in PEM.
    #[error("no private key in PEM: {0}")]
    Pem(String),
    /// The algorithm signs with a shared secret.
    #[error("{0:?} signs with a shared secret, not with a private key")]
    Secret(Algorithm),
    /// The key is not in a form that the algorithm takes.
    #[error("{0:?} takes {1}")]
    Form(Algorithm, &'static str),
    /// The key is in that form, and ring refuses it.
    #[error("the key does not match {0:?}: {1}")]
    Rejected(Algorithm, String),
}

/// Parses the private key of a PEM text for one algorithm: PKCS#8 for all, and PKCS#1 for RSA. The key is tested at
/// once.
///
/// # Errors
/// If there is no key, or one of another kind.
pub fn private_key(algorithm: Algorithm, pem: &[u8]) -> Result<EncodingKey, KeyError> {
    let der = PrivateKeyDer::from_pem_slice(pem).map_err(|error| KeyError::Pem(error.to_string()))?;
    let bytes = der.secret_der();
    let key = match (algorithm.family(), &der) {
        (AlgorithmFamily::Hmac, _) => return Err(KeyError::Secret(algorithm)),
        (AlgorithmFamily::Rsa, PrivateKeyDer::Pkcs1(_) | PrivateKeyDer::Pkcs8(_)) => {
            EncodingKey::from_rsa_der(bytes)
        }
        (AlgorithmFamily::Ec, PrivateKeyDer::Pkcs8(_)) => EncodingKey::from_ec_der(bytes),
        (AlgorithmFamily::Ed, PrivateKeyDer::Pkcs8(_)) => EncodingKey::from_ed_der(bytes),
        (AlgorithmFamily::Rsa, _) => {
            return Err(KeyError::Form(algorithm, "PKCS#8 or PKCS#1: `openssl genrsa` writes it"));
        }
        _ => return Err(KeyError::Form(algorithm, "PKCS#8: `openssl pkcs8 -topk8 -nocrypt` writes it")),
    };
    match signer(algorithm, &key) {
        Ok(_) => Ok(key),
        Err(error) => Err(KeyError::Rejected(algorithm, error.to_string())),
    }
}

/// Signs a token without a default provider of the process, because a library should not install one.
///
/// # Errors
/// If the key does not match the header's algorithm.
pub fn sign<T: serde::Serialize>(header: &Header, claims: &T, key: &EncodingKey) -> Result<String, Error> {
    let signer = signer(header.alg, key)?;
    let message = format!("{}.{}", part(header)?, part(claims)?);
    let signed = signer
        .try_sign(message.as_bytes())
        .map_err(|_| Error::from(ErrorKind::Signing("ring does not sign with it".to_owned())))?;
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signed)))
}

/// One part of a token: JSON in base64url without padding (RFC 7515, 2).
fn part<T: serde::Serialize>(value: &T) -> Result<String, Error> {
    Ok(URL_SAFE_NO_PAD.encode(serde_json::to_vec(value)?))
}

/// A key that ring signs with.
enum Signing {
    Hmac(hmac::Key),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

struct RingSigner {
    algorithm: Algorithm,
    key: Signing,
}

impl Signer<Vec<u8>> for RingSigner {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        let failed = |_| signature::Error::new();
        let random = SystemRandom::new();
        Ok(match &self.key {
            Signing::Hmac(key) => hmac::sign(key, message).as_ref().to_vec(),
            Signing::Rsa(key, encoding) => {
                let mut signed = vec![0; key.public().modulus_len()];
                key.sign(*encoding, &random, message, &mut signed).map_err(failed)?;
                signed
            }
            Signing::Ec(key) => key.sign(&random, message).map_err(failed)?.as_ref().to_vec(),
            Signing::Ed(key) => key.sign(message).as_ref().to_vec(),
        })
    }
}

impl JwtSigner for RingSigner {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

fn signer_factory(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    signer(*algorithm, key).map(|signer| Box::new(signer) as Box<dyn JwtSigner>)
}

fn signer(algorithm: Algorithm, key: &EncodingKey) -> Result<RingSigner, Error> {
    if key.family() != algorithm.family() {
        return Err(ErrorKind::InvalidKeyFormat.into());
    }
    let bytes = key.as_bytes();
    let key = match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
            Signing::Hmac(hmac::Key::new(hash(algorithm), bytes))
        }
        Algorithm::ES256 => Signing::Ec(ec_pair(&by_ring::ECDSA_P256_SHA256_FIXED_SIGNING, bytes)?),
        Algorithm::ES384 => Signing::Ec(ec_pair(&by_ring::ECDSA_P384_SHA384_FIXED_SIGNING, bytes)?),
        Algorithm::EdDSA => Signing::Ed(ed_pair(bytes)?),
        Algorithm::RS256 => Signing::Rsa(rsa_pair(bytes)?, &by_ring::RSA_PKCS1_SHA256),
        Algorithm::RS384 => Signing::Rsa(rsa_pair(bytes)?, &by_ring::RSA_PKCS1_SHA384),
        Algorithm::RS512 => Signing::Rsa(rsa_pair(bytes)?, &by_ring::RSA_PKCS1_SHA512),
        Algorithm::PS256 => Signing::Rsa(rsa_pair(bytes)?, &by_ring::RSA_PSS_SHA256),
        Algorithm::PS384 => Signing::Rsa(rsa_pair(bytes)?, &by_ring::RSA_PSS_SHA384),
        Algorithm::PS512 => Signing::Rsa(rsa_pair(bytes)?, &by_ring::RSA_PSS_SHA512),
        _ => return Err(ErrorKind::UnsupportedAlgorithm.into()),
    };
    Ok(RingSigner { algorithm, key })
}

struct RingVerifier {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signed: &Vec<u8>) -> Result<(), signature::Error> {
        let failed = |_| signature::Error::new();
        match self.key.kind() {
            DecodingKeyKind::SecretOrDer(secret) if self.algorithm.family() == AlgorithmFamily::Hmac => {
                hmac::verify(&hmac::Key::new(hash(self.algorithm), secret), message, signed).map_err(failed)
            }
            DecodingKeyKind::SecretOrDer(public) => {
                let how = verification(self.algorithm).ok_or_else(signature::Error::new)?;
                by_ring::UnparsedPublicKey::new(how, public).verify(message, signed).map_err(failed)
            }
            DecodingKeyKind::RsaModulusExponent { n, e } => {
                let how = rsa_parameters(self.algorithm).ok_or_else(signature::Error::new)?;
                by_ring::RsaPublicKeyComponents { n, e }.verify(how, message, signed).map_err(failed)
            }
        }
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

fn verifier_factory(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    if key.family() != algorithm.family() {
        return Err(ErrorKind::InvalidKeyFormat.into());
    }
    Ok(Box::new(RingVerifier { algorithm: *algorithm, key: key.clone() }))
}

/// The hash of an HMAC algorithm; the shortest for all others, which do not ask.
fn hash(algorithm: Algorithm) -> hmac::Algorithm {
    match algorithm {
        Algorithm::HS512 => hmac::HMAC_SHA512,
        Algorithm::HS384 => hmac::HMAC_SHA384,
        _ => hmac::HMAC_SHA256,
    }
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::RS256 => &by_ring::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::RS384 => &by_ring::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::RS512 => &by_ring::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::PS256 => &by_ring::RSA_PSS_2048_8192_SHA256,
        Algorithm::PS384 => &by_ring::RSA_PSS_2048_8192_SHA384,
        Algorithm::PS512 => &by_ring::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

fn verification(algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match algorithm {
        Algorithm::ES256 => &by_ring::ECDSA_P256_SHA256_FIXED,
        Algorithm::ES384 => &by_ring::ECDSA_P384_SHA384_FIXED,
        Algorithm::EdDSA => &by_ring::ED25519,
        rsa => rsa_parameters(rsa)?,
    })
}

fn ec_pair(how: &'static EcdsaSigningAlgorithm, pkcs8: &[u8]) -> Result<EcdsaKeyPair, Error> {
    EcdsaKeyPair::from_pkcs8(how, pkcs8, &SystemRandom::new()).map_err(|_| ErrorKind::InvalidEcdsaKey.into())
}

/// PKCS#8 in either version: what OpenSSL writes does not hold the public key.
fn ed_pair(pkcs8: &[u8]) -> Result<Ed25519KeyPair, Error> {
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| ErrorKind::InvalidEddsaKey.into())
}

/// PKCS#8, or PKCS#1.
fn rsa_pair(der: &[u8]) -> Result<RsaKeyPair, Error> {
    let rejected = |error: ring::error::KeyRejected| ErrorKind::InvalidRsaKey(error.to_string()).into();
    RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der)).map_err(rejected)
}

fn rsa_public_of(der: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(rsa_pair(der)?.public());
    Ok((public.n, public.e))
}

fn ec_public_of(pkcs8: &[u8], algorithm: Algorithm) -> Result<(EllipticCurve, Vec<u8>, Vec<u8>), Error> {
    let (how, curve, half) = match algorithm {
        Algorithm::ES256 => (&by_ring::ECDSA_P256_SHA256_FIXED_SIGNING, EllipticCurve::P256, 32),
        Algorithm::ES384 => (&by_ring::ECDSA_P384_SHA384_FIXED_SIGNING, EllipticCurve::P384, 48),
        _ => return Err(ErrorKind::InvalidEcdsaKey.into()),
    };
    let pair = ec_pair(how, pkcs8)?;
    // An uncompressed point (SEC 1, 2.3.3): 4, then both coordinates.
    match pair.public_key().as_ref() {
        [4, point @ ..] if point.len() == 2 * half => {
            let (x, y) = point.split_at(half);
            Ok((curve, x.to_vec(), y.to_vec()))
        }
        _ => Err(ErrorKind::InvalidEcdsaKey.into()),
    }
}

fn ed_public_of(pkcs8: &[u8], curve: &EllipticCurve) -> Result<Vec<u8>, Error> {
    match curve {
        EllipticCurve::Ed25519 => Ok(ed_pair(pkcs8)?.public_key().as_ref().to_vec()),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "KeyUtils wants it so")]
fn compute_digest(data: &[u8], hash: ThumbprintHash) -> Result<Vec<u8>, Error> {
    let how = match hash {
        ThumbprintHash::SHA256 => &digest::SHA256,
        ThumbprintHash::SHA384 => &digest::SHA384,
        ThumbprintHash::SHA512 => &digest::SHA512,
        _ => return Err(ErrorKind::UnsupportedAlgorithm.into()),
    };
    Ok(digest::digest(how, data).as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{Validation, decode, encode};
    use serde_json::{Value, json};

    /// The payload of RFC 7515, appendices A.1 to A.3.
    const CLAIMS: &str =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

    /// Whether the provider verifies a signature, over the message that is signed, and over one that is not.
    fn verifies(algorithm: Algorithm, key: &DecodingKey, message: &str, signed: &str) -> (bool, bool) {
        let _ = RING.install_default();
        let asked = |message: &str| {
            jsonwebtoken::crypto::verify(signed, message.as_bytes(), key, algorithm)
                .expect("a key of the family")
        };
        (asked(message), asked(&format!("{message}x")))
    }

    #[test]
    fn the_signatures_of_the_rfcs_verify_and_no_others_do() {
        let secret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let secret =
            DecodingKey::from_base64_secret(&format!("{}==", secret.replace('-', "+").replace('_', "/")));
        let rsa = DecodingKey::from_rsa_components(
            "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT\
             -SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS\
             -UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2\
             ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
            "AQAB",
        );
        let ec = DecodingKey::from_ec_components(
            "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        );
        let ed = DecodingKey::from_ed_components("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        let cases = [
            // RFC 7515, A.1.
            (
                Algorithm::HS256,
                secret,
                "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
                CLAIMS,
                "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            ),
            // RFC 7515, A.2.
            (
                Algorithm::RS256,
                rsa,
                "eyJhbGciOiJSUzI1NiJ9",
                CLAIMS,
                "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdb\
                 F9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383\
                 LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWy\
                 wlVmtVrBp0igcN_IoypGlUPQGe77Rw",
            ),
            // RFC 7515, A.3.
            (
                Algorithm::ES256,
                ec,
                "eyJhbGciOiJFUzI1NiJ9",
                CLAIMS,
                "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
            ),
            // RFC 8037, A.4.
            (
                Algorithm::EdDSA,
                ed,
                "eyJhbGciOiJFZERTQSJ9",
                "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
                "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
            ),
        ];
        for (algorithm, key, header, claims, signed) in cases {
            let key = key.expect("a key");
            let message = format!("{header}.{claims}");
            assert_eq!(verifies(algorithm, &key, &message, signed), (true, false), "{algorithm:?}");
        }
    }

    #[test]
    fn what_a_private_key_in_pem_signs_its_public_half_verifies() {
        let _ = RING.install_default();
        for (algorithm, kind) in [
            (Algorithm::ES256, &rcgen::PKCS_ECDSA_P256_SHA256),
            (Algorithm::ES384, &rcgen::PKCS_ECDSA_P384_SHA384),
            (Algorithm::EdDSA, &rcgen::PKCS_ED25519),
        ] {
            let pair = rcgen::KeyPair::generate_for(kind).expect("a key");
            let key = private_key(algorithm, pair.serialize_pem().as_bytes()).expect("it fits");
            let raw = rcgen::PublicKeyData::der_bytes(&pair);
            let public = match algorithm {
                Algorithm::EdDSA => DecodingKey::from_ed_der(raw),
                _ => DecodingKey::from_ec_der(raw),
            };
            signs(algorithm, &key, &public);
            if algorithm != Algorithm::EdDSA {
                let jwk =
                    jsonwebtoken::jwk::Jwk::from_encoding_key(&key, algorithm).expect("its public half");
                signs(algorithm, &key, &DecodingKey::from_jwk(&jwk).expect("a key"));
            }
        }
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            signs(algorithm, &EncodingKey::from_secret(b"agreed"), &DecodingKey::from_secret(b"agreed"));
        }
    }

    #[track_caller]
    fn signs(algorithm: Algorithm, key: &EncodingKey, public: &DecodingKey) {
        let claims = json!({ "sub": "u1" });
        let token = encode(&Header::new(algorithm), &claims, key).expect("the key fits");
        let mut rules = Validation::new(algorithm);
        rules.required_spec_claims.clear();
        assert_eq!(
            decode::<Value>(&token, public, &rules).expect("it verifies").claims,
            claims,
            "{algorithm:?}"
        );
        let own = sign(&Header::new(algorithm), &claims, key).expect("the key fits");
        assert_eq!(
            decode::<Value>(&own, public, &rules).expect("it verifies").claims,
            claims,
            "{algorithm:?}"
        );
        let (message, signed) = token.rsplit_once('.').expect("three parts");
        assert_eq!(verifies(algorithm, public, message, signed), (true, false), "{algorithm:?}");
    }

    #[test]
    fn keys_that_do_not_fit_are_told_apart_and_never_shown() {
        let ec = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key").serialize_pem();
        let sec1 = ec.replace("PRIVATE KEY", "EC PRIVATE KEY");
        for (algorithm, pem, said) in [
            (Algorithm::RS256, "not in pem", "no private key in PEM: "),
            (Algorithm::HS256, &*ec, "HS256 signs with a shared secret"),
            (Algorithm::ES256, &*sec1, "ES256 takes PKCS#8: `openssl pkcs8"),
            (Algorithm::RS256, &*sec1, "RS256 takes PKCS#8 or PKCS#1"),
            (Algorithm::ES384, &*ec, "the key does not match ES384: "),
            (Algorithm::EdDSA, &*ec, "the key does not match EdDSA: "),
            (Algorithm::RS256, &*ec, "the key does not match RS256: "),
        ] {
            let error = private_key(algorithm, pem.as_bytes())
                .map(|_| ())
                .expect_err("it does not match")
                .to_string();
            assert!(error.starts_with(said), "{error}");
            assert!(!error.contains("not in pem"), "{error}");
        }
        let secret = EncodingKey::from_secret(b"agreed");
        assert!((RING.signer_factory)(&Algorithm::ES256, &secret).is_err());
        assert!((RING.verifier_factory)(&Algorithm::ES256, &DecodingKey::from_secret(b"agreed")).is_err());
    }
}
