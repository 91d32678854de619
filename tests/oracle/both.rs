//! Both behaviours of a divergence, side by side: a run, and what each side shows for its last step.

use std::sync::{LazyLock, Mutex, PoisonError};

use crate::compare::{Met, compare};
use crate::divergence::Divergence;
use crate::frames::Frame;
use crate::hex::Hex;
use crate::ours;
use crate::python::Python;
use crate::script::{Piece, Role, Said, Script, Seen, State, Step};

/// Checks what both sides show for the last step, and that the divergence covers it.
#[track_caller]
pub(crate) fn check(divergence: Divergence, script: Script, ours: Seen, theirs: Seen) {
    let mut python = PYTHON.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(python) = python.as_mut() else { return };
    let scripts = [script];
    assert_eq!(last(ours::play(&scripts[0])), ours, "in this crate");
    assert_eq!(last(python.play(&scripts).remove(0)), theirs, "in Python");
    let mut met = Met::default();
    assert_eq!(compare(python, &scripts, &mut met), [Ok(())]);
    assert!(met.has(divergence), "{met:?}");
}

/// One process for all tests.
static PYTHON: LazyLock<Mutex<Option<Python>>> = LazyLock::new(|| Mutex::new(Python::start()));

/// What a run shows for its last step, without texts and header fields, which differ.
fn last(seen: Vec<Seen>) -> Seen {
    let mut last = seen.last().expect("a run has a step").clone().joined();
    last.refused = last.refused.map(|_| String::new());
    for event in &mut last.events {
        match event {
            Said::Request { headers, .. } | Said::Accept { headers, .. } | Said::Reject { headers, .. } => {
                headers.clear();
            }
            Said::Failure { why, .. } | Said::Refused { why, .. } => why.clear(),
            // Only the kind: which of Python's Unicode errors it is depends on the version.
            Said::Crash(error) if error.starts_with("Unicode") => error.truncate("Unicode".len()),
            Said::Crash(error) => error.truncate(error.find('(').unwrap_or_default()),
            _ => {}
        }
    }
    last
}

/// A server whose connection is open.
pub(crate) fn server<const N: usize>(steps: [Step; N]) -> Script {
    Script { role: Role::Server, handshake: false, deflate: None, tight: false, steps: steps.into() }
}

/// A client whose connection is open.
pub(crate) fn client<const N: usize>(steps: [Step; N]) -> Script {
    Script { role: Role::Client, handshake: false, deflate: None, tight: false, steps: steps.into() }
}

/// A frame for a client arrives.
pub(crate) fn frame(first: u8, payload: impl AsRef<[u8]>) -> Step {
    Step::Receive(Frame::new(None, first, payload.as_ref()).encode().into())
}

pub(crate) fn bytes(bytes: &[u8]) -> Step {
    Step::Receive(bytes.into())
}

pub(crate) fn close(code: u16) -> Step {
    Step::SendClose { code: Some(code), reason: None }
}

pub(crate) fn text(data: &str, finished: bool) -> Step {
    Step::SendText { data: data.into(), finished }
}

/// A step that shows only the state.
pub(crate) fn silent(state: State) -> Seen {
    Seen { refused: None, sent: None, events: Vec::new(), state }
}

pub(crate) fn reported<const N: usize>(events: [Said; N], state: State) -> Seen {
    Seen { events: events.into(), ..silent(state) }
}

pub(crate) fn sent(sent: impl AsRef<[u8]>, state: State) -> Seen {
    Seen { sent: Some(Hex(sent.as_ref().into())), ..silent(state) }
}

pub(crate) fn refused(state: State) -> Seen {
    Seen { refused: Some(String::new()), ..silent(state) }
}

/// A whole text.
pub(crate) fn said(data: &str) -> Said {
    Said::Text(Piece { data: data.into(), frame_finished: true, message_finished: true })
}

/// The start of a text.
pub(crate) fn started(data: &str) -> Said {
    Said::Text(Piece { data: data.into(), frame_finished: false, message_finished: false })
}

#[test]
fn each_divergence_has_an_example() {
    let examples = concat!(include_str!("both_open.rs"), include_str!("both_handshake.rs"));
    let has_none = |divergence: &Divergence| !examples.contains(&format!("Divergence::{divergence:?},"));
    assert_eq!(Divergence::ALL.into_iter().filter(has_none).collect::<Vec<_>>(), []);
}
