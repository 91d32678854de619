//! Writes frames as a peer may send them, and records what they say.

use alloc::string::String;
use alloc::vec::Vec;

use arbitrary::{Result, Unstructured};

use crate::close_code::CloseCode;
use crate::event::{BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage};
use crate::frame::{FrameHeader, RawFrameHeader};
use crate::opcode::{MessageKind, Opcode};
use crate::role::Role;

use super::text::text;

/// A writer of valid frames, with choices drawn from `u`.
pub(super) struct FrameWriter<'u, 'a> {
    pub(super) u: &'u mut Unstructured<'a>,
    pub(super) sender: Role,
    pub(super) bytes: Vec<u8>,
    /// Whole messages and control frames, in the order in which they end.
    pub(super) events: Vec<Event<String, Vec<u8>>>,
    pub(super) message: Option<Message>,
    pub(super) most: Most,
}

/// A message in progress.
pub(super) struct Message {
    pub(super) kind: MessageKind,
    pub(super) sent: Vec<u8>,
    /// What is left of a valid message.
    pub(super) rest: Vec<u8>,
    pub(super) fragments: u32,
}

/// The greatest lengths and numbers that were written.
#[derive(Default)]
pub(super) struct Most {
    pub(super) frame_len: u64,
    pub(super) message_len: u64,
    pub(super) fragments: u32,
}

impl<'u, 'a> FrameWriter<'u, 'a> {
    pub(super) fn new(sender: Role, u: &'u mut Unstructured<'a>) -> Self {
        Self { u, sender, bytes: Vec::new(), events: Vec::new(), message: None, most: Most::default() }
    }

    /// Some messages, whole or in fragments, and control frames before, between and after these.
    pub(super) fn messages(&mut self) -> Result<()> {
        for _ in 0..self.u.int_in_range(0..=5_u8)? {
            if self.u.arbitrary()? {
                self.control()?;
                continue;
            }
            self.begin()?;
            for _ in 0..self.u.int_in_range(0..=3_u8)? {
                self.fragment()?;
                self.controls()?;
            }
            self.finish()?;
        }
        Ok(())
    }

    /// Begins a message, unless one is in progress.
    pub(super) fn begin(&mut self) -> Result<()> {
        if self.message.is_none() {
            let kind = self.u.arbitrary()?;
            let rest = content(kind, self.u)?;
            self.message = Some(Message { kind, sent: Vec::new(), rest, fragments: 0 });
        }
        Ok(())
    }

    /// Sends a fragment of the message in progress that is not the last.
    pub(super) fn fragment(&mut self) -> Result<()> {
        let Some(message) = &self.message else { return Ok(()) };
        let len = self.u.int_in_range(0..=message.rest.len())?;
        self.data(len, false)
    }

    /// Ends the message in progress.
    pub(super) fn finish(&mut self) -> Result<()> {
        let len = self.message.as_ref().map_or(0, |message| message.rest.len());
        self.data(len, true)
    }

    /// Sends the next `len` bytes of the message in progress as one frame.
    fn data(&mut self, len: usize, fin: bool) -> Result<()> {
        let Some(mut message) = self.message.take() else { return Ok(()) };
        let payload: Vec<u8> = message.rest.drain(..len.min(message.rest.len())).collect();
        self.frame(RawFrameHeader::new(message.opcode(), payload.len() as u64).with_fin(fin), &payload)?;
        message.sent.extend_from_slice(&payload);
        message.fragments = message.fragments.saturating_add(1);
        self.most.frame_len = self.most.frame_len.max(payload.len() as u64);
        self.most.message_len = self.most.message_len.max(message.sent.len() as u64);
        self.most.fragments = self.most.fragments.max(message.fragments);
        match (fin, message.kind) {
            (false, _) => self.message = Some(message),
            (true, MessageKind::Binary) => self.events.push(Event::Bytes(BytesMessage::new(message.sent))),
            (true, MessageKind::Text) => {
                let text = String::from_utf8(message.sent).unwrap_or_default();
                self.events.push(Event::Text(TextMessage::new(text)));
            }
        }
        Ok(())
    }

    /// No control frame, or a few.
    pub(super) fn controls(&mut self) -> Result<()> {
        while self.u.ratio(1, 3)? && !self.u.is_empty() {
            self.control()?;
        }
        Ok(())
    }

    /// A ping or a pong.
    pub(super) fn control(&mut self) -> Result<()> {
        let len = self.u.int_in_range(0..=FrameHeader::MAX_CONTROL_LEN)?;
        let payload = self.u.bytes(len.min(self.u.len()))?.to_vec();
        let is_ping = self.u.arbitrary()?;
        let opcode = if is_ping { Opcode::Ping } else { Opcode::Pong };
        self.frame(RawFrameHeader::new(opcode.bits(), payload.len() as u64), &payload)?;
        self.events.push(if is_ping { Event::Ping(Ping { payload }) } else { Event::Pong(Pong { payload }) });
        Ok(())
    }

    /// A close frame, without a code or with one that the sender may use.
    pub(super) fn close(&mut self) -> Result<()> {
        if self.u.ratio(1, 4)? {
            self.frame(RawFrameHeader::new(Opcode::Close.bits(), 0), &[])?;
            self.events.push(Event::Close(CloseConnection { code: None, reason: String::new() }));
            return Ok(());
        }
        let code = self.close_code()?;
        let reason = text(self.u)?;
        let payload = [&code.get().to_be_bytes(), reason.as_bytes()].concat();
        self.frame(RawFrameHeader::new(Opcode::Close.bits(), payload.len() as u64), &payload)?;
        self.events.push(Event::Close(CloseConnection { code: Some(code), reason }));
        Ok(())
    }

    /// A code that the sender may use (§7.4).
    pub(super) fn close_code(&mut self) -> Result<CloseCode> {
        let code: CloseCode = self.u.arbitrary()?;
        // A server only sends 1010 back (§7.4.1).
        let is_clients = code == CloseCode::MANDATORY_EXT && self.sender == Role::Server;
        Ok(if code.is_sendable() && !is_clients { code } else { CloseCode::NORMAL_CLOSURE })
    }

    /// The header of a frame that may come next, with FIN, and its payload. The writer does not record it.
    pub(super) fn next_frame(&mut self) -> Result<(RawFrameHeader, Vec<u8>)> {
        if self.u.arbitrary()? {
            let opcode = self.u.choose(&[Opcode::Ping, Opcode::Pong])?.bits();
            return Ok((RawFrameHeader::new(opcode, 0), Vec::new()));
        }
        let (opcode, payload) = self.next_data()?;
        Ok((RawFrameHeader::new(opcode, payload.len() as u64), payload))
    }

    /// The opcode and the payload of a data frame that may end the message in progress, or that is one.
    pub(super) fn next_data(&mut self) -> Result<(u8, Vec<u8>)> {
        match &self.message {
            Some(message) => Ok((message.opcode(), message.rest.clone())),
            None => {
                let kind = self.u.arbitrary()?;
                Ok((MessageKind::opcode(kind).bits(), content(kind, self.u)?))
            }
        }
    }

    /// Appends a frame, masked as the sender's role has to, and returns the place of its header and of its payload.
    pub(super) fn frame(&mut self, header: RawFrameHeader, payload: &[u8]) -> Result<(usize, usize)> {
        let key = if self.sender.masks() { Some(self.u.arbitrary()?) } else { None };
        Ok(self.frame_as_it_is(header.with_masking_key(key), payload))
    }

    /// The same, masked or not as the header says.
    pub(super) fn frame_as_it_is(&mut self, header: RawFrameHeader, payload: &[u8]) -> (usize, usize) {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&header.encode_frame(payload));
        (at, at.saturating_add(header.encode().as_bytes().len()))
    }
}

impl Message {
    /// The opcode of its next fragment.
    pub(super) const fn opcode(&self) -> u8 {
        match self.fragments {
            0 => self.kind.opcode().bits(),
            _ => Opcode::Continuation.bits(),
        }
    }
}

/// Places to cut `len` bytes at, in order: none, or a few.
pub(super) fn cuts(u: &mut Unstructured<'_>, len: usize) -> Result<Vec<usize>> {
    let mut cuts = Vec::new();
    for _ in 0..u.int_in_range(0..=4_u8)? {
        cuts.push(u.int_in_range(0..=len)?);
    }
    cuts.sort_unstable();
    Ok(cuts)
}

/// The content of a message: mostly short, now and then with a length of two or of eight bytes.
fn content(kind: MessageKind, u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let long = match u.arbitrary::<u8>()? {
        255 => u.int_in_range(0xFFF0..=0x1_0010)?,
        240..=254 => u.int_in_range(100..=300)?,
        _ => 0,
    };
    let mut content = alloc::vec![b'w'; long];
    match kind {
        MessageKind::Text => content.extend_from_slice(text(u)?.as_bytes()),
        MessageKind::Binary => {
            let len = u.int_in_range(0..=24_usize)?;
            content.extend_from_slice(u.bytes(len.min(u.len()))?);
        }
    }
    Ok(content)
}
