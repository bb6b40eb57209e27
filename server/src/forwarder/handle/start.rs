//! Sockets, threads and the ways between them: how a forwarder begins and ends.

use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crossbeam_channel::bounded;
use nix::sys::eventfd::EventFd;
use rand::RngExt;

use super::super::address::{candidates, open_tcp};
use super::super::core::Neighbours;
use super::super::counters::ShardCounters;
use super::super::dtls::DtlsIdentity;
use super::super::negotiate::{MAX_SHARDS, fresh_credentials};
use super::super::relay::RelayNames;
use super::super::sdp::Credentials;
use super::super::socket::{self, Control, Shard};
use super::super::tcp::{self, Front};
use super::super::{ForwarderConfig, ForwarderEvent};
use super::{COMMAND_PATIENCE, Forwarder, Inner, ShardHandle, StartForwarderError};

/// Commands that wait for a shard; it takes them all with every wake-up.
const COMMANDS: usize = 4096;
/// Below so many cores one shard does it.
const CORES_FOR_SHARDS: usize = 4;

impl Forwarder {
    /// Opens the sockets and starts one thread for each shard, named `express-fwd-N`.
    ///
    /// `events` is called on those threads; it must not block and must not call the forwarder.
    ///
    /// # Errors
    /// [`StartForwarderError`]: nothing was started.
    pub fn start(
        config: ForwarderConfig,
        events: impl Fn(ForwarderEvent) + Send + Sync + 'static,
    ) -> Result<Self, StartForwarderError> {
        let identity = DtlsIdentity::generate()?;
        let events: Arc<dyn Fn(ForwarderEvent) + Send + Sync> = Arc::new(events);
        // The first shard's name in it: whichever would do, and a TCP connection has to be somebody's.
        let probe = fresh_credentials(0, &mut rand::rng());
        let mut shards = Vec::new();
        let mut prepared = Vec::new();
        let count = shard_count(config.shards);
        let wakes = (0..count).map(|_| wake_up()).collect::<Result<Vec<_>, _>>()?;
        for (number, neighbours) in Neighbours::mesh(count).into_iter().enumerate() {
            let (shard, handle) = prepare(&config, number, (&identity, &probe), &events, (neighbours, &wakes))?;
            shards.push(handle);
            prepared.push(shard);
        }
        let (front, tcp_candidates) = start_front(&config, &shards)?;
        let mut threads = Vec::new();
        for (number, (shard, handle)) in prepared.into_iter().zip(&shards).enumerate() {
            let known = Arc::clone(&handle.thread);
            let thread = std::thread::Builder::new()
                .name(format!("express-fwd-{number}"))
                .spawn(move || known.run(|| shard.run()))
                .map_err(StartForwarderError::System);
            match thread {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    stop(&shards, &mut threads, front.as_ref());
                    return Err(error);
                }
            }
        }
        Ok(Self {
            inner: Arc::new(Inner {
                identity,
                limits: config.limits,
                shards,
                front,
                tcp_candidates,
                probe,
                next_peer: AtomicU64::new(1),
                threads: Mutex::new(threads),
            }),
        })
    }
}

pub(super) fn stop(shards: &[ShardHandle], threads: &mut Vec<JoinHandle<()>>, front: Option<&Front>) {
    for shard in shards {
        // A shard that takes nothing for so long is not waited for by its queue, but by join.
        let _ = shard.commands.send_timeout(Control::Stop, COMMAND_PATIENCE);
        shard.wake();
    }
    let own = std::thread::current().id();
    for thread in threads.drain(..).filter(|thread| thread.thread().id() != own) {
        if thread.join().is_err() {
            tracing::error!("a forwarder thread panicked");
        }
    }
    // Last, so that the shards' goodbyes are written.
    if let Some(front) = front {
        front.stop();
    }
}

/// Takes TCP connections if that is configured; with the addresses that clients are told.
fn start_front(
    config: &ForwarderConfig,
    shards: &[ShardHandle],
) -> Result<(Option<Front>, Vec<SocketAddr>), StartForwarderError> {
    let Some(address) = config.tcp else {
        return Ok((None, Vec::new()));
    };
    let listener = open_tcp(address).map_err(|source| StartForwarderError::Bind {
        transport: "tcp",
        address,
        source,
    })?;
    let entrances = shards.iter().map(|shard| shard.entrance.clone()).collect();
    let front = Front::start(listener, entrances, &config.limits).map_err(StartForwarderError::System)?;
    let told = candidates(front.address(), &config.public_addresses).map_err(StartForwarderError::System)?;
    Ok((Some(front), told))
}

fn prepare(
    config: &ForwarderConfig,
    number: usize,
    (identity, probe): (&DtlsIdentity, &Credentials),
    events: &Arc<dyn Fn(ForwarderEvent) + Send + Sync>,
    (neighbours, wakes): (Neighbours, &[Arc<EventFd>]),
) -> Result<(Shard, ShardHandle), StartForwarderError> {
    let mut address = config.udp;
    if address.port() != 0 {
        let step = u16::try_from(number).ok();
        let port = step.and_then(|step| address.port().checked_add(step));
        address.set_port(port.ok_or(StartForwarderError::Ports {
            address: config.udp,
            shards: shard_count(config.shards),
        })?);
    }
    let bind = |source| StartForwarderError::Bind {
        transport: "udp",
        address,
        source,
    };
    let socket = socket::open(address).map_err(bind)?;
    let bound = socket.local_addr().map_err(bind)?;
    let wake = Arc::clone(&wakes[number]);
    let (sender, receiver) = bounded(COMMANDS);
    let (entrance, links) = tcp::way(Arc::clone(&wake));
    let counters = Arc::new(ShardCounters::default());
    let candidates = candidates(bound, &config.public_addresses).map_err(StartForwarderError::System)?;
    let relay_ip = config.relay_ip.or_else(|| Some(candidates.first()?.ip()));
    let handle = ShardHandle {
        address: bound,
        candidates,
        relay_address: SocketAddr::new(relay_ip.unwrap_or(bound.ip()), bound.port()),
        relays: RelayNames::default(),
        commands: sender,
        wake: Arc::clone(&wake),
        entrance,
        counters: Arc::clone(&counters),
        thread: Arc::default(),
        joined: AtomicU64::new(0),
    };
    let shard = Shard {
        socket,
        wake,
        wakes: wakes.to_vec(),
        neighbours,
        commands: receiver,
        links,
        identity: identity.clone(),
        limits: config.limits.clone(),
        counters,
        probe: probe.clone(),
        seed: rand::rng().random(),
        events: Arc::clone(events),
    };
    Ok((shard, handle))
}

fn wake_up() -> Result<Arc<EventFd>, StartForwarderError> {
    let flags = nix::sys::eventfd::EfdFlags::EFD_NONBLOCK | nix::sys::eventfd::EfdFlags::EFD_CLOEXEC;
    let wake = EventFd::from_value_and_flags(0, flags);
    wake.map(Arc::new).map_err(|errno| StartForwarderError::System(errno.into()))
}

fn shard_count(configured: usize) -> usize {
    if configured > 0 {
        return configured.min(MAX_SHARDS);
    }
    match std::thread::available_parallelism() {
        Ok(cores) if cores.get() >= CORES_FOR_SHARDS => cores.get(),
        _ => 1,
    }
}
