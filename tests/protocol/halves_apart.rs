//! Halves in two tasks answer, and know how the connection ended (RFC 6455 §5.5.1, §5.5.2, §7.1).

use wsproto::{
    AutoReplies, CloseCode, CloseConnection, ClosedBy, Connection, ConnectionState, Limits,
    LocalProtocolError, MessageKind, Notice, ReplyPolicy, Role, TextMessage, TransportAction,
};

use crate::halves_model::{Subject, carried};
use crate::support::{BINARY, BOTH, CLOSE, FIN, Fixed, PING, PONG, TEXT, cuts, frames_to, masked, unmasked};

#[test]
fn a_ping_and_a_close_frame_cut_at_any_byte_are_answered_once() {
    for role in BOTH {
        let bytes = frames_to(role, [(PING, &b"?"[..]), (CLOSE, b"\x03\xe8bye")]);
        let expected = frames_to(role.peer(), [(PONG, &b"?"[..]), (CLOSE, b"\x03\xe8")]);
        for cut in cuts(bytes.len()) {
            let mut halves = carried(role, ReplyPolicy::PongAndClose);
            let mut output = Vec::new();
            for read in [&bytes[..cut], &bytes[cut..]] {
                if !read.is_empty() {
                    halves.receive(read);
                }
                halves.carry();
                halves.send_replies(&mut output).unwrap();
                assert!(!halves.sending.has_replies());
            }
            assert_eq!(output, expected, "cut at {cut}");
        }
    }
}

#[test]
fn the_transport_is_kept_while_the_close_frame_waits_to_be_sent() {
    // The receiving half may find the close frame, or the error, and the end of the transport, before the sending half
    // looks. §7.1.1 has the transport end after both close frames.
    let invalid = [0xF8];
    for role in BOTH {
        for bytes in [frames_to(role, [(CLOSE, &b"\x03\xe8"[..])]), invalid.to_vec()] {
            let mut halves = carried(role, ReplyPolicy::PongAndClose);
            halves.receive(&bytes);
            halves.receive(&[]);
            halves.carry();
            assert_eq!(halves.sending.transport_action(), TransportAction::Keep);
            halves.send_replies(&mut Vec::new()).unwrap();
            assert_eq!(halves.sending.transport_action(), TransportAction::Close);
        }
    }
}

#[test]
fn only_a_reply_can_be_sent_after_the_end_of_the_transport() {
    let normal = CloseConnection::new(CloseCode::NORMAL_CLOSURE, "");
    for role in BOTH {
        let mut halves = carried(role, ReplyPolicy::Nothing);
        halves.receive(&frames_to(role, [(CLOSE, &b"\x03\xe8"[..])]));
        halves.receive(&[]);
        halves.carry();
        let mut output = Vec::new();
        for event in [normal, CloseConnection::EMPTY] {
            assert_eq!(halves.sending.send(event, &mut output), Err(LocalProtocolError::Ended));
        }
        halves.sending.send(normal.response(), &mut output).unwrap();
        assert_eq!(output, frames_to(role.peer(), [(CLOSE, &b"\x03\xe8"[..])]));
    }
}

#[test]
fn frames_read_whole_are_answered_too() {
    let mut halves = carried(Role::Server, ReplyPolicy::PongAndClose);
    let mut bytes = masked(PING, b"?");
    assert!(halves.receiving.next_frame_event(&mut bytes.as_mut_slice()).unwrap().is_some());
    halves.carry();
    let mut output = Vec::new();
    halves.send_replies(&mut output).unwrap();
    assert_eq!(output, unmasked(PONG, b"?"));
}

#[test]
fn data_and_pongs_make_no_notice() {
    let mut halves = carried(Role::Server, ReplyPolicy::PongAndClose);
    halves.receive(&[masked(FIN | TEXT, b"text"), masked(FIN | BINARY, b"\xff"), masked(PONG, b"")].concat());
    assert!(halves.receiving.take_notice().is_none());
}

#[test]
fn pings_make_no_notice_if_they_are_not_answered() {
    let mut halves = carried(Role::Server, ReplyPolicy::Nothing);
    halves.receive(&masked(PING, b"?"));
    assert!(halves.receiving.take_notice().is_none());
    halves.receive(&masked(CLOSE, b""));
    let notice = halves.receiving.take_notice().unwrap();
    halves.sending.on_notice(&notice);
    assert!(!halves.sending.has_replies());
    let refused = halves.send(&TextMessage::new("late"), &mut Vec::new());
    assert_eq!(refused, Err(LocalProtocolError::CloseReceived));
}

#[test]
fn a_pong_is_not_put_into_a_streamed_frame() {
    let mut halves = carried(Role::Server, ReplyPolicy::Pong);
    _ = halves.sending.sender_mut().begin_frame(MessageKind::Binary, 1, true).unwrap();
    halves.receive(&masked(PING, b"?"));
    halves.carry();
    let mut output = Vec::new();
    assert_eq!(halves.send_replies(&mut output), Err(LocalProtocolError::FrameInProgress));
    assert!(output.is_empty() && halves.sending.has_replies());
    halves.sending.sender_mut().continue_frame(&mut [1]).unwrap();
    halves.send_replies(&mut output).unwrap();
    assert_eq!(output, unmasked(PONG, b"?"));
}

#[test]
fn a_notice_that_was_put_back_is_part_of_the_next_one() {
    let mut halves = carried(Role::Server, ReplyPolicy::PongAndClose);
    halves.receive(&masked(PING, b"first"));
    let notice = halves.receiving.take_notice().unwrap();
    halves.receiving.put_back_notice(notice);
    halves.receive(&masked(CLOSE, b""));
    halves.carry();
    let mut output = Vec::new();
    halves.send_replies(&mut output).unwrap();
    assert_eq!(output, [unmasked(PONG, b"first"), unmasked(CLOSE, b"")].concat());

    let mut halves = carried(Role::Server, ReplyPolicy::PongAndClose);
    halves.receive(&masked(PING, b"first"));
    let notice = halves.receiving.take_notice().unwrap();
    halves.receive(&masked(PING, b"second"));
    halves.receiving.put_back_notice(notice);
    halves.carry();
    let mut output = Vec::new();
    halves.send_replies(&mut output).unwrap();
    assert_eq!(output, unmasked(PONG, b"second"));
}

#[test]
fn an_older_notice_that_comes_later_takes_nothing_back() {
    let mut halves = carried(Role::Client, ReplyPolicy::PongAndClose);
    halves.receive(&unmasked(PING, b"?"));
    let older = halves.receiving.take_notice().unwrap();
    halves.receive(&unmasked(CLOSE, b"\x03\xe8"));
    halves.receive(b"");
    halves.carry();
    halves.sending.on_notice(&older);
    let mut output = Vec::new();
    halves.send_replies(&mut output).unwrap();
    assert_eq!(output, [masked(PONG, b"?"), masked(CLOSE, b"\x03\xe8")].concat());
    assert_eq!(halves.sending.transport_action(), TransportAction::Close);
    assert!(halves.sending.close_info().unwrap().was_clean);
}

#[test]
fn replies_that_waited_before_are_sent_by_the_sending_half() {
    let mut connection = Connection::server(Limits::default());
    let mut replies = AutoReplies::new(ReplyPolicy::PongAndClose);
    let mut bytes = [masked(PING, b"?"), masked(CLOSE, b"\x03\xe8bye")].concat();
    let mut input = bytes.as_mut_slice();
    while let Some(event) = connection.next_event(&mut input).unwrap() {
        replies.on_event(&event);
    }
    let (mut receiving, mut sending) = connection.into_halves(replies);
    assert!(receiving.take_notice().is_none());
    assert_eq!(sending.state(), ConnectionState::RemoteClosing);
    let mut output = Vec::new();
    sending.send_replies(&mut output).unwrap();
    assert_eq!(output, [unmasked(PONG, b"?"), unmasked(CLOSE, b"\x03\xe8")].concat());
    let close_info = sending.close_info().unwrap();
    assert_eq!((close_info.by, close_info.reason), (ClosedBy::Remote, "bye"));
}

#[test]
fn a_close_frame_sent_before_is_known_to_both_halves() {
    let mut connection = Connection::server(Limits::default());
    connection.send(CloseConnection::EMPTY, &mut Vec::new()).unwrap();
    let (receiving, mut sending) = connection.into_halves(AutoReplies::new(ReplyPolicy::Nothing));
    assert_eq!(receiving.state(), ConnectionState::LocalClosing);
    assert_eq!(sending.state(), ConnectionState::LocalClosing);
    assert_eq!(sending.take_close_sent(), None);
}

#[test]
fn a_server_may_send_1010_only_after_a_client_did() {
    // §7.4.1: the code is "not used by the server", except in the answer.
    let close = CloseConnection::new(CloseCode::MANDATORY_EXT, "");
    let mut halves = carried(Role::Server, ReplyPolicy::Nothing);
    let mut output = Vec::new();
    let refused = halves.send(&close, &mut output);
    assert_eq!(refused, Err(LocalProtocolError::InvalidCloseCode(1010)));
    halves.receive(&masked(CLOSE, b"\x03\xf2"));
    assert!(halves.send(&close, &mut output).is_err(), "it does not know yet");
    halves.carry();
    halves.send(&close, &mut output).unwrap();
    assert_eq!(output, unmasked(CLOSE, b"\x03\xf2"));
}

#[test]
fn a_notice_has_a_fixed_and_small_size() {
    assert!(size_of::<Notice>() <= 320, "{}", size_of::<Notice>());
}

#[cfg(feature = "std")]
mod threads {
    use std::sync::mpsc;
    use std::thread;

    use wsproto::{BytesMessage, SharedReceiver, SharedSender};

    use crate::halves_model::{Shared, shared};
    use crate::support::{Fixed, Said, feed};

    use super::*;

    #[test]
    fn a_wake_is_asked_for_once() {
        let mut halves = shared(Role::Server, ReplyPolicy::PongAndClose);
        halves.receive(&masked(FIN | TEXT, b"text"));
        assert!(!halves.receiving.take_wake());
        for bytes in [masked(PING, b"?"), masked(CLOSE, b""), Vec::new()] {
            halves.receive(&bytes);
            assert!(halves.receiving.take_wake());
            assert!(!halves.receiving.take_wake());
        }
    }

    #[test]
    fn a_wake_is_not_asked_for_if_pings_are_not_answered() {
        let mut halves = shared(Role::Server, ReplyPolicy::Nothing);
        halves.receive(&masked(PING, b"?"));
        assert!(!halves.receiving.take_wake() && !halves.sending.has_replies());
    }

    #[test]
    fn a_close_frame_sent_before_is_known_to_both_shared_halves() {
        let mut connection = Connection::server(Limits::default());
        connection.send(CloseConnection::EMPTY, &mut Vec::new()).unwrap();
        let (receiving, mut sending) = connection.into_shared_halves(AutoReplies::new(ReplyPolicy::Nothing));
        assert_eq!(
            (receiving.state(), sending.state()),
            (ConnectionState::LocalClosing, ConnectionState::LocalClosing)
        );
    }

    #[test]
    fn a_close_frame_sent_by_any_method_is_known_to_the_receiving_half() {
        let sends: [fn(&mut SharedSender<Fixed>); 2] = [
            |sending| sending.send(CloseConnection::EMPTY, &mut Vec::new()).unwrap(),
            |sending| {
                sending.with_sender(|sender| sender.send(CloseConnection::EMPTY, &mut Vec::new())).unwrap()
            },
        ];
        for send in sends {
            let Shared { receiving, mut sending } = shared(Role::Client, ReplyPolicy::Nothing);
            send(&mut sending);
            assert_eq!(receiving.state(), ConnectionState::LocalClosing);
        }
    }

    /// The receiving thread: it reads byte by byte, and says `None` to wake the other.
    fn receive(mut half: SharedReceiver, bytes: Vec<u8>, wakes: mpsc::Sender<Option<u32>>) -> SharedReceiver {
        for byte in bytes {
            let mut read = [byte];
            let mut input = read.as_mut_slice();
            while let Some(_event) = half.next_event(&mut input).unwrap() {}
            if half.take_wake() {
                wakes.send(None).unwrap();
            }
        }
        half
    }

    #[test]
    fn two_threads_answer_pings_and_the_close_frame_between_messages() {
        for round in 0..50 {
            let Shared { receiving, mut sending } = shared(Role::Server, ReplyPolicy::PongAndClose);
            let pings = (0..100_u16).flat_map(|i| masked(PING, i.to_be_bytes()));
            let incoming: Vec<u8> = pings.chain(masked(CLOSE, b"\x03\xe8bye")).collect();
            let (jobs, waiting) = mpsc::channel();
            let wakes = jobs.clone();
            let reading = thread::spawn(move || receive(receiving, incoming, wakes));
            let talking = thread::spawn(move || (0..100 + round).for_each(|i| jobs.send(Some(i)).unwrap()));
            let mut output = Vec::new();
            let mut refused = None;
            for job in waiting {
                if let Some(number) = job {
                    let sent = sending.send(BytesMessage::new(number.to_be_bytes()), &mut output);
                    refused = refused.or(sent.err());
                }
                sending.send_replies(&mut output).unwrap();
            }
            let receiving = reading.join().unwrap();
            talking.join().unwrap();

            assert!(matches!(
                refused,
                None | Some(LocalProtocolError::CloseReceived | LocalProtocolError::CloseSent)
            ));
            let seen = feed(Role::Client, Limits::default(), [&output[..]]);
            assert_eq!(
                (seen.failure, seen.said.last()),
                (None, Some(&Said::Close(Some(1000), String::new())))
            );
            let mut pongs = seen.said.iter().filter(|said| matches!(said, Said::Pong(_)));
            assert_eq!(pongs.next_back(), Some(&Said::Pong(99_u16.to_be_bytes().into())));
            for info in [receiving.close_info().unwrap(), sending.close_info().unwrap()] {
                assert_eq!((info.by, info.reason, info.was_clean), (ClosedBy::Remote, "bye", true));
            }
            assert_eq!(receiving.transport_action(), TransportAction::Close);
            assert_eq!(sending.transport_action(), TransportAction::Close);
        }
    }
}

#[test]
fn each_half_shows_what_it_holds() {
    for role in BOTH {
        let connection = || Connection::with_role(role, Limits::default(), Fixed);
        let (mut receiving, sending) = connection().into_halves(AutoReplies::new(ReplyPolicy::Nothing));
        receiving.release_memory();
        assert!(!receiving.receiver().is_finished());
        assert_eq!((sending.role(), sending.sender().role()), (role, role));
        assert!(!sending.sender().has_extensions());
        #[cfg(feature = "std")]
        {
            let (mut receiving, sending) =
                connection().into_shared_halves(AutoReplies::new(ReplyPolicy::Nothing));
            receiving.release_memory();
            assert!(!receiving.receiver().is_finished());
            assert_eq!((sending.role(), sending.sender().role()), (role, role));
        }
    }
}

#[test]
#[cfg(feature = "std")]
fn a_shared_half_wakes_the_other_for_a_ping_read_whole_and_not_for_data() {
    let replies = AutoReplies::new(ReplyPolicy::PongAndClose);
    let (mut receiving, mut sending) = Connection::server(Limits::default()).into_shared_halves(replies);
    let mut data = masked(FIN | TEXT, b"a");
    assert_eq!(receiving.next_frame_event(&mut &mut data[..3]), Ok(None));
    assert!(receiving.next_frame_event(&mut data.as_mut_slice()).unwrap().is_some());
    assert!(!receiving.take_wake());
    assert!(receiving.next_frame_event(&mut masked(PING, b"?").as_mut_slice()).unwrap().is_some());
    assert!(receiving.take_wake());
    assert!(sending.has_replies());
    let mut output = Vec::new();
    sending.send_replies(&mut output).unwrap();
    assert_eq!(output, unmasked(PONG, b"?"));
}

#[test]
fn data_read_whole_makes_no_notice() {
    let mut halves = carried(Role::Server, ReplyPolicy::PongAndClose);
    let mut bytes = masked(FIN | TEXT, b"a");
    assert!(halves.receiving.next_frame_event(&mut bytes.as_mut_slice()).unwrap().is_some());
    assert!(halves.receiving.take_notice().is_none());
}

#[test]
fn a_close_frame_of_the_callers_own_answers_the_peers() {
    // §5.5.1: the endpoint "MUST send a Close frame in response", unless it has sent one.
    let mut halves = carried(Role::Server, ReplyPolicy::PongAndClose);
    halves.receive(&masked(CLOSE, b"\x03\xe8"));
    halves.carry();
    assert_eq!(halves.sending.transport_action(), TransportAction::Keep);
    halves.send(&CloseConnection::EMPTY, &mut Vec::new()).unwrap();
    assert_eq!(halves.sending.transport_action(), TransportAction::Close);
}

#[test]
fn a_close_frame_is_answered_once_though_the_end_of_the_transport_is_known_later() {
    let mut halves = carried(Role::Server, ReplyPolicy::PongAndClose);
    halves.receive(&masked(CLOSE, b"\x03\xe8"));
    halves.carry();
    let mut output = Vec::new();
    halves.send_replies(&mut output).unwrap();
    assert_eq!(output, unmasked(CLOSE, b"\x03\xe8"));
    _ = halves.receiving.receive_eof();
    halves.carry();
    assert!(!halves.sending.has_replies());
}

#[test]
fn a_close_frame_that_is_read_as_a_range_is_known_to_the_other_half() {
    let mut halves = carried(Role::Server, ReplyPolicy::Nothing);
    let mut bytes = masked(CLOSE, b"\x03\xe8bye");
    assert!(halves.receiving.next_range(&mut bytes.as_mut_slice()).unwrap().is_some());
    halves.carry();
    _ = halves.receiving.receive_eof();
    halves.carry();
    let close_info = halves.sending.close_info().unwrap();
    assert_eq!((close_info.by, close_info.reason), (ClosedBy::Remote, "bye"));
}
