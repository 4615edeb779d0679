//! The forms of a secret in a text: unchanged, base64 (RFC 4648, both alphabets), hexadecimal, HTML.
//!
//! Escapes of JSON and of URLs are not forms: each character may be escaped or not, so they are removed before the
//! search (`views`).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A shorter piece of base64 is found by chance.
const MIN_BASE64: usize = 5;

/// One way to write a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Form {
    pub(super) bytes: Vec<u8>,
    /// Whether the base64 character before it holds some of the secret's bits as well.
    pub(super) takes_before: bool,
    /// Whether the base64 character after it does, and padding may follow.
    pub(super) takes_after: bool,
}

impl Form {
    fn plain(bytes: impl Into<Vec<u8>>) -> Form {
        Form { bytes: bytes.into(), takes_before: false, takes_after: false }
    }
}

/// All forms of a value.
pub(super) fn forms(value: &str) -> Vec<Form> {
    let mut forms = vec![Form::plain(value)];
    if value.contains(' ') {
        // application/x-www-form-urlencoded; the view removes its `%XX`.
        forms.push(Form::plain(value.replace(' ', "+")));
    }
    let html = value
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;");
    if html != value {
        forms.push(Form::plain(html));
    }
    hex(value.as_bytes(), &mut forms);
    base64(value.as_bytes(), &mut forms);
    let quoted = serde_json::Value::from(value).to_string();
    let escaped = &quoted[1..quoted.len() - 1];
    if escaped != value {
        // A whole JSON text in base64, as in a token's body.
        base64(escaped.as_bytes(), &mut forms);
    }
    forms.sort();
    forms.dedup();
    forms
}

fn hex(value: &[u8], forms: &mut Vec<Form>) {
    let lower = crate::codec::hex(value);
    forms.push(Form::plain(lower.to_ascii_uppercase()));
    forms.push(Form::plain(lower));
}

/// The parts of a value's base64 that do not depend on its neighbours, for each of the three alignments.
fn base64(value: &[u8], forms: &mut Vec<Form>) {
    for before in 0..3usize {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(value);
        let first = (before * 8).div_ceil(6);
        let last = bytes.len() * 8 / 6;
        for text in [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            if last >= first + MIN_BASE64 {
                forms.push(Form {
                    bytes: text.as_bytes()[first..last].to_vec(),
                    takes_before: before > 0,
                    takes_after: bytes.len() % 3 != 0,
                });
            }
        }
    }
}

pub(super) fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn within_any_base64_text_one_of_the_forms_stands(
            value in "[ -~]{8,60}", before in "[ -~]{0,7}", after in "[ -~]{0,7}",
        ) {
            let text = STANDARD.encode(format!("{before}{value}{after}"));
            let forms = forms(&value);
            let stands = |form: &Form| text.as_bytes().windows(form.bytes.len()).any(|part| part == form.bytes);
            prop_assert!(forms.iter().any(stands), "{text}");
        }
    }
}
