//! `echo_server` with peers that are slow, silent, do not read or break the protocol, and with plain HTTP.
//!
//! Timeouts are short here, and are not measured, because the machine may be busy: a test only checks that a connection
//! ends, and how.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use crate::clients::echo_server_with;
use crate::program::Program;

#[test]
fn message_of_64_mib_is_echoed_to_a_peer_that_writes_it_before_reading() {
    let (server, addr) = echo_server_with(&[]);
    let mut peer = open(&addr, "");
    // The longest message that the server accepts by default, in four frames and in one.
    let part = noise(16 << 20);
    let in_four: Vec<_> = [0x02, 0x00, 0x00, 0x80].into_iter().map(|first| frame(first, &part)).collect();
    for message in [in_four, vec![frame(0x82, &part.repeat(4))]] {
        for frame in &message {
            peer.write_all(frame).unwrap();
        }
        for frame in &message {
            assert!(read(&mut peer, frame.len() - MASKING_KEY_LEN) == unmasked(frame), "the echo differs");
        }
    }
    close(peer);
    assert_eq!(server.kill().stderr, "");
}

#[test]
fn frame_of_any_length_is_echoed_as_one_frame() {
    let (server, addr) = echo_server_with(&[]);
    let mut peer = open(&addr, "");
    // Characters of three bytes, so that some reads end inside a character.
    let text = "語".repeat((8 << 20) / 3);
    for frame in [frame(0x82, &noise(8 << 20)), frame(0x81, text.as_bytes())] {
        peer.write_all(&frame).unwrap();
        assert!(read(&mut peer, frame.len() - MASKING_KEY_LEN) == unmasked(&frame), "the echo differs");
    }
    close(peer);
    assert_eq!(server.kill().stderr, "");
}

#[test]
fn fragments_are_echoed_unchanged_with_pongs_between_them() {
    let (server, addr) = echo_server_with(&[]);
    let mut peer = open(&addr, "");
    // If two fragments cut a character, the server echoes it in the second.
    for bytes in [frame(0x01, b"a\xC3"), frame(0x89, b"?"), frame(0x00, b""), frame(0x80, b"\xBCb")] {
        peer.write_all(&bytes).unwrap();
    }
    let echo = b"\x01\x01a\x8a\x01?\x00\x00\x80\x03\xC3\xBCb";
    assert_eq!(read(&mut peer, echo.len()), echo);
    close(peer);
    assert_eq!(server.kill().stderr, "");
}

#[test]
fn compressed_frame_is_echoed_as_one_compressed_frame() {
    let (server, addr) = echo_server_with(&[]);
    let mut peer = open(&addr, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    // Stored blocks, repeated: far more bytes than one read holds. The payload ends like every compressed message
    // (RFC 7692 §7.2.1).
    let block = [&[0x00, 0x00, 0x80, 0xff, 0x7f][..], &[b'a'; 0x8000]].concat();
    let payload = [block.repeat(32).as_slice(), b"\x00"].concat();
    peer.write_all(&frame(0xC1, &payload)).unwrap();
    let [first_byte, len, ..] = read(&mut peer, 2)[..] else { unreachable!() };
    assert_eq!((first_byte, len), (0xC1, 126), "it must be one frame that is much shorter than 1 MiB");
    let len = read(&mut peer, 2);
    read(&mut peer, usize::from(u16::from_be_bytes([len[0], len[1]])));
    close(peer);
    assert_eq!(server.kill().stderr, "");
}

#[test]
fn frame_that_breaks_a_rule_is_answered_after_the_earlier_echo() {
    let (server, addr) = echo_server_with(&[]);
    let mut peer = open(&addr, "");
    peer.write_all(&[&frame(0x81, b"hello")[..], b"\x81\x02hi"].concat()).unwrap();
    let rest = read_to_end(&mut peer);
    assert_eq!(rest, b"\x81\x05hello\x88\x1F\x03\xEAframe from client is unmasked");
    assert_eq!(server.kill().stderr, "");
}

#[test]
fn peer_that_breaks_a_rule_and_keeps_writing_can_read_the_close_frame() {
    let (server, addr) = echo_server_with(&[]);
    let mut peer = open(&addr, "");
    peer.write_all(b"\x81\x02hi").unwrap();
    // More than the sockets can hold: the server must read all of it.
    peer.write_all(&vec![0; 32 << 20]).unwrap();
    assert_eq!(read_to_end(&mut peer), b"\x88\x1F\x03\xEAframe from client is unmasked");
    assert_eq!(server.kill().stderr, "");
}

#[test]
fn unfinished_text_that_is_not_utf8_is_answered_with_1007() {
    let (_server, addr) = echo_server_with(&[]);
    let mut peer = open(&addr, "");
    let text = frame(0x81, &[&[b'a'; 100_000][..], b"\xff"].concat());
    peer.write_all(&text[..60_000]).unwrap();
    peer.write_all(&text[60_000..]).unwrap();
    assert_eq!(read_to_end(&mut peer), b"\x88\x13\x03\xEFtext is not UTF-8");
}

#[test]
fn peer_that_never_reads_is_dropped_and_uses_limited_memory() {
    let options = ["--write-timeout", "1", "--max-message-len", "1048576"];
    let (server, addr) = echo_server_with(&options);
    let mut peer = open(&addr, "");
    let message = frame(0x82, &noise(1 << 20));
    let mut sent = 0_u64;
    let error = loop {
        match peer.write(&message) {
            // A whole frame or a part of it: the server need not understand what follows.
            Ok(len) => sent += len as u64,
            Err(error) => break error,
        }
        assert!(sent < 1 << 30, "the server reads without end though its peer does not");
    };
    assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
    if cfg!(target_os = "linux") {
        let peak = peak_memory(&server);
        // The memory for three messages and the program itself.
        assert!(peak < 16 << 20, "{peak} bytes");
    }
    let local = peer.local_addr().unwrap();
    assert_eq!(server.error_line(), format!("{local}: does not read what is written to it\n"));
}

#[test]
fn handshake_that_is_too_slow_is_dropped_at_its_deadline() {
    let (server, addr) = echo_server_with(&["--handshake-timeout", "1"]);
    let mut peer = connect(&addr);
    let mut writer = peer.try_clone().unwrap();
    let drip = thread::spawn(move || {
        for byte in request("").bytes() {
            // The time between two bytes is shorter than the timeout; the whole request takes ten times as long.
            thread::sleep(Duration::from_millis(100));
            if writer.write_all(&[byte]).is_err() {
                break;
            }
        }
    });
    let answer = String::from_utf8(read_to_end(&mut peer)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
    peer.shutdown(Shutdown::Both).unwrap();
    drip.join().unwrap();
    assert_eq!(server.kill().stderr, "");
}

#[test]
fn connection_without_a_request_is_closed_without_an_answer() {
    let (server, addr) = echo_server_with(&["--handshake-timeout", "0.2"]);
    assert_eq!(read_to_end(&mut connect(&addr)), b"");
    assert_eq!(server.kill().stderr, "");
}

#[test]
fn silent_peer_is_pinged_inside_a_frame_and_closed_if_it_does_not_answer() {
    let (server, addr) = echo_server_with(&["--idle-timeout", "1"]);
    let mut peer = open(&addr, "");
    peer.write_all(&frame(0x81, b"hello")[..8]).unwrap();
    assert_eq!(read_to_end(&mut peer), b"\x89\x00\x88\x15\x0B\xC0no answer to a ping");
    let local = peer.local_addr().unwrap();
    drop(peer);
    assert_eq!(server.error_line(), format!("{local}: does not answer a ping\n"));
}

#[test]
fn silent_peer_that_answers_pings_stays_connected() {
    let (server, addr) = echo_server_with(&["--idle-timeout", "3"]);
    let mut peer = open(&addr, "");
    for _ in 0..2 {
        assert_eq!(read(&mut peer, 2), b"\x89\x00");
        peer.write_all(&frame(0x8A, b"")).unwrap();
    }
    close(peer);
    assert_eq!(server.kill().stderr, "");
}

#[test]
fn peer_that_sends_one_frame_byte_by_byte_is_closed_at_the_deadline_of_the_frame() {
    let (server, addr) = echo_server_with(&["--frame-timeout", "1"]);
    let mut peer = open(&addr, "");
    let mut writer = peer.try_clone().unwrap();
    let drip = thread::spawn(move || {
        for byte in frame(0x81, &[b'a'; 100]) {
            // Each byte comes soon after the last; all of them take ten times as long as the timeout.
            thread::sleep(Duration::from_millis(100));
            if writer.write_all(&[byte]).is_err() {
                break;
            }
        }
    });
    assert_eq!(read_to_end(&mut peer), b"\x88\x24\x0B\xC0the frame takes too long to arrive");
    let local = peer.local_addr().unwrap();
    peer.shutdown(Shutdown::Both).unwrap();
    drip.join().unwrap();
    assert_eq!(server.error_line(), format!("{local}: takes too long to send a frame\n"));
}

#[test]
fn each_frame_has_its_own_deadline() {
    let (server, addr) = echo_server_with(&["--frame-timeout", "3"]);
    let mut peer = open(&addr, "");
    // Every write ends one frame and begins the next; together they take longer than the timeout.
    let frame = frame(0x81, b"hello");
    let (start, end) = frame.split_at(8);
    peer.write_all(start).unwrap();
    for _ in 0..8 {
        thread::sleep(Duration::from_millis(500));
        peer.write_all(&[end, start].concat()).unwrap();
        assert_eq!(read(&mut peer, 7), b"\x81\x05hello");
    }
    peer.write_all(end).unwrap();
    assert_eq!(read(&mut peer, 7), b"\x81\x05hello");
    close(peer);
    assert_eq!(server.kill().stderr, "");
}

#[cfg(unix)]
#[test]
fn interrupt_closes_each_connection_with_1001_and_exits_with_0() {
    for signal in ["INT", "TERM"] {
        let (server, addr) = echo_server_with(&[]);
        let mut peers = [open(&addr, ""), open(&addr, "")];
        peers[0].write_all(&frame(0x81, b"hello")[..8]).unwrap();
        peers[1].write_all(&frame(0x81, b"hello")).unwrap();
        assert_eq!(read(&mut peers[1], 7), b"\x81\x05hello");
        server.signal(signal);
        for peer in &mut peers {
            let close = b"\x88\x12\x03\xE9the server stops";
            assert_eq!(read(peer, close.len()), close);
        }
        let [mut half, mut whole] = peers;
        whole.write_all(&frame(0x88, b"\x03\xE9")).unwrap();
        assert_eq!(read_to_end(&mut whole), b"");
        half.write_all(&[&frame(0x81, b"hello")[8..], &frame(0x88, b"")].concat()).unwrap();
        assert_eq!(read_to_end(&mut half), b"");
        let ending = server.finish();
        assert_eq!((ending.code, ending.stderr.as_str()), (Some(0), ""));
    }
}

#[cfg(unix)]
#[test]
fn interrupt_does_not_wait_for_ever_for_a_peer_that_does_not_close() {
    let (server, addr) = echo_server_with(&["--close-timeout", "0.5"]);
    let mut peer = open(&addr, "");
    server.signal("INT");
    assert_eq!(server.finish().code, Some(0));
    assert!(read_to_end(&mut peer).starts_with(b"\x88"));
}

#[cfg(unix)]
#[test]
fn second_interrupt_ends_the_program_at_once_with_1() {
    let (server, addr) = echo_server_with(&["--close-timeout", "3600"]);
    let mut peer = open(&addr, "");
    server.signal("INT");
    let close = b"\x88\x12\x03\xE9the server stops";
    assert_eq!(read(&mut peer, close.len()), close);
    server.signal("INT");
    assert_eq!(server.finish().code, Some(1));
}

#[test]
fn page_is_at_the_root_with_any_query_and_at_index_html() {
    let (server, addr) = echo_server_with(&[]);
    for target in ["/", "/?x=1", "/index.html", "/index.html?a=/b"] {
        let page = http(&addr, "GET", target);
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{target}: {page}");
        assert!(page.contains("\r\nContent-Type: text/html; charset=utf-8\r\n"), "{target}: {page}");
        assert!(page.ends_with("</html>\n"), "{target}: {page}");
    }
    assert_eq!(server.kill().stderr, "");
}

#[test]
fn head_request_is_answered_like_get_without_the_body() {
    let (_server, addr) = echo_server_with(&[]);
    for target in ["/", "/elsewhere"] {
        let (head, body) = split_head(http(&addr, "GET", target));
        assert_eq!(split_head(http(&addr, "HEAD", target)), (head.clone(), String::new()));
        assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())), "{head}");
    }
}

#[test]
fn other_methods_are_refused_with_405_and_other_paths_with_404() {
    let (_server, addr) = echo_server_with(&[]);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
        let answer = http(&addr, method, "/");
        assert!(answer.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"), "{answer}");
        assert!(answer.contains("\r\nAllow: GET, HEAD\r\n"), "{answer}");
        assert!(http(&addr, method, "/elsewhere").starts_with("HTTP/1.1 404 Not Found\r\n"));
    }
    for target in ["/elsewhere", "/index.htm", "//", "/?/../secret/.."] {
        let status = if target.starts_with("/?") { "200" } else { "404" };
        let answer = http(&addr, "GET", target);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{target}: {answer}");
    }
}

#[test]
fn request_with_an_unexpected_body_is_answered() {
    let (_server, addr) = echo_server_with(&[]);
    let mut peer = connect(&addr);
    let len = 32 << 20;
    write!(peer, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len}\r\n\r\n").unwrap();
    peer.write_all(&vec![b'a'; len]).unwrap();
    assert!(read_to_end(&mut peer).starts_with(b"HTTP/1.1 405 "));
}

#[test]
fn connection_above_the_cap_is_refused_with_503_until_another_has_ended() {
    let (server, addr) = echo_server_with(&["--max-connections", "2"]);
    let peers = [open(&addr, ""), open(&addr, "")];
    let mut refused = connect(&addr);
    refused.write_all(request("").as_bytes()).unwrap();
    let answer = String::from_utf8(read_to_end(&mut refused)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
    assert!(answer.contains("\r\nRetry-After: "), "{answer}");
    assert!(http(&addr, "GET", "/").starts_with("HTTP/1.1 503 "));
    peers.into_iter().for_each(close);
    // The server notices the end of a connection later than the peer.
    let freed = (0..1000).any(|_| {
        thread::sleep(Duration::from_millis(10));
        http(&addr, "GET", "/").starts_with("HTTP/1.1 200 ")
    });
    assert!(freed, "no connection is accepted again");
    assert_eq!(server.kill().stderr, "");
}

#[test]
fn connections_above_the_cap_are_dropped_and_the_others_continue() {
    let (server, addr) = echo_server_with(&["--max-connections", "1"]);
    let mut peer = open(&addr, "");
    let crowd: Vec<_> = (0..200).map(|_| connect(&addr)).collect();
    peer.write_all(&frame(0x81, b"hello")).unwrap();
    assert_eq!(read(&mut peer, 7), b"\x81\x05hello");
    drop(crowd);
    close(peer);
    assert_eq!(server.kill().stderr, "");
}

#[test]
fn message_longer_than_the_limit_is_refused_with_1009() {
    let (_server, addr) = echo_server_with(&["--max-message-len", "10"]);
    let mut peer = open(&addr, "");
    peer.write_all(&frame(0x81, b"0123456789")).unwrap();
    peer.write_all(&frame(0x81, b"0123456789!")).unwrap();
    let rest = read_to_end(&mut peer);
    assert!(rest.starts_with(b"\x81\x0a0123456789\x88\x13\x03\xF1frame is too long"), "{rest:?}");
}

/// A connection after its handshake, with these header fields in addition to the usual ones.
fn open(addr: &str, fields: &str) -> TcpStream {
    let mut peer = connect(addr);
    peer.write_all(request(fields).as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.extend(read(&mut peer, 1));
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", head.escape_ascii());
    peer
}

fn connect(addr: &str) -> TcpStream {
    let peer = TcpStream::connect(addr).unwrap();
    peer.set_nodelay(true).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    peer.set_write_timeout(Some(PATIENCE)).unwrap();
    peer
}

fn request(fields: &str) -> String {
    format!(
        "GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{fields}\r\n"
    )
}

/// The whole answer to a request without a body.
fn http(addr: &str, method: &str, target: &str) -> String {
    let mut peer = connect(addr);
    write!(peer, "{method} {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    String::from_utf8(read_to_end(&mut peer)).unwrap()
}

fn split_head(answer: String) -> (String, String) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (format!("{head}\r\n"), body.to_owned())
}

/// Sends a close frame, and expects the same one from the server.
fn close(mut peer: TcpStream) {
    peer.write_all(&frame(0x88, b"\x03\xE8bye")).unwrap();
    assert_eq!(read_to_end(&mut peer), b"\x88\x05\x03\xE8bye");
}

/// A client's frame; the masking key is 0, so that the payload is unchanged.
fn frame(first_byte: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first_byte];
    match payload.len() {
        len @ ..126 => frame.push(0x80 | u8::try_from(len).unwrap()),
        len @ 126..0x1_0000 => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend(u64::try_from(len).unwrap().to_be_bytes());
        }
    }
    frame.extend([0; MASKING_KEY_LEN]);
    frame.extend(payload);
    frame
}

/// The same frame as a server sends it.
fn unmasked(frame: &[u8]) -> Vec<u8> {
    let length_len = match frame[1] & 0x7F {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let (header, payload) = frame.split_at(2 + length_len);
    let payload = &payload[MASKING_KEY_LEN..];
    [&[header[0], header[1] & 0x7F], &header[2..], payload].concat()
}

/// Bytes with a long period.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(len).collect()
}

#[track_caller]
fn read(peer: &mut TcpStream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    peer.read_exact(&mut bytes).unwrap();
    bytes
}

/// Everything that the server sends until it closes.
#[track_caller]
fn read_to_end(peer: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    peer.read_to_end(&mut bytes).unwrap();
    bytes
}

/// The program's peak memory so far, in bytes.
fn peak_memory(program: &Program) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kib << 10
}

const MASKING_KEY_LEN: usize = 4;

/// How long a test waits for what it expects: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
