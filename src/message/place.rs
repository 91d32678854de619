//! Where an event's data is: in the caller's input, or in the machine (RFC 6455 §5.4).

use core::ops::Range;

use crate::event::{CloseConnection, Event};
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

    fn input<T: ?Sized>(data: &'i T) -> Self::Data<T>;

    fn kept<T: ?Sized>(data: &'r T) -> Self::Data<T>;
}

/// As a reference, wherever it is.
pub(super) struct Borrowed;

impl<'r, 'i: 'r> Holds<'r, 'i> for Borrowed {
    type Data<T: ?Sized + 'r + 'i> = &'r T;

    #[inline(always)]
    fn input<T: ?Sized>(data: &'i T) -> &'r T {
        data
    }

    #[inline(always)]
    fn kept<T: ?Sized>(data: &'r T) -> &'r T {
        data
    }
}

/// As a reference that says where it is.
pub(super) struct InPlace;

/// Data, borrowed from where it is.
pub(crate) enum Place<'r, 'i, T: ?Sized> {
    Input(&'i T),
    Kept(&'r T),
}

impl<'r, 'i> Holds<'r, 'i> for InPlace {
    type Data<T: ?Sized + 'r + 'i> = Place<'r, 'i, T>;

    #[inline(always)]
    fn input<T: ?Sized>(data: &'i T) -> Place<'r, 'i, T> {
        Place::Input(data)
    }

    #[inline(always)]
    fn kept<T: ?Sized>(data: &'r T) -> Place<'r, 'i, T> {
        Place::Kept(data)
    }
}

/// An event, and where its data is.
pub(crate) struct Located<'r, 'i> {
    pub(crate) header: FrameHeader,
    /// How many bytes the input had from where the payload begins.
    pub(crate) rest: usize,
    pub(crate) event: Event<Place<'r, 'i, str>, Place<'r, 'i, [u8]>>,
}

impl<'r> Located<'r, '_> {
    /// The same as offsets in an input of `len` bytes, of which `consumed` were removed.
    pub(crate) fn found(self, len: usize, consumed: usize) -> Found<'r> {
        let Self { header, rest, event } = self;
        let start = match &event {
            // After the code.
            Event::Close(CloseConnection { reason: Place::Input(reason), .. }) => {
                consumed.saturating_sub(reason.len())
            }
            _ => len.saturating_sub(rest),
        };
        let range = |len: usize| start..start.saturating_add(len);
        let event = event.map(
            |text| match text {
                Place::Input(text) => Source::Input(range(text.len())),
                Place::Kept(text) => Source::Kept(text),
            },
            |bytes| match bytes {
                Place::Input(bytes) => Source::Input(range(bytes.len())),
                Place::Kept(bytes) => Source::Kept(bytes),
            },
        );
        Found { consumed, header, event }
    }
}
