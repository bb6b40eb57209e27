//! docs/protocol.md cannot rot: every example on it is parsed with the serde types and must come out as it went in, and
//! every message and limit of this module is on it.

use std::collections::BTreeSet;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::*;

const PAGE: &str = include_str!("../../../docs/protocol.md");

/// The fenced examples: what stands behind "json" on the fence, and the JSON.
fn examples() -> Vec<(&'static str, &'static str)> {
    let blocks = PAGE.split("```json ").skip(1);
    let example = |block: &'static str| block.split("\n```").next().and_then(|block| block.split_once('\n'));
    blocks.map(|block| example(block).expect("a fence is closed")).collect()
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn reads_back<T: Serialize + DeserializeOwned>(ok: &Value) {
    let read: T = serde_json::from_value(ok.clone()).unwrap_or_else(|error| panic!("{error}: {ok}"));
    assert_eq!(serde_json::to_value(read).unwrap(), *ok);
}

/// Checks the result of a request with the type that belongs to it.
fn check_ok(request: &str, ok: &Value) {
    let check = match request {
        "login" => reads_back::<<Login as Call>::Ok>,
        "resume" => reads_back::<<Resume as Call>::Ok>,
        "mediaPorts" => reads_back::<<MediaPorts as Call>::Ok>,
        "heartbeat" => reads_back::<<Heartbeat as Call>::Ok>,
        "logout" => reads_back::<<Logout as Call>::Ok>,
        "renewToken" => reads_back::<<RenewToken as Call>::Ok>,
        "publish" => reads_back::<<Publish as Call>::Ok>,
        "unpublish" => reads_back::<<Unpublish as Call>::Ok>,
        "play" => reads_back::<<Play as Call>::Ok>,
        "stopPlay" => reads_back::<<StopPlay as Call>::Ok>,
        "pausePlay" => reads_back::<<PausePlay as Call>::Ok>,
        "muteStream" => reads_back::<<MuteStream as Call>::Ok>,
        "setRoomExtraInfo" => reads_back::<<SetRoomExtraInfo as Call>::Ok>,
        "setStreamExtraInfo" => reads_back::<<SetStreamExtraInfo as Call>::Ok>,
        "sendBroadcastMessage" => reads_back::<<SendBroadcastMessage as Call>::Ok>,
        "sendBarrageMessage" => reads_back::<<SendBarrageMessage as Call>::Ok>,
        "sendCustomCommand" => reads_back::<<SendCustomCommand as Call>::Ok>,
        "reportQuality" => reads_back::<<ReportQuality as Call>::Ok>,
        other => panic!("no request is called {other}"),
    };
    check(ok);
}

/// Parses one example; returns what it shows.
fn check(kind: &str, json: &str) -> String {
    if kind == "request" {
        let frame = ClientFrame::parse(json).unwrap_or_else(|error| panic!("{error}: {json}"));
        assert_eq!(value(&frame.to_text()), value(json));
        return format!("request {}", value(json)["type"].as_str().unwrap());
    }
    let frame = ServerFrame::parse(json).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert_eq!(value(&frame.to_text()), value(json));
    match (kind.split_once(' '), frame) {
        (Some(("ok", request)), ServerFrame::Ok { ok, .. }) => {
            check_ok(request, &ok);
            kind.into()
        }
        (None, ServerFrame::Error { .. }) if kind == "error" => kind.into(),
        (None, ServerFrame::Event(event)) if kind == "event" => {
            assert_ne!(event.event, Event::Unknown, "{json}");
            format!("event {}", value(json)["event"].as_str().unwrap())
        }
        (None, ServerFrame::Notice(notice)) if kind == "notice" => {
            assert_ne!(notice, Notice::Unknown, "{json}");
            format!("notice {}", value(json)["notice"].as_str().unwrap())
        }
        (_, frame) => panic!("{frame:?} is no {kind}"),
    }
}

#[test]
fn every_example_of_the_page_is_a_message_and_every_message_has_an_example() {
    let shown: BTreeSet<String> = examples().into_iter().map(|(kind, json)| check(kind, json)).collect();
    let requests = [
        "login",
        "resume",
        "mediaPorts",
        "heartbeat",
        "logout",
        "renewToken",
        "publish",
        "unpublish",
        "play",
        "stopPlay",
        "pausePlay",
        "muteStream",
        "setStreamExtraInfo",
        "setRoomExtraInfo",
        "sendBroadcastMessage",
        "sendBarrageMessage",
        "sendCustomCommand",
        "reportQuality",
    ];
    let events = [
        "roomUserUpdate",
        "roomStreamUpdate",
        "streamEnded",
        "kickOut",
        "streamMicUpdate",
        "streamExtraInfoUpdate",
        "roomExtraInfoUpdate",
        "broadcastMessage",
        "customCommand",
        "nodeLeaving",
    ];
    let mut wanted: BTreeSet<String> = events.map(|event| format!("event {event}")).into();
    wanted.extend(
        [
            "barrageMessage",
            "networkQuality",
            "listenerReport",
            "publisherReport",
            "streamProtection",
        ]
        .map(|notice| format!("notice {notice}")),
    );
    wanted.extend(requests.map(|request| format!("request {request}")));
    wanted.extend(requests.map(|request| format!("ok {request}")));
    wanted.insert("error".into());
    assert_eq!(shown, wanted);
}

#[test]
fn every_block_of_json_on_the_page_is_an_example() {
    assert_eq!(PAGE.matches("```json").count(), examples().len());
}

#[test]
fn limits_path_and_close_codes_of_the_page_are_those_of_the_code() {
    assert!(PAGE.contains(&format!("`{PATH}`")));
    assert!(PAGE.contains(&format!("# The signalling protocol, version {VERSION}\n")));
    for (what, limit) in [
        ("frame of a client", MAX_CLIENT_FRAME),
        ("frame of the server", MAX_SERVER_FRAME),
        ("SDP", MAX_SDP),
        ("token", MAX_TOKEN),
    ] {
        assert!(
            PAGE.contains(&format!("| {what} | {} bytes", grouped(limit))),
            "{what}: {limit}"
        );
    }
    let ice = format!("| ICE servers | {MAX_ICE_SERVERS}, of {MAX_ICE_SERVERS} URLs each; {MAX_ICE_TEXT} bytes for each text |");
    assert!(PAGE.contains(&ice), "{ice}");
    let nodes = format!("| nodes of a list | {MAX_NODES}, of {MAX_NODE_URL} bytes each; {MAX_NODE_HOPS} hops of one attempt |");
    assert!(PAGE.contains(&nodes), "{nodes}");
    let table = PAGE.split("## Close codes").nth(1).unwrap();
    for code in [
        close::NORMAL,
        close::PROTOCOL,
        close::UNSUPPORTED,
        close::UNREADABLE,
        close::POLICY,
        close::TOO_BIG,
        close::RESTART,
        close::TRY_AGAIN_LATER,
    ] {
        assert!(table.contains(&format!("| {code} |")), "{code}");
    }
}

#[test]
fn codes_of_the_page_are_documented_codes() {
    let numbers = PAGE.split(|c: char| !c.is_ascii_digit()).filter(|number| number.len() == 7);
    let codes: BTreeSet<i32> = numbers.map(|number| number.parse().unwrap()).collect();
    assert!(codes.len() > 30, "{codes:?}");
    for code in codes {
        assert!(express_messages::codes::name(code).is_some(), "{code} has no name");
    }
}

/// 65536 as 65,536.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap())
        .collect();
    groups.join(",")
}
