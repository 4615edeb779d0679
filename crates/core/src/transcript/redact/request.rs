//! Credentials in URLs and headers.

use super::notice::Noticed;
use super::views::without_percent;
use crate::secret::{is_credential_header, is_credential_parameter, looks_like_credential};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use std::ops::Range;

/// The credentials in a header whose whole value is one, with their places in it; none for any other header.
pub(super) fn credentials(name: &str, value: &str) -> Option<Vec<Noticed>> {
    let plain = name.to_ascii_lowercase().replace('_', "-");
    let noticed = match plain.as_str() {
        "authorization" | "proxy-authorization" | "proxyauthorization" => authorization(value),
        "cookie" => pairs(value, value.len()),
        "set-cookie" | "setcookie" => pairs(value, value.find(';').unwrap_or(value.len())),
        "sec-websocket-protocol" => subprotocols(value),
        _ if is_credential_header(name) => vec![whole(name, value, 0..value.len())],
        _ => return None,
    };
    Some(noticed.into_iter().filter(|noticed| !noticed.value.contains("{{secret:")).collect())
}

fn whole(name: &str, value: &str, span: Range<usize>) -> Noticed {
    Noticed { name: name.to_ascii_lowercase(), value: value[span.clone()].to_owned(), span: Some(span) }
}

/// `scheme credentials` (RFC 9110, section 11.4); one word is all credentials.
fn authorization(value: &str) -> Vec<Noticed> {
    let Some((scheme, rest)) = value.split_once(' ') else {
        return vec![whole("authorization", value, 0..value.len())];
    };
    let start = scheme.len() + 1 + (rest.len() - rest.trim_start().len());
    let span = start..start + rest.trim().len();
    if !scheme.eq_ignore_ascii_case("basic") {
        return vec![whole("token", value, span)];
    }
    let mut noticed = vec![whole("basic", value, span)];
    let decoded = STANDARD.decode(rest.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some((_, password)) = decoded.as_deref().and_then(|text| text.split_once(':')) {
        noticed.push(Noticed { span: None, name: "password".to_owned(), value: password.to_owned() });
    }
    noticed
}

/// The values of `a=b; c=d`, up to `end`. All of them: which of a site's cookies is the session, only the site knows.
fn pairs(value: &str, end: usize) -> Vec<Noticed> {
    let mut noticed = Vec::new();
    let mut at = 0;
    for pair in value[..end].split(';') {
        if let Some(sign) = pair.find('=') {
            let inner = pair[sign + 1..].trim();
            let start = at + sign + 1 + (pair.len() - sign - 1 - pair[sign + 1..].trim_start().len());
            let inner = inner.trim_matches('"');
            let start = start + usize::from(value[start..].starts_with('"'));
            if !inner.is_empty() {
                noticed.push(whole("cookie", value, start..start + inner.len()));
            }
        }
        at += pair.len() + 1;
    }
    noticed
}

/// Tokens among the subprotocols: `bearer.TOKEN`, `access_token, TOKEN`, or what looks like one by itself.
fn subprotocols(value: &str) -> Vec<Noticed> {
    let marks = ["bearer", "token", "auth", "jwt", "authorization", "access", "apikey", "ticket", "session"];
    let is_mark = |word: &str| {
        let plain: String =
            word.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        marks.iter().any(|mark| plain.ends_with(mark))
    };
    let mut noticed = Vec::new();
    let (mut at, mut after_mark) = (0, false);
    for item in value.split(',') {
        let start = at + item.len() - item.trim_start().len();
        let word = item.trim();
        at += item.len() + 1;
        // The mark itself may contain dots: base64url.bearer.authorization.k8s.io.TOKEN
        let cut = word
            .match_indices(['.', '-', '_', '|', ':'])
            .find(|(cut, _)| is_mark(&word[..*cut]) && looks_or_long(&word[cut + 1..]))
            .map(|(cut, _)| cut + 1);
        let secret = match cut {
            Some(cut) => {
                let rest = word[cut..].trim_start_matches("authorization.").trim_start_matches("k8s.io.");
                Some(word.len() - rest.len())
            }
            None if after_mark || has_long_part(word) => Some(0),
            None => None,
        };
        if let Some(cut) = secret.filter(|cut| *cut < word.len()) {
            noticed.push(whole("token", value, start + cut..start + word.len()));
            let decoded = URL_SAFE_NO_PAD.decode(word[cut..].trim_end_matches('='));
            if let Some(text) = decoded.ok().and_then(|bytes| String::from_utf8(bytes).ok()) {
                if looks_like_credential(&text) {
                    noticed.push(Noticed { span: None, name: "token".to_owned(), value: text });
                }
            }
        }
        after_mark = secret.is_none() && is_mark(word);
    }
    noticed
}

/// Whether a part of a name is no name: `base64.binary.k8s.io` has short ones.
fn has_long_part(word: &str) -> bool {
    word.split(['.', '-']).any(|part| part.len() >= 16 && looks_like_credential(part))
}

fn looks_or_long(word: &str) -> bool {
    looks_like_credential(word) || word.len() >= 24
}

/// The credentials in a URL: the password before the host, and the values of credential names in the query or the
/// fragment.
pub(super) fn in_url(url: &str) -> Vec<Noticed> {
    let mut noticed = Vec::new();
    let decoded = |span: Range<usize>, plus: bool| {
        let text = if plus { url[span].replace('+', " ") } else { url[span].to_owned() };
        String::from_utf8(without_percent(text.as_bytes()).bytes).unwrap_or(text)
    };
    let host = url.find("://").map_or(0, |at| at + 3);
    let path = url[host..].find(['/', '?', '#']).map_or(url.len(), |at| host + at);
    if let Some(at) = url[host..path].rfind('@') {
        let start = url[host..host + at].find(':').map_or(host, |colon| host + colon + 1);
        let span = start..host + at;
        noticed.push(Noticed {
            name: "password".to_owned(),
            value: decoded(span.clone(), false),
            span: Some(span),
        });
    }
    let mut at = url[path..].find(['?', '#']).map_or(url.len(), |mark| path + mark + 1);
    while at < url.len() {
        let end = url[at..].find(['&', ';', '#', '?']).map_or(url.len(), |len| at + len);
        if let Some(sign) = url[at..end].find('=') {
            let name = decoded(at..at + sign, true);
            let span = at + sign + 1..end;
            if is_credential_parameter(&name) && !span.is_empty() {
                noticed.push(Noticed { name, value: decoded(span.clone(), false), span: Some(span) });
            }
        }
        at = end + 1;
    }
    noticed.retain(|noticed| !noticed.value.contains("{{") && !noticed.value.is_empty());
    noticed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(noticed: &[Noticed], text: &str) -> Vec<(String, String)> {
        noticed
            .iter()
            .map(|n| {
                let shown = n.span.clone().map_or("-", |span| &text[span]);
                (shown.to_owned(), n.value.clone())
            })
            .collect()
    }

    fn pair(shown: &str, value: &str) -> (String, String) {
        (shown.to_owned(), value.to_owned())
    }

    #[test]
    fn a_url_hides_its_password_and_its_tokens() {
        let url = "wss://me:p%40ss@host/ws?room=1&access_token=a%2Fb&key=k#id_token=zz";
        let expected = [pair("p%40ss", "p@ss"), pair("a%2Fb", "a/b"), pair("k", "k"), pair("zz", "zz")];
        assert_eq!(values(&in_url(url), url), expected);
        assert_eq!(in_url("ws://host/ws?token={{token}}"), []);
        assert_eq!(in_url("ws://host"), []);
    }

    #[test]
    fn headers_of_credentials_keep_what_is_none() {
        for (name, value, expected) in [
            ("Authorization", "Bearer abc", vec![pair("abc", "abc")]),
            ("Authorization", "abc", vec![pair("abc", "abc")]),
            ("authorization", "Basic dTpwdw==", vec![pair("dTpwdw==", "dTpwdw=="), pair("-", "pw")]),
            ("Cookie", "a=1; sid=\"x y\"", vec![pair("1", "1"), pair("x y", "x y")]),
            ("Set-Cookie", "sid=1; Path=/; HttpOnly", vec![pair("1", "1")]),
            ("X-Api-Key", "k", vec![pair("k", "k")]),
        ] {
            assert_eq!(
                credentials(name, value).map(|n| values(&n, value)),
                Some(expected),
                "{name}: {value}"
            );
        }
        assert_eq!(credentials("Host", "x"), None);
    }

    #[test]
    fn subprotocols_hide_tokens_and_keep_protocols() {
        for (value, expected) in [
            ("chat, bearer.tok-9f8a7b6c5d4e", vec!["tok-9f8a7b6c5d4e"]),
            ("access_token, abc", vec!["abc"]),
            ("graphql-transport-ws, v12.stomp, mqtt", vec![]),
            ("actioncable-v1-json, actioncable-unsupported", vec![]),
            ("wamp.2.msgpack, wamp.2.json.batched, ocpp2.0.1", vec![]),
            (
                "base64url.bearer.authorization.k8s.io.ZXlKaGJHY2lPaUo5, base64.binary.k8s.io",
                vec!["ZXlKaGJHY2lPaUo5"],
            ),
        ] {
            let noticed = credentials("Sec-WebSocket-Protocol", value).expect("its own header");
            let shown: Vec<&str> =
                noticed.iter().filter_map(|n| n.span.clone()).map(|span| &value[span]).collect();
            assert_eq!(shown, expected, "{value}");
        }
    }
}
