//! Real speech through two processes and the server: what comes out is what went in.

use std::{path::Path, time::Duration};

use express_examples::{hearing, wav};
use express_tests::processes::{PATIENCE, Server, example, work_folder};

const SPEECH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/speech/libri103_female.wav");

#[test]
fn speech_that_one_process_publishes_is_recorded_by_another_without_a_gap_over_40_ms() {
    let folder = work_folder("speech");
    let server = Server::start(&folder);
    let out = folder.join("out.wav");
    let publish = ["--wav", SPEECH, "--loop"];
    let _publisher = example("publish", &server, "speech", "alice", "s", &folder, &publish);
    let play = ["--wav", out.to_str().unwrap(), "--seconds", "8"];
    let mut player = example("play", &server, "speech", "bob", "s", &folder, &play);
    assert!(
        player.wait(PATIENCE + Duration::from_secs(8)).success(),
        "{}",
        player.log_text()
    );

    let said = wav::read_mono(Path::new(SPEECH)).unwrap();
    let heard = wav::read_mono(&out).unwrap();
    // Behind the start: what was heard lies somewhere in the speech that goes round and round.
    let part = &heard[48_000..];
    let result = hearing::compare(part, &[said.as_slice(), &said].concat(), 10.0).expect("something was heard");
    println!(
        "correlation {:.3}, longest gap {:.0} ms in {:.1} s",
        result.correlation, result.longest_gap_ms, result.compared_s
    );
    assert!(result.correlation > 0.8, "{result:?}");
    let gap = hearing::compare(&said, part, 10.0).map_or(0.0, |other_way| other_way.longest_gap_ms);
    assert!(gap <= 40.0, "a gap of {gap} ms");
}
