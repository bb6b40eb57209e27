//! What a request says its body is.

use actix_web::HttpRequest;
use actix_web::http::header;

/// Whether the media type is `essence`, whatever its parameters.
pub(super) fn is_of_type(request: &HttpRequest, essence: &str) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let said = content_type.and_then(|value| value.to_str().ok()?.split(';').next());
    said.is_some_and(|said| said.trim().eq_ignore_ascii_case(essence))
}
