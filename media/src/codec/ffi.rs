//! A small safe wrapper of libopus (crate `opusic-sys`): here the decoder, beneath it the encoder and deep redundancy. The only
//! module of this crate that calls C.
#![allow(unsafe_code)]

pub(super) mod dred;
pub(super) mod encoder;

use std::{
    mem::MaybeUninit,
    ptr::{self, NonNull},
};

use express_messages::audio::SAMPLE_RATE;
use opusic_sys as sys;

use super::CodecError;

/// The longest packet that RFC 6716 §3.2.5 (R5) allows, 120 ms, in samples per channel.
pub const MAX_PACKET_SAMPLES: usize = 5_760;

/// The shortest frame of Opus, 2.5 ms; whatever is concealed is a multiple of it.
pub(crate) const SHORTEST_FRAME_SAMPLES: usize = 120;

/// What the first bytes of an Opus packet say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketShape {
    /// Samples per channel, 120..=5760.
    pub samples: usize,
    /// 1 or 2 coded channels.
    pub channels: usize,
    /// Whether it carries in-band FEC for the frame before it.
    pub has_fec: bool,
    /// Whether it is an announcement of DTX: a table of contents and nothing to decode.
    pub is_dtx: bool,
}

/// Reads the shape of a packet without decoding it.
///
/// # Errors
/// - [`CodecError::Decode`] — empty, malformed, or longer than 120 ms
///
/// # Source
/// RFC 6716 §3.1 (TOC byte), §3.4 (malformed packets), §4.2.4 (LBRR flags).
pub fn inspect(packet: &[u8]) -> Result<PacketShape, CodecError> {
    let length = length_of(packet)?;
    // SAFETY: `packet` is readable for `length` > 0 bytes; the call reads only within them.
    let samples = unsafe { sys::opus_packet_get_nb_samples(packet.as_ptr(), length, SAMPLE_RATE as i32) };
    let samples = decoded(samples)?;
    // SAFETY: the call reads the first byte only, and `packet` is not empty.
    let channels = unsafe { sys::opus_packet_get_nb_channels(packet.as_ptr()) };
    // SAFETY: as for the number of samples; it parses the packet with the same bounds checks as the decoder.
    let lbrr = unsafe { sys::opus_packet_has_lbrr(packet.as_ptr(), length) };
    if lbrr < 0 {
        return Err(CodecError::Decode { code: lbrr });
    }
    Ok(PacketShape {
        samples,
        channels: if channels == 2 { 2 } else { 1 },
        has_fec: lbrr == 1,
        is_dtx: packet.len() <= 2,
    })
}

/// An Opus decoder: 48 kHz, `f32`, 1 or 2 channels.
///
/// # Real time
/// Allocates only in [`Decoder::new`]. One 20 ms frame costs about 0.1 ms with LACE, a concealed one up to 0.5 ms.
#[derive(Debug)]
pub struct Decoder {
    state: NonNull<sys::OpusDecoder>,
    channels: usize,
    /// A copy of the state, as [`Decoder::save`] made it.
    saved: Box<[MaybeUninit<u8>]>,
    has_saved: bool,
}

// SAFETY: libopus keeps no thread-local or global mutable state for a decoder ("a single codec state may only be accessed
// from a single thread at a time", and may move between threads); `Decoder` owns its state alone and offers `&mut` only.
unsafe impl Send for Decoder {}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: `state` came from opus_decoder_create, is owned by this value alone and destroyed once.
        unsafe { sys::opus_decoder_destroy(self.state.as_ptr()) }
    }
}

impl Decoder {
    /// A decoder that gives 1 or 2 channels (anything else becomes the nearest), with libopus' effort `complexity` (0..=10;
    /// 5 and more: deep concealment, 6: LACE speech enhancement, 7 and more: NoLACE).
    ///
    /// # Errors
    /// - [`CodecError::Create`] — out of memory (give up)
    pub fn new(channels: usize, complexity: i32) -> Result<Self, CodecError> {
        let channels = channels.clamp(1, 2);
        let mut code = sys::OPUS_OK;
        // SAFETY: the arguments are in the documented ranges and `code` is writable.
        let state = unsafe { sys::opus_decoder_create(SAMPLE_RATE as i32, channels as i32, &mut code) };
        let Some(state) = NonNull::new(state).filter(|_| code == sys::OPUS_OK) else {
            return Err(CodecError::Create {
                operation: "opus_decoder_create",
                code,
            });
        };
        // SAFETY: a pure function of a channel count in its documented range.
        let size = unsafe { sys::opus_decoder_get_size(channels as i32) };
        let mut decoder = Self {
            state,
            channels,
            saved: Box::new_uninit_slice(usize::try_from(size).unwrap_or(0)),
            has_saved: false,
        };
        decoder.set_complexity(complexity)?;
        Ok(decoder)
    }

    /// Channels of the output, 1 or 2.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Changes libopus' effort; takes effect with the next frame.
    ///
    /// # Errors
    /// - [`CodecError::Create`] — not in 0..=10
    pub fn set_complexity(&mut self, complexity: i32) -> Result<(), CodecError> {
        // SAFETY: `state` is valid; this request takes one `int` by value.
        let code = unsafe { sys::opus_decoder_ctl(self.state.as_ptr(), sys::OPUS_SET_COMPLEXITY_REQUEST, complexity) };
        set_up("OPUS_SET_COMPLEXITY", code)
    }

    /// Forgets all that was decoded; the complexity stays.
    ///
    /// # Errors
    /// - [`CodecError::Create`] — libopus refused it
    pub fn reset(&mut self) -> Result<(), CodecError> {
        // SAFETY: `state` is valid; this request takes no argument.
        let code = unsafe { sys::opus_decoder_ctl(self.state.as_ptr(), sys::OPUS_RESET_STATE) };
        set_up("OPUS_RESET_STATE", code)
    }

    /// Remembers the state, so that [`restore`](Self::restore) can undo what is decoded and concealed from now on.
    pub fn save(&mut self) {
        // SAFETY: a decoder state is one flat block of `opus_decoder_get_size` bytes that may be copied (opus_decoder_init may be
        // given any memory of that size, and libopus' own tests copy states so); source and target are distinct allocations
        // of that length.
        unsafe {
            let state = self.state.as_ptr().cast::<MaybeUninit<u8>>();
            ptr::copy_nonoverlapping(state, self.saved.as_mut_ptr(), self.saved.len());
        }
        self.has_saved = true;
    }

    /// Goes back to the state that was saved last; `false` where none is. A saved state serves once.
    pub fn restore(&mut self) -> bool {
        if std::mem::take(&mut self.has_saved) {
            // SAFETY: as in `save`, the other way round; `saved` was filled there.
            unsafe {
                let state = self.state.as_ptr().cast::<MaybeUninit<u8>>();
                ptr::copy_nonoverlapping(self.saved.as_ptr(), state, self.saved.len());
            }
            return true;
        }
        false
    }

    /// Forgets the saved state: what was decoded since is to stay.
    pub fn forget_saved(&mut self) {
        self.has_saved = false;
    }

    /// Whether a state is saved.
    pub fn has_saved(&self) -> bool {
        self.has_saved
    }

    /// Decodes `packet` into `out` and returns the sample frames written.
    ///
    /// # Shape and units
    /// - `out`: interleaved, room for all that the packet holds ([`MAX_PACKET_SAMPLES`] × channels always suffices)
    ///
    /// # Errors
    /// - [`CodecError::Decode`] — malformed packet or `out` too short; the decoder is as before (conceal and carry on)
    pub fn decode(&mut self, packet: &[u8], out: &mut [f32]) -> Result<usize, CodecError> {
        length_of(packet)?;
        self.run(packet, out, 0)
    }

    /// Rebuilds the frame before `packet` from the packet's in-band FEC, where it has some, else conceals; fills `out`.
    ///
    /// # Shape and units
    /// - `out`: interleaved, exactly the missing frame, a multiple of 120 sample frames
    ///
    /// # Errors
    /// - [`CodecError::Decode`] — malformed packet or unfit length of `out`
    pub fn decode_fec(&mut self, packet: &[u8], out: &mut [f32]) -> Result<usize, CodecError> {
        length_of(packet)?;
        self.run(packet, out, 1)
    }

    /// Conceals a missing stretch; fills `out`, which is a multiple of 120 sample frames.
    ///
    /// # Errors
    /// - [`CodecError::Decode`] — unfit length of `out`
    pub fn conceal(&mut self, out: &mut [f32]) -> Result<usize, CodecError> {
        self.run(&[], out, 0)
    }

    fn run(&mut self, packet: &[u8], out: &mut [f32], fec: i32) -> Result<usize, CodecError> {
        let frames = (out.len() / self.channels).min(MAX_PACKET_SAMPLES);
        let (data, length) = if packet.is_empty() {
            (ptr::null(), 0)
        } else {
            (packet.as_ptr(), length_of(packet)?)
        };
        // SAFETY: `state` is valid and used by this thread alone (`&mut self`); `data` is null with length 0 or readable for
        // `length` bytes; `out` is writable for `frames` × channels values, and libopus writes no more than that.
        let code = unsafe { sys::opus_decode_float(self.state.as_ptr(), data, length, out.as_mut_ptr(), frames as i32, fec) };
        decoded(code)
    }
}

fn length_of(packet: &[u8]) -> Result<i32, CodecError> {
    let bad = CodecError::Decode { code: sys::OPUS_BAD_ARG };
    match i32::try_from(packet.len()) {
        Ok(length) if length > 0 => Ok(length),
        _ => Err(bad),
    }
}

fn decoded(code: i32) -> Result<usize, CodecError> {
    match usize::try_from(code) {
        Ok(frames) if frames > 0 => Ok(frames),
        _ => Err(CodecError::Decode { code }),
    }
}

fn set_up(operation: &'static str, code: i32) -> Result<(), CodecError> {
    if code == sys::OPUS_OK {
        Ok(())
    } else {
        Err(CodecError::Create { operation, code })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_packet_is_refused_and_the_decoder_lives_on() {
        let mut decoder = Decoder::new(1, 6).unwrap();
        let mut out = vec![0.0; MAX_PACKET_SAMPLES];
        assert!(decoder.decode(&[], &mut out).is_err());
        // Code 3 with 63 frames of 20 ms: far beyond 120 ms.
        assert!(decoder.decode(&[0b0000_1011, 63, 0], &mut out).is_err());
        assert!(inspect(&[0b0000_1011, 63, 0]).is_err());
        assert!(inspect(&[]).is_err());
        assert_eq!(decoder.conceal(&mut out[..480]), Ok(480));
        assert!(decoder.conceal(&mut out[..481]).is_err());
        assert!(decoder.set_complexity(11).is_err());
        decoder.reset().unwrap();
    }

    #[test]
    fn a_restored_decoder_goes_on_as_if_nothing_had_been_concealed() {
        let options = express_messages::publisher::EncoderOptions::default();
        let mut encoder = crate::codec::Encoder::new(&options).unwrap();
        let (mut tried, mut straight) = (Decoder::new(1, 6).unwrap(), Decoder::new(1, 6).unwrap());
        assert!(!tried.restore());
        let (mut packet, mut out, mut expected) = ([0; 1_275], [0.0; 960], [0.0; 960]);
        for n in 0..100_u32 {
            let sound: Vec<f32> = (0..960).map(|k| 0.3 * ((n * 960 + k) as f32 * 0.05).sin()).collect();
            let length = encoder.encode(&sound, &mut packet).unwrap();
            tried.save();
            for _ in 0..3 {
                tried.conceal(&mut out).unwrap();
            }
            assert!(tried.restore());
            tried.decode(&packet[..length], &mut out).unwrap();
            straight.decode(&packet[..length], &mut expected).unwrap();
            assert_eq!(out, expected, "frame {n}");
        }
    }

    #[test]
    fn no_bytes_at_all_make_the_decoder_panic_or_write_too_much() {
        use rand::{Rng, SeedableRng};
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
        let mut decoder = Decoder::new(2, 6).unwrap();
        let mut out = vec![0.0; 2 * MAX_PACKET_SAMPLES];
        let mut packet = [0; 200];
        for round in 0..2_000 {
            rng.fill_bytes(&mut packet);
            let length = 1 + round % packet.len();
            let shape = inspect(&packet[..length]);
            let frames = decoder.decode(&packet[..length], &mut out);
            if let (Ok(shape), Ok(frames)) = (&shape, &frames) {
                assert_eq!(shape.samples, *frames);
            }
            assert!(frames.is_err() || shape.is_ok(), "decoded what inspect refused");
        }
    }
}
