//! Counts the steps of a verification, for the test that every refusal takes the same ones.

use std::cell::RefCell;

use crate::cipher::{Cipher, Iv, seal};
use crate::layout::Packed;
use crate::policy::Policy;
use crate::secret::Secret;
use crate::verify::verify;

/// A step that costs something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Decrypt,
    /// Claims were read to their end, real ones or the decoy's.
    ReadClaims,
    /// A payload was read to its end, a real one or the decoy's.
    ReadPayload,
    Judge,
}

thread_local!(static DONE: RefCell<Vec<Step>> = const { RefCell::new(Vec::new()) });

/// Called where the step is done.
pub(crate) fn note(step: Step) {
    DONE.with_borrow_mut(|done| done.push(step));
}

const NOW: i64 = 1_700_000_000;
const GOOD: &str = r#"{"app_id":1,"user_id":"alice","nonce":1,"ctime":1700000000,"expire":1700000060,"payload":""}"#;

fn sealed(iv: Iv, plain: &str, expire: i64) -> String {
    let secret = Secret::from_random([1; 32]);
    let ciphertext = seal(&secret, &iv, plain.into()).unwrap();
    Packed { expire, iv, ciphertext }.to_token().unwrap()
}

/// The steps of one verification, and the operator's words for its outcome.
fn steps(token: &str, user_id: &str, now: i64) -> (Vec<Step>, String) {
    DONE.take();
    let mut policy = Policy::new(1);
    if user_id == "gcm only" {
        policy.ciphers = [Cipher::Gcm].into_iter().collect();
    }
    let secret = Secret::from_random([1; 32]);
    let outcome = match verify(token, &secret, &policy, user_id, now) {
        Ok(_) => "good".into(),
        Err(refusal) => refusal.reason().to_string(),
    };
    (DONE.take(), outcome)
}

#[test]
fn every_refusal_takes_the_same_steps() {
    let (cbc, gcm) = (Iv::Cbc([7; 16]), Iv::Gcm([7; 12]));
    let good = sealed(cbc, GOOD, NOW + 60);
    let mut bad_padding = Packed::from_token(&sealed(cbc, &format!("{GOOD} "), NOW + 60)).unwrap();
    bad_padding.expire = NOW + 60;
    let payload = |text: &str| GOOD.replace(r#""payload":"""#, &format!(r#""payload":"{text}""#));
    let privileges = payload(r#"{\"room_id\":\"r\",\"privilege\":{}}"#);
    let mut bad_tag = sealed(gcm, GOOD, NOW + 60);
    bad_tag.replace_range(30..31, if &bad_tag[30..31] == "A" { "B" } else { "A" });
    let table = [
        (good.clone(), "alice", NOW, "good"),
        (good.clone(), "alice", NOW + 60, "expired 0 s ago"),
        (good.clone(), "bob", NOW, "user_id"),
        (good.clone(), "gcm only", NOW, "not accepted"),
        (sealed(cbc, &privileges, NOW + 60), "bob", NOW, "user_id"),
        (sealed(cbc, &payload("{}"), NOW + 60), "alice", NOW, "payload"),
        (sealed(cbc, GOOD, NOW + 61), "alice", NOW, "outside"),
        (sealed(cbc, "garbage", NOW + 60), "alice", NOW, "not a JSON object"),
        (sealed(cbc, &GOOD[..90], NOW + 60), "alice", NOW, "content is bad"),
        (bad_padding.to_token().unwrap(), "alice", NOW, "padding"),
        (bad_tag, "alice", NOW, "does not open"),
        (String::new(), "alice", NOW, "version"),
        ("04*".into(), "alice", NOW, "base64"),
        ("04AAAA".into(), "alice", NOW, "shorter"),
        ("0".repeat(20_000), "alice", NOW, "20000"),
    ];
    let same = [Step::Decrypt, Step::ReadClaims, Step::ReadPayload, Step::Judge];
    for (token, user_id, now, why) in table {
        let (steps, outcome) = steps(&token, user_id, now);
        assert!(outcome.contains(why), "{outcome:?} is not about {why:?}");
        assert_eq!(steps, same, "{outcome}");
    }
}
