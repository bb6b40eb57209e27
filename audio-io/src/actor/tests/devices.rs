//! Devices: none, shared, failing.

use super::*;

#[actix::test]
async fn no_sound_card_is_an_ordinary_case() {
    let (link, events) = start(&ScriptedDevices::new());
    let list = link.list_devices.send(ListDevices).await.unwrap().unwrap();
    assert_eq!(list, ZegoDeviceInfos::default());
    for device_id in [None, Some("usb")] {
        let source = microphone(device_id);
        assert_eq!(link.open.send(open(source)).await.unwrap().unwrap_err().code, 1103048);
    }
    let set = SetPlayout {
        stream_id: stream("s"),
        audible: true,
        percent: 100,
    };
    link.set_playout.send(set).await.unwrap();
    let heard = Heard::default();
    let tap = TapPlayout {
        stream_id: stream("s"),
        tap: Box::new(heard.clone()),
    };
    link.tap_playout.send(tap).await.unwrap();
    let source = AttachSource {
        stream_id: stream("s"),
        source: Box::new(Counting(0)),
    };
    link.attach_source.send(source).await.unwrap();
    pass(1_000).await;
    assert!((97..=101).contains(&(heard.samples().len() / 480)));
    assert!(events.is_empty());
}

#[actix::test]
async fn each_reason_of_a_microphone_that_does_not_open_has_its_documented_code() {
    let devices = ScriptedDevices::new().with_microphone("mic", format(48_000, 1));
    let (link, _) = start(&devices);
    let (name, reason) = (String::from("mic"), String::from("so"));
    for (error, code) in [
        (OpenDeviceError::NotFound(None), 1103048),
        (OpenDeviceError::NotAllowed(name.clone()), 1103064),
        (OpenDeviceError::Busy(name.clone()), 1103065),
        (
            OpenDeviceError::Format {
                name: name.clone(),
                reason: reason.clone(),
            },
            1103066,
        ),
        (OpenDeviceError::Failed { name, reason }, 1103061),
    ] {
        devices.refuse("mic", Some(error));
        let answer = link.open.send(open(microphone(None))).await.unwrap();
        assert_eq!(answer.unwrap_err().code, code);
    }
    devices.refuse("mic", None);
    link.open.send(open(microphone(None))).await.unwrap().unwrap();
    assert!(devices.is_open("mic"), "and the name is free again");
}

#[actix::test]
async fn two_streams_share_one_microphone_which_closes_with_the_last() {
    let devices = ScriptedDevices::new().with_microphone("mic", format(48_000, 1));
    let (link, _) = start(&devices);
    for (id, device_id) in [(1, None), (2, Some("mic"))] {
        let open = OpenLocalStream {
            id: LocalStreamId(id),
            source: microphone(device_id),
            channels: 2,
            mixing_delay_ms: 0,
        };
        link.open.send(open).await.unwrap().unwrap();
    }
    assert_eq!(devices.times_opened("mic"), 1);
    link.close.send(CloseLocalStream(LocalStreamId(1))).await.unwrap();
    assert!(devices.is_open("mic"));
    link.close.send(CloseLocalStream(LocalStreamId(2))).await.unwrap();
    assert!(!devices.is_open("mic"));
}

/// Lets `ms` pass while microphone `mic` captures a 1 kHz tone of 0.5 and speaker `spk` plays; returns what it played, as mono.
pub(super) async fn run_devices(devices: &ScriptedDevices, rate: u32, ms: u64, phase: &mut f64) -> Vec<f32> {
    let frames = rate as usize / 50;
    let mut played = Vec::new();
    for _ in 0..ms / 20 {
        pass(20).await;
        let captured: Vec<f32> = (0..frames)
            .map(|_| {
                *phase += std::f64::consts::TAU * 1_000.0 / f64::from(rate);
                (phase.sin() * 0.5) as f32
            })
            .collect();
        devices.push("mic", &captured);
        played.extend(devices.pull("spk", frames).chunks_exact(2).map(|f| f[0]));
    }
    played
}

pub(super) fn steepest(samples: &[f32]) -> f32 {
    samples.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max)
}

#[actix::test]
async fn a_microphone_is_monitored_on_a_speaker_of_44_1_khz_and_each_mute_is_smooth() {
    let rate = 44_100;
    let devices = ScriptedDevices::new()
        .with_microphone("mic", format(rate, 1))
        .with_speaker("spk", format(rate, 2));
    let (link, events) = start(&devices);
    link.open.send(open(microphone(None))).await.unwrap().unwrap();
    let monitor = MonitorLocalStream {
        id: LOCAL,
        audible: true,
        percent: 100,
    };
    link.monitor.send(monitor).await.unwrap();
    let mut phase = 0.0;
    run_devices(&devices, rate, 500, &mut phase).await;
    // A 1 kHz tone of 0.5 moves at most 0.0714 from sample to sample at 44.1 kHz; a cut would jump by up to 0.5.
    let smooth = 0.074;
    let loud = run_devices(&devices, rate, 1_000, &mut phase).await;
    assert!((rms(&loud) - 0.3535).abs() < 0.01, "{}", rms(&loud));
    assert!(steepest(&loud) < smooth, "{}", steepest(&loud));
    for (what, muted) in [
        ("microphone", true),
        ("microphone", false),
        ("stream", true),
        ("stream", false),
    ] {
        match what {
            "microphone" => link.mute_microphone.send(MuteMicrophone(muted)).await.unwrap(),
            _ => link.mute_local.send(MuteLocalStream { id: LOCAL, muted }).await.unwrap(),
        }
        let turn = run_devices(&devices, rate, 300, &mut phase).await;
        assert!(steepest(&turn) < smooth, "{what} {muted}: {}", steepest(&turn));
        let after = rms(&run_devices(&devices, rate, 300, &mut phase).await);
        assert!(
            (after - if muted { 0.0 } else { 0.3535 }).abs() < 0.01,
            "{what} {muted}: {after}"
        );
    }
    assert!(events.is_empty());
}

#[actix::test]
async fn a_speaker_that_vanishes_is_reported_once_and_the_rest_goes_on() {
    let devices = ScriptedDevices::new()
        .with_speaker("spk", format(48_000, 2))
        .with_microphone("mic", format(48_000, 1));
    let (link, events) = start(&devices);
    link.open.send(open(tone())).await.unwrap().unwrap();
    let monitor = MonitorLocalStream {
        id: LOCAL,
        audible: true,
        percent: 100,
    };
    link.monitor.send(monitor).await.unwrap();
    let heard = Heard::default();
    attach(&link, &heard).await.unwrap();
    run_devices(&devices, 48_000, 200, &mut 0.0).await;
    devices.refuse("spk", Some(OpenDeviceError::NotFound(None)));
    devices.fail("spk", DeviceFailure::Unplugged);
    let before = heard.samples().len();
    pass(1_000).await;
    let error = AudioDeviceEvent::DeviceError {
        code: 1006006,
        device_name: "spk".into(),
    };
    assert_eq!(events.take(), [error]);
    assert!(!devices.is_open("spk"));
    assert!(heard.samples().len() - before >= 97 * 480, "the local stream goes on");
    devices.refuse("spk", None);
    pass(30_000).await;
    assert!(devices.times_opened("spk") >= 2, "it is tried again");
}

#[actix::test]
async fn a_speaker_that_falls_silent_without_a_word_is_reported_after_a_second() {
    let devices = ScriptedDevices::new().with_speaker("spk", format(48_000, 2));
    let (link, events) = start(&devices);
    link.open.send(open(tone())).await.unwrap().unwrap();
    let monitor = MonitorLocalStream {
        id: LOCAL,
        audible: true,
        percent: 100,
    };
    link.monitor.send(monitor).await.unwrap();
    run_devices(&devices, 48_000, 200, &mut 0.0).await;
    pass(900).await;
    assert!(events.is_empty());
    pass(200).await;
    assert_eq!(events.take().len(), 1);
}

#[actix::test]
async fn a_microphone_that_fails_is_reported_once_and_its_stream_falls_silent() {
    let devices = ScriptedDevices::new().with_microphone("mic", format(48_000, 1));
    let (link, events) = start(&devices);
    link.open.send(open(microphone(None))).await.unwrap().unwrap();
    let heard = Heard::default();
    attach(&link, &heard).await.unwrap();
    run_devices(&devices, 48_000, 400, &mut 0.0).await;
    assert!(rms(&heard.samples()[9_600..]) > 0.3);
    devices.refuse("mic", Some(OpenDeviceError::Busy("mic".into())));
    devices.fail("mic", DeviceFailure::Failed);
    pass(1_000).await;
    let error = AudioDeviceEvent::DeviceError {
        code: 1006001,
        device_name: "mic".into(),
    };
    assert_eq!(events.take(), [error]);
    let samples = heard.samples();
    assert!(samples[samples.len() - 4_800..].iter().all(|s| *s == 0.0));
    devices.refuse("mic", None);
    pass(2_500).await;
    assert_eq!(
        devices.times_opened("mic"),
        2,
        "it is opened again as soon as that is possible"
    );
    run_devices(&devices, 48_000, 400, &mut 0.0).await;
    let samples = heard.samples();
    assert!(rms(&samples[samples.len() - 4_800..]) > 0.3, "the stream lived on");
}

#[actix::test]
async fn the_end_closes_devices_and_is_the_last_event() {
    let devices = ScriptedDevices::new()
        .with_microphone("mic", format(48_000, 1))
        .with_speaker("spk", format(48_000, 2));
    let (link, events) = start(&devices);
    link.open.send(open(microphone(None))).await.unwrap().unwrap();
    let monitor = MonitorLocalStream {
        id: LOCAL,
        audible: true,
        percent: 100,
    };
    link.monitor.send(monitor).await.unwrap();
    pass(20).await;
    assert!(devices.is_open("mic") && devices.is_open("spk"));
    link.stop.send(StopAudioDevice).await.unwrap();
    assert!(!devices.is_open("mic") && !devices.is_open("spk"));
    pass(50).await;
    assert_eq!(events.take(), [AudioDeviceEvent::Exited { panicked: false }]);
    assert!(!link.stop.connected());
}

fn screen_sound() -> CaptureSource {
    let voice = VoiceConfig::OFF;
    CaptureSource::Screen { voice }
}

#[actix::test]
async fn the_sound_of_the_screen_is_captured_by_who_asks_for_it_alone_and_is_no_microphone() {
    let devices = ScriptedDevices::new()
        .with_screen(format(48_000, 1))
        .with_microphone("mic", format(48_000, 1));
    let (link, _) = start(&devices);
    let listed = link.list_devices.send(ListDevices).await.unwrap().unwrap();
    assert_eq!(listed.microphones.len(), 1);
    link.open.send(open(screen_sound())).await.unwrap().unwrap();
    let (screen, voice) = (Heard::default(), Heard::default());
    attach(&link, &screen).await.unwrap();
    let default = OpenLocalStream {
        id: LocalStreamId(2),
        ..open(microphone(None))
    };
    link.open.send(default).await.unwrap().unwrap();
    let local_stream = LocalStreamId(2);
    let sink = Box::new(voice.clone());
    link.attach_sink
        .send(AttachSink { local_stream, sink })
        .await
        .unwrap()
        .unwrap();
    let play = async |ms: u64| {
        for _ in 0..ms / 20 {
            devices.push("screen", &[0.5; 960]);
            devices.push("mic", &[0.25; 960]);
            pass(20).await;
        }
        let last = |heard: &Heard| *heard.samples().last().unwrap();
        (last(&screen), last(&voice))
    };
    let near = |(screen, voice): (f32, f32), expected: (f32, f32)| {
        assert!(
            (screen - expected.0).abs() < 0.01 && (voice - expected.1).abs() < 0.01,
            "{screen} {voice}"
        );
    };
    near(play(500).await, (0.5, 0.25));
    link.mute_microphone.send(MuteMicrophone(true)).await.unwrap();
    near(play(200).await, (0.5, 0.0));
    assert_eq!(link.captured_device.send(GetCaptureDevice(LOCAL)).await.unwrap(), None);
    let (id, device_id) = (LOCAL, "mic".to_owned());
    let other = link.capture_device.send(SetCaptureDevice { id, device_id }).await.unwrap();
    assert_eq!(other.unwrap_err().code, 1103046);
    // Without a screen there is silence, and never somebody's voice.
    link.mute_microphone.send(MuteMicrophone(false)).await.unwrap();
    link.auto_switch.send(SetAutoSwitch(true)).await.unwrap();
    devices.unplug("screen", None);
    near(play(3_000).await, (0.0, 0.25));
    devices.plug("screen");
    near(play(5_000).await, (0.5, 0.25));
}

#[actix::test]
async fn a_system_without_a_source_of_what_it_plays_says_so() {
    let (link, _) = start(&ScriptedDevices::new().with_microphone("mic", format(48_000, 1)));
    let refused = link.open.send(open(screen_sound())).await.unwrap().unwrap_err();
    assert_eq!(refused.code, 1103048);
    assert!(refused.message.contains("screen"), "{}", refused.message);
}
