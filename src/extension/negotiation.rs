//! Negotiation, by offers and responses: which extensions are used, and with which parameters (RFC 6455 §9.1).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::error::{NegotiationError, NegotiationErrorKind as Kind};
use crate::frame::Rsv;

use super::InUse;
use super::inbound::{InboundExtension, InboundExtensions};
use super::outbound::{OutboundExtension, OutboundExtensions, StandaloneWindow};
use super::params::ExtensionParams;

/// A WebSocket extension that can be negotiated: its settings, without the state of a connection (RFC 6455 §9).
///
/// Implement this trait for your own extension. `examples/checksum_extension.rs` has an extension that changes
/// payloads. This extension does nothing:
///
/// ```
/// use wsproto::{NegotiatedExtension, Decoded, Extension, ExtensionParams, Extensions, FrameHeader, InboundExtension};
/// use wsproto::{MessageKind, NegotiationError, NegotiationErrorKind, OutboundExtension, Ends};
/// use wsproto::{RemoteProtocolError, Rsv};
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
///     fn accept_response(&self, answer: &ExtensionParams) -> Result<NegotiatedExtension, NegotiationError> {
///         match answer.params().next() {
///             None => Ok(NegotiatedExtension::new(Idle, Idle)),
///             Some((name, _)) => {
///                 Err(NegotiationError::new(NegotiationErrorKind::UnknownParam, "x-idle").with_param(name))
///             }
///         }
///     }
///     fn accept_offer(&self, offer: &ExtensionParams) -> Option<(ExtensionParams, NegotiatedExtension)> {
///         Some((ExtensionParams::new("x-idle"), self.accept_response(offer).ok()?))
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
    /// The extension's name, a registered token (RFC 6455 §9.1).
    fn name(&self) -> &str;

    /// The offers of a client, the preferred one first.
    fn offers(&self) -> Vec<ExtensionParams>;

    /// As a client, checks the server's response to the offers, and returns the negotiated extension.
    ///
    /// The response has this extension's name.
    ///
    /// # Errors
    ///
    /// Why the response does not fit the offers; the handshake fails then.
    fn accept_response(&self, answer: &ExtensionParams) -> Result<NegotiatedExtension, NegotiationError>;

    /// As a server, accepts an offer: returns the response and the negotiated extension. `None` declines the offer.
    ///
    /// The offer has this extension's name. The client may have made other offers of it, which follow.
    fn accept_offer(&self, offer: &ExtensionParams) -> Option<(ExtensionParams, NegotiatedExtension)>;
}

macro_rules! pointer {
    ($($pointer:ty),*) => {$(
        impl<X: Extension + ?Sized> Extension for $pointer {
            fn name(&self) -> &str {
                (**self).name()
            }

            fn offers(&self) -> Vec<ExtensionParams> {
                (**self).offers()
            }

            fn accept_response(&self, answer: &ExtensionParams) -> Result<NegotiatedExtension, NegotiationError> {
                (**self).accept_response(answer)
            }

            fn accept_offer(&self, offer: &ExtensionParams) -> Option<(ExtensionParams, NegotiatedExtension)> {
                (**self).accept_offer(offer)
            }
        }
    )*};
}

pointer!(&X, Box<X>);

#[cfg(target_has_atomic = "ptr")]
pointer!(alloc::sync::Arc<X>);

/// An extension that both sides have agreed on: its receiving half and its sending half (RFC 6455 §9.1).
#[derive(Debug)]
pub struct NegotiatedExtension {
    inbound: Box<dyn InboundExtension>,
    outbound: Box<dyn OutboundExtension>,
    standalone_window: Option<StandaloneWindow>,
}

impl NegotiatedExtension {
    /// A negotiated extension from the half that decodes received payloads and the half that encodes payloads to send.
    pub fn new(inbound: impl InboundExtension + 'static, outbound: impl OutboundExtension + 'static) -> Self {
        Self { inbound: Box::new(inbound), outbound: Box::new(outbound), standalone_window: None }
    }

    /// The two halves, to run them outside of a connection: the one that decodes, and the one that encodes.
    ///
    /// ```
    /// use wsproto::{DeflateParams, MessageKind, PermessageDeflate, Role};
    ///
    /// # #[cfg(feature = "deflate")] {
    /// let deflate = PermessageDeflate::new().with_threshold(0);
    /// let (_, mut outbound) = deflate.negotiated(Role::Server, DeflateParams::DEFAULT).into_parts();
    /// assert!(outbound.rsv_for(MessageKind::Text, Some(5)).is_some()); // it would compress this message
    /// assert_eq!(outbound.encode(b"Hello", true), b"\xf2\x48\xcd\xc9\xc9\x07\x00"); // RFC 7692 §7.2.3.1
    /// # }
    /// ```
    pub fn into_parts(self) -> (Box<dyn InboundExtension>, Box<dyn OutboundExtension>) {
        (self.inbound, self.outbound)
    }

    /// Allows messages that permessage-deflate has compressed independently of others, with a window of at most this.
    #[cfg(feature = "deflate")]
    pub(super) const fn with_standalone_window(mut self, window: StandaloneWindow) -> Self {
        self.standalone_window = Some(window);
        self
    }

    /// The RSV bits that the extension uses.
    fn rsv(&self) -> Rsv {
        self.inbound.rsv() | self.inbound.continuation_rsv()
    }
}

/// The extensions that both sides have agreed on, in order; possibly none (RFC 6455 §9.1).
///
/// Pass them to [`Connection::with_extensions`](crate::Connection::with_extensions).
///
#[cfg_attr(not(feature = "deflate"), doc = "```ignore")]
#[cfg_attr(feature = "deflate", doc = "```")]
/// use wsproto::{Connection, ExtensionParams, Extensions, Limits, PermessageDeflate};
///
/// let offers = [ExtensionParams::new("permessage-deflate")]; // from the client's request
/// let (extensions, responses) = Extensions::accept_offers(&[&PermessageDeflate::new()], &offers);
/// assert_eq!((extensions.len(), responses.len()), (1, 1));
/// let server = Connection::server(Limits::default()).with_extensions(extensions);
/// # let _ = server;
/// ```
#[derive(Debug, Default)]
#[must_use = "the peer relies on these extensions: the connection has to run them"]
pub struct Extensions {
    agreed: Vec<NegotiatedExtension>,
}

impl Extensions {
    /// No extensions.
    pub const fn new() -> Self {
        Self { agreed: Vec::new() }
    }

    /// Whether there are no extensions.
    pub fn is_empty(&self) -> bool {
        self.agreed.is_empty()
    }

    /// The number of extensions.
    pub fn len(&self) -> usize {
        self.agreed.len()
    }

    /// Adds an extension after the others.
    ///
    /// # Errors
    ///
    /// The extension, unchanged, if it uses an RSV bit that another extension already uses (RFC 7692 §6).
    pub fn push(&mut self, agreed: NegotiatedExtension) -> Result<(), NegotiatedExtension> {
        let claimed = self.agreed.iter().fold(Rsv::NONE, |bits, agreed| bits | agreed.rsv());
        if claimed.bits() & agreed.rsv().bits() != 0 {
            return Err(agreed);
        }
        self.agreed.push(agreed);
        Ok(())
    }

    /// As a server, accepts extensions from `offers`, and returns them with the response, which may be empty.
    ///
    /// Offers are read in the client's order. If an extension is offered several times, the first acceptable offer is
    /// accepted (RFC 7692 §5). An extension is declined if it uses an RSV bit that another one already uses.
    pub fn accept_offers(
        supported: &[&dyn Extension],
        offers: &[ExtensionParams],
    ) -> (Self, Vec<ExtensionParams>) {
        let mut acceptance = Acceptance::of(supported);
        offers.iter().for_each(|offer| acceptance.consider(offer));
        acceptance.finish()
    }

    /// As a client, checks the server's `answers` to the offers of `offered`, and returns the extensions in use.
    ///
    /// # Errors
    ///
    /// The extension that was not offered, does not fit its offer, is answered twice, or uses an RSV bit that another one
    /// already uses. The connection fails then (RFC 6455 §4.1, §9.1, RFC 7692 §5).
    ///
    /// ```
    /// use wsproto::{ExtensionParams, Extensions, NegotiationErrorKind};
    ///
    /// let error = Extensions::accept_responses(&[], &[ExtensionParams::new("x-unknown")]).unwrap_err();
    /// assert_eq!((error.kind(), error.extension().as_bytes()), (NegotiationErrorKind::NotOffered, &b"x-unknown"[..]));
    /// ```
    pub fn accept_responses(
        offered: &[&dyn Extension],
        answers: &[ExtensionParams],
    ) -> Result<Self, NegotiationError> {
        let mut chosen = Self::new();
        for (index, answer) in answers.iter().enumerate() {
            let name = answer.name();
            let error = |kind| NegotiationError::new(kind, name);
            let extension = offered.iter().find(|extension| extension.name() == name);
            let extension = extension.ok_or_else(|| error(Kind::NotOffered))?;
            if answers.iter().take(index).any(|other| other.name() == name) {
                return Err(error(Kind::Repeated));
            }
            chosen.push(extension.accept_response(answer)?).map_err(|_| error(Kind::RsvConflict))?;
        }
        Ok(chosen)
    }

    /// The receiving and the sending halves of all extensions; `None` if there are none.
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

/// What a server accepts of a client's offers, which it considers one by one, in the client's order.
pub(crate) struct Acceptance<'s> {
    supported: &'s [&'s dyn Extension],
    extensions: Extensions,
    answers: Vec<ExtensionParams>,
}

impl<'s> Acceptance<'s> {
    /// Nothing yet.
    pub(crate) const fn of(supported: &'s [&'s dyn Extension]) -> Self {
        Self { supported, extensions: Extensions::new(), answers: Vec::new() }
    }

    /// Accepts an offer, if it can.
    pub(crate) fn consider(&mut self, offer: &ExtensionParams) {
        let Some(extension) = self.candidate(offer.name_bytes()) else { return };
        let accepted = extension.accept_offer(offer).filter(|(answer, _)| answer.is_well_formed());
        let Some((answer, agreed)) = accepted else { return };
        if self.extensions.push(agreed).is_ok() {
            self.answers.push(answer);
        }
    }

    /// The extension of this name, if it is supported and was not accepted before.
    #[inline(always)]
    pub(super) fn candidate(&self, name: &[u8]) -> Option<&'s dyn Extension> {
        let extension = self.supported.iter().find(|extension| extension.name().as_bytes() == name)?;
        let is_accepted = self.answers.iter().any(|answer| answer.name_bytes() == name);
        (!is_accepted).then_some(*extension)
    }

    /// The extensions in use, and the response that names them.
    pub(crate) fn finish(self) -> (Extensions, Vec<ExtensionParams>) {
        (self.extensions, self.answers)
    }
}
