//! permessage-deflate, with memory from C's `malloc`.

extern crate alloc;

use alloc::vec::Vec;

use wsproto::{Connection, DeflateParams, Event, Extensions, Limits, PermessageDeflate, Role, TextMessage};

use crate::without_alloc::Fixed;

/// A message is compressed by one side and inflated by the other.
pub(crate) fn check() {
    let text = "again and again and again and again";
    let mut client = Connection::client(Limits::DEFAULT, Fixed).with_extensions(deflate(Role::Client));
    let mut server = Connection::server(Limits::DEFAULT).with_extensions(deflate(Role::Server));
    let mut output = Vec::new();
    assert!(client.send(TextMessage::from(text), &mut output).is_ok());
    assert!(output.len() < text.len());
    let event = server.next_event(&mut output.as_mut_slice());
    assert_eq!(event, Ok(Some(Event::Text(TextMessage::new(text)))));
}

fn deflate(role: Role) -> Extensions {
    let mut extensions = Extensions::new();
    assert!(extensions.push(PermessageDeflate::new().negotiated(role, DeflateParams::DEFAULT)).is_ok());
    extensions
}
