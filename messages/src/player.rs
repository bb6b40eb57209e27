//! The player role: one played stream. Commands, events, link, peers and factory of PlayerActor.

use std::time::Duration;

use actix::{Actor, Addr, Handler, Message, Recipient, dev::ToEnvelope};

use crate::{
    audio_device::{AttachSource, DetachSource},
    exceptions::PlayInterval,
    ids::StreamId,
    room::{GetIceServers, PausePlayStream, PlayStream, RequestError, SessionFate, StopPlayStream},
    stats::{UplinkReport, ZegoPlayStats},
    timings::Timings,
    types::PlayerState,
};

/// Everything one playback needs; the fields were checked before.
#[derive(Debug, Clone)]
pub struct PlayerOptions {
    /// The stream.
    pub stream_id: StreamId,
    /// Least delay of the jitter buffer (`jitterBufferTarget`), 0 < t ≤ 4 s; `None`: adaptive alone.
    pub jitter_buffer_target: Option<Duration>,
    /// Smallest delay at the price of more concealment (`enableLowLatency`).
    pub low_latency: bool,
    /// To hear it only while it is one of so many loudest streams of its room; 0: always, `None`: as the room has it (`loudest`).
    pub loudest: Option<u32>,
    /// Budgets and intervals.
    pub timings: Timings,
}

/// What a player may ask of others.
#[derive(Debug, Clone)]
pub struct PlayerPeers {
    /// Exchange SDP with the server.
    pub play: Recipient<PlayStream>,
    /// Tell the server that the stream is played no more.
    pub stop_play: Recipient<StopPlayStream>,
    /// Stop or resume the audio at the server.
    pub pause_play: Recipient<PausePlayStream>,
    /// The STUN and TURN servers for the next connection.
    pub ice_servers: Recipient<GetIceServers>,
    /// Be heard.
    pub attach: Recipient<AttachSource>,
    /// Be heard no more.
    pub detach: Recipient<DetachSource>,
}

/// Ends the playback: the server is told, NO_PLAY with `code` is the last state, then the actor ends. Sent by EngineActor.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct StopPlayer {
    /// Code of the NO_PLAY event.
    pub code: i32,
    /// Its extendedData.
    pub message: String,
}

/// The signalling link is up again: a waiting retry is made at once, and where the session was not kept the stream is negotiated
/// anew. Sent by EngineActor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct PlayerLinkRestored {
    /// Whether the server kept the playback.
    pub session: SessionFate,
}

/// The stream appeared in the room: a waiting retry is made at once. Sent by EngineActor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct StreamAppeared;

/// The server ended the playback. Sent by EngineActor.
///
/// 1004020 (the publisher vanished) is retried: PLAY_REQUESTING until the stream is back or the budget ends with 1104039.
/// So are 1104027 and 1104028 (the server lost the media connection). Any other code is final.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct PlaybackEnded {
    /// The documented code.
    pub code: i32,
    /// The server's text.
    pub message: String,
}

/// Stops or resumes the audio of this playback at the server (`mutePlayStreamAudio`); restored after each reconnect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), RequestError>")]
pub struct MutePlayback(pub bool);

/// How the stream arrives at the server, when that changes: for statistics over the whole way (`peerToPeerDelay`,
/// `peerToPeerPacketLostRate`). Sent by EngineActor.
#[derive(Debug, Clone, Copy, PartialEq, Message)]
#[rtype(result = "()")]
pub struct NoteUplink(pub UplinkReport);

/// What a player tells its owner.
#[derive(Debug, Clone, PartialEq, Message)]
#[rtype(result = "()")]
#[non_exhaustive]
pub enum PlayerEvent {
    /// The documented `playerStateUpdate`; PLAY_REQUESTING with code 0 comes first, NO_PLAY last.
    StateChanged {
        /// The state.
        state: PlayerState,
        /// 0 or why.
        code: i32,
        /// Text, often empty.
        extended_data: String,
    },
    /// The server's answer was applied for the first time: startPlayingStream completes.
    Negotiated,
    /// The documented `playQualityUpdate`, every 3 s while PLAYING.
    Quality(Box<ZegoPlayStats>),
    /// What the same interval says of the sound, right behind each `Quality`: for `exceptionUpdate`.
    Interval(PlayInterval),
    /// The actor is gone; always the last event.
    Exited {
        /// By a panic.
        panicked: bool,
    },
}

/// How to command a player, whoever plays the role.
#[derive(Debug, Clone)]
pub struct PlayerLink {
    /// End the playback.
    pub stop: Recipient<StopPlayer>,
    /// The signalling link came back.
    pub link_restored: Recipient<PlayerLinkRestored>,
    /// The stream appeared.
    pub appeared: Recipient<StreamAppeared>,
    /// The server ended the playback.
    pub ended: Recipient<PlaybackEnded>,
    /// Stop or resume the audio at the server.
    pub mute: Recipient<MutePlayback>,
    /// How the stream arrives at the server.
    pub note_uplink: Recipient<NoteUplink>,
}

impl<A> From<Addr<A>> for PlayerLink
where
    A: Actor
        + Handler<StopPlayer>
        + Handler<PlayerLinkRestored>
        + Handler<StreamAppeared>
        + Handler<PlaybackEnded>
        + Handler<MutePlayback>
        + Handler<NoteUplink>,
    A::Context: ToEnvelope<A, StopPlayer>
        + ToEnvelope<A, PlayerLinkRestored>
        + ToEnvelope<A, StreamAppeared>
        + ToEnvelope<A, PlaybackEnded>
        + ToEnvelope<A, MutePlayback>
        + ToEnvelope<A, NoteUplink>,
{
    fn from(addr: Addr<A>) -> Self {
        Self {
            stop: addr.clone().recipient(),
            link_restored: addr.clone().recipient(),
            appeared: addr.clone().recipient(),
            ended: addr.clone().recipient(),
            mute: addr.clone().recipient(),
            note_uplink: addr.recipient(),
        }
    }
}

/// Starts the player role. Runs on the engine's control thread, inside its actix system.
pub trait PlayerFactory: Send {
    /// Starts one playback; PLAY_REQUESTING is the first event.
    fn start(&self, options: PlayerOptions, events: Recipient<PlayerEvent>, peers: PlayerPeers) -> PlayerLink;
}
