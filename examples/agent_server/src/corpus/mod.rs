//! The documents the agent knows, and the two ways to search them: by words (`index`) and by likeness (`rank`).
//!
//! They come from one text file; a document is a heading and its sentences, one a line:
//!
//!     # moon-distance | The distance to the Moon
//!     The Moon circles Earth at an average distance of 384,400 km.

pub(crate) mod index;
pub(crate) mod rank;

const FACTS: &str = include_str!("../../corpus/facts.txt");

/// All documents.
#[derive(Debug)]
pub(crate) struct Corpus {
    pub(crate) documents: Vec<Document>,
    pub(crate) sentences: Vec<Sentence>,
}

/// A heading.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
}

/// One sentence, and the place of its document in `Corpus::documents`.
#[derive(Debug)]
pub(crate) struct Sentence {
    pub(crate) document: usize,
    pub(crate) text: &'static str,
}

impl Corpus {
    /// The bundled documents.
    pub(crate) fn bundled() -> Corpus {
        let mut corpus = Corpus { documents: Vec::new(), sentences: Vec::new() };
        for line in FACTS.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some((id, title)) = line.strip_prefix('#').and_then(|heading| heading.split_once('|')) {
                corpus.documents.push(Document { id: id.trim(), title: title.trim() });
            } else if let Some(document) = corpus.documents.len().checked_sub(1) {
                corpus.sentences.push(Sentence { document, text: line });
            }
        }
        corpus
    }

    /// The sentences of a document, with their places.
    pub(crate) fn sentences_of(&self, document: usize) -> impl Iterator<Item = (usize, &Sentence)> {
        self.sentences.iter().enumerate().filter(move |(_, sentence)| sentence.document == document)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn documents_have_ids_of_their_own_and_two_to_four_sentences() {
        let corpus = Corpus::bundled();
        let ids: HashSet<_> = corpus.documents.iter().map(|document| document.id).collect();
        assert_eq!(ids.len(), corpus.documents.len());
        assert!(corpus.documents.len() >= 140, "{}", corpus.documents.len());
        for (place, document) in corpus.documents.iter().enumerate() {
            assert!((2..=4).contains(&corpus.sentences_of(place).count()), "{}", document.id);
        }
    }
}
