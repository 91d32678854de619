//! Which enums a later version may extend, and which not: callers need a `_` arm to match the first, and none to match
//! the second.
#![cfg(all(feature = "alloc", feature = "handshake"))]
#![deny(unreachable_patterns)]
#![allow(dead_code, reason = "these functions are compiled and not called")]

use wsproto::{
    ClosedBy, Ends, Event, HandshakeError, HandshakeResponse, LocalProtocolError, MessageKind, Opcode,
    ReceiveError, ReceiverState, RemoteProtocolError, ReplyPolicy, Role, TransportAction, WsEvent,
};

/// A match of all variants of today with a `_` arm; it compiles only if that arm can be reached.
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

grows! { answer: HandshakeResponse<'_>, HandshakeResponse::Accept(_) | HandshakeResponse::Reject(_) | HandshakeResponse::RejectData(_) }
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
grows! { transport: TransportAction, TransportAction::Keep | TransportAction::AwaitClose | TransportAction::Close }
grows! {
    ws_event: WsEvent,
    WsEvent::Request(_) | WsEvent::Accept(_) | WsEvent::Reject(_) | WsEvent::RejectData(_)
        | WsEvent::Text(_) | WsEvent::Bytes(_) | WsEvent::Ping(_) | WsEvent::Pong(_)
        | WsEvent::Close(_)
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

fn payload_end(end: Ends) {
    match end {
        Ends::Nothing | Ends::Frame | Ends::Message => {}
    }
}
