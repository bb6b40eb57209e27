//! The server API over real sockets: a signed call reaches the rooms, and nothing else does.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use express_signalling::protocol::{Event, ServerFrame};
use serde_json::Value;

use super::client::*;
use crate::RunningServer;
use crate::http::api::signature;

static NONCES: AtomicU64 = AtomicU64::new(1);

fn with_api() -> RunningServer {
    server_with(|config| config.api.listen = Some("127.0.0.1:0".parse().unwrap()))
}

/// The common parameters with a good signature.
fn signed(server: &RunningServer, action: &str) -> String {
    let app = &server.apps()[0];
    let nonce = format!("{:016x}", NONCES.fetch_add(1, Ordering::Relaxed));
    let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let signature = signature(app.id, &nonce, &app.secret, timestamp);
    format!(
        "Action={action}&AppId={}&SignatureVersion=2.0&SignatureNonce={nonce}&Timestamp={timestamp}&Signature={signature}",
        app.id
    )
}

fn send(server: &RunningServer, method: &str, target: &str, body: &str) -> Answer {
    let address = server.api_addr().unwrap();
    let line = format!("{method} {target} HTTP/1.1");
    raw(address, &[&line, &format!("Host: {address}")], body)
}

fn call(server: &RunningServer, action: &str, params: &str) -> Value {
    let query = signed(server, action);
    let answer = send(server, "GET", &format!("/?{query}&{params}"), "");
    assert_eq!(answer.status, 200);
    let answer = answer.json();
    assert_eq!(answer["RequestId"].as_str().unwrap().len(), 16);
    assert!(!answer["Message"].as_str().unwrap().is_empty());
    answer
}

pub(super) fn code(server: &RunningServer, action: &str, params: &str) -> u64 {
    call(server, action, params)["Code"].as_u64().unwrap()
}

#[actix_web::test]
async fn a_business_server_sees_a_room_kicks_a_user_and_the_client_is_told_why() {
    let server = with_api();
    let (mut alice, ok) = Client::login(&server, "alice").await;
    let users = call(&server, "DescribeUserList", "RoomId=r");
    assert_eq!(users["Data"]["UserList"][0]["UserId"], "alice");
    assert_eq!(users["Data"]["Marker"], "");
    let found = call(&server, "DescribeUsers", "RoomId=r&UserId[]=alice&UserId[]=bob");
    let found = &found["Data"]["UserStatusList"];
    assert_eq!((found[0]["Status"].as_u64(), found[1]["Status"].as_u64()), (Some(1), Some(0)));
    assert!(found[0]["LoginTime"].as_u64().unwrap().abs_diff(ok.server_time_ms) < 1_000);
    let count = call(&server, "DescribeUserNum", "RoomId[]=r&RoomId[]=none");
    assert_eq!(count["Data"]["UserCountList"][0]["UserCount"], 1);
    assert_eq!(
        call(&server, "DescribeSimpleStreamList", "RoomId=r")["Data"]["StreamList"],
        serde_json::json!([])
    );
    assert_eq!(
        code(&server, "KickoutUser", "RoomId=r&UserId[]=alice&CustomReason=no%20spam"),
        0
    );
    match alice.frame().await {
        ServerFrame::Event(event) => match event.event {
            Event::KickOut(kick) => assert_eq!((kick.code, kick.message.as_str()), (1002055, "no spam")),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
    assert_eq!(alice.closed().await.unwrap(), 1000);
    let mut again = Client::open(&server).await;
    assert_eq!(again.ask(login(&server, "alice")).await.unwrap_err().code, 1002066);
    let counters = get(&server, "/healthz").json();
    assert_eq!(
        (counters["rooms"]["kicks"].as_u64(), counters["http"]["api_calls"].as_u64()),
        (Some(1), Some(5))
    );
}

#[actix_web::test]
async fn a_post_with_json_does_the_same_and_so_does_the_other_path() {
    let server = with_api();
    let (mut alice, _) = Client::login(&server, "alice").await;
    let query = signed(&server, "SendBroadcastMessage");
    let body = r#"{"RoomId":"r","UserId":"house","UserName":"","MessageCategory":2,"MessageContent":"hi"}"#;
    let answer = send(&server, "POST", &format!("/v1/api/?{query}"), body).json();
    assert_eq!(
        (answer["Code"].as_u64(), answer["Data"]["MessageId"].as_u64()),
        (Some(0), Some(1))
    );
    assert!(matches!(alice.frame().await, ServerFrame::Event(event) if matches!(event.event, Event::BroadcastMessage(_))));
    assert_eq!(code(&server, "CloseRoom", "RoomId=r"), 0);
    assert_eq!(alice.closed().await.unwrap(), 1000);
}

#[test]
fn every_refusal_has_its_documented_code() {
    let server = with_api();
    let long = "x".repeat(257);
    let six: String = (0..6).map(|number| format!("UserId[]={number}&")).collect();
    let message = "RoomId=r&UserId=u&MessageCategory=1&MessageContent=";
    let table = [
        ("CloseRoom", "RoomId=r".to_owned(), 5024),
        ("KickoutUser", format!("RoomId=r&{six}"), 50011),
        ("KickoutUser", "RoomId=r".into(), 2),
        ("KickoutUser", "RoomId=a%2Fb&UserId[]=u".into(), 2),
        ("KickoutUser", format!("RoomId=r&UserId[]=u&CustomReason={long}"), 3),
        ("DescribeUserList", "RoomId=page&Limit=201".into(), 2),
        ("DescribeUserList", "RoomId=mode&Mode=2".into(), 2),
        ("DescribeUserList", "RoomId=marker&Marker=x".into(), 2),
        ("DescribeUserList", "RoomId=twice".into(), 0),
        ("DescribeUserList", "RoomId=twice".into(), 207),
        ("SendBroadcastMessage", format!("{message}x"), 104),
        ("SendBroadcastMessage", message.into(), 1008),
        ("SendBroadcastMessage", format!("{message}{}", "x".repeat(1025)), 50012),
        ("SendCustomCommand", "RoomId=r&FromUserId=u&MessageContent=x".into(), 104),
        (
            "SetForbidUserRule",
            "RuleType=3&UserId=u&EffectiveTime=9&DisabledPrivilege[]=1".into(),
            0,
        ),
        (
            "SetForbidUserRule",
            "RuleType=3&UserId=u&EffectiveTime=0&DisabledPrivilege[]=1".into(),
            2,
        ),
        ("SetForbidUserRule", "RuleType=3&UserId=u&EffectiveTime=9".into(), 2),
        (
            "SetForbidUserRule",
            "RuleType=1&EffectiveTime=9&DisabledPrivilege[]=1".into(),
            2,
        ),
        (
            "SetForbidUserRule",
            "RuleType=1&IP=192.0.2&EffectiveTime=9&DisabledPrivilege[]=1".into(),
            2,
        ),
        ("SetForbidStreamRule", "RoomId=r&StreamId=s".into(), 2),
        ("SetForbidStreamRule", "RoomId=r&StreamId=s&DisableAudio=2".into(), 2),
        (
            "SetForbidStreamRule",
            "RoomId=r&StreamId=s&DisableVideo=1&EffectiveTime=0".into(),
            2,
        ),
        ("DescribeForbidStreamRules", "RoomId=r".into(), 2),
        ("DelForbidStreamRule", "RoomId=r&StreamId=none".into(), 0),
        ("DelForbidUserRule", "RuleType=3&UserId=u".into(), 0),
        ("DelForbidUserRule", "RuleType=3&UserId=u".into(), 50124),
        ("DescribeRTCStreamState", "StreamId=s&Sequence=1".into(), 138),
        ("DescribeRTCStreamState", "StreamId=s&Sequence=1".into(), 2),
        ("CreateRoom", "RoomId=r".into(), 100_000_007),
    ];
    for (action, params, expected) in table {
        assert_eq!(code(&server, action, &params), expected, "{action} {params:.60}");
    }
}

#[test]
fn rules_are_shown_as_documented() {
    let server = with_api();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let near = |value: &Value, expected: u64| value.as_u64().unwrap().abs_diff(expected) <= 5;
    let rule = "EffectiveTime=600&DisabledPrivilege[]=1&DisabledPrivilege[]=2";
    let set = call(
        &server,
        "SetForbidUserRule",
        &format!("RuleType=1&IP=::ffff:192.0.2.7&{rule}"),
    );
    assert!(near(&set["Data"]["ExpireTime"], now + 600), "{set}");
    assert_eq!(
        code(&server, "SetForbidUserRule", &format!("RuleType=4&RoomId=r&UserId=u&{rule}")),
        0
    );
    let of = |kind: u32| call(&server, "DescribeForbidUserRules", &format!("RuleType={kind}"))["Data"]["RuleList"].clone();
    let (by_address, of_user) = (of(1), of(4));
    assert!(near(&by_address[0]["ExpireTime"], now + 600));
    for (shown, kind, ip, room, user) in [(by_address, 1, "192.0.2.7", "", ""), (of_user, 4, "", "r", "u")] {
        assert_eq!(shown.as_array().unwrap().len(), 1);
        let fields = ["RuleType", "IP", "RoomId", "UserId", "DisabledPrivilegeList"].map(|field| shown[0][field].clone());
        assert_eq!(serde_json::json!(fields), serde_json::json!([kind, ip, room, user, [1, 2]]));
    }
    let stream = "RoomId=r&StreamId=s&DisableAudio=1&EffectiveTime=100000";
    assert_eq!(code(&server, "SetForbidStreamRule", stream), 0);
    let rules = call(&server, "DescribeForbidStreamRules", "RoomId=r&StreamId[]=s&StreamId[]=t");
    let (rules, nothing) = (
        &rules["Data"]["ForbidStreamRuleList"][0],
        &rules["Data"]["ForbidStreamRuleList"][1],
    );
    assert!(near(&rules["CreateTime"], now));
    let fields = ["StreamId", "DisableAudio", "DisableVideo", "EffectiveTime"].map(|field| rules[field].clone());
    assert_eq!(serde_json::json!(fields), serde_json::json!(["s", 1, 0, 86400]));
    assert_eq!(
        *nothing,
        serde_json::json!({"StreamId": "t", "DisableAudio": 0, "DisableVideo": 0, "CreateTime": 0, "EffectiveTime": 0})
    );
}

#[actix_web::test]
async fn who_comes_from_a_banned_address_is_refused_and_from_another_not() {
    let server = with_api();
    let ban = |ip: &str| format!("RuleType=1&IP={ip}&EffectiveTime=600&DisabledPrivilege[]=1");
    assert_eq!(code(&server, "SetForbidUserRule", &ban("127.0.0.2")), 0);
    let (_alice, _) = Client::login(&server, "alice").await;
    assert_eq!(code(&server, "SetForbidUserRule", &ban("127.0.0.1")), 0);
    let mut bob = Client::open(&server).await;
    assert_eq!(bob.ask(login(&server, "bob")).await.unwrap_err().code, 1002066);
}

#[test]
fn the_call_by_shell_that_the_documentation_shows_works_as_it_stands() {
    let doc = include_str!("../../../../docs/server-api.md");
    let mut blocks = doc.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    let script = blocks.find(|block| block.contains("call()")).unwrap();
    let server = with_api();
    let app = &server.apps()[0];
    let script = script
        .replace("your-secret-of-32-characters", &format!("'{}'", app.secret.expose()))
        .replace("127.0.0.1:8081", &server.api_addr().unwrap().to_string());
    assert_eq!(app.id, 1, "as in the documentation");
    let shell = std::process::Command::new("bash").args(["-euc", &script]).output().unwrap();
    let (answer, problems) = (String::from_utf8_lossy(&shell.stdout), String::from_utf8_lossy(&shell.stderr));
    let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{answer} {problems}"));
    assert_eq!(answer["Code"], 0, "{answer}");
}

#[test]
fn a_call_that_was_overheard_is_refused_and_so_is_one_with_a_wrong_signature() {
    let server = with_api();
    let query = signed(&server, "DescribeUserNum");
    let ask = |query: &str| {
        send(&server, "GET", &format!("/?{query}"), "").json()["Code"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(ask(&query), 0);
    assert_eq!(ask(&query), 100_000_005);
    assert_eq!(
        ask(&query.replace("DescribeUserNum", "CloseRoom")),
        100_000_005,
        "also for another action"
    );
    let (common, signature) = query.rsplit_once('=').unwrap();
    assert_eq!(ask(&format!("{common}={}", "0".repeat(signature.len()))), 100_000_005);
    assert_eq!(ask("AppId=1"), 100_000_006);
}

#[test]
fn what_is_no_call_is_refused_without_harm() {
    let server = with_api();
    let query = signed(&server, "DescribeUserNum");
    let large = "x".repeat(100_000);
    assert_eq!(send(&server, "POST", &format!("/?{query}"), &large).status, 413);
    assert_eq!(send(&server, "POST", &format!("/?{query}"), "{").json()["Code"], 8);
    assert_eq!(send(&server, "DELETE", "/", "").status, 404);
    assert_eq!(send(&server, "GET", "/v1/signal", "").status, 404, "nothing else is there");
}

#[test]
fn the_server_api_is_off_unless_it_is_configured() {
    let server = server();
    assert_eq!(server.api_addr(), None);
    let query = signed(&server, "DescribeUserNum");
    assert_eq!(get(&server, &format!("/v1/api/?{query}")).status, 404);
}
