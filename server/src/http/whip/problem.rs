//! Refusals as HTTP says them: a status, and a problem document (RFC 9457) with our code.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use express_messages::codes;
use serde_json::json;

use super::cors::Kind;
use crate::http::admission::Full;
use crate::rooms::{HostFault, HostRefusal};

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    status: StatusCode,
    code: i32,
    message: String,
    retry_after_s: Option<u64>,
    /// The rooms refused, and counted it.
    pub(super) of_rooms: bool,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: i32, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after_s: None,
            of_rooms: false,
        }
    }

    pub(super) fn full(full: Full) -> Self {
        let status = match full {
            Full::Server => StatusCode::SERVICE_UNAVAILABLE,
            Full::Address | Full::TooOften => StatusCode::TOO_MANY_REQUESTS,
        };
        Self {
            retry_after_s: Some(5),
            ..Self::new(status, codes::ROOM_RATE_LIMIT, full.to_string())
        }
    }

    pub(super) fn stopped() -> Self {
        let message = "the rooms have stopped";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, codes::ROOM_INNER_ERROR, message)
    }

    /// The answer.
    pub(super) fn respond(&self, kind: Kind) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status);
        if let Some(seconds) = self.retry_after_s {
            answer.insert_header((header::RETRY_AFTER, seconds));
        }
        match self.status {
            StatusCode::UNAUTHORIZED => {
                answer.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"express-server\""));
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                answer.insert_header((header::ALLOW, kind.methods));
            }
            _ => {}
        }
        answer
            .insert_header((header::CONTENT_TYPE, "application/problem+json"))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .json(json!({
                "status": self.status.as_u16(),
                "title": self.status.canonical_reason(),
                "detail": self.message,
                "code": self.code,
            }))
    }
}

impl From<HostRefusal> for Problem {
    fn from(HostRefusal { fault, error }: HostRefusal) -> Self {
        let retry = error.retry.map(|retry| retry.after_ms.div_ceil(1000).max(1));
        Self {
            retry_after_s: retry,
            of_rooms: true,
            ..Self::new(status_of(fault), error.code, error.message)
        }
    }
}

fn status_of(fault: HostFault) -> StatusCode {
    match fault {
        HostFault::Malformed => StatusCode::BAD_REQUEST,
        HostFault::NotAuthenticated => StatusCode::UNAUTHORIZED,
        HostFault::Forbidden => StatusCode::FORBIDDEN,
        HostFault::NotFound => StatusCode::NOT_FOUND,
        HostFault::Taken => StatusCode::CONFLICT,
        HostFault::NotCurrent => StatusCode::PRECONDITION_FAILED,
        HostFault::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        HostFault::Unusable => StatusCode::UNPROCESSABLE_ENTITY,
        HostFault::NotConditional => StatusCode::PRECONDITION_REQUIRED,
        HostFault::TooOften => StatusCode::TOO_MANY_REQUESTS,
        HostFault::Busy => StatusCode::SERVICE_UNAVAILABLE,
    }
}
