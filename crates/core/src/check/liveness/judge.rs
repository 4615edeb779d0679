//! Answers all questions for a run, and what follows from the answers.

use super::questions::{Judge, Said};
use super::watch::{Witness, is_open, paths};
use crate::dialect::Label;
use crate::finding::{Answer, Finding, Kind, LiveCheck, Place, Severity};
use crate::golden::{Golden, LiveItem, Seen};

/// Evaluates all liveness items for one run. `others` are runs of the same check; those of other users that ended
/// before this one began must not share its ids.
pub fn judge(
    golden: &Golden,
    seen: Option<&Seen>,
    run: Witness<'_>,
    others: &[Witness<'_>],
) -> Vec<LiveCheck> {
    let (known, open) = (paths(golden, |_| true), paths(golden, is_open));
    let own = crate::golden::recording_id(run.header);
    let names = run.live.traces.names();
    let judge = Judge { golden, run, others, own, known, open, names };
    let class = run.header.host.as_ref().map(|host| &host.class);
    let is_elsewhere = class.is_none_or(|class| !golden.learned.hosts.contains(class));
    LiveItem::ALL
        .into_iter()
        .map(|item| {
            let said = match (item, seen) {
                (item, _) if is_elsewhere && reads_times(item) => Said::unknown(OTHER_HOSTS),
                (LiveItem::WorkTime, _) => judge.work_time(),
                (LiveItem::Nonce, _) => judge.nonce(),
                (_, None) => Said::unknown("no record of what was seen before").hint(
                    "`goldwire learn` writes it beside the golden, `goldwire accept` puts it in its place",
                ),
                (LiveItem::Ids, Some(seen)) => judge.ids(seen),
                (LiveItem::Texts, Some(seen)) => judge.texts(seen),
                (LiveItem::Timeline, Some(seen)) => judge.timeline(seen),
                (LiveItem::RoundGaps, Some(seen)) => judge.round_gaps(seen),
                (LiveItem::TooRegular, Some(seen)) => judge.too_regular(seen),
                (LiveItem::Echo, Some(seen)) => judge.echo(seen),
            };
            let Said { answer, detail, hint, frames } = said;
            let is_required = golden.require_live.contains(&item);
            LiveCheck { item, answer, detail, hint, is_required, frames }
        })
        .collect()
}

/// The reason why items that use times are unknown: gaps are comparable only on the hosts of the recordings.
pub const OTHER_HOSTS: &str = "recorded on other hosts";

/// Whether a question is about how long things take.
pub(super) fn reads_times(item: LiveItem) -> bool {
    match item {
        LiveItem::Timeline | LiveItem::RoundGaps | LiveItem::TooRegular | LiveItem::WorkTime => true,
        LiveItem::Ids | LiveItem::Texts | LiveItem::Echo | LiveItem::Nonce => false,
    }
}

/// The findings of the items that the golden requires.
pub fn findings(golden: &Golden, checks: &[LiveCheck]) -> Vec<Finding> {
    let failed = checks.iter().filter(|check| check.is_required && check.answer == Answer::Fail);
    failed
        .map(|check| {
            let name = check.item.name();
            let place = Place {
                event: Label::from(format!("@{name}").as_str()),
                lane: None,
                path: None,
                key: "require_live".to_owned(),
                golden_line: golden.place(["require_live"]),
                frames: check.frames.clone(),
            };
            Finding::new(Kind::Canned, Severity::Deviation, place, format!("{name}: {}", check.detail))
                .evidence("the golden requires a live server")
                .hint("something replays a transcript: a stub, a recording proxy, a cache in front of the server?")
        })
        .collect()
}
