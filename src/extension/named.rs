//! The extensions that a head names: how the handshake reads and writes them (RFC 6455 §9.1).

use super::grammar::{Item, read_list};
use super::negotiation::Acceptance;
use super::params::ExtensionParams;

impl ExtensionParams {
    /// The parts of it in the header, if it is [well-formed](Self::is_well_formed): then no value needs quotes.
    pub(crate) fn put(&self, put: &mut dyn FnMut(&[u8])) {
        put(self.name_bytes());
        for (name, value) in self.params_bytes() {
            put(b"; ");
            put(name);
            if let Some(value) = value {
                put(b"=");
                put(value);
            }
        }
    }

    /// Parses a list of exactly one extension, with one allocation; `None` if the list has another length or is
    /// malformed.
    pub(crate) fn parse_one(value: &[u8]) -> Option<Self> {
        let mut only: Option<Self> = None;
        let mut count: usize = 0;
        read_list(value, &mut |item| match (item, &mut only) {
            (Item::Extension(name), only) => {
                // A flag of two bytes, `;b`, is stored in three; nothing else grows more.
                let capacity = value.len().saturating_add(value.len() / 2).saturating_add(2);
                count = count.saturating_add(1);
                *only = Some(Self::with_capacity(name, capacity));
            }
            (Item::Param(name, value), Some(extension)) => extension.push_read(name, value),
            (Item::Param(..), None) => {}
        })
        .ok()?;
        only.filter(|_| count == 1)
    }
}

impl Acceptance<'_> {
    /// Accepts what it can of the offers in a list, which was checked. An offer that it cannot use is not stored.
    pub(crate) fn consider_list(&mut self, list: &[u8]) {
        let mut offer: Option<ExtensionParams> = None;
        let _ = read_list(list, &mut |item| match (item, &mut offer) {
            (Item::Extension(name), last) => {
                last.take().iter().for_each(|offer| self.consider(offer));
                *last = self.candidate(name).map(|_| ExtensionParams::with_capacity(name, USUAL_LEN));
            }
            (Item::Param(name, value), Some(offer)) => offer.push_read(name, value),
            (Item::Param(..), None) => {}
        });
        offer.iter().for_each(|offer| self.consider(offer));
    }
}

/// An offer of permessage-deflate with its usual parameters takes no more.
const USUAL_LEN: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_extension_is_parsed_as_in_a_list() {
        for value in
            ["a", " a;b=c ,", "a; b=\"c,d\"; e", "a; b=\"\\c\"", &alloc::format!("a{}", ";b".repeat(999))]
        {
            let list = ExtensionParams::parse_list(value.as_bytes());
            assert_eq!(
                ExtensionParams::parse_one(value.as_bytes()).map(|one| alloc::vec![one]),
                list.ok(),
                "{value}"
            );
        }
        for value in ["", ",", "a, b", "a;", "a, ;"] {
            assert_eq!(ExtensionParams::parse_one(value.as_bytes()), None, "{value}");
        }
    }
}
