//! The other sides of two relays of the fuzzed shard: one stream that it takes, one that it sends.

use std::net::SocketAddr;
use std::time::Instant;

use super::super::core::{Command, Core};
use super::super::peer::Placement;
use super::super::relay::{NewRelay, RelayNames, RelayTerms};
use super::super::rtp::RtpView;
use super::super::sdp::Role;
use super::super::srtp::{Sealer, SrtpSession};
use super::super::{PeerId, StreamKey};

/// The other side of one relay: what it knows.
pub(super) struct OtherNode {
    pub(super) id: PeerId,
    pub(super) address: SocketAddr,
    /// What it sends as.
    ssrc: u32,
    session: SrtpSession,
    sealer: Sealer,
}

impl OtherNode {
    /// Has the shard take (`Publisher`) or send (`Player`) a stream.
    pub(super) fn join(core: &mut Core, role: Role, stream: StreamKey, now: Instant) -> Self {
        let (number, other) = match role {
            Role::Publisher => (3, Role::Player),
            Role::Player => (4, Role::Publisher),
        };
        let address = SocketAddr::from(([203, 0, 113, 200 + number], 7000));
        let terms = RelayTerms::known(address, number);
        let name = match role {
            Role::Publisher => terms.ssrc(),
            Role::Player => terms.feedback_ssrc(),
        };
        let new = |role| NewRelay {
            id: PeerId(number.into()),
            stream,
            place: Placement::default(),
            role,
            terms: terms.clone(),
            name: RelayNames::default().claim(name).expect("it is the first"),
        };
        core.handle_command(Command::AddRelay(Box::new(new(role))), now);
        core.handle_command(Command::SetRelaySource(PeerId(number.into()), address.into()), now);
        let session = SrtpSession::new(new(other).keys()).expect("the keys are as long as the profile asks");
        Self {
            id: PeerId(number.into()),
            address,
            ssrc: name,
            sealer: session.sealer().expect("as above"),
            session,
        }
    }

    /// Seals a packet, under the relay's SSRC or its own.
    pub(super) fn seal(&mut self, packet: &[u8], is_rtcp: bool, is_named: bool) -> Option<Vec<u8>> {
        let mut packet = packet.to_vec();
        if is_named {
            let at = if is_rtcp { 4 } else { 8 };
            packet.get_mut(at..at + 4)?.copy_from_slice(&self.ssrc.to_be_bytes());
        }
        if is_rtcp {
            return self.session.protect_rtcp(&packet).map(|sealed| sealed.to_vec());
        }
        let view = RtpView::parse(&packet)?;
        let index = u64::from(view.sequence);
        self.sealer.seal(&mut packet, 0, view.header_len, view.ssrc, index)?;
        Some(packet)
    }

    /// Whether this is new and readable here.
    pub(super) fn reads_rtcp(&mut self, datagram: &[u8]) -> bool {
        self.session.unprotect_rtcp(datagram).is_some()
    }

    /// The same of RTP.
    pub(super) fn reads_rtp(&mut self, datagram: &[u8], view: &RtpView) -> bool {
        self.session.unprotect_rtp(datagram, view, &mut Vec::new()).is_some()
    }
}
