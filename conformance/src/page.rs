//! One HTML page without anything from elsewhere: a grid of the cases by section, with the details of each.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use crate::case::Tier;
use crate::escape::{markup, script};
use crate::report::{tier, word};
use crate::sections;
use crate::verdict::{Outcome, Verdict};

/// The page of one run.
pub(crate) fn report(agent: &str, outcomes: &[Outcome]) -> Result<String, String> {
    let details: Vec<_> = outcomes.iter().map(Details::of).collect();
    let data = serde_json::to_string(&details).map_err(|error| error.to_string())?;
    let body = format!(
        "<header class=\"top\"><h1><bdi>{}</bdi></h1><p class=\"sub\">{}</p>{}</header>\n<main>{}{}\
         <p class=\"none\" hidden>No case fits the filter.</p></main>\n{DIALOG}\n\
         <script type=\"application/json\" id=\"data\">{}</script>\n<script>{}</script>",
        markup(agent),
        about(outcomes),
        tiers(outcomes),
        filter(outcomes),
        sections(outcomes),
        script(&data),
        include_str!("page/report.js"),
    );
    Ok(document(&format!("{agent}: WebSocket conformance"), &body))
}

/// A whole document. `title` is escaped here; `body` is markup.
pub(crate) fn document(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n\
         {body}\n<footer>Made by wsconform {}. Sections link to rfc-editor.org.</footer>\n</body>\n</html>\n",
        markup(title),
        include_str!("page/page.css"),
        env!("CARGO_PKG_VERSION"),
    )
}

/// The sign of a verdict: a shape, a letter and a colour.
pub(crate) fn sign(verdict: Verdict) -> String {
    format!(
        "<span class=\"sign {}\" data-sign=\"{}\" role=\"img\" aria-label=\"{}\"></span>",
        class(verdict),
        glyph(verdict),
        word(verdict)
    )
}

/// The address of a section that is named as in an identifier.
pub(crate) fn section_link(section: &str) -> String {
    match section.split_once('/') {
        Some((rfc, number)) if is_number(rfc) && is_number(number) => format!(
            "<a href=\"https://www.rfc-editor.org/rfc/rfc{rfc}#section-{number}\" target=\"_blank\" \
             rel=\"noopener noreferrer\">§{number}</a>"
        ),
        _ => markup(section),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// What the script shows of a case.
#[derive(Serialize)]
struct Details<'a> {
    case: &'a str,
    verdict: &'static str,
    word: &'static str,
    tier: &'static str,
    title: &'a str,
    ledger: &'a str,
    rule: &'a str,
    expected: &'a str,
    observed: &'a str,
    cuts: usize,
    cut: &'a str,
    /// At most `MAX_SHOWN` bytes, in hex.
    sent: Vec<&'a str>,
    sent_len: usize,
    received: &'a str,
    received_len: usize,
    millis: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    known: Option<&'a str>,
    again: &'a str,
}

impl<'a> Details<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        let mut left = MAX_SHOWN;
        let mut sent = Vec::new();
        for segment in &outcome.sent {
            let shown = segment.get(..segment.len().min(left)).unwrap_or_default();
            left = left.saturating_sub(shown.len());
            if !shown.is_empty() {
                sent.push(shown);
            }
        }
        let digits: usize = outcome.sent.iter().map(String::len).sum();
        Self {
            case: &outcome.case.0,
            verdict: class(outcome.verdict),
            word: word(outcome.verdict),
            tier: tier(outcome.tier),
            title: &outcome.title,
            ledger: &outcome.ledger,
            rule: &outcome.rule,
            expected: &outcome.expected,
            observed: &outcome.observed,
            cuts: outcome.cuts,
            cut: &outcome.cut,
            sent,
            sent_len: digits / 2,
            received: outcome.received.get(..outcome.received.len().min(MAX_SHOWN)).unwrap_or_default(),
            received_len: outcome.received.len() / 2,
            millis: outcome.millis,
            known: outcome.known.as_deref(),
            again: &outcome.again,
        }
    }
}

fn about(outcomes: &[Outcome]) -> String {
    let asked = outcomes.iter().filter(|outcome| outcome.verdict != Verdict::NotAsked).count();
    let door = outcomes.first().map_or("", |outcome| outcome.door.name());
    format!("WebSocket conformance at the {door} door: {asked} of {} cases asked", outcomes.len())
}

fn tiers(outcomes: &[Outcome]) -> String {
    let mut html = String::from("<div class=\"tiers\">");
    for (of, means) in [
        (Tier::Must, "A failure breaks a requirement."),
        (Tier::Should, "A failure breaks a recommendation."),
        (Tier::Interop, "The RFCs allow several outcomes, but not a failure."),
    ] {
        let counts = count(outcomes.iter().filter(|outcome| outcome.tier == of));
        let asked: usize =
            counts.iter().filter(|(verdict, _)| **verdict != Verdict::NotAsked).map(|(_, count)| count).sum();
        let good: usize =
            counts.iter().filter(|(verdict, _)| verdict.is_good()).map(|(_, count)| count).sum();
        let bar: String = counts
            .iter()
            .filter(|(verdict, _)| **verdict != Verdict::NotAsked)
            .map(|(verdict, count)| format!("<i class=\"{}\" style=\"flex:{count}\"></i>", class(*verdict)))
            .collect();
        // Writing to a string cannot fail.
        _ = write!(
            html,
            "<div class=\"card\"><h3>{} <span>{good} of {asked} good</span></h3><p>{means}</p>\
             <div class=\"bar\">{bar}</div>{}</div>",
            tier(of),
            list(&counts)
        );
    }
    html + "</div>"
}

fn filter(outcomes: &[Outcome]) -> String {
    let counts = count(outcomes.iter());
    // What was not asked would hide the rest.
    let is_on = |verdict| verdict != Verdict::NotAsked || counts.len() == 1;
    let chips: String = from_best(&counts)
        .map(|(verdict, count)| {
            format!(
                "<button type=\"button\" aria-pressed=\"{}\" data-verdict=\"{}\">{} {} {count}</button>",
                is_on(verdict),
                class(verdict),
                sign(verdict),
                word(verdict)
            )
        })
        .collect();
    format!(
        "<div class=\"filter\"><input type=\"search\" placeholder=\"Filter: name, rule, or what came\" \
         aria-label=\"Filter by text\"><select aria-label=\"Tier\"><option value=\"\">every tier</option>\
         <option>must</option><option>should</option><option>interop</option></select>{chips}</div>"
    )
}

/// The cases by RFC and section, each as a tile.
fn sections(outcomes: &[Outcome]) -> String {
    let mut rfcs: BTreeMap<_, BTreeMap<_, Vec<(usize, &Outcome)>>> = BTreeMap::new();
    for (index, outcome) in outcomes.iter().enumerate() {
        let section = outcome.case.section();
        let rfc = section.split('/').next().unwrap_or_default();
        let of_rfc = rfcs.entry(sections::order(rfc)).or_default();
        of_rfc.entry(sections::order(section)).or_default().push((index, outcome));
    }
    let mut html = String::new();
    for ((.., rfc), of_rfc) in rfcs {
        let title = sections::rfc_title(&rfc);
        _ = write!(
            html,
            "<section class=\"rfc\"><h2>RFC {} <span>{title}</span></h2><div class=\"card rows\">",
            markup(&rfc)
        );
        for ((.., section), outcomes) in of_rfc {
            let counts = count(outcomes.iter().map(|(_, outcome)| *outcome));
            let tiles: String = outcomes.iter().map(|(index, outcome)| tile(*index, outcome)).collect();
            _ = write!(
                html,
                "<section class=\"row\"><div><h3>{} <span class=\"name\">{}</span></h3>{}</div>\
                 <div class=\"tiles\">{tiles}</div></section>",
                section_link(&section),
                markup(sections::heading(&section)),
                list(&counts)
            );
        }
        html.push_str("</div></section>\n");
    }
    html
}

fn tile(index: usize, outcome: &Outcome) -> String {
    let label = markup(&format!("{}: {}", outcome.case, word(outcome.verdict)));
    format!(
        "<button type=\"button\" class=\"sign {}{}\" data-sign=\"{}\" data-index=\"{index}\" title=\"{label}\" \
         aria-label=\"{label}\"></button>",
        class(outcome.verdict),
        if outcome.known.is_some() { " known" } else { "" },
        glyph(outcome.verdict),
    )
}

fn count<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> BTreeMap<Verdict, usize> {
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    for outcome in outcomes {
        let count = counts.entry(outcome.verdict).or_default();
        *count = count.saturating_add(1);
    }
    counts
}

fn list(counts: &BTreeMap<Verdict, usize>) -> String {
    let items: String = from_best(counts)
        .map(|(verdict, count)| format!("<li>{} {count} {}</li>", sign(verdict), word(verdict)))
        .collect();
    format!("<ul class=\"counts\">{items}</ul>")
}

/// From passed to crashed, and what was not asked last.
fn from_best(counts: &BTreeMap<Verdict, usize>) -> impl Iterator<Item = (Verdict, usize)> {
    let asked = counts.iter().filter(|(verdict, _)| **verdict != Verdict::NotAsked);
    let not_asked = counts.iter().filter(|(verdict, _)| **verdict == Verdict::NotAsked);
    asked.chain(not_asked).map(|(verdict, count)| (*verdict, *count))
}

/// The name of a verdict in CSS and in JSON.
fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NotAsked => "not-asked",
        Verdict::Pass => "pass",
        Verdict::Allowed => "allowed",
        Verdict::Fail => "fail",
        Verdict::Hung => "hung",
        Verdict::Crashed => "crashed",
    }
}

fn glyph(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NotAsked => "·",
        Verdict::Pass => "✓",
        Verdict::Allowed => "~",
        Verdict::Fail => "✗",
        Verdict::Hung => "…",
        Verdict::Crashed => "!",
    }
}

const DIALOG: &str = "<dialog aria-label=\"Case\"><header><span class=\"sign\"></span><b></b>\
    <button type=\"button\" data-step=\"-1\" aria-label=\"Previous case\">‹</button>\
    <button type=\"button\" data-step=\"1\" aria-label=\"Next case\">›</button>\
    <button type=\"button\" data-close autofocus aria-label=\"Close\">✕</button></header><div class=\"detail\"></div></dialog>";

/// How many hex digits of what was sent, and of what came, the page has for each case.
const MAX_SHOWN: usize = 2048;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::case::Case;
    use crate::run;
    use crate::verdict::{Answer, Door};

    const HOSTILE: &str = "</script><script>alert('x')</script><img src=x onerror=\"alert(1)\">";

    fn outcome(id: &str, verdict: Verdict) -> Outcome {
        outcome_with(id, verdict, "a < b")
    }

    fn outcome_with(id: &str, verdict: Verdict, text: &str) -> Outcome {
        let line = serde_json::json!({"id": id, "kind": "receive", "tier": "must", "ledger": text, "rfc": ["6455 5.2"],
            "title": text, "why": text, "role": "server", "chunks": [], "split": "every",
            "expect": {"outcome": "open"}});
        let answer = Answer {
            verdict,
            rule: Some(text.to_owned()),
            expected: text.to_owned(),
            observed: text.to_owned(),
            sent: vec![vec![0x81; 4000], vec![0x82]],
            received: vec![0; 5000],
        };
        let case = Case::parse(&line.to_string()).unwrap();
        let mut outcome =
            run::outcome(&case, Door::Server, vec![("whole", answer, Duration::from_millis(5))]);
        outcome.again = text.to_owned();
        outcome
    }

    #[test]
    fn nothing_from_a_peer_becomes_markup() {
        let outcomes = [
            outcome_with(&format!("6455/5.2/{HOSTILE}"), Verdict::Fail, HOSTILE),
            outcome_with(&format!("{HOSTILE}/{HOSTILE}/x"), Verdict::Crashed, HOSTILE),
        ];
        let page = report(HOSTILE, &outcomes).unwrap();
        assert!(!page.contains("<script>alert") && !page.contains("<img"), "{page}");
        // The end tag of the script element with the data, and that of the program.
        assert_eq!(page.matches("</script").count(), 2);
        assert_eq!(page.matches("<script").count(), 2);
    }

    #[test]
    fn page_has_no_address_except_those_of_the_rfcs() {
        let page = report("a server", &[outcome("6455/5.2/a/server", Verdict::Pass)]).unwrap();
        let addresses = page.match_indices("://").map(|(at, _)| &page[at..page.len().min(at + 25)]);
        assert!(addresses.clone().count() > 0);
        for address in addresses {
            assert!(address.starts_with("://www.rfc-editor.org/"), "{address}");
        }
        for word in ["src=", "@import", "url(", "<link"] {
            assert!(!page.contains(word), "{word}");
        }
        assert!(page.contains("https://www.rfc-editor.org/rfc/rfc6455#section-5.2"));
    }

    #[test]
    fn bytes_of_a_case_are_cut_at_a_bound() {
        let outcome = outcome("6455/5.2/a/server", Verdict::Fail);
        let details = Details::of(&outcome);
        assert_eq!(details.sent.iter().map(|segment| segment.len()).sum::<usize>(), MAX_SHOWN);
        assert_eq!((details.received.len(), details.received_len), (MAX_SHOWN, 5000));
        assert_eq!(details.sent_len, 4001);
    }

    #[test]
    fn counts_are_those_of_the_tier() {
        let outcomes = [
            outcome("6455/5.2/a/server", Verdict::Pass),
            outcome("6455/5.2/b/server", Verdict::Fail),
            outcome("6455/5.2/d/server", Verdict::Allowed),
            outcome("6455/5.2/c/server", Verdict::NotAsked),
        ];
        let page = report("a server", &outcomes).unwrap();
        assert!(page.contains("must <span>2 of 3 good</span>"), "{page}");
        assert!(page.contains("should <span>0 of 0 good</span>"));
    }
}
