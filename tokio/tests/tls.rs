//! wss: TLS over a local socket, with a certificate of its own.
#![cfg(feature = "rustls")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic or an overflow fails the test, as it should"
)]

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use wsproto::CloseCode;
use wsproto_tokio::{Client, ClientStream, ConnectError, Error, Server};

/// A server's and a client's configuration that fit.
fn configs() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = certified.cert.der().clone();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (server.into(), client.into())
}

/// An echo server for one connection; it closes cleanly, or cuts the connection off.
async fn echo_server(config: Arc<ServerConfig>) -> (String, tokio::task::JoinHandle<Option<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("wss://localhost:{}/", listener.local_addr().unwrap().port());
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let stream = TlsAcceptor::from(config).accept(stream).await.ok()?;
        let mut ws = Server::new().accept(stream).await.unwrap();
        while let Some(message) = ws.recv().await.unwrap() {
            if message.as_text() == Some("cut") {
                return None;
            }
            ws.send(message).await.unwrap();
        }
        Some(())
    });
    (uri, task)
}

#[tokio::test]
async fn messages_go_both_ways_over_tls() {
    let (server, client) = configs();
    let (uri, echo) = echo_server(server).await;
    let mut ws = Client::new().with_tls_config(client).connect(&uri).await.unwrap();
    assert!(matches!(ws.stream(), ClientStream::Tls(_)));
    for len in [0, 5, 100_000, 3_000_000] {
        ws.send(vec![7; len]).await.unwrap();
        assert_eq!(ws.recv().await.unwrap(), Some(vec![7; len].into()));
    }
    ws.close(CloseCode::NORMAL_CLOSURE, "").await.unwrap();
    assert_eq!(echo.await.unwrap(), Some(()));
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let (server, _) = configs();
    let (uri, echo) = echo_server(server).await;
    let error = Client::new().connect(&uri).await.unwrap_err();
    assert!(matches!(&error, ConnectError::Io(_)), "{error}");
    assert_eq!(echo.await.unwrap(), None);
}

#[tokio::test]
async fn tls_that_is_cut_off_is_an_error() {
    let (server, client) = configs();
    let (uri, echo) = echo_server(server).await;
    let mut ws = Client::new().with_tls_config(client).connect(&uri).await.unwrap();
    ws.send("cut").await.unwrap();
    let error = ws.recv().await.unwrap_err();
    assert!(matches!(error, Error::Io(_) | Error::ConnectionLost), "{error}");
    assert_eq!(ws.close_info().unwrap().code, CloseCode::ABNORMAL_CLOSURE);
    assert_eq!(ws.recv().await.unwrap(), None);
    assert_eq!(echo.await.unwrap(), None);
}
