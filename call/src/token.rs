//! Where the token comes from.

use std::{fmt, io, path::PathBuf, time::Duration};

use serde::Deserialize;
use serde_json::json;
use ureq::Agent;

/// How long a development token is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most bytes of a token file or of an answer.
const MOST: u64 = 16 * 1024;

/// Where tokens come from; asked again when one ends.
#[derive(Clone)]
pub(crate) enum TokenSource {
    /// By argument or environment.
    Given {
        /// Whose it is.
        app_id: u32,
        /// It.
        token: String,
    },
    /// A file.
    File {
        /// Whose they are.
        app_id: u32,
        /// The file.
        file: PathBuf,
    },
    /// `POST /v1/dev-token` of a server on this machine that nobody configured.
    Development {
        /// Its address, as the engine takes it.
        server: String,
        /// For whom.
        user: String,
        /// The only room that it opens.
        room: String,
    },
}

/// A token and whose it is.
#[derive(Deserialize)]
pub(crate) struct Ticket {
    pub(crate) app_id: u32,
    pub(crate) token: String,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("the token file {0:?} cannot be read: {1}")]
    File(PathBuf, io::Error),
    #[error(
        "{0} gives no development token ({1}); only a server without a configuration does, to its own machine. Make a token with \
         `express-server token` and give it with --token-file or EXPRESS_TOKEN"
    )]
    NotGiven(String, String),
}

impl TokenSource {
    /// Gets a token; blocks for the file or the server, at most 5 s.
    pub(crate) fn get(&self) -> Result<Ticket, TokenError> {
        match self {
            Self::Given { app_id, token } => Ok(Ticket {
                app_id: *app_id,
                token: token.trim().into(),
            }),
            Self::File { app_id, file } => match std::fs::read_to_string(file) {
                Ok(token) => Ok(Ticket {
                    app_id: *app_id,
                    token: token.trim().into(),
                }),
                Err(error) => Err(TokenError::File(file.clone(), error)),
            },
            Self::Development { server, user, room } => {
                development(server, user, room).map_err(|why| TokenError::NotGiven(server.clone(), why))
            }
        }
    }
}

fn development(server: &str, user: &str, room: &str) -> Result<Ticket, String> {
    let address = plain_http(server).ok_or("it is asked over ws:// alone")?;
    let agent: Agent = Agent::config_builder().timeout_global(Some(PATIENCE)).build().into();
    let request = json!({"user_id": user, "room_id": room}).to_string();
    let mut answer = agent
        .post(format!("{address}/v1/dev-token"))
        .content_type("application/json")
        .send(request)
        .map_err(|error| error.to_string())?;
    let body = answer.body_mut().with_config().limit(MOST).read_to_string();
    serde_json::from_str(&body.map_err(|error| error.to_string())?).map_err(|error| error.to_string())
}

/// `http://host:port` of a server's address; `None` where it speaks TLS.
fn plain_http(server: &str) -> Option<String> {
    let (scheme, rest) = server.trim().split_once("://").unwrap_or(("ws", server.trim()));
    let plain = scheme.eq_ignore_ascii_case("ws") || scheme.eq_ignore_ascii_case("http");
    plain.then(|| format!("http://{}", rest.trim_end_matches('/')))
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSource(..)")
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        thread,
    };

    use super::*;

    /// A server that answers one request with `status` and `body`, and gives back what was asked.
    fn server(status: &'static str, body: &'static str) -> (String, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("ws://{}", listener.local_addr().unwrap());
        let asked = thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let mut asked = String::new();
            while !asked.ends_with('}') {
                let mut bytes = [0; 1024];
                let count = socket.read(&mut bytes).unwrap();
                asked.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
            }
            write!(socket, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
            asked
        });
        (address, asked)
    }

    fn from(server: &str) -> Result<Ticket, TokenError> {
        let (user, room) = ("alice".into(), "demo".into());
        let server = server.into();
        TokenSource::Development { server, user, room }.get()
    }

    #[test]
    fn a_development_token_is_asked_for_with_user_and_room() {
        let (address, asked) = server("200 OK", r#"{"app_id":7,"token":"04abc"}"#);
        let ticket = from(&address).unwrap();
        assert_eq!((ticket.app_id, ticket.token.as_str()), (7, "04abc"));
        let asked = asked.join().unwrap().to_ascii_lowercase();
        assert!(asked.starts_with("post /v1/dev-token "), "{asked}");
        assert!(asked.contains("content-type: application/json"), "{asked}");
        assert!(asked.ends_with(r#"{"room_id":"demo","user_id":"alice"}"#), "{asked}");
    }

    #[test]
    fn a_server_that_gives_none_is_named_with_what_to_do() {
        let (address, _asked) = server("404 Not Found", "");
        let error = from(&address).unwrap_err().to_string();
        assert!(error.contains(&address) && error.contains("--token-file"), "{error}");
        let error = from("wss://voice.example.com").unwrap_err().to_string();
        assert!(error.contains("ws:// alone"), "{error}");
    }

    #[test]
    fn a_token_file_is_read_each_time_without_its_line_end() {
        let file = std::env::temp_dir().join(format!("express-call-token-{}", std::process::id()));
        let source = TokenSource::File {
            app_id: 3,
            file: file.clone(),
        };
        assert!(source.get().unwrap_err().to_string().contains("express-call-token"));
        for token in ["04first", "04second"] {
            std::fs::write(&file, format!("{token}\n")).unwrap();
            assert_eq!(source.get().unwrap().token, token);
        }
        std::fs::remove_file(&file).unwrap();
    }
}
