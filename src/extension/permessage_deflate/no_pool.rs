//! The placeholder for the pool in a build without `std`, which has no locks: a type without values.

use alloc::boxed::Box;

use super::compressor::{Compressor, Settings};
use super::stream::Stream;

/// A pool, which such a build does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DeflatePool {}

impl DeflatePool {
    pub(super) const fn take_stream(&self) -> Option<Box<Stream>> {
        match *self {}
    }

    pub(super) fn put_stream(&self, _: Box<Stream>) {
        match *self {}
    }

    pub(super) const fn take_compressor(&self, _: Settings) -> Option<Box<Compressor>> {
        match *self {}
    }

    pub(super) fn put_compressor(&self, _: Box<Compressor>) {
        match *self {}
    }
}
