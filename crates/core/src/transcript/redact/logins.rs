//! The credentials in the login messages of the supported protocols, and of some that look like text.
//!
//! ```text
//! NATS      CONNECT {"pass":"…","auth_token":"…","nkey":"…","sig":"…","jwt":"…"}
//! STOMP     CONNECT⏎passcode:…
//! IRC       PASS …   OPER name …   AUTHENTICATE …   PRIVMSG NickServ :IDENTIFY …
//! Redis     AUTH …   and the same as *2 $4 AUTH $8 …
//! XMPP      <auth mechanism='PLAIN'>…</auth>   <response>…</response>   and what the server answers of SCRAM:
//!           <challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>…</challenge>   <success xmlns=…>…</success>
//! MQTT      CONNECT with the flag of a password (MQTT 5.0, section 3.1.2.9)
//! aria2     {"params":["token:…"]}
//! IMAP      a1 LOGIN ada "…"
//! Redis     HELLO 3 AUTH ada …
//! WAMP      [5,"…",{}]
//! DDP       {"msg":"method","method":"login","params":[{"resume":"…"}]}
//! ```

use super::notice::Noticed;
use crate::codec::varint;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;
use std::ops::Range;
use std::sync::LazyLock;

fn regex(pattern: &str) -> Option<Regex> {
    // They are written here, and a test makes each of them.
    Regex::new(pattern).ok()
}

static NATS: LazyLock<Option<Regex>> =
    LazyLock::new(|| regex(r#""(pass|auth_token|nkey|sig|jwt|password)"\s*:\s*"((?:[^"\\]|\\.)+)""#));
static STOMP: LazyLock<Option<Regex>> = LazyLock::new(|| regex(r"(?m)^(passcode|password):([^\r\n\x00]+)"));
static LINES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(concat!(
        r"(?im)^(?::\S+ )?(?:(PASS|AUTH) (?:[^\s:]\S* )?:?(\S+)",
        r"|(OPER) \S+ :?(\S+)",
        r"|HELLO \d+ (AUTH) \S+ (\S+)(?: SETNAME \S+)?",
        r#"|(?-i:[A-Za-z]{0,4}\d{1,6} (LOGIN)) (?:"[^"]*"|\S+) "?([^\s"]+)"?"#,
        r"|(AUTHENTICATE) ([A-Za-z0-9+/=]{8,})",
        r"|PRIVMSG NickServ :(IDENTIFY) (?:\S+ )?(\S+))[ \t]*\r?$"
    ))
});
static RESP: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(r"(?i)^\*[23]\r\n\$4\r\n(AUTH)\r\n(?:\$\d+\r\n[^\r\n]*\r\n)?\$\d+\r\n([^\r\n]+)\r\n")
});
static SASL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(r"<(?:\w+:)?(auth|response|initial-response)(?:\s[^>]*)?>\s*([A-Za-z0-9+/=]{4,})\s*</")
});
/// The server's half: with salt and signature a password can be guessed at leisure (RFC 5802, section 9). Such elements mean that
/// only in the namespaces of SASL.
static SASL_ANSWER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(concat!(
        r"<(?:\w+:)?(challenge|success)\s[^>]*urn:(?:ietf:params:xml:ns:xmpp-sasl|xmpp:sasl:2)[^>]*>",
        r"\s*(?:<additional-data[^>]*>\s*)?([A-Za-z0-9+/=]{4,})\s*</"
    ))
});
/// AUTHENTICATE of WAMP: its signature, and an object.
static WAMP: LazyLock<Option<Regex>> =
    LazyLock::new(|| regex(r#"^\[\s*(5)\s*,\s*"((?:[^"\\]|\\.){6,})"\s*,\s*\{[^{}]*\}\s*\]\s*$"#));
static DDP: LazyLock<Option<Regex>> = LazyLock::new(|| regex(r#""(resume)"\s*:\s*"((?:[^"\\]|\\.){12,})""#));
static RPC: LazyLock<Option<Regex>> = LazyLock::new(|| regex(r#""(token):((?:[^"\\]|\\.)+)""#));

/// SASL mechanisms, which may be at the place of a credential.
const MECHANISMS: [&str; 3] = ["PLAIN", "EXTERNAL", "ANONYMOUS"];

/// The credentials in a text.
pub(super) fn in_text(text: &str) -> Vec<Noticed> {
    let mut found = Vec::new();
    let pattern = match text.as_bytes() {
        [b'C', ..] if text.starts_with("CONNECT {") || text.starts_with("CONNECT\t{") => &NATS,
        [b'C' | b'S', ..]
            if ["CONNECT\n", "CONNECT\r", "STOMP\n", "STOMP\r"].iter().any(|s| text.starts_with(s)) =>
        {
            &STOMP
        }
        [b'*', b'2' | b'3', b'\r', ..] => &RESP,
        [b'<', ..] if SASL_ANSWER.as_ref().is_some_and(|pattern| pattern.is_match(text)) => &SASL_ANSWER,
        [b'<', ..] => &SASL,
        [b'{' | b'[', ..] if memchr::memmem::find(text.as_bytes(), b"\"token:").is_some() => &RPC,
        [b'[', b'5', b',', ..] => &WAMP,
        [b'{', ..] if is_ddp_login(text) => &DDP,
        [b'a'..=b'z' | b'A'..=b'Z' | b':', ..] if text.len() < MAX_LINES => &LINES,
        _ => return found,
    };
    for captures in pattern.iter().flat_map(|pattern| pattern.captures_iter(text)) {
        let mut groups = captures.iter().skip(1).flatten();
        let (Some(name), Some(value)) = (groups.next(), groups.next()) else { continue };
        let is_mechanism = MECHANISMS.contains(&value.as_str()) || value.as_str().starts_with("SCRAM-");
        if is_mechanism || value.as_str().contains("{{") {
            continue;
        }
        let name = match name.as_str().to_ascii_lowercase().as_str() {
            "pass" | "passcode" | "password" | "auth" | "oper" | "identify" | "login" => {
                "password".to_owned()
            }
            "5" => "signature".to_owned(),
            "response" | "initial-response" | "authenticate" | "challenge" | "success" => "sasl".to_owned(),
            other => other.to_owned(),
        };
        found.push(Noticed { span: Some(value.range()), name, value: value.as_str().to_owned() });
        found.extend(plain(value.as_str()));
    }
    found
}

/// Whether this is the method `login` of Meteor's protocol.
fn is_ddp_login(text: &str) -> bool {
    text.len() < MAX_LINES && text.contains("\"method\":\"login\"") && text.contains("\"resume\"")
}

/// A longer text is no login of lines.
const MAX_LINES: usize = 4096;

/// The password in what SASL PLAIN says, `[authzid] NUL authcid NUL passwd` (RFC 4616), in base64.
fn plain(value: &str) -> Option<Noticed> {
    let text = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
    let mut parts = text.split('\0');
    let (_, _, password) = (parts.next()?, parts.next()?, parts.next()?);
    Some(Noticed { span: None, name: "password".to_owned(), value: password.to_owned() })
}

/// The position of an MQTT CONNECT's password in a packet, in bytes.
pub(super) fn mqtt_password(bytes: &[u8]) -> Option<Range<usize>> {
    if bytes.first() != Some(&0x10) {
        return None;
    }
    let mut at = 1 + varint::read(&bytes[1..], 4)?.1;
    let field = |at: usize| -> Option<Range<usize>> {
        let len = u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?);
        let range = at + 2..at + 2 + usize::from(len);
        (range.end <= bytes.len()).then_some(range)
    };
    let name = field(at)?;
    if !matches!(&bytes[name.clone()], b"MQTT" | b"MQIsdp") {
        return None;
    }
    let (version, flags) = (*bytes.get(name.end)?, *bytes.get(name.end + 1)?);
    // The keep-alive takes two bytes.
    at = name.end + 4;
    let properties = |at: usize| -> Option<usize> {
        let (length, own) = varint::read(bytes.get(at..)?, 4)?;
        Some(at + own + usize::try_from(length).ok()?)
    };
    if version == 5 {
        at = properties(at)?;
    }
    at = field(at)?.end;
    if flags & 0x04 != 0 {
        if version == 5 {
            at = properties(at)?;
        }
        at = field(at)?.end;
        at = field(at)?.end;
    }
    if flags & 0x80 != 0 {
        at = field(at)?.end;
    }
    if flags & 0x40 == 0 {
        return None;
    }
    field(at).filter(|range| !range.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::Redactor;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_protocols_login_hides_its_credential_and_nothing_else() {
        assert!(
            [&NATS, &STOMP, &LINES, &RESP, &SASL, &SASL_ANSWER, &RPC, &WAMP, &DDP]
                .iter()
                .all(|regex| regex.is_some())
        );
        let sasl = STANDARD.encode("\0ada\0hunter-22x");
        for (text, secret, kept) in [
            ("CONNECT {\"user\":\"ada\",\"pass\":\"hunter-22x\"}\r\n".to_owned(), "hunter-22x", "ada"),
            ("CONNECT {\"nkey\":\"UAKEY77\",\"sig\":\"c2ln-77\"}\r\n".to_owned(), "c2ln-77", "CONNECT"),
            ("CONNECT\nlogin:ada\npasscode:hunter-22x\n\n\0".to_owned(), "hunter-22x", "login:ada"),
            ("NICK ada\r\nPASS hunter-22x\r\n".to_owned(), "hunter-22x", "NICK ada"),
            ("OPER ada hunter-22x".to_owned(), "hunter-22x", "OPER ada"),
            ("PRIVMSG NickServ :IDENTIFY ada hunter-22x".to_owned(), "hunter-22x", "NickServ"),
            (format!("AUTHENTICATE {sasl}\r\n"), &sasl, "AUTHENTICATE"),
            ("AUTH default hunter-22x\r\n".to_owned(), "hunter-22x", "AUTH"),
            ("HELLO 3 AUTH ada hunter-22x SETNAME n\r\n".to_owned(), "hunter-22x", "SETNAME n"),
            ("a1 LOGIN ada \"hunter-22x\"\r\n".to_owned(), "hunter-22x", "LOGIN ada"),
            ("[5,\"hunter-22x\",{}]".to_owned(), "hunter-22x", "[5,"),
            (
                "{\"msg\":\"method\",\"method\":\"login\",\"params\":[{\"resume\":\"hunter-22x-y\"}]}"
                    .to_owned(),
                "hunter-22x",
                "method",
            ),
            ("*2\r\n$4\r\nAUTH\r\n$10\r\nhunter-22x\r\n".to_owned(), "hunter-22x", "AUTH"),
            (format!("<auth xmlns='urn:x' mechanism='PLAIN'>{sasl}</auth>"), &sasl, "PLAIN"),
            (
                format!("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{sasl}</challenge>"),
                &sasl,
                "challenge",
            ),
            (format!("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{sasl}</success>"), &sasl, "success"),
            (
                "{\"method\":\"aria2.addUri\",\"params\":[\"token:hunter-22x\",[]]}".to_owned(),
                "hunter-22x",
                "addUri",
            ),
        ] {
            let redactor = Redactor::default();
            let clean = redactor.clean(&text).into_owned();
            assert!(
                !clean.contains(secret) && clean.contains(kept) && clean.contains("{{secret:"),
                "{clean}"
            );
            assert!(redactor.leftovers(&clean).is_empty(), "{clean}");
            let recorded = serde_json::json!({ "text": text }).to_string();
            assert!(!Redactor::default().leftovers(&recorded).is_empty(), "{text}");
        }
        for text in [
            "AUTHENTICATE PLAIN\r\n",
            "AUTHENTICATE +",
            "PASSING by",
            "<message><body>aGVsbG8h</body></message>",
            "<success>true</success>",
            "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        ] {
            assert_eq!(Redactor::default().clean(text), text);
        }
    }

    fn connect(version: u8, flags: u8, fields: &[&[u8]]) -> Vec<u8> {
        let mut body = b"\0\x04MQTT".to_vec();
        body.extend([version, flags, 0, 30]);
        if version == 5 {
            body.push(0);
        }
        for field in fields {
            body.extend(u16::try_from(field.len()).expect("short").to_be_bytes());
            body.extend(*field);
        }
        let mut packet = vec![0x10, u8::try_from(body.len()).expect("short")];
        packet.extend(body);
        packet
    }

    #[test]
    fn the_password_of_mqtt_is_found_behind_whatever_stands_before_it() {
        let password = |packet: &[u8]| mqtt_password(packet).map(|range| packet[range].to_vec());
        let secret = b"hunter-22x".to_vec();
        assert_eq!(password(&connect(4, 0xC2, &[b"id", b"ada", &secret])), Some(secret.clone()));
        assert_eq!(password(&connect(5, 0xC2, &[b"id", b"ada", &secret])), Some(secret.clone()));
        assert_eq!(
            password(&connect(4, 0xC6, &[b"id", b"topic", b"will", b"ada", &secret])),
            Some(secret.clone())
        );
        assert_eq!(password(&connect(4, 0x82, &[b"id", b"ada"])), None);
        let clean =
            Redactor::default().clean_bytes(&connect(4, 0xC2, &[b"id", b"ada", &secret])).into_owned();
        let text = String::from_utf8_lossy(&clean).into_owned();
        assert!(
            text.contains("ada") && text.contains("{{secret:password#1}}") && !text.contains("hunter"),
            "{text}"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_stumble(bytes in proptest::collection::vec(any::<u8>(), 0..60), text in "\\PC{0,60}") {
            let mut packet = b"\x10\x20\0\x04MQTT\x05\xC6".to_vec();
            packet.extend(&bytes);
            if let Some(range) = mqtt_password(&packet) {
                prop_assert!(range.end <= packet.len());
            }
            mqtt_password(&bytes);
            in_text(&text);
        }
    }
}
