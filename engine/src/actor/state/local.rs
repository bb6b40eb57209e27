//! Local streams: made, muted, monitored, destroyed.

mod capture;
mod mixing;
mod monitor;
mod voice;

use std::time::Instant;

use express_messages::{
    ZegoError, audio_device::HeardStream, codes, ids::LocalStreamId, publisher::FrameLength, types::ZegoScenario,
};

use super::{CallId, Command, EngineState, LifeId, Step, TapKey, Timer, frames::FrameFeed, output};
use crate::{
    actor::throttle::{Throttled, Verdict},
    events::{DeviceError, LocalSourceEnded},
    options::{Preset, ZegoStreamOptions},
    streams::Feed,
};
use capture::Captured;
use mixing::Mixed;
use monitor::Monitor;
use voice::AiDenoise;

/// One `createZegoStream`, until `destroyStream`.
#[derive(Debug)]
pub(super) struct LocalStream {
    /// What its publications send.
    sent: Option<Feed>,
    captured: Captured,
    ai_denoise: AiDenoise,
    /// What is mixed in.
    media: Vec<Mixed>,
    /// How long they are held back.
    mixing_delay_ms: u16,
    pub(super) frames: FrameFeed,
    channels: usize,
    bitrate_kbps: u32,
    frame: FrameLength,
    /// The createZegoStream that waits for its answer.
    call: Option<CallId>,
    capture_percent: u16,
    muted: Throttled,
    monitor: Monitor,
    /// The speaker that its user chose.
    pub(super) output: Option<String>,
}

impl LocalStream {
    /// What is sent, or will be.
    fn feed(&self) -> Option<&Feed> {
        match &self.captured {
            Captured::Waiting(feed) if self.sent.is_none() => Some(feed),
            _ => self.sent.as_ref(),
        }
    }

    fn captured_feed(&mut self) -> Option<&mut Feed> {
        match &mut self.captured {
            Captured::Waiting(feed) => Some(feed),
            Captured::Sent => self.sent.as_mut(),
            Captured::Nothing => None,
        }
    }

    fn is_microphone(&self) -> bool {
        self.feed().is_some_and(|feed| feed.source.is_microphone())
    }

    pub(super) fn has_sound(&self) -> bool {
        self.feed().is_some()
    }

    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    pub(super) fn bitrate_kbps(&self) -> u32 {
        self.bitrate_kbps
    }

    pub(super) fn frame(&self) -> FrameLength {
        self.frame
    }

    /// Gives a fresh audio device part, which has opened the stream, all that was wanted of the former.
    fn restore(&mut self, id: LocalStreamId, tap: TapKey, out: &mut Step) {
        self.frames.tap_captured(id, tap, out);
        if let Captured::Waiting(feed) = &self.captured {
            let (feed, call) = (feed.clone(), None);
            out.command(Command::ReplaceCapture { id, feed, call });
        }
        self.mix_again(id, out);
        if self.capture_percent != 100 {
            let percent = self.capture_percent;
            out.command(Command::CaptureVolume { id, percent });
        }
        if self.muted.wanted() {
            out.command(Command::MuteLocal { id, muted: true });
        }
        output::restore(HeardStream::Local(id), self.output.as_ref(), out);
        self.monitor.restore(id, out);
    }
}

impl EngineState {
    /// `setRoomScenario`; streams that are there stay as they are.
    pub(crate) fn set_room_scenario(&mut self, scenario: ZegoScenario) -> Result<(), ZegoError> {
        self.alive()?;
        if self.in_some_room().is_ok() {
            let text = "the scenario can be set in no room only; call logout_room first";
            return Err(ZegoError::new(codes::SET_ROOM_SCENARIO_FAIL, text));
        }
        self.settings.scenario = scenario;
        Ok(())
    }

    /// `createZegoStream`. The answer comes when the source is open.
    pub(crate) fn create_local(
        &mut self,
        options: &ZegoStreamOptions,
        call: CallId,
        out: &mut Step,
    ) -> Result<LocalStreamId, ZegoError> {
        self.alive()?;
        options.check()?;
        self.device_works()?;
        let id = LocalStreamId(self.fresh());
        let preset = Preset::of(self.settings.scenario);
        let channels = options.channel_count.unwrap_or(preset.channels);
        let local = LocalStream {
            sent: options.auto_capture.then(|| Feed {
                source: options.source_spec(self.usual_voice()),
                channels,
            }),
            captured: if options.auto_capture {
                Captured::Sent
            } else {
                Captured::Nothing
            },
            ai_denoise: AiDenoise::default(),
            media: Vec::new(),
            mixing_delay_ms: self.settings.mixing_delay_ms(),
            frames: FrameFeed::default(),
            channels,
            bitrate_kbps: options.audio_bitrate.unwrap_or(preset.bitrate_kbps),
            frame: preset.frame,
            call: Some(call),
            capture_percent: 100,
            muted: Throttled::new(false),
            monitor: Monitor::default(),
            output: None,
        };
        if self.device_runs() {
            out.command(open(id, &local));
        }
        self.locals.insert(id, local);
        Ok(id)
    }

    /// The audio device part `life` opened a source, or could not. Where that part is gone, the next one is asked again.
    pub(crate) fn on_local_opened(&mut self, id: LocalStreamId, life: LifeId, result: Result<(), ZegoError>, out: &mut Step) {
        let runs = self.alive().is_ok() && self.device_is(life);
        let Some(local) = self.locals.get_mut(&id).filter(|_| runs) else {
            return;
        };
        let call = local.call.take();
        if result.is_ok() && call.is_none() {
            self.next_id += 1;
            local.restore(id, TapKey(self.next_id), out);
        }
        if let Err(error) = &result {
            self.locals.remove(&id);
            if call.is_none() {
                // It was open before the audio device part was started afresh.
                out.emit(DeviceError {
                    error_code: error.code,
                    device_name: String::new(),
                });
            }
            self.end_publications_of(id, codes::PUBLISH_NO_CAPTURE, &error.message, out);
        }
        out.answer(call, result);
    }

    /// `destroyStream`. Publications of the stream end.
    pub(crate) fn destroy_local(&mut self, id: Option<LocalStreamId>, out: &mut Step) -> Result<(), ZegoError> {
        self.alive()?;
        let id = self.known(id)?;
        let text = "the local stream was destroyed while it was published";
        self.end_publications_of(id, codes::PUBLISH_NO_CAPTURE, text, out);
        if let Some(local) = self.locals.remove(&id) {
            out.answer(local.call, Err(unknown()));
        }
        out.command(Command::CloseLocal(id));
        Ok(())
    }

    /// `setCaptureVolume`.
    pub(crate) fn set_capture_volume(
        &mut self,
        id: Option<LocalStreamId>,
        percent: u16,
        out: &mut Step,
    ) -> Result<(), ZegoError> {
        self.alive()?;
        let id = self.known(id)?;
        check_percent(percent, 200)?;
        if let Some(local) = self.locals.get_mut(&id) {
            local.capture_percent = percent;
            out.command(Command::CaptureVolume { id, percent });
        }
        Ok(())
    }

    /// `mutePublishStreamAudio`.
    pub(crate) fn mute_local(
        &mut self,
        id: Option<LocalStreamId>,
        muted: bool,
        now: Instant,
        out: &mut Step,
    ) -> Result<(), ZegoError> {
        self.alive()?;
        let id = self.known(id)?;
        let verdict = self.locals.get_mut(&id).map(|local| local.muted.want(muted, now));
        self.act_on_local_mute(id, verdict, out);
        Ok(())
    }

    pub(super) fn on_mute_local_due(&mut self, id: LocalStreamId, now: Instant, out: &mut Step) {
        let verdict = self.locals.get_mut(&id).map(|local| local.muted.due(now));
        self.act_on_local_mute(id, verdict, out);
    }

    fn act_on_local_mute(&self, id: LocalStreamId, verdict: Option<Verdict>, out: &mut Step) {
        match verdict {
            Some(Verdict::Act) => {
                let muted = self.locals.get(&id).is_some_and(|local| local.muted.wanted());
                out.command(Command::MuteLocal { id, muted });
                self.note_muted(|local| local == id, out);
            }
            Some(Verdict::Later(after)) => out.command(Command::After(after, Timer::MuteLocal(id))),
            Some(Verdict::Nothing | Verdict::Waiting) | None => {}
        }
    }

    /// `muteMicrophone`.
    pub(crate) fn mute_microphone(&mut self, muted: bool, now: Instant, out: &mut Step) -> Result<(), ZegoError> {
        self.alive()?;
        let verdict = self.microphone.want(muted, now);
        self.act_on_microphone_mute(verdict, out);
        Ok(())
    }

    pub(super) fn on_mute_microphone_due(&mut self, now: Instant, out: &mut Step) {
        let verdict = self.microphone.due(now);
        self.act_on_microphone_mute(verdict, out);
    }

    fn act_on_microphone_mute(&self, verdict: Verdict, out: &mut Step) {
        match verdict {
            Verdict::Act => {
                out.command(Command::MuteMicrophone(self.microphone.wanted()));
                self.note_muted(|id| self.is_microphone(id), out);
            }
            Verdict::Later(after) => out.command(Command::After(after, Timer::MuteMicrophone)),
            Verdict::Nothing | Verdict::Waiting => {}
        }
    }

    /// `isMicrophoneMuted`: what was asked for last.
    pub(crate) fn is_microphone_muted(&self) -> bool {
        self.microphone.wanted()
    }

    /// Whether that local stream was not destroyed.
    pub(crate) fn has_local(&self, id: LocalStreamId) -> bool {
        self.locals.contains_key(&id)
    }

    /// It captures another microphone now, also where the audio device part is started afresh.
    pub(super) fn note_device(&mut self, id: LocalStreamId, device_id: String) {
        if let Some(feed) = self.locals.get_mut(&id).and_then(LocalStream::captured_feed) {
            feed.source.set_microphone(device_id);
        }
    }

    pub(super) fn on_source_ended(&self, id: LocalStreamId, out: &mut Step) {
        if self.locals.contains_key(&id) {
            out.emit(LocalSourceEnded { local_stream: id });
        }
    }

    /// Whether that local stream is a microphone.
    pub(super) fn is_microphone(&self, id: LocalStreamId) -> bool {
        self.locals.get(&id).is_some_and(LocalStream::is_microphone)
    }

    /// Whether what is published of a local stream is silenced, by its own mute or the microphone's.
    pub(super) fn is_muted(&self, id: LocalStreamId) -> bool {
        self.locals
            .get(&id)
            .is_some_and(|local| local.muted.wanted() || (local.is_microphone() && self.microphone.wanted()))
    }

    /// Opens all local streams anew; each gets what it had when it is open.
    pub(super) fn reopen_locals(&self, out: &mut Step) {
        if self.microphone.wanted() {
            out.command(Command::MuteMicrophone(true));
        }
        for (&id, local) in &self.locals {
            out.command(open(id, local));
        }
    }

    /// All local streams are gone with the audio device part.
    pub(super) fn lose_locals(&mut self, error: &ZegoError, out: &mut Step) {
        for (_, local) in std::mem::take(&mut self.locals) {
            out.answer(local.call, Err(error.clone()));
        }
    }

    /// # Errors
    /// 1000018 for a stream of another engine or one that was destroyed.
    pub(crate) fn known(&self, id: Option<LocalStreamId>) -> Result<LocalStreamId, ZegoError> {
        id.filter(|id| self.locals.contains_key(id)).ok_or_else(unknown)
    }
}

pub(super) fn unknown() -> ZegoError {
    let text = "that local stream is not of this engine, or was destroyed; use create_zego_stream";
    ZegoError::new(codes::LOCALSTREAM_WRONG, text)
}

fn open(id: LocalStreamId, local: &LocalStream) -> Command {
    Command::OpenLocal {
        id,
        source: local.sent.as_ref().map(|feed| feed.source.clone()),
        channels: local.channels,
        mixing_delay_ms: local.mixing_delay_ms,
    }
}

/// # Errors
/// 1100001 over `max` percent.
pub(crate) fn check_percent(percent: u16, max: u16) -> Result<(), ZegoError> {
    if percent <= max {
        return Ok(());
    }
    Err(ZegoError::new(
        codes::INPUT_PARAM,
        format!("the volume is {percent}; give 0 to {max}"),
    ))
}
