//! A node's own entry in the registry, which lives only as long as it is renewed.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::bus::{Bucket, Bus, BusError, Key, Revision};
use super::state::{NodeEntry, NodeLife};

/// Writes the entry, one write after the other: the newest one that waits is enough.
#[derive(Debug)]
pub(super) struct Lease {
    entries: mpsc::Sender<Option<NodeEntry>>,
}

impl Lease {
    pub(super) fn new(bus: Arc<dyn Bus>, own: NodeLife) -> Self {
        let (entries, waiting) = mpsc::channel(4);
        actix::spawn(keep(bus, own, waiting));
        Self { entries }
    }

    /// Renews it, with what the node says of itself now. One that finds no room is followed by the next.
    pub(super) fn renew(&self, entry: &NodeEntry) {
        let _ = self.entries.try_send(Some(entry.clone()));
    }

    /// Takes it away.
    pub(super) fn end(&self) {
        let _ = self.entries.try_send(None);
    }
}

async fn keep(bus: Arc<dyn Bus>, own: NodeLife, mut waiting: mpsc::Receiver<Option<NodeEntry>>) {
    let key = Key::new([own.name.as_str()]);
    let mut known: Option<Revision> = None;
    while let Some(entry) = waiting.recv().await {
        let Some(entry) = entry else {
            if let Some(known) = known.take() {
                let _ = bus.delete(Bucket::Nodes, &key, known).await;
            }
            continue;
        };
        // Texts and numbers alone, so writing them cannot fail.
        let value: bytes::Bytes = serde_json::to_vec(&entry).unwrap_or_default().into();
        let mut written = write(&*bus, &key, value.clone(), known).await;
        if let Err(BusError::Conflict { current }) = &written {
            let other = current
                .as_ref()
                .and_then(|current| serde_json::from_slice::<NodeEntry>(&current.value).ok());
            if other.is_some_and(|other| other.node.life > own.life) {
                tracing::error!(node = %own.name, "another node has the same name: give each its own cluster.name");
                continue;
            }
            // Of an earlier life, or its time was over.
            known = current.as_ref().map(|current| current.revision);
            written = write(&*bus, &key, value, known).await;
        }
        match written {
            Ok(revision) => known = Some(revision),
            Err(error) => tracing::debug!(%error, "the node's entry was not renewed"),
        }
    }
}

async fn write(bus: &dyn Bus, key: &Key, value: bytes::Bytes, known: Option<Revision>) -> Result<Revision, BusError> {
    match known {
        Some(known) => bus.update(Bucket::Nodes, key, value, known).await,
        None => bus.create(Bucket::Nodes, key, value).await,
    }
}
