//! Stands in for PublisherActor.

use std::time::{Duration, Instant};

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Recipient, ResponseFuture, WrapFuture};
use express_engine::{AudioBlock, PublisherState, QualityGrade, ZegoPublishAudioStats, ZegoPublishStats};
use express_messages::{
    ExitGuard,
    audio::CaptureSink,
    audio_device::AttachSink,
    publisher::*,
    room::{MediaPorts, MuteStream, PublishStream, RequestError, SetStreamExtraInfo, UnpublishStream},
};

use super::{Crash, Vanish, World, fake};

struct FakePublisher {
    world: World,
    options: PublisherOptions,
    peers: PublisherPeers,
    owner: ExitGuard<PublisherEvent>,
}
fake!(FakePublisher);

impl PublisherFactory for World {
    fn start(&self, options: PublisherOptions, events: Recipient<PublisherEvent>, peers: PublisherPeers) -> PublisherLink {
        self.check_curse("publisher");
        self.lock().publishers.insert(options.stream_id.to_string(), events.clone());
        let owner = ExitGuard::new(events, |panicked| PublisherEvent::Exited { panicked });
        let world = self.clone();
        let publisher = FakePublisher {
            world,
            options,
            peers,
            owner,
        };
        publisher.start().into()
    }

    fn reach_media(&self, ports: MediaPorts, _: Duration) -> MediaReach {
        self.note(format!("try {:?}", ports.udp));
        Box::pin(std::future::ready(self.lock().ways.clone()))
    }
}

/// Hears a local stream and forgets it.
struct Deaf;
impl CaptureSink for Deaf {
    fn on_block(&mut self, _: &AudioBlock, _: Instant) {}
}

impl FakePublisher {
    fn tell(&self, state: PublisherState, code: i32, message: &str) {
        self.owner.tell(PublisherEvent::StateChanged {
            state,
            code,
            extended_data: message.into(),
        });
    }
}

impl Actor for FakePublisher {
    type Context = Context<Self>;
    fn started(&mut self, ctx: &mut Self::Context) {
        let options = &self.options;
        let settings = format!(
            "{} kbit/s {} ch {:?} dtx {} muted {}",
            options.encoder.bitrate_kbps, options.encoder.channels, options.encoder.frame, options.encoder.dtx, options.muted
        );
        self.world.started(&format!("publisher {}", options.stream_id), ctx);
        self.world.note(settings);
        self.tell(PublisherState::PublishRequesting, 0, "");
        let attach = self.peers.attach.send(AttachSink {
            local_stream: options.local_stream,
            sink: Box::new(Deaf),
        });
        let publish = self.peers.publish.send(PublishStream {
            stream_id: options.stream_id.clone(),
            offer: "offer".into(),
            extra_info: options.extra_info.clone(),
            muted: options.muted,
        });
        let both = async move { (attach.await, publish.await) };
        ctx.spawn(both.into_actor(self).map(|(attached, published), publisher, _| {
            if matches!((attached, published), (Ok(Ok(_)), Ok(Ok(_)))) {
                publisher.tell(PublisherState::Publishing, 0, "");
            }
        }));
        ctx.run_interval(Duration::from_secs(3), |publisher, _| {
            publisher.owner.tell(PublisherEvent::Quality(publish_stats(48.0)));
        });
    }
}

impl Handler<StopPublisher> for FakePublisher {
    type Result = ();
    fn handle(&mut self, stop: StopPublisher, ctx: &mut Self::Context) {
        let stream_id = self.options.stream_id.clone();
        self.world.note(format!("stop publisher {stream_id} {}", stop.code));
        if self.world.obeys("publisher") {
            self.peers.unpublish.do_send(UnpublishStream { stream_id });
            self.tell(PublisherState::NoPublish, stop.code, &stop.message);
            ctx.stop();
        }
    }
}
impl Handler<PublisherLinkRestored> for FakePublisher {
    type Result = ();
    fn handle(&mut self, restored: PublisherLinkRestored, _: &mut Self::Context) {
        self.world.note(format!(
            "publisher {} restored {:?}",
            self.options.stream_id, restored.session
        ));
    }
}
impl Handler<SetPublisherExtraInfo> for FakePublisher {
    type Result = ResponseFuture<Result<(), RequestError>>;
    fn handle(&mut self, SetPublisherExtraInfo(extra_info): SetPublisherExtraInfo, _: &mut Self::Context) -> Self::Result {
        let stream_id = self.options.stream_id.clone();
        let asked = self.peers.extra_info.send(SetStreamExtraInfo { stream_id, extra_info });
        Box::pin(async move { asked.await.unwrap() })
    }
}
impl Handler<NoteListeners> for FakePublisher {
    type Result = ();
    fn handle(&mut self, NoteListeners(report): NoteListeners, _: &mut Self::Context) {
        self.world
            .note(format!("publisher {} listeners {}", self.options.stream_id, report.listeners));
    }
}
impl Handler<NotePublisherMuted> for FakePublisher {
    type Result = ();
    fn handle(&mut self, note: NotePublisherMuted, _: &mut Self::Context) {
        self.world
            .note(format!("publisher {} muted {}", self.options.stream_id, note.0));
        self.peers.mute.do_send(MuteStream {
            stream_id: self.options.stream_id.clone(),
            muted: note.0,
        });
    }
}

pub(crate) fn publish_stats(kbps: f64) -> ZegoPublishStats {
    ZegoPublishStats {
        audio: ZegoPublishAudioStats {
            audio_bitrate: kbps,
            audio_codec: "opus".into(),
            audio_packets_lost: 0,
            audio_packets_lost_rate: 0.0,
            mute_state: "0".into(),
            audio_fps: 50.0,
            audio_quality: QualityGrade::Excellent,
            round_trip_time_ms: None,
        },
        listeners: None,
    }
}
