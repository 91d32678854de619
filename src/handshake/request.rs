//! A client's request, as one side builds it and the other receives it (RFC 6455 §4.1, §4.2.1).

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::LocalProtocolError;
use crate::extension::{Acceptance, Extension, ExtensionParams, Extensions};
use crate::http::{Headers, Known, Place, Span, syntax};
use crate::token::{is_token, text};

use super::fields::{ORIGIN, PROTOCOL, REQUEST_OWNED};
use super::headers::{add_header, extra_headers, named_extensions, names_extension};

/// A client's request for a WebSocket connection.
///
/// A value that is not valid is recorded, and refused when the request is sent, before a byte is written.
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
    /// All headers, including those that the handshake writes itself.
    headers: Headers,
    host: Span,
    target: Span,
    /// Where the extensions are that a received request offers.
    named: Place,
    /// The extensions that were added here; received ones are among the headers only.
    offers: Vec<ExtensionParams>,
    /// The subprotocols in the headers, once one was added: no two are the same, and there may be many.
    subprotocols: BTreeSet<String>,
    /// The names of headers, in the order and the spelling in which they are sent.
    order: Vec<String>,
    /// The first value that is not valid.
    misuse: Option<LocalProtocolError>,
}

impl Request {
    /// A request to `host`, which may name a port, for `target`: an absolute path with an optional query.
    ///
    /// Percent-encode in `target` what a URI cannot contain (RFC 3986 §2.1, §3.3, §3.4).
    pub fn new(host: &str, target: &str) -> Self {
        let mut headers = Headers::default();
        let host_span = headers.push("Host", host.as_bytes());
        let misuse = if !syntax::is_host(host.as_bytes()) {
            Some(LocalProtocolError::InvalidHost)
        } else if !syntax::is_resource_name(target.as_bytes()) {
            Some(LocalProtocolError::InvalidTarget)
        } else {
            None
        };
        let target = headers.add_bytes(target.as_bytes());
        Self { misuse, ..Self::received(headers, host_span, target, Place::Absent) }
    }

    /// One that a server has received.
    pub(super) const fn received(headers: Headers, host: Span, target: Span, named: Place) -> Self {
        Self {
            headers,
            host,
            target,
            named,
            offers: Vec::new(),
            subprotocols: BTreeSet::new(),
            order: Vec::new(),
            misuse: None,
        }
    }

    /// Offers a subprotocol after those that were offered already.
    #[must_use]
    pub fn with_subprotocol(mut self, subprotocol: &str) -> Self {
        if self.subprotocols.is_empty() && self.misuse.is_none() {
            self.subprotocols = self.subprotocols().map(String::from).collect();
        }
        if !is_token(subprotocol.as_bytes()) || !self.subprotocols.insert(subprotocol.into()) {
            self.misuse = self.misuse.or(Some(LocalProtocolError::InvalidSubprotocol));
        }
        self.headers.push(PROTOCOL, subprotocol.as_bytes());
        self
    }

    /// Offers extensions after those that were offered already (RFC 6455 §9.1).
    ///
    /// Pass the same extensions to [`AcceptConnection::extensions`](crate::AcceptConnection::extensions) once the server has accepted.
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

    /// Adds a header after those that were added already.
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

    /// Sends the headers in this order and with the names spelled so, also those that the handshake writes itself.
    ///
    /// Some servers look at the order of headers, or expect one spelling of a name. The list may have names that the
    /// request does not have: they are skipped. Headers that are not in the list follow in their usual order and
    /// spelling. Headers of one name stay together, and a name that is listed twice counts once. No list can leave out a
    /// header, repeat it or change its value.
    ///
    /// This is for HTTP/1.1. In HTTP/2 and HTTP/3, names are in lower case, and pseudo-headers are first.
    ///
    /// ```
    /// use wsproto::{ClientHandshake, HandshakeLimits, Request};
    /// # struct Sample;
    /// # impl wsproto::Entropy for Sample {
    /// #     fn fill(&mut self, bytes: &mut [u8]) { bytes.copy_from_slice(&b"the sample nonce"[..bytes.len()]); }
    /// # }
    /// # let mut entropy = Sample;
    ///
    /// let request = Request::new("server.example.com", "/chat")
    ///     .with_header("User-Agent", "example/1.0")
    ///     .with_header_order(["Host", "Connection", "User-Agent", "Upgrade", "Sec-WebSocket-Version", "sec-websocket-key"]);
    /// let mut output = Vec::new();
    /// ClientHandshake::new(request, HandshakeLimits::default(), &mut entropy, &mut output)?;
    /// assert_eq!(output, b"GET /chat HTTP/1.1\r\n\
    ///     Host: server.example.com\r\n\
    ///     Connection: Upgrade\r\n\
    ///     User-Agent: example/1.0\r\n\
    ///     Upgrade: websocket\r\n\
    ///     Sec-WebSocket-Version: 13\r\n\
    ///     sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    /// # Ok::<(), wsproto::LocalProtocolError>(())
    /// ```
    ///
    /// A proxy that passes the names of the received headers keeps their order and spelling, as far as each name comes once.
    #[must_use]
    pub fn with_header_order<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.order = names.into_iter().map(|name| String::from(name.as_ref())).collect();
        if !self.order.iter().all(|name| is_token(name.as_bytes())) {
            self.misuse = self.misuse.or(Some(LocalProtocolError::InvalidHeaderName));
        }
        self
    }

    /// The host, with the port if there is one: that of an absolute target, else `Host`.
    pub fn host(&self) -> &str {
        text(self.headers.bytes(self.host))
    }

    /// The absolute path: the [target](Self::target) without its query (§3).
    ///
    /// ```
    /// use wsproto::Request;
    ///
    /// let request = Request::new("server.example.com", "/chat?room=1");
    /// assert_eq!((request.path(), request.target()), ("/chat", "/chat?room=1"));
    /// ```
    pub fn path(&self) -> &str {
        self.target().split('?').next().unwrap_or_default()
    }

    /// The resource name (§3): an absolute path with an optional query.
    pub fn target(&self) -> &str {
        text(self.headers.bytes(self.target))
    }

    /// The subprotocols that the client offers, the preferred one first.
    ///
    /// Elements that are not tokens are left out: they are not names of subprotocols (§4.3), and can never be chosen.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        self.headers.list(PROTOCOL).filter(|element| is_token(element)).map(text)
    }

    /// The extensions that the client offers, the preferred one first.
    ///
    /// Each call reads the header anew, and a list of all that it names can be many times as long: to accept
    /// extensions, [`AcceptConnection::with_extensions`](crate::AcceptConnection::with_extensions) needs no such list.
    pub fn extensions(&self) -> Vec<ExtensionParams> {
        match self.offers.as_slice() {
            [] => named_extensions(&self.headers, self.named).collect(),
            offers => offers.to_vec(),
        }
    }

    /// Whether an extension of this name is offered to the peer that answers.
    pub(super) fn offers_extension(&self, offers: Offers, name: &[u8]) -> bool {
        self.offers.iter().any(|offer| offer.name_bytes() == name)
            || offers == Offers::Named && names_extension(&self.headers, self.named, name)
    }

    /// The extensions that were added here.
    pub(crate) fn offers(&self) -> &[ExtensionParams] {
        &self.offers
    }

    /// The extensions that are offered to the peer that responds.
    pub(super) fn offered(&self, offers: Offers) -> impl Iterator<Item = Cow<'_, ExtensionParams>> {
        let named = (offers == Offers::Named).then(|| named_extensions(&self.headers, self.named));
        let named = named.into_iter().flatten().map(Cow::Owned);
        self.offers.iter().map(Cow::Borrowed).chain(named)
    }

    /// The origin of the page that sent the request; browsers always send it (§10.2).
    pub fn origin(&self) -> Option<&[u8]> {
        self.headers.get(ORIGIN)
    }

    /// All headers.
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The names of headers in the order in which they are sent; empty if it is the usual one.
    pub(super) fn header_order(&self) -> &[String] {
        &self.order
    }

    /// The headers that the handshake does not write itself.
    pub(super) fn extra_headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        extra_headers(&self.headers, REQUEST_OWNED)
    }

    /// The first value that is not valid.
    pub(super) fn check(&self) -> Result<(), LocalProtocolError> {
        self.misuse.map_or(Ok(()), Err)
    }

    /// As a server, accepts what the request offers of the `supported` extensions.
    ///
    /// Offers that were received are parsed one by one: a peer can name more of them than should be kept.
    pub(super) fn accept_offers(&self, supported: &[&dyn Extension]) -> (Extensions, Vec<ExtensionParams>) {
        if !self.offers.is_empty() {
            return Extensions::accept_offers(supported, &self.offers);
        }
        let mut acceptance = Acceptance::of(supported);
        self.headers.values_at(self.named, Known::Extensions).for_each(|list| acceptance.consider_list(list));
        acceptance.finish()
    }
}

/// Which offers of a request its receiver has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offers {
    /// Those that were added here: what a received request offers is for one hop.
    Built,
    /// Those that its headers name.
    Named,
}
