//! The port to whatever carries media.

use std::net::SocketAddr;

use crate::forwarder::{Answer, Credentials, Forwarder, GroupKey, MediaRequest, NegotiateError, PeerId, RelayTerms, StreamKey};

/// What rooms ask of the media plane. Calls are short and do not block on the network.
///
/// Its events come back as [`MediaNews`](super::MediaNews).
pub trait MediaPlane: Send {
    /// Answers the offer of a publisher or a player. A second publisher of the same stream takes over with its first packet.
    ///
    /// # Errors
    /// [`NegotiateError`]: there is no peer.
    fn answer(&mut self, request: &MediaRequest<'_>) -> Result<Answer, NegotiateError>;

    /// Begins the ICE session of a media connection anew: the client's new credentials in, ours out. An unknown one is ignored.
    ///
    /// # Errors
    /// [`NegotiateError`]: the old ICE session goes on.
    fn restart_ice(&mut self, peer: PeerId, remote: Credentials) -> Result<Credentials, NegotiateError>;

    /// Ends a media connection; an unknown one is ignored.
    fn remove(&mut self, peer: PeerId);

    /// Stops or resumes what a player is sent.
    fn set_player_paused(&mut self, peer: PeerId, paused: bool);

    /// Makes ready for a stream that another node will send: where it is to go, and with which keys.
    ///
    /// # Errors
    /// [`NegotiateError`]: there is no peer.
    fn take_relay(&mut self, stream: StreamKey, group: GroupKey) -> Result<(PeerId, RelayTerms), NegotiateError>;

    /// Sends a stream to another node; the answer has the address that its packets come from.
    ///
    /// - `loudest`: only while it is one of so many loudest; 0: always
    ///
    /// # Errors
    /// [`NegotiateError`]: there is no peer.
    fn send_relay(
        &mut self,
        stream: StreamKey,
        group: GroupKey,
        terms: &RelayTerms,
        loudest: u32,
    ) -> Result<(PeerId, SocketAddr), NegotiateError>;

    /// The packets of a relay that was taken will come from here.
    fn set_relay_source(&mut self, peer: PeerId, from: SocketAddr);

    /// A relay that is sent wants its stream while that is one of so many loudest; 0: always.
    fn set_loudest(&mut self, peer: PeerId, loudest: u32);
}

impl MediaPlane for Forwarder {
    fn answer(&mut self, request: &MediaRequest<'_>) -> Result<Answer, NegotiateError> {
        Self::answer(self, request)
    }

    fn restart_ice(&mut self, peer: PeerId, remote: Credentials) -> Result<Credentials, NegotiateError> {
        Self::restart_ice(self, peer, remote)
    }

    fn remove(&mut self, peer: PeerId) {
        Self::remove(self, peer);
    }

    fn set_player_paused(&mut self, peer: PeerId, paused: bool) {
        Self::set_player_paused(self, peer, paused);
    }

    fn take_relay(&mut self, _: StreamKey, _: GroupKey) -> Result<(PeerId, RelayTerms), NegotiateError> {
        Err(NegotiateError::Busy)
    }

    fn send_relay(&mut self, _: StreamKey, _: GroupKey, _: &RelayTerms, _: u32) -> Result<(PeerId, SocketAddr), NegotiateError> {
        Err(NegotiateError::Busy)
    }

    fn set_relay_source(&mut self, _: PeerId, _: SocketAddr) {}

    fn set_loudest(&mut self, _: PeerId, _: u32) {}
}
