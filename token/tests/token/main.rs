//! Tests of express-token from outside: what a business server and the cloud see.
#![allow(clippy::unwrap_used)]

mod issuing;
mod mutation;
mod privileges;
mod reference;
mod refusals;
mod vectors;
mod workshop;
