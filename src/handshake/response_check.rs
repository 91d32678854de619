//! The rules for a response that a server is to send (RFC 6455 §4.2.2; RFC 9112 §6).

use crate::error::LocalProtocolError;
use crate::http::{Headers, decimal};

use super::accept::AcceptConnection;
use super::fields::{CONTENT_LENGTH, NOT_MODIFIED};
use super::reject::RejectConnection;
use super::request::{Offers, Request};

/// How a refusal's body is framed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Framing {
    Chunked,
    /// So many bytes were announced and have not come.
    Known {
        remaining: u64,
    },
}

/// Checks that the request can be accepted so.
pub(super) fn check_accept(request: &Request, accept: &AcceptConnection) -> Result<(), LocalProtocolError> {
    accept.check()?;
    if let Some(chosen) = accept.subprotocol() {
        if !request.subprotocols().any(|offered| offered == chosen) {
            return Err(LocalProtocolError::SubprotocolNotOffered);
        }
    }
    if accept.agreed().iter().all(|agreed| request.offers_extension(Offers::Named, agreed.name_bytes())) {
        Ok(())
    } else {
        Err(LocalProtocolError::ExtensionNotOffered)
    }
}

/// Checks that a refusal can be sent, and returns how its body is framed, if it has one.
pub(super) fn check_reject(reject: &RejectConnection) -> Result<Option<Framing>, LocalProtocolError> {
    reject.check()?;
    let len = announced_len(reject.headers())?;
    // Chunks are for a body whose length is not announced (RFC 9112 §6.1, §6.2).
    if reject.headers().get("Transfer-Encoding").is_some() && (!reject.has_body() || len.is_some()) {
        return Err(LocalProtocolError::InvalidBody);
    }
    match (reject.status_code(), reject.has_body(), len) {
        (NOT_MODIFIED, false, _) | (_, false, None | Some(0)) => Ok(None),
        (NOT_MODIFIED, true, _) | (_, false, _) => Err(LocalProtocolError::InvalidBody),
        (_, true, None) => Ok(Some(Framing::Chunked)),
        (_, true, Some(remaining)) => Ok(Some(Framing::Known { remaining })),
    }
}

/// The length of body that a refusal's headers announce.
fn announced_len(headers: &Headers) -> Result<Option<u64>, LocalProtocolError> {
    match headers.single(CONTENT_LENGTH) {
        Ok(None) => Ok(None),
        Ok(Some(len)) => decimal(len).map(Some).ok_or(LocalProtocolError::InvalidBody),
        Err(_) => Err(LocalProtocolError::InvalidBody),
    }
}
