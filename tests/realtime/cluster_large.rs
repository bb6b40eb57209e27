//! Figures of three nodes under 300 users: what a node's death and a rolling restart cost. Minutes of a whole machine, so only on
//! demand: `cargo test --release --workspace --test realtime -- --include-ignored --test-threads=1 --nocapture cluster_large`

use std::time::{Duration, Instant};

use express_messages::types::RoomStateChangedReason;
use express_tests::callers::{Caller, assert_nothing_noticed, assert_tones, call, longest_silence};
use express_tests::cluster::Cluster;
use express_tests::members::Members;
use express_tests::processes::{PATIENCE, work_folder};

/// Those of signalling alone.
const USERS: usize = 300;
/// Engines among them whose silence is measured, each of whom listens to two others.
const CALLERS: usize = 12;
/// From the death of a node until its last user is back.
const BACK_WITHIN: Duration = Duration::from_secs(10);
/// What a member who moves is not heard.
const MOVES_WITHIN: Duration = Duration::from_secs(1);

/// Users in 30 rooms of ten and one of twelve, each room on all three nodes; nothing of their coming is left to be told.
async fn fill(cluster: &Cluster) -> (Members, Vec<Caller>) {
    let urls = cluster.urls();
    let members = Members::login_at(&urls, USERS).await;
    // Engines have threads of their own, and their calls block.
    let callers = tokio::task::spawn_blocking(move || call(&urls, CALLERS, 2)).await;
    let mut callers = callers.expect("all are in the call");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(users(cluster), (USERS + CALLERS) as f64);
    members.take_others_changed();
    callers.iter_mut().for_each(Caller::forget);
    (members, callers)
}

/// Those who are logged in, on all nodes together.
fn users(cluster: &Cluster) -> f64 {
    (0..3).map(|node| cluster.metric(node, "express_users")).sum()
}

#[test]
#[ignore = "a figure: half a minute"]
fn a_third_of_300_users_is_back_after_their_node_was_killed_and_the_others_saw_nothing() {
    let mut cluster = Cluster::start(&work_folder("cluster-third"), 3, "");
    actix_rt::System::new().block_on(async {
        let (mut members, mut callers) = fill(&cluster).await;
        let killed = Instant::now();
        cluster.nodes[0].process.kill();
        let back = members.told(USERS / 3, RoomStateChangedReason::Reconnected, PATIENCE).await;
        let mut after: Vec<Duration> = back.iter().map(|at| at.saturating_duration_since(killed)).collect();
        after.sort_unstable();
        let (first, middle, last) = (after[0], after[after.len() / 2], after[after.len() - 1]);
        println!(
            "{} users are back on other nodes: first {first:.1?}, median {middle:.1?}, last {last:.1?}",
            after.len()
        );
        // Until long after the node was missed.
        tokio::time::sleep(Duration::from_secs(20)).await;
        let seen = members.take_others_changed();
        let was_there = |number: usize| number % 3 == 0;
        let of_its_users = longest_silence(&callers, killed, |one, other| was_there(one) || was_there(other));
        let of_others = longest_silence(&callers, killed, |one, other| !was_there(one) && !was_there(other));
        println!("silence {of_its_users:?}, of others {of_others:?}; {seen} times others came or went");
        assert_tones(&callers);
        assert_nothing_noticed(&mut callers);
        assert_eq!(seen, 0);
        assert!(last < BACK_WITHIN && of_its_users < BACK_WITHIN, "{last:?} {of_its_users:?}");
        callers.into_iter().for_each(Caller::leave);
    });
}

#[test]
#[ignore = "a figure: a minute"]
fn a_rolling_restart_under_300_users_is_seen_by_nobody() {
    let mut cluster = Cluster::start(&work_folder("cluster-rolling-300"), 3, "[timings]\ndrain_s = 20\n");
    actix_rt::System::new().block_on(async {
        let (mut members, mut callers) = fill(&cluster).await;
        members.take_changes();
        let began = Instant::now();
        // Its members move on this thread, so it is another one that waits for the node.
        let restarted = tokio::task::spawn_blocking(move || {
            cluster.restart_one_by_one();
            cluster
        });
        let cluster = restarted.await.expect("all nodes are back");
        println!("all three nodes restarted in {:.1} s", began.elapsed().as_secs_f64());
        tokio::time::sleep(Duration::from_secs(5)).await;
        let (all, changes, seen) = (users(&cluster), members.take_changes(), members.take_others_changed());
        let longest = longest_silence(&callers, began, |_, _| true);
        println!("{all} users, longest silence {longest:?}, {seen} times others came or went, told of the room: {changes:?}");
        assert_tones(&callers);
        assert_nothing_noticed(&mut callers);
        assert_eq!((all, changes.len(), seen), ((USERS + CALLERS) as f64, 0, 0));
        assert!(longest <= MOVES_WITHIN, "{longest:?}");
        callers.into_iter().for_each(Caller::leave);
    });
}
