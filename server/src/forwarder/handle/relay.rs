//! Relays, as the rest of the server asks for them.

use std::net::SocketAddr;

use super::super::address::canonical;
use super::super::core::{Command, wanted};
use super::super::held::EVERYTHING;
use super::super::peer::Placement;
use super::super::relay::{NewRelay, RelayName, RelayTerms};
use super::super::sdp::Role;
use super::super::{GroupKey, NegotiateError, PeerId, StreamKey};
use super::{Forwarder, ShardHandle};

/// SSRCs that are tried for a new relay: one of a million is taken where a thousand are in use.
const NAMES_TRIED: usize = 4;

impl Forwarder {
    /// Makes the peer that takes a stream from another node: a publisher here, to which a later one is an older one's successor as ever.
    /// The terms are for the node that has the stream, for [`Forwarder::send_relay`] there, and for one call of it.
    ///
    /// # Errors
    /// [`NegotiateError`]: there is no peer.
    pub fn take_relay(&self, stream: StreamKey, group: GroupKey) -> Result<(PeerId, RelayTerms), NegotiateError> {
        let shard = self.home_of(group);
        let fresh = || {
            let terms = RelayTerms::fresh(shard.relay_address);
            let name = shard.relays.claim(terms.ssrc())?;
            Some((terms, name))
        };
        let (terms, name) = (0..NAMES_TRIED).find_map(|_| fresh()).ok_or(NegotiateError::Busy)?;
        let peer = self.add_relay((stream, group), Role::Publisher, (terms.clone(), name), EVERYTHING)?;
        Ok((peer, terms))
    }

    /// Makes the peer that sends a stream to another node: a player here. With where its packets come from, for
    /// [`Forwarder::set_relay_source`] there.
    ///
    /// - `loudest`: only while the stream is one of so many loudest of its group; 0: always
    ///
    /// # Errors
    /// [`NegotiateError`]: there is no peer. [`NegotiateError::Busy`]: also where another relay has the SSRC of these terms; fresh ones
    /// may do.
    pub fn send_relay(
        &self,
        stream: StreamKey,
        group: GroupKey,
        terms: &RelayTerms,
        loudest: u32,
    ) -> Result<(PeerId, SocketAddr), NegotiateError> {
        terms.check()?;
        let shard = self.home_of(group);
        let name = shard.relays.claim(terms.feedback_ssrc()).ok_or(NegotiateError::Busy)?;
        let peer = self.add_relay((stream, group), Role::Player, (terms.clone(), name), wanted(loudest))?;
        Ok((peer, shard.relay_address))
    }

    /// Says where the packets of a relay that is taken here will come from, so that the other side hears of this one before the stream
    /// begins. An unknown peer is ignored.
    pub fn set_relay_source(&self, peer: PeerId, source: SocketAddr) {
        self.must_tell(peer, Command::SetRelaySource(peer, canonical(source).into()));
    }

    /// Changes what a player hears: the stream only while it is one of so many loudest of its group; 0: always. An unknown peer is
    /// ignored.
    pub fn set_loudest(&self, peer: PeerId, loudest: u32) {
        self.must_tell(peer, Command::SetLoudest(peer, wanted(loudest)));
    }

    fn add_relay(
        &self,
        (stream, group): (StreamKey, GroupKey),
        role: Role,
        (terms, name): (RelayTerms, RelayName),
        loudest: u32,
    ) -> Result<PeerId, NegotiateError> {
        self.admit()?;
        let home = self.home_number(group);
        let id = self.next_id(home);
        let place = Placement { group, home, loudest };
        let new = NewRelay {
            id,
            stream,
            place,
            role,
            terms,
            name,
        };
        self.inner.shards[home].add(Command::AddRelay(Box::new(new)))?;
        Ok(id)
    }

    /// Both sides of a relay live where the publishers of its group do.
    fn home_of(&self, group: GroupKey) -> &ShardHandle {
        &self.inner.shards[self.home_number(group)]
    }
}
