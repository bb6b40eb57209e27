//! Arguments and output of the neutral tools `publish`, `play` and `member`.

use std::{
    io::Write,
    process::ExitCode,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use express_engine::{
    PlayerState, PublisherState, RoomStateChangedReason, ZegoError, ZegoEvent, ZegoExpressEngine, ZegoRoomConfig, codes,
};

/// Where to go and as whom.
#[derive(Debug, clap::Args)]
pub struct Target {
    /// The server, for example ws://127.0.0.1:8080
    #[arg(long)]
    pub server: String,
    /// The AppID
    #[arg(long)]
    pub app_id: u32,
    /// A token04 of this user (`express-server token` makes one)
    #[arg(long)]
    pub token: String,
    /// The room
    #[arg(long)]
    pub room: String,
    /// The userID
    #[arg(long)]
    pub user: String,
    /// The stream
    #[arg(long)]
    pub stream: String,
    /// One line of JSON for each event and quality report
    #[arg(long)]
    pub json: bool,
}

/// What the tool has to react to.
#[derive(Debug)]
pub enum Happening {
    /// An event of the engine; it is printed already.
    Event(Box<ZegoEvent>),
    /// The user pressed Ctrl-C.
    Interrupted,
}

impl Target {
    /// Logs in, with every event printed and passed on from the first one.
    ///
    /// # Errors
    /// What the engine or the login refuses.
    pub fn join(&self) -> Result<(ZegoExpressEngine, Receiver<Happening>), ZegoError> {
        let zg = ZegoExpressEngine::new(self.app_id, &self.server)?;
        let happenings = follow(&zg, self.json);
        zg.login_room(&self.room, &self.token, &self.user, ZegoRoomConfig::default())
            .wait()?;
        Ok((zg, happenings))
    }
}

/// Prints every event as it comes and passes it on, with Ctrl-C among them.
fn follow(engine: &ZegoExpressEngine, json: bool) -> Receiver<Happening> {
    let (sender, receiver) = channel();
    let mut events = engine.events();
    let interrupts = sender.clone();
    thread::spawn(move || {
        while let Some(item) = events.recv() {
            match item {
                Ok(event) => {
                    print_event(&event, json);
                    if sender.send(Happening::Event(Box::new(event))).is_err() {
                        return;
                    }
                }
                Err(lagged) => eprintln!("events: {lagged}"),
            }
        }
    });
    thread::spawn(move || wait_for_interrupt(&interrupts));
    receiver
}

fn wait_for_interrupt(interrupts: &Sender<Happening>) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return;
    };
    if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
        // Nobody listens any more only when the tool is ending by itself.
        let _ = interrupts.send(Happening::Interrupted);
    }
}

/// Takes happenings until `done` says so, `limit` is over (`None`: never), or Ctrl-C.
///
/// # Errors
/// When the room, the publication or the playback ended for good.
pub fn until(
    happenings: &Receiver<Happening>,
    limit: Option<Duration>,
    mut done: impl FnMut(&ZegoEvent) -> bool,
) -> Result<Ended, ZegoError> {
    let deadline = limit.map(|limit| Instant::now() + limit);
    loop {
        let next = match deadline {
            None => happenings.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(at) => happenings.recv_timeout(at.saturating_duration_since(Instant::now())),
        };
        match next {
            Ok(Happening::Interrupted) => return Ok(Ended::Interrupted),
            Ok(Happening::Event(event)) => {
                fatal(&event)?;
                if done(&event) {
                    return Ok(Ended::Done);
                }
            }
            Err(RecvTimeoutError::Timeout) => return Ok(Ended::TimeOver),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(ZegoError::new(codes::ENGINE_NOT_CREATED, "the engine has ended"));
            }
        }
    }
}

/// Why [`until`] returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// What was waited for happened.
    Done,
    /// The time was over.
    TimeOver,
    /// Ctrl-C.
    Interrupted,
}

/// An event after which nothing good can come.
fn fatal(event: &ZegoEvent) -> Result<(), ZegoError> {
    let (what, code, text) = match event {
        ZegoEvent::RoomStateChanged(e)
            if matches!(
                e.reason,
                RoomStateChangedReason::LoginFailed | RoomStateChangedReason::ReconnectFailed | RoomStateChangedReason::Kickout
            ) =>
        {
            (e.reason.as_str(), e.error_code, &e.extended_data)
        }
        ZegoEvent::PublisherStateUpdate(e) if e.state == PublisherState::NoPublish => {
            (e.state.as_str(), e.error_code, &e.extended_data)
        }
        ZegoEvent::PlayerStateUpdate(e) if e.state == PlayerState::NoPlay => (e.state.as_str(), e.error_code, &e.extended_data),
        _ => return Ok(()),
    };
    Err(ZegoError::new(code, format!("{what} {text}").trim_end().to_owned()))
}

fn print_event(event: &ZegoEvent, json: bool) {
    let line = if json {
        serde_json::to_string(event).unwrap_or_else(|error| format!("{{\"unprintable\":\"{error}\"}}"))
    } else {
        event.to_string()
    };
    let mut out = std::io::stdout().lock();
    // A closed pipe is the reader's wish to hear no more.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Logs to standard error as `RUST_LOG` says; warnings without it, but for one that rtc_dtls gives for each connection.
pub fn start_logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,rtc_dtls=error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}

/// The exit status of a tool: 0, or 1 and why on standard error.
pub fn exit(result: Result<(), ZegoError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
