//! What a peer can make a connection hold: the peak of the heap for each input of `tests/hostile`, held to the bounds
//! and the figures of the guide's chapter on costs (RFC 6455 §10.4).
//!
//! `cargo test --all-features --test hostile_memory -- --nocapture` prints the rows of the chapter.
#![cfg(all(feature = "std", feature = "deflate", feature = "handshake", target_pointer_width = "64"))]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic or an overflow fails the test, as it should"
)]

mod counting;
mod hostile;

use counting::measured;
use hostile::{ALONE, Door, Fixed, Input, TAKEOVER, extensions, inputs};
use wsproto::{
    AcceptConnection, ClientHandshake, Connection, DeflateParams, HandshakeLimits, Limits, Messages,
    PermessageDeflate, ReadBuffer, Request, Role, ServerHandshake, WsConnection,
};

const CHAPTER: &str = include_str!("../guide/costs.md");

/// The length of the inputs that the chapter shows.
const LEN: usize = 256_000;

const LIMITS: Limits = Limits::DEFAULT.with_max_frame_len(64 << 10).with_max_message_len(64 << 10);

/// The most memory that a machine holds while it reads an input, in bytes, by the name of the machine.
type Peaks = Vec<(&'static str, usize)>;

fn peaks(input: &Input, len: usize) -> Peaks {
    let bytes = (input.bytes)(len);
    let peak = |read: fn(&[u8], usize)| measured(|| read(&bytes, input.read_len)).1.peak as usize;
    match input.door {
        Door::Frames => vec![
            ("`Connection`", peak_of_connection(Connection::server(LIMITS), bytes.clone(), input.read_len)),
            ("`Messages`", peak_of_messages(Connection::server(LIMITS), &bytes, input.read_len)),
            ("`WsConnection`", peak_of_ws(None, &bytes, input.read_len)),
        ],
        Door::Deflate | Door::DeflateAlone => {
            let params = if input.door == Door::Deflate { TAKEOVER } else { ALONE };
            vec![
                (
                    "`Connection`, compressed",
                    peak_of_connection(deflating(params), bytes.clone(), input.read_len),
                ),
                ("`Messages`, compressed", peak_of_messages(deflating(params), &bytes, input.read_len)),
                ("`WsConnection`, compressed", peak_of_ws(Some(params), &bytes, input.read_len)),
            ]
        }
        Door::Request => vec![("`ServerHandshake`", peak(request))],
        Door::Response => vec![("`ClientHandshake`", peak(response))],
        Door::Early => vec![("`WsConnection`, early", peak(early))],
    }
}

fn deflating(params: DeflateParams) -> Connection {
    Connection::server(LIMITS).with_extensions(extensions(Role::Server, params))
}

fn peak_of_connection(mut server: Connection, mut bytes: Vec<u8>, read_len: usize) -> usize {
    let ((), usage) = measured(|| {
        for mut read in bytes.chunks_mut(read_len) {
            while let Ok(Some(_)) = server.next_event(&mut read) {}
        }
    });
    usage.peak as usize
}

/// The peer reads nothing: what is to be written stays.
fn peak_of_messages(server: Connection, mut rest: &[u8], read_len: usize) -> usize {
    let mut ws = Messages::new(server, ReadBuffer::new());
    let ((), usage) = measured(|| {
        while !rest.is_empty() {
            let space = ws.space();
            let len = rest.len().min(read_len).min(space.len());
            if len == 0 {
                break;
            }
            space[..len].copy_from_slice(&rest[..len]);
            rest = &rest[len..];
            ws.filled(len).unwrap();
            while ws.next_message().is_some() {}
        }
    });
    usage.peak as usize
}

/// Its events are taken after each read of 64 KiB at most.
fn peak_of_ws(params: Option<DeflateParams>, bytes: &[u8], read_len: usize) -> usize {
    let server = params.map_or_else(|| Connection::server(LIMITS), deflating);
    let mut ws = WsConnection::from(server);
    let ((), usage) = measured(|| {
        for read in bytes.chunks(read_len.min(64 << 10)) {
            ws.receive_data(read).unwrap();
            while let Ok(Some(_)) = ws.next_event() {}
        }
    });
    usage.peak as usize
}

fn request(bytes: &[u8], read_len: usize) {
    let mut handshake = ServerHandshake::new(HandshakeLimits::default());
    for mut read in bytes.chunks(read_len.min(64 << 10)) {
        let Ok(request) = handshake.receive(&mut read) else { return };
        let Some(request) = request else { continue };
        let (accept, _agreed) =
            AcceptConnection::new().with_extensions(&[&PermessageDeflate::new()], request);
        handshake.accept(accept, &mut Vec::new()).unwrap();
    }
}

fn response(bytes: &[u8], read_len: usize) {
    let request = Request::new("example.com", "/");
    let mut handshake =
        ClientHandshake::new(request, HandshakeLimits::default(), &mut Fixed, &mut Vec::new()).unwrap();
    for mut read in bytes.chunks(read_len.min(64 << 10)) {
        while let Ok(Some(_)) = handshake.receive(&mut read) {}
    }
}

fn early(bytes: &[u8], read_len: usize) {
    let mut ws = WsConnection::server();
    for read in bytes.chunks(read_len) {
        if ws.receive_data(read).is_err() || ws.next_event().is_err() {
            return;
        }
    }
}

/// The bound on a machine, in KiB, by the chapter.
fn documented(machine: &str) -> usize {
    let start = format!("| {machine} | ");
    let row = CHAPTER.lines().find_map(|line| line.strip_prefix(&start));
    let number = row.and_then(|row| row.split(' ').next()).and_then(|number| number.parse().ok());
    number.unwrap_or_else(|| panic!("the chapter has no bound on {machine}"))
}

#[test]
fn inputs_are_held_in_as_little_memory_as_documented() {
    let mut most: Vec<(&str, usize)> = Vec::new();
    let mut rows = Vec::new();
    for input in inputs() {
        let peaks = peaks(&input, LEN);
        let kib = peaks.iter().map(|(_, peak)| peak.div_ceil(1024).to_string());
        let cells = match peaks.len() {
            1 => format!("| | | | {} |", kib.collect::<String>()),
            _ => format!("| {} | |", kib.collect::<Vec<_>>().join(" | ")),
        };
        if input.name != input.honest {
            rows.push(format!("| {} {cells}", input.what));
        }
        for (machine, peak) in peaks {
            match most.iter_mut().find(|(name, _)| *name == machine) {
                Some((_, most)) => *most = peak.max(*most),
                None => most.push((machine, peak)),
            }
        }
    }
    println!("{}", rows.join("\n"));
    for (machine, most) in &most {
        println!("{machine}: {most} bytes at most");
        let bound = documented(machine);
        assert!(*most <= bound << 10, "{machine}: {most} bytes, more than {bound} KiB");
    }
    let missing: Vec<_> = rows.iter().filter(|row| !CHAPTER.contains(*row)).collect();
    assert!(missing.is_empty(), "the chapter does not have:\n{missing:#?}");
}

#[test]
fn peaks_do_not_depend_on_the_length_of_an_input() {
    // All limits are exceeded by the shorter ones.
    for input in inputs() {
        for ((machine, short), (_, long)) in peaks(&input, LEN / 2).into_iter().zip(peaks(&input, LEN)) {
            assert!(long <= short + short / 10 + 64, "{}, {machine}: {short} bytes, then {long}", input.name);
        }
    }
}

#[test]
fn each_input_is_compared_with_an_honest_one() {
    let inputs = inputs();
    for input in &inputs {
        let honest = inputs.iter().find(|other| other.name == input.honest).unwrap();
        assert_eq!(honest.honest, honest.name, "{} is compared with an input that is not honest", input.name);
        assert_eq!(inputs.iter().filter(|other| other.name == input.name).count(), 1, "{}", input.name);
    }
}
