//! Header fields: in order, their case kept, read as single values or as lists (RFC 9110 §5).

use alloc::vec::Vec;
use core::fmt;
use core::iter::FusedIterator;

use crate::packed;

use super::known::{Fields, KnownFields, Repeated};
use super::line::reserve_within;
use super::list::split_list;
use super::shown::Shown;

/// The header fields of a request or a response, in order.
///
/// Names keep their case and are compared without it (RFC 9110 §5.1, RFC 6455 §4.1). Values are bytes, as
/// HTTP has it.
///
/// ```
/// use wsproto::Request;
///
/// let request = Request::new("server.example.com", "/chat").with_header("Cookie", "a=b");
/// assert_eq!(request.headers().get("cookie"), Some(&b"a=b"[..]));
/// for (name, value) in request.headers() {
///     println!("{name}: {}", value.escape_ascii());
/// }
/// ```
///
/// Headers cannot be collected from names and values, and not be extended by them: nothing could check these. Use
/// `with_header` of the events, which adds headers one by one, checks each, and refuses line ends and reserved headers.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// Names and values in turn, [packed]. What has no name is not a field.
    bytes: Vec<u8>,
    /// How many fields there are.
    len: usize,
}

/// A range in the bytes of headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: usize,
    len: usize,
}

impl Headers {
    /// No fields, and room for those of a head of this length.
    pub(super) fn with_capacity(head_len: usize) -> Self {
        Self { bytes: Vec::with_capacity(head_len), len: 0 }
    }

    /// Makes room for a field, of a head that has at most `max_head_len` bytes.
    pub(super) fn reserve(&mut self, name: &[u8], value: &[u8], max_head_len: usize) {
        let len = name.len().saturating_add(value.len()).saturating_add(MAX_OVERHEAD);
        reserve_within(&mut self.bytes, len, max_head_len);
    }

    /// Adds bytes that belong to no field.
    pub(crate) fn add_bytes(&mut self, bytes: &[u8]) -> Span {
        // Mostly the last that is added.
        self.bytes.reserve_exact(bytes.len().saturating_add(MAX_OVERHEAD));
        packed::push(&mut self.bytes, b"");
        self.add_string(bytes)
    }

    /// Adds the bytes of a range once more, after a prefix.
    pub(crate) fn add_prefixed(&mut self, prefix: &[u8], span: Span) -> Span {
        let end = span.start.saturating_add(span.len);
        if self.bytes.get(span.start..end).is_none() {
            return Span::default();
        }
        let len = prefix.len().saturating_add(span.len);
        self.bytes.reserve_exact(len.saturating_add(MAX_OVERHEAD));
        packed::push(&mut self.bytes, b"");
        packed::push_len(&mut self.bytes, len);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(prefix);
        self.bytes.extend_from_within(span.start..end);
        Span { start, len }
    }

    fn add_string(&mut self, string: &[u8]) -> Span {
        packed::push(&mut self.bytes, string);
        Span { start: self.bytes.len().saturating_sub(string.len()), len: string.len() }
    }

    /// The bytes of a range.
    pub(crate) fn bytes(&self, span: Span) -> &[u8] {
        self.bytes.get(span.start..).and_then(|rest| rest.get(..span.len)).unwrap_or_default()
    }

    /// Adds a field after the others, and returns where its value is. The caller checks both.
    pub(crate) fn push(&mut self, name: &str, value: &[u8]) -> Span {
        self.len = self.len.saturating_add(usize::from(!name.is_empty()));
        match (u8::try_from(name.len()), u8::try_from(value.len())) {
            // Lengths of one byte, as most are.
            (Ok(name_len @ ..0x80), Ok(value_len @ ..0x80)) => {
                self.bytes.reserve(name.len().saturating_add(value.len()).saturating_add(2));
                self.bytes.push(name_len);
                self.bytes.extend_from_slice(name.as_bytes());
                self.bytes.push(value_len);
                self.bytes.extend_from_slice(value);
                Span { start: self.bytes.len().saturating_sub(value.len()), len: value.len() }
            }
            _ => {
                self.add_string(name.as_bytes());
                self.add_string(value)
            }
        }
    }

    /// The same, of a value that is written: twice, as its length stands before it.
    pub(crate) fn push_written(&mut self, name: &str, value: impl Fn(&mut dyn fmt::Write)) {
        self.add_string(name.as_bytes());
        self.len = self.len.saturating_add(1);
        let mut len = WrittenLen(0);
        value(&mut len);
        self.bytes.reserve(len.0.saturating_add(MAX_OVERHEAD));
        packed::push_len(&mut self.bytes, len.0);
        value(&mut Appended(&mut self.bytes));
    }

    /// Every field, in order.
    pub fn iter(&self) -> HeadersIter<'_> {
        HeadersIter { rest: &self.bytes }
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The values of the fields with this name, in order.
    pub fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let name = name.as_bytes();
        let mut rest = self.bytes.as_slice();
        core::iter::from_fn(move || {
            loop {
                let (found, value) = (packed::take(&mut rest)?, packed::take(&mut rest)?);
                if found.len() == name.len() && found.eq_ignore_ascii_case(name) {
                    return Some(value);
                }
            }
        })
    }

    /// The value of the first field with this name.
    pub fn get<'a>(&'a self, name: &str) -> Option<&'a [u8]> {
        self.get_all(name).next()
    }

    /// The elements of a comma-separated list over all fields with this name, empty ones left out
    /// (RFC 9110 §5.6.1). A comma between quotes is part of its element (§5.6.4).
    ///
    /// ```
    /// use wsproto::Request;
    ///
    /// let request = Request::new("a", "/").with_header("X", r#"a="1, 2", b"#).with_header("X", "c,");
    /// assert!(request.headers().list("X").eq([&br#"a="1, 2""#[..], b"b", b"c"]));
    /// ```
    pub fn list<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.get_all(name).flat_map(split_list)
    }

    /// The fields that the handshake itself reads.
    pub(crate) fn known(&self) -> KnownFields<'_, &Self> {
        KnownFields::of(self)
    }

    /// Where a value of these headers is in their bytes.
    pub(crate) fn span_of(&self, value: &[u8]) -> Span {
        Span::of(value, &self.bytes)
    }

    /// The value of a field that may stand only once; `Err` if it is repeated.
    pub(crate) fn single<'a>(&'a self, name: &str) -> Result<Option<&'a [u8]>, Repeated> {
        let mut values = self.get_all(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Repeated),
            (value, None) => Ok(value),
        }
    }
}

impl<'h> Fields<'h> for &'h Headers {
    #[inline]
    fn fields(self) -> impl Iterator<Item = (&'h [u8], &'h [u8])> {
        let mut rest = self.bytes.as_slice();
        core::iter::from_fn(move || Some((packed::take(&mut rest)?, packed::take(&mut rest)?)))
    }
}

/// The fields of [`Headers`], in order.
#[derive(Clone)]
pub struct HeadersIter<'h> {
    /// The names and values that are left.
    rest: &'h [u8],
}

impl<'h> Iterator for HeadersIter<'h> {
    type Item = (&'h str, &'h [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (name, value) = (packed::take(&mut self.rest)?, packed::take(&mut self.rest)?);
            if !name.is_empty() {
                return Some((core::str::from_utf8(name).unwrap_or_default(), value));
            }
        }
    }
}

impl FusedIterator for HeadersIter<'_> {}

impl<'h> IntoIterator for &'h Headers {
    type Item = (&'h str, &'h [u8]);
    type IntoIter = HeadersIter<'h>;

    fn into_iter(self) -> HeadersIter<'h> {
        self.iter()
    }
}

impl fmt::Debug for HeadersIter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone().map(|(name, value)| (name, Shown { name, value }))).finish()
    }
}

/// Counts what is written.
struct WrittenLen(usize);

impl fmt::Write for WrittenLen {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.saturating_add(text.len());
        Ok(())
    }
}

/// Keeps what is written.
struct Appended<'a>(&'a mut Vec<u8>);

impl fmt::Write for Appended<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// What a field takes besides its name and its value, at most, for lengths below 2²¹.
const MAX_OVERHEAD: usize = 6;

impl Span {
    /// The range of `part` in `whole`, of which it is a slice.
    pub(super) fn of(part: &[u8], whole: &[u8]) -> Self {
        let start = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
        Self { start, len: part.len() }
    }

    /// Whether `mark` is right before the range in `whole`.
    pub(super) fn is_after(self, whole: &[u8], mark: &[u8]) -> bool {
        whole.get(..self.start).is_some_and(|before| before.ends_with(mark))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(name, value)| (name, Shown { name, value }))).finish()
    }
}
