//! permessage-deflate: compressed messages (RFC 7692).

mod params;
mod compressor;
mod stream;
#[cfg(not(feature = "std"))]
#[path = "no_pool.rs"]
mod pool;
#[cfg(feature = "std")]
mod pool;
mod deflater;
mod inflater;
#[cfg(test)]
mod renewal;

use alloc::vec::Vec;

use crate::error::NegotiationError;
use crate::role::Role;

use super::OutboundExtension;
use super::negotiation::{Extension, NegotiatedExtension};
use super::outbound::StandaloneWindow;
use super::params::ExtensionParams;

use deflater::Deflater;
use inflater::Inflater;
#[cfg(not(feature = "std"))]
use pool::DeflatePool;

pub use params::DeflateParams;
use params::{NAME, Offer, Window, client_window_is_missing};
#[cfg(feature = "std")]
pub use pool::DeflatePool;

/// The settings of permessage-deflate: what is offered, what is accepted, and how messages are compressed.
///
/// A client offers these settings; a server accepts the offers that fit them. The settings for our own direction hold
/// whatever the peer says. If the peer compresses without context takeover, this saves memory on this side; a smaller
/// window of the peer does not.
///
/// A window is not a limit on what is read: a peer that looks back further than was agreed on is understood, as far as
/// DEFLATE can look back. zlib would fail it or not, depending on how the bytes were cut into reads.
///
/// Final blocks are limited, because up to 32 KiB are copied after each. A message may have one. The connection may have
/// 15 more, and one more for each 8 KiB of decompressed data, complete or begun. With more, it fails with
/// [`InvalidDeflate`](crate::RemoteProtocolError::InvalidDeflate). Usual compressors write none, or one at the end of a
/// message (RFC 7692 §7.2.3.4).
///
/// ```
/// use wsproto::{ExtensionParams, Extensions, PermessageDeflate};
///
/// let client = PermessageDeflate::new().with_server_max_window_bits(12);
/// let server = PermessageDeflate::new().with_client_no_context_takeover();
///
/// let offer = "permessage-deflate; server_max_window_bits=12; client_max_window_bits";
/// let offers = ExtensionParams::parse_list(offer.as_bytes()).unwrap();
/// let (_, answers) = Extensions::accept_offers(&[&server], &offers);
/// let answer = "permessage-deflate; client_no_context_takeover; server_max_window_bits=12";
/// assert_eq!(answers[0].to_string(), answer);
/// assert!(Extensions::accept_responses(&[&client], &answers).is_ok());
/// ```
///
/// # Memory
///
/// A connection has no compressor and no decompressor before the first compressed message in that direction, and
/// none after its end. A decompression bomb needs no more memory than any message: at most 32 KiB and one byte are
/// returned at a time.
///
/// In a direction without context takeover, the memory is kept for the next message, and freed when the connection is
/// idle: that of the decompressor after eight calls in a row that found nothing to read, and that of the compressor
/// after eight control frames during which nothing was compressed. Each time that the memory is needed again, these
/// numbers double, up to 1024.
///
/// [`release_memory`](crate::Connection::release_memory) frees it at once, with context takeover too: call it if you know
/// that a connection is idle. With context takeover, the end of the messages is kept: at most 32 KiB of those received,
/// and 1 KiB of those sent. What is received later is the same as without the call. The next message that is sent
/// can refer only to that 1 KiB, so its bytes are others, and may be more; the peer inflates them to the same message.
///
/// Connections that share a [`DeflatePool`] need no memory of their own for compressors and decompressors between two
/// messages.
///
#[cfg_attr(feature = "std", doc = "[`DeflatePool`]: crate::DeflatePool")]
#[cfg_attr(not(feature = "std"), doc = "[`DeflatePool`]: crate#features")]
///
/// It takes 119 KiB to decompress, whatever was negotiated. A compressor takes this many KiB, at any level, by the window
/// bits of this side (rows) and by [memory level](Self::with_mem_level) (columns), as measured:
///
/// | window bits | 1 | 4 | 8 | 9 |
/// |---|---|---|---|---|
/// | 8 | 135 | 141 | 246 | 358 |
/// | 9 | 135 | 141 | 246 | 358 |
/// | 10 | 137 | 144 | 249 | 361 |
/// | 11 | 141 | 148 | 253 | 365 |
/// | 12 | 149 | 156 | 261 | 373 |
/// | 13 | 165 | 172 | 277 | 389 |
/// | 14 | 197 | 204 | 309 | 421 |
/// | 15 | 261 | 268 | 373 | 485 |
///
/// While a payload is sent, its compressed form is stored as well, in at most twice its length; up to 64 KiB of that
/// memory are kept for the next payload.
#[doc(alias = "PerMessageDeflate")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermessageDeflate {
    params: DeflateParams,
    fallback: bool,
    offers_client_window: bool,
    requires_client_window: bool,
    compression: Compression,
    max_ratio: Option<u32>,
    pool: Option<DeflatePool>,
}

/// How this side compresses; nothing of it is negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Compression {
    level: u8,
    mem_level: u8,
    threshold: usize,
}

impl PermessageDeflate {
    /// The default settings: context takeover in both directions, windows of 32 KiB, level 1.
    ///
    /// ```
    /// use wsproto::{Extension, PermessageDeflate};
    ///
    /// let [offer] = &PermessageDeflate::new().offers()[..] else { unreachable!() };
    /// assert_eq!(offer.to_string(), "permessage-deflate; client_max_window_bits");
    /// ```
    pub const fn new() -> Self {
        Self {
            params: DeflateParams::DEFAULT,
            fallback: false,
            offers_client_window: true,
            requires_client_window: false,
            compression: Compression { level: 1, mem_level: 8, threshold: 32 },
            max_ratio: None,
            pool: None,
        }
    }

    /// Has the server compress each message without the earlier ones (§7.1.1.1).
    ///
    /// A client requests it; a server does it even if the client does not.
    ///
    /// ```
    /// use wsproto::{Extension, PermessageDeflate};
    ///
    /// let offers = PermessageDeflate::new().with_server_no_context_takeover().offers();
    /// let offer = "permessage-deflate; server_no_context_takeover; client_max_window_bits";
    /// assert_eq!(offers[0].to_string(), offer);
    /// ```
    #[must_use]
    pub const fn with_server_no_context_takeover(mut self) -> Self {
        self.params.server_no_context_takeover = true;
        self
    }

    /// Has the client compress each message without the earlier ones (§7.1.1.2).
    ///
    /// A server requests it; a client does it even if the server does not.
    ///
    /// ```
    /// use wsproto::{Extension, PermessageDeflate};
    ///
    /// let offers = PermessageDeflate::new().with_client_no_context_takeover().offers();
    /// let offer = "permessage-deflate; client_no_context_takeover; client_max_window_bits";
    /// assert_eq!(offers[0].to_string(), offer);
    /// ```
    #[must_use]
    pub const fn with_client_no_context_takeover(mut self) -> Self {
        self.params.client_no_context_takeover = true;
        self
    }

    /// Limits the server's window to 2 to the power of `bits` bytes, 8 to 15; the default is 15 (§7.1.2.1).
    ///
    /// Values out of range are clamped.
    #[must_use]
    pub const fn with_server_max_window_bits(mut self, bits: u8) -> Self {
        self.params.server_max_window_bits = clamp(bits, 8, 15);
        self
    }

    /// Limits the client's window to 2 to the power of `bits` bytes, 8 to 15; the default is 15 (§7.1.2.2).
    ///
    /// Values outside the range become the nearest one inside. A server can request it only if the client has offered
    /// the parameter: see [`requiring_client_max_window_bits`](Self::requiring_client_max_window_bits). A client
    /// offers it, also after [`without_client_max_window_bits`](Self::without_client_max_window_bits).
    ///
    /// ```
    /// use wsproto::{Extension, PermessageDeflate};
    ///
    /// let offers = PermessageDeflate::new().with_client_max_window_bits(10).offers();
    /// assert_eq!(offers[0].to_string(), "permessage-deflate; client_max_window_bits=10");
    /// ```
    #[must_use]
    pub const fn with_client_max_window_bits(mut self, bits: u8) -> Self {
        self.params.client_max_window_bits = clamp(bits, 8, 15);
        self.offers_client_window = true;
        self
    }

    /// Has a client add a second offer that requests nothing of the server, for servers that decline the first.
    ///
    /// ```
    /// use wsproto::{Extension, PermessageDeflate};
    ///
    /// let offers = PermessageDeflate::new().with_server_max_window_bits(10).with_fallback().offers();
    /// assert_eq!(offers[1].to_string(), "permessage-deflate; client_max_window_bits");
    /// ```
    #[must_use]
    pub const fn with_fallback(mut self) -> Self {
        self.fallback = true;
        self
    }

    /// Has a client not offer `client_max_window_bits`, so that the server cannot limit the client's window.
    ///
    /// An answer that has it nevertheless is refused (§7.1.2.2). A limit that was
    /// [set](Self::with_client_max_window_bits) before is kept, but not offered.
    ///
    /// ```
    /// use wsproto::{Extension, PermessageDeflate};
    ///
    /// let offers = PermessageDeflate::new().without_client_max_window_bits().offers();
    /// assert_eq!(offers[0].to_string(), "permessage-deflate");
    /// ```
    #[must_use]
    pub const fn without_client_max_window_bits(mut self) -> Self {
        self.offers_client_window = false;
        self
    }

    /// Has a server that [limits](Self::with_client_max_window_bits) the client's window decline offers without
    /// `client_max_window_bits`.
    ///
    /// ```
    /// use wsproto::{ExtensionParams, PermessageDeflate};
    ///
    /// let server = PermessageDeflate::new().with_client_max_window_bits(10);
    /// let offer = ExtensionParams::new("permessage-deflate");
    /// assert!(server.answer(&offer).is_ok()); // the client's window is not limited
    /// assert!(server.requiring_client_max_window_bits().answer(&offer).is_err());
    /// ```
    #[must_use]
    pub const fn requiring_client_max_window_bits(mut self) -> Self {
        self.requires_client_window = true;
        self
    }

    /// Sets the level: 0 stores, 1 (the default) is the fastest, 9 the smallest.
    ///
    /// The default was measured: see `benches/README.md`. Values out of range are clamped.
    #[must_use]
    pub const fn with_level(mut self, level: u8) -> Self {
        self.compression.level = clamp(level, 0, 9);
        self
    }

    /// Sets zlib's memory level, 1 to 9: the compressor's memory besides its window; the default is 8.
    ///
    /// Values out of range are clamped.
    #[must_use]
    pub const fn with_mem_level(mut self, mem_level: u8) -> Self {
        self.compression.mem_level = clamp(mem_level, 1, 9);
        self
    }

    /// Messages of less than `len` bytes are sent uncompressed; the default is 32.
    ///
    /// So is each that [`send_plain`](crate::Sender::send_plain) sends, for example a secret that should not share a window
    /// with data of somebody else (RFC 7692 §8).
    ///
    /// The pieces of a message that is [sent in pieces](crate::TextMessage::partial) are compressed, as it is
    /// not known how many will follow.
    #[must_use]
    pub const fn with_threshold(mut self, len: usize) -> Self {
        self.compression.threshold = len;
        self
    }

    /// Limits how many times longer a received message may be than its compressed bytes; the first 64 KiB are free.
    ///
    /// The ratio is checked at each byte of the message, not only at its end. The default is no limit: DEFLATE reaches
    /// at most 1032, and [`Limits`](crate::Limits) has a limit on the length.
    ///
    /// ```
    /// use wsproto::{Connection, DeflateParams, Event, Extensions, Limits, RemoteProtocolError};
    /// use wsproto::{BytesMessage, PermessageDeflate, Role, SeededEntropy};
    ///
    /// let deflate = PermessageDeflate::new().with_max_ratio(10);
    /// let extensions = |role| {
    ///     let mut extensions = Extensions::new();
    ///     extensions.push(deflate.negotiated(role, DeflateParams::DEFAULT)).unwrap();
    ///     extensions
    /// };
    /// let client = Connection::client(Limits::default(), SeededEntropy::new());
    /// let mut client = client.with_extensions(extensions(Role::Client));
    /// let mut server = Connection::server(Limits::default()).with_extensions(extensions(Role::Server));
    ///
    /// let mut bomb = Vec::new();
    /// client.send(BytesMessage::new(&[0; 1 << 20]), &mut bomb)?;
    /// let mut input = bomb.as_mut_slice();
    /// let error = loop {
    ///     match server.next_event(&mut input) {
    ///         Ok(Some(Event::Bytes(_))) => {} // 32 KiB or less
    ///         Ok(_) => unreachable!(),
    ///         Err(error) => break error,
    ///     }
    /// };
    /// assert_eq!(error, RemoteProtocolError::InflationRatio);
    /// # Ok::<(), wsproto::LocalProtocolError>(())
    /// ```
    #[must_use]
    pub const fn with_max_ratio(mut self, ratio: u32) -> Self {
        self.max_ratio = Some(ratio);
        self
    }

    /// Has connections share their compressors and decompressors: see [`DeflatePool`]. They share nothing by default.
    ///
    /// ```
    /// use wsproto::{DeflatePool, PermessageDeflate};
    ///
    /// let pool = DeflatePool::new(16);
    /// let deflate = PermessageDeflate::new().with_pool(&pool);
    /// assert_eq!(deflate, PermessageDeflate::new().with_pool(&pool.clone())); // the same pool
    /// ```
    #[cfg(feature = "std")]
    #[must_use]
    pub fn with_pool(mut self, pool: &DeflatePool) -> Self {
        self.pool = Some(pool.clone());
        self
    }

    /// Makes the extension of a connection, with parameters that were negotiated elsewhere.
    ///
    /// Window bits outside 8 to 15 are clamped.
    ///
    /// ```
    /// use wsproto::{Connection, DeflateParams, Event, Extensions, Limits};
    /// use wsproto::{PermessageDeflate, Role, TextMessage};
    ///
    /// let mut extensions = Extensions::new();
    /// let deflate = PermessageDeflate::new().negotiated(Role::Server, DeflateParams::DEFAULT);
    /// extensions.push(deflate).unwrap();
    /// let mut server = Connection::server(Limits::default()).with_extensions(extensions);
    ///
    /// let mut bytes = *b"\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\x00"; // RFC 7692 §7.2.3.1, masked with 0
    /// let event = server.next_event(&mut bytes.as_mut_slice())?;
    /// assert_eq!(event, Some(Event::Text(TextMessage::new("Hello"))));
    /// # Ok::<(), wsproto::RemoteProtocolError>(())
    /// ```
    pub fn negotiated(&self, role: Role, params: DeflateParams) -> NegotiatedExtension {
        let (server, client) = (params.server(), params.client());
        let (theirs, ours) = match role {
            Role::Server => (client, server),
            Role::Client => (server, client),
        };
        let agreed = NegotiatedExtension::new(
            Inflater::new(theirs, self.max_ratio, self.pool.clone()),
            Deflater::new(ours, self.compression, self.pool.clone()),
        );
        agreed.with_standalone_window(StandaloneWindow { bits: ours.bits, takeover: ours.takeover })
    }
}

impl PermessageDeflate {
    /// As a client, checks a server's response to the offers of these settings, and returns what both sides use.
    ///
    /// # Errors
    ///
    /// The parameter that is malformed, or does not fit the offers; with [fallback](Self::with_fallback), those of the
    /// last one.
    pub fn agreed_params(&self, answer: &ExtensionParams) -> Result<DeflateParams, NegotiationError> {
        let answer = Offer::parse_answer(answer)?;
        let (offer, fallback) = self.own_offers();
        match fallback {
            Some(fallback) => offer.agree(answer).or_else(|_| fallback.agree(answer)),
            None => offer.agree(answer),
        }
    }

    /// As a server, makes the response to an offer, and returns what both sides use then.
    ///
    /// # Errors
    ///
    /// Why the offer is declined: the parameter that is malformed, or that these settings require and is missing.
    pub fn answer(
        &self,
        offer: &ExtensionParams,
    ) -> Result<(ExtensionParams, DeflateParams), NegotiationError> {
        let offer = Offer::parse_offer(offer)?;
        let asks_the_client = self.params.client_max_window_bits < Window::MAX_BITS;
        if self.requires_client_window && asks_the_client && !offer.lets_client_window_be_set() {
            return Err(client_window_is_missing());
        }
        let (answer, params) = offer.accept(self.params);
        Ok((answer.to_params(), params))
    }

    /// Compresses a message without earlier ones, as a server does, and returns it with its window bits.
    pub(crate) fn deflate_alone(&self, payload: &[u8]) -> (Vec<u8>, u8) {
        let mut window = self.params.server();
        window.takeover = false;
        let deflated =
            Deflater::new(window, self.compression, self.pool.clone()).encode(payload, true).to_vec();
        (deflated, window.bits)
    }

    /// What a client offers: what it prefers, and what it would put up with.
    fn own_offers(&self) -> (Offer, Option<Offer>) {
        let offer = Offer::of_client(self.params, self.offers_client_window);
        let fallback = (self.fallback && offer.asks_the_server()).then(|| offer.without_asking_the_server());
        (offer, fallback)
    }
}

impl Default for PermessageDeflate {
    fn default() -> Self {
        Self::new()
    }
}

impl Extension for PermessageDeflate {
    fn name(&self) -> &str {
        NAME
    }

    fn offers(&self) -> Vec<ExtensionParams> {
        let (offer, fallback) = self.own_offers();
        core::iter::once(offer).chain(fallback).map(Offer::to_params).collect()
    }

    fn accept_response(&self, answer: &ExtensionParams) -> Result<NegotiatedExtension, NegotiationError> {
        Ok(self.negotiated(Role::Client, self.agreed_params(answer)?))
    }

    fn accept_offer(&self, offer: &ExtensionParams) -> Option<(ExtensionParams, NegotiatedExtension)> {
        let (answer, params) = self.answer(offer).ok()?;
        Some((answer, self.negotiated(Role::Server, params)))
    }
}

const fn clamp(value: u8, min: u8, max: u8) -> u8 {
    match value {
        _ if value < min => min,
        _ if value > max => max,
        _ => value,
    }
}

/// The difference of two values of one of zlib's counters.
fn since(start: u64, now: u64) -> usize {
    usize::try_from(now.wrapping_sub(start)).unwrap_or(usize::MAX)
}

/// The end of an empty stored block, which a sender removes from a message (§7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];
