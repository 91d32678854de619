//! A `WsConnection` returns what a receiver returns: with events that are owned or borrowed, with bytes that were copied
//! or read into its space, for all cuts; for a connection that is open, and after a handshake of either role.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use wsproto::{
    AcceptConnection, CloseConnection, Connection, Entropy, Event, HandshakeLimits, Limits, ReceiveError,
    Receiver, RemoteProtocolError, ReplyPolicy, Request, Role, Sender, WsConnection, WsEvent, WsEventRef,
};
use wsproto_fuzz::{
    Counter, Joined, REQUESTS, RESPONSES, Received, Side, SmallLimits, Wire, Zeros, ascending, encode, feed,
};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    side: Side,
    limits: SmallLimits,
    policy: ReplyPolicy,
    cuts: Vec<u16>,
    wires: Vec<Wire<'a>>,
}

/// How bytes come in, and how events are returned.
#[derive(Clone, Copy, Debug)]
enum Way {
    Owned,
    Borrowed,
    IntoSpace,
}

/// What was received, the failure, and what the end of the transport has reported.
type Outcome = (Received, Option<RemoteProtocolError>, Option<CloseConnection<String>>);

fuzz_target!(|input: Input<'_>| {
    let frames = encode(input.side, &input.wires);
    let limits = Limits::from(input.limits);
    let role = Role::from(input.side);
    let expected = feed(Receiver::new(role, limits), &frames, []);
    let eof = expected.eof.map(|close| CloseConnection { code: close.code, reason: close.reason.to_owned() });
    let failure = expected.failure.map(|failure| failure.error);
    let expected: Outcome = (expected.received, failure, eof);

    let cuts = ascending(&input.cuts, frames.len());
    for way in [Way::Owned, Way::Borrowed, Way::IntoSpace] {
        let open = || {
            let sender = Sender::with_role(role, Counter(0));
            let connection = Connection::from_parts(Receiver::new(role, limits), sender);
            WsConnection::from(connection).with_reply_policy(input.policy)
        };
        assert_eq!(run(open(), &frames, &[], way), expected, "{way:?}");
        assert_eq!(run(open(), &frames, &cuts, way), expected, "{way:?}, cut");
        let with_handshake = |cuts: &[u16]| match input.side {
            Side::Server => {
                let bytes = [REQUESTS[0].as_bytes(), &frames].concat();
                let ws = WsConnection::server().with_limits(HANDSHAKE_LIMITS, limits);
                run(ws.with_reply_policy(input.policy), &bytes, &ascending(cuts, bytes.len()), way)
            }
            Side::Client => {
                let bytes = [RESPONSES[0].as_bytes(), &frames].concat();
                let mut ws = WsConnection::client(Zeros).with_limits(HANDSHAKE_LIMITS, limits);
                ws.send(Request::new("a", "/")).expect("a valid request");
                run(ws.with_reply_policy(input.policy), &bytes, &ascending(cuts, bytes.len()), way)
            }
        };
        assert_eq!(with_handshake(&[]), expected, "{way:?}, after a handshake");
        assert_eq!(with_handshake(&input.cuts), expected, "{way:?}, after a handshake, cut");
    }
});

/// All frames may come with the request.
const HANDSHAKE_LIMITS: HandshakeLimits = HandshakeLimits::DEFAULT.with_max_early_data(usize::MAX);

fn run<E: Entropy>(mut ws: WsConnection<E>, bytes: &[u8], cuts: &[usize], way: Way) -> Outcome {
    let (mut received, mut failure) = (Received::default(), None);
    let mut start = 0;
    for end in cuts.iter().copied().chain([bytes.len()]) {
        let mut read = &bytes[start..end];
        start = end;
        while !read.is_empty() {
            let len = match way {
                Way::IntoSpace => {
                    let space = ws.space();
                    let len = space.len().min(read.len());
                    space[..len].copy_from_slice(&read[..len]);
                    ws.filled(len).expect("it was filled");
                    len
                }
                Way::Owned | Way::Borrowed => {
                    ws.receive_data(read).expect("the transport has not ended");
                    read.len()
                }
            };
            read = &read[len..];
            while next(&mut ws, way, &mut received, &mut failure) {}
        }
    }
    let before_end = received.0.len();
    ws.receive_eof();
    while next(&mut ws, way, &mut received, &mut failure) {}
    let eof = match received.0.get(before_end) {
        Some(Joined::Close(code, reason)) => Some(CloseConnection { code: *code, reason: reason.clone() }),
        Some(other) => panic!("{other:?} after the end"),
        None => None,
    };
    received.0.truncate(before_end);
    (received, failure, eof)
}

/// Reads an event. Returns whether there may be more.
fn next<E: Entropy>(
    ws: &mut WsConnection<E>,
    way: Way,
    received: &mut Received,
    failure: &mut Option<RemoteProtocolError>,
) -> bool {
    let event = match way {
        Way::Owned => ws.next_event(),
        Way::Borrowed | Way::IntoSpace => ws.next_event_ref().map(|event| event.map(WsEventRef::into_owned)),
    };
    match event {
        Ok(None) => return false,
        Ok(Some(WsEvent::Text(text))) => received.push(Event::Text(text.as_ref())),
        Ok(Some(WsEvent::Bytes(bytes))) => received.push(Event::Bytes(bytes.as_ref())),
        Ok(Some(WsEvent::Ping(ping))) => received.push(Event::Ping(ping.as_ref())),
        Ok(Some(WsEvent::Pong(pong))) => received.push(Event::Pong(pong.as_ref())),
        Ok(Some(WsEvent::Close(close))) => received.push(Event::Close(close.as_ref())),
        Ok(Some(WsEvent::Request(_))) => {
            let response = ws.send(AcceptConnection::new()).expect("the request waits for a response");
            assert!(response.starts_with(b"HTTP/1.1 101 "));
        }
        Ok(Some(event)) => assert!(matches!(event, WsEvent::Accept(_)), "{event:?}"),
        Err(ReceiveError::Protocol(error)) => assert_eq!(failure.replace(error), None, "it is reported once"),
        Err(error) => panic!("{error:?}: the handshake is valid"),
    }
    // The replies that were prepared do not change what is received.
    _ = ws.bytes_to_send();
    true
}
