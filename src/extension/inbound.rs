//! What is received: payloads through the chain of extensions, from the wire to the message (RFC 6455 §9).
//!
//! An extension keeps what it makes of a payload in a buffer of its own, and lends it. So nothing is copied
//! between two of them, and an extension that makes much of little hands it out piece by piece: it is not
//! asked for more before what it has given is used up.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::close_code::CloseCode;
use crate::error::{ExtensionError, RemoteProtocolError};
use crate::frame::{Ends, FrameHeader, Rsv};
use crate::opcode::Opcode;

use super::idle::Idle;

/// The receiving half of an extension that runs.
///
/// See [`Extension`](super::Extension) for how it comes to run.
pub trait InboundExtension: fmt::Debug + Send + Sync {
    /// The bits that the first frame of a message may bear.
    fn rsv(&self) -> Rsv;

    /// The bits that its other frames may bear; none, unless the extension says otherwise.
    fn continuation_rsv(&self) -> Rsv {
        Rsv::NONE
    }

    /// Whether it ignores messages whose first frame has no RSV bit.
    ///
    /// Then it sees no frame of such a message, and the message is received as fast as without extensions.
    fn is_per_message(&self) -> bool {
        false
    }

    /// Takes note of a data frame's header; tells whether its payload is to be [decoded](Self::decode).
    ///
    /// # Errors
    ///
    /// Where the frame breaks a rule of the extension: [`RemoteProtocolError::Extension`], with a code and a reason.
    fn begin_frame(&mut self, header: &FrameHeader) -> Result<bool, RemoteProtocolError>;

    /// Decodes from the front of `payload`, or goes on with what it has kept of it.
    ///
    /// What it makes of it is its [`output`](Self::output) then; that of the last call is used up. `end`
    /// tells what ends with `payload`. Until it is [done](Decoded::done), it is asked again, with what it
    /// has not read; where nothing is left to read, with nothing.
    ///
    /// More than `max_output` bytes of output would be too much for the message. An extension that stops there
    /// has the message fail at the same byte however it is cut; one that does not, a little later.
    ///
    /// # Errors
    ///
    /// Where the payload is none that the extension could have made. The output is still used, for what
    /// stood before the error.
    fn decode(
        &mut self,
        payload: &[u8],
        end: Ends,
        max_output: usize,
    ) -> Result<Decoded, RemoteProtocolError>;

    /// What the last call of [`decode`](Self::decode) made.
    fn output(&self) -> &[u8];

    /// Frees memory that only saves time, as no frame was [decoded](Self::decode) for a while.
    ///
    /// All of the output is used up. A message may still be in progress, between two of its frames.
    fn release_memory(&mut self) {}

    /// A copy that decodes what follows exactly as this one does; `None`, unless the extension can be copied.
    ///
    /// It serves [`Connection::try_clone`](crate::Connection::try_clone).
    fn try_clone(&self) -> Option<Box<dyn InboundExtension>> {
        None
    }
}

/// How far [`InboundExtension::decode`] has come, whatever the length of its data (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decoded {
    /// How many bytes of the payload it has read.
    pub read: usize,
    /// Whether it has read all, and its output holds all that it makes of it.
    pub done: bool,
}

impl Decoded {
    /// It has read this many bytes of the payload, and is done with all of it or not.
    ///
    /// ```
    /// use wsproto::Decoded;
    ///
    /// let decoded = Decoded::new(4096, false);
    /// assert_eq!((decoded.read, decoded.done), (4096, false)); // it is called again
    /// ```
    pub const fn new(read: usize, done: bool) -> Self {
        Self { read, done }
    }
}

/// The receiving halves of all extensions in use, the one nearest to the wire first.
#[derive(Debug)]
pub(crate) struct InboundExtensions {
    stages: Vec<Stage>,
    /// How long the message in progress is, as far as it is decoded.
    message_len: u64,
    /// Counts calls that found nothing to read, since they have decoded a frame.
    idle: Idle,
    /// Whether they ignore messages whose first frame has no RSV bit.
    are_per_message: bool,
    course: Course,
}

/// What becomes of the frame in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// The extensions ignore its message.
    IgnoresMessage,
    /// They leave its payload alone.
    PassesFrame,
    /// They decode its payload.
    DecodesFrame,
}

#[derive(Debug)]
struct Stage {
    extension: Box<dyn InboundExtension>,
    /// How much of its output is used up.
    used: usize,
    state: StageState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StageState {
    /// It lets the frame under way pass.
    Passing,
    /// It may have more to give than its output.
    Decoding,
    /// Its output is all that comes of what it was given.
    Done,
    /// Its output is all that came before the error.
    Failed(RemoteProtocolError),
}

impl InboundExtensions {
    /// The halves, in the order that was negotiated.
    pub(super) fn new(extensions: impl DoubleEndedIterator<Item = Box<dyn InboundExtension>>) -> Self {
        let stage = |extension| Stage { extension, used: 0, state: StageState::Passing };
        let stages: Vec<_> = extensions.rev().map(stage).collect();
        let are_per_message = stages.iter().all(|stage| stage.extension.is_per_message());
        let (idle, course) = (Idle::new(), Course::PassesFrame);
        Self { stages, message_len: 0, idle, are_per_message, course }
    }

    /// The same halves once more, if all of them can be copied.
    pub(crate) fn try_clone(&self) -> Option<Box<Self>> {
        let stages = self.stages.iter().map(|Stage { extension, used, state }| {
            Some(Stage { extension: extension.try_clone()?, used: *used, state: *state })
        });
        let (stages, idle) = (stages.collect::<Option<_>>()?, self.idle.clone());
        Some(Box::new(Self { stages, idle, ..*self }))
    }

    /// The RSV bits that they claim on the first frame of a message, and on its other frames.
    pub(crate) fn claimed(&self) -> (Rsv, Rsv) {
        self.stages.iter().fold((Rsv::NONE, Rsv::NONE), |(first, continuation), stage| {
            (first | stage.extension.rsv(), continuation | stage.extension.continuation_rsv())
        })
    }

    /// Whether they ignore messages whose first frame has no RSV bit.
    pub(crate) const fn are_per_message(&self) -> bool {
        self.are_per_message
    }

    /// Records that a data frame begins.
    pub(crate) fn begin_frame(&mut self, header: &FrameHeader) -> Result<(), RemoteProtocolError> {
        let is_first = header.opcode != Opcode::Continuation;
        let ignores = match is_first {
            true => self.are_per_message && header.rsv.is_empty(),
            false => self.course == Course::IgnoresMessage,
        };
        if ignores {
            self.course = Course::IgnoresMessage;
            return Ok(());
        }
        for stage in &mut self.stages {
            stage.used = stage.extension.output().len();
            let is_decoded = stage.extension.begin_frame(header)?;
            stage.state = if is_decoded { StageState::Decoding } else { StageState::Passing };
        }
        if is_first {
            self.message_len = 0;
        }
        if self.stages.iter().any(Stage::is_active) {
            self.course = Course::DecodesFrame;
            self.idle.end();
        } else {
            self.course = Course::PassesFrame;
            self.message_len = self.message_len.saturating_add(header.payload_len);
        }
        Ok(())
    }

    /// Whether they decode the payload of the frame in progress.
    #[inline]
    pub(crate) fn is_decoding(&self) -> bool {
        self.course == Course::DecodesFrame
    }

    /// Decodes on, from the front of `payload`, until there is output, and returns how much it has read.
    ///
    /// The message has room for `room` bytes: one byte more is enough to know that it is too long.
    pub(crate) fn decode(&mut self, payload: &[u8], end: Ends, room: u64) -> usize {
        if self.is_done() == Ok(true) {
            // They were, with what had come before.
            for stage in self.stages.iter_mut().filter(|stage| stage.is_active()) {
                stage.state = StageState::Decoding;
            }
        }
        let max_output = usize::try_from(room.saturating_add(1)).unwrap_or(usize::MAX);
        fill(&mut self.stages, payload, end, max_output)
    }

    /// Whether the output is all that comes of the payload so far, or else how it failed after it.
    pub(crate) fn is_done(&self) -> Result<bool, RemoteProtocolError> {
        match self.stages.iter().rfind(|stage| stage.is_active()).map(|stage| stage.state) {
            Some(StageState::Decoding) => Ok(false),
            Some(StageState::Failed(error)) => Err(error),
            Some(StageState::Passing | StageState::Done) | None => Ok(true),
        }
    }

    /// What is decoded and not [used up](Self::take) yet.
    pub(crate) fn output(&self) -> &[u8] {
        self.stages.iter().rfind(|stage| stage.is_active()).map(Stage::unused).unwrap_or_default()
    }

    /// Uses up `len` bytes of the output, and lends them.
    pub(crate) fn take(&mut self, len: usize) -> &[u8] {
        let Some(stage) = self.stages.iter_mut().rfind(|stage| stage.is_active()) else { return &[] };
        self.message_len = self.message_len.saturating_add(len as u64);
        let start = stage.used;
        stage.used = start.saturating_add(len);
        stage.extension.output().get(start..stage.used).unwrap_or_default()
    }

    /// How long the message in progress is: of decoded frames what was taken, of others all.
    pub(crate) const fn message_len(&self) -> u64 {
        self.message_len
    }

    /// Ends the frame in progress, as everything of it is being taken.
    pub(crate) const fn end_frame(&mut self) {
        self.course = Course::PassesFrame;
    }

    /// Counts a call that found nothing to read, between two messages.
    ///
    /// After some of them, memory that only saves time is freed.
    pub(crate) fn rest(&mut self) {
        if self.idle.count() {
            self.release_memory();
        }
    }

    /// Frees memory that only saves time.
    pub(crate) fn release_memory(&mut self) {
        if !self.is_decoding() {
            self.stages.iter_mut().for_each(|stage| stage.extension.release_memory());
        }
    }
}

impl Stage {
    fn is_active(&self) -> bool {
        self.state != StageState::Passing
    }

    /// The output that nobody has used.
    fn unused(&self) -> &[u8] {
        self.extension.output().get(self.used..).unwrap_or_default()
    }

    /// Decodes from the front of `payload`, and returns how much it has read.
    fn decode(&mut self, payload: &[u8], end: Ends, max_output: usize) -> usize {
        self.used = 0;
        match self.extension.decode(payload, end, max_output) {
            Ok(Decoded { read, done }) => {
                let read = read.min(payload.len());
                let has_read_all = read == payload.len();
                self.state = match done && has_read_all {
                    // It would be asked the same for ever.
                    false if read == 0 && self.extension.output().is_empty() => {
                        StageState::Failed(NO_PROGRESS)
                    }
                    false => StageState::Decoding,
                    true => StageState::Done,
                };
                read
            }
            Err(error) => {
                self.state = StageState::Failed(error);
                payload.len()
            }
        }
    }

    /// Decodes what another stage has made, as far as it has come; false if there is nothing.
    fn decode_from(&mut self, source: &mut Self, end: Ends, max_output: usize) -> bool {
        let input = source.unused();
        let (end, is_all) = match source.state {
            StageState::Failed(error) if input.is_empty() => {
                // What it still holds comes before the failure.
                self.decode(&[], Ends::Nothing, max_output);
                self.state = match self.unused() {
                    [] => StageState::Failed(error),
                    _ => StageState::Decoding,
                };
                return true;
            }
            StageState::Done => (end, true),
            _ if input.is_empty() => return false,
            _ => (Ends::Nothing, false),
        };
        let read = self.decode(input, end, max_output);
        source.used = source.used.saturating_add(read);
        if self.state == StageState::Done && !(is_all && source.unused().is_empty()) {
            self.state = StageState::Decoding;
        }
        true
    }
}

/// Has the last stage decode until it has output, or nothing more comes; tells how much of `payload` was read.
fn fill(stages: &mut [Stage], payload: &[u8], end: Ends, max_output: usize) -> usize {
    let Some(place) = stages.iter().rposition(Stage::is_active) else { return 0 };
    let (before, rest) = stages.split_at_mut(place);
    let Some(stage) = rest.first_mut() else { return 0 };
    let mut read: usize = 0;
    while stage.unused().is_empty() && stage.state == StageState::Decoding {
        let unread = payload.get(read..).unwrap_or_default();
        let Some(source) = before.iter().rposition(Stage::is_active) else {
            read = read.saturating_add(stage.decode(unread, end, max_output));
            break;
        };
        read = read.saturating_add(fill(before, unread, end, usize::MAX));
        let Some(source) = before.get_mut(source) else { break };
        if !stage.decode_from(source, end, max_output) {
            break;
        }
    }
    read
}

/// An extension has read nothing and made nothing, and is not done.
const NO_PROGRESS: RemoteProtocolError = RemoteProtocolError::Extension(&ExtensionError::new(
    CloseCode::INTERNAL_ERROR,
    "extension makes no progress",
));
