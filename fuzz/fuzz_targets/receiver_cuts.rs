//! A receiver gives the same result for all cuts: in one read, cut anywhere, byte by byte and frame by frame.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use wsproto::{Receiver, ReceiverState};
use wsproto_fuzz::{Side, SmallLimits, Wire, ascending, encode, feed, feed_frames};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    side: Side,
    limits: SmallLimits,
    cuts: Vec<u16>,
    wires: Vec<Wire<'a>>,
}

fuzz_target!(|input: Input<'_>| {
    let bytes = encode(input.side, &input.wires);
    let receiver = || Receiver::new(input.side.into(), input.limits.into());

    let whole = feed(receiver(), &bytes, []);
    match whole.failure {
        Some(failure) => assert_eq!(whole.state, ReceiverState::Failed(failure.error)),
        None => assert!(!matches!(whole.state, ReceiverState::Failed(_))),
    }

    let cuts = ascending(&input.cuts, bytes.len());
    assert_eq!(feed(receiver(), &bytes, cuts.iter().copied()), whole);
    assert_eq!(feed_frames(receiver(), &bytes, cuts), whole);
    if bytes.len() <= MAX_BYTEWISE {
        assert_eq!(feed(receiver(), &bytes, 1..bytes.len()), whole);
    }

    // A failure is reported at the byte that proves it, and not before.
    if let Some(failure) = whole.failure {
        let (before, _) = bytes.split_at(failure.certain_after - 1);
        assert_eq!(feed(receiver(), before, []).failure, None);
        let (until, _) = bytes.split_at(failure.certain_after);
        assert_eq!(feed(receiver(), until, []).failure, Some(failure));
    }
});

/// Longer inputs are not fed byte by byte: it takes too long for what it finds.
const MAX_BYTEWISE: usize = 4096;
