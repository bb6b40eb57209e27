//! What a local stream captures, in place of something else.

use super::*;

async fn replace(link: &AudioDeviceLink, source: CaptureSource) -> Result<(), ZegoError> {
    let (id, channels) = (LOCAL, 1);
    link.replace_capture
        .send(ReplaceCapture { id, source, channels })
        .await
        .unwrap()
}

fn steepest(samples: &[f32]) -> f32 {
    samples.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max)
}

#[actix::test]
async fn what_is_captured_anew_is_heard_once_it_is_sent_and_without_a_click() {
    let (link, _) = start(&ScriptedDevices::new());
    link.open.send(open(constant(0.25))).await.unwrap().unwrap();
    let heard = Heard::default();
    attach(&link, &heard).await.unwrap();
    replace(&link, constant(-0.5)).await.unwrap();
    pass(200).await;
    assert!(heard.samples().iter().all(|s| *s == 0.25), "not yet");
    link.send_captured.send(SendCaptured(LOCAL)).await.unwrap();
    pass(200).await;
    link.stop_capture.send(StopCapture(LOCAL)).await.unwrap();
    pass(200).await;
    let samples = heard.samples();
    let at = |value: f32| samples.iter().filter(|s| **s == value).count() / 480;
    assert!(at(-0.5) >= 18 && at(0.0) >= 18, "{} {}", at(-0.5), at(0.0));
    assert!(steepest(&samples) < 0.01, "{}", steepest(&samples));
    assert_eq!(samples.last(), Some(&0.0));
}

#[actix::test]
async fn a_pushed_source_that_waits_is_taken_so_that_nothing_old_is_heard_when_it_is_sent() {
    let (link, _) = start(&ScriptedDevices::new());
    link.open.send(open(CaptureSource::Nothing)).await.unwrap().unwrap();
    let heard = Heard::default();
    attach(&link, &heard).await.unwrap();
    replace(&link, CaptureSource::Pushed(Box::new(Counting(0)))).await.unwrap();
    pass(500).await;
    assert!(heard.samples().iter().all(|s| *s == 0.0), "it captures, and sends nothing");
    link.send_captured.send(SendCaptured(LOCAL)).await.unwrap();
    pass(100).await;
    let first = heard.samples().into_iter().find(|s| *s > 0.045);
    assert!(
        first.is_some_and(|s| s < 0.065),
        "{first:?}: about the 50th block, not the first"
    );
}

#[actix::test]
async fn a_microphone_is_open_while_it_is_captured_or_sent() {
    let devices = ScriptedDevices::new()
        .with_microphone("old", format(48_000, 1))
        .with_microphone("new", format(48_000, 1));
    let (link, _) = start(&devices);
    link.open.send(open(microphone(Some("old")))).await.unwrap().unwrap();
    replace(&link, microphone(Some("new"))).await.unwrap();
    pass(50).await;
    assert!(
        devices.is_open("old") && devices.is_open("new"),
        "one is sent, one is captured"
    );
    link.send_captured.send(SendCaptured(LOCAL)).await.unwrap();
    pass(50).await;
    assert!(!devices.is_open("old") && devices.is_open("new"));
    // Captured twice it is one device still.
    replace(&link, microphone(Some("new"))).await.unwrap();
    link.stop_capture.send(StopCapture(LOCAL)).await.unwrap();
    pass(50).await;
    assert!(devices.is_open("new"), "it is sent still");
    assert_eq!(devices.times_opened("new"), 1);
    link.stop_capture.send(StopCapture(LOCAL)).await.unwrap();
    pass(50).await;
    assert!(!devices.is_open("new"));
}

#[actix::test]
async fn a_source_that_does_not_open_leaves_everything_as_it_was() {
    let (link, _) = start(&ScriptedDevices::new());
    link.open.send(open(constant(0.25))).await.unwrap().unwrap();
    let heard = Heard::default();
    attach(&link, &heard).await.unwrap();
    assert_eq!(replace(&link, microphone(Some("none"))).await.unwrap_err().code, 1103048);
    let (path, repeat) = ("/nowhere/a.wav".into(), false);
    let wav = CaptureSource::Wav { path, repeat };
    assert_eq!(replace(&link, wav).await.unwrap_err().code, 1100001);
    let three = ReplaceCapture {
        id: LOCAL,
        source: constant(0.5),
        channels: 3,
    };
    assert_eq!(link.replace_capture.send(three).await.unwrap().unwrap_err().code, 1100001);
    link.send_captured.send(SendCaptured(LOCAL)).await.unwrap();
    pass(100).await;
    assert!(heard.samples().iter().all(|s| *s == 0.25));
    link.close.send(CloseLocalStream(LOCAL)).await.unwrap();
    assert_eq!(replace(&link, constant(0.5)).await.unwrap_err().code, 1000018);
}

#[actix::test]
async fn a_stereo_source_captured_with_one_channel_is_the_same_on_both_sides() {
    /// Left 0.5, right 0.
    struct Left;
    impl PlayoutSource for Left {
        fn next_block(&mut self, out: &mut AudioBlock, _: Instant) {
            out.reset(2);
            out.samples_mut().iter_mut().step_by(2).for_each(|s| *s = 0.5);
        }
    }
    tokio::time::pause();
    for (channels, expected) in [(1, [0.25, 0.25]), (2, [0.5, 0.0])] {
        let (link, _) = start_another(&ScriptedDevices::new());
        let stereo = OpenLocalStream {
            channels: 2,
            ..open(CaptureSource::Nothing)
        };
        link.open.send(stereo).await.unwrap().unwrap();
        let heard = Heard::default();
        attach(&link, &heard).await.unwrap();
        let (id, source) = (LOCAL, CaptureSource::Pushed(Box::new(Left)));
        let replace = ReplaceCapture { id, source, channels };
        link.replace_capture.send(replace).await.unwrap().unwrap();
        link.send_captured.send(SendCaptured(LOCAL)).await.unwrap();
        pass(100).await;
        let samples = heard.samples();
        assert_eq!(samples[samples.len() - 2..], expected, "{channels}");
    }
}
