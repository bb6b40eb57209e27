//! Pages and health.

use super::client::{get, raw, server};

#[test]
fn every_page_is_served_with_its_policy() {
    let server = server();
    for file in express_web::FILES {
        let answer = get(&server, file.path);
        assert_eq!(answer.status, 200, "{}", file.path);
        for header in [
            "content-security-policy: default-src 'none'",
            "x-content-type-options: nosniff",
            "permissions-policy: microphone=(self)",
            file.content_type,
        ] {
            assert!(answer.head.contains(header), "{}: {}", file.path, answer.head);
        }
        let for_all = answer.head.contains("access-control-allow-origin: *");
        assert_eq!(for_all, file.path.starts_with("/sdk/"), "{}: {}", file.path, answer.head);
        let host = format!("Host: {}", server.http_addr());
        let head = raw(server.http_addr(), &[&format!("HEAD {} HTTP/1.1", file.path), &host], "");
        assert_eq!((head.status, head.body.as_str()), (200, ""));
    }
    assert!(get(&server, "/").body.contains("<h1>"));
    assert_eq!(get(&server, "/nothing").status, 404);
    assert_eq!(get(&server, "/../Cargo.toml").status, 404);
}

#[test]
fn health_is_for_all_and_the_counters_for_this_machine() {
    let server = server();
    let here = get(&server, "/healthz");
    assert_eq!((here.status, here.json()["status"].as_str()), (200, Some("ok")));
    assert_eq!(
        (&here.json()["rooms"]["sessions"], &here.json()["media"]["rtp_received"]),
        (&0.into(), &0.into())
    );
    let host = format!("Host: {}", server.http_addr());
    let proxied = raw(
        server.http_addr(),
        &["GET /healthz HTTP/1.1", &host, "X-Forwarded-For: 192.0.2.1"],
        "",
    );
    assert_eq!(proxied.body, r#"{"status":"ok"}"#);
    let ready = get(&server, "/readyz");
    assert_eq!((ready.status, ready.body.as_str()), (200, r#"{"ready":true}"#));
}
