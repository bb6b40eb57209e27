//! What went wrong on the way, counted: nothing is lost in silence.

use std::sync::atomic::{AtomicU64, Ordering};

/// One count; it only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(super) fn one(&self) {
        self.add(1);
    }
}

/// Counts over all rooms that one factory started.
#[derive(Debug, Default)]
pub struct Counters {
    /// Attempts to connect.
    pub attempts: Counter,
    /// Attempts that ended in a transport fault.
    pub failed_attempts: Counter,
    /// Logins that the server accepted.
    pub logins: Counter,
    /// Sessions taken up again.
    pub resumes: Counter,
    /// Sessions that the server knew no more, or that died of heartbeats without an answer.
    pub lost_sessions: Counter,
    /// Logins that went to another node while the session still stood on the one before.
    pub moves: Counter,
    /// Links lost while logged in.
    pub lost_links: Counter,
    /// Frames that are no message of the protocol; each costs its link.
    pub unreadable_frames: Counter,
    /// Results of a request that do not have the shape they must have.
    pub unreadable_results: Counter,
    /// Events and notices of a newer server, ignored.
    pub unknown_events: Counter,
    /// Events that had been seen already, ignored.
    pub repeated_events: Counter,
    /// Times that an event was missing; each costs its link.
    pub gaps: Counter,
    /// Frames that came before the login was answered, ignored.
    pub early_frames: Counter,
    /// Replies to no request that is out (late ones too), ignored.
    pub stray_replies: Counter,
    /// Requests that were not answered in time.
    pub unanswered_requests: Counter,
    /// Housekeeping requests (heartbeat, unpublish, stop play, renew token, mute stream, report quality) that the server refused.
    pub refused_requests: Counter,
    /// ICE servers beyond the limits of the protocol, ignored.
    pub refused_ice_servers: Counter,
    /// Users and streams beyond what a client keeps ([`MAX_LISTED`](super::MAX_LISTED)), ignored.
    pub unlisted: Counter,
}
