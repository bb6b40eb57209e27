//! What is made, and what is not.

use express_token::{
    Cipher, Claims, Grant, IssueError, Iv, MAX_TOKEN_CHARS, Policy, Privileges, inspect, issue, issue_random, verify,
};
use proptest::prelude::*;

use crate::workshop::{NOW, TTL, secret};

fn grant(privileges: Option<Privileges>) -> Grant {
    Grant {
        app_id: 1,
        user_id: "alice".into(),
        ttl_s: TTL,
        privileges,
    }
}

fn privileges(streams: Option<Vec<String>>) -> Option<Privileges> {
    Some(Privileges {
        room_id: "r".into(),
        login: true,
        publish: true,
        streams,
    })
}

#[test]
fn the_checks_of_the_documented_generators_are_made() {
    let good = grant(None);
    let table = [
        (
            Grant {
                app_id: 0,
                ..good.clone()
            },
            IssueError::AppId,
            1,
        ),
        (
            Grant {
                user_id: String::new(),
                ..good.clone()
            },
            IssueError::UserId,
            3,
        ),
        (
            Grant {
                user_id: "u".repeat(65),
                ..good.clone()
            },
            IssueError::UserId,
            3,
        ),
        (
            Grant {
                ttl_s: 0,
                ..good.clone()
            },
            IssueError::Ttl,
            6,
        ),
        (
            Grant {
                ttl_s: -1,
                ..good.clone()
            },
            IssueError::Ttl,
            6,
        ),
        (grant(privileges(Some(vec![]))), IssueError::EmptyStreams, -1),
        (
            grant(privileges(Some(vec![String::new()]))),
            IssueError::Length("stream_id_list"),
            -1,
        ),
        (grant(privileges(Some(vec!["s".repeat(200); 70]))), IssueError::TooLong, -1),
        (grant(privileges(Some(vec!["s".repeat(200); 400]))), IssueError::TooLong, -1),
    ];
    for (grant, error, code) in table {
        let made = issue(&grant.claims(0, NOW), &secret(), &Iv::Cbc([0; 16]));
        assert_eq!(made, Err(error), "{grant:.60?}");
        assert_eq!(error.generator_code(), code);
    }
    let empty_room = Privileges {
        room_id: String::new(),
        ..privileges(None).unwrap()
    };
    let made = issue_random(&grant(Some(empty_room)), &secret(), Cipher::Gcm, NOW);
    assert_eq!(made, Err(IssueError::Length("room_id")));
}

#[test]
fn a_life_beyond_the_end_of_time_ends_with_it() {
    let forever = Grant {
        ttl_s: i64::MAX,
        ..grant(None)
    };
    assert_eq!(forever.claims(0, NOW).expire, i64::MAX);
}

#[test]
fn the_longest_token_that_is_made_is_read() {
    let fits = |count: usize| {
        let claims = grant(privileges(Some(vec!["s".repeat(20); count]))).claims(0, NOW);
        issue(&claims, &secret(), &Iv::Gcm([0; 12])).ok()
    };
    let count = (1..1000).take_while(|count| fits(*count).is_some()).count();
    let longest = fits(count).unwrap();
    assert!(longest.len() > MAX_TOKEN_CHARS - 40, "{} of {MAX_TOKEN_CHARS}", longest.len());
    assert!(verify(&longest, &secret(), &Policy::new(1), "alice", NOW).is_ok());
}

#[test]
fn random_tokens_of_one_second_differ_and_are_good() {
    for cipher in [Cipher::Cbc, Cipher::Gcm] {
        let make = || issue_random(&grant(privileges(None)), &secret(), cipher, NOW).unwrap();
        let (a, b) = (make(), make());
        assert_ne!(a, b);
        let inspection = inspect(&a, &secret()).unwrap();
        assert_eq!(inspection.cipher, cipher);
        assert!((0..=i64::from(i32::MAX)).contains(&inspection.claims.nonce));
        assert!(verify(&a, &secret(), &Policy::new(1), "alice", NOW).is_ok());
    }
}

fn any_privileges() -> impl Strategy<Value = Privileges> {
    let streams = prop::option::of(prop::collection::vec(".{1,40}", 1..5));
    (".{1,128}", any::<bool>(), any::<bool>(), streams).prop_map(|(room_id, login, publish, streams)| Privileges {
        room_id,
        login,
        publish,
        streams,
    })
}

fn any_claims() -> impl Strategy<Value = Claims> {
    let times = (-1_000_000_000_000..1_000_000_000_000_i64, 1..=Policy::DEFAULT_MAX_TTL_S);
    let privileges = prop::option::of(any_privileges());
    (1..=u32::MAX, ".{1,64}", any::<i64>(), times, privileges).prop_map(|(app_id, user_id, nonce, (ctime, ttl_s), privileges)| {
        Claims {
            app_id,
            user_id,
            nonce,
            ctime,
            expire: ctime + ttl_s,
            privileges,
        }
    })
}

proptest! {
    #[test]
    fn whatever_is_issued_verifies_to_the_same_claims(
        claims in any_claims(), iv: [u8; 16], nonce: [u8; 12],
    ) {
        for iv in [Iv::Cbc(iv), Iv::Gcm(nonce)] {
            let token = issue(&claims, &secret(), &iv).unwrap();
            let policy = Policy::new(claims.app_id);
            let verified = verify(&token, &secret(), &policy, &claims.user_id, claims.ctime).unwrap();
            prop_assert_eq!(verified.claims(), &claims);
        }
    }
}
