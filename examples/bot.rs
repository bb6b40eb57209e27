//! A voice bot: it hears one user as PCM and answers with PCM of its own.
//!
//! This one repeats what was said after each pause, as a parrot does. Put a speech recogniser and a voice where it copies.
//!
//!     cargo run --release --example bot -- ws://127.0.0.1:8080 1 parrot TOKEN lobby alice-voice

use express_engine::{ZegoError, ZegoExpressEngine, ZegoRoomConfig, ZegoStreamOptions};
use futures::StreamExt;

/// Quieter than this peak is a pause.
const QUIET: f32 = 0.01;
/// So many quiet blocks of 10 ms end a sentence: 600 ms.
const PAUSE_BLOCKS: usize = 60;
/// The longest sentence that is remembered: 20 s.
const LONGEST: usize = 48_000 * 20;

#[tokio::main]
async fn main() -> Result<(), ZegoError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, app_id, user, token, room, listen_to] = arguments.as_slice() else {
        eprintln!("usage: bot SERVER APP_ID USER TOKEN ROOM STREAM");
        std::process::exit(2);
    };
    let zg = ZegoExpressEngine::new(app_id.parse().unwrap_or(0), server)?;
    zg.login_room(room, token, user, ZegoRoomConfig::default()).await?;

    // Its voice: PCM that we push.
    let (options, mut voice) = ZegoStreamOptions::pushed(1);
    let local = zg.create_zego_stream(options).await?;
    zg.start_publishing_stream(format!("{user}-voice"), &local, Default::default())?;

    // Its ears: PCM that we pull, 10 ms at a time. The stream may come later than the bot.
    let remote = zg.start_playing_stream(listen_to, Default::default()).await?;
    let mut frames = remote.frames();
    let mut sentence: Vec<f32> = Vec::with_capacity(LONGEST);
    let mut quiet = 0;
    println!("{user} listens to {listen_to}");
    while let Some(block) = frames.next().await {
        let Ok(block) = block else { continue }; // we were too slow and missed something: listen on
        quiet = if block.peak() < QUIET { quiet + 1 } else { 0 };
        if quiet < PAUSE_BLOCKS {
            let mono = block.samples().iter().step_by(block.channels());
            sentence.extend(mono.take(LONGEST - sentence.len()));
        } else if sentence.iter().any(|sample| sample.abs() > QUIET) {
            println!("{user} repeats {:.1} s", sentence.len() as f32 / 48_000.0);
            voice.write(&sentence).await;
            sentence.clear();
        } else {
            sentence.clear();
        }
    }
    zg.destroy_engine();
    Ok(())
}
