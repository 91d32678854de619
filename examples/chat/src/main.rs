//! A chat with direct messages, and posts that people vote for.
//!
//! ```sh
//! cargo run --release
//! ```
//!
//! Then open the address that it prints, in two windows. `--help` lists the options; README.md says more.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{self, ExitCode};
use std::sync::{Arc, mpsc};
use std::{mem, thread};

use lexopt::Arg::{Long, Short};
use lexopt::ValueExt as _;
use wsproto::{OriginPolicy, Scheme};

use wsproto_chat::chat::{Room, chat};
use wsproto_chat::server::Server;
use wsproto_chat::socket::Options;
use wsproto_chat::store::Store;

const USAGE: &str = "\
usage: wsproto-chat [--listen ADDRESS] [--database FILE] [--origin ORIGIN]

  --listen ADDRESS    default 127.0.0.1:8080
  --database FILE     default chat.db
  --origin ORIGIN     where the page comes from, if a proxy serves it: https://chat.example
";

struct Arguments {
    listen: String,
    database: PathBuf,
    origins: OriginPolicy,
}

fn main() -> ExitCode {
    let arguments = match parse(lexopt::Parser::from_env()) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprint!("wsproto-chat: {error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wsproto-chat: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut parser: lexopt::Parser) -> Result<Option<Arguments>, lexopt::Error> {
    let mut arguments = Arguments {
        listen: "127.0.0.1:8080".to_owned(),
        database: "chat.db".into(),
        origins: OriginPolicy::same_origin(Scheme::Ws),
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("listen") => arguments.listen = parser.value()?.string()?,
            Long("database") => arguments.database = parser.value()?.into(),
            Long("origin") => {
                let origin = parser.value()?.string()?;
                arguments.origins = OriginPolicy::allow([origin])
                    .map_err(|error| format!("the origin is not valid: {error}"))?;
            }
            Long("help") | Short('h') => return Ok(None),
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Some(arguments))
}

/// Serves until Ctrl-C or SIGTERM, then closes each connection with 1001. A second signal ends the program at once.
fn run(Arguments { listen, database, origins }: Arguments) -> Result<(), String> {
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

    let store = Store::open(&database)
        .map_err(|error| format!("cannot open the database {}: {error}", database.display()))?;
    let room = Room::new(store);
    let options =
        Options { max_message_size: MAX_MESSAGE_SIZE, max_queue_size: MAX_QUEUE_SIZE, ..Options::default() };
    let server = Server::new(origins, options, MAX_CONNECTIONS)
        .file("/", "text/html; charset=utf-8", include_str!("../page/index.html"))
        .file("/style.css", "text/css; charset=utf-8", include_str!("../page/style.css"))
        .file("/chat.js", "text/javascript; charset=utf-8", include_str!("../page/chat.js"))
        .route("/chat", move |socket| chat(socket, &room));
    let server = Arc::new(server);

    let listener =
        TcpListener::bind(&listen).map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    // If the port was 0, the system has chosen one.
    let address = listener.local_addr().map_or(listen, |address| address.to_string());
    println!("chat: open http://{address}/");
    let accepting = Arc::clone(&server);
    thread::spawn(move || accepting.accept(&listener));
    // An error would mean that the handler is gone, so that no signal can stop the server any more.
    let _ = stopped.recv();
    server.stop();
    Ok(())
}

/// The longest text has 4000 characters; JSON writes each as 12 bytes at most.
const MAX_MESSAGE_SIZE: usize = 64 << 10;

/// For a page: half of it holds the events that `chat.rs` reads from the database at once.
const MAX_QUEUE_SIZE: usize = 2 << 20;

/// Each has three threads.
const MAX_CONNECTIONS: usize = 256;
