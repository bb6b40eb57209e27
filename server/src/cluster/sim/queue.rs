//! What happens when: a heap of times, and the happenings in places that are used again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// Things in the order of their times; of two at one time the one that was put first comes first.
#[derive(Debug)]
pub(super) struct Queue<T> {
    heap: BinaryHeap<Reverse<(Duration, u64, usize)>>,
    places: Vec<Option<T>>,
    free: Vec<usize>,
    last: u64,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            places: Vec::new(),
            free: Vec::new(),
            last: 0,
        }
    }

    pub(super) fn put(&mut self, at: Duration, thing: T) {
        self.last += 1;
        let place = match self.free.pop() {
            Some(place) => {
                self.places[place] = Some(thing);
                place
            }
            None => {
                self.places.push(Some(thing));
                self.places.len() - 1
            }
        };
        self.heap.push(Reverse((at, self.last, place)));
    }

    /// When the first one is due.
    pub(super) fn next(&self) -> Option<Duration> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// Takes the first one, if it is due until then.
    pub(super) fn take(&mut self, until: Duration) -> Option<(Duration, T)> {
        if self.next()? > until {
            return None;
        }
        let Reverse((at, _, place)) = self.heap.pop()?;
        self.free.push(place);
        let thing = self.places[place].take()?;
        Some((at, thing))
    }
}
