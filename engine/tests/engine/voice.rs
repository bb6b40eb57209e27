//! What is done to a microphone's sound.

use std::time::Duration;

use express_engine::{
    AiDenoiseMode, BlockLevel, VoiceStatistics, ZegoExpressEngine, ZegoMicrophoneOptions, ZegoScenario, ZegoStreamOptions,
    ZegoVoiceOptions,
};

use crate::{fakes::World, told::settle};

fn start() -> (World, ZegoExpressEngine) {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    (world, zg)
}

/// What the device part was told of voices since the last call.
async fn voices(world: &World) -> Vec<String> {
    settle().await;
    world.told().into_iter().filter(|told| told.starts_with("voice:")).collect()
}

#[actix::test]
async fn a_stream_says_what_is_done_to_its_microphone_and_set_audio_config_changes_it_in_the_midst() {
    let (world, zg) = start();
    let options = ZegoStreamOptions {
        voice: ZegoVoiceOptions {
            agc: Some(false),
            ..Default::default()
        },
        ..ZegoStreamOptions::microphone()
    };
    let local = zg.create_zego_stream(options).await.unwrap();
    assert_eq!(voices(&world).await, ["voice: aec ans high-pass"]);
    let no_ans = ZegoVoiceOptions {
        ans: Some(false),
        ..Default::default()
    };
    zg.set_audio_config(&local, no_ans).await.unwrap();
    assert_eq!(voices(&world).await, ["voice: aec high-pass"], "what is not said stays");
    zg.set_audio_config(&local, ZegoVoiceOptions::OFF).await.unwrap();
    assert_eq!(voices(&world).await, ["voice:"]);
    world.crash("device");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(voices(&world).await, ["voice:"], "a fresh device part is told");
}

#[actix::test]
async fn set_audio_config_refuses_what_cannot_be_with_the_documented_codes() {
    let (world, zg) = start();
    let mic = zg.create_zego_stream(ZegoStreamOptions::microphone()).await.unwrap();
    let tone = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    let code = |reply: express_engine::Reply<()>| async move { reply.await.unwrap_err().code };
    assert_eq!(code(zg.set_audio_config(&mic, ZegoVoiceOptions::default())).await, 1100001);
    assert_eq!(code(zg.set_audio_config(&tone, ZegoVoiceOptions::OFF)).await, 1103046);
    let other = World::new().local_engine();
    assert_eq!(code(other.set_audio_config(&mic, ZegoVoiceOptions::OFF)).await, 1000018);
    assert_eq!(code(zg.enable_ai_denoise(&tone, true)).await, 1103081);
    assert_eq!(code(zg.set_ai_denoise_mode(&tone, AiDenoiseMode::Ai)).await, 1103081);
    assert_eq!(code(other.enable_ai_denoise(&mic, true)).await, 1000018);
    assert!(voices(&world).await.is_empty());
}

#[actix::test]
async fn karaoke_has_neither_noise_suppression_nor_gain_control_unless_the_options_say_so() {
    let (world, zg) = start();
    zg.set_room_scenario(ZegoScenario::Karaoke).unwrap();
    let local = zg.create_zego_stream(ZegoStreamOptions::microphone()).await.unwrap();
    assert_eq!(voices(&world).await, ["voice: aec high-pass"]);
    let options = ZegoMicrophoneOptions {
        voice: ZegoVoiceOptions {
            aec: Some(false),
            agc: Some(true),
            ..Default::default()
        },
        ..Default::default()
    };
    local.start_capture_microphone(options).await.unwrap();
    assert_eq!(voices(&world).await, ["voice: agc"]);
}

#[actix::test]
async fn ai_denoise_goes_on_with_another_microphone_in_the_mode_that_was_chosen() {
    let (world, zg) = start();
    let local = zg.create_zego_stream(ZegoStreamOptions::microphone()).await.unwrap();
    zg.set_ai_denoise_mode(&local, AiDenoiseMode::AiBalanced).await.unwrap();
    assert!(voices(&world).await.is_empty(), "it is not on yet");
    zg.enable_ai_denoise(&local, true).await.unwrap();
    assert_eq!(voices(&world).await, ["voice: aec ans agc balanced high-pass"]);
    local
        .start_capture_microphone(ZegoMicrophoneOptions::default())
        .await
        .unwrap();
    assert_eq!(voices(&world).await, ["voice: aec ans agc balanced high-pass"]);
    zg.set_ai_denoise_mode(&local, AiDenoiseMode::Ai).await.unwrap();
    assert_eq!(voices(&world).await, ["voice: aec ans agc ai high-pass"]);
    zg.enable_ai_denoise(&local, false).await.unwrap();
    zg.enable_ai_denoise(&local, false).await.unwrap();
    assert_eq!(voices(&world).await, ["voice: aec ans agc high-pass"]);
}

#[actix::test]
async fn levels_before_and_behind_the_voice_chain_are_told() {
    let (world, zg) = start();
    let local = zg.create_zego_stream(ZegoStreamOptions::microphone()).await.unwrap();
    assert_eq!(local.voice_statistics().await.unwrap(), None);
    let level = |peak| BlockLevel { peak, rms: peak / 2.0 };
    let statistics = VoiceStatistics {
        before: level(0.125),
        after: level(0.5),
        ..Default::default()
    };
    world.lock().voice = Some(statistics);
    assert_eq!(local.voice_statistics().await.unwrap(), Some(statistics));
    zg.destroy_stream(local.clone()).unwrap();
    assert_eq!(local.voice_statistics().await.unwrap_err().code, 1000018);
}
