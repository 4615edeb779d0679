//! The HTML around the data.

use crate::transcript::is_unseen;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};
use sha2::{Digest as _, Sha256};
use std::io::{self, Write};

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
/// In the order in which they use each other.
const SCRIPTS: [&str; 11] = [
    include_str!("dom.js"),
    include_str!("data.js"),
    include_str!("summary.js"),
    include_str!("findings.js"),
    include_str!("matrix.js"),
    include_str!("distributions.js"),
    include_str!("payload.js"),
    include_str!("list.js"),
    include_str!("timeline.js"),
    include_str!("run.js"),
    include_str!("main.js"),
];

/// A page that is being written: its data, one piece after the other.
pub(super) struct Page<W> {
    out: W,
    rest: &'static str,
    script: String,
}

impl<W: Write> Page<W> {
    pub(super) fn begin(mut out: W) -> io::Result<Page<W>> {
        let script = format!("'use strict';\n{}", SCRIPTS.join("\n"));
        // Only this style and this script, nothing from the page's own address.
        let policy = format!(
            "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
            hash(STYLE),
            hash(&script)
        );
        let mut rest = TEMPLATE;
        for (mark, text) in [("@policy@", policy.as_str()), ("@style@", STYLE)] {
            let (before, after) = rest.split_once(mark).unwrap_or((rest, ""));
            out.write_all(before.as_bytes())?;
            out.write_all(text.as_bytes())?;
            rest = after;
        }
        let (before, rest) = rest.split_once("@data@").unwrap_or((rest, ""));
        out.write_all(before.as_bytes())?;
        Ok(Page { out, rest, script })
    }

    /// Adds data under a name.
    pub(super) fn data(&mut self, name: &str, value: &impl Serialize) -> io::Result<()> {
        write!(self.out, "<script type=\"application/json\" id=\"{name}\">")?;
        value.serialize(&mut Serializer::with_formatter(&mut self.out, Embedded(CompactFormatter)))?;
        self.out.write_all(b"</script>\n")
    }

    pub(super) fn end(mut self) -> io::Result<()> {
        let (before, after) = self.rest.split_once("@script@").unwrap_or((self.rest, ""));
        for text in [before, &self.script, after] {
            self.out.write_all(text.as_bytes())?;
        }
        self.out.flush()
    }
}

fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

/// JSON that cannot end its element or open a comment in it: the critical characters occur only in strings, where
/// they are escaped.
struct Embedded(CompactFormatter);

impl Formatter for Embedded {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let is_special = |c: char| matches!(c, '<' | '>' | '&') || is_unseen(c);
        let mut rest = fragment;
        while let Some(at) = rest.find(is_special) {
            self.0.write_string_fragment(out, &rest[..at])?;
            let special = rest[at..].chars().next().unwrap_or_default();
            for unit in special.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = &rest[at + special.len_utf8()..];
        }
        self.0.write_string_fragment(out, rest)
    }
}
