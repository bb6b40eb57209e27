//! Orders of business servers in the registry: written by the node that took them, read in full by each node that connects.

use bytes::Bytes;

use super::bus::{Bucket, Bus, BusError, Entry, Key};
use super::state::order_key;
use crate::rooms::admin::AdminOrder;

/// How often a write is tried against other nodes'.
const TRIES: usize = 4;

/// Writes an order, unless a later one about the same is there.
///
/// # Errors
/// [`BusError`]: it is not there.
pub(super) async fn keep(bus: &dyn Bus, order: &AdminOrder) -> Result<(), BusError> {
    let key = Key::new(order_key(order));
    // Texts and numbers alone, so writing them cannot fail.
    let value: Bytes = serde_json::to_vec(order).unwrap_or_default().into();
    let mut known = bus.get(Bucket::Orders, &key).await?;
    for _ in 0..TRIES {
        let written = match &known {
            Some(entry) if read(entry).is_some_and(|other| other.at_ms > order.at_ms) => return Ok(()),
            Some(entry) => bus.update(Bucket::Orders, &key, value.clone(), entry.revision).await,
            None => bus.create(Bucket::Orders, &key, value.clone()).await,
        };
        match written {
            Err(BusError::Conflict { current }) => known = current,
            written => return written.map(|_| ()),
        }
    }
    Err(BusError::Conflict { current: known })
}

/// Reads all; what is no order is passed over.
///
/// # Errors
/// [`BusError`]: they could not be read.
pub(super) async fn read_all(bus: &dyn Bus) -> Result<Vec<AdminOrder>, BusError> {
    let entries = bus.entries(Bucket::Orders).await?;
    Ok(entries.iter().filter_map(|(_, entry)| read(entry)).collect())
}

fn read(entry: &Entry) -> Option<AdminOrder> {
    serde_json::from_slice(&entry.value).ok()
}
