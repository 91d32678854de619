//! Received payloads, through the chain of extensions from the wire to the message (RFC 6455 §9).
//!
//! An extension keeps its output in its own buffer, and the next stage borrows it from there. So nothing is copied
//! between two extensions. An extension whose output is much longer than its input returns it in pieces: it is called
//! again only after its last output was used up.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::close_code::CloseCode;
use crate::error::{ExtensionError, RemoteProtocolError};
use crate::frame::{Ends, FrameHeader, Rsv};
use crate::opcode::Opcode;

use super::idle::Idle;

/// The receiving half of an extension in use: decodes the payloads of received frames (RFC 6455 §9).
///
/// See [`Extension`](super::Extension) for a complete extension. This half refuses empty frames:
///
/// ```
/// use wsproto::{CloseCode, Decoded, Ends, ExtensionError, FrameHeader, InboundExtension, RemoteProtocolError, Rsv};
///
/// const EMPTY: ExtensionError = ExtensionError::new(CloseCode::POLICY_VIOLATION, "frame is empty");
///
/// #[derive(Debug)]
/// struct NoEmptyFrames;
///
/// impl InboundExtension for NoEmptyFrames {
///     fn rsv(&self) -> Rsv {
///         Rsv::NONE
///     }
///     fn begin_frame(&mut self, header: &FrameHeader) -> Result<bool, RemoteProtocolError> {
///         match header.payload_len {
///             0 => Err(RemoteProtocolError::Extension(&EMPTY)),
///             _ => Ok(false), // the payload needs no decoding
///         }
///     }
///     fn decode(&mut self, payload: &[u8], _: Ends, _: usize) -> Result<Decoded, RemoteProtocolError> {
///         Ok(Decoded::new(payload.len(), true))
///     }
///     fn output(&self) -> &[u8] {
///         &[]
///     }
/// }
/// ```
pub trait InboundExtension: fmt::Debug + Send + Sync {
    /// The RSV bits that the first frame of a message may have.
    fn rsv(&self) -> Rsv;

    /// The RSV bits that the other frames of a message may have; none by default.
    fn continuation_rsv(&self) -> Rsv {
        Rsv::NONE
    }

    /// Whether it ignores messages whose first frame has no RSV bit.
    ///
    /// If so, it sees no frame of such a message, which is received as fast as without extensions.
    fn is_per_message(&self) -> bool {
        false
    }

    /// Checks and records the header of a data frame; returns whether its payload is to be [decoded](Self::decode).
    ///
    /// # Errors
    ///
    /// [`RemoteProtocolError::Extension`], with a code and a reason, if the frame breaks a rule of the extension.
    fn begin_frame(&mut self, header: &FrameHeader) -> Result<bool, RemoteProtocolError>;

    /// Decodes bytes from the front of `payload`, or continues with bytes that it has read and kept.
    ///
    /// The result is the new [`output`](Self::output); the output of the last call is used up. `end` says what ends
    /// with `payload`. Until the result is [done](Decoded::done), this is called again with the bytes that were not
    /// read, or with an empty payload if all were read.
    ///
    /// With more than `max_output` bytes of output, the message would be too long. If the extension stops there, the
    /// message fails at the same byte however the input is split; if it does not, a little later.
    ///
    /// A connection fails, with code 1011, if an extension makes no progress: if it has read nothing, has no output, and
    /// is not done. If other extensions decode its output, it may also not give too many pieces of it: in each message,
    /// 65,536 more than bytes of the payload were read.
    ///
    /// # Errors
    ///
    /// If the extension cannot have encoded such a payload. The output from before the error is still used.
    fn decode(
        &mut self,
        payload: &[u8],
        end: Ends,
        max_output: usize,
    ) -> Result<Decoded, RemoteProtocolError>;

    /// The output of the last call of [`decode`](Self::decode).
    fn output(&self) -> &[u8];

    /// Frees memory that is kept only for speed. It is called when no frame was [decoded](Self::decode) for a while.
    ///
    /// All of the output is used up. A message may still be in progress, between two of its frames.
    fn release_memory(&mut self) {}

    /// Frees all memory that it can do without until the next message, because the caller has asked for it with
    /// [`release_memory`](crate::Receiver::release_memory). By default, the same as [here](Self::release_memory).
    ///
    /// It may take time to build it again, and it changes nothing of what is decoded.
    fn release_all_memory(&mut self) {
        self.release_memory();
    }

    /// Records that there is no more input for now, between two messages. All of the output is used up.
    ///
    /// This is the time to give back what it shares with other connections.
    fn pause(&mut self) {}

    /// A copy that decodes exactly as this extension would; `None` by default, if the extension cannot be copied.
    ///
    /// [`Connection::try_clone`](crate::Connection::try_clone) uses it.
    fn try_clone(&self) -> Option<Box<dyn InboundExtension>> {
        None
    }
}

/// The result of [`InboundExtension::decode`]: how many bytes it has read, and whether it is done.
///
/// A frame's payload can be decoded in parts of any length (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decoded {
    /// How many bytes of the payload were read.
    pub read: usize,
    /// Whether all bytes were read, and the output is complete for them.
    pub done: bool,
}

impl Decoded {
    /// A result: the number of bytes that were read, and whether the extension is done.
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
    /// The length of the message in progress, as far as it is decoded.
    message_len: u64,
    pieces: Pieces,
    /// Counts calls with empty input since the last frame was decoded.
    idle: Idle,
    /// Whether they ignore messages whose first frame has no RSV bit.
    are_per_message: bool,
    course: Course,
}

/// What happens to the frame in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// The extensions ignore its message.
    IgnoresMessage,
    /// The extensions do not decode its payload.
    PassesFrame,
    /// The extensions decode its payload.
    DecodesFrame,
}

#[derive(Debug)]
struct Stage {
    extension: Box<dyn InboundExtension>,
    /// How many bytes of its output are used up.
    used: usize,
    state: StageState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StageState {
    /// It does not decode the frame in progress.
    Passing,
    /// More output may follow.
    Decoding,
    /// Its output is complete for the bytes that it was given.
    Done,
    /// It has failed; its output is from before the error.
    Failed(RemoteProtocolError),
}

impl InboundExtensions {
    /// The halves, from the order that was negotiated.
    pub(super) fn new(extensions: impl DoubleEndedIterator<Item = Box<dyn InboundExtension>>) -> Self {
        let stage = |extension| Stage { extension, used: 0, state: StageState::Passing };
        let stages: Vec<_> = extensions.rev().map(stage).collect();
        let are_per_message = stages.iter().all(|stage| stage.extension.is_per_message());
        let (idle, course) = (Idle::new(), Course::PassesFrame);
        Self { stages, message_len: 0, pieces: Pieces::NEW, idle, are_per_message, course }
    }

    /// A copy; `None` if one of them cannot be copied.
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
            self.pieces = Pieces::NEW;
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

    /// Decodes from the front of `payload` until there is output, and returns how many bytes were read.
    ///
    /// The message may grow by `room` bytes: one byte more shows that it is too long.
    pub(crate) fn decode(&mut self, payload: &[u8], end: Ends, room: u64) -> usize {
        if self.is_done() == Ok(true) {
            // They were done with the earlier bytes, and now there are more.
            for stage in self.stages.iter_mut().filter(|stage| stage.is_active()) {
                stage.state = StageState::Decoding;
            }
        }
        let max_output = usize::try_from(room.saturating_add(1)).unwrap_or(usize::MAX);
        fill(&mut self.stages, payload, end, max_output, &mut self.pieces)
    }

    /// Whether the output is complete for the payload so far. `Err` is the error that follows the output.
    pub(crate) fn is_done(&self) -> Result<bool, RemoteProtocolError> {
        match self.stages.iter().rfind(|stage| stage.is_active()).map(|stage| stage.state) {
            Some(StageState::Decoding) => Ok(false),
            Some(StageState::Failed(error)) => Err(error),
            Some(StageState::Passing | StageState::Done) | None => Ok(true),
        }
    }

    /// The output that is not [used up](Self::take) yet.
    pub(crate) fn output(&self) -> &[u8] {
        self.stages.iter().rfind(|stage| stage.is_active()).map(Stage::unused).unwrap_or_default()
    }

    /// Uses up `len` bytes of the output, and returns them.
    pub(crate) fn take(&mut self, len: usize) -> &[u8] {
        let Some(stage) = self.stages.iter_mut().rfind(|stage| stage.is_active()) else { return &[] };
        self.message_len = self.message_len.saturating_add(len as u64);
        let start = stage.used;
        stage.used = start.saturating_add(len);
        stage.extension.output().get(start..stage.used).unwrap_or_default()
    }

    /// The length of the message in progress: for decoded frames the output that was taken, for others the payload.
    pub(crate) const fn message_len(&self) -> u64 {
        self.message_len
    }

    /// Ends the frame in progress, when its last output is taken.
    pub(crate) const fn end_frame(&mut self) {
        self.course = Course::PassesFrame;
    }

    /// Counts a call with empty input between two messages.
    ///
    /// After some of them, memory that is kept only for speed is freed.
    pub(crate) fn rest(&mut self) {
        let is_idle = self.idle.count();
        if self.is_decoding() {
            return;
        }
        for stage in &mut self.stages {
            stage.extension.pause();
            if is_idle {
                stage.extension.release_memory();
            }
        }
    }

    /// Frees all memory that can be done without.
    pub(crate) fn release_memory(&mut self) {
        if !self.is_decoding() {
            self.stages.iter_mut().for_each(|stage| stage.extension.release_all_memory());
        }
    }
}

impl Stage {
    fn is_active(&self) -> bool {
        self.state != StageState::Passing
    }

    /// The output that is not used up.
    fn unused(&self) -> &[u8] {
        self.extension.output().get(self.used..).unwrap_or_default()
    }

    /// Decodes from the front of `payload`, and returns how many bytes were read.
    fn decode(&mut self, payload: &[u8], end: Ends, max_output: usize) -> usize {
        self.used = 0;
        match self.extension.decode(payload, end, max_output) {
            Ok(Decoded { read, done }) => {
                let read = read.min(payload.len());
                let has_read_all = read == payload.len();
                self.state = match done && has_read_all {
                    // No progress was made: this would loop for ever.
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

    /// Decodes the output that another stage has so far. Returns false if there is none.
    fn decode_from(&mut self, source: &mut Self, end: Ends, max_output: usize) -> bool {
        let input = source.unused();
        let (end, is_all) = match (source.state, input) {
            (StageState::Failed(error), []) => {
                // The output that this stage still holds is returned before the error.
                self.decode(&[], Ends::Nothing, max_output);
                self.state = match self.unused() {
                    [] => StageState::Failed(error),
                    _ => StageState::Decoding,
                };
                return true;
            }
            (StageState::Done, _) => (end, true),
            (_, []) => return false,
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

/// Lets the last stage decode until it has output or needs more input; returns how many bytes of `payload` were read.
fn fill(stages: &mut [Stage], payload: &[u8], end: Ends, max_output: usize, pieces: &mut Pieces) -> usize {
    let Some(place) = stages.iter().rposition(Stage::is_active) else { return 0 };
    let (before, rest) = stages.split_at_mut(place);
    let Some(stage) = rest.first_mut() else { return 0 };
    let mut read: usize = 0;
    while stage.unused().is_empty() && stage.state == StageState::Decoding {
        let unread = payload.get(read..).unwrap_or_default();
        let Some(source) = before.iter().rposition(Stage::is_active) else {
            let len = stage.decode(unread, end, max_output);
            pieces.left = pieces.left.saturating_add(len as u64);
            read = read.saturating_add(len);
            break;
        };
        if before.get(source).is_some_and(|source| source.unused().is_empty()) && pieces.take_one().is_none()
        {
            stage.state = StageState::Failed(NO_PROGRESS);
            break;
        }
        read = read.saturating_add(fill(before, unread, end, usize::MAX, pieces));
        let Some(source) = before.get_mut(source) else { break };
        if !stage.decode_from(source, end, max_output) {
            break;
        }
    }
    read
}

/// How many more pieces of output the stages of a message may pass on to others.
///
/// If one never ends, and the others give nothing, nothing else ends the message.
#[derive(Clone, Copy, Debug)]
struct Pieces {
    left: u64,
}

impl Pieces {
    /// For a new message; each byte of its payload that is read allows one more.
    const NEW: Self = Self { left: 1 << 16 };

    /// Takes one, if one is left.
    fn take_one(&mut self) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        Some(())
    }
}

/// The error of an extension that makes no progress.
const NO_PROGRESS: RemoteProtocolError = RemoteProtocolError::Extension(&ExtensionError::new(
    CloseCode::INTERNAL_ERROR,
    "extension makes no progress",
));
