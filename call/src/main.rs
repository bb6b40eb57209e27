//! A voice call in the terminal.
//!
//! `model` decides what is shown and what keys do, `view` draws it, `call` holds the engine, `screen` and `script` are the two
//! ways to run it.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod arguments;
mod call;
mod check;
mod commands;
mod fact;
mod model;
mod quiet;
mod screen;
mod script;
mod token;
mod view;

use std::{
    fs::File,
    io::{self, IsTerminal},
    process::ExitCode,
    sync::Mutex,
};

use arguments::Arguments;
use call::Call;
use clap::Parser;
use model::{Ending, Identity, Model};
use tracing_subscriber::EnvFilter;

/// Something on this machine failed.
const FAILED: u8 = 1;
/// What clap says of wrong arguments, too.
const WRONG_ARGUMENTS: u8 = 2;
/// No token, or no login.
const NOT_LOGGED_IN: u8 = 3;
/// Put out of the room.
const PUT_OUT: u8 = 4;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let scripted = arguments.script || !(io::stdin().is_terminal() && io::stdout().is_terminal());
    match run(&arguments, scripted) {
        Ok(Ending::Left) => ExitCode::SUCCESS,
        Ok(Ending::LoginFailed(why)) => fail(NOT_LOGGED_IN, &why),
        Ok(Ending::PutOut(why)) => fail(PUT_OUT, &why),
        Err((status, why)) => fail(status, &why),
    }
}

fn fail(status: u8, why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::from(status)
}

fn run(arguments: &Arguments, scripted: bool) -> Result<Ending, (u8, String)> {
    let failed = |error: io::Error| (FAILED, error.to_string());
    start_logging(arguments, scripted).map_err(failed)?;
    if arguments.check {
        return check::run(arguments, scripted).map_err(|error| (FAILED, error.to_string()));
    }
    let tokens = arguments.token_source();
    let ticket = tokens.get().map_err(|error| (NOT_LOGGED_IN, error.to_string()))?;
    let call = Call::start(arguments, &ticket).map_err(|error| (WRONG_ARGUMENTS, error.to_string()))?;
    let mut model = Model::new(Identity {
        room: arguments.room.clone(),
        user: arguments.user.clone(),
        server: arguments.server.clone(),
    });
    model.muted = arguments.muted;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    let ending = if scripted {
        Ok(runtime.block_on(script::run(call, model, arguments)))
    } else {
        screen::run(&runtime, call, model, arguments).map_err(failed)
    };
    // A token that is still being fetched is not waited for.
    runtime.shutdown_background();
    ending
}

/// Into the file; without one to standard error, where that is not the screen.
fn start_logging(arguments: &Arguments, scripted: bool) -> io::Result<()> {
    // One warning of rtc_dtls comes with each connection.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,rtc_dtls=error"));
    let log = tracing_subscriber::fmt().with_env_filter(filter);
    match &arguments.log {
        Some(file) => log.with_ansi(false).with_writer(Mutex::new(File::create(file)?)).init(),
        None if scripted => log.with_writer(io::stderr).init(),
        None => {}
    }
    Ok(())
}
