//! One packet in, one copy for each listener out.

use std::time::Instant;

use super::super::StreamKey;
use super::super::peer::Media;
use super::super::rtp::{LegFormat, RtpView, compose, patch};
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
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        if let Some(recent) = &mut stream.recent {
            let Incoming {
                packet, view, format, ..
            } = *incoming;
            let name = (incoming.source, incoming.sequence);
            recent.store(name, packet, (view, incoming.payload.clone(), format));
        }
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
                        &incoming.view,
                        incoming.payload.clone(),
                        &incoming.format,
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
        self.counters
            .rtp_not_forwarded
            .add((players.len() as u64).saturating_sub(sent));
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
        let srtp = peer.srtp.as_mut().filter(|_| !playing.paused)?;
        let to = peer.ice.selected()?;
        let view = &incoming.view;
        let as_sent = playing.rebase.map(incoming.source, incoming.sequence, view.timestamp, now)?;
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
