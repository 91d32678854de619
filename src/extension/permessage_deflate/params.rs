//! The four parameters of permessage-deflate, in offers and in responses (RFC 7692 §7.1).

use alloc::string::ToString;

use crate::error::{NegotiationError, NegotiationErrorKind as Kind};
use crate::extension::ExtensionParams;
use crate::token::text;

use super::clamp;

/// The extension's registered name (§4, §7).
pub(super) const NAME: &str = "permessage-deflate";

const SERVER_NO_CONTEXT_TAKEOVER: &[u8] = b"server_no_context_takeover";
const CLIENT_NO_CONTEXT_TAKEOVER: &[u8] = b"client_no_context_takeover";
const SERVER_MAX_WINDOW_BITS: &[u8] = b"server_max_window_bits";
const CLIENT_MAX_WINDOW_BITS: &[u8] = b"client_max_window_bits";

/// The parameters of permessage-deflate that both sides have agreed on (RFC 7692 §7.1).
///
/// ```
/// use wsproto::{DeflateParams, ExtensionParams};
///
/// let answer = ExtensionParams::new("permessage-deflate").with_value("server_max_window_bits", "10");
/// let params = DeflateParams::parse_answer(&answer).unwrap();
/// assert_eq!(params, DeflateParams { server_max_window_bits: 10, ..DeflateParams::DEFAULT });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeflateParams {
    /// Whether the server compresses each message independently.
    pub server_no_context_takeover: bool,
    /// Whether the client compresses each message independently.
    pub client_no_context_takeover: bool,
    /// The size of the server's window, as a power of two: 8 to 15, for 256 bytes to 32 KiB.
    pub server_max_window_bits: u8,
    /// The size of the client's window, as a power of two: 8 to 15, for 256 bytes to 32 KiB.
    pub client_max_window_bits: u8,
}

/// The parameters of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) takeover: bool,
    pub(super) bits: u8,
}

/// The parameters as one side states them, in an offer or in an answer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Offer {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// 15 if it is offered without a value.
    client_max_window_bits: Option<u8>,
}

impl DeflateParams {
    /// The meaning of a response that has no parameters.
    pub const DEFAULT: Self = Self {
        server_no_context_takeover: false,
        client_no_context_takeover: false,
        server_max_window_bits: Window::MAX_BITS,
        client_max_window_bits: Window::MAX_BITS,
    };

    /// Parses the parameters of a server's response.
    ///
    /// # Errors
    ///
    /// The parameter that is unknown, repeated, or has a value that is malformed or out of range.
    pub fn parse_answer(answer: &ExtensionParams) -> Result<Self, NegotiationError> {
        Offer { client_max_window_bits: Some(Window::MAX_BITS), ..Offer::default() }
            .agree(Offer::parse_answer(answer)?)
    }

    pub(super) const fn server(self) -> Window {
        Window::new(!self.server_no_context_takeover, self.server_max_window_bits)
    }

    pub(super) const fn client(self) -> Window {
        Window::new(!self.client_no_context_takeover, self.client_max_window_bits)
    }
}

impl Window {
    /// 32 KiB, the largest window of DEFLATE.
    pub(super) const MAX_BITS: u8 = 15;

    /// The length of the largest window, in bytes.
    pub(super) const MAX_LEN: usize = 1 << Self::MAX_BITS;

    /// The length of the window, in bytes.
    pub(super) const fn len(self) -> usize {
        1_usize.wrapping_shl(self.bits as u32)
    }

    /// Bits outside of 8 to 15 are set to the nearest value in this range.
    const fn new(takeover: bool, bits: u8) -> Self {
        Self { takeover, bits: clamp(bits, 8, Self::MAX_BITS) }
    }
}

impl Offer {
    /// The offer of a client with these settings.
    pub(super) fn of_client(settings: DeflateParams, offers_client_window: bool) -> Self {
        let DeflateParams { server_no_context_takeover, client_no_context_takeover, .. } = settings;
        Self {
            server_no_context_takeover,
            client_no_context_takeover,
            server_max_window_bits: less_than_all(settings.server_max_window_bits),
            client_max_window_bits: offers_client_window.then_some(settings.client_max_window_bits),
        }
    }

    /// The same offer, without the parameters that restrict the server.
    pub(super) const fn without_asking_the_server(self) -> Self {
        Self { server_no_context_takeover: false, server_max_window_bits: None, ..self }
    }

    pub(super) const fn asks_the_server(self) -> bool {
        self.server_no_context_takeover || self.server_max_window_bits.is_some()
    }

    /// Whether the server may limit the client's window.
    pub(super) const fn lets_client_window_be_set(self) -> bool {
        self.client_max_window_bits.is_some()
    }

    /// Parses a client's offer. After an error, the offer is declined (§7.1).
    pub(super) fn parse_offer(offer: &ExtensionParams) -> Result<Self, NegotiationError> {
        Self::parse(offer, Some(Window::MAX_BITS))
    }

    /// Parses a server's response. After an error, the connection fails (§7.1).
    pub(super) fn parse_answer(answer: &ExtensionParams) -> Result<Self, NegotiationError> {
        Self::parse(answer, None)
    }

    /// `valueless` is the value of `client_max_window_bits` without a value; `None` if it needs one.
    fn parse(params: &ExtensionParams, valueless: Option<u8>) -> Result<Self, NegotiationError> {
        let mut parsed = Self::default();
        for (name, value) in params.params_bytes() {
            let is_first = match (name, value) {
                (SERVER_NO_CONTEXT_TAKEOVER, None) => set(&mut parsed.server_no_context_takeover),
                (CLIENT_NO_CONTEXT_TAKEOVER, None) => set(&mut parsed.client_no_context_takeover),
                (SERVER_NO_CONTEXT_TAKEOVER | CLIENT_NO_CONTEXT_TAKEOVER, Some(_)) => {
                    return Err(error(Kind::UnexpectedValue, name));
                }
                (SERVER_MAX_WINDOW_BITS, value) => {
                    parsed.server_max_window_bits.replace(window_bits(name, value, None)?).is_none()
                }
                (CLIENT_MAX_WINDOW_BITS, value) => {
                    parsed.client_max_window_bits.replace(window_bits(name, value, valueless)?).is_none()
                }
                _ => return Err(error(Kind::UnknownParam, name)),
            };
            if !is_first {
                return Err(error(Kind::RepeatedParam, name));
            }
        }
        Ok(parsed)
    }

    /// The parameters that follow from this offer and its response.
    pub(super) fn agree(self, answer: Self) -> Result<DeflateParams, NegotiationError> {
        if self.server_no_context_takeover && !answer.server_no_context_takeover {
            return Err(error(Kind::MissingParam, SERVER_NO_CONTEXT_TAKEOVER));
        }
        let server_max_window_bits = match (self.server_max_window_bits, answer.server_max_window_bits) {
            // "The same or a smaller value" accepts the offer (§7.1.2.1).
            (Some(asked), Some(answered)) if answered <= asked => answered,
            (Some(_), Some(_)) => return Err(error(Kind::ValueTooLarge, SERVER_MAX_WINDOW_BITS)),
            (Some(_), None) => return Err(error(Kind::MissingParam, SERVER_MAX_WINDOW_BITS)),
            (None, answered) => answered.unwrap_or(Window::MAX_BITS),
        };
        let client_max_window_bits = match (self.client_max_window_bits, answer.client_max_window_bits) {
            (Some(offered), Some(answered)) if answered <= offered => answered,
            (Some(offered), None) => offered,
            (None, None) => Window::MAX_BITS,
            // A response must not have it unless the offer has it, nor with a greater value (§7.1.2.2).
            (Some(_), Some(_)) => return Err(error(Kind::ValueTooLarge, CLIENT_MAX_WINDOW_BITS)),
            (None, Some(_)) => return Err(error(Kind::ParamNotOffered, CLIENT_MAX_WINDOW_BITS)),
        };
        Ok(DeflateParams {
            server_no_context_takeover: answer.server_no_context_takeover,
            client_no_context_takeover: self.client_no_context_takeover || answer.client_no_context_takeover,
            server_max_window_bits,
            client_max_window_bits,
        })
    }

    /// The response to this offer by a server with these settings, and the parameters that both sides use then.
    pub(super) fn accept(self, settings: DeflateParams) -> (Self, DeflateParams) {
        let asked = self.server_max_window_bits;
        let server_max_window_bits = asked.unwrap_or(Window::MAX_BITS).min(settings.server_max_window_bits);
        let client_max_window_bits = self
            .client_max_window_bits
            .map_or(Window::MAX_BITS, |bits| bits.min(settings.client_max_window_bits));
        let params = DeflateParams {
            server_no_context_takeover: self.server_no_context_takeover
                || settings.server_no_context_takeover,
            client_no_context_takeover: self.client_no_context_takeover
                || settings.client_no_context_takeover,
            server_max_window_bits,
            client_max_window_bits,
        };
        let answer = Self {
            server_no_context_takeover: params.server_no_context_takeover,
            client_no_context_takeover: params.client_no_context_takeover,
            server_max_window_bits: asked
                .and(Some(server_max_window_bits))
                .or(less_than_all(server_max_window_bits)),
            client_max_window_bits: less_than_all(client_max_window_bits),
        };
        (answer, params)
    }

    /// The parameters as in the header.
    pub(super) fn to_params(self) -> ExtensionParams {
        let mut params = ExtensionParams::with_capacity(NAME.as_bytes(), CAPACITY);
        if self.server_no_context_takeover {
            params.push(SERVER_NO_CONTEXT_TAKEOVER, None);
        }
        if self.client_no_context_takeover {
            params.push(CLIENT_NO_CONTEXT_TAKEOVER, None);
        }
        if let Some(bits) = self.server_max_window_bits {
            params.push(SERVER_MAX_WINDOW_BITS, Some(bits.to_string().as_bytes()));
        }
        match self.client_max_window_bits {
            Some(Window::MAX_BITS) => params.push(CLIENT_MAX_WINDOW_BITS, None),
            Some(bits) => params.push(CLIENT_MAX_WINDOW_BITS, Some(bits.to_string().as_bytes())),
            None => {}
        }
        params
    }
}

/// Sets a flag; returns false if it was set before.
const fn set(flag: &mut bool) -> bool {
    !core::mem::replace(flag, true)
}

/// "A decimal integer value without leading zeroes between 8 to 15" (§7.1.2).
fn window_bits(name: &[u8], value: Option<&[u8]>, valueless: Option<u8>) -> Result<u8, NegotiationError> {
    match value {
        None => valueless.ok_or_else(|| error(Kind::MissingValue, name)),
        Some(b"8") => Ok(8),
        Some(b"9") => Ok(9),
        Some(b"10") => Ok(10),
        Some(b"11") => Ok(11),
        Some(b"12") => Ok(12),
        Some(b"13") => Ok(13),
        Some(b"14") => Ok(14),
        Some(b"15") => Ok(15),
        Some(_) => Err(error(Kind::InvalidValue, name)),
    }
}

/// An error about a parameter of this extension.
fn error(kind: Kind, param: &[u8]) -> NegotiationError {
    NegotiationError::new(kind, NAME).with_param(text(param))
}

/// An error about a client's offer without `client_max_window_bits`, which a server's settings require.
pub(super) fn client_window_is_missing() -> NegotiationError {
    error(Kind::MissingParam, CLIENT_MAX_WINDOW_BITS)
}

/// `None` for 15, the default, which need not be sent.
const fn less_than_all(bits: u8) -> Option<u8> {
    if bits < Window::MAX_BITS { Some(bits) } else { None }
}

/// Enough bytes for the name and all parameters, so that they take one allocation.
const CAPACITY: usize = 160;
