//! How a `flood` case is put to an implementation: frames without end, until it stops reading.
//!
//! The suite counts what it could send. That includes what the systems on both sides hold for the implementation, some
//! MiB, so the bounds of the cases are far above them.

use std::fs;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time;

use crate::case::{Bounds, Flood};
use crate::verdict::{Answer, Verdict};
use crate::wire::Clock;

/// What came of a flood.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flooded {
    sent: u64,
    stopped: Option<Stopped>,
    /// It has closed its direction.
    ended: bool,
    /// How much more memory the process held at most, in bytes; `None` if it cannot be seen.
    grown: Option<u64>,
}

/// Why no more could be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stopped {
    /// The implementation ended the connection.
    Ended,
    /// It read no more.
    Stalled,
}

/// Sends the head of the case and then its unit over and over. `pid` is the process to watch.
pub(crate) async fn run(case: &Flood, stream: TcpStream, pid: Option<u32>, clock: Clock) -> Flooded {
    let (mut reader, mut writer) = stream.into_split();
    let mut flooded = Flooded::default();
    let before = pid.and_then(resident);
    let mut buffer = vec![0; 64 << 10];
    let mut reads = case.reads;
    let mut segment: &[u8] = &case.head.0;
    while flooded.sent < case.total {
        if segment.is_empty() {
            segment = &case.unit.0;
            flooded.watch(pid, before);
        }
        let step = async {
            tokio::select! {
                written = writer.write(segment) => Step::Written(written.unwrap_or(0)),
                read = reader.read(&mut buffer), if reads => Step::Read(read.unwrap_or(0)),
            }
        };
        match time::timeout(clock.patience, step).await {
            Err(_) => {
                flooded.stopped = Some(Stopped::Stalled);
                break;
            }
            Ok(Step::Written(0)) => {
                flooded.stopped = Some(Stopped::Ended);
                break;
            }
            Ok(Step::Written(len)) => {
                segment = segment.get(len..).unwrap_or_default();
                flooded.sent = flooded.sent.saturating_add(len as u64);
            }
            Ok(Step::Read(0)) => {
                flooded.ended = true;
                reads = false;
            }
            Ok(Step::Read(_)) => {}
        }
    }
    flooded.watch(pid, before);
    flooded
}

enum Step {
    Written(usize),
    Read(usize),
}

impl Flooded {
    fn watch(&mut self, pid: Option<u32>, before: Option<u64>) {
        if let (Some(now), Some(before)) = (pid.and_then(resident), before) {
            self.grown = self.grown.max(Some(now.saturating_sub(before)));
        }
    }
}

/// The resident memory of a process, where the system shows it (Linux), in bytes.
fn resident(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

/// Why a case cannot be put to a peer whose process the suite does not see, or that echoes nothing.
pub(crate) fn cannot_ask(case: &Flood, echoes: bool) -> Option<&'static str> {
    let only_memory = !case.expect.stops && !case.expect.ends;
    if echoes && only_memory {
        Some("the memory of its process cannot be seen at this door")
    } else if !echoes && case.expect.stops && !case.reads {
        Some("a shim echoes nothing")
    } else {
        None
    }
}

/// Compares what came of a flood with what the case allows.
pub(crate) fn answer(case: &Flood, flooded: Flooded) -> Answer {
    let mib = |bytes: u64| bytes >> 20;
    let Bounds { stops, ends, resident_le } = case.expect;
    let stopped = flooded.stopped.is_some();
    let too_much = resident_le.zip(flooded.grown).is_some_and(|(bound, grown)| grown > bound);
    let good = (!stops || stopped) && (!ends || flooded.ended || stopped) && !too_much;
    let expected = [
        stops.then(|| format!("it reads no more within {} MiB", mib(case.total))),
        ends.then(|| "it ends its direction".to_owned()),
        resident_le.map(|bound| format!("its memory grows by at most {} MiB", mib(bound))),
    ];
    let observed = [
        Some(match flooded.stopped {
            Some(Stopped::Ended) => format!("it ended the connection after {} MiB", mib(flooded.sent)),
            Some(Stopped::Stalled) => format!("it read no more after {} MiB", mib(flooded.sent)),
            None => format!("it read all {} MiB", mib(flooded.sent)),
        }),
        flooded.ended.then(|| "it ended its direction".to_owned()),
        flooded.grown.map(|grown| format!("its memory grew by {} MiB", mib(grown))),
    ];
    Answer {
        verdict: if good { Verdict::Pass } else { Verdict::Fail },
        rule: None,
        expected: expected.into_iter().flatten().collect::<Vec<_>>().join(", "),
        observed: observed.into_iter().flatten().collect::<Vec<_>>().join(", "),
        sent: vec![case.head.0.clone(), case.unit.0.get(..SHOWN).unwrap_or(&case.unit.0).to_vec()],
        received: Vec::new(),
    }
}

/// How many bytes of a unit are kept for reports.
const SHOWN: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(expect: &str, flooded: Flooded) -> Verdict {
        let case = format!(r#"{{"head":"","unit":"8100","total":1024,"reads":true,"expect":{expect}}}"#);
        answer(&serde_json::from_str(&case).unwrap(), flooded).verdict
    }

    #[test]
    fn each_bound_is_compared() {
        let all_read = Flooded { sent: 1024, ..Flooded::default() };
        let stalled = Flooded { stopped: Some(Stopped::Stalled), ..all_read };
        let ended = Flooded { ended: true, ..all_read };
        for (expect, flooded, wanted) in [
            (r#"{"stops":true}"#, all_read, Verdict::Fail),
            (r#"{"stops":true}"#, ended, Verdict::Fail),
            (r#"{"stops":true}"#, stalled, Verdict::Pass),
            (r#"{"ends":true}"#, all_read, Verdict::Fail),
            (r#"{"ends":true}"#, ended, Verdict::Pass),
            (r#"{"resident_le":9}"#, all_read, Verdict::Pass),
            (r#"{"resident_le":9}"#, Flooded { grown: Some(9), ..all_read }, Verdict::Pass),
            (r#"{"resident_le":9}"#, Flooded { grown: Some(10), ..stalled }, Verdict::Fail),
        ] {
            assert_eq!(verdict(expect, flooded), wanted, "{expect} {flooded:?}");
        }
    }

    #[test]
    fn memory_of_a_process_is_seen_on_linux() {
        let own = resident(std::process::id());
        assert_eq!(own.is_some(), cfg!(target_os = "linux"));
        assert!(own.is_none_or(|bytes| bytes > 1 << 16));
    }
}
