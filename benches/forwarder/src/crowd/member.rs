//! One client of a crowd: its connection, its socket, and where it is in its life.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use aws_lc_rs::aead::LessSafeKey;

use super::mischief::Mischief;
use crate::client::LightClient;
use crate::tally::{Tally, Traffic};
use crate::whip::{Place, Resource};

/// How a client goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Leave {
    /// By DELETE.
    Delete,
    /// By close_notify.
    Close,
    /// Without a word, as a program that is killed.
    Die,
}

/// Where a client is in its life.
#[derive(Debug)]
pub(super) enum Phase {
    /// Its POST is under way.
    Asking,
    /// It has an answer.
    Connecting,
    Connected,
    /// It will go when everything before packet `until` came, at the latest at `latest`.
    Leaving {
        until: u64,
        latest: Instant,
        how: Leave,
    },
}

/// A client with its socket.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) place: Place,
    pub(super) client: LightClient,
    pub(super) socket: UdpSocket,
    pub(super) phase: Phase,
    /// Index of its stream.
    pub(super) stream: usize,
    pub(super) resource: Option<Resource>,
    /// When the packet of its stream that came last was sent, ns since 1970; 0: none came.
    pub(super) heard_ns: u64,
    pub(super) tally: Tally,
    pub(super) asked_at: Instant,
    /// Its stream was not there yet: when it asks again.
    pub(super) ask_again: Option<Instant>,
    /// A publisher that sends: when the next packet is due.
    pub(super) next_send: Option<Instant>,
    /// And the one after it so much later.
    pub(super) send_every: Duration,
    pub(super) mischief: Mischief,
    /// Reads and answers nothing until then.
    pub(super) silent_until: Option<Instant>,
    /// Datagrams that its socket had no room for: since it was opened, and when the count began.
    pub(super) dropped: u32,
    pub(super) dropped_before: u32,
    /// Opens what the floor sends.
    pub(super) floor_key: Option<LessSafeKey>,
    /// The earliest of the crowd's timers that counts for it.
    pub(super) armed: Option<Instant>,
}

impl Member {
    pub(super) fn is_connected(&self) -> bool {
        matches!(self.phase, Phase::Connected | Phase::Leaving { .. })
    }

    /// When something is to be done for it.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        if self.silent_until.is_some() {
            return self.silent_until;
        }
        let leaving = match self.phase {
            Phase::Leaving { latest, .. } => Some(latest),
            _ => None,
        };
        let waiting = self.client.next_timeout();
        [waiting, self.next_send, self.ask_again, leaving, self.mischief.next_timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Sends what its client has to say; what the kernel does not take is lost, as on a network.
    pub(super) fn send(&self, out: &mut Vec<Vec<u8>>) {
        for datagram in out.drain(..) {
            if let Some(server) = self.client.server() {
                let _ = self.socket.send_to(&datagram, server);
            }
        }
    }

    /// Counts anew.
    pub(super) fn begin_count(&mut self, from: u64) {
        self.tally.begin(from);
        self.dropped_before = self.dropped;
    }

    /// What it got since.
    pub(super) fn traffic(&self, until: u64) -> Traffic {
        Traffic {
            own_drops: u64::from(self.dropped.wrapping_sub(self.dropped_before)),
            ..self.tally.traffic(until)
        }
    }
}
