//! What the sockets of one connection see of DTLS: they repeat its handshake, and they notice its end.
//!
//! The `webrtc` crate waits a second before it repeats a lost flight, and gives no event when the other side closes the
//! connection. Both show in the datagrams that it sends, by the first byte of a DTLS record (RFC 6347 §4.1, RFC 7983 §7):
//! the handshake's are sent again unchanged, as the server does with its own, and an alert that nobody here asked for is the
//! answer to an authentic close_notify (RFC 5246 §7.2.1) or the end of a handshake that failed.
//!
//! What goes through a TURN server is wrapped, so neither is seen there: a lost flight waits for the crate, and an end for ICE.

use std::{
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{net::UdpSocket, runtime::Handle, sync::Notify, time::sleep};

/// Content types of DTLS records.
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
/// When a datagram of the handshake is sent again: so long after the time before.
const REPEATS: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(50)];
/// Most datagrams of one connection that are repeated: a handshake has about ten, and the crate repeats lost ones itself.
const MAX_REPEATED: usize = 64;

/// The datagrams of one connection.
#[derive(Debug)]
pub(super) struct Wire {
    handle: Handle,
    connected: AtomicBool,
    closing: AtomicBool,
    repeated: AtomicUsize,
    ended: OnceLock<()>,
    end: Notify,
    tcp: OnceLock<Vec<SocketAddr>>,
    moved: AtomicBool,
    dropped: AtomicU64,
}

impl Wire {
    /// Repetitions are sent by tasks on the runtime of `handle`.
    pub(super) fn new(handle: Handle) -> Self {
        Self {
            handle,
            connected: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            repeated: AtomicUsize::new(0),
            ended: OnceLock::new(),
            end: Notify::new(),
            tcp: OnceLock::new(),
            moved: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
        }
    }

    /// The handshake is over: nothing needs to be repeated any more.
    pub(super) fn set_connected(&self) {
        self.connected.store(true, Ordering::Relaxed);
    }

    /// Whether the handshake is over.
    pub(super) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// Where the server listens for TCP, by its answer. Called once.
    pub(super) fn set_tcp(&self, addresses: Vec<SocketAddr>) {
        let _ = self.tcp.set(addresses);
    }

    /// Where the server listens for TCP; nowhere before its answer.
    pub(super) fn tcp(&self) -> &[SocketAddr] {
        self.tcp.get().map_or(&[], Vec::as_slice)
    }

    /// A socket has lost its address for another (`true`), or the server was heard (`false`).
    pub(super) fn set_moved(&self, moved: bool) {
        self.moved.store(moved, Ordering::Relaxed);
    }

    /// Whether a socket has another address and the server was not heard since.
    pub(super) fn has_moved(&self) -> bool {
        self.moved.load(Ordering::Relaxed)
    }

    /// A frame was lost because a connection over TCP took no more.
    pub(super) fn count_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// How many frames were lost so.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// This side closes the connection: what is sent from now on says nothing about the other.
    pub(super) fn set_closing(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// Completes when the other side has ended the connection; for one task.
    pub(super) async fn ended(&self) {
        self.end.notified().await;
    }

    /// `datagram` was given to `socket`.
    pub(super) fn sent(self: &Arc<Self>, socket: &Arc<UdpSocket>, datagram: &[u8], to: SocketAddr) {
        if self.is_handshake(datagram) && self.repeated.fetch_add(1, Ordering::Relaxed) < MAX_REPEATED {
            let (wire, socket, datagram) = (Arc::clone(self), Arc::clone(socket), datagram.to_vec());
            self.handle.spawn(async move { wire.repeat(&socket, &datagram, to).await });
        }
        self.look_for_end(datagram);
    }

    /// `datagram` was given to a stream, which loses nothing.
    pub(super) fn look_for_end(&self, datagram: &[u8]) {
        let ends = datagram.first() == Some(&ALERT) && !self.closing.load(Ordering::Relaxed);
        if ends && self.ended.set(()).is_ok() {
            self.end.notify_one();
        }
    }

    fn is_handshake(&self, datagram: &[u8]) -> bool {
        matches!(datagram.first(), Some(&(CHANGE_CIPHER_SPEC | HANDSHAKE))) && !self.is_over()
    }

    fn is_over(&self) -> bool {
        self.is_connected() || self.closing.load(Ordering::Relaxed)
    }

    async fn repeat(&self, socket: &UdpSocket, datagram: &[u8], to: SocketAddr) {
        for wait in REPEATS {
            sleep(wait).await;
            if self.is_over() {
                return;
            }
            if let Err(error) = socket.try_send_to(datagram, to) {
                tracing::trace!(%error, %to, "a datagram was not repeated");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A socket that hears what is sent to it, and a wire with a socket of its own.
    async fn pair() -> (Arc<Wire>, Arc<UdpSocket>, UdpSocket, SocketAddr) {
        let far = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let near = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let to = far.local_addr().unwrap();
        (Arc::new(Wire::new(Handle::current())), Arc::new(near), far, to)
    }

    async fn next(far: &UdpSocket) -> Vec<u8> {
        let mut buffer = [0; 64];
        let (length, _) = far.recv_from(&mut buffer).await.unwrap();
        buffer[..length].to_vec()
    }

    #[tokio::test]
    async fn a_datagram_of_the_handshake_is_sent_twice_more() {
        let (wire, near, far, to) = pair().await;
        let hello = [HANDSHAKE, 1, 2, 3];
        near.send_to(&hello, to).await.unwrap();
        wire.sent(&near, &hello, to);
        for _ in 0..3 {
            assert_eq!(next(&far).await, hello);
        }
    }

    #[tokio::test]
    async fn media_and_what_follows_the_handshake_are_sent_once() {
        let (wire, near, far, to) = pair().await;
        wire.sent(&near, &[0x80, HANDSHAKE], to);
        wire.set_connected();
        wire.sent(&near, &[HANDSHAKE, 1], to);
        assert_eq!(wire.repeated.load(Ordering::Relaxed), 0);
        // What is sent later comes first: nothing stands before it.
        near.send_to(b"last", to).await.unwrap();
        assert_eq!(next(&far).await, b"last");
    }

    #[tokio::test]
    async fn an_alert_that_nobody_here_asked_for_is_the_end() {
        let (wire, near, _far, to) = pair().await;
        wire.sent(&near, &[ALERT, 0xfe], to);
        wire.ended().await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_alert_of_our_own_close_is_no_news() {
        let (wire, near, _far, to) = pair().await;
        wire.set_closing();
        wire.sent(&near, &[ALERT, 0xfe], to);
        assert!(tokio::time::timeout(Duration::from_secs(9), wire.ended()).await.is_err());
    }
}
