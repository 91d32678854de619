//! HTTP/1.1: bytes to heads and bodies, and back (RFC 9112).

mod version;
pub(crate) mod packed;
pub(crate) mod syntax;
// Use them.
mod line;
mod parse;
mod list;
mod headers;
mod known;
// Use them all.
mod fields;
mod head;
mod body;
mod write;

pub(crate) use body::{BodyDecoder, BodyLen, decimal};
pub(crate) use fields::FieldGatherer;
pub use head::RequestHead;
pub(crate) use head::{HeadReader, ResponseHead};
pub(crate) use headers::Span;
pub use headers::{Headers, HeadersIter};
pub(crate) use known::{Fields, Known, KnownFields, Place};
pub use list::split_list;
pub(crate) use parse::check_status;
pub use version::{HttpVersion, StreamError};
pub(crate) use write::{Put, put_chunk, put_field, put_last_fields, put_list, reserve, write};
