//! Rooms over many nodes.

mod state;
