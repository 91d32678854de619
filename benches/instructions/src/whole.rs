//! Whole messages, by `Messages`.

use wsproto::{Connection, Limits, Messages, ReadBuffer};

use crate::{Failure, MESSAGES, Shape, expect, wire};

fn server() -> Messages {
    Messages::new(Connection::server(Limits::NONE), ReadBuffer::new().with_min_space(16 << 10))
}

fn fill<'a>(ws: &mut Messages, bytes: &'a [u8], read_len: usize) -> Result<&'a [u8], Failure> {
    let space = ws.space();
    let (read, rest) = bytes.split_at(read_len.min(bytes.len()).min(space.len()));
    space[..read.len()].copy_from_slice(read);
    ws.filled(read.len())?;
    Ok(rest)
}

pub(crate) fn decode(times: usize, shape: Shape, len: usize, read_len: usize) -> Result<(), Failure> {
    let wire = wire(shape, len)?;
    let mut ws = server();
    let mut total = 0;
    for _ in 0..times {
        let mut rest = &wire[..];
        while !rest.is_empty() {
            rest = fill(&mut ws, rest, read_len)?;
            total += measured_messages(&mut ws);
        }
    }
    expect(total, times * MESSAGES * len)
}

#[inline(never)]
fn measured_messages(ws: &mut Messages) -> usize {
    let mut total = 0;
    while let Some(message) = ws.next_message() {
        total += message.as_bytes().len();
    }
    total
}

pub(crate) fn echo(times: usize, shape: Shape, len: usize) -> Result<(), Failure> {
    let wire = wire(shape, len)?;
    let mut ws = server();
    let mut total = 0;
    for _ in 0..times {
        let mut rest = &wire[..];
        while !rest.is_empty() {
            rest = fill(&mut ws, rest, usize::MAX)?;
            measured_messages_echo(&mut ws)?;
            total += ws.output().len();
            ws.written(usize::MAX);
        }
    }
    expect(total, times * MESSAGES * (len + 2))
}

#[inline(never)]
fn measured_messages_echo(ws: &mut Messages) -> Result<(), Failure> {
    let (mut incoming, mut outgoing) = ws.split();
    while let Some(message) = incoming.next_message() {
        outgoing.send(message)?;
    }
    Ok(())
}
