//! One packet in the forms that its listeners negotiated, each composed once.

use super::super::listener::Form;
use super::super::rtp::{LegFormat, compose};
use super::forward::Incoming;

/// Forms that are kept at a time. Clients of one kind share one; more than that many kinds are composed again and again.
const KEPT: usize = 8;

/// Buffers for the forms of a packet, used again for the next.
#[derive(Debug, Default)]
pub(super) struct Forms {
    kept: Vec<Kept>,
    used: usize,
}

#[derive(Debug)]
struct Kept {
    format: LegFormat,
    packet: Vec<u8>,
    /// `None`: listeners of this format cannot take the packet.
    header_len: Option<usize>,
}

impl Forms {
    /// Forgets the forms of the packet before.
    pub(super) fn clear(&mut self) {
        self.used = 0;
    }

    /// The packet as listeners of format `to` get it; `None` if they cannot take it.
    pub(super) fn of(&mut self, incoming: &Incoming<'_>, to: LegFormat) -> Option<Form<'_>> {
        let made = self.kept[..self.used].iter().position(|kept| kept.format == to);
        let index = made.unwrap_or_else(|| self.compose(incoming, to));
        let kept = self.kept.get(index)?;
        Some(Form {
            packet: &kept.packet,
            header_len: kept.header_len?,
            marker: incoming.description.view.marker,
        })
    }

    /// Composes a form and says where it is kept: the last place is given up for the next.
    fn compose(&mut self, incoming: &Incoming<'_>, to: LegFormat) -> usize {
        let index = self.used.min(KEPT - 1);
        if index == self.kept.len() {
            self.kept.push(Kept {
                format: to,
                packet: Vec::new(),
                header_len: None,
            });
        }
        self.used = index + 1;
        let kept = &mut self.kept[index];
        kept.format = to;
        kept.header_len = compose(
            &mut kept.packet,
            incoming.packet,
            &incoming.description.view,
            incoming.description.payload.clone(),
            &incoming.description.format,
            &to,
        );
        index
    }
}
