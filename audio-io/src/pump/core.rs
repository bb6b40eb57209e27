//! The pump without a thread.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use express_messages::{audio::AudioBlock, ids::LocalStreamId};

use super::{
    Audible, PlayoutId, PumpCommand, PumpPort, Returned, SinkPlace,
    capture::{Around, Capture},
    clock::PumpClock,
    effort::Efforts,
    local::{LocalStream, SinkEntry, take_sink},
    media::Medium,
    mic::MicInput,
    outputs::Outputs,
    playout::Playout,
    port::{PlayedSource, PumpEnd, add, port},
};

/// Room for streams from the start: 50 played ones is the documented maximum. More than that allocates once, when added.
const STREAMS: usize = 64;
/// The budget of one tick, half its period.
const BUDGET: Duration = Duration::from_millis(5);

/// Everything that the pump holds. Stepped by [`Self::tick`], on a thread of its own or by a test.
#[derive(Debug)]
// Boxes, as they come and go through rings, and as a stream holds a block of 4 kB.
#[allow(clippy::vec_box)]
pub struct PumpCore {
    end: PumpEnd,
    clock: PumpClock,
    mics: Vec<Box<MicInput>>,
    locals: Vec<Box<LocalStream>>,
    playouts: Vec<Box<Playout>>,
    outputs: Outputs,
    efforts: Efforts,
    scratch: AudioBlock,
}

impl PumpCore {
    /// A pump that holds nothing yet, and the control side's end of it.
    pub fn new() -> (Self, PumpPort) {
        let (port, end) = port();
        let core = Self {
            end,
            clock: PumpClock::default(),
            mics: Vec::with_capacity(STREAMS),
            locals: Vec::with_capacity(STREAMS),
            playouts: Vec::with_capacity(STREAMS),
            outputs: Outputs::new(),
            efforts: Efforts::new(STREAMS),
            scratch: AudioBlock::silent(2),
        };
        (core, port)
    }

    /// When to tick next; `None` before the first tick.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.clock.next_deadline()
    }

    /// Applies the waiting commands, then makes the blocks that are due at `now`; returns how many.
    ///
    /// # Shape and units
    /// - `now`: same clock in every call; may repeat, never goes back. Call it every 10 ms, at [`Self::next_deadline`]; a
    ///   late call makes the blocks of the time between, at most 20.
    pub fn tick(&mut self, now: Instant) -> usize {
        while let Some(command) = self.end.next_command() {
            if let Some(thing) = self.apply(command) {
                self.end.give_back(thing);
            }
        }
        self.settle();
        let due = self.clock.due(now, self.outputs.master(now));
        for _ in 0..due.blocks {
            self.make_block(now, due.master_runs);
            self.settle();
        }
        add(&self.end.counters.blocks, due.blocks as u64);
        add(&self.end.counters.skipped_blocks, due.skipped as u64);
        due.blocks
    }

    /// Notes how long a tick that made so many blocks took.
    pub(super) fn note_duration(&mut self, took: Duration, blocks: usize) {
        let is_overrun = self.efforts.note_tick(took, blocks);
        let counters = &self.end.counters;
        add(&counters.overruns, u64::from(is_overrun));
        add(&counters.late_ticks, u64::from(took > BUDGET));
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        counters.longest_tick_us.fetch_max(us, Ordering::Relaxed);
    }

    fn make_block(&mut self, now: Instant, master_runs: bool) {
        let mut panics = 0;
        self.outputs.clear();
        for mic in &mut self.mics {
            mic.make_block(now);
        }
        let mut around = Around {
            mics: &self.mics,
            scratch: &mut self.scratch,
            now,
            panics: &mut panics,
        };
        for local in &mut self.locals {
            local.make_block(&mut self.outputs, &mut around);
        }
        for playout in &mut self.playouts {
            playout.make_block(&mut self.scratch, &mut self.outputs, now, &mut panics);
        }
        if self.efforts.is_due() {
            let standings = self.playouts.iter().map(|playout| playout.standing());
            let efforts = self.efforts.rank(standings);
            for (playout, effort) in self.playouts.iter_mut().zip(efforts) {
                playout.set_effort(*effort);
            }
        }
        let heard = self.outputs.finish(now, master_runs);
        // Block by block, so that an echo keeps its distance; silence where nothing is played.
        for mic in &mut self.mics {
            mic.hear(heard);
        }
        add(&self.end.counters.panics, panics);
    }

    /// Lets go what has faded out.
    fn settle(&mut self) {
        let sources = self.playouts.iter_mut().filter_map(|playout| playout.settle());
        let captures = self.locals.iter_mut().filter_map(|local| local.settle());
        // Settled only where there is room, so nothing is dropped here.
        let mut settled = sources.chain(captures);
        while self.end.has_room() {
            let Some(thing) = settled.next() else { break };
            self.end.give_back(thing);
        }
        while self.end.has_room() {
            let left = if let Some(at) = self.playouts.iter().position(|playout| playout.has_left()) {
                Returned::Playout(self.playouts.swap_remove(at))
            } else if let Some(at) = self.locals.iter().position(|local| local.has_left()) {
                Returned::Local(self.locals.swap_remove(at))
            } else if let Some(at) = self.mics.iter().position(|mic| is_unused(mic, &self.locals)) {
                Returned::Mic(self.mics.swap_remove(at))
            } else {
                return;
            };
            self.end.give_back(left);
        }
    }

    /// Carries `command` out and returns what it sets free.
    fn apply(&mut self, command: PumpCommand) -> Option<Returned> {
        match command {
            PumpCommand::AddMic(mic) => self.mics.push(mic),
            PumpCommand::RemoveMic(id) => {
                self.mics.iter_mut().find(|mic| mic.id() == id)?.leaving = true;
            }
            PumpCommand::SetMic(id, slot, mic) => self.local(id)?.set_mic(slot, mic),
            PumpCommand::SetVoice(id, voice) => {
                self.mics.iter_mut().find(|mic| mic.id() == id)?.set_voice(voice);
            }
            PumpCommand::MuteMics(muted) => self.mics.iter_mut().for_each(|mic| mic.set_muted(muted)),
            PumpCommand::AddSpeaker(speaker) => self.outputs.add(speaker),
            PumpCommand::RemoveSpeaker(id) => return self.outputs.remove(id).map(Returned::Speaker),
            PumpCommand::SetOutput(Audible::Local(id), output) => self.local(id)?.set_output(output),
            PumpCommand::SetOutput(Audible::Played(id), output) => self.playout(id)?.set_output(output),
            PumpCommand::AddLocal(local) => self.locals.push(local),
            PumpCommand::AddPlayout(playout) => self.playouts.push(playout),
            PumpCommand::RemoveLocal(id) => self.local(id)?.leave(),
            PumpCommand::Capture(id, capture) => return self.capture(id, capture),
            PumpCommand::SendCaptured(id) => return self.local(id)?.send_captured(),
            PumpCommand::StopCapture(id) => return self.local(id)?.stop_capture(),
            PumpCommand::AddMedium(id, medium) => return self.add_medium(id, medium),
            PumpCommand::RemoveMedium(id, media) => self.local(id)?.media().remove(media),
            PumpCommand::SetMediumGain(id, media, gain) => self.local(id)?.media().set_gain(media, gain),
            PumpCommand::SetVolume(id, gain) => self.local(id)?.set_volume(gain),
            PumpCommand::SetMuted(id, muted) => self.local(id)?.set_muted(muted),
            PumpCommand::SetMonitor(id, gain) => self.local(id)?.set_monitor(gain),
            PumpCommand::SetCaptureMonitor(id, gain) => self.local(id)?.set_capture_monitor(gain),
            PumpCommand::RemovePlayout(id) => self.playout(id)?.leave(),
            PumpCommand::SetGain(id, gain) => self.playout(id)?.set_gain(gain),
            PumpCommand::SetSource(id, source) => return self.set_source(id, source),
            PumpCommand::AddSink(place, sink) => return self.add_sink(place, sink),
            PumpCommand::RemoveSink(place, id) => return take_sink(self.sinks(place)?, id),
        }
        None
    }

    fn set_source(&mut self, id: PlayoutId, source: PlayedSource) -> Option<Returned> {
        match self.playout(id) {
            Some(playout) => playout.set_source(source.0),
            None => Some(Returned::Undone(PumpCommand::SetSource(id, source))),
        }
    }

    fn capture(&mut self, id: LocalStreamId, capture: Capture) -> Option<Returned> {
        match self.local(id) {
            Some(local) => local.capture(capture),
            None => Some(Returned::Undone(PumpCommand::Capture(id, capture))),
        }
    }

    fn add_medium(&mut self, id: LocalStreamId, medium: Medium) -> Option<Returned> {
        match self.local(id) {
            Some(local) => {
                local.media().add(medium);
                None
            }
            None => Some(Returned::Undone(PumpCommand::AddMedium(id, medium))),
        }
    }

    fn add_sink(&mut self, place: SinkPlace, sink: SinkEntry) -> Option<Returned> {
        match self.sinks(place) {
            Some(sinks) => {
                sinks.push(sink);
                None
            }
            None => Some(Returned::Undone(PumpCommand::AddSink(place, sink))),
        }
    }

    fn sinks(&mut self, place: SinkPlace) -> Option<&mut Vec<SinkEntry>> {
        match place {
            SinkPlace::Local(id) => self.local(id).map(|local| &mut local.sinks),
            SinkPlace::Captured(id) => self.local(id).map(|local| &mut local.taps),
            SinkPlace::Playout(id) => self.playout(id).map(|playout| &mut playout.taps),
        }
    }

    fn local(&mut self, id: LocalStreamId) -> Option<&mut LocalStream> {
        // One that leaves is as good as gone: its name may be in use again.
        let found = self.locals.iter_mut().find(|local| local.id() == id && !local.leaving);
        found.map(|local| &mut **local)
    }

    fn playout(&mut self, id: PlayoutId) -> Option<&mut Playout> {
        self.playouts
            .iter_mut()
            .find(|playout| playout.id() == id)
            .map(|playout| &mut **playout)
    }
}

/// Whether a microphone that closes may be taken away.
fn is_unused(mic: &MicInput, locals: &[Box<LocalStream>]) -> bool {
    mic.leaving && !locals.iter().any(|local| local.uses(mic.id()))
}
