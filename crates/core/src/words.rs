//! Numbers in sentences.

/// `1 run`, `2 runs`.
pub fn plural(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// `once`, `2 times`.
pub fn often(count: u32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// `1 recording`, `20 recordings`.
pub(crate) fn recordings(count: u32) -> String {
    plural(usize::try_from(count).unwrap_or(usize::MAX), "recording")
}
