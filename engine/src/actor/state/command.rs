//! What a decision leads to.

use std::time::Duration;

use express_messages::{
    ZegoError,
    audio_device::{
        MonitorCapture, MonitorLocalStream, RecordPlayout, SetMixingVolume, SetOutputDevice, SetPlayout, SetVoice, StopMixing,
    },
    ids::{LocalStreamId, StreamId, UserId},
    player::PlayerOptions,
    publisher::PublisherOptions,
    room::{RoomOptions, SessionFate, SetRoomExtraInfo},
    stats::{ListenerReport, QualityGrade, UplinkReport},
    types::ZegoDeviceInfos,
    voice::VoiceStatistics,
};

use super::Heard;
use crate::{
    actor::{ExactLook, Findings},
    events::ZegoEvent,
    reply::Completion,
    streams::{Feed, FrameTap, SourceSpec, ZegoMediaSource},
};

/// Names one started part, from its start to its exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LifeId(pub(crate) u64);

impl LifeId {
    /// No part ever has this name.
    pub(crate) const NOBODY: Self = Self(0);
}

/// Names one call that is answered later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CallId(pub(crate) u64);

/// Names one startPlayingStream, so that a handle of an earlier playback of the same stream does nothing to a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PlayId(pub(crate) u64);

/// What EngineActor has to do, in this order.
#[derive(Debug)]
pub(crate) enum Command {
    StartRoom {
        life: LifeId,
        options: RoomOptions,
    },
    Logout(LifeId),
    StopRoom(LifeId),
    RenewToken {
        life: LifeId,
        token: String,
    },
    SetRoomExtraInfo {
        room: LifeId,
        info: SetRoomExtraInfo,
        done: Completion<()>,
    },
    /// To everybody in the room.
    Broadcast {
        room: LifeId,
        message: String,
        done: Completion<u64>,
    },
    /// To everybody in the room; it may be lost.
    Barrage {
        room: LifeId,
        message: String,
        done: Completion<String>,
    },
    /// To some in the room.
    Custom {
        room: LifeId,
        command: String,
        to_users: Vec<UserId>,
        done: Completion<Vec<UserId>>,
    },
    ReportQuality {
        room: LifeId,
        up: QualityGrade,
        down: QualityGrade,
    },

    StartPublisher {
        life: LifeId,
        room: LifeId,
        options: PublisherOptions,
    },
    StopPublisher {
        life: LifeId,
        code: i32,
        message: String,
    },
    RestorePublisher {
        life: LifeId,
        session: SessionFate,
    },
    NotePublisherMuted {
        life: LifeId,
        muted: bool,
    },
    NoteListeners {
        life: LifeId,
        report: ListenerReport,
    },
    SetExtraInfo {
        life: LifeId,
        extra_info: String,
        done: Completion<()>,
    },

    StartPlayer {
        life: LifeId,
        room: LifeId,
        options: PlayerOptions,
    },
    StopPlayer {
        life: LifeId,
        code: i32,
        message: String,
    },
    RestorePlayer {
        life: LifeId,
        session: SessionFate,
    },
    StreamAppeared(LifeId),
    PlaybackEnded {
        life: LifeId,
        code: i32,
        message: String,
    },
    NoteUplink {
        life: LifeId,
        report: UplinkReport,
    },
    MutePlayback {
        life: LifeId,
        muted: bool,
        calls: Vec<CallId>,
    },

    StartDevice(LifeId),
    StopDevice,
    OpenLocal {
        id: LocalStreamId,
        /// `None`: it captures nothing yet.
        source: Option<SourceSpec>,
        channels: usize,
        mixing_delay_ms: u16,
    },
    ReplaceCapture {
        id: LocalStreamId,
        feed: Feed,
        call: Option<CallId>,
    },
    SendCaptured(LocalStreamId),
    StartMixing {
        id: LocalStreamId,
        media: ZegoMediaSource,
        percent: u16,
        call: Option<CallId>,
    },
    StopMixing(StopMixing),
    MixingVolume(SetMixingVolume),
    StopCapture(LocalStreamId),
    CloseLocal(LocalStreamId),
    CaptureVolume {
        id: LocalStreamId,
        percent: u16,
    },
    MuteLocal {
        id: LocalStreamId,
        muted: bool,
    },
    MuteMicrophone(bool),
    Monitor(MonitorLocalStream),
    MonitorCapture(MonitorCapture),
    SetPlayout(SetPlayout),
    ForgetPlayout(StreamId),
    ListDevices(Completion<ZegoDeviceInfos>),
    /// Which microphone that stream captures.
    CapturedDevice {
        id: LocalStreamId,
        done: Completion<Option<String>>,
    },
    WatchDevices(bool),
    AutoSwitch(bool),
    CaptureDevice {
        id: LocalStreamId,
        device_id: String,
        call: CallId,
    },
    TapCapture {
        id: LocalStreamId,
        tap: Box<FrameTap>,
        key: TapKey,
    },
    OutputDevice {
        set: SetOutputDevice,
        /// Whose choice it is, and the call to answer; `None` for a fresh part that is told of a former choice.
        chosen: Option<(Heard, CallId)>,
    },
    SetVoice(SetVoice),
    VoiceStatistics {
        id: LocalStreamId,
        done: Completion<Option<VoiceStatistics>>,
    },
    /// Look at what this system can do; with the second, at what takes longer, too.
    CheckSystem {
        exact: Option<ExactLook>,
        done: Completion<Findings>,
    },
    TapPlayout {
        stream_id: StreamId,
        tap: Box<FrameTap>,
        key: TapKey,
    },
    RecordPlayout {
        record: RecordPlayout,
        key: TapKey,
        done: Completion<()>,
    },
    /// `done` is answered when the tap, and with it its file, is closed.
    RemoveTap {
        key: TapKey,
        done: Option<Completion<()>>,
    },

    /// For the delegate of this number.
    ReadSoundLevels(u64),

    /// Report back to the state after this time.
    After(Duration, Timer),
    /// The part is gone: drop what is kept of it.
    Forget(LifeId),
    /// Everything has ended.
    Finish,
}

/// Names one reader, or one recording, of a stream's sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TapKey(pub(crate) u64);

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timer {
    /// A part was told to stop a second ago.
    StopUnanswered(LifeId),
    /// A mute call had to wait.
    MuteMicrophone,
    /// Likewise.
    MuteLocal(LocalStreamId),
    /// Likewise.
    MutePlayback(PlayId),
    /// The network's quality is to be told.
    NetworkQuality,
    /// The levels are to be told to the delegate of this number.
    SoundLevels(u64),
    /// The audio device part is to be started afresh.
    RestartDevice,
    /// The end waits no longer for publishers and players.
    EndStreams,
    /// The end waits no longer for anything.
    EndAll,
}

/// Everything that follows from one decision.
#[derive(Debug, Default)]
pub(crate) struct Step {
    pub(crate) events: Vec<ZegoEvent>,
    pub(crate) commands: Vec<Command>,
    pub(crate) answers: Vec<(CallId, Result<(), ZegoError>)>,
    /// The engine was destroyed: all calls without an answer get 1000001, and no event follows these.
    pub(crate) ended: bool,
}

impl Step {
    pub(crate) fn emit(&mut self, event: impl Into<ZegoEvent>) {
        self.events.push(event.into());
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.commands.push(command);
    }

    pub(crate) fn answer(&mut self, call: Option<CallId>, result: Result<(), ZegoError>) {
        if let Some(call) = call {
            self.answers.push((call, result));
        }
    }
}
