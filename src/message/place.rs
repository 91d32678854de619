//! Where an event's data is: in the caller's input, or in the decoder (RFC 6455 §5.4).

use core::ops::Range;

use crate::event::{Event, EventRef};
use crate::frame::FrameHeader;

/// An event, and the range of its data in the input: what [`Receiver::next_range`](crate::Receiver::next_range)
/// returns.
///
/// It borrows the receiver and not the input, so the input can be split while this is held.
///
/// ```
/// use wsproto::{BytesMessage, Event, Limits, Receiver, Role, Source};
///
/// let mut receiver = Receiver::new(Role::Client, Limits::default());
/// let found = receiver.next_range(&mut &mut b"\x82\x02ab".to_owned()[..])?.unwrap();
/// assert_eq!((found.consumed, found.header.payload_len), (4, 2));
/// assert_eq!(found.event, Event::Bytes(BytesMessage::new(Source::Input(2..4))));
/// # Ok::<(), wsproto::RemoteProtocolError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found<'r> {
    /// How many bytes were removed from the input, headers included. The data is within them.
    pub consumed: usize,
    /// The header, as it is on the wire, of the frame that the data is from.
    pub header: FrameHeader,
    /// The event; its data is a [`Source`].
    pub event: Event<Source<&'r str>, Source<&'r [u8]>>,
}

/// Where the data of a [`Found`] event is: in the input, or in the receiver.
///
/// The enum is exhaustive on purpose: there is no third place.
///
/// ```
/// use wsproto::Source;
///
/// let input = b"\x82\x02ab";
/// for source in [Source::Input(2..4), Source::Kept(&b"ab"[..])] {
///     let data = match source {
///         Source::Input(range) => &input[range],
///         Source::Kept(data) => data,
///     };
///     assert_eq!(data, b"ab");
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source<T> {
    /// In the input, unmasked: this range of it, counted from the start of the input at the call. Text is valid UTF-8.
    Input(Range<usize>),
    /// In the receiver: a character or a control frame that is split across reads, or the output of extensions.
    Kept(T),
}

impl<T> Source<T> {
    /// The same source, with kept data converted.
    ///
    /// ```
    /// use wsproto::Source;
    ///
    /// assert_eq!(Source::Kept("é").map(str::as_bytes), Source::Kept(&b"\xc3\xa9"[..]));
    /// ```
    pub fn map<U>(self, kept: impl FnOnce(T) -> U) -> Source<U> {
        match self {
            Self::Input(range) => Source::Input(range),
            Self::Kept(data) => Source::Kept(kept(data)),
        }
    }
}

/// How an event holds its data: from the input, which lives for `'i`, or from the decoder, which lives for `'r`.
pub(super) trait Holds<'r, 'i> {
    type Data<T: ?Sized + 'r + 'i>;
    type Event;

    /// Data in the input. It begins `to_end` bytes before the end of the consumed bytes.
    fn input<T: ?Sized>(data: &'i T, to_end: usize) -> Self::Data<T>;

    /// Data in the decoder.
    fn kept<T: ?Sized>(data: &'r T) -> Self::Data<T>;

    /// An event of a frame with this header.
    fn event(header: FrameHeader, event: Event<Self::Data<str>, Self::Data<[u8]>>) -> Self::Event;
}

/// Data as a plain reference.
pub(super) struct Borrowed;

impl<'r, 'i: 'r> Holds<'r, 'i> for Borrowed {
    type Data<T: ?Sized + 'r + 'i> = &'r T;
    type Event = EventRef<'r>;

    #[inline(always)]
    fn input<T: ?Sized>(data: &'i T, _: usize) -> &'r T {
        data
    }

    #[inline(always)]
    fn kept<T: ?Sized>(data: &'r T) -> &'r T {
        data
    }

    #[inline(always)]
    fn event(_: FrameHeader, event: EventRef<'r>) -> EventRef<'r> {
        event
    }
}

/// Data as a [`Place`], which says where it is.
pub(super) struct InPlace;

/// Borrowed data, and where it is.
pub(crate) enum Place<'r, 'i, T: ?Sized> {
    /// In the input. It begins this many bytes before the end of the consumed bytes.
    Input(&'i T, usize),
    /// In the decoder.
    Kept(&'r T),
}

impl AsRef<str> for Place<'_, '_, str> {
    fn as_ref(&self) -> &str {
        match self {
            Self::Input(text, _) => text,
            Self::Kept(text) => text,
        }
    }
}

impl AsRef<[u8]> for Place<'_, '_, [u8]> {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Input(bytes, _) => bytes,
            Self::Kept(bytes) => bytes,
        }
    }
}

/// An event, and where its data is.
pub(crate) struct Located<'r, 'i> {
    pub(crate) header: FrameHeader,
    pub(crate) event: Event<Place<'r, 'i, str>, Place<'r, 'i, [u8]>>,
}

impl<'r, 'i> Holds<'r, 'i> for InPlace {
    type Data<T: ?Sized + 'r + 'i> = Place<'r, 'i, T>;
    type Event = Located<'r, 'i>;

    #[inline(always)]
    fn input<T: ?Sized>(data: &'i T, to_end: usize) -> Place<'r, 'i, T> {
        Place::Input(data, to_end)
    }

    #[inline(always)]
    fn kept<T: ?Sized>(data: &'r T) -> Place<'r, 'i, T> {
        Place::Kept(data)
    }

    #[inline(always)]
    fn event(header: FrameHeader, event: Event<Place<'r, 'i, str>, Place<'r, 'i, [u8]>>) -> Located<'r, 'i> {
        Located { header, event }
    }
}

impl<'r> Located<'r, '_> {
    /// Converts places to offsets in an input of which `consumed` bytes were removed.
    pub(crate) fn found(self, consumed: usize) -> Found<'r> {
        let range = |len: usize, to_end: usize| {
            let start = consumed.saturating_sub(to_end);
            start..start.saturating_add(len)
        };
        let event = self.event.map(
            |text| match text {
                Place::Input(text, to_end) => Source::Input(range(text.len(), to_end)),
                Place::Kept(text) => Source::Kept(text),
            },
            |bytes| match bytes {
                Place::Input(bytes, to_end) => Source::Input(range(bytes.len(), to_end)),
                Place::Kept(bytes) => Source::Kept(bytes),
            },
        );
        Found { consumed, header: self.header, event }
    }
}
