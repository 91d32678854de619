//! The same cases against several implementations: where they disagree.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use globset::GlobMatcher;

use crate::case::Id;
use crate::escape::{markup, terminal};
use crate::options::Grid;
use crate::page;
use crate::report::{tier, word};
use crate::sections;
use crate::verdict::{Outcome, Verdict};

/// The report of one implementation.
#[derive(Debug)]
struct Report {
    name: String,
    outcomes: BTreeMap<Id, Outcome>,
}

/// A case with its outcome in each report; `None` where the report has none.
type Row<'a> = Vec<Option<&'a Outcome>>;

/// The cases of several reports, by section.
#[derive(Debug)]
struct Comparison<'a> {
    /// Some implementation fails, and another does not.
    disagree: Vec<Row<'a>>,
    /// All pass, but with different outcomes.
    allowed: Vec<Row<'a>>,
    /// Cases that at least two were asked.
    compared: usize,
    /// Cases that all that were asked fail.
    all_fail: usize,
}

/// Performs `wsconform grid`.
pub(crate) fn run(options: &Grid) -> Result<ExitCode, String> {
    let reports = options.reports.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let reports = with_distinct_names(reports, &options.reports);
    let globs: Vec<_> = options.only.iter().map(globset::Glob::compile_matcher).collect();
    let comparison = compare(&reports, &globs);
    if comparison.compared == 0 {
        return Err("no case was asked of two implementations".to_owned());
    }
    let mut rows = comparison.disagree.clone();
    if options.allowed {
        rows.extend(comparison.allowed.iter().cloned());
    }
    if let Some(path) = &options.html {
        let html = html(&reports, &rows, &summary(&comparison, options.allowed));
        fs::write(path, html).map_err(|error| format!("--html {}: {error}", path.display()))?;
    }
    let text = table(&reports, &rows) + &summary(&comparison, options.allowed) + "\n";
    let written = io::stdout().lock().write_all(text.as_bytes());
    written.map_err(|error| format!("standard output: {error}"))?;
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> Result<Report, String> {
    let failed = |why: String| format!("{}: {why}", path.display());
    let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let mut outcomes = BTreeMap::new();
    let mut name = String::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let outcome: Outcome = serde_json::from_str(line)
            .map_err(|error| failed(format!("line {}: {error}", index.saturating_add(1))))?;
        name.clone_from(&outcome.agent);
        outcomes.insert(outcome.case.clone(), outcome);
    }
    if outcomes.is_empty() { Err(failed("no outcome".to_owned())) } else { Ok(Report { name, outcomes }) }
}

/// Two reports of the same implementation, or without a name, have the name of the file and the door too.
fn with_distinct_names(mut reports: Vec<Report>, paths: &[PathBuf]) -> Vec<Report> {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for report in &reports {
        let count = count.entry(report.name.clone()).or_default();
        *count = count.saturating_add(1);
    }
    for (report, path) in reports.iter_mut().zip(paths) {
        if report.name.is_empty() || count.get(&report.name).is_some_and(|count| *count > 1) {
            let file = path.file_stem().unwrap_or_default().to_string_lossy();
            report.name = format!("{} {file}", report.name).trim().to_owned();
        }
    }
    reports
}

fn compare<'a>(reports: &'a [Report], only: &[GlobMatcher]) -> Comparison<'a> {
    let mut ids: Vec<_> = reports
        .iter()
        .flat_map(|report| report.outcomes.keys())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .filter(|id| only.is_empty() || only.iter().any(|glob| glob.is_match(&id.0)))
        .collect();
    ids.sort_by_key(|id| sections::order(id.section()));
    let mut comparison = Comparison { disagree: Vec::new(), allowed: Vec::new(), compared: 0, all_fail: 0 };
    for id in ids {
        let row: Row<'_> = reports.iter().map(|report| report.outcomes.get(id)).collect();
        let verdicts: Vec<_> = row
            .iter()
            .flatten()
            .map(|outcome| outcome.verdict)
            .filter(|verdict| *verdict != Verdict::NotAsked)
            .collect();
        if verdicts.len() < 2 {
            continue;
        }
        comparison.compared = comparison.compared.saturating_add(1);
        let bad = verdicts.iter().filter(|verdict| verdict.is_bad()).count();
        if bad == verdicts.len() {
            comparison.all_fail = comparison.all_fail.saturating_add(1);
        } else if bad > 0 {
            comparison.disagree.push(row);
        } else if verdicts.contains(&Verdict::Allowed) && verdicts.contains(&Verdict::Pass) {
            comparison.allowed.push(row);
        }
    }
    comparison
}

fn summary(comparison: &Comparison<'_>, shows_allowed: bool) -> String {
    let hint = if shows_allowed || comparison.allowed.is_empty() { "" } else { " (--allowed shows them)" };
    format!(
        "{} of {} cases differ; {} fail everywhere; {} pass with different outcomes that the RFCs allow{hint}",
        comparison.disagree.len(),
        comparison.compared,
        comparison.all_fail,
        comparison.allowed.len()
    )
}

/// The rows of a table for a terminal: a column for each implementation, named by a letter.
fn table(reports: &[Report], rows: &[Row<'_>]) -> String {
    let mut text = String::new();
    for (number, report) in reports.iter().enumerate() {
        // Writing to a string cannot fail.
        _ = writeln!(text, "{:>2}  {}", number.saturating_add(1), terminal(&report.name));
    }
    let width = rows.iter().filter_map(|row| id(row)).map(|id| id.chars().count()).max().unwrap_or(0);
    for row in rows {
        _ = write!(text, "{:width$}", id(row).map(terminal).unwrap_or_default());
        for outcome in row {
            _ = write!(text, "  {:9}", outcome.map_or("-", |outcome| word(outcome.verdict)));
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    let header: String =
        (1..=reports.len()).map(|number| format!("  {number:<9}")).collect::<String>().trim_end().to_owned();
    match rows.is_empty() {
        true => text,
        false => {
            let names = reports.len();
            let at = text.match_indices('\n').nth(names.saturating_sub(1)).map_or(0, |(at, _)| at);
            text.insert_str(at.saturating_add(1), &format!("{:width$}{header}\n", ""));
            text
        }
    }
}

fn id<'a>(row: &Row<'a>) -> Option<&'a str> {
    row.iter().flatten().next().map(|outcome| outcome.case.0.as_str())
}

fn html(reports: &[Report], rows: &[Row<'_>], summary: &str) -> String {
    let names: String =
        reports.iter().map(|report| format!("<th><bdi>{}</bdi></th>", markup(&report.name))).collect();
    let mut body = format!(
        "<header class=\"top\"><h1>Where implementations disagree</h1><p class=\"sub\">{}</p></header>\n<main>\
         <div class=\"card scroll\"><table><thead><tr><th>Case</th>{names}</tr></thead><tbody>\n",
        markup(summary)
    );
    for row in rows {
        let Some(first) = row.iter().flatten().next() else { continue };
        _ = write!(
            body,
            "<tr><th scope=\"row\">{} {}<small>{} [{}]</small></th>",
            page::section_link(first.case.section()),
            markup(&first.case.0),
            markup(&first.title),
            tier(first.tier)
        );
        for outcome in row {
            let cell = outcome.map_or_else(|| "–".to_owned(), cell);
            _ = write!(body, "<td>{cell}</td>");
        }
        body.push_str("</tr>\n");
    }
    if rows.is_empty() {
        _ = write!(body, "<tr><td colspan=\"{}\">Nowhere.</td></tr>", reports.len().saturating_add(1));
    }
    body.push_str("</tbody></table></div></main>");
    page::document("Where WebSocket implementations disagree", &body)
}

fn cell(outcome: &Outcome) -> String {
    format!(
        "<details><summary>{}{}</summary><p class=\"peer\">{}</p><p>expected: {}</p></details>",
        page::sign(outcome.verdict),
        word(outcome.verdict),
        markup(&outcome.observed),
        markup(&outcome.expected)
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::corpus;
    use crate::verdict::{Answer, Door};

    fn report(name: &str, verdicts: &[Verdict]) -> Report {
        let cases = corpus::built_in().unwrap();
        let outcomes = cases.iter().zip(verdicts).map(|(case, verdict)| {
            let answer = Answer { verdict: *verdict, ..Answer::not_asked("<script>x</script>") };
            crate::run::outcome(case, Door::Server, vec![("whole", answer, Duration::ZERO)])
        });
        let outcomes = outcomes.map(|outcome| (outcome.case.clone(), outcome)).collect();
        Report { name: name.to_owned(), outcomes }
    }

    #[test]
    fn cases_that_some_fail_and_others_pass_are_found() {
        use Verdict::{Allowed, Crashed, Fail, Hung, NotAsked, Pass};
        let reports = [
            report("<b>one</b>", &[Pass, Pass, Fail, Pass, NotAsked, Allowed]),
            report("two", &[Pass, Fail, Fail, Allowed, Fail, Crashed]),
            report("three", &[Pass, NotAsked, Hung, Pass, NotAsked]),
        ];
        let comparison = compare(&reports, &[]);
        assert_eq!(comparison.disagree.len(), 2);
        assert_eq!((comparison.allowed.len(), comparison.compared, comparison.all_fail), (1, 5, 1));
        let text = table(&reports, &comparison.disagree);
        assert!(text.contains("  passed     failed     not asked\n"), "{text}");
        assert!(text.contains("  allowed    crashed    -\n"), "{text}");
        let html = html(&reports, &comparison.disagree, "");
        assert!(!html.contains("<script>") && !html.contains("<b>one"), "{html}");
        assert!(html.contains("&lt;script&gt;x"));
    }

    #[test]
    fn reports_of_the_same_implementation_have_different_names() {
        let reports = vec![report("one", &[]), report("one", &[]), report("", &[]), report("two", &[])];
        let paths = ["x/a.json", "b.json", "c.json", "d.json"].map(PathBuf::from);
        let names: Vec<_> =
            with_distinct_names(reports, &paths).into_iter().map(|report| report.name).collect();
        assert_eq!(names, ["one a", "one b", "c", "two"]);
    }
}
