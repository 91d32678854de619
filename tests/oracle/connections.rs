//! Open connections: streams of frames that are cut at random, with random calls of the user between the reads.

use crate::compare;
use crate::dice::Dice;
use crate::frames::{close_code, stream};
use crate::hex::Hex;
use crate::script::{Role, Script, Step};

#[test]
fn open_connections_behave_like_those_of_python() {
    if let Some(met) = compare::runs("open connections", RUNS, script) {
        met.check(|divergence| !divergence.is_of_handshake() && !divergence.is_of_deflate());
    }
}

const RUNS: u64 = 6000;

fn script(dice: &mut Dice) -> Script {
    let role = dice.pick(&[Role::Client, Role::Server]);
    let bytes = stream(dice, role);
    let tight = dice.chance(8);
    let mut user = User { dice, text_in_progress: None, steps: Vec::new() };
    for piece in user.pieces(&bytes) {
        user.steps.push(Step::Receive(piece.into()));
        user.take_events();
        while user.dice.chance(30) {
            user.call();
        }
    }
    user.steps.push(Step::Drain);
    user.finish();
    Script { role, handshake: false, deflate: None, tight, steps: user.steps }
}

/// The user of a connection, who mostly makes valid calls.
struct User<'d> {
    dice: &'d mut Dice,
    /// Whether the message in progress is a text.
    text_in_progress: Option<bool>,
    steps: Vec<Step>,
}

impl User<'_> {
    fn pieces<'b>(&mut self, bytes: &'b [u8]) -> Vec<&'b [u8]> {
        match self.dice.below(10) {
            0 if bytes.len() < 100 => bytes.chunks(1).collect(),
            1..=3 => vec![bytes],
            _ => {
                let pieces = 2 + self.dice.below(6);
                self.dice.cut(bytes, pieces)
            }
        }
    }

    fn take_events(&mut self) {
        match self.dice.below(10) {
            0 => {}
            1..=2 => {
                let times = 1 + self.dice.below(3);
                self.steps.extend((0..times).map(|_| Step::Advance));
            }
            _ => self.steps.push(Step::Drain),
        }
    }

    fn finish(&mut self) {
        if self.dice.chance(60) {
            self.steps.push(Step::AnswerClose);
        }
        while self.dice.chance(40) {
            self.call();
        }
        if self.dice.chance(15) {
            self.steps.push(Step::Receive(self.dice.bytes(5).into()));
            self.take_events();
        }
        if self.dice.chance(50) {
            self.steps.push(Step::Eof);
            while self.dice.chance(40) {
                self.call();
            }
        }
        if self.dice.chance(5) {
            self.steps.push(Step::Receive(self.dice.bytes(5).into()));
            self.steps.push(Step::Eof);
        }
    }

    fn call(&mut self) {
        let step = match self.dice.below(24) {
            0..=7 => self.message(),
            8..=9 => Step::SendPing(self.control_payload()),
            10 => Step::SendPong(self.control_payload()),
            11..=15 => Step::AnswerPing,
            16..=20 => Step::AnswerClose,
            _ => self.close(),
        };
        self.steps.push(step);
    }

    /// The next piece of a message, rarely of the wrong kind.
    fn message(&mut self) -> Step {
        let mut is_text = self.text_in_progress.unwrap_or_else(|| self.dice.chance(50));
        if self.dice.chance(4) {
            is_text = !is_text;
        }
        let finished = self.dice.chance(65);
        self.text_in_progress = if finished { None } else { Some(is_text) };
        if is_text {
            let data = self.dice.text(9);
            return Step::SendText { data, finished };
        }
        let len = match self.dice.below(300) {
            0 => self.dice.pick(&[65_535, 65_536]),
            1..=45 => self.dice.pick(&[125, 126, 127]),
            _ => self.dice.below(9),
        };
        Step::SendBytes { data: self.dice.bytes(len).into(), finished }
    }

    fn control_payload(&mut self) -> Hex {
        let len = self.dice.pick(&[0, 1, 7, 125, 125, 126]);
        self.dice.bytes(len).into()
    }

    fn close(&mut self) -> Step {
        let code = if self.dice.chance(20) { None } else { Some(close_code(self.dice)) };
        let reason = match self.dice.below(4) {
            0 => None,
            1 => Some(String::new()),
            2 => Some(self.dice.text(5)),
            // Long enough to be truncated.
            _ => Some(self.dice.text(80)),
        };
        Step::SendClose { code, reason }
    }
}
