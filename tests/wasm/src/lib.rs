//! The crate with its default features in a WebAssembly module without an operating system. `run.mjs` calls it.
//!
//! A client and a server agree on permessage-deflate, and a message is echoed. The module imports nothing: its memory
//! comes from Rust's allocator and not from C's `malloc`.

use wsproto::{AcceptConnection, Entropy, PermessageDeflate, Request, TextMessage, WsConnection, WsEvent};

/// Returns how many bytes the client sent for a message of 350 bytes. A failure traps.
// SAFETY: no other symbol of the module has this name.
#[unsafe(no_mangle)]
pub extern "C" fn echo() -> usize {
    let mut client = WsConnection::client(entropy()).with_extension(PermessageDeflate::new());
    let mut server = WsConnection::server().with_extension(PermessageDeflate::new());

    server.receive_data(&client.send(Request::new("localhost", "/")).unwrap()).unwrap();
    assert!(matches!(server.next_event(), Ok(Some(WsEvent::Request(_)))));
    client.receive_data(&server.send(AcceptConnection::new()).unwrap()).unwrap();
    assert!(matches!(client.next_event(), Ok(Some(WsEvent::Accept(_)))));

    let text = "again ".repeat(50) + &"and again ".repeat(5);
    let sent = client.send(TextMessage::new(text.clone())).unwrap();
    server.receive_data(&sent).unwrap();
    let Ok(Some(WsEvent::Text(received))) = server.next_event() else { panic!("no message") };
    client.receive_data(&server.send(received).unwrap()).unwrap();
    assert_eq!(client.next_event().unwrap(), Some(WsEvent::Text(TextMessage::new(text))));
    sent.len()
}

#[cfg(feature = "wasm_js")]
fn entropy() -> impl Entropy {
    wsproto::SeededEntropy::new()
}

/// There is no `SeededEntropy` here. A real client asks its host for random bytes.
#[cfg(not(feature = "wasm_js"))]
fn entropy() -> impl Entropy {
    struct Counter(u8);

    impl Entropy for Counter {
        fn fill(&mut self, bytes: &mut [u8]) {
            for byte in bytes {
                self.0 = self.0.wrapping_add(1);
                *byte = self.0;
            }
        }
    }

    Counter(0)
}
