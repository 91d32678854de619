//! A server's handshake: a stream becomes a connection, or is refused (RFC 6455 §4.2).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout};
use wsproto::{
    AcceptConnection, Connection, Extension, Extensions, HandshakeLimits, OriginPolicy, PermessageDeflate,
    ReadBuffer, RejectConnection, RejectData, Request, Role, ServerHandshake, select_subprotocol,
};

use crate::entropy::MaskingKeys;
use crate::error::AcceptError;
use crate::settings::Settings;
use crate::web_socket::WebSocket;

use super::{read_more, within};

/// Accepts connections: what is the same for all connections of a server.
///
/// A clone is cheap, and shares the configuration.
///
/// ```
/// # fn main() -> Result<(), wsproto::UriError> {
/// use wsproto_tokio::wsproto::{OriginPolicy, PermessageDeflate, Scheme};
/// use wsproto_tokio::Server;
///
/// let server = Server::new()
///     .with_subprotocol("chat.v2")
///     .with_subprotocol("chat")
///     .with_origin_policy(OriginPolicy::same_origin(Scheme::Wss))
///     .with_deflate(PermessageDeflate::new())
///     .with_header("Server", "example/1.0");
/// # let _ = server;
/// # Ok(())
/// # }
/// ```
///
/// [`accept`](Self::accept) does the whole handshake. To look at a request, and to decide about it in async code, call
/// [`receive`](Self::receive).
#[derive(Clone, Debug, Default)]
pub struct Server {
    pub(super) config: Arc<Config>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Config {
    pub(super) settings: Settings,
    pub(super) handshake_limits: HandshakeLimits,
    subprotocols: Vec<Box<str>>,
    headers: Vec<(Box<str>, Box<[u8]>)>,
    origins: Option<OriginPolicy>,
    deflate: Option<PermessageDeflate>,
}

impl Config {
    /// Checks where the request comes from.
    pub(super) fn check_origin(&self, request: &Request) -> Result<(), RejectConnection> {
        self.origins.as_ref().map_or(Ok(()), |policy| policy.check(request))
    }

    /// The response that accepts this request: with the subprotocol and the headers of the server.
    pub(super) fn response(&self, request: &Request) -> AcceptConnection {
        let supported: Vec<&str> = self.subprotocols.iter().map(|name| &**name).collect();
        let mut response = AcceptConnection::new();
        if let Some(chosen) = select_subprotocol(&supported, request.subprotocols(), Role::Server) {
            response = response.with_subprotocol(chosen);
        }
        self.headers.iter().fold(response, |response, (name, value)| response.with_header(name, value))
    }

    /// Adds the extensions that are agreed on to the response. Returns what the connection needs, too.
    pub(super) fn agree(&self, response: AcceptConnection, request: &Request) -> (AcceptConnection, Agreed) {
        let supported: Option<&dyn Extension> =
            self.deflate.as_ref().map(|deflate| deflate as &dyn Extension);
        let (response, extensions) = response.with_extensions(supported.as_slice(), request);
        let subprotocol = response.subprotocol().map(Box::from);
        (response, Agreed { extensions, subprotocol, settings: self.settings })
    }
}

/// What was agreed on with a client.
#[derive(Debug)]
pub(super) struct Agreed {
    extensions: Extensions,
    pub(super) subprotocol: Option<Box<str>>,
    settings: Settings,
}

impl Agreed {
    /// Opens the connection; the handshake may have read more into the `buffer`.
    pub(super) fn open<S: AsyncRead + AsyncWrite + Unpin>(
        self,
        stream: S,
        buffer: ReadBuffer,
    ) -> WebSocket<S> {
        let Self { extensions, subprotocol, settings } = self;
        let limits = settings.connection_limits();
        let connection =
            Connection::with_role(Role::Server, limits, MaskingKeys::default()).with_extensions(extensions);
        WebSocket::opened(stream, connection, buffer, settings).with_subprotocol(subprotocol)
    }
}

impl Server {
    /// A server that accepts every valid request, without subprotocols and without compression.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets limits, deadlines and the use of memory.
    #[must_use = "it returns the server with this setting"]
    pub fn with_settings(mut self, settings: Settings) -> Self {
        Arc::make_mut(&mut self.config).settings = settings;
        self
    }

    /// Sets the limits of requests.
    #[must_use = "it returns the server with this setting"]
    pub fn with_handshake_limits(mut self, limits: HandshakeLimits) -> Self {
        Arc::make_mut(&mut self.config).handshake_limits = limits;
        self
    }

    /// Adds a subprotocol after those that were added. The first one that the client offers is chosen.
    #[must_use = "it returns the server with this setting"]
    pub fn with_subprotocol(mut self, subprotocol: &str) -> Self {
        Arc::make_mut(&mut self.config).subprotocols.push(subprotocol.into());
        self
    }

    /// Refuses requests of pages from other origins, with status 403 (RFC 6455 §10.2).
    #[must_use = "it returns the server with this setting"]
    pub fn with_origin_policy(mut self, policy: OriginPolicy) -> Self {
        Arc::make_mut(&mut self.config).origins = Some(policy);
        self
    }

    /// Adds a header to each response that accepts.
    #[must_use = "it returns the server with this setting"]
    pub fn with_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        Arc::make_mut(&mut self.config).headers.push((name.into(), value.as_ref().into()));
        self
    }

    /// Compresses messages, if the client offers it (RFC 7692).
    #[must_use = "it returns the server with this setting"]
    pub fn with_deflate(mut self, deflate: PermessageDeflate) -> Self {
        Arc::make_mut(&mut self.config).deflate = Some(deflate);
        self
    }

    /// Does the whole handshake.
    ///
    /// # Errors
    ///
    /// The request was refused, or the handshake failed. The client was sent the reason, if it is there to read it.
    ///
    /// # If it is dropped
    ///
    /// The stream is dropped, and so is the handshake.
    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> Result<WebSocket<S>, AcceptError> {
        self.receive(stream).await?.accept().await
    }

    /// Does the whole handshake; `decide` looks at the request, and accepts or refuses it.
    ///
    /// It is passed the response that [`accept`](Self::accept) would send, to which it can add headers.
    ///
    /// ```
    /// # async fn run(stream: tokio::net::TcpStream) -> Result<(), wsproto_tokio::AcceptError> {
    /// use wsproto_tokio::wsproto::RejectConnection;
    /// use wsproto_tokio::Server;
    ///
    /// let ws = Server::new()
    ///     .accept_with(stream, |request, response| match request.path() {
    ///         "/chat" => Ok(response.with_header("X-Room", "1")),
    ///         _ => Err(RejectConnection::new(404)),
    ///     })
    ///     .await?;
    /// # let _ = ws;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`accept`](Self::accept).
    pub async fn accept_with<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        decide: impl FnOnce(&Request, AcceptConnection) -> Result<AcceptConnection, RejectConnection>,
    ) -> Result<WebSocket<S>, AcceptError> {
        let incoming = self.receive(stream).await?;
        match decide(incoming.request(), incoming.response()) {
            Ok(response) => incoming.accept_as(response).await,
            Err(reject) => Err(incoming.refuse(reject, b"").await),
        }
    }

    /// Receives and checks a request. The `handshake` timeout counts from here to the response.
    ///
    /// # Errors
    ///
    /// As for [`accept`](Self::accept).
    pub async fn receive<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: S,
    ) -> Result<Incoming<S>, AcceptError> {
        let config = &*self.config;
        let deadline = config.settings.timeouts.handshake.and_then(|limit| Instant::now().checked_add(limit));
        let mut handshake = ServerHandshake::new(config.handshake_limits);
        let mut buffer = ReadBuffer::new();
        let request = match within(deadline, read_request(&mut stream, &mut handshake, &mut buffer)).await {
            Some(Ok(request)) => request,
            Some(Err(error)) => {
                if let AcceptError::Handshake(error) = &error {
                    refuse(&mut stream, &mut handshake, error.response(), b"").await;
                }
                return Err(error);
            }
            None => {
                _ = handshake.receive_eof(); // the request is not complete, so it can only be refused
                refuse(&mut stream, &mut handshake, RejectConnection::new(408), b"").await;
                return Err(AcceptError::Timeout);
            }
        };
        let incoming = Incoming { server: self.clone(), stream, handshake, buffer, request, deadline };
        match config.check_origin(&incoming.request) {
            Err(reject) => Err(incoming.refuse(reject, b"").await),
            Ok(()) => Ok(incoming),
        }
    }
}

/// A request that waits for a decision, from [`Server::receive`].
///
/// ```
/// # async fn is_member(_: Option<&[u8]>) -> bool { true }
/// # async fn run(stream: tokio::net::TcpStream) -> Result<(), wsproto_tokio::AcceptError> {
/// use wsproto_tokio::wsproto::RejectConnection;
/// use wsproto_tokio::Server;
///
/// let incoming = Server::new().receive(stream).await?;
/// if !is_member(incoming.request().headers().get("Cookie")).await {
///     return Err(incoming.refuse(RejectConnection::new(401), b"Log in first.\n").await);
/// }
/// let ws = incoming.accept().await?;
/// # let _ = ws;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "the client waits for a response"]
pub struct Incoming<S> {
    server: Server,
    stream: S,
    handshake: ServerHandshake,
    buffer: ReadBuffer,
    request: Request,
    deadline: Option<Instant>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Incoming<S> {
    /// The request.
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// The transport.
    pub const fn stream(&self) -> &S {
        &self.stream
    }

    /// The response that [`accept`](Self::accept) sends: with the subprotocol and the headers of the server.
    pub fn response(&self) -> AcceptConnection {
        self.server.config.response(&self.request)
    }

    /// Accepts the request.
    ///
    /// # Errors
    ///
    /// The transport failed, or the deadline has passed.
    pub async fn accept(self) -> Result<WebSocket<S>, AcceptError> {
        let response = self.response();
        self.accept_as(response).await
    }

    /// Accepts the request with this response. The agreed extensions are added to it.
    ///
    /// # Errors
    ///
    /// As for [`accept`](Self::accept); and the response is not valid: then the client is sent status 500.
    pub async fn accept_as(mut self, response: AcceptConnection) -> Result<WebSocket<S>, AcceptError> {
        let (response, agreed) = self.server.config.agree(response, &self.request);
        let mut output = Vec::new();
        if let Err(error) = self.handshake.accept(response, &mut output) {
            refuse(&mut self.stream, &mut self.handshake, RejectConnection::new(500), b"").await;
            return Err(AcceptError::Local(error));
        }
        let written = within(self.deadline, async {
            self.stream.write_all(&output).await?;
            self.stream.flush().await
        });
        written.await.ok_or(AcceptError::Timeout)??;
        Ok(agreed.open(self.stream, self.buffer))
    }

    /// Refuses the request, with a body for humans that may be empty; then ends the transport.
    ///
    /// Returns the error to return: [`AcceptError::Refused`], or what went wrong.
    pub async fn refuse(mut self, reject: RejectConnection, body: &[u8]) -> AcceptError {
        let status = reject.status_code();
        match refuse(&mut self.stream, &mut self.handshake, reject, body).await {
            Some(error) => error,
            None => AcceptError::Refused(status),
        }
    }
}

async fn read_request(
    stream: &mut (impl AsyncRead + Unpin),
    handshake: &mut ServerHandshake,
    buffer: &mut ReadBuffer,
) -> Result<Request, AcceptError> {
    loop {
        if let Some(request) = buffer.read_shared(|input| handshake.receive(input))? {
            return Ok(request.clone());
        }
        read_more(stream, buffer).await?;
    }
}

/// Writes a refusal, and reads to the end, so that the client gets all of it. That takes [`REFUSAL`] at most.
async fn refuse(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    handshake: &mut ServerHandshake,
    reject: RejectConnection,
    body: &[u8],
) -> Option<AcceptError> {
    let mut output = Vec::new();
    let reject = if body.is_empty() { reject } else { reject.with_body() };
    let has_body = reject.has_body();
    let mut written = handshake.reject(reject, &mut output);
    if has_body && written.is_ok() {
        written = handshake.reject_data(RejectData { data: body, body_finished: true }, &mut output);
    }
    if let Err(error) = written {
        return Some(AcceptError::Local(error));
    }
    let sent = timeout(REFUSAL, async {
        stream.write_all(&output).await?;
        stream.shutdown().await?;
        let mut dropped = [0; 1024];
        while stream.read(&mut dropped).await? > 0 {}
        Ok::<_, io::Error>(())
    });
    _ = sent.await; // the client may be gone, which changes nothing
    None
}

/// How long a client may take to read a refusal.
const REFUSAL: Duration = Duration::from_secs(2);
