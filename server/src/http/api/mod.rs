//! The server API: what a business server may ask for, in the documented convention, on a listener of its own.
//!
//! ```text
//!   GET|POST /?Action=...  ─► params ─► gate (signature, time, replay, rates) ─► serve ─► rooms
//!            answer: 200 {Code, Message, RequestId, Data?}
//! ```
//! `docs/server-api.md` has every action.

mod action;
mod fault;
mod gate;
mod params;
mod serve;

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse, web};
use express_messages::ids::RoomId;
use serde_json::{Value, json};
use tokio::time::timeout;

use self::fault::{ApiFault, OK};
use self::gate::Gate;
pub(crate) use self::gate::signature;
use self::params::Params;
use self::serve::{Call, Served};
use super::Shared;
use super::signal::count;
use crate::config::AppConfig;
use crate::rooms::Now;

/// Bytes of a body.
const MAX_BODY: usize = 64 * 1024;
/// How long a body may take to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(10);
/// Paths under which it is: the documented one, and one that a proxy can tell from others.
const PATHS: [&str; 3] = ["/", "/v1/api", "/v1/api/"];

/// What the handlers share.
pub(crate) struct Api {
    gate: Mutex<Gate>,
}

impl fmt::Debug for Api {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Api")
    }
}

impl Api {
    /// For these AppIDs.
    pub(crate) fn new(apps: &[AppConfig]) -> Self {
        Self {
            gate: Mutex::new(Gate::new(apps)),
        }
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The routes.
pub(crate) fn configure(app: &mut web::ServiceConfig, shared: &web::Data<Shared>, api: &web::Data<Api>) {
    app.app_data(shared.clone()).app_data(api.clone());
    for path in PATHS {
        app.route(path, web::get().to(answer)).route(path, web::post().to(answer));
    }
}

async fn answer(request: HttpRequest, body: web::Payload, shared: web::Data<Shared>, api: web::Data<Api>) -> HttpResponse {
    let body = match timeout(BODY_PATIENCE, body.to_bytes_limited(MAX_BODY)).await {
        Ok(Ok(Ok(body))) => body,
        Ok(Ok(Err(_))) => return HttpResponse::BadRequest().finish(),
        Ok(Err(_)) => return HttpResponse::PayloadTooLarge().body(format!("a body may have {MAX_BODY} bytes\n")),
        Err(_) => return HttpResponse::RequestTimeout().finish(),
    };
    let served = serve(&request, &body, &shared, &api).await;
    count(&shared.counters.api_calls);
    if let Err(fault) = &served {
        count(&shared.counters.api_refused);
        tracing::debug!(code = fault.code, problem = fault.message, "server API call refused");
    }
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(written(served))
}

async fn serve(request: &HttpRequest, body: &[u8], shared: &Shared, api: &Api) -> Served {
    let mut params = Params::read(request.query_string())?;
    if request.method() == Method::POST && !body.is_empty() {
        params.read_json(body)?;
    }
    let now = Now {
        mono: shared.uptime(),
        unix_ms: unix_ms(),
    };
    let (app_id, action) = admit(now, &params, api)?;
    tracing::info!(app_id, ?action, "server API call");
    let call = Call {
        rooms: &shared.rooms,
        app_id,
        unix_ms: now.unix_ms,
        params: &params,
    };
    call.serve(action).await
}

fn admit(now: Now, params: &Params, api: &Api) -> Result<(u32, action::Action), ApiFault> {
    let mut gate = api.gate();
    let (app_id, action) = gate.admit(now, params)?;
    // A room that is missing or wrong is the action's to refuse.
    if let [room] = params.many("RoomId")
        && let Ok(room) = RoomId::new(room)
    {
        gate.keep_rate_of_room(now.mono, app_id, action, &room)?;
    }
    Ok((app_id, action))
}

fn written(served: Served) -> Value {
    let request_id = format!("{:016x}", rand::random::<u64>());
    match served {
        Ok(None) => json!({"Code": OK, "Message": "success", "RequestId": request_id}),
        Ok(Some(data)) => json!({"Code": OK, "Message": "success", "RequestId": request_id, "Data": data}),
        Err(fault) => json!({"Code": fault.code, "Message": fault.message, "RequestId": request_id}),
    }
}

fn unix_ms() -> u64 {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(unix.as_millis()).unwrap_or(u64::MAX)
}

/// What fuzzers call: reads a call's parameters as every action does, and asks whether it may be served.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn read(query: &str, body: Option<&[u8]>, apps: &[AppConfig], now: Now) {
    let Ok(mut params) = Params::read(query) else {
        return;
    };
    if body.is_some_and(|body| params.read_json(body).is_err()) {
        return;
    }
    if let Ok(room) = params.room() {
        assert!(!room.as_str().is_empty() && room.as_str().len() <= 4 * 128);
    }
    let _ = (
        params.stream().is_ok(),
        params.user().is_ok(),
        params.number::<u64>("Limit").is_ok(),
    );
    if let Ok(users) = params.ids::<express_messages::ids::UserId>("UserId", 5, ApiFault::PARAM) {
        assert!(users.len() <= 5);
    }
    if let Ok(message) = params.message() {
        assert!((1..=express_messages::ids::MESSAGE_MAX).contains(&message.len()));
    }
    let admitted = Gate::new(apps).admit(now, &params);
    assert!(
        admitted.is_err(),
        "nobody who does not know the secret signs a call: {params:?}"
    );
}
