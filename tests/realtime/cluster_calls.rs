//! Engines in one room over three nodes, while nodes and their broker fail: what is not heard, and what others see.

use std::time::{Duration, Instant};

use express_engine::{RoomStateChanged, RoomStateChangedReason, ZegoExpressEngine, ZegoRoomConfig};
use express_tests::callers::{
    ALICE, BOB, CAROL, Caller, ROOM, assert_nothing_noticed, assert_tones, call, longest_silence, name_of, stream_of,
};
use express_tests::cluster::Cluster;
use express_tests::collect::EventLog;
use express_tests::processes::{park, work_folder};
use express_tests::tokens::{APP_ID, token};

/// A machine that stops for a moment is heard, too.
const STUTTER: Duration = Duration::from_millis(250);
/// A client is told to move, and everything works at both nodes meanwhile.
const MOVES_WITHIN: Duration = Duration::from_secs(1);
/// From the death of a node until its users are heard again.
const BACK_WITHIN: Duration = Duration::from_secs(10);
/// A node is missed by the others 6 s after its last sign.
const MISSED: Duration = Duration::from_millis(7_500);
/// A rolling update of nodes whose members have time to go.
const DRAINS: &str = "[timings]\ndrain_s = 20\n";

/// alice, bob and carol, each at a node of their own; all hear all.
fn call_of_three(cluster: &Cluster) -> Vec<Caller> {
    let mut callers = call(&cluster.urls(), 3, 2);
    cluster.wait_until("each has a user", |node| cluster.metric(node, "express_users") == 1.0);
    // A relay is the only way: nobody was sent to another's node.
    cluster.wait_until("streams cross", |node| cluster.metric(node, "express_relays_in") == 2.0);
    park(Duration::from_millis(500));
    callers.iter_mut().for_each(Caller::forget);
    callers
}

fn all_leave(callers: Vec<Caller>) {
    callers.into_iter().for_each(Caller::leave);
}

#[test]
fn users_of_a_node_that_is_killed_are_back_on_another_and_the_rest_hear_each_other_all_along() {
    let mut cluster = Cluster::start(&work_folder("cluster-killed"), 3, "");
    let mut callers = call_of_three(&cluster);
    let killed = Instant::now();
    cluster.nodes[ALICE].process.kill();
    for caller in &callers[1..] {
        caller.wait_for_return_of(ALICE, killed);
    }
    println!(
        "alice was heard again {:.1} s after her node was killed",
        killed.elapsed().as_secs_f64()
    );
    park(MISSED.saturating_sub(killed.elapsed()));
    let of_alice = longest_silence(&callers, killed, |one, other| one == ALICE || other == ALICE);
    assert!(of_alice < BACK_WITHIN, "{of_alice:?}");
    let of_others = longest_silence(&callers, killed, |one, other| one != ALICE && other != ALICE);
    assert!(of_others < STUTTER, "{of_others:?}");
    assert_tones(&callers);
    assert_nothing_noticed(&mut callers);
    // Whose node died, and who is back, leaves at once and for good.
    callers.remove(ALICE).log_out();
    callers.iter_mut().for_each(|caller| caller.sees_go(ALICE));
    all_leave(callers);
}

#[test]
fn users_of_a_node_that_crashed_and_was_started_again_at_once_are_back_and_nobody_saw_them_go() {
    let mut cluster = Cluster::start(&work_folder("cluster-crashed"), 3, "");
    let mut callers = call_of_three(&cluster);
    let crashed = Instant::now();
    cluster.nodes[ALICE].restart();
    for caller in &callers[1..] {
        caller.wait_for_return_of(ALICE, crashed);
    }
    println!(
        "alice was heard again {:.1} s after her node crashed",
        crashed.elapsed().as_secs_f64()
    );
    cluster.wait_until_whole();
    park(Duration::from_secs(2));
    let of_alice = longest_silence(&callers, crashed, |one, other| one == ALICE || other == ALICE);
    let of_others = longest_silence(&callers, crashed, |one, other| one != ALICE && other != ALICE);
    assert!(of_alice < BACK_WITHIN && of_others < STUTTER, "{of_alice:?} {of_others:?}");
    assert_tones(&callers);
    // Her node does not know her session any more, which is told as it is by a server that is alone.
    assert_eq!(callers[ALICE].noticed(), ["room RECONNECTING 1002051", "room RECONNECTED 0"]);
    assert_nothing_noticed(&mut callers[1..]);
    all_leave(callers);
}

#[test]
fn a_rolling_restart_of_all_nodes_is_not_seen_and_hardly_heard() {
    let mut cluster = Cluster::start(&work_folder("cluster-rolling"), 3, DRAINS);
    let mut callers = call_of_three(&cluster);
    let began = Instant::now();
    cluster.restart_one_by_one();
    park(Duration::from_secs(1));
    let longest = longest_silence(&callers, began, |_, _| true);
    println!("longest silence {longest:?}");
    assert_tones(&callers);
    assert_nothing_noticed(&mut callers);
    assert!(longest <= MOVES_WITHIN, "{longest:?}");
    all_leave(callers);
}

#[test]
fn a_node_that_is_cut_from_the_broker_goes_on_with_its_calls_and_all_agree_afterwards() {
    let cluster = Cluster::start_behind_gates(&work_folder("cluster-cut"), 3, "");
    let mut callers = call_of_three(&cluster);
    let cut = Instant::now();
    cluster.gates[0].cut();
    let missed = cluster.wait_for(1, "the node is missed", || cluster.metric(1, "express_cluster_nodes") == 2.0);
    println!("missed by another after {:.1} s", missed.as_secs_f64());
    park(Duration::from_secs(1));
    let mended = Instant::now();
    cluster.gates[0].mend();
    let whole = cluster.wait_until_whole();
    println!("all know each other {:.1} s after it was mended", whole.as_secs_f64());
    assert_nothing_noticed(&mut callers);
    // A newcomer at the node that was away is known to all.
    let mut fourth = Caller::join(&cluster.nodes[0].url, 3);
    fourth.listen_to(CAROL);
    callers[CAROL].listen_to(3);
    cluster.wait_until("all streams are known", |node| cluster.metric(node, "express_streams") == 4.0);
    println!("all agree {:.1} s after it was mended", mended.elapsed().as_secs_f64());
    let silence = longest_silence(&callers, cut, |_, other| other != 3);
    assert!(silence < STUTTER, "{silence:?}");
    assert_tones(&callers);
    assert_saw_the_fourth_come(&mut callers);
    fourth.leave();
    all_leave(callers);
}

/// Of users and streams they noticed that, and nothing else.
fn assert_saw_the_fourth_come(callers: &mut [Caller]) {
    for caller in callers {
        let saw = caller.noticed();
        let saw: Vec<&String> = saw
            .iter()
            .filter(|what| what.starts_with("users") || what.starts_with("streams"))
            .collect();
        let came = [format!("users ADD {}", name_of(3)), format!("streams ADD {} ", stream_of(3))];
        assert_eq!(saw, came.iter().collect::<Vec<_>>());
    }
}

#[test]
fn a_broker_that_is_back_with_an_empty_store_is_not_heard_and_lists_and_kicks_are_right_behind_it() {
    let mut cluster = Cluster::start(&work_folder("cluster-empty"), 3, "");
    let mut callers = call_of_three(&cluster);
    let gone = Instant::now();
    cluster.nats.kill();
    cluster.wait_until("the broker is missed", |node| {
        cluster.metric(node, "express_cluster_connected") == 0.0
    });
    cluster.nats.lose_store();
    // A newcomer, of whom only one node knows.
    let fourth = Caller::join(&cluster.nodes[ALICE].url, 3);
    park(Duration::from_secs(1));
    let back = Instant::now();
    cluster.nats.start_again();
    cluster.wait_until("connected", |node| cluster.metric(node, "express_cluster_connected") == 1.0);
    cluster.wait_until("all streams are known", |node| cluster.metric(node, "express_streams") == 4.0);
    println!("all agree {:.1} s after it was back", back.elapsed().as_secs_f64());
    callers[CAROL].listen_to(3);
    assert_saw_the_fourth_come(&mut callers);
    let silence = longest_silence(&callers, gone, |_, other| other != 3);
    assert!(silence < STUTTER, "{silence:?}");
    assert_tones(&callers);

    let asked = Instant::now();
    cluster.api(CAROL, &["KickoutUser", "--room", ROOM, "--user", &name_of(ALICE)]);
    let mut alice = callers.remove(ALICE);
    let kicked = alice
        .log
        .wait_for("KICKOUT", |e: &RoomStateChanged| e.reason == RoomStateChangedReason::Kickout);
    assert_eq!(kicked.error_code, 1_002_055);
    cluster.wait_until("her stream is gone", |node| cluster.metric(node, "express_streams") == 3.0);
    println!("kicked over nodes within {} ms", asked.elapsed().as_millis());
    park(Duration::from_millis(500));
    for caller in &mut callers {
        let noticed = caller.noticed();
        assert!(noticed.contains(&format!("users DELETE {}", name_of(ALICE))), "{noticed:?}");
    }
    callers.extend([alice, fourth]);
    all_leave(callers);
}

/// `cargo test --release --workspace --test realtime -- --include-ignored --nocapture cluster_calls::users_of_a_node_that_stays_cut`
#[test]
#[ignore = "two minutes and a half"]
fn users_of_a_node_that_stays_cut_from_the_broker_are_gone_for_the_others_until_it_is_back() {
    let cluster = Cluster::start_behind_gates(&work_folder("cluster-stays-cut"), 3, "");
    let mut callers = call_of_three(&cluster);
    let cut = Instant::now();
    cluster.gates[0].cut();
    // 6 s until it is missed, 100 s in which its users may come back.
    park(Duration::from_secs(100));
    assert_nothing_noticed(&mut callers);
    let silence = longest_silence(&callers, cut, |_, _| true);
    assert!(silence < STUTTER, "{silence:?}");
    park(Duration::from_secs(20));
    for caller in &mut callers {
        let noticed = caller.noticed();
        println!("  {} noticed {noticed:?}", name_of(caller.number));
    }
    let gone = format!("users DELETE {}", name_of(ALICE));
    assert!(callers[BOB].noticed().contains(&gone) && callers[CAROL].noticed().contains(&gone));
    callers.iter_mut().for_each(Caller::forget);
    let mended = Instant::now();
    cluster.gates[0].mend();
    for caller in &callers[1..] {
        caller.wait_for_return_of(ALICE, cut);
    }
    println!(
        "alice is heard again {:.1} s after it was mended",
        mended.elapsed().as_secs_f64()
    );
    park(Duration::from_secs(3));
    for caller in &mut callers {
        let noticed = caller.noticed();
        println!("  {} noticed {noticed:?}", name_of(caller.number));
    }
    let back = format!("users ADD {}", name_of(ALICE));
    assert!(callers[BOB].noticed().contains(&back) && callers[CAROL].noticed().contains(&back));
    let of_others = longest_silence(&callers, cut, |one, other| one != ALICE && other != ALICE);
    assert!(of_others < STUTTER, "{of_others:?}");
    assert_tones(&callers);
    all_leave(callers);
}

#[test]
fn a_user_who_logs_in_at_another_node_is_kicked_out_of_the_first_once() {
    let cluster = Cluster::start(&work_folder("cluster-twice"), 2, "");
    let mut bob = Caller::join(&cluster.nodes[1].url, BOB);
    let mut first = Caller::join(&cluster.nodes[0].url, ALICE);
    bob.listen_to(ALICE);
    bob.forget();
    let again = Instant::now();
    let zg = ZegoExpressEngine::new(APP_ID, cluster.nodes[1].url.as_str()).unwrap();
    let mut log = EventLog::of(&zg);
    let login = zg.login_room(ROOM, token("alice"), "alice", ZegoRoomConfig::default());
    login.wait().unwrap();
    let kicked = first
        .log
        .wait_for("KICKOUT", |e: &RoomStateChanged| e.reason == RoomStateChangedReason::Kickout);
    println!(
        "kicked out {} ms after the login elsewhere began",
        again.elapsed().as_millis()
    );
    assert_eq!(kicked.error_code, 1_002_050);
    park(Duration::from_secs(2));
    let kicks = first.noticed().into_iter().filter(|what| what.contains("KICKOUT")).count();
    assert_eq!(kicks, 1);
    // The later login stays.
    while let Some(event) = log.next(Instant::now() + Duration::from_millis(1)) {
        assert!(!format!("{event:?}").contains("Kickout"), "{event:?}");
    }
    // Others see the stream go, but not the user.
    let saw = bob.noticed();
    println!("bob saw {saw:?}");
    assert!(saw.iter().all(|what| !what.starts_with("users")), "{saw:?}");
    let ends = format!("streams DELETE {}", stream_of(ALICE));
    assert_eq!(saw.iter().filter(|what| what.starts_with(&ends)).count(), 1, "{saw:?}");
    zg.destroy_engine();
    first.leave();
    bob.leave();
}
