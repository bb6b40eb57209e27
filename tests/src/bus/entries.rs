//! What nodes remember together.

use std::time::Duration;

use bytes::Bytes;
use express_server::cluster::bus::{Bucket, BusError, Key, MAX_PAYLOAD, WatchEvent};
use tokio::time::{Instant, sleep};

use super::{PATIENCE, SHORT_LEASE, World, bytes, key, next, next_change, nodes, nothing};

/// One entry, from its creation to its end, by two nodes.
pub async fn an_entry_is_created_once_and_changed_only_by_who_knows_it(world: impl World) {
    let [a, b] = nodes(&world, ["a", "b"]).await;
    let stream = Key::new(["stream", "1", "mic"]);
    assert_eq!(a.get(Bucket::Claims, &stream).await, Ok(None));
    let first = a.create(Bucket::Claims, &stream, bytes("a's")).await.unwrap();
    let entry = b.get(Bucket::Claims, &stream).await.unwrap().unwrap();
    assert_eq!((entry.value.clone(), entry.revision), (bytes("a's"), first));
    assert_eq!(b.get(Bucket::Nodes, &stream).await, Ok(None), "the buckets are two");
    let conflict = Err(BusError::Conflict { current: Some(entry) });
    assert_eq!(b.create(Bucket::Claims, &stream, bytes("b's")).await, conflict);

    let second = b.update(Bucket::Claims, &stream, bytes("b's now"), first).await.unwrap();
    assert!(second > first);
    let late = a.update(Bucket::Claims, &stream, bytes("a's still"), first).await;
    assert!(
        matches!(&late, Err(BusError::Conflict { current: Some(entry) }) if entry.revision == second),
        "{late:?}"
    );
    let late = a.delete(Bucket::Claims, &stream, first).await;
    assert!(
        matches!(&late, Err(BusError::Conflict { current: Some(entry) }) if entry.revision == second),
        "{late:?}"
    );

    b.delete(Bucket::Claims, &stream, second).await.unwrap();
    assert_eq!(a.get(Bucket::Claims, &stream).await, Ok(None));
    let gone = BusError::Conflict { current: None };
    assert_eq!(b.delete(Bucket::Claims, &stream, second).await, Err(gone.clone()));
    assert_eq!(b.update(Bucket::Claims, &stream, bytes("b's"), second).await, Err(gone));
    let third = a.create(Bucket::Claims, &stream, bytes("a's again")).await.unwrap();
    assert!(third > second, "a revision is never used twice");
    let large = a
        .update(Bucket::Claims, &stream, Bytes::from(vec![0; MAX_PAYLOAD + 1]), third)
        .await;
    assert!(matches!(large, Err(BusError::TooLarge { .. })), "{large:?}");
    let large = vec![7; MAX_PAYLOAD];
    a.update(Bucket::Claims, &stream, large.clone().into(), third).await.unwrap();
    assert_eq!(b.get(Bucket::Claims, &stream).await.unwrap().unwrap().value, large);
}

/// Ten tasks of two nodes count on one entry; no count is lost.
pub async fn of_many_who_write_at_once_one_wins(world: impl World) {
    let [a, b] = nodes(&world, ["a", "b"]).await;
    let creations = (0..10).map(|index| {
        let bus = if index % 2 == 0 { &a } else { &b };
        async move {
            bus.create(Bucket::Claims, &key("one"), bytes(&index.to_string()))
                .await
                .is_ok()
        }
    });
    let created = futures::future::join_all(creations).await;
    assert_eq!(created.iter().filter(|created| **created).count(), 1);

    let first = a.create(Bucket::Claims, &key("count"), bytes("0")).await.unwrap();
    let counting = (0..10).map(|index| {
        let bus = if index % 2 == 0 { &a } else { &b };
        async move {
            for _ in 0..5 {
                loop {
                    let entry = bus.get(Bucket::Claims, &key("count")).await.unwrap().unwrap();
                    let count: u32 = String::from_utf8_lossy(&entry.value).parse().unwrap();
                    let more = bytes(&(count + 1).to_string());
                    match bus.update(Bucket::Claims, &key("count"), more, entry.revision).await {
                        Ok(_) => break,
                        Err(BusError::Conflict { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        }
    });
    futures::future::join_all(counting).await;
    let entry = a.get(Bucket::Claims, &key("count")).await.unwrap().unwrap();
    assert_eq!(entry.value, bytes("50"));
    assert!(entry.revision > first);
}

/// Strange keys, and more entries than one batch.
pub async fn keys_are_any_texts_and_a_full_read_has_them_all(world: impl World) {
    let [a, b] = nodes(&world, ["a", "b"]).await;
    assert_eq!(b.entries(Bucket::Claims).await, Ok(Vec::new()), "an empty bucket");
    let strange = [
        vec!["stream", "1", "a.b*c >"],
        vec!["", "ä✓", " "],
        vec!["a b"],
        vec!["a", "b"],
        vec!["A", "b"],
    ];
    let mut expected: Vec<_> = strange.into_iter().map(Key::new).collect();
    expected.extend((0..1_200).map(|index| Key::new(["many".to_owned(), index.to_string()])));
    let creations = expected
        .iter()
        .map(|key| a.create(Bucket::Claims, key, bytes(&key.to_string())));
    for created in futures::future::join_all(creations).await {
        created.unwrap();
    }
    let gone = Key::new(["gone"]);
    let revision = a.create(Bucket::Claims, &gone, bytes("?")).await.unwrap();
    a.delete(Bucket::Claims, &gone, revision).await.unwrap();
    expected.sort();
    let read = b.entries(Bucket::Claims).await.unwrap();
    assert!(read.iter().all(|(key, entry)| entry.value == bytes(&key.to_string())));
    let (keys, entries): (Vec<_>, Vec<_>) = read.into_iter().unzip();
    assert_eq!(keys, expected);
    let one = b.get(Bucket::Claims, &expected[0]).await.unwrap().unwrap();
    assert_eq!(entries[0].revision, one.revision);
    assert_eq!(b.entries(Bucket::Nodes).await, Ok(Vec::new()));
    let long = Key::new(["x".repeat(4_000)]);
    assert!(matches!(a.get(Bucket::Claims, &long).await, Err(BusError::TooLarge { .. })));
}

/// Two entries with a short lease, of which one is renewed.
pub async fn a_lease_ends_without_an_event_and_is_renewed_by_writing(world: impl World) {
    let [a, b] = nodes(&world, ["a", "b"]).await;
    assert_eq!(a.lease(Bucket::Nodes), SHORT_LEASE);
    let mut watch = b.watch(Bucket::Nodes);
    assert_eq!(next(&mut watch).await, WatchEvent::Gap);
    let left = a.create(Bucket::Nodes, &key("left"), bytes("1")).await.unwrap();
    let mut kept = a.create(Bucket::Nodes, &key("kept"), bytes("1")).await.unwrap();
    let until = Instant::now() + SHORT_LEASE * 2;
    while Instant::now() < until {
        sleep(SHORT_LEASE / 4).await;
        kept = a.update(Bucket::Nodes, &key("kept"), bytes("2"), kept).await.unwrap();
    }
    assert_eq!(b.get(Bucket::Nodes, &key("left")).await, Ok(None));
    let there = b.entries(Bucket::Nodes).await.unwrap();
    assert_eq!(there.iter().map(|(key, _)| key).collect::<Vec<_>>(), [&key("kept")]);
    assert_eq!(there[0].1.revision, kept);
    let late = a.update(Bucket::Nodes, &key("left"), bytes("2"), left).await;
    assert_eq!(
        late,
        Err(BusError::Conflict { current: None }),
        "whose lease is over starts anew"
    );
    while let Ok(event) = watch.try_recv() {
        assert!(
            matches!(event, WatchEvent::Put { .. }),
            "no event tells of the end of a lease: {event:?}"
        );
    }
    let again = a.create(Bucket::Nodes, &key("left"), bytes("3")).await.unwrap();
    assert!(again > left);
}

/// Two watches, each of its bucket.
pub async fn a_watch_tells_what_changes_in_its_bucket(world: impl World) {
    let [a, b] = nodes(&world, ["a", "b"]).await;
    let before = a.create(Bucket::Claims, &key("before"), bytes("0")).await.unwrap();
    let mut claims = b.watch(Bucket::Claims);
    let mut nodes = b.watch(Bucket::Nodes);
    assert_eq!(
        next(&mut claims).await,
        WatchEvent::Gap,
        "what is there already is read in full"
    );
    assert_eq!(next(&mut nodes).await, WatchEvent::Gap);
    assert_eq!(b.entries(Bucket::Claims).await.unwrap().len(), 1);

    let mic = Key::new(["stream", "mic"]);
    let first = a.create(Bucket::Claims, &mic, bytes("1")).await.unwrap();
    let second = b.update(Bucket::Claims, &mic, bytes("2"), first).await.unwrap();
    // What did not come to be is not told.
    a.update(Bucket::Claims, &mic, bytes("3"), first).await.unwrap_err();
    a.delete(Bucket::Claims, &mic, second).await.unwrap();
    a.delete(Bucket::Claims, &key("before"), before).await.unwrap();
    for (value, expected) in [("1", first), ("2", second)] {
        match next_change(&mut claims).await {
            WatchEvent::Put { key, entry } => {
                assert_eq!((key, entry.value, entry.revision), (mic.clone(), bytes(value), expected))
            }
            other => panic!("{other:?}"),
        }
    }
    for expected in [&mic, &key("before")] {
        match next_change(&mut claims).await {
            WatchEvent::Deleted { key, revision } => assert!(key == *expected && revision > second, "{key} {revision}"),
            other => panic!("{other:?}"),
        }
    }
    nothing(&mut claims).await;
    nothing(&mut nodes).await;
    drop(claims);
    // Whoever stops watching is no trouble to others.
    a.create(Bucket::Claims, &mic, bytes("4")).await.unwrap();
    let revision = a.create(Bucket::Nodes, &key("a"), bytes("5")).await.unwrap();
    let told = tokio::time::timeout(PATIENCE, next_change(&mut nodes)).await.unwrap();
    assert!(matches!(told, WatchEvent::Put { entry, .. } if entry.revision == revision));
    sleep(Duration::from_millis(1)).await;
}

/// What a node that was away asks for.
pub async fn what_was_changed_after_a_write_is_told_by_its_keys(world: impl World) {
    let [a, b] = nodes(&world, ["a", "b"]).await;
    let mut written = Vec::new();
    for name in ["kept", "changed", "deleted"] {
        written.push(a.create(Bucket::Claims, &key(name), bytes("1")).await.unwrap());
    }
    let [_, changed, deleted] = written[..] else {
        panic!("three were written")
    };
    assert_eq!(b.changed(Bucket::Claims, deleted, 10).await, Ok(Some(Vec::new())));
    b.create(Bucket::Claims, &key("new"), bytes("1")).await.unwrap();
    let twice = b.update(Bucket::Claims, &key("changed"), bytes("2"), changed).await.unwrap();
    b.update(Bucket::Claims, &key("changed"), bytes("3"), twice).await.unwrap();
    b.delete(Bucket::Claims, &key("deleted"), deleted).await.unwrap();
    b.create(Bucket::Orders, &key("other"), bytes("1")).await.unwrap();
    let told = a.changed(Bucket::Claims, deleted, 3).await.unwrap();
    let mut told = told.expect("they are no more than three");
    told.sort_unstable();
    assert_eq!(told, [key("changed"), key("deleted"), key("new")]);
    assert_eq!(a.changed(Bucket::Claims, deleted, 2).await, Ok(None), "they are more");
}
