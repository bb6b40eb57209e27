//! The running pump as the actor holds it: a thread, or a core that the actor steps itself.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use crate::{
    PumpDrive,
    pump::{MicId, PERIOD, PumpCommand, PumpCore, PumpPort, PumpThread, Returned},
};

/// How often what a pump with its own thread returned, and what devices reported, is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

#[derive(Debug)]
enum Runner {
    Thread(PumpThread),
    /// Stepped by the actor. Also where the system gave no thread: worse than a thread, better than silence.
    Inline(Box<PumpCore>),
}

/// What was lost when it was last looked at, so that each loss is logged once.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Losses {
    skipped_blocks: u64,
    panics: u64,
}

/// Starts, commands and ends the pump. Runs or not: most of the time of an idle engine it does not.
#[derive(Debug)]
pub(super) struct RunningPump {
    drive: PumpDrive,
    pump: Option<(PumpPort, Runner)>,
    losses: Losses,
    ending: Vec<oneshot::Receiver<()>>,
}

impl RunningPump {
    pub(super) fn new(drive: PumpDrive) -> Self {
        Self {
            drive,
            pump: None,
            losses: Losses::default(),
            ending: Vec::new(),
        }
    }

    /// How often [`Self::look`] must be called while it runs.
    pub(super) fn look_every(&self) -> Duration {
        match self.pump {
            Some((_, Runner::Inline(_))) => PERIOD,
            _ => LOOK_EVERY,
        }
    }

    /// Starts the pump, if it does not run.
    pub(super) fn start(&mut self) {
        if self.pump.is_some() {
            return;
        }
        let started = match self.drive {
            PumpDrive::Arbiter => None,
            PumpDrive::Thread => {
                let (core, port) = PumpCore::new();
                PumpThread::start(core)
                    .inspect_err(|error| tracing::error!(%error, "no thread for the audio pump: it runs on the control thread"))
                    .ok()
                    .map(|thread| (port, Runner::Thread(thread)))
            }
        };
        self.losses = Losses::default();
        self.pump = Some(started.unwrap_or_else(|| {
            let (core, port) = PumpCore::new();
            (port, Runner::Inline(Box::new(core)))
        }));
    }

    /// Tells the pump, if it runs. A command without a pump concerns nothing.
    pub(super) fn send(&mut self, command: PumpCommand) {
        if let Some((port, _)) = &mut self.pump {
            port.send(command);
        }
    }

    /// Moves a pump without a thread, and drops what the pump is done with; answers which microphones were among that.
    pub(super) fn look(&mut self, now: Instant) -> Vec<MicId> {
        let mut mics = Vec::new();
        let Some((port, runner)) = &mut self.pump else { return mics };
        port.flush();
        match runner {
            Runner::Inline(core) => {
                core.tick(now);
            }
            // Foreign panics are caught inside; this one is ours and must be seen by the owner.
            Runner::Thread(thread) if thread.is_finished() => std::panic::resume_unwind(Box::new("zego-pump panicked")),
            Runner::Thread(_) => {}
        }
        while let Some(thing) = port.take_returned() {
            if let Returned::Mic(mic) = &thing {
                mics.push(mic.id());
            }
            drop(thing);
        }
        let counters = port.counters();
        let losses = Losses {
            skipped_blocks: counters.skipped_blocks(),
            panics: counters.panics(),
        };
        if losses != self.losses {
            tracing::warn!(
                blocks = losses.skipped_blocks,
                panics = losses.panics,
                "the audio pump has lost sound"
            );
            self.losses = losses;
        }
        mics
    }

    /// Ends the pump; everything it held is dropped on this thread.
    pub(super) fn stop(&mut self) {
        self.ending
            .retain_mut(|ended| matches!(ended.try_recv(), Err(oneshot::error::TryRecvError::Empty)));
        let Some((port, runner)) = self.pump.take() else { return };
        let counters = port.counters();
        tracing::debug!(
            blocks = counters.blocks(),
            skipped_blocks = counters.skipped_blocks(),
            late_ticks = counters.late_ticks(),
            overruns = counters.overruns(),
            longest_tick_us = counters.longest_tick_us(),
            "the audio pump ends"
        );
        if let Runner::Thread(thread) = runner {
            let (alive, ended) = oneshot::channel::<()>();
            self.ending.push(ended);
            actix::spawn(async move {
                drop(thread.stop().await);
                drop((port, alive));
            });
        }
    }

    /// Completes when every pump that was stopped has ended.
    pub(super) fn ended(&mut self) -> impl Future<Output = ()> + use<> {
        let ending = std::mem::take(&mut self.ending);
        async move {
            for ended in ending {
                // The dropped sender is the end.
                let _ = ended.await;
            }
        }
    }
}
