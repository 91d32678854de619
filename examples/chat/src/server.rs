//! HTTP with a thread for each connection: files, and routes to handlers that get a [`Socket`].

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use wsproto::{
    CloseCode, HandshakeError, HandshakeLimits, LocalProtocolError, OriginPolicy, ReadBuffer,
    RejectConnection, ServerHandshake,
};

use crate::socket::{ConnectionClosed, Options, Socket, SocketSender};

/// Serves files and handlers.
pub struct Server {
    files: Vec<File>,
    routes: Vec<(&'static str, Box<Handler>)>,
    origins: OriginPolicy,
    options: Options,
    max_connections: usize,
    connections: Mutex<Connections>,
    ended: Condvar,
}

type Handler = dyn Fn(&mut Socket) -> Result<(), ConnectionClosed> + Send + Sync;

/// A file that is part of the program.
struct File {
    path: &'static str,
    content_type: &'static str,
    content: &'static str,
}

#[derive(Default)]
struct Connections {
    count: usize,
    /// How many are open, or are about to be.
    upgraded: usize,
    open: Vec<(usize, SocketSender)>,
    last_id: usize,
    stopping: bool,
}

impl Server {
    /// A server that lets pages of these `origins` connect, and serves at most `max_connections` at once.
    pub fn new(origins: OriginPolicy, options: Options, max_connections: usize) -> Self {
        Self {
            files: Vec::new(),
            routes: Vec::new(),
            origins,
            options,
            max_connections,
            connections: Mutex::default(),
            ended: Condvar::new(),
        }
    }

    /// Serves `content` at `path`.
    #[must_use]
    pub fn file(mut self, path: &'static str, content_type: &'static str, content: &'static str) -> Self {
        self.files.push(File { path, content_type, content });
        self
    }

    /// Calls `handler` for each connection to `path`, in a thread of its own. When it returns, the socket is closed.
    #[must_use]
    pub fn route(
        mut self,
        path: &'static str,
        handler: impl Fn(&mut Socket) -> Result<(), ConnectionClosed> + Send + Sync + 'static,
    ) -> Self {
        self.routes.push((path, Box::new(handler)));
        self
    }

    /// Gives each connection a thread, for as long as the program runs.
    pub fn accept(self: &Arc<Self>, listener: &TcpListener) {
        loop {
            match listener.accept() {
                Ok((stream, _)) => self.start(stream),
                Err(error) => {
                    eprintln!("chat: cannot accept a connection: {error}");
                    thread::sleep(ACCEPT_PAUSE);
                }
            }
        }
    }

    /// Closes all sockets with 1001, and waits until their handlers have returned and their peers have closed too.
    /// Connections that are not open end with the program.
    pub fn stop(&self) {
        let mut connections = self.connections();
        connections.stopping = true;
        for (_, socket) in &connections.open {
            send_going_away(socket);
        }
        let patience = self.options.close_timeout.saturating_add(self.options.write_timeout);
        drop(self.ended.wait_timeout_while(connections, patience, |connections| connections.upgraded > 0));
    }

    fn start(self: &Arc<Self>, stream: TcpStream) {
        // Without a place, the stream is dropped, which closes the connection.
        let Some(place) = self.admit() else { return };
        let serve = move || {
            // An error means that the client has left, or was too slow, before the connection was open.
            let _ = place.0.serve(stream);
        };
        if let Err(error) = thread::Builder::new().spawn(serve) {
            eprintln!("chat: cannot start a thread: {error}");
        }
    }

    fn admit(self: &Arc<Self>) -> Option<Place> {
        let mut connections = self.connections();
        if connections.stopping || connections.count >= self.max_connections {
            return None;
        }
        connections.count = connections.count.saturating_add(1);
        Some(Place(Arc::clone(self)))
    }

    /// Serves a connection until it ends.
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        let deadline = after(HANDSHAKE_TIMEOUT);
        let mut handshake = ServerHandshake::new(HandshakeLimits::default());
        let mut buffer = ReadBuffer::new();
        let answer = loop {
            let len = read(&stream, buffer.space(), deadline)?;
            if len == 0 {
                return Ok(());
            }
            buffer.filled(len)?;
            match buffer.read_shared(|input| handshake.receive(input).map(|request| request.is_some())) {
                Ok(false) => {}
                Ok(true) => match self.find(&handshake) {
                    Ok(handler) => return self.open(stream, &mut handshake, buffer, handler),
                    Err(reject) => break refusal(&mut handshake, reject)?,
                },
                Err(error) => break self.answer(&mut handshake, error)?,
            }
        };
        write(&stream, &answer, deadline)?;
        stream.shutdown(Shutdown::Write)?;
        // If a socket is closed with unread bytes in it, the client may lose the answer.
        let mut unread = [0; 1024];
        while read(&stream, &mut unread, deadline)? > 0 {}
        Ok(())
    }

    /// The handler for the request, if it may have one.
    fn find(&self, handshake: &ServerHandshake) -> Result<&Handler, RejectConnection> {
        let request = handshake.request().ok_or_else(|| RejectConnection::new(400))?;
        self.origins.check(request)?;
        let route = self.routes.iter().find(|(path, _)| *path == request.path());
        route.map(|(_, handler)| &**handler).ok_or_else(|| RejectConnection::new(404))
    }

    /// Opens the connection, and runs its handler.
    fn open(
        &self,
        stream: TcpStream,
        handshake: &mut ServerHandshake,
        buffer: ReadBuffer,
        handler: &Handler,
    ) -> io::Result<()> {
        // It is dropped last: `stop` waits for the end of the socket.
        let Some(entry) = self.enter() else { return Ok(()) };
        let mut socket = Socket::accept(stream, handshake, buffer, &self.options)?;
        entry.open(socket.sender());
        // The handler learns how the connection has ended; here it does not matter.
        let _ = handler(&mut socket);
        Ok(())
    }

    /// A place in the list of open connections; `None` if the server stops.
    fn enter(&self) -> Option<Entry<'_>> {
        let mut connections = self.connections();
        if connections.stopping {
            return None;
        }
        connections.upgraded = connections.upgraded.saturating_add(1);
        connections.last_id = connections.last_id.wrapping_add(1);
        Some(Entry { server: self, id: connections.last_id })
    }

    /// Answers a request that does not ask for a WebSocket: a file, or a refusal.
    fn answer(
        &self,
        handshake: &mut ServerHandshake,
        error: HandshakeError,
    ) -> Result<Vec<u8>, LocalProtocolError> {
        let head = match (error, handshake.refused_head()) {
            (HandshakeError::MissingUpgrade | HandshakeError::MethodNotGet, Some(head)) => head,
            _ => return refusal(handshake, error.response()),
        };
        let path = head.target().split('?').next().unwrap_or_default();
        Ok(match (self.files.iter().find(|file| file.path == path), head.method()) {
            (Some(file), "GET") => response("200 OK", file.content_type, file.content, true),
            (Some(file), "HEAD") => response("200 OK", file.content_type, file.content, false),
            (Some(_), _) => response("405 Method Not Allowed\r\nAllow: GET, HEAD", TEXT, "Use GET.\n", true),
            (None, method) => response("404 Not Found", TEXT, "There is nothing here.\n", method != "HEAD"),
        })
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The permission to serve one connection; dropping it makes room for another.
struct Place(Arc<Server>);

impl Drop for Place {
    fn drop(&mut self) {
        let mut connections = self.0.connections();
        connections.count = connections.count.saturating_sub(1);
    }
}

/// A place in the list of sockets that `stop` closes and waits for.
struct Entry<'a> {
    server: &'a Server,
    id: usize,
}

impl Entry<'_> {
    fn open(&self, socket: SocketSender) {
        let mut connections = self.server.connections();
        if connections.stopping {
            send_going_away(&socket);
        }
        connections.open.push((self.id, socket));
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let mut connections = self.server.connections();
        connections.open.retain(|(id, _)| *id != self.id);
        connections.upgraded = connections.upgraded.saturating_sub(1);
        drop(connections);
        self.server.ended.notify_all();
    }
}

fn send_going_away(socket: &SocketSender) {
    // The code can be sent and the reason is short, so that nothing is left to fail.
    let _ = socket.close(CloseCode::GOING_AWAY, "the server stops");
}

fn refusal(handshake: &mut ServerHandshake, reject: RejectConnection) -> Result<Vec<u8>, LocalProtocolError> {
    let mut output = Vec::new();
    handshake.reject(reject, &mut output)?;
    Ok(output)
}

/// A response to a request that is not for a WebSocket. The connection ends after it.
fn response(status: &str, content_type: &str, content: &str, has_body: bool) -> Vec<u8> {
    let body = if has_body { content } else { "" };
    format!(
        "HTTP/1.1 {status}\r\n\
         Connection: close\r\n\
         Content-Type: {content_type}\r\n\
         Content-Length: {}\r\n\
         Cache-Control: no-cache\r\n\
         X-Content-Type-Options: nosniff\r\n\
         Referrer-Policy: no-referrer\r\n\
         Content-Security-Policy: {POLICY}\r\n\
         \r\n\
         {body}",
        content.len()
    )
    .into_bytes()
}

/// Reads once, before the deadline. A timeout of a socket is for one call: with it alone, a client that sends one byte
/// every second is never disconnected.
fn read(mut stream: &TcpStream, buffer: &mut [u8], deadline: Instant) -> io::Result<usize> {
    loop {
        stream.set_read_timeout(Some(left(deadline)?))?;
        match stream.read(buffer) {
            Err(error) if is_temporary(&error) => {}
            result => return result,
        }
    }
}

/// Writes all of `bytes` before the deadline.
fn write(mut stream: &TcpStream, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.set_write_timeout(Some(left(deadline)?))?;
        match stream.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(len) => bytes = bytes.get(len..).unwrap_or_default(),
            Err(error) if is_temporary(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn after(timeout: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(timeout).unwrap_or(now)
}

/// The time until `deadline`; an error if it has passed.
fn left(deadline: Instant) -> io::Result<Duration> {
    match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(ErrorKind::TimedOut.into()),
        left => Ok(left),
    }
}

const TEXT: &str = "text/plain; charset=utf-8";

/// The page uses its own script, style and socket, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// From the first byte of a request to the last of the answer.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait after an error. The likely reason is that no file descriptor is free until a connection ends.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
