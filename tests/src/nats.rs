//! A real nats-server with JetStream on a free port, which can be killed and come back.

use std::{
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::plain_http::get;
use crate::processes::{PATIENCE, Process};

/// A nats-server process and its store. Both end with it.
#[derive(Debug)]
pub struct NatsServer {
    process: Option<Process>,
    port: u16,
    /// Where it tells what it counts.
    monitor: u16,
    folder: PathBuf,
    /// More arguments, such as those of TLS.
    more: Vec<String>,
}

/// Messages that clients sent it, and that it sent to clients, since it started; with those of its registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// Taken.
    pub taken: u64,
    /// Given.
    pub given: u64,
}

/// What a bucket holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Keys.
    pub entries: u64,
    /// With their keys, as they lie on the disk.
    pub bytes: u64,
}

impl NatsServer {
    /// Starts one that keeps its store and its log in `folder`.
    ///
    /// # Panics
    /// Where `nats-server` is not installed: `tests/tools/setup.sh test` does it.
    pub fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[])
    }

    /// The same with more arguments.
    pub fn start_with(folder: &Path, more: &[String]) -> Self {
        let mut server = Self {
            process: None,
            port: free_port(),
            monitor: free_port(),
            folder: folder.into(),
            more: more.to_vec(),
        };
        server.start_again();
        server
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `nats://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address())
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Stops it where it stands (`SIGSTOP`): its connections stay and nothing answers.
    ///
    /// # Panics
    /// Where it does not run.
    pub fn freeze(&self) {
        let id = self.signal(nix::sys::signal::Signal::SIGSTOP);
        let deadline = Instant::now() + PATIENCE;
        while !stands(id) {
            assert!(Instant::now() < deadline, "it goes on");
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    /// Ends [`freeze`](Self::freeze).
    ///
    /// # Panics
    /// Where it does not run.
    pub fn thaw(&self) {
        self.signal(nix::sys::signal::Signal::SIGCONT);
    }

    fn signal(&self, signal: nix::sys::signal::Signal) -> i32 {
        let process = self.process.as_ref().expect("it runs");
        let id = i32::try_from(process.id()).expect("process ids are small");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), signal).expect("it is our child");
        id
    }

    /// Deletes what it stored, while it does not run.
    ///
    /// # Panics
    /// While it runs.
    pub fn lose_store(&self) {
        assert!(self.process.is_none(), "it still has its store");
        let _ = std::fs::remove_dir_all(self.store());
    }

    /// Starts it again at the same port, and waits until it takes connections.
    ///
    /// # Panics
    /// When it does not in time.
    pub fn start_again(&mut self) {
        let usual = [
            "--jetstream".to_owned(),
            "--addr=127.0.0.1".into(),
            format!("--port={}", self.port),
            format!("--http_port={}", self.monitor),
            format!("--store_dir={}", self.store().display()),
        ];
        let arguments: Vec<_> = usual.into_iter().chain(self.more.iter().cloned()).collect();
        let process = Process::start(Path::new("nats-server"), &arguments, &self.folder.join("nats.log"));
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(self.address()).is_err() {
            assert!(Instant::now() < deadline, "no nats-server; log: {}", process.log_text());
            std::thread::park_timeout(Duration::from_millis(10));
        }
        self.process = Some(process);
    }

    /// What passed through it.
    ///
    /// # Panics
    /// While it does not run.
    pub fn passed(&self) -> Passed {
        let told = self.told("/varz");
        let count = |name: &str| told[name].as_u64().expect("it counts messages");
        Passed {
            taken: count("in_msgs"),
            given: count("out_msgs"),
        }
    }

    /// What it stores in a bucket; a bucket that is not there is empty.
    ///
    /// # Panics
    /// While it does not run.
    pub fn stored(&self, bucket: &str) -> Stored {
        let told = self.told("/jsz?accounts=true&streams=true");
        let accounts = told["account_details"].as_array().into_iter().flatten();
        let mut streams = accounts.filter_map(|account| account["stream_detail"].as_array()).flatten();
        let stream = streams.find(|stream| stream["name"] == format!("KV_{bucket}"));
        let count = |name: &str| stream.and_then(|stream| stream["state"][name].as_u64()).unwrap_or_default();
        Stored {
            entries: count("messages"),
            bytes: count("bytes"),
        }
    }

    fn told(&self, path: &str) -> Value {
        let text = get(&format!("127.0.0.1:{}", self.monitor), path).expect("it runs");
        serde_json::from_str(&text).expect("it tells JSON")
    }

    fn store(&self) -> PathBuf {
        self.folder.join("store")
    }
}

fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    free.expect("loopback has a free port").port()
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Whether each thread of a process is stopped: the signal reaches them one by one.
fn stands(process: i32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).expect("it runs");
    threads.flatten().all(|thread| {
        let state = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // The name before it stands in brackets.
        state
            .rsplit(')')
            .next()
            .is_some_and(|rest| rest.trim_start().starts_with('T'))
    })
}
