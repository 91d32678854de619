//! The named divergences: where this crate does otherwise than Python's wsproto, and why.
//!
//! Nothing else may differ. Each rule holds for as little as can be, and mends what Python showed into what
//! is expected here; `both_open` and `both_handshake` show each of them by an example.

mod handshake;
mod open;

use crate::compare::Case;

pub(crate) use open::{is_of_extension, is_unknown_code};

/// What is different, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Divergence {
    // Once the connection is open.
    /// A close frame without a code is `None` and not 1005, so that 1005 can be refused when it is sent.
    NoCodeIsNone,
    /// The transport's end is told in its turn; Python tells it before what was received before it.
    EndInTurn,
    /// The transport's end is told once, and only where no close frame and no failure came before.
    OneEnd,
    /// What comes before the byte that is wrong is told, as it would be if it had come in another read.
    DataBeforeFailure,
    /// A failure comes at the first byte that makes it certain; Python waits for more of the frame, but can
    /// do nothing but fail when that comes.
    FailureAtOnce,
    /// Frames, messages and fragments have limits.
    Limits,
    /// 1014 is in the registry, and may travel.
    BadGateway,
    /// A failure is final: it counts as the peer's close, and no new message starts.
    FailureIsFinal,
    /// An answer that comes too late is dropped, and is not an error.
    LateAnswer,
    /// A message under way may be finished after the peer has closed (RFC 6455 §5.5.1).
    FinishedMessage,
    /// Pings and pongs may be sent until our close frame is out (§5.5.1 forbids them only then).
    PingAfterClose,
    /// Codes that must not travel are refused; Python sends them, or 1000 in their place.
    CheckedCode,
    /// What arrives after both have closed is dropped, and is not the user's error.
    LateData,
    /// The answer to a failure gives the reason in words of our own.
    OwnWords,
    /// A close frame or a failure can be answered after the transport has ended in the peer's direction, and the state
    /// says so; Python's is closed.
    AnswerAfterEnd,
    /// Compressed data that ends inside a block is a failure (RFC 7692 §7.2.2); Python tells what it makes of it.
    CutDeflate,
    /// A control frame between compressed fragments means nothing to them; Python takes those behind it for plain.
    PingInCompressed,
    /// A fragment out of order fails as that; Python inflates it first, and fails over what is in it.
    OrderBeforeData,
    /// After a block that says it is the last, messages go on (RFC 7692 §7.2.3.4); Python inflates nothing more.
    FinalBlock,
    /// A compressed message without a byte is empty; Python's decompressor is out of step after it.
    EmptyCompressed,
    // In the handshake.
    /// The state changes when an event is taken, as it does later; in Python, when its bytes arrive.
    StateWhenTaken,
    /// Events have all headers, and their names as they came; Python leaves out some, and lowers the case.
    AllHeaders,
    /// A refusal has the status that fits: 405, 426, 431, 505; Python's is 400 but for 426.
    FittingStatus,
    /// A failure is final in the handshake too; Python goes on as if nothing had happened.
    HandshakeFailureIsFinal,
    /// Values that are not ASCII are kept or refused; Python raises `UnicodeError`.
    NotAscii,
    /// The host is told as it stands; Python reads it as IDNA.
    HostAsIs,
    /// The host is one (RFC 9110 §7.2); Python takes whatever IDNA lets pass.
    CheckedHost,
    /// The target is a path or an absolute URI (§4.2.1); Python takes any visible characters.
    CheckedTarget,
    /// An absolute target is read as host and path (RFC 9112 §3.2.2); Python tells it whole.
    AbsoluteTarget,
    /// The key is sixteen bytes in base64 (§4.2.1); Python takes any.
    CheckedKey,
    /// HTTP/1.1 is asked for (§4.1); Python takes other versions as well.
    CheckedHttpVersion,
    /// A request has no body (§4.1); Python takes it for what follows the handshake.
    NoRequestBody,
    /// Subprotocols that are not tokens are left out (§4.3); Python reports them.
    CheckedSubprotocols,
    /// Extensions are a list with parameters (§9.1); Python looks at names only.
    CheckedExtensions,
    /// Empty elements of a list are none (RFC 9110 §5.6.1); Python tells them.
    ListElements,
    /// An empty list in a response chooses nothing (RFC 9110 §5.6.1); Python takes it for a choice of its own.
    EmptyChoice,
    /// A comma between quotes is part of its element (RFC 9110 §5.6.4); Python splits there.
    QuotedCommas,
    /// Headers that may stand only once are refused if they do not (§11.3); Python takes the last.
    SingleHeaders,
    /// `Connection` is a list over several headers, and so is a request's `Upgrade` (RFC 9110 §5.3).
    Lists,
    /// Folded lines, control characters and bare line feeds are refused (RFC 9112 §2.2, §5.2); h11 lets them pass.
    CheckedHead,
    /// A request is refused once it is there; Python can refuse what has not been asked.
    RefusalBeforeRequest,
    /// A refusal says that the transport is to be closed; Python says nothing of it.
    RefusalCloses,
    /// Heads that are written differ in the order of fields, the case of names, and the words for a status.
    HeadForm,
    /// A failure comes with the line that makes it certain; Python waits for the end of the head.
    HandshakeFailureAtOnce,
    /// An empty read means nothing; Python takes it for the transport's end as long as the handshake lasts.
    EmptyRead,
    /// An empty line before a head is passed over (RFC 9112 §2.2); Python refuses it.
    EmptyLineFirst,
    /// What came behind the request is kept, and read once it is accepted; Python loses it.
    EarlyData,
    /// Informational responses are passed over (RFC 9110 §15.2); Python takes them for the refusal.
    PassedOver,
    /// A refusal tells whether a body follows; in Python one always does, and may be empty.
    BodyAnnounced,
    /// A status above 599 is not valid and fails (RFC 9110 §15); Python takes it for a refusal.
    StrangeStatus,
    /// What arrives behind our refusal is dropped; Python calls it a bad head.
    DataBehindRefusal,
    /// A transport that ends before it asked for anything is a failure; Python says nothing.
    EndBeforeRequest,
}

impl Divergence {
    /// All of them, in the order in which they are tried.
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
        Self::DataBehindRefusal,
        Self::EndBeforeRequest,
    ];

    /// Whether it shows where messages are compressed only.
    pub(crate) fn is_of_deflate(self) -> bool {
        (Self::CutDeflate..=Self::EmptyCompressed).contains(&self)
    }

    /// Whether it shows in the handshake; else where the connection is open.
    pub(crate) fn is_of_handshake(self) -> bool {
        self >= Self::StateWhenTaken
    }

    /// Mends what Python showed of a step; true where that was called for.
    pub(crate) fn mend(self, case: &mut Case<'_>) -> bool {
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
            Self::DataBehindRefusal => handshake::data_behind_refusal(case),
            Self::EndBeforeRequest => handshake::end_before_request(case),
        }
    }
}
