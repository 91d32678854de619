//! Cases of the kinds `request` and `response`: heads that are received.

use serde_json::{Map, Value, json};
use wsproto::{
    AcceptConnection, ClientHandshake, DeflateParams, Entropy, Extension, ExtensionParams, HandshakeError,
    HandshakeResponse, PermessageDeflate, RejectConnection, ServerHandshake,
};

use super::cases::{ClientConfig, Request, Response, ServerConfig};
use super::encoding::from_key;
use super::observation::{Answered, Requested};
use super::splits::Report;

pub(crate) fn run_request(case: &Request) -> Result<Report<Requested>, String> {
    Report::of_cuts(&[&case.bytes.0], case.split, |pieces| serve(&case.config, pieces, case.eof))
}

/// Receives a request and answers it.
fn serve(config: &ServerConfig, pieces: &[&[u8]], eof: bool) -> Result<Requested, String> {
    let mut handshake = ServerHandshake::new(config.limits());
    let mut pieces = pieces.iter();
    while let Some(piece) = pieces.next() {
        let mut rest = *piece;
        match handshake.receive(&mut rest) {
            Ok(Some(request)) => {
                let resource = request.target().to_owned();
                return match decide(config, request) {
                    Ok(accept) => {
                        let leftover = [rest, &pieces.as_slice().concat()].concat();
                        self::accept(handshake, accept, resource, leftover)
                    }
                    Err(reject) => self::reject(handshake, reject, None),
                };
            }
            Ok(None) if rest.is_empty() => {}
            Ok(None) => return Err(format!("{} bytes of the input were left", rest.len())),
            Err(error) => return reject(handshake, error.response(), Some(error)),
        }
    }
    match eof.then(|| handshake.receive_eof()) {
        // The client has disconnected: a status would not reach it.
        Some(Err(HandshakeError::UnexpectedEof)) => Ok(Requested::Error),
        Some(Err(error)) => reject(handshake, error.response(), Some(error)),
        _ => Ok(Requested::Pending),
    }
}

/// Decides how a server with this configuration answers a valid request.
fn decide(config: &ServerConfig, request: &wsproto::Request) -> Result<AcceptConnection, RejectConnection> {
    if let (Some(allowed), Some(origin)) = (&config.origins, request.origin()) {
        if !allowed.iter().any(|allowed| allowed.as_bytes() == origin) {
            return Err(RejectConnection::new(403));
        }
    }
    // The client lists its subprotocols by preference (RFC 6455 §4.1).
    let chosen =
        request.subprotocols().find(|offered| config.subprotocols.iter().any(|spoken| spoken == offered));
    let (accept, _) = AcceptConnection::new().with_extensions(&config.extensions(), request);
    Ok(chosen.into_iter().fold(accept, |accept, chosen| accept.with_subprotocol(chosen)))
}

fn accept(
    mut handshake: ServerHandshake,
    accept: AcceptConnection,
    resource: String,
    leftover: Vec<u8>,
) -> Result<Requested, String> {
    let mut output = Vec::new();
    handshake.accept(accept, &mut output).map_err(|error| format!("the answer was refused: {error}"))?;
    Requested::accepted(output, resource, leftover)
}

fn reject(
    mut handshake: ServerHandshake,
    reject: RejectConnection,
    rule: Option<HandshakeError>,
) -> Result<Requested, String> {
    let mut output = Vec::new();
    handshake.reject(reject, &mut output).map_err(|error| format!("the answer was refused: {error}"))?;
    Requested::rejected(&output, rule)
}

pub(crate) fn run_response(case: &Response) -> Result<Report<Answered>, String> {
    let deflate = case.config.deflate()?;
    let start = write_request(&case.config, deflate.as_ref())?;
    Report::of_cuts(&[&case.bytes.0], case.split, |pieces| {
        read_response(start.clone(), deflate.as_ref(), pieces, case.eof)
    })
}

/// Writes the request that the response is for, with the key of the case.
fn write_request(
    config: &ClientConfig,
    deflate: Option<&PermessageDeflate>,
) -> Result<ClientHandshake, String> {
    let bytes = from_key(&config.key).ok_or("the key is not 16 bytes in base64")?;
    let mut request = wsproto::Request::new("server.example.com", "/chat");
    for subprotocol in &config.subprotocols {
        request = request.with_subprotocol(subprotocol);
    }
    if let Some(deflate) = deflate {
        request = request.with_extensions(&[deflate]);
    }
    let mut output = Vec::new();
    let handshake = ClientHandshake::new(request, config.limits(), &mut FixedKey(bytes), &mut output)
        .map_err(|error| format!("the request was refused: {error}"))?;
    let key = format!("\r\nSec-WebSocket-Key: {}\r\n", config.key);
    if !output.windows(key.len()).any(|window| window == key.as_bytes()) {
        return Err("the request does not have this key".to_owned());
    }
    Ok(handshake)
}

/// Entropy that makes the `Sec-WebSocket-Key` of the case.
pub(crate) struct FixedKey(pub(crate) [u8; 16]);

impl Entropy for FixedKey {
    fn fill(&mut self, bytes: &mut [u8]) {
        for (place, byte) in bytes.iter_mut().zip(self.0.iter().cycle()) {
            *place = *byte;
        }
    }
}

/// Receives a response with its body.
fn read_response(
    mut handshake: ClientHandshake,
    deflate: Option<&PermessageDeflate>,
    pieces: &[&[u8]],
    eof: bool,
) -> Result<Answered, String> {
    let mut refusal = None;
    let mut pieces = pieces.iter();
    while let Some(piece) = pieces.next() {
        let mut rest = *piece;
        loop {
            match handshake.receive(&mut rest) {
                Ok(Some(HandshakeResponse::Accept(accept))) => {
                    let subprotocol = accept.subprotocol().map(str::to_owned);
                    let leftover = [rest, &pieces.as_slice().concat()].concat();
                    let offered: Vec<&dyn Extension> = deflate.iter().map(|deflate| *deflate as _).collect();
                    if let Err(error) = accept.extensions(&offered) {
                        return Ok(Answered::failed(error));
                    }
                    let answer = accept.headers().get("Sec-WebSocket-Extensions").unwrap_or_default();
                    let agreed = ExtensionParams::parse_list(answer).unwrap_or_default();
                    let params = agreed
                        .first()
                        .zip(deflate)
                        .and_then(|(answer, deflate)| deflate.agreed_params(answer).ok());
                    return Ok(Answered::Accept { subprotocol, deflate: params.map(parameters), leftover });
                }
                Ok(Some(HandshakeResponse::Reject(reject))) => {
                    refusal = Some((reject.status_code(), Vec::new()))
                }
                Ok(Some(HandshakeResponse::RejectData(data))) => {
                    let (_, body) = refusal.as_mut().ok_or("a body came before its head")?;
                    body.extend_from_slice(data.data);
                }
                Ok(Some(answer)) => {
                    return Err(format!("the runner does not know this response: {answer:?}"));
                }
                Ok(None) => break,
                Err(error) => return Ok(Answered::failed(error)),
            }
        }
    }
    if let Some(Err(error)) = eof.then(|| handshake.receive_eof()) {
        return Ok(Answered::failed(error));
    }
    Ok(refusal.map_or(Answered::Pending, |(status, body)| Answered::Http { status, body }))
}

/// The negotiated parameters, as cases write them.
fn parameters(params: DeflateParams) -> Map<String, Value> {
    let value = json!({
        "server_no_context_takeover": params.server_no_context_takeover,
        "client_no_context_takeover": params.client_no_context_takeover,
        "server_max_window_bits": params.server_max_window_bits,
        "client_max_window_bits": params.client_max_window_bits,
    });
    value.as_object().cloned().unwrap_or_default()
}
