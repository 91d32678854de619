//! Close frames: codes and reasons, received and sent (RFC 6455 §5.5.1, §7.4).

use wsproto::{
    CloseCode, CloseConnection, Connection, Limits, LocalProtocolError, ReceiverState, RemoteProtocolError,
    Role, Sender, TextMessage,
};

use crate::support::{
    BINARY, BOTH, CLOSE, CONTINUATION, FIN, Fixed, PING, Reader, Said, TEXT, binary, check_everywhere,
    check_failure, check_said, close, feed, frame_to, frames_to, header_len, masked, ping, text, unmasked,
};

/// The codes that a close frame may carry: those defined below 3000, and all from 3000 to 4999, which are for
/// libraries and applications (§7.4.1, §7.4.2, and the registry of §11.7 as of today).
fn may_be_sent(code: u16) -> bool {
    const DEFINED: [u16; 12] = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
    DEFINED.contains(&code) || (3000..5000).contains(&code)
}

/// A code of each kind, and the first and last code of each range.
const CODES: [u16; 32] = [
    0, 1, 255, 256, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013,
    1014, 1015, 1016, 1100, 2000, 2999, 3000, 3999, 4000, 4999, 5000, 32768, 65535,
];

/// A close frame's payload.
fn body(code: u16, reason: impl AsRef<[u8]>) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_ref()].concat()
}

#[test]
fn an_empty_close_has_no_code() {
    for role in BOTH {
        check_said(role, &frame_to(role, CLOSE, b""), &[Said::Close(None, "".into())]);
    }
}

#[test]
fn a_close_of_one_byte_fails_on_its_length() {
    for role in BOTH {
        let bytes = frame_to(role, CLOSE, b"\x03");
        check_failure(role, &bytes, RemoteProtocolError::TruncatedCloseCode, 2);
    }
}

#[test]
fn valid_codes_are_accepted_and_others_fail_on_their_second_byte() {
    for role in BOTH {
        for code in CODES {
            let bytes = frame_to(role, CLOSE, body(code, "why"));
            if may_be_sent(code) {
                check_said(role, &bytes, &[close(code, "why")]);
            } else {
                let certain = header_len(role, 5) + 2;
                check_failure(role, &bytes, RemoteProtocolError::InvalidCloseCode(code), certain);
            }
        }
    }
}

#[test]
fn every_code_is_checked_by_the_same_rule_when_received_and_when_sent() {
    for code in 0..=u16::MAX {
        let seen = feed(Role::Client, Limits::default(), [&unmasked(CLOSE, body(code, ""))[..]]);
        assert_eq!(seen.failure.is_none(), may_be_sent(code), "{code}");
        let sent = Sender::client(Fixed).send(CloseConnection::new(code.into(), ""), &mut Vec::new());
        assert_eq!(sent.is_ok(), may_be_sent(code), "{code}");
        assert_eq!(CloseCode::new(code).is_sendable(), may_be_sent(code), "{code}");
    }
}

#[test]
fn a_reason_may_be_as_long_as_the_frame_allows() {
    for role in BOTH {
        for reason in ["", "r", "größe 😀", &"r".repeat(123), &"é".repeat(61)] {
            check_said(role, &frame_to(role, CLOSE, body(1000, reason)), &[close(1000, reason)]);
        }
        let bytes = frame_to(role, CLOSE, body(1000, "r".repeat(124)));
        check_failure(role, &bytes, RemoteProtocolError::ControlFrameTooLong, 2);
    }
}

#[test]
fn a_reason_that_is_not_utf8_fails_on_its_first_bad_byte() {
    let bad: [(&[u8], usize); 8] = [
        (b"\xff", 0),
        (b"good \xc0\x80", 5),
        (b"\xed\xa0\x80", 1),
        (b"\xe2\x82\x28", 2),
        (b"\xf4\x90\x80\x80 and more", 1),
        (b"caf\xc3", 3),
        (b"\xf0\x9f\x98", 2),
        (b"\xe2", 0),
    ];
    for role in BOTH {
        for (reason, place) in bad {
            let payload = body(1001, reason);
            let certain = header_len(role, payload.len()) + 2 + place + 1;
            let bytes = frame_to(role, CLOSE, payload);
            check_failure(role, &bytes, RemoteProtocolError::InvalidCloseReason, certain);
        }
    }
}

#[test]
fn a_bad_code_is_reported_before_a_bad_reason() {
    for role in BOTH {
        let bytes = frame_to(role, CLOSE, body(1006, b"\xff"));
        let certain = header_len(role, 3) + 2;
        check_failure(role, &bytes, RemoteProtocolError::InvalidCloseCode(1006), certain);
    }
}

#[test]
fn data_after_a_close_is_dropped_even_if_it_is_invalid() {
    for role in BOTH {
        let frames = [(CLOSE, &body(1000, "bye")[..]), (FIN | TEXT, b"late"), (CLOSE, &body(1001, ""))];
        let seen = check_everywhere(role, &frames_to(role, frames));
        assert_eq!(seen.said, [close(1000, "bye")]);
        assert_eq!(seen.state, ReceiverState::CloseReceived);
        assert_eq!(seen.in_progress, Some((true, 0)));
        let bytes = [frame_to(role, CLOSE, b""), vec![0xFF; 30]].concat();
        check_said(role, &bytes, &[Said::Close(None, "".into())]);
    }
}

#[test]
fn a_close_may_come_between_the_fragments_of_a_message() {
    for role in BOTH {
        let frames = [(BINARY, &b"half"[..]), (CLOSE, &body(1001, "")), (FIN | CONTINUATION, b"lost")];
        let seen = check_everywhere(role, &frames_to(role, frames));
        assert_eq!(seen.said, [close(1001, "")]);
        assert_eq!(seen.unfinished, Some(binary("half")));
        assert_eq!(seen.failure, None);
    }
}

#[test]
fn a_close_may_come_inside_a_character_that_fragments_cut() {
    for role in BOTH {
        let frames = [(TEXT, &b"\xf0\x9f"[..]), (PING, b"ping"), (CLOSE, &body(3000, "because"))];
        let said = [ping(b"ping"), close(3000, "because")];
        check_said(role, &frames_to(role, frames), &said);
    }
}

#[test]
fn the_close_frame_is_kept() {
    for role in BOTH {
        let mut reader = Reader::new(role, Limits::default());
        assert_eq!(reader.receiver.received_close(), None);
        for byte in frames_to(role, [(PING, &[b'p'; 125]), (CLOSE, &body(4001, "über"))]) {
            reader.read(&[byte]);
        }
        let kept = CloseConnection::new(CloseCode::new(4001), "über");
        assert_eq!(reader.receiver.received_close(), Some(kept));
        reader.read(b"more");
        assert_eq!(reader.receiver.received_close(), Some(kept));
    }
}

#[test]
fn code_and_reason_are_sent_in_network_order() {
    // §7.1.2: the frame has the code and the reason that the caller gave.
    let close = CloseConnection::new(CloseCode::GOING_AWAY, "tschüß");
    let mut output = Vec::new();
    Sender::server().send(close, &mut output).unwrap();
    assert_eq!(output, unmasked(CLOSE, b"\x03\xe9tsch\xc3\xbc\xc3\x9f"));
    output.clear();
    Sender::client(Fixed).send(close, &mut output).unwrap();
    assert_eq!(output, masked(CLOSE, b"\x03\xe9tsch\xc3\xbc\xc3\x9f"));
    output.clear();
    Sender::server().send(CloseConnection::EMPTY, &mut output).unwrap();
    assert_eq!(output, b"\x88\x00");
}

#[test]
fn a_close_that_may_not_be_sent_leaves_no_trace() {
    let refused = [
        (CloseConnection::new(CloseCode::NO_STATUS_RCVD, ""), LocalProtocolError::InvalidCloseCode(1005)),
        (CloseConnection::new(CloseCode::ABNORMAL_CLOSURE, ""), LocalProtocolError::InvalidCloseCode(1006)),
        (CloseConnection::new(CloseCode::TLS_HANDSHAKE, "x"), LocalProtocolError::InvalidCloseCode(1015)),
        (CloseConnection { code: None, reason: "why" }, LocalProtocolError::CloseReasonWithoutCode),
        (CloseConnection::new(CloseCode::new(999), ""), LocalProtocolError::InvalidCloseCode(999)),
    ];
    let mut sender = Sender::server();
    let mut output = Vec::new();
    for (close, error) in refused {
        assert_eq!(sender.send(close, &mut output), Err(error));
        assert_eq!(output, b"");
        assert!(!sender.is_close_sent());
    }
    sender.send(TextMessage::new("still open"), &mut output).unwrap();
}

#[test]
fn close_reason_longer_than_123_bytes_is_refused() {
    let mut output = Vec::new();
    for reason in ["r".repeat(124), "é".repeat(62), "r".repeat(70_000)] {
        let close = CloseConnection::new(CloseCode::NORMAL_CLOSURE, reason);
        let refused = Sender::server().send(close, &mut output);
        assert_eq!(refused, Err(LocalProtocolError::CloseReasonTooLong));
        assert_eq!(output, b"");
    }
    let close = CloseConnection::new(CloseCode::NORMAL_CLOSURE, "r".repeat(123));
    Sender::server().send(close, &mut output).unwrap();
    assert_eq!(output.len(), 2 + 125);
}

#[test]
fn only_a_client_asks_for_an_extension_but_a_server_may_echo_it() {
    let asked = CloseConnection::new(CloseCode::MANDATORY_EXT, "permessage-deflate");
    let mut output = Vec::new();
    Sender::client(Fixed).send(asked, &mut output).unwrap();
    assert_eq!(output, masked(CLOSE, b"\x03\xf2permessage-deflate"));

    let mut server = Sender::server();
    let refused = server.send(asked, &mut Vec::new());
    assert_eq!(refused, Err(LocalProtocolError::InvalidCloseCode(1010)));
    output.clear();
    server.send(asked.response(), &mut output).unwrap();
    assert_eq!(output, unmasked(CLOSE, b"\x03\xf2permessage-deflate"));
}

#[test]
fn server_may_echo_a_1010_that_it_has_received_in_an_event_of_its_own() {
    let echo = CloseConnection::new(CloseCode::MANDATORY_EXT, "");
    for code in [1000, 1010] {
        let mut server = Connection::server(Limits::default());
        let mut output = Vec::new();
        let refused = server.send(echo, &mut output);
        assert_eq!(refused, Err(LocalProtocolError::InvalidCloseCode(1010)), "before it has received one");
        let mut bytes = masked(CLOSE, u16::to_be_bytes(code));
        assert!(server.next_event(&mut &mut bytes[..]).unwrap().is_some());
        let echoed = server.send(echo, &mut output);
        assert_eq!(echoed.is_ok(), code == 1010);
        let expected = if code == 1010 { &b"\x88\x02\x03\xf2"[..] } else { b"" };
        assert_eq!(output, expected);
        if code == 1010 {
            let again = server.send(echo, &mut output);
            assert_eq!(
                again,
                Err(LocalProtocolError::CloseSent),
                "a second close frame is the caller's fault"
            );
        }
    }
}

#[test]
fn the_answer_to_a_close_has_its_code_and_its_reason() {
    let close = CloseConnection::new(CloseCode::new(4999), "a long story");
    assert_eq!(*close.response(), close);
    assert_eq!(*CloseConnection::EMPTY.response(), CloseConnection::EMPTY);
}

#[test]
fn a_code_shows_its_number_and_name() {
    assert_eq!(CloseCode::NORMAL_CLOSURE.to_string(), "1000 (Normal Closure)");
    assert_eq!(CloseCode::ABNORMAL_CLOSURE.to_string(), "1006 (Abnormal Closure)");
    assert_eq!(CloseCode::new(4242).to_string(), "4242");
    assert_eq!(format!("{:?}", CloseCode::new(1000)), "CloseCode(1000)");
    assert_eq!(u16::from(CloseCode::from(1013)), 1013);
}

#[test]
fn text_before_a_close_is_delivered() {
    for role in BOTH {
        let frames = frames_to(role, [(FIN | TEXT, b"last words"), (CLOSE, &body(1000, ""))]);
        check_said(role, &frames, &[text("last words"), close(1000, "")]);
    }
}

#[test]
fn each_registered_code_has_its_name_in_the_registry() {
    // RFC 6455 §11.7, and what was registered since.
    let names = [
        (1000, "Normal Closure"),
        (1001, "Going Away"),
        (1002, "Protocol Error"),
        (1003, "Unsupported Data"),
        (1005, "No Status Rcvd"),
        (1006, "Abnormal Closure"),
        (1007, "Invalid Frame Payload Data"),
        (1008, "Policy Violation"),
        (1009, "Message Too Big"),
        (1010, "Mandatory Ext."),
        (1011, "Internal Error"),
        (1012, "Service Restart"),
        (1013, "Try Again Later"),
        (1014, "Bad Gateway"),
        (1015, "TLS Handshake"),
        (3000, "Unauthorized"),
        (3003, "Forbidden"),
        (3008, "Timeout"),
    ];
    for code in 0..=u16::MAX {
        let name = names.iter().find(|(known, _)| *known == code).map(|(_, name)| *name);
        assert_eq!(CloseCode::new(code).name(), name, "{code}");
    }
}

#[test]
fn server_answers_1010_with_1010() {
    // §7.4.1: the code "is not used by the server", except as the reply to a client's.
    let mut server = Connection::server(Limits::default());
    let mut bytes = masked(CLOSE, b"\x03\xf2");
    assert!(server.next_event(&mut &mut bytes[..]).unwrap().is_some());
    let mut output = Vec::new();
    server.send(CloseConnection::new(CloseCode::MANDATORY_EXT, "").response(), &mut output).unwrap();
    assert_eq!(output, b"\x88\x02\x03\xf2");
}
