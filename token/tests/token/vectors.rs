//! The four published vectors, both ways.

use express_token::{Cipher, Claims, Iv, Policy, Privileges, Secret, inspect, issue, verify};

struct Vector {
    claims: Claims,
    iv: Iv,
    token: &'static str,
}

fn claims(app_id: u32, user_id: &str, nonce: i64, ttl_s: i64) -> Claims {
    let ctime = 1_700_000_000;
    Claims {
        app_id,
        user_id: user_id.into(),
        nonce,
        ctime,
        expire: ctime + ttl_s,
        privileges: None,
    }
}

fn vectors() -> [Vector; 4] {
    let basic = claims(1_234_567_890, "user1", 123_456_789, 3600);
    let mut privileged = claims(1_234_567_890, "user1", i64::from(i32::MIN), 3600);
    privileged.privileges = Some(Privileges {
        room_id: "room1".into(),
        login: true,
        publish: false,
        streams: None,
    });
    let mut streams = claims(1, "用户_é", i64::from(i32::MAX), 86_400);
    streams.privileges = Some(Privileges {
        room_id: "demo".into(),
        login: true,
        publish: true,
        streams: Some(vec!["s1".into(), "s2".into()]),
    });
    [
        Vector {
            claims: basic.clone(),
            iv: Iv::Cbc(*b"abcdefghijklmnop"),
            token: "04AAAAAGVT/xAAEGFiY2RlZmdoaWprbG1ub3AAcJwJclIKyjW0qO9Z//dHZNvpYQpx2Mz+KL+DfnprnEsqX7Toqo64gloS4f3kUnT2UzvSlDROClv8HIj11uwvork5HJzniOBMzRXS1EuUiSGd/tJEvMJrzCh0VljSXCKn2JcJlf5dXd6GKrxqRbN53r0=",
        },
        Vector {
            claims: privileged,
            iv: Iv::Cbc(*b"0123456789abcdef"),
            token: "04AAAAAGVT/xAAEDAxMjM0NTY3ODlhYmNkZWYAwNwR7j4AKvPz1yXCdsPGhXpfb+3KfElaWF+U8hboEjs5vrfwgVs3VSz0LV1cEvcU+6JiuMQaPU/9bOtQ3WveKpUaerfxEd/0IWuLdjPtN2CvBxhdumuedXetl6ACJML780prhAIMMqGTJv20VTo5k5XEpYMzvbNXt571E8l9GEfkDzeH/u8I8uOf5L3H7MlSqtvfQ/ytUDUuy7DtyruwY9a+ByH+bwFWzH3frRNGTXW/CsEVTgk+HdOt98L/oeamAg==",
        },
        Vector {
            claims: streams,
            iv: Iv::Cbc(*b"zyxwvutsrqponmlk"),
            token: "04AAAAAGVVQoAAEHp5eHd2dXRzcnFwb25tbGsA0GGE2rMq8yhbmtbgrFjX+N+O/mth84qHs1u3ZoUZEGMHcafPGSkPkhy5dvsEPA7e4wIm3833P5zHst6L4lAvkGBAdDHHfwch81Fr+iaWZfkHgadOssRFh+QLY9Hqip+ShxFp+PBlKZxU6vXO1rE3A74ySuADdUdqfa+1fV0ylBIynC3ijVAotv2/nqjGUkwleJLyX+rWgtO0HbBkoOz9dcrOcQIkslPNe0Bxh+F7+VQTVciRDpAVjkIrqoPrlbs7i/4crQLuOQitAkAW65o2V0I=",
        },
        Vector {
            claims: basic,
            iv: Iv::Gcm(*b"abcdefghijkl"),
            token: "04AAAAAGVT/xAADGFiY2RlZmdoaWprbAB9Eu6oz7u6BLdBJsMjOa1tCWsJgi+Vohooe8xh9bZ+9MgZu8WOH3begSQV/sNrsb3srGaIgY1pTsLy3Sw5xcDtZ/bCvv3KwFZ9NWkzRAsNnE2Th45Wkq4QOeFhQOEXj0oZk/+Sw5XHK2qC9Uq9B20KjdoBoYoj+Eq5C82Fkn8B",
        },
    ]
}

fn secret() -> Secret {
    Secret::new("0123456789abcdef0123456789abcdef").unwrap()
}

#[test]
fn issuing_gives_the_published_tokens() {
    for vector in vectors() {
        assert_eq!(issue(&vector.claims, &secret(), &vector.iv).unwrap(), vector.token);
    }
}

#[test]
fn the_published_tokens_verify_to_their_claims() {
    for Vector { claims, iv, token } in vectors() {
        let policy = Policy::new(claims.app_id);
        let verified = verify(token, &secret(), &policy, &claims.user_id, claims.ctime).unwrap();
        assert_eq!(verified.claims(), &claims);
        let inspection = inspect(token, &secret()).unwrap();
        assert_eq!(inspection.claims, claims);
        assert_eq!((inspection.outer_expire, inspection.cipher), (claims.expire, iv.cipher()));
    }
}

#[test]
fn another_secret_opens_none_of_them() {
    let other = Secret::new("0123456789abcdef0123456789abcdeg").unwrap();
    for Vector { claims, token, .. } in vectors() {
        let policy = Policy::new(claims.app_id);
        let refusal = verify(token, &other, &policy, &claims.user_id, claims.ctime).unwrap_err();
        assert_eq!(refusal.code(), 1_102_016);
        assert!(inspect(token, &other).is_err());
    }
}

#[test]
fn an_app_id_that_accepts_one_cipher_refuses_the_other() {
    for Vector { claims, iv, token } in vectors() {
        for accepted in [Cipher::Cbc, Cipher::Gcm] {
            let mut policy = Policy::new(claims.app_id);
            policy.ciphers = [accepted].into_iter().collect();
            let outcome = verify(token, &secret(), &policy, &claims.user_id, claims.ctime);
            assert_eq!(outcome.is_ok(), accepted == iv.cipher());
        }
    }
}
