//! WHIP and WHEP over real sockets: each status, and what stands beside it.

use std::time::Instant;

use super::client::*;
use crate::RunningServer;
use crate::config::{Hidden, IceServerConfig};
use crate::forwarder::tests::client::{TestClient, USUAL};

const SDP: &str = "Content-Type: application/sdp";
const FRAGMENT: &str = "Content-Type: application/trickle-ice-sdpfrag";

fn offer(direction: &str) -> String {
    TestClient::new("127.0.0.1:9".parse().unwrap(), USUAL, Instant::now()).offer(direction)
}

fn request(server: &RunningServer, line: &str, headers: &[&str], body: &str) -> Answer {
    let host = format!("Host: {}", server.http_addr());
    let line = format!("{line} HTTP/1.1");
    let head: Vec<&str> = [line.as_str(), host.as_str()]
        .into_iter()
        .chain(headers.iter().copied())
        .collect();
    raw(server.http_addr(), &head, body)
}

fn bearer(server: &RunningServer, user: &str) -> String {
    format!("Authorization: Bearer {}", token(&server.apps()[0], user))
}

fn publish(server: &RunningServer, user: &str, stream: &str) -> Answer {
    publish_with(server, &bearer(server, user), stream)
}

fn publish_with(server: &RunningServer, bearer: &str, stream: &str) -> Answer {
    let line = format!("POST /whip/{stream}?room=r");
    request(server, &line, &[SDP, bearer], &offer("sendonly"))
}

impl Answer {
    /// A header's value; `head` is in lower case.
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn problem(&self) -> (u16, i64) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem = self.json();
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        assert_eq!(problem["status"], self.status);
        (self.status, problem["code"].as_i64().unwrap())
    }
}

#[test]
fn a_whip_client_gets_an_answer_a_resource_and_a_tag_and_ends_it() {
    let server = server();
    let answer = publish(&server, "alice", "s");
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("content-type"), Some("application/sdp"));
    assert!(answer.body.contains("a=recvonly") && answer.body.contains("a=setup:passive"));
    let etag = answer.header("etag").unwrap().to_owned();
    assert!(etag.len() == 18 && etag.starts_with('"') && etag.ends_with('"'));
    let location = answer.header("location").unwrap().to_owned();
    assert!(location.starts_with("/whip/resource/") && location.len() == 15 + 32);
    let alice = bearer(&server, "alice");
    let candidate = "m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n";
    let if_match = format!("If-Match: {etag}");
    let patch = |headers: &[&str], body: &str| request(&server, &format!("PATCH {location}"), headers, body);
    assert_eq!(patch(&[FRAGMENT, &alice, &if_match], candidate).status, 204);
    let restart = "a=ice-ufrag:other\r\na=ice-pwd:passwordpasswordpassword\r\n";
    let restarted = patch(&[FRAGMENT, &alice, "If-Match: *"], restart);
    assert_eq!(restarted.status, 200);
    assert_eq!(restarted.header("content-type"), Some("application/trickle-ice-sdpfrag"));
    assert!(restarted.body.contains("a=ice-ufrag:") && restarted.body.contains("a=ice-pwd:"));
    assert_ne!(restarted.header("etag"), Some(etag.as_str()));
    assert_eq!(patch(&[FRAGMENT, &alice, &if_match], candidate).problem(), (412, 1_100_001));
    assert_eq!(patch(&[FRAGMENT, &alice], candidate).problem(), (428, 1_100_001));
    assert_eq!(
        patch(&[FRAGMENT, &alice, "If-Match: *"], "nonsense").problem(),
        (400, 1_100_001)
    );
    assert_eq!(
        patch(&[FRAGMENT, &alice, "If-Match: bare"], candidate).problem(),
        (412, 1_100_001)
    );
    assert_eq!(patch(&[SDP, &alice, "If-Match: *"], candidate).problem(), (415, 1_100_001));
    assert_eq!(patch(&[FRAGMENT, "If-Match: *"], candidate).problem(), (401, 1_102_016));
    let bob = bearer(&server, "bob");
    assert_eq!(patch(&[FRAGMENT, &bob, "If-Match: *"], candidate).problem(), (403, 1_102_016));
    let delete = || request(&server, &format!("DELETE {location}"), &[&alice], "");
    assert_eq!(delete().status, 200);
    assert_eq!(delete().problem(), (404, 1_002_051));
    let counters = get(&server, "/healthz").json();
    assert_eq!(counters["rooms"]["hosted_begun"], 1);
    assert_eq!(counters["rooms"]["hosted"], 0);
    assert_eq!(counters["media"]["ice_restarts"], 1);
    assert_eq!(counters["http"]["bad_whip_requests"], 2);
}

#[test]
fn each_fault_of_a_post_has_its_status() {
    let server = server();
    let alice = bearer(&server, "alice");
    let good = offer("sendonly");
    let long = "x".repeat(64 * 1024 + 1);
    let without_opus = good.replace("opus/48000/2", "opus/44100/2");
    type Case<'a> = (&'a str, &'a [&'a str], &'a str, (u16, i64));
    let cases: [Case<'_>; 14] = [
        ("POST /whip/s?room=r", &[SDP], &good, (401, 1_102_016)),
        (
            "POST /whip/s?room=r",
            &[SDP, "Authorization: Bearer nonsense"],
            &good,
            (401, 1_102_016),
        ),
        (
            "POST /whip/s?room=r",
            &[SDP, "Authorization: Basic YTpi"],
            &good,
            (401, 1_102_016),
        ),
        ("POST /whip/s?room=r&app=99", &[SDP, &alice], &good, (401, 1_001_004)),
        ("POST /whip/s", &[SDP, &alice], &good, (400, 1_002_011)),
        ("POST /whip/s?room=r&app=x", &[SDP, &alice], &good, (400, 1_100_001)),
        ("POST /whip/s?room=a:b", &[SDP, &alice], &good, (400, 1_002_012)),
        ("POST /whip/a:b?room=r", &[SDP, &alice], &good, (400, 1_000_016)),
        ("POST /whip/s?room=r", &[SDP, &alice], "nonsense", (400, 1_103_022)),
        (
            "POST /whip/s?room=r",
            &["Content-Type: application/json", &alice],
            &good,
            (415, 1_100_001),
        ),
        ("POST /whip/s?room=r", &[SDP, &alice], &long, (413, 1_100_001)),
        ("POST /whip/s?room=r", &[SDP, &alice], &without_opus, (422, 1_103_022)),
        ("POST /whep/s?room=r", &[SDP, &alice], &offer("recvonly"), (404, 1_104_039)),
        ("PUT /whip/s?room=r", &[SDP, &alice], &good, (405, 1_100_001)),
    ];
    for (line, headers, body, expected) in cases {
        let answer = request(&server, line, headers, body);
        assert_eq!(answer.problem(), expected, "{line}: {}", answer.body);
        assert_eq!(answer.header("www-authenticate").is_some(), expected.0 == 401, "{line}");
        assert_eq!(answer.header("retry-after").is_some(), expected.0 == 404, "{line}");
        assert_eq!(answer.header("allow").is_some(), expected.0 == 405, "{line}");
    }
    assert_eq!(get(&server, "/healthz").json()["rooms"]["sessions"], 0);
    assert_eq!(publish(&server, "alice", "s").status, 201);
    assert_eq!(publish(&server, "bob", "s").problem(), (409, 1_003_028));
    assert_eq!(request(&server, "GET /whip/s", &[], "").status, 204);
    assert_eq!(request(&server, "GET /whip/resource/x", &[], "").status, 204);
    let gone = request(&server, "DELETE /whep/resource/x", &[&alice], "");
    assert_eq!(gone.problem(), (404, 1_002_051));
}

#[test]
fn connections_and_resources_share_their_limit_and_a_deleted_one_makes_room() {
    let server = server_with(|config| config.limits.connections = 1);
    let first = publish(&server, "alice", "s");
    let full = publish(&server, "bob", "t");
    assert_eq!((full.problem(), full.header("retry-after")), ((503, 1_002_073), Some("5")));
    let line = format!("DELETE {}", first.header("location").unwrap());
    assert_eq!(request(&server, &line, &[&bearer(&server, "alice")], "").status, 200);
    assert_eq!(publish(&server, "bob", "t").status, 201);
}

#[test]
fn a_login_by_websocket_ends_the_resources_of_its_user() {
    let server = server();
    let alice = bearer(&server, "alice");
    let location = publish_with(&server, &alice, "s").header("location").unwrap().to_owned();
    actix_web::rt::System::new().block_on(async {
        let (_client, ok) = Client::login(&server, "alice").await;
        assert_eq!(ok.online_count, 1);
        let gone = request(&server, &format!("DELETE {location}"), &[&alice], "");
        assert_eq!(gone.problem(), (404, 1_002_050));
    });
}

#[test]
fn pages_of_allowed_origins_may_ask_and_read_and_others_are_refused() {
    let server = server_with(|config| config.http.allowed_origins = vec!["https://app.example.com".into()]);
    let asks = [
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: authorization,content-type",
    ];
    let preflight = |path: &str, origin: &str| {
        let origin = format!("Origin: {origin}");
        request(&server, &format!("OPTIONS {path}"), &[&origin, asks[0], asks[1]], "")
    };
    let welcome = preflight("/whip/s", "https://app.example.com");
    assert_eq!(welcome.status, 200);
    for (name, value) in [
        ("access-control-allow-origin", "https://app.example.com"),
        ("access-control-allow-methods", "post, options"),
        ("access-control-allow-headers", "authorization, content-type, if-match"),
        ("access-control-expose-headers", "location, etag, link, retry-after"),
        ("accept-post", "application/sdp"),
        ("vary", "origin"),
    ] {
        assert_eq!(welcome.header(name), Some(value), "{name}");
    }
    let of_resource = preflight("/whip/resource/x", "https://app.example.com");
    assert_eq!(
        of_resource.header("access-control-allow-methods"),
        Some("patch, delete, options")
    );
    assert_eq!(of_resource.header("accept-patch"), Some("application/trickle-ice-sdpfrag"));
    let foreign = preflight("/whep/s", "https://evil.example");
    assert_eq!(foreign.problem(), (403, 1_100_001));
    assert_eq!(foreign.header("access-control-allow-origin"), None);
    let alice = bearer(&server, "alice");
    let post = |origin: &str| {
        let origin = format!("Origin: {origin}");
        request(&server, "POST /whip/s?room=r", &[SDP, &alice, &origin], &offer("sendonly"))
    };
    assert_eq!(post("https://evil.example").status, 403);
    let answer = post("https://app.example.com");
    assert_eq!(
        (answer.status, answer.header("access-control-allow-origin")),
        (201, Some("https://app.example.com"))
    );
    // A refusal can be read, too.
    let refusal = request(&server, "POST /whip/s", &["Origin: https://app.example.com"], "");
    assert_eq!(
        (refusal.status, refusal.header("access-control-allow-origin")),
        (401, Some("https://app.example.com"))
    );
}

#[test]
fn ice_servers_stand_in_links_for_who_has_a_token_and_for_nobody_else() {
    let server = server_with(|config| {
        config.ice.servers = vec![IceServerConfig {
            urls: vec!["turn:turn.example.com:3478?transport=tcp".into()],
            username: None,
            credential: None,
            secret: Some(Hidden::new("north")),
        }];
    });
    let alice = bearer(&server, "alice");
    let posted = publish_with(&server, &alice, "s");
    let link = posted.header("link").unwrap();
    assert!(link.starts_with("<turn:turn.example.com:3478?transport=tcp>; rel=\"ice-server\"; username=\""));
    assert!(
        link.contains(":alice\"; credential=\"") && link.ends_with("; credential-type=\"password\""),
        "{link}"
    );
    let options = |headers: &[&str]| request(&server, "OPTIONS /whep/s?room=r", headers, "");
    let asked = options(&[&alice]);
    assert_eq!((asked.status, asked.header("accept-post")), (200, Some("application/sdp")));
    assert!(asked.header("link").unwrap().contains(":alice\""));
    let stranger = options(&[]);
    assert_eq!((stranger.status, stranger.header("link")), (200, None));
    let preflight = options(&["Origin: https://evil.example", "Access-Control-Request-Method: POST"]);
    assert_eq!((preflight.status, preflight.header("link")), (403, None));
    assert_eq!(options(&["Authorization: Bearer nonsense"]).problem(), (401, 1_102_016));
}
