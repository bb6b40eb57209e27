//! Which microphone a stream has.

use express_messages::types::ZegoDeviceInfo;

use super::*;

fn list(inputs: &[&str]) -> Option<DeviceList> {
    let info = |id: &&str| ZegoDeviceInfo {
        device_name: (*id).into(),
        device_id: (*id).into(),
    };
    Some(DeviceList {
        inputs: inputs.iter().map(info).collect(),
        outputs: Vec::new(),
    })
}

/// A stream that asked for `asked` and has `device`, on a machine with `inputs`.
fn stream_of(asked: Option<&str>, device: &str, inputs: &[&str], now: Instant) -> (DeviceState, MicId) {
    let mut state = DeviceState::default();
    state.begin_open(LOCAL, 1).unwrap();
    let mic = state.new_mic();
    state.mic_opened(mic, device.into(), device.into(), now);
    assert!(state.opened(LOCAL, Some(feed(mic, asked)), LocalLevels::default()));
    state.start_pump();
    state.reconcile(now);
    state.devices_listed(list(inputs), now);
    (state, mic)
}

/// The device that effects open is `device`: it opens.
fn opens(state: &mut DeviceState, effects: &[Effect], device: &str, now: Instant) -> Vec<String> {
    let (key, wanted) = opened_mic(effects);
    assert!(wanted.is_none_or(|wanted| wanted == device), "{effects:?}");
    state.mic_opened(MicId(key.0), device.into(), device.into(), now);
    names(&state.reopened(key, now))
}

fn opened_mic(effects: &[Effect]) -> (StreamKey, Option<String>) {
    let opened = effects.iter().find_map(|effect| match effect {
        Effect::OpenMic(key, device) => Some((*key, device.clone())),
        _ => None,
    });
    opened.unwrap_or_else(|| panic!("no microphone is opened: {effects:?}"))
}

fn lose(state: &mut DeviceState, mic: MicId, now: Instant) {
    let gone = seen(960, Some(DeviceFailure::Unplugged));
    assert_eq!(names(&state.observe(StreamKey(mic.0), gone, now)), ["close", "look"]);
    assert!(state.observe(StreamKey(mic.0), gone, now).is_empty(), "once");
}

fn changes(effects: &[Effect]) -> usize {
    let is_change = |effect: &&Effect| matches!(effect, Effect::Tell(AudioDeviceEvent::DeviceChanged { .. }));
    effects.iter().filter(is_change).count()
}

#[test]
fn a_stream_of_a_chosen_microphone_waits_for_it_and_has_it_at_once_when_it_is_back() {
    let now = Instant::now();
    let at = |ms| now + Duration::from_millis(ms);
    let (mut state, mic) = stream_of(Some("usb"), "usb", &["builtin", "usb"], now);
    lose(&mut state, mic, now);
    let effects = state.devices_listed(list(&["builtin"]), at(1));
    assert_eq!(changes(&effects), 1);
    let (key, device) = opened_mic(&effects);
    assert_eq!(device.as_deref(), Some("usb"), "not the other one");
    state.not_reopened(key, at(2));
    assert!(state.devices_listed(list(&["builtin"]), at(200)).is_empty());
    let effects = state.devices_listed(list(&["builtin", "usb"]), at(240));
    assert_eq!(opens(&mut state, &effects, "usb", at(250)), ["move", "remove mic"]);
    let told = names(&effects);
    assert!(told.contains(&"error 1106007".into()), "its plug is loose: {told:?}");
}

#[test]
fn with_auto_switch_it_has_the_default_microphone_at_once_and_stays_there() {
    let now = Instant::now();
    let at = |ms| now + Duration::from_millis(ms);
    let (mut state, mic) = stream_of(Some("usb"), "usb", &["builtin", "usb"], now);
    assert!(state.set_auto_switch(true, now).is_empty());
    lose(&mut state, mic, now);
    let effects = state.devices_listed(list(&["builtin"]), at(1));
    assert_eq!(opens(&mut state, &effects, "builtin", at(5)), ["move", "remove mic"]);
    assert!(state.devices_listed(list(&["builtin"]), at(1_900)).is_empty());
    let back = state.devices_listed(list(&["builtin", "usb"]), at(5_000));
    assert_eq!(
        (changes(&back), back.len()),
        (1, 1),
        "the change is told, and the stream stays: {back:?}"
    );
}

#[test]
fn a_stream_of_the_default_microphone_follows_it() {
    let now = Instant::now();
    let (mut state, _) = stream_of(None, "builtin", &["builtin", "usb"], now);
    assert!(state.devices_listed(list(&["builtin", "usb"]), now).is_empty());
    let effects = state.devices_listed(list(&["usb", "builtin"]), now);
    assert_eq!(names(&effects), ["open usb"]);
    assert!(
        state.devices_listed(list(&["usb", "builtin"]), now).is_empty(),
        "it is being opened"
    );
    let moved = opens(&mut state, &effects, "usb", now);
    assert_eq!(
        moved,
        ["move", "remove mic"],
        "the former is closed when the pump gives it back"
    );
    assert_eq!(
        names(&state.mic_returned(MicId(1)).into_iter().collect::<Vec<_>>()),
        ["close"]
    );
}

#[test]
fn a_stream_of_the_default_microphone_has_another_at_once_when_that_one_is_pulled_out() {
    let now = Instant::now();
    let (mut state, _) = stream_of(None, "usb", &["usb", "builtin"], now);
    let effects = state.devices_listed(list(&["builtin"]), now);
    assert_eq!(changes(&effects), 1);
    assert!(names(&effects).contains(&"close".into()), "{effects:?}");
    assert_eq!(opens(&mut state, &effects, "builtin", now), ["move", "remove mic"]);
}

#[test]
fn a_stream_of_a_chosen_microphone_stays_when_the_default_one_changes() {
    let now = Instant::now();
    let (mut state, _) = stream_of(Some("builtin"), "builtin", &["builtin", "usb"], now);
    assert!(state.devices_listed(list(&["usb", "builtin"]), now).is_empty());
}

#[test]
fn a_microphone_that_is_listed_but_gives_nothing_is_told_as_ended_and_opened_again_less_and_less_often() {
    let now = Instant::now();
    let (mut state, mic) = stream_of(Some("usb"), "usb", &["usb"], now);
    lose(&mut state, mic, now);
    let effects = state.devices_listed(list(&["usb"]), now);
    assert_eq!(names(&effects), ["error 1106009", "open usb"]);
    let (mut key, mut tried) = (opened_mic(&effects).0, Vec::new());
    for look in 0..40 {
        let at = now + Duration::from_millis(look * 250);
        state.not_reopened(key, at);
        let effects = state.devices_listed(list(&["usb"]), at + Duration::from_millis(250));
        if !effects.is_empty() {
            key = opened_mic(&effects).0;
            tried.push(look + 1);
        }
    }
    assert_eq!(tried, [1, 3, 7, 15, 23, 31, 39], "in looks of 250 ms");
}

#[test]
fn a_list_that_cannot_be_read_leaves_everything_as_it_is_and_the_loss_is_told() {
    let now = Instant::now();
    let (mut state, mic) = stream_of(None, "usb", &[], now);
    assert!(state.devices_listed(None, now).is_empty());
    lose(&mut state, mic, now);
    let effects = state.devices_listed(None, now);
    assert_eq!(names(&effects), ["error 1006006", "open default"]);
}

#[test]
fn a_chosen_microphone_takes_over_and_the_former_is_closed_when_the_pump_gives_it_back() {
    let now = Instant::now();
    let (mut state, mic) = stream_of(None, "builtin", &["builtin", "usb"], now);
    let usb = state.new_mic();
    state.mic_opened(usb, "usb".into(), "usb".into(), now);
    assert_eq!(names(&state.choose_mic(LOCAL, "usb".into(), usb)), ["move", "remove mic"]);
    assert!(state.mic_returned(usb).is_none());
    assert!(state.mic_returned(mic).is_some());
    assert!(state.mic_returned(mic).is_none(), "once");
    assert!(
        state.devices_listed(list(&["builtin", "usb"]), now).is_empty(),
        "it stays there"
    );
    assert!(state.choose_mic(LOCAL, "usb".into(), usb).is_empty());
}
