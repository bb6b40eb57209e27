//! Played streams.
//!
//! ```text
//!            startPlayingStream        first packet decoded
//!   NO_PLAY ───────────────────► PLAY_REQUESTING ◄──────────────► PLAYING
//!      ▲                               │      publisher vanished     │
//!      └───────────────────────────────┴─────────────────────────────┘
//!        stopPlayingStream (0), room ended, refused, retry time over
//! ```
//!
//! A playback is accepted while a login still runs; its part starts with LOGINED. The call is answered when the server's
//! answer was applied, or rejected with the code of the NO_PLAY that came first.

mod parts;

use std::time::Instant;

use express_messages::{
    ZegoError,
    audio_device::SetPlayout,
    codes,
    exceptions::{PlayExceptions, PlayInterval},
    ids::{RoomId, StreamId},
    player::{PlayerEvent, PlayerOptions},
    stats::ZegoPlayStats,
    types::PlayerState as State,
};

use super::{
    CallId, Command, EngineState, LifeId, PlayId, Step, frames::FrameFeed, life::Slot, mute_play::PlayMute, network::Report,
};
use crate::{
    actor::supervise::{RestartLog, Role, Verdict},
    events::{ExceptionUpdate, PlayQualityUpdate, PlayerStateUpdate},
    options::ZegoPlayOptions,
};

/// One `startPlayingStream`, until NO_PLAY.
#[derive(Debug)]
pub(super) struct Playback {
    id: PlayId,
    options: PlayerOptions,
    /// The room that it is played through; `None`: whichever is logged in to first.
    room: Option<RoomId>,
    /// `None` until the login is done and the predecessor is gone.
    life: Option<LifeId>,
    /// The startPlayingStream that waits for its answer.
    call: Option<CallId>,
    /// What the application was told last.
    told: (State, i32),
    quality: Option<ZegoPlayStats>,
    exceptions: PlayExceptions,
    restarts: RestartLog,
    pub(super) mute: PlayMute,
    /// Its publisher, who is in another room, muted it.
    foreign_muted: bool,
    pub(super) grade: Report,
    audible: bool,
    percent: u16,
    /// The speaker that its user chose.
    pub(super) output: Option<String>,
    pub(super) frames: FrameFeed,
}

impl Playback {
    pub(super) fn stream_id(&self) -> &StreamId {
        &self.options.stream_id
    }

    pub(super) fn room(&self) -> Option<&RoomId> {
        self.room.as_ref()
    }

    pub(super) fn go_through(&mut self, room_id: RoomId) {
        self.room = Some(room_id);
    }

    pub(super) fn id(&self) -> PlayId {
        self.id
    }

    pub(super) fn life(&self) -> Option<LifeId> {
        self.life
    }

    /// Its publisher, in another room, muted or opened it; whether that is news.
    pub(super) fn note_foreign_mute(&mut self, muted: bool) -> bool {
        std::mem::replace(&mut self.foreign_muted, muted) != muted
    }

    /// Tells a new state, unless it is the one that was told last.
    fn tell(&mut self, state: State, code: i32, extended_data: &str, out: &mut Step) {
        if self.told != (state, code) {
            self.told = (state, code);
            out.emit(state_update(self.stream_id(), state, code, extended_data));
        }
    }

    pub(super) fn playout(&self) -> Command {
        Command::SetPlayout(SetPlayout {
            stream_id: self.stream_id().clone(),
            audible: self.audible,
            percent: self.percent,
        })
    }
}

impl EngineState {
    /// `startPlayingStream`.
    pub(crate) fn start_playing(
        &mut self,
        stream_id: &str,
        options: &ZegoPlayOptions,
        call: CallId,
        out: &mut Step,
    ) -> Result<PlayId, ZegoError> {
        self.alive()?;
        let stream_id = StreamId::new(stream_id)?;
        options.check()?;
        self.device_works()?;
        if self.playbacks.len() >= self.settings.max_channels {
            let text = format!("{} streams are played already, which is the limit", self.playbacks.len());
            return Err(ZegoError::new(codes::PLAYER_STREAM_OUT_LIMIT, text));
        }
        let room = self.room_to_play(options.room_id.as_deref(), &stream_id)?;
        if self.playback(&stream_id).is_some() {
            return Err(ZegoError::new(
                codes::REPEATED_PULL,
                format!("stream {stream_id} is being played already"),
            ));
        }
        let id = PlayId(self.fresh());
        let mut playback = Playback {
            id,
            options: PlayerOptions {
                stream_id,
                jitter_buffer_target: options.target(),
                low_latency: options.enable_low_latency,
                loudest: options.loudest,
                timings: self.settings.play_timings(),
            },
            room,
            life: None,
            call: Some(call),
            told: (State::NoPlay, 0),
            quality: None,
            exceptions: PlayExceptions::default(),
            restarts: RestartLog::default(),
            mute: PlayMute::new(self.all_muted),
            foreign_muted: false,
            grade: Report::default(),
            audible: false,
            percent: 100,
            output: None,
            frames: FrameFeed::default(),
        };
        playback.tell(State::PlayRequesting, 0, "", out);
        self.playbacks.push(playback);
        self.watch_network(out);
        self.start_streams(out);
        Ok(id)
    }

    /// `stopPlayingStream`; a stream that is not played is no error, as documented.
    pub(crate) fn stop_playing(&mut self, stream_id: &str, out: &mut Step) -> Result<(), ZegoError> {
        self.alive()?;
        let stream_id = StreamId::new(stream_id)?;
        self.end_playback(&stream_id, 0, String::new(), out);
        Ok(())
    }

    /// `getPlayingStreamQuality`: the last report.
    pub(crate) fn play_quality(&self, stream_id: &str) -> Option<ZegoPlayStats> {
        let playback = self.playbacks.iter().find(|p| *p.stream_id() == *stream_id)?;
        playback.quality.clone()
    }

    /// Changes how a played stream is heard. `false`: that playback is over.
    pub(crate) fn set_playout(&mut self, id: PlayId, audible: Option<bool>, percent: Option<u16>, out: &mut Step) -> bool {
        let Some(playback) = self.playbacks.iter_mut().find(|p| p.id == id) else {
            return false;
        };
        playback.audible = audible.unwrap_or(playback.audible);
        playback.percent = percent.unwrap_or(playback.percent);
        out.command(playback.playout());
        true
    }

    /// Whether the publisher of a played stream muted it.
    pub(super) fn is_remote_muted(&self, playback: &Playback) -> bool {
        let stream_id = playback.stream_id();
        let seen = self
            .rooms
            .listing(stream_id)
            .and_then(|room| room.streams.is_muted(stream_id));
        seen.unwrap_or(playback.foreign_muted)
    }

    /// Whether that playback still runs.
    pub(crate) fn is_playing(&self, id: PlayId) -> bool {
        self.playbacks.iter().any(|p| p.id == id)
    }

    /// Ends one playback with `code`; its part still has to tell the server.
    pub(super) fn end_playback(&mut self, stream_id: &StreamId, code: i32, message: String, out: &mut Step) {
        if let Some(life) = self.remove_playback(stream_id, code, &message, out) {
            out.command(Command::StopPlayer { life, code, message });
            self.retire(life, Slot::Player(stream_id.clone()), out);
        }
    }

    /// Takes a playback away and tells so; answers its part.
    fn remove_playback(&mut self, stream_id: &StreamId, code: i32, message: &str, out: &mut Step) -> Option<LifeId> {
        let index = self.playbacks.iter().position(|p| p.stream_id() == stream_id)?;
        let mut playback = self.playbacks.remove(index);
        out.emit(state_update(stream_id, State::NoPlay, code, message));
        out.command(Command::ForgetPlayout(stream_id.clone()));
        out.answer(playback.call, Err(play_error(code, message)));
        for call in playback.mute.take_calls() {
            let text = "the playback ended first";
            out.answer(Some(call), Err(ZegoError::new(codes::PLAYER_STREAM_NOT_PLAYING, text)));
        }
        playback.life
    }

    pub(super) fn end_all_playbacks(&mut self, code: i32, message: &str, out: &mut Step) {
        let stream_ids: Vec<_> = self.playbacks.iter().map(|p| p.stream_id().clone()).collect();
        for stream_id in stream_ids {
            self.end_playback(&stream_id, code, message.into(), out);
        }
    }

    /// What a player reported.
    pub(crate) fn on_player_event(&mut self, life: LifeId, event: PlayerEvent, now: Instant, out: &mut Step) {
        let Some(playback) = self.playbacks.iter_mut().find(|p| p.life == Some(life)) else {
            if matches!(event, PlayerEvent::Exited { .. }) {
                self.on_expected_exit(life, out);
            }
            return;
        };
        let stream_id = playback.stream_id().clone();
        match event {
            PlayerEvent::StateChanged {
                state: State::NoPlay,
                code,
                extended_data,
            } => {
                // It ends without being told to.
                if let Some(life) = self.remove_playback(&stream_id, code, &extended_data, out) {
                    self.retire(life, Slot::Player(stream_id), out);
                }
            }
            // The part of another room begins: that the stream is requested is told.
            PlayerEvent::StateChanged {
                state: State::PlayRequesting,
                code: codes::SUCCESS,
                ..
            } if playback.told == (State::PlayRequesting, codes::PLAYER_STREAM_INTERRUPTED) => {}
            PlayerEvent::StateChanged {
                state,
                code,
                extended_data,
            } => playback.tell(state, code, &extended_data, out),
            PlayerEvent::Negotiated => out.answer(playback.call.take(), Ok(())),
            PlayerEvent::Quality(stats) => {
                let stats = *stats;
                playback.grade.note(stats.audio.audio_quality);
                playback.quality = Some(stats.clone());
                out.emit(PlayQualityUpdate { stream_id, stats });
            }
            PlayerEvent::Interval(interval) => self.on_play_interval(&stream_id, interval, out),
            PlayerEvent::Exited { panicked } => self.on_player_lost(&stream_id, life, panicked, now, out),
            other => tracing::warn!(?other, "a player event that this engine does not know"),
        }
    }

    /// What its publisher muted may be silent, and the player does not know of that.
    fn on_play_interval(&mut self, stream_id: &StreamId, interval: PlayInterval, out: &mut Step) {
        let is_muted = |p: &Playback| p.stream_id() == stream_id && self.is_remote_muted(p);
        let publisher_muted = self.playbacks.iter().any(is_muted);
        let Some(playback) = self.playback(stream_id) else { return };
        let interval = PlayInterval {
            publisher_muted,
            ..interval
        };
        for exception in playback.exceptions.judge(&interval) {
            let stream_id = stream_id.clone();
            out.emit(ExceptionUpdate { stream_id, exception });
        }
    }

    /// A player is gone without a last word.
    fn on_player_lost(&mut self, stream_id: &StreamId, life: LifeId, panicked: bool, now: Instant, out: &mut Step) {
        out.command(Command::Forget(life));
        let Some(playback) = self.playback(stream_id) else { return };
        playback.life = None;
        tracing::error!(%stream_id, panicked, "a player ended by itself");
        match playback.restarts.judge(Role::Player, panicked, now) {
            Verdict::Restart(_) => {
                let text = "the player failed and is started afresh";
                playback.tell(State::PlayRequesting, codes::PLAYER_INTERNAL_EXCEPTION, text, out);
                self.restarts = self.restarts.saturating_add(1);
                self.start_streams(out);
            }
            Verdict::GiveUp => {
                let text = "the player of the engine failed".into();
                self.end_playback(stream_id, codes::PLAYER_INTERNAL_EXCEPTION, text, out);
            }
        }
    }
}

/// What a pending startPlayingStream is rejected with; a stop by the user is an error to its caller, though the event says 0.
fn play_error(code: i32, message: &str) -> ZegoError {
    match code {
        0 => ZegoError::new(codes::CANCEL_PLAY, "the stream was stopped before it played"),
        code => ZegoError::new(code, message),
    }
}

fn state_update(stream_id: &StreamId, state: State, error_code: i32, extended_data: &str) -> PlayerStateUpdate {
    PlayerStateUpdate {
        stream_id: stream_id.clone(),
        state,
        error_code,
        extended_data: extended_data.into(),
    }
}
