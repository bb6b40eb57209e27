//! Headers that WHIP and WHEP read and write.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, ETag, EntityTag, Header};
use express_messages::codes;

use super::problem::Problem;
use crate::rooms::IfMatch;

/// The token of `Authorization: Bearer`. RFC 6750 §2.1.
pub(super) fn bearer(request: &HttpRequest) -> Result<String, Problem> {
    let mut values = request.headers().get_all(header::AUTHORIZATION);
    let value = values.next().filter(|_| values.next().is_none());
    let token = value.and_then(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        let token = token.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.to_owned())
    });
    token.ok_or_else(|| {
        let message = "send the token as Authorization: Bearer TOKEN";
        Problem::new(StatusCode::UNAUTHORIZED, codes::TOKEN_ERROR, message)
    })
}

/// `If-Match`, if it is there. RFC 9110 §13.1.1: weak entity-tags never match.
pub(super) fn if_match(request: &HttpRequest) -> Result<Option<IfMatch>, Problem> {
    if !request.headers().contains_key(header::IF_MATCH) {
        return Ok(None);
    }
    match header::IfMatch::parse(request) {
        Ok(header::IfMatch::Any) => Ok(Some(IfMatch::Any)),
        Ok(header::IfMatch::Items(tags)) => {
            let strong = tags.into_iter().filter(|tag| !tag.weak);
            Ok(Some(IfMatch::Tags(strong.map(|tag| tag.tag().to_owned()).collect())))
        }
        Err(_) => {
            let message = "If-Match must be * or entity-tags in quotes";
            Err(Problem::new(StatusCode::BAD_REQUEST, codes::INPUT_PARAM, message))
        }
    }
}

/// The value of `ETag`: strong, as RFC 9725 §4.3.1 asks for.
pub(super) fn entity_tag(tag: String) -> ETag {
    ETag(EntityTag::new_strong(tag))
}
