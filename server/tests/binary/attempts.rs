//! What ends up in the log of a server that logs everything, while users, strangers and a business server do what they can: none of
//! its secrets, and no line that somebody else wrote.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::{Server, command, run};

const SECRET: &str = "5ecre7-0f-4n-4pp1d-0123456789abc";
/// Begins a line of its own, in another colour, where it is written as it is.
const FORGED: &str = "eve\r\n2026-01-01T00:00:00.000000Z ERROR forged\u{1b}[31m\u{7}";
/// An answer that does not come is none.
const PATIENCE: Duration = Duration::from_secs(5);

/// A server that logs everything into a file.
struct Logging {
    server: Server,
    folder: PathBuf,
}

impl Logging {
    fn start(format: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("express-server-log-{}-{format}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config =
            format!("[api]\nlisten = \"127.0.0.1:{port}\"\n[[apps]]\nid = 7\nsecret = \"{SECRET}\"\n[log]\nlevel = \"trace\"\n");
        std::fs::write(folder.join("server.toml"), config).unwrap();
        let mut process = command(&["serve", "--config", folder.join("server.toml").to_str().unwrap()])
            .env("EXPRESS__LOG__FORMAT", format)
            .stderr(File::create(folder.join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut ready = String::new();
        stdout.read_line(&mut ready).unwrap();
        let server = Server { process, stdout, ready };
        Self { server, folder }
    }

    /// The tool, with this server's configuration.
    fn tool(&self, arguments: &[&str]) -> String {
        let config = self.folder.join("server.toml");
        let output = run(&[arguments, &["--config", config.to_str().unwrap()]].concat());
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A request as it stands, and the whole answer.
    fn ask(&self, request: &str) -> String {
        let mut stream = connect(self.server.address());
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Ends the server; its log.
    fn log(self) -> String {
        drop(self.server);
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap();
        std::fs::remove_dir_all(self.folder).unwrap();
        log
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// One socket of the signalling, by hand: RFC 6455.
struct Signal(TcpStream);

impl Signal {
    fn open(address: SocketAddr) -> Self {
        let mut stream = connect(address);
        let head = "GET /v1/signal HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            answer.extend(byte);
        }
        Self(stream)
    }

    /// Sends a request; the next text that comes.
    fn ask(&mut self, request: &Value) -> Value {
        let text = request.to_string();
        let length = u16::try_from(text.len()).unwrap().to_be_bytes();
        // A mask of zeros leaves the content as it is.
        let frame = [&[0x81, 0xfe][..], &length, &[0; 4], text.as_bytes()].concat();
        self.0.write_all(&frame).unwrap();
        loop {
            let mut head = [0; 2];
            self.0.read_exact(&mut head).unwrap();
            let mut length = u64::from(head[1]);
            if length >= 126 {
                let mut long = vec![0; if length == 126 { 2 } else { 8 }];
                self.0.read_exact(&mut long).unwrap();
                length = long.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            }
            let mut content = vec![0; usize::try_from(length).unwrap()];
            self.0.read_exact(&mut content).unwrap();
            if head[0] == 0x81 {
                return serde_json::from_slice(&content).unwrap();
            }
        }
    }
}

/// Everybody does what they can; the secrets of all of it.
fn attempts(logging: &Logging) -> Vec<String> {
    let token = |user: &str| logging.tool(&["token", "--app-id", "7", "--user", user]);
    let (alice, whip) = (token("alice"), token("whip"));
    let mut signal = Signal::open(logging.server.address());
    let login = |user: &str, token: &str, room: &str| {
        serde_json::json!({"id": 1, "type": "login", "versions": [1], "app_id": 7, "room_id": room, "user_id": user,
            "user_name": FORGED, "token": token})
    };
    // What is wrong with each is told, and logged.
    let mut changed = alice.clone();
    changed.replace_range(40..41, if &alice[40..41] == "A" { "B" } else { "A" });
    for request in [
        login("alice", &changed, "lobby"),
        login(FORGED, &alice, "lobby"),
        login("alice", &alice, FORGED),
    ] {
        assert!(signal.ask(&request)["error"].is_object());
    }
    let answer = signal.ask(&login("alice", &alice, "lobby"));
    let session = answer["ok"]["secret"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
        .to_owned();
    for request in [
        serde_json::json!({"id": 2, "type": "sendBroadcastMessage", "message": FORGED}),
        serde_json::json!({"id": 3, "type": "setRoomExtraInfo", "key": FORGED, "value": FORGED}),
        serde_json::json!({"id": 4, "type": "publish", "stream_id": FORGED, "offer": FORGED, "extra_info": FORGED}),
        serde_json::json!({"id": 5, "type": "publish", "stream_id": "s", "offer": FORGED}),
        serde_json::json!({"id": 6, "type": FORGED}),
    ] {
        assert_eq!(signal.ask(&request)["id"], request["id"]);
    }
    let offer = include_str!("../../../fuzz/corpus/sdp/publisher");
    let offer = offer.get(1..).unwrap();
    let answer = logging.ask(&format!(
        "POST /whip/w?room=lobby HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/sdp\r\n\
         Authorization: Bearer {whip}\r\nContent-Length: {}\r\n\r\n{offer}",
        offer.len()
    ));
    let password = answer.lines().find_map(|line| line.strip_prefix("a=ice-pwd:"));
    let password = password.unwrap_or_else(|| panic!("{answer}")).trim().to_owned();
    let path = "%0d%0a2026-01-01T00:00:00Z%20ERROR%20forged%1b%5b31m";
    for request in [
        format!("GET /{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nUser-Agent: \u{1b}[31mforged\r\n\r\n"),
        format!(
            "POST /whip/{path}?room={path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nOrigin: \u{1b}[31m\r\n\
            Content-Type: application/sdp\r\nAuthorization: Bearer {changed}\r\nContent-Length: 0\r\n\r\n"
        ),
        "\u{1b}[31m\r\n2026-01-01T00:00:00Z ERROR forged\r\n\r\n".to_owned(),
    ] {
        logging.ask(&request);
    }
    logging.tool(&["api", "KickoutUser", "--room", "lobby", "--user", "alice", "--reason", FORGED]);
    logging.tool(&["api", FORGED, "--room", FORGED]);
    vec![SECRET.into(), alice, whip, changed, session, password]
}

#[test]
fn no_secret_is_in_a_log_of_everything_and_nobody_else_writes_a_line_of_it() {
    for format in ["text", "json"] {
        let logging = Logging::start(format);
        let secrets = attempts(&logging);
        let log = logging.log();
        assert!(
            log.contains("alice") && log.contains("lobby") && log.contains("TRACE"),
            "it logs everything"
        );
        for secret in secrets {
            let found: Vec<&str> = log.lines().filter(|line| line.contains(&secret)).collect();
            assert!(found.is_empty(), "{secret} in {found:#?}");
        }
        let odd: Vec<&str> = log.split('\n').filter(|line| line.contains(char::is_control)).collect();
        assert!(odd.is_empty(), "control characters in the log: {odd:#?}");
        for line in log.lines() {
            match format {
                "json" => assert!(
                    serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object()),
                    "{line}"
                ),
                _ => assert!(!line.starts_with("2026-01-01T"), "{line}"),
            }
        }
    }
}
