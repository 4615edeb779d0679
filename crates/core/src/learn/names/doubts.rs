//! Names that do not tell events apart, or tell more than there are.

use super::candidate::MAX_NAMES;
use crate::dialect::{Label, NAMELESS};
use crate::golden::Golden;

/// Where names do not tell events apart, or tell more than there are: a golden of such names checks next to nothing.
pub(in crate::learn) fn doubts(golden: &Golden) -> Vec<String> {
    let mut doubts = Vec::new();
    let own = || golden.events.iter().filter(|(label, _)| !label.is_client());
    let is_nameless = |label: &Label| [NAMELESS, "text", "binary"].contains(&label.name());
    let all: u32 = own().map(|(_, event)| event.seen).sum();
    let nameless: u32 = own().filter(|(label, _)| is_nameless(label)).map(|(_, event)| event.seen).sum();
    let hint = "name them with `name = \"/POINTER\"` in `[dialect]` of a script, then `goldwire learn SESSION --script FILE`";
    if all > 3 && nameless * 10 >= all * 9 {
        let is_json = own().any(|(label, _)| label.name() == NAMELESS);
        let hint = if is_json { hint } else { "they are not JSON; `kind` in `[dialect]` says what they are" };
        doubts.push(format!(
            "no good name found: {nameless} of {all} messages of the server have none that tells them apart; {hint}"
        ));
    }
    let once = own().filter(|(_, event)| event.seen == 1).count();
    if golden.events.len() > MAX_NAMES && once * 2 > golden.events.len() {
        doubts.push(format!(
            "no good name found: there are {} names, and {once} of them came once in one recording; {hint}",
            golden.events.len()
        ));
    }
    doubts
}
