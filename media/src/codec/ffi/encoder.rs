//! libopus' encoder, as little of it as is used.

use std::ptr::NonNull;

use express_messages::audio::SAMPLE_RATE;
use opusic_sys as sys;

use super::{length_of, set_up};
use crate::codec::CodecError;

/// What an encoder is made for (RFC 6716 §2.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Application {
    /// Speech above all.
    Voip,
    /// Whatever comes.
    Audio,
}

/// What can be set while encoding; takes effect with the next frame. The values' ranges are those of `opus_defines.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    /// Effort, 0..=10.
    Complexity(i32),
    /// Target in bit/s.
    Bitrate(i32),
    /// Discontinuous transmission.
    Dtx(bool),
    /// No sound above 8 kHz.
    Wideband(bool),
    /// In-band FEC (LBRR).
    InbandFec(bool),
    /// Loss that frames have to bear, in percent, 0..=100.
    PacketLossPercent(i32),
    /// Deep redundancy (DRED) of so many frames of 10 ms, 0..=104.
    DredFrames(i32),
}

impl Setting {
    /// The request's number, its value, and its name for an error.
    fn request(self) -> (i32, i32, &'static str) {
        match self {
            Self::Complexity(effort) => (sys::OPUS_SET_COMPLEXITY_REQUEST, effort, "OPUS_SET_COMPLEXITY"),
            Self::Bitrate(bits) => (sys::OPUS_SET_BITRATE_REQUEST, bits, "OPUS_SET_BITRATE"),
            Self::Dtx(on) => (sys::OPUS_SET_DTX_REQUEST, on.into(), "OPUS_SET_DTX"),
            Self::Wideband(on) => {
                let widest = if on {
                    sys::OPUS_BANDWIDTH_WIDEBAND
                } else {
                    sys::OPUS_BANDWIDTH_FULLBAND
                };
                (sys::OPUS_SET_MAX_BANDWIDTH_REQUEST, widest, "OPUS_SET_MAX_BANDWIDTH")
            }
            Self::InbandFec(on) => (sys::OPUS_SET_INBAND_FEC_REQUEST, on.into(), "OPUS_SET_INBAND_FEC"),
            Self::PacketLossPercent(loss) => (sys::OPUS_SET_PACKET_LOSS_PERC_REQUEST, loss, "OPUS_SET_PACKET_LOSS_PERC"),
            Self::DredFrames(frames) => (sys::OPUS_SET_DRED_DURATION_REQUEST, frames, "OPUS_SET_DRED_DURATION"),
        }
    }
}

/// An encoder of 48 kHz `f32` with 1 or 2 channels.
#[derive(Debug)]
pub(crate) struct RawEncoder {
    state: NonNull<sys::OpusEncoder>,
    channels: usize,
}

// SAFETY: as for the decoder: libopus keeps nothing of an encoder outside its state, which is owned by this value alone and
// reached through `&mut` only, so that it may move between threads.
unsafe impl Send for RawEncoder {}

impl Drop for RawEncoder {
    fn drop(&mut self) {
        // SAFETY: `state` came from opus_encoder_create, is owned by this value alone and destroyed once.
        unsafe { sys::opus_encoder_destroy(self.state.as_ptr()) }
    }
}

impl RawEncoder {
    /// An encoder of 1 or 2 channels (anything else becomes the nearest).
    ///
    /// # Errors
    /// - [`CodecError::Create`] — out of memory (give up)
    pub(crate) fn new(channels: usize, application: Application) -> Result<Self, CodecError> {
        let channels = channels.clamp(1, 2);
        let application = match application {
            Application::Voip => sys::OPUS_APPLICATION_VOIP,
            Application::Audio => sys::OPUS_APPLICATION_AUDIO,
        };
        let mut code = sys::OPUS_OK;
        // SAFETY: the arguments are in the documented ranges and `code` is writable.
        let state = unsafe { sys::opus_encoder_create(SAMPLE_RATE as i32, channels as i32, application, &mut code) };
        let Some(state) = NonNull::new(state).filter(|_| code == sys::OPUS_OK) else {
            let operation = "opus_encoder_create";
            return Err(CodecError::Create { operation, code });
        };
        Ok(Self { state, channels })
    }

    /// Channels of the input, 1 or 2.
    pub(crate) fn channels(&self) -> usize {
        self.channels
    }

    /// Changes a setting.
    ///
    /// # Errors
    /// - [`CodecError::Create`] — out of its range; the old value stays
    pub(crate) fn set(&mut self, setting: Setting) -> Result<(), CodecError> {
        let (request, value, name) = setting.request();
        // SAFETY: `state` is valid; all these requests take one `int` by value.
        let code = unsafe { sys::opus_encoder_ctl(self.state.as_ptr(), request, value) };
        set_up(name, code)
    }

    /// Samples per channel by which the decoded sound is behind the input.
    pub(crate) fn lookahead_samples(&mut self) -> usize {
        let mut samples = 0_i32;
        // SAFETY: `state` is valid; this request takes one pointer to a writable `int`, which outlives the call.
        let code = unsafe { sys::opus_encoder_ctl(self.state.as_ptr(), sys::OPUS_GET_LOOKAHEAD_REQUEST, &raw mut samples) };
        if code == sys::OPUS_OK {
            usize::try_from(samples).unwrap_or(0)
        } else {
            0
        }
    }

    /// Forgets all that was heard; the settings stay.
    ///
    /// # Errors
    /// - [`CodecError::Create`] — libopus refused it
    pub(crate) fn reset(&mut self) -> Result<(), CodecError> {
        // SAFETY: `state` is valid; this request takes no argument.
        let code = unsafe { sys::opus_encoder_ctl(self.state.as_ptr(), sys::OPUS_RESET_STATE) };
        set_up("OPUS_RESET_STATE", code)
    }

    /// Encodes one frame and returns the packet's length.
    ///
    /// # Shape and units
    /// - `pcm`: interleaved, a frame of a length that RFC 6716 §2.1.4 knows
    ///
    /// # Errors
    /// - [`CodecError::Encode`] — another length, or `packet` is too short
    pub(crate) fn encode(&mut self, pcm: &[f32], packet: &mut [u8]) -> Result<usize, CodecError> {
        let bad = |code| CodecError::Encode { code };
        let whole = pcm.len().is_multiple_of(self.channels);
        let frames = i32::try_from(pcm.len() / self.channels).ok().filter(|_| whole);
        let frames = frames.ok_or(bad(sys::OPUS_BAD_ARG))?;
        let room = i32::try_from(packet.len()).unwrap_or(i32::MAX);
        // SAFETY: `state` is valid and used by this thread alone (`&mut self`); `pcm` is readable for `frames` × channels values
        // and `packet` is writable for `room` bytes, and libopus stays within both.
        let code = unsafe { sys::opus_encode_float(self.state.as_ptr(), pcm.as_ptr(), frames, packet.as_mut_ptr(), room) };
        usize::try_from(code).map_err(|_| bad(code))
    }
}

/// Takes padding and extensions (DRED) out of a packet in its place, and returns what is left of its length.
///
/// # Errors
/// - [`CodecError::Decode`] — a malformed packet; nothing of it may be used then
pub(crate) fn strip_extensions(packet: &mut [u8]) -> Result<usize, CodecError> {
    let length = length_of(packet)?;
    // SAFETY: `packet` is readable and writable for `length` > 0 bytes; a packet only gets shorter.
    let code = unsafe { sys::opus_packet_unpad(packet.as_mut_ptr(), length) };
    super::decoded(code)
}
