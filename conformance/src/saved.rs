//! The bytes of failed cases, in files that `examples/dump` of wsproto reads.

use std::fs;
use std::path::Path;

use crate::encoding::from_hex;
use crate::verdict::Outcome;

/// Writes what was sent and what came back in each failed case: `NAME.sent.bin` and `NAME.received.bin`.
pub(crate) fn write(directory: &Path, outcomes: &[Outcome]) -> Result<(), String> {
    let failed = |error| format!("--save {}: {error}", directory.display());
    fs::create_dir_all(directory).map_err(failed)?;
    for outcome in outcomes.iter().filter(|outcome| outcome.verdict.is_bad()) {
        let name = outcome.case.0.replace('/', "_");
        let sent =
            outcome.sent.iter().map(|segment| from_hex(segment)).collect::<Result<Vec<_>, _>>()?.concat();
        for (suffix, bytes) in [("sent", sent), ("received", from_hex(&outcome.received)?)] {
            if !bytes.is_empty() {
                fs::write(directory.join(format!("{name}.{suffix}.bin")), bytes).map_err(failed)?;
            }
        }
    }
    Ok(())
}
