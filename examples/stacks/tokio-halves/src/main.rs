//! An echo server on tokio by hand: each connection is two tasks, one that receives and one that sends.
//!
//! The halves answer pings and close frames themselves; a channel of bounded length is between the tasks, so a peer that
//! does not read is not read from. `Keepalive` has all deadlines of an open connection. Ctrl-C closes each connection
//! with the code 1001.
//!
//! Run it: `cargo run -p wsproto-tokio-halves-example -- 127.0.0.1:9001`

use std::env;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use wsproto::{
    AcceptConnection, AutoReplies, CloseCode, CloseConnection, Connection, Event, HandshakeLimits, Keepalive,
    KeepaliveAction, Limits, PermessageDeflate, Ping, ReadBuffer, ReplyPolicy, ServerHandshake,
    SharedReceiver, SharedSender, Timeouts, TransportAction,
};

/// What the sending task waits for: an event to send, or `None` if only a reply may be due.
type Job = Option<Event<String, Vec<u8>>>;

#[tokio::main]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind(env::args().nth(1).as_deref().unwrap_or("127.0.0.1:9001")).await?;
    println!("ws://{}/", listener.local_addr()?);
    let free = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let (stop, stopped) = watch::channel(false);
    let mut interrupted = pin!(tokio::signal::ctrl_c());
    loop {
        let (stream, permit) = tokio::select! {
            accepted = accept(&listener, &free) => accepted?,
            result = &mut interrupted => {
                result?;
                break;
            }
        };
        let stopped = stopped.clone();
        tokio::spawn(async move {
            if let Err(error) = serve(stream, stopped).await {
                eprintln!("{error}");
            }
            drop(permit);
        });
    }
    // Each connection gets a close frame, and the time to answer it.
    stop.send_replace(true);
    _ = timeout(CLOSE_TIMEOUT, free.acquire_many(u32::try_from(MAX_CONNECTIONS).unwrap_or(u32::MAX))).await;
    Ok(())
}

/// The next connection, once there is room for it.
async fn accept(
    listener: &TcpListener,
    free: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(free).acquire_owned().await.map_err(io::Error::other)?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Ok((stream, permit)),
            Err(error) => {
                eprintln!("accept: {error}"); // too many open files, for example
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, stopped: watch::Receiver<bool>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = stream.into_split();
    let mut buffer = ReadBuffer::new().with_max_len(READ_LEN);
    let handshake = open(&mut reader, &mut writer, &mut buffer);
    let Some(connection) = timeout(WRITE_TIMEOUT, handshake).await?? else { return Ok(()) };
    let (receiver, sender) = connection.into_shared_halves(AutoReplies::new(ReplyPolicy::PongAndClose));
    let (jobs, waiting) = mpsc::channel(MAX_JOBS);
    let mut tasks = JoinSet::new();
    tasks.spawn(receive(receiver, reader, buffer, jobs));
    tasks.spawn(send(sender, writer, waiting, stopped));
    while let Some(ended) = tasks.join_next().await {
        ended??; // after an error, dropping the set ends the other task
    }
    Ok(())
}

/// The opening handshake; `None` if the client has left or was refused.
async fn open(
    reader: &mut OwnedReadHalf,
    writer: &mut OwnedWriteHalf,
    buffer: &mut ReadBuffer,
) -> io::Result<Option<Connection>> {
    let mut handshake = ServerHandshake::new(HandshakeLimits::default());
    let mut output = Vec::new();
    loop {
        let len = reader.read(buffer.space()).await?;
        if len == 0 {
            return Ok(None);
        }
        buffer.filled(len)?;
        match buffer.read_shared(|input| handshake.receive(input)) {
            Ok(None) => {}
            Ok(Some(request)) => {
                let deflate = PermessageDeflate::new();
                let (accept, extensions) = AcceptConnection::new().with_extensions(&[&deflate], request);
                handshake.accept(accept, &mut output)?;
                writer.write_all(&output).await?;
                let limits = Limits::default().with_max_message_len(MAX_MESSAGE_LEN);
                return Ok(Some(Connection::server(limits).with_extensions(extensions)));
            }
            Err(error) => {
                handshake.reject(error.response(), &mut output)?;
                writer.write_all(&output).await?;
                return Ok(None);
            }
        }
    }
}

/// Reads to the end of the transport, and hands each piece of a message to the sending task.
async fn receive(
    mut half: SharedReceiver,
    mut reader: OwnedReadHalf,
    mut buffer: ReadBuffer,
    jobs: mpsc::Sender<Job>,
) -> io::Result<()> {
    let start = Instant::now();
    let mut keepalive = Keepalive::new(Timeouts::default().with_close(Some(CLOSE_TIMEOUT)), start.elapsed());
    keepalive.opened(start.elapsed());
    loop {
        // What came with the request is in the buffer already.
        while let Some(next) = buffer.read(|input| half.next_event(input)).transpose() {
            let echo = match next {
                Ok(event) => {
                    keepalive.on_event(&event, start.elapsed());
                    matches!(event, Event::Text(_) | Event::Bytes(_)).then(|| event.into_owned())
                }
                Err(error) => {
                    eprintln!("{error}");
                    None // the sending half answers
                }
            };
            if echo.is_some() {
                _ = jobs.send(echo).await; // an error: the sending task has ended after a close frame
            }
        }
        if half.take_wake() {
            _ = jobs.send(None).await;
        }
        if half.receiver().is_transport_ended() {
            return Ok(());
        }
        keepalive.received(start.elapsed(), half.receiver().is_idle());
        let len = loop {
            if half.transport_action() != TransportAction::Keep {
                keepalive.close_sent(start.elapsed());
            }
            let until = match keepalive.poll(start.elapsed()) {
                KeepaliveAction::Wait(until) => until.unwrap_or(Duration::MAX),
                KeepaliveAction::SendPing(payload) => {
                    _ = jobs.send(Some(Event::Ping(Ping::new(payload.to_vec())))).await;
                    continue;
                }
                KeepaliveAction::SendClose(code) => {
                    _ = jobs.send(Some(close(code))).await;
                    continue;
                }
                KeepaliveAction::GiveUp(timeout) => {
                    if let Some(code) = timeout.close_code() {
                        _ = jobs.send(Some(close(code))).await;
                    }
                    eprintln!("given up: {timeout:?}");
                    return Ok(()); // the channel's end ends the other task
                }
                _ => continue,
            };
            let until = start.checked_add(until).unwrap_or_else(|| far_from(start));
            if let Ok(len) = timeout_at(until, reader.read(buffer.space())).await {
                break len?; // otherwise a deadline has come
            }
        };
        buffer.filled(len)?;
        if len == 0 {
            _ = half.receive_eof();
        }
    }
}

/// Sends what the other task hands over, until both close frames are sent and received.
async fn send(
    mut half: SharedSender,
    mut writer: OwnedWriteHalf,
    mut jobs: mpsc::Receiver<Job>,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut output = Vec::new();
    let mut stopping = false;
    loop {
        half.send_replies(&mut output)?;
        timeout(WRITE_TIMEOUT, writer.write_all(&output)).await??;
        output.clear();
        if half.transport_action() != TransportAction::Keep {
            return writer.shutdown().await;
        }
        let job = tokio::select! {
            job = jobs.recv() => job,
            _ = stopped.wait_for(|stop| *stop), if !stopping => {
                stopping = true;
                Some(Some(close(CloseCode::GOING_AWAY)))
            }
        };
        match job {
            Some(Some(event)) => _ = half.send(event, &mut output), // it is refused once the connection closes
            Some(None) => {}
            None => return Ok(()), // the other task has ended
        }
    }
}

fn close(code: CloseCode) -> Event<String, Vec<u8>> {
    Event::Close(CloseConnection { code: Some(code), reason: String::new() })
}

/// A time that is later than each deadline.
fn far_from(start: Instant) -> Instant {
    start.checked_add(Duration::from_secs(1 << 30)).unwrap_or(start)
}

const MAX_CONNECTIONS: usize = 1000;
/// How many pieces of messages wait to be sent; each has at most `READ_LEN` bytes, or what one inflates to at a time.
const MAX_JOBS: usize = 16;
const MAX_MESSAGE_LEN: u64 = 64 << 20;
const READ_LEN: usize = 16 << 10;
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
