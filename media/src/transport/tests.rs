//! Both transports for real, over loopback, against a peer connection of the `webrtc` crate in the server's place.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use express_messages::{
    audio::{AudioBlock, CaptureSink, PlayoutSource},
    publisher::EncoderOptions,
    red,
};
use futures::{StreamExt, channel::mpsc};
use rtc::{
    media_stream::MediaStreamTrack,
    rtp,
    rtp_transceiver::rtp_sender::{
        RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind,
    },
    sdp::extmap::AUDIO_LEVEL_URI,
};
use tokio::{runtime::Handle, sync::Notify};
use webrtc::{
    media_stream::{
        track_local::{TrackLocal, static_rtp::TrackLocalStaticRTP},
        track_remote::{TrackRemote, TrackRemoteEvent},
    },
    peer_connection::{
        MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
        RTCPeerConnectionState, RTCSessionDescription,
    },
};

mod over_tcp;

use super::{
    OPUS_PAYLOAD_TYPE, PublishOffer, RED_PAYLOAD_TYPE, TransportError, TransportEvent, TransportFactory, WebRtcTransports,
    runtime::MediaRuntime, settings,
};
use crate::{
    playout::PlayoutOptions,
    rtp::{CopySet, ReceiveStats, RtpStart, SendPlan, receive_pipeline, send_pipeline},
};

/// The slack of everything that waits for the network.
const PATIENCE: Duration = Duration::from_secs(20);

/// The other side: answers one offer.
#[derive(Default)]
struct Server {
    /// Whether it accepts the audio level.
    levels: bool,
    /// Whether it accepts Opus alone.
    opus_only: bool,
    gathered: Notify,
    connected: Notify,
    /// Every packet that came.
    heard: Arc<Mutex<Vec<rtp::Packet>>>,
}

#[async_trait]
impl PeerConnectionEventHandler for Server {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.notify_one();
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        if state == RTCPeerConnectionState::Connected {
            self.connected.notify_one();
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let heard = self.heard.clone();
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    heard.lock().unwrap().push(packet);
                }
            }
        });
    }
}

impl Server {
    /// The answer to `offer`; `track` is what it sends.
    async fn answer(
        self: &Arc<Self>,
        offer: String,
        track: Option<Arc<TrackLocalStaticRTP>>,
    ) -> (Arc<dyn PeerConnection>, String) {
        let mut media = settings::media_engine(1, false).unwrap();
        if self.opus_only {
            media = MediaEngine::default();
            let rtp_codec = settings::opus(1);
            let payload_type = OPUS_PAYLOAD_TYPE;
            let codec = RTCRtpCodecParameters { rtp_codec, payload_type };
            media.register_codec(codec, RtpCodecKind::Audio).unwrap();
        }
        if self.levels {
            let uri = AUDIO_LEVEL_URI.to_owned();
            let level = RTCRtpHeaderExtensionCapability { uri };
            media.register_header_extension(level, RtpCodecKind::Audio, None).unwrap();
        }
        let peer = PeerConnectionBuilder::new()
            .with_media_engine(media)
            .with_setting_engine(settings::setting_engine(false))
            .with_interceptor_registry(settings::interceptors())
            .with_runtime(Arc::new(MediaRuntime::new(Handle::current())))
            .with_handler(self.clone())
            .with_udp_addrs(vec!["127.0.0.1:0"])
            .build()
            .await
            .unwrap();
        let offer = RTCSessionDescription::offer(offer).unwrap();
        peer.set_remote_description(offer).await.unwrap();
        if let Some(track) = track {
            peer.add_track(track).await.unwrap();
        }
        let answer = peer.create_answer(None).await.unwrap();
        peer.set_local_description(answer).await.unwrap();
        self.gathered.notified().await;
        let answer = peer.local_description().await.unwrap();
        (Arc::new(peer), answer.sdp)
    }
}

fn receiving() -> (super::ReceivePackets, ReceiveStats, crate::rtp::ReceivePipeline) {
    let options = PlayoutOptions::default();
    let (source, packets, stats) = receive_pipeline(options).unwrap();
    (Arc::new(Mutex::new(packets)), stats, source)
}

async fn expect(events: &mut mpsc::UnboundedReceiver<TransportEvent>, wanted: TransportEvent) {
    let event = tokio::time::timeout(PATIENCE, events.next()).await;
    assert_eq!(event.expect("an event in time"), Some(wanted));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_reaches_the_server_with_its_packets_and_their_audio_level() {
    let packets = publish_to(Server {
        levels: true,
        ..Default::default()
    })
    .await;
    assert!(packets.iter().all(|packet| packet.header.extensions.len() == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_wants_no_audio_level_gets_the_packets_without() {
    let packets = publish_to(Server::default()).await;
    assert!(packets.iter().all(|packet| packet.header.extensions.is_empty()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_takes_copies_gets_them_in_packets_of_their_own_type() {
    let packets = publish_to(Server::default()).await;
    let copies = |packet: &rtp::Packet| red::read(&packet.payload).map(|blocks| blocks.copies());
    // The first packet has nothing to copy.
    assert_eq!(packets[0].header.payload_type, OPUS_PAYLOAD_TYPE);
    for packet in &packets[1..] {
        assert_eq!((packet.header.payload_type, copies(packet)), (RED_PAYLOAD_TYPE, Some(1)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_takes_no_copies_gets_the_frames_alone() {
    let packets = publish_to(Server {
        opus_only: true,
        ..Default::default()
    })
    .await;
    assert!(packets.iter().all(|packet| packet.header.payload_type == OPUS_PAYLOAD_TYPE));
    // Less than with a copy: the frames are those of 48 kbit/s in two.
    assert!(packets[1..].iter().all(|packet| packet.payload.len() < 100), "{packets:?}");
}

/// The first packets that `server` gets; each carries a copy of the one before where the server takes that.
async fn publish_to(server: Server) -> Vec<rtp::Packet> {
    publish_through(server, std::future::ready).await
}

/// The same, with the answer as `change` makes it.
async fn publish_through<F: Future<Output = String>>(server: Server, change: impl FnOnce(String) -> F) -> Vec<rtp::Packet> {
    let rtp = RtpStart {
        ssrc: 4_711,
        payload_type: OPUS_PAYLOAD_TYPE,
        sequence: 1_000,
        timestamp: 5,
    };
    let (mut sink, packets, control, _stats) = send_pipeline(&EncoderOptions::default(), rtp).unwrap();
    let (events, mut happened) = mpsc::unbounded();
    let offer = PublishOffer {
        ssrc: 4_711,
        channels: 1,
    };
    let transports = WebRtcTransports::new(Handle::current());
    let transport = transports.publish(offer, Arc::new(tokio::sync::Mutex::new(packets)), &[], events);

    let offer = transport.offer().await.unwrap();
    for line in [
        "a=sendonly",
        "a=rtpmap:111 opus/48000/2",
        "a=rtpmap:63 red/48000/2",
        "a=fmtp:63 111/111",
        "ssrc-audio-level",
        "127.0.0.1",
        "useinbandfec=1",
    ] {
        assert!(offer.contains(line), "{line} in {offer}");
    }
    let server = Arc::new(server);
    let (peer, answer) = server.answer(offer, None).await;
    transport.apply_answer(change(answer).await).await.unwrap();
    expect(&mut happened, TransportEvent::Connected).await;
    tokio::time::timeout(PATIENCE, server.connected.notified()).await.unwrap();

    control.set_active(true);
    control.set_plan(SendPlan {
        copies: CopySet::of(&[1]),
        ..SendPlan::plain(48_000)
    });
    let mut block = AudioBlock::silent(1);
    block.samples_mut().fill(0.25);
    let heard = || server.heard.lock().unwrap().clone();
    tokio::time::timeout(PATIENCE, async {
        while heard().len() < 5 {
            sink.on_block(&block, std::time::Instant::now());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .unwrap();
    let packets = heard();
    assert!(packets.iter().all(|packet| packet.header.ssrc == 4_711));
    assert!(packets.iter().all(|packet| !packet.payload.is_empty()));
    assert!(
        packets
            .windows(2)
            .all(|pair| pair[1].header.sequence_number == pair[0].header.sequence_number + 1)
    );

    let stats = transport.stats().await;
    assert!(
        stats.round_trip_time.is_some_and(|rtt| rtt < Duration::from_secs(1)),
        "{stats:?}"
    );
    let checks = stats.checks;
    assert_eq!(checks.round_trip, stats.round_trip_time);
    assert!(checks.answered > 0 && checks.sent >= checks.answered, "{checks:?}");
    assert_eq!((stats.packets_not_sent, stats.red), (0, !server.opus_only));
    // The other side leaves: DTLS says so, and nothing else does.
    peer.close().await.unwrap();
    expect(&mut happened, TransportEvent::Closed).await;
    transport.close().await;
    assert_eq!(transport.offer().await, Err(TransportError::Closed));
    packets
}

/// Silence, in Opus.
const FRAME: &[u8] = &[0xf8, 0xff, 0xfe];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_player_gets_the_servers_packets_and_hears_a_lost_one_from_its_copy() {
    let (packets, stats, mut source) = receiving();
    let (events, mut happened) = mpsc::unbounded();
    let transport = WebRtcTransports::new(Handle::current()).play(packets, &[], events);
    let offer = transport.offer().await.unwrap();
    assert!(offer.contains("a=recvonly"), "{offer}");

    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            ssrc: Some(99),
            ..Default::default()
        },
        codec: settings::opus(1),
        ..Default::default()
    };
    let name = || "audio".to_owned();
    let track = MediaStreamTrack::new(name(), name(), name(), RtpCodecKind::Audio, vec![encoding]);
    let track = Arc::new(TrackLocalStaticRTP::new(track));
    let server = Arc::new(Server::default());
    let (peer, answer) = server.answer(offer, Some(track.clone())).await;
    transport.apply_answer(answer).await.unwrap();
    expect(&mut happened, TransportEvent::Connected).await;
    tokio::time::timeout(PATIENCE, server.connected.notified()).await.unwrap();

    // Each packet has the frame before once more, and the third of four is lost.
    let mut header = rtp::Header {
        version: 2,
        payload_type: RED_PAYLOAD_TYPE,
        ssrc: 99,
        ..Default::default()
    };
    let mut out = AudioBlock::silent(1);
    tokio::time::timeout(PATIENCE, async {
        let mut clock = tokio::time::interval(Duration::from_millis(10));
        while stats.snapshot().playout.red_frames == 0 {
            header.sequence_number += 1;
            header.timestamp += 960;
            let mut payload = Vec::new();
            payload.extend(red::copy_header(OPUS_PAYLOAD_TYPE, 960, FRAME.len()).unwrap());
            payload.extend(red::own_header(OPUS_PAYLOAD_TYPE));
            payload.extend([FRAME, FRAME].concat());
            let packet = rtp::Packet {
                header: header.clone(),
                payload: payload.into(),
            };
            if header.sequence_number % 4 != 3 {
                track.write_rtp(packet).await.unwrap();
            }
            for _ in 0..2 {
                clock.tick().await;
                source.next_block(&mut out, std::time::Instant::now());
            }
        }
    })
    .await
    .unwrap();
    transport.close().await;
    peer.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_no_answer_is_refused() {
    let (packets, _stats, _source) = receiving();
    let (events, _happened) = mpsc::unbounded();
    let transport = WebRtcTransports::new(Handle::current()).play(packets, &[], events);
    transport.offer().await.unwrap();
    let applied = transport.apply_answer("v=0\r\nnonsense".into()).await;
    assert!(matches!(applied, Err(TransportError::Answer(_))), "{applied:?}");
    transport.close().await;
    assert_eq!(transport.apply_answer(String::new()).await, Err(TransportError::Closed));
    transport.close().await;
}

#[test]
fn a_transport_that_is_dropped_frees_its_sockets() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (packets, _stats, _source) = receiving();
    let (events, mut happened) = mpsc::unbounded();
    let transport = WebRtcTransports::new(runtime.handle().clone()).play(packets.clone(), &[], events);
    // Called from outside of the runtime, as the actors do.
    let offer = futures::executor::block_on(transport.offer()).unwrap();
    let port: u16 = offer
        .lines()
        .find_map(|line| line.split_once(" 127.0.0.1 ")?.1.split(' ').next()?.parse().ok())
        .expect("a loopback candidate");
    assert!(std::net::UdpSocket::bind(("127.0.0.1", port)).is_err());
    drop(transport);
    // The handler goes with the driver, and the event channel with the handler.
    let freed = async {
        while happened.next().await.is_some() {}
        while std::net::UdpSocket::bind(("127.0.0.1", port)).is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    runtime
        .block_on(async { tokio::time::timeout(PATIENCE, freed).await })
        .unwrap();
}
