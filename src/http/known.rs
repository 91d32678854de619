//! The fields that a handshake itself reads, found in one pass over a head (RFC 6455 §11.3).

use super::list::split_list;

/// A field that the handshake itself reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Host,
    Upgrade,
    Connection,
    Origin,
    ContentLength,
    TransferEncoding,
    Key,
    Version,
    Accept,
    Protocol,
    Extensions,
}

/// The fields of a head, wherever they are kept.
pub(crate) trait Fields<'h>: Copy {
    /// Names and values, in order. Names without a byte are not fields.
    fn fields(self) -> impl Iterator<Item = (&'h [u8], &'h [u8])>;
}

/// The values of those fields, so that each rule of a handshake need not search them again.
///
/// A head that a peer sends may repeat a field as often as the limits allow, so only the first value is kept, and
/// whether there are more: those are searched for, where a list may go over several fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownFields<'h, F> {
    pub(super) all: F,
    first: [Option<&'h [u8]>; Known::COUNT],
    is_repeated: [bool; Known::COUNT],
}

impl Known {
    const COUNT: usize = 11;

    /// The name, as it is usually written.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Host => "Host",
            Self::Upgrade => "Upgrade",
            Self::Connection => "Connection",
            Self::Origin => "Origin",
            Self::ContentLength => "Content-Length",
            Self::TransferEncoding => "Transfer-Encoding",
            Self::Key => "Sec-WebSocket-Key",
            Self::Version => "Sec-WebSocket-Version",
            Self::Accept => "Sec-WebSocket-Accept",
            Self::Protocol => "Sec-WebSocket-Protocol",
            Self::Extensions => "Sec-WebSocket-Extensions",
        }
    }

    /// The field with this name, in any case.
    #[inline]
    fn of(name: &[u8]) -> Option<Self> {
        // Each has a length of its own, except for two.
        let known = match (name.len(), name.first()?.to_ascii_lowercase()) {
            (4, b'h') => Self::Host,
            (6, b'o') => Self::Origin,
            (7, b'u') => Self::Upgrade,
            (10, b'c') => Self::Connection,
            (14, b'c') => Self::ContentLength,
            (17, b't') => Self::TransferEncoding,
            (17, b's') => Self::Key,
            (20, b's') => Self::Accept,
            (21, b's') => Self::Version,
            (22, b's') => Self::Protocol,
            (24, b's') => Self::Extensions,
            _ => return None,
        };
        let expected = known.name().as_bytes();
        (name == expected || name.eq_ignore_ascii_case(expected)).then_some(known)
    }
}

/// A field that is allowed once is there twice.
#[derive(Debug)]
pub(crate) struct Repeated;

impl<'h, F: Fields<'h>> KnownFields<'h, F> {
    /// Finds them among all fields.
    #[inline]
    pub(crate) fn of(all: F) -> Self {
        let mut known_fields = Self { all, first: [None; Known::COUNT], is_repeated: [false; Known::COUNT] };
        for (name, value) in all.fields() {
            let Some(known) = Known::of(name) else { continue };
            let (first, is_repeated) = (
                known_fields.first.get_mut(known as usize),
                known_fields.is_repeated.get_mut(known as usize),
            );
            if let (Some(first), Some(is_repeated)) = (first, is_repeated) {
                *is_repeated = first.is_some();
                first.get_or_insert(value);
            }
        }
        known_fields
    }

    /// The first value of a field.
    pub(crate) fn first(&self, known: Known) -> Option<&'h [u8]> {
        self.first.get(known as usize).copied().flatten()
    }

    /// The value of a field that may be there only once; `Err` if it is repeated.
    pub(crate) fn single(&self, known: Known) -> Result<Option<&'h [u8]>, Repeated> {
        if self.is_repeated(known) { Err(Repeated) } else { Ok(self.first(known)) }
    }

    /// The values of a field, in order.
    pub(crate) fn values(&self, known: Known) -> impl Iterator<Item = &'h [u8]> + use<'h, F> {
        let (only, all) = match self.single(known) {
            Ok(only) => (only, None),
            Err(Repeated) => (None, Some(self.all)),
        };
        only.into_iter().chain(all.into_iter().flat_map(move |all| values_named(all, known.name())))
    }

    /// Whether a comma-separated list over all fields of a name has this element, in any case.
    pub(crate) fn list_contains(&self, known: Known, element: &str) -> bool {
        let element = element.as_bytes();
        let is_it = |listed: &[u8]| listed == element || listed.eq_ignore_ascii_case(element);
        // Mostly it is all there is.
        self.first(known).is_some_and(is_it) || self.values(known).flat_map(split_list).any(is_it)
    }

    fn is_repeated(&self, known: Known) -> bool {
        self.is_repeated.get(known as usize).copied().unwrap_or_default()
    }
}

/// The values of the fields with this name, in order.
pub(crate) fn values_named<'h, F: Fields<'h>>(
    all: F,
    name: &str,
) -> impl Iterator<Item = &'h [u8]> + use<'h, '_, F> {
    let name = name.as_bytes();
    all.fields().filter(move |(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::*;
    use crate::http::Headers;

    const ALL: [Known; Known::COUNT] = [
        Known::Host,
        Known::Upgrade,
        Known::Connection,
        Known::Origin,
        Known::ContentLength,
        Known::TransferEncoding,
        Known::Key,
        Known::Version,
        Known::Accept,
        Known::Protocol,
        Known::Extensions,
    ];

    #[test]
    fn each_field_is_found_in_any_case_and_has_a_slot_of_its_own() {
        for (index, known) in ALL.into_iter().enumerate() {
            assert_eq!(known as usize, index);
            for name in [known.name().to_owned(), known.name().to_lowercase(), known.name().to_uppercase()] {
                assert_eq!(Known::of(name.as_bytes()), Some(known));
                assert_eq!(Known::of(name.replace(['o', 'O', 'e', 'E'], "x").as_bytes()), None, "{name}");
            }
        }
    }

    #[test]
    fn the_first_value_is_kept_and_others_are_found() {
        let mut headers = Headers::default();
        headers.add_bytes(b"Host");
        for (name, value) in
            [("X", "1"), ("host", "a"), ("CONNECTION", "x"), ("Host", "b"), ("connection", "y, Z")]
        {
            headers.push(name, value.as_bytes());
        }
        let fields = headers.known();
        assert_eq!(fields.first(Known::Host), Some(&b"a"[..]));
        assert!(fields.single(Known::Host).is_err());
        assert!(fields.values(Known::Host).eq([b"a", b"b"]));
        assert!(fields.list_contains(Known::Connection, "z"));
        assert!(!fields.list_contains(Known::Connection, "w"));
        assert_eq!(fields.single(Known::Upgrade).unwrap(), None);
        assert_eq!(fields.values(Known::Upgrade).next(), None);
    }
}
