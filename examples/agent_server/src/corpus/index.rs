//! Search by words: an FTS5 table, ranked by bm25.

use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, params};

use super::Corpus;

/// Connections made at start; that many searches run side by side without one having to be made.
const READY: usize = 6;

/// The index. Each connection has the table in its own memory, since one connection serves one thread at a time.
#[derive(Debug)]
pub(crate) struct Index {
    rows: Vec<(String, String)>,
    idle: Mutex<Vec<Connection>>,
}

impl Index {
    /// Indexes all documents.
    pub(crate) fn new(corpus: &Corpus) -> Result<Index, rusqlite::Error> {
        let rows = corpus.documents.iter().enumerate().map(|(place, document)| {
            let body: Vec<_> = corpus.sentences_of(place).map(|(_, sentence)| sentence.text).collect();
            (document.title.to_owned(), body.join(" "))
        });
        let index = Index { rows: rows.collect(), idle: Mutex::default() };
        let ready: Result<Vec<_>, _> = (0..READY).map(|_| index.connect()).collect();
        index.put_back(ready?);
        Ok(index)
    }

    fn connect(&self) -> Result<Connection, rusqlite::Error> {
        let mut connection = Connection::open_in_memory()?;
        let all = connection.transaction()?;
        all.execute_batch(
            "CREATE VIRTUAL TABLE facts USING fts5 (title, body, tokenize = 'porter unicode61')",
        )?;
        for (place, (title, body)) in (0_i64..).zip(&self.rows) {
            all.execute(
                "INSERT INTO facts (rowid, title, body) VALUES (?1, ?2, ?3)",
                params![place, title, body],
            )?;
        }
        all.commit()?;
        Ok(connection)
    }

    fn put_back(&self, connections: impl IntoIterator<Item = Connection>) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).extend(connections);
    }

    /// The documents that hold any of the words, best first, as places in the corpus; per query.
    ///
    /// A word in the title counts three times one in the body.
    pub(crate) fn search(
        &self,
        queries: &[Vec<String>],
        limit: u32,
    ) -> Result<Vec<Vec<usize>>, rusqlite::Error> {
        let taken = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match taken {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let found = queries.iter().map(|words| select(&connection, words, limit)).collect();
        self.put_back([connection]);
        found
    }
}

fn select(connection: &Connection, words: &[String], limit: u32) -> Result<Vec<usize>, rusqlite::Error> {
    if words.is_empty() {
        return Ok(Vec::new());
    }
    // Quoted, a word is a word even where FTS5 has a meaning for it; ours hold no quotes.
    let any: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
    let mut select = connection.prepare(
        "SELECT rowid FROM facts WHERE facts MATCH ?1 ORDER BY bm25(facts, 3.0, 1.0), rowid LIMIT ?2",
    )?;
    let rows = select.query_map(params![any.join(" OR "), limit], |row| row.get::<_, u32>(0))?;
    rows.map(|place| Ok(place? as usize)).collect()
}
