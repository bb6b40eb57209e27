//! The Opus encoder of a publication.

use express_messages::{audio::SAMPLE_RATE, publisher::EncoderOptions};
use opus::{Application, Bandwidth, Bitrate, Channels};

use super::CodecError;
use crate::rtp::SendPlan;

/// Samples per channel in one encoded frame: 20 ms at 48 kHz.
pub const FRAME_SAMPLES: usize = 960;

/// libopus' effort, 0..=10. Nine is what browsers use on desktops; ten costs a third more and measures the same.
const COMPLEXITY: i32 = 9;

/// Up to this bitrate per channel speech is what the stream is for, and the speech modes of Opus gain from knowing it.
const VOIP_MAX_KBPS: u32 = 64;

/// Encodes 20 ms frames of 48 kHz sound.
///
/// # Real time
/// Allocates only in [`Encoder::new`]; one frame costs 0.2 to 0.3 ms.
#[derive(Debug)]
pub struct Encoder {
    inner: opus::Encoder,
    channels: usize,
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
    /// RFC 7587 §4 (48 kHz clock, 20 ms frames), §3.1.3 (DTX), RFC 6716 §2.1.7 (in-band FEC).
    pub fn new(options: &EncoderOptions) -> Result<Self, CodecError> {
        let stereo = options.channels >= 2;
        let speech = !stereo && options.bitrate_kbps <= VOIP_MAX_KBPS;
        let application = if speech { Application::Voip } else { Application::Audio };
        let layout = if stereo { Channels::Stereo } else { Channels::Mono };
        let mut inner = opus::Encoder::new(SAMPLE_RATE, layout, application).map_err(create)?;
        inner.set_complexity(COMPLEXITY).map_err(create)?;
        inner.set_dtx(options.dtx).map_err(create)?;
        let mut encoder = Self {
            inner,
            channels: if stereo { 2 } else { 1 },
            fec: options.fec,
        };
        encoder.set_bits_per_second(options.bitrate_kbps.saturating_mul(1_000))?;
        Ok(encoder)
    }

    /// Channels that [`encode`](Self::encode) expects: 1 or 2.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Sets bandwidth and in-band FEC as `plan` says.
    ///
    /// # Errors
    /// - [`CodecError::Create`] — libopus refused a setting; what was set before it stays set
    pub fn apply(&mut self, plan: &SendPlan) -> Result<(), CodecError> {
        let widest = if plan.wideband {
            Bandwidth::Wideband
        } else {
            Bandwidth::Fullband
        };
        self.inner.set_max_bandwidth(widest).map_err(create)?;
        self.inner.set_inband_fec(self.fec && plan.fec_against > 0).map_err(create)?;
        self.inner
            .set_packet_loss_perc(i32::from(plan.fec_against.min(100)))
            .map_err(create)
    }

    /// Sets the target bitrate of the frames in bit/s, brought into 6,000..=510,000.
    ///
    /// # Errors
    /// - [`CodecError::Create`] — libopus refused it; the old bitrate stays
    pub fn set_bits_per_second(&mut self, bits: u32) -> Result<(), CodecError> {
        // 510,000 at most, so it fits.
        let bits = i32::try_from(bits.clamp(6_000, 510_000)).unwrap_or(i32::MAX);
        self.inner.set_bitrate(Bitrate::Bits(bits)).map_err(create)
    }

    /// Forgets all that was heard, as after a pause.
    ///
    /// # Errors
    /// - [`CodecError::Create`] — libopus refused it
    pub fn reset(&mut self) -> Result<(), CodecError> {
        self.inner.reset_state().map_err(create)
    }

    /// Samples per channel by which the decoded sound is behind the input.
    pub fn lookahead_samples(&mut self) -> usize {
        self.inner.get_lookahead().map_or(0, |n| usize::try_from(n).unwrap_or(0))
    }

    /// Encodes one packet of 20, 40, 60, 80, 100 or 120 ms into `packet` and returns the packet's length; 1 or 2 bytes mean "nothing to send" (DTX).
    ///
    /// # Shape and units
    /// - `pcm`: interleaved, 1 to 6 times `FRAME_SAMPLES × channels` values, nominally −1.0..=1.0, 48 kHz
    ///
    /// # Errors
    /// - [`CodecError::Encode`] — `pcm` has another length, or `packet` is too short (carry on with the next frame)
    pub fn encode(&mut self, pcm: &[f32], packet: &mut [u8]) -> Result<usize, CodecError> {
        self.inner
            .encode_float(pcm, packet)
            .map_err(|e| CodecError::Encode { code: e.code() as i32 })
    }
}

fn create(error: opus::Error) -> CodecError {
    CodecError::Create {
        operation: error.function(),
        code: error.code() as i32,
    }
}
