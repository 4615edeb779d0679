//! Search by likeness: every sentence as a vector of hashed words and word parts, compared by cosine.
//!
//! What is ranked is exact and the same on every call; how much work a ranking is depends on the size of the corpus and
//! the number of readings, not on the question.

use std::collections::HashMap;

use super::Corpus;

/// Length of a vector. Longer ones have fewer collisions between hashed features.
const DIMENSIONS: usize = 2048;

/// How much the parts of a word count beside the word: enough to bring `orbits` near `orbital`.
const PARTS: f32 = 0.5;

/// Words that say nothing about a subject.
const EMPTY_WORDS: &[&str] = &[
    "a", "about", "all", "an", "and", "any", "are", "as", "at", "be", "been", "by", "can", "did", "do",
    "does", "each", "for", "from", "get", "had", "has", "have", "how", "i", "if", "in", "into", "is", "it",
    "its", "many", "me", "most", "much", "my", "no", "not", "of", "on", "one", "only", "or", "our", "please",
    "so", "some", "such", "tell", "than", "that", "the", "their", "them", "then", "there", "these", "they",
    "this", "to", "was", "we", "were", "what", "when", "where", "which", "who", "whose", "why", "will",
    "with", "would", "you", "your",
];

/// What a question's word asks for when it describes a quantity.
const MEANINGS: &[(&str, &str)] = &[
    ("far", "distance"),
    ("long", "time"),
    ("heavy", "mass"),
    ("fast", "speed"),
    ("hot", "temperature"),
    ("cold", "temperature"),
    ("tall", "height"),
    ("high", "height"),
    ("big", "diameter"),
    ("large", "diameter"),
    ("wide", "diameter"),
    ("deep", "depth"),
    ("old", "age"),
];

/// A feature vector; of length one unless it is all zero.
pub(crate) type Vector = Vec<f32>;

/// The sentences' vectors and the words' weights.
#[derive(Debug)]
pub(crate) struct Ranker {
    weights: HashMap<String, f32>,
    vectors: Vec<Vector>,
}

impl Ranker {
    /// Weighs words by how rare they are, and makes the vectors. A title counts with each of its sentences.
    #[expect(clippy::cast_precision_loss, reason = "counts of sentences are small")]
    pub(crate) fn new(corpus: &Corpus) -> Ranker {
        let texts: Vec<Vec<String>> = corpus
            .sentences
            .iter()
            .map(|sentence| {
                words(&format!("{} {}", corpus.documents[sentence.document].title, sentence.text))
            })
            .collect();
        let mut counts: HashMap<String, usize> = HashMap::new();
        for text in &texts {
            let mut seen = text.clone();
            seen.sort();
            seen.dedup();
            seen.into_iter().for_each(|word| *counts.entry(word).or_default() += 1);
        }
        let total = texts.len() as f32;
        let weights =
            counts.into_iter().map(|(word, count)| (word, (1.0 + total / count as f32).ln())).collect();
        let mut ranker = Ranker { weights, vectors: Vec::new() };
        ranker.vectors = texts.iter().map(|text| ranker.embed(text)).collect();
        ranker
    }

    /// The vector of some words. Words the corpus does not have are left out: they could match nothing, and would only
    /// draw every likeness down.
    pub(crate) fn embed(&self, words: &[String]) -> Vector {
        let mut vector = vec![0.0; DIMENSIONS];
        for word in words {
            if let Some(weight) = self.weights.get(word) {
                add_word(&mut vector, word, *weight);
            }
        }
        normalise(&mut vector);
        vector
    }

    /// The likeness of each sentence to the words, summed over many readings of them.
    ///
    /// A reading leaves out about a quarter of the words. A sentence that is near for one odd word is near in few
    /// readings; one that is near for the subject is near in nearly all.
    pub(crate) fn vote(&self, words: &[String], readings: usize) -> Vec<f32> {
        let single: Vec<Vector> = words.iter().map(|word| self.embed(std::slice::from_ref(word))).collect();
        let mut votes = vec![0.0; self.vectors.len()];
        for reading in 0..readings {
            let mut vector = vec![0.0; DIMENSIONS];
            for (place, part) in single.iter().enumerate() {
                if words.len() < 3 || !scramble(reading * 64 + place).is_multiple_of(4) {
                    let weight = self.weights.get(&words[place]).copied().unwrap_or(0.0);
                    vector.iter_mut().zip(part).for_each(|(sum, value)| *sum += value * weight);
                }
            }
            normalise(&mut vector);
            for (vote, sentence) in votes.iter_mut().zip(&self.vectors) {
                *vote += likeness(&vector, sentence);
            }
        }
        votes
    }

    /// How well the corpus supports a text: the mean likeness of the three sentences nearest to it.
    pub(crate) fn support<'a>(&'a self, text: &[f32], more: impl Iterator<Item = &'a Vector>) -> f32 {
        let mut best = [0.0_f32; 3];
        for sentence in self.vectors.iter().chain(more) {
            let near = likeness(text, sentence);
            if near > best[2] {
                best[2] = near;
                best.sort_by(|a, b| b.total_cmp(a));
            }
        }
        best.iter().sum::<f32>() / 3.0
    }
}

/// Places by falling score; equal scores in order of place.
pub(crate) fn best_first(scores: &[f32]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..scores.len()).collect();
    places.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    places
}

/// The words of a text that say something about its subject, as they are written.
pub(crate) fn terms(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let all = lower.split(|sign: char| !sign.is_alphanumeric());
    all.filter(|word| !word.is_empty() && !EMPTY_WORDS.contains(word)).map(str::to_owned).collect()
}

/// The terms of a question; a quantity that is asked for is named.
pub(crate) fn question_terms(text: &str) -> Vec<String> {
    let mut all = terms(text);
    let meant = MEANINGS.iter().filter(|(asked, _)| all.iter().any(|word| word == asked));
    let meant: Vec<String> = meant.map(|(_, meaning)| (*meaning).to_owned()).collect();
    all.extend(meant);
    all
}

/// The terms of a text without their endings.
pub(crate) fn words(text: &str) -> Vec<String> {
    terms(text).iter().map(|term| stem(term).to_owned()).collect()
}

/// The terms of a question without their endings.
pub(crate) fn question_words(text: &str) -> Vec<String> {
    question_terms(text).iter().map(|term| stem(term).to_owned()).collect()
}

fn stem(word: &str) -> &str {
    let keep = |rest: &&str| rest.len() >= 3;
    ["ing", "ed", "es", "s", "e"]
        .iter()
        .find_map(|ending| word.strip_suffix(ending).filter(keep))
        .unwrap_or(word)
}

fn add_word(vector: &mut [f32], word: &str, weight: f32) {
    add_feature(vector, word.as_bytes(), weight);
    let framed = format!("^{word}$");
    let parts = framed.as_bytes().windows(3);
    #[expect(clippy::cast_precision_loss, reason = "a word is short")]
    let share = weight * PARTS / (parts.len().max(1) as f32).sqrt();
    parts.for_each(|part| add_feature(vector, part, share));
}

/// Adds to the place a feature hashes to; the sign is hashed too, so that collisions cancel as often as they add.
fn add_feature(vector: &mut [f32], feature: &[u8], weight: f32) {
    let hash = feature.iter().fold(0xCBF2_9CE4_8422_2325_usize, |hash, byte| {
        (hash ^ usize::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    let mixed = scramble(hash);
    vector[mixed % DIMENSIONS] += if mixed & (1 << 40) == 0 { weight } else { -weight };
}

/// Spreads a number over all bits, always the same way.
fn scramble(number: usize) -> usize {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// Scales to length one.
pub(crate) fn normalise(vector: &mut [f32]) {
    let length = likeness(vector, vector).sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|value| *value /= length);
    }
}

/// The cosine of two vectors of length one. Eight sums side by side, which the compiler turns into wide instructions;
/// one sum would have to be added up in order.
fn likeness(left: &[f32], right: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    for (a, b) in left.as_chunks::<8>().0.iter().zip(right.as_chunks::<8>().0) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nearest(question: &str) -> &'static str {
        let corpus = Corpus::bundled();
        let ranker = Ranker::new(&corpus);
        let votes = ranker.vote(&question_words(question), 16);
        corpus.documents[corpus.sentences[best_first(&votes)[0]].document].id
    }

    #[test]
    fn a_question_is_near_its_subject() {
        assert_eq!(nearest("How far is the moon?"), "moon-distance");
        assert_eq!(nearest("Who first walked on the moon?"), "apollo-11");
    }

    #[test]
    fn unknown_words_change_nothing_of_note() {
        assert_eq!(nearest("How far is the moon? qzxv-7731"), "moon-distance");
    }
}
