//! Describes what a check with this golden can detect, and how many more recordings would improve it.

use crate::dialect::Label;
use crate::golden::{
    ALPHA_DEVIATION, Envelope, Event, FEW, Golden, Limits, MIN_RUNS, MIN_RUNS_ALWAYS, MIN_SEEN,
    MIN_SEEN_ORDER, MIN_TRIALS_MISSING, SAME_HOST,
};
use crate::transcript::Gap;
use crate::words::{often, recordings};

/// The largest reasonable number of recordings.
const MANY: u32 = 50;
/// The factor by which a bound must become narrower to recommend more recordings.
const NARROWER: f64 = 0.95;

/// Sentences for a person.
pub(super) fn notes(golden: &Golden) -> Vec<String> {
    time(golden).into_iter().chain(support(golden)).collect()
}

/// The gap whose bound leaves the longest delay unseen, and what it takes to see more of it.
fn time(golden: &Golden) -> Option<String> {
    let tested: Vec<(&Label, &Envelope)> = golden
        .events
        .iter()
        .flat_map(|(label, event)| event.timing.iter().map(move |timing| (label, timing)))
        .filter(|(_, timing)| timing.is_tested())
        .collect();
    let classes = u32::try_from(tested.len()).unwrap_or(u32::MAX);
    // The common spread of a whole check is removed on a host that the recordings know.
    let apart = golden.learned.occasions;
    let (between, occasions) = (apart.kind_spread(SAME_HOST), apart.count);
    let limits = |runs| Limits { runs, classes, between, occasions, alpha: ALPHA_DEVIATION };
    let factor = |envelope: &Envelope, runs: u32| {
        bound(envelope, limits(runs)).as_secs_f64() / envelope.usual.as_secs_f64()
    };
    let (label, envelope) =
        tested.into_iter().max_by_key(|(_, envelope)| bound(envelope, limits(1)) - envelope.usual)?;
    let one = factor(envelope, 1);
    let mut note = format!(
        "{label} after {} has the widest bound on these hosts: usually {}; one run detects {} or more (x{one:.1}), 3 runs x{:.1}, 10 runs x{:.1}",
        envelope.after,
        envelope.usual,
        bound(envelope, limits(1)),
        factor(envelope, 3),
        factor(envelope, 10)
    );
    if envelope.runs < MANY {
        let more = Envelope { runs: MANY, df: envelope.df + MANY - envelope.runs, ..envelope.clone() };
        let then = factor(&more, 1);
        note.push_str(&if then < NARROWER * one {
            format!("; with {MANY} recordings, one run detects x{then:.1}")
        } else {
            "; more recordings hardly narrow it; use more runs or `goldwire compare`".to_owned()
        });
    }
    Some(note)
}

/// Above this the median of so many runs is a deviation.
fn bound(envelope: &Envelope, limits: Limits) -> Gap {
    let is_few = envelope.gaps_per_run() * f64::from(limits.runs) < f64::from(FEW);
    if is_few { envelope.upper_of_few(limits) } else { envelope.upper(limits) }
}

/// The number of additional recordings that turn suspects into deviations. Events that come at any time, or as close
/// together as in a race, stay suspects for longer.
fn support(golden: &Golden) -> Option<String> {
    let n = golden.learned.recordings;
    let events = || golden.events.iter().filter(|(label, event)| !label.is_client() && event.seen > 0);
    let most = |seen: u32| {
        let needed = events().map(|(label, event)| (needed(event, seen, n), label, event));
        needed.max_by_key(|(more, ..)| *more).filter(|(more, ..)| *more > 0)
    };
    let (order, rarest, event) = most(MIN_SEEN_ORDER)?;
    let about = |more: u32| if more > 0 { format!("about {more}") } else { "none".to_owned() };
    let field = most(MIN_SEEN).map_or(0, |(more, ..)| more);
    // Its presence is known from many observations or from many recordings.
    let missing =
        |event: &Event| needed(event, MIN_TRIALS_MISSING, n).min(lacking(MIN_RUNS_ALWAYS, event.runs, n));
    let missing = events().map(|(_, event)| missing(event)).max().unwrap_or(0);
    Some(format!(
        "more recordings needed for a run to fail at once: for any field {}, for any missing event {}, for any order about {order}; {rarest} came {} in {}",
        about(field),
        about(missing),
        often(event.seen),
        recordings(n)
    ))
}

/// The number of additional recordings until an event has been seen often enough, in enough recordings, at its
/// current frequency.
fn needed(event: &Event, seen: u32, recordings: u32) -> u32 {
    lacking(seen, event.seen, recordings).max(lacking(MIN_RUNS, event.runs, recordings))
}

/// The number of additional recordings for `wanted` if this number of recordings has `have`.
fn lacking(wanted: u32, have: u32, recordings: u32) -> u32 {
    let lacking = u64::from(wanted.saturating_sub(have)) * u64::from(recordings);
    u32::try_from(lacking.div_ceil(u64::from(have.max(1)))).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::default_df;

    fn event(seen: u32, runs: u32) -> Event {
        Event { seen, runs, ..Event::default() }
    }

    #[test]
    fn what_is_rare_needs_more_recordings() {
        assert_eq!(needed(&event(10, 10), MIN_SEEN, 10), 0);
        assert_eq!(needed(&event(10, 10), MIN_SEEN_ORDER, 10), 20);
        assert_eq!(needed(&event(4, 4), MIN_SEEN, 4), 4, "8 of 8");
        assert_eq!(needed(&event(40, 2), MIN_SEEN, 4), 6, "5 of 10 recordings, as often as 2 of 4");
        assert_eq!(needed(&event(1, 1), MIN_SEEN, 20), 140);
        let mut golden = crate::golden::read(
            "g.toml",
            "goldwire = 1\norder = \"hello ; token*\"\n[learned]\nrecordings = 10\n[event.hello]\nseen = 10\nruns = 10\n[event.token]\nseen = 4\nruns = 2\n",
        )
        .expect("a golden");
        assert_eq!(
            notes(&golden),
            [
                "more recordings needed for a run to fail at once: for any field about 15, for any missing event about 90, for any order about 65; token came 4 times in 10 recordings"
            ]
        );
        for event in golden.events.values_mut() {
            (event.seen, event.runs) = (30, 10);
        }
        assert_eq!(notes(&golden), [""; 0]);
    }

    /// The published table has 7.5, 4.5, 3.0 and, for 50 recordings, 5.1 for a spread of 0.4 and twelve classes. There the
    /// spread holds what days make out; here what one occasion adds to a kind of gap comes on top.
    #[test]
    fn the_widest_bound_is_told_as_a_person_asks_for_it() {
        let mut golden =
            crate::golden::read("g.toml", "goldwire = 1\norder = \"hello\"\n").expect("a golden");
        golden.learned.occasions.count = 1;
        for class in 0..12u32 {
            let envelope = Envelope {
                after: Label::from("thinking"),
                usual: Gap::from_millis(100_000),
                spread: if class == 7 { 0.4 } else { 0.15 },
                fastest: Gap::ZERO,
                slowest: Gap::from_millis(200_000),
                earliest: None,
                latest: None,
                samples: 10,
                runs: 10,
                within: None,
                df: default_df(10),
                at_most: None,
                split: None,
            };
            let event = Event { timing: vec![envelope], ..Event::default() };
            golden.events.insert(Label::from(format!("token{class}").as_str()), event);
        }
        let note = time(&golden).expect("a bound");
        assert_eq!(
            note,
            "token7 after thinking has the widest bound on these hosts: usually 100 s; one run detects 878 s or more (x8.8), 3 runs x5.3, 10 runs x3.5; with 50 recordings, one run detects x6.2"
        );
    }
}
