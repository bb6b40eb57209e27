//! One peer: a publisher's or a player's connection, whatever became of it so far.

use std::time::{Duration, Instant};

use super::dtls::{ClientCertificates, DtlsIdentity, DtlsSession};
use super::held::EVERYTHING;
use super::ice::IceSession;
use super::listening::Listening;
use super::numbering::SequenceCompactor;
use super::policing::MediaBudget;
use super::protection::Protection;
use super::reception::Reception;
use super::relay::{NewRelay, RELAY_FORMAT, RelaySide};
use super::rtp::LegFormat;
use super::sdp::{Credentials, Fingerprint, Role};
use super::srtp::SrtpSession;
use super::summary::{LegMeter, PublisherLeg, Uplink};
use super::timeline::Timeline;
use super::tuple::Tuple;
use super::{GroupKey, PeerId, StreamKey};

/// The CNAME of a relay's sides: nobody reads it.
const RELAY_NAME: &str = "relay";
/// DTLS datagrams that are held back until their address is proved: a ClientHello has one or two.
const MAX_HELD: usize = 2;
/// Receiver reports go out so often, so that a publisher reacts to loss within 2 s. RFC 3550 §6.2 allows a fixed minimum below
/// 5 s for small groups: two members.
pub(crate) const REPORT_EVERY: Duration = Duration::from_millis(500);

/// What a shard is told about a peer: the outcome of a negotiation.
#[derive(Clone, Debug)]
pub(crate) struct NewPeer {
    pub(crate) id: PeerId,
    pub(crate) stream: StreamKey,
    pub(crate) place: Placement,
    pub(crate) role: Role,
    pub(crate) local: Credentials,
    pub(crate) remote: Credentials,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) certificates: ClientCertificates,
    pub(crate) format: LegFormat,
    /// What we send as: media and RTCP to a player, RTCP to a publisher.
    pub(crate) ssrc: u32,
    pub(crate) cname: String,
    /// Whether NACK (RFC 4585 §6.2.1) was negotiated.
    pub(crate) nack: bool,
}

/// Where a peer's stream belongs, and what a player wants of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placement {
    /// The room whose streams are ranked together.
    pub(crate) group: GroupKey,
    /// The shard of the stream's publishers.
    pub(crate) home: usize,
    /// A player's: only while the stream is one of so many loudest.
    pub(crate) loudest: u32,
}

impl Default for Placement {
    fn default() -> Self {
        Self {
            group: GroupKey(0),
            home: 0,
            loudest: EVERYTHING,
        }
    }
}

/// A peer of this shard.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    pub(crate) stream: StreamKey,
    pub(crate) ice: IceSession,
    pub(crate) dtls: DtlsSession,
    /// Present from the end of the handshake on; a relay's from the beginning on.
    pub(crate) srtp: Option<SrtpSession>,
    pub(crate) format: LegFormat,
    pub(crate) ssrc: u32,
    pub(crate) cname: String,
    pub(crate) media: Media,
    pub(crate) added: Instant,
    pub(crate) last_authentic: Instant,
    /// The earliest entry of this peer in the shard's timers that still counts.
    pub(crate) armed: Option<Instant>,
    held: Vec<(Tuple, Vec<u8>)>,
    /// It is one side of a relay.
    pub(crate) relay: Option<Box<RelaySide>>,
}

/// What is done with media of this peer.
#[derive(Debug)]
pub(crate) enum Media {
    Publisher(Box<Publishing>),
    Player(Box<Playing>),
}

/// A publisher's media.
#[derive(Debug, Default)]
pub(crate) struct Publishing {
    /// Of the SSRC that is forwarded now.
    pub(crate) reception: Option<Reception>,
    pub(crate) compactor: SequenceCompactor,
    /// Where the publisher may send RED: what is missing of its source.
    pub(crate) timeline: Timeline,
    /// Which source this is, unlike any other of the forwarder.
    pub(crate) source: u64,
    /// SSRCs that this publisher used before; packets that still come from them are not media.
    pub(crate) past: Vec<u32>,
    pub(crate) next_report: Option<Instant>,
    /// Whether it sends packets again when asked.
    pub(crate) nack: bool,
    pub(crate) leg: LegMeter,
    /// What was told of its leg, and when.
    pub(crate) told: Option<(PublisherLeg, Instant)>,
    /// What was told of the loss on it.
    pub(crate) uplink_told: Option<Uplink>,
    pub(crate) budget: MediaBudget,
}

/// What a listener tells us; its packets are those of a [`Listener`](super::listener::Listener).
#[derive(Debug, Default)]
pub(crate) struct Playing {
    /// Whether it may ask for packets again.
    pub(crate) nack: bool,
    pub(crate) listening: Listening,
    /// The number of its next packet and how many it had been sent when it reported last; the latter wraps.
    pub(crate) at_report: Option<(u64, u32)>,
    /// From the first lost packet on, where RED was negotiated.
    pub(crate) protection: Option<Box<Protection>>,
}

impl Media {
    fn of(role: Role, nack: bool) -> Self {
        match role {
            Role::Publisher => Self::Publisher(Box::new(Publishing {
                nack,
                ..Publishing::default()
            })),
            Role::Player => Self::Player(Box::new(Playing {
                nack,
                ..Playing::default()
            })),
        }
    }
}

impl Peer {
    pub(crate) fn new(new: NewPeer, identity: &DtlsIdentity, tie_breaker: u64, now: Instant) -> Self {
        Self {
            id: new.id,
            stream: new.stream,
            ice: IceSession::new(new.local, new.remote, tie_breaker),
            dtls: DtlsSession::new(identity, new.certificates, new.fingerprint, now),
            srtp: None,
            format: new.format,
            ssrc: new.ssrc,
            cname: new.cname,
            media: Media::of(new.role, new.nack),
            added: now,
            last_authentic: now,
            armed: None,
            held: Vec::new(),
            relay: None,
        }
    }

    /// One side of a relay, which needs no handshake; its keys are still to be given to it.
    pub(crate) fn of_relay(new: NewRelay, now: Instant) -> Self {
        // The sending side was told where to send; the taking side hears it.
        let path = (new.role == Role::Player).then(|| new.terms.address().into());
        Self {
            id: new.id,
            stream: new.stream,
            ice: IceSession::fixed(path, new.role == Role::Publisher),
            dtls: DtlsSession::Told,
            srtp: None,
            format: RELAY_FORMAT,
            ssrc: new.own_ssrc(),
            cname: RELAY_NAME.to_owned(),
            media: Media::of(new.role, true),
            added: now,
            last_authentic: now,
            armed: None,
            held: Vec::new(),
            relay: Some(Box::new(RelaySide::new(new.name, now))),
        }
    }

    /// What this listener tells; `None`: it is a publisher.
    pub(crate) fn listening(&mut self) -> Option<&mut Listening> {
        match &mut self.media {
            Media::Player(playing) => Some(&mut playing.listening),
            Media::Publisher(_) => None,
        }
    }

    /// Notes traffic that only this peer can have sent.
    pub(crate) fn hear(&mut self, from: Tuple, now: Instant) {
        self.last_authentic = now;
        self.ice.hear(from, now);
    }

    /// Keeps a DTLS datagram whose address is still being proved; `false` if there are enough already.
    pub(crate) fn hold(&mut self, from: Tuple, datagram: &[u8]) -> bool {
        let is_room = self.srtp.is_none() && self.held.len() < MAX_HELD;
        if is_room {
            self.held.push((from, datagram.to_vec()));
        }
        is_room
    }

    /// What was held back from an address that is proved now.
    pub(crate) fn take_held(&mut self, from: Tuple) -> Vec<Vec<u8>> {
        let held = std::mem::take(&mut self.held);
        held.into_iter()
            .filter(|(address, _)| *address == from)
            .map(|(_, held)| held)
            .collect()
    }

    /// When this peer is given up if nothing is heard.
    pub(crate) fn gives_up(&self, connect: Duration, consent: Duration) -> Instant {
        match self.srtp {
            Some(_) => self.last_authentic + consent,
            None => self.added + connect,
        }
    }

    /// When [`Core::handle_timeout`](super::core::Core::handle_timeout) has to look at this peer.
    pub(crate) fn next_timeout(&self, connect: Duration, consent: Duration) -> Instant {
        let report = match &self.media {
            Media::Publisher(publishing) => publishing.next_report,
            Media::Player(_) => None,
        };
        let say = self.relay.as_ref().map(|relay| relay.next_say);
        [self.ice.next_timeout(), self.dtls.next_timeout(), report, say]
            .into_iter()
            .flatten()
            .fold(self.gives_up(connect, consent), Instant::min)
    }
}
