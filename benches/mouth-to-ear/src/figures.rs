//! What the stages took, as a table and as JSON.

use std::fmt;

use serde::Serialize;

/// One part of the way.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Stage {
    pub(crate) name: &'static str,
    /// How its figure was come by.
    pub(crate) how: &'static str,
    /// What it takes where nothing disturbs it: the least.
    least_ms: f64,
    median_ms: f64,
    p95_ms: f64,
}

impl Stage {
    /// `values_ms`: one for each chirp, or for each call.
    pub(crate) fn new(name: &'static str, how: &'static str, mut values_ms: Vec<f64>) -> Self {
        values_ms.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let index = (part * values_ms.len().saturating_sub(1) as f64).round() as usize;
            let value = values_ms.get(index).copied().unwrap_or(f64::NAN);
            (value * 100.0).round() / 100.0
        };
        Self {
            name,
            how,
            least_ms: at(0.0),
            median_ms: at(0.5),
            p95_ms: at(0.95),
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "  {:<36} {:>7.1} {:>7.1} {:>7.1}   {}",
            self.name, self.least_ms, self.median_ms, self.p95_ms, self.how
        )
    }
}

/// A variant's figures.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) variant: &'static str,
    pub(crate) calls: usize,
    /// Chirps that were said, and of those the ones that were not recognised at every place.
    pub(crate) chirps: usize,
    pub(crate) missed: usize,
    /// In the order of the way. For each chirp they add up to the total; their medians need not.
    pub(crate) stages: Vec<Stage>,
    pub(crate) total: Stage,
    /// Parts of the stages that are known by themselves.
    pub(crate) within: Vec<Stage>,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} chirps in {} calls, {} missed",
            self.variant, self.chirps, self.calls, self.missed
        )?;
        writeln!(f, "  {:<36} {:>7} {:>7} {:>7}   ms", "", "least", "median", "p95")?;
        self.stages.iter().try_for_each(|stage| writeln!(f, "{stage}"))?;
        writeln!(f, "{}", self.total)?;
        writeln!(f, "  of that:")?;
        self.within.iter().try_for_each(|stage| writeln!(f, "{stage}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_tells_its_least_its_middle_and_what_one_in_twenty_exceeds() {
        let stage = Stage::new("x", "y", (3..=103).rev().map(f64::from).collect());
        assert_eq!((stage.least_ms, stage.median_ms, stage.p95_ms), (3.0, 53.0, 98.0));
    }
}
