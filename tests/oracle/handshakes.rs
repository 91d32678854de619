//! Handshakes: requests to a server, responses to a client, and what follows.

use crate::compare;
use crate::dice::Dice;
use crate::frames::{FIN, Frame, TEXT};
use crate::heads::{request, response};
use crate::ours::{NONCE, accept_token};
use crate::script::{Fields, Role, Script, Step};

#[test]
fn handshakes_behave_like_those_of_python() {
    let servers = compare::runs("servers' handshakes", RUNS, server);
    let clients = compare::runs("clients' handshakes", RUNS, client);
    if let (Some(mut met), Some(clients)) = (servers, clients) {
        met.extend(clients);
        met.check(|divergence| divergence.is_of_handshake());
    }
}

const RUNS: u64 = 3000;

fn server(dice: &mut Dice) -> Script {
    let mut steps = Vec::new();
    if dice.chance(1) {
        reject(dice, &mut steps);
    }
    let mut head = request(dice);
    if dice.chance(4) {
        head.extend(Frame::new(Some(dice.key()), FIN | TEXT, b"early").encode());
    }
    if dice.chance(4) {
        head.truncate(dice.below(head.len()));
        if dice.chance(80) {
            steps.extend([Step::Receive(head.into()), Step::Drain]);
        }
        steps.push(Step::Eof);
        return Script { role: Role::Server, handshake: true, deflate: None, tight: false, steps };
    }
    receive(dice, &head, &mut steps);
    match dice.below(10) {
        0..=5 => {
            let subprotocol = dice.pick(&[None, None, Some("chat"), Some("superchat"), Some("other")]);
            let headers = fields(dice);
            steps.push(Step::SendAccept { subprotocol: subprotocol.map(str::to_owned), headers });
        }
        6..=8 => reject(dice, &mut steps),
        _ => {}
    }
    let hello = Frame::new(Some(dice.key()), FIN | TEXT, b"hello").encode();
    receive(dice, &hello, &mut steps);
    if dice.chance(20) {
        steps.push(Step::Eof);
    }
    Script { role: Role::Server, handshake: true, deflate: None, tight: false, steps }
}

fn reject(dice: &mut Dice, steps: &mut Vec<Step>) {
    let status = dice.pick(&[300, 400, 403, 404, 426, 500, 503]);
    let has_body = dice.chance(50);
    steps.push(Step::SendReject { status, has_body, headers: fields(dice) });
    if has_body {
        let data = dice.bytes(5).into();
        steps.push(Step::SendRejectData { data, finished: dice.chance(50) });
        steps.push(Step::SendRejectData { data: b"end"[..].into(), finished: true });
    }
}

fn client(dice: &mut Dice) -> Script {
    let mut steps = vec![Step::SendRequest {
        host: dice.pick(&["h", "h:80", "example.com", "[::1]:9"]).into(),
        target: dice.pick(&["/", "/chat", "/a?b=%20"]).into(),
        subprotocols: dice
            .pick(&[&[][..], &["chat"], &["chat", "superchat"]])
            .iter()
            .map(|s| (*s).into())
            .collect(),
        headers: fields(dice),
    }];
    let mut bytes = response(dice, &accept_token(NONCE));
    let hello = Frame::new(None, FIN | TEXT, b"hello").encode();
    if dice.chance(30) {
        bytes.extend(&hello);
    }
    let is_cut_off = dice.chance(8);
    if is_cut_off {
        bytes.truncate(dice.below(bytes.len()));
    }
    receive(dice, &bytes, &mut steps);
    if !is_cut_off {
        receive(dice, &hello, &mut steps);
    }
    if is_cut_off || dice.chance(30) {
        steps.push(Step::Eof);
    }
    Script { role: Role::Client, handshake: true, deflate: None, tight: false, steps }
}

fn receive(dice: &mut Dice, bytes: &[u8], steps: &mut Vec<Step>) {
    let pieces = dice.pick(&[1, 1, 2, 3]);
    let mut pieces = dice.cut(bytes, pieces);
    if !dice.chance(3) {
        pieces.retain(|piece| !piece.is_empty());
    }
    for piece in pieces {
        steps.extend([Step::Receive(piece.into()), Step::Drain]);
    }
}

fn fields(dice: &mut Dice) -> Fields {
    let all = [("X-One", "1"), ("X-Two", "a b"), ("x-three", "")];
    all.iter().filter(|_| dice.chance(30)).map(|(name, value)| ((*name).into(), (*value).into())).collect()
}
