//! The server against tungstenite.

use wsproto_stacks_testing::{Server, echo};

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_wsproto-tokio-halves-example");

#[test]
fn messages_are_echoed_and_pings_and_the_close_frame_are_answered() {
    echo::messages_pings_and_close(&Server::start(EXECUTABLE));
}

#[cfg(unix)]
#[test]
fn an_interrupt_closes_each_connection_and_ends_the_server() {
    echo::interrupt(Server::start(EXECUTABLE));
}

#[cfg(unix)]
#[test]
fn a_server_without_files_for_more_clients_goes_on() -> Result<(), String> {
    let server = Server::spawn(&mut wsproto_stacks_testing::few_files(EXECUTABLE))?;
    echo::crowd(&server);
    Ok(())
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
