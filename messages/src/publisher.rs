//! The publisher role: one published stream. Commands, events, link, peers and factory of PublisherActor.

use std::{pin::Pin, time::Duration};

use actix::{Message, Recipient};

use crate::{
    ZegoError,
    audio_device::{AttachSink, DetachSink},
    exceptions::PublishInterval,
    ids::{LocalStreamId, StreamId},
    role_link::role_link,
    room::{
        GetIceServers, MediaPorts, MuteStream, PublishStream, RequestError, SessionFate, SetStreamExtraInfo, UnpublishStream,
    },
    stats::{ListenerReport, ZegoPublishStats},
    timings::Timings,
    types::PublisherState,
};

/// How much sound one Opus frame, and with it one packet, holds (RFC 7587 §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum FrameLength {
    /// 10 ms: heard 10 ms sooner, at twice the packets and some 5 kbit/s of headers more.
    Ms10,
    /// 20 ms: what everybody sends.
    #[default]
    Ms20,
}

impl FrameLength {
    /// Samples per channel at 48 kHz.
    pub const fn samples(self) -> usize {
        match self {
            Self::Ms10 => 480,
            Self::Ms20 => 960,
        }
    }

    /// In seconds.
    pub const fn seconds(self) -> f64 {
        match self {
            Self::Ms10 => 0.01,
            Self::Ms20 => 0.02,
        }
    }
}

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
    /// How much sound a packet holds.
    pub frame: FrameLength,
}

impl Default for EncoderOptions {
    /// The documented default: mono at 48 kbit/s; DTX off; FEC on; 20 ms frames.
    fn default() -> Self {
        Self {
            bitrate_kbps: 48,
            channels: 1,
            dtx: false,
            fec: true,
            frame: FrameLength::Ms20,
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
    /// Whether the stream starts muted: for statistics and for the others in the room. The sound itself is silenced at the
    /// source.
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
    /// Tell the others whether the stream is muted.
    pub mute: Recipient<MuteStream>,
    /// Attach another text to the stream.
    pub extra_info: Recipient<SetStreamExtraInfo>,
    /// The STUN and TURN servers for the next connection.
    pub ice_servers: Recipient<GetIceServers>,
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

/// The signalling link is up again: a waiting retry is made at once, and where the session was not kept the stream is negotiated
/// anew. Sent by EngineActor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct PublisherLinkRestored {
    /// Whether the server kept the stream.
    pub session: SessionFate,
}

/// The local stream was muted or not: for statistics (`muteState`), and for the others in the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct NotePublisherMuted(pub bool);

/// How the stream arrives at its listeners, about once a second: for statistics (`listeners`). Sent by EngineActor.
#[derive(Debug, Clone, Copy, PartialEq, Message)]
#[rtype(result = "()")]
pub struct NoteListeners(pub ListenerReport);

/// Attaches another text to the stream (`setStreamExtraInfo`), 1 to 1,024 bytes. Once the server took it, the stream is
/// published again with it. The answer is the server's.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), RequestError>")]
pub struct SetPublisherExtraInfo(pub String);

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
    /// What the same interval says of the sound, right behind each `Quality`: for `exceptionUpdate`.
    Interval(PublishInterval),
    /// The actor is gone; always the last event.
    Exited {
        /// By a panic.
        panicked: bool,
    },
}

role_link!(
    /// How to command a publisher, whoever plays the role.
    PublisherLink {
        /// End the publication.
        stop: StopPublisher,
        /// The signalling link came back.
        link_restored: PublisherLinkRestored,
        /// Muted or not.
        note_muted: NotePublisherMuted,
        /// How the stream arrives at its listeners.
        note_listeners: NoteListeners,
        /// Attach another text.
        extra_info: SetPublisherExtraInfo,
    }
);

/// Which ways to a server's media are open, once that is known.
pub type MediaReach = Pin<Box<dyn Future<Output = MediaWays> + Send>>;

/// Which ways to a server's media are open; `None`: not known, or the server has no such way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaWays {
    /// Datagrams get there, and answers back.
    pub udp: Option<Result<(), ZegoError>>,
    /// TCP connections (RFC 6544).
    pub tcp: Option<Result<(), ZegoError>>,
}

/// Starts the publisher role. Runs on the engine's control thread, inside its actix system.
pub trait PublisherFactory: Send {
    /// Starts one publication; PUBLISH_REQUESTING is the first event.
    fn start(&self, options: PublisherOptions, events: Recipient<PublisherEvent>, peers: PublisherPeers) -> PublisherLink;

    /// Tries the codec on some milliseconds of sound, for `checkSystemRequirements`; takes a few milliseconds. `None`: a part that does
    /// not say otherwise cannot tell.
    fn self_test(&self) -> Option<Result<(), ZegoError>> {
        None
    }

    /// Tries whether datagrams and TCP connections get to where a server takes media, for `checkSystemRequirements`. It takes at
    /// most as long as `within`. A part that does not say otherwise cannot tell.
    fn reach_media(&self, ports: MediaPorts, within: Duration) -> MediaReach {
        let _ = (ports, within);
        Box::pin(std::future::ready(MediaWays::default()))
    }
}
