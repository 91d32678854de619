//! Heads of HTTP messages (RFC 9112), and the values of the opening handshake.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::encoding::to_latin1;

/// The head of a request or a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// The request line or the status line.
    pub(crate) start: String,
    /// Of a response.
    pub(crate) status: Option<u16>,
    /// Of a request.
    pub(crate) target: Option<String>,
    /// Names in lower case.
    pub(crate) fields: Vec<(String, String)>,
    /// The length of the head in bytes.
    pub(crate) len: usize,
}

impl Head {
    /// Reads the head of a response. `None` if `bytes` do not hold all of it; an error if it is not valid.
    pub(crate) fn response(bytes: &[u8]) -> Result<Option<Self>, String> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut response = httparse::Response::new(&mut fields);
        match response.parse(bytes).map_err(|error| format!("not a valid response: {error}"))? {
            httparse::Status::Partial => Ok(None),
            httparse::Status::Complete(len) => Ok(Some(Self {
                start: start(bytes),
                status: response.code,
                target: None,
                fields: response.headers.iter().map(field).collect(),
                len,
            })),
        }
    }

    /// Reads the head of a request.
    pub(crate) fn request(bytes: &[u8]) -> Result<Option<Self>, String> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut request = httparse::Request::new(&mut fields);
        match request.parse(bytes).map_err(|error| format!("not a valid request: {error}"))? {
            httparse::Status::Partial => Ok(None),
            httparse::Status::Complete(len) => Ok(Some(Self {
                start: start(bytes),
                status: None,
                target: request.path.map(str::to_owned),
                fields: request.headers.iter().map(field).collect(),
                len,
            })),
        }
    }

    /// The values of all fields with this name (in lower case), joined with commas; `None` if there is none.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let values: Vec<_> = self.all(name).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |field| field.0 == name).map(|field| field.1.as_str())
    }

    /// Whether a list has this token, whatever its case.
    pub(crate) fn has_token(&self, name: &str, token: &str) -> bool {
        self.all(name).flat_map(|value| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(token))
    }
}

fn start(bytes: &[u8]) -> String {
    let line = bytes.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty());
    to_latin1(line.unwrap_or_default().trim_ascii())
}

fn field(field: &httparse::Header<'_>) -> (String, String) {
    (field.name.to_ascii_lowercase(), to_latin1(field.value).trim_matches([' ', '\t']).to_owned())
}

/// The `Sec-WebSocket-Accept` for a key (RFC 6455 §4.2.2).
pub(crate) fn accept_value(key: &str) -> String {
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    STANDARD.encode(digest)
}

/// The `Sec-WebSocket-Key` made of these bytes.
pub(crate) fn key(bytes: [u8; 16]) -> String {
    STANDARD.encode(bytes)
}

/// Whether this is the base64 of 16 bytes (RFC 6455 §4.1).
pub(crate) fn is_key(key: &str) -> bool {
    STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16)
}

const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const MAX_FIELDS: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        let bytes = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nA: 1\r\na:2\r\n\r\nrest";
        let head = Head::response(bytes).unwrap().unwrap();
        assert_eq!(
            (head.status, head.field("a").as_deref(), head.len),
            (Some(101), Some("1, 2"), bytes.len() - 4)
        );
        assert!(head.has_token("upgrade", "websocket") && !head.has_token("upgrade", "web"));
        assert_eq!(Head::response(&bytes[..20]), Ok(None));
        assert!(Head::response(b"SSH-2.0\r\n").is_err());
        let head = Head::request(b"GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n").unwrap().unwrap();
        assert_eq!(head.target.as_deref(), Some("/a?b"));
    }

    #[test]
    fn accept_value_is_that_of_the_rfc() {
        assert_eq!(accept_value("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(is_key("dGhlIHNhbXBsZSBub25jZQ==") && !is_key("dGhl"));
    }
}
