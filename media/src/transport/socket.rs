//! The UDP sockets of a peer connection: plain ones, that follow the machine to another address.
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
use futures::task::AtomicWaker;
use tokio::{io::ReadBuf, net::UdpSocket as Udp, runtime::Handle};
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

use super::{
    follow::{Follow, LOOK_EVERY, Step},
    wire::Wire,
};

/// A Binding request and its success response (RFC 8489 §6): type, and behind the length the magic cookie.
const REQUEST: [u8; 2] = [0, 1];
const SUCCESS: [u8; 2] = [1, 1];
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

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

    fn look(&self) {
        if !self.wire.is_connected() {
            return;
        }
        let mut inner = self.lock();
        let here = inner.socket.local_addr().map_or(self.name.ip(), |addr| addr.ip());
        match inner.follow.look(now(), is_local(here)) {
            Step::Stay => {}
            Step::Remind => inner.remind(),
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

    /// Goes on from `ip`; whoever waits for a datagram waits there.
    fn move_to(&self, inner: &mut Inner, ip: IpAddr) -> io::Result<SocketAddr> {
        inner.socket = driven(std::net::UdpSocket::bind((ip, 0))?, &self.handle)?;
        inner.follow.on_moved(now());
        inner.follow.look(now(), true);
        inner.remind();
        self.reader.wake();
        inner.socket.local_addr()
    }
}

impl Inner {
    fn remind(&self) {
        let Some(check) = &self.last_check else { return };
        if let Err(error) = self.socket.try_send_to(&check.datagram, check.to) {
            tracing::trace!(%error, to = %check.to, "the server was not reminded");
        }
    }

    fn note_sent(&mut self, datagram: &[u8], to: SocketAddr) {
        if transaction(datagram, REQUEST).is_some() {
            self.last_check = Some(Check {
                datagram: datagram.to_vec(),
                to,
                answered: false,
            });
        }
    }

    /// Whether the crate is to have it: a second answer to the same check it would take for a stranger's.
    fn note_received(&mut self, datagram: &[u8]) -> bool {
        if is_rtp(datagram) {
            self.follow.on_media(now());
            return true;
        }
        let Some(answered) = transaction(datagram, SUCCESS) else {
            return true;
        };
        let is_last = |check: &&mut Check| transaction(&check.datagram, REQUEST) == Some(answered);
        let last = self.last_check.as_mut().filter(|check| is_last(check));
        last.is_none_or(|check| !std::mem::replace(&mut check.answered, true))
    }
}

/// The transaction of a STUN message of type `kind`.
fn transaction(datagram: &[u8], kind: [u8; 2]) -> Option<&[u8]> {
    let is_it = datagram.starts_with(&kind) && datagram.get(4..8) == Some(&COOKIE);
    datagram.get(8..20).filter(|_| is_it)
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
        let socket = {
            let mut inner = self.0.lock();
            inner.note_sent(transmit.contents, transmit.destination);
            Arc::clone(&inner.socket)
        };
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
        loop {
            let socket = Arc::clone(&self.0.lock().socket);
            let mut read = ReadBuf::new(buf);
            let addr = ready!(socket.poll_recv_from(cx, &mut read))?;
            let mut inner = self.0.lock();
            if !std::mem::replace(&mut inner.watched, true) {
                self.0.watch();
            }
            if !inner.note_received(read.filled()) {
                continue;
            }
            let len = read.filled().len();
            *meta = RecvMeta::default();
            meta.addr = addr;
            meta.len = len;
            // The driver divides by it, also for an empty datagram.
            meta.stride = len.max(1);
            return Poll::Ready(Ok(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn check(kind: [u8; 2], transaction: u8) -> Vec<u8> {
        [&kind[..], &[0, 0], &COOKIE, &[transaction; 12]].concat()
    }

    /// A socket, and a server that it knows.
    async fn pair() -> (Followed, Udp, SocketAddr) {
        let server = Udp::bind("127.0.0.1:0").await.unwrap();
        let to = server.local_addr().unwrap();
        let wire = Arc::new(Wire::new(Handle::current()));
        wire.set_connected();
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let socket = UdpSocket::new(socket, &Handle::current(), wire).unwrap();
        (Followed(Arc::new(socket)), server, to)
    }

    async fn receive(socket: &Followed) -> (Vec<u8>, RecvMeta) {
        let (mut buf, mut meta) = ([0; 1_500], [RecvMeta::default()]);
        let received = std::future::poll_fn(|cx| {
            let mut bufs = [IoSliceMut::new(&mut buf)];
            socket.poll_recv(cx, &mut bufs, &mut meta)
        });
        assert_eq!(received.await.unwrap(), 1);
        let [meta] = meta;
        (buf[..meta.len].to_vec(), meta)
    }

    #[tokio::test]
    async fn a_datagram_that_the_kernel_refuses_is_lost_without_an_error() {
        let (socket, _server, _) = pair().await;
        // RFC 5737: an address for documentation, which nothing on loopback can reach.
        let nowhere = "198.51.100.1:9".parse().unwrap();
        assert!(socket.0.lock().socket.try_send_to(b"check", nowhere).is_err());
        assert_eq!(socket.send_to(b"check", nowhere).await.unwrap(), 5);
    }

    #[tokio::test]
    async fn a_datagram_comes_whole_with_its_sender_also_when_it_is_empty() {
        let (socket, server, from) = pair().await;
        for text in [&b"hello"[..], b""] {
            server.send_to(text, socket.local_addr().unwrap()).await.unwrap();
            let (heard, meta) = receive(&socket).await;
            assert_eq!((meta.len, meta.stride), (text.len(), text.len().max(1)));
            assert_eq!((meta.addr, &heard[..]), (from, text));
        }
    }

    #[tokio::test]
    async fn a_socket_that_moves_reminds_the_server_from_its_new_address_and_hears_there_under_its_old_name() {
        let (socket, server, to) = pair().await;
        let (name, mut buffer) = (socket.local_addr().unwrap(), [0; 64]);
        let request = check(REQUEST, 7);
        socket.send_to(&request, to).await.unwrap();
        let (_, old) = server.recv_from(&mut buffer).await.unwrap();
        let waiting = receive(&socket);
        let moving = async {
            // The reader waits at the old address by now.
            tokio::task::yield_now().await;
            let moved = socket.0.move_to(&mut socket.0.lock(), "127.0.0.2".parse().unwrap()).unwrap();
            let (length, from) = server.recv_from(&mut buffer).await.unwrap();
            assert_eq!((&buffer[..length], from), (&request[..], moved));
            assert_ne!(from, old);
            server.send_to(b"here you are", from).await.unwrap();
        };
        let ((heard, _), ()) = tokio::join!(waiting, moving);
        assert_eq!(heard, b"here you are");
        assert_eq!(socket.local_addr().unwrap(), name);
    }

    #[tokio::test]
    async fn a_second_answer_to_the_same_check_is_kept_from_the_crate_and_a_first_one_is_not() {
        let (socket, server, to) = pair().await;
        let name = socket.local_addr().unwrap();
        socket.send_to(&check(REQUEST, 7), to).await.unwrap();
        for answer in [check(SUCCESS, 7), check(SUCCESS, 7), check(SUCCESS, 8), b"last".to_vec()] {
            server.send_to(&answer, name).await.unwrap();
        }
        let mut heard = Vec::new();
        for _ in 0..3 {
            heard.push(receive(&socket).await.0);
        }
        assert_eq!(heard, [check(SUCCESS, 7), check(SUCCESS, 8), b"last".to_vec()]);
    }

    #[tokio::test]
    async fn the_server_is_reminded_when_a_stream_that_flowed_is_heard_no_more() {
        let (socket, server, to) = pair().await;
        let request = check(REQUEST, 7);
        socket.send_to(&request, to).await.unwrap();
        server
            .send_to(&[0x80, 111, 0, 1], socket.local_addr().unwrap())
            .await
            .unwrap();
        receive(&socket).await;
        for _ in 0..2 {
            let mut buffer = [0; 64];
            let heard = tokio::time::timeout(Duration::from_secs(5), server.recv_from(&mut buffer)).await;
            assert_eq!(&buffer[..heard.unwrap().unwrap().0], request);
        }
    }

    #[test]
    fn the_way_to_a_server_on_this_machine_begins_at_loopback() {
        assert_eq!(way_to("127.0.0.1:9".parse().unwrap()).unwrap(), IpAddr::from([127, 0, 0, 1]));
    }
}
