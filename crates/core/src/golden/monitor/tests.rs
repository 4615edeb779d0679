//! Tests of the file above.

use super::*;
use crate::dialect::Label;
use crate::golden::parse_order;

/// Runs `events` such as `exec:1` (a lane's value behind the colon) and prints what is found.
fn run(order: &str, events: &str) -> String {
    let mut monitor = Monitor::new(&parse_order(order).expect("a valid order"));
    let mut found = Vec::new();
    let show = |violation: &Violation| {
        let lane = violation.lane.as_ref().map(|(key, value)| format!("[{key}={value}]")).unwrap_or_default();
        let label = &violation.label;
        match &violation.what {
            What::Missing => format!("missing {label}{lane}"),
            What::Late { passed_by } => {
                let by = passed_by.as_ref().map_or("-", |label| label.as_str());
                format!("late {label}{lane} after {by}")
            }
            What::Repeated => format!("repeated {label}{lane}"),
            What::Exclusive { .. } => format!("exclusive {label}{lane}"),
            What::Unknown => format!("unknown {label}"),
        }
    };
    for event in events.split_whitespace() {
        let (name, value) = event.split_once(':').map_or((event, None), |(name, value)| (name, Some(value)));
        let keys = |key: &str| match value {
            // `a/b` gives the keys k and j, in that order.
            Some(value) if key == "j" => value.split_once('/').map(|(_, inner)| inner.to_owned()),
            Some(value) if key == "k" => {
                Some(value.split('/').next().unwrap_or("").to_owned()).filter(|v| !v.is_empty())
            }
            _ => None,
        };
        let label = Label::from(name);
        let accepted = monitor.accepts(&label, &keys);
        let violations = monitor.feed(&label, &keys);
        assert_eq!(
            accepted,
            violations.is_empty(),
            "accepts and feed disagree about {event}: {violations:?}"
        );
        found.extend(violations.iter().map(show));
    }
    assert_eq!(monitor.is_complete(), monitor.missing().is_empty());
    found.extend(monitor.missing().iter().map(|v| format!("end: {}", show(v))));
    found.join(", ")
}

const AGENT: &str = "hi ; start ; ( think* & each k ( exec ; prog* ; done )+ ) ; tok+ ; end";

#[test]
fn interleaved_lanes_conform() {
    assert_eq!(run(AGENT, "hi start think exec:1 exec:2 think prog:2 done:2 prog:1 done:1 tok tok end"), "");
}

#[test]
fn what_is_missing_is_named_once_with_its_lane() {
    assert_eq!(run(AGENT, "hi start exec:1 exec:2 done:1 tok end"), "missing done[k=2]");
    assert_eq!(run(AGENT, "hi exec:1 done:1 tok end"), "missing start");
    assert_eq!(run(AGENT, "hi start done:1 tok end"), "missing exec[k=1]");
    assert_eq!(run(AGENT, "hi start tok end"), "missing exec");
}

#[test]
fn a_session_cut_short_misses_all_that_was_to_come() {
    assert_eq!(run(AGENT, "hi start exec:1"), "end: missing done[k=1], end: missing tok, end: missing end");
    assert_eq!(run(AGENT, "hi"), "end: missing start, end: missing exec, end: missing tok, end: missing end");
}

#[test]
fn what_comes_late_or_twice_is_said_so() {
    assert_eq!(run(AGENT, "hi start exec:1 tok done:1 end"), "missing done[k=1], late done[k=1] after tok");
    assert_eq!(run(AGENT, "hi start exec:1 done:1 tok end tok"), "late tok after end");
    assert_eq!(run(AGENT, "hi start start exec:1 done:1 tok end end"), "repeated start, repeated end");
    assert_eq!(run(AGENT, "hi start exec:1 exec:1 done:1 tok end"), "repeated exec[k=1]");
    assert_eq!(run(AGENT, "hi start exec:1 done:1 done:1 tok end"), "repeated done[k=1]");
    assert_eq!(run(AGENT, "hi start exec:1 done:1 nope tok end"), "unknown nope");
}

#[test]
fn rounds_of_a_loop_are_judged_one_by_one() {
    let order = "( ask ; start ; each k ( exec ; done )* ; end )+";
    assert_eq!(run(order, "ask start exec:1 done:1 end ask start end"), "");
    assert_eq!(run(order, "ask start end ask end ask start end"), "missing start");
    assert_eq!(run(order, "ask start exec:1 end ask start end"), "missing done[k=1]");
    assert_eq!(run(order, "ask start ask start end"), "missing end");
    assert_eq!(run(order, "ask start exec:1 done:1 end ask start done:1 end"), "late done[k=1] after start");
}

#[test]
fn alternatives_exclude_each_other() {
    let order = "ask ; ( ( ok ; body ) | fail ) ; end";
    assert_eq!(run(order, "ask ok body end"), "");
    assert_eq!(run(order, "ask fail end"), "");
    assert_eq!(run(order, "ask ok fail body end"), "exclusive fail");
    assert_eq!(run(order, "ask end"), "missing ok");
}

#[test]
fn lanes_within_lanes_find_their_parent() {
    let order = "each k ( open ; each j ( add ; delta* ; done )+ ; close )+";
    assert_eq!(
        run(order, "open:1 add:1/a open:2 add:2/b delta:/a delta:/b done:/b done:/a close:1 close:2"),
        ""
    );
    assert_eq!(run(order, "open:1 add:1/a open:2 add:2/b done:/b close:1 close:2"), "missing done[j=a]");
}

#[test]
fn a_key_counts_anew_in_every_round() {
    let order = "( ask ; each k ( exec ; done )* ; end )+";
    assert_eq!(run(order, "ask exec:0 exec:1 done:1 done:0 end ask exec:0 done:0 end"), "");
    assert_eq!(run(order, "ask exec:0 done:0 end ask exec:0 end"), "missing done[k=0]");
}

#[test]
fn a_key_that_is_used_again_opens_a_new_lane() {
    let order = "each k ( request ; response )*";
    assert_eq!(run(order, "request:1 response:1 request:1 response:1"), "");
    assert_eq!(run(order, "request:1 response:1 request:1"), "end: missing response[k=1]");
}
