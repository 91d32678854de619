//! The socket against tungstenite, and against peers that break the rules.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a helper is the failure of its test"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use tungstenite::protocol::CloseFrame;
use tungstenite::{Message as Theirs, WebSocket};
use wsproto::{CloseCode, HandshakeLimits, ReadBuffer, ServerHandshake};
use wsproto_chat::socket::{ConnectionClosed, Message, Options, Socket};

type Client = WebSocket<TcpStream>;

const PATIENCE: Duration = Duration::from_secs(20);

/// What a test gives its client for the answer to a ping. A machine that does other work needs some of it.
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// Runs `handler` with the socket of the next client; returns the client, and what the handler returns.
fn pair<T: Send + 'static>(
    options: Options,
    handler: impl FnOnce(&mut Socket) -> T + Send + 'static,
) -> (Client, Receiver<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, result) = mpsc::channel();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut handshake, mut buffer) =
            (ServerHandshake::new(HandshakeLimits::default()), ReadBuffer::new());
        loop {
            let len = stream.read(buffer.space()).unwrap();
            buffer.filled(len).unwrap();
            if buffer.read_shared(|input| handshake.receive(input).unwrap().is_some()) {
                break;
            }
        }
        let mut socket = Socket::accept(stream, &mut handshake, buffer, &options).unwrap();
        let result = handler(&mut socket);
        drop(socket);
        let _ = sender.send(result);
    });
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let (client, _) = tungstenite::client(format!("ws://{address}/"), stream).unwrap();
    (client, result)
}

fn closed(code: CloseCode, reason: &str) -> ConnectionClosed {
    ConnectionClosed { code, reason: reason.to_owned() }
}

/// Reads until the close frame, or the end.
fn close_frame(client: &mut Client) -> Option<(u16, String)> {
    loop {
        match client.read() {
            Ok(Theirs::Close(frame)) => {
                return frame.map(|frame| (frame.code.into(), frame.reason.to_string()));
            }
            Ok(_) => {}
            Err(_) => return None,
        }
    }
}

/// Answers the close frame, and closes the transport as the server has.
fn leave(mut client: Client) {
    assert!(matches!(client.read(), Err(tungstenite::Error::ConnectionClosed)));
}

#[test]
fn messages_are_received_and_sent() {
    let (mut client, result) = pair(Options::default(), |socket| {
        let received = [socket.receive(None).unwrap(), socket.receive(None).unwrap()];
        socket.send("text").unwrap();
        socket.send(b"bytes".as_slice()).unwrap();
        received
    });
    client.send(Theirs::text("Grüße")).unwrap();
    client.send(Theirs::binary(vec![0, 255])).unwrap();
    assert_eq!(client.read().unwrap(), Theirs::text("text"));
    assert_eq!(client.read().unwrap(), Theirs::binary(b"bytes".to_vec()));
    assert_eq!(close_frame(&mut client), Some((1000, String::new())));
    leave(client);
    let received = result.recv_timeout(PATIENCE).unwrap();
    assert_eq!(received, [Some(Message::Text("Grüße".into())), Some(Message::Binary(vec![0, 255]))]);
}

#[test]
fn receive_returns_none_after_its_timeout_and_messages_after_it() {
    let (mut client, result) = pair(Options::default(), |socket| {
        let start = Instant::now();
        let first = socket.receive(Some(Duration::from_millis(100)));
        let waited = start.elapsed();
        let looked = socket.receive(Some(Duration::ZERO));
        socket.send("timeout").unwrap();
        (first, waited, looked, socket.receive(Some(PATIENCE)))
    });
    assert_eq!(client.read().unwrap(), Theirs::text("timeout"));
    client.send(Theirs::text("late")).unwrap();
    close_frame(&mut client);
    leave(client);
    let (first, waited, looked, second) = result.recv_timeout(PATIENCE).unwrap();
    assert_eq!((first, looked), (Ok(None), Ok(None)));
    assert!(waited >= Duration::from_millis(100), "{waited:?}");
    assert_eq!(second, Ok(Some(Message::Text("late".into()))));
}

#[test]
fn messages_of_other_threads_are_sent_while_the_handler_waits() {
    let (sender, senders) = mpsc::channel();
    let (mut client, result) = pair(Options::default(), move |socket| {
        sender.send(socket.sender()).unwrap();
        socket.receive(None)
    });
    let other = senders.recv_timeout(PATIENCE).unwrap();
    other.send("from elsewhere").unwrap();
    assert_eq!(client.read().unwrap(), Theirs::text("from elsewhere"));
    client.send(Theirs::text("done")).unwrap();
    close_frame(&mut client);
    leave(client);
    assert_eq!(result.recv_timeout(PATIENCE).unwrap(), Ok(Some(Message::Text("done".into()))));
}

#[test]
fn message_that_is_too_long_closes_with_1009() {
    let options = Options { max_message_size: 1000, ..Options::default() };
    let (mut client, result) = pair(options, |socket| (socket.receive(None), socket.receive(None)));
    client.send(Theirs::text("a".repeat(1000))).unwrap();
    client.send(Theirs::text("a".repeat(1001))).unwrap();
    let (code, _) = close_frame(&mut client).unwrap();
    assert_eq!(code, 1009);
    drop(client);
    let (first, second) = result.recv_timeout(PATIENCE).unwrap();
    assert_eq!(first, Ok(Some(Message::Text("a".repeat(1000)))));
    assert_eq!(second.unwrap_err().code, CloseCode::MESSAGE_TOO_BIG);
}

#[test]
fn peer_that_answers_no_ping_is_disconnected() {
    let options = Options { ping_interval: Some(Duration::from_millis(100)), ..Options::default() };
    let (client, result) = pair(options, |socket| socket.receive(None));
    // The client does not read, so that tungstenite does not answer.
    let received = result.recv_timeout(PATIENCE).unwrap();
    assert_eq!(received, Err(closed(CloseCode::ABNORMAL_CLOSURE, "the peer does not answer a ping")));
    drop(client);
}

#[test]
fn peer_that_answers_pings_is_kept() {
    let options = Options { ping_interval: Some(ANSWER_TIME), ..Options::default() };
    let (mut client, result) = pair(options, |socket| socket.receive(Some(ANSWER_TIME * 7)));
    let mut pings = 0;
    loop {
        match client.read().unwrap() {
            Theirs::Ping(_) => pings += 1,
            Theirs::Close(_) => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(pings >= 5, "{pings}");
    leave(client);
    assert_eq!(result.recv_timeout(PATIENCE).unwrap(), Ok(None));
}

#[test]
fn pings_are_answered_while_the_handler_does_something_else() {
    let (end, ended) = mpsc::channel();
    let (mut client, result) = pair(Options::default(), move |_| ended.recv().unwrap());
    client.send(Theirs::Ping(vec![1, 2, 3].into())).unwrap();
    assert_eq!(client.read().unwrap(), Theirs::Pong(vec![1, 2, 3].into()));
    end.send(()).unwrap();
    close_frame(&mut client);
    leave(client);
    assert_eq!(result.recv_timeout(PATIENCE), Ok(()));
}

#[test]
fn peer_is_kept_while_the_handler_does_not_receive() {
    let options = Options { ping_interval: Some(ANSWER_TIME), ..Options::default() };
    let (mut client, result) = pair(options, |socket| {
        // Twice what a silent peer would have.
        thread::sleep(ANSWER_TIME * 4);
        (0..500).map_while(|_| socket.receive(Some(PATIENCE)).ok()).flatten().count()
    });
    for _ in 0..500 {
        client.send(Theirs::text("many")).unwrap();
    }
    close_frame(&mut client);
    leave(client);
    assert_eq!(result.recv_timeout(PATIENCE).unwrap(), 500);
}

#[test]
fn client_that_closes_gets_its_code_back() {
    let (mut client, result) = pair(Options::default(), |socket| {
        (socket.receive(None), socket.receive(None), socket.send("late"), socket.is_connected())
    });
    client.send(Theirs::text("last")).unwrap();
    client.close(Some(CloseFrame { code: 4000.into(), reason: "bye".into() })).unwrap();
    // Only the code comes back.
    assert_eq!(close_frame(&mut client), Some((4000, String::new())));
    leave(client);
    let end = closed(CloseCode::new(4000), "bye");
    let received = result.recv_timeout(PATIENCE).unwrap();
    let last = Ok(Some(Message::Text("last".into())));
    assert_eq!(received, (last, Err(end.clone()), Err(end), false));
}

#[test]
fn handler_that_closes_sends_its_code_after_its_messages() {
    let (mut client, result) = pair(Options::default(), |socket| {
        socket.send("first").unwrap();
        let refused = socket.close(CloseCode::NO_STATUS_RCVD, "").is_err();
        socket.close(CloseCode::new(4001), "enough").unwrap();
        socket.close(CloseCode::new(4002), "again").unwrap();
        (refused, socket.receive(None), socket.send("late"))
    });
    assert_eq!(client.read().unwrap(), Theirs::text("first"));
    assert_eq!(close_frame(&mut client), Some((4001, "enough".into())));
    let _ = client.read();
    let end = closed(CloseCode::new(4001), "enough");
    assert_eq!(result.recv_timeout(PATIENCE).unwrap(), (true, Err(end.clone()), Err(end)));
}

#[test]
fn other_thread_that_closes_wakes_the_handler() {
    let (sender, senders) = mpsc::channel();
    let (mut client, result) = pair(Options::default(), move |socket| {
        sender.send(socket.sender()).unwrap();
        socket.receive(None)
    });
    senders.recv_timeout(PATIENCE).unwrap().close(CloseCode::GOING_AWAY, "stop").unwrap();
    assert_eq!(close_frame(&mut client), Some((1001, "stop".into())));
    leave(client);
    assert_eq!(result.recv_timeout(PATIENCE).unwrap(), Err(closed(CloseCode::GOING_AWAY, "stop")));
}

#[test]
fn handler_that_panics_closes_with_1011() {
    let (mut client, result) = pair(Options::default(), |_| {
        // Not `panic!`, which would print a message.
        std::panic::resume_unwind(Box::new("a fault of the handler"));
        #[allow(unreachable_code, reason = "it gives the closure its type")]
        ()
    });
    assert_eq!(close_frame(&mut client), Some((1011, String::new())));
    assert!(result.recv_timeout(PATIENCE).is_err());
}

#[test]
fn client_that_vanishes_ends_the_connection_with_1006() {
    let (client, result) = pair(Options::default(), |socket| socket.receive(None));
    drop(client);
    assert_eq!(result.recv_timeout(PATIENCE).unwrap(), Err(closed(CloseCode::ABNORMAL_CLOSURE, "")));
}

#[test]
fn client_that_does_not_answer_the_close_frame_is_given_up() {
    let options = Options { close_timeout: Duration::from_millis(200), ..Options::default() };
    let (client, result) = pair(options, |_| ());
    assert_eq!(result.recv_timeout(Duration::from_secs(5)), Ok(()));
    drop(client);
}

#[test]
fn sender_disconnects_a_client_that_does_not_read() {
    let options = Options { max_queue_size: 100_000, write_timeout: PATIENCE * 2, ..Options::default() };
    let (sender, senders) = mpsc::channel();
    let (client, result) = pair(options, move |socket| {
        sender.send(socket.sender()).unwrap();
        socket.receive(None)
    });
    let other = senders.recv_timeout(PATIENCE).unwrap();
    let (sender, all_sent) = mpsc::channel();
    thread::spawn(move || {
        let sent = (0..1000).take_while(|_| other.send(noise().as_slice()).is_ok()).count();
        sender.send(sent).unwrap();
    });
    let sent = all_sent.recv_timeout(PATIENCE).expect("no send waits");
    assert!(sent < 1000);
    let end = closed(CloseCode::ABNORMAL_CLOSURE, "the peer does not read what is sent to it");
    assert_eq!(result.recv_timeout(PATIENCE).unwrap(), Err(end));
    drop(client);
}

#[test]
fn socket_that_was_given_up_ends_though_its_handler_has_not_received() {
    let options = Options { max_queue_size: 100_000, ..Options::default() };
    let (sender, senders) = mpsc::channel();
    let (mut client, result) = pair(options, move |socket| {
        sender.send(socket.sender()).unwrap();
        while socket.is_connected() {
            thread::sleep(Duration::from_millis(10));
        }
    });
    for _ in 0..1000 {
        client.send(Theirs::text("not received")).unwrap();
    }
    // The socket has read as many as it keeps.
    thread::sleep(Duration::from_millis(200));
    let other = senders.recv_timeout(PATIENCE).unwrap();
    while other.send(noise().as_slice()).is_ok() {}
    assert_eq!(result.recv_timeout(PATIENCE), Ok(()));
    drop(client);
}

/// Bytes that do not compress.
fn noise() -> Vec<u8> {
    let mut word = 1_u32;
    let byte = || {
        word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        word.to_be_bytes()[0]
    };
    std::iter::repeat_with(byte).take(50_000).collect()
}

#[test]
fn handler_waits_for_a_client_that_reads_late() {
    let options = Options { max_queue_size: 100_000, ..Options::default() };
    let (sent, all_sent) = mpsc::channel();
    let (mut client, _result) = pair(options, move |socket| {
        for _ in 0..400 {
            socket.send([7; 50_000].as_slice()).unwrap();
        }
        sent.send(()).unwrap();
    });
    // The system holds some megabytes of these twenty, and the socket a tenth of one.
    assert!(all_sent.recv_timeout(Duration::from_millis(500)).is_err(), "the handler has not waited");
    for _ in 0..400 {
        assert_eq!(client.read().unwrap().len(), 50_000);
    }
    assert_eq!(close_frame(&mut client), Some((1000, String::new())));
}

#[test]
fn client_that_writes_64_mib_before_it_reads_meets_no_deadlock() {
    let options = Options { write_timeout: Duration::from_secs(1), ..Options::default() };
    let (client, result) = pair(options, |socket| {
        let mut count = 0;
        while let Ok(Some(Message::Binary(bytes))) = socket.receive(Some(PATIENCE)) {
            if socket.send(bytes.as_slice()).is_err() {
                break;
            }
            count += 1;
        }
        count
    });
    // Without a reader, the bound is: the echo waits for the client at most the write timeout, then it disconnects.
    let mut stream = client.get_ref();
    let mut frame = vec![0x82, 0xff, 0, 0, 0, 0, 0, 0x0f, 0xff, 0xf0, 0, 0, 0, 0];
    frame.resize(14 + 0x0f_fff0, 42);
    stream.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
    let written = (0..64).take_while(|_| stream.write_all(&frame).is_ok()).count();
    let echoed = result.recv_timeout(Duration::from_secs(40)).unwrap();
    assert!(written < 64 && echoed < 64, "{written} written, {echoed} echoed");
}
