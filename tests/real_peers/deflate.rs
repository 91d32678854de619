//! permessage-deflate with implementations by others, in both directions: each window size, with and without context
//! takeover (RFC 7692 §7.1).
//!
//! Peers get their offer as an argument `SERVER_BITS,CLIENT_BITS,TAKEOVER`, where `TAKEOVER` is `both`, `server`,
//! `client` or `none`: the sides that keep their window from message to message.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use wsproto::{
    AcceptConnection, BytesMessage, CloseCode, CloseConnection, DeflateParams, Entropy, ExtensionParams,
    PermessageDeflate, Ping, ReplyPolicy, Request, SeededEntropy, TextMessage, TransportAction, WsConnection,
    WsEvent, WsOutgoing,
};

use crate::program::{Ending, Program};
use crate::tools::{node, python};

#[test]
fn websockets_of_python_compresses_and_decompresses_with_our_server() {
    check_client(python("websockets", "deflate_websockets.py"), PYTHON);
}

#[test]
fn wsproto_of_python_compresses_and_decompresses_with_our_server() {
    check_client(python("wsproto", "deflate_wsproto.py"), WSPROTO);
}

#[test]
fn ws_of_node_compresses_and_decompresses_with_our_server() {
    check_client(node("ws", "deflate_ws.cjs"), ALL);
}

#[test]
fn websockets_of_python_compresses_and_decompresses_with_our_client() {
    check_server(python("websockets", "deflate_websockets.py"), PYTHON);
}

#[test]
fn wsproto_of_python_compresses_and_decompresses_with_our_client() {
    check_server(python("wsproto", "deflate_wsproto.py"), WSPROTO);
}

#[test]
fn ws_of_node_compresses_and_decompresses_with_our_client() {
    check_server(node("ws", "deflate_ws.cjs"), ALL);
}

/// What a peer supports.
#[derive(Clone, Copy)]
struct Skills {
    least_to_compress: u8,
    least_to_decompress: u8,
    /// Whether a compressed message may have a control frame between its fragments.
    pings_between: bool,
}

const ALL: Skills = Skills { least_to_compress: 8, least_to_decompress: 8, pings_between: true };

/// Its zlib cannot compress with a window of 8 bits.
const PYTHON: Skills = Skills { least_to_compress: 9, ..ALL };

const WSPROTO: Skills = Skills { least_to_compress: 9, least_to_decompress: 9, pings_between: false };

/// Every window size of each side, with every choice of context takeover.
fn settings(is_peer_server: bool, skills: Skills) -> Vec<DeflateParams> {
    let params = |bits: u8, takeover: (bool, bool)| {
        let (of_peer, ours) = (bits.max(skills.least_to_compress), bits.max(skills.least_to_decompress));
        let (server, client) = if is_peer_server { (of_peer, ours) } else { (ours, of_peer) };
        DeflateParams {
            server_no_context_takeover: !takeover.0,
            client_no_context_takeover: !takeover.1,
            server_max_window_bits: server,
            client_max_window_bits: client,
        }
    };
    let each_size = (8..=15).flat_map(|bits| [(bits, (true, true)), (bits, (false, false))]);
    let mixed = [(15, (true, false)), (15, (false, true)), (8, (true, false)), (8, (false, true))];
    each_size.chain(mixed).map(|(bits, takeover)| params(bits, takeover)).collect()
}

/// The argument of a peer for these parameters.
fn argument(params: DeflateParams) -> String {
    let takeover = match (params.server_no_context_takeover, params.client_no_context_takeover) {
        (false, false) => "both",
        (false, true) => "server",
        (true, false) => "client",
        (true, true) => "none",
    };
    format!("{},{},{takeover}", params.server_max_window_bits, params.client_max_window_bits)
}

/// Has a peer's client, if it is installed, offer every setting to our echo server.
fn check_client(client: Option<Command>, skills: Skills) {
    let Some(mut client) = client else { return };
    let settings = settings(false, skills);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let args: Vec<_> = settings.iter().copied().map(argument).collect();
    let client = Program::start(client.arg("client").arg(url).args(&args));
    let server = thread::spawn(move || {
        let count = settings.len();
        let answers: Vec<_> = (0..count).map(|_| serve(listener.accept().unwrap().0)).collect();
        (settings, answers)
    });
    let ending = client.finish();
    let stdout: String = args.iter().map(|arg| format!("{arg}: all came back\n")).collect();
    assert_eq!(ending, Ending { code: Some(0), stdout, stderr: String::new() });
    let (settings, answers) = server.join().unwrap();
    assert_eq!(answers, settings, "what was agreed on");
}

/// Connects to a peer's server, if it is installed, with every setting.
fn check_server(server: Option<Command>, skills: Skills) {
    let Some(mut server) = server else { return };
    let server = Program::start(server.arg("server"));
    let addr = format!("127.0.0.1:{}", server.line().trim_end());
    for params in settings(true, skills) {
        check_echoes(TcpStream::connect(&addr).unwrap(), params, skills);
    }
    assert_eq!(server.kill(), Ending { code: None, stdout: String::new(), stderr: String::new() });
}

/// A connection on a blocking socket.
struct Peer<E> {
    socket: TcpStream,
    ws: WsConnection<E>,
}

impl<E: Entropy> Peer<E> {
    fn new(socket: TcpStream, ws: WsConnection<E>) -> Self {
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self { socket, ws: ws.with_reply_policy(ReplyPolicy::PongAndClose) }
    }

    fn send(&mut self, event: impl WsOutgoing) {
        let bytes = self.ws.send(event).unwrap();
        self.socket.write_all(&bytes).unwrap();
    }

    fn next_event(&mut self) -> WsEvent {
        loop {
            if let Some(event) = self.ws.next_event().unwrap() {
                return event;
            }
            self.socket.write_all(&self.ws.bytes_to_send()).unwrap();
            let mut buffer = [0; 16 << 10];
            match self.socket.read(&mut buffer).unwrap() {
                0 => self.ws.receive_eof(),
                len => self.ws.receive_data(&buffer[..len]).unwrap(),
            }
        }
    }
}

/// Echoes piece by piece up to the close frame; returns what was agreed on.
fn serve(socket: TcpStream) -> DeflateParams {
    let deflate = PermessageDeflate::new().with_threshold(0);
    let mut peer = Peer::new(socket, WsConnection::server().with_extension(deflate.clone()));
    let WsEvent::Request(request) = peer.next_event() else { panic!("no request") };
    let params =
        request.extensions().iter().find_map(|offer| deflate.answer(offer).ok()).expect("an offer").1;
    peer.send(AcceptConnection::new());
    loop {
        match peer.next_event() {
            WsEvent::Text(piece) => peer.send(piece),
            WsEvent::Bytes(piece) => peer.send(piece),
            WsEvent::Close(close) => {
                assert_eq!(close.code, Some(CloseCode::NORMAL_CLOSURE));
                let bytes = peer.ws.bytes_to_send();
                peer.socket.write_all(&bytes).unwrap();
                assert_eq!(peer.ws.transport_action(), TransportAction::Close);
                return params;
            }
            _ => {}
        }
    }
}

/// Has an echo server echo all kinds of messages.
fn check_echoes(socket: TcpStream, params: DeflateParams, skills: Skills) {
    let mut deflate = PermessageDeflate::new()
        .with_threshold(0)
        .with_level(6)
        .with_server_max_window_bits(params.server_max_window_bits)
        .with_client_max_window_bits(params.client_max_window_bits);
    if params.server_no_context_takeover {
        deflate = deflate.with_server_no_context_takeover();
    }
    if params.client_no_context_takeover {
        deflate = deflate.with_client_no_context_takeover();
    }
    let mut peer =
        Peer::new(socket, WsConnection::client(SeededEntropy::new()).with_extension(deflate.clone()));
    peer.send(Request::new("localhost", "/"));
    let WsEvent::Accept(accept) = peer.next_event() else { panic!("no acceptance of {params:?}") };
    let answer = accept.headers().get("Sec-WebSocket-Extensions").expect("an answer");
    let answer = ExtensionParams::parse_list(answer).unwrap();
    assert_eq!(deflate.agreed_params(&answer[0]), Ok(params));

    let words = "The quick brown fox jumps over the lazy dog. ".repeat(800);
    for text in
        ["Hello", "Hello", "", words.as_str(), "Grüße, 世界! 😀", words.as_str(), "é".repeat(9000).as_str()]
    {
        peer.send(TextMessage::from(text));
        assert!(echo(&mut peer) == text.as_bytes(), "{params:?}: {text:.20}");
    }
    for data in [&[][..], &[0; 40_000], &noise(33_000), &noise(33_000), &noise(300).repeat(50)] {
        peer.send(BytesMessage::from(data));
        assert!(echo(&mut peer) == data, "{params:?}: {} bytes", data.len());
    }
    for piece in ["in ", "", "pieces "] {
        peer.send(TextMessage::partial(piece));
        if skills.pings_between {
            peer.send(Ping::new("?"));
        }
    }
    peer.send(TextMessage::from("é€😀"));
    assert_eq!(echo(&mut peer), "in pieces é€😀".as_bytes());
    peer.send(CloseConnection::new(CloseCode::NORMAL_CLOSURE, ""));
    while !matches!(peer.next_event(), WsEvent::Close(_)) {}
}

/// The next message.
fn echo<E: Entropy>(peer: &mut Peer<E>) -> Vec<u8> {
    let mut message = Vec::new();
    loop {
        let (piece, message_finished) = match peer.next_event() {
            WsEvent::Text(piece) => (piece.data.into_bytes(), piece.message_finished),
            WsEvent::Bytes(piece) => (piece.data, piece.message_finished),
            WsEvent::Pong(_) => continue,
            other => panic!("{other:?}"),
        };
        message.extend(piece);
        if message_finished {
            return message;
        }
    }
}

/// Bytes that do not compress; the same for each call.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}
