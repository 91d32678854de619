//! The cases: those that are built in, or those of a directory.

use std::fs;
use std::path::Path;

use globset::GlobMatcher;

use crate::case::Case;

/// The cases of the suite, in the order of `cases/`.
pub(crate) fn built_in() -> Result<Vec<Case>, String> {
    let files = FILES.iter().map(|(name, text)| parse(name, text));
    files.collect::<Result<Vec<_>, _>>().map(|files| files.concat())
}

/// The cases of all files `*.jsonl` of a directory, in the order of their names.
pub(crate) fn of_directory(directory: &Path) -> Result<Vec<Case>, String> {
    let failed = |error| format!("{}: {error}", directory.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        cases.extend(parse(&path.display().to_string(), &text)?);
    }
    Ok(cases)
}

fn parse(name: &str, text: &str) -> Result<Vec<Case>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let case = |(index, line): (usize, &str)| {
        Case::parse(line).map_err(|error| format!("{name}, line {}: {error}", index.saturating_add(1)))
    };
    lines.map(case).collect()
}

/// Keeps the cases that one of the patterns selects; without a pattern, all.
pub(crate) fn select(cases: Vec<Case>, only: &[GlobMatcher]) -> Vec<Case> {
    let selected = |case: &Case| only.is_empty() || only.iter().any(|glob| glob.is_match(&case.id.0));
    cases.into_iter().filter(selected).collect()
}

const FILES: &[(&str, &str)] = &[
    ("request.jsonl", include_str!("../cases/request.jsonl")),
    ("response.jsonl", include_str!("../cases/response.jsonl")),
    ("receive.jsonl", include_str!("../cases/receive.jsonl")),
    ("flood.jsonl", include_str!("../cases/flood.jsonl")),
    ("local.jsonl", include_str!("../cases/local.jsonl")),
    ("h2.jsonl", include_str!("../cases/h2.jsonl")),
    ("build.jsonl", include_str!("../cases/build.jsonl")),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_case_of_the_suite_can_be_read_and_has_an_identifier_of_its_own() {
        let cases = built_in().unwrap();
        let ids: HashSet<_> = cases.iter().map(|case| &case.id).collect();
        assert_eq!(ids.len(), cases.len());
        for case in &cases {
            let section = case.rfc.first().unwrap().replace(' ', "/");
            assert_eq!(case.id.section(), section, "{}", case.id);
        }
    }

    #[test]
    fn pattern_selects_a_section() {
        let glob = globset::Glob::new("6455/5.2/*").unwrap().compile_matcher();
        let cases = select(built_in().unwrap(), &[glob]);
        assert!(!cases.is_empty());
        assert!(cases.iter().all(|case| case.id.section() == "6455/5.2"));
    }
}
