//! The port to whatever carries media.

use crate::forwarder::{Answer, Credentials, Forwarder, MediaRequest, NegotiateError, PeerId};

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
}
