//! The tables.

use std::fmt::Write;
use std::io;
use std::process::Command;

use crate::contender::Kind;
use crate::measure::{Effort, Figures, Row};

pub(crate) struct Report {
    pub(crate) rows: Vec<Row>,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) effort: Effort,
}

/// What a table shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Figure {
    Rate,
    Cpu,
    Heap,
    Resident,
}

impl Figure {
    const fn title(self) -> &'static str {
        match self {
            Self::Rate => "Messages a second, of the best round; higher is better.",
            Self::Cpu => {
                "Nanoseconds a message on the engine's processor, of the best round; lower is better."
            }
            Self::Heap => "Bytes on the heap for each connection; lower is better.",
            Self::Resident => "Resident bytes for each connection; lower is better.",
        }
    }

    /// The least and the median cost; lower is better in all tables.
    fn costs(self, figures: &Figures) -> Option<(f64, f64)> {
        match (self, figures) {
            (Self::Rate, Figures::Times { time, .. }) => Some(best_and_median(time)),
            (Self::Cpu, Figures::Times { cpu, .. }) => Some(best_and_median(cpu)),
            (Self::Heap, Figures::Memory { heap, .. }) => Some((*heap, *heap)),
            (Self::Resident, Figures::Memory { resident, .. }) => Some((*resident, *resident)),
            _ => None,
        }
    }

    fn show(self, cost: f64) -> String {
        match self {
            Self::Rate if cost > 0.0 && cost < 1e5 => format!("{:.1}k", 1e6 / cost),
            Self::Rate => format!("{:.0}", 1e9 / cost),
            _ => format!("{cost:.0}"),
        }
    }
}

fn best_and_median(rounds: &[f64]) -> (f64, f64) {
    let mut sorted = rounds.to_vec();
    sorted.sort_by(f64::total_cmp);
    (sorted.first().copied().unwrap_or(f64::NAN), sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN))
}

/// Best rounds that differ by this much or less are level.
const LEVEL: f64 = 0.03;

impl Report {
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from("# Results\n\n");
        let Effort { passes, rounds, round } = self.effort;
        _ = writeln!(
            text,
            "{}, {}, Linux {}, {}. {} rounds of {} ms.\n",
            output("date", &["+%F"]),
            processor(),
            output("uname", &["-r"]),
            output("rustc", &["--version"]).split(" (").next().unwrap_or_default(),
            passes * rounds,
            round.as_millis(),
        );
        text += "Ratios are the best peer's cost over wsproto-tokio's, in the best rounds, and after the slash for the \
            medians: above 1, wsproto-tokio is ahead. Best rounds that differ by 3 % or less are *level*. Of the peers, \
            only yawc has permessage-deflate.\n";
        let mut groups: Vec<&str> = self.rows.iter().map(|row| row.cell.group()).collect();
        groups.dedup();
        for group in groups {
            let rows: Vec<&Row> = self.rows.iter().filter(|row| row.cell.group() == group).collect();
            _ = write!(text, "\n## {group}\n");
            let figures = match rows.iter().flat_map(|row| &row.entries).find(|(kind, _)| kind.is_peer()) {
                Some((_, Figures::Memory { .. })) => [Figure::Heap, Figure::Resident],
                _ => [Figure::Rate, Figure::Cpu],
            };
            for figure in figures {
                self.write_table(&mut text, &rows, figure);
            }
        }
        text
    }

    fn write_table(&self, text: &mut String, rows: &[&Row], figure: Figure) {
        _ = write!(text, "\n{}\n\n|", figure.title());
        rows.iter().for_each(|row| _ = write!(text, " | {}", row.cell.title()));
        *text += " |\n|---|";
        rows.iter().for_each(|_| *text += "---:|");
        for &kind in &self.kinds {
            if rows.iter().all(|row| row.figures(kind).is_none()) {
                continue;
            }
            let mark = if kind == Kind::WsprotoTokio { "**" } else { "" };
            _ = write!(text, "\n| {mark}{}{mark} |", kind.name());
            for row in rows {
                let shown = match row.figures(kind) {
                    None => "–".to_owned(),
                    Some(Figures::Invalid(reason)) => format!("invalid: {reason}"),
                    Some(figures) => {
                        figure.costs(figures).map_or_else(String::new, |(best, _)| figure.show(best))
                    }
                };
                _ = write!(text, " {shown} |");
            }
        }
        *text += "\n| *best peer* |";
        rows.iter().for_each(|row| {
            let name = best_peer(row, figure).map_or("–", |(kind, _, _)| kind.name());
            _ = write!(text, " {name} |");
        });
        *text += "\n| *ratio* |";
        rows.iter().for_each(|row| _ = write!(text, " {} |", ratio(row, Kind::WsprotoTokio, figure)));
        *text += "\n| *ratio without deadlines* |";
        rows.iter().for_each(|row| _ = write!(text, " {} |", ratio(row, Kind::WithoutDeadlines, figure)));
        *text += "\n";
    }

    /// All figures, for another program.
    pub(crate) fn json(&self) -> String {
        let mut text = String::from("[");
        let list = |rounds: &[f64]| {
            let rounds: Vec<String> = rounds.iter().map(|round| format!("{round:.1}")).collect();
            rounds.join(",")
        };
        let mut separator = "\n";
        for row in &self.rows {
            for (kind, figures) in &row.entries {
                let figures = match figures {
                    Figures::Times { time, cpu } => {
                        format!("\"time_ns\":[{}],\"cpu_ns\":[{}]", list(time), list(cpu))
                    }
                    Figures::Memory { heap, resident } => {
                        format!("\"heap_bytes\":{heap:.1},\"resident_bytes\":{resident:.1}")
                    }
                    // The reasons have no character that JSON escapes, except what `Debug` escapes too.
                    Figures::Invalid(reason) => format!("\"invalid\":{reason:?}"),
                };
                let (group, title, name) = (row.cell.group(), row.cell.title(), kind.name());
                _ = write!(
                    text,
                    "{separator}{{\"table\":\"{group}\",\"cell\":\"{title}\",\"engine\":\"{name}\",{figures}}}"
                );
                separator = ",\n";
            }
        }
        text + "\n]\n"
    }

    /// Checks that what is slow was reported so, and that what is wrong is not valid, and nothing else.
    pub(crate) fn check_faults(&self) -> io::Result<()> {
        let mut faults = Vec::new();
        for row in &self.rows {
            let cell = format!("{}, {}", row.cell.group(), row.cell.title());
            for (kind, figures) in &row.entries {
                match (kind, figures) {
                    (Kind::Wrong, Figures::Invalid(reason)) => {
                        eprintln!("noticed: {cell}: {}: {reason}", kind.name());
                        if !self.kinds.contains(&Kind::Slowed) {
                            faults.push(format!("{cell}: {}: {reason}", kind.name()));
                        }
                    }
                    (Kind::Wrong, _) => faults.push(format!("{cell}: the wrong byte was not noticed")),
                    (_, Figures::Invalid(reason)) => {
                        faults.push(format!("{cell}: {}: {reason}", kind.name()))
                    }
                    (Kind::Slowed, figures) => {
                        let costs =
                            |figures| Some((Figure::Rate.costs(figures)?, Figure::Cpu.costs(figures)?));
                        let (ours, slowed) =
                            (row.figures(Kind::WsprotoTokio).and_then(costs), costs(figures));
                        let (Some(ours), Some(slowed)) = (ours, slowed) else { continue };
                        let (time, cpu) = (slowed.0.0 / ours.0.0, slowed.1.0 / ours.1.0);
                        eprintln!("{cell}: slowed: {time:.2} times the time, {cpu:.2} times the CPU time");
                        // A part of the delay is hidden if the load is the slower side.
                        if cpu < 1.0 + LEVEL || slowed.1.0 - ours.1.0 < 5000.0 {
                            faults.push(format!("{cell}: the delay was not noticed"));
                        }
                    }
                    _ => {}
                }
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(io::Error::other(faults.join("\n"))) }
    }
}

/// The best peer, with its best and its median; the median is the least of all peers.
fn best_peer(row: &Row, figure: Figure) -> Option<(Kind, f64, f64)> {
    let peers = row.entries.iter().filter(|(kind, _)| kind.is_peer());
    let costs: Vec<(Kind, f64, f64)> = peers
        .filter_map(|(kind, figures)| figure.costs(figures).map(|(best, median)| (*kind, best, median)))
        .collect();
    let median = costs.iter().map(|costs| costs.2).min_by(f64::total_cmp)?;
    let best = costs.iter().min_by(|one, other| one.1.total_cmp(&other.1))?;
    Some((best.0, best.1, median))
}

fn ratio(row: &Row, kind: Kind, figure: Figure) -> String {
    let ours = row.figures(kind).and_then(|figures| figure.costs(figures));
    let (Some((best, median)), Some((_, best_peer, median_peer))) = (ours, best_peer(row, figure)) else {
        return "–".to_owned();
    };
    let ratio = best_peer / best;
    let medians = if matches!(figure, Figure::Rate | Figure::Cpu) {
        format!(" / {:.2}", median_peer / median)
    } else {
        String::new()
    };
    if (ratio - 1.0).abs() <= LEVEL {
        format!("level: {ratio:.2}{medians}")
    } else {
        format!("**{ratio:.2}**{medians}")
    }
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(|_| "?".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or("an unknown processor", |(_, name)| name).to_owned()
}
