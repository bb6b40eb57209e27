//! The command line.

use std::{path::PathBuf, time::Duration};

use clap::Parser;
use express_engine::ZegoVoiceOptions;

use crate::token::TokenSource;

/// A voice call in the terminal.
///
/// On a terminal it shows who is here, with live levels and quality; `?` tells the keys. With --script, or where there is no
/// terminal, it prints each event as a line of JSON and reads commands from standard input: mute, unmute, say TEXT,
/// volume USER PERCENT, devices, microphone ID, speaker ID, who, quit. The end of standard input does not end the call.
///
/// Exit status: 0 left as asked (quit, --seconds, Ctrl-C); 1 something on this machine failed; 2 wrong arguments; 3 no token, or
/// the login failed or was not answered before --seconds were over; 4 put out of the room, or the connection was lost for good.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Arguments {
    /// The server: ws://host:port, wss://host or host:port
    #[arg(long, env = "EXPRESS_SERVER", default_value = "ws://localhost:8080")]
    pub(crate) server: String,
    /// The room
    #[arg(long, default_value = "demo")]
    pub(crate) room: String,
    /// The userID
    #[arg(long, required_unless_present = "check", default_value = "", hide_default_value = true)]
    pub(crate) user: String,
    /// The name to show; without it the userID
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) name: String,
    /// The stream to publish; without it USER-voice
    #[arg(long)]
    stream: Option<String>,
    /// A token04 of this user. Others on this machine can see arguments: better a file, or the environment. Without any, a server
    /// that nobody configured gives a development token to its own machine
    #[arg(long, env = "EXPRESS_TOKEN", hide_env_values = true, conflicts_with = "token_file")]
    token: Option<String>,
    /// A file with the token; it is read again when the token ends
    #[arg(long)]
    token_file: Option<PathBuf>,
    /// The AppID of the token; a development token brings its own
    #[arg(long, env = "EXPRESS_APP_ID", default_value_t = 1)]
    app_id: u32,
    /// A file with certificate authorities (PEM) to trust beside the public ones
    #[arg(long, value_name = "FILE")]
    pub(crate) root_certificate: Option<PathBuf>,
    /// The id of the microphone, see the command `devices`; without it the default one
    #[arg(long, visible_alias = "mic", value_name = "ID", conflicts_with = "wav")]
    pub(crate) microphone: Option<String>,
    /// The id of the speaker, see the command `devices`; without it the default one
    #[arg(long, value_name = "ID")]
    pub(crate) speaker: Option<String>,
    /// No echo cancellation
    #[arg(long)]
    no_aec: bool,
    /// No suppression of noise
    #[arg(long)]
    no_ans: bool,
    /// No automatic gain control
    #[arg(long)]
    no_agc: bool,
    /// Speak this WAV file instead of a microphone
    #[arg(long, value_name = "FILE")]
    pub(crate) wav: Option<PathBuf>,
    /// Start the WAV file again at its end
    #[arg(long = "loop", requires = "wav")]
    pub(crate) repeat: bool,
    /// Come muted
    #[arg(long)]
    pub(crate) muted: bool,
    /// Record each stream that is heard into DIR/STREAM.wav (48 kHz, mono, 16 bit)
    #[arg(long, value_name = "DIR")]
    pub(crate) record: Option<PathBuf>,
    /// Leave after so many seconds
    #[arg(long)]
    seconds: Option<u64>,
    /// Look at what works here and say what to do about the rest: microphone, speaker, codec, the server and the ways to its media.
    /// The exit status is 0 where nothing is missing that a call needs, else 1
    #[arg(long)]
    pub(crate) check: bool,
    /// Lines of JSON instead of a screen
    #[arg(long)]
    pub(crate) script: bool,
    /// Write the log (RUST_LOG says what) into this file; in scripts it goes to standard error without it
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
}

impl Arguments {
    /// What we publish.
    pub(crate) fn stream(&self) -> String {
        self.stream.clone().unwrap_or_else(|| format!("{}-voice", self.user))
    }

    /// What is done to the sound of a microphone.
    pub(crate) fn voice(&self) -> ZegoVoiceOptions {
        let without = |off: bool| off.then_some(false);
        ZegoVoiceOptions {
            aec: without(self.no_aec),
            ans: without(self.no_ans),
            agc: without(self.no_agc),
        }
    }

    /// When to leave; `None`: when it is asked for.
    pub(crate) fn limit(&self) -> Option<Duration> {
        self.seconds.map(Duration::from_secs)
    }

    /// Where tokens come from.
    pub(crate) fn token_source(&self) -> TokenSource {
        match (&self.token, &self.token_file) {
            (Some(token), _) => TokenSource::Given {
                app_id: self.app_id,
                token: token.clone(),
            },
            (None, Some(file)) => TokenSource::File {
                app_id: self.app_id,
                file: file.clone(),
            },
            (None, None) => TokenSource::Development {
                server: self.server.clone(),
                user: self.user.clone(),
                room: self.room.clone(),
            },
        }
    }
}
