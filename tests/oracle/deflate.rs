//! permessage-deflate: each side can read what the other compresses; and both read the same from data that the test
//! compresses or corrupts.

use crate::compare;
use crate::dice::Dice;
use crate::divergence::Divergence;
use crate::frames::{FINAL_HELLO, Frame, add_fault, frames};
use crate::hex::Hex;
use crate::ours;
use crate::python::Python;
use crate::script::{Piece, Role, Said, Script, Seen, Step};

#[test]
fn compressed_messages_are_received_as_in_python() {
    let met = compare::runs("compressed messages", 2000, |dice| {
        let (role, deflate) = (dice.pick(&[Role::Client, Role::Server]), parameters(dice));
        let mut frames = frames(&sent(&ours::play(&talk(dice, role.peer(), &deflate, 10))));
        if dice.chance(40) && !frames.is_empty() {
            let place = dice.below(frames.len());
            add_fault(dice, &mut frames[place]);
        }
        if dice.chance(6) {
            let key = (role == Role::Server).then(|| dice.key());
            frames.insert(0, Frame::new(key, 0xC1, dice.pick(&[FINAL_HELLO, b""])));
        }
        let bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.encode()).collect();
        let mut steps = reads(dice, &bytes);
        steps.push(Step::Eof);
        Script { role, handshake: false, deflate: Some(deflate), tight: false, steps }
    });
    if let Some(met) = met {
        met.check(Divergence::is_of_deflate);
    }
}

#[test]
fn each_side_inflates_what_the_other_compresses() {
    let Some(mut python) = Python::start() else { return };
    let mut dice = Dice::new(7692, 0);
    let talks: Vec<Script> = (0..500)
        .map(|_| {
            let (role, deflate) = (dice.pick(&[Role::Client, Role::Server]), parameters(&mut dice));
            talk(&mut dice, role, &deflate, 0)
        })
        .collect();
    let theirs = python.play(&talks);
    let listen = |talk: &Script, bytes: &[u8], dice: &mut Dice| {
        let steps = reads(dice, bytes);
        Script {
            role: talk.role.peer(),
            handshake: false,
            deflate: talk.deflate.clone(),
            tight: false,
            steps,
        }
    };
    let to_python: Vec<Script> =
        talks.iter().map(|talk| listen(talk, &sent(&ours::play(talk)), &mut dice)).collect();
    let in_python = python.play(&to_python);
    for ((talk, theirs), in_python) in talks.iter().zip(&theirs).zip(&in_python) {
        let here = ours::play(&listen(talk, &sent(theirs), &mut dice));
        assert_eq!(received(&here), said(talk), "from Python, {talk:?}");
        assert_eq!(received(in_python), said(talk), "in Python, {talk:?}");
    }
}

/// Parameters that may be agreed on.
fn parameters(dice: &mut Dice) -> String {
    let mut answer = String::from("permessage-deflate");
    for flag in ["server_no_context_takeover", "client_no_context_takeover"] {
        if dice.chance(30) {
            answer = answer + "; " + flag;
        }
    }
    for bits in ["server_max_window_bits", "client_max_window_bits"] {
        if dice.chance(30) {
            answer += &format!("; {bits}={}", 9 + dice.below(6));
        }
    }
    answer
}

/// An endpoint in this role that sends messages, some of them in pieces, and pings. `interrupted` is the percentage of
/// pieces that have a ping directly after them.
fn talk(dice: &mut Dice, role: Role, deflate: &str, interrupted: usize) -> Script {
    let mut steps = Vec::new();
    for _ in 0..1 + dice.below(5) {
        let pieces = dice.pick(&[1, 1, 1, 2, 3]);
        let is_text = dice.chance(60);
        for i in 1..=pieces {
            let finished = i == pieces;
            if is_text {
                let data = dice.text(12).repeat(dice.pick(&[1, 1, 3, 20]));
                steps.push(Step::SendText { data, finished });
            } else {
                let (len, times) = (dice.below(40), dice.pick(&[1, 1, 3, 20]));
                steps.push(Step::SendBytes { data: dice.bytes(len).repeat(times).into(), finished });
            }
            if dice.chance(interrupted) {
                steps.push(Step::SendPing(b"?"[..].into()));
            }
        }
        if dice.chance(20) {
            steps.push(Step::SendPing(dice.bytes(3).into()));
        }
    }
    Script { role, handshake: false, deflate: Some(deflate.into()), tight: false, steps }
}

fn reads(dice: &mut Dice, bytes: &[u8]) -> Vec<Step> {
    let pieces = dice.pick(&[1, 2, 5]);
    let pieces = dice.cut(bytes, pieces);
    pieces.into_iter().flat_map(|piece| [Step::Receive(piece.into()), Step::Drain]).collect()
}

fn sent(seen: &[Seen]) -> Vec<u8> {
    seen.iter().flat_map(|seen| seen.sent.iter().flat_map(|sent| sent.0.clone())).collect()
}

/// Whole messages and pings.
#[derive(Debug, PartialEq)]
enum Whole {
    Text(String),
    Bytes(Hex),
    Ping(Hex),
}

fn said(talk: &Script) -> Vec<Whole> {
    let pieces = talk.steps.iter().map(|step| match step.clone() {
        Step::SendText { data, finished } => Said::Text(piece(data, finished)),
        Step::SendBytes { data, finished } => Said::Bytes(piece(data, finished)),
        Step::SendPing(payload) => Said::Ping(payload),
        step => panic!("{step:?} sends nothing"),
    });
    whole(pieces)
}

fn piece<T>(data: T, finished: bool) -> Piece<T> {
    Piece { data, frame_finished: true, message_finished: finished }
}

fn received(seen: &[Seen]) -> Vec<Whole> {
    whole(seen.iter().flat_map(|seen| seen.events.clone()))
}

fn whole(events: impl Iterator<Item = Said>) -> Vec<Whole> {
    let (mut whole, mut text, mut bytes) = (Vec::new(), String::new(), Vec::new());
    for event in events {
        match event {
            Said::Text(piece) => {
                text.push_str(&piece.data);
                if piece.message_finished {
                    whole.push(Whole::Text(core::mem::take(&mut text)));
                }
            }
            Said::Bytes(piece) => {
                bytes.extend(piece.data.0);
                if piece.message_finished {
                    whole.push(Whole::Bytes(Hex(core::mem::take(&mut bytes))));
                }
            }
            Said::Ping(payload) => whole.push(Whole::Ping(payload)),
            event => panic!("{event:?}"),
        }
    }
    whole
}
