//! Publishes a WAV file, or the microphone, as a stream: the neutral tool of tests and scripts.
//!
//!     cargo run --release --example publish -- --server ws://127.0.0.1:8080 --app-id 1 --token T --room R --user alice \
//!         --stream s1 --wav in.wav [--loop] [--seconds N] [--json]
//!
//! Without `--wav` the default microphone speaks.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use express_engine::{ZegoError, ZegoEvent, ZegoStreamOptions};
use express_examples::cli::{self, Target};

/// Publishes a WAV file, or the microphone, as a stream.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    target: Target,
    /// The file to speak; without it the default microphone
    #[arg(long)]
    wav: Option<PathBuf>,
    /// Start again at its end
    #[arg(long = "loop", requires = "wav")]
    repeat: bool,
    /// Stop after so many seconds; without it at the end of the file, with --loop never
    #[arg(long)]
    seconds: Option<u64>,
    /// Bitrate in kbit/s, 6 to 510; without it 48
    #[arg(long)]
    bitrate: Option<u32>,
}

fn main() -> ExitCode {
    cli::start_logging();
    cli::exit(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), ZegoError> {
    let target = &arguments.target;
    let (zg, happenings) = target.join()?;

    let mut options = match &arguments.wav {
        None => ZegoStreamOptions::microphone(),
        Some(wav) if arguments.repeat => ZegoStreamOptions::wav_loop(wav),
        Some(wav) => ZegoStreamOptions::wav(wav),
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
