//! A [`TestClient`] on a real UDP socket, in real time.
//!
//! The allocation test includes this file, too.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    missing_debug_implementations,
    clippy::unwrap_used
)]

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::client::{Numbers, TestClient, USUAL};

/// For whatever must happen at all; on a busy machine it may take its time.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// One connection.
pub struct Wire {
    pub client: TestClient,
    pub socket: UdpSocket,
    pub server: SocketAddr,
}

impl Wire {
    /// Connects from a free port of `ip`. `exchange` has the client's offer answered: the answer, and where to send.
    pub fn join(ip: IpAddr, exchange: impl FnOnce(&TestClient) -> (String, SocketAddr)) -> Self {
        Self::join_as(ip, USUAL, exchange)
    }

    /// The same with numbers of one's own.
    pub fn join_as(ip: IpAddr, numbers: Numbers, exchange: impl FnOnce(&TestClient) -> (String, SocketAddr)) -> Self {
        let socket = UdpSocket::bind(SocketAddr::new(ip, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let mut client = TestClient::new(socket.local_addr().unwrap(), numbers, Instant::now());
        let (answer, server) = exchange(&client);
        client.accept(&answer);
        let mut wire = Self { client, socket, server };
        wire.connect();
        wire
    }

    fn connect(&mut self) {
        let request = self.client.request(true);
        self.send(&request);
        self.read_until(|client| client.responses > 0);
        for hello in self.client.start_dtls(Instant::now()) {
            self.send(&hello);
        }
        self.read_until(|client| client.connected);
    }

    pub fn send(&self, datagram: &[u8]) {
        self.socket.send_to(datagram, self.server).unwrap();
    }

    /// Reads, and answers what is to be answered, until that is so.
    pub fn read_until(&mut self, done: impl Fn(&TestClient) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(&self.client) {
            assert!(Instant::now() < deadline, "{} packets came", self.client.rtp.len());
            self.read();
        }
    }

    /// Reads one datagram, if one comes, and sends what it asks for; `false`: none came for 20 ms.
    pub fn read(&mut self) -> bool {
        let mut buffer = [0; 2048];
        let Ok(length) = self.socket.recv(&mut buffer) else {
            return false;
        };
        for answer in self.client.handle(&buffer[..length], self.server, Instant::now()) {
            self.send(&answer);
        }
        true
    }
}
