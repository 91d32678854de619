//! Cases of the kinds `build-request` and `build-response`: heads that the local user wants to send.

use wsproto::{
    AcceptConnection, ClientHandshake, HandshakeLimits, LocalProtocolError, RejectConnection, RejectData,
    ServerHandshake,
};

use super::cases::{BuildConfig, BuildRequest, BuildResponse, Reject, RequestInput, ResponseInput};
use super::handshake::FixedKey;
use super::observation::Built;
use super::splits::Report;

pub(crate) fn run_request(case: &BuildRequest) -> Report<Built> {
    let RequestInput { host, resource, headers, subprotocols } = &case.input;
    let mut request = wsproto::Request::new(host, resource);
    for subprotocol in subprotocols {
        request = request.with_subprotocol(subprotocol);
    }
    for (name, value) in headers {
        request = request.with_header(name, value);
    }
    for extension in case.config.extensions() {
        request = request.with_extensions(&[extension]);
    }
    let mut output = Vec::new();
    let mut key = FixedKey(*b"the sample nonce");
    let started = ClientHandshake::new(request, HandshakeLimits::default(), &mut key, &mut output);
    Report::of_one_run(Built::new(started.map(drop), output))
}

pub(crate) fn run_response(case: &BuildResponse) -> Result<Report<Built>, String> {
    let ResponseInput { request, headers, subprotocol, reject } = &case.input;
    if reject.is_some() && (subprotocol.is_some() || case.config.deflate) {
        return Err("a refusal chooses neither a subprotocol nor an extension".to_owned());
    }
    let mut handshake = ServerHandshake::new(HandshakeLimits::default());
    match handshake.receive(&mut request.0.as_slice()) {
        Ok(Some(_)) => {}
        Ok(None) => return Err("the request to answer is not complete".to_owned()),
        Err(error) => return Err(format!("the request to answer is not valid: {error}")),
    }
    let mut output = Vec::new();
    let result = match reject {
        Some(reject) => self::reject(&mut handshake, reject, headers, &mut output),
        None => accept(&mut handshake, &case.config, subprotocol.as_deref(), headers, &mut output),
    };
    Ok(Report::of_one_run(Built::new(result, output)))
}

fn accept(
    handshake: &mut ServerHandshake,
    config: &BuildConfig,
    subprotocol: Option<&str>,
    headers: &[(String, String)],
    output: &mut Vec<u8>,
) -> Result<(), LocalProtocolError> {
    let mut accept = AcceptConnection::new();
    if let Some(subprotocol) = subprotocol {
        accept = accept.with_subprotocol(subprotocol);
    }
    for (name, value) in headers {
        accept = accept.with_header(name, value);
    }
    if let Some(request) = handshake.request() {
        (accept, _) = accept.with_extensions(&config.extensions(), request);
    }
    handshake.accept(accept, output)
}

fn reject(
    handshake: &mut ServerHandshake,
    Reject { status, headers, body }: &Reject,
    more_headers: &[(String, String)],
    output: &mut Vec<u8>,
) -> Result<(), LocalProtocolError> {
    let mut reject = RejectConnection::new(*status);
    for (name, value) in headers.iter().chain(more_headers) {
        reject = reject.with_header(name, value);
    }
    if body.is_empty() {
        return handshake.reject(reject, output);
    }
    handshake.reject(reject.with_body(), output)?;
    handshake.reject_data(RejectData { data: body, body_finished: true }, output)
}
