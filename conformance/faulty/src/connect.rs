//! The opening handshake of a client: a request, and the check of the response's head (RFC 6455 §4.1).

use base64::Engine;

use crate::accept::{BASE64, accept_value};
use crate::extension;
use crate::fault::{Fault, Faults};
use crate::head::{BadHead, Head, bad};
use crate::negotiation::{self, Agreed};
use crate::random::random_bytes;

/// What a client asks for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) host: String,
    pub(crate) target: String,
    pub(crate) key: String,
    pub(crate) subprotocols: Vec<String>,
    /// The value of `Sec-WebSocket-Extensions`.
    pub(crate) offer: Option<String>,
    /// More fields, whole lines.
    pub(crate) fields: String,
}

/// A connection that the server accepted.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) subprotocol: Option<String>,
    pub(crate) deflate: Option<Agreed>,
}

/// A new key: base64 of 16 random bytes.
pub(crate) fn key(faults: Faults) -> String {
    if faults.has(Fault::RepeatsKey) {
        return "dGhlIHNhbXBsZSBub25jZQ==".to_owned();
    }
    if faults.has(Fault::SendsShortKey) {
        return BASE64.encode(random_bytes::<15>());
    }
    BASE64.encode(random_bytes::<16>())
}

impl Asked {
    pub(crate) fn request(&self, faults: Faults) -> String {
        let method = if faults.has(Fault::SendsPost) { "POST" } else { "GET" };
        let http = if faults.has(Fault::SendsHttp10) { "HTTP/1.0" } else { "HTTP/1.1" };
        let mut request = format!("{method} {} {http}\r\n", self.target);
        let mut field = |name: &str, value: &str| request.push_str(&format!("{name}: {value}\r\n"));
        if !faults.has(Fault::OmitsHost) {
            field("Host", &self.host);
        }
        field("Upgrade", if faults.has(Fault::AsksForAnotherUpgrade) { "h2c" } else { "websocket" });
        field("Connection", if faults.has(Fault::AsksToKeepAlive) { "keep-alive" } else { "Upgrade" });
        field("Sec-WebSocket-Key", &self.key);
        field("Sec-WebSocket-Version", if faults.has(Fault::SendsOldVersion) { "8" } else { "13" });
        if !self.subprotocols.is_empty() {
            field("Sec-WebSocket-Protocol", &self.subprotocols.join(", "));
        }
        if let Some(offer) = &self.offer {
            field("Sec-WebSocket-Extensions", offer);
        }
        request.push_str(&self.fields);
        request.push_str("\r\n");
        request
    }

    /// Checks the final response.
    pub(crate) fn check(&self, head: &Head, faults: Faults) -> Result<Opened, BadHead> {
        if status(head) != Some(101) && !faults.has(Fault::AcceptsAnyStatus) {
            return Err(bad("the status is not 101"));
        }
        self.check_upgrade(head, faults)?;
        let subprotocol = self.subprotocol(head, faults)?;
        Ok(Opened { subprotocol, deflate: self.deflate(head, faults)? })
    }

    fn check_upgrade(&self, head: &Head, faults: Faults) -> Result<(), BadHead> {
        let mut upgrades = head.values("upgrade");
        let is_upgrade = upgrades.next().is_some_and(|value| value.eq_ignore_ascii_case("websocket"));
        if !(is_upgrade && upgrades.next().is_none() || faults.has(Fault::ClientIgnoresUpgrade)) {
            return Err(bad("Upgrade is not websocket"));
        }
        if !head.has_token("connection", "upgrade") && !faults.has(Fault::ClientIgnoresConnection) {
            return Err(bad("Connection without Upgrade"));
        }
        let accepts: Vec<&str> = head.values("sec-websocket-accept").collect();
        let expected = accept_value(&self.key);
        let is_accepted = match accepts.as_slice() {
            [value] if faults.has(Fault::ComparesAcceptWithoutCase) => value.eq_ignore_ascii_case(&expected),
            [value] => *value == expected,
            [] => faults.has(Fault::AcceptsMissingAccept),
            values => faults.has(Fault::AcceptsAnyOfTwoAccepts) && values.contains(&expected.as_str()),
        };
        if is_accepted || faults.has(Fault::IgnoresAccept) {
            Ok(())
        } else {
            Err(bad("a wrong Sec-WebSocket-Accept"))
        }
    }

    fn subprotocol(&self, head: &Head, faults: Faults) -> Result<Option<String>, BadHead> {
        let answered: Vec<&str> = head.values("sec-websocket-protocol").collect();
        match answered.as_slice() {
            [] => Ok(None),
            [name] if self.subprotocols.iter().any(|offered| offered == name) => Ok(Some((*name).to_owned())),
            [name] if faults.has(Fault::AcceptsUnofferedSubprotocol) => Ok(Some((*name).to_owned())),
            [name, ..] if faults.has(Fault::AcceptsTwoSubprotocols) => Ok(Some((*name).to_owned())),
            _ => Err(bad("a subprotocol that was not offered")),
        }
    }

    fn deflate(&self, head: &Head, faults: Faults) -> Result<Option<Agreed>, BadHead> {
        const RULE: BadHead = bad("an invalid answer to the offered extensions");
        let offered = extension::parse(self.offer.as_deref().into_iter(), Faults::NONE).map_err(|_| RULE)?;
        let answered = extension::parse(head.values("sec-websocket-extensions"), faults).map_err(|_| RULE)?;
        if answered.is_empty() && head.values("sec-websocket-extensions").next().is_some() {
            return Err(RULE);
        }
        negotiation::check_answer(&offered, &answered, faults).ok_or(RULE)
    }
}

/// Checks a status line, as soon as it is there.
pub(crate) fn check_status_line(line: &str, faults: Faults) -> Result<(), BadHead> {
    let rest = line.strip_prefix("HTTP/1.1 ");
    let rest = match line.strip_prefix("HTTP/1.0 ") {
        Some(rest) if faults.has(Fault::AcceptsHttp10Response) || !rest.starts_with("101") => Some(rest),
        _ => rest,
    };
    let code = rest.and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit()) && !code.starts_with('0');
    if is_code { Ok(()) } else { Err(bad("not a status line")) }
}

/// The status of a response whose status line was checked.
pub(crate) fn status(head: &Head) -> Option<u16> {
    head.start.split(' ').nth(1)?.parse().ok()
}
