//! The clock of a connection: when to look at its deadlines again.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::coop::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

/// The time since a connection began, and an alarm.
///
/// The alarm is set with the first waker that polls it, so every poll needs the same.
#[derive(Debug)]
pub(crate) struct Timer {
    start: Instant,
    /// When the alarm rings. It may be too early, as it is moved only if it would be too late: then it is set again.
    at: Option<Duration>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    pub(crate) fn new(start: Instant) -> Self {
        Self { start, at: None, sleep: None }
    }

    /// The time since the start.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Waits until then, or a little shorter. It is ready if the caller has to compute its deadlines again.
    pub(crate) fn poll(&mut self, until: Option<Duration>, now: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let Some(until) = until else { return Poll::Pending };
        match self.at {
            // It is set, and has not rung.
            Some(at) if at <= until && now < at => return Poll::Pending,
            Some(at) if at <= until => {}
            _ => {
                let Some(instant) = self.start.checked_add(until) else { return Poll::Pending };
                match &mut self.sleep {
                    Some(sleep) => sleep.as_mut().reset(instant),
                    None => self.sleep = Some(Box::pin(sleep_until(instant))),
                }
                self.at = Some(until);
            }
        }
        let Some(sleep) = &mut self.sleep else { return Poll::Pending };
        // A task whose turn is over would not be registered, and be polled again before the alarm is due.
        let rung = pin!(unconstrained(sleep)).poll(cx);
        if rung.is_ready() {
            self.at = None;
        }
        rung
    }

    /// Whether the alarm was ever set.
    #[cfg(test)]
    fn is_set(&self) -> bool {
        self.at.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[tokio::test(start_paused = true)]
    async fn the_alarm_rings_in_time() {
        let mut timer = Timer::new(Instant::now());
        poll_fn(|cx| timer.poll(Some(Duration::from_secs(3)), timer.now(), cx)).await;
        assert_eq!(timer.now(), Duration::from_secs(3));
        assert!(!timer.is_set());
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_deadline_does_not_move_the_alarm_and_an_earlier_one_does() {
        let mut timer = Timer::new(Instant::now());
        for until in [5, 9, 2] {
            let poll =
                poll_fn(|cx| Poll::Ready(timer.poll(Some(Duration::from_secs(until)), timer.now(), cx)))
                    .await;
            assert!(poll.is_pending());
        }
        poll_fn(|cx| timer.poll(Some(Duration::from_secs(9)), timer.now(), cx)).await;
        assert_eq!(timer.now(), Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_deadline_there_is_no_alarm() {
        let mut timer = Timer::new(Instant::now());
        let poll = poll_fn(|cx| Poll::Ready(timer.poll(None, timer.now(), cx))).await;
        assert!(poll.is_pending() && timer.sleep.is_none());
    }
}
