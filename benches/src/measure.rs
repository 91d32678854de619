//! Times: in each round every engine runs, so that noise affects all equally.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::cells::{Cell, Task};
use crate::contender::{Batch, Contender};
use crate::heap;

/// How much to measure.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// The number of passes through all cells, so that a slow minute does not spoil one cell.
    pub(crate) passes: u32,
    /// How often each engine runs in a cell in one pass.
    pub(crate) rounds: u32,
}

/// The results of one cell.
pub(crate) struct Row {
    pub(crate) cell: Cell,
    /// The measurement of each contender, or why there is none.
    pub(crate) entries: Vec<Result<Entry, &'static str>>,
}

#[derive(Clone)]
pub(crate) struct Entry {
    /// Nanoseconds a message, in each round of each pass.
    rounds: Vec<f64>,
    /// Allocations a message, once the engine has its buffers.
    pub(crate) allocations: f64,
    /// Bytes a message on the wire, if it is compressed.
    pub(crate) encoded_len: Option<f64>,
}

/// Nanoseconds a message, from many rounds.
#[derive(Clone, Copy)]
pub(crate) struct Time {
    pub(crate) best: f64,
    pub(crate) median: f64,
}

impl Entry {
    pub(crate) fn time(&self) -> Time {
        let mut rounds = self.rounds.clone();
        rounds.sort_by(f64::total_cmp);
        Time { best: rounds[0], median: rounds[rounds.len() / 2] }
    }
}

impl Effort {
    pub(crate) const FULL: Self = Self { passes: 4, rounds: 60 };
    pub(crate) const QUICK: Self = Self { passes: 1, rounds: 5 };

    pub(crate) const fn is_quick(self) -> bool {
        self.rounds <= Self::QUICK.rounds
    }
}

/// Measures the cells.
pub(crate) fn measure(cells: &[Cell], contenders: &[Contender], effort: Effort) -> Vec<Row> {
    let tasks: Vec<Task> = cells.iter().copied().map(Task::new).collect();
    let mut rows: Vec<Row> = Vec::new();
    for pass in 0..effort.passes {
        for (index, task) in tasks.iter().enumerate() {
            eprintln!("pass {} of {}: {}", pass + 1, effort.passes, task.cell.title());
            let row = measure_one(task, contenders, effort.rounds);
            match rows.get_mut(index) {
                None => rows.push(row),
                Some(known) => known.add(row),
            }
        }
    }
    rows
}

impl Row {
    /// Adds the rounds of another pass.
    fn add(&mut self, other: Self) {
        for pair in self.entries.iter_mut().zip(other.entries) {
            if let (Ok(entry), Ok(other)) = pair {
                entry.rounds.extend(other.rounds);
            }
        }
    }
}

fn measure_one(task: &Task, contenders: &[Contender], rounds: u32) -> Row {
    let mut turns: Vec<_> = contenders.iter().map(|contender| contender.enter(task).map(Turn::new)).collect();
    for _ in 0..rounds {
        turns.iter_mut().flatten().for_each(Turn::take);
    }
    let entries = contenders.iter().zip(turns).map(|(contender, turn)| {
        let entry = turn?.entry(task.input.messages);
        let allocations = entry.allocations;
        let allowed = task.cell.work.allowed_allocations().unwrap_or(f64::MAX);
        assert!(
            !contender.is_ours() || allocations <= allowed,
            "{} allocates, {}: {allocations} times a message",
            contender.name,
            task.cell.title()
        );
        Ok(entry)
    });
    Row { cell: task.cell, entries: entries.collect() }
}

/// An engine that runs a batch many times.
pub(crate) struct Turn {
    batch: Batch,
    turns: usize,
    allocations: usize,
    times: Vec<Duration>,
}

impl Turn {
    pub(crate) fn new(mut batch: Batch) -> Self {
        (batch.work)(0);
        let allocations = heap::allocations(|| (batch.work)(0));
        Self { batch, turns: 0, allocations, times: Vec::new() }
    }

    pub(crate) fn take(&mut self) {
        // Once without the clock, because other engines have used the caches since the last turn.
        (self.batch.work)(self.turns);
        let begin = Instant::now();
        (self.batch.work)(self.turns);
        self.turns += 1;
        self.times.push(black_box(begin).elapsed());
    }

    /// The results, for each message.
    pub(crate) fn entry(&self, messages: usize) -> Entry {
        let messages = messages as f64;
        Entry {
            rounds: self.times.iter().map(|time| time.as_nanos() as f64 / messages).collect(),
            allocations: self.allocations as f64 / messages,
            encoded_len: self.batch.encoded_len.map(|len| len as f64 / messages),
        }
    }
}
