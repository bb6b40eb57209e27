//! What rooms count, so that nothing is refused or lost in silence.

use std::collections::BTreeMap;

use serde::Serialize;

macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
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
            /// Requests refused, by code.
            pub refused: BTreeMap<i32, u64>,
            $($(#[doc = $doc])* pub $name: u64,)*
        }

        impl RoomsCounters {
            /// Every total but the refusals: its name, what it counts, its value. `/metrics` shows them so.
            pub fn each(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
                [$((stringify!($name), concat!($($doc),*).trim_ascii(), self.$name)),*].into_iter()
            }
        }
    };
}

counters! {
    /// Resources of WHIP and WHEP made.
    hosted_begun,
    /// ICE sessions begun anew by PATCH.
    ice_restarts,
    /// Logins accepted, those by WHIP and WHEP included.
    logins,
    /// Logins by WHIP.
    whip_logins,
    /// Logins by WHEP.
    whep_logins,
    /// Sessions taken up again with the events that were missed.
    resumes_replayed,
    /// Sessions taken up again with a snapshot, because the gap was too long.
    resumes_with_snapshot,
    /// Sessions ended by logout.
    logouts,
    /// Sessions ended by silence.
    heartbeat_timeouts,
    /// Sessions ended by a later login of the same user.
    repeat_logins,
    /// Sessions ended by the expiry of their token.
    token_kicks,
    /// Sessions ended by the server API.
    kicks,
    /// Rooms closed by the server API.
    rooms_closed,
    /// Kicks forgotten before their time, because there were too many: tokens made before them count again.
    revocations_forgotten,
    /// Streams announced to a room.
    streams_announced,
    /// Media connections of publishers replaced by the same session.
    republishes,
    /// Streams ended because their media did not come back.
    streams_lost,
    /// Offers of publishers answered, those by WHIP and those of a stream that was there already included.
    publishes,
    /// Of these, by WHIP.
    whip_publishes,
    /// Plays begun, those by WHEP included.
    plays,
    /// Of these, by WHEP.
    whep_plays,
    /// Events sent or kept for a silent session.
    events,
    /// Broadcast messages taken.
    broadcasts,
    /// Barrage messages taken.
    barrage_messages,
    /// Of these, lost because too many of the room were waiting.
    barrage_messages_dropped,
    /// Custom commands taken.
    custom_commands,
    /// Changes of the extra info of rooms.
    room_infos,
    /// Messages to users who were away, lost because too many waited.
    messages_lost,
    /// Commands not taken for a user who was away, because too many messages waited; the sender was told.
    commands_not_kept,
    /// Quality reports taken.
    quality_reports,
    /// Notices for open sockets.
    notices,
    /// Of these, left out because the reader was slow.
    notices_dropped,
    /// Sockets closed for what they sent: too many bad frames, or no login in time.
    closed_for_conduct,
    /// Sockets closed because their reader was too slow.
    slow_readers,
    /// Media events about connections that were already forgotten.
    late_media_events,
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
