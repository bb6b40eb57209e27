//! Packets sent to a listener once more, exactly as the first time.

use std::time::Instant;

use super::super::held::Audience;
use super::super::peer::Media;
use super::Core;
use super::forward::Incoming;
use express_messages::red::CopySet;

/// Numbers of one RTCP packet that are looked at: as many packets as are remembered.
const NUMBERS_AT_ONCE: usize = 64;

/// What became of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Sent,
    /// It is forgotten, of an older source, or was never sent to this listener.
    TooOld,
    /// Beyond the listener's budget, on its way already, or not negotiated.
    Refused,
}

impl Core {
    /// Answers a NACK of a listener within its budget. RFC 4585 §6.2.1.
    pub(super) fn answer_nack(&mut self, index: usize, numbers: impl Iterator<Item = u16>, now: Instant) {
        self.counters.nacks_received.one();
        for (position, number) in numbers.enumerate() {
            self.counters.nacked_packets.one();
            let outcome = match position {
                0..NUMBERS_AT_ONCE => self.send_again(index, number, now),
                _ => Outcome::Refused,
            };
            match outcome {
                Outcome::Sent => self.counters.retransmitted.one(),
                Outcome::TooOld => self.counters.nack_too_old.one(),
                Outcome::Refused => self.counters.nack_refused.one(),
            }
        }
    }

    fn send_again(&mut self, index: usize, number: u16, now: Instant) -> Outcome {
        let peer = self.peers.get_mut(index).and_then(Option::as_deref_mut);
        let listener = self.listeners.get_mut(index).and_then(Option::as_mut);
        let (Some(peer), Some(listener)) = (peer, listener) else {
            return Outcome::Refused;
        };
        let by_ice = peer.ice.round_trip_time();
        let Media::Player(playing) = &mut peer.media else {
            return Outcome::Refused;
        };
        if !playing.nack {
            return Outcome::Refused;
        }
        let recent = self.streams.get(&peer.stream).and_then(|stream| stream.recent.as_deref());
        let found = listener.rebase.origin_of(number).and_then(|sent| {
            let recent = recent?;
            let found = recent.get(sent.source, sent.sequence)?;
            Some((recent, found, sent.name(found.description.view.timestamp)))
        });
        let Some((recent, found, name)) = found else {
            return Outcome::TooOld;
        };
        // With the copies that it had the first time, or not at all.
        let copies = match found.copies.is_empty() {
            true => Some(CopySet::NONE),
            false => listener.copies.at(name.index).map(|wanted| wanted.and(found.copies)),
        };
        let Some(copies) = copies else {
            return Outcome::TooOld;
        };
        let round_trip = playing.listening.round_trip_time(now).or(by_ice);
        if !playing.listening.admit_repair(number, listener.packets, round_trip, now) {
            return Outcome::Refused;
        }
        let incoming = Incoming {
            packet: found.packet,
            description: found.description,
            audience: Audience::ALL,
        };
        self.forms.clear();
        let form = match copies.is_empty() {
            true => self.forms.plain(&incoming, listener.format),
            false => {
                let protected = self.forms.protected(&incoming, listener.format, copies, recent);
                protected.map(|(form, _)| form)
            }
        };
        let Some(form) = form else {
            return Outcome::TooOld;
        };
        // The same name with the same packet: with GCM another plaintext under one number would give the key away (RFC 7714 §8.2).
        match listener.seal(form, name, &mut self.queue) {
            Some(()) => Outcome::Sent,
            None => Outcome::Refused,
        }
    }
}
