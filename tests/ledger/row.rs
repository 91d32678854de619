//! The ledger's rows: lines of `tests/ledger.tsv` to what they say.

/// The ledger as it is written.
pub(crate) const LEDGER: &str = include_str!("../ledger.tsv");

/// One requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row<'a> {
    /// The RFC and a number: `6455-077`.
    pub(crate) id: &'a str,
    pub(crate) rfc: &'a str,
    pub(crate) section: &'a str,
    /// How the RFC puts it: a keyword of RFC 2119, or `REQ` where a plain sentence requires it.
    pub(crate) level: &'a str,
    /// Whose duty it is: `client`, `server` or `both`.
    pub(crate) role: &'a str,
    pub(crate) requirement: &'a str,
    /// Where it is met: `src/role.rs:masks`.
    pub(crate) source: Vec<&'a str>,
    /// What proves it: `tests/protocol/masking.rs::server_masks_nothing`.
    pub(crate) tests: Vec<&'a str>,
    /// What of it is left to others, and why: `embedder: it opens the transport`.
    pub(crate) left: Option<&'a str>,
}

/// Reads a ledger line by line; a line that is no row is given back as it is.
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

/// What stands in a cell with nothing to say.
const NONE: &str = "-";
