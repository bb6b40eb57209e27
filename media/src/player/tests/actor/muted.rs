//! A mute on its way to the server.

use express_messages::{
    player::{MutePlayback, PlayerLinkRestored},
    room::{RequestError, SessionFate},
    testkit::Recorder,
};

use super::{MS, PLAYING, REQUESTING, good, start, start_with};
use crate::transport::TransportEvent;

#[actix::test]
async fn a_mute_goes_to_the_server_and_is_restored_after_a_reconnect() {
    tokio::time::pause();
    let stage = start([]);
    stage.connect().await;
    assert_eq!(stage.link.mute.send(MutePlayback(true)).await.unwrap(), Ok(()));
    let asked = stage.pause_play.take();
    assert_eq!((asked[0].stream_id.as_str(), asked[0].paused), ("s1", true));
    stage.transports.latest().tell(TransportEvent::Failed);
    tokio::time::sleep(400 * MS).await;
    assert!(stage.pause_play.take()[0].paused);
    stage.connect().await;
    let expected = [
        (REQUESTING, 0),
        ("negotiated", 0),
        // Nothing is expected to arrive: to be connected is all there is.
        (PLAYING, 0),
        (REQUESTING, 1104028),
        (PLAYING, 0),
    ];
    assert_eq!(stage.told(), expected);
}

#[actix::test]
async fn a_mute_that_the_server_refuses_is_an_error() {
    tokio::time::pause();
    let refused = RequestError::Refused {
        code: 1104044,
        message: "not played".into(),
        retry_after: None,
    };
    let pause = Recorder::answering([Err(refused.clone())], || Ok(()));
    let stage = start_with(Recorder::answering([], good), pause);
    stage.connect().await;
    let muted = stage.link.mute.send(MutePlayback(true)).await.unwrap();
    assert_eq!(muted, Err(refused));
    stage.link.link_restored.do_send(PlayerLinkRestored {
        session: SessionFate::Kept,
    });
    stage.settle().await;
    assert_eq!(stage.pause_play.len(), 1, "it is not muted behind the application's back");
}

#[actix::test]
async fn a_mute_while_the_link_is_away_is_an_error_and_is_done_when_the_link_is_back() {
    tokio::time::pause();
    let pause = Recorder::answering([Err(RequestError::Disconnected)], || Ok(()));
    let stage = start_with(Recorder::answering([], good), pause);
    stage.connect().await;
    let muted = stage.link.mute.send(MutePlayback(true)).await.unwrap();
    assert_eq!(muted, Err(RequestError::Disconnected));
    assert_eq!(stage.pause_play.len(), 1);
    stage.link.link_restored.do_send(PlayerLinkRestored {
        session: SessionFate::Kept,
    });
    stage.settle().await;
    assert_eq!(stage.pause_play.len(), 2, "the wish was kept");
}
