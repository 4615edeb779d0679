//! `search_corpus`: documents by words and by likeness, merged.

use serde::Serialize;

use super::Outcome;
use crate::corpus::Corpus;
use crate::corpus::index::Index;
use crate::corpus::rank::{Ranker, best_first, question_terms, question_words};

/// Documents in a result.
const HITS: usize = 3;
/// Documents taken from each list before they are merged.
const DEPTH: u32 = 20;
/// Readings of the query for the ranking by likeness.
const READINGS: usize = 40;
/// Reciprocal rank fusion: a document's score is the sum of 1 / (60 + rank) over the lists that have it. The constant
/// is the one of the paper (Cormack, Clarke and Büttcher, SIGIR 2009), and the lists need no common scale.
const FUSION: f64 = 60.0;

/// A document that was found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Hit {
    pub(crate) doc_id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) snippet: &'static str,
    pub(crate) score: f64,
}

/// Runs the tool.
pub(crate) fn search(corpus: &Corpus, index: &Index, ranker: &Ranker, query: &str) -> Outcome {
    // The terms with what they mean, and the same without one of them: a document that is found whichever is left out
    // is about all of them.
    let terms = question_terms(query);
    let mut queries = vec![terms.clone()];
    queries.extend((0..terms.len().min(8)).map(|left_out| {
        let rest = terms.iter().enumerate().filter(|(place, _)| *place != left_out);
        rest.map(|(_, term)| term.clone()).collect()
    }));
    let mut lists = match index.search(&queries, DEPTH) {
        Ok(lists) => lists,
        Err(error) => return Outcome::Failed { error: format!("the index failed: {error}") },
    };
    let votes = ranker.vote(&question_words(query), READINGS);
    lists.push(documents_by_votes(corpus, &votes));
    let mut scores = vec![0.0_f64; corpus.documents.len()];
    for list in &lists {
        for (rank, document) in (1_u32..).zip(list) {
            scores[*document] += 1.0 / (FUSION + f64::from(rank));
        }
    }
    // Each list may count once; what is left is between 0 and 1.
    let most = f64::from(u32::try_from(lists.len()).unwrap_or(u32::MAX)) / (FUSION + 1.0);
    let mut found: Vec<usize> = (0..scores.len()).filter(|document| scores[*document] > 0.0).collect();
    found.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    let hits = found.into_iter().take(HITS).map(|document| Hit {
        doc_id: corpus.documents[document].id,
        title: corpus.documents[document].title,
        snippet: best_sentence(corpus, document, &votes),
        score: (scores[document] / most * 10_000.0).round() / 10_000.0,
    });
    Outcome::Hits { hits: hits.collect() }
}

/// The documents of the best sentences, each once.
fn documents_by_votes(corpus: &Corpus, votes: &[f32]) -> Vec<usize> {
    let mut documents = Vec::new();
    for place in best_first(votes).into_iter().take(DEPTH as usize) {
        let document = corpus.sentences[place].document;
        if !documents.contains(&document) {
            documents.push(document);
        }
    }
    documents
}

fn best_sentence(corpus: &Corpus, document: usize, votes: &[f32]) -> &'static str {
    let best = corpus.sentences_of(document).max_by(|(a, _), (b, _)| votes[*a].total_cmp(&votes[*b]));
    best.map_or("", |(_, sentence)| sentence.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(query: &str) -> Hit {
        let corpus = Corpus::bundled();
        let index = Index::new(&corpus).unwrap();
        match search(&corpus, &index, &Ranker::new(&corpus), query) {
            Outcome::Hits { hits } => hits[0].clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_document_about_the_question_comes_first() {
        assert_eq!(first("how far is the moon").doc_id, "moon-distance");
        assert_eq!(first("who first walked on the moon").doc_id, "apollo-11");
        assert_eq!(first("who published the first program \"OR\" NEAR(").doc_id, "lovelace");
    }
}
