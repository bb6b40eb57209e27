//! Signalling: the factory that the engine starts rooms with.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use actix::{Actor, Recipient};
use express_messages::{
    ExitGuard,
    room::{Reach, RoomEvent, RoomFactory, RoomLink, RoomOptions, RoomPeers},
};
use rand::{SeedableRng, rngs::StdRng};
use tokio::runtime::Handle;
use tracing::info_span;

use super::{
    actor::RoomActor,
    authorities::Authorities,
    counters::Counters,
    link::Connector,
    reach,
    state::RoomState,
    websocket::{WebSocketConnector, tls_config},
};

/// Starts [`RoomActor`]s; what the engine takes for the room role.
///
/// ```
/// # use express_signalling::room::Signalling;
/// # use express_messages::room::RoomFactory;
/// let media_runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// let rooms = Signalling::new(media_runtime.handle().clone());
/// let role: Box<dyn RoomFactory> = Box::new(rooms);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Signalling {
    connector: Arc<dyn Connector>,
    counters: Arc<Counters>,
    seed: AtomicU64,
}

impl Signalling {
    /// Rooms on WebSockets that run on `media`, which is the engine's media runtime and never the thread of the actors.
    /// `wss` trusts the public certificate authorities; see [`Self::trusting`] for others.
    pub fn new(media: Handle) -> Self {
        Self::trusting(media, Authorities::default())
    }

    /// The same, with other certificate authorities for `wss`.
    pub fn trusting(media: Handle, authorities: Authorities) -> Self {
        let tls = Arc::new(tls_config(authorities));
        Self::with_connector(Arc::new(WebSocketConnector::with_tls(media, tls)))
    }

    /// Rooms on links that `connector` makes.
    pub fn with_connector(connector: Arc<dyn Connector>) -> Self {
        Self {
            connector,
            counters: Arc::default(),
            seed: AtomicU64::new(rand::random()),
        }
    }

    /// The same with a known source of randomness: equal seeds wait equally long. For tests.
    #[must_use]
    pub fn seeded(mut self, seed: u64) -> Self {
        self.seed = AtomicU64::new(seed);
        self
    }

    /// Counts over all rooms started here.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }
}

impl RoomFactory for Signalling {
    fn start(&self, options: RoomOptions, events: Recipient<RoomEvent>, _: RoomPeers) -> RoomLink {
        let span = info_span!("room", room = %options.room_id, user = %options.user.user_id);
        let seed = self.seed.fetch_add(1, Ordering::Relaxed);
        let state = RoomState::new(options, StdRng::seed_from_u64(seed), self.counters());
        let owner = ExitGuard::new(events, |panicked| RoomEvent::Exited { panicked });
        RoomActor::new(state, Arc::clone(&self.connector), owner, span).start().into()
    }

    fn reach(&self, servers: &[String]) -> Reach {
        let tries = reach::tries(self.connector.as_ref(), servers);
        Box::pin(async move { Some(tries.await) })
    }
}

impl std::fmt::Debug for Signalling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signalling")
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}
