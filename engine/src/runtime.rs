//! The threads of one engine, and their end.
//!
//! | thread | runs | ends |
//! |---|---|---|
//! | `zego-control` | the actix system: EngineActor and the parts | when all parts have ended, at most 1.5 s after the call |
//! | `zego-media` (1 or 2) | a tokio runtime for sockets and peer connections | with `zego-control`, at most 0.3 s later |
//! | `zego-events` | the application's callbacks | when the callback that runs has returned |
//! | `zego-pump` | audio, owned by the audio device part | with that part |

use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use actix::{Actor, System};
use express_messages::{ZegoError, codes};
use tokio::runtime::{Builder, Runtime};

use crate::{
    actor::{EngineActor, Parts},
    builder::Recipe,
    events::dispatch,
    park,
    shared::Shared,
};

/// How long tasks of `zego-media` may take to end.
const MEDIA_TIMEOUT: Duration = Duration::from_millis(300);

/// Which thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Control,
    Events,
}

/// The threads of one engine; empty for an engine on its caller's arbiter.
#[derive(Debug, Default)]
pub(crate) struct Threads {
    list: Mutex<Vec<Running>>,
    changed: Condvar,
}

#[derive(Debug)]
struct Running {
    role: Role,
    id: thread::ThreadId,
    /// Taken by the one who joins it.
    handle: Option<JoinHandle<()>>,
    over: bool,
}

/// Marks its thread as over when the thread ends, also by a panic.
struct OverGuard {
    shared: Arc<Shared>,
    role: Role,
}

impl Drop for OverGuard {
    fn drop(&mut self) {
        let threads = &self.shared.threads;
        for running in threads.lock().iter_mut().filter(|running| running.role == self.role) {
            running.over = true;
        }
        threads.changed.notify_all();
    }
}

impl Threads {
    fn lock(&self) -> MutexGuard<'_, Vec<Running>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until all threads have ended, at most for `limit`; `false` says that some have not. The thread that calls is
    /// never waited for, and `zego-control` waits for nobody: all others wait for it.
    pub(crate) fn wait(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let me = thread::current().id();
        let is_control = self
            .lock()
            .iter()
            .any(|running| running.role == Role::Control && running.id == me);
        is_control
            || [Role::Control, Role::Events]
                .iter()
                .all(|role| self.join(*role, me, deadline))
    }

    fn join(&self, role: Role, me: thread::ThreadId, deadline: Instant) -> bool {
        let mut list = self.lock();
        loop {
            let Some(running) = list.iter_mut().find(|running| running.role == role && running.id != me) else {
                return true;
            };
            if running.over {
                let handle = running.handle.take();
                drop(list);
                // It has done all but return. If it panicked it said so itself.
                if let Some(handle) = handle {
                    let _ = handle.join();
                }
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            list = self
                .changed
                .wait_timeout(list, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Starts a thread. It is in the list before it can mark itself as over.
    fn spawn(shared: &Arc<Shared>, role: Role, name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let mut list = shared.threads.lock();
        let over = OverGuard {
            shared: Arc::clone(shared),
            role,
        };
        let handle = thread::Builder::new().name(name.into()).spawn(move || {
            let _over = over;
            run();
        })?;
        list.push(Running {
            role,
            id: handle.thread().id(),
            handle: Some(handle),
            over: false,
        });
        Ok(())
    }
}

/// Starts `zego-events` and `zego-control`; returns when EngineActor runs.
pub(crate) fn start_threads(recipe: Recipe, shared: &Arc<Shared>) -> Result<(), ZegoError> {
    let started = start_events(shared).and_then(|()| {
        let (ready, is_ready) = mpsc::channel();
        let control = Arc::clone(shared);
        Threads::spawn(shared, Role::Control, "zego-control", move || {
            run_control(recipe, &control, &ready)
        })?;
        is_ready
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the control thread failed to start")))
    });
    started.map_err(|error| {
        shared.actor_gone();
        let text = format!("the engine's threads cannot be started: {error}");
        ZegoError::new(codes::ENGINE_NOT_CREATED, text)
    })
}

fn start_events(shared: &Arc<Shared>) -> io::Result<()> {
    let engine = Arc::clone(shared);
    Threads::spawn(shared, Role::Events, "zego-events", move || {
        park::block_on(serve_callbacks(&engine));
    })
}

/// Serves the callbacks until the engine's end, then lets go of them.
pub(crate) async fn serve_callbacks(shared: &Shared) {
    let (listeners, counters) = (Arc::clone(&shared.listeners), Arc::clone(&shared.counters));
    dispatch(shared.hub.callbacks(), listeners, counters).await;
    shared.listeners.close();
}

fn run_control(recipe: Recipe, shared: &Arc<Shared>, ready: &mpsc::Sender<io::Result<()>>) {
    match prepare(recipe) {
        Err(error) => drop(ready.send(Err(error))),
        Ok((control, media, parts)) => {
            run_system(control, parts, shared, ready);
            drop(media);
        }
    }
}

/// The runtime of `zego-media`; its end is bounded, also when the control thread panics.
struct Media(Option<Runtime>);

impl Drop for Media {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_timeout(MEDIA_TIMEOUT);
        }
    }
}

fn prepare(recipe: Recipe) -> io::Result<(Runtime, Media, Parts)> {
    let control = Builder::new_current_thread().enable_all().build()?;
    let media = recipe.needs_media().then(media_runtime).transpose()?;
    // Without `zego-media` no part asks for a runtime; the control thread's is as good as any.
    let handle = media.as_ref().unwrap_or(&control).handle().clone();
    let parts = recipe.complete(&handle);
    Ok((control, Media(media), parts))
}

fn media_runtime() -> io::Result<Runtime> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    Builder::new_multi_thread()
        .worker_threads(cores.min(2))
        .thread_name("zego-media")
        .enable_all()
        .build()
}

fn run_system(control: Runtime, parts: Parts, shared: &Arc<Shared>, ready: &mpsc::Sender<io::Result<()>>) {
    // actix polls an actor once more when it drops it, and what is polled may want a timer: so the runtime stays entered
    // until the last actor is dropped.
    let handle = control.handle().clone();
    let _inside = handle.enter();
    let runner = System::with_tokio_rt(|| control);
    runner.block_on(async {
        let actor = EngineActor::new(Arc::clone(shared), parts, true).start();
        shared.started(actor);
    });
    let _ = ready.send(Ok(()));
    if let Err(error) = runner.run() {
        tracing::error!(%error, "the control thread's system failed");
    }
}
