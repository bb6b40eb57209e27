//! Is it well, does it take calls.

use std::future::Ready;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::origin::is_local;
use super::{HttpCounters, HttpCounts, Shared};
use crate::rooms::GetCounters;

/// 200 while the server runs; on this machine with everything that was counted.
pub(super) async fn healthz(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    let Ok(rooms) = shared.rooms.send(GetCounters).await else {
        return HttpResponse::InternalServerError().json(json!({"status": "the rooms have stopped"}));
    };
    if !is_local(&request, shared.config.http.listen.ip()) {
        return HttpResponse::Ok().json(json!({"status": "ok"}));
    }
    let http = HttpCounts::from(&shared.counters);
    HttpResponse::Ok().json(json!({
        "status": "ok",
        "uptime_s": shared.uptime().as_secs(),
        "rooms": rooms,
        "http": http,
        "media": shared.media.counters(),
    }))
}

/// 200 while the server takes calls, 503 while it stops.
pub(super) fn readyz(shared: web::Data<Shared>) -> Ready<HttpResponse> {
    let ready = !shared.draining.load(Ordering::Relaxed) && shared.rooms.connected();
    let mut answer = if ready {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    std::future::ready(answer.json(json!({"ready": ready})))
}

impl From<&HttpCounters> for HttpCounts {
    fn from(counters: &HttpCounters) -> Self {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Self {
            foreign_origins: read(&counters.foreign_origins),
            refused_by_limit: read(&counters.refused_by_limit),
            bad_frames: read(&counters.bad_frames),
            bad_whip_requests: read(&counters.bad_whip_requests),
            dead_sockets: read(&counters.dead_sockets),
        }
    }
}
