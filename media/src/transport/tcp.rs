//! ICE over TCP (RFC 6544) from the active side: streams to the server, framed by RFC 4571, that follow the machine to another
//! address.
//!
//! The `webrtc` crate makes active candidates only together with listeners, so it gets listeners that are closed already. Its
//! driver waits for each write, and a driver that waits cannot even close, so no write waits (see [`framed`](super::framed)).
//! It knows a stream by the addresses that it had first; what is under that name changes without the crate's doing.

use std::{
    collections::HashMap,
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use futures::task::AtomicWaker;
use tokio::{runtime::Handle, sync::watch};
use webrtc::runtime::{AsyncTcpListener, AsyncTcpStream};

use super::{
    follow::LOOK_EVERY,
    framed::{FRAME_HEADER, Framed},
    socket::{FIRST_OF_DTLS, is_check},
    wire::Wire,
};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The streams of one connection.
#[derive(Debug)]
pub(super) struct TcpWays {
    handle: Handle,
    wire: Arc<Wire>,
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
            inner: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Names `real` by another address from now on. The crate tells the server's candidates apart by address alone, so one
    /// port that serves UDP and TCP needs two names.
    pub(super) fn stand_in(&self, alias: SocketAddr, real: SocketAddr) {
        self.lock().real.insert(alias, real);
    }

    /// Opens a stream to `address`.
    pub(super) async fn connect(&self, address: SocketAddr) -> io::Result<Arc<dyn AsyncTcpStream>> {
        let real = self.lock().real.get(&address).copied().unwrap_or(address);
        let framed = Framed::open(real, &self.handle).await?;
        let local = framed.local();
        let (closer, closed) = watch::channel(false);
        let carries = Arc::new(AtomicBool::new(false));
        {
            let mut inner = self.lock();
            if inner.closed {
                return Err(io::Error::new(io::ErrorKind::NotConnected, "another way was faster"));
            }
            inner.open.push((Arc::clone(&carries), closer));
        }
        let stream = Arc::new(Stream {
            local,
            peer: address,
            real,
            closed,
            carries,
            wire: Arc::clone(&self.wire),
            reader: AtomicWaker::new(),
            way: Mutex::new(Way {
                framed: Arc::new(framed),
                last_check: Vec::new(),
            }),
            unread: Mutex::default(),
        });
        self.handle.spawn(follow(Arc::downgrade(&stream), self.handle.clone()));
        Ok(Arc::new(Followed(stream)))
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

/// Opens a stream anew from another address when its own is gone from this machine.
async fn follow(stream: Weak<Stream>, handle: Handle) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(stream) = Weak::upgrade(&stream) else { return };
        if stream.framed().is_at_home() {
            continue;
        }
        // Without a way to the server there is nothing to open: the next look tries again.
        if let Ok(framed) = Framed::open(stream.real, &handle).await {
            tracing::info!(from = %stream.local, to = %framed.local(), "the local address is gone; media goes on from another");
            stream.go_on_over(framed);
        }
    }
}

#[derive(Debug)]
struct Stream {
    /// What the crate knows it by.
    local: SocketAddr,
    peer: SocketAddr,
    /// Where it goes to.
    real: SocketAddr,
    closed: watch::Receiver<bool>,
    carries: Arc<AtomicBool>,
    wire: Arc<Wire>,
    /// Who waits for a frame, whatever it comes over.
    reader: AtomicWaker,
    way: Mutex<Way>,
    /// What the crate has not read yet of the last frame.
    unread: Mutex<BytesMut>,
}

#[derive(Debug)]
struct Way {
    framed: Arc<Framed>,
    /// The last connectivity check: the server learns by it who has opened the stream anew.
    last_check: Vec<u8>,
}

impl Stream {
    fn way(&self) -> MutexGuard<'_, Way> {
        self.way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn framed(&self) -> Arc<Framed> {
        Arc::clone(&self.way().framed)
    }

    fn go_on_over(&self, framed: Framed) {
        let mut way = self.way();
        framed.send(&way.last_check);
        way.framed = Arc::new(framed);
        self.reader.wake();
    }

    /// The next bytes; none when either side has closed the stream.
    async fn receive(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut closed = self.closed.clone();
        tokio::select! {
            _ = closed.wait_for(|closed| *closed) => Ok(0),
            read = poll_fn(|cx| self.poll_read(cx, buf)) => Ok(read),
        }
    }

    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<usize> {
        let mut unread = self.unread.lock().unwrap_or_else(PoisonError::into_inner);
        if unread.is_empty() {
            self.reader.register(cx.waker());
            let framed = self.framed();
            let Some(datagram) = ready!(framed.poll_receive(cx)) else {
                // Without its address it ended for us alone, and is opened anew.
                return if framed.is_at_home() { Poll::Ready(0) } else { Poll::Pending };
            };
            let length = u16::try_from(datagram.len()).unwrap_or(u16::MAX);
            unread.extend_from_slice(&length.to_be_bytes());
            unread.extend_from_slice(&datagram);
        }
        let length = unread.len().min(buf.len());
        let read = unread.split_to(length);
        buf[..read.len()].copy_from_slice(&read);
        Poll::Ready(read.len())
    }

    fn send(&self, frame: &[u8]) {
        let Some(packet) = frame.get(FRAME_HEADER..) else { return };
        if packet.first().is_some_and(|first| *first >= FIRST_OF_DTLS) {
            self.carries.store(true, Ordering::Relaxed);
        }
        self.wire.look_for_end(packet);
        let framed = {
            let mut way = self.way();
            if is_check(packet) {
                way.last_check = packet.to_vec();
            }
            Arc::clone(&way.framed)
        };
        if !framed.send_frame(frame.to_vec()) {
            self.wire.count_dropped();
        }
    }
}

/// What the crate holds: the stream, and not what looks after it.
#[derive(Debug)]
struct Followed(Arc<Stream>);

impl AsyncTcpStream for Followed {
    fn read<'a, 'b>(&'a self, buf: &'b mut [u8]) -> Boxed<'b, io::Result<usize>>
    where
        'a: 'b,
    {
        Box::pin(self.0.receive(buf))
    }

    /// Never waits; the crate gives one whole frame at a time.
    fn write_all<'a, 'b>(&'a self, buf: &'b [u8]) -> Boxed<'b, io::Result<()>>
    where
        'a: 'b,
    {
        self.0.send(buf);
        Box::pin(std::future::ready(Ok(())))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.0.local)
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.0.peer)
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
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

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
        second.write_all(b"\0\x02hi").await.unwrap();
        assert_eq!(used.read(&mut [0; 8]).await.unwrap(), 4);
        assert!(
            ways.connect(address).await.is_err(),
            "a connection that stands opens no more streams"
        );
    }

    #[tokio::test]
    async fn a_stream_that_is_opened_anew_goes_on_with_whole_frames_and_says_first_who_it_is() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let handle = Handle::current();
        let (_closer, closed) = watch::channel(false);
        let stream = Arc::new(Stream {
            local: address,
            peer: address,
            real: address,
            closed,
            carries: Arc::default(),
            wire: Arc::new(Wire::new(handle.clone())),
            reader: AtomicWaker::new(),
            way: Mutex::new(Way {
                framed: Arc::new(Framed::open(address, &handle).await.unwrap()),
                last_check: Vec::new(),
            }),
            unread: Mutex::default(),
        });
        let (mut first, _) = listener.accept().await.unwrap();
        let check = [&[0, 20, 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
        stream.send(&check);
        // Half a frame comes by the old way; the reader waits for the rest of it.
        first.write_all(b"\0\x05lo").await.unwrap();
        let reading = async {
            let mut heard = [0; 8];
            let length = stream.receive(&mut heard).await.unwrap();
            heard[..length].to_vec()
        };
        let moving = async {
            tokio::task::yield_now().await;
            stream.go_on_over(Framed::open(address, &handle).await.unwrap());
            let (mut second, _) = listener.accept().await.unwrap();
            let mut said = vec![0; check.len()];
            second.read_exact(&mut said).await.unwrap();
            assert_eq!(said, check);
            second.write_all(b"\0\x05found").await.unwrap();
            second
        };
        let (heard, _second) = tokio::join!(reading, moving);
        assert_eq!(heard, b"\0\x05found");
    }

    #[tokio::test]
    async fn a_stream_that_nobody_reads_loses_frames_and_makes_nobody_wait() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ways = ways();
        let stream = ways.connect(listener.local_addr().unwrap()).await.unwrap();
        let mut frame = vec![0; 60_000];
        frame[FRAME_HEADER] = 0x80;
        let mut written = 0;
        while ways.wire.dropped() == 0 {
            stream.write_all(&frame).await.unwrap();
            written += 1;
            assert!(written < 10_000, "a frame was dropped before so many were written");
            tokio::task::yield_now().await;
        }
    }
}
