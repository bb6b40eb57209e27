//! Tokens for trying things out, from a server that nobody configured, for somebody on the same machine.

use std::future::Ready;
use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use express_messages::ids::{RoomId, UserId};
use express_token::{Cipher, Grant, Privileges, issue_random};
use serde::Deserialize;
use serde_json::json;

use super::Shared;
use super::content_type::is_of_type;
use super::origin::is_local;
use crate::config::AppConfig;

/// Longest life, seconds; also the default.
const MAX_TTL_S: i64 = 24 * 3600;
/// Bytes of a request.
const MAX_BODY: usize = 4096;

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DevTokenRequest {
    user_id: UserId,
    /// The only room it opens; else every room.
    #[serde(default)]
    room_id: Option<RoomId>,
    /// Seconds.
    #[serde(default = "max_ttl")]
    ttl: i64,
}

/// `POST /v1/dev-token` `{user_id, room_id?, ttl?}` → `{app_id, token}`; 404 for everybody who may not know of it.
pub(super) fn dev_token(request: HttpRequest, body: web::Bytes, shared: web::Data<Shared>) -> Ready<HttpResponse> {
    let app = shared
        .dev_app
        .as_ref()
        // A page of another origin cannot send JSON without asking first.
        .filter(|_| is_local(&request, shared.config.http.listen.ip()) && is_of_type(&request, "application/json"));
    let answer = app
        .map(|app| mint(app, &body))
        .unwrap_or_else(|| HttpResponse::NotFound().finish());
    std::future::ready(answer)
}

fn mint(app: &AppConfig, body: &[u8]) -> HttpResponse {
    let refuse = |problem: String| HttpResponse::BadRequest().json(json!({"error": problem}));
    if body.len() > MAX_BODY {
        return refuse(format!("the request has more than {MAX_BODY} bytes"));
    }
    let wanted: DevTokenRequest = match serde_json::from_slice(body) {
        Ok(wanted) => wanted,
        Err(error) => return refuse(format!("{{user_id, room_id?, ttl?}} is expected: {error}")),
    };
    if !(1..=MAX_TTL_S).contains(&wanted.ttl) {
        return refuse(format!("ttl is 1 to {MAX_TTL_S} seconds"));
    }
    let grant = Grant {
        app_id: app.id,
        user_id: wanted.user_id.into(),
        ttl_s: wanted.ttl,
        privileges: wanted.room_id.map(|room_id| Privileges {
            room_id: room_id.into(),
            login: true,
            publish: true,
            streams: None,
        }),
    };
    match issue_random(&grant, &app.secret, Cipher::Gcm, unix_s()) {
        Ok(token) => HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .json(json!({"app_id": app.id, "token": token})),
        Err(error) => refuse(error.to_string()),
    }
}

fn max_ttl() -> i64 {
    MAX_TTL_S
}

fn unix_s() -> i64 {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(unix.as_secs()).unwrap_or(i64::MAX)
}
