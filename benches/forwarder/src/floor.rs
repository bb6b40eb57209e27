//! The floor: what the machine charges for sending the same packets to the same sockets, and nothing else.
//!
//! One thread, `sendmmsg` of 64, each packet sealed in place by aws-lc-rs with its receiver's own AES-128-GCM key, as SRTP
//! needs it (RFC 7714). No receiving, no timers, no control.

use std::io::{self, IoSlice};
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce};
use nix::poll::ppoll;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};
use rtc_shared::marshal::Marshal;
use serde::{Deserialize, Serialize};

use crate::client::header;
use crate::crowd::{Crowd, now};
use crate::payload::{PACKET_EVERY, PAYLOAD_BYTES, Stamp, wall_ns};
use crate::tally::Traffic;

/// Bytes of the RTP header with the audio level.
pub(crate) const HEADER_BYTES: usize = 20;
/// Bytes of the authentication tag. RFC 7714 §5.1.
const TAG_BYTES: usize = 16;
/// Bytes of a whole packet, without IP and UDP.
pub const PACKET_BYTES: usize = HEADER_BYTES + PAYLOAD_BYTES + TAG_BYTES;
/// Datagrams of one system call.
const BATCH: usize = 64;
/// Asked of the kernel, as the server does.
const SEND_BUFFER: usize = 8 * 1024 * 1024;

/// Whom the floor sends to.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddrV4,
    pub(crate) key: LessSafeKey,
}

/// What the floor took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FloorReport {
    /// CPU time of its thread, nanoseconds.
    pub cpu_ns: u64,
    /// What the receivers got.
    pub traffic: Traffic,
}

/// Sends to the crowd's connected listeners for so long, paced as the server's publishers are.
///
/// # Errors
/// There is no socket, or the thread failed.
pub fn run(crowd: &mut Crowd, time: Duration) -> io::Result<FloorReport> {
    let groups = crowd.floor_receivers()?;
    let ticks = u32::try_from(time.as_nanos() / PACKET_EVERY.as_nanos()).unwrap_or(u32::MAX);
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let _ = setsockopt(&socket, sockopt::SndBuf, &SEND_BUFFER);
    let SocketAddr::V4(address) = socket.local_addr()? else {
        return Err(io::Error::other("the floor needs IPv4"));
    };
    crowd.begin_floor(address);
    let done = Arc::new(AtomicBool::new(false));
    let tell = Arc::clone(&done);
    let thread = std::thread::Builder::new().name("floor".into()).spawn(move || {
        let cpu = Floor::new(&socket, groups).and_then(|mut floor| floor.send_all(ticks));
        tell.store(true, Ordering::Release);
        cpu
    })?;
    while !done.load(Ordering::Acquire) {
        crowd.turn(now() + Duration::from_millis(5));
    }
    let cpu_ns = thread.join().map_err(|_| io::Error::other("the floor's thread panicked"))??;
    Ok(FloorReport {
        cpu_ns,
        traffic: crowd.end_floor(ticks.into()),
    })
}

struct Floor<'a> {
    socket: &'a UdpSocket,
    groups: Vec<Group>,
    headers: MultiHeaders<SockaddrStorage>,
    packets: Vec<[u8; PACKET_BYTES]>,
    template: [u8; HEADER_BYTES],
}

/// The listeners of one stream.
struct Group {
    keys: Vec<LessSafeKey>,
    addresses: Vec<Option<SockaddrStorage>>,
}

impl<'a> Floor<'a> {
    fn new(socket: &'a UdpSocket, groups: Vec<Vec<Receiver>>) -> io::Result<Self> {
        let header = header(1, 0, 0, false).marshal().map_err(io::Error::other)?;
        let template = header[..].try_into().map_err(io::Error::other)?;
        let group = |receivers: Vec<Receiver>| {
            let (addresses, keys) = receivers
                .into_iter()
                .map(|receiver| (Some(SockaddrStorage::from(receiver.address)), receiver.key))
                .unzip();
            Group { keys, addresses }
        };
        Ok(Self {
            socket,
            groups: groups.into_iter().map(group).collect(),
            headers: MultiHeaders::preallocate(BATCH, None),
            packets: vec![[0; PACKET_BYTES]; BATCH],
            template,
        })
    }

    /// Sends `ticks` packets to everybody; the CPU time that it took.
    fn send_all(&mut self, ticks: u32) -> io::Result<u64> {
        let (began, cpu) = (Instant::now(), thread_cpu_ns()?);
        let count = u32::try_from(self.groups.len().max(1)).unwrap_or(u32::MAX);
        for tick in 0..ticks {
            for n in 0..self.groups.len() {
                let place = u32::try_from(n).unwrap_or(u32::MAX);
                wait_until(began + PACKET_EVERY * tick + PACKET_EVERY * place / count);
                self.send_one(n, tick)?;
            }
        }
        Ok(thread_cpu_ns()? - cpu)
    }

    fn send_one(&mut self, group: usize, tick: u32) -> io::Result<()> {
        let Group { keys, addresses } = &self.groups[group];
        let stamp = Stamp {
            stream: u32::try_from(group).unwrap_or(u32::MAX),
            counter: tick.into(),
            sent_ns: wall_ns(),
        };
        let payload = stamp.write();
        for (keys, addresses) in keys.chunks(BATCH).zip(addresses.chunks(BATCH)) {
            for (packet, key) in self.packets.iter_mut().zip(keys) {
                seal(packet, &self.template, &payload, key, tick)?;
            }
            let slices: [[IoSlice<'_>; 1]; BATCH] = std::array::from_fn(|n| [IoSlice::new(&self.packets[n])]);
            let mut done = 0;
            while done < keys.len() {
                let fd = self.socket.as_raw_fd();
                let (slices, addresses) = (&slices[done..keys.len()], &addresses[done..]);
                let sent = sendmmsg(fd, &mut self.headers, slices, addresses, [], MsgFlags::empty())?;
                done += sent.count().max(1);
            }
        }
        Ok(())
    }
}

/// Header, payload and tag, sealed where they are sent from.
fn seal(
    packet: &mut [u8; PACKET_BYTES],
    template: &[u8; HEADER_BYTES],
    payload: &[u8; PAYLOAD_BYTES],
    key: &LessSafeKey,
    tick: u32,
) -> io::Result<()> {
    let (header, rest) = packet.split_at_mut(HEADER_BYTES);
    header.copy_from_slice(template);
    header[2..4].copy_from_slice(&(tick as u16).to_be_bytes());
    header[4..8].copy_from_slice(&tick.to_be_bytes());
    let (body, tag) = rest.split_at_mut(PAYLOAD_BYTES);
    body.copy_from_slice(payload);
    let refused = |_| io::Error::other("aws-lc-rs refuses to seal");
    // Each receiver has its own key, and sequence number and timestamp make the header unlike any other.
    let nonce = Nonce::try_assume_unique_for_key(&header[..12]).map_err(refused)?;
    let sealed = key
        .seal_in_place_separate_tag(nonce, Aad::from(&header[..]), body)
        .map_err(refused)?;
    tag.copy_from_slice(sealed.as_ref());
    Ok(())
}

fn wait_until(due: Instant) {
    let left = due.saturating_duration_since(Instant::now());
    if !left.is_zero() {
        let _ = ppoll(&mut [], Some(TimeSpec::from_duration(left)), None);
    }
}

fn thread_cpu_ns() -> io::Result<u64> {
    let spent = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
    let spent = Duration::from(spent);
    Ok(u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX))
}
