//! A stranger in the publisher role.

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Recipient, WrapFuture};
use express_messages::{
    ExitGuard,
    publisher::{
        NoteListeners, NotePublisherMuted, PublisherEvent, PublisherFactory, PublisherLink, PublisherLinkRestored,
        PublisherOptions, PublisherPeers, SetPublisherExtraInfo, StopPublisher,
    },
    room::{PublishStream, RequestError, UnpublishStream},
    types::PublisherState,
};
use express_tests::simulation::{Simulation, settle};

/// Exchanges SDP with the real room, and is content with whatever is answered.
struct MutePublisher {
    owner: ExitGuard<PublisherEvent>,
    options: PublisherOptions,
    peers: PublisherPeers,
}

impl MutePublisher {
    fn tell(&self, state: PublisherState, code: i32) {
        let extended_data = String::new();
        self.owner.tell(PublisherEvent::StateChanged {
            state,
            code,
            extended_data,
        });
    }
}

impl Actor for MutePublisher {
    type Context = Context<Self>;
    fn started(&mut self, context: &mut Self::Context) {
        self.tell(PublisherState::PublishRequesting, 0);
        let asked = self.peers.publish.send(PublishStream {
            stream_id: self.options.stream_id.clone(),
            offer: "an offer of its own".into(),
            extra_info: self.options.extra_info.clone(),
            muted: self.options.muted,
        });
        let told = asked.into_actor(self).map(|answer, this, _| {
            assert!(answer.unwrap().is_ok(), "the real room and server take the stream");
            this.tell(PublisherState::Publishing, 0);
        });
        context.spawn(told);
    }
}

impl Handler<StopPublisher> for MutePublisher {
    type Result = ();
    fn handle(&mut self, stop: StopPublisher, context: &mut Self::Context) {
        let stream_id = self.options.stream_id.clone();
        self.peers.unpublish.do_send(UnpublishStream { stream_id });
        self.tell(PublisherState::NoPublish, stop.code);
        context.stop();
    }
}

impl Handler<PublisherLinkRestored> for MutePublisher {
    type Result = ();
    fn handle(&mut self, _: PublisherLinkRestored, _: &mut Self::Context) {}
}

impl Handler<NoteListeners> for MutePublisher {
    type Result = ();
    fn handle(&mut self, _: NoteListeners, _: &mut Self::Context) {}
}

impl Handler<NotePublisherMuted> for MutePublisher {
    type Result = ();
    fn handle(&mut self, _: NotePublisherMuted, _: &mut Self::Context) {}
}

impl Handler<SetPublisherExtraInfo> for MutePublisher {
    type Result = Result<(), RequestError>;
    fn handle(&mut self, _: SetPublisherExtraInfo, _: &mut Self::Context) -> Self::Result {
        Err(RequestError::TimedOut)
    }
}

struct MutePublishers;

impl PublisherFactory for MutePublishers {
    fn start(&self, options: PublisherOptions, events: Recipient<PublisherEvent>, peers: PublisherPeers) -> PublisherLink {
        let owner = ExitGuard::new(events, |panicked| PublisherEvent::Exited { panicked });
        MutePublisher { owner, options, peers }.start().into()
    }
}

#[actix::test]
async fn a_stranger_as_publisher_publishes_through_the_real_room() {
    let simulation = Simulation::start();
    let alice = simulation.member_with("alice", |builder| builder.publisher(MutePublishers));
    alice.login("room", 60).await;
    let local = alice.publish_tone("s", 440.0).await;
    settle().await;
    let expected = ["publish s PUBLISH_REQUESTING 0", "publish s PUBLISHING 0"];
    assert_eq!(alice.told.take()[2..], expected);
    assert_eq!(simulation.server().await.streams, 1);
    assert_eq!(alice.zg.set_stream_extra_info("s", "x").await.unwrap_err().code, 1100002);

    alice.zg.stop_publishing_stream("s").unwrap();
    settle().await;
    assert_eq!(alice.told.take(), ["publish s NO_PUBLISH 0"]);
    assert_eq!(simulation.server().await.streams, 0);
    alice.zg.destroy_stream(local).unwrap();
    let remains = alice.destroy();
    settle().await;
    remains.assert_gone();
}
