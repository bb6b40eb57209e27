//! Development tokens: for whom, and for nobody else.

use std::net::SocketAddr;

use express_signalling::protocol::{Logout, RenewToken};

use super::client::{Answer, Client, login, raw, server, server_with};
use crate::config::AppConfig;

const POST: &str = "POST /v1/dev-token HTTP/1.1";
const JSON: &str = "Content-Type: application/json";

fn ask(address: SocketAddr, body: &str) -> Answer {
    raw(address, &[POST, JSON, &format!("Host: localhost:{}", address.port())], body)
}

#[tokio::test]
async fn a_development_token_opens_the_door() {
    let server = server();
    let answer = ask(server.http_addr(), r#"{"user_id":"alice"}"#);
    assert_eq!((answer.status, answer.json()["app_id"].as_u64()), (200, Some(1)));
    assert!(answer.head.contains("cache-control: no-store"));
    let mut client = Client::open(&server).await;
    let mut request = login(&server, "alice");
    request.token = answer.json()["token"].as_str().unwrap().to_owned();
    let ok = client.ask(request).await.unwrap();
    assert!(
        (86_390_000..=86_400_000).contains(&ok.token_expires_in_ms),
        "{}",
        ok.token_expires_in_ms
    );
    client.ask(Logout {}).await.unwrap();
}

#[tokio::test]
async fn a_development_token_may_be_for_one_room_and_a_short_time() {
    let server = server();
    let answer = ask(server.http_addr(), r#"{"user_id":"alice","room_id":"other","ttl":60}"#);
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let (mut client, _) = Client::login(&server, "alice").await;
    assert_eq!(
        client.ask(RenewToken { token: token.clone() }).await.unwrap_err().code,
        1102016
    );
    let mut request = login(&server, "alice");
    request.room_id = express_messages::ids::RoomId::new("other").unwrap();
    request.token = token;
    let ok = Client::open(&server).await.ask(request).await.unwrap();
    assert!(ok.token_expires_in_ms <= 60_000);
}

#[test]
fn what_is_asked_for_must_be_sensible() {
    let server = server();
    let long = format!(r#"{{"user_id":"alice","room_id":"{}"}}"#, "r".repeat(5_000));
    let table = [
        "",
        "[]",
        "{}",
        r#"{"user_id":""}"#,
        r#"{"user_id":"a/b"}"#,
        r#"{"user_id":"alice","room_id":"a b"}"#,
        r#"{"user_id":"alice","ttl":0}"#,
        r#"{"user_id":"alice","ttl":86401}"#,
        r#"{"user_id":"alice","app_id":2}"#,
        long.as_str(),
    ];
    for body in table {
        let answer = ask(server.http_addr(), body);
        assert_eq!(answer.status, 400, "{body}");
        assert!(!answer.json()["error"].as_str().unwrap().is_empty(), "{body}");
    }
}

#[test]
fn for_everybody_else_there_is_no_such_thing() {
    let server = server();
    let address = server.http_addr();
    let body = r#"{"user_id":"alice"}"#;
    let local = format!("Host: 127.0.0.1:{}", address.port());
    assert_eq!(raw(address, &[POST, JSON, &local], body).status, 200);
    let table: [(&str, Vec<&str>); 10] = [
        ("by GET", vec!["GET /v1/dev-token HTTP/1.1", JSON, &local]),
        ("under another name", vec![POST, JSON, "Host: rebound.example"]),
        (
            "under a name that begins like ours",
            vec![POST, JSON, "Host: localhost.example"],
        ),
        ("without a name", vec![POST, JSON]),
        (
            "through a proxy (Forwarded)",
            vec![POST, JSON, &local, "Forwarded: for=192.0.2.1"],
        ),
        (
            "through a proxy (X-Forwarded-For)",
            vec![POST, JSON, &local, "X-Forwarded-For: 192.0.2.1"],
        ),
        (
            "through a proxy (X-Forwarded-Proto)",
            vec![POST, JSON, &local, "X-Forwarded-Proto: https"],
        ),
        (
            "from a foreign page",
            vec![POST, JSON, &local, "Origin: https://evil.example"],
        ),
        ("as a form", vec![POST, "Content-Type: text/plain", &local]),
        ("without a type", vec![POST, &local]),
    ];
    for (what, head) in table {
        let answer = raw(address, &head, body);
        assert!(
            answer.status == 404 || (what == "without a name" && answer.status == 400),
            "{what}: {answer:?}"
        );
        assert!(!answer.body.contains("04A"), "{what}");
    }
}

#[test]
fn a_configured_server_gives_no_development_tokens() {
    let secret = express_token::Secret::random().unwrap();
    let server = server_with(|config| config.apps = vec![AppConfig::new(1, secret)]);
    assert_eq!(ask(server.http_addr(), r#"{"user_id":"alice"}"#).status, 404);
    assert!(server.made_up_app().is_none());
}

#[test]
fn a_server_that_listens_for_all_gives_no_development_tokens() {
    let server = server_with(|config| config.http.listen = "0.0.0.0:0".parse().unwrap());
    let local = SocketAddr::from(([127, 0, 0, 1], server.http_addr().port()));
    assert_eq!(ask(local, r#"{"user_id":"alice"}"#).status, 404);
    assert!(server.made_up_app().is_some());
}
