//! The opening handshake of a server: a request's head to an answer (RFC 6455 §4.2).

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use sha1::{Digest, Sha1};

use crate::extension;
use crate::fault::{Fault, Faults};
use crate::head::{BadHead, Head, bad, is_token, trim};
use crate::negotiation::{self, Agreed};

/// What the server supports.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    pub(crate) subprotocols: Vec<String>,
    /// The origins that are let in; all, if empty.
    pub(crate) origins: Vec<String>,
    pub(crate) deflate: bool,
    /// The subprotocol that the user has chosen, in place of the first that both speak.
    pub(crate) chosen: Option<String>,
}

/// An accepted request.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) response: String,
    /// Path and query.
    pub(crate) resource: String,
    pub(crate) subprotocol: Option<String>,
    pub(crate) deflate: Option<Agreed>,
}

/// Checks a request line, as soon as it is there.
pub(crate) fn check_request_line(line: &str, faults: Faults) -> Result<(), BadHead> {
    let mut parts = line.split(' ');
    let (method, target, version) = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(method), Some(target), Some(version), None) => (method, target, version),
        _ => return Err(bad("a request line without three parts")),
    };
    if method != "GET" && !(is_token(method) && faults.has(Fault::AcceptsAnyMethod)) {
        let status = if is_token(method) { 405 } else { 400 };
        return Err(BadHead { status, rule: "a method other than GET" });
    }
    match version.strip_prefix("HTTP/1.").map(str::as_bytes) {
        Some([b'1'..=b'9']) => {}
        Some([b'0']) if faults.has(Fault::AcceptsHttp10) => {}
        Some([b'0']) => return Err(BadHead { status: 505, rule: "HTTP/1.0" }),
        _ if version.starts_with("HTTP/") => {
            return Err(BadHead { status: 505, rule: "not a version of HTTP/1" });
        }
        _ => return Err(bad("not a version of HTTP")),
    }
    check_target(target, faults)
}

/// A path, or an absolute `http` or `https` URI (§4.2.1).
fn check_target(target: &str, faults: Faults) -> Result<(), BadHead> {
    if faults.has(Fault::AcceptsAnyTarget) {
        return Ok(());
    }
    let absolute = ["http://", "https://"].iter().find_map(|scheme| target.strip_prefix(scheme));
    let is_absolute = absolute.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?']));
    if is_absolute && faults.has(Fault::RefusesAbsoluteTarget) {
        return Err(bad("an absolute target"));
    }
    let is_uri = target.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>#\\^`{|}".contains(&byte));
    if is_uri && (target.starts_with('/') || is_absolute) { Ok(()) } else { Err(bad("not a request target")) }
}

/// The path and the query of a target that was checked.
fn resource(head: &Head) -> String {
    let target = head.start.split(' ').nth(1).unwrap_or_default();
    match target.split_once("://") {
        Some((_, rest)) if !target.starts_with('/') => match rest.find(['/', '?']) {
            Some(at) if rest.get(at..).is_some_and(|path| path.starts_with('/')) => {
                rest.get(at..).unwrap_or_default().to_owned()
            }
            Some(at) => format!("/{}", rest.get(at..).unwrap_or_default()),
            None => "/".to_owned(),
        },
        _ => target.to_owned(),
    }
}

/// Accepts a request, or refuses it with a status. `fields` are more lines of the response.
pub(crate) fn accept(
    head: &Head,
    policy: &Policy,
    fields: &str,
    faults: Faults,
) -> Result<Accepted, BadHead> {
    check_host(head, faults)?;
    check_body(head, faults)?;
    check_upgrade(head, faults)?;
    check_version(head, faults)?;
    let key = key(head, faults)?;
    let Negotiated { subprotocol, answer } = negotiate(head, policy, faults)?;
    let status = if faults.has(Fault::AnswersStatus200) { "200 OK" } else { "101 Switching Protocols" };
    let mut response = format!("HTTP/1.1 {status}\r\n");
    let mut field = |name: &str, value: &str| response.push_str(&format!("{name}: {value}\r\n"));
    if !faults.has(Fault::OmitsUpgrade) {
        field("Upgrade", "websocket");
    }
    if !faults.has(Fault::OmitsConnection) {
        field("Connection", "Upgrade");
    }
    if !faults.has(Fault::OmitsAccept) {
        field("Sec-WebSocket-Accept", &server_accept_value(key, faults));
    }
    if faults.has(Fault::RepeatsAccept) {
        field("Sec-WebSocket-Accept", &server_accept_value(key, faults));
    }
    match &subprotocol {
        Some(name) => field("Sec-WebSocket-Protocol", name),
        None if faults.has(Fault::AnswersEmptySubprotocol) => field("Sec-WebSocket-Protocol", ""),
        None => {}
    }
    if let Some((value, _)) = &answer {
        field("Sec-WebSocket-Extensions", value);
    }
    response.push_str(fields);
    response.push_str("\r\n");
    Ok(Accepted {
        response,
        resource: resource(head),
        subprotocol,
        deflate: answer.map(|(_, agreed)| agreed),
    })
}

/// What client and server have agreed on.
#[derive(Debug)]
pub(crate) struct Negotiated {
    pub(crate) subprotocol: Option<String>,
    /// The value of Sec-WebSocket-Extensions, and what it means.
    pub(crate) answer: Option<(String, Agreed)>,
}

/// The part of a request that is the same in HTTP/1.1 and HTTP/2: origin, subprotocols and extensions.
pub(crate) fn negotiate(head: &Head, policy: &Policy, faults: Faults) -> Result<Negotiated, BadHead> {
    check_origin(head, policy, faults)?;
    let subprotocol = subprotocol(head, policy, faults)?;
    let offers = extension::parse(head.values("sec-websocket-extensions"), faults)
        .map_err(|_| bad("malformed Sec-WebSocket-Extensions"))?;
    let answer = if policy.deflate { negotiation::answer(&offers, faults) } else { None };
    Ok(Negotiated { subprotocol, answer })
}

/// The response to a request that is not accepted.
pub(crate) fn refusal(reason: BadHead, faults: Faults) -> String {
    let phrase = match reason.status {
        400 => "Bad Request",
        403 => "Forbidden",
        405 => "Method Not Allowed",
        426 => "Upgrade Required",
        431 => "Request Header Fields Too Large",
        _ => "HTTP Version Not Supported",
    };
    // §4.4: the versions that this server speaks.
    let version = match reason.status {
        426 if !faults.has(Fault::OmitsVersionList) => "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
        405 => "Allow: GET\r\n",
        _ => "",
    };
    let status = if faults.has(Fault::RefusesWithStatus200) { 200 } else { reason.status };
    format!(
        "HTTP/1.1 {status} {phrase}\r\n{version}Connection: close\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{}\n",
        reason.rule.len().saturating_add(1),
        reason.rule,
    )
}

/// RFC 9112 §3.2: exactly one valid Host.
fn check_host(head: &Head, faults: Faults) -> Result<(), BadHead> {
    if faults.has(Fault::IgnoresHost) {
        return Ok(());
    }
    let mut hosts = head.values("host");
    let host = hosts.next().ok_or(bad("no Host"))?;
    if hosts.next().is_some() && !faults.has(Fault::AcceptsTwoHosts) {
        return Err(bad("more than one Host"));
    }
    let (name, port) = match (host.strip_prefix('['), host.split_once(':')) {
        (Some(rest), _) => {
            let (address, port) = rest.split_once(']').ok_or(bad("an invalid Host"))?;
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(bad("an invalid Host"));
            }
            ("", port.strip_prefix(':').unwrap_or(port))
        }
        (None, Some((name, port))) => (name, port),
        (None, None) => (host, ""),
    };
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+;=".contains(&byte));
    let is_port =
        port.is_empty() || (port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok());
    if is_name && is_port { Ok(()) } else { Err(bad("an invalid Host")) }
}

/// Bytes after the head belong to the WebSocket connection, so a request with a body is refused.
fn check_body(head: &Head, faults: Faults) -> Result<(), BadHead> {
    let has_body = head.values("content-length").any(|value| value != "0")
        || head.values("transfer-encoding").next().is_some();
    if has_body && !faults.has(Fault::AcceptsBody) { Err(bad("a request with a body")) } else { Ok(()) }
}

fn check_upgrade(head: &Head, faults: Faults) -> Result<(), BadHead> {
    let has_upgrade = if faults.has(Fault::ComparesUpgradeWithCase) {
        head.values("upgrade").any(|value| value == "websocket")
    } else {
        head.has_token("upgrade", "websocket")
    };
    if !has_upgrade && !faults.has(Fault::ServerIgnoresUpgrade) {
        return Err(bad("no Upgrade to websocket"));
    }
    let has_connection = if faults.has(Fault::ReadsConnectionAsOneValue) {
        head.values("connection").any(|value| value.eq_ignore_ascii_case("upgrade"))
    } else {
        head.has_token("connection", "upgrade")
    };
    if !has_connection && !faults.has(Fault::ServerIgnoresConnection) {
        return Err(bad("Connection without Upgrade"));
    }
    Ok(())
}

pub(crate) fn check_version(head: &Head, faults: Faults) -> Result<(), BadHead> {
    let versions: Vec<&str> = head.values("sec-websocket-version").collect();
    match versions.as_slice() {
        ["13"] => Ok(()),
        [] if faults.has(Fault::AcceptsMissingVersion) => Ok(()),
        [_, ..] if faults.has(Fault::AcceptsAnyVersion) => Ok(()),
        _ => Err(BadHead { status: 426, rule: "Sec-WebSocket-Version is not 13" }),
    }
}

/// Base64 of 16 bytes, once (§4.2.1).
fn key(head: &Head, faults: Faults) -> Result<&str, BadHead> {
    let keys: Vec<&str> = head.values("sec-websocket-key").collect();
    let key = match keys.as_slice() {
        [key] => key,
        [key, ..] if faults.has(Fault::AcceptsTwoKeys) => key,
        [] if faults.has(Fault::AcceptsMissingKey) => return Ok(""),
        _ => return Err(bad("not one Sec-WebSocket-Key")),
    };
    let is_valid = match decode(key) {
        Some(bytes) => bytes.len() == 16 || faults.has(Fault::AcceptsKeyOfAnyLength),
        None => false,
    };
    if is_valid || faults.has(Fault::AcceptsAnyKey) { Ok(key) } else { Err(bad("not a key of 16 bytes")) }
}

fn check_origin(head: &Head, policy: &Policy, faults: Faults) -> Result<(), BadHead> {
    let origins: Vec<&str> = head.values("origin").collect();
    let origin = match origins.as_slice() {
        [] => return Ok(()),
        [origin] => origin,
        [origin, ..] if faults.has(Fault::MergesOrigins) => origin,
        _ => return Err(bad("more than one Origin")),
    };
    let is_allowed = policy.origins.is_empty() || policy.origins.iter().any(|allowed| allowed == origin);
    if is_allowed || faults.has(Fault::IgnoresOrigin) {
        Ok(())
    } else {
        Err(BadHead { status: 403, rule: "an origin that is not allowed" })
    }
}

/// The first of the client's subprotocols that the server speaks.
fn subprotocol(head: &Head, policy: &Policy, faults: Faults) -> Result<Option<String>, BadHead> {
    let mut offered = Vec::new();
    for value in head.values("sec-websocket-protocol") {
        let mut items = value.split(',').map(trim).filter(|item| !item.is_empty()).peekable();
        if items.peek().is_none() {
            return Err(bad("an empty Sec-WebSocket-Protocol"));
        }
        offered.extend(items);
        if faults.has(Fault::ReadsFirstSubprotocolField) {
            break;
        }
    }
    if !offered.iter().all(|name| is_token(name)) && !faults.has(Fault::AcceptsMalformedSubprotocol) {
        return Err(bad("a subprotocol that is not a token"));
    }
    if faults.has(Fault::AnswersUnofferedSubprotocol) {
        return Ok(Some("unoffered".to_owned()));
    }
    if policy.chosen.is_some() {
        return Ok(policy.chosen.clone());
    }
    let chosen = offered.iter().find(|name| policy.subprotocols.iter().any(|spoken| spoken == *name));
    Ok(chosen.map(|name| (*name).to_owned()))
}

pub(crate) fn server_accept_value(key: &str, faults: Faults) -> String {
    if faults.has(Fault::HashesDecodedKey) {
        return hash(&decode(key).unwrap_or_default());
    }
    if faults.has(Fault::HashesKeyWithoutGuid) {
        return BASE64.encode(Sha1::digest(key));
    }
    accept_value(key)
}

/// The value of `Sec-WebSocket-Accept` for a key, which is hashed as text (§4.2.2).
pub(crate) fn accept_value(key: &str) -> String {
    hash(key.as_bytes())
}

fn hash(key: &[u8]) -> String {
    BASE64.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

/// Decodes base64 with padding. The bits that are left over may be anything, as in the key of §4.1's note.
fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
