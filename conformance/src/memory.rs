//! How much memory a process holds: a peer must not be able to make it grow. Only Linux says so.

use std::fs;

/// A measurement of one process.
#[derive(Debug)]
pub(crate) struct Memory {
    pid: u32,
    /// In bytes, at the start.
    before: u64,
}

impl Memory {
    /// Starts a measurement. `None` if the system does not say how much a process holds.
    pub(crate) fn start(pid: u32) -> Option<Self> {
        // Makes the highest value the current one.
        fs::write(format!("/proc/{pid}/clear_refs"), "5").ok()?;
        Some(Self { pid, before: highest(pid)? })
    }

    /// How many bytes more the process held at the most since the start.
    pub(crate) fn growth(&self) -> Option<u64> {
        Some(highest(self.pid)?.saturating_sub(self.before))
    }
}

/// The most resident memory since the value was reset.
fn highest(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn growth_is_the_most_that_was_held_since_the_start() {
        let memory = Memory::start(std::process::id()).unwrap();
        // Much more than what other tests hold in this process meanwhile.
        let mut held = vec![1_u8; 256 << 20];
        std::hint::black_box(held.as_mut_slice());
        drop(held);
        let growth = memory.growth().unwrap();
        assert!(growth > 128 << 20, "{growth}");
    }
}
