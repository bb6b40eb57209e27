//! Messages between users, and the texts of published streams.

use express_engine::{
    ImRecvBarrageMessage, ImRecvBroadcastMessage, ImRecvCustomCommand, RoomExtraInfoUpdate, RoomOnlineUserCountUpdate,
    StreamExtraInfoUpdate, ZegoBarrageMessageInfo, ZegoBroadcastMessageInfo, ZegoExpressEngine, ZegoRoomExtraInfo,
    ZegoStreamOptions, ZegoUser,
};
use express_messages::room::{RequestError, RoomEvent};

use crate::{
    fakes::World,
    told::{Notes, TOKEN, logged_in, settle},
};

fn refused(code: i32) -> RequestError {
    RequestError::Refused {
        code,
        message: "no".into(),
        retry_after: None,
    }
}

#[actix::test]
async fn each_message_goes_to_the_room_and_is_answered_with_its_name_or_who_was_not_there() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    world.told();
    assert_eq!(zg.send_broadcast_message("r", "hello").await.unwrap().message_id, 42);
    assert_eq!(zg.send_barrage_message("r", "hi").await.unwrap().message_id, "7");
    let sent = zg.send_custom_command("r", "go", ["bob", "carol"]).await.unwrap();
    assert_eq!(sent.absent.iter().map(|user| user.as_str()).collect::<Vec<_>>(), ["carol"]);
    zg.send_custom_command("r", "all", Vec::<&str>::new()).await.unwrap();
    let parts = world.told();
    assert_eq!(
        parts,
        [
            "broadcast \"hello\"",
            "barrage \"hi\"",
            "command \"go\" to bob,carol",
            "command \"all\" to "
        ]
    );
}

/// The codes of a broadcast, a barrage message and a command of this text to this room.
async fn codes(zg: &ZegoExpressEngine, room: &str, text: &str) -> [i32; 3] {
    [
        zg.send_broadcast_message(room, text)
            .await
            .map_or_else(|error| error.code, |_| 0),
        zg.send_barrage_message(room, text)
            .await
            .map_or_else(|error| error.code, |_| 0),
        zg.send_custom_command(room, text, ["bob"])
            .await
            .map_or_else(|error| error.code, |_| 0),
    ]
}

#[actix::test]
async fn messages_are_refused_with_the_documented_codes_and_nothing_is_sent() {
    tokio::time::pause();
    let world = World::new();
    world.lock().login = None;
    let zg = world.local_engine();
    assert_eq!(codes(&zg, "r", "hi").await, [1000002; 3], "in no room");
    drop(zg.login_room("r", TOKEN, "alice", Default::default()));
    settle().await;
    assert_eq!(codes(&zg, "r", "hi").await, [1000002; 3], "the login still runs");
    world.room_state(express_engine::RoomStateChangedReason::Logined, 0);
    settle().await;
    world.told();
    assert_eq!(codes(&zg, "r", "").await, [1009001; 3]);
    assert_eq!(codes(&zg, "r", &"x".repeat(1_025)).await, [1009013, 1009013, 1009002]);
    assert_eq!(codes(&zg, "other", "hi").await, [1009005; 3]);
    let bad_user = zg.send_custom_command("r", "hi", ["no user"]).await;
    assert_eq!(bad_user.unwrap_err().code, 1100001);
    let many: Vec<_> = (0..501).map(|n| format!("u{n}")).collect();
    assert_eq!(zg.send_custom_command("r", "hi", &many).await.unwrap_err().code, 1100001);
    assert!(world.told().is_empty());
    assert_eq!(codes(&zg, "r", &"x".repeat(1_024)).await, [0; 3]);
    zg.destroy_engine();
    assert_eq!(codes(&zg, "r", "hi").await, [1000001; 3]);
}

#[actix::test]
async fn what_the_server_refuses_keeps_its_code_and_what_was_lost_with_its_socket_is_1009010() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    for (error, code) in [
        (refused(1009015), 1009015),
        (RequestError::Disconnected, 1009010),
        (RequestError::TimedOut, 1009010),
    ] {
        world.lock().talk_error = Some(error);
        assert_eq!(codes(&zg, "r", "hi").await, [code; 3]);
    }
}

#[actix::test]
async fn what_others_send_is_told_with_the_room() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    let notes = Notes::default();
    let note = notes.clone();
    zg.on(move |e: &ImRecvBroadcastMessage| {
        let one = &e.message_list[0];
        note.add(format!(
            "{} {} {} {} {}",
            e.room_id, one.from_user.user_name, one.message, one.send_time, one.message_id
        ));
    });
    let note = notes.clone();
    zg.on(move |e: &ImRecvBarrageMessage| {
        let one = &e.message_list[0];
        note.add(format!(
            "{} {} {} {}",
            e.room_id, one.from_user.user_id, one.message, one.message_id
        ));
    });
    let note = notes.clone();
    zg.on(move |e: &ImRecvCustomCommand| note.add(format!("{} {} {}", e.room_id, e.from_user.user_id, e.command)));
    let note = notes.clone();
    zg.on(move |e: &RoomOnlineUserCountUpdate| note.add(format!("{} {}", e.room_id, e.count)));
    let from_user = ZegoUser::new("bob", "Bob").unwrap();
    world.room_says(RoomEvent::BroadcastMessages(vec![ZegoBroadcastMessageInfo {
        from_user: from_user.clone(),
        message: "hello".into(),
        send_time: 5,
        message_id: 42,
    }]));
    world.room_says(RoomEvent::BarrageMessages(vec![ZegoBarrageMessageInfo {
        from_user: from_user.clone(),
        message: "hi".into(),
        send_time: 5,
        message_id: "7".into(),
    }]));
    let command = "go".into();
    world.room_says(RoomEvent::CustomCommand { from_user, command });
    world.room_says(RoomEvent::OnlineUserCount(3));
    settle().await;
    assert_eq!(notes.take(), ["r Bob hello 5 42", "r bob hi 7", "r bob go", "r 3"]);
}

#[actix::test]
async fn an_extra_info_is_checked_passed_on_and_kept_for_a_fresh_publisher() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    zg.start_publishing_stream("s", &local, Default::default()).unwrap();
    settle().await;
    world.told();
    let long = "x".repeat(1_025);
    for (stream, text, code) in [
        ("", "x", 1000015),
        ("s", "", 1003050),
        ("s", long.as_str(), 1003051),
        ("t", "x", 1103055),
    ] {
        assert_eq!(zg.set_stream_extra_info(stream, text).await.unwrap_err().code, code);
    }
    assert!(world.told().is_empty());
    zg.set_stream_extra_info("s", "two").await.unwrap();
    for (error, code) in [
        (refused(1103055), 1103055),
        (RequestError::Disconnected, 1000017),
        (RequestError::TimedOut, 1100002),
    ] {
        world.lock().talk_error = Some(error);
        assert_eq!(zg.set_stream_extra_info("s", "three").await.unwrap_err().code, code);
    }
    assert_eq!(world.told()[0], "extra info s \"two\"");
    world.crash("publisher s");
    settle().await;
    assert!(
        world.told().contains(&"publish s \"two\"".into()),
        "what was refused is not published"
    );
}

#[actix::test]
async fn texts_of_other_streams_are_told() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    let notes = Notes::default();
    let note = notes.clone();
    zg.on(move |e: &StreamExtraInfoUpdate| {
        let stream = &e.stream_list[0];
        note.add(format!("{} {} {}", e.room_id, stream.stream_id, stream.extra_info));
    });
    let RoomEvent::StreamUpdate { mut streams, .. } = crate::told::streams(express_engine::ZegoUpdateType::Add, &["b"]) else {
        unreachable!()
    };
    streams[0].extra_info = "x".into();
    world.room_says(RoomEvent::ExtraInfoUpdate { streams });
    settle().await;
    assert_eq!(notes.take(), ["r b x"]);
}

#[actix::test]
async fn an_extra_info_of_the_room_is_checked_passed_on_and_told() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    assert_eq!(
        zg.set_room_extra_info("r", "k", "v").await.unwrap_err().code,
        1002002,
        "in no room"
    );
    let _told = logged_in(&zg).await;
    world.told();
    let (key, value) = ("k".repeat(129), "v".repeat(4_097));
    for (room, key, value, code) in [
        ("r", "", "v", 1002014),
        ("r", key.as_str(), "v", 1002015),
        ("r", "k", value.as_str(), 1002016),
        ("other", "k", "v", 1002002),
    ] {
        assert_eq!(zg.set_room_extra_info(room, key, value).await.unwrap_err().code, code);
    }
    assert!(world.told().is_empty());
    zg.set_room_extra_info("r", "k", "").await.unwrap();
    assert_eq!(world.told(), ["room info k="]);
    for (error, code) in [
        (refused(1002017), 1002017),
        (RequestError::Disconnected, 1000017),
        (RequestError::TimedOut, 1100002),
    ] {
        world.lock().talk_error = Some(error);
        assert_eq!(zg.set_room_extra_info("r", "k", "v").await.unwrap_err().code, code);
    }
    let notes = Notes::default();
    let note = notes.clone();
    zg.on(move |e: &RoomExtraInfoUpdate| {
        let info = &e.room_extra_info_list[0];
        note.add(format!(
            "{} {}={} {}",
            e.room_id, info.key, info.value, info.update_user.user_id
        ));
    });
    world.room_says(RoomEvent::RoomExtraInfo(ZegoRoomExtraInfo {
        key: "k".into(),
        value: "v".into(),
        update_user: ZegoUser::new("bob", "Bob").unwrap(),
        update_time: 5,
    }));
    settle().await;
    assert_eq!(notes.take(), ["r k=v bob"]);
}
