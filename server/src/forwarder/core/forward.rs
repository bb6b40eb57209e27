//! One packet in, one copy for each listener out.

use std::time::Instant;

use super::super::StreamKey;
use super::super::held::{Audience, Description};
use super::super::peer::Media;
use super::super::rtp::{LegFormat, compose, patch};
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
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        let players = std::mem::take(&mut stream.players);
        let mut written_for: Option<(LegFormat, Option<usize>)> = None;
        let mut sent = 0;
        for &index in &players {
            let Some(peer) = self.peers.get_mut(index).and_then(Option::as_deref_mut) else {
                continue;
            };
            // Listeners with the same numbers share one composed packet.
            let header_len = match written_for {
                Some((format, header_len)) if format == peer.format => header_len,
                _ => {
                    let header_len = compose(
                        &mut self.scratch,
                        incoming.packet,
                        &incoming.description.view,
                        incoming.description.payload.clone(),
                        &incoming.description.format,
                        &peer.format,
                    );
                    written_for = Some((peer.format, header_len));
                    header_len
                }
            };
            let Some(header_len) = header_len else {
                continue;
            };
            sent += u64::from(self.copy_for(index, incoming, header_len, now).is_some());
        }
        self.counters.rtp_forwarded.add(sent);
        if !incoming.audience.is_late() {
            let missed = (players.len() as u64).saturating_sub(sent);
            self.counters.rtp_not_forwarded.add(missed);
        }
        if let Some(stream) = self.streams.get_mut(&key) {
            stream.players = players;
        }
    }

    /// Queues the packet in `scratch` as this listener gets it.
    fn copy_for(&mut self, index: usize, incoming: &Incoming<'_>, header_len: usize, now: Instant) -> Option<()> {
        let peer = self.peers.get_mut(index)?.as_deref_mut()?;
        let Media::Player(playing) = &mut peer.media else {
            return None;
        };
        if !incoming.audience.has(playing.loudest) {
            return None;
        }
        if incoming.audience.begins_for(playing.loudest) {
            playing.rebase.pause();
        }
        let srtp = peer.srtp.as_mut().filter(|_| !playing.paused)?;
        let to = peer.ice.selected()?;
        let Description {
            view, source, sequence, ..
        } = incoming.description;
        let as_sent = playing.rebase.map(*source, *sequence, view.timestamp, now)?;
        let marker = view.marker || as_sent.first;
        patch(&mut self.scratch, marker, as_sent.sequence, as_sent.timestamp, peer.ssrc);
        let shape = self.shape.composed(peer.ssrc, as_sent.sequence, header_len);
        let data = srtp.protect_rtp(&self.scratch, shape)?;
        playing.packets = playing.packets.wrapping_add(1);
        let octets = u32::try_from(self.scratch.len() - header_len).unwrap_or(u32::MAX);
        playing.octets = playing.octets.wrapping_add(octets);
        self.queue.push(to, &data);
        Some(())
    }
}
