//! Rounds, in each of which all engines run one after the other, so that noise affects all equally.

use std::io;
use std::thread::sleep;
use std::time::Duration;

use crate::cells::{Cell, Work};
use crate::contender::Kind;
use crate::load::{Batch, Running};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// How often all cells are measured, each time with new processes.
    pub(crate) passes: usize,
    pub(crate) rounds: usize,
    /// How long an engine runs in a round, at least.
    pub(crate) round: Duration,
}

impl Effort {
    pub(crate) const FULL: Self = Self { passes: 4, rounds: 25, round: Duration::from_millis(20) };
    pub(crate) const SMOKE: Self = Self { passes: 1, rounds: 5, round: Duration::from_millis(5) };
}

/// How long connections are idle before their memory is measured: longer than `Settings::release_memory_after`, which
/// is 5 s.
pub(crate) const IDLE: Duration = Duration::from_secs(7);

/// The connections that the load has at the same time.
const MAX_CONNECTIONS: usize = 12_000;

/// What an engine did in a cell.
#[derive(Clone, Debug)]
pub(crate) enum Figures {
    /// The nanoseconds a message of each round.
    Times { time: Vec<f64>, cpu: Vec<f64> },
    /// Bytes for each connection.
    Memory { heap: f64, resident: f64 },
    /// It did not return what was sent.
    Invalid(String),
}

/// The figures of a cell.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) cell: Cell,
    pub(crate) entries: Vec<(Kind, Figures)>,
}

impl Row {
    pub(crate) fn figures(&self, kind: Kind) -> Option<&Figures> {
        self.entries.iter().find(|(other, _)| *other == kind).map(|(_, figures)| figures)
    }
}

pub(crate) fn measure(cells: &[Cell], kinds: &[Kind], effort: Effort) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for pass in 0..effort.passes {
        for (place, cell) in cells.iter().enumerate() {
            let is_idle = matches!(cell.work, Work::Idle { .. });
            // Memory is the same each time.
            if is_idle && pass > 0 {
                continue;
            }
            eprintln!("pass {} of {}: {}: {}", pass + 1, effort.passes, cell.group(), cell.title());
            let kinds: Vec<Kind> = kinds.iter().copied().filter(|&kind| cell.includes(kind)).collect();
            let entries = if is_idle { memory(cell, &kinds) } else { times(cell, &kinds, effort) };
            match rows.get_mut(place) {
                None => rows.push(Row { cell: *cell, entries }),
                Some(row) => {
                    row.entries.iter_mut().zip(entries).for_each(|((_, all), (_, new))| merge(all, new))
                }
            }
        }
    }
    rows
}

/// Adds the rounds of another pass. What was invalid once is invalid.
fn merge(all: &mut Figures, new: Figures) {
    match (all, new) {
        (Figures::Times { time, cpu }, Figures::Times { time: more_time, cpu: more_cpu }) => {
            time.extend(more_time);
            cpu.extend(more_cpu);
        }
        (all @ Figures::Times { .. }, new @ Figures::Invalid(_)) => *all = new,
        _ => {}
    }
}

/// An engine that runs, or why it is not valid.
type Turn = (Kind, io::Result<Running>, Vec<f64>, Vec<f64>);

fn times(cell: &Cell, kinds: &[Kind], effort: Effort) -> Vec<(Kind, Figures)> {
    let batch = Batch::new(cell);
    let mut room = vec![0; 256 << 10];
    let mut turns: Vec<Turn> = kinds
        .iter()
        .map(|&kind| (kind, checked(kind, cell, &batch, &mut room), Vec::new(), Vec::new()))
        .collect();
    for _ in 0..effort.rounds {
        for (_, running, time, cpu) in &mut turns {
            let Ok(engine) = running else { continue };
            let warm_up = engine.round(cell, &batch, effort.round / 4, &mut room);
            match warm_up.and_then(|_| engine.round(cell, &batch, effort.round, &mut room)) {
                Ok(cost) => {
                    time.push(cost.time);
                    cpu.push(cost.cpu);
                }
                Err(error) => *running = Err(error),
            }
        }
    }
    turns
        .into_iter()
        .map(|(kind, running, time, cpu)| {
            // Once more at the end; what is compressed depends on all that was sent before, which was only counted.
            let still_valid = running.and_then(|mut engine| match cell.deflates {
                true => Ok(()),
                false => engine.check(cell, &batch, &mut room),
            });
            (
                kind,
                still_valid.map_or_else(
                    |error| Figures::Invalid(error.to_string()),
                    |()| Figures::Times { time, cpu },
                ),
            )
        })
        .collect()
}

/// Starts an engine, and checks it.
fn checked(kind: Kind, cell: &Cell, batch: &Batch, room: &mut [u8]) -> io::Result<Running> {
    let mut running = Running::start(kind, cell)?;
    running.check(cell, batch, room)?;
    Ok(running)
}

fn memory(cell: &Cell, kinds: &[Kind]) -> Vec<(Kind, Figures)> {
    let batch = Batch::new(cell);
    let mut room = vec![0; 256 << 10];
    let at_once = (MAX_CONNECTIONS / cell.connections()).max(1);
    let mut entries = Vec::new();
    for kinds in kinds.chunks(at_once) {
        let running: Vec<_> =
            kinds.iter().map(|&kind| (kind, checked(kind, cell, &batch, &mut room))).collect();
        sleep(IDLE);
        for (kind, engine) in running {
            let figures = match engine.and_then(|mut engine| engine.memory()) {
                Ok(usage) => Figures::Memory {
                    heap: usage.heap as f64 / cell.connections() as f64,
                    resident: usage.resident as f64 / cell.connections() as f64,
                },
                Err(error) => Figures::Invalid(error.to_string()),
            };
            entries.push((kind, figures));
        }
    }
    entries
}
