//! The known secrets, and their occurrences in a text.

use super::finder::{Finder, Found};
use super::forms::{Form, forms, is_base64};
use super::views::{View, percent, without_json_escapes, without_percent};
use memchr::memmem::Finder as Needle;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// The maximum depth of nested escapes: a URL in a JSON text in a JSON string.
const MAX_DEPTH: usize = 3;
/// Finders by how many bytes they step over; each is for forms of at least three bytes more.
const STRIDES: [usize; 3] = [8, 4, 1];

/// A piece of a text to be replaced by a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) label: usize,
}

/// All known secrets.
pub(super) struct Known {
    finders: [Finder; STRIDES.len()],
    /// For each form that is sought: its label, and whether the base64 characters around it belong to it.
    sought: Vec<(usize, bool, bool)>,
    labels: Vec<String>,
    issued: HashSet<String>,
    by_value: HashMap<String, usize>,
    learned: HashSet<usize>,
    counts: HashMap<String, usize>,
    /// Whether a secret has characters that a JSON string always escapes.
    needs_escapes: bool,
}

impl Default for Known {
    fn default() -> Known {
        Known {
            finders: STRIDES.map(Finder::new),
            sought: Vec::new(),
            labels: Vec::new(),
            issued: HashSet::new(),
            by_value: HashMap::new(),
            learned: HashSet::new(),
            counts: HashMap::new(),
            needs_escapes: false,
        }
    }
}

impl Known {
    /// The label of a value; a new one under this name, if it has none.
    pub(super) fn label_of(&mut self, name: &str, value: &str) -> usize {
        if let Some(label) = self.by_value.get(value) {
            return *label;
        }
        let fits = |c: char| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '_' };
        let name: String = name.chars().map(fits).collect();
        let count = self.counts.entry(name.clone()).or_default();
        *count += 1;
        let label = format!("{{{{secret:{name}#{count}}}}}");
        self.issued.insert(label.clone());
        self.labels.push(label);
        let own = self.labels.len() - 1;
        self.by_value.insert(value.to_owned(), own);
        own
    }

    /// Its label, and from now on it is found in every form.
    pub(super) fn learn(&mut self, name: &str, value: &str) -> usize {
        let label = self.label_of(name, value);
        if self.learned.insert(label) {
            for Form { bytes, takes_before, takes_after } in forms(value) {
                let own = self.sought.len();
                self.sought.push((label, takes_before, takes_after));
                let finder = self.finders.iter_mut().find(|finder| finder.takes(&bytes));
                finder.into_iter().for_each(|finder| finder.add(&bytes, own));
            }
            self.needs_escapes |= value.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\'));
        }
        label
    }

    /// The name within a label, e.g. `token`.
    pub(super) fn name(&self, label: usize) -> &str {
        let inner = self.labels[label].trim_start_matches("{{secret:");
        inner.rsplit_once('#').map_or(inner, |(name, _)| name)
    }

    /// Adds every place of every form in a text, escaped or not.
    pub(super) fn search(&self, text: &[u8], hits: &mut Vec<Hit>) {
        if !self.sought.is_empty() {
            self.search_at(text, 0, hits);
        }
    }

    fn search_at(&self, text: &[u8], depth: usize, hits: &mut Vec<Hit>) {
        let mut found = Vec::new();
        self.finders.iter().for_each(|finder| finder.find(text, &mut found));
        hits.extend(found.into_iter().map(|found| self.hit(text, found)));
        if depth == MAX_DEPTH || memchr::memchr2(b'\\', b'%', text).is_none() {
            return;
        }
        if self.has_json_escapes(text) {
            self.search_view(&without_json_escapes(text), depth, hits);
        }
        if memchr::memchr_iter(b'%', text).any(|at| percent(&text[at..]).is_some()) {
            self.search_view(&without_percent(text), depth, hits);
        }
    }

    fn search_view(&self, view: &View, depth: usize, hits: &mut Vec<Hit>) {
        let mut inner = Vec::new();
        self.search_at(&view.bytes, depth + 1, &mut inner);
        hits.extend(inner.into_iter().map(|hit| Hit {
            start: view.origin(hit.start),
            end: view.origin(hit.end),
            ..hit
        }));
    }

    /// Whether undoing escapes could show a secret: `\n` alone cannot, unless a secret has a line break.
    fn has_json_escapes(&self, text: &[u8]) -> bool {
        static UNICODE: LazyLock<Needle<'static>> = LazyLock::new(|| Needle::new(b"\\u"));
        static SLASH: LazyLock<Needle<'static>> = LazyLock::new(|| Needle::new(b"\\/"));
        let Some(first) = memchr::memchr(b'\\', text) else { return false };
        let rest = &text[first..];
        self.needs_escapes || UNICODE.find(rest).is_some() || SLASH.find(rest).is_some()
    }

    fn hit(&self, text: &[u8], Found { mut start, mut end, which }: Found) -> Hit {
        let (label, takes_before, takes_after) = self.sought[which];
        let is_base64 = |at: usize| text.get(at).is_some_and(|byte| is_base64(*byte));
        if takes_before && start > 0 && is_base64(start - 1) {
            start -= 1;
        }
        if takes_after && is_base64(end) {
            end += 1;
            end += text[end..].iter().take(2).take_while(|byte| **byte == b'=').count();
        }
        Hit { start, end, label }
    }

    /// The text with labels. Overlapping secrets are replaced together, each by its label; a secret within another is
    /// part of it; existing labels stay.
    pub(super) fn render(&self, text: &[u8], mut hits: Vec<Hit>) -> Vec<u8> {
        let standing = self.standing_labels(text);
        hits.retain(|hit| !standing.iter().any(|label| label.0 <= hit.start && hit.end <= label.1));
        hits.sort_by_key(|hit| (hit.start, std::cmp::Reverse(hit.end), hit.label));
        let is_json = matches!(text.first(), Some(b'{' | b'['));
        let mut out = Vec::with_capacity(text.len());
        let (mut at, mut next) = (0, 0);
        while let Some(first) = hits.get(next).copied() {
            let mut end = first.end;
            let mut label = self.labels[first.label].clone();
            let mut last = first.label;
            next += 1;
            while let Some(hit) = hits.get(next).filter(|hit| hit.start < end) {
                if hit.end > end {
                    end = hit.end;
                    if hit.label != last {
                        label.push_str(&self.labels[hit.label]);
                        last = hit.label;
                    }
                }
                next += 1;
            }
            out.extend_from_slice(&text[at..first.start]);
            let bare = is_json && is_bare_number(text, first.start, end);
            out.extend(bare.then_some(b'"'));
            out.extend_from_slice(label.as_bytes());
            out.extend(bare.then_some(b'"'));
            at = end;
        }
        out.extend_from_slice(&text[at..]);
        out
    }

    /// The positions of existing labels in a text that was cleaned before.
    fn standing_labels(&self, text: &[u8]) -> Vec<(usize, usize)> {
        let ours = memchr::memmem::find_iter(text, b"{{secret:").filter_map(|start| {
            let len = memchr::memmem::find(&text[start..], b"}}")? + 2;
            let label = std::str::from_utf8(&text[start..start + len]).ok()?;
            self.issued.contains(label).then_some((start, start + len))
        });
        ours.collect()
    }
}

/// Whether a piece of a JSON text is a whole number: its label needs quotes for the text to stay JSON.
fn is_bare_number(text: &[u8], start: usize, end: usize) -> bool {
    let is_number =
        text[start..end].iter().all(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
    let before = text[..start].iter().rfind(|byte| !byte.is_ascii_whitespace());
    let after = text[end..].iter().find(|byte| !byte.is_ascii_whitespace());
    is_number && matches!(before, Some(b':' | b',' | b'[')) && matches!(after, Some(b',' | b'}' | b']'))
}
