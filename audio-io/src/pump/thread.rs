//! The pump on a thread of its own.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Instant,
};

use super::PumpCore;
use crate::worker::Worker;

/// A pump that runs by itself. Dropped, it ends within a tick; [`Self::stop`] waits for that.
#[derive(Debug)]
pub(crate) struct PumpThread {
    worker: Worker<PumpCore>,
    stop: StopFlag,
}

/// Tells the thread to end, when dropped too.
#[derive(Debug)]
struct StopFlag(Arc<AtomicBool>);

impl Drop for StopFlag {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

impl PumpThread {
    /// Starts thread `zego-pump`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(core: PumpCore) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let worker = Worker::spawn("zego-pump", move || run(core, &flag))?;
        Ok(Self {
            worker,
            stop: StopFlag(stop),
        })
    }

    /// Whether it has ended, which it does by a panic only.
    pub(crate) fn is_finished(&self) -> bool {
        self.worker.is_finished()
    }

    /// Ends the thread and gives back what it held, to be dropped on the control side. `None` if it panicked.
    pub(crate) async fn stop(self) -> Option<PumpCore> {
        drop(self.stop);
        self.worker.wake();
        self.worker.finish().await
    }
}

fn run(mut core: PumpCore, stop: &AtomicBool) -> PumpCore {
    while !stop.load(Ordering::Acquire) {
        let now = Instant::now();
        let blocks = core.tick(now);
        core.note_duration(now.elapsed(), blocks);
        let Some(deadline) = core.next_deadline() else { continue };
        // Absolute deadlines: a late wake does not move the next one. A wake from outside means stop, or nothing.
        thread::park_timeout(deadline.saturating_duration_since(Instant::now()));
    }
    core
}
