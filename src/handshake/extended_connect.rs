//! A WebSocket in a stream of HTTP/2 or HTTP/3: extended CONNECT, in fields (RFC 8441, RFC 9220).

use alloc::collections::BTreeSet;
use alloc::string::String;

use crate::error::{HandshakeError, LocalProtocolError};
use crate::http::{
    FieldGatherer, Headers, Known, KnownFields, ResponseHead, Span, check_status, decimal, syntax,
};
use crate::limits::HandshakeLimits;

use super::client::{self, HandshakeResponse};
use super::events::{AcceptConnection, Offers, RejectConnection, Request, check_extensions};
use super::parts::{ResponseParts, push_choice, push_offer};
use super::server;
use super::uri::{Scheme, split_authority};

/// A request for a WebSocket in a stream of HTTP/2 or HTTP/3, from which the answer can be made or judged.
///
/// The two versions ask and answer in the same fields; where they differ is told by
/// [`HttpVersion`](crate::HttpVersion). Fields are pairs of name and value, pseudo-headers first, as the
/// stack has read them or is to send them. There is no key and no token, and a server agrees with status
/// 200. After that the stream's data is what a transport's bytes are elsewhere: it belongs to a
/// [`Connection`](crate::Connection), and masking is no different.
///
/// The end of the stream, orderly or not, is for
/// [`receive_eof`](crate::Connection::receive_eof). Where [`TransportAction`](crate::TransportAction) says to drop the
/// transport, end the stream; to abandon a connection, reset it with the version's
/// [`cancel_code`](crate::HttpVersion::cancel_code).
///
/// On a client:
///
/// ```
/// use wsproto::{HandshakeResponse, ExtendedConnect, HandshakeLimits, Request, Scheme};
///
/// let request = Request::new("server.example.com", "/chat").with_subprotocol("chat");
/// let connect = ExtendedConnect::start(request, Scheme::Wss, HandshakeLimits::default())?;
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
///
/// On a server:
///
/// ```
/// use wsproto::{AcceptConnection, ExtendedConnect, HandshakeLimits};
///
/// let fields = [
///     (":method", "CONNECT"),
///     (":protocol", "websocket"),
///     (":scheme", "https"),
///     (":authority", "server.example.com"),
///     (":path", "/chat"),
///     ("sec-websocket-version", "13"),
/// ];
/// let parts = match ExtendedConnect::receive(fields, HandshakeLimits::default()) {
///     Ok(connect) => connect.accept(AcceptConnection::new())?,
///     Err(error) => ExtendedConnect::reject(error.response())?,
/// };
/// assert!(parts.fields().eq([(":status", &b"200"[..])]));
/// # Ok::<(), wsproto::LocalProtocolError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ExtendedConnect {
    limits: HandshakeLimits,
    request: Request,
    offers: Offers,
    scheme: Scheme,
}

impl ExtendedConnect {
    /// The setting by which a server says that it takes such requests, with the value 1; in HTTP/2 and in
    /// HTTP/3 (RFC 8441 §3; RFC 9220 §3, §5).
    ///
    /// A client waits for it. A server that has sent 1 does not send 0 any more.
    pub const SETTINGS_ENABLE_CONNECT_PROTOCOL: u16 = 0x8;

    /// The value of `:protocol` (RFC 8441 §5, RFC 9220 §3).
    pub const PROTOCOL: &str = "websocket";

    /// Judges a request that has been received, or seen on its way.
    ///
    /// Names and values are anything that has bytes. They count as many bytes as they would have in
    /// HTTP/1.1, pseudo-headers too.
    ///
    /// # Errors
    ///
    /// The rule that the client broke; [`reject`](Self::reject) its [`response`](HandshakeError::response).
    #[doc(alias = "initiate_upgrade_connection")]
    pub fn receive<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        fields: impl IntoIterator<Item = (N, V)>,
        limits: HandshakeLimits,
    ) -> Result<Self, HandshakeError> {
        let names = [":method", ":protocol", ":scheme", ":authority", ":path"];
        let (pseudo, headers) = take_apart(names, fields, limits)?;
        let (request, scheme) = check(pseudo, headers)?;
        Ok(Self { limits, request, offers: Offers::Named, scheme })
    }

    /// Makes a request.
    ///
    /// # Errors
    ///
    /// A host, a target, a subprotocol or a header that is malformed or the handshake's own.
    pub fn start(
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

    /// Whether the client has asked for `ws`, by the `:scheme` `http`, or for `wss`, by `https`.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The fields of the request, all of them, to be sent in order.
    ///
    /// Headers that are about a connection of HTTP/1.1, which a request that is sent on may have, are left
    /// out (RFC 9113 §8.2.2, RFC 9114 §4.2).
    pub fn fields(&self) -> Headers {
        let mut headers = Headers::default();
        for (name, value) in [
            (":method", "CONNECT"),
            (":protocol", Self::PROTOCOL),
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

    /// Makes the response that opens the connection: status 200.
    ///
    /// # Errors
    ///
    /// Where a subprotocol was not offered, or a header is malformed or the handshake's own.
    pub fn accept(&self, accept: AcceptConnection) -> Result<ResponseParts, LocalProtocolError> {
        server::check_accept(&self.request, &accept)?;
        let mut choice = Headers::default();
        push_choice(&mut choice, &accept);
        let mut headers = Headers::default();
        push_lower(&mut headers, || choice.iter(), accept.headers());
        Ok(ResponseParts::new(200, headers))
    }

    /// Makes the response that refuses a connection.
    ///
    /// Its body, where it has one, is for the stack to send; where it has none, the response ends the stream.
    /// Status 426 becomes 400: it would have to name another protocol in `Upgrade`, for which there is no
    /// place here (RFC 9110 §15.5.22).
    ///
    /// # Errors
    ///
    /// Where the status is none for a refusal, a length is not the body's, or a header is malformed or the
    /// handshake's own.
    pub fn reject(reject: RejectConnection) -> Result<ResponseParts, LocalProtocolError> {
        server::check_reject(&reject)?;
        let status_code = match reject.status_code() {
            426 => 400,
            status_code => status_code,
        };
        let mut headers = Headers::default();
        push_lower(&mut headers, || reject.extra_headers(), reject.headers());
        Ok(ResponseParts::new(status_code, headers))
    }

    /// Judges a response that has been received, or seen on its way.
    ///
    /// Returns `None` for one that is merely informational: the answer is still to come. A refusal's
    /// [`has_body`](RejectConnection::has_body) says that a body may follow, which the stack reads.
    ///
    /// # Errors
    ///
    /// The rule that the server broke; reset the stream.
    pub fn receive_response<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Option<HandshakeResponse<'static>>, HandshakeError> {
        let ([status], headers) = take_apart([":status"], fields, self.limits)?;
        Ok(match status_code(&headers, status)? {
            100..=199 => None,
            // "Any 2xx" (RFC 9110 §9.3.6).
            200..=299 => {
                let extensions = client::check_choice(&self.request, self.offers, &headers.known())?;
                Some(HandshakeResponse::Accept(AcceptConnection::received(headers, extensions)))
            }
            status_code => {
                let head = ResponseHead { status_code, version: 1, headers };
                Some(HandshakeResponse::Reject(client::refusal(head, self.limits)?.0))
            }
        })
    }
}

/// Sorts fields into pseudo-headers of these names, and headers (RFC 9113 §8.2, §8.3; RFC 9114 §4.2, §4.3).
fn take_apart<const COUNT: usize, N: AsRef<[u8]>, V: AsRef<[u8]>>(
    names: [&str; COUNT],
    fields: impl IntoIterator<Item = (N, V)>,
    limits: HandshakeLimits,
) -> Result<([Option<Span>; COUNT], Headers), HandshakeError> {
    let mut gatherer = FieldGatherer::new(limits);
    let mut pseudo = [None; COUNT];
    for (name, value) in fields {
        let (name, value) = (name.as_ref(), value.as_ref());
        match name {
            [b':', ..] => {
                let known = names.iter().position(|known| known.as_bytes() == name);
                match known.and_then(|known| pseudo.get_mut(known)) {
                    // Each once, and none behind a header.
                    Some(place @ None) if gatherer.is_empty() => *place = Some(gatherer.keep(name, value)?),
                    _ => return Err(HandshakeError::InvalidPseudoHeader),
                }
            }
            b"cookie" => gatherer.add_cookie(value)?,
            _ => {
                check_field(name, value)?;
                gatherer.add(name, value)?;
            }
        }
    }
    Ok((pseudo, gatherer.finish()))
}

/// What HTTP/2 and HTTP/3 ask of a header, besides what HTTP/1.1 does.
fn check_field(name: &[u8], value: &[u8]) -> Result<(), HandshakeError> {
    if name.iter().any(u8::is_ascii_uppercase) {
        return Err(HandshakeError::MalformedHead);
    }
    if is_connection_specific(name, value) {
        return Err(HandshakeError::ConnectionSpecificHeader);
    }
    Ok(())
}

/// Whether a header is about a connection of HTTP/1.1 (RFC 9113 §8.2.2, RFC 9114 §4.2).
fn is_connection_specific(name: &[u8], value: &[u8]) -> bool {
    CONNECTION_SPECIFIC.iter().any(|specific| specific.as_bytes().eq_ignore_ascii_case(name))
        || name.eq_ignore_ascii_case(b"te") && !value.eq_ignore_ascii_case(b"trailers")
}

const CONNECTION_SPECIFIC: [&str; 5] =
    ["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"];

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
    if headers.bytes(protocol) != ExtendedConnect::PROTOCOL.as_bytes() {
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
    server::check_no_body(&fields)?;
    server::check_version(&fields)?;
    server::check_origin(&fields)?;
    check_extensions(&fields)?;
    let extensions = fields.place(Known::Extensions);
    Ok((Request::received(headers, authority, path, extensions), scheme))
}

/// A `Host` has no place beside `:authority`, unless it names the same (RFC 9113 §8.3.1, RFC 9114 §4.3.1).
fn check_authority(fields: &KnownFields<'_>, authority: &[u8], scheme: Scheme) -> Result<(), HandshakeError> {
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

/// A status of three digits; 101 is none here (RFC 9113 §8.6, RFC 9114 §4.5).
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

/// Adds what may stand in HTTP/2 and HTTP/3, its names in lower case; not what `all` says is about a
/// connection.
fn push_lower<'f, I: Iterator<Item = (&'f str, &'f [u8])>>(
    headers: &mut Headers,
    fields: impl Fn() -> I,
    all: &Headers,
) {
    let options = connection_options(&fields, all);
    for (name, value) in fields() {
        let name = name.to_ascii_lowercase();
        if !is_connection_specific(name.as_bytes(), value) && !options.contains(&name) {
            headers.push(&name, value);
        }
    }
}

/// The names of fields that `all` lists in `Connection` (RFC 9110 §7.6.1), in lower case.
///
/// It looks for each option among the fields, of which there is a limit, and keeps no other: so neither many options nor
/// many fields cost more than they are long.
fn connection_options<'f, I: Iterator<Item = (&'f str, &'f [u8])>>(
    fields: impl Fn() -> I,
    all: &Headers,
) -> BTreeSet<String> {
    let mut options =
        all.list("Connection").filter_map(|option| core::str::from_utf8(option).ok()).peekable();
    if options.peek().is_none() {
        return BTreeSet::new();
    }
    let names: BTreeSet<_> = fields().map(|(name, _)| name.to_ascii_lowercase()).collect();
    options.map(str::to_ascii_lowercase).filter(|option| names.contains(option)).collect()
}
