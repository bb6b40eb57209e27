//! express-call as people see it: a call of three on three terminals of tmux, read as text; and as scripts see it.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use express_tests::{
    firewall::Inside,
    processes::{PATIENCE, Process, Server, program, work_folder},
    tokens::{APP_ID, token},
};

const SPEECH: [(&str, &str); 3] = [
    ("alice", concat!(env!("CARGO_MANIFEST_DIR"), "/speech/libri103_female.wav")),
    ("bob", concat!(env!("CARGO_MANIFEST_DIR"), "/speech/jfk_male.wav")),
    ("carol", concat!(env!("CARGO_MANIFEST_DIR"), "/speech/libri40_female.wav")),
];
/// With this in the environment, the picture of the README is made anew.
const PICTURE: &str = "EXPRESS_PICTURE";

/// The shell of a terminal: it runs its arguments, says how they ended, and waits for what is typed, as shells do.
///
/// It says it on the screen, as tmux may never know: it takes a program out of utmp by libutempter, which throws away SIGCHLD
/// while it does so (tmux 3.3a). A program that ends just then is a zombie without a `pane_dead_status` for ever.
const SHELL: [&str; 4] = ["sh", "-c", r#""$@"; echo "ended with $?"; read -r typed"#, "sh"];

/// A tmux of its own with a session for each terminal of 80 by 24, ended when dropped.
struct Terminals {
    socket: String,
}

impl Terminals {
    fn new(folder: &Path) -> Self {
        // A pane stays even when its shell has ended, to be looked at, and no line of tmux takes a row.
        std::fs::write(folder.join("tmux.conf"), "set -g remain-on-exit on\nset -g status off\n").unwrap();
        let socket = folder.join("tmux").display().to_string();
        Self { socket }
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux").args(["-S", &self.socket]).args(arguments).output();
        let output = output.expect("tmux is installed (tests/tools/setup.sh test)");
        assert!(
            output.status.success(),
            "tmux {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn open(&self, folder: &Path, user: &str, command: &[&str]) {
        let config = folder.join("tmux.conf").display().to_string();
        let token = format!("EXPRESS_TOKEN={}", token(user));
        let mut arguments = vec![
            "-f",
            &config,
            "new-session",
            "-d",
            "-s",
            user,
            "-x",
            "80",
            "-y",
            "24",
            "-e",
            &token,
        ];
        arguments.extend(SHELL);
        arguments.extend(command);
        self.tmux(&arguments);
    }

    fn ask(&self, user: &str, format: &str) -> String {
        let answer = self.tmux(&["display-message", "-p", "-t", user, format]);
        answer.trim().to_owned()
    }

    /// What is known of a terminal and its processes, for who looks for a fault.
    fn known(&self, user: &str) -> String {
        let pane = self.ask(
            user,
            "alternate_on=#{alternate_on} pane_dead=#{pane_dead} pane_dead_status=#{pane_dead_status} pane_pid=#{pane_pid}",
        );
        let tty = self.ask(user, "#{pane_tty}");
        let columns = "pid,ppid,tid,stat,wchan:24,args";
        let processes = match Command::new("ps").args(["-L", "-o", columns, "-t", &tty]).output() {
            Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
            Err(error) => format!("ps: {error}"),
        };
        format!("{pane}\n{processes}")
    }

    fn screen(&self, user: &str) -> String {
        self.tmux(&["capture-pane", "-p", "-t", user])
    }

    fn press(&self, user: &str, keys: &[&str]) {
        let mut arguments = vec!["send-keys", "-t", user];
        arguments.extend(keys);
        self.tmux(&arguments);
    }

    /// The screen once it is `wanted`.
    fn wait(&self, user: &str, what: &str, mut wanted: impl FnMut(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen(user);
            if wanted(&screen) {
                return screen;
            }
            assert!(
                Instant::now() < deadline,
                "{user} does not see {what}:\n{screen}\n{}",
                self.known(user)
            );
            // tmux does not tell when a screen changes.
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }
}

impl Drop for Terminals {
    fn drop(&mut self) {
        let kill = Command::new("tmux")
            .args(["-S", &self.socket, "kill-server"])
            .stderr(Stdio::null())
            .status();
        // It ends with its last session, too.
        drop(kill);
    }
}

/// The row of somebody in the list of people.
fn row<'s>(screen: &'s str, who: &str) -> &'s str {
    let mut rows = screen.lines().skip(3).take_while(|line| line.starts_with('│'));
    rows.find(|line| line.contains(who)).unwrap_or_default()
}

fn arguments<'a>(server: &'a Server, user: &'a str, wav: &'a str) -> Vec<String> {
    let app_id = APP_ID.to_string();
    let usual = [
        "--server",
        &server.url,
        "--app-id",
        &app_id,
        "--room",
        "demo",
        "--user",
        user,
        "--wav",
        wav,
        "--loop",
    ];
    usual.iter().map(|argument| (*argument).to_owned()).collect()
}

#[test]
fn three_on_their_terminals_see_each_other_speak_mute_and_write() {
    let folder = work_folder("terminal");
    let server = Server::start(&folder);
    let call = program("express-call").display().to_string();
    let terminals = Terminals::new(&folder);
    for (user, wav) in SPEECH {
        let arguments = arguments(&server, user, wav);
        let mut command = vec![call.as_str()];
        command.extend(arguments.iter().map(String::as_str));
        terminals.open(&folder, user, &command);
    }

    for (user, others) in [
        ("alice", ["bob", "carol"]),
        ("bob", ["alice", "carol"]),
        ("carol", ["alice", "bob"]),
    ] {
        terminals.wait(user, "the two others speak", |screen| {
            screen.contains("connected  3 here")
                && others.iter().all(|other| row(screen, other).contains('#'))
                && row(screen, "(you)").contains(user)
        });
        let mut levels = std::collections::HashSet::new();
        terminals.wait(user, "a meter that moves", |screen| {
            levels.insert(row(screen, others[0]).matches('#').count());
            levels.len() >= 3
        });
    }
    // Figures come every 3 s.
    terminals.wait("alice", "the quality of the others", |screen| {
        ["bob", "carol"].iter().all(|other| row(screen, other).contains("excellent"))
    });

    terminals.press("alice", &["Enter"]);
    terminals.press("alice", &["-l", "hello, you two"]);
    terminals.press("alice", &["Enter"]);
    for other in ["bob", "carol"] {
        terminals.wait(other, "the message", |screen| screen.contains("alice: hello, you two"));
    }
    let picture = terminals.wait("alice", "that bob speaks", |screen| {
        let row = row(screen, "bob");
        row.contains("speaking") && row.contains("###")
    });
    println!("{picture}");
    if std::env::var_os(PICTURE).is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/express-call.txt"), &picture).unwrap();
    }

    terminals.press("alice", &["m"]);
    for other in ["bob", "carol"] {
        terminals.wait(other, "that alice is muted", |screen| {
            let row = row(screen, "alice");
            row.contains("muted") && !row.contains('#')
        });
    }
    terminals.press("alice", &["m"]);
    terminals.wait("bob", "that alice speaks again", |screen| {
        row(screen, "alice").contains("speaking")
    });

    terminals.press("alice", &["q"]);
    for other in ["bob", "carol"] {
        terminals.wait(other, "that alice left", |screen| {
            row(screen, "alice").is_empty() && screen.contains("2 here")
        });
    }
    let screen = terminals.wait("alice", "that the program ended", |screen| screen.contains("ended with"));
    assert!(screen.contains("ended with 0"), "{screen}");
    assert!(!screen.contains("who is here"), "{screen}");
    assert_eq!(terminals.ask("alice", "#{alternate_on}"), "0");
    // A terminal that is still raw shows nothing of what is typed.
    terminals.press("alice", &["-l", "as before"]);
    terminals.wait("alice", "what is typed", |screen| screen.contains("as before"));
}

#[test]
fn a_script_gets_events_as_lines_obeys_commands_and_records_what_it_heard() {
    let folder = work_folder("script");
    let server = Server::start(&folder);
    let call = program("express-call");
    let (alice, bob) = (SPEECH[0], SPEECH[1]);
    let start = |user: &str, arguments: &[String]| {
        let environment = [("EXPRESS_TOKEN".to_owned(), token(user))];
        Process::start_in(&call, arguments, &folder.join(format!("{user}.log")), &environment)
    };
    let _bob = start("bob", &arguments(&server, bob.0, bob.1));
    let record = folder.display().to_string();
    let mut arguments = arguments(&server, alice.0, alice.1);
    arguments.extend(["--record", &record, "--seconds", "6"].map(String::from));
    let mut alice = start("alice", &arguments);
    alice.line("bob is heard", |line| {
        line.contains("\"PLAYING\"") && line.contains("bob-voice")
    });
    alice.line("the end", |line| line.contains("\"end\"") && line.contains("\"left\""));
    assert_eq!(alice.wait(PATIENCE).code(), Some(0), "{}", alice.log_text());
    let heard = express_examples::wav::read_mono(&folder.join("bob-voice.wav")).unwrap();
    assert!(
        heard.len() > 48_000 && heard.iter().any(|sample| sample.abs() > 0.1),
        "{} samples",
        heard.len()
    );
}

#[test]
fn a_speaker_that_cannot_be_used_is_given_up_with_the_first_who_is_to_be_heard_on_it() {
    let folder = work_folder("speaker");
    let server = Server::start(&folder);
    let start = |(user, wav): (&str, &str), more: &[&str]| {
        let mut arguments = arguments(&server, user, wav);
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        let environment = [("EXPRESS_TOKEN".to_owned(), token(user))];
        Process::start_in(
            &program("express-call"),
            &arguments,
            &folder.join(format!("{user}.log")),
            &environment,
        )
    };
    let mut alice = start(SPEECH[0], &["--speaker", "nohost:nothing", "--seconds", "8"]);
    let _bob = start(SPEECH[1], &[]);
    let mut refusals = 0;
    let mut is_refused = |line: &str| {
        refusals += usize::from(line.contains("\"call\":\"speaker\"") && line.contains("1103093"));
    };
    alice.line("that the default speaker is used", |line| {
        is_refused(line);
        line.contains("the default speaker")
    });
    let _carol = start(SPEECH[2], &[]);
    alice.line("carol is heard", |line| {
        is_refused(line);
        line.contains("\"PLAYING\"") && line.contains("carol-voice")
    });
    alice.line("the end", |line| {
        is_refused(line);
        line.contains("\"end\"")
    });
    assert_eq!(alice.wait(PATIENCE).code(), Some(0), "{}", alice.log_text());
    assert_eq!(refusals, 1, "bob was refused there, and carol not sent there any more");
}

#[test]
fn a_login_that_is_refused_and_a_server_that_gives_no_token_have_their_exit_status() {
    let folder = work_folder("refused");
    let server = Server::start(&folder);
    let mut arguments = arguments(&server, "alice", SPEECH[0].1);
    for (token, why) in [(Some(token("bob")), "LOGIN_FAILED"), (None, "--token-file")] {
        let environment: Vec<_> = token.map(|token| ("EXPRESS_TOKEN".to_owned(), token)).into_iter().collect();
        let mut process = Process::start_in(&program("express-call"), &arguments, &folder.join("log"), &environment);
        assert_eq!(process.wait(PATIENCE).code(), Some(3));
        assert!(process.log_text().contains(why), "{}", process.log_text());
    }
    arguments.push("--shout".into());
    let mut process = Process::start(&program("express-call"), &arguments, &folder.join("log"));
    assert_eq!(process.wait(PATIENCE).code(), Some(2));
}

#[test]
fn a_check_tells_what_works_here_and_whether_the_server_can_be_reached() {
    let folder = work_folder("check");
    let mut server = Server::start(&folder);
    let arguments = ["--check", "--server", &server.url].map(String::from);
    let check = || Process::start(&program("express-call"), &arguments, &folder.join("log"));
    assert_report(check(), 0, &["\"codec\":true", "\"server\":true", "\"udp\":true"]);
    server.process.kill();
    assert_report(check(), 1, &["\"server\":false", "cannot connect to", "\"udp\":null"]);
}

#[test]
fn a_check_behind_a_firewall_that_blocks_udp_says_so_and_that_calls_go_over_tcp() {
    let folder = work_folder("check-firewall");
    let inside = Inside::new("check");
    let media = format!("udp = \"{0}:0\"\ntcp = \"{0}:0\"", inside.outside);
    let server = Server::start_reachable(&folder, &format!("{}:0", inside.outside), &media, "");
    let arguments = ["--check", "--server", &server.url].map(String::from);
    let check = || inside.start(&program("express-call"), &arguments, &folder.join("log"));
    assert_report(check(), 0, &["\"server\":true", "\"udp\":true", "\"tcp\":true"]);
    inside.block("udp", None);
    let blocked = [
        "\"udp\":false",
        "\"tcp\":true",
        "nothing came back over UDP",
        "calls go over TCP",
    ];
    assert_report(check(), 0, &blocked);
    inside.block("tcp", None);
    assert_report(check(), 1, &["\"server\":false", "the server did not answer"]);
}

fn assert_report(mut check: Process, status: i32, parts: &[&str]) {
    let found = check.line("the report", |line| line.starts_with('{'));
    println!("{found}");
    for part in parts {
        assert!(found.contains(part), "{part} is not in {found}");
    }
    assert_eq!(check.wait(PATIENCE).code(), Some(status), "{found}");
}
