//! The audio device part: always there, started afresh when it fails.

use std::time::Instant;

use express_messages::{
    ZegoError,
    audio_device::{AudioDeviceEvent, HeardStream},
    codes,
    ids::{LocalStreamId, RoomId},
    room::SessionFate,
};

use super::{CallId, Command, EngineState, LifeId, Step, TapKey, Timer, output};
use crate::{
    actor::supervise::{RestartLog, Role, Verdict},
    events::{AudioDeviceStateChanged, DeviceError},
};

/// The audio device part and its history.
#[derive(Debug, Default)]
pub(super) struct Device {
    phase: Phase,
    restarts: RestartLog,
    /// Somebody wants to hear of devices that come and go.
    watched: bool,
    /// A stream whose chosen microphone is gone takes the default one.
    auto_switch: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    /// Gone; a timer runs to start it afresh.
    #[default]
    Restarting,
    Running(LifeId),
    /// Failed too often.
    Failed,
}

impl EngineState {
    pub(super) fn start_device(&mut self, out: &mut Step) {
        let life = self.new_life();
        self.device.phase = Phase::Running(life);
        out.command(Command::StartDevice(life));
        if self.device.watched {
            out.command(Command::WatchDevices(true));
        }
        if self.device.auto_switch {
            out.command(Command::AutoSwitch(true));
        }
    }

    /// `enableAutoSwitchDevice`.
    pub(crate) fn enable_auto_switch(&mut self, wanted: bool, out: &mut Step) -> Result<(), ZegoError> {
        self.alive()?;
        self.device.auto_switch = wanted;
        out.command(Command::AutoSwitch(wanted));
        Ok(())
    }

    /// `useAudioDevice`. The answer comes when the other microphone is open.
    pub(crate) fn use_audio_device(
        &self,
        id: Option<LocalStreamId>,
        device_id: String,
        call: CallId,
        out: &mut Step,
    ) -> Result<(), ZegoError> {
        self.alive()?;
        let Some(id) = id.filter(|id| self.has_local(*id)) else {
            let text = "that local stream is not of this engine, or was destroyed; use create_zego_stream";
            return Err(ZegoError::new(codes::PUBLISH_NO_PREVIEW, text));
        };
        if !self.is_microphone(id) {
            let text = "that local stream captures no microphone, so it cannot have another";
            return Err(ZegoError::new(codes::PUBLISHER_NO_AUDIO, text));
        }
        self.device_works()?;
        out.command(Command::CaptureDevice { id, device_id, call });
        Ok(())
    }

    /// The audio device part answered `useAudioDevice`.
    pub(crate) fn on_capture_device(
        &mut self,
        id: LocalStreamId,
        device_id: String,
        call: CallId,
        result: Result<(), ZegoError>,
        out: &mut Step,
    ) {
        if result.is_ok() {
            self.note_device(id, device_id);
        }
        out.answer(Some(call), result);
    }

    /// Whether devices are watched even while none is open.
    pub(crate) fn watches_devices(&self) -> bool {
        self.device.watched
    }

    /// Watches devices while none is open, or no longer.
    pub(crate) fn watch_devices(&mut self, watched: bool, out: &mut Step) {
        if self.alive().is_ok() && std::mem::replace(&mut self.device.watched, watched) != watched {
            out.command(Command::WatchDevices(watched));
        }
    }

    pub(super) fn device_runs(&self) -> bool {
        matches!(self.device.phase, Phase::Running(_))
    }

    pub(super) fn device_is(&self, life: LifeId) -> bool {
        self.device.phase == Phase::Running(life)
    }

    /// # Errors
    /// 1006001 once it failed too often.
    pub(crate) fn device_works(&self) -> Result<(), ZegoError> {
        match self.device.phase {
            Phase::Failed => Err(device_failed()),
            Phase::Running(_) | Phase::Restarting => Ok(()),
        }
    }

    /// What the audio device part reported.
    pub(crate) fn on_device_event(&mut self, life: LifeId, event: AudioDeviceEvent, now: Instant, out: &mut Step) {
        if self.alive().is_err() || !self.device_is(life) {
            if matches!(event, AudioDeviceEvent::Exited { .. }) {
                if self.device_is(life) {
                    self.device.phase = Phase::Failed;
                }
                self.on_expected_exit(life, out);
            }
            return;
        }
        match event {
            AudioDeviceEvent::DeviceError { code, device_name } => out.emit(DeviceError {
                error_code: code,
                device_name,
            }),
            AudioDeviceEvent::DeviceChanged {
                update_type,
                device_type,
                info,
            } => out.emit(AudioDeviceStateChanged {
                update_type,
                device_type,
                device_info: info,
            }),
            AudioDeviceEvent::SourceEnded(id) => self.on_source_ended(id, out),
            AudioDeviceEvent::MixingEnded(id, media) => self.on_mixing_ended(id, media, out),
            AudioDeviceEvent::Exited { panicked } => self.on_device_lost(life, panicked, now, out),
            other => tracing::warn!(?other, "an audio device event that this engine does not know"),
        }
    }

    /// The audio device part is gone, and with it every source and sink: streams start afresh with the next one.
    fn on_device_lost(&mut self, life: LifeId, panicked: bool, now: Instant, out: &mut Step) {
        tracing::error!(panicked, "the audio device part ended by itself");
        out.command(Command::Forget(life));
        out.emit(DeviceError {
            error_code: codes::DEVICE_GENERIC,
            device_name: String::new(),
        });
        match self.device.restarts.judge(Role::AudioDevice, panicked, now) {
            Verdict::Restart(after) => {
                self.restarts = self.restarts.saturating_add(1);
                self.device.phase = Phase::Restarting;
                self.unseat_publishers(out);
                self.unseat_players(out);
                out.command(Command::After(after, Timer::RestartDevice));
            }
            Verdict::GiveUp => {
                self.device.phase = Phase::Failed;
                let error = device_failed();
                self.end_all_publications(codes::PUBLISHER_INNER_ERROR, &error.message, out);
                self.end_all_playbacks(codes::PLAYER_INTERNAL_EXCEPTION, &error.message, out);
                self.lose_locals(&error, out);
            }
        }
    }

    pub(super) fn on_restart_device_due(&mut self, out: &mut Step) {
        if self.device.phase != Phase::Restarting || self.alive().is_err() {
            return;
        }
        self.start_device(out);
        self.reopen_locals(out);
        self.restore_playout(out);
        self.start_streams(out);
    }

    /// Lets a fresh audio device part play and copy what the former did.
    fn restore_playout(&mut self, out: &mut Step) {
        for playback in &mut self.playbacks {
            let stream_id = playback.stream_id().clone();
            output::restore(HeardStream::Played(stream_id.clone()), playback.output.as_ref(), out);
            out.command(playback.playout());
            self.next_id += 1;
            playback.frames.tap_played(stream_id, TapKey(self.next_id), out);
        }
    }

    /// Ends the audio device part when the engine ends.
    pub(super) fn drop_device(&mut self, out: &mut Step) {
        let phase = std::mem::replace(&mut self.device.phase, Phase::Failed);
        if let Phase::Running(life) = phase {
            out.command(Command::StopDevice);
            self.retire(life, super::life::Slot::Device, out);
        }
    }

    /// Starts each publication and playback that waits, once there is a room to negotiate in and a device part to sound in.
    pub(super) fn start_streams(&mut self, out: &mut Step) {
        if self.device_runs() {
            self.start_publishers(out);
            self.start_players(out);
        }
    }

    /// A room's link to the server is back.
    pub(super) fn restore_streams(&self, room_id: &RoomId, session: SessionFate, out: &mut Step) {
        self.restore_publishers(room_id, session, out);
        self.restore_players(room_id, session, out);
    }

    /// A room's link is away, and no media is wanted without it.
    pub(super) fn unseat_streams_of(&mut self, room_id: &RoomId, out: &mut Step) {
        let text = "the signalling connection is away";
        self.unseat_publishers_where(|p| p.room() == room_id, codes::PUBLISHER_WEBSOCKET_DISCONNECTED, text, out);
        self.unseat_players_where(|p| p.room() == Some(room_id), codes::PLAYER_WEBSOCKET_DISCONNECTED, text, out);
    }
}

fn device_failed() -> ZegoError {
    let text = "the audio device part failed too often; make a new engine";
    ZegoError::new(codes::DEVICE_GENERIC, text)
}
