//! What pages of other origins may do and see: the Fetch standard, section "CORS protocol".

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};

use super::{FRAGMENT, SDP};

/// Headers of an answer that a page may read.
const EXPOSED: HeaderValue = HeaderValue::from_static("Location, ETag, Link, Retry-After");
/// Headers that a page may send.
const SENT: &str = "Authorization, Content-Type, If-Match";
/// Seconds that a browser may remember the answer to its question; longer is cut by browsers.
const REMEMBERED_S: &str = "7200";

/// One of the two kinds of addresses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// What it serves.
    pub(super) methods: &'static str,
    accepts: (&'static str, &'static str),
}

/// Where media connections are asked for.
pub(super) const ENDPOINT: Kind = Kind {
    methods: "POST, OPTIONS",
    accepts: ("Accept-Post", SDP),
};
/// Where they are changed and ended.
pub(super) const RESOURCE: Kind = Kind {
    methods: "PATCH, DELETE, OPTIONS",
    accepts: ("Accept-Patch", FRAGMENT),
};

/// The answer to OPTIONS, a preflight or not.
pub(super) fn options(kind: Kind) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::ALLOW, kind.methods))
        .insert_header(kind.accepts)
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, kind.methods))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, SENT))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, REMEMBERED_S))
        .finish()
}

/// Lets the page that asked read the answer.
pub(super) fn allow(request: &HttpRequest, response: &mut HttpResponse) {
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = request.headers().get(header::ORIGIN) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}
