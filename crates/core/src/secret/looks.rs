//! The form of a credential.

/// Whether a value looks randomly generated: at least twelve characters of one word, with digits among letters or
/// with mixed case. Words of a language, numbers and times do not.
pub fn looks_like_credential(value: &str) -> bool {
    let is_word_char = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '<' | '>' | '{' | '}');
    if value.len() < 12 || !value.chars().all(is_word_char) {
        return false;
    }
    let count = |of: fn(&u8) -> bool| value.bytes().filter(of).count();
    let (digits, lower, upper) =
        (count(u8::is_ascii_digit), count(u8::is_ascii_lowercase), count(u8::is_ascii_uppercase));
    let letters = lower + upper;
    // `internationalization`, `IllegalArgumentException`, `2026-11-24T10:00:00Z`, `127.0.0.1:39757`
    let mixes = digits >= 2 && letters >= 3;
    let mixes_cases = value.len() >= 20 && lower >= 4 && upper >= 6;
    mixes || mixes_cases
}

/// Whether a value consists of words of a language, such as `required`, which would be found at other places by
/// chance.
pub fn is_plain_words(value: &str) -> bool {
    let is_plain = |word: &str| {
        let rest = word.strip_prefix(|c: char| c.is_alphabetic()).unwrap_or(word);
        let rest = rest.trim_end_matches(['.', ',', ':', ';', '!', '?']);
        rest.chars().all(|c| c.is_lowercase() || matches!(c, '-' | '\'' | '_'))
    };
    value.split_whitespace().all(is_plain)
}

/// Whether a value is a code that somebody types: four to ten digits, perhaps with a blank or a dash among them.
pub(super) fn is_code(value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    (4..=10).contains(&digits)
        && value.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b'-'))
}

/// The bits of information for each character: Shannon's entropy of the value's own characters. About 3 for words,
/// above 3.5 for random values of twenty characters.
pub fn entropy(value: &str) -> f64 {
    let mut counts = [0u32; 256];
    value.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let len = value.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / len)
        .map(|p| -p * p.log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_make_other_words_than_people() {
        for value in
            ["rt_9f8a7b6c5d4e", "8f14e45fceea167a5a36dedd4bea2543", "sk-AbCdEfGhIjKlMnOpQrSt", "a1b2c3d4e5f6"]
        {
            assert!(looks_like_credential(value), "{value}");
        }
        for value in
            [" internationalization", "internationalization", "hello", "a b c 1 2 3 4 5", "127.0.0.1:39757"]
        {
            assert!(!looks_like_credential(value), "{value}");
        }
        assert!(
            is_plain_words("required") && is_plain_words("Must be longer.") && !is_plain_words("hunter2")
        );
        assert!(
            is_code("4821") && is_code("593 119") && !is_code("121") && !is_code("A4") && !is_code("1234a")
        );
        assert!(entropy("aaaaaaaa") < 0.1 && entropy("8f14e45fceea167a5a36dedd4bea2543") > 3.3);
    }
}
