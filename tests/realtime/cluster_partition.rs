//! Two nodes that reach the broker and not each other: a firewall between them takes no UDP. It needs root and takes a minute, so only on
//! demand: `cargo test --release --workspace --test realtime -- --include-ignored --test-threads=1 --nocapture cluster_partition`

use std::time::{Duration, Instant};

use express_tests::callers::{ALICE, BOB, CAROL, Caller, ROOM, assert_tones, hz_of, longest_silence, name_of, stream_of};
use express_tests::cluster::Cluster;
use express_tests::faults::{silence, write_tone};
use express_tests::firewall::Inside;
use express_tests::processes::{PATIENCE, example_arguments, park, program, work_folder};

/// What bob and carol do not hear of each other: nothing.
const STUTTER: Duration = Duration::from_millis(250);

/// alice's node is cut from bob's and carol's for so long; everything is as before within `back` of its end.
fn no_media_between_two_nodes(name: &str, lasts: Duration, back: Duration) {
    let folder = work_folder(name);
    let inside = Inside::new(name);
    let cluster = Cluster::start_apart(&folder, &inside);
    let (tone, heard) = (folder.join("tone.wav"), folder.join("dave.wav"));
    write_tone(&tone, hz_of(ALICE));
    let start = |program_name: &str, user: &str, stream: &str, more: &[&str]| {
        let arguments = example_arguments(&cluster.nodes[0], ROOM, user, stream, more);
        inside.start(&program(program_name), &arguments, &folder.join(format!("{user}.log")))
    };
    let alice = start(
        "examples/publish",
        &name_of(ALICE),
        &stream_of(ALICE),
        &["--wav", tone.to_str().unwrap(), "--loop"],
    );
    alice.line("PUBLISHING", |line| line.contains("\"PUBLISHING\""));
    let mut bob = Caller::join(&cluster.nodes[1].url, BOB);
    let mut carol = Caller::join(&cluster.nodes[2].url, CAROL);
    bob.listen_to(ALICE);
    bob.listen_to(CAROL);
    carol.listen_to(BOB);
    let seconds = (lasts + back).as_secs() + 6;
    let total = seconds.to_string();
    let recorded = ["--wav", heard.to_str().unwrap(), "--seconds", &total];
    let mut dave = start("examples/play", "dave", &stream_of(BOB), &recorded);
    dave.line("PLAYING", |line| line.contains("\"PLAYING\""));
    park(Duration::from_secs(2));
    bob.forget();
    carol.forget();

    let cut = Instant::now();
    inside.block("udp", None);
    park(lasts);
    inside.unblock();
    let mended = Instant::now();
    bob.wait_for_return_of(ALICE, cut);
    println!(
        "cut for {lasts:?}: alice is heard again {:.1} s after its end",
        mended.elapsed().as_secs_f64()
    );
    let noticed = bob.noticed();
    println!("bob noticed {noticed:?}");
    assert!(
        !noticed
            .iter()
            .any(|what| what.starts_with("users") || what.starts_with("streams")),
        "{noticed:?}"
    );
    assert_eq!(carol.noticed(), Vec::<String>::new());
    assert!(dave.wait(PATIENCE + back).success(), "{}", dave.log_text());
    let callers = [bob, carol];
    let of_alice = longest_silence(&callers, cut, |_, other| other == ALICE);
    let inside_heard_nothing = silence(&heard, seconds);
    println!("silence outside {of_alice:?}, inside {inside_heard_nothing:?}");
    let of_others = longest_silence(&callers, cut, |_, other| other != ALICE);
    assert!(of_others < STUTTER, "{of_others:?}");
    assert!(
        of_alice < lasts + back && inside_heard_nothing < lasts + back,
        "{of_alice:?} {inside_heard_nothing:?}"
    );
    assert_tones(&callers);
    callers.into_iter().for_each(Caller::leave);
}

#[test]
#[ignore = "needs root: a network namespace"]
fn two_nodes_that_are_cut_from_each_other_for_a_moment_are_heard_again_at_once() {
    no_media_between_two_nodes("short", Duration::from_secs(8), Duration::from_secs(1));
}

#[test]
#[ignore = "needs root: a network namespace"]
fn two_nodes_that_are_cut_from_each_other_for_half_a_minute_are_heard_again_within_seconds() {
    no_media_between_two_nodes("long", Duration::from_secs(30), Duration::from_secs(7));
}
