//! STUN and TURN servers as `Link` headers. RFC 9725 §4.6, RFC 8288 §3.

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderValue};
use express_signalling::protocol::IceServer;

/// Adds one header for each URL.
pub(super) fn add(response: &mut HttpResponse, servers: &[IceServer]) {
    for server in servers {
        for url in &server.urls {
            // The configuration lets nothing in that a header does not take.
            if let Ok(value) = HeaderValue::from_str(&link(server, url)) {
                response.headers_mut().append(header::LINK, value);
            }
        }
    }
}

fn link(server: &IceServer, url: &str) -> String {
    let mut link = format!("<{url}>; rel=\"ice-server\"");
    let is_turn = url.starts_with("turn");
    if let (true, Some(username), Some(credential)) = (is_turn, &server.username, &server.credential) {
        let (username, credential) = (quoted(username), quoted(credential));
        link += &format!("; username={username}; credential={credential}; credential-type=\"password\"");
    }
    link
}

/// A quoted-string. RFC 9110 §5.6.4.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_url_has_a_link_and_only_turn_has_credentials() {
        let server = IceServer {
            urls: vec!["stun:a".into(), "turn:a?transport=tcp".into()],
            username: Some(r#"1:o"b\"#.into()),
            credential: Some("x=".into()),
        };
        let mut response = HttpResponse::Ok().finish();
        add(&mut response, &[server]);
        let links: Vec<_> = response
            .headers()
            .get_all(header::LINK)
            .map(|link| link.to_str().unwrap())
            .collect();
        assert_eq!(
            links,
            [
                r#"<stun:a>; rel="ice-server""#,
                r#"<turn:a?transport=tcp>; rel="ice-server"; username="1:o\"b\\"; credential="x="; credential-type="password""#,
            ]
        );
    }
}
