//! Tokens of an independent generator, in the styles of the published ones.
//!
//! The fixture is made by `python3 tests/tools/token04_reference.py --count 200 --seed 4 >
//! token/tests/fixtures/reference_tokens.jsonl`, run at the root of the project.

use std::collections::BTreeSet;

use express_token::{Cipher, Policy, Secret, inspect, verify};
use serde::Deserialize;

const FIXTURE: &str = include_str!("../fixtures/reference_tokens.jsonl");

/// One line of the fixture.
#[derive(Debug, Deserialize)]
struct Reference {
    style: String,
    cipher: Cipher,
    secret: String,
    token: String,
    app_id: u32,
    user_id: String,
    nonce: i64,
    ctime: i64,
    expire: i64,
    privileges: Option<ReferencePrivileges>,
}

#[derive(Debug, Deserialize)]
struct ReferencePrivileges {
    room_id: String,
    login: bool,
    publish: bool,
    streams: Option<Vec<String>>,
}

fn references() -> Vec<Reference> {
    FIXTURE.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_fixture_has_every_style_of_generator_under_both_ciphers() {
    let references = references();
    assert_eq!(references.len(), 200);
    let kinds: BTreeSet<_> = references.iter().map(|r| (r.style.as_str(), r.cipher.as_str())).collect();
    let styles = ["dotnet", "go", "java", "node", "php", "python"];
    let wanted = styles.iter().flat_map(|style| [(*style, "cbc"), (*style, "gcm")]).collect();
    assert_eq!(kinds, wanted);
}

#[test]
fn tokens_of_an_independent_generator_verify_to_what_it_put_in() {
    for reference in references() {
        let secret = Secret::new(&reference.secret).unwrap();
        let policy = Policy::new(reference.app_id);
        let now = reference.expire - 1;
        let verified = verify(&reference.token, &secret, &policy, &reference.user_id, now)
            .unwrap_or_else(|refusal| panic!("{reference:?}: {:?}", refusal.reason()));
        let claims = verified.claims();
        assert_eq!(
            (claims.nonce, claims.ctime, claims.expire),
            (reference.nonce, reference.ctime, reference.expire)
        );
        assert_eq!(claims.privileges.is_some(), reference.privileges.is_some());
        if let (Some(got), Some(want)) = (&claims.privileges, &reference.privileges) {
            assert_eq!(
                (&got.room_id, got.login, got.publish),
                (&want.room_id, want.login, want.publish)
            );
            assert_eq!(got.streams, want.streams);
        }
        assert_eq!(inspect(&reference.token, &secret).unwrap().cipher, reference.cipher);
    }
}

#[test]
fn tokens_of_an_independent_generator_are_refused_to_others_and_when_old() {
    for reference in references() {
        let secret = Secret::new(&reference.secret).unwrap();
        let code = |app_id, user_id: &str, now| {
            let policy = Policy::new(app_id);
            verify(&reference.token, &secret, &policy, user_id, now).unwrap_err().code()
        };
        let (app_id, user_id) = (reference.app_id, reference.user_id.as_str());
        assert_eq!(code(app_id, user_id, reference.expire), 1_102_018);
        assert_eq!(code(app_id, &format!("{user_id}x"), reference.ctime), 1_102_016);
        assert_eq!(code(app_id ^ 1, user_id, reference.ctime), 1_102_016);
    }
}
