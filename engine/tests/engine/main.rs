//! Whole engines with strangers in all four roles, most of them in virtual time.
#![allow(clippy::unwrap_used, missing_docs)]

mod capture;
mod devices;
mod ending;
mod events;
mod fakes;
mod flow;
mod messages;
mod mixing;
mod mute;
mod pages;
mod preconditions;
mod quality;
mod replies;
mod requirements;
mod rooms;
mod sound;
mod supervision;
mod told;
mod voice;
