//! Clients that are not ours against the server as a process: tungstenite, and Python's `websockets` with compression.

#![allow(clippy::unwrap_used, reason = "what goes wrong fails the test")]

use tungstenite::client::IntoClientRequest;
use wsproto_stacks_testing::{Server, echo, pages, usage_error};

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_wsproto-axum-example");

#[test]
fn tungstenite_is_echoed_and_closes_cleanly() {
    pages::echo_and_close(&Server::start(EXECUTABLE));
}

#[test]
fn pages_are_served_and_others_are_refused() {
    pages::pages_and_refusals(&Server::start(EXECUTABLE));
}

#[test]
fn ctrl_c_closes_with_1001_and_ends() {
    pages::interrupt(Server::start(EXECUTABLE));
}

#[test]
fn a_wrong_argument_is_a_usage_error() {
    usage_error(EXECUTABLE);
}

#[test]
fn python_is_echoed_with_permessage_deflate() {
    pages::python_with_deflate(&Server::start(EXECUTABLE));
}

#[test]
fn the_first_supported_subprotocol_is_chosen() {
    let server = Server::start(EXECUTABLE);
    let chosen = |offer: &'static str| {
        let mut request = format!("ws://{}/echo", server.address()).into_client_request().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", offer.parse().unwrap());
        let (_, response) = tungstenite::client(request, server.transport()).unwrap();
        response.headers().get("Sec-WebSocket-Protocol").unwrap().to_str().unwrap().to_owned()
    };
    assert_eq!(chosen("echo"), "echo");
    assert_eq!(chosen("other, echo, echo.v2"), "echo.v2");
}

#[test]
fn a_frame_that_comes_with_the_request_is_answered() {
    echo::early_frame(&Server::start(EXECUTABLE));
}

#[test]
fn a_client_that_only_writes_is_given_up() {
    echo::flood(&Server::start(EXECUTABLE));
}

#[test]
fn a_client_without_a_whole_request_is_dropped() {
    echo::silence(&Server::start(EXECUTABLE));
}

#[test]
fn a_thousand_clients_are_served_at_once_and_the_next_one_after_them() {
    echo::bound(&Server::start(EXECUTABLE), 1000);
}
