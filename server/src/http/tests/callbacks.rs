//! A business server over real sockets: what it is told of a call, and what it cannot do to the server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde_json::Value;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, frame::coding::CloseCode};

use super::api::code;
use super::caller::join;
use super::client::*;
use crate::RunningServer;
use crate::config::{AppConfig, CallbackUrl, Hidden};

const APP_SECRET: &str = "0123456789abcdef0123456789abcdef";
const SECRET: &str = "north";
/// What must come comes within this; on an idle machine within a few milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);
const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// A request as it came: its head, and its body.
type Request = (String, Value);

/// A business server that answers everything in one way; without an answer it keeps everybody waiting.
struct Business {
    address: SocketAddr,
    seen: Receiver<Request>,
}

impl Business {
    fn start(answer: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, seen) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (tell, answer) = (tell.clone(), answer.clone());
                std::thread::spawn(move || talk_to(stream.unwrap(), &tell, answer.as_deref()));
            }
        });
        Self { address, seen }
    }

    fn next(&self) -> Request {
        self.seen.recv_timeout(PATIENCE).expect("the business server is told nothing")
    }

    /// The next event: its name, and a field of it.
    fn event(&self, field: &str) -> (String, String) {
        let (_, body) = self.next();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (text(&body["event"]), text(&body[field]))
    }
}

/// Reads one request behind the other, until the connection ends.
fn talk_to(stream: TcpStream, tell: &Sender<Request>, answer: Option<&str>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let head = head.to_ascii_lowercase();
        let length = head.split_once("content-length: ").unwrap().1;
        let mut body = vec![0; length.split("\r\n").next().unwrap().parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        let _ = tell.send((head, serde_json::from_slice(&body).unwrap()));
        if let Some(answer) = answer {
            (&stream).write_all(answer.as_bytes()).unwrap();
        }
    }
}

/// A server whose only AppID tells a business server at this address.
fn telling(address: SocketAddr) -> RunningServer {
    server_with(|config| {
        config.api.listen = Some("127.0.0.1:0".parse().unwrap());
        config.media.udp = "127.0.0.1:0".parse().unwrap();
        config.media.shards = 1;
        config.timings.drain_s = Some(0);
        config.apps = vec![AppConfig {
            callback_url: Some(CallbackUrl::try_from(format!("http://{address}/hook?key=k")).unwrap()),
            callback_secret: Some(Hidden::new(SECRET)),
            ..AppConfig::new(9, express_token::Secret::new(APP_SECRET).unwrap())
        }];
    })
}

fn counts(server: &RunningServer) -> Value {
    get(server, "/healthz").json()["callbacks"].clone()
}

fn is_signed(body: &Value) -> bool {
    let timestamp = body["timestamp"]
        .as_str()
        .map_or_else(|| body["timestamp"].to_string(), str::to_owned);
    let mut parts = [SECRET, &timestamp, body["nonce"].as_str().unwrap()];
    parts.sort_unstable();
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, parts.concat().as_bytes());
    let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    body["signature"] == hash
}

#[actix_web::test]
async fn a_business_server_is_told_of_login_stream_kick_and_logout_in_order_and_signed() {
    let business = Business::start(Some(GOOD.into()));
    let server = telling(business.address);
    let (mut alice, ok) = Client::login(&server, "alice").await;
    let (head, created) = business.next();
    assert!(head.starts_with("post /hook?key=k http/1.1\r\n"), "{head}");
    assert!(head.contains("content-type: application/json\r\n"), "{head}");
    assert!(is_signed(&created) && created["appid"] == 9, "{created}");
    assert_eq!(
        (&created["event"], &created["id_name"]),
        (&"room_create".into(), &"alice".into())
    );
    assert_eq!(created["room_session_id"], ok.room_session_id);
    let (_, login) = business.next();
    assert!(is_signed(&login) && login["event"] == "room_login", "{login}");
    assert_eq!(login["room_seq"], ok.room_session_id.to_string());
    assert_ne!(login["nonce"], created["nonce"]);
    let _carol = join(&server, "carol", "whip");
    assert_eq!(business.event("user_account"), ("room_login".into(), "carol".into()));
    assert_eq!(business.event("publish_id"), ("stream_create".into(), "carol".into()));
    assert_eq!(code(&server, "KickoutUser", "RoomId=r&UserId[]=carol"), 0);
    assert_eq!(business.event("type"), ("stream_close".into(), "3".into()));
    assert_eq!(business.event("reason"), ("room_logout".into(), "3".into()));
    let left = CloseFrame {
        code: CloseCode::Away,
        reason: "".into(),
    };
    alice.socket.close(Some(left)).await.unwrap();
    assert_eq!(business.event("reason"), ("room_logout".into(), "0".into()));
    assert_eq!(business.event("close_reason"), ("room_close".into(), "0".into()));
    server.stop();
    assert!(business.seen.try_recv().is_err(), "nothing is told twice");
}

#[actix_web::test]
async fn a_redirect_is_not_followed_but_counts_as_a_failure_and_a_stop_tries_once_more() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let target = elsewhere.local_addr().unwrap();
    let answer = format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{target}/\r\nContent-Length: 0\r\n\r\n");
    let business = Business::start(Some(answer));
    let server = telling(business.address);
    let (_alice, _) = Client::login(&server, "alice").await;
    assert_eq!(business.event("id_name").0, "room_create");
    while counts(&server)["failed"] == 0 {
        std::thread::yield_now();
    }
    assert_eq!(
        (counts(&server)["waiting"].as_u64(), counts(&server)["lost"].as_u64()),
        (Some(2), Some(0))
    );
    server.stop();
    assert_eq!(business.event("id_name").0, "room_create");
    assert_eq!(business.event("user_account").0, "room_login");
    assert!(elsewhere.accept().is_err(), "nobody came to where the redirect points");
}

#[actix_web::test]
async fn a_business_server_that_never_answers_delays_no_login_and_no_stop() {
    let business = Business::start(None);
    let server = telling(business.address);
    for number in 0..20 {
        let (_, ok) = Client::login(&server, &format!("user{number}")).await;
        assert!(ok.online_count >= 1);
    }
    assert_eq!(business.event("id_name").0, "room_create");
    let counts = counts(&server);
    assert_eq!((counts["delivered"].as_u64(), counts["lost"].as_u64()), (Some(0), Some(0)));
    assert!(counts["waiting"].as_u64() >= Some(21), "{counts}");
    let begun = std::time::Instant::now();
    server.stop();
    // A call that waits for its answer would last 10 s.
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert!(business.seen.try_recv().is_err(), "a room's events go one behind the other");
}
