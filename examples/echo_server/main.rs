//! Echoes every message, and serves a page to chat with it from a browser.
//!
//! ```sh
//! cargo run --release --example echo_server -- --help
//! ```
//!
//! | file | what it does |
//! |---|---|
//! | `main.rs` | listens, and stops at Ctrl-C |
//! | `options.rs` | the command line: each timeout and limit, with its default |
//! | `server.rs` | counts the connections, and closes them when the server stops |
//! | `session.rs` | serves one connection, from its first byte to its last |
//! | `handshake.rs` | the opening handshake: accepts or refuses a request |
//! | `page.rs` | responses to requests that are not for a WebSocket |
//! | `link.rs` | an open connection: echoes what is received, and queues what is to be written |
//! | `deadline.rs` | reads and writes with a deadline |
//!
//! # Two threads for each connection
//!
//! One thread reads and answers; the other writes. If a server writes each echo before it reads again, and the peer
//! does the same, both wait for ever: each waits for the other to read. Here an echo waits in a queue, so a peer may
//! write a whole message of `--max-message-len` bytes before it reads the first byte of the echo. When the queue
//! is that long, the server stops reading until the peer has read. A peer that does not read for
//! `--write-timeout` seconds is disconnected.
//!
//! # A frame is echoed as one frame
//!
//! The echo is sent once the whole frame was received. `Sender::begin_frame` could send its header sooner, from
//! `Receiver::payload_remaining`. But nothing else can be sent inside a frame: no ping if the peer becomes silent
//! there, and no close frame if the rest of a text is not UTF-8. A character that two frames share is echoed in the
//! second. If permessage-deflate was agreed, each frame is decompressed, and its echo compressed, as one frame.
//!
//! # No peer can keep a connection for ever without using it
//!
//! A silent peer gets a ping after `--idle-timeout` seconds, and is closed if it stays silent as long again. Each
//! byte ends the silence, so a peer could send one frame byte by byte for years. Therefore the payload of one frame
//! has `--frame-timeout` seconds to arrive, from the end of its header, which has at most 14 bytes. The time in which
//! the server does not read, because its queue is full, is not counted.
//!
//! # Memory
//!
//! A connection holds at most about three messages of `--max-message-len` bytes: the frame in progress, a queue
//! that is nearly full, and one more echo. Multiply by `--max-connections`.

use std::mem;
use std::net::{TcpListener, TcpStream};
use std::process::{self, ExitCode};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use options::{Options, USAGE};
use server::Server;

mod deadline;
mod options;
mod link;
mod page;
mod handshake;
mod server;
mod session;

fn main() -> ExitCode {
    let options = match Options::parse(lexopt::Parser::from_env()) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{}", Options::help());
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("echo_server: {error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo_server: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until Ctrl-C or SIGTERM, then closes each connection with 1001. A second signal ends the program at once.
fn run(options: Options) -> Result<(), String> {
    let (stop, stopped) = mpsc::channel();
    let mut is_stopping = false;
    let on_signal = move || {
        if mem::replace(&mut is_stopping, true) {
            process::exit(1);
        }
        // An error means that `run` has returned already.
        let _ = stop.send(());
    };
    ctrlc::set_handler(on_signal).map_err(|error| format!("cannot handle Ctrl-C: {error}"))?;

    let addr = options.addr.clone();
    let listener = TcpListener::bind(&addr).map_err(|error| format!("cannot listen on {addr}: {error}"))?;
    // If the port was 0, the system has chosen one.
    let addr = listener.local_addr().map_or(addr, |addr| addr.to_string());
    println!("echoing on ws://{addr}/, and a page to try it is at http://{addr}/");

    let server = Arc::new(Server::new(options));
    let accepting = Arc::clone(&server);
    thread::spawn(move || accept(&listener, &accepting));
    // An error would mean that the handler is gone, so that no signal can stop the server any more.
    let _ = stopped.recv();
    server.stop();
    Ok(())
}

/// Gives each connection a thread.
fn accept(listener: &TcpListener, server: &Arc<Server>) {
    loop {
        match listener.accept() {
            Ok((stream, peer)) => start(stream, server, peer.to_string()),
            Err(error) => {
                eprintln!("echo_server: cannot accept a connection: {error}");
                thread::sleep(ACCEPT_PAUSE);
            }
        }
    }
}

fn start(stream: TcpStream, server: &Arc<Server>, peer: String) {
    // Without a place, the stream is dropped, which closes the connection.
    let Some(place) = server.admit() else { return };
    let serve = move || {
        if let Err(error) = session::serve(&stream, &place) {
            eprintln!("{peer}: {error}");
        }
    };
    if let Err(error) = thread::Builder::new().spawn(serve) {
        eprintln!("echo_server: cannot start a thread: {error}");
    }
}

/// How long to wait after an error. The likely reason is that no file descriptor is free until a connection ends.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
