//! The embedded web files: the console page at `/`, the browser SDK below `/sdk/`.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use express_web::{CONTENT_SECURITY_POLICY, FILES, WebFile};

/// What our pages may ask their user for; `screen.audio` needs the second.
const PERMISSIONS: &str = "microphone=(self), display-capture=(self), camera=(), geolocation=()";

pub(super) fn configure(app: &mut web::ServiceConfig) {
    for file in FILES {
        let answer = move || std::future::ready(page(file));
        app.service(
            web::resource(file.path)
                .route(web::get().to(answer))
                .route(web::head().to(answer)),
        );
    }
}

fn page(file: &WebFile) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CONTENT_TYPE, file.content_type))
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::PERMISSIONS_POLICY, PERMISSIONS))
        .insert_header((header::CACHE_CONTROL, "no-cache"));
    if file.is_for_all_origins() {
        answer
            .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
            .insert_header((header::CROSS_ORIGIN_RESOURCE_POLICY, "cross-origin"));
    } else {
        answer.insert_header((header::CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"));
    }
    answer.body(file.bytes)
}
