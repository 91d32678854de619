//! A WebSocket in a stream of HTTP/2 or HTTP/3: extended CONNECT, in fields (RFC 8441, RFC 9220).

use crate::error::{HandshakeError, LocalProtocolError};
use crate::http::{Headers, Known, KnownFields, ResponseHead, Span, check_status, decimal, syntax};
use crate::limits::HandshakeLimits;

use super::accept::AcceptConnection;
use super::client::{self, HandshakeResponse};
use super::fields::check_extensions;
use super::parts::{ResponseParts, push_choice, push_offer};
use super::reject::RejectConnection;
use super::request::{Offers, Request};
use super::response_check::{check_accept, check_reject};
use super::response_reader::refusal;
use super::rules;
use super::status::stream_status;
use super::stream_fields::{push_lower, split_fields};
use super::uri::{Scheme, split_authority};

/// A server's extended CONNECT in a stream of HTTP/2 or HTTP/3: a request that is valid, and the response to it.
///
/// The two versions use the same fields; [`HttpVersion`](crate::HttpVersion) has what differs. Fields are pairs of name
/// and value, pseudo-headers first, as the stack has read them or is to send them. There is no key and no token, and a
/// server accepts with status 200. After that the stream's data is what a transport's bytes are elsewhere: it belongs to
/// a [`Connection`](crate::Connection), and masking is no different.
///
/// Report the end of the stream, orderly or not, with [`receive_eof`](crate::Connection::receive_eof). Where
/// [`TransportAction`](crate::TransportAction) says to drop the transport, end the stream; to abandon a connection, reset it with the
/// version's [code](crate::HttpVersion::stream_error_code).
///
/// ```
/// use wsproto::{AcceptConnection, HandshakeLimits, ServerExtendedConnect};
///
/// let fields = [
///     (":method", "CONNECT"),
///     (":protocol", "websocket"),
///     (":scheme", "https"),
///     (":authority", "server.example.com"),
///     (":path", "/chat"),
///     ("sec-websocket-version", "13"),
/// ];
/// let parts = match ServerExtendedConnect::parse(fields, HandshakeLimits::default()) {
///     Ok(connect) => connect.accept(AcceptConnection::new())?,
///     Err(error) => ServerExtendedConnect::reject(error.response())?,
/// };
/// assert!(parts.fields().eq([(":status", &b"200"[..])]));
/// # Ok::<(), wsproto::LocalProtocolError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ServerExtendedConnect {
    limits: HandshakeLimits,
    request: Request,
    scheme: Scheme,
}

/// A client's extended CONNECT in a stream of HTTP/2 or HTTP/3: a request to send, and the check of the response.
///
/// [`ServerExtendedConnect`] says what the stream is for after the handshake.
///
/// ```
/// use wsproto::{HandshakeResponse, ClientExtendedConnect, HandshakeLimits, Request, Scheme};
///
/// let request = Request::new("server.example.com", "/chat").with_subprotocol("chat");
/// let connect = ClientExtendedConnect::new(request, Scheme::Wss, HandshakeLimits::default())?;
/// assert!(connect.fields().iter().eq([
///     (":method", &b"CONNECT"[..]),
///     (":protocol", b"websocket"),
///     (":scheme", b"https"),
///     (":authority", b"server.example.com"),
///     (":path", b"/chat"),
///     ("sec-websocket-version", b"13"),
///     ("sec-websocket-protocol", b"chat"),
/// ]));
///
/// let fields = [(":status", "200"), ("sec-websocket-protocol", "chat")];
/// let answer = connect.receive_response(fields)?;
/// assert!(matches!(answer, Some(HandshakeResponse::Accept(accept)) if accept.subprotocol() == Some("chat")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClientExtendedConnect {
    limits: HandshakeLimits,
    request: Request,
    offers: Offers,
    scheme: Scheme,
}

impl ServerExtendedConnect {
    /// The setting by which a server says that it accepts such requests, with the value 1; in HTTP/2 and in HTTP/3
    /// (RFC 8441 §3; RFC 9220 §3, §5).
    ///
    /// A client waits for it. A server that has sent 1 does not send 0 any more.
    pub const SETTINGS_ENABLE_CONNECT_PROTOCOL: u16 = 0x8;

    /// Checks a request that another stack has parsed.
    ///
    /// Names and values are anything that has bytes. They count as many bytes as they would have in HTTP/1.1,
    /// pseudo-headers too.
    ///
    /// # Errors
    ///
    /// The rule that the client broke; [`reject`](Self::reject) its [`response`](HandshakeError::response).
    #[doc(alias = "initiate_upgrade_connection")]
    pub fn parse<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        fields: impl IntoIterator<Item = (N, V)>,
        limits: HandshakeLimits,
    ) -> Result<Self, HandshakeError> {
        let names = [":method", ":protocol", ":scheme", ":authority", ":path"];
        let (pseudo, headers) = split_fields(names, fields, limits)?;
        let (request, scheme) = check(pseudo, headers)?;
        Ok(Self { limits, request, scheme })
    }

    /// The request: its host is the `:authority`, its target the `:path`.
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// Whether the client asks for `ws`, by the `:scheme` `http`, or for `wss`, by `https`.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Makes the response that opens the connection: status 200.
    ///
    /// # Errors
    ///
    /// A subprotocol or an extension was not offered, or a header is malformed or reserved.
    pub fn accept(&self, accept: AcceptConnection) -> Result<ResponseParts, LocalProtocolError> {
        check_accept(&self.request, &accept)?;
        let mut choice = Headers::default();
        push_choice(&mut choice, &accept);
        let mut headers = Headers::default();
        push_lower(&mut headers, || choice.iter(), accept.headers());
        Ok(ResponseParts::new(200, headers))
    }

    /// Makes the response that refuses a connection.
    ///
    /// The stack sends its body, if it has one; if not, the response ends the stream. Status 426 becomes 400: it would
    /// have to name another protocol in `Upgrade`, which HTTP/2 and HTTP/3 do not allow (RFC 9110 §15.5.22).
    ///
    /// # Errors
    ///
    /// The status is outside 300 to 599, a length is not the body's, or a header is malformed or reserved.
    pub fn reject(reject: RejectConnection) -> Result<ResponseParts, LocalProtocolError> {
        check_reject(&reject)?;
        let mut headers = Headers::default();
        push_lower(&mut headers, || reject.extra_headers(), reject.headers());
        Ok(ResponseParts::new(stream_status(reject.status_code()), headers))
    }
}

impl ClientExtendedConnect {
    /// The setting that a client waits for before it sends such a request:
    /// [the same](ServerExtendedConnect::SETTINGS_ENABLE_CONNECT_PROTOCOL) as a server's.
    pub const SETTINGS_ENABLE_CONNECT_PROTOCOL: u16 = ServerExtendedConnect::SETTINGS_ENABLE_CONNECT_PROTOCOL;

    /// The value of `:protocol` (RFC 8441 §5, RFC 9220 §3).
    pub const PROTOCOL: &str = PROTOCOL;

    /// Makes a request.
    ///
    /// # Errors
    ///
    /// A host, a target, a subprotocol or a header is malformed, or a header is reserved.
    pub fn new(
        request: Request,
        scheme: Scheme,
        limits: HandshakeLimits,
    ) -> Result<Self, LocalProtocolError> {
        request.check()?;
        Ok(Self { limits, request, offers: Offers::Built, scheme })
    }

    /// The request: its host is the `:authority`, its target the `:path`.
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// Whether the request is for `ws`, with the `:scheme` `http`, or for `wss`, with `https`.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// All fields of the request, to be sent in order.
    ///
    /// Headers that are only for HTTP/1.1, which a request that is forwarded may have, are left out (RFC 9113 §8.2.2,
    /// RFC 9114 §4.2).
    pub fn fields(&self) -> Headers {
        let mut headers = Headers::default();
        for (name, value) in [
            (":method", "CONNECT"),
            (":protocol", PROTOCOL),
            (":scheme", self.scheme.http_scheme()),
            (":authority", self.request.host()),
            (":path", self.request.target()),
        ] {
            headers.push(name, value.as_bytes());
        }
        let mut offer = Headers::default();
        push_offer(&mut offer, &self.request, self.offers);
        push_lower(&mut headers, || offer.iter(), self.request.headers());
        headers
    }

    /// Checks a response that another stack has parsed.
    ///
    /// Returns `None` for an informational one: the response is still to come. The
    /// [`has_body`](RejectConnection::has_body) of a refusal says that a body may follow, which the stack reads.
    ///
    /// # Errors
    ///
    /// The rule that the server broke; reset the stream.
    pub fn receive_response<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Option<HandshakeResponse<'static>>, HandshakeError> {
        let ([status], headers) = split_fields([":status"], fields, self.limits)?;
        Ok(match status_code(&headers, status)? {
            100..=199 => None,
            // "Any 2xx" (RFC 9110 §9.3.6).
            200..=299 => {
                let extensions = client::check_choice(&self.request, self.offers, &headers.known())?;
                Some(HandshakeResponse::Accept(AcceptConnection::received(headers, extensions)))
            }
            status_code => {
                let head = ResponseHead { status_code, version: 1, headers };
                Some(HandshakeResponse::Reject(refusal(head, self.limits)?.0))
            }
        })
    }
}

/// The same request, forwarded with its offers: for a proxy that sees the server's response too.
impl From<ServerExtendedConnect> for ClientExtendedConnect {
    fn from(connect: ServerExtendedConnect) -> Self {
        let ServerExtendedConnect { limits, request, scheme } = connect;
        Self { limits, request, offers: Offers::Named, scheme }
    }
}

/// The value of `:protocol` (RFC 8441 §5, RFC 9220 §3).
const PROTOCOL: &str = "websocket";

/// Checks a request against RFC 8441 §4 and §5, and the rules of RFC 6455 that they keep.
fn check(pseudo: [Option<Span>; 5], headers: Headers) -> Result<(Request, Scheme), HandshakeError> {
    let [method, protocol, scheme, authority, path] = pseudo;
    let method = method.ok_or(HandshakeError::InvalidPseudoHeader)?;
    if headers.bytes(method) != b"CONNECT" {
        return Err(HandshakeError::MethodNotConnect);
    }
    let (Some(protocol), Some(scheme), Some(authority), Some(path)) = (protocol, scheme, authority, path)
    else {
        return Err(HandshakeError::InvalidPseudoHeader);
    };
    if headers.bytes(protocol) != PROTOCOL.as_bytes() {
        return Err(HandshakeError::UnsupportedProtocol);
    }
    let scheme = [Scheme::Ws, Scheme::Wss]
        .into_iter()
        .find(|known| headers.bytes(scheme).eq_ignore_ascii_case(known.http_scheme().as_bytes()))
        .ok_or(HandshakeError::InvalidPseudoHeader)?;
    let fields = headers.known();
    check_authority(&fields, headers.bytes(authority), scheme)?;
    if !syntax::is_received_resource_name(headers.bytes(path)) {
        return Err(HandshakeError::InvalidTarget);
    }
    rules::check_no_body(&fields)?;
    rules::check_version(&fields)?;
    rules::check_origin(&fields)?;
    check_extensions(&fields)?;
    let extensions = fields.place(Known::Extensions);
    Ok((Request::received(headers, authority, path, extensions), scheme))
}

/// `Host` is not allowed beside `:authority`, unless it names the same (RFC 9113 §8.3.1, RFC 9114 §4.3.1).
fn check_authority(
    fields: &KnownFields<'_, &Headers>,
    authority: &[u8],
    scheme: Scheme,
) -> Result<(), HandshakeError> {
    let agrees = match fields.single(Known::Host) {
        Ok(host) => host.is_none_or(|host| names_the_same(host, authority, scheme)),
        Err(_) => false,
    };
    if agrees && syntax::is_host(authority) { Ok(()) } else { Err(HandshakeError::InvalidHost) }
}

/// Whether two authorities are one, by what the scheme lets them leave out (RFC 3986 §6.2.3).
fn names_the_same(host: &[u8], authority: &[u8], scheme: Scheme) -> bool {
    let normalized = |authority| {
        let (host, port) = split_authority(core::str::from_utf8(authority).ok()?).ok()?;
        Some((host, port.unwrap_or(scheme.default_port())))
    };
    host.eq_ignore_ascii_case(authority)
        || normalized(host).is_some_and(|host| Some(host) == normalized(authority))
}

/// A status of three digits; 101 is not allowed (RFC 9113 §8.6, RFC 9114 §4.5).
fn status_code(headers: &Headers, status: Option<Span>) -> Result<u16, HandshakeError> {
    let digits = headers.bytes(status.ok_or(HandshakeError::InvalidPseudoHeader)?);
    let status_code = decimal(digits).and_then(|status_code| u16::try_from(status_code).ok());
    match status_code {
        Some(status_code) if digits.len() == 3 && status_code != 101 => {
            check_status(status_code).map(|()| status_code)
        }
        _ => Err(HandshakeError::InvalidPseudoHeader),
    }
}
