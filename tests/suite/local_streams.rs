//! What a listener hears of a local stream that captures something else, and into which something is mixed.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use express_engine::{
    AudioBlock, PlayoutSource, ZegoAudioFrame, ZegoAudioFrameOptions, ZegoAudioSamples, ZegoMediaSource, ZegoStreamOptions,
    ZegoStreamUpdateType,
};
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
    alice
        .zg
        .start_mixing_audio(&local, std::slice::from_ref(&music))
        .await
        .unwrap();
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

#[actix::test]
async fn a_frame_callback_gets_what_the_speaker_would_play_at_the_rate_that_was_asked_for() {
    let simulation = Simulation::start();
    let (alice, bob) = (simulation.member("alice"), simulation.member("bob"));
    alice.login("room", 3_600).await;
    bob.login("room", 3_600).await;
    alice.publish_tone("a", 440.0).await;
    settle().await;
    let _ear = bob.listen("a").await;
    sleep(2.0).await;
    let samples = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&samples);
    let callback = Box::new(move |frame: ZegoAudioFrame| match frame.channels {
        ZegoAudioSamples::Float(channels) => heard.lock().unwrap().extend_from_slice(&channels[0]),
        other => panic!("{other:?}"),
    });
    let options = ZegoAudioFrameOptions {
        frame_size: 512,
        sample_rate: 16_000,
        ..Default::default()
    };
    bob.zg.set_audio_frame_callback("a", Some(callback), options).await.unwrap();
    sleep(2.0).await;
    let samples = samples.lock().unwrap();
    assert!((31_000..=32_000).contains(&samples.len()), "{}", samples.len());
    // The tone crosses 0 upwards 440 times a second.
    let is_upwards = |pair: &&[f32]| pair[0] < 0.0 && pair[1] >= 0.0;
    let upwards = samples[16_000..].windows(2).filter(is_upwards).count();
    let expected = 440 * (samples.len() - 16_000) / 16_000;
    assert!(upwards.abs_diff(expected) <= 5, "{upwards} for {expected}");
}
