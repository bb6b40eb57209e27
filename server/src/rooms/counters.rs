//! What rooms count, so that nothing is refused or lost in silence.

use std::collections::BTreeMap;

use serde::Serialize;

/// Totals since the start, and what is there now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RoomsCounters {
    /// Now: open sockets.
    pub connections: usize,
    /// Now: sessions, silent ones included.
    pub sessions: usize,
    /// Now: rooms.
    pub rooms: usize,
    /// Now: streams, those not yet announced included.
    pub streams: usize,
    /// Now: resources of WHIP and WHEP.
    pub hosted: usize,
    /// Resources of WHIP and WHEP made.
    pub hosted_begun: u64,
    /// ICE sessions begun anew by PATCH.
    pub ice_restarts: u64,
    /// Logins accepted, those by WHIP and WHEP included.
    pub logins: u64,
    /// Sessions taken up again with the events that were missed.
    pub resumes_replayed: u64,
    /// Sessions taken up again with a snapshot, because the gap was too long.
    pub resumes_with_snapshot: u64,
    /// Sessions ended by logout.
    pub logouts: u64,
    /// Sessions ended by silence.
    pub heartbeat_timeouts: u64,
    /// Sessions ended by a later login of the same user.
    pub repeat_logins: u64,
    /// Sessions ended by the expiry of their token.
    pub token_kicks: u64,
    /// Streams announced to a room.
    pub streams_announced: u64,
    /// Media connections of publishers replaced by the same session.
    pub republishes: u64,
    /// Streams ended because their media did not come back.
    pub streams_lost: u64,
    /// Plays begun.
    pub plays: u64,
    /// Events sent or kept for a silent session.
    pub events: u64,
    /// Broadcast messages taken.
    pub broadcasts: u64,
    /// Barrage messages taken.
    pub barrage_messages: u64,
    /// Of these, lost because too many of the room were waiting.
    pub barrage_messages_dropped: u64,
    /// Custom commands taken.
    pub custom_commands: u64,
    /// Quality reports taken.
    pub quality_reports: u64,
    /// Notices for open sockets.
    pub notices: u64,
    /// Of these, left out because the reader was slow.
    pub notices_dropped: u64,
    /// Requests refused, by code.
    pub refused: BTreeMap<i32, u64>,
    /// Sockets closed for what they sent: too many bad frames, or no login in time.
    pub closed_for_conduct: u64,
    /// Sockets closed because their reader was too slow.
    pub slow_readers: u64,
    /// Media events about connections that were already forgotten.
    pub late_media_events: u64,
}

impl RoomsCounters {
    pub(super) fn refuse(&mut self, code: i32) {
        let count = self.refused.entry(code).or_default();
        *count = count.saturating_add(1);
    }
}

/// Adds one.
pub(super) fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}
