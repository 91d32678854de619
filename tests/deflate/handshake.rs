//! Offers and answers as bytes of the opening handshake (RFC 6455 §4, §9.1; RFC 7692 §5).

use wsproto::{
    AcceptConnection, ClientHandshake, Connection, ConnectionState, Event, ExtensionParams, HandshakeError,
    HandshakeLimits, HandshakeResponse, Limits, LocalProtocolError, NegotiationError, NegotiationErrorKind,
    NoEntropy, PermessageDeflate, ReceiveError, Request, ServerHandshake, TextMessage, WsConnection, WsEvent,
};

use crate::checksum::Checksum;
use crate::protocol::Fixed;

/// The values of the fields with this name.
fn field(head: &[u8], name: &str) -> Vec<String> {
    let head = std::str::from_utf8(head).unwrap();
    let start = format!("{name}: ");
    head.lines().filter_map(|line| line.strip_prefix(&start)).map(str::to_owned).collect()
}

const EXTENSIONS: &str = "Sec-WebSocket-Extensions";

/// A server that has read a request with these header lines, and the request.
fn asked(lines: &str) -> Result<(ServerHandshake, Request), HandshakeError> {
    let head = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{lines}\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    let mut handshake = ServerHandshake::new(HandshakeLimits::default());
    let request = handshake.receive(&mut head.as_bytes())?.expect("a whole request").clone();
    Ok((handshake, request))
}

/// The extensions that a server with permessage-deflate answers to a request with these header lines.
fn answered(lines: &str) -> Vec<String> {
    let (mut handshake, request) = asked(lines).unwrap();
    let deflate = PermessageDeflate::new();
    let (accept, extensions) = AcceptConnection::new().with_extensions(&[&deflate], &request);
    let mut output = Vec::new();
    handshake.accept(accept, &mut output).unwrap();
    let field = field(&output, EXTENSIONS);
    assert_eq!(field.len(), extensions.len());
    field
}

/// A client that has offered these settings, and the offers in its request.
fn asking(deflate: &PermessageDeflate) -> (ClientHandshake, String) {
    let mut output = Vec::new();
    let request = Request::new("localhost", "/").with_extensions(&[deflate]);
    let handshake = ClientHandshake::new(request, HandshakeLimits::default(), &mut Fixed, &mut output);
    (handshake.unwrap(), field(&output, EXTENSIONS).join("|"))
}

/// A server's answer with these header lines.
fn answer(lines: &str) -> String {
    let mut key = [0; 16];
    wsproto::Entropy::fill(&mut Fixed, &mut key);
    let key = wsproto::SecWebSocketKey::new(key);
    let token = wsproto::generate_accept_token(key.as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{lines}\
         Sec-WebSocket-Accept: {token}\r\n\r\n"
    )
}

/// How many extensions a client with these settings accepts from an answer with these header lines.
fn agreed(deflate: &PermessageDeflate, lines: &str) -> Result<usize, HandshakeError> {
    let (mut handshake, _) = asking(deflate);
    match handshake.receive(&mut answer(lines).as_bytes())? {
        Some(HandshakeResponse::Accept(accept)) => {
            accept.extensions(&[deflate]).map(|extensions| extensions.len())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn client_and_server_handshakes_lead_to_connections_that_compress() {
    let client_deflate = PermessageDeflate::new().with_server_max_window_bits(10).with_threshold(0);
    let server_deflate = PermessageDeflate::new().with_client_no_context_takeover().with_threshold(0);

    let mut wire = Vec::new();
    let request = Request::new("localhost", "/").with_extensions(&[&client_deflate]);
    let mut asking =
        ClientHandshake::new(request, HandshakeLimits::default(), &mut Fixed, &mut wire).unwrap();
    let mut deciding = ServerHandshake::new(HandshakeLimits::default());
    let request = deciding.receive(&mut wire.as_slice()).unwrap().expect("a whole request");
    let (accept, extensions) = AcceptConnection::new().with_extensions(&[&server_deflate], request);
    let mut server = Connection::server(Limits::default()).with_extensions(extensions);
    wire.clear();
    deciding.accept(accept, &mut wire).unwrap();
    let expected = "permessage-deflate; client_no_context_takeover; server_max_window_bits=10";
    assert_eq!(field(&wire, EXTENSIONS), [expected]);

    let mut input = wire.as_slice();
    let Ok(Some(HandshakeResponse::Accept(accept))) = asking.receive(&mut input) else {
        panic!("no acceptance")
    };
    let extensions = accept.extensions(&[&client_deflate]).unwrap();
    let mut client = Connection::client(Limits::default(), Fixed).with_extensions(extensions);

    wire.clear();
    client.send(TextMessage::from("Hello"), &mut wire).unwrap();
    assert_eq!(wire[0], 0xC1);
    let mut input = wire.as_mut_slice();
    assert_eq!(server.next_event(&mut input), Ok(Some(Event::Text(TextMessage::new("Hello")))));
    let mut wire = Vec::new();
    server.send(TextMessage::from("Hello"), &mut wire).unwrap();
    assert_eq!(wire, b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00");
    let mut input = wire.as_mut_slice();
    assert_eq!(client.next_event(&mut input), Ok(Some(Event::Text(TextMessage::new("Hello")))));
}

#[test]
fn offers_may_be_in_one_header_field_or_in_several() {
    // RFC 6455 §9.1, §11.3.2
    assert_eq!(answered(""), [""; 0]);
    for lines in [
        "Sec-WebSocket-Extensions: permessage-deflate; x, permessage-deflate; server_max_window_bits=9\r\n",
        "Sec-WebSocket-Extensions: permessage-deflate; x\r\n\
         Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n",
        "sec-websocket-extensions: x-a;b=\"c, permessage-deflate\",\r\n\
         SEC-WEBSOCKET-EXTENSIONS: ,permessage-deflate;server_max_window_bits=\"9\", permessage-deflate\r\n",
    ] {
        // The answer is one extension in one field.
        assert_eq!(answered(lines), ["permessage-deflate; server_max_window_bits=9"], "{lines}");
    }
}

#[test]
fn a_server_declines_invalid_offers_and_accepts_the_connection() {
    // RFC 6455 §4.2.2; RFC 7692 §7.1: the server declines the offer and accepts the connection.
    for offer in ["x-other", "permessage-deflate; server_max_window_bits=16", "permessage-deflate; a; a"] {
        assert_eq!(answered(&format!("Sec-WebSocket-Extensions: {offer}\r\n")), [""; 0], "{offer}");
    }
}

#[test]
fn a_field_that_breaks_the_grammar_fails_the_handshake() {
    // RFC 6455 §9.1: "the recipient ... MUST immediately fail".
    for value in ["permessage-deflate;", "permessage-deflate; a=", "a b", "a; b=\"c", "=", "\"a\""] {
        let line = format!("Sec-WebSocket-Extensions: {value}\r\n");
        let error =
            HandshakeError::InvalidExtension(ExtensionParams::parse_list(value.as_bytes()).unwrap_err());
        assert_eq!(asked(&line).unwrap_err(), error, "{value}");
        let deflate = PermessageDeflate::new();
        assert_eq!(agreed(&deflate, &line), Err(error), "{value}");
    }
}

#[test]
fn an_empty_list_of_extensions_is_the_same_as_no_header() {
    // RFC 9110 §5.6.1.
    for value in ["", ","] {
        let line = format!("Sec-WebSocket-Extensions: {value}\r\n");
        assert_eq!(answered(&line), [""; 0], "{value}");
        assert_eq!(agreed(&PermessageDeflate::new(), &line), Ok(0), "{value}");
    }
}

#[test]
fn an_offer_with_a_quoted_value_that_is_not_a_token_is_declined() {
    // RFC 6455 §4.3, §9.1: unescaped, it must be a token.
    let value = r#"permessage-deflate; client_max_window_bits="1 0", permessage-deflate"#;
    assert_eq!(answered(&format!("Sec-WebSocket-Extensions: {value}\r\n")), ["permessage-deflate"]);
}

#[test]
fn a_client_accepts_only_answers_that_match_its_offer() {
    // RFC 6455 §4.1, §9.1; RFC 7692 §5, §7.1
    let deflate = PermessageDeflate::new().with_server_max_window_bits(10);
    assert_eq!(asking(&deflate).1, "permessage-deflate; server_max_window_bits=10; client_max_window_bits");
    let lines = |value: &str| format!("Sec-WebSocket-Extensions: {value}\r\n");
    assert_eq!(agreed(&deflate, ""), Ok(0));
    assert_eq!(agreed(&deflate, &lines("permessage-deflate; server_max_window_bits=9")), Ok(1));
    let error = |kind, name| NegotiationError::new(kind, name);
    let window = |kind| error(kind, "permessage-deflate").with_param("server_max_window_bits");
    let repeated = error(NegotiationErrorKind::Repeated, "permessage-deflate");
    for (value, error) in [
        ("permessage-deflate", window(NegotiationErrorKind::MissingParam)),
        ("permessage-deflate; server_max_window_bits=11", window(NegotiationErrorKind::ValueTooLarge)),
        ("x-other", error(NegotiationErrorKind::NotOffered, "x-other")),
        (
            "permessage-deflate; server_max_window_bits=9, x-other",
            error(NegotiationErrorKind::NotOffered, "x-other"),
        ),
        (
            "permessage-deflate; server_max_window_bits=9, permessage-deflate; server_max_window_bits=9",
            repeated,
        ),
    ] {
        let error = Err(HandshakeError::UnexpectedExtension(error));
        assert_eq!(agreed(&deflate, &lines(value)), error, "{value}");
    }
    let param = window(NegotiationErrorKind::MissingParam).param().map(|param| param.as_bytes().to_vec());
    assert_eq!((param, repeated.param()), (Some(b"server_max_window_bits".to_vec()), None));
    let twice = lines("permessage-deflate; server_max_window_bits=9").repeat(2);
    assert_eq!(agreed(&deflate, &twice), Err(HandshakeError::UnexpectedExtension(repeated)));
}

#[test]
fn ws_connection_fails_if_the_answer_does_not_match_the_offer() {
    let client = || {
        let deflate = PermessageDeflate::new().with_server_no_context_takeover();
        let mut client = WsConnection::client(Fixed).with_extension(deflate);
        client.send(Request::new("localhost", "/")).unwrap();
        client
    };
    for (lines, kind, param) in [
        ("permessage-deflate", NegotiationErrorKind::MissingParam, "server_no_context_takeover"),
        (
            "permessage-deflate; server_no_context_takeover; client_max_window_bits",
            NegotiationErrorKind::MissingValue,
            "client_max_window_bits",
        ),
    ] {
        let mut client = client();
        let answer = answer(&format!("Sec-WebSocket-Extensions: {lines}\r\n"));
        client.receive_data(&[answer.as_bytes(), b"\x81\x05Hello"].concat()).unwrap();
        let error = NegotiationError::new(kind, "permessage-deflate").with_param(param);
        let error = ReceiveError::Handshake(HandshakeError::UnexpectedExtension(error));
        assert_eq!(client.next_event(), Err(error));
        assert_eq!((client.next_event(), client.state()), (Ok(None), ConnectionState::Closed));
        assert!(client.send(TextMessage::from("?")).is_err());
    }
    let mut client = client();
    client.receive_data(answer("").as_bytes()).unwrap();
    assert!(
        matches!(client.next_event(), Ok(Some(WsEvent::Accept(_)))),
        "the server may decline the extension"
    );
}

#[test]
fn ws_connection_uses_several_extensions_in_the_servers_order() {
    // RFC 6455 §9.1
    for checksum_first in [false, true] {
        let mut client = WsConnection::client(Fixed);
        client = if checksum_first {
            client.with_extension(Checksum).with_extension(PermessageDeflate::new().with_threshold(0))
        } else {
            client.with_extension(PermessageDeflate::new().with_threshold(0)).with_extension(Checksum)
        };
        let mut server = WsConnection::server()
            .with_extension(PermessageDeflate::new().with_threshold(0))
            .with_extension(Checksum);
        server.receive_data(&client.send(Request::new("localhost", "/")).unwrap()).unwrap();
        server.next_event().unwrap();
        let answer = server.send(AcceptConnection::new()).unwrap();
        let expected =
            if checksum_first { "x-checksum, permessage-deflate" } else { "permessage-deflate, x-checksum" };
        assert_eq!(field(&answer, EXTENSIONS), [expected], "the client's order of preference");
        client.receive_data(&answer).unwrap();
        client.next_event().unwrap();
        let bytes = server.send(TextMessage::from("Hello")).unwrap();
        assert_eq!(bytes[0], 0xC1 | 0x20);
        client.receive_data(&bytes).unwrap();
        assert_eq!(client.next_event(), Ok(Some(WsEvent::Text(TextMessage::new("Hello".into())))));
    }
}

#[test]
fn a_server_without_the_extension_declines_it_and_nothing_is_compressed() {
    // RFC 7692 §5; RFC 6455 §5.8, §9.1
    let mut client = WsConnection::client(Fixed).with_extension(PermessageDeflate::new().with_threshold(0));
    let mut server = WsConnection::server();
    server.receive_data(&client.send(Request::new("localhost", "/")).unwrap()).unwrap();
    server.next_event().unwrap();
    let answer = server.send(AcceptConnection::new()).unwrap();
    assert_eq!(field(&answer, EXTENSIONS), [""; 0]);
    client.receive_data(&answer).unwrap();
    client.next_event().unwrap();
    assert_eq!(client.send(TextMessage::from("Hello")).unwrap()[0], 0x81);
    client.receive_data(b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00").unwrap();
    let error = wsproto::RemoteProtocolError::ReservedBits;
    assert_eq!(client.next_event(), Err(ReceiveError::Protocol(error)));
}

/// A proxy that forwards a request and an answer.
#[test]
fn a_proxy_does_not_forward_extensions_that_it_does_not_run() {
    let mut client = WsConnection::client(Fixed).with_extension(PermessageDeflate::new());
    let mut front = WsConnection::server();
    let mut back = WsConnection::client(Fixed);
    let mut server = WsConnection::server().with_extension(PermessageDeflate::new());

    front.receive_data(&client.send(Request::new("localhost", "/")).unwrap()).unwrap();
    let Ok(Some(WsEvent::Request(request))) = front.next_event() else { panic!("no request") };
    assert_eq!(request.extensions().len(), 1, "the proxy can see the offer");
    let forwarded = back.send(request).unwrap();
    assert_eq!(field(&forwarded, EXTENSIONS), [""; 0], "the proxy's client runs none");
    server.receive_data(&forwarded).unwrap();
    server.next_event().unwrap();
    let answer = server.send(AcceptConnection::new()).unwrap();
    assert_eq!(field(&answer, EXTENSIONS), [""; 0]);

    // The proxy's client runs the extension, and its server does not.
    let mut back = WsConnection::client(Fixed).with_extension(PermessageDeflate::new());
    let mut server = WsConnection::server().with_extension(PermessageDeflate::new());
    server.receive_data(&back.send(Request::new("localhost", "/")).unwrap()).unwrap();
    server.next_event().unwrap();
    back.receive_data(&server.send(AcceptConnection::new()).unwrap()).unwrap();
    let Ok(Some(WsEvent::Accept(accept))) = back.next_event() else { panic!("no acceptance") };
    assert_eq!(accept.extensions(&[&PermessageDeflate::new()]).unwrap().len(), 1);
    let answer = front.send(accept).unwrap();
    assert_eq!(field(&answer, EXTENSIONS), [""; 0], "the proxy's server runs none");
    client.receive_data(&answer).unwrap();
    assert!(matches!(client.next_event(), Ok(Some(WsEvent::Accept(_)))));
}

#[test]
fn an_extension_name_that_is_not_a_token_is_refused_before_any_output() {
    /// An extension with this name and this parameter.
    #[derive(Debug)]
    struct Odd(&'static str, &'static str);
    impl wsproto::Extension for Odd {
        fn name(&self) -> &str {
            self.0
        }
        fn offers(&self) -> Vec<ExtensionParams> {
            vec![ExtensionParams::new(self.0).with_flag(self.1)]
        }
        fn accept_response(
            &self,
            _: &ExtensionParams,
        ) -> Result<wsproto::NegotiatedExtension, NegotiationError> {
            Err(NegotiationError::new(NegotiationErrorKind::Declined, self.0))
        }
        fn accept_offer(
            &self,
            _: &ExtensionParams,
        ) -> Option<(ExtensionParams, wsproto::NegotiatedExtension)> {
            None
        }
    }
    for odd in ["", "a b", "a,b", "a\r\nX: y", "é"] {
        for extension in [Odd(odd, "p"), Odd("x-odd", odd)] {
            let mut client: WsConnection<Fixed> = WsConnection::client(Fixed).with_extension(extension);
            let refused = client.send(Request::new("localhost", "/"));
            assert_eq!(refused, Err(LocalProtocolError::InvalidExtension), "{odd:?}");
            assert!(client.bytes_to_send().is_empty());
        }
    }
    let _: WsConnection<NoEntropy> = WsConnection::server().with_extension(Odd("a b", "p"));
}
