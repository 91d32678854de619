//! Which pages may connect: origins, and a policy over them (RFC 6454; RFC 6455 §10.2, RFC 8441 §8).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use super::fields::ORIGIN;
use super::reject::RejectConnection;
use super::request::Request;
use super::uri::{Host, Scheme, UriError, WebSocketUri, split_authority};

/// The origin of a page: scheme, host and port, or an opaque one (RFC 6454 §4).
///
/// Origins are equal that mean the same: whatever their case, and whether a default port is named.
///
/// ```
/// use wsproto::Origin;
///
/// let origin: Origin = "https://Example.com:443".parse()?;
/// assert_eq!(origin, "https://example.com".parse()?);
/// assert_eq!(origin.to_string(), "https://example.com");
/// assert!("null".parse::<Origin>()?.is_null());
/// # Ok::<(), wsproto::UriError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin(Option<Tuple>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Tuple {
    /// In lower case.
    scheme: String,
    host: Host,
    /// `None` where it is the scheme's own.
    port: Option<u16>,
}

impl Origin {
    /// The opaque origin, which a browser sends as `null`.
    pub const NULL: Self = Self(None);

    /// Whether it is opaque.
    pub const fn is_null(&self) -> bool {
        self.0.is_none()
    }

    /// That of the pages that are served beside a WebSocket: under `scheme`, at `host` with its port.
    fn beside(scheme: Scheme, host: &str) -> Result<Self, UriError> {
        Self::of_parts(scheme.http_scheme(), host)
    }

    fn of_parts(scheme: &str, authority: &str) -> Result<Self, UriError> {
        let scheme = scheme.to_ascii_lowercase();
        let (host, port) = split_authority(authority)?;
        let port = port.filter(|port| Some(*port) != default_port(&scheme));
        Ok(Self(Some(Tuple { scheme, host, port })))
    }
}

/// Reads the value of an `Origin` header (RFC 6454 §7).
impl FromStr for Origin {
    type Err = UriError;

    fn from_str(origin: &str) -> Result<Self, UriError> {
        if origin == "null" {
            return Ok(Self::NULL);
        }
        let (scheme, authority) = origin.split_once("://").ok_or(UriError::Scheme)?;
        if !is_scheme(scheme.as_bytes()) {
            return Err(UriError::Scheme);
        }
        if authority.contains('#') {
            return Err(UriError::Fragment);
        }
        if authority.contains(['/', '?']) {
            return Err(UriError::ResourceName);
        }
        Self::of_parts(scheme, authority)
    }
}

/// That of the pages that are served beside a WebSocket.
impl From<&WebSocketUri> for Origin {
    fn from(uri: &WebSocketUri) -> Self {
        // What a URI names is checked, so that nothing is left to fail.
        Self::beside(uri.scheme(), &uri.host_header()).unwrap_or(Self::NULL)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(Tuple { scheme, host, port: Some(port) }) => write!(f, "{scheme}://{host}:{port}"),
            Some(Tuple { scheme, host, port: None }) => write!(f, "{scheme}://{host}"),
            None => f.write_str("null"),
        }
    }
}

/// The origins from which pages may connect, for a server that not every page may use (RFC 6455 §10.2).
///
/// A handshake does not call [`check`](Self::check): you do. Browsers always send `Origin`. A request without it is not
/// from a browser, and is allowed unless [`require_origin`](Self::require_origin) is set: other clients can send any
/// origin.
///
/// ```
/// use wsproto::{OriginPolicy, Request, Scheme};
///
/// let policy = OriginPolicy::same_origin(Scheme::Wss);
/// let request = |origin| Request::new("example.com", "/").with_header("Origin", origin);
/// assert_eq!(policy.check(&request("https://example.com")), Ok(()));
/// let reject = policy.check(&request("https://evil.example")).unwrap_err();
/// assert_eq!(reject.status_code(), 403);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginPolicy {
    allowed: Allowed,
    required: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Allowed {
    /// That of the host that is asked, under this scheme.
    Same(Scheme),
    Listed(Vec<Origin>),
}

impl OriginPolicy {
    /// Lets the pages of the host that is asked connect.
    ///
    /// `scheme` is the one that browsers see: [`Scheme::Wss`] behind a proxy that ends TLS, too. A page from
    /// `http` is another origin than a `wss` server, as anybody on the way could have put words into it.
    pub const fn same_origin(scheme: Scheme) -> Self {
        Self { allowed: Allowed::Same(scheme), required: false }
    }

    /// Lets these origins connect; `null` stands for all that are opaque.
    ///
    /// # Errors
    ///
    /// A text is not a valid origin: it has a path, for example, or is a pattern.
    pub fn allow<O: AsRef<str>>(origins: impl IntoIterator<Item = O>) -> Result<Self, UriError> {
        let origins: Result<_, _> = origins.into_iter().map(|origin| origin.as_ref().parse()).collect();
        Ok(Self { allowed: Allowed::Listed(origins?), required: false })
    }

    /// Refuses requests without an origin, too.
    #[must_use]
    pub const fn require_origin(mut self) -> Self {
        self.required = true;
        self
    }

    /// Holds a request against the policy.
    ///
    /// # Errors
    ///
    /// The refusal to send: status 403, "Forbidden" (RFC 6455 §4.2.2).
    pub fn check(&self, request: &Request) -> Result<(), RejectConnection> {
        let allowed = match request.headers().single(ORIGIN) {
            Ok(None) => !self.required,
            Ok(Some(origin)) => core::str::from_utf8(origin)
                .ok()
                .and_then(|origin| origin.parse().ok())
                .is_some_and(|origin| self.allows(&origin, request)),
            Err(_) => false,
        };
        if allowed { Ok(()) } else { Err(RejectConnection::new(403)) }
    }

    fn allows(&self, origin: &Origin, request: &Request) -> bool {
        match &self.allowed {
            Allowed::Same(scheme) => Origin::beside(*scheme, request.host()).is_ok_and(|own| own == *origin),
            Allowed::Listed(origins) => origins.contains(origin),
        }
    }
}

/// A scheme (RFC 3986 §3.1).
fn is_scheme(scheme: &[u8]) -> bool {
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
}

/// The port that an origin of this scheme need not name.
fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}
