//! Two people on two sound daemons, through real devices and the server: speech both ways, and devices that are pulled out and
//! plugged in while they talk.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use express_examples::{hearing, wav};
use express_tests::{
    processes::{PATIENCE, Process, Server, park, program, work_folder},
    pulse::{Pulse, Recording},
    scores::{clip, mean_pesq, python},
    tokens::{APP_ID, token},
};

const ALICE_SAYS: &str = "jfk_male";
const BOB_SAYS: &str = "libri103_female";
/// A machine that stops for a moment is heard, too.
const TRIES: usize = 3;
const PESQ: f64 = 3.5;
/// A clip begins so early in a recording, in seconds.
const REACH_S: f64 = 2.0;
/// Speech is back within 1 s; a busy machine has three times that.
const BACK_WITHIN: Duration = Duration::from_secs(3);
/// A device is out for so long: a change of plug.
const OUT_FOR: Duration = Duration::from_millis(1_500);

/// Somebody in the room with a sound daemon of their own.
struct Member {
    pulse: Pulse,
    process: Process,
}

impl Member {
    fn join(server: &Server, folder: &Path, user: &str) -> Self {
        let pulse = Pulse::start(&folder.join(user));
        let app_id = APP_ID.to_string();
        let arguments = [
            "--server",
            &server.url,
            "--app-id",
            &app_id,
            "--room",
            "pulse",
            "--user",
            user,
            "--script",
        ];
        let environment = [
            pulse.environment(),
            ("EXPRESS_TOKEN".to_owned(), token(user)),
            ("RUST_LOG".to_owned(), "warn,rtc_dtls=error,express_audio_io=debug".to_owned()),
            ("NO_COLOR".to_owned(), "1".to_owned()),
        ];
        let process = Process::start_in(
            &program("express-call"),
            &arguments.map(String::from),
            &folder.join(format!("{user}.log")),
            &environment,
        );
        Self { pulse, process }
    }

    fn hears(&self, other: &str) {
        let stream = format!("{other}-voice");
        self.process.line("that the other is heard", |line| {
            line.contains("\"PLAYING\"") && line.contains(&stream)
        });
    }

    /// Waits for an event that names the device.
    fn is_told(&self, event: &str, what: &str) {
        self.process.line(event, |line| line.contains(event) && line.contains(what));
    }

    /// Leaves, and prints what the devices measured of themselves.
    fn leave(mut self, user: &str) {
        // One to look at the list, one for each device.
        let connections = self.pulse.connections();
        assert!(connections <= 8, "{user} holds {connections} connections to the sound daemon");
        let interrupt = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status();
        assert!(interrupt.is_ok_and(|status| status.success()));
        self.process.wait(PATIENCE);
        for line in self.process.log_text().lines().filter(|line| line.contains(" closed")) {
            println!("{user}: {}", line.split_once("pump::").map_or(line, |(_, figures)| figures));
        }
    }
}

fn alice_and_bob(server: &Server, folder: &Path) -> (Member, Member) {
    let (alice, bob) = (Member::join(server, folder, "alice"), Member::join(server, folder, "bob"));
    alice.hears("bob");
    bob.hears("alice");
    (alice, bob)
}

/// Something was said into a microphone, and came out of the other's speaker.
struct Passage {
    said: Recording,
    heard: Recording,
    clip: &'static str,
}

impl Passage {
    /// Prints what a listener would say, and answers PESQ-WB and how long it took.
    fn judge(&self, who: &str, python: &Path, folder: &Path) -> (f64, Duration) {
        let original = wav::read_mono(&clip(self.clip)).unwrap();
        let said = hearing::compare(&original, &self.said.samples, REACH_S).expect("the microphone heard it");
        let heard = hearing::compare(&original, &self.heard.samples, REACH_S).expect("something came out of the speaker");
        let (from, to) = (self.said.at_ms(said.delay_ms), self.heard.at_ms(heard.delay_ms));
        let took = to.saturating_duration_since(from);
        let path: PathBuf = folder.join(format!("{}.wav", self.clip));
        wav::write_mono(&path, &self.heard.samples).unwrap();
        let pesq = mean_pesq(python, &[clip(self.clip)], &path);
        println!(
            "{who}: PESQ-WB {pesq:.2}, longest gap {:.0} ms in {:.1} s, correlation {:.3}, {} ms from microphone to speaker",
            heard.longest_gap_ms,
            heard.compared_s,
            heard.correlation,
            took.as_millis()
        );
        (pesq, took)
    }
}

/// One speaks while the other listens.
fn speak(from: &Member, to: &Member, said: &'static str) -> Passage {
    let (microphone, speaker) = (from.pulse.listen_to_microphone(), to.pulse.listen());
    from.pulse.say(&clip(said)).finish();
    // The end of the clip is still on its way.
    park(Duration::from_secs(1));
    Passage {
        said: microphone.stop(),
        heard: speaker.stop(),
        clip: said,
    }
}

#[test]
fn what_two_say_into_their_microphones_comes_out_of_each_others_speakers() {
    let python = python();
    let folder = work_folder("pulse");
    let server = Server::start(&folder);
    let (alice, bob) = alice_and_bob(&server, &folder);
    let is_clear = (1..=TRIES).any(|attempt| {
        println!("try {attempt} of {TRIES}");
        // One after the other: what the voice chain does to two who speak at once is measured by benches/voices.
        let (pesq_there, took_there) = speak(&alice, &bob, ALICE_SAYS).judge("alice to bob", &python, &folder);
        let (pesq_back, took_back) = speak(&bob, &alice, BOB_SAYS).judge("bob to alice", &python, &folder);
        println!("round trip {} ms", (took_there + took_back).as_millis());
        pesq_there.min(pesq_back) >= PESQ
    });
    alice.leave("alice");
    bob.leave("bob");
    assert!(is_clear, "in no try PESQ-WB {PESQ} or better both ways");
}

#[test]
fn a_microphone_and_a_speaker_that_are_pulled_out_in_mid_sentence_are_back_at_once_when_they_are_plugged_in() {
    let folder = work_folder("replug");
    let server = Server::start(&folder);
    let (alice, bob) = alice_and_bob(&server, &folder);
    // Speech for the whole test, twice the same clip.
    let said = wav::read_mono(&clip(ALICE_SAYS)).unwrap();
    let long = folder.join("long.wav");
    wav::write_mono(&long, &[said.as_slice(), &said].concat()).unwrap();
    let _speech = alice.pulse.say(&long);
    park(Duration::from_secs(2));

    let ear = bob.pulse.listen();
    let microphone = alice.pulse.unplug("test_microphone");
    alice.is_told("audioDeviceStateChanged", "test_microphone");
    park(OUT_FOR);
    let plugged = Instant::now();
    alice.pulse.plug(&microphone);
    alice.is_told("audioDeviceStateChanged", "test_microphone");
    park(BACK_WITHIN);
    is_back("alice's microphone", &ear.stop(), plugged);

    let speaker = bob.pulse.unplug("test_speaker");
    bob.is_told("audioDeviceStateChanged", "test_speaker");
    park(OUT_FOR);
    let plugged = Instant::now();
    bob.pulse.plug(&speaker);
    let ear = bob.pulse.listen();
    bob.is_told("audioDeviceStateChanged", "test_speaker");
    park(BACK_WITHIN);
    is_back("bob's speaker", &ear.stop(), plugged);
    alice.leave("alice");
    bob.leave("bob");
}

fn is_back(what: &str, heard: &Recording, plugged: Instant) {
    let sound = heard
        .first_sound_since(plugged)
        .unwrap_or_else(|| panic!("{what}: no speech any more"));
    let took = sound.saturating_duration_since(plugged);
    println!("{what}: speech is back {} ms after it was plugged in", took.as_millis());
    assert!(took < BACK_WITHIN, "{what}: {took:?}");
}
