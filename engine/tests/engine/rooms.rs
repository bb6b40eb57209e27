//! Logging in, out, reconnecting, being thrown out.

use std::time::Duration;

use express_engine::{
    RoomStateChanged, RoomStateChangedReason as Reason, ZegoEngineConfig, ZegoRoomConfig, ZegoStreamOptions, ZegoUpdateType,
    ZegoUser, codes,
};
use express_messages::room::{RoomEvent, SessionFate};

use crate::{
    fakes::World,
    told::{Notes, TOKEN, Told, config, logged_in, settle, streams},
};

#[actix::test]
async fn a_bad_argument_is_reported_as_a_failed_login_and_rejected() {
    tokio::time::pause();
    let long = "x".repeat(300);
    // Checked in the documented order: each row has all later arguments wrong as well.
    let table = [
        ("", "", "", "", 1002011),
        ("a b", "", "", "", 1002012),
        (&long[..129], "", "", "", 1002013),
        ("r", "", "", "", 1100001),
        ("r", TOKEN, "", &long, 1002005),
        ("r", TOKEN, "u/u", &long, 1002006),
        ("r", TOKEN, &long[..65], &long, 1002007),
        ("r", TOKEN, "u", &long[..257], 1002010),
    ];
    for (room, token, user, name, code) in table {
        let zg = World::new().local_engine();
        let mut told = Told::by(&zg);
        let error = zg.login_room(room, token, (user, name), config()).await.unwrap_err();
        assert_eq!(error.code, code);
        assert_eq!(told.take(), ["room LOGINING 0".into(), format!("room LOGIN_FAILED {code}")]);
        // The next login is free to try.
        zg.login_room("r", TOKEN, "u", config()).await.unwrap();
    }
}

#[actix::test]
async fn a_second_login_is_refused_without_an_event() {
    tokio::time::pause();
    let zg = World::new().local_engine();
    let mut told = logged_in(&zg).await;
    for room in ["r", "other", "bad room"] {
        assert_eq!(zg.login_room(room, TOKEN, "alice", config()).await.unwrap_err().code, 1002001);
    }
    assert!(told.take().is_empty());
}

#[actix::test]
async fn leaving_ends_streams_first_and_a_new_login_waits_for_the_old_part() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let mut told = logged_in(&zg).await;
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
    drop(zg.start_playing_stream("s2", Default::default()));
    settle().await;
    told.take();
    world.told();
    zg.logout_room("r").unwrap();
    let login = zg.login_room("r2", TOKEN, "alice", config());
    let at_once = [
        "publish s1 NO_PUBLISH 0",
        "play s2 NO_PLAY 0",
        "room LOGOUT 0",
        "room LOGINING 0",
    ];
    assert_eq!(told.take(), at_once);
    login.await.unwrap();
    let parts = world.told();
    let at = |line: &str| {
        parts
            .iter()
            .position(|l| l == line)
            .unwrap_or_else(|| panic!("{line} is not in {parts:?}"))
    };
    assert!(at("logout") < at("login r2 alice true"));
    assert_eq!(told.take(), ["room LOGINED 0"], "the old part's LOGOUT is not told twice");
}

#[actix::test]
async fn logging_out_of_a_login_that_runs_cancels_it() {
    tokio::time::pause();
    let world = World::new();
    world.lock().login = None;
    let zg = world.local_engine();
    let mut told = Told::by(&zg);
    let login = zg.login_room("r", TOKEN, "alice", config());
    settle().await;
    zg.logout_all_rooms().unwrap();
    assert_eq!(login.await.unwrap_err().code, codes::CANCEL_LOGIN);
    assert_eq!(told.take(), ["room LOGINING 0", "room LOGOUT 0"]);
}

#[actix::test]
async fn leaving_where_one_is_not_is_answered_as_documented() {
    tokio::time::pause();
    let zg = World::new().local_engine();
    let notes = Notes::default();
    let seen = notes.clone();
    zg.on(move |e: &RoomStateChanged| seen.add(format!("{:?} {} {} {}", e.room_id, e.reason, e.error_code, e.extended_data)));
    zg.logout_room("r").unwrap();
    zg.logout_all_rooms().unwrap();
    settle().await;
    assert_eq!(notes.take(), ["\"r\" LOGOUT 0 no room login", "\"\" LOGOUT 0 no room login"]);
    zg.login_room("r", TOKEN, "alice", config()).await.unwrap();
    assert_eq!(zg.logout_room("other").unwrap_err().code, 1002002);
}

#[actix::test]
async fn a_room_that_ends_takes_its_streams_with_it() {
    tokio::time::pause();
    let table = [
        (Reason::Kickout, 1002050, 1002050, 1002050),
        (Reason::Kickout, 1002055, 1002055, 1002055),
        (Reason::Kickout, 1102018, 1102018, 1102018),
        (Reason::ReconnectFailed, 1002053, 1103051, 1104031),
        (Reason::ReconnectFailed, 1102016, 1102016, 1102016),
        (Reason::Logout, 0, 0, 0),
    ];
    for (reason, code, publish, play) in table {
        let world = World::new();
        let zg = world.local_engine();
        let mut told = logged_in(&zg).await;
        let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
        zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
        drop(zg.start_playing_stream("s2", Default::default()));
        settle().await;
        told.take();
        world.room_state(reason, code);
        settle().await;
        let expected = [
            format!("publish s1 NO_PUBLISH {publish}"),
            format!("play s2 NO_PLAY {play}"),
            format!("room {reason} {code}"),
        ];
        assert_eq!(told.take(), expected);
        // Out of the room: nothing more is possible in it, and a new login is.
        assert_eq!(
            zg.start_publishing_stream("s1", &local, Default::default()).unwrap_err().code,
            1000002
        );
        drop(zg.login_room("r", TOKEN, "alice", config()));
        assert_eq!(told.take(), ["room LOGINING 0"]);
    }
}

#[actix::test]
async fn a_lost_and_restored_link_reaches_the_streams_and_ends_nothing() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let mut told = logged_in(&zg).await;
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
    drop(zg.start_playing_stream("s2", Default::default()));
    settle().await;
    told.take();
    world.told();
    world.room_state(Reason::Reconnecting, 1000017);
    settle().await;
    // In that state one may publish: the part is started and retries by itself.
    zg.start_publishing_stream("s3", &local, Default::default()).unwrap();
    world.room_state(Reason::Reconnected, 0);
    world.room_says(RoomEvent::LinkRestored {
        session: SessionFate::Lost,
    });
    settle().await;
    let mut events = told.take();
    events.retain(|line| line.starts_with("room"));
    assert_eq!(events, ["room RECONNECTING 1000017", "room RECONNECTED 0"]);
    let parts = world.told();
    for expected in ["publisher s3 starts", "publisher s1 restored Lost", "player s2 restored Lost"] {
        assert!(parts.iter().any(|line| line == expected), "{expected} is not in {parts:?}");
    }
    world.room_says(RoomEvent::LinkRestored {
        session: SessionFate::Moved,
    });
    settle().await;
    let parts = world.told();
    for expected in ["publisher s1 restored Moved", "player s2 restored Moved"] {
        assert!(parts.iter().any(|line| line == expected), "{expected} is not in {parts:?}");
    }
    let of_the_move: Vec<String> = told.take();
    assert!(!of_the_move.iter().any(|line| line.starts_with("room")), "{of_the_move:?}");
}

#[actix::test]
async fn users_streams_and_the_token_are_reported_in_the_order_they_come() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let mut told = logged_in(&zg).await;
    let users = |update, id| RoomEvent::UserUpdate {
        update,
        users: vec![ZegoUser::new(id, "").unwrap()],
    };
    world.room_says(streams(ZegoUpdateType::Add, &["b", "a"]));
    world.room_says(users(ZegoUpdateType::Add, "bob"));
    world.room_says(RoomEvent::TokenWillExpire {
        remaining: Duration::from_millis(29_900),
    });
    world.room_says(users(ZegoUpdateType::Delete, "bob"));
    world.room_says(streams(ZegoUpdateType::Delete, &["b"]));
    settle().await;
    assert_eq!(
        told.take(),
        [
            "streams ADD b a",
            "users ADD bob",
            "token 29",
            "users DELETE bob",
            "streams DELETE b"
        ]
    );
}

#[actix::test]
async fn renewing_checks_the_form_and_passes_a_new_token_on_once() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    assert_eq!(zg.renew_token("04BBBB").unwrap_err().code, 1000002);
    let _told = logged_in(&zg).await;
    world.told();
    for bad in ["", "04", "05AAAA", "04AAA", "04AA*A", "04A===", "AAAA"] {
        assert_eq!(zg.renew_token(bad).unwrap_err().code, 1100001, "{bad:?}");
    }
    assert_eq!(zg.renew_room_token("04BBBB", "other").unwrap_err().code, 1002002);
    zg.renew_token(TOKEN).unwrap();
    zg.renew_room_token("04BBBB", "r").unwrap();
    zg.renew_token("04BBBB").unwrap();
    zg.renew_token("04CCC=").unwrap();
    settle().await;
    assert_eq!(world.told(), ["renew 04BBBB", "renew 04CCC="]);
}

#[actix::test]
async fn what_a_former_room_part_still_says_is_not_heard() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let mut told = logged_in(&zg).await;
    let former = world.lock().room.clone().unwrap();
    zg.logout_room("r").unwrap();
    zg.login_room("r", TOKEN, "alice", config()).await.unwrap();
    told.take();
    former.do_send(streams(ZegoUpdateType::Add, &["s9"]));
    former.do_send(RoomEvent::StateChanged {
        reason: Reason::Kickout,
        code: 1002050,
        extended_data: String::new(),
    });
    settle().await;
    assert!(told.take().is_empty());
}

#[actix::test]
async fn a_switch_leaves_one_room_for_another_as_the_same_user_and_ends_its_streams() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let mut told = logged_in(&zg).await;
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
    drop(zg.start_playing_stream("s2", Default::default()));
    settle().await;
    told.take();
    world.told();
    let config = ZegoRoomConfig {
        user_update: true,
        ..ZegoRoomConfig::default()
    };
    zg.switch_room("r", "q", TOKEN, config).await.unwrap();
    assert_eq!(
        told.take(),
        [
            "publish s1 NO_PUBLISH 0",
            "play s2 NO_PLAY 0",
            "room LOGOUT 0",
            "room LOGINING 0",
            "room LOGINED 0"
        ]
    );
    assert!(world.told().contains(&"login q alice true".into()));
    assert_eq!(zg.send_broadcast_message("q", "here").await.unwrap().message_id, 42);
}

#[actix::test]
async fn a_switch_with_wrong_arguments_changes_nothing() {
    tokio::time::pause();
    let zg = World::new().local_engine();
    let switch = |from: &str, to: &str, token: &str| zg.switch_room(from, to, token, ZegoRoomConfig::default());
    assert_eq!(switch("r", "q", TOKEN).await.unwrap_err().code, 1002002, "in no room");
    let mut told = logged_in(&zg).await;
    for (from, to, token, code) in [
        ("q", "p", TOKEN, 1002002),
        ("r", "r", TOKEN, 1002064),
        ("r", "", TOKEN, 1002011),
        ("r", "a b", TOKEN, 1002012),
        ("r", "q", "", 1100001),
    ] {
        assert_eq!(switch(from, to, token).await.unwrap_err().code, code, "{from} {to}");
    }
    assert!(told.take().is_empty());
    zg.logout_room("r").unwrap();
}

#[actix::test]
async fn what_is_played_goes_on_through_the_new_room_where_the_config_says_so() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let mut told = logged_in(&zg).await;
    zg.set_engine_config(ZegoEngineConfig {
        switch_room_not_stop_play: Some(true),
        ..ZegoEngineConfig::default()
    })
    .unwrap();
    zg.start_playing_stream("s2", Default::default()).await.unwrap();
    settle().await;
    told.take();
    zg.switch_room("r", "q", TOKEN, ZegoRoomConfig::default()).await.unwrap();
    settle().await;
    let told = told.take();
    assert_eq!(
        told[..4],
        [
            "play s2 PLAY_REQUESTING 1004020",
            "room LOGOUT 0",
            "room LOGINING 0",
            "room LOGINED 0"
        ]
    );
    assert_eq!(told.last().unwrap(), "play s2 PLAYING 0");
    assert!(world.told().iter().filter(|told| *told == "play s2").count() >= 1);
}
