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
        // Real entropy, as it is the implementation's own source that cases of masking keys are about.
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

/// Acts up to the first call that is refused.
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

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Done,
    /// By the implementation, or by the types of its calls, which leave no way to say such a thing.
    Refused {
        /// How many bytes the refused call wrote.
        written: usize,
    },
}

/// Does what the local user asks for, as often as asked, up to the first call that is refused.
pub(crate) fn perform<E: Entropy>(
    connection: &mut Connection<E>,
    action: &Action,
    output: &mut Vec<u8>,
) -> Verdict {
    for _ in 0..action.times() {
        let before = output.len();
        if !is_done(connection, action, output) {
            return Verdict::Refused { written: output.len().saturating_sub(before) };
        }
    }
    Verdict::Done
}

/// Makes one call; false where it is refused.
fn is_done<E: Entropy>(connection: &mut Connection<E>, action: &Action, output: &mut Vec<u8>) -> bool {
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

/// Takes note of what the peer sends, up to its end or to the rule that it breaks.
fn receive<E: Entropy>(connection: &mut Connection<E>, mut input: &mut [u8]) {
    while let Ok(Some(_)) = connection.next_event(&mut input) {}
}
