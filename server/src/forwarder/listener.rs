//! What a shard touches of a listener for each packet, in one place.
//!
//! ICE, DTLS and the rest of a peer lie elsewhere: with a thousand listeners they would push each other out of the cache.

use std::time::Instant;

use super::copies::CopyPlan;
use super::queue::SendQueue;
use super::rebase::{Rebase, Rebased};
use super::rtp::{LegFormat, patch};
use super::srtp::Sealer;
use super::tuple::Tuple;

/// A listener's media: where its packets go, how they are numbered and sealed.
#[derive(Debug)]
pub(crate) struct Listener {
    /// The selected path of its peer; nothing is sent without one.
    pub(crate) path: Option<Tuple>,
    /// Present from the end of the DTLS handshake on.
    pub(crate) sealer: Option<Sealer>,
    pub(crate) rebase: Rebase,
    /// Those of its peer, which never change.
    pub(crate) format: LegFormat,
    pub(crate) ssrc: u32,
    pub(crate) paused: bool,
    /// It hears the stream while that is one of so many loudest.
    pub(crate) loudest: u32,
    /// As its sender reports say; they wrap.
    pub(crate) packets: u32,
    pub(crate) octets: u32,
    /// The copies of older frames that it gets.
    pub(crate) copies: CopyPlan,
}

/// Four cache lines: a larger one shows in what a packet costs.
const _: () = assert!(size_of::<Listener>() <= 256);

/// A packet in the form of one [`LegFormat`]: only what [`patch`] writes differs from listener to listener.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form<'a> {
    /// Header and payload.
    pub(crate) packet: &'a [u8],
    pub(crate) header_len: usize,
    /// The publisher's marker bit.
    pub(crate) marker: bool,
}

/// Which packet of which source it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    /// The source, unlike any other.
    pub(crate) source: u64,
    /// Its number in the source without what we leave out.
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
}

impl Listener {
    pub(crate) fn new(format: LegFormat, ssrc: u32, loudest: u32, rebase: Rebase) -> Self {
        Self {
            path: None,
            sealer: None,
            rebase,
            format,
            ssrc,
            paused: false,
            loudest,
            packets: 0,
            octets: 0,
            copies: CopyPlan::default(),
        }
    }

    /// What a packet is called for this listener. `None`: it gets none (paused, not connected, or older than what it got first).
    pub(crate) fn name(&mut self, origin: Origin, now: Instant) -> Option<Rebased> {
        if self.paused || self.sealer.is_none() || self.path.is_none() {
            return None;
        }
        self.rebase.map(origin.source, origin.sequence, origin.timestamp, now)
    }

    /// Queues a packet under the name that it has for this listener.
    ///
    /// The name's index is the nonce: the same name must always come with the same packet (a retransmission is then the
    /// same datagram bit for bit), and a name that was used never with another.
    pub(crate) fn seal(&mut self, form: Form<'_>, name: Rebased, queue: &mut SendQueue) -> Option<()> {
        let (to, ssrc) = (self.path?, self.ssrc);
        let sealer = self.sealer.as_mut()?;
        queue.push_with(to, |bytes, start| {
            bytes.extend_from_slice(form.packet);
            let marker = form.marker || name.first;
            patch(bytes.get_mut(start..)?, marker, name.sequence(), name.timestamp, ssrc);
            sealer.seal(bytes, start, form.header_len, ssrc, name.index)
        })?;
        self.packets = self.packets.wrapping_add(1);
        let octets = u32::try_from(form.packet.len() - form.header_len).unwrap_or(u32::MAX);
        self.octets = self.octets.wrapping_add(octets);
        Some(())
    }
}
