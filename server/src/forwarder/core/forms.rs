//! One packet in the forms that its listeners negotiated, each composed once.

use super::super::listener::Form;
use super::super::recent::RecentPackets;
use super::super::red::{Added, compose_with_copies};
use super::super::rtp::{LegFormat, compose};
use super::forward::Incoming;
use express_messages::red::CopySet;

/// Forms that are kept at a time. Clients of one kind share one; more than that many kinds are composed again and again.
const KEPT: usize = 16;

/// Buffers for the forms of a packet, used again for the next.
#[derive(Debug, Default)]
pub(super) struct Forms {
    kept: Vec<Kept>,
    used: usize,
}

#[derive(Debug)]
struct Kept {
    format: LegFormat,
    copies: CopySet,
    packet: Vec<u8>,
    /// `None`: listeners of this format cannot take the packet, or a copy is forgotten.
    header_len: Option<usize>,
    added: Added,
}

impl Forms {
    /// Forgets the forms of the packet before.
    pub(super) fn clear(&mut self) {
        self.used = 0;
    }

    /// The packet as listeners of format `to` get it; `None` if they cannot take it.
    pub(super) fn plain(&mut self, incoming: &Incoming<'_>, to: LegFormat) -> Option<Form<'_>> {
        let index = self.place(to, CopySet::NONE).unwrap_or_else(|| {
            let index = self.begin(to, CopySet::NONE);
            let kept = &mut self.kept[index];
            kept.header_len = compose(
                &mut kept.packet,
                incoming.packet,
                &incoming.description.view,
                incoming.description.payload.clone(),
                &incoming.description.format,
                &to,
            );
            index
        });
        self.kept.get(index)?.form(incoming)
    }

    /// The packet with copies out of `recent`, and what they add; `None` if such listeners cannot take it, or one of the copies
    /// is forgotten.
    pub(super) fn protected(
        &mut self,
        incoming: &Incoming<'_>,
        to: LegFormat,
        copies: CopySet,
        recent: &RecentPackets,
    ) -> Option<(Form<'_>, Added)> {
        let index = self.place(to, copies).unwrap_or_else(|| {
            let index = self.begin(to, copies);
            let kept = &mut self.kept[index];
            let packet = (incoming.packet, incoming.description);
            let composed = compose_with_copies(&mut kept.packet, packet, &to, copies, recent);
            kept.header_len = composed.map(|(header_len, _)| header_len);
            kept.added = composed.map(|(_, added)| added).unwrap_or_default();
            index
        });
        let kept = self.kept.get(index)?;
        Some((kept.form(incoming)?, kept.added))
    }

    fn place(&self, format: LegFormat, copies: CopySet) -> Option<usize> {
        let mut used = self.kept[..self.used].iter();
        used.position(|kept| kept.format == format && kept.copies == copies)
    }

    /// Where a new form is kept: the last place is given up for the next.
    fn begin(&mut self, format: LegFormat, copies: CopySet) -> usize {
        let index = self.used.min(KEPT - 1);
        if index == self.kept.len() {
            self.kept.push(Kept {
                format,
                copies,
                packet: Vec::new(),
                header_len: None,
                added: Added::default(),
            });
        }
        self.used = index + 1;
        let kept = &mut self.kept[index];
        (kept.format, kept.copies) = (format, copies);
        index
    }
}

impl Kept {
    fn form(&self, incoming: &Incoming<'_>) -> Option<Form<'_>> {
        Some(Form {
            packet: &self.packet,
            header_len: self.header_len?,
            marker: incoming.description.view.marker,
        })
    }
}
