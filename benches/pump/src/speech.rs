//! Speech as samples, and as the packets of a sender.

use std::{path::Path, time::Instant};

use express_examples::wav;
use express_media::rtp::{OPUS_PAYLOAD_TYPE, RtpPacketIn, RtpStart, SendPlan, send_pipeline};
use express_messages::{
    audio::{AudioBlock, BLOCK_FRAMES, CaptureSink},
    publisher::EncoderOptions,
};

use crate::Fault;

/// Speech that is played, per stream.
pub(crate) const SECONDS: usize = 20;
/// Payload bits a second.
const BITS: u32 = 32_000;

/// All clips of a folder, one after the other in the order of their names.
pub(crate) fn read_all(folder: &Path) -> Result<Vec<f32>, Fault> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wav") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut speech = Vec::new();
    for path in paths {
        speech.extend(wav::read_mono(&path).map_err(|error| format!("{}: {error}", path.display()))?);
    }
    if speech.len() < BLOCK_FRAMES {
        return Err(format!("{}: no speech in .wav files", folder.display()).into());
    }
    Ok(speech)
}

/// The packets of [`SECONDS`] of speech.
pub(crate) fn encode(speech: &[f32]) -> Result<Vec<RtpPacketIn>, Fault> {
    let options = EncoderOptions {
        bitrate_kbps: BITS / 1_000,
        ..Default::default()
    };
    let start = RtpStart {
        ssrc: 1,
        payload_type: OPUS_PAYLOAD_TYPE,
        sequence: 1,
        timestamp: 0,
    };
    let (mut sender, mut packets, control, _) = send_pipeline(&options, start)?;
    control.set_active(true);
    control.set_plan(SendPlan::plain(BITS));
    let now = Instant::now();
    let mut block = AudioBlock::silent(1);
    let mut sent = Vec::new();
    for samples in speech.chunks_exact(BLOCK_FRAMES).cycle().take(SECONDS * 100) {
        block.samples_mut().copy_from_slice(samples);
        sender.on_block(&block, now);
        sent.extend(std::iter::from_fn(|| packets.try_recv()).map(RtpPacketIn::from));
    }
    Ok(sent)
}
