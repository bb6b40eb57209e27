//! `webrtc`'s runtime trait over a tokio runtime that the engine owns, one for each connection.
//!
//! The crate's own `TokioRuntime` spawns on the ambient runtime and keeps a process-global pool of reactor threads that
//! never end. Here every task, timer and socket of a peer connection lives on the `zego-media` runtime and goes with it.
//!
//! Sockets are plain: one datagram per system call, no segmentation offload. A voice stream is 50 datagrams a second, and
//! the crate sizes its receive buffers by what the socket says it can coalesce (2 × 96 kB for each socket otherwise).

use std::{
    future::Future,
    io::{self, IoSliceMut},
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::{io::ReadBuf, runtime::Handle};
use webrtc::runtime::{AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, RecvMeta, Runtime, Transmit};

use super::{
    tcp::{NoListener, TcpWays},
    wire::Wire,
};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How long the name of a TURN server may take to be looked up: the peer connection does nothing else meanwhile.
const LOOKUP_TIMEOUT: Duration = Duration::from_millis(300);

/// Runs one peer connection on a tokio runtime.
#[derive(Debug)]
pub(super) struct MediaRuntime {
    handle: Handle,
    wire: Arc<Wire>,
    tcp: TcpWays,
    udp_sockets: AtomicUsize,
}

impl MediaRuntime {
    /// `handle` is the runtime that everything runs on.
    pub(super) fn new(handle: Handle) -> Self {
        let wire = Arc::new(Wire::new(handle.clone()));
        Self {
            tcp: TcpWays::new(handle.clone(), Arc::clone(&wire)),
            handle,
            wire,
            udp_sockets: AtomicUsize::new(0),
        }
    }

    /// What goes over the sockets.
    pub(super) fn wire(&self) -> &Arc<Wire> {
        &self.wire
    }

    /// The streams.
    pub(super) fn tcp(&self) -> &TcpWays {
        &self.tcp
    }

    /// How many UDP sockets were made: each is one host candidate.
    pub(super) fn udp_sockets(&self) -> usize {
        self.udp_sockets.load(Ordering::Relaxed)
    }
}

impl Runtime for MediaRuntime {
    fn spawn(&self, future: Boxed<'static, ()>) -> Box<dyn JoinHandle> {
        Box::new(Task(self.handle.spawn(future)))
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        socket.set_nonblocking(true)?;
        let _guard = self.handle.enter();
        let socket = UdpSocket {
            socket: Arc::new(tokio::net::UdpSocket::from_std(socket)?),
            wire: Arc::clone(&self.wire),
        };
        self.udp_sockets.fetch_add(1, Ordering::Relaxed);
        Ok(Arc::new(socket))
    }

    fn wrap_tcp_listener(&self, listener: std::net::TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        Ok(Arc::new(NoListener::instead_of(&listener)?))
    }

    fn connect_tcp<'a>(&'a self, address: SocketAddr) -> Boxed<'a, io::Result<Arc<dyn AsyncTcpStream>>> {
        Box::pin(self.tcp.connect(address))
    }

    fn resolve_host<'a>(&'a self, host: &'a str) -> Boxed<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            let found = tokio::time::timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host(host)).await;
            Ok(found.map_err(|_| io::ErrorKind::TimedOut)??.collect())
        })
    }

    /// The same clock that [`Runtime::sleep`] runs on, also where a test has paused it.
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn sleep(&self, duration: Duration) -> Boxed<'static, ()> {
        let _guard = self.handle.enter();
        Box::pin(tokio::time::sleep(duration))
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        let _guard = self.handle.enter();
        Box::new(Interval(tokio::time::interval(period)))
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        self.handle.block_on(future);
    }

    fn yield_now(&self) -> Boxed<'static, ()> {
        Box::pin(tokio::task::yield_now())
    }

    fn name(&self) -> &'static str {
        "zego-media"
    }
}

struct Task(tokio::task::JoinHandle<()>);

impl JoinHandle for Task {
    /// tokio's handle detaches when it is dropped, and holding it cancels nothing.
    fn detach(&self) {}

    fn abort(&self) {
        self.0.abort();
    }

    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

struct Interval(tokio::time::Interval);

impl AsyncInterval for Interval {
    fn tick(&mut self) -> Boxed<'_, ()> {
        Box::pin(async move {
            self.0.tick().await;
        })
    }
}

#[derive(Debug)]
struct UdpSocket {
    socket: Arc<tokio::net::UdpSocket>,
    wire: Arc<Wire>,
}

impl AsyncUdpSocket for UdpSocket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// What the kernel refuses to send is lost, as a datagram may be. Connectivity checks go from each local address to each
    /// of the server's, 50 a second, and many of these ways cannot be (loopback to anywhere else); the crate would log every
    /// one as an error. ICE finds out by itself what reaches the server.
    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let sent = self.socket.poll_send_to(cx, transmit.contents, transmit.destination);
        sent.map(|sent| {
            self.wire.sent(&self.socket, transmit.contents, transmit.destination);
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
        let mut read = ReadBuf::new(buf);
        let addr = match self.socket.poll_recv_from(cx, &mut read) {
            Poll::Ready(result) => result?,
            Poll::Pending => return Poll::Pending,
        };
        let len = read.filled().len();
        *meta = RecvMeta::default();
        meta.addr = addr;
        meta.len = len;
        // The driver divides by it, also for an empty datagram.
        meta.stride = len.max(1);
        Poll::Ready(Ok(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_datagram_that_the_kernel_refuses_is_lost_without_an_error() {
        let runtime = MediaRuntime::new(Handle::current());
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let raw = socket.try_clone().unwrap();
        let socket = runtime.wrap_udp_socket(socket).unwrap();
        // RFC 5737: an address for documentation, which nothing on loopback can reach.
        let nowhere = "198.51.100.1:9".parse().unwrap();
        assert!(raw.send_to(b"check", nowhere).is_err());
        assert_eq!(socket.send_to(b"check", nowhere).await.unwrap(), 5);
    }

    #[tokio::test]
    async fn a_datagram_comes_whole_with_its_sender_also_when_it_is_empty() {
        let runtime = MediaRuntime::new(Handle::current());
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let other = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let socket = runtime.wrap_udp_socket(socket).unwrap();
        for text in [&b"hello"[..], b""] {
            other.send_to(text, socket.local_addr().unwrap()).unwrap();
            let (mut buf, mut meta) = ([0; 1_500], [RecvMeta::default()]);
            let received = std::future::poll_fn(|cx| {
                let mut bufs = [IoSliceMut::new(&mut buf)];
                socket.poll_recv(cx, &mut bufs, &mut meta)
            });
            assert_eq!(received.await.unwrap(), 1);
            assert_eq!((meta[0].len, meta[0].stride), (text.len(), text.len().max(1)));
            assert_eq!((meta[0].addr, &buf[..text.len()]), (other.local_addr().unwrap(), text));
        }
    }
}
