//! Clients over TCP: real sockets, the light client behind RFC 4571 frames.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use super::super::{Forwarder, ForwarderConfig, ForwarderLimits, PeerId, StreamKey};
use super::client::{TestClient, USUAL};
use super::probe::ask;
use super::world::limits;

/// Longer than anything here takes, so that a failure is an assertion and no hang.
const PATIENCE: Duration = Duration::from_secs(10);

fn config(shards: usize) -> ForwarderConfig {
    ForwarderConfig {
        udp: "127.0.0.1:0".parse().unwrap(),
        tcp: Some("127.0.0.1:0".parse().unwrap()),
        public_addresses: Vec::new(),
        relay_ip: None,
        shards,
        limits: limits(),
    }
}

fn start(config: ForwarderConfig) -> Forwarder {
    Forwarder::start(config, |_| {}).unwrap()
}

/// The address of the candidate that the answer has for TCP.
fn tcp_candidate(sdp: &str) -> SocketAddr {
    let line = sdp.lines().find(|line| line.ends_with("typ host tcptype passive")).unwrap();
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!((words[1], words[2]), ("1", "tcp"), "{line}");
    format!("{}:{}", words[4], words[5]).parse().unwrap()
}

/// A client whose datagrams are frames.
struct TcpClient {
    client: TestClient,
    stream: TcpStream,
    server: SocketAddr,
    peer: PeerId,
}

impl TcpClient {
    /// Has its answer and a connection, and sent nothing yet.
    fn new(forwarder: &Forwarder, publishes: bool, key: u64) -> Self {
        let now = Instant::now();
        let mut client = TestClient::new("127.0.0.1:1".parse().unwrap(), USUAL, now);
        let answer = match publishes {
            true => forwarder.publish(StreamKey(key), &client.offer("sendonly")),
            false => forwarder.play(StreamKey(key), &client.offer("recvonly")),
        }
        .unwrap();
        client.accept(&answer.sdp);
        let server = tcp_candidate(&answer.sdp);
        let stream = connect(server);
        client.address = stream.local_addr().unwrap();
        Self {
            client,
            stream,
            server,
            peer: answer.peer,
        }
    }

    fn joined(forwarder: &Forwarder, publishes: bool, key: u64) -> Self {
        let mut joined = Self::new(forwarder, publishes, key);
        joined.check();
        for hello in joined.client.start_dtls(Instant::now()) {
            joined.send(&hello);
        }
        joined.until(|client| client.connected);
        joined
    }

    fn check(&mut self) {
        let request = self.client.request(true);
        self.send(&request);
        let checks = self.client.checks.len();
        self.until(|client| client.responses > 0 && client.checks.len() > checks);
    }

    fn send(&mut self, datagram: &[u8]) {
        send(&mut self.stream, datagram);
    }

    /// Reads and answers until something is so.
    fn until(&mut self, done: impl Fn(&TestClient) -> bool) {
        while !done(&self.client) {
            let frame = receive(&mut self.stream).expect("the server closed the connection");
            for answer in self.client.handle(&frame, self.server, Instant::now()) {
                self.send(&answer);
            }
        }
    }

    fn speak(&mut self, sequence: u16) {
        let timestamp = u32::from(sequence) * 960;
        let packet = self
            .client
            .rtp_packet((5, sequence, timestamp), &[0x10, 0x85], &sequence.to_be_bytes());
        self.send(&packet);
    }
}

fn connect(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn send(stream: &mut TcpStream, datagram: &[u8]) {
    let length = u16::try_from(datagram.len()).unwrap();
    stream.write_all(&[&length.to_be_bytes()[..], datagram].concat()).unwrap();
}

/// The next frame; `None`: the server closed.
fn receive(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 2];
    match stream.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("nothing came for {PATIENCE:?}"),
        Err(_) => return None,
    }
    let mut frame = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut frame).unwrap();
    Some(frame)
}

fn open_connections(forwarder: &Forwarder) -> u64 {
    let counters = forwarder.counters();
    counters.tcp_accepted - counters.tcp_closed
}

/// Waits for what another thread does.
fn wait_for(done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
}

#[test]
fn speech_goes_from_tcp_to_tcp_on_every_shard_by_one_port() {
    let forwarder = start(config(3));
    let mut pairs = Vec::new();
    for key in 0..3u64 {
        let mut publisher = TcpClient::joined(&forwarder, true, key);
        let mut player = TcpClient::joined(&forwarder, false, key);
        assert_eq!(Some(player.server), forwarder.tcp_address(), "one port for all shards");
        for sequence in 1..=20 {
            publisher.speak(sequence);
        }
        player.until(|client| client.rtp.len() == 20);
        let heard: Vec<u16> = player
            .client
            .rtp
            .iter()
            .map(|(_, payload)| u16::from_be_bytes([payload[0], payload[1]]))
            .collect();
        assert_eq!(heard, (1..=20).collect::<Vec<_>>());
        assert_eq!((publisher.client.refused, player.client.refused), (0, 0));
        pairs.push((publisher, player));
    }
    let counters = forwarder.counters();
    assert_eq!((counters.tcp_accepted, counters.tcp_closed), (6, 0));
    assert_eq!((counters.tcp_refused, counters.tcp_dropped), (0, 0));
    drop(pairs);
    wait_for(|| open_connections(&forwarder) == 0);
}

#[test]
fn a_removed_peer_reads_the_goodbye_and_then_the_end() {
    let forwarder = start(config(1));
    let mut player = TcpClient::joined(&forwarder, false, 1);
    forwarder.remove(player.peer);
    player.until(|client| client.closed);
    assert_eq!(player.client.rtcp.len(), 1, "RTCP BYE");
    assert_eq!(receive(&mut player.stream), None);
    let mut other = TcpClient::joined(&forwarder, false, 1);
    forwarder.stop();
    other.until(|client| client.closed);
    assert_eq!(receive(&mut other.stream), None);
    assert!(TcpStream::connect(other.server).is_err(), "nobody listens any more");
}

#[test]
fn a_client_that_lost_its_connection_comes_back_by_another_and_hears_on() {
    let forwarder = start(config(1));
    let mut publisher = TcpClient::joined(&forwarder, true, 1);
    let mut player = TcpClient::joined(&forwarder, false, 1);
    publisher.speak(1);
    player.until(|client| client.rtp.len() == 1);
    player.stream = connect(player.server);
    // How many are open says nothing here: before the one is accepted and the other's end is seen there are as many.
    wait_for(|| forwarder.counters().tcp_closed == 1);
    publisher.speak(2);
    wait_for(|| forwarder.counters().rtp_not_forwarded == 1);
    player.check();
    publisher.speak(3);
    player.until(|client| client.rtp.len() == 2);
    assert_eq!(
        player.client.rtp[1].0.sequence_number,
        player.client.rtp[0].0.sequence_number + 2
    );
    assert_eq!(forwarder.counters().peers_removed, 0);
}

#[test]
fn a_listener_that_reads_nothing_loses_its_own_packets_only() {
    let forwarder = start(config(1));
    let mut publisher = TcpClient::joined(&forwarder, true, 1);
    let _stuck = TcpClient::joined(&forwarder, false, 1);
    let mut player = TcpClient::joined(&forwarder, false, 1);
    let mut sequence = 0;
    while forwarder.counters().tcp_dropped == 0 {
        // In step with the one who listens, so that only the other's queue is full.
        sequence += 1;
        publisher.speak(sequence);
        player.until(|client| client.rtp.len() == usize::from(sequence));
        assert!(sequence < u16::MAX);
    }
}

#[test]
fn connections_that_do_not_begin_with_a_request_of_a_peer_are_closed_and_counted() {
    let forwarder = start(config(1));
    let server = forwarder.tcp_address().unwrap();
    let mut stranger = TestClient::new("127.0.0.1:1".parse().unwrap(), USUAL, Instant::now());
    stranger.server_ufrag = "AAnobodyhere".into();
    let unknown = stranger.request(true);
    stranger.server_ufrag = "BBanothershard".into();
    let no_shard = stranger.request(true);
    for (n, first) in [&unknown[..], &no_shard, b"GET / HTTP/1.1", b""].into_iter().enumerate() {
        let mut stream = connect(server);
        send(&mut stream, first);
        assert_eq!(receive(&mut stream), None, "{first:?}");
        wait_for(|| forwarder.counters().tcp_refused == n as u64 + 1);
    }
    let mut too_long = connect(server);
    too_long.write_all(&[0xff, 0xff]).unwrap();
    assert_eq!(receive(&mut too_long), None);
    let mut silent = connect(server);
    assert_eq!(receive(&mut silent), None, "after five seconds");
    wait_for(|| forwarder.counters().tcp_refused == 6);
    wait_for(|| open_connections(&forwarder) == 0);
}

#[test]
fn a_client_before_its_login_is_answered_over_tcp_and_its_connection_ends() {
    let forwarder = start(config(2));
    let ports = forwarder.ports();
    assert_eq!(ports.udp, forwarder.media_addresses());
    let mut stream = connect(ports.tcp[0]);
    let asked = ask(&ports.username, &ports.password);
    send(&mut stream, &asked);
    let answer = receive(&mut stream).unwrap();
    assert_eq!(answer[8..20], asked[8..20], "the transaction is the request's");
    assert_eq!(receive(&mut stream), None);
    wait_for(|| open_connections(&forwarder) == 0);
    let counters = forwarder.counters();
    assert_eq!((counters.probes_answered, counters.tcp_refused), (1, 0));
}

#[test]
fn connections_beyond_the_limit_are_closed_until_one_ends() {
    let limits = ForwarderLimits {
        tcp_connections: 1,
        ..ForwarderLimits::default()
    };
    let forwarder = start(ForwarderConfig { limits, ..config(1) });
    let first = TcpClient::joined(&forwarder, false, 1);
    assert_eq!(receive(&mut connect(first.server)), None);
    assert_eq!(forwarder.counters().tcp_refused, 1);
    drop(first);
    wait_for(|| open_connections(&forwarder) == 0);
    TcpClient::joined(&forwarder, false, 1);
}

#[test]
fn a_client_that_may_use_udp_as_well_is_served_over_udp() {
    let forwarder = start(config(1));
    let mut publisher = TcpClient::joined(&forwarder, true, 1);
    let mut player = TcpClient::joined(&forwarder, false, 1);
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.set_read_timeout(Some(PATIENCE)).unwrap();
    udp.connect(forwarder.media_addresses()[0]).unwrap();
    udp.send(&player.client.request(true)).unwrap();
    let mut buffer = [0; 2048];
    let checks = player.client.checks.len();
    while player.client.checks.len() == checks {
        let length = udp.recv(&mut buffer).unwrap();
        for answer in player.client.handle(&buffer[..length], player.server, Instant::now()) {
            udp.send(&answer).unwrap();
        }
    }
    // A nomination over TCP does not take it back, whatever the client meant.
    let answered = player.client.responses;
    let request = player.client.request(true);
    player.send(&request);
    player.until(|client| client.responses > answered);
    publisher.speak(1);
    // An answer to the check may come before it.
    while player.client.rtp.is_empty() {
        let length = udp.recv(&mut buffer).unwrap();
        player.client.handle(&buffer[..length], player.server, Instant::now());
    }
    assert_eq!(player.client.rtp.len(), 1);
}
