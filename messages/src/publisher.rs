//! The publisher role: one published stream. Commands, events, link, peers and factory of PublisherActor.

use actix::{Actor, Addr, Handler, Message, Recipient, dev::ToEnvelope};

use crate::{
    audio_device::{AttachSink, DetachSink},
    ids::{LocalStreamId, StreamId},
    room::{PublishStream, UnpublishStream},
    stats::ZegoPublishStats,
    timings::Timings,
    types::PublisherState,
};

/// How a stream is encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncoderOptions {
    /// Target bitrate in kbit/s, 6..=510.
    pub bitrate_kbps: u32,
    /// 1 or 2.
    pub channels: usize,
    /// Discontinuous transmission: silence costs next to nothing.
    pub dtx: bool,
    /// In-band forward error correction (Opus LBRR).
    pub fec: bool,
}

impl Default for EncoderOptions {
    /// The documented default: mono at 48 kbit/s; DTX off; FEC on.
    fn default() -> Self {
        Self {
            bitrate_kbps: 48,
            channels: 1,
            dtx: false,
            fec: true,
        }
    }
}

/// Everything one publication needs; the fields were checked before.
#[derive(Debug, Clone)]
pub struct PublisherOptions {
    /// The stream.
    pub stream_id: StreamId,
    /// The local stream whose sound is published.
    pub local_stream: LocalStreamId,
    /// Encoding.
    pub encoder: EncoderOptions,
    /// What to attach to the stream, at most 1,024 bytes.
    pub extra_info: String,
    /// Whether the stream starts muted (only for statistics: the sound itself is silenced at the source).
    pub muted: bool,
    /// Budgets and intervals.
    pub timings: Timings,
}

/// What a publisher may ask of others.
#[derive(Debug, Clone)]
pub struct PublisherPeers {
    /// Exchange SDP with the server.
    pub publish: Recipient<PublishStream>,
    /// Tell the server that the stream ends.
    pub unpublish: Recipient<UnpublishStream>,
    /// Hear a local stream.
    pub attach: Recipient<AttachSink>,
    /// Hear it no more.
    pub detach: Recipient<DetachSink>,
}

/// Ends the publication: the server is told, NO_PUBLISH with `code` is the last state, then the actor ends.
///
/// Sent by EngineActor: code 0 for stopPublishingStream and for leaving the room, else the code that ended the stream.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct StopPublisher {
    /// Code of the NO_PUBLISH event.
    pub code: i32,
    /// Its extendedData.
    pub message: String,
}

/// The signalling link is up again. Sent by EngineActor. With `resumed` a waiting retry is made at once; without it the
/// server has forgotten the stream, and it is negotiated anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct PublisherLinkRestored {
    /// Whether the server kept the stream.
    pub resumed: bool,
}

/// The local stream was muted or not; for statistics (`muteState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct NotePublisherMuted(pub bool);

/// What a publisher tells its owner.
#[derive(Debug, Clone, PartialEq, Message)]
#[rtype(result = "()")]
#[non_exhaustive]
pub enum PublisherEvent {
    /// The documented `publisherStateUpdate`; PUBLISH_REQUESTING with code 0 comes first, NO_PUBLISH last.
    StateChanged {
        /// The state.
        state: PublisherState,
        /// 0 or why.
        code: i32,
        /// Text, often empty.
        extended_data: String,
    },
    /// The documented `publishQualityUpdate`, every 3 s while PUBLISHING.
    Quality(ZegoPublishStats),
    /// The actor is gone; always the last event.
    Exited {
        /// By a panic.
        panicked: bool,
    },
}

/// How to command a publisher, whoever plays the role.
#[derive(Debug, Clone)]
pub struct PublisherLink {
    /// End the publication.
    pub stop: Recipient<StopPublisher>,
    /// The signalling link came back.
    pub link_restored: Recipient<PublisherLinkRestored>,
    /// Muted or not.
    pub note_muted: Recipient<NotePublisherMuted>,
}

impl<A> From<Addr<A>> for PublisherLink
where
    A: Actor + Handler<StopPublisher> + Handler<PublisherLinkRestored> + Handler<NotePublisherMuted>,
    A::Context: ToEnvelope<A, StopPublisher> + ToEnvelope<A, PublisherLinkRestored> + ToEnvelope<A, NotePublisherMuted>,
{
    fn from(addr: Addr<A>) -> Self {
        Self {
            stop: addr.clone().recipient(),
            link_restored: addr.clone().recipient(),
            note_muted: addr.recipient(),
        }
    }
}

/// Starts the publisher role. Runs on the engine's control thread, inside its actix system.
pub trait PublisherFactory: Send {
    /// Starts one publication; PUBLISH_REQUESTING is the first event.
    fn start(&self, options: PublisherOptions, events: Recipient<PublisherEvent>, peers: PublisherPeers) -> PublisherLink;
}
