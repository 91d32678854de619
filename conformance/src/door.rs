//! A door at which each case is asked on a connection of its own, once for each way to cut its input.

use std::future::Future;

use crate::case::Case;
use crate::cuts::Cut;
use crate::verdict::{Answer, Door};

pub(crate) trait WireDoor: Send + Sync + 'static {
    const DOOR: Door;

    /// The ways to cut the input of a case; `Err` says why it is not asked.
    fn cuts(&self, case: &Case) -> Result<Vec<Cut>, String>;

    /// Puts a case to the implementation, with its input cut this way.
    fn ask(&self, case: &Case, cut: &Cut) -> impl Future<Output = Answer> + Send;
}
