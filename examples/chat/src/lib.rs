//! A chat over `wsproto`, in the shape of Flask-Sock: a route, and a handler that gets a blocking socket.
//!
//! | file | what it does |
//! |---|---|
//! | `socket.rs` | the socket: receive with a timeout, send, close, pings, limits |
//! | `server.rs` | HTTP: files, routes to handlers, limits and deadlines before a connection is open |
//! | `protocol.rs` | what the page and the server say to each other, as types |
//! | `store.rs` | users, messages, posts and votes in SQLite |
//! | `chat.rs` | the handler, and who is connected |
//! | `main.rs` | the command line and the stop |
//! | `page/` | the page: HTML, CSS and JavaScript |

pub mod socket;
pub mod server;
pub mod protocol;
pub mod store;
pub mod chat;
