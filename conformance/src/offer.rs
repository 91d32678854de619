//! The request of a client under test, and the suite's answer to it.

use crate::case::Deflate;
use crate::deflate::{self, Params};
use crate::head::{Head, accept_value, is_key};

/// Checks a request as a server has to (RFC 6455 §4.2.1); returns its key.
pub(crate) fn check(head: &Head) -> Result<String, String> {
    let starts_well = head.start.starts_with("GET ") && head.start.ends_with(" HTTP/1.1");
    if !starts_well {
        return Err("RFC 6455 §4.1: the request must be a GET of HTTP/1.1".to_owned());
    }
    if head.all("host").count() != 1 {
        return Err("RFC 6455 §4.1: the request must have one Host".to_owned());
    }
    if !head.has_token("upgrade", "websocket") {
        return Err("RFC 6455 §4.1: the request must have Upgrade: websocket".to_owned());
    }
    if !head.has_token("connection", "upgrade") {
        return Err("RFC 6455 §4.1: the request must have Connection: Upgrade".to_owned());
    }
    if head.all("sec-websocket-version").collect::<Vec<_>>() != ["13"] {
        return Err("RFC 6455 §4.1: the request must have Sec-WebSocket-Version: 13, once".to_owned());
    }
    match head.all("sec-websocket-key").collect::<Vec<_>>()[..] {
        [key] if is_key(key) => Ok(key.to_owned()),
        _ => Err("RFC 6455 §4.1: the request must have a Sec-WebSocket-Key of 16 bytes, once".to_owned()),
    }
}

/// Each offer of permessage-deflate, by preference.
pub(crate) fn offers(head: &Head) -> Vec<Params> {
    let elements = deflate::elements(&head.field("sec-websocket-extensions").unwrap_or_default());
    let offers = elements.into_iter().filter(|(name, _)| name == "permessage-deflate");
    offers.map(|(_, params)| params).collect()
}

/// The suite's answer to the first offer that allows these parameters, and what is agreed then.
pub(crate) fn answer(offers: &[Params], needed: Deflate) -> Option<(String, Deflate)> {
    offers.iter().find_map(|offer| {
        let value =
            |name: &str| offer.iter().find(|(param, _)| param == name).map(|(_, value)| value.as_deref());
        let bits = |value: Option<&str>| value.and_then(|value| value.parse::<u8>().ok());
        // What the client asks of the server it must get (RFC 7692 §7.1.1.1, §7.1.2.1).
        if value("server_no_context_takeover").is_some() && !needed.server_no_context_takeover {
            return None;
        }
        let most = value("server_max_window_bits").map_or(15, |value| bits(value).unwrap_or(15));
        if needed.server_max_window_bits > most {
            return None;
        }
        // The client's own window may be limited only if it offers that (RFC 7692 §7.1.2.2).
        let hint = value("client_max_window_bits");
        if needed.client_max_window_bits < 15 && hint.is_none() {
            return None;
        }
        let client_most = hint.flatten().and_then(|value| bits(Some(value))).unwrap_or(15);
        let answer = deflate::offer(needed);
        let client_max_window_bits = needed.client_max_window_bits.min(client_most);
        Some((answer, Deflate { client_max_window_bits, ..needed }))
    })
}

/// A response that accepts the request.
pub(crate) fn response(key: &str, extensions: Option<&str>) -> Vec<u8> {
    let accept = accept_value(key);
    let extensions =
        extensions.map(|value| format!("Sec-WebSocket-Extensions: {value}\r\n")).unwrap_or_default();
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{extensions}\r\n"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Deflate = Deflate {
        server_no_context_takeover: false,
        client_no_context_takeover: false,
        server_max_window_bits: 15,
        client_max_window_bits: 15,
    };

    fn answered(offer: &str, needed: Deflate) -> Option<String> {
        let offers: Vec<_> = deflate::elements(offer).into_iter().map(|(_, params)| params).collect();
        answer(&offers, needed).map(|(answer, _)| answer)
    }

    #[test]
    fn answer_never_goes_beyond_the_offer() {
        let plain = Some("permessage-deflate".to_owned());
        assert_eq!(answered("permessage-deflate", FULL), plain);
        assert_eq!(answered("permessage-deflate; client_max_window_bits", FULL), plain);
        assert_eq!(answered("permessage-deflate; server_max_window_bits=10", FULL), None);
        assert_eq!(answered("permessage-deflate; server_no_context_takeover", FULL), None);
        assert_eq!(answered("x; server_no_context_takeover, permessage-deflate", FULL), plain);
        let small = Deflate { client_max_window_bits: 9, ..FULL };
        assert_eq!(answered("permessage-deflate", small), None);
        assert!(answered("permessage-deflate; client_max_window_bits=10", small).is_some());
    }

    #[test]
    fn request_of_a_client_is_checked() {
        let good = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
        let checked = |text: &str| check(&Head::request(text.as_bytes()).unwrap().unwrap());
        assert!(checked(good).is_ok());
        for (from, to) in [
            ("GET", "PUT"),
            ("Host: h", "A: h"),
            ("websocket\r", "web\r"),
            ("Connection: Upgrade", "Connection: close"),
            ("dGhl", ""),
            ("Version: 13", "Version: 8"),
        ] {
            assert!(checked(&good.replacen(from, to, 1)).is_err(), "{to}");
        }
    }
}
