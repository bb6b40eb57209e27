//! One stream on a shard: who sends it, who hears it.

use super::super::PeerId;

/// One stream on this shard.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// Whose packets are forwarded: the newest publisher that sends.
    pub(super) publisher: Option<PeerId>,
    pub(super) publishers: usize,
    /// Ascending: their listeners are walked through in the order in which they lie in memory.
    pub(super) players: Vec<usize>,
}

impl Stream {
    /// Whether this publisher is the one that is heard: a newer one takes over with its first packet.
    pub(super) fn is_current(&mut self, publisher: PeerId) -> bool {
        if self.publisher.is_none_or(|current| current < publisher) {
            self.publisher = Some(publisher);
        }
        self.publisher == Some(publisher)
    }

    pub(super) fn add_player(&mut self, index: usize) {
        let place = self.players.partition_point(|player| *player < index);
        self.players.insert(place, index);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.players.is_empty() && self.publishers == 0
    }
}
