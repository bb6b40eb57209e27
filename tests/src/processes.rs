//! Real processes of this project: the server, `publish`, `play`.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use crate::firewall::Inside;
use crate::tokens::{APP_ID, SECRET};

/// How long a process may take for what takes it a tenth of that.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The path of a built program: `express-server` or `examples/publish`.
///
/// # Panics
/// Where it is not built: `cargo build --release --workspace --bins --examples` does it, as `make test` does.
pub fn program(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("a program has a path");
    // A test runs in target/release/deps, a program in target/release.
    let folders = this.ancestors().skip(1).take(2);
    let path = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    path.unwrap_or_else(|| panic!("{name} is not built; run `cargo build --release --workspace --bins --examples`"))
}

/// A folder of this test run's own, emptied first.
pub fn work_folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("express-test-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
    folder
}

/// Lets things go on for so long. `park_timeout` alone may end at once: a channel that was read leaves a wake-up behind.
pub fn park(time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        std::thread::park_timeout(until.saturating_duration_since(Instant::now()));
    }
}

/// A process that is killed when dropped, with its standard output read line by line.
#[derive(Debug)]
pub struct Process {
    child: Child,
    lines: mpsc::Receiver<(Instant, String)>,
    log: PathBuf,
}

impl Process {
    /// Starts `program` with `arguments`; its standard error goes to `log`.
    pub fn start(program: &Path, arguments: &[String], log: &Path) -> Self {
        Self::start_in(program, arguments, log, &[])
    }

    /// As [`start`](Self::start), with more environment.
    pub fn start_in(program: &Path, arguments: &[String], log: &Path, environment: &[(String, String)]) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(log).expect("the log can be written"))
            .spawn()
            .expect("the program starts");
        let stdout = child.stdout.take().expect("it is piped");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send((Instant::now(), line)).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            lines,
            log: log.into(),
        }
    }

    /// The next line of standard output that `wanted` likes; others are passed over.
    ///
    /// # Panics
    /// When none comes in time, or the output ends.
    pub fn line(&self, what: &str, mut wanted: impl FnMut(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut passed = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok((_, line)) if wanted(&line) => return line,
                Ok((_, line)) => passed.push(line),
                Err(why) => panic!(
                    "waited for {what}: {why}; lines so far: {passed:#?}\nlog: {}",
                    self.log_text()
                ),
            }
        }
    }

    /// The lines of standard output that came since the last look, and when.
    pub fn lines(&self) -> Vec<(Instant, String)> {
        self.lines.try_iter().collect()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// `SIGTERM`: it may end in its own time.
    ///
    /// # Panics
    /// Where it does not run.
    pub fn terminate(&self) {
        let id = i32::try_from(self.id()).expect("process ids are small");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::Signal::SIGTERM).expect("it is our child");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end within `patience`.
    pub fn wait(&mut self, patience: Duration) -> ExitStatus {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "the process does not end; log: {}",
                self.log_text()
            );
            // A pipe that closes would wake us, but a process can end without closing it (a grandchild holds it), and its lines
            // are for whoever asks for them.
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// What it wrote to standard error.
    pub fn log_text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A server process.
#[derive(Debug)]
pub struct Server {
    /// The process.
    pub process: Process,
    /// `ws://127.0.0.1:port`.
    pub url: String,
    config: PathBuf,
    more: String,
}

impl Server {
    /// Starts a server on free ports.
    pub fn start(folder: &Path) -> Self {
        Self::start_at(folder, "127.0.0.1:0", "")
    }

    /// Starts a server whose signalling listens at `listen`, with more TOML behind the usual.
    pub fn start_at(folder: &Path, listen: &str, more: &str) -> Self {
        Self::start_reachable(folder, listen, "udp = \"127.0.0.1:0\"", more)
    }

    /// The same, with the lines of its `[media]`: for a server that is reached from another machine.
    pub fn start_reachable(folder: &Path, listen: &str, media: &str, more: &str) -> Self {
        let config = write_config(folder, listen, media, more);
        let log = config.with_extension("log");
        let process = Process::start(&program("express-server"), &serve(&config), &log);
        Self::when_ready(process, config, more)
    }

    /// The same on a machine behind a firewall.
    pub fn start_inside(inside: &Inside, folder: &Path, listen: &str, media: &str, more: &str) -> Self {
        let config = write_config(folder, listen, media, more);
        let log = config.with_extension("log");
        let process = inside.start(&program("express-server"), &serve(&config), &log);
        Self::when_ready(process, config, more)
    }

    fn when_ready(process: Process, config: PathBuf, more: &str) -> Self {
        let ready = process.line("the server's ready line", |line| line.starts_with("ready "));
        let url = ready
            .split_whitespace()
            .nth(1)
            .expect("the ready line has an address")
            .replace("http://", "ws://");
        Self {
            process,
            url,
            config,
            more: more.into(),
        }
    }

    /// `host:port` of the signalling.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("ws://")
    }

    /// Its configuration file.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Starts again at the same address, after the process was killed; media is on loopback.
    pub fn restart(&mut self) {
        self.process.kill();
        let folder = self.config.parent().expect("the file lies in a folder").to_path_buf();
        let address = self.address().to_owned();
        *self = Self::start_at(&folder, &address, &self.more);
    }
}

fn write_config(folder: &Path, listen: &str, media: &str, more: &str) -> PathBuf {
    let config = folder.join("server.toml");
    let app = format!("[[apps]]\nid = {APP_ID}\nsecret = \"{SECRET}\"");
    let text = format!("[http]\nlisten = \"{listen}\"\n[media]\n{media}\n{app}\n{more}");
    std::fs::write(&config, text).expect("the folder can be written");
    config
}

fn serve(config: &Path) -> [String; 3] {
    ["serve".to_owned(), "--config".to_owned(), config.display().to_string()]
}

/// Starts `examples/publish` or `examples/play` with `--json` and the usual arguments, and `more`.
pub fn example(name: &str, server: &Server, room: &str, user: &str, stream: &str, folder: &Path, more: &[&str]) -> Process {
    let arguments = example_arguments(server, room, user, stream, more);
    Process::start(
        &program(&format!("examples/{name}")),
        &arguments,
        &folder.join(format!("{name}-{user}.log")),
    )
}

/// The arguments of [`example`].
pub fn example_arguments(server: &Server, room: &str, user: &str, stream: &str, more: &[&str]) -> Vec<String> {
    let (app_id, token) = (APP_ID.to_string(), crate::tokens::token(user));
    let usual = [
        "--server",
        &server.url,
        "--app-id",
        &app_id,
        "--token",
        &token,
        "--room",
        room,
        "--user",
        user,
        "--stream",
        stream,
    ];
    usual
        .iter()
        .chain(&["--json"])
        .chain(more)
        .map(|argument| (*argument).to_owned())
        .collect()
}
