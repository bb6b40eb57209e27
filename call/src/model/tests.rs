use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use express_engine::{PlayerState, RemoteMicStatus, ZegoError, ZegoStream, ZegoUpdateType, ZegoUser, codes};

use super::*;

fn id(stream: &str) -> StreamId {
    StreamId::new(stream).unwrap()
}

fn user(id: &str) -> ZegoUser {
    ZegoUser::new(id, "").unwrap()
}

fn stream(of: &str, stream: &str) -> ZegoStream {
    ZegoStream {
        stream_id: id(stream),
        user: user(of),
        extra_info: String::new(),
    }
}

/// alice's screen, with bob and carol in the room, who publish and are heard.
pub(crate) fn call_of_three() -> Model {
    let mut model = Model::new(Identity {
        room: "demo".into(),
        user: "alice".into(),
        server: "ws://localhost:8080".into(),
    });
    model.room_state(RoomStateChangedReason::Logined, "room demo: LOGINED".into());
    model.publishing = Some(PublisherState::Publishing);
    model.users(ZegoUpdateType::Add, &[user("bob"), user("carol")]);
    model.streams(ZegoUpdateType::Add, &[stream("bob", "b"), stream("carol", "c")]);
    for stream in ["b", "c"] {
        model.playing(&id(stream), PlayerState::Playing);
    }
    model
}

fn microphones(names: &[&str]) -> ZegoDeviceInfos {
    let device = |name: &&str| ZegoDeviceInfo {
        device_name: (*name).into(),
        device_id: format!("id of {name}"),
    };
    ZegoDeviceInfos {
        microphones: names.iter().map(device).collect(),
        ..ZegoDeviceInfos::default()
    }
}

fn told(model: &mut Model, outcome: Outcome) {
    model.fact(&Fact { what: "test", outcome });
}

fn press(model: &mut Model, keys: &[KeyCode]) -> Vec<Intent> {
    let now = model.now;
    let mut press = |code: &KeyCode| model.key(KeyEvent::new(*code, KeyModifiers::NONE), now);
    keys.iter().flat_map(&mut press).collect()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn marks(model: &Model) -> Vec<(&str, &str)> {
    model
        .people
        .iter()
        .map(|person| (person.name.as_str(), person.mark(model.now)))
        .collect()
}

#[test]
fn a_stream_that_comes_is_played_once_and_one_that_goes_leaves_its_user_listening() {
    let mut model = call_of_three();
    assert_eq!(model.streams(ZegoUpdateType::Add, &[stream("bob", "b")]), []);
    assert_eq!(
        model.streams(ZegoUpdateType::Add, &[stream("bob", "b2")]),
        [Intent::Play(id("b2"))]
    );
    assert_eq!(marks(&model), [("bob", "quiet"), ("bob", "connecting"), ("carol", "quiet")]);
    assert_eq!(model.here(), 3);
    let gone = model.streams(ZegoUpdateType::Delete, &[stream("bob", "b"), stream("bob", "b2")]);
    assert_eq!(gone, [Intent::StopPlaying(id("b")), Intent::StopPlaying(id("b2"))]);
    assert_eq!(marks(&model), [("bob", "listening"), ("carol", "quiet")]);
    model.users(ZegoUpdateType::Delete, &[user("bob")]);
    assert_eq!(marks(&model), [("carol", "quiet")]);
}

#[test]
fn who_speaks_is_marked_through_pauses_between_words_and_who_is_muted_is_marked_so() {
    let mut model = call_of_three();
    model.level(&id("b"), 40.0);
    model.level(&id("c"), 9.0);
    assert_eq!(marks(&model), [("bob", "speaking"), ("carol", "quiet")]);
    model.tick(ms(600));
    model.level(&id("b"), 2.0);
    assert_eq!(marks(&model), [("bob", "speaking"), ("carol", "quiet")]);
    model.tick(ms(601));
    model.mic_status(&id("c"), RemoteMicStatus::Mute);
    assert_eq!(marks(&model), [("bob", "quiet"), ("carol", "muted")]);
    model.captured(50.0);
    assert!(model.speaks());
    press(&mut model, &[KeyCode::Char('m')]);
    assert!(!model.speaks(), "who is muted does not speak");
}

#[test]
fn m_mutes_and_opens_and_plus_and_minus_change_whom_tab_chose_within_the_documented_range() {
    let mut model = call_of_three();
    let m = KeyCode::Char('m');
    assert_eq!(press(&mut model, &[m, m]), [Intent::Mute(true), Intent::Mute(false)]);
    assert_eq!(press(&mut model, &[KeyCode::Char('-')]), [Intent::Volume(id("b"), 90)]);
    assert_eq!(
        press(&mut model, &[KeyCode::Tab, KeyCode::Char('+')]),
        [Intent::Volume(id("c"), 110)]
    );
    let loudest = press(&mut model, &[KeyCode::Char('+'); 12]);
    assert_eq!(loudest.last(), Some(&Intent::Volume(id("c"), 200)));
    assert_eq!(
        press(&mut model, &[KeyCode::Down, KeyCode::Char('-')]),
        [Intent::Volume(id("b"), 80)],
        "around the end"
    );
    let quietest = press(&mut model, &[KeyCode::Char('-'); 12]);
    assert_eq!(quietest.last(), Some(&Intent::Volume(id("b"), 0)));
    model.users(ZegoUpdateType::Delete, &[user("bob"), user("carol")]);
    assert_eq!(
        press(&mut model, &[KeyCode::Tab, KeyCode::Up, KeyCode::Char('+')]),
        [],
        "nobody is there"
    );
}

#[test]
fn a_typed_line_is_sent_with_enter_and_thrown_away_with_escape() {
    let mut model = call_of_three();
    let typed = [
        KeyCode::Enter,
        KeyCode::Char('q'),
        KeyCode::Char('m'),
        KeyCode::Char('x'),
        KeyCode::Backspace,
    ];
    assert_eq!(press(&mut model, &typed), [], "keys are letters while a line is typed");
    assert_eq!(press(&mut model, &[KeyCode::Enter]), [Intent::Say("qm".into())]);
    assert_eq!(press(&mut model, &[KeyCode::Enter, KeyCode::Char('x'), KeyCode::Esc]), []);
    assert_eq!(
        press(&mut model, &[KeyCode::Enter, KeyCode::Char(' '), KeyCode::Enter]),
        [],
        "nothing is sent of nothing"
    );
    assert_eq!(press(&mut model, &[KeyCode::Char('q')]), [Intent::Quit]);
    press(&mut model, &[KeyCode::Enter]);
    press(&mut model, &[KeyCode::Char('é'); 600]);
    let Some(Intent::Say(line)) = press(&mut model, &[KeyCode::Enter]).pop() else {
        panic!("nothing was sent")
    };
    assert_eq!(line.len(), 1_024, "no longer than a message may be");
}

#[test]
fn a_microphone_is_chosen_from_a_list_that_is_made_anew_whenever_a_device_comes_or_goes() {
    let mut model = call_of_three();
    assert_eq!(model.tick(ms(100)), [Intent::ListDevices]);
    assert_eq!(model.tick(ms(60_000)), []);
    told(&mut model, Outcome::Devices(microphones(&["built-in", "headset"])));
    told(&mut model, Outcome::Source("headset".into()));
    assert_eq!(press(&mut model, &[KeyCode::Char('d')]), []);
    assert_eq!(model.mode, Mode::Devices(1), "it begins at the one in use");
    assert_eq!(model.devices_changed("a headset was unplugged".into()), [Intent::ListDevices]);
    let intents = press(&mut model, &[KeyCode::Down, KeyCode::Enter]);
    assert_eq!(intents, [Intent::UseMicrophone(model.microphone("id of built-in".into()))]);
    assert_eq!(model.mode, Mode::Call);
    press(&mut model, &[KeyCode::Char('d')]);
    told(&mut model, Outcome::Devices(microphones(&["built-in"])));
    assert_eq!(model.mode, Mode::Devices(0), "what was unplugged is not chosen");
    told(&mut model, Outcome::Devices(microphones(&[])));
    assert_eq!(press(&mut model, &[KeyCode::Enter]), []);
}

#[test]
fn a_speaker_is_chosen_below_the_microphones_and_its_name_stays_on_the_screen() {
    let mut model = call_of_three();
    let speaker = |name: &str| ZegoDeviceInfo {
        device_name: name.into(),
        device_id: format!("id of {name}"),
    };
    let devices = ZegoDeviceInfos {
        speakers: vec![speaker("loudspeaker"), speaker("headset")],
        ..microphones(&["built-in"])
    };
    told(&mut model, Outcome::Devices(devices));
    let keys = [KeyCode::Char('d'), KeyCode::Up, KeyCode::Enter];
    assert_eq!(press(&mut model, &keys), [Intent::UseSpeaker(speaker("headset"))]);
    assert_eq!(model.speaker, None, "not before it is open");
    told(&mut model, Outcome::Speaker("headset".into()));
    assert_eq!(model.speaker.as_deref(), Some("headset"));
    assert_eq!(model.speaker("id of loudspeaker".into()), speaker("loudspeaker"));
}

#[test]
fn push_to_talk_opens_the_microphone_while_space_is_held() {
    let mut model = call_of_three();
    assert_eq!(press(&mut model, &[KeyCode::Char(' ')]), [], "not before it is on");
    assert_eq!(press(&mut model, &[KeyCode::Char('p')]), [Intent::Mute(true)]);
    model.tick(ms(1_000));
    assert_eq!(press(&mut model, &[KeyCode::Char(' ')]), [Intent::Mute(false)]);
    model.tick(ms(1_700));
    assert_eq!(press(&mut model, &[KeyCode::Char(' ')]), [], "a repetition keeps it open");
    assert_eq!(model.tick(ms(2_400)), []);
    assert_eq!(model.tick(ms(2_500)), [Intent::Mute(true)]);
    press(&mut model, &[KeyCode::Char(' ')]);
    let release = KeyEvent::new_with_kind(KeyCode::Char(' '), KeyModifiers::NONE, KeyEventKind::Release);
    assert_eq!(
        model.key(release, ms(2_600)),
        [Intent::Mute(true)],
        "where the terminal tells of a release"
    );
    assert_eq!(press(&mut model, &[KeyCode::Char('p')]), [Intent::Mute(false)]);
}

#[test]
fn statistics_and_help_are_closed_by_any_key_and_ctrl_c_leaves_from_everywhere() {
    let mut model = call_of_three();
    for (key, mode) in [('s', Mode::Statistics), ('?', Mode::Help)] {
        assert_eq!(press(&mut model, &[KeyCode::Char(key)]), []);
        assert_eq!(model.mode, mode);
        assert_eq!(press(&mut model, &[KeyCode::Char('m')]), [], "the key does nothing else");
        assert_eq!(model.mode, Mode::Call);
    }
    press(&mut model, &[KeyCode::Char('s'), KeyCode::Tab]);
    assert_eq!(
        (model.chosen, model.mode.clone()),
        (1, Mode::Statistics),
        "figures of another one"
    );
    for open in [KeyCode::Char('s'), KeyCode::Char('?'), KeyCode::Char('d'), KeyCode::Enter] {
        let mut model = call_of_three();
        press(&mut model, &[open]);
        let ctrl_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(model.key(ctrl_c, ms(0)), [Intent::Quit]);
    }
}

#[test]
fn what_ends_the_login_ends_the_call_and_says_how() {
    use RoomStateChangedReason::*;
    for (reason, ending) in [
        (LoginFailed, Some(Ending::LoginFailed("why".into()))),
        (Kickout, Some(Ending::PutOut("why".into()))),
        (ReconnectFailed, Some(Ending::PutOut("why".into()))),
        (Reconnecting, None),
    ] {
        let mut model = call_of_three();
        model.room_state(reason, "why".into());
        assert_eq!(model.ending, ending, "{reason}");
    }
    assert_eq!(call_of_three().time_over(), Ending::Left);
    let mut waiting = call_of_three();
    waiting.room_state(Logining, String::new());
    assert!(matches!(waiting.time_over(), Ending::LoginFailed(_)));
}

#[test]
fn what_fails_is_told_and_the_past_is_bounded() {
    let mut model = call_of_three();
    told(
        &mut model,
        Outcome::Failed(ZegoError::new(codes::DEVICE_NOT_FOUND, "it was unplugged")),
    );
    assert!(model.lines.back().unwrap().contains("it was unplugged"));
    for number in 0..1_000 {
        model.line(number.to_string());
    }
    assert_eq!((model.lines.len(), model.lines.front().unwrap().as_str()), (200, "800"));
}

/// A level of a stream, for tests of the view.
pub(crate) fn speaks(model: &mut Model, stream: &str, level: f64) {
    model.level(&id(stream), level);
}

/// So many more users who only listen.
pub(crate) fn crowd(model: &mut Model, count: usize) {
    let guests: Vec<ZegoUser> = (0..count).map(|number| user(&format!("guest{number}"))).collect();
    model.users(ZegoUpdateType::Add, &guests);
}
