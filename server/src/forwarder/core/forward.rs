//! One packet in, one copy for each listener out.

use std::time::Instant;

use super::super::StreamKey;
use super::super::held::{Audience, Description};
use super::super::listener::Origin;
use super::Core;
use express_messages::red::CopySet;

/// One packet of a publisher, decrypted, on its way to the listeners.
pub(super) struct Incoming<'a> {
    pub(super) packet: &'a [u8],
    pub(super) description: &'a Description,
    pub(super) audience: Audience,
}

impl Core {
    /// Queues a packet for everyone of its audience who plays this stream on this shard.
    pub(super) fn forward(&mut self, key: StreamKey, incoming: &Incoming<'_>, now: Instant) {
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        let used = stream.copies.any();
        // What a packet may carry is the same for everybody and for ever; what a listener gets of that is its own.
        let possible = match &mut stream.recent {
            Some(recent) => recent.store(incoming.packet, incoming.description, used),
            None => CopySet::NONE,
        };
        let recent = stream.recent.as_deref();
        let origin = Origin {
            source: incoming.description.source,
            sequence: incoming.description.sequence,
            timestamp: incoming.description.view.timestamp,
        };
        self.forms.clear();
        let (mut sent, mut copies, mut copy_bytes) = (0, 0, 0);
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
            let Some(form) = self.forms.plain(incoming, listener.format) else {
                continue;
            };
            let Some(name) = listener.name(origin, now) else {
                continue;
            };
            if possible.is_empty() {
                sent += u64::from(listener.seal(form, name, &mut self.queue).is_some());
                continue;
            }
            let Some(wanted) = listener.copies.at(name.index).map(|wanted| wanted.and(possible)) else {
                continue;
            };
            let queued = match recent {
                Some(recent) if !wanted.is_empty() => {
                    let protected = self.forms.protected(incoming, listener.format, wanted, recent);
                    protected.and_then(|(form, added)| {
                        listener.seal(form, name, &mut self.queue)?;
                        copies += u64::from(added.copies);
                        copy_bytes += u64::from(added.bytes);
                        Some(())
                    })
                }
                _ => listener.seal(form, name, &mut self.queue),
            };
            sent += u64::from(queued.is_some());
        }
        self.counters.copies_sent.add(copies);
        self.counters.bytes_copied.add(copy_bytes);
        if sent > 0 {
            let (arrived, copies) = self.forwarded.unwrap_or((now, 0));
            self.forwarded = Some((arrived.min(now), copies.saturating_add(sent)));
        }
        self.counters.rtp_forwarded.add(sent);
        if !incoming.audience.is_late() {
            let players = stream.players.len() as u64;
            self.counters.rtp_not_forwarded.add(players.saturating_sub(sent));
        }
        self.report_to_listeners(key, incoming.description, now);
    }
}
