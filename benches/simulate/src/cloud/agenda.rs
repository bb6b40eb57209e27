//! What is to happen when: by seconds, of which only the next one is put in order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use crate::world::Event;

/// An event, and its place among those of its time.
type Due = (Duration, u64, Event);

/// Events in the order of their times; of two at one time the one with the lower number comes first.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    later: BTreeMap<u64, Vec<Due>>,
    next: BinaryHeap<Reverse<Due>>,
}

impl Agenda {
    pub(super) fn put(&mut self, at: Duration, number: u64, event: Event) {
        self.later.entry(at.as_secs()).or_default().push((at, number, event));
    }

    /// Takes the first one, if it is due.
    pub(super) fn take_due(&mut self, now: Duration) -> Option<Event> {
        while let Some(second) = self.later.first_entry().filter(|second| *second.key() <= now.as_secs()) {
            self.next.extend(second.remove().into_iter().map(Reverse));
        }
        let Reverse((at, _, event)) = *self.next.peek()?;
        (at <= now).then(|| {
            self.next.pop();
            event
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_at_their_times_in_their_order_whenever_they_were_put() {
        let ms = Duration::from_millis;
        let mut agenda = Agenda::default();
        let mut number = 0;
        let mut put = |agenda: &mut Agenda, at, room| {
            number += 1;
            agenda.put(ms(at), number, Event::Begin(room));
        };
        for (at, room) in [(2_500, 3), (900, 1), (2_100, 2), (2_500, 4), (9_000, 5)] {
            put(&mut agenda, at, room);
        }
        assert_eq!(agenda.take_due(ms(899)), None);
        assert_eq!(agenda.take_due(ms(900)), Some(Event::Begin(1)));
        assert_eq!(agenda.take_due(ms(2_200)), Some(Event::Begin(2)));
        put(&mut agenda, 2_300, 6);
        put(&mut agenda, 2_500, 7);
        let mut rest = Vec::new();
        while let Some(event) = agenda.take_due(ms(9_999)) {
            rest.push(event);
        }
        assert_eq!(rest, [6, 3, 4, 7, 5].map(Event::Begin));
    }
}
