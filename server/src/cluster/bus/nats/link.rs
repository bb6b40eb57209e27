//! The connection to NATS, and whether it stands.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::client::{PublishErrorKind, RequestErrorKind};
use async_nats::jetstream::{self, context::ContextBuilder};
use async_nats::{Client, ClientError, Event, Request, ServerError, Subscriber};
use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::sleep;

use super::super::counters::Counters;
use super::super::{Bucket, BusError, BusStatus, Leases, MAX_PAYLOAD, NodeName, OPERATION_LIMIT, check_payload};
use super::buckets::BucketSlot;
use super::login;
use crate::config::ClusterConfig;

/// The connection, shared by all that runs over it.
#[derive(Debug)]
pub(super) struct Link {
    client: Client,
    pub(super) jetstream: jetstream::Context,
    prefix: String,
    pub(super) replicas: usize,
    leases: Leases,
    state: Arc<LinkState>,
    pub(super) slots: [BucketSlot; Bucket::ALL.len()],
}

/// What the client's events change.
#[derive(Debug)]
struct LinkState {
    status: watch::Sender<BusStatus>,
    /// Counts connections: what is known of the broker is good for one.
    connection: AtomicU64,
    counters: Arc<Counters>,
    /// Why the last try failed, so that it is said once.
    last_problem: Mutex<String>,
}

impl Link {
    pub(super) async fn connect(name: &NodeName, config: &ClusterConfig, leases: Leases) -> Result<Arc<Self>, BusError> {
        let options = login::options(name, config).await?;
        login::warn_of_plain_text(config);
        let (status, _) = watch::channel(BusStatus::Disconnected);
        let state = Arc::new(LinkState {
            status,
            connection: AtomicU64::new(0),
            counters: Arc::default(),
            last_problem: Mutex::default(),
        });
        let told = Arc::clone(&state);
        let options = options.event_callback(move |event| {
            told.on_event(event);
            std::future::ready(())
        });
        let client = options
            .connect(&config.nats[..])
            .await
            .map_err(|error| BusError::other(&error))?;
        let jetstream = ContextBuilder::new().timeout(OPERATION_LIMIT).build(client.clone());
        Ok(Arc::new(Self {
            client,
            jetstream,
            prefix: config.prefix.clone(),
            replicas: config.replicas,
            leases,
            state,
            slots: Default::default(),
        }))
    }

    pub(super) fn node_subject(&self, node: &NodeName) -> String {
        format!("{}.node.{node}", self.prefix)
    }

    pub(super) fn broadcast_prefix(&self) -> String {
        format!("{}.all.", self.prefix)
    }

    pub(super) fn broadcast_subject(&self, from: &NodeName) -> String {
        format!("{}{from}", self.broadcast_prefix())
    }

    pub(super) fn bucket_name(&self, bucket: Bucket) -> String {
        format!("{}_{}", self.prefix, bucket.word())
    }

    /// What the subjects begin with to which a bucket's writes are republished.
    pub(super) fn watch_prefix(&self, bucket: Bucket) -> String {
        format!("{}.kv.{}.", self.prefix, bucket.word())
    }

    pub(super) fn leases(&self) -> Leases {
        self.leases
    }

    pub(super) fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.state.counters)
    }

    pub(super) fn status(&self) -> watch::Receiver<BusStatus> {
        self.state.status.subscribe()
    }

    /// The number of the present connection.
    pub(super) fn connection(&self) -> u64 {
        self.state.connection.load(Ordering::Acquire)
    }

    /// Ends an operation that takes too long, or once there is no connection.
    pub(super) async fn limited<T>(
        &self,
        limit: Duration,
        operation: impl Future<Output = Result<T, BusError>>,
    ) -> Result<T, BusError> {
        let mut status = self.status();
        let lost = async {
            // An error is the end of the client.
            let _ = status.wait_for(|status| *status == BusStatus::Disconnected).await;
        };
        tokio::select! {
            biased;
            () = lost => Err(BusError::Unavailable),
            result = operation => result,
            () = sleep(limit) => Err(BusError::TimedOut),
        }
    }

    pub(super) async fn subscribe(&self, subject: String) -> Result<Subscriber, BusError> {
        self.client.subscribe(subject).await.map_err(|error| BusError::other(&error))
    }

    pub(super) async fn publish(&self, subject: String, payload: Bytes) -> Result<(), BusError> {
        check_payload(&payload)?;
        let bytes = payload.len();
        let publish = async {
            let published = self.client.publish(subject, payload).await;
            published.map_err(|error| match error.kind() {
                PublishErrorKind::MaxPayloadExceeded => self.too_large(bytes),
                _ => BusError::other(&error),
            })
        };
        self.limited(OPERATION_LIMIT, publish).await
    }

    pub(super) async fn request(&self, subject: String, payload: Bytes, patience: Duration) -> Result<Bytes, BusError> {
        let bytes = payload.len();
        let request = Request::new().payload(payload).timeout(Some(patience));
        let replied = self.client.send_request(subject, request).await;
        let reply = replied.map_err(|error| match error.kind() {
            RequestErrorKind::NoResponders => BusError::NoSuchNode,
            RequestErrorKind::TimedOut => BusError::TimedOut,
            RequestErrorKind::MaxPayloadExceeded => self.too_large(bytes),
            _ => BusError::other(&error),
        })?;
        check_payload(&reply.payload)?;
        Ok(reply.payload)
    }

    /// The broker was configured for less than we carry.
    pub(super) fn too_large(&self, bytes: usize) -> BusError {
        BusError::TooLarge {
            what: "payload",
            bytes,
            limit: self.client.max_payload().min(MAX_PAYLOAD),
        }
    }
}

impl LinkState {
    fn on_event(&self, event: Event) {
        match event {
            Event::Connected => {
                Counters::count(&self.counters.connects);
                self.connection.fetch_add(1, Ordering::AcqRel);
                self.status.send_replace(BusStatus::Connected);
                self.problem().clear();
                tracing::info!("the cluster's NATS is connected");
            }
            Event::Disconnected | Event::Closed => {
                self.status.send_replace(BusStatus::Disconnected);
                tracing::warn!("the cluster's NATS is not connected; it is tried for ever");
            }
            Event::ClientError(ClientError::Other(problem)) => self.say(&problem),
            Event::ServerError(ServerError::Other(problem)) => self.say(&problem),
            Event::ServerError(problem) => self.say(&problem.to_string()),
            Event::SlowConsumer(_) => Counters::count(&self.counters.inbox_dropped),
            other => tracing::debug!(event = %other, "NATS"),
        }
    }

    /// Says what is wrong, once for as long as it is.
    fn say(&self, problem: &str) {
        let mut last = self.problem();
        if *last != problem {
            tracing::warn!(problem, "the cluster's NATS");
            problem.clone_into(&mut last);
        }
    }

    fn problem(&self) -> std::sync::MutexGuard<'_, String> {
        self.last_problem.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
