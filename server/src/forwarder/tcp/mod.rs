//! ICE over TCP, for networks that let no UDP through: one port for all shards. RFC 6544 (passive), RFC 4571 (framing).
//!
//! ```text
//!   accept ─► first frame within 5 s, a STUN request ─► its user fragment names the shard ─► frames to that shard's core
//!                                                                                            datagrams back by a short queue
//! ```
//!
//! The front is a thread of its own, so that the shards' loops stay as they are: to a core a connection is one more
//! [`Tuple`], with the same rules (policing, proof by check, time-outs). The core decides which connections live: one
//! whose path it does not know, or forgets, is closed. Voice does not wait: what finds a full queue is dropped and counted.

mod connection;
mod links;
mod places;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use nix::sys::eventfd::EventFd;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use self::connection::Connection;
use self::links::LinkEvent;
pub(super) use self::links::Links;
use self::places::Places;
use super::ForwarderLimits;
use super::address::canonical;
use super::counters::ShardCounters;
use super::tuple::TcpLink;

/// Frames that wait for one shard: a second of 40 publishers.
const FRAMES: usize = 2048;
/// After a connection that the system refused to give (too many open files) the next is asked for so much later.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// What the shards said last may take so long to be written when the front stops.
const GOODBYE_PATIENCE: Duration = Duration::from_millis(500);

/// The way from the front into one shard.
#[derive(Clone, Debug)]
pub(super) struct Entrance {
    events: Sender<LinkEvent>,
    wake: Arc<EventFd>,
}

/// Both ends of the way from the front into the shard that `wake` wakes.
pub(super) fn way(wake: Arc<EventFd>) -> (Entrance, Links) {
    let (events, receiver) = bounded(FRAMES);
    (Entrance { events, wake }, Links::new(receiver))
}

/// The thread that holds the TCP connections, named `express-fwd-tcp`.
#[derive(Debug)]
pub(super) struct Front {
    address: SocketAddr,
    counters: Arc<ShardCounters>,
    running: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

impl Front {
    /// Takes connections from `listener` for these shards, in their order.
    ///
    /// # Errors
    /// The system refused the thread, its runtime, or the socket.
    pub(super) fn start(listener: TcpListener, shards: Vec<Entrance>, limits: &ForwarderLimits) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let counters = Arc::new(ShardCounters::default());
        let places = Places::new(limits.tcp_connections, limits.tcp_connections_per_source);
        let acceptor = Acceptor {
            shards: shards.into(),
            counters: Arc::clone(&counters),
            places,
            next_link: 0,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("express-fwd-tcp".into())
            .spawn(move || runtime.block_on(acceptor.run(listener, stopped)))?;
        Ok(Self {
            address,
            counters,
            running: Mutex::new(Some((stop, thread))),
        })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it counted.
    pub(super) fn counters(&self) -> &ShardCounters {
        &self.counters
    }

    /// Lets the last words of the shards, which have stopped, be written, closes everything and waits for it.
    pub(super) fn stop(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((stop, thread)) = running else {
            return;
        };
        let _ = stop.send(());
        if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
            tracing::error!("the forwarder's tcp thread panicked");
        }
    }
}

/// Takes connections and gives each a task.
struct Acceptor {
    shards: Arc<[Entrance]>,
    counters: Arc<ShardCounters>,
    places: Places,
    next_link: u64,
}

impl Acceptor {
    async fn run(mut self, listener: tokio::net::TcpListener, mut stopped: oneshot::Receiver<()>) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, from)) => self.admit(stream, canonical(from), &mut connections),
                    Err(error) => {
                        tracing::warn!(%error, "a tcp connection for media was not accepted");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(_) = connections.join_next() => {}
                _ = &mut stopped => break,
            }
        }
        drop(listener);
        let _ = timeout(GOODBYE_PATIENCE, async { while connections.join_next().await.is_some() {} }).await;
    }

    fn admit(&mut self, stream: tokio::net::TcpStream, from: SocketAddr, connections: &mut JoinSet<()>) {
        let Some(place) = self.places.take(from.ip()) else {
            self.counters.tcp_refused.one();
            return;
        };
        self.counters.tcp_accepted.one();
        self.next_link += 1;
        let connection = Connection {
            link: TcpLink(self.next_link),
            from,
            shards: Arc::clone(&self.shards),
            counters: Arc::clone(&self.counters),
        };
        connections.spawn(async move {
            let _place = place;
            connection.run(stream).await;
        });
    }
}
