//! Several rooms at a time, and media without a signalling link.

use RoomStateChangedReason as Reason;
use express_messages::types::{ZegoStream, ZegoUpdateType, ZegoUser};

use super::*;
use crate::options::{ZegoPlayOptions, ZegoPublishOptions};

/// An engine in several rooms, and its device part.
fn several() -> (EngineState, LifeId) {
    let (mut state, device) = fresh();
    state.enable_multi_room(true).unwrap();
    (state, device)
}

fn login_code(state: &mut EngineState, request: LoginRequest, out: &mut Step) -> i32 {
    let call = state.new_call();
    state.login_room(request, call, out).map_or_else(|error| error.code, |()| 0)
}

fn publish_code(state: &mut EngineState, stream: &str, local: LocalStreamId, room: Option<&str>, out: &mut Step) -> i32 {
    let options = ZegoPublishOptions {
        room_id: room.map(Into::into),
        ..ZegoPublishOptions::default()
    };
    let published = state.start_publishing(stream, Some(local), options, out);
    published.map_or_else(|error| error.code, |()| 0)
}

fn play_code(state: &mut EngineState, stream: &str, room: Option<&str>, out: &mut Step) -> i32 {
    let options = ZegoPlayOptions {
        room_id: room.map(Into::into),
        ..ZegoPlayOptions::default()
    };
    let call = state.new_call();
    let played = state.start_playing(stream, &options, call, out);
    played.map_or_else(|error| error.code, |_| 0)
}

/// Bob's stream came to a room.
fn appears(state: &mut EngineState, room: LifeId, stream: &str) {
    let event = RoomEvent::StreamUpdate {
        update: ZegoUpdateType::Add,
        streams: vec![ZegoStream {
            stream_id: StreamId::new(stream).unwrap(),
            user: ZegoUser::new("bob", "").unwrap(),
            extra_info: String::new(),
        }],
        extended_data: String::new(),
    };
    state.on_room_event(room, event, &mut Step::default());
}

/// Through which room the one player of this step goes.
fn player_room(out: &Step) -> Option<LifeId> {
    out.commands.iter().find_map(|command| match command {
        Command::StartPlayer { room, .. } => Some(*room),
        _ => None,
    })
}

#[test]
fn several_rooms_are_allowed_once_and_before_the_first_login() {
    let (mut state, _) = fresh();
    state.enable_multi_room(false).unwrap();
    assert_eq!(state.enable_multi_room(true).unwrap_err().code, 1002058);
    let (mut state, _) = fresh();
    let bad = LoginRequest {
        token: String::new(),
        ..login("r")
    };
    assert_eq!(login_code(&mut state, bad, &mut Step::default()), 1100001);
    state
        .enable_multi_room(true)
        .expect("a login that never began settles nothing");
    let (mut state, _) = fresh();
    enter(&mut state, "r");
    assert_eq!(state.enable_multi_room(true).unwrap_err().code, 1002058);
    let call = state.new_call();
    let again = state.login_room(login("q"), call, &mut Step::default());
    assert_eq!(again.unwrap_err().code, 1002001);
}

#[test]
fn each_room_is_entered_once_and_all_as_one_user() {
    let (mut state, _) = several();
    enter(&mut state, "r");
    let mut out = Step::default();
    assert_eq!(login_code(&mut state, login("r"), &mut out), 1002056);
    assert!(out.events.is_empty());
    let other = LoginRequest {
        user: LoginUser::from("mallory"),
        ..login("q")
    };
    assert_eq!(login_code(&mut state, other, &mut out), 1002018);
    assert_eq!(lines(&out), ["LOGINING 0", "LOGIN_FAILED 1002018"]);
    enter(&mut state, "q");
    state.logout_room(None, &mut Step::default()).unwrap();
    let other = LoginRequest {
        user: LoginUser::from("mallory"),
        ..login("q")
    };
    assert_eq!(
        login_code(&mut state, other, &mut Step::default()),
        0,
        "nobody is there any more"
    );
}

#[test]
fn all_logins_of_an_engine_show_one_instance_and_a_single_room_shows_none() {
    let shown = |state: &mut EngineState, room: &str| {
        let mut out = Step::default();
        assert_eq!(login_code(state, login(room), &mut out), 0);
        out.commands.into_iter().find_map(|command| match command {
            Command::StartRoom { options, .. } => Some(options.instance),
            _ => None,
        })
    };
    let (mut state, _) = several();
    let (one, other) = (shown(&mut state, "r").unwrap(), shown(&mut state, "q").unwrap());
    assert!(one.is_some() && one == other);
    assert_eq!(shown(&mut fresh().0, "r").unwrap(), None);
}

#[test]
fn what_is_published_names_its_room_and_ends_with_that_room_alone() {
    let (mut state, device) = several();
    let local = open_local(&mut state, device);
    let mut out = Step::default();
    assert_eq!(publish_code(&mut state, "a", local, Some("r"), &mut out), 1000002);
    let (r, q) = (enter(&mut state, "r"), enter(&mut state, "q"));
    assert_eq!(publish_code(&mut state, "a", local, None, &mut out), 1003071);
    assert_eq!(publish_code(&mut state, "a", local, Some("p"), &mut out), 1000002);
    assert!(out.events.is_empty());
    assert_eq!(publish_code(&mut state, "a", local, Some("q"), &mut out), 0);
    assert_eq!(publish_code(&mut state, "b", local, Some("r"), &mut out), 0);
    let rooms: Vec<_> = out
        .commands
        .iter()
        .filter_map(|command| match command {
            Command::StartPublisher { room, .. } => Some(*room),
            _ => None,
        })
        .collect();
    assert_eq!(rooms, [q, r]);
    let mut out = Step::default();
    state.on_room_event(r, room_event(Reason::Kickout, 1002055), &mut out);
    assert_eq!(lines(&out), ["NO_PUBLISH 1002055", "KICKOUT 1002055"]);
    assert!(matches!(&out.events[0], ZegoEvent::PublisherStateUpdate(e) if e.stream_id == "b"));
    assert!(matches!(&out.events[1], ZegoEvent::RoomStateChanged(e) if e.room_id == "r"));
    assert!(state.room_to_send("q", "still here", 0).is_ok());
    assert_eq!(state.room_to_send("r", "gone", 0).unwrap_err().code, 1009005);
}

#[test]
fn in_one_room_the_name_of_another_is_refused_and_none_is_needed() {
    let (mut state, device) = fresh();
    let local = open_local(&mut state, device);
    enter(&mut state, "r");
    let out = &mut Step::default();
    assert_eq!(publish_code(&mut state, "a", local, Some("q"), out), 1000002);
    assert_eq!(play_code(&mut state, "b", Some("q"), out), 1000002);
    assert_eq!(publish_code(&mut state, "a", local, Some("r"), out), 0);
    assert_eq!(play_code(&mut state, "b", None, out), 0);
}

#[test]
fn a_stream_is_played_through_the_room_that_is_named_else_through_the_one_that_lists_it_else_through_the_first() {
    let (mut state, _) = several();
    let (r, q) = (enter(&mut state, "r"), enter(&mut state, "q"));
    appears(&mut state, q, "b");
    for (stream, named, through) in [
        ("b", Some("r"), r),
        ("b", None, q),
        ("elsewhere", None, r),
        ("elsewhere", Some("q"), q),
    ] {
        let mut out = Step::default();
        assert_eq!(play_code(&mut state, stream, named, &mut out), 0);
        assert_eq!(player_room(&out), Some(through), "{stream} {named:?}");
        let player = started(&out, player_life).unwrap();
        state.stop_playing(stream, &mut out).unwrap();
        state.on_player_event(player, PlayerEvent::Exited { panicked: false }, start(), &mut out);
    }
}

#[test]
fn a_room_that_ends_ends_the_playbacks_of_its_streams_and_hands_others_to_another_room() {
    let (mut state, _) = several();
    let (r, q) = (enter(&mut state, "r"), enter(&mut state, "q"));
    appears(&mut state, r, "own");
    appears(&mut state, q, "foreign");
    let mut out = Step::default();
    assert_eq!(play_code(&mut state, "own", None, &mut out), 0);
    let mut out = Step::default();
    assert_eq!(play_code(&mut state, "foreign", Some("r"), &mut out), 0);
    let player = started(&out, player_life).unwrap();
    state.on_player_event(player, player_event(PlayerState::Playing, 0), start(), &mut out);
    let mut out = Step::default();
    state.logout_room(Some("r"), &mut out).unwrap();
    assert_eq!(lines(&out), ["NO_PLAY 0", "PLAY_REQUESTING 1004020", "LOGOUT 0"]);
    let mut out = Step::default();
    state.on_player_event(player, PlayerEvent::Exited { panicked: false }, start(), &mut out);
    assert_eq!(player_room(&out), Some(q));
    let player = started(&out, player_life).unwrap();
    let mut out = Step::default();
    for (reported, code) in [(PlayerState::PlayRequesting, 0), (PlayerState::Playing, 0)] {
        state.on_player_event(player, player_event(reported, code), start(), &mut out);
    }
    assert_eq!(lines(&out), ["PLAYING 0"]);
    // The last room takes it along.
    let mut out = Step::default();
    state.on_room_event(q, room_event(Reason::ReconnectFailed, 1002031), &mut out);
    assert_eq!(lines(&out), ["NO_PLAY 1104031", "RECONNECT_FAILED 1002031"]);
}

#[test]
fn leaving_all_rooms_ends_all_streams_first_and_none_moves() {
    let (mut state, device) = several();
    let local = open_local(&mut state, device);
    enter(&mut state, "r");
    enter(&mut state, "q");
    let mut out = Step::default();
    assert_eq!(publish_code(&mut state, "a", local, Some("q"), &mut out), 0);
    assert_eq!(play_code(&mut state, "b", Some("r"), &mut out), 0);
    let mut out = Step::default();
    assert_eq!(state.logout_room(Some("p"), &mut out).unwrap_err().code, 1002002);
    state.logout_room(None, &mut out).unwrap();
    assert_eq!(lines(&out), ["NO_PUBLISH 0", "NO_PLAY 0", "LOGOUT 0", "LOGOUT 0"]);
}

#[test]
fn a_switch_among_several_rooms_leaves_the_one_that_it_names() {
    let (mut state, _) = several();
    enter(&mut state, "r");
    enter(&mut state, "q");
    let switch = |state: &mut EngineState, from: &str, to: &str, out: &mut Step| {
        let request = SwitchRequest {
            from: from.into(),
            to: to.into(),
            token: "04AAAA".into(),
            config: ZegoRoomConfig::default(),
        };
        let call = state.new_call();
        state.switch_room(request, call, out).map_or_else(|error| error.code, |()| 0)
    };
    let mut out = Step::default();
    assert_eq!(switch(&mut state, "r", "q", &mut out), 1002064);
    assert_eq!(switch(&mut state, "x", "p", &mut out), 1002002);
    assert_eq!(switch(&mut state, "r", "p", &mut out), 0);
    assert_eq!(lines(&out), ["LOGOUT 0", "LOGINING 0"]);
    assert!(
        started(&out, room_life).is_some(),
        "it does not wait for the other room to end"
    );
    assert!(state.room_to_send("q", "still here", 0).is_ok());
}

#[test]
fn a_token_without_a_room_is_for_the_first_one() {
    let (mut state, _) = several();
    let (r, q) = (enter(&mut state, "r"), enter(&mut state, "q"));
    for (named, room) in [(None, r), (Some("q"), q)] {
        let mut out = Step::default();
        state.renew_token("04BBBB", named, &mut out).unwrap();
        assert!(matches!(&out.commands[..], [Command::RenewToken { life, .. }] if *life == room));
    }
    let unknown = state.renew_token("04BBBB", Some("p"), &mut Step::default());
    assert_eq!(unknown.unwrap_err().code, 1002002);
}

#[test]
fn whether_a_stream_is_muted_says_the_room_that_lists_it() {
    let (mut state, _) = several();
    let (r, q) = (enter(&mut state, "r"), enter(&mut state, "q"));
    appears(&mut state, q, "b");
    assert_eq!(play_code(&mut state, "b", Some("r"), &mut Step::default()), 0);
    let mut out = Step::default();
    for room in [r, q] {
        let stream_id = StreamId::new("b").unwrap();
        state.on_room_event(room, RoomEvent::MicUpdate { stream_id, muted: true }, &mut out);
    }
    assert_eq!(out.events.len(), 1, "both rooms tell it: {:?}", out.events);
}

#[test]
fn without_the_link_media_goes_on_or_stops_until_it_is_back_as_the_config_says() {
    for keep in [None, Some(true), Some(false)] {
        let (mut state, device) = fresh();
        state
            .set_engine_config(&ZegoEngineConfig {
                keep_rtc_when_signal_disconnected: keep,
                ..ZegoEngineConfig::default()
            })
            .unwrap();
        let local = open_local(&mut state, device);
        let room = enter(&mut state, "r");
        let mut out = Step::default();
        assert_eq!(publish_code(&mut state, "a", local, None, &mut out), 0);
        assert_eq!(play_code(&mut state, "b", None, &mut out), 0);
        let (publisher, player) = (started(&out, publisher_life).unwrap(), started(&out, player_life).unwrap());
        let mut out = Step::default();
        state.on_room_event(room, room_event(Reason::Reconnecting, 1000017), &mut out);
        let told = lines(&out);
        if keep != Some(false) {
            assert_eq!(told, ["RECONNECTING 1000017"]);
            continue;
        }
        assert_eq!(
            told,
            [
                "RECONNECTING 1000017",
                "PUBLISH_REQUESTING 1103050",
                "PLAY_REQUESTING 1104029"
            ]
        );
        let mut out = Step::default();
        state.on_publisher_event(publisher, PublisherEvent::Exited { panicked: false }, start(), &mut out);
        state.on_player_event(player, PlayerEvent::Exited { panicked: false }, start(), &mut out);
        assert!(started(&out, publisher_life).is_none() && started(&out, player_life).is_none());
        let mut out = Step::default();
        state.on_room_event(room, room_event(Reason::Reconnected, 0), &mut out);
        assert!(started(&out, publisher_life).is_some() && started(&out, player_life).is_some());
    }
}
