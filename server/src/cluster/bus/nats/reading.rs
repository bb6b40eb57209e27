//! Many entries of a bucket at once: all of them, or those that have changed. A consumer of the stream tells them, which has one message
//! for each key.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use futures::StreamExt;

use super::super::counters::Counters;
use super::super::{Bucket, BusError, Entry, Key, MAX_ENTRIES, MAX_ENTRIES_BYTES, MAX_PAYLOAD, Revision};
use super::buckets::{OPERATION, Opened, broker_error};
use super::link::Link;

/// Messages that are asked for at a time.
const BATCH: usize = 500;
/// After which the broker forgets a consumer.
const READER_IDLE: Duration = Duration::from_secs(5);

impl Link {
    /// All entries.
    pub(super) async fn entries(&self, bucket: Bucket) -> Result<Vec<(Key, Entry)>, BusError> {
        match self.entries_once(bucket).await {
            // A bucket that was lost was forgotten, and is made again.
            Err(BusError::Other(_)) => self.entries_once(bucket).await,
            done => done,
        }
    }

    async fn entries_once(&self, bucket: Bucket) -> Result<Vec<(Key, Entry)>, BusError> {
        let opened = self.bucket(bucket).await?;
        let consumer = self.consumer(bucket, &opened, pull::Config::default()).await?;
        let mut entries = BTreeMap::new();
        let mut bytes = 0;
        let read = read_all(&consumer, |message, number| {
            bytes += message.payload.len();
            if entries.len() >= MAX_ENTRIES || bytes > MAX_ENTRIES_BYTES {
                return Err(BusError::Other("the bucket is too large to be read in full".into()));
            }
            self.keep(&mut entries, &opened, message, number);
            Ok(())
        });
        let read = read.await;
        end(&opened, &consumer).await;
        read.map(|()| entries.into_iter().collect())
    }

    /// See [`Bus::changed`](super::super::Bus::changed).
    pub(super) async fn changed(&self, bucket: Bucket, after: Revision, most: usize) -> Result<Option<Vec<Key>>, BusError> {
        match self.changed_once(bucket, after, most).await {
            Err(BusError::Other(_)) => self.changed_once(bucket, after, most).await,
            done => done,
        }
    }

    async fn changed_once(&self, bucket: Bucket, after: Revision, most: usize) -> Result<Option<Vec<Key>>, BusError> {
        let opened = self.bucket(bucket).await?;
        let info = match opened.store.stream.get_info().await {
            Ok(info) => info,
            Err(error) => {
                self.forget(bucket).await;
                return Err(broker_error(&error));
            }
        };
        let last = info.state.last_sequence;
        if after.store != opened.made || last < after.number {
            return Ok(None);
        }
        if last == after.number {
            return Ok(Some(Vec::new()));
        }
        let start_sequence = after.number.saturating_add(1);
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
            headers_only: true,
            ..pull::Config::default()
        };
        let consumer = self.consumer(bucket, &opened, config).await?;
        if consumer.cached_info().num_pending > most as u64 {
            end(&opened, &consumer).await;
            return Ok(None);
        }
        let mut keys = BTreeSet::new();
        let read = read_all(&consumer, |message, _| {
            keys.extend(self.key_of(&opened, message));
            Ok(())
        });
        let read = read.await;
        end(&opened, &consumer).await;
        read.map(|()| Some(keys.into_iter().collect()))
    }

    async fn consumer(&self, bucket: Bucket, opened: &Opened, config: pull::Config) -> Result<Consumer<pull::Config>, BusError> {
        let config = pull::Config {
            ack_policy: AckPolicy::None,
            inactive_threshold: READER_IDLE,
            memory_storage: true,
            num_replicas: 1,
            ..config
        };
        match opened.store.stream.create_consumer(config).await {
            Ok(consumer) => Ok(consumer),
            Err(error) => {
                self.forget(bucket).await;
                Err(broker_error(&error))
            }
        }
    }

    fn key_of(&self, opened: &Opened, message: &Message) -> Option<Key> {
        let key = message.subject.strip_prefix(&opened.store.prefix).and_then(Key::decode);
        if key.is_none() {
            Counters::count(&self.counters().refused);
        }
        key
    }

    /// A key that was written while it was read comes twice; the later one counts.
    fn keep(&self, entries: &mut BTreeMap<Key, Entry>, opened: &Opened, message: &Message, number: u64) {
        let Some(key) = self.key_of(opened, message) else {
            return;
        };
        if message.payload.len() > MAX_PAYLOAD {
            Counters::count(&self.counters().refused);
            return;
        }
        let headers = message.headers.as_ref();
        if headers.is_some_and(|headers| headers.get(OPERATION).is_some()) {
            entries.remove(&key);
            return;
        }
        let (value, revision) = (message.payload.clone(), opened.revision(number));
        entries.insert(key, Entry { value, revision });
    }
}

/// Reads all that a consumer has, each message with the number of its write.
async fn read_all(
    consumer: &Consumer<pull::Config>,
    mut take: impl FnMut(&Message, u64) -> Result<(), BusError>,
) -> Result<(), BusError> {
    loop {
        let batch = consumer.fetch().max_messages(BATCH).messages().await;
        let mut batch = batch.map_err(|error| broker_error(&error))?;
        let mut number = 0;
        while let Some(message) = batch.next().await {
            let message = message.map_err(|error| broker_error(&*error))?;
            let info = message.info().map_err(|error| broker_error(&*error))?;
            number += 1;
            take(&message, info.stream_sequence)?;
        }
        if number < BATCH {
            return Ok(());
        }
    }
}

/// The broker forgets a consumer anyway, later.
async fn end(opened: &Opened, consumer: &Consumer<pull::Config>) {
    let _ = opened.store.stream.delete_consumer(&consumer.cached_info().name).await;
}
