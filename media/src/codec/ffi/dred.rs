//! Deep redundancy (DRED): a packet's coarse memory of up to a second before it.

use std::{ops::Range, ptr::NonNull};

use express_messages::audio::SAMPLE_RATE;
use opusic_sys as sys;

use super::{Decoder, length_of};
use crate::codec::CodecError;

/// Redundancy is coded in steps of 40 ms that end up to 40 ms before the packet does: so much more has to be read for a gap.
const STEP_SAMPLES: usize = 1_920;

/// What was read of one packet's deep redundancy.
///
/// # Real time
/// Allocates only in [`Dred::new`] (13 KB). Reading costs nothing where a packet has none, else about 50 µs for 120 ms; a frame
/// rebuilt from it costs what deep concealment does.
///
/// # Source
/// draft-ietf-mlcodec-opus-dred, in the experimental form of libopus 1.5 and 1.6 (extension 126).
#[derive(Debug)]
pub struct Dred {
    parser: NonNull<sys::OpusDREDDecoder>,
    state: NonNull<sys::OpusDRED>,
    /// What can be rebuilt, in samples back from the packet's begin; empty where nothing was read.
    reach: Range<usize>,
}

// SAFETY: both states are plain memory, owned by this value alone and reached through `&mut` where they change; libopus keeps
// nothing of them elsewhere.
unsafe impl Send for Dred {}

impl Drop for Dred {
    fn drop(&mut self) {
        // SAFETY: both came from their constructors, are owned by this value alone and freed once.
        unsafe {
            sys::opus_dred_free(self.state.as_ptr());
            sys::opus_dred_decoder_destroy(self.parser.as_ptr());
        }
    }
}

impl Dred {
    /// A reader that has read nothing.
    ///
    /// # Errors
    /// - [`CodecError::Create`] — out of memory (give up)
    pub fn new() -> Result<Self, CodecError> {
        let mut code = sys::OPUS_OK;
        let failed = |operation, code| CodecError::Create { operation, code };
        // SAFETY: `code` is writable.
        let parser = unsafe { sys::opus_dred_decoder_create(&mut code) };
        let parser = NonNull::new(parser).ok_or(failed("opus_dred_decoder_create", code))?;
        // SAFETY: `code` is writable.
        let state = unsafe { sys::opus_dred_alloc(&mut code) };
        let Some(state) = NonNull::new(state) else {
            // SAFETY: `parser` was made above and is used no more.
            unsafe { sys::opus_dred_decoder_destroy(parser.as_ptr()) };
            return Err(failed("opus_dred_alloc", code));
        };
        Ok(Self {
            parser,
            state,
            reach: 0..0,
        })
    }

    /// Reads the deep redundancy of `packet` as far as `back` samples before it; what was read before is gone.
    ///
    /// Returns the stretch that can be rebuilt, in samples back from the packet's begin; empty where the packet has none, or
    /// one that cannot be read.
    pub fn read(&mut self, packet: &[u8], back: usize) -> Range<usize> {
        self.reach = 0..0;
        let (Ok(length), Ok(back)) = (length_of(packet), i32::try_from(back.saturating_add(STEP_SAMPLES))) else {
            return 0..0;
        };
        let mut end = 0;
        // SAFETY: both states are valid and used by this thread alone (`&mut self`); `packet` is readable for `length` bytes and
        // `end` is writable. Nothing is deferred, so `state` is complete where a length comes back.
        let begin = unsafe {
            sys::opus_dred_parse(
                self.parser.as_ptr(),
                self.state.as_ptr(),
                packet.as_ptr(),
                length,
                back.min(SAMPLE_RATE as i32),
                SAMPLE_RATE as i32,
                &mut end,
                0,
            )
        };
        if let (Ok(end), Ok(begin)) = (usize::try_from(end), usize::try_from(begin))
            && end < begin
        {
            self.reach = end..begin;
        }
        self.reach.clone()
    }
}

impl Decoder {
    /// Rebuilds a stretch before the packet that `dred` was read of, beginning `back` samples before it; fills `out`.
    ///
    /// # Shape and units
    /// - `out`: interleaved, a multiple of 120 sample frames, within what [`Dred::read`] returned
    ///
    /// # Errors
    /// - [`CodecError::Decode`] — unfit length of `out`, or not within it (conceal instead)
    pub fn decode_dred(&mut self, dred: &Dred, back: usize, out: &mut [f32]) -> Result<usize, CodecError> {
        let frames = out.len() / self.channels;
        let bad = CodecError::Decode { code: sys::OPUS_BAD_ARG };
        let end = back.checked_sub(frames).ok_or(bad.clone())?;
        if frames == 0 || back > dred.reach.end || end < dred.reach.start {
            return Err(bad);
        }
        // SAFETY: both states are valid, the decoder's is used by this thread alone (`&mut self`) and the other one is only read
        // and complete, since its reach is not empty; `out` is writable for `frames` × channels values. Both numbers are at
        // most a few seconds of samples, so the casts are exact.
        let code = unsafe {
            sys::opus_decoder_dred_decode_float(
                self.state.as_ptr(),
                dred.state.as_ptr(),
                back as i32,
                out.as_mut_ptr(),
                frames as i32,
            )
        };
        super::decoded(code)
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, RngExt, SeedableRng};

    use super::*;
    use crate::codec::ffi::{
        MAX_PACKET_SAMPLES,
        encoder::{Application, RawEncoder, Setting, strip_extensions},
        inspect,
    };

    /// Packets of a tone with 200 ms of deep redundancy.
    fn packets(count: usize) -> Vec<Vec<u8>> {
        let mut encoder = RawEncoder::new(1, Application::Voip).unwrap();
        encoder.set(Setting::Bitrate(48_000)).unwrap();
        encoder.set(Setting::PacketLossPercent(20)).unwrap();
        encoder.set(Setting::DredFrames(20)).unwrap();
        let mut packet = [0; 1_275];
        let sample = |n: usize| 0.3 * (n as f32 * 0.02).sin() * (1.0 + (n as f32 * 0.000_4).sin());
        let frame = |n: usize| (0..960).map(|i| sample(n * 960 + i)).collect::<Vec<_>>();
        (0..count)
            .map(|n| {
                let length = encoder.encode(&frame(n), &mut packet).unwrap();
                packet[..length].to_vec()
            })
            .collect()
    }

    #[test]
    fn a_gap_before_a_packet_with_deep_redundancy_is_rebuilt() {
        let packets = packets(60);
        let (mut decoder, mut dred) = (Decoder::new(1, 6).unwrap(), Dred::new().unwrap());
        let mut out = vec![0.0; MAX_PACKET_SAMPLES];
        for packet in &packets[..50] {
            decoder.decode(packet, &mut out).unwrap();
        }
        for gap in 1..=6 {
            let reach = dred.read(&packets[55], gap * 960);
            assert!(reach.start == 0 && reach.end >= gap * 960, "{gap} frames: {reach:?}");
        }
        let reach = dred.read(&packets[55], 5 * 960);
        for missing in 0..5 {
            let back = (5 - missing) * 960;
            assert_eq!(decoder.decode_dred(&dred, back, &mut out[..960]), Ok(960));
            assert!(out[..960].iter().all(|sample| sample.is_finite()));
            assert!(
                out[..960].iter().any(|sample| sample.abs() > 0.02),
                "frame {missing} is silent"
            );
        }
        assert!(
            decoder.decode_dred(&dred, reach.end + 120, &mut out[..960]).is_err(),
            "beyond its reach"
        );
        assert!(
            decoder.decode_dred(&dred, 480, &mut out[..960]).is_err(),
            "into the packet itself"
        );
        assert!(dred.read(&packets[0][..1], 960).is_empty());
        assert!(decoder.decode_dred(&dred, 960, &mut out[..960]).is_err(), "nothing was read");
    }

    #[test]
    fn a_copy_is_the_same_frame_without_the_redundancy() {
        let mut packet = packets(50).pop().unwrap();
        let (shape, before) = (inspect(&packet).unwrap(), packet.len());
        let length = strip_extensions(&mut packet).unwrap();
        assert!(length < before - 20, "{length} of {before}");
        assert_eq!(inspect(&packet[..length]).unwrap().samples, shape.samples);
        assert!(Dred::new().unwrap().read(&packet[..length], 960).is_empty());
        assert!(strip_extensions(&mut []).is_err());
    }

    #[test]
    fn no_bytes_at_all_make_reading_or_rebuilding_panic() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(11);
        let packets = packets(40);
        let (mut decoder, mut dred) = (Decoder::new(2, 6).unwrap(), Dred::new().unwrap());
        let mut out = vec![0.0; 2 * MAX_PACKET_SAMPLES];
        let mut rebuilt = 0;
        for round in 0..2_000 {
            let mut packet = packets[10 + round % 30].clone();
            // Bits are flipped in the redundancy, which comes last, or anywhere; every fourth packet is cut off.
            let from = if round % 2 == 0 { packet.len() / 2 } else { 0 };
            for _ in 0..rng.random_range(1..6) {
                let at = rng.random_range(from..packet.len());
                packet[at] ^= rng.random_range(1..=255_u8);
            }
            if round % 4 == 3 {
                packet.truncate(rng.random_range(1..=packet.len()));
            } else if round % 16 == 2 {
                rng.fill_bytes(&mut packet[1..]);
            }
            let reach = dred.read(&packet, rng.random_range(0..60_000));
            let frames = 120 * rng.random_range(1..=8);
            let back = rng.random_range(0..=reach.end + 2_000);
            let result = decoder.decode_dred(&dred, back, &mut out[..2 * frames]);
            let within = back <= reach.end && back >= frames + reach.start && !reach.is_empty();
            assert_eq!(result.is_ok(), within, "{back} {frames} {reach:?}: {result:?}");
            rebuilt += usize::from(within);
        }
        assert!(rebuilt > 200, "{rebuilt}: most of it must reach the decoder");
    }
}
