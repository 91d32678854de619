//! Where an event's data is: in the caller's input, or in the machine (RFC 6455 §5.4).

use core::ops::Range;

use crate::event::{Event, EventRef};
use crate::frame::FrameHeader;

/// An event, and where its data is in the input: what [`Receiver::next_range`](crate::Receiver::next_range) returns.
///
/// It borrows the receiver and not the input, so that the input can be split while it is held.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found<'r> {
    /// How many bytes were removed from the input, headers included. The data is within them.
    pub consumed: usize,
    /// The header of the frame that the data is from, as it is on the wire.
    pub header: FrameHeader,
    /// The event, with the place of its data.
    pub event: Event<Source<&'r str>, Source<&'r [u8]>>,
}

/// Where the data of a [`Found`] event is.
///
/// It is exhaustive on purpose: there is no third place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source<T> {
    /// In the input, unmasked: these bytes of it, counted from where it began at the call. Text is valid UTF-8.
    Input(Range<usize>),
    /// In the receiver: a character that a read has cut, a control frame that came in parts, or what extensions have
    /// decoded.
    Kept(T),
}

impl<T> Source<T> {
    /// The same place; what is kept is converted.
    pub fn map<U>(self, kept: impl FnOnce(T) -> U) -> Source<U> {
        match self {
            Self::Input(range) => Source::Input(range),
            Self::Kept(data) => Source::Kept(kept(data)),
        }
    }
}

/// How an event holds its data: from the input, which lives for `'i`, or kept in the machine, for `'r`.
pub(super) trait Holds<'r, 'i> {
    type Data<T: ?Sized + 'r + 'i>;
    type Event;

    /// Data of the input, which begins `to_end` bytes before the end of what is consumed.
    fn input<T: ?Sized>(data: &'i T, to_end: usize) -> Self::Data<T>;

    /// Data of the machine.
    fn kept<T: ?Sized>(data: &'r T) -> Self::Data<T>;

    /// An event of a frame with this header.
    fn event(header: FrameHeader, event: Event<Self::Data<str>, Self::Data<[u8]>>) -> Self::Event;
}

/// As a reference, wherever it is.
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

/// As a reference that says where it is.
pub(super) struct InPlace;

/// Data, borrowed from where it is.
pub(crate) enum Place<'r, 'i, T: ?Sized> {
    /// In the input, so many bytes before the end of what is consumed.
    Input(&'i T, usize),
    /// In the machine.
    Kept(&'r T),
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
    /// The same as offsets in an input of which `consumed` bytes were removed.
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
