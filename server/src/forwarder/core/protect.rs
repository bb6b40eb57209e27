//! Copies for listeners that lose packets: what they report goes in, what they get of copies changes.

use std::time::Instant;

use rtc_rtcp::reception_report::ReceptionReport;

use super::super::listener::Listener;
use super::super::peer::{Media, Playing};
use super::super::protection::{Change, Conditions, Delivered};
use super::super::{ForwarderEvent, StreamKey};
use super::Core;
use express_messages::red::CopySet;

impl Core {
    /// Decides anew on the copies of a listener.
    pub(super) fn protect(&mut self, index: usize, now: Instant) {
        let peer = self.peers.get_mut(index).and_then(Option::as_deref_mut);
        let Some((peer, listener)) = peer.zip(self.listeners.get_mut(index).and_then(Option::as_mut)) else {
            return;
        };
        let (id, by_ice) = (peer.id, peer.ice.round_trip_time());
        let Media::Player(playing) = &mut peer.media else {
            return;
        };
        let (Some(protection), Some(stream)) = (&mut playing.protection, self.streams.get_mut(&peer.stream)) else {
            return;
        };
        stream.remember();
        let conditions = Conditions {
            round_trip: playing.listening.round_trip_time(now).or(by_ice),
            runs: playing.listening.bursts.runs(now),
            tells_runs: playing.listening.bursts.has_reports(),
            frames: stream.recent.as_ref().and_then(|recent| recent.frames()),
            budget_kbit: self.limits.protection_kbit,
        };
        let was_thinned = protection.is_thinned();
        let change = protection.decide(&conditions, now);
        let is_thinned = protection.is_thinned() && !was_thinned;
        self.counters.protection_thinned.add(u64::from(is_thinned));
        let copies = match change {
            None => return,
            Some(Change::Switched(copies)) => copies,
            Some(Change::Withdrawn) => {
                self.counters.protection_withdrawn.one();
                CopySet::NONE
            }
        };
        let before = listener.copies.current();
        listener.copies.switch(copies, listener.rebase.next_index());
        stream.copies.change(before, copies);
        match (before.is_empty(), copies.is_empty()) {
            (true, false) => self.counters.protection_begun.one(),
            (false, true) => self.counters.protection_ended.one(),
            _ => {}
        }
        self.events.push_back(ForwarderEvent::CopiesChanged { peer: id, copies });
    }

    /// The same for all listeners of a stream on this shard that get copies: those that report no more are among them.
    pub(super) fn protect_all(&mut self, key: StreamKey, now: Instant) {
        let players = |core: &Self| {
            let stream = core.streams.get(&key).filter(|stream| !stream.copies.any().is_empty());
            stream.map_or(0, |stream| stream.players.len())
        };
        for position in 0..players(self) {
            let index = self
                .streams
                .get(&key)
                .and_then(|stream| stream.players.get(position))
                .copied();
            let active = |index: &usize| {
                let listener = self.listeners.get(*index).and_then(Option::as_ref);
                listener.is_some_and(|listener| !listener.copies.current().is_empty())
            };
            if let Some(index) = index.filter(active) {
                self.protect(index, now);
            }
        }
    }
}

/// Notes what a listener reports of its loss.
pub(super) fn note_loss(playing: &mut Playing, listener: &Listener, block: &ReceptionReport, now: Instant) {
    let (next, packets) = (listener.rebase.next_index(), listener.packets);
    let before = playing.at_report.replace((next, packets));
    let delivered = match before {
        Some((next_before, packets_before)) => Delivered {
            numbers: u32::try_from(next.saturating_sub(next_before)).unwrap_or(u32::MAX),
            packets: packets.wrapping_sub(packets_before),
        },
        None => Delivered {
            numbers: packets,
            packets,
        },
    };
    if block.fraction_lost > 0 && listener.format.red.is_some() {
        playing.protection.get_or_insert_with(Box::default);
    }
    if let Some(protection) = &mut playing.protection {
        protection.note(block.fraction_lost, delivered, now);
    }
}
