//! Three nodes and a real nats-server: a room that is larger than a node, and what its members notice when parts of the cluster fail.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use express_bench_forwarder::client::Role;
use express_bench_forwarder::crowd::Crowd;
use express_bench_forwarder::whip::{Bearer, Place, Target};
use express_tests::cluster::Cluster;
use express_tests::processes::{PATIENCE, work_folder};
use express_tests::tokens::{APP_ID, SECRET};
use express_token::Secret;

const ROOM: &str = "hall";

/// A crowd of light clients, on whichever node each is put.
fn crowd(cluster: &Cluster) -> Crowd {
    let target = Target {
        url: http(&cluster.nodes[0].url),
        bearer: Bearer::Minted {
            app_id: APP_ID,
            secret: Secret::new(SECRET).unwrap(),
        },
    };
    Crowd::new(&target, Ipv4Addr::LOCALHOST, 1).unwrap()
}

fn http(url: &str) -> String {
    url.replace("ws://", "http://")
}

fn place(cluster: &Cluster, role: Role, stream: usize, node: usize, user: String) -> Place {
    Place {
        role,
        room: ROOM.into(),
        stream: format!("voice-{stream}"),
        user,
        node: Some(http(&cluster.nodes[node].url)),
    }
}

/// One speaker on each node, and so many listeners of each of them on each node.
fn fill(cluster: &Cluster, crowd: &mut Crowd, listeners: usize) {
    let nodes = cluster.nodes.len();
    for stream in 0..nodes {
        crowd
            .join(place(cluster, Role::Publisher, stream, stream, format!("speaker-{stream}")))
            .unwrap();
    }
    crowd.settle_all("speakers", PATIENCE).unwrap();
    cluster.wait_until("every node shows every stream", |node| {
        cluster.metric(node, "express_streams") == nodes as f64
    });
    for node in 0..nodes {
        for stream in 0..nodes {
            for number in 0..listeners {
                let user = format!("listener-{node}-{stream}-{number}");
                crowd.join(place(cluster, Role::Listener, stream, node, user)).unwrap();
            }
            crowd.settle_all("listeners", PATIENCE).unwrap();
            // A room takes 200 logins a second.
            crowd.turn_for(Duration::from_millis(5) * u32::try_from(listeners).unwrap());
        }
    }
}

/// Listeners of each of three speakers on each of three nodes hear everything, and each stream crosses once to each other node.
fn everybody_hears_everybody(name: &str, listeners: usize, time: Duration) {
    let cluster = Cluster::start(&work_folder(name), 3, "");
    let mut crowd = crowd(&cluster);
    fill(&cluster, &mut crowd, listeners);
    crowd.start_sending();
    // The first packets open the relays.
    crowd.turn_for(Duration::from_secs(1));
    cluster.wait_until("the streams of both others are taken", |node| {
        cluster.metric(node, "express_relays_in") == 2.0
    });
    let crossed_before: Vec<f64> = (0..3)
        .map(|node| cluster.metric(node, "express_media_relay_packets_received_total"))
        .collect();
    crowd.begin_count();
    crowd.turn_for(time);
    let traffic = crowd.end_count();
    let [here, elsewhere] = traffic.here_and_elsewhere_us;
    println!("{} listeners on three nodes: {traffic:?}", 9 * listeners);
    println!(
        "a relay adds {:.0} us at the median ({:.0} here, {:.0} elsewhere), {:.0} us at the 99th of 100",
        elsewhere.p50 - here.p50,
        here.p50,
        elsewhere.p50,
        elsewhere.p99 - here.p99
    );
    assert!(traffic.is_perfect(), "{traffic:?}");
    let sent = time.as_secs_f64() * 50.0;
    for (node, before) in crossed_before.iter().enumerate() {
        let crossed = cluster.metric(node, "express_media_relay_packets_received_total") - before;
        println!(
            "node {}: {crossed} packets of two streams crossed, {} sent",
            node + 1,
            2.0 * sent
        );
        assert!(
            crossed > 1.8 * sent && crossed < 2.4 * sent,
            "one copy of each stream: {crossed}"
        );
        assert_eq!(cluster.metric(node, "express_relays_out"), 2.0);
        assert_eq!(cluster.metric(node, "express_media_relay_refused_total"), 0.0);
    }
}

#[test]
fn listeners_on_three_nodes_hear_all_speakers_and_each_stream_crosses_once() {
    everybody_hears_everybody("cluster-room", 12, Duration::from_secs(3));
}

/// `cargo test --release --workspace --test realtime -- --include-ignored --nocapture cluster::a_room_of_900`
#[test]
#[ignore = "a figure: half a minute of a whole machine"]
fn a_room_of_900_listeners_on_three_nodes() {
    everybody_hears_everybody("cluster-large-room", 100, Duration::from_secs(20));
}

/// The broker is killed and comes back after so long, while everybody is heard and listeners of what is known come in.
fn nobody_misses_the_broker(name: &str, listeners: usize, gone: Duration) {
    let mut cluster = Cluster::start(&work_folder(name), 3, "");
    let mut crowd = crowd(&cluster);
    fill(&cluster, &mut crowd, listeners);
    crowd.start_sending();
    crowd.turn_for(Duration::from_secs(2));
    crowd.begin_count();
    cluster.nats.kill();
    let killed = Instant::now();
    crowd.turn_for(Duration::from_secs(3));
    cluster.wait_until("the broker is missed", |node| {
        cluster.metric(node, "express_cluster_connected") == 0.0
    });
    let mut late = 0;
    while killed.elapsed() < gone {
        // Who comes now gets in, and hears what is known here.
        let place = place(&cluster, Role::Listener, late % 3, (late + 1) % 3, format!("late-{late}"));
        crowd.join(place).unwrap();
        assert!(crowd.settle(PATIENCE), "{:?}", crowd.take_problems());
        late += 1;
        crowd.turn_for(Duration::from_secs(1));
    }
    let traffic = crowd.end_count();
    println!(
        "without the broker for {:.0} s, {late} joins: {traffic:?}",
        killed.elapsed().as_secs_f64()
    );
    assert!(traffic.is_perfect(), "{traffic:?}");
    assert_eq!(crowd.take_problems(), Vec::<String>::new());
    cluster.nats.start_again();
    let back = Instant::now();
    cluster.wait_until("the broker is back", |node| {
        cluster.metric(node, "express_cluster_connected") == 1.0
    });
    println!(
        "all nodes reached the broker {:.1} s after it was back",
        back.elapsed().as_secs_f64()
    );
    crowd.join(place(&cluster, Role::Publisher, 3, 1, "newcomer".into())).unwrap();
    crowd.begin_count();
    crowd.settle_all("the newcomer", PATIENCE).unwrap();
    cluster.wait_until("every node knows all", |node| {
        cluster.metric(node, "express_streams") == 4.0 && cluster.metric(node, "express_cluster_nodes") == 3.0
    });
    println!("all agree {:.1} s after it was back", back.elapsed().as_secs_f64());
    crowd.turn_for(Duration::from_secs(2));
    let traffic = crowd.end_count();
    assert!(traffic.is_perfect(), "{traffic:?}");
}

#[test]
fn a_broker_that_is_gone_ends_no_call_and_when_it_is_back_all_agree() {
    nobody_misses_the_broker("cluster-broker", 2, Duration::from_secs(6));
}

/// `cargo test --release --workspace --test realtime -- --include-ignored --nocapture cluster::two_minutes`
#[test]
#[ignore = "a figure: two minutes and a half"]
fn two_minutes_without_the_broker_end_no_call() {
    nobody_misses_the_broker("cluster-broker-long", 33, Duration::from_secs(120));
}
