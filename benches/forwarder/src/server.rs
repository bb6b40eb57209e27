//! The server that is measured: `express-server` as a process of its own, with its rate limits off.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The AppID of the measured server.
pub const APP_ID: u32 = 1;
/// Its secret. Nobody but this machine can reach it.
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// The keys of `[limits]` that are set to 0, which is off.
pub const LIMITS_OFF: [&str; 8] = [
    "connections",
    "connections_per_address",
    "connects_per_address_per_s",
    "sessions_per_app",
    "rooms_per_app",
    "logins_per_room_per_s",
    "unproved_datagrams_per_address_per_s",
    "unproved_datagrams_per_s",
];

/// A server process; dropped, it is killed and its folder removed.
#[derive(Debug)]
pub struct Server {
    child: Child,
    folder: PathBuf,
    url: String,
}

impl Server {
    /// Starts `program`, on free ports of loopback, and waits until it is ready. `name`: of its folder under the temporary one;
    /// `limits_off`: [`LIMITS_OFF`], or none to measure it as it ships.
    ///
    /// # Errors
    /// It does not start; its log is in the text.
    pub fn start(program: &Path, name: &str, limits_off: &[&str]) -> io::Result<Self> {
        Self::start_with(program, name, limits_off, "")
    }

    /// The same with more lines of TOML behind the usual ones.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with(program: &Path, name: &str, limits_off: &[&str], more: &str) -> io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("express-bench-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("server.toml"), configuration(limits_off) + more)?;
        let log = std::fs::File::create(folder.join("server.log"))?;
        let started = Command::new(program)
            .args(["serve", "--config"])
            .arg(folder.join("server.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn();
        let child = started.map_err(|error| io::Error::other(format!("{}: {error}; is it built?", program.display())))?;
        let mut server = Self {
            child,
            folder,
            url: String::new(),
        };
        server.url = server.ready_url()?;
        Ok(server)
    }

    /// `http://host:port`
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn ready_url(&mut self) -> io::Result<String> {
        let stdout = self.child.stdout.take().into_iter();
        let mut lines = stdout.flat_map(|stdout| BufReader::new(stdout).lines().map_while(Result::ok));
        let url = lines.find_map(|line| Some(line.strip_prefix("ready ")?.split_whitespace().next()?.to_owned()));
        url.ok_or_else(|| {
            let log = std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default();
            io::Error::other(format!("the server did not become ready: {log}"))
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn configuration(limits_off: &[&str]) -> String {
    let mut limits = String::new();
    for key in limits_off {
        // Writing into a String cannot fail.
        let _ = writeln!(limits, "{key} = 0");
    }
    format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n[media]\nudp = \"127.0.0.1:0\"\n[[apps]]\nid = {APP_ID}\nsecret = \"{SECRET}\"\n\
        [limits]\n{limits}media_peers = 100000\n[log]\nlevel = \"warn\"\n"
    )
}
