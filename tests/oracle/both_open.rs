//! An example for each divergence in open connections: what this crate shows, then what Python shows.

use crate::both::{
    bytes, check, client, close, frame, refused, reported, said, sent, server, silent, started, text,
};
use crate::divergence::Divergence;
#[cfg(feature = "deflate")]
use crate::frames::FINAL_HELLO;
use crate::frames::{CLOSE, FIN, PING, TEXT};
use crate::hex::Hex;
#[cfg(feature = "deflate")]
use crate::script::Piece;
use crate::script::{Said, Script, State, Step};

fn closed(code: impl Into<Option<u16>>) -> Said {
    Said::Close { code: code.into(), reason: String::new() }
}

fn failure(code: u16) -> Said {
    Said::Failure { code, why: String::new() }
}

#[test]
fn a_close_without_a_code_has_none() {
    check(
        Divergence::NoCodeIsNone,
        client([frame(CLOSE, b""), Step::Drain]),
        reported([closed(None)], State::RemoteClosing),
        reported([closed(1005)], State::RemoteClosing),
    );
}

#[test]
fn the_transports_end_is_reported_after_earlier_data() {
    check(
        Divergence::EndInTurn,
        client([frame(FIN | TEXT, b"last"), Step::Eof]),
        reported([said("last"), Said::End], State::Closed),
        reported([Said::End, said("last")], State::Closed),
    );
}

#[test]
fn the_transports_end_does_not_replace_an_earlier_close() {
    check(
        Divergence::EndInTurn,
        client([frame(CLOSE, b""), Step::Eof]),
        reported([closed(None)], State::RemoteClosing),
        reported([Said::End, closed(1005)], State::RemoteClosing),
    );
}

#[test]
fn a_close_received_before_the_end_can_be_answered() {
    check(
        Divergence::AnswerAfterEnd,
        client([frame(CLOSE, [3, 232]), Step::Drain, Step::Eof]),
        silent(State::RemoteClosing),
        reported([Said::End], State::Closed),
    );
}

#[test]
fn the_end_of_a_closed_connection_is_not_an_event() {
    check(
        Divergence::OneEnd,
        client([close(1000), frame(CLOSE, [3, 232]), Step::Drain, Step::Eof]),
        silent(State::Closed),
        reported([Said::End], State::Closed),
    );
}

#[test]
fn text_before_a_wrong_byte_is_delivered() {
    check(
        Divergence::DataBeforeFailure,
        client([frame(FIN | TEXT, b"right\xFFwrong"), Step::Drain]),
        reported([started("right"), failure(1007)], State::RemoteClosing),
        reported([failure(1007)], State::Open),
    );
}

#[test]
fn a_failure_does_not_wait_for_the_rest_of_the_frame() {
    for (start, code) in [(&b"\x83"[..], 1002), (b"\x88\x05\x03\xED", 1002), (b"\x88\x09\x03\xE8\xFF", 1007)]
    {
        check(
            Divergence::FailureAtOnce,
            client([bytes(start), Step::Drain]),
            reported([failure(code)], State::RemoteClosing),
            silent(State::Open),
        );
    }
}

#[test]
fn limits_are_checked() {
    let long = "long".repeat(40);
    check(
        Divergence::Limits,
        Script { tight: true, ..client([frame(FIN | TEXT, &long), Step::Drain]) },
        reported([failure(1009)], State::RemoteClosing),
        reported([said(&long)], State::Open),
    );
}

#[test]
fn bad_gateway_is_received() {
    check(
        Divergence::BadGateway,
        client([frame(CLOSE, 1014_u16.to_be_bytes()), Step::Drain]),
        reported([closed(1014)], State::RemoteClosing),
        reported([failure(1002)], State::Open),
    );
}

#[test]
fn no_message_starts_after_a_failure() {
    check(
        Divergence::FailureIsFinal,
        client([frame(0x83, b""), Step::Drain, text("more", true)]),
        refused(State::RemoteClosing),
        sent(b"\x81\x84\x37\xFA\x21\x3D\x5A\x95\x53\x58", State::Open),
    );
}

#[test]
fn a_late_pong_is_dropped() {
    check(
        Divergence::LateAnswer,
        client([frame(PING, b"?"), Step::Drain, close(1000), Step::AnswerPing]),
        sent(b"", State::LocalClosing),
        refused(State::LocalClosing),
    );
}

#[test]
fn a_second_answer_to_a_close_is_dropped() {
    check(
        Divergence::LateAnswer,
        client([frame(CLOSE, b""), Step::Drain, Step::AnswerClose, Step::AnswerClose]),
        sent(b"", State::Closed),
        refused(State::Closed),
    );
}

#[test]
fn a_message_in_progress_is_finished_after_the_peer_has_closed() {
    check(
        Divergence::FinishedMessage,
        server([text("be", false), bytes(CLOSE_TO_SERVER), Step::Drain, text("gun", true)]),
        sent(b"\x80\x03gun", State::RemoteClosing),
        refused(State::RemoteClosing),
    );
}

#[test]
fn pings_are_sent_and_answered_after_the_peer_has_closed() {
    let closes = [bytes(PING_TO_SERVER), bytes(CLOSE_TO_SERVER), Step::Drain];
    for (step, out) in [(Step::SendPing(Hex::default()), b"\x89\x00"), (Step::AnswerPing, b"\x8A\x00")] {
        let [ping, close, drain] = closes.clone();
        check(
            Divergence::PingAfterClose,
            server([ping, close, drain, step]),
            sent(out, State::RemoteClosing),
            refused(State::RemoteClosing),
        );
    }
}

#[test]
fn codes_that_must_not_be_sent_are_refused() {
    let in_python = [
        (0, b"\x88\x02\x00\x00"),
        (1004, b"\x88\x02\x03\xEC"),
        (1005, b"\x88\x02\x03\xE8"),
        (1006, b"\x88\x02\x03\xE8"),
        (1010, b"\x88\x02\x03\xF2"),
        (1015, b"\x88\x02\x03\xE8"),
        (5000, b"\x88\x02\x13\x88"),
    ];
    for (code, out) in in_python {
        check(
            Divergence::CheckedCode,
            server([close(code)]),
            refused(State::Open),
            sent(out, State::LocalClosing),
        );
    }
}

#[test]
fn data_received_after_both_have_closed_is_dropped() {
    check(
        Divergence::LateData,
        client([close(1000), frame(CLOSE, b""), Step::Drain, bytes(b"more")]),
        silent(State::Closed),
        refused(State::Closed),
    );
}

#[test]
fn the_answer_to_a_failure_has_the_same_code_and_another_reason() {
    check(
        Divergence::OwnWords,
        server([bytes(b"\x83\x80\0\0\0\0"), Step::Drain, Step::AnswerClose]),
        sent(b"\x88\x14\x03\xEAopcode is reserved", State::Closed),
        sent(b"\x88\x14\x03\xEAInvalid opcode 0x3", State::LocalClosing),
    );
}

#[cfg(feature = "deflate")]
fn compressed<const N: usize>(steps: [Step; N]) -> Script {
    Script { deflate: Some("permessage-deflate".into()), ..client(steps) }
}

/// A piece of a text that is the end of its frame.
#[cfg(feature = "deflate")]
fn finished(data: &str, message_finished: bool) -> Said {
    Said::Text(Piece { data: data.into(), frame_finished: true, message_finished })
}

#[cfg(feature = "deflate")]
#[test]
fn compressed_data_that_ends_inside_a_block_fails() {
    // "Hello" (RFC 7692 §7.2.3.1), without its end.
    check(
        Divergence::CutDeflate,
        compressed([frame(0xC1, b"\xF2\x48\xCD\xC9"), Step::Drain]),
        reported([started("Hel"), failure(1007)], State::RemoteClosing),
        reported([said("Helh")], State::Open),
    );
}

#[cfg(feature = "deflate")]
#[test]
fn a_fragment_out_of_order_fails_before_it_is_inflated() {
    check(
        Divergence::OrderBeforeData,
        compressed([frame(0x41, HELLO), Step::Drain, frame(0xC1, [0xFF; 9]), Step::Drain]),
        reported([failure(1002)], State::RemoteClosing),
        reported([failure(1007)], State::Open),
    );
}

#[cfg(feature = "deflate")]
#[test]
fn messages_continue_after_a_final_block() {
    let hello = frame(0xC1, FINAL_HELLO);
    check(
        Divergence::FinalBlock,
        compressed([hello.clone(), Step::Drain, hello, Step::Drain]),
        reported([said("Hello")], State::Open),
        reported([failure(1007)], State::Open),
    );
}

#[cfg(feature = "deflate")]
#[test]
fn messages_continue_after_an_empty_compressed_message() {
    check(
        Divergence::EmptyCompressed,
        compressed([frame(0xC1, b""), Step::Drain, frame(0xC1, HELLO), Step::Drain]),
        reported([said("Hello")], State::Open),
        reported([failure(1007)], State::Open),
    );
}

#[cfg(feature = "deflate")]
#[test]
fn a_ping_between_compressed_fragments_changes_nothing() {
    // "Hello" in two fragments (RFC 7692 §7.2.3.1).
    let mut steps =
        compressed([frame(0x41, b"\xF2\x48\xCD"), frame(PING, b""), frame(0x80, b"\xC9\xC9\x07\x00")]);
    steps.steps.push(Step::Drain);
    check(
        Divergence::PingInCompressed,
        steps,
        reported([finished("He", false), Said::Ping(Hex::default()), finished("llo", true)], State::Open),
        reported([finished("He", false), Said::Ping(Hex::default()), failure(1007)], State::Open),
    );
}

/// "Hello", compressed (RFC 7692 §7.2.3.1).
#[cfg(feature = "deflate")]
const HELLO: &[u8] = b"\xF2\x48\xCD\xC9\xC9\x07\x00";

/// Empty frames, masked by zeros.
const CLOSE_TO_SERVER: &[u8] = b"\x88\x80\0\0\0\0";
const PING_TO_SERVER: &[u8] = b"\x89\x80\0\0\0\0";
