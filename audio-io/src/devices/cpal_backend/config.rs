//! Which of its formats a device is opened in.

use cpal::{SampleFormat, SupportedBufferSize, SupportedStreamConfig, SupportedStreamConfigRange};
use express_messages::audio::SAMPLE_RATE;

/// Formats that the callbacks convert, best first.
pub(super) const FORMATS: [SampleFormat; 6] = [
    SampleFormat::F32,
    SampleFormat::I16,
    SampleFormat::I32,
    SampleFormat::I24,
    SampleFormat::U16,
    SampleFormat::U8,
];

/// The best of `ranges`: 48 kHz before other rates, then a usable sample format, then as near as can be to `channels`.
///
/// Where no range holds 48 kHz, the one nearest to it: it is resampled then.
pub(super) fn best(ranges: impl Iterator<Item = SupportedStreamConfigRange>, channels: u16) -> Option<SupportedStreamConfig> {
    let ranked = ranges.filter_map(|range| {
        let format = FORMATS.iter().position(|format| *format == range.sample_format())?;
        let rate = SAMPLE_RATE.clamp(range.min_sample_rate(), range.max_sample_rate());
        let rank = (
            rate.abs_diff(SAMPLE_RATE),
            // Fewer channels than wanted lose something; more do not.
            range.channels() < channels,
            range.channels().abs_diff(channels),
            format,
        );
        Some((rank, range.with_sample_rate(rate)))
    });
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, config)| config)
}

/// `period_ms` in frames of `config`, as near as the device allows.
pub(super) fn period_frames(config: &SupportedStreamConfig, period_ms: u32) -> u32 {
    let wanted = config.sample_rate().saturating_mul(period_ms) / 1_000;
    match config.buffer_size() {
        SupportedBufferSize::Range { min, max } if min <= max => wanted.clamp(*min, *max),
        _ => wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(channels: u16, rates: (u32, u32), format: SampleFormat) -> SupportedStreamConfigRange {
        SupportedStreamConfigRange::new(channels, rates.0, rates.1, SupportedBufferSize::Unknown, format)
    }

    #[test]
    fn the_best_format_is_48_khz_in_float_with_the_wanted_channels() {
        let any = (8_000, 192_000);
        let cases = [
            (
                vec![range(1, any, SampleFormat::F32), range(2, any, SampleFormat::I16)],
                (48_000, 2, SampleFormat::I16),
            ),
            (
                vec![range(8, any, SampleFormat::I16), range(2, any, SampleFormat::F32)],
                (48_000, 2, SampleFormat::F32),
            ),
            (
                vec![range(2, (44_100, 44_100), SampleFormat::F32)],
                (44_100, 2, SampleFormat::F32),
            ),
            (
                vec![
                    range(2, (96_000, 192_000), SampleFormat::F32),
                    range(1, (8_000, 44_100), SampleFormat::I16),
                ],
                (44_100, 1, SampleFormat::I16),
            ),
            (
                vec![range(2, any, SampleFormat::F64), range(4, any, SampleFormat::U8)],
                (48_000, 4, SampleFormat::U8),
            ),
        ];
        for (ranges, (rate, channels, format)) in cases {
            let best = best(ranges.into_iter(), 2).unwrap();
            assert_eq!(
                (best.sample_rate(), best.channels(), best.sample_format()),
                (rate, channels, format)
            );
        }
    }

    #[test]
    fn a_device_without_a_usable_format_has_none() {
        assert!(best([range(2, (48_000, 48_000), SampleFormat::F64)].into_iter(), 2).is_none());
    }

    #[test]
    fn the_period_stays_inside_what_the_device_allows() {
        for (min, max, wanted) in [(1, 100_000, 960), (1_024, 4_096, 1_024), (64, 512, 512), (9, 3, 960)] {
            let config = SupportedStreamConfig::new(2, 48_000, SupportedBufferSize::Range { min, max }, SampleFormat::F32);
            assert_eq!(period_frames(&config, 20), wanted);
        }
    }
}
