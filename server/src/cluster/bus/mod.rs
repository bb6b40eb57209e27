//! stub
use serde::{Deserialize, Serialize};
/// Which write made an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Revision {
    /// store
    pub store: u64,
    /// number
    pub number: u64,
}
