//! The error of the documented API.

use serde::{Deserialize, Serialize};

/// What a documented call throws, rejects with or answers `false` for.
///
/// `code` is the documented number (see [`codes`](crate::codes)); `message` says what was wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message} (error {code})")]
#[non_exhaustive]
pub struct ZegoError {
    /// The documented error code; never 0.
    pub code: i32,
    /// For people: what was wrong and what to do about it.
    pub message: String,
}

impl ZegoError {
    /// An error with the documented `code` and a text for people.
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}
