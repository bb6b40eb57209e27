//! One TCP connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crossbeam_channel::TrySendError;
use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

use super::super::counters::ShardCounters;
use super::super::negotiate::shard_of;
use super::super::stun::{StunKind, StunMessage};
use super::super::tuple::{TcpLink, Tuple, Via};
use super::Entrance;
use super::links::LinkEvent;

/// The first frame has to come so soon.
const FIRST_FRAME: Duration = Duration::from_secs(5);
/// Longest frame that is read: as a datagram's buffer.
const MAX_FRAME: usize = 2048;
/// Bytes that a connection's read buffer begins with; speech needs no more.
const READ_BUFFER: usize = 1024;
/// Datagrams that wait for one connection: a second of a stream. Later ones are dropped: they would be heard too late.
const QUEUE: usize = 50;
/// Written with one system call where they wait.
const WRITTEN_AT_ONCE: usize = 16;
/// What the kernel may hold back for a slow reader: it would be heard too late as well.
const SEND_BUFFER: usize = 32 * 1024;
/// A client that takes nothing for so long has lost its connection.
const WRITE_PATIENCE: Duration = Duration::from_secs(5);
/// A full shard is told of a closed connection so often until it takes it.
const CLOSED_AGAIN: Duration = Duration::from_millis(20);

type Frames = FramedRead<OwnedReadHalf, LengthDelimitedCodec>;
type Written = FramedWrite<OwnedWriteHalf, LengthDelimitedCodec>;

/// A connection and whom its frames are for.
pub(super) struct Connection {
    pub(super) link: TcpLink,
    pub(super) from: SocketAddr,
    pub(super) shards: Arc<[Entrance]>,
    pub(super) counters: Arc<ShardCounters>,
}

impl Connection {
    /// Lives until the client closes, the shard has no use for it, or it does not begin as it must.
    pub(super) async fn run(self, stream: TcpStream) {
        prepare(&stream);
        let (reader, writer) = stream.into_split();
        let mut frames = FramedRead::with_capacity(reader, framing(MAX_FRAME), READ_BUFFER);
        match self.introduce(&mut frames).await {
            Some((shard, datagrams)) => {
                tokio::select! {
                    () = self.read(frames, shard) => {}
                    () = write(writer, datagrams) => {}
                }
                self.leave(shard).await;
            }
            None => self.counters.tcp_refused.one(),
        }
        self.counters.tcp_closed.one();
    }

    fn tuple(&self) -> Tuple {
        Tuple {
            address: self.from,
            via: Via::Tcp(self.link),
        }
    }

    /// Reads the first frame and hands the connection to the shard that its user fragment names.
    async fn introduce(&self, frames: &mut Frames) -> Option<(&Entrance, mpsc::Receiver<Bytes>)> {
        let first = timeout(FIRST_FRAME, frames.next()).await.ok()??.ok()?;
        let shard = self.shards.get(shard_named_in(&first)?)?;
        let (to_client, datagrams) = mpsc::channel(QUEUE);
        let opened = LinkEvent::Opened {
            from: self.tuple(),
            first: first.freeze(),
            to_client,
        };
        shard.tell(opened).ok()?;
        Some((shard, datagrams))
    }

    /// Hands on frames until there are no more.
    async fn read(&self, mut frames: Frames, shard: &Entrance) {
        let from = self.tuple();
        while let Some(frame) = frames.next().await {
            let Ok(frame) = frame else {
                self.counters.malformed.one();
                return;
            };
            let datagram = frame.freeze();
            match shard.tell(LinkEvent::Frame { from, datagram }) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => self.counters.tcp_dropped.one(),
                Err(TrySendError::Disconnected(_)) => return,
            }
        }
    }

    /// Tells the shard that this path is gone; that must not be lost.
    async fn leave(&self, shard: &Entrance) {
        while let Err(TrySendError::Full(_)) = shard.tell(LinkEvent::Closed(self.tuple())) {
            sleep(CLOSED_AGAIN).await;
        }
    }
}

impl Entrance {
    fn tell(&self, event: LinkEvent) -> Result<(), TrySendError<LinkEvent>> {
        self.events.try_send(event)?;
        // It fails only when the counter is at its end: then the shard is awake.
        let _ = self.wake.write(1);
        Ok(())
    }
}

/// Writes what the shard queues until the shard lets go, or the client takes no more.
async fn write(writer: OwnedWriteHalf, mut datagrams: mpsc::Receiver<Bytes>) {
    // Longer than what is read: a packet may grow on its way from a publisher to a listener.
    let mut frames = FramedWrite::new(writer, framing(usize::from(u16::MAX)));
    let mut waiting = Vec::with_capacity(WRITTEN_AT_ONCE);
    while datagrams.recv_many(&mut waiting, WRITTEN_AT_ONCE).await > 0 {
        let written = timeout(WRITE_PATIENCE, write_all(&mut frames, waiting.drain(..)));
        if !matches!(written.await, Ok(Ok(()))) {
            return;
        }
    }
}

async fn write_all(frames: &mut Written, datagrams: impl Iterator<Item = Bytes>) -> std::io::Result<()> {
    for datagram in datagrams {
        frames.feed(datagram).await?;
    }
    SinkExt::<Bytes>::flush(frames).await
}

/// RFC 4571 §2: two bytes of length before each datagram.
fn framing(max_frame: usize) -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder()
        .length_field_length(2)
        .max_frame_length(max_frame)
        .new_codec()
}

/// Which shard a STUN request is for.
fn shard_named_in(frame: &[u8]) -> Option<usize> {
    let message = StunMessage::parse(frame)?;
    let (ours, _) = message.fragments()?;
    (message.kind() == StunKind::Request).then(|| shard_of(ours))?
}

fn prepare(stream: &TcpStream) {
    // A socket that refuses these still works.
    let socket = socket2::SockRef::from(stream);
    let _ = socket.set_tcp_nodelay(true);
    let _ = socket.set_send_buffer_size(SEND_BUFFER);
}
