//! What each compression level costs and saves: the reason for the default.

use crate::cells::{COMPRESSED, Cell, Task, Work};
use crate::contender::Contender;
use crate::measure::{Effort, Entry, Turn};

/// The measurements at one level, for each length.
pub(crate) struct Level {
    pub(crate) level: u8,
    pub(crate) costs: Vec<Entry>,
}

pub(crate) const TITLE: &str = "compression levels";

/// Encodes the same JSON at all levels; in each round every level runs once.
pub(crate) fn measure(ours: &Contender, effort: Effort) -> Vec<Level> {
    let mut levels: Vec<Level> = (0..=9).map(|level| Level { level, costs: Vec::new() }).collect();
    for len in COMPRESSED {
        eprintln!("{TITLE}: {len} B");
        let tasks = levels.iter().map(|level| Task::new(Cell { work: Work::Deflate(level.level), len }));
        let tasks: Vec<Task> = tasks.collect();
        let mut turns: Vec<Turn> =
            tasks.iter().filter_map(|task| ours.enter(task).map(Turn::new).ok()).collect();
        for _ in 0..effort.passes * effort.rounds {
            turns.iter_mut().for_each(Turn::take);
        }
        for ((level, task), turn) in levels.iter_mut().zip(&tasks).zip(&turns) {
            level.costs.push(turn.entry(task.input.messages));
        }
    }
    levels
}
