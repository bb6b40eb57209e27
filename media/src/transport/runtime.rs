//! `webrtc`'s runtime trait over a tokio runtime that the engine owns, one for each connection.
//!
//! The crate's own `TokioRuntime` spawns on the ambient runtime and keeps a process-global pool of reactor threads that
//! never end. Here every task, timer and socket of a peer connection lives on the `zego-media` runtime and goes with it.
//!
//! Sockets are plain: one datagram per system call, no segmentation offload. A voice stream is 50 datagrams a second, and
//! the crate sizes its receive buffers by what the socket says it can coalesce (2 × 96 kB for each socket otherwise).

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::runtime::Handle;
use webrtc::runtime::{AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, Runtime};

use super::{
    socket::{Followed, UdpSocket},
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
        let socket = UdpSocket::new(socket, &self.handle, Arc::clone(&self.wire))?;
        self.udp_sockets.fetch_add(1, Ordering::Relaxed);
        Ok(Arc::new(Followed(Arc::new(socket))))
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
