//! Accepts the opening handshake, which needs hyper, and sends each message back.

use std::sync::Mutex;

use fastwebsockets::{FragmentCollector, OpCode, upgrade};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{join, stdin, stdout};

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("there are resources");
    runtime.block_on(async {
        let upgraded = Mutex::new(None);
        let accept = service_fn(async |mut request: Request<Incoming>| {
            let (response, socket) = upgrade::upgrade(&mut request)?;
            *upgraded.lock().expect("there is one thread") = Some(socket);
            Ok::<_, fastwebsockets::WebSocketError>(response)
        });
        let transport = TokioIo::new(join(stdin(), stdout()));
        let http = http1::Builder::new().serve_connection(transport, accept);
        http.with_upgrades().await.expect("the request is valid");
        let socket =
            upgraded.lock().expect("there is one thread").take().expect("it was a request to upgrade");
        let mut socket = FragmentCollector::new(socket.await.expect("the transport was upgraded"));
        while let Ok(frame) = socket.read_frame().await {
            match frame.opcode {
                OpCode::Text | OpCode::Binary => {
                    socket.write_frame(frame).await.expect("the connection is open");
                }
                OpCode::Close => break,
                _ => {}
            }
        }
        socket.into_inner();
    });
}
