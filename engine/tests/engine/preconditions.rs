//! Every call that is refused at once, with its documented code, by table.

use std::time::Duration;

use express_engine::{ZegoError, ZegoExpressEngine, ZegoPlayOptions, ZegoPublishOptions, ZegoStreamOptions, ZegoUser};

use crate::{
    fakes::World,
    told::{TOKEN, Told, config, logged_in, settle},
};

fn code<T: std::fmt::Debug>(result: Result<T, ZegoError>) -> i32 {
    result.unwrap_err().code
}

#[test]
fn the_constructor_refuses_what_cannot_work() {
    let world = World::new();
    let build = |app_id, server: &str, max| {
        let builder = ZegoExpressEngine::builder(app_id, server)
            .room(world.clone())
            .publisher(world.clone());
        builder
            .player(world.clone())
            .audio_device(world.clone())
            .max_channels(max)
            .build()
    };
    assert_eq!(code(build(0, "ws://h:1", 12)), 1101000);
    for bad in ["", "ftp://h", "ws://", "ws://u@h"] {
        assert_eq!(code(build(1, bad, 12)), 1100001, "{bad:?}");
    }
    for max in [0, 51] {
        assert_eq!(code(build(1, "ws://h:1", max)), 1100001);
    }
    for server in ["ws://h:1", "wss://h", "http://h:1", "https://h", "h:1"] {
        let engine = build(1, server, 50).unwrap();
        engine.destroy_engine();
    }
    assert_eq!(
        code(world.builder().build_on_current_arbiter()),
        1100001,
        "without an actix system"
    );
}

#[cfg(feature = "default-parts")]
#[test]
fn a_root_certificate_that_is_none_is_refused_with_what_is_wrong_with_it() {
    let builder = ZegoExpressEngine::builder(1, "wss://voice.example.com");
    let error = builder.root_certificate("-----BEGIN PRIVATE KEY-----").build().unwrap_err();
    assert_eq!(error.code, 1100001);
    assert!(error.message.contains("root_certificate"), "{error}");
}

#[cfg(not(feature = "default-parts"))]
#[test]
fn without_default_parts_each_missing_part_is_named() {
    let world = World::new();
    let error = ZegoExpressEngine::builder(1, "ws://h:1").room(world).build().unwrap_err();
    assert_eq!(error.code, 1101003);
    assert!(error.message.contains("publisher"), "{error}");
}

#[actix::test]
async fn publishing_is_refused_with_the_documented_codes_in_the_documented_order() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let other = world.local_engine();
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    let foreign = other.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    let gone = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    zg.destroy_stream(gone.clone()).unwrap();
    let mut told = Told::by(&zg);
    let long = "s".repeat(257);
    let too_much = ZegoPublishOptions {
        extra_info: "x".repeat(1_025),
        ..Default::default()
    };
    // Outside of a room; each row has all later things wrong as well.
    let table = [
        ("", &too_much, &foreign, 1000015),
        (long.as_str(), &too_much, &foreign, 1000014),
        ("a b", &too_much, &foreign, 1000016),
        ("s", &too_much, &foreign, 1003051),
        ("s", &ZegoPublishOptions::default(), &foreign, 1103044),
        ("s", &ZegoPublishOptions::default(), &gone, 1103099),
        ("s", &ZegoPublishOptions::default(), &local, 1000002),
    ];
    for (id, options, stream, expected) in table {
        assert_eq!(code(zg.start_publishing_stream(id, stream, options.clone())), expected);
    }
    assert_eq!(code(zg.stop_publishing_stream("s")), 1103055);
    assert_eq!(code(zg.stop_publishing_stream("")), 1000015);
    assert!(told.take().is_empty(), "a refused call reports nothing");

    zg.login_room("r", TOKEN, "alice", config()).await.unwrap();
    let most = ZegoPublishOptions {
        extra_info: "x".repeat(1_024),
        ..Default::default()
    };
    zg.start_publishing_stream("s", &local, most).unwrap();
    assert_eq!(code(zg.start_publishing_stream("s", &local, Default::default())), 1103056);
    zg.start_publishing_stream("s-2", &local, Default::default()).unwrap();
}

#[actix::test]
async fn playing_is_refused_with_the_documented_codes_in_the_documented_order() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.builder().max_channels(2).build_on_current_arbiter().unwrap();
    let mut told = Told::by(&zg);
    let long = "s".repeat(257);
    let bad = ZegoPlayOptions {
        jitter_buffer_target: Some(Duration::from_secs(5)),
        ..Default::default()
    };
    let table = [
        ("", &bad, 1000015),
        (long.as_str(), &bad, 1000014),
        ("a b", &bad, 1000016),
        ("s", &bad, 1104001),
        ("s", &ZegoPlayOptions::default(), 1000002),
    ];
    for (id, options, expected) in table {
        assert_eq!(code(zg.start_playing_stream(id, options.clone()).await), expected);
    }
    assert_eq!(code(zg.stop_playing_stream("a b")), 1000016);
    zg.stop_playing_stream("not-played").unwrap();
    assert!(told.take().is_empty(), "a refused call reports nothing");

    zg.login_room("r", TOKEN, "alice", config()).await.unwrap();
    zg.start_playing_stream("a", Default::default()).await.unwrap();
    assert_eq!(code(zg.start_playing_stream("a", Default::default()).await), 1103049);
    zg.start_playing_stream("b", Default::default()).await.unwrap();
    assert_eq!(code(zg.start_playing_stream("c", Default::default()).await), 1104045);
    zg.stop_playing_stream("a").unwrap();
    zg.start_playing_stream("c", Default::default()).await.unwrap();
}

#[actix::test]
async fn twelve_streams_are_played_unless_the_builder_says_otherwise() {
    tokio::time::pause();
    let zg = World::new().local_engine();
    let _told = logged_in(&zg).await;
    for n in 0..12 {
        zg.start_playing_stream(format!("s{n}"), Default::default()).await.unwrap();
    }
    assert_eq!(code(zg.start_playing_stream("s12", Default::default()).await), 1104045);
}

#[actix::test]
async fn local_streams_are_refused_with_the_documented_codes() {
    tokio::time::pause();
    let world = World::new();
    let (zg, other) = (world.local_engine(), world.local_engine());
    let bad = ZegoStreamOptions {
        audio_bitrate: 511,
        ..Default::default()
    };
    assert_eq!(code(zg.create_zego_stream(bad).await), 1100001);
    for refused in [1103061, 1103064, 1103065, 1103066, 1103048, 1100001] {
        world.lock().open_code = refused;
        assert_eq!(code(zg.create_zego_stream(ZegoStreamOptions::microphone()).await), refused);
    }
    world.lock().open_code = 0;
    let foreign = other.create_zego_stream(ZegoStreamOptions::microphone()).await.unwrap();
    assert_eq!(code(zg.set_capture_volume(&foreign, 100).await), 1000018);
    assert_eq!(code(zg.mute_publish_stream_audio(&foreign, true)), 1000018);
    assert_eq!(code(zg.destroy_stream(foreign)), 1000018);
    let gone = zg.create_zego_stream(ZegoStreamOptions::microphone()).await.unwrap();
    zg.destroy_stream(gone.clone()).unwrap();
    assert_eq!(code(zg.set_capture_volume(&gone, 100).await), 1000018);
    assert_eq!(code(gone.set_volume(1)), 1000018);
    gone.play_audio();
}

#[actix::test]
async fn after_destroy_every_call_is_refused_with_1000001() {
    tokio::time::pause();
    let zg = World::new().local_engine();
    let _told = logged_in(&zg).await;
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    let remote = zg.start_playing_stream("s2", Default::default()).await.unwrap();
    let recording = remote.record_to("never-written.wav", 1).await.unwrap();
    zg.destroy_engine();
    settle().await;
    let user = ZegoUser::new("alice", "").unwrap();
    let codes = [
        code(zg.login_room("r", TOKEN, user, config()).await),
        code(zg.login_room("", "", "", config()).await),
        code(zg.logout_room("r")),
        code(zg.logout_all_rooms()),
        code(zg.renew_token(TOKEN)),
        code(zg.create_zego_stream(ZegoStreamOptions::microphone()).await),
        code(zg.start_publishing_stream("", &local, Default::default())),
        code(zg.stop_publishing_stream("")),
        code(zg.start_playing_stream("", Default::default()).await),
        code(zg.stop_playing_stream("")),
        code(zg.mute_microphone(true)),
        code(zg.mute_publish_stream_audio(&local, true)),
        code(zg.mute_play_stream_audio("", true).await),
        code(zg.set_capture_volume(&local, 100).await),
        code(zg.check_system_requirements().await),
        code(zg.check_system_requirements_exactly().await),
        code(zg.enum_devices().await),
        code(zg.get_microphones().await),
        code(recording.stop().await),
        code(zg.destroy_stream(local.clone())),
    ];
    assert_eq!(codes, [1000001; 20]);
    // What cannot fail does nothing.
    local.play_audio();
    remote.play_audio();
    assert!(!local.is_active() && !remote.is_active());
    assert!(remote.frames().recv().is_none());
    assert!(zg.get_publishing_stream_quality("s").is_none());
    assert_eq!(zg.get_version(), ZegoExpressEngine::version());
    zg.destroy_engine();
}

#[actix::test]
async fn devices_are_listed_and_what_this_system_can_do() {
    use express_engine::RequirementKind as Kind;
    tokio::time::pause();
    let zg = World::new().local_engine();
    let devices = zg.enum_devices().await.unwrap();
    assert_eq!(devices.microphones, zg.get_microphones().await.unwrap());
    assert_eq!(devices.speakers, zg.get_speakers().await.unwrap());
    assert_eq!(devices.speakers[1].device_id, "headset");
    assert!(zg.get_cameras().await.unwrap().is_empty());
    let found = zg.check_system_requirements().await.unwrap();
    assert!(found.web_rtc && found.microphone && found.speaker && found.custom_capture && !found.camera);
    for (kind, there) in [
        (Kind::WebRtc, true),
        (Kind::Microphone, true),
        (Kind::Camera, false),
        (Kind::H264, false),
    ] {
        assert_eq!(zg.check_system_requirement(kind).await.unwrap(), there, "{kind:?}");
    }
}
