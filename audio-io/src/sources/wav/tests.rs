use std::io::Write;

use hound::{WavSpec, WavWriter};
use proptest::prelude::*;

use super::*;
use crate::scratch::ScratchDir;

fn spec(rate: u32, channels: u16, bits: u16, format: SampleFormat) -> WavSpec {
    WavSpec {
        channels,
        sample_rate: rate,
        bits_per_sample: bits,
        sample_format: format,
    }
}

fn write_i32(path: &Path, spec: WavSpec, samples: impl IntoIterator<Item = i32>) {
    let mut writer = WavWriter::create(path, spec).unwrap();
    samples.into_iter().for_each(|s| writer.write_sample(s).unwrap());
    writer.finalize().unwrap();
}

fn read_all(decoder: &mut WavDecoder) -> Vec<f32> {
    let mut out = Vec::new();
    loop {
        let mut block = vec![0.0; 480 * decoder.channels()];
        let frames = decoder.next(&mut block);
        out.extend_from_slice(&block[..frames * decoder.channels()]);
        if frames < 480 {
            return out;
        }
    }
}

#[test]
fn each_sample_format_is_read_at_its_full_scale() {
    let dir = ScratchDir::new();
    for (bits, value) in [(16, 8_192), (24, 2_097_152), (32, 536_870_912)] {
        let path = dir.file("int.wav");
        write_i32(&path, spec(48_000, 1, bits, SampleFormat::Int), [value, -value]);
        assert_eq!(
            read_all(&mut WavDecoder::open(&path, false).unwrap()),
            [0.25, -0.25],
            "{bits} bit"
        );
    }
    let path = dir.file("float.wav");
    let mut writer = WavWriter::create(&path, spec(48_000, 1, 32, SampleFormat::Float)).unwrap();
    for s in [0.25f32, f32::NAN, -0.25] {
        writer.write_sample(s).unwrap();
    }
    writer.finalize().unwrap();
    assert_eq!(read_all(&mut WavDecoder::open(&path, false).unwrap()), [0.25, 0.0, -0.25]);
}

#[test]
fn more_than_two_channels_are_mixed_down_to_two() {
    let dir = ScratchDir::new();
    for (channels, frame, wanted) in [
        (3u16, vec![8_192, 4_096, 24_576], [0.5, 0.125]),
        (4, vec![8_192, 4_096, 24_576, 12_288], [0.5, 0.25]),
    ] {
        let path = dir.file("many.wav");
        write_i32(&path, spec(48_000, channels, 16, SampleFormat::Int), frame);
        let mut decoder = WavDecoder::open(&path, false).unwrap();
        assert_eq!(decoder.channels(), 2);
        assert_eq!(read_all(&mut decoder), wanted);
    }
}

#[test]
fn a_file_of_another_rate_keeps_its_length_and_its_place_in_time() {
    let dir = ScratchDir::new();
    for rate in [8_000u32, 16_000, 44_100, 96_000, 192_000] {
        let path = dir.file("rate.wav");
        // One second of silence with a 500 Hz burst from 0.5 s on.
        let samples = (0..rate).map(|i| {
            let t = f64::from(i) / f64::from(rate);
            let s = if t < 0.5 {
                0.0
            } else {
                (std::f64::consts::TAU * 500.0 * t).sin()
            };
            (s * 16_384.0) as i32
        });
        write_i32(&path, spec(rate, 1, 16, SampleFormat::Int), samples);
        let out = read_all(&mut WavDecoder::open(&path, false).unwrap());
        assert_eq!(out.len(), 48_000, "{rate} Hz");
        let worst = out.iter().enumerate().map(|(i, s)| {
            let t = i as f64 / 48_000.0;
            let wanted = if t < 0.5 {
                0.0
            } else {
                0.5 * (std::f64::consts::TAU * 500.0 * t).sin()
            };
            // The edges of the burst ring, within the reach of the filter; everywhere else the samples agree.
            let reach = 128.0 / f64::from(rate);
            if (t - 0.5).abs() < reach || t > 1.0 - reach {
                0.0
            } else {
                (f64::from(*s) - wanted).abs()
            }
        });
        let worst = worst.fold(0.0, f64::max);
        // Half a sample frame is 0.016 of this tone.
        assert!(worst < 0.018, "{rate} Hz: off by {worst}");
    }
}

#[test]
fn a_repeated_file_has_no_seam() {
    let dir = ScratchDir::new();
    let path = dir.file("loop.wav");
    // 1,470 samples at 44.1 kHz are 1/30 s: ten periods of 300 Hz.
    let samples = (0..1_470).map(|i| ((std::f64::consts::TAU * f64::from(i) / 147.0).sin() * 16_384.0) as i32);
    write_i32(&path, spec(44_100, 1, 16, SampleFormat::Int), samples);
    let mut decoder = WavDecoder::open(&path, true).unwrap();
    let mut out = vec![0.0; 48_000];
    assert_eq!(decoder.next(&mut out), 48_000);
    for (i, s) in out.iter().enumerate().skip(480) {
        let wanted = 0.5 * (std::f64::consts::TAU * 300.0 * i as f64 / 48_000.0).sin();
        assert!((f64::from(*s) - wanted).abs() < 0.012, "sample {i}");
    }
}

#[test]
fn what_is_no_usable_wav_file_is_refused_with_1100001() {
    let dir = ScratchDir::new();
    let refused = |path: &Path, repeat| {
        let error = WavDecoder::open(path, repeat).err().expect("refused");
        assert_eq!(express_messages::ZegoError::from(error).code, 1100001, "{}", path.display());
    };
    refused(&dir.file("absent.wav"), false);
    let text = dir.file("text.wav");
    std::fs::write(&text, "RIFF but not really").unwrap();
    refused(&text, false);
    for (rate, channels, bits) in [(7_999, 1, 16), (192_001, 1, 16), (48_000, 65, 16), (48_000, 1, 8)] {
        let path = dir.file("odd.wav");
        write_i32(
            &path,
            spec(rate, channels, bits, SampleFormat::Int),
            vec![0; usize::from(channels) * 1_000],
        );
        refused(&path, false);
    }
    let empty = dir.file("empty.wav");
    write_i32(&empty, spec(48_000, 1, 16, SampleFormat::Int), []);
    refused(&empty, false);
    let tiny = dir.file("tiny.wav");
    write_i32(&tiny, spec(48_000, 1, 16, SampleFormat::Int), vec![0; 479]);
    refused(&tiny, true);
    assert!(WavDecoder::open(&tiny, false).is_ok());
}

#[test]
fn a_file_that_is_cut_short_ends_where_its_data_ends() {
    let dir = ScratchDir::new();
    let path = dir.file("cut.wav");
    write_i32(&path, spec(48_000, 1, 16, SampleFormat::Int), vec![8_192; 4_800]);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 4_801]).unwrap();
    assert_eq!(read_all(&mut WavDecoder::open(&path, false).unwrap()).len(), 2_399);
    let mut looped = WavDecoder::open(&path, true).unwrap();
    let mut out = vec![0.0; 9_600];
    assert_eq!(looped.next(&mut out), 9_600, "it repeats what is there");
    assert!(out.iter().all(|s| *s == 0.25));
}

proptest! {
    #[test]
    fn no_header_makes_it_panic_or_run_for_ever(
        head in proptest::collection::vec(any::<u8>(), 28),
        size in any::<u32>(), repeat in any::<bool>(), tail in 0usize..200,
    ) {
        let dir = ScratchDir::new();
        let path = dir.file("fuzz.wav");
        let mut file = File::create(&path).unwrap();
        file.write_all(b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0").unwrap();
        // Half of the cases have a plausible format so that more than the header is reached.
        let format = if head[0] & 1 == 0 { &head[..16] } else { b"\x01\0\x02\0\x80\xbb\0\0\0\xee\x02\0\x04\0\x10\0" };
        file.write_all(format).unwrap();
        file.write_all(b"data").unwrap();
        file.write_all(&size.to_le_bytes()).unwrap();
        file.write_all(&vec![head[1]; tail]).unwrap();
        drop(file);
        if let Ok(mut decoder) = WavDecoder::open(&path, repeat) {
            let mut out = vec![0.0; 960 * decoder.channels()];
            for _ in 0..5 {
                prop_assert!(decoder.next(&mut out) <= 960);
                prop_assert!(out.iter().all(|s| s.is_finite()));
            }
        }
    }
}
