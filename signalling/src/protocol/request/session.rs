//! A login to a room, from its beginning to its end.

use express_messages::{
    ids::{InstanceId, RoomId, StreamId, UserId},
    types::ZegoUser,
};
use serde::{Deserialize, Serialize};

use super::{
    super::{IceServer, ListedStream, RoomExtraInfo, SequencedEvent},
    is_zero,
};

/// Logs in to a room, which is created if it is not there.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Protocol versions that the client speaks.
    pub versions: Vec<u32>,
    /// The AppID.
    pub app_id: u32,
    /// The room.
    pub room_id: RoomId,
    /// The user; equal to the token's.
    pub user_id: UserId,
    /// The name to show, at most 256 bytes; empty: the userID.
    #[serde(default)]
    pub user_name: String,
    /// A token04.
    pub token: String,
    /// Whether `roomUserUpdate` events are wanted.
    #[serde(default)]
    pub user_update: bool,
    /// Most users in the room, counted when this login creates it; 0: no limit.
    #[serde(default)]
    pub max_member_count: u32,
    /// Who plays a stream of the room hears it while it is one of so many loudest, counted when this login creates the
    /// room; 0: always. An extension of this project.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub loudest_streams: u32,
    /// Where the user is to be in several rooms at a time (`enableMultiRoom`): the name of this life of the client, the same in each
    /// login. Left out, a login ends all others of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceId>,
    /// Another node sent the client here: this one does not send it on. Only to a node that was learnt from a server.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redirected: bool,
    /// The session that the client has, or had, on another node of the same cloud, which this login replaces. Only to a node
    /// that was learnt from a server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<String>,
}

impl std::fmt::Debug for Login {
    /// Without the token: it is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login({} as {} to {})", self.app_id, self.user_id, self.room_id)
    }
}

/// The whole state of a room as one client sees it: other users and their streams.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Every event up to this number is contained.
    pub seq: u64,
    /// The other users; empty without `user_update`.
    pub users: Vec<ZegoUser>,
    /// Their streams, in the order in which they came.
    pub streams: Vec<ListedStream>,
    /// What is attached to the room; at most one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra_infos: Vec<RoomExtraInfo>,
}

/// A login was accepted.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct LoginOk {
    /// The version chosen.
    pub version: u32,
    /// Names this session, for [`Resume`].
    pub session: String,
    /// Proves who owns the session; known to this client alone.
    pub secret: String,
    /// Names this life of the room; below 2^53.
    pub room_session_id: u64,
    /// Send a [`Heartbeat`] every so many milliseconds.
    pub heartbeat_ms: u64,
    /// A session silent for so long ends.
    pub heartbeat_timeout_ms: u64,
    /// What is left of the token's life.
    pub token_expires_in_ms: u64,
    /// The server's clock, Unix milliseconds.
    pub server_time_ms: u64,
    /// Users in the room, this one included.
    pub online_count: u64,
    /// Who and what is there.
    pub snapshot: Snapshot,
    /// STUN and TURN servers for the media connections of this session; empty, and left out on the wire: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ice_servers: Vec<IceServer>,
    /// Base URLs of other nodes of the same cloud, best first, at most [`MAX_NODES`](crate::protocol::MAX_NODES); empty, and
    /// left out on the wire: there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<String>,
}

impl std::fmt::Debug for LoginOk {
    /// Without the session's secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LoginOk(session {}, {:?})", self.session, self.snapshot)
    }
}

/// Takes a session up again on a new socket. Refused with 1002051 when the server knows it no more: log in again.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// Protocol versions that the client speaks.
    pub versions: Vec<u32>,
    /// From [`LoginOk`].
    pub session: String,
    /// From [`LoginOk`].
    pub secret: String,
    /// The number of the last event seen.
    pub last_seq: u64,
}

impl std::fmt::Debug for Resume {
    /// Without the session's secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Resume(session {}, last_seq {})", self.session, self.last_seq)
    }
}

/// A session goes on. One of `missed` and `snapshot` is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResumeOk {
    /// The version chosen.
    pub version: u32,
    /// The events after `last_seq`, where the server still has all of them.
    pub missed: Option<Vec<SequencedEvent>>,
    /// Else the whole state.
    pub snapshot: Option<Snapshot>,
    /// Beside a snapshot, which does not contain them: messages to this user after `last_seq`, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<SequencedEvent>,
    /// Streams that the server holds as published by this session.
    pub publishing: Vec<StreamId>,
    /// Streams that the server holds as played by this session.
    pub playing: Vec<StreamId>,
    /// As in [`LoginOk`].
    pub heartbeat_ms: u64,
    /// As in [`LoginOk`].
    pub heartbeat_timeout_ms: u64,
    /// As in [`LoginOk`].
    pub token_expires_in_ms: u64,
    /// As in [`LoginOk`].
    pub server_time_ms: u64,
    /// As in [`LoginOk`].
    pub online_count: u64,
    /// As in [`LoginOk`]; they replace those that came before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ice_servers: Vec<IceServer>,
}

/// Still here.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {}

/// Answer to a [`Heartbeat`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeartbeatOk {
    /// Number of the last event sent to this session.
    pub seq: u64,
    /// Send the next heartbeat after so many milliseconds.
    pub heartbeat_ms: u64,
    /// What is left of the token's life.
    pub token_expires_in_ms: u64,
    /// Users in the room, this one included.
    pub online_count: u64,
    /// Where the credentials of the servers were renewed, which the server decides: the new list. Empty, and left out on the
    /// wire: those that came before stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ice_servers: Vec<IceServer>,
}

/// Leaves the room.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logout {}

/// Shows a new token; refused with 1102016 or 1102018 the old one stays in force.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenewToken {
    /// A token04.
    pub token: String,
}

impl std::fmt::Debug for RenewToken {
    /// Without the token: it is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RenewToken")
    }
}

/// The new token is in force. A stream that it does not allow ends by a `streamEnded` event with 1002082.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RenewTokenOk {
    /// What is left of the token's life.
    pub token_expires_in_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_without_an_instance_has_no_such_field_and_one_that_is_no_instance_is_refused() {
        let text = r#"{"versions":[1],"app_id":1,"room_id":"r","user_id":"u","token":"04"}"#;
        let mut login: Login = serde_json::from_str(text).unwrap();
        assert_eq!(login.instance, None);
        assert!(!serde_json::to_string(&login).unwrap().contains("instance"));
        login.instance = Some(InstanceId::new([1; 16]));
        let shown = serde_json::to_string(&login).unwrap();
        assert_eq!(serde_json::from_str::<Login>(&shown).unwrap(), login);
        let wrong = shown.replace(&"01".repeat(16), "everybody");
        assert!(serde_json::from_str::<Login>(&wrong).is_err());
    }
}
