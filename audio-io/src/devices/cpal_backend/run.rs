//! Opening a device with our callbacks.

use std::{sync::Arc, time::Duration};

use cpal::{
    BufferSize, Data, Error, ErrorKind, I24, SampleFormat, StreamConfig, SupportedStreamConfig, SupportedStreamConfigRange,
    traits::{DeviceTrait, StreamTrait},
};

use super::{config, info, open_error};
use crate::devices::{
    DeviceFailure, DeviceFormat, DeviceHealth, InputCallback, InputPort, OpenDevice, OpenDeviceError, OutputCallback, OutputPort,
    input_port, output_port,
};

/// How long a sound server may take to make a stream; it would block for ever.
const OPEN_WITHIN: Duration = Duration::from_secs(2);

/// Opens `device` for capture.
pub(super) fn open_input(device: &cpal::Device, period_ms: u32) -> Result<OpenDevice<InputPort>, OpenDeviceError> {
    let name = name(device);
    let failed = |error: Error| open_error(&error, &name);
    // As many channels as it has by itself, at most two.
    let channels = device
        .default_input_config()
        .map_or(1, |config| config.channels().clamp(1, 2));
    let plan = Plan::new(device.supported_input_configs().map_err(failed)?, channels, period_ms, &name)?;
    let (mut callback, mut port) = input_port(plan.format);
    let health = Arc::clone(callback.health());
    let stream = device
        .build_input_stream_raw(
            plan.config,
            plan.sample_format,
            move |data, _| take(&mut callback, data),
            move |error| note(&health, &error),
            Some(OPEN_WITHIN),
        )
        .map_err(failed)?;
    stream.play().map_err(failed)?;
    port.format.period_frames = came(&stream, plan.format.period_frames);
    Ok(opened(device, name, port, stream))
}

/// Opens `device` for playout.
pub(super) fn open_output(device: &cpal::Device, period_ms: u32) -> Result<OpenDevice<OutputPort>, OpenDeviceError> {
    let name = name(device);
    let failed = |error: Error| open_error(&error, &name);
    let plan = Plan::new(device.supported_output_configs().map_err(failed)?, 2, period_ms, &name)?;
    let (mut callback, mut port) = output_port(plan.format);
    let health = Arc::clone(callback.health());
    let stream = device
        .build_output_stream_raw(
            plan.config,
            plan.sample_format,
            move |data, _| fill(&mut callback, data),
            move |error| note(&health, &error),
            Some(OPEN_WITHIN),
        )
        .map_err(failed)?;
    stream.play().map_err(failed)?;
    port.format.period_frames = came(&stream, plan.format.period_frames);
    Ok(opened(device, name, port, stream))
}

/// How a device is to be opened.
struct Plan {
    config: StreamConfig,
    sample_format: SampleFormat,
    format: DeviceFormat,
}

impl Plan {
    fn new(
        ranges: impl Iterator<Item = SupportedStreamConfigRange>,
        channels: u16,
        period_ms: u32,
        name: &str,
    ) -> Result<Self, OpenDeviceError> {
        let best: SupportedStreamConfig = config::best(ranges, channels).ok_or_else(|| OpenDeviceError::Format {
            name: name.to_owned(),
            reason: format!("none of its sample formats is one of {:?}", config::FORMATS),
        })?;
        let period = config::period_frames(&best, period_ms);
        Ok(Self {
            config: StreamConfig {
                buffer_size: BufferSize::Fixed(period),
                ..best.config()
            },
            sample_format: best.sample_format(),
            format: DeviceFormat {
                rate_hz: best.sample_rate(),
                channels: usize::from(best.channels()),
                period_frames: period as usize,
            },
        })
    }
}

fn name(device: &cpal::Device) -> String {
    info(device).map_or_else(|| "unknown device".into(), |info| info.device_name)
}

/// The period that the device really took, at least the one asked for.
fn came(stream: &cpal::Stream, asked: usize) -> usize {
    stream.buffer_size().map_or(asked, |frames| asked.max(frames as usize))
}

fn opened<Port>(device: &cpal::Device, name: String, port: Port, stream: cpal::Stream) -> OpenDevice<Port> {
    OpenDevice {
        device_id: device.id().map_or_else(|_| String::new(), |id| id.to_string()),
        name,
        port,
        stream: Box::new(stream),
    }
}

/// The playout callback: copies and converts.
fn fill(callback: &mut OutputCallback, data: &mut Data) {
    macro_rules! fill_as {
        ($($format:ident: $sample:ty),*) => {
            match data.sample_format() {
                $(SampleFormat::$format => data.as_slice_mut::<$sample>().map(|out| callback.fill(out)),)*
                _ => None,
            }
        };
    }
    if fill_as!(F32: f32, I16: i16, I32: i32, I24: I24, U16: u16, U8: u8).is_none() {
        // It was opened in one of these formats: a device that calls with another is broken.
        callback.health().fail(DeviceFailure::Failed);
    }
}

/// The capture callback: copies and converts.
fn take(callback: &mut InputCallback, data: &Data) {
    macro_rules! take_as {
        ($($format:ident: $sample:ty),*) => {
            match data.sample_format() {
                $(SampleFormat::$format => data.as_slice::<$sample>().map(|samples| callback.take(samples)),)*
                _ => None,
            }
        };
    }
    if take_as!(F32: f32, I16: i16, I32: i32, I24: I24, U16: u16, U8: u8).is_none() {
        callback.health().fail(DeviceFailure::Failed);
    }
}

/// The error callback: a broken ALSA device calls it millions of times a second, so it only notes.
fn note(health: &DeviceHealth, error: &Error) {
    match error.kind() {
        ErrorKind::Xrun => health.count_xrun(),
        // It goes on by itself, without priority.
        ErrorKind::RealtimeDenied => {}
        // Its route or format is another: what was agreed with it may not hold any more.
        ErrorKind::DeviceChanged | ErrorKind::StreamInvalidated => health.fail(DeviceFailure::Changed),
        ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable => {
            health.fail(DeviceFailure::Unplugged);
        }
        _ => health.count_error(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_callback_tells_gaps_from_the_end() {
        for (kind, failure, xruns) in [
            (ErrorKind::Xrun, None, 1),
            (ErrorKind::DeviceChanged, Some(DeviceFailure::Changed), 0),
            (ErrorKind::RealtimeDenied, None, 0),
            (ErrorKind::DeviceNotAvailable, Some(DeviceFailure::Unplugged), 0),
            (ErrorKind::StreamInvalidated, Some(DeviceFailure::Changed), 0),
            (ErrorKind::BackendError, None, 0),
        ] {
            let health = DeviceHealth::default();
            note(&health, &kind.into());
            assert_eq!((health.failure(), health.xruns()), (failure, xruns), "{kind:?}");
        }
    }
}
