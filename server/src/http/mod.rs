//! Everything over HTTP: the WebSocket of signalling, WHIP and WHEP, the start page, health, development tokens.

mod admission;
pub(crate) mod api;
mod content_type;
mod counters;
mod dev_token;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod health;
mod metrics;
mod origin;
mod pages;
mod signal;
mod socket;
#[cfg(test)]
mod tests;
pub(crate) mod tls;
mod whip;

use std::any::Any;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix::Addr;
use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::rt::net::TcpStream;
use actix_web::web;
use nix::sys::socket::{setsockopt, sockopt};

use self::admission::Admission;
use self::counters::HttpCounters;
use crate::callbacks::Callbacks;
use crate::cluster::{ClusterCounters, LateCluster};
use crate::config::{AppConfig, ServerConfig};
use crate::forwarder::Forwarder;
use crate::rooms::RoomsActor;

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct Shared {
    rooms: Addr<RoomsActor>,
    media: Forwarder,
    callbacks: Callbacks,
    /// Empty where this node is alone.
    cluster: LateCluster,
    config: ServerConfig,
    /// The AppID that development tokens are for: one that was made up for this run, on loopback.
    dev_app: Option<AppConfig>,
    admission: Mutex<Admission>,
    started: Instant,
    /// No new sockets.
    pub(crate) draining: AtomicBool,
    counters: HttpCounters,
}

impl Shared {
    /// - `dev_app`: the AppID that was made up for want of a configured one
    pub(crate) fn new(
        rooms: Addr<RoomsActor>,
        media: Forwarder,
        callbacks: Callbacks,
        cluster: LateCluster,
        config: ServerConfig,
        dev_app: Option<AppConfig>,
    ) -> Arc<Self> {
        let dev_app = dev_app.filter(|_| config.http.listen.ip().is_loopback());
        Arc::new(Self {
            rooms,
            media,
            callbacks,
            cluster,
            admission: Mutex::new(Admission::new(&config.limits)),
            started: Instant::now(),
            draining: AtomicBool::new(false),
            counters: HttpCounters::default(),
            config,
            dev_app,
        })
    }

    /// How long a socket may leave data untaken, in milliseconds.
    pub(crate) fn unsent_patience_ms(&self) -> u32 {
        u32::try_from(self.config.timings.pong_timeout_s.saturating_mul(1000)).unwrap_or(u32::MAX)
    }

    /// What the cluster has counted; nothing where this node is alone.
    async fn cluster_counters(&self) -> ClusterCounters {
        match self.cluster.get() {
            Some(cluster) => cluster.counters().await.unwrap_or_default(),
            None => ClusterCounters::default(),
        }
    }

    fn uptime(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Lets the system end a connection whose client takes nothing, which would otherwise stay as long as the client lives.
pub(crate) fn bound_unsent_data(stream: &dyn Any, patience_ms: u32) {
    let encrypted = || stream.downcast_ref::<TlsStream<TcpStream>>().map(|stream| stream.get_ref().0);
    if let Some(stream) = stream.downcast_ref::<TcpStream>().or_else(encrypted)
        && let Err(error) = setsockopt(stream, sockopt::TcpUserTimeout, &patience_ms)
    {
        tracing::debug!(%error, "no time-out for data that is not taken");
    }
}

/// The routes.
pub(crate) fn configure(app: &mut web::ServiceConfig, shared: &Arc<Shared>) {
    app.app_data(web::Data::from(Arc::clone(shared)))
        .route(express_signalling::protocol::PATH, web::get().to(signal::signal))
        .route("/v1/dev-token", web::post().to(dev_token::dev_token))
        .route("/healthz", web::get().to(health::healthz))
        .route("/readyz", web::get().to(health::readyz))
        .route("/metrics", web::get().to(metrics::metrics));
    whip::configure(app);
    pages::configure(app);
}
