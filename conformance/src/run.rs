//! Runs cases side by side, and makes one outcome of the answers at each cut.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::case::Case;
use crate::client_door::ClientDoor;
use crate::door::WireDoor;
use crate::encoding::to_hex;
use crate::pipe_door::{self, PipeDoor};
use crate::shim_door::ShimDoor;
use crate::verdict::{Answer, Door, Outcome, Tried, Verdict};
use crate::wire::Clock;

/// Runs every case at a door of this kind; `done` is called for each outcome as it comes. The result is in the order of the
/// cases.
pub(crate) async fn wire<D: WireDoor>(
    door: D,
    cases: Vec<Case>,
    jobs: usize,
    mut done: impl FnMut(&Outcome),
) -> Vec<Outcome> {
    let door = Arc::new(door);
    let slots = Arc::new(Semaphore::new(jobs));
    let mut tasks = JoinSet::new();
    for (index, case) in cases.into_iter().enumerate() {
        let (door, slots) = (Arc::clone(&door), Arc::clone(&slots));
        tasks.spawn(async move {
            let mut answers = Vec::new();
            match door.cuts(&case) {
                Err(why) => answers.push(("none", Answer::not_asked(why), Duration::ZERO)),
                Ok(cuts) => {
                    for cut in cuts {
                        // The semaphore is never closed.
                        let _slot = slots.acquire().await;
                        let start = Instant::now();
                        let answer = door.ask(&case, &cut).await;
                        answers.push((cut.name, answer, start.elapsed()));
                    }
                }
            }
            (index, outcome(&case, D::DOOR, answers))
        });
    }
    let mut outcomes = Vec::new();
    while let Some(result) = tasks.join_next().await {
        // A task panics only if the suite has a bug; then the whole run must not look complete.
        match result {
            Ok((index, outcome)) => {
                done(&outcome);
                outcomes.push((index, outcome));
            }
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    outcomes.sort_by_key(|(index, _)| *index);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Serves a client until it asks for the reports, or until `program` (the client, if it is to be started) has ended.
pub(crate) async fn client(
    door: Arc<ClientDoor>,
    addr: &str,
    program: Vec<String>,
    bar: &ProgressBar,
) -> Result<Vec<Outcome>, String> {
    let failed = |error| format!("{addr}: {error}");
    let listener = TcpListener::bind(addr).await.map_err(failed)?;
    let url = format!("ws://{}", listener.local_addr().map_err(failed)?);
    println!("listening on {url} with {} questions", door.questions());
    let ended = async {
        let Some((name, arguments)) = program.split_first() else { return std::future::pending().await };
        let arguments = arguments.iter().map(|argument| argument.replace("{url}", &url));
        let child = Command::new(name).args(arguments).stdout(Stdio::null()).kill_on_drop(true).spawn();
        let mut child = child.map_err(|error| format!("{name}: {error}"))?;
        let status = child.wait().await.map_err(|error| format!("{name}: {error}"));
        door.settle(0).await;
        status
    };
    bar.set_length(door.questions() as u64);
    let progress = async {
        loop {
            bar.set_position(door.asked() as u64);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::select! {
        () = door.serve(listener) => {}
        () = progress => {}
        ended = ended => {
            let status = ended?;
            if door.asked() < door.questions() {
                eprintln!("the client ended ({status}) after {} of {} questions", door.asked(), door.questions());
            }
            if door.asked() == 0 {
                eprintln!("it opened no {url}/runCase?case=N; {{url}} has no slash at its end");
            }
        }
    }
    let answers = door.answers().into_iter();
    Ok(answers.map(|(case, answers)| outcome(case, Door::Client, answers)).collect())
}

/// Runs every case at the *shim* door, with up to `jobs` shims side by side; returns the name of the implementation too.
pub(crate) async fn shim(
    program: &[String],
    clock: Clock,
    cases: Vec<Case>,
    jobs: usize,
    mut done: impl FnMut(&Outcome),
) -> Result<(String, Vec<Outcome>), String> {
    let first = ShimDoor::start(program, clock).await?;
    let agent = first.agent();
    let cases = Arc::new(cases);
    let next = Arc::new(AtomicUsize::new(0));
    let (send, mut receive) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    let mut first = Some(first);
    for _ in 0..jobs.min(cases.len()) {
        let door = match first.take() {
            Some(door) => door,
            None => ShimDoor::start(program, clock).await?,
        };
        tasks.spawn(shim_worker(door, Arc::clone(&cases), Arc::clone(&next), send.clone()));
    }
    drop(send);
    let mut outcomes = Vec::new();
    while let Some((index, outcome)) = receive.recv().await {
        done(&outcome);
        outcomes.push((index, outcome));
    }
    while let Some(result) = tasks.join_next().await {
        match result {
            Ok(result) => result?,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    outcomes.sort_by_key(|(index, _)| *index);
    Ok((agent, outcomes.into_iter().map(|(_, outcome)| outcome).collect()))
}

/// Puts one case after the other to a shim.
async fn shim_worker(
    mut door: ShimDoor,
    cases: Arc<Vec<Case>>,
    next: Arc<AtomicUsize>,
    outcomes: mpsc::UnboundedSender<(usize, Outcome)>,
) -> Result<(), String> {
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(case) = cases.get(index) else { return Ok(()) };
        let mut answers = Vec::new();
        match door.cuts(case) {
            Err(why) => answers.push(("none", Answer::not_asked(why), Duration::ZERO)),
            Ok(cuts) => {
                for cut in cuts {
                    let start = Instant::now();
                    let answer = door.ask(case, &cut).await?;
                    let is_hung = answer.verdict == Verdict::Hung;
                    answers.push((cut.name, answer, start.elapsed()));
                    if is_hung {
                        break; // it would wait as long at each of the others
                    }
                }
            }
        }
        // An error: the receiver has stopped because of an error of another shim.
        _ = outcomes.send((index, outcome(case, Door::Shim, answers)));
    }
}

/// Runs every case at the *pipe* door.
pub(crate) async fn pipe(
    door: &PipeDoor,
    cases: &[Case],
    mut done: impl FnMut(usize),
) -> Result<Vec<Outcome>, String> {
    let asked: Vec<Case> =
        cases.iter().filter(|case| pipe_door::cannot_ask(case).is_none()).cloned().collect();
    let mut answers = door.ask(&asked, &mut done).await?.into_iter();
    let outcomes = cases.iter().map(|case| {
        let answer = match pipe_door::cannot_ask(case) {
            Some(why) => Some((Answer::not_asked(why), 0, "none".to_owned())),
            None => answers.next(),
        };
        let (answer, splits, cut) =
            answer.unwrap_or_else(|| (Answer::not_asked("the runner was not started"), 0, "none".to_owned()));
        let outcome = outcome(case, Door::Pipe, vec![(cut.as_str(), answer, Duration::ZERO)]);
        Outcome { cuts: splits, ..outcome }
    });
    Ok(outcomes.collect())
}

/// One outcome of the answers at each cut: the worst.
pub(crate) fn outcome(case: &Case, door: Door, answers: Vec<Tried<'_>>) -> Outcome {
    let cuts = answers.iter().filter(|(_, answer, _)| answer.verdict != Verdict::NotAsked).count();
    let mut worst = ("none", Answer::not_asked("it has no input"));
    let time: Duration = answers.iter().map(|(.., time)| *time).sum();
    for (cut, answer, _) in answers {
        let is_first = worst.0 == "none";
        if is_first || answer.verdict > worst.1.verdict {
            worst = (cut, answer);
        }
    }
    let (cut, answer) = worst;
    Outcome {
        case: case.id.clone(),
        door,
        verdict: answer.verdict,
        tier: case.tier,
        title: case.title.clone(),
        ledger: case.ledger.clone(),
        rule: answer.rule.unwrap_or_else(|| case.rule()),
        expected: answer.expected,
        observed: answer.observed,
        cuts,
        cut: cut.to_owned(),
        sent: answer.sent.iter().map(|segment| to_hex(segment)).collect(),
        received: to_hex(&answer.received),
        millis: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
        known: None,
        agent: String::new(),
        again: String::new(),
    }
}
