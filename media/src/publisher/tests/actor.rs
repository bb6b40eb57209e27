//! The actor against recorded peers and a fake transport, in virtual time.

mod changed;
mod late;

use std::{sync::Arc, time::Duration};

use actix::Recipient;
use express_messages::{
    ZegoError,
    audio::{AudioBlock, CaptureSink},
    audio_device::{AttachSink, DetachSink, SinkId},
    ice::IceServer,
    ids::{LocalStreamId, StreamId},
    publisher::{
        EncoderOptions, NotePublisherMuted, PublisherEvent, PublisherFactory, PublisherLink, PublisherLinkRestored,
        PublisherOptions, PublisherPeers, StopPublisher,
    },
    room::{MuteStream, PublishStream, RequestError, SdpAnswer, SessionFate, SetStreamExtraInfo, UnpublishStream},
    stats::QualityGrade,
    testkit::{Recorded, Recorder},
    timings::Timings,
};

use super::{NO_PUBLISH, PUBLISHING, REQUESTING};
use crate::{
    MediaParts,
    transport::{
        TransportEvent,
        fake::{BAD_ANSWER, FakeTransports},
    },
};

const MS: Duration = Duration::from_millis(1);

/// One publisher and everything around it.
struct Stage {
    transports: FakeTransports,
    link: PublisherLink,
    events: Recorded<PublisherEvent>,
    publish: Recorded<PublishStream>,
    unpublish: Recorded<UnpublishStream>,
    mute: Recorded<MuteStream>,
    extra_info: Recorded<SetStreamExtraInfo>,
    attach: Recorded<AttachSink>,
    detach: Recorded<DetachSink>,
}

/// What the room role knows for the first connection; for later ones it knows none.
fn relay() -> IceServer {
    IceServer {
        urls: vec!["turn:relay.example.com".into()],
        username: Some("name".into()),
        credential: Some("secret".into()),
    }
}

type Answer = Result<SdpAnswer, RequestError>;

fn good() -> Answer {
    Ok(SdpAnswer {
        sdp: "answer".into(),
        loudest: 0,
    })
}

fn options() -> PublisherOptions {
    PublisherOptions {
        stream_id: StreamId::new("s1").unwrap(),
        local_stream: LocalStreamId(5),
        encoder: EncoderOptions::default(),
        extra_info: "extra".into(),
        muted: false,
        timings: Timings::default(),
    }
}

fn start(options: PublisherOptions, answers: impl IntoIterator<Item = Answer>) -> Stage {
    let publish = Recorder::answering(answers, good);
    let attach = Recorder::answering([], || Ok(SinkId(9)));
    start_with(options, publish, attach)
}

fn start_with(
    options: PublisherOptions,
    (publish, published): (Recipient<PublishStream>, Recorded<PublishStream>),
    (attach, attached): (Recipient<AttachSink>, Recorded<AttachSink>),
) -> Stage {
    let transports = FakeTransports::default();
    let (owner, events) = Recorder::start();
    let (unpublish, unpublished) = Recorder::start();
    let (detach, detached) = Recorder::start();
    let (mute, muted) = Recorder::start();
    // The first text is taken, later ones are not.
    let (extra_info, extra_infos) = Recorder::answering([Ok(())], || Err(RequestError::TimedOut));
    let (ice_servers, _) = Recorder::answering([vec![relay()]], Vec::new);
    let peers = PublisherPeers {
        publish,
        unpublish,
        mute,
        extra_info,
        ice_servers,
        attach,
        detach,
    };
    let parts = MediaParts::with_transports(Arc::new(transports.clone()));
    Stage {
        link: PublisherFactory::start(&parts, options, owner, peers),
        transports,
        events,
        publish: published,
        unpublish: unpublished,
        mute: muted,
        extra_info: extra_infos,
        attach: attached,
        detach: detached,
    }
}

impl Stage {
    async fn settle(&self) {
        tokio::time::sleep(MS).await;
    }

    /// The states told since this was last asked; `Exited` counts as one.
    fn told(&self) -> Vec<(&'static str, i32)> {
        let told = |event| match event {
            PublisherEvent::StateChanged { state, code, .. } => (state.as_str(), code),
            PublisherEvent::Exited { panicked: false } => ("exited", 0),
            other => panic!("unexpected {other:?}"),
        };
        self.events.take().into_iter().map(told).collect()
    }

    fn stop(&self) {
        self.link.stop.do_send(StopPublisher {
            code: 0,
            message: String::new(),
        });
    }
}

#[actix::test]
async fn a_publication_lives_from_start_to_stop() {
    tokio::time::pause();
    let stage = start(options(), []);
    stage.settle().await;
    assert_eq!(stage.told(), [(REQUESTING, 0)]);
    let asked = stage.publish.take();
    assert_eq!((asked[0].stream_id.as_str(), asked[0].offer.as_str()), ("s1", "offer 1"));
    assert_eq!(asked[0].extra_info, "extra");
    let transport = stage.transports.latest();
    assert_eq!(transport.answer().as_deref(), Some("answer"));

    let mut attached = stage.attach.take();
    assert_eq!(attached[0].local_stream, LocalStreamId(5));
    let sink = &mut attached[0].sink;
    let packets = transport.send.clone().unwrap();
    say(sink, 10);
    assert!(
        packets.lock().await.try_recv().is_none(),
        "nothing is encoded before there is a connection"
    );

    transport.tell(TransportEvent::Connected);
    stage.settle().await;
    assert_eq!(stage.told(), [(PUBLISHING, 0)]);
    say(sink, 10);
    let packet = packets.lock().await.try_recv().unwrap();
    assert_eq!(packet.header.ssrc, transport.offer.unwrap().ssrc);

    stage.stop();
    stage.settle().await;
    assert_eq!(stage.told(), [(NO_PUBLISH, 0), ("exited", 0)]);
    assert_eq!(stage.unpublish.take().len(), 1);
    assert_eq!(stage.detach.take().len(), 1);
    assert_eq!(stage.transports.open(), 0);
}

/// `blocks` times 10 ms of something.
fn say(sink: &mut Box<dyn CaptureSink>, blocks: usize) {
    let mut block = AudioBlock::silent(1);
    block.samples_mut().fill(0.25);
    (0..blocks).for_each(|_| sink.on_block(&block, std::time::Instant::now()));
}

#[actix::test]
async fn each_try_has_the_ice_servers_of_its_moment() {
    tokio::time::pause();
    let stage = start(options(), []);
    stage.settle().await;
    let first = stage.transports.latest();
    assert_eq!(first.ice_servers, [relay()]);
    first.tell(TransportEvent::Failed);
    tokio::time::sleep(400 * MS).await;
    assert_eq!(stage.transports.latest().ice_servers, []);
}

#[actix::test]
async fn a_connection_that_failed_is_replaced_and_the_sink_is_kept() {
    tokio::time::pause();
    let stage = start(options(), []);
    stage.settle().await;
    let first = stage.transports.latest();
    first.tell(TransportEvent::Connected);
    stage.settle().await;
    first.tell(TransportEvent::Failed);
    tokio::time::sleep(400 * MS).await;
    assert!(first.is_closed());
    assert_eq!((stage.transports.made(), stage.transports.open()), (2, 1));
    stage.transports.latest().tell(TransportEvent::Connected);
    stage.settle().await;
    let expected = [(REQUESTING, 0), (PUBLISHING, 0), (REQUESTING, 1103028), (PUBLISHING, 0)];
    assert_eq!(stage.told(), expected);
    assert_eq!((stage.attach.len(), stage.detach.len()), (1, 0));
    assert_eq!(first.offer, stage.transports.latest().offer, "the source goes on");
}

#[actix::test]
async fn a_final_refusal_ends_the_actor() {
    tokio::time::pause();
    let refused = RequestError::Refused {
        code: 1003028,
        message: "another user publishes it".into(),
        retry_after: None,
    };
    let stage = start(options(), [Err(refused)]);
    stage.settle().await;
    assert_eq!(stage.told(), [(REQUESTING, 0), (NO_PUBLISH, 1003028), ("exited", 0)]);
    assert_eq!((stage.unpublish.len(), stage.detach.len()), (0, 1));
    assert_eq!(stage.transports.open(), 0);
}

#[actix::test]
async fn an_answer_that_cannot_be_used_is_asked_for_again() {
    tokio::time::pause();
    let stage = start(
        options(),
        [Ok(SdpAnswer {
            sdp: BAD_ANSWER.into(),
            loudest: 0,
        })],
    );
    tokio::time::sleep(400 * MS).await;
    stage.transports.latest().tell(TransportEvent::Connected);
    stage.settle().await;
    assert_eq!(stage.told(), [(REQUESTING, 0), (REQUESTING, 1103025), (PUBLISHING, 0)]);
}

#[actix::test]
async fn a_link_that_is_back_ends_the_wait() {
    tokio::time::pause();
    let wait = RequestError::Refused {
        code: 1002073,
        message: "slower".into(),
        retry_after: Some(Duration::from_secs(30)),
    };
    let stage = start(options(), [Err(wait)]);
    stage.settle().await;
    stage.link.link_restored.do_send(PublisherLinkRestored {
        session: SessionFate::Kept,
    });
    stage.settle().await;
    assert_eq!(stage.publish.len(), 2);
}

#[actix::test]
async fn quality_comes_every_3_seconds_with_the_mute_state_and_the_round_trip_time() {
    tokio::time::pause();
    let stage = start(options(), []);
    stage.settle().await;
    stage.transports.latest().tell(TransportEvent::Connected);
    stage.link.note_muted.do_send(NotePublisherMuted(true));
    tokio::time::sleep(Duration::from_secs(7)).await;
    let (mut reports, mut intervals) = (Vec::new(), Vec::new());
    for event in stage.events.take() {
        match event {
            PublisherEvent::Quality(stats) => reports.push(stats.audio),
            PublisherEvent::Interval(interval) => intervals.push((interval.muted, interval.asked_kbps)),
            _ => {}
        }
    }
    assert_eq!((reports.len(), intervals), (2, vec![(true, 48.0); 2]));
    assert_eq!(
        (reports[0].mute_state.as_str(), reports[0].round_trip_time_ms),
        ("1", Some(30.0))
    );
    assert_eq!(reports[0].audio_quality, QualityGrade::Excellent);
}

#[actix::test]
async fn a_local_stream_that_is_not_there_ends_the_publication_with_its_code() {
    tokio::time::pause();
    let attach = Recorder::answering([], || Err(ZegoError::new(1000018, "no such local stream")));
    let stage = start_with(options(), Recorder::answering([], good), attach);
    stage.settle().await;
    assert_eq!(stage.told(), [(REQUESTING, 0), (NO_PUBLISH, 1000018), ("exited", 0)]);
    assert_eq!(stage.detach.len(), 0);
}

#[actix::test]
async fn a_login_that_moves_keeps_the_connection_until_the_other_one_stands() {
    tokio::time::pause();
    let stage = start(options(), []);
    stage.settle().await;
    let former = stage.transports.latest();
    former.tell(TransportEvent::Connected);
    stage.settle().await;
    stage.told();
    stage.link.link_restored.do_send(PublisherLinkRestored {
        session: SessionFate::Moved,
    });
    stage.settle().await;
    assert_eq!((stage.transports.made(), former.is_closed()), (2, false));
    stage.transports.latest().tell(TransportEvent::Connected);
    stage.settle().await;
    assert!(former.is_closed() && !stage.transports.latest().is_closed());
    assert_eq!((stage.told(), stage.unpublish.len()), (vec![], 0));
}
