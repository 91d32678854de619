//! Blocks with BFINAL set, inside messages and at their end (RFC 7692 §7.2.1, §7.2.3.4).

use wsproto::{DeflateBlocks, RemoteProtocolError, Role};

use crate::protocol::{BINARY, FIN, Reader, TEXT, binary, frame_to, text};
use crate::support::{RSV1, Seen, Setup, fails, noise, says};

const WHOLE: u8 = FIN | RSV1 | TEXT;
const WHOLE_BINARY: u8 = FIN | RSV1 | BINARY;

#[test]
fn a_final_block_may_be_followed_by_any_block() {
    // "Any number of blocks with the BFINAL bit set to 0 or 1", padded with 0 (RFC 7692 §7.2.1).
    for (first, second) in [(true, false), (false, true), (true, true)] {
        let fixed = aligned_if(first, DeflateBlocks::new().fixed(first, b"He"));
        let payload = aligned_if(second, fixed.fixed(second, b"llo"));
        says([(WHOLE, &payload.into_message())], &[text("Hello")]);
        let stored = DeflateBlocks::new().stored(first, b"He").stored(second, b"llo").into_message();
        says([(WHOLE, &stored)], &[text("Hello")]);
    }
}

#[test]
fn a_message_may_end_with_a_final_block_without_a_tail() {
    // §7.2.3.4 shows another form, but the meaning is clear.
    let payload = DeflateBlocks::new().fixed(true, b"Hello").into_bytes();
    let again = DeflateBlocks::new().begin(true, 1).copy(5, 5).end().into_bytes();
    says(
        [(WHOLE, &payload), (WHOLE, &again), (WHOLE, &payload)],
        &[text("Hello"), text("Hello"), text("Hello")],
    );
}

#[test]
fn a_final_block_may_be_followed_by_an_empty_one_and_its_tail() {
    let payload = DeflateBlocks::new().fixed(true, b"Hello").align().stored(false, b"").into_bytes();
    says([(WHOLE, &payload)], &[text("Hello")]);
    let payload = DeflateBlocks::new().fixed(true, b"Hello").align().stored(true, b"").into_bytes();
    says([(WHOLE, &payload)], &[text("Hello")]);
}

#[test]
fn the_window_is_kept_after_a_final_block() {
    // §7.2.2: the window is that of the previous message, however its blocks ended.
    let first = DeflateBlocks::new().fixed(true, b"Hello").align();
    let within = first.clone().begin(false, 1).copy(5, 5).end().into_message();
    says([(WHOLE, &within)], &[text("HelloHello")]);
    let across = DeflateBlocks::new().begin(true, 1).copy(5, 5).end().align().into_message();
    says(
        [(WHOLE, &first.into_message()), (WHOLE, &across), (WHOLE, &across)],
        &[text("Hello"), text("Hello"), text("Hello")],
    );
}

#[test]
fn the_whole_window_is_kept_after_a_final_block_at_any_position() {
    // Around 32 KiB, and around the lengths at which the last inflated bytes are moved.
    let lens = [1, 258, 8191, 8192, 8193, 32_767, 32_768, 32_769, 40_959, 40_960, 40_961, 73_728, 100_000];
    for len in lens {
        let before = noise(len, len as usize);
        let distance = (len as u32).min(32_768);
        let mut blocks = DeflateBlocks::new();
        for stored in before.chunks(0xFFFF) {
            blocks = blocks.stored(false, stored);
        }
        // An empty final block, then a copy from the largest distance, twice.
        let payload = blocks.fixed(true, b"").align().begin(true, 1).copy(258, distance).end().align();
        let payload = payload.begin(false, 1).copy(10, distance).end().into_message();
        let mut expected = before;
        for _ in 0..268 {
            expected.push(expected[expected.len() - distance as usize]);
        }
        for read_len in [1, 1000, usize::MAX] {
            let mut reader = Reader::of(Setup::of(Role::Client).receiver());
            let bytes = frame_to(Role::Client, WHOLE_BINARY, &payload);
            bytes.chunks(read_len.min(bytes.len())).for_each(|read| reader.read(read));
            let seen = Seen::by(&reader);
            assert_eq!(seen.failure, None, "{len} {read_len}");
            assert!(seen.said == [binary(&expected)], "{len} bytes, in reads of {read_len}");
        }
    }
}

#[test]
fn a_distance_beyond_the_window_fails_after_a_final_block_too() {
    let payload =
        DeflateBlocks::new().fixed(true, b"Hello").align().begin(false, 1).copy(5, 6).end().into_message();
    let seen = fails([(WHOLE, &payload)], RemoteProtocolError::InvalidDeflate);
    assert_eq!(seen.unfinished, Some(text("Hello")), "the valid part is delivered first");
}

#[test]
fn a_final_block_without_context_takeover_keeps_no_window() {
    let setup = Setup::of(Role::Server).peer_resets();
    let payload = DeflateBlocks::new().fixed(true, b"Hello").align().into_message();
    let again = DeflateBlocks::new().begin(false, 1).copy(5, 5).end().into_message();
    let seen = setup.check_frames([(WHOLE, &payload), (WHOLE, &payload), (WHOLE, &again)]);
    assert_eq!(seen.said, [text("Hello"), text("Hello")]);
    assert_eq!(seen.failure, Some(RemoteProtocolError::InvalidDeflate));
}

#[test]
fn a_few_empty_final_blocks_are_accepted_and_many_are_refused() {
    // Each costs a copy of the window, gives no data, and takes two bytes on the wire.
    let empty = |count| (0..count).fold(DeflateBlocks::new(), |blocks, _| blocks.fixed(true, b"").align());
    says([(WHOLE, &empty(16).fixed(false, b"Hello").into_message())], &[text("Hello")]);
    says([(WHOLE, &empty(16).fixed(true, b"Hello").align().into_message())], &[text("Hello")]);
    let seen = fails(
        [(WHOLE, &empty(17).fixed(false, b"Hello").into_message())],
        RemoteProtocolError::InvalidDeflate,
    );
    assert_eq!(seen.unfinished, None);
    // Spread over many messages they are allowed.
    let one = empty(1).into_message();
    says([(WHOLE, &one), (WHOLE, &one), (WHOLE, &one)], &[text(""), text(""), text("")]);
}

#[test]
fn the_number_of_final_blocks_is_limited_by_the_inflated_length() {
    // One for each message and fifteen more are free; each 8 KiB of data, complete or begun, allows one more.
    let blocks = |len: usize, count: u32| {
        let some = DeflateBlocks::new().stored(false, &vec![b'a'; len]);
        let payload = (0..count).fold(some, |blocks, _| blocks.fixed(true, b"").align());
        payload.fixed(false, b"").into_message()
    };
    for (len, allowed) in [(1, 17), (8 << 10, 17), ((8 << 10) + 1, 18), ((16 << 10) + 1, 19)] {
        says([(WHOLE, &blocks(len, allowed))], &[text(&"a".repeat(len))]);
        fails([(WHOLE, &blocks(len, allowed + 1))], RemoteProtocolError::InvalidDeflate);
    }
    // The count is for all messages: blocks of one literal each are soon refused, in any number of messages.
    let literals = |count: u32| {
        (0..count).fold(DeflateBlocks::new(), |blocks, _| blocks.fixed(true, b"a").align()).into_message()
    };
    let (one, nine) = (literals(1), literals(9));
    says(
        [(WHOLE, &one), (WHOLE, &nine), (WHOLE, &nine), (WHOLE, &one)],
        &[1, 9, 9, 1].map(|len| text(&"a".repeat(len))),
    );
    let seen =
        fails([(WHOLE, &nine), (WHOLE, &nine), (WHOLE, &literals(2))], RemoteProtocolError::InvalidDeflate);
    assert_eq!(seen.said.len(), 2);
}

#[test]
fn the_count_of_final_blocks_survives_a_release_of_memory() {
    // Whether memory is freed between two messages depends on the cuts.
    let setup = Setup::of(Role::Server).peer_resets();
    let nine = (0..9).fold(DeflateBlocks::new(), |blocks, _| blocks.fixed(true, b"a").align()).into_message();
    let pings = [(crate::protocol::PING, &b""[..]); 20];
    let mut frames = vec![(WHOLE, &nine[..])];
    frames.extend(pings);
    frames.push((WHOLE, &nine));
    frames.extend(pings);
    frames.push((WHOLE, &nine));
    let bytes: Vec<u8> =
        frames.iter().flat_map(|(first, payload)| frame_to(Role::Server, *first, payload)).collect();
    let seen = setup.check(&bytes);
    assert_eq!((seen.failure, seen.said.len()), (Some(RemoteProtocolError::InvalidDeflate), 42));
}

fn aligned_if(is_final: bool, blocks: DeflateBlocks) -> DeflateBlocks {
    if is_final { blocks.align() } else { blocks }
}

#[test]
fn a_final_block_that_exactly_fills_a_piece_does_not_end_the_message() {
    // The largest piece has 32 KiB: then zlib holds back only the end of the block.
    for len in [32_768 - 258, 32_768 - 1, 32_768, 32_768 + 1, 65_536, 65_537] {
        let (copies, literals) = (len / 258, len % 258);
        let mut block = DeflateBlocks::new().begin(true, 1);
        for _ in 0..literals.max(1) {
            block = block.symbol(b'a'.into());
        }
        for _ in 0..copies {
            block = block.copy(258, 1);
        }
        let payload = block.end().align().fixed(true, b"b").align().fixed(false, b"c").into_message();
        let mut whole = vec![b'a'; copies * 258 + literals.max(1)];
        whole.extend(b"bc");
        let setup = Setup::of(Role::Client);
        let seen = setup.check_frames([(WHOLE_BINARY, &payload[..])]);
        assert!((seen.failure, seen.said) == (None, vec![binary(&whole)]), "{len}");
    }
}

#[test]
fn a_final_stored_block_may_end_in_the_removed_tail() {
    // An empty final stored block without its last four bytes: the next message starts with a new block.
    says([(WHOLE, &[0x01]), (WHOLE, &[0x00])], &[text(""), text("")]);
    says([(WHOLE, &[0xF1]), (WHOLE, &[0x00])], &[text(""), text("")]);
    let payload = DeflateBlocks::new().fixed(false, b"Hello").stored(true, b"").into_bytes();
    let again = DeflateBlocks::new().begin(false, 1).copy(5, 5).end().into_message();
    says([(WHOLE, &payload[..payload.len() - 4]), (WHOLE, &again)], &[text("Hello"), text("Hello")]);
}

#[test]
fn a_final_block_that_ends_in_the_removed_tail_is_counted_in_the_next_message() {
    let setup = Setup::of(Role::Server);
    let many = [0x03, 0x00].repeat(15);
    let seen = setup.check_frames([(WHOLE, &[0x01][..]), (WHOLE, &many)]);
    assert_eq!((seen.failure, seen.said), (None, vec![text(""), text("")]));
    let too_many = [0x03, 0x00].repeat(16);
    let seen = setup.check_frames([(WHOLE, &[0x01][..]), (WHOLE, &too_many)]);
    assert_eq!(seen.failure, Some(RemoteProtocolError::InvalidDeflate));
}

#[test]
fn a_final_block_whose_last_byte_is_read_before_its_last_copy_is_written_is_received() {
    // The end of the block is in the same byte as the end of the last copy, and the copy crosses the end of a piece.
    let mut block = DeflateBlocks::new().begin(true, 1);
    for _ in 0..300 {
        block = block.symbol(b'a'.into());
    }
    for _ in 0..126 {
        block = block.copy(258, 1);
    }
    let payload = block.end().into_bytes();
    says([(WHOLE, &payload)], &[text(&"a".repeat(300 + 126 * 258))]);
}
