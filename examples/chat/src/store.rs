//! Users, messages, posts and votes in SQLite.
//!
//! Whatever is stored gets the next number of one sequence: its event. A page that has seen all events up to one asks
//! for those after it. A vote has the event of its last change, so that a page gets the newest count and not its
//! history.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Result, Row, Transaction, params};

use crate::protocol::{Event, What};

/// The database.
pub struct Store(Connection);

/// The result of storing something that a page may send twice.
pub enum Stored {
    /// It is new.
    New(Event),
    /// It was stored before, as this event.
    Before(Event),
}

impl Store {
    /// Opens the database, and creates it if it does not exist.
    pub fn open(path: &Path) -> Result<Self> {
        let connection = Connection::open(path)?;
        // What was acknowledged outlives a crash of the program; with FULL, one of the machine too.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(connection))
    }

    /// Whether the name is this token's. A name that nobody has becomes its own. Capital letters make no difference.
    ///
    /// Returns the name as its owner wrote it first, or `None` if somebody else has it.
    pub fn claim(&mut self, name: &str, token: &[u8]) -> Result<Option<String>> {
        let key = name.to_lowercase();
        let new = self.0.execute(
            "INSERT INTO users (key, name, token) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            params![key, name, token],
        )?;
        let (name, owner): (String, Vec<u8>) =
            self.0.query_row("SELECT name, token FROM users WHERE key = ?1", [key], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        Ok((new == 1 || owner == token).then_some(name))
    }

    /// All names.
    pub fn names(&self) -> Result<Vec<String>> {
        self.0
            .prepare_cached("SELECT name FROM users ORDER BY key")?
            .query_map([], |row| row.get(0))?
            .collect()
    }

    /// Stores a message; `None` if nobody has the name `to`.
    pub fn add_message(
        &mut self,
        id: &str,
        from: &str,
        to: &str,
        text: &str,
        time: i64,
    ) -> Result<Option<Stored>> {
        let transaction = self.0.transaction()?;
        let is_known: bool =
            transaction
                .query_row("SELECT EXISTS (SELECT 1 FROM users WHERE name = ?1)", [to], |row| row.get(0))?;
        if !is_known {
            return Ok(None);
        }
        let event = next_event(&transaction)?;
        let added = transaction.execute(
            "INSERT INTO messages (event, id, sender, recipient, text, time) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO NOTHING",
            params![event, id, from, to, text, time],
        )?;
        if added == 0 {
            let select = "SELECT event, id, sender, recipient, text, time FROM messages
                          WHERE sender = ?1 AND id = ?2";
            return transaction.query_row(select, [from, id], message).map(Stored::Before).map(Some);
        }
        transaction.commit()?;
        let (id, from, to, text) = (id.to_owned(), from.to_owned(), to.to_owned(), text.to_owned());
        Ok(Some(Stored::New(Event { event, what: What::Message { id, from, to, text, time } })))
    }

    /// Stores a post.
    pub fn add_post(&mut self, id: &str, from: &str, text: &str, time: i64) -> Result<Stored> {
        let transaction = self.0.transaction()?;
        let event = next_event(&transaction)?;
        let added = transaction.execute(
            "INSERT INTO posts (event, id, author, text, time) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO NOTHING",
            params![event, id, from, text, time],
        )?;
        if added == 0 {
            let select = "SELECT event, id, author, text, time FROM posts WHERE author = ?1 AND id = ?2";
            return transaction.query_row(select, [from, id], post).map(Stored::Before);
        }
        transaction.commit()?;
        let (id, from, text) = (id.to_owned(), from.to_owned(), text.to_owned());
        Ok(Stored::New(Event { event, what: What::Post { id, from, text, time } }))
    }

    /// Sets somebody's vote for a post. Returns the event and the count of votes; `None` if there is no such post.
    pub fn set_vote(&mut self, post: i64, voter: &str, up: bool) -> Result<Option<(i64, i64)>> {
        let transaction = self.0.transaction()?;
        let is_known: bool =
            transaction.query_row("SELECT EXISTS (SELECT 1 FROM posts WHERE event = ?1)", [post], |row| {
                row.get(0)
            })?;
        if !is_known {
            return Ok(None);
        }
        let event = next_event(&transaction)?;
        transaction.execute(
            "INSERT INTO votes (post, voter, up, event) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET up = excluded.up, event = excluded.event",
            params![post, voter, up, event],
        )?;
        let votes =
            transaction
                .query_row("SELECT count(*) FROM votes WHERE post = ?1 AND up", [post], |row| row.get(0))?;
        transaction.commit()?;
        Ok(Some((event, votes)))
    }

    /// Whether somebody has voted for a post.
    pub fn has_voted(&self, post: i64, voter: &str) -> Result<bool> {
        let mut select = self.0.prepare_cached("SELECT up FROM votes WHERE post = ?1 AND voter = ?2")?;
        Ok(select.query_row(params![post, voter], |row| row.get(0)).optional()?.unwrap_or(false))
    }

    /// The first `limit` events after one that somebody may see, in order.
    pub fn events_after(&self, last: i64, name: &str, limit: usize) -> Result<Vec<Event>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut events = Vec::new();
        events.extend(self.select(
            "SELECT event, id, sender, recipient, text, time FROM messages
             WHERE event > ?1 AND (sender = ?2 OR recipient = ?2) ORDER BY event LIMIT ?3",
            params![last, name, limit],
            message,
        )?);
        events.extend(self.select(
            "SELECT event, id, author, text, time FROM posts WHERE event > ?1 ORDER BY event LIMIT ?2",
            params![last, limit],
            post,
        )?);
        events.extend(self.select(
            "SELECT max(event) AS newest, post, sum(up), max(up AND voter = ?2) FROM votes
             GROUP BY post HAVING newest > ?1 ORDER BY newest LIMIT ?3",
            params![last, name, limit],
            |row| {
                let what = What::Votes { post: row.get(1)?, votes: row.get(2)?, mine: row.get(3)? };
                Ok(Event { event: row.get(0)?, what })
            },
        )?);
        events.sort_by_key(|event| event.event);
        events.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(events)
    }

    fn select(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        event: impl FnMut(&Row<'_>) -> Result<Event>,
    ) -> Result<Vec<Event>> {
        self.0.prepare_cached(sql)?.query_map(params, event)?.collect()
    }
}

fn next_event(transaction: &Transaction<'_>) -> Result<i64> {
    transaction.query_row("UPDATE last_event SET event = event + 1 RETURNING event", [], |row| row.get(0))
}

fn message(row: &Row<'_>) -> Result<Event> {
    let (id, from, to) = (row.get(1)?, row.get(2)?, row.get(3)?);
    let what = What::Message { id, from, to, text: row.get(4)?, time: row.get(5)? };
    Ok(Event { event: row.get(0)?, what })
}

fn post(row: &Row<'_>) -> Result<Event> {
    let what = What::Post { id: row.get(1)?, from: row.get(2)?, text: row.get(3)?, time: row.get(4)? };
    Ok(Event { event: row.get(0)?, what })
}

/// All tables. The primary keys of messages and posts are their events.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS last_event (only INTEGER PRIMARY KEY CHECK (only = 1), event INTEGER NOT NULL) STRICT;
INSERT INTO last_event VALUES (1, 0) ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS users (
    key TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    token BLOB NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS messages (
    event INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    sender TEXT NOT NULL REFERENCES users (name),
    recipient TEXT NOT NULL REFERENCES users (name),
    text TEXT NOT NULL,
    time INTEGER NOT NULL,
    UNIQUE (sender, id)
) STRICT;
CREATE INDEX IF NOT EXISTS messages_of_sender ON messages (sender, event);
CREATE INDEX IF NOT EXISTS messages_of_recipient ON messages (recipient, event);

CREATE TABLE IF NOT EXISTS posts (
    event INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    author TEXT NOT NULL REFERENCES users (name),
    text TEXT NOT NULL,
    time INTEGER NOT NULL,
    UNIQUE (author, id)
) STRICT;

CREATE TABLE IF NOT EXISTS votes (
    post INTEGER NOT NULL REFERENCES posts (event),
    voter TEXT NOT NULL REFERENCES users (name),
    up INTEGER NOT NULL,
    event INTEGER NOT NULL,
    PRIMARY KEY (post, voter)
) STRICT;
";
