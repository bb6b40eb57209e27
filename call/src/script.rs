//! Lines of JSON out, commands in.

use std::{
    io::{BufRead, Write},
    pin::pin,
    time::Instant,
};

use futures::{SinkExt, StreamExt, channel::mpsc, executor};
use serde_json::{Value, json};

use crate::{
    arguments::Arguments,
    call::{Call, Happening, over},
    commands::Command,
    model::{Ending, Intent, Model},
};

/// Commands that are read before they are obeyed; more wait in the pipe.
const WAITING_COMMANDS: usize = 16;

/// Runs a call for a script; how it ended.
pub(crate) async fn run(mut call: Call, mut model: Model, arguments: &Arguments) -> Ending {
    let started = Instant::now();
    let mut commands = read_commands();
    let mut more_commands = true;
    let mut limit = pin!(over(arguments.limit()));
    let mut interrupted = pin!(tokio::signal::ctrl_c());
    let ending = loop {
        let intents = tokio::select! {
            happening = call.next() => match happening {
                Some(happening) => happened(&mut model, &happening, started),
                None => break Ending::Left,
            },
            line = commands.next(), if more_commands => match line {
                Some(line) => obey(&mut model, &line),
                None => {
                    more_commands = false;
                    Vec::new()
                }
            },
            () = &mut limit => break model.time_over(),
            _ = &mut interrupted => break Ending::Left,
        };
        for intent in intents {
            if intent == Intent::Quit {
                model.ending = Some(Ending::Left);
            }
            call.carry_out(intent);
        }
        if let Some(ending) = model.ending.take() {
            break ending;
        }
    };
    call.leave();
    print(&json!({"call": "end", "ending": ending}));
    ending
}

fn happened(model: &mut Model, happening: &Happening, started: Instant) -> Vec<Intent> {
    match happening {
        Happening::Event(event) => {
            print(&serde_json::to_value(event).unwrap_or_else(|error| json!({"unprintable": error.to_string()})));
            model.event(event, started.elapsed())
        }
        Happening::Lagged(lagged) => {
            print(&json!({"call": "events", "lost": lagged.0}));
            Vec::new()
        }
        Happening::Fact(fact) => {
            print(&fact.to_json());
            model.fact(fact);
            Vec::new()
        }
    }
}

fn obey(model: &mut Model, line: &str) -> Vec<Intent> {
    match line.parse() {
        Ok(Command::Mute(muted)) => model.set_muted(muted).into_iter().collect(),
        Ok(Command::Say(text)) => vec![Intent::Say(text)],
        Ok(Command::Volume(user, percent)) => {
            let intents = model.set_volume(&user, percent);
            if intents.is_empty() {
                print(&json!({"call": "volume", "message": format!("{user} is not heard here")}));
            }
            intents
        }
        Ok(Command::Devices) => vec![Intent::ListDevices],
        Ok(Command::Microphone(device_id)) => vec![Intent::UseMicrophone(model.microphone(device_id))],
        Ok(Command::Speaker(device_id)) => vec![Intent::UseSpeaker(model.speaker(device_id))],
        Ok(Command::Who) => {
            print(&who(model));
            Vec::new()
        }
        Ok(Command::Quit) => vec![Intent::Quit],
        Err(problem) => {
            print(&json!({"call": "command", "message": problem}));
            Vec::new()
        }
    }
}

/// Who is here, as the screen would show it.
fn who(model: &Model) -> Value {
    let people = model.people.iter().map(|person| {
        let voice = person.voice.as_ref();
        json!({
            "userID": person.user_id,
            "userName": person.name,
            "streamID": voice.map(|voice| &voice.stream_id),
            "sound": person.mark(model.now),
            "soundLevel": voice.map(|voice| voice.level),
            "volume": voice.map(|voice| voice.volume),
        })
    });
    json!({"call": "who", "muted": model.muted, "people": people.collect::<Vec<_>>()})
}

/// One line; a reader that is gone wants no more.
fn print(value: &Value) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{value}").and_then(|()| out.flush());
}

/// Lines of standard input, on a thread of their own: it cannot be waited for otherwise.
fn read_commands() -> mpsc::Receiver<String> {
    let (mut sender, receiver) = mpsc::channel(WAITING_COMMANDS);
    std::thread::spawn(move || {
        let lines = std::io::stdin().lock().lines().map_while(Result::ok);
        for line in lines.filter(|line| !line.trim().is_empty()) {
            if executor::block_on(sender.send(line)).is_err() {
                return;
            }
        }
    });
    receiver
}
