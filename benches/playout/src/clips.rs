//! Speech in and out as WAV.

use std::path::Path;

use crate::Fault;

/// Sample rate of everything here, in Hz.
pub(crate) const RATE: u32 = 48_000;

/// One clip of speech, mono at 48 kHz.
#[derive(Debug, Clone)]
pub(crate) struct Clip {
    pub(crate) name: String,
    pub(crate) path: std::path::PathBuf,
    pub(crate) samples: Vec<f32>,
}

/// All clips of a folder in the order of their names, each cut to whole 20 ms.
pub(crate) fn read_all(folder: &Path) -> Result<Vec<Clip>, Fault> {
    let mut clips = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wav") {
            clips.push(read(&path).map_err(|error| format!("{}: {error}", path.display()))?);
        }
    }
    if clips.is_empty() {
        return Err(format!("{}: no .wav files", folder.display()).into());
    }
    clips.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(clips)
}

fn read(path: &Path) -> Result<Clip, Fault> {
    let mut reader = hound::WavReader::open(path)?;
    let spec = reader.spec();
    if spec.channels != 1 || spec.sample_rate != RATE || spec.bits_per_sample != 16 {
        return Err("clips are mono, 48 kHz, 16 bit".into());
    }
    let samples: Result<Vec<_>, _> = reader.samples::<i16>().map(|s| s.map(|s| f32::from(s) / 32_768.0)).collect();
    let mut samples = samples?;
    samples.truncate(samples.len() / 960 * 960);
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Clip {
        name,
        path: path.to_owned(),
        samples,
    })
}

/// Writes mono samples as 16 bit WAV.
pub(crate) fn write(path: &Path, samples: &[f32]) -> Result<(), Fault> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec)?;
    for sample in samples {
        // Clamped, so that the cast is exact.
        writer.write_sample((sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16)?;
    }
    Ok(writer.finalize()?)
}
