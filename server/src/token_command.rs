//! `express-server token`: the operator's tool for tokens.
//!
//! It makes a token, or opens one and says what is in it and what is wrong with it. Unlike the server it tells the true
//! reason: who runs it has the secret. Ids are judged by their length only; their syntax is the business of loginRoom.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use express_token::{
    Cipher, Claims, Grant, Inspection, IssueError, Policy, Privileges, Reason, Secret, SecretError, inspect, issue_random, verify,
};
use serde_json::json;
use thiserror::Error;

use crate::config::{self, ConfigError};

/// Make a token and print it; or `verify` one
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct TokenArgs {
    #[command(subcommand)]
    command: Option<TokenCommand>,
    #[command(flatten)]
    make: MakeArgs,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Print what a token says as JSON, and judge it: exit 0, or 1 and why
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
struct MakeArgs {
    /// The AppID it is for
    #[arg(long, value_name = "APP_ID", required = true)]
    app_id: Option<u32>,
    /// The userID it is for
    #[arg(long, value_name = "USER", required = true)]
    user: Option<String>,
    /// The only room it opens; without this the token opens every room and permits every stream
    #[arg(long, value_name = "ROOM")]
    room: Option<String>,
    /// The only streams it permits to publish
    #[arg(long, value_name = "STREAM,STREAM", value_delimiter = ',', requires = "room")]
    streams: Option<Vec<String>>,
    /// Permit playing only
    #[arg(long, requires = "room")]
    no_publish: bool,
    /// How long it is good
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400, allow_negative_numbers = true)]
    ttl: i64,
    /// cbc or gcm [default: gcm, or cbc if the configured AppID accepts only that]
    #[arg(long, value_name = "CIPHER")]
    cipher: Option<Cipher>,
    #[command(flatten)]
    secret: SecretArgs,
}

#[derive(Debug, Args)]
struct VerifyArgs {
    /// The token
    token: String,
    /// The AppID that it should be for
    #[arg(long, value_name = "APP_ID")]
    app_id: u32,
    /// The userID that it should be for
    #[arg(long, value_name = "USER")]
    user: String,
    /// The room to log in to
    #[arg(long, value_name = "ROOM")]
    room: Option<String>,
    /// The stream to publish
    #[arg(long, value_name = "STREAM")]
    stream: Option<String>,
    #[command(flatten)]
    secret: SecretArgs,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct SecretArgs {
    /// The secret of the AppID, 32 characters (other users of this machine can see it in the list of processes)
    #[arg(long, allow_hyphen_values = true)]
    secret: Option<String>,
    /// The server's configuration file, for the secret and the rules of the AppID
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Why the tool ends with exit code 1; `Display` is the line for stderr.
#[derive(Debug, Error)]
pub enum TokenCommandError {
    /// The configuration cannot be read.
    #[error(transparent)]
    Config(#[from] Box<ConfigError>),
    /// The configuration has no such AppID.
    #[error("the configuration has no app_id {0}")]
    NoSuchApp(u32),
    /// The secret is none.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The token is not made.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The token would not pass the rules of its AppID, so it is not made.
    #[error("the server would refuse such a token: {0}")]
    WouldBeRefused(Reason),
    /// The token is not good.
    #[error("{0}")]
    Refused(Reason),
    /// The output cannot be written.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// Runs the tool.
///
/// - `out`: gets the token and a newline and nothing else, or one line of JSON with what the token says, even if it is
///   then refused
/// - `now`: unix seconds
///
/// # Errors
/// [`TokenCommandError`]: print it on stderr and exit with 1.
pub fn run(args: &TokenArgs, out: &mut dyn Write, now: i64) -> Result<(), TokenCommandError> {
    match &args.command {
        Some(TokenCommand::Verify(args)) => run_verify(args, out, now),
        None => run_make(&args.make, out, now),
    }
}

fn run_make(args: &MakeArgs, out: &mut dyn Write, now: i64) -> Result<(), TokenCommandError> {
    const REQUIRED: &str = "clap requires it where no subcommand is given";
    let app = App::find(args.app_id.expect(REQUIRED), &args.secret)?;
    let grant = Grant {
        app_id: app.policy.app_id,
        user_id: args.user.clone().expect(REQUIRED),
        ttl_s: args.ttl,
        privileges: args.privileges(),
    };
    let token = issue_random(&grant, &app.secret, args.cipher.unwrap_or(app.cipher()), now)?;
    if app.configured {
        verify(&token, &app.secret, &app.policy, &grant.user_id, now)
            .map_err(|refusal| TokenCommandError::WouldBeRefused(refusal.reason().clone()))?;
    }
    writeln!(out, "{token}")?;
    Ok(())
}

impl MakeArgs {
    fn privileges(&self) -> Option<Privileges> {
        let room_id = self.room.clone()?;
        Some(Privileges {
            room_id,
            login: true,
            publish: !self.no_publish,
            streams: self.streams.clone(),
        })
    }
}

fn run_verify(args: &VerifyArgs, out: &mut dyn Write, now: i64) -> Result<(), TokenCommandError> {
    let app = App::find(args.app_id, &args.secret)?;
    let token = args.token.trim();
    let inspection = inspect(token, &app.secret).map_err(TokenCommandError::Refused)?;
    writeln!(out, "{}", content(&inspection))?;
    verify(token, &app.secret, &app.policy, &args.user, now)
        .and_then(|verified| {
            args.room.iter().try_for_each(|room| verified.may_login(room))?;
            args.stream.iter().try_for_each(|stream| verified.may_publish(stream))
        })
        .map_err(|refusal| TokenCommandError::Refused(refusal.reason().clone()))
}

/// What a token says, in the documented words; `payload` as the object that it is, or null.
fn content(inspection: &Inspection) -> serde_json::Value {
    let Claims {
        app_id,
        user_id,
        nonce,
        ctime,
        expire,
        privileges,
    } = &inspection.claims;
    let payload = privileges.as_ref().map(|privileges| {
        json!({
            "room_id": privileges.room_id,
            "privilege": { "1": u8::from(privileges.login), "2": u8::from(privileges.publish) },
            "stream_id_list": privileges.streams,
        })
    });
    json!({
        "app_id": app_id,
        "user_id": user_id,
        "nonce": nonce,
        "ctime": ctime,
        "expire": expire,
        "payload": payload,
        "cipher": inspection.cipher,
    })
}

/// The AppID in question: its secret, and the rules it is held to.
struct App {
    secret: Secret,
    policy: Policy,
    configured: bool,
}

impl App {
    /// With `--secret` the default rules hold, since nothing else is known.
    fn find(app_id: u32, args: &SecretArgs) -> Result<Self, TokenCommandError> {
        match (&args.secret, &args.config) {
            (None, Some(file)) => Self::configured(app_id, file),
            (secret, _) => {
                let secret = secret.as_deref().expect("clap requires one of the two");
                Ok(Self {
                    secret: Secret::new(secret)?,
                    policy: Policy::new(app_id),
                    configured: false,
                })
            }
        }
    }

    fn configured(app_id: u32, file: &Path) -> Result<Self, TokenCommandError> {
        let config = config::load(Some(file)).map_err(Box::new)?;
        let app = config.app(app_id).ok_or(TokenCommandError::NoSuchApp(app_id))?;
        Ok(Self {
            secret: app.secret.clone(),
            policy: app.policy(),
            configured: true,
        })
    }

    fn cipher(&self) -> Cipher {
        if self.policy.ciphers.contains(Cipher::Gcm) {
            Cipher::Gcm
        } else {
            Cipher::Cbc
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::fs;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const NOW: i64 = 1_700_000_000;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        token: TokenArgs,
    }

    /// Runs a command line at `now`: what is on stdout, and on stderr if it fails.
    fn run_at(line: &[&str], now: i64) -> (String, Option<String>) {
        let cli = Cli::try_parse_from([&["token"], line].concat()).unwrap();
        let mut out = Vec::new();
        let outcome = run(&cli.token, &mut out, now);
        (String::from_utf8(out).unwrap(), outcome.err().map(|error| error.to_string()))
    }

    fn make(line: &str) -> String {
        let line = format!("--app-id 1 --user alice --secret {SECRET} {line}");
        let (out, error) = run_at(&line.split_whitespace().collect::<Vec<_>>(), NOW);
        assert_eq!(error, None);
        out.trim_end().to_owned()
    }

    fn verify_at(token: &str, line: &str, now: i64) -> (String, Option<String>) {
        let line = format!("verify {token} --app-id 1 --secret {SECRET} {line}");
        run_at(&line.split_whitespace().collect::<Vec<_>>(), now)
    }

    fn config_file(name: &str, app: &str) -> PathBuf {
        let file = std::env::temp_dir().join(format!("express-token-{}-{name}.toml", std::process::id()));
        fs::write(&file, format!("[[apps]]\nid = 1\nsecret = \"{SECRET}\"\n{app}\n")).unwrap();
        file
    }

    fn run_with_config(line: &str, file: &Path, now: i64) -> (String, Option<String>) {
        let file = file.to_str().unwrap();
        run_at(
            &[&line.split_whitespace().collect::<Vec<_>>()[..], &["--config", file]].concat(),
            now,
        )
    }

    #[test]
    fn making_prints_the_token_and_a_newline_and_nothing_else() {
        let (out, error) = run_at(&["--app-id", "1", "--user", "用户 é", "--secret", SECRET], NOW);
        assert_eq!(error, None);
        assert!(
            out.starts_with("04") && out.ends_with('\n') && out.lines().count() == 1,
            "{out:?}"
        );
    }

    #[test]
    fn a_secret_may_begin_with_a_hyphen() {
        let secret = SECRET.replace('0', "-");
        let (token, error) = run_at(&["--app-id", "1", "--user", "alice", "--secret", &secret], NOW);
        assert_eq!(error, None);
        let line = [
            "verify",
            token.trim_end(),
            "--app-id",
            "1",
            "--user",
            "alice",
            "--secret",
            &secret,
        ];
        assert_eq!(run_at(&line, NOW).1, None);
    }

    #[test]
    fn verifying_prints_the_content_as_one_line_of_json() {
        let table = [
            ("--cipher cbc", "cbc", 86_400, "null"),
            ("--ttl 60", "gcm", 60, "null"),
            (
                "--room r",
                "gcm",
                86_400,
                r#"{"room_id":"r","privilege":{"1":1,"2":1},"stream_id_list":null}"#,
            ),
            (
                "--room r --streams a,b --no-publish",
                "gcm",
                86_400,
                r#"{"room_id":"r","privilege":{"1":1,"2":0},"stream_id_list":["a","b"]}"#,
            ),
        ];
        for (line, cipher, ttl, payload) in table {
            let (out, error) = verify_at(&make(line), "--user alice", NOW);
            assert_eq!((error, out.lines().count()), (None, 1));
            let content: serde_json::Value = serde_json::from_str(&out).unwrap();
            let nonce = content["nonce"].clone();
            assert!(nonce.is_i64());
            let payload: serde_json::Value = serde_json::from_str(payload).unwrap();
            assert_eq!(
                content,
                json!({
                    "app_id": 1, "user_id": "alice", "nonce": nonce, "ctime": NOW, "expire": NOW + ttl,
                    "payload": payload, "cipher": cipher,
                })
            );
        }
    }

    #[test]
    fn verifying_says_why_a_token_is_not_good_and_still_prints_what_it_says() {
        let (basic, listed) = (make(""), make("--room r --streams a,b"));
        let silent = make("--room r --no-publish");
        let table = [
            (&basic, "--user alice --room any --stream any", NOW, None),
            (&listed, "--user alice --room r --stream b", NOW, None),
            (&basic, "--user bob", NOW, Some("the token is for user_id \"alice\"")),
            (&basic, "--user alice", NOW + 86_400, Some("the token expired 0 s ago")),
            (&basic, "--user alice", NOW - 301, Some("ctime lies 301 s ahead of the clock")),
            (&listed, "--user alice --room q", NOW, Some("the token is for room \"r\"")),
            (
                &listed,
                "--user alice --room r --stream c",
                NOW,
                Some("the token does not permit this stream"),
            ),
            (
                &silent,
                "--user alice --stream a",
                NOW,
                Some("the token does not permit publishing"),
            ),
        ];
        for (token, line, now, why) in table {
            let (out, error) = verify_at(token, line, now);
            assert_eq!(error.as_deref(), why, "{line}");
            assert!(out.contains("\"user_id\":\"alice\""), "{out}");
        }
    }

    #[test]
    fn a_token_that_does_not_open_has_no_content_to_print() {
        let other = "fedcba9876543210fedcba9876543210";
        let line = ["verify", &make(""), "--app-id", "1", "--user", "alice", "--secret", other];
        let (out, error) = run_at(&line, NOW);
        assert_eq!(
            (out.as_str(), error.as_deref()),
            ("", Some("the token does not open with this secret"))
        );
    }

    #[test]
    fn what_cannot_be_made_is_said() {
        let table = [
            ("--app-id 0 --user u", "app_id may not be 0"),
            ("--app-id 1 --user u --ttl 0", "the token must live longer than 0 seconds"),
            ("--app-id 1 --user u --ttl -5", "the token must live longer than 0 seconds"),
            (
                "--app-id 1 --user u --room r --streams a,,b",
                "the length of stream_id_list is out of bounds",
            ),
        ];
        for (line, why) in table {
            let line: Vec<_> = line.split(' ').chain(["--secret", SECRET]).collect();
            assert_eq!(run_at(&line, NOW), (String::new(), Some(why.into())));
        }
        let (out, error) = run_at(&["--app-id", "1", "--user", "u", "--secret", "short"], NOW);
        assert_eq!(
            (out.as_str(), error.as_deref()),
            ("", Some("the secret must be 32 characters, this one has 5 bytes"))
        );
    }

    #[test]
    fn a_command_line_with_too_little_or_too_much_is_refused() {
        let table = [
            "",
            "--app-id 1 --user u",
            "--app-id 1 --secret s",
            "--user u --secret s",
            "--app-id x --user u --secret s",
            "--app-id 4294967296 --user u --secret s",
            "--app-id 1 --user u --secret s --config f",
            "--app-id 1 --user u --secret s --cipher des",
            "--app-id 1 --user u --secret s --streams a",
            "--app-id 1 --user u --secret s --no-publish",
            "verify --app-id 1 --user u --secret s",
            "verify T --app-id 1 --user u",
            "verify T --app-id 1 --user u --secret s --config f",
            "--app-id 1 --user u --secret s verify T",
        ];
        for line in table {
            let line = ["token"].into_iter().chain(line.split_whitespace());
            assert!(Cli::try_parse_from(line.clone()).is_err(), "{:?}", line.collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_configuration_gives_the_secret_and_the_rules_of_the_app_id() {
        let file = config_file("rules", "max_ttl = 60\nciphers = [\"cbc\"]");
        let (token, error) = run_with_config("--app-id 1 --user alice --ttl 60", &file, NOW);
        assert_eq!(error, None);
        let (content, error) = run_with_config(&format!("verify {} --app-id 1 --user alice", token.trim()), &file, NOW);
        assert_eq!(error, None);
        assert!(
            content.contains("\"cipher\":\"cbc\""),
            "gcm is not accepted, so cbc is the default: {content}"
        );
        let refused = "the server would refuse such a token: ";
        let table = [
            (
                "--app-id 1 --user u --ttl 61",
                format!("{refused}the token lives 61 s, more than the permitted 60 s"),
            ),
            (
                "--app-id 1 --user u --ttl 60 --cipher gcm",
                format!("{refused}the cipher gcm is not accepted"),
            ),
            ("--app-id 2 --user u", "the configuration has no app_id 2".into()),
        ];
        for (line, why) in table {
            assert_eq!(run_with_config(line, &file, NOW), (String::new(), Some(why)));
        }
        let gcm = format!("verify {} --app-id 1 --user alice", make("--ttl 60"));
        assert_eq!(
            run_with_config(&gcm, &file, NOW).1.as_deref(),
            Some("the cipher gcm is not accepted")
        );
        fs::remove_file(file).unwrap();
    }

    #[test]
    fn a_configuration_that_cannot_be_read_is_said() {
        let (out, error) = run_with_config("--app-id 1 --user u", Path::new("/nonexistent/server.toml"), NOW);
        assert_eq!(out, "");
        assert!(error.is_some());
    }
}
