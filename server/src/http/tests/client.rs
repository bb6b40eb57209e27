//! A server on free ports, and the clients that tests need: one of HTTP that sends what it likes, one of WebSockets.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::HttpRequest;
use actix_web::test::TestRequest;
use express_signalling::protocol::{Call, ClientFrame, Login, LoginOk, ServerFrame, VERSION, WireError};
use express_token::{Cipher, Grant, issue_random};
use futures::{SinkExt, StreamExt};
use rustls::ClientConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream};

use crate::config::{AppConfig, ServerConfig};
use crate::{RunningServer, start};

/// What must end ends within this; on an idle machine within a few milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn server() -> RunningServer {
    server_with(|_| {})
}

pub(super) fn server_with(change: impl FnOnce(&mut ServerConfig)) -> RunningServer {
    let mut config = ServerConfig::embedded();
    config.http.listen.set_port(0);
    config.media.udp.set_port(0);
    change(&mut config);
    start(config).unwrap()
}

/// An answer over HTTP/1.1.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Sends exactly these lines of a head, with a body.
pub(super) fn raw(address: SocketAddr, head: &[&str], body: &str) -> Answer {
    talk(connect(address), head, body)
}

pub(super) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The same on a connection that stands.
pub(super) fn talk(mut stream: impl Read + Write, head: &[&str], body: &str) -> Answer {
    let mut text = head.join("\r\n");
    text += &format!("\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_ascii_lowercase(),
        body: body.into(),
    }
}

pub(super) fn get(server: &RunningServer, path: &str) -> Answer {
    let address = server.http_addr();
    raw(address, &[&format!("GET {path} HTTP/1.1"), &format!("Host: {address}")], "")
}

/// A token of the server's first AppID, for an hour.
pub(super) fn token(app: &AppConfig, user: &str) -> String {
    let grant = Grant {
        app_id: app.id,
        user_id: user.into(),
        ttl_s: 3600,
        privileges: None,
    };
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    issue_random(&grant, &app.secret, Cipher::Gcm, unix.as_secs() as i64).unwrap()
}

pub(super) fn login(server: &RunningServer, user: &str) -> Login {
    let app = &server.apps()[0];
    Login {
        versions: vec![VERSION],
        app_id: app.id,
        room_id: express_messages::ids::RoomId::new("r").unwrap(),
        user_id: express_messages::ids::UserId::new(user).unwrap(),
        user_name: String::new(),
        token: token(app, user),
        user_update: true,
        max_member_count: 0,
        loudest_streams: 0,
        instance: None,
        redirected: false,
        moved_from: None,
    }
}

/// A WebSocket client.
pub(super) struct Client {
    pub(super) socket: WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>,
    last_id: u64,
}

impl Client {
    pub(super) async fn open(server: &RunningServer) -> Self {
        Self::open_with(server, None).await.unwrap()
    }

    /// - `tls`: how to go about it where the server is encrypted
    pub(super) async fn open_with(server: &RunningServer, tls: Option<ClientConfig>) -> Result<Self, Error> {
        let url = format!("{}/v1/signal", server.url().replacen("http", "ws", 1));
        let connector = tls.map(|tls| Connector::Rustls(Arc::new(tls)));
        let (socket, _) = tokio_tungstenite::connect_async_tls_with_config(url, None, false, connector).await?;
        Ok(Self { socket, last_id: 0 })
    }

    pub(super) async fn login(server: &RunningServer, user: &str) -> (Self, LoginOk) {
        let mut client = Self::open(server).await;
        let ok = client.ask(login(server, user)).await.unwrap();
        (client, ok)
    }

    pub(super) async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub(super) async fn ask<C: Call>(&mut self, request: C) -> Result<C::Ok, WireError> {
        self.last_id += 1;
        let frame = ClientFrame {
            id: self.last_id,
            request: request.into(),
        };
        self.send_text(&frame.to_text()).await;
        match self.frame().await {
            ServerFrame::Ok { id, ok } => {
                assert_eq!(id, self.last_id);
                Ok(serde_json::from_value(ok).unwrap())
            }
            ServerFrame::Error { id, error } => {
                assert_eq!(id, self.last_id);
                Err(error)
            }
            other => panic!("{other:?} instead of an answer"),
        }
    }

    /// The next text frame.
    pub(super) async fn frame(&mut self) -> ServerFrame {
        loop {
            match self.next().await.unwrap() {
                Message::Text(text) => return ServerFrame::parse(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?} instead of a text frame"),
            }
        }
    }

    /// The code of the close frame, behind whatever is still on its way.
    pub(super) async fn closed(&mut self) -> Result<u16, Error> {
        loop {
            if let Message::Close(close) = self.next().await? {
                return Ok(close.map_or(1005, |close| close.code.into()));
            }
        }
    }

    /// The end of the connection, behind the close frame.
    pub(super) async fn ended(&mut self) {
        assert!(matches!(self.next().await, Err(Error::ConnectionClosed)));
    }

    async fn next(&mut self) -> Result<Message, Error> {
        let next = tokio::time::timeout(PATIENCE, self.socket.next())
            .await
            .expect("the server is silent");
        next.unwrap_or(Err(Error::ConnectionClosed))
    }
}

/// A request as a handler gets it: from this address, with these headers.
pub(in crate::http) fn request(from: &str, headers: &[(&'static str, &'static str)]) -> HttpRequest {
    let request = TestRequest::default().peer_addr(from.parse().unwrap());
    headers
        .iter()
        .fold(request, |request, header| request.append_header(*header))
        .to_http_request()
}
