//! The header of a proposal: its changes in words, for readers in an editor or a pull request.
//!
//! ```toml
//! # proposed: 2 changes; `goldwire accept` removes these lines
//! #   wider     `token` may now come 0 times (was 1 or more times)
//! #   narrower  /ok of `tool_completed`: boolean → = true
//!
//! goldwire = 1
//! ```

use goldwire_core::diff::Change;
use std::fmt::Write as _;

const BEGIN: &str = "# proposed: ";

/// A proposal's text below what it changes.
pub(super) fn with_head(changes: &[Change], text: &str) -> String {
    let count = changes.len();
    let many = if count == 1 { "change" } else { "changes" };
    let mut out = format!("{BEGIN}{count} {many}; `goldwire accept` removes these lines\n");
    for change in changes {
        // A change has no line ends. Writing to a string cannot fail.
        let _ = writeln!(out, "#   {:<8}  {}", change.direction.name(), change.text);
    }
    out + "\n" + text
}

/// The text of a proposal as it would be accepted, without its header.
pub fn without_head(text: &str) -> &str {
    if !text.starts_with(BEGIN) {
        return text;
    }
    let mut rest = text;
    while rest.starts_with('#') {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
    }
    rest.strip_prefix('\n').unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use goldwire_core::diff::Direction;

    #[test]
    fn a_head_is_put_on_and_taken_off() {
        let change = |text: &str| Change { direction: Direction::Wider, text: text.to_owned() };
        for text in ["goldwire = 1\n", "# mine\n\ngoldwire = 1\n", "\n# mine\n", ""] {
            let headed = with_head(&[change("`a` may now come 0 times"), change("# b")], text);
            assert_eq!(without_head(&headed), text, "{headed}");
            assert_eq!(without_head(text), text);
        }
    }
}
