//! A response in the buffer of the client that has received it (RFC 6455 §4.1).

use core::fmt;

use crate::http::{FieldLines, HeadRef, Known, StatusLine, values_named};
use crate::token::text;

use super::super::fields::is_empty_list;

/// The head of a server's response, in the buffer where the client has received it.
///
/// [`SliceClientHandshake::receive`](crate::SliceClientHandshake::receive) returns it. Each call of an accessor for
/// headers reads the head anew.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ResponseRef<'b> {
    status_code: u16,
    fields: FieldLines<'b>,
    head_len: usize,
}

impl<'b> ResponseRef<'b> {
    pub(super) const fn new(head: &HeadRef<'b, StatusLine>) -> Self {
        Self { status_code: head.start_line.status_code, fields: head.fields, head_len: head.end }
    }

    /// How many bytes of the buffer are the response's head, with the 1xx responses before it.
    ///
    /// What follows them are frames, or the body of a refusal.
    pub const fn head_len(&self) -> usize {
        self.head_len
    }

    /// The status.
    pub const fn status_code(&self) -> u16 {
        self.status_code
    }

    /// The subprotocol in use (§4.1).
    pub fn subprotocol(&self) -> Option<&'b str> {
        values_named(self.fields, Known::Protocol.name()).find(|chosen| !is_empty_list(chosen)).map(text)
    }

    /// The value of the first header with this name.
    pub fn header(&self, name: &str) -> Option<&'b [u8]> {
        values_named(self.fields, name).next()
    }

    /// All headers, names with their values, in order.
    pub fn headers(&self) -> impl Iterator<Item = (&'b str, &'b [u8])> + use<'b> {
        self.fields.iter()
    }
}

impl fmt::Debug for ResponseRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseRef")
            .field("status_code", &self.status_code)
            .field("headers", &self.fields)
            .finish_non_exhaustive()
    }
}
