//! Playout in virtual time: packets of a real encoder, networks and clocks made of numbers.

mod adversity;
mod any_order;
mod clean;
mod disturbances;
mod drift;
mod ears;
mod frames;
mod sim;
