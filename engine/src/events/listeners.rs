//! Who listens to which event.

use std::{
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use futures::{FutureExt, future::BoxFuture};
use tokio::runtime::Handle;

use super::{EventKind, EventType, ZegoEvent, queue::Numbered};

/// Names one registered callback, for [`off`](crate::ZegoExpressEngine::off).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListenerId(u64);

type Callback = Box<dyn FnMut(&ZegoEvent) + Send>;
type AsyncCallback = Box<dyn FnMut(&ZegoEvent) -> Option<BoxFuture<'static, ()>> + Send>;

enum Run {
    Now(Callback),
    Later(AsyncCallback),
}

struct Listener {
    id: ListenerId,
    kind: EventKind,
    /// Number of the first event that it is called for.
    since: u64,
    active: AtomicBool,
    run: Mutex<Run>,
}

/// The callbacks of one engine, in the order they were registered.
#[derive(Default)]
pub(crate) struct Listeners {
    next: AtomicU64,
    list: Mutex<List>,
}

#[derive(Default)]
struct List {
    listeners: Vec<Arc<Listener>>,
    /// Futures that the dispatcher has not taken yet.
    started: Vec<BoxFuture<'static, ()>>,
    closed: bool,
}

/// What one call of a callback came to.
pub(crate) enum Outcome {
    Done,
    Started(BoxFuture<'static, ()>),
    Panicked,
}

impl Listeners {
    fn lock(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn on<E: EventType>(&self, since: u64, mut callback: impl FnMut(&E) + Send + 'static) -> ListenerId {
        let run = Run::Now(Box::new(move |event| {
            if let Some(event) = E::from_event(event) {
                callback(event);
            }
        }));
        self.add(E::KIND, since, run)
    }

    pub(crate) fn on_async<E, F, Fut>(&self, since: u64, mut callback: F) -> ListenerId
    where
        E: EventType,
        F: FnMut(E) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        // A callback that was registered inside tokio may use tokio's timers and sockets.
        let runtime = Handle::try_current().ok();
        let run = Run::Later(Box::new(move |event| {
            let event = E::from_event(event)?.clone();
            let _inside = runtime.as_ref().map(Handle::enter);
            let future = callback(event);
            Some(match &runtime {
                Some(runtime) => InRuntime {
                    runtime: runtime.clone(),
                    future: future.boxed(),
                }
                .boxed(),
                None => future.boxed(),
            })
        }));
        self.add(E::KIND, since, run)
    }

    fn add(&self, kind: EventKind, since: u64, run: Run) -> ListenerId {
        let id = ListenerId(self.next.fetch_add(1, Ordering::Relaxed));
        let listener = Arc::new(Listener {
            id,
            kind,
            since,
            active: AtomicBool::new(true),
            run: Mutex::new(run),
        });
        let mut list = self.lock();
        if !list.closed {
            list.listeners.push(listener);
        }
        id
    }

    /// Takes away all that `gone` names; answers how many.
    fn remove(&self, gone: impl Fn(&Listener) -> bool) -> usize {
        let removed: Vec<_> = self.lock().listeners.extract_if(.., |listener| gone(listener)).collect();
        for listener in &removed {
            listener.active.store(false, Ordering::Release);
        }
        // Their closures are dropped here, outside the lock: they may hold the last handle of this engine.
        removed.len()
    }

    pub(crate) fn off(&self, id: ListenerId) -> bool {
        self.remove(|listener| listener.id == id) > 0
    }

    pub(crate) fn off_all(&self, kind: EventKind) -> bool {
        self.remove(|listener| listener.kind == kind) > 0
    }

    /// Whether anybody listens to events of that kind.
    pub(crate) fn has(&self, kind: EventKind) -> bool {
        self.lock().listeners.iter().any(|listener| listener.kind == kind)
    }

    /// Runs `future` where callbacks run; the dispatcher is yet to be woken.
    pub(crate) fn start(&self, future: BoxFuture<'static, ()>) {
        let mut list = self.lock();
        if !list.closed {
            list.started.push(future);
        }
    }

    /// What was started since the last call. Called by the dispatcher alone.
    pub(crate) fn take_started(&self) -> Vec<BoxFuture<'static, ()>> {
        std::mem::take(&mut self.lock().started)
    }

    /// Drops all callbacks and takes no more.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        drop(self.take_started());
        self.remove(|_| true);
    }

    /// Calls every listener of an event, in order. Called by the dispatcher alone.
    pub(crate) fn deliver(&self, Numbered { number, event }: &Numbered, mut outcome: impl FnMut(Outcome)) {
        let kind = event.kind();
        let wants = |listener: &&Arc<Listener>| listener.kind == kind && listener.since <= *number;
        let wanted: Vec<_> = self.lock().listeners.iter().filter(wants).cloned().collect();
        for listener in wanted {
            // `off` in an earlier callback counts at once.
            if listener.active.load(Ordering::Acquire) {
                outcome(listener.call(event));
            }
        }
    }
}

impl Listener {
    fn call(&self, event: &ZegoEvent) -> Outcome {
        let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        let called = catch_unwind(AssertUnwindSafe(|| match &mut *run {
            Run::Now(callback) => {
                callback(event);
                None
            }
            Run::Later(callback) => callback(event),
        }));
        match called {
            Ok(None) => Outcome::Done,
            Ok(Some(future)) => Outcome::Started(future),
            Err(_) => Outcome::Panicked,
        }
    }
}

/// A future that is polled inside the tokio runtime where its callback was registered.
struct InRuntime {
    runtime: Handle,
    future: BoxFuture<'static, ()>,
}

impl Future for InRuntime {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let _inside = this.runtime.enter();
        this.future.as_mut().poll(context)
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listeners({})", self.lock().listeners.len())
    }
}
