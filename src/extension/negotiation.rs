//! Offers and answers: which extensions will run, and with which parameters (RFC 6455 §9.1).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::frame::Rsv;

use super::InUse;
use super::inbound::{InboundExtension, InboundExtensions};
use super::outbound::{OutboundExtension, OutboundExtensions};
use super::params::ExtensionParams;

/// An extension as it is offered and agreed on: settings, and no state.
///
/// Implement it for an extension of your own; `examples/checksum_extension.rs` is one from end to end. This
/// one changes nothing, and is only talked about:
///
/// ```
/// use wsproto::{NegotiatedExtension, Decoded, Extension, ExtensionParams, Extensions, FrameHeader, InboundExtension};
/// use wsproto::{MessageKind, OutboundExtension, Ends, RemoteProtocolError, Rsv};
///
/// #[derive(Debug)]
/// struct Idle;
///
/// impl Extension for Idle {
///     fn name(&self) -> &str {
///         "x-idle"
///     }
///     fn offers(&self) -> Vec<ExtensionParams> {
///         vec![ExtensionParams::new("x-idle")]
///     }
///     fn accept_response(&self, answer: &ExtensionParams) -> Option<NegotiatedExtension> {
///         answer.params().next().is_none().then(|| NegotiatedExtension::new(Idle, Idle))
///     }
///     fn accept_offer(&self, offer: &ExtensionParams) -> Option<(ExtensionParams, NegotiatedExtension)> {
///         Some((ExtensionParams::new("x-idle"), self.accept_response(offer)?))
///     }
/// }
///
/// impl InboundExtension for Idle {
///     fn rsv(&self) -> Rsv {
///         Rsv::NONE
///     }
///     fn begin_frame(&mut self, _: &FrameHeader) -> Result<bool, RemoteProtocolError> {
///         Ok(false) // nothing to decode
///     }
///     fn decode(&mut self, payload: &[u8], _: Ends, _: usize) -> Result<Decoded, RemoteProtocolError> {
///         Ok(Decoded::new(payload.len(), true))
///     }
///     fn output(&self) -> &[u8] {
///         &[]
///     }
/// }
///
/// impl OutboundExtension for Idle {
///     fn rsv_for(&self, _: MessageKind, _: Option<usize>) -> Option<Rsv> {
///         None // nothing to encode
///     }
///     fn max_encoded_len(&self, len: usize) -> usize {
///         len
///     }
///     fn encode(&mut self, _: &[u8], _: bool) -> &[u8] {
///         &[]
///     }
/// }
///
/// let offers = Idle.offers();
/// let (server, answers) = Extensions::accept_offers(&[&Idle], &offers);
/// let client = Extensions::accept_responses(&[&Idle], &answers).unwrap();
/// assert_eq!((server.len(), client.len()), (1, 1));
/// ```
pub trait Extension: fmt::Debug + Send + Sync {
    /// The name, a registered token (RFC 6455 §9.1).
    fn name(&self) -> &str;

    /// What a client offers, the parameters it likes best first.
    fn offers(&self) -> Vec<ExtensionParams>;

    /// What a client makes of a server's answer, which bears this extension's name.
    ///
    /// `None` where it is no answer to the offers; then the handshake fails.
    fn accept_response(&self, answer: &ExtensionParams) -> Option<NegotiatedExtension>;

    /// What a server makes of an offer, which bears this extension's name: the answer, and what runs then.
    ///
    /// `None` declines it. There may be others behind it.
    fn accept_offer(&self, offer: &ExtensionParams) -> Option<(ExtensionParams, NegotiatedExtension)>;
}

macro_rules! lent {
    ($($pointer:ty),*) => {$(
        impl<X: Extension + ?Sized> Extension for $pointer {
            fn name(&self) -> &str {
                (**self).name()
            }

            fn offers(&self) -> Vec<ExtensionParams> {
                (**self).offers()
            }

            fn accept_response(&self, answer: &ExtensionParams) -> Option<NegotiatedExtension> {
                (**self).accept_response(answer)
            }

            fn accept_offer(&self, offer: &ExtensionParams) -> Option<(ExtensionParams, NegotiatedExtension)> {
                (**self).accept_offer(offer)
            }
        }
    )*};
}

lent!(&X, Box<X>);

#[cfg(target_has_atomic = "ptr")]
lent!(alloc::sync::Arc<X>);

/// The two halves of an extension that was agreed on.
#[derive(Debug)]
pub struct NegotiatedExtension {
    inbound: Box<dyn InboundExtension>,
    outbound: Box<dyn OutboundExtension>,
    standalone_window: Option<u8>,
}

impl NegotiatedExtension {
    /// The half that decodes what is received, and the half that encodes what is sent.
    pub fn new(inbound: impl InboundExtension + 'static, outbound: impl OutboundExtension + 'static) -> Self {
        Self { inbound: Box::new(inbound), outbound: Box::new(outbound), standalone_window: None }
    }

    /// Lets messages be sent that permessage-deflate has compressed by themselves, with references of at most 2 to the
    /// power of `bits` bytes back.
    #[cfg(feature = "deflate")]
    pub(super) const fn with_standalone_window(mut self, bits: u8) -> Self {
        self.standalone_window = Some(bits);
        self
    }

    /// The bits that it claims.
    fn rsv(&self) -> Rsv {
        self.inbound.rsv() | self.inbound.continuation_rsv()
    }
}

/// The extensions that were agreed on, in their order; none, maybe.
///
/// Give them to [`Connection::with_extensions`](crate::Connection::with_extensions).
#[derive(Debug, Default)]
#[must_use = "the peer relies on these extensions: the connection has to run them"]
pub struct Extensions {
    agreed: Vec<NegotiatedExtension>,
}

impl Extensions {
    /// None.
    pub const fn new() -> Self {
        Self { agreed: Vec::new() }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.agreed.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.agreed.len()
    }

    /// Adds one that was agreed on behind those that were.
    ///
    /// Gives it back where it claims an RSV bit that another claims already (RFC 7692 §6).
    ///
    /// # Errors
    ///
    /// The extension, unchanged.
    pub fn push(&mut self, agreed: NegotiatedExtension) -> Result<(), NegotiatedExtension> {
        let claimed = self.agreed.iter().fold(Rsv::NONE, |bits, agreed| bits | agreed.rsv());
        if claimed.bits() & agreed.rsv().bits() != 0 {
            return Err(agreed);
        }
        self.agreed.push(agreed);
        Ok(())
    }

    /// A server's choice among `offers`, and its answer, empty where nothing is accepted.
    ///
    /// The offers are gone through in the client's order. Of several for one extension the first that can be
    /// met is (RFC 7692 §5); one that claims an RSV bit that is taken is declined.
    pub fn accept_offers(
        supported: &[&dyn Extension],
        offers: &[ExtensionParams],
    ) -> (Self, Vec<ExtensionParams>) {
        let mut chosen = Self::new();
        let mut answers: Vec<ExtensionParams> = Vec::new();
        for offer in offers {
            let Some(extension) = supported.iter().find(|extension| extension.name() == offer.name()) else {
                continue;
            };
            if answers.iter().any(|answer| answer.name() == offer.name()) {
                continue;
            }
            let Some((answer, agreed)) = extension.accept_offer(offer) else { continue };
            if answer.is_well_formed() && chosen.push(agreed).is_ok() {
                answers.push(answer);
            }
        }
        (chosen, answers)
    }

    /// What a client makes of a server's `answers` to what `offered` offer.
    ///
    /// `None` where one was not offered or is no answer to the offer, is answered twice, or claims an RSV bit
    /// that is taken: then the connection fails (RFC 6455 §4.1, §9.1, RFC 7692 §5).
    pub fn accept_responses(offered: &[&dyn Extension], answers: &[ExtensionParams]) -> Option<Self> {
        let mut chosen = Self::new();
        for (place, answer) in answers.iter().enumerate() {
            let extension = offered.iter().find(|extension| extension.name() == answer.name())?;
            if answers.iter().take(place).any(|other| other.name() == answer.name()) {
                return None;
            }
            chosen.push(extension.accept_response(answer)?).ok()?;
        }
        Some(chosen)
    }

    /// The halves of all of them; nothing, if there are none.
    pub(crate) fn split(self) -> (InUse<InboundExtensions>, InUse<OutboundExtensions>) {
        if self.is_empty() {
            return (None, None);
        }
        let standalone_window = match self.agreed.as_slice() {
            [agreed] => agreed.standalone_window,
            _ => None,
        };
        let (inbound, outbound): (Vec<_>, Vec<_>) =
            self.agreed.into_iter().map(|agreed| (agreed.inbound, agreed.outbound)).unzip();
        let inbound = InboundExtensions::new(inbound.into_iter());
        let claimed = inbound.claimed();
        let outbound = OutboundExtensions::new(outbound.into_iter(), standalone_window, claimed);
        (Some(Box::new(inbound)), Some(Box::new(outbound)))
    }
}
