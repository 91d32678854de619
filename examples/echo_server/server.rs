//! Counts the connections, and closes them when the server stops.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use wsproto::{CloseCode, CloseConnection};

use crate::link::Link;
use crate::options::Options;

/// What all connections share.
pub(crate) struct Server {
    pub(crate) options: Options,
    connections: Mutex<Connections>,
    ended: Condvar,
}

#[derive(Default)]
struct Connections {
    served: usize,
    refused: usize,
    open: Vec<Arc<Link>>,
    stopping: bool,
}

/// A place for one connection; dropping it makes room for another.
pub(crate) struct Place {
    pub(crate) server: Arc<Server>,
    /// Whether the connection is only there to be refused.
    pub(crate) refused: bool,
}

impl Server {
    pub(crate) fn new(options: Options) -> Self {
        Self { options, connections: Mutex::default(), ended: Condvar::new() }
    }

    /// A place for a new connection; `None` if even a refusal would cost too much.
    pub(crate) fn admit(self: &Arc<Self>) -> Option<Place> {
        let mut connections = self.connections();
        let refused = connections.stopping || connections.served >= self.options.max_connections;
        let (count, max) = match refused {
            true => (&mut connections.refused, MAX_REFUSED),
            false => (&mut connections.served, self.options.max_connections),
        };
        if *count >= max {
            return None;
        }
        *count = count.saturating_add(1);
        Some(Place { server: Arc::clone(self), refused })
    }

    /// Closes all connections with 1001, and waits until the peers have closed too, but not for ever.
    pub(crate) fn stop(&self) {
        let mut connections = self.connections();
        connections.stopping = true;
        for link in &connections.open {
            say_goodbye(link);
        }
        let some_are_open = |connections: &mut Connections| !connections.open.is_empty();
        drop(self.ended.wait_timeout_while(connections, self.options.close_timeout, some_are_open));
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Serves an open connection, which learns if the server stops.
    pub(crate) fn enter<T>(&self, link: Link, serve: impl FnOnce(&Link) -> T) -> T {
        let link = Arc::new(link);
        let mut connections = self.server.connections();
        connections.open.push(Arc::clone(&link));
        if connections.stopping {
            say_goodbye(&link);
        }
        drop(connections);
        let result = serve(&link);
        self.server.connections().open.retain(|other| !Arc::ptr_eq(other, &link));
        self.server.ended.notify_all();
        result
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut connections = self.server.connections();
        let count = if self.refused { &mut connections.refused } else { &mut connections.served };
        *count = count.saturating_sub(1);
    }
}

fn say_goodbye(link: &Link) {
    link.send(CloseConnection::new(CloseCode::GOING_AWAY, "the server stops"));
}

/// How many connections may wait for their refusal; others are dropped without one.
const MAX_REFUSED: usize = 16;
