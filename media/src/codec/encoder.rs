//! The Opus encoder of a publication.

use express_messages::publisher::{EncoderOptions, FrameLength};

use super::{
    CodecError,
    ffi::encoder::{Application, RawEncoder, Setting},
};
use crate::rtp::SendPlan;

/// libopus' effort, 0..=10. Nine is what browsers use on desktops; ten costs a third more and measures the same.
const COMPLEXITY: i32 = 9;

/// Up to this bitrate per channel speech is what the stream is for, and the speech modes of Opus gain from knowing it.
const VOIP_MAX_KBPS: u32 = 64;

/// Encodes frames of 48 kHz sound.
///
/// # Real time
/// Allocates only in [`Encoder::new`]; 20 ms cost 0.2 to 0.3 ms.
#[derive(Debug)]
pub struct Encoder {
    inner: RawEncoder,
    frame: FrameLength,
    /// Whether in-band FEC may be used at all.
    fec: bool,
}

impl Encoder {
    /// An encoder for `options`; a bitrate or channel count out of range becomes the nearest that is allowed.
    ///
    /// # Errors
    /// - [`CodecError::Create`] — libopus is out of memory or lacks a feature (give up)
    ///
    /// # Source
    /// RFC 7587 §4 (48 kHz clock, frames of 10 and 20 ms), §3.1.3 (DTX), RFC 6716 §2.1.7 (in-band FEC).
    pub fn new(options: &EncoderOptions) -> Result<Self, CodecError> {
        let stereo = options.channels >= 2;
        let speech = !stereo && options.bitrate_kbps <= VOIP_MAX_KBPS;
        let application = if speech { Application::Voip } else { Application::Audio };
        let mut inner = RawEncoder::new(options.channels, application)?;
        inner.set(Setting::Complexity(COMPLEXITY))?;
        inner.set(Setting::Dtx(options.dtx))?;
        let mut encoder = Self {
            inner,
            frame: options.frame,
            fec: options.fec,
        };
        encoder.set_bits_per_second(options.bitrate_kbps.saturating_mul(1_000))?;
        Ok(encoder)
    }

    /// Channels that [`encode`](Self::encode) expects: 1 or 2.
    pub fn channels(&self) -> usize {
        self.inner.channels()
    }

    /// How long its frames are.
    pub fn frame(&self) -> FrameLength {
        self.frame
    }

    /// Sets bandwidth, in-band FEC and deep redundancy as `plan` says.
    ///
    /// # Errors
    /// - [`CodecError::Create`] — libopus refused a setting; what was set before it stays set
    pub fn apply(&mut self, plan: &SendPlan) -> Result<(), CodecError> {
        self.inner.set(Setting::Wideband(plan.wideband))?;
        self.inner.set(Setting::InbandFec(self.fec && plan.fec_against > 0))?;
        self.inner.set(Setting::DredFrames(plan.dred_frames.into()))?;
        self.inner.set(Setting::PacketLossPercent(plan.loss_percent().into()))
    }

    /// Sets the target bitrate of the frames in bit/s, brought into 6,000..=510,000.
    ///
    /// # Errors
    /// - [`CodecError::Create`] — libopus refused it; the old bitrate stays
    pub fn set_bits_per_second(&mut self, bits: u32) -> Result<(), CodecError> {
        // 510,000 at most, so it fits.
        let bits = i32::try_from(bits.clamp(6_000, 510_000)).unwrap_or(i32::MAX);
        self.inner.set(Setting::Bitrate(bits))
    }

    /// Forgets all that was heard, as after a pause.
    ///
    /// # Errors
    /// - [`CodecError::Create`] — libopus refused it
    pub fn reset(&mut self) -> Result<(), CodecError> {
        self.inner.reset()
    }

    /// Samples per channel by which the decoded sound is behind the input.
    pub fn lookahead_samples(&mut self) -> usize {
        self.inner.lookahead_samples()
    }

    /// Encodes one packet of 10 to 120 ms into `packet` and returns the packet's length; 1 or 2 bytes mean "nothing to send" (DTX).
    ///
    /// # Shape and units
    /// - `pcm`: interleaved, one [`frame`](Self::frame) or 1 to 6 times 20 ms, × channels values, nominally −1.0..=1.0, 48 kHz
    ///
    /// # Errors
    /// - [`CodecError::Encode`] — `pcm` has another length, or `packet` is too short (carry on with the next frame)
    pub fn encode(&mut self, pcm: &[f32], packet: &mut [u8]) -> Result<usize, CodecError> {
        self.inner.encode(pcm, packet)
    }
}
