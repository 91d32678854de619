//! Deadlines in simulated time: each action is that of a model, which keeps a log of all that has happened and looks
//! through it. And a peer that sends nothing is given up in time.
#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use wsproto::{
    BytesMessage, CloseCode, CloseConnection, Event, Keepalive, KeepaliveAction, Ping, Pong, Timeout,
    Timeouts,
};

#[derive(Arbitrary, Debug)]
struct Input {
    handshake: Option<u8>,
    ping_interval: Option<u8>,
    pong: Option<u8>,
    message: Option<u8>,
    idle: Option<u8>,
    close: Option<u8>,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    /// Time passes, and each deadline is met.
    Wait(u8),
    /// Time passes, and nobody looks.
    Sleep(u8),
    Opened,
    Received {
        is_idle: bool,
    },
    Data {
        message_finished: bool,
    },
    Ping,
    /// The pong to a ping, counted from the last.
    Pong(u8),
    CloseReceived,
    MessageSent,
    CloseSent,
}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Opened,
    Received { is_idle: bool },
    Data { message_finished: bool },
    Control,
    PingSent,
    Answered,
    MessageSent,
    Closing,
    GivenUp(Timeout),
}

struct Model {
    timeouts: Timeouts,
    log: Vec<(Duration, Entry)>,
}

fuzz_target!(|input: Input| {
    let milliseconds = |timeout: Option<u8>| timeout.map(|timeout| Duration::from_millis(timeout.into()));
    let timeouts = Timeouts::NONE
        .with_handshake(milliseconds(input.handshake))
        .with_ping_interval(milliseconds(input.ping_interval))
        .with_pong(milliseconds(input.pong))
        .with_message(milliseconds(input.message))
        .with_idle(milliseconds(input.idle))
        .with_close(milliseconds(input.close));
    let mut model = Model { timeouts, log: Vec::new() };
    let mut keepalive = Keepalive::new(timeouts, Duration::ZERO);
    let mut now = Duration::ZERO;
    // Whether it was polled at each deadline.
    let mut is_prompt = true;
    for step in &input.steps {
        match *step {
            Step::Wait(time) => {
                let end = now + Duration::from_millis(time.into());
                while let KeepaliveAction::Wait(Some(deadline)) = model.poll(&mut keepalive, now)
                    && deadline <= end
                {
                    now = deadline;
                }
                now = end;
            }
            Step::Sleep(time) => {
                now += Duration::from_millis(time.into());
                is_prompt = false;
            }
            Step::Opened => {
                keepalive.opened(now);
                if model.first(Entry::is_phase).is_none() {
                    model.log.push((now, Entry::Opened));
                }
            }
            Step::Received { is_idle } => {
                keepalive.received(now, is_idle);
                model.log.push((now, Entry::Received { is_idle }));
            }
            Step::Data { message_finished } => {
                let message = BytesMessage { data: &b"x"[..], frame_finished: true, message_finished };
                keepalive.on_event(&Event::Bytes(message), now);
                model.log.push((now, Entry::Data { message_finished }));
            }
            Step::Ping => {
                keepalive.on_event(&Event::Ping(Ping::new(b"")), now);
                model.log.push((now, Entry::Control));
            }
            Step::Pong(before) => {
                let count = model.count(Entry::PingSent).wrapping_sub(before.into());
                keepalive.on_event(&Event::Pong(Pong::new(&count.to_be_bytes())), now);
                model.log.push((now, Entry::Control));
                if before == 0 && model.awaits_pong() {
                    model.log.push((now, Entry::Answered));
                }
            }
            Step::CloseReceived => {
                keepalive.on_event(&Event::Close(CloseConnection::EMPTY), now);
                model.log.extend([(now, Entry::Control), (now, Entry::Closing)]);
            }
            Step::MessageSent => {
                keepalive.message_sent(now);
                model.log.push((now, Entry::MessageSent));
            }
            Step::CloseSent => {
                keepalive.close_sent(now);
                model.log.push((now, Entry::Closing));
            }
        }
        while !matches!(
            model.poll(&mut keepalive, now),
            KeepaliveAction::Wait(_) | KeepaliveAction::GiveUp(_)
        ) {}
        assert_eq!(keepalive.round_trip(), model.round_trip());
        if is_prompt {
            model.check_promise(now);
        }
    }
});

impl Entry {
    /// Whether it ends a phase of the connection.
    fn is_phase(&self) -> bool {
        matches!(self, Self::Opened | Self::Closing | Self::GivenUp(_))
    }
}

impl Model {
    /// Polls, and checks the result.
    fn poll(&mut self, keepalive: &mut Keepalive, now: Duration) -> KeepaliveAction {
        let expected = self.expected(now);
        let action = keepalive.poll(now);
        assert_eq!(action, expected, "{:?} at {now:?}", self.log);
        match action {
            KeepaliveAction::SendPing(_) => self.log.push((now, Entry::PingSent)),
            KeepaliveAction::SendClose(_) => self.log.push((now, Entry::Closing)),
            KeepaliveAction::GiveUp(timeout) => self.log.push((now, Entry::GivenUp(timeout))),
            _ => {}
        }
        action
    }

    fn expected(&self, now: Duration) -> KeepaliveAction {
        if let Some((_, Entry::GivenUp(timeout))) = self.first(|entry| matches!(entry, Entry::GivenUp(_))) {
            return KeepaliveAction::GiveUp(timeout);
        }
        let (since, timeout, action) = match self.first(|entry| *entry == Entry::Closing) {
            Some((since, _)) => (since, self.timeouts.close, KeepaliveAction::GiveUp(Timeout::Close)),
            None if self.count(Entry::Opened) == 0 => {
                (Duration::ZERO, self.timeouts.handshake, KeepaliveAction::GiveUp(Timeout::Handshake))
            }
            None => return self.expected_while_open(now),
        };
        match timeout.map(|timeout| since + timeout) {
            Some(deadline) if deadline <= now => action,
            deadline => KeepaliveAction::Wait(deadline),
        }
    }

    fn expected_while_open(&self, now: Duration) -> KeepaliveAction {
        let last = |is_one: fn(&Entry) -> bool| {
            self.log.iter().rfind(|(_, entry)| is_one(entry)).expect("it was opened").0
        };
        let message = self.begun().zip(self.timeouts.message).map(|(since, timeout)| since + timeout);
        let pinged = last(|entry| matches!(entry, Entry::Opened | Entry::PingSent));
        let (ping, ping_action) = if self.awaits_pong() {
            let received = last(|entry| matches!(entry, Entry::Opened | Entry::Received { .. }));
            let since = pinged.max(received);
            (self.timeouts.pong.map(|pong| since + pong), KeepaliveAction::GiveUp(Timeout::Pong))
        } else {
            let payload = (self.count(Entry::PingSent) + 1).to_be_bytes();
            let interval = self.timeouts.ping_interval;
            (interval.map(|interval| pinged + interval), KeepaliveAction::SendPing(payload))
        };
        let active = last(|entry| matches!(entry, Entry::Opened | Entry::Data { .. } | Entry::MessageSent));
        let idle = self.timeouts.idle.map(|idle| active + idle);
        // The first of those that are due at the same time ends the connection, if one of them does.
        let mut due: Option<(Duration, KeepaliveAction)> = None;
        for (deadline, action) in [
            (message, KeepaliveAction::GiveUp(Timeout::Message)),
            (ping, ping_action),
            (idle, KeepaliveAction::SendClose(CloseCode::GOING_AWAY)),
        ] {
            if let Some(deadline) = deadline
                && due.is_none_or(|(first, _)| deadline < first)
            {
                due = Some((deadline, action));
            }
        }
        match due {
            Some((deadline, action)) if deadline <= now => action,
            due => KeepaliveAction::Wait(due.map(|(deadline, _)| deadline)),
        }
    }

    /// Since when the peer has something to complete.
    fn begun(&self) -> Option<Duration> {
        let mut begun = None;
        let mut in_message = false;
        for (time, entry) in &self.log {
            match entry {
                Entry::Received { is_idle: false } => _ = begun.get_or_insert(*time),
                Entry::Data { message_finished: false } => {
                    begun.get_or_insert(*time);
                    in_message = true;
                }
                Entry::Received { is_idle: true } | Entry::Data { message_finished: true } => {
                    (begun, in_message) = (None, false);
                }
                Entry::Control if !in_message => begun = None,
                _ => {}
            }
        }
        begun
    }

    fn awaits_pong(&self) -> bool {
        self.count(Entry::PingSent) > self.count(Entry::Answered)
            && self
                .log
                .iter()
                .rfind(|(_, entry)| matches!(entry, Entry::PingSent | Entry::Answered))
                .is_some_and(|(_, entry)| *entry == Entry::PingSent)
    }

    fn round_trip(&self) -> Option<Duration> {
        let at = self.log.iter().rposition(|(_, entry)| *entry == Entry::Answered)?;
        let (sent, _) = self.log[..at].iter().rfind(|(_, entry)| *entry == Entry::PingSent)?;
        Some(self.log[at].0 - *sent)
    }

    /// "A peer that sends nothing is given up at most `ping_interval + pong` after its last byte."
    fn check_promise(&self, now: Duration) {
        let Timeouts { ping_interval: Some(interval), pong: Some(pong), .. } = self.timeouts else { return };
        let is_open = self.count(Entry::Opened) == 1
            && self.first(|entry| matches!(entry, Entry::Closing | Entry::GivenUp(_))).is_none();
        // An event is made of bytes too, also if no read follows it here.
        let received = |entry: &Entry| {
            matches!(entry, Entry::Opened | Entry::Received { .. } | Entry::Data { .. } | Entry::Control)
        };
        if let (true, Some((last, _))) = (is_open, self.log.iter().rfind(|(_, entry)| received(entry))) {
            assert!(now < *last + interval + pong, "it sends nothing, and is not given up");
        }
    }

    fn first(&self, is_one: impl Fn(&Entry) -> bool) -> Option<(Duration, Entry)> {
        self.log.iter().find(|(_, entry)| is_one(entry)).copied()
    }

    fn count(&self, one: Entry) -> u64 {
        self.log.iter().filter(|(_, entry)| *entry == one).count() as u64
    }
}
