//! WHIP and WHEP: publishing and playing by one HTTP request. RFC 9725, draft-ietf-wish-whep.
//!
//! ```text
//!   POST /whip/{streamID}?room=R     offer in, answer out, Location: the resource     (WHEP: /whep/...)
//!   PATCH /whip/resource/{id}        candidates, ICE restart
//!   DELETE /whip/resource/{id}       the end
//! ```
//!
//! Here requests are read and answers are written; what they mean is decided by the rooms.

mod cors;
mod fragment;
mod headers;
mod links;
mod problem;

use std::sync::Arc;

use actix_web::http::header::HeaderValue;
use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use express_messages::codes;
use express_messages::ids::{RoomId, StreamId};
use express_signalling::protocol::MAX_SDP;
use serde::Deserialize;

use self::cors::{ENDPOINT, Kind, RESOURCE};
use self::problem::Problem;
use super::Shared;
use super::admission::Place;
use super::content_type::is_of_type;
use super::origin::is_welcome;
use super::signal::count;
use crate::rooms::{GetIceServers, Host, HostRequest, Hosted, Offered, OnResource, ResourceAction, ResourceRequest};

/// Media type of offers and answers. RFC 8866 §8.1.
const SDP: &str = "application/sdp";
/// Media type of what PATCH carries. RFC 8840 §9.
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
/// Bytes of a fragment; a browser's with ten candidates has 2,000.
const MAX_FRAGMENT: usize = 16 * 1024;

/// The two protocols, which differ in the direction only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Whip,
    Whep,
}

impl Protocol {
    fn word(self) -> &'static str {
        match self {
            Self::Whip => "whip",
            Self::Whep => "whep",
        }
    }
}

/// `?room=R&app=ID`, and with WHEP `&loudest=N`
#[derive(Debug, Default, Deserialize)]
struct HostQuery {
    room: Option<String>,
    app: Option<u32>,
    loudest: Option<u32>,
}

type Answer = Result<HttpResponse, Problem>;

pub(super) fn configure(app: &mut web::ServiceConfig) {
    for protocol in [Protocol::Whip, Protocol::Whep] {
        let post = move |request: HttpRequest, path: web::Path<String>, body: web::Payload, shared: web::Data<Shared>| async move {
            let answer = post(protocol, &request, &path, body, &shared).await;
            finish(&request, &shared, ENDPOINT, answer)
        };
        let word = protocol.word();
        app.service(
            web::resource(format!("/{word}/{{stream}}"))
                .route(web::post().to(post))
                .route(web::method(Method::OPTIONS).to(options))
                .default_service(web::to(|request, shared| other_method(request, shared, ENDPOINT))),
        );
        app.service(
            web::resource(format!("/{word}/resource/{{id}}"))
                .route(web::patch().to(patch))
                .route(web::delete().to(delete))
                .default_service(web::to(|request, shared| other_method(request, shared, RESOURCE))),
        );
    }
}

async fn post(protocol: Protocol, request: &HttpRequest, stream: &str, body: web::Payload, shared: &web::Data<Shared>) -> Answer {
    welcome(request, shared)?;
    let place = Place::take(&Arc::clone(shared), request).map_err(Problem::full)?;
    let bearer = headers::bearer(request)?;
    let (stream_id, room_id, query) = named(request, stream)?;
    let sdp = read(request, body, SDP, MAX_SDP).await?;
    let publish = protocol == Protocol::Whip;
    let offer = shared.media.check_offer(&sdp, publish);
    let request = HostRequest {
        publish,
        stream_id,
        app_id: query.app,
        room_id,
        bearer,
        from: Some(place.from()),
        loudest: query.loudest,
        offer: offer.map(|credentials| Offered { sdp, credentials }),
    };
    let place = Box::new(place);
    let Ok(outcome) = shared.rooms.send(Host { request, place }).await else {
        return Err(Problem::stopped());
    };
    match outcome? {
        Hosted::Created {
            resource,
            etag,
            sdp,
            ice_servers,
        } => {
            let mut created = HttpResponse::Created()
                .insert_header((header::LOCATION, format!("/{}/resource/{resource}", protocol.word())))
                .insert_header((header::ETAG, headers::entity_tag(etag)))
                .insert_header((header::CONTENT_TYPE, SDP))
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .body(sdp);
            links::add(&mut created, &ice_servers);
            Ok(created)
        }
        other => Ok(done(other)),
    }
}

async fn patch(request: HttpRequest, path: web::Path<String>, body: web::Payload, shared: web::Data<Shared>) -> HttpResponse {
    let asked = async {
        let if_match = headers::if_match(&request)?;
        let text = read(&request, body, FRAGMENT, MAX_FRAGMENT).await?;
        let fragment = fragment::parse(&text);
        Ok(ResourceAction::Patch { if_match, fragment })
    };
    let answer = on_resource(&request, path.into_inner(), &shared, asked).await;
    finish(&request, &shared, RESOURCE, answer)
}

async fn delete(request: HttpRequest, path: web::Path<String>, shared: web::Data<Shared>) -> HttpResponse {
    let asked = std::future::ready(Ok(ResourceAction::Delete));
    let answer = on_resource(&request, path.into_inner(), &shared, asked).await;
    finish(&request, &shared, RESOURCE, answer)
}

async fn on_resource(
    request: &HttpRequest,
    resource: String,
    shared: &Shared,
    asked: impl Future<Output = Result<ResourceAction, Problem>>,
) -> Answer {
    welcome(request, shared)?;
    Place::pass(shared, request).map_err(Problem::full)?;
    let bearer = headers::bearer(request)?;
    let action = asked.await?;
    let request = ResourceRequest {
        resource,
        bearer,
        action,
    };
    match shared.rooms.send(OnResource(request)).await {
        Ok(outcome) => Ok(done(outcome?)),
        Err(_) => Err(Problem::stopped()),
    }
}

fn done(done: Hosted) -> HttpResponse {
    match done {
        Hosted::Restarted { etag, local } => HttpResponse::Ok()
            .insert_header((header::ETAG, headers::entity_tag(etag)))
            .insert_header((header::CONTENT_TYPE, FRAGMENT))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(fragment::write(&local)),
        Hosted::Noted => HttpResponse::NoContent().finish(),
        Hosted::Created { .. } | Hosted::Ended => HttpResponse::Ok().finish(),
    }
}

/// What an endpoint takes, and for the bearer of a token the STUN and TURN servers (RFC 9725 §4.6): for clients that must know
/// them before they make their offer. A preflight bears none.
async fn options(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    let answer = async {
        welcome(&request, &shared)?;
        let mut answer = cors::options(ENDPOINT);
        if request.headers().contains_key(header::AUTHORIZATION) {
            Place::pass(&shared, &request).map_err(Problem::full)?;
            let bearer = headers::bearer(&request)?;
            let app_id = query(&request)?.app;
            let Ok(servers) = shared.rooms.send(GetIceServers { app_id, bearer }).await else {
                return Err(Problem::stopped());
            };
            links::add(&mut answer, &servers?);
            answer
                .headers_mut()
                .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        Ok(answer)
    };
    let answer = answer.await;
    finish(&request, &shared, ENDPOINT, answer)
}

/// OPTIONS is answered, GET has nothing to show (RFC 9725 §4.1), the rest is not served.
fn other_method(request: HttpRequest, shared: web::Data<Shared>, kind: Kind) -> std::future::Ready<HttpResponse> {
    let answer = welcome(&request, &shared).and_then(|()| match request.method().as_str() {
        "OPTIONS" => Ok(cors::options(kind)),
        "GET" | "HEAD" => Ok(HttpResponse::NoContent().finish()),
        _ => Err(Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            codes::INPUT_PARAM,
            format!("this address takes {}", kind.methods),
        )),
    });
    std::future::ready(finish(&request, &shared, kind, answer))
}

/// Pages of foreign origins are refused, as their WebSockets are.
fn welcome(request: &HttpRequest, shared: &Shared) -> Result<(), Problem> {
    if is_welcome(request, &shared.config.http.allowed_origins) {
        return Ok(());
    }
    count(&shared.counters.foreign_origins);
    let message = "pages of this origin may not connect; see http.allowed_origins";
    Err(Problem::new(StatusCode::FORBIDDEN, codes::INPUT_PARAM, message))
}

/// Writes the answer, readable for the page that asked if it is welcome.
fn finish(request: &HttpRequest, shared: &Shared, kind: Kind, answer: Answer) -> HttpResponse {
    let mut response = answer.unwrap_or_else(|problem| {
        if !problem.of_rooms {
            count(&shared.counters.bad_whip_requests);
        }
        problem.respond(kind)
    });
    if is_welcome(request, &shared.config.http.allowed_origins) {
        cors::allow(request, &mut response);
    }
    response
}

fn named(request: &HttpRequest, stream: &str) -> Result<(StreamId, Option<RoomId>, HostQuery), Problem> {
    let bad = |code, message: String| Problem::new(StatusCode::BAD_REQUEST, code, message);
    let query = query(request)?;
    let stream_id = StreamId::new(stream).map_err(|error| bad(error.code, error.message))?;
    let room_id = query.room.as_ref().map(RoomId::new).transpose();
    let room_id = room_id.map_err(|error| bad(error.code, error.message))?;
    Ok((stream_id, room_id, query))
}

fn query(request: &HttpRequest) -> Result<HostQuery, Problem> {
    let query = web::Query::<HostQuery>::from_query(request.query_string());
    query.map(web::Query::into_inner).map_err(|error| {
        let message = format!("?room=ROOM&app=ID&loudest=N is expected: {error}");
        Problem::new(StatusCode::BAD_REQUEST, codes::INPUT_PARAM, message)
    })
}

async fn read(request: &HttpRequest, body: web::Payload, essence: &str, limit: usize) -> Result<String, Problem> {
    if !is_of_type(request, essence) {
        let message = format!("Content-Type must be {essence}");
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, codes::INPUT_PARAM, message));
    }
    let bytes = body.to_bytes_limited(limit).await.map_err(|_| {
        let message = format!("the body has more than {limit} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, codes::INPUT_PARAM, message)
    })?;
    let bad = |message: String| Problem::new(StatusCode::BAD_REQUEST, codes::INPUT_PARAM, message);
    let bytes = bytes.map_err(|error| bad(format!("the body could not be read: {error}")))?;
    String::from_utf8(bytes.into()).map_err(|_| bad("the body is not UTF-8".into()))
}

/// What fuzzers call: reads headers and fragment of a request.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn read_pure(request: &HttpRequest, body: &str) {
    let _ = (headers::bearer(request).is_ok(), headers::if_match(request).is_ok());
    if let Ok(Some(credentials)) = fragment::parse(body) {
        let lengths = (credentials.ufrag.len(), credentials.password.len());
        assert!(
            (4..=256).contains(&lengths.0) && (22..=256).contains(&lengths.1),
            "credentials of {lengths:?} bytes (RFC 8839 section 5.4)"
        );
    }
}
