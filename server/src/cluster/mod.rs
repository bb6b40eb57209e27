//! Several nodes that serve the same rooms.

pub mod bus;
