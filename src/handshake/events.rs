//! The handshake's events: a client's request, and a server's response to it (RFC 6455 §4).
//!
//! One side builds them, and the other side receives the same types. A value that is not valid is recorded when the
//! event is built, and refused when the event is sent, before a byte is written.

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{HandshakeError, LocalProtocolError};
use crate::extension::{Extension, ExtensionParams, Extensions};
use crate::http::{Headers, Known, KnownFields, Place, Span, split_list, syntax};

/// A client's wish for a connection.
///
/// What is built wrong is remembered, and refused when it is sent, before a byte is written.
///
/// ```
/// use wsproto::Request;
///
/// let request = Request::new("server.example.com", "/chat")
///     .with_subprotocol("superchat")
///     .with_subprotocol("chat")
///     .with_header("Origin", "http://example.com");
/// assert_eq!(request.target(), "/chat");
/// assert_eq!(request.subprotocols().collect::<Vec<_>>(), ["superchat", "chat"]);
/// ```
// `Request::from_uri` is in `uri.rs`, as it takes a `WebSocketUri`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Every header, those that the handshake owns too.
    headers: Headers,
    host: Span,
    target: Span,
    /// Where the extensions are that a received request offers.
    named: Place,
    /// What is offered by whoever builds it; what was received is among the headers only.
    offers: Vec<ExtensionParams>,
    /// The subprotocols in the headers, once one was added: no two are the same, and there may be many.
    subprotocols: BTreeSet<String>,
    /// The first thing that was built wrong.
    misuse: Option<LocalProtocolError>,
}

impl Request {
    /// A request to `host`, which may name a port, for `target`: an absolute path with an optional query.
    ///
    /// What a URI cannot have is to be percent-encoded in `target` (RFC 3986 §2.1, §3.3, §3.4).
    pub fn new(host: &str, target: &str) -> Self {
        let mut headers = Headers::default();
        let place = headers.push("Host", host.as_bytes());
        let misuse = if !syntax::is_host(host.as_bytes()) {
            Some(LocalProtocolError::InvalidHost)
        } else if !syntax::is_resource_name(target.as_bytes()) {
            Some(LocalProtocolError::InvalidTarget)
        } else {
            None
        };
        let target = headers.add_bytes(target.as_bytes());
        Self { misuse, ..Self::received(headers, place, target, Place::Absent) }
    }

    /// What a server has received.
    pub(super) const fn received(headers: Headers, host: Span, target: Span, named: Place) -> Self {
        Self { headers, host, target, named, offers: Vec::new(), subprotocols: BTreeSet::new(), misuse: None }
    }

    /// Offers one more subprotocol, behind those offered already.
    #[must_use]
    pub fn with_subprotocol(mut self, subprotocol: &str) -> Self {
        if self.subprotocols.is_empty() && self.misuse.is_none() {
            self.subprotocols = self.subprotocols().map(String::from).collect();
        }
        if !syntax::is_token(subprotocol.as_bytes()) || !self.subprotocols.insert(subprotocol.into()) {
            self.misuse = self.misuse.or(Some(LocalProtocolError::InvalidSubprotocol));
        }
        self.headers.push(PROTOCOL, subprotocol.as_bytes());
        self
    }

    /// Offers extensions after those that were offered already (RFC 6455 §9.1).
    ///
    /// Pass the same extensions to [`AcceptConnection::extensions`] once the server has accepted.
    ///
    #[cfg_attr(feature = "deflate", doc = "```")]
    #[cfg_attr(not(feature = "deflate"), doc = "```ignore")]
    /// use wsproto::{PermessageDeflate, Request};
    ///
    /// let deflate = PermessageDeflate::new();
    /// let request = Request::new("server.example.com", "/chat").with_extensions(&[&deflate]);
    /// assert_eq!(request.extensions()[0].to_string(), "permessage-deflate; client_max_window_bits");
    /// ```
    #[must_use]
    pub fn with_extensions(mut self, extensions: &[&dyn Extension]) -> Self {
        for extension in extensions {
            let offers = extension.offers();
            if !offers.iter().all(ExtensionParams::is_well_formed) {
                self.misuse = self.misuse.or(Some(LocalProtocolError::InvalidExtension));
            }
            self.offers.extend(offers);
        }
        self
    }

    /// Adds a header, behind those added already.
    ///
    /// It cannot be one that the handshake writes itself: `Host`, `Connection`, `Upgrade`,
    /// `Sec-WebSocket-Key` and the like, or one that would announce a body. `Origin` can be added once.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        if self.misuse.is_none() && name.eq_ignore_ascii_case(ORIGIN) && self.origin().is_some() {
            self.misuse = Some(LocalProtocolError::RepeatedOrigin);
        }
        add_header(&mut self.headers, &mut self.misuse, name, value.as_ref(), REQUEST_OWNED);
        self
    }

    /// The host that is asked, with the port if it is named: that of an absolute target, else `Host`.
    pub fn host(&self) -> &str {
        text(self.headers.bytes(self.host))
    }

    /// The resource name (§3): an absolute path with an optional query.
    pub fn target(&self) -> &str {
        text(self.headers.bytes(self.target))
    }

    /// The subprotocols that the client offers, the one it likes best first.
    ///
    /// What is not a token is left out: it is not the name of a subprotocol (§4.3), and can never be chosen.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        self.headers.list(PROTOCOL).filter(|element| syntax::is_token(element)).map(text)
    }

    /// The extensions that the client offers, the one it likes best first.
    ///
    /// Each call reads the header anew, and a list of all that it names can be many times as long: to accept
    /// extensions, [`AcceptConnection::with_extensions`] needs no such list.
    pub fn extensions(&self) -> Vec<ExtensionParams> {
        match self.offers.as_slice() {
            [] => named_extensions(&self.headers, self.named).collect(),
            offers => offers.to_vec(),
        }
    }

    /// Whether an extension of this name is offered to the peer that answers.
    pub(super) fn offers_extension(&self, offers: Offers, name: &str) -> bool {
        self.offers.iter().any(|offer| offer.name() == name)
            || offers == Offers::Named
                && extension_elements(&self.headers, self.named)
                    .map(extension_name)
                    .any(|offered| offered == name)
    }

    /// What is offered by whoever has built it.
    pub(crate) fn offers(&self) -> &[ExtensionParams] {
        &self.offers
    }

    /// What is offered to the peer that answers.
    pub(super) fn offered(&self, offers: Offers) -> impl Iterator<Item = Cow<'_, ExtensionParams>> {
        let named = (offers == Offers::Named).then(|| named_extensions(&self.headers, self.named));
        let named = named.into_iter().flatten().map(Cow::Owned);
        self.offers.iter().map(Cow::Borrowed).chain(named)
    }

    /// The origin of the page that asks, which browsers always send (§10.2).
    pub fn origin(&self) -> Option<&[u8]> {
        self.headers.get(ORIGIN)
    }

    /// All headers.
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The headers that are not the handshake's own.
    pub(super) fn extra_headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        extra_headers(&self.headers, REQUEST_OWNED)
    }

    /// What was built wrong.
    pub(super) fn check(&self) -> Result<(), LocalProtocolError> {
        self.misuse.map_or(Ok(()), Err)
    }
}

/// Which offers of a request the peer has seen that answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offers {
    /// Those that were built in; what a received request names was for one hop.
    Built,
    /// Those that its headers name.
    Named,
}

/// A server's yes.
///
/// What is built wrong is remembered, and refused when it is sent, before a byte is written.
///
/// ```
/// use wsproto::AcceptConnection;
///
/// let accept = AcceptConnection::new().with_subprotocol("chat").with_header("Server", "example");
/// assert_eq!(accept.subprotocol(), Some("chat"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AcceptConnection {
    headers: Headers,
    /// Where the extensions are that a received response names.
    named: Place,
    /// What is agreed to by whoever builds it; what was received is among the headers only.
    agreed: Vec<ExtensionParams>,
    misuse: Option<LocalProtocolError>,
}

impl AcceptConnection {
    /// A plain yes.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a client has received.
    pub(super) const fn received(headers: Headers, named: Place) -> Self {
        Self { headers, named, agreed: Vec::new(), misuse: None }
    }

    /// Chooses one of the subprotocols that the client offers.
    #[must_use]
    pub fn with_subprotocol(mut self, subprotocol: &str) -> Self {
        if !syntax::is_token(subprotocol.as_bytes()) || self.subprotocol().is_some() {
            self.misuse = self.misuse.or(Some(LocalProtocolError::InvalidSubprotocol));
        }
        self.headers.push(PROTOCOL, subprotocol.as_bytes());
        self
    }

    /// Agrees to what `request` offers of the `supported` extensions, the first that fit.
    ///
    /// Returns what then is in use, for [`Connection::with_extensions`](crate::Connection::with_extensions).
    #[must_use = "the answer has to be sent, and the extensions have to run in the connection"]
    pub fn with_extensions(mut self, supported: &[&dyn Extension], request: &Request) -> (Self, Extensions) {
        let (extensions, agreed) = match request.offers.as_slice() {
            [] => accept_each(supported, request),
            offers => Extensions::accept_offers(supported, offers),
        };
        self.agreed = agreed;
        (self, extensions)
    }

    /// What is in use of the extensions that the client has `offered`, for
    /// [`Connection::with_extensions`](crate::Connection::with_extensions).
    ///
    /// # Errors
    ///
    /// [`HandshakeError::UnexpectedExtension`] where the server answers what was not offered, or with
    /// parameters that the offer does not allow; drop the transport then (RFC 6455 §4.1, RFC 7692 §7.1).
    pub fn extensions(&self, offered: &[&dyn Extension]) -> Result<Extensions, HandshakeError> {
        let answers: Vec<_> = named_extensions(&self.headers, self.named).collect();
        Extensions::accept_responses(offered, &answers).map_err(HandshakeError::UnexpectedExtension)
    }

    /// The extensions that are agreed on, with their parameters.
    pub fn agreed_extensions(&self) -> Vec<ExtensionParams> {
        match self.agreed.as_slice() {
            [] => named_extensions(&self.headers, self.named).collect(),
            agreed => agreed.to_vec(),
        }
    }

    /// What is agreed to by whoever has built it.
    pub(crate) fn agreed(&self) -> &[ExtensionParams] {
        &self.agreed
    }

    /// Adds a header, behind those added already; not one that the handshake writes itself.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        add_header(&mut self.headers, &mut self.misuse, name, value.as_ref(), ACCEPT_OWNED);
        self
    }

    /// The subprotocol in use (§4.1).
    pub fn subprotocol(&self) -> Option<&str> {
        self.headers.get_all(PROTOCOL).find(|chosen| !is_empty_list(chosen)).map(text)
    }

    /// All headers.
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The headers that are not the handshake's own.
    pub(super) fn extra_headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        extra_headers(&self.headers, ACCEPT_OWNED)
    }

    /// What was built wrong.
    pub(super) fn check(&self) -> Result<(), LocalProtocolError> {
        self.misuse.map_or(Ok(()), Err)
    }
}

/// A server's no: a status from 300 to 599 when it is sent, any final one but 101 when it is received.
///
/// What is built wrong is remembered, and refused when it is sent, before a byte is written.
///
/// ```
/// use wsproto::RejectConnection;
///
/// let reject = RejectConnection::new(401).with_header("WWW-Authenticate", "Basic");
/// assert_eq!(reject.status_code(), 401);
/// assert!(!reject.has_body());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectConnection {
    status_code: u16,
    headers: Headers,
    has_body: bool,
    misuse: Option<LocalProtocolError>,
}

impl RejectConnection {
    /// A refusal with this status, 300 to 599, and no body.
    pub fn new(status_code: u16) -> Self {
        Self { status_code, headers: Headers::default(), has_body: false, misuse: None }
    }

    /// What a client has received.
    pub(super) const fn received(status_code: u16, headers: Headers, has_body: bool) -> Self {
        Self { status_code, headers, has_body, misuse: None }
    }

    /// Adds a header after those that were added already.
    ///
    /// The handshake writes `Connection` and `Transfer-Encoding` itself. They can be added with what it would write, and
    /// are then written once: `Connection` with `close` and `Upgrade`, `Transfer-Encoding` with `chunked`.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        let reserved = if is_written_anyway(name, value) { &[][..] } else { REJECT_OWNED };
        add_header(&mut self.headers, &mut self.misuse, name, value, reserved);
        self
    }

    /// Announces a body, which follows as [`RejectData`].
    ///
    /// It goes out in chunks, unless a `Content-Length` is among the headers.
    #[must_use]
    pub const fn with_body(mut self) -> Self {
        self.has_body = true;
        self
    }

    /// The status.
    pub const fn status_code(&self) -> u16 {
        self.status_code
    }

    /// Whether a body follows.
    pub const fn has_body(&self) -> bool {
        self.has_body
    }

    /// All headers; a 426 lists in them the versions that the server understands (RFC 6455 §4.3, §4.4).
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The headers that are not the handshake's own, nor tell the length of a body that there is not.
    pub(super) fn extra_headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let tells_len = self.has_body || self.status_code == NOT_MODIFIED;
        extra_headers(&self.headers, REJECT_OWNED)
            .filter(move |(name, _)| tells_len || !name.eq_ignore_ascii_case(CONTENT_LENGTH))
    }

    /// What was built wrong.
    pub(super) fn check(&self) -> Result<(), LocalProtocolError> {
        match self.status_code {
            300..=599 => self.misuse.map_or(Ok(()), Err),
            // Such as one that was received, and goes on to somebody else.
            status_code => Err(LocalProtocolError::InvalidStatus(status_code)),
        }
    }
}

/// A piece of the body of a refusal.
///
/// ```
/// use wsproto::RejectData;
///
/// let data = RejectData { data: "not here", body_finished: true };
/// # let _ = data;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RejectData<B> {
    /// The bytes.
    pub data: B,
    /// Whether they are the last.
    pub body_finished: bool,
}

impl HandshakeError {
    /// The refusal to answer with, as a server.
    ///
    /// ```
    /// use wsproto::HandshakeError;
    ///
    /// let reject = HandshakeError::UnsupportedVersion.response();
    /// assert_eq!(reject.status_code(), 426);
    /// assert_eq!(reject.headers().get("Sec-WebSocket-Version"), Some(&b"13"[..]));
    /// ```
    #[doc(alias = "event_hint")]
    pub fn response(self) -> RejectConnection {
        let reject = RejectConnection::new(self.status());
        match self {
            Self::MethodNotGet => reject.with_header("Allow", "GET"),
            Self::MethodNotConnect => reject.with_header("Allow", "CONNECT"),
            // "A server that sends a 426 response MUST send an Upgrade header field" (RFC 9110 §15.5.22).
            Self::UnsupportedVersion => reject.with_header("Upgrade", "websocket").with_header(VERSION, "13"),
            // "A |Sec-WebSocket-Version| header field indicating the version(s)" (RFC 6455 §4.2.2, §4.4).
            Self::InvalidVersion => reject.with_header(VERSION, "13"),
            Self::MalformedHead
            | Self::HeadTooLong
            | Self::TooManyHeaders
            | Self::HttpVersion
            | Self::InvalidTarget
            | Self::InvalidHost
            | Self::RequestBody
            | Self::MissingUpgrade
            | Self::MissingConnectionUpgrade
            | Self::InvalidKey
            | Self::RepeatedOrigin
            | Self::WrongAccept
            | Self::UnexpectedSubprotocol(_)
            | Self::RepeatedSubprotocol
            | Self::InvalidExtension(_)
            | Self::UnexpectedExtension(_)
            | Self::InvalidPseudoHeader
            | Self::UnsupportedProtocol
            | Self::ConnectionSpecificHeader
            | Self::InvalidStatus
            | Self::TooManyInformational
            | Self::MalformedBody
            | Self::BodyTooLong
            | Self::TooMuchEarlyData
            | Self::UnexpectedEof => reject,
        }
    }
}

/// A server's choice, by the rules of [`Extensions::accept_offers`], among offers that are looked at one by one: a peer can
/// name more of them than anyone wants to hold.
fn accept_each(supported: &[&dyn Extension], request: &Request) -> (Extensions, Vec<ExtensionParams>) {
    let mut chosen: (_, Vec<ExtensionParams>) = (Extensions::new(), Vec::new());
    let mut accepted = Vec::new();
    for element in extension_elements(&request.headers, request.named) {
        let name = extension_name(element);
        let is_known = supported.iter().any(|extension| extension.name() == name);
        if !is_known || chosen.1.iter().any(|answer| answer.name() == name) {
            continue;
        }
        accepted.extend(ExtensionParams::parse_one(element));
        let choice = Extensions::accept_offers(supported, &accepted);
        if choice.1.len() > chosen.1.len() {
            chosen = choice;
        } else {
            accepted.pop();
        }
    }
    chosen
}

/// Whether a refusal would write this header itself.
fn is_written_anyway(name: &str, value: &[u8]) -> bool {
    if name.eq_ignore_ascii_case("Connection") {
        let is_usual = |option: &[u8]| is_one_of(option, &["close", "Upgrade"]);
        !is_empty_list(value) && split_list(value).all(is_usual)
    } else {
        name.eq_ignore_ascii_case("Transfer-Encoding") && value.eq_ignore_ascii_case(b"chunked")
    }
}

fn is_one_of(text: &[u8], known: &[&str]) -> bool {
    known.iter().any(|known| text.eq_ignore_ascii_case(known.as_bytes()))
}

/// Adds a header as it is; what is wrong with it is remembered.
fn add_header(
    headers: &mut Headers,
    misuse: &mut Option<LocalProtocolError>,
    name: &str,
    value: &[u8],
    owned: &[&str],
) {
    let wrong = if !syntax::is_token(name.as_bytes()) {
        Some(LocalProtocolError::InvalidHeaderName)
    } else if !syntax::is_field_value(value) {
        Some(LocalProtocolError::InvalidHeaderValue)
    } else if is_owned(name, owned) {
        Some(LocalProtocolError::ReservedHeader)
    } else {
        None
    };
    *misuse = misuse.or(wrong);
    headers.push(name, value);
}

fn extra_headers<'a>(
    headers: &'a Headers,
    owned: &'static [&'static str],
) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    headers.iter().filter(|(name, _)| !is_owned(name, owned))
}

fn is_owned(name: &str, owned: &[&str]) -> bool {
    owned.iter().any(|owned| owned.eq_ignore_ascii_case(name))
}

/// The name of the extension in an element of a list that was checked.
pub(super) fn extension_name(element: &[u8]) -> &str {
    element.get(..syntax::token_len(element)).map(text).unwrap_or_default()
}

/// The extensions that a head names over any number of fields, parsed one by one; what is malformed is left out (§9.1).
fn named_extensions(headers: &Headers, place: Place) -> impl Iterator<Item = ExtensionParams> {
    extension_elements(headers, place).filter_map(ExtensionParams::parse_one)
}

/// The extensions that a head names, as they are written.
fn extension_elements(headers: &Headers, place: Place) -> impl Iterator<Item = &[u8]> {
    headers.values_at(place, Known::Extensions).flat_map(split_list)
}

/// A value that "does not conform to the ABNF" fails the connection (RFC 6455 §9.1).
pub(super) fn check_extensions(fields: &KnownFields<'_>) -> Result<(), HandshakeError> {
    let mut values = fields.values(Known::Extensions);
    values.try_for_each(ExtensionParams::check_list).map_err(HandshakeError::InvalidExtension)
}

/// Whether a list has no elements, as if its field were not there (RFC 9110 §5.6.1).
pub(super) fn is_empty_list(value: &[u8]) -> bool {
    split_list(value).next().is_none()
}

/// What has been checked to be ASCII.
fn text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}

pub(super) const PROTOCOL: &str = "Sec-WebSocket-Protocol";

/// Any number of times in a request, at most once in a response (RFC 6455 §11.3.2).
pub(super) const EXTENSIONS: &str = "Sec-WebSocket-Extensions";

/// At most once (RFC 6454 §7.3).
pub(super) const ORIGIN: &str = "Origin";

pub(super) const KEY: &str = "Sec-WebSocket-Key";

pub(super) const CONTENT_LENGTH: &str = "Content-Length";

/// The refusal that never has a body, though it may tell how long one would be (RFC 9110 §15.4.5).
pub(super) const NOT_MODIFIED: u16 = 304;

pub(super) const VERSION: &str = "Sec-WebSocket-Version";

/// What a client's handshake writes itself, or must not announce.
const REQUEST_OWNED: &[&str] = &[
    "Host",
    "Upgrade",
    "Connection",
    "Sec-WebSocket-Key",
    VERSION,
    PROTOCOL,
    EXTENSIONS,
    "Sec-WebSocket-Accept",
    CONTENT_LENGTH,
    "Transfer-Encoding",
];

/// What a server's yes writes itself, or must not announce (RFC 9110 §8.6, RFC 9112 §6.1).
const ACCEPT_OWNED: &[&str] = &[
    "Upgrade",
    "Connection",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Accept",
    PROTOCOL,
    EXTENSIONS,
    CONTENT_LENGTH,
    "Transfer-Encoding",
];

/// What a server's no writes itself.
const REJECT_OWNED: &[&str] = &["Connection", "Transfer-Encoding", "Sec-WebSocket-Accept"];
