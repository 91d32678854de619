//! What is measured.

use crate::contender::Kind;
use crate::engines::Role;
use crate::serve::Service;

/// One column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) work: Work,
    /// The length of a message, in bytes.
    pub(crate) len: usize,
    /// The role of the engine.
    pub(crate) role: Role,
    pub(crate) deflates: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Each message is sent when the one before has come back, on so many connections at the same time.
    PingPong { connections: usize },
    /// So many messages are on the way on one connection.
    Pipelined { in_flight: usize },
    /// One message to so many connections.
    Broadcast { audience: usize },
    /// Connections that have echoed a message, and then do nothing.
    Idle { connections: usize },
}

const SMALL: usize = 125;
const LARGE: usize = 16 << 10;

impl Cell {
    pub(crate) fn all() -> Vec<Self> {
        let plain = |work, len, role| Self { work, len, role, deflates: false };
        let deflated = |work, len| Self { work, len, role: Role::Server, deflates: true };
        let mut cells = Vec::new();
        for role in [Role::Server, Role::Client] {
            for (len, in_flight) in [(SMALL, 32), (LARGE, 8)] {
                cells.push(plain(Work::PingPong { connections: 1 }, len, role));
                cells.push(plain(Work::Pipelined { in_flight }, len, role));
                cells.push(plain(Work::PingPong { connections: 100 }, len, role));
            }
        }
        for (len, in_flight) in [(SMALL, 32), (LARGE, 8)] {
            cells.push(deflated(Work::PingPong { connections: 1 }, len));
            cells.push(deflated(Work::Pipelined { in_flight }, len));
        }
        for len in [SMALL, LARGE] {
            cells.push(plain(Work::Broadcast { audience: 1000 }, len, Role::Server));
        }
        cells.push(plain(Work::Idle { connections: 10_000 }, SMALL, Role::Server));
        cells.push(plain(Work::Idle { connections: 10_000 }, SMALL, Role::Client));
        cells.push(deflated(Work::Idle { connections: 1000 }, SMALL));
        cells
    }

    /// A few cells of each kind, small.
    pub(crate) fn smoke() -> Vec<Self> {
        let plain = |work, len, role| Self { work, len, role, deflates: false };
        let deflates = |cell: Self| Self { deflates: true, ..cell };
        let ping_pong = Work::PingPong { connections: 1 };
        vec![
            plain(ping_pong, SMALL, Role::Server),
            plain(Work::Pipelined { in_flight: 8 }, LARGE, Role::Client),
            deflates(plain(Work::Pipelined { in_flight: 32 }, SMALL, Role::Server)),
            plain(Work::Broadcast { audience: 20 }, SMALL, Role::Server),
            plain(Work::Idle { connections: 50 }, SMALL, Role::Server),
        ]
    }

    /// The table that it is in.
    pub(crate) fn group(&self) -> &'static str {
        match (self.work, self.deflates, self.role) {
            (Work::Idle { .. }, _, _) => "Memory of an idle connection",
            (Work::Broadcast { .. }, _, _) => "Broadcast",
            (_, true, _) => "Echo as a server, permessage-deflate",
            (_, _, Role::Server) => "Echo as a server",
            (_, _, Role::Client) => "Echo as a client",
        }
    }

    pub(crate) fn title(&self) -> String {
        let len = if self.len < 1024 { format!("{} B", self.len) } else { format!("{} KiB", self.len >> 10) };
        match self.work {
            Work::PingPong { connections: 1 } => format!("{len}, one at a time"),
            Work::PingPong { connections } => format!("{len}, {connections} connections"),
            Work::Pipelined { in_flight } => format!("{len}, {in_flight} in flight"),
            Work::Broadcast { audience } => format!("{len} to {audience}"),
            Work::Idle { connections } => {
                let role = if self.role == Role::Server { "server" } else { "client" };
                let deflate = if self.deflates { ", permessage-deflate" } else { "" };
                format!("{connections} as a {role}{deflate}")
            }
        }
    }

    pub(crate) const fn connections(&self) -> usize {
        match self.work {
            Work::PingPong { connections } | Work::Idle { connections } => connections,
            Work::Pipelined { .. } => 1,
            Work::Broadcast { audience } => 1 + audience,
        }
    }

    pub(crate) const fn service(&self) -> Service {
        match self.work {
            Work::PingPong { .. } | Work::Idle { .. } => Service::Echo,
            Work::Pipelined { .. } => Service::EchoBatched,
            Work::Broadcast { .. } => Service::Broadcast,
        }
    }

    /// Whether an engine takes part. Faults are in each message, or in the fourth.
    pub(crate) fn includes(&self, kind: Kind) -> bool {
        let is_idle = matches!(self.work, Work::Idle { .. });
        match kind {
            // Its memory is not freed.
            Kind::WithoutDeadlines => !is_idle && (!self.deflates || kind.can_deflate()),
            Kind::TokioAlone => is_idle && !self.deflates && self.role == Role::Server,
            Kind::Slowed | Kind::Wrong => !is_idle,
            _ => !self.deflates || kind.can_deflate(),
        }
    }
}
