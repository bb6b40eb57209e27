//! Media that are mixed into a local stream.

use super::*;

async fn mix(link: &AudioDeviceLink, media: u64, source: CaptureSource) -> Result<(), ZegoError> {
    let start = StartMixing {
        id: LOCAL,
        media: MediaId(media),
        source,
        percent: 100,
    };
    link.start_mixing.send(start).await.unwrap()
}

/// A stream that captures `value`, and what its sinks hear.
async fn capturing(link: &AudioDeviceLink, value: f32) -> Heard {
    link.open.send(open(constant(value))).await.unwrap().unwrap();
    let heard = Heard::default();
    attach(link, &heard).await.unwrap();
    heard
}

fn last(heard: &Heard) -> f32 {
    *heard.samples().last().unwrap()
}

fn close_to(heard: f32, expected: f32) {
    assert!((heard - expected).abs() < 1e-4, "{heard} for {expected}");
}

#[actix::test]
async fn a_medium_is_mixed_in_behind_volume_and_before_mute_and_fades_without_a_click() {
    let (link, _) = start(&ScriptedDevices::new());
    let heard = capturing(&link, 0.25).await;
    mix(&link, 1, constant(0.5)).await.unwrap();
    pass(100).await;
    close_to(last(&heard), 0.75);
    let volume = SetCaptureVolume { id: LOCAL, percent: 0 };
    link.capture_volume.send(volume).await.unwrap();
    pass(100).await;
    close_to(last(&heard), 0.5);
    let (id, media) = (LOCAL, MediaId(1));
    let volume = SetMixingVolume { id, media, percent: 50 };
    link.mixing_volume.send(volume).await.unwrap();
    pass(100).await;
    close_to(last(&heard), 0.25);
    link.mute_local.send(MuteLocalStream { id, muted: true }).await.unwrap();
    pass(100).await;
    close_to(last(&heard), 0.0);
    link.mute_local.send(MuteLocalStream { id, muted: false }).await.unwrap();
    pass(100).await;
    link.stop_mixing.send(StopMixing { id, media }).await.unwrap();
    pass(100).await;
    close_to(last(&heard), 0.0);
    let steepest = heard.samples().windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
    assert!(steepest < 0.01, "{steepest}");
}

#[actix::test]
async fn media_go_on_while_the_microphone_is_muted() {
    let devices = ScriptedDevices::new().with_microphone("mic", format(48_000, 1));
    let (link, _) = start(&devices);
    let source = microphone(None);
    link.open.send(open(source)).await.unwrap().unwrap();
    let heard = Heard::default();
    attach(&link, &heard).await.unwrap();
    mix(&link, 1, constant(0.5)).await.unwrap();
    link.mute_microphone.send(MuteMicrophone(true)).await.unwrap();
    for _ in 0..20 {
        devices.push("mic", &[0.25; 480]);
        pass(10).await;
    }
    close_to(last(&heard), 0.5);
}

#[actix::test]
async fn six_loud_media_stay_inside_one_and_a_seventh_is_refused() {
    let (link, _) = start(&ScriptedDevices::new());
    let heard = capturing(&link, 0.5).await;
    for media in 1..=6 {
        mix(&link, media, constant(0.9)).await.unwrap();
    }
    assert_eq!(mix(&link, 7, constant(0.9)).await.unwrap_err().code, 1100001);
    assert_eq!(mix(&link, 6, constant(0.9)).await.unwrap_err().code, 1100001, "twice");
    pass(200).await;
    assert!(heard.samples().iter().all(|s| s.abs() <= 1.0));
    for media in 1..=6 {
        let (id, media) = (LOCAL, MediaId(media));
        link.stop_mixing.send(StopMixing { id, media }).await.unwrap();
    }
    // The limiter lets go within 2 s; behind that nothing is touched.
    pass(3_000).await;
    assert_eq!(last(&heard), 0.5);
    mix(&link, 7, constant(0.0)).await.unwrap();
}

#[actix::test]
async fn the_end_of_a_mixed_file_is_told_once_and_a_file_that_is_not_there_is_refused() {
    let dir = ScratchDir::new();
    let path = dir.file("short.wav");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    (0..4_800).for_each(|_| writer.write_sample(8_192i16).unwrap());
    writer.finalize().unwrap();
    let (link, events) = start(&ScriptedDevices::new());
    let heard = capturing(&link, 0.0).await;
    let missing = CaptureSource::Wav {
        path: dir.file("none.wav"),
        repeat: false,
    };
    assert_eq!(mix(&link, 1, missing).await.unwrap_err().code, 1100001);
    let wav = |repeat| CaptureSource::Wav {
        path: path.clone(),
        repeat,
    };
    mix(&link, 1, wav(false)).await.unwrap();
    mix(&link, 2, wav(true)).await.unwrap();
    pass(1_000).await;
    assert_eq!(events.take(), [AudioDeviceEvent::MixingEnded(LOCAL, MediaId(1))]);
    close_to(last(&heard), 0.25);
    link.close.send(CloseLocalStream(LOCAL)).await.unwrap();
    assert_eq!(mix(&link, 3, constant(0.5)).await.unwrap_err().code, 1000018);
}

#[actix::test]
async fn what_is_mixed_in_is_held_back_by_the_delay_to_its_last_sample_and_what_is_captured_is_not() {
    tokio::time::pause();
    for delay in [0u16, 25, 1_000, 5_000] {
        let (link, _) = start_another(&ScriptedDevices::new());
        let mixing_delay_ms = delay;
        let open = OpenLocalStream {
            mixing_delay_ms,
            ..open(constant(0.25))
        };
        link.open.send(open).await.unwrap().unwrap();
        let heard = Heard::default();
        attach(&link, &heard).await.unwrap();
        pass(100).await;
        mix(&link, 1, constant(0.5)).await.unwrap();
        pass(500).await;
        let (id, media) = (LOCAL, MediaId(1));
        link.stop_mixing.send(StopMixing { id, media }).await.unwrap();
        pass(1_500).await;
        let samples = heard.samples();
        let begin = samples.iter().position(|s| *s > 0.26).unwrap();
        let end = samples.iter().rposition(|s| *s > 0.26).unwrap();
        let delayed = begin as f32 / 48.0 - 100.0;
        let expected = f32::from(delay.min(1_000));
        assert!((expected - 11.0..expected + 11.0).contains(&delayed), "{delay}: {delayed} ms");
        let lasted = (end - begin) as f32 / 48.0;
        assert!((499.0..=521.0).contains(&lasted), "{delay}: {lasted} ms");
        assert!(samples.iter().all(|s| *s > 0.249), "{delay}");
        close_to(last(&heard), 0.25);
    }
}
