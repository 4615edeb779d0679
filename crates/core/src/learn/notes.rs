//! What there is to say of a proposal: how well it is known what it says, and what more recordings would show.

use super::{guarantee, names};
use crate::golden::{self, Golden};
use crate::words::{plural, recordings as in_words};

pub(super) fn notes(golden: &Golden, incomplete: u32, has_prefixes: bool) -> Vec<String> {
    let n = golden.learned.recordings;
    let mut notes = Vec::new();
    let of = |what: u32, one: &str, many: &str| format!("{what} {}", if what == 1 { one } else { many });
    notes.push(format!(
        "learned from {} by {} on {}",
        of(n, "recording", "recordings"),
        of(golden.learned.users, "user", "users"),
        of(golden.learned.days, "day", "days")
    ));
    if has_prefixes {
        notes.push(format!(
            "no recording is complete: goldwire learned from what all {incomplete} contain, but not how a session ends"
        ));
    } else if incomplete > 0 {
        notes.push(format!("left out, as the session did not end: {}", in_words(incomplete)));
    }
    if n < 3 {
        notes.push(format!(
            "{} cannot tell what is optional, what may interleave or what varies: record at least 5, better 20",
            in_words(n)
        ));
    } else if n < 8 {
        notes.push(
            "orders and fields are suspects until 8 observations in 5 recordings support them".to_owned(),
        );
    }
    let timed: u32 = golden.events.values().map(|e| u32::try_from(e.timing.len()).unwrap_or(0)).sum();
    let bounded: u32 = golden
        .events
        .values()
        .flat_map(|event| &event.timing)
        .map(|timing| u32::from(timing.latest.is_some()))
        .sum();
    notes.push(format!("{bounded} of {timed} gaps have a bound"));
    if n < golden::MIN_RUNS {
        notes.push(format!(
            "timing bounds need {} recordings: {} more",
            golden::MIN_RUNS,
            golden::MIN_RUNS - n
        ));
    }
    let (hosts, occasions) = (golden.learned.hosts.len(), golden.learned.occasions.count);
    if bounded > 0 && hosts == 0 {
        notes.push("no recording names its host: times are judged by shape everywhere".to_owned());
    } else if bounded > 0 && hosts < 3 {
        notes.push(format!(
            "times are of {} and {}: there they are limits; elsewhere goldwire judges their shape and fails only stalls",
            of(u32::try_from(hosts).unwrap_or(u32::MAX), "class of hosts", "classes of hosts"),
            of(occasions, "occasion", "occasions"),
        ));
    }
    notes.extend(guarantee::notes(golden));
    notes.extend(names::doubts(golden));
    let once: usize = golden.events.values().filter(|event| event.runs == 1 && n > 1).count();
    if once > 0 {
        notes.push(format!(
            "seen in one recording only: {}; about {:.0} % of clean runs will show something new",
            plural(once, "event"),
            100.0 * once as f64 / f64::from(n)
        ));
    }
    notes
}
