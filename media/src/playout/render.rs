//! From packets to sound: the decoder, the queue of decoded sound behind it, and the gain that keeps both ends of every
//! interruption from clicking.

use express_messages::audio::Effort;

use super::pcm::PcmQueue;
use crate::codec::{CodecError, Decoder, Dred, MAX_PACKET_SAMPLES, PacketShape};

/// Deep concealment and LACE (field measurements: 0.09 ms a frame, and nothing above it scores better).
const COMPLEXITY: i32 = 6;
/// Comfort noise needs neither, and streams of low effort go without.
const LOW_COMPLEXITY: i32 = 0;

/// What the decoder has is not known.
const UNKNOWN_COMPLEXITY: i32 = -1;

/// Sound comes back within 5 ms.
const RISE: f32 = 1.0 / 240.0;
/// A stretch that goes on is faded out within 100 ms ...
const FADE: f32 = -1.0 / 4_800.0;
/// ... after it was held for 60 ms: what is invented for longer sounds worse than silence.
const HOLD_FRAMES: usize = 2_880;
/// With low effort it is faded out within 20 ms: what is not deep concealment has nothing to say by then.
const LOW_FADE: f32 = -1.0 / 960.0;
/// Sound that ends for good, or gives way to another, is gone within 10 ms.
const END: f32 = -1.0 / 480.0;

/// From invented to real sound it takes 5 ms ...
const GLIDE_FRAMES: usize = 240;
/// ... and up to a period of a low voice, 10 ms, is left out where both are alike.
const LONGEST_SKIP: usize = 480;

/// How an invented stretch is to sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filling {
    /// Sound that is missing; it has been so for this many frames.
    Missing(usize),
    /// The noise between talk spurts.
    Noise,
    /// The end of the sound.
    Ending,
}

/// Renders one stream.
#[derive(Debug)]
pub(super) struct Renderer {
    decoder: Decoder,
    effort: Effort,
    complexity: i32,
    scratch: Vec<f32>,
    /// The last of what was invented.
    tail: [f32; 2 * GLIDE_FRAMES],
    pub(super) queue: PcmQueue,
    gain: f32,
}

impl Renderer {
    pub(super) fn new() -> Result<Self, CodecError> {
        Ok(Self {
            decoder: Decoder::new(1, COMPLEXITY)?,
            effort: Effort::Full,
            complexity: COMPLEXITY,
            scratch: vec![0.0; 2 * MAX_PACKET_SAMPLES],
            tail: [0.0; 2 * GLIDE_FRAMES],
            queue: PcmQueue::new(1),
            gain: 0.0,
        })
    }

    /// Whether nothing can be heard, so that everything may be changed.
    pub(super) fn is_silent(&self) -> bool {
        self.gain <= 0.0
    }

    /// What decoding and concealing may cost from the next frame on.
    pub(super) fn set_effort(&mut self, effort: Effort) {
        self.effort = effort;
    }

    /// Another sender begins.
    pub(super) fn restart(&mut self) {
        // Refused only for a decoder that does not exist; then the old state makes a rough first frame.
        let _ = self.decoder.reset();
    }

    /// Decodes a packet; returns its frames and how many of them were left out. `follows`: nothing is missing before it.
    pub(super) fn play(&mut self, packet: &[u8], shape: &PacketShape, follows: bool) -> Result<(usize, usize), CodecError> {
        if shape.channels == 2 {
            self.make_stereo();
        }
        if follows && self.decoder.has_saved() {
            return self.resume(packet, shape);
        }
        self.give_up_waiting();
        self.set_complexity(shape.is_dtx);
        let frames = self.decoder.decode(packet, &mut self.scratch)?;
        self.push(frames, RISE);
        Ok((frames, 0))
    }

    /// Invents sound while a packet is only late: nothing is lost yet, and its [`play`](Self::play) undoes it.
    pub(super) fn wait(&mut self, frames: usize, since: usize) {
        if since == 0 {
            self.decoder.save();
        }
        self.fill(frames, Filling::Missing(since));
    }

    /// What was invented stays: something is lost.
    pub(super) fn give_up_waiting(&mut self) {
        self.decoder.forget_saved();
    }

    /// Decodes a packet that was only late.
    ///
    /// What was invented meanwhile left its marks in the decoder (CELT's energies are differences: a voice would stay silent for
    /// seconds), so the decoder goes back to where it was. The sound glides from the invented to the real where both are alike.
    fn resume(&mut self, packet: &[u8], shape: &PacketShape) -> Result<(usize, usize), CodecError> {
        let channels = self.decoder.channels();
        let overlap = GLIDE_FRAMES * channels;
        // Where even this fails there is nothing to glide from.
        let has_tail = self.decoder.conceal(&mut self.tail[..overlap]).is_ok();
        self.decoder.restore();
        // The effort of then came back with the state.
        self.complexity = UNKNOWN_COMPLEXITY;
        self.set_complexity(shape.is_dtx);
        let frames = self.decoder.decode(packet, &mut self.scratch)?;
        let skipped = if has_tail { self.glide(frames, channels) } else { 0 };
        let (from, to) = (skipped * channels, frames * channels);
        self.scratch.copy_within(from..to, 0);
        self.push(frames - skipped, RISE);
        Ok((frames, skipped))
    }

    /// Lets the tail glide into the decoded frames where they are most alike, and says how many frames come before that place.
    fn glide(&mut self, frames: usize, channels: usize) -> usize {
        let (overlap, length) = (GLIDE_FRAMES * channels, frames * channels);
        let Some(decoded) = self.scratch.get_mut(..length).filter(|decoded| decoded.len() >= 2 * overlap) else {
            return 0;
        };
        let tail = &self.tail[..overlap];
        let furthest = (frames - GLIDE_FRAMES).min(LONGEST_SKIP);
        let skipped = best_fit(tail, decoded, channels, furthest);
        let place = &mut decoded[skipped * channels..][..overlap];
        for (n, (real, invented)) in place.chunks_exact_mut(channels).zip(tail.chunks_exact(channels)).enumerate() {
            let there = (n + 1) as f32 / (GLIDE_FRAMES + 1) as f32;
            for (real, invented) in real.iter_mut().zip(invented) {
                *real = *real * there + invented * (1.0 - there);
            }
        }
        skipped
    }

    /// Rebuilds the `frames` frames before a packet from its in-band FEC.
    pub(super) fn rebuild(&mut self, packet: &[u8], frames: usize) -> Result<(), CodecError> {
        let length = frames.min(MAX_PACKET_SAMPLES) * self.decoder.channels();
        let frames = self.decoder.decode_fec(packet, &mut self.scratch[..length])?;
        self.push(frames, RISE);
        Ok(())
    }

    /// Rebuilds `frames` frames, a multiple of 120, from the deep redundancy of a packet that begins `back` samples later; whether
    /// that could be done: it needs the full effort.
    pub(super) fn rebuild_dred(&mut self, dred: &Dred, back: usize, frames: usize) -> bool {
        if self.effort == Effort::Low {
            return false;
        }
        self.set_complexity(false);
        let length = frames.min(MAX_PACKET_SAMPLES) * self.decoder.channels();
        let Ok(frames) = self.decoder.decode_dred(dred, back, &mut self.scratch[..length]) else {
            return false;
        };
        self.push(frames, RISE);
        true
    }

    /// Fills `frames` frames, a multiple of 120, with what the decoder invents.
    pub(super) fn fill(&mut self, frames: usize, filling: Filling) {
        self.set_complexity(filling == Filling::Noise);
        let length = frames.min(MAX_PACKET_SAMPLES) * self.decoder.channels();
        let Ok(frames) = self.decoder.conceal(&mut self.scratch[..length]) else {
            // Cannot happen for these lengths; silence is the least harm.
            self.gain = 0.0;
            return self.queue.push_silence(frames);
        };
        let slope = match filling {
            Filling::Missing(since) if since < HOLD_FRAMES => 0.0,
            Filling::Missing(_) if self.effort == Effort::Low => LOW_FADE,
            Filling::Missing(_) => FADE,
            Filling::Noise => RISE,
            Filling::Ending => END,
        };
        self.push(frames, slope);
    }

    /// Appends silence.
    pub(super) fn rest(&mut self, frames: usize) {
        self.queue.push_silence(frames);
    }

    /// Appends the first `frames` frames of the scratch memory; the gain changes by `slope` with each.
    fn push(&mut self, frames: usize, slope: f32) {
        let channels = self.decoder.channels();
        let samples = &mut self.scratch[..frames * channels];
        if slope < 0.0 || self.gain < 1.0 {
            for frame in samples.chunks_exact_mut(channels) {
                self.gain = (self.gain + slope).clamp(0.0, 1.0);
                frame.iter_mut().for_each(|sample| *sample *= self.gain);
            }
        }
        self.queue.push(samples);
    }

    fn set_complexity(&mut self, is_noise: bool) {
        let complexity = match self.effort {
            Effort::Full if !is_noise => COMPLEXITY,
            Effort::Full | Effort::Low => LOW_COMPLEXITY,
        };
        if complexity != self.complexity && self.decoder.set_complexity(complexity).is_ok() {
            self.complexity = complexity;
        }
    }

    /// From now on there are two channels. Allocates; happens at most once in the life of a stream.
    fn make_stereo(&mut self) {
        if self.decoder.channels() == 2 {
            return;
        }
        // Without memory for it the stream stays mono.
        if let Ok(decoder) = Decoder::new(2, self.complexity) {
            self.decoder = decoder;
            self.queue.make_stereo();
        }
    }
}

/// After how many frames of `signal`, at most `furthest`, it is most like `model` (both interleaved).
fn best_fit(model: &[f32], signal: &[f32], channels: usize, furthest: usize) -> usize {
    let likeness = |skip: usize| {
        let part = &signal[skip * channels..][..model.len()];
        let (mut product, mut energy) = (0.0_f32, f32::MIN_POSITIVE);
        for (a, b) in model.iter().zip(part) {
            product += a * b;
            energy += b * b;
        }
        product / energy.sqrt()
    };
    // Every second frame is near enough, and half the work.
    let skips = (0..=furthest).step_by(2).map(|skip| (skip, likeness(skip)));
    skips.max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(skip, _)| skip)
}
