//! Long agreements are folded, repetitions counted.

use super::row::{Mark, Row};
use std::collections::BTreeSet;

/// How many agreeing rows are kept before and after a deviation.
const CONTEXT: usize = 2;

pub(super) fn fold(rows: Vec<Row>) -> Vec<Row> {
    let is_same = |row: &Row| matches!(row, Row::Event { mark: Mark::Same, .. });
    let mut counted: Vec<Row> = Vec::new();
    for row in rows {
        if let (
            Some(Row::Event {
                mark: last_mark,
                live: last,
                lane: last_lane,
                note: last_note,
                times,
                pace: last_pace,
                ..
            }),
            Row::Event { mark: mark @ (Mark::Same | Mark::Changed), live, lane, note, pace, .. },
        ) = (counted.last_mut(), &row)
        {
            if (mark, live, lane, note) == (&*last_mark, &*last, &*last_lane, &*last_note) {
                *times += 1;
                // The one that took most of its time stands for all.
                let slower = pace.filter(|pace| last_pace.is_none_or(|last| pace.share() > last.share()));
                *last_pace = slower.or(*last_pace);
                continue;
            }
        }
        counted.push(row);
    }
    let keep: BTreeSet<usize> = counted
        .iter()
        .enumerate()
        .filter(|(_, row)| !is_same(row))
        .flat_map(|(i, _)| i.saturating_sub(CONTEXT)..=i + CONTEXT)
        .collect();
    let mut out = Vec::new();
    let mut left_out = 0;
    for (i, row) in counted.into_iter().enumerate() {
        if keep.contains(&i) {
            if left_out > 0 {
                out.push(Row::Folded(left_out));
                left_out = 0;
            }
            out.push(row);
        } else if let Row::Event { times, .. } = row {
            left_out += times;
        }
    }
    if left_out > 0 {
        out.push(Row::Folded(left_out));
    }
    out
}
