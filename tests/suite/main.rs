//! Tests in virtual time or without any time.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod outages;
mod ten_engines;
