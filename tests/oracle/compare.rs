//! Both sides take the same steps; what they show is compared step by step.

use std::collections::BTreeMap;
use std::env;

use crate::dice::Dice;
use crate::divergence::{Divergence, is_of_extension, is_unknown_code};
use crate::frames::{BINARY, TEXT};
use crate::hex::Hex;
use crate::ours;
use crate::python::{Python, print_line};
use crate::script::{Role, Said, Script, Seen, Step};

/// One step, and what each side showed for it.
pub(crate) struct Case<'a> {
    pub(crate) role: Role,
    pub(crate) tight: bool,
    pub(crate) deflate: bool,
    pub(crate) step: &'a Step,
    pub(crate) ours: &'a Seen,
    /// Divergences change this into what our side should show.
    pub(crate) theirs: Seen,
    pub(crate) before: &'a Past,
    pub(crate) follow: Follow,
}

/// What can be compared after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Follow {
    /// The next step.
    Next,
    /// Nothing, because the two sides are no longer in the same state.
    Nothing,
    /// Only that Python fails too, with this code, whatever comes next.
    FailureOf(u16),
    /// Only that Python refuses the head too, once it is complete.
    Refusal,
}

/// What our side did before a step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Past {
    pub(crate) failed: bool,
    pub(crate) close_received: bool,
    pub(crate) close_sent: bool,
    pub(crate) ended: bool,
    /// The opcode of the message that is being sent.
    pub(crate) in_message: Option<u8>,
    /// The payload of the last ping event.
    pub(crate) pinged: Hex,
    /// Whether the request was refused.
    pub(crate) refused: bool,
    /// Whether a read was empty in the handshake.
    pub(crate) empty_read: bool,
    /// Whether bytes came after the request before it was accepted.
    pub(crate) early: bool,
    /// All bytes received.
    pub(crate) received: Vec<u8>,
    /// The request event.
    pub(crate) asked: Option<Said>,
}

/// A difference between the two sides that no divergence covers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    step: Option<Step>,
    what: String,
}

/// How often each divergence was met.
#[derive(Clone, Debug, Default)]
pub(crate) struct Met(BTreeMap<Divergence, usize>);

impl Met {
    fn record(&mut self, divergence: Divergence) {
        *self.0.entry(divergence).or_default() += 1;
    }

    pub(crate) fn has(&self, divergence: Divergence) -> bool {
        self.0.contains_key(&divergence)
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The default runs must meet every divergence.
    pub(crate) fn check(&self, is_expected: impl Fn(Divergence) -> bool) {
        let is_missed = |divergence: &Divergence| is_expected(*divergence) && !self.has(*divergence);
        let missed: Vec<_> = Divergence::ALL.into_iter().filter(is_missed).collect();
        let is_default = ["SEED", "RUNS", "RUN"].iter().all(|name| number(name).is_none());
        assert!(missed.is_empty() || !is_default, "never met: {missed:?}");
    }
}

/// A number in the environment.
fn number(name: &str) -> Option<u64> {
    let value = env::var(format!("WSPROTO_ORACLE_{name}")).ok()?;
    Some(value.parse().expect("a number"))
}

/// Plays a number of runs on both sides; panics if they differ. Prints and returns the divergences that were met.
pub(crate) fn runs(name: &str, runs: u64, script: fn(&mut Dice) -> Script) -> Option<Met> {
    let mut python = Python::start()?;
    let seed = number("SEED").unwrap_or(SEED);
    let runs = match number("RUN") {
        Some(run) => run..run + 1,
        None => 0..number("RUNS").unwrap_or(runs),
    };
    print_line(&format!("oracle: {name}: WSPROTO_ORACLE_SEED={seed}, runs {runs:?}"));
    let mut met = Met::default();
    let mut differences = Vec::new();
    for start in runs.clone().step_by(BATCH) {
        let batch: Vec<u64> = (start..runs.end.min(start + BATCH as u64)).collect();
        let scripts: Vec<Script> = batch.iter().map(|run| script(&mut Dice::new(seed, *run))).collect();
        let verdicts = compare(&mut python, &scripts, &mut met);
        for ((run, script), verdict) in batch.iter().zip(&scripts).zip(verdicts) {
            if verdict.is_err() {
                let (script, difference) = shrink(&mut python, script.clone());
                differences.push(format!(
                    "WSPROTO_ORACLE_RUN={run}: {:?} {:?}\n{}",
                    script.role, script.steps, difference.what
                ));
            }
        }
        assert!(differences.is_empty(), "{name}, WSPROTO_ORACLE_SEED={seed}\n{}", differences.join("\n\n"));
    }
    print_line(&format!("oracle: {name}: divergences met: {:?}", met.0));
    Some(met)
}

/// Plays these runs on both sides; returns an error for each run in which they differ.
pub(crate) fn compare(python: &mut Python, scripts: &[Script], met: &mut Met) -> Vec<Result<(), Difference>> {
    let theirs = python.play(scripts);
    let mut followed = Vec::new();
    let mut verdicts: Vec<_> = scripts
        .iter()
        .zip(theirs)
        .enumerate()
        .map(|(i, (script, theirs))| {
            let (steps, follow) = compare_run(script, theirs, met)?;
            match follow {
                Follow::Next | Follow::Nothing => {}
                follow => followed.push((i, follow, with_more(script, steps))),
            }
            Ok(())
        })
        .collect();
    let more: Vec<Script> = followed.iter().map(|(_, _, script)| script.clone()).collect();
    for ((i, follow, _), seen) in followed.into_iter().zip(python.play(&more)) {
        let last = seen.last().map(|seen| &seen.events[..]);
        let fails = match (follow, last) {
            (Follow::FailureOf(code), Some([failure @ Said::Failure { code: there, .. }])) => {
                code == *there || is_unknown_code(failure) || code == 1002 && is_of_extension(failure)
            }
            (Follow::Refusal, Some([Said::Refused { .. }])) => true,
            _ => false,
        };
        if !fails {
            let what = format!("{follow:?} is certain, but Python continues: {last:?}");
            verdicts[i] = Err(Difference { step: None, what });
        }
    }
    verdicts
}

/// The first steps of a run, and then more bytes than any frame can wait for, or the end of a head.
fn with_more(script: &Script, steps: usize) -> Script {
    let mut script = script.clone();
    script.steps.truncate(steps);
    let more = if script.handshake { b"\r\n\r\n".to_vec() } else { vec![0; 200] };
    script.steps.extend([Step::Receive(Hex(more)), Step::Drain]);
    script
}

/// How many steps could be compared, and what can be compared after them.
fn compare_run(script: &Script, theirs: Vec<Seen>, met: &mut Met) -> Result<(usize, Follow), Difference> {
    let mut before = Past::default();
    for (i, ((step, ours), theirs)) in script.steps.iter().zip(ours::play(script)).zip(theirs).enumerate() {
        let (ours, theirs) = (ours.joined(), theirs.joined());
        let Script { role, tight, .. } = *script;
        let mut case = Case {
            role,
            tight,
            deflate: script.deflate.is_some(),
            step,
            ours: &ours,
            theirs: theirs.clone(),
            before: &before,
            follow: Follow::Next,
        };
        let may_show = |divergence: &Divergence| script.handshake || !divergence.is_of_handshake();
        for divergence in Divergence::ALL.into_iter().filter(may_show) {
            if !same(&ours, &case.theirs) && divergence.adjust(&mut case) {
                met.record(divergence);
            }
        }
        let Case { theirs: adjusted, follow, .. } = case;
        if !same(&ours, &adjusted) {
            let (ours, theirs, adjusted) =
                (from_first_difference(&ours, &adjusted), theirs, from_first_difference(&adjusted, &ours));
            let what =
                format!("step {i}, {step:?}:\n  theirs {theirs:?}\n  mended {adjusted:?}\n  ours   {ours:?}");
            return Err(Difference { step: Some(step.clone()), what });
        }
        if follow != Follow::Next {
            return Ok((i + 1, follow));
        }
        before.record(step, &ours);
    }
    Ok((script.steps.len(), Follow::Next))
}

/// What `seen` shows, from the first event that `other` does not show.
fn from_first_difference(seen: &Seen, other: &Seen) -> Seen {
    let same = seen.events.iter().zip(&other.events).take_while(|(event, other)| event == other).count();
    Seen { events: seen.events[same..].to_vec(), ..seen.clone() }
}

fn same(ours: &Seen, theirs: &Seen) -> bool {
    let alike = |(ours, theirs): (&Said, &Said)| match (ours, theirs) {
        (Said::Failure { code: ours, .. }, Said::Failure { code: theirs, .. }) => ours == theirs,
        (Said::Refused { status: ours, .. }, Said::Refused { status: theirs, .. }) => ours == theirs,
        (ours, theirs) => ours == theirs,
    };
    ours.refused.is_some() == theirs.refused.is_some()
        && ours.sent == theirs.sent
        && ours.events.len() == theirs.events.len()
        && ours.events.iter().zip(&theirs.events).all(alike)
        && ours.state == theirs.state
}

impl Past {
    fn record(&mut self, step: &Step, ours: &Seen) {
        for event in &ours.events {
            match event {
                Said::Failure { .. } => self.failed = true,
                Said::Close { .. } => self.close_received = true,
                Said::Ping(payload) => self.pinged = payload.clone(),
                Said::Request { .. } => self.asked = Some(event.clone()),
                _ => {}
            }
        }
        match (step, &ours.sent) {
            (Step::Receive(bytes), _) => {
                self.empty_read |= bytes.0.is_empty();
                self.received.extend(&bytes.0);
            }
            (Step::SendText { finished, .. }, Some(_)) => self.in_message = (!finished).then_some(TEXT),
            (Step::SendBytes { finished, .. }, Some(_)) => self.in_message = (!finished).then_some(BINARY),
            (Step::SendClose { .. } | Step::AnswerClose, Some(_)) => self.close_sent = true,
            (Step::SendAccept { .. }, Some(_)) => self.early = !self.received.ends_with(b"\r\n\r\n"),
            (Step::SendReject { .. }, Some(_)) => self.refused = true,
            (Step::Eof, _) => self.ended = true,
            _ => {}
        }
    }
}

/// The same difference in as few steps as possible: both sides must still differ in the same step.
fn shrink(python: &mut Python, mut script: Script) -> (Script, Difference) {
    let mut differs =
        |script: &Script| compare(python, core::slice::from_ref(script), &mut Met::default()).remove(0).err();
    let mut difference = differs(&script).unwrap_or_default();
    let mut place = script.steps.len();
    // A client's request is never removed.
    let first = usize::from(matches!(script.steps.first(), Some(Step::SendRequest { .. })));
    while place > first {
        place -= 1;
        let mut less = script.clone();
        less.steps.remove(place);
        if let Some(still) = differs(&less).filter(|still| still.step == difference.step) {
            (script, difference) = (less, still);
        }
    }
    (script, difference)
}

/// The default seed: the same source must get the same result.
const SEED: u64 = 6455;

/// The number of runs in a line.
const BATCH: usize = 250;
