//! The playout engine: chooses the next move, makes it, keeps the books.

mod intake;

use std::time::Instant;

use bytes::Bytes;
use express_messages::audio::{AudioBlock, BLOCK_FRAMES, Effort};

use super::{
    PlayoutOptions, PlayoutStats, STORE_PACKETS,
    adapt::{Situation, Want, decide},
    clock::{MS, SampleClock, samples_to_us},
    conceal::Run,
    delay::{DelayEstimator, PlayedDelays},
    recovery::{GRID, Recovery, Remedy},
    render::{Filling, Renderer},
    repairs::Repairs,
    store::PacketStore,
    stretch::{OVERLAP, SpliceFinder},
    timeline::Timeline,
};
use crate::codec::{CodecError, SHORTEST_FRAME_SAMPLES};

/// 10 ms in samples.
const BLOCK: i64 = BLOCK_FRAMES as i64;
/// Gaps up to this length are filled to the sample, so that the delay stays; after longer ones playout picks up anew.
const LONGEST_FILLED_GAP: i64 = 120 * MS;
/// Delay beyond the target that is left out at a fresh beginning ...
const FRESH_EXCESS: i64 = 60 * MS;
/// ... and after an interruption, when what waited is still worth hearing.
const RESUMED_EXCESS: i64 = 500 * MS;

/// Where playout stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing was played yet.
    Idle,
    /// Sound goes on, decoded or invented.
    Playing,
    /// It has faded out; the next packets are gathered to the target delay first.
    Starved,
}

/// What to do where fewer than 10 ms are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    /// Decode the first packet.
    Play,
    /// Fill the beginning of what is missing before the first packet, or invent some sound that is missing.
    Fill(Remedy),
    /// Make comfort noise.
    Noise,
    /// Let the sound end: nothing is missing.
    End,
    /// Let the sound end, since another source follows or too much has to be left out.
    Break,
}

/// The jitter buffer and decoder of one played stream.
///
/// # Real time
/// Nothing is allocated or freed after [`Playout::new`], but for one stereo decoder where the stream turns out to be stereo. An
/// ask costs a decoded frame (0.1 ms) every other time, 0.5 ms where it has to conceal.
#[derive(Debug)]
pub struct Playout {
    payload_type: u8,
    red_payload_type: Option<u8>,
    clock: SampleClock,
    timeline: Timeline,
    repairs: Repairs,
    store: PacketStore,
    delay: DelayEstimator,
    played: PlayedDelays,
    recovery: Recovery,
    renderer: Renderer,
    finder: SpliceFinder,
    phase: Phase,
    /// Media time of the sample after the last one decoded.
    cursor: i64,
    /// What was invented since.
    ahead: i64,
    /// Sequence number of the last packet played.
    last_sequence: i64,
    in_dtx: bool,
    paused: bool,
    /// The silence of the moment was announced: it is neither loss nor break.
    excused: bool,
    catching_up: bool,
    run: Run,
    since_splice: i64,
    stats: PlayoutStats,
    spent: Vec<Bytes>,
}

impl Playout {
    /// An empty playout.
    ///
    /// # Errors
    /// - [`CodecError::Create`] — no decoder (give up)
    pub fn new(options: PlayoutOptions) -> Result<Self, CodecError> {
        Ok(Self {
            payload_type: options.payload_type,
            red_payload_type: options.red_payload_type,
            clock: SampleClock::default(),
            timeline: Timeline::default(),
            repairs: Repairs::default(),
            store: PacketStore::new(),
            delay: DelayEstimator::new(&options),
            played: PlayedDelays::new(),
            recovery: Recovery::new()?,
            renderer: Renderer::new()?,
            finder: SpliceFinder::new(),
            phase: Phase::Idle,
            cursor: 0,
            ahead: 0,
            last_sequence: 0,
            in_dtx: false,
            paused: false,
            excused: false,
            catching_up: false,
            run: Run::default(),
            since_splice: 0,
            stats: PlayoutStats::default(),
            spent: Vec::with_capacity(STORE_PACKETS),
        })
    }

    /// Fills `out` with the next 10 ms. `now` is the listener's clock: it may repeat and never goes back.
    pub fn next_10ms(&mut self, now: Instant, out: &mut AudioBlock) {
        let now = self.clock.samples(now);
        // Each step appends at least 2.5 ms or takes a packet away.
        while self.renderer.queue.frames() < BLOCK_FRAMES {
            self.step(now);
        }
        out.reset(self.renderer.queue.channels());
        self.renderer.queue.take(out.samples_mut());
        if self.phase != Phase::Idle {
            self.stats.total_samples_received += BLOCK_FRAMES as u64;
        }
    }

    /// While paused on request of the listener, missing packets are silence, neither loss nor break.
    pub fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
        self.excused |= paused;
    }

    /// What decoding and concealing may cost from the next frame on: with low effort there is no speech enhancement, and what is
    /// missing is concealed the old way and gone after 80 ms.
    pub fn set_effort(&mut self, effort: Effort) {
        self.renderer.set_effort(effort);
    }

    /// Counters since the start, and the state of the moment.
    pub fn stats(&self) -> PlayoutStats {
        PlayoutStats {
            packets_expected: self.timeline.expected(),
            packets_buffered: self.store.own() as u64,
            target_delay_us: samples_to_us(self.delay.target()),
            jitter_us: samples_to_us(self.timeline.jitter()),
            resyncs: self.timeline.resyncs(),
            ..self.stats
        }
    }

    /// Payloads that are needed no more, so that they can be freed elsewhere.
    pub fn drain_spent(&mut self) -> std::vec::Drain<'_, Bytes> {
        self.spent.drain(..)
    }

    fn step(&mut self, now: i64) {
        if self.phase != Phase::Playing && !self.begin(now) {
            return self.rest();
        }
        match self.next_move(now) {
            Move::Play => self.play(now),
            Move::Fill(remedy) => self.fill(remedy),
            Move::Noise => {
                self.renderer.fill(BLOCK_FRAMES, Filling::Noise);
                self.ahead += BLOCK;
                self.stats.comfort_noise_samples += BLOCK_FRAMES as u64;
            }
            Move::End => self.end(),
            Move::Break => {
                self.run.conceal(BLOCK_FRAMES, false, &mut self.stats);
                self.end();
            }
        }
    }

    /// Begins to play when the first packet has waited for the target delay; leaves out what has waited for far too long.
    fn begin(&mut self, now: i64) -> bool {
        let fresh = self.phase == Phase::Idle || self.catching_up;
        let target = if fresh {
            self.delay.start_target()
        } else {
            self.delay.target()
        };
        let most = target + if fresh { FRESH_EXCESS } else { RESUMED_EXCESS };
        while let (Some(first), Some(second)) = (self.store.first(), self.store.second())
            && self.delay.delay(now, first.place.time) > most
            && self.delay.delay(now, second.place.time) >= target
        {
            if let Some(packet) = self.store.pop_first() {
                self.discard(packet);
            }
        }
        let Some(first) = self.store.first() else { return false };
        // A full store holds all that it can ever hold.
        if self.delay.delay(now, first.place.time) < target && self.store.len() < STORE_PACKETS {
            return false;
        }
        if self.cursor != first.place.time {
            self.renderer.give_up_waiting();
        }
        self.cursor = first.place.time;
        self.last_sequence = first.place.sequence - 1;
        self.ahead = 0;
        self.in_dtx = false;
        self.excused = false;
        self.catching_up = false;
        self.phase = Phase::Playing;
        self.played.clear();
        true
    }

    /// Silence: before the beginning, or missing sound.
    fn rest(&mut self) {
        self.renderer.rest(BLOCK_FRAMES);
        if self.phase == Phase::Starved && !self.excused {
            self.run.conceal(BLOCK_FRAMES, true, &mut self.stats);
        }
    }

    fn next_move(&mut self, now: i64) -> Move {
        if self.catching_up {
            return Move::Break;
        }
        let Some(first) = self.store.first() else {
            return match (self.paused, self.in_dtx) {
                (true, _) => Move::End,
                (false, true) => Move::Noise,
                (false, false) => Move::Fill(Remedy::Invent(BLOCK_FRAMES)),
            };
        };
        let gap = first.place.time - self.cursor - self.ahead;
        let lost = first.place.sequence > self.last_sequence + 1;
        if gap < GRID {
            let cut = first.place.restart && !self.renderer.is_silent();
            return if cut { Move::Break } else { Move::Play };
        }
        if self.in_dtx || !lost || gap > LONGEST_FILLED_GAP {
            // A pause: its length need not be kept, so it is used to bring the delay to its target.
            return match () {
                () if self.delay.delay(now, first.place.time) >= self.delay.target() => Move::Play,
                () if self.in_dtx => Move::Noise,
                () if lost => Move::Fill(Remedy::Invent(BLOCK_FRAMES)),
                () => Move::End,
            };
        }
        Move::Fill(self.recovery.remedy(&self.store, gap, BLOCK))
    }

    fn play(&mut self, now: i64) {
        let Some(packet) = self.store.pop_first() else { return };
        if packet.place.time < self.cursor {
            // It overlaps what was played: two senders at once, or a timestamp that lies.
            return self.discard(packet);
        }
        if packet.place.restart {
            self.renderer.restart();
        }
        let waiting_before = self.renderer.queue.frames() as i64;
        let follows = packet.place.time == self.cursor && !packet.place.restart;
        let Ok((frames, skipped)) = self.renderer.play(&packet.payload, &packet.shape, follows) else {
            return self.discard(packet);
        };
        self.cursor = packet.place.time + frames as i64;
        self.ahead = 0;
        self.last_sequence = packet.place.sequence;
        self.in_dtx = packet.shape.is_dtx;
        self.run.end();
        self.played.push(now, packet.place.time + skipped as i64);
        if packet.is_copy {
            self.stats.red_frames += 1;
        } else {
            self.count_played(frames as u64, now - packet.arrival + waiting_before);
        }
        self.retire(packet.payload);
        if !self.in_dtx {
            self.adapt(frames as i64);
        }
    }

    fn count_played(&mut self, frames: u64, waited: i64) {
        let stats = &mut self.stats;
        stats.packets_played += 1;
        stats.jitter_buffer_emitted_count += frames;
        stats.jitter_buffer_delay_sample_us += frames * samples_to_us(waited);
        stats.jitter_buffer_target_delay_sample_us += frames * samples_to_us(self.delay.target());
    }

    fn fill(&mut self, remedy: Remedy) {
        if !matches!(remedy, Remedy::Invent(_)) {
            self.renderer.give_up_waiting();
        }
        match remedy {
            Remedy::Fec => self.rebuild(),
            Remedy::Dred { frames, back } if self.renderer.rebuild_dred(self.recovery.dred(), back, frames) => {
                self.stats.dred_frames += 1;
                self.run.end();
                self.ahead += frames as i64;
            }
            Remedy::Dred { frames, .. } | Remedy::Invent(frames) => self.conceal(frames),
        }
    }

    fn rebuild(&mut self) {
        let Some(first) = self.store.first() else { return };
        let (time, sequence, frames) = (first.place.time, first.place.sequence, first.shape.samples);
        if self.renderer.rebuild(&first.payload, frames).is_ok() {
            self.stats.fec_frames += 1;
            self.run.end();
        } else {
            self.conceal(frames);
        }
        self.cursor = time;
        self.ahead = 0;
        self.last_sequence = sequence - 1;
    }

    fn conceal(&mut self, frames: usize) {
        if self.renderer.is_silent() {
            self.phase = Phase::Starved;
            return self.rest();
        }
        let since = self.run.frames();
        if self.store.len() == 0 {
            self.stats.underruns += u64::from(since == 0);
            self.renderer.wait(frames, since);
        } else {
            self.renderer.give_up_waiting();
            self.renderer.fill(frames, Filling::Missing(since));
        }
        self.run.conceal(frames, false, &mut self.stats);
        self.ahead += frames as i64;
    }

    fn end(&mut self) {
        if self.renderer.is_silent() {
            self.excused = true;
            self.phase = Phase::Starved;
            return self.renderer.rest(BLOCK_FRAMES);
        }
        self.renderer.fill(BLOCK_FRAMES, Filling::Ending);
        self.ahead += BLOCK;
        if self.catching_up {
            self.phase = Phase::Starved;
        }
    }

    /// Brings the delay nearer to its target, if it is far from it and the sound allows it.
    fn adapt(&mut self, frames: i64) {
        self.since_splice += frames;
        let Some(least) = self.played.least() else { return };
        let want = decide(&Situation {
            delay: self.delay.delay(least, 0),
            target: self.delay.target(),
            settled: self.played.is_full(),
            since_splice: self.since_splice,
        });
        let (terms, shorten) = match want {
            Want::Keep => return,
            Want::Skip => {
                self.catching_up = true;
                return;
            }
            Want::Shorten(terms) => (terms, true),
            Want::Lengthen(terms) => (terms, false),
        };
        let queue = &mut self.renderer.queue;
        let splice = self.finder.find(queue.samples(), queue.channels());
        let Some(lag) = splice.and_then(|splice| terms.accept(&splice, SHORTEST_FRAME_SAMPLES)) else {
            return;
        };
        let by = lag as i64;
        if shorten {
            queue.leave_out(lag, OVERLAP);
            self.played.shift(-by);
            self.stats.removed_samples_for_acceleration += lag as u64;
        } else {
            queue.repeat(lag, OVERLAP);
            self.played.shift(by);
            self.stats.inserted_samples_for_deceleration += lag as u64;
        }
        self.since_splice = 0;
    }
}
