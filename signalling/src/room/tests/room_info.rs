//! What is attached to the room, and messages that come with a snapshot: nothing that was accepted is lost, nothing is told twice.

use express_messages::{
    codes,
    room::{RequestError, SetRoomExtraInfo},
};

use super::{
    super::requests::{Answer, Ticket},
    bench::Bench,
    words::{login_ok, options, resume_ok, room_info, sequenced, snapshot, user},
};
use crate::protocol::{
    BroadcastMessage, CustomCommand, Done, Event, Request, ResumeOk, RoomExtraInfo, RoomExtraInfoUpdate, RoomMessage,
    SequencedEvent, SetRoomExtraInfoOk, Snapshot, WireError,
};

const NOTHING: [&str; 0] = [];

fn update(info: RoomExtraInfo) -> Event {
    Event::RoomExtraInfoUpdate(RoomExtraInfoUpdate { infos: vec![info] })
}

fn with_info(seq: u64, info: Option<RoomExtraInfo>) -> Snapshot {
    Snapshot {
        extra_infos: info.into_iter().collect(),
        ..snapshot(seq, &[], &[])
    }
}

fn set(bench: &mut Bench, ticket: u64, key: &str, value: &str) {
    let command = SetRoomExtraInfo {
        key: key.into(),
        value: value.into(),
    };
    bench.act(|state, now| state.set_room_info(now, Ticket(ticket), command));
}

/// Sets it, and the server takes it.
fn set_and_taken(bench: &mut Bench, value: &str) {
    set(bench, 1, "k", value);
    let id = bench.request().id;
    bench.ok(id, &Done {});
    assert_eq!(bench.answers.pop(), Some((Ticket(1), Ok(Answer::Done))));
}

fn resume_with(bench: &mut Bench, ok: &ResumeOk) -> Vec<String> {
    bench.lose();
    bench.pass_until_connecting();
    bench.open();
    let id = bench.request().id;
    bench.told();
    bench.ok(id, ok);
    bench.told()
}

/// The session is gone: the client logs in anew and finds this.
fn login_anew(bench: &mut Bench, found: Snapshot) -> Vec<String> {
    bench.lose();
    bench.pass_until_connecting();
    bench.open();
    let id = bench.request().id;
    bench.error(id, WireError::fatal(codes::NETWORK_RECOVERY, "gone"));
    bench.pass_until_connecting();
    bench.open();
    let login = bench.request();
    assert!(matches!(login.request, Request::Login(_)));
    bench.ok(login.id, &login_ok(found));
    bench.told().into_iter().filter(|told| told.contains(" set ")).collect()
}

fn restored(bench: &mut Bench) -> Vec<String> {
    let sets = bench.sent().into_iter().filter_map(|frame| match frame.request {
        Request::SetRoomExtraInfo(set) => Some(format!("{}={}", set.key, set.value)),
        _ => None,
    });
    sets.collect()
}

#[test]
fn what_is_there_is_told_after_the_login_and_then_each_change_once() {
    let mut bench = Bench::up_with(options(), with_info(4, Some(room_info("bob", "k", "v"))));
    assert!(bench.events.iter().any(|event| super::words::text(event) == "bob set k=v"));
    bench.told();
    bench.event(5, update(room_info("bob", "k", "w")));
    bench.event(6, update(room_info("bob", "k", "w")));
    bench.event(7, update(room_info("carol", "k", "w")));
    assert_eq!(bench.told(), ["bob set k=w", "carol set k=w"]);
}

#[test]
fn what_a_snapshot_says_is_told_only_where_it_differs() {
    for (value, told) in [("v", &["restored Kept"][..]), ("w", &["restored Kept", "bob set k=w"])] {
        let mut bench = Bench::up_with(options(), with_info(4, Some(room_info("bob", "k", "v"))));
        let found = with_info(900, Some(room_info("bob", "k", value)));
        assert_eq!(resume_with(&mut bench, &resume_ok(None, Some(found))), told);
    }
}

#[test]
fn one_call_at_a_time_is_under_way_and_a_lost_one_is_over() {
    let mut bench = Bench::up();
    set(&mut bench, 1, "k", "v");
    set(&mut bench, 2, "k", "w");
    assert_eq!(bench.sent().len(), 1);
    assert!(matches!(
        &bench.answers[..],
        [(Ticket(2), Err(RequestError::Refused { code, .. }))] if *code == codes::TRANS_FREQUENTLY
    ));
    bench.lose_and_resume();
    set(&mut bench, 3, "k", "x");
    assert_eq!(restored(&mut bench), ["k=x"]);
}

#[test]
fn what_we_set_is_not_told_to_us_and_is_set_again_in_a_new_room() {
    let mut bench = Bench::up();
    set_and_taken(&mut bench, "v");
    assert_eq!(
        resume_with(
            &mut bench,
            &resume_ok(None, Some(with_info(9, Some(room_info("me", "k", "v")))))
        ),
        ["restored Kept"]
    );
    assert_eq!(login_anew(&mut bench, with_info(0, None)), NOTHING);
    assert_eq!(restored(&mut bench), ["k=v"]);
}

#[test]
fn what_somebody_else_set_last_is_not_set_again_by_us() {
    let mut bench = Bench::up();
    set_and_taken(&mut bench, "v");
    bench.event(1, update(room_info("bob", "k", "w")));
    bench.told();
    assert_eq!(login_anew(&mut bench, with_info(0, None)), NOTHING);
    assert_eq!(restored(&mut bench), NOTHING);
    // Bob sets it again in the new room, of which nothing is new to our program.
    bench.event(1, update(room_info("bob", "k", "w")));
    assert_eq!(bench.told(), NOTHING);
}

#[test]
fn a_room_that_goes_on_without_us_keeps_what_it_has() {
    let mut bench = Bench::up();
    set_and_taken(&mut bench, "v");
    assert_eq!(
        login_anew(&mut bench, with_info(0, Some(room_info("bob", "k", "w")))),
        ["bob set k=w"]
    );
    assert_eq!(restored(&mut bench), NOTHING);
}

#[test]
fn what_another_device_of_the_user_set_meanwhile_is_told() {
    let mut bench = Bench::up();
    let found = with_info(0, Some(room_info("me", "k", "w")));
    assert_eq!(login_anew(&mut bench, found), ["me set k=w"]);
    assert_eq!(login_anew(&mut bench, with_info(0, None)), NOTHING);
    assert_eq!(restored(&mut bench), NOTHING);
}

#[test]
fn what_we_set_and_heard_no_answer_to_is_ours_where_the_room_has_it() {
    let mut bench = Bench::up();
    set(&mut bench, 1, "k", "v");
    assert_eq!(restored(&mut bench), ["k=v"]);
    let found = with_info(0, Some(room_info("me", "k", "v")));
    assert_eq!(login_anew(&mut bench, found), NOTHING);
    assert_eq!(login_anew(&mut bench, with_info(0, None)), NOTHING);
    assert_eq!(restored(&mut bench), ["k=v"]);
}

fn at(info: RoomExtraInfo, update_time_ms: u64) -> RoomExtraInfo {
    RoomExtraInfo { update_time_ms, ..info }
}

#[test]
fn what_we_set_is_set_again_where_the_room_has_something_older_and_nothing_of_that_is_told() {
    for (found_ms, told, sent) in [
        (6, &[][..], Some(7)),
        (7, &["bob set k=w"], None),
        (8, &["bob set k=w"], None),
    ] {
        let mut bench = Bench::up();
        set(&mut bench, 1, "k", "v");
        let id = bench.request().id;
        bench.ok(id, &SetRoomExtraInfoOk { update_time_ms: 7 });
        let found = with_info(0, Some(at(room_info("bob", "k", "w"), found_ms)));
        assert_eq!(login_anew(&mut bench, found), told, "{found_ms}");
        let again = bench.sent().into_iter().find_map(|frame| match frame.request {
            Request::SetRoomExtraInfo(set) => Some((frame.id, set)),
            _ => None,
        });
        assert_eq!(again.as_ref().and_then(|(_, set)| set.update_time_ms), sent, "{found_ms}");
        let Some((id, _)) = again else { continue };
        // Somebody was faster: what was set again is not ours any more.
        bench.event(1, update(at(room_info("carol", "k", "x"), 9)));
        bench.ok(id, &SetRoomExtraInfoOk { update_time_ms: 9 });
        assert_eq!(bench.told().last().map(String::as_str), Some("carol set k=x"));
        assert_eq!(login_anew(&mut bench, with_info(0, None)), NOTHING);
        assert_eq!(restored(&mut bench), NOTHING);
    }
}

fn messages() -> Vec<SequencedEvent> {
    let from_user = user("bob");
    let hello = RoomMessage {
        from_user: from_user.clone(),
        message: "hello".into(),
        message_id: 1,
        send_time_ms: 5,
    };
    let sit = CustomCommand {
        from_user,
        command: "sit".into(),
    };
    vec![
        sequenced(11, Event::BroadcastMessage(BroadcastMessage { messages: vec![hello] })),
        sequenced(40, Event::CustomCommand(sit)),
    ]
}

#[test]
fn messages_beside_a_snapshot_are_told_once_behind_what_changed() {
    let mut bench = Bench::up_with(options(), snapshot(10, &["a"], &[]));
    let ok = ResumeOk {
        messages: messages(),
        ..resume_ok(None, Some(snapshot(400, &[], &[])))
    };
    let told = resume_with(&mut bench, &ok);
    assert_eq!(told[..2], ["restored Kept", "users -a"]);
    assert!(
        told[2].starts_with("BroadcastMessages") && told[3].starts_with("CustomCommand"),
        "{told:?}"
    );
    bench.event(401, super::words::users("+b"));
    assert_eq!(bench.told(), ["users +b"]);
}

#[test]
fn messages_that_are_not_of_the_gap_make_the_answer_unreadable() {
    let mut backwards = messages();
    backwards.reverse();
    for (messages, seq) in [(backwards, 400), (messages(), 39), (messages(), 10)] {
        let mut bench = Bench::up_with(options(), snapshot(10, &[], &[]));
        let ok = ResumeOk {
            messages,
            ..resume_ok(None, Some(snapshot(seq, &[], &[])))
        };
        assert_eq!(resume_with(&mut bench, &ok), NOTHING);
        assert_eq!(bench.counters.unreadable_results.get(), 1);
    }
}
