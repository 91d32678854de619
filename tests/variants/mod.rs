//! The variants of an error, read from its source, so that a test can check that its table has all of them.
//!
//! The errors are `#[non_exhaustive]`: outside the crate the compiler does not require a `match` to have all variants.

use std::collections::BTreeSet;
use std::fmt::Debug;

/// Asserts that `table` has one row for each variant of the enum with this name, and no other row.
pub(crate) fn assert_complete<E: Debug>(enum_name: &str, table: impl IntoIterator<Item = E>) {
    let mut rows = BTreeSet::new();
    for error in table {
        let row = format!("{error:?}");
        let name = row.split('(').next().unwrap_or_default().to_owned();
        assert!(rows.insert(name), "{enum_name}::{row} has two rows");
    }
    let source = concat!(
        include_str!("../../src/error.rs"),
        include_str!("../../src/error/handshake.rs"),
        include_str!("../../src/error/extension.rs"),
        include_str!("../../src/handshake/uri.rs"),
    );
    let variants = variants(source, enum_name);
    let rows: BTreeSet<_> = rows.iter().map(String::as_str).collect();
    let odd: Vec<_> = rows.symmetric_difference(&variants).collect();
    assert!(odd.is_empty(), "{enum_name}: a variant without a row, or a row without a variant: {odd:?}");
}

/// Asserts that the stable name of an error is the name of its variant, in snake case.
pub(crate) fn assert_named(error: impl Debug, name: &str) {
    let variant = format!("{error:?}").split('(').next().unwrap_or_default().to_owned();
    let mut expected = String::new();
    for character in variant.chars() {
        if character.is_ascii_uppercase() && !expected.is_empty() {
            expected.push('_');
        }
        expected.push(character.to_ascii_lowercase());
    }
    assert_eq!(name, expected);
}

/// The names of the variants, as `rustfmt` lays them out; `alloc` is on wherever this is used.
fn variants<'s>(source: &'s str, enum_name: &str) -> BTreeSet<&'s str> {
    let start = format!("\npub enum {enum_name} {{\n");
    let (_, body) = source.split_once(&start).expect("the source has the enum");
    let (body, _) = body.split_once("\n}").expect("the enum ends");
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    lines
        .filter(|line| line.starts_with(|character: char| character.is_ascii_uppercase()))
        .filter_map(|line| line.split(['(', ',']).next())
        .collect()
}

#[test]
fn variants_are_read_from_the_source() {
    let source = "
pub enum Other {
    A,
}

pub enum Mine {
    /// With a value.
    #[error(\"{0}\")]
    First(u8),
    #[cfg(feature = \"alloc\")]
    Second,
}
";
    assert_eq!(variants(source, "Mine"), BTreeSet::from(["First", "Second"]));
}
