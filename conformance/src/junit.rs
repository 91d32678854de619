//! JUnit XML, which servers of continuous integration read. A suite is a section.
//!
//! It agrees with the exit status: a failure that the expectations name is skipped, and a pass of a case that they name
//! as a failure is a failure.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;

use crate::escape::markup;
use crate::expectations::Comparison;
use crate::report::{tier, word};
use crate::sections;
use crate::verdict::{Outcome, Verdict};

/// What a case is to JUnit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Result {
    Passed,
    Failure,
    Error,
    Skipped,
}

pub(crate) fn report(agent: &str, outcomes: &[Outcome], comparison: &Comparison) -> String {
    let unexpected: HashSet<_> = comparison.unexpected_passes.iter().collect();
    let mut suites: BTreeMap<_, Vec<(&Outcome, Result)>> = BTreeMap::new();
    for outcome in outcomes {
        let result = match outcome.verdict {
            Verdict::NotAsked => Result::Skipped,
            _ if outcome.known.is_some() => Result::Skipped,
            _ if unexpected.contains(&outcome.case) => Result::Failure,
            Verdict::Pass | Verdict::Allowed => Result::Passed,
            Verdict::Fail => Result::Failure,
            Verdict::Hung | Verdict::Crashed => Result::Error,
        };
        suites.entry(sections::order(outcome.case.section())).or_default().push((outcome, result));
    }
    let all = suites.values().flatten().copied();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a string cannot fail.
    _ = writeln!(xml, "<testsuites name=\"{}\" {}>", markup(agent), totals(all));
    for ((.., section), cases) in &suites {
        let name = markup(&format!("{section} {}", sections::heading(section)));
        _ = writeln!(xml, "  <testsuite name=\"{}\" {}>", name.trim_end(), totals(cases.iter().copied()));
        for (outcome, result) in cases {
            case(&mut xml, agent, outcome, *result);
        }
        xml.push_str("  </testsuite>\n");
    }
    xml + "</testsuites>\n"
}

fn totals<'a>(cases: impl Iterator<Item = (&'a Outcome, Result)>) -> String {
    let (mut counts, mut tests, mut millis) = (BTreeMap::<_, usize>::new(), 0_usize, 0_u64);
    for (outcome, result) in cases {
        let count = counts.entry(result).or_default();
        *count = count.saturating_add(1);
        tests = tests.saturating_add(1);
        millis = millis.saturating_add(outcome.millis);
    }
    let count = |result| counts.get(&result).copied().unwrap_or(0);
    let (failures, errors, skipped) = (count(Result::Failure), count(Result::Error), count(Result::Skipped));
    format!(
        "tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{}\"",
        seconds(millis)
    )
}

fn case(xml: &mut String, agent: &str, outcome: &Outcome, result: Result) {
    _ = write!(
        xml,
        "    <testcase classname=\"{}.{}\" name=\"{}\" time=\"{}\"",
        markup(agent),
        // Readers split class names at dots and slashes.
        markup(&outcome.case.section().replace(['/', '.'], "_")),
        markup(&outcome.case.0),
        seconds(outcome.millis)
    );
    let element = match result {
        Result::Passed => {
            xml.push_str("/>\n");
            return;
        }
        Result::Skipped => {
            let why = outcome.known.as_ref().unwrap_or(&outcome.observed);
            _ = writeln!(xml, ">\n      <skipped message=\"{}\"/>\n    </testcase>", attribute(why));
            return;
        }
        Result::Failure => "failure",
        Result::Error => "error",
    };
    let kind =
        if outcome.verdict.is_good() { "passed, but is expected to fail" } else { word(outcome.verdict) };
    _ = write!(
        xml,
        ">\n      <{element} type=\"{kind}\" message=\"{}\">{}</{element}>\n    </testcase>\n",
        attribute(&format!("{kind} [{}]: {}", tier(outcome.tier), outcome.rule)),
        markup(&format!(
            "rule:     {}\nexpected: {}\nobserved: {}\ncut:      {}\nagain:    {}",
            outcome.rule, outcome.expected, outcome.observed, outcome.cut, outcome.again
        )),
    );
}

/// A text on one line: XML makes spaces of the line ends of an attribute.
fn attribute(text: &str) -> String {
    markup(&text.replace('\n', " "))
}

fn seconds(millis: u64) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::case::Case;
    use crate::corpus;
    use crate::run;
    use crate::verdict::{Answer, Door};

    fn outcome(case: &Case, verdict: Verdict) -> Outcome {
        let answer = Answer { verdict, ..Answer::not_asked("a \"reason\" <b>\n]]>\0\x1b") };
        run::outcome(case, Door::Server, vec![("whole", answer, Duration::from_millis(1005))])
    }

    #[test]
    fn every_verdict_has_its_element_and_is_counted() {
        let cases = corpus::built_in().unwrap();
        let verdicts = [
            Verdict::Pass,
            Verdict::Allowed,
            Verdict::Fail,
            Verdict::Hung,
            Verdict::Crashed,
            Verdict::NotAsked,
            Verdict::Fail,
            Verdict::Pass,
        ];
        let mut outcomes: Vec<_> =
            cases.iter().zip(verdicts).map(|(case, verdict)| outcome(case, verdict)).collect();
        outcomes[6].known = Some("issue 17".to_owned());
        let comparison =
            Comparison { unexpected_passes: vec![outcomes[7].case.clone()], ..Comparison::default() };
        let xml = report("a & b", &outcomes, &comparison);
        assert!(
            xml.contains("<testsuites name=\"a &amp; b\" tests=\"8\" failures=\"2\" errors=\"2\" skipped=\"2\" time=\"8.040\">"),
            "{xml}"
        );
        assert_eq!(xml.matches("<failure ").count(), 2);
        assert_eq!(xml.matches("<error ").count(), 2);
        assert_eq!(xml.matches("<skipped ").count(), 2);
        assert!(xml.contains("<skipped message=\"issue 17\"/>"));
        assert!(xml.contains("type=\"passed, but is expected to fail\""));
    }

    #[test]
    fn text_of_a_peer_is_escaped_and_has_no_control_character() {
        let cases = corpus::built_in().unwrap();
        let xml = report("x", &[outcome(&cases[0], Verdict::Fail)], &Comparison::default());
        assert!(xml.contains("a &quot;reason&quot; &lt;b&gt;\n]]&gt;\u{2400}\u{241b}"), "{xml}");
        assert!(xml.chars().all(|character| !character.is_control() || character == '\n'));
    }
}
