//! Takes events out of a queue and posts them to the one address of their AppID.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustls::crypto::aws_lc_rs;
use ureq::Agent;
use ureq::http::{StatusCode, header};
use ureq::tls::TlsConfig;

use super::body::{Stamp, written};
use super::queue::{Counts, Queue, Told};
use crate::config::{CallbackUrl, Hidden};
use crate::rooms::BusinessEvent;

/// How long a call may take, from looking up the name to the end of the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Events of one AppID that may wait: some 30 MB with the longest names and extra infos.
const MAX_WAITING: usize = 10_000;
/// Bytes of an answer that are read, so that its connection can be used again; nobody looks at them.
const MAX_ANSWER: u64 = 16 * 1024;
/// Bytes of the head of an answer.
const MAX_ANSWER_HEAD: usize = 16 * 1024;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("it answered with status {0}")]
    Status(StatusCode),
    #[error(transparent)]
    Call(#[from] ureq::Error),
}

/// The queue of one AppID and what its threads share.
pub(super) struct Sender {
    app_id: u32,
    url: CallbackUrl,
    secret: Hidden,
    agent: Agent,
    started: Instant,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    queue: Queue,
    /// The last call failed.
    failing: bool,
    /// When the threads end at the latest, on the clock of the queue.
    end_at: Option<Duration>,
}

impl Sender {
    pub(super) fn new(app_id: u32, url: &CallbackUrl, secret: &Hidden) -> Self {
        Self {
            app_id,
            url: url.clone(),
            secret: secret.clone(),
            agent: agent(),
            started: Instant::now(),
            state: Mutex::new(State {
                queue: Queue::new(MAX_WAITING),
                failing: false,
                end_at: None,
            }),
            changed: Condvar::new(),
        }
    }

    pub(super) fn push(&self, unix_ms: u64, event: BusinessEvent) {
        self.state().queue.push(self.now(), Told { unix_ms, event });
        self.changed.notify_one();
    }

    /// How many events wait, and what was done.
    pub(super) fn counts(&self) -> (usize, Counts) {
        let state = self.state();
        (state.queue.len(), state.queue.counts())
    }

    /// From now on events are tried once more; [`Sender::run`] ends with the last one, or when the time is over.
    pub(super) fn stop_within(&self, patience: Duration) {
        let now = self.now();
        let mut state = self.state();
        state.end_at = Some(now.saturating_add(patience));
        state.queue.last_tries(now);
        drop(state);
        self.changed.notify_all();
    }

    /// Loses what waits still.
    pub(super) fn give_up(&self) {
        let lost = self.state().queue.give_up();
        if lost > 0 {
            tracing::warn!(
                app_id = self.app_id,
                lost,
                "callbacks are lost: the business server did not take them before the stop"
            );
        }
    }

    /// The life of one thread.
    pub(super) fn run(&self) {
        let mut state = self.state();
        loop {
            let now = self.now();
            let left = state.end_at.map(|end| end.saturating_sub(now));
            if left.is_some_and(|left| left.is_zero() || state.queue.is_empty()) {
                return;
            }
            if let Some(delivery) = state.queue.next(now) {
                drop(state);
                let outcome = self.post(&delivery.told, left.map_or(PATIENCE, |left| left.min(PATIENCE)));
                state = self.state();
                state.queue.sent(self.now(), &delivery, outcome.is_ok());
                self.note(&mut state, &outcome);
                // The others may have waited for this one.
                self.changed.notify_all();
                continue;
            }
            let wake_at = [state.queue.next_due(), state.end_at].into_iter().flatten().min();
            state = match wake_at {
                Some(at) => {
                    let waited = self.changed.wait_timeout(state, at.saturating_sub(now));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn post(&self, told: &Told, patience: Duration) -> Result<(), Failure> {
        let nonce = rand::random::<u64>().to_string();
        let stamp = Stamp {
            secret: self.secret.expose(),
            timestamp: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            nonce: &nonce,
        };
        let request = self
            .agent
            .post(self.url.uri())
            .config()
            .timeout_global(Some(patience))
            .build();
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let mut answer = request.send(written(told, &stamp))?;
        // One that is longer costs its connection and nothing else.
        let _ = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec();
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(Failure::Status(status)),
        }
    }

    /// Logs when calls begin to fail, and when they do not any more.
    fn note(&self, state: &mut State, outcome: &Result<(), Failure>) {
        let was_failing = std::mem::replace(&mut state.failing, outcome.is_err());
        let (app_id, url) = (self.app_id, &self.url);
        match outcome {
            Err(problem) if !was_failing => tracing::warn!(app_id, ?url, %problem, "the business server does not take callbacks"),
            Err(problem) => tracing::debug!(app_id, %problem, "a callback failed"),
            Ok(()) if was_failing => tracing::info!(app_id, ?url, "the business server takes callbacks again"),
            Ok(()) => {}
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// It goes nowhere but where it is told to: no redirects, and no proxy that the environment names.
fn agent() -> Agent {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let tls = TlsConfig::builder().unversioned_rustls_crypto_provider(provider).build();
    let config = Agent::config_builder()
        .max_redirects(0)
        .http_status_as_error(false)
        .proxy(None)
        .max_response_header_size(MAX_ANSWER_HEAD)
        .user_agent(concat!("express-server/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls);
    config.build().new_agent()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use express_messages::ids::{RoomId, UserId};
    use rustls::pki_types::PrivatePkcs8KeyDer;
    use rustls::{ServerConfig, ServerConnection};

    use super::*;
    use crate::rooms::Happened;

    #[test]
    fn a_business_server_whose_certificate_nobody_vouches_for_is_told_nothing() {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}/", listener.local_addr().unwrap());
        let business = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut connection = ServerConnection::new(Arc::new(config)).unwrap();
            while connection.is_handshaking() && connection.complete_io(&mut stream).is_ok() {}
            connection.is_handshaking()
        });
        let url = CallbackUrl::try_from(url).unwrap();
        let sender = Sender::new(1, &url, &Hidden::new("secret"));
        let told = Told {
            unix_ms: 1,
            event: BusinessEvent {
                app_id: 1,
                room_id: RoomId::new("r").unwrap(),
                room_session: 1,
                happened: Happened::RoomCreated {
                    creator: UserId::new("alice").unwrap(),
                },
            },
        };
        let problem = sender.post(&told, PATIENCE).unwrap_err().to_string();
        assert!(problem.contains("certificate"), "{problem}");
        assert!(business.join().unwrap(), "the handshake was broken off");
    }
}
