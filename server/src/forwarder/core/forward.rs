//! One packet in, one copy for each listener out.

use std::time::Instant;

use super::super::StreamKey;
use super::super::held::{Audience, Description};
use super::super::listener::Origin;
use super::Core;

/// One packet of a publisher, decrypted, on its way to the listeners.
pub(super) struct Incoming<'a> {
    pub(super) packet: &'a [u8],
    pub(super) description: &'a Description,
    pub(super) audience: Audience,
}

impl Core {
    /// Queues a packet for everyone of its audience who plays this stream on this shard.
    pub(super) fn forward(&mut self, key: StreamKey, incoming: &Incoming<'_>, now: Instant) {
        let Some(stream) = self.streams.get(&key) else {
            return;
        };
        let origin = Origin {
            source: incoming.description.source,
            sequence: incoming.description.sequence,
            timestamp: incoming.description.view.timestamp,
        };
        self.forms.clear();
        let mut sent = 0;
        for &index in &stream.players {
            let Some(listener) = self.listeners.get_mut(index).and_then(Option::as_mut) else {
                continue;
            };
            if !incoming.audience.has(listener.loudest) {
                continue;
            }
            if incoming.audience.begins_for(listener.loudest) {
                listener.rebase.pause();
            }
            let form = self.forms.of(incoming, listener.format);
            let queued = form.and_then(|form| listener.send(origin, form, &mut self.queue, now));
            sent += u64::from(queued.is_some());
        }
        if sent > 0 {
            let (arrived, copies) = self.forwarded.unwrap_or((now, 0));
            self.forwarded = Some((arrived.min(now), copies.saturating_add(sent)));
        }
        self.counters.rtp_forwarded.add(sent);
        if !incoming.audience.is_late() {
            let players = stream.players.len() as u64;
            self.counters.rtp_not_forwarded.add(players.saturating_sub(sent));
        }
    }
}
