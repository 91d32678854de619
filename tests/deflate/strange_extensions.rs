//! Extensions that break the contract of their trait: they may fail a connection, but never hang it or make it panic.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wsproto::{
    AutoReplies, CloseCode, Connection, Decoded, Ends, Event, ExtensionError, Extensions, FrameHeader,
    InboundExtension, Limits, LocalProtocolError, MessageKind, NegotiatedExtension, OutboundExtension,
    PermessageDeflate, Ping, RemoteProtocolError, ReplyPolicy, Role, Rsv, TextMessage,
};

use crate::protocol::{FIN, TEXT, frame_to};
use crate::support::receiver;

const INTERNAL: RemoteProtocolError = RemoteProtocolError::Extension(&ExtensionError::new(
    CloseCode::INTERNAL_ERROR,
    "extension makes no progress",
));

const FIVE_IS_TOO_LONG: RemoteProtocolError =
    RemoteProtocolError::Extension(&ExtensionError::new(CloseCode::POLICY_VIOLATION, "five is too long"));

/// An extension whose results are set by the test.
#[derive(Clone, Copy, Debug)]
struct Strange {
    read: usize,
    done: bool,
    output: &'static [u8],
}

impl InboundExtension for Strange {
    fn rsv(&self) -> Rsv {
        Rsv::NONE
    }

    fn begin_frame(&mut self, _: &FrameHeader) -> Result<bool, RemoteProtocolError> {
        Ok(true)
    }

    fn decode(&mut self, _: &[u8], _: Ends, _: usize) -> Result<Decoded, RemoteProtocolError> {
        Ok(Decoded::new(self.read, self.done))
    }

    fn output(&self) -> &[u8] {
        self.output
    }
}

impl OutboundExtension for Strange {
    fn rsv_for(&self, _: MessageKind, _: Option<usize>) -> Option<Rsv> {
        Some(Rsv::NONE)
    }

    fn max_encoded_len(&self, _: usize) -> usize {
        0
    }

    fn encode(&mut self, _: &[u8], _: bool) -> &[u8] {
        self.output
    }
}

/// How connections end that read two messages with this extension: alone, and with another before or after it.
fn ends(strange: Strange) -> Vec<Option<RemoteProtocolError>> {
    let mut ends = Vec::new();
    for place in 0..3 {
        for reads in [1, 3, 1000] {
            let mut extensions = Extensions::new();
            let deflate =
                || PermessageDeflate::new().negotiated(Role::Client, wsproto::DeflateParams::DEFAULT);
            if place == 1 {
                extensions.push(deflate()).unwrap();
            }
            extensions.push(NegotiatedExtension::new(strange, strange)).unwrap();
            if place == 2 {
                extensions.push(deflate()).unwrap();
            }
            let mut limits = Limits::default();
            limits.max_message_len = 10_000;
            let mut receiver = receiver(Role::Client, limits, extensions);
            let hello = frame_to(Role::Client, FIN | TEXT, b"Hello");
            let deflated = frame_to(Role::Client, FIN | 0x40 | TEXT, b"\xf2\x48\xcd\xc9\xc9\x07\x00");
            let mut bytes = if place == 0 { hello.repeat(2) } else { [hello, deflated].concat() };
            let mut end = None;
            for read in bytes.chunks_mut(reads) {
                let mut input = read;
                for turn in 0.. {
                    assert!(turn < 100_000, "{strange:?} never ends");
                    match receiver.next_event(&mut input) {
                        Ok(Some(Event::Text(_))) => {}
                        Ok(other) => {
                            assert_eq!(other, None);
                            assert!(input.is_empty(), "it returned `None` before it consumed all bytes");
                            break;
                        }
                        Err(error) => assert_eq!(end.replace(error), None, "it failed twice"),
                    }
                }
            }
            ends.push(end);
        }
    }
    ends
}

#[test]
fn an_extension_without_progress_fails_the_connection() {
    for done in [false, true] {
        let ends = ends(Strange { read: 0, done, output: b"" });
        assert!(ends.iter().all(|end| *end == Some(INTERNAL)), "{ends:?}");
    }
}

#[test]
fn an_extension_that_reports_too_many_bytes_does_not_panic() {
    for (done, output) in [(true, &b""[..]), (true, b"a"), (false, b""), (false, b"a")] {
        for read in [6, 1000, usize::MAX] {
            ends(Strange { read, done, output });
        }
    }
}

#[test]
fn an_extension_that_is_done_too_early_is_called_again() {
    for output in [&b""[..], b"a", b"\xe2\x82\xac"] {
        ends(Strange { read: 1, done: true, output });
        ends(Strange { read: 2, done: true, output });
        ends(Strange { read: 1, done: false, output });
    }
}

#[test]
fn an_extension_with_endless_output_reaches_the_message_limit() {
    let ends = ends(Strange { read: 0, done: false, output: b"for ever" });
    assert_eq!(ends[0], Some(RemoteProtocolError::MessageTooLong));
    assert_eq!(ends[2], Some(RemoteProtocolError::MessageTooLong));
    self::ends(Strange { read: 0, done: true, output: b"for ever" });
    self::ends(Strange { read: 0, done: false, output: b"\xe2" });
}

/// One gives output without end, and the other, which decodes it, gives none.
#[test]
fn extensions_that_pass_output_on_without_end_fail_the_connection() {
    let endless = Strange { read: usize::MAX, done: false, output: b"for ever" };
    let swallows = Strange { read: usize::MAX, done: false, output: b"" };
    for strange in [&[swallows, endless][..], &[swallows, endless, endless]] {
        let mut extensions = Extensions::new();
        for one in strange {
            extensions.push(NegotiatedExtension::new(*one, *one)).unwrap();
        }
        let mut receiver = receiver(Role::Client, Limits::NONE, extensions);
        let mut bytes = frame_to(Role::Client, FIN | TEXT, b"Hello");
        assert_eq!(receiver.next_event(&mut bytes.as_mut_slice()), Err(INTERNAL));
    }
}

/// One reads the whole payload and then gives it byte by byte; the other takes all bytes, and gives nothing.
#[test]
fn extensions_may_pass_a_message_on_in_as_many_pieces_as_it_has_bytes_and_some_more() {
    #[derive(Debug, Default)]
    struct Pieces {
        count: usize,
        left: usize,
    }
    impl InboundExtension for Pieces {
        fn rsv(&self) -> Rsv {
            Rsv::NONE
        }
        fn begin_frame(&mut self, _: &FrameHeader) -> Result<bool, RemoteProtocolError> {
            self.left = self.count;
            Ok(true)
        }
        fn decode(&mut self, payload: &[u8], _: Ends, _: usize) -> Result<Decoded, RemoteProtocolError> {
            self.left -= 1;
            Ok(Decoded::new(payload.len(), self.left == 0))
        }
        fn output(&self) -> &[u8] {
            b"a"
        }
    }
    let collects = Strange { read: usize::MAX, done: true, output: b"" };
    for (len, count, end) in [
        (10_000, 10_000 + 65_536, Ok(())),
        (10_000, 10_001 + 65_536, Err(INTERNAL)),
        (1, 1 + 65_536, Ok(())),
        (1, 2 + 65_536, Err(INTERNAL)),
    ] {
        let mut extensions = Extensions::new();
        extensions.push(NegotiatedExtension::new(collects, collects)).unwrap();
        extensions.push(NegotiatedExtension::new(Pieces { count, left: 0 }, collects)).unwrap();
        let mut receiver = receiver(Role::Client, Limits::NONE, extensions);
        // Each message has as many.
        for _ in 0..2 {
            let mut bytes = frame_to(Role::Client, FIN | TEXT, vec![b'a'; len]);
            let received =
                receiver.next_event(&mut bytes.as_mut_slice()).map(|event| assert!(event.is_some()));
            assert_eq!(received, end, "{len}, {count}");
            if end.is_err() {
                break;
            }
        }
    }
}

#[test]
fn an_extension_that_fails_at_a_header_fails_the_connection() {
    #[derive(Debug)]
    struct Fails;
    impl InboundExtension for Fails {
        fn rsv(&self) -> Rsv {
            Rsv::RSV3
        }
        fn begin_frame(&mut self, header: &FrameHeader) -> Result<bool, RemoteProtocolError> {
            match header.payload_len {
                5 => Err(FIVE_IS_TOO_LONG),
                _ => Ok(false),
            }
        }
        fn decode(&mut self, _: &[u8], _: Ends, _: usize) -> Result<Decoded, RemoteProtocolError> {
            panic!("no payload should be decoded")
        }
        fn output(&self) -> &[u8] {
            &[]
        }
    }
    let make = || {
        let mut extensions = Extensions::new();
        extensions
            .push(NegotiatedExtension::new(Fails, Strange { read: 0, done: true, output: b"" }))
            .unwrap();
        receiver(Role::Server, Limits::default(), extensions)
    };
    let bytes =
        [frame_to(Role::Server, FIN | TEXT, b"Hell"), frame_to(Role::Server, FIN | TEXT, b"Hello")].concat();
    let seen = crate::support::check_with(Role::Server, make, &bytes);
    assert_eq!(seen.failure, Some(FIVE_IS_TOO_LONG));
    assert_eq!(seen.said, [crate::protocol::text("Hell")]);
}

#[test]
fn an_extension_that_encodes_more_than_promised_is_written_or_refused() {
    let strange = Strange { read: 0, done: true, output: b"much more than nothing" };
    let server = || {
        let mut extensions = Extensions::new();
        extensions.push(NegotiatedExtension::new(strange, strange)).unwrap();
        Connection::server(Limits::default()).with_extensions(extensions)
    };
    let mut output = Vec::new();
    server().send(TextMessage::from("a"), &mut output).unwrap();
    assert_eq!(output, b"\x81\x16much more than nothing");
    let mut room = [0; 20];
    let refused = server().send(TextMessage::from("a"), &mut room.as_mut_slice());
    assert!(matches!(refused, Err(LocalProtocolError::OutputFull(_))), "{refused:?}");
}

/// An extension that marks messages by RSV3. If it decodes, the second frame becomes the end of a character and one
/// more, and fails there.
#[derive(Debug)]
struct Marks {
    decodes: bool,
    frames: usize,
}

impl InboundExtension for Marks {
    fn rsv(&self) -> Rsv {
        Rsv::RSV3
    }

    fn begin_frame(&mut self, _: &FrameHeader) -> Result<bool, RemoteProtocolError> {
        Ok(self.decodes)
    }

    fn decode(&mut self, payload: &[u8], _: Ends, _: usize) -> Result<Decoded, RemoteProtocolError> {
        self.frames += 1;
        if self.frames == 1 { Ok(Decoded::new(payload.len(), true)) } else { Err(FIVE_IS_TOO_LONG) }
    }

    fn output(&self) -> &[u8] {
        match self.frames {
            0 => b"",
            1 => b"\xe2",
            _ => b"\x82\xac!",
        }
    }
}

fn marked(decodes: bool, limits: Limits) -> wsproto::Receiver {
    let mut extensions = Extensions::new();
    let outbound = Strange { read: 0, done: true, output: b"" };
    extensions.push(NegotiatedExtension::new(Marks { decodes, frames: 0 }, outbound)).unwrap();
    receiver(Role::Client, limits, extensions)
}

#[test]
fn a_marked_message_that_is_not_encoded_has_the_limit_of_plain_messages() {
    let mut limits = Limits::default();
    limits.max_message_len = 4;
    let bytes = frame_to(Role::Client, FIN | 0x10 | TEXT, b"Hello");
    let seen = crate::support::check_with(Role::Client, || marked(false, limits), &bytes);
    assert_eq!(seen.failure, Some(RemoteProtocolError::MessageTooLong));
    let bytes = frame_to(Role::Client, FIN | 0x10 | TEXT, b"Hell");
    let seen = crate::support::check_with(Role::Client, || marked(false, limits), &bytes);
    assert_eq!((seen.failure, seen.said), (None, vec![crate::protocol::text("Hell")]));
}

#[test]
fn an_error_after_output_that_waits_when_the_transport_ends_is_not_reported() {
    let mut receiver = marked(true, Limits::default());
    let mut first = frame_to(Role::Client, 0x10 | TEXT, b"1");
    let mut input = first.as_mut_slice();
    while receiver.next_event(&mut input).unwrap().is_some() {}
    let mut second = frame_to(Role::Client, FIN, b"2");
    let Some(Event::Text(piece)) = receiver.next_event(&mut second.as_mut_slice()).unwrap() else {
        panic!("no text")
    };
    assert_eq!(piece.data, "€");
    let close = receiver.receive_eof().map(|close| close.code);
    assert_eq!(close, Some(Some(CloseCode::ABNORMAL_CLOSURE)));
}

/// An extension that counts how often it was asked to free memory.
#[derive(Clone, Debug, Default)]
struct Counts(Arc<AtomicUsize>);

impl Counts {
    fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl InboundExtension for Counts {
    fn rsv(&self) -> Rsv {
        Rsv::RSV3
    }

    fn begin_frame(&mut self, _: &FrameHeader) -> Result<bool, RemoteProtocolError> {
        Ok(false)
    }

    fn decode(&mut self, payload: &[u8], _: Ends, _: usize) -> Result<Decoded, RemoteProtocolError> {
        Ok(Decoded::new(payload.len(), true))
    }

    fn output(&self) -> &[u8] {
        &[]
    }

    fn release_memory(&mut self) {
        self.count();
    }
}

impl OutboundExtension for Counts {
    fn rsv_for(&self, _: MessageKind, _: Option<usize>) -> Option<Rsv> {
        None
    }

    fn max_encoded_len(&self, len: usize) -> usize {
        len
    }

    fn encode(&mut self, _: &[u8], _: bool) -> &[u8] {
        &[]
    }

    fn release_memory(&mut self) {
        self.count();
    }
}

#[test]
fn an_extension_frees_memory_when_the_caller_asks_or_the_connection_is_idle() {
    let (inbound, outbound) = (Counts::default(), Counts::default());
    let counts = || [&inbound, &outbound].map(|counts| counts.0.swap(0, Ordering::Relaxed));
    let server = || {
        let mut extensions = Extensions::new();
        extensions.push(NegotiatedExtension::new(inbound.clone(), outbound.clone())).unwrap();
        Connection::server(Limits::default()).with_extensions(extensions)
    };
    let replies = || AutoReplies::new(ReplyPolicy::Nothing);
    server().into_halves(replies()).0.release_memory();
    assert_eq!(counts(), [1, 0]);
    server().into_shared_halves(replies()).0.release_memory();
    assert_eq!(counts(), [1, 0]);
    let mut server = server();
    server.release_memory();
    assert_eq!(counts(), [1, 1]);
    for _ in 0..100 {
        server.send(Ping::new(b""), &mut Vec::new()).unwrap();
    }
    assert_eq!(counts(), [0, 1], "only control frames were sent");
    for _ in 0..100 {
        assert_eq!(server.next_event(&mut [].as_mut_slice()), Ok(None));
    }
    assert_eq!(counts(), [1, 0], "nothing was received");
}

#[test]
fn an_extension_that_uses_a_bit_on_all_frames_shares_it_with_no_other() {
    #[derive(Debug)]
    struct AllFrames;
    impl InboundExtension for AllFrames {
        fn rsv(&self) -> Rsv {
            Rsv::RSV3
        }
        fn continuation_rsv(&self) -> Rsv {
            Rsv::RSV3
        }
        fn begin_frame(&mut self, _: &FrameHeader) -> Result<bool, RemoteProtocolError> {
            Ok(false)
        }
        fn decode(&mut self, _: &[u8], _: Ends, _: usize) -> Result<Decoded, RemoteProtocolError> {
            panic!("no payload should be decoded")
        }
        fn output(&self) -> &[u8] {
            &[]
        }
    }
    let mut extensions = Extensions::new();
    extensions.push(NegotiatedExtension::new(AllFrames, Counts::default())).unwrap();
    assert!(extensions.push(NegotiatedExtension::new(Counts::default(), Counts::default())).is_err());
    assert_eq!(extensions.len(), 1);
}

#[test]
fn the_defaults_of_an_extension_do_nothing() {
    let strange = Strange { read: 0, done: true, output: b"" };
    let (mut inbound, mut outbound) = NegotiatedExtension::new(strange, strange).into_parts();
    inbound.release_all_memory();
    outbound.release_all_memory();
    outbound.restart();
    inbound.pause();
    assert_eq!(inbound.continuation_rsv(), Rsv::NONE);
    assert!(inbound.try_clone().is_none() && outbound.try_clone().is_none());
}
