//! The results as Markdown.

use std::fmt::Write;
use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::cells::{COMPRESSED, Cell, Work, bytes};
use crate::contender::{Contender, NOT_ITS_BUSINESS, Standing};
use crate::crowd::{self, Crowd};
use crate::engine::Engine;
use crate::engines::wsproto::{Whole, Wsproto};
use crate::heap::Idle;
use crate::levels::{self, Level};
use crate::measure::{Effort, Entry, Row, Time};
use crate::probe::Leniency;
use crate::workload::Kind;

/// Our own engine, and the same when it waits for whole messages.
const PLAIN: &str = Wsproto::NAME;
const WHOLE: &str = Whole::NAME;

/// The name of the former if a message may come in pieces.
pub(crate) const IN_PIECES: &str = "wsproto, in pieces";

/// And if the message is prepared for many connections.
const PREPARED: &str = "wsproto, prepared";

/// All results.
pub(crate) struct Report {
    pub(crate) contenders: Vec<Contender>,
    pub(crate) leniencies: Vec<Leniency>,
    pub(crate) rows: Vec<Row>,
    pub(crate) levels: Vec<Level>,
    pub(crate) crowds: Vec<Crowd>,
    pub(crate) idle: Vec<Option<Idle>>,
    pub(crate) effort: Effort,
}

/// Our time in a cell compared with the fastest peer's.
pub(crate) struct Comparison {
    pub(crate) peer: &'static str,
    /// The peer's best time divided by ours.
    pub(crate) best: f64,
    /// The smallest median of a peer divided by our median.
    pub(crate) median: f64,
}

/// Our times for one kind of work, divided by those of a part of it alone.
struct ReferenceLine {
    work: Work,
    part: &'static str,
    /// For each length, by best rounds and by medians.
    ratios: Vec<(usize, f64, f64)>,
}

/// The result of a comparison.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Faster,
    Level,
    Slower,
}

/// How this program was built, if not as usual.
const BUILD: &str = match (cfg!(target_feature = "avx2"), cfg!(feature = "unsafe-text")) {
    (false, false) => "",
    (true, false) => " for a processor with AVX2",
    (false, true) => " with `unsafe-text`",
    (true, true) => " for a processor with AVX2, with `unsafe-text`",
};

/// Times that differ by at most this many percent are level: two runs of the same program differ that much.
const LEVEL: f64 = 3.0;

/// Up to this ratio, little could be gained.
const NEAR: f64 = 1.5;

impl Comparison {
    pub(crate) fn verdict(&self) -> Verdict {
        // Rounded as in the table, so that equal figures there get the same verdict.
        match (100.0 * self.best).round() - 100.0 {
            percent if percent.abs() <= LEVEL => Verdict::Level,
            percent if percent > 0.0 => Verdict::Faster,
            _ => Verdict::Slower,
        }
    }
}

impl Report {
    /// Whether a time counts: an engine that checks nothing, or does not check text if there is text, is not compared.
    pub(crate) fn is_valid(&self, cell: Cell, contender: usize) -> bool {
        let leniency = &self.leniencies[contender];
        let ignores_utf8 = leniency.ignores_utf8 || cell.is_cut() && leniency.ignores_cut_utf8;
        !(cell.work.decodes() && leniency.ignores_all || cell.work.is_text() && ignores_utf8)
    }

    /// The peers whose times count in a cell.
    fn peers(&self, row: &Row) -> impl Iterator<Item = (&'static str, Time)> {
        row.entries.iter().zip(&self.contenders).enumerate().filter_map(move |(index, (entry, contender))| {
            let counts = contender.is_peer() && self.is_valid(row.cell, index);
            Some((contender.name, entry.as_ref().ok().filter(|_| counts)?.time()))
        })
    }

    /// Compares one of our own engines with the peers.
    pub(crate) fn comparison(&self, row: &Row, ours: usize) -> Option<Comparison> {
        let ours = row.entries[ours].as_ref().ok()?.time();
        let (peer, time) = self.peers(row).min_by(|(_, one), (_, other)| one.best.total_cmp(&other.best))?;
        let median = self.peers(row).map(|(_, time)| time.median).min_by(f64::total_cmp)?;
        Some(Comparison { peer, best: time.best / ours.best, median: median / ours.median })
    }

    /// The index of our own engine that does the same as the peers, which return whole messages.
    pub(crate) fn like_the_peers(&self, work: Work) -> usize {
        let name = if work.comes_in_pieces() { WHOLE } else { PLAIN };
        self.contenders.iter().position(|contender| contender.name == name).unwrap_or_default()
    }

    /// The name of an engine for this work.
    pub(crate) fn name(&self, work: Work, contender: usize) -> &'static str {
        match self.contenders[contender].name {
            PLAIN if work.comes_in_pieces() => IN_PIECES,
            PLAIN if work.broadcasts() => PREPARED,
            name => name,
        }
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("# Results\n\n{}\n", self.circumstances());
        text.push_str(
            "Nanoseconds a message, of the best round and, after the slash, of the median round; lower is better. \
             Times in parentheses do not count: that peer does not check what the others check.\n\n\
             The ratios are the fastest peer's time over wsproto's, by best rounds and by medians; times whose best \
             rounds differ by 3 % or less are *level*. All peers whose times count hand out whole messages, and so \
             does the row of wsproto in bold, which is what compares with them. wsproto can also hand out a message \
             in the pieces in which it is read: that is a row of its own, and no verdict.\n",
        );
        for work in Work::ALL {
            self.table(work, &mut text);
        }
        self.reference_table(&mut text);
        self.level_table(&mut text);
        self.idle_table(&mut text);
        self.crowd_table(&mut text);
        self.allocation_table(&mut text);
        self.notes(&mut text);
        text
    }

    /// The day, the machine, the compiler and the number of rounds.
    pub(crate) fn circumstances(&self) -> String {
        let Effort { passes, rounds } = self.effort;
        format!(
            "{}, {}, {}{}, best and median of {} rounds.\n",
            today(),
            processor().unwrap_or_else(|| "unknown processor".to_owned()),
            compiler().unwrap_or_else(|| "unknown compiler".to_owned()),
            BUILD,
            passes * rounds,
        )
    }

    fn table(&self, work: Work, text: &mut String) {
        let rows: Vec<&Row> = self.rows.iter().filter(|row| row.cell.work == work).collect();
        if rows.is_empty() {
            return;
        }
        let title = work.title();
        let _ = write!(text, "\n## {}{}\n\n|", title[..1].to_uppercase(), &title[1..]);
        for row in &rows {
            let _ = write!(text, " | {}", bytes(row.cell.len));
        }
        let _ = write!(text, " |\n|---|{}\n", "---:|".repeat(rows.len()));
        for (index, contender) in self.contenders.iter().enumerate() {
            if rows.iter().all(|row| row.entries[index].is_err()) {
                continue;
            }
            let name = self.name(work, index);
            let _ = match contender.standing {
                Standing::Ours if index == self.like_the_peers(work) => write!(text, "| **{name}**"),
                Standing::Ours | Standing::Peer => write!(text, "| {name}"),
                Standing::Reference => write!(text, "| *{name}, alone*"),
            };
            for row in &rows {
                let _ = write!(text, " | {}", self.shown(row, index));
            }
            text.push_str(" |\n");
        }
        self.ratios(&rows, text);
        self.encoded_lens(&rows, text);
    }

    fn shown(&self, row: &Row, contender: usize) -> String {
        match &row.entries[contender] {
            Err(_) => "–".to_owned(),
            Ok(entry) if self.is_valid(row.cell, contender) => both(entry.time()),
            Ok(entry) => format!("({})", both(entry.time())),
        }
    }

    fn ratios(&self, rows: &[&Row], text: &mut String) {
        let Some(work) = rows.first().map(|row| row.cell.work) else { return };
        let like = self.like_the_peers(work);
        text.push_str("| *fastest peer*");
        for row in rows {
            let _ =
                write!(text, " | {}", self.comparison(row, like).map_or("–", |comparison| comparison.peer));
        }
        text.push_str(" |\n");
        let others = (0..self.contenders.len()).filter(|&index| index != like);
        for index in [like].into_iter().chain(others) {
            if !self.contenders[index].is_ours() || rows.iter().all(|row| row.entries[index].is_err()) {
                continue;
            }
            let _ = write!(text, "| *ratio of {}*", self.name(work, index));
            for row in rows {
                let _ = match self.comparison(row, index) {
                    Some(comparison) => write!(text, " | {}", ratio(&comparison, index == like)),
                    None => write!(text, " | –"),
                };
            }
            text.push_str(" |\n");
        }
    }

    /// The lengths of compressed messages, since a shorter time may cost length.
    fn encoded_lens(&self, rows: &[&Row], text: &mut String) {
        let has_len = |entry: &Result<Entry, _>| matches!(entry, Ok(Entry { encoded_len: Some(_), .. }));
        if !rows.iter().any(|row| row.entries.iter().any(has_len)) {
            return;
        }
        text.push_str("\nBytes a message on the wire:\n\n|");
        for row in rows {
            let _ = write!(text, " | {}", bytes(row.cell.len));
        }
        let _ = write!(text, " |\n|---|{}\n", "---:|".repeat(rows.len()));
        for index in 0..self.contenders.len() {
            if !rows.iter().any(|row| has_len(&row.entries[index])) {
                continue;
            }
            let _ = write!(text, "| {}", self.name(rows[0].cell.work, index));
            for row in rows {
                let _ = match row.entries[index] {
                    Ok(Entry { encoded_len: Some(len), .. }) => write!(text, " | {len:.0}"),
                    _ => write!(text, " | –"),
                };
            }
            text.push_str(" |\n");
        }
    }

    /// wsproto's time divided by that of a part of the work alone, for all cells.
    fn reference_table(&self, text: &mut String) {
        let ratios = self.reference_ratios();
        let mut lens: Vec<usize> =
            ratios.iter().flat_map(|line| line.ratios.iter().map(|(len, ..)| *len)).collect();
        lens.sort_unstable();
        lens.dedup();
        if lens.is_empty() {
            return;
        }
        text.push_str(
            "\n## What could be gained\n\nwsproto's time divided by that of a part of the work alone, by best rounds \
             and by medians; more than 1.5 is in bold. In a cell in which peers return whole messages, so does wsproto.\n\n| | over",
        );
        for &len in &lens {
            let _ = write!(text, " | {}", bytes(len));
        }
        let _ = write!(text, " |\n|---|---|{}\n", "---:|".repeat(lens.len()));
        for ReferenceLine { work, part, ratios } in ratios {
            let _ = write!(text, "| {} | {part}", work.title());
            for len in &lens {
                let _ = match ratios.iter().find(|(other, ..)| other == len) {
                    Some((_, best, median)) if *best > NEAR => write!(text, " | **{best:.2}** / {median:.2}"),
                    Some((_, best, median)) => write!(text, " | {best:.2} / {median:.2}"),
                    None => write!(text, " |"),
                };
            }
            text.push_str(" |\n");
        }
    }

    fn reference_ratios(&self) -> Vec<ReferenceLine> {
        let mut lines = Vec::new();
        for rows in self.rows.chunk_by(|one, other| one.cell.work == other.cell.work) {
            let work = rows[0].cell.work;
            let ours = self.like_the_peers(work);
            for (index, contender) in self.contenders.iter().enumerate() {
                if contender.standing != Standing::Reference {
                    continue;
                }
                let ratio = |row: &Row| match (&row.entries[ours], &row.entries[index]) {
                    (Ok(ours), Ok(part)) => {
                        let (ours, part) = (ours.time(), part.time());
                        Some((row.cell.len, ours.best / part.best, ours.median / part.median))
                    }
                    _ => None,
                };
                let ratios: Vec<_> = rows.iter().filter_map(ratio).collect();
                if !ratios.is_empty() {
                    lines.push(ReferenceLine { work, part: contender.name, ratios });
                }
            }
        }
        lines
    }

    fn level_table(&self, text: &mut String) {
        if self.levels.is_empty() {
            return;
        }
        let title = levels::TITLE;
        let _ = write!(
            text,
            "\n## {}{}\n\nwsproto encodes JSON as a server: nanoseconds a message, best and median, and bytes a message on the wire.\n\n| level",
            title[..1].to_uppercase(),
            &title[1..]
        );
        for len in COMPRESSED {
            let _ = write!(text, " | {} | bytes", bytes(len));
        }
        let _ = write!(text, " |\n|---|{}\n", "---:|---:|".repeat(COMPRESSED.len()));
        for Level { level, costs } in &self.levels {
            let _ = write!(text, "| {level}");
            for cost in costs {
                let len = cost.encoded_len.unwrap_or_default();
                let _ = write!(text, " | {} | {len:.0}", both(cost.time()));
            }
            text.push_str(" |\n");
        }
    }

    fn idle_table(&self, text: &mut String) {
        text.push_str(
            "\n## Idle connection, after one message\n\nBytes, with each engine's default settings. Buffers that \
             the caller owns and may share between connections are not counted.\n\n\
             | | state | heap |\n|---|---:|---:|\n",
        );
        for (contender, idle) in self.contenders.iter().zip(&self.idle) {
            if let Some(Idle { state, heap }) = idle {
                let _ = writeln!(text, "| {} | {state} | {heap} |", contender.name);
            }
        }
    }

    fn crowd_table(&self, text: &mut String) {
        if self.crowds.is_empty() {
            return;
        }
        let title = crowd::TITLE;
        let _ = write!(
            text,
            "\n## {}{}\n\n{} servers, each of which receives a message of 125 B in each round: bytes a connection, \
             and nanoseconds a message, best and median of the rounds. Engines that have a buffer each were asked for \
             one of 4 KiB, if they can be asked.\n\n| | memory | time |\n|---|---:|---:|\n",
            title[..1].to_uppercase(),
            &title[1..],
            crowd::connections(self.effort),
        );
        for Crowd { name, memory, time } in &self.crowds {
            let _ = writeln!(text, "| {name} | {memory} | {} |", both(*time));
        }
    }

    fn allocation_table(&self, text: &mut String) {
        let cells = [
            (Work::Decode(Kind::Binary), "decode binary"),
            (Work::DecodeReads(Kind::Mixed), "decode mixed, reads of 1460 B"),
            (Work::EncodeServer, "encode as a server"),
            (Work::EncodeClient, "encode as a client"),
            (Work::Echo, "echo"),
            (Work::Broadcast, "broadcast"),
            (Work::Inflate, "decode JSON of 256 B, deflated"),
            (Work::Deflate(6), "encode JSON of 256 B, deflated"),
            (Work::Accept, "handshake"),
            (Work::AcceptDeflate, "handshake, permessage-deflate"),
        ];
        let column = |work: Work| {
            let len = if work.lens().contains(&125) { 125 } else { work.lens()[0] };
            self.rows.iter().find(|row| row.cell.work == work && row.cell.len == len)
        };
        let columns: Vec<_> =
            cells.iter().filter_map(|&(work, title)| Some((column(work)?, title))).collect();
        if columns.is_empty() {
            return;
        }
        text.push_str("\n## Allocations a message, once buffers have grown\n\nMessages of 125 B where nothing else is said\n\n|");
        for (_, title) in &columns {
            let _ = write!(text, " | {title}");
        }
        let _ = write!(text, " |\n|---|{}\n", "---:|".repeat(columns.len()));
        for (index, contender) in self.contenders.iter().enumerate() {
            if columns.iter().all(|(row, _)| row.entries[index].is_err()) {
                continue;
            }
            let _ = write!(text, "| {}", contender.name);
            for (row, _) in &columns {
                let _ = match row.entries[index] {
                    Err(_) => write!(text, " | –"),
                    Ok(Entry { allocations: 0.0, .. }) => write!(text, " | 0"),
                    Ok(Entry { allocations, .. }) => write!(text, " | {allocations:.3}"),
                };
            }
            text.push_str(" |\n");
        }
    }

    fn notes(&self, text: &mut String) {
        text.push_str("\n## The engines\n\n");
        for (index, contender) in self.contenders.iter().enumerate() {
            let version = version(contender.name).map(|version| format!(" {version}")).unwrap_or_default();
            let _ = writeln!(text, "- **{}**{version}: {}.", contender.name, contender.driven);
            let accepts = &self.leniencies[index].accepts;
            if !accepts.is_empty() {
                let _ = writeln!(text, "  Accepts {}.", accepts.join(", "));
            }
            if contender.is_peer() {
                self.missing(index, text);
            }
        }
    }

    /// The tables that an engine is not in, and why.
    fn missing(&self, contender: usize, text: &mut String) {
        for rows in self.rows.chunk_by(|one, other| one.cell.work == other.cell.work) {
            if let Err(why) = rows[0].entries[contender].as_ref().map(drop).map_err(|why| *why)
                && why != NOT_ITS_BUSINESS
            {
                let _ = writeln!(text, "  Not in \"{}\": {why}.", rows[0].cell.work.title());
            }
        }
    }
}

/// The best round and the median one.
fn both(time: Time) -> String {
    format!("{} / {}", nanoseconds(time.best), nanoseconds(time.median))
}

/// In bold and with a verdict if both do the same work.
fn ratio(comparison: &Comparison, is_like: bool) -> String {
    let Comparison { best, median, .. } = comparison;
    match (is_like, comparison.verdict()) {
        (false, _) => format!("{best:.2} / {median:.2}"),
        (true, Verdict::Level) => format!("level: {best:.2} / {median:.2}"),
        (true, _) => format!("**{best:.2}** / {median:.2}"),
    }
}

/// About three digits.
pub(crate) fn nanoseconds(value: f64) -> String {
    match value {
        value if value < 100.0 => format!("{value:.1}"),
        value if value < 10_000.0 => format!("{value:.0}"),
        value => format!("{:.1}k", value / 1000.0),
    }
}

fn processor() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "))?;
    Some(model.1.to_owned())
}

fn compiler() -> Option<String> {
    let output = Command::new("rustc").arg("--version").output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    Some(version.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
}

/// The version in the lock file.
fn version(package: &str) -> Option<&'static str> {
    let lock = include_str!("../Cargo.lock");
    let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    Some(rest.split_once('"')?.0)
}

/// Today's date in UTC. Years are counted from March, so that a leap day is the last day of a year.
fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}
