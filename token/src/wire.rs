//! The JSON inside a token, and the JSON inside that JSON.
//!
//! Strict where the documentation has a shape (no unknown key, no duplicate, no other type, no array for an object) and
//! tolerant where generators differ: the order of keys, escapes (`\/`, `\u00e9`, `\u003c`), an absent payload.

use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::claims::{Claims, Privileges};

/// Claims that read and judge like real ones, for tokens that have none.
const DECOY: &[u8] =
    br#"{"app_id":1234567890,"user_id":"decoy_user","nonce":123456789,"ctime":1700000000,"expire":1700003600,"payload":""}"#;
const DECOY_PAYLOAD: &str = r#"{"room_id":"decoy_room","privilege":{"1":1,"2":1},"stream_id_list":null}"#;

/// The sealed JSON object; the order of the fields is the order in which it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WireClaims {
    pub(crate) app_id: u32,
    pub(crate) user_id: String,
    pub(crate) nonce: i64,
    pub(crate) ctime: i64,
    pub(crate) expire: i64,
    #[serde(default)]
    pub(crate) payload: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WirePayload {
    room_id: String,
    privilege: Object<WirePrivilege>,
    #[serde(default)]
    stream_id_list: Option<Vec<String>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WirePrivilege {
    #[serde(rename = "1", default)]
    login: Flag,
    #[serde(rename = "2", default)]
    publish: Flag,
}

/// A privilege: 1 or 0, and 0 when absent.
#[derive(Default)]
struct Flag(bool);

impl Serialize for Flag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.0.into())
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            0 => Ok(Self(false)),
            1 => Ok(Self(true)),
            _ => Err(D::Error::custom("a privilege is 0 or 1")),
        }
    }
}

/// `T` from a JSON object only: serde by itself would read a struct from an array, too.
struct Object<T>(T);

impl<T: Serialize> Serialize for Object<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Self)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<T, M::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

/// The claims at the beginning of `plain`, and how many bytes they take.
pub(crate) fn read_claims(plain: &[u8]) -> Result<(WireClaims, usize), String> {
    // Read only as far as the closing brace: what follows (the padding) must not change the work.
    if plain.first() != Some(&b'{') {
        return Err("not a JSON object".into());
    }
    let read = read_object(plain)?;
    #[cfg(test)]
    crate::work::note(crate::work::Step::ReadClaims);
    Ok(read)
}

/// Claims of nobody, read with the same work.
pub(crate) fn decoy_claims() -> WireClaims {
    let (claims, _) = read_claims(DECOY).expect("the decoy is well formed");
    claims
}

/// The privileges that a payload states; an empty one states none.
pub(crate) fn read_payload(payload: &str) -> Result<Option<Privileges>, String> {
    if payload.is_empty() {
        read_privileges(DECOY_PAYLOAD)?;
        return Ok(None);
    }
    read_privileges(payload).map(Some).inspect_err(|_| {
        read_privileges(DECOY_PAYLOAD).expect("the decoy is well formed");
    })
}

fn read_privileges(payload: &str) -> Result<Privileges, String> {
    let (wire, end) = read_object::<WirePayload>(payload.as_bytes())?;
    if end != payload.len() {
        return Err("text after the object".into());
    }
    #[cfg(test)]
    crate::work::note(crate::work::Step::ReadPayload);
    Ok(Privileges {
        room_id: wire.room_id,
        login: wire.privilege.0.login.0,
        publish: wire.privilege.0.publish.0,
        streams: wire.stream_id_list.filter(|list| !list.is_empty()),
    })
}

fn read_object<T: DeserializeOwned>(text: &[u8]) -> Result<(T, usize), String> {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<Object<T>>();
    match values.next() {
        Some(Ok(Object(value))) => Ok((value, values.byte_offset())),
        Some(Err(error)) => Err(describe(&error)),
        None => Err("empty".into()),
    }
}

/// What serde says, made safe and short enough for a log: it may quote what a stranger wrote.
fn describe(error: &serde_json::Error) -> String {
    const MAX_CHARS: usize = 160;
    let mut text = String::new();
    for char in error.to_string().chars() {
        match char {
            ' '..='~' => text.push(char),
            strange => text.extend(strange.escape_unicode()),
        }
    }
    text.truncate(MAX_CHARS); // all ASCII by now
    text
}

/// The JSON to seal.
pub(crate) fn write_claims(claims: &Claims) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&WireClaims {
        app_id: claims.app_id,
        user_id: claims.user_id.clone(),
        nonce: claims.nonce,
        ctime: claims.ctime,
        expire: claims.expire,
        payload: claims.privileges.as_ref().map_or(Ok(String::new()), write_payload)?,
    })
}

fn write_payload(privileges: &Privileges) -> Result<String, serde_json::Error> {
    serde_json::to_string(&WirePayload {
        room_id: privileges.room_id.clone(),
        privilege: Object(WirePrivilege {
            login: Flag(privileges.login),
            publish: Flag(privileges.publish),
        }),
        stream_id_list: privileges.streams.clone(),
    })
}
