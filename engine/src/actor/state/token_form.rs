//! What a token04 looks like from outside.

use express_messages::{ZegoError, codes};

/// What can be seen of a token without its secret: version 04 and padded base64.
///
/// # Errors
/// 1100001 where it is none.
pub(super) fn check_token_form(token: &str) -> Result<(), ZegoError> {
    let body = token.strip_prefix("04").unwrap_or_default();
    let data = body.trim_end_matches('=');
    let fits = !data.is_empty()
        && body.len().is_multiple_of(4)
        && body.len() - data.len() <= 2
        && data.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
    if fits {
        Ok(())
    } else {
        Err(ZegoError::new(
            codes::INPUT_PARAM,
            "this is no token04: it begins with 04, and base64 follows",
        ))
    }
}
