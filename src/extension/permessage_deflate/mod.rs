//! permessage-deflate: messages compressed one by one (RFC 7692).

mod params;
mod deflater;
mod inflater;
#[cfg(test)]
mod renewal;

use alloc::vec::Vec;

use crate::role::Role;

use super::OutboundExtension;
use super::negotiation::{Extension, NegotiatedExtension};
use super::params::ExtensionParams;

use deflater::Deflater;
use inflater::Inflater;

pub use params::DeflateParams;
use params::{NAME, Terms, Window};

/// The settings of permessage-deflate: what is offered, what is accepted, and how is compressed.
///
/// The same settings serve a client, which offers them, and a server, which holds offers against them. What is
/// set for the own direction is kept whatever the peer says. Of what is asked of the peer's, doing without
/// context takeover saves memory on this side; a smaller window does not.
///
/// Nor is a window a limit on what is read: a peer that looks back further than was agreed on is understood, as
/// far as DEFLATE can look back. Whether to fail it, zlib would decide by how the bytes were cut into reads.
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
/// assert!(Extensions::accept_responses(&[&client], &answers).is_some());
/// ```
///
/// # Memory
///
/// A connection holds no compressor and no decompressor before the first compressed message in that direction, and
/// none after its end. A bomb takes no more than any message: what comes of it is returned 32 KiB at a time at most.
///
/// In a direction without context takeover, the memory is kept for the next message, and freed once the connection is
/// idle: that of the decompressor after eight calls in a row that found nothing to read, and that of the compressor
/// after eight control frames in which nothing was compressed. Each time that it is needed again, it takes twice as
/// many, up to 1024. [`release_memory`](crate::Connection::release_memory) frees it at once: call it if you know that a
/// connection is idle.
///
/// It takes 119 KiB to decompress, whatever was agreed on. To compress, it takes this many KiB, at any level, by
/// the size of our own window and by [memory level](Self::with_mem_level), as measured:
///
/// | bits | 1 | 4 | 8 | 9 |
/// |---|---|---|---|---|
/// | 8 | 134 | 140 | 245 | 357 |
/// | 9 | 134 | 140 | 245 | 357 |
/// | 10 | 136 | 142 | 247 | 359 |
/// | 11 | 140 | 146 | 251 | 363 |
/// | 12 | 148 | 154 | 259 | 371 |
/// | 13 | 164 | 170 | 275 | 387 |
/// | 14 | 196 | 202 | 307 | 419 |
/// | 15 | 260 | 266 | 371 | 483 |
///
/// While a payload is sent, what it becomes is held as well, and at most twice its length of memory; up to 64 KiB of
/// that are kept for the next one.
#[doc(alias = "PerMessageDeflate")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermessageDeflate {
    params: DeflateParams,
    fallback: bool,
    offers_client_window: bool,
    requires_client_window: bool,
    compression: Compression,
    max_ratio: Option<u32>,
}

/// How this side compresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Compression {
    level: u8,
    mem_level: u8,
    threshold: usize,
}

impl PermessageDeflate {
    /// Context takeover in both directions, windows of 32 KiB.
    pub const fn new() -> Self {
        Self {
            params: DeflateParams::DEFAULT,
            fallback: false,
            offers_client_window: true,
            requires_client_window: false,
            compression: Compression { level: 1, mem_level: 8, threshold: 32 },
            max_ratio: None,
        }
    }

    /// The server is to compress each message by itself (§7.1.1.1): a client then asks for it, and a server
    /// does it unasked.
    #[must_use]
    pub const fn with_server_no_context_takeover(mut self) -> Self {
        self.params.server_no_context_takeover = true;
        self
    }

    /// The client is to compress each message by itself (§7.1.1.2): a server then asks for it, and a client
    /// does it unasked.
    #[must_use]
    pub const fn with_client_no_context_takeover(mut self) -> Self {
        self.params.client_no_context_takeover = true;
        self
    }

    /// The server is to look back at most 2 to the power of `bits` bytes, 8 to 15 (§7.1.2.1).
    ///
    /// Values outside are taken to the nearest one inside.
    #[must_use]
    pub const fn with_server_max_window_bits(mut self, bits: u8) -> Self {
        self.params.server_max_window_bits = clamp(bits, 8, 15);
        self
    }

    /// The client is to look back at most 2 to the power of `bits` bytes, 8 to 15 (§7.1.2.2).
    ///
    /// A server can ask for it only if the client has offered to: see
    /// [`requiring_client_max_window_bits`](Self::requiring_client_max_window_bits).
    ///
    /// A client offers it, also after [`without_client_max_window_bits`](Self::without_client_max_window_bits).
    #[must_use]
    pub const fn with_client_max_window_bits(mut self, bits: u8) -> Self {
        self.params.client_max_window_bits = clamp(bits, 8, 15);
        self.offers_client_window = true;
        self
    }

    /// As a client, offers once more, without what is asked of the server, for servers that cannot do it.
    #[must_use]
    pub const fn with_fallback(mut self) -> Self {
        self.fallback = true;
        self
    }

    /// As a client, does not offer `client_max_window_bits`: the server cannot say how far to look back.
    ///
    /// An answer that has it all the same is refused (§7.1.2.2). A window that was
    /// [set](Self::with_client_max_window_bits) before is kept to without being offered.
    #[must_use]
    pub const fn without_client_max_window_bits(mut self) -> Self {
        self.offers_client_window = false;
        self
    }

    /// As a server, declines offers of clients that cannot be asked for a smaller window.
    #[must_use]
    pub const fn requiring_client_max_window_bits(mut self) -> Self {
        self.requires_client_window = true;
        self
    }

    /// How hard to try, from 0, which only stores, over 1, the fastest and the default, to 9.
    ///
    /// The default was measured: see `benches/README.md`. Values outside are taken to the nearest one inside.
    #[must_use]
    pub const fn with_level(mut self, level: u8) -> Self {
        self.compression.level = clamp(level, 0, 9);
        self
    }

    /// How much memory the compressor may use beside its window, from 1 to 9; the default is 8.
    ///
    /// Values outside are taken to the nearest one inside.
    #[must_use]
    pub const fn with_mem_level(mut self, mem_level: u8) -> Self {
        self.compression.mem_level = clamp(mem_level, 1, 9);
        self
    }

    /// Messages of less than `len` bytes go out as they are; the default is 32.
    ///
    /// So does each that [`send_plain`](crate::Sender::send_plain) sends: a secret, say, that should not share a
    /// window with what somebody else says (RFC 7692 §8).
    ///
    /// The pieces of a message that is [sent in pieces](crate::TextMessage::partial) are compressed, as nobody
    /// knows how many will come.
    #[must_use]
    pub const fn with_threshold(mut self, len: usize) -> Self {
        self.compression.threshold = len;
        self
    }

    /// A received message may become at most `ratio` times as long as what has come of it on the wire; its first 64 KiB
    /// are not counted.
    ///
    /// The ratio holds at each byte of the message, and not only at its end. Not limited unless set: DEFLATE can reach
    /// 1032, and the length of a message is limited anyway.
    #[must_use]
    pub const fn with_max_ratio(mut self, ratio: u32) -> Self {
        self.max_ratio = Some(ratio);
        self
    }

    /// Runs the extension with parameters that were agreed on elsewhere.
    ///
    /// Window bits outside 8 to 15 are taken to the nearest inside.
    ///
    /// ```
    /// use wsproto::{Connection, DeflateParams, Event, Extensions, Limits, NoEntropy};
    /// use wsproto::{PermessageDeflate, Role, TextMessage};
    ///
    /// let mut extensions = Extensions::new();
    /// let agreed = PermessageDeflate::new().run(Role::Server, DeflateParams::DEFAULT);
    /// extensions.push(agreed).unwrap();
    /// let mut server = Connection::server(Limits::default()).with_extensions(extensions);
    ///
    /// let mut bytes = *b"\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\x00"; // RFC 7692 §7.2.3.1, masked with 0
    /// let event = server.next_event(&mut bytes.as_mut_slice())?;
    /// assert_eq!(event, Some(Event::Text(TextMessage::new("Hello"))));
    /// # Ok::<(), wsproto::RemoteProtocolError>(())
    /// ```
    pub fn run(&self, role: Role, params: DeflateParams) -> NegotiatedExtension {
        let (server, client) = (params.server(), params.client());
        let (theirs, ours) = match role {
            Role::Server => (client, server),
            Role::Client => (server, client),
        };
        let agreed = NegotiatedExtension::new(
            Inflater::new(theirs, self.max_ratio),
            Deflater::new(ours, self.compression),
        );
        // With context takeover, the peer has to inflate all messages in a row.
        if ours.takeover { agreed } else { agreed.with_standalone_window(ours.bits) }
    }
}

impl PermessageDeflate {
    /// What a server's answer to these settings' offers comes to; `None` where it is no answer to them.
    pub fn agreed_params(&self, answer: &ExtensionParams) -> Option<DeflateParams> {
        let answer = Terms::parse_answer(answer)?;
        self.terms().find_map(|offer| offer.agree(answer))
    }

    /// What a server with these settings answers to an offer, and what that comes to; `None` to decline it.
    pub fn answer(&self, offer: &ExtensionParams) -> Option<(ExtensionParams, DeflateParams)> {
        let offer = Terms::parse_offer(offer)?;
        let asks_the_client = self.params.client_max_window_bits < Window::MAX_BITS;
        if self.requires_client_window && asks_the_client && !offer.lets_client_window_be_set() {
            return None;
        }
        let (answer, params) = offer.accept(self.params);
        Some((answer.to_params(), params))
    }

    /// A message compressed by itself, as a server does it, and how far that looks back at most.
    pub(crate) fn deflate_alone(&self, payload: &[u8]) -> (Vec<u8>, u8) {
        let window = Window { takeover: false, ..self.params.server() };
        let deflated = Deflater::new(window, self.compression).encode(payload, true).to_vec();
        (deflated, window.bits)
    }

    /// What a client offers, the best first.
    fn terms(&self) -> impl Iterator<Item = Terms> {
        let offer = Terms::offer(self.params, self.offers_client_window);
        let fallback = (self.fallback && offer.asks_the_server()).then(|| offer.without_asking_the_server());
        core::iter::once(offer).chain(fallback)
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
        self.terms().map(Terms::to_params).collect()
    }

    fn accept_response(&self, answer: &ExtensionParams) -> Option<NegotiatedExtension> {
        Some(self.run(Role::Client, self.agreed_params(answer)?))
    }

    fn accept_offer(&self, offer: &ExtensionParams) -> Option<(ExtensionParams, NegotiatedExtension)> {
        let (answer, params) = self.answer(offer)?;
        Some((answer, self.run(Role::Server, params)))
    }
}

const fn clamp(value: u8, min: u8, max: u8) -> u8 {
    match value {
        _ if value < min => min,
        _ if value > max => max,
        _ => value,
    }
}
