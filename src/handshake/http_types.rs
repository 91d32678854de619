//! From and to the types of the `http` crate, which most HTTP stacks share.

use alloc::string::ToString;

use ::http::header::{HeaderName, HeaderValue};
use ::http::{HeaderMap, Method, Uri, Version};

use crate::error::HandshakeError;
use crate::http::{Headers, HttpVersion};
use crate::limits::HandshakeLimits;

use super::client::HandshakeResponse;
use super::extended_connect::{ClientExtendedConnect, ServerExtendedConnect};
use super::parts::ResponseParts;
use super::upgrade::{ClientUpgrade, ServerUpgrade};

/// With feature `http`.
impl ServerUpgrade {
    /// Checks a request that another stack has parsed: see [`parse`](Self::parse).
    ///
    /// ```
    /// use wsproto::{AcceptConnection, HandshakeLimits, ServerUpgrade};
    ///
    /// let request = http::Request::get("/chat")
    ///     .header("Host", "server.example.com")
    ///     .header("Upgrade", "websocket")
    ///     .header("Connection", "Upgrade")
    ///     .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
    ///     .header("Sec-WebSocket-Version", "13")
    ///     .body(())?;
    /// let parts = match ServerUpgrade::parse_http(&request, HandshakeLimits::default()) {
    ///     Ok(upgrade) => upgrade.accept(AcceptConnection::new())?,
    ///     Err(error) => ServerUpgrade::reject(error.response())?,
    /// };
    /// let response = http::Response::try_from(parts)?;
    /// assert_eq!(response.status(), http::StatusCode::SWITCHING_PROTOCOLS);
    /// assert_eq!(response.headers()["Sec-WebSocket-Accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The rule that the client broke. A fragment in the target is not reported: [`Uri`] drops it.
    pub fn parse_http<B>(
        request: &::http::Request<B>,
        limits: HandshakeLimits,
    ) -> Result<Self, HandshakeError> {
        let target = request.uri().to_string();
        Self::parse(request.method().as_str(), &target, request.version().into(), request.headers(), limits)
    }
}

/// With feature `http`.
impl ClientUpgrade {
    /// Checks a response that another stack has parsed: see [`receive_response`](Self::receive_response).
    ///
    /// # Errors
    ///
    /// The rule that the server broke.
    pub fn receive_http_response<B>(
        &self,
        response: &::http::Response<B>,
    ) -> Result<Option<HandshakeResponse<'static>>, HandshakeError> {
        self.receive_response(response.status().as_u16(), response.version().into(), response.headers())
    }
}

/// The request to send, with feature `http`; its URI is the target alone, and `Host` is among the headers.
///
/// ```
/// use wsproto::{ClientUpgrade, HandshakeLimits, SeededEntropy, Request};
///
/// let request = Request::new("server.example.com", "/chat");
/// let upgrade = ClientUpgrade::new(request, HandshakeLimits::default(), &mut SeededEntropy::new())?;
/// let request = http::Request::try_from(&upgrade)?;
/// assert_eq!((request.uri().path(), &request.headers()["Upgrade"]), ("/chat", &"websocket".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl TryFrom<&ClientUpgrade> for ::http::Request<()> {
    type Error = ::http::Error;

    fn try_from(upgrade: &ClientUpgrade) -> Result<Self, ::http::Error> {
        let mut request = Self::new(());
        *request.uri_mut() = Uri::try_from(upgrade.request().target())?;
        *request.headers_mut() = header_map(upgrade.headers().iter())?;
        Ok(request)
    }
}

/// With feature `http`.
impl ServerExtendedConnect {
    /// Checks a request that another stack has parsed: see [`parse`](Self::parse).
    ///
    /// The value of `:protocol` is where the stack keeps it, in an extension of the request, such as
    /// `h2::ext::Protocol` or `hyper::ext::Protocol`.
    ///
    /// ```
    /// use wsproto::{AcceptConnection, HandshakeLimits, ServerExtendedConnect};
    ///
    /// # #[derive(Clone)]
    /// # struct Protocol(&'static str);
    /// # impl Protocol { fn as_str(&self) -> &str { self.0 } }
    /// let request = http::Request::connect("https://server.example.com/chat")
    ///     .version(http::Version::HTTP_2)
    ///     .header("sec-websocket-version", "13")
    /// #   .extension(Protocol("websocket"))
    ///     .body(())?;
    /// let protocol = request.extensions().get::<Protocol>().map(Protocol::as_str);
    /// let parts = match ServerExtendedConnect::parse_http(&request, protocol, HandshakeLimits::default()) {
    ///     Ok(connect) => connect.accept(AcceptConnection::new())?,
    ///     Err(error) => ServerExtendedConnect::reject(error.response())?,
    /// };
    /// let response = http::Response::try_from(parts)?;
    /// assert_eq!(response.status(), http::StatusCode::OK);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The rule that the client broke; a request of HTTP/1 is for [`ServerUpgrade`].
    pub fn parse_http<B>(
        request: &::http::Request<B>,
        protocol: Option<&str>,
        limits: HandshakeLimits,
    ) -> Result<Self, HandshakeError> {
        check_has_streams(request.version())?;
        let uri = request.uri();
        let pseudo = [
            (":method", Some(request.method().as_str())),
            (":protocol", protocol),
            (":scheme", uri.scheme_str()),
            (":authority", uri.authority().map(::http::uri::Authority::as_str)),
            (":path", uri.path_and_query().map(::http::uri::PathAndQuery::as_str)),
        ];
        let pseudo =
            pseudo.into_iter().filter_map(|(name, value)| Some((name.as_bytes(), value?.as_bytes())));
        Self::parse(pseudo.chain(pairs(request.headers())), limits)
    }
}

/// With feature `http`.
impl ClientExtendedConnect {
    /// Checks a response that another stack has parsed: see [`receive_response`](Self::receive_response).
    ///
    /// # Errors
    ///
    /// The rule that the server broke.
    pub fn receive_http_response<B>(
        &self,
        response: &::http::Response<B>,
    ) -> Result<Option<HandshakeResponse<'static>>, HandshakeError> {
        check_has_streams(response.version())?;
        let status = response.status();
        let pseudo = [(&b":status"[..], status.as_str().as_bytes())];
        self.receive_response(pseudo.into_iter().chain(pairs(response.headers())))
    }
}

/// The request to send, with feature `http`, except for [`ClientExtendedConnect::PROTOCOL`], which goes where the stack
/// looks for it. The version is HTTP/2, to be changed for HTTP/3.
///
/// ```
/// use wsproto::{ClientExtendedConnect, HandshakeLimits, Request, Scheme};
///
/// let request = Request::new("server.example.com", "/chat");
/// let connect = ClientExtendedConnect::new(request, Scheme::Wss, HandshakeLimits::default())?;
/// let request = http::Request::try_from(&connect)?;
/// assert_eq!(request.method(), http::Method::CONNECT);
/// assert_eq!(request.uri(), "https://server.example.com/chat");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl TryFrom<&ClientExtendedConnect> for ::http::Request<()> {
    type Error = ::http::Error;

    fn try_from(connect: &ClientExtendedConnect) -> Result<Self, ::http::Error> {
        let mut request = Self::new(());
        *request.method_mut() = Method::CONNECT;
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = Uri::builder()
            .scheme(connect.scheme().http_scheme())
            .authority(connect.request().host())
            .path_and_query(connect.request().target())
            .build()?;
        let fields = connect.fields();
        *request.headers_mut() = header_map(fields.iter().filter(|(name, _)| !name.starts_with(':')))?;
        Ok(request)
    }
}

/// The response to send, with feature `http`; a body can be [mapped](::http::Response::map) into it.
impl TryFrom<ResponseParts> for ::http::Response<()> {
    type Error = ::http::Error;

    fn try_from(parts: ResponseParts) -> Result<Self, ::http::Error> {
        let mut response = Self::new(());
        *response.status_mut() = parts.status_code().try_into()?;
        *response.headers_mut() = header_map(parts.headers().iter())?;
        Ok(response)
    }
}

/// With feature `http`.
impl TryFrom<&Headers> for HeaderMap {
    type Error = ::http::Error;

    fn try_from(headers: &Headers) -> Result<Self, ::http::Error> {
        header_map(headers.iter())
    }
}

/// With feature `http`; an unknown version is converted to HTTP/1.0, which nothing accepts.
impl From<Version> for HttpVersion {
    fn from(version: Version) -> Self {
        match version {
            Version::HTTP_11 => Self::Http11,
            Version::HTTP_2 => Self::Http2,
            Version::HTTP_3 => Self::Http3,
            _ => Self::Http10,
        }
    }
}

/// Only a version with streams has extended CONNECT.
fn check_has_streams(version: Version) -> Result<(), HandshakeError> {
    match version.into() {
        HttpVersion::Http2 | HttpVersion::Http3 => Ok(()),
        HttpVersion::Http10 | HttpVersion::Http11 => Err(HandshakeError::HttpVersion),
    }
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()))
}

fn header_map<'f>(fields: impl Iterator<Item = (&'f str, &'f [u8])>) -> Result<HeaderMap, ::http::Error> {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        map.try_append(HeaderName::try_from(name)?, HeaderValue::try_from(value)?)?;
    }
    Ok(map)
}
