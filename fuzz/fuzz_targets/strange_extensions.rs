//! Extensions that do anything: that use any RSV bits, read and write more or less than they say, fail at any point, and
//! negotiate any text. Nothing panics, each read ends, a message stays within its limit, a failure in an extension's name
//! is the one that it has returned, and what is written are frames.
#![no_main]

use std::sync::{Arc, Mutex};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use wsproto::{
    AcceptConnection, BytesMessage, ClientHandshake, CloseCode, Connection, Decoded, DeflateParams, Ends,
    Extension, ExtensionError, ExtensionParams, Extensions, FrameHeader, HandshakeError, HandshakeLimits,
    HandshakeResponse, InboundExtension, Limits, MessageKind, NegotiatedExtension, NegotiationError,
    NegotiationErrorKind, OutboundExtension, PermessageDeflate, Ping, RemoteProtocolError, Request, Role,
    Rsv, ServerHandshake,
};
use wsproto_fuzz::{Counter, Joined, Received, Side, Wire, Zeros, ascending, encode};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    side: Side,
    wires: Vec<Wire<'a>>,
    sent: Vec<Sent>,
    cuts: Vec<u16>,
    /// Where permessage-deflate is among the extensions.
    deflate_at: Option<u8>,
    /// Of these, the last bytes of the input are made: it may be short.
    script: Script,
    more: [Option<Script>; 2],
}

/// What an extension does; each list is repeated.
#[derive(Arbitrary, Clone, Debug)]
struct Script {
    name: Word,
    params: [Option<(Word, Option<Word>)>; 2],
    accepts: bool,
    rsv: Rsv,
    continuation_rsv: Rsv,
    is_per_message: bool,
    frames: [Frame; 2],
    decoded: [Step; 3],
    encoded: [Encoded; 2],
}

/// A text to negotiate.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Word(u8);

impl Word {
    fn text(self) -> &'static str {
        const WORDS: [&str; 8] = ["x-a", "x-b", "permessage-deflate", "1", "", "a b", "\"€", "a\r\nHost: b"];
        // The valid ones are more frequent.
        WORDS[usize::from(self.0 % 16).min(usize::from(self.0 % 8))]
    }
}

/// So many bytes of this value.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Output(u8, u8);

impl Output {
    fn bytes(self) -> Vec<u8> {
        vec![self.0; self.1.into()]
    }
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Frame {
    Decodes,
    Passes,
    Fails(Fault),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
struct Step {
    /// How many bytes it says that it has read; `None` is all.
    read: Option<u8>,
    done: bool,
    output: Output,
    /// Whether the payload is in the output too.
    copies: bool,
    fault: Option<Fault>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
struct Encoded {
    rsv: Option<Rsv>,
    max_len: u16,
    output: Output,
    copies: bool,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Fault {
    Own,
    Unsendable,
    Foreign,
}

#[derive(Arbitrary, Debug)]
enum Sent {
    Message { len: u8, finished: bool },
    Fragmented { len: u8, max_fragment_len: u8 },
    IntoRoom { len: u8, room: u8 },
    Ping,
}

static OWN: ExtensionError = ExtensionError::new(CloseCode::POLICY_VIOLATION, "a rule of its own");
/// Its code must not be sent, and its reason is too long, with a character across the limit.
static UNSENDABLE: ExtensionError = ExtensionError::new(
    CloseCode::ABNORMAL_CLOSURE,
    "€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€ a reason that is too long €€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€",
);

fuzz_target!(|input: Input<'_>| {
    negotiate(&input);
    receive(&input);
    send(&input);
});

const MAX_MESSAGE_LEN: u64 = 5000;

impl Input<'_> {
    fn scripts(&self) -> Vec<&Script> {
        std::iter::once(&self.script).chain(self.more.iter().flatten()).collect()
    }

    /// The extensions, as far as their bits do not conflict, and the list of what they return as errors.
    fn connection(&self) -> (Connection<Counter>, Errors) {
        let role = Role::from(self.side);
        let errors = Errors::default();
        let mut extensions = Extensions::new();
        let scripts = self.scripts();
        for at in 0..=scripts.len() {
            if self.deflate_at.is_some_and(|deflate| usize::from(deflate) % (scripts.len() + 1) == at) {
                _ = extensions.push(PermessageDeflate::new().negotiated(role, DeflateParams::DEFAULT));
            }
            if let Some(script) = scripts.get(at) {
                _ = extensions.push(Strange::new(script, &errors).negotiated());
            }
        }
        let limits = Limits::NONE.with_max_message_len(MAX_MESSAGE_LEN);
        (Connection::with_role(role, limits, Counter(0)).with_extensions(extensions), errors)
    }
}

fn receive(input: &Input<'_>) {
    let (mut connection, errors) = input.connection();
    let bytes = encode(input.side, &input.wires);
    let mut received = Received::default();
    let (mut failure, mut message_len) = (None, 0);
    let mut start = 0;
    for end in ascending(&input.cuts, bytes.len()).into_iter().chain([bytes.len()]) {
        let mut read = bytes[start..end].to_vec();
        let mut unread = read.as_mut_slice();
        for turn in 0.. {
            assert!(turn < 100_000, "it never ends");
            match connection.next_event(&mut unread) {
                Ok(Some(event)) => {
                    received.push(event);
                    if let Some(Joined::Data { payload, frame_finished, message_finished, .. }) =
                        received.0.last()
                    {
                        assert!(message_len + payload.len() as u64 <= MAX_MESSAGE_LEN, "it is too long");
                        message_len += if *frame_finished { payload.len() as u64 } else { 0 };
                        message_len *= u64::from(!*message_finished);
                    }
                }
                Ok(None) => break,
                Err(error) => assert_eq!(failure.replace(error), None, "it is reported once"),
            }
        }
        assert!(unread.is_empty(), "it returned `None` before it consumed all bytes");
        start = end;
        connection.release_memory();
    }
    let errors = errors.lock().expect("nothing panics");
    assert!(errors.is_empty() || failure.is_some(), "an error was not reported");
    let Some(failure) = failure else { return };
    if let RemoteProtocolError::Extension(error) = failure {
        // Another may make no progress before the error of the one before it is reported.
        let is_alone = input.more.iter().all(Option::is_none) && input.deflate_at.is_none();
        let may_stall = errors.is_empty() || !is_alone;
        let stalls = error.reason == "extension makes no progress";
        assert!(errors.contains(&failure) || may_stall && stalls, "{error:?}");
    }
    let mut output = Vec::new();
    connection.send(failure.response(), &mut output).expect("it can be answered");
    check_frames(&output);
}

fn send(input: &Input<'_>) {
    let (mut connection, _) = input.connection();
    let mut output = Vec::new();
    for sent in &input.sent {
        let before = output.len();
        let bytes = |len: &u8| vec![0x5A; usize::from(*len) * 5];
        let result = match sent {
            Sent::Message { len, finished: true } => {
                connection.send(BytesMessage::new(bytes(len)), &mut output)
            }
            Sent::Message { len, finished: false } => {
                connection.send(BytesMessage::partial(bytes(len)), &mut output)
            }
            Sent::Fragmented { len, max_fragment_len } => {
                let max_len = usize::from(*max_fragment_len);
                connection.sender_mut().send_fragmented(BytesMessage::new(bytes(len)), max_len, &mut output)
            }
            Sent::IntoRoom { len, room } => {
                let mut memory = [0xA5; u8::MAX as usize];
                let mut free = &mut memory[..usize::from(*room)];
                let result = connection.send(BytesMessage::new(bytes(len)), &mut free);
                let written = usize::from(*room) - free.len();
                assert!(memory[written..].iter().all(|byte| *byte == 0xA5), "it wrote more than it reported");
                output.extend_from_slice(&memory[..written]);
                result
            }
            Sent::Ping => connection.send(Ping::new(b"ping"), &mut output),
        };
        assert!(result.is_ok() || output.len() == before, "{result:?}, but it has written");
        connection.release_memory();
    }
    check_frames(&output);
}

/// Whether bytes are whole frames.
fn check_frames(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let (header, len) = FrameHeader::decode(bytes).expect("a valid header").expect("a whole header");
        bytes = &bytes[len + usize::try_from(header.payload_len).expect("it is short")..];
    }
}

fn negotiate(input: &Input<'_>) {
    let errors = Errors::default();
    let strange: Vec<_> = input.scripts().into_iter().map(|script| Strange::new(script, &errors)).collect();
    let extensions: Vec<_> = strange.iter().map(|strange| strange as &dyn Extension).collect();
    let limits = HandshakeLimits::default();

    let request = Request::new("a", "/").with_extensions(&extensions);
    let mut output = Vec::new();
    let Ok(mut client) = ClientHandshake::new(request, limits, &mut Zeros, &mut output) else { return };
    let mut server = ServerHandshake::new(limits);
    let request = match server.receive(&mut output.as_slice()) {
        Ok(request) => request.expect("it is complete").clone(),
        Err(error) => return assert_eq!(error, HandshakeError::HeadTooLong),
    };
    let (accept, _extensions) = AcceptConnection::new().with_extensions(&extensions, &request);
    output.clear();
    if server.accept(accept, &mut output).is_err() {
        return assert!(output.is_empty());
    }
    match client.receive(&mut output.as_slice()) {
        Ok(Some(HandshakeResponse::Accept(accept))) => _ = accept.extensions(&extensions),
        Err(HandshakeError::UnexpectedExtension(_) | HandshakeError::HeadTooLong) => {}
        other => panic!("{other:?}"),
    }
}

/// The errors that extensions have returned.
type Errors = Arc<Mutex<Vec<RemoteProtocolError>>>;

/// An extension, and each of its halves.
#[derive(Clone, Debug)]
struct Strange {
    script: Script,
    errors: Errors,
    turn: usize,
    output: Vec<u8>,
}

impl Strange {
    fn new(script: &Script, errors: &Errors) -> Self {
        Self { script: script.clone(), errors: errors.clone(), turn: 0, output: Vec::new() }
    }

    fn negotiated(&self) -> NegotiatedExtension {
        NegotiatedExtension::new(self.clone(), self.clone())
    }

    fn params(&self) -> ExtensionParams {
        let script = &self.script;
        let name = ExtensionParams::new(self.name());
        script.params.iter().flatten().fold(name, |params, (name, value)| match value {
            Some(value) => params.with_value(name.text(), value.text()),
            None => params.with_flag(name.text()),
        })
    }

    fn fail(&self, fault: Fault) -> RemoteProtocolError {
        let error = match fault {
            Fault::Own => RemoteProtocolError::Extension(&OWN),
            Fault::Unsendable => RemoteProtocolError::Extension(&UNSENDABLE),
            Fault::Foreign => RemoteProtocolError::ReservedBits,
        };
        self.errors.lock().expect("nothing panics").push(error);
        error
    }

    /// The next of a list that is repeated.
    fn next<T: Copy, const LEN: usize>(&mut self, list: fn(&Script) -> [T; LEN]) -> T {
        self.turn += 1;
        list(&self.script)[self.turn % LEN]
    }

    fn set_output(&mut self, output: Output, copied: Option<&[u8]>) {
        self.output = output.bytes();
        self.output.extend_from_slice(copied.unwrap_or_default());
    }
}

impl Extension for Strange {
    fn name(&self) -> &str {
        self.script.name.text()
    }

    fn offers(&self) -> Vec<ExtensionParams> {
        vec![self.params(); 1 + usize::from(self.script.is_per_message)]
    }

    fn accept_response(&self, _: &ExtensionParams) -> Result<NegotiatedExtension, NegotiationError> {
        match self.script.accepts {
            true => Ok(self.negotiated()),
            false => Err(NegotiationError::new(NegotiationErrorKind::Declined, self.name()).with_param("€")),
        }
    }

    fn accept_offer(&self, offer: &ExtensionParams) -> Option<(ExtensionParams, NegotiatedExtension)> {
        let answer = if self.script.is_per_message { offer.clone() } else { self.params() };
        self.script.accepts.then(|| (answer, self.negotiated()))
    }
}

impl InboundExtension for Strange {
    fn rsv(&self) -> Rsv {
        self.script.rsv
    }

    fn continuation_rsv(&self) -> Rsv {
        self.script.continuation_rsv
    }

    fn is_per_message(&self) -> bool {
        self.script.is_per_message
    }

    fn begin_frame(&mut self, _: &FrameHeader) -> Result<bool, RemoteProtocolError> {
        match self.next(|script| script.frames) {
            Frame::Passes => Ok(false),
            Frame::Decodes => Ok(true),
            Frame::Fails(fault) => Err(self.fail(fault)),
        }
    }

    fn decode(&mut self, payload: &[u8], _: Ends, _: usize) -> Result<Decoded, RemoteProtocolError> {
        let step = self.next(|script| script.decoded);
        self.set_output(step.output, step.copies.then_some(payload));
        match step.fault {
            Some(fault) => Err(self.fail(fault)),
            None => Ok(Decoded::new(step.read.map_or(payload.len(), usize::from), step.done)),
        }
    }

    fn output(&self) -> &[u8] {
        &self.output
    }
}

impl OutboundExtension for Strange {
    fn rsv_for(&self, _: MessageKind, len: Option<usize>) -> Option<Rsv> {
        let [one, other] = self.script.encoded;
        if len.is_some() { one.rsv } else { other.rsv }
    }

    fn max_encoded_len(&self, _: usize) -> usize {
        match self.script.encoded[0].max_len {
            u16::MAX => usize::MAX,
            len => len.into(),
        }
    }

    fn encode(&mut self, payload: &[u8], _: bool) -> &[u8] {
        let encoded = self.next(|script| script.encoded);
        self.set_output(encoded.output, encoded.copies.then_some(payload));
        &self.output
    }
}
