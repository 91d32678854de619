//! Cases of the kind `local`: calls of the local user, and what they write.

use wsproto::{
    BytesMessage, CloseCode, CloseConnection, Connection, Entropy, Ping, Pong, SeededEntropy, TextMessage,
};

use super::cases::{Action, Close, Local, Role};
use super::observation::Sent;
use super::splits::Report;
use super::values::{Payload, Received};
use super::wire::Frame;

pub(crate) fn run(case: &Local) -> Result<Report<Sent>, String> {
    let sent = match case.role {
        Role::Server => send(Connection::server(case.limits()), case),
        // Real entropy: some cases check the masking keys that the implementation makes.
        Role::Client => send(Connection::client(case.limits(), SeededEntropy::new()), case),
    };
    sent.map(Report::of_one_run)
}

fn send<E: Entropy>(connection: Connection<E>, case: &Local) -> Result<Sent, String> {
    match case.extensions() {
        Some(extensions) => perform_all(connection.with_extensions(extensions), &case.actions),
        None => perform_all(connection, &case.actions),
    }
}

/// Makes the calls in order, up to the first that is refused.
fn perform_all<E: Entropy>(mut connection: Connection<E>, actions: &[Action]) -> Result<Sent, String> {
    let mut output = Vec::new();
    let mut refused = None;
    let mut bytes_after_refusal = 0;
    for (index, action) in actions.iter().enumerate() {
        if let Verdict::Refused { written } = perform(&mut connection, action, &mut output) {
            refused = Some(index);
            bytes_after_refusal = written;
            break;
        }
    }
    Ok(Sent { refused, bytes_after_refusal, frames: Frame::read_all(&output)? })
}

/// Whether a call was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Done,
    /// The implementation has refused it, or the types of its API cannot express it.
    Refused {
        /// How many bytes the refused call has written.
        written: usize,
    },
}

/// Makes a call as often as the case says, up to the first time that it is refused.
pub(crate) fn perform<E: Entropy>(
    connection: &mut Connection<E>,
    action: &Action,
    output: &mut Vec<u8>,
) -> Verdict {
    for _ in 0..action.times() {
        let before = output.len();
        if !perform_once(connection, action, output) {
            return Verdict::Refused { written: output.len().saturating_sub(before) };
        }
    }
    Verdict::Done
}

/// Makes one call; returns false if it is refused.
fn perform_once<E: Entropy>(connection: &mut Connection<E>, action: &Action, output: &mut Vec<u8>) -> bool {
    let result = match action {
        Action::SendText(Payload { bytes, fin, .. }) => {
            let Ok(data) = std::str::from_utf8(bytes) else { return false };
            let piece = TextMessage { data, frame_finished: true, message_finished: *fin };
            connection.send(piece, output)
        }
        Action::SendBinary(Payload { bytes: data, fin, .. }) => {
            let piece = BytesMessage { data, frame_finished: true, message_finished: *fin };
            connection.send(piece, output)
        }
        Action::SendContinuation(Payload { bytes, fin, .. }) => {
            connection.sender_mut().send_continuation(bytes, *fin, output)
        }
        Action::SendPing(Payload { fin: false, .. }) | Action::SendPong(Payload { fin: false, .. }) => {
            return false;
        }
        Action::SendPing(payload) => connection.send(Ping::new(&payload.bytes), output),
        Action::SendPong(payload) => connection.send(Pong::new(&payload.bytes), output),
        Action::SendClose(Close { code, reason, .. }) => {
            let Ok(code) = code.map(u16::try_from).transpose() else { return false };
            connection.send(CloseConnection { code: code.map(CloseCode::new), reason }, output)
        }
        Action::Receive(Received(bytes)) => {
            receive(connection, &mut bytes.clone());
            Ok(())
        }
    };
    result.is_ok()
}

/// Receives bytes of the peer, up to their end or to the first broken rule.
fn receive<E: Entropy>(connection: &mut Connection<E>, mut input: &mut [u8]) {
    while let Ok(Some(_)) = connection.next_event(&mut input) {}
}
