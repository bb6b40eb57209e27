//! A client comes back on a new socket.

use express_messages::ids::StreamId;
use express_signalling::protocol::{Resume, ResumeOk, WireError};

use super::records::SessionKey;
use super::requests::{STRIKE_GUESS, choose_version};
use super::{Now, RoomsState, ms, session_is_gone};
use crate::forwarder::StreamKey;
use crate::rooms::cloud::NodeName;
use crate::rooms::counters::count;
use crate::rooms::effect::{CloseReason, ConnectionId};

/// The node that a session's name says, before its dot; `None`: it says none.
pub(super) fn node_in(session: &str) -> Option<NodeName> {
    NodeName::new(session.split_once('.')?.0).ok()
}

impl RoomsState {
    pub(super) fn resume(&mut self, now: Now, connection: ConnectionId, resume: &Resume) -> Result<ResumeOk, WireError> {
        let version = choose_version(&resume.versions)?;
        let key = self.session_ids.get(&resume.session).copied();
        let key = key.filter(|key| {
            self.sessions
                .get(key)
                .is_some_and(|session| session.secret.is(&resume.secret))
        });
        let Some(key) = key else {
            if let Some(url) = self.node_of(&resume.session) {
                return Err(session_is_gone().at_node(url));
            }
            self.strike(now, connection, STRIKE_GUESS);
            return Err(self
                .ended
                .why(&resume.session, &resume.secret)
                .unwrap_or_else(session_is_gone));
        };
        if self.sessions.get(&key).is_some_and(|session| session.moving) {
            // A login elsewhere has taken its place, and the client has not heard the answer: it logs in once more.
            return Err(session_is_gone());
        }
        self.move_to(key, connection);
        self.heard(now, Some(key));
        self.expect_lost_media(now, key);
        let ok = self.resume_ok(now, version, key, resume.last_seq)?;
        count(match ok.missed {
            Some(_) => &mut self.counters.resumes_replayed,
            None => &mut self.counters.resumes_with_snapshot,
        });
        Ok(ok)
    }

    /// Where the node is that has a session, if its name says another than this one.
    fn node_of(&self, session: &str) -> Option<String> {
        self.cloud.as_ref()?.url_of(&node_in(session)?).cloned()
    }

    /// The newest socket of a session is its socket.
    fn move_to(&mut self, key: SessionKey, connection: ConnectionId) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let former = session.connection.replace(connection);
        if let Some(known) = self.connections.get_mut(&connection) {
            known.session = Some(key);
        }
        if let Some(former) = former {
            if let Some(known) = self.connections.get_mut(&former) {
                known.session = None;
            }
            self.close(former, CloseReason::normal("the session moved to a newer socket"));
        }
    }

    fn resume_ok(&mut self, now: Now, version: u32, key: SessionKey, last_seq: u64) -> Result<ResumeOk, WireError> {
        let ice_servers = self.begin_ice_servers(now, key);
        let session = self.session(key)?;
        let missed = session.replay.since(last_seq);
        let missed: Option<Vec<_>> = missed.map(|events| events.map(|(seq, event)| event.sequenced(seq)).collect());
        let messages = match &missed {
            Some(_) => Vec::new(),
            None => session
                .replay
                .messages_since(last_seq)
                .map(|(seq, event)| event.sequenced(seq))
                .collect(),
        };
        Ok(ResumeOk {
            version,
            messages,
            snapshot: missed.is_none().then(|| self.snapshot(session)),
            missed,
            publishing: self.stream_ids(session.publishing.iter()),
            playing: self.stream_ids(session.playing.keys()),
            heartbeat_ms: ms(self.timings.heartbeat()),
            heartbeat_timeout_ms: ms(self.timings.user_timeout()),
            token_expires_in_ms: ms(now.until(session.token.expires_at())),
            server_time_ms: now.unix_ms,
            online_count: self.online_count(&session.room),
            ice_servers,
        })
    }

    fn stream_ids<'a>(&self, keys: impl Iterator<Item = &'a StreamKey>) -> Vec<StreamId> {
        let streams = keys.filter_map(|key| self.streams.get(key));
        streams.map(|stream| stream.name.1.clone()).collect()
    }
}
