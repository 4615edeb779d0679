//! Unknown credentials, recognised by their form or by the name before them.
//!
//! A scan for a few parts of names decides, for nearly every frame at the speed of memory, that there is nothing.
//! Only around such a part is the text parsed: `"access_token":"…"`, also within a JSON text in a JSON string,
//! `password=…` and `Authorization: …`.

use super::request::credentials;
use super::rules::Rules;
use super::views::without_json_escapes;
use super::{issued, phrases, places};
use crate::secret::{Suspicion, field_suspicion, is_credential_header, is_plain_words};
use aho_corasick::{AhoCorasick, MatchKind, packed};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::ops::Range;
use std::sync::LazyLock;

/// A credential in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Noticed {
    /// The span in bytes; none for derived values, such as the password within `Basic …`.
    pub(super) span: Option<Range<usize>>,
    /// The name for its label.
    pub(super) name: String,
    /// The value itself, escapes undone.
    pub(super) value: String,
}

impl Noticed {
    /// Whether the value is hidden everywhere from now on. A short or plain word is hidden in this place only: it would
    /// be found in many others by chance.
    pub(super) fn is_unmistakable(&self) -> bool {
        self.value.len() >= 8 && (self.value.len() >= 20 || !is_plain_words(&self.value))
    }
}

/// The beginning of a JSON object in base64, and pieces of the names that `field_suspicion` knows. The first letter is
/// left out: it may be upper case in the middle of a name. Together with the names below and
/// the beginnings of keys there are 64 of them: the vector instructions take no more at once.
const PIECES: [&str; 33] = [
    "eyJ",
    "oken",
    "OKEN",
    "assw",
    "ASSW",
    "assphrase",
    "ASSPHRASE",
    "asscode",
    "pwd",
    "PWD",
    "ecret",
    "ECRET",
    "_key",
    "-key",
    "Key",
    "pikey",
    "_KEY",
    "ession-",
    "ssertion",
    "uthorization",
    "erifier",
    "evice_code",
    "ecovery",
    "ackup",
    "AMLResponse",
    "ookie",
    "redential",
    "ignature",
    "nemonic",
    "uthentication\"",
    "curl ",
    phrases::PEM,
    "://",
];
/// Names whose pieces would be too common: looked for as a whole.
const WHOLE: [&str; 12] = [
    "jwt",
    "JWT",
    "earer",
    "AUTHORIZATION",
    "\"pass\"",
    "-auth\"",
    "-Auth\"",
    "\"auth\"",
    "\"pin",
    "\"otp",
    "Pwd=",
    "ticket\"",
];

/// The places to examine.
#[derive(Debug, Clone)]
pub(super) enum Hints {
    /// The usual pieces, by vector instructions, where the processor has them.
    Packed(packed::Searcher),
    /// Any pieces.
    Automaton(AhoCorasick),
}

impl Hints {
    pub(super) fn new(rules: &Rules) -> Hints {
        let has_own = rules.fields().next().is_some();
        let mut pieces: Vec<&str> = usual().collect();
        pieces.extend(rules.fields());
        Hints::of(&pieces, has_own)
    }

    fn of(pieces: &[&str], has_own: bool) -> Hints {
        let packed = || packed::Config::new().builder().extend(pieces).build();
        if let Some(packed) = (!has_own).then(packed).flatten() {
            return Hints::Packed(packed);
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .ascii_case_insensitive(has_own)
            .build(pieces);
        // A few dozen short words always fit.
        Hints::Automaton(automaton.unwrap_or_else(|_| AhoCorasick::new(WHOLE).expect("a dozen words fit")))
    }

    fn find_in(&self, text: &str, mut each: impl FnMut(Range<usize>)) {
        match self {
            Hints::Packed(packed) => packed.find_iter(text).for_each(|hint| each(hint.start()..hint.end())),
            Hints::Automaton(automaton) => automaton.find_iter(text).for_each(|hint| each(hint.range())),
        }
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        match self {
            Hints::Packed(packed) => packed.find(bytes).is_some(),
            Hints::Automaton(automaton) => automaton.is_match(bytes),
        }
    }
}

/// The built-in parts of names.
fn usual() -> impl Iterator<Item = &'static str> {
    PIECES.into_iter().chain(WHOLE).chain(issued::begins())
}

/// Whether bytes that are no text have a piece of a credential's name. Names contain no quotes.
pub(super) fn in_bytes(bytes: &[u8]) -> bool {
    static NAMES: LazyLock<Hints> = LazyLock::new(|| {
        let bare: Vec<&str> = usual().map(|piece| piece.trim_matches(['"', '=', ' '])).collect();
        Hints::of(&bare, false)
    });
    NAMES.is_in(bytes)
}

/// The reliability of a name alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// `token` may hold a word of a stream, so its value has to look like a credential.
    Careful,
    /// This is where clients put credentials.
    Eager,
}

/// The end of the examined text for forms without an end of their own: an address, a command, a value without quotes.
/// Otherwise a message of only names would be read to its end for each of them, in quadratic time.
#[derive(Debug, Default)]
pub(super) struct Read {
    assigned: Run,
    encoded: Run,
    line: Run,
    command: Run,
    word: Run,
    pub(super) address: Run,
    /// The number of addresses in the latest run of them.
    pub(super) addresses: usize,
    /// Objects and lists that were looked through.
    pub(super) region: Run,
}

/// A piece of a text in which nothing ends what began before it.
#[derive(Debug, Default)]
pub(super) struct Run(Range<usize>);

impl Run {
    /// The end of a form that begins here: that of the previous form if it has not ended yet.
    pub(super) fn end_from(&mut self, from: usize, find: impl FnOnce() -> usize) -> usize {
        if !self.0.contains(&from) {
            self.0 = from..find();
        }
        self.0.end
    }
}

/// The credentials in a text.
pub(super) fn notice(text: &str, hints: &Hints, rules: &Rules, trust: Trust) -> Vec<Noticed> {
    let mut found = Vec::new();
    let mut read = Read::default();
    let mut read_to = 0;
    hints.find_in(text, |hint| {
        if hint.start < read_to {
            return;
        }
        let Range { start, end } = hint;
        let own = &text[start..end];
        // The quotes of a name are not part of it.
        let hint = start + usize::from(own.starts_with('"'))..end - usize::from(own.ends_with(['"', '=']));
        if own == phrases::PEM {
            let key = phrases::pem_at(text, start);
            read_to = key.as_ref().and_then(|key| key.span.as_ref()).map_or(end, |span| span.end);
            found.extend(key);
        } else if own == "curl " {
            let mut command = None;
            read.command.end_from(start, || {
                let (parts, to) = phrases::curl_at(text, start);
                command = Some(parts);
                to
            });
            found.extend(command.into_iter().flatten());
        } else if own == "://" {
            let (urls, end) = places::in_url_at(text, start, &mut read);
            // Names in its query may be those of fields.
            read_to = if urls.is_empty() { read_to } else { end };
            found.extend(urls);
        } else if let Some(span) = issued::at(text, hint.start) {
            read_to = span.end;
            let value = text[span.clone()].to_owned();
            found.push(Noticed { name: issued::NAME.to_owned(), value, span: Some(span) });
        } else if own.starts_with("eyJ") {
            if let Some(span) = jwt_at(text, start, &mut read) {
                read_to = span.end;
                let value = text[span.clone()].to_owned();
                found.push(Noticed { name: "jwt".to_owned(), value, span: Some(span) });
            }
        } else if let Some(part) = beside(text, &hint) {
            read_to = hint.end;
            found.push(part);
        } else if let Some(field) = field_at(text, hint.clone(), &mut read) {
            let before = found.len();
            field.judge(text, rules, trust, &mut found);
            // A completely redacted text need not be searched.
            read_to = if found.len() > before { field.value.end } else { field.name.end };
        } else {
            let name = name_at(text.as_bytes(), &hint);
            let suspicion = rules.suspicion(&text[name.clone()]);
            read_to = name.end;
            if suspicion.is_some() || !rules.keeps(&text[name.clone()]) {
                let (own, to) = places::at_name(text, &name, suspicion, &mut read);
                read_to = to;
                found.extend(own);
            }
        }
    });
    found.retain(|one: &Noticed| {
        !one.value.contains("{{secret:") && one.value.contains(char::is_alphanumeric)
    });
    found
}

/// A credential beside its name instead of under it.
fn beside(text: &str, hint: &Range<usize>) -> Option<Noticed> {
    let name = name_at(text.as_bytes(), hint);
    match &text[hint.clone()] {
        "ignature" => phrases::shared_access(text, &name),
        "uthorization" => phrases::granted(text, &name),
        _ => None,
    }
}

/// The header of a token is not longer.
const MAX_HEAD: usize = 1 << 13;

/// A token that starts here: a base64url JSON object with `alg` (RFC 7515, section 4.1.1), a dot, and at least two more
/// parts, of which the last may be empty; five for an encrypted one.
fn jwt_at(text: &str, start: usize, read: &mut Read) -> Option<Range<usize>> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let find = || text[start..].find(|c| !is_part(c)).map_or(text.len(), |len| start + len);
    // A sentence may end after it.
    let end = read.word.end_from(start, find);
    let head = &text[start..text[start..end.min(start + MAX_HEAD)].find('.').map(|len| start + len)?];
    let mut parts = text[start + head.len() + 1..end].split('.');
    let body = parts.next()?;
    parts.next()?;
    let has_alg = || {
        let head: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head).ok()?).ok()?;
        head.get("alg").map(|_| ())
    };
    let looks = head.len() >= 10 && body.starts_with("eyJ") && body.len() >= 10;
    (looks || has_alg().is_some()).then_some(start..end)
}

/// A name and its value, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    name: Range<usize>,
    /// The escaped value.
    value: Range<usize>,
    style: Style,
}

/// The form of a name and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// `"name":"value"`, its quotes escaped so many times.
    Quoted { level: u32 },
    /// `name=value`
    Assigned,
    /// `name: value`
    Line,
}

/// The name that has this piece in it.
fn name_at(bytes: &[u8], piece: &Range<usize>) -> Range<usize> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let mut start =
        bytes[..piece.start].iter().rposition(|byte| !is_name(byte)).map_or(0, |before| before + 1);
    // The line break of a JSON string is not part of the following name.
    let is_escaped = start > 0 && bytes[start - 1] == b'\\' && matches!(bytes[start], b'n' | b'r' | b't');
    start += usize::from(is_escaped && start < piece.start);
    let end =
        bytes[piece.end..].iter().position(|byte| !is_name(byte)).map_or(bytes.len(), |len| piece.end + len);
    start..end
}

/// The field whose name has this piece in it.
fn field_at(text: &str, piece: Range<usize>, read: &mut Read) -> Option<Field> {
    let bytes = text.as_bytes();
    let Range { start, end } = name_at(bytes, &piece);
    let name = start..end;
    let blank =
        |from: usize| from + bytes[from..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let slashes = bytes[end..].iter().take_while(|byte| **byte == b'\\').count();
    let quote = *bytes.get(end + slashes).unwrap_or(&b' ');
    let before = &bytes[..start];
    if matches!(quote, b'"' | b'\'') && before.last() == Some(&quote) {
        let own = before[..start - 1].iter().rev().take_while(|byte| **byte == b'\\').count();
        if own != slashes {
            return None;
        }
        let colon = json_blank(bytes, end + slashes + 1);
        if !matches!(bytes.get(colon), Some(b':')) && !bytes[colon..].starts_with(b"=>") {
            return None;
        }
        let open = json_blank(bytes, colon + if bytes[colon] == b':' { 1 } else { 2 });
        let has_slashes = bytes.get(open..open + slashes)?.iter().all(|byte| *byte == b'\\');
        if !has_slashes || bytes.get(open + slashes) != Some(&quote) {
            return None;
        }
        let from = open + slashes + 1;
        let to = closing(bytes, from, quote, slashes)?;
        let level = (slashes + 1).ilog2();
        return Some(Field { name, value: from..to, style: Style::Quoted { level } });
    }
    let sign = blank(end);
    let after = &bytes[sign..];
    if after.starts_with(b"=") || after.starts_with(b"%3D") || after.starts_with(b"%3d") {
        let mut from = blank(sign + if after[0] == b'=' { 1 } else { 3 });
        let open = bytes.get(from).filter(|byte| matches!(byte, b'"' | b'\''));
        from += usize::from(open.is_some());
        let quoted = open.and_then(|quote| assigned(bytes, from, *quote));
        let ends = |at: usize| {
            matches!(
                bytes[at],
                b'&' | b';' | b'"' | b'\'' | b'<' | b'>' | b'\\' | b',' | b')' | b'}' | b']' | b'#' | b'`'
            ) || bytes[at].is_ascii_whitespace()
                // In a form, an ampersand of the value is escaped; in a form within a form, the one between fields.
                || after[0] == b'%' && bytes[at..].starts_with(b"%26")
        };
        let run = if after[0] == b'%' { &mut read.encoded } else { &mut read.assigned };
        let find = || (from..bytes.len()).find(|at| ends(*at)).unwrap_or(bytes.len());
        let to = quoted.unwrap_or_else(|| run.end_from(from, find));
        return (to > from).then_some(Field { name, value: from..to, style: Style::Assigned });
    }
    let is_header = is_credential_header(&text[name.clone()]);
    let starts_a_word = before.last().is_none_or(|byte| {
        byte.is_ascii_whitespace()
            || is_header && matches!(byte, b'\'' | b'"' | b'`' | b'(' | b'\\' | b'n' | b'r' | b't')
    });
    if after.starts_with(b":") && starts_a_word {
        let from = blank(sign + 1);
        // An argument, as in GraphQL and programs: `password: "…"`.
        let slashes = bytes[from..].iter().take_while(|byte| **byte == b'\\').count();
        if bytes.get(from + slashes) == Some(&b'"') && slashes <= 1 {
            // A block string of GraphQL has three quotes at both ends.
            let mark = if slashes == 0 { "\"\"\"" } else { "\\\"\\\"\\\"" };
            if let Some(block) = text[from..].strip_prefix(mark) {
                let open = from + mark.len();
                let to = open + block.find(mark)?;
                return (to > open).then_some(Field { name, value: open..to, style: Style::Assigned });
            }
            let open = from + slashes + 1;
            let to = closing(bytes, open, b'"', slashes)?;
            return (to > open).then_some(Field { name, value: open..to, style: Style::Assigned });
        }
        let ends = |byte: &u8| matches!(byte, b'\r' | b'\n' | b'"' | b'\'' | b'\\' | b'`' | b'<');
        let find = || bytes[from..].iter().position(ends).map_or(bytes.len(), |len| from + len);
        let to = read.line.end_from(from, find);
        return (to > from).then_some(Field { name, value: from..to, style: Style::Line });
    }
    None
}

/// The number of bytes that show whether a value looks like a credential.
const MAX_JUDGED: usize = 1024;

/// The end of a text, or of so many bytes from a place in it, between two characters.
pub(super) fn within(text: &str, from: usize, most: usize) -> usize {
    let mut end = text.len().min(from.saturating_add(most));
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

/// The end of a value in quotes, as in TOML and shells: it may contain spaces, as `Bearer …` does. None if the quote
/// may be the end of a JSON string or inside one: the following text then belongs to another value.
fn assigned(bytes: &[u8], from: usize, quote: u8) -> Option<usize> {
    let is_end = |byte: &u8| matches!(byte, b',' | b':' | b'}' | b']') || byte.is_ascii_whitespace();
    if bytes.get(from).is_none_or(is_end) {
        return None;
    }
    let to = closing(bytes, from, quote, 0)?;
    let is_other =
        |byte: &u8| matches!(byte, b'\r' | b'\n') || quote == b'\'' && matches!(byte, b'"' | b'\\');
    (!bytes[from..to].iter().any(is_other)).then_some(to)
}

fn json_blank(bytes: &[u8], from: usize) -> usize {
    from + bytes[from.min(bytes.len())..].iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// The closing quote of a string. At the outermost level it follows an even number of backslashes; within a string
/// within a string, 1, 5, 9, …; and so on.
fn closing(bytes: &[u8], from: usize, quote: u8, slashes: usize) -> Option<usize> {
    let mut run = 0;
    for (at, byte) in bytes.iter().enumerate().skip(from) {
        if *byte == quote && run >= slashes && (run - slashes).is_multiple_of(2 * (slashes + 1)) {
            return Some(at - slashes);
        }
        run = if *byte == b'\\' { run + 1 } else { 0 };
    }
    None
}

/// Whether only white space precedes a position on its line or in its string, as in configurations and unlike in
/// sentences.
fn begins_line(before: &str) -> bool {
    let before = before.trim_end_matches([' ', '\t', '-']);
    before.is_empty() || before.ends_with(['\n', '\r', '"', '\'']) || before.ends_with("\\n")
}

impl Field {
    /// The value with its escapes undone.
    fn decoded(&self, text: &str) -> String {
        let mut value = text[self.value.clone()].as_bytes().to_vec();
        let times = match self.style {
            Style::Quoted { level } => level + 1,
            Style::Assigned | Style::Line => 0,
        };
        for _ in 0..times {
            value = without_json_escapes(&value).bytes;
        }
        if self.style == Style::Assigned {
            value = super::views::without_percent(&value).bytes;
        }
        String::from_utf8(value).unwrap_or_else(|_| text[self.value.clone()].to_owned())
    }

    fn judge(&self, text: &str, rules: &Rules, trust: Trust, found: &mut Vec<Noticed>) {
        // Like options of commands.
        let name = text[self.name.clone()].trim_start_matches('-');
        let Some(suspicion) = rules.suspicion(name) else { return };
        let raw = &text[self.value.clone()];
        let is_one = match suspicion {
            // `I forgot my password: it was long`, `login(password: string): void`
            Suspicion::Sure => {
                self.style != Style::Line
                    || is_credential_header(name) && !name.to_ascii_lowercase().contains("password")
                    || begins_line(&text[..self.name.start])
                    || !phrases::is_said(raw)
            }
            _ if self.style == Style::Line => false,
            Suspicion::IfItLooksLikeOne if trust == Trust::Eager => true,
            suspicion if raw.len() > MAX_JUDGED => suspicion.holds(&raw[..within(raw, 0, MAX_JUDGED)]),
            suspicion => suspicion.holds(&self.decoded(text)),
        };
        if !is_one {
            return;
        }
        if self.style == Style::Line {
            found.extend(phrases::digest(text, self.value.start));
        }
        let value = self.decoded(text);
        let exact = value == text[self.value.clone()];
        let Some(parts) = credentials(name, &value) else {
            found.push(Noticed { span: Some(self.value.clone()), name: name.to_owned(), value });
            return;
        };
        if exact {
            let shift = |span: Range<usize>| self.value.start + span.start..self.value.start + span.end;
            found.extend(parts.into_iter().map(|part| Noticed { span: part.span.map(shift), ..part }));
        } else {
            let inner = parts.into_iter().filter(|part| part.value != value);
            found.extend(inner.map(|part| Noticed { span: None, ..part }));
            found.push(Noticed { span: Some(self.value.clone()), name: name.to_owned(), value });
        }
    }
}

/// The result of `field_suspicion` for a name, unless the project has its own rule.
impl Rules {
    pub(super) fn suspicion(&self, name: &str) -> Option<Suspicion> {
        if self.keeps(name) {
            None
        } else if self.fields().any(|own| own.eq_ignore_ascii_case(name)) {
            Some(Suspicion::Sure)
        } else {
            field_suspicion(name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str, trust: Trust) -> Vec<(String, String)> {
        let rules = Rules::default();
        let noticed = notice(text, &Hints::new(&rules), &rules, trust);
        noticed.into_iter().map(|noticed| (noticed.name, noticed.value)).collect()
    }

    #[test]
    fn what_is_looked_for_fits_into_vector_instructions() {
        assert!(PIECES.len() + WHOLE.len() + issued::begins().count() <= 64);
    }

    #[test]
    fn a_credential_is_noticed_by_its_name_however_it_is_written() {
        for (text, name, value) in [
            ("AccountName=ada;AccountKey=Zm9v+/YmFy==;Suffix=x", "AccountKey", "Zm9v+/YmFy=="),
            ("SharedAccessKeyName=Root;SharedAccessKey=Zm9vYmFy=", "SharedAccessKey", "Zm9vYmFy="),
            (r#"{"code_verifier":"dBjftJeZ4CVP-mB92K27uhb"}"#, "code_verifier", "dBjftJeZ4CVP-mB92K27uhb"),
            (r#"{"backup_codes":["ab12-cd34"]}"#, "backup_codes", "ab12-cd34"),
            ("grant_type=authorization_code&code=Splx%2FO&state=s1", "code", "Splx%2FO"),
            (r#"{"code":"Splx-lOB","grant_type": "authorization_code"}"#, "code", "Splx-lOB"),
            (r#"{"b":"{\"grant_type\":\"authorization_code\",\"code\":\"Splx\"}"}"#, "code", "Splx"),
            ("SharedAccessSignature=sr=hub&sig=f%2Bc%3D&se=17", "sig", "f%2Bc%3D"),
            (r#"{"cbs":"SharedAccessSignature sr=hub&se=17&sig=f%2Bc%3D"}"#, "sig", "f%2Bc%3D"),
            ("mutation { login(password: \"\"\"ab \"c\"\"\"\") }", "password", "ab \"c"),
            (r#"{"query":"{ login(password: \"\"\"abcd\"\"\") }"}"#, "password", "abcd"),
            (r#"{"recoveryCode":"ab12-cd34"}"#, "recoveryCode", "ab12-cd34"),
            (r#"{"a":{"password" : "hun\u0074er2"}}"#, "password", "hunter2"),
            (r#"{"body":"{\"refresh_token\":\"a\\\"b\\\\\"}"}"#, "refresh_token", "a\"b\\"),
            ("{'api_key': 'abc123'}", "api_key", "abc123"),
            ("GET /x?access_token=ab%2Fc&y=1", "access_token", "ab/c"),
            ("connect: password = 'abcd' failed", "password", "abcd"),
            (r#"send = { authorization = "Bearer abcd", id = "1" }"#, "token", "abcd"),
            ("login --password='two words' ada", "password", "two words"),
            (r#"{"a":"password='abcd","b":"it's"}"#, "password", "abcd"),
            (r#"{"token":"tok_9f8a7b6c5d4e"}"#, "token", "tok_9f8a7b6c5d4e"),
            ("Authorization: Bearer abcd\r\nHost: x", "token", "abcd"),
        ] {
            assert_eq!(seen(text, Trust::Careful), [(name.to_owned(), value.to_owned())], "{text}");
        }
    }

    /// Vector instructions take 64 pieces at most; with more, each frame is read several times slower.
    #[test]
    fn the_usual_pieces_are_few_enough_for_vector_instructions() {
        assert!(PIECES.len() + WHOLE.len() + issued::begins().count() <= 64);
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            assert!(matches!(Hints::new(&Rules::default()), Hints::Packed(_)));
        }
    }

    #[test]
    fn words_of_a_stream_and_numbers_of_tokens_are_no_credentials() {
        for text in [
            r#"{"type":"token","text":"hello"}"#,
            r#"{"token":" internationalization"}"#,
            r#"{"max_tokens":"100000000000","next_page_token":"CAUQAA9f8a7b6c5d"}"#,
            r#"{"password":{"min":8},"secret":true}"#,
            "the token: see 9f8a7b6c5d4e3f2a",
            r#"{"password":"{{secret:password#1}}"}"#,
            r#"["password=",5,"x"]"#,
        ] {
            assert_eq!(seen(text, Trust::Careful), [], "{text}");
        }
        assert_eq!(seen(r#"{"token":"abcd"}"#, Trust::Eager).len(), 1);
    }

    #[test]
    fn an_unfinished_text_ends_the_reading_without_harm() {
        for text in [
            "\"password\"",
            "\"password\":",
            "\"password\":\"",
            "password=",
            "token",
            "\\\"token\\\":\\",
            "eyJ",
        ] {
            assert_eq!(seen(text, Trust::Eager), [], "{text}");
        }
    }
}
