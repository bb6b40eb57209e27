//! Who asks: a page of ours or a foreign one, somebody on this machine or somebody else.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::Version;
use actix_web::http::header::{self, HeaderMap};

/// Headers by which a proxy says that it speaks for somebody else.
const FORWARDED: [&str; 3] = ["forwarded", "x-real-ip", "via"];
const FORWARDED_PREFIX: &str = "x-forwarded-";

/// Whether a page of this origin may connect: one of the host that it connects to, or one that is allowed by name.
///
/// A program that is no browser sends no Origin.
pub(super) fn is_welcome(request: &HttpRequest, allowed: &[String]) -> bool {
    let headers = request.headers();
    let Some(origin) = single(headers, header::ORIGIN) else {
        return !headers.contains_key(header::ORIGIN);
    };
    if allowed
        .iter()
        .any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(origin))
    {
        return true;
    }
    let own = own_host(request);
    let theirs = origin
        .split_once("://")
        .and_then(|(scheme, host)| authority(host, default_port(scheme)));
    let same = |(host, port): &(String, Option<u16>), (their_host, their_port): &(String, Option<u16>)| {
        // The page's port is always known; the host header leaves out the default of a scheme that we do not see.
        host == their_host && (port == their_port || port.is_none() && matches!(their_port, Some(80 | 443)))
    };
    own.zip(theirs).is_some_and(|(own, theirs)| same(&own, &theirs))
}

/// Whether a request comes from this very machine and was meant for it: not through a proxy, not by a name that a
/// stranger's DNS points here, not from a foreign page.
pub(super) fn is_local(request: &HttpRequest, listen: IpAddr) -> bool {
    let headers = request.headers();
    let from = request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    listen.is_loopback() && from && !is_forwarded(headers) && is_local_host(request) && is_welcome(request, &[])
}

/// Whether a proxy sent this for somebody else.
pub(super) fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let name = name.as_str();
        FORWARDED.contains(&name) || name.starts_with(FORWARDED_PREFIX)
    })
}

fn is_local_host(request: &HttpRequest) -> bool {
    own_host(request).is_some_and(|(host, _)| matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]"))
}

/// Host and port that the request is for, as the client wrote them: Host, or `:authority` (RFC 9113 §8.3.1) of HTTP/2.
fn own_host(request: &HttpRequest) -> Option<(String, Option<u16>)> {
    let headers = request.headers();
    if request.version() == Version::HTTP_2 && !headers.contains_key(header::HOST) {
        return authority(request.uri().authority()?.as_str(), None);
    }
    authority(single(headers, header::HOST)?, None)
}

/// The header's value, if it is there exactly once and readable.
fn single(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name);
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Host in lower case and port of `host[:port]`.
fn authority(text: &str, default_port: Option<u16>) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.rsplit_once(':') {
        // The last colon of a bare IPv6 address belongs to the address.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().ok()?)),
        _ => (text, default_port),
    };
    let plain = !host.is_empty() && !host.contains(['/', '@', '?', '#', ' ']);
    plain.then(|| (host.to_ascii_lowercase(), port))
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::http::tests::client::request;

    #[test]
    fn pages_of_the_own_host_and_of_allowed_origins_may_connect() {
        let allowed = ["https://app.example.com".to_owned()];
        let table = [
            (vec![("host", "a:8080")], true),
            (vec![("host", "a:8080"), ("origin", "http://a:8080")], true),
            (vec![("host", "A:8080"), ("origin", "https://a:8080")], true),
            (vec![("host", "a"), ("origin", "https://a")], true),
            (vec![("host", "a"), ("origin", "http://a:80")], true),
            (vec![("host", "a"), ("origin", "http://a:81")], false),
            (vec![("host", "a:8080"), ("origin", "http://a")], false),
            (vec![("host", "a:8080"), ("origin", "http://b:8080")], false),
            (vec![("host", "a:8080"), ("origin", "null")], false),
            (vec![("host", "a:8080"), ("origin", "http://b:8080@a:8080")], false),
            (
                vec![("host", "a:8080"), ("origin", "http://a:8080"), ("origin", "http://b")],
                false,
            ),
            (vec![("host", "a:8080"), ("origin", "https://APP.example.com")], true),
            (vec![("host", "a:8080"), ("origin", "http://app.example.com")], false),
            (vec![("host", "a:8080"), ("origin", "https://app.example.com.b")], false),
            (vec![("host", "[::1]:8080"), ("origin", "http://[::1]:8080")], true),
            (vec![("host", "[::1]"), ("origin", "http://[::1]")], true),
            (vec![("origin", "http://a")], false),
        ];
        for (headers, welcome) in table {
            let request = request("192.0.2.1:9", &headers);
            assert_eq!(is_welcome(&request, &allowed), welcome, "{headers:?}");
        }
        let foreign = request("192.0.2.1:9", &[("host", "a"), ("origin", "http://b")]);
        assert!(is_welcome(&foreign, &["*".into()]));
    }

    #[test]
    fn a_page_that_came_by_http_2_is_of_the_own_host_too() {
        let ask = |uri: &str, version| {
            let request = TestRequest::with_uri(uri).version(version);
            request.append_header(("origin", "https://a:8080")).to_http_request()
        };
        assert!(is_welcome(&ask("https://a:8080/whip/s", Version::HTTP_2), &[]));
        assert!(!is_welcome(&ask("https://b:8080/whip/s", Version::HTTP_2), &[]));
        // A request line with an address instead of a path is not what says whose host this is.
        assert!(!is_welcome(&ask("https://a:8080/whip/s", Version::HTTP_11), &[]));
    }

    #[test]
    fn only_this_machine_asking_for_itself_is_local() {
        let (v4, v6) = ("127.0.0.1".parse().unwrap(), "::1".parse().unwrap());
        let table = [
            ("127.0.0.1:9", v4, vec![("host", "127.0.0.1:8080")], true),
            ("127.0.0.1:9", v4, vec![("host", "LocalHost:8080")], true),
            ("[::1]:9", v6, vec![("host", "[::1]:8080")], true),
            (
                "127.0.0.1:9",
                v4,
                vec![("host", "localhost"), ("origin", "http://localhost")],
                true,
            ),
            ("127.0.0.1:9", v4, vec![], false),
            ("127.0.0.1:9", v4, vec![("host", "rebound.example:8080")], false),
            ("127.0.0.1:9", v4, vec![("host", "localhost.example:8080")], false),
            ("127.0.0.1:9", v4, vec![("host", "localhost"), ("host", "localhost")], false),
            (
                "127.0.0.1:9",
                v4,
                vec![("host", "localhost"), ("origin", "http://evil.example")],
                false,
            ),
            (
                "127.0.0.1:9",
                v4,
                vec![("host", "localhost"), ("forwarded", "for=192.0.2.1")],
                false,
            ),
            (
                "127.0.0.1:9",
                v4,
                vec![("host", "localhost"), ("x-forwarded-for", "192.0.2.1")],
                false,
            ),
            (
                "127.0.0.1:9",
                v4,
                vec![("host", "localhost"), ("x-forwarded-host", "a")],
                false,
            ),
            ("192.0.2.1:9", v4, vec![("host", "localhost")], false),
            ("127.0.0.1:9", "0.0.0.0".parse().unwrap(), vec![("host", "localhost")], false),
        ];
        for (from, listen, headers, local) in table {
            assert_eq!(
                is_local(&request(from, &headers), listen),
                local,
                "{from} {listen} {headers:?}"
            );
        }
    }
}
