//! Requests that wait for their reply.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use express_messages::{
    ids::{StreamId, UserId},
    room::{RequestError, SdpAnswer, StreamRole},
};

use super::{mics::Telling, timers::after};
use crate::protocol::WireError;

/// Names whoever waits for an answer, outside the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Ticket(pub(super) u64);

/// What a waiting asker gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// The server's SDP.
    Sdp(SdpAnswer),
    /// Carried out.
    Done,
    /// The number of a broadcast.
    Broadcast(u64),
    /// The name of a barrage message.
    Barrage(String),
    /// Who did not get a command, not being there.
    Absent(Vec<UserId>),
}

/// Why a request was made, and so what its reply means.
#[derive(Clone, PartialEq)]
pub(super) enum Purpose {
    Heartbeat,
    RenewToken {
        token: String,
    },
    Publish {
        ticket: Ticket,
        stream_id: StreamId,
        telling: Telling,
    },
    Play {
        ticket: Ticket,
        stream_id: StreamId,
    },
    /// `pausePlay` or `setStreamExtraInfo`: there is nothing in the reply.
    Plain {
        ticket: Ticket,
    },
    /// `setRoomExtraInfo`; without a ticket the room sets again what was there.
    RoomInfo {
        ticket: Option<Ticket>,
        key: String,
        value: String,
    },
    Broadcast {
        ticket: Ticket,
    },
    Barrage {
        ticket: Ticket,
    },
    Command {
        ticket: Ticket,
    },
    MuteStream {
        stream_id: StreamId,
        telling: Telling,
    },
    /// `unpublish`, `stopPlay` or `reportQuality`: nobody waits for it.
    Told,
}

impl Purpose {
    /// Who waits for it.
    pub(super) fn ticket(&self) -> Option<Ticket> {
        match self {
            Self::Publish { ticket, .. }
            | Self::Play { ticket, .. }
            | Self::Plain { ticket }
            | Self::Broadcast { ticket }
            | Self::Barrage { ticket }
            | Self::Command { ticket } => Some(*ticket),
            Self::RoomInfo { ticket, .. } => *ticket,
            Self::Heartbeat | Self::RenewToken { .. } | Self::MuteStream { .. } | Self::Told => None,
        }
    }
}

struct Waiting {
    purpose: Purpose,
    deadline: Instant,
}

/// Requests that are out on the current link, by their id.
#[derive(Default)]
pub(super) struct Requests(BTreeMap<u64, Waiting>);

impl Requests {
    pub(super) fn add(&mut self, id: u64, purpose: Purpose, now: Instant, timeout: Duration) {
        let deadline = after(now, timeout);
        self.0.insert(id, Waiting { purpose, deadline });
    }

    pub(super) fn take(&mut self, id: u64) -> Option<Purpose> {
        self.0.remove(&id).map(|waiting| waiting.purpose)
    }

    /// Whether an offer of this stream is out.
    pub(super) fn ask_for(&self, role: StreamRole, id: &StreamId) -> bool {
        self.0.values().any(|waiting| match &waiting.purpose {
            Purpose::Publish { stream_id, .. } => role == StreamRole::Publish && stream_id == id,
            Purpose::Play { stream_id, .. } => role == StreamRole::Play && stream_id == id,
            _ => false,
        })
    }

    /// All that is out; the link is gone.
    pub(super) fn take_all(&mut self) -> Vec<Purpose> {
        std::mem::take(&mut self.0)
            .into_values()
            .map(|waiting| waiting.purpose)
            .collect()
    }

    /// Those that were not answered in time, the oldest first.
    pub(super) fn take_expired(&mut self, now: Instant) -> Vec<Purpose> {
        let expired: Vec<u64> = self
            .0
            .iter()
            .filter(|(_, waiting)| waiting.deadline <= now)
            .map(|(id, _)| *id)
            .collect();
        expired.into_iter().filter_map(|id| self.take(id)).collect()
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.0.values().map(|waiting| waiting.deadline).min()
    }
}

/// What a refusal on the wire means to whoever asked.
pub(super) fn refusal(error: WireError) -> RequestError {
    RequestError::Refused {
        code: error.code,
        message: error.message,
        retry_after: error.retry.map(|retry| Duration::from_millis(retry.after_ms)),
    }
}
