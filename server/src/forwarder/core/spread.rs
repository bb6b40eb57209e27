//! From a publisher's packet to the shards and listeners that get it.

use std::time::Instant;

use super::super::StreamKey;
use super::super::held::{Audience, Description};
use super::super::loudness::AudioLevel;
use super::super::rtcp::SenderClock;
use super::Core;
use super::cross::{Crossing, Wants};
use super::forward::Incoming;
use super::stream::Stream;

impl Core {
    /// Sends a packet of a publisher to everyone who is to hear it, here and on other shards.
    pub(super) fn spread(&mut self, key: StreamKey, packet: &[u8], description: Description, now: Instant) {
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        let group = stream.group;
        let Some(mut held) = stream.held.take() else {
            self.deliver(key, packet, &description, Audience::ALL, now);
            return;
        };
        let level = description
            .format
            .audio_level
            .and_then(|id| description.view.audio_level(packet, id))
            .map(AudioLevel::from_byte);
        let rank = self.groups.rank(group, key, level, now);
        held.forget(description.source, now);
        held.release(rank, |packet, description, audience| {
            self.deliver(key, packet, description, audience, now);
        });
        self.deliver(key, packet, &description, held.audience(rank), now);
        held.keep(packet, description, rank, now);
        if let Some(stream) = self.streams.get_mut(&key) {
            stream.held = Some(held);
        }
    }

    /// Notes the publisher's clock for the listeners of a stream, here and on other shards.
    pub(super) fn spread_publisher_clock(&mut self, key: StreamKey, source: u64, clock: SenderClock, now: Instant) {
        for wants in self.streams.get(&key).map_or(&[][..], |stream| &stream.elsewhere) {
            if !self.neighbours.send_report(wants.shard, key, source, clock) {
                self.counters.crossing_dropped.one();
            }
        }
        self.note_publisher_clock(key, source, clock, now);
    }

    /// Takes what other shards sent, at most so much; `true` if there may be more.
    pub(crate) fn handle_crossings(&mut self, most: usize, now: Instant) -> bool {
        let mut bytes = std::mem::take(&mut self.crossed);
        let mut left = most;
        while left > 0
            && let Some(crossing) = self.neighbours.receive(&mut bytes)
        {
            left -= 1;
            match crossing {
                Crossing::Packet(packet) => {
                    let incoming = Incoming {
                        packet: &bytes,
                        description: &packet.description,
                        audience: packet.audience,
                    };
                    self.forward(packet.key, &incoming, packet.at.min(now));
                }
                Crossing::Report(key, source, clock) => self.note_publisher_clock(key, source, clock, now),
                Crossing::Wants(wants) => self.note_wants(wants),
            }
        }
        self.crossed = bytes;
        left == 0
    }

    /// Calls `wake` for each other shard that has got something since the last call.
    pub(crate) fn wake_others(&mut self, wake: impl FnMut(usize)) {
        self.neighbours.wake(wake);
    }

    /// The players of this stream on this shard are others than before.
    pub(super) fn players_changed(&mut self, key: StreamKey) {
        let own = self.neighbours.own();
        let Some(stream) = self.streams.get(&key) else {
            return;
        };
        let (wants, home) = (stream.wants(key, own), stream.home);
        if home != own {
            self.neighbours.tell(home, wants);
        } else if wants.limited {
            self.begin_ranking(wants);
        }
    }

    /// The stream's entry on this shard, made where there is none.
    pub(super) fn stream_entry(&mut self, key: StreamKey, place: super::super::peer::Placement) -> &mut Stream {
        let is_home = place.home == self.neighbours.own();
        self.streams.entry(key).or_insert_with(|| {
            let mut stream = Stream::new(place.group, place.home);
            if is_home && self.groups.enter(place.group, key) {
                stream.held = Some(Box::default());
            }
            stream
        })
    }

    /// Forgets a stream that nobody here sends or hears.
    pub(super) fn drop_stream_if_empty(&mut self, key: StreamKey) {
        if self.streams.get(&key).is_some_and(Stream::is_empty)
            && let Some(stream) = self.streams.remove(&key)
            && stream.home == self.neighbours.own()
        {
            self.groups.leave(stream.group, key);
        }
    }

    fn note_wants(&mut self, wants: Wants) {
        let place = super::super::peer::Placement {
            group: wants.group,
            home: self.neighbours.own(),
            ..Default::default()
        };
        self.stream_entry(wants.key, place).note_elsewhere(wants);
        if wants.limited {
            self.begin_ranking(wants);
        }
        self.drop_stream_if_empty(wants.key);
    }

    fn begin_ranking(&mut self, wants: Wants) {
        for key in self.groups.begin_ranking(wants.group) {
            if let Some(stream) = self.streams.get_mut(key) {
                stream.held = Some(Box::default());
            }
        }
    }

    /// Hands a packet to other shards, each once, and then to the listeners here.
    fn deliver(&mut self, key: StreamKey, packet: &[u8], description: &Description, audience: Audience, now: Instant) {
        for wants in self.streams.get(&key).map_or(&[][..], |stream| &stream.elsewhere) {
            if !audience.has_any_of(wants.most, wants.limited) {
                let missed = if audience.is_late() { 0 } else { wants.players };
                self.counters.rtp_not_forwarded.add(u64::from(missed));
            } else if self
                .neighbours
                .send_packet(wants.shard, (key, now), packet, description, audience)
            {
                self.counters.crossed.one();
            } else {
                self.counters.crossing_dropped.one();
            }
        }
        let incoming = Incoming {
            packet,
            description,
            audience,
        };
        self.forward(key, &incoming, now);
    }
}
