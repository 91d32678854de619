//! A server's handshake over another HTTP stack, such as hyper or axum, by the types of the `http` crate.

use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use wsproto::{AcceptConnection, ReadBuffer, RejectConnection, ResponseParts, ServerUpgrade};

use crate::error::AcceptError;
use crate::web_socket::WebSocket;

use super::Server;
use super::server::Agreed;

/// With feature `http`.
impl Server {
    /// Checks a request that hyper, axum or another stack has received, and makes the response.
    ///
    /// Return the response to the stack. Once the stack has upgraded its connection, make a [`WebSocket`] of it by
    /// [`HttpUpgrade::open`]. It is for HTTP/1.1.
    ///
    /// ```
    /// use http::{Request, Response};
    /// use wsproto_tokio::{HttpUpgrade, Server};
    ///
    /// /// `B` is the stack's type of bodies, such as `axum::body::Body`.
    /// fn answer<B: Default + Send + 'static>(server: &Server, request: Request<B>) -> Response<B> {
    ///     let (response, upgrade) = match server.accept_http(&request) {
    ///         Ok(accepted) => accepted,
    ///         Err(refused) => return refused.response.map(|()| B::default()),
    ///     };
    ///     tokio::spawn(async move {
    ///         // With hyper, and so with axum: TokioIo::new(hyper::upgrade::on(request).await?)
    /// #       async fn upgrade_of<B>(_: Request<B>) -> std::io::Result<tokio::io::Empty> { Ok(tokio::io::empty()) }
    ///         let stream = upgrade_of(request).await?;
    ///         let mut ws = upgrade.open(stream);
    ///         while let Some(message) = ws.recv().await? {
    ///             ws.send(message).await?;
    ///         }
    ///         Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    ///     });
    ///     response.map(|()| B::default())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), http::Error> {
    /// let request = Request::get("/chat")
    ///     .header("Host", "server.example.com")
    ///     .header("Upgrade", "websocket")
    ///     .header("Connection", "Upgrade")
    ///     .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
    ///     .header("Sec-WebSocket-Version", "13")
    ///     .body(String::new())?;
    /// assert_eq!(answer(&Server::new(), request).status(), 101);
    /// assert_eq!(answer(&Server::new(), Request::new(String::new())).status(), 400);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The request is not valid, or was refused by the policy of origins: the response says so.
    pub fn accept_http<B>(
        &self,
        request: &Request<B>,
    ) -> Result<(Response<()>, HttpUpgrade), Box<HttpRefusal>> {
        self.accept_http_with(request, |_, response| Ok(response))
    }

    /// As [`accept_http`](Self::accept_http); `decide` looks at the request, and accepts or refuses it.
    ///
    /// It is passed the response that [`accept_http`](Self::accept_http) would make, to which it can add headers.
    ///
    /// # Errors
    ///
    /// As for [`accept_http`](Self::accept_http); and what `decide` returns: if it is not valid, the status is 500.
    pub fn accept_http_with<B>(
        &self,
        request: &Request<B>,
        decide: impl FnOnce(&wsproto::Request, AcceptConnection) -> Result<AcceptConnection, RejectConnection>,
    ) -> Result<(Response<()>, HttpUpgrade), Box<HttpRefusal>> {
        let config = &*self.config;
        let upgrade = ServerUpgrade::parse_http(request, config.handshake_limits)
            .map_err(|error| HttpRefusal::new(error.response(), AcceptError::Handshake(error)))?;
        let request = upgrade.request();
        let response = config
            .check_origin(request)
            .and_then(|()| decide(request, config.response(request)))
            .map_err(|reject| {
                let status = reject.status_code();
                HttpRefusal::new(reject, AcceptError::Refused(status))
            })?;
        let (response, agreed) = config.agree(response, request);
        let parts = upgrade
            .accept(response)
            .map_err(|error| HttpRefusal::new(RejectConnection::new(500), AcceptError::Local(error)))?;
        Ok((to_http(parts), HttpUpgrade(agreed)))
    }
}

/// What was agreed on with a client, from [`Server::accept_http`]: it makes a [`WebSocket`] of the upgraded stream.
#[derive(Debug)]
#[must_use = "the client waits for messages on the upgraded stream"]
pub struct HttpUpgrade(Agreed);

/// A request that was refused, from [`Server::accept_http`]: the response to return, and why.
#[derive(Debug)]
pub struct HttpRefusal {
    /// The response; a body can be [mapped](Response::map) into it. The stack says how long the body is.
    pub response: Response<()>,
    /// Why it was refused, for the log.
    pub error: AcceptError,
}

impl HttpUpgrade {
    /// The subprotocol that was agreed on.
    pub fn subprotocol(&self) -> Option<&str> {
        self.0.subprotocol.as_deref()
    }

    /// Opens the connection over the stream that the stack has upgraded.
    ///
    /// If the stack returns the stream and the bytes that it has read after the request apart, chain them: hyper's
    /// `Upgraded` returns these bytes by itself.
    pub fn open<S: AsyncRead + AsyncWrite + Unpin>(self, stream: S) -> WebSocket<S> {
        self.0.open(stream, ReadBuffer::new())
    }
}

impl HttpRefusal {
    fn new(reject: RejectConnection, error: AcceptError) -> Box<Self> {
        let (parts, error) = match ServerUpgrade::reject(reject) {
            Ok(parts) => (Some(parts), error),
            Err(local) => (ServerUpgrade::reject(RejectConnection::new(500)).ok(), AcceptError::Local(local)),
        };
        let mut response = parts.map_or_else(internal_error, to_http);
        // It says that there is no body. The stack adds it for the body that it sends.
        response.headers_mut().remove(http::header::CONTENT_LENGTH);
        Box::new(Self { response, error })
    }
}

fn to_http(parts: ResponseParts) -> Response<()> {
    // It cannot fail: the core has checked the status, the names and the values.
    Response::try_from(parts).unwrap_or_else(|_| internal_error())
}

fn internal_error() -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
    response
}
