//! `GET /v1/signal`: who may open a WebSocket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use express_signalling::protocol::MAX_CLIENT_FRAME;
use serde_json::json;

use super::admission::Place;
use super::origin::is_welcome;
use super::{Shared, socket};

/// Largest frame that is read at all. One between this and [`MAX_CLIENT_FRAME`] is read and refused: refused unread, the
/// connection would be reset and the close frame that says why could be lost.
const MAX_READ: usize = 4 * MAX_CLIENT_FRAME;

/// Opens the WebSocket and serves it.
///
/// # Errors
/// What the WebSocket handshake finds wrong with the request.
pub(super) fn signal(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
) -> std::future::Ready<Result<HttpResponse, actix_web::Error>> {
    let shared = shared.into_inner();
    std::future::ready(match admit(&request, &shared) {
        Ok(place) => open(&request, payload, shared, place),
        Err(refusal) => Ok(*refusal),
    })
}

fn open(
    request: &HttpRequest,
    payload: web::Payload,
    shared: Arc<Shared>,
    place: Place,
) -> Result<HttpResponse, actix_web::Error> {
    let (response, session, messages) = actix_ws::handle(request, payload)?;
    let messages = messages.max_frame_size(MAX_READ).aggregate_continuations();
    let messages = messages.max_continuation_size(MAX_READ);
    actix_web::rt::spawn(async move {
        socket::serve(&shared, place.from(), session, messages).await;
        drop(place);
    });
    Ok(response)
}

fn admit(request: &HttpRequest, shared: &Arc<Shared>) -> Result<Place, Box<HttpResponse>> {
    if !is_welcome(request, &shared.config.http.allowed_origins) {
        count(&shared.counters.foreign_origins);
        let problem = "pages of this origin may not connect; see http.allowed_origins";
        return Err(Box::new(HttpResponse::Forbidden().json(json!({"error": problem}))));
    }
    if shared.draining.load(Ordering::Relaxed) {
        return Err(try_later("the server stops"));
    }
    Place::take(shared, request).map_err(|full| try_later(&full.to_string()))
}

fn try_later(problem: &str) -> Box<HttpResponse> {
    let mut answer = HttpResponse::ServiceUnavailable();
    Box::new(
        answer
            .insert_header((header::RETRY_AFTER, "5"))
            .json(json!({"error": problem})),
    )
}

/// Adds one.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
