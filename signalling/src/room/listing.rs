//! Items by key, which remember the order in which they came.

use std::{collections::HashMap, hash::Hash};

/// Users, and streams, that a client keeps of one room. User events are meant for rooms of up to 500 users (documented);
/// the bound only keeps a broken server from filling the memory. What is beyond it is counted and not reported.
pub const MAX_LISTED: usize = 100_000;

/// Something that can be listed.
pub(super) trait Listed: PartialEq + Clone {
    /// Whether `other`, which has the same key, is the same thing, though it may say something else of itself.
    fn is(&self, other: &Self) -> bool;
}

/// Items by key.
#[derive(Debug, Clone)]
pub(super) struct Listing<K, V> {
    items: HashMap<K, (u64, V)>,
    next: u64,
}

/// What became of an item that was put into a listing.
pub(super) enum Put<V> {
    New,
    Same,
    /// The same thing said something else of itself.
    Changed(V),
    /// Another thing had this key.
    Replaced(V),
    Full,
}

impl<K: Eq + Hash + Clone, V: Listed> Listing<K, V> {
    pub(super) fn new() -> Self {
        Self {
            items: HashMap::new(),
            next: 0,
        }
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.items.get(key).map(|(_, value)| value)
    }

    pub(super) fn put(&mut self, key: K, value: V) -> Put<V> {
        let full = self.items.len() >= MAX_LISTED;
        let Some((order, old)) = self.items.get_mut(&key) else {
            if full {
                return Put::Full;
            }
            self.next += 1;
            self.items.insert(key, (self.next, value));
            return Put::New;
        };
        if *old == value {
            return Put::Same;
        }
        let same = old.is(&value);
        let old = std::mem::replace(old, value);
        if same {
            return Put::Changed(old);
        }
        self.next += 1;
        *order = self.next;
        Put::Replaced(old)
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        self.items.remove(key).map(|(_, value)| value)
    }

    /// Items of `self` that `other` has not, in the order in which they came.
    pub(super) fn missing_in(&self, other: &Self) -> Vec<V> {
        let there = |key: &K, value: &V| other.get(key).is_some_and(|other| other.is(value));
        self.ordered(|key, value| (!there(key, value)).then(|| value.clone()))
    }

    /// Items that say something else of themselves in `newer`, before and after, in the order in which they came.
    pub(super) fn changed_in(&self, newer: &Self) -> Vec<(V, V)> {
        self.ordered(|key, old| {
            let new = newer.get(key).filter(|new| *new != old && new.is(old))?;
            Some((old.clone(), new.clone()))
        })
    }

    fn ordered<T>(&self, pick: impl Fn(&K, &V) -> Option<T>) -> Vec<T> {
        let picked = self.items.iter();
        let mut picked: Vec<_> = picked
            .filter_map(|(key, (order, value))| Some((*order, pick(key, value)?)))
            .collect();
        picked.sort_unstable_by_key(|(order, _)| *order);
        picked.into_iter().map(|(_, item)| item).collect()
    }
}
