//! How much of a head is read at all (RFC 6455 §10.4, §10.7; RFC 9112 §2.2, §3).

use wsproto::{ConnectionState, HandshakeError, HandshakeLimits, ServerHandshake};

use crate::support::{Asked, Head, answer_under, ask, cuts, plain, read_request, refused_by};

fn head_len(max_head_len: usize) -> HandshakeLimits {
    HandshakeLimits::DEFAULT.with_max_head_len(max_head_len)
}

fn headers(max_headers: usize) -> HandshakeLimits {
    HandshakeLimits::DEFAULT.with_max_headers(max_headers)
}

/// The request of §1.3 with so many fields.
fn with_fields(len: usize) -> Vec<u8> {
    (5..len).fold(Head::request(), |head, at| head.with(format!("X-{at}: 1"))).into()
}

#[test]
fn each_limit_is_set_by_a_method_of_its_name_and_no_other_changes() {
    const LIMITS: HandshakeLimits = HandshakeLimits::DEFAULT
        .with_max_head_len(1)
        .with_max_headers(2)
        .with_max_body_len(3)
        .with_max_informational(4)
        .with_max_early_data(5);
    let mut limits = HandshakeLimits::DEFAULT;
    limits.max_head_len = 1;
    limits.max_headers = 2;
    limits.max_body_len = 3;
    limits.max_informational = 4;
    limits.max_early_data = 5;
    assert_eq!(LIMITS, limits);
}

#[test]
fn defaults_are_as_documented() {
    let limits = HandshakeLimits::default();
    assert_eq!(limits, HandshakeLimits::DEFAULT);
    assert_eq!((limits.max_head_len, limits.max_headers), (16 * 1024, 100));
    assert_eq!((limits.max_body_len, limits.max_early_data), (64 * 1024, 64 * 1024));
    assert_eq!(limits.max_informational, 8);
}

#[test]
fn a_head_may_be_as_long_as_the_limit() {
    let head = Vec::from(Head::request());
    let (asked, consumed) = ask(head_len(head.len()), &head);
    assert!(matches!(asked, Asked::Acceptable(_)), "{asked:?}");
    assert_eq!(consumed, head.len());
    let followed = [&head[..], b"\x81\x80\0\0\0\0"].concat();
    assert_eq!(ask(head_len(head.len()), &followed), (asked, head.len()), "what follows is no head");
}

#[test]
fn a_head_that_is_one_byte_longer_is_refused() {
    let head = Vec::from(Head::request());
    refused_by(head_len(head.len() - 1), &head, HandshakeError::HeadTooLong);
}

#[test]
fn every_shorter_limit_refuses_and_reads_no_more_than_it_allows() {
    let head = Vec::from(Head::request());
    for limit in 1..head.len() {
        for pieces in [vec![head.as_slice()], head.chunks(1).collect(), head.chunks(7).collect()] {
            let (asked, consumed) = read_request(head_len(limit), &pieces);
            assert_eq!(asked, Asked::Refused { error: HandshakeError::HeadTooLong, status: 431 });
            assert_eq!(consumed, limit);
        }
    }
}

#[test]
fn empty_lines_before_the_request_count() {
    let head = [b"\r\n\r\n", &Vec::from(Head::request())[..]].concat();
    assert!(matches!(ask(head_len(head.len()), &head).0, Asked::Acceptable(_)));
    refused_by(head_len(head.len() - 1), &head, HandshakeError::HeadTooLong);
    let nothing_but = b"\r\n".repeat(100);
    refused_by(head_len(64), &nothing_but, HandshakeError::HeadTooLong);
}

#[test]
fn the_default_holds_for_heads_too() {
    let padded = |len: usize| {
        let bare = Vec::from(Head::request().with("X: "));
        Vec::from(Head::request().with(format!("X: {}", "x".repeat(len - bare.len()))))
    };
    let (longest, longer) = (padded(16 * 1024), padded(16 * 1024 + 1));
    assert_eq!((longest.len(), longer.len()), (16 * 1024, 16 * 1024 + 1));
    for cut in [1, 1000, 16 * 1024, 20_000] {
        let limits = HandshakeLimits::default();
        let pieces: Vec<_> = longest.chunks(cut).collect();
        assert!(matches!(read_request(limits, &pieces), (Asked::Acceptable(_), 16_384)));
        let pieces: Vec<_> = longer.chunks(cut).collect();
        let (asked, _) = read_request(limits, &pieces);
        assert_eq!(asked, Asked::Refused { error: HandshakeError::HeadTooLong, status: 431 });
    }
}

#[test]
fn one_large_read_does_not_evade_the_limit() {
    let many = with_fields(30_000);
    for (limits, error) in [
        (HandshakeLimits::default(), HandshakeError::TooManyHeaders),
        (head_len(1000), HandshakeError::HeadTooLong),
    ] {
        for pieces in [vec![many.as_slice()], many.chunks(1).collect(), many.chunks(4096).collect()] {
            let (asked, consumed) = read_request(limits, &pieces);
            assert_eq!(asked, Asked::Refused { error, status: 431 });
            assert!(consumed <= limits.max_head_len);
        }
    }
}

#[test]
fn a_head_may_have_as_many_fields_as_the_limit() {
    for len in [5, 6, 100, 127, 128, 129, 200] {
        let head = with_fields(len);
        for pieces in [vec![head.as_slice()], head.chunks(1).collect()] {
            let (asked, _) = read_request(headers(len), &pieces);
            let Asked::Acceptable(request) = asked else { panic!("{asked:?}") };
            assert_eq!(request.headers.len(), len);
        }
    }
    assert!(matches!(ask(headers(5), &with_fields(5)).0, Asked::Acceptable(_)));
}

#[test]
fn a_head_with_one_field_more_is_refused() {
    for len in [5, 6, 100, 127, 128, 129, 200] {
        let head = with_fields(len + 1);
        for pieces in [vec![head.as_slice()], head.chunks(1).collect()] {
            let (asked, _) = read_request(headers(len), &pieces);
            assert_eq!(asked, Asked::Refused { error: HandshakeError::TooManyHeaders, status: 431 }, "{len}");
        }
    }
    for len in 0..5 {
        refused_by(headers(len), &with_fields(5), HandshakeError::TooManyHeaders);
    }
}

#[test]
fn the_field_that_is_too_many_is_refused_at_the_end_of_its_line() {
    let head = with_fields(8);
    for limit in 5..8 {
        let line = format!("X-{limit}: 1\r\n");
        let start = head.windows(line.len()).position(|window| window == line.as_bytes()).unwrap();
        let (asked, consumed) = ask(headers(limit), &head[..start + line.len()]);
        assert_eq!(asked, Asked::Refused { error: HandshakeError::TooManyHeaders, status: 431 });
        assert_eq!(consumed, start + line.len());
    }
}

#[test]
fn a_line_that_never_ends_is_refused_at_the_limit() {
    for start in
        [&b"GET /"[..], b"G", b"GET / HTTP/1.1\r\nX: ", b"GET / HTTP/1.1\r\nX", b"GET / HTTP/1.1\r\n"]
    {
        let endless = [start, &b"a".repeat(500)].concat();
        let (asked, consumed) = ask(head_len(300), &endless);
        assert_eq!(asked, Asked::Refused { error: HandshakeError::HeadTooLong, status: 431 });
        assert_eq!(consumed, 300);
    }
}

#[test]
fn a_limit_that_is_reached_without_an_end_is_exceeded() {
    let head = Vec::from(Head::request());
    for limit in 1..head.len() {
        let mut handshake = ServerHandshake::new(head_len(limit));
        assert_eq!(handshake.receive(&mut &head[..limit - 1]), Ok(None));
        assert_eq!(handshake.state(), ConnectionState::Connecting);
        // Whatever comes, the head can no longer end in time.
        let end = handshake.receive(&mut &head[limit - 1..limit]);
        assert_eq!(end, Err(HandshakeError::HeadTooLong), "{limit}");
    }
}

#[test]
fn a_head_that_drips_in_costs_what_its_bytes_cost() {
    // Two million reads of one byte: were each to look at all that came before, this would not end.
    const LINES: usize = 20_000;
    let mut limits = head_len(4 << 20);
    limits.max_headers = LINES;
    let lines = (6..=LINES).fold(Head::request(), |head, _| head.with(format!("X: {}", "x".repeat(45))));
    let long_line = Head::request().with(format!("X: {}", "x".repeat(1 << 20)));
    for head in [Vec::from(lines), Vec::from(long_line)] {
        let mut handshake = ServerHandshake::new(limits);
        let (last, drips) = head.split_last().unwrap();
        for byte in drips {
            let mut input = &[*byte][..];
            assert_eq!(handshake.receive(&mut input), Ok(None));
            assert!(input.is_empty(), "each byte is taken as it comes");
        }
        assert!(handshake.receive(&mut &[*last][..]).unwrap().is_some());
    }
}

#[test]
fn limits_hold_for_responses_too() {
    let head = Vec::from(Head::response());
    let answer = |limits, bytes: &[u8]| answer_under(&plain(), limits, bytes, false);
    let opened = answer(head_len(head.len()), &head);
    assert!(opened.accept.is_some());
    for pieces in [&head[..], &[&head[..], b"\x81\x00"].concat()] {
        let failed = answer(head_len(head.len() - 1), pieces);
        assert_eq!(failed.failure, Some(HandshakeError::HeadTooLong));
        assert_eq!(failed.state, ConnectionState::Closed);
    }
    assert!(answer(headers(3), &head).accept.is_some());
    assert_eq!(answer(headers(2), &head).failure, Some(HandshakeError::TooManyHeaders));
    let endless = [b"HTTP/1.1 101 ", &b"x".repeat(400)[..]].concat();
    assert_eq!(answer(head_len(300), &endless).failure, Some(HandshakeError::HeadTooLong));
}

#[test]
fn each_informational_response_has_the_limit_to_itself() {
    let hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n".repeat(3);
    let head = Vec::from(Head::response());
    let bytes = [&hints[..], &head].concat();
    let opened = answer_under(&plain(), head_len(head.len()), &bytes, false);
    assert!(opened.accept.is_some(), "{opened:?}");
}

#[test]
fn limits_of_nothing_refuse_everything() {
    let head = Vec::from(Head::request());
    for pieces in cuts(&head) {
        let (asked, consumed) = read_request(head_len(0), &pieces);
        assert_eq!(asked, Asked::Refused { error: HandshakeError::HeadTooLong, status: 431 });
        assert_eq!(consumed, 0);
    }
}

#[test]
fn limits_that_are_not_of_the_head_can_be_set_alone() {
    let limits = HandshakeLimits::DEFAULT.with_max_informational(3).with_max_early_data(4);
    assert_eq!((limits.max_informational, limits.max_early_data), (3, 4));
    assert_eq!(limits.max_head_len, HandshakeLimits::DEFAULT.max_head_len);
}
