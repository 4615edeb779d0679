//! The field that says most of what a message is.

use super::candidate::{CODE_MARK, Candidate, MAX_NAMES, USUAL, entropy, fields, information, names, shape};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The pointer of the field that says most of what these messages are; `only_usual` where only a usual name will do.
pub(super) fn best(said: &[Vec<Value>], only_usual: bool) -> Option<String> {
    let survey = Survey::of(said);
    // A code that every message has is its name; a word that only some have says more of those.
    let is_code = |candidate: &Candidate| candidate.joint.keys().all(|name| name.starts_with(CODE_MARK));
    let is_whole = |candidate: &Candidate| survey.share(candidate) >= WHOLE;
    let word = survey.highest(only_usual, |candidate| !is_code(candidate));
    let code = survey.highest(only_usual, |candidate| is_code(candidate) && is_whole(candidate));
    let is_word_of_all = word.is_some_and(|path| is_whole(&survey.candidates[path]));
    code.filter(|_| !is_word_of_all).or(word).cloned()
}

/// So much of all messages is nearly all of them.
const WHOLE: f64 = 0.95;

/// The fields of some messages in which a name may stand.
#[derive(Default)]
struct Survey {
    /// By pointer.
    candidates: BTreeMap<String, Candidate>,
    /// How many messages there are.
    total: u32,
    /// How many bits the shapes of messages have.
    entropy: f64,
    recordings: usize,
}

impl Survey {
    fn of(said: &[Vec<Value>]) -> Survey {
        let mut survey = Survey { recordings: said.len(), ..Survey::default() };
        let mut shapes: BTreeMap<u64, u32> = BTreeMap::new();
        for messages in said {
            let mut here: BTreeSet<(String, String)> = BTreeSet::new();
            for value in messages {
                if fields(value).is_empty() {
                    continue;
                }
                let shape = shape(value);
                survey.total += 1;
                *shapes.entry(shape).or_default() += 1;
                for (path, name) in names(value) {
                    let candidate = survey.candidates.entry(path.clone()).or_default();
                    let Some(name) = name else {
                        candidate.others += 1;
                        continue;
                    };
                    candidate.add(&name, shape);
                    here.insert((path, name));
                }
            }
            for (path, name) in here {
                survey.candidates.entry(path).or_default().add_recording([name.as_str()]);
            }
        }
        survey.entropy = entropy(shapes.values().copied());
        survey
    }

    /// The share of all messages that a candidate names.
    fn share(&self, candidate: &Candidate) -> f64 {
        f64::from(candidate.covered()) / f64::from(self.total.max(1))
    }

    /// The pointer of the wanted candidate that scores highest; of equals the first.
    fn highest(&self, only_usual: bool, is_wanted: impl Fn(&Candidate) -> bool) -> Option<&String> {
        let wanted = self.candidates.iter().filter(|(_, candidate)| is_wanted(candidate));
        let scores =
            wanted.filter_map(|(path, candidate)| Some((self.score(path, candidate, only_usual)?, path)));
        scores.max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1))).map(|(_, path)| path)
    }

    /// How good a name a field is; none where it is none.
    fn score(&self, path: &str, candidate: &Candidate, only_usual: bool) -> Option<f64> {
        let names = candidate.joint.len();
        let share = self.share(candidate);
        let leaf = path.rsplit('/').next().unwrap_or_default();
        let is_usual = USUAL.contains(&leaf);
        // What is the same in every message names nothing, unless it is the only name that the side has to say.
        let is_constant = names == 1 && !is_usual && leaf != "object";
        // Where ids or texts stand beside words, the words are no names either.
        let is_mixed = candidate.others * 10 > candidate.covered();
        if (only_usual && !is_usual) || is_constant || is_mixed {
            return None;
        }
        if share < 0.3 || names > MAX_NAMES || !candidate.recurs(self.recordings, 4) {
            return None;
        }
        let depth = i32::try_from(path.matches('/').count()).unwrap_or(9) - 1;
        let bonus = if is_usual { 0.6 } else { 0.0 };
        let parent = if path.starts_with("/parent") { 0.4 } else { 0.0 };
        // `room:7` says which one it is, not what.
        let is_instance = |name: &&String| {
            name.split_once(':').is_some_and(|(_, rest)| rest.contains(|c: char| c.is_ascii_digit()))
        };
        let instances = candidate.joint.keys().filter(is_instance).count();
        let which = if instances * 3 >= names { 0.8 } else { 0.0 };
        let told = information(candidate) - 0.5 * self.entropy * (1.0 - share);
        Some(told + bonus - 0.3 * f64::from(depth) - parent - which)
    }
}
