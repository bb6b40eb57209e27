//! What happened, for people: kept only where it is asked for, because most runs are never looked at.

use std::collections::VecDeque;
use std::time::Duration;

/// The beginning of a text.
pub(crate) fn cut(text: &str) -> String {
    const MOST: usize = 230;
    text.chars().take(MOST).collect()
}

/// The last events of a run.
#[derive(Debug)]
pub(crate) struct Trace {
    lines: VecDeque<String>,
    keep: usize,
}

impl Trace {
    /// Keeps the last `keep` lines; 0: none, and none is written.
    pub(crate) fn new(keep: usize) -> Self {
        Self {
            lines: VecDeque::new(),
            keep,
        }
    }

    pub(crate) fn note(&mut self, now: Duration, line: impl FnOnce() -> String) {
        if self.keep == 0 {
            return;
        }
        if self.lines.len() == self.keep {
            self.lines.pop_front();
        }
        self.lines.push_back(format!("{:>9.3} {}", now.as_secs_f64(), line()));
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        self.lines.into()
    }
}
