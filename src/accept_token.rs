//! The client's key, and the token by which the server accepts it (RFC 6455 §1.3, §4.1, §4.2.2).

use core::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use sha1::{Digest, Sha1};

use crate::entropy::Entropy;

/// Computes the `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key`.
///
/// The key is the header's value, without the white space around it.
///
/// ```
/// use wsproto::generate_accept_token;
///
/// let token = generate_accept_token(b"dGhlIHNhbXBsZSBub25jZQ==");
/// assert_eq!(token.as_str(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="); // §1.3
/// ```
pub fn generate_accept_token(key: &[u8]) -> AcceptToken {
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    let mut token = AcceptToken([0; ACCEPT_LEN]);
    // The lengths fit, so this cannot fail.
    let _ = BASE64.encode_slice(digest, &mut token.0);
    token
}

/// The value of a `Sec-WebSocket-Accept` header: 28 characters of base64.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AcceptToken([u8; ACCEPT_LEN]);

/// The value of a `Sec-WebSocket-Key` header: 24 characters of base64.
///
/// ```
/// use wsproto::SecWebSocketKey;
///
/// let nonce = SecWebSocketKey::new(*b"the sample nonce");
/// assert_eq!(nonce.as_str(), "dGhlIHNhbXBsZSBub25jZQ=="); // §1.3
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecWebSocketKey([u8; KEY_LEN]);

impl SecWebSocketKey {
    /// Encodes these bytes as a key.
    pub fn new(bytes: [u8; NONCE_LEN]) -> Self {
        let mut nonce = Self([0; KEY_LEN]);
        // The lengths fit, so this cannot fail.
        let _ = BASE64.encode_slice(bytes, &mut nonce.0);
        nonce
    }

    /// Draws a key from `entropy` for one connection (§4.1: "selected randomly for each connection").
    pub fn generate(entropy: &mut impl Entropy) -> Self {
        let mut bytes = [0; NONCE_LEN];
        entropy.fill(&mut bytes);
        Self::new(bytes)
    }
}

impl SecWebSocketKey {
    /// The key of a request, if it is valid (§4.2.1).
    #[cfg(feature = "alloc")]
    pub(crate) fn received(key: &[u8]) -> Option<Self> {
        if Self::is_key(key) { key.try_into().map(Self).ok() } else { None }
    }

    /// Whether a key is sixteen bytes in base64 (§4.2.1).
    pub(crate) fn is_key(key: &[u8]) -> bool {
        let mut bytes = [0; KEY_LEN];
        key.len() == KEY_LEN && BASE64.decode_slice(key, &mut bytes).is_ok_and(|len| len == NONCE_LEN)
    }
}

impl AcceptToken {
    /// The characters.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The characters as bytes.
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<str> for AcceptToken {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<[u8]> for AcceptToken {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Display for AcceptToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for AcceptToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AcceptToken").field(&self.as_str()).finish()
    }
}

impl SecWebSocketKey {
    /// The characters.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The characters as bytes.
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<str> for SecWebSocketKey {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<[u8]> for SecWebSocketKey {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Display for SecWebSocketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SecWebSocketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SecWebSocketKey").field(&self.as_str()).finish()
    }
}

/// "The Globally Unique Identifier … unlikely to be used by network endpoints that do not understand the
/// WebSocket Protocol" (§1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// "A nonce … a randomly selected 16-byte value" (§4.1).
const NONCE_LEN: usize = 16;

/// Sixteen bytes in base64.
const KEY_LEN: usize = 24;

/// A SHA-1 digest, twenty bytes, in base64.
const ACCEPT_LEN: usize = 28;

/// Padded base64. The grammar (§4.3) does not restrict the unused bits of the last character, and some clients fill
/// them at random.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sixteen_bytes_in_base64() {
        for key in ["dGhlIHNhbXBsZSBub25jZQ==", "/////////////////////w==", "AQIDBAUGBwgJCgsMDQ4PEH=="] {
            assert!(SecWebSocketKey::is_key(key.as_bytes()), "{key}");
        }
        for key in [
            "",
            "AAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAAAA=",
            "dGhlIHNhbXBsZSBub25jZQ",
            "dGhlIHNhbXBsZSBub25j_Q==",
        ] {
            assert!(!SecWebSocketKey::is_key(key.as_bytes()), "{key}");
        }
    }
}
