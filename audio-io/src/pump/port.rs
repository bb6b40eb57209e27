//! How the control side reaches the pump.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use express_messages::{
    audio::PlayoutSource,
    audio_device::{MediaId, SinkId},
    ids::LocalStreamId,
};
use rtrb::{Consumer, Producer, PushError, RingBuffer};

use super::{
    MicId, OutputId, PlayoutId,
    capture::Capture,
    local::{LocalStream, SinkEntry},
    media::Medium,
    mic::{MicInput, Voice},
    playout::Playout,
    speaker::SpeakerOut,
};

/// Commands that fit between two ticks; more wait on the control side.
const COMMANDS: usize = 256;

/// Where a sink hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SinkPlace {
    /// At a local stream.
    Local(LocalStreamId),
    /// At what a local stream captures.
    Captured(LocalStreamId),
    /// At a played stream.
    Playout(PlayoutId),
}

/// A stream that can be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audible {
    /// A local stream, while it is monitored.
    Local(LocalStreamId),
    /// A played stream.
    Played(PlayoutId),
}

/// A place for what a local stream captures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// What its sinks hear.
    Sent,
    /// What is captured, where that is not what they hear.
    Waiting,
}

/// What the control side tells the pump. A command that names something unknown comes back undone.
#[derive(Debug)]
pub enum PumpCommand {
    /// A microphone opened.
    AddMic(Box<MicInput>),
    /// A microphone closes: it comes back when no local stream has it any more.
    RemoveMic(MicId),
    /// A local stream that has a microphone in that place gets another one there, by a fade within one block, as soon as that
    /// one gives sound.
    SetMic(LocalStreamId, Slot, MicId),
    /// What the voice chain of a microphone does from now on.
    SetVoice(MicId, Voice),
    /// All microphones are silent, or not.
    MuteMics(bool),
    /// A speaker opened.
    AddSpeaker(Box<SpeakerOut>),
    /// A speaker is gone, or closes: nothing is heard on it any more.
    RemoveSpeaker(OutputId),
    /// A stream is heard on that speaker from now on, by a fade within one block on both.
    SetOutput(Audible, OutputId),
    /// A new local stream.
    AddLocal(Box<LocalStream>),
    /// A local stream captures something else, which its sinks do not hear yet.
    Capture(LocalStreamId, Capture),
    /// A local stream's sinks hear what is captured.
    SendCaptured(LocalStreamId),
    /// A local stream captures nothing any more.
    StopCapture(LocalStreamId),
    /// A medium is mixed into a local stream.
    AddMedium(LocalStreamId, Medium),
    /// It is so no longer.
    RemoveMedium(LocalStreamId, MediaId),
    /// How loud it is, as a factor.
    SetMediumGain(LocalStreamId, MediaId, f32),
    /// A local stream ends.
    RemoveLocal(LocalStreamId),
    /// Capture gain, as a factor.
    SetVolume(LocalStreamId, f32),
    /// A local stream is silent, or not.
    SetMuted(LocalStreamId, bool),
    /// How loud a local stream is heard on its speaker, as a factor.
    SetMonitor(LocalStreamId, f32),
    /// How loud what a local stream captures is heard on the speaker, as a factor.
    SetCaptureMonitor(LocalStreamId, f32),
    /// A sink or tap.
    AddSink(SinkPlace, SinkEntry),
    /// A sink or tap goes.
    RemoveSink(SinkPlace, SinkId),
    /// A new played stream.
    AddPlayout(Box<Playout>),
    /// A played stream ends.
    RemovePlayout(PlayoutId),
    /// The sound of a played stream, in place of the former.
    SetSource(PlayoutId, PlayedSource),
    /// How loud a played stream is heard, as a factor.
    SetGain(PlayoutId, f32),
}

/// The sound of a played stream; `None` where it has none.
pub struct PlayedSource(pub Option<Box<dyn PlayoutSource>>);

impl fmt::Debug for PlayedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "PlayedSource" } else { "no source" })
    }
}

/// What the pump is done with.
pub enum Returned {
    /// A microphone.
    Mic(Box<MicInput>),
    /// A speaker.
    Speaker(Box<SpeakerOut>),
    /// A local stream with its sinks.
    Local(Box<LocalStream>),
    /// What a local stream captured.
    Capture(Capture),
    /// What was mixed into a local stream.
    Medium(Medium),
    /// A played stream with its taps.
    Playout(Box<Playout>),
    /// A sink or tap.
    Sink(SinkEntry),
    /// A source of a played stream.
    Source(Box<dyn PlayoutSource>),
    /// A command that named something unknown.
    Undone(PumpCommand),
}

impl fmt::Debug for Returned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mic(_) => "Mic",
            Self::Speaker(_) => "Speaker",
            Self::Local(_) => "Local",
            Self::Capture(_) => "Capture",
            Self::Medium(_) => "Medium",
            Self::Playout(_) => "Playout",
            Self::Sink(_) => "Sink",
            Self::Source(_) => "Source",
            Self::Undone(_) => "Undone",
        })
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What the pump did and lost. Only grows; readable from any thread without waiting.
        #[derive(Debug, Default)]
        pub struct PumpCounters {
            $(pub(super) $name: AtomicU64,)*
        }

        impl PumpCounters {
            $($(#[$doc])* pub fn $name(&self) -> u64 {
                self.$name.load(Ordering::Relaxed)
            })*
        }
    };
}

counters!(
    /// Blocks made.
    blocks,
    /// Blocks never made, as the pump slept for more than 200 ms.
    skipped_blocks,
    /// Ticks that took more than half of their period.
    late_ticks,
    /// Ticks that took more than 7 ms for each of their blocks; after each of them fewer streams get their full effort.
    overruns,
    /// The longest tick in microseconds.
    longest_tick_us,
    /// Panics of foreign sources and sinks; each is never called again.
    panics,
);

/// Adds to a counter that only the pump writes.
pub(super) fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

/// The control side's end.
#[derive(Debug)]
pub struct PumpPort {
    commands: Producer<PumpCommand>,
    waiting: VecDeque<PumpCommand>,
    returned: Consumer<Returned>,
    counters: Arc<PumpCounters>,
}

impl PumpPort {
    /// Sends `command`; it is applied at the top of the next tick. Order is kept. Where the ring is full it waits here for
    /// [`Self::flush`].
    pub fn send(&mut self, command: PumpCommand) {
        self.waiting.push_back(command);
        self.flush();
    }

    /// Sends what had to wait.
    pub fn flush(&mut self) {
        while let Some(command) = self.waiting.pop_front() {
            if let Err(PushError::Full(command)) = self.commands.push(command) {
                self.waiting.push_front(command);
                return;
            }
        }
    }

    /// The next thing that the pump is done with; drop it here.
    pub fn take_returned(&mut self) -> Option<Returned> {
        self.returned.pop().ok()
    }

    /// What the pump counted.
    pub fn counters(&self) -> &Arc<PumpCounters> {
        &self.counters
    }
}

/// The pump's end.
#[derive(Debug)]
pub(super) struct PumpEnd {
    commands: Consumer<PumpCommand>,
    returned: Producer<Returned>,
    pub(super) counters: Arc<PumpCounters>,
}

impl PumpEnd {
    /// The next command. As each command and each departure gives back at most one thing, it waits for room.
    pub(super) fn next_command(&mut self) -> Option<PumpCommand> {
        if self.has_room() { self.commands.pop().ok() } else { None }
    }

    /// Whether something can be given back.
    pub(super) fn has_room(&self) -> bool {
        self.returned.slots() > 0
    }

    /// Gives `thing` back. Called only where [`Self::has_room`], else it is dropped here.
    pub(super) fn give_back(&mut self, thing: Returned) {
        // Only this end fills the ring and room was checked, so it cannot be full.
        drop(self.returned.push(thing));
    }
}

/// Makes both ends.
pub(super) fn port() -> (PumpPort, PumpEnd) {
    let (command_in, command_out) = RingBuffer::new(COMMANDS);
    let (returned_in, returned_out) = RingBuffer::new(2 * COMMANDS);
    let counters = Arc::new(PumpCounters::default());
    let port = PumpPort {
        commands: command_in,
        waiting: VecDeque::new(),
        returned: returned_out,
        counters: Arc::clone(&counters),
    };
    let end = PumpEnd {
        commands: command_out,
        returned: returned_in,
        counters,
    };
    (port, end)
}
