//! Halves that are apart, and frames that connections share.

use std::hint::black_box;

use wsproto::{
    AutoReplies, BytesMessage, Connection, Event, Limits, MessageKind, PermessageDeflate, PreparedMessage,
    ReceiverHalf, ReplyPolicy, Sender, SenderHalf, SharedReceiver, SharedSender,
};

use crate::{ENGLISH, Failure, MESSAGES, Shape, TAKEOVER, deflating, expect, json, payload, wire};

fn replies() -> AutoReplies {
    AutoReplies::new(ReplyPolicy::PongAndClose)
}

/// Each message is sent back; only the last of many pings in a read is answered.
pub(crate) fn echo_by_halves(times: usize, shape: Shape, len: usize, expected: usize) -> Result<(), Failure> {
    let wire = wire(shape, len)?;
    let (mut receiving, mut sending) = Connection::server(Limits::NONE).into_halves(replies());
    let mut output = Vec::with_capacity(wire.len());
    let mut total = 0;
    for _ in 0..times {
        let mut buffer = wire.clone();
        output.clear();
        measured_echo_by_halves(&mut receiving, &mut sending, &mut buffer, &mut output)?;
        total += output.len();
    }
    expect(total, times * expected)
}

#[inline(never)]
fn measured_echo_by_halves(
    receiving: &mut ReceiverHalf,
    sending: &mut SenderHalf,
    mut input: &mut [u8],
    output: &mut Vec<u8>,
) -> Result<(), Failure> {
    while let Some(event) = receiving.next_event(&mut input)? {
        match event {
            Event::Text(text) => sending.send(text, output)?,
            Event::Bytes(bytes) => sending.send(bytes, output)?,
            Event::Ping(_) | Event::Pong(_) | Event::Close(_) => {}
        }
    }
    if let Some(notice) = receiving.take_notice() {
        sending.on_notice(&notice);
        sending.send_replies(output)?;
    }
    Ok(())
}

/// The same with halves that share what they know.
pub(crate) fn echo_by_shared_halves(
    times: usize,
    shape: Shape,
    len: usize,
    expected: usize,
) -> Result<(), Failure> {
    let wire = wire(shape, len)?;
    let (mut receiving, mut sending) = Connection::server(Limits::NONE).into_shared_halves(replies());
    let mut output = Vec::with_capacity(wire.len());
    let mut total = 0;
    for _ in 0..times {
        let mut buffer = wire.clone();
        output.clear();
        measured_echo_by_shared_halves(&mut receiving, &mut sending, &mut buffer, &mut output)?;
        total += output.len();
    }
    expect(total, times * expected)
}

#[inline(never)]
fn measured_echo_by_shared_halves(
    receiving: &mut SharedReceiver,
    sending: &mut SharedSender,
    mut input: &mut [u8],
    output: &mut Vec<u8>,
) -> Result<(), Failure> {
    while let Some(event) = receiving.next_event(&mut input)? {
        match event {
            Event::Text(text) => sending.send(text, output)?,
            Event::Bytes(bytes) => sending.send(bytes, output)?,
            Event::Ping(_) | Event::Pong(_) | Event::Close(_) => {}
        }
    }
    if receiving.take_wake() {
        sending.send_replies(output)?;
    }
    Ok(())
}

/// One message for many connections, whose bytes are not copied.
pub(crate) fn share_frame(times: usize, len: usize) -> Result<(), Failure> {
    let message = PreparedMessage::bytes(&payload(ENGLISH, len))?;
    let mut audience: Vec<Sender> = (0..MESSAGES).map(|_| Sender::server()).collect();
    let mut total = 0;
    for _ in 0..times {
        total += measured_share_frame(&mut audience, &message)?;
    }
    expect(total, times * MESSAGES)
}

#[inline(never)]
fn measured_share_frame(audience: &mut [Sender], message: &PreparedMessage) -> Result<usize, Failure> {
    let mut count = 0;
    for sender in audience {
        let frame = sender.prepared_frame(message)?;
        count += usize::from(frame.is_some_and(|frame| !black_box(frame.as_bytes()).is_empty()));
    }
    Ok(count)
}

/// Only the header of a payload that the caller writes.
pub(crate) fn header(times: usize, len: usize) -> Result<(), Failure> {
    let payload = payload(ENGLISH, len);
    let mut sender = Sender::server();
    let mut total = 0;
    for _ in 0..times {
        total += measured_header(&mut sender, &payload)?;
    }
    expect(usize::from(total > 0), 1)
}

#[inline(never)]
fn measured_header(sender: &mut Sender, payload: &[u8]) -> Result<usize, Failure> {
    let mut total = 0;
    for _ in 0..MESSAGES {
        let header = sender.frame_header(MessageKind::Binary, black_box(payload).len() as u64, true)?;
        total += black_box(header.as_bytes()).len();
    }
    Ok(total)
}

/// A broadcast before each message of the connection's own, with context takeover.
pub(crate) fn encode_between_broadcasts(times: usize) -> Result<(), Failure> {
    let deflate = PermessageDeflate::new();
    let messages: Vec<String> = json(256).collect();
    let broadcast = messages.first().ok_or("no message")?;
    let broadcast = PreparedMessage::text(broadcast)?.deflated(&deflate);
    let mut server = deflating(TAKEOVER)?;
    let mut output = Vec::new();
    for _ in 0..times {
        output.clear();
        measured_encode_between_broadcasts(server.sender_mut(), &broadcast, &messages, &mut output)?;
    }
    expect(usize::from(output.first() == Some(&0xc2)), 1)
}

#[inline(never)]
fn measured_encode_between_broadcasts(
    sender: &mut Sender,
    broadcast: &PreparedMessage,
    messages: &[String],
    output: &mut Vec<u8>,
) -> Result<(), Failure> {
    for message in messages {
        black_box(sender.prepared_frame(broadcast)?);
        sender.send(BytesMessage::new(message), output)?;
    }
    Ok(())
}
