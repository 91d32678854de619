//! When memory that only saves time is freed: once it was not used for a while.

/// Counts rounds in which nothing was decoded or encoded.
///
/// A peer can choose when memory is freed and has to be allocated again, which costs more than any message. So each time
/// that it was needed again, twice as many rounds have to pass.
#[derive(Clone, Debug)]
pub(super) struct Idle {
    rounds: u16,
    max_rounds: u16,
    is_freed: bool,
}

impl Idle {
    pub(super) const fn new() -> Self {
        Self { rounds: 0, max_rounds: FIRST, is_freed: false }
    }

    /// Records that the memory is in use.
    pub(super) fn end(&mut self) {
        self.rounds = 0;
        if core::mem::take(&mut self.is_freed) {
            self.max_rounds = self.max_rounds.saturating_mul(2).min(LAST);
        }
    }

    /// Counts a round; returns whether the memory is to be freed.
    pub(super) fn count(&mut self) -> bool {
        if self.is_freed {
            return false;
        }
        self.rounds = self.rounds.saturating_add(1);
        self.is_freed = self.rounds >= self.max_rounds;
        self.is_freed
    }
}

/// How many rounds it takes for the first time.
const FIRST: u16 = 8;

/// How many rounds it takes at most. Then a round costs no more than a ping does.
const LAST: u16 = 1024;
