//! The last events of a session, for the client that comes back.

use std::collections::VecDeque;

use super::SharedEvent;

/// Numbered events, bounded; the oldest goes.
#[derive(Debug)]
pub(super) struct ReplayBuffer {
    capacity: usize,
    /// Number of the last event ever pushed.
    seq: u64,
    events: VecDeque<SharedEvent>,
}

impl ReplayBuffer {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            seq: 0,
            events: VecDeque::new(),
        }
    }

    /// Number of the last event; 0 before the first.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// Keeps an event and gives its number.
    pub(super) fn push(&mut self, event: SharedEvent) -> u64 {
        self.seq = self.seq.saturating_add(1);
        self.events.push_back(event);
        while self.events.len() > self.capacity {
            self.events.pop_front();
        }
        self.seq
    }

    /// The events after `last_seq` with their numbers; `None` if one of them is not here any more, or was never sent.
    pub(super) fn since(&self, last_seq: u64) -> Option<impl Iterator<Item = (u64, &SharedEvent)>> {
        let missing = usize::try_from(self.seq.checked_sub(last_seq)?).ok()?;
        let skipped = self.events.len().checked_sub(missing)?;
        Some((last_seq.saturating_add(1)..).zip(self.events.iter().skip(skipped)))
    }

    #[cfg(any(test, feature = "chaos"))]
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }
}

#[cfg(test)]
mod tests {
    use express_signalling::protocol::Event;

    use super::*;

    fn numbers(buffer: &ReplayBuffer, last_seq: u64) -> Option<Vec<u64>> {
        Some(buffer.since(last_seq)?.map(|(seq, _)| seq).collect())
    }

    #[test]
    fn a_gap_is_replayed_while_all_of_it_is_there() {
        let mut buffer = ReplayBuffer::new(3);
        assert_eq!(numbers(&buffer, 0), Some(vec![]));
        for _ in 0..5 {
            buffer.push(SharedEvent::new(Event::Unknown));
        }
        assert_eq!((buffer.seq(), buffer.len()), (5, 3));
        assert_eq!(numbers(&buffer, 5), Some(vec![]));
        assert_eq!(numbers(&buffer, 2), Some(vec![3, 4, 5]));
        assert_eq!(numbers(&buffer, 1), None);
        assert_eq!(numbers(&buffer, 6), None);
        assert_eq!(numbers(&buffer, u64::MAX), None);
    }

    #[test]
    fn a_buffer_of_zero_keeps_nothing_and_counts_on() {
        let mut buffer = ReplayBuffer::new(0);
        assert_eq!(buffer.push(SharedEvent::new(Event::Unknown)), 1);
        assert_eq!((numbers(&buffer, 1), numbers(&buffer, 0)), (Some(vec![]), None));
    }
}
