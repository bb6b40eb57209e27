//! Resume: missed events, snapshots, differences, and sequence numbers.

use express_messages::room::{PlayStream, PublishStream};

use super::{
    super::requests::Ticket,
    bench::Bench,
    words::{heartbeat_ok, login_ok, options, resume_ok, secs, sequenced, snapshot, stream_id, streams, users},
};
use crate::protocol::{Event, KickOut, Request, SdpOk, StreamEnded, StreamRoleWord, Unpublish, WireError};

const NOTHING: [&str; 0] = [];

fn up() -> Bench {
    Bench::up_with(options(), snapshot(10, &["a", "b"], &["s1@a", "s2@b"]))
}

/// The link is away, then open again, and the resume is out.
fn asking(bench: &mut Bench) -> u64 {
    bench.lose();
    bench.pass_until_connecting();
    bench.open();
    let resume = bench.request();
    assert!(matches!(resume.request, Request::Resume(_)));
    resume.id
}

#[test]
fn a_resume_names_the_session_its_secret_and_the_last_event_seen() {
    let mut bench = up();
    bench.event(11, users("+c"));
    bench.lose();
    bench.pass_until_connecting();
    bench.open();
    let Request::Resume(resume) = bench.request().request else {
        panic!("no resume")
    };
    assert_eq!(
        (resume.session.as_str(), resume.secret.as_str(), resume.last_seq),
        ("session", "secret", 11)
    );
}

#[test]
fn missed_events_are_reported_as_one_difference_deletes_first_with_their_reasons() {
    let mut bench = up();
    let id = asking(&mut bench);
    let missed = vec![
        sequenced(11, users("+c")),
        sequenced(12, streams("+s3@c")),
        sequenced(13, streams("-s1@a")),
        sequenced(14, users("-a")),
        sequenced(15, users("+passing")),
        sequenced(16, users("-passing")),
    ];
    bench.ok(id, &resume_ok(Some(missed), None));
    let told = ["restored Kept", "streams -s1(1)", "users -a", "users +c", "streams +s3"];
    assert_eq!(bench.told(), told);
    bench.event(17, users("+d"));
    assert_eq!(bench.told(), ["users +d"]);
}

#[test]
fn a_snapshot_is_reported_as_the_difference_with_reason_unknown() {
    let mut bench = up();
    let id = asking(&mut bench);
    bench.ok(id, &resume_ok(None, Some(snapshot(99, &["b", "c"], &["s2@b", "s3@c"]))));
    let told = ["restored Kept", "streams -s1(0)", "users -a", "users +c", "streams +s3"];
    assert_eq!(bench.told(), told);
    bench.event(100, users("+d"));
    assert_eq!(bench.told(), ["users +d"]);
}

#[test]
fn a_stream_that_changed_hands_goes_and_comes() {
    let mut bench = up();
    let id = asking(&mut bench);
    bench.ok(id, &resume_ok(None, Some(snapshot(11, &["a", "b"], &["s1@b", "s2@b"]))));
    assert_eq!(bench.told(), ["restored Kept", "streams -s1(0)", "streams +s1"]);
}

#[test]
fn a_new_login_reports_only_the_difference_too() {
    let mut bench = up();
    let id = asking(&mut bench);
    bench.error(id, WireError::fatal(1002051, ""));
    bench.open();
    bench.accept(snapshot(3, &["b"], &["s2@b", "s4@b"]));
    let told = [
        "RECONNECTING 1002051",
        "RECONNECTED 0",
        "restored Lost",
        "streams -s1(0)",
        "users -a",
        "streams +s4",
    ];
    assert_eq!(bench.told(), told);
}

#[test]
fn missed_events_with_a_hole_or_nothing_at_all_lead_to_a_new_login() {
    let holes = [
        resume_ok(Some(vec![sequenced(12, users("+c"))]), None),
        resume_ok(Some(vec![sequenced(11, users("+c")), sequenced(13, users("+d"))]), None),
        resume_ok(Some(vec![sequenced(10, users("+c"))]), None),
        resume_ok(None, None),
    ];
    for hole in holes {
        let mut bench = up();
        let id = asking(&mut bench);
        bench.ok(id, &hole);
        assert_eq!(bench.counters.unreadable_results.get(), 1);
        bench.pass_until_connecting();
        assert_eq!(bench.told(), ["RECONNECTING 1002051"]);
        bench.open();
        bench.accept(snapshot(0, &["a", "b"], &["s1@a", "s2@b"]));
        assert_eq!(bench.told(), ["RECONNECTED 0", "restored Lost"]);
    }
}

#[test]
fn a_missing_event_is_a_lost_link_and_the_resume_brings_it() {
    let mut bench = up();
    bench.event(12, users("+d"));
    assert_eq!(bench.counters.gaps.get(), 1);
    assert!(bench.link.is_none());
    bench.pass_until_connecting();
    bench.open();
    bench.resume(vec![sequenced(11, users("+c")), sequenced(12, users("+d"))]);
    assert_eq!(bench.told(), ["restored Kept", "users +c,d"]);
}

#[test]
fn an_event_that_was_seen_already_is_ignored_and_counted() {
    let mut bench = up();
    bench.event(11, users("+c"));
    bench.event(11, users("+c"));
    bench.event(9, users("-a"));
    assert_eq!(bench.told(), ["users +c"]);
    assert_eq!(bench.counters.repeated_events.get(), 2);
}

#[test]
fn an_unknown_event_keeps_the_sequence() {
    let mut bench = up();
    bench.receive(r#"{"seq":11,"event":"moonRise","phase":"full"}"#);
    bench.event(12, users("+c"));
    assert_eq!(bench.told(), ["users +c"]);
    assert_eq!(bench.counters.unknown_events.get(), 1);
}

#[test]
fn an_event_that_a_heartbeat_announces_must_come_within_5_seconds() {
    for comes in [true, false] {
        let mut bench = up();
        bench.pass_alive(30);
        let heartbeat = loop {
            bench.pass(secs(1.0));
            bench.alive();
            if let Some(frame) = bench.sent().pop() {
                break frame;
            }
        };
        bench.ok(heartbeat.id, &heartbeat_ok(11));
        bench.pass(secs(4.9));
        bench.alive();
        if comes {
            bench.event(11, users("+c"));
        }
        bench.pass(secs(0.2));
        assert_eq!(bench.link.is_some(), comes);
        assert_eq!(bench.counters.gaps.get(), u64::from(!comes));
    }
}

#[test]
fn the_last_event_number_of_all_is_no_overflow() {
    let mut bench = Bench::up_with(options(), snapshot(u64::MAX, &[], &[]));
    bench.event(u64::MAX, users("+a"));
    assert_eq!(bench.counters.repeated_events.get(), 1);
    let id = asking(&mut bench);
    bench.ok(id, &resume_ok(Some(vec![sequenced(0, users("+a"))]), None));
    assert_eq!(bench.told(), NOTHING);
}

fn publish(bench: &mut Bench, name: &str) {
    let command = PublishStream {
        stream_id: stream_id(name),
        offer: "offer".into(),
        extra_info: String::new(),
        muted: false,
    };
    bench.act(|state, now| state.publish(now, Ticket(1), command));
    let id = bench.request().id;
    let answer = "answer".into();
    bench.ok(id, &SdpOk { answer, loudest: 0 });
}

fn play(bench: &mut Bench, name: &str) {
    let command = PlayStream {
        stream_id: stream_id(name),
        offer: "offer".into(),
        loudest: None,
    };
    bench.act(|state, now| state.play(now, Ticket(2), command));
    let id = bench.request().id;
    let answer = "answer".into();
    bench.ok(id, &SdpOk { answer, loudest: 0 });
}

#[test]
fn streams_that_the_server_did_not_keep_are_reported_and_unwanted_ones_are_stopped() {
    let mut bench = up();
    publish(&mut bench, "mine");
    publish(&mut bench, "old");
    play(&mut bench, "s1");
    play(&mut bench, "s2");
    bench.lose();
    bench.act(|state, now| state.unpublish(now, stream_id("old")));
    bench.pass_until_connecting();
    bench.open();
    let id = bench.request().id;
    let mut ok = resume_ok(Some(vec![]), None);
    ok.publishing = vec![stream_id("old")];
    ok.playing = vec![stream_id("s2")];
    bench.ok(id, &ok);
    assert_eq!(
        bench.told(),
        ["restored Kept", "ended Publish mine 1103027", "ended Play s1 1004020"]
    );
    let stop = bench.request();
    assert_eq!(
        stop.request,
        Unpublish {
            stream_id: stream_id("old")
        }
        .into()
    );
}

#[test]
fn a_stream_that_ended_while_away_is_reported_once_with_the_servers_code() {
    let mut bench = up();
    publish(&mut bench, "mine");
    let id = asking(&mut bench);
    let ended = Event::StreamEnded(StreamEnded {
        stream_id: stream_id("mine"),
        role: StreamRoleWord::Publish,
        code: 1003025,
        message: "forbidden".into(),
    });
    bench.ok(id, &resume_ok(Some(vec![sequenced(11, ended)]), None));
    assert_eq!(bench.told(), ["restored Kept", "ended Publish mine 1003025"]);
}

#[test]
fn a_kick_out_among_the_missed_events_ends_the_login() {
    let mut bench = up();
    let id = asking(&mut bench);
    let kick = Event::KickOut(KickOut {
        code: 1002055,
        message: String::new(),
        need_relogin: false,
    });
    bench.ok(
        id,
        &resume_ok(Some(vec![sequenced(11, users("+c")), sequenced(12, kick)]), None),
    );
    assert_eq!(bench.told(), ["restored Kept", "users +c", "KICKOUT 1002055"]);
    assert!(bench.ended);
}

#[test]
fn a_resume_answered_with_another_version_is_the_end() {
    let mut bench = up();
    let id = asking(&mut bench);
    let mut ok = resume_ok(Some(vec![]), None);
    ok.version = 9;
    bench.ok(id, &ok);
    assert_eq!(bench.told(), ["RECONNECTING 1000017", "RECONNECT_FAILED 1100999"]);
}

#[test]
fn a_later_session_is_the_one_that_is_resumed() {
    let mut bench = up();
    let id = asking(&mut bench);
    bench.error(id, WireError::fatal(1002051, ""));
    bench.open();
    let login = bench.request();
    let mut ok = login_ok(snapshot(0, &[], &[]));
    ok.session = "second".into();
    bench.ok(login.id, &ok);
    bench.lose();
    bench.pass_until_connecting();
    bench.open();
    assert!(matches!(bench.request().request, Request::Resume(resume) if resume.session == "second" && resume.last_seq == 0));
}
