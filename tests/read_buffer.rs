//! The read buffer: what is unread stays in order, however it is filled and read, and memory stays bounded.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests")]

use proptest::prelude::*;
use wsproto::{LocalProtocolError, ReadBuffer};

fn take<'b>(len: usize) -> impl FnOnce(&mut &'b mut [u8]) -> &'b [u8] {
    move |input| {
        let (taken, rest) = std::mem::take(input).split_at_mut(len);
        *input = rest;
        taken
    }
}

#[test]
fn new_buffer_has_no_memory_and_an_emptied_one_gives_it_back() {
    let mut buffer = ReadBuffer::new();
    assert_eq!(buffer.capacity(), 0);
    assert_eq!(buffer.space().len(), 4096);
    buffer.filled(4).unwrap();
    buffer.release_memory();
    assert_eq!(buffer.capacity(), 4);
    buffer.read(take(4));
    buffer.release_memory();
    assert_eq!((buffer.capacity(), buffer.unread()), (0, &b""[..]));
}

#[test]
fn more_than_the_space_cannot_be_filled() {
    let mut buffer = ReadBuffer::new().with_min_space(10);
    assert_eq!(buffer.filled(1), Err(LocalProtocolError::BufferFull(1)));
    assert_eq!(buffer.space().len(), 10);
    assert_eq!(buffer.filled(11), Err(LocalProtocolError::BufferFull(11)));
    assert_eq!(buffer.filled(usize::MAX), Err(LocalProtocolError::BufferFull(usize::MAX)));
    buffer.filled(10).unwrap();
    assert_eq!(buffer.unread(), [0; 10]);
}

#[test]
fn full_buffer_offers_no_space() {
    let mut buffer = ReadBuffer::new().with_min_space(8).with_max_len(20);
    while !buffer.space().is_empty() {
        let len = buffer.space().len();
        buffer.filled(len).unwrap();
    }
    assert_eq!((buffer.unread().len(), buffer.capacity()), (20, 20));
    assert_eq!(buffer.extend_from_slice(b"x"), Err(LocalProtocolError::BufferFull(1)));
    buffer.read(take(1));
    assert_eq!(buffer.space().len(), 1);
}

#[test]
fn buffer_that_may_not_grow_moves_what_is_unread_however_much_it_is() {
    let mut buffer = ReadBuffer::new().with_min_space(20).with_max_len(20);
    buffer.space().copy_from_slice(&[7; 20]);
    buffer.filled(20).unwrap();
    assert_eq!(buffer.read(take(3)).len(), 3);
    assert_eq!(buffer.space().len(), 3);
    assert_eq!(buffer.unread(), [7; 17]);
    assert_eq!(buffer.capacity(), 20);
}

#[test]
fn reads_become_longer_while_they_fill_the_space_and_shorter_again() {
    let mut buffer = ReadBuffer::new().with_min_space(1000);
    let mut read = |filled: fn(usize) -> usize| {
        let offered = buffer.space().len();
        buffer.filled(filled(offered)).unwrap();
        buffer.read(|input| *input = &mut []);
        buffer.clone().space().len()
    };
    let grown: Vec<usize> = (0..9).map(|_| read(|offered| offered)).collect();
    assert_eq!(grown, [2000, 4000, 8000, 16000, 32000, 64000, 65536, 65536, 65536]);
    assert_eq!(read(|offered| offered / 4), 65536, "a quarter is enough");
    buffer.release_memory();
    assert_eq!(buffer.space().len(), 1000);
}

#[test]
fn space_is_half_as_long_after_a_read_that_did_not_fill_a_quarter() {
    // No memory is kept: the space is as long as it was made.
    let mut buffer = ReadBuffer::new().with_min_space(1000).with_max_kept(0);
    let mut read = |filled: fn(usize) -> usize| {
        let offered = buffer.space().len();
        buffer.filled(filled(offered)).unwrap();
        buffer.read(|input| *input = &mut []);
        offered
    };
    for offered in [1000, 2000, 4000, 8000, 16000, 32000, 64000, 65536] {
        assert_eq!(read(|offered| offered), offered);
    }
    assert_eq!(read(|offered| offered / 4), 65536);
    for offered in [65536, 32768, 16384, 8192, 4096, 2048, 1024, 1000, 1000] {
        assert_eq!(read(|offered| offered / 4 - 1), offered);
    }
}

#[test]
fn bytes_that_were_read_elsewhere_do_not_change_the_length_of_the_space() {
    let mut buffer = ReadBuffer::new().with_min_space(1000).with_max_kept(0);
    assert_eq!(buffer.space().len(), 1000);
    buffer.filled(1000).unwrap();
    for _ in 0..4 {
        buffer.read(|input| *input = &mut []);
        buffer.extend_from_slice(b"little").unwrap();
    }
    buffer.read(|input| *input = &mut []);
    assert_eq!(buffer.space().len(), 2000);
}

#[test]
fn buffer_does_not_grow_if_a_move_makes_enough_space() {
    let mut buffer = ReadBuffer::new().with_min_space(8);
    buffer.extend_from_slice(&[7; 16]).unwrap();
    buffer.read(take(8));
    assert_eq!((buffer.space().len(), buffer.capacity()), (8, 16));
}

#[test]
fn buffer_that_may_still_grow_does_not_move_more_than_was_read() {
    let mut buffer = ReadBuffer::new().with_min_space(8).with_max_len(20);
    buffer.extend_from_slice(&[7; 12]).unwrap();
    buffer.read(take(1));
    assert_eq!((buffer.space().len(), buffer.capacity()), (8, 20));
}

/// More is seldom in a socket at once, and a long read would cut one more message.
#[test]
fn space_is_not_longer_than_64_kib_unless_more_is_asked_for() {
    for (min_space, expected) in [(1000, 65536), (100_000, 100_000)] {
        let mut buffer = ReadBuffer::new().with_min_space(min_space).with_max_kept(1 << 20);
        while buffer.unread().len() < 300_000 {
            let len = buffer.space().len();
            buffer.filled(len).unwrap();
        }
        buffer.read(|input| *input = &mut []);
        assert!(buffer.capacity() > 300_000);
        assert_eq!(buffer.space().len(), expected);
    }
}

/// A peer that sends much and then little does not keep each message in a long buffer.
#[test]
#[cfg(feature = "bytes")]
fn space_after_short_reads_is_short_once_the_memory_is_given_away() {
    use bytes::BufMut;
    let mut buffer = ReadBuffer::new();
    for _ in 0..8 {
        let len = buffer.space().len();
        buffer.filled(len).unwrap();
        buffer.read(|input| *input = &mut []);
    }
    for _ in 0..8 {
        buffer.buf_mut().put_slice(b"short");
        buffer.filled(5).unwrap();
        buffer.read(|input| *input = &mut []);
    }
    buffer.release_memory();
    assert_eq!(buffer.buf_mut().remaining_mut(), 4096);
}

#[test]
#[cfg(feature = "bytes")]
fn space_that_is_not_initialized_is_the_same_space() {
    use bytes::BufMut;
    let mut buffer = ReadBuffer::new().with_min_space(8).with_max_len(20);
    buffer.space().fill(b'.');
    buffer.buf_mut().put_slice(b"abc");
    assert_eq!(buffer.filled(4), Err(LocalProtocolError::BufferFull(4)), "three bytes were written");
    buffer.filled(3).unwrap();
    assert_eq!(buffer.unread(), b"abc");
    while buffer.buf_mut().has_remaining_mut() {
        let len = buffer.buf_mut().remaining_mut();
        buffer.buf_mut().put_bytes(b'x', len);
        buffer.filled(len).unwrap();
    }
    assert_eq!((buffer.unread().len(), buffer.capacity()), (20, 20));
    // A caller that asks for space though there is none makes the memory grow, but not what can be stored.
    _ = buffer.buf_mut().chunk_mut();
    assert_eq!(buffer.buf_mut().remaining_mut(), 0);
    assert_eq!(buffer.space().len(), 0);
    buffer.read(take(3));
    buffer.buf_mut().put_slice(b"end");
    buffer.filled(3).unwrap();
    assert_eq!(buffer.unread(), [&[b'x'; 17][..], b"end"].concat());
}

#[test]
fn memory_is_bounded_by_what_is_unread() {
    // A peer that never completes anything, and one that completes everything.
    let mut buffer = ReadBuffer::new().with_min_space(100).with_max_len(1 << 20);
    for _ in 0..1000 {
        buffer.space();
        buffer.filled(1).unwrap();
        assert!(buffer.capacity() <= 2 * (buffer.unread().len() + 100));
    }
    buffer.read(take(1000));
    for _ in 0..1000 {
        let len = buffer.space().len();
        buffer.filled(len).unwrap();
        buffer.read(take(len));
    }
    assert_eq!(buffer.capacity(), 64 << 10, "the longest reads");
}

#[test]
fn no_more_bytes_are_moved_than_are_read() {
    // A backlog that stays as long as the buffer: each fill needs the place of what was read.
    for backlog in [40, 4096, 64 << 10] {
        let mut buffer = ReadBuffer::new();
        let (mut moved, mut read) = (0, 0);
        buffer.extend_from_slice(&vec![0; backlog]).unwrap();
        for _ in 0..4 * backlog / 16 {
            buffer.read(take(16));
            read += 16;
            let before = (buffer.unread().as_ptr(), buffer.capacity());
            buffer.extend_from_slice(&[0; 16]).unwrap();
            let is_moved = before != (buffer.unread().as_ptr(), buffer.capacity());
            moved += if is_moved { backlog } else { 0 };
        }
        assert!(moved <= 2 * read, "{backlog}: {moved} moved, {read} read");
    }
}

#[derive(Clone, Debug)]
enum Act {
    Fill(usize),
    Extend(usize),
    Read(usize),
    ReadShared(usize),
    Release,
}

proptest! {
    #[test]
    fn bytes_come_out_as_they_went_in(
        min_space in 0..40_usize,
        max_len in 1..200_usize,
        acts in prop::collection::vec(
            prop_oneof![
                (0..50_usize).prop_map(Act::Fill),
                (0..50_usize).prop_map(Act::Extend),
                (0..60_usize).prop_map(Act::Read),
                (0..60_usize).prop_map(Act::ReadShared),
                Just(Act::Release),
            ],
            0..80,
        ),
    ) {
        let mut buffer = ReadBuffer::new().with_min_space(min_space).with_max_len(max_len);
        let mut model = std::collections::VecDeque::new();
        let mut next = 0_u8;
        let mut byte = || { next = next.wrapping_add(1); next };
        for act in acts {
            match act {
                Act::Fill(len) => {
                    let space = buffer.space();
                    let room = max_len - model.len();
                    prop_assert!(space.len() >= min_space.max(1).min(room), "{} {room}", space.len());
                    let len = len.min(space.len());
                    for place in &mut space[..len] {
                        *place = byte();
                        model.push_back(*place);
                    }
                    buffer.filled(len).unwrap();
                }
                Act::Extend(len) => {
                    let bytes: Vec<u8> = (0..len).map(|_| byte()).collect();
                    let fits = len <= max_len - model.len();
                    prop_assert_eq!(buffer.extend_from_slice(&bytes).is_ok(), fits);
                    if fits {
                        model.extend(bytes);
                    }
                }
                Act::Read(len) => {
                    let len = len.min(model.len());
                    prop_assert!(buffer.read(take(len)).iter().copied().eq(model.drain(..len)));
                }
                Act::ReadShared(len) => {
                    let len = len.min(model.len());
                    let taken = buffer.read_shared(|input| {
                        let (taken, rest) = input.split_at(len);
                        *input = rest;
                        taken
                    });
                    prop_assert!(taken.iter().copied().eq(model.drain(..len)));
                }
                Act::Release => {
                    buffer.release_memory();
                    prop_assert_eq!(buffer.capacity(), model.len());
                }
            }
            prop_assert!(buffer.unread().iter().eq(model.iter()));
            prop_assert!(buffer.unread().len() <= max_len && buffer.capacity() <= max_len.max(min_space.max(1)) * 2);
        }
    }
}
