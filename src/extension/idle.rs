//! Decides when an extension frees memory that is kept for speed: after it was unused for a while.

/// Counts rounds in which nothing was decoded or encoded.
///
/// A peer could make us free and allocate the memory again and again, which costs more than any message. So the number
/// of rounds doubles each time that the memory is needed again.
#[derive(Clone, Debug)]
pub(super) struct Idle {
    rounds: u16,
    /// After how many rounds the memory is freed.
    max_rounds: u16,
    is_freed: bool,
}

impl Idle {
    pub(super) const fn new() -> Self {
        Self { rounds: 0, max_rounds: FIRST_ROUNDS, is_freed: false }
    }

    /// Records that the memory is in use.
    pub(super) fn end(&mut self) {
        self.rounds = 0;
        if core::mem::take(&mut self.is_freed) {
            self.max_rounds = self.max_rounds.saturating_mul(2).min(MAX_ROUNDS);
        }
    }

    /// Counts a round; returns whether to free the memory now.
    pub(super) fn count(&mut self) -> bool {
        if self.is_freed {
            return false;
        }
        self.rounds = self.rounds.saturating_add(1);
        self.is_freed = self.rounds >= self.max_rounds;
        self.is_freed
    }
}

/// After how many rounds the memory is freed the first time.
const FIRST_ROUNDS: u16 = 8;

/// The most rounds before the memory is freed. With these, the cost for each round is less than that of a ping.
const MAX_ROUNDS: u16 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_freed_once_and_later_each_time_that_it_is_needed_again() {
        let mut idle = Idle::new();
        for expected in [8, 16, 32, 64, 128, 256, 512, 1024, 1024] {
            for _ in 1..expected {
                assert!(!idle.count());
            }
            idle.end();
            let freed: Vec<_> = (1..5000).filter(|_| idle.count()).collect();
            assert_eq!(freed, [expected]);
            idle.end();
        }
    }
}
