//! Devices that a test moves: no sound card, no daemon, no time of their own.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use express_messages::types::ZegoDeviceInfo;

use super::{
    AudioBackend, DeviceFailure, DeviceFormat, DeviceHealth, DeviceList, InputCallback, InputPort, ListDevicesError, OpenDevice,
    OpenDeviceError, OutputCallback, OutputPort, SCREEN, input_port, not_found, output_port,
};

/// The end of an open device that its callback would hold.
#[derive(Debug)]
enum Running {
    Input(InputCallback),
    Output(OutputCallback),
}

impl Running {
    fn health(&self) -> &Arc<DeviceHealth> {
        match self {
            Self::Input(callback) => callback.health(),
            Self::Output(callback) => callback.health(),
        }
    }
}

#[derive(Debug)]
struct Scripted {
    info: ZegoDeviceInfo,
    format: DeviceFormat,
    input: bool,
    refuse: Option<OpenDeviceError>,
    /// It is there.
    plugged: bool,
    running: Option<Running>,
    /// What runs is in a former format, and is called no more.
    is_stale: bool,
    opened: usize,
}

impl Scripted {
    fn is_listed(&self) -> bool {
        self.info.device_id != SCREEN
    }
}

/// A set of devices. Clones share them: one goes to the actor as its backend, one stays with the test.
///
/// The first device of each direction is the default one. A device can be open once; a second open finds it busy.
#[derive(Clone, Default)]
pub struct ScriptedDevices(Arc<Mutex<Vec<Scripted>>>);

impl fmt::Debug for ScriptedDevices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ScriptedDevices").field(&*self.lock()).finish()
    }
}

impl ScriptedDevices {
    /// No devices yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a capture device; its name is its id.
    #[must_use]
    pub fn with_microphone(self, id: &str, format: DeviceFormat) -> Self {
        self.with(id, format, true)
    }

    /// Adds the sound of the screen, as device [`SCREEN`].
    #[must_use]
    pub fn with_screen(self, format: DeviceFormat) -> Self {
        self.with(SCREEN, format, true)
    }

    /// Adds a playout device; its name is its id.
    #[must_use]
    pub fn with_speaker(self, id: &str, format: DeviceFormat) -> Self {
        self.with(id, format, false)
    }

    fn with(self, id: &str, format: DeviceFormat, input: bool) -> Self {
        self.lock().push(Scripted {
            info: ZegoDeviceInfo {
                device_name: id.into(),
                device_id: id.into(),
            },
            format,
            input,
            refuse: None,
            plugged: true,
            running: None,
            is_stale: false,
            opened: 0,
        });
        self
    }

    /// Lets every later open of `id` fail; `None` lets it succeed again.
    pub fn refuse(&self, id: &str, error: Option<OpenDeviceError>) {
        self.with_device(id, |device| device.refuse = error);
    }

    /// Pulls `id` out: it is listed no more, and its callbacks end. With `failure` its error callback says so first.
    pub fn unplug(&self, id: &str, failure: Option<DeviceFailure>) {
        if let Some(failure) = failure {
            self.fail(id, failure);
        }
        self.with_device(id, |device| device.plugged = false);
    }

    /// Plugs `id` in again.
    pub fn plug(&self, id: &str) {
        self.with_device(id, |device| device.plugged = true);
    }

    /// Makes `id` the default device of its direction.
    pub fn set_default(&self, id: &str) {
        let mut devices = self.lock();
        if let Some(at) = devices.iter().position(|device| device.info.device_id == id) {
            devices[..=at].rotate_right(1);
        }
    }

    /// Calls the callback of microphone `id` with `samples`, interleaved in its channels. False where it is not open.
    pub fn push(&self, id: &str, samples: &[f32]) -> bool {
        self.with_device(id, |device| match &mut device.running {
            Some(Running::Input(callback)) if device.plugged && !device.is_stale => {
                callback.take(samples);
                true
            }
            _ => false,
        })
        .unwrap_or(false)
    }

    /// Calls the callback of speaker `id` for `frames` sample frames and returns what it plays, interleaved in its channels;
    /// empty where it is not open.
    pub fn pull(&self, id: &str, frames: usize) -> Vec<f32> {
        self.with_device(id, |device| match &mut device.running {
            Some(Running::Output(callback)) if device.plugged && !device.is_stale => {
                let mut out = vec![0.0; frames * device.format.channels];
                callback.fill(&mut out);
                out
            }
            _ => Vec::new(),
        })
        .unwrap_or_default()
    }

    /// Lets the error callback of `id` report `failure`, as often as a broken driver does.
    pub fn fail(&self, id: &str, failure: DeviceFailure) {
        self.with_device(id, |device| {
            let health = device.running.as_ref().map(Running::health);
            (0..1_000).for_each(|_| health.into_iter().for_each(|health| health.fail(failure)));
        });
    }

    /// Lets `id` run in another format: its callbacks end, and its error callback says so. It runs in that when opened anew.
    pub fn change_format(&self, id: &str, format: DeviceFormat) {
        self.fail(id, DeviceFailure::Changed);
        self.with_device(id, |device| {
            device.format = format;
            device.is_stale = device.running.is_some();
        });
    }

    /// Lets the error callback of `id` report `times` errors that may pass, as a broken driver does.
    pub fn err(&self, id: &str, times: usize) {
        self.with_device(id, |device| {
            let health = device.running.as_ref().map(Running::health);
            (0..times).for_each(|_| health.into_iter().for_each(|health| health.count_error()));
        });
    }

    /// Whether `id` is open.
    pub fn is_open(&self, id: &str) -> bool {
        self.with_device(id, |device| device.running.is_some()).unwrap_or(false)
    }

    /// How often `id` was opened.
    pub fn times_opened(&self, id: &str) -> usize {
        self.with_device(id, |device| device.opened).unwrap_or(0)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Scripted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_device<T>(&self, id: &str, work: impl FnOnce(&mut Scripted) -> T) -> Option<T> {
        self.lock().iter_mut().find(|device| device.info.device_id == id).map(work)
    }

    fn open<Port>(
        &self,
        id: Option<&str>,
        input: bool,
        ports: impl FnOnce(DeviceFormat) -> (Running, Port),
    ) -> Result<OpenDevice<Port>, OpenDeviceError> {
        let mut devices = self.lock();
        let is_it = |device: &Scripted| id.map_or(device.is_listed(), |id| device.info.device_id == id);
        let wanted = |device: &&mut Scripted| device.plugged && device.input == input && is_it(device);
        let Some(device) = devices.iter_mut().find(wanted) else {
            return Err(not_found(id));
        };
        if let Some(error) = &device.refuse {
            return Err(error.clone());
        }
        if device.running.is_some() {
            return Err(OpenDeviceError::Busy(device.info.device_name.clone()));
        }
        let (running, port) = ports(device.format);
        device.running = Some(running);
        device.is_stale = false;
        device.opened += 1;
        let closer = Closer {
            devices: self.clone(),
            id: device.info.device_id.clone(),
        };
        Ok(OpenDevice {
            device_id: device.info.device_id.clone(),
            name: device.info.device_name.clone(),
            port,
            stream: Box::new(closer),
        })
    }
}

/// Closes a device when dropped, as a stream does.
struct Closer {
    devices: ScriptedDevices,
    id: String,
}

impl Drop for Closer {
    fn drop(&mut self) {
        self.devices.with_device(&self.id, |device| device.running = None);
    }
}

impl AudioBackend for ScriptedDevices {
    fn list(&mut self) -> Result<DeviceList, ListDevicesError> {
        let devices = self.lock();
        let of = |input| {
            devices
                .iter()
                .filter(|d| d.plugged && d.input == input && d.is_listed())
                .map(|d| d.info.clone())
                .collect()
        };
        Ok(DeviceList {
            inputs: of(true),
            outputs: of(false),
        })
    }

    fn open_input(&mut self, device_id: Option<&str>) -> Result<OpenDevice<InputPort>, OpenDeviceError> {
        self.open(device_id, true, |format| {
            let (callback, port) = input_port(format);
            (Running::Input(callback), port)
        })
    }

    fn open_output(&mut self, device_id: Option<&str>) -> Result<OpenDevice<OutputPort>, OpenDeviceError> {
        self.open(device_id, false, |format| {
            let (callback, port) = output_port(format);
            (Running::Output(callback), port)
        })
    }
}
