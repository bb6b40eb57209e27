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

    /// Changes what a player hears: the stream only while it is one of so many loudest of its group; 0: always. An unknown one is ignored.
    fn set_loudest(&mut self, peer: PeerId, loudest: u32);

    /// Takes a stream from another node: a publisher here, and the terms for the node that sends it.
    ///
    /// # Errors
    /// [`NegotiateError`]: there is no peer.
    fn take_relay(&mut self, stream: StreamKey, group: GroupKey) -> Result<(PeerId, RelayTerms), NegotiateError>;

    /// Sends a stream to another node by its terms: a player here, and where its packets come from. `loudest`: only while the stream is
    /// one of so many loudest of its group; 0: always.
    ///
    /// # Errors
    /// [`NegotiateError`]: there is no peer. After [`NegotiateError::Busy`] fresh terms may do.
    fn send_relay(
        &mut self,
        stream: StreamKey,
        group: GroupKey,
        terms: &RelayTerms,
        loudest: u32,
    ) -> Result<(PeerId, SocketAddr), NegotiateError>;

    /// Says where the packets of a stream that is taken from another node will come from. An unknown peer is ignored.
    fn set_relay_source(&mut self, peer: PeerId, source: SocketAddr);
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

    fn set_loudest(&mut self, peer: PeerId, loudest: u32) {
        Self::set_loudest(self, peer, loudest);
    }

    fn take_relay(&mut self, stream: StreamKey, group: GroupKey) -> Result<(PeerId, RelayTerms), NegotiateError> {
        Self::take_relay(self, stream, group)
    }

    fn send_relay(
        &mut self,
        stream: StreamKey,
        group: GroupKey,
        terms: &RelayTerms,
        loudest: u32,
    ) -> Result<(PeerId, SocketAddr), NegotiateError> {
        Self::send_relay(self, stream, group, terms, loudest)
    }

    fn set_relay_source(&mut self, peer: PeerId, source: SocketAddr) {
        Self::set_relay_source(self, peer, source);
    }
}
