//! How a `receive` case is put to an echo peer, and what its transcript must be.
//!
//! An echo peer shows what it has received by what it sends: each message as an echo, each ping as a pong, a close frame
//! by its answer, and a failure by its close code and the end of the connection. What it cannot show (pongs that it
//! received, the code of a close frame that it reported to its user) is not part of the verdict.

use std::ops::ControlFlow;

use crate::case::{Event, Events, Receive, ReceiveOutcome, Received, Reply, Role};
use crate::cuts::Cut;
use crate::layout::{InputEnd, Layout};
use crate::peer::Heard;
use crate::script::{Condition, Sentinel, Step, Transcript, show};
use crate::verdict::{Answer, Verdict};

/// Why a case cannot be put to an echo peer.
pub(crate) fn cannot_ask(case: &Receive) -> Option<&'static str> {
    if !case.prelude.is_empty() {
        return Some("an echo peer cannot be made to send a close frame first");
    }
    let only_by_limit = |outcome: &Received| outcome.codes.as_deref() == Some(&[1009]);
    if case.limits.is_some() && outcomes(case).all(only_by_limit) {
        return Some("the limits of an echo peer are its own");
    }
    None
}

/// The steps of a case. `mask` is for frames that the suite sends.
pub(crate) fn steps(
    case: &Receive,
    cut: &Cut,
    role: Role,
    sentinel: Sentinel,
    mask: Option<[u8; 4]>,
) -> Vec<Step> {
    let mut steps: Vec<Step> = cut.segments.iter().cloned().map(Step::Send).collect();
    if let (ReceiveOutcome::Open | ReceiveOutcome::Pending, Some(ping)) =
        (case.expect.outcome, last_ping(case))
    {
        steps.push(Step::Await(Condition::Pong(ping)));
    }
    match Goal::of(case) {
        Goal::Close => {
            steps.push(Step::Await(Condition::Close));
            // The server closes the connection first (RFC 6455 §7.1.1).
            if role == Role::Client {
                steps.push(Step::HalfClose);
            }
            steps.push(Step::Await(Condition::End));
        }
        Goal::Eof => {
            if sentinel == Sentinel::Echoed {
                steps.push(Step::Await(Condition::Echoes(messages(case))));
            }
            steps.push(Step::HalfClose);
            steps.push(Step::Await(Condition::End));
        }
        Goal::FailInFrame => {
            steps.push(Step::Await(Condition::Close));
            steps.push(Step::HalfClose);
            steps.push(Step::Await(Condition::End));
        }
        Goal::InMessage => {
            steps.extend(Sentinel::Ping.steps(mask));
            steps.push(Step::Finish);
        }
        Goal::BetweenMessages => {
            steps.extend(sentinel.steps(mask));
            steps.push(Step::Finish);
        }
    }
    steps
}

/// How a case is brought to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// The input has a close frame, which the peer must answer.
    Close,
    /// The suite closes its direction: the transport ends, or the input ends within a frame.
    Eof,
    /// The input ends within a frame, but is a violation already: the peer must end the connection by itself.
    FailInFrame,
    /// A ping shows that all was read.
    InMessage,
    /// A ping and a message show that all was read and echoed.
    BetweenMessages,
}

impl Goal {
    pub(crate) fn of(case: &Receive) -> Self {
        let input: Vec<u8> = case.chunks.iter().flat_map(|chunk| chunk.0.iter().copied()).collect();
        let is = |wanted| outcomes(case).any(|outcome| outcome.outcome == wanted);
        match Layout::of(&input).end {
            _ if is(ReceiveOutcome::Closed) => Self::Close,
            _ if case.eof => Self::Eof,
            InputEnd::InFrame if is(ReceiveOutcome::Pending) => Self::Eof,
            InputEnd::InFrame => Self::FailInFrame,
            InputEnd::InMessage => Self::InMessage,
            InputEnd::BetweenMessages => Self::BetweenMessages,
        }
    }
}

pub(crate) fn outcomes(case: &Receive) -> impl Iterator<Item = &Received> {
    [&case.expect].into_iter().chain(&case.allowed)
}

/// How many messages are to be echoed.
fn messages(case: &Receive) -> usize {
    let Events::These(events) = &case.expect.events else { return 0 };
    events.iter().filter(|event| matches!(event, Event::Text(_) | Event::Binary(_))).count()
}

/// The payload of the last ping.
fn last_ping(case: &Receive) -> Option<Vec<u8>> {
    let Events::These(events) = &case.expect.events else { return None };
    events.iter().rev().find_map(|event| match event {
        Event::Ping(payload) => Some(payload.clone()),
        _ => None,
    })
}

/// Compares what an echo peer did with what the case allows.
pub(crate) fn answer(case: &Receive, cut: &Cut, seen: &Transcript) -> Answer {
    let mut answer = match seen.answer(expected(case), cut) {
        ControlFlow::Break(answer) => return answer,
        ControlFlow::Continue(answer) => answer,
    };
    let mut fits = outcomes(case).map(|outcome| fits(case, outcome, seen));
    answer.verdict = match fits.next().flatten() {
        Some(verdict) => verdict,
        None if fits.any(|verdict| verdict.is_some()) => Verdict::Allowed,
        None => Verdict::Fail,
    };
    answer
}

/// The verdict if this was the preferred outcome; `None` if the transcript does not fit it.
fn fits(case: &Receive, outcome: &Received, seen: &Transcript) -> Option<Verdict> {
    let echoes = Echoes::compare(&outcome.events, seen)?;
    let boundary = match Goal::of(case) {
        Goal::BetweenMessages => Sentinel::Echoed.is_answered(seen),
        Goal::InMessage => Sentinel::Ping.is_answered(seen),
        _ => false,
    };
    let ended_by_itself = seen.end.is_some() && !seen.nudged;
    match (outcome.outcome, seen.close()) {
        (ReceiveOutcome::Open | ReceiveOutcome::Pending, None) if boundary => {
            (echoes.all && echoes.last_pong).then_some(Verdict::Pass)
        }
        // The suite has closed its direction within a frame: any code but one that blames the data will do.
        (ReceiveOutcome::Pending, close) => {
            let fits = seen.end.is_some() && echoes.all && echoes.last_pong;
            match close {
                None | Some(None | Some(1000 | 1001 | 1011)) => fits.then_some(Verdict::Pass),
                Some(Some(1002 | 1006)) => fits.then_some(Verdict::Allowed),
                _ => None,
            }
        }
        (ReceiveOutcome::Abnormal, close) => {
            let blames_data = matches!(close, Some(Some(1007 | 1009)));
            (seen.end.is_some() && !blames_data).then_some(Verdict::Pass)
        }
        (ReceiveOutcome::Closed, Some(code)) => {
            let wanted = case.replies.iter().flatten().find_map(|reply| match reply {
                Reply::Close { code } => *code,
                Reply::Pong { .. } => None,
            });
            let fits = ended_by_itself && (wanted.is_none() || code == wanted);
            fits.then_some(if echoes.all { Verdict::Pass } else { Verdict::Allowed })
        }
        (ReceiveOutcome::Fail, Some(Some(code))) => {
            let codes = outcome.codes.as_deref().unwrap_or_default();
            let fits = codes.contains(&code) || outcome.code == Some(code);
            (fits && ended_by_itself).then_some(Verdict::Pass)
        }
        // The close frame, and its code, may be left out (RFC 6455 §7.1.7).
        (ReceiveOutcome::Fail, Some(None) | None) => ended_by_itself.then_some(Verdict::Allowed),
        _ => None,
    }
}

/// How the echoes compare with the events of an outcome.
struct Echoes {
    /// Every message was echoed. Without it, those that were are the first: a peer that fails or closes may leave out the
    /// echoes that it has not sent yet.
    all: bool,
    /// The last ping was answered (RFC 6455 §5.5.3: it is enough).
    last_pong: bool,
}

impl Echoes {
    /// `None` if something was sent that no event explains.
    fn compare(events: &Events, seen: &Transcript) -> Option<Self> {
        let Events::These(events) = events else { return Some(Self { all: true, last_pong: true }) };
        let wanted: Vec<Heard> = events.iter().filter_map(message).collect();
        let echoed: Vec<&Heard> = seen.messages().collect();
        let first = wanted.get(..echoed.len())?;
        if !first.iter().eq(echoed.iter().copied()) {
            return None;
        }
        let mut pings = events.iter().filter_map(|event| match event {
            Event::Ping(payload) => Some(payload.as_slice()),
            _ => None,
        });
        let last_ping = pings.clone().next_back();
        let pongs: Vec<&[u8]> = seen.pongs().collect();
        if !pongs.iter().all(|pong| pings.any(|ping| ping == *pong)) {
            return None;
        }
        let last_pong = last_ping.is_none() || pongs.last().copied() == last_ping;
        Some(Self { all: first.len() == wanted.len(), last_pong })
    }
}

fn message(event: &Event) -> Option<Heard> {
    match event {
        Event::Text(text) => Some(Heard::Text(text.clone())),
        Event::Binary(data) => Some(Heard::Binary(data.clone())),
        _ => None,
    }
}

/// In one line: what an echo peer should do.
fn expected(case: &Receive) -> String {
    let mut lines: Vec<String> = outcomes(case).map(|outcome| describe(case, outcome)).collect();
    lines.dedup();
    lines.join("; or ")
}

fn describe(case: &Receive, outcome: &Received) -> String {
    let mut parts = Vec::new();
    if let Events::These(events) = &outcome.events {
        let echoes: Vec<_> = events.iter().filter_map(message).collect();
        parts.extend(echoes.iter().take(MAX_SHOWN).map(show));
        if echoes.len() > MAX_SHOWN {
            parts.push(format!("… {} more", echoes.len().saturating_sub(MAX_SHOWN)));
        }
        let pings = events.iter().filter_map(|event| match event {
            Event::Ping(payload) => Some(show(&Heard::Pong(payload.clone()))),
            _ => None,
        });
        parts.extend(pings.rev().take(1));
    }
    let replied = case.replies.iter().flatten().find_map(|reply| match reply {
        Reply::Close { code } => Some(*code),
        Reply::Pong { .. } => None,
    });
    parts.push(match (outcome.outcome, replied) {
        (ReceiveOutcome::Open | ReceiveOutcome::Pending, _) => "no failure".to_owned(),
        (ReceiveOutcome::Closed, Some(Some(code))) => format!("close {code}, then the end"),
        (ReceiveOutcome::Closed, _) => "a close frame, then the end".to_owned(),
        (ReceiveOutcome::Abnormal, _) => "the end".to_owned(),
        (ReceiveOutcome::Fail, _) => {
            let codes = outcome.codes.clone().unwrap_or_else(|| outcome.code.into_iter().collect());
            let codes: Vec<_> = codes.iter().map(u16::to_string).collect();
            format!("close {}, then the end", codes.join(" or "))
        }
    });
    parts.join(", ")
}

const MAX_SHOWN: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Ask, Case};
    use crate::peer::Broken;
    use crate::script::{End, SENTINEL_PING, SENTINEL_TEXT};

    fn case(input: &str, expect: &str) -> Box<Receive> {
        let line = format!(
            r#"{{"id":"6455/5.2/x/server","kind":"receive","tier":"must","ledger":"6455-001","rfc":["6455 5.2"],
            "title":"","why":"","role":"server","chunks":["{input}"],"split":"every",{expect}}}"#
        );
        match Case::parse(&line).unwrap().ask {
            Ask::Receive(receive) => receive,
            other => panic!("{other:?}"),
        }
    }

    fn verdict(case: &Receive, heard: &[Heard], end: Option<End>) -> Verdict {
        let seen = Transcript { heard: heard.to_vec(), end, ..Transcript::default() };
        answer(case, &Cut::none(), &seen).verdict
    }

    fn text(text: &str) -> Heard {
        Heard::Text(text.as_bytes().to_vec())
    }

    fn close(code: u16) -> Heard {
        Heard::Close { code: Some(code), reason: Vec::new() }
    }

    #[test]
    fn message_must_be_echoed_ahead_of_the_sentinel() {
        let case = case("810161", r#""expect":{"outcome":"open","events":[{"type":"text","text":"a"}]}"#);
        let sentinel = [Heard::Pong(SENTINEL_PING.to_vec()), Heard::Text(SENTINEL_TEXT.to_vec())];
        let with = |more: &[Heard]| [more, &sentinel].concat();
        assert_eq!(verdict(&case, &with(&[text("a")]), None), Verdict::Pass);
        assert_eq!(verdict(&case, &with(&[]), None), Verdict::Fail);
        assert_eq!(verdict(&case, &with(&[text("b")]), None), Verdict::Fail);
        assert_eq!(verdict(&case, &with(&[text("a"), text("a")]), None), Verdict::Fail);
        assert_eq!(verdict(&case, &with(&[text("a"), Heard::Pong(vec![1])]), None), Verdict::Fail);
        assert_eq!(verdict(&case, &[text("a"), close(1002)], Some(End::Closed)), Verdict::Fail);
        assert_eq!(verdict(&case, &[text("a")], Some(End::Closed)), Verdict::Fail);
    }

    #[test]
    fn failure_must_have_its_code_and_end_the_connection() {
        let case = case("8300", r#""expect":{"outcome":"fail","events":[],"code":1002,"codes":[1002]}"#);
        assert_eq!(verdict(&case, &[close(1002)], Some(End::Closed)), Verdict::Pass);
        assert_eq!(verdict(&case, &[close(1002)], None), Verdict::Fail);
        assert_eq!(verdict(&case, &[close(1000)], Some(End::Closed)), Verdict::Fail);
        // The close frame may be left out.
        assert_eq!(verdict(&case, &[], Some(End::Reset)), Verdict::Allowed);
        assert_eq!(verdict(&case, &[Heard::Pong(SENTINEL_PING.to_vec())], None), Verdict::Fail);
        let nudged = Transcript { nudged: true, end: Some(End::Closed), ..Transcript::default() };
        assert_eq!(answer(&case, &Cut::none(), &nudged).verdict, Verdict::Fail);
        let hung = Transcript { hung: true, ..Transcript::default() };
        assert_eq!(answer(&case, &Cut::none(), &hung).verdict, Verdict::Hung);
    }

    #[test]
    fn close_must_be_answered_with_its_code() {
        let expect = r#""replies":[{"type":"close","code":1001}],
            "expect":{"outcome":"closed","events":[{"type":"close","code":1001,"reason":""}]}"#;
        let case = case("880203e9", expect);
        assert_eq!(verdict(&case, &[close(1001)], Some(End::Closed)), Verdict::Pass);
        assert_eq!(verdict(&case, &[close(1000)], Some(End::Closed)), Verdict::Fail);
        assert_eq!(verdict(&case, &[], Some(End::Closed)), Verdict::Fail);
        assert_eq!(verdict(&case, &[close(1001)], None), Verdict::Fail);
    }

    #[test]
    fn rule_that_was_broken_on_the_way_is_named() {
        let case = case("8100", r#""expect":{"outcome":"open","events":[{"type":"text","text":""}]}"#);
        let broken = Some(Broken { section: "RFC 6455 §5.1", what: "it masked".to_owned() });
        let answer = answer(&case, &Cut::none(), &Transcript { broken, ..Transcript::default() });
        assert_eq!(
            (answer.verdict, answer.rule.as_deref()),
            (Verdict::Fail, Some("RFC 6455 §5.1: it masked"))
        );
    }
}
