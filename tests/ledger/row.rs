//! Parses the lines of `tests/ledger.tsv` into rows.

/// The ledger's text.
pub(crate) const LEDGER: &str = include_str!("../ledger.tsv");

/// One requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row<'a> {
    /// The RFC and a number: `6455-077`.
    pub(crate) id: &'a str,
    pub(crate) rfc: &'a str,
    pub(crate) section: &'a str,
    /// A keyword of RFC 2119, or `REQ` if a sentence without a keyword requires it.
    pub(crate) level: &'a str,
    /// Who must do it: `client`, `server` or `both`.
    pub(crate) role: &'a str,
    pub(crate) requirement: &'a str,
    /// The code that meets it: `src/role.rs:masks`.
    pub(crate) source: Vec<&'a str>,
    /// The tests that prove it: `tests/protocol/masking.rs::server_masks_nothing`.
    pub(crate) tests: Vec<&'a str>,
    /// What is left to others, and why: `embedder: it opens the transport`.
    pub(crate) left: Option<&'a str>,
}

/// Parses a ledger line by line; a line that is not a row is returned as an error.
pub(crate) fn rows(ledger: &str) -> impl Iterator<Item = Result<Row<'_>, &str>> {
    ledger.lines().skip(1).map(|line| row(line).ok_or(line))
}

fn row(line: &str) -> Option<Row<'_>> {
    let cells: Vec<_> = line.split('\t').collect();
    let [id, rfc, section, level, role, requirement, source, tests, left] = *cells else { return None };
    if cells.iter().any(|cell| cell.is_empty() || cell.trim() != *cell) {
        return None;
    }
    let (source, tests) = (list(source), list(tests));
    let left = (left != NONE).then_some(left);
    Some(Row { id, rfc, section, level, role, requirement, source, tests, left })
}

fn list(cell: &str) -> Vec<&str> {
    if cell == NONE { Vec::new() } else { cell.split(' ').collect() }
}

/// The text of an empty cell.
const NONE: &str = "-";
