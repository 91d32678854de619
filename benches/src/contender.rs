//! An engine entered for the cells: its output is compared with the original before it is timed.

use crate::cells::{Task, Work};
use crate::engine::{Collect, Count, Engine, Out, Outcome, Unfit};
use crate::engines::{
    fastwebsockets::Fastwebsockets, nexus_web::NexusWeb, sockudo_ws::SockudoWs, soketto::Soketto,
    tokio_websockets::TokioWebsockets, tungstenite::Tungstenite, websocket_sans_io::WebsocketSansIo,
    wsproto::Whole, wsproto::Wsproto, wtx::Wtx, yawc::Yawc,
};
use crate::heap::Idle;
use crate::probe::{Leniency, leniency};
use crate::wire::{BINARY, FIN, read};
use crate::workload::Input;

/// An engine, its type forgotten.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) driven: &'static str,
    enter: fn(&Task) -> Result<Batch, Unfit>,
    pub(crate) leniency: fn() -> Leniency,
    pub(crate) idle: fn(&Input) -> Option<Idle>,
}

/// The work on one batch.
pub(crate) type Batch = Box<dyn FnMut()>;

impl Contender {
    /// This crate, twice, and its peers.
    pub(crate) fn all() -> Vec<Self> {
        vec![
            Self::of::<Wsproto>(),
            Self::of::<Whole>(),
            Self::of::<Fastwebsockets>(),
            Self::of::<NexusWeb>(),
            Self::of::<SockudoWs>(),
            Self::of::<Soketto>(),
            Self::of::<TokioWebsockets>(),
            Self::of::<Tungstenite>(),
            Self::of::<WebsocketSansIo>(),
            Self::of::<Wtx>(),
            Self::of::<Yawc>(),
        ]
    }

    fn of<E: Engine>() -> Self {
        Self { name: E::NAME, driven: E::DRIVEN, enter: enter::<E>, leniency: leniency::<E>, idle: E::idle }
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.name.starts_with("wsproto")
    }

    /// Checks that the engine does what the task asks; then that is the work on a batch.
    pub(crate) fn enter(&self, task: &Task) -> Result<Batch, &'static str> {
        match (self.enter)(task) {
            Ok(batch) => Ok(batch),
            Err(Unfit::Missing(why)) => Err(why),
            Err(unfit) => panic!("{}, {}: {unfit:?}", self.name, task.cell.title()),
        }
    }
}

fn enter<E: Engine>(task: &Task) -> Result<Batch, Unfit> {
    let work = task.cell.work;
    let input = task.input;
    let mut engine = E::new();
    if let Work::Decode(_) | Work::DecodeReads(_) = work {
        // Twice, as the first batch must leave the engine ready for the next.
        for _ in 0..2 {
            let mut collect = Collect::default();
            engine.decode(&input, &mut collect)?;
            assert_eq!(collect.messages, input.messages, "{}, {}", E::NAME, task.cell.title());
            assert!(collect.bytes == task.payloads, "{}, {}: another payload", E::NAME, task.cell.title());
        }
        return Ok(Box::new(move || must(engine.decode(&input, &mut Count::default()))));
    }

    let mut outgoing = task.outgoing();
    let mut encode = move |out: &mut Out| match work {
        Work::EncodeServer => engine.encode_server(&outgoing, out),
        Work::EncodeInPlace => engine.encode_in_place(&mut outgoing, out),
        Work::EncodeClient => engine.encode_client(&outgoing, out),
        _ => engine.echo(&input, out),
    };
    for _ in 0..2 {
        let mut out = Out { kept: Some(Vec::new()) };
        encode(&mut out)?;
        check_encoded(task, &out.kept.unwrap_or_default(), E::NAME);
    }
    Ok(Box::new(move || must(encode(&mut Out::default()))))
}

/// Reads back what an engine wrote.
fn check_encoded(task: &Task, mut wire: &[u8], name: &str) {
    let title = task.cell.title();
    let is_client = task.cell.work == Work::EncodeClient;
    let payload = task.outgoing().payload;
    let mut payloads = task.payloads.chunks(task.cell.len);
    let mut keys = Vec::new();
    for _ in 0..task.input.messages {
        let frame = read(wire).unwrap_or_else(|| panic!("{name}, {title}: not a frame"));
        let expected = if task.cell.work == Work::Echo { payloads.next() } else { Some(payload) };
        assert_eq!(frame.first_byte, FIN | BINARY, "{name}, {title}: another first byte");
        assert_eq!(frame.masking_key.is_some(), is_client, "{name}, {title}: masked");
        assert!(Some(frame.payload.as_slice()) == expected, "{name}, {title}: another payload");
        keys.extend(frame.masking_key);
        wire = &wire[frame.rest_at..];
    }
    assert!(wire.is_empty(), "{name}, {title}: more than the messages");
    keys.sort_unstable();
    keys.dedup();
    // Two equal ones among thousands are to be expected, a tenth is not.
    assert!(!is_client || keys.len() > task.input.messages * 9 / 10, "{name}, {title}: not random");
}

fn must(outcome: Outcome) {
    outcome.expect("it did so before");
}
