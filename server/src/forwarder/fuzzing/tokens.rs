//! Tokens.

use arbitrary::Unstructured;
use express_token::{Cipher, Claims, Iv, Policy, Privileges, Secret, inspect, issue, verify, verify_bearer};

use super::{number, piece};

/// The secret of the tokens in the corpus, and the user that they are for.
const SECRET: &str = "0123456789abcdef0123456789abcdef";
const USER: &str = "alice";
/// When those of them that are good are.
const NOW: i64 = 1_767_225_600;

/// A token as it stands, or claims that are sealed right; the first byte says which.
pub fn token(data: &[u8]) {
    let Some((&first, rest)) = data.split_first() else {
        return;
    };
    let secret = Secret::new(SECRET).expect("32 characters");
    if first & 1 == 0 {
        return open(&String::from_utf8_lossy(rest), &secret);
    }
    let mut input = Unstructured::new(rest);
    let claims = claims(&mut input);
    let cipher = if first & 2 == 0 { Cipher::Gcm } else { Cipher::Cbc };
    let Ok(token) = Iv::random(cipher)
        .map_err(drop)
        .and_then(|iv| issue(&claims, &secret, &iv).map_err(drop))
    else {
        return;
    };
    let read = inspect(&token, &secret).expect("what was issued can be read");
    assert_eq!(read.claims.user_id, claims.user_id);
    open(&token, &secret);
}

/// A token that opens is the user's, and good now.
fn open(token: &str, secret: &Secret) {
    let policy = Policy::new(1);
    let _ = inspect(token, secret);
    if let Ok(bearer) = verify_bearer(token, secret, &policy, NOW) {
        let claims = bearer.claims();
        assert!(claims.app_id == 1 && claims.expire > NOW && !claims.user_id.is_empty());
    }
    match verify(token, secret, &policy, USER, NOW) {
        Ok(verified) => assert_eq!(verified.claims().user_id, USER),
        Err(refusal) => assert!(!refusal.client_message().is_empty()),
    }
}

fn claims(input: &mut Unstructured<'_>) -> Claims {
    let text = |input: &mut Unstructured<'_>| String::from_utf8_lossy(piece(input)).into_owned();
    let ctime = NOW.saturating_add(number::<i64>(input) >> (number::<u8>(input) & 63));
    let restricted = number::<u8>(input) & 1 == 1;
    Claims {
        app_id: number(input),
        user_id: text(input),
        nonce: number(input),
        ctime,
        expire: ctime.saturating_add(number::<u32>(input).into()),
        privileges: restricted.then(|| Privileges {
            room_id: text(input),
            login: number::<u8>(input) & 1 == 1,
            publish: number::<u8>(input) & 1 == 1,
            streams: (number::<u8>(input) & 1 == 1).then(|| vec![text(input), text(input)]),
        }),
    }
}
