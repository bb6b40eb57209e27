//! The connector that the engine uses: WebSocket over TCP or TLS, on the engine's media runtime.

use std::{net::IpAddr, sync::Arc, time::Duration};

use express_messages::local_address::is_local;
use futures::{
    SinkExt, StreamExt,
    stream::{BoxStream, SplitSink, SplitStream},
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use tokio::{
    net::TcpStream,
    runtime::Handle,
    sync::mpsc::{Receiver, Sender},
    time::sleep,
};
use tokio_tungstenite::{
    Connector as Tls, MaybeTlsStream, WebSocketStream, client_async_tls_with_config,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};
use url::{Host, Url};

use super::authorities::Authorities;
use super::link::{Connector, Incoming, LINGER, Link, LinkEnd, LinkError, Outgoing};
use super::network;
use crate::protocol::{MAX_CLIENT_FRAME, MAX_SERVER_FRAME};

/// Close code of a close frame without one (RFC 6455 section 7.1.5).
const NO_STATUS: u16 = 1005;
/// Bytes read at once; signalling is a few frames a minute.
const READ_BUFFER: usize = 16 * 1024;
/// So often a socket looks whether its address is still there; TCP itself would notice by nothing but silence.
const LOOK_EVERY: Duration = Duration::from_millis(250);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Opens WebSockets on a given runtime.
pub struct WebSocketConnector {
    runtime: Handle,
    tls: Arc<ClientConfig>,
}

impl WebSocketConnector {
    /// Sockets on `runtime`; `wss` trusts the public certificate authorities.
    pub fn new(runtime: Handle) -> Self {
        Self::with_tls(runtime, Arc::new(tls_config(Authorities::default())))
    }

    /// Sockets on `runtime` with the caller's TLS settings: another authority, a client certificate. See [`tls_config`].
    pub fn with_tls(runtime: Handle, tls: Arc<ClientConfig>) -> Self {
        Self { runtime, tls }
    }
}

/// TLS 1.2 and 1.3 by aws-lc-rs, trusting `authorities`. The provider is chosen here and not for the whole process, so that
/// an application may have another one.
pub fn tls_config(authorities: impl Into<RootCertStore>) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("aws-lc-rs has the cipher suites of TLS 1.2 and 1.3")
        .with_root_certificates(authorities.into())
        .with_no_client_auth()
}

impl Connector for WebSocketConnector {
    fn connect(&self, url: &str) -> Link {
        let (link, end) = Link::pair();
        self.runtime.spawn(run(url.to_owned(), Arc::clone(&self.tls), end));
        link
    }

    fn networks(&self) -> BoxStream<'static, ()> {
        network::appearing().boxed()
    }
}

impl std::fmt::Debug for WebSocketConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebSocketConnector")
    }
}

/// One link from its opening to its end.
async fn run(url: String, tls: Arc<ClientConfig>, end: LinkEnd) {
    let LinkEnd { outgoing, incoming } = end;
    let opened = tokio::select! {
        () = incoming.closed() => return,
        opened = open(&url, tls) => opened,
    };
    let (local, socket) = match opened {
        Ok(opened) => opened,
        Err(why) => return report(&incoming, Incoming::Closed(why)).await,
    };
    report(&incoming, Incoming::Opened).await;
    let (sink, mut stream) = socket.split();
    let reading = async {
        match listen(&mut stream, &incoming).await {
            Some(why) => report(&incoming, Incoming::Closed(why)).await,
            // Read on, or closing the socket would reset it under what is still being written.
            None => while let Some(Ok(_)) = stream.next().await {},
        }
    };
    let writing = async {
        if let Err(error) = write(sink, outgoing).await {
            report(&incoming, Incoming::Closed(LinkError::Broken(error.to_string()))).await;
        }
    };
    let hung_up = async {
        incoming.closed().await;
        sleep(LINGER).await;
    };
    tokio::select! {
        ((), ()) = async { tokio::join!(reading, writing) } => {}
        () = hung_up => {}
        () = gone(local) => report(&incoming, Incoming::Closed(LinkError::AddressGone(local))).await,
    }
}

/// Completes when this machine has the address no more.
async fn gone(local: IpAddr) {
    while is_local(local) {
        sleep(LOOK_EVERY).await;
    }
}

/// A link that was hung up hears nothing any more.
async fn report(incoming: &Sender<Incoming>, what: Incoming) {
    let _hung_up = incoming.send(what).await;
}

/// The socket, and the address of this machine that it has.
async fn open(url: &str, tls: Arc<ClientConfig>) -> Result<(IpAddr, Socket), LinkError> {
    let refuse = |why: &str| LinkError::Url {
        url: url.into(),
        why: why.into(),
    };
    let parsed = Url::parse(url).map_err(|error| refuse(&error.to_string()))?;
    let port = parsed.port_or_known_default().ok_or_else(|| refuse("it has no port"))?;
    let host = parsed.host().ok_or_else(|| refuse("it names no host"))?;
    let server = format!("{host}:{port}");
    let tcp = match host {
        Host::Domain(name) => TcpStream::connect((name, port)).await,
        Host::Ipv4(ip) => TcpStream::connect((ip, port)).await,
        Host::Ipv6(ip) => TcpStream::connect((ip, port)).await,
    };
    let (local, tcp) = tcp
        .and_then(|tcp| tcp.set_nodelay(true).map(|()| tcp))
        .and_then(|tcp| Ok((tcp.local_addr()?.ip(), tcp)))
        .map_err(|error| LinkError::Connect {
            server: server.clone(),
            why: error.to_string(),
        })?;
    let request = url.into_client_request().map_err(|error| refuse(&error.to_string()))?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_SERVER_FRAME))
        .max_frame_size(Some(MAX_SERVER_FRAME))
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(4 * MAX_CLIENT_FRAME);
    match client_async_tls_with_config(request, tcp, Some(config), Some(Tls::Rustls(tls))).await {
        Ok((socket, _)) => Ok((local, socket)),
        Err(Error::Http(response)) => Err(LinkError::Http {
            server,
            status: response.status().as_u16(),
        }),
        Err(error) => Err(LinkError::Handshake {
            server,
            why: error.to_string(),
        }),
    }
}

/// Hands on what the server sends; returns why that ended, or nothing when the link was hung up.
async fn listen(stream: &mut SplitStream<Socket>, incoming: &Sender<Incoming>) -> Option<LinkError> {
    loop {
        let frame = tokio::select! {
            () = incoming.closed() => return None,
            frame = stream.next() => frame,
        };
        let frame = match frame {
            Some(Ok(Message::Text(text))) => Incoming::Text(text.as_str().into()),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Incoming::Alive,
            Some(Ok(Message::Binary(_))) => return Some(LinkError::Protocol("a binary frame".into())),
            Some(Ok(Message::Close(frame))) => return Some(closed(frame)),
            Some(Err(error)) => return Some(broken(&error)),
            None => return Some(LinkError::Broken("the server hung up".into())),
        };
        if incoming.send(frame).await.is_err() {
            return None;
        }
    }
}

fn closed(frame: Option<CloseFrame>) -> LinkError {
    frame.map_or_else(
        || LinkError::Closed {
            code: NO_STATUS,
            reason: String::new(),
        },
        |frame| LinkError::Closed {
            code: frame.code.into(),
            reason: frame.reason.as_str().into(),
        },
    )
}

fn broken(error: &Error) -> LinkError {
    match error {
        Error::Capacity(_) | Error::Protocol(_) | Error::Utf8(_) | Error::AttackAttempt => LinkError::Protocol(error.to_string()),
        _ => LinkError::Broken(error.to_string()),
    }
}

/// Writes what the actor sends, and a close frame behind it when the link is hung up.
async fn write(mut sink: SplitSink<Socket, Message>, mut outgoing: Receiver<Outgoing>) -> Result<(), Error> {
    while let Some(frame) = outgoing.recv().await {
        let message = match frame {
            Outgoing::Text(text) => Message::text(text),
            Outgoing::Ping => Message::Ping(Default::default()),
        };
        sink.send(message).await?;
    }
    let goodbye = CloseFrame {
        code: CloseCode::Normal,
        reason: Default::default(),
    };
    sink.send(Message::Close(Some(goodbye))).await
}
