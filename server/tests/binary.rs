//! The binary as an operator meets it: command line, streams, signals, exit codes.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

#[path = "binary/attempts.rs"]
mod attempts;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A server process; dropped, it is killed.
struct Server {
    process: Child,
    stdout: BufReader<ChildStdout>,
    ready: String,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut process = command(arguments).spawn().unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut ready = String::new();
        stdout.read_line(&mut ready).unwrap();
        Self { process, stdout, ready }
    }

    fn address(&self) -> SocketAddr {
        let url = self.ready.split(' ').nth(1).unwrap();
        url.strip_prefix("http://").unwrap().parse().unwrap()
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.process.id()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    /// Exit code, the rest of stdout, stderr.
    fn end(mut self) -> (Option<i32>, String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        self.stdout.read_to_string(&mut out).unwrap();
        self.process.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (self.process.wait().unwrap().code(), out, err)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_express-server"));
    command
        .args(arguments)
        .env("EXPRESS__HTTP__LISTEN", "127.0.0.1:0")
        .env("EXPRESS__MEDIA__UDP", "127.0.0.1:0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

#[test]
fn a_server_says_when_it_is_ready_and_stops_when_it_is_told() {
    for (arguments, signal) in [(&["serve"][..], Signal::SIGTERM), (&[], Signal::SIGINT)] {
        let server = Server::start(arguments);
        let words: Vec<&str> = server.ready.trim_end().split(' ').collect();
        assert!(
            matches!(&words[..], ["ready", _, media, "app_id=1"] if media.starts_with("media=127.0.0.1:")),
            "{words:?}"
        );
        assert!(TcpStream::connect(server.address()).is_ok());
        server.signal(signal);
        let (code, out, err) = server.end();
        assert_eq!((code, out.as_str()), (Some(0), ""));
        assert!(err.contains("stopped") && err.contains("--secret"), "{err}");
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let server = Server::start(&["serve"]);
    // An open socket that does not go keeps the first signal waiting.
    let mut socket = TcpStream::connect(server.address()).unwrap();
    let head = format!(
        "GET /v1/signal HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n",
        server.address()
    );
    socket.write_all(head.as_bytes()).unwrap();
    socket.read_exact(&mut [0; 12]).unwrap();
    server.signal(Signal::SIGTERM);
    server.signal(Signal::SIGINT);
    let (code, ..) = server.end();
    assert_eq!(code, Some(130));
}

#[test]
fn the_secret_that_it_shows_opens_the_server() {
    let server = Server::start(&["serve"]);
    let ready = server.ready.clone();
    server.signal(Signal::SIGTERM);
    let (_, _, err) = server.end();
    let hint = err
        .lines()
        .find_map(|line| line.split("express-server token ").nth(1))
        .unwrap();
    let made = run(&[&["token"], &hint.split(' ').collect::<Vec<_>>()[..]].concat());
    assert!(made.status.success() && made.stdout.starts_with(b"04"), "{ready} {made:?}");
}

#[test]
fn what_is_wrong_with_a_configuration_is_said_and_nothing_starts() {
    let folder = std::env::temp_dir().join(format!("express-server-test-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("bad.toml");
    std::fs::write(&file, "[http]\nlissen = 1\n").unwrap();
    let file = file.to_str().unwrap();
    for (arguments, problem) in [
        (vec!["serve", "--config", file], "lissen"),
        (vec!["--config", "/nonexistent.toml"], "/nonexistent.toml"),
        (vec!["token", "--app-id", "1", "--user", "alice", "--config", file], "lissen"),
    ] {
        let output = run(&arguments);
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{arguments:?}");
        assert!(err.contains(problem), "{arguments:?}: {err}");
    }
    // A certificate that is not there is said at the start, too.
    let certificate = [
        ("EXPRESS__HTTP__TLS_CERTIFICATE", "/nonexistent/chain.pem"),
        ("EXPRESS__HTTP__TLS_KEY", "/nonexistent/key.pem"),
    ];
    let output = command(&["serve"]).envs(certificate).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(
        err.contains("http.tls_certificate") && err.contains("/nonexistent/chain.pem"),
        "{err}"
    );
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_printed_configuration_is_one_that_it_takes() {
    let printed = run(&["config"]);
    let text = String::from_utf8(printed.stdout).unwrap();
    assert!(printed.status.success());
    assert!(express_server::config::ServerConfig::from_toml(&text).is_ok());
}

#[test]
fn logs_in_json_are_one_object_a_line_on_stderr() {
    let mut process = command(&["serve"]).env("EXPRESS__LOG__FORMAT", "json").spawn().unwrap();
    let mut stdout = BufReader::new(process.stdout.take().unwrap());
    let mut ready = String::new();
    stdout.read_line(&mut ready).unwrap();
    let server = Server { process, stdout, ready };
    server.signal(Signal::SIGTERM);
    let (_, _, err) = server.end();
    let lines: Vec<&str> = err.lines().filter(|line| line.starts_with('{')).collect();
    assert!(!lines.is_empty());
    for line in lines {
        assert!(line.contains("\"level\":\"") && line.ends_with('}'), "{line}");
    }
}
