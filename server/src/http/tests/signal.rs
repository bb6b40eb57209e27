//! The WebSocket: what passes, what is refused, how it ends.

use std::time::{Duration, Instant};

use express_messages::ids::StreamId;
use express_signalling::protocol::*;
use futures::SinkExt;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::client::{Client, get, login, raw, server, server_with};
use crate::config::AppConfig;

const UPGRADE: [&str; 5] = [
    "GET /v1/signal HTTP/1.1",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==",
    // `raw` adds a Connection header; the handshake takes the list of both.
    "Connection: Upgrade",
];

#[tokio::test]
async fn two_users_meet_over_real_sockets() {
    let server = server();
    let (mut alice, first) = Client::login(&server, "alice").await;
    let (mut bob, second) = Client::login(&server, "bob").await;
    assert_eq!(first.room_session_id, second.room_session_id);
    assert_eq!(second.snapshot.users[0].user_id.as_str(), "alice");
    assert!(matches!(alice.frame().await, ServerFrame::Event(event) if event.seq == 1));
    assert_eq!(bob.ask(Heartbeat {}).await.unwrap().online_count, 2);
    let nonsense = Publish {
        stream_id: StreamId::new("s").unwrap(),
        offer: "v=0".into(),
        extra_info: String::new(),
        muted: false,
    };
    assert_eq!(bob.ask(nonsense).await.unwrap_err().code, 1103022);
    assert_eq!(bob.ask(Logout {}).await.unwrap(), Done {});
    assert_eq!(bob.closed().await.unwrap(), 1000);
    bob.ended().await;
    assert!(matches!(alice.frame().await, ServerFrame::Event(event) if event.seq == 2));
}

#[tokio::test]
async fn a_broadcast_and_a_barrage_message_reach_the_other_and_are_counted() {
    let server = server();
    let (mut alice, _) = Client::login(&server, "alice").await;
    let (mut bob, _) = Client::login(&server, "bob").await;
    let message = "<b>\u{e9}\n\"hi\"</b>".to_owned();
    let broadcast = SendBroadcastMessage {
        message: message.clone(),
    };
    let sent = bob.ask(broadcast).await.unwrap();
    let barrage = SendBarrageMessage {
        message: message.clone(),
    };
    let lightly_sent = bob.ask(barrage).await.unwrap();
    assert!(matches!(alice.frame().await, ServerFrame::Event(event) if event.seq == 1));
    let ServerFrame::Event(SequencedEvent {
        seq: 2,
        event: Event::BroadcastMessage(heard),
    }) = alice.frame().await
    else {
        panic!("no broadcast came");
    };
    let heard = &heard.messages[0];
    assert_eq!((heard.message_id, &heard.message), (sent.message_id, &message));
    assert_eq!(heard.from_user.user_id.as_str(), "bob");
    let ServerFrame::Notice(Notice::BarrageMessage(heard)) = alice.frame().await else {
        panic!("no barrage message came");
    };
    let heard = &heard.messages[0];
    assert_eq!((&heard.message_id, &heard.message), (&lightly_sent.message_id, &message));
    let rooms = &get(&server, "/healthz").json()["rooms"];
    for counter in ["broadcasts", "barrage_messages", "notices"] {
        assert_eq!(rooms[counter], 1, "{counter}");
    }
    assert_eq!(rooms["notices_dropped"], 0);
}

#[tokio::test]
async fn a_dropped_socket_resumes_where_it_was() {
    let server = server();
    let (alice, ok) = Client::login(&server, "alice").await;
    drop(alice);
    Client::login(&server, "bob").await;
    let mut back = Client::open(&server).await;
    let resume = Resume {
        versions: vec![VERSION],
        session: ok.session,
        secret: ok.secret,
        last_seq: 0,
    };
    let missed = back.ask(resume).await.unwrap().missed.unwrap();
    assert_eq!(missed[0].seq, 1);
}

#[tokio::test]
async fn bad_requests_are_refused_under_their_id_and_the_session_goes_on() {
    let server = server();
    let (mut alice, _) = Client::login(&server, "alice").await;
    let table = [
        (r#"{"id":7,"type":"fly"}"#, "unknown variant"),
        (r#"{"id":7}"#, "missing field"),
        (r#"{"id":7,"type":"heartbeat","x":1}"#, "unknown field"),
        (r#"{"id":7,"type":"stopPlay","stream_id":"a/b"}"#, "1000016"),
        (r#"{"id":7,"type":"stopPlay","stream_id":5}"#, "invalid type"),
    ];
    for (text, problem) in table {
        alice.send_text(text).await;
        let ServerFrame::Error { id, error } = alice.frame().await else {
            panic!("{text} was not refused");
        };
        assert_eq!((id, error.code, error.retry), (7, 1100001, None));
        assert!(error.message.contains(problem), "{text}: {}", error.message);
    }
    let long = format!(r#"{{"id":7,"type":"heartbeat","{}":1}}"#, "x".repeat(9_000));
    alice.send_text(&long).await;
    let ServerFrame::Error { error, .. } = alice.frame().await else {
        panic!("a field of 9,000 characters was not refused");
    };
    assert!(
        error.message.len() <= 300,
        "an error does not echo what a stranger wrote at length"
    );
    assert!(alice.ask(Heartbeat {}).await.is_ok());
}

#[tokio::test]
async fn frames_that_no_client_may_send_close_the_socket_and_leave_the_session() {
    let fragment = |size| Message::Frame(Frame::message(vec![b'x'; size], OpCode::Data(Data::Text), false));
    let last = |size| Message::Frame(Frame::message(vec![b'x'; size], OpCode::Data(Data::Continue), true));
    let table: Vec<(&str, Vec<Message>, u16)> = vec![
        ("no JSON", vec![Message::text("hello")], 1007),
        ("no object", vec![Message::text("[1]")], 1007),
        ("no id", vec![Message::text(r#"{"type":"heartbeat"}"#)], 1007),
        ("deep nesting", vec![Message::text("[".repeat(60_000))], 1007),
        ("binary", vec![Message::binary(vec![1, 2, 3])], 1003),
        (
            "a frame of 64 KiB and a byte",
            vec![Message::text("x".repeat(MAX_CLIENT_FRAME + 1))],
            1009,
        ),
        ("fragments of more than 64 KiB", vec![fragment(40_000), last(40_000)], 1009),
        (
            "text that is not UTF-8",
            vec![Message::Frame(Frame::message(vec![0xff], OpCode::Data(Data::Text), true))],
            1007,
        ),
        (
            "a reserved opcode",
            vec![Message::Frame(Frame::message(vec![1], OpCode::Data(Data::Reserved(5)), true))],
            1002,
        ),
    ];
    let server = server();
    let (_watcher, _) = Client::login(&server, "watcher").await;
    for (what, messages, code) in table {
        let (mut alice, ok) = Client::login(&server, "alice").await;
        for message in messages {
            // The server may have closed it before the last one.
            let _ = alice.socket.send(message).await;
        }
        assert_eq!(alice.closed().await.map_err(|error| error.to_string()), Ok(code), "{what}");
        let mut back = Client::open(&server).await;
        let resume = Resume {
            versions: vec![VERSION],
            session: ok.session,
            secret: ok.secret,
            last_seq: ok.snapshot.seq,
        };
        assert!(back.ask(resume).await.is_ok(), "{what}");
        back.ask(Logout {}).await.unwrap();
    }
    assert_eq!(server.apps().len(), 1);
}

#[tokio::test]
async fn a_frame_beyond_all_measure_ends_the_connection_and_nothing_else() {
    let server = server();
    let (mut alice, _) = Client::login(&server, "alice").await;
    let (mut bob, _) = Client::login(&server, "bob").await;
    // Whether the close frame gets through depends on how much the system has still to send.
    let _ = alice.socket.send(Message::text("x".repeat(50_000_000))).await;
    while let Some(Ok(_)) = futures::StreamExt::next(&mut alice.socket).await {}
    assert!(bob.ask(Heartbeat {}).await.is_ok());
    assert_eq!(get(&server, "/healthz").json()["http"]["bad_frames"], 1);
}

#[tokio::test]
async fn the_largest_frame_and_fragments_of_a_frame_pass() {
    let server = server();
    let (mut alice, _) = Client::login(&server, "alice").await;
    let mut text = r#"{"id":5,"type":"heartbeat"}"#.to_owned();
    text += &" ".repeat(MAX_CLIENT_FRAME - text.len());
    alice.send_text(&text).await;
    assert!(matches!(alice.frame().await, ServerFrame::Ok { id: 5, .. }));
    let (first, rest) = text.trim_end().split_at(9);
    let first = Frame::message(first.to_owned(), OpCode::Data(Data::Text), false);
    let rest = Frame::message(rest.to_owned(), OpCode::Data(Data::Continue), true);
    alice.socket.send(Message::Frame(first)).await.unwrap();
    alice.socket.send(Message::Frame(rest)).await.unwrap();
    assert!(matches!(alice.frame().await, ServerFrame::Ok { id: 5, .. }));
}

#[tokio::test]
async fn a_ping_is_answered() {
    let server = server();
    let mut client = Client::open(&server).await;
    client.socket.send(Message::Ping("hello".into())).await.unwrap();
    loop {
        match futures::StreamExt::next(&mut client.socket).await.unwrap().unwrap() {
            Message::Pong(payload) => break assert_eq!(&payload[..], b"hello"),
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_socket_that_does_not_answer_pings_is_given_up_and_the_session_stays() {
    let server = server_with(|config| {
        config.timings.ping_s = 1;
        config.timings.pong_timeout_s = 2;
    });
    // It logs in and then reads nothing, so that its library answers no ping.
    let (mut alice, ok) = Client::login(&server, "alice").await;
    let MaybePlain::Plain(stream) = alice.socket.get_mut() else {
        panic!("no TLS here");
    };
    let mut end = [0; 64];
    // What comes are the pings, then the end of the connection.
    let started = Instant::now();
    while tokio::io::AsyncReadExt::read(stream, &mut end).await.unwrap_or(0) > 0 {}
    assert!(started.elapsed() >= Duration::from_secs(1));
    let mut back = Client::open(&server).await;
    let resume = Resume {
        versions: vec![VERSION],
        session: ok.session,
        secret: ok.secret,
        last_seq: 0,
    };
    assert!(back.ask(resume).await.is_ok());
    assert_eq!(get(&server, "/healthz").json()["http"]["dead_sockets"], 1);
}

#[tokio::test]
async fn a_socket_whose_client_vanished_is_given_up_although_its_end_never_comes() {
    let server = server_with(|config| {
        config.timings.ping_s = 1;
        config.timings.pong_timeout_s = 2;
    });
    // It neither answers pings nor closes when the server does, as behind a cable that was pulled.
    let _alice = Client::login(&server, "alice").await;
    let started = Instant::now();
    while get(&server, "/healthz").json()["http"]["dead_sockets"] != 1 {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "the server holds on to a dead socket"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(get(&server, "/healthz").json()["rooms"]["sessions"], 1);
}

type MaybePlain = tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>;

#[test]
fn only_welcome_pages_open_a_socket() {
    let server = server_with(|config| config.http.allowed_origins = vec!["https://app.example.com".into()]);
    let address = server.http_addr();
    let (host, own) = (format!("Host: {address}"), format!("Origin: http://{address}"));
    let table = [
        (vec![], 101),
        (vec![own.as_str()], 101),
        (vec!["Origin: https://app.example.com"], 101),
        (vec!["Origin: https://evil.example"], 403),
        (vec!["Origin: null"], 403),
    ];
    for (headers, status) in table {
        let head: Vec<&str> = UPGRADE
            .iter()
            .copied()
            .chain([host.as_str()])
            .chain(headers.iter().copied())
            .collect();
        assert_eq!(handshake(address, &head), status, "{headers:?}");
    }
    assert_eq!(get(&server, "/healthz").json()["http"]["foreign_origins"], 2);
}

/// The status of a handshake, whose connection would not end by itself.
fn handshake(address: std::net::SocketAddr, head: &[&str]) -> u16 {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.write_all((head.join("\r\n") + "\r\n\r\n").as_bytes()).unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).unwrap();
    std::str::from_utf8(&start[9..]).unwrap().parse().unwrap()
}

#[test]
fn a_request_that_is_no_handshake_is_refused() {
    let server = server();
    let host = format!("Host: {}", server.http_addr());
    assert_eq!(raw(server.http_addr(), &["GET /v1/signal HTTP/1.1", &host], "").status, 400);
    assert_eq!(raw(server.http_addr(), &["POST /v1/signal HTTP/1.1", &host], "").status, 404);
}

#[test]
fn there_are_only_so_many_sockets() {
    let server = server_with(|config| config.limits.connections = 1);
    let address = server.http_addr();
    let host = format!("Host: {address}");
    let head: Vec<&str> = UPGRADE.iter().copied().chain([host.as_str()]).collect();
    let _first = std::net::TcpStream::connect(address).map(|mut stream| {
        std::io::Write::write_all(&mut stream, (head.join("\r\n") + "\r\n\r\n").as_bytes()).unwrap();
        let mut start = [0; 12];
        std::io::Read::read_exact(&mut stream, &mut start).unwrap();
        assert_eq!(&start[9..], b"101");
        stream
    });
    assert_eq!(handshake(address, &head), 503);
}

#[tokio::test]
async fn a_stop_sends_everybody_away_and_ends_soon() {
    let server = server();
    let address = server.http_addr();
    let (mut alice, _) = Client::login(&server, "alice").await;
    let mut idle = Client::open(&server).await;
    let ended = server.ended();
    let started = Instant::now();
    let stopping = std::thread::spawn(move || server.stop());
    assert_eq!(alice.closed().await.unwrap(), 1012);
    assert_eq!(idle.closed().await.unwrap(), 1012);
    alice.ended().await;
    idle.ended().await;
    tokio::task::spawn_blocking(move || stopping.join().unwrap()).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(20));
    assert!(ended.recv().is_err());
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[tokio::test]
async fn a_client_that_does_not_go_cannot_hold_up_a_stop() {
    let server = server_with(|config| config.timings.drain_s = Some(1));
    // It never reads the close frame, and never answers it.
    let (_alice, _) = Client::login(&server, "alice").await;
    let started = Instant::now();
    tokio::task::spawn_blocking(move || server.stop()).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[tokio::test]
async fn two_servers_in_one_process_do_not_know_each_other() {
    let (one, two) = (server(), server());
    let (_alice, _) = Client::login(&one, "alice").await;
    let (_bob, ok) = Client::login(&two, "bob").await;
    assert_eq!(ok.online_count, 1);
    let mut stranger = Client::open(&two).await;
    let foreign = login(&one, "carol");
    assert_eq!(stranger.ask(foreign).await.unwrap_err().code, 1102016);
}

#[tokio::test]
async fn a_configured_app_id_is_served_and_no_other() {
    let secret = express_token::Secret::random().unwrap();
    let server = server_with(|config| config.apps = vec![AppConfig::new(77, secret)]);
    let (_alice, ok) = Client::login(&server, "alice").await;
    assert_eq!(ok.online_count, 1);
    let mut client = Client::open(&server).await;
    let mut other = login(&server, "bob");
    other.app_id = 1;
    assert_eq!(client.ask(other).await.unwrap_err().code, 1001004);
}

#[test]
fn an_address_in_use_is_named() {
    let server = server();
    let mut config = crate::config::ServerConfig::embedded();
    config.http.listen = server.http_addr();
    config.media.udp.set_port(0);
    let error = crate::start(config).unwrap_err().to_string();
    assert!(error.contains(&server.http_addr().to_string()), "{error}");
    let mut config = crate::config::ServerConfig::embedded();
    config.http.listen.set_port(0);
    config.media.udp = server.media_addr();
    let error = crate::start(config).unwrap_err().to_string();
    assert!(error.contains(&server.media_addr().to_string()), "{error}");
}
