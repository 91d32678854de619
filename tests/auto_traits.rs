//! Every public type is `Send` and `Sync`, checked by the compiler. Types that are plain values can be keys of a map.
#![cfg(feature = "handshake")]

use std::hash::Hash;

use wsproto::*;

/// Takes a list of types; it compiles only if all of them are `Send` and `Sync`.
macro_rules! threads {
    ($($name:ty),* $(,)?) => {
        const _: () = {
            const fn is_send_and_sync<T: Send + Sync + ?Sized>() {}
            $(is_send_and_sync::<$name>();)*
        };
    };
}

/// Takes a list of types; it compiles only if all of them can be keys of a map.
macro_rules! keys {
    ($($name:ty),* $(,)?) => {
        const _: () = {
            const fn is_key<T: Eq + Hash>() {}
            $(is_key::<$name>();)*
        };
    };
}

keys! {
    CloseSent, KeepaliveAction, LengthForm, RawClosePayload<'static>, RawFrameHeader, Timeout, Timeouts,
    BytesMessage<&[u8]>, CloseCode, CloseConnection<&str>, ClosedBy, CloseInfo<'static>, ConnectionState,
    Event<&str, &[u8]>, FrameHeader, HandshakeLimits, Limits, LocalProtocolError, MessageKind, Opcode,
    Message<&str, &[u8]>, MessageRef<'static>, Excerpt, ExtensionError, ExtensionParseError, ExtensionParseErrorKind, InvalidUtf8, Ends, NegotiationError, NegotiationErrorKind, Ping<&[u8]>, Pong<&[u8]>, ReceiverState, RemoteProtocolError, Reply<Pong<&[u8]>>, ReplyPolicy, Role, Rsv,
    SliceRequest<'static>, TextMessage<&str>, TransportAction, UnknownOpcode,
}

#[cfg(feature = "bytes")]
keys! { Utf8Bytes, Message<Utf8Bytes, Utf8Bytes> }

#[cfg(feature = "alloc")]
keys! { Event<String, Vec<u8>>, HandshakeError, HttpVersion, Origin, Scheme, UriError, WebSocketUri }

// Without an allocator.
threads! {
    CloseSent, Notice, ReceiverHalf, SenderHalf,
    HandshakeResponseRef<'static>, RequestRef<'static>, ResponseRef<'static>, SliceClientHandshake<'static>, SliceRequest<'static>, SliceServerHandshake,
    AcceptToken, ClientConnection<NoEntropy>, ServerConnection, CloseCode, CloseConnection<&str>, ClosedBy, CloseInfo<'static>, Connection, Connection<NoEntropy>,
    ConnectionState, EncodedHeader, Excerpt, ExtensionError, ExtensionParseError, ExtensionParseErrorKind, NegotiationError, NegotiationErrorKind, Found<'static>, InvalidUtf8, Utf8Decoder, Ends, Source<&str>, Event<&str, &[u8]>, FrameChunk<'static>, FrameDecoder, FrameEncoder, FrameHeader,
    HandshakeLimits, EventRef<'static>, Keepalive, KeepaliveAction, LengthForm, RawClosePayload<'static>, RawFrameHeader, Timeout, Timeouts, Limits, LocalProtocolError, Mask, MessageDecoder, MessageKind, NoEntropy,
    SecWebSocketKey, Opcode, BytesMessage<&[u8]>, Ping<&[u8]>, Pong<&[u8]>, Receiver, ReceiverState,
    RemoteProtocolError, AutoReplies, Reply<Pong<&[u8]>>, ReplyPolicy, Role, Rsv, Sender, TextMessage<&str>, TransportAction,
    UnknownOpcode,
}

#[cfg(feature = "alloc")]
threads! {
    AcceptConnection, ConnectRequest, ConnectResponse<'static>, HttpConnect, NegotiatedExtension, HandshakeResponse, ClientHandshake, Connection, Decoded, DeflateBlocks,
    ClientExtendedConnect, ClientUpgrade, Event<String, Vec<u8>>, ExtensionParams, Extensions, HandshakeError, Headers, HeadersIter<'static>, HttpVersion,
    IncomingMessages<'static>, MessageAssembler, MessageDecoder, Messages, MessagesParts, OutgoingMessages<'static>, Origin, OriginPolicy, PreparedFrame, PreparedMessage, ReadBuffer, ReceiveError,
    Receiver, RejectConnection, RejectData<Vec<u8>>, Request, RequestHead, ResponseParts, Scheme,
    Sender, ServerExtendedConnect, ServerHandshake, ServerUpgrade, StreamError, UriError, WebSocketUri, WsConnection, WsEvent, WsEventRef<'static>,
    dyn Extension, dyn InboundExtension, dyn OutboundExtension,
}

#[cfg(feature = "bytes")]
threads! { MessagePart, Utf8Bytes }

#[cfg(feature = "arbitrary")]
threads! { BrokenFrames, ValidFrames }

#[cfg(feature = "deflate")]
threads! { DeflateParams, PermessageDeflate }

#[cfg(all(feature = "std", feature = "deflate"))]
threads! { DeflatePool }

#[cfg(feature = "std")]
threads! { SharedReceiver, SharedSender }

#[cfg(all(
    feature = "std",
    any(feature = "wasm_js", not(all(target_family = "wasm", target_os = "unknown")))
))]
threads! { SeededEntropy, Connection<SeededEntropy> }

/// Traits, which are not checked: other crates may implement them, or they are only bounds.
const TRAITS: [&str; 4] = ["Entropy", "Outgoing", "Output", "WsOutgoing"];

#[test]
fn every_name_that_the_crate_exports_is_checked() {
    let checked: Vec<&str> = words(include_str!("auto_traits.rs")).collect();
    let source = include_str!("../src/lib.rs");
    let exports = source.split("pub use ").skip(1).filter_map(|rest| rest.split(';').next());
    let mut count = 0;
    for name in exports.flat_map(words).filter(|name| name.starts_with(char::is_uppercase)) {
        assert!(TRAITS.contains(&name) || checked.contains(&name), "{name} is not checked");
        count += 1;
    }
    assert!(count > 60, "only {count} names were found in the source");
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}
