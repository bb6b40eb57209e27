//! Media connections of the virtual network: the clients' ends, and the media plane of the server.

use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, PoisonError},
};

use async_trait::async_trait;
use express_media::{
    rtp::{RtpPacketIn, RtpPacketOut},
    transport::{
        MediaTransport, PublishOffer, ReceivePackets, SendPackets, TransportError, TransportEvent, TransportEvents,
        TransportFactory, TransportStats,
    },
};
use express_messages::ice::IceServer;
use express_server::{
    forwarder::{
        Answer, Credentials, ForwarderEvent, GoneReason, GroupKey, MediaRequest, NegotiateError, PeerId, RelayTerms, StreamKey,
    },
    rooms::MediaPlane,
};
use tokio::task::AbortHandle;

use super::{CONNECT_TIMEOUT, Line, State, VirtualNet};

/// What an offer says; the number of its port follows.
const OFFER: &str = "offer ";
/// What an answer says; the number of its peer follows.
const ANSWER: &str = "answer ";

/// The client's end of a media connection.
pub(super) struct Port {
    pub(super) line: Line,
    pub(super) connected: bool,
    events: TransportEvents,
    send: Option<SendPackets>,
    receive: Option<ReceivePackets>,
    task: Option<AbortHandle>,
}

impl Port {
    pub(super) fn tell(&self, event: TransportEvent) {
        // The actor may be gone already.
        let _gone = self.events.unbounded_send(event);
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

/// The server's end.
pub(super) struct Peer {
    pub(super) port: u64,
    stream: StreamKey,
    publishes: bool,
    connected: bool,
    paused: bool,
    /// Whether its first packet came.
    heard: bool,
}

/// Makes the transports of one line.
#[derive(Debug)]
pub struct LineTransports {
    net: VirtualNet,
    line: Line,
}

impl LineTransports {
    pub(super) fn new(net: VirtualNet, line: Line) -> Self {
        Self { net, line }
    }

    fn make(
        &self,
        events: TransportEvents,
        send: Option<SendPackets>,
        receive: Option<ReceivePackets>,
    ) -> Arc<dyn MediaTransport> {
        let mut state = self.net.state();
        state.last_number += 1;
        let number = state.last_number;
        let port = Port {
            line: self.line.clone(),
            connected: false,
            events,
            send,
            receive,
            task: None,
        };
        state.ports.insert(number, port);
        let net = self.net.clone();
        Arc::new(VirtualTransport { number, net })
    }
}

impl TransportFactory for LineTransports {
    fn publish(
        &self,
        _: PublishOffer,
        packets: SendPackets,
        _: &[IceServer],
        events: TransportEvents,
    ) -> Arc<dyn MediaTransport> {
        self.make(events, Some(packets), None)
    }

    fn play(&self, packets: ReceivePackets, _: &[IceServer], events: TransportEvents) -> Arc<dyn MediaTransport> {
        self.make(events, None, Some(packets))
    }
}

struct VirtualTransport {
    number: u64,
    net: VirtualNet,
}

impl fmt::Debug for VirtualTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VirtualTransport({})", self.number)
    }
}

#[async_trait]
impl MediaTransport for VirtualTransport {
    async fn offer(&self) -> Result<String, TransportError> {
        Ok(format!("{OFFER}{}", self.number))
    }

    async fn apply_answer(&self, answer: String) -> Result<(), TransportError> {
        let peer = number_in(&answer, ANSWER).ok_or(TransportError::Answer(answer))?;
        let (net, number) = (self.net.clone(), self.number);
        let task = actix::spawn(async move { net.connect(number, PeerId::new(peer)).await });
        match self.net.state().ports.get_mut(&self.number) {
            Some(port) => port.task = Some(task.abort_handle()),
            None => task.abort(),
        }
        Ok(())
    }

    async fn stats(&self) -> TransportStats {
        TransportStats {
            round_trip_time: Some(2 * self.net.0.delay),
            ..Default::default()
        }
    }

    async fn close(&self) {
        self.net.hang_up(self.number);
    }
}

impl Drop for VirtualTransport {
    fn drop(&mut self) {
        self.net.hang_up(self.number);
    }
}

impl VirtualNet {
    /// One round trip of checks, then packets flow until the port is dropped.
    async fn connect(self, number: u64, id: PeerId) {
        self.travel().await;
        self.travel().await;
        let send = {
            let mut state = self.state();
            let State { ports, peers, .. } = &mut *state;
            let Some(port) = ports.get_mut(&number).filter(|port| port.line.has_media()) else {
                return;
            };
            let Some(peer) = peers.get_mut(&id) else { return };
            peer.connected = true;
            port.connected = true;
            port.tell(TransportEvent::Connected);
            port.send.clone()
        };
        self.tell_rooms(ForwarderEvent::Connected { peer: id });
        let Some(send) = send else { return };
        let mut packets = send.lock().await;
        // What waits is from before this connection.
        while packets.try_recv().is_some() {}
        while let Some(packet) = packets.recv().await {
            self.forward(id, packet);
        }
    }

    /// A packet of a publisher leaves; it reaches all players of now after two delays.
    fn forward(&self, id: PeerId, packet: RtpPacketOut) {
        let mut state = self.state();
        let State { ports, peers, .. } = &mut *state;
        let Some(peer) = peers.get_mut(&id) else { return };
        if ports.get(&peer.port).is_none_or(|port| !port.line.has_media()) {
            return;
        }
        let stream = peer.stream;
        let first = !std::mem::replace(&mut peer.heard, true);
        drop(state);
        let net = self.clone();
        actix::spawn(async move {
            net.travel().await;
            if first {
                net.tell_rooms(ForwarderEvent::MediaStarted { peer: id });
            }
            net.travel().await;
            net.deliver(stream, &packet);
        });
    }

    fn deliver(&self, stream: StreamKey, packet: &RtpPacketOut) {
        let arrival = tokio::time::Instant::now().into_std();
        let state = self.state();
        let players = state
            .peers
            .values()
            .filter(|peer| peer.stream == stream && !peer.publishes && !peer.paused);
        let ports = players.filter_map(|peer| state.ports.get(&peer.port));
        for port in ports.filter(|port| port.connected && port.line.has_media()) {
            let Some(receive) = &port.receive else { continue };
            let packet = RtpPacketIn {
                header: packet.header,
                payload: packet.payload.clone(),
            };
            // A packet that finds no room is counted by the pipeline.
            receive.lock().unwrap_or_else(PoisonError::into_inner).push(arrival, packet);
        }
    }

    /// The client closes its end, and the server hears the goodbye if the line is there.
    fn hang_up(&self, number: u64) {
        let mut state = self.state();
        let Some(port) = state.ports.remove(&number) else { return };
        let peer = state.peers.iter().find(|(_, peer)| peer.port == number).map(|(id, _)| *id);
        drop(state);
        let Some(peer) = peer.filter(|_| port.line.has_media()) else {
            return;
        };
        let net = self.clone();
        actix::spawn(async move {
            net.travel().await;
            if net.state().peers.remove(&peer).is_some() {
                let reason = GoneReason::Closed;
                net.tell_rooms(ForwarderEvent::Gone { peer, reason });
            }
        });
    }

    /// The server forgets a peer that does not connect.
    async fn expect_connection(&self, id: PeerId) {
        tokio::time::sleep(CONNECT_TIMEOUT).await;
        let mut state = self.state();
        if state.peers.get(&id).is_some_and(|peer| !peer.connected) {
            state.peers.remove(&id);
            drop(state);
            let reason = GoneReason::NeverConnected;
            self.tell_rooms(ForwarderEvent::Gone { peer: id, reason });
        }
    }

    fn negotiate(&self, stream: StreamKey, publishes: bool, offer: &str) -> Answer {
        // Offers come from `VirtualTransport::offer` alone; another one gets a peer that never connects.
        let port = number_in(offer, OFFER).unwrap_or_default();
        let mut state = self.state();
        state.last_number += 1;
        let number = state.last_number;
        let peer = Peer {
            port,
            stream,
            publishes,
            connected: false,
            paused: false,
            heard: false,
        };
        let id = PeerId::new(number);
        state.peers.insert(id, peer);
        drop(state);
        let net = self.clone();
        actix::spawn(async move { net.expect_connection(id).await });
        Answer {
            peer: id,
            sdp: format!("{ANSWER}{number}"),
        }
    }
}

impl MediaPlane for VirtualNet {
    fn answer(&mut self, request: &MediaRequest<'_>) -> Result<Answer, NegotiateError> {
        Ok(self.negotiate(request.stream, request.wish.is_publish(), request.offer))
    }

    /// Nothing here has an address, so there is nothing to begin anew.
    fn restart_ice(&mut self, _: PeerId, remote: Credentials) -> Result<Credentials, NegotiateError> {
        Ok(remote)
    }

    fn remove(&mut self, peer: PeerId) {
        let Some(peer) = self.state().peers.remove(&peer) else {
            return;
        };
        let net = self.clone();
        actix::spawn(async move {
            net.travel().await;
            if let Some(port) = net.state().ports.get(&peer.port).filter(|port| port.line.has_media()) {
                port.tell(TransportEvent::Closed);
            }
        });
    }

    fn set_player_paused(&mut self, peer: PeerId, paused: bool) {
        if let Some(peer) = self.state().peers.get_mut(&peer) {
            peer.paused = paused;
        }
    }

    /// There are no other nodes here.
    fn take_relay(&mut self, _: StreamKey, _: GroupKey) -> Result<(PeerId, RelayTerms), NegotiateError> {
        Err(NegotiateError::Busy)
    }

    fn send_relay(&mut self, _: StreamKey, _: GroupKey, _: &RelayTerms, _: u32) -> Result<(PeerId, SocketAddr), NegotiateError> {
        Err(NegotiateError::Busy)
    }

    fn set_relay_source(&mut self, _: PeerId, _: SocketAddr) {}

    fn set_loudest(&mut self, _: PeerId, _: u32) {}
}

fn number_in(text: &str, prefix: &str) -> Option<u64> {
    text.strip_prefix(prefix)?.parse().ok()
}
