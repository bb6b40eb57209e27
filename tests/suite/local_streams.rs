//! What a listener hears of a local stream that captures something else, and into which something is mixed.

use std::time::Instant;

use express_engine::{AudioBlock, PlayoutSource, ZegoMediaSource, ZegoStreamOptions, ZegoStreamUpdateType};
use express_tests::simulation::{Simulation, settle, sleep};

/// A sine of 0.2.
struct Sine {
    step: f32,
    phase: f32,
}

impl Sine {
    fn of(frequency_hz: f32) -> Self {
        let step = frequency_hz / 48_000.0;
        Self { step, phase: 0.0 }
    }
}

impl PlayoutSource for Sine {
    fn next_block(&mut self, out: &mut AudioBlock, _: Instant) {
        out.reset(1);
        for sample in out.samples_mut() {
            self.phase = (self.phase + self.step).fract();
            *sample = 0.2 * (std::f32::consts::TAU * self.phase).sin();
        }
    }
}

#[actix::test]
async fn a_listener_hears_mixed_sound_and_the_new_source_after_update_publishing_stream() {
    let simulation = Simulation::start();
    let (alice, bob) = (simulation.member("alice"), simulation.member("bob"));
    alice.login("room", 3_600).await;
    bob.login("room", 3_600).await;
    let local = alice.publish_tone("a", 440.0).await;
    settle().await;
    let ear = bob.listen("a").await;
    sleep(2.0).await;
    let heard = |old: bool, new: bool, music: bool| {
        for (frequency_hz, is_heard) in [(440.0, old), (1_000.0, new), (1_700.0, music)] {
            let amplitude = ear.amplitude(frequency_hz);
            let is_right = if is_heard { amplitude > 0.1 } else { amplitude < 0.02 };
            assert!(is_right, "{frequency_hz} Hz: {amplitude}, heard: {is_heard}");
        }
    };
    heard(true, false, false);

    let music = ZegoMediaSource::custom(Sine::of(1_700.0));
    alice.zg.start_mixing_audio(&local, &[music.clone()]).await.unwrap();
    sleep(2.0).await;
    heard(true, false, true);

    let tone = ZegoStreamOptions::tone(1_000.0).source;
    local.start_capture_custom_audio(tone, 1).await.unwrap();
    sleep(2.0).await;
    heard(true, false, true);

    let audio = ZegoStreamUpdateType::Audio;
    alice.zg.update_publishing_stream(&local, audio).await.unwrap();
    sleep(2.0).await;
    heard(false, true, true);

    alice.zg.stop_mixing_audio(&local, Some(&music)).unwrap();
    sleep(2.0).await;
    heard(false, true, false);

    assert!(local.stop_capture_audio());
    sleep(2.0).await;
    heard(false, false, false);
}
