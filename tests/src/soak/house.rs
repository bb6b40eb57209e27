//! The server under test: its process, what it uses, what it logs, and the strangers at its door.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::Command,
    time::Duration,
};

use express_bench_forwarder::process::{cpu_ns, rss_kb};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::processes::{Server, program, work_folder};

/// A stranger waits so long for an answer that nobody owes him.
const ANSWER: Duration = Duration::from_secs(5);
/// The gauges of people and what they hold (docs/metrics.md).
const GAUGES: [&str; 6] = [
    "express_rooms",
    "express_users",
    "express_streams",
    "express_connections",
    "express_hosted_resources",
    "express_media_peers",
];

/// What a server process uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Memory in RAM, kB.
    pub rss_kb: u64,
    /// Open files.
    pub files: usize,
    /// Threads.
    pub threads: usize,
}

/// A server process, and those before it.
pub(super) struct House {
    server: Server,
    folder: PathBuf,
    /// CPU time of the processes before this one.
    earlier_cpu_ns: u64,
    log: String,
}

impl House {
    pub(super) fn start() -> Self {
        let folder = work_folder("soak");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = port.expect("loopback has a free port").port();
        let more = format!("[api]\nlisten = \"127.0.0.1:{port}\"\n");
        Self {
            server: Server::start_at(&folder, "127.0.0.1:0", &more),
            folder,
            earlier_cpu_ns: 0,
            log: String::new(),
        }
    }

    pub(super) fn url(&self) -> &str {
        &self.server.url
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.server.address().parse().expect("the ready line has an address")
    }

    /// Stops the process, or lets it go on.
    pub(super) fn pause(&self, stop: bool) {
        let signal = if stop { Signal::SIGSTOP } else { Signal::SIGCONT };
        let pid = i32::try_from(self.server.process.id()).expect("a process id is small");
        kill(Pid::from_raw(pid), signal).expect("it is our child");
    }

    /// `kill -9`, and the same again.
    pub(super) fn restart(&mut self) {
        self.earlier_cpu_ns = self.cpu_ns();
        self.server.process.kill();
        self.log += &self.server.process.log_text();
        self.server.restart();
    }

    pub(super) fn cpu_ns(&self) -> u64 {
        self.earlier_cpu_ns + cpu_ns(self.server.process.id()).unwrap_or_default()
    }

    pub(super) fn usage(&self) -> Usage {
        let count = |what: &str| std::fs::read_dir(format!("/proc/{}/{what}", self.server.process.id())).map(Iterator::count);
        Usage {
            rss_kb: rss_kb(self.server.process.id()).unwrap_or_default(),
            files: count("fd").unwrap_or_default(),
            threads: count("task").unwrap_or_default(),
        }
    }

    /// All lines of its log.
    pub(super) fn log(&self) -> String {
        self.log.clone() + &self.server.process.log_text()
    }

    /// Has the server open and start what it opens and starts with its first requests.
    pub(super) fn warm_up(&self) {
        strangers(self.address());
        self.held();
    }

    /// What kicks somebody out, for a thread that may wait.
    pub(super) fn kick(&self, room: &str, user: &str) -> impl FnOnce() -> Result<(), String> + Send + use<> {
        let mut command = Command::new(program("express-server"));
        command.args(["api", "KickoutUser", "--room", room, "--user", user, "--config"]);
        command.arg(self.folder.join("server.toml"));
        move || {
            let ran = command.output().map_err(|error| error.to_string())?;
            let told = String::from_utf8_lossy(&ran.stderr).into_owned();
            ran.status.success().then_some(()).ok_or(told)
        }
    }

    /// Those [gauges](GAUGES) that are not 0.
    pub(super) fn held(&self) -> BTreeMap<String, f64> {
        let page = talk(
            self.address(),
            b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        );
        let gauge = |line: &str| {
            let (name, value) = line.split_once(' ')?;
            GAUGES
                .contains(&name)
                .then(|| (name.to_owned(), value.parse().unwrap_or(f64::NAN)))
        };
        let held: BTreeMap<_, _> = page.lines().filter_map(gauge).collect();
        assert_eq!(held.len(), GAUGES.len(), "/metrics has all gauges: {page}");
        held.into_iter().filter(|(_, value)| *value != 0.0).collect()
    }
}

/// Everything that a stranger gets for `said` until the server closes the connection.
fn talk(server: SocketAddr, said: &[u8]) -> String {
    let mut answer = Vec::new();
    let _ = TcpStream::connect(server).and_then(|mut stream| {
        stream.set_read_timeout(Some(ANSWER))?;
        stream.write_all(said)?;
        stream.read_to_end(&mut answer)
    });
    String::from_utf8_lossy(&answer).into_owned()
}

/// What strangers say at the door of the signalling: a frame of 100 MB, one that is fragmented without end, JSON nested deeper than any
/// reader should go, half a handshake, and noise.
pub(super) fn strangers(server: SocketAddr) {
    let upgrade = b"GET /v1/signal HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    let after = |frames: &[u8]| [upgrade, frames].concat();
    // Masked text frames; a mask of zeros leaves the content as it is. RFC 6455 section 5.2.
    let long = [&[0x81, 0xff][..], &100_000_000_u64.to_be_bytes(), &[0; 4], &[b'x'; 70_000]].concat();
    let fragment = [&[0x01, 0xfe][..], &4_000_u16.to_be_bytes(), &[0; 4], &[b'x'; 4_000]].concat();
    let deep = [&[0x81, 0xfe][..], &60_000_u16.to_be_bytes(), &[0; 4], &[b'['; 60_000]].concat();
    let said = [
        after(&long),
        after(&fragment.repeat(20)),
        after(&deep),
        upgrade[..40].to_vec(),
        vec![0x16; 2_000],
    ];
    let strangers = said.map(|said| std::thread::spawn(move || talk(server, &said)));
    for stranger in strangers {
        let _ = stranger.join();
    }
}
