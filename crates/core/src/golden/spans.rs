//! Where texts and pointers stand in the file of a golden.

use crate::document::Fields;
use std::ops::Range;

/// Where the text of a TOML string begins, when it stands in the file without escapes.
pub(super) fn content_span(file: &str, span: &Range<usize>, text: &str) -> Option<Range<usize>> {
    let raw = file.get(span.clone())?;
    let start = raw.find(text)?;
    let is_opening = raw[..start].trim_matches(['"', '\'', '\n', '\r']).is_empty();
    (is_opening && !text.is_empty()).then(|| span.start + start..span.start + start + text.len())
}

/// Reports a text that is not a JSON pointer.
pub(super) fn must_be_pointer(fields: &Fields<'_>, text: &str, span: Range<usize>) {
    if !text.starts_with('/') {
        let hint = Some(format!("write \"/{text}\""));
        fields.source().report(span, format!("`{text}` is not a JSON pointer"), "it begins with /", hint);
    }
}
