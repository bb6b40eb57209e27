//! STUN and TURN servers that a client may reach the media plane by.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One STUN or TURN server, in the shape of `RTCIceServer` (W3C WebRTC 1.0, section 4.2.4), so that a page hands it on as it is.
///
/// The newest list that a client got is the one that counts, for each media connection that it begins from then on. An empty
/// list, which is left out on the wire, means that there is nothing beside the server's own candidates.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServer {
    /// Where it is: URIs of RFC 7064 (`stun:`) and RFC 7065 (`turn:`, `turns:`); at least one.
    pub urls: Vec<String>,
    /// Who asks, to a TURN server (RFC 8489 section 9.2); `None` for STUN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password that goes with it. A secret, though mostly one that expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

impl fmt::Debug for IceServer {
    /// Without the credential: it is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServer")
            .field("urls", &self.urls)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_not_shown_and_a_stun_server_has_none_on_the_wire() {
        let turn = IceServer {
            urls: vec!["turn:turn.example.com".into()],
            username: Some("1767312000:alice".into()),
            credential: Some("hidden".into()),
        };
        assert!(!format!("{turn:?}").contains("hidden"));
        let stun: IceServer = serde_json::from_str(r#"{"urls":["stun:stun.example.com"]}"#).unwrap();
        assert_eq!(serde_json::to_string(&stun).unwrap(), r#"{"urls":["stun:stun.example.com"]}"#);
    }
}
