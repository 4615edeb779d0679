//! Names whose values are credentials: of fields, headers and query parameters.

use super::looks::{is_code, looks_like_credential};

/// Whether the value of a key with this name is secret: `password`, `refresh_token`, `apiKey`; not `token_type`, and
/// not the `progressToken` with which MCP links a notification to its request.
pub fn is_secret_name(name: &str) -> bool {
    let plain = plain(name);
    if plain == "progresstoken" {
        return false;
    }
    let within =
        ["password", "passwd", "passphrase", "secret", "apikey", "credential", "privatekey", "cookie"];
    let whole = ["pass", "pwd", "pin", "otp", "jwt", "sessionid", "sid", "bearer"];
    plain.ends_with("token")
        || whole.contains(&plain.as_str())
        || within.iter().any(|part| plain.contains(part))
}

/// The degree to which a name marks its value as a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suspicion {
    /// It is one: `password`, `access_token`, `api_key`.
    Sure,
    /// It is one if it looks like one: `token` is also what language models stream.
    IfItLooksLikeOne,
    /// It is one if it is a text of digits: `pin` is also a pin of a board, or on a map.
    IfItIsACode,
    /// It is one if it is a text of many hexadecimal digits.
    IfItIsHex,
}

impl Suspicion {
    /// Whether a text under such a name is a credential.
    pub fn holds(self, value: &str) -> bool {
        match self {
            Suspicion::Sure => true,
            Suspicion::IfItLooksLikeOne => looks_like_credential(value),
            Suspicion::IfItIsACode => is_code(value),
            Suspicion::IfItIsHex => value.len() >= 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit()),
        }
    }
}

/// Whether only a text under this name is a credential, and never the contents of an object or a list.
pub fn is_of_texts(name: &str) -> bool {
    matches!(plain(name).as_str(), "auth" | "authentication" | "ticket" | "signature")
}

/// The suspicion for a field of this name in a message. Names of pages and cursors are not credentials:
/// `next_page_token`.
pub fn field_suspicion(name: &str) -> Option<Suspicion> {
    let plain = plain(name);
    let sure_within = ["password", "passwd", "passphrase", "passcode", "apikey", "privatekey", "credential"];
    let sure_whole = [
        "accesstoken",
        "refreshtoken",
        "idtoken",
        "authtoken",
        "sessiontoken",
        "bearertoken",
        "csrftoken",
        "authorization",
        "proxyauthorization",
        "setcookie",
        "cookie",
        "clientsecret",
        "secret",
        "secretkey",
        "accesskey",
        "secretaccesskey",
        "sharedaccesskey",
        "accountkey",
        "signingkey",
        "encryptionkey",
        "codeverifier",
        "samlresponse",
        "recoverycode",
        "recoverycodes",
        "backupcode",
        "backupcodes",
        "pwd",
        "pass",
        "secrets",
        "xamzsignature",
        "xgoogsignature",
        "mnemonic",
        "seedphrase",
    ];
    let never =
        ["page", "pagina", "next", "continu", "cursor", "cancel", "sync", "prev", "progress", "resume"];
    // A name with a dash that only headers have; `session-id` is also an ordinary id of a session.
    let is_header = name.contains('-') && is_credential_header(name) && !is_secret_name(name);
    if is_header && (plain.starts_with('x') || !plain.ends_with("sessionid")) {
        return Some(Suspicion::Sure);
    }
    if sure_whole.contains(&plain.as_str())
        || plain.ends_with("secretaccesskey")
        || sure_within.iter().any(|part| plain.contains(part))
    {
        return Some(Suspicion::Sure);
    }
    let is_token = plain.ends_with("token") && !never.iter().any(|part| plain.contains(part));
    let is_secret = plain.ends_with("secret");
    if ["pin", "pincode", "otp", "otpcode", "totp"].contains(&plain.as_str()) {
        return Some(Suspicion::IfItIsACode);
    }
    // The signature of a request is hexadecimal; functions and model messages have signatures, too.
    if plain == "signature" {
        return Some(Suspicion::IfItIsHex);
    }
    let is_whole =
        ["jwt", "bearer", "auth", "authentication", "ticket", "devicecode"].contains(&plain.as_str());
    (is_token || is_secret || is_whole).then_some(Suspicion::IfItLooksLikeOne)
}

/// Whether the whole value of a header with this name is a credential.
pub fn is_credential_header(name: &str) -> bool {
    let plain = plain(name);
    let whole = ["authorization", "proxyauthorization", "cookie", "setcookie"];
    // MCP's session id is used beside a token ("MUST NOT use sessions for authentication": Model Context Protocol,
    // security best practices), and it distinguishes answers.
    if plain == "mcpsessionid" {
        return false;
    }
    whole.contains(&plain.as_str())
        || (is_secret_name(name) && !plain.starts_with("secwebsocket"))
        || (plain.ends_with("key") && plain.starts_with('x'))
        || ["signature", "assertion", "sessionid", "sessiontoken"].iter().any(|end| plain.ends_with(end))
        || (plain.ends_with("auth") && plain.starts_with('x'))
        || plain.ends_with("subscriptionkey")
}

/// Whether a query parameter with this name is a credential. Names are shorter there than elsewhere.
pub fn is_credential_parameter(name: &str) -> bool {
    let whole = ["key", "auth", "ticket", "sig", "signature", "code", "session", "access", "authorization"];
    is_secret_name(name) || whole.contains(&plain(name).as_str()) || plain(name).ends_with("signature")
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_and_their_neighbours_are_not() {
        for name in
            ["password", "refresh_token", "accessToken", "api-key", "client_secret", "sessionId", "pin"]
        {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["token_type", "expires_in", "shipping", "user", "id", "pinned", "progressToken"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn a_field_is_suspected_by_its_name() {
        for name in ["password", "newPassword", "access_token", "X-API-Key", "clientSecret", "Authorization"]
        {
            assert_eq!(field_suspicion(name), Some(Suspicion::Sure), "{name}");
        }
        for name in ["token", "deviceToken", "jwt", "webhook_secret"] {
            assert_eq!(field_suspicion(name), Some(Suspicion::IfItLooksLikeOne), "{name}");
        }
        for name in ["pin", "otp", "otp_code", "TOTP"] {
            assert_eq!(field_suspicion(name), Some(Suspicion::IfItIsACode), "{name}");
        }
        for name in ["AWS_SECRET_ACCESS_KEY", "AccountKey", "code_verifier", "backup_codes", "SAMLResponse"] {
            assert_eq!(field_suspicion(name), Some(Suspicion::Sure), "{name}");
        }
        for name in [
            "cookie-consent",
            "chat-session-id",
            "secret-santa",
            "pinned",
            "author",
            "tickets",
            "tokens",
            "max_tokens",
            "token_type",
            "next_page_token",
            "progressToken",
            "secretary",
            "SharedAccessKeyName",
            "publicKey",
            "primary_key",
            "backup",
            "error_codes",
            "verifier",
            "call_id",
            "type",
        ] {
            assert_eq!(field_suspicion(name), None, "{name}");
        }
    }

    #[test]
    fn headers_and_parameters_of_credentials_are_known() {
        for name in
            ["Authorization", "Set-Cookie", "X-Api-Key", "x-auth-token", "X-Goog-Api-Key", "X-Hub-Signature"]
        {
            assert!(is_credential_header(name), "{name}");
        }
        for name in ["Sec-WebSocket-Key", "Sec-WebSocket-Accept", "Host", "Date", "Origin"] {
            assert!(!is_credential_header(name), "{name}");
        }
        assert!(is_credential_parameter("ticket") && !is_credential_parameter("room"));
    }
}
