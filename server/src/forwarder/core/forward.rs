//! One packet in, one copy for each listener out.

use std::time::Instant;

use super::super::StreamKey;
use super::super::listener::Origin;
use super::super::rtp::{LegFormat, RtpView};
use super::Core;

/// One packet of a publisher, decrypted, on its way to the listeners.
pub(super) struct Incoming<'a> {
    pub(super) packet: &'a [u8],
    pub(super) view: RtpView,
    pub(super) payload: std::ops::Range<usize>,
    pub(super) format: LegFormat,
    pub(super) source: u64,
    /// Its number in the source without what we leave out.
    pub(super) sequence: u64,
}

impl Core {
    /// Queues a packet for everyone who plays this stream.
    pub(super) fn forward(&mut self, key: StreamKey, incoming: &Incoming<'_>, now: Instant) {
        let Some(stream) = self.streams.get(&key) else {
            return;
        };
        let origin = Origin {
            source: incoming.source,
            sequence: incoming.sequence,
            timestamp: incoming.view.timestamp,
        };
        self.forms.clear();
        let mut sent = 0;
        for &index in &stream.players {
            let Some(listener) = self.listeners.get_mut(index).and_then(Option::as_mut) else {
                continue;
            };
            let form = self.forms.of(incoming, listener.format);
            let queued = form.and_then(|form| listener.send(origin, form, &mut self.queue, now));
            sent += u64::from(queued.is_some());
        }
        self.counters.rtp_forwarded.add(sent);
        let players = stream.players.len() as u64;
        self.counters.rtp_not_forwarded.add(players.saturating_sub(sent));
    }
}
