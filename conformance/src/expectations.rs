//! What an implementation is known to do: cases that are not asked, and cases that it fails.
//!
//! The file is a ratchet: a failure that it does not name fails the run, and so does a case that it names and that passes.
//!
//! ```toml
//! [disabled]
//! "6455/10.4/*" = "limits are set by the proxy"
//!
//! [failures]
//! "6455/8.1/invalid-ff/server" = "issue 17"
//! ```

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use globset::{Glob, GlobMatcher};
use serde::{Deserialize, Serialize};

use crate::case::{Case, Id};
use crate::verdict::{Outcome, Verdict};

/// The contents of a file: a reason for each case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Expectations {
    /// Patterns of cases that are not asked.
    disabled: BTreeMap<String, String>,
    /// Cases that fail.
    failures: BTreeMap<String, String>,
}

/// A case that is not asked, with the reason.
pub(crate) type Disabled = (Case, String);

/// How a run compares with the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// Failures that the file does not name.
    pub(crate) new_failures: Vec<Id>,
    /// Cases that the file names as failures, and that passed.
    pub(crate) unexpected_passes: Vec<Id>,
    /// Failures that the file names.
    pub(crate) known_failures: usize,
}

impl Expectations {
    /// Reads a file. If it does not exist and `may_be_missing` is set, there are no expectations.
    pub(crate) fn read(path: &Path, may_be_missing: bool) -> Result<Self, String> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound && may_be_missing => return Ok(Self::default()),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(format!(
                    "--expect {}: there is no such file; --update writes it",
                    path.display()
                ));
            }
            Err(error) => return Err(format!("--expect {}: {error}", path.display())),
        };
        toml::from_str(&text).map_err(|error| format!("--expect {}: {error}", path.display()))
    }

    pub(crate) fn write(&self, path: &Path) -> Result<(), String> {
        let text = toml::to_string(self).map_err(|error| error.to_string())?;
        fs::write(path, format!("{HEADER}\n{text}"))
            .map_err(|error| format!("--expect {}: {error}", path.display()))
    }

    /// Refuses a name or a pattern that fits none of `cases`: it is misspelled, or the case is gone.
    pub(crate) fn check(&self, cases: &[Case]) -> Result<(), String> {
        let ids: HashSet<&str> = cases.iter().map(|case| case.id.0.as_str()).collect();
        if let Some(name) = self.failures.keys().find(|name| !ids.contains(name.as_str())) {
            return Err(format!(
                "[failures] has {name:?}, and there is no case of this name (patterns are for [disabled] only; \
                 `wsconform list` prints the names)"
            ));
        }
        for pattern in self.disabled.keys() {
            let glob = matcher(pattern)?;
            if !ids.iter().any(|id| glob.is_match(id)) {
                return Err(format!(
                    "[disabled] has {pattern:?}, which fits no case (`wsconform list` prints the names)"
                ));
            }
        }
        Ok(())
    }

    /// Splits the cases: those to ask, and those that are disabled, with the reason.
    pub(crate) fn split(&self, cases: Vec<Case>) -> Result<(Vec<Case>, Vec<Disabled>), String> {
        let globs = self.disabled.iter().map(|(pattern, reason)| Ok((matcher(pattern)?, reason)));
        let globs = globs.collect::<Result<Vec<_>, String>>()?;
        let (mut asked, mut disabled) = (Vec::new(), Vec::new());
        for case in cases {
            match globs.iter().find(|(glob, _)| glob.is_match(&case.id.0)) {
                Some((_, reason)) => disabled.push((case, (*reason).clone())),
                None => asked.push(case),
            }
        }
        Ok((asked, disabled))
    }

    /// Compares a run with the file, and marks the failures that it names.
    pub(crate) fn compare(&self, outcomes: &mut [Outcome]) -> Comparison {
        let mut comparison = Comparison::default();
        for outcome in outcomes {
            match (self.failures.get(&outcome.case.0), outcome.verdict) {
                (Some(reason), verdict) if verdict.is_bad() => {
                    outcome.known = Some(reason.clone());
                    comparison.known_failures = comparison.known_failures.saturating_add(1);
                }
                (Some(_), verdict) if verdict.is_good() => {
                    comparison.unexpected_passes.push(outcome.case.clone());
                }
                (None, verdict) if verdict.is_bad() => comparison.new_failures.push(outcome.case.clone()),
                _ => {}
            }
        }
        comparison
    }

    /// Names the failures of a run, and no other case that was asked. Reasons stay.
    pub(crate) fn update(&mut self, outcomes: &[Outcome]) {
        for Outcome { case, verdict, observed, .. } in outcomes {
            if verdict.is_bad() {
                self.failures.entry(case.0.clone()).or_insert_with(|| observed.clone());
            } else if *verdict != Verdict::NotAsked {
                self.failures.remove(&case.0);
            }
        }
    }
}

fn matcher(pattern: &str) -> Result<GlobMatcher, String> {
    Glob::new(pattern).map(|glob| glob.compile_matcher()).map_err(|error| format!("[disabled]: {error}"))
}

const HEADER: &str = "\
# Expectations for wsconform. [disabled]: cases that are not asked; [failures]: cases that fail, each with a reason.
# `wsconform … --expect FILE --update` writes [failures] anew, and keeps the reasons.
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus;
    use crate::run;
    use crate::verdict::{Answer, Door};

    fn outcome(case: &Case, verdict: Verdict) -> Outcome {
        let answer = Answer { verdict, ..Answer::not_asked("why") };
        run::outcome(case, Door::Server, vec![("whole", answer, std::time::Duration::ZERO)])
    }

    #[test]
    fn new_failures_and_unexpected_passes_are_found() {
        let cases: Vec<_> = corpus::built_in().unwrap().into_iter().take(4).collect();
        let mut expectations = Expectations::default();
        let verdicts = [Verdict::Fail, Verdict::Pass, Verdict::Fail, Verdict::NotAsked];
        let mut outcomes: Vec<_> =
            cases.iter().zip(verdicts).map(|(case, verdict)| outcome(case, verdict)).collect();
        for case in [&cases[0], &cases[1], &cases[3]] {
            expectations.failures.insert(case.id.0.clone(), "known".to_owned());
        }
        let comparison = expectations.compare(&mut outcomes);
        assert_eq!(comparison.new_failures, [cases[2].id.clone()]);
        assert_eq!(comparison.unexpected_passes, [cases[1].id.clone()]);
        assert_eq!(comparison.known_failures, 1);
        assert_eq!(outcomes[0].known.as_deref(), Some("known"));
        expectations.update(&outcomes);
        // What passes is removed; what was not asked stays.
        let names: Vec<_> = expectations.failures.into_iter().collect();
        let mut wanted = [(&cases[0], "known"), (&cases[2], "why"), (&cases[3], "known")]
            .map(|(case, reason)| (case.id.0.clone(), reason.to_owned()));
        wanted.sort();
        assert_eq!(names, wanted);
    }

    #[test]
    fn disabled_cases_are_not_asked() {
        let expectations: Expectations = toml::from_str("[disabled]\n\"6455/5.2/*\" = \"slow\"").unwrap();
        let cases = corpus::built_in().unwrap();
        assert_eq!(expectations.check(&cases), Ok(()));
        let (asked, disabled) = expectations.split(cases).unwrap();
        assert!(!disabled.is_empty());
        assert!(disabled.iter().all(|(case, reason)| case.id.section() == "6455/5.2" && reason == "slow"));
        assert!(asked.iter().all(|case| case.id.section() != "6455/5.2"));
    }

    #[test]
    fn names_and_patterns_that_fit_no_case_are_refused() {
        let cases = corpus::built_in().unwrap();
        for (text, named) in [
            ("[failures]\n\"6455/5.2/gone/server\" = \"x\"", "[failures] has \"6455/5.2/gone/server\""),
            ("[failures]\n\"6455/5.2/*\" = \"x\"", "[failures] has \"6455/5.2/*\""),
            ("[disabled]\n\"6455/5.2x/*\" = \"x\"", "[disabled] has \"6455/5.2x/*\""),
            ("[disabled]\n\"{\" = \"x\"", "[disabled]: "),
        ] {
            let expectations: Expectations = toml::from_str(text).unwrap();
            let error = expectations.check(&cases).unwrap_err();
            assert!(error.starts_with(named), "{error}");
        }
    }
}
