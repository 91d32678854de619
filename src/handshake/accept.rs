//! A server's acceptance, as one side builds it and the other receives it (RFC 6455 §4.1, §4.2.2).

use alloc::vec::Vec;

use crate::error::{HandshakeError, LocalProtocolError};
use crate::extension::{Extension, ExtensionParams, Extensions};
use crate::http::{Headers, Place};
use crate::token::{is_token, text};

use super::fields::{ACCEPT_OWNED, PROTOCOL, is_empty_list};
use super::headers::{add_header, extra_headers, named_extensions};
use super::request::Request;

/// A server's acceptance of a request: 101 Switching Protocols, or 200 in HTTP/2 and HTTP/3.
///
/// A value that is not valid is recorded, and refused when the acceptance is sent, before a byte is written.
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
    /// The extensions that were added here; received ones are among the headers only.
    agreed: Vec<ExtensionParams>,
    misuse: Option<LocalProtocolError>,
}

impl AcceptConnection {
    /// Accepts without a subprotocol and without extensions.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that a client has received.
    pub(super) const fn received(headers: Headers, named: Place) -> Self {
        Self { headers, named, agreed: Vec::new(), misuse: None }
    }

    /// Chooses one of the subprotocols that the client offers.
    #[must_use]
    pub fn with_subprotocol(mut self, subprotocol: &str) -> Self {
        if !is_token(subprotocol.as_bytes()) || self.subprotocol().is_some() {
            self.misuse = self.misuse.or(Some(LocalProtocolError::InvalidSubprotocol));
        }
        self.headers.push(PROTOCOL, subprotocol.as_bytes());
        self
    }

    /// As a server, accepts what `request` offers of the `supported` extensions.
    ///
    /// Returns the extensions that are then in use, for [`Connection::with_extensions`](crate::Connection::with_extensions).
    #[must_use = "the answer has to be sent, and the extensions have to run in the connection"]
    pub fn with_extensions(mut self, supported: &[&dyn Extension], request: &Request) -> (Self, Extensions) {
        let (extensions, agreed) = request.accept_offers(supported);
        self.agreed = agreed;
        (self, extensions)
    }

    /// As a client, checks the response to the extensions that were `offered` ([`Request::with_extensions`]).
    ///
    /// Returns the extensions that are then in use, for
    /// [`Connection::with_extensions`](crate::Connection::with_extensions).
    ///
    /// # Errors
    ///
    /// [`HandshakeError::UnexpectedExtension`] if the server's response has an extension that was not offered, or
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

    /// The extensions that were added here.
    pub(crate) fn agreed(&self) -> &[ExtensionParams] {
        &self.agreed
    }

    /// Adds a header after those that were added already. It cannot be one that the handshake writes itself.
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

    /// The first value that is not valid.
    pub(super) fn check(&self) -> Result<(), LocalProtocolError> {
        self.misuse.map_or(Ok(()), Err)
    }
}
