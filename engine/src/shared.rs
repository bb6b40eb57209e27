//! What the application's threads, the control thread and the events thread share.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    thread::{self, ThreadId},
    time::Instant,
};

use actix::Addr;
use express_messages::ZegoError;
use futures::future::BoxFuture;

use crate::{
    actor::{
        EngineActor, Work,
        state::{CallId, Command, EngineState, Settings, Step},
    },
    counters::{Counters, EngineCounters},
    events::{EventHub, Listeners},
    reply::{Completion, Reply, engine_gone},
    runtime::Threads,
};

/// One engine, without the right to keep it alive: handles and threads hold it.
#[derive(Debug)]
pub(crate) struct Shared {
    inner: Mutex<Inner>,
    pub(crate) hub: EventHub,
    pub(crate) listeners: Arc<Listeners>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) threads: Threads,
    actor: OnceLock<Addr<EngineActor>>,
    control: OnceLock<ThreadId>,
}

#[derive(Debug)]
struct Inner {
    state: EngineState,
    calls: HashMap<CallId, Completion<()>>,
    commands: VecDeque<Command>,
    /// EngineActor has a message in its mailbox that will make it look at the commands.
    woken: bool,
    /// EngineActor is gone: nobody carries out commands any more.
    gone: bool,
}

impl Shared {
    pub(crate) fn new(settings: Settings) -> Self {
        let mut first = Step::default();
        let state = EngineState::new(settings, &mut first);
        Self {
            inner: Mutex::new(Inner {
                state,
                calls: HashMap::new(),
                commands: first.commands.into(),
                woken: false,
                gone: false,
            }),
            hub: EventHub::new(),
            listeners: Arc::default(),
            counters: Arc::default(),
            threads: Threads::default(),
            actor: OnceLock::new(),
            control: OnceLock::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// EngineActor runs, on this thread.
    pub(crate) fn started(&self, actor: Addr<EngineActor>) {
        // Called once, by the thread that started the actor.
        let _ = self.control.set(thread::current().id());
        let _ = self.actor.set(actor);
    }

    /// The thread that must not wait for a [`Reply`].
    pub(crate) fn control(&self) -> Option<ThreadId> {
        self.control.get().copied()
    }

    /// Looks something up.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&EngineState) -> R) -> R {
        look(&self.lock().state)
    }

    /// Decides something, from any thread. EngineActor is told of what follows.
    pub(crate) fn decide<R>(&self, decide: impl FnOnce(&mut EngineState, Instant, &mut Step) -> R) -> R {
        let mut inner = self.lock();
        let mut step = Step::default();
        let result = decide(&mut inner.state, now(), &mut step);
        if self.settle(inner, step) {
            self.wake_actor();
        }
        result
    }

    /// As [`decide`](Self::decide), by EngineActor itself, which looks at the commands afterwards.
    pub(crate) fn report(&self, decide: impl FnOnce(&mut EngineState, Instant, &mut Step)) {
        let mut inner = self.lock();
        let mut step = Step::default();
        decide(&mut inner.state, now(), &mut step);
        // It is awake.
        self.settle(inner, step);
    }

    /// Decides a call that is answered later. `give` makes the answer from what was decided.
    pub(crate) fn call<V, T>(
        &self,
        decide: impl FnOnce(&mut EngineState, CallId, Instant, &mut Step) -> Result<V, ZegoError>,
        give: impl FnOnce(V) -> T + Send + 'static,
    ) -> Reply<T>
    where
        V: Send + 'static,
        T: Send + 'static,
    {
        let mut inner = self.lock();
        let mut step = Step::default();
        let call = inner.state.new_call();
        let reply = match decide(&mut inner.state, call, now(), &mut step) {
            Err(error) => Reply::ready(Err(error)),
            Ok(decided) => {
                let (completion, reply) = Reply::pending(self.control());
                let answer = move |result: Result<(), ZegoError>| completion.complete(result.map(|()| give(decided)));
                inner.calls.insert(call, Completion::new(answer));
                reply
            }
        };
        if self.settle(inner, step) {
            self.wake_actor();
        }
        reply
    }

    /// Decides something that is answered in parts, each by the name of a call.
    pub(crate) fn call_each(
        &self,
        decide: impl FnOnce(&mut EngineState, Instant, &mut Step) -> Result<Vec<CallId>, ZegoError>,
    ) -> Reply<()> {
        let mut inner = self.lock();
        let mut step = Step::default();
        let reply = match decide(&mut inner.state, now(), &mut step) {
            Err(error) => Reply::ready(Err(error)),
            Ok(calls) => {
                let (completion, reply) = Reply::pending(self.control());
                let parts = completion.split(calls.len());
                inner.calls.extend(calls.into_iter().zip(parts));
                reply
            }
        };
        if self.settle(inner, step) {
            self.wake_actor();
        }
        reply
    }

    /// Passes one question on to EngineActor; refused with 1000001 once the engine was destroyed.
    pub(crate) fn ask<T: Send + 'static>(&self, command: impl FnOnce(Completion<T>) -> Command) -> Reply<T> {
        self.ask_whom(|state| state.alive(), |(), completion| command(completion))
    }

    /// As [`ask`](Self::ask), where `check` refuses the question, or says of whom it is asked.
    pub(crate) fn ask_whom<W, T: Send + 'static>(
        &self,
        check: impl FnOnce(&mut EngineState) -> Result<W, ZegoError>,
        command: impl FnOnce(W, Completion<T>) -> Command,
    ) -> Reply<T> {
        let (completion, reply) = Reply::pending(self.control());
        self.decide(|state, _, out| match check(state) {
            Ok(whom) => out.command(command(whom, completion)),
            Err(error) => completion.complete(Err(error)),
        });
        reply
    }

    /// Lets a decision take effect: events are queued first, in the order of decisions, then calls are answered. Answers
    /// whether EngineActor has to be told.
    fn settle(&self, mut inner: MutexGuard<'_, Inner>, step: Step) -> bool {
        let wake_readers = step.ended || !step.events.is_empty();
        self.hub.push(step.events);
        if step.ended {
            self.hub.close();
        }
        let mut undone = Vec::new();
        if inner.gone {
            undone = step.commands;
        } else {
            inner.commands.extend(step.commands);
        }
        let answers = step.answers.into_iter();
        let mut answers: Vec<_> = answers
            .filter_map(|(call, result)| inner.calls.remove(&call).map(|completion| (completion, result)))
            .collect();
        if step.ended {
            let gone = std::mem::take(&mut inner.calls).into_values();
            answers.extend(gone.map(|completion| (completion, Err(engine_gone()))));
        }
        let wake_actor = !inner.commands.is_empty() && !inner.woken;
        inner.woken |= wake_actor;
        drop(inner);

        // Questions among them are answered 1000001 by being dropped, outside the lock.
        drop(undone);
        if wake_readers {
            self.hub.wake();
        }
        for (completion, result) in answers {
            completion.complete(result);
        }
        wake_actor
    }

    /// Runs `future` on `zego-events`, in turn with the callbacks, until its end or the engine's.
    pub(crate) fn run_on_events(&self, future: BoxFuture<'static, ()>) {
        self.listeners.start(future);
        self.hub.wake();
    }

    fn wake_actor(&self) {
        if let Some(actor) = self.actor.get() {
            actor.do_send(Work);
        }
    }

    /// The next command, for EngineActor. `None` ends its round.
    pub(crate) fn next_command(&self) -> Option<Command> {
        let mut inner = self.lock();
        let command = inner.commands.pop_front();
        if command.is_none() {
            inner.woken = false;
        }
        command
    }

    /// Begins the end, without waiting for it.
    pub(crate) fn begin_end(&self) {
        self.decide(|state, _, out| state.destroy(out));
    }

    /// EngineActor is gone, in order or by a panic: nothing waits for it any longer.
    pub(crate) fn actor_gone(&self) {
        let mut inner = self.lock();
        inner.gone = true;
        let left = std::mem::take(&mut inner.commands);
        drop(inner);
        drop(left);
        self.report(|state, _, out| state.destroy(out));
    }

    pub(crate) fn counters(&self) -> EngineCounters {
        let (stops_unanswered, restarts) = self.look(EngineState::counts);
        EngineCounters {
            stops_unanswered,
            restarts,
            ..self.counters.snapshot()
        }
    }
}

/// The engine's one look at the clock. Under tokio's paused time it is the virtual one.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests {
    use express_messages::{ids::InstanceId, timings::Timings, types::ZegoScenario};

    use super::*;
    use crate::{
        actor::state::LoginRequest,
        options::{LoginUser, ZegoEngineConfig, ZegoRoomConfig},
    };

    fn shared() -> Shared {
        Shared::new(Settings {
            app_id: 1,
            servers: vec!["ws://127.0.0.1:1".into()],
            timings: Timings::default(),
            max_channels: 12,
            scenario: ZegoScenario::default(),
            instance: InstanceId::new([1; 16]),
            config: ZegoEngineConfig::default(),
        })
    }

    fn login(shared: &Shared) -> Reply<()> {
        let request = LoginRequest {
            room_id: "r".into(),
            token: "04AAAA".into(),
            user: LoginUser::from("alice"),
            config: ZegoRoomConfig::default(),
        };
        shared.call(|state, call, _, out| state.login_room(request, call, out), |()| ())
    }

    #[test]
    fn when_the_actor_is_gone_nobody_waits_for_ever() {
        let shared = shared();
        let (login, devices) = (login(&shared), shared.ask(Command::ListDevices));
        let mut events = shared.hub.subscribe();
        shared.actor_gone();
        assert_eq!(login.wait().unwrap_err().code, 1000001);
        assert_eq!(devices.wait().unwrap_err().code, 1000001);
        assert_eq!(shared.ask(Command::ListDevices).wait().unwrap_err().code, 1000001);
        assert!(events.recv().is_none());
    }

    #[test]
    fn commands_that_nobody_will_carry_out_are_not_kept() {
        let shared = shared();
        shared.actor_gone();
        shared.decide(|_, _, out| out.command(Command::MuteMicrophone(true)));
        assert!(shared.next_command().is_none());
    }

    #[test]
    fn commands_come_in_the_order_of_decisions_whoever_made_them() {
        let shared = Arc::new(shared());
        while shared.next_command().is_some() {}
        let threads: Vec<_> = (0..4u16)
            .map(|thread| {
                let shared = Arc::clone(&shared);
                let decide = move |number: u16| {
                    shared.decide(|_, _, out| {
                        for half in 0..2 {
                            let id = express_messages::ids::LocalStreamId(u64::from(thread));
                            let percent = 2 * number + half;
                            out.command(Command::CaptureVolume { id, percent });
                        }
                    });
                };
                thread::spawn(move || (0..500).for_each(decide))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let mut next = [0; 4];
        let mut last = None;
        while let Some(Command::CaptureVolume { id, percent }) = shared.next_command() {
            let thread = usize::try_from(id.0).unwrap();
            assert_eq!(percent, next[thread], "each thread's decisions stay in order");
            assert!(
                percent % 2 == 0 || last == Some((id, percent - 1)),
                "what one decision leads to stays together"
            );
            next[thread] += 1;
            last = Some((id, percent));
        }
        assert_eq!(next, [1_000; 4]);
    }
}
