//! RoomActor alone: its owner is a recorder, its server is in memory, its time is virtual.

use std::{sync::Arc, time::Duration};

use express_messages::{
    room::{
        Logout, PausePlayStream, PlayStream, PublishStream, RenewToken, RequestError, RoomEvent, RoomFactory, RoomLink,
        RoomOptions, RoomPeers, SdpAnswer, StopPlayStream, StopRoom, UnpublishStream,
    },
    testkit::{Recorded, Recorder},
};
use futures::FutureExt;

use super::{
    super::{
        Counters, Signalling,
        link::{Connector, Link, LinkError},
        testing::{MemoryServer, ServerEnd, memory},
    },
    words::{login_ok, options, resume_ok, secs, sequenced, snapshot, stream_id, streams, text, users},
};
use crate::protocol::{ClientFrame, Done, Event, KickOut, Request, SdpOk, close};

/// A room that runs, and both ends of its world.
struct Room {
    link: RoomLink,
    told: Recorded<RoomEvent>,
    server: MemoryServer,
    counters: Arc<Counters>,
}

impl Room {
    fn start() -> Self {
        Self::start_with(options())
    }

    /// Time is virtual from here on.
    fn start_with(options: RoomOptions) -> Self {
        tokio::time::pause();
        let (connector, server) = memory();
        let factory = Signalling::with_connector(connector).seeded(3);
        let (owner, told) = Recorder::<RoomEvent>::start();
        Self {
            link: factory.start(options, owner, RoomPeers::default()),
            told,
            server,
            counters: factory.counters(),
        }
    }

    async fn connected(&mut self) -> ServerEnd {
        self.server.next().await.unwrap().accept().await
    }

    /// Started and logged in; what was told is forgotten.
    async fn up() -> (Self, ServerEnd) {
        let mut room = Self::start();
        let mut end = room.connected().await;
        let login = end.next().await.unwrap();
        end.reply(login.id, &login_ok(snapshot(0, &[], &[]))).await;
        room.settled().await;
        room.told();
        (room, end)
    }

    /// Lets everything run that needs no time to pass.
    async fn settled(&self) {
        sleep(0.001).await;
    }

    fn told(&self) -> Vec<String> {
        self.told.take().iter().map(text).collect()
    }
}

async fn sleep(seconds: f64) {
    tokio::time::sleep(secs(seconds)).await;
}

fn is_login(frame: &ClientFrame) -> bool {
    matches!(frame.request, Request::Login(_))
}

fn publish(name: &str) -> PublishStream {
    PublishStream {
        stream_id: stream_id(name),
        offer: "offer".into(),
        extra_info: String::new(),
        muted: false,
    }
}

const EXITED: &str = "Exited { panicked: false }";

#[actix::test]
async fn a_whole_login_is_told_in_order_and_ends_with_exited() {
    let mut room = Room::start();
    let mut end = room.connected().await;
    let login = end.next().await.unwrap();
    assert!(is_login(&login));
    end.reply(login.id, &login_ok(snapshot(0, &["a"], &["s@a"]))).await;
    end.event(1, users("+b")).await;
    end.event(2, streams("-s@a")).await;
    room.settled().await;
    let told = [
        "LOGINING 0",
        "LOGINED 0",
        "users +a",
        "streams +s",
        "users +b",
        "streams -s(1)",
    ];
    assert_eq!(room.told(), told);
    room.link.logout.do_send(Logout);
    let logout = end.next().await.unwrap();
    assert!(matches!(logout.request, Request::Logout(_)));
    assert_eq!(room.told(), ["LOGOUT 0"], "told before the server answers");
    end.reply(logout.id, &Done {}).await;
    room.settled().await;
    assert_eq!(room.told(), [EXITED]);
    assert!(end.is_hung_up() && !room.link.logout.connected());
}

#[actix::test]
async fn a_logout_that_the_server_ignores_ends_within_a_second() {
    let (room, _end) = Room::up().await;
    room.link.logout.do_send(Logout);
    sleep(0.99).await;
    assert_eq!(room.told(), ["LOGOUT 0"]);
    sleep(0.02).await;
    assert_eq!(room.told(), [EXITED]);
}

#[actix::test]
async fn a_stop_ends_at_once_and_the_server_still_gets_the_logout() {
    let (room, mut end) = Room::up().await;
    room.link.stop.do_send(StopRoom);
    room.settled().await;
    assert_eq!(room.told(), [EXITED]);
    assert!(matches!(end.next().await.unwrap().request, Request::Logout(_)));
    assert!(end.next().await.is_none());
}

#[actix::test]
async fn a_stop_while_connecting_gives_the_attempt_up() {
    let mut room = Room::start();
    let dial = room.server.next().await.unwrap();
    room.link.stop.do_send(StopRoom);
    room.settled().await;
    assert_eq!(room.told(), ["LOGINING 0", EXITED]);
    assert!(dial.is_given_up());
}

#[actix::test]
async fn a_dropped_socket_is_resumed_and_only_publishers_and_players_hear_of_it() {
    let (mut room, end) = Room::up().await;
    end.close(close::RESTART).await;
    let mut end = room.connected().await;
    let resume = end.next().await.unwrap();
    assert!(matches!(resume.request, Request::Resume(_)));
    end.reply(resume.id, &resume_ok(Some(vec![sequenced(1, users("+a"))]), None))
        .await;
    room.settled().await;
    assert_eq!(room.told(), ["restored Kept", "users +a"]);
    assert_eq!((room.counters.lost_links.get(), room.counters.resumes.get()), (1, 1));
}

#[actix::test]
async fn a_server_that_is_away_for_8_seconds_is_reconnecting_and_then_reconnected() {
    let (mut room, end) = Room::up().await;
    drop(end);
    sleep(7.99).await;
    assert_eq!(room.told(), [] as [&str; 0]);
    sleep(0.02).await;
    assert_eq!(room.told(), ["RECONNECTING 1000017"]);
    let mut dial = room.server.next().await.unwrap();
    while dial.is_given_up() {
        dial = room.server.next().await.unwrap();
    }
    let mut end = dial.accept().await;
    let resume = end.next().await.unwrap();
    end.reply(resume.id, &resume_ok(Some(vec![]), None)).await;
    room.settled().await;
    assert_eq!(room.told(), ["RECONNECTED 0", "restored Kept"]);
}

#[actix::test]
async fn refused_connections_are_tried_until_the_budget_ends() {
    let mut given = options();
    given.timings.room_retry_time = Duration::from_secs(60);
    let mut room = Room::start_with(given);
    let mut attempts = 0;
    while let Some(dial) = tokio::time::timeout(secs(61.0), room.server.next()).await.ok().flatten() {
        attempts += 1;
        let server = "one".to_owned();
        dial.refuse(LinkError::Http { server, status: 503 }).await;
    }
    assert_eq!(attempts, 7, "at 0, 1-4, +4, +8, +8, +16, +16 s");
    assert_eq!(room.told(), ["LOGINING 0", "LOGIN_FAILED 1002031", EXITED]);
}

#[actix::test]
async fn a_silent_server_is_left_after_10_seconds() {
    let (mut room, mut end) = Room::up().await;
    end.answer_pings(false);
    sleep(9.9).await;
    assert!(!end.is_hung_up());
    sleep(0.2).await;
    assert!(end.is_hung_up());
    assert!(room.server.next().await.is_some());
}

#[actix::test]
async fn a_server_that_answers_pings_keeps_the_link_though_nothing_happens() {
    let (room, mut end) = Room::up().await;
    for _ in 0..10 {
        // `next` answers pings; nothing else comes before the first heartbeat, which is answered.
        let Ok(Some(frame)) = tokio::time::timeout(secs(6.0), end.next()).await else {
            continue;
        };
        assert!(matches!(frame.request, Request::Heartbeat(_)));
        end.reply(frame.id, &super::words::heartbeat_ok(0)).await;
    }
    assert!(!end.is_hung_up());
    assert_eq!(room.counters.lost_links.get(), 0);
}

#[actix::test]
async fn commands_reach_the_server_and_answers_reach_the_asker() {
    let (room, mut end) = Room::up().await;
    let answer = room.link.publish.send(publish("s"));
    let play = room.link.play.send(PlayStream {
        stream_id: stream_id("p"),
        offer: "offer".into(),
        loudest: None,
    });
    let pause = room.link.pause_play.send(PausePlayStream {
        stream_id: stream_id("p"),
        paused: true,
    });
    let server = async {
        let mut frames = Vec::new();
        for _ in 0..3 {
            frames.push(end.next().await.unwrap());
        }
        end.refuse(frames[2].id, 1104044, "not played").await;
        end.reply(
            frames[1].id,
            &SdpOk {
                answer: "two".into(),
                loudest: 0,
            },
        )
        .await;
        end.reply(
            frames[0].id,
            &SdpOk {
                answer: "one".into(),
                loudest: 0,
            },
        )
        .await;
    };
    let (answer, play, pause, ()) = futures::join!(answer, play, pause, server);
    assert_eq!(
        answer.unwrap(),
        Ok(SdpAnswer {
            sdp: "one".into(),
            loudest: 0
        })
    );
    assert_eq!(
        play.unwrap(),
        Ok(SdpAnswer {
            sdp: "two".into(),
            loudest: 0
        })
    );
    assert!(matches!(pause.unwrap(), Err(RequestError::Refused { code: 1104044, .. })));
}

#[actix::test]
async fn commands_without_an_answer_reach_the_server_too() {
    let (room, mut end) = Room::up().await;
    let stream_id = stream_id("s");
    room.link.unpublish.do_send(UnpublishStream {
        stream_id: stream_id.clone(),
    });
    room.link.stop_play.do_send(StopPlayStream { stream_id });
    let renewed = room.link.renew_token.send(RenewToken { token: "token-2".into() });
    assert_eq!(renewed.await.unwrap(), Ok(()));
    let mut kinds = Vec::new();
    for _ in 0..3 {
        kinds.push(end.next().await.unwrap().request);
    }
    assert!(matches!(
        kinds[..],
        [Request::Unpublish(_), Request::StopPlay(_), Request::RenewToken(_)]
    ));
}

#[actix::test]
async fn an_asker_is_told_when_the_link_or_the_actor_goes() {
    let (mut room, end) = Room::up().await;
    let waiting = room.link.publish.send(publish("s"));
    let (answer, ()) = futures::join!(waiting, async {
        sleep(0.1).await;
        drop(end);
    });
    assert_eq!(answer.unwrap(), Err(RequestError::Disconnected));
    assert_eq!(
        room.link.publish.send(publish("s")).await.unwrap(),
        Err(RequestError::Disconnected)
    );
    let _dial = room.server.next().await;
    room.link.stop.do_send(StopRoom);
    room.settled().await;
    assert!(room.link.publish.send(publish("s")).await.is_err());
}

#[actix::test]
async fn a_request_that_waits_does_not_hold_up_the_next_command() {
    let (room, mut end) = Room::up().await;
    let waiting = room.link.publish.send(publish("s")).boxed_local();
    let first = tokio::select! {
        _ = waiting => panic!("the server did not answer"),
        renewed = room.link.renew_token.send(RenewToken { token: "new".into() }) => renewed,
    };
    assert_eq!(first.unwrap(), Ok(()));
    assert!(matches!(end.next().await.unwrap().request, Request::Publish(_)));
}

#[actix::test]
async fn a_socket_that_takes_nothing_any_more_counts_as_lost() {
    let (mut room, end) = Room::up().await;
    for _ in 0..400 {
        let stream_id = stream_id("s");
        room.link.unpublish.send(UnpublishStream { stream_id }).await.unwrap();
    }
    room.settled().await;
    assert!(end.is_hung_up());
    assert_eq!(room.counters.lost_links.get(), 1);
    assert!(room.server.next().await.is_some());
}

#[actix::test]
async fn a_kick_out_ends_the_actor() {
    let (room, end) = Room::up().await;
    let kick = KickOut {
        code: 1002050,
        message: "elsewhere".into(),
        need_relogin: false,
    };
    end.event(1, Event::KickOut(kick)).await;
    room.settled().await;
    assert_eq!(room.told(), ["KICKOUT 1002050", EXITED]);
}

#[actix::test]
async fn rubbish_from_the_server_costs_the_link_and_nothing_else() {
    let (mut room, end) = Room::up().await;
    end.text("rubbish").await;
    room.settled().await;
    assert!(end.is_hung_up());
    assert_eq!(room.counters.unreadable_frames.get(), 1);
    let mut end = room.connected().await;
    assert!(matches!(end.next().await.unwrap().request, Request::Resume(_)));
}

/// A connector with a bug.
struct Panicking;

impl Connector for Panicking {
    fn connect(&self, _: &str) -> Link {
        panic!("a bug in the connector")
    }
}

#[actix::test]
async fn a_panic_is_reported_to_the_owner() {
    let (owner, told) = Recorder::<RoomEvent>::start();
    let factory = Signalling::with_connector(Arc::new(Panicking));
    let link = factory.start(options(), owner, RoomPeers::default());
    while told.len() < 2 {
        actix_rt::task::yield_now().await;
    }
    assert_eq!(told.take().last(), Some(&RoomEvent::Exited { panicked: true }));
    assert!(!link.stop.connected());
}

/// A room whose server goes away for two minutes: what was told, and when.
async fn outage(seed: u64) -> Vec<(u128, String)> {
    let (connector, mut server) = memory();
    let factory = Signalling::with_connector(connector).seeded(seed);
    let (owner, told) = Recorder::<RoomEvent>::start();
    let begin = tokio::time::Instant::now();
    let room = factory.start(options(), owner, RoomPeers::default());
    let mut log = Vec::new();
    let mut end = server.next().await.unwrap().accept().await;
    let login = end.next().await.unwrap();
    end.reply(login.id, &login_ok(snapshot(0, &[], &[]))).await;
    sleep(0.001).await;
    drop(end);
    while begin.elapsed() < secs(120.0) {
        sleep(0.05).await;
        if let Some(dial) = server.try_next() {
            log.push((begin.elapsed().as_millis(), "dial".to_owned()));
            drop(dial);
        }
        log.extend(told.take().iter().map(|event| (begin.elapsed().as_millis(), text(event))));
    }
    room.stop.do_send(StopRoom);
    sleep(0.001).await;
    log
}

#[actix::test]
async fn two_runs_with_one_seed_are_the_same_and_other_seeds_wait_differently() {
    tokio::time::pause();
    let first = outage(9).await;
    assert!(first.len() > 6, "{first:?}");
    assert_eq!(first, outage(9).await);
    assert_ne!(first, outage(10).await);
}
