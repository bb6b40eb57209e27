//! The embedded web files.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use express_web::{CONTENT_SECURITY_POLICY, FILES, WebFile};

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
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, file.content_type))
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(file.bytes)
}
