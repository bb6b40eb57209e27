//! What fuzzers call here; see [`crate::forwarder::fuzzing`].

use std::time::Duration;

use actix_web::http::header::{self, HeaderValue};
use actix_web::test::TestRequest;

use super::{api, whip};
use crate::config::AppConfig;
use crate::rooms::Now;

/// `Authorization`, `If-Match` and a fragment, divided by bytes of 0.
pub fn whip(data: &[u8]) {
    let mut parts = data.splitn(3, |byte| *byte == 0);
    let mut next = || parts.next().unwrap_or_default();
    let mut request = TestRequest::default();
    for name in [header::AUTHORIZATION, header::IF_MATCH] {
        if let Ok(value) = HeaderValue::from_bytes(next()) {
            request = request.insert_header((name, value));
        }
    }
    whip::read_pure(&request.to_http_request(), &String::from_utf8_lossy(next()));
}

/// A query and a body, divided by a byte of 0.
pub fn api(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let query = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let secret = express_token::Secret::new("0123456789abcdef0123456789abcdef").expect("32 characters");
    let now = Now {
        mono: Duration::ZERO,
        unix_ms: 1_767_225_600_000,
    };
    api::read(&query, parts.next(), &[AppConfig::new(1, secret)], now);
}
