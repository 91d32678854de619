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

/// The permission to serve one connection; dropping it makes room for another.
pub(crate) struct Place {
    pub(crate) server: Arc<Server>,
    /// Whether the connection must be refused.
    pub(crate) refused: bool,
}

impl Server {
    pub(crate) fn new(options: Options) -> Self {
        Self { options, connections: Mutex::default(), ended: Condvar::new() }
    }

    /// Returns a place for a new connection; `None` if too many are waiting to be refused.
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

    /// Closes all connections with 1001, and waits until the peers have closed too, up to the close timeout.
    pub(crate) fn stop(&self) {
        let mut connections = self.connections();
        connections.stopping = true;
        for link in &connections.open {
            send_going_away(link);
        }
        // A connection whose handshake has just ended is not open here yet, but its client may know already.
        let some_are_served = |connections: &mut Connections| connections.served > 0;
        drop(self.ended.wait_timeout_while(connections, self.options.close_timeout, some_are_served));
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Serves an open connection; while this runs, `stop` can close it.
    pub(crate) fn enter<T>(&self, link: Link, serve: impl FnOnce(&Link) -> T) -> T {
        let link = Arc::new(link);
        let mut connections = self.server.connections();
        connections.open.push(Arc::clone(&link));
        if connections.stopping {
            send_going_away(&link);
        }
        drop(connections);
        let result = serve(&link);
        self.server.connections().open.retain(|other| !Arc::ptr_eq(other, &link));
        result
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut connections = self.server.connections();
        let count = if self.refused { &mut connections.refused } else { &mut connections.served };
        *count = count.saturating_sub(1);
        drop(connections);
        self.server.ended.notify_all();
    }
}

fn send_going_away(link: &Link) {
    link.send(CloseConnection::new(CloseCode::GOING_AWAY, "the server stops"));
}

/// How many connections may wait to be refused with 503; others are dropped without an answer.
const MAX_REFUSED: usize = 16;
