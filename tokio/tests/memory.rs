//! How much memory an idle connection has.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic or an overflow fails the test, as it should"
)]

mod common;
mod counting;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use common::open;
use counting::measured;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::Runtime;
use tokio::time::sleep;
use wsproto::{DeflateParams, Extensions, Limits, PermessageDeflate, Role};
use wsproto_tokio::{MaskingKeys, Settings, WebSocket};

/// A transport that has some bytes to read, then waits for ever, and takes all that is written.
#[derive(Debug)]
struct Quiet(&'static [u8]);

impl AsyncRead for Quiet {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0.is_empty() {
            return Poll::Pending;
        }
        let (now, later) = self.0.split_at(self.0.len().min(buf.remaining()));
        buf.put_slice(now);
        self.0 = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Quiet {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Connections that have received and sent a message of 16 KiB and wait; the memory that each has on the heap.
fn idle_connections(role: Role, settings: Settings, wait: Duration) -> isize {
    let first = Vec::leak(match role {
        Role::Server => common::masked(0x82, &[7; 16 << 10]),
        Role::Client => {
            let mut output = Vec::new();
            let message = wsproto::BytesMessage::new([7; 16 << 10]);
            common::server_connection().send(message, &mut output).unwrap();
            output
        }
    });
    idle(1000, wait, || open(Quiet(first), role, settings))
}

/// The memory on the heap of each of so many connections that have received a message, have sent it, and wait.
fn idle(count: usize, wait: Duration, open: impl Fn() -> WebSocket<Quiet>) -> isize {
    let runtime = paused_runtime();
    let (connections, usage) = measured(|| {
        runtime.block_on(async {
            let mut connections: Vec<WebSocket<Quiet>> = (0..count).map(|_| open()).collect();
            for ws in &mut connections {
                let message = ws.recv().await.unwrap().unwrap();
                ws.send(message).await.unwrap();
            }
            for ws in &mut connections {
                tokio::select! {
                    received = ws.recv() => panic!("{received:?}"),
                    () = sleep(wait) => {}
                }
            }
            connections
        })
    });
    assert_eq!(connections.len(), count);
    let inline = size_of::<WebSocket<Quiet>>() * count;
    (usage.kept - inline as isize) / count as isize
}

/// What an idle server's connection has on the heap with compression agreed, after a compressed message in each direction.
fn idle_compressed(deflate: &PermessageDeflate, params: DeflateParams) -> isize {
    let extensions = |role| {
        let mut extensions = Extensions::new();
        extensions.push(deflate.negotiated(role, params)).unwrap();
        extensions
    };
    let mut first = Vec::new();
    let text = "compressible ".repeat(1000);
    wsproto::Connection::client(Limits::NONE, MaskingKeys::default())
        .with_extensions(extensions(Role::Client))
        .send(wsproto::TextMessage::new(&*text), &mut first)
        .unwrap();
    assert!(first.len() < 2000, "compressed");
    let first = Vec::leak(first);
    idle(100, Duration::from_secs(6), || {
        let connection =
            wsproto::Connection::with_role(Role::Server, Limits::DEFAULT, MaskingKeys::default())
                .with_extensions(extensions(Role::Server));
        WebSocket::from_parts(Quiet(first), connection, b"", Settings::DEFAULT)
    })
}

fn paused_runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

#[test]
fn an_idle_connection_gives_its_buffers_back() {
    let (size, wait) = (size_of::<WebSocket<Quiet>>(), Duration::from_secs(6));
    let server = idle_connections(Role::Server, Settings::DEFAULT, wait);
    let client = idle_connections(Role::Client, Settings::DEFAULT, wait);
    println!("an idle connection: {size} bytes, and on the heap {server} as a server, {client} as a client");
    // The alarm and the wakers; and a client's generator of keys.
    assert!(server < 400, "{server} bytes");
    assert!(client < 800, "{client} bytes");
    assert!(size < 1500, "{size} bytes");
}

#[test]
fn an_idle_connection_with_compression_keeps_its_windows_and_no_buffers() {
    let deflate = PermessageDeflate::new();
    let full = idle_compressed(&deflate, DeflateParams::DEFAULT);
    let none = DeflateParams {
        server_no_context_takeover: true,
        client_no_context_takeover: true,
        ..DeflateParams::DEFAULT
    };
    let without_takeover = idle_compressed(&deflate, none);
    let small =
        DeflateParams { server_max_window_bits: 10, client_max_window_bits: 10, ..DeflateParams::DEFAULT };
    let small = idle_compressed(&deflate, small);
    println!(
        "with compression, on the heap: {full}, with windows of 1 KiB {small}, without takeover {without_takeover}"
    );
    assert!(full < 520_000, "{full} bytes");
    assert!(small < full, "{small} bytes");
    assert!(without_takeover < 8000, "{without_takeover} bytes");
}

#[test]
fn a_connection_in_use_keeps_its_buffers() {
    let settings = Settings::DEFAULT.with_release_memory_after(None);
    let kept = idle_connections(Role::Server, settings, Duration::from_secs(6));
    println!("with its buffers: {kept} bytes");
    assert!((4096..128 << 10).contains(&kept), "{kept} bytes");
}

#[test]
fn memory_does_not_grow_with_messages() {
    let runtime = paused_runtime();
    runtime.block_on(async {
        let (mut server, mut client) = common::pair(100_000, common::CALM);
        let mut exchange = async |count: usize| {
            for _ in 0..count {
                client.send("Hello").await.unwrap();
                assert!(server.recv().await.unwrap().is_some());
            }
        };
        exchange(100).await;
        let before = counting::held();
        exchange(1000).await;
        assert!(counting::held() - before < 1000, "{} bytes", counting::held() - before);
    });
}
