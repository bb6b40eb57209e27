//! An engine behind a firewall talks with one in the open: over ICE-TCP, and through a TURN server.

use std::{
    net::{TcpStream, UdpSocket},
    path::Path,
    time::{Duration, Instant},
};

use express_examples::{hearing, wav};
use express_tests::{
    firewall::Inside,
    processes::{PATIENCE, Process, Server, example, example_arguments, program, work_folder},
};

const INSIDE_SAYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/speech/jfk_male.wav");
const OUTSIDE_SAYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/speech/libri103_female.wav");
const TURN_SECRET: &str = "known to coturn and the server";
/// How much of each voice is recorded.
const SECONDS: u64 = 6;

#[test]
fn where_udp_is_blocked_an_engine_talks_over_ice_tcp() {
    let folder = work_folder("reach-tcp");
    let inside = Inside::new("tcp");
    let media = format!(
        "udp = \"{0}:{1}\"\ntcp = \"same\"",
        inside.outside,
        free_port(&inside.outside)
    );
    let server = Server::start_reachable(&folder, &format!("{}:0", inside.outside), &media, "");
    inside.block("udp", None);
    assert_both_hear_each_other(&folder, &inside, &server);
}

#[test]
fn where_only_the_server_is_blocked_an_engine_talks_through_turn_over_udp() {
    let folder = work_folder("reach-turn");
    let inside = Inside::new("turn");
    let (media_port, turn_port) = (free_port(&inside.outside), free_port(&inside.outside));
    let _coturn = coturn(&folder, &inside.outside, turn_port);
    let media = format!("udp = \"{}:{media_port}\"\ntcp = \"\"", inside.outside);
    let ice = format!(
        "[[ice.servers]]\nurls = [\"turn:{}:{turn_port}?transport=udp\"]\nsecret = \"{TURN_SECRET}\"\n",
        inside.outside
    );
    let server = Server::start_reachable(&folder, &format!("{}:0", inside.outside), &media, &ice);
    inside.block("udp", Some(media_port));
    assert_both_hear_each_other(&folder, &inside, &server);
}

/// One voice goes out and one comes in, and each is the voice that it should be.
fn assert_both_hear_each_other(folder: &Path, inside: &Inside, server: &Server) {
    let started = Instant::now();
    let start_inside = |name: &str, user: &str, stream: &str, more: &[&str]| {
        let arguments = example_arguments(server, "reach", user, stream, more);
        let log = folder.join(format!("{name}-{user}.log"));
        inside.start(&program(&format!("examples/{name}")), &arguments, &log)
    };
    let start_outside =
        |name: &str, user: &str, stream: &str, more: &[&str]| example(name, server, "reach", user, stream, folder, more);
    let seconds = SECONDS.to_string();
    let heard = ["inside.wav", "outside.wav"].map(|name| folder.join(name));
    let play = |file: usize| ["--wav", path(&heard[file]), "--seconds", &seconds];

    let _speakers = [
        start_inside("publish", "alice", "out", &["--wav", INSIDE_SAYS, "--loop"]),
        start_outside("publish", "bob", "in", &["--wav", OUTSIDE_SAYS, "--loop"]),
    ];
    let listeners = [
        start_inside("play", "carol", "in", &play(0)),
        start_outside("play", "dave", "out", &play(1)),
    ];
    for mut listener in listeners {
        let ended = listener.wait(PATIENCE + Duration::from_secs(SECONDS));
        assert!(ended.success(), "{}", listener.log_text());
    }
    println!("both had heard {SECONDS} s after {:.1} s", started.elapsed().as_secs_f64());
    assert_heard(&heard[0], OUTSIDE_SAYS);
    assert_heard(&heard[1], INSIDE_SAYS);
}

fn path(file: &Path) -> &str {
    file.to_str().expect("the temporary folder is UTF-8")
}

/// The recording is of that speech, which went round and round.
fn assert_heard(recording: &Path, speech: &str) {
    let said = wav::read_mono(Path::new(speech)).unwrap();
    let heard = wav::read_mono(recording).unwrap();
    // The first second may still settle its delay.
    let heard = &heard[48_000..];
    let round = said.len() as f64 / 48_000.0;
    let result = hearing::compare(heard, &[said.as_slice(), &said].concat(), round).expect("something was heard");
    println!("{}: correlation {:.3}", recording.display(), result.correlation);
    // 0.85 to 0.94 where nothing else runs.
    assert!(result.correlation > 0.6, "{speech}: {result:?}");
}

/// A port that nobody has at `address` now.
fn free_port(address: &str) -> u16 {
    UdpSocket::bind((address, 0)).unwrap().local_addr().unwrap().port()
}

/// A TURN server over UDP and TCP at `address`, listening.
fn coturn(folder: &Path, address: &str, port: u16) -> Process {
    let own = [
        format!("--listening-ip={address}"),
        format!("--relay-ip={address}"),
        format!("--listening-port={port}"),
        format!("--static-auth-secret={TURN_SECRET}"),
        format!("--pidfile={}", folder.join("coturn.pid").display()),
        format!("--userdb={}", folder.join("coturn.db").display()),
    ];
    let fixed = [
        "-n",
        "--use-auth-secret",
        "--realm=test",
        "--no-tls",
        "--no-dtls",
        "--no-cli",
        "--log-file=stdout",
    ];
    let arguments: Vec<String> = fixed.iter().map(|word| (*word).to_owned()).chain(own).collect();
    let process = Process::start(Path::new("turnserver"), &arguments, &folder.join("coturn.log"));
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect((address, port)).is_err() {
        assert!(
            Instant::now() < deadline,
            "coturn does not listen; log: {}",
            process.log_text()
        );
        std::thread::park_timeout(Duration::from_millis(20));
    }
    process
}
