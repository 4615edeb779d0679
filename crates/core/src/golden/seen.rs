//! The `.seen` file beside a golden: its evidence, and fingerprints that no later session should repeat. JSON Lines,
//! version 2.
//!
//! ```text
//! {"goldwire_seen":2,"recordings":20,"users":5,"same_user":true,"long_gaps":0,"round_gaps":0,"texts_sent":20, …}
//! {"learned":{"days":1,"hosts":["linux-x86_64-2c-kvm-1u-41e155"]}}
//! {"event":"token","known":{"seen":320,"runs":20,"timing":[{"after":"token","fastest":"0.9 ms", …}]}}
//! {"recording":"2bwm76","ids":["02a1…","9c40…"],"times":["11f0…"],"texts":{},"timeline":{"labels":"7be0…","tenths":[0,244]}}
//! ```
//!
//! Values are [fingerprints](crate::stats::fingerprint) of 64 bits, so that the file reveals no id or text. Each is
//! stored with its recording, so that a recording is never compared with itself. Values that two recordings share
//! prove nothing and are not stored.

use super::{EventEvidence, Evidence, LearnedEvidence, Timeline};
use crate::dialect::Label;
use crate::transcript::{Gap, visible_json};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The version this program writes. It reads version 1, too, which had no evidence: then the golden had it.
const SEEN_VERSION: u32 = 2;

/// The contents of a `.seen` file: the evidence and the fingerprints of recordings.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Seen {
    /// The number of recordings.
    pub recordings: u32,
    /// The number of users.
    pub users: u32,
    /// Whether one of the users was recorded twice. Only then is it known which ids are new in every session.
    pub same_user: bool,
    /// Paths, e.g. `connected/user_id`, whose ids or times came again in a later recording.
    pub stale: BTreeSet<String>,
    /// The number of gaps of 40 ms or more.
    pub long_gaps: u64,
    /// The number of these that were multiples of 50 ms.
    pub round_gaps: u64,
    /// The number of free texts that the clients sent.
    pub texts_sent: u32,
    /// Paths at which the server repeats a sentence of the client.
    pub echoes: BTreeSet<String>,
    /// The number of paths at which two recordings had the same texts.
    pub repeated_texts: u32,
    /// The smallest distance between the timelines of two recordings with the same events.
    pub nearest: Option<Gap>,
    /// The variation of gaps within a recording, by previous event and event.
    pub regular: BTreeMap<(Label, Label), Regular>,
    /// The evidence of the golden.
    pub evidence: Evidence,
    /// The fingerprints that only one recording has, by its id.
    pub only: BTreeMap<String, Prints>,
}

/// The variation of a kind of gap within a recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Regular {
    /// The number of recordings with enough gaps.
    pub runs: u32,
    /// The mean over the recordings of the logarithm of the standard deviation of the logarithms of the gaps.
    pub mean: f64,
    /// The standard deviation of that over the recordings.
    pub sd: f64,
}

/// The fingerprints that only one recording has.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prints {
    /// Fingerprints of ids.
    pub ids: BTreeSet<u64>,
    /// Fingerprints of times.
    pub times: BTreeSet<u64>,
    /// Fingerprints of whole texts, by path.
    pub texts: BTreeMap<String, u64>,
    /// The arrival times of its events.
    pub timeline: Option<Timeline>,
}

/// The reason why a `.seen` file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SeenError {
    /// The first line is not that of such a file.
    #[error("line 1: not a .seen file: it starts with {{\"goldwire_seen\":2,…}}")]
    NotSeen,
    /// A version that another program wrote.
    #[error("line 1: version {0}; this goldwire reads version {SEEN_VERSION}; use a newer goldwire")]
    Version(u64),
    /// A line that makes no sense.
    #[error("line {line}, column {column}: {cause}")]
    Line {
        /// The number, counted from 1.
        line: usize,
        /// Counted from 1, in bytes.
        column: usize,
        /// The error.
        cause: String,
    },
}

#[derive(Deserialize)]
struct VersionOnly {
    goldwire_seen: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadLine {
    goldwire_seen: u32,
    recordings: u32,
    users: u32,
    same_user: bool,
    long_gaps: u64,
    round_gaps: u64,
    texts_sent: u32,
    repeated_texts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nearest_ns: Option<u64>,
    stale: BTreeSet<String>,
    echoes: BTreeSet<String>,
    regular: Vec<RegularEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RegularEntry {
    event: String,
    after: String,
    runs: u32,
    mean: f64,
    sd: f64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LearnedLine {
    learned: LearnedEvidence,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventLine {
    event: String,
    known: EventEvidence,
}

/// A line after the first one.
enum Line {
    Learned(LearnedEvidence),
    Event(EventLine),
    Recording(RecordingLine),
}

impl Line {
    fn read(text: &str) -> Result<Line, serde_json::Error> {
        // The first key determines the kind of line, and errors are reported for that kind.
        if text.starts_with("{\"event\"") {
            serde_json::from_str(text).map(Line::Event)
        } else if text.starts_with("{\"learned\"") {
            serde_json::from_str(text).map(|line: LearnedLine| Line::Learned(line.learned))
        } else {
            serde_json::from_str(text).map(Line::Recording)
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordingLine {
    recording: String,
    ids: Vec<Hex>,
    times: Vec<Hex>,
    texts: BTreeMap<String, Hex>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeline: Option<TimelineEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TimelineEntry {
    labels: Hex,
    tenths: Vec<u32>,
}

/// Sixteen hexadecimal digits.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Hex(u64);

impl From<Hex> for String {
    fn from(hex: Hex) -> String {
        format!("{:016x}", hex.0)
    }
}

impl TryFrom<String> for Hex {
    type Error = String;

    fn try_from(text: String) -> Result<Hex, String> {
        let number = (text.len() == 16).then(|| u64::from_str_radix(&text, 16).ok()).flatten();
        number.map(Hex).ok_or_else(|| format!("`{text}` is not a fingerprint: 16 hexadecimal digits"))
    }
}

impl Seen {
    /// The text of the file.
    pub fn write(&self) -> String {
        let regular = self.regular.iter().map(|((after, event), known)| RegularEntry {
            event: event.as_str().to_owned(),
            after: after.as_str().to_owned(),
            runs: known.runs,
            mean: known.mean,
            sd: known.sd,
        });
        let head = HeadLine {
            goldwire_seen: SEEN_VERSION,
            recordings: self.recordings,
            users: self.users,
            same_user: self.same_user,
            long_gaps: self.long_gaps,
            round_gaps: self.round_gaps,
            texts_sent: self.texts_sent,
            repeated_texts: self.repeated_texts,
            nearest_ns: self.nearest.map(Gap::as_nanos),
            stale: self.stale.clone(),
            echoes: self.echoes.clone(),
            regular: regular.collect(),
        };
        // Numbers, strings and lists of them always have a JSON text.
        let mut text = serde_json::to_string(&head).unwrap_or_default();
        text.push('\n');
        if self.evidence.learned != LearnedEvidence::default() {
            let line = LearnedLine { learned: self.evidence.learned.clone() };
            text.push_str(&serde_json::to_string(&line).unwrap_or_default());
            text.push('\n');
        }
        for (label, known) in &self.evidence.events {
            let line = EventLine { event: label.as_str().to_owned(), known: known.clone() };
            text.push_str(&serde_json::to_string(&line).unwrap_or_default());
            text.push('\n');
        }
        for (recording, prints) in &self.only {
            let hex = |set: &BTreeSet<u64>| set.iter().copied().map(Hex).collect();
            let line = RecordingLine {
                recording: recording.clone(),
                ids: hex(&prints.ids),
                times: hex(&prints.times),
                texts: prints.texts.iter().map(|(path, print)| (path.clone(), Hex(*print))).collect(),
                timeline: prints
                    .timeline
                    .as_ref()
                    .map(|line| TimelineEntry { labels: Hex(line.labels), tenths: line.arrivals.clone() }),
            };
            text.push_str(&serde_json::to_string(&line).unwrap_or_default());
            text.push('\n');
        }
        // Invisible characters are visible here.
        visible_json(&text).into_owned()
    }

    /// Reads the text of the file.
    ///
    /// # Errors
    /// The first invalid line.
    pub fn read(text: &str) -> Result<Seen, SeenError> {
        let mut lines = text.lines().enumerate();
        let first = lines.next().map_or("", |(_, line)| line);
        let version: VersionOnly = serde_json::from_str(first).map_err(|_| SeenError::NotSeen)?;
        if !(1..=u64::from(SEEN_VERSION)).contains(&version.goldwire_seen) {
            return Err(SeenError::Version(version.goldwire_seen));
        }
        let head: HeadLine = serde_json::from_str(first).map_err(|error| line_error(0, &error))?;
        let mut seen = Seen {
            recordings: head.recordings,
            users: head.users,
            same_user: head.same_user,
            stale: head.stale,
            long_gaps: head.long_gaps,
            round_gaps: head.round_gaps,
            texts_sent: head.texts_sent,
            echoes: head.echoes,
            repeated_texts: head.repeated_texts,
            nearest: head.nearest_ns.map(Gap::from_nanos),
            regular: BTreeMap::new(),
            evidence: Evidence::default(),
            only: BTreeMap::new(),
        };
        for RegularEntry { event, after, runs, mean, sd } in head.regular {
            let class = (Label::from(after.as_str()), Label::from(event.as_str()));
            seen.regular.insert(class, Regular { runs, mean, sd });
        }
        for (index, line) in lines {
            let line = match Line::read(line).map_err(|error| line_error(index, &error))? {
                Line::Learned(learned) => {
                    seen.evidence.learned = learned;
                    continue;
                }
                Line::Event(line) => {
                    seen.evidence.events.insert(Label::from(line.event.as_str()), line.known);
                    continue;
                }
                Line::Recording(line) => line,
            };
            let set = |list: Vec<Hex>| list.into_iter().map(|hex| hex.0).collect();
            let prints = Prints {
                ids: set(line.ids),
                times: set(line.times),
                texts: line.texts.into_iter().map(|(path, hex)| (path, hex.0)).collect(),
                timeline: line
                    .timeline
                    .map(|entry| Timeline { labels: entry.labels.0, arrivals: entry.tenths }),
            };
            seen.only.insert(line.recording, prints);
        }
        Ok(seen)
    }
}

fn line_error(index: usize, error: &serde_json::Error) -> SeenError {
    let text = error.to_string();
    let cause = text.split(" at line ").next().unwrap_or_default().to_owned();
    SeenError::Line { line: index + 1, column: error.column(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> Seen {
        let prints = Prints {
            ids: BTreeSet::from([1, u64::MAX]),
            times: BTreeSet::from([7]),
            texts: BTreeMap::from([("done/answer".to_owned(), 9)]),
            timeline: Some(Timeline { labels: 3, arrivals: vec![0, 244, 1000] }),
        };
        Seen {
            recordings: 20,
            users: 5,
            same_user: true,
            stale: BTreeSet::from(["connected/user_id".to_owned()]),
            nearest: Some(Gap::from_millis(9)),
            regular: BTreeMap::from([(
                (Label::from(">ask"), Label::from("token")),
                Regular { runs: 20, mean: -0.4697, sd: 0.25 },
            )]),
            evidence: Evidence {
                events: BTreeMap::from([(Label::from("token"), EventEvidence::default())]),
                ..Evidence::default()
            },
            only: BTreeMap::from([("2bwm76".to_owned(), prints), ("a".to_owned(), Prints::default())]),
            ..Seen::default()
        }
    }

    #[test]
    fn reading_undoes_writing() {
        assert_eq!(Seen::read(&seen().write()), Ok(seen()));
        assert_eq!(Seen::read(&Seen::default().write()), Ok(Seen::default()));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let said = |text: &str| Seen::read(text).expect_err("a mistake").to_string();
        assert!(said("").starts_with("line 1: not a .seen file"));
        assert!(
            said("{\"goldwire_seen\":3}").starts_with("line 1: version 3; this goldwire reads version 2")
        );
        let broken = seen().write().replace("ffffffffffffffff", "ffff");
        assert!(said(&broken).starts_with("line 3, column "), "{}", said(&broken));
        assert!(said(&broken).contains("`ffff` is not a fingerprint"), "{}", said(&broken));
        let odd = seen().write().replace("\"seen\":0,", "\"seen\":0,\"often\":3,");
        assert!(said(&odd).starts_with("line 2, column ") && said(&odd).contains("often"), "{}", said(&odd));
    }
}
