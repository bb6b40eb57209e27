//! Local streams on this machine's speaker: what they send, and what they capture.

use express_messages::{
    audio_device::{MonitorCapture, MonitorLocalStream},
    ids::LocalStreamId,
};

use super::{Command, EngineState, Step};

/// How one local stream is heard here.
#[derive(Debug)]
pub(super) struct Monitor {
    sent: bool,
    captured: bool,
    percent: u16,
}

impl Default for Monitor {
    fn default() -> Self {
        Self {
            sent: false,
            captured: false,
            percent: 100,
        }
    }
}

impl Monitor {
    fn sent(&self, id: LocalStreamId) -> Command {
        Command::Monitor(MonitorLocalStream {
            id,
            audible: self.sent,
            percent: self.percent,
        })
    }

    fn captured(&self, id: LocalStreamId) -> Command {
        Command::MonitorCapture(MonitorCapture {
            id,
            audible: self.captured,
            percent: self.percent,
        })
    }

    /// Lets a fresh audio device part do what the former did.
    pub(super) fn restore(&self, id: LocalStreamId, out: &mut Step) {
        if self.sent {
            out.command(self.sent(id));
        }
        if self.captured {
            out.command(self.captured(id));
        }
    }
}

impl EngineState {
    /// `playAudio` and `stopAudio` of a local stream. A destroyed stream is left alone.
    pub(crate) fn monitor_local(&mut self, id: LocalStreamId, audible: bool, out: &mut Step) {
        if let Some(local) = self.locals.get_mut(&id) {
            local.monitor.sent = audible;
            out.command(local.monitor.sent(id));
        }
    }

    /// `playCaptureAudio` and `stopPlayCaptureAudio`. A destroyed stream is left alone.
    pub(crate) fn monitor_capture(&mut self, id: LocalStreamId, audible: bool, out: &mut Step) {
        if let Some(local) = self.locals.get_mut(&id) {
            local.monitor.captured = audible;
            out.command(local.monitor.captured(id));
        }
    }

    /// `setVolume` of a local stream; `false`: it was destroyed.
    pub(crate) fn set_monitor_volume(&mut self, id: LocalStreamId, percent: u16, out: &mut Step) -> bool {
        let Some(local) = self.locals.get_mut(&id) else { return false };
        local.monitor.percent = percent;
        out.command(local.monitor.sent(id));
        if local.monitor.captured {
            out.command(local.monitor.captured(id));
        }
        true
    }
}
