//! Tests a proposal before it is proposed.
//!
//! Every recording behind a golden is checked against it as in `check`, except for time and liveness. Statements that
//! a recording contradicts are loosened or removed, with a note. So a golden never rejects its own recordings, even
//! if learning makes an error.

use super::parallel::{on_all_processors, read_each};
use super::proposal::learn;
use super::recordings::{LearnError, Recordings};
use super::sample::{hash_of, is_complete};
use crate::check;
use crate::finding::Severity;
use crate::golden::Golden;
use crate::transcript::{Header, Transcript};
use std::borrow::Cow;

/// The number of recordings that are checked against goldens of other recordings.
const FOLDED: usize = 40;
/// Into so many parts they are divided: each is held against a golden learned from all other parts.
const FOLDS: usize = 5;
/// The maximum of frames from which each part is learned.
const FRAMES: usize = 25_000;

/// Some of the recordings.
struct Part<'r, R: ?Sized> {
    all: &'r R,
    indices: Vec<usize>,
}

impl<R: Recordings + ?Sized> Recordings for Part<'_, R> {
    type Error = R::Error;

    fn count(&self) -> usize {
        self.indices.len()
    }

    fn header(&self, index: usize) -> Result<Cow<'_, Header>, R::Error> {
        self.all.header(self.indices[index])
    }

    fn read(&self, index: usize) -> Result<Cow<'_, Transcript>, R::Error> {
        self.all.read(self.indices[index])
    }
}

/// Checks recordings against goldens that were learned from other ones, to estimate for how many clean runs such a
/// golden has findings. Returns a sentence for the user; none if there are too few recordings. Learns a few more
/// times.
///
/// # Errors
/// If a recording cannot be read.
pub fn trial<R: Recordings + ?Sized>(
    recordings: &R,
    previous: Option<&Golden>,
) -> Result<Option<String>, LearnError<R::Error>> {
    let mut order = Vec::new();
    for index in 0..recordings.count() {
        let header = recordings.header(index).map_err(LearnError::Unreadable)?;
        order.push((hash_of(&header), index));
    }
    order.sort_unstable();
    let (mut chosen, mut frames) = (Vec::new(), 0);
    for (_, index) in order {
        let recording = recordings.read(index).map_err(LearnError::Unreadable)?;
        if is_complete(&recording) {
            frames += recording.frames.len();
            if chosen.len() == FOLDED || frames > FRAMES {
                break;
            }
            chosen.push(index);
        }
    }
    if chosen.len() < 3 {
        return Ok(None);
    }
    let folds = FOLDS.min(chosen.len());
    // The number of runs of a part for which a golden of the others has findings, and of those that fail; none if
    // those cannot be learned from.
    let try_part = |fold: usize| -> Result<Option<(u32, u32)>, LearnError<R::Error>> {
        let part = |is_own: bool| -> Vec<usize> {
            let places = chosen.iter().enumerate().filter(|(place, _)| (place % folds == fold) == is_own);
            places.map(|(_, index)| *index).collect()
        };
        let others = Part { all: recordings, indices: part(false) };
        let golden = match learn(&others, previous) {
            Ok(proposal) => proposal.golden,
            Err(LearnError::NoRecordings | LearnError::NoEvents | LearnError::TooManyNames(_)) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let judge = |_, recording: &Transcript| {
            let findings = check::check(&golden, recording).findings;
            let fails = findings.iter().any(|finding| finding.severity == Severity::Deviation);
            (!findings.is_empty(), fails)
        };
        let judged = read_each(recordings, &part(true), judge)?;
        let count =
            |is_so: &dyn Fn(&(bool, bool)) -> bool| judged.iter().map(|run| u32::from(is_so(run))).sum();
        Ok(Some((count(&|run| run.0), count(&|run| run.1))))
    };
    let (mut disturbed, mut failed) = (0, 0);
    for tried in on_all_processors(folds, try_part) {
        let Some((any, fails)) = tried? else { return Ok(None) };
        disturbed += any;
        failed += fails;
    }
    Ok(Some(format!(
        "tried on recordings that it was not learned from: {disturbed} of {} would show something, {failed} of them would \
         fail at once",
        chosen.len()
    )))
}

#[cfg(test)]
mod tests {
    use super::super::mend::mend;
    use super::super::playable::make_playable;
    use super::*;
    use crate::golden;
    use crate::learn::play::{Played, play};
    use crate::learn::sample::Sample;
    use crate::transcript::{End, Ending, Frame, Offset, Payload, Side};
    use serde_json::{Value, json};

    /// `> name` and `< name`, each with further content.
    fn recording(id: &str, said: &[(&str, Value)]) -> Transcript {
        let frames = said.iter().zip(1..).map(|((line, data), at)| {
            let side = if line.starts_with('>') { Side::Client } else { Side::Server };
            let mut data = data.clone();
            data["type"] = Value::from(line.trim_start_matches('>'));
            Frame::new(Offset::from_nanos(at * 20_000_000), side, Payload::Text(data.to_string()))
        });
        let header = Header {
            id: id.to_owned(),
            started: format!("2026-11-22T12:00:00.{id:0>9}Z"),
            user: "u1".to_owned(),
            ..Header::default()
        };
        let how = End::Closed { by: Side::Client, code: 1000, reason: String::new() };
        let ending = Ending { at: Offset::from_nanos(10_000_000_000), how, host: None };
        Transcript { header, frames: frames.collect(), ending }
    }

    fn read(text: &str) -> Golden {
        let head = "goldwire = 1\n[learned]\nrecordings = 2\n";
        let (order, rest) = text.split_once('\n').expect("an order and the rest");
        let text = head.replace("[learned]", &format!("{order}\n[learned]")) + rest;
        golden::read("golden/x.toml", &text).unwrap_or_else(|problems| panic!("{text}\n{problems}"))
    }

    fn mended(golden: &mut Golden, recordings: &[Transcript]) -> Vec<String> {
        let own: Vec<usize> = (0..recordings.len()).collect();
        let notes = mend(recordings, &own, golden).expect("they are in memory").notes();
        for recording in recordings {
            let findings = check::check(golden, recording).findings;
            assert_eq!(findings, [], "{}", golden::write(golden));
        }
        notes
    }

    #[test]
    fn what_a_recording_contradicts_is_left_out_and_said() {
        let none = || json!({});
        let recordings = [
            recording("1", &[(">ask", none()), ("a", json!({"n": 1})), ("b", json!({"of": null}))]),
            recording("2", &[(">ask", none()), ("b", json!({"of": "x"})), ("a", json!({"n": "one"}))]),
            recording("3", &[(">ask", none()), ("b", json!({"of": "x"})), ("c", none()), ("b", none())]),
        ];
        let mut golden = read(
            "order = \">ask ; a ; b\"\n[event.ask]\nsend = { type = \"ask\" }\n[event.a.shape]\n\"/n\" = \"integer\"\n\"/type\" = \"string\"\n[event.b.shape]\n\"/of\" = \"string, unique\"\n\"/type\" = \"string\"\n",
        );
        let notes = mended(&mut golden, &recordings);
        assert!(notes.iter().all(|note| note.starts_with("left out: ")), "{notes:?}");
        for said in ["what a/n is, because recording 2", "what b/of is, because recording 1"] {
            assert!(notes.iter().any(|note| note.contains(said)), "{notes:?} do not say {said}");
        }
        // Statements without a contradiction stay.
        assert!(!check::check(&golden, &recordings[0]).findings.iter().any(|_| true));
        let silent = recording("4", &[("b", json!({"of": "x"}))]);
        assert!(!check::check(&golden, &silent).findings.is_empty(), "{}", golden.order);
    }

    #[test]
    fn what_a_person_holds_is_not_given_up() {
        let recordings = [recording("1", &[("b", json!({})), ("a", json!({}))])];
        let mut golden = read("order = \"a ; b\"\n");
        golden.keep = vec!["order".to_owned()];
        let before = golden.order.clone();
        let notes = mend(&recordings, &[0], &mut golden).expect("in memory").notes();
        assert_eq!(golden.order, before);
        assert!(notes[0].starts_with("recording 1 contradicts `order`, which a person keeps"), "{notes:?}");
    }

    #[test]
    fn a_client_that_begins_and_then_waits_can_be_played() {
        let turn = |last: bool| {
            let mut said = vec![(">hi", json!({})), ("pong", json!({})), ("more", json!({}))];
            if last {
                said.extend([("more", json!({}))]);
            }
            said
        };
        let recordings: Vec<Transcript> = (0..6)
            .map(|n| recording(&n.to_string(), &[turn(n % 2 == 0), turn(n % 3 == 0), turn(false)].concat()))
            .collect();
        let proposal = learn(&recordings[..], None).expect("there are events");
        let text = golden::write(&proposal.golden);
        assert!(
            !proposal.notes.iter().any(|note| note.contains("cannot be played")),
            "{:?}\n{text}",
            proposal.notes
        );
        for recording in &recordings {
            assert_eq!(play(&proposal.golden, recording), Played::Through, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_played_is_said() {
        let recordings = [recording("7", &[("hello", json!({})), (">ask", json!({})), ("done", json!({}))])];
        let mut golden = read("order = \"hello ; done ; >ask\"\n[event.ask]\nsend = { type = \"ask\" }\n");
        let played = play(&golden, &recordings[0]);
        assert!(matches!(&played, Played::Stuck { sent: 0, of: 1, .. }), "{played:?}");
        let sample = Sample::draw(&recordings[..]).expect("one");
        let notes = make_playable(&mut golden, &sample);
        assert!(
            notes[0].starts_with(
                "cannot be played: the client's half came to its end against 0 of 1 recordings; against 7 it"
            ),
            "{notes:?}"
        );
    }

    #[test]
    fn recordings_that_were_held_back_say_how_many_clean_runs_would_be_disturbed() {
        let steady: Vec<Transcript> = (0..10)
            .map(|n| recording(&n.to_string(), &[(">ask", json!({})), ("done", json!({"ok": true}))]))
            .collect();
        let said = trial(&steady[..], None).expect("in memory").expect("enough");
        assert_eq!(
            said,
            "tried on recordings that it was not learned from: 0 of 10 would show something, 0 of them would fail at once"
        );
        let names = ["one", "two", "three", "four", "five"];
        let varied: Vec<Transcript> = names
            .iter()
            .map(|name| recording(&name.len().to_string(), &[(">ask", json!({})), (name, json!({}))]))
            .collect();
        let said = trial(&varied[..], None).expect("in memory").expect("enough");
        assert!(said.contains("5 of 5 would show something"), "{said}");
        assert_eq!(trial(&steady[..2], None).expect("in memory"), None);
    }

    #[test]
    fn a_session_that_gave_up_is_learned_from_only_when_there_is_no_other() {
        let whole = |id: &str| recording(id, &[(">ask", json!({})), ("done", json!({}))]);
        let mut given_up = recording("9", &[(">ask", json!({}))]);
        given_up.ending.how = End::GaveUp {
            waiting_for: vec!["done".to_owned()],
            waited: crate::transcript::Gap::from_millis(10_000),
        };
        let proposal = learn(&[whole("1"), whole("2"), given_up.clone()][..], None).expect("events");
        assert_eq!(proposal.golden.order.to_string(), ">ask ; done");
        assert_eq!(proposal.golden.ends, ["client 1000"]);
        assert!(proposal.notes.iter().any(|note| note.starts_with("in 1 recording the client gave up")));
        let proposal = learn(&[given_up][..], None).expect("an event");
        assert!(!proposal.golden.ends.contains(&"gave up".to_owned()));
    }
}
