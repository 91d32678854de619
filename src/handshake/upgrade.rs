//! An upgrade over HTTP/1.1 whose bytes another HTTP stack reads and writes (RFC 6455 §4).

use crate::accept_token::{AcceptToken, SecWebSocketKey, generate_accept_token};
use crate::entropy::Entropy;
use crate::error::{HandshakeError, LocalProtocolError};
use crate::http::{FieldGatherer, Headers, HttpVersion, RequestHead, ResponseHead, check_status};
use crate::limits::HandshakeLimits;

use super::client::{self, HandshakeResponse};
use super::events::{AcceptConnection, CONTENT_LENGTH, KEY, NOT_MODIFIED, Offers, RejectConnection, Request};
use super::parts::{ResponseParts, push_all, push_choice, push_offer};
use super::server::{self, ServerHandshake};

/// A request to upgrade, from which the answer can be made or judged, over another stack's HTTP/1.1.
///
/// The rules are those of [`ServerHandshake`] and [`ClientHandshake`](crate::ClientHandshake); only that
/// methods, targets, statuses and headers come and go in place of bytes. It keeps no state: what was sent
/// is for the stack to know. Bytes behind the heads belong to the [`Connection`](crate::Connection).
///
/// On a server:
///
/// ```
/// use wsproto::{AcceptConnection, HandshakeLimits, HttpVersion, Upgrade};
///
/// let headers = [
///     ("host", "server.example.com"),
///     ("upgrade", "websocket"),
///     ("connection", "Upgrade"),
///     ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
///     ("sec-websocket-version", "13"),
/// ];
/// let limits = HandshakeLimits::default();
/// let parts = match Upgrade::receive("GET", "/chat", HttpVersion::Http11, headers, limits) {
///     Ok(upgrade) => upgrade.accept(AcceptConnection::new())?,
///     Err(error) => Upgrade::reject(error.response())?,
/// };
/// assert_eq!(parts.status_code(), 101);
/// assert_eq!(parts.headers().get("Sec-WebSocket-Accept"), Some(&b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="[..]));
/// # Ok::<(), wsproto::LocalProtocolError>(())
/// ```
///
/// On a client:
///
/// ```
/// use wsproto::{HandshakeResponse, HandshakeLimits, HttpVersion, Request, Upgrade};
/// # struct Sample;
/// # impl wsproto::Entropy for Sample {
/// #     fn fill(&mut self, bytes: &mut [u8]) { bytes.copy_from_slice(b"the sample nonce"); }
/// # }
///
/// let request = Request::new("server.example.com", "/chat");
/// let upgrade = Upgrade::start(request, HandshakeLimits::default(), &mut Sample)?;
/// // To be sent: GET, upgrade.request().target(), and these:
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
pub struct Upgrade {
    limits: HandshakeLimits,
    request: Request,
    offers: Offers,
    key: SecWebSocketKey,
    accept_token: AcceptToken,
}

impl Upgrade {
    /// Judges a request that has been received, or seen on its way.
    ///
    /// `target` is what stood in the request line. Names and values are anything that has bytes, such as
    /// `&str`, `Vec<u8>`, or the `http` crate's; each name once for each line that it had. They count as many
    /// bytes as they would have in HTTP/1.1.
    ///
    /// # Errors
    ///
    /// The rule that the client broke; [`reject`](Self::reject) its [`response`](HandshakeError::response).
    #[doc(alias = "initiate_upgrade_connection")]
    pub fn receive<N: AsRef<[u8]>, V: AsRef<[u8]>>(
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
        let (request, accept_token) = server::check(&head)?.into_request(head);
        let key = request
            .headers()
            .get(KEY)
            .and_then(SecWebSocketKey::received)
            .ok_or(HandshakeError::InvalidKey)?;
        Ok(Self { limits, request, offers: Offers::Named, key, accept_token })
    }

    /// Makes a request, with a key drawn from `entropy`.
    ///
    /// # Errors
    ///
    /// A host, a target, a subprotocol or a header that is malformed or the handshake's own. Then no entropy
    /// was drawn.
    pub fn start(
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

    /// The headers of the request, all of them, to be sent in order with the method GET and the request's
    /// [target](Request::target).
    pub fn headers(&self) -> Headers {
        let mut headers = Headers::default();
        headers.push("Host", self.request.host().as_bytes());
        headers.push("Upgrade", b"websocket");
        headers.push("Connection", b"Upgrade");
        headers.push(KEY, self.key.as_bytes());
        push_offer(&mut headers, &self.request, self.offers);
        headers
    }

    /// Makes the response that opens the connection: status 101.
    ///
    /// # Errors
    ///
    /// Where a subprotocol was not offered, or a header is malformed or the handshake's own.
    pub fn accept(&self, accept: AcceptConnection) -> Result<ResponseParts, LocalProtocolError> {
        server::check_accept(&self.request, &accept)?;
        let mut headers = Headers::default();
        headers.push("Upgrade", b"websocket");
        headers.push("Connection", b"Upgrade");
        headers.push("Sec-WebSocket-Accept", self.accept_token.as_bytes());
        push_choice(&mut headers, &accept);
        Ok(ResponseParts::new(101, headers))
    }

    /// Makes the response that refuses a connection.
    ///
    /// Its body, where it has one, is for the stack to send, and so are the headers that say how it goes out
    /// and whether the transport is kept.
    ///
    /// # Errors
    ///
    /// Where the status is none for a refusal, a length is not the body's, or a header is malformed or the
    /// handshake's own.
    pub fn reject(reject: RejectConnection) -> Result<ResponseParts, LocalProtocolError> {
        let framing = server::check_reject(&reject)?;
        let mut headers = Headers::default();
        // A sender of Upgrade lists it in Connection as well (RFC 9110 §7.8).
        if reject.headers().get("Upgrade").is_some() {
            headers.push("Connection", b"Upgrade");
        }
        if framing.is_none() && reject.status_code() != NOT_MODIFIED {
            headers.push(CONTENT_LENGTH, b"0");
        }
        push_all(&mut headers, reject.extra_headers());
        Ok(ResponseParts::new(reject.status_code(), headers))
    }

    /// Judges a response that has been received, or seen on its way.
    ///
    /// Returns `None` for one that is merely informational: the answer is still to come. A refusal's
    /// [`has_body`](RejectConnection::has_body) says that a body may follow, which the stack reads.
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
            _ => Some(HandshakeResponse::Reject(client::refusal(head, self.limits)?.0)),
        })
    }
}

/// A handshake that has received this request, and writes the answer as bytes.
impl From<Upgrade> for ServerHandshake {
    fn from(upgrade: Upgrade) -> Self {
        Self::deciding(upgrade.limits, upgrade.request, upgrade.accept_token)
    }
}

/// The minor version of HTTP/1; for what is no HTTP/1.1, that of one that is refused.
fn minor(version: HttpVersion) -> u8 {
    u8::from(version == HttpVersion::Http11)
}
