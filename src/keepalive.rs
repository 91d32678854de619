//! Deadlines: when to send a ping, and when to give up (RFC 6455 §5.5.2, §7.1.1).
//!
//! There is no clock here: time is an argument. For each deadline the machine keeps the time since which it waits, and
//! [`Keepalive::poll`] compares all of them with now.

use core::time::Duration;

use crate::close_code::CloseCode;
use crate::event::{Event, EventRef};

/// How long to wait for what.
///
/// ```
/// use std::time::Duration;
/// use wsproto::Timeouts;
///
/// let timeouts = Timeouts::default().with_idle(Some(Duration::from_secs(600))).with_message(None);
/// assert_eq!(timeouts.pong, Some(Duration::from_secs(20)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Timeouts {
    /// From the start to the open connection: 10 s unless set; `None` waits for ever.
    pub handshake: Option<Duration>,
    /// Between two pings: 20 s unless set; `None` sends none.
    pub ping_interval: Option<Duration>,
    /// For the pong to a ping, or for any other bytes from the peer: 20 s unless set; `None` waits for ever.
    pub pong: Option<Duration>,
    /// From the first bytes of a message to its last: 5 minutes unless set; `None` waits for ever.
    ///
    /// A peer that sends one byte every few seconds is alive, and holds a connection. This bounds it.
    pub message: Option<Duration>,
    /// Without a message in either direction: `None`, which waits for ever, unless set.
    pub idle: Option<Duration>,
    /// From the first close frame to the end of the transport: 10 s unless set; `None` waits for ever.
    pub close: Option<Duration>,
}

impl Timeouts {
    /// The value of [`Timeouts::default`].
    pub const DEFAULT: Self = Self {
        handshake: Some(Duration::from_secs(10)),
        ping_interval: Some(Duration::from_secs(20)),
        pong: Some(Duration::from_secs(20)),
        message: Some(Duration::from_secs(300)),
        idle: None,
        close: Some(Duration::from_secs(10)),
    };

    /// No deadline and no ping.
    pub const NONE: Self =
        Self { handshake: None, ping_interval: None, pong: None, message: None, idle: None, close: None };

    /// The same, with another [`handshake`](Self::handshake) timeout.
    #[must_use = "it returns new timeouts and does not change these"]
    pub const fn with_handshake(mut self, handshake: Option<Duration>) -> Self {
        self.handshake = handshake;
        self
    }

    /// The same, with another [`ping_interval`](Self::ping_interval).
    #[must_use = "it returns new timeouts and does not change these"]
    pub const fn with_ping_interval(mut self, ping_interval: Option<Duration>) -> Self {
        self.ping_interval = ping_interval;
        self
    }

    /// The same, with another [`pong`](Self::pong) timeout.
    #[must_use = "it returns new timeouts and does not change these"]
    pub const fn with_pong(mut self, pong: Option<Duration>) -> Self {
        self.pong = pong;
        self
    }

    /// The same, with another [`message`](Self::message) timeout.
    #[must_use = "it returns new timeouts and does not change these"]
    pub const fn with_message(mut self, message: Option<Duration>) -> Self {
        self.message = message;
        self
    }

    /// The same, with another [`idle`](Self::idle) timeout.
    #[must_use = "it returns new timeouts and does not change these"]
    pub const fn with_idle(mut self, idle: Option<Duration>) -> Self {
        self.idle = idle;
        self
    }

    /// The same, with another [`close`](Self::close) timeout.
    #[must_use = "it returns new timeouts and does not change these"]
    pub const fn with_close(mut self, close: Option<Duration>) -> Self {
        self.close = close;
        self
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The deadlines of one connection, from its handshake to its end.
///
/// Each method takes the time as `now`: how long ago a point in time was that you choose, by a clock that never goes
/// back, such as `start.elapsed()` of a `std::time::Instant`. Report what happens, and call [`poll`](Self::poll) when
/// something has happened and when the time has come that it returned.
///
/// ```
/// use std::time::Duration;
/// use wsproto::{Event, Keepalive, KeepaliveAction, Pong, Timeout, Timeouts};
///
/// let at = Duration::from_secs;
/// let mut keepalive = Keepalive::new(Timeouts::default(), at(0));
/// assert_eq!(keepalive.poll(at(0)), KeepaliveAction::Wait(Some(at(10)))); // for the handshake
/// keepalive.opened(at(1));
/// assert_eq!(keepalive.poll(at(1)), KeepaliveAction::Wait(Some(at(21))));
///
/// let KeepaliveAction::SendPing(payload) = keepalive.poll(at(21)) else { panic!() };
/// // … sender.send(Ping::new(payload), &mut output)?
/// // … a read returns bytes, and the receiver returns the pong:
/// keepalive.on_event(&Event::Pong(Pong::new(&payload)), at(22));
/// keepalive.received(at(22), true);
/// assert_eq!(keepalive.round_trip(), Some(at(1)));
///
/// let KeepaliveAction::SendPing(_) = keepalive.poll(at(41)) else { panic!() };
/// assert_eq!(keepalive.poll(at(41)), KeepaliveAction::Wait(Some(at(61))));
/// assert_eq!(keepalive.poll(at(61)), KeepaliveAction::GiveUp(Timeout::Pong)); // no answer
/// ```
///
/// # What is promised
///
/// - A peer that sends nothing is given up at most `ping_interval + pong` after its last byte.
/// - A peer whose bytes arrive is not given up for a late pong: a pong may have to wait behind a large message. One that
///   answers each ping in time, and finishes what it begins in time, is never given up.
/// - [`Timeout::Message`], [`Timeout::Handshake`] and [`Timeout::Close`] do not depend on bytes that arrive: sending
///   slowly does not help.
///
/// A ping waits in your output behind what was written before. `pong` should be longer than that takes.
#[derive(Clone, Debug)]
pub struct Keepalive {
    timeouts: Timeouts,
    phase: Phase,
    /// When bytes last arrived.
    received: Duration,
    /// When a message was last received or sent, or a piece of one.
    message: Duration,
    progress: Progress,
    /// When the last ping was sent, or the connection was opened.
    pinged: Duration,
    ping: PingState,
    /// How many pings were sent: the payload of the last.
    pings: u64,
    round_trip: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The handshake has lasted since then.
    Handshake { since: Duration },
    /// Messages go both ways.
    Open,
    /// A close frame was sent or received at that time.
    Closing { since: Duration },
    /// It was given up.
    Over(Timeout),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PingState {
    /// None was sent, or it was answered.
    Answered,
    /// It was sent, and waits for its pong.
    Waiting,
}

/// What the peer has begun to send and has not completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Nothing.
    Idle,
    /// A frame, since then.
    Frame { since: Duration },
    /// A message, since then.
    Message { since: Duration },
}

/// What to do now: the result of [`Keepalive::poll`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[must_use = "nothing is sent and nothing ends unless the caller does it"]
pub enum KeepaliveAction {
    /// Nothing, until then at the latest; `None` if no deadline is set.
    Wait(Option<Duration>),
    /// Send a ping with this payload.
    SendPing([u8; 8]),
    /// Send a close frame with this code; then the close timeout runs. It is returned once.
    SendClose(CloseCode),
    /// Close the transport. It is returned from now on.
    GiveUp(Timeout),
}

/// Why a connection was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Timeout {
    /// The handshake took too long. A server may send a refusal with the status 408 first.
    Handshake,
    /// Neither a pong nor other bytes came after a ping.
    Pong,
    /// A message took too long from its first byte to its last.
    Message,
    /// The transport did not end after the close frame.
    Close,
}

impl Timeout {
    /// The code of a close frame that may be sent before the transport is closed; `None` if none can be sent.
    ///
    /// After a [`Pong`](Self::Pong) timeout it hardly arrives.
    ///
    /// ```
    /// use wsproto::{CloseCode, Timeout};
    ///
    /// assert_eq!(Timeout::Message.close_code(), Some(CloseCode::POLICY_VIOLATION));
    /// assert_eq!(Timeout::Close.close_code(), None); // a close frame was sent before
    /// ```
    pub const fn close_code(self) -> Option<CloseCode> {
        match self {
            Self::Pong => Some(CloseCode::INTERNAL_ERROR),
            Self::Message => Some(CloseCode::POLICY_VIOLATION),
            Self::Handshake | Self::Close => None,
        }
    }
}

impl Keepalive {
    /// The deadlines of a connection whose handshake begins now.
    pub const fn new(timeouts: Timeouts, now: Duration) -> Self {
        Self {
            timeouts,
            phase: Phase::Handshake { since: now },
            received: now,
            message: now,
            progress: Progress::Idle,
            pinged: now,
            ping: PingState::Answered,
            pings: 0,
            round_trip: None,
        }
    }

    /// Records that the handshake has succeeded.
    pub fn opened(&mut self, now: Duration) {
        if let Phase::Handshake { .. } = self.phase {
            self.phase = Phase::Open;
            (self.received, self.message, self.pinged) = (now, now, now);
        }
    }

    /// Records that a read has returned bytes, once the events in them were [reported](Self::on_event).
    ///
    /// `is_idle` says whether the receiver has nothing in progress: [`Receiver::is_idle`](crate::Receiver::is_idle).
    pub const fn received(&mut self, now: Duration, is_idle: bool) {
        self.received = now;
        self.progress = match self.progress {
            _ if is_idle => Progress::Idle,
            Progress::Idle => Progress::Frame { since: now },
            progress => progress,
        };
    }

    /// Records an event that was received.
    pub fn on_event(&mut self, event: &EventRef<'_>, now: Duration) {
        let is_message_finished = match event {
            Event::Text(text) => text.message_finished,
            Event::Bytes(bytes) => bytes.message_finished,
            Event::Ping(_) | Event::Pong(_) | Event::Close(_) => {
                if let Progress::Frame { .. } = self.progress {
                    self.progress = Progress::Idle;
                }
                return self.on_control(event, now);
            }
        };
        self.message = now;
        self.progress = match self.progress {
            _ if is_message_finished => Progress::Idle,
            Progress::Idle => Progress::Message { since: now },
            Progress::Frame { since } | Progress::Message { since } => Progress::Message { since },
        };
    }

    fn on_control(&mut self, event: &EventRef<'_>, now: Duration) {
        match event {
            Event::Pong(pong) if self.ping == PingState::Waiting && pong.payload == self.payload() => {
                self.ping = PingState::Answered;
                self.round_trip = Some(now.saturating_sub(self.pinged));
            }
            Event::Close(_) => self.closing(now),
            _ => {}
        }
    }

    /// Records that a message was sent, or a piece of one.
    pub const fn message_sent(&mut self, now: Duration) {
        self.message = now;
    }

    /// Records that a close frame was sent. The peer's is recorded by [`on_event`](Self::on_event).
    pub fn close_sent(&mut self, now: Duration) {
        self.closing(now);
    }

    /// What to do now.
    pub fn poll(&mut self, now: Duration) -> KeepaliveAction {
        let (due, deadline) = self.next_deadline();
        match deadline {
            Some(deadline) if deadline <= now => match due {
                Due::GiveUp(timeout) => {
                    self.phase = Phase::Over(timeout);
                    KeepaliveAction::GiveUp(timeout)
                }
                Due::Ping => {
                    self.ping = PingState::Waiting;
                    self.pinged = now;
                    self.pings = self.pings.wrapping_add(1);
                    KeepaliveAction::SendPing(self.payload())
                }
                Due::Idle => {
                    self.closing(now);
                    KeepaliveAction::SendClose(CloseCode::GOING_AWAY)
                }
            },
            deadline => KeepaliveAction::Wait(deadline),
        }
    }

    /// How long the last ping that was answered took to be answered.
    pub const fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// What is due next, and when; what ends the connection before what does not.
    fn next_deadline(&self) -> (Due, Option<Duration>) {
        let Timeouts { handshake, ping_interval, pong, message, idle, close } = self.timeouts;
        match self.phase {
            Phase::Handshake { since } => (Due::GiveUp(Timeout::Handshake), after(since, handshake)),
            Phase::Closing { since } => (Due::GiveUp(Timeout::Close), after(since, close)),
            Phase::Over(timeout) => (Due::GiveUp(timeout), Some(Duration::ZERO)),
            Phase::Open => {
                let message = match self.progress {
                    Progress::Idle => None,
                    Progress::Frame { since } | Progress::Message { since } => after(since, message),
                };
                let idle = after(self.message, idle);
                let ping = match self.ping {
                    PingState::Waiting => {
                        (Due::GiveUp(Timeout::Pong), after(self.pinged.max(self.received), pong))
                    }
                    PingState::Answered => (Due::Ping, after(self.pinged, ping_interval)),
                };
                let dues = [(Due::GiveUp(Timeout::Message), message), ping, (Due::Idle, idle)];
                let first =
                    dues.into_iter().filter(|(_, deadline)| deadline.is_some()).min_by_key(|due| due.1);
                first.unwrap_or((Due::Ping, None))
            }
        }
    }

    /// The payload of the last ping.
    const fn payload(&self) -> [u8; 8] {
        self.pings.to_be_bytes()
    }

    /// Begins to wait for the end of the transport, unless that has begun before.
    fn closing(&mut self, now: Duration) {
        if let Phase::Handshake { .. } | Phase::Open = self.phase {
            self.phase = Phase::Closing { since: now };
        }
    }
}

/// What is to be done at a deadline.
#[derive(Clone, Copy)]
enum Due {
    GiveUp(Timeout),
    Ping,
    Idle,
}

/// The end of a wait; `None` if it waits for ever.
fn after(since: Duration, timeout: Option<Duration>) -> Option<Duration> {
    timeout.and_then(|timeout| since.checked_add(timeout))
}
