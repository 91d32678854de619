//! HTTP/1.1: bytes to heads and bodies, and back (RFC 9112).

#[cfg(feature = "alloc")]
mod version;
pub(crate) mod syntax;
mod shown;
// Use them.
mod list;
mod known;
mod parse;
mod scan;
mod write;
// What is stored.
#[cfg(feature = "alloc")]
mod line;
#[cfg(feature = "alloc")]
mod headers;
#[cfg(feature = "alloc")]
mod place;
// Use them all.
#[cfg(feature = "alloc")]
mod fields;
#[cfg(feature = "alloc")]
mod head;
#[cfg(feature = "alloc")]
mod body;

pub(crate) use known::{Fields, Known, KnownFields, values_named};
pub use list::split_list;
pub(crate) use parse::{RequestLine, StatusLine, decimal};
pub(crate) use scan::{FieldLines, HeadRef, HeadScanner};
pub(crate) use write::{
    Put, put_acceptance, put_field, put_last_fields, put_list, put_refusal, put_request, reserve, write,
};

#[cfg(feature = "alloc")]
pub(crate) use {
    body::{BodyDecoder, BodyLen},
    fields::FieldGatherer,
    head::{HeadReader, ResponseHead},
    headers::Span,
    parse::check_status,
    place::Place,
    write::{put_chunk, put_request_line},
};
#[cfg(feature = "alloc")]
pub use {
    head::RequestHead,
    headers::{Headers, HeadersIter},
    version::{HttpVersion, StreamError},
};
