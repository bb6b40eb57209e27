//! Datagrams on their way out: one buffer for all of them, used again and again.

use std::ops::Range;

use bytes::Bytes;

use super::tuple::{TcpLink, Tuple, Via};

/// What a shard has to send, in its order. Grows to the largest burst and allocates no more after it.
#[derive(Debug, Default)]
pub(crate) struct SendQueue {
    bytes: Vec<u8>,
    entries: Vec<(Tuple, Range<usize>)>,
    taken: usize,
    /// What goes over TCP: another thread writes it.
    for_links: Vec<(TcpLink, Bytes)>,
}

impl SendQueue {
    /// Appends a datagram.
    pub(crate) fn push(&mut self, to: Tuple, datagram: &[u8]) {
        if let Via::Tcp(link) = to.via {
            self.for_links.push((link, Bytes::copy_from_slice(datagram)));
            return;
        }
        self.begin();
        let start = self.bytes.len();
        self.bytes.extend_from_slice(datagram);
        self.entries.push((to, start..self.bytes.len()));
    }

    /// All datagrams for TCP connections.
    pub(crate) fn take_for_links(&mut self) -> impl Iterator<Item = (TcpLink, Bytes)> + '_ {
        self.for_links.drain(..)
    }

    /// Appends a datagram that `write` puts behind what is there already, from the given place on.
    ///
    /// `None` from `write`, which is handed on: there is no datagram.
    pub(crate) fn push_with(&mut self, to: Tuple, write: impl FnOnce(&mut Vec<u8>, usize) -> Option<()>) -> Option<()> {
        self.begin();
        let start = self.bytes.len();
        if write(&mut self.bytes, start).is_none() {
            self.bytes.truncate(start);
            return None;
        }
        match to.via {
            Via::Udp => self.entries.push((to, start..self.bytes.len())),
            Via::Tcp(link) => {
                let datagram = Bytes::copy_from_slice(self.bytes.get(start..).unwrap_or_default());
                self.bytes.truncate(start);
                self.for_links.push((link, datagram));
            }
        }
        Some(())
    }

    /// The next datagrams over UDP, at most `most`; they count as sent.
    pub(crate) fn take(&mut self, most: usize) -> Taken<'_> {
        let from = self.taken;
        self.taken = self.entries.len().min(from.saturating_add(most));
        Taken {
            bytes: &self.bytes,
            entries: &self.entries[from..self.taken],
        }
    }

    /// Starts over where everything was taken.
    fn begin(&mut self) {
        if self.taken == self.entries.len() {
            self.bytes.clear();
            self.entries.clear();
            self.taken = 0;
        }
    }
}

/// Some datagrams of a [`SendQueue`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken<'a> {
    bytes: &'a [u8],
    entries: &'a [(Tuple, Range<usize>)],
}

impl<'a> Taken<'a> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Datagram `index`: where it goes, and its bytes.
    pub(crate) fn get(&self, index: usize) -> Option<(Tuple, &'a [u8])> {
        let (to, range) = self.entries.get(index)?;
        Some((*to, self.bytes.get(range.clone())?))
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn a_datagram_that_cannot_be_written_leaves_nothing_behind() {
        let to = Tuple::from(SocketAddr::from(([127, 0, 0, 1], 1)));
        let mut queue = SendQueue::default();
        queue.push(to, b"first");
        let failed = queue.push_with(to, |bytes, _| {
            bytes.extend_from_slice(b"half of");
            None
        });
        assert_eq!(failed, None);
        let written = queue.push_with(to, |bytes, start| {
            assert_eq!(start, 5);
            bytes.extend_from_slice(b"second");
            Some(())
        });
        assert_eq!(written, Some(()));
        let taken = queue.take(64);
        assert_eq!((taken.len(), taken.get(1)), (2, Some((to, &b"second"[..]))));
    }

    #[test]
    fn datagrams_come_out_in_their_order_and_once() {
        let to = |port| Tuple::from(SocketAddr::from(([127, 0, 0, 1], port)));
        let mut queue = SendQueue::default();
        for port in 1..=3u8 {
            queue.push(to(u16::from(port)), &[port; 4]);
        }
        let first = queue.take(2);
        assert_eq!((first.len(), first.get(1)), (2, Some((to(2), &[2; 4][..]))));
        queue.push(to(4), &[4]);
        let rest = queue.take(64);
        assert_eq!(
            (rest.get(0), rest.get(1)),
            (Some((to(3), &[3; 4][..])), Some((to(4), &[4][..])))
        );
        assert_eq!(queue.take(64).len(), 0);
        queue.push(to(5), &[5]);
        assert_eq!(queue.take(64).get(0), Some((to(5), &[5][..])));
    }
}
