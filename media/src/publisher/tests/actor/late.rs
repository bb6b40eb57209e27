//! Peers that answer late, or never.

use std::time::Duration;

use actix::{Actor, Context, Handler, Recipient, ResponseFuture};
use express_messages::{
    ZegoError,
    audio_device::{AttachSink, SinkId},
    publisher::PublisherOptions,
    room::{PublishStream, RequestError},
    testkit::Recorder,
};

use super::{Answer, MS, NO_PUBLISH, REQUESTING, Stage, good, options, start, start_with};

/// With a room role of the test's own.
fn start_in(options: PublisherOptions, room: Recipient<PublishStream>) -> Stage {
    let (_, unused) = Recorder::answering([], good);
    let attach = Recorder::answering([], || Ok(SinkId(9)));
    start_with(options, (room, unused), attach)
}
/// An audio device role that takes its time.
struct Slow(Duration);

impl Actor for Slow {
    type Context = Context<Self>;
}

impl Handler<AttachSink> for Slow {
    type Result = ResponseFuture<Result<SinkId, ZegoError>>;

    fn handle(&mut self, _: AttachSink, _: &mut Self::Context) -> Self::Result {
        let wait = self.0;
        Box::pin(async move {
            tokio::time::sleep(wait).await;
            Ok(SinkId(77))
        })
    }
}

#[actix::test]
async fn a_sink_that_is_attached_after_the_end_is_given_back() {
    tokio::time::pause();
    let (_, unused) = Recorder::<AttachSink>::answering([], || Ok(SinkId(0)));
    let attach = (Slow(500 * MS).start().recipient(), unused);
    let stage = start_with(options(), Recorder::answering([], good), attach);
    stage.settle().await;
    stage.stop();
    stage.settle().await;
    assert_eq!(stage.told(), [(REQUESTING, 0), (NO_PUBLISH, 0), ("exited", 0)]);
    assert_eq!(stage.detach.len(), 0);
    tokio::time::sleep(600 * MS).await;
    assert_eq!(stage.detach.take()[0].0, SinkId(77));
}

/// A room role that answers late, or never.
struct SlowRoom(Duration);

impl Actor for SlowRoom {
    type Context = Context<Self>;
}

impl Handler<PublishStream> for SlowRoom {
    type Result = ResponseFuture<Answer>;

    fn handle(&mut self, _: PublishStream, _: &mut Self::Context) -> Self::Result {
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
    let room = SlowRoom(Duration::from_secs(5)).start();
    let stage = start_in(options(), room.recipient());
    stage.settle().await;
    stage.stop();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(stage.told(), [(REQUESTING, 0), (NO_PUBLISH, 0), ("exited", 0)]);
    assert_eq!((stage.unpublish.len(), stage.transports.open()), (1, 0));
}

#[actix::test]
async fn a_room_that_does_not_answer_uses_up_the_budget_and_then_it_ends() {
    tokio::time::pause();
    let room = SlowRoom(Duration::from_secs(3_600)).start();
    let stage = start_in(options(), room.recipient());
    tokio::time::sleep(Duration::from_secs(20 * 60 + 1)).await;
    let expected = [(REQUESTING, 0), (REQUESTING, 1100002), (NO_PUBLISH, 1103051), ("exited", 0)];
    assert_eq!(stage.told(), expected);
    assert_eq!(stage.transports.open(), 0);
}

#[actix::test]
async fn a_link_that_stays_away_uses_up_the_budget_and_then_it_ends() {
    tokio::time::pause();
    let stage = start(options(), std::iter::repeat_n(Err(RequestError::Disconnected), 1_000));
    tokio::time::sleep(Duration::from_secs(20 * 60 + 1)).await;
    let expected = [(REQUESTING, 0), (REQUESTING, 1103050), (NO_PUBLISH, 1103051), ("exited", 0)];
    assert_eq!(stage.told(), expected);
    assert_eq!(stage.transports.open(), 0);
    assert!((200..300).contains(&stage.transports.made()), "{}", stage.transports.made());
}
