//! Header fields: in order, their case kept, read as single values or as lists (RFC 9110 §5).

use alloc::format;
use alloc::vec::Vec;
use core::fmt;

use super::syntax;

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
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// Names and values; what else a head holds may stand between them.
    bytes: Vec<u8>,
    fields: Vec<Field>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    name: Span,
    value: Span,
}

/// A place in the bytes of a head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: usize,
    len: usize,
}

impl Headers {
    /// The bytes of a whole head, in which fields are then [placed](Self::place).
    pub(super) fn of_head(bytes: &[u8], fields: usize) -> Self {
        Self { bytes: bytes.to_vec(), fields: Vec::with_capacity(fields) }
    }

    /// Takes note of a field that lies in the bytes already.
    pub(super) fn place(&mut self, name: Span, value: Span) {
        self.fields.push(Field { name, value });
    }

    /// Adds bytes that belong to no field.
    pub(crate) fn add_bytes(&mut self, bytes: &[u8]) -> Span {
        let span = Span { start: self.bytes.len(), len: bytes.len() };
        self.bytes.extend_from_slice(bytes);
        span
    }

    /// The bytes at a place.
    pub(crate) fn bytes(&self, span: Span) -> &[u8] {
        self.bytes.get(span.start..).and_then(|rest| rest.get(..span.len)).unwrap_or_default()
    }

    /// Adds a field behind the others, and tells where its value lies. It is for the caller to check.
    pub(crate) fn push(&mut self, name: &str, value: &[u8]) -> Span {
        let name = self.add_bytes(name.as_bytes());
        let value = self.add_bytes(value);
        self.fields.push(Field { name, value });
        value
    }

    /// Every field, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|field| {
            let name = core::str::from_utf8(self.bytes(field.name)).unwrap_or_default();
            (name, self.bytes(field.value))
        })
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The values of the fields with this name, in order.
    pub fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let name = name.as_bytes();
        self.fields
            .iter()
            .filter(move |field| {
                field.name.len == name.len() && self.bytes(field.name).eq_ignore_ascii_case(name)
            })
            .map(|field| self.bytes(field.value))
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
        self.get_all(name).flat_map(syntax::elements)
    }

    /// Whether a comma-separated list has this element, in any case.
    pub(crate) fn lists(&self, name: &str, element: &str) -> bool {
        let is_it = |listed: &[u8]| listed.eq_ignore_ascii_case(element.as_bytes());
        // Mostly it is all there is.
        self.get_all(name).any(is_it) || self.list(name).any(is_it)
    }

    /// Where the value of the first field with this name lies.
    pub(crate) fn place_of(&self, name: &str) -> Option<Span> {
        let is_named = |field: &&Field| self.bytes(field.name).eq_ignore_ascii_case(name.as_bytes());
        self.fields.iter().find(is_named).map(|field| field.value)
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

/// A field that may stand only once stands twice.
#[derive(Debug)]
pub(crate) struct Repeated;

impl Span {
    /// Where `part` lies in `whole`, of which it is a slice.
    pub(super) fn of(part: &[u8], whole: &[u8]) -> Self {
        let start = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
        Self { start, len: part.len() }
    }

    /// Whether `mark` stands in `whole` right before the place.
    pub(super) fn is_after(self, whole: &[u8], mark: &[u8]) -> bool {
        whole.get(..self.start).is_some_and(|before| before.ends_with(mark))
    }

    /// The place from `skipped` bytes on, and at most `len` bytes long.
    pub(crate) fn part(self, skipped: usize, len: usize) -> Self {
        let skipped = skipped.min(self.len);
        let len = len.min(self.len.saturating_sub(skipped));
        Self { start: self.start.saturating_add(skipped), len }
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(name, value)| (name, format!("{}", value.escape_ascii()))))
            .finish()
    }
}
