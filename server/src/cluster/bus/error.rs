//! Why an operation of the bus failed.

use super::Entry;

/// Why an operation of the bus failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BusError {
    /// The entry is not as it was expected: nothing was written.
    #[error("the entry is another one: {}", shown(.current.as_ref()))]
    Conflict {
        /// The entry that is there.
        current: Option<Entry>,
    },
    /// This node is not connected, or the broker does not serve; what was under way may have been done.
    #[error("the cluster's broker cannot be reached")]
    Unavailable,
    /// No answer in time; what was asked may have been done.
    #[error("no answer in time")]
    TimedOut,
    /// No node of this name is connected.
    #[error("no such node is connected")]
    NoSuchNode,
    /// More than the bus carries; nothing was sent.
    #[error("a {what} of {bytes} bytes; the limit is {limit}")]
    TooLarge {
        /// Payload or key.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The largest size that is carried.
        limit: usize,
    },
    /// Anything else, as the broker words it.
    #[error("{0}")]
    Other(String),
}

impl BusError {
    /// An error with the texts of its sources.
    pub(super) fn other(error: &(dyn std::error::Error + 'static)) -> Self {
        let texts: Vec<_> = std::iter::successors(Some(error), |error| (*error).source())
            .map(ToString::to_string)
            .collect();
        Self::Other(texts.join(": "))
    }
}

/// Never the value: nobody knows what it holds.
fn shown(current: Option<&Entry>) -> String {
    current.map_or_else(|| "none".into(), |entry| format!("revision {}", entry.revision))
}
