//! The audio device part: always there, started afresh when it fails.

use std::time::Instant;

use express_messages::{ZegoError, audio_device::AudioDeviceEvent, codes, ids::RoomId};

use super::{Command, EngineState, LifeId, Step, Timer};
use crate::{
    actor::supervise::{RestartLog, Role, Verdict},
    events::DeviceError,
};

/// The audio device part and its history.
#[derive(Debug, Default)]
pub(super) struct Device {
    phase: Phase,
    restarts: RestartLog,
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
    pub(super) fn restore_streams(&self, room_id: &RoomId, resumed: bool, out: &mut Step) {
        self.restore_publishers(room_id, resumed, out);
        self.restore_players(room_id, resumed, out);
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
