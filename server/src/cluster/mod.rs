//! Rooms over many nodes.

pub mod bus;
#[cfg(any(test, feature = "chaos"))]
pub mod sim;
mod state;
