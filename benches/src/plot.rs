//! The results as a picture: for each cell, the time of every peer divided by wsproto's.

use std::fmt::Write;

use crate::cells::bytes;
use crate::measure::Row;
use crate::report::{IN_PIECES, Report, Verdict, nanoseconds};

const ROW: f64 = 18.0;
const LABEL_WIDTH: f64 = 190.0;
const PLOT_WIDTH: f64 = 600.0;
const NOTE_WIDTH: f64 = 330.0;
const TOP: f64 = 128.0;

/// The axis: logarithmic, from 0.2 to 50 times wsproto's time.
const SCALE: (f64, f64) = (0.2, 50.0);
const TICKS: [f64; 8] = [0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0];

/// Colours of medium lightness, which are visible on white and on black.
const COLOURS: [&str; 10] = [
    "#e07b39", "#3a9bdc", "#7d9a3c", "#8e6bd1", "#c2557e", "#2fa58a", "#b3922f", "#8a8f98", "#5f7fe0",
    "#c0504d",
];

/// Text and lines follow the reader's theme; the background is transparent.
const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#24292f}\
    .faint{fill:#6e7781}.group{font-weight:600}.grid{stroke:#8c959f;stroke-opacity:.35}.ours{stroke:#1a9850;stroke-width:3}\
    .lead{fill:#1a9850;font-weight:600}.behind{fill:#bc4c00;font-weight:600}.pieces{fill:none;stroke:#1a9850;stroke-width:2}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}.faint{fill:#9198a1}.lead{fill:#3fb950}.behind{fill:#f0883e}\
    .ours,.pieces{stroke:#3fb950}}";

/// Draws the picture.
pub(crate) fn svg(report: &Report) -> String {
    let groups = groups(&report.rows);
    let height = TOP + ROW * (report.rows.len() + groups) as f64 + 12.0;
    let width = LABEL_WIDTH + PLOT_WIDTH + NOTE_WIDTH;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"Time a message, relative to wsproto\">\n<style>{STYLE}</style>\n"
    );
    heading(report, &mut svg);
    grid(height, &mut svg);
    let mut y = TOP;
    let mut work = None;
    for row in &report.rows {
        if work.replace(row.cell.work) != Some(row.cell.work) {
            text(&mut svg, 8.0, y + 5.0, "group", row.cell.work.title());
            y += ROW;
        }
        line(report, row, y, &mut svg);
        y += ROW;
    }
    svg.push_str("</svg>\n");
    svg
}

fn groups(rows: &[Row]) -> usize {
    rows.chunk_by(|one, other| one.cell.work == other.cell.work).count()
}

/// What the picture shows, when and where it was measured, and the legend.
fn heading(report: &Report, svg: &mut String) {
    let circumstances = report.circumstances();
    text(svg, 8.0, 20.0, "", "Time a message, as a multiple of wsproto's: right of the line is slower");
    text(svg, 8.0, 38.0, "faint", circumstances.trim_end());
    text(
        svg,
        8.0,
        56.0,
        "faint",
        "Whole messages, for all; marks are best rounds. On the left wsproto's best round and its median; on the \
         right the fastest peer's ratio, and the ratio of the medians.",
    );
    let mut x = 12.0;
    for (index, contender) in report.contenders.iter().enumerate().filter(|(_, other)| other.is_peer()) {
        dot(svg, x, 72.0, colour(report, index), true);
        text(svg, x + 9.0, 76.0, "", contender.name);
        x += 24.0 + 7.0 * contender.name.len() as f64;
    }
    diamond(svg, 12.0, 90.0);
    text(svg, 21.0, 94.0, "", IN_PIECES);
    text(svg, 132.0, 94.0, "faint", "(the same, where it hands out a message as it is read)");
}

fn grid(height: f64, svg: &mut String) {
    for tick in TICKS {
        let class = if tick == 1.0 { "ours" } else { "grid" };
        let x = place(tick);
        let (top, bottom) = (TOP - 4.0, height - 8.0);
        let _ = writeln!(
            svg,
            "<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{bottom}\"/>"
        );
        let _ = writeln!(
            svg,
            "<text class=\"faint\" text-anchor=\"middle\" x=\"{x:.1}\" y=\"{}\">{tick}×</text>",
            TOP - 12.0
        );
    }
}

/// One cell: the length and our time, every peer's dot, and the name of the fastest.
fn line(report: &Report, row: &Row, y: f64, svg: &mut String) {
    let like = report.like_the_peers(row.cell.work);
    let Ok(ours) = &row.entries[like] else { return };
    let ours = ours.time();
    let label =
        format!("{}: {} / {} ns", bytes(row.cell.len), nanoseconds(ours.best), nanoseconds(ours.median));
    let _ = writeln!(
        svg,
        "<text text-anchor=\"end\" x=\"{}\" y=\"{}\">{label}</text>",
        LABEL_WIDTH - 10.0,
        y + 4.0
    );
    for (index, entry) in row.entries.iter().enumerate() {
        let Ok(entry) = entry else { continue };
        let x = place(entry.time().best / ours.best);
        if report.contenders[index].is_peer() {
            dot(svg, x, y, colour(report, index), report.is_valid(row.cell, index));
        } else if report.name(row.cell.work, index) == IN_PIECES {
            diamond(svg, x, y);
        }
    }
    if let Some(comparison) = report.comparison(row, like) {
        let (class, word) = match comparison.verdict() {
            Verdict::Faster => ("lead", ""),
            Verdict::Level => ("", "level: "),
            Verdict::Slower => ("behind", ""),
        };
        let (best, median, peer) = (comparison.best, comparison.median, comparison.peer);
        let note = format!("{word}{best:.2}× {peer}, medians {median:.2}×");
        text(svg, LABEL_WIDTH + PLOT_WIDTH + 12.0, y + 4.0, class, &note);
    }
}

fn place(ratio: f64) -> f64 {
    let (low, high) = SCALE;
    let share = (ratio.clamp(low, high) / low).ln() / (high / low).ln();
    LABEL_WIDTH + share * PLOT_WIDTH
}

/// A dot is hollow if the time does not count.
fn dot(svg: &mut String, x: f64, y: f64, colour: &str, filled: bool) {
    let fill = if filled { colour } else { "none" };
    let _ = writeln!(
        svg,
        "<circle cx=\"{x:.1}\" cy=\"{y}\" r=\"4.5\" fill=\"{fill}\" fill-opacity=\".85\" stroke=\"{colour}\"/>"
    );
}

/// The mark of wsproto in pieces.
fn diamond(svg: &mut String, x: f64, y: f64) {
    let _ = writeln!(svg, "<path class=\"pieces\" d=\"M{x:.1} {}l5 5l-5 5l-5 -5z\"/>", y - 5.0);
}

fn text(svg: &mut String, x: f64, y: f64, class: &str, text: &str) {
    let _ = writeln!(svg, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{text}</text>");
}

fn colour(report: &Report, contender: usize) -> &'static str {
    let ours = report.contenders.iter().take_while(|contender| contender.is_ours()).count();
    COLOURS[contender.saturating_sub(ours) % COLOURS.len()]
}
