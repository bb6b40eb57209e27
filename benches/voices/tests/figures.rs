//! The figures that the voice chain is held to. Speech is scored by PESQ, in Python.

use std::{path::Path, process::Command};

use express_bench_voices::{ROOMS, clip, echo_of, echo_reduction_db, process};
use express_messages::voice::VoiceConfig;

#[test]
fn in_every_room_the_echo_is_33_db_down_from_the_second_second_on() {
    let far = clip(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/speech/libri26_male.wav")).unwrap();
    for room in ROOMS {
        let mic = echo_of(&room.echo(&far).unwrap(), &[]);
        let out = process(VoiceConfig::default(), 1, &mic, &far).samples;
        let down = echo_reduction_db(&mic, &out, 2, 8);
        println!("{room}: {down:.1} dB");
        assert!(down >= 33.0, "{room}: {down:.1} dB");
    }
}

#[test]
fn speech_clean_or_in_noise_or_over_an_echo_sounds_as_good_as_promised() {
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("run.sh");
    let scored = Command::new(run)
        .env("VOICES", env!("CARGO_BIN_EXE_voices"))
        .args(["--rounds", "0"])
        .output()
        .unwrap();
    let (table, missed) = (
        String::from_utf8_lossy(&scored.stdout),
        String::from_utf8_lossy(&scored.stderr),
    );
    println!("{table}");
    assert!(scored.status.success(), "{missed}");
}
