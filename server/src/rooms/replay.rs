//! The last events of a session, for the client that comes back.

use std::collections::VecDeque;

use super::SharedEvent;

/// Bytes of messages kept for one session, as JSON: beside a snapshot they fit in a frame.
const MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// Numbered events, bounded; the oldest goes. Messages, which no snapshot makes up for, are kept longer than the rest.
#[derive(Debug)]
pub(super) struct ReplayBuffer {
    capacity: usize,
    /// Number of the last event ever pushed.
    seq: u64,
    events: VecDeque<SharedEvent>,
    messages: Messages,
}

#[derive(Debug)]
struct Messages {
    capacity: usize,
    kept: VecDeque<(u64, SharedEvent)>,
    bytes: usize,
    /// How many of the newest came while the client was away, and their bytes.
    waiting: usize,
    waiting_bytes: usize,
}

/// Where an event stands, and what keeping it cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pushed {
    pub(super) seq: u64,
    /// Messages that the client, being away, will never see.
    pub(super) lost: u64,
}

impl ReplayBuffer {
    /// For so many events, and so many messages beside them.
    pub(super) fn new(capacity: usize, messages: usize) -> Self {
        Self {
            capacity,
            seq: 0,
            events: VecDeque::new(),
            messages: Messages {
                capacity: messages,
                kept: VecDeque::new(),
                bytes: 0,
                waiting: 0,
                waiting_bytes: 0,
            },
        }
    }

    /// Number of the last event; 0 before the first.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// Keeps an event and gives its number. `is_connected`: it is sent at once.
    pub(super) fn push(&mut self, event: SharedEvent, is_connected: bool) -> Pushed {
        self.seq = self.seq.saturating_add(1);
        let is_message = event.event().is_message();
        self.events.push_back(event.clone());
        while self.events.len() > self.capacity {
            self.events.pop_front();
        }
        if is_connected {
            self.messages.all_sent();
        }
        let lost = match is_message {
            true => self.messages.push(self.seq, event, is_connected),
            false => 0,
        };
        Pushed { seq: self.seq, lost }
    }

    /// The events after `last_seq` with their numbers; `None` if one of them is not here any more, or was never sent.
    pub(super) fn since(&self, last_seq: u64) -> Option<impl Iterator<Item = (u64, &SharedEvent)>> {
        let missing = usize::try_from(self.seq.checked_sub(last_seq)?).ok()?;
        let skipped = self.events.len().checked_sub(missing)?;
        Some((last_seq.saturating_add(1)..).zip(self.events.iter().skip(skipped)))
    }

    /// The messages after `last_seq` that are kept, with their numbers.
    pub(super) fn messages_since(&self, last_seq: u64) -> impl Iterator<Item = (u64, &SharedEvent)> {
        let kept = self.messages.kept.iter().map(|(seq, event)| (*seq, event));
        kept.filter(move |(seq, _)| *seq > last_seq)
    }

    /// Whether half of what can be kept waits for a client that is away.
    pub(super) fn is_half_full(&self) -> bool {
        let Messages {
            capacity,
            waiting,
            waiting_bytes,
            ..
        } = self.messages;
        waiting >= capacity / 2 || waiting_bytes >= MESSAGE_BYTES / 2
    }

    #[cfg(any(test, feature = "chaos"))]
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }
}

impl Messages {
    /// The client is there: what waited was sent with its resume.
    fn all_sent(&mut self) {
        (self.waiting, self.waiting_bytes) = (0, 0);
        // What was sent a while ago arrived. Two go for each that comes, as a resume that sent them all may have failed.
        for _ in 0..2 {
            if self.kept.len() > self.capacity / 4 || self.bytes > MESSAGE_BYTES / 4 {
                self.drop_oldest();
            }
        }
    }

    fn push(&mut self, seq: u64, event: SharedEvent, is_connected: bool) -> u64 {
        self.bytes = self.bytes.saturating_add(event.size());
        if !is_connected {
            self.waiting = self.waiting.saturating_add(1);
            self.waiting_bytes = self.waiting_bytes.saturating_add(event.size());
        }
        self.kept.push_back((seq, event));
        let mut lost: u64 = 0;
        while self.kept.len() > self.capacity || self.bytes > MESSAGE_BYTES {
            lost = lost.saturating_add(u64::from(self.drop_oldest()));
        }
        lost
    }

    /// Returns whether it was one that waited.
    fn drop_oldest(&mut self) -> bool {
        let all_wait = self.waiting > 0 && self.waiting == self.kept.len();
        let Some((_, event)) = self.kept.pop_front() else {
            return false;
        };
        self.bytes = self.bytes.saturating_sub(event.size());
        if all_wait {
            self.waiting = self.waiting.saturating_sub(1);
            self.waiting_bytes = self.waiting_bytes.saturating_sub(event.size());
        }
        all_wait
    }
}

#[cfg(test)]
mod tests {
    use express_messages::types::ZegoUser;
    use express_signalling::protocol::{CustomCommand, Event};

    use super::*;

    fn numbers(buffer: &ReplayBuffer, last_seq: u64) -> Option<Vec<u64>> {
        Some(buffer.since(last_seq)?.map(|(seq, _)| seq).collect())
    }

    fn messages(buffer: &ReplayBuffer, last_seq: u64) -> Vec<u64> {
        buffer.messages_since(last_seq).map(|(seq, _)| seq).collect()
    }

    fn news() -> SharedEvent {
        SharedEvent::new(Event::Unknown)
    }

    fn message(text: &str) -> SharedEvent {
        SharedEvent::new(Event::CustomCommand(CustomCommand {
            from_user: ZegoUser::new("bob", "").unwrap(),
            command: text.into(),
        }))
    }

    #[test]
    fn a_gap_is_replayed_while_all_of_it_is_there() {
        let mut buffer = ReplayBuffer::new(3, 0);
        assert_eq!(numbers(&buffer, 0), Some(vec![]));
        for _ in 0..5 {
            buffer.push(news(), true);
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
        let mut buffer = ReplayBuffer::new(0, 0);
        assert_eq!(buffer.push(news(), true).seq, 1);
        assert_eq!((numbers(&buffer, 1), numbers(&buffer, 0)), (Some(vec![]), None));
        assert_eq!(buffer.push(message("x"), false), Pushed { seq: 2, lost: 1 });
        assert!(buffer.is_half_full());
    }

    #[test]
    fn messages_outlive_the_events_around_them() {
        let mut buffer = ReplayBuffer::new(2, 8);
        buffer.push(message("a"), false);
        for _ in 0..9 {
            buffer.push(news(), false);
        }
        buffer.push(message("b"), false);
        assert_eq!(numbers(&buffer, 0), None);
        assert_eq!(messages(&buffer, 0), [1, 11]);
        assert_eq!(messages(&buffer, 1), [11]);
    }

    #[test]
    fn a_message_that_waited_and_went_is_counted_as_lost_and_one_that_was_sent_is_not() {
        let mut buffer = ReplayBuffer::new(2, 4);
        for _ in 0..4 {
            assert_eq!(buffer.push(message("sent"), true).lost, 0);
        }
        let lost: Vec<u64> = (0..5).map(|_| buffer.push(message("waits"), false).lost).collect();
        assert_eq!(lost.iter().sum::<u64>(), 1, "{lost:?}");
        assert_eq!(messages(&buffer, 0).len(), 4);
    }

    #[test]
    fn half_full_counts_what_waits_and_ends_with_the_absence() {
        let mut buffer = ReplayBuffer::new(2, 8);
        for _ in 0..8 {
            buffer.push(message("sent"), true);
        }
        assert!(!buffer.is_half_full());
        for _ in 0..4 {
            buffer.push(message("waits"), false);
        }
        assert!(buffer.is_half_full());
        buffer.push(news(), true);
        assert!(!buffer.is_half_full());
    }

    #[test]
    fn messages_are_bounded_in_bytes_too() {
        let mut buffer = ReplayBuffer::new(2, 100_000);
        let text = "x".repeat(1024);
        for _ in 0..8_000 {
            buffer.push(message(&text), false);
        }
        let bytes: usize = buffer.messages_since(0).map(|(_, event)| event.size()).sum();
        assert!(bytes <= MESSAGE_BYTES && bytes > MESSAGE_BYTES - 2048, "{bytes}");
    }
}
