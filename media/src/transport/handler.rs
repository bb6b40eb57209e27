//! What a peer connection tells, and what is done about it at once.

use std::sync::{
    Arc, Mutex, OnceLock, PoisonError, Weak,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use rtc::sdp::extmap::AUDIO_LEVEL_URI;
use tokio::{runtime::Handle, sync::Notify, task::AbortHandle};
use webrtc::{
    media_stream::{track_local::static_rtp::TrackLocalStaticRTP, track_remote::TrackRemote},
    peer_connection::{
        PeerConnection, PeerConnectionEventHandler, RTCIceCandidateInit, RTCIceConnectionState, RTCIceGatheringState,
        RTCPeerConnectionState,
    },
};

use super::{PublishOffer, ReceivePackets, SendPackets, TransportEvent, TransportEvents, packets};

/// A candidate that leads nowhere (RFC 6666 discard prefix, port 9): see [`Handler::on_ice_connection_state_change`].
const NUDGE: &str = "candidate:1 1 udp 1 100::1 9 typ host";

/// What the connection is for.
pub(super) enum Role {
    Publish(PublishOffer, SendPackets),
    Play(ReceivePackets),
}

/// Hears the peer connection, on its driver's task: nothing here may wait long.
pub(super) struct Handler {
    role: Role,
    handle: Handle,
    events: TransportEvents,
    peer: OnceLock<Weak<dyn PeerConnection>>,
    gathered: Notify,
    tasks: Mutex<Vec<AbortHandle>>,
    track: OnceLock<Arc<TrackLocalStaticRTP>>,
    not_sent: Arc<AtomicU64>,
}

impl Handler {
    pub(super) fn new(role: Role, handle: Handle, events: TransportEvents) -> Self {
        Self {
            role,
            handle,
            events,
            peer: OnceLock::new(),
            gathered: Notify::new(),
            tasks: Mutex::default(),
            track: OnceLock::new(),
            not_sent: Arc::default(),
        }
    }

    pub(super) fn role(&self) -> &Role {
        &self.role
    }

    /// Whose events these are. Called once, before anything happens.
    pub(super) fn set_peer(&self, peer: &Arc<dyn PeerConnection>) {
        let _ = self.peer.set(Arc::downgrade(peer));
    }

    /// Where a publisher's packets go. Called once, before anything happens.
    pub(super) fn set_track(&self, track: Arc<TrackLocalStaticRTP>) {
        let _ = self.track.set(track);
    }

    /// Completes when all local candidates are known.
    pub(super) async fn gathered(&self) {
        self.gathered.notified().await;
    }

    pub(super) fn packets_not_sent(&self) -> u64 {
        self.not_sent.load(Ordering::Relaxed)
    }

    /// Ends the tasks that carry packets.
    pub(super) fn stop_tasks(&self) {
        for task in self.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            task.abort();
        }
    }

    fn tell(&self, event: TransportEvent) {
        // Nobody listens any more: then nobody needs to know.
        let _ = self.events.unbounded_send(event);
    }

    fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        let task = self.handle.spawn(task).abort_handle();
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }

    fn start_writing(&self) {
        let started = !self.tasks.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        let peer = self.peer.get().and_then(Weak::upgrade);
        let (Role::Publish(_, packets), Some(track), Some(peer), false) = (&self.role, self.track.get(), peer, started) else {
            return;
        };
        let (packets, track, not_sent) = (packets.clone(), track.clone(), self.not_sent.clone());
        self.run(async move {
            let level_id = accepted_level_id(&peer).await;
            drop(peer);
            packets::write(packets, track, level_id, not_sent).await;
        });
    }
}

#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.notify_one();
        }
    }

    /// The ClientHello that the crate makes when ICE connects lies until the driver's next time-out. A candidate makes a
    /// time-out due at once, so one is added; it is never checked, because a pair is selected already.
    async fn on_ice_connection_state_change(&self, state: RTCIceConnectionState) {
        if state == RTCIceConnectionState::Connected
            && let Some(peer) = self.peer.get().and_then(Weak::upgrade)
        {
            let nudge = RTCIceCandidateInit {
                candidate: NUDGE.to_owned(),
                ..Default::default()
            };
            if let Err(error) = peer.add_ice_candidate(nudge).await {
                tracing::debug!(%error, "the first DTLS message waits for a time-out");
            }
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        match state {
            RTCPeerConnectionState::Connected => {
                self.start_writing();
                self.tell(TransportEvent::Connected);
            }
            RTCPeerConnectionState::Disconnected => self.tell(TransportEvent::Disconnected),
            RTCPeerConnectionState::Failed => self.tell(TransportEvent::Failed),
            RTCPeerConnectionState::Closed => self.tell(TransportEvent::Closed),
            _ => {}
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        if let Role::Play(packets) = &self.role {
            self.run(packets::read(packets.clone(), track));
        }
    }
}

/// The id of the audio level (RFC 6464) in packet headers, where the server accepted it.
async fn accepted_level_id(peer: &Arc<dyn PeerConnection>) -> Option<u8> {
    let sender = peer.get_senders().await.into_iter().next()?;
    let extensions = sender.get_parameters().await.ok()?.rtp_parameters.header_extensions;
    let level = extensions.into_iter().find(|extension| extension.uri == AUDIO_LEVEL_URI)?;
    u8::try_from(level.id).ok()
}
