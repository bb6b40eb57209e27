//! Live user and stream updates.

use std::time::Instant;

use express_messages::{room::RoomEvent, types::ZegoUser};

use super::{
    super::{
        MAX_LISTED,
        state::{Effect, RoomState},
    },
    bench::Bench,
    words::{
        heartbeat_ok, info, listed, login_ok, mic, options, resume_ok, secs, sequenced, snapshot, stream_at, streams, user, users,
    },
};
use crate::protocol::{Event, ResumeOk, RoomStreamUpdate, RoomUserUpdate, ServerFrame, Snapshot};

const NOTHING: [&str; 0] = [];

#[test]
fn users_and_streams_come_and_go() {
    let mut bench = Bench::up();
    bench.event(1, users("+a,b"));
    bench.event(2, streams("+s@a"));
    bench.event(3, streams("-s@a"));
    bench.event(4, users("-a,b"));
    assert_eq!(bench.told(), ["users +a,b", "streams +s", "streams -s(1)", "users -a,b"]);
}

#[test]
fn who_is_there_already_is_not_reported_again_and_who_is_not_there_does_not_leave() {
    let mut bench = Bench::up_with(options(), snapshot(0, &["a"], &["s@a"]));
    bench.event(1, users("+a,b"));
    bench.event(2, users("+a"));
    bench.event(3, streams("+s@a,t@a"));
    bench.event(4, users("-x"));
    bench.event(5, streams("-x@a"));
    assert_eq!(bench.told(), ["users +b", "streams +t"]);
}

#[test]
fn a_user_with_a_new_name_leaves_and_comes() {
    let mut bench = Bench::up_with(options(), snapshot(0, &["a"], &[]));
    let renamed = ZegoUser {
        user_name: "Ann".into(),
        ..user("a")
    };
    bench.event(
        1,
        Event::RoomUserUpdate(RoomUserUpdate {
            update: express_messages::types::ZegoUpdateType::Add,
            users: vec![renamed],
        }),
    );
    assert_eq!(bench.told(), ["users -a", "users +a"]);
}

#[test]
fn an_item_named_twice_in_one_list_counts_as_its_last_form() {
    let mut bench = Bench::up_with(options(), snapshot(0, &["a", "b"], &[]));
    bench.event(1, streams("+s@a,s@b"));
    assert_eq!(bench.told(), ["streams +s"]);
    let mut twice = Bench::up_with(options(), snapshot(0, &["a"], &[]));
    twice.event(1, users("-a,a"));
    assert_eq!(twice.told(), ["users -a"]);
}

#[test]
fn streams_of_the_client_itself_are_not_reported() {
    let mut bench = Bench::up();
    bench.event(1, streams("+mine@me"));
    bench.event(2, users("+me"));
    bench.event(3, streams("-mine@me"));
    assert_eq!(bench.told(), NOTHING);
}

#[test]
fn a_delete_carries_the_documented_reasons_as_json() {
    let mut bench = Bench::up_with(options(), snapshot(0, &["a"], &["s@a"]));
    let text = r#"{"seq":1,"event":"roomStreamUpdate","update":"DELETE",
        "streams":[{"stream_id":"s","user":{"user_id":"a","user_name":"a"},"extra_info":""}],
        "reasons":[{"stream_id":"s","reason":"heartbeat_timeout"}]}"#;
    let link = bench.link.unwrap();
    bench.state.on_text(Instant::now(), link, text);
    let effects = bench.state.take_effects();
    let [Effect::Emit(RoomEvent::StreamUpdate { extended_data, .. })] = &effects[..] else {
        panic!("{effects:?}")
    };
    let documented =
        serde_json::json!({"stream_delete_reason":[{"stream_id":"s","code":2,"description":"user_heart_beat_timeout"}]});
    assert_eq!(serde_json::from_str::<serde_json::Value>(extended_data).unwrap(), documented);
}

#[test]
fn a_reason_that_only_a_newer_server_knows_is_reported_as_unknown() {
    let mut bench = Bench::up_with(options(), snapshot(0, &["a"], &["s@a"]));
    bench.receive(
        r#"{"seq":1,"event":"roomStreamUpdate","update":"DELETE",
        "streams":[{"stream_id":"s","user":{"user_id":"a","user_name":"a"},"extra_info":""}],
        "reasons":[{"stream_id":"s","reason":"full_moon"}]}"#,
    );
    assert_eq!(bench.told(), ["streams -s(0)"]);
    assert_eq!(bench.counters.unreadable_frames.get(), 0);
}

#[test]
fn an_add_has_no_extended_data() {
    let mut bench = Bench::up();
    let link = bench.link.unwrap();
    let add = Event::RoomStreamUpdate(RoomStreamUpdate {
        update: express_messages::types::ZegoUpdateType::Add,
        streams: vec![stream_at("s@a").into()],
        reasons: vec![],
    });
    let frame = ServerFrame::Event(sequenced(1, add));
    bench.state.on_text(Instant::now(), link, &frame.to_text());
    let effects = bench.state.take_effects();
    assert!(matches!(&effects[..], [Effect::Emit(RoomEvent::StreamUpdate { extended_data, .. })] if extended_data.is_empty()));
}

#[test]
fn a_room_larger_than_a_client_keeps_is_cut_and_counted() {
    let beyond = 7;
    let all: Vec<ZegoUser> = (0..MAX_LISTED + beyond).map(|n| user(&format!("u{n}"))).collect();
    let mut bench = Bench::up_with(
        options(),
        Snapshot {
            users: all,
            ..Snapshot::default()
        },
    );
    assert_eq!(bench.counters.unlisted.get(), beyond as u64);
    bench.event(1, users("-u0"));
    bench.event(2, users("+late"));
    assert_eq!(bench.told(), ["users -u0", "users +late"]);
}

/// Loses the link, and takes the session up again with what `ok` brings.
fn resume_with(bench: &mut Bench, ok: &ResumeOk) -> Vec<String> {
    bench.lose();
    bench.pass_until_connecting();
    bench.open();
    let id = bench.request().id;
    bench.ok(id, ok);
    bench.told()
}

#[test]
fn a_stream_that_comes_with_a_text_or_muted_is_told_so_right_behind() {
    let mut bench = Bench::up();
    let add = RoomStreamUpdate {
        update: express_messages::types::ZegoUpdateType::Add,
        streams: vec![listed("s@a=hi"), listed("t@a"), listed("u@a!")],
        reasons: vec![],
    };
    bench.event(1, Event::RoomStreamUpdate(add));
    assert_eq!(bench.told(), ["streams +s,t,u", "info s=hi", "mic u muted"]);
    // The same of what was there before the login.
    let mut late = Bench::new(options());
    late.act(RoomState::start);
    late.open();
    late.accept(snapshot(0, &["a"], &["s@a=hi!"]));
    let told = [
        "LOGINING 0",
        "LOGINED 0",
        "users +a",
        "streams +s",
        "info s=hi",
        "mic s muted",
    ];
    assert_eq!(late.told(), told);
}

#[test]
fn a_stream_that_says_something_else_of_itself_neither_goes_nor_comes() {
    let mut bench = Bench::up_with(options(), snapshot(0, &["a"], &["s@a=one", "t@a"]));
    bench.event(1, info("s@a=two"));
    bench.event(2, info("s@a=two"));
    bench.event(3, mic("t", true));
    bench.event(4, mic("t", true));
    bench.event(5, info("unknown@a=x"));
    assert_eq!(bench.told(), ["info s=two", "mic t muted"]);
    let missed = resume_with(
        &mut bench,
        &resume_ok(None, Some(snapshot(9, &["a"], &["s@a=three!", "t@a"]))),
    );
    assert_eq!(missed, ["restored Kept", "info s=three", "mic s muted", "mic t open"]);
}

#[test]
fn of_missed_changes_only_the_last_state_is_told() {
    let mut bench = Bench::up_with(options(), snapshot(0, &["a"], &["s@a=one", "t@a"]));
    let missed = [
        mic("t", true),
        info("s@a=two"),
        mic("elsewhere", false),
        mic("t", false),
        info("s@a=three"),
        streams("+u@a"),
        mic("u", true),
        mic("elsewhere", true),
    ];
    let missed = missed
        .into_iter()
        .zip(1..)
        .map(|(event, seq)| sequenced(seq, event))
        .collect();
    let told = resume_with(&mut bench, &resume_ok(Some(missed), None));
    let expected = [
        "restored Kept",
        "streams +u",
        "info s=three",
        "mic u muted",
        "mic elsewhere muted",
    ];
    let mut sorted = told.clone();
    sorted.sort();
    let mut wanted = expected.map(String::from).to_vec();
    wanted.sort();
    assert_eq!(sorted, wanted);
    assert_eq!(told[..3], expected[..3]);
}

#[test]
fn the_mute_of_a_stream_of_another_room_is_told_too() {
    let mut bench = Bench::up();
    bench.event(1, mic("elsewhere", true));
    assert_eq!(bench.told(), ["mic elsewhere muted"]);
}

#[test]
fn how_many_users_are_there_is_told_with_login_resume_and_heartbeat_if_the_server_counts() {
    let mut bench = Bench::new(options());
    bench.act(RoomState::start);
    bench.open();
    let id = bench.request().id;
    let mut ok = login_ok(snapshot(0, &["a"], &[]));
    ok.online_count = 2;
    bench.ok(id, &ok);
    assert_eq!(bench.told(), ["LOGINING 0", "LOGINED 0", "users +a", "online 2"]);
    let mut ok = resume_ok(Some(vec![]), None);
    ok.online_count = 3;
    assert_eq!(resume_with(&mut bench, &ok), ["restored Kept", "online 3"]);
    for (count, told) in [(4, vec!["online 4"]), (0, vec![])] {
        let heartbeat = loop {
            bench.pass(secs(1.0));
            bench.alive();
            if let Some(frame) = bench.sent().pop() {
                break frame;
            }
        };
        let mut ok = heartbeat_ok(0);
        ok.online_count = count;
        bench.receive(&ServerFrame::ok(heartbeat.id, &ok).to_text());
        assert_eq!(bench.told(), told);
    }
}
