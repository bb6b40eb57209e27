//! Callbacks and subscriptions.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use express_engine::{
    Lagged, PublisherStateUpdate, RoomStateChanged, RoomStreamUpdate, ZegoEvents, ZegoStreamOptions, ZegoUpdateType,
};
use futures::StreamExt;

use crate::{
    fakes::World,
    told::{Notes, TOKEN, Told, config, logged_in, settle, streams},
};

const LONG: Duration = Duration::from_secs(20);

#[test]
fn callbacks_run_on_their_own_thread_in_the_order_of_registration() {
    let zg = World::new().engine();
    let (sender, seen) = mpsc::channel();
    for name in ["first", "second", "third"] {
        let sender = sender.clone();
        zg.on(move |e: &RoomStateChanged| {
            let thread = thread::current().name().unwrap_or_default().to_string();
            sender.send(format!("{} {name} {thread}", e.reason)).unwrap();
        });
    }
    zg.login_room("r", TOKEN, "alice", config()).wait().unwrap();
    for reason in ["LOGINING", "LOGINED"] {
        for name in ["first", "second", "third"] {
            assert_eq!(seen.recv_timeout(LONG).unwrap(), format!("{reason} {name} zego-events"));
        }
    }
    zg.destroy_engine();
}

#[test]
fn a_callback_may_call_everything_and_wait_for_it() {
    let zg = World::new().engine();
    let (sender, done) = mpsc::channel();
    let weak = zg.downgrade();
    zg.on(move |e: &RoomStateChanged| {
        let Some(zg) = weak.upgrade().filter(|_| e.reason.as_str() == "LOGINED") else {
            return;
        };
        let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).wait().unwrap();
        zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
        let remote = zg.start_playing_stream("s2", Default::default()).wait().unwrap();
        remote.play_audio();
        zg.mute_play_stream_audio("s2", true).wait().unwrap();
        zg.on(|_: &PublisherStateUpdate| {});
        zg.stop_publishing_stream("s1").unwrap();
        zg.logout_room("r").unwrap();
        sender.send(zg.enum_devices().wait().unwrap().speakers.len()).unwrap();
    });
    zg.login_room("r", TOKEN, "alice", config()).wait().unwrap();
    assert_eq!(done.recv_timeout(LONG).unwrap(), 2);
    zg.destroy_engine();
}

#[test]
fn a_panic_in_a_callback_is_counted_and_harms_nobody() {
    let zg = World::new().engine();
    let (sender, seen) = mpsc::channel();
    zg.on(|_: &RoomStateChanged| panic!("a bug of the application"));
    zg.on_async(|_: RoomStateChanged| async { panic!("another one") });
    zg.on(move |e: &RoomStateChanged| sender.send(e.reason).unwrap());
    zg.login_room("r", TOKEN, "alice", config()).wait().unwrap();
    for expected in ["LOGINING", "LOGINED"] {
        assert_eq!(seen.recv_timeout(LONG).unwrap().as_str(), expected);
    }
    zg.logout_room("r").unwrap();
    assert_eq!(seen.recv_timeout(LONG).unwrap().as_str(), "LOGOUT");
    zg.destroy_engine();
    assert_eq!(zg.counters().callback_panics, 6);
}

#[actix::test]
async fn off_takes_one_callback_away_at_once_and_off_all_takes_the_rest() {
    tokio::time::pause();
    let zg = World::new().local_engine();
    let notes = Notes::default();
    let add = |name: &'static str| {
        let notes = notes.clone();
        zg.on(move |_: &RoomStateChanged| notes.add(name))
    };
    let (engine, victim) = (zg.clone(), Arc::new(std::sync::Mutex::new(None)));
    let (first, chosen) = (notes.clone(), Arc::clone(&victim));
    zg.on(move |_: &RoomStateChanged| {
        first.add("first");
        if let Some(id) = chosen.lock().unwrap().take() {
            assert!(engine.off(id));
        }
    });
    *victim.lock().unwrap() = Some(add("second"));
    let third = add("third");
    drop(zg.login_room("r", "", "alice", config()));
    settle().await;
    assert_eq!(notes.take(), ["first", "third", "first", "third"]);
    assert!(zg.off(third) && !zg.off(third));
    assert!(zg.off_all::<RoomStateChanged>() && !zg.off_all::<RoomStateChanged>());
    drop(zg.login_room("r", "", "alice", config()));
    settle().await;
    assert!(notes.take().is_empty());
}

#[actix::test]
async fn an_async_callback_starts_in_order_and_holds_nobody_up() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let notes = Notes::default();
    let (engine, seen) = (zg.downgrade(), notes.clone());
    zg.on_async(move |e: RoomStreamUpdate| {
        let (engine, seen) = (engine.upgrade().unwrap(), seen.clone());
        async move {
            let id = e.stream_list[0].stream_id.clone();
            seen.add(format!("begin {id}"));
            engine.start_playing_stream(&id, Default::default()).await.unwrap();
            tokio::time::sleep(Duration::from_secs(5)).await;
            seen.add(format!("end {id}"));
        }
    });
    let seen = notes.clone();
    zg.on(move |e: &RoomStreamUpdate| seen.add(format!("plain {}", e.stream_list[0].stream_id)));
    let _told = logged_in(&zg).await;
    world.room_says(streams(ZegoUpdateType::Add, &["a"]));
    world.room_says(streams(ZegoUpdateType::Add, &["b"]));
    settle().await;
    assert_eq!(notes.take(), ["begin a", "plain a", "begin b", "plain b"]);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(notes.take(), ["end a", "end b"]);
}

#[test]
fn an_async_callback_registered_in_tokio_may_use_its_timers() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let zg = World::new().engine();
    let (sender, seen) = mpsc::channel();
    {
        let _inside = runtime.enter();
        zg.on_async(move |e: RoomStateChanged| {
            let sender = sender.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                sender.send((e.reason, thread::current().name().map(String::from))).unwrap();
            }
        });
    }
    zg.logout_all_rooms().unwrap();
    let (reason, thread) = seen.recv_timeout(LONG).unwrap();
    assert_eq!((reason.as_str(), thread.as_deref()), ("LOGOUT", Some("zego-events")));
    zg.destroy_engine();
}

#[actix::test]
async fn an_event_that_a_call_causes_is_queued_before_its_reply() {
    tokio::time::pause();
    let zg = World::new().local_engine();
    let mut told = Told::by(&zg);
    zg.login_room("r", TOKEN, "alice", config()).await.unwrap();
    assert_eq!(told.take(), ["room LOGINING 0", "room LOGINED 0"]);
    let error = zg.login_room("r", TOKEN, "alice", config()).await.unwrap_err();
    assert_eq!(error.code, 1002001);
    let playing = zg.start_playing_stream("s2", Default::default());
    assert_eq!(told.take(), ["play s2 PLAY_REQUESTING 0"]);
    playing.await.unwrap();
}

#[actix::test]
async fn a_reader_that_is_too_slow_is_told_how_much_it_missed() {
    tokio::time::pause();
    let zg = World::new().local_engine();
    let mut events = zg.events();
    for _ in 0..ZegoEvents::CAPACITY + 5 {
        zg.logout_all_rooms().unwrap();
    }
    assert_eq!(events.next().await.unwrap().unwrap_err(), Lagged(5));
    for _ in 0..ZegoEvents::CAPACITY {
        events.next().await.unwrap().unwrap();
    }
    zg.destroy_engine();
    assert!(events.next().await.is_none());
    assert!(zg.events().next().await.is_none());
}

#[test]
fn the_last_handle_in_a_callback_lets_the_engine_go() {
    let zg = World::new().engine();
    let mut events = zg.events();
    let (sender, dropped) = mpsc::channel();
    let mut kept = Some(zg.clone());
    zg.on(move |_: &RoomStateChanged| {
        drop(kept.take());
        sender.send(()).unwrap();
    });
    zg.logout_all_rooms().unwrap();
    drop(zg);
    dropped.recv_timeout(LONG).unwrap();
    while let Ok(Some(_)) = events.recv_timeout(LONG) {}
    // The callbacks go with the engine, and with them what they captured.
    assert!(dropped.recv_timeout(LONG).is_err());
}

#[actix::test]
async fn callbacks_that_fall_too_far_behind_lose_the_oldest_events_and_it_is_counted() {
    tokio::time::pause();
    let zg = World::new().local_engine();
    let notes = Notes::default();
    let seen = notes.clone();
    zg.on(move |_: &RoomStateChanged| seen.add(""));
    // Nobody serves the callbacks before this test lets go of its arbiter.
    for _ in 0..20_000 {
        zg.logout_all_rooms().unwrap();
    }
    assert_eq!(zg.counters().callback_events_lost, 0);
    settle().await;
    let (seen, lost) = (notes.take().len(), zg.counters().callback_events_lost);
    assert_eq!((seen, lost), (16_384, 20_000 - 16_384));
}

#[actix::test]
async fn a_callback_hears_nothing_that_was_reported_before_it_was_registered() {
    tokio::time::pause();
    let zg = World::new().local_engine();
    let notes = Notes::default();
    zg.logout_room("before").unwrap();
    let seen = notes.clone();
    zg.on(move |e: &RoomStateChanged| seen.add(&e.room_id));
    let seen = notes.clone();
    zg.on_async(move |e: RoomStateChanged| {
        seen.add(format!("async {}", e.room_id));
        async {}
    });
    zg.logout_room("after").unwrap();
    settle().await;
    assert_eq!(notes.take(), ["after", "async after"]);
}
