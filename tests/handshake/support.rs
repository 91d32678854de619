//! The harness: one head, every way of cutting it, one observation (RFC 9112 §2.1, RFC 6455 §4).
//!
//! A transport can cut anywhere, so that no result may depend on it. Each vector is read whole, cut in
//! two at every byte, and one byte at a time; and all that again with other bytes right after it, which
//! belong to nobody in the handshake and must be left alone.

use wsproto::{
    AcceptConnection, ClientHandshake, ConnectionState, Entropy, HandshakeError, HandshakeLimits,
    HandshakeResponse, Headers, RejectConnection, RejectData, Request, ServerHandshake,
};

use crate::{handed_over, in_slices};

/// The key of §1.3, and the server's answer to it.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(crate) const TOKEN: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// What may come right after a head: "Hello" from a client (§5.7), and what looks like a head's end.
pub(crate) const TRAILING: &[u8] = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\r\n\r\n";

/// The lines of a head, to be changed by a vector.
#[derive(Clone, Debug)]
pub(crate) struct Head(Vec<Vec<u8>>);

impl Head {
    /// The request of §1.3, without what a client may leave out.
    pub(crate) fn request() -> Self {
        Self::new("GET /chat HTTP/1.1")
            .with("Host: server.example.com")
            .with("Upgrade: websocket")
            .with("Connection: Upgrade")
            .with(format!("Sec-WebSocket-Key: {KEY}"))
            .with("Sec-WebSocket-Version: 13")
    }

    /// The response of §1.3, without what a server may leave out.
    pub(crate) fn response() -> Self {
        Self::new("HTTP/1.1 101 Switching Protocols")
            .with("Upgrade: websocket")
            .with("Connection: Upgrade")
            .with(format!("Sec-WebSocket-Accept: {TOKEN}"))
    }

    pub(crate) fn new(start_line: impl AsRef<[u8]>) -> Self {
        Self(vec![start_line.as_ref().to_vec()])
    }

    /// With another first line.
    pub(crate) fn start(mut self, line: impl AsRef<[u8]>) -> Self {
        self.0[0] = line.as_ref().to_vec();
        self
    }

    /// With one more line after the others.
    pub(crate) fn with(mut self, line: impl AsRef<[u8]>) -> Self {
        self.0.push(line.as_ref().to_vec());
        self
    }

    /// Without the field of this name.
    pub(crate) fn without(mut self, name: &str) -> Self {
        let place = self.place(name);
        self.0.remove(place);
        self
    }

    /// With `line` where the field of this name stood.
    pub(crate) fn set(mut self, name: &str, line: impl AsRef<[u8]>) -> Self {
        let place = self.place(name);
        self.0[place] = line.as_ref().to_vec();
        self
    }

    /// With the fields in another order.
    pub(crate) fn reversed(mut self) -> Self {
        self.0[1..].reverse();
        self
    }

    fn place(&self, name: &str) -> usize {
        let start = format!("{name}: ");
        let line = self.0.iter().position(|line| line.starts_with(start.as_bytes()));
        line.expect("the head has the field")
    }
}

impl From<Head> for Vec<u8> {
    fn from(head: Head) -> Self {
        let lines = head.0.iter().flat_map(|line| [line.as_slice(), b"\r\n"]);
        lines.chain([&b"\r\n"[..]]).flatten().copied().collect()
    }
}

/// Every way of cutting that is tried: whole, one byte at a time, and in two at every byte.
pub(crate) fn cuts(bytes: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut all = vec![vec![bytes], bytes.chunks(1).collect()];
    all.extend((0..=bytes.len()).map(|at| vec![&bytes[..at], &bytes[at..]]));
    all
}

/// Header fields as they stood.
pub(crate) type Fields = Vec<(String, Vec<u8>)>;

pub(crate) fn fields(headers: &Headers) -> Fields {
    headers.iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect()
}

/// What a server reads from bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// More bytes are needed.
    Pending,
    /// It can be accepted, with this token.
    Acceptable(Box<Acceptable>),
    /// It can only refuse, and so it does.
    Refused { error: HandshakeError, status: u16 },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Acceptable {
    pub(crate) host: String,
    pub(crate) target: String,
    pub(crate) origin: Option<Vec<u8>>,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) headers: Fields,
    pub(crate) token: String,
}

/// What a server reads from `bytes`, the same however they are cut; and how many of them it takes.
pub(crate) fn ask(limits: HandshakeLimits, bytes: &[u8]) -> (Asked, usize) {
    let seen = read_request(limits, &[bytes]);
    for pieces in cuts(bytes) {
        assert_eq!(read_request(limits, &pieces), seen, "cut as {:?}", lens(&pieces));
    }
    in_slices::ask(limits, bytes, &seen);
    seen
}

/// What a server reads from these pieces, and how many bytes of them it takes.
pub(crate) fn read_request(limits: HandshakeLimits, pieces: &[&[u8]]) -> (Asked, usize) {
    let mut handshake = ServerHandshake::new(limits);
    let mut asked = Asked::Pending;
    let mut consumed = 0;
    for piece in pieces {
        let mut input = *piece;
        let received = handshake.receive(&mut input).map(|request| request.cloned());
        if asked != Asked::Pending {
            assert_eq!(received, Ok(None), "it has told all there was");
            assert_eq!(input, *piece, "it reads on without need");
            continue;
        }
        consumed += piece.len() - input.len();
        match received {
            Ok(None) => assert_eq!(input, b"", "it asks for more before it has read all"),
            Ok(Some(request)) => {
                assert_eq!(handshake.request(), Some(&request));
                assert_eq!(handshake.state(), ConnectionState::Connecting);
                asked = Asked::Acceptable(Box::new(accept(&mut handshake.clone(), &request)));
            }
            Err(error) => {
                let status = refuse(&mut handshake.clone(), error);
                asked = Asked::Refused { error, status };
            }
        }
    }
    (asked, consumed)
}

/// Accepts, and returns the token of the response.
fn accept(handshake: &mut ServerHandshake, request: &Request) -> Acceptable {
    let mut output = Vec::new();
    handshake.accept(AcceptConnection::new(), &mut output).expect("it can be accepted");
    assert_eq!(handshake.state(), ConnectionState::Open);
    let output = String::from_utf8(output).expect("a head of ASCII");
    let token = output.split_once("Sec-WebSocket-Accept: ").expect("an answer to the key").1;
    Acceptable {
        host: request.host().to_owned(),
        target: request.target().to_owned(),
        origin: request.origin().map(<[u8]>::to_vec),
        subprotocols: request.subprotocols().map(str::to_owned).collect(),
        headers: fields(request.headers()),
        token: token.split_once("\r\n").expect("the end of its line").0.to_owned(),
    }
}

/// Refuses as the error asks, and reads the status off the answer.
fn refuse(handshake: &mut ServerHandshake, error: HandshakeError) -> u16 {
    assert_eq!(handshake.state(), ConnectionState::Closed, "a failure is final");
    assert_eq!(handshake.request(), None);
    let mut output = Vec::new();
    let accepted = handshake.accept(AcceptConnection::new(), &mut output);
    assert!(accepted.is_err() && output.is_empty(), "a broken request cannot be accepted");
    handshake.reject(error.response(), &mut output).expect("its response can be sent as it is");
    assert_eq!(handshake.state(), ConnectionState::Closed);
    let output = String::from_utf8(output).expect("a head of ASCII");
    let status = output.strip_prefix("HTTP/1.1 ").expect("a status line")[..3].parse();
    status.expect("a status")
}

fn lens(pieces: &[&[u8]]) -> Vec<usize> {
    pieces.iter().map(|piece| piece.len()).collect()
}

fn followed(bytes: &[u8]) -> Vec<u8> {
    [bytes, TRAILING].concat()
}

/// The request in `head`, which a server may accept, and after which it reads nothing.
pub(crate) fn acceptable(head: impl Into<Vec<u8>>) -> Acceptable {
    let head = head.into();
    let seen = ask(HandshakeLimits::default(), &head);
    assert_eq!(ask(HandshakeLimits::default(), &followed(&head)), seen, "bytes behind the head matter");
    let (Asked::Acceptable(request), consumed) = seen else {
        panic!("{seen:?} from {}", head.escape_ascii())
    };
    assert_eq!(consumed, head.len(), "what is behind the head is left alone");
    handed_over::acceptable(&head, &request);
    *request
}

/// Asserts that a server refuses `bytes`, by this error.
pub(crate) fn refused(bytes: impl Into<Vec<u8>>, error: HandshakeError) {
    refused_by(HandshakeLimits::default(), &bytes.into(), error);
}

pub(crate) fn refused_by(limits: HandshakeLimits, bytes: &[u8], error: HandshakeError) {
    let expected = Asked::Refused { error, status: error.status() };
    let seen = ask(limits, bytes);
    assert_eq!(seen.0, expected, "{}", bytes.escape_ascii());
    assert_eq!(ask(limits, &followed(bytes)), seen, "bytes behind the head matter");
    handed_over::refused(limits, bytes, error);
}

/// A server that has read the request in `head`.
pub(crate) fn deciding(head: impl Into<Vec<u8>>) -> ServerHandshake {
    let head = head.into();
    let mut handshake = ServerHandshake::new(HandshakeLimits::default());
    assert!(handshake.receive(&mut head.as_slice()).expect("a lawful request").is_some());
    handshake
}

/// Entropy that gives the nonce of §1.3, and counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sample {
    /// How many bytes were drawn at each time.
    pub(crate) draws: Vec<usize>,
}

impl Entropy for Sample {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.draws.push(bytes.len());
        let nonce = b"the sample nonce".iter().cycle();
        bytes.iter_mut().zip(nonce).for_each(|(byte, sample)| *byte = *sample);
    }
}

/// A plain request.
pub(crate) fn plain() -> Request {
    Request::new("server.example.com", "/chat")
}

/// All that a client sees of an answer, whatever the cuts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) accept: Option<AcceptConnection>,
    pub(crate) reject: Option<RejectConnection>,
    /// The body of the refusal, its pieces joined.
    pub(crate) body: Vec<u8>,
    pub(crate) body_finished: bool,
    pub(crate) failure: Option<HandshakeError>,
    pub(crate) state: ConnectionState,
    /// How many bytes were taken.
    pub(crate) consumed: usize,
}

/// A client that has sent `request`, and what it sees.
pub(crate) struct Reader {
    handshake: ClientHandshake,
    seen: Answered,
}

impl Reader {
    pub(crate) fn new(request: &Request, limits: HandshakeLimits) -> Self {
        let start = ClientHandshake::new(request.clone(), limits, &mut Sample::default(), &mut Vec::new());
        let handshake = start.expect("a lawful request");
        let seen = Answered {
            accept: None,
            reject: None,
            body: Vec::new(),
            body_finished: false,
            failure: None,
            state: handshake.state(),
            consumed: 0,
        };
        Self { handshake, seen }
    }

    /// Takes the bytes of one read, up to the last answer in them.
    pub(crate) fn read(&mut self, piece: &[u8]) {
        let mut input = piece;
        loop {
            let answer = self.handshake.receive(&mut input);
            let ended = answer == Ok(None);
            self.note(answer.transpose());
            if ended {
                break;
            }
        }
        self.seen.consumed += piece.len() - input.len();
        let waits = matches!(self.seen.state, ConnectionState::Connecting | ConnectionState::Rejecting);
        assert!(!waits || input.is_empty(), "it asks for more before it has read all");
    }

    /// Reports the end of the transport.
    pub(crate) fn end(mut self) -> Answered {
        let answer = self.handshake.receive_eof();
        self.note(answer.transpose());
        assert_eq!(self.handshake.receive_eof(), Ok(None), "the end is told once");
        self.seen
    }

    fn note(&mut self, answer: Option<Result<HandshakeResponse<'_>, HandshakeError>>) {
        let seen = &mut self.seen;
        assert!(answer.is_none() || seen.failure.is_none(), "a failure is final");
        match answer {
            None => {}
            Some(Ok(HandshakeResponse::Accept(accept))) => assert_eq!(seen.accept.replace(accept), None),
            Some(Ok(HandshakeResponse::Reject(reject))) => {
                seen.body_finished = !reject.has_body();
                assert_eq!(seen.reject.replace(reject), None);
            }
            Some(Ok(HandshakeResponse::RejectData(RejectData { data, body_finished }))) => {
                assert!(!seen.body_finished, "a body behind the body");
                seen.body.extend_from_slice(data);
                seen.body_finished = body_finished;
            }
            Some(Ok(answer)) => panic!("{answer:?}"),
            Some(Err(error)) => seen.failure = Some(error),
        }
        seen.state = self.handshake.state();
        assert_eq!(seen.state, state_of(seen), "{seen:?}");
    }
}

/// The state that fits what was seen.
fn state_of(seen: &Answered) -> ConnectionState {
    match (&seen.accept, &seen.reject) {
        _ if seen.failure.is_some() || seen.body_finished => ConnectionState::Closed,
        (Some(_), _) => ConnectionState::Open,
        (None, Some(_)) => ConnectionState::Rejecting,
        (None, None) => ConnectionState::Connecting,
    }
}

/// What a client that sent `request` reads from `bytes`, the same however they are cut.
pub(crate) fn answer_under(request: &Request, limits: HandshakeLimits, bytes: &[u8], eof: bool) -> Answered {
    let observe = |pieces: &[&[u8]]| {
        let mut reader = Reader::new(request, limits);
        pieces.iter().for_each(|piece| reader.read(piece));
        if eof { reader.end() } else { reader.seen }
    };
    let seen = observe(&[bytes]);
    for pieces in cuts(bytes) {
        assert_eq!(observe(&pieces), seen, "cut as {:?}", lens(&pieces));
    }
    in_slices::answer(request, limits, bytes, eof, &seen);
    seen
}

/// What a client reads from `bytes` that do not reach their end.
pub(crate) fn answer(bytes: impl Into<Vec<u8>>) -> Answered {
    answer_under(&plain(), HandshakeLimits::default(), &bytes.into(), false)
}

/// What a client reads from `bytes` and the end of the transport.
pub(crate) fn answer_and_eof(bytes: impl Into<Vec<u8>>) -> Answered {
    answer_under(&plain(), HandshakeLimits::default(), &bytes.into(), true)
}

/// What a client reads from a whole answer; what follows it is left in the input.
pub(crate) fn whole_answer(request: &Request, bytes: &[u8]) -> Answered {
    let seen = answer_under(request, HandshakeLimits::default(), bytes, false);
    let more = answer_under(request, HandshakeLimits::default(), &followed(bytes), false);
    assert_eq!(more, seen, "bytes behind the answer matter");
    if seen.failure.is_none() {
        assert_eq!(seen.consumed, bytes.len(), "what is behind the answer is left alone: {seen:?}");
    }
    seen
}

/// The acceptance in `head`, to a client that sent `request`.
pub(crate) fn opened(request: &Request, head: impl Into<Vec<u8>>) -> AcceptConnection {
    let head = head.into();
    let seen = whole_answer(request, &head);
    assert_eq!(seen.state, ConnectionState::Open, "{seen:?} from {}", head.escape_ascii());
    let accept = seen.accept.expect("a yes");
    handed_over::opened(request, &head, &accept);
    accept
}

/// Asserts that a client that sent `request` fails over `head`, by this error.
pub(crate) fn failed(request: &Request, head: impl Into<Vec<u8>>, error: HandshakeError) {
    let head = head.into();
    let seen = whole_answer(request, &head);
    assert_eq!(seen.failure, Some(error), "{seen:?} from {}", head.escape_ascii());
    assert_eq!((seen.accept, seen.reject), (None, None));
    handed_over::failed(request, &head, error);
}
