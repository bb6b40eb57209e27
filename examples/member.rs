//! Takes part in a room: speaks a WAV file over and over, and records every other stream into a file of its own. The third
//! neutral tool of tests and scripts, for calls of more than two.
//!
//!     cargo run --release --example member -- --server ws://127.0.0.1:8080 --app-id 1 --token T --room R --user alice \
//!         --stream s1 --wav in.wav --record FOLDER [--json]
//!
//! At Ctrl-C it leaves; FOLDER then holds STREAM.wav (48 kHz, mono, 16 bit) of each stream that was heard.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use express_engine::{ZegoError, ZegoEvent, ZegoStreamOptions, ZegoUpdateType};
use express_examples::cli::{self, Target};

/// Takes part in a room: speaks a WAV file over and over and records every other stream.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    target: Target,
    /// The file to speak
    #[arg(long)]
    wav: PathBuf,
    /// The folder that gets a recording of each stream
    #[arg(long)]
    record: PathBuf,
}

fn main() -> ExitCode {
    cli::start_logging();
    cli::exit(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), ZegoError> {
    let target = &arguments.target;
    let (zg, happenings) = target.join()?;
    let local = zg.create_zego_stream(ZegoStreamOptions::wav_loop(&arguments.wav)).wait()?;
    zg.start_publishing_stream(&target.stream, &local, Default::default())?;

    let mut recordings = Vec::new();
    let mut problem = None;
    cli::until(&happenings, None, |event| {
        let ZegoEvent::RoomStreamUpdate(update) = event else {
            return false;
        };
        if update.update_type == ZegoUpdateType::Delete {
            return false; // It is waited for, and recorded on when it comes back.
        }
        for stream in &update.stream_list {
            let file = arguments.record.join(format!("{}.wav", stream.stream_id));
            let recording = zg
                .start_playing_stream(&stream.stream_id, Default::default())
                .wait()
                .and_then(|remote| remote.record_to(&file, 1).wait());
            match recording {
                Ok(recording) => recordings.push(recording),
                Err(error) => problem = Some(error),
            }
        }
        problem.is_some()
    })?;
    for recording in recordings {
        recording.stop().wait()?;
    }
    zg.destroy_engine();
    problem.map_or(Ok(()), Err)
}
