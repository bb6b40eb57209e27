//! The server process.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};

use express_token::{Cipher, Grant, Secret, issue_random};

use crate::Fault;

/// The AppID of the bench.
pub(crate) const APP_ID: u32 = 1;
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A server on free ports of loopback, ended when it is dropped. Its limit on requests is off: one session joins hundreds of
/// times.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    folder: PathBuf,
    /// `ws://127.0.0.1:port`
    pub(crate) url: String,
}

impl Server {
    /// Starts `program`, or the one that lies beside this program.
    pub(crate) fn start(program: Option<&Path>) -> Result<Self, Fault> {
        let program = match program {
            Some(program) => program.to_owned(),
            None => std::env::current_exe()?.with_file_name("express-server"),
        };
        let folder = std::env::temp_dir().join(format!("express-bench-connect-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let config = folder.join("server.toml");
        let text = format!(
            "[http]\nlisten = \"127.0.0.1:0\"\n[media]\nudp = \"127.0.0.1:0\"\n[limits]\nrequests_per_s = 0\n\
             [log]\nlevel = \"warn\"\n[[apps]]\nid = {APP_ID}\nsecret = \"{SECRET}\"\n"
        );
        std::fs::write(&config, text)?;
        let mut child = Command::new(&program)
            .args(["serve", "--config"])
            .arg(&config)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| {
                format!(
                    "{} cannot be started: {error}; build it first, or name it with --server",
                    program.display()
                )
            })?;
        let url = ready(&mut child);
        let mut server = Self {
            child,
            folder,
            url: String::new(),
        };
        server.url = url?;
        Ok(server)
    }
}

/// The address in the server's ready line, as one for WebSockets.
fn ready(child: &mut Child) -> Result<String, Fault> {
    let stdout = child.stdout.take().ok_or("the server has no output")?;
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        if let Some(rest) = line.strip_prefix("ready ") {
            let url = rest.split_whitespace().next().ok_or("the ready line names no address")?;
            return Ok(url.replace("http://", "ws://"));
        }
    }
    Err("the server ended before it was ready".into())
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, and a folder that stays is no harm.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A token of `user`, good for an hour.
pub(crate) fn token(user: &str) -> Result<String, Fault> {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let grant = Grant {
        app_id: APP_ID,
        user_id: user.into(),
        ttl_s: 3_600,
        privileges: None,
    };
    Ok(issue_random(&grant, &Secret::new(SECRET)?, Cipher::Gcm, now)?)
}
