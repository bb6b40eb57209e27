//! A shard with a publisher and a listener that are connected, whose keys are known: so an input gets behind them.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use dimpl::SrtpProfile;
use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;

use super::super::core::{Command, Core};
use super::super::counters::ShardCounters;
use super::super::dtls::{ClientCertificates, DtlsIdentity};
use super::super::peer::NewPeer;
use super::super::rtp::{HeaderShape, LegFormat, RtpView};
use super::super::sdp::{Credentials, Role};
use super::super::srtp::{SrtpKeys, SrtpSession};
use super::super::stun::{Check, StunKind, StunMessage, crypto, write_check, write_response};
use super::super::tuple::Tuple;
use super::super::{ForwarderEvent, ForwarderLimits, PeerId, StreamKey};
use super::relays::OtherNode;

/// Who is there.
pub(super) const PUBLISHER: usize = 0;
pub(super) const LISTENER: usize = 1;
/// The stream that they share.
const STREAM: StreamKey = StreamKey(1);
/// What both offered.
const FORMAT: LegFormat = LegFormat {
    opus: 111,
    red: Some(63),
    audio_level: Some(1),
    capture_time: Some(3),
};
/// Bytes of keying material for AES-128-GCM: two keys of 16 and two salts of 12. RFC 7714 §12.
const MATERIAL_BYTES: u8 = 56;

/// One client: what it knows, and what it got.
pub(super) struct Client {
    pub(super) id: PeerId,
    pub(super) address: SocketAddr,
    /// Its credentials, and the server's for it.
    pub(super) own: Credentials,
    pub(super) server: Credentials,
    seals: Context,
    shape: HeaderShape,
    opens: SrtpSession,
}

impl Client {
    fn new(number: u8) -> Self {
        let credentials = |side: &str| {
            let (ufrag, password) = (format!("{side}{number}"), format!("{side}{number}passwordpassword"));
            Credentials::new(&ufrag, &password).expect("these are good")
        };
        let keys = keys(number).swapped();
        let material: Vec<u8> = material(number);
        let (key, salt) = (&material[..16], &material[32..44]);
        let profile = ProtectionProfile::AeadAes128Gcm;
        Self {
            id: PeerId(u64::from(number) + 1),
            address: SocketAddr::from(([203, 0, 113, 1 + number], 40_000)),
            own: credentials("theirs"),
            server: credentials("AAours"),
            seals: Context::new(key, salt, profile, None, None, crypto()).expect("the key is as long as the profile asks"),
            shape: HeaderShape::new(),
            opens: SrtpSession::new(keys).expect("the keys are as long as the profile asks"),
        }
    }

    fn peer(&self, role: Role) -> NewPeer {
        NewPeer {
            id: self.id,
            stream: STREAM,
            place: Default::default(),
            role,
            local: self.server.clone(),
            remote: self.own.clone(),
            fingerprint: [0; 32],
            certificates: ClientCertificates::Ecdsa,
            format: FORMAT,
            ssrc: 1000 + u32::try_from(self.id.0).unwrap_or_default(),
            cname: "fuzz".into(),
            nack: true,
        }
    }

    /// A check that nominates.
    pub(super) fn check(&self) -> Vec<u8> {
        let check = Check {
            transaction: [7; 12],
            username: &format!("{}:{}", self.server.ufrag, self.own.ufrag),
            password: &self.server.password,
            controlling: true,
            tie_breaker: 7,
        };
        write_check(&check).expect("a check can be written")
    }

    pub(super) fn seal_rtp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let view = RtpView::parse(packet)?;
        let header = self.shape.of(&view);
        self.seals
            .encrypt_rtp_with_header(packet, header)
            .ok()
            .map(|sealed| sealed.to_vec())
    }

    pub(super) fn seal_rtcp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        self.seals.encrypt_rtcp(packet).ok().map(|sealed| sealed.to_vec())
    }
}

fn material(number: u8) -> Vec<u8> {
    (0..MATERIAL_BYTES).map(|byte| byte ^ (number << 6)).collect()
}

fn keys(number: u8) -> SrtpKeys {
    let keys = SrtpKeys::from_exporter(&material(number), SrtpProfile::AEAD_AES_128_GCM);
    keys.expect("the material is as long as the profile asks")
}

/// A shard, its two peers, and two other nodes: one that sends the same stream, one that takes it.
pub(super) struct Peers {
    pub(super) core: Core,
    pub(super) now: Instant,
    pub(super) clients: [Client; 2],
    pub(super) nodes: Vec<OtherNode>,
    gone: HashSet<PeerId>,
    /// The listener's media: what it asks for again is the same to the bit.
    sent: HashSet<Vec<u8>>,
}

impl Peers {
    pub(super) fn connected() -> Self {
        static IDENTITY: OnceLock<DtlsIdentity> = OnceLock::new();
        let identity = IDENTITY.get_or_init(|| DtlsIdentity::generate().expect("a certificate can be made"));
        let now = Instant::now();
        let counters = Arc::new(ShardCounters::default());
        let core = Core::new(identity.clone(), ForwarderLimits::default(), counters, [7; 32], now);
        let mut peers = Self {
            core,
            now,
            clients: [Client::new(0), Client::new(1)],
            nodes: Vec::new(),
            gone: HashSet::new(),
            sent: HashSet::new(),
        };
        for (index, role) in [Role::Publisher, Role::Player].into_iter().enumerate() {
            let new = peers.clients[index].peer(role);
            peers.core.handle_command(Command::Add(Box::new(new)), now);
            let (check, address) = (peers.clients[index].check(), peers.clients[index].address);
            peers.core.handle(&check, address.into(), now);
            peers.settle(true);
            // In place of a handshake: its keys cannot be the same in each run.
            let srtp = SrtpSession::new(keys(u8::try_from(index).unwrap_or_default()));
            peers
                .core
                .connect(index, srtp.expect("the keys are as long as the profile asks"), now);
        }
        for role in [Role::Publisher, Role::Player] {
            let node = OtherNode::join(&mut peers.core, role, STREAM, now);
            peers.nodes.push(node);
        }
        peers.settle(true);
        peers
    }

    /// Takes what the shard sends: checks are answered if `answers`, and media has to be readable to the listener, under a
    /// number that nothing else had.
    pub(super) fn settle(&mut self, answers: bool) {
        while let Some((to, datagram)) = self.next_datagram() {
            match datagram.first() {
                Some(0..=3) if answers => self.answer(to, &datagram),
                Some(128..=191) => self.hear(to, &datagram),
                _ => {}
            }
        }
        self.core.poll_links().for_each(drop);
        self.core.poll_closed_links().for_each(drop);
        self.core.take_forwarded();
        while let Some(event) = self.core.poll_event() {
            if let ForwarderEvent::Gone { peer, .. } = event {
                assert!(self.gone.insert(peer), "gone twice: {peer:?}");
            }
        }
    }

    fn next_datagram(&mut self) -> Option<(Tuple, Vec<u8>)> {
        let (to, datagram) = self.core.poll_transmits(1).get(0)?;
        Some((to, datagram.to_vec()))
    }

    fn answer(&mut self, to: Tuple, datagram: &[u8]) {
        let check = StunMessage::parse(datagram).expect("the server writes STUN");
        let Some(client) = self.clients.iter().find(|client| client.address == to.address) else {
            return;
        };
        if check.kind() != StunKind::Request {
            return;
        }
        let server = SocketAddr::from(([198, 51, 100, 1], 7000));
        let answer = write_response(check.transaction(), server, &client.own.password).expect("a response can be written");
        self.core.handle(&answer, to, self.now);
    }

    fn hear(&mut self, to: Tuple, datagram: &[u8]) {
        if matches!(datagram.get(1), Some(192..=223)) {
            let mut clients = self.clients.iter_mut();
            let mut read = clients.any(|client| client.opens.unprotect_rtcp(datagram).is_some());
            read |= self.nodes.iter_mut().any(|node| node.reads_rtcp(datagram));
            assert!(read, "RTCP that is new and readable to nobody");
            return;
        }
        if !self.sent.insert(datagram.to_vec()) {
            return;
        }
        let view = RtpView::parse(datagram).expect("the server writes RTP");
        let opened = match self.nodes.iter_mut().find(|node| to.address == node.address) {
            Some(node) => node.reads_rtp(datagram, &view),
            None => {
                let listener = &mut self.clients[LISTENER].opens;
                listener.unprotect_rtp(datagram, &view, &mut Vec::new()).is_some()
            }
        };
        assert!(opened, "RTP that is replayed or not readable: number {}", view.sequence);
    }
}
