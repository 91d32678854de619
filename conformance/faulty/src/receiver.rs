//! Receiving: bytes from the peer to events, or to a failure (RFC 6455 §5, §6.2, §8.1; RFC 7692 §7.2.2).

use crate::deflate::Inflater;
use crate::fault::{Fault, Faults};
use crate::frame::{self, BINARY, CLOSE, CONTINUATION, Header, PING, PONG, TEXT};
use crate::rules::{self, Context, Event, Failure, RSV1, Role, TOO_BIG, protocol};
use crate::utf8::{NotUtf8, Utf8};

/// The receiving half of a connection.
#[derive(Debug)]
pub(crate) struct Receiver {
    role: Role,
    faults: Faults,
    inflater: Option<Inflater>,
    max_message: u64,
    state: State,
    message: Option<Message>,
    /// The type of the message before: for one of the faults.
    last_is_text: Option<bool>,
    /// Memory that two of the faults never free.
    kept: Vec<Vec<u8>>,
    mask_offset: u64,
}

#[derive(Debug)]
enum State {
    /// Collecting a header.
    Header(Vec<u8>),
    /// Passing a payload through; `done` bytes of it were read.
    Payload { header: Header, done: u64, control: Vec<u8> },
    /// The peer's close frame was received: nothing after it counts (§5.5.1).
    Closed,
}

/// A message in progress.
#[derive(Debug)]
struct Message {
    is_text: bool,
    is_compressed: bool,
    payload: Vec<u8>,
    utf8: Utf8,
    /// How many bytes of it were received, before decompression.
    received: u64,
}

impl Receiver {
    pub(crate) fn new(role: Role, inflater: Option<Inflater>, max_message: u64, faults: Faults) -> Self {
        Self {
            role,
            faults,
            inflater,
            max_message,
            state: State::Header(Vec::new()),
            message: None,
            last_is_text: None,
            kept: Vec::new(),
            mask_offset: 0,
        }
    }

    /// Whether a message is in progress.
    pub(crate) fn is_in_message(&self) -> bool {
        self.message.is_some()
    }

    /// Reads more bytes; adds the events that are complete. `Failed` is the last.
    pub(crate) fn push(&mut self, mut input: &[u8], events: &mut Vec<Event>) {
        while let Some((&byte, rest)) = input.split_first() {
            // A failure leaves the receiver closed: nothing after it is processed (§7.1.7).
            let next = match std::mem::replace(&mut self.state, State::Closed) {
                State::Closed => return,
                State::Header(mut bytes) => {
                    bytes.push(byte);
                    input = rest;
                    self.header(bytes, events)
                }
                State::Payload { header, done, control } => {
                    let len = usize::try_from(header.len.saturating_sub(done)).unwrap_or(usize::MAX);
                    let (piece, rest) = input.split_at(len.min(input.len()));
                    input = rest;
                    self.payload(header, done, piece, control, events)
                }
            };
            match next {
                Ok(state) => self.state = state,
                Err(failure) => {
                    events.push(Event::Failed(failure));
                    if self.faults.has(Fault::ReadsAfterFailure) {
                        self.state = State::Header(Vec::new());
                        self.message = None;
                    }
                }
            }
        }
    }

    fn payload(
        &mut self,
        header: Header,
        done: u64,
        piece: &[u8],
        mut control: Vec<u8>,
        events: &mut Vec<Event>,
    ) -> Result<State, Failure> {
        self.piece(&header, done, piece, &mut control)?;
        let done = done.saturating_add(length(piece));
        if done == header.len {
            return self.end_frame(&header, control, events);
        }
        Ok(State::Payload { header, done, control })
    }

    fn header(&mut self, bytes: Vec<u8>, events: &mut Vec<Event>) -> Result<State, Failure> {
        if let Some(first) = Header::first(&bytes) {
            let context = Context {
                role: self.role,
                has_deflate: self.inflater.is_some(),
                is_in_message: self.message.is_some(),
            };
            rules::check_first(&first, &context, self.faults)?;
        }
        let Some(header) = Header::decode(&bytes, self.faults) else { return Ok(State::Header(bytes)) };
        self.check_len(&header)?;
        self.start_frame(&header);
        if header.len == 0 {
            return self.end_frame(&header, Vec::new(), events);
        }
        Ok(State::Payload { header, done: 0, control: Vec::new() })
    }

    /// Checks the length of a whole header.
    fn check_len(&mut self, header: &Header) -> Result<(), Failure> {
        let faults = self.faults;
        rules::check_form(header, faults)?;
        if faults.has(Fault::AllocatesDeclaredLength) {
            self.kept.push(vec![1; usize::try_from(header.len.min(128 << 20)).unwrap_or_default()]);
        }
        if header.opcode >= CLOSE {
            return Ok(());
        }
        // The length of compressed data says nothing about the length of the message.
        let is_compressed = match &self.message {
            Some(message) => message.is_compressed,
            None => header.rsv & RSV1 != 0,
        };
        let before = match &self.message {
            Some(message) if !faults.has(Fault::LimitsFramesOnly) => message.received,
            _ => 0,
        };
        if !is_compressed || faults.has(Fault::LimitsBeforeDecompression) {
            self.check_limit(before.saturating_add(header.len))?;
        }
        Ok(())
    }

    fn check_limit(&self, len: u64) -> Result<(), Failure> {
        let limit = match self.faults {
            faults if faults.has(Fault::HasNoLimit) => u64::MAX,
            faults if faults.has(Fault::AcceptsOneByteTooMany) => self.max_message.saturating_add(1),
            faults if faults.has(Fault::RefusesMessageAtLimit) => self.max_message.saturating_sub(1),
            _ => self.max_message,
        };
        if len > limit { Err(TOO_BIG) } else { Ok(()) }
    }

    fn start_frame(&mut self, header: &Header) {
        if !self.faults.has(Fault::ContinuesMaskOverFrames) {
            self.mask_offset = 0;
        }
        if header.opcode >= CLOSE {
            if self.faults.has(Fault::KeepsEveryPing) {
                self.kept.push(vec![1; 128 << 10]);
            }
            return;
        }
        if self.faults.has(Fault::KeepsEveryFragment) {
            self.kept.push(vec![1; 16 << 10]);
        }
        if !matches!(header.opcode, TEXT | BINARY | CONTINUATION) {
            return;
        }
        let is_text = match self.last_is_text {
            Some(is_text) if self.faults.has(Fault::KeepsTypeOfFirstMessage) => is_text,
            _ => header.opcode == TEXT,
        };
        let is_compressed = self.inflater.is_some() && header.rsv & RSV1 != 0;
        let message = self.message.get_or_insert_with(|| Message {
            is_text,
            is_compressed,
            payload: Vec::new(),
            utf8: Utf8::new(),
            received: 0,
        });
        if self.faults.has(Fault::ForgetsCompressionAtContinuation) && header.opcode == CONTINUATION {
            message.is_compressed = false;
        }
    }

    /// Takes a part of a payload that starts at an offset of it.
    fn piece(
        &mut self,
        header: &Header,
        at: u64,
        piece: &[u8],
        control: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let mut bytes = piece.to_vec();
        if let Some(key) = header.key {
            let offset = match self.faults {
                faults if faults.has(Fault::ForgetsMaskOffset) => 0,
                faults if faults.has(Fault::ContinuesMaskOverFrames) => self.mask_offset,
                _ => at,
            };
            self.mask_offset = self.mask_offset.wrapping_add(length(piece));
            frame::mask(&mut bytes, key, offset, self.faults);
        }
        if header.opcode >= CLOSE {
            control.extend_from_slice(&bytes);
            return Ok(());
        }
        if !matches!(header.opcode, TEXT | BINARY | CONTINUATION) {
            return Ok(());
        }
        let Some(mut message) = self.message.take() else { return Ok(()) };
        message.received = message.received.saturating_add(length(&bytes));
        match &mut self.inflater {
            _ if !message.is_compressed => self.append(&mut message, &bytes)?,
            Some(_) if self.faults.has(Fault::ChecksTextBeforeDecompression) && message.is_text => {
                message.utf8.push(&bytes, self.faults)?;
                self.inflate(&mut message, Some(&bytes))?;
            }
            _ => self.inflate(&mut message, Some(&bytes))?,
        }
        self.message = Some(message);
        Ok(())
    }

    /// Decompresses a part of a message, or the end of it.
    fn inflate(&mut self, message: &mut Message, input: Option<&[u8]>) -> Result<(), Failure> {
        let Some(mut inflater) = self.inflater.take() else { return Ok(()) };
        let mut take = |output: &[u8]| self.append(message, output);
        match input {
            Some(input) => inflater.inflate(input, &mut take)?,
            None => inflater.finish(&mut take)?,
        }
        self.inflater = Some(inflater);
        Ok(())
    }

    fn append(&self, message: &mut Message, bytes: &[u8]) -> Result<(), Failure> {
        let faults = self.faults;
        let is_unlimited = faults.has(Fault::LimitsFramesOnly)
            || (message.is_compressed && faults.has(Fault::LimitsBeforeDecompression));
        if !is_unlimited {
            self.check_limit(length(&message.payload).saturating_add(length(bytes)))?;
        }
        let is_skipped = message.is_compressed
            && (faults.has(Fault::SkipsCheckOfCompressedText)
                || faults.has(Fault::ChecksTextBeforeDecompression));
        if (message.is_text && !is_skipped) || faults.has(Fault::ChecksBinaryAsText) {
            message.utf8.push(bytes, faults)?;
            if faults.has(Fault::ChecksEachReadAlone) && !message.utf8.is_complete() {
                return Err(NotUtf8.into());
            }
        }
        message.payload.extend_from_slice(bytes);
        Ok(())
    }

    fn end_frame(
        &mut self,
        header: &Header,
        control: Vec<u8>,
        events: &mut Vec<Event>,
    ) -> Result<State, Failure> {
        match header.opcode {
            CLOSE => {
                events.push(rules::close(&control, self.faults)?);
                if self.faults.has(Fault::ReadsAfterClose) {
                    return Ok(State::Header(Vec::new()));
                }
                return Ok(State::Closed);
            }
            PING => events.push(Event::Ping(control)),
            PONG => events.push(Event::Pong(control)),
            TEXT | BINARY | CONTINUATION => self.end_data_frame(header, events)?,
            _ => {}
        }
        Ok(State::Header(Vec::new()))
    }

    fn end_data_frame(&mut self, header: &Header, events: &mut Vec<Event>) -> Result<(), Failure> {
        let Some(mut message) = self.message.take() else { return Ok(()) };
        if message.is_text && self.faults.has(Fault::ChecksEachFrameAlone) && !message.utf8.is_complete() {
            return Err(NotUtf8.into());
        }
        if message.is_text && self.faults.has(Fault::RestartsCheckAtFrame) {
            message.utf8 = Utf8::new();
        }
        if !header.fin {
            if message.is_compressed && self.faults.has(Fault::EndsCompressionAtEachFrame) {
                self.inflate(&mut message, None)?;
            }
            if header.len == 0 && self.faults.has(Fault::RefusesEmptyFragment) {
                return Err(protocol("an empty fragment"));
            }
            self.message = Some(message);
            return Ok(());
        }
        if message.is_compressed {
            self.inflate(&mut message, None)?;
        } else if self.inflater.is_some() && self.faults.has(Fault::RefusesUncompressedMessage) {
            return Err(protocol("a message that is not compressed"));
        }
        if message.is_text && !message.utf8.is_complete() && !self.faults.has(Fault::AcceptsTruncatedText) {
            return Err(NotUtf8.into());
        }
        if self.faults.has(Fault::RemovesByteOrderMark) && message.payload.starts_with("\u{FEFF}".as_bytes())
        {
            message.payload.drain(..3);
        }
        self.last_is_text = self.last_is_text.or(Some(message.is_text));
        events.push(Event::Message { is_text: message.is_text, payload: message.payload });
        Ok(())
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
