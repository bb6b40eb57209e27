//! A TCP connection to the server that carries datagrams, each in a frame of RFC 4571.
//!
//! Nobody waits for a write: it goes into a short queue, and a frame that finds no room is lost, as a datagram would be. Late
//! sound is worth nothing.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::BytesMut;
use express_messages::local_address::is_local;
use futures::Stream;
use tokio::{
    io::AsyncWriteExt,
    net::{
        TcpSocket,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    runtime::Handle,
    sync::mpsc,
    time::timeout,
};
use tokio_util::codec::{FramedRead, LengthDelimitedCodec};

/// How long a connection may take to be opened.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Frames that wait for the kernel: 0.6 s of speech.
const QUEUE: usize = 32;
/// What the kernel may hold back of them, in bytes: about as much again.
const SEND_BUFFER: u32 = 8 * 1024;
/// Length before each frame (RFC 4571 §2).
pub(super) const FRAME_HEADER: usize = 2;

/// One connection; dropping it closes it.
#[derive(Debug)]
pub(super) struct Framed {
    local: SocketAddr,
    frames: mpsc::Sender<Vec<u8>>,
    reader: Mutex<FramedRead<OwnedReadHalf, LengthDelimitedCodec>>,
}

impl Framed {
    /// Connects to `to`; what is sent is written by a task on the runtime of `handle`.
    ///
    /// # Errors
    /// What the system says, and `TimedOut` after 10 s.
    pub(super) async fn open(to: SocketAddr, handle: &Handle) -> io::Result<Self> {
        let socket = if to.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.set_nodelay(true)?;
        socket.set_send_buffer_size(SEND_BUFFER)?;
        let stream = timeout(CONNECT_TIMEOUT, socket.connect(to))
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the server does not answer over TCP"))??;
        let local = stream.local_addr()?;
        let (reader, writer) = stream.into_split();
        let (frames, queue) = mpsc::channel(QUEUE);
        handle.spawn(write(writer, queue));
        let codec = LengthDelimitedCodec::builder().length_field_length(FRAME_HEADER).new_codec();
        Ok(Self {
            local,
            frames,
            reader: Mutex::new(FramedRead::new(reader, codec)),
        })
    }

    /// This machine's end.
    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Whether this machine still has the address of its end: TCP itself would notice by nothing but silence.
    pub(super) fn is_at_home(&self) -> bool {
        is_local(self.local.ip())
    }

    /// Sends a whole frame with its header; `false` where it was lost.
    pub(super) fn send_frame(&self, frame: Vec<u8>) -> bool {
        self.frames.try_send(frame).is_ok()
    }

    /// Sends a datagram; `false` where it was lost.
    pub(super) fn send(&self, datagram: &[u8]) -> bool {
        u16::try_from(datagram.len()).is_ok_and(|length| self.send_frame([&length.to_be_bytes(), datagram].concat()))
    }

    /// The next datagram; none when the connection has ended.
    pub(super) fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<Option<BytesMut>> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        Poll::Ready(match ready!(Pin::new(&mut *reader).poll_next(cx)) {
            Some(Ok(frame)) => Some(frame),
            Some(Err(error)) => {
                tracing::debug!(%error, local = %self.local, "a media stream over TCP broke");
                None
            }
            None => None,
        })
    }
}

/// Writes what is queued until the connection is dropped or broken. The reading half notices the latter.
async fn write(mut writer: OwnedWriteHalf, mut queue: mpsc::Receiver<Vec<u8>>) {
    while let Some(frame) = queue.recv().await {
        if let Err(error) = writer.write_all(&frame).await {
            tracing::debug!(%error, "a media stream over TCP broke");
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncReadExt, net::TcpListener};

    use super::*;

    #[tokio::test]
    async fn datagrams_go_whole_both_ways_and_the_end_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let framed = Framed::open(listener.local_addr().unwrap(), &Handle::current())
            .await
            .unwrap();
        let (mut server, from) = listener.accept().await.unwrap();
        assert_eq!(framed.local(), from);
        assert!(framed.is_at_home() && framed.send(b"there"));
        let mut heard = [0; 7];
        server.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"\0\x05there");
        for part in [&b"\0"[..], b"\x04ba", b"ck\0\0"] {
            server.write_all(part).await.unwrap();
        }
        drop(server);
        let mut back = Vec::new();
        while let Some(datagram) = std::future::poll_fn(|cx| framed.poll_receive(cx)).await {
            back.push(datagram);
        }
        assert_eq!(back, [&b"back"[..], b""]);
    }
}
