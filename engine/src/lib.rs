//! The engine of Express Audio: the documented API of the ZEGO Express Audio SDK, for desktop apps, games, bots and AI voice
//! agents. Independent, speaks the documented API, not affiliated with ZEGO.
//!
//! A whole call:
//!
#![cfg_attr(feature = "default-parts", doc = "```no_run")]
#![cfg_attr(not(feature = "default-parts"), doc = "```text")]
//! use express_engine::{
//!     RoomStateChanged, RoomStreamUpdate, ZegoExpressEngine, ZegoRoomConfig, ZegoStreamOptions, ZegoUser,
//! };
//!
//! # async fn call(app_id: u32, server: &str, room_id: &str, token: &str) -> Result<(), express_engine::ZegoError> {
//! let zg = ZegoExpressEngine::new(app_id, server)?;
//!
//! // One struct for each documented event; `on` returns a handle for `off`.
//! zg.on(|e: &RoomStateChanged| println!("{}: {} {}", e.room_id, e.reason, e.error_code));
//! // An async callback may await engine calls.
//! zg.on_async(|e: RoomStreamUpdate| async move { println!("{} {:?}", e.update_type, e.stream_list) });
//!
//! let report = zg.check_system_requirements().await?;
//! println!("microphone: {}", report.microphone);
//!
//! let user = ZegoUser::new("alice", "Alice")?;
//! zg.login_room(room_id, token, user, ZegoRoomConfig { user_update: true, ..Default::default() }).await?;
//!
//! let local = zg.create_zego_stream(ZegoStreamOptions::microphone()).await?;
//! local.play_audio();
//! zg.start_publishing_stream("alice-1", &local, Default::default())?;
//!
//! let remote = zg.start_playing_stream("bob-1", Default::default()).await?;
//! remote.play_audio(); // or remote.frames(): PCM for a bot
//!
//! zg.stop_publishing_stream("alice-1")?;
//! zg.destroy_stream(local)?;
//! zg.stop_playing_stream("bob-1")?;
//! zg.logout_room(room_id)?;
//! zg.destroy_engine();
//! # Ok(())
//! # }
//! ```
//!
//! # Where to start
//!
//! | look for | in |
//! |---|---|
//! | every call | [`ZegoExpressEngine`] |
//! | every event | [`ZegoEvent`], and [`on`](ZegoExpressEngine::on), [`on_async`](ZegoExpressEngine::on_async), [`events`](ZegoExpressEngine::events) |
//! | microphone, file, tone, PCM of a bot | [`ZegoStreamOptions`], [`ZegoPcmWriter`] |
//! | PCM of a played stream | [`ZegoRemoteStream::frames`], [`ZegoFrames`] |
//! | PCM of any stream at another rate | [`set_audio_frame_callback`](ZegoExpressEngine::set_audio_frame_callback), [`set_capture_audio_frame_callback`](ZegoExpressEngine::set_capture_audio_frame_callback) |
//! | error codes by name | [`codes`] |
//! | another part, other budgets | [`ZegoExpressEngine::builder`], [`EngineBuilder`] |
//! | whole engines in virtual time | [`EngineBuilder::build_on_current_arbiter`] |
//!
//! # How it runs
//!
//! Calls are decided at once, on the caller's thread; what follows is done on threads of the engine's own (`zego-control`,
//! `zego-media`, `zego-events`, `zego-pump`), so it works from plain threads, tokio or any other executor, and several engines
//! live in one process. A call that the document calls a Promise returns a [`Reply`], which can be awaited or waited for. An
//! event that a call causes is queued before its reply completes.
//!
//! # Features
//!
//! - `default-parts` (on): the parts of this project, and `ZegoExpressEngine::new`. Without it the builder takes a stranger for
//!   each role, and none of the media stack is compiled.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod actor;
mod api;
mod builder;
mod counters;
mod events;
mod options;
mod park;
#[cfg(feature = "chaos")]
#[doc(hidden)]
pub mod pure;
mod replies;
mod reply;
mod runtime;
mod server_address;
mod shared;
mod streams;
#[cfg(test)]
mod testing;

pub use api::{RequirementKind, WeakEngine, ZegoCapabilityDetection, ZegoCodecSupport, ZegoExpressEngine};
pub use builder::EngineBuilder;
pub use counters::EngineCounters;
pub use events::{
    AudioDeviceStateChanged, CapturedSoundLevelInfoUpdate, CapturedSoundLevelUpdate, DeviceError, EventKind, EventType,
    ExceptionUpdate, ImRecvBarrageMessage, ImRecvBroadcastMessage, ImRecvCustomCommand, Lagged, ListenerId, LocalSourceEnded,
    MixingAudioEnded, NetworkQuality, PlayQualityUpdate, PlayerStateUpdate, PublishQualityUpdate, PublisherStateUpdate,
    RecvTimeout, RemoteMicStatusUpdate, RoomExtraInfoUpdate, RoomOnlineUserCountUpdate, RoomStateChanged, RoomStateUpdate,
    RoomStreamUpdate, RoomUserUpdate, SoundLevelInfoUpdate, SoundLevelUpdate, StreamExtraInfoUpdate, TokenWillExpire, ZegoEvent,
    ZegoEvents, ZegoSoundLevelInfo, ZegoSoundLevelVadInfo,
};
pub use express_messages::{
    ZegoError,
    audio::{AudioBlock, BLOCK_FRAMES, PlayoutSource, SAMPLE_RATE},
    audio_device::MediaId,
    codes,
    exceptions::StreamException,
    ids::{LocalStreamId, RoomId, StreamId, UserId},
    stats::{
        ListenerReport, QualityGrade, RecoveredFrames, ZegoPlayAudioStats, ZegoPlayStats, ZegoPublishAudioStats, ZegoPublishStats,
    },
    timings::{Backoff, Timings},
    types::{
        PlayerState, PublisherState, RemoteMicStatus, RoomState, RoomStateChangedReason, SoundLevelType, StreamDeleteReason,
        ZegoAudioDeviceType, ZegoBarrageMessageInfo, ZegoBroadcastMessageInfo, ZegoDeviceInfo, ZegoDeviceInfos,
        ZegoRoomExtraInfo, ZegoScenario, ZegoStream, ZegoUpdateType, ZegoUser,
    },
    voice::{AiDenoiseMode, BlockLevel, VoiceStatistics},
};
pub use options::{
    CustomSource, LoginUser, ZegoEngineConfig, ZegoMicrophoneOptions, ZegoPlayOptions, ZegoPublishOptions, ZegoRoomConfig,
    ZegoSoundLevelConfig, ZegoStreamOptions, ZegoStreamSource, ZegoStreamUpdateType, ZegoVoiceOptions,
};
pub use replies::{SentBarrageMessage, SentCommand, SentMessage};
pub use reply::Reply;
pub use server_address::ServerAddresses;
pub use streams::{
    ZegoAudioFrame, ZegoAudioFrameCallback, ZegoAudioFrameOptions, ZegoAudioSamples, ZegoFrames, ZegoHeardStream,
    ZegoLocalStream, ZegoMediaSource, ZegoPcmWriter, ZegoRecording, ZegoRemoteStream,
};
