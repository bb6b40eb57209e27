//! The conformance suite of the cluster's bus: what every implementation does, with whatever breaks under it.
//!
//! [`conformance!`](crate::conformance) makes a test of each function for one [`World`]: `suite/bus.rs` for the bus in the process, in
//! virtual time, `realtime/bus.rs` for a real nats-server.

pub mod broken;
pub mod entries;
pub mod messages;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use express_server::cluster::bus::{Bus, BusStatus, Incoming, Key, NodeName, WatchEvent};
use tokio::{sync::mpsc, time::timeout};

/// How long anything may take that takes a hundredth of it.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Within which nothing comes that should not.
pub const QUIET: Duration = Duration::from_millis(150);
/// Of entries in [`Bucket::Nodes`](express_server::cluster::bus::Bucket) in these tests.
pub const SHORT_LEASE: Duration = Duration::from_millis(1_200);

/// A broker and whatever breaks it.
#[async_trait::async_trait(?Send)]
pub trait World {
    /// A broker that runs.
    async fn new(test: &str) -> Self;
    /// A node, which may not be connected yet.
    async fn node(&self, name: &str) -> Arc<dyn Bus>;
    /// Ends the broker.
    async fn stop(&mut self);
    /// Starts it again with what it stored.
    async fn start(&mut self);
    /// Starts it again with nothing.
    async fn start_empty(&mut self);
    /// Connections stay, and nothing is answered, until [`thaw`](Self::thaw).
    async fn freeze(&mut self);
    /// See [`freeze`](Self::freeze).
    async fn thaw(&mut self);
}

/// Makes a test of each function of the suite for one [`World`], with this attribute in brackets.
#[macro_export]
macro_rules! conformance {
    ($world:ty, $attribute:tt, $($module:ident :: $test:ident),+ $(,)?) => {$(
        # $attribute
        async fn $test() {
            let world = <$world as $crate::bus::World>::new(stringify!($test)).await;
            $crate::bus::$module::$test(world).await;
        }
    )+};
}

/// The same with the whole list.
#[macro_export]
macro_rules! whole_conformance {
    ($world:ty, $attribute:tt) => {
        $crate::conformance!(
            $world,
            $attribute,
            messages::a_message_reaches_its_node_and_a_broadcast_every_other,
            messages::messages_keep_their_order,
            messages::a_request_is_answered_refused_or_ends,
            messages::what_is_too_large_is_refused_and_what_is_as_large_as_allowed_arrives,
            entries::an_entry_is_created_once_and_changed_only_by_who_knows_it,
            entries::of_many_who_write_at_once_one_wins,
            entries::keys_are_any_texts_and_a_full_read_has_them_all,
            entries::a_lease_ends_without_an_event_and_is_renewed_by_writing,
            entries::a_watch_tells_what_changes_in_its_bucket,
            entries::what_was_changed_after_a_write_is_told_by_its_keys,
            broken::without_the_broker_everything_fails_fast_and_works_again_later,
            broken::a_broker_that_lost_its_store_works_again_and_revisions_go_on,
            broken::a_frozen_broker_ends_operations_in_time,
            broken::a_watch_has_a_gap_after_an_outage_and_goes_on,
        );
    };
}

/// Waits for a status.
pub async fn until(bus: &Arc<dyn Bus>, wanted: BusStatus) {
    let mut status = bus.status();
    let seen = timeout(PATIENCE, status.wait_for(|status| *status == wanted)).await;
    assert!(seen.is_ok_and(|seen| seen.is_ok()), "{} is never {wanted:?}", bus.name());
}

/// Nodes that are connected.
pub async fn nodes<const N: usize>(world: &impl World, names: [&str; N]) -> [Arc<dyn Bus>; N] {
    let mut nodes = Vec::new();
    for name in names {
        nodes.push(world.node(name).await);
    }
    for node in &nodes {
        until(node, BusStatus::Connected).await;
    }
    nodes.try_into().expect("as many as names")
}

/// What comes next.
pub async fn next<T>(from: &mut mpsc::Receiver<T>) -> T {
    let came = timeout(PATIENCE, from.recv()).await.expect("it comes in time");
    came.expect("the channel stands")
}

/// Asserts that nothing comes.
pub async fn nothing<T: std::fmt::Debug>(from: &mut mpsc::Receiver<T>) {
    let came = timeout(QUIET, from.recv()).await;
    assert!(came.is_err(), "nothing should come: {came:?}");
}

/// The next event that is no gap.
pub async fn next_change(from: &mut mpsc::Receiver<WatchEvent>) -> WatchEvent {
    loop {
        match next(from).await {
            WatchEvent::Gap => {}
            change => return change,
        }
    }
}

/// A name.
pub fn name(text: &str) -> NodeName {
    NodeName::new(text).expect("a name")
}

/// A key of one part.
pub fn key(text: &str) -> Key {
    Key::new([text])
}

/// A payload.
pub fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

/// What a message says.
pub fn text(message: &Incoming) -> String {
    String::from_utf8_lossy(&message.payload).into_owned()
}
