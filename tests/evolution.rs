//! What can grow in a later version, and what cannot: the enums that a caller has to match with a `_` arm, and those
//! that are matched without one.
#![cfg(feature = "alloc")]
#![deny(unreachable_patterns)]
#![allow(dead_code, reason = "they are compiled and not called")]

use wsproto::{
    Answer, ClosedBy, Event, HandshakeError, LocalProtocolError, MessageKind, Opcode, PayloadEnd,
    ReceiveError, ReceiverState, RemoteProtocolError, ReplyPolicy, Role, Transport, WsEvent,
};

/// A match of all variants that are known today; it compiles only if a `_` arm can be reached.
macro_rules! grows {
    ($name:ident: $type:ty, $known:pat) => {
        fn $name(value: $type) -> bool {
            match value {
                $known => true,
                _ => false,
            }
        }
    };
}

grows! { answer: Answer<'_>, Answer::Accept(_) | Answer::Reject(_) | Answer::RejectData(_) }
grows! {
    closed_by: ClosedBy,
    ClosedBy::Local | ClosedBy::Remote | ClosedBy::Failure(_) | ClosedBy::Transport
}
grows! { receive_error: ReceiveError, ReceiveError::Handshake(_) | ReceiveError::Protocol(_) }
grows! {
    receiver_state: ReceiverState,
    ReceiverState::Open | ReceiverState::CloseReceived | ReceiverState::Failed(_) | ReceiverState::Ended
}
grows! { reply_policy: ReplyPolicy, ReplyPolicy::Nothing | ReplyPolicy::Pong | ReplyPolicy::PongAndClose }
grows! { transport: Transport, Transport::Keep | Transport::AwaitEnd | Transport::Drop }
grows! {
    ws_event: WsEvent,
    WsEvent::Request(_) | WsEvent::AcceptConnection(_) | WsEvent::RejectConnection(_) | WsEvent::RejectData(_)
        | WsEvent::TextMessage(_) | WsEvent::BytesMessage(_) | WsEvent::Ping(_) | WsEvent::Pong(_)
        | WsEvent::CloseConnection(_)
}
grows! { handshake_error: HandshakeError, HandshakeError::UnexpectedEof }
grows! { local_error: LocalProtocolError, LocalProtocolError::Ended }
grows! { remote_error: RemoteProtocolError, RemoteProtocolError::LengthTopBitSet }

fn role(role: Role) {
    match role {
        Role::Client | Role::Server => {}
    }
}

fn opcode(opcode: Opcode) {
    match opcode {
        Opcode::Continuation
        | Opcode::Text
        | Opcode::Binary
        | Opcode::Close
        | Opcode::Ping
        | Opcode::Pong => {}
    }
}

fn message_kind(kind: MessageKind) {
    match kind {
        MessageKind::Text | MessageKind::Binary => {}
    }
}

fn event(event: Event<&str, &[u8]>) {
    match event {
        Event::Text(_) | Event::Bytes(_) | Event::Ping(_) | Event::Pong(_) | Event::Close(_) => {}
    }
}

fn payload_end(end: PayloadEnd) {
    match end {
        PayloadEnd::Open | PayloadEnd::Frame | PayloadEnd::Message => {}
    }
}
