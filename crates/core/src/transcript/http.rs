//! HTTP exchanges as frames: which text is a request or the head of an answer, and what stands in it.
//!
//! A session over HTTP is recorded as it was on the wire, the coding of its transfer undone. `conn` numbers its requests,
//! from 0:
//!
//! ```text
//! {"t":9,"dir":">","text":"POST /chat HTTP/1.1\r\nHost: …\r\n\r\n{\"text\":\"…\"}"}      a request, whole
//! {"t":20,"dir":"<","text":"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"}   the head of its answer
//! {"t":31,"dir":"<","text":"event: token\ndata: {\"text\":\"About\"}\n\n"}                 a block of its stream
//! {"t":48,"dir":"<","close":{"code":1000}}                                                 its end
//! ```
//!
//! An answer that is no stream of messages is one frame, text or bytes; of JSON texts, one a line, each line is a frame. A `close` of the client's is a request that it gave
//! up; `gone` is an answer that was broken off.

use std::ops::Range;

/// A request or the head of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head<'t> {
    /// The first line: `POST /chat HTTP/1.1`, `HTTP/1.1 200 OK`.
    pub(crate) line: &'t str,
    /// Name and value, as they stand there.
    pub(crate) headers: Vec<(&'t str, &'t str)>,
    /// What follows the empty line.
    pub(crate) body: &'t str,
}

impl<'t> Head<'t> {
    /// What stands in a text, if it is one.
    pub(crate) fn read(text: &'t str) -> Option<Head<'t>> {
        // Nearly every text is none, and that is seen at once.
        if !text.starts_with(|c: char| c.is_ascii_uppercase()) {
            return None;
        }
        let (line, mut rest) = text.split_once("\r\n")?;
        let head = Head { line, headers: Vec::new(), body: "" };
        if head.status().is_none() && head.request().is_none() {
            return None;
        }
        let mut headers = Vec::new();
        loop {
            let (line, after) = rest.split_once("\r\n")?;
            rest = after;
            if line.is_empty() {
                return Some(Head { headers, body: rest, ..head });
            }
            let (name, value) = line.split_once(':')?;
            headers.push((name, value.trim_matches([' ', '\t'])));
        }
    }

    /// The status, if it is an answer's.
    pub(crate) fn status(&self) -> Option<u16> {
        let (_, rest) = self.line.strip_prefix("HTTP/")?.split_once(' ')?;
        rest.get(..3)?.parse().ok().filter(|status| (100..1000).contains(status))
    }

    /// Method and target, if it is a request's.
    pub(crate) fn request(&self) -> Option<(&'t str, &'t str)> {
        let (method, rest) = self.line.split_once(' ')?;
        let (target, version) = rest.rsplit_once(' ')?;
        let is_one = version.starts_with("HTTP/") && method.bytes().all(|byte| byte.is_ascii_uppercase());
        is_one.then_some((method, target))
    }

    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&'t str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// How the body that follows is cut into messages, if it is a stream of messages and is not compressed.
    pub(crate) fn streaming(&self) -> Option<Streaming> {
        let kind = self.header("content-type").and_then(|kind| kind.split(';').next()).unwrap_or_default();
        let is_plain =
            self.header("content-encoding").is_none_or(|coding| coding.eq_ignore_ascii_case("identity"));
        Streaming::of(kind.trim()).filter(|_| is_plain)
    }
}

/// How the body of a response is cut into messages, while it is still arriving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Streaming {
    /// An event stream: an empty line ends a message (WHATWG HTML, 9.2).
    Events,
    /// One JSON text a line (NDJSON, JSON Lines; RFC 7464 with a record separator before each).
    Lines,
}

/// Media types of JSON texts, one a line.
const LINES: [&str; 8] = [
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonl",
    "application/jsonlines",
    "application/x-jsonlines",
    "application/stream+json",
    "application/json-seq",
];

impl Streaming {
    fn of(media_type: &str) -> Option<Streaming> {
        let is = |other: &str| media_type.eq_ignore_ascii_case(other);
        if is("text/event-stream") {
            Some(Streaming::Events)
        } else {
            LINES.iter().any(|known| is(known)).then_some(Streaming::Lines)
        }
    }

    /// How the body after this head of a response is cut into messages. `None` if the text is no head, or the body is not a
    /// stream of messages.
    pub fn after(head: &str) -> Option<Streaming> {
        Head::read(head)?.streaming()
    }
}

/// Where JSON may stand in the text of a frame: all of it, the body of a request, each line of an event stream's data.
pub(super) fn json_parts(text: &str) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let whole = text.starts_with(['{', '[']).then_some(text.len());
    if let Some(length) = whole.or_else(|| Head::read(text).map(|head| head.body.len())) {
        parts.push(text.len() - length..text.len());
        return parts;
    }
    let mut at = 0;
    for line in text.split_inclusive(['\r', '\n']) {
        if let Some(value) = line.strip_prefix("data:") {
            let start = at + line.len() - value.len();
            let start = start + (value.len() - value.trim_start_matches(' ').len());
            parts.push(start..at + line.trim_end_matches(['\r', '\n']).len());
        }
        at += line.len();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_answers_are_told_from_other_texts() {
        let text = "POST /chat?x=1 HTTP/1.1\r\nHost: h\r\nX-A:  b c \r\n\r\n{\"a\":1}";
        let head = Head::read(text).expect("a request");
        assert_eq!((head.request(), head.status()), (Some(("POST", "/chat?x=1")), None));
        assert_eq!((head.header("x-a"), head.body), (Some("b c"), "{\"a\":1}"));
        let head = Head::read("HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream; charset=utf-8\r\n\r\n");
        let head = head.expect("an answer");
        assert_eq!(
            (head.request(), head.status(), head.streaming()),
            (None, Some(200), Some(Streaming::Events))
        );
        let zipped = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n\r\n";
        assert_eq!(Streaming::after(zipped), None);
        let lines = "HTTP/1.1 200 OK\r\nContent-Type: application/x-NDJSON\r\n\r\n";
        assert_eq!(Streaming::after(lines), Some(Streaming::Lines));
        for text in [
            "",
            "GET",
            "GET / HTTP/1.1\r\n",
            "Hello you\r\n\r\n",
            "{\"a\":\"GET / HTTP/1.1\"}",
            "HTTP/1.1 x\r\n\r\n",
        ] {
            assert_eq!(Head::read(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_json_of_a_frame_is_found_wherever_it_stands() {
        for (text, expected) in [
            ("{\"a\":1}", vec!["{\"a\":1}"]),
            ("GET / HTTP/1.1\r\nHost: h\r\n\r\n[1]", vec!["[1]"]),
            ("event: a\r\ndata: {\"a\":1}\r\ndata:{}\r\n\r\n", vec!["{\"a\":1}", "{}"]),
            ("plain", vec![]),
        ] {
            let parts: Vec<&str> = json_parts(text).into_iter().map(|part| &text[part]).collect();
            assert_eq!(parts, expected);
        }
    }
}
