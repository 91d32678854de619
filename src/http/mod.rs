//! HTTP/1.1: bytes to heads and bodies, and back (RFC 9112).

pub(crate) mod syntax;
// Uses it.
mod headers;
// Uses both.
mod head;
mod body;
mod write;

pub(crate) use body::{BodyDecoder, BodyLen, decimal};
pub(crate) use head::{HeadReader, RequestHead, ResponseHead};
pub use headers::Headers;
pub(crate) use headers::Span;
pub(crate) use write::{Put, put_chunk, put_field, put_last_fields, reserve, write};
