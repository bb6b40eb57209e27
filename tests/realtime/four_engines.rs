//! Four engines in one process, one room: everybody hears everybody, and nothing is left behind.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use express_engine::{ZegoExpressEngine, ZegoFrames, ZegoLocalStream, ZegoRoomConfig, ZegoStreamOptions};
use express_examples::hearing;
use express_tests::{
    processes::{PATIENCE, Server, work_folder},
    tokens::{APP_ID, token},
};

/// One tone for each; no one is a harmonic of another.
const TONES: [f32; 4] = [440.0, 587.0, 739.0, 1_000.0];
const ROUNDS: usize = 20;
/// How long everybody listens: in the first round so long that a stream which breaks off is seen, then as long as it takes to know the tones.
const FIRST_LISTEN: Duration = Duration::from_secs(5);
const LISTEN: Duration = Duration::from_secs(2);

struct Member {
    zg: ZegoExpressEngine,
    local: ZegoLocalStream,
    heard: Vec<(usize, ZegoFrames)>,
}

#[test]
fn four_engines_in_one_room_all_hear_all_twenty_times_and_leave_nothing_behind() {
    let folder = work_folder("four-engines");
    let server = Server::start(&folder);
    // The first tokio runtime of a process makes one pair of sockets for signals, which the process keeps.
    ZegoExpressEngine::new(APP_ID, server.url.as_str()).unwrap().destroy_engine();
    let before = (engine_threads(), open_sockets());
    for round in 0..ROUNDS {
        let started = Instant::now();
        let mut members: Vec<Member> = (0..TONES.len()).map(|n| join(&server, n)).collect();
        for (n, member) in members.iter_mut().enumerate() {
            member.heard = (0..TONES.len())
                .filter(|other| *other != n)
                .map(|other| (other, play(&member.zg, other)))
                .collect();
        }
        let connected = started.elapsed();
        let listen = if round == 0 { FIRST_LISTEN } else { LISTEN };
        std::thread::scope(|scope| {
            for (n, member) in members.iter_mut().enumerate() {
                for (other, frames) in &mut member.heard {
                    scope.spawn(move || assert_heard(round, listen, n, *other, frames));
                }
            }
        });
        let leaving = Instant::now();
        for member in members {
            member.zg.destroy_stream(member.local).unwrap();
            member.zg.destroy_engine();
        }
        println!(
            "round {round}: all connected after {:.2} s, destroyed in {:.2} s",
            connected.as_secs_f64(),
            leaving.elapsed().as_secs_f64()
        );
        assert_nothing_left(&before);
    }
}

fn join(server: &Server, n: usize) -> Member {
    let user = format!("user{n}");
    let zg = ZegoExpressEngine::new(APP_ID, server.url.as_str()).unwrap();
    zg.login_room("four", token(&user), &user, ZegoRoomConfig::default())
        .wait()
        .unwrap();
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(TONES[n])).wait().unwrap();
    zg.start_publishing_stream(format!("tone{n}"), &local, Default::default())
        .unwrap();
    Member {
        zg,
        local,
        heard: Vec::new(),
    }
}

fn play(zg: &ZegoExpressEngine, other: usize) -> ZegoFrames {
    zg.start_playing_stream(format!("tone{other}"), Default::default())
        .wait()
        .unwrap()
        .frames()
}

/// The tone is there within the patience of a test, and then as long as is listened, without the other tones.
fn assert_heard(round: usize, listen: Duration, n: usize, other: usize, frames: &mut ZegoFrames) {
    let deadline = Instant::now() + PATIENCE;
    let mut samples: Vec<f32> = Vec::new();
    let wanted = 48 * listen.as_millis() as usize;
    while samples.len() < wanted {
        assert!(Instant::now() < deadline, "round {round}: {n} hears nothing of {other}");
        let Ok(Some(item)) = frames.recv_timeout(PATIENCE) else {
            panic!("round {round}: the sound of {other} ended at {n}")
        };
        // A reader that was away longer than a second has lost blocks; the sound goes on behind them.
        let Ok(block) = item else { continue };
        if samples.is_empty() && block.peak() < 0.05 {
            continue;
        }
        samples.extend(block.samples().chunks_exact(block.channels()).map(|frame| frame[0]));
    }
    // The first second may still settle its delay.
    let settled = &samples[48_000..];
    let amplitude = hearing::tone_amplitude(&settled[..24_000], f64::from(TONES[other]));
    assert!(amplitude > 0.2, "round {round}: {n} hears {other} with amplitude {amplitude}");
    for (stranger, tone) in TONES.iter().enumerate().filter(|(stranger, _)| *stranger != other) {
        let amplitude = hearing::tone_amplitude(&settled[..24_000], f64::from(*tone));
        assert!(amplitude < 0.05, "round {round}: {n} hears {stranger} where it plays {other}");
    }
}

/// Names of this process's threads that belong to an engine.
fn engine_threads() -> BTreeSet<String> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux lists a process's threads");
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|name| name.starts_with("zego-"))
        .collect()
}

fn open_sockets() -> usize {
    let files = std::fs::read_dir("/proc/self/fd").expect("Linux lists a process's files");
    files
        .filter_map(|file| std::fs::read_link(file.ok()?.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count()
}

/// destroy_engine gives a network that does not answer 2 s; a thread that was left to end by itself gets its time too.
fn assert_nothing_left(before: &(BTreeSet<String>, usize)) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = (engine_threads(), open_sockets());
        if now == *before {
            return;
        }
        assert!(Instant::now() < deadline, "left behind: {now:?}, before: {before:?}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
