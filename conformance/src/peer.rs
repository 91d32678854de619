//! What an implementation under test sends, frame by frame, and whether it may.
//!
//! The rules of a sender are checked in every case, whatever the case is about.

use crate::case::{Deflate, Role};
use crate::deflate::{self, Inflater};
use crate::frame::{self, Frame, Header};
use crate::head::Head;

/// What was read from the implementation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    /// The code is `None` if the frame has none.
    Close {
        code: Option<u16>,
        reason: Vec<u8>,
    },
}

/// A rule that the implementation broke as a sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) section: &'static str,
    pub(crate) what: String,
}

/// Reads what the implementation sends.
#[derive(Debug)]
pub(crate) struct PeerReader {
    role: Role,
    inflater: Option<Inflater>,
    state: State,
    buffer: Vec<u8>,
    /// The head that came ahead of the frames, if one was to come.
    pub(crate) head: Option<Head>,
    /// The masking key of each frame, for the cases that compare them.
    pub(crate) masks: Vec<Option<[u8; 4]>>,
    /// Every frame; cases about what is sent look at them.
    pub(crate) frames: Vec<Frame>,
}

#[derive(Debug)]
enum State {
    /// The head of a response comes first.
    Head,
    /// The connection was not opened: what follows the head is no frame.
    Refused,
    /// Between messages.
    Between,
    /// Within a fragmented message.
    InMessage { text: bool, compressed: bool, payload: Vec<u8> },
    /// A close frame was read: nothing may follow.
    Closed,
    /// A rule was broken: nothing that follows is read.
    Broken,
}

/// The parameters of permessage-deflate that a response agrees on.
pub(crate) fn agreed(response: &Head) -> Option<Deflate> {
    let answer = deflate::elements(&response.field("sec-websocket-extensions").unwrap_or_default());
    let (_, params) = answer.iter().find(|(name, _)| name == "permessage-deflate")?;
    deflate::agreed(params)
}

impl PeerReader {
    /// A reader for what an endpoint in this role sends.
    pub(crate) fn new(role: Role, inflater: Option<Inflater>) -> Self {
        Self {
            role,
            inflater,
            state: State::Between,
            buffer: Vec::new(),
            head: None,
            masks: Vec::new(),
            frames: Vec::new(),
        }
    }

    /// A reader for what a server sends: the head of a response, and frames if its status is 101.
    pub(crate) fn of_response() -> Self {
        Self { state: State::Head, ..Self::new(Role::Server, None) }
    }

    /// Reads some bytes; `heard` gets each message and control frame that is complete.
    pub(crate) fn read(&mut self, bytes: &[u8], heard: &mut Vec<Heard>) -> Result<(), Broken> {
        self.buffer.extend_from_slice(bytes);
        if matches!(self.state, State::Head) {
            self.read_head()?;
        }
        if matches!(self.state, State::Head | State::Refused) {
            return Ok(());
        }
        let mut at = 0_usize;
        let result = loop {
            let rest = self.buffer.get(at..).unwrap_or_default();
            if let (State::Closed, false) = (&self.state, rest.is_empty()) {
                break broken("RFC 6455 §5.5.1", "it sent more after its close frame");
            }
            if matches!(self.state, State::Broken) {
                break Ok(());
            }
            let Some(header) = Header::read(rest) else { break Ok(()) };
            if let Err(broken) = self.check(&header) {
                break Err(broken);
            }
            let Some((frame, len)) = Frame::read(rest) else { break Ok(()) };
            at = at.saturating_add(len);
            self.masks.push(frame.mask);
            if let Err(broken) = self.check_masks() {
                break Err(broken);
            }
            if self.frames.len() < MAX_FRAMES && len <= MAX_KEPT {
                self.frames.push(frame.clone());
            }
            match self.receive(frame) {
                Ok(complete) => heard.extend(complete),
                Err(broken) => break Err(broken),
            }
        };
        self.buffer.drain(..at.min(self.buffer.len()));
        if result.is_err() {
            self.state = State::Broken;
            self.buffer.clear();
        }
        result
    }

    fn read_head(&mut self) -> Result<(), Broken> {
        match Head::response(&self.buffer) {
            Ok(None) => Ok(()),
            Ok(Some(head)) => {
                self.buffer.drain(..head.len.min(self.buffer.len()));
                self.state = if head.status == Some(101) { State::Between } else { State::Refused };
                self.inflater = agreed(&head).map(|agreed| Inflater::new(agreed, self.role));
                self.head = Some(head);
                Ok(())
            }
            Err(what) => {
                self.state = State::Broken;
                broken("RFC 9112 §4", what)
            }
        }
    }

    /// Checks what a header alone shows (RFC 6455 §5.1, §5.2, §5.4, §5.5).
    fn check(&self, header: &Header) -> Result<(), Broken> {
        match (self.role, header.mask) {
            (Role::Server, Some(_)) => return broken("RFC 6455 §5.1", "a server must not mask its frames"),
            (Role::Client, None) => return broken("RFC 6455 §5.1", "a client must mask its frames"),
            _ => {}
        }
        let starts_message = matches!(header.opcode, frame::TEXT | frame::BINARY);
        let may_be_compressed = self.inflater.is_some() && starts_message;
        match header.rsv {
            0 => {}
            4 if may_be_compressed => {}
            4 if self.inflater.is_some() => {
                return broken("RFC 7692 §6.1", "RSV1 is set on a frame that does not begin a message");
            }
            rsv => {
                return broken("RFC 6455 §5.2", format!("RSV bits {rsv:03b} are set without an extension"));
            }
        }
        if header.payload_len > MAX_FRAME {
            let what =
                format!("a frame of {} bytes is longer than anything that it was sent", header.payload_len);
            return broken("RFC 6455 §10.4", what);
        }
        if !header.is_minimal() {
            return broken("RFC 6455 §5.2", "a length is not in its shortest form");
        }
        let in_message = matches!(self.state, State::InMessage { .. });
        match header.opcode {
            frame::CONTINUATION if !in_message => {
                broken("RFC 6455 §5.4", "a continuation frame continues no message")
            }
            frame::TEXT | frame::BINARY if in_message => {
                broken("RFC 6455 §5.4", "a message begins within another message")
            }
            frame::CONTINUATION | frame::TEXT | frame::BINARY => Ok(()),
            frame::CLOSE..=frame::PONG if !header.fin => {
                broken("RFC 6455 §5.4", "a control frame is fragmented")
            }
            frame::CLOSE..=frame::PONG if header.payload_len > 125 => {
                broken("RFC 6455 §5.5", "a control frame has more than 125 bytes")
            }
            frame::CLOSE..=frame::PONG => Ok(()),
            opcode => broken("RFC 6455 §5.2", format!("the opcode {opcode:#x} is reserved")),
        }
    }

    /// A fresh key is chosen for each frame (RFC 6455 §5.3); four that are the same are no chance.
    fn check_masks(&self) -> Result<(), Broken> {
        match self.masks.last_chunk::<4>() {
            Some([Some(a), Some(b), Some(c), Some(d)]) if a == b && b == c && c == d => {
                broken("RFC 6455 §5.3", "four frames have the same masking key")
            }
            _ => Ok(()),
        }
    }

    /// The transitions. The header has been checked.
    fn receive(&mut self, frame: Frame) -> Result<Option<Heard>, Broken> {
        let Frame { fin, rsv, opcode, payload: data, .. } = frame;
        let state = std::mem::replace(&mut self.state, State::Between);
        let (text, compressed, payload) = match (opcode, state) {
            (frame::CLOSE, _) => {
                self.state = State::Closed;
                return close(&data).map(Some);
            }
            (frame::PING, state) => {
                self.state = state;
                return Ok(Some(Heard::Ping(data)));
            }
            (frame::PONG, state) => {
                self.state = state;
                return Ok(Some(Heard::Pong(data)));
            }
            (_, State::InMessage { text, compressed, mut payload }) => {
                payload.extend(data);
                (text, compressed, payload)
            }
            (opcode, _) => (opcode == frame::TEXT, rsv & 4 != 0, data),
        };
        if !fin {
            self.state = State::InMessage { text, compressed, payload };
            return Ok(None);
        }
        let payload = match &mut self.inflater {
            Some(inflater) if compressed => inflater
                .message(&payload)
                .map_err(|what| Broken { section: "RFC 7692 §7.2.1", what: format!("a message {what}") })?,
            _ => payload,
        };
        if !text {
            return Ok(Some(Heard::Binary(payload)));
        }
        match std::str::from_utf8(&payload) {
            Ok(_) => Ok(Some(Heard::Text(payload))),
            Err(_) => broken("RFC 6455 §5.6", "a text message is not UTF-8"),
        }
    }
}

/// Reads the payload of a close frame (RFC 6455 §5.5.1, §7.4).
fn close(payload: &[u8]) -> Result<Heard, Broken> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return match payload {
            [] => Ok(Heard::Close { code: None, reason: Vec::new() }),
            _ => broken("RFC 6455 §5.5.1", "a close frame has one byte"),
        };
    };
    let code = u16::from_be_bytes(*code);
    // Codes without a meaning yet (1004, 1016 to 2999, 5000 and more) are the business of cases of their own.
    if matches!(code, 0..=999 | 1005 | 1006 | 1015) {
        return broken("RFC 6455 §7.4", format!("the close code {code} must not be sent"));
    }
    if std::str::from_utf8(reason).is_err() {
        return broken("RFC 6455 §5.5.1", "the reason of a close frame is not UTF-8");
    }
    Ok(Heard::Close { code: Some(code), reason: reason.to_vec() })
}

fn broken<T>(section: &'static str, what: impl Into<String>) -> Result<T, Broken> {
    Err(Broken { section, what: what.into() })
}

/// How many frames are kept.
const MAX_FRAMES: usize = 4096;

/// The longest frame that is kept, in bytes.
const MAX_KEPT: usize = 128 << 10;

/// The longest frame that is read, in bytes: no case has one that is longer.
const MAX_FRAME: u64 = 32 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(role: Role, bytes: &[u8]) -> Result<Vec<Heard>, &'static str> {
        let mut whole = Vec::new();
        let result = PeerReader::new(role, None).read(bytes, &mut whole);
        let mut by_bytes = Vec::new();
        let mut reader = PeerReader::new(role, None);
        let cut = bytes.iter().try_for_each(|byte| reader.read(&[*byte], &mut by_bytes));
        assert_eq!((&whole, &result), (&by_bytes, &cut), "the same however it is cut");
        result.map(|()| whole).map_err(|broken| broken.section)
    }

    #[test]
    fn messages_and_control_frames_are_read() {
        let heard = read(Role::Server, b"\x01\x01a\x89\x01p\x80\x01b\x82\x00\x88\x02\x03\xe8").unwrap();
        assert_eq!(
            heard,
            [
                Heard::Ping(b"p".to_vec()),
                Heard::Text(b"ab".to_vec()),
                Heard::Binary(Vec::new()),
                Heard::Close { code: Some(1000), reason: Vec::new() },
            ]
        );
    }

    #[test]
    fn each_rule_of_a_sender_is_checked() {
        for (section, role, bytes) in [
            ("RFC 6455 §5.1", Role::Server, b"\x81\x80\0\0\0\0".as_slice()),
            ("RFC 6455 §5.1", Role::Client, b"\x81\x00"),
            ("RFC 6455 §5.2", Role::Server, b"\xc1\x00"),
            ("RFC 6455 §5.2", Role::Server, b"\x83\x00"),
            ("RFC 6455 §5.2", Role::Server, b"\x81\x7e\x00\x01a"),
            ("RFC 6455 §5.4", Role::Server, b"\x80\x00"),
            ("RFC 6455 §5.4", Role::Server, b"\x01\x00\x81\x00"),
            ("RFC 6455 §5.4", Role::Server, b"\x09\x00"),
            ("RFC 6455 §5.5", Role::Server, b"\x89\x7e\x00\x80"),
            ("RFC 6455 §5.6", Role::Server, b"\x81\x01\xff"),
            ("RFC 6455 §5.5.1", Role::Server, b"\x88\x01a"),
            ("RFC 6455 §5.5.1", Role::Server, b"\x88\x03\x03\xe8\xff"),
            ("RFC 6455 §5.5.1", Role::Server, b"\x88\x00\x81\x00"),
            ("RFC 6455 §7.4", Role::Server, b"\x88\x02\x03\xed"),
        ] {
            assert_eq!(read(role, bytes), Err(section), "{bytes:x?}");
        }
    }
}
