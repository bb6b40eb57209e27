//! The machine in tables and under random operations, and the actor's wiring.

mod actor;
mod interrupted;
mod moved;
mod muted;
mod operations;
mod state;

use std::time::{Duration, Instant};

use express_messages::{
    room::{RequestError, SdpAnswer},
    timings::Timings,
    types::PlayerState,
};

use super::state::{Effect, Playback};
use crate::transport::TransportEvent;

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);
/// The documented budget of the native SDK.
const BUDGET: Duration = Duration::from_secs(20 * 60);

/// A machine, its virtual clock, and a stream that may be arriving.
struct Machine {
    state: Playback,
    now: Instant,
    /// Everything it wanted done since it was last asked.
    effects: Vec<Effect>,
    /// The number of the latest try.
    attempt: u32,
    /// Whether packets arrive and are decoded.
    flowing: bool,
    decoded: u64,
}

/// How far a playback has come.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Offering,
    Exchanging,
    Applying,
    Connecting,
    Awaiting,
    Playing,
}

const STAGES: [Stage; 6] = [
    Stage::Offering,
    Stage::Exchanging,
    Stage::Applying,
    Stage::Connecting,
    Stage::Awaiting,
    Stage::Playing,
];

impl Machine {
    fn start() -> Self {
        let now = Instant::now() + Duration::from_secs(3_600);
        let (state, effects) = Playback::start(now, Timings::default());
        let mut this = Self {
            state,
            now,
            effects: Vec::new(),
            attempt: 0,
            flowing: false,
            decoded: 0,
        };
        this.note(effects);
        this
    }

    /// A machine that has come to `stage` in its first try; what it wanted so far is forgotten.
    fn at(stage: Stage) -> Self {
        let mut this = Self::start();
        this.advance_to(stage);
        this.effects.clear();
        this
    }

    /// From Offering on.
    fn advance_to(&mut self, stage: Stage) {
        type Step = fn(&mut Machine);
        let steps: [Step; 5] = [
            |m| m.act(|state, attempt, now| state.on_offer(attempt, Ok("offer".into()), now, 0.5)),
            |m| {
                m.act(|state, attempt, now| {
                    state.on_answer(
                        attempt,
                        Ok(SdpAnswer {
                            sdp: "answer".into(),
                            loudest: 0,
                        }),
                        now,
                        0.5,
                    )
                })
            },
            |m| m.act(|state, attempt, now| state.on_applied(attempt, Ok(()), now, 0.5)),
            |m| m.transport(TransportEvent::Connected),
            |m| m.flow(true),
        ];
        steps.iter().take(stage as usize).for_each(|step| step(self));
    }

    fn act(&mut self, act: impl FnOnce(&mut Playback, u32, Instant) -> Vec<Effect>) {
        let effects = act(&mut self.state, self.attempt, self.now);
        self.note(effects);
    }

    fn transport(&mut self, event: TransportEvent) {
        self.act(|state, attempt, now| state.on_transport(attempt, event, now, 0.5));
    }

    /// Packets come, or stop coming.
    fn flow(&mut self, flowing: bool) {
        self.flowing = flowing;
        if flowing {
            self.decoded += 1;
            self.act(|state, attempt, now| state.on_decoded(attempt, now));
        }
    }

    fn note(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Open(attempt) => self.attempt = attempt,
                Effect::Poll(attempt) => {
                    self.decoded += u64::from(self.flowing);
                    self.state.on_media(attempt, self.decoded, self.now);
                    continue;
                }
                _ => {}
            }
            self.effects.push(effect);
        }
    }

    /// Time passes, and the machine is called whenever it asked to be.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        let mut calls = 0;
        while let Some(due) = self.state.next_deadline().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.act(|state, _, now| state.on_time(now, 0.5));
            calls += 1;
            assert!(calls < 100_000, "the machine does not let time pass");
        }
        self.now = until;
    }

    fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// The states told since it was last asked.
    fn told(&mut self) -> Vec<(&'static str, i32)> {
        told(&self.take())
    }

    fn has(&self, effect: &Effect) -> bool {
        self.effects.contains(effect)
    }

    fn ended(&self) -> bool {
        self.state.next_deadline().is_none()
    }
}

fn told(effects: &[Effect]) -> Vec<(&'static str, i32)> {
    let told = |effect: &Effect| match effect {
        Effect::Emit(state, code, _) => Some((state.as_str(), *code)),
        _ => None,
    };
    effects.iter().filter_map(told).collect()
}

fn refused(code: i32, retry_after: Option<Duration>) -> RequestError {
    RequestError::Refused {
        code,
        message: "no".into(),
        retry_after,
    }
}

fn missing() -> RequestError {
    refused(1104039, Some(SECOND))
}

fn answer(machine: &mut Machine, answer: Result<SdpAnswer, RequestError>) {
    machine.act(|state, attempt, now| state.on_answer(attempt, answer, now, 0.5));
}

/// Every try is answered the same until the machine ends or `time` is over.
fn pass_refused(machine: &mut Machine, time: Duration, error: &RequestError) {
    let until = machine.now + time;
    while !machine.ended() && machine.now < until {
        machine.advance_to(Stage::Exchanging);
        answer(machine, Err(error.clone()));
        machine.pass(SECOND.min(until - machine.now));
    }
}

const REQUESTING: &str = PlayerState::PlayRequesting.as_str();
const PLAYING: &str = PlayerState::Playing.as_str();
const NO_PLAY: &str = PlayerState::NoPlay.as_str();
