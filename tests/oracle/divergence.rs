//! The named divergences: where this crate behaves differently from Python's wsproto, and why.
//!
//! Nothing else may differ. Each rule is as narrow as possible. It changes what Python showed into what this crate
//! should show. `both_open` and `both_handshake` have an example of each.

mod handshake;
mod open;

use crate::compare::Case;

pub(crate) use open::{is_of_extension, is_unknown_code};

/// A difference, and the reason for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Divergence {
    // In the open connection.
    /// The code of a close frame without one is `None` and not 1005, so that sending 1005 can be refused.
    NoCodeIsNone,
    /// The transport's end is reported after the data received before it; Python reports it first.
    EndInTurn,
    /// The transport's end is reported once, and only if no close frame and no failure came before it.
    OneEnd,
    /// Data before a wrong byte is delivered, even if both are in the same read.
    DataBeforeFailure,
    /// A failure is reported at the first byte that proves it; Python waits for more of the frame, though it can only fail
    /// then.
    FailureAtOnce,
    /// Frames, messages and fragments have limits.
    Limits,
    /// 1014 is in the registry, and may be sent.
    BadGateway,
    /// A failure is final: it counts as the peer's close, and no new message starts.
    FailureIsFinal,
    /// A reply that comes too late is dropped; it is not an error.
    LateAnswer,
    /// A message in progress may be finished after the peer has closed (RFC 6455 §5.5.1).
    FinishedMessage,
    /// Pings and pongs may be sent until our close frame was sent (§5.5.1 forbids them only after it).
    PingAfterClose,
    /// Codes that must not be sent are refused; Python sends them, or sends 1000 instead.
    CheckedCode,
    /// Data received after both have closed is dropped; it is not an error of the user.
    LateData,
    /// The close frame for a failure has a reason with a different text.
    OwnWords,
    /// A close frame or a failure can be answered after the transport has ended in the peer's direction, and the state
    /// says so; Python's is closed.
    AnswerAfterEnd,
    /// Compressed data that ends inside a block is a failure (RFC 7692 §7.2.2); Python delivers what it could inflate.
    CutDeflate,
    /// A control frame between compressed fragments changes nothing; Python reads the fragments after it as plain.
    PingInCompressed,
    /// A fragment out of order fails for that reason; Python inflates it first, and fails because of its content.
    OrderBeforeData,
    /// After a final block, messages continue (RFC 7692 §7.2.3.4); Python inflates nothing more.
    FinalBlock,
    /// A compressed message of zero bytes is empty; Python's decompressor is out of sync after it.
    EmptyCompressed,
    // In the handshake.
    /// The state changes when the caller takes the event, as in the open connection; in Python, when its bytes arrive.
    StateWhenTaken,
    /// Events have all headers with unchanged names; Python omits some, and makes names lower case.
    AllHeaders,
    /// A refusal has the matching status: 405, 426, 431, 505; Python's is always 400 or 426.
    FittingStatus,
    /// A failure is final in the handshake too; Python continues.
    HandshakeFailureIsFinal,
    /// Values that are not ASCII are kept or refused; Python raises `UnicodeError`.
    NotAscii,
    /// The host is reported unchanged; Python decodes it as IDNA.
    HostAsIs,
    /// The host must be valid (RFC 9110 §7.2); Python accepts whatever IDNA accepts.
    CheckedHost,
    /// The target must be a path or an absolute URI (§4.2.1); Python accepts any visible characters.
    CheckedTarget,
    /// An absolute target is split into host and path (RFC 9112 §3.2.2); Python reports it whole.
    AbsoluteTarget,
    /// The key must be sixteen bytes in base64 (§4.2.1); Python accepts any.
    CheckedKey,
    /// The version must be HTTP/1.1 (§4.1); Python accepts other versions too.
    CheckedHttpVersion,
    /// A request must not have a body (§4.1); Python reads the body as data after the handshake.
    NoRequestBody,
    /// Subprotocols that are not tokens are ignored (§4.3); Python reports them.
    CheckedSubprotocols,
    /// Extensions must be a valid list with parameters (§9.1); Python checks only their names.
    CheckedExtensions,
    /// Empty elements of a list are ignored (RFC 9110 §5.6.1); Python reports them.
    ListElements,
    /// An empty list in a response selects nothing (RFC 9110 §5.6.1); Python reads it as the choice of an empty name.
    EmptyChoice,
    /// A comma between quotes is part of its element (RFC 9110 §5.6.4); Python splits there.
    QuotedCommas,
    /// A repeated header is refused if only one is allowed (§11.3); Python uses the last.
    SingleHeaders,
    /// `Connection` may be a list in several headers, and so may a request's `Upgrade` (RFC 9110 §5.3).
    Lists,
    /// Folded lines, control characters and bare line feeds are refused (RFC 9112 §2.2, §5.2); h11 accepts them.
    CheckedHead,
    /// A request can be refused once it was received; Python can refuse before that.
    RefusalBeforeRequest,
    /// A refusal says that the transport must be closed; Python does not.
    RefusalCloses,
    /// Written heads differ in the order of fields, the case of names, and the reason phrase.
    HeadForm,
    /// A failure is reported at the line that proves it; Python waits for the end of the head.
    HandshakeFailureAtOnce,
    /// An empty read changes nothing; Python treats it as the transport's end during the handshake.
    EmptyRead,
    /// An empty line before a head is skipped (RFC 9112 §2.2); Python refuses it.
    EmptyLineFirst,
    /// Bytes after the request are kept, and read once it is accepted; Python loses them.
    EarlyData,
    /// Informational responses are skipped (RFC 9110 §15.2); Python treats them as the refusal.
    PassedOver,
    /// A refusal says whether a body follows; in Python one always follows, and may be empty.
    BodyAnnounced,
    /// A status above 599 is not valid and fails (RFC 9110 §15); Python treats it as a refusal.
    StrangeStatus,
    /// Data received after our refusal is dropped; Python reports a bad head.
    DataAfterRefusal,
    /// A transport that ends before a request is a failure; Python reports nothing.
    EndBeforeRequest,
}

impl Divergence {
    /// All divergences, in the order in which they are tried.
    pub(crate) const ALL: [Self; 52] = [
        Self::NoCodeIsNone,
        Self::EndInTurn,
        Self::OneEnd,
        Self::DataBeforeFailure,
        Self::FailureAtOnce,
        Self::Limits,
        Self::BadGateway,
        Self::FailureIsFinal,
        Self::LateAnswer,
        Self::FinishedMessage,
        Self::PingAfterClose,
        Self::CheckedCode,
        Self::LateData,
        Self::OwnWords,
        Self::AnswerAfterEnd,
        Self::CutDeflate,
        Self::PingInCompressed,
        Self::OrderBeforeData,
        Self::FinalBlock,
        Self::EmptyCompressed,
        Self::StateWhenTaken,
        Self::AllHeaders,
        Self::FittingStatus,
        Self::HandshakeFailureIsFinal,
        Self::NotAscii,
        Self::HostAsIs,
        Self::CheckedHost,
        Self::CheckedTarget,
        Self::AbsoluteTarget,
        Self::CheckedKey,
        Self::CheckedHttpVersion,
        Self::NoRequestBody,
        Self::CheckedSubprotocols,
        Self::CheckedExtensions,
        Self::ListElements,
        Self::EmptyChoice,
        Self::QuotedCommas,
        Self::SingleHeaders,
        Self::Lists,
        Self::CheckedHead,
        Self::RefusalBeforeRequest,
        Self::RefusalCloses,
        Self::HeadForm,
        Self::HandshakeFailureAtOnce,
        Self::EmptyRead,
        Self::EmptyLineFirst,
        Self::EarlyData,
        Self::PassedOver,
        Self::BodyAnnounced,
        Self::StrangeStatus,
        Self::DataAfterRefusal,
        Self::EndBeforeRequest,
    ];

    /// Whether only compressed messages show it.
    pub(crate) fn is_of_deflate(self) -> bool {
        (Self::CutDeflate..=Self::EmptyCompressed).contains(&self)
    }

    /// Whether the handshake shows it; otherwise the open connection does.
    pub(crate) fn is_of_handshake(self) -> bool {
        self >= Self::StateWhenTaken
    }

    /// Changes what Python showed into what this crate should show; returns whether the divergence applies.
    pub(crate) fn adjust(self, case: &mut Case<'_>) -> bool {
        match self {
            Self::NoCodeIsNone => open::no_code_is_none(case),
            Self::EndInTurn => open::end_in_turn(case),
            Self::OneEnd => open::one_end(case),
            Self::DataBeforeFailure => open::data_before_failure(case),
            Self::FailureAtOnce => open::failure_at_once(case),
            Self::Limits => open::limits(case),
            Self::BadGateway => open::bad_gateway(case),
            Self::FailureIsFinal => open::failure_is_final(case),
            Self::LateAnswer => open::late_answer(case),
            Self::FinishedMessage => open::finished_message(case),
            Self::PingAfterClose => open::ping_after_close(case),
            Self::CheckedCode => open::checked_code(case),
            Self::LateData => open::late_data(case),
            Self::OwnWords => open::own_words(case),
            Self::AnswerAfterEnd => open::answer_after_end(case),
            Self::CutDeflate => open::cut_deflate(case),
            Self::PingInCompressed => open::ping_in_compressed(case),
            Self::OrderBeforeData => open::order_before_data(case),
            Self::FinalBlock => open::final_block(case),
            Self::EmptyCompressed => open::empty_compressed(case),
            Self::StateWhenTaken => handshake::state_when_taken(case),
            Self::AllHeaders => handshake::all_headers(case),
            Self::FittingStatus => handshake::fitting_status(case),
            Self::HandshakeFailureIsFinal => handshake::failure_is_final(case),
            Self::NotAscii => handshake::not_ascii(case),
            Self::HostAsIs => handshake::host_as_is(case),
            Self::CheckedHost => handshake::checked_host(case),
            Self::CheckedTarget => handshake::checked_target(case),
            Self::AbsoluteTarget => handshake::absolute_target(case),
            Self::CheckedKey => handshake::checked_key(case),
            Self::CheckedHttpVersion => handshake::checked_http_version(case),
            Self::NoRequestBody => handshake::no_request_body(case),
            Self::CheckedSubprotocols => handshake::checked_subprotocols(case),
            Self::CheckedExtensions => handshake::checked_extensions(case),
            Self::ListElements => handshake::list_elements(case),
            Self::EmptyChoice => handshake::empty_choice(case),
            Self::QuotedCommas => handshake::quoted_commas(case),
            Self::SingleHeaders => handshake::single_headers(case),
            Self::Lists => handshake::lists(case),
            Self::CheckedHead => handshake::checked_head(case),
            Self::RefusalBeforeRequest => handshake::refusal_before_request(case),
            Self::RefusalCloses => handshake::refusal_closes(case),
            Self::HeadForm => handshake::head_form(case),
            Self::HandshakeFailureAtOnce => handshake::handshake_failure_at_once(case),
            Self::EmptyRead => handshake::empty_read(case),
            Self::EmptyLineFirst => handshake::empty_line_first(case),
            Self::EarlyData => handshake::early_data(case),
            Self::PassedOver => handshake::passed_over(case),
            Self::BodyAnnounced => handshake::body_announced(case),
            Self::StrangeStatus => handshake::strange_status(case),
            Self::DataAfterRefusal => handshake::data_after_refusal(case),
            Self::EndBeforeRequest => handshake::end_before_request(case),
        }
    }
}
