//! Configuration: typed, complete by default, and strict about what it does not know.
//!
//! Layers, the later win: the embedded `express-server.sample.toml`, a file, the environment
//! (`EXPRESS__SECTION__KEY`). Every key is described in the sample.

mod apps;
mod callback;
mod cluster;
mod ice;
mod layers;
mod metrics;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use self::apps::check_apps;
pub use self::apps::{AppConfig, OnDoubleLogin, OnTokenExpiry};
pub use self::callback::CallbackUrl;
pub use self::cluster::ClusterConfig;
pub use self::ice::{Hidden, IceConfig, IceServerConfig};
use self::layers::{Layers, PREFIX, read};
pub use self::metrics::MetricsConfig;
use crate::forwarder::MAX_SHARDS;

/// The embedded default, with a comment on every key.
pub const SAMPLE: &str = include_str!("../express-server.sample.toml");

/// What a stop may take where nobody said it: clients of a server that is alone have nowhere to go, and need only be told.
const DRAIN_ALONE: Duration = Duration::from_secs(5);
/// The same for a node of a cluster, whose members move to others while it still carries their sound. It ends when they have gone.
const DRAIN_IN_CLUSTER: Duration = Duration::from_secs(60);

/// Everything that an operator can set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// The HTTP side: signalling, start page, health.
    pub http: HttpConfig,
    /// The server API.
    #[serde(default)]
    pub api: ApiConfig,
    /// The UDP side.
    pub media: MediaConfig,
    /// STUN and TURN servers for clients.
    pub ice: IceConfig,
    /// The AppIDs served; empty: AppID 1 with a random secret.
    #[serde(default)]
    pub apps: Vec<AppConfig>,
    /// What users may use.
    pub limits: LimitsConfig,
    /// How long things take.
    pub timings: TimingsConfig,
    /// The other nodes.
    pub cluster: ClusterConfig,
    /// Who may read what is counted.
    pub metrics: MetricsConfig,
    /// What is logged, and how.
    pub log: LogConfig,
}

/// `[http]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// Where to listen; port 0: a free one.
    pub listen: SocketAddr,
    /// Origins of web pages that may connect, beside the server's own host; `*`: all.
    pub allowed_origins: Vec<String>,
    /// The certificate chain in PEM, the server's own first; with it HTTPS and WSS are served instead of HTTP and WS.
    pub tls_certificate: Option<PathBuf>,
    /// Its private key in PEM.
    pub tls_key: Option<PathBuf>,
}

impl HttpConfig {
    /// Certificate and key, where TLS is configured.
    pub fn tls(&self) -> Option<(&Path, &Path)> {
        self.tls_certificate.as_deref().zip(self.tls_key.as_deref())
    }

    fn check(&self) -> Result<(), ConfigError> {
        let problem = "tls_certificate and tls_key come together: name both files, or neither";
        require(
            self.tls_certificate.is_some() == self.tls_key.is_some(),
            "http.tls_certificate",
            problem,
        )
    }
}

/// `[api]`
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiConfig {
    /// Where the server API listens; port 0: a free one, `None`: nowhere.
    pub listen: Option<SocketAddr>,
}

/// `[media]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaConfig {
    /// Where shard 0 listens; port 0: a free one for each shard.
    pub udp: SocketAddr,
    /// Where TCP connections for media are taken, for all shards.
    pub tcp: MediaTcp,
    /// What clients are told instead of the local addresses.
    pub public_addresses: Vec<IpAddr>,
    /// Media threads; 0: as the machine has cores.
    pub shards: usize,
    /// What copies of older frames may cost for one listener that loses packets, in kbit/s; 0: none are sent.
    pub protection_kbit: u32,
}

/// Where media goes over TCP: `"same"`, an address with a port, or `""`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum MediaTcp {
    /// The address and port of [`MediaConfig::udp`], a free port where that is 0.
    Same,
    /// An address of its own; port 0: a free one.
    At(SocketAddr),
    /// Nowhere.
    Off,
}

impl MediaTcp {
    /// The address, if any; `udp` is [`MediaConfig::udp`].
    pub fn address(self, udp: SocketAddr) -> Option<SocketAddr> {
        match self {
            Self::Same => Some(udp),
            Self::At(address) => Some(address),
            Self::Off => None,
        }
    }
}

impl TryFrom<String> for MediaTcp {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "same" => Ok(Self::Same),
            "" => Ok(Self::Off),
            address => address
                .parse()
                .map(Self::At)
                .map_err(|_| format!("media.tcp: {address:?} is neither \"same\", an address with a port, nor \"\" (no TCP)")),
        }
    }
}

/// `[limits]`; 0 means no limit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsConfig {
    /// Open sockets.
    pub connections: usize,
    /// Open sockets from one IP address that is not loopback.
    pub connections_per_address: usize,
    /// New sockets from one such address in a second.
    pub connects_per_address_per_s: u32,
    /// Requests on one socket in a second.
    pub requests_per_s: u32,
    /// Requests on one socket at once.
    pub request_burst: u32,
    /// Frames that may wait for a slow reader; at least 16.
    pub outgoing_queue: usize,
    /// Events kept for a resume, for each session.
    pub replay_events: usize,
    /// Messages kept beside them for a session that is away.
    pub replay_messages: usize,
    /// Logins to one AppID at a time: users, each as often as it is in rooms.
    pub sessions_per_app: usize,
    /// Rooms of one AppID.
    pub rooms_per_app: usize,
    /// Users in one room.
    pub users_per_room: usize,
    /// Rooms that one user may be in at a time (`enableMultiRoom`).
    pub rooms_per_user: usize,
    /// Logins to one room in a second.
    pub logins_per_room_per_s: u32,
    /// Broadcast messages in one room in a second.
    pub broadcasts_per_room_per_s: u32,
    /// Broadcast messages of one user in a second.
    pub broadcasts_per_user_per_s: u32,
    /// Barrage messages in one room in a second.
    pub barrage_per_room_per_s: u32,
    /// Custom commands of one user to one other in a second.
    pub commands_to_one_per_s: u32,
    /// Custom commands of one user to several others, or all, in a second.
    pub commands_to_several_per_s: u32,
    /// Changes of the extra info of one room in a second.
    pub room_infos_per_room_per_s: u32,
    /// Streams that one user publishes at a time.
    pub streams_per_user: usize,
    /// Streams that one user plays at a time.
    pub plays_per_user: usize,
    /// Media connections at a time; 0 is none here.
    pub media_peers: usize,
    /// Datagrams in a second from one IPv4 address or IPv6 /64 that no peer has proved.
    pub unproved_datagrams_per_address_per_s: u32,
    /// The same from all such addresses together, on each shard.
    pub unproved_datagrams_per_s: u32,
    /// RTP packets of one publisher in a second.
    pub media_packets_per_publisher_per_s: u32,
    /// Kilobits of SRTP of one publisher in a second.
    pub media_kbit_per_publisher_per_s: u32,
}

/// `[timings]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimingsConfig {
    /// Seconds between a client's heartbeats.
    pub heartbeat_s: u64,
    /// Seconds after which a silent user is gone.
    pub user_timeout_s: u64,
    /// Seconds that a socket may stay without a login.
    pub first_request_s: u64,
    /// Seconds between the server's pings.
    pub ping_s: u64,
    /// Seconds that a pinged socket may stay silent.
    pub pong_timeout_s: u64,
    /// Seconds that a stream without media waits for its publisher.
    pub media_grace_s: u64,
    /// Milliseconds after which to ask again for a stream that is not there.
    pub play_retry_ms: u64,
    /// Seconds for which tokens made before a kick do not open that room to that user; 0: not at all.
    pub kick_revokes_s: u64,
    /// Seconds that a stop may take; `None`: as [`ServerConfig::drain`] has it.
    pub drain_s: Option<u64>,
}

impl TimingsConfig {
    /// Between a client's heartbeats.
    pub fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.heartbeat_s)
    }

    /// After which a silent user is gone.
    pub fn user_timeout(&self) -> Duration {
        Duration::from_secs(self.user_timeout_s)
    }

    /// What a stream without media has until its publisher must be back.
    pub fn media_grace(&self) -> Duration {
        Duration::from_secs(self.media_grace_s)
    }
}

/// `[log]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// Directives of tracing's `EnvFilter`.
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A layer cannot be read, or a key is unknown, missing or of the wrong type.
    #[error("{layer}: {source}")]
    Read {
        /// Which layers were read.
        layer: String,
        /// What is wrong.
        source: config::ConfigError,
    },
    /// A value is readable and wrong.
    #[error("{key}: {problem}")]
    Value {
        /// Where it stands.
        key: String,
        /// What is wrong and what to do.
        problem: String,
    },
}

/// The embedded default, then `file` if given, then this process's environment.
///
/// # Errors
/// [`ConfigError`], which names the key or the file.
pub fn load(file: Option<&Path>) -> Result<ServerConfig, ConfigError> {
    read(Layers {
        file: file.map(Path::to_path_buf),
        environment: Some(std::env::vars().filter(|(name, _)| name.starts_with(PREFIX)).collect()),
        ..Layers::default()
    })
}

impl ServerConfig {
    /// The embedded default.
    pub fn embedded() -> Self {
        read(Layers::default()).expect("the embedded configuration is tested")
    }

    /// The embedded default, then this TOML.
    ///
    /// # Errors
    /// [`ConfigError`], which names the key.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        read(Layers {
            toml: Some(text.into()),
            ..Layers::default()
        })
    }

    /// The configuration of an AppID.
    pub fn app(&self, id: u32) -> Option<&AppConfig> {
        self.apps.iter().find(|app| app.id == id)
    }

    /// That a stop may take.
    pub fn drain(&self) -> Duration {
        let usual = if self.cluster.nats.is_empty() {
            DRAIN_ALONE
        } else {
            DRAIN_IN_CLUSTER
        };
        self.timings.drain_s.map_or(usual, Duration::from_secs)
    }

    fn check(&self) -> Result<(), ConfigError> {
        check_apps(&self.apps)?;
        self.http.check()?;
        self.ice.check(self.timings.heartbeat_s)?;
        self.cluster.check()?;
        let timings = &self.timings;
        let positive = [
            ("timings.heartbeat_s", timings.heartbeat_s),
            ("timings.first_request_s", timings.first_request_s),
            ("timings.ping_s", timings.ping_s),
        ];
        for (key, seconds) in positive {
            require((1..=86_400).contains(&seconds), key, "must be 1 to 86400 seconds")?;
        }
        let later = [
            ("timings.user_timeout_s", timings.user_timeout_s, timings.heartbeat_s),
            ("timings.pong_timeout_s", timings.pong_timeout_s, timings.ping_s),
        ];
        for (key, seconds, than) in later {
            let problem = format!("must be more than {than}, the interval that it supervises, and at most 86400");
            require(seconds > than && seconds <= 86_400, key, problem)?;
        }
        require(
            timings.media_grace_s <= 86_400,
            "timings.media_grace_s",
            "must be at most 86400 seconds",
        )?;
        require(
            timings.kick_revokes_s <= 31_536_000,
            "timings.kick_revokes_s",
            "must be at most 31536000 seconds, a year",
        )?;
        require(
            timings.drain_s.is_none_or(|seconds| seconds <= 3_600),
            "timings.drain_s",
            "must be at most 3600 seconds",
        )?;
        require(
            self.limits.outgoing_queue >= 16,
            "limits.outgoing_queue",
            "must be at least 16",
        )?;
        require(self.limits.media_peers > 0, "limits.media_peers", "must be more than 0")?;
        require(
            self.media.shards <= MAX_SHARDS,
            "media.shards",
            format!("must be at most {MAX_SHARDS}"),
        )?;
        let level = &self.log.level;
        let parsed = tracing_subscriber::EnvFilter::try_new(level);
        require(
            parsed.is_ok(),
            "log.level",
            format!("{level:?} is neither a level nor a list of directives"),
        )
    }
}

fn require(good: bool, key: &str, problem: impl Into<String>) -> Result<(), ConfigError> {
    if good {
        return Ok(());
    }
    Err(ConfigError::Value {
        key: key.into(),
        problem: problem.into(),
    })
}

#[cfg(test)]
mod tests;
