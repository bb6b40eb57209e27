//! Publications and playbacks without actors, clock and network, for tests that play whole worlds in virtual time. Feature
//! `chaos`, and no part of the API.

use express_messages::types::{PlayerState, PublisherState};

pub use crate::{player::pure::PurePlayback, publisher::pure::PurePublication};

/// What PublisherActor or PlayerActor would do now; the number is the try's.
#[derive(Debug, Clone, PartialEq)]
pub enum PureEffect {
    /// Tell the owner of a publisher.
    Publisher(PublisherState, i32, String),
    /// Tell the owner of a player.
    Player(PlayerState, i32, String),
    /// Tell the owner that the first answer was applied.
    Negotiated,
    /// Make a connection and its offer.
    Open(u32),
    /// Send the offer to the server.
    Exchange(u32, String),
    /// Give the answer to the connection.
    Apply(u32, String),
    /// Listen to the local stream, or be heard.
    Attach,
    /// Encode and send.
    Send,
    /// Ask the server to stop or resume the audio.
    Pause(u32, bool),
    /// Wait for a packet to be decoded.
    AwaitMedia(u32),
    /// Look at what was decoded.
    Poll(u32),
    /// Report the quality of this try's connection.
    Report(u32),
    /// Close the connection, and the one that is kept.
    Close,
    /// Keep the connection beside the next try, whose [`Self::Send`] or [`Self::Retire`] ends it.
    Keep,
    /// Close the connection of the try, not the one that is kept.
    Discard,
    /// Close the connection that is kept.
    Retire,
    /// Tell the server that the stream ends, or is played no more.
    Unregister,
    /// End the actor.
    End,
}
