//! Tests in virtual time or without any time.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bus;
mod local_streams;
mod long_call;
mod messages;
mod outages;
mod restored;
mod several_rooms;
mod swap;
mod ten_engines;
