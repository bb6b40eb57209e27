//! Messages between users, and what others are told of published streams.

use express_messages::{
    ids::{StreamId, UserId},
    room::{
        MuteStream, PublishStream, ReportQuality, RequestError, RoomEvent, SendBarrageMessage, SendBroadcastMessage,
        SendCustomCommand, SetStreamExtraInfo,
    },
    stats::{ListenerReport, QualityGrade, UplinkReport, UserQuality},
    types::{ZegoBarrageMessageInfo, ZegoBroadcastMessageInfo},
};
use serde_json::json;

use super::{
    super::requests::{Answer, Ticket},
    bench::Bench,
    words::{resume_ok, secs, stream_id, user},
};
use crate::protocol::{
    BroadcastMessage, ClientFrame, CustomCommand, Done, Event, Request, RoomMessage, SdpOk, SendBarrageMessageOk,
    SendBroadcastMessageOk, SendCustomCommandOk, StreamEnded, StreamRoleWord, WireError,
};

const NOTHING: [ClientFrame; 0] = [];

fn broadcast(bench: &mut Bench, ticket: u64) {
    let message = SendBroadcastMessage { message: "hi".into() };
    bench.act(|state, now| state.broadcast(now, Ticket(ticket), message));
}

#[test]
fn each_message_is_answered_with_what_the_server_made_of_it() {
    let mut bench = Bench::up();
    let bob = UserId::new("bob").unwrap();
    broadcast(&mut bench, 1);
    let barrage = SendBarrageMessage { message: "ho".into() };
    bench.act(|state, now| state.barrage(now, Ticket(2), barrage));
    let command = SendCustomCommand {
        command: "go".into(),
        to_users: vec![bob.clone()],
    };
    bench.act(|state, now| state.custom_command(now, Ticket(3), command));
    let sent = bench.sent();
    assert!(matches!(&sent[0].request, Request::SendBroadcastMessage(send) if send.message == "hi"));
    assert!(matches!(&sent[1].request, Request::SendBarrageMessage(send) if send.message == "ho"));
    assert!(
        matches!(&sent[2].request, Request::SendCustomCommand(send) if send.command == "go" && send.to_users == [bob.clone()])
    );
    bench.ok(sent[0].id, &SendBroadcastMessageOk { message_id: 42 });
    bench.ok(sent[1].id, &SendBarrageMessageOk { message_id: "7".into() });
    bench.ok(
        sent[2].id,
        &SendCustomCommandOk {
            absent: vec![bob.clone()],
        },
    );
    let expected = [
        (Ticket(1), Ok(Answer::Broadcast(42))),
        (Ticket(2), Ok(Answer::Barrage("7".into()))),
        (Ticket(3), Ok(Answer::Absent(vec![bob]))),
    ];
    assert_eq!(bench.answers, expected);
}

#[test]
fn a_message_is_lost_with_its_socket_and_never_sent_again() {
    let mut bench = Bench::up();
    broadcast(&mut bench, 1);
    bench.sent();
    bench.lose();
    broadcast(&mut bench, 2);
    bench.pass_until_connecting();
    bench.open();
    bench.resume(vec![]);
    assert_eq!(bench.sent(), NOTHING);
    let lost = |ticket| (Ticket(ticket), Err(RequestError::Disconnected));
    assert_eq!(bench.answers, [lost(1), lost(2)]);
}

#[test]
fn an_answer_of_another_shape_is_an_error_and_counted() {
    let mut bench = Bench::up();
    broadcast(&mut bench, 1);
    let id = bench.request().id;
    bench.ok(id, &json!({"message_id": "no number"}));
    assert!(matches!(
        bench.answers[..],
        [(Ticket(1), Err(RequestError::Refused { code: 1100999, .. }))]
    ));
    assert_eq!(bench.counters.unreadable_results.get(), 1);
}

#[test]
fn what_others_send_is_reported_as_it_came() {
    let mut bench = Bench::up();
    let message = RoomMessage {
        from_user: user("bob"),
        message: "hello".into(),
        message_id: 42,
        send_time_ms: 5,
    };
    bench.event(1, Event::BroadcastMessage(BroadcastMessage { messages: vec![message] }));
    let (from_user, command) = (user("bob"), String::from("go"));
    bench.event(2, Event::CustomCommand(CustomCommand { from_user, command }));
    bench.event(3, Event::BroadcastMessage(BroadcastMessage { messages: vec![] }));
    bench.receive(
        r#"{"notice":"barrageMessage","messages":[{"from_user":{"user_id":"bob","user_name":"bob"},
            "message":"hi","message_id":"7","send_time_ms":6}]}"#,
    );
    bench.receive(r#"{"notice":"networkQuality","users":[{"user_id":"bob","up":0,"down":-1}]}"#);
    bench.receive(
        r#"{"notice":"listenerReport","streams":[{"stream_id":"s1","listeners":12,"loss_worst":0.12,"loss_median":0.0,
            "burst_worst":3.2,"burst_median":null,"rtt_median_ms":40,"uplink_loss":0.25,"uplink_burst":2.5,"copying":2}]}"#,
    );
    bench.receive(r#"{"notice":"listenerReport","streams":[]}"#);
    bench.receive(r#"{"notice":"publisherReport","streams":[{"stream_id":"s2","rtt_ms":null,"loss":7.0,"jitter_ms":5}]}"#);
    bench.receive(r#"{"notice":"streamProtection","streams":[{"stream_id":"s2","copies":[3]}]}"#);
    bench.receive(r#"{"notice":"fullMoon"}"#);
    let from_user = user("bob");
    let heard = ListenerReport {
        listeners: 12,
        loss_worst: Some(0.12),
        loss_median: Some(0.0),
        burst_worst: Some(3.2),
        burst_median: None,
        rtt_median_ms: Some(40),
        uplink_loss: Some(0.25),
        uplink_burst: Some(2.5),
        copying: 2,
    };
    let uplink = UplinkReport {
        rtt_ms: None,
        loss: 1.0,
        jitter_ms: 5,
    };
    let expected = [
        RoomEvent::BroadcastMessages(vec![ZegoBroadcastMessageInfo {
            from_user: from_user.clone(),
            message: "hello".into(),
            send_time: 5,
            message_id: 42,
        }]),
        RoomEvent::CustomCommand {
            from_user: from_user.clone(),
            command: "go".into(),
        },
        RoomEvent::BarrageMessages(vec![ZegoBarrageMessageInfo {
            from_user,
            message: "hi".into(),
            send_time: 6,
            message_id: "7".into(),
        }]),
        RoomEvent::NetworkQuality(vec![UserQuality {
            user_id: UserId::new("bob").unwrap(),
            up: QualityGrade::Excellent,
            down: QualityGrade::Unknown,
        }]),
        RoomEvent::ListenerReports(vec![(StreamId::new("s1").unwrap(), heard)]),
        RoomEvent::UplinkReports(vec![(StreamId::new("s2").unwrap(), uplink)]),
    ];
    let told = bench.events.len() - expected.len();
    assert_eq!(bench.events[told..], expected);
    assert_eq!(bench.counters.unknown_events.get(), 1, "a notice of a newer server");
}

// ---- published streams ----

/// Offers stream `s`; answers the id of the request.
fn publish(bench: &mut Bench, muted: bool) -> u64 {
    let command = PublishStream {
        stream_id: stream_id("s"),
        offer: "offer".into(),
        extra_info: String::new(),
        muted,
    };
    bench.act(|state, now| state.publish(now, Ticket(1), command));
    let request = bench.request();
    assert!(matches!(&request.request, Request::Publish(publish) if publish.muted == muted));
    request.id
}

fn publishing(bench: &mut Bench, muted: bool) {
    let id = publish(bench, muted);
    bench.ok(
        id,
        &SdpOk {
            answer: "sdp".into(),
            loudest: 0,
        },
    );
}

fn mute(bench: &mut Bench, muted: bool) {
    let command = MuteStream {
        stream_id: stream_id("s"),
        muted,
    };
    bench.act(|state, now| state.mute_stream(now, &command));
}

/// The mutes that were sent since the last look, with the ids of the requests.
fn mutes(bench: &mut Bench) -> Vec<(u64, bool)> {
    let sent = bench.sent();
    let mutes = sent.iter().filter_map(|frame| match &frame.request {
        Request::MuteStream(mute) => Some((frame.id, mute.muted)),
        _ => None,
    });
    mutes.collect()
}

/// Takes the session up again; the server still holds the stream.
fn resume_publishing(bench: &mut Bench) {
    bench.pass_until_connecting();
    bench.open();
    let resume = bench.request().id;
    let mut ok = resume_ok(Some(vec![]), None);
    ok.publishing = vec![stream_id("s")];
    bench.ok(resume, &ok);
}

fn told_once(bench: &mut Bench) -> bool {
    let mutes = mutes(bench);
    assert_eq!(mutes.len(), 1, "{mutes:?}");
    bench.ok(mutes[0].0, &Done {});
    mutes[0].1
}

#[test]
fn a_mute_is_told_once_and_what_the_offer_said_is_not_told_again() {
    let mut bench = Bench::up();
    publishing(&mut bench, true);
    mute(&mut bench, true);
    assert_eq!(mutes(&mut bench), []);
    mute(&mut bench, false);
    assert!(!told_once(&mut bench));
    mute(&mut bench, false);
    bench.lose();
    resume_publishing(&mut bench);
    assert_eq!(mutes(&mut bench), [], "a resume keeps it");
}

#[test]
fn a_mute_waits_until_the_server_holds_the_stream() {
    let mut bench = Bench::up();
    let id = publish(&mut bench, false);
    mute(&mut bench, true);
    assert_eq!(mutes(&mut bench), []);
    bench.ok(
        id,
        &SdpOk {
            answer: "sdp".into(),
            loudest: 0,
        },
    );
    assert!(told_once(&mut bench));
}

#[test]
fn the_end_of_an_earlier_publication_that_crosses_a_new_offer_does_not_forget_the_new_one() {
    let mut bench = Bench::up();
    publishing(&mut bench, false);
    let again = publish(&mut bench, false);
    let ended = Event::StreamEnded(StreamEnded {
        stream_id: stream_id("s"),
        role: StreamRoleWord::Publish,
        code: 1103027,
        message: "the media connection was lost".into(),
    });
    bench.event(1, ended);
    mute(&mut bench, true);
    assert_eq!(mutes(&mut bench), []);
    let answer = SdpOk {
        answer: "sdp".into(),
        loudest: 0,
    };
    bench.ok(again, &answer);
    assert!(told_once(&mut bench));
    bench.lose();
    resume_publishing(&mut bench);
    assert!(bench.sent().is_empty(), "it is not stopped as one that nobody wants");
}

#[test]
fn while_one_mute_is_out_only_the_last_wish_follows() {
    let mut bench = Bench::up();
    publishing(&mut bench, false);
    for muted in [true, false, true, false] {
        mute(&mut bench, muted);
    }
    assert!(told_once(&mut bench));
    assert!(!told_once(&mut bench));
    assert_eq!(mutes(&mut bench), []);
}

#[test]
fn a_mute_during_an_outage_or_lost_in_it_is_told_with_the_resume() {
    for lost_on_the_way in [false, true] {
        let mut bench = Bench::up();
        publishing(&mut bench, false);
        if lost_on_the_way {
            mute(&mut bench, true);
            assert_eq!(mutes(&mut bench).len(), 1);
        }
        bench.lose();
        mute(&mut bench, true);
        resume_publishing(&mut bench);
        assert!(told_once(&mut bench), "lost on the way: {lost_on_the_way}");
    }
}

#[test]
fn a_mute_that_the_server_did_not_take_is_told_again_with_the_next_heartbeat() {
    let mut bench = Bench::up();
    publishing(&mut bench, false);
    mute(&mut bench, true);
    let (id, _) = mutes(&mut bench)[0];
    bench.error(id, WireError::retry(1002073, "too many requests", secs(1.0)));
    assert_eq!(mutes(&mut bench), []);
    let again = (0..31).find_map(|_| {
        bench.pass_alive(1);
        mutes(&mut bench).pop()
    });
    let (id, muted) = again.expect("the first heartbeat comes within 30 s");
    assert!(muted);
    bench.ok(id, &Done {});
    bench.pass_alive(60);
    assert_eq!(mutes(&mut bench), []);
}

#[test]
fn nothing_is_told_of_a_stream_that_is_published_no_more() {
    let mut bench = Bench::up();
    publishing(&mut bench, false);
    bench.act(|state, now| state.unpublish(now, stream_id("s")));
    mute(&mut bench, true);
    assert_eq!(mutes(&mut bench), []);
    publishing(&mut bench, false);
    assert_eq!(mutes(&mut bench), [], "what it was before is forgotten");
}

#[test]
fn an_extra_info_is_answered_with_what_the_server_says() {
    let mut bench = Bench::up();
    for (ticket, refused) in [(1, false), (2, true)] {
        let command = SetStreamExtraInfo {
            stream_id: stream_id("s"),
            extra_info: "x".into(),
        };
        bench.act(|state, now| state.set_extra_info(now, Ticket(ticket), command));
        let request = bench.request();
        assert!(matches!(&request.request, Request::SetStreamExtraInfo(set) if set.extra_info == "x"));
        match refused {
            false => bench.ok(request.id, &Done {}),
            true => bench.error(request.id, WireError::fatal(1103055, "no such stream")),
        }
    }
    let [
        (Ticket(1), Ok(Answer::Done)),
        (Ticket(2), Err(RequestError::Refused { code: 1103055, .. })),
    ] = &bench.answers[..]
    else {
        panic!("{:?}", bench.answers)
    };
}

#[test]
fn the_own_quality_is_reported_while_the_link_stands_and_lost_while_it_does_not() {
    let mut bench = Bench::up();
    let report = ReportQuality {
        up: QualityGrade::Good,
        down: QualityGrade::Unknown,
    };
    bench.act(|state, now| state.report_quality(now, report));
    let request = bench.request();
    assert!(
        matches!(request.request, Request::ReportQuality(sent) if sent.up == QualityGrade::Good && sent.down == QualityGrade::Unknown)
    );
    bench.ok(request.id, &Done {});
    bench.lose();
    bench.act(|state, now| state.report_quality(now, report));
    bench.pass_until_connecting();
    bench.open();
    bench.resume(vec![]);
    assert_eq!(bench.sent(), NOTHING);
}
