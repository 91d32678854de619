//! An example for each divergence in the handshake: what this crate shows, then what Python shows.

use crate::both::{bytes, check, refused, reported, said, sent, silent};
use crate::divergence::Divergence;
use crate::heads::KEY;
use crate::ours::{NONCE, accept_token};
use crate::script::{Role, Said, Script, Seen, State, Step};

/// A usual request, with these lines added or in place of the usual ones.
fn request(lines: &[&str]) -> Vec<u8> {
    let usual = [
        ("GET", "GET / HTTP/1.1"),
        ("Host", "Host: h"),
        ("Upgrade", "Upgrade: websocket"),
        ("Connection", "Connection: Upgrade"),
        ("Sec-WebSocket-Key", &format!("Sec-WebSocket-Key: {KEY}")),
        ("Sec-WebSocket-Version", "Sec-WebSocket-Version: 13"),
    ];
    head(&usual, lines)
}

/// The same for a response.
fn response(lines: &[&str]) -> Vec<u8> {
    let usual = [
        ("HTTP/1", "HTTP/1.1 101 x"),
        ("Upgrade", "Upgrade: websocket"),
        ("Connection", "Connection: Upgrade"),
        ("Sec-WebSocket-Accept", &format!("Sec-WebSocket-Accept: {}", accept_token(NONCE))),
    ];
    head(&usual, lines)
}

fn head(usual: &[(&str, &str)], lines: &[&str]) -> Vec<u8> {
    let mut head: Vec<&str> = Vec::new();
    for (name, line) in usual {
        let mut own = lines.iter().filter(|line| line.starts_with(name)).peekable();
        if own.peek().is_none() {
            head.push(line);
        }
        head.extend(own);
    }
    let is_other = |line: &&&str| !usual.iter().any(|(name, _)| line.starts_with(name));
    head.extend(lines.iter().filter(is_other));
    let text = head.join("\r\n") + "\r\n\r\n";
    text.chars().map(|char| char as u8).collect()
}

/// A server that receives these bytes, and then takes these steps.
fn server<const N: usize>(received: &[u8], then: [Step; N]) -> Script {
    let steps = [bytes(received), Step::Drain].into_iter().chain(then).collect();
    Script { role: Role::Server, handshake: true, deflate: None, tight: false, steps }
}

/// A client that sends a request, and receives these bytes.
fn client(received: &[u8]) -> Script {
    let ask = Step::SendRequest {
        host: "h".into(),
        target: "/".into(),
        subprotocols: vec!["chat".into()],
        headers: Vec::new(),
    };
    Script {
        role: Role::Client,
        handshake: true,
        deflate: None,
        tight: false,
        steps: vec![ask, bytes(received), Step::Drain],
    }
}

fn requested() -> Seen {
    requested_with("h", "/", &[])
}

fn requested_with(host: &str, target: &str, subprotocols: &[&str]) -> Seen {
    let subprotocols = subprotocols.iter().map(|name| (*name).to_owned()).collect();
    let request =
        Said::Request { host: host.into(), target: target.into(), subprotocols, headers: Vec::new() };
    reported([request], State::Connecting)
}

fn accepted() -> Seen {
    reported([Said::Accept { subprotocol: None, headers: Vec::new() }], State::Open)
}

/// A failure that is final.
fn failed(status: u16) -> Seen {
    reported([Said::Refused { status, why: String::new() }], State::Closed)
}

/// A failure in Python, after which the handshake continues.
fn failed_there(status: u16) -> Seen {
    reported([Said::Refused { status, why: String::new() }], State::Connecting)
}

fn crashed(error: &str) -> Seen {
    reported([Said::Crash(error.into())], State::Connecting)
}

fn rejected(status: u16, has_body: bool) -> Said {
    Said::Reject { status, has_body, headers: Vec::new() }
}

/// A request that is refused here and accepted in Python.
#[track_caller]
fn check_refused_only_here(divergence: Divergence, lines: &[&str], status: u16) {
    check(divergence, server(&request(lines), []), failed(status), requested());
}

#[test]
fn the_state_changes_when_the_caller_takes_the_answer() {
    let mut script = client(&response(&[]));
    script.steps.pop();
    check(Divergence::StateWhenTaken, script, silent(State::Connecting), silent(State::Open));
}

#[test]
fn a_request_has_all_its_headers() {
    check(Divergence::AllHeaders, server(&request(&[]), []), requested(), requested());
}

#[test]
fn a_refusal_has_the_matching_status() {
    let version = request(&["GET / HTTP/2.0", "Connection: close"]);
    check(Divergence::FittingStatus, server(&version, []), failed(505), failed_there(400));
    let number = request(&["Sec-WebSocket-Version: abc"]);
    check(Divergence::FittingStatus, server(&number, []), failed(400), failed_there(426));
    let post = [&b"POST"[..], &request(&[])[3..]].concat();
    check(Divergence::FittingStatus, server(&post, []), failed(405), failed_there(400));
}

#[test]
fn a_failed_handshake_is_final() {
    check(
        Divergence::HandshakeFailureIsFinal,
        server(&request(&["Connection: close"]), []),
        failed(400),
        failed_there(400),
    );
}

#[test]
fn header_values_that_are_not_ascii_do_not_crash() {
    let lines = request(&["Connection: \u{e9}, Upgrade"]);
    check(Divergence::NotAscii, server(&lines, []), requested(), crashed("Unicode"));
    let host = request(&["Host: caf\u{e9}.fr"]);
    check(Divergence::NotAscii, server(&host, []), failed(400), crashed("Unicode"));
}

#[test]
fn a_host_is_reported_unchanged() {
    let xn = "xn--caf-dma.fr";
    check(
        Divergence::HostAsIs,
        server(&request(&["Host: xn--caf-dma.fr"]), []),
        requested_with(xn, "/", &[]),
        requested_with("café.fr", "/", &[]),
    );
}

#[test]
fn a_host_that_is_not_valid_is_refused() {
    check(
        Divergence::CheckedHost,
        server(&request(&["Host: h:99999"]), []),
        failed(400),
        requested_with("h:99999", "/", &[]),
    );
}

#[test]
fn a_target_that_names_no_resource_is_refused() {
    check(
        Divergence::CheckedTarget,
        server(&request(&["GET * HTTP/1.1"]), []),
        failed(400),
        requested_with("h", "*", &[]),
    );
}

#[test]
fn an_absolute_target_is_split_into_host_and_path() {
    check(
        Divergence::AbsoluteTarget,
        server(&request(&["GET http://other/x HTTP/1.1"]), []),
        requested_with("other", "/x", &[]),
        requested_with("h", "http://other/x", &[]),
    );
}

#[test]
fn a_key_that_is_not_valid_is_refused() {
    check_refused_only_here(Divergence::CheckedKey, &["Sec-WebSocket-Key: AAAA"], 400);
}

#[test]
fn other_versions_of_http_are_refused() {
    check_refused_only_here(Divergence::CheckedHttpVersion, &["GET / HTTP/1.0"], 505);
}

#[test]
fn a_request_with_a_body_is_refused() {
    check_refused_only_here(Divergence::NoRequestBody, &["Content-Length: 5"], 400);
}

#[test]
fn subprotocols_that_are_not_tokens_are_ignored() {
    check(
        Divergence::CheckedSubprotocols,
        server(&request(&["Sec-WebSocket-Protocol: a b, c"]), []),
        requested_with("h", "/", &["c"]),
        requested_with("h", "/", &["a b", "c"]),
    );
}

#[test]
fn malformed_extensions_are_refused() {
    check_refused_only_here(Divergence::CheckedExtensions, &["Sec-WebSocket-Extensions: x; y=\"1"], 400);
}

#[test]
fn empty_elements_of_a_list_are_ignored() {
    check(
        Divergence::ListElements,
        server(&request(&["Sec-WebSocket-Protocol: a,,b"]), []),
        requested_with("h", "/", &["a", "b"]),
        requested_with("h", "/", &["a", "", "b"]),
    );
}

#[test]
fn an_empty_list_of_subprotocols_selects_none() {
    for line in ["Sec-WebSocket-Protocol: ", "Sec-WebSocket-Extensions: ,"] {
        check(Divergence::EmptyChoice, client(&response(&[line])), accepted(), failed_there(400));
    }
}

#[test]
fn commas_in_quotes_do_not_separate_elements() {
    check_refused_only_here(Divergence::QuotedCommas, &["Connection: \"a, Upgrade, b\""], 400);
}

#[test]
fn single_headers_that_are_repeated_are_refused() {
    let key = format!("Sec-WebSocket-Key: {KEY}");
    check_refused_only_here(Divergence::SingleHeaders, &[&key, &key], 400);
    check_refused_only_here(
        Divergence::SingleHeaders,
        &["Sec-WebSocket-Version: 8", "Sec-WebSocket-Version: 13"],
        400,
    );
    check_refused_only_here(Divergence::SingleHeaders, &["Origin: http://a", "Origin: http://b"], 400);
    let twice = response(&["Upgrade: websocket", "Upgrade: websocket"]);
    check(Divergence::SingleHeaders, client(&twice), failed(400), accepted());
}

#[test]
fn lists_may_use_several_headers() {
    for lines in [&["Connection: Upgrade", "Connection: close"][..], &["Upgrade: websocket, h2c"]] {
        check(Divergence::Lists, server(&request(lines), []), requested(), failed_there(400));
    }
}

#[test]
fn folded_lines_and_control_characters_are_refused() {
    for line in ["X: 1\r\n folded", "X: \x01", "X: 1\nY: 2"] {
        check_refused_only_here(Divergence::CheckedHead, &[line], 400);
    }
}

#[test]
fn a_refusal_answers_a_request() {
    let reject = Step::SendReject { status: 503, has_body: false, headers: Vec::new() };
    check(
        Divergence::RefusalBeforeRequest,
        Script { role: Role::Server, handshake: true, deflate: None, tight: false, steps: vec![reject] },
        refused(State::Connecting),
        sent(b"HTTP/1.1 503 \r\ncontent-length: 0\r\n\r\n", State::Closed),
    );
}

#[test]
fn a_refusal_closes_the_transport() {
    let reject = Step::SendReject { status: 403, has_body: false, headers: Vec::new() };
    check(
        Divergence::RefusalCloses,
        server(&request(&[]), [reject]),
        sent(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", State::Closed),
        sent(b"HTTP/1.1 403 \r\ncontent-length: 0\r\n\r\n", State::Closed),
    );
}

#[test]
fn written_heads_differ_in_order_and_case() {
    let reject = Step::SendReject { status: 403, has_body: false, headers: Vec::new() };
    check(
        Divergence::HeadForm,
        server(&request(&["Connection: Upgrade, close"]), [reject]),
        sent(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", State::Closed),
        sent(b"HTTP/1.1 403 \r\ncontent-length: 0\r\nConnection: close\r\n\r\n", State::Closed),
    );
}

#[test]
fn a_wrong_line_is_refused_before_the_head_is_whole() {
    check(
        Divergence::HandshakeFailureAtOnce,
        server(b"GET /\r\nHost", []),
        failed(400),
        silent(State::Connecting),
    );
}

#[test]
fn an_empty_read_is_not_the_end() {
    let (start, end) = (&request(&[])[..9], &request(&[])[9..]);
    let script = server(start, [bytes(b""), Step::Drain, bytes(end), Step::Drain]);
    check(Divergence::EmptyRead, script, requested(), crashed("RuntimeError"));
}

#[test]
fn an_empty_line_before_a_request_is_skipped() {
    let line = [b"\r\n", &request(&[])[..]].concat();
    check(Divergence::EmptyLineFirst, server(&line, []), requested(), failed_there(400));
}

#[test]
fn data_after_the_request_is_read() {
    let accept = Step::SendAccept { subprotocol: None, headers: Vec::new() };
    let early = [&request(&[])[..], b"\x81\x85\0\0\0\0early"].concat();
    check(
        Divergence::EarlyData,
        server(&early, [accept, Step::Drain]),
        reported([said("early")], State::Open),
        silent(State::Open),
    );
}

#[test]
fn early_hints_are_not_a_refusal() {
    check(
        Divergence::PassedOver,
        client(b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        silent(State::Connecting),
        reported([rejected(103, false)], State::Closed),
    );
}

#[test]
fn a_refusal_says_that_it_has_no_body() {
    check(
        Divergence::BodyAnnounced,
        client(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"),
        reported([rejected(403, false)], State::Closed),
        reported(
            [rejected(403, true), Said::RejectData { data: b""[..].into(), finished: true }],
            State::Closed,
        ),
    );
}

#[test]
fn a_status_that_is_not_valid_fails() {
    check(
        Divergence::StrangeStatus,
        client(b"HTTP/1.1 600 ?\r\n\r\n"),
        failed(400),
        reported([rejected(600, true)], State::Rejecting),
    );
}

#[test]
fn data_after_a_refusal_is_dropped() {
    let reject = Step::SendReject { status: 403, has_body: false, headers: Vec::new() };
    let then = [reject, bytes(b"\x81\x80\0\0\0\0\r\n\r\n"), Step::Drain];
    let theirs = reported([Said::Refused { status: 400, why: String::new() }], State::Closed);
    let close = request(&["Connection: Upgrade, close"]);
    check(Divergence::DataAfterRefusal, server(&close, then), silent(State::Closed), theirs);
}

#[test]
fn an_end_before_the_request_is_a_failure() {
    let script =
        Script { role: Role::Server, handshake: true, deflate: None, tight: false, steps: vec![Step::Eof] };
    check(Divergence::EndBeforeRequest, script, failed(400), silent(State::Connecting));
}
