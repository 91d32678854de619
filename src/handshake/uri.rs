//! `ws` and `wss` URIs to what a client connects to and asks for (RFC 6455 §3).

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;
use core::net::Ipv6Addr;
use core::str::FromStr;

use thiserror::Error;

use crate::http::syntax;

use super::request::Request;

/// A `ws` or `wss` URI, checked.
///
/// The host is kept in lower case, and a missing port is that of the scheme, so that URIs of the same resource are equal.
/// Nothing is escaped or corrected: what RFC 3986 does not allow is refused.
///
/// ```
/// use wsproto::{Request, UriError, WebSocketUri};
///
/// let uri: WebSocketUri = "wss://server.example.com/chat?room=1".parse()?;
/// assert_eq!((uri.host(), uri.port(), uri.is_secure()), ("server.example.com", 443, true));
/// assert_eq!(uri.resource_name(), "/chat?room=1");
///
/// let request = Request::from_uri(&uri);
/// assert_eq!(request.host(), "server.example.com");
///
/// assert_eq!("ws://server.example.com/#top".parse::<WebSocketUri>(), Err(UriError::Fragment));
/// # Ok::<(), UriError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WebSocketUri {
    scheme: Scheme,
    host: Host,
    port: u16,
    resource_name: String,
}

/// The scheme of a WebSocket URI: whether TLS is below.
///
/// ```
/// use wsproto::Scheme;
///
/// assert_eq!(Scheme::Wss.default_port(), 443);
/// assert_eq!(Scheme::Wss.http_scheme(), "https");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `ws`: plain.
    Ws,
    /// `wss`: over TLS.
    Wss,
}

/// Why a URI is refused; the variant names the rule.
///
/// ```
/// use wsproto::{UriError, WebSocketUri};
///
/// assert_eq!("http://example.com/".parse::<WebSocketUri>(), Err(UriError::Scheme));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum UriError {
    /// The scheme is missing or not the expected one (RFC 6455 §3).
    #[error("scheme of the URI is missing or not expected (RFC 6455 §3)")]
    Scheme,
    /// A `#`: in a WebSocket URI it is to be written `%23` (§3).
    #[error("URI has a fragment (RFC 6455 §3)")]
    Fragment,
    /// A user's name or password before the host, which §3 does not allow.
    #[error("URI has user information (RFC 6455 §3)")]
    UserInfo,
    /// The host is missing or malformed (RFC 3986 §3.2.2).
    #[error("host of the URI is missing or malformed (RFC 3986 §3.2.2)")]
    Host,
    /// A port that is not a number from 0 to 65535 (RFC 3986 §3.2.3).
    #[error("port of the URI is malformed (RFC 3986 §3.2.3)")]
    Port,
    /// A path or a query with what RFC 3986 §3.3 and §3.4 do not allow there; or, in an origin, any.
    #[error("path or query of the URI is malformed (RFC 3986 §3.3)")]
    ResourceName,
}

impl UriError {
    /// The variant's name in snake case, such as `scheme`. It does not change in later versions, so that logs and metrics
    /// can rely on it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scheme => "scheme",
            Self::Fragment => "fragment",
            Self::UserInfo => "user_info",
            Self::Host => "host",
            Self::Port => "port",
            Self::ResourceName => "resource_name",
        }
    }
}

impl WebSocketUri {
    /// The scheme.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether the connection is to be made over TLS: "the secure flag" (§3).
    pub const fn is_secure(&self) -> bool {
        matches!(self.scheme, Scheme::Wss)
    }

    /// The host to connect to, in lower case; an IPv6 address is without its brackets.
    pub fn host(&self) -> &str {
        &self.host.name
    }

    /// The port to connect to.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The resource name: the path, `/` where it is empty, and the query, if it is not (§3).
    pub fn resource_name(&self) -> &str {
        &self.resource_name
    }

    /// The host and the port, also if it is the scheme's own: what to connect to, or to ask a proxy for.
    ///
    /// ```
    /// use wsproto::WebSocketUri;
    ///
    /// let authority = |uri: &str| uri.parse().map(|uri: WebSocketUri| uri.authority());
    /// assert_eq!(authority("ws://[::1]/")?, "[::1]:80");
    /// assert_eq!(authority("wss://example.com/chat")?, "example.com:443");
    /// # Ok::<(), wsproto::UriError>(())
    /// ```
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The value of `Host`: the host, and the port unless it is the scheme's own (§4.1).
    ///
    /// ```
    /// use wsproto::WebSocketUri;
    ///
    /// let host = |uri: &str| uri.parse().map(|uri: WebSocketUri| uri.host_header());
    /// assert_eq!(host("ws://[::1]:80/")?, "[::1]");
    /// assert_eq!(host("wss://example.com:80/")?, "example.com:80");
    /// # Ok::<(), wsproto::UriError>(())
    /// ```
    pub fn host_header(&self) -> String {
        match self.port {
            port if port == self.scheme.default_port() => self.host.to_string(),
            _ => self.authority(),
        }
    }
}

impl FromStr for WebSocketUri {
    type Err = UriError;

    fn from_str(uri: &str) -> Result<Self, UriError> {
        let (scheme, rest) = uri.split_once("://").ok_or(UriError::Scheme)?;
        let scheme = Scheme::of_uri(scheme).ok_or(UriError::Scheme)?;
        if rest.contains('#') {
            return Err(UriError::Fragment);
        }
        let (authority, resource) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (host, port) = split_authority(authority)?;
        let port = port.unwrap_or(scheme.default_port());
        Ok(Self { scheme, host, port, resource_name: resource_name(resource)? })
    }
}

impl fmt::Display for WebSocketUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.host_header(), self.resource_name)
    }
}

impl Scheme {
    /// The port where none is named (§3).
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }

    /// The scheme of HTTP that stands for it: in origins, and in HTTP/2 and HTTP/3 (RFC 8441 §5).
    pub const fn http_scheme(self) -> &'static str {
        match self {
            Self::Ws => "http",
            Self::Wss => "https",
        }
    }

    /// That of a WebSocket URI, in any case.
    fn of_uri(name: &str) -> Option<Self> {
        [Self::Ws, Self::Wss].into_iter().find(|scheme| name.eq_ignore_ascii_case(scheme.name()))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Request {
    /// A request for what `uri` names.
    ///
    /// ```
    /// use wsproto::{Request, WebSocketUri};
    ///
    /// let uri: WebSocketUri = "ws://example.com:9001?x".parse()?;
    /// let request = Request::from_uri(&uri).with_subprotocol("chat");
    /// assert_eq!((request.host(), request.target()), ("example.com:9001", "/?x"));
    /// # Ok::<(), wsproto::UriError>(())
    /// ```
    pub fn from_uri(uri: &WebSocketUri) -> Self {
        Self::new(&uri.host_header(), uri.resource_name())
    }
}

/// A host in its one form: lower case, and an address as RFC 5952 writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Host {
    /// Without brackets.
    name: String,
    is_ipv6: bool,
}

impl FromStr for Host {
    type Err = UriError;

    fn from_str(host: &str) -> Result<Self, UriError> {
        if !syntax::is_host(host.as_bytes()) {
            return Err(UriError::Host);
        }
        match host.strip_prefix('[').and_then(|literal| literal.strip_suffix(']')) {
            Some(address) => {
                let address: Ipv6Addr = address.parse().map_err(|_| UriError::Host)?;
                Ok(Self { name: address.to_string(), is_ipv6: true })
            }
            None => Ok(Self { name: host.to_ascii_lowercase(), is_ipv6: false }),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_ipv6 { write!(f, "[{}]", self.name) } else { f.write_str(&self.name) }
    }
}

/// The host and the port of an authority, if it names one.
pub(super) fn split_authority(authority: &str) -> Result<(Host, Option<u16>), UriError> {
    if authority.contains('@') {
        return Err(UriError::UserInfo);
    }
    let address_len = match authority.strip_prefix('[') {
        Some(_) => authority.rfind(']').unwrap_or(authority.len()),
        None => 0,
    };
    let host_len = match authority.get(address_len..).and_then(|rest| rest.find(':')) {
        Some(colon) => address_len.saturating_add(colon),
        None => authority.len(),
    };
    let (host, port) = authority.split_at(host_len);
    let host = host.parse()?;
    let port = match port.strip_prefix(':').unwrap_or_default() {
        "" => None,
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse().map_err(|_| UriError::Port)?)
        }
        _ => return Err(UriError::Port),
    };
    Ok((host, port))
}

/// What follows the authority, as a resource name.
fn resource_name(resource: &str) -> Result<String, UriError> {
    let (path, query) = resource.split_once('?').unwrap_or((resource, ""));
    let path = if path.is_empty() { "/" } else { path };
    // "'?' if the query component is non-empty" (§3).
    let name = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    if syntax::is_resource_name(name.as_bytes()) { Ok(name) } else { Err(UriError::ResourceName) }
}
