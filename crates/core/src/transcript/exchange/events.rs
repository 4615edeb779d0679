//! Event streams of a capture: a request and its response as the frames of a session over HTTP.

use crate::transcript::{Frame, Offset, Payload, Side};
use std::borrow::Cow;

/// A request whose answer is a stream of server-sent events.
pub(super) struct Exchange<'e> {
    pub(super) method: &'e str,
    pub(super) url: &'e str,
    pub(super) request: Vec<(&'e str, &'e str)>,
    pub(super) body: &'e str,
    pub(super) status: u16,
    pub(super) answer: Vec<(&'e str, &'e str)>,
    /// The time of the response's head.
    pub(super) head_at: Offset,
}

/// Headers that say how a message was carried, which the text of a capture no longer is.
const OF_CARRIAGE: [&str; 4] = ["content-length", "transfer-encoding", "content-encoding", "connection"];

impl Exchange<'_> {
    /// Its frames: the request, the head of the answer, the blocks of its stream with their times, and its end.
    pub(super) fn frames(&self, blocks: Vec<(Offset, String)>) -> Vec<Frame> {
        let rest = self.url.split_once("://").map_or(self.url, |(_, rest)| rest);
        let (host, target) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
        let target = match target.split('#').next().unwrap_or_default() {
            "" => Cow::Borrowed("/"),
            query if query.starts_with('?') => Cow::Owned(format!("/{query}")),
            path => Cow::Borrowed(path),
        };
        let mut request =
            format!("{} {} HTTP/1.1\r\n", one_word(self.method).to_uppercase(), one_word(&target));
        if !self.request.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request.push_str(&format!("host: {}\r\n", one_word(host)));
        }
        push_headers(&mut request, &self.request);
        request.push_str("\r\n");
        request.push_str(self.body);
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, if self.status == 200 { "OK" } else { "" });
        push_headers(&mut head, &self.answer);
        if !self.answer.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            head.push_str("content-type: text/event-stream\r\n");
        }
        head.push_str("\r\n");
        let mut frames = vec![
            Frame::new(Offset::ZERO, Side::Client, Payload::Text(request)),
            Frame::new(self.head_at, Side::Server, Payload::Text(head)),
        ];
        for (at, block) in blocks {
            let at = at.max(frames.last().map_or(Offset::ZERO, |last| last.at));
            frames.push(Frame::new(at, Side::Server, Payload::Text(block)));
        }
        let at = frames.last().map_or(Offset::ZERO, |last| last.at);
        let end = Payload::Close { code: 1000, reason: String::new() };
        frames.push(Frame::new(at, Side::Server, end));
        frames
    }
}

fn push_headers(head: &mut String, headers: &[(&str, &str)]) {
    let is_own =
        |name: &str| !name.starts_with(':') && !OF_CARRIAGE.iter().any(|own| own.eq_ignore_ascii_case(name));
    for (name, value) in headers.iter().filter(|(name, _)| is_own(name)) {
        head.push_str(&format!("{}: {}\r\n", one_word(name), one_line(value)));
    }
}

/// A line break of a capture would begin a header, or a field of an event, that nobody sent.
fn one_line(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
}

/// The same for a text that ends at a space.
fn one_word(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// An event as a block of a stream (WHATWG HTML, 9.2.5).
pub(super) fn block(name: &str, id: &str, data: &str) -> String {
    let mut block = String::new();
    if !id.is_empty() {
        block.push_str(&format!("id: {}\n", one_line(id)));
    }
    if !name.is_empty() && name != "message" {
        block.push_str(&format!("event: {}\n", one_line(name)));
    }
    for line in data.split('\n') {
        block.push_str(&format!("data: {}\n", line.trim_end_matches('\r')));
    }
    block.push('\n');
    block
}

/// The blocks of a whole stream, and how many characters are left: what is not ended by an empty line is no event (WHATWG
/// HTML, 9.2.6).
pub(super) fn blocks(text: &str) -> (Vec<String>, usize) {
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    let mut blocks: Vec<&str> = text.split("\n\n").collect();
    let rest = blocks.pop().map_or(0, |rest| rest.trim_start_matches('\n').chars().count());
    let blocks = blocks.into_iter().map(|block| block.trim_start_matches('\n'));
    (blocks.filter(|block| !block.is_empty()).map(|block| format!("{block}\n\n")).collect(), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_cut_into_its_blocks() {
        let (whole, rest) = blocks("event: a\ndata: 1\n\n\ndata: 2\r\n\r\ndata: lost");
        assert_eq!((whole, rest), (vec!["event: a\ndata: 1\n\n".to_owned(), "data: 2\n\n".to_owned()], 10));
        assert_eq!(blocks(""), (Vec::new(), 0));
        assert_eq!(block("a\ndata: forged", "", "1"), "event: a data: forged\ndata: 1\n\n");
        assert_eq!(block("message", "", "a\nb"), "data: a\ndata: b\n\n");
        assert_eq!(block("token", "7", "{}"), "id: 7\nevent: token\ndata: {}\n\n");
    }

    #[test]
    fn an_exchange_is_what_it_was_on_the_wire() {
        let exchange = Exchange {
            method: "POST",
            url: "https://h.test/v1?a=b#c",
            request: vec![(":authority", "h.test"), ("Accept", "text/event-stream"), ("content-length", "2")],
            body: "{}",
            status: 200,
            answer: vec![("content-encoding", "gzip"), ("x-a", "1\r\nx-b: 2")],
            head_at: Offset::from_nanos(5),
        };
        let frames = exchange.frames(vec![(Offset::from_nanos(3), "data: 1\n\n".to_owned())]);
        let texts: Vec<(u64, &str)> = frames
            .iter()
            .filter_map(|frame| match &frame.payload {
                Payload::Text(text) => Some((frame.at.as_nanos(), text.as_str())),
                _ => None,
            })
            .collect();
        let request = "POST /v1?a=b HTTP/1.1\r\nhost: h.test\r\nAccept: text/event-stream\r\n\r\n{}";
        let head = "HTTP/1.1 200 OK\r\nx-a: 1  x-b: 2\r\ncontent-type: text/event-stream\r\n\r\n";
        assert_eq!(texts, [(0, request), (5, head), (5, "data: 1\n\n")]);
        assert!(matches!(frames.last().map(|frame| &frame.payload), Some(Payload::Close { code: 1000, .. })));
    }
}
