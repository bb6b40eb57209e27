//! The thread of one shard: waits, reads many, runs the core, writes many.

use std::io::{IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll, ppoll};
use nix::sys::eventfd::EventFd;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;

use super::address::{canonical, for_socket, open_udp};
use super::core::{Command, Core, Neighbours};
use super::counters::ShardCounters;
use super::dtls::DtlsIdentity;
use super::queue::Taken;
use super::sdp::Credentials;
use super::tcp::Links;
use super::tuple::Tuple;
use super::{ForwarderEvent, ForwarderLimits};

/// Datagrams read or written by one system call. More gain nothing: what is done for each outweighs the call by then.
const BATCH: usize = 64;
/// Bytes of one datagram that are read; longer ones are cut and then fail their checks.
const DATAGRAM_BYTES: usize = 2048;
/// Asked of the kernel for each direction: 100 ms of 4,000 listeners' packets.
const SOCKET_BUFFER: usize = 8 * 1024 * 1024;
/// What other shards sent is taken in portions of so many packets, each sent on before the next.
const CROSSINGS: usize = 32;
/// Batches read before commands and timers get their turn.
const BATCHES_IN_A_ROW: usize = 8;
/// How long a full send buffer is waited for before its datagrams are dropped: voice does not wait longer.
const SEND_PATIENCE_MS: u16 = 2;
/// Never sleeps longer, so that a missed wake-up is not for ever.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// What arrives by a shard's queue.
#[derive(Debug)]
pub(crate) enum Control {
    Command(Command),
    Stop,
}

/// Everything that a shard's thread takes with it.
pub(crate) struct Shard {
    pub(crate) socket: UdpSocket,
    pub(crate) wake: Arc<EventFd>,
    /// Wakes each shard, in their order.
    pub(crate) wakes: Vec<Arc<EventFd>>,
    /// The ways to the other shards.
    pub(crate) neighbours: Neighbours,
    pub(crate) commands: Receiver<Control>,
    pub(crate) links: Links,
    pub(crate) identity: DtlsIdentity,
    pub(crate) limits: ForwarderLimits,
    pub(crate) counters: Arc<ShardCounters>,
    /// What a client before its login has an answer for.
    pub(crate) probe: Credentials,
    pub(crate) seed: [u8; 32],
    pub(crate) events: Arc<dyn Fn(ForwarderEvent) + Send + Sync>,
}

/// Opens a shard's socket.
pub(crate) fn open(address: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = open_udp(address)?;
    // The kernel gives what its limits allow; less is no error.
    let _ = setsockopt(&socket, sockopt::RcvBuf, &SOCKET_BUFFER);
    let _ = setsockopt(&socket, sockopt::SndBuf, &SOCKET_BUFFER);
    Ok(socket)
}

/// The only clock of the forwarder.
#[allow(clippy::disallowed_methods)]
fn now() -> Instant {
    Instant::now()
}

impl Shard {
    /// Runs until [`Control::Stop`], or until every handle is gone.
    pub(crate) fn run(mut self) {
        let mut core = Core::new(
            self.identity.clone(),
            self.limits.clone(),
            Arc::clone(&self.counters),
            self.seed,
            now(),
        )
        .with_neighbours(std::mem::take(&mut self.neighbours))
        .with_probe(self.probe.clone());
        let mut io = Io::new(self.socket.local_addr().is_ok_and(|address| address.is_ipv6()));
        loop {
            self.wait(core.next_timeout());
            let is_over = self.take_commands(&mut core);
            self.links.receive(&mut core, &self.counters, now());
            self.take_crossings(&mut core, &mut io);
            for _ in 0..BATCHES_IN_A_ROW {
                let full = io.receive(&self.socket, &mut core);
                self.wake_others(&mut core);
                self.send(&mut core, &mut io);
                if !full {
                    break;
                }
            }
            core.handle_timeout(now());
            if is_over {
                core.end_all(now());
            }
            self.wake_others(&mut core);
            self.send(&mut core, &mut io);
            self.links.send(&mut core, &self.counters);
            while let Some(event) = core.poll_event() {
                (self.events)(event);
            }
            if is_over {
                return;
            }
        }
    }

    fn wait(&self, until: Option<Instant>) {
        let sleep = until
            .map_or(LONGEST_SLEEP, |until| until.saturating_duration_since(now()))
            .min(LONGEST_SLEEP);
        let mut descriptors = [
            PollFd::new(self.socket.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.wake.as_fd(), PollFlags::POLLIN),
        ];
        // An interrupted wait is an early one.
        let _ = ppoll(&mut descriptors, Some(TimeSpec::from_duration(sleep)), None);
        let woken = descriptors[1].revents().is_some_and(|revents| !revents.is_empty());
        if woken {
            let _ = self.wake.read();
        }
    }

    /// Carries out what waits; `true` if the shard is to end.
    fn take_commands(&self, core: &mut Core) -> bool {
        use crossbeam_channel::TryRecvError;
        loop {
            match self.commands.try_recv() {
                Ok(Control::Command(command)) => core.handle_command(command, now()),
                Ok(Control::Stop) | Err(TryRecvError::Disconnected) => return true,
                Err(TryRecvError::Empty) => return false,
            }
        }
    }

    /// Sends on what other shards sent, all that is there.
    fn take_crossings(&self, core: &mut Core, io: &mut Io) {
        while core.handle_crossings(CROSSINGS, now()) {
            self.send(core, io);
        }
        self.send(core, io);
    }

    /// Wakes the shards that were sent something, once for a whole batch and before its sending here.
    fn wake_others(&self, core: &mut Core) {
        core.wake_others(|shard| {
            if let Some(wake) = self.wakes.get(shard) {
                // It fails only when the counter is at its end: then the shard is awake.
                let _ = wake.write(1);
            }
        });
    }

    /// Sends everything the core has, and records how long copies of packets took to get here.
    fn send(&self, core: &mut Core, io: &mut Io) {
        loop {
            let batch = core.poll_transmits(BATCH);
            if batch.len() == 0 {
                break;
            }
            io.send_batch(batch, &self.socket, &self.counters);
        }
        // One look at the clock for all of them.
        if let Some((arrived, copies)) = core.take_forwarded() {
            self.counters.latency.record(now().saturating_duration_since(arrived), copies);
        }
    }
}

/// Buffers of the system calls, made once.
struct Io {
    receive_headers: MultiHeaders<SockaddrStorage>,
    send_headers: MultiHeaders<SockaddrStorage>,
    buffers: Vec<u8>,
    received: [(usize, Option<SocketAddr>); BATCH],
    addresses: Vec<Option<SockaddrStorage>>,
    is_ipv6: bool,
}

impl Io {
    fn new(is_ipv6: bool) -> Self {
        Self {
            receive_headers: MultiHeaders::preallocate(BATCH, None),
            send_headers: MultiHeaders::preallocate(BATCH, None),
            buffers: vec![0; BATCH * DATAGRAM_BYTES],
            received: [(0, None); BATCH],
            addresses: Vec::with_capacity(BATCH),
            is_ipv6,
        }
    }

    /// Reads one batch into the core; `true` if there may be more.
    fn receive(&mut self, socket: &UdpSocket, core: &mut Core) -> bool {
        let count = {
            let mut chunks = self.buffers.chunks_exact_mut(DATAGRAM_BYTES);
            let mut slices: [[IoSliceMut<'_>; 1]; BATCH] =
                std::array::from_fn(|_| [IoSliceMut::new(chunks.next().unwrap_or_default())]);
            let flags = MsgFlags::MSG_DONTWAIT;
            let Ok(results) = recvmmsg(socket.as_raw_fd(), &mut self.receive_headers, &mut slices, flags, None) else {
                return false;
            };
            let mut count = 0;
            for (slot, result) in self.received.iter_mut().zip(results) {
                *slot = (result.bytes, result.address.as_ref().and_then(address_of));
                count += 1;
            }
            count
        };
        let at = now();
        let datagrams = self.buffers.chunks_exact(DATAGRAM_BYTES).zip(&self.received);
        for (buffer, (length, from)) in datagrams.take(count) {
            if let (Some(datagram), Some(from)) = (buffer.get(..*length), from) {
                core.handle(datagram, Tuple::from(*from), at);
            }
        }
        count == BATCH
    }

    /// Sends a batch, or drops and counts what cannot be sent.
    fn send_batch(&mut self, batch: Taken<'_>, socket: &UdpSocket, counters: &ShardCounters) {
        let addresses = (0..batch.len()).map(|n| batch.get(n).map(|(to, _)| for_socket(to.address, self.is_ipv6).into()));
        self.addresses.clear();
        self.addresses.extend(addresses);
        let mut done = 0;
        let mut patience = true;
        while done < batch.len() {
            let slices: [[IoSlice<'_>; 1]; BATCH] =
                std::array::from_fn(|n| [IoSlice::new(batch.get(done + n).map_or(&[], |(_, datagram)| datagram))]);
            let rest = batch.len() - done;
            let sent = sendmmsg(
                socket.as_raw_fd(),
                &mut self.send_headers,
                &slices[..rest],
                &self.addresses[done..],
                [],
                MsgFlags::MSG_DONTWAIT,
            )
            .map(Iterator::count);
            match sent {
                Ok(sent) => {
                    let bytes = (done..done + sent)
                        .filter_map(|n| batch.get(n))
                        .map(|(_, datagram)| datagram.len());
                    counters.datagrams_sent.add(sent as u64);
                    counters.bytes_sent.add(bytes.sum::<usize>() as u64);
                    done += sent.max(1);
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) if patience => {
                    patience = false;
                    let mut writable = [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)];
                    let _ = poll(&mut writable, PollTimeout::from(SEND_PATIENCE_MS));
                }
                // The first datagram was refused: by its own fault, or because there is no room.
                Err(_) => {
                    counters.send_failed.one();
                    done += 1;
                }
            }
        }
    }
}

fn address_of(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| SocketAddr::V4((*v4).into()));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| canonical(SocketAddr::V6((*v6).into()))))
}

#[cfg(test)]
mod tests {
    use super::super::queue::SendQueue;
    use super::*;

    fn sent_to(socket: &UdpSocket, to: impl Fn(SocketAddr) -> SocketAddr) {
        let receivers: Vec<UdpSocket> = (0..3).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        let counters = ShardCounters::default();
        let (mut queue, mut io) = (SendQueue::default(), Io::new(socket.local_addr().unwrap().is_ipv6()));
        let count = BATCH as u8 + 7;
        for n in 0..count {
            let receiver = &receivers[usize::from(n) % receivers.len()];
            queue.push(to(receiver.local_addr().unwrap()).into(), &[n; 3]);
        }
        for _ in 0..2 {
            io.send_batch(queue.take(BATCH), socket, &counters);
        }
        assert_eq!(
            (counters.datagrams_sent.value(), counters.bytes_sent.value()),
            (u64::from(count), 3 * u64::from(count))
        );
        assert_eq!(counters.send_failed.value(), 0);
        for n in 0..count {
            let receiver = &receivers[usize::from(n) % receivers.len()];
            receiver.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let mut buffer = [0; 16];
            assert_eq!(receiver.recv(&mut buffer).unwrap(), 3);
            assert_eq!(buffer[..3], [n; 3], "in order");
        }
    }

    #[test]
    fn more_than_a_batch_reaches_its_receivers_in_order() {
        sent_to(&open("127.0.0.1:0".parse().unwrap()).unwrap(), |to| to);
    }

    #[test]
    fn a_socket_for_both_families_sends_to_ipv4_addresses_plain_or_mapped() {
        // A machine without IPv6 has no such socket.
        let Ok(socket) = open("[::]:0".parse().unwrap()) else {
            return;
        };
        sent_to(&socket, |to| to);
        sent_to(&socket, |to| match to {
            SocketAddr::V4(v4) => SocketAddr::from((v4.ip().to_ipv6_mapped(), v4.port())),
            v6 => v6,
        });
    }

    #[test]
    fn a_datagram_that_cannot_be_sent_is_counted_and_the_others_go_on() {
        let socket = open("127.0.0.1:0".parse().unwrap()).unwrap();
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = receiver.local_addr().unwrap();
        let counters = ShardCounters::default();
        let (mut queue, mut io) = (SendQueue::default(), Io::new(socket.local_addr().unwrap().is_ipv6()));
        queue.push(to.into(), b"one");
        // A socket of IPv4 has no way to an IPv6 address.
        queue.push("[::1]:9".parse::<SocketAddr>().unwrap().into(), b"lost");
        queue.push(to.into(), b"two");
        io.send_batch(queue.take(BATCH), &socket, &counters);
        assert_eq!((counters.datagrams_sent.value(), counters.send_failed.value()), (2, 1));
        let mut buffer = [0; 16];
        for expected in [b"one", b"two"] {
            let length = receiver.recv(&mut buffer).unwrap();
            assert_eq!(buffer[..length], expected[..]);
        }
    }
}
