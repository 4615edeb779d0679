//! The client's half of a proposal can be played; that is tried here, not hoped for.

use super::mend::name_of;
use super::play::{Played, play};
use super::sample::Sample;
use crate::dialect::Label;
use crate::golden::Golden;
use crate::transcript::Transcript;

/// So many recordings the client's half is played against.
const PLAYED: usize = 8;

/// Plays the client's half against recordings. What it waits for in vain it does not wait for any more; what can
/// still not be played is said.
pub(super) fn make_playable(golden: &mut Golden, sample: &Sample<'_>) -> Vec<String> {
    if golden.script.is_empty() {
        return Vec::new();
    }
    let recordings: Vec<(usize, &Transcript)> =
        sample.recordings.iter().map(|(index, recording)| (*index, &**recording)).collect();
    let mut notes = Vec::new();
    let mut stuck: Option<(String, Vec<String>, usize, usize)> = None;
    let (mut through, mut played) = (0_usize, 0_usize);
    for (index, recording) in recordings {
        if played == PLAYED {
            break;
        }
        let mut outcome = play(golden, recording);
        while let Played::Stuck { sent, .. } = &outcome {
            let label = golden.script.get(*sent).cloned();
            let waiting = label.and_then(|label| golden.events.get_mut(&label).map(|event| (label, event)));
            let Some((label, event)) = waiting.filter(|(_, event)| !event.after.is_empty()) else { break };
            let after = std::mem::take(&mut event.after);
            let again = play(golden, recording);
            let is_further = match &again {
                Played::Stuck { sent: now, .. } => now > sent,
                Played::Through | Played::OtherScript => true,
            };
            if !is_further {
                if let Some(event) = golden.events.get_mut(&label) {
                    event.after = after;
                }
                break;
            }
            let causes: Vec<&str> = after.iter().map(Label::as_str).collect();
            notes.push(format!(
                "left out: that {label} waits for {}, because in recording {} it is sent before",
                causes.join(" or "),
                name_of(recording, index)
            ));
            outcome = again;
        }
        match outcome {
            Played::OtherScript => {}
            Played::Through => (played, through) = (played + 1, through + 1),
            Played::Stuck { waiting_for, sent, of } => {
                played += 1;
                stuck.get_or_insert((name_of(recording, index), waiting_for, sent, of));
            }
        }
    }
    if let Some((name, waiting_for, sent, of)) = stuck {
        let what =
            if waiting_for.is_empty() { "what does not come".to_owned() } else { waiting_for.join(" or ") };
        notes.push(format!(
            "cannot be played: the client's half came to its end against {through} of {played} recordings; against \
             {name} it sends {sent} of {of} messages and then waits for {what}"
        ));
    }
    notes
}
