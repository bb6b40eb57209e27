//! Messages between nodes.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use express_server::cluster::bus::{Bus, BusError, MAX_PAYLOAD};
use tokio::time::{Instant, timeout};

use super::{PATIENCE, World, bytes, name, next, nodes, nothing, text};

/// Sends between three nodes.
pub async fn a_message_reaches_its_node_and_a_broadcast_every_other(world: impl World) {
    let [a, b, c] = nodes(&world, ["a", "b", "c"]).await;
    let [mut at_a, mut at_b, mut at_c] = [&a, &b, &c].map(|node| node.receive());
    settle(&[&a, &b, &c]).await;
    a.publish(&name("b"), bytes("to b")).await.unwrap();
    let message = next(&mut at_b).await;
    assert_eq!(text(&message), "to b");
    assert!(message.reply.is_none(), "nobody waits for a reply");
    b.broadcast(bytes("to all")).await.unwrap();
    assert_eq!(text(&next(&mut at_a).await), "to all");
    assert_eq!(text(&next(&mut at_c).await), "to all");
    a.publish(&name("a"), bytes("to itself")).await.unwrap();
    assert_eq!(text(&next(&mut at_a).await), "to itself");
    a.publish(&name("nobody"), bytes("lost")).await.unwrap();
    for inbox in [&mut at_a, &mut at_b, &mut at_c] {
        nothing(inbox).await;
    }
    assert_eq!(b.counters().received, 1);
    drop(c);
    // Its connection ends soon after.
    let gone =
        async { while a.request(&name("c"), bytes("?"), Duration::from_millis(100)).await != Err(BusError::NoSuchNode) {} };
    timeout(PATIENCE, gone).await.expect("who is gone is not there");
}

/// Sends many.
pub async fn messages_keep_their_order(world: impl World) {
    let [a, b] = nodes(&world, ["a", "b"]).await;
    let mut at_b = b.receive();
    settle(&[&a, &b]).await;
    for index in 0..1_000 {
        a.publish(&name("b"), bytes(&index.to_string())).await.unwrap();
    }
    for index in 0..1_000 {
        assert_eq!(text(&next(&mut at_b).await), index.to_string());
    }
}

/// Asks a node that answers, one that does not and one that is not there.
pub async fn a_request_is_answered_refused_or_ends(world: impl World) {
    let [a, b] = nodes(&world, ["a", "b"]).await;
    let mut at_b = b.receive();
    settle(&[&a, &b]).await;
    let serve = async {
        let message = next(&mut at_b).await;
        let answer = format!("{}!", text(&message));
        message.reply.expect("somebody waits").send(bytes(&answer)).await.unwrap();
    };
    let to = name("b");
    let (answer, ()) = tokio::join!(a.request(&to, bytes("ready"), PATIENCE), serve);
    assert_eq!(answer, Ok(bytes("ready!")));

    let asked = Instant::now();
    let patience = Duration::from_millis(200);
    let ignore = async { drop(next(&mut at_b).await.reply) };
    let (answer, ()) = tokio::join!(a.request(&to, bytes("ignored"), patience), ignore);
    assert_eq!(answer, Err(BusError::TimedOut));
    assert!(asked.elapsed() >= patience);

    let asked = Instant::now();
    let answer = a.request(&name("nobody"), bytes("?"), PATIENCE).await;
    assert_eq!(answer, Err(BusError::NoSuchNode));
    assert!(asked.elapsed() < PATIENCE / 2, "it is known at once");
}

/// Sends at the limit and beyond.
pub async fn what_is_too_large_is_refused_and_what_is_as_large_as_allowed_arrives(world: impl World) {
    let [a, b] = nodes(&world, ["a", "b"]).await;
    let mut at_b = b.receive();
    settle(&[&a, &b]).await;
    let payload = |size: usize| Bytes::from(vec![7; size]);
    let (most, more) = (payload(MAX_PAYLOAD), payload(MAX_PAYLOAD + 1));
    let to = name("b");
    let refused = |result: Result<(), BusError>| assert!(matches!(result, Err(BusError::TooLarge { .. })), "{result:?}");
    refused(a.publish(&to, more.clone()).await);
    refused(a.broadcast(more.clone()).await);
    refused(a.request(&to, more.clone(), PATIENCE).await.map(drop));
    nothing(&mut at_b).await;
    let serve = async {
        let request = next(&mut at_b).await;
        assert_eq!(request.payload.len(), MAX_PAYLOAD);
        request.reply.expect("somebody waits").send(request.payload).await.unwrap();
        let request = next(&mut at_b).await;
        refused(request.reply.expect("somebody waits").send(more).await);
    };
    let ask = async {
        assert_eq!(
            a.request(&to, most.clone(), PATIENCE).await.map(|reply| reply.len()),
            Ok(MAX_PAYLOAD)
        );
        let _ = timeout(Duration::from_millis(100), a.request(&to, bytes("?"), PATIENCE)).await;
    };
    tokio::join!(serve, ask);
}

/// Until each node hears of itself, which is when its subscriptions stand.
async fn settle(nodes: &[&Arc<dyn Bus>]) {
    // A round trip over the connection that carried the subscriptions before it.
    for node in nodes {
        let nobody = node.request(&name("nobody"), bytes("?"), PATIENCE).await;
        assert_eq!(nobody, Err(BusError::NoSuchNode));
    }
}
