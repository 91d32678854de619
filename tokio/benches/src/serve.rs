//! The process of an engine: one thread, on a processor of its own.

use std::ffi::OsString;
use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::contender::Kind;
use crate::engines::{
    Engine, Fastwebsockets, Role, Setup, Slowed, TokioAlone, TokioTungstenite, TokioWebsockets,
    WithoutDeadlines, Wrong, WsprotoTokio, Yawc,
};
use crate::heap;

/// What the connections do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Echo,
    EchoBatched,
    /// The messages of the first connection are sent to all others.
    Broadcast,
}

impl Service {
    const ALL: [Self; 3] = [Self::Echo, Self::EchoBatched, Self::Broadcast];
}

/// What a process is to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub(crate) kind: Kind,
    pub(crate) service: Service,
    pub(crate) setup: Setup,
    pub(crate) connections: usize,
    /// Where the load listens: the first connection is for [`Usage`].
    pub(crate) load: SocketAddr,
}

impl Order {
    /// The arguments of the process.
    pub(crate) fn arguments(&self) -> [String; 6] {
        [
            format!("{:?}", self.kind),
            format!("{:?}", self.service),
            format!("{:?}", self.setup.role),
            self.setup.deflates.to_string(),
            self.connections.to_string(),
            self.load.to_string(),
        ]
    }

    /// Reads the arguments of this process.
    pub(crate) fn parse(arguments: &[OsString]) -> io::Result<Self> {
        let text: Vec<String> =
            arguments.iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
        Self::try_parse(&text).ok_or_else(|| io::Error::other("serve: only the load calls this"))
    }

    fn try_parse(text: &[String]) -> Option<Self> {
        let [kind, service, role, deflates, connections, load] = text else { return None };
        Some(Self {
            kind: by_name(&Kind::ALL, kind)?,
            service: by_name(&Service::ALL, service)?,
            setup: Setup {
                role: by_name(&[Role::Client, Role::Server], role)?,
                deflates: deflates.parse().ok()?,
            },
            connections: connections.parse().ok()?,
            load: load.parse().ok()?,
        })
    }
}

fn by_name<T: Copy + Debug>(all: &[T], name: &str) -> Option<T> {
    all.iter().copied().find(|one| format!("{one:?}") == name)
}

/// What a process has used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// The time on a processor, in nanoseconds, by user code and for system calls.
    pub(crate) cpu: i64,
    /// The memory on the heap, in bytes.
    pub(crate) heap: i64,
    /// The resident memory, in bytes.
    pub(crate) resident: i64,
}

impl Usage {
    /// The length in which it is sent.
    pub(crate) const LEN: usize = 24;

    fn now() -> Self {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
        let page_size = i64::try_from(rustix::param::page_size()).unwrap_or(0);
        Self {
            cpu: cpu.tv_sec * 1_000_000_000 + cpu.tv_nsec,
            heap: heap::live(),
            resident: page_size * pages,
        }
    }

    fn to_bytes(self) -> Vec<u8> {
        [self.cpu, self.heap, self.resident].into_iter().flat_map(i64::to_le_bytes).collect()
    }

    pub(crate) fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let mut numbers = bytes.as_chunks().0.iter().map(|&number| i64::from_le_bytes(number));
        let mut next = || numbers.next().unwrap_or_default();
        Self { cpu: next(), heap: next(), resident: next() }
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            cpu: self.cpu - before.cpu,
            heap: self.heap - before.heap,
            resident: self.resident - before.resident,
        }
    }
}

/// Keeps this process on one of the processors that it may use: the load on the first, an engine on the
/// last.
pub(crate) fn stay_on(is_engine: bool) -> io::Result<()> {
    let allowed = sched_getaffinity(None)?;
    let mut usable = (0..CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu));
    let chosen = if is_engine { usable.next_back() } else { usable.next() };
    let mut one = CpuSet::new();
    one.set(chosen.unwrap_or(0));
    sched_setaffinity(None, &one)?;
    Ok(())
}

/// Does what is ordered, until the load ends the first connection.
pub(crate) fn serve(order: Order) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match order.kind {
            Kind::WsprotoTokio => serve_with::<WsprotoTokio>(order).await,
            Kind::WithoutDeadlines => serve_with::<WithoutDeadlines>(order).await,
            Kind::Slowed => serve_with::<Slowed>(order).await,
            Kind::Wrong => serve_with::<Wrong>(order).await,
            Kind::Fastwebsockets => serve_with::<Fastwebsockets>(order).await,
            Kind::TokioTungstenite => serve_with::<TokioTungstenite>(order).await,
            Kind::TokioWebsockets => serve_with::<TokioWebsockets>(order).await,
            Kind::Yawc => serve_with::<Yawc>(order).await,
            Kind::TokioAlone => serve_with::<TokioAlone>(order).await,
        }
    })
}

async fn serve_with<E: Engine>(order: Order) -> io::Result<()> {
    let mut control = TcpStream::connect(order.load).await?;
    control.set_nodelay(true)?;
    control.write_all(&Usage::now().to_bytes()).await?;
    match order.service {
        Service::Echo | Service::EchoBatched => {
            for _ in 0..order.connections {
                let ws = open::<E>(order).await?;
                match order.service {
                    Service::EchoBatched => tokio::spawn(ws.echo_batched()),
                    _ => tokio::spawn(ws.echo()),
                };
            }
        }
        Service::Broadcast => {
            let speaker = open::<E>(order).await?;
            let mut audience = Vec::new();
            for _ in 1..order.connections {
                audience.push(open::<E>(order).await?);
            }
            tokio::spawn(speaker.broadcast(audience));
        }
    }
    let mut question = [0];
    while control.read(&mut question).await? > 0 {
        control.write_all(&Usage::now().to_bytes()).await?;
    }
    Ok(())
}

async fn open<E: Engine>(order: Order) -> io::Result<E> {
    let stream = TcpStream::connect(order.load).await?;
    stream.set_nodelay(true)?;
    Ok(E::open(stream, order.setup).await)
}
