//! Keys with known prefixes. One table for `scan` and for recording.

use crate::secret::looks_like_credential;
use std::ops::Range;

/// Their name in labels.
pub(super) const NAME: &str = "key";

/// Beginnings of keys: whose, how they begin, and how many characters of letters, digits, `-` and `_` follow at least.
const ISSUED: [(&str, &str, usize); 23] = [
    ("AWS", "AKIA", 16),
    ("AWS", "ASIA", 16),
    ("GitHub", "ghp_", 30),
    ("GitHub", "gho_", 30),
    ("GitHub", "ghu_", 30),
    ("GitHub", "ghs_", 30),
    ("GitHub", "ghr_", 30),
    ("GitHub", "github_pat_", 30),
    ("GitLab", "glpat-", 20),
    ("OpenAI or Anthropic", "sk-", 20),
    ("Stripe", "sk_live_", 16),
    ("Stripe", "rk_live_", 16),
    ("Slack", "xoxb-", 10),
    ("Slack", "xoxp-", 10),
    ("Slack", "xoxa-", 10),
    ("Slack", "xoxr-", 10),
    ("Slack", "xoxs-", 10),
    ("Google", "AIza", 35),
    ("Google", "ya29.", 20),
    ("npm", "npm_", 30),
    ("PyPI", "pypi-AgE", 20),
    ("Hugging Face", "hf_", 30),
    ("SendGrid", "SG.", 40),
];

/// The searched prefixes, or the common part of similar prefixes.
pub(super) fn begins() -> impl Iterator<Item = &'static str> {
    let own = ISSUED.iter().map(|(_, begin, _)| *begin).filter(|begin| !begin.starts_with(SLACK));
    own.chain([SLACK])
}

const SLACK: &str = "xox";

/// The key that starts here.
pub(super) fn at(text: &str, start: usize) -> Option<Range<usize>> {
    let rest = &text[start..];
    let own = ISSUED.iter().filter(|(_, begin, _)| rest.starts_with(begin));
    own.filter_map(|(_, begin, least)| starting(text, start, begin, *least)).next()
}

/// All of a text, and whose they are.
pub(super) fn all(text: &str) -> impl Iterator<Item = (Range<usize>, &'static str)> {
    ISSUED.into_iter().flat_map(move |(issuer, begin, least)| {
        let starts = text.match_indices(begin);
        starts.filter_map(move |(start, _)| Some((starting(text, start, begin, least)?, issuer)))
    })
}

/// A key that starts here: no word before it, and enough random characters after it.
fn starting(text: &str, start: usize, begin: &str, least: usize) -> Option<Range<usize>> {
    // A key of SendGrid contains a dot.
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || c == '.' && begin == "SG.";
    if text[..start].chars().next_back().is_some_and(is_part) {
        return None;
    }
    let rest = &text[start + begin.len()..];
    let len = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    let end = start + begin.len() + len;
    let looks = looks_like_credential(&text[start..end]) || begin.starts_with('A');
    (len >= least && looks).then_some(start..end)
}
