//! Buckets in JetStream: opened or made when first used, and again with each connection.

use std::error::Error;

use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use async_nats::jetstream::context::{self, PublishError, PublishErrorKind};
use async_nats::jetstream::kv::Store;
use async_nats::jetstream::stream::{self, DiscardPolicy, LastRawMessageErrorKind, Republish, StorageType};
use async_nats::{HeaderMap, client};
use bytes::Bytes;
use tokio::sync::Mutex;

use super::super::{Bucket, BusError, Entry, Revision};
use super::link::Link;

/// The header that tells a deletion, and what it says.
pub(super) const OPERATION: &str = "KV-Operation";
const DELETION: &str = "DEL";
/// A key that others create and delete meanwhile is tried so often.
const TRIES: usize = 3;

/// A bucket as it was opened.
#[derive(Debug, Clone)]
pub(super) struct Opened {
    pub(super) store: Store,
    /// See [`Revision::store`].
    pub(super) made: u64,
    connection: u64,
}

/// Where an opened bucket is kept.
pub(super) type BucketSlot = Mutex<Option<Opened>>;

/// What a key last had.
enum Last {
    Nothing,
    /// A deletion, by the write of this number.
    Deletion(u64),
    Entry(Entry),
}

impl Opened {
    /// The revision of a write of this number.
    pub(super) fn revision(&self, number: u64) -> Revision {
        Revision {
            store: self.made,
            number,
        }
    }

    fn subject(&self, key: &str) -> String {
        format!("{}{key}", self.store.prefix)
    }
}

impl Link {
    /// The bucket, which is made where the broker has none.
    pub(super) async fn bucket(&self, bucket: Bucket) -> Result<Opened, BusError> {
        let mut slot = self.slots[bucket as usize].lock().await;
        let connection = self.connection();
        if let Some(opened) = slot.as_ref().filter(|opened| opened.connection == connection) {
            return Ok(opened.clone());
        }
        let store = self.open(bucket).await?;
        let millis = store.stream.cached_info().created.unix_timestamp_nanos() / 1_000_000;
        let opened = Opened {
            store,
            made: u64::try_from(millis).unwrap_or_default(),
            connection,
        };
        *slot = Some(opened.clone());
        Ok(opened)
    }

    /// The bucket is not as it was: the next to use it opens it again.
    pub(super) async fn forget(&self, bucket: Bucket) {
        *self.slots[bucket as usize].lock().await = None;
    }

    async fn open(&self, bucket: Bucket) -> Result<Store, BusError> {
        let name = self.bucket_name(bucket);
        if let Ok(store) = self.jetstream.get_key_value(&name).await {
            self.check_bucket(bucket, &store);
            return Ok(store);
        }
        // Not by `create_key_value`: that reads the account first, whose description by server 2.9 the client does not understand.
        let made = self.jetstream.create_stream(self.stream_config(bucket)).await;
        match (self.jetstream.get_key_value(&name).await, made) {
            (Ok(store), made) => {
                // Else another node made it just now.
                if made.is_ok() {
                    tracing::info!(bucket = name, "the cluster's bucket was made");
                }
                Ok(store)
            }
            (Err(_), Err(error)) => Err(broker_error(&error)),
            (Err(error), Ok(_)) => Err(broker_error(&error)),
        }
    }

    /// As key-value tools make a bucket, and republished.
    fn stream_config(&self, bucket: Bucket) -> stream::Config {
        let name = self.bucket_name(bucket);
        let subjects = format!("$KV.{name}.>");
        stream::Config {
            name: format!("KV_{name}"),
            description: Some("Express Audio".into()),
            subjects: vec![subjects.clone()],
            republish: Some(Republish {
                source: subjects,
                destination: format!("{}>", self.watch_prefix(bucket)),
                headers_only: false,
            }),
            max_messages_per_subject: 1,
            max_age: self.leases().of(bucket),
            storage: StorageType::File,
            discard: DiscardPolicy::New,
            allow_rollup: true,
            deny_delete: true,
            allow_direct: true,
            num_replicas: self.replicas,
            ..stream::Config::default()
        }
    }

    /// Says where a bucket that is there is not what this node would have made.
    fn check_bucket(&self, bucket: Bucket, store: &Store) {
        let (is, wanted) = (&store.stream.cached_info().config, self.stream_config(bucket));
        let same = is.max_age == wanted.max_age && is.num_replicas == wanted.num_replicas && is.republish == wanted.republish;
        if !same {
            tracing::warn!(
                bucket = store.name,
                lease = ?is.max_age,
                replicas = is.num_replicas,
                watched = is.republish == wanted.republish,
                "the cluster's bucket was made with other settings than this node has; they stay"
            );
        }
    }

    /// The entry of an encoded key.
    pub(super) async fn get(&self, bucket: Bucket, key: &str) -> Result<Option<Entry>, BusError> {
        match self.get_once(bucket, key).await {
            // A bucket that was lost was forgotten, and is made again.
            Err(BusError::Other(_)) => self.get_once(bucket, key).await,
            done => done,
        }
    }

    async fn get_once(&self, bucket: Bucket, key: &str) -> Result<Option<Entry>, BusError> {
        let opened = self.bucket(bucket).await?;
        match self.last(bucket, &opened, key).await? {
            Last::Entry(entry) => Ok(Some(entry)),
            Last::Nothing | Last::Deletion(_) => Ok(None),
        }
    }

    /// What a key last had, as the leader of the stream knows it.
    async fn last(&self, bucket: Bucket, opened: &Opened, key: &str) -> Result<Last, BusError> {
        let read = opened
            .store
            .stream
            .get_last_raw_message_by_subject(&opened.subject(key))
            .await;
        match read {
            Ok(message) if message.headers.get(OPERATION).is_some() => Ok(Last::Deletion(message.sequence)),
            Ok(message) => Ok(Last::Entry(Entry {
                value: message.payload,
                revision: opened.revision(message.sequence),
            })),
            Err(error) => match error.kind() {
                LastRawMessageErrorKind::NoMessageFound => Ok(Last::Nothing),
                _ => {
                    self.forget(bucket).await;
                    Err(broker_error(&error))
                }
            },
        }
    }

    /// Writes the entry of an encoded key (`None`: takes it away) where the present one has the revision `expected`.
    pub(super) async fn write(
        &self,
        bucket: Bucket,
        key: &str,
        value: Option<Bytes>,
        expected: Option<Revision>,
    ) -> Result<Revision, BusError> {
        for _ in 0..TRIES {
            let opened = self.bucket(bucket).await?;
            let mut number = expected.map_or(0, |revision| revision.number);
            // A revision of a store that was lost says nothing about this one.
            let mut known = expected.is_none_or(|revision| revision.store == opened.made);
            for _ in 0..TRIES {
                if known {
                    match self.store(&opened, key, value.clone(), number).await {
                        Ok(number) => return Ok(opened.revision(number)),
                        Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => {}
                        Err(error) => {
                            self.forget(bucket).await;
                            if error.kind() == PublishErrorKind::StreamNotFound {
                                break;
                            }
                            return Err(self.write_error(&error, value.as_ref()));
                        }
                    }
                }
                match self.last(bucket, &opened, key).await? {
                    Last::Entry(current) => return Err(BusError::Conflict { current: Some(current) }),
                    _ if expected.is_some() => return Err(BusError::Conflict { current: None }),
                    Last::Deletion(deletion) => number = deletion,
                    Last::Nothing => number = 0,
                }
                known = true;
            }
        }
        Err(BusError::Unavailable)
    }

    async fn store(&self, opened: &Opened, key: &str, value: Option<Bytes>, last: u64) -> Result<u64, PublishError> {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, last.to_string());
        if value.is_none() {
            headers.insert(OPERATION, DELETION);
        }
        let subject = opened.subject(key);
        let sent = self
            .jetstream
            .publish_with_headers(subject, headers, value.unwrap_or_default());
        Ok(sent.await?.await?.sequence)
    }

    fn write_error(&self, error: &PublishError, value: Option<&Bytes>) -> BusError {
        match error.kind() {
            PublishErrorKind::MaxPayloadExceeded => self.too_large(value.map_or(0, Bytes::len)),
            PublishErrorKind::TimedOut => BusError::TimedOut,
            _ => broker_error(error),
        }
    }
}

/// An error of a broker that may not have JetStream at the moment.
pub(super) fn broker_error(error: &(dyn Error + 'static)) -> BusError {
    let mut sources = std::iter::successors(Some(error), |error| (*error).source());
    sources.find_map(asked).unwrap_or_else(|| BusError::other(error))
}

/// What one of the errors says about the request that was made.
fn asked(error: &(dyn Error + 'static)) -> Option<BusError> {
    let api = error.downcast_ref::<context::RequestError>().map(|error| match error.kind() {
        context::RequestErrorKind::NoResponders => Some(BusError::Unavailable),
        context::RequestErrorKind::TimedOut => Some(BusError::TimedOut),
        _ => None,
    });
    let core = error.downcast_ref::<client::RequestError>().map(|error| match error.kind() {
        client::RequestErrorKind::NoResponders => Some(BusError::Unavailable),
        client::RequestErrorKind::TimedOut => Some(BusError::TimedOut),
        _ => None,
    });
    api.or(core).flatten()
}
