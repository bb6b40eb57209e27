//! The broker stops, forgets and freezes.

use std::{sync::Arc, time::Duration};

use express_server::cluster::bus::{Bucket, Bus, BusError, BusStatus, Revision, WatchEvent};
use tokio::time::{Instant, timeout};

use super::{PATIENCE, World, bytes, key, name, next, next_change, nodes, text, until};

/// The longest that an operation may take which has no answer, with some slack for a loaded machine.
const END: Duration = Duration::from_millis(3_500);
/// Within which a node that is connected again serves.
const BACK: Duration = Duration::from_secs(5);

/// The broker is not there at first, there, away and back with its store.
pub async fn without_the_broker_everything_fails_fast_and_works_again_later(mut world: impl World) {
    world.stop().await;
    let [a, b] = [world.node("a").await, world.node("b").await];
    assert_eq!(*a.status().borrow(), BusStatus::Disconnected);
    all_is_unavailable(&a).await;
    world.start().await;
    for bus in [&a, &b] {
        until(bus, BusStatus::Connected).await;
    }
    let mut at_b = b.receive();
    let revision = a.create(Bucket::Claims, &key("k"), bytes("1")).await.unwrap();
    assert!(b.get(Bucket::Claims, &key("k")).await.unwrap().is_some());

    world.stop().await;
    for bus in [&a, &b] {
        until(bus, BusStatus::Disconnected).await;
    }
    all_is_unavailable(&a).await;
    world.start().await;
    let started = Instant::now();
    for bus in [&a, &b] {
        until(bus, BusStatus::Connected).await;
    }
    let entry = b.get(Bucket::Claims, &key("k")).await.unwrap().unwrap();
    assert_eq!((entry.value, entry.revision), (bytes("1"), revision), "the store was kept");
    b.update(Bucket::Claims, &key("k"), bytes("2"), revision).await.unwrap();
    assert!(started.elapsed() < BACK);
    // What was refused did not wait somewhere to be sent now.
    a.publish(&name("b"), bytes("new")).await.unwrap();
    assert_eq!(text(&next(&mut at_b).await), "new");
    assert!(a.counters().connects >= 2);
}

/// The broker comes back with nothing.
pub async fn a_broker_that_lost_its_store_works_again_and_revisions_go_on(mut world: impl World) {
    let [a, b] = nodes(&world, ["a", "b"]).await;
    let mut watch = b.watch(Bucket::Claims);
    assert_eq!(next(&mut watch).await, WatchEvent::Gap);
    let old = a.create(Bucket::Claims, &key("k"), bytes("1")).await.unwrap();
    let old = a.update(Bucket::Claims, &key("k"), bytes("2"), old).await.unwrap();
    world.stop().await;
    for bus in [&a, &b] {
        until(bus, BusStatus::Disconnected).await;
    }
    world.start_empty().await;
    for bus in [&a, &b] {
        until(bus, BusStatus::Connected).await;
    }
    assert_eq!(b.get(Bucket::Claims, &key("k")).await, Ok(None));
    assert_eq!(b.entries(Bucket::Claims).await, Ok(Vec::new()));
    let told = b.changed(Bucket::Claims, old, 10).await;
    assert_eq!(told, Ok(None), "that write is of another store");
    // The same number again, were the stores not told apart.
    let other = b.create(Bucket::Claims, &key("k"), bytes("b's")).await.unwrap();
    let other = b.update(Bucket::Claims, &key("k"), bytes("b's"), other).await.unwrap();
    let late = a.update(Bucket::Claims, &key("k"), bytes("a's"), old).await;
    assert!(
        matches!(&late, Err(BusError::Conflict { current: Some(entry) }) if entry.revision == other),
        "{late:?}"
    );
    assert!(other > old, "{other} fences {old}");
    let told = loop {
        match next_change(&mut watch).await {
            WatchEvent::Put { entry, .. } if entry.revision.store == other.store => break entry.revision,
            _ => {}
        }
    };
    assert!(told <= other);
}

/// The broker holds its connections and does not answer.
pub async fn a_frozen_broker_ends_operations_in_time(mut world: impl World) {
    let [a, b] = nodes(&world, ["a", "b"]).await;
    let revision = a.create(Bucket::Claims, &key("k"), bytes("1")).await.unwrap();
    world.freeze().await;
    let (k, to) = (key("k"), name("b"));
    let asked = Instant::now();
    let (read, written, all, answered) = tokio::join!(
        a.get(Bucket::Claims, &k),
        a.update(Bucket::Claims, &k, bytes("2"), revision),
        timeout(END, a.entries(Bucket::Claims)),
        a.request(&to, bytes("?"), Duration::from_secs(1)),
    );
    let ends = |error: Option<BusError>| assert!(matches!(error, Some(BusError::TimedOut | BusError::Unavailable)), "{error:?}");
    ends(read.err());
    ends(written.err());
    ends(answered.err());
    assert!(all.is_err() || all.is_ok_and(|all| all.is_err()), "a full read has more time");
    assert!(asked.elapsed() < END + Duration::from_millis(500), "{:?}", asked.elapsed());
    world.thaw().await;
    let back = async {
        while b.get(Bucket::Claims, &k).await.is_err() || a.get(Bucket::Claims, &k).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(BACK, back).await.expect("it serves again");
}

/// A watch over an outage in which something changes unseen.
pub async fn a_watch_has_a_gap_after_an_outage_and_goes_on(mut world: impl World) {
    let [a, b] = nodes(&world, ["a", "b"]).await;
    let mut watch = b.watch(Bucket::Claims);
    assert_eq!(next(&mut watch).await, WatchEvent::Gap);
    a.create(Bucket::Claims, &key("k"), bytes("1")).await.unwrap();
    assert!(matches!(next(&mut watch).await, WatchEvent::Put { .. }));
    world.stop().await;
    for bus in [&a, &b] {
        until(bus, BusStatus::Disconnected).await;
    }
    world.start().await;
    for bus in [&a, &b] {
        until(bus, BusStatus::Connected).await;
    }
    assert_eq!(next(&mut watch).await, WatchEvent::Gap);
    let revision = a.create(Bucket::Claims, &key("l"), bytes("2")).await.unwrap();
    match next_change(&mut watch).await {
        WatchEvent::Put { entry, .. } => assert_eq!(entry.revision, revision),
        other => panic!("{other:?}"),
    }
}

async fn all_is_unavailable(bus: &Arc<dyn Bus>) {
    let asked = Instant::now();
    let other = name("other");
    assert_eq!(bus.publish(&other, bytes("old")).await, Err(BusError::Unavailable));
    assert_eq!(bus.broadcast(bytes("old")).await, Err(BusError::Unavailable));
    assert_eq!(bus.request(&other, bytes("old"), PATIENCE).await, Err(BusError::Unavailable));
    assert_eq!(bus.get(Bucket::Claims, &key("k")).await, Err(BusError::Unavailable));
    assert_eq!(
        bus.create(Bucket::Claims, &key("k"), bytes("old")).await,
        Err(BusError::Unavailable)
    );
    assert_eq!(bus.entries(Bucket::Nodes).await, Err(BusError::Unavailable));
    let write = Revision { store: 1, number: 1 };
    assert_eq!(bus.changed(Bucket::Claims, write, 10).await, Err(BusError::Unavailable));
    assert!(asked.elapsed() < Duration::from_secs(2), "at once");
}
