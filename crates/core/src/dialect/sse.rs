//! Event streams: bytes → blocks → messages (WHATWG HTML, 9.2.5 and 9.2.6, "Server-sent events").
//!
//! ```text
//! id: 7
//! event: token                 the name; `message` when there is none
//! data: {"text":"About"}       may be several lines, joined by a line feed
//!                              an empty line ends the block
//! : still here                 a comment; a block without data is no message
//! ```
//!
//! [`Blocks`] cuts a stream after each empty line and keeps every byte, so that a recording holds what was on the wire.
//! [`message`] reads one block. Where the bytes were cut on their way does not change what is read.

/// The bytes of one stream, cut into blocks.
#[derive(Debug, Clone, Default)]
pub struct Blocks {
    /// What no empty line has ended yet.
    pending: Vec<u8>,
    /// So much of it was looked at.
    seen: usize,
    /// Where its latest line begins.
    line: usize,
    /// Whether anything but line ends stands in it.
    has_text: bool,
}

impl Blocks {
    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// How many bytes wait for the end of their block.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The next whole block, with its empty line. A carriage return is believed to be a line's end as soon as it is
    /// there, for there may be no next byte for a long time; a line feed that comes for it later begins the next block,
    /// where it says nothing.
    pub fn next_block(&mut self) -> Option<Vec<u8>> {
        while let Some(&byte) = self.pending.get(self.seen) {
            self.seen += 1;
            let follows_return = self.seen >= 2 && self.pending[self.seen - 2] == b'\r';
            match byte {
                // It belongs to the line that has ended.
                b'\n' if follows_return => {
                    self.line = self.seen;
                    continue;
                }
                b'\n' => {}
                b'\r' => self.seen += usize::from(self.pending.get(self.seen) == Some(&b'\n')),
                _ => {
                    self.has_text = true;
                    continue;
                }
            }
            let is_empty =
                self.pending[self.line..self.seen].iter().all(|byte| matches!(byte, b'\r' | b'\n'));
            self.line = self.seen;
            if is_empty && self.has_text {
                let rest = self.pending.split_off(self.seen);
                let block = std::mem::replace(&mut self.pending, rest);
                (self.seen, self.line, self.has_text) = (0, 0, false);
                return Some(block);
            }
        }
        None
    }

    /// What is left at the end of the stream. "Once the end of the file is reached, any pending data must be discarded":
    /// it is not a message, but it was on the wire.
    pub fn rest(self) -> Vec<u8> {
        self.pending
    }
}

/// One message of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// What `event:` says; empty when it says nothing.
    pub event: String,
    /// The lines of `data:`.
    pub data: String,
    /// What `id:` says in this block.
    pub id: Option<String>,
    /// What `retry:` says in this block, in milliseconds.
    pub retry: Option<u64>,
}

/// The message of a block; none if it has no data, or no empty line ends it. `is_first` is the block at the beginning of
/// a stream, before which a byte order mark may stand.
pub fn message(block: &str, is_first: bool) -> Option<Message> {
    let block = if is_first { block.strip_prefix('\u{feff}').unwrap_or(block) } else { block };
    let mut message = Message { event: String::new(), data: String::new(), id: None, retry: None };
    let mut has_data = false;
    let mut rest = block;
    while let Some(at) = rest.find(['\r', '\n']) {
        let line = &rest[..at];
        let end = if rest[at..].starts_with("\r\n") { 2 } else { 1 };
        rest = &rest[at + end..];
        if line.is_empty() {
            if has_data {
                return Some(message);
            }
            // "If the data buffer is an empty string, set the data buffer and the event type buffer to the empty string".
            message.event.clear();
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut message.event),
            "data" => {
                if std::mem::replace(&mut has_data, true) {
                    message.data.push('\n');
                }
                message.data.push_str(value);
            }
            "id" if !value.contains('\0') => message.id = Some(value.to_owned()),
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                message.retry = value.parse().ok();
            }
            // A comment has an empty name.
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All blocks of a stream that comes in pieces of these sizes, and what is left.
    fn blocks(bytes: &[u8], pieces: &[usize]) -> (Vec<Vec<u8>>, Vec<u8>) {
        let (mut blocks, mut found, mut from) = (Blocks::default(), Vec::new(), 0);
        let mut sizes = pieces.iter().cycle();
        while from < bytes.len() {
            let to = bytes.len().min(from + sizes.next().expect("it goes round"));
            blocks.push(&bytes[from..to]);
            found.extend(std::iter::from_fn(|| blocks.next_block()));
            from = to;
        }
        (found, blocks.rest())
    }

    fn messages(bytes: &[u8], pieces: &[usize]) -> Vec<Message> {
        let (blocks, _) = blocks(bytes, pieces);
        let read = |(index, block): (usize, &Vec<u8>)| message(&String::from_utf8_lossy(block), index == 0);
        blocks.iter().enumerate().filter_map(read).collect()
    }

    fn said(text: &str) -> Vec<(String, String)> {
        messages(text.as_bytes(), &[usize::MAX])
            .into_iter()
            .map(|message| (message.event, message.data))
            .collect()
    }

    fn pair(event: &str, data: &str) -> (String, String) {
        (event.to_owned(), data.to_owned())
    }

    #[test]
    fn the_examples_of_the_standard_read_as_it_says() {
        let stocks = "data: YHOO\ndata: +2\ndata: 10\n\n";
        assert_eq!(said(stocks), [pair("", "YHOO\n+2\n10")]);
        let four =
            ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n";
        let read = messages(four.as_bytes(), &[usize::MAX]);
        let ids: Vec<_> = read.iter().map(|message| (message.data.as_str(), message.id.as_deref())).collect();
        assert_eq!(ids, [("first event", Some("1")), ("second event", Some("")), (" third event", None)]);
        assert_eq!(said("data\n\ndata\ndata\n\ndata:"), [pair("", ""), pair("", "\n")]);
        assert_eq!(said("data:test\n\ndata: test\n\n"), [pair("", "test"), pair("", "test")]);
    }

    #[test]
    fn what_is_no_message_says_nothing_and_what_is_odd_is_read_as_the_standard_says() {
        for (text, expected) in [
            ("\u{feff}data: a\n\n", vec![pair("", "a")]),
            ("data: a\n\n\u{feff}data: b\n\ndata: c\n\n", vec![pair("", "a"), pair("", "c")]),
            ("event: done\n\ndata: a\n\n", vec![pair("", "a")]),
            ("event: a\nevent: b\r\ndata: x\r\r", vec![pair("b", "x")]),
            ("\n\n\r\n", vec![]),
            ("data: cut off\n", vec![]),
            (": beat\n\nretry: 10\n\nDATA: x\n\n", vec![]),
            ("data: a:b\nnonsense\n\n", vec![pair("", "a:b")]),
        ] {
            assert_eq!(said(text), expected, "{text:?}");
        }
        let read = |text: &str| messages(text.as_bytes(), &[1]).remove(0);
        let odd = read("id: 1\nid: 2\0\nretry: 10\nretry: 1e3\nretry: \ndata\n\n");
        assert_eq!((odd.id.as_deref(), odd.retry), (Some("1"), Some(10)));
    }

    fn line() -> impl Strategy<Value = String> {
        let parts = prop_oneof![
            Just("data".to_owned()),
            Just("data: {\"a\":\"ü\"}".to_owned()),
            Just("data:  [DONE]".to_owned()),
            Just("event: token".to_owned()),
            Just("id: 7".to_owned()),
            Just("retry: 100".to_owned()),
            Just(": beat".to_owned()),
            Just(String::new()),
            "[a-z:\u{feff}\0 ]{0,6}",
        ];
        (parts, prop_oneof![Just("\n"), Just("\r\n"), Just("\r")]).prop_map(|(line, end)| line + end)
    }

    proptest! {
        #[test]
        fn bytes_in_pieces_of_any_size_say_the_same_and_none_is_lost(
            lines in proptest::collection::vec(line(), 0..30),
            pieces in proptest::collection::vec(1usize..9, 1..9),
        ) {
            let text = lines.concat();
            prop_assert_eq!(messages(text.as_bytes(), &pieces), messages(text.as_bytes(), &[usize::MAX]));
            let (found, rest) = blocks(text.as_bytes(), &pieces);
            prop_assert_eq!([found.concat(), rest].concat(), text.as_bytes());
        }

        #[test]
        fn a_message_that_was_written_is_read(
            event in "[a-z_]{0,8}",
            data in "[a-zü{}\":\n ]{0,30}",
            id in proptest::option::of("[a-z0-9]{0,5}"),
            end in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
        ) {
            let mut text = String::new();
            if !event.is_empty() {
                text += &format!("event: {event}{end}");
            }
            for line in data.split('\n') {
                text += &format!("data: {line}{end}");
            }
            if let Some(id) = &id {
                text += &format!("id: {id}{end}");
            }
            let message = Message { event, data, id, retry: None };
            prop_assert_eq!(messages((text + end).as_bytes(), &[3, 1]), [message]);
        }
    }
}
