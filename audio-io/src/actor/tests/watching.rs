//! Devices that come and go.

use express_messages::types::{ZegoAudioDeviceType, ZegoDeviceInfo, ZegoUpdateType};

use super::{devices::steepest, *};

pub(super) fn changed(update_type: ZegoUpdateType, device_type: ZegoAudioDeviceType, id: &str) -> AudioDeviceEvent {
    AudioDeviceEvent::DeviceChanged {
        update_type,
        device_type,
        info: ZegoDeviceInfo {
            device_name: id.into(),
            device_id: id.into(),
        },
    }
}

#[actix::test]
async fn whoever_listens_hears_within_300_ms_of_each_device_that_comes_or_goes_and_of_none_that_was_there() {
    let devices = ScriptedDevices::new()
        .with_microphone("mic", format(48_000, 1))
        .with_speaker("spk", format(48_000, 2));
    let (link, events) = start(&devices);
    link.watch.send(WatchDevices(true)).await.unwrap();
    pass(1_000).await;
    assert!(events.is_empty());
    devices.unplug("mic", None);
    pass(300).await;
    use {ZegoAudioDeviceType::*, ZegoUpdateType::*};
    assert_eq!(events.take(), [changed(Delete, Input, "mic")]);
    devices.unplug("spk", None);
    devices.plug("mic");
    pass(300).await;
    assert_eq!(events.take(), [changed(Add, Input, "mic"), changed(Delete, Output, "spk")]);
    link.watch.send(WatchDevices(false)).await.unwrap();
    devices.plug("spk");
    pass(1_000).await;
    assert!(events.is_empty(), "nobody listens, and no device is open");
}

#[actix::test]
async fn while_a_device_is_open_changes_are_told_too() {
    let devices = ScriptedDevices::new()
        .with_microphone("mic", format(48_000, 1))
        .with_microphone("other", format(48_000, 1));
    let (link, events) = start(&devices);
    let source = microphone(None);
    link.open.send(open(source)).await.unwrap().unwrap();
    pass(300).await;
    devices.unplug("other", None);
    pass(300).await;
    let gone = changed(ZegoUpdateType::Delete, ZegoAudioDeviceType::Input, "other");
    assert_eq!(events.take(), [gone]);
}

const TONE_STEP: f32 = 0.066;

/// Lets `ms` pass while microphones `mic` and `other`, those that are open, capture one 1 kHz tone of 0.5.
async fn speak(devices: &ScriptedDevices, ms: u64, phase: &mut f64) {
    // Sleeps would add up to more than `ms`, and the microphones would be slow.
    let mut periods = tokio::time::interval(Duration::from_millis(20));
    periods.tick().await;
    for _ in 0..ms / 20 {
        periods.tick().await;
        let tone: Vec<f32> = (0..960)
            .map(|_| {
                *phase += std::f64::consts::TAU * 1_000.0 / 48_000.0;
                (phase.sin() * 0.5) as f32
            })
            .collect();
        for id in ["mic", "other"] {
            devices.push(id, &tone);
        }
    }
}

/// The longest run of samples that are next to nothing, in ms.
pub(super) fn longest_gap_ms(samples: &[f32]) -> usize {
    let runs = samples.split(|s| s.abs() > 0.01).map(<[f32]>::len);
    runs.max().unwrap_or(0) / 48
}

async fn talking(device_id: Option<&str>) -> (ScriptedDevices, AudioDeviceLink, Recorded<AudioDeviceEvent>, Heard, f64) {
    let devices = ScriptedDevices::new()
        .with_microphone("mic", format(48_000, 1))
        .with_microphone("other", format(48_000, 1));
    let (link, events) = start(&devices);
    let source = microphone(device_id);
    link.open.send(open(source)).await.unwrap().unwrap();
    let heard = Heard::default();
    attach(&link, &heard).await.unwrap();
    let mut phase = 0.0;
    speak(&devices, 400, &mut phase).await;
    (devices, link, events, heard, phase)
}

fn choose(device_id: &str) -> SetCaptureDevice {
    SetCaptureDevice {
        id: LOCAL,
        device_id: device_id.into(),
    }
}

#[actix::test]
async fn another_microphone_takes_over_in_mid_sentence_without_a_gap_or_a_click() {
    let (devices, link, events, heard, mut phase) = talking(None).await;
    let begin = heard.samples().len() - 9_600;
    link.capture_device.send(choose("other")).await.unwrap().unwrap();
    assert!(
        devices.is_open("mic") && devices.is_open("other"),
        "the new one is opened first"
    );
    speak(&devices, 600, &mut phase).await;
    assert!(!devices.is_open("mic") && devices.is_open("other"));
    let samples = heard.samples();
    let (gap, step) = (longest_gap_ms(&samples[begin..]), steepest(&samples[begin..]));
    assert!(gap < 1, "{gap} ms of silence; at most 100 are allowed");
    // Two rings, two delays: where one fades into the other the tone's phase moves within 10 ms.
    assert!(step < 2.0 * TONE_STEP, "{step}");
    assert!(events.is_empty());
    link.close.send(CloseLocalStream(LOCAL)).await.unwrap();
    assert!(!devices.is_open("other"));
}

#[actix::test]
async fn a_microphone_that_cannot_be_used_leaves_the_old_one_in_place() {
    let (devices, link, _, heard, mut phase) = talking(None).await;
    devices.refuse("other", Some(OpenDeviceError::Busy("other".into())));
    for (device, code) in [("other", 1103065), ("nobody", 1103048)] {
        assert_eq!(
            link.capture_device.send(choose(device)).await.unwrap().unwrap_err().code,
            code
        );
    }
    let begin = heard.samples().len();
    speak(&devices, 400, &mut phase).await;
    assert!(rms(&heard.samples()[begin..]) > 0.3);
    let mut other = choose("mic");
    other.id = LocalStreamId(99);
    assert_eq!(link.capture_device.send(other).await.unwrap().unwrap_err().code, 1103044);
    link.close.send(CloseLocalStream(LOCAL)).await.unwrap();
    link.open.send(open(tone())).await.unwrap().unwrap();
    assert_eq!(
        link.capture_device.send(choose("mic")).await.unwrap().unwrap_err().code,
        1103046
    );
}

#[actix::test]
async fn speech_is_back_within_a_second_of_plugging_the_microphone_in_again() {
    let (devices, _link, events, heard, mut phase) = talking(Some("mic")).await;
    devices.unplug("mic", None);
    speak(&devices, 3_000, &mut phase).await;
    use {ZegoAudioDeviceType::Input, ZegoUpdateType::*};
    let unplugged = AudioDeviceEvent::DeviceError {
        code: 1006006,
        device_name: "mic".into(),
    };
    assert_eq!(events.take(), [changed(Delete, Input, "mic"), unplugged]);
    let begin = heard.samples().len();
    devices.plug("mic");
    speak(&devices, 1_000, &mut phase).await;
    let samples = heard.samples();
    assert!(rms(&samples[samples.len() - 9_600..]) > 0.3);
    let silent = samples[begin..].iter().take_while(|s| s.abs() < 0.1).count() / 48;
    assert!(silent < 500, "back after {silent} ms");
    assert_eq!(events.take(), [changed(Add, Input, "mic")]);
}

#[actix::test]
async fn a_microphone_that_is_plugged_in_again_within_two_seconds_is_told_as_loose_after_it_was_told_as_unplugged() {
    let (devices, _link, events, _, mut phase) = talking(Some("mic")).await;
    devices.unplug("mic", None);
    speak(&devices, 1_000, &mut phase).await;
    use {ZegoAudioDeviceType::Input, ZegoUpdateType::*};
    let told = |code| AudioDeviceEvent::DeviceError {
        code,
        device_name: "mic".into(),
    };
    assert_eq!(events.take(), [changed(Delete, Input, "mic"), told(1006006)]);
    devices.plug("mic");
    speak(&devices, 3_000, &mut phase).await;
    assert_eq!(events.take(), [changed(Add, Input, "mic"), told(1106007)]);
}

#[actix::test]
async fn a_microphone_whose_format_changes_in_mid_sentence_is_heard_on_within_100_ms_and_nobody_is_told() {
    let (devices, _link, events, heard, mut phase) = talking(None).await;
    let begin = heard.samples().len() - 9_600;
    // The same tone in two channels of half the rate: each pair of samples that `speak` makes is one frame.
    devices.change_format("mic", format(24_000, 2));
    speak(&devices, 1_000, &mut phase).await;
    assert_eq!(devices.times_opened("mic"), 2);
    let samples = heard.samples();
    let gap = longest_gap_ms(&samples[begin..]);
    assert!(gap < 100, "{gap} ms without sound");
    assert!(rms(&samples[samples.len() - 9_600..]) > 0.3);
    assert!(events.is_empty());
}

#[actix::test]
async fn the_default_microphone_is_replaced_within_a_second_of_being_pulled_out_and_followed_when_another_is_chosen() {
    let (devices, _link, events, heard, mut phase) = talking(None).await;
    devices.unplug("mic", Some(DeviceFailure::Unplugged));
    let begin = heard.samples().len();
    speak(&devices, 1_000, &mut phase).await;
    let gap = longest_gap_ms(&heard.samples()[begin..]);
    assert!(gap < 500, "{gap} ms of silence");
    assert!(devices.is_open("other"));
    events.take();
    devices.plug("mic");
    speak(&devices, 600, &mut phase).await;
    devices.set_default("other");
    speak(&devices, 600, &mut phase).await;
    assert!(devices.is_open("other"));
    devices.set_default("mic");
    let begin = heard.samples().len() - 9_600;
    speak(&devices, 600, &mut phase).await;
    assert!(devices.is_open("mic") && !devices.is_open("other"));
    assert!(longest_gap_ms(&heard.samples()[begin..]) < 100);
}
