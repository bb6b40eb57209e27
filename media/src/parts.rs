//! The two factories that this crate gives to the engine.

use std::{fmt, sync::Arc, time::Duration};

use actix::Recipient;
use express_messages::{
    ZegoError, codes,
    player::{PlayerEvent, PlayerFactory, PlayerLink, PlayerOptions, PlayerPeers},
    publisher::{MediaReach, PublisherEvent, PublisherFactory, PublisherLink, PublisherOptions, PublisherPeers},
    room::MediaPorts,
};
use tokio::runtime::Handle;

use crate::{
    codec::self_test,
    player, publisher,
    transport::{TransportFactory, WebRtcTransports, try_ways},
};

/// Starts publishers and players: [`PublisherFactory`] and [`PlayerFactory`] in one. Clones share their transports.
#[derive(Clone)]
pub struct MediaParts {
    transports: Arc<dyn TransportFactory>,
}

impl MediaParts {
    /// Peer connections of the `webrtc` crate, with all of their tasks and sockets on the runtime of `handle` (the engine's
    /// `zego-media`). Actors that start after that runtime has ended cannot connect.
    pub fn new(handle: Handle) -> Self {
        Self::with_transports(Arc::new(WebRtcTransports::new(handle)))
    }

    /// Other transports: a test's, or a network of one's own.
    pub fn with_transports(transports: Arc<dyn TransportFactory>) -> Self {
        Self { transports }
    }
}

impl fmt::Debug for MediaParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MediaParts")
    }
}

impl PublisherFactory for MediaParts {
    fn start(&self, options: PublisherOptions, events: Recipient<PublisherEvent>, peers: PublisherPeers) -> PublisherLink {
        publisher::start(options, events, peers, self.transports.clone())
    }

    fn self_test(&self) -> Option<Result<(), ZegoError>> {
        Some(self_test().map_err(|error| ZegoError::new(codes::MODULE_NOT_IMPORTED, error.to_string())))
    }

    fn reach_media(&self, ports: MediaPorts, within: Duration) -> MediaReach {
        Box::pin(try_ways(ports, within))
    }
}

impl PlayerFactory for MediaParts {
    fn start(&self, options: PlayerOptions, events: Recipient<PlayerEvent>, peers: PlayerPeers) -> PlayerLink {
        player::start(options, events, peers, self.transports.clone())
    }
}
