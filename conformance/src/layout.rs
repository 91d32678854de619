//! Where the frames of an input begin and end, without regard to what is allowed.

use crate::frame::{self, Header};

/// The frames of an input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Each frame whose header is complete: where the header begins, where the payload begins, and where it ends (the end
    /// of the input, if it is cut short).
    pub(crate) frames: Vec<[usize; 3]>,
    pub(crate) end: InputEnd,
}

/// Where the input ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum InputEnd {
    /// Between messages.
    #[default]
    BetweenMessages,
    /// Between the frames of a message.
    InMessage,
    /// Within a frame.
    InFrame,
}

impl Layout {
    pub(crate) fn of(input: &[u8]) -> Self {
        let mut layout = Self::default();
        let mut at = 0_usize;
        while let Some(rest) = input.get(at..).filter(|rest| !rest.is_empty()) {
            let Some(header) = Header::read(rest) else {
                layout.end = InputEnd::InFrame;
                return layout;
            };
            let payload = at.saturating_add(header.len);
            let end = usize::try_from(header.payload_len).ok().and_then(|len| payload.checked_add(len));
            match end.filter(|end| *end <= input.len()) {
                Some(end) => {
                    layout.frames.push([at, payload, end]);
                    at = end;
                }
                None => {
                    layout.frames.push([at, payload, input.len()]);
                    layout.end = InputEnd::InFrame;
                    return layout;
                }
            }
            match (header.opcode, header.fin) {
                (frame::CONTINUATION..=0x7, true) => layout.end = InputEnd::BetweenMessages,
                (frame::CONTINUATION..=0x7, false) => layout.end = InputEnd::InMessage,
                _ => {}
            }
        }
        layout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_by_their_lengths() {
        let layout = Layout::of(b"\x01\x01a\x89\x00\x80\x02bc");
        assert_eq!(layout.frames, [[0, 2, 3], [3, 5, 5], [5, 7, 9]]);
        assert_eq!(layout.end, InputEnd::BetweenMessages);
    }

    #[test]
    fn input_may_end_in_a_message_or_in_a_frame() {
        assert_eq!(Layout::of(b"\x01\x01a\x89\x00").end, InputEnd::InMessage);
        assert_eq!(Layout::of(b"\x01\x01a\x89").end, InputEnd::InFrame);
        let layout = Layout::of(b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xffabc");
        assert_eq!((layout.frames.as_slice(), layout.end), ([[0, 10, 13]].as_slice(), InputEnd::InFrame));
    }
}
