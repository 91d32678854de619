//! The chat: the handler of one connection, and the room that all connections share.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use sha2::{Digest, Sha256};
use wsproto::CloseCode;

use crate::protocol::{Event, Person, Request, Response, What};
use crate::socket::{ConnectionClosed, Message, Socket, SocketSender};
use crate::store::{Store, Stored};

/// What all connections share.
///
/// One lock is for the database and for the list of who is connected: whatever is stored is queued for all who may see
/// it before anything else is stored. So each connection gets its events in order, and no event is missed between
/// catching up and being in the list.
pub struct Room(Mutex<State>);

struct State {
    store: Store,
    /// The connections of each person who is here; a person may have several pages.
    online: HashMap<String, Vec<(u64, SocketSender)>>,
    last_connection: u64,
}

/// Why a request failed: it is the page's or the person's fault, or the database's.
enum Failure {
    Refused(&'static str),
    Store(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error)
    }
}

/// Serves one connection.
pub fn chat(socket: &mut Socket, room: &Room) -> Result<(), ConnectionClosed> {
    let Some(Request::Hello { name, token, last_event }) = receive(socket, Some(HELLO_TIMEOUT))? else {
        return end(socket, CloseCode::POLICY_VIOLATION, "the first message must be a hello");
    };
    let name = match room.claim(&name, &token) {
        Ok(name) => name,
        Err(Failure::Refused(reason)) => {
            socket.send(json(&Response::Refused { reason: reason.to_owned() }).as_str())?;
            return end(socket, CloseCode::POLICY_VIOLATION, reason);
        }
        Err(Failure::Store(error)) => return fail(socket, &error),
    };
    let visit = match room.enter(socket, &name, last_event)? {
        Ok(visit) => visit,
        Err(error) => return fail(socket, &error),
    };
    loop {
        let Some(request) = receive(socket, None)? else {
            return end(socket, CloseCode::INVALID_FRAME_PAYLOAD_DATA, "this is not a request");
        };
        let id = request.id();
        match room.handle(visit.name, request, socket) {
            Ok(()) => {}
            Err(Failure::Refused(reason)) => {
                socket.send(json(&Response::Failed { id, reason: reason.to_owned() }).as_str())?;
            }
            Err(Failure::Store(error)) => return fail(socket, &error),
        }
    }
}

/// Receives a request; `None` if nothing came in time, or something else.
fn receive(socket: &mut Socket, timeout: Option<Duration>) -> Result<Option<Request>, ConnectionClosed> {
    Ok(match socket.receive(timeout)? {
        Some(Message::Text(text)) => serde_json::from_str(&text).ok(),
        Some(Message::Binary(_)) | None => None,
    })
}

fn end(socket: &Socket, code: CloseCode, reason: &str) -> Result<(), ConnectionClosed> {
    // The code can be sent and the reasons are short, so that nothing is left to fail.
    let _ = socket.close(code, reason);
    Ok(())
}

/// Ends a connection because of the database. The page connects again later, and sends what was not stored.
fn fail(socket: &Socket, error: &rusqlite::Error) -> Result<(), ConnectionClosed> {
    eprintln!("chat: the database has failed: {error}");
    end(socket, CloseCode::INTERNAL_ERROR, "the database has failed")
}

/// A person's connection in the list of the room, until it is dropped.
struct Visit<'a> {
    room: &'a Room,
    name: &'a str,
    connection: u64,
}

impl Room {
    pub fn new(store: Store) -> Self {
        Self(Mutex::new(State { store, online: HashMap::new(), last_connection: 0 }))
    }

    fn claim(&self, name: &str, token: &str) -> Result<String, Failure> {
        let name = valid_name(name)?;
        if token.len() < MIN_TOKEN_LEN {
            return Err(Failure::Refused("The token is too short."));
        }
        // A token is random, so that its hash needs no salt.
        let name = self.lock().store.claim(name, &Sha256::digest(token))?;
        name.ok_or(Failure::Refused("Somebody else has this name."))
    }

    /// Sends what the page has missed, and puts it into the list.
    fn enter<'a>(
        &'a self,
        socket: &Socket,
        name: &'a str,
        mut last_event: i64,
    ) -> Result<rusqlite::Result<Visit<'a>>, ConnectionClosed> {
        let sender = socket.sender();
        socket.send(json(&Response::Welcome { name: name.to_owned() }).as_str())?;
        loop {
            let mut state = self.lock();
            let (people, events) =
                match (state.people(), state.store.events_after(last_event, name, PAGE_LEN)) {
                    (Ok(people), Ok(events)) => (people, events),
                    (Err(error), _) | (_, Err(error)) => return Ok(Err(error)),
                };
            if events.len() < PAGE_LEN {
                for event in events {
                    sender.send(json(&Response::Event(event)).as_str())?;
                }
                sender.send(json(&Response::Ready { people }).as_str())?;
                let connection = state.add(name, sender);
                return Ok(Ok(Visit { room: self, name, connection }));
            }
            drop(state);
            // This waits for a slow page, without the lock.
            for event in events {
                last_event = event.event;
                socket.send(json(&Response::Event(event)).as_str())?;
            }
        }
    }

    fn handle(&self, name: &str, request: Request, socket: &Socket) -> Result<(), Failure> {
        let mut state = self.lock();
        match request {
            Request::Hello { .. } => return Err(Failure::Refused("There was a hello already.")),
            Request::Message { id, to, text } => {
                let (id, text) = (valid_id(&id)?, valid_text(&text)?);
                let stored = state.store.add_message(id, name, &to, text, now())?;
                match stored.ok_or(Failure::Refused("Nobody has this name."))? {
                    Stored::New(event) => {
                        let message = json(&Response::Event(event));
                        state.send_to(name, &message);
                        if to != name {
                            state.send_to(&to, &message);
                        }
                    }
                    Stored::Before(event) => acknowledge(socket, event),
                }
            }
            Request::Post { id, text } => {
                match state.store.add_post(valid_id(&id)?, name, valid_text(&text)?, now())? {
                    Stored::New(event) => state.send_to_all(&json(&Response::Event(event))),
                    Stored::Before(event) => acknowledge(socket, event),
                }
            }
            Request::Vote { post, up } => {
                let voted = state.store.set_vote(post, name, up)?;
                let (event, votes) = voted.ok_or(Failure::Refused("There is no such post."))?;
                state.send_votes(event, post, votes)?;
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn people(&self) -> rusqlite::Result<Vec<Person>> {
        let names = self.store.names()?.into_iter();
        Ok(names.map(|name| Person { online: self.online.contains_key(&name), name }).collect())
    }

    fn add(&mut self, name: &str, sender: SocketSender) -> u64 {
        self.last_connection = self.last_connection.wrapping_add(1);
        let connections = self.online.entry(name.to_owned()).or_default();
        connections.push((self.last_connection, sender));
        if connections.len() == 1 {
            self.send_to_all(&json(&Response::Person(Person { name: name.to_owned(), online: true })));
        }
        self.last_connection
    }

    fn remove(&mut self, name: &str, connection: u64) {
        let Some(connections) = self.online.get_mut(name) else { return };
        connections.retain(|(other, _)| *other != connection);
        if connections.is_empty() {
            self.online.remove(name);
            self.send_to_all(&json(&Response::Person(Person { name: name.to_owned(), online: false })));
        }
    }

    /// Queues a message for all pages of one person.
    fn send_to(&self, name: &str, message: &str) {
        for (_, sender) in self.online.get(name).into_iter().flatten() {
            // If it is closed, its own thread takes it out of the list, and the page catches up later.
            let _ = sender.send(message);
        }
    }

    fn send_to_all(&self, message: &str) {
        for name in self.online.keys() {
            self.send_to(name, message);
        }
    }

    fn send_votes(&self, event: i64, post: i64, votes: i64) -> rusqlite::Result<()> {
        for name in self.online.keys() {
            let mine = self.store.has_voted(post, name)?;
            let event = Event { event, what: What::Votes { post, votes, mine } };
            self.send_to(name, &json(&Response::Event(event)));
        }
        Ok(())
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.room.lock().remove(self.name, self.connection);
    }
}

impl Request {
    /// What the page calls a message or a post.
    fn id(&self) -> Option<String> {
        match self {
            Self::Message { id, .. } | Self::Post { id, .. } => Some(id.clone()),
            Self::Hello { .. } | Self::Vote { .. } => None,
        }
    }
}

/// Sends an event that was stored before, for a page that has not got it.
fn acknowledge(socket: &Socket, event: Event) {
    // If the connection is closed, the next call of `receive` reports that.
    let _ = socket.sender().send(json(&Response::Event(event)).as_str());
}

/// A name, without spaces around it.
fn valid_name(name: &str) -> Result<&str, Failure> {
    let name = name.trim();
    let is_allowed = |c: char| c.is_alphanumeric() || " ._-'".contains(c);
    match name.chars().count() {
        0 => Err(Failure::Refused("Please choose a name.")),
        1..=MAX_NAME_CHARS if name.chars().all(is_allowed) => Ok(name),
        1..=MAX_NAME_CHARS => Err(Failure::Refused("A name has only letters, digits, spaces and . _ - '")),
        _ => Err(Failure::Refused("A name has at most 40 characters.")),
    }
}

fn valid_id(id: &str) -> Result<&str, Failure> {
    if (1..=MAX_ID_LEN).contains(&id.len()) { Ok(id) } else { Err(Failure::Refused("The id is not valid.")) }
}

fn valid_text(text: &str) -> Result<&str, Failure> {
    match text.trim().chars().count() {
        0 => Err(Failure::Refused("The text is empty.")),
        1..=MAX_TEXT_CHARS => Ok(text.trim()),
        _ => Err(Failure::Refused("The text has more than 4000 characters.")),
    }
}

fn json(response: &impl Serialize) -> String {
    // Only maps whose keys are not text cannot be written, and there are none.
    serde_json::to_string(response).unwrap_or_default()
}

/// In milliseconds since 1970.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// For the first message.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// How many events are read from the database at once. All of them, at their longest, fit into half of a socket's queue.
const PAGE_LEN: usize = 25;

const MAX_NAME_CHARS: usize = 40;
const MAX_TEXT_CHARS: usize = 4000;
const MAX_ID_LEN: usize = 64;
const MIN_TOKEN_LEN: usize = 16;
