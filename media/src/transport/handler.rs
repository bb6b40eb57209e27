//! What a peer connection tells, and what is done about it at once.

use std::sync::{
    Arc, Mutex, OnceLock, PoisonError, Weak,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};
use std::time::Duration;

use async_trait::async_trait;
use rtc::{
    peer_connection::transport::{RTCIceCandidateType, RTCIceProtocol},
    rtp_transceiver::rtp_sender::RTCRtpCodecParameters,
    sdp::extmap::AUDIO_LEVEL_URI,
};
use tokio::{runtime::Handle, sync::Notify, task::AbortHandle};
use webrtc::{
    media_stream::{track_local::static_rtp::TrackLocalStaticRTP, track_remote::TrackRemote},
    peer_connection::{
        PeerConnection, PeerConnectionEventHandler, RTCIceCandidateInit, RTCIceConnectionState, RTCIceGatheringState,
        RTCPeerConnectionIceEvent, RTCPeerConnectionState,
    },
};

use super::{
    PublishOffer, RED_PAYLOAD_TYPE, ReceivePackets, SendPackets, TransportEvent, TransportEvents,
    packets::{self, Accepted},
    reach::{FALLBACK_AFTER, TcpCandidate},
    runtime::MediaRuntime,
    settings::MIME_TYPE_RED,
};

/// A candidate that leads nowhere (RFC 6666 discard prefix, port 9): see [`Handler::on_ice_connection_state_change`].
const NUDGE: &str = "candidate:1 1 udp 1 100::1 9 typ host";

/// How long the reason of an end may take to come over signalling, before the end alone is told.
const END_GRACE: Duration = Duration::from_millis(300);

/// What the connection is for.
pub(super) enum Role {
    Publish(PublishOffer, SendPackets),
    Play(ReceivePackets),
}

/// Hears the peer connection, on its driver's task: nothing here may wait long.
pub(super) struct Handler {
    role: Role,
    handle: Handle,
    runtime: Arc<MediaRuntime>,
    events: TransportEvents,
    peer: OnceLock<Weak<dyn PeerConnection>>,
    host_candidates: AtomicUsize,
    gathered: Notify,
    ice_connected: AtomicBool,
    connected: AtomicBool,
    tasks: Mutex<Vec<AbortHandle>>,
    track: OnceLock<Arc<TrackLocalStaticRTP>>,
    not_sent: Arc<AtomicU64>,
    takes_red: Arc<AtomicBool>,
}

impl Handler {
    pub(super) fn new(role: Role, handle: Handle, runtime: Arc<MediaRuntime>, events: TransportEvents) -> Self {
        Self {
            role,
            handle,
            runtime,
            events,
            peer: OnceLock::new(),
            host_candidates: AtomicUsize::new(0),
            gathered: Notify::new(),
            ice_connected: AtomicBool::new(false),
            connected: AtomicBool::new(false),
            tasks: Mutex::default(),
            track: OnceLock::new(),
            not_sent: Arc::default(),
            takes_red: Arc::default(),
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

    /// Completes when all host candidates are known. Relayed ones come when they come: the server learns of them by their
    /// checks, so they need not stand in the offer.
    pub(super) async fn gathered(&self) {
        self.gathered.notified().await;
    }

    pub(super) fn packets_not_sent(&self) -> u64 {
        self.not_sent.load(Ordering::Relaxed) + self.runtime.wire().dropped()
    }

    /// Whether the server takes redundant audio from us; known once connected.
    pub(super) fn takes_red(&self) -> bool {
        self.takes_red.load(Ordering::Relaxed)
    }

    /// The answer is applied: connects over TCP where UDP has not been enough, and listens for the end.
    pub(super) fn answered(self: &Arc<Self>, tcp: Vec<TcpCandidate>) {
        let (handler, events) = (Arc::downgrade(self), self.events.clone());
        self.runtime
            .wire()
            .set_tcp(tcp.iter().map(|candidate| candidate.real).collect());
        if !tcp.is_empty() {
            self.run(async move {
                tokio::time::sleep(FALLBACK_AFTER).await;
                let handler = handler
                    .upgrade()
                    .filter(|handler| !handler.ice_connected.load(Ordering::Relaxed));
                if let Some(handler) = handler {
                    handler.connect_tcp(tcp).await;
                }
            });
        }
        let wire = Arc::clone(self.runtime.wire());
        self.run(async move {
            wire.ended().await;
            tokio::time::sleep(END_GRACE).await;
            // Nobody listens any more: then nobody needs to know.
            let _ = events.unbounded_send(TransportEvent::Closed);
        });
    }

    async fn connect_tcp(&self, candidates: Vec<TcpCandidate>) {
        let Some(peer) = self.peer.get().and_then(Weak::upgrade) else {
            return;
        };
        for TcpCandidate { real, alias, line } in candidates {
            tracing::debug!(%real, "UDP has not connected; trying TCP");
            self.runtime.tcp().stand_in(alias, real);
            let candidate = RTCIceCandidateInit {
                candidate: line,
                ..Default::default()
            };
            if let Err(error) = peer.add_ice_candidate(candidate).await {
                tracing::debug!(%error, %real, "a TCP candidate was not taken");
            }
        }
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
        let peer = self.peer.get().and_then(Weak::upgrade);
        let (Role::Publish(_, packets), Some(track), Some(peer)) = (&self.role, self.track.get(), peer) else {
            return;
        };
        let (packets, track, not_sent) = (packets.clone(), track.clone(), self.not_sent.clone());
        let takes_red = self.takes_red.clone();
        self.run(async move {
            let accepted = accepted(&peer).await;
            drop(peer);
            takes_red.store(accepted.red, Ordering::Relaxed);
            packets::write(packets, track, accepted, not_sent).await;
        });
    }
}

#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        let candidate = event.candidate;
        let is_host = candidate.typ == RTCIceCandidateType::Host && candidate.protocol == RTCIceProtocol::Udp;
        if is_host && self.host_candidates.fetch_add(1, Ordering::Relaxed) + 1 == self.runtime.udp_sockets() {
            self.gathered.notify_one();
        }
    }

    /// Where an address could not be bound there are fewer candidates than were counted on.
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.notify_one();
        }
    }

    /// The ClientHello that the crate makes when ICE connects lies until the driver's next time-out. A candidate makes a
    /// time-out due at once, so one is added; it is never checked, because a pair is selected already.
    async fn on_ice_connection_state_change(&self, state: RTCIceConnectionState) {
        if state == RTCIceConnectionState::Connected
            && !self.ice_connected.swap(true, Ordering::Relaxed)
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
                if !self.connected.swap(true, Ordering::Relaxed) {
                    self.runtime.wire().set_connected();
                    self.runtime.tcp().close_unused();
                    self.start_writing();
                }
                self.tell(TransportEvent::Connected);
            }
            // What went through a TURN server belongs to the address that is gone: nothing will come back.
            RTCPeerConnectionState::Disconnected if self.runtime.wire().has_moved() => self.tell(TransportEvent::Failed),
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

/// What the server accepted of our offer.
async fn accepted(peer: &Arc<dyn PeerConnection>) -> Accepted {
    let Some(sender) = peer.get_senders().await.into_iter().next() else {
        return Accepted::default();
    };
    let Ok(parameters) = sender.get_parameters().await else {
        return Accepted::default();
    };
    let rtp = parameters.rtp_parameters;
    let level = rtp
        .header_extensions
        .iter()
        .find(|extension| extension.uri == AUDIO_LEVEL_URI);
    let is_red = |codec: &RTCRtpCodecParameters| {
        codec.payload_type == RED_PAYLOAD_TYPE && codec.rtp_codec.mime_type.eq_ignore_ascii_case(MIME_TYPE_RED)
    };
    Accepted {
        level_id: level.and_then(|level| u8::try_from(level.id).ok()),
        red: rtp.codecs.iter().any(is_red),
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt, channel::mpsc};

    use super::*;
    use crate::rtp::{ReceiveOptions, receive_pipeline};

    #[tokio::test]
    async fn silence_is_for_good_where_the_address_is_gone_and_the_server_not_heard_since() {
        let (events, told) = mpsc::unbounded();
        let runtime = Arc::new(MediaRuntime::new(Handle::current()));
        let (_source, packets, _stats) = receive_pipeline(ReceiveOptions::default()).unwrap();
        let role = Role::Play(Arc::new(Mutex::new(packets)));
        let handler = Handler::new(role, Handle::current(), runtime.clone(), events);
        for moved in [false, true, false] {
            runtime.wire().set_moved(moved);
            handler.on_connection_state_change(RTCPeerConnectionState::Disconnected).await;
        }
        drop(handler);
        let told: Vec<_> = told.collect().await;
        use TransportEvent::{Disconnected, Failed};
        assert_eq!(told, [Disconnected, Failed, Disconnected]);
    }
}
