//! Figures of three nodes under 300 users: what a node's death and a rolling restart cost. Minutes of a whole machine, so only on
//! demand: `cargo test --release --workspace --test realtime -- --include-ignored --test-threads=1 --nocapture cluster_large`

use std::time::{Duration, Instant};

use express_messages::types::RoomStateChangedReason;
use express_tests::cluster::Cluster;
use express_tests::members::Members;
use express_tests::processes::{PATIENCE, work_folder};

const USERS: usize = 300;
/// From the death of a node until its last user is back.
const BACK_WITHIN: Duration = Duration::from_secs(10);

/// 300 users in 30 rooms, each room on all three nodes; nothing of their coming is left to be told.
async fn fill(cluster: &Cluster) -> Members {
    let members = Members::login_at(&cluster.urls(), USERS).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let all: f64 = (0..3).map(|node| cluster.metric(node, "express_users")).sum();
    assert_eq!(all, USERS as f64);
    members.take_others_changed();
    members
}

#[test]
#[ignore = "a figure: half a minute"]
fn a_third_of_300_users_is_back_after_their_node_was_killed_and_the_others_saw_nothing() {
    let mut cluster = Cluster::start(&work_folder("cluster-third"), 3, "");
    actix_rt::System::new().block_on(async {
        let mut members = fill(&cluster).await;
        let killed = Instant::now();
        cluster.nodes[0].process.kill();
        let back = members.told(USERS / 3, RoomStateChangedReason::Reconnected, PATIENCE).await;
        let mut after: Vec<Duration> = back.iter().map(|at| at.saturating_duration_since(killed)).collect();
        after.sort_unstable();
        let (first, middle, last) = (after[0], after[after.len() / 2], after[after.len() - 1]);
        println!("{} users are back on other nodes: first {first:.1?}, median {middle:.1?}, last {last:.1?}", after.len());
        // Until long after the node was missed.
        tokio::time::sleep(Duration::from_secs(20)).await;
        let seen = members.take_others_changed();
        println!("others were told {seen} times that somebody came or went");
        assert_eq!(seen, 0);
        assert!(last < BACK_WITHIN, "{last:?}");
    });
}

#[test]
#[ignore = "a figure: a minute"]
fn a_rolling_restart_under_300_users_is_seen_by_nobody() {
    let cluster = Cluster::start(&work_folder("cluster-rolling-300"), 3, "[timings]\ndrain_s = 20\n");
    actix_rt::System::new().block_on(async {
        let mut members = fill(&cluster).await;
        members.take_changes();
        let began = Instant::now();
        // Its members move on this thread, so it is another one that waits for the node.
        let restarted = tokio::task::spawn_blocking(move || restart_all(cluster)).await;
        let cluster = restarted.expect("all nodes are back");
        println!("all three nodes restarted in {:.1} s", began.elapsed().as_secs_f64());
        tokio::time::sleep(Duration::from_secs(5)).await;
        let all: f64 = (0..3).map(|node| cluster.metric(node, "express_users")).sum();
        let (changes, seen) = (members.take_changes(), members.take_others_changed());
        println!("{all} users, {} changes of a room's state, {seen} times others came or went", changes.len());
        assert_eq!((all, changes.len(), seen), (USERS as f64, 0, 0), "{changes:?}");
    });
}

fn restart_all(mut cluster: Cluster) -> Cluster {
    for node in 0..cluster.nodes.len() {
        let asked = Instant::now();
        cluster.nodes[node].process.terminate();
        assert!(cluster.nodes[node].process.wait(PATIENCE).success());
        let drained = asked.elapsed();
        cluster.nodes[node].restart();
        cluster.wait_until_whole();
        println!("node {} ended in {:.1} s, back after {:.1} s", node + 1, drained.as_secs_f64(), asked.elapsed().as_secs_f64());
    }
    cluster
}
