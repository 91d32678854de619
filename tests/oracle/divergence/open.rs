//! Divergences in the open connection.

use crate::compare::{Case, Follow};
use crate::frames::{BINARY, CLOSE, CONTINUATION, FIN, FINAL_HELLO, Frame, PING, PONG, TEXT, frames};
use crate::hex::Hex;
use crate::ours::KEY;
use crate::script::{Role, Said, Seen, State, Step};

pub(super) fn no_code_is_none(case: &mut Case<'_>) -> bool {
    let mut adjusted = false;
    for event in &mut case.theirs.events {
        if let Said::Close { code: code @ Some(1005), .. } = event {
            *code = None;
            adjusted = true;
        }
    }
    adjusted
}

pub(super) fn end_in_turn(case: &mut Case<'_>) -> bool {
    let events = &mut case.theirs.events;
    if *case.step != Step::Eof || events.len() < 2 || events[0] != Said::End {
        return false;
    }
    events.rotate_left(1);
    // A close frame that comes after the end opens Python's connection again.
    case.theirs.state = State::Closed;
    case.follow = Follow::Nothing;
    true
}

pub(super) fn answer_after_end(case: &mut Case<'_>) -> bool {
    let ends = |event: &Said| matches!(event, Said::Close { .. } | Said::Failure { .. });
    let peer_is_done = case.before.close_received || case.before.failed || case.ours.events.iter().any(ends);
    let differs = case.theirs.state == State::Closed && case.ours.state == State::RemoteClosing;
    let mends = *case.step == Step::Eof && peer_is_done && !case.before.close_sent && differs;
    if mends {
        case.theirs.state = State::RemoteClosing;
        case.follow = Follow::Nothing;
    }
    mends
}

pub(super) fn failure_at_once(case: &mut Case<'_>) -> bool {
    let [reported @ .., Said::Failure { code, .. }] = &case.ours.events[..] else { return false };
    if *code == TOO_BIG || case.theirs.events != reported {
        return false;
    }
    case.theirs.events.push(Said::Failure { code: *code, why: String::new() });
    case.follow = if *case.step == Step::Eof { Follow::Nothing } else { Follow::FailureOf(*code) };
    true
}

pub(super) fn data_before_failure(case: &mut Case<'_>) -> bool {
    let [before @ .., ours, Said::Failure { code: 1007, .. }] = &case.ours.events[..] else { return false };
    let reported = match &case.theirs.events[..] {
        [theirs @ .., piece, Said::Failure { code: 1007, .. }] if theirs == before => Some(piece),
        [theirs @ .., Said::Failure { code: 1007, .. }] if theirs == before => None,
        _ => return false,
    };
    let mends = is_unfinished(ours)
        && reported.is_none_or(|reported| is_unfinished(reported) && has_start(ours, reported));
    if mends {
        case.theirs.events = case.ours.events.clone();
    }
    mends
}

pub(super) fn cut_deflate(case: &mut Case<'_>) -> bool {
    let [reported @ .., Said::Failure { why, .. }] = &case.ours.events[..] else { return false };
    let ends = |event: &Said| match event {
        Said::Text(piece) => piece.message_finished,
        Said::Bytes(piece) => piece.message_finished,
        _ => false,
    };
    // A piece of the message may have been reported, or none.
    let place = reported.len() - usize::from(reported.last().is_some_and(is_unfinished));
    let is_cut = case.deflate && why == "InvalidDeflate" && case.theirs.events.get(place).is_some_and(ends);
    is_cut && is_start(reported, &case.theirs.events) && accept_ours(case)
}

pub(super) fn ping_in_compressed(case: &mut Case<'_>) -> bool {
    let mut in_compressed = false;
    let mut pinged = false;
    for Frame { first, .. } in frames(&case.before.received) {
        if first & 0x8 != 0 {
            pinged |= in_compressed;
        } else {
            in_compressed =
                (first & 0x40 != 0 || in_compressed && first & 0xF == CONTINUATION) && first & FIN == 0;
        }
    }
    case.deflate && pinged && accept_ours(case)
}

pub(super) fn order_before_data(case: &mut Case<'_>) -> bool {
    let ([reported @ .., Said::Failure { why, .. }], [theirs @ .., failure]) =
        (&case.ours.events[..], &case.theirs.events[..])
    else {
        return false;
    };
    let is_of_order = ["ExpectedContinuation", "UnexpectedContinuation"].contains(&why.as_str());
    reported == theirs && is_of_order && is_of_extension(failure) && accept_ours(case)
}

pub(super) fn final_block(case: &mut Case<'_>) -> bool {
    let is_final = |frame: &Frame| frame.payload == FINAL_HELLO;
    case.deflate && frames(&case.before.received).iter().any(is_final) && accept_ours(case)
}

pub(super) fn empty_compressed(case: &mut Case<'_>) -> bool {
    let is_empty = |frame: &Frame| frame.first & 0x40 != 0 && frame.payload.is_empty();
    case.deflate && frames(&case.before.received).iter().any(is_empty) && accept_ours(case)
}

/// Whether Python failed in its extension.
pub(crate) fn is_of_extension(event: &Said) -> bool {
    matches!(event, Said::Failure { code: 1007, why } if why == "error in extension")
}

/// Accepts what our side showed; nothing can be compared after it.
fn accept_ours(case: &mut Case<'_>) -> bool {
    case.theirs = case.ours.clone();
    case.follow = Follow::Nothing;
    true
}

pub(super) fn limits(case: &mut Case<'_>) -> bool {
    let [reported @ .., Said::Failure { code: TOO_BIG, .. }] = &case.ours.events[..] else { return false };
    if !case.tight || !is_start(reported, &case.theirs.events) {
        return false;
    }
    case.theirs.events = case.ours.events.clone();
    case.theirs.state = case.ours.state;
    case.follow = Follow::Nothing;
    true
}

pub(super) fn bad_gateway(case: &mut Case<'_>) -> bool {
    let ([reported @ .., ours], [theirs @ .., failure]) =
        (&case.ours.events[..], &mut case.theirs.events[..])
    else {
        return false;
    };
    // The code is valid, but the reason may still be wrong.
    let reads_on = matches!(ours, Said::Close { code: Some(1014), .. } | Said::Failure { code: 1007, .. });
    if reported != theirs || !reads_on || !is_unknown_code(failure) {
        return false;
    }
    *failure = ours.clone();
    case.theirs.state = case.ours.state;
    case.follow = Follow::Nothing;
    true
}

/// Whether Python failed because it does not know 1014, the only code of the registry that it does not know.
pub(crate) fn is_unknown_code(event: &Said) -> bool {
    matches!(event, Said::Failure { why, .. } if why == "CLOSE with unknown reserved code")
}

pub(super) fn one_end(case: &mut Case<'_>) -> bool {
    let is_over = |event: &Said| matches!(event, Said::Close { .. } | Said::Failure { .. });
    let before = case.before;
    let over = before.failed || before.close_received || before.ended || case.ours.events.iter().any(is_over);
    case.theirs.events.last() == Some(&Said::End) && over && case.theirs.events.pop().is_some()
}

pub(super) fn failure_is_final(case: &mut Case<'_>) -> bool {
    if !case.before.failed && !matches!(case.ours.events.last(), Some(Said::Failure { .. })) {
        return false;
    }
    let new_message = matches!(case.step, Step::SendText { .. } | Step::SendBytes { .. })
        && case.before.in_message.is_none()
        && case.before.failed;
    if new_message && case.theirs.sent.is_some() {
        refuse(&mut case.theirs);
        case.follow = Follow::Nothing;
    }
    case.theirs.state = match case.theirs.state {
        State::Open => State::RemoteClosing,
        State::LocalClosing => State::Closed,
        _ => return false,
    };
    true
}

pub(super) fn late_answer(case: &mut Case<'_>) -> bool {
    let is_answer = matches!(case.step, Step::AnswerPing | Step::AnswerClose);
    let late = case.before.close_sent || case.before.ended;
    is_answer && late && allow(&mut case.theirs, Vec::new())
}

pub(super) fn finished_message(case: &mut Case<'_>) -> bool {
    let (opcode, payload, finished) = match case.step {
        Step::SendText { data, finished } => (TEXT, data.as_bytes(), *finished),
        Step::SendBytes { data, finished } => (BINARY, &data.0[..], *finished),
        _ => return false,
    };
    let fin = if finished { FIN } else { 0 };
    case.theirs.state == State::RemoteClosing
        && case.before.in_message == Some(opcode)
        && allow(&mut case.theirs, frame(case.role, fin | CONTINUATION, payload))
}

pub(super) fn ping_after_close(case: &mut Case<'_>) -> bool {
    let (first, payload) = match case.step {
        Step::SendPing(payload) => (PING, payload),
        Step::SendPong(payload) => (PONG, payload),
        Step::AnswerPing => (PONG, &case.before.pinged),
        _ => return false,
    };
    case.theirs.state == State::RemoteClosing
        && payload.0.len() <= 125
        && allow(&mut case.theirs, frame(case.role, first, &payload.0))
}

pub(super) fn checked_code(case: &mut Case<'_>) -> bool {
    let Step::SendClose { code: Some(code), .. } = case.step else { return false };
    let may_travel = match code {
        // Only a client may send it (RFC 6455 §7.4.1).
        1010 => case.role == Role::Client,
        _ => matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999),
    };
    if may_travel || case.theirs.sent.is_none() {
        return false;
    }
    refuse(&mut case.theirs);
    case.theirs.state = case.ours.state;
    case.follow = Follow::Nothing;
    true
}

pub(super) fn late_data(case: &mut Case<'_>) -> bool {
    let is_late = matches!(case.step, Step::Receive(_)) && case.theirs.state == State::Closed;
    is_late && !case.before.ended && case.theirs.refused.take().is_some()
}

pub(super) fn own_words(case: &mut Case<'_>) -> bool {
    let (Step::AnswerClose, Some(ours), Some(theirs)) = (case.step, &case.ours.sent, &mut case.theirs.sent)
    else {
        return false;
    };
    if !case.before.failed || ours == theirs || close_code(ours) != close_code(theirs) {
        return false;
    }
    theirs.clone_from(ours);
    true
}

/// Changes a refused call into one that sent these bytes.
fn allow(seen: &mut Seen, sent: Vec<u8>) -> bool {
    let refused = seen.refused.take().is_some();
    if refused {
        seen.sent = Some(Hex(sent));
    }
    refused
}

/// Changes a call into a refused one.
fn refuse(seen: &mut Seen) {
    seen.sent = None;
    seen.refused = Some("this crate refuses it".into());
}

/// A frame as an endpoint in this role sends it.
fn frame(role: Role, first: u8, payload: &[u8]) -> Vec<u8> {
    Frame::new((role == Role::Client).then_some(KEY), first, payload).encode()
}

/// The code of a close frame that was sent.
fn close_code(sent: &Hex) -> Option<[u8; 2]> {
    match sent.0[..] {
        [CLOSE, len, high, low, ..] if len & 0x80 == 0 => Some([high, low]),
        [CLOSE, _, a, b, _, _, high, low, ..] => Some([high ^ a, low ^ b]),
        _ => None,
    }
}

/// Whether Python showed everything that our side showed, and maybe more.
fn is_start(ours: &[Said], theirs: &[Said]) -> bool {
    let Some((last, before)) = ours.split_last() else { return true };
    theirs.len() > before.len()
        && theirs.starts_with(before)
        && (theirs[before.len()] == *last || is_unfinished(last) && has_start(&theirs[before.len()], last))
}

/// Whether the event is a piece without the end of its frame.
fn is_unfinished(event: &Said) -> bool {
    match event {
        Said::Text(piece) => !piece.frame_finished,
        Said::Bytes(piece) => !piece.frame_finished,
        _ => false,
    }
}

/// Whether a piece of a message starts with the data of another.
fn has_start(event: &Said, start: &Said) -> bool {
    match (event, start) {
        (Said::Text(event), Said::Text(start)) => event.data.starts_with(&start.data),
        (Said::Bytes(event), Said::Bytes(start)) => event.data.0.starts_with(&start.data.0),
        _ => false,
    }
}

/// The close code for anything over a limit (§7.4.1).
const TOO_BIG: u16 = 1009;
