//! A bad network for one engine: its media goes through a UDP port of the test, where RTP from the server gets lost.

use std::{
    collections::{BTreeSet, HashMap},
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use express_media::{
    MediaParts,
    transport::{
        MediaTransport, PublishOffer, ReceivePackets, SendPackets, TransportError, TransportEvents, TransportFactory,
        TransportStats, WebRtcTransports,
    },
};
use express_messages::ice::IceServer;
use tokio::{net::UdpSocket, runtime::Handle, task::JoinSet};

/// Longer than any datagram that engine or server send.
const DATAGRAM_BYTES: usize = 2_048;
/// Where a candidate attribute (RFC 8839 section 5.1) has its transport and its port.
const TRANSPORT_FIELD: usize = 2;
const PORT_FIELD: usize = 5;

/// RTP packets that came by in one direction.
#[derive(Debug, Clone, Default)]
pub struct Passed {
    /// How many came.
    pub packets: usize,
    /// How many of them were lost.
    pub lost: usize,
    /// Their payload types.
    pub payload_types: BTreeSet<u8>,
}

/// The way of an engine's media to a server on 127.0.0.1: STUN, DTLS and RTCP always pass. Clones are the same way.
///
/// The engine learns no other address of the server than that of this way, so the server sees it there, too.
#[derive(Debug, Clone)]
pub struct LossyWay(Arc<Way>);

#[derive(Debug)]
struct Way {
    runtime: Handle,
    /// Whether the RTP packet of each place from the server is lost, starting over at the end.
    drops: Vec<bool>,
    up: Mutex<Passed>,
    down: Mutex<Passed>,
}

impl LossyWay {
    /// A way on which the n-th RTP packet from the server is lost where `drops` says so, over and over; with an empty one nothing
    /// is. Its sockets, and those of the engine's connections, live on `runtime`.
    pub fn new(runtime: Handle, drops: Vec<bool>) -> Self {
        Self(Arc::new(Way {
            runtime,
            drops,
            up: Mutex::default(),
            down: Mutex::default(),
        }))
    }

    /// Publishers and players whose media goes this way: for the engine's builder.
    pub fn parts(&self) -> MediaParts {
        MediaParts::with_transports(Arc::new(Detours {
            direct: WebRtcTransports::new(self.0.runtime.clone()),
            way: self.clone(),
        }))
    }

    /// What the engine sent so far.
    pub fn up(&self) -> Passed {
        self.0.up.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the server sent so far.
    pub fn down(&self) -> Passed {
        self.0.down.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Way {
    fn goes_up(&self, datagram: &[u8]) {
        if is_rtp(datagram) {
            count(&self.up, datagram, &[]);
        }
    }

    /// Whether it arrives.
    fn comes_down(&self, datagram: &[u8]) -> bool {
        !is_rtp(datagram) || count(&self.down, datagram, &self.drops)
    }
}

/// RTP and not RTCP, by RFC 5761 section 4; STUN and DTLS begin with smaller bytes (RFC 7983).
fn is_rtp(datagram: &[u8]) -> bool {
    matches!(datagram, [first, second, ..] if first >> 6 == 2 && !(64..=95).contains(&(second & 0x7f)))
}

/// Counts a packet of RTP; whether it arrives.
fn count(passed: &Mutex<Passed>, packet: &[u8], drops: &[bool]) -> bool {
    let mut passed = passed.lock().unwrap_or_else(PoisonError::into_inner);
    let is_lost = drops.get(passed.packets % drops.len().max(1)).is_some_and(|lost| *lost);
    passed.packets += 1;
    passed.lost += usize::from(is_lost);
    passed.payload_types.insert(packet[1] & 0x7f);
    !is_lost
}

/// The transports that ship, each led over the way.
struct Detours {
    direct: WebRtcTransports,
    way: LossyWay,
}

impl Detours {
    fn around(&self, direct: Arc<dyn MediaTransport>) -> Arc<dyn MediaTransport> {
        Arc::new(Detour {
            direct,
            way: self.way.clone(),
            relays: tokio::sync::Mutex::default(),
        })
    }
}

impl TransportFactory for Detours {
    fn publish(
        &self,
        offer: PublishOffer,
        packets: SendPackets,
        ice_servers: &[IceServer],
        events: TransportEvents,
    ) -> Arc<dyn MediaTransport> {
        self.around(self.direct.publish(offer, packets, ice_servers, events))
    }

    fn play(&self, packets: ReceivePackets, ice_servers: &[IceServer], events: TransportEvents) -> Arc<dyn MediaTransport> {
        self.around(self.direct.play(packets, ice_servers, events))
    }
}

/// A connection that knows the server at a port of ours.
#[derive(Debug)]
struct Detour {
    direct: Arc<dyn MediaTransport>,
    way: LossyWay,
    /// They end with the connection.
    relays: tokio::sync::Mutex<JoinSet<io::Result<()>>>,
}

#[async_trait]
impl MediaTransport for Detour {
    async fn offer(&self) -> Result<String, TransportError> {
        self.direct.offer().await
    }

    async fn apply_answer(&self, answer: String) -> Result<(), TransportError> {
        let port = server_port(&answer).ok_or_else(|| TransportError::Answer(format!("no UDP candidate in {answer}")))?;
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let runtime = &self.way.0.runtime;
        // A socket is made on the runtime that drives it.
        let bound = runtime.spawn(port_of_ours()).await.map_err(io::Error::from);
        let (near, port) = bound.flatten().map_err(|error| TransportError::Answer(error.to_string()))?;
        let relaying = relay(near, server, Arc::clone(&self.way.0));
        self.relays.lock().await.spawn_on(relaying, runtime);
        self.direct.apply_answer(only_at(&answer, port)).await
    }

    async fn stats(&self) -> TransportStats {
        self.direct.stats().await
    }

    async fn close(&self) {
        self.direct.close().await;
        self.relays.lock().await.abort_all();
    }
}

/// A socket on a port of this machine, and that port.
async fn port_of_ours() -> io::Result<(UdpSocket, u16)> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = socket.local_addr()?.port();
    Ok((socket, port))
}

/// The fields of a UDP candidate's line.
fn udp_candidate(line: &str) -> Option<Vec<&str>> {
    let fields: Vec<&str> = line.strip_prefix("a=candidate:")?.split(' ').collect();
    let is_udp = fields.get(TRANSPORT_FIELD)?.eq_ignore_ascii_case("udp");
    is_udp.then_some(fields)
}

/// The port of the first UDP candidate of an answer.
fn server_port(answer: &str) -> Option<u16> {
    answer
        .lines()
        .find_map(|line| udp_candidate(line)?.get(PORT_FIELD)?.parse().ok())
}

/// The answer with one candidate, the first over UDP, at another port.
fn only_at(answer: &str, port: u16) -> String {
    let port = port.to_string();
    let first = answer.lines().find_map(udp_candidate);
    let moved = first.map(|mut fields| {
        fields[PORT_FIELD] = &port;
        format!("a=candidate:{}", fields.join(" "))
    });
    let mut moved = moved.into_iter();
    let lines = answer.lines().filter_map(|line| match line.starts_with("a=candidate:") {
        true => moved.next(),
        false => Some(line.to_owned()),
    });
    lines.map(|line| line + "\r\n").collect()
}

/// Carries what comes in at `near` to the server, and back, from a socket for each address of the engine: it tries several.
async fn relay(near: UdpSocket, server: SocketAddr, way: Arc<Way>) -> io::Result<()> {
    let near = Arc::new(near);
    let mut far: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    let mut ways_back = JoinSet::new();
    let mut datagram = [0; DATAGRAM_BYTES];
    loop {
        let (length, from) = near.recv_from(&mut datagram).await?;
        let socket = match far.get(&from) {
            Some(socket) => Arc::clone(socket),
            None => {
                let socket = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?);
                socket.connect(server).await?;
                ways_back.spawn(way_back(Arc::clone(&socket), Arc::clone(&near), from, Arc::clone(&way)));
                far.insert(from, Arc::clone(&socket));
                socket
            }
        };
        way.goes_up(&datagram[..length]);
        // A server that is gone refuses, and a network that is full loses: neither tells.
        let _ = socket.send(&datagram[..length]).await;
    }
}

async fn way_back(far: Arc<UdpSocket>, near: Arc<UdpSocket>, to: SocketAddr, way: Arc<Way>) {
    let mut datagram = [0; DATAGRAM_BYTES];
    while let Ok(length) = far.recv(&mut datagram).await {
        if way.comes_down(&datagram[..length]) {
            let _ = near.send_to(&datagram[..length], to).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTP: [u8; 4] = [0x80, 111, 0, 1];

    fn way(drops: &[bool]) -> (tokio::runtime::Runtime, LossyWay) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let way = LossyWay::new(runtime.handle().clone(), drops.to_vec());
        (runtime, way)
    }

    #[test]
    fn packets_of_rtp_are_lost_by_their_place_and_nothing_else_is() {
        let (_runtime, way) = way(&[false, true, true]);
        let arrives: Vec<bool> = (0..6).map(|_| way.0.comes_down(&RTP)).collect();
        assert_eq!(arrives, [true, false, false, true, false, false]);
        for other in [&[0x80, 200, 0, 1][..], &[0x00, 0x01, 0, 0], &[22, 254, 253, 0], &[0x80], &[]] {
            assert!(way.0.comes_down(other), "{other:?}");
        }
        let down = way.down();
        assert_eq!((down.packets, down.lost), (6, 4));
        assert_eq!(down.payload_types, BTreeSet::from([111]));
    }

    #[test]
    fn the_server_is_known_by_one_candidate_only() {
        let answer = "v=0\r\na=candidate:1 1 udp 2130706431 127.0.0.1 7000 typ host\r\n\
            a=candidate:2 1 tcp 1 127.0.0.1 7000 typ host tcptype passive\r\na=end-of-candidates\r\n";
        assert_eq!(server_port(answer), Some(7000));
        let moved = "v=0\r\na=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\r\na=end-of-candidates\r\n";
        assert_eq!(only_at(answer, 9), moved);
    }
}
