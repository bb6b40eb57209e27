//! `express-server api`: a signed call of the server API, for operators and scripts.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use express_token::{Secret, SecretError};
use serde_json::Value;
use thiserror::Error;

use crate::config::{self, ConfigError, ServerConfig};
use crate::http::api::signature;

/// Where the server API is where nothing else is said.
const USUAL: &str = "127.0.0.1:8081";
/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Call the server API and print its answer: exit 0 if its Code is 0
#[derive(Debug, Args)]
pub struct ApiArgs {
    /// The action: KickoutUser, CloseRoom, DescribeUserList, ... (docs/server-api.md)
    action: String,
    /// RoomId
    #[arg(long, value_name = "ROOM")]
    room: Option<String>,
    /// UserId; once for each user
    #[arg(long, value_name = "USER")]
    user: Vec<String>,
    /// CustomReason
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Any other parameter; once for each value of a list
    #[arg(long = "param", short, value_name = "NAME=VALUE", value_parser = pair)]
    params: Vec<(String, String)>,
    /// The AppID [default: the only one that is configured]
    #[arg(long, value_name = "APP_ID")]
    app_id: Option<u32>,
    /// The server's configuration file, for the secret of the AppID and the address of the API
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The secret instead (other users of this machine can see it in the list of processes)
    #[arg(long, allow_hyphen_values = true, conflicts_with = "config", requires = "app_id")]
    secret: Option<String>,
    /// Where the API is [default: http:// and the configured address, or 127.0.0.1:8081]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// Why the tool ends with exit code 1; `Display` is the line for stderr.
#[derive(Debug, Error)]
pub enum ApiCommandError {
    /// The configuration cannot be read.
    #[error(transparent)]
    Config(#[from] Box<ConfigError>),
    /// The secret is none.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Nobody can know which AppID is meant.
    #[error("say which AppID is meant: --app-id, one that the configuration has")]
    App,
    /// There is no answer.
    #[error("{url} does not answer the call: {source}")]
    Call {
        /// Where it was tried.
        url: String,
        /// What happened.
        source: Box<ureq::Error>,
    },
    /// The answer is no answer of the server API.
    #[error("this is no answer of the server API: {0}")]
    Answer(String),
    /// The call was refused.
    #[error("refused with code {0}")]
    Refused(u64),
    /// The output cannot be written.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// Runs the tool.
///
/// - `out`: gets the answer, one line of JSON
/// - `unix_s`: the time that the call is signed with
///
/// # Errors
/// [`ApiCommandError`]; a refused call is one, too.
pub fn run(args: &ApiArgs, out: &mut impl Write, unix_s: u64) -> Result<(), ApiCommandError> {
    let config = args.config.as_deref().map(|file| config::load(Some(file)));
    let config = config.transpose().map_err(Box::new)?;
    let (app_id, secret) = app(args, config.as_ref())?;
    let url = args.url.clone().unwrap_or_else(|| usual_url(config.as_ref()));
    let text = send(&url, &pairs(args, app_id, &secret, unix_s))?;
    writeln!(out, "{text}")?;
    let answer: Option<Value> = serde_json::from_str(&text).ok();
    match answer.as_ref().and_then(|answer| answer["Code"].as_u64()) {
        Some(0) => Ok(()),
        Some(code) => Err(ApiCommandError::Refused(code)),
        None => Err(ApiCommandError::Answer(text.chars().take(200).collect())),
    }
}

fn app(args: &ApiArgs, config: Option<&ServerConfig>) -> Result<(u32, Secret), ApiCommandError> {
    if let (Some(app_id), Some(secret)) = (args.app_id, &args.secret) {
        return Ok((app_id, Secret::new(secret)?));
    }
    let apps = config.map_or(&[][..], |config| &config.apps);
    let app = match (args.app_id, apps) {
        (Some(app_id), apps) => apps.iter().find(|app| app.id == app_id),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    let app = app.ok_or(ApiCommandError::App)?;
    Ok((app.id, app.secret.clone()))
}

fn usual_url(config: Option<&ServerConfig>) -> String {
    let listen: Option<SocketAddr> = config.and_then(|config| config.api.listen);
    let address = listen.map_or_else(|| USUAL.to_owned(), |listen| listen.to_string());
    format!("http://{address}")
}

/// Every parameter of the call, signed.
fn pairs(args: &ApiArgs, app_id: u32, secret: &Secret, unix_s: u64) -> Vec<(String, String)> {
    let nonce = format!("{:016x}", rand::random::<u64>());
    let signature = signature(app_id, &nonce, secret, unix_s);
    let common = [
        ("Action", Some(args.action.clone())),
        ("AppId", Some(app_id.to_string())),
        ("SignatureVersion", Some("2.0".into())),
        ("SignatureNonce", Some(nonce)),
        ("Timestamp", Some(unix_s.to_string())),
        ("Signature", Some(signature)),
        ("RoomId", args.room.clone()),
        ("CustomReason", args.reason.clone()),
    ];
    let common = common.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let users = args.user.iter().map(|user| ("UserId[]".to_owned(), user.clone()));
    common.chain(users).chain(args.params.iter().cloned()).collect()
}

fn send(url: &str, pairs: &[(String, String)]) -> Result<String, ApiCommandError> {
    let call = || -> Result<String, ureq::Error> {
        let request = ureq::get(format!("{}/", url.trim_end_matches('/')));
        let request = request.config().timeout_global(Some(PATIENCE)).build();
        let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        request.query_pairs(pairs).call()?.body_mut().read_to_string()
    };
    call().map_err(|source| ApiCommandError::Call {
        url: url.to_owned(),
        source: Box::new(source),
    })
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("give it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::AppConfig;

    const SECRET: &str = "9193cc662a4c0ec135ec71fb57194b38";

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        api: ApiArgs,
    }

    fn args(line: &str) -> ApiArgs {
        Cli::try_parse_from(["api"].into_iter().chain(line.split(' '))).unwrap().api
    }

    #[test]
    fn a_call_has_what_the_operator_says_and_a_signature() {
        let args = args("KickoutUser --room r --user a --user b --reason no -p Name=a=b");
        let secret = Secret::new(SECRET).unwrap();
        let pairs = pairs(&args, 12345, &secret, 1_615_186_943);
        let value = |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let nonce = value("SignatureNonce").unwrap();
        assert_eq!(
            value("Signature"),
            Some(signature(12345, nonce, &secret, 1_615_186_943).as_str())
        );
        assert_eq!(
            (value("RoomId"), value("CustomReason"), value("Name")),
            (Some("r"), Some("no"), Some("a=b"))
        );
        let users = pairs.iter().filter(|(name, _)| name == "UserId[]");
        assert_eq!(users.map(|(_, value)| value.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_call_reaches_a_server_and_a_refusal_is_told_by_its_code() {
        let mut config = ServerConfig::embedded();
        config.http.listen.set_port(0);
        config.media.udp.set_port(0);
        config.api.listen = Some("127.0.0.1:0".parse().unwrap());
        let server = crate::start(config).unwrap();
        let app = &server.apps()[0];
        let url = format!("http://{}/", server.api_addr().unwrap());
        let line = |rest: &str| {
            args(&format!(
                "{rest} --room r --app-id {} --secret {} --url {url}",
                app.id,
                app.secret.expose()
            ))
        };
        let unix = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let mut out = Vec::new();
        run(&line("KickoutUser --user a#1"), &mut out, unix).unwrap();
        assert!(String::from_utf8(out).unwrap().contains("\"Code\":0"));
        let refused = run(&line("CloseRoom"), &mut Vec::new(), unix).unwrap_err();
        assert!(matches!(refused, ApiCommandError::Refused(5024)));
        let late = run(&line("CloseRoom"), &mut Vec::new(), unix - 700).unwrap_err();
        assert!(matches!(late, ApiCommandError::Refused(100_000_004)));
    }

    #[test]
    fn the_only_configured_app_id_needs_no_name_and_several_do() {
        let mut config = ServerConfig::embedded();
        assert!(matches!(app(&args("X"), Some(&config)), Err(ApiCommandError::App)));
        config.apps = vec![AppConfig::new(7, Secret::new(SECRET).unwrap())];
        assert_eq!(app(&args("X"), Some(&config)).unwrap().0, 7);
        config.apps.push(AppConfig::new(8, Secret::new(SECRET).unwrap()));
        assert!(matches!(app(&args("X"), Some(&config)), Err(ApiCommandError::App)));
        assert_eq!(app(&args("X --app-id 8"), Some(&config)).unwrap().0, 8);
        config.api.listen = Some("[::1]:9".parse().unwrap());
        assert_eq!(usual_url(Some(&config)), "http://[::1]:9");
    }
}
