//! Is it well, does it take calls.

use std::future::Ready;
use std::sync::atomic::Ordering;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::Shared;
use super::origin::is_local;
use crate::rooms::GetCounters;

/// 200 while the server runs; on this machine with everything that was counted.
pub(super) async fn healthz(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    let Ok(rooms) = shared.rooms.send(GetCounters).await else {
        return HttpResponse::InternalServerError().json(json!({"status": "the rooms have stopped"}));
    };
    if !is_local(&request, shared.config.http.listen.ip()) {
        return HttpResponse::Ok().json(json!({"status": "ok"}));
    }
    let http = shared.counters.read();
    HttpResponse::Ok().json(json!({
        "status": "ok",
        "uptime_s": shared.uptime().as_secs(),
        "rooms": rooms,
        "cluster": shared.cluster_counters().await,
        "http": http,
        "media": shared.media.counters(),
        "callbacks": shared.callbacks.counts(),
    }))
}

/// 200 while the server takes calls; 503 while it stops, and once media is not alive. `cluster` says whether the broker can be reached
/// (left out where the node is alone): without it calls are taken as ever, and taking this node out would only make the outage larger.
pub(super) fn readyz(shared: web::Data<Shared>) -> Ready<HttpResponse> {
    std::future::ready(match not_ready(&shared) {
        None => HttpResponse::Ok().json(match shared.cluster.get() {
            Some(cluster) => json!({"ready": true, "cluster": cluster.is_reachable()}),
            None => json!({"ready": true}),
        }),
        Some(problem) => HttpResponse::ServiceUnavailable().json(json!({"ready": false, "problem": problem})),
    })
}

fn not_ready(shared: &Shared) -> Option<&'static str> {
    if shared.draining.load(Ordering::Relaxed) {
        return Some("the server stops");
    }
    if !shared.rooms.connected() {
        return Some("the rooms have stopped; restart the server");
    }
    let dead = shared.media.shards().iter().any(|shard| !shard.alive);
    dead.then_some("a media thread has ended; see the log and restart the server")
}
