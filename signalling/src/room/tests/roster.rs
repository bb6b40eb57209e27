//! Live user and stream updates.

use std::time::Instant;

use express_messages::{room::RoomEvent, types::ZegoUser};

use super::{
    super::{MAX_LISTED, state::Effect},
    bench::Bench,
    words::{options, snapshot, stream_at, streams, user, users},
};
use crate::protocol::{Event, RoomStreamUpdate, RoomUserUpdate, Snapshot};

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
    let frame = crate::protocol::ServerFrame::Event(super::words::sequenced(1, add));
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
            seq: 0,
            users: all,
            streams: vec![],
        },
    );
    assert_eq!(bench.counters.unlisted.get(), beyond as u64);
    bench.event(1, users("-u0"));
    bench.event(2, users("+late"));
    assert_eq!(bench.told(), ["users -u0", "users +late"]);
}
