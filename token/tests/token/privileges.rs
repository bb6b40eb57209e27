//! What a privilege payload permits, and what is no payload.

use express_token::{Cipher, Reason, Verified};

use crate::workshop::*;

fn with_payload(payload: &str) -> Result<Verified, Reason> {
    judge(&sealed(&claims_with("payload", payload).to_string(), Cipher::Cbc))
}

fn denied(outcome: Result<(), express_token::Refusal>) -> Option<Reason> {
    outcome.err().map(|refusal| {
        assert_eq!(refusal.code(), 1_102_016);
        refusal.reason().clone()
    })
}

#[test]
fn a_basic_token_permits_every_room_and_stream() {
    let basic = with_payload("").unwrap();
    assert_eq!(basic.claims().privileges, None);
    assert!(basic.may_login("any").is_ok() && basic.may_publish("any").is_ok());
}

#[test]
fn privileges_permit_what_they_name_and_nothing_else() {
    let room = || Some(Reason::Room("r".into()));
    let (login, publish) = (|| Some(Reason::LoginDenied), || Some(Reason::PublishDenied));
    let table = [
        (r#""privilege":{"1":1,"2":1}"#, None, None),
        (r#""privilege":{"1":1,"2":0}"#, None, publish()),
        (r#""privilege":{"1":0,"2":1}"#, login(), None),
        (r#""privilege":{"1":0,"2":0}"#, login(), publish()),
        (r#""privilege":{"2":1}"#, login(), None),
        (r#""privilege":{"1":1}"#, None, publish()),
        (r#""privilege":{}"#, login(), publish()),
    ];
    for (privilege, may_login, may_publish) in table {
        let verified = with_payload(&format!(r#"{{"room_id":"r",{privilege}}}"#)).unwrap();
        assert_eq!(denied(verified.may_login("r")), may_login, "{privilege}");
        assert_eq!(denied(verified.may_login("other")), room(), "{privilege}");
        assert_eq!(denied(verified.may_login("R")), room(), "{privilege}");
        assert_eq!(denied(verified.may_publish("s")), may_publish, "{privilege}");
    }
}

#[test]
fn a_stream_list_restricts_unless_it_is_null_empty_or_absent() {
    let table = [
        (r#","stream_id_list":["s","t"]"#, true, true, false),
        (r#","stream_id_list":["t"]"#, false, true, false),
        (r#","stream_id_list":null"#, true, true, true),
        (r#","stream_id_list":[]"#, true, true, true),
        ("", true, true, true),
    ];
    for (list, s, t, other) in table {
        let payload = format!(r#"{{"room_id":"r","privilege":{{"1":1,"2":1}}{list}}}"#);
        let verified = with_payload(&payload).unwrap();
        let may = |id| denied(verified.may_publish(id)).is_none();
        assert_eq!((may("s"), may("t"), may("S")), (s, t, other), "{list}");
    }
}

#[test]
fn a_list_never_overrules_the_denial_to_publish() {
    let payload = r#"{"room_id":"r","privilege":{"1":1,"2":0},"stream_id_list":["s"]}"#;
    assert_eq!(
        denied(with_payload(payload).unwrap().may_publish("s")),
        Some(Reason::PublishDenied)
    );
}

#[test]
fn a_payload_that_is_not_the_documented_object_spoils_the_token() {
    let table = [
        " ",
        "hello",
        "null",
        "{}",
        r#"["r",{"1":1},null]"#,
        r#"{"room_id":"r"}"#,
        r#"{"privilege":{"1":1}}"#,
        r#"{"room_id":1,"privilege":{"1":1}}"#,
        r#"{"room_id":null,"privilege":{"1":1}}"#,
        r#"{"room_id":"r","privilege":null}"#,
        r#"{"room_id":"r","privilege":[1,1]}"#,
        r#"{"room_id":"r","privilege":{"1":2}}"#,
        r#"{"room_id":"r","privilege":{"1":-1}}"#,
        r#"{"room_id":"r","privilege":{"1":"1"}}"#,
        r#"{"room_id":"r","privilege":{"1":true}}"#,
        r#"{"room_id":"r","privilege":{"1":1.0}}"#,
        r#"{"room_id":"r","privilege":{"3":1}}"#,
        r#"{"room_id":"r","privilege":{"1":0,"1":1}}"#,
        r#"{"room_id":"r","privilege":{"1":1},"privilege":{"1":1}}"#,
        r#"{"room_id":"r","room_id":"r","privilege":{"1":1}}"#,
        r#"{"room_id":"r","privilege":{"1":1},"extra":0}"#,
        r#"{"room_id":"r","privilege":{"1":1},"stream_id_list":"s"}"#,
        r#"{"room_id":"r","privilege":{"1":1},"stream_id_list":[1]}"#,
        r#"{"room_id":"r","privilege":{"1":1},"stream_id_list":[null]}"#,
        r#"{"room_id":"r","privilege":{"1":1}} "#,
        r#"{"room_id":"r","privilege":{"1":1}}{"#,
        r#" {"room_id":"r","privilege":{"1":1}} x"#,
    ];
    for payload in table {
        let outcome = with_payload(payload);
        assert!(matches!(outcome, Err(Reason::Payload(_))), "{payload}: {outcome:?}");
    }
}

#[test]
fn ids_in_a_payload_have_bounds() {
    let judge = |room: &str, stream: &str| {
        let payload = serde_json::json!({
            "room_id": room, "privilege": {"1": 1, "2": 1}, "stream_id_list": ["s", stream],
        });
        with_payload(&payload.to_string()).err()
    };
    assert_eq!(judge(&"é".repeat(128), &"s".repeat(256)), None);
    assert_eq!(judge("", "s"), Some(Reason::Length("room_id")));
    assert_eq!(judge(&"r".repeat(129), "s"), Some(Reason::Length("room_id")));
    assert_eq!(judge("r", ""), Some(Reason::Length("stream_id_list")));
    assert_eq!(judge("r", &"s".repeat(257)), Some(Reason::Length("stream_id_list")));
}
