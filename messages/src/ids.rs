//! Room, user and stream ids: checked once, then carried as types that cannot be swapped.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{ZegoError, codes};

/// Longest roomID in bytes (documented limit).
pub const ROOM_ID_MAX: usize = 128;
/// Longest userID in bytes (documented limit).
pub const USER_ID_MAX: usize = 64;
/// Longest userName in bytes (documented limit).
pub const USER_NAME_MAX: usize = 256;
/// Longest streamID in bytes (documented limit).
pub const STREAM_ID_MAX: usize = 256;
/// Longest stream extraInfo in bytes (documented limit).
pub const EXTRA_INFO_MAX: usize = 1024;
/// Most bytes of a message or command to others.
pub const MESSAGE_MAX: usize = 1024;
/// Longest key of a room's extra info in bytes: the web SDK's limit.
pub const ROOM_INFO_KEY_MAX: usize = 128;
/// Longest value of a room's extra info in bytes: the web SDK's limit.
pub const ROOM_INFO_VALUE_MAX: usize = 4096;
/// Most users that one custom command can name.
pub const COMMAND_USERS_MAX: usize = 500;

/// Whether the web SDK 3.12 accepts `c` in a roomID, userID or streamID.
///
/// Letters, digits and ``# ! $ % & ( ) ` ' * + , - . 0-9 ; < = > @ ^ _ ~ \``; never `/`, `:`, space, quotes, brackets, braces,
/// `?`, `|`, or anything that is not ASCII.
pub fn is_id_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "#!$%&()`'*+,-.;<=>@^_~\\".contains(c)
}

fn check(text: &str, max: usize, what: &str, null: i32, chars: i32, long: i32) -> Result<(), ZegoError> {
    if text.is_empty() {
        return Err(ZegoError::new(null, format!("{what} is empty; give at least one character")));
    }
    if text.len() > max {
        let message = format!("{what} has {} bytes; at most {max} are allowed", text.len());
        return Err(ZegoError::new(long, message));
    }
    match text.chars().find(|&c| !is_id_char(c)) {
        Some(c) => Err(ZegoError::new(
            chars,
            format!("{what} holds {c:?}; use letters, digits and - _ . ~ # ! $ % & ( ) ' * + , ; < = > @ ^"),
        )),
        None => Ok(()),
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:ident, $null:ident, $chars:ident, $long:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            #[doc = concat!("Checks `text` against the documented rules of a ", $what, ".")]
            ///
            /// # Errors
            #[doc = concat!("[`codes::", stringify!($null), "`] when empty, [`codes::", stringify!($long),
                "`] when too long, [`codes::", stringify!($chars), "`] for a character that is not allowed.")]
            pub fn new(text: impl AsRef<str>) -> Result<Self, ZegoError> {
                let text = text.as_ref();
                check(text, $max, $what, codes::$null, codes::$chars, codes::$long)?;
                Ok(Self(text.into()))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), &*self.0)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl FromStr for $name {
            type Err = ZegoError;
            fn from_str(text: &str) -> Result<Self, ZegoError> {
                Self::new(text)
            }
        }
        impl TryFrom<String> for $name {
            type Error = ZegoError;
            fn try_from(text: String) -> Result<Self, ZegoError> {
                Self::new(text)
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().into()
            }
        }
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                &*self.0 == other
            }
        }
        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                &*self.0 == *other
            }
        }
    };
}

id!(
    /// A room's id, at most 128 bytes.
    RoomId, "roomID", ROOM_ID_MAX, ROOM_ID_NULL, ROOM_ID_INVALID_CHARACTER, ROOM_ID_TOO_LONG
);
id!(
    /// A user's id, unique in its AppID, at most 64 bytes.
    UserId, "userID", USER_ID_MAX, USER_ID_NULL, USER_ID_INVALID_CHARACTER, USER_ID_TOO_LONG
);
id!(
    /// A stream's id, unique in its AppID, at most 256 bytes.
    StreamId, "streamID", STREAM_ID_MAX, STREAM_ID_NULL, STREAM_ID_INVALID_CHARACTER, STREAM_ID_TOO_LONG
);

/// Length of an [`InstanceId`] in characters.
pub const INSTANCE_ID_LEN: usize = 32;

/// Names one life of an engine or page whose user is in several rooms (`enableMultiRoom`): logins that show the same one belong
/// together, and any other login of the user ends them. 128 random bits as 32 lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstanceId(Arc<str>);

impl InstanceId {
    /// Of 128 bits that are random to everybody else.
    pub fn new(random: [u8; INSTANCE_ID_LEN / 2]) -> Self {
        let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Self(digits.into())
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for InstanceId {
    /// Without the digits: who knows them can be taken for this engine by who has a token of its user.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstanceId(..)")
    }
}

impl TryFrom<String> for InstanceId {
    type Error = ZegoError;

    /// # Errors
    /// [`codes::INPUT_PARAM`] for anything but 32 lower-case hexadecimal digits.
    fn try_from(text: String) -> Result<Self, ZegoError> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == INSTANCE_ID_LEN && text.bytes().all(is_digit) {
            return Ok(Self(text.into()));
        }
        let message = format!("an instance is {INSTANCE_ID_LEN} lower-case hexadecimal digits");
        Err(ZegoError::new(codes::INPUT_PARAM, message))
    }
}

impl From<InstanceId> for String {
    fn from(id: InstanceId) -> Self {
        id.0.as_ref().into()
    }
}

/// Names one local stream (one `createZegoStream`) inside one engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalStreamId(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_32_lower_case_hexadecimal_digits_and_is_not_shown() {
        let id = InstanceId::new(*b"0123456789abcdef");
        assert_eq!(id.as_str(), "30313233343536373839616263646566");
        assert_eq!(InstanceId::try_from(String::from(id.clone())).unwrap(), id);
        assert_eq!(format!("{id:?}"), "InstanceId(..)");
        for bad in ["", "30", &"A".repeat(32), &"g".repeat(32), &"0".repeat(33), &"é".repeat(16)] {
            assert_eq!(InstanceId::try_from(bad.to_string()).unwrap_err().code, 1100001, "{bad}");
        }
    }

    #[test]
    fn ids_are_refused_with_their_own_codes() {
        let long = "x".repeat(129);
        for (text, code) in [
            ("", 1002011),
            ("a b", 1002012),
            ("a/b", 1002012),
            ("房", 1002012),
            (long.as_str(), 1002013),
        ] {
            assert_eq!(RoomId::new(text).unwrap_err().code, code, "{text:?}");
        }
        assert_eq!(UserId::new("").unwrap_err().code, 1002005);
        assert_eq!(UserId::new("a:b").unwrap_err().code, 1002006);
        assert_eq!(UserId::new("u".repeat(65)).unwrap_err().code, 1002007);
        assert_eq!(StreamId::new("").unwrap_err().code, 1000015);
        assert_eq!(StreamId::new("a?b").unwrap_err().code, 1000016);
        assert_eq!(StreamId::new("s".repeat(257)).unwrap_err().code, 1000014);
    }

    #[test]
    fn ids_of_the_longest_length_and_of_every_allowed_character_pass() {
        assert!(RoomId::new("r".repeat(128)).is_ok());
        assert!(UserId::new("u".repeat(64)).is_ok());
        assert!(StreamId::new("s".repeat(256)).is_ok());
        assert!(StreamId::new("azAZ09#!$%&()`'*+,-.;<=>@^_~\\").is_ok());
    }

    #[test]
    fn every_other_ascii_character_is_refused() {
        for c in (0u8..128).map(char::from).filter(|c| !is_id_char(*c)) {
            assert!(StreamId::new(format!("a{c}")).is_err(), "{c:?}");
        }
    }

    #[test]
    fn a_bad_id_in_json_is_refused_when_it_is_parsed() {
        assert!(serde_json::from_str::<RoomId>("\"ok\"").is_ok());
        assert!(serde_json::from_str::<RoomId>("\"a/b\"").is_err());
    }
}
