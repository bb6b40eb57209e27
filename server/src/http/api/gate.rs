//! Who may ask, and how often: signature, time window, replay, rates. Pure: the time is an argument.

use std::collections::HashMap;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use express_messages::ids::RoomId;
use express_token::Secret;
use md5::{Digest, Md5};

use super::action::Action;
use super::fault::ApiFault;
use super::params::Params;
use crate::config::AppConfig;
use crate::rooms::{Bucket, Now};

/// How far the clock of a business server may be off (documented).
const WINDOW_S: u64 = 600;
/// Nonces remembered; when there are more, calls are refused until the oldest are out of the window.
const MAX_NONCES: usize = 500_000;
/// Rooms whose rates are kept; beyond, those that are as good as new are forgotten.
const MAX_ROOMS: usize = 10_000;
/// Characters of a nonce: 8 bytes in hexadecimal (documented).
const NONCE_CHARS: usize = 16;

/// What was seen of calls so far.
pub(super) struct Gate {
    secrets: HashMap<u32, Secret>,
    nonces: Nonces,
    apps: HashMap<(u32, Action), Bucket>,
    rooms: HashMap<(u32, Action, RoomId), Bucket>,
}

/// Nonces of good calls, in two halves: each lasts at least as long as its calls can be repeated.
#[derive(Debug, Default)]
struct Nonces {
    older: std::collections::HashSet<(u32, u64)>,
    newer: std::collections::HashSet<(u32, u64)>,
    /// When `newer` was begun, Unix seconds.
    begun_s: u64,
}

/// The documented common parameters.
struct Signed<'a> {
    app_id: u32,
    nonce: &'a str,
    timestamp: u64,
    signature: &'a str,
}

impl Gate {
    pub(super) fn new(apps: &[AppConfig]) -> Self {
        Self {
            secrets: apps.iter().map(|app| (app.id, app.secret.clone())).collect(),
            nonces: Nonces::default(),
            apps: HashMap::new(),
            rooms: HashMap::new(),
        }
    }

    /// The AppID and the action of a call that may be served.
    ///
    /// # Errors
    /// The documented code.
    pub(super) fn admit(&mut self, now: Now, params: &Params) -> Result<(u32, Action), ApiFault> {
        let (action, signed) = read_signed(params)?;
        let secret = self.secrets.get(&signed.app_id).ok_or_else(|| {
            let message = format!("this server does not serve AppId {}", signed.app_id);
            ApiFault::new(ApiFault::NO_SECRET, message)
        })?;
        let unix_s = now.unix_ms / 1000;
        if unix_s.abs_diff(signed.timestamp) > WINDOW_S {
            let message = format!("Timestamp is more than {WINDOW_S} s off: the server has {unix_s}");
            return Err(ApiFault::new(ApiFault::SIGNATURE_EXPIRED, message));
        }
        let expected = signature(signed.app_id, signed.nonce, secret, signed.timestamp);
        if verify_slices_are_equal(expected.as_bytes(), signed.signature.as_bytes()).is_err() {
            return Err(ApiFault::new(ApiFault::SIGNATURE, "Signature is wrong"));
        }
        self.nonces.take(signed.app_id, signed.nonce, unix_s)?;
        self.keep_rate(now.mono, signed.app_id, action)?;
        Ok((signed.app_id, action))
    }

    fn keep_rate(&mut self, now: Duration, app_id: u32, action: Action) -> Result<(), ApiFault> {
        let bucket = self.apps.entry((app_id, action)).or_default();
        bucket.take(action.rate(), 1, now).map_err(|wait| {
            let message = format!("too many {action:?} of this AppId; ask again in {} ms", wait.as_millis());
            ApiFault::new(ApiFault::APP_TOO_OFTEN, message)
        })
    }

    /// Whether the action may be asked for about this room again.
    ///
    /// # Errors
    /// 207.
    pub(super) fn keep_rate_of_room(
        &mut self,
        now: Duration,
        app_id: u32,
        action: Action,
        room: &RoomId,
    ) -> Result<(), ApiFault> {
        let Some(rate) = action.rate_of_room() else {
            return Ok(());
        };
        if self.rooms.len() >= MAX_ROOMS {
            self.rooms.retain(|_, bucket| !bucket.is_idle(now));
        }
        let bucket = self.rooms.entry((app_id, action, room.clone())).or_default();
        bucket.take(rate, 1, now).map_err(|wait| {
            let message = format!("too many {action:?} of this room; ask again in {} ms", wait.as_millis());
            ApiFault::new(ApiFault::ROOM_TOO_OFTEN, message)
        })
    }
}

impl Nonces {
    /// # Errors
    /// The nonce was used before, or there are too many.
    fn take(&mut self, app_id: u32, nonce: &str, unix_s: u64) -> Result<(), ApiFault> {
        // A call is good for twice the window at most: from a clock that is ahead until it is behind.
        if unix_s.saturating_sub(self.begun_s) > 2 * WINDOW_S {
            self.older = std::mem::take(&mut self.newer);
            self.begun_s = unix_s;
        }
        let number = u64::from_str_radix(nonce, 16).map_err(|_| bad_nonce())?;
        let name = (app_id, number);
        if self.older.contains(&name) || self.newer.contains(&name) {
            let message = "SignatureNonce was used before; make a new one for every call";
            return Err(ApiFault::new(ApiFault::SIGNATURE, message));
        }
        if self.newer.len() >= MAX_NONCES {
            let message = "too many calls in the last minutes; ask again later";
            return Err(ApiFault::new(ApiFault::APP_TOO_OFTEN, message));
        }
        self.newer.insert(name);
        Ok(())
    }
}

fn read_signed(params: &Params) -> Result<(Action, Signed<'_>), ApiFault> {
    let action = params.needed("Action", ApiFault::NO_ACTION)?;
    let action =
        Action::named(action).ok_or_else(|| ApiFault::new(ApiFault::ACTION, format!("this server has no action {action:?}")))?;
    let app_id = params.needed("AppId", ApiFault::APP_ID)?;
    let app_id = app_id.parse().map_err(|_| {
        let message = format!("AppId {app_id:?} is no number of 32 bits");
        ApiFault::new(ApiFault::APP_ID, message)
    })?;
    let version = params.needed("SignatureVersion", ApiFault::NO_SIGNATURE_VERSION)?;
    if version != "2.0" {
        return Err(ApiFault::new(ApiFault::SIGNATURE_VERSION, "SignatureVersion must be 2.0"));
    }
    let timestamp = params.needed("Timestamp", ApiFault::NO_TIMESTAMP)?;
    let timestamp = timestamp
        .parse()
        .map_err(|_| ApiFault::new(ApiFault::TIMESTAMP, "Timestamp is the Unix time in seconds"))?;
    let nonce = params.needed("SignatureNonce", ApiFault::NONCE)?;
    if nonce.len() != NONCE_CHARS || !nonce.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(bad_nonce());
    }
    let signature = params.needed("Signature", ApiFault::NO_SIGNATURE)?;
    let signed = Signed {
        app_id,
        nonce,
        timestamp,
        signature,
    };
    Ok((action, signed))
}

fn bad_nonce() -> ApiFault {
    let message = format!("SignatureNonce is 8 random bytes as {NONCE_CHARS} hexadecimal digits");
    ApiFault::new(ApiFault::NONCE, message)
}

/// The documented signature, version 2.0: MD5 of AppId, nonce, secret and time stamp, one behind the other, in lower case.
pub(crate) fn signature(app_id: u32, nonce: &str, secret: &Secret, timestamp: u64) -> String {
    let text = format!("{app_id}{nonce}{}{timestamp}", secret.expose());
    Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "9193cc662a4c0ec135ec71fb57194b38";
    const NONCE: &str = "4fd24687296dd9f3";
    const AT: u64 = 1_615_186_943;

    fn now(unix_s: u64) -> Now {
        Now {
            mono: Duration::from_secs(unix_s - AT + 10_000),
            unix_ms: unix_s * 1000,
        }
    }

    fn gate() -> Gate {
        Gate::new(&[AppConfig::new(12345, Secret::new(SECRET).unwrap())])
    }

    /// The documented example, with these parameters in place of its own.
    fn query(changes: &[(&str, &str)]) -> String {
        let mut params = vec![
            ("Action", "KickoutUser"),
            ("AppId", "12345"),
            ("SignatureVersion", "2.0"),
            ("Timestamp", "1615186943"),
            ("SignatureNonce", NONCE),
            ("Signature", "43e5cfcca828314675f91b001390566a"),
        ];
        for (name, value) in changes {
            params.retain(|(known, _)| known != name);
            if !value.is_empty() {
                params.push((name, value));
            }
        }
        params.iter().map(|(name, value)| format!("{name}={value}&")).collect()
    }

    fn code(gate: &mut Gate, unix_s: u64, changes: &[(&str, &str)]) -> u32 {
        let params = Params::read(&query(changes)).unwrap();
        gate.admit(now(unix_s), &params).err().map_or(0, |fault| fault.code)
    }

    fn signed(number: u64, timestamp: u64) -> Vec<(&'static str, String)> {
        let nonce = format!("{number:016x}");
        let signature = signature(12345, &nonce, &Secret::new(SECRET).unwrap(), timestamp);
        vec![
            ("Timestamp", timestamp.to_string()),
            ("SignatureNonce", nonce),
            ("Signature", signature),
        ]
    }

    fn signed_code(gate: &mut Gate, unix_s: u64, number: u64, timestamp: u64) -> u32 {
        let changes = signed(number, timestamp);
        let changes: Vec<(&str, &str)> = changes.iter().map(|(name, value)| (*name, value.as_str())).collect();
        code(gate, unix_s, &changes)
    }

    #[test]
    fn the_published_example_is_let_in_once() {
        let mut gate = gate();
        assert_eq!(code(&mut gate, AT, &[]), 0);
        assert_eq!(code(&mut gate, AT + 1, &[]), 100_000_005, "a repeated call is refused");
    }

    #[test]
    fn every_fault_of_a_signature_has_its_documented_code() {
        let table: [(&[(&str, &str)], u32); 14] = [
            (&[("AppId", "x")], 100_000_001),
            (&[("AppId", "")], 100_000_001),
            (&[("Timestamp", "")], 100_000_002),
            (&[("Timestamp", "now")], 100_000_003),
            (&[("Timestamp", "1615186944")], 100_000_005),
            (&[("Signature", "43e5cfcca828314675f91b001390566b")], 100_000_005),
            (&[("Signature", "43e5")], 100_000_005),
            (&[("Action", "")], 100_000_006),
            (&[("Action", "CreateRoom")], 100_000_007),
            (&[("SignatureNonce", "")], 100_000_008),
            (&[("Signature", "")], 100_000_009),
            (&[("AppId", "12346")], 100_000_010),
            (&[("SignatureVersion", "")], 100_000_013),
            (&[("SignatureVersion", "1.0")], 100_000_014),
        ];
        let mut gate = gate();
        for (changes, expected) in table {
            assert_eq!(code(&mut gate, AT, changes), expected, "{changes:?}");
        }
        assert_eq!(code(&mut gate, AT, &[]), 0, "a refused call does not use up its nonce");
    }

    #[test]
    fn a_call_is_good_for_ten_minutes_and_never_twice() {
        let mut gate = gate();
        let start = AT + 5_000;
        assert_eq!(signed_code(&mut gate, start, 1, start - 601), 100_000_004);
        assert_eq!(signed_code(&mut gate, start, 1, start + 601), 100_000_004);
        assert_eq!(signed_code(&mut gate, start, 1, start + 600), 0);
        for second in 0..1_200 {
            // Others come meanwhile, and the tables are turned.
            assert_eq!(signed_code(&mut gate, start + second, 100 + second, start + second), 0);
            assert_eq!(
                signed_code(&mut gate, start + second, 1, start + 600),
                100_000_005,
                "{second}"
            );
        }
        assert_eq!(signed_code(&mut gate, start + 1_201, 1, start + 600), 100_000_004);
    }

    #[test]
    fn an_app_and_a_room_are_asked_about_as_often_as_documented() {
        let mut gate = gate();
        let at = now(AT).mono;
        let passed = (0..60).filter(|_| gate.keep_rate(at, 1, Action::KickoutUser).is_ok()).count();
        assert_eq!(passed, 50);
        let fault = gate.keep_rate(at, 1, Action::KickoutUser).unwrap_err();
        assert_eq!((fault.code, gate.keep_rate(at, 2, Action::KickoutUser)), (206, Ok(())));
        let room = |id| RoomId::new(id).unwrap();
        let mut list = |after_s, id| {
            let at = at + Duration::from_secs(after_s);
            gate.keep_rate_of_room(at, 1, Action::DescribeSimpleStreamList, &room(id))
                .err()
                .map(|fault| fault.code)
        };
        assert_eq!(
            [list(0, "r"), list(9, "r"), list(9, "q"), list(10, "r")],
            [None, Some(207), None, None]
        );
    }
}
