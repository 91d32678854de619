//! WebSockets that share an HTTP/2 connection: what the suite does to their streams, and what must become of them.

use std::future::Future;

use crate::case::Event;
use crate::h2_case::{Action, Ending, H2Streams, StreamEnd};
use crate::http2::{Http2, Reader, Writer};
use crate::peer::Heard;
use crate::script::{Condition, End, Sentinel, Step, Transcript, show};
use crate::verdict::{Answer, Verdict};
use crate::wire::{Connection, Settings};

/// An open stream, or what is left of one.
#[derive(Debug)]
enum Socket {
    Open(Box<Connection<Reader, Writer>>),
    /// The suite has reset it.
    Reset,
}

/// How a stream is opened; the suite's own request, which must be accepted.
pub(crate) trait Opener {
    fn open(
        &self,
        http2: &mut Http2,
        end_stream: bool,
    ) -> impl Future<Output = Result<Connection<Reader, Writer>, (Verdict, String)>> + Send;
}

/// Performs the actions of a case, brings each stream to its end, and compares. At last, a further WebSocket must open:
/// whatever becomes of a stream, the connection goes on (RFC 8441 §5).
pub(crate) async fn run(
    case: &H2Streams,
    mut http2: Http2,
    opener: &(impl Opener + Sync),
    settings: &Settings,
) -> Answer {
    let mut sockets = Vec::new();
    for action in &case.actions {
        if let Err((verdict, why)) = perform(action, &mut sockets, &mut http2, opener, settings).await {
            return Answer { verdict, observed: why, ..answer(case) };
        }
    }
    let mut seen = Vec::new();
    for (socket, expected) in sockets.into_iter().zip(&case.expect) {
        let (Socket::Open(mut socket), Some(expected)) = (socket, expected) else { continue };
        socket.seen.forget_sentinel();
        let ending = expected.end.first().copied().unwrap_or(Ending::Open);
        socket.run(&last_steps(ending, settings.mask), settings).await;
        seen.push((socket.into_transcript(), expected));
    }
    let further = match opener.open(&mut http2, false).await {
        Ok(mut further) => {
            further.run(&last_steps(Ending::Open, settings.mask), settings).await;
            Ok(further.into_transcript())
        }
        Err(why) => Err(why),
    };
    compare(case, &seen, &further)
}

async fn perform(
    action: &Action,
    sockets: &mut Vec<Socket>,
    http2: &mut Http2,
    opener: &(impl Opener + Sync),
    settings: &Settings,
) -> Result<(), (Verdict, String)> {
    let stream = match action {
        Action::Open { end_stream } => {
            sockets.push(Socket::Open(Box::new(opener.open(http2, *end_stream).await?)));
            return Ok(());
        }
        Action::Send { stream, .. }
        | Action::End { stream }
        | Action::Reset { stream }
        | Action::Ask { stream } => *stream,
    };
    let Some(socket) = sockets.get_mut(stream) else {
        return Err((Verdict::Fail, format!("the case has no stream {stream}")));
    };
    let Socket::Open(connection) = socket else { return Ok(()) };
    match action {
        Action::Send { data, end_stream, .. } if *end_stream || data.0.is_empty() => {
            let mut taken = if *end_stream { connection.take_writer() } else { None };
            if let Some(writer) = taken.as_mut().or(connection.writer()) {
                // An error means that the stream has ended, which the end of the case shows.
                _ = writer.send_frame(&data.0, *end_stream);
            }
        }
        Action::Send { data, .. } => connection.run(&[Step::Send(data.0.clone())], settings).await,
        Action::End { .. } => connection.run(&[Step::HalfClose], settings).await,
        Action::Ask { .. } => {
            connection.seen.forget_sentinel();
            connection.run(&Sentinel::Echoed.steps(settings.mask), settings).await;
        }
        // What is dropped is reset, with CANCEL.
        Action::Reset { .. } => {
            *socket = Socket::Reset;
            return Ok(());
        }
        Action::Open { .. } => {}
    }
    match connection.seen.hung {
        true => Err((Verdict::Hung, format!("stream {stream}: {}", connection.seen.summary()))),
        false => Ok(()),
    }
}

/// What brings a stream to its end.
fn last_steps(ending: Ending, mask: Option<[u8; 4]>) -> Vec<Step> {
    match ending {
        Ending::Open => Sentinel::Echoed.steps(mask).to_vec(),
        _ => vec![Step::Await(Condition::End)],
    }
}

fn compare(
    case: &H2Streams,
    seen: &[(Transcript, &StreamEnd)],
    further: &Result<Transcript, (Verdict, String)>,
) -> Answer {
    let mut answer = answer(case);
    let all = seen.iter().enumerate();
    let lines = all.map(|(number, (seen, _))| format!("stream {number}: {}", seen.summary()));
    answer.observed = lines.collect::<Vec<_>>().join("; ");
    answer.received = seen.iter().flat_map(|(seen, _)| seen.received.iter().copied()).collect();
    let broken = seen.iter().find_map(|(seen, _)| seen.broken.as_ref());
    answer.rule = broken.map(|broken| format!("{}: {}", broken.section, broken.what));
    let goes_on = match further {
        Ok(further) if is_open(further) => true,
        Ok(further) => {
            answer.observed.push_str(&format!("; a further stream: {}", further.summary()));
            false
        }
        Err((_, why)) => {
            answer.observed.push_str(&format!("; a further stream: {why}"));
            false
        }
    };
    let verdicts = seen.iter().map(|(seen, expected)| verdict(seen, expected));
    let worst = verdicts.max().unwrap_or(Verdict::Pass);
    answer.verdict = if goes_on { worst } else { worst.max(Verdict::Fail) };
    answer
}

fn is_open(seen: &Transcript) -> bool {
    seen.end.is_none()
        && seen.broken.is_none()
        && seen.close().is_none()
        && Sentinel::Echoed.is_answered(seen)
}

/// The verdict for one stream.
fn verdict(seen: &Transcript, expected: &StreamEnd) -> Verdict {
    if seen.broken.is_some() {
        return Verdict::Fail;
    }
    if seen.hung {
        return Verdict::Hung;
    }
    let ending = match (seen.end, seen.close()) {
        (None, _) if is_open(seen) => Ending::Open,
        (Some(_), _) if seen.nudged => return Verdict::Fail,
        (Some(End::Closed), Some(_)) => Ending::Closed,
        (Some(End::Reset), Some(_)) => Ending::ClosedThenReset,
        (Some(End::Closed), None) => Ending::Ended,
        (Some(End::Reset), None) => Ending::Reset,
        (None, _) => return Verdict::Fail,
    };
    let code_fits = seen.close().is_none_or(|code| expected.code.is_none() || code == expected.code);
    let echoes: Vec<Heard> = expected.echoes.iter().filter_map(echo).collect();
    let fits = code_fits && seen.messages().eq(&echoes);
    match expected.end.iter().position(|allowed| *allowed == ending) {
        Some(0) if fits => Verdict::Pass,
        Some(_) if fits => Verdict::Allowed,
        _ => Verdict::Fail,
    }
}

fn echo(event: &Event) -> Option<Heard> {
    match event {
        Event::Text(text) => Some(Heard::Text(text.clone())),
        Event::Binary(data) => Some(Heard::Binary(data.clone())),
        _ => None,
    }
}

/// The answer before anything was observed.
fn answer(case: &H2Streams) -> Answer {
    let of_stream = |(number, expected): (usize, &Option<StreamEnd>)| {
        let expected = expected.as_ref()?;
        let mut parts: Vec<_> = expected.echoes.iter().filter_map(echo).map(|heard| show(&heard)).collect();
        let code = expected.code.map(|code| format!(" {code}")).unwrap_or_default();
        let ends = expected.end.iter().map(|end| match end {
            Ending::Open => "open".to_owned(),
            Ending::Closed => format!("close{code} and END_STREAM"),
            Ending::ClosedThenReset => format!("close{code} and RST_STREAM"),
            Ending::Ended => "END_STREAM".to_owned(),
            Ending::Reset => "RST_STREAM".to_owned(),
        });
        parts.push(ends.collect::<Vec<_>>().join(" or "));
        Some(format!("stream {number}: {}", parts.join(", ")))
    };
    let mut expected: Vec<_> = case.expect.iter().enumerate().filter_map(of_stream).collect();
    expected.push("the connection goes on".to_owned());
    let sent = case.actions.iter().filter_map(|action| match action {
        Action::Send { data, .. } => Some(data.0.clone()),
        _ => None,
    });
    Answer {
        verdict: Verdict::Fail,
        rule: None,
        expected: expected.join("; "),
        observed: String::new(),
        sent: sent.collect(),
        received: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{SENTINEL_PING, SENTINEL_TEXT};

    fn seen(heard: &[Heard], end: Option<End>) -> Transcript {
        Transcript { heard: heard.to_vec(), end, ..Transcript::default() }
    }

    #[test]
    fn stream_must_come_to_the_end_that_is_expected() {
        let close = |code| Heard::Close { code: Some(code), reason: Vec::new() };
        let expected = |end: &[Ending]| StreamEnd { echoes: Vec::new(), end: end.to_vec(), code: Some(1000) };
        let closed = expected(&[Ending::Closed, Ending::Reset]);
        for (heard, end, wanted) in [
            (vec![close(1000)], Some(End::Closed), Verdict::Pass),
            (vec![], Some(End::Reset), Verdict::Allowed),
            (vec![close(1000)], Some(End::Reset), Verdict::Fail),
            (vec![close(1002)], Some(End::Closed), Verdict::Fail),
            (vec![Heard::Text(b"a".to_vec()), close(1000)], Some(End::Closed), Verdict::Fail),
            (vec![], None, Verdict::Fail),
        ] {
            assert_eq!(verdict(&seen(&heard, end), &closed), wanted, "{heard:?}");
        }
        let nudged = Transcript { nudged: true, ..seen(&[close(1000)], Some(End::Closed)) };
        assert_eq!(verdict(&nudged, &closed), Verdict::Fail);
        let hung = Transcript { hung: true, ..Transcript::default() };
        assert_eq!(verdict(&hung, &closed), Verdict::Hung);
        let sentinel = [Heard::Pong(SENTINEL_PING.to_vec()), Heard::Text(SENTINEL_TEXT.to_vec())];
        assert_eq!(verdict(&seen(&sentinel, None), &expected(&[Ending::Open])), Verdict::Pass);
        assert_eq!(verdict(&seen(&sentinel[..1], None), &expected(&[Ending::Open])), Verdict::Fail);
    }
}
