//! The ledger: what the RFCs require of a protocol library, which code meets it, and which test proves it.
//!
//! `ledger.tsv` has a row for each requirement of RFC 6455, 7692, 8441 and 9220, and for what these require from HTTP
//! (RFC 9110, 9112), origins (RFC 6454) and URIs (RFC 3986). Its columns:
//!
//! | column | what it holds |
//! |---|---|
//! | `id` | the RFC and a number, which never changes |
//! | `rfc`, `section` | the RFC and section that require it |
//! | `level` | the RFC's keyword; `REQ` if a sentence without a keyword requires it |
//! | `role` | who must do it: `client`, `server` or `both` |
//! | `requirement` | what is required, in short |
//! | `source` | the code that meets it: a file, and an item in it |
//! | `tests` | the test that proves it: a file, and a test in it |
//! | `left` | what is left to others (`embedder`, `application`, `browser`), and why |
//!
//! A row has a source and a test, or says who must meet the requirement instead; some rows have both, if the library
//! and others must act together. These tests check the ledger against the files: everything it names exists, and both
//! the source and the test cite the section, so that a search for `RFC 6455 §5.1` finds them.
//!
//! `cargo run --example ledger` counts the rows of each section, and shows single rows.
#![allow(clippy::expect_used, clippy::panic, reason = "a panic fails the test, as it should")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;

#[path = "ledger/row.rs"]
mod row;

use row::{LEDGER, Row};

#[test]
fn each_requirement_is_met_and_proved_or_left_to_others() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let faults = faults(LEDGER, |path| fs::read_to_string(root.join(path)).ok());
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// All faults of a ledger, row by row; `read` returns the text of a file, if the file exists.
fn faults(ledger: &str, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut faults = Vec::new();
    let header = ledger.lines().next().unwrap_or_default();
    if header != COLUMNS {
        faults.push(format!("the columns are not {COLUMNS:?}"));
    }
    let mut files = Files { read, texts: HashMap::new() };
    let mut counts = HashMap::new();
    for row in row::rows(ledger) {
        let row = match row {
            Ok(row) => row,
            Err(line) => {
                faults.push(format!("a column is missing or empty: {line}"));
                continue;
            }
        };
        let count: &mut usize = counts.entry(row.rfc).or_default();
        *count = count.saturating_add(1);
        let mut found = form(&row, *count);
        found.extend(binding(&row));
        found.extend(files.check(&row, &row.source, SOURCE));
        found.extend(files.check(&row, &row.tests, TEST));
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", row.id)));
    }
    faults
}

const COLUMNS: &str = "id\trfc\tsection\tlevel\trole\trequirement\tsource\ttests\tleft";

/// The faults in a row's cells, and in its number: numbers have no gaps and are not repeated.
fn form(row: &Row<'_>, number: usize) -> Vec<String> {
    let mut faults = Vec::new();
    let id = format!("{}-{number:03}", row.rfc);
    if row.id != id {
        faults.push(format!("the next id is {id}"));
    }
    if !row.section.split('.').all(|part| part.parse::<u8>().is_ok()) {
        faults.push(format!("{:?} is not a section", row.section));
    }
    if !LEVELS.contains(&row.level.to_ascii_uppercase().as_str()) {
        faults.push(format!("{:?} is not a level", row.level));
    }
    if !["client", "server", "both"].contains(&row.role) {
        faults.push(format!("{:?} is not a role", row.role));
    }
    faults
}

const LEVELS: [&str; 7] = ["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "RECOMMENDED", "MAY", "REQ"];

/// The faults in a row's source, tests and `left`.
fn binding(row: &Row<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    match row.left.map(|left| left.split_once(": ")) {
        Some(Some((whose, why))) if WHOSE.contains(&whose) && !why.is_empty() => {}
        Some(_) => faults.push("`left` names nobody, or gives no reason".to_owned()),
        None if row.source.is_empty() && row.tests.is_empty() => {
            faults.push("no source, no test, and left to nobody".to_owned());
        }
        None => {}
    }
    if row.source.is_empty() != row.tests.is_empty() {
        let missing = if row.source.is_empty() { "source" } else { "test" };
        faults.push(format!("no {missing}"));
    }
    faults
}

/// Who else may have to meet a requirement.
const WHOSE: [&str; 3] = ["embedder", "application", "browser"];

/// A kind of place that a row may name: a file and something in it.
#[derive(Clone, Copy)]
struct Kind {
    what: &'static str,
    /// The text between the file and the name.
    mark: &'static str,
    /// Whether a file's text has a place of this kind with this name.
    has: fn(&str, &str) -> bool,
}

const SOURCE: Kind = Kind { what: "source", mark: ":", has: defines };

const TEST: Kind = Kind { what: "test", mark: "::", has: is_test };

/// Files, each read only once.
struct Files<R> {
    read: R,
    texts: HashMap<String, Option<String>>,
}

impl<R: Fn(&str) -> Option<String>> Files<R> {
    fn text(&mut self, path: &str) -> Option<&str> {
        let read = &self.read;
        self.texts.entry(path.to_owned()).or_insert_with(|| read(path)).as_deref()
    }

    /// A fault for each place of a row that does not exist, and one if no place cites the section.
    fn check(&mut self, row: &Row<'_>, places: &[&str], kind: Kind) -> Vec<String> {
        let mut faults = Vec::new();
        let mut is_cited = places.is_empty();
        for place in places {
            let named = place.split_once(kind.mark).and_then(|(path, name)| Some((self.text(path)?, name)));
            match named {
                Some((text, name)) if (kind.has)(text, name) => is_cited |= cites(text, row.rfc, row.section),
                _ => faults.push(format!("there is no {} {place}", kind.what)),
            }
        }
        if faults.is_empty() && !is_cited {
            faults.push(format!("no {} of it cites RFC {} §{}", kind.what, row.rfc, row.section));
        }
        faults
    }
}

/// Whether Rust source defines an item, a variant or a field with this name.
fn defines(text: &str, name: &str) -> bool {
    const KEYWORDS: [&str; 6] = ["fn", "struct", "enum", "trait", "const", "type"];
    text.lines().map(str::trim_start).any(|line| {
        let is_item = line
            .match_indices(name)
            .filter(|(at, _)| !continues(line.get(at.saturating_add(name.len())..)))
            .filter_map(|(at, _)| line.get(..at)?.strip_suffix(' ')?.split(' ').next_back())
            .any(|keyword| KEYWORDS.contains(&keyword));
        let is_variant = line.strip_prefix(name).is_some_and(|rest| {
            rest.trim_end_matches(',').is_empty()
                || [" {", "(", " = "].iter().any(|start| rest.starts_with(start))
        });
        !line.starts_with("//") && (is_item || is_variant)
    })
}

/// Whether the text after a name continues it.
fn continues(after: Option<&str>) -> bool {
    after.and_then(|rest| rest.chars().next()).is_some_and(|next| next.is_alphanumeric() || next == '_')
}

/// Whether there is a function with this name and a test attribute.
fn is_test(text: &str, name: &str) -> bool {
    let start = format!("fn {name}(");
    let lines: Vec<_> = text.lines().map(str::trim_start).collect();
    lines.iter().position(|line| line.starts_with(&start)).is_some_and(|place| {
        let above = lines.iter().take(place).rev();
        above
            .take_while(|line| line.starts_with('#') || line.starts_with("//"))
            .any(|line| *line == "#[test]")
    })
}

/// Whether a section is cited: with its RFC in the same line, or without it in a file that names the RFC.
fn cites(text: &str, rfc: &str, section: &str) -> bool {
    let rfc = format!("RFC {rfc}");
    let mark = format!("§{section}");
    let is_cited = |line: &str| {
        line.match_indices(&mark).any(|(at, _)| {
            let (before, rest) = line.split_at(at);
            let after = rest.strip_prefix(&mark).unwrap_or_default();
            let deeper =
                after.strip_prefix('.').unwrap_or(after).starts_with(|next: char| next.is_ascii_digit());
            let named = before.rfind("RFC ").and_then(|at| before.get(at..));
            !deeper && named.is_none_or(|named| named.starts_with(&rfc))
        })
    };
    text.contains(&rfc) && text.lines().any(is_cited)
}

/// Two sample files: a source that meets a requirement, and a test that proves it.
fn sample(path: &str) -> Option<String> {
    match path {
        "src/a.rs" => {
            Some("//! Masks (RFC 6455 §5.1, §5.10).\npub(crate) fn mask(\n    Client,\n".to_owned())
        }
        "tests/a.rs" => Some(
            "// RFC 6455 §5.1\n#[test]\nfn it_masks() {\nfn helper(\n#[test]\n// RFC 9110 §5\n".to_owned(),
        ),
        _ => None,
    }
}

/// The only fault of a ledger of one row.
fn fault(row: &str) -> String {
    let faults = faults(&[COLUMNS, row].join("\n").replace(" | ", "\t"), sample);
    match faults.as_slice() {
        [] => "none".to_owned(),
        [fault] => fault.clone(),
        many => panic!("{many:?}"),
    }
}

#[test]
fn valid_rows_have_no_faults() {
    let bound = "src/a.rs:mask src/a.rs:Client | tests/a.rs::it_masks";
    for row in [
        format!("6455-001 | 6455 | 5.1 | MUST | client | Mask | {bound} | -"),
        format!("6455-001 | 6455 | 5.1 | must not | both | Mask | {bound} | embedder: it has the entropy"),
        "6455-001 | 6455 | 4.1 | REQ | server | TLS | - | - | embedder: it has the transport".to_owned(),
    ] {
        assert_eq!(fault(&row), "none");
    }
}

#[test]
fn each_fault_names_the_row_and_what_is_missing() {
    let bound = "src/a.rs:mask | tests/a.rs::it_masks | -";
    let row = "6455-001 | 6455 | 5.1 | MUST | both | Mask";
    for (row, message) in [
        ("6455-001 | 6455 | 5.1".to_owned(), "a column is missing or empty: 6455-001\t6455\t5.1"),
        (format!("6455-002 | 6455 | 5.1 | MUST | both | x | {bound}"), "6455-002: the next id is 6455-001"),
        (format!("6455-01 | 6455 | 5.1 | MUST | both | x | {bound}"), "6455-01: the next id is 6455-001"),
        (
            "6455-001 | 6455 | 5.x | MUST | both | x | - | - | browser: its own".to_owned(),
            "6455-001: \"5.x\" is not a section",
        ),
        (format!("6455-001 | 6455 | 5.1 | OUGHT | both | x | {bound}"), "6455-001: \"OUGHT\" is not a level"),
        (format!("6455-001 | 6455 | 5.1 | MUST | proxy | x | {bound}"), "6455-001: \"proxy\" is not a role"),
        (format!("{row} | - | - | -"), "6455-001: no source, no test, and left to nobody"),
        (format!("{row} | - | tests/a.rs::it_masks | -"), "6455-001: no source"),
        (format!("{row} | src/a.rs:mask | - | -"), "6455-001: no test"),
        (format!("{row} | - | - | somebody: may"), "6455-001: `left` names nobody, or gives no reason"),
        (format!("{row} | - | - | not yet"), "6455-001: `left` names nobody, or gives no reason"),
        (
            format!("{row} | src/b.rs:mask | tests/a.rs::it_masks | -"),
            "6455-001: there is no source src/b.rs:mask",
        ),
        (
            format!("{row} | src/a.rs:mas | tests/a.rs::it_masks | -"),
            "6455-001: there is no source src/a.rs:mas",
        ),
        (format!("{row} | src/a.rs | tests/a.rs::it_masks | -"), "6455-001: there is no source src/a.rs"),
        (
            format!("{row} | src/a.rs:mask | tests/a.rs::helper | -"),
            "6455-001: there is no test tests/a.rs::helper",
        ),
        (
            format!("6455-001 | 6455 | 5.10 | MUST | both | x | {bound}"),
            "6455-001: no test of it cites RFC 6455 §5.10",
        ),
        (
            format!("9110-001 | 9110 | 5 | MUST | both | x | {bound}"),
            "9110-001: no source of it cites RFC 9110 §5",
        ),
    ] {
        assert_eq!(fault(&row), message);
    }
}

#[test]
fn ids_are_unique_and_in_order() {
    let row = |id: &str| format!("{id}\t6455\t5.1\tMUST\tboth\tx\t-\t-\tembedder: it may");
    for (ids, message) in [
        (["6455-001", "6455-001"], "6455-001: the next id is 6455-002"),
        (["6455-001", "6455-003"], "6455-003: the next id is 6455-002"),
    ] {
        assert_eq!(faults(&[COLUMNS, &row(ids[0]), &row(ids[1])].join("\n"), sample), [message]);
    }
}
