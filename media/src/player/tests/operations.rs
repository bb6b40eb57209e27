//! Whatever happens in whatever order, the events stay within the contract and the end is reached.

use std::time::Duration;

use express_messages::room::{RequestError, SdpAnswer, SessionFate};
use proptest::prelude::*;

use super::{Machine, NO_PLAY, PLAYING, REQUESTING, told};
use crate::{
    player::state::Effect,
    transport::{TransportError, TransportEvent},
};

#[derive(Debug, Clone)]
enum Operation {
    Pass(u64),
    Offer(bool),
    Answer(Result<(), RequestError>),
    Applied(bool),
    Transport(TransportEvent),
    Flow(bool),
    Mute(bool, Result<(), RequestError>),
    Appeared,
    Ended(i32),
    Link(SessionFate),
    Stop(i32),
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::{Answer, Appeared, Applied, Ended, Flow, Link, Mute, Offer, Pass, Stop, Transport};
    let refused = |code, retry_after| RequestError::Refused {
        code,
        message: String::new(),
        retry_after,
    };
    prop_oneof![
        8 => (0_u64..40_000).prop_map(Pass),
        12 => any::<bool>().prop_map(Offer),
        12 => prop_oneof![
            6 => Just(Answer(Ok(()))),
            1 => Just(Answer(Err(RequestError::Disconnected))),
            1 => Just(Answer(Err(RequestError::TimedOut))),
            1 => Just(Answer(Err(refused(1002073, Some(Duration::from_secs(2)))))),
            2 => Just(Answer(Err(refused(1104039, Some(Duration::from_secs(2)))))),
            1 => Just(Answer(Err(refused(1104046, None)))),
        ],
        12 => any::<bool>().prop_map(Applied),
        12 => prop_oneof![
            5 => Just(TransportEvent::Connected),
            2 => Just(TransportEvent::Disconnected),
            1 => Just(TransportEvent::Failed),
            1 => Just(TransportEvent::Closed),
        ].prop_map(Transport),
        8 => any::<bool>().prop_map(Flow),
        4 => (any::<bool>(), prop_oneof![
            2 => Just(Ok(())),
            1 => Just(Err(RequestError::Disconnected)),
            1 => Just(Err(refused(1104046, None))),
        ]).prop_map(|(on, answer)| Mute(on, answer)),
        2 => Just(Appeared),
        2 => prop_oneof![3 => Just(1004020), 1 => Just(1004025)].prop_map(Ended),
        4 => prop_oneof![Just(SessionFate::Kept), Just(SessionFate::Lost), Just(SessionFate::Moved)].prop_map(Link),
        1 => prop_oneof![Just(0), Just(1002055)].prop_map(Stop),
    ]
}

fn apply(machine: &mut Machine, operation: Operation, stale: bool) {
    let back = u32::from(stale);
    match operation {
        Operation::Pass(ms) => machine.pass(Duration::from_millis(ms)),
        Operation::Offer(ok) => machine.act(|state, attempt, now| {
            let offer = if ok { Ok("offer".into()) } else { Err(TransportError::Closed) };
            state.on_offer(attempt - back, offer, now, 0.1)
        }),
        Operation::Answer(answer) => machine.act(|state, attempt, now| {
            let answer = answer.map(|()| SdpAnswer {
                sdp: "answer".into(),
                loudest: 0,
            });
            state.on_answer(attempt - back, answer, now, 0.9)
        }),
        Operation::Applied(ok) => machine.act(|state, attempt, now| {
            let applied = if ok { Ok(()) } else { Err(TransportError::Closed) };
            state.on_applied(attempt - back, applied, now, 0.3)
        }),
        Operation::Transport(event) => {
            machine.act(|state, attempt, now| state.on_transport(attempt - back, event, now, 0.7));
        }
        Operation::Flow(flowing) => machine.flow(flowing),
        Operation::Mute(on, answer) => {
            let (asked, effects) = machine.state.on_mute(on, machine.now);
            machine.note(effects);
            if let Some(attempt) = asked {
                machine.act(|state, _, now| state.on_mute_answered(attempt - back, on, answer, now).1);
            }
        }
        Operation::Appeared => machine.act(|state, _, now| state.on_appeared(now)),
        Operation::Ended(code) => machine.act(|state, _, now| state.on_ended(code, "", now, 0.2)),
        Operation::Link(session) => machine.act(|state, _, now| state.on_link_restored(session, now)),
        Operation::Stop(code) => machine.act(|state, _, _| state.on_stop(code, "")),
    }
}

/// What every run of events must be, ended or not.
fn check(effects: &[Effect]) {
    let told = told(effects);
    assert_eq!(told[0], (REQUESTING, 0), "requesting comes first: {told:?}");
    for pair in told.windows(2) {
        assert_ne!(pair[0], pair[1], "told twice: {told:?}");
        assert_ne!(pair[0].0, NO_PLAY, "something after the end: {told:?}");
        let fault = pair[1].0 != REQUESTING || pair[1].1 != 0;
        assert!(fault, "a second requesting without a code: {told:?}");
        let (from, to) = (pair[0].0, pair[1].0);
        assert!(to != PLAYING || from == REQUESTING, "playing out of nothing: {told:?}");
    }
    let ends = effects.iter().filter(|effect| **effect == Effect::End).count();
    let told_end = told.iter().filter(|told| told.0 == NO_PLAY).count();
    assert_eq!(ends, told_end);
    if ends > 0 {
        assert_eq!(effects.last(), Some(&Effect::End), "something after the end");
    }
    let negotiated = effects.iter().filter(|effect| **effect == Effect::Negotiated).count();
    assert!(negotiated <= 1);
    // No two tries have a connection at a time, and beside them one at most is kept; all are closed before the end.
    let (mut open, mut kept) = (0, 0);
    for effect in effects {
        match effect {
            Effect::Open(_) => open += 1,
            Effect::Keep => {
                assert_eq!(open, 1, "nothing to keep: {effects:?}");
                (open, kept) = (0, 1);
            }
            Effect::Discard => open = 0,
            Effect::Retire => kept = 0,
            Effect::Close => (open, kept) = (0, 0),
            Effect::End => assert_eq!((open, kept), (0, 0)),
            _ => {}
        }
        assert!(open <= 1, "two connections: {effects:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_048, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_sequence_of_operations_keeps_the_contract(
        operations in prop::collection::vec((operation(), prop::bool::weighted(0.1)), 0..120),
        stop in any::<bool>(),
    ) {
        let mut machine = Machine::start();
        for (operation, stale) in operations {
            apply(&mut machine, operation, stale);
        }
        check(&machine.effects);
        if stop {
            machine.act(|state, _, _| state.on_stop(0, ""));
            prop_assert!(machine.ended());
        } else if !machine.state.is_playing(machine.attempt) {
            // Left alone, it gives up within the budget.
            machine.flowing = false;
            machine.pass(Duration::from_secs(20 * 60));
            prop_assert!(machine.ended());
        }
        check(&machine.effects);
        // And nothing wakes it up again.
        let told = machine.effects.len();
        for event in [TransportEvent::Connected, TransportEvent::Failed] {
            if machine.ended() {
                machine.transport(event);
                machine.act(|state, _, now| state.on_link_restored(SessionFate::Lost, now));
                prop_assert_eq!(machine.effects.len(), told);
            }
        }
    }
}
