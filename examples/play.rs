//! Plays a stream into a WAV file: the neutral tool of tests and scripts.
//!
//!     cargo run --release --example play -- --server ws://127.0.0.1:8080 --app-id 1 --token T --room R --user bob \
//!         --stream s1 --wav out.wav --seconds N [--json]

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use express_engine::{PlayerState, ZegoError, ZegoEvent};
use express_examples::cli::{self, Ended, Target};

/// Plays a stream into a WAV file (48 kHz, mono, 16 bit).
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    target: Target,
    /// The file to write
    #[arg(long)]
    wav: PathBuf,
    /// Stop so many seconds after the first sound; without it at Ctrl-C
    #[arg(long)]
    seconds: Option<u64>,
    /// Let the speaker play it too
    #[arg(long)]
    speaker: bool,
}

fn main() -> ExitCode {
    cli::start_logging();
    cli::exit(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), ZegoError> {
    let target = &arguments.target;
    let (zg, happenings) = target.join()?;

    // Completes when the stream is there: it may be started before its publisher comes.
    let remote = zg.start_playing_stream(&target.stream, Default::default()).wait()?;
    let recording = remote.record_to(&arguments.wav, 1).wait()?;
    if arguments.speaker {
        remote.play_audio();
    }
    let playing = |event: &ZegoEvent| matches!(event, ZegoEvent::PlayerStateUpdate(e) if e.state == PlayerState::Playing);
    if cli::until(&happenings, None, playing)? == Ended::Done {
        cli::until(&happenings, arguments.seconds.map(Duration::from_secs), |_| false)?;
    }

    recording.stop().wait()?;
    zg.stop_playing_stream(&target.stream)?;
    zg.logout_room(&target.room)?;
    zg.destroy_engine();
    Ok(())
}
