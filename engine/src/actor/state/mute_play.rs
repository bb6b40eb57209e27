//! Muting what is played: one stream, or all of them. A stream is silent while either says so.

use std::time::Instant;

use express_messages::{ZegoError, codes, ids::StreamId};

use super::{CallId, Command, EngineState, PlayId, Step, Timer, play::Playback};
use crate::actor::throttle::{Throttled, Verdict};

/// What mutes one playback, and what was passed on of it.
#[derive(Debug)]
pub(super) struct PlayMute {
    /// `mutePlayStreamAudio`.
    own: bool,
    passed_on: Throttled,
    calls: Vec<CallId>,
}

impl PlayMute {
    /// Of a new playback; `all`: everything is muted.
    pub(super) fn new(all: bool) -> Self {
        Self {
            own: false,
            passed_on: Throttled::new(all),
            calls: Vec::new(),
        }
    }

    /// What is wanted now.
    pub(super) fn wanted(&self) -> bool {
        self.passed_on.wanted()
    }

    /// The calls that are not answered yet.
    pub(super) fn take_calls(&mut self) -> Vec<CallId> {
        std::mem::take(&mut self.calls)
    }
}

impl Playback {
    /// Passes the wanted mute on; without a part there is nobody to ask, and the next part is told when it starts.
    pub(super) fn pass_mute_on(&mut self, out: &mut Step) {
        let calls = self.mute.take_calls();
        match self.life() {
            Some(life) => out.command(Command::MutePlayback {
                life,
                muted: self.mute.wanted(),
                calls,
            }),
            None => calls.into_iter().for_each(|call| out.answer(Some(call), Ok(()))),
        }
    }

    /// `call` changed what this playback, or all of them, is wanted to be.
    fn want_mute(&mut self, all: bool, call: CallId, now: Instant, out: &mut Step) {
        self.mute.calls.push(call);
        match self.mute.passed_on.want(self.mute.own || all, now) {
            Verdict::Act => self.pass_mute_on(out),
            Verdict::Later(after) => out.command(Command::After(after, Timer::MutePlayback(self.id()))),
            Verdict::Waiting => {}
            Verdict::Nothing => self.answer_mute_calls(out),
        }
    }

    fn answer_mute_calls(&mut self, out: &mut Step) {
        for call in self.mute.take_calls() {
            out.answer(Some(call), Ok(()));
        }
    }
}

impl EngineState {
    /// `mutePlayStreamAudio`. The answer comes when the server was told.
    pub(crate) fn mute_playback(
        &mut self,
        stream_id: &str,
        muted: bool,
        call: CallId,
        now: Instant,
        out: &mut Step,
    ) -> Result<(), ZegoError> {
        self.alive()?;
        let stream_id = StreamId::new(stream_id)?;
        let all = self.all_muted;
        let Some(playback) = self.playback(&stream_id) else {
            let text = format!("stream {stream_id} is not being played");
            return Err(ZegoError::new(codes::PLAYER_STREAM_NOT_PLAYING, text));
        };
        playback.mute.own = muted;
        playback.want_mute(all, call, now, out);
        Ok(())
    }

    /// `muteAllPlayAudioStreams`, also for streams that are played later. Names a call for each stream of now.
    pub(crate) fn mute_all_playbacks(&mut self, muted: bool, now: Instant, out: &mut Step) -> Result<Vec<CallId>, ZegoError> {
        self.alive()?;
        self.all_muted = muted;
        let calls: Vec<CallId> = (0..self.playbacks.len()).map(|_| self.new_call()).collect();
        for (playback, call) in self.playbacks.iter_mut().zip(&calls) {
            playback.want_mute(muted, *call, now, out);
        }
        Ok(calls)
    }

    pub(super) fn on_mute_playback_due(&mut self, id: PlayId, now: Instant, out: &mut Step) {
        let Some(playback) = self.playbacks.iter_mut().find(|p| p.id() == id) else {
            return;
        };
        match playback.mute.passed_on.due(now) {
            Verdict::Act => playback.pass_mute_on(out),
            _ => playback.answer_mute_calls(out),
        }
    }
}
