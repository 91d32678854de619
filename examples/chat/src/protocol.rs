//! What the page and the server say to each other: one JSON object a message.

use serde::{Deserialize, Serialize};

/// What a page sends.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// The first message. Who is first to use a name owns it, and shows that by the same token later.
    Hello {
        name: String,
        token: String,
        /// The last event that the page has seen, or 0.
        last_event: i64,
    },
    /// A message to one person. The page chooses `id`, so that a message that is sent again is stored once.
    Message { id: String, to: String, text: String },
    /// A post, which everybody sees.
    Post { id: String, text: String },
    /// Sets the vote of this person. As it says which, and not "the other", it may be sent again.
    Vote { post: i64, up: bool },
}

/// What the server sends.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Response {
    /// The answer to `Hello`, before the first event.
    Welcome { name: String },
    /// The name cannot be used; the connection ends.
    Refused { reason: String },
    /// All events up to now were sent; here is everybody who has a name.
    Ready { people: Vec<Person> },
    /// Somebody came, or left.
    Person(Person),
    /// Something that is stored.
    Event(Event),
    /// A request that cannot be stored; the page must not send it again.
    Failed { id: Option<String>, reason: String },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Person {
    pub name: String,
    pub online: bool,
}

/// Something that is stored. Events are numbered; each connection gets its events in that order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    pub event: i64,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    Message {
        id: String,
        from: String,
        to: String,
        text: String,
        /// In milliseconds since 1970.
        time: i64,
    },
    Post {
        id: String,
        from: String,
        text: String,
        time: i64,
    },
    /// The votes for a post, and whose vote has changed last.
    Votes {
        /// The event of the post.
        post: i64,
        votes: i64,
        /// Whether the person who gets this event has voted.
        mine: bool,
    },
}
