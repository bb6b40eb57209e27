//! One stream on a shard: who sends it, who hears it.

use super::super::PeerId;
use super::super::recent::RecentPackets;
use super::reports::ReportSchedule;

/// One stream on this shard.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// Whose packets are forwarded: the newest publisher that sends.
    pub(super) publisher: Option<PeerId>,
    pub(super) publishers: usize,
    pub(super) players: Vec<usize>,
    /// From the first listener on that may ask for packets again.
    pub(super) recent: Option<Box<RecentPackets>>,
    pub(super) reports: ReportSchedule,
}

impl Stream {
    /// A listener came; `nack`: it may ask for packets again.
    pub(super) fn add_player(&mut self, index: usize, nack: bool) {
        self.players.push(index);
        self.reports.add(index);
        if nack {
            self.recent.get_or_insert_with(|| Box::new(RecentPackets::new()));
        }
    }

    /// A listener went.
    pub(super) fn remove_player(&mut self, index: usize) {
        self.players.retain(|player| *player != index);
        self.reports.remove(index);
    }

    /// Whether this publisher is the one that is heard: a newer one takes over with its first packet.
    pub(super) fn is_current(&mut self, publisher: PeerId) -> bool {
        if self.publisher.is_none_or(|current| current < publisher) {
            self.publisher = Some(publisher);
        }
        self.publisher == Some(publisher)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.players.is_empty() && self.publishers == 0
    }
}
