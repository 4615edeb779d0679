//! Text from outside in a printable form: it cannot control a terminal, break a line or reverse the direction of
//! text.
//!
//! These characters are escaped: control characters (C0, DEL and C1), line and paragraph separators, direction marks,
//! and invisible characters without a width. Escapes have the form of Rust and JSON: `\n`, `\u{1b}`.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Whether a character must be escaped in output.
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}' | '\u{3164}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// A text on one line, with an escape for every character that must not be printed.
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false)
}

/// The same for a text of several lines, which stay lines.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c == '\n')
}

/// An equivalent JSON text with `\uXXXX` for such characters. Apart from white space, they can occur only in its
/// strings.
pub fn visible_json(text: &str) -> Cow<'_, str> {
    let is_meant = |c: char| matches!(c, '\n' | '\r' | '\t') || !is_unseen(c);
    if text.chars().all(is_meant) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_meant(c) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    Cow::Owned(out)
}

fn escaped(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_meant = |c: char| stays(c) || !is_unseen(c);
    if text.chars().all(is_meant) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            c if is_meant(c) => out.push(c),
            '\n' | '\r' | '\t' => out.extend(c.escape_default()),
            c => out.extend(c.escape_unicode()),
        }
    }
    Cow::Owned(out)
}

/// A writer for text output: lines and goldwire's own colours stay, and all other characters that must not be printed
/// are escaped. Invalid UTF-8 is replaced.
#[derive(Debug)]
pub struct Visible<W: Write> {
    out: W,
    /// The beginning of a character or of a colour that is not complete.
    rest: Vec<u8>,
}

/// No colour of ours is longer.
const MAX_COLOR: usize = 12;

impl<W: Write> Visible<W> {
    /// A writer to `out`.
    pub const fn new(out: W) -> Visible<W> {
        Visible { out, rest: Vec::new() }
    }

    /// The inner writer.
    pub fn into_inner(self) -> W {
        self.out
    }

    /// Passes on what is complete; all of it at the end.
    fn pass(&mut self, is_end: bool) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.rest);
        let mut text = String::with_capacity(bytes.len());
        let mut at = 0;
        while at < bytes.len() {
            let next = memchr::memchr(0x1b, &bytes[at..]).map_or(bytes.len(), |len| at + len);
            let piece = &bytes[at..next];
            let whole = match std::str::from_utf8(piece) {
                Err(error) if error.error_len().is_none() && next == bytes.len() && !is_end => {
                    error.valid_up_to()
                }
                Ok(_) | Err(_) => piece.len(),
            };
            text.push_str(&visible_lines(&String::from_utf8_lossy(&piece[..whole])));
            at += whole;
            if whole < piece.len() {
                break;
            }
            if at == bytes.len() {
                break;
            }
            match color_at(&bytes[at..]) {
                Color::Is(len) => {
                    text.push_str(&String::from_utf8_lossy(&bytes[at..at + len]));
                    at += len;
                }
                Color::Unknown if !is_end => break,
                Color::Unknown | Color::Not => {
                    text.push_str(&visible("\u{1b}"));
                    at += 1;
                }
            }
        }
        self.rest = bytes[at..].to_vec();
        self.out.write_all(text.as_bytes())
    }
}

/// The state after an escape character.
enum Color {
    /// A colour of so many bytes.
    Is(usize),
    /// More bytes are needed.
    Unknown,
    Not,
}

/// Colours and weights only (ECMA-48, SGR), and none that hides a text: invisible (8), or one colour for both sides.
fn color_at(bytes: &[u8]) -> Color {
    let Some(rest) = bytes.strip_prefix(b"\x1b[") else {
        return if bytes.len() < 2 { Color::Unknown } else { Color::Not };
    };
    let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match rest.get(len) {
        Some(b'm') if matches!(&rest[..len], b"" | b"0" | b"1" | b"2" | b"31" | b"32" | b"33" | b"36") => {
            Color::Is(len + 3)
        }
        Some(_) => Color::Not,
        None if bytes.len() < MAX_COLOR => Color::Unknown,
        None => Color::Not,
    }
}

impl<W: Write> Write for Visible<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.rest.extend_from_slice(bytes);
        self.pass(false)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass(true)?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(pieces: &[&[u8]]) -> String {
        let mut out = Visible::new(Vec::new());
        for piece in pieces {
            out.write_all(piece).expect("a Vec takes all");
        }
        out.flush().expect("a Vec takes all");
        String::from_utf8(out.into_inner()).expect("it is text")
    }

    #[test]
    fn what_commands_a_terminal_is_shown_instead() {
        assert_eq!(visible("a\tb\n\u{1b}[2J\u{9b}\u{202e}é"), "a\\tb\\n\\u{1b}[2J\\u{9b}\\u{202e}é");
        assert_eq!(visible_lines("a\nb\r"), "a\nb\\r");
        let json = "{\"a\": \"x\u{85}\u{e0001}y\"}\n";
        assert_eq!(visible_json(json), "{\"a\": \"x\\u0085\\udb40\\udc01y\"}\n");
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert_eq!(read(&visible_json(json)), read(json));
    }

    #[test]
    fn our_own_colours_stay_and_other_commands_do_not() {
        assert_eq!(written(&[b"\x1b[1m\x1b[31mbad\x1b[0m\n"]), "\u{1b}[1m\u{1b}[31mbad\u{1b}[0m\n");
        assert_eq!(written(&[b"\x1b", b"[3", b"1mx"]), "\u{1b}[31mx");
        for command in ["\u{1b}]52;c;eA==\u{7}", "\u{1b}[8mx", "\u{1b}[2J", "\u{1b}c", "\u{1b}["] {
            let shown = written(&[command.as_bytes()]);
            assert!(shown.starts_with("\\u{1b}") && !shown.contains(is_unseen), "{shown:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_unseen_passes_however_it_is_cut(text in "(\\PC|[\u{0}-\u{1f}\u{7f}-\u{9f}\u{202a}-\u{202e}]){0,40}", step in 1usize..9) {
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(step).collect();
            let shown = written(&pieces);
            prop_assert_eq!(&shown, &written(&[text.as_bytes()]));
            // Without the colours, no escape sequence is left.
            let plain = ["", "0", "1", "2", "31", "32", "33", "36"]
                .iter().fold(shown, |shown, color| shown.replace(&format!("\u{1b}[{color}m"), ""));
            prop_assert!(!plain.chars().any(|c| is_unseen(c) && c != '\n'), "{:?}", plain);
            prop_assert!(!visible(&text).chars().any(is_unseen));
        }
    }
}
