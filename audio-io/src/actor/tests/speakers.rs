//! Speakers: chosen, followed, pulled out, in another format, broken.

use express_messages::types::{ZegoAudioDeviceType::Output, ZegoUpdateType::*};

use super::{
    devices::steepest,
    watching::{changed, longest_gap_ms},
    *,
};
use crate::sources::Tone;

/// The tone of a played stream at 0.5 moves by up to 0.033 a sample at 48 kHz.
const SMOOTH: f32 = 0.036;

/// An actor with the speakers `spk`, the default one, and `usb`, on which a stream `a` plays a 500 Hz tone.
struct Stage {
    devices: ScriptedDevices,
    link: AudioDeviceLink,
    events: Recorded<AudioDeviceEvent>,
    periods: tokio::time::Interval,
}

/// What the two speakers played, 48,000 samples for each second; silence while they are closed.
#[derive(Default)]
struct Played {
    spk: Vec<f32>,
    usb: Vec<f32>,
}

impl Played {
    /// What somebody hears who has both in the room.
    fn both(&self) -> Vec<f32> {
        self.spk.iter().zip(&self.usb).map(|(a, b)| a + b).collect()
    }
}

impl Stage {
    async fn new() -> Self {
        tokio::time::pause();
        Self::another().await
    }

    /// Where time is virtual already.
    async fn another() -> Self {
        let devices = ScriptedDevices::new()
            .with_speaker("spk", format(48_000, 2))
            .with_speaker("usb", format(48_000, 2));
        let (link, events) = start_another(&devices);
        // Sleeps would add up to more than was meant, and the speakers would be slow.
        let mut periods = tokio::time::interval(Duration::from_millis(20));
        periods.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        periods.tick().await;
        let stage = Self {
            devices,
            link,
            events,
            periods,
        };
        stage.play("a", 500.0).await;
        stage
    }

    async fn play(&self, name: &str, frequency_hz: f32) {
        let source = AttachSource {
            stream_id: stream(name),
            source: Box::new(Tone::new(frequency_hz, 0.5).unwrap()),
        };
        self.link.attach_source.send(source).await.unwrap();
        self.hear(name, true).await;
    }

    async fn hear(&self, name: &str, audible: bool) {
        let set = SetPlayout {
            stream_id: stream(name),
            audible,
            percent: 100,
        };
        self.link.set_playout.send(set).await.unwrap();
    }

    async fn choose(&self, name: &str, device_id: Option<&str>) -> Result<(), ZegoError> {
        let set = SetOutputDevice {
            stream: HeardStream::Played(stream(name)),
            device_id: device_id.map(Into::into),
        };
        self.link.output_device.send(set).await.unwrap()
    }

    /// Lets `ms` pass while both speakers, where they are open, take sound.
    async fn listen(&mut self, ms: u64) -> Played {
        let mut played = Played::default();
        for _ in 0..ms / 20 {
            self.periods.tick().await;
            for (id, heard) in [("spk", &mut played.spk), ("usb", &mut played.usb)] {
                let out = self.devices.pull(id, 960);
                heard.extend(out.chunks_exact(2).map(|frame| frame[0]));
                heard.resize(heard.len().next_multiple_of(960), 0.0);
                heard.resize(heard.len() + if out.is_empty() { 960 } else { 0 }, 0.0);
            }
        }
        played
    }

    fn error(code: i32, name: &str) -> AudioDeviceEvent {
        AudioDeviceEvent::DeviceError {
            code,
            device_name: name.into(),
        }
    }
}

/// The first moment with sound, in ms.
fn begin_ms(samples: &[f32]) -> usize {
    samples.iter().position(|s| s.abs() > 0.1).unwrap_or(samples.len()) / 48
}

#[actix::test]
async fn a_stream_is_heard_on_another_speaker_in_mid_sentence_without_a_gap_or_a_click() {
    let mut stage = Stage::new().await;
    stage.listen(1_000).await;
    let choosing = stage.choose("a", Some("usb")).await;
    assert_eq!(choosing, Ok(()));
    assert!(
        stage.devices.is_open("spk") && stage.devices.is_open("usb"),
        "the new one first"
    );
    let played = stage.listen(1_000).await;
    let gap = longest_gap_ms(&played.both());
    assert!(gap < 100, "{gap} ms of silence");
    for samples in [&played.spk, &played.usb] {
        assert!(steepest(samples) < SMOOTH, "{}", steepest(samples));
    }
    assert!(!stage.devices.is_open("spk"), "nobody is heard there any more");
    assert!(rms(&played.usb[24_000..]) > 0.35);
    assert_eq!(stage.choose("a", None).await, Ok(()));
    let played = stage.listen(1_000).await;
    assert!(longest_gap_ms(&played.both()) < 100 && rms(&played.spk[24_000..]) > 0.35);
    assert!(stage.events.is_empty());
}

#[actix::test]
async fn two_streams_are_heard_on_two_speakers_at_a_time() {
    let mut stage = Stage::new().await;
    stage.play("b", 3_000.0).await;
    stage.choose("b", Some("usb")).await.unwrap();
    stage.listen(1_000).await;
    let played = stage.listen(1_000).await;
    // 3 kHz at 0.5 moves by up to 0.2 a sample.
    assert!(steepest(&played.spk) < SMOOTH && steepest(&played.usb) > 0.15);
    assert!(rms(&played.spk) > 0.35 && rms(&played.usb) > 0.35);
}

#[actix::test]
async fn a_speaker_that_cannot_be_used_leaves_the_stream_where_it_was() {
    let mut stage = Stage::new().await;
    stage.listen(500).await;
    let busy = OpenDeviceError::Busy("usb".into());
    stage.devices.refuse("usb", Some(busy));
    for device in ["usb", "nobody"] {
        assert_eq!(stage.choose("a", Some(device)).await.unwrap_err().code, 1103093);
    }
    let played = stage.listen(500).await;
    assert!(longest_gap_ms(&played.spk) < 1 && rms(&played.spk) > 0.35);
    let local = SetOutputDevice {
        stream: HeardStream::Local(LOCAL),
        device_id: None,
    };
    assert_eq!(stage.link.output_device.send(local).await.unwrap().unwrap_err().code, 1000018);
    assert!(stage.events.is_empty());
}

#[actix::test]
async fn a_speaker_that_is_chosen_for_a_silent_stream_is_opened_when_it_is_heard() {
    let mut stage = Stage::new().await;
    stage.hear("a", false).await;
    stage.listen(500).await;
    assert_eq!(stage.choose("a", Some("nobody")).await.unwrap_err().code, 1103093);
    stage.choose("a", Some("usb")).await.unwrap();
    assert!(!stage.devices.is_open("usb"));
    let opened = stage.devices.times_opened("spk");
    stage.hear("a", true).await;
    let played = stage.listen(500).await;
    assert!(begin_ms(&played.usb) < 100);
    assert_eq!(stage.devices.times_opened("spk"), opened);
}

#[actix::test]
async fn while_a_chosen_speaker_is_pulled_out_the_default_one_is_heard_at_once_and_it_is_heard_again_when_it_is_back() {
    tokio::time::pause();
    for failure in [None, Some(DeviceFailure::Unplugged)] {
        let mut stage = Stage::another().await;
        stage.choose("a", Some("usb")).await.unwrap();
        stage.listen(1_000).await;
        stage.devices.unplug("usb", failure);
        let played = stage.listen(3_000).await;
        let silent = begin_ms(&played.spk);
        assert!(silent < 400, "{silent} ms of silence");
        let mut told = stage.events.take();
        told.sort_by_key(|event| format!("{event:?}"));
        assert_eq!(told, [changed(Delete, Output, "usb"), Stage::error(1006006, "usb")]);
        stage.devices.plug("usb");
        let played = stage.listen(1_000).await;
        assert!(begin_ms(&played.usb) < 500 && longest_gap_ms(&played.both()) < 100);
        assert!(!stage.devices.is_open("spk"));
        assert_eq!(stage.events.take(), [changed(Add, Output, "usb")]);
    }
}

#[actix::test]
async fn the_default_speaker_is_replaced_when_it_is_pulled_out_and_followed_when_another_is_chosen() {
    let mut stage = Stage::new().await;
    stage.listen(1_000).await;
    stage.devices.unplug("spk", Some(DeviceFailure::Unplugged));
    let played = stage.listen(1_000).await;
    let silent = begin_ms(&played.usb);
    assert!(silent < 200, "{silent} ms of silence");
    stage.devices.plug("spk");
    let played = stage.listen(1_000).await;
    assert!(begin_ms(&played.spk) < 500, "it is the default one again");
    assert!(longest_gap_ms(&played.both()) < 100 && !stage.devices.is_open("usb"));
    stage.devices.set_default("usb");
    let played = stage.listen(1_000).await;
    assert!(begin_ms(&played.usb) < 500 && longest_gap_ms(&played.both()) < 100);
    assert!(steepest(&played.usb) < SMOOTH);
}

#[actix::test]
async fn the_only_speaker_is_heard_again_within_a_second_of_being_plugged_in_again() {
    let mut stage = Stage::new().await;
    stage.devices.unplug("usb", None);
    stage.listen(1_000).await;
    stage.events.take();
    stage.devices.unplug("spk", None);
    stage.listen(60_000).await;
    assert_eq!(
        stage.events.take(),
        [changed(Delete, Output, "spk"), Stage::error(1006006, "spk")]
    );
    let tries = stage.devices.times_opened("spk");
    stage.devices.plug("spk");
    let played = stage.listen(1_000).await;
    let silent = begin_ms(&played.spk);
    assert!(silent < 500, "{silent} ms after it was plugged in");
    assert_eq!(stage.devices.times_opened("spk"), tries + 1);
    assert_eq!(stage.events.take(), [changed(Add, Output, "spk")]);
}

#[actix::test]
async fn a_speaker_whose_format_changes_in_mid_sentence_is_heard_on_within_100_ms_and_nobody_is_told() {
    tokio::time::pause();
    for (rate, channels) in [(48_000, 6), (16_000, 1), (96_000, 2)] {
        let mut stage = Stage::another().await;
        stage.listen(500).await;
        stage.devices.change_format("spk", format(rate, channels));
        let frames = rate as usize / 50;
        let (mut played, mut without) = (Vec::new(), 0);
        for _ in 0..50 {
            stage.periods.tick().await;
            let out = stage.devices.pull("spk", frames);
            without += usize::from(out.iter().all(|s| s.abs() < 0.02)) * 20;
            played.extend(out.chunks_exact(channels).map(|frame| frame[0]));
        }
        assert!(without < 100, "{without} ms without sound at {rate} Hz");
        assert_eq!(stage.devices.times_opened("spk"), 2);
        assert!(rms(&played[played.len() / 2..]) > 0.35);
        assert!(stage.events.is_empty());
    }
}

#[actix::test]
async fn a_driver_that_reports_errors_without_end_is_closed_at_once_told_once_and_tried_seldom() {
    let mut stage = Stage::new().await;
    stage.devices.unplug("usb", None);
    stage.listen(6_000).await;
    stage.events.take();
    stage.devices.err("spk", 1_000_000);
    pass(40).await;
    assert!(!stage.devices.is_open("spk"), "so its callbacks cost nothing more");
    for _ in 0..1_000 {
        stage.devices.err("spk", 1_000);
        pass(10).await;
    }
    let opened = stage.devices.times_opened("spk");
    assert!((3..=12).contains(&opened), "opened {opened} times in 10 s");
    let told = stage.events.take();
    assert!(
        told.len() <= 2 && told.iter().all(|event| *event == Stage::error(1006001, "spk")),
        "{told:?}"
    );
    let played = stage.listen(4_000).await;
    let silent = begin_ms(&played.spk);
    assert!(silent < 2_300, "it is heard as soon as it works, after {silent} ms");
}
