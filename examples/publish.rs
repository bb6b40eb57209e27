//! Publishes a WAV file as a stream: the neutral tool of tests and scripts.
//!
//!     cargo run --release --example publish -- --server ws://127.0.0.1:8080 --app-id 1 --token T --room R --user alice \
//!         --stream s1 --wav in.wav [--loop] [--seconds N] [--json]

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use express_engine::{ZegoError, ZegoEvent, ZegoExpressEngine, ZegoRoomConfig, ZegoStreamOptions};
use express_examples::cli::{self, Target};

/// Publishes a WAV file as a stream.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    target: Target,
    /// The file to speak
    #[arg(long)]
    wav: PathBuf,
    /// Start again at its end
    #[arg(long = "loop")]
    repeat: bool,
    /// Stop after so many seconds; without it at the end of the file, with --loop never
    #[arg(long)]
    seconds: Option<u64>,
    /// Bitrate in kbit/s, 6 to 510
    #[arg(long, default_value_t = 48)]
    bitrate: u32,
}

fn main() -> ExitCode {
    cli::start_logging();
    cli::exit(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), ZegoError> {
    let target = &arguments.target;
    let zg = ZegoExpressEngine::new(target.app_id, &target.server)?;
    let happenings = cli::follow(&zg, target.json);
    zg.login_room(&target.room, &target.token, &target.user, ZegoRoomConfig::default())
        .wait()?;

    let mut options = match arguments.repeat {
        true => ZegoStreamOptions::wav_loop(&arguments.wav),
        false => ZegoStreamOptions::wav(&arguments.wav),
    };
    options.audio_bitrate = arguments.bitrate;
    let local = zg.create_zego_stream(options).wait()?;
    zg.start_publishing_stream(&target.stream, &local, Default::default())?;
    let limit = arguments.seconds.map(Duration::from_secs);
    cli::until(&happenings, limit, |event| matches!(event, ZegoEvent::LocalSourceEnded(_)))?;

    zg.stop_publishing_stream(&target.stream)?;
    zg.destroy_stream(local)?;
    zg.logout_room(&target.room)?;
    zg.destroy_engine();
    Ok(())
}
