//! The screen: keys in, frames out.

use std::{
    io,
    pin::pin,
    time::{Duration, Instant},
};

use crossterm::event::{Event, EventStream};
use futures::StreamExt;
use ratatui::DefaultTerminal;
use tokio::{
    runtime::Runtime,
    time::{MissedTickBehavior, interval},
};

use crate::{
    arguments::Arguments,
    call::{Call, Happening, over},
    model::{Ending, Intent, Model},
    quiet::Quiet,
    view::{Look, draw},
};

/// A frame so often: twice for each level.
const FRAME: Duration = Duration::from_millis(100);

/// Runs a call on the terminal, which is as it was afterwards, also after a panic.
///
/// # Errors
/// What the terminal does not do.
pub(crate) fn run(runtime: &Runtime, mut call: Call, model: Model, arguments: &Arguments) -> io::Result<Ending> {
    // The order matters: of the hooks for a panic the last one runs first, and the terminal has to be back before the text.
    let _quiet = Quiet::begin()?;
    let mut terminal = ratatui::try_init()?;
    let ending = runtime.block_on(drive(&mut terminal, &mut call, model, arguments));
    ratatui::restore();
    call.leave();
    ending
}

async fn drive(terminal: &mut DefaultTerminal, call: &mut Call, mut model: Model, arguments: &Arguments) -> io::Result<Ending> {
    let (started, look) = (Instant::now(), Look::of_environment());
    let mut keys = EventStream::new();
    let mut frames = interval(FRAME);
    frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut limit = pin!(over(arguments.limit()));
    loop {
        let intents = tokio::select! {
            key = keys.next() => match key {
                Some(Ok(Event::Key(key))) => {
                    let intents = model.key(key, started.elapsed());
                    terminal.draw(|frame| draw(frame, &model, look))?;
                    intents
                }
                // Another size: the next frame has it.
                Some(Ok(_)) => Vec::new(),
                Some(Err(error)) => return Err(error),
                None => return Ok(Ending::Left),
            },
            happening = call.next() => match happening {
                Some(happening) => happened(&mut model, &happening, started),
                None => return Ok(Ending::Left),
            },
            _ = frames.tick() => {
                let intents = model.tick(started.elapsed());
                terminal.draw(|frame| draw(frame, &model, look))?;
                intents
            }
            () = &mut limit => return Ok(model.time_over()),
        };
        for intent in intents {
            if intent == Intent::Quit {
                return Ok(Ending::Left);
            }
            call.carry_out(intent);
        }
        if let Some(ending) = model.ending.take() {
            return Ok(ending);
        }
    }
}

fn happened(model: &mut Model, happening: &Happening, started: Instant) -> Vec<Intent> {
    match happening {
        Happening::Event(event) => return model.event(event, started.elapsed()),
        Happening::Lagged(lagged) => model.line(format!("events: {lagged}")),
        Happening::Fact(fact) => model.fact(fact),
    }
    Vec::new()
}
