//! `wss`: rustls under a blocking socket, a server and a client in one program.
//!
//! Whatever reads and writes is a transport for the core, so the loop of both sides is the same function. At the end,
//! TLS wants a close of its own: `close_notify` is sent after the WebSocket close frame, and without the peer's the end
//! counts as cut off. The server's certificate is made at the start; a real server reads one from a file.
//!
//! Run it: `cargo run -p wsproto-tls-example` (the client asks the server in the same process),
//! or one of them: `… -- serve 127.0.0.1:9443 CERT.pem` writes the certificate there, `… -- ask wss://localhost:9443/ CERT.pem`.

use std::env;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::ops::DerefMut;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, ConnectionCommon, RootCertStore, ServerConfig, ServerConnection,
    SideData, StreamOwned,
};
use wsproto::{
    AcceptConnection, ClientHandshake, CloseCode, CloseConnection, Connection, Entropy, HandshakeLimits,
    HandshakeResponse, Keepalive, Limits, Message, Messages, ReadBuffer, Request, SeededEntropy,
    ServerHandshake, TextMessage, Timeouts, TransportAction, WebSocketUri,
};

fn main() -> io::Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            let (config, certificate) = server_config()?;
            let listener = TcpListener::bind("127.0.0.1:0")?;
            let uri = format!("wss://localhost:{}/", listener.local_addr()?.port());
            thread::spawn(move || serve(&listener, &config));
            println!("{}", ask(&uri, &read_pem(certificate.as_bytes())?, "Hello")?);
            Ok(())
        }
        ["serve", address, file] => {
            let (config, certificate) = server_config()?;
            fs::write(file, certificate)?;
            let listener = TcpListener::bind(address)?;
            println!("wss://localhost:{}/", listener.local_addr()?.port());
            serve(&listener, &config);
            Ok(())
        }
        ["ask", uri, file] => {
            println!("{}", ask(uri, &read_pem(&fs::read(file)?)?, "Hello")?);
            Ok(())
        }
        _ => {
            Err(io::Error::new(ErrorKind::InvalidInput, "usage: [serve ADDRESS CERT.pem | ask URI CERT.pem]"))
        }
    }
}

/// A server's configuration, and its certificate for `localhost` as PEM.
fn server_config() -> io::Result<(Arc<ServerConfig>, String)> {
    let made = rcgen::generate_simple_self_signed(["localhost".into()]).map_err(io::Error::other)?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).map_err(io::Error::other)?;
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![made.cert.der().clone()], key).map_err(io::Error::other)?;
    Ok((Arc::new(config), made.cert.pem()))
}

fn read_pem(pem: &[u8]) -> io::Result<CertificateDer<'static>> {
    CertificateDer::from_pem_slice(pem).map_err(io::Error::other)
}

fn serve(listener: &TcpListener, config: &Arc<ServerConfig>) {
    let open = Arc::new(());
    for accepted in listener.incoming() {
        let socket = match accepted {
            Ok(socket) => socket,
            Err(error) => {
                eprintln!("accept: {error}"); // too many open files, for example
                thread::sleep(Duration::from_millis(100));
                continue;
            }
        };
        let (config, open) = (Arc::clone(config), Arc::clone(&open));
        if Arc::strong_count(&open) > MAX_CONNECTIONS {
            continue; // dropping the socket closes it
        }
        thread::spawn(move || {
            if let Err(error) = serve_one(socket, config) {
                eprintln!("{error}");
            }
            drop(open);
        });
    }
}

/// Sends each message of one client back to it.
fn serve_one(socket: TcpStream, config: Arc<ServerConfig>) -> io::Result<()> {
    let tls = ServerConnection::new(config).map_err(io::Error::other)?;
    // The deadline is for the handshakes of TLS and of the WebSocket together.
    let mut stream = StreamOwned::new(tls, Timed::new(socket, HANDSHAKE_TIMEOUT)?);
    let (mut buffer, mut output) = (ReadBuffer::new(), Vec::new());
    let mut handshake = ServerHandshake::new(HandshakeLimits::default());
    loop {
        let len = stream.read(buffer.space())?;
        if len == 0 {
            return Ok(());
        }
        buffer.filled(len)?;
        match buffer.read_shared(|input| handshake.receive(input)) {
            Ok(None) => {}
            Ok(Some(_)) => break handshake.accept(AcceptConnection::new(), &mut output)?,
            Err(error) => {
                handshake.reject(error.response(), &mut output)?;
                stream.write_all(&output)?;
                return end(&mut stream);
            }
        }
    }
    stream.write_all(&output)?;
    run(&mut stream, Connection::server(Limits::default()), buffer, |ws| {
        let (mut incoming, mut outgoing) = ws.split();
        while let Some(message) = incoming.next_message() {
            outgoing.send(message)?;
        }
        Ok(())
    })
}

/// Sends a text, and returns the first one that comes back.
fn ask(uri: &str, root: &CertificateDer<'_>, text: &str) -> io::Result<String> {
    let uri: WebSocketUri = uri.parse().map_err(io::Error::other)?;
    let mut roots = RootCertStore::empty();
    roots.add(root.clone().into_owned()).map_err(io::Error::other)?;
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(uri.host().to_owned()).map_err(io::Error::other)?;
    let tls = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    let socket = TcpStream::connect((uri.host(), uri.port()))?;
    let mut stream = StreamOwned::new(tls, Timed::new(socket, HANDSHAKE_TIMEOUT)?);

    let (mut buffer, mut output, mut entropy) = (ReadBuffer::new(), Vec::new(), SeededEntropy::new());
    let request = Request::from_uri(&uri);
    let mut handshake = ClientHandshake::new(request, HandshakeLimits::default(), &mut entropy, &mut output)?;
    stream.write_all(&output)?;
    loop {
        let len = stream.read(buffer.space())?;
        buffer.filled(len)?;
        match buffer.read_shared(|input| handshake.receive(input))? {
            None if len == 0 => return Err(ErrorKind::UnexpectedEof.into()),
            None => {}
            Some(HandshakeResponse::Accept(_)) => break,
            Some(_) => return Err(io::Error::other("the server has refused the request")),
        }
    }
    let mut connection = Connection::client(Limits::default(), entropy);
    output.clear();
    connection.send(TextMessage::from(text), &mut output)?;
    stream.write_all(&output)?;
    let mut answer = None;
    run(&mut stream, connection, buffer, |ws| {
        let (mut incoming, mut outgoing) = ws.split();
        while let Some(message) = incoming.next_message() {
            if let (Message::Text(text), None) = (message, &answer) {
                answer = Some(text.to_owned());
                outgoing.send(CloseConnection::new(CloseCode::NORMAL_CLOSURE, ""))?;
            }
        }
        Ok(())
    })?;
    answer.ok_or_else(|| io::Error::other("no answer"))
}

/// An open connection, from its first message to the end of TLS and of TCP.
///
/// It writes before it reads again. A peer that does not take in `WRITE_TIMEOUT` what rustls encrypts at once (64 KiB) is
/// given up.
fn run<C, D, E>(
    stream: &mut StreamOwned<C, Timed>,
    connection: Connection<E>,
    buffer: ReadBuffer,
    mut handle: impl FnMut(&mut Messages<E>) -> io::Result<()>,
) -> io::Result<()>
where
    C: DerefMut<Target = ConnectionCommon<D>>,
    D: SideData,
    E: Entropy,
{
    let start = Instant::now();
    let keepalive = Keepalive::new(Timeouts::default(), Duration::ZERO);
    let mut ws = Messages::new(connection, buffer).with_keepalive(keepalive);
    loop {
        handle(&mut ws)?;
        let due = ws.poll(start.elapsed());
        while !ws.output().is_empty() {
            stream.sock.set_deadline(WRITE_TIMEOUT);
            let len = stream.write(ws.output())?; // as much as rustls takes at once
            stream.flush()?;
            ws.written(len);
        }
        if ws.transport_action() == TransportAction::Close {
            println!("closed: {:?}", ws.close_info());
            return end(stream);
        }
        // A client reads on after both close frames: the server ends the transport first.
        let due = due.map_err(|timeout| io::Error::new(ErrorKind::TimedOut, format!("{timeout:?}")))?;
        stream.sock.set_deadline(due.map_or(FAR, |due| due.saturating_sub(start.elapsed())));
        match stream.read(ws.space()) {
            Ok(len) => ws.filled(len)?, // 0 is the peer's `close_notify`
            // TCP has ended without one. The close frames show whether something is missing: without, it is 1006.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => ws.receive_eof(),
            Err(error) if is_timeout(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Ends TLS, then this direction of TCP, and reads what still comes, so that TCP does not drop what was sent.
fn end<C, D>(stream: &mut StreamOwned<C, Timed>) -> io::Result<()>
where
    C: DerefMut<Target = ConnectionCommon<D>>,
    D: SideData,
{
    stream.sock.set_deadline(CLOSE_TIMEOUT);
    stream.conn.send_close_notify();
    let mut rest = [0; 4096];
    let ended = stream.flush().and_then(|()| stream.sock.socket.shutdown(Shutdown::Write)).and_then(|()| {
        while stream.read(&mut rest)? > 0 {}
        Ok(())
    });
    match ended {
        // The close frames were exchanged: nothing is missing if the peer is gone already.
        Err(error) if error.kind() != ErrorKind::TimedOut && !is_timeout(&error) => Ok(()),
        ended => ended,
    }
}

/// A socket whose reads and writes have one deadline, however many of them TLS needs.
struct Timed {
    socket: TcpStream,
    deadline: Instant,
}

impl Timed {
    fn new(socket: TcpStream, timeout: Duration) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        let mut timed = Self { socket, deadline: Instant::now() };
        timed.set_deadline(timeout);
        Ok(timed)
    }

    fn set_deadline(&mut self, timeout: Duration) {
        let now = Instant::now();
        self.deadline = now.checked_add(timeout).unwrap_or(now);
    }

    fn left(&self) -> io::Result<Option<Duration>> {
        match self.deadline.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(ErrorKind::TimedOut.into()),
            left => Ok(Some(left)),
        }
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(self.left()?)?;
        self.socket.read(buffer)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(self.left()?)?;
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

/// Systems report the end of a socket's timeout in two ways.
fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

const MAX_CONNECTIONS: usize = 1000;
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
const FAR: Duration = Duration::from_secs(1 << 30);
