//! What a local stream captures, as it is heard, copied and measured apart from what it sends.

use super::*;

async fn tap(link: &AudioDeviceLink, heard: &Heard) -> Result<SinkId, ZegoError> {
    let (id, tap) = (LOCAL, Box::new(heard.clone()));
    link.tap_capture.send(TapCapture { id, tap }).await.unwrap()
}

async fn capture(link: &AudioDeviceLink, value: f32) {
    let (id, source, channels) = (LOCAL, constant(value), 1);
    let replace = ReplaceCapture { id, source, channels };
    link.replace_capture.send(replace).await.unwrap().unwrap();
}

async fn mix(link: &AudioDeviceLink, value: f32) {
    let (id, media, source, percent) = (LOCAL, MediaId(1), constant(value), 100);
    let mix = StartMixing {
        id,
        media,
        source,
        percent,
    };
    link.start_mixing.send(mix).await.unwrap().unwrap();
}

#[actix::test]
async fn a_tap_hears_what_is_captured_before_volume_and_media_and_before_it_is_sent_but_nothing_while_muted() {
    let (link, _) = start(&ScriptedDevices::new());
    let heard = Heard::default();
    assert_eq!(tap(&link, &heard).await.unwrap_err().code, 1000018);
    link.open.send(open(constant(0.25))).await.unwrap().unwrap();
    let id = tap(&link, &heard).await.unwrap();
    let last = async || {
        pass(50).await;
        *heard.samples().last().unwrap()
    };
    mix(&link, 0.5).await;
    let volume = SetCaptureVolume { id: LOCAL, percent: 10 };
    link.capture_volume.send(volume).await.unwrap();
    assert_eq!(last().await, 0.25);
    capture(&link, -0.5).await;
    assert_eq!(last().await, -0.5);
    for (muted, expected) in [(true, 0.0), (false, -0.5)] {
        link.mute_local.send(MuteLocalStream { id: LOCAL, muted }).await.unwrap();
        assert_eq!(last().await, expected);
    }
    link.stop_capture.send(StopCapture(LOCAL)).await.unwrap();
    assert_eq!(last().await, 0.0, "what was captured first is only sent");
    link.detach_sink.send(DetachSink(id)).await.unwrap();
    pass(50).await;
    let before = heard.samples().len();
    pass(50).await;
    assert_eq!(heard.samples().len(), before);
}

#[actix::test]
async fn what_is_captured_is_heard_on_the_speaker_before_volume_and_mute_and_before_it_is_sent() {
    let devices = ScriptedDevices::new().with_speaker("speaker", format(48_000, 1));
    let (link, _) = start(&devices);
    link.open.send(open(constant(0.25))).await.unwrap().unwrap();
    let monitor = async |audible| {
        let (id, percent) = (LOCAL, 100);
        link.monitor_capture
            .send(MonitorCapture { id, audible, percent })
            .await
            .unwrap();
    };
    link.mute_local
        .send(MuteLocalStream { id: LOCAL, muted: true })
        .await
        .unwrap();
    monitor(true).await;
    let heard = async || {
        for _ in 0..30 {
            pass(10).await;
            devices.pull("speaker", 480);
        }
        pass(10).await;
        *devices.pull("speaker", 480).last().unwrap()
    };
    assert_eq!(heard().await, 0.25);
    capture(&link, 0.5).await;
    assert_eq!(heard().await, 0.5);
    link.stop_capture.send(StopCapture(LOCAL)).await.unwrap();
    assert_eq!(heard().await, 0.0, "what was captured first is only sent");
    assert!(devices.is_open("speaker"));
    monitor(false).await;
    pass(300).await;
    assert!(!devices.is_open("speaker"));
}

#[actix::test]
async fn the_level_of_what_is_captured_is_that_of_its_volume_without_media_and_mute() {
    let (link, _) = start(&ScriptedDevices::new());
    link.open.send(open(constant(0.25))).await.unwrap().unwrap();
    mix(&link, 0.5).await;
    let levels = async || {
        pass(2_000).await;
        let levels = link.sound_levels.send(GetSoundLevels).await.unwrap();
        let [(LOCAL, sent)] = levels.sent[..] else {
            panic!("{levels:?}")
        };
        let [(LOCAL, captured)] = levels.captured[..] else {
            panic!("{levels:?}")
        };
        let percent = |level: f32| (level * 100.0).round() as i32;
        (percent(sent.level), percent(captured.level))
    };
    assert_eq!(levels().await, (75, 25));
    let volume = SetCaptureVolume { id: LOCAL, percent: 40 };
    link.capture_volume.send(volume).await.unwrap();
    assert_eq!(levels().await, (60, 10));
    let mute = MuteLocalStream { id: LOCAL, muted: true };
    link.mute_local.send(mute).await.unwrap();
    assert_eq!(levels().await, (0, 10), "whoever speaks while muted can be told so");
}

#[actix::test]
async fn who_speaks_is_told_apart_from_a_steady_sound() {
    let (link, _) = start(&ScriptedDevices::new());
    /// Words: 60 ms of a tone, 40 ms of nothing.
    struct Words(u64);
    impl PlayoutSource for Words {
        fn next_block(&mut self, out: &mut AudioBlock, _: Instant) {
            self.0 += 1;
            if self.0 % 10 < 6 {
                let tone = (0..).map(|n| 0.2 * (n as f32 / 20.0).sin());
                out.samples_mut().iter_mut().zip(tone).for_each(|(out, tone)| *out = tone);
            }
        }
    }
    link.open.send(open(constant(0.2))).await.unwrap().unwrap();
    let voices = async || {
        pass(1_000).await;
        let levels = link.sound_levels.send(GetSoundLevels).await.unwrap();
        (levels.captured[0].1.voice, levels.sent[0].1.voice)
    };
    assert_eq!(voices().await, (false, false));
    let (id, source, channels) = (LOCAL, CaptureSource::Pushed(Box::new(Words(0))), 1);
    let words = ReplaceCapture { id, source, channels };
    link.replace_capture.send(words).await.unwrap().unwrap();
    assert_eq!(voices().await, (true, false), "it is not sent yet");
    link.send_captured.send(SendCaptured(LOCAL)).await.unwrap();
    assert_eq!(voices().await, (true, true));
}

#[actix::test]
async fn the_captured_device_is_the_one_that_really_is_captured() {
    let devices = ScriptedDevices::new()
        .with_microphone("first", format(48_000, 1))
        .with_microphone("second", format(48_000, 1));
    let (link, _) = start(&devices);
    let captured = async || link.captured_device.send(GetCaptureDevice(LOCAL)).await.unwrap();
    assert_eq!(captured().await, None);
    link.open.send(open(microphone(None))).await.unwrap().unwrap();
    assert_eq!(captured().await.as_deref(), Some("first"));
    let (id, device_id) = (LOCAL, "second".to_owned());
    link.capture_device
        .send(SetCaptureDevice { id, device_id })
        .await
        .unwrap()
        .unwrap();
    assert_eq!(captured().await.as_deref(), Some("second"));
    capture(&link, 0.5).await;
    assert_eq!(captured().await, None, "no microphone is captured, though one is sent");
}
