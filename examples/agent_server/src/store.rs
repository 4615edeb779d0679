//! What is kept in SQLite: users, their sessions, threads and messages.
//!
//! Knows nothing of tokens or sockets. One connection behind a lock: each call is some microseconds, and SQLite has
//! one writer anyway.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;

use crate::ids;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS users (
        id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, password TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS refresh_tokens (
        jti TEXT PRIMARY KEY, user_id TEXT NOT NULL, access_jti TEXT NOT NULL, expires INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS revoked (jti TEXT PRIMARY KEY, expires INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS threads (id TEXT PRIMARY KEY, user_id TEXT NOT NULL, at TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS messages (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, thread_id TEXT NOT NULL, role TEXT NOT NULL,
        text TEXT NOT NULL, at TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS messages_of_thread ON messages (thread_id, seq);
";

/// A user as the outside may see them.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) name: String,
}

/// One stored message of a thread.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Message {
    pub(crate) message_id: String,
    pub(crate) role: String,
    pub(crate) text: String,
    pub(crate) at: String,
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    User,
    Assistant,
}

impl Role {
    fn as_str(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Assistant => "assistant",
        }
    }
}

/// The database.
#[derive(Debug)]
pub(crate) struct Store {
    connection: Mutex<Connection>,
}

type Answer<T> = Result<T, rusqlite::Error>;

impl Store {
    /// Opens the file, or a database in memory, and makes the tables.
    pub(crate) fn open(path: Option<&Path>) -> Answer<Store> {
        let connection = match path {
            Some(path) => Connection::open(path)?,
            None => Connection::open_in_memory()?,
        };
        // With a write-ahead log a commit does not wait for a whole page write-back.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Store { connection: Mutex::new(connection) })
    }

    /// The data stays whole when a caller panicked: SQLite rolled its statement back.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a user; `None` when the address is taken.
    pub(crate) fn add_user(&self, email: &str, name: &str, password: &str) -> Answer<Option<User>> {
        let user = User { id: ids::fresh("usr"), email: email.to_owned(), name: name.to_owned() };
        let added = self.lock().execute(
            "INSERT INTO users (id, email, name, password) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (email) DO NOTHING",
            params![user.id, user.email, user.name, password],
        )?;
        Ok((added == 1).then_some(user))
    }

    /// The user with this address, and their password hash.
    pub(crate) fn user_by_email(&self, email: &str) -> Answer<Option<(User, String)>> {
        self.lock()
            .query_row("SELECT id, email, name, password FROM users WHERE email = ?1", [email], |row| {
                Ok((User { id: row.get(0)?, email: row.get(1)?, name: row.get(2)? }, row.get(3)?))
            })
            .optional()
    }

    /// The user with this id.
    pub(crate) fn user(&self, id: &str) -> Answer<Option<User>> {
        self.lock()
            .query_row("SELECT id, email, name FROM users WHERE id = ?1", [id], |row| {
                Ok(User { id: row.get(0)?, email: row.get(1)?, name: row.get(2)? })
            })
            .optional()
    }

    /// Remembers a refresh token, and the access token that was given out with it.
    pub(crate) fn add_refresh(&self, jti: &str, user_id: &str, access_jti: &str, expires: u64) -> Answer<()> {
        let connection = self.lock();
        connection.execute(
            "DELETE FROM refresh_tokens WHERE expires < ?1",
            [i64::try_from(ids::unix_now()).unwrap_or(0)],
        )?;
        connection.execute(
            "INSERT INTO refresh_tokens (jti, user_id, access_jti, expires) VALUES (?1, ?2, ?3, ?4)",
            params![jti, user_id, access_jti, i64::try_from(expires).unwrap_or(i64::MAX)],
        )?;
        Ok(())
    }

    /// Uses a refresh token up; false when it was not there, because it never was or was used before.
    pub(crate) fn take_refresh(&self, jti: &str) -> Answer<bool> {
        Ok(self.lock().execute("DELETE FROM refresh_tokens WHERE jti = ?1", [jti])? == 1)
    }

    /// Ends a login: the access token is refused from now on, and its refresh token is gone.
    pub(crate) fn revoke(&self, access_jti: &str, expires: u64) -> Answer<()> {
        let connection = self.lock();
        connection.execute("DELETE FROM refresh_tokens WHERE access_jti = ?1", [access_jti])?;
        connection.execute(
            "INSERT INTO revoked (jti, expires) VALUES (?1, ?2) ON CONFLICT (jti) DO NOTHING",
            params![access_jti, i64::try_from(expires).unwrap_or(i64::MAX)],
        )?;
        Ok(())
    }

    /// Was this access token revoked?
    pub(crate) fn is_revoked(&self, jti: &str) -> Answer<bool> {
        self.lock().query_row("SELECT EXISTS (SELECT 1 FROM revoked WHERE jti = ?1)", [jti], |row| row.get(0))
    }

    /// A new thread of this user; its id.
    pub(crate) fn add_thread(&self, user_id: &str) -> Answer<String> {
        let id = ids::fresh("thr");
        self.lock().execute(
            "INSERT INTO threads (id, user_id, at) VALUES (?1, ?2, ?3)",
            params![id, user_id, ids::now()],
        )?;
        Ok(id)
    }

    /// The id of the user a thread belongs to.
    pub(crate) fn thread_owner(&self, thread_id: &str) -> Answer<Option<String>> {
        self.lock()
            .query_row("SELECT user_id FROM threads WHERE id = ?1", [thread_id], |row| row.get(0))
            .optional()
    }

    /// Stores a message; its id.
    pub(crate) fn add_message(&self, thread_id: &str, role: Role, text: &str) -> Answer<String> {
        let id = ids::fresh("msg");
        self.lock().execute(
            "INSERT INTO messages (id, thread_id, role, text, at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![id, thread_id, role.as_str(), text, ids::now()],
        )?;
        Ok(id)
    }

    /// The messages of a thread, oldest first.
    pub(crate) fn messages(&self, thread_id: &str) -> Answer<Vec<Message>> {
        let connection = self.lock();
        let mut select = connection
            .prepare("SELECT id, role, text, at FROM messages WHERE thread_id = ?1 ORDER BY seq")?;
        let rows = select.query_map([thread_id], |row| {
            Ok(Message { message_id: row.get(0)?, role: row.get(1)?, text: row.get(2)?, at: row.get(3)? })
        })?;
        rows.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_once_and_a_refresh_token_used_once() {
        let store = Store::open(None).unwrap();
        let user = store.add_user("a@example.org", "A", "hash").unwrap().unwrap();
        assert!(store.add_user("a@example.org", "B", "hash").unwrap().is_none());
        store.add_refresh("r1", &user.id, "a1", u64::MAX).unwrap();
        assert!(store.take_refresh("r1").unwrap());
        assert!(!store.take_refresh("r1").unwrap());
    }

    #[test]
    fn revoking_an_access_token_takes_its_refresh_token_along() {
        let store = Store::open(None).unwrap();
        store.add_refresh("r1", "usr_1", "a1", u64::MAX).unwrap();
        store.revoke("a1", u64::MAX).unwrap();
        assert!(store.is_revoked("a1").unwrap() && !store.is_revoked("a2").unwrap());
        assert!(!store.take_refresh("r1").unwrap());
    }

    #[test]
    fn messages_come_back_in_order() {
        let store = Store::open(None).unwrap();
        let thread = store.add_thread("usr_1").unwrap();
        store.add_message(&thread, Role::User, "one").unwrap();
        store.add_message(&thread, Role::Assistant, "two").unwrap();
        let texts: Vec<_> = store.messages(&thread).unwrap().into_iter().map(|m| (m.role, m.text)).collect();
        assert_eq!(
            texts,
            [("user".to_owned(), "one".to_owned()), ("assistant".to_owned(), "two".to_owned())]
        );
        assert_eq!(store.thread_owner(&thread).unwrap().as_deref(), Some("usr_1"));
    }
}
