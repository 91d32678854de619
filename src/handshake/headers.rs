//! Headers that are stored: how one is added, and how the extensions among them are read (RFC 6455 §9.1).

use crate::error::LocalProtocolError;
use crate::extension::ExtensionParams;
use crate::http::{Headers, Known, Place, split_list};

use super::fields::{check_header, extension_name, is_owned};

/// Adds a header as it is, and records what is not valid.
pub(super) fn add_header(
    headers: &mut Headers,
    misuse: &mut Option<LocalProtocolError>,
    name: &str,
    value: &[u8],
    owned: &[&str],
) {
    *misuse = misuse.or(check_header(name, value, owned).err());
    headers.push(name, value);
}

pub(super) fn extra_headers<'a>(
    headers: &'a Headers,
    owned: &'static [&'static str],
) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    headers.iter().filter(|(name, _)| !is_owned(name, owned))
}

/// The extensions that a head names over any number of fields, parsed one by one; what is malformed is left out (§9.1).
pub(super) fn named_extensions(headers: &Headers, place: Place) -> impl Iterator<Item = ExtensionParams> {
    headers.values_at(place, Known::Extensions).flat_map(split_list).filter_map(ExtensionParams::parse_one)
}

/// Whether a head names an extension.
pub(super) fn names_extension(headers: &Headers, place: Place, name: &[u8]) -> bool {
    let is_it = |element: &[u8]| extension_name(element) == name;
    // Mostly it is the first one, and the list need not be split.
    headers.values_at(place, Known::Extensions).any(|list| is_it(list) || split_list(list).any(is_it))
}
