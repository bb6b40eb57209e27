//! How long a stream without media waits for its publisher.

use express_messages::codes;
use express_messages::types::StreamDeleteReason;

use super::records::{Session, SessionKey, Timer};
use super::{Now, RoomsState};
use crate::forwarder::StreamKey;
use crate::rooms::counters::count;

impl RoomsState {
    /// Gives the publisher its time to connect again. What is left to a user has its own deadline.
    pub(super) fn expect_media(&mut self, now: Now, key: StreamKey) {
        if self.streams.get(&key).is_some_and(|stream| stream.owner.is_some()) {
            let until = now.mono.saturating_add(self.timings.media_grace());
            self.timers.set(Timer::Stream(key), until);
        }
    }

    /// The deadline of a stream is over.
    pub(super) fn stream_due(&mut self, now: Now, key: StreamKey) {
        let Some(stream) = self.streams.get(&key) else {
            return;
        };
        // A deadline that was met by now finds the media there.
        if stream.origin.is_some() {
            // It was handed over, and is not seen on the other node.
            return self.end_stream(key, StreamDeleteReason::RepeatLogin, None);
        }
        let Some(owner) = stream.owner else {
            return self.end_stream(key, StreamDeleteReason::HeartbeatTimeout, None);
        };
        if stream.media.is_some() || stream.next.is_some() {
            return;
        }
        // A silent publisher has the time of its session; one that is connecting has that of the media plane.
        match self.sessions.get(&owner) {
            None => {}
            Some(session) if session.is_silent() => {}
            // Its socket may be half-open, and the client as far away as the media is: it has the time of its session, too,
            // which is over before this deadline. When it is heard it has the time of a publisher without media.
            Some(session) if self.is_quiet(now, session) => {
                let until = now.mono.saturating_add(self.timings.user_timeout());
                self.timers.set(Timer::Stream(key), until);
            }
            Some(_) => {
                count(&mut self.counters.streams_lost);
                let why = (codes::PUBLISHER_SESSION_CLOSED, "the media connection was lost");
                self.end_stream(key, StreamDeleteReason::Offline, Some(why));
            }
        }
    }

    /// Whether a session with a socket was not heard for longer than media may be away.
    pub(super) fn is_quiet(&self, now: Now, session: &Session) -> bool {
        !session.hosted && session.last_heard.saturating_add(self.timings.media_grace()) < now.mono
    }

    /// Streams whose media went while the client was away get their time now.
    pub(super) fn expect_lost_media(&mut self, now: Now, key: SessionKey) {
        let Some(session) = self.sessions.get(&key) else {
            return;
        };
        let until = now.mono.saturating_add(self.timings.media_grace());
        for stream_key in &session.publishing {
            if self
                .streams
                .get(stream_key)
                .is_some_and(|stream| stream.announced.is_some() && stream.media.is_none())
            {
                self.timers.set(Timer::Stream(*stream_key), until);
            }
        }
    }
}
