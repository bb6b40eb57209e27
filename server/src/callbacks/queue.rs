//! What waits for a business server, and when each is tried (again). Pure: the time is an argument.
//!
//! ```text
//!   push ─► lane of its room ─ due ─► next ─► (sent) ─ 2xx ──────────────────► delivered, the lane's next one is due
//!                                 ▲            │
//!                                 └─ 2, 4, 8, 16, 32 s ─ anything else ─ after the fifth retry: lost ─► the same
//! ```
//! A room's events go one behind the other, so that they arrive in their order; those of different rooms do not wait for each other.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use express_messages::ids::RoomId;

use crate::rooms::BusinessEvent;
use crate::rooms::timers::Timers;

/// Between a failed try and the next one (documented); behind the last one the event is lost.
const RETRY_AFTER: [Duration; 5] = [
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
    Duration::from_secs(32),
];

/// An event, and when it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// Unix milliseconds.
    pub(super) unix_ms: u64,
    pub(super) event: BusinessEvent,
}

/// One that is to be sent now; say by [`Queue::sent`] what became of it.
#[derive(Debug)]
pub(super) struct Delivery {
    number: u64,
    pub(super) told: Told,
}

/// What was done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) delivered: u64,
    pub(super) failed: u64,
    pub(super) lost: u64,
}

/// The events of one AppID.
#[derive(Debug)]
pub(super) struct Queue {
    lanes: HashMap<RoomId, Lane>,
    /// Lanes of which none is being sent.
    due: Timers<RoomId>,
    /// Every event by age, and its room.
    ages: BTreeMap<u64, RoomId>,
    most: usize,
    last_number: u64,
    last_tries: bool,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<(u64, Told)>,
    /// Failed tries of the first one.
    failed: usize,
    /// The first one is being sent.
    sending: bool,
}

impl Queue {
    /// - `most`: events that may wait; beyond, the oldest is lost
    pub(super) fn new(most: usize) -> Self {
        Self {
            lanes: HashMap::new(),
            due: Timers::new(),
            ages: BTreeMap::new(),
            most,
            last_number: 0,
            last_tries: false,
            counts: Counts::default(),
        }
    }

    pub(super) fn push(&mut self, now: Duration, told: Told) {
        if self.ages.len() >= self.most {
            self.lose_oldest(now);
        }
        self.last_number = self.last_number.saturating_add(1);
        let room = told.event.room_id.clone();
        self.ages.insert(self.last_number, room.clone());
        let lane = self.lanes.entry(room.clone()).or_default();
        if lane.waiting.is_empty() {
            self.due.set(room, now);
        }
        lane.waiting.push_back((self.last_number, told));
    }

    /// One that is due.
    pub(super) fn next(&mut self, now: Duration) -> Option<Delivery> {
        let room = self.due.pop_due(now)?;
        let lane = self.lanes.get_mut(&room)?;
        let (number, told) = lane.waiting.front()?.clone();
        lane.sending = true;
        Some(Delivery { number, told })
    }

    /// What became of a delivery; `true`: it was taken.
    pub(super) fn sent(&mut self, now: Duration, delivery: &Delivery, taken: bool) {
        let room = &delivery.told.event.room_id;
        let Some(lane) = self.lanes.get_mut(room) else {
            return;
        };
        lane.sending = false;
        if taken {
            add_one(&mut self.counts.delivered);
            return self.remove(now, delivery.number);
        }
        add_one(&mut self.counts.failed);
        let wait = RETRY_AFTER.get(lane.failed).filter(|_| !self.last_tries);
        lane.failed = lane.failed.saturating_add(1);
        match wait {
            Some(wait) => self.due.set(room.clone(), now.saturating_add(*wait)),
            None => {
                add_one(&mut self.counts.lost);
                self.remove(now, delivery.number);
            }
        }
    }

    /// From now on each event is tried once more, at once.
    pub(super) fn last_tries(&mut self, now: Duration) {
        self.last_tries = true;
        for (room, lane) in &self.lanes {
            if !lane.sending {
                self.due.set(room.clone(), now);
            }
        }
    }

    /// Loses whatever waits still; how many that are.
    pub(super) fn give_up(&mut self) -> usize {
        let lost = self.ages.len();
        self.counts.lost = self.counts.lost.saturating_add(lost as u64);
        self.ages.clear();
        self.lanes.clear();
        self.due = Timers::new();
        lost
    }

    /// When [`Queue::next`] has something, unless something is pushed or sent before.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.due.next()
    }

    /// Events that wait, those being sent included.
    pub(super) fn len(&self) -> usize {
        self.ages.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ages.is_empty()
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// What is on its way is not taken back.
    fn lose_oldest(&mut self, now: Duration) {
        let lanes = &self.lanes;
        let on_its_way = |number: &u64, room: &RoomId| {
            let lane = lanes.get(room).filter(|lane| lane.sending);
            let first = lane.and_then(|lane| lane.waiting.front());
            first.is_some_and(|(first, _)| first == number)
        };
        let oldest = self.ages.iter().find(|(number, room)| !on_its_way(number, room));
        if let Some(number) = oldest.map(|(number, _)| *number) {
            add_one(&mut self.counts.lost);
            self.remove(now, number);
        }
    }

    fn remove(&mut self, now: Duration, number: u64) {
        let Some(room) = self.ages.remove(&number) else {
            return;
        };
        let Some(lane) = self.lanes.get_mut(&room) else {
            return;
        };
        // It is the first one, or the second where the first is on its way.
        let place = lane.waiting.iter().position(|(waiting, _)| *waiting == number);
        lane.waiting.remove(place.unwrap_or(usize::MAX));
        if place != Some(0) {
            return;
        }
        lane.failed = 0;
        if lane.waiting.is_empty() {
            self.lanes.remove(&room);
            self.due.clear(room);
        } else {
            self.due.set(room, now);
        }
    }
}

fn add_one(count: &mut u64) {
    *count = count.saturating_add(1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rooms::{Happened, RoomClose};

    const S: Duration = Duration::from_secs(1);

    fn told(room: &str, number: u64) -> Told {
        Told {
            unix_ms: number,
            event: BusinessEvent {
                app_id: 1,
                room_id: RoomId::new(room).unwrap(),
                room_session: 1,
                happened: Happened::RoomClosed(RoomClose::Normal),
            },
        }
    }

    fn queue(most: usize, rooms: &[&str]) -> Queue {
        let mut queue = Queue::new(most);
        for (number, room) in rooms.iter().enumerate() {
            queue.push(S, told(room, number as u64));
        }
        queue
    }

    /// What is due, all at once.
    fn due(queue: &mut Queue, now: Duration) -> Vec<Delivery> {
        std::iter::from_fn(|| queue.next(now)).collect()
    }

    fn numbers(deliveries: &[Delivery]) -> Vec<u64> {
        let mut numbers: Vec<u64> = deliveries.iter().map(|delivery| delivery.told.unix_ms).collect();
        numbers.sort_unstable();
        numbers
    }

    #[test]
    fn a_server_that_fails_is_asked_again_after_2_4_8_16_and_32_seconds_and_then_the_event_is_lost() {
        let mut queue = queue(9, &["r"]);
        let mut now = S;
        let mut waits = Vec::new();
        while let Some(at) = queue.next_due() {
            waits.push((at - now).as_secs());
            now = at;
            assert!(
                queue.next(now.saturating_sub(Duration::from_millis(1))).is_none(),
                "not too early"
            );
            let delivery = queue.next(now).unwrap();
            assert!(queue.next(now + 99 * S).is_none(), "it is on its way once");
            queue.sent(now, &delivery, false);
        }
        assert_eq!(waits, [0, 2, 4, 8, 16, 32]);
        let counts = Counts {
            delivered: 0,
            failed: 6,
            lost: 1,
        };
        assert_eq!((queue.counts(), queue.len()), (counts, 0));
    }

    #[test]
    fn a_rooms_events_arrive_in_their_order_and_those_of_other_rooms_do_not_wait() {
        let mut queue = queue(9, &["a", "a", "b", "a"]);
        let first = due(&mut queue, S);
        assert_eq!(numbers(&first), [0, 2]);
        for delivery in &first {
            let failed = delivery.told.unix_ms == 0;
            queue.sent(S, delivery, !failed);
        }
        queue.push(2 * S, told("b", 4));
        assert_eq!(numbers(&due(&mut queue, 2 * S)), [4], "a waits for its first event");
        let again = due(&mut queue, 3 * S);
        assert_eq!(numbers(&again), [0]);
        queue.sent(3 * S, &again[0], true);
        let second = due(&mut queue, 3 * S);
        assert_eq!(numbers(&second), [1], "and goes on at once");
        queue.sent(3 * S, &second[0], false);
        assert_eq!(queue.next_due(), Some(5 * S), "the second event has all its retries");
    }

    #[test]
    fn when_too_many_wait_the_oldest_is_lost_and_counted_but_not_what_is_on_its_way() {
        let mut queue = queue(3, &["a", "a", "b"]);
        let sending = queue.next(S).unwrap();
        assert_eq!(sending.told.unix_ms, 0);
        queue.push(S, told("c", 3));
        assert_eq!((queue.len(), queue.counts().lost), (3, 1));
        queue.sent(S, &sending, true);
        let rest = due(&mut queue, S);
        assert_eq!(numbers(&rest), [2, 3], "1 was the oldest that waited");
        for delivery in &rest {
            queue.sent(S, delivery, false);
        }
        for number in 4..7 {
            queue.push(2 * S, told("d", number));
        }
        assert_eq!(queue.counts().lost, 3, "also one that waits for its retry");
        assert_eq!(numbers(&due(&mut queue, 2 * S)), [4]);
    }

    #[test]
    fn at_a_stop_everything_is_tried_once_more_and_what_fails_or_remains_is_counted_as_lost() {
        let mut queue = queue(9, &["a", "a", "b", "c"]);
        for delivery in due(&mut queue, S) {
            queue.sent(S, &delivery, false);
        }
        assert_eq!(queue.next_due(), Some(3 * S));
        queue.last_tries(2 * S);
        let last = due(&mut queue, 2 * S);
        assert_eq!(numbers(&last), [0, 2, 3]);
        for delivery in &last {
            let taken = delivery.told.unix_ms == 2;
            queue.sent(2 * S, delivery, taken);
        }
        assert_eq!(queue.len(), 1);
        assert_eq!(queue.give_up(), 1);
        let counts = queue.counts();
        assert_eq!((counts.delivered, counts.lost, queue.next_due()), (1, 3, None));
    }
}
