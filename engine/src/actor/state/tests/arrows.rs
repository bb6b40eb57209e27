//! Each arrow of the three machines, as tables: what happens in which state, what is told, where it leads.

use PlayerState as Play;
use PublisherState as Publish;
use RoomStateChangedReason as Reason;

use super::*;
use crate::options::{ZegoPlayOptions, ZegoPublishOptions};

/// What a part reports: states with their codes.
type Reports<S> = &'static [(S, i32)];
/// What the application is told.
type Told = &'static [&'static str];
/// What the room part reports, what is told of it, and whether one is in a room afterwards.
type RoomArrow = (Reason, i32, Told, bool);
/// The way to the state under test, and the arrows that leave it.
type RoomRow = (Reports<Reason>, &'static [RoomArrow]);
/// The way to the state under test, what comes then, and what is told of that.
type StreamRow<S> = (Reports<S>, Reports<S>, Told);

#[test]
fn the_room_machine_goes_as_documented() {
    let table: [RoomRow; 3] = [
        (
            &[(Reason::Logining, 0)],
            &[
                (Reason::Logined, 0, &["LOGINED 0"], true),
                (Reason::LoginFailed, 1002034, &["LOGIN_FAILED 1002034"], false),
                (Reason::LoginFailed, 1002031, &["LOGIN_FAILED 1002031"], false),
                (Reason::Kickout, 1002050, &["KICKOUT 1002050"], false),
            ],
        ),
        (
            &[(Reason::Logined, 0)],
            &[
                (Reason::Reconnecting, 1000017, &["RECONNECTING 1000017"], true),
                (Reason::Kickout, 1002055, &["KICKOUT 1002055"], false),
                (Reason::Logout, 0, &["LOGOUT 0"], false),
            ],
        ),
        (
            &[(Reason::Logined, 0), (Reason::Reconnecting, 1000017)],
            &[
                (Reason::Reconnected, 0, &["RECONNECTED 0"], true),
                (Reason::ReconnectFailed, 1002053, &["RECONNECT_FAILED 1002053"], false),
                (Reason::Kickout, 1102018, &["KICKOUT 1102018"], false),
            ],
        ),
    ];
    for (way, arrows) in table {
        for (reason, code, told, stays) in arrows {
            let mut out = Step::default();
            let mut state = EngineState::new(settings(), &mut out);
            let call = state.new_call();
            state.login_room(login("r"), call, &mut out).unwrap();
            assert_eq!(lines(&out), ["LOGINING 0"]);
            let life = started(&out, room_life).unwrap();
            for (reason, code) in way {
                state.on_room_event(life, room_event(*reason, *code), &mut out);
            }
            let mut out = Step::default();
            state.on_room_event(life, room_event(*reason, *code), &mut out);
            assert_eq!(lines(&out), *told, "{way:?} {reason}");
            assert_eq!(state.in_some_room().is_ok(), *stays, "{way:?} {reason}");
            // A login that is answered here is answered with what was told.
            for (answered, result) in out.answers {
                assert_eq!(answered, call);
                assert_eq!(result.map_or_else(|error| error.code, |()| 0), *code);
            }
        }
    }
}

/// A state that is logged in, and its parts.
fn ready() -> (EngineState, LifeId, LifeId) {
    let (mut state, device) = fresh();
    let room = enter(&mut state, "r");
    (state, room, device)
}

#[test]
fn the_publisher_machine_goes_as_documented() {
    let table: [StreamRow<Publish>; 6] = [
        (
            &[],
            &[(Publish::PublishRequesting, 0), (Publish::Publishing, 0)],
            &["PUBLISHING 0"],
        ),
        (
            &[(Publish::Publishing, 0)],
            &[(Publish::PublishRequesting, 1103028)],
            &["PUBLISH_REQUESTING 1103028"],
        ),
        (
            &[(Publish::Publishing, 0), (Publish::PublishRequesting, 1103028)],
            &[
                (Publish::PublishRequesting, 1103028),
                (Publish::PublishRequesting, 1103050),
                (Publish::Publishing, 0),
            ],
            &["PUBLISH_REQUESTING 1103050", "PUBLISHING 0"],
        ),
        (&[], &[(Publish::NoPublish, 1003028)], &["NO_PUBLISH 1003028"]),
        (
            &[(Publish::Publishing, 0)],
            &[(Publish::NoPublish, 1103051)],
            &["NO_PUBLISH 1103051"],
        ),
        // Its last word counts once.
        (
            &[(Publish::Publishing, 0), (Publish::NoPublish, 1003025)],
            &[(Publish::NoPublish, 1003025), (Publish::Publishing, 0)],
            &[],
        ),
    ];
    for (way, comes, told) in table {
        let (mut state, _, device) = ready();
        let local = open_local(&mut state, device);
        let mut out = Step::default();
        state
            .start_publishing("s", Some(local), ZegoPublishOptions::default(), &mut out)
            .unwrap();
        assert_eq!(lines(&out), ["PUBLISH_REQUESTING 0"]);
        let life = started(&out, publisher_life).unwrap();
        for (new, code) in way {
            state.on_publisher_event(life, publisher_event(*new, *code), start(), &mut out);
        }
        let mut out = Step::default();
        for (new, code) in comes {
            state.on_publisher_event(life, publisher_event(*new, *code), start(), &mut out);
        }
        assert_eq!(lines(&out), told, "{way:?} {comes:?}");
    }
}

#[test]
fn the_player_machine_goes_as_documented() {
    let table: [StreamRow<Play>; 5] = [
        (&[], &[(Play::PlayRequesting, 0), (Play::Playing, 0)], &["PLAYING 0"]),
        (
            &[(Play::Playing, 0)],
            &[(Play::PlayRequesting, 1004020)],
            &["PLAY_REQUESTING 1004020"],
        ),
        (
            &[(Play::Playing, 0), (Play::PlayRequesting, 1004020)],
            &[(Play::PlayRequesting, 1004020), (Play::Playing, 0)],
            &["PLAYING 0"],
        ),
        (&[], &[(Play::NoPlay, 1104039)], &["NO_PLAY 1104039"]),
        (
            &[(Play::Playing, 0), (Play::NoPlay, 1104031)],
            &[(Play::NoPlay, 1104031)],
            &[],
        ),
    ];
    for (way, comes, told) in table {
        let (mut state, _, _) = ready();
        let mut out = Step::default();
        let call = state.new_call();
        state.start_playing("s", &ZegoPlayOptions::default(), call, &mut out).unwrap();
        assert_eq!(lines(&out), ["PLAY_REQUESTING 0"]);
        let life = started(&out, player_life).unwrap();
        for (new, code) in way {
            state.on_player_event(life, player_event(*new, *code), start(), &mut out);
        }
        let mut out = Step::default();
        for (new, code) in comes {
            state.on_player_event(life, player_event(*new, *code), start(), &mut out);
        }
        assert_eq!(lines(&out), told, "{way:?} {comes:?}");
    }
}

#[test]
fn a_pending_playback_is_answered_once_with_what_comes_first() {
    for (events, expected) in [
        (vec![PlayerEvent::Negotiated, player_event(Play::NoPlay, 1104031)], Ok(())),
        (
            vec![player_event(Play::NoPlay, 1104039), PlayerEvent::Negotiated],
            Err(1104039),
        ),
        (vec![player_event(Play::NoPlay, 0)], Err(1104042)),
    ] {
        let (mut state, _, _) = ready();
        let mut out = Step::default();
        let call = state.new_call();
        state.start_playing("s", &ZegoPlayOptions::default(), call, &mut out).unwrap();
        let life = started(&out, player_life).unwrap();
        for event in events {
            state.on_player_event(life, event, start(), &mut out);
        }
        let answers: Vec<_> = out
            .answers
            .into_iter()
            .map(|(id, result)| (id, result.map_err(|error| error.code)))
            .collect();
        assert_eq!(answers, [(call, expected)]);
    }
}

#[test]
fn the_end_waits_for_streams_half_a_second_and_for_everything_a_second_and_a_half() {
    let (mut state, room, device) = ready();
    let local = open_local(&mut state, device);
    let mut out = Step::default();
    state
        .start_publishing("s", Some(local), ZegoPublishOptions::default(), &mut out)
        .unwrap();
    let publisher = started(&out, publisher_life).unwrap();
    let mut out = Step::default();
    state.destroy(&mut out);
    assert!(out.ended);
    let stops = |out: &Step| {
        let stops = out.commands.iter().filter_map(|command| match command {
            Command::StopPublisher { .. } => Some("publisher"),
            Command::StopRoom(_) => Some("room"),
            Command::StopDevice => Some("device"),
            Command::Finish => Some("finish"),
            _ => None,
        });
        stops.collect::<Vec<_>>()
    };
    assert_eq!(stops(&out), ["publisher"]);
    let mut late = Step::default();
    state.on_timer(Timer::EndStreams, start(), &mut late);
    assert_eq!(stops(&late), ["room", "device"]);
    let mut out = Step::default();
    state.on_publisher_event(publisher, PublisherEvent::Exited { panicked: false }, start(), &mut out);
    state.on_room_event(room, RoomEvent::Exited { panicked: false }, &mut out);
    assert_eq!(stops(&out), Vec::<&str>::new());
    let mut out = Step::default();
    state.on_timer(Timer::EndAll, start(), &mut out);
    assert_eq!(stops(&out), ["finish"]);
    assert_eq!(state.counts(), (1, 0), "the device part did not answer");
    let mut out = Step::default();
    state.on_timer(Timer::EndAll, start(), &mut out);
    state.destroy(&mut out);
    assert!(out.commands.is_empty() && !out.ended);
}
