//! The machine in tables and under random operations, and the actor's wiring.

mod actor;
mod moved;
mod operations;
mod state;

use std::time::{Duration, Instant};

use express_messages::{room::SdpAnswer, timings::Timings, types::PublisherState};

use super::state::{Effect, Publication};
use crate::transport::TransportEvent;

/// A machine and its virtual clock.
struct Machine {
    state: Publication,
    now: Instant,
    /// Everything it wanted done since it was last asked.
    effects: Vec<Effect>,
    /// The number of the latest try.
    attempt: u32,
}

/// How far a publication has come.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Offering,
    Exchanging,
    Applying,
    Connecting,
    Publishing,
}

const STAGES: [Stage; 5] = [
    Stage::Offering,
    Stage::Exchanging,
    Stage::Applying,
    Stage::Connecting,
    Stage::Publishing,
];

impl Machine {
    fn start() -> Self {
        let now = Instant::now() + Duration::from_secs(3_600);
        let (state, effects) = Publication::start(now, Timings::default());
        let mut this = Self {
            state,
            now,
            effects: Vec::new(),
            attempt: 0,
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
        let steps: [Step; 4] = [
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
        ];
        steps.iter().take(stage as usize).for_each(|step| step(self));
    }

    fn act(&mut self, act: impl FnOnce(&mut Publication, u32, Instant) -> Vec<Effect>) {
        let effects = act(&mut self.state, self.attempt, self.now);
        self.note(effects);
    }

    fn transport(&mut self, event: TransportEvent) {
        self.act(|state, attempt, now| state.on_transport(attempt, event, now, 0.5));
    }

    fn note(&mut self, effects: Vec<Effect>) {
        for effect in &effects {
            if let Effect::Open(attempt) = effect {
                self.attempt = *attempt;
            }
        }
        self.effects.extend(effects);
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

const REQUESTING: &str = PublisherState::PublishRequesting.as_str();
const PUBLISHING: &str = PublisherState::Publishing.as_str();
const NO_PUBLISH: &str = PublisherState::NoPublish.as_str();
