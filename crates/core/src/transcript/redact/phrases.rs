//! Credentials in text for a shell, a database or a mail: `curl -u ada:…`, `PASSWORD '…'`, a netrc, a key in PEM, the
//! response of a digest.

use super::notice::{Noticed, within};
use super::request;
use crate::secret::is_plain_words;
use regex::Regex;
use std::ops::Range;
use std::sync::LazyLock;

/// The prefix of a PEM block (RFC 7468).
pub(super) const PEM: &str = "-----BEGIN ";
/// The maximum of bytes after a word of a statement, or after the scheme of a header.
const MAX_WORDS: usize = 1024;
/// The number of words in a row that form a sentence.
const MAX_SAID: usize = 16;

/// After the quote or blank that begins it: the user of `curl`, or its cookies.
static CURL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(?:\s(?:-u|--user|-U|--proxy-user)[ =]?\\?["']?[^\s:"'\\]+:([^\s"'\\]+))"#,
        r#"|(?:\s(?:-b|--cookie)[ =]\\?["']([^"'\\]+))"#
    ))
    .ok()
});
static DIGEST: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"^(?i:digest)\s[^\r\n]*?\bresponse=\\*"?([0-9A-Fa-f]{16,128})"#).ok());
static QUOTED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(?:\s+(?:IS|TO|=))?\s+'((?:[^'\r\n]|'')+)'").ok());
/// The code of an OAuth grant, as a field of JSON (also within a string of JSON) or of a form (RFC 6749, section 4.1.3).
static CODE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\bcode(?:\\*"\s*:\s*\\*"([^"\\]+)|=([^&\s"'\\<>]+))"#).ok());
/// The signature of a shared access signature of Azure, which is a form of its own.
static SHARED_ACCESS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"^[= ](?:[^\s"'\\;<>]*&)?sig=([^&\s"'\\;<>]+)"#).ok());
static NETRC: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"^[ \t]+([^\s"\\]+)"#).ok());

fn piece(text: &str, span: Range<usize>, name: &str) -> Noticed {
    Noticed { value: text[span.clone()].to_owned(), span: Some(span), name: name.to_owned() }
}

/// The private key that begins here, without its frame; one without an end goes to the end of its string.
pub(super) fn pem_at(text: &str, start: usize) -> Option<Noticed> {
    let rest = &text[start + PEM.len()..];
    let title = rest.find("-----").filter(|end| *end < 40 && rest[..*end].ends_with("PRIVATE KEY"))?;
    let from = start + PEM.len() + title + "-----".len();
    let body = &text[from..];
    let end = body.find("-----END").or_else(|| body.find('"')).unwrap_or(body.len());
    // The line breaks of a JSON string are not part of the key.
    let is_blank = |c: char| c.is_whitespace();
    let trimmed = body[..end].trim_matches(is_blank);
    let trimmed = trimmed.strip_prefix("\\r").unwrap_or(trimmed);
    let trimmed = trimmed.strip_prefix("\\n").unwrap_or(trimmed);
    let from = from + (trimmed.as_ptr() as usize - body.as_ptr() as usize);
    (!trimmed.is_empty()).then(|| piece(text, from..from + trimmed.len(), "private_key"))
}

/// The password and the cookies of a command that begins here, and how far it was read.
pub(super) fn curl_at(text: &str, start: usize) -> (Vec<Noticed>, usize) {
    let end = text[start..].find(['\r', '\n']).map_or(text.len(), |len| start + len);
    let mut found = Vec::new();
    for hit in CURL.iter().flat_map(|curl| curl.captures_iter(&text[start..end])) {
        let at = |span: Range<usize>| start + span.start..start + span.end;
        if let Some(password) = hit.get(1) {
            found.push(piece(text, at(password.range()), "password"));
        }
        if let Some(cookies) = hit.get(2) {
            let cookies = at(cookies.range());
            let parts = request::credentials("cookie", &text[cookies.clone()]).unwrap_or_default();
            let shift = |span: Range<usize>| cookies.start + span.start..cookies.start + span.end;
            found.extend(parts.into_iter().map(|part| Noticed { span: part.span.map(shift), ..part }));
        }
    }
    (found, end)
}

/// The value after the word `password` without an assignment: in SQL a text in quotes, in a netrc the next word.
pub(super) fn after(text: &str, name: &str, end: usize) -> Option<Noticed> {
    if !name.eq_ignore_ascii_case("password") {
        return None;
    }
    let before = &text[..end - name.len()];
    let is_netrc = || {
        let mut words = before.split_whitespace().rev();
        words.next().is_some() && words.next() == Some("login")
    };
    let is_sql = || {
        let is_one = |word: &str| ["USER", "ROLE", "LOGIN"].iter().any(|own| word.eq_ignore_ascii_case(own));
        before.split_whitespace().rev().take(8).any(is_one)
    };
    let rest = &text[end..within(text, end, MAX_WORDS)];
    let quoted = QUOTED.as_ref().filter(|_| is_sql()).and_then(|quoted| quoted.captures(rest));
    let word = || NETRC.as_ref().filter(|_| is_netrc()).and_then(|word| word.captures(rest));
    let hit = quoted.or_else(word)?.get(1)?;
    Some(piece(text, end + hit.start()..end + hit.end(), "password"))
}

/// The code that a client exchanges for tokens, beside `grant_type=authorization_code`, whose value ends here.
pub(super) fn granted(text: &str, value: &Range<usize>) -> Option<Noticed> {
    let kind = &text[value.clone()];
    let before = text[..value.start].trim_end_matches(['"', '\'', '\\', ':', '=', ' ']);
    if kind != "authorization_code" || !before.ends_with("grant_type") {
        return None;
    }
    let mut from = value.start.saturating_sub(MAX_WORDS);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let around = &text[from..within(text, value.end, MAX_WORDS)];
    let hit = CODE.as_ref()?.captures(around)?;
    let code = hit.get(1).or_else(|| hit.get(2))?;
    Some(piece(text, from + code.start()..from + code.end(), "code"))
}

/// The signature behind the name `SharedAccessSignature`, which ends here.
pub(super) fn shared_access(text: &str, name: &Range<usize>) -> Option<Noticed> {
    if !text[name.clone()].ends_with("SharedAccessSignature") {
        return None;
    }
    let rest = &text[name.end..within(text, name.end, MAX_WORDS)];
    let hit = SHARED_ACCESS.as_ref()?.captures(rest)?.get(1)?;
    Some(piece(text, name.end + hit.start()..name.end + hit.end(), "sig"))
}

/// The response of a digest (RFC 7616, section 3.4): a short password can be guessed from it.
pub(super) fn digest(text: &str, from: usize) -> Option<Noticed> {
    let hit = DIGEST.as_ref()?.captures(&text[from..within(text, from, MAX_WORDS)])?.get(1)?;
    Some(piece(text, from + hit.start()..from + hit.end(), "response"))
}

/// Whether what follows `password:` are words about one: more than one, and all of a language.
pub(super) fn is_said(value: &str) -> bool {
    let mut words = value
        .split_whitespace()
        .take(MAX_SAID)
        .map(|word| word.trim_matches(|c: char| c.is_ascii_punctuation()));
    value.split_whitespace().nth(1).is_some() && words.all(is_plain_words)
}

#[cfg(test)]
mod tests {
    use super::super::Redactor;

    #[test]
    fn commands_and_statements_keep_all_but_their_credentials() {
        for (text, clean) in [
            (
                "<password><![CDATA[hunter-22x]]></password>",
                "<password><![CDATA[{{secret:password#1}}]]></password>",
            ),
            (
                "{\"headers\":{\"Ocp-Apim-Subscription-Key\":\"hunter-22x\",\"Sec-WebSocket-Key\":\"dGhl\"}}",
                "{\"headers\":{\"Ocp-Apim-Subscription-Key\":\"{{secret:ocp-apim-subscription-key#1}}\",\"Sec-WebSocket-Key\":\"dGhl\"}}",
            ),
            (
                "{\"X-Session-Id\":\"hunter-22x\",\"mcp-session-id\":\"8f14e45fceea\"}",
                "{\"X-Session-Id\":\"{{secret:x-session-id#1}}\",\"mcp-session-id\":\"8f14e45fceea\"}",
            ),
            ("curl -u ada:hunter-22x https://x", "curl -u ada:{{secret:password#1}} https://x"),
            (
                "post to https://hooks.slack.com/services/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 now",
                "post to https://hooks.slack.com/services/T024BE7LD/B024BE7LF/{{secret:webhook#1}} now",
            ),
            (
                "https://api.telegram.org/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendMessage",
                "https://api.telegram.org/bot110201543:{{secret:webhook#1}}/sendMessage",
            ),
            ("curl -s --user 'ada:hunter-22x' x", "curl -s --user 'ada:{{secret:password#1}}' x"),
            ("curl --cookie \"sessionid=hunter-22x\" x", "curl --cookie \"sessionid={{secret:cookie#1}}\" x"),
            (
                "ALTER USER ada WITH PASSWORD 'hunter-22x';",
                "ALTER USER ada WITH PASSWORD '{{secret:password#1}}';",
            ),
            ("machine h login ada password hunter-22x", "machine h login ada password {{secret:password#1}}"),
            ("Server=h;Uid=sa;Pwd=hunter-22x;", "Server=h;Uid=sa;Pwd={{secret:pwd#1}};"),
            (
                "{\"key\":\"-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANB\\nxyz\\n-----END PRIVATE KEY-----\\n\"}",
                "{\"key\":\"-----BEGIN PRIVATE KEY-----\\n{{secret:private_key#1}}-----END PRIVATE KEY-----\\n\"}",
            ),
            (
                "<wsse:Password Type=\"x#PasswordText\">hunter-22x</wsse:Password>",
                "<wsse:Password Type=\"x#PasswordText\">{{secret:Password#1}}</wsse:Password>",
            ),
            (
                "user=ada&password=x%C3%A9yJKsdf%26%3CB3qX2i4Lj&r=1",
                "user=ada&password={{secret:password#1}}&r=1",
            ),
            (
                "Authorization: Digest username=\"ada\", response=\"6629fae49393a05397450978507c4ef1\", opaque=\"o\"",
                "Authorization: Digest {{secret:token#1}}\"ada\", response=\"{{secret:response#1}}\", opaque=\"o\"",
            ),
        ] {
            assert_eq!(Redactor::default().clean(text), clean);
        }
    }

    #[test]
    fn what_is_only_said_of_credentials_stays() {
        for text in [
            "{\"grant_types_supported\":[\"authorization_code\"],\"code\":\"E_BUSY\"}",
            "the SharedAccessSignature of a queue; sig=none",
            "I forgot my password: it was long",
            "login(user: string, password: string): void",
            "{\"auth_methods\":[\"password\",\"publickey\"]}",
            "{\"password_required\":true,\"pin\":7,\"otp_length\":6,\"auth\":\"ok\",\"ticket\":\"Dear support\"}",
            "{\"signature\":\"fn open(path: &str) -> File\"}",
            "{\"signature\":\"EqoBCkgIARABGAIiQL2UoU0b1OHYi+yCHpBY7U6FQW8/FcoLewocJQPa2HnmLM+NECy50y44F/kD4SULFXi57buI9fAvyBwtyjlOiO0SDE3+r3spdg6PLOo9PBoMma2ku5OTAoR46j9VIjDRlvNmBvff7YW4WI9oU8XagaOBSxLPxElrhyuxppEn7m6bfT40dqBSTDrfiw4FYB4qEPETTI6TA6wtjGAAqmFqKTo=\"}",
            "type your password 'quickly'",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
            "curl https://example.test/a:b",
        ] {
            assert_eq!(Redactor::default().clean(text), text);
        }
    }
}
