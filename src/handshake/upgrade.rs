//! An upgrade over HTTP/1.1 whose bytes another HTTP stack reads and writes (RFC 6455 §4).

use crate::accept_token::{AcceptToken, SecWebSocketKey, generate_accept_token};
use crate::entropy::Entropy;
use crate::error::{HandshakeError, LocalProtocolError};
use crate::http::{FieldGatherer, Headers, HttpVersion, RequestHead, ResponseHead, check_status};
use crate::limits::HandshakeLimits;

use super::accept::AcceptConnection;
use super::client::{self, HandshakeResponse};
use super::fields::{CONTENT_LENGTH, KEY, NOT_MODIFIED};
use super::parts::{ResponseParts, push_all, push_choice, request_headers};
use super::reject::RejectConnection;
use super::request::{Offers, Request};
use super::request_check;
use super::response_check::{check_accept, check_reject};
use super::response_reader::refusal;
use super::server::ServerHandshake;

/// A server's upgrade over another stack's HTTP/1.1: a request that is valid, and the response to it.
///
/// The rules are those of [`ServerHandshake`], but the method, target, status and headers are values in place of bytes.
/// It has no state: the stack knows what was sent. Bytes after the heads belong to the
/// [`Connection`](crate::Connection).
///
/// ```
/// use wsproto::{AcceptConnection, HandshakeLimits, HttpVersion, ServerUpgrade};
///
/// let headers = [
///     ("host", "server.example.com"),
///     ("upgrade", "websocket"),
///     ("connection", "Upgrade"),
///     ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
///     ("sec-websocket-version", "13"),
/// ];
/// let limits = HandshakeLimits::default();
/// let parts = match ServerUpgrade::parse("GET", "/chat", HttpVersion::Http11, headers, limits) {
///     Ok(upgrade) => upgrade.accept(AcceptConnection::new())?,
///     Err(error) => ServerUpgrade::reject(error.response())?,
/// };
/// assert_eq!(parts.status_code(), 101);
/// assert_eq!(parts.headers().get("Sec-WebSocket-Accept"), Some(&b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="[..]));
/// # Ok::<(), wsproto::LocalProtocolError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ServerUpgrade {
    limits: HandshakeLimits,
    request: Request,
    key: SecWebSocketKey,
    accept_token: AcceptToken,
}

/// A client's upgrade over another stack's HTTP/1.1: a request to send, and the check of the response.
///
/// The rules are those of [`ClientHandshake`](crate::ClientHandshake), but the target, status and headers are values in
/// place of bytes. It has no state: the stack knows what was sent. Bytes after the heads belong to the
/// [`Connection`](crate::Connection).
///
/// ```
/// use wsproto::{HandshakeResponse, ClientUpgrade, HandshakeLimits, HttpVersion, Request};
/// # struct Sample;
/// # impl wsproto::Entropy for Sample {
/// #     fn fill(&mut self, bytes: &mut [u8]) { bytes.copy_from_slice(b"the sample nonce"); }
/// # }
///
/// let request = Request::new("server.example.com", "/chat");
/// let upgrade = ClientUpgrade::new(request, HandshakeLimits::default(), &mut Sample)?;
/// // Send the method GET, upgrade.request().target(), and these:
/// assert_eq!(upgrade.headers().get("Sec-WebSocket-Key"), Some(&b"dGhlIHNhbXBsZSBub25jZQ=="[..]));
///
/// let headers = [
///     ("upgrade", "websocket"),
///     ("connection", "upgrade"),
///     ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
/// ];
/// let answer = upgrade.receive_response(101, HttpVersion::Http11, headers)?;
/// assert!(matches!(answer, Some(HandshakeResponse::Accept(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClientUpgrade {
    limits: HandshakeLimits,
    request: Request,
    offers: Offers,
    key: SecWebSocketKey,
    accept_token: AcceptToken,
}

impl ServerUpgrade {
    /// Checks a request that another stack has parsed.
    ///
    /// `target` is what the request line has. Names and values are anything that has bytes, such as `&str`, `Vec<u8>`,
    /// or the `http` crate's; one pair for each header line. They count as many bytes as they would have in HTTP/1.1.
    ///
    /// # Errors
    ///
    /// The rule that the client broke; [`reject`](Self::reject) its [`response`](HandshakeError::response).
    #[doc(alias = "initiate_upgrade_connection")]
    pub fn parse<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        method: &str,
        target: &str,
        version: HttpVersion,
        headers: impl IntoIterator<Item = (N, V)>,
        limits: HandshakeLimits,
    ) -> Result<Self, HandshakeError> {
        let mut fields = FieldGatherer::new(limits);
        for part in [method, " ", target, " HTTP/1.1\r\n", "\r\n"] {
            fields.count(part.len())?;
        }
        fields.add_all(headers)?;
        let mut headers = fields.finish();
        let method = headers.add_bytes(method.as_bytes());
        let target = headers.add_bytes(target.as_bytes());
        let head = RequestHead { method, target, version: minor(version), headers };
        let (request, accept_token) = request_check::check(&head)?.into_request(head);
        let key = request
            .headers()
            .get(KEY)
            .and_then(SecWebSocketKey::received)
            .ok_or(HandshakeError::InvalidKey)?;
        Ok(Self { limits, request, key, accept_token })
    }

    /// The request.
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// Makes the response that opens the connection: status 101.
    ///
    /// # Errors
    ///
    /// A subprotocol or an extension was not offered, or a header is malformed or reserved.
    pub fn accept(&self, accept: AcceptConnection) -> Result<ResponseParts, LocalProtocolError> {
        check_accept(&self.request, &accept)?;
        let mut headers = Headers::default();
        headers.push("Upgrade", b"websocket");
        headers.push("Connection", b"Upgrade");
        headers.push("Sec-WebSocket-Accept", self.accept_token.as_bytes());
        push_choice(&mut headers, &accept);
        Ok(ResponseParts::new(101, headers))
    }

    /// Makes the response that refuses a connection.
    ///
    /// The stack sends its body, if it has one, and adds the headers that say how the body is framed and whether the
    /// transport is kept.
    ///
    /// # Errors
    ///
    /// The status is outside 300 to 599, a length is not the body's, or a header is malformed or reserved.
    pub fn reject(reject: RejectConnection) -> Result<ResponseParts, LocalProtocolError> {
        let framing = check_reject(&reject)?;
        let mut headers = Headers::default();
        // A sender of Upgrade lists it in Connection as well (RFC 9110 §7.8).
        let upgrades = reject.headers().get("Upgrade").is_some();
        let closes = reject.headers().list("Connection").any(|option| option.eq_ignore_ascii_case(b"close"));
        match (upgrades, closes) {
            (true, true) => _ = headers.push("Connection", b"Upgrade, close"),
            (true, false) => _ = headers.push("Connection", b"Upgrade"),
            (false, true) => _ = headers.push("Connection", b"close"),
            (false, false) => {}
        }
        if framing.is_none() && reject.status_code() != NOT_MODIFIED {
            headers.push(CONTENT_LENGTH, b"0");
        }
        push_all(&mut headers, reject.extra_headers());
        Ok(ResponseParts::new(reject.status_code(), headers))
    }
}

impl ClientUpgrade {
    /// Makes a request, with a key drawn from `entropy`.
    ///
    /// # Errors
    ///
    /// A host, a target, a subprotocol or a header is malformed, or a header is reserved. No entropy was drawn then.
    pub fn new(
        request: Request,
        limits: HandshakeLimits,
        entropy: &mut impl Entropy,
    ) -> Result<Self, LocalProtocolError> {
        request.check()?;
        let key = SecWebSocketKey::generate(entropy);
        let accept_token = generate_accept_token(key.as_bytes());
        Ok(Self { limits, request, offers: Offers::Built, key, accept_token })
    }

    /// The request.
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// All headers of the request, to be sent in order with the method GET and the request's
    /// [target](Request::target).
    ///
    /// The order is that of [`Request::with_header_order`], if it was set.
    pub fn headers(&self) -> Headers {
        request_headers(&self.request, self.offers, &self.key)
    }

    /// Checks a response that another stack has parsed.
    ///
    /// Returns `None` for an informational one: the response is still to come. The
    /// [`has_body`](RejectConnection::has_body) of a refusal says that a body may follow, which the stack reads.
    ///
    /// # Errors
    ///
    /// The rule that the server broke; close the transport (§4.1).
    pub fn receive_response<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        status_code: u16,
        version: HttpVersion,
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Option<HandshakeResponse<'static>>, HandshakeError> {
        check_status(status_code)?;
        let mut fields = FieldGatherer::new(self.limits);
        fields.count("HTTP/1.1 200 \r\n\r\n".len())?;
        fields.add_all(headers)?;
        let head = ResponseHead { status_code, version: minor(version), headers: fields.finish() };
        Ok(match status_code {
            101 => Some(HandshakeResponse::Accept(client::check(
                &self.request,
                self.offers,
                &self.accept_token,
                head,
            )?)),
            100..=199 => None,
            _ => Some(HandshakeResponse::Reject(refusal(head, self.limits)?.0)),
        })
    }
}

/// The same request, forwarded with its key and its offers: for a proxy that sees the server's response too.
impl From<ServerUpgrade> for ClientUpgrade {
    fn from(upgrade: ServerUpgrade) -> Self {
        let ServerUpgrade { limits, request, key, accept_token } = upgrade;
        Self { limits, request, offers: Offers::Named, key, accept_token }
    }
}

/// A handshake that has received this request, and writes the response as bytes.
impl From<ServerUpgrade> for ServerHandshake {
    fn from(upgrade: ServerUpgrade) -> Self {
        Self::deciding(upgrade.limits, upgrade.request, upgrade.accept_token)
    }
}

/// The minor version of HTTP/1; for other versions than HTTP/1.1, one that is refused.
fn minor(version: HttpVersion) -> u8 {
    u8::from(version == HttpVersion::Http11)
}
