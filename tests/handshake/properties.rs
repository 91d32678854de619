//! Equalities that hold for all heads: round trips, and any way of cutting (RFC 9112 §2, §5; RFC 6455 §4,
//! §10.1, §10.7).

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use wsproto::{
    AcceptConnection, ClientHandshake, ExtensionParams, HandshakeLimits, RejectConnection, RejectData,
    Request,
};

use crate::support::{
    Answered, Asked, Head, Reader, Sample, acceptable, answer_under, ask, deciding, fields, opened, plain,
    read_request, whole_answer,
};

pub(crate) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// A name that no handshake owns.
fn name() -> impl Strategy<Value = String> {
    "[Xx]-[!#$%&'*+.^_`|~0-9A-Za-z-]{0,12}"
}

/// A value as it may be written: visible bytes, with spaces and tabs only inside.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![8 => 0x20..0x7f_u8, 1 => 0x80..=0xff_u8, 1 => Just(b'\t')];
    vec(byte, 0..24).prop_map(|bytes| bytes.trim_ascii().to_vec())
}

pub(crate) fn pairs() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    vec((name(), value()), 0..12)
}

pub(crate) fn token() -> impl Strategy<Value = String> {
    "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,10}"
}

/// A head, with these fields after its own.
pub(crate) fn with_fields(head: Head, pairs: &[(String, Vec<u8>)]) -> Vec<u8> {
    let line = |name: &str, value: &[u8]| [name.as_bytes(), b": ", value].concat();
    pairs.iter().fold(head, |head, (name, value)| head.with(line(name, value))).into()
}

/// One change to some bytes, as errors and attackers make them.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Put(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Repeat(Index, usize),
    Flip(Index, u32),
}

pub(crate) fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    let telling = select(&b"\r\n\t \0:,;=\"/#?\x7f\x80\xffaHU019"[..]);
    prop_oneof![
        (at(), telling.clone()).prop_map(|(at, byte)| Change::Put(at, byte)),
        (at(), vec(telling, 1..4)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (at(), 1..20_usize).prop_map(|(at, len)| Change::Remove(at, len)),
        (at(), 1..40_usize).prop_map(|(at, len)| Change::Repeat(at, len)),
        (at(), 0..8_u32).prop_map(|(at, bit)| Change::Flip(at, bit)),
    ]
}

pub(crate) fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        if bytes.is_empty() {
            break;
        }
        let place = |at: &Index| at.index(bytes.len());
        match change {
            Change::Put(at, byte) => {
                let at = place(at);
                bytes[at] = *byte;
            }
            Change::Insert(at, more) => {
                let at = place(at);
                bytes.splice(at..at, more.iter().copied());
            }
            Change::Remove(at, len) => {
                let at = place(at);
                bytes.drain(at..bytes.len().min(at + len));
            }
            Change::Repeat(at, len) => {
                let at = place(at);
                let again = bytes[at..bytes.len().min(at + len)].to_vec();
                bytes.splice(at..at, again);
            }
            Change::Flip(at, bit) => {
                let at = place(at);
                bytes[at] ^= 1 << bit;
            }
        }
    }
    bytes
}

/// `bytes` in pieces that end at `ends`.
fn pieces<'b>(bytes: &'b [u8], ends: &[Index]) -> Vec<&'b [u8]> {
    let mut ends: Vec<_> = ends.iter().map(|at| at.index(bytes.len() + 1)).collect();
    ends.sort_unstable();
    let mut pieces = Vec::new();
    let mut rest = bytes;
    for end in ends {
        let (piece, behind) = rest.split_at(end + rest.len() - bytes.len());
        pieces.push(piece);
        rest = behind;
    }
    pieces.push(rest);
    pieces
}

fn limits() -> impl Strategy<Value = HandshakeLimits> {
    (0..400_usize, 0..12_usize, 0..60_u64, 0..3_u32).prop_map(
        |(head_len, headers, body_len, informational)| {
            let mut limits = HandshakeLimits::default();
            limits.max_head_len = head_len;
            limits.max_headers = headers;
            limits.max_body_len = body_len;
            limits.max_informational = informational;
            limits
        },
    )
}

fn answer_to(limits: HandshakeLimits, pieces: &[&[u8]]) -> Answered {
    let mut reader = Reader::new(&plain(), limits);
    pieces.iter().for_each(|piece| reader.read(piece));
    reader.end()
}

/// Responses of every kind.
fn response() -> impl Strategy<Value = Vec<u8>> {
    let yes = Head::response().with("Sec-WebSocket-Protocol: chat");
    let refusal = |line: &str| Vec::from(Head::new("HTTP/1.1 403 No").with("X: 1").with(line));
    select(vec![
        Vec::from(Head::response()),
        Vec::from(yes),
        [b"HTTP/1.1 100 x\r\n\r\nHTTP/1.1 103 x\r\nX: 1\r\n\r\n", &Vec::from(Head::response())[..]].concat(),
        [&refusal("Content-Length: 11")[..], b"hello world"].concat(),
        [
            &refusal("Transfer-Encoding: chunked")[..],
            b"5;x=1\r\nhello\r\nb\r\n12345678901\r\n0\r\nX: 1\r\n\r\n",
        ]
        .concat(),
        [&refusal("X: 2")[..], b"until the end"].concat(),
    ])
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn a_request_is_read_as_it_was_sent(pairs in pairs()) {
        let request = acceptable(with_fields(Head::request(), &pairs));
        prop_assert_eq!(&request.headers[5..], &pairs[..]);
    }

    #[test]
    fn a_response_is_read_as_it_was_sent(pairs in pairs()) {
        let accept = opened(&plain(), with_fields(Head::response(), &pairs));
        prop_assert_eq!(&fields(accept.headers())[3..], &pairs[..]);
    }

    #[test]
    fn a_request_is_read_as_it_is_written(
        host in "[a-z0-9.-]{1,20}(:[0-9]{1,4})?",
        target in "/([!$&-;=?-Z_a-z~]|%[0-9A-Fa-f]{2}){0,30}",
        subprotocols in proptest::collection::hash_set(token(), 0..5),
        pairs in pairs(),
    ) {
        let request = Request::new(&host, &target);
        let request = subprotocols.iter().fold(request, |request, name| request.with_subprotocol(name));
        let request = pairs.iter().fold(request, |request, (name, value)| request.with_header(name, value));
        let mut output = Vec::new();
        let limits = HandshakeLimits::default();
        ClientHandshake::new(request, limits, &mut Sample::default(), &mut output).unwrap();
        let read = acceptable(output);
        prop_assert_eq!((&read.host, &read.target), (&host, &target));
        prop_assert!(read.subprotocols.iter().eq(&subprotocols));
        let own = 5 + usize::from(!subprotocols.is_empty());
        prop_assert_eq!(&read.headers[own..], &pairs[..]);
    }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn an_acceptance_is_read_as_it_is_written(subprotocol in proptest::option::of(token()), pairs in pairs()) {
        let offer = subprotocol.iter().fold(plain(), |request, name| request.with_subprotocol(name));
        let asked = subprotocol.iter().map(|name| format!("Sec-WebSocket-Protocol: {name}"));
        let mut server = deciding(asked.fold(Head::request(), Head::with));
        let accept = subprotocol.iter().fold(AcceptConnection::new(), |yes, name| yes.with_subprotocol(name));
        let accept = pairs.iter().fold(accept, |yes, (name, value)| yes.with_header(name, value));
        let mut output = Vec::new();
        server.accept(accept, &mut output).unwrap();
        let read = opened(&offer, output);
        prop_assert_eq!(read.subprotocol(), subprotocol.as_deref());
        let own = 3 + usize::from(subprotocol.is_some());
        prop_assert_eq!(&fields(read.headers())[own..], &pairs[..]);
    }

    #[test]
    fn a_refusal_is_read_as_it_is_written(
        status_code in (300..=599_u16).prop_filter("never has a body", |status_code| *status_code != 304),
        pairs in pairs(),
        pieces in proptest::option::of(vec(vec(any::<u8>(), 0..20), 1..5)),
        tells_len in any::<bool>(),
    ) {
        let body = pieces.as_deref().unwrap_or_default().concat();
        let mut reject = RejectConnection::new(status_code);
        if tells_len && pieces.is_some() {
            reject = reject.with_header("Content-Length", body.len().to_string());
        }
        reject = pairs.iter().fold(reject, |no, (name, value)| no.with_header(name, value));
        reject = if pieces.is_some() { reject.with_body() } else { reject };
        let mut server = deciding(Head::request());
        let mut output = Vec::new();
        server.reject(reject, &mut output).unwrap();
        let pieces = pieces.unwrap_or_default();
        for (i, data) in pieces.iter().enumerate() {
            let body_finished = i + 1 == pieces.len();
            server.reject_data(RejectData { data, body_finished }, &mut output).unwrap();
        }
        let read = whole_answer(&plain(), &output);
        let no = read.reject.unwrap();
        prop_assert_eq!((read.failure, no.status_code(), read.body_finished), (None, status_code, true));
        prop_assert_eq!(read.body, body);
        prop_assert_eq!(&fields(no.headers())[no.headers().len() - pairs.len()..], &pairs[..]);
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn extensions_are_read_as_they_are_written(
        extensions in vec((token(), vec((token(), proptest::option::of(token())), 0..4)), 1..4),
    ) {
        let extensions: Vec<_> = extensions
            .iter()
            .map(|(name, params)| {
                params.iter().fold(ExtensionParams::new(name), |extension, (name, value)| match value {
                    Some(value) => extension.with_value(name, value),
                    None => extension.with_flag(name),
                })
            })
            .collect();
        let list = extensions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        prop_assert_eq!(ExtensionParams::parse_list(list.as_bytes()), Ok(extensions));
    }

    #[test]
    fn random_bytes_are_never_a_request_however_they_are_cut(
        bytes in vec(prop_oneof![any::<u8>(), select(&b"\r\n: GET/HTP1."[..])], 0..200),
        limits in limits(),
    ) {
        let (asked, _) = ask(limits, &bytes);
        prop_assert!(!matches!(asked, Asked::Acceptable(_)));
    }

    #[test]
    fn random_bytes_are_never_an_acceptance_however_they_are_cut(
        bytes in vec(prop_oneof![any::<u8>(), select(&b"\r\n: HTTP/1.1 403"[..])], 0..200),
        start in select(vec![&b""[..], b"HTTP/1.1 ", b"HTTP/1.1 403 x\r\nTransfer-Encoding: chunked\r\n\r\n"]),
        limits in limits(),
    ) {
        let bytes = [start, &bytes].concat();
        prop_assert_eq!(answer_under(&plain(), limits, &bytes, true).accept, None);
    }

    #[test]
    fn a_changed_request_has_one_result_however_it_is_cut(
        pairs in vec((name(), value()), 0..3),
        changes in vec(change(), 1..4),
        limits in prop_oneof![Just(HandshakeLimits::default()), limits()],
    ) {
        ask(limits, &changed(with_fields(Head::request(), &pairs), &changes));
    }

    #[test]
    fn a_changed_response_has_one_result_however_it_is_cut(
        bytes in response(),
        changes in vec(change(), 0..4),
        limits in prop_oneof![Just(HandshakeLimits::default()), limits()],
        eof in any::<bool>(),
    ) {
        answer_under(&plain(), limits, &changed(bytes, &changes), eof);
    }
}

proptest! {
    #![proptest_config(cases(1024))]

    #[test]
    fn many_cuts_give_the_same_result_as_no_cut(
        changes in vec(change(), 0..3),
        response in response(),
        ends in vec(any::<Index>(), 0..20),
        limits in prop_oneof![Just(HandshakeLimits::default()), limits()],
    ) {
        let request = changed(Head::request().into(), &changes);
        prop_assert_eq!(read_request(limits, &pieces(&request, &ends)), read_request(limits, &[&request]));
        let response = changed(response, &changes);
        prop_assert_eq!(answer_to(limits, &pieces(&response, &ends)), answer_to(limits, &[&response]));
    }
}
