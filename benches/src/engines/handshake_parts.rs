//! The parts that every handshake needs, each one alone.

use std::hint::black_box;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use httparse::{EMPTY_HEADER, Request};
use sha1::{Digest as _, Sha1};

use crate::engine::{HandshakeEngine, Out, Outcome, Unfit, refused};

/// Parsing the head, in place.
pub(crate) struct Httparse;

impl Httparse {
    pub(crate) const NAME: &str = "httparse";
    pub(crate) const DRIVEN: &str = "`Request::parse` of the head, and nothing besides";
}

impl HandshakeEngine for Httparse {
    fn new(deflates: bool) -> Result<Self, Unfit> {
        alone(deflates).map(|()| Self)
    }

    fn accept(&mut self, head: &'static [u8], _: &mut Out) -> Outcome {
        let mut fields = [EMPTY_HEADER; 16];
        let mut request = Request::new(&mut fields);
        let status = request.parse(black_box(head)).map_err(refused)?;
        black_box((status, request));
        Ok(())
    }
}

/// Computing the answer to the key.
pub(crate) struct AcceptToken;

impl AcceptToken {
    pub(crate) const NAME: &str = "SHA-1 and base64";
    pub(crate) const DRIVEN: &str = "by the crates `sha1` and `base64`, of a key in memory, into an array";
}

impl HandshakeEngine for AcceptToken {
    fn new(deflates: bool) -> Result<Self, Unfit> {
        alone(deflates).map(|()| Self)
    }

    fn accept(&mut self, _: &'static [u8], _: &mut Out) -> Outcome {
        let key = black_box(b"dGhlIHNhbXBsZSBub25jZQ==");
        let guid = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
        let digest = Sha1::new().chain_update(key).chain_update(guid).finalize();
        let mut token = [0; 28];
        STANDARD.encode_slice(digest, &mut token).map_err(refused)?;
        black_box(token);
        Ok(())
    }
}

/// These parts are the same with extensions.
fn alone(deflates: bool) -> Result<(), Unfit> {
    if deflates { Err(Unfit::Missing("it is the same")) } else { Ok(()) }
}
