//! The real connector against real sockets on loopback. Nothing here waits for a time, only for what must happen.

use std::{
    future::Future,
    io::{Read, Write},
    net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream},
    sync::Arc,
    thread,
    time::Duration,
};

use express_messages::{
    room::{Logout, RoomEvent, RoomFactory, RoomPeers},
    testkit::Recorder,
};
use futures::{SinkExt, StreamExt};
use rustls::{ServerConfig, ServerConnection, StreamOwned, crypto::aws_lc_rs, pki_types::PrivateKeyDer};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Handle,
};
use tokio_tungstenite::{
    WebSocketStream, accept_async,
    tungstenite::{
        Message, accept,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

use super::{
    super::{
        Authorities, Signalling, WebSocketConnector,
        link::{Connector, Incoming, Link, LinkError, Outgoing, signal_url},
        tls_config,
    },
    words::{login_ok, options, snapshot, text},
};
use crate::protocol::{ClientFrame, Done, MAX_SERVER_FRAME, Request, ServerFrame};

/// Far longer than anything here takes; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(30);

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("nothing happened")
}

struct Pair {
    client: Link,
    server: WebSocketStream<TcpStream>,
}

/// A link and the server's side of it, open.
async fn pair() -> Pair {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = connect(listener.local_addr().unwrap());
    let (socket, _) = in_time(listener.accept()).await.unwrap();
    let server = in_time(accept_async(socket)).await.unwrap();
    assert_eq!(next(&mut client).await, Incoming::Opened);
    Pair { client, server }
}

fn connect(server: SocketAddr) -> Link {
    let url = signal_url(&format!("ws://{server}")).unwrap();
    WebSocketConnector::new(Handle::current()).connect(&url)
}

async fn next(link: &mut Link) -> Incoming {
    in_time(link.incoming.recv()).await.expect("a link ends with Closed")
}

async fn close_reason(link: &mut Link) -> LinkError {
    match next(link).await {
        Incoming::Closed(why) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn frames_go_both_ways_and_a_ping_is_answered_with_a_sign_of_life() {
    let Pair { mut client, mut server } = pair().await;
    client.outgoing.send(Outgoing::Text("hello".into())).await.unwrap();
    assert_eq!(in_time(server.next()).await.unwrap().unwrap(), Message::text("hello"));
    server.send(Message::text("welcome")).await.unwrap();
    assert_eq!(next(&mut client).await, Incoming::Text("welcome".into()));
    client.outgoing.send(Outgoing::Ping).await.unwrap();
    let answering = async { while let Some(Ok(_)) = server.next().await {} };
    tokio::select! {
        alive = next(&mut client) => assert_eq!(alive, Incoming::Alive),
        () = answering => panic!("the socket closed"),
    }
}

#[tokio::test]
async fn a_link_that_is_hung_up_still_writes_what_waits_and_says_goodbye() {
    let Pair { client, mut server } = pair().await;
    for n in 0..50 {
        client.outgoing.try_send(Outgoing::Text(format!("frame {n}"))).unwrap();
    }
    drop(client);
    for n in 0..50 {
        assert_eq!(
            in_time(server.next()).await.unwrap().unwrap(),
            Message::text(format!("frame {n}"))
        );
    }
    let goodbye = in_time(server.next()).await.unwrap().unwrap();
    assert!(matches!(goodbye, Message::Close(Some(frame)) if frame.code == CloseCode::Normal));
}

#[tokio::test]
async fn a_link_that_is_hung_up_is_gone_within_its_linger_even_if_the_server_is_stuck() {
    let Pair { client, mut server } = pair().await;
    drop(client);
    // The server never answers the goodbye; the client closes the TCP connection all the same.
    assert!(in_time(server.next()).await.unwrap().unwrap().is_close());
    let mut byte = [0];
    let tcp = server.get_ref();
    in_time(async {
        loop {
            tcp.readable().await.unwrap();
            match tcp.try_read(&mut byte) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_servers_close_code_and_reason_are_reported() {
    for (sent, code, reason) in [
        (Some((CloseCode::Restart, "the server restarts")), 1012, "the server restarts"),
        (None, 1005, ""),
    ] {
        let Pair { mut client, mut server } = pair().await;
        let frame = sent.map(|(code, reason)| CloseFrame {
            code,
            reason: reason.into(),
        });
        server.close(frame).await.unwrap();
        let reason = reason.to_owned();
        assert_eq!(close_reason(&mut client).await, LinkError::Closed { code, reason });
    }
}

#[tokio::test]
async fn a_socket_that_breaks_is_reported() {
    let Pair { mut client, server } = pair().await;
    drop(server);
    let why = close_reason(&mut client).await;
    assert!(matches!(why, LinkError::Broken(_) | LinkError::Protocol(_)), "{why}");
}

#[tokio::test]
async fn a_frame_that_is_too_large_or_binary_ends_the_link() {
    for frame in [
        Message::text("x".repeat(MAX_SERVER_FRAME + 1)),
        Message::binary(vec![1, 2, 3]),
    ] {
        let Pair { mut client, server } = pair().await;
        let sending = tokio::spawn(async move {
            let mut server = server;
            // Sending fails when the client has hung up already.
            let _ = server.send(frame).await;
            server
        });
        let why = close_reason(&mut client).await;
        assert!(matches!(why, LinkError::Protocol(_)), "{why}");
        drop(client);
        in_time(sending).await.unwrap();
    }
}

#[tokio::test]
async fn a_frame_of_the_largest_size_passes() {
    let Pair { mut client, server } = pair().await;
    let sending = tokio::spawn(async move {
        let mut server = server;
        server.send(Message::text("x".repeat(MAX_SERVER_FRAME))).await.unwrap();
        server
    });
    assert!(matches!(next(&mut client).await, Incoming::Text(text) if text.len() == MAX_SERVER_FRAME));
    in_time(sending).await.unwrap();
}

#[tokio::test]
async fn a_reader_that_does_not_read_slows_the_server_down_and_loses_nothing() {
    let Pair { mut client, server } = pair().await;
    let sending = tokio::spawn(async move {
        let mut server = server;
        for n in 0..500 {
            server.send(Message::text(format!("{n}"))).await.unwrap();
        }
        server
    });
    for n in 0..500 {
        assert_eq!(next(&mut client).await, Incoming::Text(n.to_string()));
    }
    in_time(sending).await.unwrap();
}

#[tokio::test]
async fn nobody_listening_is_a_clear_error() {
    let free = StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let why = close_reason(&mut connect(free)).await;
    assert!(
        matches!(&why, LinkError::Connect { server, .. } if *server == free.to_string()),
        "{why}"
    );
    assert!(why.to_string().starts_with(&format!("cannot connect to {free}: ")), "{why}");
}

/// A server that answers the first bytes it gets with `answer`.
fn answering(answer: &'static [u8]) -> SocketAddr {
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let _ = socket.read(&mut [0; 4096]);
        let _ = socket.write_all(answer);
    });
    addr
}

#[tokio::test]
async fn an_http_status_instead_of_a_websocket_is_reported() {
    let server = answering(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
    let why = close_reason(&mut connect(server)).await;
    let server = server.to_string();
    assert_eq!(why, LinkError::Http { server, status: 503 });
}

#[tokio::test]
async fn a_server_that_speaks_no_http_is_a_failed_handshake() {
    let why = close_reason(&mut connect(answering(b"220 smtp ready\r\n"))).await;
    assert!(matches!(why, LinkError::Handshake { .. }), "{why}");
}

#[tokio::test]
async fn an_attempt_that_is_given_up_closes_its_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = connect(listener.local_addr().unwrap());
    let (socket, _) = in_time(listener.accept()).await.unwrap();
    drop(client);
    let mut bytes = Vec::new();
    let mut socket = socket;
    in_time(tokio::io::AsyncReadExt::read_to_end(&mut socket, &mut bytes))
        .await
        .unwrap();
}

/// A WebSocket server behind TLS with a certificate for `localhost` of an authority whose own certificate is given as PEM.
fn tls_server() -> (SocketAddr, String) {
    let (authority_key, server_key) = (rcgen::KeyPair::generate().unwrap(), rcgen::KeyPair::generate().unwrap());
    let mut authority = rcgen::CertificateParams::new(vec![]).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let server = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
    let server = server.signed_by(&server_key, &issuer).unwrap();
    let key = PrivateKeyDer::try_from(server_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![server.der().clone()], key)
        .unwrap();
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || serve_tls(&listener, Arc::new(config)));
    (addr, authority_pem)
}

/// Echoes one frame.
fn serve_tls(listener: &StdListener, config: Arc<ServerConfig>) {
    let (tcp, _): (StdStream, _) = listener.accept().unwrap();
    let tls = StreamOwned::new(ServerConnection::new(config).unwrap(), tcp);
    // A client that does not trust the certificate leaves during the handshake.
    if let Ok(mut socket) = accept(tls) {
        let frame = socket.read().unwrap();
        socket.send(frame).unwrap();
    }
}

#[tokio::test]
async fn wss_works_with_an_authority_of_ones_own_and_no_provider_for_the_whole_process() {
    let (addr, authority) = tls_server();
    let mut authorities = Authorities::default();
    authorities.add_pem(authority.as_bytes()).unwrap();
    let connector = WebSocketConnector::with_tls(Handle::current(), Arc::new(tls_config(authorities)));
    let mut link = connector.connect(&format!("wss://localhost:{}/v1/signal", addr.port()));
    assert_eq!(next(&mut link).await, Incoming::Opened);
    link.outgoing.send(Outgoing::Text("sealed".into())).await.unwrap();
    assert_eq!(next(&mut link).await, Incoming::Text("sealed".into()));
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let (addr, _) = tls_server();
    let connector = WebSocketConnector::new(Handle::current());
    let mut link = connector.connect(&format!("wss://localhost:{}/v1/signal", addr.port()));
    let why = close_reason(&mut link).await;
    assert!(
        matches!(&why, LinkError::Handshake { why, .. } if why.contains("certificate")),
        "{why}"
    );
}

#[actix::test]
async fn a_room_logs_in_and_out_over_a_socket_on_another_runtime() {
    let media = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let listener = media.block_on_elsewhere(TcpListener::bind("127.0.0.1:0")).unwrap();
    let mut given = options();
    given.servers = vec![format!("ws://{}", listener.local_addr().unwrap())];
    let server = media.spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut socket = accept_async(socket).await.unwrap();
        let mut seen = Vec::new();
        while let Some(Ok(Message::Text(text))) = socket.next().await {
            let ClientFrame { id, request } = ClientFrame::parse(text.as_str()).unwrap();
            let reply = match &request {
                Request::Login(_) => ServerFrame::ok(id, &login_ok(snapshot(0, &["a"], &[]))),
                _ => ServerFrame::ok(id, &Done {}),
            };
            seen.push(request);
            socket.send(Message::text(reply.to_text())).await.unwrap();
        }
        seen
    });
    let rooms = Signalling::new(media.handle().clone());
    let (owner, told) = Recorder::<RoomEvent>::start();
    let room = rooms.start(given, owner, RoomPeers::default());
    in_time(async {
        while told.len() < 3 {
            actix_rt::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    room.logout.do_send(Logout);
    let seen = in_time(server).await.unwrap();
    assert!(matches!(seen[..], [Request::Login(_), Request::Logout(_)]), "{seen:?}");
    in_time(async {
        while room.logout.connected() {
            actix_rt::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    let told: Vec<String> = told.take().iter().map(text).collect();
    assert_eq!(
        told,
        [
            "LOGINING 0",
            "LOGINED 0",
            "users +a",
            "LOGOUT 0",
            "Exited { panicked: false }"
        ]
    );
    media.shutdown_background();
}

/// Blocking on a runtime is not allowed on a thread that drives another; a thread of its own may.
trait BlockOnElsewhere {
    fn block_on_elsewhere<T: Send>(&self, future: impl Future<Output = T> + Send) -> T;
}

impl BlockOnElsewhere for tokio::runtime::Runtime {
    fn block_on_elsewhere<T: Send>(&self, future: impl Future<Output = T> + Send) -> T {
        thread::scope(|scope| scope.spawn(|| self.block_on(future)).join().unwrap())
    }
}
