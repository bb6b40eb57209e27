//! Joining and leaving by WHIP and WHEP: a few threads with one HTTP connection each. RFC 9725, draft-ietf-wish-whep.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, Sender, unbounded};
use express_token::{Cipher, Grant, Secret, issue_random};
use nix::sys::eventfd::EventFd;
use ureq::Agent;

use crate::client::Role;

/// Requests under way at a time.
const WORKERS: usize = 16;
/// A request that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// Seconds that a token is good for.
const TOKEN_TTL_S: i64 = 6 * 3600;

/// The server, and what opens its door.
#[derive(Clone, Debug)]
pub struct Target {
    /// `http://host:port`: under it are `/whip/{stream}` and `/whep/{stream}`.
    pub url: String,
    /// What is sent as Bearer.
    pub bearer: Bearer,
}

/// A token for each user, or one for all.
#[derive(Clone)]
pub enum Bearer {
    /// token04 of this AppID and secret.
    Minted {
        /// AppID
        app_id: u32,
        /// Shared with the server.
        secret: Secret,
    },
    /// Whatever the server wants.
    Given(String),
}

impl Bearer {
    /// What opens the door for this user.
    ///
    /// # Errors
    /// [`WhipError::Token`]: no token can be made.
    pub fn of(&self, user: &str) -> Result<String, WhipError> {
        let (app_id, secret) = match self {
            Self::Given(token) => return Ok(token.clone()),
            Self::Minted { app_id, secret } => (*app_id, secret),
        };
        let grant = Grant {
            app_id,
            user_id: user.to_owned(),
            ttl_s: TOKEN_TTL_S,
            privileges: None,
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        issue_random(&grant, secret, Cipher::Gcm, now.try_into().unwrap_or(i64::MAX))
            .map_err(|error| WhipError::Token(error.to_string()))
    }
}

impl std::fmt::Debug for Bearer {
    /// Without secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Minted { .. } => "Minted",
            Self::Given(_) => "Given",
        })
    }
}

/// Why a request failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WhipError {
    /// No token could be made.
    #[error("no token: {0}")]
    Token(String),
    /// The server could not be reached, or said nothing that could be read.
    #[error("{0}")]
    Http(String),
    /// The server refused.
    #[error("status {status}: {body}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// What it said.
        body: String,
    },
}

/// Where a client wants to be.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Place {
    /// Publish or listen.
    pub role: Role,
    /// The room.
    pub room: String,
    /// The stream.
    pub stream: String,
    /// Who.
    pub user: String,
    /// Another node than [`Target::url`], if the server has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

/// What came of a POST.
#[derive(Clone, Debug)]
pub(crate) struct Created {
    pub(crate) answer: String,
    pub(crate) resource: Resource,
}

/// What a DELETE needs.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    url: String,
    bearer: String,
}

pub(crate) enum Request {
    Post { place: Place, offer: String },
    Delete(Resource),
}

/// A request's outcome, under the number that it was given.
pub(crate) type Done = (usize, Result<Option<Created>, WhipError>);

/// The threads. They end when the pool is dropped and what was asked is done.
pub(crate) struct Pool {
    jobs: Option<Sender<(usize, Request)>>,
    done: Receiver<Done>,
    workers: Vec<JoinHandle<()>>,
}

impl Pool {
    /// `wake` is written to after each outcome.
    pub(crate) fn start(target: &Target, wake: &Arc<EventFd>) -> std::io::Result<Self> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .max_idle_connections(WORKERS)
            .max_idle_connections_per_host(WORKERS)
            .proxy(None)
            .build();
        let agent = Agent::new_with_config(config);
        let (jobs, waiting) = unbounded::<(usize, Request)>();
        let (outcomes, done) = unbounded();
        let start_one = |n: usize| {
            let (agent, target, waiting) = (agent.clone(), target.clone(), waiting.clone());
            let (outcomes, wake) = (outcomes.clone(), Arc::clone(wake));
            std::thread::Builder::new().name(format!("load-http-{n}")).spawn(move || {
                for (id, request) in waiting {
                    let outcome = target.carry_out(&agent, request);
                    if outcomes.send((id, outcome)).is_err() {
                        return;
                    }
                    let _ = wake.write(1);
                }
            })
        };
        let workers = (0..WORKERS).map(start_one).collect::<Result<_, _>>()?;
        Ok(Self {
            jobs: Some(jobs),
            done,
            workers,
        })
    }

    pub(crate) fn ask(&self, id: usize, request: Request) {
        if let Some(jobs) = &self.jobs {
            // The workers outlive the pool.
            let _ = jobs.send((id, request));
        }
    }

    pub(crate) fn next_outcome(&self) -> Option<Done> {
        self.done.try_recv().ok()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.jobs = None;
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
    }
}

impl Target {
    fn carry_out(&self, agent: &Agent, request: Request) -> Result<Option<Created>, WhipError> {
        match request {
            Request::Post { place, offer } => self.post(agent, &place, &offer).map(Some),
            Request::Delete(resource) => delete(agent, &resource).map(|()| None),
        }
    }

    fn post(&self, agent: &Agent, place: &Place, offer: &str) -> Result<Created, WhipError> {
        let base = place.node.as_deref().unwrap_or(&self.url).trim_end_matches('/');
        let (word, bearer) = (word(place.role), self.bearer.of(&place.user)?);
        let url = format!("{base}/{word}/{}?room={}", place.stream, place.room);
        let response = agent
            .post(&url)
            .header("Authorization", format!("Bearer {bearer}"))
            .header("Content-Type", "application/sdp")
            .send(offer);
        let mut response = response.map_err(unreachable(&url))?;
        let body = response.body_mut().read_to_string().map_err(unreachable(&url))?;
        let status = response.status().as_u16();
        if status != 201 {
            return Err(WhipError::Refused { status, body });
        }
        let location = response.headers().get("Location").and_then(|location| location.to_str().ok());
        let location = location.ok_or_else(|| WhipError::Http(format!("{url} answered without a Location")))?;
        let url = if location.starts_with('/') {
            format!("{base}{location}")
        } else {
            location.to_owned()
        };
        let resource = Resource { url, bearer };
        Ok(Created { answer: body, resource })
    }
}

fn delete(agent: &Agent, resource: &Resource) -> Result<(), WhipError> {
    let request = agent.delete(&resource.url);
    let request = request.header("Authorization", format!("Bearer {}", resource.bearer));
    let mut response = request.call().map_err(unreachable(&resource.url))?;
    let status = response.status().as_u16();
    if response.status().is_success() {
        return Ok(());
    }
    let body = response.body_mut().read_to_string().unwrap_or_default();
    Err(WhipError::Refused { status, body })
}

fn word(role: Role) -> &'static str {
    match role {
        Role::Publisher => "whip",
        Role::Listener => "whep",
    }
}

fn unreachable(url: &str) -> impl Fn(ureq::Error) -> WhipError {
    let url = url.to_owned();
    move |error| WhipError::Http(format!("{url}: {error}"))
}
