//! A WHIP or WHEP client with media over a real socket.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::client::{Answer, raw, token};
use crate::RunningServer;
use crate::forwarder::tests::client::{TestClient, USUAL};

const PATIENCE: Duration = Duration::from_secs(20);

/// Connected, with keys.
pub(super) struct Caller {
    pub(super) client: TestClient,
    socket: UdpSocket,
    server: SocketAddr,
}

impl Caller {
    /// Publishes (`whip`) or plays (`whep`) stream s in room r of a server with one shard on loopback.
    pub(super) fn join(server: &RunningServer, user: &str, protocol: &str) -> Self {
        let media = server.media_addr();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(media).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let client = TestClient::new(socket.local_addr().unwrap(), USUAL, Instant::now());
        let direction = if protocol == "whip" { "sendonly" } else { "recvonly" };
        let deadline = Instant::now() + PATIENCE;
        let answer = loop {
            let answer = post(server, user, protocol, &client.offer(direction));
            // A stream is there a moment after its publisher has keys.
            if answer.status != 404 || Instant::now() > deadline {
                break answer;
            }
        };
        assert_eq!(answer.status, 201, "{}", answer.body);
        let mut caller = Self {
            client,
            socket,
            server: media,
        };
        caller.client.accept(&answer.body);
        caller.connect();
        caller
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

    pub(super) fn send(&self, datagram: &[u8]) {
        self.socket.send(datagram).unwrap();
    }

    /// Reads, and answers what is to be answered, until the client got there.
    pub(super) fn read_until(&mut self, there: impl Fn(&TestClient) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut buffer = [0; 2048];
        while !there(&self.client) {
            assert!(Instant::now() < deadline, "the server is silent");
            let Ok(length) = self.socket.recv(&mut buffer) else {
                continue;
            };
            for answer in self.client.handle(&buffer[..length], self.server, Instant::now()) {
                self.send(&answer);
            }
        }
    }
}

/// An offer of a user for stream s in room r.
pub(super) fn post(server: &RunningServer, user: &str, protocol: &str, offer: &str) -> Answer {
    let bearer = format!("Authorization: Bearer {}", token(&server.apps()[0], user));
    post_as(server, &bearer, protocol, offer)
}

/// The same with any header of authorization.
pub(super) fn post_as(server: &RunningServer, bearer: &str, protocol: &str, offer: &str) -> Answer {
    let line = format!("POST /{protocol}/s?room=r HTTP/1.1");
    let host = format!("Host: {}", server.http_addr());
    raw(
        server.http_addr(),
        &[&line, &host, bearer, "Content-Type: application/sdp"],
        offer,
    )
}
