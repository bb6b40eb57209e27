//! CPU time of a thread, and what many of them say.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::Fault;

/// CPU time of this thread so far in µs.
pub(crate) fn thread_us() -> Result<f64, Fault> {
    Ok(Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?).as_secs_f64() * 1e6)
}

/// The value below which lie so many (0..=1) of `values`; sorts them.
pub(crate) fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let at = (values.len().saturating_sub(1) as f64 * part).round() as usize;
    values.get(at).copied().unwrap_or(0.0)
}

/// Their mean.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
