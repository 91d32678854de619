//! The server over HTTP/2 in clear text: each WebSocket is a stream (RFC 8441).
//!
//! A stream's data goes through a loopback connection to a session, which a thread serves as it serves any other one.

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use h2::ext::Protocol;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{Method, Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Mutex, Notify};

use crate::accept::{self, Negotiated, Policy};
use crate::fault::{Fault, Faults};
use crate::head::{BadHead, Head, bad};
use crate::negotiation::Agreed;
use crate::rules::Role;
use crate::server;
use crate::session::Session;

/// What holds for all connections.
#[derive(Debug)]
struct Server {
    policy: Policy,
    max_message: u64,
    faults: Faults,
}

/// What the streams of a connection share.
#[derive(Debug, Default)]
struct Shared {
    /// For one of the faults.
    first: OnceLock<Sender>,
    ended: Notify,
}

/// What the server sends in a stream.
type Sender = Arc<Mutex<SendStream<Bytes>>>;

/// Serves until the process is ended.
pub(crate) fn serve(
    listener: TcpListener,
    policy: Policy,
    max_message: u64,
    faults: Faults,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let server = Arc::new(Server { policy, max_message, faults });
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            let server = Arc::clone(&server);
            tokio::spawn(async move {
                // An error ends this connection only.
                let _over = server.connection(stream).await;
            });
        }
    })
}

impl Server {
    async fn connection(self: Arc<Self>, stream: tokio::net::TcpStream) -> Result<(), h2::Error> {
        let mut builder = h2::server::Builder::new();
        if !self.faults.has(Fault::OmitsConnectSetting) {
            builder.enable_connect_protocol();
        }
        let _slower_without = stream.set_nodelay(true);
        let mut connection = builder.handshake(stream).await?;
        let shared = Arc::new(Shared::default());
        loop {
            tokio::select! {
                stream = connection.accept() => match stream {
                    Some(stream) => {
                        let (request, respond) = stream?;
                        let (server, shared) = (Arc::clone(&self), Arc::clone(&shared));
                        tokio::spawn(async move {
                            // An error ends this stream only.
                            let _over = server.stream(request, respond, &shared).await;
                        });
                    }
                    None => return Ok(()),
                },
                () = shared.ended.notified(), if self.faults.has(Fault::EndsConnectionWithStream) => return Ok(()),
            }
        }
    }

    async fn stream(
        &self,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
        shared: &Shared,
    ) -> io::Result<()> {
        match self.accept(&request) {
            Ok((response, agreed)) => {
                let send = respond.send_response(response, false).map_err(io::Error::other)?;
                self.serve_socket(request.into_body(), send, agreed, shared).await
            }
            Err(reason) => {
                let version = (reason.status == 426).then_some(("sec-websocket-version", "13"));
                // 426 needs an Upgrade, which HTTP/2 does not have.
                let status = if reason.status == 426 { 400 } else { reason.status };
                let response = response(status, version.into_iter())?;
                respond.send_response(response, true).map(drop).map_err(io::Error::other)
            }
        }
    }

    /// Checks a request (RFC 8441 §4, §5).
    fn accept(&self, request: &Request<RecvStream>) -> Result<(Response<()>, Option<Agreed>), BadHead> {
        let faults = self.faults;
        if request.method() != Method::CONNECT {
            return Err(BadHead { status: 405, rule: "a method other than CONNECT" });
        }
        let protocol = request.extensions().get::<Protocol>().map(Protocol::as_str);
        match protocol {
            Some("websocket") => check_uri(request)?,
            None if faults.has(Fault::AcceptsPlainConnect) => {}
            Some(_) if faults.has(Fault::AcceptsAnyProtocol) => {}
            _ => return Err(BadHead { status: 501, rule: "a :protocol other than websocket" }),
        }
        let head = head(request);
        if !faults.has(Fault::AcceptsAnyVersionInStream) {
            accept::check_version(&head, faults)?;
        }
        if faults.has(Fault::RequiresKeyInStream) && head.values("sec-websocket-key").next().is_none() {
            return Err(bad("no Sec-WebSocket-Key"));
        }
        let Negotiated { subprotocol, answer } = accept::negotiate(&head, &self.policy, faults)?;
        let key = head.values("sec-websocket-key").next().unwrap_or_default();
        let accept_value = accept::server_accept_value(key, faults);
        let fields = [
            subprotocol.as_deref().map(|name| ("sec-websocket-protocol", name)),
            answer.as_ref().map(|(value, _)| ("sec-websocket-extensions", value.as_str())),
            faults.has(Fault::AnswersKeyInStream).then_some(("sec-websocket-accept", accept_value.as_str())),
        ];
        let response =
            response(200, fields.into_iter().flatten()).map_err(|_| bad("a malformed response"))?;
        Ok((response, answer.map(|(_, agreed)| agreed)))
    }

    /// Carries the data of a stream to a session and back, until both have ended.
    async fn serve_socket(
        &self,
        recv: RecvStream,
        send: SendStream<Bytes>,
        agreed: Option<Agreed>,
        shared: &Shared,
    ) -> io::Result<()> {
        let (near, far) = loopback()?;
        let (max_message, faults) = (self.max_message, self.faults);
        std::thread::Builder::new().spawn(move || {
            server::echo(Session::new(far, Role::Server, agreed, max_message, &[], faults));
        })?;
        near.set_nonblocking(true)?;
        let (reader, writer) = tokio::net::TcpStream::from_std(near)?.into_split();
        let sender = Arc::new(Mutex::new(send));
        let first = shared.first.get_or_init(|| Arc::clone(&sender));
        let sender = if faults.has(Fault::AnswersInFirstStream) { first } else { &sender };
        let (received, sent) = tokio::join!(receive(recv, writer, faults), self.send(reader, sender, shared));
        received.and(sent)
    }

    async fn send(&self, mut reader: OwnedReadHalf, sender: &Sender, shared: &Shared) -> io::Result<()> {
        let mut buffer = vec![0; 16 << 10];
        loop {
            let len = reader.read(&mut buffer).await?;
            let mut sender = sender.lock().await;
            if len == 0 {
                shared.ended.notify_one();
                if self.faults.has(Fault::ResetsAfterClose) {
                    sender.send_reset(Reason::CANCEL);
                    return Ok(());
                }
                return sender.send_data(Bytes::new(), true).map_err(io::Error::other);
            }
            send_all(&mut sender, buffer.get(..len).unwrap_or_default()).await?;
        }
    }
}

/// Sends as much at a time as the window takes.
async fn send_all(sender: &mut SendStream<Bytes>, mut data: &[u8]) -> io::Result<()> {
    while !data.is_empty() {
        sender.reserve_capacity(data.len());
        while sender.capacity() == 0 {
            match poll_fn(|context| sender.poll_capacity(context)).await {
                Some(capacity) => _ = capacity.map_err(io::Error::other)?,
                None => return Err(io::ErrorKind::BrokenPipe.into()),
            }
        }
        let (now, later) = data.split_at(sender.capacity().min(data.len()));
        sender.send_data(Bytes::copy_from_slice(now), false).map_err(io::Error::other)?;
        data = later;
    }
    Ok(())
}

/// Carries what the client sends to the session.
async fn receive(mut recv: RecvStream, mut writer: OwnedWriteHalf, faults: Faults) -> io::Result<()> {
    while let Some(Ok(data)) = recv.data().await {
        let read = if faults.has(Fault::ReadsOneFrameOfData) { first_frame(&data) } else { &data };
        // The session may have ended: then the rest is discarded.
        let _over = writer.write_all(read).await;
        if !faults.has(Fault::NeverGivesBackWindow) {
            recv.flow_control().release_capacity(data.len()).map_err(io::Error::other)?;
        }
    }
    if faults.has(Fault::IgnoresEndOfStream) {
        return std::future::pending().await;
    }
    writer.shutdown().await
}

/// Up to the end of the first frame, if it is a short one that is whole.
fn first_frame(data: &[u8]) -> &[u8] {
    match data {
        [_, second, ..] if second & 0x7f < 126 => {
            data.get(..usize::from(second & 0x7f).saturating_add(6)).unwrap_or(data)
        }
        _ => data,
    }
}

/// The scheme and the authority (RFC 8441 §5); `h2` has checked that scheme and path are there.
fn check_uri(request: &Request<RecvStream>) -> Result<(), BadHead> {
    let uri = request.uri();
    let authority = uri.authority().ok_or(bad("no :authority"))?.as_str();
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(bad("a :scheme other than http and https"));
    }
    let mut hosts = request.headers().get_all("host").into_iter();
    if hosts.any(|host| !host.as_bytes().eq_ignore_ascii_case(authority.as_bytes())) {
        return Err(bad("a Host that differs from :authority"));
    }
    Ok(())
}

/// The fields as those of HTTP/1.1, in Latin-1.
fn head(request: &Request<RecvStream>) -> Head {
    let fields = request.headers().iter();
    let fields = fields.map(|(name, value)| {
        (name.as_str().to_owned(), value.as_bytes().iter().map(|byte| char::from(*byte)).collect())
    });
    Head { start: String::new(), fields: fields.collect() }
}

fn response<'a>(
    status: u16,
    fields: impl Iterator<Item = (&'static str, &'a str)>,
) -> io::Result<Response<()>> {
    let builder = Response::builder().status(status);
    let response = fields.fold(builder, |builder, (name, value)| builder.header(name, value)).body(());
    response.map_err(io::Error::other)
}

/// Two ends of a connection.
fn loopback() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let near = TcpStream::connect(listener.local_addr()?)?;
    let (far, _) = listener.accept()?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    Ok((near, far))
}
