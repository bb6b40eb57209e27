//! A nats-server for a server that is to be one of a cloud.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::rig::wait;

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// A nats-server process with an empty store; dropped, it is killed and its folder removed.
#[derive(Debug)]
pub(crate) struct Broker {
    child: Child,
    folder: PathBuf,
    address: String,
}

impl Broker {
    /// Starts one on a free port of loopback, and waits until it takes connections.
    ///
    /// # Errors
    /// It is not installed (Debian: `nats-server`), or does not start.
    pub(crate) fn start() -> io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("express-bench-{}-nats", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let started = Command::new("nats-server")
            .args(["--jetstream", "--addr=127.0.0.1", &format!("--port={}", address.port())])
            .arg(format!("--store_dir={}", folder.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child =
            started.map_err(|error| io::Error::other(format!("nats-server: {error}; install it (apt install nats-server)")))?;
        let broker = Self {
            child,
            folder,
            address: address.to_string(),
        };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            if Instant::now() > deadline {
                return Err(io::Error::other("nats-server takes no connections"));
            }
            wait(Duration::from_millis(10));
        }
        Ok(broker)
    }

    /// `nats://host:port`
    pub(crate) fn url(&self) -> String {
        format!("nats://{}", self.address)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
