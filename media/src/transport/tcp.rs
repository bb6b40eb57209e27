//! ICE over TCP (RFC 6544) from the active side: streams to the server, framed by RFC 4571.
//!
//! The `webrtc` crate makes active candidates only together with listeners, so it gets listeners that are closed already. Its
//! driver waits for each write, so a write goes into a short queue and a frame that finds no room is lost, as a datagram
//! would be: late sound is worth nothing, and a driver that waits cannot even close.

use std::{
    collections::HashMap,
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::AsyncWriteExt,
    net::{
        TcpSocket,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    runtime::Handle,
    sync::{mpsc, watch},
    time::timeout,
};
use webrtc::runtime::{AsyncTcpListener, AsyncTcpStream};

use super::wire::Wire;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How long a connection may take to be opened.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Frames that wait for the kernel: 0.6 s of speech.
const QUEUE: usize = 32;
/// What the kernel may hold back of them, in bytes: about as much again.
const SEND_BUFFER: u32 = 8 * 1024;
/// Length before each frame (RFC 4571 §2).
const FRAME_HEADER: usize = 2;
/// Lowest first byte of what is not STUN (RFC 7983 §7).
const FIRST_OF_DTLS: u8 = 20;

/// The streams of one connection.
#[derive(Debug)]
pub(super) struct TcpWays {
    handle: Handle,
    wire: Arc<Wire>,
    dropped: Arc<AtomicU64>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Addresses that the crate knows by another port: see [`TcpWays::stand_in`].
    real: HashMap<SocketAddr, SocketAddr>,
    open: Vec<(Arc<AtomicBool>, watch::Sender<bool>)>,
    closed: bool,
}

impl TcpWays {
    /// Streams run on the runtime of `handle`; what goes over them is shown to `wire`.
    pub(super) fn new(handle: Handle, wire: Arc<Wire>) -> Self {
        Self {
            handle,
            wire,
            dropped: Arc::default(),
            inner: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frames that were lost because a stream took no more.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Names `real` by another address from now on. The crate tells the server's candidates apart by address alone, so one
    /// port that serves UDP and TCP needs two names.
    pub(super) fn stand_in(&self, alias: SocketAddr, real: SocketAddr) {
        self.lock().real.insert(alias, real);
    }

    /// Opens a stream to `address`.
    pub(super) async fn connect(&self, address: SocketAddr) -> io::Result<Arc<dyn AsyncTcpStream>> {
        let real = self.lock().real.get(&address).copied().unwrap_or(address);
        let socket = if real.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.set_nodelay(true)?;
        socket.set_send_buffer_size(SEND_BUFFER)?;
        let stream = timeout(CONNECT_TIMEOUT, socket.connect(real))
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the server does not answer over TCP"))??;
        let local = stream.local_addr()?;
        let (reader, writer) = stream.into_split();
        let (frames, queue) = mpsc::channel(QUEUE);
        let (closer, closed) = watch::channel(false);
        let carries = Arc::new(AtomicBool::new(false));
        {
            let mut inner = self.lock();
            if inner.closed {
                return Err(io::Error::new(io::ErrorKind::NotConnected, "another way was faster"));
            }
            inner.open.push((Arc::clone(&carries), closer));
        }
        self.handle.spawn(write(writer, queue));
        Ok(Arc::new(Stream {
            local,
            peer: address,
            reader,
            frames,
            closed,
            carries,
            wire: Arc::clone(&self.wire),
            dropped: Arc::clone(&self.dropped),
        }))
    }

    /// The connection stands: closes each stream that carries none of it, and opens no more.
    pub(super) fn close_unused(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.open.retain(|(carries, closer)| {
            let used = carries.load(Ordering::Relaxed);
            if !used {
                closer.send_replace(true);
            }
            used
        });
    }
}

/// Writes what is queued until the stream is dropped or broken. The reading half notices the latter.
async fn write(mut writer: OwnedWriteHalf, mut queue: mpsc::Receiver<Vec<u8>>) {
    while let Some(frame) = queue.recv().await {
        if let Err(error) = writer.write_all(&frame).await {
            tracing::debug!(%error, "a media stream over TCP broke");
            return;
        }
    }
}

struct Stream {
    local: SocketAddr,
    peer: SocketAddr,
    reader: OwnedReadHalf,
    frames: mpsc::Sender<Vec<u8>>,
    closed: watch::Receiver<bool>,
    carries: Arc<AtomicBool>,
    wire: Arc<Wire>,
    dropped: Arc<AtomicU64>,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stream({} to {})", self.local, self.peer)
    }
}

impl Stream {
    /// The next bytes; none when either side has closed the stream.
    async fn receive(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut closed = self.closed.clone();
        loop {
            tokio::select! {
                _ = closed.wait_for(|closed| *closed) => return Ok(0),
                readable = self.reader.readable() => readable?,
            }
            match self.reader.try_read(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }

    fn send(&self, frame: &[u8]) {
        let Some(packet) = frame.get(FRAME_HEADER..) else { return };
        if packet.first().is_some_and(|first| *first >= FIRST_OF_DTLS) {
            self.carries.store(true, Ordering::Relaxed);
        }
        self.wire.look_for_end(packet);
        if self.frames.try_send(frame.to_vec()).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl AsyncTcpStream for Stream {
    fn read<'a, 'b>(&'a self, buf: &'b mut [u8]) -> Boxed<'b, io::Result<usize>>
    where
        'a: 'b,
    {
        Box::pin(self.receive(buf))
    }

    /// Never waits; the crate gives one whole frame at a time.
    fn write_all<'a, 'b>(&'a self, buf: &'b [u8]) -> Boxed<'b, io::Result<()>>
    where
        'a: 'b,
    {
        self.send(buf);
        Box::pin(std::future::ready(Ok(())))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

/// Stands for a listener, so that there is an active candidate for its address. Nobody can connect to it.
#[derive(Debug)]
pub(super) struct NoListener(SocketAddr);

impl NoListener {
    /// Closes `listener` and keeps its address.
    pub(super) fn instead_of(listener: &std::net::TcpListener) -> io::Result<Self> {
        listener.local_addr().map(Self)
    }
}

impl AsyncTcpListener for NoListener {
    fn accept<'a>(&'a self) -> Boxed<'a, io::Result<(Arc<dyn AsyncTcpStream>, SocketAddr)>> {
        Box::pin(std::future::pending())
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.0)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncReadExt, net::TcpListener};

    use super::*;

    fn ways() -> TcpWays {
        let handle = Handle::current();
        TcpWays::new(handle.clone(), Arc::new(Wire::new(handle)))
    }

    const STUN: [u8; 4] = [0, 2, 0, 1];
    const DTLS: [u8; 4] = [0, 2, 22, 1];

    #[tokio::test]
    async fn frames_go_whole_and_the_real_address_is_reached_under_its_other_name() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let real = listener.local_addr().unwrap();
        let alias = "127.0.0.1:1".parse().unwrap();
        let ways = ways();
        ways.stand_in(alias, real);
        let stream = ways.connect(alias).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), alias);
        let (mut accepted, _) = listener.accept().await.unwrap();
        stream.write_all(&STUN).await.unwrap();
        let mut heard = [0; 4];
        accepted.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, STUN);
    }

    #[tokio::test]
    async fn once_connected_a_stream_that_carries_nothing_is_closed_and_one_that_does_stays() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let ways = ways();
        let (unused, used) = (ways.connect(address).await.unwrap(), ways.connect(address).await.unwrap());
        unused.write_all(&STUN).await.unwrap();
        used.write_all(&DTLS).await.unwrap();
        ways.close_unused();
        assert_eq!(unused.read(&mut [0; 8]).await.unwrap(), 0);
        let (_first, _) = listener.accept().await.unwrap();
        let (mut second, _) = listener.accept().await.unwrap();
        second.write_all(b"hi").await.unwrap();
        assert_eq!(used.read(&mut [0; 8]).await.unwrap(), 2);
        assert!(
            ways.connect(address).await.is_err(),
            "a connection that stands opens no more streams"
        );
    }

    #[tokio::test]
    async fn a_stream_that_nobody_reads_loses_frames_and_makes_nobody_wait() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ways = ways();
        let stream = ways.connect(listener.local_addr().unwrap()).await.unwrap();
        let mut frame = vec![0; 60_000];
        frame[FRAME_HEADER] = 0x80;
        let mut written = 0;
        while ways.dropped() == 0 {
            stream.write_all(&frame).await.unwrap();
            written += 1;
            assert!(written < 10_000, "a frame was dropped before so many were written");
            tokio::task::yield_now().await;
        }
    }
}
