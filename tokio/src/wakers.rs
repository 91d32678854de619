//! One waker for two tasks: whatever the transport wakes, both the receiving and the sending task continue.
//!
//! A transport keeps one waker for each direction, that of the last poll. But both tasks use both directions: the
//! receiving task writes pongs, and the sending task reads on while it waits. If each passed its own waker, one would
//! replace the other's, and its task would sleep for ever.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// Which task waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Receiving,
    Sending,
}

/// The tasks that wait, and the waker that wakes both.
#[derive(Debug)]
pub(crate) struct Wakers {
    tasks: Arc<Tasks>,
    both: Waker,
}

#[derive(Debug, Default)]
struct Tasks(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    receiving: Option<Waker>,
    sending: Option<Waker>,
}

impl Wakers {
    pub(crate) fn new() -> Self {
        let tasks = Arc::<Tasks>::default();
        Self { both: Waker::from(Arc::clone(&tasks)), tasks }
    }

    /// Records that the task of this waker waits. Returns the waker to pass to the transport.
    pub(crate) fn register(&self, side: Side, waker: &Waker) -> Waker {
        let mut waiting = self.tasks.lock();
        let slot = match side {
            Side::Receiving => &mut waiting.receiving,
            Side::Sending => &mut waiting.sending,
        };
        match slot {
            Some(registered) => registered.clone_from(waker),
            None => *slot = Some(waker.clone()),
        }
        self.both.clone()
    }

    /// Wakes both tasks: something has changed that was not an event of the transport.
    pub(crate) fn wake(&self) {
        self.both.wake_by_ref();
    }

    /// Wakes the receiving task: a message has come.
    pub(crate) fn wake_receiver(&self) {
        let task = self.tasks.lock().receiving.take();
        if let Some(task) = task {
            task.wake();
        }
    }
}

impl Tasks {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Tasks {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut waiting = self.lock();
        let tasks = [waiting.receiving.take(), waiting.sending.take()];
        // A waker may run code of its own.
        drop(waiting);
        for task in tasks.into_iter().flatten() {
            task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn count(count: &Arc<Count>) -> usize {
        count.0.load(Ordering::Relaxed)
    }

    #[test]
    fn the_waker_of_one_task_wakes_both() {
        let (receiving, sending) = (Arc::<Count>::default(), Arc::<Count>::default());
        let wakers = Wakers::new();
        let first = wakers.register(Side::Receiving, &Waker::from(Arc::clone(&receiving)));
        let second = wakers.register(Side::Sending, &Waker::from(Arc::clone(&sending)));
        assert!(first.will_wake(&second));
        first.wake();
        assert_eq!((count(&receiving), count(&sending)), (1, 1));
        second.wake(); // nobody waits any more
        assert_eq!((count(&receiving), count(&sending)), (1, 1));
    }

    #[test]
    fn a_task_that_waits_in_another_place_is_woken_there() {
        let (before, now) = (Arc::<Count>::default(), Arc::<Count>::default());
        let wakers = Wakers::new();
        _ = wakers.register(Side::Receiving, &Waker::from(Arc::clone(&before)));
        _ = wakers.register(Side::Receiving, &Waker::from(Arc::clone(&now)));
        wakers.wake();
        assert_eq!((count(&before), count(&now)), (0, 1));
    }
}
