//! Two texts beside each other.

/// Two texts in one, where they have enough in common: what is gone stands in `[-…-]`, what is new in `{+…+}`.
pub fn words(old: &str, new: &str) -> Option<String> {
    let diff = similar::TextDiff::from_words(old, new);
    if diff.ratio() < ALIKE {
        return None;
    }
    let mut out = String::new();
    let mut open = similar::ChangeTag::Equal;
    for change in diff.iter_all_changes() {
        if change.tag() != open {
            out.push_str(closing(open));
            open = change.tag();
            out.push_str(match open {
                similar::ChangeTag::Equal => "",
                similar::ChangeTag::Delete => "[-",
                similar::ChangeTag::Insert => "{+",
            });
        }
        out.push_str(change.value());
    }
    out.push_str(closing(open));
    Some(out)
}

/// Texts that share less than this are two texts.
const ALIKE: f32 = 0.4;

const fn closing(tag: similar::ChangeTag) -> &'static str {
    match tag {
        similar::ChangeTag::Equal => "",
        similar::ChangeTag::Delete => "-]",
        similar::ChangeTag::Insert => "+}",
    }
}

/// Two texts as a unified diff with three lines of context; empty when they are equal.
pub fn unified(old: &str, new: &str, old_name: &str, new_name: &str) -> String {
    let diff = similar::TextDiff::from_lines(old, new);
    diff.unified_diff().context_radius(3).header(old_name, new_name).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_with_much_in_common_are_shown_as_one() {
        let old = "The universe is young, and light needs time.";
        assert_eq!(
            words(old, "The universe is old, and light needs time to come.").as_deref(),
            Some("The universe is [-young,-]{+old,+} and light needs [-time.-]{+time to come.+}")
        );
        assert_eq!(words(old, "nothing of it"), None);
    }
}
