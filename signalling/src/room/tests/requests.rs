//! Commands of publishers and players.

use std::time::Duration;

use express_messages::room::{PausePlayStream, PlayStream, PublishStream, RequestError, SdpAnswer};
use serde_json::json;

use super::{
    super::{
        requests::{Answer, Ticket},
        state::RoomState,
    },
    bench::Bench,
    words::{secs, snapshot, stream_id},
};
use crate::protocol::{Done, Request, SdpOk, StopPlay, Unpublish, WireError};

fn publish(bench: &mut Bench, ticket: u64, offer: &str) {
    let command = PublishStream {
        stream_id: stream_id("s"),
        offer: offer.into(),
        extra_info: "x".into(),
        muted: false,
    };
    bench.act(|state, now| state.publish(now, Ticket(ticket), command));
}

fn play(bench: &mut Bench, ticket: u64) {
    let command = PlayStream {
        stream_id: stream_id("s"),
        offer: "offer".into(),
        loudest: None,
    };
    bench.act(|state, now| state.play(now, Ticket(ticket), command));
}

fn pause(bench: &mut Bench, ticket: u64) {
    let command = PausePlayStream {
        stream_id: stream_id("s"),
        paused: true,
    };
    bench.act(|state, now| state.pause_play(now, Ticket(ticket), command));
}

#[test]
fn publish_and_play_bring_the_servers_sdp() {
    let mut bench = Bench::up();
    publish(&mut bench, 1, "offer");
    play(&mut bench, 2);
    let sent = bench.sent();
    assert!(matches!(&sent[0].request, Request::Publish(publish) if publish.offer == "offer" && publish.extra_info == "x"));
    assert!(matches!(&sent[1].request, Request::Play(play) if play.offer == "offer"));
    // Replies may come in any order: the id tells.
    bench.ok(
        sent[1].id,
        &SdpOk {
            answer: "two".into(),
            loudest: 0,
        },
    );
    bench.ok(
        sent[0].id,
        &SdpOk {
            answer: "one".into(),
            loudest: 0,
        },
    );
    let sdp = |text: &str| {
        Ok(Answer::Sdp(SdpAnswer {
            sdp: text.into(),
            loudest: 0,
        }))
    };
    assert_eq!(bench.answers, [(Ticket(2), sdp("two")), (Ticket(1), sdp("one"))]);
}

#[test]
fn a_refusal_keeps_the_servers_code_text_and_time() {
    for after in [None, Some(Duration::from_millis(700))] {
        let mut bench = Bench::up();
        play(&mut bench, 1);
        let error = match after {
            Some(after) => WireError::retry(1104039, "no such stream", after),
            None => WireError::fatal(1104039, "no such stream"),
        };
        bench.refuse(error);
        let refused = RequestError::Refused {
            code: 1104039,
            message: "no such stream".into(),
            retry_after: after,
        };
        assert_eq!(bench.answers, [(Ticket(1), Err(refused))]);
    }
}

#[test]
fn a_pause_is_carried_out_or_refused() {
    let mut bench = Bench::up();
    pause(&mut bench, 1);
    let id = bench.request().id;
    bench.ok(id, &Done {});
    pause(&mut bench, 2);
    bench.refuse(WireError::fatal(1104044, "not played"));
    assert_eq!(bench.answers[0], (Ticket(1), Ok(Answer::Done)));
    assert!(matches!(
        bench.answers[1],
        (Ticket(2), Err(RequestError::Refused { code: 1104044, .. }))
    ));
}

#[test]
fn nothing_is_queued_while_the_link_is_away() {
    let away: [fn(&mut Bench); 4] = [
        |_| {},
        Bench::open,
        |bench| {
            bench.lose();
            assert!(bench.link.is_none());
        },
        |bench| {
            bench.open();
            bench.accept(snapshot(0, &[], &[]));
            bench.act(RoomState::logout);
        },
    ];
    for make_away in away {
        let mut bench = Bench::started();
        make_away(&mut bench);
        bench.sent();
        publish(&mut bench, 1, "offer");
        play(&mut bench, 2);
        pause(&mut bench, 3);
        let all = bench
            .answers
            .iter()
            .all(|(_, answer)| *answer == Err(RequestError::Disconnected));
        assert!(all && bench.answers.len() == 3);
        assert!(bench.sent().is_empty());
    }
}

#[test]
fn what_is_out_when_the_link_goes_is_answered_disconnected() {
    let ends: [fn(&mut Bench); 4] = [
        Bench::lose,
        |bench| bench.act(RoomState::logout),
        |bench| bench.act(|state, _| state.stop()),
        |bench| bench.receive("not json"),
    ];
    for end in ends {
        let mut bench = Bench::up();
        publish(&mut bench, 1, "offer");
        pause(&mut bench, 2);
        end(&mut bench);
        let gone = Err(RequestError::Disconnected);
        assert_eq!(bench.answers, [(Ticket(1), gone.clone()), (Ticket(2), gone)]);
    }
}

#[test]
fn what_is_not_answered_in_10_seconds_is_timed_out_and_a_late_reply_is_counted() {
    let mut bench = Bench::up();
    play(&mut bench, 1);
    let id = bench.sent()[0].id;
    bench.pass(secs(9.0));
    bench.alive();
    bench.pass(secs(0.9));
    assert!(bench.answers.is_empty());
    bench.pass(secs(0.1));
    assert_eq!(bench.answers, [(Ticket(1), Err(RequestError::TimedOut))]);
    bench.ok(
        id,
        &SdpOk {
            answer: "late".into(),
            loudest: 0,
        },
    );
    assert_eq!(bench.answers.len(), 1);
    assert_eq!(bench.counters.stray_replies.get(), 1);
    assert!(bench.link.is_some());
}

#[test]
fn an_answer_without_sdp_is_refused_with_1100999() {
    let mut bench = Bench::up();
    play(&mut bench, 1);
    let id = bench.request().id;
    bench.ok(id, &json!({ "sdp": "wrong field" }));
    assert!(matches!(
        &bench.answers[0].1,
        Err(RequestError::Refused {
            code: 1100999,
            retry_after: None,
            ..
        })
    ));
    assert_eq!(bench.counters.unreadable_results.get(), 1);
}

#[test]
fn too_much_text_is_refused_before_it_is_sent() {
    let mut bench = Bench::up();
    publish(&mut bench, 1, &"x".repeat(16 * 1024 + 1));
    let command = PublishStream {
        stream_id: stream_id("s"),
        offer: "offer".into(),
        extra_info: "x".repeat(1025),
        muted: false,
    };
    bench.act(|state, now| state.publish(now, Ticket(2), command));
    assert!(bench.sent().is_empty());
    let codes: Vec<i32> = bench
        .answers
        .iter()
        .map(|(_, answer)| match answer {
            Err(RequestError::Refused { code, .. }) => *code,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(codes, [1103001, 1003051]);
}

#[test]
fn the_end_of_a_stream_is_told_at_once_and_repeating_it_is_harmless() {
    let mut bench = Bench::up();
    for _ in 0..2 {
        bench.act(|state, now| state.unpublish(now, stream_id("s")));
        bench.act(|state, now| state.stop_play(now, stream_id("p")));
    }
    let sent: Vec<Request> = bench.sent().into_iter().map(|frame| frame.request).collect();
    let unpublish: Request = Unpublish {
        stream_id: stream_id("s"),
    }
    .into();
    let stop: Request = StopPlay {
        stream_id: stream_id("p"),
    }
    .into();
    assert_eq!(sent, [unpublish.clone(), stop.clone(), unpublish, stop]);
}

#[test]
fn an_unpublish_that_is_refused_is_counted() {
    let mut bench = Bench::up();
    bench.act(|state, now| state.unpublish(now, stream_id("s")));
    bench.refuse(WireError::fatal(1002099, "no"));
    assert_eq!(bench.counters.refused_requests.get(), 1);
}

#[test]
fn ids_are_never_used_twice() {
    let mut bench = Bench::up();
    for ticket in 0..5 {
        play(&mut bench, ticket);
    }
    let before: Vec<u64> = bench.sent().iter().map(|frame| frame.id).collect();
    bench.lose_and_resume();
    for ticket in 5..9 {
        play(&mut bench, ticket);
    }
    let after = bench.sent().into_iter().map(|frame| frame.id);
    let ids: Vec<u64> = before.into_iter().chain(after).collect();
    assert!(ids.len() == 9 && ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
}
