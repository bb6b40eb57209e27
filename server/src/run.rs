//! Start and stop of a whole server.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use actix::{Actor, Addr};
use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};
use aws_lc_rs::rand;
use crossbeam_channel::{Receiver, bounded};
use express_signalling::protocol::MAX_SDP;
use express_token::{RandomError, Secret};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::callbacks::Callbacks;
use crate::cluster::{self, Cluster, LateCluster};
use crate::config::{AppConfig, ServerConfig};
use crate::forwarder::{Forwarder, ForwarderConfig, ForwarderLimits, StartForwarderError};
use crate::http::api::{self, Api};
use crate::http::tls::{Certificate, TlsError};
use crate::http::{self, Shared};
use crate::rooms::{Drain, DrainNow, GetCounters, MediaNews, RoomsActor, RoomsOptions, StateOptions};

/// The AppID of a server that nobody configured.
const DEV_APP_ID: u32 = 1;
/// HTTP threads; parsing frames is all they do.
const MAX_WORKERS: usize = 4;
/// How long an HTTP request may take to arrive.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections of business servers to the server API at a time; more wait until one ends.
const API_CONNECTIONS: usize = 256;
/// What the last steps of a stop may take beyond `drain_s`.
pub(crate) const STOP_SLACK: Duration = Duration::from_secs(2);
/// The part of `drain_s` that members have to go to other nodes by themselves.
const MOVING: f64 = 0.8;
/// What members whose sockets are elsewhere already have for their media.
const MEDIA_MOVES: Duration = Duration::from_secs(3);
/// How often a node that stops looks whether all have gone.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// What callbacks that wait have at least for their last try.
const LAST_CALLBACKS: Duration = Duration::from_secs(1);

/// A server that takes calls. Dropping it stops it.
#[derive(Debug)]
pub struct RunningServer {
    http_addr: SocketAddr,
    encrypted: bool,
    api_addr: Option<SocketAddr>,
    media_addrs: Vec<SocketAddr>,
    apps: Vec<AppConfig>,
    made_up: bool,
    stop: Option<oneshot::Sender<()>>,
    ended: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The HTTP address cannot be used.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The media plane did not start.
    #[error("media cannot start: {0}")]
    Media(#[from] StartForwarderError),
    /// No randomness for secrets.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// A thread was refused, or ended before it began.
    #[error("the server's thread did not start: {0}")]
    Thread(String),
}

impl RunningServer {
    /// Where HTTP and the WebSocket are.
    pub fn http_addr(&self) -> SocketAddr {
        self.http_addr
    }

    /// The same as a URL: `https://` where a certificate is configured.
    pub fn url(&self) -> String {
        let scheme = if self.encrypted { "https" } else { "http" };
        format!("{scheme}://{}", self.http_addr)
    }

    /// Where the server API is, if anywhere.
    pub fn api_addr(&self) -> Option<SocketAddr> {
        self.api_addr
    }

    /// Where media is received: the first shard.
    pub fn media_addr(&self) -> SocketAddr {
        self.media_addrs.first().copied().unwrap_or(self.http_addr)
    }

    /// Where media is received, all shards.
    pub fn media_addrs(&self) -> &[SocketAddr] {
        &self.media_addrs
    }

    /// The AppIDs served, with their secrets.
    pub fn apps(&self) -> &[AppConfig] {
        &self.apps
    }

    /// The AppID that was made up because none was configured.
    pub fn made_up_app(&self) -> Option<&AppConfig> {
        self.apps.first().filter(|_| self.made_up)
    }

    /// Disconnects when the server has ended, wanted or not.
    pub fn ended(&self) -> Receiver<()> {
        self.ended.clone()
    }

    /// Tells every client to come back later, ends everything and waits for it: a little more than
    /// [`drain`](ServerConfig::drain) at most.
    pub fn stop(mut self) {
        self.stop_and_wait();
    }

    fn stop_and_wait(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the server's thread panicked");
        }
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.stop_and_wait();
    }
}

/// Starts a server on threads of its own; several may run in one process.
///
/// # Errors
/// [`StartError`]: nothing was started.
pub fn start(config: ServerConfig) -> Result<RunningServer, StartError> {
    let tls = config
        .http
        .tls()
        .map(|(chain, key)| Certificate::read(chain, key))
        .transpose()?;
    let encrypted = tls.is_some();
    let (listener, http_addr) = bind(config.http.listen)?;
    let api = config.api.listen.map(bind).transpose()?;
    let (api_listener, api_addr) = api.unzip();
    let made_up = config.apps.is_empty();
    let apps = if made_up {
        vec![AppConfig::new(DEV_APP_ID, Secret::random()?)]
    } else {
        config.apps.clone()
    };
    let rooms: Arc<OnceLock<Addr<RoomsActor>>> = Arc::default();
    let forwarder = start_forwarder(&config, Arc::clone(&rooms))?;
    let media_addrs = forwarder.media_addresses();
    tracing::info!(udp = ?media_addrs, tcp = ?forwarder.tcp_address(), "media is taken");
    let mut seed = [0; 32];
    rand::fill(&mut seed).map_err(|_| RandomError)?;
    let parts = Parts {
        state: StateOptions {
            limits: config.limits.clone(),
            timings: config.timings.clone(),
            apps: apps.clone(),
            ice: config.ice.clone(),
            ports: forwarder.ports(),
            cloud: cluster::node_name(&config.cluster),
            seed,
        },
        dev_app: apps.first().filter(|_| made_up).cloned(),
        api: api_listener.map(|listener| (listener, Api::new(&apps))),
        callbacks: Callbacks::start(&apps).map_err(|error| StartError::Thread(error.to_string()))?,
        config,
        tls,
        listener,
        forwarder,
        rooms,
    };
    let (stop, stopped) = oneshot::channel();
    let (started, ready) = bounded(1);
    let (alive, ended) = bounded(0);
    let thread = std::thread::Builder::new().name("express-server".into()).spawn(move || {
        let _alive = alive;
        actix::System::new().block_on(serve(parts, stopped, started));
    });
    let thread = thread.map_err(|error| StartError::Thread(error.to_string()))?;
    let running = RunningServer {
        http_addr,
        encrypted,
        api_addr,
        media_addrs,
        apps,
        made_up,
        stop: Some(stop),
        ended,
        thread: Some(thread),
    };
    match ready.recv() {
        Ok(Ok(())) => Ok(running),
        Ok(Err(problem)) => Err(StartError::Thread(problem)),
        Err(_) => Err(StartError::Thread("it ended at once".into())),
    }
}

fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let listen = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).map_err(listen)?;
    let bound = listener.local_addr().map_err(listen)?;
    Ok((listener, bound))
}

/// What the server's thread takes over.
struct Parts {
    state: StateOptions,
    dev_app: Option<AppConfig>,
    api: Option<(TcpListener, Api)>,
    callbacks: Callbacks,
    config: ServerConfig,
    tls: Option<Arc<Certificate>>,
    listener: TcpListener,
    forwarder: Forwarder,
    rooms: Arc<OnceLock<Addr<RoomsActor>>>,
}

fn start_forwarder(config: &ServerConfig, rooms: Arc<OnceLock<Addr<RoomsActor>>>) -> Result<Forwarder, StartForwarderError> {
    let limits = ForwarderLimits {
        peers: config.limits.media_peers,
        offer_bytes: MAX_SDP,
        tcp_connections: config.limits.media_peers,
        tcp_connections_per_source: config.limits.connections_per_address,
        unauthenticated_per_source: config.limits.unproved_datagrams_per_address_per_s,
        unauthenticated_in_total: config.limits.unproved_datagrams_per_s,
        publisher_packets: config.limits.media_packets_per_publisher_per_s,
        publisher_kbit: config.limits.media_kbit_per_publisher_per_s,
        protection_kbit: config.media.protection_kbit,
        ..ForwarderLimits::default()
    };
    let forwarder = ForwarderConfig {
        udp: config.media.udp,
        tcp: config.media.tcp.address(config.media.udp),
        public_addresses: config.media.public_addresses.clone(),
        relay_ip: config.cluster.media_ip,
        shards: config.media.shards,
        limits,
    };
    // There are no peers, and so no events, before there are rooms.
    Forwarder::start(forwarder, move |event| {
        if let Some(rooms) = rooms.get() {
            rooms.do_send(MediaNews(event));
        }
    })
}

/// The life of the server, on its thread.
async fn serve(parts: Parts, stopped: oneshot::Receiver<()>, started: crossbeam_channel::Sender<Result<(), String>>) {
    let Parts {
        state,
        dev_app,
        api,
        callbacks,
        config,
        tls,
        listener,
        forwarder,
        rooms,
    } = parts;
    let (alive, rooms_ended) = oneshot::channel();
    let cluster = LateCluster::default();
    let name = state.cloud.clone();
    let options = RoomsOptions {
        state,
        media: Box::new(forwarder.clone()),
        business: Box::new(callbacks.clone()),
        cloud: Box::new(cluster.clone()),
        alive,
    };
    let address = RoomsActor::new(options).start();
    let _ = rooms.set(address.clone());
    if let Some(name) = name {
        tracing::info!(node = %name, "one node of a cluster");
        match Cluster::start(name, &config.cluster, address.clone().recipient()).await {
            Ok(started) => cluster.set(started),
            Err(error) => {
                let _ = started.send(Err(format!("the cluster cannot be joined: {error}")));
                return;
            }
        }
    }
    let drain = config.drain();
    let shared = Shared::new(
        address.clone(),
        forwarder.clone(),
        callbacks.clone(),
        cluster.clone(),
        config,
        dev_app,
    );
    let listening = listen_http(listener, tls, &shared, drain).and_then(|server| {
        let api = api.map(|(listener, api)| listen_api(listener, api, &shared)).transpose()?;
        Ok((server, api))
    });
    let (server, api) = match listening {
        Ok(listening) => listening,
        Err(error) => {
            let _ = started.send(Err(error.to_string()));
            return;
        }
    };
    let handle = server.handle();
    let api_handle = api.as_ref().map(actix_web::dev::Server::handle);
    let serving = actix_web::rt::spawn(server);
    api.map(actix_web::rt::spawn);
    let _ = started.send(Ok(()));
    tokio::select! {
        _ = stopped => {
            let begun = Instant::now();
            shared.draining.store(true, Ordering::Relaxed);
            if let Some(api) = api_handle {
                // Its calls are short: those that came are answered, and none come any more.
                api.stop(true).await;
            }
            let moving = cluster.get().map(|_| drain.mul_f64(MOVING));
            if timeout(drain.saturating_add(STOP_SLACK), stop_http(&address, &handle, moving)).await.is_err() {
                tracing::warn!("open connections did not end in time and are cut");
            }
            if let Some(cluster) = cluster.get() {
                cluster.stop().await;
            }
            let left = drain.saturating_sub(begun.elapsed()).max(LAST_CALLBACKS);
            let _ = web::block(move || callbacks.stop(left)).await;
        }
        _ = rooms_ended => tracing::error!("the rooms have ended unexpectedly, and the server with them"),
        _ = serving => tracing::error!("http has ended unexpectedly, and the server with it"),
    }
    forwarder.stop();
}

fn listen_http(
    listener: TcpListener,
    tls: Option<Arc<Certificate>>,
    shared: &Arc<Shared>,
    drain: Duration,
) -> std::io::Result<actix_web::dev::Server> {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let patience = shared.unsent_patience_ms();
    let shared = Arc::clone(shared);
    let server = HttpServer::new(move || {
        let shared = Arc::clone(&shared);
        App::new().configure(move |app| http::configure(app, &shared))
    });
    let server = server
        .workers(cores.min(MAX_WORKERS))
        .client_request_timeout(REQUEST_TIMEOUT)
        .tls_handshake_timeout(REQUEST_TIMEOUT)
        .tcp_nodelay(true)
        .on_connect(move |stream, _| http::bound_unsent_data(stream, patience))
        .disable_signals()
        .shutdown_timeout(drain.as_secs());
    let server = match tls {
        Some(certificate) => {
            let config = certificate.config();
            actix_web::rt::spawn(certificate.keep_fresh());
            server.listen_rustls_0_23(listener, config)?
        }
        None => server.listen(listener)?,
    };
    Ok(server.run())
}

/// One thread: calls are few and short, and the rooms answer them one by one.
fn listen_api(listener: TcpListener, api: Api, shared: &Arc<Shared>) -> std::io::Result<actix_web::dev::Server> {
    let address = listener.local_addr()?;
    tracing::info!(%address, "the server API is open");
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "the server API is not encrypted: let only your own hosts reach it, or put TLS in front");
    }
    let (shared, api) = (web::Data::from(Arc::clone(shared)), web::Data::new(api));
    let server = HttpServer::new(move || {
        let (shared, api) = (shared.clone(), api.clone());
        App::new().configure(move |app| api::configure(app, &shared, &api))
    });
    let server = server
        .workers(1)
        .max_connections(API_CONNECTIONS)
        .client_request_timeout(REQUEST_TIMEOUT);
    let server = server.disable_signals().shutdown_timeout(STOP_SLACK.as_secs());
    Ok(server.listen(listener)?.run())
}

async fn stop_http(rooms: &Addr<RoomsActor>, http: &ServerHandle, moving: Option<Duration>) {
    let _ = rooms.send(Drain).await;
    if let Some(moving) = moving {
        let_members_move(rooms, moving).await;
    }
    let _ = rooms.send(DrainNow).await;
    http.stop(true).await;
}

/// Waits until the members of this node are elsewhere, at most so long. Their old media goes on meanwhile.
async fn let_members_move(rooms: &Addr<RoomsActor>, most: Duration) {
    let until = tokio::time::Instant::now() + most;
    let mut without_sockets = None;
    while tokio::time::Instant::now() < until {
        match rooms.send(GetCounters).await {
            Ok(counters) if counters.sessions > 0 => {
                let since = without_sockets.get_or_insert_with(tokio::time::Instant::now);
                if counters.connections > 0 {
                    without_sockets = None;
                } else if since.elapsed() > MEDIA_MOVES {
                    return;
                }
            }
            _ => return,
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
