//! permessage-deflate (RFC 7692): parameters, and decompression of what a peer sends.

use flate2::{Decompress, FlushDecompress, Status};

use crate::case::{Deflate, Role};
use crate::distance;

/// Parameters of permessage-deflate as a list of names and values.
pub(crate) type Params = Vec<(String, Option<String>)>;

/// Reads the elements of a `Sec-WebSocket-Extensions` value: names with parameters. It forgives much.
pub(crate) fn elements(value: &str) -> Vec<(String, Params)> {
    let element = |element: &str| {
        let mut parts = element.split(';').map(str::trim);
        let name = parts.next().filter(|name| !name.is_empty())?;
        Some((name.to_owned(), parts.map(parameter).collect()))
    };
    value.split(',').filter_map(element).collect()
}

fn parameter(text: &str) -> (String, Option<String>) {
    match text.split_once('=') {
        Some((name, value)) => (name.trim().to_owned(), Some(value.trim().trim_matches('"').to_owned())),
        None => (text.to_owned(), None),
    }
}

/// The offer of a client that needs these parameters.
pub(crate) fn offer(needed: Deflate) -> String {
    let mut offer = "permessage-deflate".to_owned();
    if needed.server_no_context_takeover {
        offer.push_str("; server_no_context_takeover");
    }
    if needed.client_no_context_takeover {
        offer.push_str("; client_no_context_takeover");
    }
    if needed.server_max_window_bits < 15 {
        offer.push_str(&format!("; server_max_window_bits={}", needed.server_max_window_bits));
    }
    if needed.client_max_window_bits < 15 {
        offer.push_str(&format!("; client_max_window_bits={}", needed.client_max_window_bits));
    }
    offer
}

/// What an answer agrees on. `None` if a value is not valid.
pub(crate) fn agreed(answer: &Params) -> Option<Deflate> {
    let has = |name: &str| answer.iter().any(|(param, _)| param == name);
    let bits = |name: &str| match answer.iter().find(|(param, _)| param == name) {
        Some((_, value)) => value.as_deref()?.parse().ok().filter(|bits| (8..=15).contains(bits)),
        None => Some(15),
    };
    Some(Deflate {
        server_no_context_takeover: has("server_no_context_takeover"),
        client_no_context_takeover: has("client_no_context_takeover"),
        server_max_window_bits: bits("server_max_window_bits")?,
        client_max_window_bits: bits("client_max_window_bits")?,
    })
}

/// Decompresses the messages of one direction.
#[derive(Debug)]
pub(crate) struct Inflater {
    stream: Decompress,
    no_context_takeover: bool,
    window_bits: u8,
}

impl Inflater {
    /// For the messages that an endpoint in this role sends.
    pub(crate) fn new(agreed: Deflate, sender: Role) -> Self {
        let (no_context_takeover, window_bits) = match sender {
            Role::Server => (agreed.server_no_context_takeover, agreed.server_max_window_bits),
            Role::Client => (agreed.client_no_context_takeover, agreed.client_max_window_bits),
        };
        let stream = Decompress::new(false);
        Self { stream, no_context_takeover, window_bits }
    }

    /// Decompresses a whole message.
    pub(crate) fn message(&mut self, payload: &[u8]) -> Result<Vec<u8>, String> {
        if self.no_context_takeover {
            self.stream.reset(false);
        }
        if self.window_bits < 15 {
            let window = 1_usize << self.window_bits;
            match distance::longest(payload) {
                Some(distance) if distance > window => {
                    return Err(format!("reaches {distance} bytes back, and the agreed window has {window}"));
                }
                _ => {}
            }
        }
        let mut input = payload;
        let tail = [0, 0, 0xff, 0xff];
        let mut tail_left = tail.as_slice();
        let mut output = Vec::new();
        let mut buffer = vec![0; 64 << 10];
        loop {
            let from_payload = !input.is_empty();
            let source = if from_payload { &mut input } else { &mut tail_left };
            let (before_in, before_out) = (self.stream.total_in(), self.stream.total_out());
            let status = self
                .stream
                .decompress(source, &mut buffer, FlushDecompress::Sync)
                .map_err(|error| format!("cannot be decompressed: {error}"))?;
            let used = usize::try_from(self.stream.total_in().saturating_sub(before_in)).unwrap_or(0);
            let made = usize::try_from(self.stream.total_out().saturating_sub(before_out)).unwrap_or(0);
            *source = source.get(used..).unwrap_or_default();
            output.extend_from_slice(buffer.get(..made).unwrap_or_default());
            if output.len() > MAX_MESSAGE {
                return Err("is longer than 256 MiB decompressed".to_owned());
            }
            if status == Status::StreamEnd {
                // A block with BFINAL: legal, and the next block begins at the next byte (RFC 7692 §7.2.3.4).
                self.stream.reset(false);
            }
            if made == 0 && input.is_empty() && (tail_left.is_empty() || used == 0) {
                return Ok(output);
            }
            if made == 0 && used == 0 && from_payload {
                return Err("cannot be decompressed: no progress".to_owned());
            }
        }
    }
}

const MAX_MESSAGE: usize = 256 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Deflate = Deflate {
        server_no_context_takeover: false,
        client_no_context_takeover: false,
        server_max_window_bits: 15,
        client_max_window_bits: 15,
    };

    #[test]
    fn messages_of_the_rfc_are_decompressed() {
        let mut inflater = Inflater::new(FULL, Role::Server);
        assert_eq!(inflater.message(b"\xf2\x48\xcd\xc9\xc9\x07\x00").as_deref(), Ok(b"Hello".as_slice()));
        // With the window of the message before (RFC 7692 §7.2.3.2).
        assert_eq!(inflater.message(b"\xf2\x00\x11\x00\x00").as_deref(), Ok(b"Hello".as_slice()));
        assert_eq!(inflater.message(b"\x00").as_deref(), Ok(b"".as_slice()));
        assert!(inflater.message(b"\xff").is_err());
    }

    #[test]
    fn window_of_the_message_before_is_not_there_after_no_context_takeover() {
        let mut inflater = Inflater::new(Deflate { server_no_context_takeover: true, ..FULL }, Role::Server);
        assert!(inflater.message(b"\xf2\x48\xcd\xc9\xc9\x07\x00").is_ok());
        assert!(inflater.message(b"\xf2\x00\x11\x00\x00").is_err());
    }

    #[test]
    fn distance_beyond_the_agreed_window_is_an_error() {
        let noise =
            std::iter::successors(Some(1_u32), |x| Some(x.wrapping_mul(1_103_515_245).wrapping_add(12_345)));
        let mut data: Vec<u8> = noise.take(700).map(|x| (x >> 16).to_be_bytes()[3]).collect();
        data.extend(data.clone());
        let mut writer = flate2::Compress::new_with_window_bits(flate2::Compression::best(), false, 15);
        let mut packed = Vec::with_capacity(4096);
        writer.compress_vec(&data, &mut packed, flate2::FlushCompress::Sync).unwrap();
        packed.truncate(packed.len() - 4);
        assert_eq!(Inflater::new(FULL, Role::Server).message(&packed), Ok(data));
        assert!(
            Inflater::new(Deflate { server_max_window_bits: 9, ..FULL }, Role::Server)
                .message(&packed)
                .is_err()
        );
    }

    #[test]
    fn parameters_are_read_and_written() {
        let needed = Deflate { client_no_context_takeover: true, server_max_window_bits: 9, ..FULL };
        let list = elements(&format!("foo, {}", offer(needed)));
        assert_eq!(list.len(), 2);
        assert_eq!((list[1].0.as_str(), agreed(&list[1].1)), ("permessage-deflate", Some(needed)));
        assert_eq!(agreed(&elements("permessage-deflate; server_max_window_bits=7")[0].1), None);
    }
}
