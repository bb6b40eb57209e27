//! A sound system that a test makes, through the `custom` host of `cpal`: our code runs on it as on any other.
//!
//! Its devices open, refuse and report errors as a test says. No sound passes: what a callback does with samples is tested
//! where it stands (`devices/port.rs`).

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
    vec,
};

use cpal::{
    Data, DeviceDescription, DeviceDescriptionBuilder, DeviceId, Error, ErrorKind, FrameCount, HostId, InputCallbackInfo,
    OutputCallbackInfo, SampleFormat, StreamConfig, StreamInstant, SupportedBufferSize, SupportedStreamConfig,
    SupportedStreamConfigRange,
    traits::{DeviceTrait, HostTrait, StreamTrait},
};

/// Where a device refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Asked for its formats.
    Formats,
    /// Asked for a stream.
    Build,
    /// Asked to run.
    Play,
}

/// What became of a device.
#[derive(Default)]
struct State {
    asked: Option<(StreamConfig, SampleFormat)>,
    errors: Option<Box<dyn FnMut(Error) + Send>>,
    runs: bool,
}

/// A microphone or a speaker of 48 kHz and two channels. Clones share what becomes of it.
#[derive(Clone)]
pub(super) struct FakeDevice {
    name: &'static str,
    input: bool,
    formats: Vec<SupportedStreamConfigRange>,
    refuses: Option<(Step, ErrorKind)>,
    gives: FrameCount,
    state: Arc<Mutex<State>>,
}

impl FakeDevice {
    pub(super) fn microphone(name: &'static str) -> Self {
        Self::new(name, true)
    }

    pub(super) fn speaker(name: &'static str) -> Self {
        Self::new(name, false)
    }

    fn new(name: &'static str, input: bool) -> Self {
        Self {
            name,
            input,
            formats: vec![format(48_000, 2, SampleFormat::F32)],
            refuses: None,
            gives: 0,
            state: Arc::default(),
        }
    }

    pub(super) fn with_formats(mut self, formats: Vec<SupportedStreamConfigRange>) -> Self {
        self.formats = formats;
        self
    }

    pub(super) fn refusing(mut self, step: Step, kind: ErrorKind) -> Self {
        self.refuses = Some((step, kind));
        self
    }

    /// Its callbacks have `frames`, whatever was asked for.
    pub(super) fn giving(mut self, frames: FrameCount) -> Self {
        self.gives = frames;
        self
    }

    /// Its id as it is listed.
    pub(super) fn id_text(&self) -> String {
        DeviceId::new(HostId::Custom, self.name).to_string()
    }

    /// The format of the stream that was asked for.
    pub(super) fn asked(&self) -> Option<(StreamConfig, SampleFormat)> {
        self.state().asked
    }

    /// Whether a stream of it is alive and runs.
    pub(super) fn runs(&self) -> bool {
        self.state().runs
    }

    /// Calls the error callback of its stream.
    pub(super) fn fail(&self, kind: ErrorKind) {
        let mut state = self.state();
        let report = state.errors.as_mut().expect("a stream was made");
        report(kind.into());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass(&self, step: Step) -> Result<(), Error> {
        match self.refuses {
            Some((at, kind)) if at == step => Err(kind.into()),
            _ => Ok(()),
        }
    }

    fn formats(&self, input: bool) -> Result<vec::IntoIter<SupportedStreamConfigRange>, Error> {
        self.pass(Step::Formats)?;
        let formats = if self.input == input {
            self.formats.clone()
        } else {
            Vec::new()
        };
        Ok(formats.into_iter())
    }

    fn build(
        &self,
        config: StreamConfig,
        format: SampleFormat,
        errors: impl FnMut(Error) + Send + 'static,
    ) -> Result<FakeStream, Error> {
        self.pass(Step::Build)?;
        let mut state = self.state();
        state.asked = Some((config, format));
        state.errors = Some(Box::new(errors));
        Ok(FakeStream(self.clone()))
    }
}

/// One format at one rate.
pub(super) fn format(rate: u32, channels: u16, format: SampleFormat) -> SupportedStreamConfigRange {
    SupportedStreamConfigRange::new(channels, rate, rate, SupportedBufferSize::Unknown, format)
}

impl PartialEq for FakeDevice {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for FakeDevice {}

impl Hash for FakeDevice {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Debug for FakeDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FakeDevice").field(&self.name).finish()
    }
}

impl fmt::Display for FakeDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl DeviceTrait for FakeDevice {
    type SupportedInputConfigs = vec::IntoIter<SupportedStreamConfigRange>;
    type SupportedOutputConfigs = vec::IntoIter<SupportedStreamConfigRange>;
    type Stream = FakeStream;

    fn description(&self) -> Result<DeviceDescription, Error> {
        Ok(DeviceDescriptionBuilder::new(format!("the {}", self.name)).build())
    }

    fn id(&self) -> Result<DeviceId, Error> {
        Ok(DeviceId::new(HostId::Custom, self.name))
    }

    fn supports_input(&self) -> bool {
        self.input
    }

    fn supports_output(&self) -> bool {
        !self.input
    }

    fn supported_input_configs(&self) -> Result<Self::SupportedInputConfigs, Error> {
        self.formats(true)
    }

    fn supported_output_configs(&self) -> Result<Self::SupportedOutputConfigs, Error> {
        self.formats(false)
    }

    fn default_input_config(&self) -> Result<SupportedStreamConfig, Error> {
        let first = self.formats(true)?.next().ok_or(ErrorKind::UnsupportedConfig)?;
        Ok(first.with_max_sample_rate())
    }

    fn default_output_config(&self) -> Result<SupportedStreamConfig, Error> {
        let first = self.formats(false)?.next().ok_or(ErrorKind::UnsupportedConfig)?;
        Ok(first.with_max_sample_rate())
    }

    fn build_input_stream_raw<D, E>(
        &self,
        config: StreamConfig,
        sample_format: SampleFormat,
        _: D,
        error_callback: E,
        _: Option<Duration>,
    ) -> Result<Self::Stream, Error>
    where
        D: FnMut(&Data, &InputCallbackInfo) + Send + 'static,
        E: FnMut(Error) + Send + 'static,
    {
        self.build(config, sample_format, error_callback)
    }

    fn build_output_stream_raw<D, E>(
        &self,
        config: StreamConfig,
        sample_format: SampleFormat,
        _: D,
        error_callback: E,
        _: Option<Duration>,
    ) -> Result<Self::Stream, Error>
    where
        D: FnMut(&mut Data, &OutputCallbackInfo) + Send + 'static,
        E: FnMut(Error) + Send + 'static,
    {
        self.build(config, sample_format, error_callback)
    }
}

/// A stream of a device.
pub(super) struct FakeStream(FakeDevice);

impl Drop for FakeStream {
    fn drop(&mut self) {
        self.0.state().runs = false;
    }
}

impl StreamTrait for FakeStream {
    fn play(&self) -> Result<(), Error> {
        self.0.pass(Step::Play)?;
        self.0.state().runs = true;
        Ok(())
    }

    fn pause(&self) -> Result<(), Error> {
        self.0.state().runs = false;
        Ok(())
    }

    fn now(&self) -> StreamInstant {
        StreamInstant::new(0, 0)
    }

    fn buffer_size(&self) -> Result<FrameCount, Error> {
        Ok(self.0.gives)
    }
}

/// A sound system with devices; the first of each direction is the default one.
pub(super) struct FakeHost {
    devices: Vec<FakeDevice>,
    /// How often it still answers.
    answers: AtomicUsize,
}

impl FakeHost {
    pub(super) fn new(devices: Vec<FakeDevice>) -> Self {
        Self {
            devices,
            answers: AtomicUsize::new(usize::MAX),
        }
    }

    /// It goes away after so many looks at its devices, for each connection that is made.
    pub(super) fn going_away_after(self, answers: usize) -> Self {
        Self {
            answers: AtomicUsize::new(answers),
            ..self
        }
    }
}

impl Clone for FakeHost {
    /// Another connection to it.
    fn clone(&self) -> Self {
        Self {
            devices: self.devices.clone(),
            answers: AtomicUsize::new(self.answers.load(Ordering::Relaxed)),
        }
    }
}

impl HostTrait for FakeHost {
    type Devices = vec::IntoIter<FakeDevice>;
    type Device = FakeDevice;

    fn is_available() -> bool {
        true
    }

    fn devices(&self) -> Result<Self::Devices, Error> {
        let left = self.answers.load(Ordering::Relaxed);
        self.answers.store(left.saturating_sub(1), Ordering::Relaxed);
        match left {
            0 => Err(ErrorKind::HostUnavailable.into()),
            _ => Ok(self.devices.clone().into_iter()),
        }
    }

    fn default_input_device(&self) -> Option<Self::Device> {
        self.devices.iter().find(|device| device.input).cloned()
    }

    fn default_output_device(&self) -> Option<Self::Device> {
        self.devices.iter().find(|device| !device.input).cloned()
    }
}
