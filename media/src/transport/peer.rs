//! [`MediaTransport`] on the `webrtc` crate: one peer connection, sendonly or recvonly, one socket for each local address.
//!
//! Everything runs on the `zego-media` runtime, whoever calls: the peer connection's driver, the task that writes packets,
//! the task that reads them.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use express_messages::ice::IceServer;
use rtc::{
    media_stream::MediaStreamTrack,
    peer_connection::configuration::{RTCConfigurationBuilder, RTCIceServer},
    rtp_transceiver::{
        RTCRtpTransceiverDirection, RTCRtpTransceiverInit,
        rtp_sender::{RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind},
    },
    statistics::stats::RTCStatsType,
};
use tokio::{runtime::Handle, task::JoinHandle};
use webrtc::{
    error::Result,
    media_stream::track_local::static_rtp::TrackLocalStaticRTP,
    peer_connection::{PeerConnection, PeerConnectionBuilder, RTCSessionDescription, RTCStatsReportEntry, StatsSelector},
};

use super::{
    MediaTransport, PublishOffer, ReceivePackets, ReceiverReport, SendPackets, TransportError, TransportEvents, TransportFactory,
    TransportStats, addresses,
    handler::{Handler, Role},
    reach,
    runtime::MediaRuntime,
    settings,
};
use crate::control::Checks;

/// Local candidates come from sockets that are bound already, so this is only ever reached by a driver that died.
const GATHERING_TIMEOUT: Duration = Duration::from_secs(5);
/// Clock rate of the jitter in receiver reports.
const RTP_CLOCK_HZ: f64 = 48_000.0;

/// Makes transports on the `webrtc` crate.
#[derive(Debug, Clone)]
pub struct WebRtcTransports {
    handle: Handle,
}

impl WebRtcTransports {
    /// Everything of every transport runs on the runtime of `handle`.
    pub fn new(handle: Handle) -> Self {
        Self { handle }
    }

    fn transport(&self, role: Role, ice_servers: &[IceServer], events: TransportEvents) -> Arc<dyn MediaTransport> {
        let runtime = Arc::new(MediaRuntime::new(self.handle.clone()));
        let handler = Arc::new(Handler::new(role, self.handle.clone(), runtime.clone(), events));
        Arc::new(WebRtcTransport {
            handle: self.handle.clone(),
            connection: Arc::new(Connection {
                runtime,
                relays: reach::relays(ice_servers),
                handler,
                peer: tokio::sync::Mutex::new(Peer::New),
            }),
        })
    }
}

impl TransportFactory for WebRtcTransports {
    fn publish(
        &self,
        offer: PublishOffer,
        packets: SendPackets,
        ice_servers: &[IceServer],
        events: TransportEvents,
    ) -> Arc<dyn MediaTransport> {
        self.transport(Role::Publish(offer, packets), ice_servers, events)
    }

    fn play(&self, packets: ReceivePackets, ice_servers: &[IceServer], events: TransportEvents) -> Arc<dyn MediaTransport> {
        self.transport(Role::Play(packets), ice_servers, events)
    }
}

enum Peer {
    New,
    Open(Arc<dyn PeerConnection>),
    Closed,
}

/// The connection and what closes it.
struct Connection {
    runtime: Arc<MediaRuntime>,
    relays: Vec<RTCIceServer>,
    handler: Arc<Handler>,
    peer: tokio::sync::Mutex<Peer>,
}

struct WebRtcTransport {
    handle: Handle,
    connection: Arc<Connection>,
}

impl fmt::Debug for WebRtcTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.connection.handler.role() {
            Role::Publish(..) => "WebRtcTransport(publish)",
            Role::Play(_) => "WebRtcTransport(play)",
        })
    }
}

impl WebRtcTransport {
    /// Runs `work` on the media runtime; its end is awaited wherever the caller is.
    async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let task: JoinHandle<T> = self.handle.spawn(work);
        task.await.ok()
    }
}

#[async_trait]
impl MediaTransport for WebRtcTransport {
    async fn offer(&self) -> std::result::Result<String, TransportError> {
        let connection = self.connection.clone();
        let offer = self.run(async move { connection.offer().await }).await;
        offer.unwrap_or(Err(TransportError::Closed))
    }

    async fn apply_answer(&self, answer: String) -> std::result::Result<(), TransportError> {
        let connection = self.connection.clone();
        let applied = self.run(async move { connection.apply_answer(answer).await }).await;
        applied.unwrap_or(Err(TransportError::Closed))
    }

    async fn stats(&self) -> TransportStats {
        let connection = self.connection.clone();
        let stats = self.run(async move { connection.stats().await }).await;
        stats.unwrap_or_default()
    }

    async fn close(&self) {
        let connection = self.connection.clone();
        self.run(async move { connection.close().await }).await;
    }
}

impl Drop for WebRtcTransport {
    fn drop(&mut self) {
        let connection = self.connection.clone();
        self.handle.spawn(async move { connection.close().await });
    }
}

impl Connection {
    async fn offer(&self) -> std::result::Result<String, TransportError> {
        let mut slot = self.peer.lock().await;
        if !matches!(*slot, Peer::New) {
            return Err(TransportError::Closed);
        }
        let peer = self.build().await.map_err(|error| TransportError::Offer(error.to_string()))?;
        *slot = Peer::Open(peer.clone());
        match tokio::time::timeout(GATHERING_TIMEOUT, self.describe(&peer)).await {
            Ok(Ok(sdp)) => Ok(sdp),
            Ok(Err(error)) => Err(TransportError::Offer(error.to_string())),
            Err(_) => Err(TransportError::Offer("local candidates were not gathered in time".into())),
        }
    }

    async fn build(&self) -> Result<Arc<dyn PeerConnection>> {
        let (channels, sends) = match self.handler.role() {
            Role::Publish(offer, _) => (offer.channels, true),
            Role::Play(_) => (1, false),
        };
        let addresses = addresses::host_addresses();
        let peer = PeerConnectionBuilder::new()
            .with_configuration(RTCConfigurationBuilder::new().with_ice_servers(self.relays.clone()).build())
            .with_media_engine(settings::media_engine(channels, sends)?)
            .with_setting_engine(settings::setting_engine(sends))
            .with_interceptor_registry(settings::interceptors())
            .with_runtime(self.runtime.clone())
            .with_handler(self.handler.clone())
            .with_udp_addrs(addresses.clone())
            .with_tcp_addrs(addresses)
            .build()
            .await?;
        let peer: Arc<dyn PeerConnection> = Arc::new(peer);
        self.handler.set_peer(&peer);
        match self.handler.role() {
            Role::Publish(offer, _) => {
                let track = Arc::new(local_track(*offer));
                self.handler.set_track(track.clone());
                let init = transceiver(RTCRtpTransceiverDirection::Sendonly);
                peer.add_transceiver_from_track(track, Some(init)).await?;
            }
            Role::Play(_) => {
                let init = transceiver(RTCRtpTransceiverDirection::Recvonly);
                peer.add_transceiver_from_kind(RtpCodecKind::Audio, Some(init)).await?;
            }
        }
        Ok(peer)
    }

    async fn describe(&self, peer: &Arc<dyn PeerConnection>) -> Result<String> {
        let offer = peer.create_offer(None).await?;
        peer.set_local_description(offer).await?;
        self.handler.gathered().await;
        let description = peer.local_description().await;
        description
            .map(|description| reach::without_tcp(&description.sdp))
            .ok_or(webrtc::error::Error::ErrConnectionClosed)
    }

    async fn apply_answer(&self, answer: String) -> std::result::Result<(), TransportError> {
        let slot = self.peer.lock().await;
        let Peer::Open(peer) = &*slot else {
            return Err(TransportError::Closed);
        };
        let wrong = |error: webrtc::error::Error| TransportError::Answer(error.to_string());
        let (answer, tcp) = reach::keep_back_tcp(&answer);
        let answer = RTCSessionDescription::answer(answer).map_err(wrong)?;
        peer.set_remote_description(answer).await.map_err(wrong)?;
        self.handler.answered(tcp);
        Ok(())
    }

    async fn stats(&self) -> TransportStats {
        let slot = self.peer.lock().await;
        let mut stats = TransportStats {
            packets_not_sent: self.handler.packets_not_sent(),
            red: self.handler.takes_red(),
            ..Default::default()
        };
        let Peer::Open(peer) = &*slot else {
            return stats;
        };
        let report = peer.get_stats(Instant::now(), StatsSelector::None).await;
        let in_use = report
            .candidate_pairs()
            .filter(|pair| pair.nominated && pair.current_round_trip_time > 0.0)
            .max_by_key(|pair| pair.packets_received.saturating_add(pair.packets_sent));
        if let Some(pair) = in_use {
            stats.round_trip_time = Duration::try_from_secs_f64(pair.current_round_trip_time).ok();
            stats.checks = Checks {
                sent: pair.requests_sent,
                answered: pair.responses_received,
                round_trip: stats.round_trip_time,
            };
        }
        stats.remote = report.iter_by_type(RTCStatsType::RemoteInboundRTP).find_map(receiver_report);
        stats
    }

    async fn close(&self) {
        self.runtime.wire().set_closing();
        self.handler.stop_tasks();
        let peer = std::mem::replace(&mut *self.peer.lock().await, Peer::Closed);
        if let Peer::Open(peer) = peer
            && let Err(error) = peer.close().await
        {
            tracing::debug!(%error, "a peer connection did not close cleanly");
        }
        // An event that was under way may have started one.
        self.handler.stop_tasks();
    }
}

/// The last report of the server on our stream, if one came.
fn receiver_report(entry: &RTCStatsReportEntry) -> Option<ReceiverReport> {
    let RTCStatsReportEntry::RemoteInboundRtp(remote) = entry else {
        return None;
    };
    // The crate measures no round-trip time here, but it counts the reports.
    (remote.round_trip_time_measurements > 0).then(|| ReceiverReport {
        packets_lost: signed_24_bits(remote.received_rtp_stream_stats.packets_lost),
        jitter: Duration::try_from_secs_f64(remote.received_rtp_stream_stats.jitter / RTP_CLOCK_HZ).unwrap_or_default(),
    })
}

/// The cumulative loss as RFC 3550 §6.4.1 means it: duplicates make it negative. The crate reads it as unsigned.
fn signed_24_bits(count: i64) -> i64 {
    if count >= 1 << 23 { count - (1 << 24) } else { count }
}

fn transceiver(direction: RTCRtpTransceiverDirection) -> RTCRtpTransceiverInit {
    RTCRtpTransceiverInit {
        direction,
        ..Default::default()
    }
}

fn local_track(offer: PublishOffer) -> TrackLocalStaticRTP {
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            ssrc: Some(offer.ssrc),
            ..Default::default()
        },
        codec: settings::opus(offer.channels),
        ..Default::default()
    };
    TrackLocalStaticRTP::new(MediaStreamTrack::new(
        "audio".to_owned(),
        "audio".to_owned(),
        "audio".to_owned(),
        RtpCodecKind::Audio,
        vec![encoding],
    ))
}
