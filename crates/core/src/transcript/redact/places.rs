//! Forms of a name with a credential other than `"name":"value"`: objects, lists and numbers, header lists and pairs,
//! elements of XML, parts of a form, URLs.

use super::notice::{Noticed, Read, within};
use super::{phrases, request};
use crate::secret::{
    Suspicion, field_suspicion, is_credential_header, is_of_texts, is_plain_words, is_secret_name,
    looks_like_credential,
};
use regex::Regex;
use std::ops::Range;
use std::sync::LazyLock;

/// The maximum of an object or a list that is searched.
const MAX_REGION: usize = 1 << 16;
/// The maximum of addresses in a row; of more, only a part of each is read.
const MAX_ADDRESSES: usize = 64;
const MAX_URL: usize = 512;
/// The head of a part of a form is not longer.
const MAX_HEAD: usize = 204;
/// The attributes of an element are not longer.
const MAX_TAG: usize = 512;
/// A shorter number is a count.
const MIN_DIGITS: usize = 4;

static STRING: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#""((?:[^"\\]|\\.)*)"|[0-9]{4,}"#).ok());
static VALUE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#""(?:value|val|content)"\s*:\s*"((?:[^"\\]|\\.)*)""#).ok());

fn blank(bytes: &[u8], from: usize) -> usize {
    from + bytes[from.min(bytes.len())..].iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// The value of a name whose position is given, if it is not a string, and the end of the examined text.
pub(super) fn at_name(
    text: &str,
    name: &Range<usize>,
    suspicion: Option<Suspicion>,
    read: &mut Read,
) -> (Vec<Noticed>, usize) {
    let bytes = text.as_bytes();
    let own = &text[name.clone()];
    // The text right after the name is read with it.
    let at_once = |found: Option<Noticed>| {
        let to = found.as_ref().and_then(|one| one.span.as_ref()).map_or(name.end, |span| span.end);
        (found.into_iter().collect(), to)
    };
    let quoted = name.start > 0 && bytes[name.start - 1] == b'"' && bytes.get(name.end) == Some(&b'"');
    if quoted {
        let next = blank(bytes, name.end + 1);
        return match bytes.get(next) {
            Some(b':') => (under(text, own, blank(bytes, next + 1), suspicion, read), name.end),
            Some(b',' | b'}') => (listed(text, own, name, next), name.end),
            // A part of a form (RFC 7578): `name="password"`, an empty line, the value.
            _ if text[..name.start - 1].ends_with("name=") => {
                at_once(form(text, own, name.end + 1, suspicion))
            }
            _ => (Vec::new(), name.end),
        };
    }
    at_once(element(text, name, suspicion).or_else(|| phrases::after(text, own, name.end)))
}

/// `<Password>…<`, `<wsse:Password Type="…"><![CDATA[…]]>`
fn element(text: &str, name: &Range<usize>, suspicion: Option<Suspicion>) -> Option<Noticed> {
    const RAW: &str = "<![CDATA[";
    let suspicion = suspicion?;
    let before = text[..name.start].trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == ':');
    let tag = &text[name.end..within(text, name.end, MAX_TAG)];
    let close =
        tag.find(['<', '>']).filter(|at| *at == 0 || tag.starts_with(' ') && !tag[..*at].ends_with('/'))?;
    if !before.ends_with('<') || !tag[close..].starts_with('>') {
        return None;
    }
    let start = name.end + close + 1;
    let (start, end) = match text[start..].strip_prefix(RAW) {
        Some(raw) => (start + RAW.len(), raw.find("]]>").map(|len| start + RAW.len() + len)),
        None => (start, text[start..].find('<').map(|len| start + len)),
    };
    one(text, &text[name.clone()], start..end.unwrap_or(text.len()), Some(suspicion))
}

fn one(text: &str, name: &str, span: Range<usize>, suspicion: Option<Suspicion>) -> Option<Noticed> {
    let value = text.get(span.clone())?.to_owned();
    let is_one = suspicion?.holds(&value) && !value.is_empty();
    is_one.then(|| Noticed { span: Some(span), name: name.to_owned(), value })
}

/// A number, or all strings and long numbers within an object or a list; words of a language say something about it.
fn under(
    text: &str,
    name: &str,
    start: usize,
    suspicion: Option<Suspicion>,
    read: &mut Read,
) -> Vec<Noticed> {
    let bytes = text.as_bytes();
    let plural = name.to_ascii_lowercase().ends_with("tokens");
    let suspicion =
        suspicion.or((plural && bytes.get(start) != Some(&b'"')).then_some(Suspicion::IfItLooksLikeOne));
    let Some(suspicion) = suspicion else { return Vec::new() };
    match bytes.get(start) {
        Some(b'0'..=b'9' | b'-') if matches!(suspicion, Suspicion::Sure | Suspicion::IfItIsACode) => {
            let len =
                bytes[start..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'-').count();
            let is_whole =
                matches!(bytes.get(start + len), None | Some(b',' | b'}' | b']' | b' ' | b'\n' | b'\r'));
            let span = start..start + len;
            if len < MIN_DIGITS || !is_whole {
                return Vec::new();
            }
            vec![Noticed { value: text[span.clone()].to_owned(), span: Some(span), name: name.to_owned() }]
        }
        Some(b'{' | b'[') if suspicion != Suspicion::IfItIsACode && !is_of_texts(name) => {
            // Those inside an examined one need no second search.
            let mut region = None;
            read.region.end_from(start, || region.insert(self::region(text, start)).end);
            let Some(region) = region else { return Vec::new() };
            let Some(strings) = STRING.as_ref() else { return Vec::new() };
            let mut found = Vec::new();
            for hit in strings.captures_iter(&text[region.clone()]) {
                let Some(hit) = hit.get(1).or_else(|| hit.get(0)) else { continue };
                let span = region.start + hit.start()..region.start + hit.end();
                let is_key = bytes.get(blank(bytes, span.end + 1)) == Some(&b':')
                    && bytes.get(span.end) == Some(&b'"');
                let value = hit.as_str();
                let is_one =
                    suspicion.holds(value) && (suspicion != Suspicion::Sure || !is_plain_words(value));
                if !is_key && is_one {
                    found.push(Noticed { value: value.to_owned(), span: Some(span), name: name.to_owned() });
                }
            }
            found
        }
        _ => Vec::new(),
    }
}

/// The region from a bracket to the closing one.
fn region(text: &str, start: usize) -> Range<usize> {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for (at, byte) in text.bytes().enumerate().skip(start).take(MAX_REGION) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => {
                depth -= 1;
                if depth == 0 {
                    return start..at + 1;
                }
            }
            _ => {}
        }
    }
    let mut end = text.len().min(start + MAX_REGION);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    start..end
}

/// `{"name":"Authorization","value":"…"}` in either order, and `["authorization","…"]`.
fn listed(text: &str, name: &str, at: &Range<usize>, next: usize) -> Vec<Noticed> {
    let is_header = is_credential_header(name) || field_suspicion(name) == Some(Suspicion::Sure);
    let bytes = text.as_bytes();
    if !is_header {
        return Vec::new();
    }
    let before = text[..at.start - 1].trim_end();
    let string = |from: usize| {
        (bytes.get(from) == Some(&b'"')).then(|| {
            let mut escaped = false;
            let len = bytes[from + 1..].iter().position(|byte| {
                let is_end = *byte == b'"' && !escaped;
                escaped = *byte == b'\\' && !escaped;
                is_end
            });
            len.map(|len| from + 1..from + 1 + len)
        })?
    };
    let is_entry = before.strip_suffix(':').map(str::trim_end).is_some_and(|before| {
        ["\"name\"", "\"key\"", "\"header\"", "\"field\"", "\"Name\"", "\"k\""]
            .iter()
            .any(|key| before.ends_with(key))
    });
    let span = if is_entry {
        let open = before.rfind('{').unwrap_or(0);
        let close = text[at.end..].find('}').map_or(text.len(), |len| at.end + len + 1);
        let after = VALUE.as_ref().and_then(|value| value.captures(&text[at.end..close]));
        let hit = after.and_then(|hit| hit.get(1).map(|hit| at.end + hit.start()..at.end + hit.end()));
        hit.or_else(|| {
            let hit = VALUE.as_ref()?.captures(&text[open..at.start])?.get(1)?;
            Some(open + hit.start()..open + hit.end())
        })
    } else if bytes.get(next) == Some(&b',')
        && (before.ends_with('[') || before.ends_with(',') && is_credential_header(name))
    {
        // `["password", "publickey"]` are kinds of logins.
        string(blank(bytes, next + 1)).filter(|span| !is_plain_words(&text[span.clone()]))
    } else {
        None
    };
    let Some(span) = span.filter(|span| !span.is_empty()) else { return Vec::new() };
    let value = text[span.clone()].to_owned();
    match request::credentials(name, &value) {
        Some(parts) => parts
            .into_iter()
            .map(|part| Noticed {
                span: part.span.map(|own| span.start + own.start..span.start + own.end),
                ..part
            })
            .collect(),
        None => vec![Noticed { span: Some(span), name: name.to_owned(), value }],
    }
}

fn form(text: &str, name: &str, from: usize, suspicion: Option<Suspicion>) -> Option<Noticed> {
    let head = &text[from..within(text, from, MAX_HEAD)];
    let (start, skip) =
        [("\r\n\r\n", 4), ("\n\n", 2)].iter().find_map(|(end, skip)| head.find(end).map(|at| (at, *skip)))?;
    let start = from + start + skip;
    let end = text[start..].find(['\r', '\n']).map_or(text.len(), |len| start + len);
    one(text, name, start..end, suspicion)
}

/// The URL around these two slashes, `://`: its password, and what its query says under a credential's name.
pub(super) fn in_url_at(text: &str, sign: usize, read: &mut Read) -> (Vec<Noticed>, usize) {
    let is_end = |c: char| {
        c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '\\' | '`' | ')' | ']' | '}' | ',')
    };
    let start =
        text[..sign].rfind(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c)).map_or(0, |at| at + 1);
    let start = (start..=sign).find(|at| text.is_char_boundary(*at));
    // Without a scheme it is not an address.
    let Some(start) = start.filter(|start| text[*start..sign].starts_with(|c: char| c.is_ascii_alphabetic()))
    else {
        return (Vec::new(), sign + 3);
    };
    let addresses = &mut read.addresses;
    let end = read.address.end_from(sign, || {
        let end = text[sign + 3..].find(is_end).map_or(text.len(), |len| sign + 3 + len);
        *addresses = text[sign..end].matches("://").count();
        end
    });
    let end = if *addresses > MAX_ADDRESSES { end.min(within(text, sign + 3, MAX_URL)) } else { end };
    let shift = |own: Range<usize>| start + own.start..start + own.end;
    // Short names mean something else in URLs that are only shown: `code`, `key`, `session`.
    let is_meant = |one: &Noticed| {
        let name = one.name.to_ascii_lowercase();
        is_secret_name(&name)
            || name.ends_with("signature")
            || matches!(name.as_str(), "sig" | "ticket")
            || looks_like_credential(&one.value)
    };
    let own = &text[start..end];
    let found = request::in_url(own).into_iter().filter(is_meant).chain(in_path(own));
    (found.map(|one| Noticed { span: one.span.map(shift), ..one }).collect(), end)
}

/// The secret of an address that is itself a credential: `https://hooks.slack.com/services/…/…/SECRET`,
/// `/api/webhooks/ID/SECRET`, `/botID:SECRET/`.
fn in_path(url: &str) -> Option<Noticed> {
    let path = &url[..url.find(['?', '#']).unwrap_or(url.len())];
    let segment = |part: &str, skip: usize| {
        let start = part.as_ptr() as usize - url.as_ptr() as usize + skip;
        let span = start..start + part.len() - skip;
        let value = url[span.clone()].to_owned();
        looks_like_credential(&value).then(|| Noticed { span: Some(span), name: "webhook".to_owned(), value })
    };
    let is_bot = |part: &&str| {
        part.strip_prefix("bot")
            .and_then(|rest| rest.split_once(':'))
            .is_some_and(|(id, _)| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if let Some(bot) = path.split('/').find(is_bot) {
        return segment(bot, bot.find(':')? + 1);
    }
    let is_hook = path.contains("://hooks.") || path.contains("/webhooks/") || path.contains("/webhook/");
    path.rsplit('/').find(|part| !part.is_empty()).filter(|_| is_hook).and_then(|last| segment(last, 0))
}
