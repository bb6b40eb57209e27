//! Every way in which a token can be wrong, and the edge of each.

use express_token::{Cipher, MAX_TOKEN_CHARS, Policy, Reason, verify, verify_bearer};
use serde_json::json;

use crate::workshop::*;

const BOTH: [Cipher; 2] = [Cipher::Cbc, Cipher::Gcm];

#[test]
fn the_workshop_makes_good_tokens() {
    for cipher in BOTH {
        assert!(judge(&sealed(&claims().to_string(), cipher)).is_ok());
    }
}

#[test]
fn a_text_without_the_layout_of_a_token_is_refused() {
    let good = sealed(&claims().to_string(), Cipher::Cbc);
    let body = &good[2..];
    let table = [
        (String::new(), Reason::Version),
        ("0".into(), Reason::Version),
        (format!("03{body}"), Reason::Version),
        (format!(" {good}"), Reason::Version),
        (body.into(), Reason::Version),
        ("04".into(), Reason::Truncated),
        ("04A".into(), Reason::Base64),
        ("04AAAA".into(), Reason::Truncated),
        (format!("{good}\n"), Reason::Base64),
        (good.trim_end_matches('=').into(), Reason::Base64),
        (good.replace('A', "-"), Reason::Base64),
        (format!("04ü{body}"), Reason::Base64),
        ("x".repeat(MAX_TOKEN_CHARS + 1), Reason::TooLong(MAX_TOKEN_CHARS + 1)),
        ("04".repeat(MAX_TOKEN_CHARS), Reason::TooLong(2 * MAX_TOKEN_CHARS)),
    ];
    assert!(good.ends_with('='), "the row without padding needs a token with padding");
    for (token, reason) in table {
        assert_eq!(judge(&token), Err(reason), "{:.40}", token);
    }
}

#[test]
fn base64_with_bits_that_mean_nothing_is_refused() {
    let good = sealed(&claims().to_string(), Cipher::Cbc);
    let last = good.trim_end_matches('=').len() - 1;
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let index = alphabet.iter().position(|c| *c == good.as_bytes()[last]).unwrap();
    let mut bytes = good.clone().into_bytes();
    bytes[last] = alphabet[index + 1];
    assert_eq!(judge(&String::from_utf8(bytes).unwrap()), Err(Reason::Base64));
}

#[test]
fn fields_that_do_not_fit_are_refused() {
    let plain = claims().to_string();
    let (cbc, gcm) = (cbc_ciphertext(&pad(&plain)), gcm_ciphertext(&plain));
    let iv_length = |cipher, len| Reason::IvLength { cipher, len };
    let ct_length = |cipher, len| Reason::CiphertextLength { cipher, len };
    let until = NOW + TTL;
    let table = [
        (pack(until, &[9; 16], &cbc, &[2]), Reason::Trailer),
        (pack(until, &[9; 16], &cbc, &[255]), Reason::Trailer),
        (pack(until, &[9; 16], &cbc, &[0, 0]), Reason::Trailer),
        (pack(until, &[9; 12], &gcm, &[1, 1]), Reason::Trailer),
        (pack(until, &[9; 15], &cbc, &[]), iv_length(Cipher::Cbc, 15)),
        (pack(until, &[9; 12], &gcm, &[]), iv_length(Cipher::Cbc, 12)),
        (pack(until, &[], &cbc, &[]), iv_length(Cipher::Cbc, 0)),
        (pack(until, &[9; 16], &cbc, &[1]), iv_length(Cipher::Gcm, 16)),
        (pack(until, &[], &gcm, &[1]), iv_length(Cipher::Gcm, 0)),
        (pack(until, &[9; 16], &[], &[]), ct_length(Cipher::Cbc, 0)),
        (pack(until, &[9; 16], &cbc[1..], &[]), ct_length(Cipher::Cbc, cbc.len() - 1)),
        (pack(until, &[9; 12], &[0; 17], &[1]), ct_length(Cipher::Gcm, 17)),
        (pack(until, &[9; 12], &[0; 18], &[1]), Reason::Tag),
    ];
    for (packed, reason) in table {
        assert_eq!(judge(&text(&packed)), Err(reason));
    }
}

#[test]
fn a_mode_byte_of_0_says_cbc() {
    let cbc = cbc_ciphertext(&pad(&claims().to_string()));
    assert!(judge(&text(&pack(NOW + TTL, &[9; 16], &cbc, &[0]))).is_ok());
}

#[test]
fn a_token_cut_anywhere_is_refused() {
    for cipher in BOTH {
        let good = sealed(&claims().to_string(), cipher);
        for len in 0..good.len() {
            assert!(judge(&good[..len]).is_err(), "{len} characters");
        }
    }
}

#[test]
fn padding_that_is_not_exactly_pkcs7_is_refused() {
    let plain = claims().to_string();
    let padded = pad(&plain);
    let len = padded.len() - plain.len();
    assert!(len > 1, "the rows need a padding of two bytes or more");
    let mut table = vec![
        [padded.clone(), vec![16; 16]].concat(),
        [padded.clone(), vec![0; 16]].concat(),
    ];
    for spoiled in plain.len()..padded.len() {
        let mut padded = padded.clone();
        padded[spoiled] ^= 1;
        table.push(padded);
    }
    for padded in table {
        let token = text(&pack(NOW + TTL, &[9; 16], &cbc_ciphertext(&padded), &[]));
        assert_eq!(judge(&token), Err(Reason::Padding));
    }
}

#[test]
fn content_that_is_not_the_documented_object_is_refused() {
    let good = claims().to_string();
    let without = |field: &str| {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(field);
        claims.to_string()
    };
    let table = [
        "".into(),
        "null".into(),
        "{}".into(),
        r#"[1,"alice",5,1700000000,1700003600,""]"#.into(),
        format!(" {good}"),
        format!("[{good}]"),
        format!("{good} "),
        format!("{good}{good}"),
        good.replace('}', ",}"),
        good.replace('}', r#","role":1}"#),
        good.replace('}', r#","user_id":"alice"}"#),
        good.replace('}', r#","user\u005fid":"alice"}"#),
        good.replace('}', r#","payload":""}"#),
        good.replace("alice", "ali\u{1}ce"),
        good.replace("alice", r"ali\ud800ce"),
        without("app_id"),
        without("user_id"),
        without("nonce"),
        without("ctime"),
        without("expire"),
        claims_with("app_id", "1").to_string(),
        claims_with("app_id", 1.0).to_string(),
        claims_with("app_id", -1).to_string(),
        claims_with("app_id", 4_294_967_297_u64).to_string(),
        claims_with("app_id", json!(null)).to_string(),
        claims_with("user_id", 7).to_string(),
        claims_with("user_id", json!(["alice"])).to_string(),
        claims_with("nonce", "5").to_string(),
        claims_with("nonce", 9_223_372_036_854_775_808_u64).to_string(),
        claims_with("ctime", 1.7e9).to_string(),
        claims_with("expire", true).to_string(),
        claims_with("payload", json!(null)).to_string(),
        claims_with("payload", json!({"room_id": "r", "privilege": {}})).to_string(),
    ];
    for plain in table {
        for cipher in BOTH {
            // Surplus text is bad content under GCM and bad padding under CBC, where the padding is what may follow.
            let refused = matches!(
                judge(&sealed(&plain, cipher)),
                Err(Reason::Json(_) | Reason::Padding | Reason::CiphertextLength { .. })
            );
            assert!(refused, "{cipher}: {plain}");
        }
    }
}

#[test]
fn content_in_broken_utf8_is_refused() {
    let plain = claims().to_string();
    let mut padded = pad(&plain);
    let alice = plain.find("alice").unwrap();
    padded[alice] = 0xFF;
    let token = text(&pack(NOW + TTL, &[9; 16], &cbc_ciphertext(&padded), &[]));
    assert!(matches!(judge(&token), Err(Reason::Json(_))));
}

#[test]
fn what_an_operator_reads_about_strange_content_is_short_and_printable() {
    let plain = format!("{{\"{}\\n\u{202e}\":1}}", "x".repeat(1000));
    let Err(Reason::Json(problem)) = judge(&sealed(&plain, Cipher::Gcm)) else {
        panic!("not refused for its content");
    };
    assert!(problem.chars().count() <= 160, "{problem}");
    assert!(!problem.contains(char::is_control));
}

#[test]
fn order_escapes_and_nonces_of_any_generator_are_accepted() {
    let table = [
        r#"{"user_id":"alice","payload":"","expire":1700003600,"ctime":1700000000,"app_id":1,"nonce":-2147483648}"#,
        r#"{"app_id":1,"user_id":"alice","ctime":1700000000,"expire":1700003600,"nonce":9223372036854775807,"payload":""}"#,
        r#"{"app_id":1,"user_id":"\u0061lice","nonce":-9223372036854775808,"ctime":1700000000,"expire":1700003600}"#,
        "{ \"app_id\" : 1,\n\"user_id\":\"alice\",\t\"nonce\":0,\"ctime\":1700000000,\"expire\":1700003600 }",
    ];
    for plain in table {
        for cipher in BOTH {
            assert!(judge(&sealed(plain, cipher)).is_ok(), "{cipher}: {plain}");
        }
    }
}

#[test]
fn a_token_for_somebody_else_is_refused() {
    let other_app = claims_with("app_id", 2).to_string();
    let other_user = claims_with("user_id", "Alice").to_string();
    for cipher in BOTH {
        assert_eq!(judge(&sealed(&other_app, cipher)), Err(Reason::AppId(2)));
        assert_eq!(judge(&sealed(&other_user, cipher)), Err(Reason::UserId("Alice".into())));
    }
}

#[test]
fn lengths_of_ids_have_bounds() {
    let judge_user = |user_id: &str| {
        let token = sealed(&claims_with("user_id", user_id).to_string(), Cipher::Gcm);
        verify(&token, &secret(), &Policy::new(1), user_id, NOW).map_err(|r| r.reason().clone())
    };
    assert!(judge_user("u").is_ok());
    assert!(judge_user(&"é".repeat(64)).is_ok());
    assert_eq!(judge_user(""), Err(Reason::Length("user_id")));
    assert_eq!(judge_user(&"u".repeat(65)), Err(Reason::Length("user_id")));
}

#[test]
fn expiry_in_clear_and_sealed_must_be_equal() {
    for outer in [NOW + TTL - 1, NOW + TTL + 1, 0, -1, i64::MIN, i64::MAX] {
        let token = sealed_until(&claims().to_string(), outer, Cipher::Gcm);
        let inner = NOW + TTL;
        assert_eq!(judge(&token), Err(Reason::OuterExpire { outer, inner }));
    }
}

#[test]
fn a_token_is_good_until_the_second_before_it_expires() {
    let token = sealed(&claims().to_string(), Cipher::Cbc);
    assert!(judge_at(&token, NOW + TTL - 1).is_ok());
    assert_eq!(judge_at(&token, NOW + TTL), Err(Reason::Expired { ago_s: 0 }));
    assert_eq!(judge_at(&token, NOW + TTL + 9), Err(Reason::Expired { ago_s: 9 }));
    assert_eq!(
        judge_at(&token, i64::MAX),
        Err(Reason::Expired {
            ago_s: i64::MAX - NOW - TTL
        })
    );
    let verified = judge(&token).unwrap();
    assert!(!verified.is_expired(NOW + TTL - 1) && verified.is_expired(NOW + TTL));
}

#[test]
fn an_expired_token_that_is_wrong_in_any_other_way_is_not_said_to_be_expired() {
    let (app, user) = (claims_with("app_id", 2), claims_with("user_id", "bob"));
    let late = NOW + TTL + 1;
    let ahead = sealed_until(&claims().to_string(), NOW + TTL + 1, Cipher::Gcm);
    assert!(matches!(
        judge_at(&sealed(&app.to_string(), Cipher::Gcm), late),
        Err(Reason::AppId(_))
    ));
    assert!(matches!(
        judge_at(&sealed(&user.to_string(), Cipher::Gcm), late),
        Err(Reason::UserId(_))
    ));
    assert!(matches!(judge_at(&ahead, late), Err(Reason::OuterExpire { .. })));
}

#[test]
fn times_have_bounds() {
    let max_ttl_s = 31 * 24 * 3600;
    let table = [
        (NOW, NOW, NOW, Some(Reason::NoLife)),
        (NOW, NOW - 1, NOW, Some(Reason::NoLife)),
        (i64::MAX, i64::MIN, NOW, Some(Reason::NoLife)),
        (NOW, NOW + 1, NOW, None),
        (NOW, NOW + max_ttl_s, NOW, None),
        (
            NOW,
            NOW + max_ttl_s + 1,
            NOW,
            Some(Reason::TooLongLife {
                ttl_s: max_ttl_s + 1,
                max_ttl_s,
            }),
        ),
        (
            i64::MIN,
            i64::MAX,
            NOW,
            Some(Reason::TooLongLife {
                ttl_s: i64::MAX,
                max_ttl_s,
            }),
        ),
        (NOW + 300, NOW + 900, NOW, None),
        (NOW + 301, NOW + 900, NOW, Some(Reason::ClockAhead { ahead_s: 301 })),
        (
            i64::MAX - 1,
            i64::MAX,
            NOW,
            Some(Reason::ClockAhead {
                ahead_s: i64::MAX - 1 - NOW,
            }),
        ),
        (
            i64::MAX - 1,
            i64::MAX,
            i64::MIN,
            Some(Reason::ClockAhead { ahead_s: i64::MAX }),
        ),
        (-5, -1, NOW, Some(Reason::Expired { ago_s: NOW + 1 })),
    ];
    for (ctime, expire, now, reason) in table {
        let mut claims = claims_with("ctime", ctime);
        claims["expire"] = expire.into();
        for cipher in BOTH {
            let token = sealed_until(&claims.to_string(), expire, cipher);
            assert_eq!(judge_at(&token, now).err(), reason, "{ctime}..{expire} at {now}");
        }
    }
}

#[test]
fn an_app_id_may_permit_another_life_and_another_clock() {
    let token = sealed(&claims().to_string(), Cipher::Gcm);
    let mut policy = Policy::new(1);
    policy.max_ttl_s = TTL;
    policy.max_clock_ahead_s = 0;
    assert!(verify(&token, &secret(), &policy, "alice", NOW).is_ok());
    assert!(verify(&token, &secret(), &policy, "alice", NOW - 1).is_err());
    policy.max_ttl_s = TTL - 1;
    assert!(verify(&token, &secret(), &policy, "alice", NOW).is_err());
}

#[test]
fn a_bearer_who_says_nothing_of_himself_is_the_tokens_user_and_judged_as_anybody() {
    for cipher in BOTH {
        let good = sealed(&claims().to_string(), cipher);
        let verified = verify_bearer(&good, &secret(), &Policy::new(1), NOW).unwrap();
        assert_eq!(verified.claims().user_id, "alice");
        assert_eq!(
            verify_bearer(&good, &secret(), &Policy::new(2), NOW).unwrap_err().reason(),
            &Reason::AppId(1)
        );
        assert!(verify_bearer(&good[..good.len() - 4], &secret(), &Policy::new(1), NOW).is_err());
        let expired = verify_bearer(&good, &secret(), &Policy::new(1), i64::MAX).unwrap_err();
        assert!(matches!(expired.reason(), Reason::Expired { .. }));
    }
}
