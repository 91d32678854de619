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
                count = count.saturating_add(1);
                *only = Some(Self::with_capacity(name, max_stored_len(value)));
            }
            (Item::Param(name, value), Some(extension)) => extension.push_read(name, value),
            (Item::Param(..), None) => {}
        })
        .ok()?;
        only.filter(|_| count == 1)
    }
}

impl Acceptance<'_> {
    /// Accepts what it can of the offers in a list, which was checked; with one allocation for all of them.
    pub(crate) fn consider_list(&mut self, list: &[u8]) {
        let mut offer = ExtensionParams::with_capacity(b"", max_stored_len(list));
        let mut is_wanted = false;
        let _ = read_list(list, &mut |item| match item {
            Item::Extension(name) => {
                if is_wanted {
                    self.consider(&offer);
                }
                is_wanted = self.candidate(name).is_some();
                if is_wanted {
                    offer.restart(name);
                }
            }
            Item::Param(name, value) if is_wanted => offer.push_read(name, value),
            Item::Param(..) => {}
        });
        if is_wanted {
            self.consider(&offer);
        }
    }
}

/// The most that an extension in this list takes when it is stored: a flag of two bytes, `;b`, takes three, and nothing
/// else grows more.
const fn max_stored_len(list: &[u8]) -> usize {
    list.len().saturating_add(list.len() / 2).saturating_add(2)
}

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
