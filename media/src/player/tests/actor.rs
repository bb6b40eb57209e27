//! The actor against recorded peers and a fake transport, in virtual time.

mod muted;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Actor, Context, Handler, Recipient, ResponseFuture};
use bytes::Bytes;
use express_messages::{
    audio::{AudioBlock, PlayoutSource},
    audio_device::{AttachSource, DetachSource},
    ids::StreamId,
    player::{
        PlaybackEnded, PlayerEvent, PlayerFactory, PlayerLink, PlayerLinkRestored, PlayerOptions, PlayerPeers, StopPlayer,
        StreamAppeared,
    },
    publisher::EncoderOptions,
    room::{PausePlayStream, PlayStream, RequestError, SdpAnswer, SessionFate, StopPlayStream},
    testkit::{Recorded, Recorder},
    timings::Timings,
};

use super::{NO_PLAY, PLAYING, REQUESTING};
use crate::{
    MediaParts,
    codec::Encoder,
    rtp::{RtpHeader, RtpPacketIn},
    transport::{
        OPUS_PAYLOAD_TYPE, ReceivePackets, TransportEvent,
        fake::{BAD_ANSWER, FakeTransports},
    },
};

const MS: Duration = Duration::from_millis(1);

/// One player and everything around it.
struct Stage {
    transports: FakeTransports,
    link: PlayerLink,
    events: Recorded<PlayerEvent>,
    play: Recorded<PlayStream>,
    stop_play: Recorded<StopPlayStream>,
    pause_play: Recorded<PausePlayStream>,
    attach: Recorded<AttachSource>,
    detach: Recorded<DetachSource>,
}

type Answer = Result<SdpAnswer, RequestError>;

fn good() -> Answer {
    Ok(SdpAnswer {
        sdp: "answer".into(),
        loudest: 0,
    })
}

fn missing() -> Answer {
    Err(RequestError::Refused {
        code: 1104039,
        message: "no such stream".into(),
        retry_after: Some(Duration::from_secs(3)),
    })
}

fn start(answers: impl IntoIterator<Item = Answer>) -> Stage {
    start_with(Recorder::answering(answers, good), Recorder::answering([], || Ok(())))
}

fn start_with(
    (play, played): (Recipient<PlayStream>, Recorded<PlayStream>),
    (pause_play, paused): (Recipient<PausePlayStream>, Recorded<PausePlayStream>),
) -> Stage {
    let transports = FakeTransports::default();
    let (owner, events) = Recorder::start();
    let (stop_play, stopped) = Recorder::start();
    let (attach, attached) = Recorder::start();
    let (detach, detached) = Recorder::start();
    let (ice_servers, _) = Recorder::answering([], Vec::new);
    let peers = PlayerPeers {
        play,
        stop_play,
        pause_play,
        ice_servers,
        attach,
        detach,
    };
    let options = PlayerOptions {
        stream_id: StreamId::new("s1").unwrap(),
        jitter_buffer_target: None,
        low_latency: false,
        loudest: None,
        timings: Timings::default(),
    };
    let parts = MediaParts::with_transports(Arc::new(transports.clone()));
    Stage {
        link: PlayerFactory::start(&parts, options, owner, peers),
        transports,
        events,
        play: played,
        stop_play: stopped,
        pause_play: paused,
        attach: attached,
        detach: detached,
    }
}

impl Stage {
    async fn settle(&self) {
        tokio::time::sleep(MS).await;
    }

    /// What was told since this was last asked, without quality.
    fn told(&self) -> Vec<(&'static str, i32)> {
        let told = |event| match event {
            PlayerEvent::StateChanged { state, code, .. } => Some((state.as_str(), code)),
            PlayerEvent::Negotiated => Some(("negotiated", 0)),
            PlayerEvent::Exited { panicked: false } => Some(("exited", 0)),
            PlayerEvent::Quality(_) | PlayerEvent::Interval(_) => None,
            other => panic!("unexpected {other:?}"),
        };
        self.events.take().into_iter().filter_map(told).collect()
    }

    fn stop(&self) {
        self.link.stop.do_send(StopPlayer {
            code: 0,
            message: String::new(),
        });
    }

    async fn connect(&self) {
        self.settle().await;
        self.transports.latest().tell(TransportEvent::Connected);
        self.settle().await;
    }
}

/// A publisher's packets and the pump of the listener, in step with the virtual clock.
struct Flow {
    encoder: Encoder,
    header: RtpHeader,
    source: Box<dyn PlayoutSource>,
}

impl Flow {
    fn new(source: Box<dyn PlayoutSource>) -> Self {
        Self {
            encoder: Encoder::new(&EncoderOptions::default()).unwrap(),
            header: RtpHeader {
                payload_type: OPUS_PAYLOAD_TYPE,
                sequence_number: 100,
                timestamp: 48_000,
                ssrc: 7,
                ..Default::default()
            },
            source,
        }
    }

    /// `time` passes; packets arrive every 20 ms while there is somewhere to put them.
    async fn run(&mut self, time: Duration, packets: Option<&ReceivePackets>) {
        let mut pump = tokio::time::interval(10 * MS);
        for step in 0..time.as_millis() / 10 {
            pump.tick().await;
            let now = tokio::time::Instant::now().into_std();
            if let (Some(packets), 0) = (packets, step % 2) {
                let packet = self.packet();
                assert!(packets.lock().unwrap().push(now, packet));
            }
            self.ask(now);
        }
    }

    fn packet(&mut self) -> RtpPacketIn {
        let mut payload = [0; 1_275];
        let length = self.encoder.encode(&[0.25; 960], &mut payload).unwrap();
        self.header.sequence_number = self.header.sequence_number.wrapping_add(1);
        self.header.timestamp = self.header.timestamp.wrapping_add(960);
        RtpPacketIn {
            header: self.header,
            payload: Bytes::copy_from_slice(&payload[..length]),
        }
    }

    fn ask(&mut self, now: Instant) {
        self.source.next_block(&mut AudioBlock::silent(1), now);
    }
}

#[actix::test]
async fn a_playback_lives_from_start_to_stop() {
    tokio::time::pause();
    let stage = start([]);
    stage.settle().await;
    assert_eq!(stage.told(), [(REQUESTING, 0), ("negotiated", 0)]);
    let asked = stage.play.take();
    assert_eq!((asked[0].stream_id.as_str(), asked[0].offer.as_str()), ("s1", "offer 1"));
    stage.connect().await;
    assert_eq!(stage.told(), [], "playing comes with the first decoded packet");

    let transport = stage.transports.latest();
    let mut flow = Flow::new(stage.attach.take().remove(0).source);
    flow.run(500 * MS, transport.receive.as_ref()).await;
    assert_eq!(stage.told(), [(PLAYING, 0)]);

    stage.stop();
    stage.settle().await;
    assert_eq!(stage.told(), [(NO_PLAY, 0), ("exited", 0)]);
    assert_eq!((stage.stop_play.len(), stage.detach.len()), (1, 1));
    assert_eq!(stage.transports.open(), 0);
}

#[actix::test]
async fn media_that_stops_is_an_interruption_and_its_return_is_playing() {
    tokio::time::pause();
    let stage = start([]);
    stage.connect().await;
    let transport = stage.transports.latest();
    let mut flow = Flow::new(stage.attach.take().remove(0).source);
    flow.run(Duration::from_secs(8), transport.receive.as_ref()).await;
    assert_eq!(stage.told(), [(REQUESTING, 0), ("negotiated", 0), (PLAYING, 0)]);
    flow.run(Duration::from_secs(7), None).await;
    assert_eq!(stage.told(), [(REQUESTING, 1004020)]);
    flow.run(Duration::from_secs(2), transport.receive.as_ref()).await;
    assert_eq!(stage.told(), [(PLAYING, 0)]);
    assert_eq!(stage.transports.made(), 1);
}

#[actix::test]
async fn quality_comes_every_3_seconds_of_playing() {
    tokio::time::pause();
    let stage = start([]);
    stage.connect().await;
    let transport = stage.transports.latest();
    let mut flow = Flow::new(stage.attach.take().remove(0).source);
    flow.run(Duration::from_secs(7), transport.receive.as_ref()).await;
    let (mut reports, mut intervals) = (Vec::new(), Vec::new());
    for event in stage.events.take() {
        match event {
            PlayerEvent::Quality(stats) => reports.push(stats),
            PlayerEvent::Interval(interval) => intervals.push(interval),
            _ => {}
        }
    }
    assert_eq!((reports.len(), intervals.len()), (2, 2));
    let interval = intervals[1];
    assert!((interval.seconds - 3.0).abs() < 0.1 && !interval.paused, "{interval:?}");
    assert!((148..=152).contains(&interval.packets_received), "{interval:?}");
    assert!(
        interval.packets_received.abs_diff(interval.packets_decoded) <= 3,
        "{interval:?}"
    );
    let last = &reports[1].audio;
    assert!((49.0..=51.0).contains(&last.audio_fps), "{last:?}");
    assert_eq!((last.audio_packets_lost, last.mute_state.as_str()), (0, "0"));
    assert!(reports[1].peer_to_peer_delay.is_some_and(|delay| delay > 15.0));
}

#[actix::test]
async fn a_missing_stream_stays_pending_until_it_appears() {
    tokio::time::pause();
    let stage = start([missing(), missing()]);
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!((stage.told(), stage.play.len()), (vec![(REQUESTING, 0)], 2));
    stage.link.appeared.do_send(StreamAppeared);
    stage.settle().await;
    assert_eq!((stage.told(), stage.play.len()), (vec![("negotiated", 0)], 3));
}

#[actix::test]
async fn a_stream_that_never_appears_ends_with_1104039() {
    tokio::time::pause();
    let stage = start(std::iter::repeat_n(missing(), 1_000));
    tokio::time::sleep(Duration::from_secs(20 * 60 + 1)).await;
    assert_eq!(stage.told(), [(REQUESTING, 0), (NO_PLAY, 1104039), ("exited", 0)]);
    assert_eq!((stage.transports.open(), stage.attach.len()), (0, 0));
}

#[actix::test]
async fn a_playback_that_the_server_ended_for_good_ends_the_actor() {
    tokio::time::pause();
    let stage = start([]);
    stage.connect().await;
    let ended = |code| PlaybackEnded {
        code,
        message: "over".into(),
    };
    stage.link.ended.do_send(ended(1004020));
    stage.settle().await;
    assert_eq!(stage.told(), [(REQUESTING, 0), ("negotiated", 0), (REQUESTING, 1004020)]);
    stage.link.ended.do_send(ended(1004025));
    stage.settle().await;
    assert_eq!(stage.told(), [(NO_PLAY, 1004025), ("exited", 0)]);
    assert_eq!(stage.transports.open(), 0);
}

#[actix::test]
async fn an_answer_that_cannot_be_used_is_asked_for_again() {
    tokio::time::pause();
    let stage = start([Ok(SdpAnswer {
        sdp: BAD_ANSWER.into(),
        loudest: 0,
    })]);
    tokio::time::sleep(400 * MS).await;
    assert_eq!(stage.told(), [(REQUESTING, 0), (REQUESTING, 1104025), ("negotiated", 0)]);
}

/// A room role that answers late.
struct SlowRoom(Duration);

impl Actor for SlowRoom {
    type Context = Context<Self>;
}

impl Handler<PlayStream> for SlowRoom {
    type Result = ResponseFuture<Answer>;

    fn handle(&mut self, _: PlayStream, _: &mut Self::Context) -> Self::Result {
        let wait = self.0;
        Box::pin(async move {
            tokio::time::sleep(wait).await;
            good()
        })
    }
}

#[actix::test]
async fn an_exchange_that_is_answered_after_the_stop_changes_nothing() {
    tokio::time::pause();
    let (_, unused) = Recorder::answering([], good);
    let room = SlowRoom(Duration::from_secs(5)).start().recipient();
    let stage = start_with((room, unused), Recorder::answering([], || Ok(())));
    stage.settle().await;
    stage.stop();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(stage.told(), [(REQUESTING, 0), (NO_PLAY, 0), ("exited", 0)]);
    assert_eq!((stage.stop_play.len(), stage.transports.open()), (1, 0));
}

#[actix::test]
async fn a_login_that_moves_is_heard_from_the_former_node_until_the_other_had_time_to_bring_it() {
    tokio::time::pause();
    let stage = start([]);
    stage.connect().await;
    let former = stage.transports.latest();
    let mut flow = Flow::new(stage.attach.take().remove(0).source);
    flow.run(500 * MS, former.receive.as_ref()).await;
    stage.told();
    stage.link.link_restored.do_send(PlayerLinkRestored {
        session: SessionFate::Moved,
    });
    flow.run(500 * MS, former.receive.as_ref()).await;
    assert_eq!((stage.transports.made(), former.is_closed()), (2, false));
    let other = stage.transports.latest();
    other.tell(TransportEvent::Connected);
    flow.run(500 * MS, former.receive.as_ref()).await;
    assert!(!former.is_closed(), "the other node may have to fetch the stream first");
    // The other node has numbers of its own.
    flow.header.ssrc = 8;
    flow.header.sequence_number = 40_000;
    flow.header.timestamp = 7;
    flow.run(3_000 * MS, other.receive.as_ref()).await;
    assert!(former.is_closed() && !other.is_closed());
    assert_eq!(stage.told(), []);
}
