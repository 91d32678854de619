//! Where the values of known fields are among stored headers.

use super::headers::{Headers, Span};
use super::known::{Known, KnownFields, Repeated};

/// Where the values of a field are, kept with the headers for later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Place {
    /// There is no such field.
    #[default]
    Absent,
    /// It is there once, with its value here.
    Once(Span),
    /// It is repeated: the headers have to be searched.
    Repeated,
}

impl<'h> KnownFields<'h, &'h Headers> {
    /// Where the values of a field are.
    pub(crate) fn place(&self, known: Known) -> Place {
        match self.single(known) {
            Ok(Some(value)) => Place::Once(self.all.span_of(value)),
            Ok(None) => Place::Absent,
            Err(Repeated) => Place::Repeated,
        }
    }
}

impl Headers {
    /// The values of a field whose place was found before.
    pub(crate) fn values_at(&self, place: Place, known: Known) -> impl Iterator<Item = &[u8]> {
        let (only, all) = match place {
            Place::Absent => (None, None),
            Place::Once(span) => (Some(self.bytes(span)), None),
            Place::Repeated => (None, Some(self.get_all(known.name()))),
        };
        only.into_iter().chain(all.into_iter().flatten())
    }
}
