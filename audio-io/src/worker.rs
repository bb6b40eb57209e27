//! Threads of the control side, whose end can be awaited.

use std::{io, thread};

use tokio::sync::oneshot;

/// A named thread. Dropped, it runs on by itself.
#[derive(Debug)]
pub(crate) struct Worker<T> {
    thread: thread::JoinHandle<T>,
    ended: oneshot::Receiver<()>,
}

impl<T: Send + 'static> Worker<T> {
    /// Starts `run` on a thread called `name`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn spawn(name: &str, run: impl FnOnce() -> T + Send + 'static) -> io::Result<Self> {
        let (alive, ended) = oneshot::channel::<()>();
        let thread = thread::Builder::new().name(name.into()).spawn(move || {
            // Dropped last, on return as on panic.
            let _alive = alive;
            run()
        })?;
        Ok(Self { thread, ended })
    }

    /// Ends its present `park_timeout`.
    pub(crate) fn wake(&self) {
        self.thread.thread().unpark();
    }

    /// Whether it has ended.
    pub(crate) fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for its end; `None` if it panicked.
    pub(crate) async fn finish(mut self) -> Option<T> {
        // The sender is dropped and never sends: an error is the end.
        let _ = (&mut self.ended).await;
        // Its closure has returned, so this takes as long as a thread takes to exit.
        self.thread.join().ok()
    }
}
