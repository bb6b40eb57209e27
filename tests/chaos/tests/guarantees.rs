//! The guarantees hold for many seeds, and each finds the bug that is planted for it.

use std::collections::BTreeMap;

use express_chaos::{Bug, Outcome, Tables, run, run_long};

/// Seeds of every `make test`.
const SEEDS: u64 = 300;
/// Seeds of every `make test` over nodes.
const SEEDS_OVER_NODES: u64 = 100;
/// How many those are.
const NODES: usize = 3;
/// Seeds within which a planted bug is found.
const FOUND_WITHIN: u64 = 200;

/// The first seed that finds a bug, and what it says is broken.
fn find(bug: Bug, nodes: usize) -> Option<(u64, &'static str)> {
    (1..=FOUND_WITHIN).find_map(|seed| {
        let broken = run(seed, nodes, 0, Some(bug)).broken;
        broken.map(|broken| (seed, broken.invariant))
    })
}

#[track_caller]
fn is_found(bug: Bug, by: &str) {
    let found = find(bug, 1);
    assert!(found.is_some_and(|(_, invariant)| invariant == by), "{bug:?}: {found:?}");
}

/// The same over nodes, where more than one guarantee may be broken first.
#[track_caller]
fn is_found_over_nodes(bug: Bug, by: &[&str]) {
    let found = find(bug, NODES);
    assert!(
        found.is_some_and(|(_, invariant)| by.contains(&invariant)),
        "{bug:?}: {found:?}"
    );
}

#[test]
fn no_guarantee_is_broken_and_much_happens() {
    let mut told = BTreeMap::<&str, u64>::new();
    for seed in 1..=SEEDS {
        let Outcome { broken, told: here, .. } = run(seed, 1, 0, None);
        assert_eq!(broken, None, "seed {seed}; look with: make chaos SEEDS=1 FROM={seed}");
        for (what, count) in here {
            *told.entry(what).or_default() += count;
        }
    }
    let expected = [
        "LOGINED",
        "RECONNECTING",
        "RECONNECTED",
        "KICKOUT",
        "PUBLISHING",
        "PLAYING",
        "messages",
        "commands",
        "room extra infos",
    ];
    for what in expected {
        assert!(told.get(what).is_some_and(|count| *count >= SEEDS / 10), "{what}: {told:?}");
    }
}

#[test]
fn no_guarantee_is_broken_over_nodes_and_much_happens_between_them() {
    let mut told = BTreeMap::<&str, u64>::new();
    for seed in 1..=SEEDS_OVER_NODES {
        let Outcome { broken, told: here, .. } = run(seed, NODES, 0, None);
        assert_eq!(
            broken, None,
            "seed {seed}; look with: make chaos SEEDS=1 FROM={seed} NODES={NODES}"
        );
        for (what, count) in here {
            *told.entry(what).or_default() += count;
        }
    }
    let expected = [
        "LOGINED",
        "RECONNECTED",
        "PUBLISHING",
        "PLAYING",
        "messages",
        "moves",
        "relays",
    ];
    for what in expected {
        assert!(
            told.get(what).is_some_and(|count| *count >= SEEDS_OVER_NODES / 10),
            "{what}: {told:?}"
        );
    }
}

#[test]
fn a_seed_is_a_run_to_the_last_byte() {
    for nodes in [1, NODES] {
        for seed in 1..=5 {
            assert_eq!(
                run(seed, nodes, usize::MAX, None).trace,
                run(seed, nodes, usize::MAX, None).trace,
                "seed {seed}, {nodes} nodes"
            );
        }
    }
}

#[test]
fn streams_that_a_resume_does_not_tell_are_found() {
    is_found(Bug::ResumeLosesStreams, "I1");
}

#[test]
fn silence_that_a_player_takes_for_sound_is_found() {
    is_found(Bug::HearsSilence, "I2");
}

#[test]
fn a_mute_that_is_forgotten_is_found() {
    is_found(Bug::ForgetsMute, "I3");
}

#[test]
fn a_kicked_user_who_comes_back_with_an_old_token_is_found() {
    is_found(Bug::ForgetsKicks, "I4");
}

#[test]
fn a_stream_that_two_take_for_theirs_is_found() {
    is_found(Bug::KeepsPublishing, "I5");
}

#[test]
fn a_logout_that_does_not_end_is_found() {
    is_found(Bug::LogoutHangs, "I6");
}

#[test]
fn a_socket_that_is_never_forgotten_is_found() {
    is_found(Bug::ForgetsSockets, "I7");
}

#[test]
fn a_message_that_a_resume_does_not_repeat_is_found() {
    is_found(Bug::ResumeLosesMessages, "I8");
}

#[test]
fn an_extra_info_that_a_restarted_server_does_not_get_again_is_found() {
    is_found(Bug::ForgetsRoomInfo, "I8");
}

#[test]
fn gaps_between_nodes_that_stay_are_found() {
    is_found_over_nodes(Bug::GapsStay, &["I3", "nodes", "nodes' streams"]);
}

#[test]
fn a_stream_that_a_node_has_lost_and_keeps_is_found() {
    is_found_over_nodes(Bug::KeepsLostClaims, &["I3", "I5", "nodes' streams"]);
}

#[test]
fn a_stream_id_that_is_taken_in_spite_of_a_refusal_is_found() {
    is_found_over_nodes(Bug::TakesWhatIsRefused, &["I3", "I5", "nodes' streams"]);
}

#[test]
fn users_of_a_node_that_is_gone_who_leave_at_once_are_found() {
    is_found_over_nodes(Bug::DropsOrphans, &["orphans"]);
}

#[test]
fn orders_that_other_nodes_do_not_hear_are_found() {
    is_found_over_nodes(Bug::ForgetsOrders, &["I4"]);
}

/// The most that a table had in some hours.
fn most(hours: &[Tables], table: &str) -> usize {
    hours
        .iter()
        .filter_map(|hour| hour.get(table))
        .copied()
        .max()
        .unwrap_or_default()
}

#[test]
fn the_tables_of_a_room_that_is_busy_for_24_hours_do_not_grow() {
    let (outcome, hours) = run_long(4, 24);
    assert_eq!(outcome.broken, None);
    let (first, last) = hours.split_at(12);
    for table in first[0].keys() {
        let (before, after) = (most(first, table), most(last, table));
        println!("{table}: at most {before} in the first 12 hours, {after} in the last");
        // Sessions that were kicked out are remembered, 10,000 of them at most.
        let bound = if *table == "remembered" { 10_000 } else { before + before / 2 };
        assert!(after <= bound, "{table}: {before}, then {after}");
    }
    assert!(most(first, "streams") >= 3, "nobody published: {first:?}");
}
