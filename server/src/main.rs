//! `express-server`: the server and its tools.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Parser, Subcommand};
use crossbeam_channel::{Receiver, bounded, select};
use express_server::api_command::{self, ApiArgs};
use express_server::config::{self, LogConfig, LogFormat, SAMPLE};
use express_server::token_command::{self, TokenArgs};
use express_server::{RunningServer, start};
use nix::sys::signal::{SigSet, Signal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format;

/// The exit code of a stop that a second signal cut short: 128 + SIGINT, as shells count.
const INTERRUPTED: i32 = 130;
/// Characters of a field of the log.
const MOST_OF_A_FIELD: usize = 1_000;

/// The cloud of Express Audio: rooms, tokens, signalling, media forwarding.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (also without a command)
    Serve(ServeArgs),
    Token(Box<TokenArgs>),
    Api(Box<ApiArgs>),
    /// Print the default configuration, with a comment on every key
    Config,
}

#[derive(Debug, Default, Args)]
struct ServeArgs {
    /// A TOML file over the defaults, which `express-server config` prints
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(args) => serve(&args),
        Command::Token(args) => token_command::run(&args, &mut std::io::stdout().lock(), unix_s()).map_err(Into::into),
        Command::Api(args) => api_command::run(&args, &mut std::io::stdout().lock(), unix_s().unsigned_abs()).map_err(Into::into),
        Command::Config => std::io::stdout().write_all(SAMPLE.as_bytes()).map_err(Into::into),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("express-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(args: &ServeArgs) -> Result<(), Box<dyn std::error::Error>> {
    let config = config::load(args.config.as_deref())?;
    log_to_stderr(&config.log)?;
    // Before any thread is there, so that all of them leave the signals to one.
    let signals = signals()?;
    let running = start(config)?;
    announce(&running)?;
    select! {
        recv(signals) -> _ => tracing::info!("stopping; a second signal ends at once"),
        recv(running.ended()) -> _ => return Err("the server ended unexpectedly; see the log".into()),
    }
    std::thread::spawn(move || {
        if signals.recv().is_ok() {
            std::process::exit(INTERRUPTED);
        }
    });
    running.stop();
    tracing::info!("stopped");
    Ok(())
}

/// Says on stdout that calls can be made, and on stderr how, where nobody could know.
fn announce(running: &RunningServer) -> std::io::Result<()> {
    let app_ids: Vec<String> = running.apps().iter().map(|app| app.id.to_string()).collect();
    if let Some(app) = running.made_up_app() {
        let secret = app.secret.expose();
        eprintln!(
            "no [[apps]] is configured: AppID {} with a secret for this run alone: {secret}",
            app.id
        );
        eprintln!(
            "a token: express-server token --app-id {} --user alice --secret {secret}",
            app.id
        );
        if running.http_addr().ip().is_loopback() {
            eprintln!(
                "     or: curl -H content-type:application/json -d '{{\"user_id\":\"alice\"}}' {}/v1/dev-token",
                running.url()
            );
        }
    }
    let mut out = std::io::stdout().lock();
    let (url, media) = (running.url(), running.media_addr());
    writeln!(out, "ready {url} media={media} app_id={}", app_ids.join(","))?;
    out.flush()
}

fn log_to_stderr(log: &LogConfig) -> Result<(), Box<dyn std::error::Error>> {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(&log.level)?)
        .with_writer(std::io::stderr);
    // Both also take what libraries write by the log crate.
    match log.format {
        LogFormat::Text => lines
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .fmt_fields(format::debug_fn(write_field).delimited(" "))
            .try_init(),
        LogFormat::Json => lines.json().try_init(),
    }
    .map_err(|error| error as Box<dyn std::error::Error>)
}

/// A field of a line for people. What others chose (an offer, a name) can neither begin a line of its own nor speak to the terminal.
fn write_field(writer: &mut format::Writer<'_>, field: &tracing::field::Field, value: &dyn std::fmt::Debug) -> std::fmt::Result {
    let name = field.name();
    // Where in a library a line of the log crate comes from stands in front of it.
    if name.starts_with("log.") {
        return Ok(());
    }
    if name != "message" {
        write!(writer, "{name}=")?;
    }
    for c in format!("{value:?}").chars().take(MOST_OF_A_FIELD) {
        match c.is_control() {
            true => write!(writer, "{}", c.escape_default())?,
            false => writer.write_char(c)?,
        }
    }
    Ok(())
}

/// SIGINT and SIGTERM, one message each.
fn signals() -> Result<Receiver<()>, Box<dyn std::error::Error>> {
    let wanted: SigSet = [Signal::SIGINT, Signal::SIGTERM].into_iter().collect();
    wanted.thread_block()?;
    let (sender, receiver) = bounded(2);
    std::thread::Builder::new().name("express-signal".into()).spawn(move || {
        while wanted.wait().is_ok() {
            if sender.send(()).is_err() {
                return;
            }
        }
    })?;
    Ok(receiver)
}

fn unix_s() -> i64 {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(unix.as_secs()).unwrap_or(i64::MAX)
}
