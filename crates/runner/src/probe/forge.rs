//! Bad tokens, made from a good one.
//!
//! The cases are those that broke real servers and those of RFC 8725 (*JSON Web Token Best Current Practices*). A
//! correctly signed token with wrong claims needs the key; without it, such a case is skipped.

use crate::auth::{Algorithm, claims_of, mint};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use goldwire_core::secret::Secret;
use serde_json::{Map, Value, json};

/// What bad tokens are made of.
pub(super) struct Material<'m> {
    /// A token that the server accepts.
    pub(super) good: &'m str,
    /// One that the same login gave for another purpose.
    pub(super) refresh: Option<&'m str>,
    /// The claim that says whose token it is, usually `sub`.
    pub(super) subject: &'m str,
    /// Whom another user's token names there.
    pub(super) other_subject: Option<&'m Value>,
    /// What signs the server's tokens: algorithm, key, key id.
    pub(super) key: Option<(Algorithm, &'m Secret, Option<&'m str>)>,
    /// The server's public key in PEM.
    pub(super) public_key: Option<&'m str>,
    /// Seconds since 1970.
    pub(super) now: i64,
    /// An unknown word.
    pub(super) random: &'m str,
}

/// A bad token; none means no token at all. Or why there is none.
pub(super) type Forged = Result<Option<String>, String>;

const NO_JWT: &str = "the token is not a JWT";
const NO_PUBLIC_KEY: &str = "needs the server's public key: `public_key_file`";
const NO_KEY: &str = "needs the key that signs tokens: `[probe.auth.sign]`";

/// Every bad token by the name of its case.
pub(super) fn all(material: &Material<'_>) -> Vec<(String, Forged)> {
    let mut cases: Vec<(String, Forged)> = Vec::new();
    let mut add = |name: &str, forged: Forged| cases.push((name.to_owned(), forged));
    add("no-token", Ok(None));
    add("empty", Ok(Some(String::new())));
    add("garbage", Ok(Some(format!("garbage-{}", material.random))));
    let disconnect = material.good.len() - material.good.len().min(8);
    let truncated = material.good.get(..disconnect).filter(|text| !text.is_empty());
    add(
        "truncated",
        truncated.map(|text| Some(text.to_owned())).ok_or_else(|| "the token is too short".into()),
    );
    let refresh = material.refresh.map(|token| Some(token.to_owned()));
    add(
        "refresh-as-access",
        refresh.ok_or_else(|| "the login gives no refresh token: `secret = { refresh_token = … }`".into()),
    );
    let Some((header, claims)) = claims_of(material.good) else {
        let rest = ["wrong-signature", "foreign-key", "alg-none", "alg-confusion", "tampered-sub", "expired"];
        rest.iter().for_each(|name| add(name, Err(NO_JWT.to_owned())));
        return cases;
    };
    let parts: Vec<&str> = material.good.split('.').collect();
    // A server that accepts an unsigned token must not refuse it only because it has expired meanwhile.
    let claims = match claims.get("exp") {
        Some(_) => with(&claims, "exp", Some(Value::from(material.now + 3600))),
        None => claims,
    };
    add("wrong-signature", Ok(Some(format!("{}.{}.{}", parts[0], parts[1], flipped(parts[2])))));
    let stranger = Secret::new(format!("not the key {}", material.random));
    add("foreign-key", signed(Algorithm::Hs256, &stranger, None, &claims));
    for alg in ["none", "None", "NONE", "nOnE"] {
        let name = if alg == "none" { "alg-none".to_owned() } else { format!("alg-none ({alg})") };
        add(&name, Ok(Some(format!("{}.{}.", part(&json!({ "alg": alg, "typ": "JWT" })), part(&claims)))));
    }
    let mut stripped = header.clone();
    stripped["alg"] = Value::from("none");
    let kept = format!("{}.{}.{}", part(&stripped), part(&claims), parts[2]);
    add("alg-none (with a signature)", Ok(Some(kept)));
    add(
        "alg-confusion",
        match material.public_key {
            Some(pem) => signed(Algorithm::Hs256, &Secret::new(pem), None, &claims),
            None => Err(NO_PUBLIC_KEY.to_owned()),
        },
    );
    // The bytes of the secret depend on how the server reads the file.
    add(
        "alg-confusion (without the last line's end)",
        match material.public_key {
            Some(pem) => signed(Algorithm::Hs256, &Secret::new(pem.trim_end()), None, &claims),
            None => Err(NO_PUBLIC_KEY.to_owned()),
        },
    );
    let other = material.other_subject.cloned().unwrap_or_else(|| Value::from("somebody-else"));
    let tampered = with(&claims, material.subject, Some(other));
    add("tampered-sub", Ok(Some(format!("{}.{}.{}", parts[0], part(&tampered), parts[2]))));
    for (name, claims) in wrong_claims(&claims, material.subject, material.now) {
        let forged = match material.key {
            Some((algorithm, key, kid)) => signed(algorithm, key, kid, &claims),
            None => Err(NO_KEY.to_owned()),
        };
        add(&name, forged);
    }
    cases
}

/// Claims that a rightly signed token must not make.
fn wrong_claims(claims: &Value, subject: &str, now: i64) -> Vec<(String, Value)> {
    let times = |iat: i64, nbf: i64, exp: i64| {
        let mut all = claims.clone();
        for (name, time) in [("iat", iat), ("nbf", nbf), ("exp", exp)] {
            if name == "exp" || claims.get(name).is_some() {
                all[name] = Value::from(time);
            }
        }
        all
    };
    let mut cases = vec![
        ("expired".to_owned(), times(now - 3600, now - 3600, now - 60)),
        ("expired (a second ago)".to_owned(), times(now - 3600, now - 3600, now - 1)),
        (
            "not-yet-valid".to_owned(),
            with(&times(now, now, now + 7200), "nbf", Some(Value::from(now + 3600))),
        ),
    ];
    for (claim, name) in [("iss", "wrong-issuer"), ("aud", "wrong-audience")] {
        if claims.get(claim).is_some() {
            cases.push((name.to_owned(), with(claims, claim, Some(Value::from("somebody-else")))));
        }
    }
    for claim in [subject, "exp", "iss", "aud"] {
        if claims.get(claim).is_some() {
            cases.push((format!("missing-{claim}"), with(claims, claim, None)));
        }
    }
    cases
}

fn with(claims: &Value, name: &str, value: Option<Value>) -> Value {
    let mut map: Map<String, Value> = claims.as_object().cloned().unwrap_or_default();
    match value {
        Some(value) => map.insert(name.to_owned(), value),
        None => map.remove(name),
    };
    Value::Object(map)
}

fn signed(algorithm: Algorithm, key: &Secret, kid: Option<&str>, claims: &Value) -> Forged {
    match mint(algorithm, key, kid, claims) {
        Ok(token) => Ok(Some(token.expose().to_owned())),
        Err(error) => Err(error.to_string()),
    }
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A signature with one bit turned, of the same length.
fn flipped(signature: &str) -> String {
    match URL_SAFE_NO_PAD.decode(signature) {
        Ok(mut bytes) if !bytes.is_empty() => {
            bytes[0] ^= 1;
            URL_SAFE_NO_PAD.encode(bytes)
        }
        _ => "AAAA".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{DecodingKey, Validation, decode};

    fn forge(key: bool) -> (String, Vec<(String, Forged)>) {
        let secret = Secret::new("the server's own secret");
        let claims = json!({ "sub": "usr_1", "iss": "me", "aud": "me", "iat": 1_000, "nbf": 1_000, "exp": 9_000_000_000i64 });
        let good = mint(Algorithm::Hs256, &secret, None, &claims).expect("a token").expose().to_owned();
        let other = Value::from("usr_2");
        let material = Material {
            good: &good,
            refresh: Some("a refresh token"),
            subject: "sub",
            other_subject: Some(&other),
            key: key.then_some((Algorithm::Hs256, &secret, None)),
            public_key: Some("-----BEGIN PUBLIC KEY-----"),
            now: 2_000,
            random: "x7",
        };
        let cases = all(&material);
        (good, cases)
    }

    /// A verifier as careful as the library lets it be, at second 2,000.
    fn is_accepted(token: &str) -> bool {
        let _ = goldwire_jwt::RING.install_default();
        let mut validation = Validation::new(jsonwebtoken::Algorithm::HS256);
        validation.validate_exp = false;
        validation.set_issuer(&["me"]);
        validation.set_audience(&["me"]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let key = DecodingKey::from_secret(b"the server's own secret");
        decode::<Value>(token, &key, &validation).is_ok_and(|read| {
            let time = |name: &str| read.claims[name].as_i64();
            time("exp").is_some_and(|exp| exp > 2_000)
                && time("nbf").is_none_or(|nbf| nbf <= 2_000)
                && read.claims["sub"].is_string()
        })
    }

    #[test]
    fn every_forged_token_differs_from_the_good_one_and_a_careful_verifier_refuses_it() {
        let (good, cases) = forge(true);
        assert!(is_accepted(&good));
        assert!(cases.len() >= 20, "{}", cases.len());
        for (name, forged) in &cases {
            if let Some(token) = forged.as_ref().unwrap_or_else(|why| panic!("{name}: {why}")) {
                assert!(*token != good && !is_accepted(token), "{name}");
            }
        }
    }

    #[test]
    fn without_the_key_only_what_needs_it_is_left_out() {
        let (_, cases) = forge(false);
        let left: Vec<&str> =
            cases.iter().filter(|(_, forged)| forged.is_err()).map(|(name, _)| name.as_str()).collect();
        let wanted = [
            "expired",
            "expired (a second ago)",
            "not-yet-valid",
            "wrong-issuer",
            "wrong-audience",
            "missing-sub",
            "missing-exp",
            "missing-iss",
            "missing-aud",
        ];
        assert_eq!(left, wanted);
    }

    #[test]
    fn a_token_that_is_no_jwt_is_only_broken() {
        let material = Material {
            good: "0123456789abcdef",
            refresh: None,
            subject: "sub",
            other_subject: None,
            key: None,
            public_key: None,
            now: 0,
            random: "x",
        };
        let asked: Vec<String> =
            all(&material).into_iter().filter(|(_, forged)| forged.is_ok()).map(|(name, _)| name).collect();
        assert_eq!(asked, ["no-token", "empty", "garbage", "truncated"]);
    }
}
