//! An engine that takes part in the cells: its output is compared with the original before it is timed.

use std::any::type_name;
use std::hint::black_box;

use ::zlib_rs::{Inflate, InflateFlush};

use crate::cells::{Task, Work};
use crate::engine::{
    BroadcastEngine, Collect, Count, DeflateEngine, Engine, HandshakeEngine, Out, Outcome, Sink, Unfit,
};
use crate::engines::{
    fastwebsockets::Fastwebsockets, floor::Floor, handshake_parts, nexus_web::NexusWeb, shiguredo_websocket,
    shiguredo_websocket::Shiguredo, sockudo_ws, sockudo_ws::SockudoWs, soketto, soketto::Soketto,
    tokio_websockets, tokio_websockets::TokioWebsockets, tungstenite, tungstenite::Tungstenite,
    websocket_sans_io::WebsocketSansIo, wsproto, wsproto::HeaderAlone, wsproto::Keyed, wsproto::Prepared,
    wsproto::Unprepared, wsproto::Whole, wsproto::Wsproto, wtx::Wtx, yawc, yawc::Yawc, zlib_rs,
};
use crate::heap::Idle;
use crate::json::TAIL;
use crate::probe::{Leniency, leniency};
use crate::request::ACCEPT_TOKEN;
use crate::wire::{BINARY, FIN, RSV1, TEXT, read};
use crate::workload::Input;

/// An engine, without its type.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) driven: &'static str,
    pub(crate) standing: Standing,
    frames: Enter,
    broadcast: Enter,
    broadcast_deflated: Enter,
    deflate: Enter,
    handshake: Enter,
    pub(crate) leniency: fn() -> Leniency,
    pub(crate) idle: fn(&Input) -> Option<Idle>,
}

/// The role of a contender in the comparison.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Ours,
    Peer,
    /// A part of the work alone, which shows the cost of the rest.
    Reference,
}

/// Starts a task; or the reason why the engine has no such task.
type Enter = Result<fn(&Task) -> Result<Batch, Unfit>, &'static str>;

/// The work on one batch.
pub(crate) struct Batch {
    /// Its argument is how often it was done before.
    pub(crate) work: Box<dyn FnMut(usize)>,
    /// The length of its output on the wire.
    pub(crate) encoded_len: Option<usize>,
}

/// The reason for work that most engines do not have; it is not printed.
pub(crate) const NOT_ITS_BUSINESS: &str = "";

impl Contender {
    /// This crate in several ways, its peers, and the parts that all of them use.
    pub(crate) fn all() -> Vec<Self> {
        vec![
            Self::ours::<Wsproto>()
                .broadcasting::<Prepared<false>>()
                .broadcasting_deflated::<Prepared<true>>()
                .deflating::<wsproto::Deflated>()
                .shaking_hands::<wsproto::Handshake>(),
            Self::ours::<Whole>().deflating::<wsproto::DeflatedWhole>(),
            Self { leniency: Leniency::default, ..Self::ours::<Keyed>() },
            Self { leniency: Leniency::default, ..Self::ours::<HeaderAlone>() },
            Self {
                standing: Standing::Ours,
                ..Self::reference(Unprepared::NAME, Unprepared::DRIVEN)
                    .broadcasting::<Unprepared<false>>()
                    .broadcasting_deflated::<Unprepared<true>>()
            },
            Self::peer::<Fastwebsockets>().broadcasting::<Fastwebsockets>(),
            Self::peer::<NexusWeb>().broadcasting::<NexusWeb>(),
            Self::peer::<Shiguredo>()
                .broadcasting::<Shiguredo>()
                .broadcasting_deflated::<shiguredo_websocket::Deflated>()
                .deflating::<shiguredo_websocket::Deflated>()
                .shaking_hands::<shiguredo_websocket::Handshake>(),
            Self::peer::<SockudoWs>()
                .broadcasting::<SockudoWs>()
                .broadcasting_deflated::<sockudo_ws::Deflated>()
                .deflating::<sockudo_ws::Deflated>()
                .shaking_hands::<sockudo_ws::Handshake>(),
            Self::peer::<Soketto>()
                .broadcasting::<Soketto>()
                .not_deflating("its permessage-deflate has no context takeover")
                .shaking_hands::<soketto::Handshake>(),
            Self::peer::<TokioWebsockets>()
                .broadcasting::<TokioWebsockets>()
                .shaking_hands::<tokio_websockets::Handshake>(),
            Self::peer::<Tungstenite>()
                .broadcasting::<Tungstenite>()
                .shaking_hands::<tungstenite::Handshake>(),
            Self::peer::<WebsocketSansIo>().broadcasting::<WebsocketSansIo>(),
            Self::peer::<Wtx>()
                .broadcasting::<Wtx>()
                .not_deflating("its permessage-deflate has no context takeover"),
            Self::peer::<Yawc>()
                .broadcasting::<Yawc>()
                .broadcasting_deflated::<yawc::Deflated>()
                .deflating::<yawc::Deflated>(),
            Self::frames_alone::<Floor>().broadcasting::<Floor>(),
            Self::reference(zlib_rs::NAME, zlib_rs::DRIVEN).deflating::<zlib_rs::ZlibRs>(),
            Self::reference(handshake_parts::Httparse::NAME, handshake_parts::Httparse::DRIVEN)
                .shaking_hands::<handshake_parts::Httparse>(),
            Self::reference(handshake_parts::AcceptToken::NAME, handshake_parts::AcceptToken::DRIVEN)
                .shaking_hands::<handshake_parts::AcceptToken>(),
        ]
    }

    fn ours<E: Engine>() -> Self {
        Self { standing: Standing::Ours, ..Self::peer::<E>() }
    }

    fn peer<E: Engine>() -> Self {
        Self { standing: Standing::Peer, idle: E::idle, ..Self::frames_alone::<E>() }
    }

    fn frames_alone<E: Engine>() -> Self {
        Self { frames: Ok(enter::<E>), leniency: leniency::<E>, ..Self::reference(E::NAME, E::DRIVEN) }
    }

    fn reference(name: &'static str, driven: &'static str) -> Self {
        Self {
            name,
            driven,
            standing: Standing::Reference,
            frames: Err(NOT_ITS_BUSINESS),
            broadcast: Err(NOT_ITS_BUSINESS),
            broadcast_deflated: Err(NOT_ITS_BUSINESS),
            deflate: Err(NOT_ITS_BUSINESS),
            handshake: Err(NOT_ITS_BUSINESS),
            leniency: Leniency::default,
            idle: |_| None,
        }
    }

    fn broadcasting<E: BroadcastEngine>(self) -> Self {
        Self { broadcast: Ok(enter_broadcast::<E>), ..self }
    }

    fn broadcasting_deflated<E: BroadcastEngine>(self) -> Self {
        Self { broadcast_deflated: Ok(enter_broadcast::<E>), ..self }
    }

    fn deflating<E: DeflateEngine>(self) -> Self {
        Self { deflate: Ok(enter_deflate::<E>), ..self }
    }

    fn not_deflating(self, why: &'static str) -> Self {
        Self { deflate: Err(why), ..self }
    }

    fn shaking_hands<E: HandshakeEngine>(self) -> Self {
        Self { handshake: Ok(enter_handshake::<E>), ..self }
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.standing == Standing::Ours
    }

    pub(crate) fn is_peer(&self) -> bool {
        self.standing == Standing::Peer
    }

    /// Checks that the engine does the task correctly; returns the work on a batch.
    pub(crate) fn enter(&self, task: &Task) -> Result<Batch, &'static str> {
        let enter = match task.cell.work {
            Work::Inflate | Work::Deflate(_) | Work::InflateAlone | Work::DeflateAlone(_) => self.deflate,
            Work::Accept | Work::AcceptDeflate => self.handshake,
            Work::Broadcast => self.broadcast,
            Work::BroadcastDeflate => self.broadcast_deflated,
            _ => self.frames,
        };
        match enter?(task) {
            Ok(batch) => Ok(batch),
            Err(Unfit::Missing(why)) => Err(why),
            Err(unfit) => panic!("{}, {}: {unfit:?}", self.name, task.cell.title()),
        }
    }
}

impl Batch {
    fn new(work: impl FnMut(usize) + 'static) -> Self {
        Self { work: Box::new(work), encoded_len: None }
    }
}

fn enter<E: Engine>(task: &Task) -> Result<Batch, Unfit> {
    let work = task.cell.work;
    let input = task.input;
    let mut engine = E::new();
    if work.comes_in_pieces() {
        // Twice, because the first batch must leave the engine ready for the next.
        for _ in 0..2 {
            let mut collect = Collect::default();
            decode(&mut engine, work, &input, &mut collect)?;
            check_decoded(task, &collect);
        }
        return Ok(Batch::new(move |turn| {
            must(decode(&mut engine, work, &input.turned(turn), &mut Count::default()));
        }));
    }

    let mut outgoing = task.outgoing();
    let mut encode = move |turn, out: &mut Out| match work {
        Work::EncodeServer => engine.encode_server(&outgoing, out),
        Work::EncodeInPlace => engine.encode_in_place(&mut outgoing, out),
        Work::EncodeClient => engine.encode_client(&outgoing, out),
        _ => engine.echo(&input.turned(turn), out),
    };
    for turn in 0..2 {
        let mut out = Out { kept: Some(Vec::new()) };
        encode(turn, &mut out)?;
        check_encoded(task, &out.kept.unwrap_or_default(), E::NAME);
    }
    Ok(Batch::new(move |turn| must(encode(turn, &mut Out::default()))))
}

fn decode<E: Engine>(engine: &mut E, work: Work, input: &Input, sink: &mut impl Sink) -> Outcome {
    match work {
        Work::DecodeClient => engine.decode_client(input, sink),
        _ => engine.decode(input, sink),
    }
}

fn enter_deflate<E: DeflateEngine>(task: &Task) -> Result<Batch, Unfit> {
    let (input, texts) = (task.input, task.texts.expect("the task has JSON"));
    let takes_context_over = task.cell.work.takes_context_over();
    let (Work::Deflate(level) | Work::DeflateAlone(level)) = task.cell.work else {
        let mut engine = E::new(6, takes_context_over)?;
        for _ in 0..2 {
            let mut collect = Collect::default();
            engine.decode(&input, &mut collect)?;
            check_decoded(task, &collect);
        }
        return Ok(Batch::new(move |turn| must(engine.decode(&input.turned(turn), &mut Count::default()))));
    };

    let mut engine = E::new(level, takes_context_over)?;
    let mut encode = move |out: &mut Out| engine.encode(&texts, out);
    let mut inflate = Inflate::new(false, 15);
    let mut encoded_len = None;
    for _ in 0..2 {
        let mut out = Out { kept: Some(Vec::new()) };
        encode(&mut out)?;
        let wire = out.kept.unwrap_or_default();
        check_deflated(task, &wire, &mut inflate);
        encoded_len = Some(wire.len());
    }
    Ok(Batch { encoded_len, ..Batch::new(move |_| must(encode(&mut Out::default()))) })
}

fn enter_broadcast<E: BroadcastEngine>(task: &Task) -> Result<Batch, Unfit> {
    let payload: &[u8] = task.payloads[..task.cell.len].to_vec().leak();
    let mut servers = (0..task.input.messages).map(|_| E::open()).collect::<Result<Vec<_>, _>>()?;
    let mut broadcast = move |out: &mut Out| {
        let mut message = E::prepare(black_box(payload))?;
        servers.iter_mut().try_for_each(|server| E::send(server, black_box(&mut message), out))
    };
    let mut encoded_len = None;
    for _ in 0..2 {
        let mut out = Out { kept: Some(Vec::new()) };
        broadcast(&mut out)?;
        let wire = out.kept.unwrap_or_default();
        if task.cell.work == Work::BroadcastDeflate {
            check_deflated(task, &wire, &mut Inflate::new(false, 15));
            encoded_len = Some(wire.len());
        } else {
            check_encoded(task, &wire, type_name::<E>());
        }
    }
    Ok(Batch { encoded_len, ..Batch::new(move |_| must(broadcast(&mut Out::default()))) })
}

fn enter_handshake<E: HandshakeEngine>(task: &Task) -> Result<Batch, Unfit> {
    let deflates = task.cell.work == Work::AcceptDeflate;
    let Input { wire, messages, .. } = task.input;
    let mut engine = E::new(deflates)?;
    for _ in 0..2 {
        let mut out = Out { kept: Some(Vec::new()) };
        engine.accept(wire, &mut out)?;
        check_response(task, &out.kept.unwrap_or_default(), deflates);
    }
    Ok(Batch::new(move |_| {
        for _ in 0..messages {
            must(engine.accept(black_box(wire), &mut Out::default()));
        }
    }))
}

fn check_decoded(task: &Task, collect: &Collect) {
    let title = task.cell.title();
    assert_eq!(collect.messages, task.input.messages, "{title}");
    assert!(collect.bytes == task.payloads, "{title}: the payload differs");
}

/// Reads back what an engine compressed.
fn check_deflated(task: &Task, mut wire: &[u8], inflate: &mut Inflate) {
    let title = task.cell.title();
    let mut text = vec![0; task.cell.len + 1];
    for expected in task.payloads.chunks(task.cell.len) {
        let frame = read(wire).unwrap_or_else(|| panic!("{title}: not a frame"));
        let kind = if task.cell.work.broadcasts() { BINARY } else { TEXT };
        assert_eq!(frame.first_byte, FIN | RSV1 | kind, "{title}: the first byte differs");
        assert!(frame.masking_key.is_none(), "{title}: masked");
        let payload = [frame.payload.as_slice(), &TAIL].concat();
        if !task.cell.work.takes_context_over() {
            inflate.reset(false);
        }
        let before = inflate.total_out();
        inflate.decompress(&payload, &mut text, InflateFlush::SyncFlush).expect("it can be inflated");
        let len = (inflate.total_out() - before) as usize;
        assert!(&text[..len] == expected, "{title}: the payload differs");
        wire = &wire[frame.rest_at..];
    }
    assert!(wire.is_empty(), "{title}: there is more than the messages");
}

/// Checks that a 101 response has what it must have; a part of a handshake has no response.
fn check_response(task: &Task, response: &[u8], deflates: bool) {
    if response.is_empty() {
        return;
    }
    let title = task.cell.title();
    let response = str::from_utf8(response).expect("it is ASCII").to_ascii_lowercase();
    let token = ACCEPT_TOKEN.to_ascii_lowercase();
    assert!(response.starts_with("http/1.1 101 "), "{title}: {response}");
    assert!(response.ends_with("\r\n\r\n"), "{title}: {response}");
    assert!(response.contains(&format!("\r\nsec-websocket-accept: {token}\r\n")), "{title}: {response}");
    let agrees = response.contains("\r\nsec-websocket-extensions: permessage-deflate");
    assert_eq!(agrees, deflates, "{title}: {response}");
}

/// Reads back what an engine wrote.
fn check_encoded(task: &Task, mut wire: &[u8], name: &str) {
    let title = task.cell.title();
    let is_client = task.cell.work == Work::EncodeClient;
    let payload = task.outgoing().payload;
    let mut payloads = task.payloads.chunks(task.cell.len);
    let differ = task.cell.work == Work::Echo || task.cell.work.broadcasts();
    let mut keys = Vec::new();
    for _ in 0..task.input.messages {
        let frame = read(wire).unwrap_or_else(|| panic!("{name}, {title}: not a frame"));
        let expected = if differ { payloads.next() } else { Some(payload) };
        assert_eq!(frame.first_byte, FIN | BINARY, "{name}, {title}: the first byte differs");
        assert_eq!(frame.masking_key.is_some(), is_client, "{name}, {title}: masked");
        assert!(Some(frame.payload.as_slice()) == expected, "{name}, {title}: the payload differs");
        keys.extend(frame.masking_key);
        wire = &wire[frame.rest_at..];
    }
    assert!(wire.is_empty(), "{name}, {title}: there is more than the messages");
    keys.sort_unstable();
    keys.dedup();
    // A few of thousands may be equal by chance, but not a tenth.
    assert!(!is_client || keys.len() > task.input.messages * 9 / 10, "{name}, {title}: not random");
}

fn must(outcome: Outcome) {
    outcome.expect("the same work succeeded before");
}
