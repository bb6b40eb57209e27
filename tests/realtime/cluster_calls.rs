//! Engines in one room over three nodes, while nodes and their broker fail: what is not heard, and what others see.

use std::time::{Duration, Instant};

use express_engine::{RoomStateChanged, RoomStateChangedReason, ZegoExpressEngine, ZegoRoomConfig};
use express_tests::callers::Caller;
use express_tests::cluster::Cluster;
use express_tests::collect::EventLog;
use express_tests::processes::{PATIENCE, work_folder};
use express_tests::tokens::{APP_ID, token};

const USERS: [&str; 3] = ["alice", "bob", "carol"];
/// A machine that stops for a moment is heard, too.
const STUTTER: Duration = Duration::from_millis(250);
/// A client is told to move, and everything works at both nodes meanwhile.
const MOVES_WITHIN: Duration = Duration::from_secs(1);
/// From the death of a node until its users are heard again.
const BACK_WITHIN: Duration = Duration::from_secs(10);
/// A rolling update of nodes whose members have time to go.
const DRAINS: &str = "[timings]\ndrain_s = 20\n";

/// alice, bob and carol, each at a node of their own; all hear all.
fn call(cluster: &Cluster) -> Vec<Caller> {
    let urls = cluster.urls();
    let numbered = (0..).zip(USERS.iter().zip(&urls));
    let mut callers: Vec<Caller> = numbered.map(|(number, (user, url))| Caller::join(url, user, number)).collect();
    for caller in &mut callers {
        let user = caller.user.clone();
        USERS.iter().filter(|other| **other != user).for_each(|other| caller.listen_to(other));
    }
    cluster.wait_until("each has a user", |node| cluster.metric(node, "express_users") == 1.0);
    // A relay is the only way: nobody was sent to another's node.
    cluster.wait_until("streams cross", |node| cluster.metric(node, "express_relays_in") == 2.0);
    park(Duration::from_secs(1));
    callers.iter_mut().for_each(Caller::forget);
    callers
}

fn park(time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        std::thread::park_timeout(until.saturating_duration_since(Instant::now()));
    }
}

/// Prints what each did not hear of each since then, and answers the longest of all but those of whom `speakers` does not want.
fn longest_silence(callers: &[Caller], since: Instant, is_wanted: impl Fn(&str, &str) -> bool) -> Duration {
    let mut longest = Duration::ZERO;
    for caller in callers {
        for other in caller.ears.keys() {
            let silence = caller.silence_of(other, since);
            println!("  {} did not hear {other}: {silence}", caller.user);
            if is_wanted(&caller.user, other) {
                longest = longest.max(silence.longest);
            }
        }
    }
    longest
}

fn nobody_saw_others_change(callers: &mut [Caller]) {
    for caller in callers {
        let noticed = caller.noticed();
        println!("  {} noticed {noticed:?}", caller.user);
        assert_eq!(caller.saw_others_change(), Vec::<String>::new(), "{}", caller.user);
    }
}

fn all_leave(callers: Vec<Caller>) {
    callers.into_iter().for_each(Caller::leave);
}

#[test]
fn users_of_a_node_that_is_killed_are_back_on_another_and_the_rest_hear_each_other_all_along() {
    let mut cluster = Cluster::start(&work_folder("cluster-killed"), 3, "");
    let mut callers = call(&cluster);
    let killed = Instant::now();
    cluster.nodes[0].process.kill();
    for caller in &callers[1..] {
        caller.wait_for_return_of("alice", killed);
    }
    println!("alice was heard again {:.1} s after her node was killed", killed.elapsed().as_secs_f64());
    park(Duration::from_secs(8).saturating_sub(killed.elapsed()));
    let of_alice = longest_silence(&callers, killed, |one, other| one == "alice" || other == "alice");
    assert!(of_alice < BACK_WITHIN, "{of_alice:?}");
    let of_others = longest_silence(&callers, killed, |one, other| one != "alice" && other != "alice");
    assert!(of_others < STUTTER, "{of_others:?}");
    nobody_saw_others_change(&mut callers);
    all_leave(callers);
}

#[test]
fn a_rolling_restart_of_all_nodes_is_not_seen_and_hardly_heard() {
    let mut cluster = Cluster::start(&work_folder("cluster-rolling"), 3, DRAINS);
    let mut callers = call(&cluster);
    let began = Instant::now();
    for node in 0..cluster.nodes.len() {
        let asked = Instant::now();
        cluster.nodes[node].process.terminate();
        let ended = cluster.nodes[node].process.wait(PATIENCE);
        assert!(ended.success(), "{ended}");
        let drained = asked.elapsed();
        cluster.nodes[node].restart();
        cluster.wait_until_whole();
        println!("node {} ended in {:.1} s, back after {:.1} s", node + 1, drained.as_secs_f64(), asked.elapsed().as_secs_f64());
        longest_silence(&callers, asked, |_, _| true);
    }
    park(Duration::from_secs(2));
    println!("all three restarted:");
    let longest = longest_silence(&callers, began, |_, _| true);
    nobody_saw_others_change(&mut callers);
    assert!(longest <= MOVES_WITHIN, "{longest:?}");
    all_leave(callers);
}

#[test]
fn a_node_that_is_cut_from_the_broker_goes_on_with_its_calls_and_all_agree_afterwards() {
    let cluster = Cluster::start_behind_gates(&work_folder("cluster-cut"), 3, "");
    let mut callers = call(&cluster);
    let cut = Instant::now();
    cluster.gates[0].cut();
    let missed = cluster.wait_for(1, "the node is missed", || cluster.metric(1, "express_cluster_nodes") == 2.0);
    println!("missed by another after {:.1} s", missed.as_secs_f64());
    park(Duration::from_secs(2));
    let silence = longest_silence(&callers, cut, |_, _| true);
    assert!(silence < STUTTER, "{silence:?}");
    let mended = Instant::now();
    cluster.gates[0].mend();
    let whole = cluster.wait_until_whole();
    println!("all know each other {:.1} s after it was mended", whole.as_secs_f64());
    // What was said meanwhile, and who came, is known to all.
    let mut dave = Caller::join(&cluster.nodes[0].url, "dave", 5);
    dave.listen_to("carol");
    callers[2].listen_to("dave");
    cluster.wait_until("all streams are known", |node| cluster.metric(node, "express_streams") == 4.0);
    println!("all agree {:.1} s after it was mended", mended.elapsed().as_secs_f64());
    let silence = longest_silence(&callers, cut, |_, other| other != "dave");
    assert!(silence < STUTTER, "{silence:?}");
    for caller in &mut callers {
        let saw = caller.saw_others_change();
        assert_eq!(saw.iter().filter(|what| what.starts_with("users")).collect::<Vec<_>>(), ["users ADD dave"], "{saw:?}");
        assert_eq!(saw.iter().filter(|what| what.starts_with("streams")).count(), 1, "{saw:?}");
    }
    dave.leave();
    all_leave(callers);
}

#[test]
fn a_user_who_logs_in_at_another_node_is_kicked_out_of_the_first_once() {
    let cluster = Cluster::start(&work_folder("cluster-twice"), 2, "");
    let mut carol = Caller::join(&cluster.nodes[1].url, "carol", 2);
    let mut first = Caller::join(&cluster.nodes[0].url, "alice", 0);
    carol.listen_to("alice");
    carol.forget();
    let zg = ZegoExpressEngine::new(APP_ID, cluster.nodes[1].url.as_str()).unwrap();
    let mut log = EventLog::of(&zg);
    let login = zg.login_room("call", token("alice"), "alice", ZegoRoomConfig::default());
    let again = Instant::now();
    login.wait().unwrap();
    let kicked = first
        .log
        .wait_for("KICKOUT", |e: &RoomStateChanged| e.reason == RoomStateChangedReason::Kickout);
    println!("kicked out {} ms after the login elsewhere began", again.elapsed().as_millis());
    assert_eq!(kicked.error_code, 1_002_050);
    park(Duration::from_secs(4));
    let kicks = first.noticed().into_iter().filter(|what| what.contains("KICKOUT")).count();
    assert_eq!(kicks, 1);
    // The later login stays, and others saw the stream go, but not the user.
    while let Some(event) = log.next(Instant::now() + Duration::from_millis(1)) {
        assert!(!format!("{event:?}").contains("Kickout"), "{event:?}");
    }
    let saw = carol.saw_others_change();
    println!("carol saw {saw:?}");
    assert!(saw.iter().all(|what| !what.starts_with("users")), "{saw:?}");
    assert_eq!(saw.iter().filter(|what| what.starts_with("streams DELETE alice-voice")).count(), 1, "{saw:?}");
    zg.destroy_engine();
    first.leave();
    carol.leave();
}
