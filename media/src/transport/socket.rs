//! The UDP sockets of a peer connection: plain ones, that follow the machine to another address, and go over TCP where UDP is
//! blocked in the middle of a call.
//!
//! The crate knows a socket by the address that it had first; what is under that name changes without the crate's doing (see
//! [`follow`](super::follow)). What goes through a TURN server cannot follow: an allocation belongs to its address (RFC 8656 §3).

use std::{
    io::{self, IoSliceMut},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, ready},
    time::Instant,
};

use express_messages::local_address::is_local;
use futures::{future::select_ok, task::AtomicWaker};
use tokio::{io::ReadBuf, net::UdpSocket as Udp, runtime::Handle};
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

use super::{
    follow::{Follow, LOOK_EVERY, Step},
    framed::Framed,
    wire::Wire,
};

/// A Binding request and its success response (RFC 8489 §6): type, and behind the length the magic cookie.
const REQUEST: [u8; 2] = [0, 1];
const SUCCESS: [u8; 2] = [1, 1];
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// Lowest first byte of what is not STUN (RFC 7983 §7).
pub(super) const FIRST_OF_DTLS: u8 = 20;

/// One host candidate.
#[derive(Debug)]
pub(super) struct UdpSocket {
    /// What the crate knows it by.
    name: SocketAddr,
    handle: Handle,
    wire: Arc<Wire>,
    /// Who waits for a datagram, wherever it comes in.
    reader: AtomicWaker,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    socket: Arc<Udp>,
    follow: Follow,
    last_check: Option<Check>,
    watched: bool,
    /// What carries the datagrams to and from the server instead, while UDP is blocked.
    detour: Option<Arc<Framed>>,
}

/// The last connectivity check that was sent.
#[derive(Debug)]
struct Check {
    datagram: Vec<u8>,
    to: SocketAddr,
    answered: bool,
}

impl UdpSocket {
    /// Makes `socket` one of the runtime of `handle`.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn new(socket: std::net::UdpSocket, handle: &Handle, wire: Arc<Wire>) -> io::Result<Self> {
        let name = socket.local_addr()?;
        Ok(Self {
            name,
            inner: Mutex::new(Inner {
                socket: driven(socket, handle)?,
                follow: Follow::default(),
                last_check: None,
                watched: false,
                detour: None,
            }),
            handle: handle.clone(),
            wire,
            reader: AtomicWaker::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks after its address from the first datagram on; without one it is of no use anyway.
    fn watch(self: &Arc<Self>) {
        let socket = Arc::downgrade(self);
        self.handle.spawn(async move {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                let Some(socket) = Weak::upgrade(&socket) else { return };
                socket.look();
            }
        });
    }

    fn look(self: &Arc<Self>) {
        if !self.wire.is_connected() {
            return;
        }
        let mut inner = self.lock();
        if inner.detour.as_ref().is_some_and(|detour| !detour.is_at_home()) {
            inner.end_detour(true);
        }
        let here = inner.socket.local_addr().map_or(self.name.ip(), |addr| addr.ip());
        match inner.follow.look(now(), is_local(here)) {
            Step::Stay => {}
            Step::Remind => inner.remind(),
            Step::Detour => self.open_detour(),
            Step::Move => {
                let Some(server) = inner.last_check.as_ref().map(|check| check.to) else {
                    return;
                };
                // Without a way to the server there is nothing to move to: the next look tries again.
                match way_to(server).and_then(|ip| self.move_to(&mut inner, ip)) {
                    Ok(to) => tracing::info!(from = %here, %to, "the local address is gone; media goes on from another"),
                    Err(error) => tracing::trace!(%error, from = %here, "the local address is gone, and there is no other"),
                }
            }
        }
    }

    /// Connects to the server over TCP, at whichever of its addresses answers first.
    fn open_detour(self: &Arc<Self>) {
        let (socket, handle, wire) = (Arc::downgrade(self), self.handle.clone(), Arc::clone(&self.wire));
        self.handle.spawn(async move {
            let ways: Vec<_> = wire.tcp().iter().map(|to| Box::pin(Framed::open(*to, &handle))).collect();
            let opened = match ways.is_empty() {
                true => None,
                false => select_ok(ways).await.ok().map(|(way, _slower)| way),
            };
            if let Some(socket) = Weak::upgrade(&socket) {
                socket.take_detour(opened);
            }
        });
    }

    /// Goes on over TCP, beginning with a check: by that the server learns who it is.
    fn take_detour(&self, opened: Option<Framed>) {
        let mut inner = self.lock();
        if !inner.follow.on_detour(opened.is_some(), now()) {
            return;
        }
        if let (Some(detour), Some(check)) = (opened, &inner.last_check) {
            tracing::info!(from = %detour.local(), "UDP is blocked; media goes on over TCP");
            detour.send(&check.datagram);
            inner.detour = Some(Arc::new(detour));
            self.reader.wake();
        }
    }

    /// Goes on from `ip`; whoever waits for a datagram waits there.
    fn move_to(&self, inner: &mut Inner, ip: IpAddr) -> io::Result<SocketAddr> {
        let socket = std::net::UdpSocket::bind((ip, 0))?;
        // The runtime would not know yet whether the new socket can be written to.
        if let Some(check) = &inner.last_check
            && let Err(error) = socket.send_to(&check.datagram, check.to)
        {
            tracing::trace!(%error, to = %check.to, "the server was not reminded");
        }
        inner.socket = driven(socket, &self.handle)?;
        self.wire.set_moved(true);
        inner.follow.on_moved(now());
        inner.follow.look(now(), true);
        self.reader.wake();
        inner.socket.local_addr()
    }
}

impl UdpSocket {
    /// The next datagram for the crate, and whose it is.
    fn poll_datagram(self: &Arc<Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<(usize, SocketAddr)>> {
        loop {
            let socket = {
                let mut inner = self.lock();
                if let Poll::Ready(received) = inner.poll_detour(cx, buf) {
                    self.wire.set_moved(false);
                    return Poll::Ready(Ok(received));
                }
                Arc::clone(&inner.socket)
            };
            let mut read = ReadBuf::new(buf);
            let addr = ready!(socket.poll_recv_from(cx, &mut read))?;
            let mut inner = self.lock();
            if !std::mem::replace(&mut inner.watched, true) {
                self.watch();
            }
            inner.note_heard(read.filled());
            if inner.is_server(addr) {
                self.wire.set_moved(false);
            }
            if inner.is_news(read.filled()) {
                return Poll::Ready(Ok((read.filled().len(), addr)));
            }
        }
    }
}

impl Inner {
    fn remind(&self) {
        let Some(check) = &self.last_check else { return };
        if let Err(error) = self.socket.try_send_to(&check.datagram, check.to) {
            tracing::trace!(%error, to = %check.to, "the server was not reminded");
        }
    }

    /// The way over TCP is given up, or has ended.
    fn end_detour(&mut self, moved: bool) {
        self.detour = None;
        self.follow.on_detour_lost(moved, now());
    }

    /// Notes what goes out; the way over TCP where it is to go that way.
    fn note_sent(&mut self, datagram: &[u8], to: SocketAddr) -> Option<Arc<Framed>> {
        if is_check(datagram) {
            self.last_check = Some(Check {
                datagram: datagram.to_vec(),
                to,
                answered: false,
            });
        }
        // What goes to a TURN server goes there by UDP or not at all.
        let is_for_server = self.is_server(to);
        if is_for_server && datagram.first().is_some_and(|first| *first >= FIRST_OF_DTLS) {
            self.follow.on_used(now());
        }
        self.detour.clone().filter(|_| is_for_server)
    }

    fn is_server(&self, address: SocketAddr) -> bool {
        self.last_check.as_ref().is_some_and(|check| check.to == address)
    }

    fn note_heard(&mut self, datagram: &[u8]) {
        if self.follow.on_heard(now()) {
            tracing::info!("UDP is there again; media goes that way");
            self.detour = None;
        }
        if is_rtp(datagram) {
            self.follow.on_media(now());
        }
    }

    /// Whether the crate is to have it: a second answer to the same check it would take for a stranger's.
    fn is_news(&mut self, datagram: &[u8]) -> bool {
        let Some(answered) = transaction(datagram, SUCCESS) else {
            return true;
        };
        let is_last = |check: &&mut Check| transaction(&check.datagram, REQUEST) == Some(answered);
        let last = self.last_check.as_mut().filter(|check| is_last(check));
        last.is_none_or(|check| !std::mem::replace(&mut check.answered, true))
    }

    /// The next datagram that came over TCP, under the name of the server that the crate knows.
    fn poll_detour(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<(usize, SocketAddr)> {
        loop {
            let (Some(detour), Some(check)) = (&self.detour, &self.last_check) else {
                return Poll::Pending;
            };
            let server = check.to;
            let Some(datagram) = ready!(detour.poll_receive(cx)) else {
                self.end_detour(false);
                continue;
            };
            let Some(room) = buf.get_mut(..datagram.len()).filter(|_| self.is_news(&datagram)) else {
                continue;
            };
            room.copy_from_slice(&datagram);
            return Poll::Ready((datagram.len(), server));
        }
    }
}

/// The transaction of a STUN message of type `kind`.
fn transaction(datagram: &[u8], kind: [u8; 2]) -> Option<&[u8]> {
    let is_it = datagram.starts_with(&kind) && datagram.get(4..8) == Some(&COOKIE);
    datagram.get(8..20).filter(|_| is_it)
}

/// Whether it is a connectivity check.
pub(super) fn is_check(datagram: &[u8]) -> bool {
    transaction(datagram, REQUEST).is_some()
}

/// RTP and no RTCP (RFC 5761 §4).
fn is_rtp(datagram: &[u8]) -> bool {
    matches!(datagram, [first, kind, ..] if first >> 6 == 2 && !(192..=223).contains(kind))
}

/// The address that the machine would send to `server` from. Nothing is sent.
fn way_to(server: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let probe = std::net::UdpSocket::bind((any, 0))?;
    probe.connect(server)?;
    probe.local_addr().map(|addr| addr.ip())
}

fn driven(socket: std::net::UdpSocket, handle: &Handle) -> io::Result<Arc<Udp>> {
    socket.set_nonblocking(true)?;
    let _guard = handle.enter();
    Ok(Arc::new(Udp::from_std(socket)?))
}

/// Follows a paused tokio clock.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// What the crate holds: the socket, and the one that looks after it.
#[derive(Debug)]
pub(super) struct Followed(pub(super) Arc<UdpSocket>);

impl AsyncUdpSocket for Followed {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.0.name)
    }

    /// What the kernel refuses to send is lost, as a datagram may be. Connectivity checks go from each local address to each
    /// of the server's, 50 a second, and many of these ways cannot be (loopback to anywhere else); the crate would log every
    /// one as an error. ICE finds out by itself what reaches the server.
    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let (socket, detour) = {
            let mut inner = self.0.lock();
            let detour = inner.note_sent(transmit.contents, transmit.destination);
            (Arc::clone(&inner.socket), detour)
        };
        if let Some(detour) = detour {
            self.0.wire.look_for_end(transmit.contents);
            if !detour.send(transmit.contents) {
                self.0.wire.count_dropped();
            }
            return Poll::Ready(Ok(transmit.contents.len()));
        }
        let sent = socket.poll_send_to(cx, transmit.contents, transmit.destination);
        sent.map(|sent| {
            self.0.wire.sent(&socket, transmit.contents, transmit.destination);
            sent.or_else(|error| {
                tracing::trace!(%error, to = %transmit.destination, "a datagram was not sent");
                Ok(transmit.contents.len())
            })
        })
    }

    fn poll_recv(&self, cx: &mut Context<'_>, bufs: &mut [IoSliceMut<'_>], meta: &mut [RecvMeta]) -> Poll<io::Result<usize>> {
        let (Some(buf), Some(meta)) = (bufs.first_mut(), meta.first_mut()) else {
            return Poll::Ready(Ok(0));
        };
        self.0.reader.register(cx.waker());
        let (len, addr) = ready!(self.0.poll_datagram(cx, buf))?;
        *meta = RecvMeta::default();
        meta.addr = addr;
        meta.len = len;
        // The driver divides by it, also for an empty datagram.
        meta.stride = len.max(1);
        Poll::Ready(Ok(1))
    }
}

#[cfg(test)]
mod tests;
