//! `make demo`: a call to watch. Starts a server, lets alice speak real speech, lets bob listen, and compares.
//!
//! Everything is real: the server is its own process, each of the two has an engine of its own, and every packet goes
//! encrypted through the server's UDP port. Only the sound card is left out, so that it runs anywhere.

use std::{
    error::Error,
    io::{BufRead, BufReader, IsTerminal, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use express_engine::{
    PlayerState, PlayerStateUpdate, PublisherStateUpdate, RoomStateChanged, ZegoExpressEngine, ZegoFrames, ZegoRoomConfig,
    ZegoStreamOptions,
};
use express_examples::{hearing, wav};
use express_token::{Cipher, Grant, Secret, issue_random};

const APP_ID: u32 = 1;
const ROOM: &str = "demo";
const STREAM: &str = "alice-voice";
/// How long bob listens.
const LISTEN: Duration = Duration::from_secs(6);
/// How often the live line is drawn.
const REDRAW: Duration = Duration::from_millis(100);

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let started = Instant::now();
    let speech = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/speech/jfk_male.wav");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/demo");
    std::fs::create_dir_all(&folder)?;

    let secret = Secret::random()?;
    let server = Server::start(&folder, &secret)?;
    println!("server   {} (its own process)", server.ready);

    let alice = join(&server, &secret, "alice")?;
    let bob = join(&server, &secret, "bob")?;
    let local = alice.create_zego_stream(ZegoStreamOptions::wav_loop(&speech)).wait()?;
    alice.start_publishing_stream(STREAM, &local, Default::default())?;

    let playing = when_playing(&bob);
    let remote = bob.start_playing_stream(STREAM, Default::default()).wait()?;
    let frames = remote.frames();
    playing
        .recv_timeout(Duration::from_secs(10))
        .map_err(|_| "bob hears nothing after 10 s")?;
    println!(
        "heard    {:.1} s after the start; bob listens for {} s",
        started.elapsed().as_secs_f64(),
        LISTEN.as_secs()
    );
    let heard = listen(&bob, frames);
    let quality = bob.get_playing_stream_quality(STREAM);

    bob.stop_playing_stream(STREAM)?;
    alice.stop_publishing_stream(STREAM)?;
    alice.destroy_stream(local)?;
    for zg in [&bob, &alice] {
        zg.logout_room(ROOM)?;
        zg.destroy_engine();
    }
    drop(server);

    let recording = folder.join("heard-by-bob.wav");
    wav::write_mono(&recording, &heard)?;
    println!();
    report(&wav::read_mono(&speech)?, &heard)?;
    if let Some(stats) = quality {
        println!(
            "lost     {} of {} packets",
            stats.audio.audio_packets_lost, stats.audio.packets_received
        );
    }
    println!("listen   {}", recording.canonicalize().unwrap_or(recording).display());
    println!("took     {:.1} s", started.elapsed().as_secs_f64());
    println!();
    println!("go on    cargo run --release --bin express-server       your own server");
    println!("         examples/call.rs                               the whole documented flow in one file");
    println!("         examples/bot.rs                                a bot that hears and answers with PCM");
    Ok(())
}

/// A server process that ends with the demo.
struct Server {
    process: Child,
    url: String,
    ready: String,
}

impl Server {
    fn start(folder: &Path, secret: &Secret) -> Outcome<Self> {
        let config = folder.join("server.toml");
        let text = format!(
            "[http]\nlisten = \"127.0.0.1:0\"\n[media]\nudp = \"127.0.0.1:0\"\n[[apps]]\nid = {APP_ID}\nsecret = \"{}\"\n",
            secret.expose()
        );
        std::fs::write(&config, text)?;
        let log = std::fs::File::create(folder.join("server.log"))?;
        let mut process = Command::new(server_program()?)
            .args(["serve", "--config"])
            .arg(&config)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let stdout = process.stdout.take().ok_or("the server has no standard output")?;
        let mut ready = String::new();
        BufReader::new(stdout).read_line(&mut ready)?;
        let Some(address) = ready.split_whitespace().nth(1) else {
            return Err(format!("the server did not start; see {}", folder.join("server.log").display()).into());
        };
        let url = address.replace("http://", "ws://");
        Ok(Self {
            process,
            url,
            ready: ready.trim().to_owned(),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The server lies beside the folder of the examples.
fn server_program() -> Outcome<PathBuf> {
    let example = std::env::current_exe()?;
    let path = example
        .parent()
        .and_then(Path::parent)
        .ok_or("the demo lies in no folder")?
        .join("express-server");
    match path.exists() {
        true => Ok(path),
        false => Err(format!("{} is missing; `make demo` builds it", path.display()).into()),
    }
}

fn join(server: &Server, secret: &Secret, user: &'static str) -> Outcome<ZegoExpressEngine> {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let grant = Grant {
        app_id: APP_ID,
        user_id: user.into(),
        ttl_s: 3_600,
        privileges: None,
    };
    let token = issue_random(&grant, secret, Cipher::Gcm, now)?;
    let zg = ZegoExpressEngine::new(APP_ID, &server.url)?;
    zg.on(move |e: &RoomStateChanged| println!("{user:<8} room {}: {}", e.room_id, e.reason));
    zg.on(move |e: &PublisherStateUpdate| println!("{user:<8} publishes {}: {}", e.stream_id, e.state));
    zg.on(move |e: &PlayerStateUpdate| println!("{user:<8} plays {}: {}", e.stream_id, e.state));
    zg.login_room(ROOM, &token, user, ZegoRoomConfig::default()).wait()?;
    Ok(zg)
}

fn when_playing(zg: &ZegoExpressEngine) -> Receiver<()> {
    let (sender, receiver) = channel();
    zg.on(move |e: &PlayerStateUpdate| {
        if e.state == PlayerState::Playing {
            // Only the first time is waited for.
            let _ = sender.send(());
        }
    });
    receiver
}

/// Pulls what bob hears, and draws it while it comes.
fn listen(bob: &ZegoExpressEngine, mut frames: ZegoFrames) -> Vec<f32> {
    let live = std::io::stdout().is_terminal();
    let mut heard: Vec<f32> = Vec::with_capacity(48_000 * 8);
    let (mut peak, mut drawn) = (0.0f32, Instant::now());
    while heard.len() < 48 * LISTEN.as_millis() as usize {
        let Some(Ok(block)) = frames.recv() else { break };
        heard.extend(block.samples().chunks_exact(block.channels()).map(|frame| frame[0]));
        peak = peak.max(block.peak());
        if live && drawn.elapsed() >= REDRAW {
            draw(bob, peak);
            (peak, drawn) = (0.0, Instant::now());
        }
    }
    if live {
        println!();
    }
    heard
}

fn draw(bob: &ZegoExpressEngine, peak: f32) {
    // 40 cells for 60 dB.
    let cells = (40.0 + 20.0 * peak.max(1e-6).log10() * 40.0 / 60.0).clamp(0.0, 40.0) as usize;
    let quality = match bob.get_playing_stream_quality(STREAM) {
        Some(stats) => format!(
            "{:.0} kbit/s  loss {:.1} %  buffer {:.0} ms  grade {}",
            stats.audio.audio_bitrate,
            100.0 * stats.audio.audio_packets_lost_rate,
            stats.audio.jitter_buffer_delay_ms,
            i8::from(stats.audio.audio_quality)
        ),
        None => "quality comes every 3 s".into(),
    };
    print!("\rbob      [{:<40}] {quality}   ", "#".repeat(cells));
    // A terminal that is gone is no reason to stop.
    let _ = std::io::stdout().flush();
}

/// Prints what bob heard against what alice said. She speaks in a loop, so her speech is laid out twice.
fn report(speech: &[f32], heard: &[f32]) -> Outcome<()> {
    let said = [speech, speech].concat();
    let seconds = speech.len() as f64 / f64::from(wav::SAMPLE_RATE);
    let result = hearing::compare(heard, &said, seconds).ok_or("bob heard nothing that could be compared")?;
    println!(
        "result   bob heard {:.1} s of what alice said: correlation {:.3}, longest gap {:.0} ms",
        result.compared_s, result.correlation, result.longest_gap_ms
    );
    match result.correlation > 0.8 {
        true => Ok(()),
        false => Err("what bob heard is not what alice said".into()),
    }
}
